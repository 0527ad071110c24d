/* Meters, histograms and timers (offer-cycle 9.2): rates and percentiles against values worked out
 * by hand from the formulas. */
#include "base/metric.h"

#include <math.h>

#include "base/alloc.h"
#include "base/json.h"
#include "tap.h"

#define S INT64_C(1000000000)

static double member(const json_t *json, const char *key)
{
    return json_number_value(json_object_get(json, key));
}

static bool near(double got, double want)
{
    if (fabs(got - want) <= 1e-9 * fmax(1, fabs(want)))
        return true;
    printf("# %.17g, wanted %.17g\n", got, want);
    return false;
}

static void rates(void)
{
    struct meter meter;

    meter_start(&meter, 7 * S);
    meter_mark(&meter, 8 * S, 10);
    json_auto json_t *before = meter_json(&meter, 9 * S);
    CHECK(near(member(before, "m1_rate"), 0)); /* no tick yet */
    CHECK(near(member(before, "mean_rate"), 5));
    json_auto json_t *first = meter_json(&meter, 12 * S);
    CHECK(near(member(first, "m1_rate"), 2)); /* the first tick sets the rates */
    CHECK(near(member(first, "m15_rate"), 2));
    meter_mark(&meter, 13 * S, 5);
    json_auto json_t *second = meter_json(&meter, 17 * S);
    CHECK(near(member(second, "m1_rate"), 2 + (1 - exp(-5.0 / 60)) * (1 - 2)));
    CHECK(near(member(second, "m5_rate"), 2 + (1 - exp(-5.0 / 300)) * (1 - 2)));
    CHECK_INT(json_integer_value(json_object_get(second, "count")), 15);
    /* An idle minute is twelve ticks. */
    json_auto json_t *later = meter_json(&meter, 77 * S);
    CHECK(near(member(later, "m1_rate"), member(second, "m1_rate") * exp(-1)));
    CHECK(near(member(later, "mean_rate"), 15.0 / 70));
    /* What was written then, read a minute later, says the same. */
    metric_json_age(second, 10, 60);
    CHECK(json_equal(second, later) || near(member(second, "m1_rate"), member(later, "m1_rate")));
    CHECK(near(member(second, "m15_rate"), member(later, "m15_rate")));
    CHECK(near(member(second, "mean_rate"), member(later, "mean_rate")));
}

static void quantiles(void)
{
    struct histogram histogram;

    histogram_start(&histogram, 0);
    json_auto json_t *empty = histogram_json(&histogram);
    CHECK(near(member(empty, "p99"), 0) && near(member(empty, "mean"), 0));
    for (int i = 100; i >= 1; i--)
        histogram_add(&histogram, 0, i);
    json_auto json_t *json = histogram_json(&histogram);
    CHECK_INT(json_integer_value(json_object_get(json, "count")), 100);
    CHECK(near(member(json, "min"), 1) && near(member(json, "max"), 100));
    CHECK(near(member(json, "mean"), 50.5));
    CHECK(near(member(json, "stddev"), sqrt((100.0 * 100 - 1) / 12)));
    CHECK(fabs(member(json, "p50") - 51) <= 1 && fabs(member(json, "p99") - 100) <= 1);
    CHECK(near(member(json, "p999"), 100));
    histogram_release(&histogram);
}

/* The sample of an hour ago counts for nothing beside one of now, also across a rescaling. */
static void old_values_fade(void)
{
    struct histogram histogram;

    histogram_start(&histogram, 0);
    for (int i = 0; i < 1000; i++)
        histogram_add(&histogram, 0, 1000);
    histogram_add(&histogram, 300 * S, 10);
    json_auto json_t *soon = histogram_json(&histogram);
    /* e^4.5 = 90 against 1000 of weight 1 */
    CHECK(near(member(soon, "mean"), (1000 * 1000 + 10 * exp(4.5)) / (1000 + exp(4.5))));
    histogram_add(&histogram, 3601 * S, 20);
    json_auto json_t *late = histogram_json(&histogram);
    CHECK(fabs(member(late, "mean") - 20) < 1e-3);
    CHECK(near(member(late, "p50"), 20) && near(member(late, "max"), 1000));
    histogram_release(&histogram);
}

static void bounded(void)
{
    struct histogram histogram;

    histogram_start(&histogram, 0);
    for (int i = 0; i < 100000; i++)
        histogram_add(&histogram, i * S / 1000, i % 1000);
    CHECK_INT((intmax_t)histogram.n, SAMPLES);
    CHECK_INT((intmax_t)histogram.count, 100000);
    json_auto json_t *json = histogram_json(&histogram);
    CHECK(fabs(member(json, "p50") - 500) < 60); /* four standard errors */
    histogram_release(&histogram);
}

static void timers(void)
{
    struct timer timer;
    const char *const keys[] = {"count",     "max",     "mean",      "min",
                                "p50",       "p75",     "p95",       "p98",
                                "p99",       "p999",    "stddev",    "m15_rate",
                                "m1_rate",   "m5_rate", "mean_rate", "duration_units",
                                "rate_units"};
    const char *key;
    json_t *value;
    size_t i = 0;

    timer_start(&timer, 0);
    timer_add(&timer, 1 * S, 2 * S);
    json_auto json_t *json = timer_json(&timer, 4 * S);
    json_object_foreach(json, key, value)
    {
        CHECK(i < ARRAY_LEN(keys));
        CHECK_STR(key, keys[i++]);
    }
    CHECK_INT((intmax_t)i, (intmax_t)ARRAY_LEN(keys));
    CHECK(near(member(json, "p50"), 2) && near(member(json, "max"), 2));
    CHECK(near(member(json, "stddev"), 0) && near(member(json, "mean_rate"), 0.25));
    timer_release(&timer);
}

TAP_MAIN(TEST(rates), TEST(quantiles), TEST(old_values_fade), TEST(bounded), TEST(timers))
