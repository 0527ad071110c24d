/* Pushing metrics to a StatsD server (see offer-cycle 9.4). */
#ifndef DSE_HTTP_STATSD_H
#define DSE_HTTP_STATSD_H

#include <jansson.h>

#include "base/err.h"
#include "base/loop.h"

struct statsd;
/* Pushes what collect() returns (new, as api_metrics() gives it) whenever STATSD_POLL_INTERVAL_S
 * (10) seconds have passed, to STATSD_UDP_HOST and STATSD_UDP_PORT; without these *ret is NULL and
 * nothing is pushed. EXIT_USAGE for values that make no sense. */
int statsd_start(struct loop *loop, json_t *(*collect)(void *ctx), void *ctx, struct statsd **ret,
                 struct err *err);
void statsd_free(struct statsd *statsd); /* NULL is allowed */

#endif
