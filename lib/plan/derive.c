/* Plans from their specs and the state (see plans-and-recovery 3, service-spec 3.17). */
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "plan/internal.h"

/* ---- pods ---- */

static uint64_t pod_hash(const char *type, int index)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (const char *c = type; *c; c++)
        hash = (hash ^ (unsigned char)*c) * UINT64_C(1099511628211);
    return (hash ^ (uint64_t)index) * UINT64_C(1099511628211) ^ hash >> 29;
}

static struct pod **pod_slot(struct pod **table, size_t room, const char *type, int index)
{
    size_t i = pod_hash(type, index) & (room - 1);
    while (table[i] && (table[i]->index != index || strcmp(table[i]->type, type) != 0))
        i = (i + 1) & (room - 1);
    return &table[i];
}

struct pod *plans_pod(struct plans *plans, const char *type, int index, bool create)
{
    if (plans->pods_room == 0 || plans->n_pods * 2 >= plans->pods_room) {
        const size_t room = plans->pods_room ? plans->pods_room * 2 : 64;
        struct pod **table = xcalloc(room, sizeof *table);
        for (size_t i = 0; i < plans->pods_room; i++)
            if (plans->pods[i])
                *pod_slot(table, room, plans->pods[i]->type, plans->pods[i]->index) =
                    plans->pods[i];
        free(plans->pods);
        plans->pods = table;
        plans->pods_room = room;
    }
    struct pod **slot = pod_slot(plans->pods, plans->pods_room, type, index);
    if (!*slot && create) {
        *slot = ARENA_NEW(&plans->arena, struct pod);
        (*slot)->type = type;
        (*slot)->index = index;
        (*slot)->recheck_ms = INT64_MAX;
        const struct service_spec *spec = plans->options.target;
        while ((*slot)->type_place < spec->n_pods &&
               strcmp(spec->pods[(*slot)->type_place].type, type) != 0)
            (*slot)->type_place++;
        plans->n_pods++;
    }
    return *slot;
}

const struct service_spec *plans_config(const struct plans *plans, const char *id)
{
    if (strcmp(id, plans->target_id) == 0)
        return plans->options.target;
    return plans->options.config ? plans->options.config(plans->options.config_ctx, id) : NULL;
}

/* ---- steps ---- */

static void add_number(struct buf *out, size_t number)
{
    char digits[24];
    size_t at = sizeof digits;

    do
        digits[--at] = (char)('0' + number % 10);
    while (number /= 10);
    buf_add(out, digits + at, sizeof digits - at);
}

char *step_full_name(struct arena *arena, const struct requirement *req)
{
    auto_buf struct buf name = BUF_INIT;

    buf_adds(&name, req->pod_type);
    buf_addc(&name, '-');
    add_number(&name, (size_t)req->pod_index);
    buf_adds(&name, ":[");
    for (size_t i = 0; i < req->tasks.count; i++) {
        buf_adds(&name, i ? ", " : "");
        buf_adds(&name, req->tasks.items[i]);
    }
    buf_addc(&name, ']');
    return arena_strndup(arena, name.data, name.len);
}

static void element_identify(struct plans *plans, struct element *e, const char *path)
{
    auto_buf struct buf name = BUF_INIT;

    buf_addf(&name, "%s/%s", plans->target_id, path);
    uuid_of_name(buf_str(&name), e->id);
}

