/* The two pipelines: stages in the order of offer-cycle 2.5 and 2.6, which is the order of the
 * operations in the ACCEPT. */
#include <stdlib.h>
#include <string.h>

#include "offer/launch.h"

/* A stage failed: go on only when somebody wants to read about the others too. */
static bool go_on(const struct fit *fit, bool passed)
{
    return passed || fit->explain;
}

static struct resource_list executor_list(struct fit *fit)
{
    return (struct resource_list){&fit->executor->resources, &fit->executor->n_resources};
}

static struct resource_list set_list(struct set_fit *set)
{
    return (struct resource_list){&set->resources, &set->n_resources};
}

/* ---- stages of the whole pod ---- */

static bool executor_stage(struct fit *fit)
{
    const char *source = "ExecutorEvaluationStage";
    const ExecutorInfo *running = fit->need->running;
    if (!running) {
        fit->executor = executor_new(fit);
        return stage_pass(fit, source, "No Executor ID required, generated: '%s'",
                          fit->executor->executor_id->value);
    }
    /* A running executor takes tasks only with the very ExecutorInfo that it was started with
     * (see offer-cycle 10.10), so it is the stored one that goes out. */
    fit->executor = arena_memdup(fit->arena, running, sizeof *running);
    const char *id = running->executor_id->value;
    for (size_t i = 0; i < fit->n_offers; i++)
        for (size_t j = 0; j < fit->offers[i]->n_executor_ids; j++)
            if (strcmp(fit->offers[i]->executor_ids[j]->value, id) == 0)
                return stage_pass(fit, source, "Offer contains the matching Executor ID: '%s'", id);
    return stage_fail(fit, (struct shortfall){SHORT_EXECUTOR, id, 0, 0}, source,
                      "Offer does not contain the needed Executor ID: '%s'", id);
}

static bool placement_stage(struct fit *fit)
{
    if (!fit->need->rule)
        return true;
    struct offer_view view = {fit->offers[0], fit->arena, NULL};
    struct outcome *outcome = NULL;
    const char *failed = "rule";
    bool pass = rule_passes(fit->need->rule, &view, fit->explain ? &outcome : NULL, &failed);
    stage_add(fit, outcome,
              pass ? (struct shortfall){0} : (struct shortfall){SHORT_PLACEMENT, failed, 0, 0});
    return pass;
}

static bool tls_stages(struct fit *fit)
{
    bool pass = true;
    for (size_t i = 0; i < fit->need->pod->n_tasks; i++) {
        const struct task_spec *task = &fit->need->pod->tasks[i];
        if (task->n_transport_encryption == 0)
            continue;
        pass = stage_fail(
            fit, (struct shortfall){SHORT_SPEC, "transport encryption is not supported", 0, 0},
            "TLSEvaluationStage",
            "Failed to store TLS artifacts for task %s because of exception: "
            "transport encryption is not supported",
            task->name);
    }
    return pass;
}

static bool new_volumes(struct fit *fit, const struct set_need *set, struct resource_list into)
{
    bool pass = true;
    for (size_t i = 0; go_on(fit, pass) && i < set->n_volumes; i++)
        pass &= stage_new_volume(fit, set->volumes[i], into);
    return pass;
}

static bool new_resources(struct fit *fit, const struct set_need *set, struct set_fit *set_fit,
                          struct resource_list into)
{
    bool pass = true;
    for (size_t i = 0; go_on(fit, pass) && i < set->n_resources; i++)
        pass &= is_port(set->resources[i]) ? stage_new_port(fit, set, set_fit, set->resources[i])
                                           : stage_new_scalar(fit, set->resources[i], into);
    return pass;
}

/* ---- launching ---- */

static void record(struct fit *fit, TaskInfo *info, TaskStatus *status)
{
    *ARENA_PUSH(fit->arena, fit->ret->records, fit->ret->n_records) =
        (struct launch_record){info, status};
}

/* The stored copy has the executor inside (see state-store 4.2). */
static TaskInfo *with_executor(struct fit *fit, const TaskInfo *info)
{
    TaskInfo *copy = arena_memdup(fit->arena, info, sizeof *info);
    copy->executor = fit->executor;
    return copy;
}

static TaskStatus *staging(struct fit *fit, const char *task_id)
{
    TaskStatus *status = PB_NEW(fit->arena, TaskStatus, task_status);
    status->task_id = PB_NEW(fit->arena, TaskID, task_id);
    status->task_id->value = (char *)task_id;
    status->state = TASK_STATE__TASK_STAGING;
    status->executor_id = fit->executor->executor_id;
    return status;
}

/* SDK-COMPAT: a task of the set that is not launched now is recorded with an empty id, whatever it
 * was before. */
