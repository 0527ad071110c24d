/* Reading a tree from ZooKeeper, many requests on their way at a time, and posting one node.
 * What is not there any more when its turn comes is skipped; what the loss of a connection cut is
 * begun anew when it is back. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "state/store_zk.h"

enum { WINDOW = 4096, NODES = 4000000, TRIES = 10 };

/* ---- loading ----
 * Node by node, so a writer may change the tree meanwhile. Each of our transactions steps the
 * version of the writer's lease: when that is the same before and after, what was read is a
 * snapshot. */

enum load_stage { LOAD_BEFORE, LOAD_NODES, LOAD_AFTER };

struct zk_load_job {
    struct zk_load_job *next;
    enum load_stage stage;
    bool snapshot;        /* wanted; without it there are only nodes */
    char *before, *after; /* the writer's lease and its version; "" without a writer */
    int tries;
    struct store_call *call; /* NULL: it was ended with an error */
    struct tree *tree;
    char **paths; /* still to be read; the last is next */
    size_t count, room;
    size_t open;         /* requests on their way */
    size_t left_out;     /* nodes that no path of ours can name ... */
    struct err left_why; /* ... why not the first of them */
    bool broken;         /* begin anew */
    bool running;
};

static void pump(struct zk_store *zk, struct zk_load_job *job);
static void look_at_writer(struct zk_store *zk, struct zk_load_job *job, enum load_stage stage);

static void forget_paths(struct zk_load_job *job)
{
    while (job->count > 0)
        free(job->paths[--job->count]);
}

static void free_job(struct zk_load_job *job)
{
    forget_paths(job);
    free(job->paths);
    free(job->before);
    free(job->after);
    tree_free(job->tree);
    free(job);
}

static void unlink_job(struct zk_store *zk, struct zk_load_job *job)
{
    for (struct zk_load_job **p = &zk->loads; *p; p = &(*p)->next) {
        if (*p == job) {
            *p = job->next;
            return;
        }
    }
}

static void add_path(struct zk_load_job *job, char *path)
{
    if (job->count == job->room) {
        job->room = job->room ? job->room * 2 : 64;
        job->paths = xreallocarray(job->paths, job->room, sizeof *job->paths);
    }
    job->paths[job->count++] = path;
}

static void job_failed(struct zk_load_job *job, const struct err *err)
{
    forget_paths(job);
    if (job->call)
        store_call_fail(steal_ptr(job->call), err);
}

static void read_nodes(struct zk_store *zk, struct zk_load_job *job)
{
    job->stage = LOAD_NODES;
    job->left_out = 0;
    tree_free(job->tree);
    job->tree = tree_new();
    add_path(job, xstrdup(job->call->path));
    pump(zk, job);
}

static void begin_load(struct zk_store *zk, struct zk_load_job *job)
{
    job->broken = false;
    job->running = true;
    if (!zk->synced)
        zk_sync(zk);
    zk->synced = true;
    if (job->snapshot)
        look_at_writer(zk, job, LOAD_BEFORE);
    else
        read_nodes(zk, job);
}

static void end_load(struct zk_store *zk, struct zk_load_job *job)
{
    if (job->left_out)
        log_warn("%s: foreign nodes that cannot be named here are left out, %zu of them and what "
                 "is below: %s",
                 zk->store.name, job->left_out, job->left_why.text);
    unlink_job(zk, job);
    job->call->tree = steal_ptr(job->tree);
    store_call_done(job->call);
    free_job(job);
}

/* All answers of a stage are there. */
static void end_stage(struct zk_store *zk, struct zk_load_job *job)
{
    if (job->stage == LOAD_BEFORE)
        read_nodes(zk, job);
    else if (job->stage == LOAD_NODES && job->snapshot)
        look_at_writer(zk, job, LOAD_AFTER);
    else if (job->stage == LOAD_AFTER && strcmp(job->before, job->after) != 0 &&
             ++job->tries < TRIES)
        begin_load(zk, job);
    else
        end_load(zk, job);
}

/* After each answer. */
static void go_on(struct zk_store *zk, struct zk_load_job *job)
{
    job->open--;
    pump(zk, job);
    if (job->open)
        return;
    if (!job->call) {
        unlink_job(zk, job);
        free_job(job);
    } else if (job->broken) {
        job->running = false;
        if (zk->connected)
            begin_load(zk, job);
    } else {
        end_stage(zk, job);
    }
}