/* Two tasks of one step may share neither resource set nor DNS name (3.4). */
static const char *build_error(struct plans *plans, const struct pod_spec *pod,
                               const struct requirement *req)
{
    if (req->tasks.count < 2)
        return NULL;
    auto_buf struct buf names = BUF_INIT, sets = BUF_INIT, prefixes = BUF_INIT;
    struct strings seen_sets = {NULL, 0}, seen_prefixes = {NULL, 0};
    auto_arena struct arena arena = ARENA_INIT;
    bool same_set = false, same_prefix = false;

    for (size_t i = 0; i < req->tasks.count; i++) {
        const struct task_spec *task = pod_find_task(pod, req->tasks.items[i]);
        const char *set = task->resource_set ? task->resource_set->id : "";
        buf_addf(&names, "%s%s", i ? ", " : "", task->name);
        buf_addf(&sets, "%s%s", i ? ", " : "", set);
        same_set = same_set || strings_have(&seen_sets, set);
        *ARENA_PUSH(&arena, seen_sets.items, seen_sets.count) = set;
        if (task->discovery && task->discovery->prefix) {
            buf_addf(&prefixes, "%s%s", seen_prefixes.count ? ", " : "", task->discovery->prefix);
            same_prefix = same_prefix || strings_have(&seen_prefixes, task->discovery->prefix);
            *ARENA_PUSH(&arena, seen_prefixes.items, seen_prefixes.count) = task->discovery->prefix;
        }
    }
    if (same_set)
        return arena_printf(&plans->arena,
                            "Attempted to simultaneously launch tasks: [%s] in pod: %s-%d using "
                            "the same resource set id: [%s]. These tasks should either be run in "
                            "separate steps or use different resource set ids",
                            buf_str(&names), req->pod_type, req->pod_index, buf_str(&sets));
    if (same_prefix)
        return arena_printf(&plans->arena,
                            "Attempted to simultaneously launch tasks: [%s] in pod: %s-%d using "
                            "the same DNS name: [%s]. These tasks should either be run in "
                            "separate steps or use different DNS names",
                            buf_str(&names), req->pod_type, req->pod_index, buf_str(&prefixes));
    return NULL;
}

static void pod_append_step(struct pod *pod, struct step *step)
{
    struct step **at = &pod->steps;
    while (*at)
        at = &(*at)->next_in_pod;
    *at = step;
}

/* Steps of that name at the end of the phase: those of one pod stand together. */
static size_t same_named(const struct group *phase, const struct step *step)
{
    size_t count = 0;

    for (size_t i = phase->n; i-- > 0;) {
        const struct step *other = (const struct step *)phase->children[i];
        if (other->req.pod_index != step->req.pod_index)
            break;
        count += strcmp(other->e.name, step->e.name) == 0;
    }
    return count;
}

void step_identify(struct plans *plans, const struct group *phase, struct step *step)
{
    auto_buf struct buf path = BUF_INIT;

    buf_adds(&path, plans->target_id);
    buf_addc(&path, '/');
    buf_adds(&path, phase->e.parent->e.name);
    buf_addc(&path, '/');
    buf_adds(&path, phase->e.name);
    buf_addc(&path, '/');
    buf_adds(&path, step->e.name);
    const size_t repeats = step->kind == STEP_POD ? same_named(phase, step) : 0;
    if (repeats > 0) { /* the same tasks again: ids stay unique */
        buf_addc(&path, '#');
        add_number(&path, repeats + 1);
    }
    uuid_of_name(buf_str(&path), step->e.id);
}

static void add_pod_step(struct plans *plans, struct group *phase, const struct pod_spec *spec,
                         int index, struct strings tasks, int64_t now_ms)
{
    struct step *step = ARENA_NEW(&plans->arena, struct step);
    const struct plan *plan = group_plan(phase);

    step->e.level = LEVEL_STEP;
    step->kind = STEP_POD;
    step->subject = "";
    step->spec = spec;
    step->req = (struct requirement){.pod_type = spec->type,
                                     .pod_index = index,
                                     .tasks = tasks,
                                     .parameters = plan->parameters,
                                     .recovery = RECOVERY_NONE,
                                     .config_id = plans->target_id};
    step->error = build_error(plans, spec, &step->req);
    if (step->error) {
        step->kind = STEP_FAILED_BUILD;
        step->req.tasks.count = 0;
        step->e.name = arena_printf(&plans->arena, "%s-%d", spec->type, index);
    } else {
        step->e.name = step_full_name(&plans->arena, &step->req);
    }
    step_identify(plans, phase, step);
    if (plans->marks)
        mark_load_step(plans, step);
    if (step->kind == STEP_POD) {
        step->pod = plans_pod(plans, spec->type, index, true);
        pod_append_step(step->pod, step);
    }
    step->base = step_base(plans, step, now_ms);
    step->e.status = step->base;
    if (step->base == STATUS_DELAYED)
        step_set_delayed(plans, step, true);
    group_append(phase, &step->e);
}

