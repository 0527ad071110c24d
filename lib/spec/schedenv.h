/* The variables of the scheduler's own environment: types, defaults, meaning (see service-spec 5).
 * Pure. */
#ifndef DSE_SPEC_SCHEDENV_H
#define DSE_SPEC_SCHEDENV_H

#include "base/arena.h"
#include "base/buf.h"
#include "spec/model.h"

struct sched_variable {
    const char *name;
    enum sched_type {
        SCHED_TEXT,
        SCHED_INT,
        SCHED_LONG,
        SCHED_NUMBER,
        SCHED_BOOL,
        SCHED_SWITCH, /* on when it is there, whatever its value */
    } type;
    const char *deflt; /* "" none */
    const char *meaning;
};
extern const struct sched_variable sched_variables[]; /* ends with a NULL name */

const struct sched_variable *sched_variable(const char *name); /* or NULL */

/* Why a value is none of the variable's type, or NULL; the text is in the arena. */
const char *sched_variable_problem(const struct sched_variable *variable, const char *value,
                                   struct arena *arena);

void sched_variable_explain(const struct sched_variable *variable, struct buf *out);

#endif
