/* The recovery plan: which pods failed, how they come back, what was launched for them (see
 * plans-and-recovery 5).
 *
 * A phase exists while stored tasks need recovery and no other plan works on them: that follows
 * from the state and needs no record. From its launch on the phase is recorded, with the tasks and
 * the configuration, until the same tasks fail again. */
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "plan/internal.h"

/* What the state says about a pod: the work that recovery would do. */
struct failure {
    bool failing;
    struct requirement req; /* lists in the arena */
    const struct pod_spec *spec;
    bool all_permanent; /* all stored tasks of the pod */
    int64_t recheck_ms;
};

/* ---- records ---- */

void recovery_record_free(struct recovery_record *record)
{
    arena_free(&record->arena);
}

static void strings_load(struct arena *arena, const json_t *list, struct strings *ret)
{
    for (size_t i = 0; i < json_array_size(list); i++)
        if (json_is_string(json_array_get(list, i)))
            *ARENA_PUSH(arena, ret->items, ret->count) =
                arena_strdup(arena, json_string_value(json_array_get(list, i)));
}

static json_t *strings_json(const struct strings *list)
{
    json_t *array = json_array();
    for (size_t i = 0; i < list->count; i++)
        json_push(array, json_string(list->items[i]));
    return array;
}

static void record_load(struct recovery_record *record, const json_t *json)
{
    const char *type = json_string_value(json_object_get(json, "type"));
    const char *config = json_string_value(json_object_get(json, "config"));

    strings_load(&record->arena, json_object_get(json, "tasks"), &record->tasks);
    strings_load(&record->arena, json_object_get(json, "restarted"), &record->restarted);
    record->type = type && strcmp(type, "PERMANENT") == 0 ? RECOVERY_PERMANENT : RECOVERY_TRANSIENT;
    record->config_id = arena_strdup(&record->arena, config ? config : "");
    record->created_ms = json_integer_value(json_object_get(json, "created"));
    record->complete = json_is_true(json_object_get(json, "complete"));
}

static struct recovery_record *record_add(struct pod *pod)
{
    pod->records = xreallocarray(pod->records, pod->n_records + 1, sizeof *pod->records);
    struct recovery_record *record = &pod->records[pod->n_records++];
    memset(record, 0, sizeof *record);
    return record;
}

static void record_path(const struct pod *pod, struct buf *out)
{
    buf_addf(out, "Toolkit/recovery/%s-%d", pod->type, pod->index);
}

void recovery_save(struct plans *plans, struct txn *txn, struct pod *pod)
{
    auto_buf struct buf path = BUF_INIT, text = BUF_INIT;
    json_auto json_t *root = json_object();
    json_t *phases = json_array();

    json_set(root, "phases", phases);
    for (size_t i = 0; i < pod->n_records; i++) {
        const struct recovery_record *r = &pod->records[i];
        json_t *phase = json_object();
        json_set(phase, "tasks", strings_json(&r->tasks));
        json_set(phase, "type",
                 json_string(r->type == RECOVERY_PERMANENT ? "PERMANENT" : "TRANSIENT"));
        json_set(phase, "config", json_string(r->config_id));
        json_set(phase, "created", json_integer(r->created_ms));
        json_set(phase, "complete", json_boolean(r->complete));
        if (r->restarted.count > 0)
            json_set(phase, "restarted", strings_json(&r->restarted));
        json_push(phases, phase);
    }
    json_write(&text, root, JSON_LAYOUT_COMPACT);
    record_path(pod, &path);
    state_put(plans->state, txn, buf_str(&path), text.data, (ssize_t)text.len);
}

void recovery_forget(struct plans *plans, struct txn *txn, struct pod *pod)
{
    auto_buf struct buf path = BUF_INIT;

    for (size_t i = 0; i < pod->n_records; i++)
        recovery_record_free(&pod->records[i]);
    pod->n_records = 0;
    record_path(pod, &path);
    state_delete(plans->state, txn, buf_str(&path));
}

/* A launch that has to be repeated uses the pod's present configuration (5.6): an update may have
 * moved the tasks on, and the step of the new target counts on that. */
static void follow_config(const struct plans *plans, const struct pod *pod,
                          struct recovery_record *record)
{
    for (size_t i = 0; !record->complete && i < record->tasks.count; i++) {
        const struct task *task =
            pod_task(plans->state, pod->type, pod->index, record->tasks.items[i]);
        if (!task || !task->config_id[0])
            continue;
        record->config_id = arena_strdup(&record->arena, task->config_id);
        return;
    }
}

