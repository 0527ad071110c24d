/* One round: the steps that want work, the offers in hand, what comes of the two
 * (see offer-cycle 1.5, plans-and-recovery 2.4 and 2.5). */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/log.h"
#include "cycle/internal.h"
#include "offer/resources.h"

/* ---- offers in hand ---- */

/* The room of one event is kept for another, so that decoding need not ask for it each time. */
static void memory_drop(struct cycle *cycle, struct offer_memory *memory)
{
    if (--memory->refs)
        return;
    if (cycle->spare.blocks) {
        arena_free(&memory->arena);
    } else {
        cycle->spare = memory->arena;
        arena_reset(&cycle->spare);
    }
    free(memory);
}

void held_free(struct cycle *cycle, struct held_offer *held)
{
    memory_drop(cycle, held->memory);
    free(held);
}

static const char *role_of(const Offer *offer)
{
    return offer->allocation_info && offer->allocation_info->role ? offer->allocation_info->role
                                                                  : "";
}

bool held_same_place(const struct held_offer *a, const struct held_offer *b)
{
    return a->place == b->place &&
           strcmp(a->offer->agent_id->value, b->offer->agent_id->value) == 0 &&
           strcmp(role_of(a->offer), role_of(b->offer)) == 0;
}

void held_own(struct cycle *cycle, struct held_offer *held)
{
    struct offer_memory *own = xcalloc(1, sizeof *own);

    /* Copied twice, so that it takes no more room than it needs. */
    const size_t before = cycle->scratch.bytes;
    const Offer *copy = pb_copy(held->offer, &cycle->scratch);
    arena_room(&own->arena, cycle->scratch.bytes - before);
    own->refs = 1;
    held->offer = pb_copy(copy, &own->arena);
    own->bytes = arena_size(&own->arena);
    memory_drop(cycle, held->memory);
    held->memory = own;
}

void round_drop_offers(struct cycle *cycle)
{
    while (cycle->offers) {
        struct held_offer *next = cycle->offers->next;
        held_free(cycle, cycle->offers);
        cycle->offers = next;
    }
    cycle->n_offers = 0;
}

void round_rescind(struct cycle *cycle, const char *offer_id)
{
    seen_rescind(cycle, offer_id);
    for (struct held_offer **p = &cycle->offers; *p; p = &(*p)->next) {
        if (strcmp((*p)->offer->id->value, offer_id) == 0) {
            struct held_offer *gone = *p;
            *p = gone->next;
            held_free(cycle, gone);
            cycle->n_offers--;
            return;
        }
    }
}

void round_offers(struct cycle *cycle, const Event__Offers *offers)
{
    struct held_offer **end = &cycle->offers;
    const int64_t until_ms = cycle_now(cycle) + HOLD_MS;
    const size_t room = OFFERS_HELD - cycle->n_offers;
    const size_t n = offers->n_offers < room ? offers->n_offers : room;
    struct offer_memory *memory = cycle->arrived = xcalloc(1, sizeof *memory);

    while (*end)
        end = &(*end)->next;
    cycle->counters[COUNT_OFFERS_RECEIVED] += offers->n_offers;
    cycle->suppressed = false;
    memory->refs = n + 1; /* one of ours, until it is settled */
    for (size_t i = 0; i < n; i++) {
        struct held_offer *held = xcalloc(1, sizeof *held);
        held->offer = offers->offers[i];
        held->memory = memory;
        held->place = text_hash(text_hash(0, held->offer->agent_id->value), role_of(held->offer));
        held->until_ms = until_ms;
        held->fresh = true;
        *end = held;
        end = &held->next;
    }
    cycle->n_offers += n;
    flow_decline(cycle, offers->offers + n, offers->n_offers - n, false);
    cycle->round_wanted = true;
}