static struct strings all_tasks(struct plans *plans, const struct pod_spec *pod)
{
    struct strings ret = {NULL, 0};
    for (size_t i = 0; i < pod->n_tasks; i++)
        *ARENA_PUSH(&plans->arena, ret.items, ret.count) = pod->tasks[i].name;
    return ret;
}

/* ---- phases ---- */

static int phase_strategy(const char *text, bool steps, struct group *g, const char *phase,
                          struct err *err)
{
    const char *name = text ? text : "serial";
    if (strcmp(name, "canary") == 0)
        name = "serial-canary";
    g->canary = strcmp(name, "serial-canary") == 0 || strcmp(name, "parallel-canary") == 0;
    if (strncmp(name, "serial", 6) == 0 && (g->canary || !name[6]))
        g->order = ORDER_SERIAL;
    else if (strncmp(name, "parallel", 8) == 0 && (g->canary || !name[8]))
        g->order = steps ? ORDER_DEPENDENCY : ORDER_PARALLEL;
    else
        return err_set(err, EXIT_INPUT,
                       "phase '%s': Unsupported phase strategy '%s', expected one of: [serial, "
                       "parallel, canary, serial-canary, parallel-canary]",
                       phase, text);
    return 0;
}

static const struct plan_step_spec *steps_for(const struct plan_phase_spec *phase, int index)
{
    const struct plan_step_spec *fallback = NULL;
    char text[16];

    snprintf(text, sizeof text, "%d", index);
    for (size_t i = 0; i < phase->n_steps; i++) {
        if (strcmp(phase->steps[i].index, text) == 0)
            return &phase->steps[i];
        if (strcmp(phase->steps[i].index, "default") == 0)
            fallback = &phase->steps[i];
    }
    return fallback;
}

/* Counts when all steps are there, with their marks. */
void phase_finish(struct plans *plans, struct group *phase)
{
    mark_load_group(plans, phase);
    for (size_t i = 0; i < phase->n; i++) {
        struct step *step = (struct step *)phase->children[i];
        if (step->held && step->base == STATUS_PENDING)
            step->e.status = STATUS_WAITING;
    }
    group_count(phase);
}

struct group *phase_new(struct plans *plans, struct plan *plan, const char *name)
{
    struct phase *phase = ARENA_NEW(&plans->arena, struct phase);
    auto_buf struct buf path = BUF_INIT;

    group_init(&phase->g, plans, LEVEL_PHASE, &plan->g);
    phase->g.e.name = name;
    buf_addf(&path, "%s/%s", plan->g.e.name, name);
    element_identify(plans, &phase->g.e, buf_str(&path));
    return &phase->g;
}

