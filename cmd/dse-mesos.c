/* dse-mesos: the link to the Mesos master. Calls in, events out; transport only. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/lifeline.h"
#include "base/log.h"
#include "base/opt.h"
#include "mesos/credentials.h"
#include "mesos/link.h"
#include "mesos/linkstats.h"
#include "mesos/outpipe.h"

static const char *master, *credentials, *output = "json", *wire = "protobuf", *run_dir;
static long heartbeats = 5, heartbeat_ms = 15000;
static long backoff_ms = 2000, backoff_max_ms = 30000, call_timeout_ms = 30000;

struct pipes {
    struct loop *loop;
    struct link *link;
    struct outpipe *out;
    struct linkstats *stats; /* NULL: no run directory */
    struct record_reader records;
    struct loop_io *input;
    bool bad_input;  /* a record was refused: status 3 at the end */
    bool leaving;    /* the link has ended: write what waits, then stop */
    struct err *err; /* of run() */
    bool failed;
};

static void leave(struct pipes *p, const struct err *why)
{
    if (why && !p->failed) {
        *p->err = *why;
        p->failed = true;
    }
    p->leaving = true;
    if (!outpipe_pending(p->out))
        loop_stop(p->loop, 0);
}

/* ---- standard input ------------------------------------------------------------------------- */

static void close_input(struct pipes *p)
{
    struct err err = ERR_INIT;

    loop_io_del(p->input);
    p->input = NULL;
    if (record_reader_rest(&p->records)) {
        log_error("standard input ends inside record %lu", p->records.number + 1);
        p->bad_input = true;
    }
    if (p->bad_input && !p->failed) {
        err_set(&err, EXIT_INPUT, "some records of standard input were refused, see above");
        *p->err = err;
        p->failed = true;
    }
    link_end(p->link);
}

static void take_records(struct pipes *p)
{
    struct record record;

    for (;;) {
        struct err err = ERR_INIT;
        int got = record_reader_next(&p->records, &record, &err);
        if (got == 0)
            return;
        if (got < 0)
            log_error("standard input: %s", err.text);
        else if (link_call(p->link, &record, &err) < 0)
            log_error("standard input: record %lu: %s", p->records.number, err.text);
        else
            continue;
        p->bad_input = true;
        if (p->records.broken) {
            close_input(p);
            return;
        }
    }
}

/* Descriptors may be shared with others, so their mode is left alone: a read of what epoll reports
 * does not block. */
static void input_ready(void *ctx, int fd, unsigned events)
{
    struct pipes *p = ctx;
    static char buffer[64 << 10];

    (void)events;
    ssize_t n = read(fd, buffer, sizeof buffer);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (n < 0)
        log_error("cannot read standard input: %s", strerror(errno));
    if (n <= 0) {
        close_input(p);
        return;
    }
    record_reader_feed(&p->records, buffer, (size_t)n);
    take_records(p);
}

/* ---- standard output ------------------------------------------------------------------------ */

static void put_record(void *ctx, const void *data, size_t len)
{
    struct pipes *p = ctx;

    outpipe_write(p->out, data, len);
}

static void output_full(void *ctx, bool full)
{
    struct pipes *p = ctx;

    log_debug("standard output is %s", full ? "full: the subscription is paused" : "read again");
    link_hold(p->link, full);
}

static void output_empty(void *ctx)
{
    struct pipes *p = ctx;

    if (p->leaving)
        loop_stop(p->loop, 0);
}

/* The reader is gone: there is nobody to work for. */
static void output_failed(void *ctx, int errnum)
{
    struct pipes *p = ctx;
    struct err err = ERR_INIT;

    err_sys(&err, EXIT_UNREACHABLE, errnum, "cannot write standard output");
    leave(p, errnum == EPIPE ? NULL : &err);
}

/* ---- the rest ------------------------------------------------------------------------------- */

static void link_ended(void *ctx, const struct err *why)
{
    leave(ctx, why);
}

static void call_answered(void *ctx, bool accepted, int64_t took_ns)
{
    const struct pipes *p = ctx;

    if (p->stats)
        linkstats_answered(p->stats, accepted, took_ns);
}

static void told_to_stop(void *ctx, int signo)
{
    struct pipes *p = ctx;

    log_info("%s: stopping", strsignal(signo));
    loop_stop(p->loop, 0);
}

