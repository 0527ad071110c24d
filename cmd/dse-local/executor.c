/* The default executor: groups of tasks below one sandbox and one share of resources
 * (see offer-cycle 11.5). */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "local.h"
#include "proto/mesos.h"

/* UNHEARD_MS: how long an executor waits for the acknowledgement of its tasks' ends. */
enum { DEFAULT_GRACE_MS = 3000, UNHEARD_MS = 60000 };

struct executor *executor_find(const struct agent *agent, const struct framework *f, const char *id)
{
    for (struct executor *e = agent->executors; e; e = e->next)
        if (e->framework == f && strcmp(e->id, id) == 0)
            return e;
    return NULL;
}

/* ---- statuses ---- */

static CheckStatusInfo *check_status(const struct task *task, TaskState state, struct arena *arena)
{
    const CheckInfo *check = task->info->check;
    if (!check)
        return NULL;
    /* Only a running task's status repeats the last result (see captures/lifecycle). */
    const bool value = task->has_check_value && state == TASK_STATE__TASK_RUNNING;
    CheckStatusInfo *info = PB_NEW(arena, CheckStatusInfo, check_status_info);
    info->has_type = 1;
    info->type = check->type;
    if (check->type == CHECK_INFO__TYPE__COMMAND) {
        info->command = PB_NEW(arena, CheckStatusInfo__Command, check_status_info__command);
        info->command->has_exit_code = value;
        info->command->exit_code = value ? task->check_value : 0;
    } else if (check->type == CHECK_INFO__TYPE__HTTP) {
        info->http = PB_NEW(arena, CheckStatusInfo__Http, check_status_info__http);
        info->http->has_status_code = value;
        info->http->status_code = value ? (uint32_t)task->check_value : 0;
    } else {
        info->tcp = PB_NEW(arena, CheckStatusInfo__Tcp, check_status_info__tcp);
        info->tcp->has_succeeded = value;
        info->tcp->succeeded = value && task->check_value;
    }
    return info;
}

static ContainerStatus *container_status(struct task *task, TaskState state, struct arena *arena)
{
    ContainerStatus *status = PB_NEW(arena, ContainerStatus, container_status);
    status->container_id = PB_NEW(arena, ContainerID, container_id);
    status->container_id->value = task->container_id;
    status->container_id->parent = PB_NEW(arena, ContainerID, container_id);
    status->container_id->parent->value = task->executor_container;
    if (state != TASK_STATE__TASK_STARTING && state != TASK_STATE__TASK_RUNNING &&
        state != TASK_STATE__TASK_KILLING)
        return status; /* the container is gone */
    NetworkInfo *network = PB_NEW(arena, NetworkInfo, network_info);
    NetworkInfo__IPAddress *address =
        PB_NEW(arena, NetworkInfo__IPAddress, network_info__ipaddress);
    address->has_protocol = 1;
    address->protocol = NETWORK_INFO__PROTOCOL__IPv4;
    address->ip_address = task->agent->ip;
    PB_ADD(arena, network->n_ip_addresses, network->ip_addresses, address);
    PB_ADD(arena, status->n_network_infos, status->network_infos, network);
    if (task->pid) {
        status->has_executor_pid = 1;
        status->executor_pid = (uint32_t)task->pid;
    }
    return status;
}

static void new_uuid(struct idgen *ids, uint8_t uuid[16])
{
    for (size_t i = 0; i < 16; i++)
        uuid[i] = (uint8_t)idgen_below(ids, 256);
    uuid[6] = (uint8_t)((uuid[6] & 0x0f) | 0x40);
    uuid[8] = (uint8_t)((uuid[8] & 0x3f) | 0x80);
}

/* What the agent says without an executor that could. */
static bool by_agent(int reason)
{
    return reason == TASK_STATUS__REASON__REASON_EXECUTOR_TERMINATED ||
           reason == TASK_STATUS__REASON__REASON_TASK_KILLED_DURING_LAUNCH;
}