static int add_phase(struct plans *plans, struct plan *plan, const struct plan_phase_spec *spec,
                     int64_t now_ms, struct err *err)
{
    const struct pod_spec *pod = spec_find_pod(plans->options.target, spec->pod);
    size_t *chain = NULL;
    size_t n_chain = 0;

    if (!pod)
        return err_set(err, EXIT_INPUT, "Unable to find pod '%s' referenced by phase '%s'",
                       spec->pod, spec->name);
    struct group *phase = phase_new(plans, plan, spec->name);
    group_append(&plan->g, &phase->e); /* first, so that an error frees it with the plan */
    if (phase_strategy(spec->strategy, spec->n_steps > 0, phase, spec->name, err) < 0)
        return -1;
    const struct strings all = all_tasks(plans, pod);
    for (int i = 0; i < pod->count; i++) {
        if (spec->n_steps == 0) {
            add_pod_step(plans, phase, pod, i, all, now_ms);
            continue;
        }
        const struct plan_step_spec *steps = steps_for(spec, i);
        const size_t first = phase->n;
        if (!steps)
            return err_set(err, EXIT_INPUT,
                           "Malformed steps in phase '%s': Missing '%d' step entry, and no "
                           "'default' defined",
                           spec->name, i);
        for (size_t l = 0; l < steps->n_task_lists; l++) {
            for (size_t t = 0; t < steps->task_lists[l].count; t++)
                if (!pod_find_task(pod, steps->task_lists[l].items[t]))
                    return err_set(err, EXIT_INPUT,
                                   "phase '%s': Malformed step: step refers to a task that does "
                                   "not exist: '%s'",
                                   spec->name, steps->task_lists[l].items[t]);
            add_pod_step(plans, phase, pod, i, steps->task_lists[l], now_ms);
            *ARENA_PUSH(&plans->arena, chain, n_chain) = first;
        }
    }
    phase->chain = chain;
    phase_finish(plans, phase);
    return 0;
}

/* What is assumed to be deployed of a pod when nobody knows the plans: the tasks that should be
 * running and have been launched, so that a pod that is up is complete; else those that should be
 * running. */
static struct strings assumed_tasks(struct plans *plans, const struct pod_spec *pod, int index)
{
    struct strings launched = {NULL, 0}, running = {NULL, 0};

    for (size_t i = 0; i < pod->n_tasks; i++) {
        const char *name = pod->tasks[i].name;
        if (pod->tasks[i].goal != GOAL_RUNNING)
            continue;
        const struct task *task = pod_task(plans->state, pod->type, index, name);
        if (task && task->id[0])
            *ARENA_PUSH(&plans->arena, launched.items, launched.count) = name;
        *ARENA_PUSH(&plans->arena, running.items, running.count) = name;
    }
    return launched.count ? launched : running.count ? running : all_tasks(plans, pod);
}

static void add_generated_phases(struct plans *plans, struct plan *plan, int64_t now_ms)
{
    const struct service_spec *spec = plans->options.target;
    const bool unknown = plans->options.specs && plans->options.specs->unknown;

    for (size_t p = 0; p < spec->n_pods; p++) {
        struct group *phase = phase_new(plans, plan, spec->pods[p].type);
        const struct strings all = all_tasks(plans, &spec->pods[p]);
        group_append(&plan->g, &phase->e);
        for (int i = 0; i < spec->pods[p].count; i++)
            add_pod_step(plans, phase, &spec->pods[p], i,
                         unknown ? assumed_tasks(plans, &spec->pods[p], i) : all, now_ms);
        phase_finish(plans, phase);
    }
}

/* ---- plans ---- */

struct plan *plan_new(struct plans *plans, const char *name, enum plan_kind kind)
{
    struct plan *plan = ARENA_NEW(&plans->arena, struct plan);

    group_init(&plan->g, plans, LEVEL_PLAN, NULL);
    plan->g.e.name = name;
    plan->kind = kind;
    plan->rank = plans->n_plans;
    plan->g.flag_default = kind == PLAN_SIDE;
    plan->g.flag = plan->g.flag_default;
    if (kind == PLAN_RECOVERY) /* lives on when the target changes */
        uuid_of_name(name, plan->g.e.id);
    else /* a pause of the deployment is none of its removal */
        element_identify(plans, &plan->g.e, kind == PLAN_UNINSTALL ? "uninstall" : name);
    *ARENA_PUSH(&plans->arena, plans->plans, plans->n_plans) = plan;
    return plan;
}

void plan_finish(struct plans *plans, struct plan *plan)
{
    mark_load_group(plans, &plan->g);
    group_count(&plan->g);
}

