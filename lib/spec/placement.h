/* The `placement` of a pod: Marathon constraints, in JSON or in the short form, to rules (see
 * service-spec 7.1 to 7.3); and the region rule that the scheduler adds (7.6). */
#ifndef DSE_SPEC_PLACEMENT_H
#define DSE_SPEC_PLACEMENT_H

#include "base/err.h"
#include "spec/model.h"

/* *ret: the rule, NULL for none. What the original keeps for validation to report (unknown
 * operator, wrong number of fields …) becomes a RULE_INVALID, and *ret_problem (may be NULL) says
 * why; what ends the original's process (bad regex, MAX_PER below 1, IS_NOT) is an error, without a
 * place. */
int placement_parse(const char *text, const char *pod_type, struct arena *arena,
                    struct placement_rule **ret, const char **ret_problem, struct err *err);

/* Whether any part of the rule refers to a region, a zone. NULL rule: no. */
bool placement_refers_to_region(const struct placement_rule *rule);
bool placement_refers_to_zone(const struct placement_rule *rule);

/* For every pod whose rule refers to no region: adds "in this region" (region not NULL, and aware
 * of regions), or "in the master's region", before its own rule. The service's region is set
 * whether aware or not. */
void placement_add_region(struct service_spec *spec, const char *region, bool aware);

#endif
