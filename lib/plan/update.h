/* Reconfiguration: comparison, target switch, relabelling, pruning (see service-spec 8
 * and 9, plans-and-recovery 3.8). Pure over state. */
#ifndef DSE_PLAN_UPDATE_H
#define DSE_PLAN_UPDATE_H

#include "base/clock.h"
#include "plan/plan.h"
#include "spec/validate.h"

/* Whether two specs count as the same target (service-spec 9.1, everything compared). */
bool update_same_spec(const struct service_spec *a, const struct service_spec *b);
/* Whether a task of that pod type must be relaunched between them (service-spec 9.2). */
bool update_pod_changed(const struct service_spec *a, const struct service_spec *b,
                        const char *pod_type);

/* Whether a configuration with its plans fits into one transaction of ZooKeeper, with room for what
 * goes with it. EXIT_INPUT names the largest template: that is what grows (see state-store 12.15).
 */
enum { UPDATE_BYTES = 480 * 1024 };
int update_check_size(const struct service_spec *spec, const struct plans_spec *plans,
                      struct err *err);

/* Stores the candidate as the new target when it is valid and differs, with its plans
 * (Toolkit/plans/<id>), relabels tasks that need no relaunch and prunes unused configurations.
 * ret_id gets the id of the target now in force. Returns 1 changed, 0 same, -1 refused (errors in
 * `ret`, or err when there is no old target to go on with). */
int update_apply(struct state *state, struct txn *txn, const struct service_spec *candidate,
                 const struct plans_spec *plans, const struct cluster_caps *caps, struct idgen *ids,
                 struct validation *ret, char ret_id[UUID_TEXT], struct err *err);

#endif
