/* Requests that clients of the API leave for the writer, and the replies that wait for their
 * results. Only lib/http/ includes this. */
#ifndef DSE_HTTP_CONTROL_H
#define DSE_HTTP_CONTROL_H

#include "http/routes.h"

enum { CONTROL_WAIT_MS = 5000, CONTROL_POLL_MS = 20 };

struct control;
/* changed is called when a request has had its effect: what was read before is old. */
struct control *control_new(const struct api_options *options, void (*changed)(void *ctx),
                            void *ctx);
void control_free(struct control *control);

/* Posts the request and holds the reply back until the writer has answered, at most
 * CONTROL_WAIT_MS; 503 with Retry-After when no writer lives or none answers in time. Steals args.
 */
void control_post(struct exchange_ctx *x, const char *verb, json_t *args);

#endif
