#include "plan/pods.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/text.h"
#include "proto/pbclient.h"
#include "proto/pbjson.h"
#include "state/inspect.h"

/* One pod instance in the mirror. */
struct instance {
    const char *type;
    int index;
    char *name;
};
struct instances {
    struct instance *items;
    size_t count;
};

static bool labelled(const struct task *task)
{
    return task->pod_type[0] && task->pod_index >= 0;
}

static void instances_free(struct instances *all)
{
    for (size_t i = 0; i < all->count; i++)
        free(all->items[i].name);
    free(all->items);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(((const struct instance *)a)->name, ((const struct instance *)b)->name);
}

static int by_number(const void *a, const void *b)
{
    const struct instance *x = a, *y = b;
    const int types = strcmp(x->type, y->type);

    return types ? types : x->index - y->index;
}

/* Each pod is listed with the first of its tasks. */
static struct instances instances_of(const struct state *state,
                                     int (*order)(const void *, const void *))
{
    struct instances all = {NULL, 0};
    size_t room = 0;

    for (struct task *t = state_task_first(state); t; t = state_task_after(state, t)) {
        if (!labelled(t) || state_pod(state, t->pod_type, t->pod_index) != t)
            continue;
        if (all.count == room) {
            room = room ? room * 2 : 16;
            all.items = xreallocarray(all.items, room, sizeof *all.items);
        }
        all.items[all.count++] = (struct instance){t->pod_type, t->pod_index,
                                                   xasprintf("%s-%d", t->pod_type, t->pod_index)};
    }
    if (all.count > 1)
        qsort(all.items, all.count, sizeof *all.items, order);
    return all;
}

bool pod_find(const struct state *state, const char *pod, char **ret_type, int *ret_index)
{
    const char *dash = strrchr(pod, '-');
    char *end;

    if (!dash || dash == pod || !isdigit((unsigned char)dash[1]))
        return false;
    const long index = strtol(dash + 1, &end, 10);
    if (*end || index > INT32_MAX || (dash[1] == '0' && dash[2]))
        return false;
    auto_free char *type = xstrndup(pod, (size_t)(dash - pod));
    if (!state_pod(state, type, (int)index))
        return false;
    *ret_type = steal_ptr(type);
    *ret_index = (int)index;
    return true;
}

json_t *pods_list(const struct state *state)
{
    struct instances all = instances_of(state, by_text);
    json_t *list = json_array();

    for (size_t i = 0; i < all.count; i++)
        json_push(list, json_string(all.items[i].name));
    for (struct task *t = state_task_first(state); t; t = state_task_after(state, t))
        if (!labelled(t))
            json_push(list, json_sprintf("UNKNOWN_POD_%s", t->name));
    instances_free(&all);
    return list;
}

/* ---- status ---- */

/* A status belongs to a record by its task id: what was recorded anew without a launch has none. */
static bool has_own_status(const struct task *task)
{
    return task->status_id && strcmp(task->status_id, task->id) == 0;
}

const char *task_display_status(const struct task *task)
{
    if (!has_own_status(task))
        return NULL;
    if (task->override != OVERRIDE_NONE || task->progress != PROGRESS_COMPLETE) {
        static const char *const at[] = {"", "PAUSED", "DECOMMISSIONED"};
        static const char *const towards[] = {"STARTING", "PAUSING", "DECOMMISSIONING"};
        return task->progress == PROGRESS_COMPLETE ? at[task->override] : towards[task->override];
    }
    const char *name = pb_enum_name(&task_state__descriptor, (int)task->status_state);
    return strncmp(name, "TASK_", 5) == 0 ? name + 5 : name;
}

static json_t *task_json(const struct task *task)
{
    json_t *json = json_object();
    const char *status = task_display_status(task);

    json_set(json, "name", json_string(task->name));
    json_set(json, "id", json_string(task->id));
    if (status)
        json_set(json, "status", json_string(status));
    return json;
}

static json_t *instance_json(const struct state *state, const char *name, const char *type,
                             int index)
{
    json_t *json = json_object(), *tasks = json_array();

    for (struct task *t = state_pod(state, type, index); t; t = t->next_in_pod)
        json_push(tasks, task_json(t));
    json_set(json, "name", json_string(name));
    json_set(json, "tasks", tasks);
    return json;
}

static json_t *type_json(const char *name, json_t *instances)
{
    json_t *json = json_object();

    json_set(json, "instances", instances);
    json_set(json, "name", json_string(name));
    return json;
}