void task_status(struct task *task, TaskState state, const char *message, int reason)
{
    auto_arena struct arena arena = ARENA_INIT;
    uint8_t uuid[16];
    TaskStatus status = TASK_STATUS__INIT;
    AgentID agent = AGENT_ID__INIT;
    ExecutorID executor = EXECUTOR_ID__INIT;
    new_uuid(&task->framework->master->ids, uuid);
    agent.value = task->agent->id;
    executor.value = task->executor_id;
    task->state = state;
    status.task_id = task->info->task_id;
    status.state = state;
    status.message = message;
    status.agent_id = &agent;
    status.executor_id = &executor;
    status.has_timestamp = 1;
    status.timestamp = now_seconds(task->framework->master);
    status.has_source = 1;
    status.source =
        by_agent(reason) ? TASK_STATUS__SOURCE__SOURCE_AGENT : TASK_STATUS__SOURCE__SOURCE_EXECUTOR;
    if (reason >= 0) {
        status.has_reason = 1;
        status.reason = (TaskStatus__Reason)reason;
    }
    status.has_uuid = 1;
    status.uuid = (ProtobufCBinaryData){sizeof uuid, uuid};
    if (task->has_healthy && state == TASK_STATE__TASK_RUNNING) {
        status.has_healthy = 1;
        status.healthy = task->healthy;
    } else if (task->executor && task->executor->unhealthy && task_state_is_terminal(state)) {
        status.has_healthy = 1; /* some task of the executor failed its health check for good */
        status.healthy = 0;
    }
    status.check_status = check_status(task, state, &arena);
    status.container_status = container_status(task, state, &arena);
    update_queue(task, &status);
}

/* ---- the end of things ---- */

static void group_unref(struct group *group)
{
    if (group && --group->refs == 0)
        free(group);
}

/* Stops all that could still call back for the task. */
static void task_quiet(struct task *task)
{
    checks_stop(task);
    loop_timer_del(task->start);
    loop_timer_del(task->kill_timer);
    loop_timer_del(task->limit_timer);
    task->start = task->kill_timer = task->limit_timer = NULL;
    proc_abandon(task->proc);
    proc_abandon(task->fetching);
    task->proc = task->fetching = NULL;
}

static void task_unlink(struct task *task)
{
    struct executor *executor = task->executor;
    for (struct task **at = &executor->tasks; *at; at = &(*at)->next)
        if (*at == task) {
            *at = task->next;
            break;
        }
    task->next = NULL;
    task->executor = NULL;
    agent_recover(task->agent, &task->resources);
    res_list_free(&task->resources);
}

/* An executor without tasks leaves when the ends of all of them are acknowledged. */
static void executor_idle(struct executor *executor)
{
    if (executor->tasks)
        return;
    executor->terminating = true;
    loop_timer_in(executor->end, executor->unheard
                                     ? UNHEARD_MS
                                     : executor->framework->master->config.executor_exit_ms);
}

/* The framework knows of the task's end. */
static void task_heard(const struct task *task)
{
    struct executor *executor = executor_find(task->agent, task->framework, task->executor_id);
    if (!executor || strcmp(executor->container_id, task->executor_container) != 0 ||
        executor->unheard == 0)
        return;
    executor->unheard--;
    if (executor->unheard == 0)
        executor_idle(executor);
}

void task_free(struct task *task)
{
    task_quiet(task);
    if (task->executor)
        task_unlink(task);
    else
        task_heard(task);
    map_take(&task->framework->tasks, task->id);
    updates_free(task);
    group_unref(task->group);
    free(task->executor_id);
    free(task->executor_container);
    free(task->sandbox);
    arena_free(&task->arena);
    free(task);
}

/* Out of its agent, resources given back. */
static void executor_free(struct executor *executor)
{
    for (struct executor **at = &executor->agent->executors; *at; at = &(*at)->next)
        if (*at == executor) {
            *at = executor->next;
            break;
        }
    agent_recover(executor->agent, &executor->resources);
    res_list_free(&executor->resources);
    loop_timer_del(executor->end);
    free(executor->role);
    free(executor->sandbox);
    arena_free(&executor->arena);
    free(executor);
}

