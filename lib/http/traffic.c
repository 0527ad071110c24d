/* The original's HTTP server counts its requests under the name of a Java class, which Prometheus'
 * own checks dislike; here the same timers and meters are called `http`. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/metric.h"
#include "http/metrics.h"

#define PREFIX "http."

enum { CLASSES = 5 };
static const char *const methods[] = {"GET", "POST", "PUT", "HEAD"};
static const char *const timer_names[] = {
    PREFIX "get-requests",  PREFIX "post-requests",  PREFIX "put-requests",
    PREFIX "head-requests", PREFIX "other-requests", PREFIX "requests",
};
enum { TIMER_OTHER = ARRAY_LEN(methods), TIMER_ALL, TIMERS };

struct traffic {
    const struct clock *clock;
    struct timer timers[TIMERS];
    struct meter responses[CLASSES]; /* 1xx to 5xx */
};

struct traffic *traffic_new(const struct clock *clock)
{
    struct traffic *traffic = xcalloc(1, sizeof *traffic);
    const int64_t now = clock_now_ns(clock);

    traffic->clock = clock;
    for (size_t i = 0; i < TIMERS; i++)
        timer_start(&traffic->timers[i], now);
    for (size_t i = 0; i < CLASSES; i++)
        meter_start(&traffic->responses[i], now);
    return traffic;
}

void traffic_free(struct traffic *traffic)
{
    if (!traffic)
        return;
    for (size_t i = 0; i < TIMERS; i++)
        timer_release(&traffic->timers[i]);
    free(traffic);
}

void traffic_served(struct traffic *traffic, const char *method, int status, int64_t took_ns)
{
    const int64_t now = clock_now_ns(traffic->clock);
    size_t kind = 0;

    while (kind < ARRAY_LEN(methods) && strcmp(method, methods[kind]) != 0)
        kind++;
    timer_add(&traffic->timers[kind], now, took_ns);
    timer_add(&traffic->timers[TIMER_ALL], now, took_ns);
    if (status >= 100 && status < 100 * (CLASSES + 1))
        meter_mark(&traffic->responses[status / 100 - 1], now, 1);
}

void traffic_json(struct traffic *traffic, json_t *meters, json_t *timers)
{
    const int64_t now = clock_now_ns(traffic->clock);

    for (size_t i = 0; i < TIMERS; i++)
        json_set(timers, timer_names[i], timer_json(&traffic->timers[i], now));
    for (size_t i = 0; i < CLASSES; i++) {
        auto_free char *name = xasprintf(PREFIX "%zuxx-responses", i + 1);
        json_set(meters, name, meter_json(&traffic->responses[i], now));
    }
}
