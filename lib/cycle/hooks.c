/* Commands of the operator before and after a pod is replaced: Toolkit/hooks/<pod> (see
 * doc/records.md).
 *
 * Before: the first thing when a pod is to be placed anew; nothing of it is placed until the
 * command has ended, well or not. After: when all tasks of the new instance run and are ready. What
 * is under way is on record before it begins and until its end is, so that a scheduler that dies in
 * between runs it again: at least once. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/log.h"
#include "cycle/internal.h"

/* A command of this process: waits for its record to be durable, then runs. */
struct hook_run {
    struct cycle *cycle;
    char *pod;
    bool after;
    struct hook_run *next;
};

static bool wanted(const struct cycle *cycle, bool after)
{
    return !cycle->options.uninstall && cycle->options.run_hook &&
           (after ? cycle->options.hook_after : cycle->options.hook_before);
}

static const char *stage_name(bool after)
{
    return after ? "after" : "before";
}

/* ---- records ---- */

static char *record_path(struct cycle *cycle, const char *pod)
{
    return text_join(&cycle->scratch, HOOKS_PATH "/", pod);
}

static json_t *record_read(struct cycle *cycle, const char *pod)
{
    struct err err = ERR_INIT;
    const char *path = record_path(cycle, pod);
    const char *text = state_get_text(cycle->state, path);

    return text ? json_parse(text, strlen(text), path, &err) : NULL;
}

static void record_write(struct cycle *cycle, struct txn *txn, const char *path,
                         const json_t *record)
{
    auto_buf struct buf text = BUF_INIT;

    json_write(&text, record, JSON_LAYOUT_COMPACT);
    state_put(cycle->state, txn, path, text.data, (ssize_t)text.len);
}

static const char *stage_state(const json_t *record, bool after)
{
    const char *state =
        json_string_value(json_object_get(json_object_get(record, stage_name(after)), "state"));

    return state ? state : "";
}

static void set_stage(struct cycle *cycle, json_t *record, bool after, const char *state)
{
    json_set(record, stage_name(after),
             json_pack("{s:s, s:I}", "state", state, "since", (json_int_t)cycle_now(cycle)));
}

/* ---- the instance that goes ---- */

static json_t *launches_of(struct cycle *cycle, const struct requirement *need)
{
    json_t *ids = json_array();

    for (const struct task *t = state_pod(cycle->state, need->pod_type, need->pod_index); t;
         t = t->next_in_pod)
        if (*t->id)
            json_push(ids, json_string(t->id));
    return ids;
}

/* The last address that one of the pod's tasks had, "" when none is known. */
static const char *address_of(struct cycle *cycle, const char *type, int index)
{
    for (const struct task *t = state_pod(cycle->state, type, index); t; t = t->next_in_pod) {
        struct err err = ERR_INIT;
        ssize_t len;
        const char *key = arena_printf(&cycle->scratch, "%s:task-status", t->name);
        const void *bytes = state_property(cycle->state, key, &len);
        const TaskStatus *status = bytes ? PB_UNPACK(TaskStatus, task_status, bytes, (size_t)len,
                                                     &cycle->scratch, key, &err)
                                         : NULL;
        const ContainerStatus *container = status ? status->container_status : NULL;
        for (size_t i = 0; container && i < container->n_network_infos; i++)
            if (container->network_infos[i]->n_ip_addresses &&
                container->network_infos[i]->ip_addresses[0]->ip_address)
                return container->network_infos[i]->ip_addresses[0]->ip_address;
    }
    return "";
}

static const char *hostname_of(struct cycle *cycle, const char *type, int index)
{
    const struct task *task = state_pod(cycle->state, type, index);

    return task ? task->hostname : "";
}

static json_t *record_new(struct cycle *cycle, const struct requirement *need)
{
    json_t *record = json_object();

    json_set(record, "type", json_string(need->pod_type));
    json_set(record, "index", json_integer(need->pod_index));
    json_set(record, "launches", launches_of(cycle, need));
    json_set(record, "hostname", json_string(hostname_of(cycle, need->pod_type, need->pod_index)));
    json_set(record, "address", json_string(address_of(cycle, need->pod_type, need->pod_index)));
    return record;
}

