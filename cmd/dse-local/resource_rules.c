#include "rules.h"

#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "base/alloc.h"

int refuse(struct buf *why, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    buf_clear(why);
    buf_vaddf(why, format, args);
    va_end(args);
    return -1;
}

int refuse_prefix(struct buf *why, const char *format, ...)
{
    auto_buf struct buf text = BUF_INIT;
    va_list args;
    va_start(args, format);
    buf_vaddf(&text, format, args);
    va_end(args);
    buf_adds(&text, buf_str(why));
    buf_clear(why);
    buf_add(why, text.data, text.len);
    return -1;
}

/* ---- names ---- */

int check_id(const char *id, struct buf *why)
{
    if (!*id)
        return refuse(why, "ID must not be empty");
    if (strlen(id) > 255)
        return refuse(why, "ID must not be greater than 255 characters");
    if (strcmp(id, ".") == 0 || strcmp(id, "..") == 0)
        return refuse(why, "'%s' is disallowed", id);
    for (const char *p = id; *p; p++)
        if (iscntrl((unsigned char)*p) || *p == '/' || *p == '\\')
            return refuse(why, "'%s' contains invalid characters", id);
    return 0;
}

static int check_role_component(const char *role, const char *part, size_t len, struct buf *why)
{
    if (len == 0)
        return refuse(why, "Role '%s' cannot contain two adjacent slashes", role);
    if (len == 1 && part[0] == '.')
        return refuse(why, "Role '%s' cannot include '.' as a component", role);
    if (len == 2 && strncmp(part, "..", 2) == 0)
        return refuse(why, "Role '%s' cannot include '..' as a component", role);
    if (len == 1 && part[0] == '*')
        return refuse(why, "Role '%s' cannot include '*' as a component", role);
    if (part[0] == '-')
        return refuse(why, "Role component '%.*s' is invalid because it begins with a dash",
                      (int)len, part);
    for (size_t i = 0; i < len; i++)
        if (strchr("\t\n\v\f\r \b", part[i]))
            return refuse(why,
                          "Role component '%.*s' is invalid because it contains backspace or "
                          "whitespace",
                          (int)len, part);
    return 0;
}

int check_role_name(const char *role, struct buf *why)
{
    if (strcmp(role, "*") == 0)
        return 0;
    if (!*role)
        return refuse(why, "Empty role name is invalid");
    if (role[0] == '/')
        return refuse(why, "Role '%s' cannot start with a slash", role);
    if (role[strlen(role) - 1] == '/')
        return refuse(why, "Role '%s' cannot end with a slash", role);
    for (const char *part = role;;) {
        const size_t len = strcspn(part, "/");
        if (check_role_component(role, part, len, why))
            return -1;
        if (!part[len])
            return 0;
        part += len + 1;
    }
}

/* ---- one resource ---- */

static int check_value(const Resource *r, struct buf *why)
{
    switch (r->type) {
    case VALUE__TYPE__SCALAR:
        if (!r->scalar || r->ranges || r->set)
            return refuse(why, "Invalid scalar resource");
        if (!isfinite(r->scalar->value) || fabs(r->scalar->value) > 1e12)
            return refuse(why, "Invalid scalar resource: value is not a usable number");
        if (r->scalar->value != 0 && res_milli(r->scalar->value) <= 0)
            return refuse(why, "Invalid scalar resource: value <= 0");
        return 0;
    case VALUE__TYPE__RANGES:
        if (r->scalar || !r->ranges || r->set)
            return refuse(why, "Invalid ranges resource");
        for (size_t i = 0; i < r->ranges->n_range; i++) {
            const Value__Range *a = r->ranges->range[i];
            if (a->begin > a->end)
                return refuse(why, "Invalid ranges resource: begin > end");
            for (size_t j = i + 1; j < r->ranges->n_range; j++) {
                const Value__Range *b = r->ranges->range[j];
                if (a->begin <= b->begin && b->begin <= a->end) /* the master asks no more */
                    return refuse(why, "Invalid ranges resource: overlapping ranges");
            }
        }
        return 0;
    case VALUE__TYPE__SET:
        if (r->scalar || r->ranges || !r->set)
            return refuse(why, "Invalid set resource");
        for (size_t i = 0; i < r->set->n_item; i++)
            for (size_t j = i + 1; j < r->set->n_item; j++)
                if (strcmp(r->set->item[i], r->set->item[j]) == 0)
                    return refuse(why, "Invalid set resource: duplicated elements");
        return 0;
    default:
        return refuse(why, "Unsupported resource type");
    }
}

