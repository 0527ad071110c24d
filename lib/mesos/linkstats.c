#include "mesos/linkstats.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/json.h"
#include "base/log.h"
#include "base/metric.h"

enum { REPORT_DELAY_MS = 500 };

struct linkstats {
    const char *run_dir;
    struct loop_timer *report;
    bool changed;
    struct clock clock;
    struct timer post; /* a call, until the master has answered */
    uint64_t accepted, failed;
};

static json_t *stats_json(struct linkstats *stats)
{
    const int64_t now = clock_now_ns(&stats->clock);
    json_t *json = json_object(), *counters = json_object(), *timers = json_object();

    json_set(counters, "calls.accepted", json_integer((json_int_t)stats->accepted));
    json_set(counters, "calls.failed", json_integer((json_int_t)stats->failed));
    json_set(timers, "calls.post", timer_json(&stats->post, now));
    json_set(json, "time", json_integer(clock_now_ms(&stats->clock)));
    json_set(json, "lived", json_real((double)(now - stats->post.meter.started_ns) * 1e-9));
    json_set(json, "counters", counters);
    json_set(json, "timers", timers);
    return json;
}

static void write_report(void *ctx)
{
    struct linkstats *stats = ctx;
    struct err err = ERR_INIT;
    auto_buf struct buf text = BUF_INIT;
    auto_free char *path = xasprintf("%s/link.json", stats->run_dir);
    json_auto json_t *json = stats_json(stats);

    stats->changed = false;
    json_write(&text, json, JSON_LAYOUT_PRETTY);
    buf_addc(&text, '\n');
    if (io_replace_file(path, text.data, text.len, 0644, false, &err))
        log_warn("%s", err.text);
}

struct linkstats *linkstats_new(struct loop *loop, const char *run_dir)
{
    struct linkstats *stats = xcalloc(1, sizeof *stats);

    stats->run_dir = run_dir;
    stats->report = loop_timer_add(loop, write_report, stats);
    timer_start(&stats->post, clock_now_ns(&stats->clock));
    return stats;
}

void linkstats_answered(struct linkstats *stats, bool accepted, int64_t took_ns)
{
    timer_add(&stats->post, clock_now_ns(&stats->clock), took_ns);
    stats->accepted += accepted;
    stats->failed += !accepted;
    if (!stats->changed)
        loop_timer_in(stats->report, REPORT_DELAY_MS);
    stats->changed = true;
}

void linkstats_free(struct linkstats *stats)
{
    if (!stats)
        return;
    if (stats->changed)
        write_report(stats);
    loop_timer_del(stats->report);
    timer_release(&stats->post);
    free(stats);
}
