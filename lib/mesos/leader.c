#include "mesos/leader.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <zookeeper/zookeeper.h>

#include "base/alloc.h"
#include "base/log.h"
#include "mesos/master.h"

enum { SESSION_MS = 10000, RESOLVE_MS = 30000, RETRY_MS = 2000 };

/* The client's threads only leave notes; everything else happens on the loop. */
enum note_kind { NOTE_SESSION, NOTE_CHANGED, NOTE_CHILDREN, NOTE_EXISTS, NOTE_DATA };

struct note {
    struct note *next;
    enum note_kind kind;
    int rc; /* of a call, or the session's state */
    char **children;
    size_t count;
    void *data;
    size_t len;
};

struct leader {
    struct loop *loop;
    leader_fn *fn;
    void *ctx;
    struct master_url url;
    zhandle_t *zk;
    struct loop_timer *retry, *silence;
    struct loop_io *io;
    int event_fd;
    pthread_mutex_t lock;
    struct note *first, *last; /* under the lock */
    char *child;               /* the leader's node, NULL: none */
    bool fetching;             /* its data is on the way */
    bool again;                /* the children changed meanwhile */
    bool told_silent;          /* that no server answers */
    char *base;                /* told last, NULL: none */
};

/* ---- on the client's threads ---------------------------------------------------------------- */

static void leave_note(struct leader *leader, const struct note *content)
{
    struct note *note = xmemdup(content, sizeof *note);
    const uint64_t one = 1;

    pthread_mutex_lock(&leader->lock);
    if (leader->last)
        leader->last->next = note;
    else
        leader->first = note;
    leader->last = note;
    pthread_mutex_unlock(&leader->lock);
    if (write(leader->event_fd, &one, sizeof one) < 0)
        abort(); /* an eventfd takes 2^64 - 2 of these */
}

static void on_session(zhandle_t *zk, int type, int state, const char *path, void *ctx)
{
    (void)zk;
    (void)path;
    if (type == ZOO_SESSION_EVENT)
        leave_note(ctx, &(struct note){.kind = NOTE_SESSION, .rc = state});
}

static void on_change(zhandle_t *zk, int type, int state, const char *path, void *ctx)
{
    (void)zk;
    (void)state;
    (void)path;
    if (type != ZOO_SESSION_EVENT)
        leave_note(ctx, &(struct note){.kind = NOTE_CHANGED});
}

static void on_children(int rc, const struct String_vector *strings, const void *ctx)
{
    struct note note = {.kind = NOTE_CHILDREN, .rc = rc};

    if (rc == ZOK && strings) {
        note.count = (size_t)strings->count;
        note.children = xcalloc(note.count, sizeof *note.children);
        for (size_t i = 0; i < note.count; i++)
            note.children[i] = xstrdup(strings->data[i]);
    }
    leave_note((struct leader *)(uintptr_t)ctx, &note);
}

static void on_exists(int rc, const struct Stat *stat, const void *ctx)
{
    (void)stat;
    leave_note((struct leader *)(uintptr_t)ctx, &(struct note){.kind = NOTE_EXISTS, .rc = rc});
}

static void on_data(int rc, const char *value, int len, const struct Stat *stat, const void *ctx)
{
    struct note note = {.kind = NOTE_DATA, .rc = rc};

    (void)stat;
    if (rc == ZOK) {
        note.len = len > 0 ? (size_t)len : 0;
        note.data = xmemdup(value, note.len);
    }
    leave_note((struct leader *)(uintptr_t)ctx, &note);
}

static void on_log(const char *message)
{
    log_debug("zookeeper: %s", message);
}

/* ---- on the loop ---------------------------------------------------------------------------- */

static void free_note(struct note *note)
{
    for (size_t i = 0; i < note->count; i++)
        free(note->children[i]);
    free(note->children);
    free(note->data);
    free(note);
}