static void executor_end(void *ctx)
{
    struct executor *executor = ctx;
    AgentID agent = AGENT_ID__INIT;
    Event__Failure failure = EVENT__FAILURE__INIT;
    Event event = EVENT__INIT;
    agent.value = executor->agent->id;
    failure.agent_id = &agent;
    failure.executor_id = executor->info->executor_id;
    failure.has_status = 1;
    failure.status = executor->died ? SIGKILL : 0;
    event.has_type = 1;
    event.type = EVENT__TYPE__FAILURE;
    event.failure = &failure;
    if (executor->agent->presence == AGENT_UP)
        framework_send(executor->framework, &event);
    executor_free(executor);
}

void executor_destroy(struct executor *executor)
{
    while (executor->tasks)
        task_free(executor->tasks);
    executor_free(executor);
}

/* Its own kill policy does not count here. */
static void kill_group(struct executor *executor, struct group *group)
{
    group->killing = true;
    for (struct task *t = executor->tasks, *next; t; t = next) {
        next = t->next;
        if (t->group == group && !t->killing)
            task_stop(t, DEFAULT_GRACE_MS, true);
    }
}

void task_ended(struct task *task, TaskState state, const char *message, int reason)
{
    struct executor *executor = task->executor;
    struct group *group = task->group;
    task_quiet(task);
    task_status(task, state, message, reason);
    task_unlink(task);
    executor->unheard++;
    if ((state == TASK_STATE__TASK_FAILED || state == TASK_STATE__TASK_KILLED) &&
        !executor->terminating && !group->killing) {
        group->refs++; /* killing what has not started ends it at once, inside this loop */
        kill_group(executor, group);
        group_unref(group);
    }
    executor_idle(executor);
}

/* ---- kill ---- */

static void kill_due(void *ctx)
{
    struct task *task = ctx;
    if (task->proc)
        proc_kill(task->proc);
}

static int64_t grace_ms(const struct task *task, const KillPolicy *policy)
{
    if (!policy || !policy->grace_period)
        policy = task->info->kill_policy;
    if (!policy || !policy->grace_period)
        return DEFAULT_GRACE_MS;
    const int64_t ms = policy->grace_period->nanoseconds / 1000000;
    return ms < 0 ? 0 : ms;
}

/* Before its executor has it. */
static bool is_queued(const struct task *task)
{
    return !task->announced && task->start;
}

void task_stop(struct task *task, int64_t grace_ms, bool tell)
{
    struct master *m = task->framework->master;
    task->killing = true;
    checks_stop(task);
    if (is_queued(task)) {
        task_ended(task, TASK_STATE__TASK_KILLED,
                   "A task within the task group was killed before delivery to the executor",
                   TASK_STATUS__REASON__REASON_TASK_KILLED_DURING_LAUNCH);
        return;
    }
    if (tell && task->framework->killing_state)
        task_status(task, TASK_STATE__TASK_KILLING, NULL, -1);
    if (task->proc) {
        proc_terminate(task->proc);
        task->kill_timer = loop_timer_add(m->loop, kill_due, task);
        task->kill_at_ms = loop_now_ms() + grace_ms;
        loop_timer_at(task->kill_timer, task->kill_at_ms);
    } else if (task->fetching) {
        proc_kill(task->fetching);
    } else {
        const bool ran = m->config.simulate && task->announced;
        task_ended(task, TASK_STATE__TASK_KILLED,
                   ran ? "Command terminated with signal Terminated" : NULL, -1);
    }
}

void task_kill(struct task *task, const KillPolicy *policy)
{
    if (!task->executor)
        return; /* it has ended; the framework just does not know yet */
    if (task->fetching) {
        log_info("task '%s' is being launched: a KILL of it has no effect", task->id);
        return;
    }
    if (!task->killing) {
        task_stop(task, grace_ms(task, policy), true);
        return;
    }
    const int64_t kill_at = loop_now_ms() + grace_ms(task, policy);
    if (task->kill_timer && kill_at < task->kill_at_ms) {
        task->kill_at_ms = kill_at;
        loop_timer_at(task->kill_timer, kill_at);
    }
}

void task_kill_call(struct task *task, const KillPolicy *policy)
{
    if (task->agent->presence == AGENT_UP)
        task_kill(task, policy);
    else
        task->kill_asked = true; /* the master remembers it until the agent is back */
}

