/* Agents that are lost, return or are marked gone, and a master that fails over
 * (see offer-cycle 11.8). The processes of an agent that is lost go on, as their executors do in
 * Mesos; what they have to say waits until it is back. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "local.h"
#include "proto/mesos.h"

/* ---- what frameworks hear ---- */

static void tell_failure(const struct agent *agent)
{
    AgentID id = AGENT_ID__INIT;
    Event__Failure failure = EVENT__FAILURE__INIT;
    Event event = EVENT__INIT;
    id.value = agent->id;
    failure.agent_id = &id;
    event.has_type = 1;
    event.type = EVENT__TYPE__FAILURE;
    event.failure = &failure;
    for (MAP_EACH(&agent->master->frameworks, e))
        if (MAP_LIVE(e))
            framework_send(e->value, &event);
}

/* Calls fn for every task of the agent whose end the master does not know of. */
static void each_task(struct agent *agent, void (*fn)(struct task *task))
{
    for (MAP_EACH(&agent->master->frameworks, e)) {
        struct framework *f = MAP_LIVE(e) ? e->value : NULL;
        for (MAP_EACH(f ? &f->tasks : &(const struct map)MAP_INIT, t)) {
            struct task *task = MAP_LIVE(t) ? t->value : NULL;
            if (task && task->agent == agent &&
                !(task->forwarded && task_state_is_terminal(task->forwarded->state)))
                fn(task);
        }
    }
}

/* ---- lost and found ---- */

static void tell_unreachable(struct task *task)
{
    const struct told told = {
        .task_id = task->id,
        .agent_id = task->agent->id,
        .executor_id = task->executor_id,
        .state = TASK_STATE__TASK_UNREACHABLE,
        .reason = TASK_STATUS__REASON__REASON_AGENT_REMOVED,
        .message = "health check timed out",
        .unreachable_ms = task->agent->unreachable_ms,
    };
    master_status(task->framework, &told);
}

static void presence_due(void *ctx)
{
    struct agent *agent = ctx;
    const enum presence was = agent->presence;
    if (was == AGENT_EXPECTED && !agent->away) {
        agent_up(agent);
        return;
    }
    log_info("agent '%s' is unreachable", agent->name);
    agent->presence = AGENT_UNREACHABLE;
    agent->unreachable_ms = clock_now_ms(&agent->master->clock);
    if (was == AGENT_AWAY) /* a master that failed over does not know its tasks */
        each_task(agent, tell_unreachable);
    tell_failure(agent);
}

static void change_in(struct agent *agent, long ms)
{
    if (!agent->presences)
        agent->presences = loop_timer_add(agent->master->loop, presence_due, agent);
    loop_timer_in(agent->presences, ms);
}

void presence_free(struct agent *agent)
{
    if (agent->presences)
        loop_timer_del(agent->presences);
}

void agent_down(struct agent *agent)
{
    if (agent->presence == AGENT_EXPECTED)
        agent->away = true;
    else if (agent->presence == AGENT_UP)
        agent->presence = AGENT_AWAY;
    else
        return;
    log_info("agent '%s' is down", agent->name);
    offers_rescind_agent(agent);
    change_in(agent, agent->master->config.agent_timeout_ms);
}

static void tell_found(struct task *task)
{
    if (task->framework->partition_aware)
        master_status_again(task, "Unreachable agent re-reregistered",
                            TASK_STATUS__REASON__REASON_AGENT_REREGISTERED);
    else
        task->kill_asked = true; /* it was told LOST, so it may not run any longer */
}

/* Carries out what was asked for while the agent was away. */
static void kill_asked(struct task *task)
{
    if (!task->kill_asked)
        return;
    task->kill_asked = false;
    task_kill(task, NULL);
}

void agent_up(struct agent *agent)
{
    const enum presence was = agent->presence;
    if (was == AGENT_UP || was == AGENT_GONE || was == AGENT_LEFT)
        return;
    log_info("agent '%s' is back", agent->name);
    loop_timer_stop(agent->presences);
    agent->away = false;
    agent->presence = AGENT_UP;
    if (was == AGENT_UNREACHABLE)
        each_task(agent, tell_found);
    updates_forward(agent);
    operations_forward(agent);
    each_task(agent, kill_asked);
    alloc_soon(agent->master);
}

