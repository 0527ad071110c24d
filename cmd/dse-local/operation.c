/* Feedback on operations that carry an id: OPERATION_FINISHED, sent again until acknowledged, and
 * what the master says by itself (see offer-cycle 10.4, captures/operations-and-master-failover).
 */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "local.h"

struct operation_update {
    struct framework *framework;
    struct loop_timer *resend;
    int64_t resend_ms;
    char *id;
    const struct agent *agent;
    uint8_t uuid[16];
};

static void send_operation(struct framework *f, OperationStatus *status, const char *id,
                           const char *agent_id)
{
    OperationID operation = OPERATION_ID__INIT;
    AgentID agent = AGENT_ID__INIT;
    Event__UpdateOperationStatus update = EVENT__UPDATE_OPERATION_STATUS__INIT;
    Event event = EVENT__INIT;
    operation.value = id;
    agent.value = agent_id;
    status->operation_id = &operation;
    status->agent_id = agent_id ? &agent : NULL;
    update.status = status;
    event.has_type = 1;
    event.type = EVENT__TYPE__UPDATE_OPERATION_STATUS;
    event.update_operation_status = &update;
    framework_send(f, &event);
}

void operation_told(struct framework *f, const char *operation_id, OperationState state,
                    const char *agent_id, const char *message)
{
    OperationStatus status = OPERATION_STATUS__INIT;
    status.state = state;
    status.message = message;
    send_operation(f, &status, operation_id, agent_id);
}

/* An agent that is away keeps it for later. */
static void operation_send(struct operation_update *op)
{
    OperationStatus status = OPERATION_STATUS__INIT;
    UUID uuid = UUID__INIT;
    if (op->agent->presence != AGENT_UP) {
        loop_timer_stop(op->resend);
        return;
    }
    status.state = OPERATION_STATE__OPERATION_FINISHED;
    uuid.value = (ProtobufCBinaryData){sizeof op->uuid, op->uuid};
    status.uuid = &uuid;
    loop_timer_in(op->resend, op->resend_ms);
    send_operation(op->framework, &status, op->id, op->agent->id);
}

static void operation_due(void *ctx)
{
    struct operation_update *op = ctx;
    op->resend_ms = op->resend_ms * 2 > RESEND_MAX_MS ? RESEND_MAX_MS : op->resend_ms * 2;
    operation_send(op);
}

static void random_bytes(struct idgen *ids, uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)idgen_below(ids, 256);
}

static void operation_free(struct operation_update *op)
{
    if (!op)
        return;
    loop_timer_del(op->resend);
    free(op->id);
    free(op);
}

void operation_finished(struct framework *f, const struct agent *agent, const char *operation_id)
{
    struct operation_update *op = xcalloc(1, sizeof *op);
    operation_free(map_take(&f->operations, operation_id)); /* an id used once more */
    op->framework = f;
    op->agent = agent;
    op->id = xstrdup(operation_id);
    op->resend = loop_timer_add(f->master->loop, operation_due, op);
    op->resend_ms = f->master->config.resend_ms;
    random_bytes(&f->master->ids, op->uuid, sizeof op->uuid);
    map_put(&f->operations, op->id, op);
    operation_send(op);
}

void operation_acknowledge(struct framework *f, const Call__AcknowledgeOperationStatus *call)
{
    struct operation_update *op = map_get(&f->operations, call->operation_id->value);
    if (!op || memcmp(op->uuid, call->uuid.data, sizeof op->uuid) != 0 ||
        op->agent->presence != AGENT_UP || strcmp(op->agent->id, call->agent_id->value) != 0)
        return;
    operation_free(map_take(&f->operations, op->id));
}

static void again(struct framework *f, const struct operation_update *op)
{
    operation_told(f, op->id, OPERATION_STATE__OPERATION_FINISHED, op->agent->id, NULL);
}

bool operation_again(struct framework *f, const char *operation_id)
{
    const struct operation_update *op = map_get(&f->operations, operation_id);
    if (!op || !agent_registered(op->agent))
        return false;
    again(f, op);
    return true;
}

void operations_again(struct framework *f)
{
    for (MAP_EACH(&f->operations, e)) {
        const struct operation_update *op = MAP_LIVE(e) ? e->value : NULL;
        if (op && agent_registered(op->agent))
            again(f, op);
    }
}

/* Calls fn for each that waits at the agent. */
static void each_operation(struct agent *agent, void (*fn)(struct operation_update *op))
{
    for (MAP_EACH(&agent->master->frameworks, e)) {
        struct framework *f = MAP_LIVE(e) ? e->value : NULL;
        for (MAP_EACH(f ? &f->operations : &(const struct map)MAP_INIT, o)) {
            struct operation_update *op = MAP_LIVE(o) ? o->value : NULL;
            if (op && op->agent == agent)
                fn(op);
        }
    }
}

static void forget(struct operation_update *op)
{
    operation_free(map_take(&op->framework->operations, op->id));
}

void operations_forward(struct agent *agent)
{
    each_operation(agent, operation_send);
}

void operations_forget(struct agent *agent)
{
    each_operation(agent, forget);
}

void operations_free(struct framework *f)
{
    for (MAP_EACH(&f->operations, e))
        if (MAP_LIVE(e))
            operation_free(e->value);
    map_free(&f->operations);
}
