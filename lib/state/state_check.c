/* Everything that is inconsistent in a tree (see state-store 3.5, 5.4, 5.5, 11). */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/json.h"
#include "state/inspect.h"
#include "state/request.h"
#include "state/state_impl.h"

enum { VALUE_LIMIT = 1000000 };

struct check {
    const struct state *state;
    found_fn *fn;
    void *ctx;
};

__attribute__((format(printf, 5, 6))) static void found(const struct check *check, bool fatal,
                                                        const char *repair, const char *path,
                                                        const char *format, ...)
{
    va_list args;

    va_start(args, format);
    auto_free char *text = xvasprintf(format, args);
    va_end(args);
    check->fn(check->ctx, &(struct finding){path, text, repair, fatal});
}

/* ---- single values ---- */

static void check_values(const struct check *check)
{
    const struct state *state = check->state;
    ssize_t name_len, schema_len;
    const char *name = state_get(state, "servicename", &name_len);
    const char *schema = state_get(state, "SchemaVersion", &schema_len);
    const char *type = state_get_text(state, "Properties/last-completed-update-type");
    const struct tree_node *id = tree_find(state->tree, "FrameworkID");

    if (tree_count(state->tree) == 0)
        return;
    if (!name || name_len == 0)
        found(check, name != NULL, NULL, "servicename", name ? "is empty" : "is missing");
    if (!schema)
        found(check, false, NULL, "SchemaVersion", "is missing");
    else if (strcmp(schema, "1") != 0)
        found(check, true, NULL, "SchemaVersion", "is '%s', only 1 is supported", schema);
    if (id && !state->framework_id)
        found(check, true, NULL, "FrameworkID", tree_node_len(id) > 0 ? "is broken" : "is empty");
    if (!id && state->task_count)
        found(check, true, NULL, "FrameworkID",
              "is missing while tasks are stored: their reservations could not be used");
    /* NONE: SDK <= 0.30.3 (see state-store 7.3). */
    if (type && !state_deployed(state) && strcmp(type, "NONE") != 0)
        found(check, false, NULL, "Properties/last-completed-update-type",
              "is '%s': the deploy plan would be used", type);
    if (!state_uninstalling_is_good(state))
        found(check, true, NULL, "Properties/uninstalling", "is neither true nor false");
}

static void check_status_property(const struct check *check, const char *path,
                                  const struct tree_node *node)
{
    auto_arena struct arena arena = ARENA_INIT;
    struct err err = ERR_INIT;

    if (!pb_unpack(&task_status__descriptor, tree_node_data(node), (size_t)tree_node_len(node),
                   &arena, path, &err))
        found(check, false, NULL, path, "does not decode: %s", err.text);
}

static void check_properties(const struct check *check)
{
    const struct tree_node *all = tree_find(check->state->tree, "Properties");

    for (struct tree_node *n = all ? tree_first(all) : NULL; n; n = tree_next(n)) {
        auto_free char *path = xasprintf("Properties/%s", tree_node_name(n));
        if (tree_node_len(n) < 0)
            found(check, false, NULL, path, "has null data");
        if (tree_node_len(n) > VALUE_LIMIT)
            found(check, false, NULL, path, "has %zd bytes, more than %d", tree_node_len(n),
                  VALUE_LIMIT);
        const char *suffix = strstr(tree_node_name(n), ":task-status");
        if (suffix && !suffix[strlen(":task-status")] && tree_node_len(n) >= 0)
            check_status_property(check, path, n);
    }
}

/* ---- configurations ---- */

