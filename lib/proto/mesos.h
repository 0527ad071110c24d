/* Small helpers on Mesos messages that several floors need. Pure. */
#ifndef DSE_PROTO_MESOS_H
#define DSE_PROTO_MESOS_H

#include <stdbool.h>

#include "proto/pb.h"

/* Terminal as the original's state store means it: DROPPED, ERROR, FAILED, FINISHED, GONE, KILLED
 * (see state-store 5.1); not LOST, not GONE_BY_OPERATOR. */
bool task_state_is_terminal(TaskState state);
/* Needs recovery when the goal is RUNNING (see plans-and-recovery 5.1). */
bool task_state_needs_recovery(TaskState state);
/* Ends a pending kill (see plans-and-recovery 5.1, column "dead"). */
bool task_state_is_dead(TaskState state);

/* Value of a label, or NULL; the last duplicate wins. */
const char *labels_get(const Labels *labels, const char *key);
/* Sets a label, keeping keys unique and sorted; returns the message (made when NULL). */
Labels *labels_set(struct arena *arena, Labels *labels, const char *key, const char *value);

/* The last reservation of a resource in either format, or NULL (see state-store 4.4). */
const Resource__ReservationInfo *resource_reservation(const Resource *resource);
/* Label `resource_id` of that reservation, or NULL. */
const char *resource_id(const Resource *resource);
bool resources_have_id(Resource *const *resources, size_t count, const char *id);
bool resource_is_volume(const Resource *resource); /* has disk.persistence */
bool resource_is_mount(const Resource *resource);  /* disk.source.type is MOUNT */

/* Ids of ours (see state-store 4.1). service is the raw service name. NULL when the service or task
 * name contains "__", which could not be read back. */
char *make_task_id(struct arena *arena, const char *service, const char *task_name,
                   const char *uuid);
/* Task name inside a task id (both generations); NULL when malformed. In the arena. */
char *task_name_of_id(struct arena *arena, const char *task_id);
/* Service part, NULL when absent. In the arena. */
char *service_of_id(struct arena *arena, const char *task_id);

#endif
