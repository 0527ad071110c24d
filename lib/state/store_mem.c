/* The store in memory, for tests: carried out at once, told from the loop. Stores opened with the
 * same name in one process share the tree, so that a test can have a writer and a tool. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "state/store_impl.h"

struct shared {
    struct shared *next;
    char *name; /* "" is not shared */
    size_t users;
    struct tree *tree;
    struct mem *holder;
    char holder_text[256];
    struct mem *members;
};

struct mem {
    struct store store;
    struct shared *shared;
    struct mem *next;           /* member */
    struct store_call *waiting; /* for the lock */
    struct loop_timer *lock_timer;
};

static struct shared *all;

static struct store *mem_open(const char *rest, const struct store_options *options,
                              struct err *err)
{
    struct shared *shared = all;

    (void)options;
    (void)err;
    while (shared && (!*rest || strcmp(shared->name, rest) != 0))
        shared = shared->next;
    if (!shared) {
        shared = xcalloc(1, sizeof *shared);
        shared->name = xstrdup(rest);
        shared->tree = tree_new();
        shared->next = all;
        all = shared;
    }
    struct mem *mem = xcalloc(1, sizeof *mem);
    mem->shared = shared;
    mem->next = shared->members;
    shared->members = mem;
    shared->users++;
    return &mem->store;
}

static void mem_close(struct store *store)
{
    struct mem *mem = (struct mem *)store;
    struct shared *shared = mem->shared;

    if (mem->waiting)
        store_call_drop(mem->waiting);
    if (mem->lock_timer)
        loop_timer_del(mem->lock_timer);
    if (shared->holder == mem)
        shared->holder = NULL;
    for (struct mem **p = &shared->members; *p; p = &(*p)->next) {
        if (*p == mem) {
            *p = mem->next;
            break;
        }
    }
    if (--shared->users > 0)
        return;
    for (struct shared **p = &all; *p; p = &(*p)->next) {
        if (*p == shared) {
            *p = shared->next;
            break;
        }
    }
    tree_free(shared->tree);
    free(shared->name);
    free(shared);
}

/* ---- transactions ---- */

static int base_exists(void *ctx, const char *path, struct err *err)
{
    (void)err;
    return tree_find(ctx, path) != NULL;
}

static int base_children(void *ctx, const char *path, bool (*fn)(void *fn_ctx, const char *name),
                         void *fn_ctx, struct err *err)
{
    const struct tree_node *node = tree_find(ctx, path);

    (void)err;
    for (struct tree_node *c = node ? tree_first(node) : NULL; c; c = tree_next(c)) {
        if (fn(fn_ctx, tree_node_name(c)))
            break;
    }
    return 0;
}

/* Whether a change at `changed` is one of a watched node or its children. */
static bool concerns(const char *watched, const char *changed)
{
    size_t parent = tree_path_parent(changed);

    return strcmp(watched, changed) == 0 ||
           (strlen(watched) == parent && strncmp(watched, changed, parent) == 0);
}

static void announce(struct shared *shared, const char *path)
{
    for (struct mem *m = shared->members; m; m = m->next) {
        for (struct store_watch *w = m->store.watches; w; w = w->next) {
            if (concerns(w->path, path))
                store_watch_fire(w);
        }
    }
}

static void mem_submit(struct store *store, struct store_call *call)
{
    struct mem *mem = (struct mem *)store;
    struct shared *shared = mem->shared;
    struct txn_base base = {shared->tree, base_exists, base_children};
    auto_tree struct tree *overlay = tree_new();
    struct err err = ERR_INIT;

    if (shared->holder && shared->holder != mem) {
        err_set(&err, EXIT_LOCKED, "the lock of '%s' is held by '%s'", store->name,
                shared->holder_text);
        store_call_fail(call, &err);
        return;
    }
    if (txn_verify(call->txn, overlay, &base, &err) < 0) {
        store_call_fail(call, &err);
        return;
    }
    txn_apply(call->txn, shared->tree);
    for (size_t i = 0; i < txn_count(call->txn); i++) {
        if (txn_op(call->txn, i)->kind != TXN_CHECK)
            announce(shared, txn_op(call->txn, i)->path);
    }
    store_call_done(call);
}

