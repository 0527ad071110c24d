/* URIs as the original takes them: RFC 2396 with Java's departures (other alphabets, empty
 * authorities before a path, scopes of IPv6 addresses). Pure. */
#ifndef DSE_SPEC_URI_H
#define DSE_SPEC_URI_H

#include <stddef.h>

/* NULL when uri, UTF-8, is one; else what is wrong, and the byte offset of it. The empty text is a
 * URI. */
const char *uri_problem(const char *uri, size_t *ret_at);

#endif
