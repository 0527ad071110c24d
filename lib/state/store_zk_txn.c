/* Transactions in ZooKeeper: one multi each, many on their way at a time, strictly in order. Each
 * steps the version of our lease node, so that behind one that failed none takes effect, and none
 * does once the lock is gone. What became of one whose answer was lost is unknown: then nothing
 * more is written, and the next start looks. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/crash.h"
#include "state/store_zk.h"

/* ---- what may not be sent ---- */

static const struct txn_op *largest(const struct txn *txn)
{
    const struct txn_op *op = txn_op(txn, 0);

    for (size_t i = 1; i < txn_count(txn); i++) {
        if (txn_op(txn, i)->len > op->len)
            op = txn_op(txn, i);
    }
    return op;
}

/* A server answers what is too large by dropping the connection: find it before. */
static int check_txn(const struct txn *txn, struct err *err)
{
    for (size_t i = 0; i < txn_count(txn); i++) {
        if (tree_path_check(txn_op(txn, i)->path, err) < 0)
            return -1;
    }
    if (txn_count(txn) && txn_bytes(txn) > TXN_MAX) {
        const struct txn_op *op = largest(txn);
        return err_set(err, EXIT_INPUT,
                       "a change of %zu bytes is too large for ZooKeeper (limit: %d): its largest "
                       "node '%s' has %zd bytes",
                       txn_bytes(txn), (int)TXN_MAX, op->path, op->len);
    }
    return 0;
}

/* ---- ending ---- */

/* The first one's turn has come. */
static struct store_call *take_first(struct zk_store *zk)
{
    struct store_call *call = zk->queue;

    zk->queue = call->next;
    if (!zk->queue)
        zk->queue_tail = &zk->queue;
    return call;
}

void zk_submit_fail(struct zk_store *zk, const struct err *err)
{
    zk->refusing = true;
    while (zk->queue) {
        struct store_call *call = take_first(zk);
        store_call_fail(call, zk->store.failed ? zk->store.failed : err);
    }
    if (zk->lock.borrowed)
        zk_lock_release(zk);
}

static const char *verb_of(enum txn_op_kind kind)
{
    static const char *const verbs[] = {[TXN_CREATE] = "create",
                                        [TXN_SET] = "change",
                                        [TXN_DELETE] = "delete",
                                        [TXN_CHECK] = "find"};

    return verbs[kind];
}

/* Which operation failed, in the words that all back ends use. */
static void tell_op(struct zk_store *zk, const struct txn *txn, const struct zk_req *req,
                    struct err *err)
{
    for (size_t i = 0; i < txn_count(txn); i++) {
        const struct txn_op *op = txn_op(txn, i);
        const int rc = req->results[i + 1].err;
        if (rc == ZOK || rc == ZRUNTIMEINCONSISTENCY)
            continue;
        const char *why = rc == ZNODEEXISTS                         ? "it exists already"
                          : rc == ZNOTEMPTY                         ? "it still has a child"
                          : rc == ZNONODE && op->kind == TXN_CREATE ? "its parent does not exist"
                          : rc == ZNONODE                           ? "it does not exist"
                                                                    : NULL;
        if (why)
            err_set(err, EXIT_LOCKED, "cannot %s '%s': %s", verb_of(op->kind), op->path, why);
        else
            zk_error(zk, rc, err, verb_of(op->kind), op->path);
        return;
    }
    zk_error(zk, req->rc, err, "change", "");
}

static void lease_gone(struct zk_store *zk, struct err *err)
{
    err_set(err, EXIT_LOCKED, "the lock of '%s' is lost: our lease in it is gone or changed",
            zk->store.name);
}

static void multi_done(struct zk_store *zk, struct zk_req *req)
{
    struct store_call *call = zk->queue;
    struct err err = ERR_INIT;

    if (!call || call != req->ctx)
        return; /* it was ended when the lock was lost */
    if (req->rc == ZOK) {
        crash_point("transaction answered");
        if (zk->lock.borrowed && !call->next) {
            zk_lock_release(zk); /* who waits for it shall find the lock free */
            return;
        }
        store_call_done(take_first(zk));
        zk_submit_locked(zk, NULL);
        return;
    }
    if (zk_may_retry(req->rc)) {
        err_set(&err, EXIT_UNREACHABLE,
                "the connection to '%s' was lost in the middle of a change: whether it was carried "
                "out will be seen at the next start",
                zk->store.name);
    } else if (zk->forced && req->results[0].err == ZNONODE) {
        err_set(&err, EXIT_UNREACHABLE, "store '%s': there is no node '%s'", zk->store.name,
                zk->root);
    } else if (!zk->forced && req->results[0].err != ZOK &&
               req->results[0].err != ZRUNTIMEINCONSISTENCY) {
        lease_gone(zk, &err);
        zk_lose(zk, &err);
        return;
    } else {
        tell_op(zk, call->txn, req, &err);
    }
    zk_submit_fail(zk, &err);
}

void zk_submit_returned(struct zk_store *zk)
{
    if (zk->queue && zk->queue->sent)
        store_call_done(take_first(zk));
    if (zk->queue)
        zk_lock_borrow(zk);
}

/* ---- sending ---- */

static void send_call(struct zk_store *zk, struct store_call *call)
{
    struct zk_lock *lock = &zk->lock;

    call->sent = true;
    if (txn_count(call->txn) == 0)
        return;
    crash_point("before a transaction is sent");
    if (zk->forced)
        zk_multi(zk, call->txn, NULL, 0, multi_done, call);
    else
        zk_multi(zk, call->txn, lock->lease, lock->version++, multi_done, call);
    crash_point("transaction sent");
}

/* Empty transactions end when all before them have: at the head of the queue. */
static void end_empty(struct zk_store *zk)
{
    while (zk->queue && zk->queue->sent && txn_count(zk->queue->txn) == 0)
        store_call_done(take_first(zk));
}

void zk_submit_locked(struct zk_store *zk, const struct err *err)
{
    struct err why = ERR_INIT;

    if (err) {
        zk_submit_fail(zk, err);
        return;
    }
    for (struct store_call *call = zk->queue; call && !zk->refusing; call = call->next) {
        if (call->sent)
            continue;
        if (check_txn(call->txn, &why) < 0)
            break;
        send_call(zk, call);
    }
    end_empty(zk);
    if (zk->queue && !zk->queue->sent && check_txn(zk->queue->txn, &why) < 0)
        zk_submit_fail(zk, &why); /* its turn has come */
    if (!zk->queue && zk->lock.borrowed)
        zk_lock_release(zk);
}

void zk_force(struct store *store)
{
    ((struct zk_store *)store)->forced = true;
}

void zk_submit(struct store *store, struct store_call *call)
{
    struct zk_store *zk = (struct zk_store *)store;

    zk_start(zk);
    call->next = NULL;
    *zk->queue_tail = call;
    zk->queue_tail = &call->next;
    if (zk->forced) {
        zk_submit_locked(zk, NULL);
    } else if (zk->lock.step == LOCK_HELD) {
        if (zk_lock_alive(zk))
            zk_submit_locked(zk, NULL);
    } else if (store->locked || store->failed) {
        struct err err = ERR_INIT;
        lease_gone(zk, &err);
        zk_submit_fail(zk, &err);
    } else {
        zk_lock_borrow(zk);
    }
}
