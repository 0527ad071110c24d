/* Which candidates are worked on: conflicts between plans, the work set, the client's state (see
 * plans-and-recovery 2 and 10.5). */
#include <string.h>

#include "base/alloc.h"
#include "plan/internal.h"

#define QUEUE(items, count, room, item)                                \
    do {                                                               \
        if ((count) == (room)) {                                       \
            (room) = (room) ? (room)*2 : 64;                           \
            (items) = xreallocarray((items), (room), sizeof *(items)); \
        }                                                              \
        (items)[(count)++] = (item);                                   \
    } while (0)

/* ---- what is to be looked at ---- */

void plans_touch_pod(struct plans *plans, struct pod *pod)
{
    if (pod->queued)
        return;
    pod->queued = true;
    QUEUE(plans->pod_queue, plans->n_pod_queue, plans->pod_queue_room, pod);
}

static void touch_step(struct plans *plans, struct step *step)
{
    if (step->pod)
        plans_touch_pod(plans, step->pod);
    else if (!step->queued) {
        step->queued = true;
        QUEUE(plans->step_queue, plans->n_step_queue, plans->step_queue_room, step);
    }
}

void plans_touch(struct element *e)
{
    if (e->level == LEVEL_STEP) {
        touch_step(e->parent->plans, (struct step *)e);
        return;
    }
    /* Candidates below, and launches in flight: they hold back other plans unless theirs is
     * interrupted. */
    struct group *g = (struct group *)e;
    for (size_t i = group_next(g, g->incomplete, 0); i < g->n;
         i = group_next(g, g->incomplete, i + 1))
        if (g->children[i]->level == LEVEL_PHASE || g->children[i]->candidate ||
            ((struct step *)g->children[i])->base == STATUS_STARTING)
            plans_touch(g->children[i]);
}

void step_set_delayed(struct plans *plans, struct step *step, bool delayed)
{
    size_t i = 0;
    while (i < plans->n_delayed && plans->delayed[i] != step)
        i++;
    if (delayed && i == plans->n_delayed)
        QUEUE(plans->delayed, plans->n_delayed, plans->delayed_room, step);
    else if (!delayed && i < plans->n_delayed)
        plans->delayed[i] = plans->delayed[--plans->n_delayed];
}

/* ---- conflicts ---- */

bool steps_conflict(const struct requirement *a, const struct requirement *b)
{
    if (a->pod_index != b->pod_index || strcmp(a->pod_type, b->pod_type) != 0)
        return false;
    for (size_t i = 0; i < a->tasks.count; i++)
        if (strings_have(&b->tasks, a->tasks.items[i]))
            return true;
    return false;
}

bool step_enabled(const struct step *step)
{
    const struct group *phase = step->e.parent;

    return step->e.candidate && phase->e.candidate && !phase->e.parent->e.interrupted;
}

static bool blocks(const struct step *other, const struct requirement *requirement,
                   const struct plan *plan)
{
    const struct plan *others = step_plan(other);

    if (others == plan || others->g.e.interrupted || !steps_conflict(&other->req, requirement))
        return false;
    if (other->base == STATUS_STARTING)
        return true;
    /* STARTED holds back plans behind only, as in the original (plans-and-recovery 2.2). */
    return others->rank < plan->rank &&
           (other->selected || (other->base == STATUS_STARTED && step_enabled(other)));
}

const struct step *pod_blocker(const struct pod *pod, const struct requirement *requirement,
                               const struct plan *plan)
{
    for (const struct step *s = pod->steps; s; s = s->next_in_pod)
        if (blocks(s, requirement, plan))
            return s;
    for (const struct recovery_phase *r = pod->recoveries; r; r = r->next)
        if (blocks(&r->step, requirement, plan))
            return &r->step;
    return NULL;
}

/* ---- selection ---- */

/* Brings the status in line with base status, flags and selection. */
void step_refresh(struct step *step)
{
    enum status status = step->base;

    if (status == STATUS_PENDING) {
        if (step->held)
            status = STATUS_WAITING;
        else if (step->selected) {
            if (step->kind == STEP_POD)
                status = step->live && step->req.recovery != RECOVERY_PERMANENT ? STATUS_PENDING
                                                                                : STATUS_PREPARED;
            else if (step->kind == STEP_UNRESERVE || step->kind == STEP_DEREGISTER)
                status = STATUS_PREPARED;
        }
    }
    element_set(&step->e, status, step->held);
    const bool ready = step->selected && step->base == STATUS_PENDING;
    element_set_ready(&step->e, ready);
    const bool working = ready || status_is_running(status);
    if (working && !step->working)
        step->e.parent->plans->new_work = true;
    step->working = working;
}

static void select_step(struct step *step, bool blocked)
{
    step->selected = step->base == STATUS_PENDING && !blocked && step_enabled(step);
    step_refresh(step);
}

static void select_pod(struct plans *plans, struct pod *pod, int64_t now_ms)
{
    struct step *s = pod->steps;

    for (; s && (!plans->recovery || step_plan(s)->rank < plans->recovery->rank);
         s = s->next_in_pod)
        select_step(s, pod_blocker(pod, &s->req, step_plan(s)) != NULL);
    if (plans->recovery) {
        recovery_refresh(plans, pod, now_ms);
        for (struct recovery_phase *r = pod->recoveries; r; r = r->next)
            select_step(&r->step, pod_blocker(pod, &r->step.req, plans->recovery) != NULL);
    }
    for (; s; s = s->next_in_pod)
        select_step(s, pod_blocker(pod, &s->req, step_plan(s)) != NULL);
}

