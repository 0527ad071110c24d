/* A new target configuration: stored, with its plans, with the tasks that need no relaunch moved to
 * it and with what nobody needs any more removed (see service-spec 9). */
#include "plan/update.h"

#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/json.h"
#include "plan/configs.h"
#include "plan/internal.h"
#include "spec/specjson.h"

#define REJECTED_PATH "Toolkit/rejected"

/* ---- errors ---- */

/* The rejection is stored, so that the deploy plan shows it after a restart too. */
static void store_rejection(struct state *state, struct txn *txn, const struct validation *ret)
{
    json_auto json_t *root = json_object();
    json_t *errors = json_array();
    auto_buf struct buf text = BUF_INIT;

    for (size_t i = 0; i < ret->n_errors; i++) {
        buf_clear(&text);
        validation_error_text(&ret->errors[i], &text);
        json_push(errors, json_string(buf_str(&text)));
    }
    json_set(root, "errors", errors);
    buf_clear(&text);
    json_write(&text, root, JSON_LAYOUT_COMPACT);
    state_put(state, txn, REJECTED_PATH, text.data, (ssize_t)text.len);
}

static void delete_if_there(struct state *state, struct txn *txn, const char *path)
{
    if (tree_find(state_tree(state), path))
        state_delete(state, txn, path);
}

/* ---- which tasks move without relaunch, which configurations stay ---- */

struct move {
    struct state *state;
    struct configs *configs;
    const struct service_spec *target;
    const char *target_id;
    struct arena arena;
    struct strings needed; /* configurations that tasks still use */
    struct verdict {       /* (configuration, pod type) -> changed */
        const char *config_id, *pod_type;
        bool changed;
    } * verdicts;
    size_t n_verdicts;
};

static void need(struct move *move, const char *config_id)
{
    if (!strings_have(&move->needed, config_id))
        *ARENA_PUSH(&move->arena, move->needed.items, move->needed.count) =
            arena_strdup(&move->arena, config_id);
}

static bool changed_since(struct move *move, const struct service_spec *old, const char *config_id,
                          const char *pod_type)
{
    for (size_t i = 0; i < move->n_verdicts; i++)
        if (strcmp(move->verdicts[i].config_id, config_id) == 0 &&
            strcmp(move->verdicts[i].pod_type, pod_type) == 0)
            return move->verdicts[i].changed;
    struct verdict *verdict = ARENA_PUSH(&move->arena, move->verdicts, move->n_verdicts);
    verdict->config_id = arena_strdup(&move->arena, config_id);
    verdict->pod_type = arena_strdup(&move->arena, pod_type);
    verdict->changed = update_pod_changed(old, move->target, pod_type);
    return verdict->changed;
}

static void move_task(struct move *move, struct txn *txn, struct task *task)
{
    if (!task->config_id[0] || strcmp(task->config_id, move->target_id) == 0)
        return;
    const struct service_spec *old = configs_get(move->configs, task->config_id);
    if (!task->permanently_failed &&
        (!old || changed_since(move, old, task->config_id, task->pod_type)))
        need(move, task->config_id);
    else
        state_relabel_task(move->state, txn, task, move->target_id);
}

/* Names of the children of a path, so that they can be deleted while walking. */
static struct strings children_of(const struct state *state, const char *path, struct arena *arena)
{
    struct tree_node *node = tree_find(state_tree(state), path);
    struct strings ret = {NULL, 0};

    for (struct tree_node *n = node ? tree_first(node) : NULL; n; n = tree_next(n))
        *ARENA_PUSH(arena, ret.items, ret.count) = arena_strdup(arena, tree_node_name(n));
    return ret;
}

/* Deletes children of a path but those in `keep` (NULL: all). */
static void prune_children(struct state *state, struct txn *txn, const char *path,
                           const struct strings *keep, struct arena *arena)
{
    const struct strings names = children_of(state, path, arena);

    for (size_t i = 0; i < names.count; i++)
        if (!keep || !strings_have(keep, names.items[i]))
            state_delete_in_pieces(state, txn, arena_printf(arena, "%s/%s", path, names.items[i]));
}

