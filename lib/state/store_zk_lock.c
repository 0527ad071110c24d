/* The lock in ZooKeeper (see state-store 2): the original's recipe, so that neither scheduler
 * starts while the other holds it.
 *
 *   lock/_c_<uuid>-lock-<n>          the recipe of SDK <= 0.30.3; we hold it all the while
 *   lock/locks/_c_<uuid>-lock-<n>    only while we take the lock
 *   lock/leases/_c_<uuid>-lease-<n>  its existence is the lock; each transaction steps its version
 *
 * They are taken in this order, each kept while we wait for the next, so that nobody can wait for
 * us while we wait for him. All three hold "dse-toolkit/1 <session ms> <holder>", where the
 * original leaves its address: so it is seen whose they are.
 *
 * A server tells that a session has expired only when it is reached again. So we keep a clock of
 * our own: when the last request that was answered left longer ago than the session lasts, the lock
 * counts as lost. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "state/store_zk.h"

#define MARK "dse-toolkit/1 "

enum {
    FOREIGN_SESSION_MS = 60000, /* what the original asks for; servers often cap it at 40 s */
    SESSION_MAX_MS = 600000,    /* what DSE_ZK_SESSION_MS can be */
    MARGIN_MS = 3000,           /* a server looks at sessions once a tick */
};

static bool is_digits(const char *s)
{
    return *s && s[strspn(s, "0123456789")] == '\0';
}

/* What contenders are ordered by: the digits behind the last "<word>-". NULL: no contender. */
static const char *order_of(const char *name, const char *word)
{
    const char *found = NULL;

    for (const char *p = name; (p = strstr(p, word)) != NULL; p++)
        found = p + strlen(word);
    return found && is_digits(found) ? found : NULL;
}

static int compare_order(const char *a, const char *b)
{
    const size_t la = strlen(a), lb = strlen(b);

    return la != lb ? (la < lb ? -1 : 1) : strcmp(a, b);
}

static const char *first_of(char *const *names, size_t count, const char *word)
{
    const char *first = NULL;

    for (size_t i = 0; i < count; i++) {
        const char *order = order_of(names[i], word);
        if (order && (!first || compare_order(order, order_of(first, word)) < 0))
            first = names[i];
    }
    return first;
}

const char *zk_lock_first_lease(char *const *names, size_t count)
{
    return first_of(names, count, "-lease-");
}

/* ---- who holds it ---- */

struct zk_look {
    struct zk_look *next;
    struct store_call *call; /* CALL_LOCK_INFO, or NULL: for zk->lock */
    struct lock_info info;
    int64_t session_ms;
    bool old; /* it is found by the older recipe */
};

static void seen(struct zk_store *zk, const struct zk_look *look, bool parents);

static void look_end(struct zk_store *zk, struct zk_look *look, int rc, const char *path)
{
    struct err err = ERR_INIT;

    for (struct zk_look **p = &zk->lock.looks; *p; p = &(*p)->next) {
        if (*p == look) {
            *p = look->next;
            break;
        }
    }
    if (look->call && zk_may_retry(rc)) {
        look->call->next = zk->lock.infos;
        zk->lock.infos = look->call; /* again when the connection is back */
    } else if (look->call && rc != ZOK) {
        zk_error(zk, rc, &err, "look at the lock", path);
        store_call_fail(look->call, &err);
    } else if (look->call) {
        look->call->info = look->info;
        store_call_done(look->call);
    } else if (rc == ZOK && zk->lock.step == LOCK_LOOK) {
        seen(zk, look, look->info.held && !look->old);
    } else if (zk->lock.step == LOCK_LOOK && !zk_may_retry(rc)) {
        zk_error(zk, rc, &err, "look at the lock", path);
        zk_lock_fail(zk, &err);
    }
    free(look);
}

static void look_data(struct zk_store *zk, struct zk_req *req)
{
    struct zk_look *look = req->ctx;
    const char *text = req->data ? req->data : "";

    if (req->rc == ZNONODE) { /* let go meanwhile */
        look_end(zk, look, ZOK, "lock");
        return;
    }
    if (req->rc == ZOK) {
        look->info.held = true;
        look->session_ms = FOREIGN_SESSION_MS;
        if (strncmp(text, MARK, strlen(MARK)) == 0) {
            char *end;
            look->info.ours = true;
            look->session_ms = strtol(text + strlen(MARK), &end, 10);
            if (look->session_ms < 0 || look->session_ms > SESSION_MAX_MS)
                look->session_ms = FOREIGN_SESSION_MS; /* none of ours */
            text = *end == ' ' ? end + 1 : end;
        }
        strncpy(look->info.holder, text, sizeof look->info.holder - 1);
    }
    look_end(zk, look, req->rc, req->path);
}

