/* Placement rules <-> JSON: one table of rule types drives both directions (see service-spec 7.3).
 */
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "spec/emit.h"
#include "spec/jsonread.h"
#include "spec/specjson.h"

enum { RULE_DEPTH = 60 };

enum rule_field {
    HAS_RULES = 1,
    HAS_RULE = 2,
    HAS_MATCHER = 4,
    HAS_FILTER = 8,
    HAS_MAX = 16,
    HAS_COUNT = 32,
    HAS_NAME = 64,
};

static const struct rule_shape {
    const char *tag;
    int fields;
    const char *count_key, *name_key;
} shapes[] = {
    [RULE_AND] = {"AndRule", HAS_RULES},
    [RULE_OR] = {"OrRule", HAS_RULES},
    [RULE_NOT] = {"NotRule", HAS_RULE},
    [RULE_HOSTNAME] = {"HostnameRule", HAS_MATCHER},
    [RULE_REGION] = {"RegionRule", HAS_MATCHER},
    [RULE_ZONE] = {"ZoneRule", HAS_MATCHER},
    [RULE_ATTRIBUTE] = {"AttributeRule", HAS_MATCHER},
    [RULE_AGENT] = {"AgentRule", HAS_NAME, NULL, "agent-id"},
    [RULE_MAX_PER_HOSTNAME] = {"MaxPerHostnameRule", HAS_MAX | HAS_FILTER},
    [RULE_MAX_PER_REGION] = {"MaxPerRegionRule", HAS_MAX | HAS_FILTER},
    [RULE_MAX_PER_ZONE] = {"MaxPerZoneRule", HAS_MAX | HAS_FILTER},
    [RULE_MAX_PER_ATTRIBUTE] = {"MaxPerAttributeRule", HAS_MAX | HAS_MATCHER | HAS_FILTER},
    [RULE_ROUND_ROBIN_HOSTNAME] = {"RoundRobinByHostnameRule", HAS_COUNT | HAS_FILTER,
                                   "agent-count"},
    [RULE_ROUND_ROBIN_REGION] = {"RoundRobinByRegionRule", HAS_COUNT | HAS_FILTER, "region-count"},
    [RULE_ROUND_ROBIN_ZONE] = {"RoundRobinByZoneRule", HAS_COUNT | HAS_FILTER, "zone-count"},
    [RULE_ROUND_ROBIN_ATTRIBUTE] = {"RoundRobinByAttributeRule", HAS_NAME | HAS_COUNT | HAS_FILTER,
                                    "value-count", "name"},
    [RULE_TASK_TYPE] = {"TaskTypeRule", 0},
    [RULE_IS_LOCAL_REGION] = {"IsLocalRegionRule", 0},
    [RULE_PASSTHROUGH] = {"PassthroughRule", 0},
    [RULE_INVALID] = {"InvalidPlacementRule", 0},
};

static const struct matcher_shape {
    const char *tag, *key;
} matchers[] = {
    [MATCHER_NONE] = {NULL, NULL},
    [MATCHER_EXACT] = {"ExactMatcher", "string"},
    [MATCHER_REGEX] = {"RegexMatcher", "pattern"},
    [MATCHER_ANY] = {"AnyMatcher", NULL},
};

static const char task_type_converter[] = "TaskTypeLabelConverter";

/* ---- writing ---- */

static void emit_tagged(struct emit *e, const char *key, const char *tag)
{
    emit_object(e, key);
    emit_text(e, "@type", tag);
}

static void emit_matcher(struct emit *e, const char *key, const struct matcher *matcher)
{
    const struct matcher_shape *shape = &matchers[matcher->type];

    if (!shape->tag) {
        emit_null(e, key);
        return;
    }
    emit_tagged(e, key, shape->tag);
    if (shape->key)
        emit_text(e, shape->key, matcher->text);
    emit_end(e);
}

/* The depth of a rule is bounded where it is made: by the parser and by placement_from_json(). */
void emit_placement(struct emit *e, const char *key, const struct placement_rule *rule)
{
    if (!rule) {
        emit_null(e, key);
        return;
    }
    const struct rule_shape *shape = &shapes[rule->type];
    emit_tagged(e, key, shape->tag);
    if (shape->fields & HAS_RULES) {
        emit_array(e, "rules");
        for (size_t i = 0; i < rule->n_rules; i++)
            emit_placement(e, NULL, rule->rules[i]);
        emit_end(e);
    }
    if (shape->fields & HAS_RULE)
        emit_placement(e, "rule", rule->n_rules ? rule->rules[0] : NULL);
    if (shape->fields & HAS_NAME)
        emit_text(e, shape->name_key, rule->name);
    if (shape->fields & HAS_COUNT)
        emit_int_or_null(e, shape->count_key, rule->count);
    if (shape->fields & HAS_MAX)
        emit_int(e, "max", rule->max);
    if (shape->fields & HAS_MATCHER)
        emit_matcher(e, "matcher", &rule->matcher);
    if (shape->fields & HAS_FILTER)
        emit_matcher(e, "task-filter", &rule->task_filter);
    if (rule->type == RULE_TASK_TYPE) {
        emit_text(e, "type", rule->task_type);
        emit_tagged(e, "converter", task_type_converter);
        emit_end(e);
        emit_text(e, "behavior", rule->behavior);
    }
    if (rule->type == RULE_INVALID) {
        emit_text(e, "exception", rule->exception);
        emit_text(e, "constraints", rule->constraints);
    }
    emit_end(e);
}

