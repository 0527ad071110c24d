/* What the groups of routes share. Only lib/http/ includes this. */
#ifndef DSE_HTTP_ROUTES_H
#define DSE_HTTP_ROUTES_H

#include <jansson.h>

#include "base/json.h"
#include "http/api.h"
#include "http/metrics.h"

enum { PATH_PARTS = 8 };

/* One request on its way through the API. */
struct exchange_ctx {
    struct api *api;
    const struct api_options *options;
    struct control *control;
    struct traffic *traffic;
    struct view *view; /* fresh enough; never NULL */
    const struct http_request *request;
    struct http_reply *reply;
    const char *parts[PATH_PARTS]; /* path elements that matched `*`, decoded */
};

typedef void route_fn(struct exchange_ctx *x);
struct route {
    const char *method;
    const char *path; /* "/v1/plans" + "/" + star: each star matches one element */
    route_fn *run;
    bool of_view; /* path and view alone decide the reply: it serves as long as the view */
};

/* Ended by a route without path. */
extern const struct route plan_routes[], pod_routes[], artifact_routes[], health_routes[],
    config_routes[], state_routes[], debug_routes[], metric_routes[], status_routes[],
    offer_routes[];

/* Answers with JSON in one of the original's layouts; steals the value. */
void reply_json(struct exchange_ctx *x, int status, json_t *value, enum json_layout layout);
/* The code that /v1/health answers with. */
int health_code(struct exchange_ctx *x);
/* The request's content type is this one, whatever its parameters; case does not matter. */
bool content_is(const struct exchange_ctx *x, const char *type);
/* `<what> <name> not found`, 404. */
void reply_not_found(struct exchange_ctx *x, const char *what, const char *name);

#endif
