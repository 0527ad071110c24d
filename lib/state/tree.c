#include "state/tree.h"

#include <assert.h>
#include <ctype.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/shared.h"
#include "base/text.h"

/* The children of a node: a list, and a table by name once there are many. A child is put in at
 * constant cost in whatever order they come; the list is brought into the order of names when
 * somebody walks it. */
struct children {
    struct tree_node *first, *last;
    struct tree_node **slots; /* open addressing with linear probing; NULL: they are few */
    size_t room, count;
    bool disordered;
};
enum { MANY_CHILDREN = 16 };

struct tree_node {
    struct tree_node *parent;          /* NULL: the root */
    struct children *children;         /* NULL: none */
    struct tree_node *next, *previous; /* siblings */
    char *data;                        /* shared; NULL when len < 1 */
    void *user;
    uint32_t hash; /* of the name */
    int32_t len;
    char name[];
};

struct tree {
    struct tree_node *root;
    size_t bytes, count;
};

/* What is wrong with a part of a path, or NULL. ZooKeeper refuses control characters, and JSON
 * knows only UTF-8. */
static const char *fault_of_name(const char *name, size_t len)
{
    if (len == 0)
        return "has an empty part";
    if (*name == '.')
        return "has a part that starts with '.'";
    if (len > TREE_NAME)
        return "has a part of more than 255 bytes";
    for (size_t i = 0, n; i < len; i += n) {
        n = text_utf8_sequence((const unsigned char *)name + i, len - i);
        if (!n)
            return "has a part that is not UTF-8";
        if (n == 1 && iscntrl((unsigned char)name[i]))
            return "has a control character";
    }
    return NULL;
}
static_assert(TREE_NAME == 255, "the text above");

bool tree_name_is_good(const char *name)
{
    return !strchr(name, '/') && !fault_of_name(name, strlen(name));
}

int tree_path_check(const char *path, struct err *err)
{
    const char *p = path;

    if (!*path)
        return 0;
    if (strlen(path) > TREE_PATH)
        return err_set(err, EXIT_INPUT, "path '%.60s...' is longer than %d bytes", path, TREE_PATH);
    for (int depth = 1;; depth++) {
        size_t len = strcspn(p, "/");
        const char *fault = fault_of_name(p, len);
        if (fault)
            return err_set(err, EXIT_INPUT, "path '%.60s%s' %s", path,
                           strlen(path) > 60 ? "..." : "", fault);
        if (depth > TREE_DEPTH)
            return err_set(err, EXIT_INPUT, "path '%.60s...' has more than %d parts", path,
                           TREE_DEPTH);
        if (!p[len])
            return 0;
        p += len + 1;
    }
}

size_t tree_path_parent(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? (size_t)(slash - path) : 0;
}

/* ---- the table of many children ---- */

static uint32_t hash_of(const char *name, size_t len)
{
    uint64_t h = 0xcbf29ce484222325;

    for (size_t i = 0; i < len; i++)
        h = (h ^ (unsigned char)name[i]) * 0x100000001b3;
    h ^= h >> 32;
    h *= 0x9e3779b97f4a7c15;
    return (uint32_t)(h >> 32);
}

static bool is_named(const struct tree_node *node, const char *part, size_t len)
{
    return strncmp(part, node->name, len) == 0 && !node->name[len];
}

static void table_put(struct children *c, struct tree_node *node)
{
    size_t at = node->hash & (c->room - 1);

    while (c->slots[at])
        at = (at + 1) & (c->room - 1);
    c->slots[at] = node;
}

/* Makes the table of all children anew, with room for twice as many. */
static void table_make(struct children *c)
{
    free(c->slots);
    c->room = c->room ? c->room * 2 : (size_t)4 * MANY_CHILDREN;
    c->slots = xcalloc(c->room, sizeof *c->slots);
    for (struct tree_node *n = c->first; n; n = n->next)
        table_put(c, n);
}

/* Moves up those behind it that no longer reach their place. */
static void table_remove(struct children *c, const struct tree_node *node)
{
    const size_t mask = c->room - 1;
    size_t hole = node->hash & mask;

    while (c->slots[hole] != node)
        hole = (hole + 1) & mask;
    for (size_t i = (hole + 1) & mask; c->slots[i]; i = (i + 1) & mask) {
        if (((i - c->slots[i]->hash) & mask) >= ((i - hole) & mask)) {
            c->slots[hole] = c->slots[i];
            hole = i;
        }
    }
    c->slots[hole] = NULL;
}

static struct tree_node *table_find(const struct children *c, const char *part, size_t len)
{
    const uint32_t hash = hash_of(part, len);
    size_t at = hash & (c->room - 1);

