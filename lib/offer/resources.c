#include "offer/resources.h"

#include <math.h>
#include <string.h>

milli milli_from(double value)
{
    const double limit = 4503599627370496.0; /* 2^52: whole numbers are exact up to here */
    double scaled = value * 1000.0;
    if (isnan(scaled))
        return 0;
    if (scaled > limit)
        return (milli)limit;
    if (scaled < -limit)
        return -(milli)limit;
    return (milli)llround(scaled);
}

double milli_value(milli amount)
{
    return (double)amount / 1000.0;
}

char *milli_text(struct arena *arena, milli amount)
{
    char *text = arena_printf(arena, "%.3f", milli_value(amount));
    size_t len = strlen(text);
    while (len > 2 && text[len - 1] == '0' && text[len - 2] != '.')
        text[--len] = '\0';
    return text;
}

/* ---- ranges ---- */

void ranges_add(struct arena *arena, struct ranges *ranges, uint64_t begin, uint64_t end)
{
    if (begin > end || end > INT64_MAX - 1)
        return;
    int64_t from = (int64_t)begin, to = (int64_t)end;
    /* Find the stretch [first, last) of present ranges that touch the new one. */
    size_t first = 0;
    while (first < ranges->count && ranges->items[first].end + 1 < from)
        first++;
    size_t last = first;
    while (last < ranges->count && ranges->items[last].begin <= to + 1) {
        if (ranges->items[last].begin < from)
            from = ranges->items[last].begin;
        if (ranges->items[last].end > to)
            to = ranges->items[last].end;
        last++;
    }
    if (last == first)
        (void)ARENA_PUSH(arena, ranges->items, ranges->count);
    size_t tail = last == first ? ranges->count - 1 - first : ranges->count - last;
    memmove(ranges->items + first + 1, ranges->items + last, tail * sizeof *ranges->items);
    if (last != first)
        ranges->count -= last - first - 1;
    ranges->items[first] = (struct port_range){from, to};
}

void ranges_add_all(struct arena *arena, struct ranges *ranges, const Value__Ranges *from)
{
    for (size_t i = 0; from && i < from->n_range; i++)
        ranges_add(arena, ranges, from->range[i]->begin, from->range[i]->end);
}

bool ranges_have(const struct ranges *ranges, int64_t number)
{
    for (size_t i = 0; i < ranges->count; i++)
        if (number >= ranges->items[i].begin && number <= ranges->items[i].end)
            return true;
    return false;
}

void ranges_take(struct arena *arena, struct ranges *ranges, int64_t number)
{
    for (size_t i = 0; i < ranges->count; i++) {
        struct port_range *range = &ranges->items[i];
        if (number < range->begin || number > range->end)
            continue;
        int64_t end = range->end;
        if (range->begin == number && end == number) {
            memmove(range, range + 1, (ranges->count - i - 1) * sizeof *range);
            ranges->count--;
        } else if (range->begin == number) {
            range->begin++;
        } else {
            range->end = number - 1;
            if (end > number)
                ranges_add(arena, ranges, (uint64_t)number + 1, (uint64_t)end);
        }
        return;
    }
}

/* ---- messages ---- */

static Resource__ReservationInfo *reservation_info(struct arena *arena,
                                                   const struct reservation *from)
{
    Resource__ReservationInfo *info =
        PB_NEW(arena, Resource__ReservationInfo, resource__reservation_info);
    info->has_type = 1;
    info->type = RESOURCE__RESERVATION_INFO__TYPE__DYNAMIC;
    info->role = (char *)from->role;
    info->principal = (char *)from->principal;
    if (from->framework_id)
        info->labels = labels_set(arena, info->labels, "framework_id", from->framework_id);
    info->labels = labels_set(arena, info->labels, "resource_id", from->resource_id);
    return info;
}

static bool is_real_role(const char *role)
{
    return role && *role && strcmp(role, "*") != 0;
}

