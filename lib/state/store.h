/* The store: where the tree lives. One asynchronous interface over three back ends:
 *   zk://HOST:PORT[,...][/CHROOT]/dcos-service-NAME   ZooKeeper
 *   dir:PATH                                          a directory with a journal (doc/store-dir.md)
 *   mem: or mem:NAME                                  memory, for tests; NAME is shared by the
 *                                                     stores of one process
 *
 * One writer holds the lock and submits transactions; they are carried out whole, in order, each
 * with a check of the lock. Completions come in order, from the event loop, never from inside the
 * call. After one failed or the lock was lost, every later one fails too: the writer exits and
 * starts anew (crash only). Tools use the blocking calls below on a store opened without a loop. */
#ifndef DSE_STATE_STORE_H
#define DSE_STATE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/loop.h"
#include "state/tree.h"

struct store;

struct store_options {
    struct loop *loop; /* NULL: blocking use only */
    bool create_root;  /* make the root when missing (writers and `load`) */
    bool snapshots;    /* zk: look for a moment in which the writer does nothing (other back ends
                        * always read snapshots) */
    const char *auth_file; /* zk: file with user:password for digest ACLs; NULL:
                            * $DSE_STORE_AUTH_FILE */
    bool creator_only;     /* zk: ACL for the creator alone; also DSE_STORE_ACL=creator */
    int timeout_ms;        /* connecting and each blocking call; 0: 10 s */
};

/* Opens; `url` NULL means $DSE_STORE. Errors: EXIT_USAGE for a bad URL, EXIT_UNREACHABLE. */
struct store *store_open(const char *url, const struct store_options *options, struct err *err);
void store_close(struct store *store);
/* The URL without credentials, for messages. */
const char *store_name(const struct store *store);

/* ---- transactions ---- */

enum txn_op_kind { TXN_CREATE, TXN_SET, TXN_DELETE, TXN_CHECK };
struct txn_op {
    enum txn_op_kind kind;
    char *path;
    char *data; /* shared (base/shared.h); NULL with len -1: null data */
    ssize_t len;
};
/* A list of primitive operations, carried out in order and all or nothing. Creates need an existing
 * parent (an earlier operation of the same transaction counts), deletes an empty node. state.h
 * builds these from its mirror, so few others do. */
struct txn;
struct txn *txn_new(void);
void txn_free(struct txn *txn); /* NULL is allowed */
void txn_create(struct txn *txn, const char *path, const void *data, ssize_t len);
void txn_set(struct txn *txn, const char *path, const void *data, ssize_t len);
/* The same without a copy: holds the bytes (base/shared.h), NULL only with len -1. */
void txn_create_shared(struct txn *txn, const char *path, char *data, ssize_t len);
void txn_set_shared(struct txn *txn, const char *path, char *data, ssize_t len);
void txn_delete(struct txn *txn, const char *path);
void txn_check(struct txn *txn, const char *path);
size_t txn_count(const struct txn *txn);
const struct txn_op *txn_op(const struct txn *txn, size_t index);
/* As the limits count: paths, data and what an operation costs beside them on the wire. */
size_t txn_bytes(const struct txn *txn);
enum {
    TXN_LIMIT = 512 * 1024, /* what can be cut is carried out in pieces of at most so many bytes */
    TXN_MAX = 1000000,      /* what cannot be cut: the original's batches (see state-store 3.6); a
                             * server takes 1 048 575 bytes by default */
    TXN_OP_BYTES = 128,     /* header, access list, length fields, the root before the path */
};
/* What was added so far and what follows may become durable one after the other (the end of a pod):
 * in ZooKeeper one that is larger than TXN_LIMIT is carried out in pieces, cut at such borders.
 * Each prefix must be a state from which a start goes on. */
void txn_border(struct txn *txn);
/* Takes the first piece off; NULL when it fits or cannot be cut. */
struct txn *txn_cut(struct txn *txn, size_t limit);

/* err is NULL on success. */
typedef void store_done_fn(void *ctx, const struct err *err);

/* Submits; takes the txn over. An empty one completes in order like any other. */
void store_submit(struct store *store, struct txn *txn, store_done_fn *done, void *ctx);
/* Submits and waits. Without the lock it is taken for this one transaction (EXIT_LOCKED when
 * another holds it). */
int store_commit(struct store *store, struct txn *txn, struct err *err);
/* Transactions submitted but not completed. */
size_t store_pending(const struct store *store);

/* Leaves one new node without holding the lock (requests): parents are made when missing, the node
 * appears whole. Blocking. EXIT_LOCKED when it exists already. */
int store_post(struct store *store, const char *path, const void *data, size_t len,
               struct err *err);

/* ---- reading ---- */

typedef void store_tree_fn(void *ctx, struct tree *tree /* taken over */, const struct err *err);
/* Loads the subtree at path ("" for all; the children of `lock` are left out) as a consistent
 * snapshot where the back end can (dir), else node by node (zk: vanished nodes are skipped; see
 * `snapshots` above). Paths
 * in the tree start at the root, as always. What was submitted before is in it. */
void store_load_async(struct store *store, const char *path, store_tree_fn *done, void *ctx);
/* The same, without what skip says of: asked with ctx for each node below path before it is read,
 * until done is called. A skipped node is left out with all below it; it may still come when it was
 * written a moment ago. */
typedef bool store_skip_fn(void *ctx, const char *path);
void store_load_rest_async(struct store *store, const char *path, store_skip_fn *skip,
                           store_tree_fn *done, void *ctx);
/* Blocking. A missing root or path gives an empty tree. */
struct tree *store_load(struct store *store, const char *path, struct err *err);

/* ---- lock ---- */

struct lock_options {
    const char *holder; /* what to leave for `dse-state lock`: "dse-offers HOST PID" */
    int64_t wait_ms;    /* how long to wait for another holder; -1: as long as a dead holder's
                         * session can last, and a little more */
};
/* Takes the lock; done gets EXIT_LOCKED when another holds it. lost is called once when a held lock
 * is lost; by then no write can leave any more. Released by store_close(). */
void store_lock_async(struct store *store, const struct lock_options *options, store_done_fn *done,
                      void (*lost)(void *ctx, const struct err *why), void *ctx);
int store_lock(struct store *store, const struct lock_options *options, struct err *err);

struct lock_info {
    bool held;
    bool ours;        /* held by this toolkit, which serves requests */
    char holder[256]; /* free text: what the holder left, an address, ... */
};
/* For repairs by hand while the holder cannot be stopped: from now on transactions leave without
 * the lock. The holder does not notice, and may undo them or end on what it finds. EXIT_LOCKED in a
 * directory or in memory, where nobody but the holder can write. */
int store_force(struct store *store, struct err *err);
int store_lock_info(struct store *store, struct lock_info *ret, struct err *err);

/* ---- watching ---- */

struct store_watch;
/* Calls changed (soon, merged) after children of path or data of path or its children changed by
 * others' hands or our own; also once after a reconnect. path need not exist yet. */
struct store_watch *store_watch_add(struct store *store, const char *path, void (*changed)(void *),
                                    void *ctx);
void store_watch_del(struct store_watch *watch);

/* For back ends: see state/store_impl.h. */
#endif
