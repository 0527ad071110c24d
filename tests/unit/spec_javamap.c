/* The orders below are what HashMaps of a Java runtime print. */
#include "spec/javamap.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "tap.h"

static void test_string_hash(void)
{
    CHECK_INT(java_string_hash(""), 0);
    CHECK_INT(java_string_hash("a"), 97);
    CHECK_INT(java_string_hash("Aa"), java_string_hash("BB"));
    CHECK_INT((int32_t)java_string_hash("\xc3\xa9\xf0\x9f\x98\x80\xe2\x82\xac"), 61909536);
}

static void check_order(const char *words, const char *want, void (*put_in_order)(struct pairs *))
{
    auto_buf struct buf out = BUF_INIT;
    auto_free char *copy = xstrdup(words);
    struct pair items[32];
    struct pairs pairs = {items, 0};

    for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "))
        items[pairs.count++] = (struct pair){word, ""};
    put_in_order(&pairs);
    for (size_t i = 0; i < pairs.count; i++)
        buf_addf(&out, "%s%s", i ? " " : "", items[i].key);
    CHECK_STR(buf_str(&out), want);
}

static void check_pairs(const char *words, const char *want)
{
    check_order(words, want, java_order_pairs);
}

static void test_copy(void)
{
    check_order("nodes", "nodes", java_order_copy);
    check_order("a nodes", "a nodes", java_order_copy);
    check_order("shared size nodes", "size shared nodes", java_order_copy);
    check_order("shared size io name nodes", "name shared nodes size io", java_order_copy);
    check_order("shared size io name repl secure nodes", "shared nodes size io name repl secure",
                java_order_copy);
}

static void test_pairs(void)
{
    static const char words[] = "team env owner zone rack tier app a1 b2 c3 d4 e5 f6 g7 h8";

    check_pairs("x", "x");
    check_pairs(words, "owner app rack team env a1 b2 c3 d4 e5 f6 g7 h8 tier zone");
    /* Equal hashes keep their order. */
    check_pairs("b a zz Aa BB", "zz Aa BB a b");
    check_pairs("Aa BB AaAa BBBB AaBB BBAa C#C#", "Aa BB AaAa BBBB AaBB BBAa C#C#");
}

static void test_ports(void)
{
    static const uint32_t given[] = {8080, 80, 96, 81, 9042},
                          put[] = {0, 7000, 7001, 64, 16, 8081, 7199, 1, 2, 3, 4, 5, 32},
                          want[] = {96,   0,  64, 32, 1,    2,    3,    4,    5,
                                    8080, 80, 16, 81, 8081, 9042, 7000, 7001, 7199};
    auto_arena struct arena arena = ARENA_INIT;
    struct java_map map = {.arena = &arena};
    size_t order[ARRAY_LEN(want)];

    for (size_t i = 0; i < ARRAY_LEN(given); i++)
        java_map_add(&map, given[i]);
    for (size_t i = 0; i < ARRAY_LEN(put); i++)
        java_map_add(&map, put[i]);
    CHECK_INT(map.count, ARRAY_LEN(want));
    java_map_order(&map, order);
    for (size_t i = 0; i < ARRAY_LEN(want); i++)
        CHECK_INT(map.entries[order[i]].hash, want[i]);
}

TAP_MAIN(TEST(test_string_hash), TEST(test_pairs), TEST(test_copy), TEST(test_ports))