static void look_old(struct zk_store *zk, struct zk_req *req)
{
    struct zk_look *look = req->ctx;
    const char *first = first_of(req->children, req->count, "-lock-");

    if (!first) {
        look_end(zk, look, req->rc == ZNONODE ? ZOK : req->rc, req->path);
        return;
    }
    auto_free char *path = xasprintf("lock/%s", first);
    look->old = true;
    zk_get(zk, path, look_data, look);
}

static void look_leases(struct zk_store *zk, struct zk_req *req)
{
    struct zk_look *look = req->ctx;
    const char *first = zk_lock_first_lease(req->children, req->count);

    if (!first && req->count)
        first = req->children[0]; /* whatever it is, the original would wait for it */
    if (first) {
        auto_free char *path = xasprintf("lock/leases/%s", first);
        zk_get(zk, path, look_data, look);
    } else if (req->rc == ZOK || req->rc == ZNONODE) {
        zk_list(zk, "lock", NULL, look_old, look);
    } else {
        look_end(zk, look, req->rc, req->path);
    }
}

static void look_at(struct zk_store *zk, struct store_call *call)
{
    struct zk_look *look = xcalloc(1, sizeof *look);

    look->call = call;
    look->next = zk->lock.looks;
    zk->lock.looks = look;
    zk_sync(zk); /* a server that lags behind would show an old holder */
    zk_list(zk, "lock/leases", NULL, look_leases, look);
}

static void start_infos(struct zk_store *zk)
{
    struct store_call *infos = steal_ptr(zk->lock.infos);

    while (infos) {
        struct store_call *call = infos;
        infos = call->next;
        look_at(zk, call);
    }
}

void zk_lock_info(struct store *store, struct store_call *call)
{
    struct zk_store *zk = (struct zk_store *)store;

    zk_start(zk);
    call->next = zk->lock.infos;
    zk->lock.infos = call;
    if (zk->connected)
        start_infos(zk);
}

/* ---- taking it ---- */

static void forget_nodes(struct zk_lock *lock)
{
    free(lock->old);
    free(lock->queue);
    free(lock->lease);
    lock->old = lock->queue = lock->lease = NULL;
    lock->waiting = lock->creating = false;
}

static void drop_nodes(struct zk_store *zk, zk_fn *fn)
{
    struct zk_lock *lock = &zk->lock;

    if (lock->queue)
        zk_delete(zk, lock->queue, NULL, NULL);
    if (lock->lease)
        zk_delete(zk, lock->lease, NULL, NULL);
    if (lock->old)
        zk_delete(zk, lock->old, fn, NULL);
    forget_nodes(lock);
}

void zk_lock_fail(struct zk_store *zk, const struct err *err)
{
    struct zk_lock *lock = &zk->lock;
    struct store_call *call = steal_ptr(lock->call);
    const bool unsure = lock->creating;

    lock->step = LOCK_NONE;
    lock->borrowed = false;
    loop_timer_stop(lock->deadline);
    drop_nodes(zk, NULL);
    if (call)
        store_call_fail(call, err);
    else
        zk_submit_locked(zk, err);
    if (unsure)
        zk_reopen(zk); /* a node whose name we do not know yet goes with the session */
}

static void held_by_other(struct zk_store *zk, struct err *err)
{
    const char *holder = zk->lock.seen.holder;

    err_set(err, EXIT_LOCKED, "the lock of '%s' is held by '%s'", zk->store.name,
            *holder ? holder : "another process");
}

static void deadline_passed(void *ctx)
{
    struct zk_store *zk = ctx;
    struct err err = ERR_INIT;

    if (zk->lock.step == LOCK_NONE || zk->lock.step == LOCK_HELD)
        return;
    if (zk->connected)
        held_by_other(zk, &err);
    else
        err_set(&err, EXIT_UNREACHABLE, "cannot take the lock of '%s': %s", zk->store.name,
                zk->store.trouble ? zk->store.trouble : "no server answers");
    zk_lock_fail(zk, &err);
}

static void unexpected(struct zk_store *zk, const struct zk_req *req, const char *what)
{
    struct err err = ERR_INIT;

    if (zk_may_retry(req->rc)) {
        /* What became of a create is unknown: a new session begins without nodes. */
        zk_reopen(zk);
        return;
    }
    zk_error(zk, req->rc, &err, what, req->path);
    zk_lock_fail(zk, &err);
}