void recovery_load(struct plans *plans)
{
    struct tree_node *parent = tree_find(state_tree(plans->state), "Toolkit/recovery");

    for (struct tree_node *n = parent ? tree_first(parent) : NULL; n; n = tree_next(n)) {
        struct err err = ERR_INIT;
        const char *name = tree_node_name(n);
        const char *dash = strrchr(name, '-');
        if (!dash || tree_node_len(n) <= 0)
            continue;
        json_auto json_t *json =
            json_parse(tree_node_data(n), (size_t)tree_node_len(n), name, &err);
        auto_free char *type = xstrndup(name, (size_t)(dash - name));
        struct pod *pod = plans_pod(plans, type, (int)strtol(dash + 1, NULL, 10), false);
        const json_t *phases = json_object_get(json, "phases");
        for (size_t i = 0; pod && i < json_array_size(phases); i++) {
            struct recovery_record *record = record_add(pod);
            record_load(record, json_array_get(phases, i));
            follow_config(plans, pod, record);
            if (record->type == RECOVERY_PERMANENT && record->created_ms > plans->last_replace_ms)
                plans->last_replace_ms = record->created_ms;
        }
        if (pod)
            plans_touch_pod(plans, pod);
    }
}

static bool same_strings(const struct strings *a, const struct strings *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (strcmp(a->items[i], b->items[i]) != 0)
            return false;
    return true;
}

static bool share_strings(const struct strings *a, const struct strings *b)
{
    for (size_t i = 0; i < a->count; i++)
        if (strings_have(b, a->items[i]))
            return true;
    return false;
}

struct recovery_record *recovery_record_of(const struct recovery_phase *phase)
{
    struct pod *pod = phase->step.pod;

    for (size_t i = 0; i < pod->n_records; i++)
        if (same_strings(&pod->records[i].tasks, &phase->step.req.tasks))
            return &pod->records[i];
    return NULL;
}

/* ---- what failed ---- */

static bool launched_with_status(const struct task *task)
{
    return task->id[0] && task->status_id && strcmp(task->id, task->status_id) == 0;
}

static bool labelled(const struct task *task)
{
    return task->permanently_failed ||
           (launched_with_status(task) && task->status_state == TASK_STATE__TASK_GONE_BY_OPERATOR);
}

/* Some step of another plan launches it; others are not ours to keep alive (5.3.3). */
static bool mentioned(const struct pod *pod, const struct task *task)
{
    for (const struct step *s = pod->steps; s; s = s->next_in_pod)
        if (s->kind == STEP_POD && strings_have(&s->req.tasks, task->spec_name))
            return true;
    return false;
}

/* The replacement policy (5.7): the time the failure has lasted, from the status itself, so that a
 * restart of ours does not start it anew. */
static bool policy_expired(const struct plans *plans, const struct task *task, int64_t now_ms,
                           int64_t *recheck_ms)
{
    const struct service_spec *spec = plans->options.target;
    int64_t at;

    if (!spec->has_replacement_policy || !task_state_needs_recovery(task->status_state))
        return false;
    at = (int64_t)(task->status_timestamp * 1000) + spec->permanent_failure_timeout_s * 1000;
    if (plans->last_replace_ms >= 0) {
        const int64_t next = plans->last_replace_ms + spec->min_replace_delay_s * 1000;
        at = next > at ? next : at;
    }
    if (at <= now_ms)
        return true;
    if (at < *recheck_ms)
        *recheck_ms = at;
    return false;
}

static bool is_at_work(const struct step *step)
{
    return !step_plan(step)->g.e.interrupted &&
           (step->selected || step->base == STATUS_STARTING ||
            (step->base == STATUS_STARTED && step_enabled(step)));
}

/* Whether a plan ahead launches another task in this one's resource set, for which it killed it:
 * what becomes of it is that plan's. Recovery would kill the other in turn. */