    for (struct tree_node *n; (n = c->slots[at]); at = (at + 1) & (c->room - 1))
        if (n->hash == hash && is_named(n, part, len))
            return n;
    return NULL;
}

/* ---- children ---- */

static struct tree_node *child_of(const struct tree_node *node, const char *part, size_t len)
{
    const struct children *c = node->children;

    if (!c)
        return NULL;
    if (c->slots)
        return table_find(c, part, len);
    for (struct tree_node *n = c->first; n; n = n->next)
        if (is_named(n, part, len))
            return n;
    return NULL;
}

static void link_child(struct tree_node *parent, struct tree_node *node)
{
    if (!parent->children)
        parent->children = xcalloc(1, sizeof *parent->children);
    struct children *c = parent->children;
    node->parent = parent;
    node->previous = c->last;
    if (c->last) {
        c->last->next = node;
        c->disordered |= strcmp(c->last->name, node->name) > 0;
    } else {
        c->first = node;
    }
    c->last = node;
    c->count++;
    if (c->slots ? c->count * 2 > c->room : c->count == MANY_CHILDREN)
        table_make(c);
    else if (c->slots)
        table_put(c, node);
}

static void children_free(struct tree_node *parent)
{
    free(parent->children->slots);
    free(parent->children);
    parent->children = NULL;
}

static void unlink_child(struct tree_node *node)
{
    struct children *c = node->parent->children;

    *(node->previous ? &node->previous->next : &c->first) = node->next;
    *(node->next ? &node->next->previous : &c->last) = node->previous;
    node->next = node->previous = NULL;
    c->count--;
    if (c->slots)
        table_remove(c, node);
    if (c->count == 0)
        children_free(node->parent);
}

/* Takes the longest beginning of the list that is in order off it. */
static struct tree_node *take_run(struct tree_node **list)
{
    struct tree_node *run = *list, *end = run;

    while (end->next && strcmp(end->name, end->next->name) < 0)
        end = end->next;
    *list = end->next;
    end->next = NULL;
    return run;
}

static struct tree_node *merge(struct tree_node *a, struct tree_node *b)
{
    struct tree_node *merged, **end = &merged;

    while (a && b) {
        struct tree_node **less = strcmp(a->name, b->name) < 0 ? &a : &b;
        *end = *less;
        end = &(*less)->next;
        *less = *end;
    }
    *end = a ? a : b;
    return merged;
}

/* Merge sort by runs: what was in order before costs one comparison each. levels[i] is made of 2^i
 * runs. */
static void put_in_order(struct children *c)
{
    struct tree_node *levels[64] = {NULL}, *rest = c->first, *all = NULL;

    while (rest) {
        struct tree_node *run = take_run(&rest);
        size_t i = 0;
        for (; levels[i]; i++) {
            run = merge(levels[i], run);
            levels[i] = NULL;
        }
        levels[i] = run;
    }
    for (size_t i = 0; i < ARRAY_LEN(levels); i++)
        all = merge(levels[i], all);
    c->first = all;
    c->last = NULL;
    for (struct tree_node *n = all; n; n = n->next) {
        n->previous = c->last;
        c->last = n;
    }
    c->disordered = false;
}

/* ---- nodes ---- */

static struct tree_node *node_new(struct tree *tree, struct tree_node *parent, const char *name,
                                  size_t len)
{
    struct tree_node *node = xcalloc(1, offsetof(struct tree_node, name) + len + 1);

    if (len)
        memcpy(node->name, name, len);
    node->hash = hash_of(name, len);
    if (parent) {
        link_child(parent, node);
        tree->bytes += len;
        tree->count++;
    }
    return node;
}

/* Frees a node taken out of the tree and all below, without recursion: `parent` links the list of
 * those still to be freed. */
static void free_nodes(struct tree *tree, struct tree_node *node)
{
    struct tree_node *todo = node;

    node->parent = NULL;
    while (todo) {
        struct tree_node *n = todo;
        todo = n->parent;
        for (struct tree_node *c = n->children ? n->children->first : NULL; c; c = c->next) {
            c->parent = todo;
            todo = c;
        }
        if (n->children)
            children_free(n);
        tree->bytes -= strlen(n->name) + (size_t)(n->len > 0 ? n->len : 0);
        tree->count--;
        shared_drop(n->data);
        free(n);
    }
}

/* Holds the data. */
static void set_data(struct tree *tree, struct tree_node *node, char *data, ssize_t len)
{
    if (len > INT32_MAX)
        abort(); /* far above any limit of a back end */
    char *held = len > 0 ? shared_hold(data) : NULL;
    tree->bytes -= (size_t)(node->len > 0 ? node->len : 0);
    shared_drop(node->data);
    node->data = held;
    node->len = len < 0 ? -1 : (int32_t)len;
    tree->bytes += (size_t)(len > 0 ? len : 0);
}

