/* A svc.yml as a whole: service, scalars, plans, environment (see service-spec 3). */
#include "svcyml.h"

static void test_service(void)
{
    static const struct sample samples[] = {
        {SERVICE(""), "name", "\"/f/s\""},
        {SERVICE(""), "role", "\"f__s-role\""},
        {SERVICE(""), "principal", "\"/f/s-principal\""},
        {SERVICE(""), "user", "\"root\""},
        {SERVICE(""), "goal", "\"RUNNING\""},
        {SERVICE(""), "zookeeper", "\"master.mesos:2181\""},
        {SERVICE(""), "web-url", "null"},
        {SERVICE(""), "region", "null"},
        {SERVICE("web-url: http://{{X}}"), "web-url", "\"http://value\""},
        {SERVICE("scheduler: {principal: p, zookeeper: 'z:1', user: u}"), "principal", "\"p\""},
        {SERVICE("scheduler: {principal: p, zookeeper: 'z:1', user: u}"), "zookeeper", "\"z:1\""},
        {SERVICE("scheduler: {principal: p, zookeeper: 'z:1', user: u}"), "pod-specs/0/user",
         "\"u\""},
        {SERVICE("scheduler: {user: ''}"), "user", "\"root\""},
        {SERVICE("scheduler:"), "user", "\"root\""},
        {SERVICE("scheduler: {role: x}"), NULL,
         "svc.yml:2:13: scheduler.role: unknown key: known are principal, zookeeper, user"},
        {SERVICE("schedulr: {}"), NULL,
         "svc.yml:2:1: schedulr: unknown key: did you mean "
         "'scheduler'?"},
        {SERVICE("webUrl: x"), NULL, "svc.yml:2:1: webUrl: unknown key: did you mean 'web-url'?"},
        {SERVICE("scheduler: x"), NULL,
         "svc.yml:2:12: scheduler: is a plain value: a mapping is wanted"},
        {"name: a__b\n" PODS, NULL,
         "svc.yml:1:7: name: the name 'a__b' has double underscores: use single ones, or folders"},
        {"name: ' '\n" PODS, NULL, "svc.yml:1:7: name: the name is blank: name the service"},
        {"name:\n" PODS, NULL, "svc.yml:1:6: name: is missing or empty: the key is required"},
        {PODS, NULL, "svc.yml:1:1: name: is missing or empty: the key is required"},
        {"name: s\n", NULL, "svc.yml:1:1: pods: is missing or empty: a mapping is wanted"},
        {"name: s\npods: {}\n", NULL,
         "svc.yml:2:7: pods: there are no pods: a service has at least one pod"},
        {"- a\n", NULL, "svc.yml:1:1: is a list: a mapping is wanted"},
        {"name: {{#X}}\n", NULL, "svc.yml:1:7: the section 'X' is not closed: {{/X}} is missing"},
    };

    check_all(samples, ARRAY_LEN(samples));
}