static bool is_good(struct zk_store *zk, struct zk_load_job *job, const struct zk_req *req)
{
    struct err err = ERR_INIT;

    if (!job->call || req->rc == ZNONODE)
        return false;
    if (req->rc == ZOK)
        return !job->broken;
    if (zk_may_retry(req->rc)) {
        job->broken = true;
        forget_paths(job);
    } else {
        zk_error(zk, req->rc, &err, "read", req->path);
        job_failed(job, &err);
    }
    return false;
}

static void note_writer(struct zk_load_job *job, char *lease)
{
    char **note = job->stage == LOAD_BEFORE ? &job->before : &job->after;

    free(*note);
    *note = lease;
}

static void lease_seen(struct zk_store *zk, struct zk_req *req)
{
    struct zk_load_job *job = req->ctx;

    if (is_good(zk, job, req))
        note_writer(job, xasprintf("%s %d", req->path, (int)req->stat.version));
    go_on(zk, job);
}

static void leases_listed(struct zk_store *zk, struct zk_req *req)
{
    struct zk_load_job *job = req->ctx;
    const char *lease = zk_lock_first_lease(req->children, req->count);

    note_writer(job, xstrdup("")); /* unless one is found */
    if (is_good(zk, job, req) && lease) {
        auto_free char *path = xasprintf("lock/leases/%s", lease);
        job->open++;
        zk_exists(zk, path, NULL, lease_seen, job);
    }
    go_on(zk, job);
}

static void look_at_writer(struct zk_store *zk, struct zk_load_job *job, enum load_stage stage)
{
    job->stage = stage;
    job->open++;
    zk_list(zk, "lock/leases", NULL, leases_listed, job);
}

static void children_read(struct zk_store *zk, struct zk_req *req)
{
    struct zk_load_job *job = req->ctx;
    struct err err = ERR_INIT;

    const bool good = is_good(zk, job, req);
    for (size_t i = 0; good && i < req->count; i++) {
        auto_free char *path =
            xasprintf("%s%s%s", req->path, *req->path ? "/" : "", req->children[i]);
        if (tree_path_check(path, job->left_out ? &err : &job->left_why) < 0)
            job->left_out++;
        else if (job->call && !store_call_skips(job->call, path))
            add_path(job, steal_ptr(path));
    }
    if (good && tree_count(job->tree) + job->count > NODES) {
        err_set(&err, EXIT_INPUT, "cannot read '%s': it has more than %d nodes", zk->store.name,
                NODES);
        job_failed(job, &err);
    }
    go_on(zk, job);
}

static void node_read(struct zk_store *zk, struct zk_req *req)
{
    struct zk_load_job *job = req->ctx;

    if (is_good(zk, job, req)) {
        tree_put(job->tree, req->path, req->data, req->len);
        if (req->stat.numChildren > 0 && strcmp(req->path, "lock") != 0) {
            job->open++;
            zk_list(zk, req->path, NULL, children_read, job);
        }
    }
    go_on(zk, job);
}

static void pump(struct zk_store *zk, struct zk_load_job *job)
{
    while (job->count && job->open < WINDOW) {
        auto_free char *path = job->paths[--job->count];
        job->open++;
        zk_get(zk, path, node_read, job);
    }
}

void zk_load(struct store *store, struct store_call *call)
{
    struct zk_store *zk = (struct zk_store *)store;
    struct zk_load_job *job = xcalloc(1, sizeof *job);

    if (strncmp(call->path, "lock/", 5) == 0) { /* the back end's own */
        free(job);
        call->tree = tree_new();
        store_call_done(call);
        return;
    }
    job->call = call;
    job->snapshot = zk->store.snapshots && !zk->store.locked;
    job->next = zk->loads;
    zk->loads = job;
    zk_start(zk);
    if (zk->connected)
        begin_load(zk, job);
}

void zk_loads_connected(struct zk_store *zk)
{
    for (struct zk_load_job *job = zk->loads; job; job = job->next) {
        if (!job->running && job->call)
            begin_load(zk, job);
    }
}

