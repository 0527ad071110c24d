#include <string.h>

#include "offer/fit.h"

#define RESOURCE_STAGE "ResourceEvaluationStage"

/* ---- reporting ---- */

void stage_add(struct fit *fit, struct outcome *outcome, struct shortfall shortfall)
{
    struct evaluation *ret = fit->ret;
    if (shortfall.kind != SHORT_NONE) {
        if (ret->n_failed++ == 0 && ret->shortfall.kind == SHORT_NONE)
            ret->shortfall = shortfall;
    }
    if (fit->explain)
        *ARENA_PUSH(fit->arena, ret->stages, ret->n_stages) = outcome;
}

static struct outcome *outcome_of(struct fit *fit, bool pass, const char *source,
                                  const char *format, va_list args)
    __attribute__((format(printf, 4, 0)));
static struct outcome *outcome_of(struct fit *fit, bool pass, const char *source,
                                  const char *format, va_list args)
{
    if (!fit->explain)
        return NULL;
    auto_buf struct buf text = BUF_INIT;
    buf_vaddf(&text, format, args);
    return outcome_new(fit->arena, pass, source, "%s", buf_str(&text));
}

bool stage_pass(struct fit *fit, const char *source, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    stage_add(fit, outcome_of(fit, true, source, format, args), (struct shortfall){0});
    va_end(args);
    return true;
}

bool stage_fail(struct fit *fit, struct shortfall shortfall, const char *source, const char *format,
                ...)
{
    va_list args;
    va_start(args, format);
    stage_add(fit, outcome_of(fit, false, source, format, args), shortfall);
    va_end(args);
    return false;
}

/* The resource that an operation of a launch is about. */
static const Resource *resource_of(const Offer__Operation *operation)
{
    return operation->reserve     ? operation->reserve->resources[0]
           : operation->create    ? operation->create->volumes[0]
           : operation->unreserve ? operation->unreserve->resources[0]
                                  : NULL;
}

/* Feedback names the operation only, so its id begins with that of the resource. A LAUNCH_GROUP may
 * not have one. */
void fit_operation(struct fit *fit, Offer__Operation *operation)
{
    const struct offer_context *context = fit->need->context;
    const Resource *resource = resource_of(operation);
    if (context->settings->operation_ids && resource) {
        operation->id = PB_NEW(fit->arena, OperationID, operation_id);
        operation->id->value =
            text_join(fit->arena, resource_id(resource), ".", new_uuid(fit->arena, context->ids));
    }
    *ARENA_PUSH(fit->arena, fit->ret->operations, fit->ret->n_operations) = operation;
}

/* Made only when somebody reads it. */
static const char *amount_text(struct fit *fit, milli amount)
{
    return fit->explain ? milli_text(fit->arena, amount) : NULL;
}

static void into_list(struct fit *fit, struct resource_list list, Resource *resource)
{
    *ARENA_PUSH(fit->arena, *list.items, *list.count) = resource;
}

struct reservation fit_reservation(struct fit *fit, const char *role, const char *pre_reserved_role,
                                   const char *principal)
{
    const struct offer_need *need = fit->need;
    return (struct reservation){
        .role = need->existing ? need->role : role, /* see need.c: an older role stays in use */
        .pre_reserved_role = pre_reserved_role,
        .principal = principal,
        .resource_id = new_uuid(fit->arena, need->context->ids),
        .framework_id = need->framework_id,
    };
}

/* ---- cpus, mem, disk, gpus ---- */

bool stage_new_scalar(struct fit *fit, const struct resource_spec *spec, struct resource_list into)
{
    milli wanted = milli_from(spec->scalar);
    const char *pre = spec->pre_reserved_role;
    if (!pool_take(&fit->pool, pre, spec->name, wanted)) {
        struct shortfall lack = {SHORT_SCALAR, spec->name,
                                 milli_value(pool_amount(&fit->pool, pre, spec->name)),
                                 milli_value(wanted)};
        return stage_fail(
            fit, lack, RESOURCE_STAGE,
            "Offer lacks sufficient unreserved '%s' with role '%s' for new reservation: '%s: %s' "
            "(available: %s)",
            spec->name, pre ? pre : "*", spec->name, amount_text(fit, wanted),
            amount_text(fit, milli_from(lack.have)));
    }
    struct reservation reservation = fit_reservation(fit, spec->role, pre, spec->principal);
    Resource *resource = resource_new_scalar(fit->arena, spec->name, wanted, &reservation);
    fit_operation(fit, operation_reserve(fit->arena, resource));
    into_list(fit, into, resource);
    return stage_pass(fit, RESOURCE_STAGE,
                      "Offer contains sufficient unreserved '%s', generated new resourceId: '%s' "
                      "for new reservation: '%s: %s'",
                      spec->name, reservation.resource_id, spec->name, amount_text(fit, wanted));
}

