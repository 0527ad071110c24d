#include "spec/specjson.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/io.h"
#include "spec/cluster.h"
#include "tap.h"

static const char *top(void)
{
    const char *dir = getenv("DSE_TEST_TOP");

    return dir ? dir : ".";
}

/* The worked example of service-spec 6.5, in the stored layout. */
static void load_example(struct buf *out)
{
    struct err err = ERR_INIT;
    auto_free char *path = xasprintf("%s/tests/golden/render/worked/spec.json", top());

    CHECK_INT(io_read_file(path, 1 << 20, out, &err), 0);
}

static struct service_spec *parse(const char *text, struct err *err)
{
    json_auto json_t *json = json_parse(text, strlen(text), "spec", err);

    return json ? spec_from_json(json, err) : NULL;
}

static void test_round_trip(void)
{
    struct err err = ERR_INIT;
    auto_buf struct buf in = BUF_INIT, out = BUF_INIT;

    load_example(&in);
    struct service_spec *spec = parse(buf_str(&in), &err);
    CHECK_STR(err.text, "");
    if (!spec)
        return;
    spec_write(spec, &out);
    CHECK_STR(buf_str(&out), buf_str(&in));

    const struct pod_spec *pod = spec_find_pod(spec, "dse");
    CHECK(pod != NULL && pod->count == 3);
    const struct task_spec *node = pod_find_task(pod, "node"),
                           *tool = pod_find_task(pod, "nodetool");
    CHECK(pod_find_task(pod, "none") == NULL && spec_find_pod(spec, "x") == NULL);
    CHECK_INT(node->goal, GOAL_RUNNING);
    CHECK_INT(tool->goal, GOAL_ONCE);
    CHECK(!node->essential && tool->essential);
    const struct resource_spec *vip = &node->resource_set->resources[2];
    CHECK_INT(vip->kind, RESOURCE_VIP_PORT);
    CHECK_INT(vip->port, 9042);
    CHECK_STR(vip->vip_name, "native");
    CHECK_INT(node->resource_set->resources[3].n_ranges, 2);
    CHECK_INT(node->resource_set->resources[3].ranges[0].end, 65535);
    CHECK_STR(node->resource_set->limit_cpus, "unlimited");
    CHECK_INT(pod->placement->type, RULE_AND);
    CHECK_INT(*pod->placement->rules[1]->count, 3);
    CHECK_INT(*pod->rlimits[1].soft, -1);
    service_spec_free(spec);
}

/* What an SDK of 0.42 wrote: see service-spec 6.4 and 6.7. */
static void test_old_shapes(void)
{
    static const char text[] =
        "{\"name\":\"dse\",\"role\":\"dse-role\",\"principal\":\"p\",\"api-port\":8080,\"web-url\":"
        "null,\"zookeeper\":\" "
        "\",\"replacement-failure-policy\":{\"permanent-failure-timeout-mins\":"
        "20,\"min-replace-delay-mins\":10},\"pod-specs\":[{\"type\":\"a\",\"user\":null,\"count\":"
        "1,"
        "\"image\":null,\"networks\":[],\"rlimits\":[],\"uris\":[],\"task-specs\":[{\"name\":\"n\","
        "\"goal\":\"FINISHED\",\"resource-set\":{\"id\":\"r\",\"resource-specifications\":[{\"@"
        "type\":"
        "\"DefaultResourceSpec\",\"name\":\"cpus\",\"value\":{\"type\":\"SCALAR\",\"scalar\":{"
        "\"value\":1.5},\"ranges\":null,\"set\":null,\"text\":null},\"role\":\"r\","
        "\"pre-reserved-role\":null,\"principal\":\"p\"},{\"@type\":\"PortSpec\",\"value\":{"
        "\"type\":"
        "\"RANGES\",\"scalar\":null,\"ranges\":{\"range\":[{\"begin\":80,\"end\":80}]},\"set\":"
        "null},"
        "\"role\":\"r\",\"principal\":\"p\",\"env-key\":null,\"port-name\":\"http\",\"visibility\":"
        "\"EXTERNAL\",\"network-names\":[],\"name\":\"ports\"}],\"volume-specifications\":[],"
        "\"role\":"
        "\"r\",\"principal\":\"p\"},\"command-spec\":{\"value\":\"x\",\"environment\":{}},"
        "\"health-check-spec\":{\"command\":\"c\",\"max-consecutive-failures\":3,\"delay\":1,"
        "\"interval\":2,\"timeout\":3,\"gracePeriod\":4},\"readiness-check-spec\":null,"
        "\"discovery-spec\":null,\"kill-grace-period\":0},{\"name\":\"m\",\"goal\":\"ODD\","
        "\"resource-set\":{\"id\":\"q\",\"resource-specifications\":[],\"volume-specifications\":[]"
        "},"
        "\"command-spec\":null}],\"placement-rule\":null,\"volumes\":[],\"pre-reserved-role\":null,"
        "\"secrets\":[],\"share-pid-namespace\":false}]}";
    struct err err = ERR_INIT;
    struct service_spec *spec = parse(text, &err);

    CHECK_STR(err.text, "");
    if (!spec)
        return;
    const struct pod_spec *pod = &spec->pods[0];
    CHECK_INT(spec->goal, GOAL_RUNNING);
    CHECK_STR(spec->zookeeper, "master.mesos:2181");
    CHECK_STR(spec->user, "root");
    CHECK_STR(pod->user, NULL);
    CHECK_INT(spec->permanent_failure_timeout_s, 1200);
    CHECK_INT(spec->min_replace_delay_s, 600);
    CHECK_INT(pod->tasks[0].goal, GOAL_ONCE);
    CHECK_INT(pod->tasks[1].goal, GOAL_UNKNOWN);
    CHECK(pod->tasks[0].essential);
    CHECK_INT(pod->tasks[0].health_check->grace_period_s, 4);
    CHECK_STR(pod->tasks[0].resource_set->resources[0].pre_reserved_role, "*");
    CHECK_STR(pod->pre_reserved_role, "*");
    CHECK(!pod->tasks[0].resource_set->has_limits);
    CHECK(pod->tasks[1].command == NULL);
    CHECK(!pod->allow_decommission && !pod->seccomp_unconfined && pod->n_host_volumes == 0);
    service_spec_free(spec);
}

