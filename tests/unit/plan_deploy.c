/* Deploy plans: the worked trace of plans-and-recovery 11.1, strategies, canary. */
#include "plan_fixture.h"
#include "tap.h"

static void initial_deployment(void)
{
    auto_world struct world w;
    world_init(&w, "dse:3:node,agent",
               "{\"deploy\":{\"strategy\":\"serial\",\"phases\":"
               "{\"dse-phase\":{\"pod\":\"dse\"}}}}");

    CHECK_STR(world_tree(&w, "deploy"), "deploy (serial strategy) (IN_PROGRESS)\n"
                                        "└─ dse-phase (serial strategy) (IN_PROGRESS)\n"
                                        "   ├─ dse-0:[node, agent] (PREPARED)\n"
                                        "   ├─ dse-1:[node, agent] (PENDING)\n"
                                        "   └─ dse-2:[node, agent] (PENDING)\n");
    CHECK_STR(world_work(&w), "dse-0:[node, agent]");
    struct client_state client = plans_client_state(w.plans, w.now);
    CHECK_INT(client.status, CLIENT_WORKING);
    CHECK(client.new_work);
    CHECK(!plans_client_state(w.plans, w.now).new_work);

    CHECK(world_launch(&w, "dse-0:[node, agent]"));
    CHECK_STR(world_work(&w), "");
    CHECK_STR(world_tree(&w, "deploy"), "deploy (serial strategy) (STARTING)\n"
                                        "└─ dse-phase (serial strategy) (STARTING)\n"
                                        "   ├─ dse-0:[node, agent] (STARTING)\n"
                                        "   ├─ dse-1:[node, agent] (PENDING)\n"
                                        "   └─ dse-2:[node, agent] (PENDING)\n");
    world_status(&w, "dse-0-agent", RUNNING, true);
    CHECK(strstr(world_tree(&w, "deploy"), "dse-0:[node, agent] (STARTING)"));
    world_status(&w, "dse-0-node", RUNNING, false);
    CHECK(strstr(world_tree(&w, "deploy"), "deploy (serial strategy) (STARTED)"));
    CHECK(world_same_after_restart(&w));
    world_status(&w, "dse-0-node", RUNNING, true);
    CHECK_STR(world_tree(&w, "deploy"), "deploy (serial strategy) (IN_PROGRESS)\n"
                                        "└─ dse-phase (serial strategy) (IN_PROGRESS)\n"
                                        "   ├─ dse-0:[node, agent] (COMPLETE)\n"
                                        "   ├─ dse-1:[node, agent] (PREPARED)\n"
                                        "   └─ dse-2:[node, agent] (PENDING)\n");
    CHECK(plans_client_state(w.plans, w.now).new_work);
    CHECK(world_same_after_restart(&w));
    CHECK(world_complete(&w, "dse-1:[node, agent]"));
    CHECK(!state_deployed(w.state));
    CHECK(world_complete(&w, "dse-2:[node, agent]"));
    CHECK_STR(world_tree(&w, "deploy"), "deploy (serial strategy) (COMPLETE)\n"
                                        "└─ dse-phase (serial strategy) (COMPLETE)\n"
                                        "   ├─ dse-0:[node, agent] (COMPLETE)\n"
                                        "   ├─ dse-1:[node, agent] (COMPLETE)\n"
                                        "   └─ dse-2:[node, agent] (COMPLETE)\n");
    CHECK(state_deployed(w.state));
    CHECK_INT(plans_client_state(w.plans, w.now).status, CLIENT_IDLE);
    CHECK(world_same_after_restart(&w));
}

static int verb(struct world *w, enum plan_verb what, const char *plan, const char *phase,
                const char *step)
{
    json_auto json_t *body = NULL;
    return plans_verb(w->plans, w->txn, what, plan, phase, step, NULL, w->now, &body);
}