/* A default is not what was sent. */
static bool has_role(const Resource *r)
{
    return r->role && r->role != resource__role__default_value;
}

/* The format with `role` and `reservation`. */
static int check_old_format(const Resource *r, struct buf *why)
{
    const char *role = r->role ? r->role : "*";
    if (check_role_name(role, why))
        return -1;
    if (!r->reservation)
        return 0;
    if (r->reservation->has_type)
        return refuse(why, "'Resource.ReservationInfo.type' must not be set for the "
                           "'Resource.reservation' field");
    if (r->reservation->role)
        return refuse(why, "'Resource.ReservationInfo.role' must not be set for the "
                           "'Resource.reservation' field");
    if (strcmp(role, "*") == 0)
        return refuse(why, "Invalid reservation: role \"*\" cannot be dynamically reserved");
    return 0;
}

static const char *or_empty(const char *text)
{
    return text ? text : "";
}

static int check_labels(const Labels *left, const Labels *right, struct buf *why)
{
    auto_buf struct buf a = BUF_INIT, b = BUF_INIT;
    labels_text(left, &a);
    labels_text(right, &b);
    if (strcmp(buf_str(&a), buf_str(&b)) == 0)
        return 0;
    return refuse(why,
                  "Invalid resource format: 'Resource.reservation.labels' field with '%s' does not "
                  "match the labels '%s' in 'Resource.reservations'",
                  buf_str(&a), buf_str(&b));
}

/* Both formats at once are fine when they say the same, as the master's own endpoints write it. */
static int check_both_formats(const Resource *r, struct buf *why)
{
    const Resource__ReservationInfo *only = r->reservations[0], *old = r->reservation;
    if (r->n_reservations > 1) {
        if (has_role(r) || old)
            return refuse(why,
                          "Invalid resource format: '%s' must not be set if there is more than one "
                          "reservation in 'Resource.reservations'",
                          has_role(r) ? "Resource.role" : "Resource.reservation");
        return 0;
    }
    if (has_role(r) && strcmp(r->role, only->role) != 0)
        return refuse(why,
                      "Invalid resource format: 'Resource.role' field with '%s' does not match the "
                      "role '%s' in 'Resource.reservations'",
                      r->role, only->role);
    if (only->type == RESOURCE__RESERVATION_INFO__TYPE__STATIC)
        return old ? refuse(why, "Invalid resource format: 'Resource.reservation' must not be set "
                                 "if the single reservation in 'Resource.reservations' is STATIC")
                   : 0;
    if (has_role(r) != (old != NULL))
        return refuse(why, "Invalid resource format: 'Resource.role' and 'Resource.reservation' "
                           "must either be both set or both not set if the single reservation in "
                           "'Resource.reservations' is DYNAMIC");
    if (!old)
        return 0;
    if (strcmp(or_empty(old->principal), or_empty(only->principal)) != 0)
        return refuse(why,
                      "Invalid resource format: 'Resource.reservation.principal' field with '%s' "
                      "does not match the principal '%s' in 'Resource.reservations'",
                      or_empty(old->principal), or_empty(only->principal));
    return check_labels(old->labels, only->labels, why);
}

static int check_stack(const Resource *r, struct buf *why)
{
    if (r->n_reservations == 0)
        return check_old_format(r, why);
    for (size_t i = 0; i < r->n_reservations; i++) {
        const Resource__ReservationInfo *info = r->reservations[i];
        if (!info->has_type || info->type == RESOURCE__RESERVATION_INFO__TYPE__UNKNOWN)
            return refuse(why, "Invalid reservation: 'Resource.ReservationInfo.type' field must be "
                               "set.");
        if (!info->role)
            return refuse(why, "Invalid reservation: 'Resource.ReservationInfo.role' field must be "
                               "set.");
        if (check_role_name(info->role, why))
            return -1;
        if (strcmp(info->role, "*") == 0)
            return refuse(why, "Invalid reservation: role \"*\" cannot be reserved");
        if (info->type == RESOURCE__RESERVATION_INFO__TYPE__STATIC &&
            (info->principal || info->labels))
            return refuse(why, "Invalid reservation: principal and labels are only for DYNAMIC "
                               "reservations");
        if (i == 0)
            continue;
        if (info->type == RESOURCE__RESERVATION_INFO__TYPE__STATIC)
            return refuse(why,
                          "Invalid refined reservation: A refined reservation cannot be STATIC");
        if (!role_is_below(info->role, r->reservations[i - 1]->role))
            return refuse(why, "Invalid refined reservation: role '%s' is not a refinement of '%s'",
                          info->role, r->reservations[i - 1]->role);
    }
    return check_both_formats(r, why);
}