struct tree *tree_new(void)
{
    struct tree *tree = xcalloc(1, sizeof *tree);

    tree->root = node_new(tree, NULL, "", 0);
    return tree;
}

void tree_free(struct tree *tree)
{
    if (!tree)
        return;
    free_nodes(tree, tree->root);
    free(tree);
}

void tree_free_fn(struct tree **tree)
{
    tree_free(*tree);
}

struct tree_node *tree_root(const struct tree *tree)
{
    return tree->root;
}

struct tree_node *tree_find(const struct tree *tree, const char *path)
{
    struct tree_node *node = tree->root;

    while (*path && node) {
        size_t len = strcspn(path, "/");
        node = child_of(node, path, len);
        path += len + (path[len] == '/');
    }
    return node;
}

struct tree_node *tree_child(const struct tree_node *node, const char *name)
{
    return child_of(node, name, strlen(name));
}

struct tree_node *tree_child_part(const struct tree_node *node, const char *name, size_t len)
{
    return child_of(node, name, len);
}

struct tree_node *tree_put(struct tree *tree, const char *path, const void *data, ssize_t len)
{
    auto_shared char *copy = len > 0 ? shared_new(data, (size_t)len) : NULL;

    return tree_put_shared(tree, path, copy, len);
}

struct tree_node *tree_put_shared(struct tree *tree, const char *path, char *data, ssize_t len)
{
    struct tree_node *node = tree->root;

    while (*path) {
        size_t part = strcspn(path, "/");
        struct tree_node *child = child_of(node, path, part);
        node = child ? child : node_new(tree, node, path, part);
        path += part + (path[part] == '/');
    }
    set_data(tree, node, data, len);
    return node;
}

void tree_delete(struct tree *tree, const char *path)
{
    struct tree_node *node = tree_find(tree, path);

    if (!node)
        return;
    if (!node->parent) { /* the root stays */
        while (node->children) {
            struct tree_node *child = node->children->first;
            unlink_child(child);
            free_nodes(tree, child);
        }
        return;
    }
    unlink_child(node);
    free_nodes(tree, node);
}

const char *tree_node_name(const struct tree_node *node)
{
    return node->name;
}

const void *tree_node_data(const struct tree_node *node)
{
    return node->len < 0 ? NULL : node->data ? node->data : "";
}

ssize_t tree_node_len(const struct tree_node *node)
{
    return node->len;
}

size_t tree_node_child_count(const struct tree_node *node)
{
    return node->children ? node->children->count : 0;
}

struct tree_node *tree_parent(const struct tree_node *node)
{
    return node->parent;
}

void *tree_node_user(const struct tree_node *node)
{
    return node->user;
}

void tree_node_set_user(struct tree_node *node, void *user)
{
    node->user = user;
}

/* ---- order ---- */

static const struct children *in_order(struct children *c)
{
    if (c && c->disordered)
        put_in_order(c);
    return c;
}

struct tree_node *tree_first(const struct tree_node *node)
{
    const struct children *c = in_order(node->children);

    return c ? c->first : NULL;
}

struct tree_node *tree_next(const struct tree_node *node)
{
    if (node->parent)
        in_order(node->parent->children);
    return node->next;
}

struct tree_node *tree_walk(const struct tree_node *top, const struct tree_node *node)
{
    struct tree_node *next = tree_first(node);

    while (!next && node != top) {
        next = tree_next(node);
        node = node->parent;
    }
    return next;
}

void tree_node_path(const struct tree_node *node, struct buf *out)
{
    const struct tree_node *chain[64];
    size_t depth = 0;

    for (; node->parent && depth < ARRAY_LEN(chain); node = node->parent)
        chain[depth++] = node;
    while (depth-- > 0) {
        buf_adds(out, chain[depth]->name);
        if (depth)
            buf_addc(out, '/');
    }
}

size_t tree_bytes(const struct tree *tree)
{
    return tree->bytes;
}

size_t tree_count(const struct tree *tree)
{
    return tree->count;
}

static bool same_data(const struct tree_node *a, const struct tree_node *b)
{
    return a->len == b->len && (a->len < 1 || memcmp(a->data, b->data, (size_t)a->len) == 0);
}

bool tree_equal(const struct tree *a, const struct tree *b, bool both_roots)
{
    const struct tree_node *x = a->root, *y = b->root;

    if (a->count != b->count || (both_roots && !same_data(x, y)))
        return false;
    for (;;) {
        if (tree_node_child_count(x) != tree_node_child_count(y))
            return false;
        x = tree_walk(a->root, x);
        y = tree_walk(b->root, y);
        if (!x || !y)
            return !x && !y;
        if (strcmp(x->name, y->name) != 0 || !same_data(x, y))
            return false;
    }
}