void round_settle(struct cycle *cycle, struct arena *arena)
{
    struct offer_memory *memory = cycle->arrived;

    if (!memory)
        return;
    cycle->arrived = NULL;
    /* Few, and not bounded in bytes: they must not hold up the others' memory. */
    for (struct held_offer *held = cycle->offers; held; held = held->next) {
        if (held->memory == memory)
            held_own(cycle, held);
    }
    if (memory->seen) {
        const size_t size = arena ? arena_size(arena) : 0;
        if (size && size <= EVENT_SHARED_BYTES) {
            memory->arena = *arena;
            memory->bytes = size;
            *arena = cycle->spare;
            cycle->spare = (struct arena)ARENA_INIT;
        }
        seen_settle(cycle, memory);
    }
    memory_drop(cycle, memory);
}

/* Offers of one agent and role, in order of arrival; parts of one agent's resources may come apart
 * (captures: "offers split"). */
struct group {
    const struct held_offer *first;
    Offer **offers;
    struct held_offer **held; /* the same, as they are held */
    size_t n_offers;
    bool used;
};

/* Gives each offer the number of its group; counts the offers of each. */
static size_t number_groups(struct cycle *cycle, struct group *groups)
{
    size_t room = 1, n = 0;

    while (room < 2 * cycle->n_offers)
        room *= 2;
    size_t *slots = ARENA_ARRAY(&cycle->scratch, room, size_t); /* numbers from 1; 0: free */
    for (struct held_offer *h = cycle->offers; h; h = h->next) {
        size_t at = h->place & (room - 1);
        while (slots[at] && !held_same_place(groups[slots[at] - 1].first, h))
            at = (at + 1) & (room - 1);
        if (!slots[at]) {
            groups[n].first = h;
            slots[at] = ++n;
        }
        h->group = slots[at] - 1;
        groups[h->group].n_offers++;
    }
    return n;
}

static size_t group_offers(struct cycle *cycle, struct group **ret)
{
    struct group *groups = *ret = ARENA_ARRAY(&cycle->scratch, cycle->n_offers, struct group);
    const size_t n = number_groups(cycle, groups);
    Offer **offers = ARENA_ARRAY(&cycle->scratch, cycle->n_offers, Offer *);
    struct held_offer **held = ARENA_ARRAY(&cycle->scratch, cycle->n_offers, struct held_offer *);

    for (size_t i = 0; i < n; i++) {
        groups[i].offers = offers;
        groups[i].held = held;
        offers += groups[i].n_offers;
        held += groups[i].n_offers;
        groups[i].n_offers = 0;
    }
    for (struct held_offer *h = cycle->offers; h; h = h->next) {
        struct group *g = &groups[h->group];
        g->offers[g->n_offers] = h->offer;
        g->held[g->n_offers++] = h;
    }
    return n;
}

/* ---- ACCEPT ---- */

static void count_operations(struct cycle *cycle, Offer__Operation *const *operations, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        switch (operations[i]->type) {
        case OFFER__OPERATION__TYPE__RESERVE:
            cycle->counters[COUNT_RESERVE]++;
            break;
        case OFFER__OPERATION__TYPE__UNRESERVE:
            cycle->counters[COUNT_UNRESERVE]++;
            break;
        case OFFER__OPERATION__TYPE__CREATE:
            cycle->counters[COUNT_CREATE]++;
            break;
        case OFFER__OPERATION__TYPE__DESTROY:
            cycle->counters[COUNT_DESTROY]++;
            break;
        case OFFER__OPERATION__TYPE__LAUNCH_GROUP:
            cycle->counters[COUNT_LAUNCH_GROUP]++;
            break;
        default:
            break;
        }
    }
}

static void add_accept(struct cycle *cycle, struct pending *pending, const struct group *group,
                       Offer__Operation **operations, size_t n_operations)
{
    struct arena *arena = &cycle->scratch;
    Call *call = cycle_call(cycle, CALL__TYPE__ACCEPT);
    Call__Accept *accept = call->accept = PB_NEW(arena, Call__Accept, call__accept);

    accept->offer_ids = ARENA_ARRAY(arena, group->n_offers, OfferID *);
    for (size_t i = 0; i < group->n_offers; i++)
        accept->offer_ids[i] = group->offers[i]->id;
    accept->n_offer_ids = group->n_offers;
    accept->operations = operations;
    accept->n_operations = n_operations;
    accept->filters = PB_NEW(arena, Filters, filters);
    accept->filters->has_refuse_seconds = 1;
    accept->filters->refuse_seconds = ACCEPT_FILTER_S;
    count_operations(cycle, operations, n_operations);
    pending_add(pending, call);
}

