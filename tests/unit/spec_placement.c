#include "spec/placement.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/json.h"
#include "spec/specjson.h"
#include "tap.h"

/* The task filter of pod type dse. */
#define F "{\"@type\":\"RegexMatcher\",\"pattern\":\"dse-.*\"}"
#define REGEX(p) "{\"@type\":\"RegexMatcher\",\"pattern\":\"" p "\"}"
#define EXACT(s) "{\"@type\":\"ExactMatcher\",\"string\":\"" s "\"}"
#define INVALID(e, c) \
    "{\"@type\":\"InvalidPlacementRule\",\"exception\":\"" e "\",\"constraints\":\"" c "\"}"

static const struct {
    const char *text, *want;
} rules[] = {
    /* See service-spec 7.3. */
    {"[[\"hostname\",\"MAX_PER\",\"2\"]]",
     "{\"@type\":\"MaxPerHostnameRule\",\"max\":2,\"task-filter\":" F "}"},
    {"[[\"hostname\",\"LIKE\",\"10.0.0.[1-3]\"]]",
     "{\"@type\":\"HostnameRule\",\"matcher\":" REGEX("10.0.0.[1-3]") "}"},
    {"[[\"hostname\",\"UNLIKE\",\"10.0.0.9\"]]",
     "{\"@type\":\"NotRule\",\"rule\":{\"@type\":\"HostnameRule\",\"matcher\":" REGEX(
         "10.0.0.9") "}}"},
    {"[[\"hostname\",\"CLUSTER\",\"a.b\"]]",
     "{\"@type\":\"HostnameRule\",\"matcher\":" EXACT("a.b") "}"},
    {"[[\"hostname\",\"GROUP_BY\"]]",
     "{\"@type\":\"RoundRobinByHostnameRule\",\"agent-count\":null,\"task-filter\":" F "}"},
    {"[[\"@zone\",\"GROUP_BY\",\"3\"]]",
     "{\"@type\":\"RoundRobinByZoneRule\",\"zone-count\":3,\"task-filter\":" F "}"},
    {"[[\"@region\",\"GROUP_BY\",\"2\"]]",
     "{\"@type\":\"RoundRobinByRegionRule\",\"region-count\":2,\"task-filter\":" F "}"},
    {"[[\"@region\",\"IS\",\"us-1\"]]", "{\"@type\":\"RegionRule\",\"matcher\":" EXACT("us-1") "}"},
    {"[[\"rack\",\"LIKE\",\"r[12]\"]]",
     "{\"@type\":\"AttributeRule\",\"matcher\":" REGEX("rack:r[12]") "}"},
    {"[[\"rack\",\"UNIQUE\"]]",
     "{\"@type\":\"AndRule\",\"rules\":[{\"@type\":\"AttributeRule\","
     "\"matcher\":" REGEX("rack:.*") "},{\"@type\":\"MaxPerAttributeRule\",\"max\":1,"
                                     "\"matcher\":" REGEX("rack:.*") ",\"task-filter\":" F "}]}"},
    {"[[\"rack\",\"GROUP_BY\",\"3\"]]", "{\"@type\":\"RoundRobinByAttributeRule\",\"name\":"
                                        "\"rack\",\"value-count\":3,\"task-filter\":" F "}"},
    {"[[\"rack\",\"FOO\",\"1\"]]",
     INVALID("Unsupported operator: 'FOO' in constraint: [rack, FOO, 1] (expected one of: UNIQUE, "
             "CLUSTER, GROUP_BY, LIKE, UNLIKE, or MAX_PER)",
             "[[\\\"rack\\\",\\\"FOO\\\",\\\"1\\\"]]")},
    /* 7.1: three notations, any case, blanks. */
    {"", "null"},
    {"[]", "null"},
    {"  ", INVALID("Invalid number of entries in rule. Expected 2 or 3, got 1: []", "  ")},
    {"[ ]", INVALID("Invalid number of entries in rule. Expected 2 or 3, got 0: []", "[ ]")},
    {"[[null]]",
     INVALID("Invalid number of entries in rule. Expected 2 or 3, got 1: [null]", "[[null]]")},
    /* Numbers stay as they are written, a null parameter is none. */
    {"[[\"rack\",\"LIKE\",1.50]]",
     "{\"@type\":\"AttributeRule\",\"matcher\":" REGEX("rack:1.50") "}"},
    {"[[\"rack\",\"IS\",1e3]]", "{\"@type\":\"AttributeRule\",\"matcher\":" EXACT("rack:1e3") "}"},
    {"[[\"hostname\",\"UNIQUE\",null]]",
     "{\"@type\":\"MaxPerHostnameRule\",\"max\":1,\"task-filter\":" F "}"},
    {"[\"rack\",\"LIKE\",null]", INVALID("Missing required parameter for operator 'LIKE'.",
                                         "[\\\"rack\\\",\\\"LIKE\\\",null]")},
    /* A backslash behind a backslash protects nothing. */
    {"rack:LIKE:a\\\\,b", INVALID("Invalid number of entries in rule. Expected 2 or 3, got 1: [b]",
                                  "rack:LIKE:a\\\\\\\\,b")},
    {"[\"hostname\", \"unique\"]",
     "{\"@type\":\"MaxPerHostnameRule\",\"max\":1,\"task-filter\":" F "}"},
    {"hostname:UNIQUE", "{\"@type\":\"MaxPerHostnameRule\",\"max\":1,\"task-filter\":" F "}"},
    {" @hostname : max_per : 3 , @zone:CLUSTER:z1",
     "{\"@type\":\"AndRule\",\"rules\":[{\"@type\":\"MaxPerHostnameRule\",\"max\":3,\"task-"
     "filter\":" F "},{\"@type\":\"ZoneRule\",\"matcher\":" EXACT("z1") "}]}"},
    {"hostname:LIKE:a\\:b\\,c\\.d",
     "{\"@type\":\"HostnameRule\",\"matcher\":" REGEX("a:b,c\\\\.d") "}"},
    {"[[\"rack\",\"MAX_PER\",2]]",
     "{\"@type\":\"AndRule\",\"rules\":[{\"@type\":\"AttributeRule\","
     "\"matcher\":" REGEX("rack:.*") "},{\"@type\":\"MaxPerAttributeRule\",\"max\":2,"
                                     "\"matcher\":" REGEX("rack:.*") ",\"task-"
                                                                     "filter\":" F "}]}"},
    {"[[\"@zone\",\"UNIQUE\"]]", "{\"@type\":\"MaxPerZoneRule\",\"max\":1,\"task-filter\":" F "}"},
    {"[[\"@region\",\"MAX_PER\",\"2\"]]",
     "{\"@type\":\"MaxPerRegionRule\",\"max\":2,\"task-filter\":" F "}"},
    {"[[\"@zone\",\"UNLIKE\",\"z.*\"]]",
     "{\"@type\":\"NotRule\",\"rule\":{\"@type\":\"ZoneRule\",\"matcher\":" REGEX("z.*") "}}"},
    {"[[\"rack\",\"IS\",\"r1\"]]",
     "{\"@type\":\"AttributeRule\",\"matcher\":" EXACT("rack:r1") "}"},
    {"[[\"rack\",\"GROUP_BY\"]]",
     "{\"@type\":\"RoundRobinByAttributeRule\",\"name\":\"rack\",\"value-count\":null,\"task-"
     "filter\":" F "}"},
    /* 7.2: what validation reports. */
    {"hostname",
     INVALID("Invalid number of entries in rule. Expected 2 or 3, got 1: [hostname]", "hostname")},
    {"a:b:c:d",
     INVALID("Invalid number of entries in rule. Expected 2 or 3, got 4: [a, b, c, d]", "a:b:c:d")},
    {"[[\"hostname\",\"UNIQUE\"]]x",
     INVALID("Invalid number of entries in rule. Expected 2 or 3, got 1: [[[\\\"hostname\\\"]",
             "[[\\\"hostname\\\",\\\"UNIQUE\\\"]]x")},
    {"hostname:LIKE", INVALID("Missing required parameter for operator 'LIKE'.", "hostname:LIKE")},
    {"hostname:MAX_PER:x",
     INVALID("Unable to parse max parameter as integer for 'MAX_PER' operation: Optional[x]",
             "hostname:MAX_PER:x")},
    {"hostname:UNIQUE,rack:FOO:1",
     INVALID("Unsupported operator: 'FOO' in constraint: [rack, FOO, 1] (expected one of: UNIQUE, "
             "CLUSTER, GROUP_BY, LIKE, UNLIKE, or MAX_PER)",
             "hostname:UNIQUE,rack:FOO:1")},
};

