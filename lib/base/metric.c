#include "base/metric.h"

#include <math.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/json.h"

#define NS 1e-9
#define TICK_NS INT64_C(5000000000)
#define TICK_S 5.0
#define DECAY 0.015                           /* of a sample's weight, per second */
#define RESCALE_NS INT64_C(3600000000000)     /* before weights grow out of a double */
#define FIRST_SEED UINT64_C(0x5e1ec7ed5a3717) /* any: samples are chosen alike in each run */

/* ---- meters ---- */

static const int rate_minutes[3] = {1, 5, 15};
static const char *const rate_names[3] = {"m1_rate", "m5_rate", "m15_rate"};

/* How much of the difference one tick makes up for. */
static double tick_share(size_t rate)
{
    return 1 - exp(-TICK_S / 60 / rate_minutes[rate]);
}

void meter_start(struct meter *meter, int64_t now_ns)
{
    *meter = (struct meter){.started_ns = now_ns, .ticked_ns = now_ns};
}

/* The ticks that are due: what came since the last belongs to the first of them. */
static void meter_tick(struct meter *meter, int64_t now_ns)
{
    const int64_t due = (now_ns - meter->ticked_ns) / TICK_NS;

    if (due <= 0)
        return;
    const double per_second = (double)meter->uncounted / TICK_S;
    for (size_t i = 0; i < 3; i++) {
        double *rate = &meter->rates[i];
        *rate = meter->averaging ? *rate + tick_share(i) * (per_second - *rate) : per_second;
        *rate *= pow(1 - tick_share(i), (double)(due - 1));
    }
    meter->averaging = true;
    meter->uncounted = 0;
    meter->ticked_ns += due * TICK_NS;
}

void meter_mark(struct meter *meter, int64_t now_ns, uint64_t count)
{
    meter_tick(meter, now_ns);
    meter->count += count;
    meter->uncounted += count;
}

static void set_rates(json_t *json, struct meter *meter, int64_t now_ns)
{
    const double lived = (double)(now_ns - meter->started_ns) * NS;

    meter_tick(meter, now_ns);
    json_set(json, "m15_rate", json_real(meter->rates[2]));
    json_set(json, "m1_rate", json_real(meter->rates[0]));
    json_set(json, "m5_rate", json_real(meter->rates[1]));
    json_set(json, "mean_rate", json_real(lived > 0 ? (double)meter->count / lived : 0));
}

json_t *meter_json(struct meter *meter, int64_t now_ns)
{
    json_t *json = json_object();

    json_set(json, "count", json_integer((json_int_t)meter->count));
    set_rates(json, meter, now_ns);
    json_set(json, "units", json_string("events/second"));
    return json;
}

void metric_json_age(json_t *json, double lived_s, double age_s)
{
    const double mean = json_number_value(json_object_get(json, "mean_rate"));

    if (age_s <= 0 || !json_object_get(json, "mean_rate"))
        return;
    for (size_t i = 0; i < 3; i++) {
        const double rate = json_number_value(json_object_get(json, rate_names[i]));
        const double left = pow(1 - tick_share(i), floor(age_s / TICK_S));
        json_set(json, rate_names[i], json_real(rate * left));
    }
    if (lived_s > 0)
        json_set(json, "mean_rate", json_real(mean * lived_s / (lived_s + age_s)));
}

/* ---- histograms ---- */

struct sample {
    double priority; /* random, weighted: those with the least go first */
    double weight, value;
};

void histogram_start(struct histogram *histogram, int64_t now_ns)
{
    *histogram = (struct histogram){.started_ns = now_ns, .weight = 1, .seed = FIRST_SEED};
}

void histogram_release(struct histogram *histogram)
{
    free(histogram->samples);
    histogram->samples = NULL;
    histogram->n = histogram->room = 0;
}

static void sift_up(struct sample *heap, size_t at)
{
    while (at > 0) {
        const size_t up = (at - 1) / 2;
        if (heap[up].priority <= heap[at].priority)
            return;
        const struct sample moved = heap[up];
        heap[up] = heap[at];
        heap[at] = moved;
        at = up;
    }
}

static void sift_down(struct sample *heap, size_t n, size_t at)
{
    for (;;) {
        size_t least = at;
        for (size_t child = 2 * at + 1; child < n && child <= 2 * at + 2; child++)
            least = heap[child].priority < heap[least].priority ? child : least;
        if (least == at)
            return;
        const struct sample moved = heap[least];
        heap[least] = heap[at];
        heap[at] = moved;
        at = least;
    }
}

/* Weights grow with time instead of shrinking, so that old samples need no touch; once an hour all
 * are scaled down, which keeps their order. */
