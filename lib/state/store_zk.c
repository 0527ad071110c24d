/* The store in ZooKeeper: URL, session, and the bridge from the client's threads to the loop. */
#define _GNU_SOURCE
#include "state/store_zk.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/io.h"
#include "base/log.h"

#define DEFAULT_PORT "2181" /* also what the original's client takes for none */

enum {
    SESSION_MS = 10000, /* short, so that a dead writer is replaced soon */
    RESOLVE_MS = 30000,
    RETRY_MS = 1000,
    RELEASE_MS = 1000,
    AUTH_BYTES = 4096,
};

int64_t zk_now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_BOOTTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool zk_may_retry(int rc)
{
    return rc == ZCONNECTIONLOSS || rc == ZOPERATIONTIMEOUT || rc == ZSESSIONEXPIRED ||
           rc == ZINVALIDSTATE || rc == ZCLOSING || rc == ZSESSIONMOVED;
}

int zk_error(const struct zk_store *zk, int rc, struct err *err, const char *what, const char *path)
{
    const enum exit_status status =
        rc == ZNOAUTH || rc == ZAUTHFAILED || rc == ZINVALIDACL ? EXIT_DENIED : EXIT_UNREACHABLE;

    return err_set(err, status, "cannot %s '%s' in '%s': %s", what, path, zk->store.name,
                   rc == ZNONODE ? "no such node" : zerror(rc));
}

/* ---- on the client's threads ---------------------------------------------------------------- */

static void leave(struct zk_req *req)
{
    struct zk_store *zk = req->zk;
    const uint64_t one = 1;

    req->next = NULL;
    pthread_mutex_lock(&zk->mutex);
    const bool wake = !zk->first; /* else the loop is on its way to them already */
    req->answered = true;
    if (zk->last)
        zk->last->next = req;
    else
        zk->first = req;
    zk->last = req;
    pthread_mutex_unlock(&zk->mutex);
    if (wake && write(zk->event_fd, &one, sizeof one) < 0)
        abort(); /* an eventfd takes 2^64 - 2 of these */
}

static struct zk_req *req_of(const void *ctx)
{
    return (struct zk_req *)(uintptr_t)ctx;
}

static void on_session(zhandle_t *zh, int type, int state, const char *path, void *ctx)
{
    struct zk_store *zk = ctx;

    (void)path;
    if (type != ZOO_SESSION_EVENT)
        return;
    struct zk_req *note = xcalloc(1, sizeof *note);
    *note = (struct zk_req){.kind = ZK_SESSION, .zk = zk, .rc = state};
    note->ctx = zh; /* only compared */
    leave(note);
}

/* A watch has a number as its context, which stays valid whatever was freed meanwhile. */
static void on_watch(zhandle_t *zh, int type, int state, const char *path, void *ctx)
{
    struct zk_store *zk = (struct zk_store *)(uintptr_t)zoo_get_context(zh);

    (void)state;
    (void)path;
    if (type == ZOO_SESSION_EVENT)
        return;
    struct zk_req *note = xcalloc(1, sizeof *note);
    *note = (struct zk_req){.kind = ZK_WATCH, .zk = zk, .id = (unsigned long)(uintptr_t)ctx};
    leave(note);
}

static void on_data(int rc, const char *value, int len, const struct Stat *stat, const void *ctx)
{
    struct zk_req *req = req_of(ctx);

    req->rc = rc;
    if (rc == ZOK) {
        req->len = len;
        req->data = len >= 0 ? xstrndup(len ? value : "", (size_t)len) : NULL;
        req->stat = *stat;
    }
    leave(req);
}

static void on_children(int rc, const struct String_vector *strings, const void *ctx)
{
    struct zk_req *req = req_of(ctx);

    req->rc = rc;
    if (rc == ZOK && strings && strings->count > 0) {
        req->count = (size_t)strings->count;
        req->children = xcalloc(req->count, sizeof *req->children);
        for (size_t i = 0; i < req->count; i++)
            req->children[i] = xstrdup(strings->data[i]);
    }
    leave(req);
}

static void on_stat(int rc, const struct Stat *stat, const void *ctx)
{
    struct zk_req *req = req_of(ctx);

    req->rc = rc;
    if (rc == ZOK && stat)
        req->stat = *stat;
    leave(req);
}

