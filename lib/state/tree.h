/* A tree of nodes in memory: path -> data, as ZooKeeper shows it below the service's root. Pure.
 * Paths are relative to the root and have no leading slash: "Tasks/dse-0-node/TaskInfo"; "" is the
 * root itself. Data may be null (len -1), which differs from empty (see state-store, conventions).
 */
#ifndef DSE_STATE_TREE_H
#define DSE_STATE_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

struct tree;
struct tree_node; /* opaque; valid until it or an ancestor is deleted */

struct tree *tree_new(void);
void tree_free(struct tree *tree);
#define auto_tree __attribute__((cleanup(tree_free_fn)))
void tree_free_fn(struct tree **tree);

/* Limits of a path, the same for every back end: bytes of a part, of the whole, parts. */
enum { TREE_NAME = 255, TREE_PATH = 2000, TREE_DEPTH = 24 };
/* Checks a path: parts are not empty, do not start with '.', are UTF-8 without control characters,
 * stay below the limits. "" is fine. EXIT_INPUT. */
int tree_path_check(const char *path, struct err *err);
/* The same for one part. */
bool tree_name_is_good(const char *name);
/* Length of the parent's path: "a/b" -> 1, "a" -> 0. */
size_t tree_path_parent(const char *path);

struct tree_node *tree_root(const struct tree *tree);
/* NULL when there is no such node. */
struct tree_node *tree_find(const struct tree *tree, const char *path);
struct tree_node *tree_child(const struct tree_node *node, const char *name);
/* The same by a part of a path, which need not be terminated. */
struct tree_node *tree_child_part(const struct tree_node *node, const char *name, size_t len);
/* Creates or replaces; missing parents are made with empty data. Copies. len -1: null data. */
struct tree_node *tree_put(struct tree *tree, const char *path, const void *data, ssize_t len);
/* The same without a copy: holds the bytes (base/shared.h), which may be NULL when len < 1. */
struct tree_node *tree_put_shared(struct tree *tree, const char *path, char *data, ssize_t len);
/* Deletes the node and all below. */
void tree_delete(struct tree *tree, const char *path);

const char *tree_node_name(const struct tree_node *node);
const void *tree_node_data(const struct tree_node *node); /* NUL-terminated behind its length */
ssize_t tree_node_len(const struct tree_node *node);
size_t tree_node_child_count(const struct tree_node *node);
/* Children in ascending byte order: for (c = tree_first(n); c; c = tree_next(c)). Deleting the
 * current child while walking is not allowed. */
struct tree_node *tree_first(const struct tree_node *node);
struct tree_node *tree_next(const struct tree_node *node);
struct tree_node *tree_parent(const struct tree_node *node);
/* The next node in depth-first order, parents before children, below `top`; NULL at the end. */
struct tree_node *tree_walk(const struct tree_node *top, const struct tree_node *node);
/* Appends the path. */
void tree_node_path(const struct tree_node *node, struct buf *out);
/* A pointer for the tree's owner; NULL in a new node. */
void *tree_node_user(const struct tree_node *node);
void tree_node_set_user(struct tree_node *node, void *user);
/* Sum of all data bytes and names; nodes, without the root. */
size_t tree_bytes(const struct tree *tree);
size_t tree_count(const struct tree *tree);
/* Same paths, same data. The roots' own data is compared only when both_roots. */
bool tree_equal(const struct tree *a, const struct tree *b, bool both_roots);

#endif
