#include "offer/placement.h"

#include <string.h>
#include <strings.h>

/* A rule with what it needs to know about other tasks. */
struct rule {
    const struct placement_rule *spec;
    struct placement *placement;
    struct rule **rules;
    size_t n_rules;
    struct counter *counter, *all; /* all: TASK_TYPE, tasks of the type anywhere */
    struct strings own;            /* keys of the instance's own tasks, not to be counted */
    struct count_range range;      /* ROUND_ROBIN */
    const char *local_region;      /* IS_LOCAL_REGION, NULL: not known */
};

/* ---- what an offer shows ---- */

char *attribute_text(const Attribute *attribute, struct arena *arena)
{
    auto_buf struct buf text = BUF_INIT;
    buf_addf(&text, "%s:", attribute->name);
    switch (attribute->type) {
    case VALUE__TYPE__SCALAR:
        buf_addf(&text, "%.3f", attribute->scalar ? attribute->scalar->value : 0.0);
        break;
    case VALUE__TYPE__RANGES:
        buf_addc(&text, '[');
        for (size_t i = 0; attribute->ranges && i < attribute->ranges->n_range; i++)
            buf_addf(&text, "%s%llu-%llu", i ? "," : "",
                     (unsigned long long)attribute->ranges->range[i]->begin,
                     (unsigned long long)attribute->ranges->range[i]->end);
        buf_addc(&text, ']');
        break;
    case VALUE__TYPE__SET:
        buf_addc(&text, '{');
        for (size_t i = 0; attribute->set && i < attribute->set->n_item; i++)
            buf_addf(&text, "%s%s", i ? "," : "", attribute->set->item[i]);
        buf_addc(&text, '}');
        break;
    case VALUE__TYPE__TEXT:
    default:
        if (attribute->text)
            buf_adds(&text, attribute->text->value);
        break;
    }
    return arena_strndup(arena, buf_str(&text), text.len);
}

char *attributes_label(const Offer *offer, struct arena *arena)
{
    auto_buf struct buf text = BUF_INIT;
    for (size_t i = 0; i < offer->n_attributes; i++) {
        if (i)
            buf_addc(&text, ';');
        buf_adds(&text, attribute_text(offer->attributes[i], arena));
    }
    return arena_strndup(arena, buf_str(&text), text.len);
}

static const char **view_attributes(struct offer_view *view)
{
    if (!view->attributes) {
        view->attributes = ARENA_ARRAY(view->arena, view->offer->n_attributes + 1, const char *);
        for (size_t i = 0; i < view->offer->n_attributes; i++)
            view->attributes[i] = attribute_text(view->offer->attributes[i], view->arena);
    }
    return view->attributes;
}

static const DomainInfo__FaultDomain *fault_domain(const DomainInfo *domain)
{
    return domain ? domain->fault_domain : NULL;
}

const char *offer_region(const Offer *offer)
{
    const DomainInfo__FaultDomain *domain = fault_domain(offer->domain);
    return domain && domain->region ? domain->region->name : NULL;
}

const char *offer_zone(const Offer *offer)
{
    const DomainInfo__FaultDomain *domain = fault_domain(offer->domain);
    return domain && domain->zone ? domain->zone->name : NULL;
}

/* ---- the shape of rules ---- */

static bool refers(const struct placement_rule *rule, const enum rule_type *types, size_t n_types)
{
    if (!rule)
        return false;
    for (size_t i = 0; i < n_types; i++)
        if (rule->type == types[i])
            return true;
    for (size_t i = 0; i < rule->n_rules; i++)
        if (refers(rule->rules[i], types, n_types))
            return true;
    return false;
}

bool rule_refers_to_region(const struct placement_rule *rule)
{
    static const enum rule_type types[] = {RULE_REGION, RULE_MAX_PER_REGION,
                                           RULE_ROUND_ROBIN_REGION, RULE_IS_LOCAL_REGION};
    return refers(rule, types, sizeof types / sizeof *types);
}

bool rule_refers_to_zone(const struct placement_rule *rule)
{
    static const enum rule_type types[] = {RULE_ZONE, RULE_MAX_PER_ZONE, RULE_ROUND_ROBIN_ZONE};
    return refers(rule, types, sizeof types / sizeof *types);
}