static void on_text(int rc, const char *value, const void *ctx)
{
    struct zk_req *req = req_of(ctx);

    req->rc = rc;
    if (rc == ZOK && value) {
        const char *slash = strrchr(value, '/');
        req->made = xstrdup(slash ? slash + 1 : value);
    }
    leave(req);
}

static void on_void(int rc, const void *ctx)
{
    struct zk_req *req = req_of(ctx);

    req->rc = rc;
    leave(req);
}

static void on_log(const char *message)
{
    log_debug("zookeeper: %s", message);
}

/* ---- requests ------------------------------------------------------------------------------- */

static void req_free(struct zk_req *req)
{
    if (req->open_prev)
        req->open_prev->open_next = req->open_next;
    else if (req->zk->open == req)
        req->zk->open = req->open_next;
    if (req->open_next)
        req->open_next->open_prev = req->open_prev;
    for (size_t i = 0; i < req->count; i++)
        free(req->children[i]);
    free(req->children);
    free(req->path);
    free(req->made);
    free(req->data);
    free(req->ops);
    free(req->results);
    free(req);
}

static struct zk_req *req_new(struct zk_store *zk, const char *path, zk_fn *fn, void *ctx)
{
    struct zk_req *req = xcalloc(1, sizeof *req);

    *req = (struct zk_req){.zk = zk, .fn = fn, .ctx = ctx, .len = -1};
    req->path = xstrdup(path);
    req->id = zk->session;
    req->sent_ms = zk_now_ms();
    req->open_next = zk->open;
    if (zk->open)
        zk->open->open_prev = req;
    zk->open = req;
    return req;
}

/* One that cannot even be queued fails like any other. */
static void sent(struct zk_req *req, int rc)
{
    if (rc == ZOK)
        return;
    req->rc = rc;
    leave(req);
}

static char *full_path(const struct zk_store *zk, const char *path)
{
    return xasprintf("%s%s%s", zk->root, *path ? "/" : "", path);
}

void zk_get(struct zk_store *zk, const char *path, zk_fn *fn, void *ctx)
{
    struct zk_req *req = req_new(zk, path, fn, ctx);
    auto_free char *full = full_path(zk, path);

    sent(req, zk->zh ? zoo_aget(zk->zh, full, 0, on_data, req) : ZINVALIDSTATE);
}

void zk_list(struct zk_store *zk, const char *path, const unsigned long *watch_id, zk_fn *fn,
             void *ctx)
{
    struct zk_req *req = req_new(zk, path, fn, ctx);
    auto_free char *full = full_path(zk, path);

    sent(req, !zk->zh    ? ZINVALIDSTATE
              : watch_id ? zoo_awget_children(zk->zh, full, on_watch, (void *)(uintptr_t)*watch_id,
                                              on_children, req)
                         : zoo_aget_children(zk->zh, full, 0, on_children, req));
}

void zk_exists(struct zk_store *zk, const char *path, const unsigned long *watch_id, zk_fn *fn,
               void *ctx)
{
    struct zk_req *req = req_new(zk, path, fn, ctx);
    auto_free char *full = full_path(zk, path);

    sent(req, !zk->zh ? ZINVALIDSTATE
              : watch_id
                  ? zoo_awexists(zk->zh, full, on_watch, (void *)(uintptr_t)*watch_id, on_stat, req)
                  : zoo_aexists(zk->zh, full, 0, on_stat, req));
}

/* As the original sets them (see state-store 3.3). Its lock is taken by a session without
 * credentials, so nodes of the lock stay open, or it could not start any more. */
static const struct ACL_vector *acl_of(const struct zk_store *zk, bool of_lock)
{
    static struct ACL entries[2];
    static struct ACL_vector shared = {2, entries};

    if (zk->creator_only)
        return &ZOO_CREATOR_ALL_ACL;
    if (!zk->auth || of_lock)
        return &ZOO_OPEN_ACL_UNSAFE;
    entries[0] = (struct ACL){ZOO_PERM_ALL, ZOO_AUTH_IDS};
    entries[1] = (struct ACL){ZOO_PERM_READ, ZOO_ANYONE_ID_UNSAFE};
    return &shared;
}

void zk_create(struct zk_store *zk, const char *path, const void *data, size_t len,
               enum zk_create_mode mode, zk_fn *fn, void *ctx)
{
    struct zk_req *req = req_new(zk, path, fn, ctx);
    auto_free char *full = full_path(zk, path);