static Resource *resource_new(struct arena *arena, const char *name, const struct reservation *from)
{
    Resource *resource = PB_NEW(arena, Resource, resource);
    resource->name = (char *)name;
    if (is_real_role(from->pre_reserved_role)) {
        Resource__ReservationInfo *below =
            PB_NEW(arena, Resource__ReservationInfo, resource__reservation_info);
        below->has_type = 1;
        below->type = RESOURCE__RESERVATION_INFO__TYPE__STATIC;
        below->role = (char *)from->pre_reserved_role;
        PB_ADD(arena, resource->n_reservations, resource->reservations, below);
    }
    PB_ADD(arena, resource->n_reservations, resource->reservations, reservation_info(arena, from));
    return resource;
}

static void set_scalar(struct arena *arena, Resource *resource, milli amount)
{
    resource->type = VALUE__TYPE__SCALAR;
    resource->scalar = PB_NEW(arena, Value__Scalar, value__scalar);
    resource->scalar->value = milli_value(amount);
}

Resource *resource_new_scalar(struct arena *arena, const char *name, milli amount,
                              const struct reservation *reservation)
{
    Resource *resource = resource_new(arena, name, reservation);
    set_scalar(arena, resource, amount);
    return resource;
}

Resource *resource_new_port(struct arena *arena, int64_t port,
                            const struct reservation *reservation)
{
    Resource *resource = resource_new(arena, "ports", reservation);
    resource->type = VALUE__TYPE__RANGES;
    resource->ranges = PB_NEW(arena, Value__Ranges, value__ranges);
    Value__Range *range = PB_NEW(arena, Value__Range, value__range);
    range->begin = range->end = (uint64_t)port;
    PB_ADD(arena, resource->ranges->n_range, resource->ranges->range, range);
    return resource;
}

Resource *resource_shallow(struct arena *arena, const Resource *resource, bool bare)
{
    Resource *copy = arena_memdup(arena, resource, sizeof *resource);
    copy->allocation_info = NULL;
    copy->base.n_unknown_fields = 0;
    copy->base.unknown_fields = NULL;
    if (bare && copy->disk) {
        const Resource__DiskInfo *from = copy->disk;
        copy->disk = NULL;
        if (from->source) {
            copy->disk = PB_NEW(arena, Resource__DiskInfo, resource__disk_info);
            copy->disk->source = from->source;
        }
    }
    return copy;
}

Resource *resource_like(struct arena *arena, const Resource *like, milli amount)
{
    Resource *resource = resource_shallow(arena, like, false);
    resource->disk = NULL;
    set_scalar(arena, resource, amount);
    return resource;
}

void resource_make_volume(struct arena *arena, Resource *resource, const char *persistence_id,
                          const char *principal, const char *container_path)
{
    Resource__DiskInfo *disk = PB_NEW(arena, Resource__DiskInfo, resource__disk_info);
    if (resource->disk)
        disk->source = resource->disk->source;
    disk->persistence =
        PB_NEW(arena, Resource__DiskInfo__Persistence, resource__disk_info__persistence);
    disk->persistence->id = (char *)persistence_id;
    disk->persistence->principal = (char *)principal;
    disk->volume = PB_NEW(arena, Volume, volume);
    disk->volume->container_path = (char *)container_path;
    disk->volume->mode = VOLUME__MODE__RW;
    resource->disk = disk;
}

const char *resource_role(const Resource *resource)
{
    const Resource__ReservationInfo *last = resource_reservation(resource);
    if (!last)
        return is_real_role(resource->role) ? resource->role : "*";
    if (resource->n_reservations == 0) /* the format before refinement keeps the role outside */
        return resource->role ? resource->role : "*";
    return last->role ? last->role : "*";
}

bool resource_is_dynamic(const Resource *resource)
{
    if (resource->n_reservations == 0)
        return resource->reservation != NULL;
    const Resource__ReservationInfo *last = resource->reservations[resource->n_reservations - 1];
    return last->type != RESOURCE__RESERVATION_INFO__TYPE__STATIC;
}