static void check_configs(const struct check *check)
{
    const struct tree_node *all = tree_find(check->state->tree, "Configurations");
    const char *target = state_target_id(check->state);

    for (struct tree_node *n = all ? tree_first(all) : NULL; n; n = tree_next(n)) {
        auto_free char *path = xasprintf("Configurations/%s", tree_node_name(n));
        const bool is_target = target && strcmp(target, tree_node_name(n)) == 0;
        struct err err = ERR_INIT;
        if (!uuid_is_canonical(tree_node_name(n)))
            found(check, true, NULL, path, "is not named by a UUID");
        if (tree_node_len(n) <= 0) {
            found(check, false, NULL, path, "is empty");
            continue;
        }
        json_auto json_t *json =
            json_parse(tree_node_data(n), (size_t)tree_node_len(n), "JSON", &err);
        if (!json)
            found(check, is_target, NULL, path, "does not parse: %s", err.text);
    }
    if (target && !state_config(check->state, target, NULL))
        found(check, true, NULL, "ConfigTarget", "names '%s', which is not stored", target);
    if (!target && check->state->task_count)
        found(check, false, NULL, "ConfigTarget", "is missing while tasks are stored");
}

/* ---- requests ---- */

/* What is left for the writer, who passes over a broken one with a warning. */
static void check_requests(const struct check *check)
{
    const struct tree_node *all = tree_find(check->state->tree, REQUESTS_PATH);

    for (struct tree_node *n = all ? tree_first(all) : NULL; n; n = tree_next(n)) {
        auto_free char *path = xasprintf(REQUESTS_PATH "/%s", tree_node_name(n));
        const ssize_t len = tree_node_len(n);
        struct request request = {0};
        struct err err = ERR_INIT;
        if (request_parse(tree_node_name(n), len > 0 ? tree_node_data(n) : "",
                          len > 0 ? (size_t)len : 0, &request, &err) < 0)
            found(check, false, NULL, path, "%s", err.text);
        request_release(&request);
    }
}

/* ---- tasks ---- */

static bool same_pod(const struct task *a, const struct task *b)
{
    return a == b ||
           (*a->pod_type && a->pod_index == b->pod_index && strcmp(a->pod_type, b->pod_type) == 0);
}

/* Tasks of one pod may list the same resource; two pods, or one message twice, may not. */
static void check_ids(const struct check *check, const char *path, const struct task *task,
                      Resource *const *resources, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *id = resource_id(resources[i]);
        const struct task *owner = id ? state_resource_owner(check->state, id) : NULL;
        if (owner && !same_pod(owner, task))
            found(check, false, NULL, path, "resource_id '%s' is that of a resource of '%s' too",
                  id, owner->name);
        for (size_t j = 0; id && j < i; j++) {
            const char *other = resource_id(resources[j]);
            if (other && strcmp(id, other) == 0)
                found(check, false, NULL, path, "resource_id '%s' is listed twice", id);
        }
    }
}

static void check_resources(const struct check *check, const char *path, const struct task *task,
                            const char *of, Resource *const *resources, size_t count)
{
    const char *framework = check->state->framework_id;

    for (size_t i = 0; i < count; i++) {
        const Resource__ReservationInfo *own = resource_reservation(resources[i]);
        const char *their = own ? labels_get(own->labels, "framework_id") : NULL;
        if (!own)
            found(check, false, NULL, path, "%sresource %zu ('%s') is not reserved", of, i,
                  resources[i]->name);
        else if (!resource_id(resources[i]))
            found(check, false, NULL, path, "%sresource %zu ('%s') has no resource_id", of, i,
                  resources[i]->name);
        if (their && framework && strcmp(their, framework) != 0)
            found(check, false, NULL, path, "%sresource %zu ('%s') belongs to framework '%s'", of,
                  i, resources[i]->name, their);
    }
    check_ids(check, path, task, resources, count);
}