    sent(req, zk->zh
                  ? zoo_acreate(zk->zh, full, data, (int)len, acl_of(zk, mode != ZK_STATE_NODE),
                                mode == ZK_LOCK_MEMBER ? ZOO_EPHEMERAL_SEQUENTIAL : 0, on_text, req)
                  : ZINVALIDSTATE);
}

void zk_create_root(struct zk_store *zk)
{
    auto_free char *path = xstrdup(zk->root);

    for (char *slash = strchr(path + 1, '/');; slash = strchr(slash + 1, '/')) {
        struct zk_req *req = req_new(zk, "", NULL, NULL);
        if (slash)
            *slash = '\0';
        /* What is above the root may be others' too. */
        const struct ACL_vector *acl = slash ? &ZOO_OPEN_ACL_UNSAFE : acl_of(zk, true);
        sent(req, zk->zh ? zoo_acreate(zk->zh, path, "", 0, acl, 0, on_text, req) : ZINVALIDSTATE);
        if (!slash)
            return;
        *slash = '/';
    }
}

void zk_delete(struct zk_store *zk, const char *path, zk_fn *fn, void *ctx)
{
    struct zk_req *req = req_new(zk, path, fn, ctx);
    auto_free char *full = full_path(zk, path);

    sent(req, zk->zh ? zoo_adelete(zk->zh, full, -1, on_void, req) : ZINVALIDSTATE);
}

/* What is read behind it is at least as new as all that was written before (a server that lags
 * behind catches up first); it needs no waiting, the session's order is enough. */
void zk_sync(struct zk_store *zk)
{
    struct zk_req *req = req_new(zk, "", NULL, NULL);

    sent(req, zk->zh ? zoo_async(zk->zh, zk->root, on_text, req) : ZINVALIDSTATE);
}

void zk_multi(struct zk_store *zk, const struct txn *txn, const char *lease, int version, zk_fn *fn,
              void *ctx)
{
    struct zk_req *req = req_new(zk, lease ? lease : "", fn, ctx);
    const size_t count = txn_count(txn) + 1;
    char **paths = xcalloc(count, sizeof *paths);

    req->count = 0;
    req->ops = xcalloc(count, sizeof *req->ops);
    req->results = xcalloc(count, sizeof *req->results);
    paths[0] = full_path(zk, lease ? lease : "");
    /* Each transaction steps the version of our lease, so that one that is on its way already fails
     * when the one before it did, as all do when the lease is gone. */
    if (lease)
        zoo_set_op_init(&req->ops[0], paths[0], zk->lock.holder, (int)strlen(zk->lock.holder),
                        version, NULL);
    else
        zoo_check_op_init(&req->ops[0], paths[0], -1);
    for (size_t i = 1; i < count; i++) {
        const struct txn_op *op = txn_op(txn, i - 1);
        paths[i] = full_path(zk, op->path);
        switch (op->kind) {
        case TXN_CREATE:
            zoo_create_op_init(&req->ops[i], paths[i], op->data, (int)op->len, acl_of(zk, false), 0,
                               NULL, 0);
            break;
        case TXN_SET:
            zoo_set_op_init(&req->ops[i], paths[i], op->data, (int)op->len, -1, NULL);
            break;
        case TXN_DELETE:
            zoo_delete_op_init(&req->ops[i], paths[i], -1);
            break;
        case TXN_CHECK:
            zoo_check_op_init(&req->ops[i], paths[i], -1);
            break;
        }
    }
    /* The call encodes all of it at once; only the results are filled in later. */
    sent(req, zk->zh ? zoo_amulti(zk->zh, (int)count, req->ops, req->results, on_void, req)
                     : ZINVALIDSTATE);
    for (size_t i = 0; i < count; i++)
        free(paths[i]);
    free(paths);
}

/* ---- session -------------------------------------------------------------------------------- */

/* The next session's handle may lie where this one did. */
static void drop_session_notes(struct zk_store *zk)
{
    pthread_mutex_lock(&zk->mutex);
    for (struct zk_req *req = zk->first; req; req = req->next) {
        if (req->kind == ZK_SESSION)
            req->ctx = NULL;
    }
    pthread_mutex_unlock(&zk->mutex);
}

/* Closing answers what is open with ZCLOSING, but for a request that the library was just about to
 * answer, which it forgets. None comes behind it: its threads are gone. */
