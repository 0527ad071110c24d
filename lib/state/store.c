#include "state/store.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "state/store_impl.h"

enum { DEFAULT_TIMEOUT_MS = 10000 };

static const struct store_ops *const back_ends[] = {&store_dir_ops, &store_mem_ops, &store_zk_ops};

/* ---- telling callers ---- */

void store_call_drop(struct store_call *call)
{
    txn_free(call->txn);
    free(call->path);
    free(call->data);
    free(call->holder);
    tree_free(call->tree);
    free(call->err);
    free(call);
}

static void wake(struct store *store)
{
    loop_timer_in(store->wakeup, 0);
}

void store_wake(struct store *store)
{
    store->turn_due = true;
    wake(store);
}

static void refuse_writes(struct store *store, const struct err *err)
{
    if (!store->failed)
        store->failed = xmemdup(err, sizeof *err);
}

static void end(struct store_call *call)
{
    struct store *store = call->store;

    call->next = NULL;
    *store->ended_tail = call;
    store->ended_tail = &call->next;
    wake(store);
}

void store_call_done(struct store_call *call)
{
    if (call->kind == CALL_LOCK) {
        call->store->locked = true;
        call->store->lost = call->lost;
        call->store->lost_ctx = call->ctx;
    }
    end(call);
}

void store_call_fail(struct store_call *call, const struct err *err)
{
    if (call->kind == CALL_TXN)
        refuse_writes(call->store, err);
    tree_free(steal_ptr(call->tree));
    call->err = xmemdup(err, sizeof *err);
    end(call);
}

void store_lock_lost(struct store *store, const struct err *why)
{
    if (!store->locked)
        return;
    store->locked = false;
    refuse_writes(store, why);
    store->lost_due = true;
    wake(store);
}

void store_watch_fire(struct store_watch *watch)
{
    watch->pending = true;
    wake(watch->store);
}

static void tell(struct store_call *call)
{
    if (call->kind == CALL_TXN)
        call->store->pending--;
    if (call->call_done)
        call->call_done(call);
    else if (call->tree_done)
        call->tree_done(call->ctx, steal_ptr(call->tree), call->err);
    else if (call->done)
        call->done(call->ctx, call->err);
}

/* Tells the callers of what has ended by now; what they cause has its turn later. */
static void tell_all(struct store *store)
{
    struct store_call *calls = store->ended;

    store->ended = NULL;
    store->ended_tail = &store->ended;
    while (calls) {
        struct store_call *call = calls;
        calls = call->next;
        if (!store->closed)
            tell(call);
        store_call_drop(call);
    }
}

/* Calls what is due; false when the store was closed meanwhile. */
static bool run_due(struct store *store)
{
    bool closed;

    store->running++;
    if (store->turn_due) {
        store->turn_due = false;
        if (store->ops->turn)
            store->ops->turn(store);
    }
    if (store->lost_due) {
        store->lost_due = false;
        if (store->lost)
            store->lost(store->lost_ctx, store->failed);
    }
    if (!store->closed)
        tell_all(store);
    /* A callback may add and remove watches: begin anew after each. */
    for (struct store_watch *w = store->watches; w;) {
        if (w->pending) {
            w->pending = false;
            w->changed(w->ctx);
            w = store->watches;
        } else {
            w = w->next;
        }
    }
    closed = store->closed;
    if (--store->running == 0 && closed)
        free(store);
    return !closed;
}

static void wakeup_fn(void *ctx)
{
    run_due(ctx);
}

bool store_wait(struct store *store, const bool *flag, int64_t timeout_ms)
{
    const int64_t end_ms = loop_now_ms() + timeout_ms;

    for (;;) {
        if (!run_due(store))
            return false;
        if (*flag)
            return true;
        int64_t left = timeout_ms < 0 ? -1 : end_ms - loop_now_ms();
        if (timeout_ms >= 0 && left <= 0)
            return false;
        if (store->turn_due || store->ended || store->lost_due)
            continue;
        loop_once(store->loop, left > 1000000 || left < 0 ? 1000000 : (int)left);
    }
}

/* ---- opening ---- */

/* The URL without `user:password@`. */
static char *public_name(const char *url)
{
    const char *authority = strstr(url, "://");
    const char *at = authority ? strchr(authority, '@') : NULL;
    const char *path = authority ? strchr(authority + 3, '/') : NULL;

    if (!at || (path && path < at))
        return xstrdup(url);
    return xasprintf("%.*s%s", (int)(authority + 3 - url), url, at + 1);
}

struct store *store_open(const char *url, const struct store_options *options, struct err *err)
{
    const struct store_ops *ops = NULL;
    struct store *store;