static void launch_stage(struct fit *fit, const struct task_spec *task, struct set_fit *set)
{
    const struct offer_context *context = fit->need->context;
    bool launch = need_launches(fit->need, task);
    if (fit->ret->n_failed == 0) {
        const char *id = "";
        if (launch)
            id = make_task_id(fit->arena, context->spec->name,
                              text_join(fit->arena, fit->need->instance, "-", task->name),
                              new_uuid(fit->arena, context->ids));
        TaskInfo *info = task_new(fit, task, set, id);
        if (launch)
            fit_operation(fit, operation_launch_group(fit->arena, fit->executor, info));
        record(fit, with_executor(fit, info), launch ? staging(fit, id) : NULL);
    }
    stage_pass(fit, "LaunchEvaluationStage",
               launch ? "Added launch operation for %s" : "Added metadata update for %s",
               task->name);
}

/* ---- the pipelines ---- */

/* See offer-cycle 2.5: the whole pod is reserved by the first step that touches it. */
static void evaluate_new(struct fit *fit)
{
    struct offer_need *need = fit->need;
    struct resource_list executor;
    bool pass = executor_stage(fit);
    executor = executor_list(fit);
    pass = go_on(fit, pass) && placement_stage(fit) && pass;
    pass = go_on(fit, pass) && new_volumes(fit, &need->executor, executor) && pass;
    pass = go_on(fit, pass) && tls_stages(fit) && pass;
    pass = go_on(fit, pass) && new_resources(fit, &need->executor, NULL, executor) && pass;
    bool *done = ARENA_ARRAY(fit->arena, need->n_sets + 1, bool);
    for (size_t i = 0; go_on(fit, pass) && i < need->n_tasks; i++) {
        size_t at = need_set_of(need, need->tasks[i]);
        struct set_fit *set = &fit->sets[at];
        if (!done[at]) {
            done[at] = true;
            pass = new_resources(fit, &need->sets[at], set, set_list(set)) && pass;
            pass = go_on(fit, pass) && new_volumes(fit, &need->sets[at], set_list(set)) && pass;
        }
        if (go_on(fit, pass))
            launch_stage(fit, need->tasks[i], set);
    }
}

/* Resources of an executor that runs are in use and so not offered: they are taken as recorded. */
static bool running_resources(struct fit *fit)
{
    const struct set_need *set = &fit->need->executor;
    for (size_t i = 0; fit->explain && i < set->n_matches; i++) {
        const struct match *match = &set->matches[i];
        if (match->kind == MATCH_VOLUME)
            stage_pass(fit, "VolumeEvaluationStage",
                       "Setting info for already running Executor with existing volume with "
                       "resourceId: '%s' and persistenceId: '%s'",
                       match->id, match->stored->disk->persistence->id);
        else if (match->kind == MATCH_SCALAR)
            stage_pass(fit, "ResourceEvaluationStage",
                       "Including running executor's '%s' resource with resourceId: '%s': %s",
                       match->stored->name, match->id,
                       milli_text(fit->arena, resource_amount(match->stored)));
    }
    return true;
}

static bool old_parts(struct fit *fit, const struct set_need *set, struct set_fit *set_fit,
                      struct resource_list into)
{
    bool pass = true;
    for (size_t i = 0; go_on(fit, pass) && i < set->n_matches; i++) {
        const struct match *match = &set->matches[i];
        if (match->kind == MATCH_SCALAR)
            pass &= stage_old_scalar(fit, match, into);
        else if (match->kind == MATCH_VOLUME)
            pass &= stage_old_volume(fit, match, into);
        else if (match->kind == MATCH_PORT)
            pass &= stage_old_port(fit, set_fit, match);
    }
    return pass;
}

static bool old_executor(struct fit *fit)
{
    const struct set_need *set = &fit->need->executor;
    if (fit->need->running)
        return running_resources(fit);
    bool pass = old_parts(fit, set, NULL, executor_list(fit));
    pass = go_on(fit, pass) && new_volumes(fit, set, executor_list(fit)) && pass;
    return go_on(fit, pass) && new_resources(fit, set, NULL, executor_list(fit)) && pass;
}

static bool old_set(struct fit *fit, size_t at)
{
    const struct set_need *set = &fit->need->sets[at];
    struct set_fit *set_fit = &fit->sets[at];
    bool pass = true;
    for (size_t i = 0; i < set->n_matches; i++)
        if (set->matches[i].kind == MATCH_ORPHAN)
            stage_unreserve(fit, &set->matches[i]);
    pass = old_parts(fit, set, set_fit, set_list(set_fit));
    pass = go_on(fit, pass) && new_resources(fit, set, set_fit, set_list(set_fit)) && pass;
    return go_on(fit, pass) && new_volumes(fit, set, set_list(set_fit)) && pass;
}

static bool same_resources(const ExecutorInfo *a, const ExecutorInfo *b)
{
    if (a->n_resources != b->n_resources)
        return false;
    for (size_t i = 0; i < a->n_resources; i++)
        if (!pb_equal(a->resources[i], b->resources[i]))
            return false;
    return true;
}

/* Tasks of the pod in other sets keep their records, but must not go on naming executor resources
 * that are no longer reserved: an uninstall would wait for them for ever. */
