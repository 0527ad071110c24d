#include "http/api.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/log.h"
#include "http/control.h"

/* Requests closer together than this see the same view: one load serves a burst. Then it goes: most
 * of the time nobody asks, and it is as large as the state. */
enum { VIEW_AGE_MS = 100 };

/* Replies that serve as long as the view: a burst of clients often wants the same. */
enum { REPLIES_KEPT = 16, REPLY_BYTES = 1 << 20 };

struct kept_reply {
    char *path;
    int status;
    const char *content_type;
    struct buf body;
};

struct api {
    struct api_options options;
    struct view *view; /* NULL: to be loaded */
    struct kept_reply replies[REPLIES_KEPT];
    size_t n_replies;
    struct loop_timer *expiry;
    struct control *control;
    struct traffic *traffic;
};

static const struct {
    const struct route *routes;
    bool uninstalling; /* also served while the service is uninstalled */
} groups[] = {
    {plan_routes, true},    {health_routes, true}, {status_routes, true},    {metric_routes, true},
    {pod_routes, false},    {state_routes, false}, {artifact_routes, false}, {debug_routes, false},
    {config_routes, false}, {offer_routes, false},
};

static void drop_replies(struct api *api)
{
    for (size_t i = 0; i < api->n_replies; i++) {
        free(api->replies[i].path);
        buf_free(&api->replies[i].body);
        api->replies[i] = (struct kept_reply){0};
    }
    api->n_replies = 0;
}

static void drop_view(void *ctx)
{
    struct api *api = ctx;

    drop_replies(api);
    view_free(api->view);
    api->view = NULL;
    malloc_trim(0);
}

struct api *api_new(const struct api_options *options)
{
    struct api *api = xcalloc(1, sizeof *api);

    api->options = *options;
    api->expiry = loop_timer_add(options->loop, drop_view, api);
    api->traffic = traffic_new(options->clock);
    api->control = control_new(&api->options, drop_view, api);
    return api;
}

void api_free(struct api *api)
{
    if (!api)
        return;
    loop_timer_del(api->expiry);
    control_free(api->control);
    drop_replies(api);
    view_free(api->view);
    traffic_free(api->traffic);
    free(api);
}

void api_served(void *ctx, const char *method, int status, int64_t took_ns)
{
    struct api *api = ctx;

    traffic_served(api->traffic, method, status, took_ns);
}

json_t *api_metrics(void *ctx)
{
    struct api *api = ctx;

    return metrics_collect(api->options.run_dir, api->traffic, api->options.clock);
}

/* ---- replies ---- */

void reply_json(struct exchange_ctx *x, int status, json_t *value, enum json_layout layout)
{
    x->reply->status = status;
    x->reply->content_type = "application/json";
    buf_clear(&x->reply->body);
    json_write(&x->reply->body, value, layout);
    json_decref(value);
}

void reply_not_found(struct exchange_ctx *x, const char *what, const char *name)
{
    auto_free char *text = xasprintf("%s %s not found", what, name);

    reply_text(x->reply, 404, text);
}

bool content_is(const struct exchange_ctx *x, const char *type)
{
    const char *given = x->request->content_type;
    const size_t n = strlen(type);

    return given && strncasecmp(given, type, n) == 0 && strchr("; \t", given[n]);
}

/* ---- view ---- */

static struct view *fresh_view(struct api *api, struct err *err)
{
    if (api->view)
        return api->view;
    struct tree *tree = store_load(api->options.store, "", err);
    api->view = tree ? view_new(tree, clock_now_ms(api->options.clock), err) : NULL;
    if (api->view)
        loop_timer_in(api->expiry, VIEW_AGE_MS);
    return api->view;
}

/* ---- kept replies ---- */

static bool reply_kept(const struct api *api, const struct exchange_ctx *x)
{
    for (size_t i = 0; i < api->n_replies; i++) {
        const struct kept_reply *kept = &api->replies[i];
        if (strcmp(kept->path, x->request->path) != 0)
            continue;
        x->reply->status = kept->status;
        x->reply->content_type = kept->content_type;
        buf_add(&x->reply->body, kept->body.data, kept->body.len);
        return true;
    }
    return false;
}

static void keep_reply(struct api *api, const struct exchange_ctx *x)
{
    if (api->n_replies == REPLIES_KEPT || !x->reply->body.len || x->reply->body.len > REPLY_BYTES)
        return;
    struct kept_reply *kept = &api->replies[api->n_replies++];
    *kept = (struct kept_reply){.path = xstrdup(x->request->path),
                                .status = x->reply->status,
                                .content_type = x->reply->content_type};
    buf_add(&kept->body, x->reply->body.data, x->reply->body.len);
}