static int check_source(const Resource__DiskInfo__Source *source, struct buf *why)
{
    const bool block = source->type == RESOURCE__DISK_INFO__SOURCE__TYPE__BLOCK;
    if (source->type == RESOURCE__DISK_INFO__SOURCE__TYPE__UNKNOWN)
        return refuse(why, "Unsupported 'DiskInfo.Source.Type' in 'UNKNOWN'");
    if (!block && source->type != RESOURCE__DISK_INFO__SOURCE__TYPE__RAW)
        return 0;
    if (source->mount || source->path)
        return refuse(why, "%s should not be set for %s disk source",
                      source->mount ? "Mount" : "Path", block ? "BLOCK" : "RAW");
    return 0;
}

static int check_resource(const Resource *r, struct buf *why)
{
    if (!*r->name)
        return refuse(why, "Empty resource name");
    if (check_value(r, why))
        return -1;
    if (r->disk && strcmp(r->name, "disk") != 0)
        return refuse(why, "DiskInfo should not be set for %s resource", r->name);
    if (r->disk && r->disk->source && check_source(r->disk->source, why))
        return -1;
    if (check_stack(r, why))
        return -1;
    if (r->shared && strcmp(r->name, "disk") != 0)
        return refuse(why, "Resource %s cannot be shared", r->name);
    if (r->shared && !(r->disk && r->disk->persistence))
        return refuse(why, "Only persistent volumes can be shared");
    return 0;
}

static bool is_reserved(const Resource *r)
{
    return r->n_reservations > 0 || (r->role && strcmp(r->role, "*") != 0);
}

static const Resource__ReservationInfo *top(const Resource *r)
{
    return r->n_reservations ? r->reservations[r->n_reservations - 1] : NULL;
}

static bool is_dynamic(const Resource *r)
{
    const Resource__ReservationInfo *last = top(r);
    if (last)
        return last->type == RESOURCE__RESERVATION_INFO__TYPE__DYNAMIC;
    return r->reservation && is_reserved(r);
}

static const char *resource_text(const Resource *r, struct buf *out)
{
    auto_res struct res value = res_of_proto(r);
    res_text(&value, r->allocation_info ? r->allocation_info->role : NULL, out);
    return buf_str(out);
}

static int check_disk(const Resource *r, struct buf *why)
{
    const Resource__DiskInfo *disk = r->disk;
    if (!disk)
        return 0;
    if (!disk->persistence) {
        if (disk->volume)
            return refuse(why, "Non-persistent volume not supported");
        return disk->source ? 0 : refuse(why, "DiskInfo is set but empty");
    }
    if (r->revocable)
        return refuse(why, "Persistent volumes cannot be created from revocable resources");
    if (!is_reserved(r))
        return refuse(why, "Persistent volumes cannot be created from unreserved resources");
    if (!disk->volume)
        return refuse(why, "Expecting 'volume' to be set for persistent volume");
    if (disk->volume->host_path)
        return refuse(why, "Expecting 'host_path' to be unset for persistent volume");
    if (check_id(disk->persistence->id, why))
        return refuse_prefix(why, "Invalid persistence ID for persistent volume: ");
    return 0;
}

int check_form(size_t count, Resource *const *resources, struct buf *why)
{
    for (size_t i = 0; i < count; i++)
        if (check_resource(resources[i], why)) {
            auto_buf struct buf text = BUF_INIT;
            res_proto_text(resources[i], &text);
            return refuse_prefix(why, "Resource '%s' is invalid: ", buf_str(&text));
        }
    return 0;
}

