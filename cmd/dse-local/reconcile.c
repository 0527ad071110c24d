/* Answers to RECONCILE (see offer-cycle 11.7). */
#include <string.h>

#include "local.h"

static void answer(struct framework *f, const char *task_id, const char *agent_id, TaskState state,
                   const char *message, int64_t unreachable_ms)
{
    const struct told told = {
        .task_id = task_id,
        .agent_id = agent_id,
        .state = state,
        .reason = TASK_STATUS__REASON__REASON_RECONCILIATION,
        .message = message,
        .unreachable_ms = unreachable_ms,
    };
    master_status(f, &told);
}

/* A task that the master knows: one of an agent that is registered. Those of agents that went away
 * are known by their agent only. */
static const struct task *known_task(const struct framework *f, const char *id)
{
    const struct task *task = map_get(&f->tasks, id);
    return task && agent_registered(task->agent) ? task : NULL;
}

static void answer_known(const struct task *task)
{
    master_status_again(task, "Reconciliation: Latest task state",
                        TASK_STATUS__REASON__REASON_RECONCILIATION);
}

/* A task that is not known, on an agent that is. */
static void answer_on(struct framework *f, const char *task_id, const struct agent *agent)
{
    switch (agent->presence) {
    case AGENT_EXPECTED:
        return; /* it may still bring the task along */
    case AGENT_UNREACHABLE:
        answer(f, task_id, agent->id, TASK_STATE__TASK_UNREACHABLE,
               "Reconciliation: Task is unreachable", agent->unreachable_ms);
        return;
    case AGENT_GONE:
        answer(f, task_id, agent->id, TASK_STATE__TASK_GONE_BY_OPERATOR,
               "Reconciliation: Task is gone", 0);
        return;
    case AGENT_LEFT: /* as one that never was */
        answer(f, task_id, agent->id, TASK_STATE__TASK_UNKNOWN, "Reconciliation: Task is unknown",
               0);
        return;
    default:
        answer(f, task_id, agent->id, TASK_STATE__TASK_GONE,
               "Reconciliation: Task is unknown to the agent", 0);
    }
}

static bool some_expected(const struct master *m)
{
    for (size_t i = 0; i < m->n_agents; i++)
        if (m->agents[i]->presence == AGENT_EXPECTED)
            return true;
    return false;
}

void reconcile_one(struct framework *f, const char *task_id, const char *agent_id)
{
    const struct task *task = known_task(f, task_id);
    const struct agent *agent = agent_id ? agent_find(f->master, agent_id) : NULL;
    if (task)
        answer_known(task);
    else if (agent)
        answer_on(f, task_id, agent);
    else if (agent_id || !some_expected(f->master))
        answer(f, task_id, agent_id, TASK_STATE__TASK_UNKNOWN, "Reconciliation: Task is unknown",
               0);
}

void reconcile(struct framework *f, const Call__Reconcile *call)
{
    for (size_t i = 0; i < call->n_tasks; i++) {
        const Call__Reconcile__Task *task = call->tasks[i];
        reconcile_one(f, task->task_id->value, task->agent_id ? task->agent_id->value : NULL);
    }
    if (call->n_tasks)
        return;
    for (MAP_EACH(&f->tasks, e)) {
        const struct task *task = MAP_LIVE(e) ? e->value : NULL;
        if (task && agent_registered(task->agent))
            answer_known(task);
    }
}

/* ---- operations ---- */

static void answer_operation(struct framework *f, const char *id, const char *agent_id)
{
    const struct agent *agent = agent_id ? agent_find(f->master, agent_id) : NULL;
    const char *message =
        agent_id ? "Reconciliation: Both operation and agent are unknown"
                 : "Reconciliation: Operation is unknown and no 'agent_id' was provided";
    OperationState state = OPERATION_STATE__OPERATION_UNKNOWN;
    if (agent && agent_registered(agent)) {
        message = "Reconciliation: Operation is unknown";
    } else if (agent && agent->presence == AGENT_EXPECTED) {
        state = OPERATION_STATE__OPERATION_RECOVERING;
        message = "Reconciliation: Agent is recovered but has not re-registered";
    } else if (agent && agent->presence == AGENT_UNREACHABLE) {
        state = OPERATION_STATE__OPERATION_UNREACHABLE;
        message = "Reconciliation: Agent is unreachable";
    } else if (agent && agent->presence == AGENT_GONE) {
        state = OPERATION_STATE__OPERATION_GONE_BY_OPERATOR;
        message = "Reconciliation: Agent marked gone by operator";
    }
    operation_told(f, id, state, agent_id, message);
}

void reconcile_operations(struct framework *f, const Call__ReconcileOperations *call)
{
    if (call->n_operations == 0)
        operations_again(f);
    for (size_t i = 0; i < call->n_operations; i++) {
        const Call__ReconcileOperations__Operation *op = call->operations[i];
        if (!operation_again(f, op->operation_id->value))
            answer_operation(f, op->operation_id->value, op->agent_id ? op->agent_id->value : NULL);
    }
}
