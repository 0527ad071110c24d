/* Status updates: one in flight per task, in order, sent again until acknowledged; and the master's
 * own, which are not acknowledged (see offer-cycle 10.14, 11.9). */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "local.h"
#include "proto/mesos.h"

TaskState task_state_for(const struct framework *f, TaskState state)
{
    if (f->partition_aware)
        return state;
    switch (state) {
    case TASK_STATE__TASK_DROPPED:
    case TASK_STATE__TASK_UNREACHABLE:
    case TASK_STATE__TASK_GONE:
    case TASK_STATE__TASK_GONE_BY_OPERATOR:
    case TASK_STATE__TASK_UNKNOWN:
        return TASK_STATE__TASK_LOST;
    default:
        return state;
    }
}

static void send_update(struct framework *f, TaskStatus *status)
{
    Event__Update update = EVENT__UPDATE__INIT;
    Event event = EVENT__INIT;
    update.status = status;
    event.has_type = 1;
    event.type = EVENT__TYPE__UPDATE;
    event.update = &update;
    framework_send(f, &event);
}

void master_status(struct framework *f, const struct told *told)
{
    TaskID task = TASK_ID__INIT;
    AgentID agent = AGENT_ID__INIT;
    ExecutorID executor = EXECUTOR_ID__INIT;
    TimeInfo time = TIME_INFO__INIT;
    TaskStatus status = TASK_STATUS__INIT;
    task.value = told->task_id;
    agent.value = told->agent_id;
    executor.value = told->executor_id;
    time.nanoseconds = told->unreachable_ms * 1000000;
    status.task_id = &task;
    status.state = task_state_for(f, told->state);
    status.agent_id = told->agent_id ? &agent : NULL;
    status.executor_id = told->executor_id ? &executor : NULL;
    status.unreachable_time = told->unreachable_ms ? &time : NULL;
    status.has_source = 1;
    status.source = TASK_STATUS__SOURCE__SOURCE_MASTER;
    status.has_reason = told->reason >= 0;
    status.reason = status.has_reason ? (TaskStatus__Reason)told->reason : 0;
    status.message = told->message;
    status.has_timestamp = 1;
    status.timestamp = now_seconds(f->master);
    send_update(f, &status);
}

void master_status_again(const struct task *task, const char *message, int reason)
{
    struct framework *f = task->framework;
    AgentID agent = AGENT_ID__INIT;
    ExecutorID executor = EXECUTOR_ID__INIT;
    TaskStatus status = TASK_STATUS__INIT;
    if (task->forwarded) {
        status = *task->forwarded;
        status.has_uuid = 0;
        status.uuid = (ProtobufCBinaryData){0, NULL};
        status.has_data = 0;
        status.data = (ProtobufCBinaryData){0, NULL};
    }
    agent.value = task->agent->id;
    executor.value = task->executor_id;
    status.task_id = task->info->task_id;
    status.agent_id = &agent;
    status.executor_id = &executor;
    status.state = task->forwarded ? task->forwarded->state : TASK_STATE__TASK_STAGING;
    status.message = message;
    status.has_source = 1;
    status.source = TASK_STATUS__SOURCE__SOURCE_MASTER;
    status.has_reason = 1;
    status.reason = (TaskStatus__Reason)reason;
    status.has_timestamp = 1;
    status.timestamp = now_seconds(f->master);
    send_update(f, &status);
}

/* ---- tasks ---- */

static void update_free(struct update *update)
{
    arena_free(&update->arena);
    free(update);
}

/* Sends the oldest one, and tells the master's books. An agent that is away keeps it for later. */
static void forward(struct task *task)
{
    struct update *update = task->updates;
    if (task->agent->presence != AGENT_UP) {
        loop_timer_stop(task->resend);
        return;
    }
    arena_free(&task->forwarded_arena);
    task->forwarded = message_keep(update->status, &task->forwarded_arena);
    loop_timer_in(task->resend, task->resend_ms);
    send_update(task->framework, update->status);
}

static void resend_due(void *ctx)
{
    struct task *task = ctx;
    if (!task->updates)
        return;
    task->resend_ms = task->resend_ms * 2 > RESEND_MAX_MS ? RESEND_MAX_MS : task->resend_ms * 2;
    forward(task);
}

void update_queue(struct task *task, const TaskStatus *status)
{
    struct update *update = xcalloc(1, sizeof *update);
    struct update **end = &task->updates;
    update->status = message_keep(status, &update->arena);
    while (*end)
        end = &(*end)->next;
    *end = update;
    if (!task->resend)
        task->resend = loop_timer_add(task->framework->master->loop, resend_due, task);
    if (task->updates == update) {
        task->resend_ms = task->framework->master->config.resend_ms;
        forward(task);
    }
}

void updates_resend(struct framework *f)
{
    for (MAP_EACH(&f->tasks, e)) {
        struct task *task = MAP_LIVE(e) ? e->value : NULL;
        if (!task || !task->updates)
            continue;
        task->resend_ms = f->master->config.resend_ms;
        forward(task);
        if (!f->conn)
            return;
    }
}

void updates_forward(struct agent *agent)
{
    for (MAP_EACH(&agent->master->frameworks, e)) {
        struct framework *f = MAP_LIVE(e) ? e->value : NULL;
        for (MAP_EACH(f ? &f->tasks : &(const struct map)MAP_INIT, t)) {
            struct task *task = MAP_LIVE(t) ? t->value : NULL;
            if (task && task->agent == agent && task->updates)
                forward(task);
        }
    }
}

void updates_free(struct task *task)
{
    while (task->updates) {
        struct update *update = task->updates;
        task->updates = update->next;
        update_free(update);
    }
    loop_timer_del(task->resend);
    task->resend = NULL;
    arena_free(&task->forwarded_arena);
}

void acknowledge(struct framework *f, const Call__Acknowledge *call)
{
    struct task *task = map_get(&f->tasks, call->task_id->value);
    if (!task || strcmp(task->agent->id, call->agent_id->value) != 0 || !task->updates ||
        task->agent->presence != AGENT_UP)
        return;
    struct update *update = task->updates;
    if (memcmp(update->status->uuid.data, call->uuid.data, 16) != 0)
        return;
    const bool last = task_state_is_terminal(update->status->state);
    task->updates = update->next;
    update_free(update);
    loop_timer_stop(task->resend);
    if (last) {
        task_free(task);
    } else if (task->updates) {
        task->resend_ms = f->master->config.resend_ms;
        forward(task);
    }
}
