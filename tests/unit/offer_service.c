/* Settings, roles, FrameworkInfo, names, clean-up, texts, requirements that no offer can meet. */
#include "offer_world.h"
#include "offer/launch.h"

static const char simple[] = SERVICE(
    POD("dse", 3,
        TASK("node", "RUNNING", SET("s", CPUS_MEM(0.5, 512), VOLUME("ROOT", "data", 100)), ""),
        MAX_PER_HOST(1, "dse-.*"), ""));

static const char *env_text; /* "A=1 B=2" */
static char env_value[200];

static const char *fake_env(const char *name)
{
    size_t len = strlen(name);
    for (const char *p = env_text; p && *p; p = strchr(p, ' ') ? strchr(p, ' ') + 1 : NULL)
        if (strncmp(p, name, len) == 0 && p[len] == '=') {
            snprintf(env_value, sizeof env_value, "%.*s", (int)strcspn(p + len + 1, " "),
                     p + len + 1);
            return env_value;
        }
    return NULL;
}

static void test_settings(void)
{
    struct offer_settings settings;
    env_text = "";
    offer_settings_from_env(&settings, fake_env);
    CHECK(settings.executor_cpus == 0.1 && settings.executor_mem_mb == 32 &&
          settings.executor_disk_mb == 256);
    CHECK_STR(settings.dcos_space, "/");
    CHECK(!settings.api_host && !settings.bootstrap_uri && !settings.best_fit_mount);
    CHECK_STR(settings.marathon_name, "marathon");
    CHECK_STR(settings.problem, "");
    env_text = "EXECUTOR_CPUS=0.25";
    offer_settings_from_env(&settings, fake_env);
    CHECK(settings.executor_cpus == 0.25);
    env_text = "EXECUTOR_MEM_MB=lots";
    offer_settings_from_env(&settings, fake_env);
    CHECK_STR(settings.problem, "EXECUTOR_MEM_MB: 'lots' is not an amount");
    CHECK(!settings.role_migration && settings.region_aware);
    env_text = "ENABLE_ROLE_MIGRATION=true ALLOW_REGION_AWARENESS=no";
    offer_settings_from_env(&settings, fake_env);
    CHECK(settings.role_migration && !settings.region_aware && !*settings.problem);
    env_text = "ENABLE_ROLE_MIGRATION=maybe";
    offer_settings_from_env(&settings, fake_env);
    CHECK_STR(settings.problem, "ENABLE_ROLE_MIGRATION: 'maybe' is not true or false");
    /* What Mesos wants of every executor (see offer-cycle 10.10). */
    env_text = "EXECUTOR_MEM_MB=31.5";
    offer_settings_from_env(&settings, fake_env);
    CHECK_STR(settings.problem, "EXECUTOR_MEM_MB: '31.5' is too little: Mesos wants 32 or more");
    env_text = "EXECUTOR_CPUS=0.009";
    offer_settings_from_env(&settings, fake_env);
    CHECK_STR(settings.problem, "EXECUTOR_CPUS: '0.009' is too little: Mesos wants 0.01 or more");
}

static void test_names(void)
{
    auto_arena struct arena arena = ARENA_INIT;
    CHECK_STR(text_number(&arena, INT64_MIN), "-9223372036854775808");
    CHECK_STR(text_number(&arena, 0), "0");
    CHECK_STR(text_number(&arena, 65535), "65535");
    CHECK_STR(text_join(&arena, "a", "", "bc"), "abc");
    struct offer_settings settings;
    offer_settings_from_env(&settings, world_no_env);
    CHECK_STR(service_host(&arena, "/prod/d.se", &settings),
              "prodd-se.autoip.dcos.thisdcos.directory");
    CHECK_STR(service_vip_host(&arena, "/prod/d.se", &settings),
              "prodd.se.l4lb.thisdcos.directory");
    CHECK_STR(service_api_host(&arena, "/prod/team/d.se", &settings),
              "d-se-team-prod.marathon.autoip.dcos.thisdcos.directory");
    CHECK_STR(service_api_host(&arena, "dse", &settings),
              "dse.marathon.autoip.dcos.thisdcos.directory");
    settings.api_host = "127.0.0.1";
    CHECK_STR(service_api_host(&arena, "dse", &settings), "127.0.0.1");
    CHECK_STR(environment_name(&arena, "dse-env.sh"), "DSE_ENV_SH");
}

