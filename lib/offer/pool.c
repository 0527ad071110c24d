#include "offer/pool.h"

#include <string.h>

bool pool_accepts(const Resource *resource, const char *role, const char *framework_id)
{
    const Resource__AllocationInfo *allocation = resource->allocation_info;
    if (allocation && allocation->role && strcmp(allocation->role, role) != 0)
        return false;
    if (!resource_is_plain(resource))
        return false;
    if (resource->n_reservations == 0 && !resource->reservation)
        return true;
    if (!resource_is_dynamic(resource))
        return true;
    const char *id = resource_id(resource);
    return id && *id && resource_of_framework(resource, framework_id);
}

static struct pool_merged *merged_find(const struct pool *pool, const char *role, const char *name)
{
    if (!role || !*role)
        role = "*";
    for (size_t i = 0; i < pool->n_merged; i++)
        if (strcmp(pool->merged[i].name, name) == 0 && strcmp(pool->merged[i].role, role) == 0)
            return &pool->merged[i];
    return NULL;
}

static struct pool_merged *merged_get(struct pool *pool, const char *role, const char *name)
{
    struct pool_merged *entry = merged_find(pool, role, name);
    if (!entry) {
        entry = ARENA_PUSH(pool->arena, pool->merged, pool->n_merged);
        *entry = (struct pool_merged){.role = role, .name = name};
    }
    return entry;
}

static void merged_add(struct pool *pool, const char *role, const Resource *resource, milli amount)
{
    struct pool_merged *entry = merged_get(pool, role, resource->name);
    if (resource->type == VALUE__TYPE__SCALAR)
        entry->amount += amount;
    else
        ranges_add_all(pool->arena, &entry->ranges, resource->ranges);
}

/* Mesos merges scalars of one reservation within an offer; across split offers we do. */
static bool merge_reserved(struct pool *pool, const char *id, const Resource *resource)
{
    if (resource->disk || resource->type != VALUE__TYPE__SCALAR)
        return false;
    for (size_t i = 0; i < pool->n_reserved; i++) {
        struct pool_reserved *entry = &pool->reserved[i];
        if (strcmp(entry->id, id) == 0 && !entry->resource->disk &&
            strcmp(entry->resource->name, resource->name) == 0) {
            entry->amount += resource_amount(resource);
            return true;
        }
    }
    return false;
}

static void pool_add(struct pool *pool, const Resource *resource)
{
    const char *id = resource_id(resource);
    if (id && *id) {
        if (merge_reserved(pool, id, resource))
            return;
        struct pool_reserved *entry = ARENA_PUSH(pool->arena, pool->reserved, pool->n_reserved);
        *entry = (struct pool_reserved){id, resource, resource_amount(resource), false};
        return;
    }
    const Resource__DiskInfo__Source *source = resource->disk ? resource->disk->source : NULL;
    if (source && source->type == RESOURCE__DISK_INFO__SOURCE__TYPE__MOUNT) {
        struct pool_disk *disk = ARENA_PUSH(pool->arena, pool->disks, pool->n_disks);
        *disk = (struct pool_disk){resource, resource_role(resource), false};
    } else if (!resource->disk) {
        merged_add(pool, resource_role(resource), resource, resource_amount(resource));
    }
}

void pool_init(struct pool *pool, Offer *const *offers, size_t n_offers, const char *role,
               const char *framework_id, struct arena *arena)
{
    *pool = (struct pool){.arena = arena};
    for (size_t i = 0; i < n_offers; i++)
        for (size_t j = 0; j < offers[i]->n_resources; j++)
            if (pool_accepts(offers[i]->resources[j], role, framework_id)) {
                pool->any_of_role = true;
                pool_add(pool, offers[i]->resources[j]);
            }
}

milli pool_amount(const struct pool *pool, const char *role, const char *name)
{
    const struct pool_merged *entry = merged_find(pool, role, name);
    return entry ? entry->amount : 0;
}

bool pool_take(struct pool *pool, const char *role, const char *name, milli amount)
{
    struct pool_merged *entry = merged_find(pool, role, name);
    if (!entry || entry->amount < amount)
        return false;
    entry->amount -= amount;
    return true;
}

const struct ranges *pool_ports(const struct pool *pool, const char *role)
{
    const struct pool_merged *entry = merged_find(pool, role, "ports");
    return entry ? &entry->ranges : NULL;
}

bool pool_take_port(struct pool *pool, const char *role, int64_t port)
{
    struct pool_merged *entry = merged_find(pool, role, "ports");
    if (!entry || !ranges_have(&entry->ranges, port))
        return false;
    ranges_take(pool->arena, &entry->ranges, port);
    return true;
}

struct pool_reserved *pool_find(struct pool *pool, const char *resource_id, bool volume)
{
    for (size_t i = 0; i < pool->n_reserved; i++) {
        struct pool_reserved *entry = &pool->reserved[i];
        if (!entry->taken && strcmp(entry->id, resource_id) == 0 &&
            resource_is_volume(entry->resource) == volume)
            return entry;
    }
    return NULL;
}

void pool_claim(struct pool *pool, struct pool_reserved *found)
{
    found->taken = true;
    found->resource = pb_copy(found->resource, pool->arena);
}

void pool_free(struct pool *pool, const Resource *resource, milli amount)
{
    const char *role = resource_role_below(resource);
    if (!resource->disk || !resource->disk->source)
        merged_add(pool, role, resource, amount);
}

static bool profile_fits(const struct volume_spec *volume, const char *profile)
{
    if (volume->profiles.count == 0)
        return !profile;
    for (size_t i = 0; profile && i < volume->profiles.count; i++)
        if (strcmp(volume->profiles.items[i], profile) == 0)
            return true;
    return false;
}

static bool same_role(const char *a, const char *b)
{
    return strcmp(a && *a ? a : "*", b && *b ? b : "*") == 0;
}

struct pool_disk *pool_take_disk(struct pool *pool, const struct volume_spec *volume, bool best_fit,
                                 struct disk_search *ret_search)
{
    milli wanted = milli_from(volume->size_mb);
    struct pool_disk *best = NULL;
    *ret_search = (struct disk_search){0};
    for (size_t i = 0; i < pool->n_disks; i++) {
        struct pool_disk *disk = &pool->disks[i];
        if (disk->taken)
            continue;
        ret_search->candidates++;
        if (!same_role(disk->role, volume->pre_reserved_role)) {
            ret_search->wrong_role++;
        } else if (!profile_fits(volume, disk->resource->disk->source->profile)) {
            ret_search->wrong_profile++;
        } else if (resource_amount(disk->resource) < wanted) {
            ret_search->too_small++;
        } else if (!best || resource_amount(disk->resource) < resource_amount(best->resource)) {
            best = disk;
            if (!best_fit)
                break;
        }
    }
    if (best)
        best->taken = true;
    return best;
}