/* plans-and-recovery 11.1, second half. */
static void canary(void)
{
    auto_world struct world w;
    world_init(&w, "dse:3:node,agent",
               "{\"deploy\":{\"phases\":{\"dse-phase\":{\"pod\":\"dse\","
               "\"strategy\":\"serial-canary\"}}}}");

    CHECK_STR(world_tree(&w, "deploy"), "deploy (serial strategy) (WAITING)\n"
                                        "└─ dse-phase (serial-canary strategy) (WAITING)\n"
                                        "   ├─ dse-0:[node, agent] (WAITING)\n"
                                        "   ├─ dse-1:[node, agent] (WAITING)\n"
                                        "   └─ dse-2:[node, agent] (PENDING)\n");
    CHECK_STR(world_work(&w), "");
    CHECK_INT(verb(&w, VERB_INTERRUPT, "deploy", "dse-phase", NULL), 208);
    CHECK_INT(verb(&w, VERB_CONTINUE, "deploy", "dse-phase", NULL), 200);
    CHECK(world_same_after_restart(&w));
    CHECK_STR(world_work(&w), "dse-0:[node, agent]");
    /* While the first step is PREPARED the phase reads IN_PROGRESS. */
    CHECK_INT(verb(&w, VERB_CONTINUE, "deploy", "dse-phase", NULL), 208);
    CHECK(world_launch(&w, "dse-0:[node, agent]"));
    CHECK_STR(world_tree(&w, "deploy"), "deploy (serial strategy) (WAITING)\n"
                                        "└─ dse-phase (serial-canary strategy) (WAITING)\n"
                                        "   ├─ dse-0:[node, agent] (STARTING)\n"
                                        "   ├─ dse-1:[node, agent] (WAITING)\n"
                                        "   └─ dse-2:[node, agent] (PENDING)\n");
    world_status(&w, "dse-0-node", RUNNING, true);
    world_status(&w, "dse-0-agent", RUNNING, true);
    CHECK_STR(world_tree(&w, "deploy"), "deploy (serial strategy) (WAITING)\n"
                                        "└─ dse-phase (serial-canary strategy) (WAITING)\n"
                                        "   ├─ dse-0:[node, agent] (COMPLETE)\n"
                                        "   ├─ dse-1:[node, agent] (WAITING)\n"
                                        "   └─ dse-2:[node, agent] (PENDING)\n");
    /* The original would hold two further steps back after a restart. */
    world_restart(&w);
    CHECK_INT(verb(&w, VERB_CONTINUE, "deploy", "dse-phase", NULL), 200);
    CHECK_STR(world_tree(&w, "deploy"), "deploy (serial strategy) (IN_PROGRESS)\n"
                                        "└─ dse-phase (serial-canary strategy) (IN_PROGRESS)\n"
                                        "   ├─ dse-0:[node, agent] (COMPLETE)\n"
                                        "   ├─ dse-1:[node, agent] (PREPARED)\n"
                                        "   └─ dse-2:[node, agent] (PENDING)\n");
    CHECK(world_complete(&w, "dse-1:[node, agent]"));
    CHECK(world_complete(&w, "dse-2:[node, agent]"));
    CHECK(strstr(world_tree(&w, "deploy"), "deploy (serial strategy) (COMPLETE)"));
    CHECK(world_same_after_restart(&w));
}

/* `continue` of the plan reaches the one phase that holds it back. */
static void canary_by_plan(void)
{
    auto_world struct world w;
    world_init(&w, "dse:3:node",
               "{\"deploy\":{\"phases\":{\"p\":{\"pod\":\"dse\","
               "\"strategy\":\"parallel-canary\"}}}}");

    CHECK_INT(verb(&w, VERB_CONTINUE, "deploy", NULL, NULL), 200);
    CHECK_STR(world_work(&w), "dse-0:[node]");
    CHECK(world_complete(&w, "dse-0:[node]"));
    CHECK_INT(verb(&w, VERB_CONTINUE, "deploy", NULL, NULL), 200);
    CHECK_STR(world_work(&w), "dse-1:[node] dse-2:[node]");
}

static void parallel_phase_in_declared_order(void)
{
    auto_world struct world w;
    world_init(&w, "dse:3:node",
               "{\"deploy\":{\"phases\":{\"p\":{\"pod\":\"dse\","
               "\"strategy\":\"parallel\"}}}}");

    CHECK_STR(world_work(&w), "dse-0:[node] dse-1:[node] dse-2:[node]");
    CHECK(world_launch(&w, "dse-1:[node]"));
    CHECK_STR(world_work(&w), "dse-0:[node] dse-2:[node]");
    CHECK(world_same_after_restart(&w));
}

