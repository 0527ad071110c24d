#include "spec/uri.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define UNRESERVED "_-!.~'()*"
#define PATH_CHARS UNRESERVED ":@&=+$,;/"
#define ANY_CHARS UNRESERVED ";/?:@&=+$,[]"

struct parser {
    const char *problem;
    size_t at;
    const char *uri;
};

static bool fail(struct parser *p, const char *at, const char *problem)
{
    p->problem = problem;
    p->at = (size_t)(at - p->uri);
    return false;
}

/* Bytes of the character at `at` when it is of another alphabet: neither space nor control. */
static size_t other_char(const char *at)
{
    const unsigned char *c = (const unsigned char *)at;
    const size_t len = c[0] < 0xc2 ? 0 : c[0] < 0xe0 ? 2 : c[0] < 0xf0 ? 3 : 4;

    if (!len || (len == 2 && c[0] == 0xc2 && c[1] <= 0xa0))
        return 0;
    if (len == 3) {
        const uint32_t code = (c[0] & 0xfU) << 12 | (c[1] & 0x3fU) << 6 | (c[2] & 0x3fU);
        if (code == 0x1680 || (code >= 0x2000 && code <= 0x200a) || code == 0x2028 ||
            code == 0x2029 || code == 0x202f || code == 0x205f || code == 0x3000)
            return 0;
    }
    return len;
}

/* The first place in [from,to) that is no letter, digit, one of `marks`, escape or character of
 * another alphabet. */
static const char *span(const char *from, const char *to, const char *marks)
{
    while (from < to) {
        const unsigned char c = (unsigned char)*from;
        if (c < 0x80 && (isalnum(c) || strchr(marks, c))) {
            from++;
        } else if (c == '%' && to - from >= 3 && isxdigit((unsigned char)from[1]) &&
                   isxdigit((unsigned char)from[2])) {
            from += 3;
        } else if (c >= 0x80 && other_char(from)) {
            from += other_char(from);
        } else {
            break;
        }
    }
    return from;
}

static bool check(struct parser *p, const char *from, const char *to, const char *marks,
                  const char *problem)
{
    const char *end = span(from, to, marks);

    if (end == to)
        return true;
    return fail(p, end, *end == '%' ? "malformed escape" : problem);
}

static const char *find(const char *from, const char *to, const char *marks)
{
    while (from < to && !strchr(marks, *from))
        from++;
    return from;
}

/* [address], [address%scope], with port, behind user information. */
static bool check_server(struct parser *p, const char *from, const char *to)
{
    const char *at = memchr(from, '@', (size_t)(to - from));
    char address[64];

    if (at && !check(p, from, at, UNRESERVED ";:&=+$,", "illegal character in user information"))
        return false;
    const char *open = at ? at + 1 : from;
    if (*open != '[')
        return fail(p, open, "illegal character in authority");
    const char *close = find(open, to, "]"), *scope = find(open, close, "%");
    const size_t len = (size_t)(scope - open - 1);
    struct in6_addr parsed;
    if (close == to || close == open + 1)
        return fail(p, close, "missing bracket behind an IPv6 address");
    if (len >= sizeof address)
        return fail(p, open + 1, "malformed IPv6 address");
    memcpy(address, open + 1, len);
    address[len] = '\0';
    if (inet_pton(AF_INET6, address, &parsed) != 1)
        return fail(p, open + 1, "malformed IPv6 address");
    for (const char *c = scope + 1; scope < close && (c == scope + 1 || c < close); c++) {
        if (c == close || !(isalnum((unsigned char)*c) || strchr("_.", *c)))
            return fail(p, c, "malformed scope");
    }
    const char *port = close + 1;
    if (port < to && *port != ':')
        return fail(p, port, "expected a port");
    for (const char *c = port + 1; c < to; c++) {
        if (!isdigit((unsigned char)*c))
            return fail(p, c, "illegal character in port");
    }
    return to - port <= 10 ? true : fail(p, port + 1, "malformed port");
}

/* Any name, or a server with an IPv6 address in brackets. */
static bool check_authority(struct parser *p, const char *from, const char *to)
{
    const char *end = span(from, to, UNRESERVED "$,;:@&=+");

    if (end == to || (*end != '[' && *end != ']'))
        return end == to
                   ? true
                   : fail(p, end,
                          *end == '%' ? "malformed escape" : "illegal character in authority");
    return check_server(p, from, to);
}

static bool check_hierarchical(struct parser *p, const char *from, const char *to)
{
    const char *path = from;

    if (strncmp(from, "//", 2) == 0) {
        path = find(from + 2, to, "/?#");
        if (path == to && path == from + 2)
            return fail(p, path, "expected an authority");
        if (path > from + 2 && !check_authority(p, from + 2, path))
            return false;
    }
    const char *query = find(path, to, "?#"), *fragment = find(query, to, "#");
    if (!check(p, path, query, PATH_CHARS, "illegal character in path") ||
        (query < fragment &&
         !check(p, query + 1, fragment, ANY_CHARS, "illegal character in query")))
        return false;
    return fragment == to || check(p, fragment + 1, to, ANY_CHARS, "illegal character in fragment");
}

static bool check_uri(struct parser *p, const char *uri)
{
    const char *to = uri + strlen(uri), *colon = find(uri, to, ":/?#");

    if (colon == to || *colon != ':')
        return check_hierarchical(p, uri, to);
    if (colon == uri)
        return fail(p, uri, "expected a scheme");
    for (const char *c = uri; c < colon; c++) {
        if (!isalpha((unsigned char)*c) &&
            (c == uri || !(isdigit((unsigned char)*c) || strchr("+-.", *c))))
            return fail(p, c, "illegal character in scheme");
    }
    if (colon[1] == '/')
        return check_hierarchical(p, colon + 1, to);
    const char *fragment = find(colon + 1, to, "#");
    if (fragment == colon + 1)
        return fail(p, fragment, "expected something behind the scheme");
    if (!check(p, colon + 1, fragment, ANY_CHARS, "illegal character in opaque part"))
        return false;
    return fragment == to || check(p, fragment + 1, to, ANY_CHARS, "illegal character in fragment");
}

const char *uri_problem(const char *uri, size_t *ret_at)
{
    struct parser p = {.uri = uri};

    check_uri(&p, uri);
    *ret_at = p.at;
    return p.problem;
}
