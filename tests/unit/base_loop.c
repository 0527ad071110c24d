#define _GNU_SOURCE
#include "base/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/io.h"
#include "base/log.h"
#include "tap.h"

static struct loop *loop;
static char trace[4000];

static void note(const char *word)
{
    strncat(trace, word, sizeof trace - strlen(trace) - 1);
}

static void start(void)
{
    struct err err = ERR_INIT;

    loop = loop_new(&err);
    trace[0] = '\0';
}

static void stop(void *ctx)
{
    loop_stop(loop, ctx ? *(int *)ctx : 0);
}

/* Runs until everything at hand is done, at most so many turns. */
static void turns(int n)
{
    while (n--)
        loop_once(loop, 0);
}

/* ---- descriptors ------------------------------------------------------------------------------
 */

struct reader {
    struct loop_io *io;
    struct buf got;
    bool ended;
};

static void read_some(void *ctx, int fd, unsigned events)
{
    struct reader *r = ctx;
    char chunk[3];

    (void)events;
    ssize_t n = read(fd, chunk, sizeof chunk);
    if (n > 0)
        buf_add(&r->got, chunk, (size_t)n);
    if (n == 0) {
        r->ended = true;
        loop_io_del(r->io);
        loop_stop(loop, 7);
    }
}

static void split_reads(void)
{
    struct reader r = {.got = BUF_INIT};
    int ends[2];

    start();
    CHECK_INT(pipe(ends), 0);
    r.io = loop_io_add(loop, ends[0], LOOP_READ, read_some, &r);
    CHECK(write(ends[1], "0123456789", 10) == 10);
    turns(2);
    CHECK_STR(buf_str(&r.got), "012345");
    loop_io_set(r.io, 0);
    turns(3);
    CHECK_STR(buf_str(&r.got), "012345");
    close(ends[1]); /* a hang-up must not spin or be reported while paused */
    turns(3);
    CHECK(!r.ended);
    loop_io_set(r.io, LOOP_READ);
    CHECK_INT(loop_run(loop), 7);
    CHECK_STR(buf_str(&r.got), "0123456789");
    CHECK(r.ended);
    close(ends[0]);
    buf_free(&r.got);
    loop_free(loop);
}

static void regular_files(void)
{
    struct reader r = {.got = BUF_INIT};
    FILE *file = tmpfile();

    start();
    fputs("a regular file", file);
    rewind(file);
    r.io = loop_io_add(loop, fileno(file), 0, read_some, &r);
    turns(2);
    CHECK_INT(r.got.len, 0);
    loop_io_set(r.io, LOOP_READ);
    turns(1);
    CHECK_STR(buf_str(&r.got), "a r");
    loop_io_set(r.io, 0);
    turns(1);
    CHECK_STR(buf_str(&r.got), "a r");
    loop_io_set(r.io, LOOP_READ);
    CHECK_INT(loop_run(loop), 7);
    CHECK_STR(buf_str(&r.got), "a regular file");
    buf_free(&r.got);
    fclose(file);
    loop_free(loop);
}

struct pair {
    struct loop_io *mine, *other;
};

static void remove_both(void *ctx, int fd, unsigned events)
{
    struct pair *pair = ctx;

    (void)fd;
    (void)events;
    note("x");
    loop_io_del(pair->mine);
    loop_io_del(pair->other);
}

/* Both are ready in one turn; whichever comes first removes itself and the other. */
static void removal_in_a_callback(void)
{
    int a[2], b[2];
    struct pair one = {0}, two = {0};

    start();
    CHECK_INT(pipe(a), 0);
    CHECK_INT(pipe(b), 0);
    one.mine = two.other = loop_io_add(loop, a[0], LOOP_READ, remove_both, &one);
    two.mine = one.other = loop_io_add(loop, b[0], LOOP_READ, remove_both, &two);
    CHECK(write(a[1], "x", 1) == 1 && write(b[1], "x", 1) == 1);
    turns(3);
    CHECK_STR(trace, "x");
    loop_free(loop);

    start(); /* the same with regular files */
    int c = open("/dev/null", O_RDONLY), d = open("/dev/null", O_RDONLY);
    one.mine = two.other = loop_io_add(loop, c, LOOP_READ, remove_both, &one);
    two.mine = one.other = loop_io_add(loop, d, LOOP_READ, remove_both, &two);
    turns(3);
    CHECK_STR(trace, "x");
    loop_free(loop);
    for (int i = 0; i < 2; i++) {
        close(a[i]);
        close(b[i]);
    }
    close(c);
    close(d);
}

static void count_and_readd(void *ctx, int fd, unsigned events)
{
    struct loop_io **io = ctx;

    (void)events;
    note("r");
    loop_io_del(*io);
    *io = loop_io_add(loop, fd, LOOP_READ, count_and_readd, io);
}

static void replaced_in_a_callback(void)
{
    int ends[2];
    struct loop_io *io;

    start();
    CHECK_INT(pipe(ends), 0);
    io = loop_io_add(loop, ends[0], LOOP_READ, count_and_readd, &io);
    CHECK(write(ends[1], "x", 1) == 1);
    turns(3);
    CHECK_STR(trace, "rrr");
    loop_free(loop);
    close(ends[0]);
    close(ends[1]);
}