static void test_rules(void)
{
    for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
        auto_arena struct arena arena = ARENA_INIT;
        auto_buf struct buf out = BUF_INIT;
        struct err err = ERR_INIT;
        struct placement_rule *rule;
        const char *problem;
        CHECK_INT(placement_parse(rules[i].text, "dse", &arena, &rule, &problem, &err), 0);
        CHECK_STR(err.text, "");
        json_auto json_t *json = placement_to_json(rule);
        json_write(&out, json, JSON_LAYOUT_COMPACT);
        CHECK_STR(buf_str(&out), rules[i].want);
        CHECK((problem != NULL) == (rule && rule->type == RULE_INVALID));
    }
}

static void test_refused(void)
{
    static const struct {
        const char *text, *error;
    } samples[] = {
        {"hostname:MAX_PER:0", "MAX_PER wants a number of 1 or more, not 0"},
        {"hostname:LIKE:a(b", "'a(b' is no regular expression: missing closing parenthesis"},
        {"rack:UNLIKE:[", "'rack:[' is no regular expression: missing terminating ] for character "
                          "class"},
        {"rack:LIKE:a{1", "'rack:a{1' is no regular expression: '{' begins no repetition: write "
                          "'\\{'"},
        {"a(:UNIQUE", "'a(:.*' is no regular expression: missing closing parenthesis"},
        {"null", "null is no constraint"},
        {"[[\"a\",\"UNIQUE\"],null]", "null is no constraint"},
        {"[\"a\",null]", "null is neither field nor operator: constraint [a, null]"},
        {"[[null,\"UNIQUE\"]]", "null is neither field nor operator: constraint [null, UNIQUE]"},
        {"hostname:IS_NOT:a",
         "the operator IS_NOT cannot be stored: use UNLIKE in constraint [hostname, IS_NOT, a]"},
    };

    for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
        auto_arena struct arena arena = ARENA_INIT;
        struct err err = ERR_INIT;
        struct placement_rule *rule;
        CHECK_INT(placement_parse(samples[i].text, "dse", &arena, &rule, NULL, &err), -1);
        CHECK_STR(err.text, samples[i].error);
    }
}

