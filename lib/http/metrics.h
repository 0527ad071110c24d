/* What /v1/metrics shows, collected from the run directory and from this server. Only lib/http/
 * includes this. */
#ifndef DSE_HTTP_METRICS_H
#define DSE_HTTP_METRICS_H

#include <jansson.h>
#include <stdbool.h>

#include "base/buf.h"
#include "base/clock.h"

/* ---- traffic: requests that this server answered ---- */

struct traffic;
struct traffic *traffic_new(const struct clock *clock);
void traffic_free(struct traffic *traffic); /* NULL is allowed */
/* A request was answered with that status, took_ns after it had come in. */
void traffic_served(struct traffic *traffic, const char *method, int status, int64_t took_ns);
/* Adds what was counted, as /v1/metrics shows it. */
void traffic_json(struct traffic *traffic, json_t *meters, json_t *timers);

/* ---- all metrics ---- */

/* A JSON file of the run directory; NULL when it is not there, or nobody has run yet. New. */
json_t *run_dir_json(const char *run_dir, const char *name);

/* {"gauges": {NAME: {"value": v}}, "counters": …, "histograms": …, "meters": …, "timers": …}, each
 * sorted by name, members as in offer-cycle 9.2. run_dir may be NULL, and the scheduler's files
 * need not be there. New. */
json_t *metrics_collect(const char *run_dir, struct traffic *traffic, const struct clock *clock);

/* Prometheus' text format 0.0.4 (offer-cycle 9.3); wanted() tells which samples to print, NULL: all
 * of them. */
void metrics_prometheus(const json_t *metrics, bool (*wanted)(void *ctx, const char *sample),
                        void *ctx, struct buf *out);

/* One datagram for each value (offer-cycle 9.4), `NAME:VALUE|g`. */
void metrics_statsd(const json_t *metrics, void (*send)(void *ctx, const char *line, size_t len),
                    void *ctx);

#endif