static int plan_strategy(const char *text, struct plan *plan, struct err *err)
{
    if (!text || strcmp(text, "serial") == 0)
        plan->g.order = ORDER_SERIAL;
    else if (strcmp(text, "parallel") == 0)
        plan->g.order = ORDER_PARALLEL;
    else
        return err_set(err, EXIT_INPUT,
                       "plan '%s': Unsupported plan strategy '%s', expected one of: [serial, "
                       "parallel]",
                       plan->g.e.name, text);
    return 0;
}

static int fill_plan(struct plans *plans, struct plan *plan, const struct plan_spec *spec,
                     int64_t now_ms, struct err *err)
{
    if (plan_strategy(spec->strategy, plan, err) < 0)
        return -1;
    for (size_t i = 0; i < spec->n_phases; i++)
        if (add_phase(plans, plan, &spec->phases[i], now_ms, err) < 0)
            return err_prefix(err, "plan '%s'", plan->g.e.name);
    plan_finish(plans, plan);
    return 0;
}

static const struct plan_spec *find_plan(const struct plans_spec *specs, const char *name)
{
    for (size_t i = 0; specs && i < specs->n_plans; i++)
        if (strcmp(specs->plans[i].name, name) == 0)
            return &specs->plans[i];
    return NULL;
}

static void add_recovery(struct plans *plans)
{
    plans->recovery = plan_new(plans, "recovery", PLAN_RECOVERY);
    plans->recovery->g.order = ORDER_PARALLEL;
    plan_finish(plans, plans->recovery);
}

/* Errors of a rejected update show in the deploy plan (3.6): given, or as stored when it was
 * rejected. */
static void add_errors(struct plans *plans)
{
    struct strings *errors = &plans->deploy->g.errors;
    struct err err = ERR_INIT;

    for (size_t i = 0; plans->options.errors && plans->options.errors[i]; i++)
        *ARENA_PUSH(&plans->arena, errors->items, errors->count) =
            arena_strdup(&plans->arena, plans->options.errors[i]);
    const char *text = state_get_text(plans->state, "Toolkit/rejected");
    json_auto json_t *json = text && !plans->options.errors
                                 ? json_parse(text, strlen(text), "Toolkit/rejected", &err)
                                 : NULL;
    const json_t *list = json_object_get(json, "errors");
    for (size_t i = 0; i < json_array_size(list); i++)
        *ARENA_PUSH(&plans->arena, errors->items, errors->count) =
            arena_strdup(&plans->arena, json_string_value(json_array_get(list, i)));
}

/* Whether the target came to a service that had been deployed once (3.5). Recorded with the target:
 * the plan in force does not change under it when the deployment is completed. A target without
 * plans of ours was made by the original, which goes by the property alone. */
static bool is_update(const struct plans *plans)
{
    const char *id = state_get_text(plans->state, UPDATING_PATH);
    auto_free char *path = xasprintf("Toolkit/plans/%s", plans->target_id);
    ssize_t len;

    if (state_get(plans->state, path, &len))
        return id && strcmp(id, plans->target_id) == 0;
    return state_deployed(plans->state);
}

/* deploy, recovery, decommission, the others in the order of their source; `update` takes the place
 * of deploy for the targets after the first that was completed. */