/* Pods side by side, the steps of one pod one after the other. */
static void dependency(void)
{
    auto_world struct world w;
    world_init(&w, "dse:2:init*,node",
               "{\"deploy\":{\"phases\":{\"p\":{\"pod\":\"dse\",\"strategy\":\"parallel\","
               "\"steps\":[{\"default\":[[\"init\"],[\"node\"]]}]}}}}");

    CHECK_STR(world_work(&w), "dse-0:[init] dse-1:[init]");
    CHECK(world_launch(&w, "dse-1:[init]"));
    world_status(&w, "dse-1-init", RUNNING, true);
    CHECK(strstr(world_tree(&w, "deploy"), "dse-1:[init] (STARTED)"));
    world_status(&w, "dse-1-init", FINISHED, true);
    CHECK_STR(world_work(&w), "dse-0:[init] dse-1:[node]");
    CHECK_STR(world_tree(&w, "deploy"), "deploy (serial strategy) (IN_PROGRESS)\n"
                                        "└─ p (dependency strategy) (IN_PROGRESS)\n"
                                        "   ├─ dse-0:[init] (PREPARED)\n"
                                        "   ├─ dse-0:[node] (PENDING)\n"
                                        "   ├─ dse-1:[init] (COMPLETE)\n"
                                        "   └─ dse-1:[node] (PREPARED)\n");
    CHECK(world_same_after_restart(&w));
}

static void steps_by_index(void)
{
    auto_world struct world w;
    world_init(&w, "dse:3:node,agent",
               "{\"deploy\":{\"strategy\":\"parallel\",\"phases\":{\"p\":{\"pod\":\"dse\","
               "\"steps\":[{\"default\":[]},{\"1\":[[\"agent\",\"node\"],[\"agent\"]]}]}}}}");

    CHECK_STR(world_tree(&w, "deploy"), "deploy (parallel strategy) (IN_PROGRESS)\n"
                                        "└─ p (serial strategy) (IN_PROGRESS)\n"
                                        "   ├─ dse-1:[agent, node] (PREPARED)\n"
                                        "   └─ dse-1:[agent] (PENDING)\n");
}

static const char *refusal(const char *pods, const char *plans)
{
    static char text[300];
    struct err err = ERR_INIT;
    json_auto json_t *spec_json = world_spec_json(pods, NULL, NULL);
    struct service_spec *spec = spec_from_json(spec_json, &err);
    json_auto json_t *json = json_parse(plans, strlen(plans), "plans", &err);
    struct plans_spec *specs = plans_spec_from_json(json, &err);
    struct state *state = state_new();
    const struct plans_options options = {.target = spec, .target_id = "x", .specs = specs};
    struct plans *plan = plans_new(state, &options, 0, &err);

    snprintf(text, sizeof text, "%s", plan ? "accepted" : err.text);
    plans_free(plan);
    state_free(state);
    plans_spec_free(specs);
    service_spec_free(spec);
    return text;
}

static void refused_plans(void)
{
    CHECK_STR(refusal("dse:1:node", "{\"deploy\":{\"phases\":{\"p\":{\"pod\":\"x\"}}}}"),
              "plan 'deploy': Unable to find pod 'x' referenced by phase 'p'");
    CHECK_STR(refusal("dse:2:node", "{\"deploy\":{\"phases\":{\"p\":{\"pod\":\"dse\","
                                    "\"steps\":[{\"0\":[[\"node\"]]}]}}}}"),
              "plan 'deploy': Malformed steps in phase 'p': Missing '1' step entry, and no "
              "'default' defined");
    CHECK_STR(refusal("dse:1:node", "{\"deploy\":{\"phases\":{\"p\":{\"pod\":\"dse\","
                                    "\"steps\":[{\"0\":[[\"nod\"]]}]}}}}"),
              "plan 'deploy': phase 'p': Malformed step: step refers to a task that does not "
              "exist: 'nod'");
    CHECK(strstr(refusal("dse:1:node", "{\"deploy\":{\"strategy\":\"random\",\"phases\":{}}}"),
                 "Unsupported plan strategy 'random', expected one of: [serial, parallel]"));
    CHECK(strstr(refusal("dse:1:node", "{\"deploy\":{\"phases\":{\"p\":{\"pod\":\"dse\","
                                       "\"strategy\":\"serialx\"}}}}"),
                 "Unsupported phase strategy 'serialx'"));
    CHECK(strstr(refusal("dse:1:node", "{\"side\":{\"phases\":{}}}"), "No deploy plan provided"));
}

static void shared_resource_set(void)
{
    auto_world struct world w;
    world_init(&w, "dse:2:node=r,agent=r hello:1:server", NULL);

    CHECK_STR(world_tree(&w, "deploy"),
              "deploy (serial strategy) (ERROR)\n"
              "├─ dse (serial strategy) (ERROR)\n"
              "│  ├─ dse-0 (ERROR)\n"
              "│  └─ dse-1 (ERROR)\n"
              "└─ hello (serial strategy) (PENDING)\n"
              "   └─ hello-0:[server] (PENDING)\n"
              "\nErrors:\n"
              "- Attempted to simultaneously launch tasks: [node, agent] in pod: dse-0 using the "
              "same resource set id: [r, r]. These tasks should either be run in separate steps or "
              "use different resource set ids\n"
              "- Attempted to simultaneously launch tasks: [node, agent] in pod: dse-1 using the "
              "same resource set id: [r, r]. These tasks should either be run in separate steps or "
              "use different resource set ids\n");
    CHECK_STR(world_work(&w), "");
    CHECK_INT(verb(&w, VERB_FORCE_COMPLETE, "deploy", "dse", NULL), 200);
    CHECK_STR(world_work(&w), "hello-0:[server]");
    CHECK(world_same_after_restart(&w));
}