static const struct rule_kind {
    const char *source; /* as the original names it in outcomes */
    const char *plain;  /* as we name it in one line */
    int count_key;      /* -1: counts nothing */
} kinds[] = {
    [RULE_AND] = {"AndRule", "rule", -1},
    [RULE_OR] = {"OrRule", "rule", -1},
    [RULE_NOT] = {"NotRule", "rule", -1},
    [RULE_HOSTNAME] = {"HostnameRule", "hostname rule", -1},
    [RULE_REGION] = {"RegionRule", "region rule", -1},
    [RULE_ZONE] = {"ZoneRule", "zone rule", -1},
    [RULE_ATTRIBUTE] = {"AttributeRule", "attribute rule", -1},
    [RULE_AGENT] = {"AgentRule", "agent rule", -1},
    [RULE_MAX_PER_HOSTNAME] = {"MaxPerHostnameRule", "max per hostname", COUNT_HOSTNAME},
    [RULE_MAX_PER_REGION] = {"MaxPerRegionRule", "max per region", COUNT_REGION},
    [RULE_MAX_PER_ZONE] = {"MaxPerZoneRule", "max per zone", COUNT_ZONE},
    [RULE_MAX_PER_ATTRIBUTE] = {"MaxPerAttributeRule", "max per attribute", COUNT_ATTRIBUTE},
    [RULE_ROUND_ROBIN_HOSTNAME] = {"RoundRobinByHostnameRule", "spread over hostnames",
                                   COUNT_HOSTNAME},
    [RULE_ROUND_ROBIN_REGION] = {"RoundRobinByRegionRule", "spread over regions", COUNT_REGION},
    [RULE_ROUND_ROBIN_ZONE] = {"RoundRobinByZoneRule", "spread over zones", COUNT_ZONE},
    [RULE_ROUND_ROBIN_ATTRIBUTE] = {"RoundRobinByAttributeRule", "spread over attribute",
                                    COUNT_ATTRIBUTE_VALUE},
    [RULE_TASK_TYPE] = {"TaskTypeRule", "task type rule", COUNT_TYPE_AGENT},
    [RULE_IS_LOCAL_REGION] = {"IsLocalRegionRule", "local region rule", -1},
    [RULE_PASSTHROUGH] = {"PassthroughRule", "rule", -1},
    [RULE_INVALID] = {"InvalidPlacementRule", "invalid placement constraints", -1},
};

struct rule *rule_prepare(struct placement *placement, const struct placement_rule *spec,
                          const struct state *state, const char *pod_type, int pod_index,
                          const DomainInfo *master_domain, struct arena *arena)
{
    struct rule *rule = ARENA_NEW(arena, struct rule);
    rule->spec = spec;
    rule->placement = placement;
    rule->n_rules = spec->n_rules;
    rule->rules = ARENA_ARRAY(arena, spec->n_rules + 1, struct rule *);
    for (size_t i = 0; i < spec->n_rules; i++)
        rule->rules[i] = rule_prepare(placement, spec->rules[i], state, pod_type, pod_index,
                                      master_domain, arena);
    const DomainInfo__FaultDomain *domain = fault_domain(master_domain);
    rule->local_region = domain && domain->region ? domain->region->name : NULL;
    if (kinds[spec->type].count_key < 0)
        return rule;

    static const struct matcher everything = {MATCHER_NONE, NULL};
    bool by_type = spec->type == RULE_TASK_TYPE;
    rule->counter = placement_counter(placement, (enum count_key)kinds[spec->type].count_key,
                                      spec->type == RULE_ROUND_ROBIN_ATTRIBUTE ? spec->name : NULL,
                                      by_type ? &everything : &spec->task_filter);
    if (by_type)
        rule->all = placement_counter(placement, COUNT_TYPE, NULL, &everything);
    for (struct task *t = state_pod(state, pod_type, pod_index); t; t = t->next_in_pod) {
        counter_keys_of(placement, rule->counter, t->name, arena, &rule->own);
    }
    rule->range = counter_range_without(rule->counter, &rule->own);
    return rule;
}

/* ---- asking ---- */

static int64_t others(const struct counter *counter, const struct strings *own, const char *key)
{
    int64_t n = counter_get(counter, key);
    for (size_t i = 0; i < own->count; i++)
        n -= strcmp(own->items[i], key) == 0;
    return n < 0 ? 0 : n;
}

static bool matches(const struct rule *rule, const char *text)
{
    return matcher_matches(placement_regexes(rule->placement), &rule->spec->matcher, text);
}