static unsigned seen_events;

static void see(void *ctx, int fd, unsigned events)
{
    (void)ctx;
    (void)fd;
    seen_events = events;
}

static void errors_are_reported(void)
{
    int ends[2];

    start();
    CHECK_INT(pipe(ends), 0);
    struct loop_io *io = loop_io_add(loop, ends[1], LOOP_ERROR, see, NULL);
    turns(1);
    CHECK_INT(seen_events, 0);
    close(ends[0]);
    turns(1);
    CHECK_INT(seen_events, LOOP_ERROR);
    loop_io_set(io, LOOP_WRITE);
    turns(1);
    CHECK_INT(seen_events, LOOP_ERROR | LOOP_WRITE);
    loop_free(loop);
    close(ends[1]);
}

static void closed_before_removal(void)
{
    int ends[2];

    start();
    CHECK_INT(pipe(ends), 0);
    struct loop_io *io = loop_io_add(loop, ends[0], LOOP_READ, see, NULL);
    close(ends[0]);
    close(ends[1]);
    loop_io_del(io);
    turns(1);
    loop_free(loop);
}

/* ---- timers -----------------------------------------------------------------------------------
 */

static void note_word(void *ctx)
{
    note(ctx);
}

static void timers_in_order(void)
{
    start();
    const int64_t now = loop_now_ms();
    struct loop_timer *a = loop_timer_add(loop, note_word, (void *)"a"),
                      *b = loop_timer_add(loop, note_word, (void *)"b"),
                      *c = loop_timer_add(loop, note_word, (void *)"c"),
                      *d = loop_timer_add(loop, note_word, (void *)"d"),
                      *last = loop_timer_add(loop, stop, NULL);
    loop_timer_at(a, now + 30);
    loop_timer_at(b, now + 10);
    loop_timer_at(c, now + 20);
    loop_timer_at(d, now + 5);
    loop_timer_stop(d);
    loop_timer_at(last, now + 40);
    CHECK_INT(loop_run(loop), 0);
    CHECK_STR(trace, "bca");
    CHECK(loop_now_ms() >= now + 40);
    loop_timer_at(a, now); /* armed again, moved */
    loop_timer_in(a, 100000);
    turns(2);
    CHECK_STR(trace, "bca");
    loop_timer_in(a, -5);
    turns(1);
    CHECK_STR(trace, "bcaa");
    loop_free(loop);
}

struct again {
    struct loop_timer *timer;
    int left;
};

static void fire_again(void *ctx)
{
    struct again *again = ctx;

    note("t");
    if (--again->left)
        loop_timer_at(again->timer, 1); /* long past: due at once */
    else
        loop_stop(loop, 0);
}

/* A timer that is always due must leave room for the others and for descriptors. */
static void rearmed_in_a_callback(void)
{
    struct again again = {.left = 5};

    start();
    again.timer = loop_timer_add(loop, fire_again, &again);
    struct loop_timer *other = loop_timer_add(loop, note_word, (void *)"o");
    loop_timer_at(again.timer, 1);
    loop_timer_at(other, 2);
    turns(1);
    CHECK_STR(trace, "to");
    CHECK_INT(loop_run(loop), 0);
    CHECK_STR(trace, "totttt");
    loop_free(loop);
}

static struct loop_timer *victims[3];

static void kill_others(void *ctx)
{
    (void)ctx;
    note("k");
    for (size_t i = 0; i < ARRAY_LEN(victims); i++) {
        loop_timer_del(victims[i]);
        victims[i] = NULL;
    }
}

/* All are due in the same turn; the first to run deletes them all, itself included. */
static void timers_deleted_in_a_callback(void)
{
    start();
    for (size_t i = 0; i < ARRAY_LEN(victims); i++) {
        victims[i] = loop_timer_add(loop, kill_others, NULL);
        loop_timer_at(victims[i], 1);
    }
    turns(3);
    CHECK_STR(trace, "k");
    loop_free(loop);
}

static int64_t last_fired;
static int fired_wrong;

static void check_order(void *ctx)
{
    const int64_t *at = ctx;

    if (*at < last_fired)
        fired_wrong++;
    last_fired = *at;
}

static void many_timers(void)
{
    enum { COUNT = 2000 };
    static struct loop_timer *timers[COUNT];
    static int64_t at[COUNT];
    unsigned seed = 5;

    start();
    for (int i = 0; i < COUNT; i++) {
        seed = seed * 1103515245 + 12345;
        at[i] = 1 + (int64_t)(seed >> 8) % 100000;
        timers[i] = loop_timer_add(loop, check_order, &at[i]);
        loop_timer_at(timers[i], (int64_t)(seed >> 4) % 100000);
    }
    for (int i = 0; i < COUNT; i++)
        loop_timer_at(timers[i], at[i]);
    for (int i = 0; i < COUNT; i += 3)
        loop_timer_stop(timers[i]);
    last_fired = 0;
    loop_once(loop, 0);
    CHECK_INT(fired_wrong, 0);
    CHECK(last_fired > 90000);
    loop_free(loop);
}

