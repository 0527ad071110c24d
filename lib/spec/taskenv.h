/* Routing of the scheduler's TASKCFG_* variables to the pods' tasks (see service-spec 4.2). */
#ifndef DSE_SPEC_TASKENV_H
#define DSE_SPEC_TASKENV_H

#include "spec/model.h"

/* The value of a variable, or NULL. */
const char *env_get(const struct pairs *env, const char *name);
/* Parses a boolean variable as the original does: blank = false, then by the first letter (service-
 * spec 5). 1 and 0, -1 when it is neither. */
int env_bool(const char *text);

/* The environment that tasks of that pod type get: `own` (of the YAML) overlaid by the routed
 * variables of the scheduler's environment `env`. Sorted by name, each name once. */
void task_env_route(const struct pairs *env, const char *pod_type, const struct pairs *own,
                    struct arena *arena, struct pairs *ret);

/* Upper case, and `_` for all but letters, digits and `_`. New string in the arena. */
char *env_form(const char *text, struct arena *arena);

#endif