/* ---- steps ---- */

/* The tasks in the resource sets that the requirement consumes must die first
 * (plans-and-recovery 2.5, step 4). */
static void kill_predecessors(struct cycle *cycle, const struct requirement *need,
                              const struct pod_spec *pod)
{
    for (struct task *t = state_pod(cycle->state, need->pod_type, need->pod_index); t;
         t = t->next_in_pod) {
        if (!*t->id || (t->status_id && task_state_is_terminal(t->status_state)))
            continue;
        const struct task_spec *spec = pod_find_task(pod, t->spec_name);
        bool consumed = false;
        for (size_t i = 0; i < need->tasks.count && !consumed; i++) {
            const struct task_spec *launched = pod_find_task(pod, need->tasks.items[i]);
            consumed = strcmp(t->spec_name, need->tasks.items[i]) == 0 ||
                       (spec && launched &&
                        strcmp(spec->resource_set->id, launched->resource_set->id) == 0);
        }
        if (consumed)
            kill_task(cycle, t->id, t->agent_id);
    }
}

/* A pod that is replaced gives its place up before the first evaluation (plans-and-recovery 5.5).
 */
static void give_up_place(struct cycle *cycle, const struct requirement *need)
{
    struct txn *txn = NULL;

    for (struct task *t = state_pod(cycle->state, need->pod_type, need->pod_index); t;
         t = t->next_in_pod) {
        if (t->permanently_failed)
            continue;
        txn = txn ? txn : txn_new();
        state_mark_permanently_failed(cycle->state, txn, t);
        plans_task_changed(cycle->plans, txn, t, cycle_now(cycle));
    }
    if (txn)
        cycle_submit(cycle, txn, NULL);
}

/* What the pod holds on one agent; a launch that reserves everything anew leaves it behind. */
struct held_before {
    const char *agent_id, *hostname;
    struct strings ids;
    bool in_doubt; /* whether there is more is not known */
};

static void add_ids(struct cycle *cycle, const struct task *task, Resource *const *resources,
                    size_t n, struct held_before *ret)
{
    for (size_t i = 0; i < n; i++) {
        const char *id = resource_id(resources[i]);
        if (id && launches_doubt(cycle, task, id))
            ret->in_doubt = true;
        else if (id)
            PB_ADD(&cycle->scratch, ret->ids.count, ret->ids.items, id);
    }
}

static struct held_before held_before(struct cycle *cycle, const struct requirement *need)
{
    struct held_before ret = {.agent_id = "", .hostname = ""};

    for (struct task *t = state_pod(cycle->state, need->pod_type, need->pod_index); t;
         t = t->next_in_pod) {
        struct err err = ERR_INIT;
        /* The reservations of an agent that is gone for good went with it. */
        if (!*t->agent_id || (t->status_id && t->status_state == TASK_STATE__TASK_GONE_BY_OPERATOR))
            continue;
        const TaskInfo *info = state_task_info(cycle->state, t, &cycle->scratch, &err);
        if (!info)
            continue;
        ret.agent_id = arena_strdup(&cycle->scratch, t->agent_id);
        ret.hostname = arena_strdup(&cycle->scratch, t->hostname);
        add_ids(cycle, t, info->resources, info->n_resources, &ret);
        if (info->executor)
            add_ids(cycle, t, info->executor->resources, info->executor->n_resources, &ret);
    }
    return ret;
}

static void launch(struct cycle *cycle, struct step *step, const struct group *group,
                   struct evaluation *evaluation)
{
    const struct requirement *need = step_requirement(step);
    struct pending *pending = pending_new(cycle);
    struct txn *txn = txn_new();
    struct held_before before = {0};

