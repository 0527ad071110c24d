/* /v1/state (see api-and-cli 1.7): framework id, properties, small files, zones. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "http/control.h"
#include "proto/pbjson.h"

enum { FILE_BYTES = 1024 };
#define FILE_PREFIX "file-"

static const struct tree_node *properties(const struct exchange_ctx *x)
{
    return tree_find(state_tree(x->view->state), "Properties");
}

static void framework_id(struct exchange_ctx *x)
{
    const char *id = state_framework_id(x->view->state);

    if (id)
        reply_json(x, 200, json_pack("[s]", id), JSON_LAYOUT_ORG);
    else
        reply_empty(x->reply, 404);
}

static void list_properties(struct exchange_ctx *x)
{
    const struct tree_node *node = properties(x);
    json_t *keys = json_array();

    for (const struct tree_node *c = node ? tree_first(node) : NULL; c; c = tree_next(c))
        json_push(keys, json_string(tree_node_name(c)));
    reply_json(x, 200, keys, JSON_LAYOUT_ORG);
}

/* The bytes as they are, whatever they are. */
static void one_property(struct exchange_ctx *x)
{
    ssize_t len;
    const void *data = state_property(x->view->state, x->parts[0], &len);

    if (!data || len < 0) {
        reply_empty(x->reply, 404);
        return;
    }
    x->reply->status = 200;
    x->reply->content_type = "application/json";
    buf_add(&x->reply->body, data, (size_t)len);
}

/* Every request reads the store anew; there is no cache of another process to refresh. */
static void refresh(struct exchange_ctx *x)
{
    reply_json(x, 200, json_pack("{s:s}", "message", "Received cmd: refresh"), JSON_LAYOUT_ORG);
}

/* ---- files ---- */

static void list_files(struct exchange_ctx *x)
{
    const struct tree_node *node = properties(x);
    auto_buf struct buf list = BUF_INIT;

    for (const struct tree_node *c = node ? tree_first(node) : NULL; c; c = tree_next(c)) {
        if (strncmp(tree_node_name(c), FILE_PREFIX, strlen(FILE_PREFIX)) == 0)
            buf_addf(&list, "%s%s", list.len ? ", " : "", tree_node_name(c) + strlen(FILE_PREFIX));
    }
    auto_free char *text = xasprintf("[%s]", buf_str(&list));
    reply_text(x->reply, 200, text);
}

static void get_file(struct exchange_ctx *x)
{
    auto_free char *key = xasprintf(FILE_PREFIX "%s", x->parts[0]);
    ssize_t len;
    const void *data = state_property(x->view->state, key, &len);

    if (!data || len < 0) {
        reply_text(x->reply, 404, "Failed to get the file");
        return;
    }
    x->reply->status = 200;
    x->reply->content_type = "text/plain";
    buf_add(&x->reply->body, data, (size_t)len);
}

/* Finds bytes in bytes. */
static const char *find(const char *hay, size_t len, const char *needle)
{
    const size_t n = strlen(needle);

    for (size_t i = 0; i + n <= len; i++) {
        if (memcmp(hay + i, needle, n) == 0)
            return hay + i;
    }
    return NULL;
}

/* The part called `file` of a multipart/form-data body; false when there is none. */
static bool form_file(const struct http_request *request, const char **ret, size_t *ret_len)
{
    const char *type = request->content_type;
    const char *boundary = type ? strstr(type, "boundary=") : NULL;

    if (!boundary)
        return false;
    boundary += strlen("boundary=");
    const size_t quoted = *boundary == '"';
    size_t n = strcspn(boundary + quoted, quoted ? "\"" : "; \t");
    auto_free char *mark = xasprintf("--%.*s", (int)n, boundary + quoted);
    auto_free char *end_mark = xasprintf("\r\n%s", mark);
    const char *at = request->body, *end = request->body + request->body_len;
    while ((at = find(at, (size_t)(end - at), mark))) {
        at += strlen(mark);
        const char *data = find(at, (size_t)(end - at), "\r\n\r\n");
        if (!data)
            return false;
        const char *stop = find(data + 4, (size_t)(end - data - 4), end_mark);
        if (!stop)
            return false;
        if (find(at, (size_t)(data - at), "name=\"file\"")) {
            *ret = data + 4;
            *ret_len = (size_t)(stop - data - 4);
            return true;
        }
        at = stop;
    }
    return false;
}