/* Records say that it is reserved, the caller knows that it is not: reserve it under its id. */
static bool reserve_again(struct fit *fit, const Resource *stored, milli wanted)
{
    if (!need_may_reserve_again(fit->need, resource_id(stored)))
        return false;
    if (!pool_take(&fit->pool, resource_role_below(stored), stored->name, wanted))
        return false;
    fit_operation(fit, operation_reserve(fit->arena, resource_like(fit->arena, stored, wanted)));
    return true;
}

static bool missing(struct fit *fit, const struct match *match, const char *source)
{
    const char *name = match->stored->name;
    return stage_fail(fit, (struct shortfall){SHORT_RESERVED, name, 0, 0}, source,
                      "Offer lacks previously reserved '%s' with resourceId: '%s' for resource: "
                      "'%s'",
                      name, match->id, match->volume ? match->volume->container_path : name);
}

bool stage_old_scalar(struct fit *fit, const struct match *match, struct resource_list into)
{
    const char *name = match->stored->name;
    milli wanted = milli_from(match->resource->scalar);
    const char *wanted_text = amount_text(fit, wanted);
    struct pool_reserved *found = pool_find(&fit->pool, match->id, false);
    if (!found) {
        if (!reserve_again(fit, match->stored, wanted))
            return missing(fit, match, RESOURCE_STAGE);
        into_list(fit, into, resource_like(fit->arena, match->stored, wanted));
        return stage_pass(fit, RESOURCE_STAGE,
                          "Offer contains sufficient unreserved '%s' to make the recorded "
                          "reservation again: resourceId: '%s'",
                          name, match->id);
    }
    pool_claim(&fit->pool, found);
    into_list(fit, into, resource_like(fit->arena, found->resource, wanted));
    if (found->amount == wanted)
        return stage_pass(fit, RESOURCE_STAGE,
                          "Offer contains previously reserved '%s' with resourceId: '%s' for "
                          "resource: '%s: %s'",
                          name, match->id, name, wanted_text);
    milli difference = wanted > found->amount ? wanted - found->amount : found->amount - wanted;
    Resource *part = resource_like(fit->arena, found->resource, difference);
    const char *by = amount_text(fit, difference);
    if (wanted < found->amount) {
        fit_operation(fit, operation_unreserve(fit->arena, part));
        return stage_pass(fit, RESOURCE_STAGE,
                          "Decreased '%s' by %s for desired resource with resourceId: '%s': %s",
                          name, by, match->id, wanted_text);
    }
    const char *below = resource_role_below(found->resource);
    if (!pool_take(&fit->pool, below, name, difference)) {
        struct shortfall lack = {SHORT_SCALAR, name,
                                 milli_value(found->amount + pool_amount(&fit->pool, below, name)),
                                 milli_value(wanted)};
        return stage_fail(fit, lack, RESOURCE_STAGE,
                          "Insufficient resources to increase reservation of existing '%s' "
                          "resource '%s' with resourceId '%s': needed %s",
                          name, name, match->id, by);
    }
    fit_operation(fit, operation_reserve(fit->arena, part));
    return stage_pass(fit, RESOURCE_STAGE,
                      "Offer contains sufficient '%s' to increase desired resource by %s: "
                      "resourceId: '%s': '%s'",
                      name, by, match->id, wanted_text);
}

/* Only what the offers hold can be unreserved in this ACCEPT; the rest is no longer recorded and
 * goes by clean-up when it is offered. */
bool stage_unreserve(struct fit *fit, const struct match *match)
{
    struct pool_reserved *found = match->id ? pool_find(&fit->pool, match->id, false) : NULL;
    if (!found)
        return true;
    pool_claim(&fit->pool, found);
    Resource *resource = resource_shallow(fit->arena, found->resource, true);
    if (resource->type == VALUE__TYPE__SCALAR && !resource->disk)
        resource = resource_like(fit->arena, found->resource, found->amount);
    fit_operation(fit, operation_unreserve(fit->arena, resource));
    pool_free(&fit->pool, found->resource, found->amount);
    return stage_pass(fit, "UnreserveEvaluationStage", "Unreserving orphaned resource: %s %s",
                      match->stored->name, match->id);
}

/* ---- volumes (see offer-cycle 3.3, 3.4) ---- */

#define VOLUME_STAGE "VolumeEvaluationStage"

static bool new_mount(struct fit *fit, const struct volume_spec *volume, Resource **ret,
                      const struct reservation *reservation)
{
    struct disk_search search;
    struct pool_disk *disk =
        pool_take_disk(&fit->pool, volume, fit->need->context->settings->best_fit_mount, &search);
    if (!disk)
        return stage_fail(
            fit,
            (struct shortfall){SHORT_VOLUME, volume->container_path, (double)search.candidates, 0},
            VOLUME_STAGE,
            "Failed to find MOUNT volume for '%s'. (%zu disks: %zu too small, %zu of another "
            "profile, %zu of another role)",
            volume->container_path, search.candidates, search.too_small, search.wrong_profile,
            search.wrong_role);
    *ret = resource_new_scalar(fit->arena, "disk", resource_amount(disk->resource), reservation);
    (*ret)->disk = PB_NEW(fit->arena, Resource__DiskInfo, resource__disk_info);
    (*ret)->disk->source = pb_copy(disk->resource->disk->source, fit->arena);
    if (disk->resource->provider_id)
        (*ret)->provider_id = pb_copy(disk->resource->provider_id, fit->arena);
    return true;
}

