/* Stored configurations, parsed once each, and the plans that belong to one. */
#ifndef DSE_PLAN_CONFIGS_H
#define DSE_PLAN_CONFIGS_H

#include "spec/model.h"
#include "state/state.h"

struct configs;

struct configs *configs_new(const struct state *state);
void configs_free(struct configs *configs); /* NULL is allowed */
/* The Service Spec of a configuration, owned by the cache; NULL when it is missing or cannot be
 * read. Matches plans_options.config. */
const struct service_spec *configs_get(void *configs, const char *id);
/* Why the last configs_get() gave NULL; "" when the configuration is missing. */
const char *configs_problem(const struct configs *configs);

/* Plans stored for a configuration (Toolkit/plans/<id>), else a copy of `fallback`, else none and
 * marked as unknown. New; NULL with err when what is stored cannot be read. */
struct plans_spec *configs_plans(const struct state *state, const char *id,
                                 const struct plans_spec *fallback, struct err *err);

#endif
