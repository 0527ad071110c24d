#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/shared.h"
#include "state/store_impl.h"

struct txn {
    struct txn_op *ops;
    size_t count, room, bytes;
    size_t *borders; /* before which operation it may be cut, ascending */
    size_t n_borders, border_room;
};

struct txn *txn_new(void)
{
    return xcalloc(1, sizeof(struct txn));
}

void txn_free(struct txn *txn)
{
    if (!txn)
        return;
    for (size_t i = 0; i < txn->count; i++) {
        free(txn->ops[i].path);
        shared_drop(txn->ops[i].data);
    }
    free(txn->ops);
    free(txn->borders);
    free(txn);
}

static size_t op_bytes(const struct txn_op *op)
{
    return TXN_OP_BYTES + strlen(op->path) + (op->len > 0 ? (size_t)op->len : 0);
}

/* Holds the data. */
static void add(struct txn *txn, enum txn_op_kind kind, const char *path, char *data, ssize_t len)
{
    if (txn->count == txn->room) {
        txn->room = txn->room ? txn->room * 2 : 4;
        txn->ops = xreallocarray(txn->ops, txn->room, sizeof *txn->ops);
    }
    txn->ops[txn->count++] = (struct txn_op){
        .kind = kind,
        .path = xstrdup(path),
        .data = len < 0 ? NULL : shared_hold(data),
        .len = len < 0 ? -1 : len,
    };
    txn->bytes += op_bytes(&txn->ops[txn->count - 1]);
}

void txn_create(struct txn *txn, const char *path, const void *data, ssize_t len)
{
    auto_shared char *copy = len < 0 ? NULL : shared_new(data, (size_t)len);

    add(txn, TXN_CREATE, path, copy, len);
}

void txn_set(struct txn *txn, const char *path, const void *data, ssize_t len)
{
    auto_shared char *copy = len < 0 ? NULL : shared_new(data, (size_t)len);

    add(txn, TXN_SET, path, copy, len);
}

void txn_create_shared(struct txn *txn, const char *path, char *data, ssize_t len)
{
    add(txn, TXN_CREATE, path, data, len);
}

void txn_set_shared(struct txn *txn, const char *path, char *data, ssize_t len)
{
    add(txn, TXN_SET, path, data, len);
}

void txn_delete(struct txn *txn, const char *path)
{
    add(txn, TXN_DELETE, path, NULL, -1);
}

void txn_check(struct txn *txn, const char *path)
{
    add(txn, TXN_CHECK, path, NULL, -1);
}

size_t txn_count(const struct txn *txn)
{
    return txn->count;
}

const struct txn_op *txn_op(const struct txn *txn, size_t index)
{
    return &txn->ops[index];
}

size_t txn_bytes(const struct txn *txn)
{
    return txn->bytes;
}

/* ---- cutting ---- */

void txn_border(struct txn *txn)
{
    if (!txn->count || (txn->n_borders && txn->borders[txn->n_borders - 1] == txn->count))
        return;
    if (txn->n_borders == txn->border_room) {
        txn->border_room = txn->border_room ? txn->border_room * 2 : 8;
        txn->borders = xreallocarray(txn->borders, txn->border_room, sizeof *txn->borders);
    }
    txn->borders[txn->n_borders++] = txn->count;
}

/* The last border up to which the limit is kept, or the first one; 0: there is none to cut at. */
static size_t find_cut(const struct txn *txn, size_t limit)
{
    size_t cut = 0, bytes = 0, at = 0;

    for (size_t i = 0; i < txn->n_borders && txn->borders[i] < txn->count; i++) {
        for (; at < txn->borders[i]; at++)
            bytes += op_bytes(&txn->ops[at]);
        if (bytes > limit && cut)
            break;
        cut = txn->borders[i];
    }
    return cut;
}

struct txn *txn_cut(struct txn *txn, size_t limit)
{
    const size_t cut = txn->bytes > limit ? find_cut(txn, limit) : 0;
    size_t kept = 0;

    if (!cut)
        return NULL;
    struct txn *head = txn_new();
    head->ops = xreallocarray(NULL, cut, sizeof *head->ops);
    memcpy(head->ops, txn->ops, cut * sizeof *head->ops);
    head->count = head->room = cut;
    for (size_t i = 0; i < cut; i++)
        head->bytes += op_bytes(&head->ops[i]);
    memmove(txn->ops, txn->ops + cut, (txn->count - cut) * sizeof *txn->ops);
    txn->count -= cut;
    txn->bytes -= head->bytes;
    for (size_t i = 0; i < txn->n_borders; i++) {
        if (txn->borders[i] > cut)
            txn->borders[kept++] = txn->borders[i] - cut;
    }
    txn->n_borders = kept;
    return head;
}