static int start(struct pipes *p, const char *authorization, struct err *err)
{
    static const int stop_signals[] = {SIGTERM, SIGINT, SIGHUP};
    const struct outpipe_handlers handlers = {output_full, output_empty, output_failed, p};
    const struct link_options options = {
        .loop = p->loop,
        .master = master,
        .authorization = authorization,
        .json_wire = wire[0] == 'j',
        .raw_events = output[0] == 'r',
        .heartbeats = heartbeats,
        .heartbeat_ms = heartbeat_ms,
        .backoff_ms = backoff_ms,
        .backoff_max_ms = backoff_max_ms > backoff_ms ? backoff_max_ms : backoff_ms,
        .call_timeout_ms = call_timeout_ms,
        .output = put_record,
        .ended = link_ended,
        .answered = call_answered,
        .ctx = p,
    };

    /* Signals first: the ZooKeeper client makes threads, which inherit what is blocked. */
    for (size_t i = 0; i < ARRAY_LEN(stop_signals); i++) {
        if (loop_signal(p->loop, stop_signals[i], told_to_stop, p, err) < 0)
            return -1;
    }
    if (lifeline_watch(p->loop, 0, err) < 0)
        return -1;
    p->stats = run_dir ? linkstats_new(p->loop, run_dir) : NULL;
    p->out = outpipe_new(p->loop, STDOUT_FILENO, &handlers);
    p->link = link_new(&options, err);
    if (!p->link)
        return -1;
    p->input = loop_io_add(p->loop, STDIN_FILENO, LOOP_READ, input_ready, p);
    return 0;
}

static int run(const struct invocation *inv, struct err *err)
{
    struct pipes p = {.records = RECORD_READER_INIT, .err = err};
    auto_free char *authorization = NULL;
    int result = -1;

    if (inv->count)
        return usage_error(err, "unexpected operand '%s'", inv->operands[0]);
    if (!master)
        return usage_error(err, "no master: give --master URL or set DSE_MASTER");
    if (output[0] == 'r' && wire[0] == 'j')
        return usage_error(err, "--output recordio hands on the master's protobuf: it does not go "
                                "with --wire json");
    if (credentials && !(authorization = credentials_header(credentials, err)))
        return -1;
    signal(SIGPIPE, SIG_IGN); /* a write tells */
    p.loop = loop_new(err);
    if (!p.loop)
        return -1;
    if (start(&p, authorization, err) == 0) {
        loop_run(p.loop);
        result = p.failed ? -1 : 0;
    }
    link_free(p.link);
    linkstats_free(p.stats);
    outpipe_free(p.out);
    loop_free(p.loop);
    record_reader_free(&p.records);
    return result;
}

static const struct opt opts[] = {
    {'m', "master", OPT_STRING, "URL", "http://HOST:PORT or zk://HOST:PORT[,...]/PATH", &master,
     "DSE_MASTER"},
    {0, "credentials", OPT_STRING, "FILE", "principal and secret for the master", &credentials,
     "DSE_CREDENTIALS", .complete = "file"},
    {0, "output", OPT_CHOICE, "FORM", "form of the events: json lines or recordio protobuf",
     &output, .choices = "json recordio"},
    {0, "wire", OPT_CHOICE, "FORM", "encoding between here and the master", &wire,
     .choices = "protobuf json"},
    {0, "heartbeats", OPT_INT, "N", "missed heartbeats that make a stream dead (5)", &heartbeats,
     .min = 1, .max = 1000},
    {0, "heartbeat", OPT_SECONDS, "SECONDS", "their interval until the master tells it (15)",
     &heartbeat_ms, .min = 1, .max = 3600000},
    {0, "backoff", OPT_SECONDS, "SECONDS", "first delay before connecting again (2)", &backoff_ms,
     .min = 1, .max = 3600000},
    {0, "backoff-max", OPT_SECONDS, "SECONDS", "longest such delay (30)", &backoff_max_ms, .min = 1,
     .max = 3600000},
    {0, "run-dir", OPT_STRING, "DIR", "write counts and times of the calls here", &run_dir,
     "DSE_RUN_DIR", .complete = "dir"},
    {0, "call-timeout", OPT_SECONDS, "SECONDS", "how long to wait for the answer to a call (30)",
     &call_timeout_ms, .min = 1, .max = 3600000},
    OPT_END,
};

static const struct program program = {
    .name = "dse-mesos",
    .summary = "the link to the Mesos master: calls in, events out",
    .operands = "",
    .opts = opts,
    .run = run,
    .epilog = "Reads Mesos calls from standard input and writes Mesos events to standard output.",
};

int main(int argc, char **argv)
{
    return program_main(&program, argc, argv);
}