static bool matcher_rule(const struct rule *rule, struct arena *arena, const char *what,
                         const char *value, const char *missing, struct outcome **ret)
{
    const char *source = kinds[rule->spec->type].source;
    if (!value && missing) {
        *ret = outcome_new(arena, false, source, "%s", missing);
        return false;
    }
    bool pass = value && matches(rule, value);
    *ret = outcome_new(arena, pass, source, "Offer %s %s pattern: '%s'", what,
                       pass ? "matches" : "didn't match", matcher_text(&rule->spec->matcher));
    return pass;
}

static bool attribute_rule(const struct rule *rule, struct offer_view *view, struct arena *arena,
                           struct outcome **ret)
{
    const char **texts = view_attributes(view);
    const char *pattern = matcher_text(&rule->spec->matcher);
    for (size_t i = 0; i < view->offer->n_attributes; i++)
        if (matches(rule, texts[i])) {
            *ret = outcome_new(arena, true, "AttributeRule",
                               "Match found for attribute pattern: '%s'", pattern);
            return true;
        }
    *ret =
        outcome_new(arena, false, "AttributeRule", "None of %zu attributes matched pattern: '%s'",
                    view->offer->n_attributes, pattern);
    return false;
}

static bool agent_rule(const struct rule *rule, const Offer *offer, struct arena *arena,
                       struct outcome **ret)
{
    const char *wanted = rule->spec->name ? rule->spec->name : "";
    bool pass = strcmp(wanted, offer->agent_id->value) == 0;
    if (pass)
        *ret =
            outcome_new(arena, true, "AgentRule", "Offer matches required Agent ID '%s'", wanted);
    else
        *ret = outcome_new(arena, false, "AgentRule",
                           "Offer lacks required Agent ID. Wanted: '%s' Got: '%s'", wanted,
                           offer->agent_id->value);
    return pass;
}

static bool max_per_rule(const struct rule *rule, const char *key, struct arena *arena,
                         struct outcome **ret)
{
    const struct placement_rule *spec = rule->spec;
    const char *source = kinds[spec->type].source;
    if (!key && spec->type == RULE_MAX_PER_ZONE) {
        *ret = outcome_new(arena, false, source, "Offer does not contain a zone.");
        return false;
    }
    bool pass = !key || others(rule->counter, &rule->own, key) + 1 <= spec->max;
    const char *filter = matcher_text(&spec->task_filter);
    /* The original says "host" for regions and zones too. */
    if (pass)
        *ret = outcome_new(arena, true, source,
                           "Fewer than %lld tasks matching filter '%s' are present on this host",
                           (long long)spec->max, filter);
    else
        *ret = outcome_new(arena, false, source,
                           "%lld tasks matching filter '%s' are already present on this host",
                           (long long)spec->max, filter);
    return pass;
}

static bool max_per_attribute_rule(const struct rule *rule, struct offer_view *view,
                                   struct arena *arena, struct outcome **ret)
{
    const struct placement_rule *spec = rule->spec;
    const char **texts = view_attributes(view);
    bool pass = true;
    for (size_t i = 0; pass && i < view->offer->n_attributes; i++)
        pass = !matches(rule, texts[i]) ||
               others(rule->counter, &rule->own, texts[i]) + 1 <= spec->max;
    *ret = outcome_new(arena, pass, "MaxPerAttributeRule",
                       pass ? "Fits within limit of %lld tasks matching filter '%s' on this agent "
                              "with attribute: %s"
                            : "Reached greater than %lld tasks matching filter '%s' on this agent "
                              "with attribute: %s",
                       (long long)spec->max, matcher_text(&spec->task_filter),
                       matcher_text(&spec->matcher));
    return pass;
}

/* Value of the offer's attribute of that name, NULL when there is none. */
static const char *attribute_value(struct offer_view *view, const char *name)
{
    const char **texts = view_attributes(view);
    for (size_t i = 0; name && i < view->offer->n_attributes; i++) {
        const char *colon = strchr(texts[i], ':');
        if (colon && (size_t)(colon - texts[i]) == strlen(name) &&
            strncasecmp(texts[i], name, strlen(name)) == 0)
            return colon + 1;
    }
    return NULL;
}