/* ---- verifying ---- */

/* A node of the overlay says what became of a path: data "+" it is there, "-" it is not, empty: the
 * base knows. */
static int is_there(struct tree *overlay, const struct txn_base *base, const char *path,
                    struct err *err)
{
    const struct tree_node *node = tree_find(overlay, path);
    const char *mark = node ? tree_node_data(node) : "";

    if (*mark)
        return *mark == '+';
    return base->exists(base->ctx, path, err);
}

struct leftover {
    const struct tree_node *above; /* of the overlay, or NULL */
    char name[TREE_NAME + 1];      /* of a child that stays; "" when none */
};

static bool stays(void *ctx, const char *name)
{
    struct leftover *left = ctx;
    const struct tree_node *node = left->above ? tree_child(left->above, name) : NULL;

    if (node && *(const char *)tree_node_data(node) == '-')
        return false;
    strncpy(left->name, name, sizeof left->name - 1);
    return true;
}

static int find_child(struct tree *overlay, const struct txn_base *base, const char *path,
                      struct leftover *left, struct err *err)
{
    *left = (struct leftover){.above = tree_find(overlay, path)};
    if (left->above) {
        for (struct tree_node *c = tree_first(left->above); c; c = tree_next(c)) {
            if (*(const char *)tree_node_data(c) == '+' && stays(left, tree_node_name(c)))
                return 0;
        }
    }
    return base->children(base->ctx, path, stays, left, err);
}

static int verify_op(const struct txn_op *op, struct tree *overlay, const struct txn_base *base,
                     struct err *err)
{
    struct leftover left;
    int there;

    if (tree_path_check(op->path, err) < 0)
        return -1;
    there = is_there(overlay, base, op->path, err);
    if (there < 0)
        return -1;
    switch (op->kind) {
    case TXN_CREATE: {
        if (there)
            return err_set(err, EXIT_LOCKED, "cannot create '%s': it exists already", op->path);
        auto_free char *parent = xstrndup(op->path, tree_path_parent(op->path));
        there = is_there(overlay, base, parent, err);
        if (there < 0)
            return -1;
        if (!there)
            return err_set(err, EXIT_LOCKED, "cannot create '%s': its parent does not exist",
                           op->path);
        tree_put(overlay, op->path, "+", 1);
        return 0;
    }
    case TXN_SET:
    case TXN_CHECK:
        if (!there)
            return err_set(err, EXIT_LOCKED, "cannot %s '%s': it does not exist",
                           op->kind == TXN_SET ? "change" : "find", op->path);
        return 0;
    case TXN_DELETE:
        if (!there || !*op->path)
            return err_set(err, EXIT_LOCKED, "cannot delete '%s': %s", op->path,
                           there ? "it is the root" : "it does not exist");
        if (find_child(overlay, base, op->path, &left, err) < 0)
            return -1;
        if (*left.name)
            return err_set(err, EXIT_LOCKED, "cannot delete '%s': it still has the child '%s'",
                           op->path, left.name);
        tree_put(overlay, op->path, "-", 1);
        return 0;
    }
    return err_set(err, EXIT_BUG, "unknown operation %d", (int)op->kind);
}

int txn_verify(const struct txn *txn, struct tree *overlay, const struct txn_base *base,
               struct err *err)
{
    for (size_t i = 0; i < txn->count; i++) {
        if (verify_op(&txn->ops[i], overlay, base, err) < 0)
            return -1;
    }
    return 0;
}

/* ---- carrying out ---- */

void txn_apply_op(const struct txn_op *op, struct tree *tree)
{
    switch (op->kind) {
    case TXN_CREATE:
    case TXN_SET:
        tree_put_shared(tree, op->path, op->data, op->len);
        break;
    case TXN_DELETE:
        tree_delete(tree, op->path);
        break;
    case TXN_CHECK:
        break;
    }
}

void txn_apply(const struct txn *txn, struct tree *tree)
{
    for (size_t i = 0; i < txn->count; i++)
        txn_apply_op(&txn->ops[i], tree);
}
