/* A reader's view of a service: its state, target configuration and plans, derived from one tree.
 * What dse-plan, dse-pod and dse-http show, with or without a running scheduler, also from a dump.
 */
#ifndef DSE_PLAN_VIEW_H
#define DSE_PLAN_VIEW_H

#include <jansson.h>

#include "plan/plan.h"

struct view {
    struct state *state;
    const struct service_spec *target; /* NULL: nothing is installed yet */
    struct plans *plans;               /* NULL without a target */
    int64_t now_ms;
    struct view_parts *parts; /* private: what the members above live in */
};

/* Takes the tree over. A target that cannot be read is an EXIT_INPUT error. */
struct view *view_new(struct tree *tree, int64_t now_ms, struct err *err);
void view_free(struct view *view); /* NULL is allowed */
void view_free_fn(struct view **view);
#define auto_view __attribute__((cleanup(view_free_fn)))
/* Names of the pod instances that the target has, then of others that have records. New. */
json_t *view_pods(const struct view *view);
/* Spec of any stored configuration, parsed once; NULL when missing or unreadable. */
const struct service_spec *view_config(const struct view *view, const char *id);

#endif