static void tell_gone(struct task *task)
{
    const bool aware = task->framework->partition_aware; /* others hear of a removal, no more */
    const struct told told = {
        .task_id = task->id,
        .agent_id = task->agent->id,
        .executor_id = task->executor_id,
        .state = TASK_STATE__TASK_GONE_BY_OPERATOR,
        .reason = aware ? TASK_STATUS__REASON__REASON_AGENT_REMOVED_BY_OPERATOR
                        : TASK_STATUS__REASON__REASON_AGENT_REMOVED,
        .message = "Agent has been marked gone",
    };
    master_status(task->framework, &told);
}

/* LOST also for those that know better states. */
static void tell_left(struct task *task)
{
    auto_free char *message =
        xasprintf("Agent %s removed: the agent unregistered", task->agent->hostname);
    const struct told told = {
        .task_id = task->id,
        .agent_id = task->agent->id,
        .executor_id = task->executor_id,
        .state = TASK_STATE__TASK_LOST,
        .reason = TASK_STATUS__REASON__REASON_AGENT_REMOVED,
        .message = message,
    };
    master_status(task->framework, &told);
}

/* Ended tasks whose last word is not acknowledged are forgotten with their agent. */
static void forget_ended(struct agent *agent)
{
    for (MAP_EACH(&agent->master->frameworks, e)) {
        struct framework *f = MAP_LIVE(e) ? e->value : NULL;
        for (MAP_EACH(f ? &f->tasks : &(const struct map)MAP_INIT, t))
            if (MAP_LIVE(t) && ((struct task *)t->value)->agent == agent)
                task_free(t->value);
    }
}

static void agent_remove(struct agent *agent, enum presence how, void (*tell)(struct task *task))
{
    if (agent->presence == AGENT_GONE || agent->presence == AGENT_LEFT)
        return;
    log_info("agent '%s' %s", agent->name, how == AGENT_GONE ? "is marked gone" : "leaves");
    if (agent->presences)
        loop_timer_stop(agent->presences);
    agent->presence = how;
    each_task(agent, tell);
    offers_rescind_agent(agent);
    tell_failure(agent);
    while (agent->executors)
        executor_destroy(agent->executors);
    forget_ended(agent);
    operations_forget(agent);
    res_list_free(&agent->free);
    res_list_free(&agent->total);
}

void agent_gone(struct agent *agent)
{
    agent_remove(agent, AGENT_GONE, tell_gone);
}

void agent_leave(struct agent *agent)
{
    agent_remove(agent, AGENT_LEFT, tell_left);
}

/* ---- the master ---- */

static void forget_kill(struct task *task)
{
    task->kill_asked = false;
}

/* The new master waits for each agent, which comes by itself unless it is away. */
static void expect(struct agent *agent)
{
    const struct config *config = &agent->master->config;
    if (agent->presence != AGENT_UP && agent->presence != AGENT_AWAY)
        return;
    agent->away = agent->presence == AGENT_AWAY;
    agent->presence = AGENT_EXPECTED;
    each_task(agent, forget_kill);
    change_in(agent, config->recovery_ms +
                         (agent->away ? config->agent_timeout_ms : config->reregister_ms));
}

void master_failover(struct master *m)
{
    log_info("the master fails over");
    for (MAP_EACH(&m->frameworks, e))
        if (MAP_LIVE(e))
            framework_disconnect(e->value);
    for (size_t i = 0; i < REMOVED_REMEMBERED; i++) { /* only memory held them */
        free(m->removed[i]);
        m->removed[i] = NULL;
    }
    idgen_uuid(&m->ids, m->id);
    m->next_offer = m->next_framework = 0;
    m->recovered_ms = loop_now_ms() + m->config.recovery_ms;
    for (size_t i = 0; i < m->n_agents; i++)
        expect(m->agents[i]);
}