static bool gave_way(const struct plans *plans, const struct pod *pod, const struct task_spec *task)
{
    for (const struct step *s = pod->steps; s; s = s->next_in_pod) {
        if (s->kind != STEP_POD || step_plan(s)->rank > plans->recovery->rank || !is_at_work(s) ||
            strings_have(&s->req.tasks, task->name))
            continue;
        for (size_t i = 0; i < s->req.tasks.count; i++) {
            const struct task_spec *other = pod_find_task(s->spec, s->req.tasks.items[i]);
            if (other && other->resource_set && task->resource_set &&
                strcmp(other->resource_set->id, task->resource_set->id) == 0)
                return true;
        }
    }
    return false;
}

static void look(struct plans *plans, const struct pod *pod, int64_t now_ms, struct arena *arena,
                 struct failure *ret)
{
    const struct pod_spec *spec = NULL;
    struct strings failed = {NULL, 0};
    bool essential = false, expired = false, delayed = false;

    *ret = (struct failure){.recheck_ms = INT64_MAX, .all_permanent = true};
    FOR_POD_TASKS(task, plans->state, pod->type, pod->index)
    {
        const int64_t until = launched_with_status(task) ? backoff_until(plans, task->name) : 0;
        if (!labelled(task))
            ret->all_permanent = false;
        if (until > now_ms) {
            delayed = true;
            ret->recheck_ms = until < ret->recheck_ms ? until : ret->recheck_ms;
        }
        if (!launched_with_status(task) || !mentioned(pod, task) ||
            (!labelled(task) && !task_state_needs_recovery(task->status_state)))
            continue;
        const struct service_spec *config = plans_config(plans, task->config_id);
        const struct pod_spec *own = config ? spec_find_pod(config, pod->type) : NULL;
        const struct task_spec *task_spec = own ? pod_find_task(own, task->spec_name) : NULL;
        if (!task_spec || task_spec->goal != GOAL_RUNNING)
            continue;
        const bool over = policy_expired(plans, task, now_ms, &ret->recheck_ms);
        if (!over && !labelled(task) && gave_way(plans, pod, task_spec))
            continue;
        expired = over || expired;
        if (!spec) {
            spec = own;
            ret->req.config_id = arena_strdup(arena, task->config_id);
        }
        essential = essential || task_spec->essential;
        if (until <= now_ms)
            *ARENA_PUSH(arena, failed.items, failed.count) = task_spec->name;
        ret->failing = true;
    }
    if (!ret->failing)
        return;
    ret->failing = false;
    if (essential && delayed)
        return;

    /* In spec order: all tasks of the pod, or the failed ones; only what runs for ever and was
     * launched before. */
    size_t permanent = 0, transient = 0;
    for (size_t i = 0; i < spec->n_tasks; i++) {
        const char *name = spec->tasks[i].name;
        const struct task *task = pod_task(plans->state, pod->type, pod->index, name);
        if (spec->tasks[i].goal != GOAL_RUNNING || !task || !launched_with_status(task) ||
            (!essential && !strings_have(&failed, name)) ||
            (!expired && !labelled(task) && gave_way(plans, pod, &spec->tasks[i])))
            continue;
        *ARENA_PUSH(arena, ret->req.tasks.items, ret->req.tasks.count) = name;
        if (expired || labelled(task))
            permanent++;
        else
            transient++;
    }
    if (permanent > 0 && transient > 0)
        return; /* mixed: the labels of the others follow (5.4) */
    ret->failing = ret->req.tasks.count > 0;
    ret->all_permanent = ret->all_permanent || expired;
    ret->req.recovery = permanent > 0 ? RECOVERY_PERMANENT : RECOVERY_TRANSIENT;
    ret->req.pod_type = pod->type;
    ret->req.pod_index = pod->index;
    ret->spec = spec;
}

/* ---- phases ---- */

void recovery_phase_free(struct recovery_phase *phase)
{
    group_release(&phase->phase.g);
    arena_free(&phase->arena);
    free(phase);
}

static void phase_drop(struct plans *plans, struct recovery_phase **at)
{
    struct recovery_phase *phase = *at;

    *at = phase->next;
    step_set_delayed(plans, &phase->step, false);
    group_remove(&plans->recovery->g, &phase->phase.g.e);
    phase->next = plans->dead;
    plans->dead = phase;
}

/* Order of the phases: pod type as in the spec, index, name. */
static int place_compare(const struct step *a, const struct step *b)
{
    if (a->pod->type_place != b->pod->type_place)
        return a->pod->type_place < b->pod->type_place ? -1 : 1;
    const int types = strcmp(a->req.pod_type, b->req.pod_type);
    if (types != 0)
        return types;
    if (a->req.pod_index != b->req.pod_index)
        return a->req.pod_index < b->req.pod_index ? -1 : 1;
    return strcmp(a->e.name, b->e.name);
}