static void step_on(struct zk_store *zk);

static void beat_answered(struct zk_store *zk, struct zk_req *req)
{
    struct err err = ERR_INIT;

    if (zk->lock.step != LOCK_HELD || req->rc != ZNONODE)
        return;
    err_set(&err, EXIT_LOCKED, "the lock of '%s' is lost: our lease was removed", zk->store.name);
    zk_lose(zk, &err);
}

static void beat(void *ctx)
{
    struct zk_store *zk = ctx;

    if (zk->lock.step != LOCK_HELD || !zk_lock_alive(zk))
        return;
    zk_exists(zk, zk->lock.lease, NULL, beat_answered, NULL);
    loop_timer_in(zk->lock.beat, zk->lock.timeout_ms / 3);
}

static void expiry_due(void *ctx)
{
    struct zk_store *zk = ctx;

    if (zk_lock_alive(zk))
        loop_timer_in(zk->lock.expiry, zk->lock.proof_ms + zk->lock.timeout_ms - zk_now_ms() + 1);
}

static void acquired(struct zk_store *zk)
{
    struct zk_lock *lock = &zk->lock;
    struct store_call *call = steal_ptr(lock->call);

    lock->step = LOCK_HELD;
    lock->version = 0;
    loop_timer_stop(lock->deadline);
    zk_delete(zk, lock->queue, NULL, NULL);
    free(steal_ptr(lock->queue));
    zk->synced = false; /* what the holder before us wrote is seen by our first look */
    loop_timer_in(lock->beat, lock->timeout_ms / 3);
    loop_timer_in(lock->expiry, lock->timeout_ms);
    if (call)
        store_call_done(call);
    zk_submit_locked(zk, NULL);
}

/* The node of ours, the directory and the word in names of the present step. */
static char **place(struct zk_lock *lock, const char **ret_dir, const char **ret_word)
{
    switch (lock->step) {
    case LOCK_OLD:
        *ret_dir = "lock";
        *ret_word = "-lock-";
        return &lock->old;
    case LOCK_QUEUE:
        *ret_dir = "lock/locks";
        *ret_word = "-lock-";
        return &lock->queue;
    case LOCK_LEASE:
        *ret_dir = "lock/leases";
        *ret_word = "-lease-";
        return &lock->lease;
    default:
        *ret_dir = *ret_word = "";
        return NULL;
    }
}

static void listed(struct zk_store *zk, struct zk_req *req)
{
    struct zk_lock *lock = &zk->lock;
    const char *dir, *word;
    char **own = place(lock, &dir, &word);
    bool first, there = false;

    if (req->id != zk->session || !own || !*own || strcmp(dir, req->path) != 0)
        return;
    if (req->rc != ZOK) {
        unexpected(zk, req, "list");
        return;
    }
    const char *name = strrchr(*own, '/') + 1;
    for (size_t i = 0; i < req->count; i++)
        there |= strcmp(req->children[i], name) == 0;
    if (!there) {
        zk_reopen(zk);
        return;
    }
    if (lock->step == LOCK_LEASE) {
        first = req->count == 1; /* every child is a lease, whatever its name */
    } else {
        const char *lowest = first_of(req->children, req->count, word);
        first = lowest && strcmp(lowest, name) == 0;
    }
    if (first) {
        lock->waiting = false;
        step_on(zk);
        return;
    }
    lock->waiting = true;
    if (lock->until_ms <= loop_now_ms())
        deadline_passed(zk);
}

void zk_lock_changed(struct zk_store *zk)
{
    const unsigned long id = ZK_LOCK_WATCH;
    const char *dir, *word;

    if (zk->lock.waiting && place(&zk->lock, &dir, &word))
        zk_list(zk, dir, &id, listed, NULL);
}

/* Newer clients of the original's recipe make container nodes of the parents, which the server
 * removes when they stay empty: the one of the present step is made again, and then our node. */
static void parent_made(struct zk_store *zk, struct zk_req *req)
{
    if (req->id != zk->session || !zk->lock.creating)
        return;
    zk->lock.creating = false;
    if (req->rc != ZOK && req->rc != ZNODEEXISTS) {
        unexpected(zk, req, "create");
        return;
    }
    zk->lock.step--;
    step_on(zk);
}

