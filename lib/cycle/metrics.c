/* Counters, gauges and timers under the original's names (see offer-cycle 9.1), and some of our own
 * (doc/records.md). All are present from the start, with 0: rates would be wrong otherwise. */
#include <ctype.h>

#include "base/alloc.h"
#include "base/json.h"
#include "cycle/internal.h"
#include "proto/pbjson.h"

static const char *const counter_names[COUNTERS] = {
    [COUNT_OFFERS_RECEIVED] = "offers.received",
    [COUNT_OFFERS_PROCESSED] = "offers.processed",
    [COUNT_DECLINES_SHORT] = "declines.short",
    [COUNT_DECLINES_LONG] = "declines.long",
    [COUNT_REVIVES] = "revives",
    [COUNT_REVIVES_THROTTLED] = "revives.throttles",
    [COUNT_SUPPRESSES] = "suppresses",
    [COUNT_RESERVE] = "operation.reserve",
    [COUNT_UNRESERVE] = "operation.unreserve",
    [COUNT_CREATE] = "operation.create",
    [COUNT_DESTROY] = "operation.destroy",
    [COUNT_LAUNCH_GROUP] = "operation.launch_group",
    [COUNT_RECONNECTS] = "reconnects",
    [COUNT_ROUNDS] = "rounds",
};

static const char *const timer_names[TIMERS] = {
    [TIME_PROCESS] = "offers.process",
    [TIME_EVALUATE] = "offers.evaluate",
    [TIME_WRITE] = "state.write",
};

void metrics_start(struct cycle *cycle)
{
    for (size_t i = 0; i < TIMERS; i++)
        timer_start(&cycle->timers[i], metrics_now(cycle));
    histogram_start(&cycle->round_offers, metrics_now(cycle));
}

void metrics_release(struct cycle *cycle)
{
    for (size_t i = 0; i < TIMERS; i++)
        timer_release(&cycle->timers[i]);
    histogram_release(&cycle->round_offers);
}

void metrics_took(struct cycle *cycle, enum timer_id timer, int64_t start_ns)
{
    const int64_t now = metrics_now(cycle);

    timer_add(&cycle->timers[timer], now, now - start_ns);
}

/* The values of a plan's gauge; DELAYED has none in the original, which then throws. */
static int status_gauge(enum status status)
{
    switch (status) {
    case STATUS_ERROR:
        return -1;
    case STATUS_COMPLETE:
        return 0;
    case STATUS_WAITING:
    case STATUS_PENDING:
    case STATUS_DELAYED:
        return 1;
    default:
        return 2;
    }
}

/* The times let a reader say how the rates have fallen since. */
static json_t *metrics_json(struct cycle *cycle, json_t *counters, json_t *gauges)
{
    json_t *json = json_object(), *histograms = json_object(), *timers = json_object();
    const int64_t now_ns = metrics_now(cycle), started = cycle->timers[0].meter.started_ns;

    for (size_t i = 0; i < TIMERS; i++)
        json_set(timers, timer_names[i], timer_json(&cycle->timers[i], now_ns));
    json_set(histograms, "offers.per_round", histogram_json(&cycle->round_offers));
    json_set(json, "time", json_integer(cycle_now(cycle)));
    json_set(json, "lived", json_real((double)(now_ns - started) * 1e-9));
    json_set(json, "gauges", gauges);
    json_set(json, "counters", counters);
    json_set(json, "histograms", histograms);
    json_set(json, "timers", timers);
    json_set(json, "evaluations", evaluations_totals(cycle));
    return json;
}

json_t *cycle_metrics(struct cycle *cycle)
{
    json_t *counters = json_object(), *gauges = json_object();

    for (size_t i = 0; i < COUNTERS; i++)
        json_set(counters, counter_names[i], json_integer((json_int_t)cycle->counters[i]));
    for (size_t i = 0; i < ARRAY_LEN(cycle->task_states); i++) {
        auto_free char *name =
            xasprintf("task_status.%s", pb_enum_name(&task_state__descriptor, (int)i));
        for (char *p = name; *p; p++)
            *p = (char)tolower((unsigned char)*p);
        json_set(counters, name, json_integer((json_int_t)cycle->task_states[i]));
    }
    json_set(gauges, "is_suppressed", json_boolean(cycle->suppressed));
    for (size_t i = 0; cycle->plans && i < plans_count(cycle->plans); i++) {
        enum status status;
        const char *plan = plans_name(cycle->plans, i);
        auto_free char *name = xasprintf("plan_status.%s", plan);
        if (plans_status(cycle->plans, plan, cycle_now(cycle), &status))
            json_set(gauges, name, json_integer(status_gauge(status)));
    }
    return metrics_json(cycle, counters, gauges);
}