static void test_scalars(void)
{
    static const struct {
        const char *kind, *text, *want; /* want NULL: an error */
    } samples[] = {
        /* See service-spec 3.1. */
        {"count", "010", "10"},        {"count", "+5", "5"},
        {"count", "1_000", "1000"},    {"count", "' 5 '", "5"},
        {"count", "2.7", "2"},         {"count", "3e2", "300"},
        {"count", "3.0", "3"},         {"count", "0", "0"},
        {"count", "0x10", NULL},       {"count", "0b11", NULL},
        {"count", "1:30", NULL},       {"count", "2147483648", NULL},
        {"count", "'2.7'", NULL},      {"count", "x", NULL},
        {"count", "-1", NULL},         {"count", "[1]", NULL},
        {"cpus", "0.5", "0.5"},        {"cpus", ".5", "0.5"},
        {"cpus", "1e-1", "0.1"},       {"cpus", "'0.5'", "0.5"},
        {"cpus", ".inf", NULL},        {"cpus", ".nan", NULL},
        {"cpus", "'1,5'", NULL},       {"cpus", "0", NULL},
        {"cpus", "-1", NULL},          {"cpus", "0x10", NULL},
        {"essential", "no", "false"},  {"essential", "OFF", "false"},
        {"essential", "True", "true"}, {"essential", "'False'", "false"},
        {"essential", "0", "false"},   {"essential", "7", "true"},
        {"essential", "00", "true"},   {"essential", "'null'", "true"},
        {"count", "'null'", NULL},     {"cpus", "1_000", NULL},
        {"cpus", "1_0.5", "10.5"},     {"cpus", "1e1_0", NULL},
        {"essential", "''", "true"},   {"essential", "T", NULL},
        {"essential", "'no'", NULL},   {"cmd", "1.50", "\"1.50\""},
        {"cmd", "010", "\"010\""},     {"cmd", "yes", "\"yes\""},
        {"cmd", "''", "\"\""},         {"cmd", "~", NULL},
        {"cmd", "[a]", NULL},
    };

    for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
        const char *kind = samples[i].kind;
        const char *path = strcmp(kind, "count") == 0       ? "pod-specs/0/count"
                           : strcmp(kind, "essential") == 0 ? "pod-specs/0/task-specs/0/essential"
                           : strcmp(kind, "cmd") == 0
                               ? "pod-specs/0/task-specs/0/command-spec/value"
                               : "pod-specs/0/task-specs/0/resource-set/resource-specifications/0/"
                                 "value/scalar/value";
        auto_free char *text = xasprintf("name: s\npods: {p: {count: %s, tasks: {t: {goal: "
                                         "RUNNING, cmd: %s, cpus: %s, essential: "
                                         "%s}}}}\n",
                                         strcmp(kind, "count") == 0 ? samples[i].text : "1",
                                         strcmp(kind, "cmd") == 0 ? samples[i].text : "c",
                                         strcmp(kind, "cpus") == 0 ? samples[i].text : "1",
                                         strcmp(kind, "essential") == 0 ? samples[i].text : "true");
        if (samples[i].want) {
            check_value(text, path, samples[i].want);
            continue;
        }
        auto_svc struct svc_result result = {.spec = NULL};
        struct err err = ERR_INIT;
        const struct svc_input in = input(text, &old_cluster);
        CHECK_INT(svcyml_load(&in, &result, &err), -1);
        CHECK(strncmp(err.text, "svc.yml:2:", 10) == 0 && strstr(err.text, kind));
        if (!strstr(err.text, kind))
            printf("# %s: %s\n", text, err.text);
    }
    check_error(POD("shm-size: 1:30"),
                "svc.yml:6:15: pods.p.shm-size: '1:30' is no whole number: a "
                "whole number such as 3 is wanted");
    check_error(
        POD("shm-size: 3000000000"),
        "svc.yml:6:15: pods.p.shm-size: '3000000000' is too large: it must fit into 32 bits");
    check_error(TASK_CPU("essential: T"), "svc.yml:10:20: pods.p.tasks.t.essential: 'T' is no "
                                          "boolean: true or false is wanted");
    check_error(TASK("cpus: .inf"), "svc.yml:9:15: pods.p.tasks.t.cpus: '.inf' is no number: a "
                                    "number such as 0.5 is wanted");
}