static void rescale(struct histogram *histogram, int64_t now_ns)
{
    if (now_ns - histogram->started_ns < RESCALE_NS)
        return;
    const double factor = exp(-DECAY * (double)(now_ns - histogram->started_ns) * NS);
    for (size_t i = 0; i < histogram->n; i++) {
        histogram->samples[i].weight *= factor;
        histogram->samples[i].priority *= factor;
    }
    histogram->started_ns = now_ns;
    histogram->second = 0;
    histogram->weight = 1;
}

/* Of a sample of this moment. exp() once a second is enough. */
static double weight_now(struct histogram *histogram, int64_t now_ns)
{
    const int64_t second = (now_ns - histogram->started_ns) / INT64_C(1000000000);

    if (second != histogram->second) {
        histogram->second = second;
        histogram->weight = exp(DECAY * (double)second);
    }
    return histogram->weight;
}

void histogram_add(struct histogram *histogram, int64_t now_ns, double value)
{
    struct idgen numbers = {histogram->seed};

    rescale(histogram, now_ns);
    const double weight = weight_now(histogram, now_ns);
    /* In (0, 1]: no division by zero. */
    const double random = (double)(idgen_below(&numbers, UINT64_C(1) << 53) + 1) * 0x1p-53;
    const struct sample sample = {weight / random, weight, value};
    histogram->seed = numbers.seed;
    histogram->count++;
    if (histogram->n == SAMPLES) {
        if (sample.priority <= histogram->samples[0].priority)
            return;
        histogram->samples[0] = sample;
        sift_down(histogram->samples, histogram->n, 0);
        return;
    }
    if (histogram->n == histogram->room) {
        histogram->room = histogram->room ? histogram->room * 2 : 16;
        histogram->samples =
            xreallocarray(histogram->samples, histogram->room, sizeof *histogram->samples);
    }
    histogram->samples[histogram->n] = sample;
    sift_up(histogram->samples, histogram->n++);
}

static int by_value(const void *a, const void *b)
{
    const double x = ((const struct sample *)a)->value, y = ((const struct sample *)b)->value;

    return x < y ? -1 : x > y;
}

/* The last sample with at most `share` of the weight before it (Dropwizard's rule). */
static double quantile(const struct sample *sorted, size_t n, double total, double share)
{
    double before = 0;
    size_t found = 0;

    for (size_t i = 0; i < n && before <= share; i++) {
        found = i;
        before += sorted[i].weight / total;
    }
    return n ? sorted[found].value : 0;
}

static void set_spread(json_t *json, const struct histogram *histogram, double unit)
{
    static const struct {
        const char *name;
        double share;
    } quantiles[] = {{"p50", 0.5},  {"p75", 0.75}, {"p95", 0.95},
                     {"p98", 0.98}, {"p99", 0.99}, {"p999", 0.999}};
    const size_t n = histogram->n;
    struct sample *sorted = xcalloc(n + 1, sizeof *sorted);
    double total = 0, mean = 0, variance = 0;

    for (size_t i = 0; i < n; i++) {
        sorted[i] = histogram->samples[i];
        total += sorted[i].weight;
    }
    qsort(sorted, n, sizeof *sorted, by_value);
    for (size_t i = 0; i < n; i++)
        mean += sorted[i].value * sorted[i].weight / total;
    for (size_t i = 0; i < n; i++) {
        const double off = sorted[i].value - mean;
        variance += off * off * sorted[i].weight / total;
    }
    json_set(json, "max", json_real(n ? sorted[n - 1].value * unit : 0));
    json_set(json, "mean", json_real(mean * unit));
    json_set(json, "min", json_real(n ? sorted[0].value * unit : 0));
    for (size_t i = 0; i < ARRAY_LEN(quantiles); i++)
        json_set(json, quantiles[i].name,
                 json_real(quantile(sorted, n, total, quantiles[i].share) * unit));
    json_set(json, "stddev", json_real(n > 1 ? sqrt(variance) * unit : 0));
    free(sorted);
}

json_t *histogram_json(const struct histogram *histogram)
{
    json_t *json = json_object();

    json_set(json, "count", json_integer((json_int_t)histogram->count));
    set_spread(json, histogram, 1);
    return json;
}

/* ---- timers ---- */

void timer_start(struct timer *timer, int64_t now_ns)
{
    meter_start(&timer->meter, now_ns);
    histogram_start(&timer->histogram, now_ns);
}

void timer_add(struct timer *timer, int64_t now_ns, int64_t took_ns)
{
    meter_mark(&timer->meter, now_ns, 1);
    histogram_add(&timer->histogram, now_ns, (double)took_ns);
}

void timer_release(struct timer *timer)
{
    histogram_release(&timer->histogram);
}

json_t *timer_json(struct timer *timer, int64_t now_ns)
{
    json_t *json = json_object();

    json_set(json, "count", json_integer((json_int_t)timer->meter.count));
    set_spread(json, &timer->histogram, NS);
    set_rates(json, &timer->meter, now_ns);
    json_set(json, "duration_units", json_string("seconds"));
    json_set(json, "rate_units", json_string("calls/second"));
    return json;
}
