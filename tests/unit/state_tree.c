#include "state/tree.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/shared.h"
#include "tap.h"

static void null_differs_from_empty(void)
{
    auto_tree struct tree *t = tree_new();

    tree_put(t, "a/b", NULL, -1);
    tree_put(t, "a/c", "", 0);
    CHECK(tree_node_data(tree_find(t, "a/b")) == NULL);
    CHECK_INT(tree_node_len(tree_find(t, "a/b")), -1);
    CHECK_STR(tree_node_data(tree_find(t, "a/c")), "");
    CHECK_INT(tree_node_len(tree_find(t, "a")), 0);
    CHECK(!tree_find(t, "b"));
    CHECK(!tree_find(t, "a/b/c"));
    CHECK(tree_find(t, "") == tree_root(t));
}

/* Host names and agent ids become parts of paths. */
static void names_are_single_parts(void)
{
    CHECK(tree_name_is_good("10.0.1.11"));
    CHECK(!tree_name_is_good("a/b"));
    CHECK(!tree_name_is_good(""));
    CHECK(!tree_name_is_good(".."));
}

static void data_is_terminated(void)
{
    auto_tree struct tree *t = tree_new();
    const struct tree_node *n = tree_put(t, "x", "12345", 3);

    CHECK_STR(tree_node_data(n), "123");
    tree_put(t, "x", "ab", 2);
    CHECK_STR(tree_node_data(n), "ab");
    CHECK_INT(tree_bytes(t), 3);
}

static void children_are_in_byte_order(void)
{
    auto_tree struct tree *t = tree_new();
    auto_buf struct buf got = BUF_INIT;

    tree_put(t, "Tasks/dse-10-node", "", 0);
    tree_put(t, "Tasks/dse-1-node", "", 0);
    tree_put(t, "Tasks/dse-1-agent", "", 0);
    tree_put(t, "Tasks/a", "", 0);
    tree_put(t, "Tasks/\xc3\xa9", "", 0);
    const struct tree_node *tasks = tree_find(t, "Tasks");
    for (struct tree_node *c = tree_first(tasks); c; c = tree_next(c))
        buf_addf(&got, "%s ", tree_node_name(c));
    CHECK_STR(got.data, "a dse-1-agent dse-1-node dse-10-node \xc3\xa9 ");
    tree_put(t, "Tasks/b", "", 0); /* next to a node that was found, not walked to */
    CHECK_STR(tree_node_name(tree_next(tree_find(t, "Tasks/a"))), "b");
    CHECK_STR(tree_node_name(tree_next(tree_find(t, "Tasks/b"))), "dse-1-agent");
}

static void walk_is_depth_first(void)
{
    auto_tree struct tree *t = tree_new();
    auto_buf struct buf got = BUF_INIT;

    tree_put(t, "b/x/1", "", 0);
    tree_put(t, "a", "", 0);
    tree_put(t, "b/y", "", 0);
    tree_put(t, "c", "", 0);
    for (struct tree_node *n = tree_root(t); n; n = tree_walk(tree_root(t), n)) {
        tree_node_path(n, &got);
        buf_addc(&got, ' ');
    }
    CHECK_STR(got.data, " a b b/x b/x/1 b/y c ");
    buf_clear(&got);
    const struct tree_node *b = tree_find(t, "b");
    for (const struct tree_node *n = b; n; n = tree_walk(b, n)) {
        tree_node_path(n, &got);
        buf_addc(&got, ' ');
    }
    CHECK_STR(got.data, "b b/x b/x/1 b/y ");
}

static bool in_order(const struct tree_node *parent)
{
    size_t count = 0;

    for (const struct tree_node *c = tree_first(parent); c; c = tree_next(c), count++)
        if (tree_next(c) && strcmp(tree_node_name(c), tree_node_name(tree_next(c))) >= 0)
            return false;
    return count == tree_node_child_count(parent);
}