static void answer_lost(struct zk_store *zk)
{
    for (struct zk_req *req = zk->open; req; req = req->open_next) {
        if (req->answered)
            continue;
        req->rc = ZCLOSING;
        leave(req);
    }
}

void zk_end_session(struct zk_store *zk)
{
    if (!zk->zh)
        return;
    zookeeper_close(zk->zh);
    answer_lost(zk);
    drop_session_notes(zk);
    zk->zh = NULL;
    zk->session++;
    zk->connected = zk->synced = false;
}

static void set_trouble(struct zk_store *zk, const char *text)
{
    free(zk->store.trouble);
    zk->store.trouble = text ? xstrdup(text) : NULL;
}

static void open_session(void *ctx)
{
    struct zk_store *zk = ctx;
    sigset_t all, before;

    zk_end_session(zk);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are for our own thread */
    zk->zh = zookeeper_init2(zk->hosts, on_session, zk->session_ms, NULL, zk, ZOO_NO_LOG_CLIENTENV,
                             on_log);
    const int errnum = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!zk->zh) {
        auto_free char *text = xasprintf("cannot use the servers '%s': %s", zk->hosts,
                                         errnum == ENOENT   ? "no such host"
                                         : errnum == EINVAL ? "not HOST:PORT[,HOST:PORT…]"
                                                            : strerror(errnum));
        set_trouble(zk, text);
        loop_timer_in(zk->retry, RETRY_MS);
        return;
    }
    auto_free char *text = xasprintf("no server of '%s' answers", zk->hosts);
    set_trouble(zk, text);
    zoo_set_servers_resolution_delay(zk->zh, RESOLVE_MS);
    if (zk->auth)
        zoo_add_auth(zk->zh, "digest", zk->auth, (int)strlen(zk->auth), NULL, NULL);
}

void zk_reopen(struct zk_store *zk)
{
    zk_end_session(zk);
    loop_timer_in(zk->retry, 0);
}

static void handle_session(struct zk_store *zk, const struct zk_req *note)
{
    struct err err = ERR_INIT;

    if (!zk->zh || note->ctx != zk->zh)
        return; /* of an earlier session */
    if (note->rc == ZOO_CONNECTED_STATE) {
        const bool again = zk->was_connected;
        set_trouble(zk, NULL);
        zk->connected = zk->was_connected = true;
        log_debug("zookeeper: connected to '%s'", zk->hosts);
        zk_lock_connected(zk);
        zk_loads_connected(zk);
        zk_posts_connected(zk);
        zk_watches_connected(zk, again);
    } else if (note->rc == ZOO_AUTH_FAILED_STATE) {
        err_set(&err, EXIT_DENIED, "store '%s' refuses the credentials", zk->store.name);
        zk_lose(zk, &err);
        zk_end_session(zk);
        set_trouble(zk, "the credentials are refused");
    } else if (note->rc == ZOO_EXPIRED_SESSION_STATE) {
        err_set(&err, EXIT_LOCKED, "the session with '%s' has expired, and the lock with it",
                zk->store.name);
        zk_lose(zk, &err);
        zk_reopen(zk);
    } else {
        zk->connected = false;
        if (!zk->store.trouble) {
            auto_free char *text = xasprintf("no server of '%s' answers", zk->hosts);
            set_trouble(zk, text);
        }
    }
}

static struct zk_req *take(struct zk_store *zk)
{
    pthread_mutex_lock(&zk->mutex);
    struct zk_req *list = zk->first;
    zk->first = zk->last = NULL;
    pthread_mutex_unlock(&zk->mutex);
    return list;
}

static void handle(struct zk_store *zk, struct zk_req *req)
{
    if (zk->closing) {
        if (req->kind == ZK_SESSION && req->ctx == zk->zh)
            zk->connected = req->rc == ZOO_CONNECTED_STATE;
        return;
    }
    switch (req->kind) {
    case ZK_SESSION:
        handle_session(zk, req);
        break;
    case ZK_WATCH:
        if (req->id == ZK_LOCK_WATCH)
            zk_lock_changed(zk);
        else
            zk_watch_event(zk, req->id);
        break;
    case ZK_ANSWER:
        if (!zk_may_retry(req->rc))
            zk_lock_proof(zk, req->sent_ms);
        if (req->fn)
            req->fn(zk, req);
        break;
    }
}