static void test_errors(void)
{
    static const struct {
        const char *text, *error;
    } samples[] = {
        {"[]", "is an array, must be an object"},
        {"{}", "name: is missing or null, must be a string"},
        {"{\"name\":\"x\",\"pod-specs\":{}}", "pod-specs: is an object, must be an array"},
        {"{\"name\":\"x\",\"pod-specs\":[{\"type\":\"a\"}]}",
         "pod-specs[0].count: is missing or null, must be an integer"},
        {"{\"name\":\"x\",\"pod-specs\":[{\"type\":\"a\",\"count\":1,\"placement-rule\":{\"@type\":"
         "\"Odd\"}}]}",
         "pod-specs[0].placement-rule: unknown @type 'Odd' of a placement rule"},
        {"{\"name\":\"x\",\"pod-specs\":[{\"type\":\"a\",\"count\":1,\"placement-rule\":{\"@type\":"
         "\"HostnameRule\",\"matcher\":{\"@type\":\"InvertedExactMatcher\",\"string\":\"a\"}}}]}",
         "pod-specs[0].placement-rule.matcher: unknown @type 'InvertedExactMatcher' of a matcher"},
        {"{\"name\":\"x\",\"pod-specs\":[{\"type\":\"a\",\"count\":1,\"task-specs\":[{\"name\":"
         "\"t\","
         "\"resource-set\":{\"id\":\"r\",\"resource-specifications\":[{\"@type\":\"Odd\"}]}}]}]}",
         "pod-specs[0].task-specs[0].resource-set.resource-specifications[0]: unknown @type 'Odd' "
         "of "
         "a resource"},
        {"{\"name\":\"x\",\"pod-specs\":[{\"type\":\"a\",\"count\":1,\"host-volumes\":[{\"host-"
         "path\":"
         "\"/a\",\"container-path\":\"a\",\"mode\":\"XX\"}]}]}",
         "pod-specs[0].host-volumes[0].mode: unknown value 'XX'"},
    };

    for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
        struct err err = ERR_INIT;
        CHECK(parse(samples[i].text, &err) == NULL);
        CHECK_STR(err.text, samples[i].error);
        CHECK_INT(err.status, EXIT_INPUT);
    }
}

/* Every rule and matcher of service-spec 7.3 survives, member for member. */
static void test_rules(void)
{
    static const char *const rules[] = {
        "{\"@type\":\"AndRule\",\"rules\":[{\"@type\":\"IsLocalRegionRule\"},{\"@type\":"
        "\"OrRule\",\"rules\":[]}]}",
        "{\"@type\":\"NotRule\",\"rule\":{\"@type\":\"ZoneRule\",\"matcher\":{\"@type\":"
        "\"AnyMatcher\"}}}",
        "{\"@type\":\"AgentRule\",\"agent-id\":\"a-1\"}",
        "{\"@type\":\"MaxPerAttributeRule\",\"max\":2,\"matcher\":{\"@type\":\"RegexMatcher\","
        "\"pattern\":\"rack:.*\"},\"task-filter\":null}",
        "{\"@type\":\"MaxPerRegionRule\",\"max\":1,\"task-filter\":{\"@type\":\"RegexMatcher\","
        "\"pattern\":\"dse-.*\"}}",
        "{\"@type\":\"RoundRobinByHostnameRule\",\"agent-count\":null,\"task-filter\":null}",
        "{\"@type\":\"RoundRobinByZoneRule\",\"zone-count\":3,\"task-filter\":null}",
        "{\"@type\":\"RoundRobinByRegionRule\",\"region-count\":3,\"task-filter\":null}",
        "{\"@type\":\"RoundRobinByAttributeRule\",\"name\":\"rack\",\"value-count\":3,"
        "\"task-filter\":null}",
        "{\"@type\":\"TaskTypeRule\",\"type\":\"dse\",\"converter\":{\"@type\":"
        "\"TaskTypeLabelConverter\"},\"behavior\":\"AVOID\"}",
        "{\"@type\":\"RegionRule\",\"matcher\":{\"@type\":\"ExactMatcher\",\"string\":\"us\"}}",
        "{\"@type\":\"PassthroughRule\"}",
        "{\"@type\":\"InvalidPlacementRule\",\"exception\":\"e\",\"constraints\":\"c\"}",
    };

    for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
        struct err err = ERR_INIT;
        auto_free char *text =
            xasprintf("{\"name\":\"x\",\"pod-specs\":[{\"type\":\"a\",\"count\":1,"
                      "\"placement-rule\":%s}]}",
                      rules[i]);
        auto_buf struct buf out = BUF_INIT;
        struct service_spec *spec = parse(text, &err);
        CHECK_STR(err.text, "");
        if (!spec)
            continue;
        json_auto json_t *json = placement_to_json(spec->pods[0].placement);
        json_write(&out, json, JSON_LAYOUT_COMPACT);
        CHECK_STR(buf_str(&out), rules[i]);
        service_spec_free(spec);
    }
}

