#include "spec/javaregex.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "tap.h"

static void test_patterns(void)
{
    static const struct {
        const char *java, *pcre; /* NULL: refused */
    } samples[] = {
        {"a.b[1-3]|c?", "a.b[1-3]|c?"},
        {"\\u0041\\u00e9x", "\\x{0041}\\x{00e9}x"},
        {"\\p{Alpha}+[\\p{Digit}_]", "[A-Za-z]+[0-9_]"},
        {"\\p{Lu}\\x{41}\\P{L}", "\\p{Lu}\\x{41}\\P{L}"},
        {"(?<n>a)\\k<n>", "(?<n>a)\\k<n>"},
        {"a{2}b{1,}c{1,3}", "a{2}b{1,}c{1,3}"},
        {"\\Qa{\\E{2}", "\\Qa{\\E{2}"},
        {"\\Qa{", "\\Qa{"},
        {"[{]\\{}", "[{]\\{}"},
        {"a\\", "a\\"},
        {"a{1", NULL},
        {"a{,3}", NULL},
        {"a{x}", NULL},
        {"{1}", NULL},
        {"(a|{1})", NULL},
    };

    for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
        const char *problem = NULL;
        auto_free char *pcre = java_regex(samples[i].java, &problem);
        CHECK_STR(pcre, samples[i].pcre);
        CHECK_STR(problem, samples[i].pcre ? NULL : "'{' begins no repetition: write '\\{'");
    }
}

TAP_MAIN(TEST(test_patterns))