static void notes_ready(void *ctx, int fd, unsigned events)
{
    struct zk_store *zk = ctx;
    uint64_t count;

    (void)events;
    if (read(fd, &count, sizeof count) < 0)
        return;
    struct zk_req *list = take(zk), *next;
    /* Proof of life first: answers that lay here while we did may be the newest. */
    for (struct zk_req *req = list; req; req = req->next) {
        if (req->kind == ZK_ANSWER && !zk_may_retry(req->rc))
            zk_lock_proof(zk, req->sent_ms);
    }
    zk_lock_alive(zk);
    for (; list; list = next) {
        next = list->next;
        handle(zk, list);
        req_free(list);
    }
}

void zk_start(struct zk_store *zk)
{
    if (zk->started)
        return;
    zk->started = true;
    zk->io = loop_io_add(zk->store.loop, zk->event_fd, LOOP_READ, notes_ready, zk);
    zk->retry = loop_timer_add(zk->store.loop, open_session, zk);
    zoo_set_debug_level(log_shows(LOG_LEVEL_DEBUG) ? ZOO_LOG_LEVEL_INFO : ZOO_LOG_LEVEL_ERROR);
    open_session(zk);
}

/* ---- opening and closing -------------------------------------------------------------------- */

static int read_auth(struct zk_store *zk, const char *file, struct err *err)
{
    auto_buf struct buf text = BUF_INIT;

    if (io_read_file(file, AUTH_BYTES, &text, err) < 0)
        return -1;
    zk->auth = xstrndup(buf_str(&text), strcspn(buf_str(&text), "\r\n"));
    const char *colon = strchr(zk->auth, ':');
    /* As the original: both or none. */
    if (!colon || colon == zk->auth || !colon[1])
        return err_set(err, EXIT_INPUT,
                       "'%s': username and password must both be provided as "
                       "USER:PASSWORD in its first line",
                       file);
    return 0;
}

static int configure(struct zk_store *zk, const struct store_options *options, struct err *err)
{
    const char *file = options->auth_file ? options->auth_file : getenv("DSE_STORE_AUTH_FILE");
    const char *acl = getenv("DSE_STORE_ACL");
    const char *session = getenv("DSE_ZK_SESSION_MS");

    if (file && *file && read_auth(zk, file, err) < 0)
        return -1;
    if (acl && *acl && strcmp(acl, "creator") != 0 && strcmp(acl, "default") != 0)
        return err_set(err, EXIT_USAGE, "DSE_STORE_ACL is '%s': it can be default or creator", acl);
    zk->creator_only = options->creator_only || (acl && strcmp(acl, "creator") == 0);
    if (zk->creator_only && !zk->auth)
        return err_set(err, EXIT_USAGE,
                       "nodes for their creator alone need credentials: set DSE_STORE_AUTH_FILE");
    zk->session_ms = SESSION_MS;
    if (session && *session) {
        char *end;
        const long ms = strtol(session, &end, 10);
        if (*end || ms < 100 || ms > 600000)
            return err_set(err, EXIT_USAGE,
                           "DSE_ZK_SESSION_MS is '%s': it can be 100 to 600000 milliseconds",
                           session);
        zk->session_ms = (int)ms;
    }
    return 0;
}

/* One server as the client library takes it: "host:port", an IPv6 address without its brackets. */
static int parse_host(const char *text, size_t len, struct buf *ret)
{
    auto_free char *host = xstrndup(text, len);
    char *end = host, *colon;
    const bool brackets = *host == '[';

    if (brackets && (!(end = strchr(host, ']')) || !memchr(host, ':', (size_t)(end - host))))
        return -1;
    colon = brackets ? end + 1 : end + strcspn(end, ":");
    const char *port = *colon == ':' ? colon + 1 : *colon ? "" : DEFAULT_PORT;
    const size_t digits = strspn(port, "0123456789");
    if (colon == host || !digits || port[digits] || digits > 5 || atoi(port) < 1 ||
        atoi(port) > 65535 || host[strcspn(host, " \t")])
        return -1;
    *(brackets ? end : colon) = '\0';
    buf_addf(ret, "%s%s:%s", ret->len ? "," : "", host + brackets, port);
    return 0;
}