static void update_others(struct fit *fit)
{
    struct offer_need *need = fit->need;
    size_t recorded = fit->ret->n_records;
    for (size_t i = 0; i < need->n_stored && !need->running; i++) {
        const TaskInfo *info = need->stored[i].info;
        bool is_recorded = false;
        for (size_t j = 0; j < recorded; j++)
            is_recorded |= strcmp(fit->ret->records[j].info->name, info->name) == 0;
        if (is_recorded || need->stored[i].task->permanently_failed || !info->executor ||
            same_resources(info->executor, fit->executor))
            continue;
        TaskInfo *copy = arena_memdup(fit->arena, info, sizeof *info);
        copy->executor = arena_memdup(fit->arena, info->executor, sizeof *info->executor);
        copy->executor->resources = fit->executor->resources;
        copy->executor->n_resources = fit->executor->n_resources;
        record(fit, copy, NULL);
    }
}

/* See offer-cycle 2.6. Placement is not asked again. */
static void evaluate_old(struct fit *fit)
{
    struct offer_need *need = fit->need;
    bool pass = executor_stage(fit);
    pass = go_on(fit, pass) && tls_stages(fit) && pass;
    pass = go_on(fit, pass) && old_executor(fit) && pass;
    bool *done = ARENA_ARRAY(fit->arena, need->n_sets + 1, bool);
    for (size_t i = 0; go_on(fit, pass) && i < need->requirement->tasks.count; i++) {
        const struct task_spec *task = pod_find_task(need->pod, need->requirement->tasks.items[i]);
        size_t at = need_set_of(need, task);
        if (done[at])
            continue;
        done[at] = true;
        pass = old_set(fit, at) && pass;
        for (size_t j = 0; go_on(fit, pass) && j < need->n_tasks; j++)
            if (need_set_of(need, need->tasks[j]) == at)
                launch_stage(fit, need->tasks[j], &fit->sets[at]);
    }
    if (fit->ret->n_failed == 0)
        update_others(fit);
}

/* Records with an empty id first (see offer-cycle 6.4), otherwise as they came. */
static void sort_records(struct evaluation *ret, struct arena *arena)
{
    struct launch_record *sorted = ARENA_ARRAY(arena, ret->n_records + 1, struct launch_record);
    size_t n = 0;
    for (int launched = 0; launched < 2; launched++)
        for (size_t i = 0; i < ret->n_records; i++)
            if ((ret->records[i].status != NULL) == launched)
                sorted[n++] = ret->records[i];
    ret->records = sorted;
}

static char *copy_or_null(struct arena *arena, const char *text)
{
    return text ? arena_strdup(arena, text) : NULL;
}

static void copy_agent(struct fit *fit)
{
    const Offer *offer = fit->offers[0];
    fit->agent_id = arena_strdup(fit->arena, offer->agent_id->value);
    fit->hostname = arena_strdup(fit->arena, offer->hostname);
    fit->region = copy_or_null(fit->arena, offer_region(offer));
    fit->zone = copy_or_null(fit->arena, offer_zone(offer));
}

void offer_need_evaluate(struct offer_need *need, Offer *const *offers, size_t n_offers,
                         struct evaluation *ret)
{
    struct arena *arena = need->context->arena;
    *ret = (struct evaluation){.fresh = !need->existing};
    bool refused = need_refuses(need, offers, n_offers, arena, &ret->shortfall);
    if (refused && (!need->context->explain || need->problem || n_offers == 0)) {
        ret->n_failed = 1;
        if (need->context->explain)
            *ARENA_PUSH(arena, ret->stages, ret->n_stages) =
                outcome_new(arena, false, "Requirement", "%s", ret->shortfall.what);
        return;
    }
    struct fit fit = {.need = need,
                      .arena = arena,
                      .explain = need->context->explain ? arena : NULL,
                      .offers = offers,
                      .n_offers = n_offers,
                      .sets = ARENA_ARRAY(arena, need->n_sets + 1, struct set_fit),
                      .ret = ret};
    copy_agent(&fit);
    pool_init(&fit.pool, offers, n_offers, need->role, need->framework_id, arena);
    if (need->existing)
        evaluate_old(&fit);
    else
        evaluate_new(&fit);
    ret->pass = ret->n_failed == 0;
    if (!ret->pass) {
        ret->operations = NULL;
        ret->records = NULL;
        ret->n_operations = ret->n_records = 0;
        return;
    }
    if (!need->running)
        executor_map_ports(&fit, fit.executor);
    sort_records(ret, arena);
}

void offer_evaluate(const struct offer_context *context, const struct requirement *requirement,
                    Offer *const *offers, size_t n_offers, struct evaluation *ret)
{
    struct offer_context with = *context;
    const struct pod_spec *pod = spec_find_pod(context->spec, requirement->pod_type);
    struct placement *own = NULL;
    if (!with.placement && pod && pod->placement) {
        own = placement_new();
        placement_load(own, context->state);
        with.placement = own;
    }
    offer_need_evaluate(offer_need_new(&with, requirement), offers, n_offers, ret);
    placement_free(own);
}