void zk_loads_drop(struct zk_store *zk)
{
    while (zk->loads) {
        struct zk_load_job *job = zk->loads;
        zk->loads = job->next;
        if (job->call)
            store_call_drop(job->call);
        free_job(job);
    }
}

/* ---- posting ---- */

struct zk_post_job {
    struct zk_post_job *next;
    struct store_call *call;
    bool running, made_parents;
    bool unsure; /* an earlier try may have made it */
};

static void try_post(struct zk_store *zk, struct zk_post_job *job);

static void post_end(struct zk_store *zk, struct zk_post_job *job, const struct err *err)
{
    for (struct zk_post_job **p = &zk->posts; *p; p = &(*p)->next) {
        if (*p == job) {
            *p = job->next;
            break;
        }
    }
    if (err)
        store_call_fail(job->call, err);
    else
        store_call_done(job->call);
    free(job);
}

static void exists_already(struct zk_store *zk, struct zk_post_job *job)
{
    struct err err = ERR_INIT;

    err_set(&err, EXIT_LOCKED, "cannot create '%s': it exists already", job->call->path);
    post_end(zk, job, &err);
}

/* Whether it is ours, of a try whose answer was lost. */
static void compared(struct zk_store *zk, struct zk_req *req)
{
    struct zk_post_job *job = req->ctx;

    if (zk_may_retry(req->rc)) {
        job->running = false;
        if (zk->connected)
            try_post(zk, job);
    } else if (req->rc == ZOK && req->len == (ssize_t)job->call->len &&
               memcmp(req->data, job->call->data, job->call->len) == 0) {
        post_end(zk, job, NULL);
    } else {
        exists_already(zk, job);
    }
}

static void posted(struct zk_store *zk, struct zk_req *req)
{
    struct zk_post_job *job = req->ctx;
    const char *path = job->call->path;
    struct err err = ERR_INIT;

    if (req->rc == ZOK) {
        post_end(zk, job, NULL);
    } else if (zk_may_retry(req->rc)) {
        job->running = false;
        job->unsure = true;
        if (zk->connected)
            try_post(zk, job);
    } else if (req->rc == ZNODEEXISTS && job->unsure) {
        zk_get(zk, path, compared, job);
    } else if (req->rc == ZNODEEXISTS) {
        exists_already(zk, job);
    } else if (req->rc == ZNONODE && !job->made_parents) {
        job->made_parents = true;
        if (zk->store.create_root)
            zk_create_root(zk);
        for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
            auto_free char *parent = xstrndup(path, (size_t)(slash - path));
            zk_create(zk, parent, "", 0, ZK_STATE_NODE, NULL, NULL);
        }
        try_post(zk, job);
    } else if (req->rc == ZNONODE) {
        err_set(&err, EXIT_UNREACHABLE, "store '%s': there is no node '%s'", zk->store.name,
                zk->root);
        post_end(zk, job, &err);
    } else {
        zk_error(zk, req->rc, &err, "create", path);
        post_end(zk, job, &err);
    }
}

static void try_post(struct zk_store *zk, struct zk_post_job *job)
{
    job->running = true;
    zk_create(zk, job->call->path, job->call->data, job->call->len, ZK_STATE_NODE, posted, job);
}

void zk_post(struct store *store, struct store_call *call)
{
    struct zk_store *zk = (struct zk_store *)store;
    struct err err = ERR_INIT;

    if (strlen(call->path) + call->len > TXN_MAX) {
        err_set(&err, EXIT_INPUT, "'%s' of %zu bytes is too large for ZooKeeper (limit: %d bytes)",
                call->path, call->len, (int)TXN_MAX);
        store_call_fail(call, &err);
        return;
    }
    struct zk_post_job *job = xcalloc(1, sizeof *job);
    job->call = call;
    job->next = zk->posts;
    zk->posts = job;
    zk_start(zk);
    if (zk->connected)
        try_post(zk, job);
}

void zk_posts_connected(struct zk_store *zk)
{
    for (struct zk_post_job *job = zk->posts; job; job = job->next) {
        if (!job->running)
            try_post(zk, job);
    }
}

void zk_posts_drop(struct zk_store *zk)
{
    while (zk->posts) {
        struct zk_post_job *job = zk->posts;
        zk->posts = job->next;
        store_call_drop(job->call);
        free(job);
    }
}
