#include "mesos/transfer.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/alloc.h"

struct transfer {
    struct transfer *next;
    CURL *easy;
    transfer_fn *fn;
    void *ctx;
};

struct transfers {
    struct loop *loop;
    CURLM *multi;
    struct loop_timer *timer;
    struct transfer *running;
};

static struct transfer **find(struct transfers *t, const CURL *easy)
{
    struct transfer **at = &t->running;

    while (*at && (*at)->easy != easy)
        at = &(*at)->next;
    return at;
}

/* Takes a transfer off the list and out of libcurl. */
static struct transfer *take(struct transfers *t, CURL *easy)
{
    struct transfer **at = find(t, easy), *taken = *at;

    if (taken) {
        *at = taken->next;
        curl_multi_remove_handle(t->multi, easy);
    }
    return taken;
}

/* Ended transfers; one at a time, since callbacks may start and stop others. */
static void reap(struct transfers *t)
{
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(t->multi, &left))) {
        if (message->msg != CURLMSG_DONE)
            continue;
        CURLcode result = message->data.result;
        auto_free struct transfer *ended = take(t, message->easy_handle);
        if (ended)
            ended->fn(ended->ctx, result);
    }
}

static void act(struct transfers *t, curl_socket_t fd, int what)
{
    int running;

    curl_multi_socket_action(t->multi, fd, what, &running);
    reap(t);
}

static void ready(void *ctx, int fd, unsigned events)
{
    int what = 0;

    if (events & LOOP_READ)
        what |= CURL_CSELECT_IN;
    if (events & LOOP_WRITE)
        what |= CURL_CSELECT_OUT;
    if (events & LOOP_ERROR)
        what |= CURL_CSELECT_ERR;
    act(ctx, fd, what);
}

static void timeout(void *ctx)
{
    act(ctx, CURL_SOCKET_TIMEOUT, 0);
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *source)
{
    struct transfers *t = ctx;
    struct loop_io *io = source;
    unsigned events = 0;

    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        loop_io_del(io);
        curl_multi_assign(t->multi, fd, NULL);
        return 0;
    }
    if (what & CURL_POLL_IN)
        events |= LOOP_READ;
    if (what & CURL_POLL_OUT)
        events |= LOOP_WRITE;
    if (io)
        loop_io_set(io, events);
    else
        curl_multi_assign(t->multi, fd, loop_io_add(t->loop, fd, events, ready, t));
    return 0;
}

/* Must not call into libcurl, also for 0 ms: the loop's timer comes back later. */
static int on_timer(CURLM *multi, long ms, void *ctx)
{
    struct transfers *t = ctx;

    (void)multi;
    if (ms < 0)
        loop_timer_stop(t->timer);
    else
        loop_timer_in(t->timer, ms);
    return 0;
}

struct transfers *transfers_new(struct loop *loop, struct err *err)
{
    static bool initialised;

    if (!initialised && curl_global_init(CURL_GLOBAL_ALL) != 0) {
        err_set(err, EXIT_BUG, "cannot initialise libcurl");
        return NULL;
    }
    initialised = true;
    struct transfers *t = xcalloc(1, sizeof *t);
    t->loop = loop;
    t->multi = curl_multi_init();
    if (!t->multi)
        abort();
    t->timer = loop_timer_add(loop, timeout, t);
    curl_multi_setopt(t->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(t->multi, CURLMOPT_SOCKETDATA, t);
    curl_multi_setopt(t->multi, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(t->multi, CURLMOPT_TIMERDATA, t);
    curl_multi_setopt(t->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
    return t;
}

void transfers_free(struct transfers *t)
{
    if (!t)
        return;
    while (t->running)
        transfers_stop(t, t->running->easy);
    curl_multi_cleanup(t->multi); /* closes kept connections, by the callbacks above */
    loop_timer_del(t->timer);
    free(t);
}

void transfers_start(struct transfers *t, CURL *easy, transfer_fn *fn, void *ctx)
{
    struct transfer *transfer = xcalloc(1, sizeof *transfer);

    *transfer = (struct transfer){t->running, easy, fn, ctx};
    t->running = transfer;
    if (curl_multi_add_handle(t->multi, easy) != CURLM_OK)
        abort();
}

void transfers_stop(struct transfers *t, CURL *easy)
{
    free(take(t, easy));
}