static void created(struct zk_store *zk, struct zk_req *req)
{
    const unsigned long id = ZK_LOCK_WATCH;
    struct zk_lock *lock = &zk->lock;
    const char *dir, *word;
    char **own = place(lock, &dir, &word);

    if (req->id != zk->session)
        return;
    lock->creating = false;
    if (!own)
        return;
    if (req->rc == ZNONODE && lock->step != LOCK_OLD) {
        lock->creating = true;
        zk_create(zk, dir, "", 0, ZK_LOCK_NODE, parent_made, NULL);
        return;
    }
    if (req->rc != ZOK || !req->made) {
        unexpected(zk, req, "create");
        return;
    }
    *own = xasprintf("%s/%s", dir, req->made);
    zk_list(zk, dir, &id, listed, NULL);
}

static void step_on(struct zk_store *zk)
{
    struct zk_lock *lock = &zk->lock;
    const char *dir, *word;

    if (lock->step == LOCK_LEASE) {
        acquired(zk);
        return;
    }
    lock->step++;
    place(lock, &dir, &word);
    auto_free char *path = xasprintf("%s/_c_%s%s", dir, lock->uuid, word);
    lock->creating = true;
    zk_create(zk, path, lock->holder, strlen(lock->holder), ZK_LOCK_MEMBER, created, NULL);
}

static void parents_made(struct zk_store *zk, struct zk_req *req)
{
    struct err err = ERR_INIT;

    if (req->id != zk->session || zk->lock.step != LOCK_PARENTS)
        return;
    if (req->rc == ZOK || req->rc == ZNODEEXISTS) {
        step_on(zk);
    } else if (req->rc == ZNONODE) {
        err_set(&err, EXIT_UNREACHABLE, "store '%s': there is no node '%s'", zk->store.name,
                zk->root);
        zk_lock_fail(zk, &err);
    } else {
        unexpected(zk, req, "create");
    }
}

static void make_parents(struct zk_store *zk)
{
    zk->lock.step = LOCK_PARENTS;
    if (zk->store.create_root)
        zk_create_root(zk);
    zk_create(zk, "lock", "", 0, ZK_LOCK_NODE, NULL, NULL);
    zk_create(zk, "lock/locks", "", 0, ZK_LOCK_NODE, NULL, NULL);
    zk_create(zk, "lock/leases", "", 0, ZK_LOCK_NODE, parents_made, NULL);
}

/* Knows the holder now, if any. */
static void seen(struct zk_store *zk, const struct zk_look *look, bool parents)
{
    struct zk_lock *lock = &zk->lock;
    struct err err = ERR_INIT;

    lock->seen = look->info;
    if (look->info.held && lock->wait_ms == 0) {
        held_by_other(zk, &err); /* nothing of ours was made, so nobody sees it come and go */
        zk_lock_fail(zk, &err);
        return;
    }
    if (!lock->until_ms) {
        const int64_t dead = (look->info.held ? look->session_ms : zk->session_ms) + MARGIN_MS;
        lock->until_ms = loop_now_ms() + (lock->wait_ms < 0 ? dead : lock->wait_ms);
        loop_timer_at(lock->deadline, lock->until_ms);
        if (lock->wait_ms == 0)
            loop_timer_in(lock->deadline, zk->store.timeout_ms);
        if (look->info.held)
            log_info("waiting for the lock of %s, held by '%s'", zk->store.name, look->info.holder);
    }
    if (parents) {
        lock->step = LOCK_PARENTS;
        step_on(zk);
    } else {
        make_parents(zk);
    }
}

static void make_holder(struct zk_store *zk)
{
    struct zk_lock *lock = &zk->lock;

    lock->timeout_ms = zoo_recv_timeout(zk->zh);
    if (lock->timeout_ms <= 0)
        lock->timeout_ms = zk->session_ms;
    free(lock->holder);
    lock->holder =
        xasprintf("%s%d %s", MARK, lock->timeout_ms,
                  lock->call && lock->call->holder ? lock->call->holder : "a tool, for one change");
}

/* With a session that is there: from the beginning. */
static void begin(struct zk_store *zk)
{
    struct zk_lock *lock = &zk->lock;
    struct idgen ids = {0};

    forget_nodes(lock);
    make_holder(zk);
    idgen_uuid(&ids, lock->uuid);
    lock->step = LOCK_LOOK;
    look_at(zk, NULL);
}

