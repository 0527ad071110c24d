#define _GNU_SOURCE
#include "base/loop.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"

enum { BATCH = 64, SIGNALS = 65 };

struct loop_io {
    struct loop *loop;
    struct loop_io *next, *previous; /* all sources of the loop */
    loop_io_fn *fn;
    void *ctx;
    int fd;
    unsigned events;
    bool registered; /* with epoll */
    bool plain;      /* a file that epoll refuses: always ready */
    bool dead;       /* removed; freed when no event of the turn can name it any more */
};

enum timer_state { TIMER_IDLE, TIMER_ARMED /* in the heap */, TIMER_DUE /* in the due list */ };

struct loop_timer {
    struct loop *loop;
    struct loop_timer *next, *previous; /* all timers of the loop */
    struct loop_timer *due_next, *due_previous;
    loop_fn *fn;
    void *ctx;
    int64_t at_ms;
    size_t slot; /* in the heap */
    enum timer_state state;
};

struct deferred {
    loop_fn *fn; /* NULL: dropped */
    void *ctx;
};

struct loop {
    int epoll_fd, timer_fd, signal_fd;
    struct loop_io *sources;
    size_t plain_count; /* plain sources that are not paused */
    struct loop_io **dead;
    size_t dead_count, dead_room;
    struct loop_timer *timers;
    struct loop_timer **heap;
    size_t heap_count, heap_room;
    struct loop_timer *due_first, *due_last;
    int64_t set_ms; /* what the timer descriptor is set to; 0: off */
    struct deferred *deferred;
    size_t deferred_count, deferred_room;
    struct {
        loop_signal_fn *fn;
        void *ctx;
    } signals[SIGNALS];
    sigset_t mask;
    bool in_turn, stopped;
    int status;
};

static void broken(const char *what)
{
    perror(what);
    _exit(EXIT_BUG);
}

int64_t loop_now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- sources ----------------------------------------------------------------------------------
 */

static bool always_ready(const struct loop_io *io)
{
    return io->plain && (io->events & (LOOP_READ | LOOP_WRITE));
}

static uint32_t epoll_mask(unsigned events)
{
    return (events & LOOP_READ ? EPOLLIN : 0u) | (events & LOOP_WRITE ? EPOLLOUT : 0u);
}

static void unregister(struct loop_io *io)
{
    /* The descriptor may be closed already, which took it out. */
    if (io->registered)
        epoll_ctl(io->loop->epoll_fd, EPOLL_CTL_DEL, io->fd, NULL);
    io->registered = false;
}

/* Epoll reports hang-ups even when nothing is asked for, so a paused source is taken out of it. */
static void apply_events(struct loop_io *io)
{
    struct epoll_event event = {.events = epoll_mask(io->events), .data.ptr = io};
    const int op = io->registered ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;

    if (io->plain)
        return;
    if (!io->events) {
        unregister(io);
        return;
    }
    if (epoll_ctl(io->loop->epoll_fd, op, io->fd, &event) == 0) {
        io->registered = true;
    } else if (errno == EPERM) {
        io->plain = true;
    } else {
        broken("epoll_ctl");
    }
}

struct loop_io *loop_io_add(struct loop *loop, int fd, unsigned events, loop_io_fn *fn, void *ctx)
{
    struct loop_io *io = xcalloc(1, sizeof *io);

    *io = (struct loop_io){.loop = loop, .fd = fd, .fn = fn, .ctx = ctx, .next = loop->sources};
    if (loop->sources)
        loop->sources->previous = io;
    loop->sources = io;
    io->events = events;
    apply_events(io);
    loop->plain_count += always_ready(io);
    return io;
}

void loop_io_set(struct loop_io *io, unsigned events)
{
    if (io->events == events)
        return;
    io->loop->plain_count -= always_ready(io);
    io->events = events;
    apply_events(io);
    io->loop->plain_count += always_ready(io);
}

void loop_io_del(struct loop_io *io)
{
    if (!io || io->dead)
        return;
    struct loop *loop = io->loop;
    loop->plain_count -= always_ready(io);
    unregister(io);
    if (io->previous)
        io->previous->next = io->next;
    else
        loop->sources = io->next;
    if (io->next)
        io->next->previous = io->previous;
    if (!loop->in_turn) {
        free(io);
        return;
    }
    io->dead = true; /* keeps .next for a walk that stands on it */
    if (loop->dead_count == loop->dead_room) {
        loop->dead_room = loop->dead_room ? loop->dead_room * 2 : 8;
        loop->dead = xreallocarray(loop->dead, loop->dead_room, sizeof(struct loop_io *));
    }
    loop->dead[loop->dead_count++] = io;
}

