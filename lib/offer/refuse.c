/* Telling offers apart that cannot serve, without building anything (design, section 7). Every test
 * here is a necessary condition: what passes is then fitted in full. */
#include <string.h>

#include "offer/need.h"
#include "offer/pool.h"

struct offers {
    Offer *const *items;
    size_t count;
};

static bool refuse(struct shortfall *ret, enum shortfall_kind kind, const char *what)
{
    *ret = (struct shortfall){.kind = kind, .what = what};
    return true;
}

static bool any_of_role(const struct offer_need *need, struct offers offers)
{
    for (size_t i = 0; i < offers.count; i++)
        for (size_t j = 0; j < offers.items[i]->n_resources; j++) {
            const Resource__AllocationInfo *allocation =
                offers.items[i]->resources[j]->allocation_info;
            if (!allocation || !allocation->role || strcmp(allocation->role, need->role) == 0)
                return true;
        }
    return false;
}

static bool has_executor(const char *id, struct offers offers)
{
    for (size_t i = 0; i < offers.count; i++)
        for (size_t j = 0; j < offers.items[i]->n_executor_ids; j++)
            if (strcmp(offers.items[i]->executor_ids[j]->value, id) == 0)
                return true;
    return false;
}

static bool has_id(const struct id_need *wanted, struct offers offers)
{
    for (size_t i = 0; i < offers.count; i++)
        for (size_t j = 0; j < offers.items[i]->n_resources; j++) {
            const Resource *resource = offers.items[i]->resources[j];
            if (resource->n_reservations == 0 && !resource->reservation)
                continue;
            const char *id = resource_id(resource);
            if (id && strcmp(id, wanted->id) == 0 && resource_is_volume(resource) == wanted->volume)
                return true;
        }
    return false;
}

/* Resources that new reservations of that role can be made from. */
static bool is_free_for(const Resource *resource, const char *role, const char *pre_reserved_role)
{
    if (resource->allocation_info && resource->allocation_info->role &&
        strcmp(resource->allocation_info->role, role) != 0)
        return false;
    if (!resource_is_plain(resource))
        return false;
    if (resource->n_reservations == 0 && !resource->reservation)
        return strcmp(resource_role(resource), pre_reserved_role) == 0;
    return !resource_is_dynamic(resource) &&
           strcmp(resource_role(resource), pre_reserved_role) == 0;
}

static milli free_amount(const struct offer_need *need, const struct amount_need *wanted,
                         struct offers offers)
{
    milli have = 0;
    for (size_t i = 0; i < offers.count; i++)
        for (size_t j = 0; j < offers.items[i]->n_resources; j++) {
            const Resource *resource = offers.items[i]->resources[j];
            if (resource->type == VALUE__TYPE__SCALAR && !resource->disk &&
                strcmp(resource->name, wanted->name) == 0 &&
                is_free_for(resource, need->role, wanted->role))
                have += resource_amount(resource);
        }
    return have;
}

static bool has_port(const struct offer_need *need, const struct port_need *wanted,
                     struct offers offers)
{
    for (size_t i = 0; i < offers.count; i++)
        for (size_t j = 0; j < offers.items[i]->n_resources; j++) {
            const Resource *resource = offers.items[i]->resources[j];
            if (resource->type != VALUE__TYPE__RANGES || strcmp(resource->name, "ports") != 0 ||
                !is_free_for(resource, need->role, wanted->role))
                continue;
            for (size_t k = 0; k < resource->ranges->n_range; k++)
                if (resource->ranges->range[k]->begin <= (uint64_t)wanted->port &&
                    resource->ranges->range[k]->end >= (uint64_t)wanted->port)
                    return true;
        }
    return false;
}

static size_t free_mounts(const struct offer_need *need, struct offers offers)
{
    size_t count = 0;
    for (size_t i = 0; i < offers.count; i++)
        for (size_t j = 0; j < offers.items[i]->n_resources; j++) {
            const Resource *resource = offers.items[i]->resources[j];
            const char *id = resource->disk ? resource_id(resource) : NULL;
            count += resource->disk && !(id && *id) && resource->disk->source &&
                     resource->disk->source->type == RESOURCE__DISK_INFO__SOURCE__TYPE__MOUNT &&
                     pool_accepts(resource, need->role, NULL);
        }
    return count;
}

static bool refuses_amounts(const struct offer_need *need, struct offers offers,
                            struct shortfall *ret)
{
    for (size_t i = 0; i < need->n_amounts; i++) {
        milli have = free_amount(need, &need->amounts[i], offers);
        if (have >= need->amounts[i].amount)
            continue;
        *ret = (struct shortfall){SHORT_SCALAR, need->amounts[i].name, milli_value(have),
                                  milli_value(need->amounts[i].amount)};
        return true;
    }
    return false;
}

bool need_refuses(const struct offer_need *need, Offer *const *items, size_t n_offers,
                  struct arena *arena, struct shortfall *ret)
{
    struct offers offers = {items, n_offers};
    if (need->problem)
        return refuse(ret, SHORT_SPEC, need->problem);
    if (n_offers == 0)
        return refuse(ret, SHORT_SPEC, "no offer");
    if (!any_of_role(need, offers))
        return refuse(ret, SHORT_ROLE, need->role);
    if (need->running && !has_executor(need->running->executor_id->value, offers))
        return refuse(ret, SHORT_EXECUTOR, need->running->executor_id->value);
    if (need->rule) {
        struct offer_view view = {items[0], arena, NULL};
        const char *failed = "rule";
        if (!rule_passes(need->rule, &view, NULL, &failed))
            return refuse(ret, SHORT_PLACEMENT, failed);
    }
    for (size_t i = 0; i < need->n_ids; i++)
        if (!has_id(&need->ids[i], offers))
            return refuse(ret, SHORT_RESERVED, need->ids[i].what);
    if (need->n_mounts > free_mounts(need, offers)) {
        *ret = (struct shortfall){SHORT_VOLUME, "MOUNT", (double)free_mounts(need, offers),
                                  (double)need->n_mounts};
        return true;
    }
    if (refuses_amounts(need, offers, ret))
        return true;
    for (size_t i = 0; i < need->n_ports; i++)
        if (!has_port(need, &need->ports[i], offers))
            return refuse(ret, SHORT_PORT, text_number(arena, need->ports[i].port));
    return false;
}
