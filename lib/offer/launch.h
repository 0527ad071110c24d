/* What is launched: TaskInfo, ExecutorInfo and their parts (see offer-cycle 5, state-store 4).
 * Internal. */
#ifndef DSE_OFFER_LAUNCH_H
#define DSE_OFFER_LAUNCH_H

#include "offer/fit.h"

/* ---- environment (see service-spec 4.3) ---- */

struct task_environments {
    Environment *command; /* of the task's command */
    Environment *checks;  /* of health and readiness checks */
};
struct task_environments environments_new(const struct fit *fit, const struct task_spec *task,
                                          const struct set_fit *set);
/* "a-b.c" -> "A_B_C". */
char *environment_name(struct arena *arena, const char *text);
/* Names that DC/OS would give the service; in the arena. */
char *service_host(struct arena *arena, const char *service, const struct offer_settings *settings);
char *service_vip_host(struct arena *arena, const char *service,
                       const struct offer_settings *settings);
/* Of the scheduler's API: settings->api_host or the name that DC/OS gives. */
const char *service_api_host(struct arena *arena, const char *service,
                             const struct offer_settings *settings);

/* ---- containers (see offer-cycle 5.6) ---- */

ContainerInfo *container_of_task(const struct fit *fit, const struct task_spec *task);
ContainerInfo *container_of_executor(const struct fit *fit);

/* ---- tasks and executors ---- */

/* An executor without resources. */
ExecutorInfo *executor_new(const struct fit *fit);
/* Adds to its mesos-bridge networks the dynamic ports that were chosen. */
void executor_map_ports(const struct fit *fit, ExecutorInfo *executor);
/* task_id "": recorded only. */
TaskInfo *task_new(const struct fit *fit, const struct task_spec *task, struct set_fit *set,
                   const char *task_id);

#endif
