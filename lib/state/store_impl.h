/* What a back end of the store implements. store.c holds what they share: URLs, queue of
 * completions, the rule that nothing is written after a failure, and the blocking calls. To add a
 * back end, write one file with a `struct store_ops` and name it in store.c's table.
 *
 * Every request to a back end is a `struct store_call`. The back end starts it and, once it is
 * carried out, ends it with store_call_done() or store_call_fail(): at once or later, from the loop
 * thread, transactions in the order in which they were submitted. The caller's function then runs
 * from the loop; back ends never call it. After one transaction failed, no later one may take
 * effect, also not one that is on its way already; store.c refuses those that have not started. */
#ifndef DSE_STATE_STORE_IMPL_H
#define DSE_STATE_STORE_IMPL_H

#include "state/store.h"

enum store_call_kind { CALL_TXN, CALL_LOAD, CALL_LOCK, CALL_LOCK_INFO, CALL_POST };

struct store_call {
    struct store *store;
    enum store_call_kind kind;
    struct store_call *next; /* for lists of the back end while it has it, then of store.c */
    bool sent;               /* for the back end */
    /* what is asked */
    struct txn *txn;                                /* CALL_TXN */
    char *path;                                     /* CALL_LOAD, CALL_POST */
    store_skip_fn *skip;                            /* CALL_LOAD; NULL: everything is read */
    void *data;                                     /* CALL_POST */
    size_t len;                                     /* CALL_POST */
    char *holder;                                   /* CALL_LOCK */
    int64_t wait_ms;                                /* CALL_LOCK */
    void (*lost)(void *ctx, const struct err *why); /* CALL_LOCK */
    /* the answer */
    struct tree *tree; /* CALL_LOAD */
    struct lock_info info;
    struct err *err; /* NULL: success */
    /* who asked */
    store_done_fn *done;
    store_tree_fn *tree_done;
    void (*call_done)(struct store_call *call); /* blocking calls */
    void *ctx;
};

struct store_watch {
    struct store *store;
    struct store_watch *next;
    char *path;
    void (*changed)(void *ctx);
    void *ctx;
    bool pending;   /* changed is due */
    void *back_end; /* of the back end */
};

struct store_ops {
    const char *scheme; /* "dir" */
    size_t txn_limit;   /* larger transactions are cut at their borders; 0: any size goes */
    /* `rest` is the URL behind "scheme:". Returns a store whose first member is `struct store`,
     * zeroed but for what is the back end's own. */
    struct store *(*open)(const char *rest, const struct store_options *options, struct err *err);
    /* Settles the store: lets go of the lock, gives calls that it still has to store_call_drop()
     * (their transactions may or may not have been carried out) and frees what is the back end's
     * own, but not the store itself. */
    void (*close)(struct store *store);
    void (*submit)(struct store *store, struct store_call *call);
    void (*load)(struct store *store, struct store_call *call);
    void (*lock)(struct store *store, struct store_call *call);
    void (*force)(struct store *store); /* NULL: it cannot */
    void (*lock_info)(struct store *store, struct store_call *call);
    void (*post)(struct store *store, struct store_call *call);
    /* Runs once from the loop after store_wake(). It must not close the store. May be NULL. */
    void (*turn)(struct store *store);
    int (*watch_add)(struct store_watch *watch, struct err *err);
    void (*watch_del)(struct store_watch *watch);
};

struct store {
    const struct store_ops *ops;
    struct loop *loop; /* given, or our own */
    bool own_loop;
    bool create_root, snapshots;
    int timeout_ms;
    char *name;
    char *trouble; /* why a blocking call may be waiting, or NULL; the back end's to set */
    /* of store.c */
    struct loop_timer *wakeup;
    bool turn_due, lost_due;
    struct store_call *ended, **ended_tail; /* to be told to their callers */
    size_t pending;                         /* transactions submitted, not told */
    struct err *failed;                     /* why nothing is written any more */
    struct store_watch *watches;
    int running; /* depth of run_due(): the struct outlives it */
    bool closed; /* while running */
    bool locked;
    void (*lost)(void *ctx, const struct err *why);
    void *lost_ctx;
};

/* Whether a node is left out of what a CALL_LOAD reads. */
bool store_call_skips(const struct store_call *call, const char *path);
/* Ends a call; it belongs to store.c then. A load hands its tree over in call->tree. */
void store_call_done(struct store_call *call);
void store_call_fail(struct store_call *call, const struct err *err);
/* Forgets a call, in close. */
void store_call_drop(struct store_call *call);
/* Has ops->turn called from the loop. */
void store_wake(struct store *store);
/* The lock is gone: nothing is written any more, the holder is told from the loop. */
void store_lock_lost(struct store *store, const struct err *why);
/* The watch fired. */
void store_watch_fire(struct store_watch *watch);
/* Runs the loop until *flag or for timeout_ms (-1: for ever). For blocking calls only. Returns
 * whether *flag is set. */
bool store_wait(struct store *store, const bool *flag, int64_t timeout_ms);

/* ---- carrying a transaction out ---- */

/* What is there before the transaction. */
struct txn_base {
    void *ctx;
    /* 1 there, 0 not, -1 error */
    int (*exists)(void *ctx, const char *path, struct err *err);
    /* Calls fn for each child until it returns true. 0, or -1 error. A missing node has none. */
    int (*children)(void *ctx, const char *path, bool (*fn)(void *fn_ctx, const char *name),
                    void *fn_ctx, struct err *err);
};
/* Checks that each operation can be carried out in its order. `overlay` holds what earlier
 * transactions, not yet in the base, did, and takes in this one's doing (on failure it is in
 * disorder: throw it away). EXIT_LOCKED when something is otherwise than the writer thought. */
int txn_verify(const struct txn *txn, struct tree *overlay, const struct txn_base *base,
               struct err *err);
/* Carries it out on a tree, tolerating what is done already (replaying gives the same). */
void txn_apply(const struct txn *txn, struct tree *tree);
void txn_apply_op(const struct txn_op *op, struct tree *tree);

extern const struct store_ops store_mem_ops, store_dir_ops, store_zk_ops;

#endif
