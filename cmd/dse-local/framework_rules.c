#include "rules.h"

/* Of Mesos's Duration, which counts nanoseconds in 64 bits. */
#define DURATION_MAX_S (9223372036854775807.0 / 1e9)

#include <math.h>
#include <string.h>

size_t framework_roles(const FrameworkInfo *info, const char *const **ret)
{
    if (framework_can(info, FRAMEWORK_INFO__CAPABILITY__TYPE__MULTI_ROLE)) {
        *ret = info->roles;
        return info->n_roles;
    }
    *ret = &info->role;
    return 1;
}

bool framework_can(const FrameworkInfo *info, FrameworkInfo__Capability__Type capability)
{
    for (size_t i = 0; i < info->n_capabilities; i++)
        if (info->capabilities[i]->has_type && info->capabilities[i]->type == capability)
            return true;
    return false;
}

static const char *bad_quantity(double value)
{
    switch (fpclassify(value)) {
    case FP_INFINITE:
        return "Infinite values not supported";
    case FP_NAN:
        return "NaN not supported";
    case FP_SUBNORMAL:
        return "Subnormal values not supported";
    default:
        return value < 0 ? "Negative values not supported" : NULL;
    }
}

static int check_offer_filters(const OfferFilters *filters, struct buf *why)
{
    const OfferFilters__MinAllocatableResources *min = filters->min_allocatable_resources;
    for (size_t i = 0; min && i < min->n_quantities; i++) {
        const OfferFilters__ResourceQuantities *q = min->quantities[i];
        if (q->n_quantities == 0)
            return refuse(why, "Resource quantities must contain at least one quantity");
        for (size_t j = 0; j < q->n_quantities; j++) {
            const char *bad = bad_quantity(q->quantities[j]->value->value);
            if (bad)
                return refuse(why, "Invalid resource quantity for '%s': %s", q->quantities[j]->key,
                              bad);
        }
    }
    return 0;
}

int check_framework(const FrameworkInfo *info, struct buf *why)
{
    if (framework_can(info, FRAMEWORK_INFO__CAPABILITY__TYPE__MULTI_ROLE)) {
        if (info->role && info->role != framework_info__role__default_value)
            return refuse(why, "'FrameworkInfo.role' must not be set when the framework is "
                               "MULTI_ROLE capable");
    } else if (info->n_roles) {
        return refuse(why, "'FrameworkInfo.roles' must not be set when the framework is not "
                           "MULTI_ROLE capable");
    }
    for (size_t i = 0; i < info->n_roles; i++)
        for (size_t j = 0; j < i; j++)
            if (strcmp(info->roles[i], info->roles[j]) == 0)
                return refuse(why, "'FrameworkInfo.roles' contains duplicate items: { %s }",
                              info->roles[i]);
    for (size_t i = 0; i < info->n_roles; i++)
        if (check_role_name(info->roles[i], why))
            return refuse_prefix(why, "'FrameworkInfo.roles' contains invalid role: ");
    if (check_role_name(info->role ? info->role : "*", why))
        return refuse_prefix(why, "'FrameworkInfo.role' is not a valid role: ");
    if (framework_id_of(info) && check_id(info->id->value, why))
        return -1;
    for (size_t i = 0; i < info->n_offer_filters; i++)
        if (check_offer_filters(info->offer_filters[i]->value, why))
            return -1;
    /* What a Duration cannot hold; less than nothing is no time. */
    if (info->has_failover_timeout && fabs(info->failover_timeout) > DURATION_MAX_S)
        return refuse(why, "The framework failover_timeout (%g) is invalid",
                      info->failover_timeout);
    return 0;
}

const char *framework_id_of(const FrameworkInfo *info)
{
    return info->id && *info->id->value ? info->id->value : NULL;
}

int check_suppressed(const FrameworkInfo *info, size_t n_suppressed, const char *const *suppressed,
                     struct buf *why)
{
    const char *const *roles;
    const size_t n_roles = framework_roles(info, &roles);
    for (size_t i = 0; i < n_suppressed; i++) {
        bool known = false;
        for (size_t j = 0; j < n_roles; j++)
            known = known || strcmp(roles[j], suppressed[i]) == 0;
        if (!known)
            return refuse(why, "Suppressed roles { %s } are not contained in the set of roles",
                          suppressed[i]);
    }
    return 0;
}