    if (evaluation->fresh) {
        before = held_before(cycle, need);
        hooks_launched(cycle, txn, need);
    }
    launches_note(cycle, txn, need, evaluation);
    for (size_t i = 0; i < evaluation->n_records; i++) {
        const struct launch_record *r = &evaluation->records[i];
        const struct task *known = r->status ? NULL : state_task(cycle->state, r->info->name);
        if (known)
            plans_result_superseded(cycle->plans, txn, known);
        state_put_task_info(cycle->state, txn, r->info);
        if (r->status)
            state_put_task_status(cycle->state, txn, r->info->name, r->status);
    }
    if (before.ids.count)
        plans_given_up(cycle->plans, txn, before.agent_id, before.hostname, &before.ids);
    if (before.in_doubt)
        leftovers_await(cycle, txn, before.agent_id, before.hostname);
    log_info("launching %s on %s", step_name(step), group->offers[0]->hostname);
    add_accept(cycle, pending, group, evaluation->operations, evaluation->n_operations);
    plans_launched(cycle->plans, txn, step, cycle_now(cycle));
    cycle_submit(cycle, txn, pending);
}

/* Parts of a split offer would have come by now. */
static bool is_complete(const struct cycle *cycle, const struct group *group)
{
    for (size_t i = 0; i < group->n_offers; i++) {
        if (cycle_now(cycle) < group->held[i]->until_ms)
            return false;
    }
    return true;
}

/* What of the doubtful may be reserved again with these offers: all of it when they are all that
 * their agent has, for a while, and else what is known to have been dropped. */
static struct strings missing_for_sure(struct cycle *cycle, const struct requirement *need,
                                       const struct group *group, const struct strings *doubtful)
{
    const struct task *t = state_pod(cycle->state, need->pod_type, need->pod_index);
    struct strings ret = {0};

    if (!t || strcmp(t->agent_id, group->offers[0]->agent_id->value) != 0)
        return ret;
    if (is_complete(cycle, group))
        return *doubtful;
    for (size_t i = 0; i < doubtful->count; i++)
        if (operations_dropped(cycle, doubtful->items[i]))
            PB_ADD(&cycle->scratch, ret.count, ret.items, doubtful->items[i]);
    return ret;
}

/* The pod waits for reservations that are not there, and nobody knows that they were ever made: an
 * operation was dropped. */
static void reserve_again(const struct offer_context *context, const struct step *step,
                          const struct group *group, const struct strings *missing,
                          struct evaluation *ret)
{
    struct offer_context again = *context;

    again.rereserve = missing;
    offer_evaluate(&again, step_requirement(step), group->offers, group->n_offers, ret);
    if (ret->pass)
        log_warn("reservations of %s were never made: making them again", step_name(step));
}

/* What no offer can help is told once, not with each offer. */
static void tell_problem(struct cycle *cycle, const struct step *step,
                         const struct evaluation *evaluation)
{
    if (evaluation->pass || evaluation->shortfall.kind != SHORT_SPEC)
        return;
    const char *problem =
        text_join(&cycle->scratch, step_name(step), ": ", evaluation->shortfall.what);
    if (strmap_find(&cycle->problems, problem))
        return;
    if (cycle->problems.used >= PROBLEMS_KEPT)
        strmap_free(&cycle->problems);
    strmap_get(&cycle->problems, problem);
    log_error("cannot launch %s", problem);
}

static struct strings being_killed(struct cycle *cycle, const struct requirement *need)
{
    struct strings ret = {0};

    for (const struct task *t =
             cycle->kills ? state_pod(cycle->state, need->pod_type, need->pod_index) : NULL;
         t; t = t->next_in_pod)
        if (t->status_id && kill_is_pending(cycle, t->status_id))
            PB_ADD(&cycle->scratch, ret.count, ret.items,
                   arena_strdup(&cycle->scratch, t->status_id));
    return ret;
}

/* First offer that passes wins (offer-cycle 1.5). */
static void place(struct cycle *cycle, struct step *step, const struct service_spec *spec,
                  struct group *groups, size_t n_groups)
{
    auto_arena struct arena arena = ARENA_INIT;
    const struct requirement *requirement = step_requirement(step);
    const struct strings dying = being_killed(cycle, requirement);
    struct offer_context context = {
        .spec = spec,
        .config_id = requirement->config_id,
        .state = cycle->state,
        .settings = &cycle->options.settings,
        .framework_id = cycle->framework_id,
        .master_domain = cycle->master_domain,
        .ids = cycle->options.ids,
        .arena = &arena,
        .placement = cycle->placement,
        .dying = &dying,
    };
    const struct strings doubtful = launches_in_doubt(cycle, requirement);
    const int64_t start_ns = metrics_now(cycle);
    struct offer_need *need = NULL;