static void test_rule_depth(void)
{
    struct err err = ERR_INIT;
    auto_buf struct buf text = BUF_INIT;

    buf_adds(&text,
             "{\"name\":\"x\",\"pod-specs\":[{\"type\":\"a\",\"count\":1,\"placement-rule\":");
    for (int i = 0; i < 90; i++)
        buf_adds(&text, "{\"@type\":\"NotRule\",\"rule\":");
    buf_adds(&text, "null");
    for (int i = 0; i < 90; i++)
        buf_adds(&text, "}");
    buf_adds(&text, "}]}");
    CHECK(parse(text.data, &err) == NULL);
    CHECK(strstr(err.text, "rules are nested too deeply"));
}

static void test_plans(void)
{
    static const char text[] =
        "{\"deploy\":{\"strategy\":\"serial\",\"phases\":{\"p\":{\"pod\":\"dse\",\"strategy\":"
        "\"serial-canary\",\"steps\":[{\"default\":[[\"node\",\"agent\"]]},{\"0\":[]}]},\"q\":{"
        "\"pod\":\"dse\"}}},\"side\":{\"phases\":{}}}";
    struct err err = ERR_INIT;
    auto_buf struct buf out = BUF_INIT;
    json_auto json_t *json = json_parse(text, strlen(text), "plans", &err);
    struct plans_spec *plans = plans_spec_from_json(json, &err);

    CHECK_STR(err.text, "");
    if (!plans)
        return;
    json_auto json_t *back = plans_spec_to_json(plans);
    json_write(&out, back, JSON_LAYOUT_COMPACT);
    CHECK_STR(buf_str(&out), text);
    CHECK_INT(plans->plans[0].phases[0].steps[0].task_lists[0].count, 2);
    CHECK_INT(plans->plans[0].phases[1].n_steps, 0);
    plans_spec_free(plans);

    plans = plans_spec_from_json(NULL, &err);
    CHECK(plans != NULL && plans->n_plans == 0);
    plans_spec_free(plans);

    static const char bad[] = "{\"deploy\":{\"phases\":{\"p\":{\"pod\":\"d\",\"steps\":[{}]}}}}";
    json_auto json_t *bad_json = json_parse(bad, strlen(bad), "plans", &err);
    CHECK(plans_spec_from_json(bad_json, &err) == NULL);
    CHECK_STR(err.text, "plans: deploy.phases.p.steps[0]: must have a single member, has 0");
}

static void test_cluster(void)
{
    struct cluster_caps caps;
    struct err err = ERR_INIT;

    CHECK_INT(cluster_caps_parse(NULL, &caps, &err), 0);
    CHECK(caps.resource_limits && caps.fault_domains);
    CHECK_INT(cluster_caps_parse("1.11-dev", &caps, &err), 0);
    CHECK(caps.fault_domains && caps.refinement && !caps.volume_profiles);
    CHECK_INT(cluster_caps_parse("1.9.4", &caps, &err), 0);
    CHECK(caps.rlimits && caps.gpus && !caps.file_secrets && !caps.refinement);
    CHECK_INT(cluster_caps_parse("2.0", &caps, &err), 0);
    CHECK(caps.shared_memory && !caps.resource_limits);
    CHECK_INT(cluster_caps_parse("new", &caps, &err), -1);
    CHECK_STR(err.text, "cannot read cluster version 'new': not of the form 1.13 or 2.1.0");
}

TAP_MAIN(TEST(test_round_trip), TEST(test_old_shapes), TEST(test_errors), TEST(test_rules),
         TEST(test_rule_depth), TEST(test_plans), TEST(test_cluster))