void plans_settle(struct plans *plans, int64_t now_ms)
{
    while (plans->n_pod_queue > 0 || plans->n_step_queue > 0) {
        if (plans->n_pod_queue > 0) {
            struct pod *pod = plans->pod_queue[--plans->n_pod_queue];
            pod->queued = false;
            select_pod(plans, pod, now_ms);
        } else {
            struct step *step = plans->step_queue[--plans->n_step_queue];
            step->queued = false;
            select_step(step, false);
        }
    }
}

/* ---- time ---- */

void plans_tick(struct plans *plans, int64_t now_ms)
{
    for (size_t i = plans->n_delayed; i-- > 0;) {
        struct step *step = plans->delayed[i];
        step_rederive(plans, NULL, step, now_ms);
    }
    for (struct pod **at = &plans->timed; *at;) {
        struct pod *pod = *at;
        if (pod->recheck_ms > now_ms) {
            at = &pod->next_timed;
            continue;
        }
        *at = pod->next_timed;
        pod->timed = false;
        plans_touch_pod(plans, pod);
    }
    plans_settle(plans, now_ms);
}

int64_t plans_next_ms(const struct plans *plans)
{
    int64_t next = INT64_MAX;

    for (size_t i = 0; i < plans->n_delayed; i++) {
        const struct step *step = plans->delayed[i];
        for (size_t t = 0; t < step->req.tasks.count; t++) {
            const struct task *task = pod_task(plans->state, step->req.pod_type,
                                               step->req.pod_index, step->req.tasks.items[t]);
            const int64_t until = task ? backoff_until(plans, task->name) : 0;
            if (until > 0 && until < next)
                next = until;
        }
    }
    for (const struct pod *pod = plans->timed; pod; pod = pod->next_timed)
        if (pod->recheck_ms < next)
            next = pod->recheck_ms;
    return next;
}

/* ---- what the cycle asks ---- */

static void collect(struct plans *plans)
{
    plans->n_candidates = 0;
    for (size_t p = 0; p < plans->n_plans; p++) {
        struct group *plan = &plans->plans[p]->g;
        if (plan->e.interrupted)
            continue;
        /* What is complete has no work: a serial plan is not walked from its start each time. */
        for (size_t i = group_next(plan, plan->ready, plan->cursor); i < plan->n;
             i = group_next(plan, plan->ready, i + 1)) {
            struct group *phase = (struct group *)plan->children[i];
            for (size_t j = group_next(phase, phase->ready, phase->cursor); j < phase->n;
                 j = group_next(phase, phase->ready, j + 1))
                QUEUE(plans->candidates, plans->n_candidates, plans->candidates_room,
                      (struct step *)phase->children[j]);
        }
    }
}

size_t plans_candidates(struct plans *plans, int64_t now_ms, struct step *const **ret)
{
    plans_tick(plans, now_ms);
    while (plans->dead) {
        struct recovery_phase *phase = plans->dead;
        plans->dead = phase->next;
        recovery_phase_free(phase);
    }
    if (plans->changed)
        collect(plans);
    plans->changed = false;
    *ret = plans->candidates;
    return plans->n_candidates;
}

static bool replacing(const struct plans *plans)
{
    const struct group *recovery = &plans->recovery->g;

    for (size_t i = group_next(recovery, recovery->incomplete, 0); i < recovery->n;
         i = group_next(recovery, recovery->incomplete, i + 1)) {
        const struct group *phase = (const struct group *)recovery->children[i];
        for (size_t j = 0; j < phase->n; j++) {
            const struct step *step = (const struct step *)phase->children[j];
            if (step->e.status != STATUS_COMPLETE && step->req.recovery == RECOVERY_PERMANENT)
                return true;
        }
    }
    return false;
}

static enum client_status client_status(const struct plans *plans)
{
    bool idle = true, busy = false;

    if (plans->options.uninstall) {
        const struct group *plan = &plans->deploy->g;
        const struct element *deregister = plan->children[plan->n - 1];
        return deregister->status == STATUS_COMPLETE ? CLIENT_UNINSTALLED : CLIENT_WORKING;
    }
    for (size_t i = 0; i < plans->n_plans; i++) {
        const enum status status = plans->plans[i]->g.e.status;
        idle = idle && (status == STATUS_COMPLETE || status == STATUS_DELAYED);
        busy = busy || status == STATUS_PENDING || status_is_running(status);
    }
    if (plans_has_given_up(plans))
        return CLIENT_WORKING;
    if (idle)
        return CLIENT_IDLE;
    if (plans->deploy->g.e.status != STATUS_COMPLETE || busy || replacing(plans))
        return CLIENT_WORKING;
    return CLIENT_IDLE;
}

struct client_state plans_client_state(struct plans *plans, int64_t now_ms)
{
    plans_tick(plans, now_ms);
    const struct client_state ret = {client_status(plans), plans->new_work};
    plans->new_work = false;
    return ret;
}