static void put_file(struct exchange_ctx *x)
{
    const char *data;
    size_t len;
    auto_buf struct buf text = BUF_INIT;

    if (!content_is(x, "multipart/form-data")) {
        reply_empty(x->reply, 415);
        return;
    }
    if (!form_file(x->request, &data, &len)) {
        reply_text(x->reply, 400, "Missing payload");
        return;
    }
    if (len > FILE_BYTES) {
        reply_text(x->reply, 400, "Stream exceeds 1024 byte size limit");
        return;
    }
    base64_encode(&text, data, len);
    control_post(x, "file-put",
                 json_pack("{s:s, s:s}", "name", x->parts[0], "content", buf_str(&text)));
}

/* ---- zones: from the ZONE variable of the stored tasks ---- */

static const char *zone_of(const struct exchange_ctx *x, const struct task *task,
                           struct arena *arena)
{
    struct err err = ERR_INIT;
    const TaskInfo *info = state_task_info(x->view->state, task, arena, &err);
    const Environment *env = info && info->command ? info->command->environment : NULL;

    for (size_t i = 0; env && i < env->n_variables; i++) {
        if (strcmp(env->variables[i]->name, "ZONE") == 0)
            return env->variables[i]->value;
    }
    return NULL;
}

static void all_zones(struct exchange_ctx *x)
{
    json_t *zones = json_object();

    for (struct task *t = state_task_first(x->view->state); t;
         t = state_task_after(x->view->state, t)) {
        auto_arena struct arena arena = ARENA_INIT;
        const char *zone = zone_of(x, t, &arena);
        if (zone)
            json_set(zones, t->name, json_string(zone));
    }
    reply_json(x, 200, zones, JSON_LAYOUT_ORG);
}

static void task_zone(struct exchange_ctx *x)
{
    auto_arena struct arena arena = ARENA_INIT;
    const struct task *task = state_task(x->view->state, x->parts[0]);
    const char *zone = task ? zone_of(x, task, &arena) : NULL;

    if (zone)
        reply_text(x->reply, 200, zone);
    else
        reply_empty(x->reply, 404);
}

static bool has_address(const TaskStatus *status, const char *ip)
{
    const ContainerStatus *container = status->container_status;

    for (size_t i = 0; container && i < container->n_network_infos; i++) {
        const NetworkInfo *network = container->network_infos[i];
        for (size_t j = 0; j < network->n_ip_addresses; j++) {
            const char *address = network->ip_addresses[j]->ip_address;
            if (address && strcmp(address, ip) == 0)
                return true;
        }
    }
    return false;
}

/* The original matches the beginning of the task name and fails at the first task without address;
 * here the pod type must be equal, and tasks without one are passed over. */
static void address_zone(struct exchange_ctx *x)
{
    for (struct task *t = state_task_first(x->view->state); t;
         t = state_task_after(x->view->state, t)) {
        auto_arena struct arena arena = ARENA_INIT;
        struct err err = ERR_INIT;
        if (strcmp(t->pod_type, x->parts[0]) != 0 || !t->status_id)
            continue;
        const TaskStatus *status = state_task_status(x->view->state, t, &arena, &err);
        const char *zone =
            status && has_address(status, x->parts[1]) ? zone_of(x, t, &arena) : NULL;
        if (zone) {
            reply_text(x->reply, 200, zone);
            return;
        }
    }
    reply_empty(x->reply, 404);
}

const struct route state_routes[] = {
    {"GET", "/v1/state/frameworkId", framework_id, false},
    {"GET", "/v1/state/properties", list_properties, false},
    {"GET", "/v1/state/properties/*", one_property, false},
    {"PUT", "/v1/state/refresh", refresh, false},
    {"GET", "/v1/state/files", list_files, false},
    {"GET", "/v1/state/files/*", get_file, false},
    {"PUT", "/v1/state/files/*", put_file, false},
    {"GET", "/v1/state/zone/tasks", all_zones, false},
    {"GET", "/v1/state/zone/tasks/*", task_zone, false},
    {"GET", "/v1/state/zone/*/*", address_zone, false},
    {NULL, NULL, NULL, false},
};