static void bury(struct loop *loop)
{
    for (size_t i = 0; i < loop->dead_count; i++)
        free(loop->dead[i]);
    loop->dead_count = 0;
}

static void report(struct loop_io *io, uint32_t got)
{
    unsigned events = 0;

    if (io->dead || !io->events) /* removed or paused earlier in this turn */
        return;
    if (got & EPOLLIN)
        events |= LOOP_READ;
    if (got & EPOLLOUT)
        events |= LOOP_WRITE;
    if (got & (EPOLLERR | EPOLLHUP))
        events |= LOOP_ERROR | LOOP_READ | LOOP_WRITE;
    events &= io->events | LOOP_ERROR;
    if (events)
        io->fn(io->ctx, io->fd, events);
}

/* A callback may remove any source, so the walk is over a copy of the list; removed ones are dead
 * but not freed during a turn. */
static void report_plain(struct loop *loop)
{
    auto_free struct loop_io **ready = NULL;
    size_t count = 0;

    if (!loop->plain_count)
        return;
    ready = xcalloc(loop->plain_count, sizeof(struct loop_io *));
    for (struct loop_io *io = loop->sources; io; io = io->next) {
        if (always_ready(io))
            ready[count++] = io;
    }
    for (size_t i = 0; i < count && !loop->stopped; i++) {
        if (!ready[i]->dead && always_ready(ready[i]))
            ready[i]->fn(ready[i]->ctx, ready[i]->fd, ready[i]->events & (LOOP_READ | LOOP_WRITE));
    }
}

/* ---- timers: a binary heap by time ------------------------------------------------------------
 */

static void heap_put(struct loop *loop, size_t slot, struct loop_timer *timer)
{
    loop->heap[slot] = timer;
    timer->slot = slot;
}

static void sift_up(struct loop *loop, size_t slot)
{
    struct loop_timer *timer = loop->heap[slot];

    for (; slot && loop->heap[(slot - 1) / 2]->at_ms > timer->at_ms; slot = (slot - 1) / 2)
        heap_put(loop, slot, loop->heap[(slot - 1) / 2]);
    heap_put(loop, slot, timer);
}

static void sift_down(struct loop *loop, size_t slot)
{
    struct loop_timer *timer = loop->heap[slot];

    for (;;) {
        size_t child = slot * 2 + 1;
        if (child + 1 < loop->heap_count && loop->heap[child + 1]->at_ms < loop->heap[child]->at_ms)
            child++;
        if (child >= loop->heap_count || loop->heap[child]->at_ms >= timer->at_ms)
            break;
        heap_put(loop, slot, loop->heap[child]);
        slot = child;
    }
    heap_put(loop, slot, timer);
}

static void heap_remove(struct loop *loop, struct loop_timer *timer)
{
    const size_t slot = timer->slot;
    struct loop_timer *last = loop->heap[--loop->heap_count];

    if (last == timer)
        return;
    heap_put(loop, slot, last);
    sift_up(loop, slot);
    sift_down(loop, last->slot);
}

static void due_remove(struct loop *loop, struct loop_timer *timer)
{
    if (timer->due_previous)
        timer->due_previous->due_next = timer->due_next;
    else
        loop->due_first = timer->due_next;
    if (timer->due_next)
        timer->due_next->due_previous = timer->due_previous;
    else
        loop->due_last = timer->due_previous;
    timer->due_next = timer->due_previous = NULL;
}

static void due_append(struct loop *loop, struct loop_timer *timer)
{
    timer->state = TIMER_DUE;
    timer->due_previous = loop->due_last;
    timer->due_next = NULL;
    if (loop->due_last)
        loop->due_last->due_next = timer;
    else
        loop->due_first = timer;
    loop->due_last = timer;
}

struct loop_timer *loop_timer_add(struct loop *loop, loop_fn *fn, void *ctx)
{
    struct loop_timer *timer = xcalloc(1, sizeof *timer);

    *timer = (struct loop_timer){.loop = loop, .fn = fn, .ctx = ctx, .next = loop->timers};
    if (loop->timers)
        loop->timers->previous = timer;
    loop->timers = timer;
    return timer;
}

