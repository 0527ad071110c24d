/* Placement rules against offers (see service-spec 7.4, 7.5). A rule is prepared once for a pod
 * instance (its counters are looked up, the instance's own tasks left out), then asked for many
 * offers at a cost that does not depend on the number of tasks. */
#ifndef DSE_OFFER_PLACEMENT_H
#define DSE_OFFER_PLACEMENT_H

#include "offer/outcome.h"

struct rule; /* a prepared rule, in the arena */

struct rule *rule_prepare(struct placement *placement, const struct placement_rule *spec,
                          const struct state *state, const char *pod_type, int pod_index,
                          const DomainInfo *master_domain, struct arena *arena);

/* What rules look at in an offer; attribute texts are made when one asks. */
struct offer_view {
    const Offer *offer;
    struct arena *arena;
    const char **attributes; /* NULL until made */
};
/* Whether the offer passes. ret_outcome (or NULL) gets the tree; ret_failed (or NULL) the name of
 * the rule that failed, as "hostname rule". */
bool rule_passes(const struct rule *rule, struct offer_view *view, struct outcome **ret_outcome,
                 const char **ret_failed);

/* "rack:r1", "cores:16.000", "ports:[1-2,4-5]", "set:{a,b}" (see service-spec 7.4). */
char *attribute_text(const Attribute *attribute, struct arena *arena);
/* All of them joined by ";", for the label offer_attributes; "" when there are none. */
char *attributes_label(const Offer *offer, struct arena *arena);
/* Names from the fault domain; NULL when there is none. */
const char *offer_region(const Offer *offer);
const char *offer_zone(const Offer *offer);
/* Whether the rule refers to regions (including the local one) or to zones; rule may be NULL. */
bool rule_refers_to_region(const struct placement_rule *rule);
bool rule_refers_to_zone(const struct placement_rule *rule);

#endif
