#include "offer/reservations.h"

#include <string.h>

#include "base/json.h"
#include "offer/resources.h"
#include "offer/strmap.h"

static void set_text(json_t *item, const char *key, const char *text)
{
    json_set(item, key, json_text(text, strlen(text)));
}

static void set_amount(json_t *item, const Resource *resource)
{
    auto_buf struct buf text = BUF_INIT;

    if (resource->type != VALUE__TYPE__RANGES || !resource->ranges) {
        json_set(item, "amount", json_real(milli_value(resource_amount(resource))));
        return;
    }
    for (size_t i = 0; i < resource->ranges->n_range; i++) {
        const Value__Range *range = resource->ranges->range[i];
        buf_addf(&text, "%s%llu", i ? "," : "", (unsigned long long)range->begin);
        if (range->end != range->begin)
            buf_addf(&text, "-%llu", (unsigned long long)range->end);
    }
    set_text(item, "amount", buf_str(&text));
}

static void describe(json_t *item, const Resource *resource)
{
    const Resource__DiskInfo *disk = resource->disk;

    set_text(item, "name", resource->name);
    set_amount(item, resource);
    set_text(item, "role", resource_role(resource));
    if (disk && disk->volume)
        set_text(item, "path", disk->volume->container_path);
    if (disk && disk->persistence)
        set_text(item, "persistence_id", disk->persistence->id);
}

json_t *reservation_json(const Resource *resource, const char *id)
{
    json_t *item = json_object();

    set_text(item, "id", id);
    describe(item, resource);
    return item;
}

static json_t *one(const struct task *task, const Resource *resource, const char *id, bool executor)
{
    json_t *item = json_object();

    set_text(item, "id", id);
    set_text(item, "agent", task->agent_id);
    set_text(item, "hostname", task->hostname);
    set_text(item, "task", task->name);
    json_set(item, "executor", json_boolean(executor));
    describe(item, resource);
    return item;
}

static void add_all(const struct task *task, Resource *const *resources, size_t count,
                    bool executor, struct strmap *known, json_t *list)
{
    for (size_t i = 0; i < count; i++) {
        const char *id = resource_id(resources[i]);
        if (!id || !*id || strmap_find(known, id))
            continue;
        strmap_get(known, id)->number = 1;
        json_push(list, one(task, resources[i], id, executor));
    }
}

static bool is_of(const struct task *task, const char *pod)
{
    auto_buf struct buf instance = BUF_INIT;

    if (!pod || strcmp(task->name, pod) == 0)
        return true;
    buf_addf(&instance, "%s-%d", task->pod_type, task->pod_index);
    return strcmp(buf_str(&instance), pod) == 0;
}

json_t *reservations_list(const struct state *state, const char *pod, struct err *err)
{
    struct strmap known = {0};
    json_t *list = json_array();

    for (const struct task *t = state_task_first(state); t && list;
         t = state_task_after(state, t)) {
        auto_arena struct arena arena = ARENA_INIT;
        struct err why = ERR_INIT;
        if (!is_of(t, pod))
            continue;
        const TaskInfo *info = state_task_info(state, t, &arena, &why);
        if (!info && *why.text) {
            *err = why;
            json_decref(list);
            list = NULL;
        } else if (info) {
            add_all(t, info->resources, info->n_resources, false, &known, list);
            if (info->executor)
                add_all(t, info->executor->resources, info->executor->n_resources, true, &known,
                        list);
        }
    }
    strmap_free(&known);
    return list;
}
