/* Reconciliation: explicit for every stored status that is not terminal, with back-off until each
 * is answered; implicit at once and hourly (see offer-cycle 1.7, plans-and-recovery 10.2, 10.3). */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "cycle/internal.h"

static void add_entry(struct cycle *cycle, Call__Reconcile *body, const char *task_id)
{
    Call__Reconcile__Task *entry =
        PB_NEW(&cycle->scratch, Call__Reconcile__Task, call__reconcile__task);
    const struct task *task = state_task_by_id(cycle->state, task_id);

    entry->task_id = PB_NEW(&cycle->scratch, TaskID, task_id);
    entry->task_id->value = arena_strdup(&cycle->scratch, task_id);
    /* The agent is known from the TaskInfo even while the status is the stub of a launch. Without
     * it a task that never reached its agent is answered by UNKNOWN at best. */
    if (task && *task->agent_id) {
        entry->agent_id = PB_NEW(&cycle->scratch, AgentID, agent_id);
        entry->agent_id->value = arena_strdup(&cycle->scratch, task->agent_id);
    }
    PB_ADD(&cycle->scratch, body->n_tasks, body->tasks, entry);
}

static void send_explicit(struct cycle *cycle)
{
    Call *call = cycle_call(cycle, CALL__TYPE__RECONCILE);

    call->reconcile = PB_NEW(&cycle->scratch, Call__Reconcile, call__reconcile);
    for (const struct unanswered *u = cycle->unanswered; u; u = u->next)
        add_entry(cycle, call->reconcile, u->task_id);
    cycle_send(cycle, call);
    cycle->reconcile_gap_ms *= 2;
    if (cycle->reconcile_gap_ms > RECONCILE_CAP_MS)
        cycle->reconcile_gap_ms = RECONCILE_CAP_MS;
    cycle->reconcile_next_ms = cycle_now(cycle) + cycle->reconcile_gap_ms;
}

static void send_implicit(struct cycle *cycle)
{
    Call *call = cycle_call(cycle, CALL__TYPE__RECONCILE);

    call->reconcile = PB_NEW(&cycle->scratch, Call__Reconcile, call__reconcile);
    cycle_send(cycle, call);
    cycle->implicit_next_ms =
        cycle_now(cycle) + (cycle->options.reconcile_period_ms ? cycle->options.reconcile_period_ms
                                                               : RECONCILE_HOUR_MS);
}

static void remember(struct cycle *cycle, const char *task_id)
{
    struct unanswered *u = xcalloc(1, sizeof *u);

    if (!cycle->unanswered)
        cycle->unanswered_end = &cycle->unanswered;
    u->task_id = xstrdup(task_id);
    u->link = cycle->unanswered_end;
    *u->link = u;
    cycle->unanswered_end = &u->next;
    strmap_get(&cycle->unanswered_by_id, task_id)->pointer = u;
}

static struct unanswered *find(const struct cycle *cycle, const char *task_id)
{
    const struct strmap_entry *entry = strmap_find(&cycle->unanswered_by_id, task_id);

    return entry ? entry->pointer : NULL;
}

void reconcile_start(struct cycle *cycle)
{
    reconcile_free(cycle);
    for (struct task *t = state_task_first(cycle->state); t;
         t = state_task_after(cycle->state, t)) {
        if (t->status_id && !task_state_is_terminal(t->status_state))
            remember(cycle, t->status_id);
    }
    cycle->reconcile_gap_ms = RECONCILE_BASE_MS;
    cycle->reconcile_next_ms = INT64_MAX;
    if (cycle->unanswered)
        send_explicit(cycle);
    if (cycle->options.reconcile_delay_ms > 0)
        cycle->implicit_next_ms = cycle_now(cycle) + cycle->options.reconcile_delay_ms;
    else
        send_implicit(cycle);
}

void reconcile_add(struct cycle *cycle, const char *task_id)
{
    if (find(cycle, task_id))
        return;
    remember(cycle, task_id);
    cycle->reconcile_gap_ms = RECONCILE_BASE_MS;
    if (cycle->subscribed)
        send_explicit(cycle);
}

void reconcile_answered(struct cycle *cycle, const char *task_id)
{
    struct unanswered *u = find(cycle, task_id);

    if (!u)
        return;
    *u->link = u->next;
    if (u->next)
        u->next->link = u->link;
    else
        cycle->unanswered_end = u->link;
    strmap_get(&cycle->unanswered_by_id, task_id)->pointer = NULL;
    free(u->task_id);
    free(u);
    if (cycle->unanswered)
        return;
    strmap_free(&cycle->unanswered_by_id);
    cycle->reconcile_next_ms = INT64_MAX;
    cycle->round_wanted = true;
}

void reconcile_tick(struct cycle *cycle, int64_t now_ms)
{
    if (cycle->unanswered && now_ms >= cycle->reconcile_next_ms)
        send_explicit(cycle);
    if (now_ms >= cycle->implicit_next_ms)
        send_implicit(cycle);
}

int64_t reconcile_next(const struct cycle *cycle)
{
    return cycle->reconcile_next_ms < cycle->implicit_next_ms ? cycle->reconcile_next_ms
                                                              : cycle->implicit_next_ms;
}

void reconcile_free(struct cycle *cycle)
{
    while (cycle->unanswered) {
        struct unanswered *next = cycle->unanswered->next;
        free(cycle->unanswered->task_id);
        free(cycle->unanswered);
        cycle->unanswered = next;
    }
    strmap_free(&cycle->unanswered_by_id);
}
