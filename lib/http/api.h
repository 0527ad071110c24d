/* The REST API of the original over the store (see api-and-cli 1): same paths, codes and JSON.
 * Reads the store, never writes; what an operator does is posted as a request. */
#ifndef DSE_HTTP_API_H
#define DSE_HTTP_API_H

#include "base/clock.h"
#include "http/server.h"
#include "plan/view.h"
#include "state/store.h"

struct api;

struct api_options {
    struct loop *loop;
    struct store *store; /* opened without a loop */
    const struct clock *clock;
    struct idgen *ids;
    const char *run_dir; /* metrics and records of the running scheduler, or NULL */
    const char *token;   /* bearer token that every request must carry, or NULL */
    bool read_only;      /* refuse what changes something */
    bool uninstall;      /* SDK_UNINSTALL: only what api-and-cli 1.2 serves then */
};

struct api *api_new(const struct api_options *options);
void api_free(struct api *api);
/* An http_handler; ctx is the struct api. */
void api_handle(void *api, const struct http_request *request, struct http_reply *reply);
/* For server_options.served. */
void api_served(void *api, const char *method, int status, int64_t took_ns);
/* All metrics, as metrics_collect() gives them. New. */
json_t *api_metrics(void *api);

#endif