int check_resources(size_t count, Resource *const *resources, struct buf *why)
{
    double gpus = 0;
    if (check_form(count, resources, why))
        return refuse_prefix(why, "Invalid resources: ");
    for (size_t i = 0; i < count; i++)
        if (strcmp(resources[i]->name, "gpus") == 0 && resources[i]->scalar)
            gpus += resources[i]->scalar->value;
    if (res_milli(gpus) % 1000)
        return refuse(why,
                      "Invalid 'gpus' resource: The 'gpus' resource must be an unsigned integer");
    for (size_t i = 0; i < count; i++)
        if (check_disk(resources[i], why))
            return refuse_prefix(why, "Invalid DiskInfo: ");
    for (size_t i = 0; i < count; i++)
        if (resources[i]->revocable && is_dynamic(resources[i])) {
            auto_buf struct buf text = BUF_INIT;
            return refuse(why,
                          "Invalid ReservationInfo: Dynamically reserved resource %s cannot be "
                          "created from revocable resources",
                          resource_text(resources[i], &text));
        }
    return 0;
}

int check_single_role(size_t count, Resource *const *resources, struct buf *why)
{
    const char *role = NULL;
    for (size_t i = 0; i < count; i++) {
        const char *own =
            resources[i]->allocation_info ? resources[i]->allocation_info->role : NULL;
        if (!own)
            return refuse(why, "The resources are not allocated to a role");
        if (role && strcmp(role, own) != 0)
            return refuse(
                why,
                "The resources have multiple allocation roles ('%s' and '%s') but only one "
                "allocation role is allowed",
                own, role);
        role = own;
    }
    return 0;
}

int check_unique_volumes(const struct res_list *list, struct buf *why)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct res_meta *a = list->items[i].meta;
        for (size_t j = i + 1; a->persistent && j < list->count; j++) {
            const struct res_meta *b = list->items[j].meta;
            if (b->persistent && strcmp(a->role, b->role) == 0 &&
                strcmp(a->persist_id, b->persist_id) == 0)
                return refuse(why, "Persistence ID '%s' is not unique", a->persist_id);
        }
    }
    return 0;
}

/* ---- operations ---- */

static void roles_text(const struct framework *f, struct buf *out)
{
    buf_adds(out, "{ ");
    for (size_t i = 0; i < f->n_roles; i++)
        buf_addf(out, "%s%s", i ? ", " : "", f->roles[i].name);
    buf_adds(out, " }");
}

/* What the master says when it looks for the resource provider of nothing. */
static int check_some(size_t count, struct buf *why)
{
    return count
               ? 0
               : refuse(why, "Invalid resources: The resources have multiple resource providers: ");
}

static int check_reserve_one(const struct framework *f, const Resource *r, struct buf *why)
{
    auto_buf struct buf text = BUF_INIT;
    if (!is_dynamic(r))
        return refuse(why, "Resource %s is not dynamically reserved", resource_text(r, &text));
    const Resource__ReservationInfo *last = top(r) ? top(r) : r->reservation;
    const char *role = top(r) ? top(r)->role : r->role;
    const char *allocated = r->allocation_info ? r->allocation_info->role : NULL;
    /* The framework's own principal counts, authenticated or not (captures/rejections). */
    if (f->info->principal) {
        if (!last->principal)
            return refuse(why,
                          "A reserve operation was attempted by principal '%s', but there is a "
                          "reserved resource in the request with no principal set",
                          f->info->principal);
        if (strcmp(last->principal, f->info->principal) != 0)
            return refuse(
                why,
                "A reserve operation was attempted by authenticated principal '%s', which "
                "does not match a reserved resource in the request with principal '%s'",
                f->info->principal, last->principal);
    }
    if (!allocated)
        return refuse(
            why,
            "A reserve operation was attempted on unallocated resource %s, but frameworks "
            "can only perform reservations on allocated resources",
            resource_text(r, &text));
    if (strcmp(allocated, role) != 0)
        return refuse(why,
                      "A reserve operation was attempted for a resource with role '%s', but the "
                      "resource was allocated to role '%s'",
                      role, allocated);
    if (!framework_has_role(f, role)) {
        roles_text(f, &text);
        return refuse(why,
                      "A reserve operation was attempted for a resource allocated to role '%s', "
                      "but the framework only has roles '%s'",
                      allocated, buf_str(&text));
    }
    return 0;
}

int check_reserve(const struct framework *f, const Offer__Operation__Reserve *reserve,
                  struct buf *why)
{
    if (check_resources(reserve->n_resources, reserve->resources, why))
        return refuse_prefix(why, "Invalid resources: ");
    if (check_some(reserve->n_resources, why))
        return -1;
    for (size_t i = 0; i < reserve->n_resources; i++)
        if (check_reserve_one(f, reserve->resources[i], why))
            return -1;
    return 0;
}

