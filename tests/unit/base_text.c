#define _GNU_SOURCE
#include "base/text.h"

#include <stdlib.h>

#include "tap.h"

static void trees(void)
{
    struct buf out = BUF_INIT;
    const bool first[] = {false}, nested[] = {false, true}, deep[] = {true, false, false};

    text_tree_branch(&out, NULL, 0, true);
    CHECK_STR(buf_str(&out), "");
    text_tree_branch(&out, first, 1, true);
    CHECK_STR(buf_str(&out), "├─ ");
    buf_clear(&out);
    text_tree_branch(&out, nested, 2, true);
    CHECK_STR(buf_str(&out), "│  └─ ");
    buf_clear(&out);
    text_tree_branch(&out, deep, 3, true);
    CHECK_STR(buf_str(&out), "   │  ├─ ");
    buf_clear(&out);
    text_tree_branch(&out, deep, 3, false);
    CHECK_STR(buf_str(&out), "   |  |- ");
    buf_clear(&out);
    text_tree_branch(&out, nested, 2, false);
    CHECK_STR(buf_str(&out), "|  `- ");
    buf_free(&out);
}

static void tables(void)
{
    const char *const headings[] = {"NAME", "STATE", "WHERE"};
    const char *const rows[][3] = {
        {"hello-0", "RUNNING", "agent-1"}, {"é", NULL, "x\ny"}, {"world-12-server", "OK", ""}};
    struct text_table *table = text_table_new(3, headings);
    struct buf out = BUF_INIT;

    for (int i = 0; i < 3; i++)
        text_table_row(table, rows[i]);
    text_table_print(table, true, &out);
    CHECK_STR(buf_str(&out), "NAME             STATE    WHERE\n"
                             "hello-0          RUNNING  agent-1\n"
                             "é                         x?y\n"
                             "world-12-server  OK\n");
    buf_clear(&out);
    text_table_free(table);
    table = text_table_new(3, headings);
    text_table_print(table, false, &out);
    CHECK_STR(buf_str(&out), "");
    text_table_print(table, true, &out);
    CHECK_STR(buf_str(&out), "NAME  STATE  WHERE\n");
    buf_clear(&out);
    for (int i = 0; i < 100; i++)
        text_table_row(table, rows[0]);
    text_table_print(table, false, &out);
    CHECK_INT(out.len, 100 * strlen("hello-0  RUNNING  agent-1\n"));
    buf_free(&out);
    text_table_free(table);
    text_table_free(NULL);
}

static void cleaning(void)
{
    struct buf out = BUF_INIT;

    text_clean(&out, "a\x1b[31mb\tc\x7f\xc2\x9b"
                     "d\xc3\xa9");
    CHECK_STR(buf_str(&out), "a?[31mb?c???d\xc3\xa9");
    buf_free(&out);
}

static void copying(void)
{
    char four[4] = "xxx";

    text_copy(four, sizeof four, "abcdef");
    CHECK_STR(four, "abc");
    text_copy(four, sizeof four, "");
    CHECK_STR(four, "");
    text_copy(four, 1, "abc");
    CHECK_STR(four, "");
}

static void locales(void)
{
    unsetenv("LC_ALL");
    unsetenv("LC_CTYPE");
    unsetenv("LANG");
    CHECK(!text_utf8());
    setenv("LANG", "en_US.UTF-8", 1);
    CHECK(text_utf8());
    setenv("LC_ALL", "C", 1);
    CHECK(!text_utf8());
    setenv("LC_ALL", "", 1);
    CHECK(text_utf8());
    setenv("LC_CTYPE", "de_DE.utf8", 1);
    setenv("LANG", "C", 1);
    CHECK(text_utf8());
}

TAP_MAIN(TEST(trees), TEST(tables), TEST(cleaning), TEST(copying), TEST(locales))