#define PLAN(text) SERVICE("") "plans:\n  deploy:\n    " text "\n"
#define STEPS(text) PLAN("phases: {f: {pod: p, steps: " text "}}")
static void test_plans(void)
{
    static const struct sample samples[] = {
        {SERVICE(""), "plans", "{}"},
        {PLAN("phases: {}"), "plans", "{\"deploy\":{\"phases\":{}}}"},
        {PLAN("strategy: parallel\n    phases: {f: {pod: p, strategy: canary}}"), "plans",
         "{\"deploy\":{\"strategy\":\"parallel\",\"phases\":{\"f\":{\"pod\":\"p\",\"strategy\":"
         "\"canary\"}}}}"},
        {STEPS("[]"), "plans/deploy/phases/f", "{\"pod\":\"p\"}"},
        {STEPS("[{default: [[t]]}, {0: []}]"), "plans/deploy/phases/f/steps",
         "[{\"default\":[[\"t\"]]},{\"0\":[]}]"},
        {PLAN("strategy: x\n    phases: {}"), NULL,
         "svc.yml:6:15: plans.deploy.strategy: unknown value 'x': one of serial, parallel"},
        {PLAN("strategy: serial"), NULL,
         "svc.yml:6:5: plans.deploy.phases: is missing or empty: a mapping is wanted"},
        {PLAN("phases: {f: {pod: q}}"), NULL,
         "svc.yml:6:23: plans.deploy.phases.f.pod: there is no pod 'q': name one of the pods"},
        {PLAN("phases: {f: {pod: p, strategy: x}}"), NULL,
         "svc.yml:6:36: plans.deploy.phases.f.strategy: unknown value 'x': one of serial, "
         "parallel, "
         "serial-canary, canary, parallel-canary"},
        {STEPS("[{default: [[u]]}]"), NULL,
         "svc.yml:6:46: plans.deploy.phases.f.steps[0].default[0][0]: there is no task 'u': name "
         "one "
         "of the pod's tasks"},
        {STEPS("[{default: [t]}]"), NULL,
         "svc.yml:6:45: plans.deploy.phases.f.steps[0].default[0]: is no list of tasks: each step "
         "is "
         "a list of tasks, as [[a, b]]"},
        {STEPS("[{1: [[t]]}]"), NULL,
         "svc.yml:6:33: plans.deploy.phases.f.steps: instance 0 has no entry: add it, or an entry "
         "'default'"},
        {STEPS("[{0: [], 1: []}]"), NULL,
         "svc.yml:6:34: plans.deploy.phases.f.steps[0]: the mapping has 2 entries instead of one: "
         "write each index as an element of its own, as '- 0: [[a]]'"},
        {STEPS("[{0: []}, {0: []}]"), NULL,
         "svc.yml:6:47: plans.deploy.phases.f.steps[1].0: duplicate index '0': each index may "
         "stand "
         "once"},
        {STEPS("[{x: []}]"), NULL,
         "svc.yml:6:38: plans.deploy.phases.f.steps[0].x: 'x' is no index: 'default' or the index "
         "of "
         "an instance is wanted"},
        {SERVICE("") "plans: {side: {phases: {}}}", NULL,
         "svc.yml:4:8: plans: there is no plan 'deploy': add it, or leave 'plans' out for a "
         "generated "
         "one"},
    };

    check_all(samples, ARRAY_LEN(samples));
}

/* Messages about what a variable brought name the template's place. */
static void test_template_places(void)
{
    check_error(
        "{{#X}}\nname: s\n{{/X}}\npods: {p: {count: {{X}}}}\n",
        "svc.yml:4:19: pods.p.count: 'value' is no whole number: a whole number such as 3 is "
        "wanted");
    check_error("{{^X}}\na\nb\n{{/X}}\nname: s\npods:\n  p: {count: 1, tasks: {t: {gaol: ONCE}}}\n",
                "svc.yml:7:29: pods.p.tasks.t.gaol: unknown key: did you mean 'goal'?");
}

static void test_aliases(void)
{
    check_value("name: s\npods:\n  p: &p\n    count: 2\n    tasks: {t: {goal: ONCE, cmd: c, cpus: "
                "1}}\n  q:\n    <<: *p\n    count: 3\n",
                "pod-specs/1/count", "3");
}

/* ---- the environment ---- */

static void check_env(struct pair *env, size_t count, bool fault_domains, const char *path,
                      const char *want)
{
    const struct cluster_caps caps = {.fault_domains = fault_domains};
    auto_svc struct svc_result result = {.spec = NULL};
    auto_buf struct buf out = BUF_INIT;
    struct err err = ERR_INIT;
    struct svc_input in = input(SERVICE(""), &caps);

    in.env = (struct pairs){env, count};
    if (svcyml_load(&in, &result, &err) < 0) {
        CHECK_STR(err.text, want);
        return;
    }
    json_auto json_t *json = spec_to_json(result.spec);
    const json_t *value =
        strcmp(path, "rule") != 0
            ? json_object_get(json, path)
            : json_object_get(json_array_get(json_object_get(json, "pod-specs"), 0),
                              "placement-rule");
    json_write(&out, value, JSON_LAYOUT_COMPACT);
    CHECK_STR(buf_str(&out), want);
}