void loop_timer_stop(struct loop_timer *timer)
{
    if (timer->state == TIMER_ARMED)
        heap_remove(timer->loop, timer);
    else if (timer->state == TIMER_DUE)
        due_remove(timer->loop, timer);
    timer->state = TIMER_IDLE;
}

void loop_timer_at(struct loop_timer *timer, int64_t at_ms)
{
    struct loop *loop = timer->loop;

    loop_timer_stop(timer);
    if (loop->heap_count == loop->heap_room) {
        loop->heap_room = loop->heap_room ? loop->heap_room * 2 : 16;
        loop->heap = xreallocarray(loop->heap, loop->heap_room, sizeof(struct loop_timer *));
    }
    timer->at_ms = at_ms;
    timer->state = TIMER_ARMED;
    heap_put(loop, loop->heap_count, timer);
    sift_up(loop, loop->heap_count++);
}

void loop_timer_in(struct loop_timer *timer, int64_t ms)
{
    const int64_t now = loop_now_ms();

    loop_timer_at(timer, ms > INT64_MAX - now ? INT64_MAX : now + (ms > 0 ? ms : 0));
}

void loop_timer_del(struct loop_timer *timer)
{
    if (!timer)
        return;
    loop_timer_stop(timer);
    if (timer->previous)
        timer->previous->next = timer->next;
    else
        timer->loop->timers = timer->next;
    if (timer->next)
        timer->next->previous = timer->previous;
    free(timer);
}

/* Sets the descriptor to the earliest timer when that changed. */
static void set_timer_fd(struct loop *loop)
{
    const int64_t longest = INT64_C(1) << 40; /* ms, 34 years: within the kernel's range */
    struct itimerspec spec = {0};
    int64_t at = loop->heap_count ? loop->heap[0]->at_ms : 0;

    at = !loop->heap_count ? 0 : at < 1 ? 1 : at > longest ? longest : at;
    if (at == loop->set_ms)
        return;
    spec.it_value.tv_sec = at / 1000;
    spec.it_value.tv_nsec = at % 1000 * 1000000;
    if (timerfd_settime(loop->timer_fd, TFD_TIMER_ABSTIME, &spec, NULL) < 0)
        broken("timerfd_settime");
    loop->set_ms = at;
}

static void timer_ready(void *ctx, int fd, unsigned events)
{
    struct loop *loop = ctx;
    uint64_t expirations;

    (void)events;
    if (read(fd, &expirations, sizeof expirations) > 0)
        loop->set_ms = 0; /* it fired and is off */
}

/* First all that are due are taken out, then called: what callbacks arm belongs to a later turn. */
static void run_timers(struct loop *loop)
{
    const int64_t now = loop->heap_count || loop->due_first ? loop_now_ms() : 0;

    while (loop->heap_count && loop->heap[0]->at_ms <= now) {
        struct loop_timer *timer = loop->heap[0];
        heap_remove(loop, timer);
        due_append(loop, timer);
    }
    while (loop->due_first && !loop->stopped) {
        struct loop_timer *timer = loop->due_first;
        due_remove(loop, timer);
        timer->state = TIMER_IDLE;
        timer->fn(timer->ctx);
    }
}

/* ---- deferred calls ---------------------------------------------------------------------------
 */

void loop_defer(struct loop *loop, loop_fn *fn, void *ctx)
{
    if (loop->deferred_count == loop->deferred_room) {
        loop->deferred_room = loop->deferred_room ? loop->deferred_room * 2 : 16;
        loop->deferred = xreallocarray(loop->deferred, loop->deferred_room, sizeof *loop->deferred);
    }
    loop->deferred[loop->deferred_count++] = (struct deferred){fn, ctx};
}

void loop_undefer(struct loop *loop, loop_fn *fn, void *ctx)
{
    for (size_t i = 0; i < loop->deferred_count; i++) {
        if (loop->deferred[i].fn == fn && loop->deferred[i].ctx == ctx)
            loop->deferred[i].fn = NULL;
    }
}