static struct note *take_notes(struct leader *leader)
{
    pthread_mutex_lock(&leader->lock);
    struct note *notes = leader->first;
    leader->first = leader->last = NULL;
    pthread_mutex_unlock(&leader->lock);
    return notes;
}

static void tell(struct leader *leader, const char *base)
{
    if (!base && !leader->base)
        return;
    free(leader->base);
    leader->base = base ? xstrdup(base) : NULL;
    leader->fn(leader->ctx, leader->base);
}

static void forget_child(struct leader *leader)
{
    free(leader->child);
    leader->child = NULL;
}

static void no_leader(struct leader *leader)
{
    forget_child(leader);
    tell(leader, NULL);
}

static void close_session(struct leader *leader)
{
    if (leader->zk)
        zookeeper_close(leader->zk); /* no callback runs behind this */
    leader->zk = NULL;
    leader->fetching = leader->again = false;
    forget_child(leader);
    for (struct note *note = take_notes(leader), *next; note; note = next) {
        next = note->next;
        free_note(note);
    }
}

static void open_session(void *ctx)
{
    struct leader *leader = ctx;

    close_session(leader);
    leader->zk = zookeeper_init2(leader->url.hosts, on_session, SESSION_MS, NULL, leader,
                                 ZOO_NO_LOG_CLIENTENV, on_log);
    if (!leader->zk) {
        log_warn("cannot use the ZooKeeper servers '%s': %s: again in %d s", leader->url.hosts,
                 errno == ENOENT ? "no such host" : strerror(errno), RETRY_MS / 1000);
        loop_timer_in(leader->retry, RETRY_MS);
        return;
    }
    zoo_set_servers_resolution_delay(leader->zk, RESOLVE_MS);
    loop_timer_in(leader->silence, SESSION_MS);
}

/* A session that finds no server is made anew: a server that lost its data refuses the old one for
 * ever without saying that it has expired, and host names may have moved. We hold nothing by it. */
static void silent(void *ctx)
{
    struct leader *leader = ctx;

    if (!leader->told_silent)
        log_warn("no ZooKeeper server of '%s' answers: trying on", leader->url.hosts);
    leader->told_silent = true;
    open_session(leader);
}

/* A call that cannot even be queued: the handle is dead. */
static void queued(struct leader *leader, int rc)
{
    if (rc != ZOK)
        loop_timer_in(leader->retry, RETRY_MS);
}

static void list_masters(struct leader *leader)
{
    queued(leader, zoo_awget_children(leader->zk, leader->url.path, on_change, leader, on_children,
                                      leader));
}

static void handle_session(struct leader *leader, int state)
{
    if (state == ZOO_CONNECTED_STATE) {
        loop_timer_stop(leader->silence);
        leader->told_silent = false;
        log_debug("zookeeper: connected to '%s'", leader->url.hosts);
        list_masters(leader); /* changes while we were away are seen by listing anew */
    } else if (state == ZOO_EXPIRED_SESSION_STATE || state == ZOO_AUTH_FAILED_STATE) {
        open_session(leader);
    } else if (state == ZOO_CONNECTING_STATE) {
        loop_timer_in(leader->silence, SESSION_MS);
    }
}

static void handle_children(struct leader *leader, const struct note *note)
{
    if (note->rc == ZNONODE) {
        no_leader(leader);
        queued(leader,
               zoo_awexists(leader->zk, leader->url.path, on_change, leader, on_exists, leader));
        return;
    }
    if (note->rc != ZOK) {
        /* A lost connection is followed by a session event, which lists again. */
        if (note->rc != ZCONNECTIONLOSS && note->rc != ZOPERATIONTIMEOUT &&
            note->rc != ZSESSIONEXPIRED && note->rc != ZINVALIDSTATE && note->rc != ZCLOSING)
            log_warn("cannot list the masters in '%s': %s", leader->url.path, zerror(note->rc));
        return;
    }
    const char *child = master_leader_child((const char *const *)note->children, note->count);
    if (!child) {
        no_leader(leader);
        return;
    }
    if (leader->child && strcmp(leader->child, child) == 0)
        return;
    if (leader->fetching) { /* one at a time, so that data and node belong together */
        leader->again = true;
        return;
    }
    forget_child(leader);
    leader->child = xstrdup(child);
    auto_free char *path = xasprintf("%s/%s", leader->url.path, child);
    leader->fetching = true;
    queued(leader, zoo_aget(leader->zk, path, 0, on_data, leader));
}

