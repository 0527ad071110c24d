/* The event loop: one epoll, descriptors, one-shot timers, signals, deferred calls.
 *
 * Single-threaded. Callbacks run from loop_run() and never re-enter; they may add, change and
 * remove any source, themselves included. Every descriptor made here is close-on-exec. */
#ifndef DSE_BASE_LOOP_H
#define DSE_BASE_LOOP_H

#include <stdint.h>

#include "base/err.h"

struct loop;
struct loop_io;
struct loop_timer;

enum { LOOP_READ = 1, LOOP_WRITE = 2, LOOP_ERROR = 4 /* reported only */ };

typedef void loop_io_fn(void *ctx, int fd, unsigned events);
typedef void loop_fn(void *ctx);
typedef void loop_signal_fn(void *ctx, int signo);

struct loop *loop_new(struct err *err);
/* Frees all its sources and timers too. Not from a callback. NULL is allowed. */
void loop_free(struct loop *loop);

/* Watches fd (not owned; remove the source before closing it). events is a mask of LOOP_READ and
 * LOOP_WRITE, 0 to pause, LOOP_ERROR alone to hear only of errors and hang-ups. Those are reported
 * as LOOP_ERROR together with what was asked for, so that a read or write meets them; while paused
 * they wait too. A regular file, which epoll refuses, counts as always ready. One source for each
 * descriptor number. Ends the process (status 70) when the kernel refuses for another reason. */
struct loop_io *loop_io_add(struct loop *loop, int fd, unsigned events, loop_io_fn *fn, void *ctx);
void loop_io_set(struct loop_io *io, unsigned events);
void loop_io_del(struct loop_io *io); /* NULL is allowed */

/* A timer that is not armed. Times are on loop_now_ms()'s clock. A timer fires once for each
 * arming; one that is armed again in its own callback fires in a later turn, also when its time is
 * past. */
struct loop_timer *loop_timer_add(struct loop *loop, loop_fn *fn, void *ctx);
void loop_timer_at(struct loop_timer *timer, int64_t at_ms); /* arms or moves it */
void loop_timer_in(struct loop_timer *timer, int64_t ms);
void loop_timer_stop(struct loop_timer *timer);
void loop_timer_del(struct loop_timer *timer); /* NULL is allowed */

/* Calls fn from the loop for each signal of that number (blocked and read by signalfd). Call
 * before threads are made. Children inherit the blocked mask: reset it between fork and exec. */
int loop_signal(struct loop *loop, int signo, loop_signal_fn *fn, void *ctx, struct err *err);

/* Calls fn once, from the top of the loop, before it waits again. */
void loop_defer(struct loop *loop, loop_fn *fn, void *ctx);
/* Drops deferred calls of that function and context, for an object that goes away. */
void loop_undefer(struct loop *loop, loop_fn *fn, void *ctx);

/* Runs until loop_stop(); returns its status. A turn that is under way ends early: what was ready
 * is still so in the next run. */
int loop_run(struct loop *loop);
void loop_stop(struct loop *loop, int status);
/* Runs what is ready, waiting at most timeout_ms (-1: for ever) for a first event. */
void loop_once(struct loop *loop, int timeout_ms);

int64_t loop_now_ms(void); /* CLOCK_MONOTONIC, ms */

#endif
