/* Meters, histograms and timers with the mathematics of the library that the original uses (see
 * offer-cycle 9.2): rates are moving averages with ticks of 5 s, percentiles come from a bounded
 * sample in which old values weigh less. Pure: time comes in; nothing here is read from a clock.
 *
 * Times are ns on any monotonic clock, the same for all calls on one metric. */
#ifndef DSE_BASE_METRIC_H
#define DSE_BASE_METRIC_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* How often something happens. */
struct meter {
    uint64_t count, uncounted; /* ever; since the last tick */
    int64_t started_ns, ticked_ns;
    double rates[3]; /* of 1, 5 and 15 minutes, per second */
    bool averaging;  /* the first tick has set the rates */
};
void meter_start(struct meter *meter, int64_t now_ns);
void meter_mark(struct meter *meter, int64_t now_ns, uint64_t count);

/* How values are distributed: at most SAMPLES of them are kept. */
enum { SAMPLES = 1028 };
struct sample;
struct histogram {
    uint64_t count;
    struct sample *samples; /* a heap, the least priority first; grows up to SAMPLES */
    size_t n, room;
    int64_t started_ns; /* what the samples' weights count from */
    int64_t second;     /* since then: `weight` is that of a sample of this second */
    double weight;
    uint64_t seed;
};
void histogram_start(struct histogram *histogram, int64_t now_ns);
void histogram_add(struct histogram *histogram, int64_t now_ns, double value);
void histogram_release(struct histogram *histogram);

/* How often and how long. */
struct timer {
    struct meter meter;
    struct histogram histogram; /* ns */
};
void timer_start(struct timer *timer, int64_t now_ns);
void timer_add(struct timer *timer, int64_t now_ns, int64_t took_ns);
void timer_release(struct timer *timer);

/* As /v1/metrics shows them, members in its order; durations in seconds. New objects. */
json_t *meter_json(struct meter *meter, int64_t now_ns);
json_t *histogram_json(const struct histogram *histogram);
json_t *timer_json(struct timer *timer, int64_t now_ns);

/* What such an object (meter or timer) would say after `age_s` more seconds in which nothing
 * happened; `lived_s` is how old the metric was when it was written. Changes the rates in place. */
void metric_json_age(json_t *json, double lived_s, double age_s);

#endif