    for (size_t i = 0; i < n_groups; i++) {
        struct evaluation evaluation = {0};
        if (groups[i].used)
            continue;
        if (!need)
            need = offer_need_new(&context, requirement);
        context.explain = evaluations_may_explain(cycle);
        offer_need_evaluate(need, groups[i].offers, groups[i].n_offers, &evaluation);
        if (doubtful.count && !evaluation.pass && evaluation.shortfall.kind == SHORT_RESERVED) {
            const struct strings missing =
                missing_for_sure(cycle, requirement, &groups[i], &doubtful);
            if (missing.count)
                reserve_again(&context, step, &groups[i], &missing, &evaluation);
        }
        evaluations_note(cycle, step, groups[i].offers[0], &evaluation);
        tell_problem(cycle, step, &evaluation);
        if (evaluation.pass) {
            metrics_took(cycle, TIME_EVALUATE, start_ns);
            groups[i].used = true;
            launch(cycle, step, &groups[i], &evaluation);
            return;
        }
    }
    if (need)
        metrics_took(cycle, TIME_EVALUATE, start_ns);
}

static void action_step(struct cycle *cycle, struct step *step)
{
    struct txn *txn = txn_new();
    struct task *task = state_task(cycle->state, step_subject(step));
    const int64_t now = cycle_now(cycle);

    switch (step_kind(step)) {
    case STEP_KILL:
        if (task) {
            if (!cycle->options.uninstall) {
                state_put_override(cycle->state, txn, task, OVERRIDE_DECOMMISSIONED,
                                   PROGRESS_IN_PROGRESS);
                plans_task_changed(cycle->plans, txn, task, now);
            }
            if (!(task->status_id && task_state_is_terminal(task->status_state)))
                kill_task(cycle, task->id, task->agent_id);
        }
        plans_step_done(cycle->plans, txn, step, now);
        break;
    case STEP_ERASE:
        if (task) {
            const char *name = arena_strdup(&cycle->scratch, task->name);
            const char *type = arena_strdup(&cycle->scratch, task->pod_type);
            const int index = task->pod_index;
            state_delete_task(cycle->state, txn, task);
            launches_erased(cycle, txn, type, index);
            plans_task_deleted(cycle->plans, txn, name, now);
        }
        plans_step_done(cycle->plans, txn, step, now);
        break;
    case STEP_DEREGISTER:
        txn_free(txn);
        uninstall_deregister(cycle, false);
        return;
    default: /* STEP_UNRESERVE waits for its resource; the others have no action here */
        txn_free(txn);
        return;
    }
    cycle->round_wanted = true;
    cycle_submit(cycle, txn, NULL);
}

static void process_steps(struct cycle *cycle, struct group *groups, size_t n_groups)
{
    struct step *const *candidates;
    size_t n = plans_candidates(cycle->plans, cycle_now(cycle), &candidates);
    struct step **steps = ARENA_ARRAY(&cycle->scratch, n, struct step *);

    /* A launch changes the plans, and with them the list. */
    if (n)
        memcpy(steps, candidates, n * sizeof *steps);
    for (size_t i = 0; i < n && !cycle->stopped; i++) {
        const struct requirement *need = step_requirement(steps[i]);
        const enum status status = step_status(steps[i]);
        if (status != STATUS_PENDING && status != STATUS_PREPARED)
            continue; /* by what was done for another step of the round */
        if (!need) {
            action_step(cycle, steps[i]);
            continue;
        }
        const struct service_spec *spec = cycle_config(cycle, need->config_id);
        const struct pod_spec *pod = spec ? spec_find_pod(spec, need->pod_type) : NULL;
        if (!pod) {
            log_error("cannot work on %s: configuration '%s' has no pod '%s'", step_name(steps[i]),
                      need->config_id, need->pod_type);
            continue;
        }
        if (need->recovery == RECOVERY_PERMANENT)
            give_up_place(cycle, need);
        kill_predecessors(cycle, need, pod);
        if (hooks_admit(cycle, need))
            place(cycle, steps[i], spec, groups, n_groups);
    }
}