static void test_region(void)
{
    struct service_spec *spec = xcalloc(1, sizeof *spec);
    static const char *const placements[] = {"", "hostname:UNIQUE", "@region:IS:a,rack:UNIQUE",
                                             "@zone:GROUP_BY"};
    static const char *const local[] = {
        "{\"@type\":\"IsLocalRegionRule\"}",
        "{\"@type\":\"AndRule\",\"rules\":[{\"@type\":\"IsLocalRegionRule\"},{\"@type\":"
        "\"MaxPerHostnameRule\",\"max\":1,\"task-filter\":" F "}]}",
        NULL,
        "{\"@type\":\"AndRule\",\"rules\":[{\"@type\":\"IsLocalRegionRule\"},{\"@type\":"
        "\"RoundRobinByZoneRule\",\"zone-count\":null,\"task-filter\":" F "}]}",
    };
    struct err err = ERR_INIT;

    spec->pods = ARENA_ARRAY(&spec->arena, 4, struct pod_spec);
    spec->n_pods = 4;
    for (size_t i = 0; i < 4; i++)
        placement_parse(placements[i], "dse", &spec->arena, &spec->pods[i].placement, NULL, &err);
    struct placement_rule *own = spec->pods[2].placement;
    CHECK(placement_refers_to_region(own) && !placement_refers_to_zone(own));
    CHECK(placement_refers_to_zone(spec->pods[3].placement));
    placement_add_region(spec, NULL, true);
    CHECK_STR(spec->region, NULL);
    for (size_t i = 0; i < 4; i++) {
        auto_buf struct buf out = BUF_INIT;
        json_auto json_t *json = placement_to_json(spec->pods[i].placement);
        json_write(&out, json, JSON_LAYOUT_COMPACT);
        if (local[i])
            CHECK_STR(buf_str(&out), local[i]);
        else
            CHECK(spec->pods[i].placement == own);
    }
    /* Once there, it is not added again; a region of the service is. */
    struct placement_rule *first = spec->pods[0].placement;
    placement_add_region(spec, NULL, true);
    CHECK(spec->pods[0].placement == first);
    spec->pods[0].placement = NULL;
    placement_add_region(spec, "us", true);
    CHECK_STR(spec->region, "us");
    CHECK_INT(spec->pods[0].placement->type, RULE_REGION);
    CHECK_STR(spec->pods[0].placement->matcher.text, "us");
    /* Without awareness the service has its region, its pods the master's. */
    spec->pods[0].placement = NULL;
    placement_add_region(spec, "eu", false);
    CHECK_STR(spec->region, "eu");
    CHECK_INT(spec->pods[0].placement->type, RULE_IS_LOCAL_REGION);
    service_spec_free(spec);
}

TAP_MAIN(TEST(test_rules), TEST(test_refused), TEST(test_region))