/* Against an array of flags as the model. */
static void random_changes_agree_with_a_model(void)
{
    enum { NAMES = 300, ROUNDS = 20000 };
    static bool model[NAMES];
    auto_tree struct tree *t = tree_new();
    struct idgen ids = {.seed = 20261122};
    char path[32];
    size_t bytes = 0;

    tree_put(t, "p", "", 0);
    for (int i = 0; i < ROUNDS; i++) {
        int n = (int)idgen_below(&ids, NAMES);
        if (i % 4000 == 3999) { /* all of them */
            tree_delete(t, "p");
            tree_put(t, "p", "", 0);
            memset(model, 0, sizeof model);
        }
        snprintf(path, sizeof path, "p/n%d", n);
        if (idgen_below(&ids, 2)) {
            tree_put(t, path, path, (ssize_t)strlen(path));
            model[n] = true;
        } else {
            tree_delete(t, path);
            model[n] = false;
        }
        if (i % 97 == 0)
            CHECK(in_order(tree_find(t, "p")));
    }
    const struct tree_node *p = tree_find(t, "p");
    size_t count = 0;
    const char *before = "";
    for (const struct tree_node *c = tree_first(p); c; c = tree_next(c), count++) {
        CHECK(strcmp(before, tree_node_name(c)) < 0);
        before = tree_node_name(c);
        CHECK(model[atoi(before + 1)]);
    }
    size_t want = 0;
    for (int n = 0; n < NAMES; n++) {
        snprintf(path, sizeof path, "p/n%d", n);
        want += model[n];
        CHECK(!tree_find(t, path) == !model[n]);
        if (model[n])
            bytes += strlen(path) + strlen(path) - 2;
    }
    CHECK_INT(count, want);
    CHECK_INT(tree_node_child_count(p), want);
    CHECK_INT(tree_bytes(t), bytes + 1);
    CHECK_INT(tree_count(t), want + 1);
}

static void equality_sees_every_difference(void)
{
    auto_tree struct tree *a = tree_new(), *b = tree_new();

    tree_put(a, "x/y", "1", 1);
    tree_put(b, "x/y", "1", 1);
    CHECK(tree_equal(a, b, true));
    tree_put(b, "x", NULL, -1);
    CHECK(!tree_equal(a, b, false));
    tree_put(b, "x", "", 0);
    tree_put(b, "", NULL, -1);
    CHECK(tree_equal(a, b, false));
    CHECK(!tree_equal(a, b, true));
    tree_put(b, "x/z", "", 0);
    CHECK(!tree_equal(a, b, false));
    tree_put(a, "z", "", 0);
    CHECK(!tree_equal(a, b, false));
}

static void bad_paths_are_refused(void)
{
    struct err err = ERR_INIT;
    char longest[TREE_NAME + 2];

    memset(longest, 'x', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    CHECK_INT(tree_path_check("", &err), 0);
    CHECK_INT(tree_path_check("Properties/dse-0-node:task-status", &err), 0);
    longest[TREE_NAME] = '\0';
    CHECK_INT(tree_path_check(longest, &err), 0);
    longest[TREE_NAME] = 'x';
    const char *bad[] = {"/a",    "a/",       "a//b",
                         ".",     "a/..",     "a/.data",
                         longest, "a/\xff",   "a\nb",
                         "a\x7f", "\xc0\xaf", "1/2/3/4/5/6/7/8/9/0/1/2/3/4/5/6/7/8/9/0/1/2/3/4/5"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        CHECK_INT(tree_path_check(bad[i], &err), -1);
        CHECK_INT(err.status, EXIT_INPUT);
    }
}

/* Two trees and the caller hold the same bytes, which go with the last of them. */
static void test_shared_data(void)
{
    struct tree *a = tree_new(), *b = tree_new();
    char *bytes = shared_new("12345", 5);

    const struct tree_node *x = tree_put_shared(a, "x", bytes, 5);
    const struct tree_node *y = tree_put_shared(b, "x/y", bytes, 3);
    CHECK(tree_node_data(x) == bytes && tree_node_data(y) == bytes);
    CHECK_INT(tree_bytes(b), 5);
    shared_drop(bytes);
    tree_put(a, "x", "", 0);
    CHECK_STR(tree_node_data(x), "");
    CHECK(memcmp(tree_node_data(y), "123", 3) == 0);
    tree_put_shared(a, "x", NULL, -1);
    CHECK(tree_node_data(x) == NULL);
    tree_free(b);
    tree_free(a);
}

TAP_MAIN(TEST(test_shared_data), TEST(null_differs_from_empty), TEST(data_is_terminated),
         TEST(names_are_single_parts), TEST(children_are_in_byte_order), TEST(walk_is_depth_first),
         TEST(random_changes_agree_with_a_model), TEST(equality_sees_every_difference),
         TEST(bad_paths_are_refused))
