/* Pods and endpoints as clients see them: the JSON of api-and-cli 1.4 and 1.5, from the stored
 * tasks, and the trees of 2.2. Shared by dse-pod and dse-http. All results are new. */
#ifndef DSE_PLAN_PODS_H
#define DSE_PLAN_PODS_H

#include <jansson.h>

#include "base/buf.h"
#include "base/err.h"
#include "state/state.h"

/* Names of the pod instances, sorted as text; then UNKNOWN_POD_<task name> for tasks without
 * readable labels. */
json_t *pods_list(const struct state *state);
/* {"service","pods":[{"instances":[{"name","tasks":[{"name","id","status"}]}],"name"}]} */
json_t *pods_status(const struct state *state);
/* One {"name","tasks"} object; NULL when there is no such pod. */
json_t *pod_status(const struct state *state, const char *pod);
/* Array of {"info": TaskInfo, "status": TaskStatus or null} in the original's rendering of
 * protobuf, values of secrets redacted; NULL when there is no such pod, or with err filled when a
 * record is broken. */
json_t *pod_info(const struct state *state, const char *pod, struct err *err);
/* "RUNNING", "PAUSING" …; NULL when the task has no status (api-and-cli 1.4). */
const char *task_display_status(const struct task *task);

/* "dse-0" -> "dse", 0. false: not of that form, or no task of it is stored. type is malloc'ed. */
bool pod_find(const struct state *state, const char *pod, char **ret_type, int *ret_index);

struct endpoint_names {
    const char *service_tld; /* SERVICE_TLD, default autoip.dcos.thisdcos.directory */
    const char *vip_tld;     /* VIP_TLD, default l4lb.thisdcos.directory */
};
void endpoint_names_from_env(struct endpoint_names *ret, const char *(*env)(const char *name));
/* Sorted names of the ports that are visible from outside. */
json_t *endpoints_list(const struct state *state);
/* {"address","dns","vip"}; NULL when there is no such endpoint. */
json_t *endpoint_show(const struct state *state, const struct endpoint_names *names,
                      const char *name);

/* Trees from the JSON of pods_status() and pod_status(). */
void pods_tree_print(const json_t *json, bool utf8, struct buf *out);
void pod_tree_print(const json_t *json, bool utf8, struct buf *out);

#endif
