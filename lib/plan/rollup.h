/* Status of a plan or phase from those of its children (see plans-and-recovery 1.5). Pure: the
 * element keeps the counts up to date, so that a change costs the same for any number of children.
 */
#ifndef DSE_PLAN_ROLLUP_H
#define DSE_PLAN_ROLLUP_H

#include <stdbool.h>
#include <stddef.h>

#include "plan/plan.h"

enum { STATUS_COUNT = STATUS_DELAYED + 1 };

struct rollup {
    bool errors;      /* the element has error strings of its own */
    bool interrupted; /* the element's flag */
    size_t children;
    size_t count[STATUS_COUNT];      /* all children by status */
    size_t candidates[STATUS_COUNT]; /* those the strategy would select now */
};

enum status rollup_status(const struct rollup *rollup);

/* PREPARED, STARTING, STARTED, IN_PROGRESS. */
bool status_is_running(enum status status);

#endif