/* Tasks of one executor hold copies of one message; the master refuses a task where they differ. */
static void check_copies(const struct check *check, const char *path, const struct task *task,
                         const ExecutorInfo *executor)
{
    const struct task *other = *task->pod_type && task->pod_index >= 0
                                   ? state_pod(check->state, task->pod_type, task->pod_index)
                                   : NULL;

    while (other && (other == task || strcmp(other->executor_id, task->executor_id) != 0))
        other = other->next_in_pod;
    if (!other || !*task->executor_id)
        return;
    auto_arena struct arena arena = ARENA_INIT;
    auto_buf struct buf a = BUF_INIT, b = BUF_INIT;
    struct err ignored = ERR_INIT; /* it is told where the other one is checked */
    const TaskInfo *info = state_task_info(check->state, other, &arena, &ignored);
    if (!info || !info->executor)
        return;
    pb_pack(executor, &a);
    pb_pack(info->executor, &b);
    if (a.len != b.len || memcmp(a.data, b.data, a.len) != 0)
        found(check, false, NULL, path, "the executor '%s' differs from the copy in '%s'",
              task->executor_id, other->name);
}

static void check_executor(const struct check *check, const char *path, const struct task *task,
                           const TaskInfo *info)
{
    const ExecutorInfo *executor = info->executor;

    if (!executor) {
        found(check, false, NULL, path, "has no executor");
        return;
    }
    if (!executor->framework_id)
        found(check, false, NULL, path, "the executor has no framework_id");
    else if (check->state->framework_id &&
             strcmp(executor->framework_id->value, check->state->framework_id) != 0)
        found(check, false, NULL, path, "the executor belongs to framework '%s'",
              executor->framework_id->value);
    if (executor->has_type && executor->type != EXECUTOR_INFO__TYPE__DEFAULT)
        found(check, false, NULL, path, "the executor is not of type DEFAULT");
    check_resources(check, path, task, "executor ", executor->resources, executor->n_resources);
    check_copies(check, path, task, executor);
}

static void check_labels(const struct check *check, const char *path, const struct task *task,
                         const TaskInfo *info)
{
    static const char *const needed[] = {"task_type", "index", "target_configuration",
                                         "offer_hostname", "offer_attributes"};

    for (size_t i = 0; i < ARRAY_LEN(needed); i++) {
        if (!labels_get(info->labels, needed[i]))
            found(check, false, NULL, path, "label '%s' is missing", needed[i]);
    }
    const char *index = labels_get(info->labels, "index");
    if (index && task->pod_index < 0)
        found(check, false, NULL, path, "label 'index' is '%s', no number", index);
    else if (task->spec_name == task->name && *task->pod_type)
        found(check, false, NULL, path, "the name does not begin with pod type and index '%s-%d'",
              task->pod_type, task->pod_index);
    if (*task->config_id && !state_config(check->state, task->config_id, NULL))
        found(check, false, NULL, path, "its configuration '%s' is not stored", task->config_id);
}

/* Updates find their task by the name in the id (see state-store 4.1). */
static void check_id(const struct check *check, const char *path, const struct task *task)
{
    auto_arena struct arena arena = ARENA_INIT;
    const char *name = *task->id ? task_name_of_id(&arena, task->id) : task->name;

    if (!name || strcmp(name, task->name) != 0)
        found(check, false, NULL, path, "the task id '%s' is not one of this task", task->id);
}

static void check_info(const struct check *check, const struct task *task)
{
    auto_free char *path = xasprintf("Tasks/%s/TaskInfo", task->name);
    auto_arena struct arena arena = ARENA_INIT;
    struct err err = ERR_INIT;
    const TaskInfo *info = state_task_info(check->state, task, &arena, &err);
    ssize_t len;

    if (!info) {
        found(check, true, NULL, path, "does not decode: %s", err.text);
        return;
    }
    state_get(check->state, path, &len);
    if (len > VALUE_LIMIT)
        found(check, false, NULL, path, "has %zd bytes, more than %d", len, VALUE_LIMIT);
    check_id(check, path, task);
    check_labels(check, path, task, info);
    check_executor(check, path, task, info);
    check_resources(check, path, task, "", info->resources, info->n_resources);
}