static void mem_post(struct store *store, struct store_call *call)
{
    struct shared *shared = ((struct mem *)store)->shared;
    struct err err = ERR_INIT;

    if (tree_find(shared->tree, call->path)) {
        err_set(&err, EXIT_LOCKED, "cannot create '%s': it exists already", call->path);
        store_call_fail(call, &err);
        return;
    }
    tree_put(shared->tree, call->path, call->data, (ssize_t)call->len);
    announce(shared, call->path);
    store_call_done(call);
}

/* ---- reading ---- */

/* The next node of the walk that is not below this one. */
static const struct tree_node *behind(const struct tree_node *top, const struct tree_node *node)
{
    while (node != top && !tree_next(node))
        node = tree_parent(node);
    return node == top ? NULL : tree_next(node);
}

static void mem_load(struct store *store, struct store_call *call)
{
    struct shared *shared = ((struct mem *)store)->shared;
    const struct tree_node *top = tree_find(shared->tree, call->path);
    auto_buf struct buf path = BUF_INIT;

    call->tree = tree_new();
    for (const struct tree_node *n = top; n;) {
        buf_clear(&path);
        tree_node_path(n, &path);
        if (n != top && store_call_skips(call, buf_str(&path))) {
            n = behind(top, n);
            continue;
        }
        if (strncmp(buf_str(&path), "lock/", 5) != 0)
            tree_put(call->tree, buf_str(&path), tree_node_data(n), tree_node_len(n));
        n = tree_walk(top, n);
    }
    store_call_done(call);
}

/* ---- lock ---- */

static void try_lock(struct mem *mem, struct store_call *call)
{
    struct shared *shared = mem->shared;
    struct err err = ERR_INIT;

    if (!shared->holder || shared->holder == mem) {
        shared->holder = mem;
        strncpy(shared->holder_text, call->holder, sizeof shared->holder_text - 1);
        store_call_done(call);
        return;
    }
    if (call->wait_ms <= 0) {
        err_set(&err, EXIT_LOCKED, "the lock of '%s' is held by '%s'", mem->store.name,
                shared->holder_text);
        store_call_fail(call, &err);
        return;
    }
    int64_t step = call->wait_ms < 20 ? call->wait_ms : 20;
    call->wait_ms -= step;
    mem->waiting = call;
    loop_timer_in(mem->lock_timer, step);
}

static void lock_timer_fn(void *ctx)
{
    struct mem *mem = ctx;

    try_lock(mem, steal_ptr(mem->waiting));
}

static void mem_lock(struct store *store, struct store_call *call)
{
    struct mem *mem = (struct mem *)store;

    if (!mem->lock_timer)
        mem->lock_timer = loop_timer_add(store->loop, lock_timer_fn, mem);
    try_lock(mem, call);
}

static void mem_lock_info(struct store *store, struct store_call *call)
{
    struct shared *shared = ((struct mem *)store)->shared;

    if (shared->holder) {
        call->info.held = call->info.ours = true;
        memcpy(call->info.holder, shared->holder_text, sizeof call->info.holder);
    }
    store_call_done(call);
}

static int mem_watch_add(struct store_watch *watch, struct err *err)
{
    (void)watch;
    (void)err;
    return 0;
}

static void mem_watch_del(struct store_watch *watch)
{
    (void)watch;
}

const struct store_ops store_mem_ops = {
    .scheme = "mem",
    .open = mem_open,
    .close = mem_close,
    .submit = mem_submit,
    .load = mem_load,
    .lock = mem_lock,
    .lock_info = mem_lock_info,
    .post = mem_post,
    .watch_add = mem_watch_add,
    .watch_del = mem_watch_del,
};
