/* Task status updates: stored, told to the plans, acknowledged when durable
 * (see offer-cycle 1.8, state-store 5.1). */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "cycle/internal.h"
#include "proto/pbjson.h"

/* ---- acknowledging ---- */

static bool wants_acknowledgement(const TaskStatus *status)
{
    return status->has_uuid && status->uuid.len > 0;
}

static Call *acknowledgement(struct cycle *cycle, const TaskStatus *status)
{
    struct arena *arena = &cycle->scratch;
    Call *call = cycle_call(cycle, CALL__TYPE__ACKNOWLEDGE);

    call->acknowledge = PB_NEW(arena, Call__Acknowledge, call__acknowledge);
    call->acknowledge->agent_id =
        status->agent_id ? status->agent_id : PB_NEW(arena, AgentID, agent_id);
    call->acknowledge->task_id = status->task_id;
    call->acknowledge->uuid = status->uuid;
    return call;
}

static void acknowledge_when_stored(struct pending *pending, const TaskStatus *status)
{
    if (wants_acknowledgement(status))
        pending_add(pending, acknowledgement(pending->cycle, status));
}

/* Nothing new to store. What is stored may still be on its way, so the acknowledgement queues
 * behind it as an empty transaction. */
static void acknowledge_superseded(struct cycle *cycle, const TaskStatus *status)
{
    if (!wants_acknowledgement(status))
        return;
    if (!store_pending(cycle->options.store)) {
        cycle_send(cycle, acknowledgement(cycle, status));
        return;
    }
    struct pending *pending = pending_new(cycle);
    acknowledge_when_stored(pending, status);
    cycle_submit(cycle, txn_new(), pending);
}

/* ---- one update ---- */

static bool has_address(const TaskStatus *status)
{
    const ContainerStatus *container = status->container_status;

    for (size_t i = 0; container && i < container->n_network_infos; i++) {
        if (container->network_infos[i]->n_ip_addresses)
            return true;
    }
    return false;
}

static void store_update(struct cycle *cycle, struct task *task, const TaskStatus *status)
{
    struct pending *pending = pending_new(cycle);
    struct txn *txn = txn_new();
    struct err err = ERR_INIT;
    const char *name = arena_strdup(&cycle->scratch, task->name);

    task = state_put_task_status(cycle->state, txn, name, status);
    if (has_address(status)) {
        /* The last known address outlives statuses without one (state-store 5.1). */
        struct buf bytes = BUF_INIT;
        const char *key = arena_printf(&cycle->scratch, "%s:task-status", name);
        pb_pack(status, &bytes);
        if (state_put_property(cycle->state, txn, key, bytes.data, bytes.len, &err))
            log_warn("cannot keep the address of '%s': %s", name, err.text);
        buf_free(&bytes);
    }
    plans_task_changed(cycle->plans, txn, task, cycle_now(cycle));
    kill_status(cycle, txn, task);
    launches_heard(cycle, txn, task, status);
    cycle_note_deployed(cycle, txn);
    acknowledge_when_stored(pending, status);
    cycle_submit(cycle, txn, pending);
}

static bool may_follow_a_terminal_state(TaskState state)
{
    switch (state) {
    case TASK_STATE__TASK_LOST:
    case TASK_STATE__TASK_GONE:
    case TASK_STATE__TASK_DROPPED:
    case TASK_STATE__TASK_UNKNOWN:
    case TASK_STATE__TASK_UNREACHABLE:
        return false;
    default:
        return true;
    }
}

static bool is_repeat(struct cycle *cycle, const struct task *task, const TaskStatus *status)
{
    struct err err = ERR_INIT;

    if (!wants_acknowledgement(status) || task->status_state != status->state)
        return false;
    const TaskStatus *stored = state_task_status(cycle->state, task, &cycle->scratch, &err);
    return stored && stored->has_uuid && stored->uuid.len == status->uuid.len &&
           memcmp(stored->uuid.data, status->uuid.data, status->uuid.len) == 0;
}

static void count_state(struct cycle *cycle, TaskState state)
{
    if ((size_t)state < ARRAY_LEN(cycle->task_states))
        cycle->task_states[state]++;
}

void update_event(struct cycle *cycle, const TaskStatus *status)
{
    const char *id = status->task_id->value;
    const char *agent_id = status->agent_id ? status->agent_id->value : "";
    const char *name = task_name_of_id(&cycle->scratch, id);

    count_state(cycle, status->state);
    log_info("task %s: %s%s%s", id, pb_enum_name(&task_state__descriptor, status->state),
             status->message ? ": " : "", status->message ? status->message : "");
    if (!name) {
        log_warn("status for '%s', which is no id of ours: ignored", id);
        acknowledge_superseded(cycle, status);
        return;
    }
    struct task *task = state_task(cycle->state, name);
    const bool was_killed =
        task_state_is_dead(status->state) && kill_answered(cycle, id, status->state);

    if (task && task->status_id && task_state_is_terminal(task->status_state) &&
        !may_follow_a_terminal_state(status->state) && strcmp(task->status_id, id) == 0) {
        reconcile_answered(cycle, id);
        acknowledge_superseded(cycle, status);
        return;
    }
    /* The id must be that of the last launch; the original compares with the stored status only. */
    if (!task || strcmp(task->status_id ? task->status_id : task->id, id) != 0) {
        if (!was_killed) {
            log_warn("task '%s' is not one of ours any more: killing it", id);
            kill_again(cycle, id, agent_id);
        }
        reconcile_answered(cycle, id);
        acknowledge_superseded(cycle, status);
        return;
    }
    reconcile_answered(cycle, id);
    cycle->round_wanted = true;
    /* STARTING tells nothing that the stored STAGING does not: not worth a transaction. */
    if ((status->state == TASK_STATE__TASK_STARTING &&
         task->status_state == TASK_STATE__TASK_STAGING) ||
        is_repeat(cycle, task, status)) {
        acknowledge_superseded(cycle, status);
        return;
    }
    store_update(cycle, task, status);
}
