/* Feedback about operations, from masters since 1.8 and agents that give it (see offer-cycle 6.1):
 * an operation of a launch that was dropped is made again with the next offers of its agent,
 * without waiting for all of them. Agents that do not give it refuse what asks for it; from then on
 * nobody is asked, and what was dropped shows by not being offered (launches.c).
 *
 * Kept in memory only: after a start the next offers tell as much. */
#include <string.h>

#include "base/log.h"
#include "cycle/internal.h"

/* Ids are "<resource id>.<uuid>" (fit_operation). */
static const char *resource_of(struct cycle *cycle, const char *operation_id)
{
    const char *dot = strchr(operation_id, '.');

    return dot ? arena_strndup(&cycle->scratch, operation_id, (size_t)(dot - operation_id)) : "";
}

static void acknowledge(struct cycle *cycle, const OperationStatus *status)
{
    struct arena *arena = &cycle->scratch;
    Call *call = cycle_call(cycle, CALL__TYPE__ACKNOWLEDGE_OPERATION_STATUS);
    Call__AcknowledgeOperationStatus *body =
        PB_NEW(arena, Call__AcknowledgeOperationStatus, call__acknowledge_operation_status);

    body->agent_id = status->agent_id;
    body->resource_provider_id = status->resource_provider_id;
    body->uuid = status->uuid->value; /* the bare bytes here, an object there */
    body->operation_id = status->operation_id;
    call->acknowledge_operation_status = body;
    cycle_send(cycle, call);
}

static bool is_refusal_of_feedback(const OperationStatus *status)
{
    return status->message && (strstr(status->message, "AGENT_OPERATION_FEEDBACK") ||
                               strstr(status->message, "RESOURCE_PROVIDER capability"));
}

void operations_event(struct cycle *cycle, const OperationStatus *status)
{
    if (!status->operation_id)
        return;
    const char *id = resource_of(cycle, status->operation_id->value);
    switch (status->state) {
    case OPERATION_STATE__OPERATION_ERROR:
    case OPERATION_STATE__OPERATION_FAILED:
    case OPERATION_STATE__OPERATION_DROPPED:
        log_warn("the operation on resource '%s' was dropped: %s", id,
                 status->message ? status->message : "no reason given");
        if (cycle->dropped.used >= DROPPED_KEPT)
            strmap_free(&cycle->dropped);
        strmap_get(&cycle->dropped, id)->number = 1;
        cycle->round_wanted = true;
        break;
    default: /* FINISHED and what is on its way: launches are proven by their tasks */
        break;
    }
    if (cycle->options.settings.operation_ids && is_refusal_of_feedback(status)) {
        log_warn("some agents give no feedback about operations: nobody is asked any more");
        cycle->options.settings.operation_ids = cycle->options.settings.operation_feedback = false;
    }
    if (status->uuid && status->uuid->value.len && status->agent_id)
        acknowledge(cycle, status);
}

bool operations_dropped(const struct cycle *cycle, const char *resource_id)
{
    const struct strmap_entry *entry = strmap_find(&cycle->dropped, resource_id);

    return entry && entry->number;
}

void operations_made_again(struct cycle *cycle, const char *resource_id)
{
    struct strmap_entry *entry = strmap_find(&cycle->dropped, resource_id);

    if (entry)
        entry->number = 0;
}
