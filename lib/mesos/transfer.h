/* libcurl's multi interface on our event loop. */
#ifndef DSE_MESOS_TRANSFER_H
#define DSE_MESOS_TRANSFER_H

#include <curl/curl.h>

#include "base/err.h"
#include "base/loop.h"

struct transfers;

/* Called from the loop, never from inside libcurl, when a transfer ended; it is no longer running
 * then and may be started again, as may others. */
typedef void transfer_fn(void *ctx, CURLcode result);

struct transfers *transfers_new(struct loop *loop, struct err *err);
void transfers_free(struct transfers *transfers); /* after all handles were stopped */

/* The handle stays the caller's, who must stop it before cleaning it up. */
void transfers_start(struct transfers *transfers, CURL *easy, transfer_fn *fn, void *ctx);
/* Ends a transfer without the callback; does nothing when it is not running. Not from a callback of
 * libcurl. */
void transfers_stop(struct transfers *transfers, CURL *easy);

#endif
