#include <string.h>

#include "offer/offer.h"
#include "offer/resources.h"

static bool is_ours(const struct strings *roles, const char *role)
{
    for (size_t i = 0; role && i < roles->count; i++)
        if (strcmp(roles->items[i], role) == 0)
            return true;
    return false;
}

/* Every dynamic reservation in the stack is for a role of ours (see offer-cycle 1.1). */
static bool roles_are_ours(const struct strings *roles, const Resource *resource)
{
    for (size_t i = 0; i < resource->n_reservations; i++)
        if (resource->reservations[i]->type != RESOURCE__RESERVATION_INFO__TYPE__STATIC &&
            !is_ours(roles, resource->reservations[i]->role))
            return false;
    bool has_role = resource->role && *resource->role && strcmp(resource->role, "*") != 0;
    return !has_role || is_ours(roles, resource->role);
}

/* Services of one group may share a role, and those of older schedulers do not label what they
 * reserve with their framework: then the principal tells whose it is. */
static bool principal_is_ours(const char *principal, const Resource *resource)
{
    const Resource__ReservationInfo *last = resource_reservation(resource);

    return !principal || !last->principal || strcmp(last->principal, principal) == 0;
}

bool offer_holds_ours(const Resource *resource, const struct reservation_owner *owner)
{
    const char *id = resource_id(resource);

    return id && *id && resource_is_dynamic(resource) && roles_are_ours(owner->roles, resource) &&
           resource_of_framework(resource, owner->framework_id) &&
           principal_is_ours(owner->principal, resource);
}

/* What was given back and is offered all the same: the UNRESERVE was dropped. With the rest, whose
 * task died, it would be more. */
static bool is_surplus(const struct cleanup *cleanup, const Resource *resource)
{
    for (size_t i = 0; i < cleanup->n_surplus; i++)
        if (resource->scalar && strcmp(resource_id(resource), cleanup->surplus[i].id) == 0)
            return milli_from(resource->scalar->value) == cleanup->surplus[i].amount;
    return false;
}

enum fate { STAYS, PART_GOES, GOES };

static enum fate fate_of(const struct state *state, const struct reservation_owner *owner,
                         bool everything, const struct cleanup *cleanup, const Resource *resource)
{
    if (!offer_holds_ours(resource, owner))
        return STAYS;
    if (everything || !state_expects_resource(state, resource_id(resource)))
        return GOES;
    return is_surplus(cleanup, resource) ? PART_GOES : STAYS;
}

static bool any_goes(const struct state *state, const struct reservation_owner *owner,
                     bool everything, const struct cleanup *cleanup, Offer *const *offers,
                     size_t n_offers)
{
    for (size_t i = 0; i < n_offers; i++)
        for (size_t j = 0; j < offers[i]->n_resources; j++)
            if (fate_of(state, owner, everything, cleanup, offers[i]->resources[j]) != STAYS)
                return true;
    return false;
}

/* What UNRESERVE names: as offered, without the volume that DESTROY takes away before. */
static Resource *without_volume(struct arena *arena, const Resource *resource)
{
    Resource *copy = pb_copy(resource, arena);
    Resource *bare = resource_shallow(arena, copy, true);
    bare->allocation_info = copy->allocation_info;
    return bare;
}

void offer_cleanup(const struct state *state, const struct reservation_owner *owner,
                   bool everything, Offer *const *offers, size_t n_offers, struct arena *arena,
                   struct cleanup *cleanup)
{
    if (!any_goes(state, owner, everything, cleanup, offers, n_offers))
        return;
    for (int pass = 0; pass < 2; pass++) /* every DESTROY comes before the first UNRESERVE */
        for (size_t i = 0; i < n_offers; i++)
            for (size_t j = 0; j < offers[i]->n_resources; j++) {
                Resource *resource = offers[i]->resources[j];
                const enum fate fate = fate_of(state, owner, everything, cleanup, resource);
                if (fate == STAYS)
                    continue;
                if (pass == 0 && resource_is_volume(resource))
                    *ARENA_PUSH(arena, cleanup->operations, cleanup->n_operations) =
                        operation_destroy(arena, pb_copy(resource, arena));
                if (pass == 1)
                    *ARENA_PUSH(arena, cleanup->operations, cleanup->n_operations) =
                        operation_unreserve(arena, without_volume(arena, resource));
                if (pass == 1 && fate == GOES)
                    *ARENA_PUSH(arena, cleanup->resource_ids.items, cleanup->resource_ids.count) =
                        arena_strdup(arena, resource_id(resource));
            }
}
