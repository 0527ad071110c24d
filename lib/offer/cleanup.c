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

static bool is_unexpected(const struct state *state, const struct reservation_owner *owner,
                          bool everything, const Resource *resource)
{
    return offer_holds_ours(resource, owner) &&
           (everything || !state_expects_resource(state, resource_id(resource)));
}

static bool any_unexpected(const struct state *state, const struct reservation_owner *owner,
                           bool everything, Offer *const *offers, size_t n_offers)
{
    for (size_t i = 0; i < n_offers; i++)
        for (size_t j = 0; j < offers[i]->n_resources; j++)
            if (is_unexpected(state, owner, everything, offers[i]->resources[j]))
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
                   struct cleanup *ret)
{
    *ret = (struct cleanup){0};
    if (!any_unexpected(state, owner, everything, offers, n_offers))
        return;
    for (int pass = 0; pass < 2; pass++) /* every DESTROY comes before the first UNRESERVE */
        for (size_t i = 0; i < n_offers; i++)
            for (size_t j = 0; j < offers[i]->n_resources; j++) {
                Resource *resource = offers[i]->resources[j];
                if (!is_unexpected(state, owner, everything, resource))
                    continue;
                if (pass == 0 && resource_is_volume(resource))
                    *ARENA_PUSH(arena, ret->operations, ret->n_operations) =
                        operation_destroy(arena, pb_copy(resource, arena));
                if (pass == 1) {
                    *ARENA_PUSH(arena, ret->operations, ret->n_operations) =
                        operation_unreserve(arena, without_volume(arena, resource));
                    *ARENA_PUSH(arena, ret->resource_ids.items, ret->resource_ids.count) =
                        arena_strdup(arena, resource_id(resource));
                }
            }
}
