/* What the writer changes about tasks (see state-store 4.6, 5.5). Every record goes through the
 * mirror, so a message that did not change is not written again. */
#include <string.h>

#include "base/alloc.h"
#include "base/shared.h"
#include "state/state_impl.h"

static void put_message(struct state *state, struct txn *txn, const char *path, const void *message)
{
    const size_t size = pb_size(message);
    auto_shared char *bytes = shared_alloc(size);

    pb_pack_at(message, bytes);
    state_put_shared(state, txn, path, bytes, (ssize_t)size);
}

struct task *state_put_task_info(struct state *state, struct txn *txn, const TaskInfo *info)
{
    auto_free char *path = text_join_new("Tasks/", info->name, "/TaskInfo");

    put_message(state, txn, path, info);
    return state_task(state, info->name);
}

struct task *state_put_task_status(struct state *state, struct txn *txn, const char *task_name,
                                   const TaskStatus *status)
{
    auto_free char *path = text_join_new("Tasks/", task_name, "/TaskStatus");
    struct task *task = state_task(state, task_name);

    if (task)
        put_message(state, txn, path, status);
    return task;
}

void state_put_override(struct state *state, struct txn *txn, struct task *task,
                        enum override_target target, enum override_progress progress)
{
    static const char *const targets[] = {"NONE", "PAUSED", "DECOMMISSIONED"};
    static const char *const all_progress[] = {"COMPLETE", "PENDING", "IN_PROGRESS"};
    auto_free char *target_path = xasprintf("Tasks/%s/Metadata/goal-state-override", task->name);
    auto_free char *progress_path = xasprintf("Tasks/%s/Metadata/override-status", task->name);

    /* The inactive pair is never stored. */
    if (target == OVERRIDE_NONE && progress == PROGRESS_COMPLETE) {
        state_delete(state, txn, target_path);
        state_delete(state, txn, progress_path);
        return;
    }
    state_put(state, txn, target_path, targets[target], (ssize_t)strlen(targets[target]));
    state_put(state, txn, progress_path, all_progress[progress],
              (ssize_t)strlen(all_progress[progress]));
}

static void put_label(struct state *state, struct txn *txn, const struct task *task,
                      const char *key, const char *value)
{
    auto_arena struct arena arena = ARENA_INIT;
    struct err err = ERR_INIT;
    TaskInfo *info = state_task_info(state, task, &arena, &err);

    if (!info) {
        state_add_problem(state, true, "%s", err.text);
        return;
    }
    const char *old = labels_get(info->labels, key);
    if (old && strcmp(old, value) == 0)
        return;
    info->labels = labels_set(&arena, info->labels, key, value);
    state_put_task_info(state, txn, info);
}

void state_relabel_task(struct state *state, struct txn *txn, struct task *task,
                        const char *config_id)
{
    put_label(state, txn, task, "target_configuration", config_id);
}

void state_mark_permanently_failed(struct state *state, struct txn *txn, struct task *task)
{
    if (!task->permanently_failed)
        put_label(state, txn, task, "permanently-failed", "true");
}

/* ---- resources ---- */

static size_t without(Resource **resources, size_t count, const char *id)
{
    size_t kept = 0;

    for (size_t i = 0; i < count; i++) {
        const char *own = resource_id(resources[i]);
        if (!own || strcmp(own, id) != 0)
            resources[kept++] = resources[i];
    }
    return kept;
}

struct id_search {
    const char *id;
    bool found;
};

static void compare_id(void *ctx, const char *id, size_t len)
{
    struct id_search *search = ctx;

    search->found |= strlen(search->id) == len && memcmp(search->id, id, len) == 0;
}

static bool holds(const struct task *task, const char *id)
{
    const struct tree_node *node = tree_child(((const struct task_entry *)task)->node, "TaskInfo");
    struct id_search search = {id, false};

    each_resource_id(tree_node_data(node), (size_t)tree_node_len(node), compare_id, &search);
    return search.found;
}

static void drop_from(struct state *state, struct txn *txn, const struct task *task, const char *id)
{
    auto_arena struct arena arena = ARENA_INIT;
    struct err err = ERR_INIT;
    TaskInfo *info = holds(task, id) ? state_task_info(state, task, &arena, &err) : NULL;

    if (!info)
        return;
    info->n_resources = without(info->resources, info->n_resources, id);
    if (info->executor)
        info->executor->n_resources =
            without(info->executor->resources, info->executor->n_resources, id);
    state_put_task_info(state, txn, info);
}

struct task *state_resource_owner(const struct state *state, const char *id)
{
    const struct resource_slot *slot = resource_table_find(&state->resources, id);

    if (!slot || slot->owner)
        return slot ? slot->owner : NULL;
    for (struct task *t = state_task_first(state); t; t = state_task_after(state, t)) {
        if (holds(t, id))
            return t;
    }
    return NULL;
}

void state_drop_resource(struct state *state, struct txn *txn, const char *id)
{
    const struct task *owner;

    /* Only tasks of one pod share a resource; go on for trees of another shape. */
    while ((owner = state_resource_owner(state, id)) != NULL) {
        const struct task *t = *owner->pod_type && owner->pod_index >= 0
                                   ? state_pod(state, owner->pod_type, owner->pod_index)
                                   : NULL;
        for (; t; t = t->next_in_pod)
            drop_from(state, txn, t, id);
        if (state_resource_owner(state, id) == owner)
            drop_from(state, txn, owner, id);
        if (state_resource_owner(state, id) == owner)
            return; /* its record does not decode: state_problems() has it */
    }
}

void state_delete_task(struct state *state, struct txn *txn, struct task *task)
{
    auto_free char *path = xasprintf("Tasks/%s", task->name);

    state_delete(state, txn, path);
}