const char *resource_role_below(const Resource *resource)
{
    if (resource->n_reservations < 2)
        return "*";
    const char *role = resource->reservations[resource->n_reservations - 2]->role;
    return role ? role : "*";
}

bool resource_of_framework(const Resource *resource, const char *framework_id)
{
    const Resource__ReservationInfo *last = resource_reservation(resource);
    const char *label = last ? labels_get(last->labels, "framework_id") : NULL;
    return !label || !framework_id || strcmp(label, framework_id) == 0;
}

int64_t resource_port(const Resource *resource)
{
    if (!resource->ranges || resource->ranges->n_range != 1 ||
        resource->ranges->range[0]->begin != resource->ranges->range[0]->end ||
        resource->ranges->range[0]->begin > INT64_MAX)
        return -1;
    return (int64_t)resource->ranges->range[0]->begin;
}

milli resource_amount(const Resource *resource)
{
    return resource->scalar ? milli_from(resource->scalar->value) : 0;
}

bool resource_is_plain(const Resource *resource)
{
    if (resource->revocable || resource->shared || !resource->name)
        return false;
    if (resource->type == VALUE__TYPE__SCALAR)
        return resource->scalar != NULL;
    return resource->type == VALUE__TYPE__RANGES && resource->ranges;
}

/* ---- operations ---- */

static Offer__Operation *operation_new(struct arena *arena, Offer__Operation__Type type)
{
    Offer__Operation *operation = PB_NEW(arena, Offer__Operation, offer__operation);
    operation->has_type = 1;
    operation->type = type;
    return operation;
}

Offer__Operation *operation_reserve(struct arena *arena, Resource *resource)
{
    Offer__Operation *operation = operation_new(arena, OFFER__OPERATION__TYPE__RESERVE);
    operation->reserve = PB_NEW(arena, Offer__Operation__Reserve, offer__operation__reserve);
    PB_ADD(arena, operation->reserve->n_resources, operation->reserve->resources, resource);
    return operation;
}

Offer__Operation *operation_unreserve(struct arena *arena, Resource *resource)
{
    Offer__Operation *operation = operation_new(arena, OFFER__OPERATION__TYPE__UNRESERVE);
    operation->unreserve = PB_NEW(arena, Offer__Operation__Unreserve, offer__operation__unreserve);
    PB_ADD(arena, operation->unreserve->n_resources, operation->unreserve->resources, resource);
    return operation;
}

Offer__Operation *operation_create(struct arena *arena, Resource *volume)
{
    Offer__Operation *operation = operation_new(arena, OFFER__OPERATION__TYPE__CREATE);
    operation->create = PB_NEW(arena, Offer__Operation__Create, offer__operation__create);
    PB_ADD(arena, operation->create->n_volumes, operation->create->volumes, volume);
    return operation;
}

Offer__Operation *operation_destroy(struct arena *arena, Resource *volume)
{
    Offer__Operation *operation = operation_new(arena, OFFER__OPERATION__TYPE__DESTROY);
    operation->destroy = PB_NEW(arena, Offer__Operation__Destroy, offer__operation__destroy);
    PB_ADD(arena, operation->destroy->n_volumes, operation->destroy->volumes, volume);
    return operation;
}

Offer__Operation *operation_launch_group(struct arena *arena, ExecutorInfo *executor,
                                         TaskInfo *task)
{
    Offer__Operation *operation = operation_new(arena, OFFER__OPERATION__TYPE__LAUNCH_GROUP);
    Offer__Operation__LaunchGroup *group =
        PB_NEW(arena, Offer__Operation__LaunchGroup, offer__operation__launch_group);
    group->executor = executor;
    group->task_group = PB_NEW(arena, TaskGroupInfo, task_group_info);
    PB_ADD(arena, group->task_group->n_tasks, group->task_group->tasks, task);
    operation->launch_group = group;
    return operation;
}

char *new_uuid(struct arena *arena, struct idgen *ids)
{
    char *text = arena_alloc(arena, UUID_TEXT);
    idgen_uuid(ids, text);
    return text;
}
