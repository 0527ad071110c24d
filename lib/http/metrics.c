/* /v1/metrics in the original's two forms (see offer-cycle 9.2, 9.3), from what the scheduler and
 * its link leave in the run directory and what this server counts itself. */
#include "http/metrics.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/io.h"
#include "base/json.h"
#include "base/metric.h"
#include "http/routes.h"

enum { METRICS_BYTES = 4 << 20 };

/* ---- collecting ---- */

static const char *const kinds[] = {"gauges", "counters", "histograms", "meters", "timers"};

/* Files of the run directory; missing ones are left out: nobody has run yet. */
static const char *const files[] = {"metrics.json", "link.json"};

json_t *run_dir_json(const char *run_dir, const char *name)
{
    struct err err = ERR_INIT;
    auto_buf struct buf text = BUF_INIT;
    auto_free char *path = run_dir ? xasprintf("%s/%s", run_dir, name) : NULL;

    if (!path || io_read_file(path, METRICS_BYTES, &text, &err))
        return NULL;
    return json_parse(text.data, text.len, path, &err);
}

/* The files are as old as the last change; rates have fallen since. */
static json_t *aged(json_t *value, double lived_s, double age_s)
{
    metric_json_age(value, lived_s, age_s);
    return json_incref(value);
}

static void add_file(json_t *metrics, json_t *file, int64_t now_ms)
{
    const double lived = json_number_value(json_object_get(file, "lived"));
    const double age = (double)(now_ms - json_integer_value(json_object_get(file, "time"))) / 1000;
    const char *name;
    json_t *value;

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        json_t *into = json_object_get(metrics, kinds[i]);
        json_object_foreach(json_object_get(file, kinds[i]), name, value)
        {
            if (strcmp(kinds[i], "gauges") == 0)
                json_set(into, name, json_pack("{s:O}", "value", value));
            else if (strcmp(kinds[i], "counters") == 0)
                json_set(into, name, json_pack("{s:O}", "count", value));
            else
                json_set(into, name, aged(value, lived, age));
        }
    }
}

json_t *metrics_collect(const char *run_dir, struct traffic *traffic, const struct clock *clock)
{
    json_t *metrics = json_object();

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        json_set(metrics, kinds[i], json_object());
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        json_auto json_t *file = run_dir_json(run_dir, files[i]);
        if (file)
            add_file(metrics, file, clock_now_ms(clock));
    }
    traffic_json(traffic, json_object_get(metrics, "meters"), json_object_get(metrics, "timers"));
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        json_set(metrics, kinds[i], json_sorted(json_object_get(metrics, kinds[i])));
    return metrics;
}

/* ---- the two routes ---- */

static json_t *collect(const struct exchange_ctx *x)
{
    return metrics_collect(x->options->run_dir, x->traffic, x->options->clock);
}

static void get_metrics(struct exchange_ctx *x)
{
    json_auto json_t *metrics = collect(x);
    const char *pretty = x->request->query(x->request, "pretty");
    json_t *body = json_pack("{s:s}", "version", "3.1.3");

    json_object_update(body, metrics);
    x->reply->cache_control = "must-revalidate,no-cache,no-store";
    reply_json(x, 200, body,
               pretty && strcmp(pretty, "true") == 0 ? JSON_LAYOUT_SPEC : JSON_LAYOUT_JAVA);
}

static bool is_wanted(void *ctx, const char *sample)
{
    const struct http_request *request = ctx;

    return request->query_is(request, "name[]", sample);
}

static void get_prometheus(struct exchange_ctx *x)
{
    json_auto json_t *metrics = collect(x);
    const bool all = !x->request->query(x->request, "name[]");

    x->reply->status = 200;
    x->reply->content_type = "text/plain; version=0.0.4; charset=utf-8";
    metrics_prometheus(metrics, all ? NULL : is_wanted, (void *)x->request, &x->reply->body);
}

const struct route metric_routes[] = {
    {"GET", "/v1/metrics", get_metrics, false},
    {"GET", "/v1/metrics/prometheus", get_prometheus, false},
    {"POST", "/v1/metrics/prometheus", get_prometheus, false},
    {NULL, NULL, NULL, false},
};