/* ---- what is left of the offers ---- */

/* What is taken away need not be made again first: once a task has ended, an offer of the agent
 * without what it may have is all that can be had as a proof; the next one must not show it either.
 */
static void give_up_unproven(struct cycle *cycle, const struct group *group)
{
    const char *agent_id = group->offers[0]->agent_id->value;
    struct txn *txn = txn_new();
    const struct strings ids = launches_unproven(cycle, txn, agent_id);

    if (!ids.count) {
        txn_free(txn);
        return;
    }
    for (size_t i = 0; i < ids.count; i++) {
        state_drop_resource(cycle->state, txn, ids.items[i]);
        plans_resource_unreserved(cycle->plans, txn, ids.items[i], cycle_now(cycle));
    }
    log_warn("%zu reservations on %s were never made", ids.count, group->offers[0]->hostname);
    leftovers_await(cycle, txn, agent_id, group->offers[0]->hostname);
    cycle_submit(cycle, txn, NULL);
    flow_look_around(cycle);
}

/* Frees reserved resources that no record expects, whatever the plans do (offer-cycle 7, better
 * 19). */
static void clean(struct cycle *cycle, struct group *group, bool awaited)
{
    const char *agent_id = group->offers[0]->agent_id->value;
    struct cleanup cleanup = {0};
    const struct reservation_owner us = {cycle->framework_id, cycle->target->principal,
                                         &cycle->roles};

    if (awaited)
        leftovers_surplus(cycle, group->offers, group->n_offers, &cleanup);

    offer_cleanup(cycle->state, &us, cycle->options.uninstall, group->offers, group->n_offers,
                  &cycle->scratch, &cleanup);
    if (!cleanup.n_operations) {
        if (awaited)
            leftovers_offered(cycle, agent_id, group->offers[0]->hostname);
        give_up_unproven(cycle, group);
        return;
    }
    struct txn *txn = txn_new();
    struct pending *pending = pending_new(cycle);
    leftovers_await(cycle, txn, agent_id, group->offers[0]->hostname);
    for (size_t i = 0; i < cleanup.resource_ids.count; i++) {
        state_drop_resource(cycle->state, txn, cleanup.resource_ids.items[i]);
        plans_resource_unreserved(cycle->plans, txn, cleanup.resource_ids.items[i],
                                  cycle_now(cycle));
    }
    log_info("freeing what nothing expects on %s: %zu operations", group->offers[0]->hostname,
             cleanup.n_operations);
    add_accept(cycle, pending, group, cleanup.operations, cleanup.n_operations);
    group->used = true;
    cycle_submit(cycle, txn, pending);
    flow_look_around(cycle); /* until an offer shows that it was carried out */
}

/* Agents whose resources some step waits for: a part of a split offer of theirs is worth keeping
 * for a moment. */
static void awaited_agents(struct cycle *cycle, struct strings *ret)
{
    struct step *const *steps;
    size_t n = plans_candidates(cycle->plans, cycle_now(cycle), &steps);

    for (size_t i = 0; i < n; i++) {
        const struct requirement *need = step_requirement(steps[i]);
        if (!need || need->recovery == RECOVERY_PERMANENT)
            continue;
        const struct task *t = state_pod(cycle->state, need->pod_type, need->pod_index);
        if (t && !t->permanently_failed && *t->agent_id)
            PB_ADD(&cycle->scratch, ret->count, ret->items, t->agent_id);
    }
}

static bool is_awaited(const struct strings *agents, const char *agent_id)
{
    for (size_t i = 0; i < agents->count; i++) {
        if (strcmp(agents->items[i], agent_id) == 0)
            return true;
    }
    return false;
}

