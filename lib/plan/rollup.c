#include "plan/rollup.h"

const char *status_name(enum status status)
{
    static const char *const names[STATUS_COUNT] = {
        [STATUS_ERROR] = "ERROR",       [STATUS_WAITING] = "WAITING",
        [STATUS_PENDING] = "PENDING",   [STATUS_PREPARED] = "PREPARED",
        [STATUS_STARTING] = "STARTING", [STATUS_STARTED] = "STARTED",
        [STATUS_COMPLETE] = "COMPLETE", [STATUS_IN_PROGRESS] = "IN_PROGRESS",
        [STATUS_DELAYED] = "DELAYED",
    };
    return names[status];
}

bool status_is_running(enum status status)
{
    return status == STATUS_PREPARED || status == STATUS_STARTING || status == STATUS_STARTED ||
           status == STATUS_IN_PROGRESS;
}

static size_t sum(const size_t counts[STATUS_COUNT])
{
    size_t total = 0;
    for (size_t i = 0; i < STATUS_COUNT; i++)
        total += counts[i];
    return total;
}

enum status rollup_status(const struct rollup *r)
{
    const size_t *children = r->count;
    const size_t *candidates = r->candidates;

    if (r->errors || children[STATUS_ERROR] > 0)
        return STATUS_ERROR;
    if (children[STATUS_COMPLETE] == r->children)
        return STATUS_COMPLETE;
    if (r->interrupted)
        return STATUS_WAITING;
    if (candidates[STATUS_DELAYED] == sum(candidates) && children[STATUS_DELAYED] == r->children)
        return STATUS_DELAYED;
    if (children[STATUS_PREPARED] > 0)
        return STATUS_IN_PROGRESS;
    if (candidates[STATUS_WAITING] > 0)
        return STATUS_WAITING;
    if (candidates[STATUS_IN_PROGRESS] > 0)
        return STATUS_IN_PROGRESS;
    if (children[STATUS_COMPLETE] > 0 &&
        (candidates[STATUS_PENDING] > 0 || candidates[STATUS_STARTING] > 0 ||
         candidates[STATUS_STARTED] > 0))
        return STATUS_IN_PROGRESS;
    if (candidates[STATUS_PENDING] > 0)
        return STATUS_PENDING;
    if (children[STATUS_WAITING] > 0)
        return STATUS_WAITING;
    if (candidates[STATUS_STARTING] > 0)
        return STATUS_STARTING;
    if (candidates[STATUS_STARTED] > 0)
        return STATUS_STARTED;
    /* The original ends in ERROR here, without a text (plans-and-recovery 12.1). */
    if (candidates[STATUS_DELAYED] > 0)
        return STATUS_DELAYED;
    return STATUS_ERROR;
}