void executor_shutdown(struct executor *executor)
{
    executor->terminating = true;
    for (struct task *t = executor->tasks, *next; t; t = next) {
        next = t->next;
        if (!t->killing)
            task_stop(t, DEFAULT_GRACE_MS, true);
    }
    executor_idle(executor);
}

void executor_died(struct executor *executor)
{
    executor->terminating = true;
    executor->died = true;
    while (executor->tasks)
        task_ended(executor->tasks, TASK_STATE__TASK_FAILED, "Executor terminated",
                   TASK_STATUS__REASON__REASON_EXECUTOR_TERMINATED);
    executor_end(executor);
}

/* ---- launch ---- */

static void start_due(void *ctx)
{
    struct task *task = ctx;
    if (!task->announced) {
        task->announced = true;
        loop_timer_in(task->start, 0); /* so that a group is announced whole, then started */
        task_status(task, TASK_STATE__TASK_STARTING, NULL, -1);
    } else {
        task_start(task);
    }
}

static struct executor *executor_new(struct framework *f, struct agent *agent,
                                     const ExecutorInfo *info, const char *role)
{
    struct executor *executor = xcalloc(1, sizeof *executor);
    executor->agent = agent;
    executor->framework = f;
    executor->info = message_keep(info, &executor->arena);
    executor->id = executor->info->executor_id->value;
    executor->role = xstrdup(role);
    idgen_uuid(&f->master->ids, executor->container_id);
    executor->sandbox = xasprintf("%s/slaves/%s/frameworks/%s/executors/%s/runs/%s", agent->dir,
                                  agent->id, f->id, executor->id, executor->container_id);
    res_list_of_proto(&executor->resources, info->n_resources, info->resources);
    executor->end = loop_timer_add(f->master->loop, executor_end, executor);
    executor->next = agent->executors;
    agent->executors = executor;
    return executor;
}

static struct task *task_new(struct executor *executor, struct group *group, const TaskInfo *info)
{
    struct task *task = xcalloc(1, sizeof *task), **end = &executor->tasks;
    struct framework *f = executor->framework;
    task->framework = f;
    task->agent = executor->agent;
    task->executor = executor;
    task->group = group;
    group->refs++;
    task->info = message_keep(info, &task->arena);
    task->id = task->info->task_id->value;
    task->state = TASK_STATE__TASK_STAGING;
    task->executor_id = xstrdup(executor->id);
    task->executor_container = xstrdup(executor->container_id);
    task->sandbox = xasprintf("%s/tasks/%s", executor->sandbox, task->id);
    idgen_uuid(&f->master->ids, task->container_id);
    res_list_of_proto(&task->resources, info->n_resources, info->resources);
    while (*end)
        end = &(*end)->next;
    *end = task;
    map_put(&f->tasks, task->id, task);
    return task;
}

void executor_launch(struct framework *f, struct agent *agent, const ExecutorInfo *executor_info,
                     const TaskGroupInfo *tasks, const char *role)
{
    struct executor *executor = executor_find(agent, f, executor_info->executor_id->value);
    struct err err = ERR_INIT;
    const bool leaving = executor && executor->terminating;
    bool failed = false;
    if (!executor) {
        executor = executor_new(f, agent, executor_info, role);
        failed = sandbox_executor(executor, &err) < 0;
        if (failed)
            log_warn("%s", err.text);
    }
    struct group *group = xcalloc(1, sizeof *group);
    group->refs = 1;
    for (size_t i = 0; i < tasks->n_tasks; i++) {
        struct task *task = task_new(executor, group, tasks->tasks[i]);
        if (leaving)
            continue;
        task->start = loop_timer_add(f->master->loop, start_due, task);
        loop_timer_in(task->start, 0);
    }
    if (leaving || failed)
        for (struct task *t = executor->tasks, *next; t; t = next) {
            next = t->next;
            if (t->group != group)
                continue;
            if (leaving)
                task_ended(t, task_state_for(f, TASK_STATE__TASK_DROPPED), "Executor terminating",
                           TASK_STATUS__REASON__REASON_EXECUTOR_TERMINATED);
            else
                task_ended(t, TASK_STATE__TASK_FAILED, err.text,
                           TASK_STATUS__REASON__REASON_CONTAINER_LAUNCH_FAILED);
        }
    group_unref(group);
}