static void move_and_prune(struct state *state, struct txn *txn, struct configs *configs,
                           const struct service_spec *target, const char *target_id)
{
    struct move move = {
        .state = state, .configs = configs, .target = target, .target_id = target_id};

    need(&move, target_id);
    /* Target first, then task by task, then what none of them uses goes: a start goes on from any
     * piece of a large update, whose request is still queued. */
    for (struct task *task = state_task_first(state); task; task = state_task_after(state, task)) {
        txn_border(txn);
        move_task(&move, txn, task);
    }
    txn_border(txn);
    const struct strings ids = children_of(state, "Configurations", &move.arena);
    for (size_t i = 0; i < ids.count; i++)
        if (!configs_get(configs, ids.items[i]))
            need(&move, ids.items[i]); /* what cannot be read is never deleted */
    prune_children(state, txn, "Configurations", &move.needed, &move.arena);
    const struct strings only = {&target_id, 1};
    prune_children(state, txn, "Toolkit/plans", &only, &move.arena);
    prune_children(state, txn, "Toolkit/done", &only, &move.arena);
    arena_free(&move.arena);
}

/* What belonged to the plans of the old target; recovery goes on. */
static void forget_old_plans(struct state *state, struct txn *txn)
{
    auto_arena struct arena arena = ARENA_INIT;
    char recovery[UUID_TEXT];
    const char *keep = recovery;

    uuid_of_name("recovery", recovery);
    const struct strings kept = {&keep, 1};
    prune_children(state, txn, "Toolkit/marks", &kept, &arena);
    prune_children(state, txn, "Toolkit/backoff", NULL, &arena);
    delete_if_there(state, txn, DECOMMISSION_PATH);
}

/* Tasks that the target has no place for are marked for decommissioning, in the place of a pause;
 * marks of a scale-down that was called off are lifted (see plans-and-recovery 8). */
static void mark_decommissioned(struct state *state, struct txn *txn,
                                const struct service_spec *target)
{
    for (struct task *task = state_task_first(state); task; task = state_task_after(state, task)) {
        txn_border(txn);
        const struct pod_spec *pod = spec_find_pod(target, task->pod_type);
        const bool wanted =
            task->pod_type[0] && task->pod_index >= 0 && (!pod || task->pod_index >= pod->count);
        if (wanted && task->override != OVERRIDE_DECOMMISSIONED)
            state_put_override(state, txn, task, OVERRIDE_DECOMMISSIONED, PROGRESS_PENDING);
        else if (!wanted && task->override == OVERRIDE_DECOMMISSIONED)
            state_put_override(state, txn, task, OVERRIDE_NONE, PROGRESS_COMPLETE);
    }
}

/* ---- storing ---- */

static void store_plans(struct state *state, struct txn *txn, const char *id,
                        const struct plans_spec *plans)
{
    json_auto json_t *json = plans_spec_to_json(plans);
    auto_buf struct buf text = BUF_INIT;
    auto_free char *path = xasprintf("Toolkit/plans/%s", id);

    json_write(&text, json, JSON_LAYOUT_COMPACT);
    state_put(state, txn, path, text.data, (ssize_t)text.len);
}

static bool plans_differ(const struct state *state, const char *id, const struct plans_spec *plans)
{
    struct err err = ERR_INIT;
    struct plans_spec *stored = configs_plans(state, id, NULL, &err);
    json_auto json_t *x = stored ? plans_spec_to_json(stored) : NULL;
    json_auto json_t *y = plans_spec_to_json(plans);
    const bool differ = !x || stored->unknown || !json_equal(x, y);

    plans_spec_free(stored);
    return differ;
}

static void store_target(struct state *state, struct txn *txn, const char *id,
                         const struct service_spec *spec, const struct plans_spec *plans)
{
    auto_buf struct buf text = BUF_INIT;
    auto_free char *path = xasprintf("Configurations/%s", id);

    spec_write(spec, &text);
    state_put(state, txn, path, text.data, (ssize_t)text.len);
    state_put(state, txn, "ConfigTarget", id, (ssize_t)strlen(id));
    store_plans(state, txn, id, plans);
    if (state_deployed(state))
        state_put(state, txn, UPDATING_PATH, id, (ssize_t)strlen(id));
}

/* ---- size ---- */

struct largest {
    const char *pod, *task, *file;
    size_t bytes;
};

static void find_largest(const struct pod_spec *pod, struct largest *ret)
{
    for (size_t i = 0; i < pod->n_tasks; i++) {
        const struct task_spec *task = &pod->tasks[i];
        for (size_t j = 0; j < task->n_config_files; j++) {
            const struct config_file *file = &task->config_files[j];
            const size_t bytes = strlen(file->template_content);
            if (bytes > ret->bytes)
                *ret = (struct largest){pod->type, task->name, file->name, bytes};
        }
    }
}

