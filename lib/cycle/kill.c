/* Pending kills: KILL at once, again until a status says that the task is dead
 * (see plans-and-recovery 10.1). In memory only: what still must die is derived anew at a start.
 * What an operator wants killed follows from nothing else, so it is a record until the task has
 * ended: Toolkit/kills/<task name>, the task's id. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "cycle/internal.h"

/* A kill follows from what was decided, and what was decided may still be on its way to the store:
 * then the KILL queues behind it. */
static void send_kill(struct cycle *cycle, const struct kill *kill)
{
    Call *call = cycle_call(cycle, CALL__TYPE__KILL);

    call->kill = PB_NEW(&cycle->scratch, Call__Kill, call__kill);
    call->kill->task_id = PB_NEW(&cycle->scratch, TaskID, task_id);
    call->kill->task_id->value = kill->task_id;
    if (*kill->agent_id) {
        /* With the agent named the master answers for an unreachable one with UNREACHABLE, not with
         * UNKNOWN (see plans-and-recovery 10.1, 12.4). */
        call->kill->agent_id = PB_NEW(&cycle->scratch, AgentID, agent_id);
        call->kill->agent_id->value = kill->agent_id;
    }
    if (!store_pending(cycle->options.store)) {
        cycle_send(cycle, call);
        return;
    }
    struct pending *pending = pending_new(cycle);
    pending_add(pending, call);
    cycle_submit(cycle, txn_new(), pending);
}

void kill_task(struct cycle *cycle, const char *task_id, const char *agent_id)
{
    if (!*task_id)
        return;
    for (const struct kill *k = cycle->kills; k; k = k->next) {
        if (strcmp(k->task_id, task_id) == 0)
            return;
    }
    struct kill *kill = xcalloc(1, sizeof *kill);
    kill->task_id = xstrdup(task_id);
    kill->agent_id = xstrdup(agent_id ? agent_id : "");
    kill->gap_ms = KILL_REPEAT_MS;
    kill->next_ms = cycle_now(cycle) + kill->gap_ms;
    kill->next = cycle->kills;
    cycle->kills = kill;
    if (cycle->subscribed)
        send_kill(cycle, kill);
}

bool kill_is_pending(const struct cycle *cycle, const char *task_id)
{
    for (const struct kill *k = cycle->kills; k; k = k->next)
        if (strcmp(k->task_id, task_id) == 0)
            return true;
    return false;
}

bool kill_is_pending_on(const struct cycle *cycle, const char *agent_id)
{
    for (const struct kill *k = cycle->kills; k; k = k->next)
        if (strcmp(k->agent_id, agent_id) == 0)
            return true;
    return false;
}

/* The task lives, though its kill may have been answered: its agent was out of reach and is back.
 */
void kill_again(struct cycle *cycle, const char *task_id, const char *agent_id)
{
    for (struct kill *k = cycle->kills; k; k = k->next) {
        if (strcmp(k->task_id, task_id) != 0)
            continue;
        if (k->answered) {
            k->answered = false;
            k->next_ms = cycle_now(cycle) + k->gap_ms;
            send_kill(cycle, k);
        }
        return;
    }
    kill_task(cycle, task_id, agent_id);
}

/* ---- what must end whatever happens ---- */

static const char *record_path(struct cycle *cycle, const char *task_name)
{
    return text_join(&cycle->scratch, KILLS_PATH "/", task_name);
}

void kill_record(struct cycle *cycle, struct txn *txn, const struct task *task)
{
    state_put(cycle->state, txn, record_path(cycle, task->name), task->id,
              (ssize_t)strlen(task->id));
}

/* It is to be killed by an operator's word, or its pod is taken away. */
static bool must_end(struct cycle *cycle, const struct task *task)
{
    if (!*task->id || (task->status_id && task_state_is_terminal(task->status_state)))
        return false;
    if (cycle->options.uninstall ||
        (task->override == OVERRIDE_DECOMMISSIONED && task->progress == PROGRESS_IN_PROGRESS))
        return true;
    const char *id = state_get_text(cycle->state, record_path(cycle, task->name));
    return id && strcmp(id, task->id) == 0;
}

/* A kill step is complete once its kill is under way, a request once it is stored; kills are in
 * memory. So a new subscription takes up what is to end and still lives. */
static void kill_the_leaving(struct cycle *cycle)
{
    for (struct task *t = state_task_first(cycle->state); t; t = state_task_after(cycle->state, t))
        if (must_end(cycle, t))
            kill_task(cycle, t->id, t->agent_id);
}

void kill_status(struct cycle *cycle, struct txn *txn, const struct task *task)
{
    const char *path = record_path(cycle, task->name);
    const char *id = state_get_text(cycle->state, path);

    if (id && (strcmp(id, task->id) != 0 || task_state_is_terminal(task->status_state)))
        state_delete(cycle->state, txn, path);
    if (!task_state_is_dead(task->status_state) && must_end(cycle, task))
        kill_again(cycle, task->id, task->agent_id);
}

/* ---- the list ---- */

static void free_kill(struct kill *kill)
{
    free(kill->task_id);
    free(kill->agent_id);
    free(kill);
}

static void remove_kill(struct kill **p)
{
    struct kill *gone = *p;

    *p = gone->next;
    free_kill(gone);
}

/* A task out of reach (UNREACHABLE, GONE_BY_OPERATOR, ...) is dead, but not terminal: whoever wants
 * its place wants it killed again, and the master answers each KILL at once with the same state. So
 * the id stays for the rest of its interval, or the two would go round as fast as they can. */
bool kill_answered(struct cycle *cycle, const char *task_id, TaskState state)
{
    for (struct kill **p = &cycle->kills; *p; p = &(*p)->next) {
        if (strcmp((*p)->task_id, task_id) != 0)
            continue;
        if (task_state_is_terminal(state))
            remove_kill(p);
        else
            (*p)->answered = true;
        return true;
    }
    return false;
}

/* The round decides whether a task out of reach must still die: its agent may be back. */
static void end_intervals(struct cycle *cycle, int64_t now_ms)
{
    struct kill **p = &cycle->kills;

    while (*p) {
        if ((*p)->answered && now_ms >= (*p)->next_ms) {
            remove_kill(p);
            cycle->round_wanted = true;
        } else {
            p = &(*p)->next;
        }
    }
}

void kill_tick(struct cycle *cycle, int64_t now_ms)
{
    end_intervals(cycle, now_ms);
    for (struct kill *k = cycle->kills; k; k = k->next) {
        if (k->answered || now_ms < k->next_ms)
            continue;
        k->gap_ms = k->gap_ms * 2 > KILL_REPEAT_MAX_MS ? KILL_REPEAT_MAX_MS : k->gap_ms * 2;
        k->next_ms = now_ms + k->gap_ms;
        send_kill(cycle, k);
    }
}

/* What was to be killed while nobody listened, and what a lost connection may have kept. */
void kill_subscribed(struct cycle *cycle)
{
    for (struct kill *k = cycle->kills; k; k = k->next) {
        if (k->answered)
            continue;
        k->next_ms = cycle_now(cycle) + k->gap_ms;
        send_kill(cycle, k);
    }
    kill_the_leaving(cycle);
}

int64_t kill_next_ms(const struct cycle *cycle)
{
    int64_t next = INT64_MAX;

    for (const struct kill *k = cycle->kills; k; k = k->next) {
        if (k->next_ms < next)
            next = k->next_ms;
    }
    return next;
}

void kill_free(struct cycle *cycle)
{
    while (cycle->kills) {
        struct kill *next = cycle->kills->next;
        free_kill(cycle->kills);
        cycle->kills = next;
    }
}
