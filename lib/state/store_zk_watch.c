/* Watches in ZooKeeper: of a node, of its list of children and of each child. One fires once, so
 * each time all are set anew, before the caller is told: what changes after it looks fires again.
 */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "state/store_zk.h"

struct zk_watch_job {
    struct zk_watch_job *next;
    struct store_watch *watch;
    unsigned long id;
    int64_t newest; /* transaction that changed a child last, as far as known */
};

static struct zk_watch_job *find_job(struct zk_store *zk, unsigned long id)
{
    struct zk_watch_job *job = zk->watches;

    while (job && job->id != id)
        job = job->next;
    return job;
}

/* Answers carry the number, for the watch may be gone by then. */
static void *number(unsigned long id)
{
    return (void *)(uintptr_t)id; /* NOLINT: a number, never followed */
}

static void child_seen(struct zk_store *zk, struct zk_req *req)
{
    struct zk_watch_job *job = find_job(zk, (unsigned long)(uintptr_t)req->ctx);

    if (!job || req->rc != ZOK || req->stat.mzxid <= job->newest)
        return;
    /* It changed before it was watched, perhaps after the caller looked. */
    job->newest = req->stat.mzxid;
    store_watch_fire(job->watch);
}

static void listed(struct zk_store *zk, struct zk_req *req)
{
    const unsigned long id = (unsigned long)(uintptr_t)req->ctx;
    struct zk_watch_job *job = find_job(zk, id);

    for (size_t i = 0; job && i < req->count; i++) {
        auto_free char *path =
            xasprintf("%s%s%s", job->watch->path, *job->watch->path ? "/" : "", req->children[i]);
        zk_exists(zk, path, &id, child_seen, req->ctx);
    }
}

static void arm(struct zk_store *zk, struct zk_watch_job *job)
{
    zk_exists(zk, job->watch->path, &job->id, NULL, NULL);
    zk_list(zk, job->watch->path, &job->id, listed, number(job->id));
}

int zk_watch_add(struct store_watch *watch, struct err *err)
{
    struct zk_store *zk = (struct zk_store *)watch->store;
    struct zk_watch_job *job = xcalloc(1, sizeof *job);

    (void)err;
    *job = (struct zk_watch_job){.next = zk->watches, .watch = watch, .id = ++zk->watch_ids};
    zk->watches = job;
    watch->back_end = job;
    zk_start(zk);
    if (zk->connected)
        arm(zk, job);
    return 0;
}

void zk_watch_del(struct store_watch *watch)
{
    struct zk_store *zk = (struct zk_store *)watch->store;

    for (struct zk_watch_job **p = &zk->watches; *p; p = &(*p)->next) {
        if (*p == watch->back_end) {
            *p = (*p)->next;
            break;
        }
    }
    free(watch->back_end);
}

void zk_watch_event(struct zk_store *zk, unsigned long id)
{
    struct zk_watch_job *job = find_job(zk, id);

    if (!job)
        return;
    arm(zk, job);
    store_watch_fire(job->watch);
}

void zk_watches_connected(struct zk_store *zk, bool again)
{
    for (struct zk_watch_job *job = zk->watches; job; job = job->next) {
        arm(zk, job);
        if (again)
            store_watch_fire(job->watch);
    }
}
