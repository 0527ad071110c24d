/* What one set of offers (of one agent and role) still holds while a pod is fitted into it
 * (see offer-cycle 2.3). Three kinds of content:
 *   merged    unreserved and statically reserved amounts, summed by role and name
 *   reserved  resources that carry a resource id, one by one
 *   disks     whole MOUNT disks without a resource id, in the order of the offers
 * PATH, BLOCK and RAW disks, revocable and shared resources are left out: nothing of ours can be
 * put there. Pure; the offers are not changed. */
#ifndef DSE_OFFER_POOL_H
#define DSE_OFFER_POOL_H

#include "offer/resources.h"

struct pool_merged {
    const char *role, *name;
    milli amount;
    struct ranges ranges;
};
struct pool_reserved {
    const char *id;
    const Resource *resource; /* as offered */
    milli amount;             /* still there */
    bool taken;
};
struct pool_disk {
    const Resource *resource;
    const char *role;
    bool taken;
};
struct pool {
    struct arena *arena;
    struct pool_merged *merged;
    size_t n_merged;
    struct pool_reserved *reserved;
    size_t n_reserved;
    struct pool_disk *disks;
    size_t n_disks;
    bool any_of_role; /* some resource is allocated to the role */
};

/* Whether the offered resource may be used for pods of that role: allocated to it (or to nobody by
 * name), of a plain kind, and not somebody else's dynamic reservation. */
bool pool_accepts(const Resource *resource, const char *role, const char *framework_id);

void pool_init(struct pool *pool, Offer *const *offers, size_t n_offers, const char *role,
               const char *framework_id, struct arena *arena);

/* Amount of a merged scalar, 0 when there is none. role NULL means "*". */
milli pool_amount(const struct pool *pool, const char *role, const char *name);
/* Takes from the merged content; false (and nothing taken) when there is less. */
bool pool_take(struct pool *pool, const char *role, const char *name, milli amount);
/* Port ranges of the role, NULL when there are none. */
const struct ranges *pool_ports(const struct pool *pool, const char *role);
bool pool_take_port(struct pool *pool, const char *role, int64_t port);

/* The reserved resource with that id, as yet untaken; a volume or something else as asked. NULL
 * when there is none. */
struct pool_reserved *pool_find(struct pool *pool, const char *resource_id, bool volume);
/* Marks it taken; its resource becomes a copy, which outlives the offer. */
void pool_claim(struct pool *pool, struct pool_reserved *found);
/* Gives an unreserved resource back to the merged content, for the stages that follow. */
void pool_free(struct pool *pool, const Resource *resource, milli amount);

struct disk_search {
    size_t candidates, too_small, wrong_profile, wrong_role; /* what the search saw */
};
/* A MOUNT disk for a new volume: the first that fits, or with best_fit the smallest; NULL when none
 * does. Marked taken. */
struct pool_disk *pool_take_disk(struct pool *pool, const struct volume_spec *volume, bool best_fit,
                                 struct disk_search *ret_search);

#endif