static void handle_data(struct leader *leader, const struct note *note)
{
    struct err err = ERR_INIT;
    bool again = leader->again;

    leader->fetching = leader->again = false;
    if (!leader->child)
        return;
    if (again || note->rc == ZNONODE) {
        forget_child(leader);
        list_masters(leader);
        return;
    }
    if (note->rc != ZOK) {
        forget_child(leader); /* the connection was lost: when it is back, all is asked anew */
        return;
    }
    auto_free char *base = master_of_child(leader->child, note->data, note->len, &err);
    if (base) {
        tell(leader, base);
    } else {
        log_warn("%s", err.text);
        tell(leader, NULL);
    }
}

static void handle(struct leader *leader, const struct note *note)
{
    switch (note->kind) {
    case NOTE_SESSION:
        handle_session(leader, note->rc);
        break;
    case NOTE_CHANGED:
        list_masters(leader);
        break;
    case NOTE_CHILDREN:
        handle_children(leader, note);
        break;
    case NOTE_EXISTS:
        if (note->rc == ZOK)
            list_masters(leader);
        break;
    case NOTE_DATA:
        handle_data(leader, note);
        break;
    }
}

static void notes_ready(void *ctx, int fd, unsigned events)
{
    struct leader *leader = ctx;
    uint64_t count;

    (void)events;
    if (read(fd, &count, sizeof count) < 0)
        return;
    struct note *note = take_notes(leader);
    while (note) {
        struct note *next = note->next;
        const zhandle_t *zk = leader->zk;
        if (zk)
            handle(leader, note);
        free_note(note);
        note = next;
        if (leader->zk != zk) { /* a new session: the rest is of the old one */
            for (; note; note = next) {
                next = note->next;
                free_note(note);
            }
        }
    }
}

static void fixed(void *ctx)
{
    struct leader *leader = ctx;

    tell(leader, leader->url.base);
}

struct leader *leader_new(struct loop *loop, const char *master, leader_fn *fn, void *ctx,
                          struct err *err)
{
    struct master_url url;

    if (master_url_parse(master, &url, err) < 0)
        return NULL;
    struct leader *leader = xcalloc(1, sizeof *leader);
    *leader = (struct leader){.loop = loop, .fn = fn, .ctx = ctx, .url = url, .event_fd = -1};
    pthread_mutex_init(&leader->lock, NULL);
    if (!url.zk) {
        loop_defer(loop, fixed, leader);
        return leader;
    }
    leader->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (leader->event_fd < 0) {
        err_sys(err, EXIT_BUG, errno, "cannot make an eventfd");
        leader_free(leader);
        return NULL;
    }
    leader->io = loop_io_add(loop, leader->event_fd, LOOP_READ, notes_ready, leader);
    leader->retry = loop_timer_add(loop, open_session, leader);
    leader->silence = loop_timer_add(loop, silent, leader);
    zoo_set_debug_level(log_shows(LOG_LEVEL_DEBUG) ? ZOO_LOG_LEVEL_INFO : ZOO_LOG_LEVEL_ERROR);
    open_session(leader);
    return leader;
}

void leader_free(struct leader *leader)
{
    if (!leader)
        return;
    loop_undefer(leader->loop, fixed, leader);
    close_session(leader);
    loop_io_del(leader->io);
    loop_timer_del(leader->retry);
    loop_timer_del(leader->silence);
    if (leader->event_fd >= 0)
        close(leader->event_fd);
    pthread_mutex_destroy(&leader->lock);
    master_url_free(&leader->url);
    free(leader->child);
    free(leader->base);
    free(leader);
}