    if (!url)
        url = getenv("DSE_STORE");
    if (!url || !*url) {
        err_set(err, EXIT_USAGE,
                "no store given: use --store URL or set DSE_STORE, for example to "
                "dir:/var/lib/dse");
        return NULL;
    }
    const size_t scheme = strcspn(url, ":");
    for (size_t i = 0; i < ARRAY_LEN(back_ends); i++) {
        if (strlen(back_ends[i]->scheme) == scheme &&
            strncmp(url, back_ends[i]->scheme, scheme) == 0)
            ops = back_ends[i];
    }
    if (!url[scheme] || !ops) {
        auto_free char *name = public_name(url);
        err_set(err, EXIT_USAGE,
                "store '%s': unknown kind of store: use dir:PATH or "
                "zk://HOST:PORT/dcos-service-NAME",
                name);
        return NULL;
    }
    store = ops->open(url + scheme + 1, options, err);
    if (!store)
        return NULL;
    store->ops = ops;
    store->name = public_name(url);
    store->create_root = options->create_root;
    store->snapshots = options->snapshots;
    store->timeout_ms = options->timeout_ms > 0 ? options->timeout_ms : DEFAULT_TIMEOUT_MS;
    store->ended_tail = &store->ended;
    store->loop = options->loop;
    if (!store->loop) {
        store->loop = loop_new(err);
        store->own_loop = true;
    }
    if (!store->loop) {
        store_close(store);
        return NULL;
    }
    store->wakeup = loop_timer_add(store->loop, wakeup_fn, store);
    return store;
}

void store_close(struct store *store)
{
    if (!store)
        return;
    while (store->watches)
        store_watch_del(store->watches);
    store->ops->close(store);
    while (store->ended) {
        struct store_call *call = store->ended;
        store->ended = call->next;
        store_call_drop(call);
    }
    if (store->wakeup)
        loop_timer_del(store->wakeup);
    if (store->own_loop && store->loop)
        loop_free(store->loop);
    free(store->failed);
    free(store->trouble);
    free(store->name);
    store->closed = true;
    if (!store->running)
        free(store);
}

const char *store_name(const struct store *store)
{
    return store->name;
}

/* ---- asking ---- */

static struct store_call *call_new(struct store *store, enum store_call_kind kind, const char *path,
                                   void *ctx)
{
    struct store_call *call = xcalloc(1, sizeof *call);

    call->store = store;
    call->kind = kind;
    call->path = path ? xstrdup(path) : NULL;
    call->ctx = ctx;
    return call;
}

static void start(struct store_call *call)
{
    struct store *store = call->store;
    const struct store_ops *ops = store->ops;
    struct err err = ERR_INIT;

    if (call->path && tree_path_check(call->path, &err) < 0) {
        store_call_fail(call, &err);
        return;
    }
    switch (call->kind) {
    case CALL_TXN:
        store->pending++;
        if (store->failed)
            store_call_fail(call, store->failed);
        else
            ops->submit(store, call);
        break;
    case CALL_LOAD:
        ops->load(store, call);
        break;
    case CALL_LOCK:
        ops->lock(store, call);
        break;
    case CALL_LOCK_INFO:
        ops->lock_info(store, call);
        break;
    case CALL_POST:
        ops->post(store, call);
        break;
    }
}

/* Submits all pieces but the last. When one fails, so do those behind it. */
static void submit_pieces(struct store *store, struct txn *txn)
{
    struct txn *piece;

    while (store->ops->txn_limit && (piece = txn_cut(txn, store->ops->txn_limit)) != NULL) {
        struct store_call *call = call_new(store, CALL_TXN, NULL, NULL);
        call->txn = piece;
        start(call);
    }
}

void store_submit(struct store *store, struct txn *txn, store_done_fn *done, void *ctx)
{
    submit_pieces(store, txn);
    struct store_call *call = call_new(store, CALL_TXN, NULL, ctx);

    call->txn = txn;
    call->done = done;
    start(call);
}

size_t store_pending(const struct store *store)
{
    return store->pending;
}

void store_load_rest_async(struct store *store, const char *path, store_skip_fn *skip,
                           store_tree_fn *done, void *ctx)
{
    struct store_call *call = call_new(store, CALL_LOAD, path, ctx);

    call->skip = skip;
    call->tree_done = done;
    start(call);
}

void store_load_async(struct store *store, const char *path, store_tree_fn *done, void *ctx)
{
    store_load_rest_async(store, path, NULL, done, ctx);
}

bool store_call_skips(const struct store_call *call, const char *path)
{
    return call->skip && call->skip(call->ctx, path);
}

