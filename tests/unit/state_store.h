/* Random transactions for the tests of stores: a model tree and changes of it. */
#ifndef DSE_TESTS_STATE_STORE_H
#define DSE_TESTS_STATE_STORE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/io.h"
#include "state/store_impl.h"

/* A folder of its own; in memory where there is such a file system: a killed process loses nothing
 * there either. To free. */
static inline char *scratch_dir(void)
{
    const char *base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : getenv("TMPDIR");
    char *path = xasprintf("%s/dse-state-XXXXXX", base ? base : "/tmp");

    if (!mkdtemp(path)) {
        perror(path);
        exit(1);
    }
    return path;
}

static inline void scratch_remove(const char *path)
{
    struct err err = ERR_INIT;

    if (io_remove_tree(path, &err) < 0)
        printf("# %s\n", err.text);
}

static inline struct tree *tree_dup(const struct tree *from)
{
    struct tree *copy = tree_new();

    for (const struct tree_node *n = tree_root(from); n; n = tree_walk(tree_root(from), n)) {
        auto_buf struct buf path = BUF_INIT;
        tree_node_path(n, &path);
        tree_put(copy, buf_str(&path), tree_node_data(n), tree_node_len(n));
    }
    return copy;
}

static inline const struct tree_node *random_node(const struct tree *model, struct idgen *ids)
{
    size_t nth = idgen_below(ids, tree_count(model) + 1);
    const struct tree_node *n = tree_root(model);

    while (nth-- > 0)
        n = tree_walk(tree_root(model), n);
    return n;
}

/* One random operation on the model and into the transaction. */
static inline void random_op(struct tree *model, struct txn *txn, struct idgen *ids)
{
    auto_buf struct buf path = BUF_INIT;
    const struct tree_node *n = random_node(model, ids);
    const ssize_t len = (ssize_t)idgen_below(ids, 60) - 1;
    char data[64];

    memset(data, 'a' + (int)idgen_below(ids, 26), sizeof data);
    tree_node_path(n, &path);
    switch (tree_count(model) < 4 ? 0 : idgen_below(ids, 4)) {
    case 0:
    case 1:
        if (path.len > 40)
            break;
        if (path.len)
            buf_addc(&path, '/');
        buf_addf(&path, "n%d", (int)idgen_below(ids, 5));
        if (tree_find(model, path.data))
            txn_set(txn, path.data, data, len);
        else
            txn_create(txn, path.data, data, len);
        tree_put(model, path.data, data, len);
        break;
    case 2:
        if (!path.len)
            break;
        txn_set(txn, path.data, data, len);
        tree_put(model, path.data, data, len);
        break;
    default: /* down to a leaf, and it goes */
        while (tree_node_child_count(n))
            n = tree_first(n);
        buf_clear(&path);
        tree_node_path(n, &path);
        if (!path.len)
            break;
        txn_delete(txn, path.data);
        tree_delete(model, path.data);
    }
}

static inline struct txn *random_txn(struct tree *model, struct idgen *ids)
{
    struct txn *txn = txn_new();
    int count = 1 + (int)idgen_below(ids, 5);

    while (count-- > 0)
        random_op(model, txn, ids);
    return txn;
}

#endif