json_t *placement_to_json(const struct placement_rule *rule)
{
    struct emit e = {.text = NULL};

    emit_placement(&e, NULL, rule);
    return e.root;
}

/* ---- reading ---- */

static int matcher_from_json(const struct jnode *obj, const char *key, struct matcher *ret)
{
    const struct jnode node = jnode_member(obj, key);
    const char *tag;

    *ret = (struct matcher){MATCHER_NONE, NULL};
    if (!node.value)
        return 0;
    if (jnode_object(&node) < 0 || jget_string(&node, "@type", &tag) < 0)
        return -1;
    for (size_t i = MATCHER_EXACT; i < ARRAY_LEN(matchers); i++) {
        if (strcmp(tag, matchers[i].tag) == 0) {
            ret->type = (enum matcher_type)i;
            return matchers[i].key ? jget_string(&node, matchers[i].key, &ret->text) : 0;
        }
    }
    return jnode_fail(&node, "unknown @type '%s' of a matcher", tag);
}

static int task_type_from_json(const struct jnode *node, struct placement_rule *rule)
{
    if (jget_string(node, "type", &rule->task_type) < 0 ||
        jget_string(node, "behavior", &rule->behavior) < 0)
        return -1;
    if (strcmp(rule->behavior, "COLOCATE") != 0 && strcmp(rule->behavior, "AVOID") != 0) {
        const struct jnode behavior = jnode_member(node, "behavior");
        return jnode_fail(&behavior, "'%s' is neither COLOCATE nor AVOID", rule->behavior);
    }
    const struct jnode converter = jnode_member(node, "converter");
    const char *tag = task_type_converter;
    if (jget_string_opt(&converter, "@type", &tag) < 0)
        return -1;
    if (strcmp(tag, task_type_converter) != 0)
        return jnode_fail(&converter, "unknown @type '%s' of a task type converter", tag);
    return 0;
}

static int invalid_from_json(const struct jnode *node, struct placement_rule *rule)
{
    if (jget_string_opt(node, "exception", &rule->exception) < 0)
        return -1;
    return jget_string_opt(node, "constraints", &rule->constraints);
}

static int fields_from_json(const struct jnode *node, const struct rule_shape *shape,
                            struct placement_rule *rule)
{
    if ((shape->fields & HAS_NAME) && jget_string(node, shape->name_key, &rule->name) < 0)
        return -1;
    if ((shape->fields & HAS_COUNT) && jget_int_ptr(node, shape->count_key, &rule->count) < 0)
        return -1;
    if ((shape->fields & HAS_MAX) && jget_int(node, "max", &rule->max) < 0)
        return -1;
    if ((shape->fields & HAS_MATCHER) && matcher_from_json(node, "matcher", &rule->matcher) < 0)
        return -1;
    if ((shape->fields & HAS_FILTER) &&
        matcher_from_json(node, "task-filter", &rule->task_filter) < 0)
        return -1;
    if (rule->type == RULE_TASK_TYPE)
        return task_type_from_json(node, rule);
    if (rule->type == RULE_INVALID)
        return invalid_from_json(node, rule);
    return 0;
}

int placement_from_json(const struct jnode *node, struct placement_rule **ret)
{
    const char *tag;

    *ret = NULL;
    if (!node->value)
        return 0;
    if (node->depth > RULE_DEPTH)
        return jnode_fail(node, "rules are nested too deeply");
    if (jnode_object(node) < 0 || jget_string(node, "@type", &tag) < 0)
        return -1;
    size_t type = 0;
    while (type < ARRAY_LEN(shapes) && strcmp(tag, shapes[type].tag) != 0)
        type++;
    if (type == ARRAY_LEN(shapes))
        return jnode_fail(node, "unknown @type '%s' of a placement rule", tag);
    struct placement_rule *rule = ARENA_NEW(node->arena, struct placement_rule);
    const struct rule_shape *shape = &shapes[type];

    rule->type = (enum rule_type)type;
    *ret = rule;
    if (shape->fields & (HAS_RULES | HAS_RULE)) {
        const bool one = shape->fields & HAS_RULE;
        const struct jnode rules = jnode_member(node, one ? "rule" : "rules");
        size_t count = 1;
        if (!one && jnode_array(&rules, &count) < 0)
            return -1;
        rule->rules = ARENA_ARRAY(node->arena, count, struct placement_rule *);
        for (; rule->n_rules < count; rule->n_rules++) {
            const struct jnode child = one ? rules : jnode_element(&rules, rule->n_rules);
            if (!child.value)
                return jnode_fail(&child, "is missing or null, must be a placement rule");
            if (placement_from_json(&child, &rule->rules[rule->n_rules]) < 0)
                return -1;
        }
    }
    return fields_from_json(node, shape, rule);
}