static int add_plans(struct plans *plans, int64_t now_ms, struct err *err)
{
    const struct plans_spec *specs = plans->options.specs;
    const struct plan_spec *deploy = find_plan(specs, "deploy");
    const struct plan_spec *update = find_plan(specs, "update");

    plans->deploy = plan_new(plans, "deploy", PLAN_DEPLOY);
    add_errors(plans);
    if (!specs || specs->n_plans == 0) {
        add_generated_phases(plans, plans->deploy, now_ms);
        plan_finish(plans, plans->deploy);
    } else if (!deploy) {
        return err_set(err, EXIT_INPUT, "No deploy plan provided: there are %zu other plans",
                       specs->n_plans);
    } else if (fill_plan(plans, plans->deploy, update && is_update(plans) ? update : deploy, now_ms,
                         err) < 0) {
        return -1;
    }
    add_recovery(plans);
    removal_add_decommission(plans);
    for (size_t i = 0; specs && i < specs->n_plans; i++) {
        const struct plan_spec *spec = &specs->plans[i];
        if (spec == deploy || spec == update)
            continue;
        struct plan *plan = plan_new(plans, spec->name, PLAN_SIDE);
        if (fill_plan(plans, plan, spec, now_ms, err) < 0)
            return -1;
    }
    return 0;
}

struct plans *plans_new(struct state *state, const struct plans_options *options, int64_t now_ms,
                        struct err *err)
{
    struct plans *plans = xcalloc(1, sizeof *plans);

    plans->state = state;
    plans->options = *options;
    plans->last_replace_ms = -1;
    plans->changed = true;
    snprintf(plans->target_id, sizeof plans->target_id, "%s", options->target_id);
    const struct tree_node *marks = tree_find(state_tree(state), "Toolkit/marks");
    plans->deriving = true;
    plans->marks = marks && tree_node_child_count(marks) > 0;
    if (options->uninstall) {
        removal_add_uninstall(plans);
        plans_settle(plans, now_ms);
        return plans;
    }
    if (add_plans(plans, now_ms, err) < 0) {
        plans_free(plans);
        return NULL;
    }
    recovery_load(plans);
    plans->deriving = false;
    plans_settle(plans, now_ms);
    return plans;
}

static void plan_release(struct plan *plan)
{
    for (size_t i = 0; i < plan->g.n; i++) {
        struct group *phase = (struct group *)plan->g.children[i];
        if (plan->kind == PLAN_RECOVERY)
            continue; /* with their pods */
        for (size_t j = 0; j < phase->n; j++)
            arena_free(&((struct step *)phase->children[j])->restarted_arena);
        group_release(phase);
    }
    group_release(&plan->g);
    arena_free(&plan->parameters_arena);
}

static void pod_release(struct pod *pod)
{
    while (pod->recoveries) {
        struct recovery_phase *phase = pod->recoveries;
        pod->recoveries = phase->next;
        recovery_phase_free(phase);
    }
    for (size_t i = 0; i < pod->n_records; i++)
        recovery_record_free(&pod->records[i]);
    free(pod->records);
}

void plans_free(struct plans *plans)
{
    if (!plans)
        return;
    for (size_t i = 0; i < plans->n_plans; i++)
        plan_release(plans->plans[i]);
    for (size_t i = 0; i < plans->pods_room; i++)
        if (plans->pods[i])
            pod_release(plans->pods[i]);
    while (plans->dead) {
        struct recovery_phase *phase = plans->dead;
        plans->dead = phase->next;
        recovery_phase_free(phase);
    }
    free(plans->pods);
    free(plans->pod_queue);
    free(plans->step_queue);
    free(plans->delayed);
    free(plans->candidates);
    free(plans->subjects);
    free(plans->unneeded);
    arena_free(&plans->arena);
    free(plans);
}

/* ---- accessors ---- */

const char *step_id(const struct step *step)
{
    return step->e.id;
}

const char *step_name(const struct step *step)
{
    return step->e.name;
}

enum step_kind step_kind(const struct step *step)
{
    return step->kind;
}

enum status step_status(const struct step *step)
{
    return step->e.status;
}

const struct requirement *step_requirement(const struct step *step)
{
    return step->kind == STEP_POD ? &step->req : NULL;
}

const char *step_subject(const struct step *step)
{
    return step->subject;
}

size_t plans_count(const struct plans *plans)
{
    return plans->n_plans;
}

const char *plans_name(const struct plans *plans, size_t index)
{
    return plans->plans[index]->g.e.name;
}