static bool round_robin_rule(const struct rule *rule, const char *key, struct arena *arena,
                             struct outcome **ret)
{
    const char *source = kinds[rule->spec->type].source;
    if (!key) {
        *ret = outcome_new(arena, false, source,
                           "Offer lacks needed information for round robin placement");
        return false;
    }
    int64_t here = others(rule->counter, &rule->own, key);
    const struct count_range *range = &rule->range;
    const int64_t *count = rule->spec->count;
    if (range->min != range->max && here > range->min) {
        *ret = outcome_new(arena, false, source,
                           "Key '%s' is already full, and others are known to not be full", key);
        return false;
    }
    if (count && (int64_t)range->keys < *count) {
        bool pass = here == 0;
        if (pass)
            *ret = outcome_new(arena, true, source,
                               "Other keys have zero usage, and so does key '%s'", key);
        else
            *ret = outcome_new(arena, false, source,
                               "Other keys have zero instances, but key '%s' has %lld", key,
                               (long long)here);
        return pass;
    }
    *ret = outcome_new(
        arena, true, source,
        count ? "All distinct keys are found, and '%s' has %lld instances while others have "
                "%lld to %lld"
              : "Distinct key count is unspecified, and '%s' has %lld instances while others "
                "have%lld to %lld", /* the missing blank is the original's */
        key, (long long)here, (long long)range->min, (long long)range->max);
    return true;
}

static bool task_type_rule(const struct rule *rule, const Offer *offer, struct arena *arena,
                           struct outcome **ret)
{
    const char *type = rule->spec->task_type ? rule->spec->task_type : "";
    bool colocate = rule->spec->behavior && strcmp(rule->spec->behavior, "COLOCATE") == 0;
    if (counter_get(rule->all, type) == 0) { /* here the instance's own tasks count, too */
        *ret = outcome_new(arena, true, "TaskTypeRule",
                           "No tasks of %s type '%s' are currently running.",
                           colocate ? "colocated" : "avoided", type);
        return true;
    }
    char room[512], *key = room;
    auto_buf struct buf long_key = BUF_INIT;
    if (snprintf(room, sizeof room, "%s\n%s", type, offer->agent_id->value) >= (int)sizeof room) {
        buf_addf(&long_key, "%s\n%s", type, offer->agent_id->value);
        key = long_key.data;
    }
    bool found = others(rule->counter, &rule->own, key) > 0;
    if (colocate)
        *ret = outcome_new(arena, found, "TaskTypeRule",
                           "%s a task matching colocated type '%s' on "
                           "this agent.",
                           found ? "Found" : "Didn't find", type);
    else if (found)
        *ret = outcome_new(arena, false, "TaskTypeRule",
                           "Found a task matching avoided type '%s' on this agent.", type);
    else
        *ret = outcome_new(arena, true, "TaskTypeRule",
                           "No tasks of avoided type '%s' found on this agent.", type);
    return colocate ? found : !found;
}

static bool local_region_rule(const struct rule *rule, const Offer *offer, struct arena *arena,
                              struct outcome **ret)
{
    const char *region = offer_region(offer), *source = "IsLocalRegionRule";
    if (!region) {
        *ret = outcome_new(arena, true, source,
                           "The Offer has no Region, so it is in the local region.");
        return true;
    }
    if (!rule->local_region) {
        *ret = outcome_new(arena, true, source,
                           "The Master has not reported a FaultDomain on registration, so all "
                           "offers are presumed to be in local region.");
        return true;
    }
    bool pass = strcmp(region, rule->local_region) == 0;
    if (pass)
        *ret = outcome_new(arena, true, source, "The offer is in the local region: '%s'", region);
    else
        *ret = outcome_new(arena, false, source,
                           "The offer is in region: '%s' NOT the local region: '%s'", region,
                           rule->local_region);
    return pass;
}

static bool eval(const struct rule *rule, struct offer_view *view, struct arena *arena,
                 struct outcome **ret, const char **ret_failed);

/* Children are all asked when somebody wants to read the outcome, else only as far as needed. */
static bool combine(const struct rule *rule, struct offer_view *view, struct arena *arena,
                    struct outcome **ret, const char **ret_failed)
{
    bool all = rule->spec->type == RULE_AND;
    const char *source = kinds[rule->spec->type].source;
    if (all && rule->n_rules == 0) {
        *ret = outcome_new(arena, false, source,
                           "No rules to AND together is treated as 'always fail'");
        return false;
    }
    size_t passing = 0, asked = 0;
    struct outcome **children =
        arena ? ARENA_ARRAY(arena, rule->n_rules + 1, struct outcome *) : NULL;
    const char *failed = NULL;
    for (; asked < rule->n_rules; asked++) {
        struct outcome *child = NULL;
        bool pass = eval(rule->rules[asked], view, arena, &child, failed ? NULL : &failed);
        passing += pass;
        if (arena)
            children[asked] = child;
        else if (pass != all)
            break;
    }
    bool pass = all ? passing == rule->n_rules : passing > 0;
    if (!pass && ret_failed)
        *ret_failed = failed;
    *ret =
        outcome_new(arena, pass, source, "%zu of %zu rules are passing:", passing, rule->n_rules);
    for (size_t i = 0; arena && i < rule->n_rules; i++)
        outcome_add(arena, *ret, children[i]);
    return pass;
}