static void check_status(const struct check *check, const struct task *task)
{
    auto_free char *path = xasprintf("Tasks/%s/TaskStatus", task->name);
    auto_arena struct arena arena = ARENA_INIT;
    struct err err = ERR_INIT;
    ssize_t len;

    if (!state_get(check->state, path, &len)) {
        if (state_pair_fault(task) == PAIR_NO_STATUS)
            found(check, false, "store TASK_FAILED", path, "is missing, though the task has an id");
        return;
    }
    const TaskStatus *status = state_task_status(check->state, task, &arena, &err);
    if (!status) {
        found(check, true, NULL, path, "does not decode: %s", len > 0 ? err.text : "it is empty");
        return;
    }
    if (!protobuf_c_enum_descriptor_get_value(&task_state__descriptor, status->state))
        found(check, true, NULL, path, "has the unknown state %d", (int)status->state);
    if (state_pair_fault(task) == PAIR_DIFFERS)
        found(check, false, "take the task id of the status, store TASK_FAILED", path,
              "is that of task id '%s', TaskInfo has '%s'", task->status_id, task->id);
}

static void check_override(const struct check *check, const struct tree_node *node)
{
    const struct tree_node *all = tree_child(node, "Metadata");
    const struct tree_node *target = all ? tree_child(all, "goal-state-override") : NULL;
    const struct tree_node *progress = all ? tree_child(all, "override-status") : NULL;
    auto_free char *path = xasprintf("Tasks/%s/Metadata", tree_node_name(node));

    if (!target != !progress)
        found(check, false, NULL, path, "has only one of goal-state-override and override-status");
    if (!target || !progress || tree_node_len(target) < 0 || tree_node_len(progress) < 0)
        return;
    const char *to = tree_node_data(target), *how_far = tree_node_data(progress);
    if (strcmp(to, "PAUSED") != 0 && strcmp(to, "DECOMMISSIONED") != 0 && strcmp(to, "NONE") != 0)
        found(check, false, NULL, path, "has the unknown override '%s'", to);
    if (strcmp(how_far, "PENDING") != 0 && strcmp(how_far, "IN_PROGRESS") != 0 &&
        strcmp(how_far, "COMPLETE") != 0)
        found(check, false, NULL, path, "has the unknown progress '%s'", how_far);
    if (strcmp(to, "NONE") == 0 && strcmp(how_far, "COMPLETE") == 0)
        found(check, false, NULL, path, "holds NONE and COMPLETE, which means no override");
}

static void tell_broken(const struct check *check, const char *path, const char *name,
                        const struct tree_node *node)
{
    auto_arena struct arena arena = ARENA_INIT;
    auto_free char *place = xasprintf("%s/TaskInfo", path);
    struct err err = ERR_INIT;
    const TaskInfo *info = tree_node_len(node) == 0
                               ? NULL
                               : pb_unpack(&task_info__descriptor, tree_node_data(node),
                                           (size_t)tree_node_len(node), &arena, place, &err);

    if (info && strcmp(info->name, name) != 0)
        found(check, true, NULL, place, "is that of task '%s'", info->name);
    else
        found(check, true, NULL, place, "does not decode: %s",
              tree_node_len(node) == 0 ? "it is empty" : err.text);
}

static void check_tasks(const struct check *check)
{
    const struct tree_node *all = tree_find(check->state->tree, "Tasks");

    for (struct tree_node *n = all ? tree_first(all) : NULL; n; n = tree_next(n)) {
        auto_free char *path = xasprintf("Tasks/%s", tree_node_name(n));
        const struct tree_node *info = tree_child(n, "TaskInfo");
        const struct task *task = state_task(check->state, tree_node_name(n));
        check_override(check, n);
        if (!info || tree_node_len(info) < 0) {
            found(check, false, "delete the node", path, "has no TaskInfo");
        } else if (!task) {
            tell_broken(check, path, tree_node_name(n), info);
        } else {
            check_info(check, task);
            check_status(check, task);
        }
    }
}

void state_check(const struct state *state, found_fn *fn, void *ctx)
{
    const struct check check = {state, fn, ctx};

    check_values(&check);
    check_properties(&check);
    check_configs(&check);
    check_requests(&check);
    check_tasks(&check);
}
