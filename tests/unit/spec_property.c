/* Any spec that can be in memory is stored and read back the same, byte for byte; so are plans.
 * DSE_TEST_SEED=N repeats a run; the seed is printed. */
#include <stdlib.h>
#include <time.h>

#include "base/alloc.h"
#include "base/json.h"
#include "spec/specjson.h"
#include "tap.h"

enum { SPECS = 300, PLANS = 300 };

struct gen {
    uint64_t state;
    struct arena *arena;
};

/* SplitMix64. */
static uint64_t next(struct gen *g)
{
    uint64_t z = g->state += 0x9e3779b97f4a7c15;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

static size_t below(struct gen *g, size_t n)
{
    return (size_t)(next(g) % n);
}

static bool maybe(struct gen *g)
{
    return next(g) & 1;
}

static const char *text(struct gen *g)
{
    static const char *const pieces[] = {
        "a",    "dse",   "node-0",   "\"",           "\\",
        "\n",   "\t",    "\x01",     "\x7f",         "/",
        "</s>", "{{X}}", "\xc3\xa9", "\xe2\x80\xa8", "\xf0\x9f\x98\x80",
        " ",    ":",     "=",        "true",         "null",
        "1.50", "'",     "&",        "\x1f"};
    auto_buf struct buf out = BUF_INIT;

    for (size_t n = below(g, 5); n > 0; n--)
        buf_adds(&out, pieces[below(g, ARRAY_LEN(pieces))]);
    return arena_strdup(g->arena, buf_str(&out));
}

static const char *text_or_null(struct gen *g)
{
    return maybe(g) ? text(g) : NULL;
}

static int64_t integer(struct gen *g)
{
    static const int64_t edges[] = {0, 1, -1, 65535, INT32_MAX, INT32_MIN, 5000000000};

    return maybe(g) ? edges[below(g, ARRAY_LEN(edges))] : (int64_t)below(g, 100000);
}

static int64_t *integer_or_null(struct gen *g)
{
    if (maybe(g))
        return NULL;
    int64_t *value = ARENA_NEW(g->arena, int64_t);
    *value = integer(g);
    return value;
}

static double real(struct gen *g)
{
    static const double edges[] = {0.5, 2,    1e-4,       1e7, 9999999, 1e-3,
                                   0.1, 1e22, 12345678.9, 0,   1024};

    return maybe(g) ? edges[below(g, ARRAY_LEN(edges))] : (double)next(g) / 1e9;
}

static const char *word(struct gen *g, const char *const *words, size_t n)
{
    return words[below(g, n)];
}
#define WORD(g, ...)                            \
    word(g, (const char *const[]){__VA_ARGS__}, \
         sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static void strings(struct gen *g, struct strings *ret)
{
    for (size_t n = below(g, 3); n > 0; n--)
        *ARENA_PUSH(g->arena, ret->items, ret->count) = text(g);
}

static void pairs(struct gen *g, struct pairs *ret)
{
    for (size_t n = below(g, 4); n > 0; n--)
        *ARENA_PUSH(g->arena, ret->items, ret->count) =
            (struct pair){arena_printf(g->arena, "%zu%s", n, text(g)), text(g)};
}

/* An array of `below(max)` elements, each made by `make`. */
#define MANY(g, items, count, max, make)                                  \
    do {                                                                  \
        (count) = below(g, max);                                          \
        (items) = arena_zalloc((g)->arena, (count) + 1, sizeof *(items)); \
        for (size_t i_ = 0; i_ < (count); i_++)                           \
            make(g, &(items)[i_]);                                        \
    } while (0)

static void range(struct gen *g, struct port_range *ret)
{
    *ret = (struct port_range){integer(g), integer(g)};
}

static void resource(struct gen *g, struct resource_spec *ret)
{
    ret->kind = (enum resource_kind)below(g, 3);
    ret->role = text(g);
    ret->pre_reserved_role = maybe(g) ? "*" : text(g);
    ret->principal = text(g);
    if (ret->kind == RESOURCE_SCALAR) {
        ret->name = WORD(g, "cpus", "mem", "gpus");
        ret->scalar = real(g);
        return;
    }
    ret->name = "ports";
    ret->port = integer(g);
    ret->env_key = text_or_null(g);
    ret->port_name = text(g);
    ret->visibility = WORD(g, "EXTERNAL", "CLUSTER", "FRAMEWORK");
    strings(g, &ret->network_names);
    if (ret->kind == RESOURCE_PORT) {
        MANY(g, ret->ranges, ret->n_ranges, 3, range);
        return;
    }
    ret->protocol = "tcp";
    ret->vip_name = text(g);
    ret->vip_port = integer(g);
}

static void volume(struct gen *g, struct volume_spec *ret)
{
    ret->type = WORD(g, "ROOT", "MOUNT");
    ret->container_path = text(g);
    strings(g, &ret->profiles);
    ret->size_mb = real(g);
    ret->role = text(g);
    ret->pre_reserved_role = maybe(g) ? "*" : text(g);
    ret->principal = text(g);
}

static void config(struct gen *g, struct config_file *ret)
{
    *ret = (struct config_file){text(g), text(g), text(g)};
}

static void encryption(struct gen *g, struct transport_encryption *ret)
{
    *ret = (struct transport_encryption){text(g), WORD(g, "TLS", "KEYSTORE")};
}

static void task(struct gen *g, struct task_spec *ret)
{
    struct resource_set *set = ARENA_NEW(g->arena, struct resource_set);

    ret->name = arena_printf(g->arena, "t%zu%s", below(g, 1000), text(g));
    ret->goal = (enum goal)below(g, GOAL_UNKNOWN);
    ret->essential = maybe(g);
    ret->resource_set = set;
    set->id = text(g);
    set->role = text(g);
    set->principal = text(g);
    MANY(g, set->resources, set->n_resources, 4, resource);
    MANY(g, set->volumes, set->n_volumes, 3, volume);
    if ((set->has_limits = maybe(g))) {
        set->limit_cpus = text_or_null(g);
        set->limit_memory = text_or_null(g);
    }
    if ((ret->command = text_or_null(g)))
        pairs(g, &ret->environment);
    pairs(g, &ret->labels);
    if (maybe(g)) {
        ret->health_check = ARENA_NEW(g->arena, struct health_check);
        *ret->health_check = (struct health_check){text(g),    integer(g), integer(g),
                                                   integer(g), integer(g), integer(g)};
    }
    if (maybe(g)) {
        ret->readiness_check = ARENA_NEW(g->arena, struct readiness_check);
        *ret->readiness_check =
            (struct readiness_check){text(g), integer(g), integer(g), integer(g)};
    }
    MANY(g, ret->config_files, ret->n_config_files, 3, config);
    if (maybe(g)) {
        ret->discovery = ARENA_NEW(g->arena, struct discovery_spec);
        *ret->discovery =
            (struct discovery_spec){text_or_null(g), WORD(g, "FRAMEWORK", "CLUSTER", "EXTERNAL")};
    }
    ret->kill_grace_period_s = integer(g);
    MANY(g, ret->transport_encryption, ret->n_transport_encryption, 3, encryption);
    ret->ipc_mode = maybe(g) ? WORD(g, "PRIVATE", "SHARE_PARENT") : NULL;
    ret->shm_size_mb = integer_or_null(g);
}

static void network(struct gen *g, struct network_spec *ret)
{
    ret->name = text(g);
    for (size_t n = below(g, 3); n > 0; n--)
        *ARENA_PUSH(g->arena, ret->port_mappings, ret->n_port_mappings) =
            (struct port_mapping){(int64_t)(n * 70000 + below(g, 60000)), integer(g)};
    pairs(g, &ret->labels);
}

static void rlimit(struct gen *g, struct rlimit_spec *ret)
{
    *ret = (struct rlimit_spec){text(g), integer_or_null(g), integer_or_null(g)};
}

static void secret(struct gen *g, struct secret_spec *ret)
{
    *ret = (struct secret_spec){text(g), text_or_null(g), text_or_null(g)};
}

static void host_volume(struct gen *g, struct host_volume *ret)
{
    *ret = (struct host_volume){text(g), text(g), maybe(g) ? WORD(g, "RW", "RO") : NULL};
}

static void external_volume(struct gen *g, struct external_volume *ret)
{
    ret->container_path = text_or_null(g);
    ret->driver_name = text_or_null(g);
    pairs(g, &ret->driver_options);
    ret->volume_name = text_or_null(g);
    ret->volume_mode = maybe(g) ? WORD(g, "RW", "RO") : NULL;
    ret->type = "DOCKER";
}

static struct matcher matcher(struct gen *g, bool none)
{
    const enum matcher_type type =
        (enum matcher_type)(none ? below(g, 4) : MATCHER_EXACT + below(g, 3));

    return (struct matcher){type, type == MATCHER_EXACT || type == MATCHER_REGEX
                                      ? WORD(g, "a", "rack:.*", "dse-.*", "1.50", "\xc3\xa9", "\"")
                                      : NULL};
}

static struct placement_rule *rule(struct gen *g, int depth)
{
    struct placement_rule *ret = ARENA_NEW(g->arena, struct placement_rule);

    ret->type = (enum rule_type)below(g, RULE_INVALID + 1);
    while (depth == 0 && ret->type <= RULE_NOT)
        ret->type = (enum rule_type)below(g, RULE_INVALID + 1);
    switch (ret->type) {
    case RULE_AND:
    case RULE_OR:
    case RULE_NOT:
        for (size_t n = ret->type == RULE_NOT ? 1 : below(g, 4); n > 0; n--)
            *ARENA_PUSH(g->arena, ret->rules, ret->n_rules) = rule(g, depth - 1);
        break;
    case RULE_HOSTNAME:
    case RULE_REGION:
    case RULE_ZONE:
    case RULE_ATTRIBUTE:
        ret->matcher = matcher(g, false);
        break;
    case RULE_AGENT:
        ret->name = text(g);
        break;
    case RULE_MAX_PER_ATTRIBUTE:
        ret->matcher = matcher(g, false);
        __attribute__((fallthrough));
    case RULE_MAX_PER_HOSTNAME:
    case RULE_MAX_PER_REGION:
    case RULE_MAX_PER_ZONE:
        ret->max = 1 + (int64_t)below(g, 9);
        ret->task_filter = matcher(g, true);
        break;
    case RULE_ROUND_ROBIN_ATTRIBUTE:
        ret->name = text(g);
        __attribute__((fallthrough));
    case RULE_ROUND_ROBIN_HOSTNAME:
    case RULE_ROUND_ROBIN_REGION:
    case RULE_ROUND_ROBIN_ZONE:
        ret->count = integer_or_null(g);
        ret->task_filter = matcher(g, true);
        break;
    case RULE_TASK_TYPE:
        ret->task_type = text(g);
        ret->behavior = WORD(g, "COLOCATE", "AVOID");
        break;
    case RULE_INVALID:
        ret->exception = text(g);
        ret->constraints = text(g);
        break;
    case RULE_IS_LOCAL_REGION:
    case RULE_PASSTHROUGH:
        break;
    }
    return ret;
}

static void pod(struct gen *g, struct pod_spec *ret)
{
    ret->type = arena_printf(g->arena, "p%zu%s", below(g, 1000), text(g));
    ret->user = text_or_null(g);
    ret->count = (int64_t)below(g, 10);
    ret->allow_decommission = maybe(g);
    ret->image = text_or_null(g);
    MANY(g, ret->networks, ret->n_networks, 3, network);
    MANY(g, ret->rlimits, ret->n_rlimits, 3, rlimit);
    strings(g, &ret->uris);
    MANY(g, ret->tasks, ret->n_tasks, 4, task);
    ret->placement = maybe(g) ? rule(g, (int)below(g, 8)) : NULL;
    MANY(g, ret->volumes, ret->n_volumes, 3, volume);
    ret->pre_reserved_role = maybe(g) ? "*" : text(g);
    MANY(g, ret->secrets, ret->n_secrets, 3, secret);
    ret->share_pid_namespace = maybe(g);
    MANY(g, ret->host_volumes, ret->n_host_volumes, 3, host_volume);
    MANY(g, ret->external_volumes, ret->n_external_volumes, 3, external_volume);
    ret->seccomp_unconfined = maybe(g);
    ret->seccomp_profile_name = text_or_null(g);
    ret->ipc_mode = maybe(g) ? "PRIVATE" : NULL;
    ret->shm_size_mb = integer_or_null(g);
}

static void service(struct gen *g, struct service_spec *ret)
{
    ret->name = arena_printf(g->arena, "s%s", text(g));
    ret->role = text(g);
    ret->principal = text(g);
    ret->user = arena_printf(g->arena, "u%s", text(g)); /* a blank one would be filled in */
    ret->goal = (enum goal)below(g, GOAL_UNKNOWN);
    ret->region = text_or_null(g);
    ret->web_url = text_or_null(g);
    ret->zookeeper = arena_printf(g->arena, "z%s", text(g));
    if ((ret->has_replacement_policy = maybe(g))) {
        ret->permanent_failure_timeout_s = (int64_t)below(g, 10000);
        ret->min_replace_delay_s = (int64_t)below(g, 10000);
    }
    MANY(g, ret->pods, ret->n_pods, 4, pod);
}

/* ---- properties ---- */

static uint64_t seed(void)
{
    static uint64_t value;
    const char *given = getenv("DSE_TEST_SEED");

    if (!value) {
        value = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
        printf("# DSE_TEST_SEED=%llu\n", (unsigned long long)value);
    }
    return value;
}

static void test_specs(void)
{
    struct gen g = {seed(), NULL};
    size_t bytes = 0;

    for (int i = 0; i < SPECS && !tap_failures; i++) {
        auto_buf struct buf first = BUF_INIT, second = BUF_INIT, tree = BUF_INIT;
        struct err err = ERR_INIT;
        struct service_spec *spec = xcalloc(1, sizeof *spec);
        g.arena = &spec->arena;
        service(&g, spec);
        spec_write(spec, &first);
        bytes += first.len;
        json_auto json_t *json = json_parse(first.data, first.len, "spec", &err);
        struct service_spec *again = json ? spec_from_json(json, &err) : NULL;
        CHECK_STR(err.text, "");
        if (again)
            spec_write(again, &second);
        CHECK_STR(buf_str(&second), buf_str(&first));
        /* The tree is the same value in the same order. */
        json_auto json_t *same = spec_to_json(spec);
        json_write(&tree, same, JSON_LAYOUT_SPEC);
        CHECK_STR(buf_str(&tree), buf_str(&first));
        service_spec_free(again);
        service_spec_free(spec);
    }
    CHECK(bytes > SPECS * 1000);
}

static void phase(struct gen *g, struct plan_phase_spec *ret)
{
    static size_t number;

    ret->name = arena_printf(g->arena, "f%zu%s", number++, text(g));
    ret->pod = text(g);
    ret->strategy = maybe(g) ? WORD(g, "serial", "parallel", "serial-canary", "canary") : NULL;
    if (!maybe(g))
        return;
    ret->n_steps = below(g, 3);
    ret->steps = ARENA_ARRAY(g->arena, ret->n_steps + 1, struct plan_step_spec);
    for (size_t i = 0; i < ret->n_steps; i++) {
        struct plan_step_spec *step = &ret->steps[i];
        step->index = i ? arena_printf(g->arena, "%zu", i) : "default";
        MANY(g, step->task_lists, step->n_task_lists, 3, strings);
    }
}

static void test_plans(void)
{
    struct gen g = {seed() + 1, NULL};

    for (int i = 0; i < PLANS && !tap_failures; i++) {
        auto_buf struct buf first = BUF_INIT, second = BUF_INIT;
        struct err err = ERR_INIT;
        struct plans_spec *plans = xcalloc(1, sizeof *plans);
        g.arena = &plans->arena;
        plans->n_plans = below(&g, 4);
        plans->plans = ARENA_ARRAY(g.arena, plans->n_plans + 1, struct plan_spec);
        for (size_t j = 0; j < plans->n_plans; j++) {
            struct plan_spec *plan = &plans->plans[j];
            plan->name = arena_printf(g.arena, "n%zu%s", j, text(&g));
            plan->strategy = maybe(&g) ? WORD(&g, "serial", "parallel") : NULL;
            MANY(&g, plan->phases, plan->n_phases, 3, phase);
        }
        json_auto json_t *json = plans_spec_to_json(plans);
        json_write(&first, json, JSON_LAYOUT_SPEC);
        struct plans_spec *again = plans_spec_from_json(json, &err);
        CHECK_STR(err.text, "");
        if (again) {
            json_auto json_t *back = plans_spec_to_json(again);
            json_write(&second, back, JSON_LAYOUT_SPEC);
        }
        CHECK_STR(buf_str(&second), buf_str(&first));
        plans_spec_free(again);
        plans_spec_free(plans);
    }
}

TAP_MAIN(TEST(test_specs), TEST(test_plans))
