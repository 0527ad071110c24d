/* Inside of the ZooKeeper store: the session, its requests, and the parts built on them.
 *
 * The client library calls back on threads of its own; those callbacks only copy the answer into
 * the request, put it on a list and signal an eventfd. Everything else happens on the loop. */
#ifndef DSE_STATE_STORE_ZK_H
#define DSE_STATE_STORE_ZK_H

#include <pthread.h>
#include <zookeeper/zookeeper.h>

#include "base/clock.h"
#include "state/store_impl.h"

struct zk_store;
struct zk_req;
/* Runs on the loop when a request is answered or failed (zk_may_retry(req->rc) then). */
typedef void zk_fn(struct zk_store *zk, struct zk_req *req);

enum zk_kind { ZK_ANSWER, ZK_SESSION, ZK_WATCH };

struct zk_req {
    struct zk_req *next;
    struct zk_req *open_prev, *open_next; /* ZK_ANSWER: all that are on their way */
    bool answered;
    enum zk_kind kind;
    struct zk_store *zk;
    zk_fn *fn; /* NULL: nobody waits */
    void *ctx;
    char *path;       /* relative to the root */
    int64_t sent_ms;  /* zk_now_ms() before it was sent */
    unsigned long id; /* ZK_WATCH: which; else of which session */
    int rc;           /* ZK_SESSION: the state */
    char *made;       /* name of a created sequential node, its last part */
    char *data;       /* NUL-terminated, NULL: null data */
    ssize_t len;      /* -1: null data */
    struct Stat stat;
    char **children;
    size_t count;
    zoo_op_t *ops; /* of a transaction, with their results */
    zoo_op_result_t *results;
};

struct zk_load_job;
struct zk_watch_job;
struct zk_post_job;
struct zk_look;

enum lock_step { LOCK_NONE, LOCK_LOOK, LOCK_PARENTS, LOCK_OLD, LOCK_QUEUE, LOCK_LEASE, LOCK_HELD };

/* Our side of the lock (state-store 2): three ephemeral nodes of one session. */
struct zk_lock {
    enum lock_step step;
    struct store_call *call; /* NULL: for transactions of a tool without the lock */
    bool waiting;            /* for another's node to go; its directory is watched */
    bool creating;           /* a create is on its way */
    bool borrowed;           /* by a tool, for its transactions */
    bool returning;          /* the nodes are being deleted */
    unsigned long of_session;
    struct zk_look *looks;    /* under way */
    struct store_call *infos; /* asked for while there was no connection */
    char *holder;             /* what goes into the nodes */
    char uuid[UUID_TEXT];
    char *old, *queue, *lease; /* paths of ours; NULL: not there */
    int version;               /* of the lease behind all that was sent */
    int64_t wait_ms, until_ms; /* loop_now_ms() clock; 0: not known yet */
    struct lock_info seen;     /* the other holder */
    struct loop_timer *deadline, *beat, *expiry;
    int64_t proof_ms; /* when the last request that was answered left, zk_now_ms() */
    int timeout_ms;   /* negotiated */
};

struct zk_store {
    struct store store;
    char *hosts, *root; /* "/dcos-service-x", with the chroot */
    char *auth;         /* user:password, or NULL */
    bool creator_only;
    int session_ms; /* asked for */
    bool started;   /* the loop is known */
    bool closing;   /* answers are only counted */
    struct zk_req *open;
    zhandle_t *zh;
    unsigned long session; /* number of the handle */
    bool connected, was_connected, synced;
    int event_fd;
    struct loop_io *io;
    struct loop_timer *retry;
    pthread_mutex_t mutex;
    struct zk_req *first, *last; /* answered; under the mutex */
    struct zk_load_job *loads;
    struct zk_post_job *posts;
    struct zk_watch_job *watches;
    unsigned long watch_ids;
    struct store_call *queue, **queue_tail; /* transactions, in order */
    bool forced;                            /* they leave without the lock */
    bool refusing;                          /* a transaction that was not sent ends in its turn */
    struct zk_lock lock;
};