int update_check_size(const struct service_spec *spec, const struct plans_spec *plans,
                      struct err *err)
{
    json_auto json_t *json = plans_spec_to_json(plans);
    auto_buf struct buf text = BUF_INIT;
    struct largest most = {0};

    spec_write(spec, &text);
    json_write(&text, json, JSON_LAYOUT_COMPACT);
    if (text.len <= UPDATE_BYTES)
        return 0;
    for (size_t i = 0; i < spec->n_pods; i++)
        find_largest(&spec->pods[i], &most);
    if (!most.bytes)
        return err_set(err, EXIT_INPUT,
                       "the configuration has %zu bytes, more than the %d that are stored in one "
                       "transaction",
                       text.len, (int)UPDATE_BYTES);
    return err_set(err, EXIT_INPUT,
                   "the configuration has %zu bytes, more than the %d that are stored in one "
                   "transaction: its largest template is '%s' of task '%s' of pod '%s' with %zu "
                   "bytes",
                   text.len, (int)UPDATE_BYTES, most.file, most.task, most.pod, most.bytes);
}

/* Plans must fit the pods: found out by deriving them over nothing. */
static int check_plans(const struct service_spec *spec, const struct plans_spec *plans,
                       struct err *err)
{
    struct state *nothing = state_new();
    const struct plans_options options = {
        .target = spec, .target_id = "00000000-0000-0000-0000-000000000000", .specs = plans};
    struct plans *derived = plans_new(nothing, &options, 0, err);

    plans_free(derived);
    state_free(nothing);
    return derived ? 0 : -1;
}

static int refuse_first(const struct validation *ret, struct err *err)
{
    auto_buf struct buf text = BUF_INIT;

    for (size_t i = 0; i < ret->n_errors; i++) {
        buf_addf(&text, " %zu: ", i + 1);
        validation_error_text(&ret->errors[i], &text);
    }
    return err_set(err, EXIT_INPUT,
                   "configuration failed validation, and there is no earlier one to go on with: "
                   "%zu errors:%s",
                   ret->n_errors, buf_str(&text));
}

static void add_plans_error(struct validation *ret, const struct err *why)
{
    struct validation_error *error = ARENA_PUSH(&ret->arena, ret->errors, ret->n_errors);

    *error = (struct validation_error){
        .field = "plans", .new_value = "", .message = arena_strdup(&ret->arena, why->text)};
}

int update_apply(struct state *state, struct txn *txn, const struct service_spec *candidate,
                 const struct plans_spec *plans, const struct cluster_caps *caps, struct idgen *ids,
                 struct validation *ret, char ret_id[UUID_TEXT], struct err *err)
{
    const char *old_id = state_target_id(state);
    struct configs *configs = configs_new(state);
    const struct service_spec *old = old_id ? configs_get(configs, old_id) : NULL;
    struct err why = ERR_INIT;
    int result = -1;

    ret_id[0] = '\0';
    if (old_id)
        snprintf(ret_id, UUID_TEXT, "%s", old_id);
    if (old_id && !old) {
        err_set(err, EXIT_INPUT, "the target configuration '%s' cannot be read: %s", old_id,
                configs_problem(configs));
        goto out;
    }
    if (update_check_size(candidate, plans, err) < 0)
        goto out;
    spec_validate(old, candidate, state_deployed(state), caps, ret);
    if (check_plans(candidate, plans, &why) < 0)
        add_plans_error(ret, &why);
    if (ret->n_errors > 0) {
        if (old)
            store_rejection(state, txn, ret);
        else
            refuse_first(ret, err);
        goto out;
    }
    delete_if_there(state, txn, REJECTED_PATH);
    if (old && update_same_spec(old, candidate)) {
        result = plans_differ(state, ret_id, plans) ? 1 : 0;
        if (result)
            store_plans(state, txn, ret_id, plans);
    } else {
        idgen_uuid(ids, ret_id);
        store_target(state, txn, ret_id, candidate, plans);
        forget_old_plans(state, txn);
        result = 1;
    }
    /* For the same target too: an update that was cut off goes on here. */
    mark_decommissioned(state, txn, candidate);
    move_and_prune(state, txn, configs, candidate, ret_id);
out:
    configs_free(configs);
    return result;
}
