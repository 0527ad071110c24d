/* Service Spec and plans <-> JSON. The spec's form is the original's, member for member in its
 * writing order (see service-spec 6); shapes of older SDKs are read (6.4, 6.7). */
#ifndef DSE_SPEC_SPECJSON_H
#define DSE_SPEC_SPECJSON_H

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "spec/model.h"

/* Unknown members are ignored, unknown @type or enum words refused; errors name the path
 * ("pod-specs[0].task-specs[1].goal"). The member `plans`, if any, is not looked at. */
struct service_spec *spec_from_json(const json_t *json, struct err *err);
json_t *spec_to_json(const struct service_spec *spec); /* new */
/* The stored text, JSON_LAYOUT_SPEC. */
void spec_write(const struct service_spec *spec, struct buf *out);
/* The same with one last member `plans`. */
void spec_write_with_plans(const struct service_spec *spec, const struct plans_spec *plans,
                           struct buf *out);

/* {"deploy":{"strategy":"serial","phases":{"dse-phase":{"pod":"dse","strategy":"serial",
 *  "steps":[{"default":[["node","agent"]]}]}}}}: as in the YAML, order kept. NULL json = none. */
struct plans_spec *plans_spec_from_json(const json_t *json, struct err *err);
json_t *plans_spec_to_json(const struct plans_spec *plans); /* new */

json_t *placement_to_json(const struct placement_rule *rule);

#endif