int check_unreserve(const Offer__Operation__Unreserve *unreserve, struct buf *why)
{
    if (check_resources(unreserve->n_resources, unreserve->resources, why))
        return refuse_prefix(why, "Invalid resources: ");
    if (check_some(unreserve->n_resources, why))
        return -1;
    for (size_t i = 0; i < unreserve->n_resources; i++) {
        const Resource *r = unreserve->resources[i];
        auto_buf struct buf text = BUF_INIT;
        if (!is_dynamic(r))
            return refuse(why, "Resource %s is not dynamically reserved", resource_text(r, &text));
        if (r->disk && r->disk->persistence)
            return refuse(
                why,
                "A dynamically reserved persistent volume %s cannot be unreserved directly. "
                "Please destroy the persistent volume first then unreserve the resource",
                resource_text(r, &text));
    }
    return 0;
}

static int check_volumes(size_t count, Resource *const *volumes, struct buf *why)
{
    for (size_t i = 0; i < count; i++) {
        auto_buf struct buf text = BUF_INIT;
        const Resource *v = volumes[i];
        if (!v->disk)
            return refuse(why, "Resource %s does not have DiskInfo", resource_text(v, &text));
        if (!v->disk->persistence)
            return refuse(why, "'persistence' is not set in DiskInfo");
        if (!v->disk->volume)
            return refuse(why, "Expecting 'volume' to be set for persistent volume");
        if (v->disk->volume->mode == VOLUME__MODE__RO)
            return refuse(why, "Read-only persistent volume not supported");
    }
    return 0;
}

int check_create(const struct framework *f, const struct agent *agent,
                 const Offer__Operation__Create *create, struct buf *why)
{
    if (check_resources(create->n_volumes, create->volumes, why))
        return refuse_prefix(why, "Invalid resources: ");
    if (check_some(create->n_volumes, why))
        return -1;
    if (check_volumes(create->n_volumes, create->volumes, why))
        return refuse_prefix(why, "Not a persistent volume: ");
    auto_res_list struct res_list all = res_list_copy(&agent->total);
    res_list_of_proto(&all, create->n_volumes, create->volumes);
    if (check_unique_volumes(&all, why))
        return -1;
    for (size_t i = 0; f->info->principal && i < create->n_volumes; i++) {
        const char *principal = create->volumes[i]->disk->persistence->principal;
        if (!principal)
            return refuse(
                why,
                "Create volume operation attempted by principal '%s', but there is a volume "
                "in the operation with no principal set in 'disk.persistence'",
                f->info->principal);
        if (strcmp(principal, f->info->principal) != 0)
            return refuse(
                why,
                "Create volume operation attempted by authenticated principal '%s', which "
                "does not match a volume in the operation with principal '%s' set in "
                "'disk.persistence'",
                f->info->principal, principal);
    }
    for (size_t i = 0; i < create->n_volumes; i++)
        if (create->volumes[i]->shared) {
            auto_buf struct buf text = BUF_INIT;
            return refuse(why,
                          framework_can(f->info, FRAMEWORK_INFO__CAPABILITY__TYPE__SHARED_RESOURCES)
                              ? "shared volumes are not supported by dse-local: '%s' of "
                                "framework '%s'"
                              : "Create volume operation for '%s' has been attempted by framework "
                                "'%s' with no SHARED_RESOURCES capability",
                          resource_text(create->volumes[i], &text), f->id);
        }
    if (check_single_role(create->n_volumes, create->volumes, why))
        return refuse_prefix(why, "Invalid volume resources: ");
    return 0;
}

int check_destroy(const struct agent *agent, const Offer__Operation__Destroy *destroy,
                  struct buf *why)
{
    if (check_resources(destroy->n_volumes, destroy->volumes, why))
        return refuse_prefix(why, "Invalid resources: ");
    if (check_some(destroy->n_volumes, why))
        return -1;
    if (check_volumes(destroy->n_volumes, destroy->volumes, why))
        return refuse_prefix(why, "Not a persistent volume: ");
    auto_res_list struct res_list volumes = RES_LIST_INIT;
    res_list_of_proto(&volumes, destroy->n_volumes, destroy->volumes);
    if (!res_list_contains(&agent->total, &volumes))
        return refuse(why, "Persistent volumes not found");
    return 0;
}