/* ---- running ---- */

static struct hook_run *run_of(struct cycle *cycle, const char *pod)
{
    for (struct hook_run *run = cycle->hook_runs; run; run = run->next)
        if (strcmp(run->pod, pod) == 0)
            return run;
    return NULL;
}

static void run_free(struct cycle *cycle, struct hook_run *run)
{
    struct hook_run **p = &cycle->hook_runs;

    while (*p != run)
        p = &(*p)->next;
    *p = run->next;
    free(run->pod);
    free(run);
}

void hooks_free(struct cycle *cycle)
{
    while (cycle->hook_runs)
        run_free(cycle, cycle->hook_runs);
}

static const char *member(const json_t *record, const char *key)
{
    const char *text = json_string_value(json_object_get(record, key));

    return text ? text : "";
}

static void durable(void *ctx, const struct err *err)
{
    struct hook_run *run = ctx;
    struct cycle *cycle = run->cycle;

    if (err) {
        cycle_stop(cycle, err->status, "cannot write the state: %s", err->text);
        return;
    }
    json_auto json_t *record = record_read(cycle, run->pod);
    const char *type = member(record, "type");
    const int index = (int)json_integer_value(json_object_get(record, "index"));
    const struct hook hook = {
        .pod = run->pod,
        .pod_type = type,
        .pod_index = index,
        .after = run->after,
        .service = cycle->target->name,
        .old_hostname = member(record, "hostname"),
        .old_address = member(record, "address"),
        .new_hostname = run->after ? hostname_of(cycle, type, index) : "",
        .new_address = run->after ? address_of(cycle, type, index) : "",
    };
    log_info("running the command %s the replacement of %s", stage_name(run->after), run->pod);
    cycle->options.run_hook(cycle->options.ctx, &hook);
}

/* Records that the command is under way, then starts it. */
static void begin(struct cycle *cycle, const char *pod, json_t *record, bool after)
{
    struct hook_run *run = xcalloc(1, sizeof *run);
    struct txn *txn = txn_new();

    if (cycle->stopped) {
        free(run);
        txn_free(txn);
        return;
    }
    *run = (struct hook_run){cycle, xstrdup(pod), after, cycle->hook_runs};
    cycle->hook_runs = run;
    if (strcmp(stage_state(record, after), "running") != 0)
        set_stage(cycle, record, after, "running");
    record_write(cycle, txn, record_path(cycle, pod), record);
    store_submit(cycle->options.store, txn, durable, run);
}

static void record_end(struct cycle *cycle, const char *pod, json_t *record)
{
    struct txn *txn = txn_new();

    state_delete(cycle->state, txn, record_path(cycle, pod));
    record_write(cycle, txn, text_join(&cycle->scratch, REPLACED_PATH "/", pod), record);
    cycle_submit(cycle, txn, NULL);
}

void cycle_hook_ended(struct cycle *cycle, const char *pod, const char *result, int status)
{
    struct hook_run *run = run_of(cycle, pod);
    json_auto json_t *record = run ? record_read(cycle, pod) : NULL;

    if (!run || cycle->stopped)
        return;
    const bool after = run->after;
    if (strcmp(result, "done") == 0)
        log_info("the command %s the replacement of %s is done", stage_name(after), pod);
    else
        log_error("the command %s the replacement of %s: %s, status %d", stage_name(after), pod,
                  result, status);
    if (record) {
        set_stage(cycle, record, after, result);
        json_set(json_object_get(record, stage_name(after)), "status", json_integer(status));
    }
    if (record && after) {
        record_end(cycle, pod, record);
    } else if (record) {
        struct txn *txn = txn_new();
        record_write(cycle, txn, record_path(cycle, pod), record);
        cycle_submit(cycle, txn, NULL);
    }
    run_free(cycle, run);
    cycle->unserved = true; /* the offers that came meanwhile were declined */
    /* What was offered meanwhile was declined, and the step is no new work. */
    if (cycle->declined || cycle->suppressed)
        cycle->revive_due = true;
    cycle->round_wanted = true;
    round_run(cycle);
    arena_reset(&cycle->scratch);
}

/* ---- when ---- */

