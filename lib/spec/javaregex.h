/* Regular expressions as the original writes them (Java's) to those of PCRE2. Most are the same;
 * what differs and is of use is translated: `\u0041`, `\p{Alpha}` and its like, a `{` that is no
 * repetition is refused. What else only Java knows (intersections of classes, `\p{javaUpperCase}`,
 * lookbehind of any length) stays for PCRE2 to refuse. Pure. */
#ifndef DSE_SPEC_JAVAREGEX_H
#define DSE_SPEC_JAVAREGEX_H

#include <stddef.h>

/* The pattern for PCRE2: new, released with free(). NULL when Java would refuse it for its braces;
 * then *ret_problem says what is wrong. */
char *java_regex(const char *pattern, const char **ret_problem);

#endif