/* Where the phase belongs among those of the plan, which are kept in order. */
static size_t phase_place(const struct group *plan, const struct step *step)
{
    size_t low = 0, high = plan->n;

    while (low < high) {
        const size_t middle = (low + high) / 2;
        const struct group *phase = (const struct group *)plan->children[middle];
        if (place_compare((const struct step *)phase->children[0], step) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void phase_add(struct plans *plans, struct pod *pod, const struct requirement *req,
                      const struct pod_spec *spec, const struct recovery_record *record,
                      int64_t now_ms)
{
    struct recovery_phase *phase = xcalloc(1, sizeof *phase);
    struct step *step = &phase->step;
    struct arena *arena = &phase->arena;

    phase->recorded = record != NULL;
    phase->complete = record && record->complete;
    phase->next = pod->recoveries;
    pod->recoveries = phase;

    step->kind = STEP_POD;
    step->e.level = LEVEL_STEP;
    step->subject = "";
    step->pod = pod;
    step->recovery = phase;
    step->spec = spec;
    step->req = *req;
    step->req.pod_type = pod->type;
    step->req.pod_index = pod->index;
    step->req.config_id = arena_strdup(arena, req->config_id);
    step->req.tasks = (struct strings){NULL, 0};
    for (size_t i = 0; i < req->tasks.count; i++)
        *ARENA_PUSH(arena, step->req.tasks.items, step->req.tasks.count) =
            arena_strdup(arena, req->tasks.items[i]);
    step->e.name = step_full_name(arena, &step->req);
    uuid_of_name(arena_printf(arena, "recovery/%s", step->e.name), phase->phase.g.e.id);
    uuid_of_name(arena_printf(arena, "recovery/%s/%s", step->e.name, step->e.name), step->e.id);

    group_init(&phase->phase.g, plans, LEVEL_PHASE, &plans->recovery->g);
    phase->phase.g.order = ORDER_PARALLEL;
    phase->phase.g.e.name = step->e.name;
    step->base = step_base(plans, step, now_ms);
    step->e.status = step->base;
    if (step->base == STATUS_DELAYED)
        step_set_delayed(plans, step, true);
    group_append(&phase->phase.g, &step->e);
    mark_load_group(plans, &phase->phase.g);
    group_count(&phase->phase.g);
    group_insert(&plans->recovery->g, &phase->phase.g.e, phase_place(&plans->recovery->g, step));
    step_rederive(plans, NULL, step, now_ms);
}

/* Keeps the phase of this pod that is the same, adds it otherwise; kept ones are moved to *kept. */
static void phase_want(struct plans *plans, struct pod *pod, const struct requirement *req,
                       const struct pod_spec *spec, const struct recovery_record *record,
                       struct recovery_phase **kept, int64_t now_ms)
{
    for (struct recovery_phase **at = &pod->recoveries; *at; at = &(*at)->next) {
        struct recovery_phase *phase = *at;
        if (phase->recorded != (record != NULL) ||
            phase->complete != (record && record->complete) ||
            phase->step.req.recovery != req->recovery ||
            strcmp(phase->step.req.config_id, req->config_id) != 0 ||
            !same_strings(&phase->step.req.tasks, &req->tasks))
            continue;
        if (phase->phase.g.flag) {
            mark_load_group(plans, &phase->phase.g);
            group_recount(&phase->phase.g);
        }
        *at = phase->next;
        phase->next = *kept;
        *kept = phase;
        return;
    }
    phase_add(plans, pod, req, spec, record, now_ms);
    struct recovery_phase *added = pod->recoveries;
    pod->recoveries = added->next;
    added->next = *kept;
    *kept = added;
}

static struct requirement record_requirement(const struct pod *pod,
                                             const struct recovery_record *record)
{
    return (struct requirement){.pod_type = pod->type,
                                .pod_index = pod->index,
                                .tasks = record->tasks,
                                .recovery = record->type,
                                .config_id = record->config_id};
}

/* Whether the record's launch is done with, so that new failures make a new phase; otherwise its
 * own step goes on with them (5.3.6). */
static bool gives_way(struct plans *plans, const struct pod *pod,
                      const struct recovery_record *record, const struct failure *failure,
                      int64_t now_ms)
{
    if (record->complete)
        return true;
    if (record->type == RECOVERY_TRANSIENT && failure->all_permanent)
        return true;
    /* A larger failure takes over a launch that has to be repeated anyway. */
    if (record->type != failure->req.recovery || record->tasks.count >= failure->req.tasks.count)
        return false;
    struct recovery_phase probe = {.recorded = true};
    probe.step.pod = (struct pod *)pod;
    probe.step.recovery = &probe;
    probe.step.req = record_requirement(pod, record);
    return step_base(plans, &probe.step, now_ms) == STATUS_PENDING;
}

static void set_recheck(struct plans *plans, struct pod *pod, int64_t recheck_ms)
{
    pod->recheck_ms = recheck_ms;
    if (recheck_ms != INT64_MAX && !pod->timed) {
        pod->timed = true;
        pod->next_timed = plans->timed;
        plans->timed = pod;
    }
}

void recovery_refresh(struct plans *plans, struct pod *pod, int64_t now_ms)
{
    auto_arena struct arena arena = ARENA_INIT;
    struct recovery_phase *kept = NULL;
    struct failure failure;

    look(plans, pod, now_ms, &arena, &failure);
    set_recheck(plans, pod, failure.recheck_ms);
    for (size_t i = 0; failure.failing && i < pod->n_records; i++)
        if (share_strings(&pod->records[i].tasks, &failure.req.tasks) &&
            !gives_way(plans, pod, &pod->records[i], &failure, now_ms))
            failure.failing = false;
    if (failure.failing && pod_blocker(pod, &failure.req, plans->recovery))
        failure.failing = false;

    for (size_t i = 0; i < pod->n_records; i++) {
        const struct recovery_record *record = &pod->records[i];
        if (failure.failing && share_strings(&record->tasks, &failure.req.tasks))
            continue;
        const struct requirement req = record_requirement(pod, record);
        const struct service_spec *config = plans_config(plans, record->config_id);
        phase_want(plans, pod, &req, config ? spec_find_pod(config, pod->type) : NULL, record,
                   &kept, now_ms);
    }
    if (failure.failing)
        phase_want(plans, pod, &failure.req, failure.spec, NULL, &kept, now_ms);
    while (pod->recoveries)
        phase_drop(plans, &pod->recoveries);
    pod->recoveries = kept;
}

/* Another plan launched these tasks: a recovery of them that went on is history, and must not be
 * repeated with the configuration that they had then. */
void recovery_superseded(struct plans *plans, struct txn *txn, struct pod *pod,
                         const struct strings *tasks)
{
    const size_t before = pod->n_records;
    size_t kept = 0;

    for (size_t i = 0; i < before; i++) {
        if (!pod->records[i].complete && share_strings(&pod->records[i].tasks, tasks))
            recovery_record_free(&pod->records[i]);
        else
            pod->records[kept++] = pod->records[i];
    }
    pod->n_records = kept;
    if (kept == before)
        return;
    if (kept)
        recovery_save(plans, txn, pod);
    else
        recovery_forget(plans, txn, pod);
}

/* The launch is on record from now on; older ones of the same tasks are history. */
void recovery_launched(struct plans *plans, struct txn *txn, struct pod *pod, struct step *step,
                       int64_t now_ms)
{
    size_t kept = 0;

    for (size_t i = 0; i < pod->n_records; i++) {
        if (share_strings(&pod->records[i].tasks, &step->req.tasks))
            recovery_record_free(&pod->records[i]);
        else
            pod->records[kept++] = pod->records[i];
    }
    pod->n_records = kept;
    struct recovery_record *record = record_add(pod);
    for (size_t i = 0; i < step->req.tasks.count; i++)
        *ARENA_PUSH(&record->arena, record->tasks.items, record->tasks.count) =
            arena_strdup(&record->arena, step->req.tasks.items[i]);
    record->type = step->req.recovery;
    record->config_id = arena_strdup(&record->arena, step->req.config_id);
    record->created_ms = now_ms;
    if (record->type == RECOVERY_PERMANENT && now_ms > plans->last_replace_ms)
        plans->last_replace_ms = now_ms;
    step->recovery->recorded = true;
    recovery_save(plans, txn, pod);
}