static void test_role(void)
{
    static struct {
        struct pair env[2];
        const char *want;
    } samples[] = {
        {{{"MESOS_ALLOCATION_ROLE", "slave_public"}, {"A", ""}}, "\"f__s-role\""},
        {{{"MESOS_ALLOCATION_ROLE", "/a/b"}, {"A", ""}}, "\"a__b\""},
        {{{"MESOS_ALLOCATION_ROLE", "a/"}, {"A", ""}}, "\"a__\""},
        {{{"MESOS_ALLOCATION_ROLE", ""}, {"A", ""}},
         "environment variable MESOS_ALLOCATION_ROLE: is empty: unset it, or name a role"},
        {{{"MESOS_ALLOCATION_ROLE", "a__b"}, {"A", ""}},
         "environment variable MESOS_ALLOCATION_ROLE: must not contain '__'"},
        {{{"MESOS_ALLOCATION_ROLE", "slave_public"}, {"MARATHON_APP_ENFORCE_GROUP_ROLE", "TRUE"}},
         "\"slave_public\""},
        {{{"MARATHON_APP_ENFORCE_GROUP_ROLE", "true"}, {"A", ""}},
         "environment variable MESOS_ALLOCATION_ROLE: is missing, but "
         "MARATHON_APP_ENFORCE_GROUP_ROLE wants it"},
        {{{"MARATHON_APP_ENFORCE_GROUP_ROLE", "1"}, {"A", ""}},
         "environment variable MARATHON_APP_ENFORCE_GROUP_ROLE: must be true or false"},
    };

    for (size_t i = 0; i < ARRAY_LEN(samples); i++)
        check_env(samples[i].env, 2, false, "role", samples[i].want);
}

static void test_region(void)
{
    static struct pair region[] = {{"SERVICE_REGION", "us"}, {"ALLOW_REGION_AWARENESS", "no"}};
    static const char rule[] = "{\"@type\":\"RegionRule\",\"matcher\":{\"@type\":\"ExactMatcher\","
                               "\"string\":\"us\"}}",
                      local[] = "{\"@type\":\"IsLocalRegionRule\"}";

    check_env(region, 0, true, "rule", local);
    check_env(region, 0, true, "region", "null");
    check_env(region, 1, true, "rule", rule);
    check_env(region, 1, true, "region", "\"us\"");
    check_env(region, 2, true, "rule", local);
    check_env(region, 2, true, "region", "\"us\"");
    check_env(region, 1, false, "rule", "null");
    check_env(region, 1, false, "region", "null");
}

static void test_warnings(void)
{
    auto_svc struct svc_result result = {.spec = NULL};
    struct err err = ERR_INIT;
    struct svc_input in = input(POD("image: '{{GONE}}x'\n    odd: 1\n    placement: 'a:FOO'\n    "
                                    "volume: {path: a, type: PATH, size: 1}"),
                                &old_cluster);

    CHECK_INT(svcyml_load(&in, &result, &err), 0);
    CHECK_INT(result.warnings.count, 3);
    if (result.warnings.count == 3) {
        CHECK_STR(result.warnings.items[0],
                  "svc.yml:7:5: pods.p.odd: unknown key, ignored: known are count, tasks, "
                  "placement, image, networks, rlimits, uris, resource-sets, volume, volumes, "
                  "pre-reserved-role, secrets, share-pid-namespace, allow-decommission, "
                  "host-volumes, external-volumes, seccomp-unconfined, seccomp-profile-name, "
                  "ipc-mode, shm-size");
        CHECK_STR(result.warnings.items[1],
                  "svc.yml:8:5: pods.p.placement: validation will refuse this rule: Unsupported "
                  "operator: 'FOO' in constraint: [a, FOO] (expected one of: UNIQUE, CLUSTER, "
                  "GROUP_BY, LIKE, UNLIKE, or MAX_PER)");
        CHECK_STR(result.warnings.items[2],
                  "svc.yml:9:23: pods.p.volume.type: type PATH is taken as MOUNT");
        CHECK_INT(result.invalid.count, 2);
    }
    CHECK_INT(result.rendering.n_notes, 1);
    CHECK_STR(result.rendering.notes[0].name, "GONE");
    CHECK_INT(result.rendering.notes[0].line, 6);
}

TAP_MAIN(TEST(test_service), TEST(test_scalars), TEST(test_plans), TEST(test_template_places),
         TEST(test_aliases), TEST(test_role), TEST(test_region), TEST(test_warnings))