static void start_lock(struct zk_store *zk, int64_t wait_ms)
{
    struct zk_lock *lock = &zk->lock;

    if (!lock->deadline) {
        lock->deadline = loop_timer_add(zk->store.loop, deadline_passed, zk);
        lock->beat = loop_timer_add(zk->store.loop, beat, zk);
        lock->expiry = loop_timer_add(zk->store.loop, expiry_due, zk);
    }
    lock->wait_ms = wait_ms;
    lock->until_ms = 0;
    lock->step = LOCK_LOOK;
    loop_timer_in(lock->deadline, zk->store.timeout_ms);
    zk_start(zk);
    if (zk->connected)
        begin(zk);
}

void zk_lock(struct store *store, struct store_call *call)
{
    struct zk_store *zk = (struct zk_store *)store;
    struct err err = ERR_INIT;

    if (zk->lock.step == LOCK_HELD && !zk->lock.borrowed) {
        store_call_done(call);
    } else if (zk->lock.step != LOCK_NONE) {
        err_set(&err, EXIT_BUG, "the lock of '%s' is asked for twice at a time", store->name);
        store_call_fail(call, &err);
    } else {
        zk->lock.call = call;
        zk->lock.borrowed = false;
        start_lock(zk, call->wait_ms);
    }
}

void zk_lock_borrow(struct zk_store *zk)
{
    if (zk->lock.step != LOCK_NONE || zk->lock.returning)
        return; /* on its way, or on its way back */
    zk->lock.borrowed = true;
    start_lock(zk, 0);
}

static void returned(struct zk_store *zk, struct zk_req *req)
{
    (void)req;
    zk->lock.returning = false;
    zk_submit_returned(zk);
}

void zk_lock_release(struct zk_store *zk)
{
    struct zk_lock *lock = &zk->lock;

    if (lock->step != LOCK_HELD)
        return;
    lock->step = LOCK_NONE;
    lock->borrowed = false;
    lock->returning = true;
    loop_timer_stop(lock->beat);
    loop_timer_stop(lock->expiry);
    drop_nodes(zk, returned);
}

/* ---- losing it ---- */

void zk_lose(struct zk_store *zk, const struct err *why)
{
    struct zk_lock *lock = &zk->lock;

    if (lock->step != LOCK_HELD)
        return;
    lock->step = LOCK_NONE;
    lock->borrowed = false;
    loop_timer_stop(lock->beat);
    loop_timer_stop(lock->expiry);
    forget_nodes(lock);
    store_lock_lost(&zk->store, why); /* first of all: from here on nothing is written */
    zk_submit_fail(zk, why);
    zk_reopen(zk); /* nor does what the client has not sent yet leave */
}

void zk_lock_proof(struct zk_store *zk, int64_t sent_ms)
{
    if (sent_ms > zk->lock.proof_ms)
        zk->lock.proof_ms = sent_ms;
}

bool zk_lock_alive(struct zk_store *zk)
{
    struct err err = ERR_INIT;

    if (zk->lock.step != LOCK_HELD)
        return false;
    const int64_t age = zk_now_ms() - zk->lock.proof_ms;
    if (age <= zk->lock.timeout_ms)
        return true;
    err_set(&err, EXIT_LOCKED,
            "the lock of '%s' counts as lost: no sign of the server for %.1f s, longer than the "
            "session lasts",
            zk->store.name, (double)age / 1000);
    zk_lose(zk, &err);
    return false;
}

void zk_lock_connected(struct zk_store *zk)
{
    struct zk_lock *lock = &zk->lock;

    start_infos(zk);
    switch (lock->step) {
    case LOCK_NONE:
        break;
    case LOCK_HELD:
        zk_exists(zk, lock->lease, NULL, beat_answered, NULL);
        break;
    case LOCK_LOOK:
        begin(zk);
        break;
    default:
        /* Back in the same session with our nodes: look again. In a new one: from the start. */
        if (lock->of_session != zk->session)
            begin(zk);
        else
            zk_lock_changed(zk);
    }
    lock->of_session = zk->session;
}

void zk_lock_free(struct zk_store *zk)
{
    struct zk_lock *lock = &zk->lock;

    while (lock->infos) {
        struct store_call *call = lock->infos;
        lock->infos = call->next;
        store_call_drop(call);
    }
    while (lock->looks) {
        struct zk_look *look = lock->looks;
        lock->looks = look->next;
        if (look->call)
            store_call_drop(look->call);
        free(look);
    }
    if (lock->call)
        store_call_drop(steal_ptr(lock->call));
    forget_nodes(lock);
    free(steal_ptr(lock->holder));
    if (lock->deadline) {
        loop_timer_del(lock->deadline);
        loop_timer_del(lock->beat);
        loop_timer_del(lock->expiry);
    }
}