static int parse_hosts(struct zk_store *zk, const char *text, size_t len, struct err *err)
{
    auto_buf struct buf hosts = BUF_INIT;

    for (const char *p = text, *end = text + len; p <= end;) {
        const char *comma = memchr(p, ',', (size_t)(end - p));
        const size_t part = (size_t)((comma ? comma : end) - p);
        if (parse_host(p, part, &hosts) < 0)
            return err_set(err, EXIT_USAGE, "store 'zk:': '%.*s' is no HOST:PORT", (int)part, p);
        p += part + 1;
    }
    zk->hosts = xstrdup(buf_str(&hosts));
    return 0;
}

static int parse_url(struct zk_store *zk, const char *rest, struct err *err)
{
    const char *hosts = strncmp(rest, "//", 2) == 0 ? rest + 2 : NULL;
    const char *path = hosts ? strchr(hosts, '/') : NULL;

    if (!path || path == hosts || !path[1])
        return err_set(err, EXIT_USAGE,
                       "store 'zk:': give zk://HOST:PORT[,HOST:PORT...]/dcos-service-NAME");
    if (memchr(hosts, '@', (size_t)(path - hosts)))
        return err_set(err, EXIT_USAGE,
                       "store 'zk:': credentials do not belong into the URL: put USER:PASSWORD "
                       "into a file and name it in DSE_STORE_AUTH_FILE");
    if (parse_hosts(zk, hosts, (size_t)(path - hosts), err) < 0)
        return -1;
    size_t len = strlen(path);
    while (len > 1 && path[len - 1] == '/')
        len--;
    zk->root = xstrndup(path, len);
    if (tree_path_check(zk->root + 1, err) < 0) {
        err->status = EXIT_USAGE;
        return err_prefix(err, "store 'zk:'");
    }
    return 0;
}

static void free_own(struct zk_store *zk)
{
    struct zk_req *next;

    for (struct zk_req *req = take(zk); req; req = next) {
        next = req->next;
        req_free(req);
    }
    if (zk->event_fd >= 0)
        close(zk->event_fd);
    pthread_mutex_destroy(&zk->mutex);
    free(zk->hosts);
    free(zk->root);
    if (zk->auth)
        explicit_bzero(zk->auth, strlen(zk->auth));
    free(zk->auth);
}

static struct store *zk_open(const char *rest, const struct store_options *options, struct err *err)
{
    struct zk_store *zk = xcalloc(1, sizeof *zk);

    pthread_mutex_init(&zk->mutex, NULL);
    zk->queue_tail = &zk->queue;
    zk->watch_ids = ZK_LOCK_WATCH;
    zk->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (zk->event_fd < 0)
        err_sys(err, EXIT_BUG, errno, "cannot make an eventfd");
    if (zk->event_fd < 0 || parse_url(zk, rest, err) < 0 || configure(zk, options, err) < 0) {
        free_own(zk);
        free(zk);
        return NULL;
    }
    return &zk->store;
}

/* Closing the session frees the lock too, but only soon: who waits for our end shall find it free.
 * And the library loses requests that are open then. */
static void settle(struct zk_store *zk)
{
    const int64_t end = loop_now_ms() + RELEASE_MS;

    zk_lock_release(zk);
    zk->closing = true;
    while (zk->open && zk->connected && loop_now_ms() < end) {
        struct pollfd fd = {.fd = zk->event_fd, .events = POLLIN};
        if (poll(&fd, 1, (int)(end - loop_now_ms())) <= 0)
            return;
        notes_ready(zk, zk->event_fd, 0);
    }
}

static void zk_close(struct store *store)
{
    struct zk_store *zk = (struct zk_store *)store;

    while (zk->queue) {
        struct store_call *call = zk->queue;
        zk->queue = call->next;
        store_call_drop(call);
    }
    if (zk->connected)
        settle(zk);
    zk->closing = true;
    zk_loads_drop(zk);
    zk_posts_drop(zk);
    zk_end_session(zk);
    zk_lock_free(zk);
    if (zk->started) {
        loop_io_del(zk->io);
        loop_timer_del(zk->retry);
    }
    free_own(zk);
}

const struct store_ops store_zk_ops = {
    .scheme = "zk",
    .txn_limit = TXN_LIMIT,
    .open = zk_open,
    .close = zk_close,
    .submit = zk_submit,
    .load = zk_load,
    .lock = zk_lock,
    .force = zk_force,
    .lock_info = zk_lock_info,
    .post = zk_post,
    .watch_add = zk_watch_add,
    .watch_del = zk_watch_del,
};