enum { ZK_LOCK_WATCH = 0 }; /* id of the watch of the lock; others count from 1 */

/* Milliseconds that go on while the machine sleeps, as a session's timeout does. */
int64_t zk_now_ms(void);
/* Makes sure that the session is there or being made. */
void zk_start(struct zk_store *zk);
/* Ends the session and begins another; what is on its way fails with ZCLOSING. */
void zk_reopen(struct zk_store *zk);
/* Ends it for good. */
void zk_end_session(struct zk_store *zk);
/* The connection was lost, or the session: ask again when it is back. */
bool zk_may_retry(int rc);
/* Status for a code, text for people. Returns -1. */
int zk_error(const struct zk_store *zk, int rc, struct err *err, const char *what,
             const char *path);

/* ---- requests: answered later through fn, from the loop ---- */
void zk_get(struct zk_store *zk, const char *path, zk_fn *fn, void *ctx);
void zk_list(struct zk_store *zk, const char *path, const unsigned long *watch_id, zk_fn *fn,
             void *ctx);
void zk_exists(struct zk_store *zk, const char *path, const unsigned long *watch_id, zk_fn *fn,
               void *ctx);
enum zk_create_mode { ZK_STATE_NODE, ZK_LOCK_NODE, ZK_LOCK_MEMBER /* ephemeral, sequential */ };
void zk_create(struct zk_store *zk, const char *path, const void *data, size_t len,
               enum zk_create_mode mode, zk_fn *fn, void *ctx);
/* The root and what is above it, errors ignored: what follows will tell. */
void zk_create_root(struct zk_store *zk);
void zk_delete(struct zk_store *zk, const char *path, zk_fn *fn, void *ctx);
void zk_sync(struct zk_store *zk);
/* Sends the transaction behind a step of our lease's version; without a lease behind a check that
 * the root is there, as the original does. */
void zk_multi(struct zk_store *zk, const struct txn *txn, const char *lease, int version, zk_fn *fn,
              void *ctx);

/* ---- parts ---- */
void zk_load(struct store *store, struct store_call *call);
void zk_loads_connected(struct zk_store *zk);
void zk_loads_drop(struct zk_store *zk);
void zk_post(struct store *store, struct store_call *call);
void zk_posts_connected(struct zk_store *zk);
void zk_posts_drop(struct zk_store *zk);

void zk_force(struct store *store);
void zk_submit(struct store *store, struct store_call *call);
/* The lock was taken (err NULL) or could not be: send or refuse what waits for it. */
void zk_submit_locked(struct zk_store *zk, const struct err *err);
/* A borrowed lock was given back. */
void zk_submit_returned(struct zk_store *zk);
/* Ends all transactions, in order. */
void zk_submit_fail(struct zk_store *zk, const struct err *err);

/* The holder's among the leases; NULL: there is none. */
const char *zk_lock_first_lease(char *const *names, size_t count);
void zk_lock(struct store *store, struct store_call *call);
void zk_lock_info(struct store *store, struct store_call *call);
void zk_lock_connected(struct zk_store *zk);
/* It cannot be had. */
void zk_lock_fail(struct zk_store *zk, const struct err *err);
/* The lock is gone: nothing is written any more. */
void zk_lose(struct zk_store *zk, const struct err *why);
void zk_lock_changed(struct zk_store *zk);
/* Takes it for transactions of a tool; gives it back. */
void zk_lock_borrow(struct zk_store *zk);
void zk_lock_release(struct zk_store *zk);
void zk_lock_free(struct zk_store *zk);
/* A request sent then was answered. */
void zk_lock_proof(struct zk_store *zk, int64_t sent_ms);
/* Whether our session can still be alive by our own clock; loses the lock when not. */
bool zk_lock_alive(struct zk_store *zk);

int zk_watch_add(struct store_watch *watch, struct err *err);
void zk_watch_del(struct store_watch *watch);
void zk_watch_event(struct zk_store *zk, unsigned long id);
/* All of them are set; after a reconnect they fire too. */
void zk_watches_connected(struct zk_store *zk, bool again);

#endif