static struct store_call *lock_call(struct store *store, const struct lock_options *options,
                                    void *ctx)
{
    struct store_call *call = call_new(store, CALL_LOCK, NULL, ctx);

    call->holder = xstrdup(options->holder ? options->holder : "");
    call->wait_ms = options->wait_ms;
    return call;
}

void store_lock_async(struct store *store, const struct lock_options *options, store_done_fn *done,
                      void (*lost)(void *ctx, const struct err *why), void *ctx)
{
    struct store_call *call = lock_call(store, options, ctx);

    call->done = done;
    call->lost = lost;
    start(call);
}

/* ---- blocking ---- */

struct waiter {
    bool done, failed;
    struct tree *tree;
    struct lock_info info;
    struct err *err;
};

static void waiter_done(struct store_call *call)
{
    struct waiter *waiter = call->ctx;

    if (!waiter)
        return; /* it gave up waiting */
    waiter->done = true;
    waiter->tree = steal_ptr(call->tree);
    waiter->info = call->info;
    waiter->failed = call->err != NULL;
    if (call->err)
        *waiter->err = *call->err;
}

static int start_and_wait(struct store_call *call, struct waiter *waiter, int64_t timeout_ms,
                          struct err *err)
{
    struct store *store = call->store;

    *waiter = (struct waiter){.err = err};
    call->ctx = waiter;
    call->call_done = waiter_done;
    start(call);
    if (!store_wait(store, &waiter->done, timeout_ms)) {
        call->ctx = NULL;
        return err_set(err, EXIT_UNREACHABLE, "no answer from store '%s' within %d s%s%s",
                       store->name, (int)(timeout_ms / 1000), store->trouble ? ": " : "",
                       store->trouble ? store->trouble : "");
    }
    return waiter->failed ? -1 : 0;
}

int store_commit(struct store *store, struct txn *txn, struct err *err)
{
    struct waiter waiter;

    submit_pieces(store, txn);
    struct store_call *call = call_new(store, CALL_TXN, NULL, NULL);
    call->txn = txn;
    return start_and_wait(call, &waiter, store->timeout_ms, err);
}

int store_post(struct store *store, const char *path, const void *data, size_t len, struct err *err)
{
    struct store_call *call = call_new(store, CALL_POST, path, NULL);
    struct waiter waiter;

    call->data = xstrndup(data, len);
    call->len = len;
    return start_and_wait(call, &waiter, store->timeout_ms, err);
}

struct tree *store_load(struct store *store, const char *path, struct err *err)
{
    struct waiter waiter;

    if (start_and_wait(call_new(store, CALL_LOAD, path, NULL), &waiter, store->timeout_ms, err) < 0)
        return NULL;
    return waiter.tree;
}

int store_lock(struct store *store, const struct lock_options *options, struct err *err)
{
    struct store_call *call = lock_call(store, options, NULL);
    struct waiter waiter;

    /* The back end keeps to wait_ms itself; -1 is its own affair. */
    return start_and_wait(call, &waiter,
                          options->wait_ms < 0 ? -1 : options->wait_ms + store->timeout_ms, err);
}

int store_force(struct store *store, struct err *err)
{
    if (!store->ops->force)
        return err_set(err, EXIT_LOCKED,
                       "'%s' can only be written by the holder of its lock: stop it", store->name);
    store->ops->force(store);
    return 0;
}

int store_lock_info(struct store *store, struct lock_info *ret, struct err *err)
{
    struct waiter waiter;

    if (start_and_wait(call_new(store, CALL_LOCK_INFO, NULL, NULL), &waiter, store->timeout_ms,
                       err) < 0)
        return -1;
    *ret = waiter.info;
    return 0;
}

/* ---- watches ---- */

struct store_watch *store_watch_add(struct store *store, const char *path, void (*changed)(void *),
                                    void *ctx)
{
    struct store_watch *watch = xcalloc(1, sizeof *watch);
    struct err err = ERR_INIT;

    watch->store = store;
    watch->path = xstrdup(path);
    watch->changed = changed;
    watch->ctx = ctx;
    watch->next = store->watches;
    store->watches = watch;
    /* Without a watch the caller would wait for ever: a watch that cannot be had is a lost store.
     */
    if (store->ops->watch_add(watch, &err) < 0) {
        refuse_writes(store, &err);
        store_watch_fire(watch);
    }
    return watch;
}

void store_watch_del(struct store_watch *watch)
{
    if (!watch)
        return;
    watch->store->ops->watch_del(watch);
    for (struct store_watch **p = &watch->store->watches; *p; p = &(*p)->next) {
        if (*p == watch) {
            *p = watch->next;
            break;
        }
    }
    free(watch->path);
    free(watch);
}
