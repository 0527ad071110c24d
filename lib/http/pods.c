/* /v1/pod and /v1/endpoints (see api-and-cli 1.4, 1.5). */
#include "plan/pods.h"

#include <stdlib.h>
#include <string.h>

#include "http/control.h"

static void list_pods(struct exchange_ctx *x)
{
    reply_json(x, 200, pods_list(x->view->state), JSON_LAYOUT_ORG);
}

static void all_status(struct exchange_ctx *x)
{
    reply_json(x, 200, pods_status(x->view->state), JSON_LAYOUT_ORG);
}

static void one_status(struct exchange_ctx *x)
{
    json_t *status = pod_status(x->view->state, x->parts[0]);

    if (status)
        reply_json(x, 200, status, JSON_LAYOUT_ORG);
    else
        reply_not_found(x, "Pod", x->parts[0]);
}

static void one_info(struct exchange_ctx *x)
{
    struct err err = ERR_INIT;
    json_t *info = pod_info(x->view->state, x->parts[0], &err);

    if (info)
        reply_json(x, 200, info, JSON_LAYOUT_SPEC);
    else if (err.status != EXIT_DONE)
        reply_text(x->reply, 500, err.text);
    else
        reply_not_found(x, "Pod", x->parts[0]);
}

/* ---- commands ---- */

static void restart(struct exchange_ctx *x)
{
    control_post(x, "pod-restart", json_pack("{s:s}", "pod", x->parts[0]));
}

static void replace(struct exchange_ctx *x)
{
    control_post(x, "pod-replace", json_pack("{s:s}", "pod", x->parts[0]));
}

/* A blank body or an empty list means all tasks; anything but a list is a 400. What is no text in
 * it names no task, so that the pod is not found. */
static void with_tasks(struct exchange_ctx *x, const char *verb)
{
    struct err err = ERR_INIT;
    json_t *tasks = json_array();

    if (strspn(x->request->body, " \t\r\n") < x->request->body_len) {
        json_decref(tasks);
        tasks = json_parse(x->request->body, x->request->body_len, "body", &err);
    }
    if (!json_is_array(tasks)) {
        json_decref(tasks);
        reply_empty(x->reply, 400);
        return;
    }
    for (size_t i = 0; i < json_array_size(tasks); i++) {
        auto_buf struct buf text = BUF_INIT;
        if (json_is_string(json_array_get(tasks, i)))
            continue;
        json_write(&text, json_array_get(tasks, i), JSON_LAYOUT_COMPACT);
        json_array_set_new(tasks, i, json_string(buf_str(&text)));
    }
    control_post(x, verb, json_pack("{s:s, s:o}", "pod", x->parts[0], "tasks", tasks));
}

static void pause_tasks(struct exchange_ctx *x)
{
    with_tasks(x, "pod-pause");
}

static void resume_tasks(struct exchange_ctx *x)
{
    with_tasks(x, "pod-resume");
}

/* ---- endpoints ---- */

static const char *environment(const char *name)
{
    return getenv(name);
}

static void list_endpoints(struct exchange_ctx *x)
{
    reply_json(x, 200, endpoints_list(x->view->state), JSON_LAYOUT_ORG);
}

static void one_endpoint(struct exchange_ctx *x)
{
    struct endpoint_names names;

    endpoint_names_from_env(&names, environment);
    json_t *endpoint = endpoint_show(x->view->state, &names, x->parts[0]);
    if (endpoint)
        reply_json(x, 200, endpoint, JSON_LAYOUT_ORG);
    else
        reply_empty(x->reply, 404);
}

const struct route pod_routes[] = {
    {"GET", "/v1/pod", list_pods, true},
    {"GET", "/v1/pod/status", all_status, true},
    {"GET", "/v1/pod/*/status", one_status, true},
    {"GET", "/v1/pod/*/info", one_info, true},
    {"POST", "/v1/pod/*/restart", restart, false},
    {"POST", "/v1/pod/*/replace", replace, false},
    {"POST", "/v1/pod/*/pause", pause_tasks, false},
    {"POST", "/v1/pod/*/resume", resume_tasks, false},
    {"GET", "/v1/endpoints", list_endpoints, false},
    {"GET", "/v1/endpoints/*", one_endpoint, false},
    {NULL, NULL, NULL, false},
};