static void test_framework(void)
{
    auto_world struct world *w = world_new(simple);
    struct strings roles;
    offer_roles(w->spec, &w->settings, NULL, &w->arena, &roles);
    CHECK_INT(roles.count, 1);
    struct framework_caps caps = {.partition_aware = true, .region_aware = true};
    FrameworkInfo *info = offer_framework_info(w->spec, NULL, &roles, &caps, &w->arena);
    CHECK_STR(info->role, "dse-role");
    CHECK_INT(info->n_roles, 0);
    CHECK(!info->id && info->failover_timeout == 1209600 && info->checkpoint);
    CHECK_STR(info->principal, "dse-principal");
    CHECK_INT(info->n_capabilities, 3);
    w->spec->pods[0].pre_reserved_role = "slave_public";
    offer_roles(w->spec, &w->settings, NULL, &w->arena, &roles);
    CHECK_INT(roles.count, 2);
    CHECK_STR(roles.items[1], "slave_public/dse-role");
    caps = (struct framework_caps){.gpus = true};
    info = offer_framework_info(w->spec, "F", &roles, &caps, &w->arena);
    CHECK_STR(info->id->value, "F");
    CHECK_STR(info->role, "*"); /* unset */
    CHECK_INT(info->n_roles, 2);
    bool multi = false, gpus = false;
    for (size_t i = 0; i < info->n_capabilities; i++) {
        multi |= info->capabilities[i]->type == FRAMEWORK_INFO__CAPABILITY__TYPE__MULTI_ROLE;
        gpus |= info->capabilities[i]->type == FRAMEWORK_INFO__CAPABILITY__TYPE__GPU_RESOURCES;
    }
    CHECK(multi && gpus);
    CHECK_INT(info->n_capabilities, 3); /* and reservation refinement */
}

/* What is reserved to a role that the target no longer has is offered only while it is subscribed.
 */
static void test_roles_of_what_is_reserved(void)
{
    auto_world struct world *w = world_new(simple);
    struct agent *a = world_agent(w, "h1", PLAIN_AGENT(4, 4096, 4096), NULL);
    struct requirement need = world_requirement(w, "dse", 0, "node");
    struct strings roles;
    struct evaluation e;
    CHECK(world_place(w, a, &need, &e));
    CHECK_STR(state_task(w->state, "dse-0-node")->role, "dse-role");
    offer_roles(w->spec, &w->settings, w->state, &w->arena, &roles);
    CHECK_INT(roles.count, 1);
    w->spec->role = "prod";
    offer_roles(w->spec, &w->settings, w->state, &w->arena, &roles);
    CHECK_INT(roles.count, 2);
    CHECK_STR(roles.items[0], "prod");
    CHECK_STR(roles.items[1], "dse-role");
}

/* While the role of a service becomes that of its group the former ones stay subscribed, or what is
 * reserved to them would never be offered again. */
static void test_role_migration(void)
{
    auto_world struct world *w = world_new(simple);
    struct strings roles;
    w->settings.role_migration = true;
    offer_roles(w->spec, &w->settings, NULL, &w->arena, &roles);
    CHECK_INT(roles.count, 1); /* dse-role is its own former role */
    w->spec->name = "/prod/team/dse";
    w->spec->role = "prod";
    offer_roles(w->spec, &w->settings, NULL, &w->arena, &roles);
    CHECK_INT(roles.count, 2);
    CHECK_STR(roles.items[0], "prod");
    CHECK_STR(roles.items[1], "prod__team__dse-role");
    w->spec->role = "quota";
    offer_roles(w->spec, &w->settings, NULL, &w->arena, &roles);
    CHECK_INT(roles.count, 3);
    CHECK_STR(roles.items[2], "prod");
    struct framework_caps caps = {0};
    FrameworkInfo *info = offer_framework_info(w->spec, NULL, &roles, &caps, &w->arena);
    CHECK_INT(info->n_roles, 3);
}

/* ---- clean-up (see offer-cycle 7) ---- */