static bool not_rule(const struct rule *rule, struct offer_view *view, struct arena *arena,
                     struct outcome **ret, const char **ret_failed)
{
    struct outcome *child = NULL;
    bool pass = rule->n_rules > 0 && !eval(rule->rules[0], view, arena, &child, NULL);
    if (!pass && ret_failed)
        *ret_failed = rule->n_rules ? kinds[rule->rules[0]->spec->type].plain : "rule";
    *ret = outcome_new(arena, pass, "NotRule", "Returning opposite of child rule");
    outcome_add(arena, *ret, child);
    return pass;
}

static bool eval(const struct rule *rule, struct offer_view *view, struct arena *arena,
                 struct outcome **ret, const char **ret_failed)
{
    const struct placement_rule *spec = rule->spec;
    const Offer *offer = view->offer;
    bool pass = false;
    switch (spec->type) {
    case RULE_AND:
    case RULE_OR:
        pass = combine(rule, view, arena, ret, ret_failed);
        if (!pass && ret_failed && *ret_failed)
            return false;
        break;
    case RULE_NOT:
        return not_rule(rule, view, arena, ret, ret_failed);
    case RULE_HOSTNAME:
        pass = matcher_rule(rule, arena, "hostname", offer->hostname, NULL, ret);
        break;
    case RULE_REGION:
        pass = matcher_rule(rule, arena, "region", offer_region(offer), NULL, ret);
        break;
    case RULE_ZONE:
        pass = matcher_rule(rule, arena, "zone", offer_zone(offer),
                            "Offer does not contain a zone.", ret);
        break;
    case RULE_ATTRIBUTE:
        pass = attribute_rule(rule, view, arena, ret);
        break;
    case RULE_AGENT:
        pass = agent_rule(rule, offer, arena, ret);
        break;
    case RULE_MAX_PER_HOSTNAME:
        pass = max_per_rule(rule, offer->hostname, arena, ret);
        break;
    case RULE_MAX_PER_REGION:
        pass = max_per_rule(rule, offer_region(offer), arena, ret);
        break;
    case RULE_MAX_PER_ZONE:
        pass = max_per_rule(rule, offer_zone(offer), arena, ret);
        break;
    case RULE_MAX_PER_ATTRIBUTE:
        pass = max_per_attribute_rule(rule, view, arena, ret);
        break;
    case RULE_ROUND_ROBIN_HOSTNAME:
        pass = round_robin_rule(rule, offer->hostname, arena, ret);
        break;
    case RULE_ROUND_ROBIN_REGION:
        pass = round_robin_rule(rule, offer_region(offer), arena, ret);
        break;
    case RULE_ROUND_ROBIN_ZONE:
        pass = round_robin_rule(rule, offer_zone(offer), arena, ret);
        break;
    case RULE_ROUND_ROBIN_ATTRIBUTE:
        pass = round_robin_rule(rule, attribute_value(view, spec->name), arena, ret);
        break;
    case RULE_TASK_TYPE:
        pass = task_type_rule(rule, offer, arena, ret);
        break;
    case RULE_IS_LOCAL_REGION:
        pass = local_region_rule(rule, offer, arena, ret);
        break;
    case RULE_PASSTHROUGH:
        pass = true;
        *ret = outcome_new(arena, true, "PassthroughRule", "Passthrough rule always passes.");
        break;
    case RULE_INVALID:
        *ret = outcome_new(
            arena, false, "InvalidPlacementRule", "Invalid placement constraints for %s: %s",
            spec->constraints ? spec->constraints : "", spec->exception ? spec->exception : "");
        break;
    }
    if (!pass && ret_failed)
        *ret_failed = kinds[spec->type].plain;
    return pass;
}

bool rule_passes(const struct rule *rule, struct offer_view *view, struct outcome **ret_outcome,
                 const char **ret_failed)
{
    struct outcome *ignored = NULL;
    return eval(rule, view, ret_outcome ? view->arena : NULL, ret_outcome ? ret_outcome : &ignored,
                ret_failed);
}