/* Those that the calls add run in the next turn, so that descriptors are not starved. */
static void run_deferred(struct loop *loop)
{
    const size_t count = loop->deferred_count;
    size_t done = 0;

    while (done < count && !loop->stopped) {
        const struct deferred call = loop->deferred[done];
        loop->deferred[done++].fn = NULL;
        if (call.fn)
            call.fn(call.ctx);
    }
    if (!done)
        return;
    loop->deferred_count -= done;
    memmove(loop->deferred, loop->deferred + done, loop->deferred_count * sizeof *loop->deferred);
}

/* ---- signals ----------------------------------------------------------------------------------
 */

static void signal_ready(void *ctx, int fd, unsigned events)
{
    struct loop *loop = ctx;
    struct signalfd_siginfo info;

    (void)events;
    while (!loop->stopped && read(fd, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo < SIGNALS && loop->signals[info.ssi_signo].fn)
            loop->signals[info.ssi_signo].fn(loop->signals[info.ssi_signo].ctx,
                                             (int)info.ssi_signo);
    }
}

int loop_signal(struct loop *loop, int signo, loop_signal_fn *fn, void *ctx, struct err *err)
{
    sigset_t one;

    if (signo < 1 || signo >= SIGNALS)
        return err_set(err, EXIT_BUG, "no such signal: %d", signo);
    /* Blocked first: one that comes between the two steps is then pending, not lost or fatal. */
    sigemptyset(&one);
    sigaddset(&one, signo);
    pthread_sigmask(SIG_BLOCK, &one, NULL);
    sigaddset(&loop->mask, signo);
    const int fd = signalfd(loop->signal_fd, &loop->mask, SFD_NONBLOCK | SFD_CLOEXEC);
    if (fd < 0)
        return err_sys(err, EXIT_BUG, errno, "cannot watch signals");
    loop->signals[signo].fn = fn;
    loop->signals[signo].ctx = ctx;
    if (loop->signal_fd < 0) {
        loop->signal_fd = fd;
        loop_io_add(loop, fd, LOOP_READ, signal_ready, loop);
    }
    return 0;
}

/* ---- the loop ---------------------------------------------------------------------------------
 */

struct loop *loop_new(struct err *err)
{
    struct loop *loop = xcalloc(1, sizeof *loop);

    loop->signal_fd = -1;
    sigemptyset(&loop->mask);
    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    loop->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (loop->epoll_fd < 0 || loop->timer_fd < 0) {
        err_sys(err, EXIT_UNREACHABLE, errno, "cannot make an event loop");
        loop_free(loop);
        return NULL;
    }
    loop_io_add(loop, loop->timer_fd, LOOP_READ, timer_ready, loop);
    return loop;
}

void loop_free(struct loop *loop)
{
    if (!loop)
        return;
    while (loop->sources)
        loop_io_del(loop->sources);
    while (loop->timers)
        loop_timer_del(loop->timers);
    bury(loop);
    pthread_sigmask(SIG_UNBLOCK, &loop->mask, NULL);
    cleanup_close_fn(&loop->epoll_fd);
    cleanup_close_fn(&loop->timer_fd);
    cleanup_close_fn(&loop->signal_fd);
    free(loop->dead);
    free(loop->heap);
    free(loop->deferred);
    free(loop);
}

void loop_stop(struct loop *loop, int status)
{
    loop->stopped = true;
    loop->status = status;
}

static void turn(struct loop *loop, int timeout_ms)
{
    struct epoll_event events[BATCH];

    run_deferred(loop);
    if (loop->stopped)
        return;
    /* What is due already needs no descriptor to wake up by. */
    if (loop->deferred_count || loop->plain_count || loop->due_first ||
        (loop->heap_count && loop->heap[0]->at_ms <= loop_now_ms()))
        timeout_ms = 0;
    else
        set_timer_fd(loop);
    int count = epoll_wait(loop->epoll_fd, events, BATCH, timeout_ms);
    if (count < 0 && errno != EINTR)
        broken("epoll_wait");
    for (int i = 0; i < count && !loop->stopped; i++)
        report(events[i].data.ptr, events[i].events);
    if (!loop->stopped)
        report_plain(loop);
    if (!loop->stopped)
        run_timers(loop);
}

void loop_once(struct loop *loop, int timeout_ms)
{
    loop->in_turn = true;
    turn(loop, timeout_ms);
    loop->in_turn = false;
    bury(loop);
}

int loop_run(struct loop *loop)
{
    while (!loop->stopped)
        loop_once(loop, -1);
    loop->stopped = false;
    return loop->status;
}