static const char *clean(struct world *w, struct agent *a, bool everything, struct cleanup *ret)
{
    struct strings roles;
    offer_roles(w->spec, &w->settings, NULL, &w->arena, &roles);
    Offer *offer = world_offer(w, a);
    const struct reservation_owner us = {"5d7b1a52-0007", w->spec->principal, &roles};
    *ret = (struct cleanup){0};
    offer_cleanup(w->state, &us, everything, &offer, 1, &w->arena, ret);
    struct evaluation as = {.operations = ret->operations, .n_operations = ret->n_operations};
    return world_operations(w, &as);
}

static void test_cleanup(void)
{
    auto_world struct world *w = world_new(simple);
    struct agent *a = world_agent(w, "h1", PLAIN_AGENT(4, 4096, 4096), NULL);
    struct requirement need = world_requirement(w, "dse", 0, "node");
    struct evaluation e;
    struct cleanup cleanup;
    CHECK(world_place(w, a, &need, &e));
    world_end(w, "dse-0-node", TASK_STATE__TASK_FAILED);
    CHECK_STR(clean(w, a, false, &cleanup), ""); /* all of it is expected */
    CHECK_STR(clean(w, a, true, &cleanup),
              "DESTROY disk 100.0; UNRESERVE cpus 0.1; UNRESERVE disk 256.0; UNRESERVE mem 32.0; "
              "UNRESERVE cpus 0.5; UNRESERVE mem 512.0; UNRESERVE disk 100.0");
    struct txn *txn = txn_new();
    state_mark_permanently_failed(w->state, txn, state_task(w->state, "dse-0-node"));
    txn_free(txn);
    clean(w, a, false, &cleanup);
    CHECK_INT(cleanup.n_operations, 7);
    CHECK_INT(cleanup.resource_ids.count, 6);
    CHECK(world_accept(w, a, cleanup.operations, cleanup.n_operations));
    CHECK_STR(clean(w, a, true, &cleanup), "");
}

static void test_cleanup_leaves_others_alone(void)
{
    auto_world struct world *w = world_new(simple);
#define RESERVED(role, type, labels)                                                      \
    "{\"name\":\"cpus\",\"type\":\"SCALAR\",\"scalar\":{\"value\":1},\"reservations\":[{" \
    "\"type\":\"" type "\",\"role\":\"" role "\"" labels "}]}"
#define LABELS(more) ",\"labels\":{\"labels\":[{\"key\":\"resource_id\",\"value\":\"x\"}" more "]}"
    struct agent *a = world_agent(
        w, "h1",
        "[" RESERVED("other-role", "DYNAMIC", LABELS("")) "," RESERVED("dse-role", "DYNAMIC", "") "," RESERVED(
            "dse-role", "STATIC",
            "") "," RESERVED("dse-role", "DYNAMIC",
                             LABELS(
                                 ",{\"key\":\"framework_id\","
                                 "\"value\":\"another\"}")) "," RESERVED("dse-role", "DYNAMIC",
                                                                         LABELS(
                                                                             "") ",\"principal\":"
                                                                                 "\"another-"
                                                                                 "principal\"") "]",
        NULL);
    struct cleanup cleanup;
    CHECK_STR(clean(w, a, true, &cleanup), "");
    struct agent *b =
        world_agent(w, "h2", "[" RESERVED("dse-role", "DYNAMIC", LABELS("")) "]", NULL);
    CHECK_STR(clean(w, b, false, &cleanup), "UNRESERVE cpus 1.0");
    CHECK_STR(cleanup.resource_ids.items[0], "x");
}

/* ---- texts ---- */

