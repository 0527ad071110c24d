/* Metrics as text for Prometheus (see offer-cycle 9.3), as the exporter of the original's metrics
 * library writes them. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "http/metrics.h"

struct writer {
    bool (*wanted)(void *ctx, const char *sample); /* NULL: all */
    void *ctx;
    struct buf *out;
    /* the family at hand */
    const char *name, *class, *type;
    char *family;
    bool begun; /* its head is written */
};

/* Each character that such a name cannot have becomes one underscore. */
static char *family_name(const char *name)
{
    struct buf family = BUF_INIT;

    for (const char *p = name; *p; p++) {
        const bool letter = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || *p == '_' ||
                            *p == ':' || (*p >= '0' && *p <= '9');
        if (letter)
            buf_addc(&family, *p);
        else if (((unsigned char)*p & 0xc0) != 0x80) /* not a byte inside a character */
            buf_addc(&family, '_');
    }
    return family.data ? family.data : xstrdup("");
}

static void add_help(struct buf *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '\\' || *text == '\n')
            buf_adds(out, *text == '\n' ? "\\n" : "\\\\");
        else
            buf_addc(out, *text);
    }
}

/* The head comes with the first sample that is wanted. */
static void begin(struct writer *w)
{
    if (w->begun)
        return;
    w->begun = true;
    buf_addf(w->out, "# HELP %s Generated from Dropwizard metric import (metric=", w->family);
    add_help(w->out, w->name);
    buf_addf(w->out, ", type=%s)\n# TYPE %s %s\n", w->class, w->family, w->type);
}

static double number(const json_t *value)
{
    return json_is_boolean(value) ? json_is_true(value) : json_number_value(value);
}

static void sample(struct writer *w, const char *name, const char *label, const json_t *value)
{
    if (w->wanted && !w->wanted(w->ctx, name))
        return;
    begin(w);
    buf_addf(w->out, "%s%s ", name, label);
    json_write_double(w->out, number(value), true);
    buf_addc(w->out, '\n');
}

static void gauge(struct writer *w, const json_t *value)
{
    const json_t *v = json_object_get(value, "value");

    if (json_is_number(v) || json_is_boolean(v))
        sample(w, w->family, "", v);
}

static void counter(struct writer *w, const json_t *value)
{
    sample(w, w->family, "", json_object_get(value, "count"));
}

static void summary(struct writer *w, const json_t *value)
{
    static const struct {
        const char *member, *label;
    } quantiles[] = {
        {"p50", "{quantile=\"0.5\",}"},  {"p75", "{quantile=\"0.75\",}"},
        {"p95", "{quantile=\"0.95\",}"}, {"p98", "{quantile=\"0.98\",}"},
        {"p99", "{quantile=\"0.99\",}"}, {"p999", "{quantile=\"0.999\",}"},
    };
    auto_free char *count = xasprintf("%s_count", w->family);

    for (size_t i = 0; i < ARRAY_LEN(quantiles); i++)
        sample(w, w->family, quantiles[i].label, json_object_get(value, quantiles[i].member));
    sample(w, count, "", json_object_get(value, "count"));
}

static const struct {
    const char *kind, *suffix, *class, *type;
    void (*write)(struct writer *w, const json_t *value);
} kinds[] = {
    {"gauges", "", "com.mesosphere.sdk.metrics.Metrics$PlanGauge", "gauge", gauge},
    {"counters", "", "com.codahale.metrics.Counter", "gauge", counter},
    {"histograms", "", "com.codahale.metrics.Histogram", "summary", summary},
    {"timers", "", "com.codahale.metrics.Timer", "summary", summary},
    {"meters", "_total", "com.codahale.metrics.Meter", "counter", counter},
};

void metrics_prometheus(const json_t *metrics, bool (*wanted)(void *ctx, const char *sample),
                        void *ctx, struct buf *out)
{
    const char *name;
    json_t *value;

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        json_object_foreach(json_object_get(metrics, kinds[i].kind), name, value)
        {
            auto_free char *base = family_name(name);
            auto_free char *family = xasprintf("%s%s", base, kinds[i].suffix);
            struct writer w = {.wanted = wanted,
                               .ctx = ctx,
                               .out = out,
                               .name = name,
                               .class = kinds[i].class,
                               .type = kinds[i].type,
                               .family = family};
            kinds[i].write(&w, value);
        }
    }
}
