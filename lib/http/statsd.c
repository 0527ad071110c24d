/* Metrics pushed to a StatsD server (see offer-cycle 9.4): everything is a gauge, a datagram each.
 * Nothing waits for the network: what cannot be sent is lost, and said once. */
#include "http/statsd.h"

#include <ctype.h>
#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/log.h"
#include "http/metrics.h"

/* ---- the lines ---- */

struct lines {
    void (*send)(void *ctx, const char *line, size_t len);
    void *ctx;
    struct buf line;
};

/* Runs of white space become one dash; nothing else is escaped. */
static void add_name(struct buf *out, const char *name)
{
    for (const char *p = name; *p; p++) {
        if (!isspace((unsigned char)*p))
            buf_addc(out, *p);
        else if (p == name || !isspace((unsigned char)p[-1]))
            buf_addc(out, '-');
    }
}

static void send_value(struct lines *l, const char *name, const char *suffix, const json_t *value,
                       double unit)
{
    if (!json_is_number(value))
        return; /* booleans and texts are not sent */
    buf_clear(&l->line);
    add_name(&l->line, name);
    buf_adds(&l->line, suffix);
    if (json_is_integer(value))
        buf_addf(&l->line, ":%" JSON_INTEGER_FORMAT "|g", json_integer_value(value));
    else
        buf_addf(&l->line, ":%2.2f|g", json_number_value(value) * unit);
    l->send(l->ctx, l->line.data, l->line.len);
}

static void send_members(struct lines *l, const char *name, const json_t *value,
                         const char *const *members, double unit)
{
    for (; *members; members++) {
        auto_free char *suffix = xasprintf(".%s", *members);
        send_value(l, name, suffix, json_object_get(value, *members), unit);
    }
}

static const char *const spread[] = {"max", "mean", "min", "stddev", "p50", "p75",
                                     "p95", "p98",  "p99", "p999",   NULL};
static const char *const rates[] = {"m1_rate", "m5_rate", "m15_rate", "mean_rate", NULL};

static void gauge(struct lines *l, const char *name, const json_t *value)
{
    send_value(l, name, "", json_object_get(value, "value"), 1);
}

static void counter(struct lines *l, const char *name, const json_t *value)
{
    send_value(l, name, "", json_object_get(value, "count"), 1);
}

static void histogram(struct lines *l, const char *name, const json_t *value)
{
    send_value(l, name, ".samples", json_object_get(value, "count"), 1);
    send_members(l, name, value, spread, 1);
}

static void meter(struct lines *l, const char *name, const json_t *value)
{
    send_value(l, name, ".samples", json_object_get(value, "count"), 1);
    send_members(l, name, value, rates, 1);
}

static void timer(struct lines *l, const char *name, const json_t *value)
{
    send_members(l, name, value, spread, 1000); /* ms */
    meter(l, name, value);
}

void metrics_statsd(const json_t *metrics, void (*send)(void *ctx, const char *line, size_t len),
                    void *ctx)
{
    static const struct {
        const char *name;
        void (*send)(struct lines *l, const char *name, const json_t *value);
    } kinds[] = {{"gauges", gauge},
                 {"counters", counter},
                 {"histograms", histogram},
                 {"meters", meter},
                 {"timers", timer}};
    struct lines lines = {.send = send, .ctx = ctx};
    const char *name;
    json_t *value;

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        json_object_foreach(json_object_get(metrics, kinds[i].name), name, value) kinds[i].send(
            &lines, name, value);
    }
    buf_free(&lines.line);
}

/* ---- pushing ---- */

struct statsd {
    struct loop_timer *timer;
    int64_t interval_ms;
    json_t *(*collect)(void *ctx);
    void *ctx;
    const char *host, *port;
    int fd; /* connected, or -1 */
    bool complained;
};

static void complain(struct statsd *statsd, const char *why)
{
    if (!statsd->complained)
        log_warn("cannot send metrics to %s:%s: %s", statsd->host, statsd->port, why);
    statsd->complained = true;
}

static bool dial(struct statsd *statsd)
{
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_DGRAM};
    struct addrinfo *found = NULL;
    const int problem = getaddrinfo(statsd->host, statsd->port, &hints, &found);

    if (problem) {
        complain(statsd, gai_strerror(problem));
        return false;
    }
    statsd->fd = socket(found->ai_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (statsd->fd >= 0 && connect(statsd->fd, found->ai_addr, found->ai_addrlen)) {
        complain(statsd, strerror(errno));
        close(statsd->fd);
        statsd->fd = -1;
    }
    freeaddrinfo(found);
    return statsd->fd >= 0;
}

static void send_line(void *ctx, const char *line, size_t len)
{
    struct statsd *statsd = ctx;

    if (send(statsd->fd, line, len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
        complain(statsd, strerror(errno));
    else
        statsd->complained = false;
}

static void push(void *ctx)
{
    struct statsd *statsd = ctx;

    loop_timer_in(statsd->timer, statsd->interval_ms);
    if (statsd->fd < 0 && !dial(statsd))
        return;
    json_auto json_t *metrics = statsd->collect(statsd->ctx);
    metrics_statsd(metrics, send_line, statsd);
}

static bool number_between(const char *text, long low, long high, long *ret)
{
    char *end;

    errno = 0;
    *ret = strtol(text, &end, 10);
    return *text && !*end && !errno && *ret >= low && *ret <= high;
}

int statsd_start(struct loop *loop, json_t *(*collect)(void *ctx), void *ctx, struct statsd **ret,
                 struct err *err)
{
    const char *host = getenv("STATSD_UDP_HOST"), *port = getenv("STATSD_UDP_PORT");
    const char *interval = getenv("STATSD_POLL_INTERVAL_S");
    long number, seconds = 10;

    *ret = NULL;
    if (!host || !*host || !port || !*port)
        return 0;
    if (!number_between(port, 1, 65535, &number))
        return err_set(err, EXIT_USAGE, "STATSD_UDP_PORT '%s' is no port number", port);
    if (interval && *interval && !number_between(interval, 1, 86400, &seconds))
        return err_set(err, EXIT_USAGE, "STATSD_POLL_INTERVAL_S '%s' is no number of seconds",
                       interval);
    struct statsd *statsd = xcalloc(1, sizeof *statsd);
    *statsd = (struct statsd){.timer = loop_timer_add(loop, push, statsd),
                              .interval_ms = seconds * 1000,
                              .collect = collect,
                              .ctx = ctx,
                              .host = host,
                              .port = port,
                              .fd = -1};
    loop_timer_in(statsd->timer, statsd->interval_ms);
    *ret = statsd;
    return 0;
}

void statsd_free(struct statsd *statsd)
{
    if (!statsd)
        return;
    loop_timer_del(statsd->timer);
    if (statsd->fd >= 0)
        close(statsd->fd);
    free(statsd);
}
