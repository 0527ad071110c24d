/* Ports: which number, and whether it is taken from the agent (see offer-cycle 4.1, 4.2). */
#include <string.h>

#include "offer/fit.h"

enum { OVERLAY_FIRST = 1025, OVERLAY_LAST = 2025 };

static const char *stage_name(const struct resource_spec *spec)
{
    return spec->kind == RESOURCE_VIP_PORT ? "NamedVIPEvaluationStage" : "PortEvaluationStage";
}

static void choose(struct fit *fit, struct set_fit *set, const struct resource_spec *spec,
                   int64_t number)
{
    *ARENA_PUSH(fit->arena, set->ports, set->n_ports) = (struct port_choice){spec, number, false};
}

static bool is_static_port(const struct offer_need *need, int64_t number)
{
    for (size_t i = 0; i < need->n_sets; i++)
        for (size_t j = 0; j < need->sets[i].set->n_resources; j++) {
            const struct resource_spec *spec = &need->sets[i].set->resources[j];
            if (is_port(spec) && spec->port == number)
                return true;
        }
    return false;
}

static bool is_given(const struct fit *fit, int64_t number)
{
    for (size_t i = 0; i < fit->need->n_sets; i++)
        for (size_t j = 0; j < fit->sets[i].n_ports; j++)
            if (fit->sets[i].ports[j].number == number)
                return true;
    return false;
}

/* Numbers that stored tasks of the pod hold on the pod's own address: the executor's network is
 * shared, so another set's port is not to be given twice. */
static bool is_held(const struct offer_need *need, int64_t number)
{
    for (size_t i = 0; need->existing && i < need->n_stored; i++) {
        const DiscoveryInfo *discovery = need->stored[i].info->discovery;
        const Ports *ports = discovery ? discovery->ports : NULL;
        for (size_t j = 0; ports && j < ports->n_ports; j++)
            if ((int64_t)ports->ports[j]->number == number)
                return true;
    }
    return false;
}

static bool in_ranges(const struct resource_spec *spec, int64_t number)
{
    for (size_t i = 0; i < spec->n_ranges; i++)
        if (number >= spec->ranges[i].begin && number <= spec->ranges[i].end)
            return true;
    return spec->n_ranges == 0;
}

/* The lowest number of one offered range that may be given; -1 when there is none. Walks numbers
 * only past those that are spoken for. */
static int64_t lowest_in(const struct fit *fit, const struct resource_spec *spec,
                         struct port_range offered)
{
    int64_t best = -1;
    struct port_range any = {0, INT64_MAX - 1};
    const struct port_range *ranges = spec->n_ranges ? spec->ranges : &any;
    for (size_t i = 0; i < (spec->n_ranges ? spec->n_ranges : 1); i++) {
        int64_t from = offered.begin > ranges[i].begin ? offered.begin : ranges[i].begin;
        int64_t to = offered.end < ranges[i].end ? offered.end : ranges[i].end;
        while (from <= to && (from == 0 || is_static_port(fit->need, from) || is_given(fit, from)))
            from++;
        if (from <= to && (best < 0 || from < best))
            best = from;
    }
    return best;
}

static int64_t host_port(const struct fit *fit, const struct resource_spec *spec)
{
    const struct ranges *offered = pool_ports(&fit->pool, spec->pre_reserved_role);
    for (size_t i = 0; offered && i < offered->count; i++) {
        int64_t number = lowest_in(fit, spec, offered->items[i]);
        if (number >= 0)
            return number;
    }
    return -1;
}

static int64_t overlay_port(const struct fit *fit, const struct resource_spec *spec)
{
    for (int64_t n = OVERLAY_FIRST; n <= OVERLAY_LAST; n++)
        if (!is_static_port(fit->need, n) && !is_given(fit, n) && !is_held(fit->need, n) &&
            in_ranges(spec, n))
            return n;
    return -1;
}

static bool no_port(struct fit *fit, const struct resource_spec *spec)
{
    struct shortfall lack = {SHORT_PORT, spec->port_name ? spec->port_name : "", 0, 0};
    return stage_fail(fit, lack, stage_name(spec),
                      "No ports were available for dynamic claim in offer, and no matching port %s "
                      "was present in prior tasks: %s",
                      spec->port_name, fit->need->instance);
}

static bool new_overlay_port(struct fit *fit, const struct set_need *set, struct set_fit *set_fit,
                             const struct resource_spec *spec)
{
    int64_t number = spec->port;
    if (number == 0 && fit->need->existing)
        number = need_prior_port(fit->need, set->set, spec->port_name);
    if (number == 0)
        number = overlay_port(fit, spec);
    if (number < 0)
        return no_port(fit, spec);
    choose(fit, set_fit, spec, number);
    return stage_pass(fit, stage_name(spec),
                      "Port %s doesn't require resource reservation, ignoring resource "
                      "requirements and using port %lld",
                      spec->port_name, (long long)number);
}

bool stage_new_port(struct fit *fit, const struct set_need *set, struct set_fit *set_fit,
                    const struct resource_spec *spec)
{
    if (!port_is_hosts(spec))
        return new_overlay_port(fit, set, set_fit, spec);
    int64_t number = spec->port > 0 ? spec->port : host_port(fit, spec);
    if (number < 0)
        return no_port(fit, spec);
    const char *pre = spec->pre_reserved_role;
    if (!pool_take_port(&fit->pool, pre, number)) {
        struct shortfall lack = {SHORT_PORT, text_number(fit->arena, number), 0, 0};
        return stage_fail(fit, lack, stage_name(spec),
                          "Offer lacks sufficient unreserved 'ports' with role '%s' for new "
                          "reservation: '%s: %lld'",
                          pre ? pre : "*", spec->port_name, (long long)number);
    }
    struct reservation reservation = fit_reservation(fit, spec->role, pre, spec->principal);
    Resource *resource = resource_new_port(fit->arena, number, &reservation);
    fit_operation(fit, operation_reserve(fit->arena, resource));
    *ARENA_PUSH(fit->arena, set_fit->resources, set_fit->n_resources) = resource;
    choose(fit, set_fit, spec, number);
    return stage_pass(fit, stage_name(spec),
                      "Offer contains required port: '%s' with resourceId: '%s'", spec->port_name,
                      reservation.resource_id);
}

bool stage_old_port(struct fit *fit, struct set_fit *set_fit, const struct match *match)
{
    const struct resource_spec *spec = match->resource;
    int64_t number = resource_port(match->stored);
    struct pool_reserved *found = pool_find(&fit->pool, match->id, false);
    if (found && resource_port(found->resource) == number) {
        pool_claim(&fit->pool, found);
    } else if (need_may_reserve_again(fit->need, match->id) &&
               pool_take_port(&fit->pool, resource_role_below(match->stored), number)) {
        fit_operation(
            fit, operation_reserve(fit->arena, resource_shallow(fit->arena, match->stored, false)));
        found = NULL;
    } else {
        return stage_fail(fit, (struct shortfall){SHORT_RESERVED, "ports", 0, 0}, stage_name(spec),
                          "Offer lacks previously reserved 'ports' with resourceId: '%s' for "
                          "resource: '%s: %lld'",
                          match->id, spec->port_name, (long long)number);
    }
    *ARENA_PUSH(fit->arena, set_fit->resources, set_fit->n_resources) =
        resource_shallow(fit->arena, found ? found->resource : match->stored, false);
    choose(fit, set_fit, spec, number);
    return stage_pass(fit, stage_name(spec),
                      "Offer contains required previously reserved port: '%s' with resourceId: "
                      "'%s'",
                      spec->port_name, match->id);
}