/* Nothing to do: the loop must not wake up by itself. */
static void idle_waits(void)
{
    start();
    struct loop_timer *timer = loop_timer_add(loop, note_word, (void *)"t");
    loop_timer_in(timer, 5);
    loop_timer_stop(timer);
    const int64_t before = loop_now_ms();
    loop_once(loop, 50);
    CHECK(loop_now_ms() - before >= 49);
    loop_timer_in(timer, 5);
    loop_once(loop, 0); /* the descriptor is set for the timer that is then taken away */
    loop_timer_stop(timer);
    const int64_t again = loop_now_ms();
    loop_once(loop, 50);
    CHECK(loop_now_ms() - again >= 49);
    CHECK_STR(trace, "");
    loop_free(loop);
}

/* ---- deferred calls ---------------------------------------------------------------------------
 */

static void defer_more(void *ctx)
{
    note("d");
    if (strlen(trace) < 3)
        loop_defer(loop, defer_more, ctx);
}

static void drop_deferred(void *ctx)
{
    note("x");
    loop_undefer(loop, note_word, ctx);
}

static void deferred_calls(void)
{
    static char gone[] = "gone";

    start();
    loop_defer(loop, defer_more, NULL);
    CHECK_STR(trace, "");
    turns(1);
    CHECK_STR(trace, "d");
    turns(5);
    CHECK_STR(trace, "ddd");
    loop_defer(loop, drop_deferred, gone);
    loop_defer(loop, note_word, gone);
    loop_defer(loop, note_word, (void *)"kept");
    turns(2);
    CHECK_STR(trace, "dddxkept");
    /* One that stops the loop leaves the rest for the next run. */
    int five = 5;
    loop_defer(loop, stop, &five);
    loop_defer(loop, note_word, (void *)"later");
    loop_defer(loop, stop, NULL);
    CHECK_INT(loop_run(loop), 5);
    CHECK_STR(trace, "dddxkept");
    CHECK_INT(loop_run(loop), 0);
    CHECK_STR(trace, "dddxkeptlater");
    loop_free(loop);
}

static void stop_keeps_due_timers(void)
{
    start();
    struct loop_timer *a = loop_timer_add(loop, stop, NULL),
                      *b = loop_timer_add(loop, note_word, (void *)"b"),
                      *c = loop_timer_add(loop, stop, NULL);
    loop_timer_at(a, 1);
    loop_timer_at(b, 2);
    loop_timer_at(c, 3);
    loop_run(loop);
    CHECK_STR(trace, "");
    loop_run(loop);
    CHECK_STR(trace, "b");
    loop_free(loop);
}

/* ---- signals ----------------------------------------------------------------------------------
 */

static void on_signal(void *ctx, int signo)
{
    note(signo == SIGTERM ? "TERM " : signo == SIGUSR1 ? "USR1 " : "? ");
    if (signo == SIGTERM)
        loop_stop(loop, *(int *)ctx);
}

static void signals(void)
{
    struct err err = ERR_INIT;
    int three = 3;

    start();
    CHECK_INT(loop_signal(loop, SIGUSR1, on_signal, &three, &err), 0);
    CHECK_INT(loop_signal(loop, SIGTERM, on_signal, &three, &err), 0);
    kill(getpid(), SIGUSR1);
    turns(2);
    CHECK_STR(trace, "USR1 ");
    kill(getpid(), SIGUSR1);
    kill(getpid(), SIGTERM);
    CHECK_INT(loop_run(loop), 3);
    CHECK(strstr(trace, "TERM "));
    CHECK_INT(loop_signal(loop, 99, on_signal, NULL, &err), -1);
    loop_free(loop);
}

static void descriptors_are_close_on_exec(void)
{
    struct err err = ERR_INIT;
    int fds = 0, marked = 0;

    start();
    loop_signal(loop, SIGUSR1, on_signal, NULL, &err);
    for (int fd = 3; fd < 50; fd++) {
        const int flags = fcntl(fd, F_GETFD);
        char link[64], name[64] = "";
        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        if (flags < 0 || readlink(link, name, sizeof name - 1) < 0)
            continue;
        if (strstr(name, "anon_inode")) {
            fds++;
            marked += (flags & FD_CLOEXEC) != 0;
        }
    }
    CHECK_INT(fds, 3);
    CHECK_INT(marked, 3);
    loop_free(loop);
}

TAP_MAIN(TEST(split_reads), TEST(regular_files), TEST(removal_in_a_callback),
         TEST(replaced_in_a_callback), TEST(errors_are_reported), TEST(closed_before_removal),
         TEST(timers_in_order), TEST(rearmed_in_a_callback), TEST(timers_deleted_in_a_callback),
         TEST(many_timers), TEST(idle_waits), TEST(deferred_calls), TEST(stop_keeps_due_timers),
         TEST(signals), TEST(descriptors_are_close_on_exec))