static char *pod_name(struct cycle *cycle, const struct requirement *need)
{
    char room[TEXT_NUMBER];

    return text_join(&cycle->scratch, need->pod_type, "-", text_of_number(need->pod_index, room));
}

/* Whether the pod had a place, and gives it up with everything in it. */
static bool replaces(struct cycle *cycle, const struct requirement *need)
{
    bool launched = false;

    for (const struct task *t = state_pod(cycle->state, need->pod_type, need->pod_index); t;
         t = t->next_in_pod) {
        if (!t->permanently_failed)
            return false;
        launched = launched || *t->id;
    }
    return launched;
}

bool hooks_admit(struct cycle *cycle, const struct requirement *need)
{
    if (!wanted(cycle, false) || !replaces(cycle, need))
        return true;
    const char *pod = pod_name(cycle, need);
    json_auto json_t *record = record_read(cycle, pod);
    json_auto json_t *launches = launches_of(cycle, need);
    const struct hook_run *run = run_of(cycle, pod);
    const bool current = record && json_equal(json_object_get(record, "launches"), launches) &&
                         !json_object_get(record, "after");

    if (run) /* of this replacement, or the end of an earlier one */
        return false;
    if (current && strcmp(stage_state(record, false), "running") != 0)
        return true;
    if (!current) {
        json_decref(record);
        record = record_new(cycle, need);
    }
    begin(cycle, pod, record, false);
    return false;
}

void hooks_launched(struct cycle *cycle, struct txn *txn, const struct requirement *need)
{
    const char *pod = pod_name(cycle, need);
    json_t *known = record_read(cycle, pod);
    json_auto json_t *record = known;

    if (!known && (!wanted(cycle, true) || !replaces(cycle, need)))
        return;
    if (!known)
        record = record_new(cycle, need);
    if (wanted(cycle, true)) {
        set_stage(cycle, record, true, "waiting");
        record_write(cycle, txn, record_path(cycle, pod), record);
        return;
    }
    state_delete(cycle->state, txn, record_path(cycle, pod));
    record_write(cycle, txn, text_join(&cycle->scratch, REPLACED_PATH "/", pod), record);
}

/* All tasks of the pod that are to run for ever run, and are ready. */
static bool is_back(struct cycle *cycle, const char *type, int index)
{
    bool any = false;

    for (const struct task *t = state_pod(cycle->state, type, index); t; t = t->next_in_pod) {
        const struct service_spec *config = *t->id ? cycle_config(cycle, t->config_id) : NULL;
        const struct pod_spec *pod = config ? spec_find_pod(config, type) : NULL;
        const struct task_spec *spec = pod ? pod_find_task(pod, t->spec_name) : NULL;
        if (!spec || spec->goal != GOAL_RUNNING)
            continue;
        if (t->permanently_failed || !t->status_id || strcmp(t->status_id, t->id) != 0 ||
            t->status_state != TASK_STATE__TASK_RUNNING || !t->status_ready)
            return false;
        any = true;
    }
    return any;
}

static bool is_in_target(const struct cycle *cycle, const char *type, int index)
{
    const struct pod_spec *pod = spec_find_pod(cycle->target, type);

    return pod && index < pod->count;
}

/* Only replacements under way are below this node: few, and mostly none. */
void hooks_round(struct cycle *cycle)
{
    struct tree_node *parent = tree_find(state_tree(cycle->state), HOOKS_PATH);
    struct strings pods = {0};

    if (!parent || !wanted(cycle, true))
        return;
    for (struct tree_node *n = tree_first(parent); n; n = tree_next(n))
        PB_ADD(&cycle->scratch, pods.count, pods.items,
               arena_strdup(&cycle->scratch, tree_node_name(n)));
    for (size_t i = 0; i < pods.count; i++) {
        json_auto json_t *record = record_read(cycle, pods.items[i]);
        const char *type = member(record, "type");
        const int index = (int)json_integer_value(json_object_get(record, "index"));
        if (run_of(cycle, pods.items[i]) || !json_object_get(record, "after"))
            continue;
        if (!is_in_target(cycle, type, index))
            record_end(cycle, pods.items[i], record); /* taken away meanwhile */
        else if (is_back(cycle, type, index))
            begin(cycle, pods.items[i], record, true);
    }
}