/* Of many offers only the last ones are looked at again, if at all. */
static void sweep(struct cycle *cycle)
{
    struct held_offer **p = &cycle->offers;
    const size_t room = seen_room(cycle);
    size_t left = 0;

    for (const struct held_offer *held = cycle->offers; held && room; held = held->next)
        left += held->gone;
    while (*p) {
        struct held_offer *held = *p;
        if (!held->gone) {
            p = &held->next;
            continue;
        }
        *p = held->next;
        cycle->n_offers--;
        if (left-- > room || !room) {
            held_free(cycle, held);
        } else if (held->used) {
            seen_forget(cycle, held);
            held_free(cycle, held);
        } else {
            seen_keep(cycle, held);
        }
    }
}

static void dispose(struct cycle *cycle, struct group *groups, size_t n_groups, bool reconciled)
{
    const int64_t now = cycle_now(cycle);
    Offer **declined = NULL;
    size_t n_declined = 0;
    struct strings awaited = {0};
    const bool awaits_offers = leftovers_awaited(cycle) || leftovers_anywhere(cycle);

    if (reconciled && n_groups)
        awaited_agents(cycle, &awaited);
    for (size_t i = 0; i < n_groups; i++) {
        struct group *g = &groups[i];
        if (!g->used)
            clean(cycle, g, awaits_offers);
        const bool keep = !g->used && is_awaited(&awaited, g->offers[0]->agent_id->value);
        for (size_t j = 0; j < g->n_offers; j++) {
            g->held[j]->fresh = false;
            g->held[j]->used = g->used;
            g->held[j]->gone = !keep || now >= g->held[j]->until_ms;
            if (g->held[j]->gone && !g->used)
                PB_ADD(&cycle->scratch, n_declined, declined, g->offers[j]);
        }
    }
    flow_decline(cycle, declined, n_declined, reconciled);
    sweep(cycle);
}

int64_t round_next_ms(const struct cycle *cycle)
{
    int64_t next = INT64_MAX;

    for (const struct held_offer *h = cycle->offers; h; h = h->next) {
        if (h->until_ms < next)
            next = h->until_ms;
    }
    return next;
}

/* ---- the round ---- */

/* What completes the plan without a status of a task: a forced step, a target without work. */
static void note_deployed(struct cycle *cycle)
{
    struct txn *txn = txn_new();

    cycle_note_deployed(cycle, txn);
    if (txn_count(txn))
        cycle_submit(cycle, txn, NULL);
    else
        txn_free(txn);
}

static void one_round(struct cycle *cycle)
{
    const int64_t now = cycle_now(cycle);
    const bool reconciled = !cycle->unanswered;
    const int64_t start_ns = metrics_now(cycle);
    const struct client_state client = plans_client_state(cycle->plans, now);
    struct group *groups;
    uint64_t fresh = 0;

    for (const struct held_offer *h = cycle->offers; h; h = h->next)
        fresh += h->fresh;
    cycle->counters[COUNT_ROUNDS]++;
    cycle->counters[COUNT_OFFERS_PROCESSED] += fresh;
    histogram_add(&cycle->round_offers, start_ns, (double)fresh);
    size_t n_groups = group_offers(cycle, &groups);
    if (client.status == CLIENT_WORKING && reconciled)
        process_steps(cycle, groups, n_groups);
    else if (client.status == CLIENT_UNINSTALLED)
        uninstall_deregister(cycle, true);
    dispose(cycle, groups, n_groups, reconciled);
    note_deployed(cycle);
    if (reconciled)
        hooks_round(cycle);
    cycle->unserved = cycle->unserved || client.new_work;
    if (client.status == CLIENT_IDLE && !leftovers_awaited(cycle))
        flow_suppress(cycle);
    else if (cycle->suppressed || (reconciled && cycle->unserved && cycle->declined))
        cycle->revive_due = true;
    cycle->unserved = cycle->unserved && !reconciled;
    flow_revive(cycle, now);
    metrics_took(cycle, TIME_PROCESS, start_ns);
}

void round_run(struct cycle *cycle)
{
    /* Work done in a round (a kill step, an erased task) may open more; bounded by the plan's
     * depth. */
    for (int i = 0; i < 1000 && cycle->round_wanted; i++) {
        cycle->round_wanted = false;
        if (!cycle->subscribed || !cycle->plans || cycle->stopped)
            return;
        one_round(cycle);
    }
}
