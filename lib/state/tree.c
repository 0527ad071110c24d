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

/* The children of a node form a treap: a search tree by name and a heap by a hash of the name. So
 * they are found and inserted at logarithmic cost, in any order of insertion, with nothing to grow.
 * A list beside it makes the walk in order cheap: with many thousands of siblings each step down a
 * treap is a miss of the cache. */
struct tree_node {
    struct tree_node *parent;       /* NULL: the root */
    struct tree_node *children;     /* top of their treap */
    struct tree_node *left, *right; /* among the siblings */
    struct tree_node *next;         /* sibling in the order of names */
    char *data;                     /* shared; NULL when len < 1 */
    void *user;
    uint32_t priority;
    uint32_t child_count;
    int32_t len;
    bool indexed; /* its children are in the index */
    char name[];
};

/* Children of the nodes that have many, by parent and name: a table, open addressing with linear
 * probing. A way down their treap is a dozen misses of the cache. */
struct index {
    struct tree_node **slots;
    size_t room, count;
};
enum { MANY_CHILDREN = 64 };

struct tree {
    struct tree_node *root;
    size_t bytes, count;
    struct index index;
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
    return !fault_of_name(name, strlen(name));
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

/* ---- the treap ---- */

/* Compares a part of a path with a name, as strcmp() would. */
static int compare(const char *part, size_t len, const char *name)
{
    int order = strncmp(part, name, len);

    return order ? order : name[len] ? -1 : 0;
}

static uint32_t priority_of(const char *name, size_t len)
{
    uint64_t h = 0xcbf29ce484222325;

    for (size_t i = 0; i < len; i++)
        h = (h ^ (unsigned char)name[i]) * 0x100000001b3;
    h ^= h >> 32;
    h *= 0x9e3779b97f4a7c15;
    return (uint32_t)(h >> 32);
}

static struct tree_node *child_in_treap(const struct tree_node *node, const char *part, size_t len)
{
    struct tree_node *c = node->children;