/* Tasks without labels, as one instance of an unknown pod. */
static json_t *unknown_json(const struct state *state)
{
    json_t *tasks = json_array();

    for (struct task *t = state_task_first(state); t; t = state_task_after(state, t))
        if (!labelled(t))
            json_push(tasks, task_json(t));
    if (json_array_size(tasks) == 0) {
        json_decref(tasks);
        return NULL;
    }
    json_t *instance = json_object(), *instances = json_array();
    json_set(instance, "name", json_string("UNKNOWN_POD-0"));
    json_set(instance, "tasks", tasks);
    json_push(instances, instance);
    return type_json("UNKNOWN_POD", instances);
}

json_t *pods_status(const struct state *state)
{
    struct instances all = instances_of(state, by_number);
    json_t *json = json_object(), *pods = json_array(), *instances = NULL;
    const char *service = state_service_name(state);

    json_set(json, "service", json_string(service ? service : ""));
    for (size_t i = 0; i < all.count; i++) {
        const struct instance *it = &all.items[i];
        if (i == 0 || strcmp(it->type, all.items[i - 1].type) != 0) {
            instances = json_array();
            json_push(pods, type_json(it->type, instances));
        }
        json_push(instances, instance_json(state, it->name, it->type, it->index));
    }
    json_t *unknown = unknown_json(state);
    if (unknown)
        json_push(pods, unknown);
    if (json_array_size(pods) > 0)
        json_set(json, "pods", pods);
    else
        json_decref(pods);
    instances_free(&all);
    return json;
}

json_t *pod_status(const struct state *state, const char *pod)
{
    auto_free char *type = NULL;
    int index;

    return pod_find(state, pod, &type, &index) ? instance_json(state, pod, type, index) : NULL;
}

/* ---- info ---- */

json_t *pod_info(const struct state *state, const char *pod, struct err *err)
{
    auto_free char *type = NULL;
    auto_arena struct arena arena = ARENA_INIT;
    int index;

    if (!pod_find(state, pod, &type, &index))
        return NULL;
    json_auto json_t *list = json_array();
    for (struct task *t = state_pod(state, type, index); t; t = t->next_in_pod) {
        json_t *item = json_object();
        json_push(list, item);
        const TaskInfo *info = state_task_info(state, t, &arena, err);
        if (!info)
            return NULL;
        json_set(item, "info", pb_to_client_json(info));
        const TaskStatus *status =
            has_own_status(t) ? state_task_status(state, t, &arena, err) : NULL;
        json_set(item, "status", status ? pb_to_client_json(status) : json_null());
    }
    redact(list);
    return steal_ptr(list);
}

/* ---- trees ---- */

static void add_name(const json_t *json, const char *key, struct buf *out)
{
    const char *text = json_string_value(json_object_get(json, key));

    text_clean(out, text && *text ? text : "<UNKNOWN>");
}

static void print_tasks(const json_t *instance, bool *last, size_t depth, bool utf8,
                        struct buf *out)
{
    const json_t *tasks = json_object_get(instance, "tasks");
    const size_t n = json_array_size(tasks);

    for (size_t i = 0; i < n; i++) {
        const json_t *task = json_array_get(tasks, i);
        last[depth] = i + 1 == n;
        text_tree_branch(out, last, depth + 1, utf8);
        add_name(task, "name", out);
        buf_adds(out, " (");
        add_name(task, "status", out);
        buf_adds(out, ")\n");
    }
}

void pod_tree_print(const json_t *json, bool utf8, struct buf *out)
{
    bool last[1];

    add_name(json, "name", out);
    buf_addc(out, '\n');
    print_tasks(json, last, 0, utf8, out);
}

void pods_tree_print(const json_t *json, bool utf8, struct buf *out)
{
    const json_t *pods = json_object_get(json, "pods");
    const size_t n = json_array_size(pods);
    bool last[3];

    add_name(json, "service", out);
    buf_addc(out, '\n');
    for (size_t i = 0; i < n; i++) {
        const json_t *pod = json_array_get(pods, i);
        const json_t *instances = json_object_get(pod, "instances");
        const size_t m = json_array_size(instances);
        last[0] = i + 1 == n;
        text_tree_branch(out, last, 1, utf8);
        add_name(pod, "name", out);
        buf_addc(out, '\n');
        for (size_t j = 0; j < m; j++) {
            const json_t *instance = json_array_get(instances, j);
            last[1] = j + 1 == m;
            text_tree_branch(out, last, 2, utf8);
            add_name(instance, "name", out);
            buf_addc(out, '\n');
            print_tasks(instance, last, 2, utf8, out);
        }
    }
}