int check_constraints(const FrameworkInfo *info, const OfferConstraints *constraints,
                      struct buf *why)
{
    const char *const *roles;
    const size_t n_roles = framework_roles(info, &roles);
    for (size_t i = 0; constraints && i < constraints->n_role_constraints; i++) {
        const char *role = constraints->role_constraints[i]->key;
        bool known = false;
        for (size_t j = 0; j < n_roles; j++)
            known = known || strcmp(roles[j], role) == 0;
        if (!known)
            return refuse(why,
                          "Offer constraints specify `role_constraints` for a role '%s'not "
                          "contained in the set of roles",
                          role);
        if (constraints->role_constraints[i]->value->n_groups)
            return refuse(why, "offer constraints are not supported by dse-local");
    }
    return 0;
}

static int check_uuid(ProtobufCBinaryData uuid, struct buf *why)
{
    return uuid.len == 16 ? 0 : refuse(why, "Not a valid UUID");
}

static bool same_id(const FrameworkID *a, const FrameworkID *b)
{
    return strcmp(a ? a->value : "", b ? b->value : "") == 0;
}

/* The member that a call of that type needs, by name; NULL when it needs none or has it. */
static const char *missing_member(const Call *call)
{
    switch (call->type) {
    case CALL__TYPE__SUBSCRIBE:
        return call->subscribe ? NULL : "subscribe";
    case CALL__TYPE__ACCEPT:
        return call->accept ? NULL : "accept";
    case CALL__TYPE__DECLINE:
        return call->decline ? NULL : "decline";
    case CALL__TYPE__KILL:
        return call->kill ? NULL : "kill";
    case CALL__TYPE__SHUTDOWN:
        return call->shutdown ? NULL : "shutdown";
    case CALL__TYPE__ACKNOWLEDGE:
        return call->acknowledge ? NULL : "acknowledge";
    case CALL__TYPE__RECONCILE:
        return call->reconcile ? NULL : "reconcile";
    case CALL__TYPE__MESSAGE:
        return call->message ? NULL : "message";
    case CALL__TYPE__REQUEST:
        return call->request ? NULL : "request";
    case CALL__TYPE__ACCEPT_INVERSE_OFFERS:
        return call->accept_inverse_offers ? NULL : "accept_inverse_offers";
    case CALL__TYPE__DECLINE_INVERSE_OFFERS:
        return call->decline_inverse_offers ? NULL : "decline_inverse_offers";
    case CALL__TYPE__ACKNOWLEDGE_OPERATION_STATUS:
        return call->acknowledge_operation_status ? NULL : "acknowledge_operation_status";
    case CALL__TYPE__RECONCILE_OPERATIONS:
        return call->reconcile_operations ? NULL : "reconcile_operations";
    case CALL__TYPE__UPDATE_FRAMEWORK:
        return call->update_framework ? NULL : "update_framework";
    default:
        return NULL;
    }
}

int check_call(const Call *call, struct buf *why)
{
    if (!call->has_type)
        return refuse(why, "Expecting 'type' to be present");
    if (call->type != CALL__TYPE__SUBSCRIBE && !call->framework_id)
        return refuse(why, "Expecting 'framework_id' to be present");
    const char *missing = missing_member(call);
    if (missing)
        return refuse(why, "Expecting '%s' to be present", missing);
    switch (call->type) {
    case CALL__TYPE__SUBSCRIBE:
        if (!same_id(call->framework_id, call->subscribe->framework_info->id))
            return refuse(why, "'framework_id' differs from 'subscribe.framework_info.id'");
        return 0;
    case CALL__TYPE__UPDATE_FRAMEWORK:
        if (!same_id(call->framework_id, call->update_framework->framework_info->id))
            return refuse(why, "'framework_id' differs from 'update_framework.framework_info.id'");
        return 0;
    case CALL__TYPE__ACKNOWLEDGE:
        return check_uuid(call->acknowledge->uuid, why);
    case CALL__TYPE__ACKNOWLEDGE_OPERATION_STATUS:
        if (check_uuid(call->acknowledge_operation_status->uuid, why))
            return -1;
        if (!call->acknowledge_operation_status->agent_id)
            return refuse(why, "Expecting 'agent_id' to be present");
        return 0;
    default:
        return 0;
    }
}