/* A scheduler that restarts between launch and readiness does not launch again (12.2). */
static void restart_in_mid_launch(void)
{
    auto_world struct world w;
    world_init(&w, "dse:2:node", NULL);

    CHECK(world_launch(&w, "dse-0:[node]"));
    world_restart(&w);
    CHECK_STR(world_work(&w), "");
    CHECK(strstr(world_tree(&w, "deploy"), "dse-0:[node] (STARTING)"));
    world_status(&w, "dse-0-node", RUNNING, true);
    CHECK(strstr(world_tree(&w, "deploy"), "dse-0:[node] (COMPLETE)"));
    CHECK_STR(world_work(&w), "dse-1:[node]");
}

/* Completed is completed: a failure after it is recovery's, also after a restart. */
static void completed_stays(void)
{
    auto_world struct world w;
    world_init(&w, "dse:2:node", NULL);

    CHECK(world_complete(&w, "dse-0:[node]"));
    world_status(&w, "dse-0-node", FAILED, false);
    world_restart(&w);
    CHECK(strstr(world_tree(&w, "deploy"), "dse-0:[node] (COMPLETE)"));
    CHECK_STR(world_work(&w), "dse-1:[node] dse-0:[node]");
    CHECK(world_complete(&w, "dse-0:[node]"));
    CHECK_STR(world_tree(&w, "recovery"), "recovery (parallel strategy) (COMPLETE)\n"
                                          "└─ dse-0:[node] (parallel strategy) (COMPLETE)\n"
                                          "   └─ dse-0:[node] (COMPLETE)\n");
}

static void element_ids_are_stable(void)
{
    auto_world struct world w, v;
    world_init(&w, "dse:1:node", NULL);
    world_init(&v, "dse:1:node", NULL);
    json_auto json_t *a = plans_show(w.plans, "deploy", 0), *b = plans_show(v.plans, "deploy", 0);
    CHECK(json_equal(a, b)); /* the same seed gives the same target id */
    auto_free char *name = xasprintf("%s/deploy/dse/dse-0:[node]", w.id);
    char id[UUID_TEXT];
    uuid_of_name(name, id);
    const json_t *step = json_array_get(
        json_object_get(json_array_get(json_object_get(a, "phases"), 0), "steps"), 0);
    CHECK_STR(json_string_value(json_object_get(step, "id")), id);
    auto_free char *message =
        xasprintf("com.mesosphere.sdk.scheduler.plan.DeploymentStep: dse-0:[node] [%s] with "
                  "status: PREPARED",
                  id);
    CHECK_STR(json_string_value(json_object_get(step, "message")), message);
}

static void unknown_members_in_trees(void)
{
    auto_buf struct buf out = BUF_INIT;
    json_auto json_t *none = json_object();
    json_auto json_t *odd = json_pack("{s:[{s:[{}]}],s:[s]}", "phases", "steps", "errors", "a\nb");

    plan_tree_print("deploy", none, true, &out);
    CHECK_STR(buf_str(&out), "deploy (<UNKNOWN> strategy) (<UNKNOWN>)\n");
    buf_clear(&out);
    plan_tree_print("deploy", odd, false, &out);
    CHECK_STR(buf_str(&out), "deploy (<UNKNOWN> strategy) (<UNKNOWN>)\n"
                             "`- <UNKNOWN> (<UNKNOWN> strategy) (<UNKNOWN>)\n"
                             "   `- <UNKNOWN> (<UNKNOWN>)\n"
                             "\nErrors:\n- a\nb\n");
}

TAP_MAIN(TEST(initial_deployment), TEST(canary), TEST(canary_by_plan),
         TEST(parallel_phase_in_declared_order), TEST(dependency), TEST(steps_by_index),
         TEST(refused_plans), TEST(shared_resource_set), TEST(restart_in_mid_launch),
         TEST(completed_stays), TEST(element_ids_are_stable), TEST(unknown_members_in_trees))
