/* The reservations that the records of a service's tasks name, for people. Pure. */
#ifndef DSE_OFFER_RESERVATIONS_H
#define DSE_OFFER_RESERVATIONS_H

#include <jansson.h>

#include "state/state.h"

/* One object for each resource id: {"id","agent","hostname","task","executor" (true: of the pod's
 * executor), "name","amount" (number, or "9042" for ports), "role","path" and "persistence_id" of
 * volumes}. By task, in stored order. `pod` limits it to one pod instance or task, or NULL. New;
 * NULL with err when a record cannot be read. */
json_t *reservations_list(const struct state *state, const char *pod, struct err *err);
/* One such object about a resource alone: without agent, hostname, task and executor. New. */
json_t *reservation_json(const Resource *resource, const char *id);

#endif