static void test_texts(void)
{
    struct outcome child = {false, "MaxPerHostnameRule", "1 tasks", NULL, 0};
    struct outcome *children[] = {&child};
    struct outcome parent = {false, "AndRule", "0 of 1 rules are passing:", children, 1};
    struct outcome *stages[] = {&parent};
    auto_buf struct buf out = BUF_INIT;
    outcome_print(stages, 1, &out);
    CHECK_STR(buf_str(&out), "  FAIL(AndRule): 0 of 1 rules are passing:\n"
                             "    FAIL(MaxPerHostnameRule): 1 tasks\n");
    const struct {
        struct shortfall shortfall;
        const char *text;
    } cases[] = {
        {{SHORT_SCALAR, "cpus", 1.5, 2}, "cpus 1.5 of 2.0"},
        {{SHORT_PLACEMENT, "hostname rule", 0, 0}, "hostname rule"},
        {{SHORT_ROLE, "dse-role", 0, 0}, "role"},
        {{SHORT_PORT, "9042", 0, 0}, "port 9042"},
        {{SHORT_VOLUME, "MOUNT", 1, 2}, "MOUNT volumes 1 of 2"},
        {{SHORT_VOLUME, "v2", 0, 0}, "volume v2"},
        {{SHORT_RESERVED, "cpus", 0, 0}, "reserved cpus not offered"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        buf_clear(&out);
        shortfall_print(&cases[i].shortfall, &out);
        CHECK_STR(buf_str(&out), cases[i].text);
    }
}

/* ---- no offer can serve ---- */

static void test_impossible(void)
{
    auto_world struct world *w = world_new(simple);
    struct agent *a = world_agent(w, "h1", PLAIN_AGENT(4, 4096, 4096), NULL);
    struct requirement need = world_requirement(w, "nope", 0, "node");
    struct evaluation e;
    CHECK(!world_place(w, a, &need, &e));
    CHECK_STR(world_shortfall(w, &e), "pod 'nope' is not in the configuration");
    CHECK_INT(e.n_stages, 1);
    need = world_requirement(w, "dse", 0, "node typo");
    CHECK(!world_place(w, a, &need, &e));
    CHECK_STR(world_shortfall(w, &e), "task 'typo' is not in pod 'dse'");
    /* Names that could not be found again in a task id. */
    const char *name = w->spec->pods[0].tasks[0].name;
    w->spec->pods[0].tasks[0].name = "no__de";
    need = world_requirement(w, "dse", 0, "no__de");
    CHECK(!world_place(w, a, &need, &e));
    CHECK_STR(world_shortfall(w, &e), "the name of task 'no__de' may not contain '__'");
    w->spec->pods[0].tasks[0].name = name;
    struct offer_context context = world_context(w);
    need = world_requirement(w, "dse", 0, "node");
    offer_evaluate(&context, &need, NULL, 0, &e);
    CHECK(!e.pass);
    /* Offers to another role are told apart at once. */
    w->role = "other";
    CHECK(!world_place(w, a, &need, &e));
    CHECK_STR(world_shortfall(w, &e), "role");
    w->role = NULL;
    /* A rule without counters at hand makes its own. */
    context.placement = NULL;
    Offer *offer = world_offer(w, a);
    offer_evaluate(&context, &need, &offer, 1, &e);
    CHECK(e.pass);
}

/* What a master would answer with TASK_ERROR, or drop: nothing is reserved for it, and the reason
 * names what to change. */
static void set_cpus(struct world *w)
{
    w->spec->pods[0].tasks[0].resource_set->resources[0].scalar = 0.0004;
}
static void set_gpus(struct world *w)
{
    w->spec->pods[0].tasks[0].resource_set->resources[0].name = "gpus";
}
static void set_low_limit(struct world *w)
{
    w->spec->pods[0].tasks[0].resource_set->limit_memory = "511.9";
}
static void set_limit_of_nothing(struct world *w)
{
    struct resource_set *set = w->spec->pods[0].tasks[0].resource_set;
    set->limit_cpus = "unlimited";
    set->resources[0].name = "gpus";
    set->resources[0].scalar = 1;
}
static void set_old_master(struct world *w)
{
    w->spec->pods[0].tasks[0].resource_set->limit_cpus = "1.5";
    w->settings.share_cgroups_false = false;
}
static void set_no_command(struct world *w)
{
    w->spec->pods[0].tasks[0].command = NULL;
}
static void set_long_name(struct world *w)
{
    char *name = arena_alloc(&w->arena, 300);
    memset(name, 'n', 209);
    name[209] = '\0';
    w->spec->pods[0].tasks[0].name = name;
}
static void set_slash(struct world *w)
{
    w->spec->pods[0].tasks[0].name = "no/de";
}
static void set_no_disk(struct world *w)
{
    w->settings.executor_disk_mb = 0;
}
static void set_principal(struct world *w)
{
    w->spec->pods[0].tasks[0].resource_set->resources[1].principal = "another";
}
static void set_role(struct world *w)
{
    w->spec->pods[0].tasks[0].resource_set->volumes[0].role = "another";
}
static void set_only_overlay(struct world *w)
{
    struct resource_set *set = w->spec->pods[0].tasks[0].resource_set;
    static const char *dcos = "dcos";
    set->n_volumes = 0;
    set->n_resources = 1;
    set->resources[0].kind = RESOURCE_PORT;
    set->resources[0].name = "ports";
    set->resources[0].port = 10000;
    set->resources[0].network_names = (struct strings){&dcos, 1};
}
static void set_check(struct world *w)
{
    static struct health_check check = {"true", 3, 0, -1, 0, 0};
    w->spec->pods[0].tasks[0].health_check = &check;
}

static void test_refused_by_a_master(void)
{
    static const struct {
        void (*set)(struct world *w);
        const char *text;
    } cases[] = {
        {set_cpus, "cpus of resource set 's' is less than 0.001"},
        {set_gpus, "gpus of resource set 's' is 0.5, not a whole number"},
        {set_low_limit, "the limit of mem of task 'node' is 511.9, less than the 512.0 it uses"},
        {set_limit_of_nothing, "task 'node' has a limit of cpus but requests none"},
        {set_old_master, "resource limits need a master and agents of Mesos 1.10 or later"},
        {set_no_command, "task 'node' has no command"},
        {set_long_name, "the ids of 'dse-0-nnn"},
        {set_slash, "'dse-0-no/de' has a character that ids in Mesos may not have: a slash, a "
                    "backslash or a control character"},
        {set_no_disk, "EXECUTOR_DISK_MB is 0, but an executor without a volume needs some disk"},
        {set_principal, "mem has principal 'another', but the service has 'dse-principal'"},
        {set_only_overlay, "task 'node' of pod 'dse' uses no resources"},
        {set_role, "data is for role 'another', but the pod's role is 'dse-role'"},
        {set_check, "the health check of task 'node' has no command or a negative number"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        auto_world struct world *w = world_new(simple);
        struct agent *a = world_agent(w, "h1", PLAIN_AGENT(4, 4096, 4096), NULL);
        struct evaluation e;
        cases[i].set(w);
        struct requirement need = world_requirement(w, "dse", 0, w->spec->pods[0].tasks[0].name);
        CHECK(!world_place(w, a, &need, &e));
        CHECK_INT(e.n_operations, 0);
        const char *text = world_shortfall(w, &e);
        CHECK_STR(strncmp(text, cases[i].text, strlen(cases[i].text)) == 0 ? cases[i].text : text,
                  cases[i].text);
    }
}

/* One need serves many offers. */
static void test_need_is_reused(void)
{
    auto_world struct world *w = world_new(simple);
    struct agent *small = world_agent(w, "h1", PLAIN_AGENT(0.2, 4096, 4096), NULL);
    struct agent *large = world_agent(w, "h2", PLAIN_AGENT(4, 4096, 4096), NULL);
    struct requirement need = world_requirement(w, "dse", 0, "node");
    struct offer_context context = world_context(w);
    struct evaluation e;
    context.explain = false;
    struct offer_need *prepared = offer_need_new(&context, &need);
    Offer *one = world_offer(w, small), *two = world_offer(w, large);
    size_t before = w->arena.bytes;
    offer_need_evaluate(prepared, &one, 1, &e);
    CHECK(!e.pass && e.n_failed == 1 && e.n_stages == 0);
    CHECK_INT(w->arena.bytes, before); /* a refusal builds nothing */
    CHECK_STR(world_shortfall(w, &e), "cpus 0.2 of 0.6");
    offer_need_evaluate(prepared, &two, 1, &e);
    CHECK(e.pass);
    CHECK(world_accept(w, large, e.operations, e.n_operations));
}

TAP_MAIN(TEST(test_settings), TEST(test_names), TEST(test_framework), TEST(test_role_migration),
         TEST(test_roles_of_what_is_reserved), TEST(test_cleanup),
         TEST(test_cleanup_leaves_others_alone), TEST(test_texts), TEST(test_impossible),
         TEST(test_refused_by_a_master), TEST(test_need_is_reused))