/* ---- routing ---- */

/* Matches path against the route's pattern; what `*` stands for goes to parts, in the arena. */
static bool path_matches(const char *pattern, const char *path, struct arena *arena,
                         const char **parts)
{
    size_t n = 0;

    while (*pattern) {
        if (*pattern == '*') {
            size_t len = strcspn(path, "/");
            if (!len || n == PATH_PARTS)
                return false;
            parts[n++] = arena_strndup(arena, path, len);
            path += len;
            pattern++;
        } else if (*pattern++ != *path++) {
            return false;
        }
    }
    return !*path || strcmp(path, "/") == 0; /* a slash at the end makes no difference */
}

/* The path of a request in absolute form, `http://HOST/PATH`, too. */
static const char *path_of(const struct http_request *request)
{
    static const char scheme[] = "http://";
    const char *slash = strncasecmp(request->path, scheme, strlen(scheme)) == 0
                            ? strchr(request->path + strlen(scheme), '/')
                            : NULL;

    return slash ? slash : request->path;
}

/* HEAD comes as GET. */
static void allow(struct http_reply *reply, const char *method)
{
    if (strstr(reply->allow, method))
        return;
    const size_t len = strlen(reply->allow);
    snprintf(reply->allow + len, sizeof reply->allow - len, "%s%s%s", len ? ", " : "", method,
             strcmp(method, "GET") == 0 ? ", HEAD" : "");
}

/* NULL: none; then reply->allow names the methods of the path, if it is one of ours. OPTIONS is
 * answered for each of them, as the original's server does. */
static const struct route *find_route(const struct api *api, const struct http_request *request,
                                      struct arena *arena, const char **parts,
                                      struct http_reply *reply)
{
    for (size_t g = 0; g < ARRAY_LEN(groups); g++) {
        if (api->options.uninstall && !groups[g].uninstalling)
            continue;
        for (const struct route *r = groups[g].routes; r->path; r++) {
            if (!path_matches(r->path, path_of(request), arena, parts))
                continue;
            if (strcmp(r->method, request->method) == 0) {
                *reply->allow = '\0';
                return r;
            }
            allow(reply, r->method);
        }
    }
    if (*reply->allow)
        allow(reply, "OPTIONS");
    return NULL;
}

/* In constant time for equal lengths, so that the token cannot be guessed byte by byte. */
static bool is_authorised(const struct api *api, const struct http_request *request)
{
    static const char *const schemes[] = {"token=", "Bearer "};
    const char *want = api->options.token, *got = request->authorization;

    if (!want)
        return true;
    for (size_t i = 0; got && i < ARRAY_LEN(schemes); i++) {
        size_t n = strlen(schemes[i]);
        if (strncmp(got, schemes[i], n) != 0 || strlen(got + n) != strlen(want))
            continue;
        unsigned char different = 0;
        for (size_t j = 0; want[j]; j++)
            different |= (unsigned char)(want[j] ^ got[n + j]);
        return !different;
    }
    return false;
}

void api_handle(void *ctx, const struct http_request *request, struct http_reply *reply)
{
    struct api *api = ctx;
    struct err err = ERR_INIT;
    auto_arena struct arena arena = ARENA_INIT;
    struct exchange_ctx x = {
        .api = api,
        .options = &api->options,
        .control = api->control,
        .traffic = api->traffic,
        .request = request,
        .reply = reply,
    };

    if (!is_authorised(api, request)) {
        reply->authenticate = "Bearer";
        reply_empty(reply, 401);
        return;
    }
    const struct route *route = find_route(api, request, &arena, x.parts, reply);
    if (!route) {
        reply_empty(reply, !*reply->allow                            ? 404
                           : strcmp(request->method, "OPTIONS") == 0 ? 200
                                                                     : 405);
        return;
    }
    if (api->options.read_only && strcmp(route->method, "GET") != 0) {
        reply_empty(reply, 403);
        return;
    }
    x.view = fresh_view(api, &err);
    if (!x.view) {
        log_error("cannot load the state: %s", err.text);
        const bool damaged = err.status == EXIT_INPUT;
        reply->retry_after = damaged ? NULL : "1";
        reply_text(reply, damaged ? 500 : 503, err.text);
        return;
    }
    if (route->of_view && reply_kept(api, &x))
        return;
    route->run(&x);
    if (route->of_view)
        keep_reply(api, &x);
}