    while (c) {
        int order = compare(part, len, c->name);
        if (order == 0)
            return c;
        c = order < 0 ? c->left : c->right;
    }
    return NULL;
}

/* ---- the index ---- */

static size_t home_of(const struct index *index, const struct tree_node *parent, uint32_t name_hash)
{
    const uint64_t hash = ((uint64_t)(uintptr_t)parent ^ name_hash) * 0x9e3779b97f4a7c15;

    return (size_t)(hash >> 32) & (index->room - 1);
}

static void index_put(struct index *index, struct tree_node *node)
{
    size_t at = home_of(index, node->parent, node->priority);

    while (index->slots[at])
        at = (at + 1) & (index->room - 1);
    index->slots[at] = node;
}

static void index_add(struct index *index, struct tree_node *node)
{
    if (index->count * 2 >= index->room) {
        const struct index old = *index;
        index->room = old.room ? old.room * 2 : (size_t)4 * MANY_CHILDREN;
        index->slots = xcalloc(index->room, sizeof *index->slots);
        for (size_t i = 0; i < old.room; i++)
            if (old.slots[i])
                index_put(index, old.slots[i]);
        free(old.slots);
    }
    index_put(index, node);
    index->count++;
}

/* Moves up those behind it that no longer reach their place. */
static void index_remove(struct index *index, const struct tree_node *node)
{
    const size_t mask = index->room - 1;
    size_t hole = home_of(index, node->parent, node->priority);

    while (index->slots[hole] != node)
        hole = (hole + 1) & mask;
    for (size_t i = (hole + 1) & mask; index->slots[i]; i = (i + 1) & mask) {
        const struct tree_node *n = index->slots[i];
        if (((i - home_of(index, n->parent, n->priority)) & mask) >= ((i - hole) & mask)) {
            index->slots[hole] = index->slots[i];
            hole = i;
        }
    }
    index->slots[hole] = NULL;
    index->count--;
}

static struct tree_node *index_find(const struct index *index, const struct tree_node *parent,
                                    const char *part, size_t len)
{
    const uint32_t name_hash = priority_of(part, len);
    size_t at = home_of(index, parent, name_hash);

    for (struct tree_node *n; (n = index->slots[at]); at = (at + 1) & (index->room - 1))
        if (n->priority == name_hash && n->parent == parent && compare(part, len, n->name) == 0)
            return n;
    return NULL;
}

static void index_children(struct tree *tree, struct tree_node *parent, bool indexed)
{
    for (struct tree_node *n = tree_first(parent); n; n = n->next) {
        if (indexed)
            index_add(&tree->index, n);
        else
            index_remove(&tree->index, n);
    }
    parent->indexed = indexed;
}

static struct tree_node *child_of(const struct tree *tree, const struct tree_node *node,
                                  const char *part, size_t len)
{
    return node->indexed ? index_find(&tree->index, node, part, len)
                         : child_in_treap(node, part, len);
}

/* ---- order and place among the siblings ---- */

static void insert_child(struct tree_node *parent, struct tree_node *node)
{
    struct tree_node **p = &parent->children, *before = NULL, *after = NULL;

    while (*p && (*p)->priority >= node->priority) {
        if (strcmp(node->name, (*p)->name) < 0) {
            after = *p;
            p = &after->left;
        } else {
            before = *p;
            p = &before->right;
        }
    }
    /* Split what hangs here by the name: the halves become the new node's subtrees. */
    struct tree_node *rest = *p, **less = &node->left, **more = &node->right;
    *p = node;
    while (rest) {
        if (strcmp(rest->name, node->name) < 0) {
            before = *less = rest;
            less = &rest->right;
            rest = *less;
        } else {
            after = *more = rest;
            more = &rest->left;
            rest = *more;
        }
    }
    *less = *more = NULL;
    node->next = after;
    if (before)
        before->next = node;
    parent->child_count++;
}

static void unlink_child(struct tree *tree, struct tree_node *node)
{
    struct tree_node **p = &node->parent->children, *before = NULL;

    while (*p != node) {
        if (strcmp(node->name, (*p)->name) < 0) {
            p = &(*p)->left;
        } else {
            before = *p;
            p = &before->right;
        }
    }
    struct tree_node *a = node->left, *b = node->right;
    for (struct tree_node *n = a; n; n = n->right)
        before = n;
    if (before)
        before->next = node->next;
    while (a && b) {
        if (a->priority >= b->priority) {
            *p = a;
            p = &a->right;
            a = *p;
        } else {
            *p = b;
            p = &b->left;
            b = *p;
        }
    }
    *p = a ? a : b;
    node->left = node->right = node->next = NULL;
    node->parent->child_count--;
    if (node->parent->indexed)
        index_remove(&tree->index, node);
}

/* ---- nodes ---- */

static struct tree_node *node_new(struct tree *tree, struct tree_node *parent, const char *name,
                                  size_t len)
{
    struct tree_node *node = xcalloc(1, offsetof(struct tree_node, name) + len + 1);

    if (len)
        memcpy(node->name, name, len);
    node->parent = parent;
    node->priority = priority_of(name, len);
    if (parent) {
        insert_child(parent, node);
        if (parent->indexed)
            index_add(&tree->index, node);
        else if (parent->child_count == MANY_CHILDREN)
            index_children(tree, parent, true);
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
        struct tree_node *n = todo, *more[] = {n->left, n->right, n->children};
        todo = n->parent;
        if (n->indexed && tree->index.slots)
            index_children(tree, n, false);
        for (size_t i = 0; i < ARRAY_LEN(more); i++) {
            if (more[i]) {
                more[i]->parent = todo;
                todo = more[i];
            }
        }
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
    free(tree->index.slots);
    tree->index = (struct index){NULL, 0, 0};
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
        node = child_of(tree, node, path, len);
        path += len + (path[len] == '/');
    }
    return node;
}

struct tree_node *tree_child(const struct tree_node *node, const char *name)
{
    return child_in_treap(node, name, strlen(name));
}

struct tree_node *tree_child_among_many(const struct tree *tree, const struct tree_node *node,
                                        const char *name, size_t len)
{
    return child_of(tree, node, name, len);
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
        struct tree_node *child = child_of(tree, node, path, part);
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
            struct tree_node *child = node->children;
            unlink_child(tree, child);
            free_nodes(tree, child);
        }
        return;
    }
    unlink_child(tree, node);
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
    return node->child_count;
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

struct tree_node *tree_first_from(const struct tree_node *node, const char *name)
{
    struct tree_node *c = node->children, *best = NULL;

    while (c) {
        if (strcmp(c->name, name) >= 0) {
            best = c;
            c = c->left;
        } else {
            c = c->right;
        }
    }
    return best;
}

struct tree_node *tree_first(const struct tree_node *node)
{
    return tree_first_from(node, "");
}

struct tree_node *tree_next(const struct tree_node *node)
{
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
        if (x->child_count != y->child_count)
            return false;
        x = tree_walk(a->root, x);
        y = tree_walk(b->root, y);
        if (!x || !y)
            return !x && !y;
        if (strcmp(x->name, y->name) != 0 || !same_data(x, y))
            return false;
    }
}
