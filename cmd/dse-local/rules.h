/* What the master refuses, with its words (see offer-cycle 10.10). Pure but for looking at the
 * model. All return 0, or -1 with the reason in `why`, which may be long: it quotes whole offers.
 */
#ifndef DSE_LOCAL_RULES_H
#define DSE_LOCAL_RULES_H

#include "local.h"

/* Sets the reason; returns -1. */
int refuse(struct buf *why, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Puts text before the reason; returns -1. */
int refuse_prefix(struct buf *why, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- resource_rules.c ---- */

/* What makes a resource one at all. The master asks for it before it carries out any operation of
 * a call; check_resources() does, and for what else holds of resources in every place. */
int check_form(size_t count, Resource *const *resources, struct buf *why);
int check_resources(size_t count, Resource *const *resources, struct buf *why);
int check_single_role(size_t count, Resource *const *resources, struct buf *why);
int check_role_name(const char *role, struct buf *why);
int check_id(const char *id, struct buf *why);
int check_unique_volumes(const struct res_list *list, struct buf *why);

int check_reserve(const struct framework *f, const Offer__Operation__Reserve *reserve,
                  struct buf *why);
int check_unreserve(const Offer__Operation__Unreserve *unreserve, struct buf *why);
int check_create(const struct framework *f, const struct agent *agent,
                 const Offer__Operation__Create *create, struct buf *why);
int check_destroy(const struct agent *agent, const Offer__Operation__Destroy *destroy,
                  struct buf *why);

/* ---- task_rules.c ---- */

int check_launch_group(const struct framework *f, const struct agent *agent, const char *role,
                       const Offer__Operation__LaunchGroup *launch, const struct res_list *pool,
                       struct buf *why);

/* ---- framework_rules.c ---- */

int check_call(const Call *call, struct buf *why);
int check_framework(const FrameworkInfo *info, struct buf *why);
int check_suppressed(const FrameworkInfo *info, size_t n_suppressed, const char *const *suppressed,
                     struct buf *why);
int check_constraints(const FrameworkInfo *info, const OfferConstraints *constraints,
                      struct buf *why);
/* NULL without an id, or with an empty one, which is the same to a master. */
const char *framework_id_of(const FrameworkInfo *info);
/* The roles of a FrameworkInfo, as it was sent. */
size_t framework_roles(const FrameworkInfo *info, const char *const **ret);
bool framework_can(const FrameworkInfo *info, FrameworkInfo__Capability__Type capability);

#endif
