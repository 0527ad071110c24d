/* What the original's library takes for a URI, and where it sees the mistake in others. */
#include "spec/uri.h"

#include "base/alloc.h"
#include "tap.h"

static void test_uris(void)
{
    static const char *const good[] = {
        "",           "http://x/y?a=1&b=%20#f",
        "a:b",        "//x",
        "http:///x",  "/a/../b",
        "file:///a",  "#f",
        "http://h:x", "?",
        "http://@/",  "a+b.c-d:e",
        "mailto:x@y", "http://u:p@[::1]:80/p?q=[b]",
        "http://é/ü", "a/:b",
        "http://_/",  "http://[fe80::1%eth0]/",
    };
    static const struct {
        const char *uri, *problem;
        size_t at;
    } bad[] = {
        {"a b", "illegal character in path", 1},
        {"http://x/%zz", "malformed escape", 9},
        {"http://x/a[b]", "illegal character in path", 10},
        {"http://x/?a|", "illegal character in query", 11},
        {"#a#b", "illegal character in fragment", 2},
        {":x", "expected a scheme", 0},
        {"1a:b", "illegal character in scheme", 0},
        {"a_b:c", "illegal character in scheme", 1},
        {"a:", "expected something behind the scheme", 2},
        {"a:#f", "expected something behind the scheme", 2},
        {"a:b c", "illegal character in opaque part", 3},
        {"http://", "expected an authority", 7},
        {"//", "expected an authority", 2},
        {"http://a b/", "illegal character in authority", 8},
        {"http://[x]/", "malformed IPv6 address", 8},
        {"http://[::1/", "missing bracket behind an IPv6 address", 11},
        {"http://[::1]x/", "expected a port", 12},
        {"http://[::1]:8x/", "illegal character in port", 14},
        {"http://[::1%]/", "malformed scope", 12},
        {"http://x]/", "illegal character in authority", 7},
        {"\xe2\x80\xa8", "illegal character in path", 0},
        {"\xc2\xa0", "illegal character in path", 0},
        {"{x}", "illegal character in path", 0},
    };
    size_t at;

    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        CHECK_STR(uri_problem(good[i], &at), NULL);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        CHECK_STR(uri_problem(bad[i].uri, &at), bad[i].problem);
        CHECK_INT(at, bad[i].at);
    }
}

TAP_MAIN(TEST(test_uris))
