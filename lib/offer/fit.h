/* One evaluation under way: a need fitted into the pool of one set of offers, stage after stage.
 * A stage takes from the pool, adds operations and resources, and tells its outcome; it returns
 * false when it failed. When nobody wants the explanation the first failure ends it. Internal. */
#ifndef DSE_OFFER_FIT_H
#define DSE_OFFER_FIT_H

#include "offer/need.h"
#include "offer/pool.h"

struct port_choice {
    const struct resource_spec *spec;
    int64_t number;
    bool labelled; /* its VIP labels have been given to a task */
};
struct set_fit {
    Resource **resources; /* of every task of the set */
    size_t n_resources;
    struct port_choice *ports;
    size_t n_ports;
};
struct fit {
    struct offer_need *need;
    struct arena *arena;
    struct arena *explain; /* the arena when outcomes are wanted, else NULL */
    Offer *const *offers;
    size_t n_offers;
    /* Of the offers' agent, copied: what is built must outlive the offers. */
    char *agent_id, *hostname, *region, *zone; /* the last two may be NULL */
    struct pool pool;
    struct set_fit *sets; /* as need->sets */
    ExecutorInfo *executor;
    struct evaluation *ret;
};

/* Reports one stage; the formats are those of offer-cycle 2.10. stage_fail() returns false. */
bool stage_pass(struct fit *fit, const char *source, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
bool stage_fail(struct fit *fit, struct shortfall shortfall, const char *source, const char *format,
                ...) __attribute__((format(printf, 4, 5)));
void stage_add(struct fit *fit, struct outcome *outcome, struct shortfall shortfall);
void fit_operation(struct fit *fit, Offer__Operation *operation);

/* A list of resources that grows: of the executor or of a set. */
struct resource_list {
    Resource ***items;
    size_t *count;
};

/* ---- stages; each adds what it got to the list ---- */

bool stage_new_scalar(struct fit *fit, const struct resource_spec *spec, struct resource_list into);
bool stage_old_scalar(struct fit *fit, const struct match *match, struct resource_list into);
bool stage_new_port(struct fit *fit, const struct set_need *set, struct set_fit *set_fit,
                    const struct resource_spec *spec);
bool stage_old_port(struct fit *fit, struct set_fit *set_fit, const struct match *match);
bool stage_new_volume(struct fit *fit, const struct volume_spec *volume, struct resource_list into);
bool stage_old_volume(struct fit *fit, const struct match *match, struct resource_list into);
/* An orphan of a task's set: given up. */
bool stage_unreserve(struct fit *fit, const struct match *match);

/* The reservation for something new. */
struct reservation fit_reservation(struct fit *fit, const char *role, const char *pre_reserved_role,
                                   const char *principal);

#endif
