/* Endpoints: the ports that tasks announce to the outside (see api-and-cli 1.5 and 1.13). */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "plan/pods.h"

void endpoint_names_from_env(struct endpoint_names *ret, const char *(*env)(const char *name))
{
    const char *service = env("SERVICE_TLD"), *vip = env("VIP_TLD");

    ret->service_tld = service && *service ? service : "autoip.dcos.thisdcos.directory";
    ret->vip_tld = vip && *vip ? vip : "l4lb.thisdcos.directory";
}

/* ---- names ---- */

/* Without slashes; dots become dashes where asked for. */
static void add_flat(struct buf *out, const char *name, bool dots_too)
{
    for (const char *p = name; *p; p++) {
        if (*p == '/')
            continue;
        buf_addc(out, dots_too && *p == '.' ? '-' : *p);
    }
}

/* "/path/to/node" -> "node-to-path", dots become dashes. */
static void add_host(struct buf *out, const char *name)
{
    const char *end = name + strlen(name);
    bool first = true;

    while (end > name) {
        const char *start = end;
        while (start > name && start[-1] != '/')
            start--;
        if (start < end) {
            if (!first)
                buf_addc(out, '-');
            for (const char *p = start; p < end; p++)
                buf_addc(out, *p == '.' ? '-' : *p);
            first = false;
        }
        end = start > name ? start - 1 : name;
    }
}

/* ---- one task ---- */

struct seen {
    const struct state *state;
    const struct task *task;
    const TaskInfo *info;
    struct arena *arena;
};
typedef void port_fn(void *ctx, const struct seen *seen, const Port *port);

/* Calls fn for each port of each task that is meant to be seen from outside. */
static void each_port(const struct state *state, port_fn *fn, void *ctx)
{
    auto_arena struct arena arena = ARENA_INIT;

    for (struct task *t = state_task_first(state); t; t = state_task_after(state, t)) {
        struct err err = ERR_INIT;
        const TaskInfo *info = state_task_info(state, t, &arena, &err);
        const Ports *ports = info && info->discovery ? info->discovery->ports : NULL;
        const struct seen seen = {state, t, info, &arena};
        for (size_t i = 0; ports && i < ports->n_ports; i++) {
            const Port *port = ports->ports[i];
            if (port->has_visibility && port->visibility == DISCOVERY_INFO__VISIBILITY__EXTERNAL &&
                port->name && *port->name)
                fn(ctx, &seen, port);
        }
        arena_reset(&arena);
    }
}

static void add_name(void *names, const struct seen *seen, const Port *port)
{
    (void)seen;
    json_set(names, port->name, json_null());
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

json_t *endpoints_list(const struct state *state)
{
    json_auto json_t *names = json_object();
    json_t *list = json_array(), *value;
    const char *key;
    size_t n = 0;

    each_port(state, add_name, names);
    auto_free const char **sorted = xcalloc(json_object_size(names) + 1, sizeof *sorted);
    json_object_foreach(names, key, value) sorted[n++] = key;
    qsort(sorted, n, sizeof *sorted, by_text);
    for (size_t i = 0; i < n; i++)
        json_push(list, json_string(sorted[i]));
    return list;
}

/* ---- one endpoint ---- */

struct search {
    const struct endpoint_names *names;
    const char *name;
    const char *service;
    json_t *address, *dns; /* arrays */
    struct buf vip;
    bool found;
};

static size_t push_addresses(json_t *list, const TaskStatus *status, unsigned port)
{
    const ContainerStatus *container = status ? status->container_status : NULL;
    size_t count = 0;

    for (size_t i = 0; container && i < container->n_network_infos; i++) {
        const NetworkInfo *network = container->network_infos[i];
        for (size_t j = 0; j < network->n_ip_addresses; j++)
            if (network->ip_addresses[j]->ip_address) {
                json_push(list, json_sprintf("%s:%u", network->ip_addresses[j]->ip_address, port));
                count++;
            }
    }
    return count;
}

/* The addresses of the present status, else the last known ones, else the agent's host name. */
static void add_addresses(struct search *search, const struct seen *seen, unsigned port)
{
    struct err err = ERR_INIT;
    auto_free char *key = xasprintf("%s:task-status", seen->task->name);
    ssize_t len;
    const TaskStatus *status = seen->task->status_id
                                   ? state_task_status(seen->state, seen->task, seen->arena, &err)
                                   : NULL;

    if (push_addresses(search->address, status, port) > 0)
        return;
    const void *last = state_property(seen->state, key, &len);
    if (last && len > 0) {
        status = PB_UNPACK(TaskStatus, task_status, last, (size_t)len, seen->arena, key, &err);
        if (push_addresses(search->address, status, port) > 0)
            return;
    }
    json_push(search->address, json_sprintf("%s:%u", seen->task->hostname, port));
}

static void add_dns(struct search *search, const struct seen *seen, unsigned port)
{
    auto_buf struct buf name = BUF_INIT;
    const char *announced = seen->info->discovery->name;

    add_host(&name, announced && *announced ? announced : seen->task->name);
    buf_addc(&name, '.');
    add_flat(&name, search->service, true);
    buf_addf(&name, ".%s:%u", search->names->service_tld, port);
    json_push(search->dns, json_string(buf_str(&name)));
}

/* Labels VIP_<id> = <name>:<port>; the last good one wins. */
static void read_vips(struct search *search, const Port *port)
{
    for (size_t i = 0; port->labels && i < port->labels->n_labels; i++) {
        const Label *label = port->labels->labels[i];
        const char *colon = label->value ? strrchr(label->value, ':') : NULL;
        if (strncmp(label->key, "VIP_", 4) != 0 || !colon || colon == label->value || !colon[1] ||
            colon[1 + strspn(colon + 1, "0123456789")])
            continue;
        auto_free char *name = xstrndup(label->value, (size_t)(colon - label->value));
        buf_clear(&search->vip);
        add_flat(&search->vip, name, false);
        buf_addc(&search->vip, '.');
        add_flat(&search->vip, search->service, false);
        buf_addf(&search->vip, ".%s%s", search->names->vip_tld, colon);
    }
}

static void add_endpoint(void *ctx, const struct seen *seen, const Port *port)
{
    struct search *search = ctx;

    if (strcmp(port->name, search->name) != 0)
        return;
    search->found = true;
    add_addresses(search, seen, port->number);
    add_dns(search, seen, port->number);
    read_vips(search, port);
}

json_t *endpoint_show(const struct state *state, const struct endpoint_names *names,
                      const char *name)
{
    const char *service = state_service_name(state);
    struct search search = {.names = names,
                            .name = name,
                            .service = service ? service : "",
                            .address = json_array(),
                            .dns = json_array()};
    json_t *json = json_object();

    each_port(state, add_endpoint, &search);
    json_set(json, "address", search.address);
    json_set(json, "dns", search.dns);
    if (search.vip.len > 0)
        json_set(json, "vip", json_string(buf_str(&search.vip)));
    buf_free(&search.vip);
    if (!search.found) {
        json_decref(json);
        return NULL;
    }
    return json;
}