static bool new_root(struct fit *fit, const struct volume_spec *volume, Resource **ret,
                     const struct reservation *reservation)
{
    milli wanted = milli_from(volume->size_mb);
    const char *pre = volume->pre_reserved_role;
    if (!pool_take(&fit->pool, pre, "disk", wanted)) {
        struct shortfall lack = {SHORT_SCALAR, "disk",
                                 milli_value(pool_amount(&fit->pool, pre, "disk")),
                                 milli_value(wanted)};
        return stage_fail(fit, lack, VOLUME_STAGE,
                          "Offer lacks sufficient unreserved 'disk' with role '%s' for new "
                          "reservation: '%s: %s' (available: %s)",
                          pre ? pre : "*", volume->container_path, amount_text(fit, wanted),
                          amount_text(fit, milli_from(lack.have)));
    }
    *ret = resource_new_scalar(fit->arena, "disk", wanted, reservation);
    return true;
}

bool stage_new_volume(struct fit *fit, const struct volume_spec *volume, struct resource_list into)
{
    Resource *plain = NULL;
    struct reservation reservation =
        fit_reservation(fit, volume->role, volume->pre_reserved_role, volume->principal);
    bool mount = strcmp(volume->type, "MOUNT") == 0;
    if (mount ? !new_mount(fit, volume, &plain, &reservation)
              : !new_root(fit, volume, &plain, &reservation))
        return false;
    Resource *created = resource_shallow(fit->arena, plain, false);
    resource_make_volume(fit->arena, created, new_uuid(fit->arena, fit->need->context->ids),
                         volume->principal, volume->container_path);
    fit_operation(fit, operation_reserve(fit->arena, plain));
    fit_operation(fit, operation_create(fit->arena, created));
    into_list(fit, into, created);
    return stage_pass(fit, VOLUME_STAGE,
                      "Offer contains sufficient unreserved 'disk', generated new resourceId: '%s' "
                      "for new reservation: '%s'",
                      reservation.resource_id, volume->container_path);
}

static bool same_disk(const Resource *a, const Resource *b)
{
    const Resource__DiskInfo__Source *x = a->disk->source, *y = b->disk->source;
    return x && y && x->type == y->type && x->mount && y->mount && x->mount->root &&
           y->mount->root && strcmp(x->mount->root, y->mount->root) == 0;
}

/* A recorded volume that the caller knows never to have been made. */
static bool make_again(struct fit *fit, const Resource *stored)
{
    if (!need_may_reserve_again(fit->need, resource_id(stored)))
        return false;
    struct pool_reserved *reserved = pool_find(&fit->pool, resource_id(stored), false);
    if (reserved && reserved->amount == resource_amount(stored)) {
        reserved->taken = true; /* the RESERVE was carried out, the CREATE was not */
    } else if (stored->disk->source) {
        struct pool_disk *disk = NULL;
        for (size_t i = 0; !disk && i < fit->pool.n_disks; i++)
            if (!fit->pool.disks[i].taken && same_disk(fit->pool.disks[i].resource, stored))
                disk = &fit->pool.disks[i];
        if (!disk || resource_amount(disk->resource) != resource_amount(stored))
            return false;
        disk->taken = true;
        fit_operation(fit,
                      operation_reserve(fit->arena, resource_shallow(fit->arena, stored, true)));
    } else {
        if (!pool_take(&fit->pool, resource_role_below(stored), "disk", resource_amount(stored)))
            return false;
        fit_operation(fit,
                      operation_reserve(fit->arena, resource_shallow(fit->arena, stored, true)));
    }
    fit_operation(fit, operation_create(fit->arena, resource_shallow(fit->arena, stored, false)));
    return true;
}

bool stage_old_volume(struct fit *fit, const struct match *match, struct resource_list into)
{
    struct pool_reserved *found = pool_find(&fit->pool, match->id, true);
    if (!found && !make_again(fit, match->stored))
        return missing(fit, match, VOLUME_STAGE);
    if (found)
        pool_claim(&fit->pool, found);
    const Resource *volume = found ? found->resource : match->stored;
    into_list(fit, into, resource_shallow(fit->arena, volume, false));
    return stage_pass(fit, VOLUME_STAGE,
                      "Offer contains previously reserved 'disk' with resourceId: '%s' and "
                      "persistenceId: '%s' for resource: '%s'",
                      match->id, volume->disk->persistence->id,
                      match->volume ? match->volume->container_path : "(no longer in the spec)");
}
