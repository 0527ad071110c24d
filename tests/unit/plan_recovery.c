/* Recovery: the worked traces 11.2, 11.3, 11.5 and 11.6 of plans-and-recovery, as DIFFERENCES.md
 * amends them, and the rules of its section 5. */
#include "plan_fixture.h"
#include "tap.h"

#define UNREACHABLE TASK_STATE__TASK_UNREACHABLE
#define GONE_BY_OPERATOR TASK_STATE__TASK_GONE_BY_OPERATOR

/* Three nodes, deployed. */
static void deployed(struct world *w)
{
    world_init(w, "dse:3:node,agent",
               "{\"deploy\":{\"phases\":{\"dse-phase\":{\"pod\":\"dse\"}}}}");
    CHECK(world_complete(w, "dse-0:[node, agent]"));
    CHECK(world_complete(w, "dse-1:[node, agent]"));
    CHECK(world_complete(w, "dse-2:[node, agent]"));
    CHECK_STR(world_tree(w, "recovery"), "recovery (parallel strategy) (COMPLETE)\n");
}

static int pod_verb(struct world *w, const char *verb, const char *pod, const char *task,
                    size_t *ret_killed)
{
    auto_arena struct arena arena = ARENA_INIT;
    json_auto json_t *body = NULL;
    struct task **kill;
    size_t n = 0;
    const struct strings tasks = {&task, task ? 1 : 0};
    const int code =
        plans_pod_verb(w->plans, w->txn, verb, pod, &tasks, w->now, &arena, &kill, &n, &body);

    if (ret_killed)
        *ret_killed = n;
    return code;
}

static void agent_lost_and_back(void)
{
    auto_world struct world w;
    deployed(&w);

    world_status(&w, "dse-1-node", UNREACHABLE, false);
    world_status(&w, "dse-1-agent", UNREACHABLE, false);
    CHECK_STR(world_tree(&w, "recovery"),
              "recovery (parallel strategy) (IN_PROGRESS)\n"
              "└─ dse-1:[node, agent] (parallel strategy) (IN_PROGRESS)\n"
              "   └─ dse-1:[node, agent] (PREPARED)\n");
    CHECK(strstr(world_tree(&w, "deploy"), "deploy (serial strategy) (COMPLETE)"));
    CHECK_INT(plans_client_state(w.plans, w.now).status, CLIENT_WORKING);
    struct step *const *steps;
    CHECK_INT(world_candidates(&w, &steps), 1);
    CHECK_INT(step_requirement(steps[0])->recovery, RECOVERY_TRANSIENT);
    CHECK_STR(step_requirement(steps[0])->config_id, w.id);
    CHECK(world_same_after_restart(&w));

    /* (a) The tasks report back before a kill reached them: nothing is left to do. */
    world_status(&w, "dse-1-node", RUNNING, true);
    world_status(&w, "dse-1-agent", RUNNING, true);
    CHECK_STR(world_tree(&w, "recovery"), "recovery (parallel strategy) (COMPLETE)\n");
    CHECK_STR(world_work(&w), "");

    /* Killed on its return, it is launched in place. */
    world_status(&w, "dse-1-node", KILLED, false);
    world_status(&w, "dse-1-agent", KILLED, false);
    CHECK(world_launch(&w, "dse-1:[node, agent]"));
    CHECK(strstr(world_tree(&w, "recovery"), "dse-1:[node, agent] (STARTING)"));
    CHECK(world_same_after_restart(&w));
    world_status(&w, "dse-1-node", RUNNING, false);
    world_status(&w, "dse-1-agent", RUNNING, true);
    CHECK(strstr(world_tree(&w, "recovery"), "dse-1:[node, agent] (STARTED)"));
    world_status(&w, "dse-1-node", RUNNING, true);
    CHECK_STR(world_tree(&w, "recovery"), "recovery (parallel strategy) (COMPLETE)\n"
                                          "└─ dse-1:[node, agent] (parallel strategy) (COMPLETE)\n"
                                          "   └─ dse-1:[node, agent] (COMPLETE)\n");
    CHECK(world_same_after_restart(&w));
    CHECK_INT(plans_client_state(w.plans, w.now).status, CLIENT_IDLE);
}

/* (b), (c): an operator gives the agent up; the phase becomes a permanent one of the same name. */
static void agent_given_up(void)
{
    auto_world struct world w;
    struct step *const *steps;
    deployed(&w);

    world_status(&w, "dse-1-node", UNREACHABLE, false);
    world_status(&w, "dse-1-agent", UNREACHABLE, false);
    world_status(&w, "dse-1-node", GONE_BY_OPERATOR, false);
    CHECK(world_task(&w, "dse-1-node")->permanently_failed);
    CHECK_STR(world_work(&w), ""); /* mixed: the other task's answer is awaited */
    world_status(&w, "dse-1-agent", GONE_BY_OPERATOR, false);
    CHECK_INT(world_candidates(&w, &steps), 1);
    CHECK_INT(step_requirement(steps[0])->recovery, RECOVERY_PERMANENT);
    CHECK_STR(step_name(steps[0]), "dse-1:[node, agent]");
    CHECK(world_same_after_restart(&w));
}

/* 11.3 during deployment: the step itself launches again, recovery keeps out of it. */
static void failing_during_deployment(void)
{
    auto_world struct world w;
    world_init(&w, "dse:3:node,agent", NULL);
    CHECK(world_complete(&w, "dse-0:[node, agent]"));
    CHECK(world_launch(&w, "dse-1:[node, agent]"));
    world_status(&w, "dse-1-agent", RUNNING, true);
    world_status(&w, "dse-1-node", FAILED, false);
    CHECK(strstr(world_tree(&w, "deploy"), "dse-1:[node, agent] (PENDING)"));
    CHECK_STR(world_work(&w), "dse-1:[node, agent]");
    CHECK_STR(world_tree(&w, "recovery"), "recovery (parallel strategy) (COMPLETE)\n");
    world_status(&w, "dse-1-agent", KILLED, false);
    CHECK(strstr(world_tree(&w, "deploy"), "dse-1:[node, agent] (PREPARED)"));
    CHECK(world_complete(&w, "dse-1:[node, agent]"));
    CHECK(strstr(world_tree(&w, "deploy"), "dse-1:[node, agent] (COMPLETE)"));
}

static void backoff(void)
{
    auto_world struct world w;
    world_init(&w, "dse:2:node,agent", NULL);
    w.backoff = true;
    world_restart(&w);
    CHECK(world_launch(&w, "dse-0:[node, agent]"));
    world_status(&w, "dse-0-agent", RUNNING, true);
    world_status(&w, "dse-0-node", FAILED, false);
    /* The original says ERROR for plan and phase while the delay runs. */
    CHECK_STR(world_tree(&w, "deploy"), "deploy (serial strategy) (DELAYED)\n"
                                        "└─ dse (serial strategy) (DELAYED)\n"
                                        "   ├─ dse-0:[node, agent] (DELAYED)\n"
                                        "   └─ dse-1:[node, agent] (PENDING)\n");
    CHECK_STR(world_work(&w), "");
    CHECK_STR(world_tree(&w, "recovery"), "recovery (parallel strategy) (COMPLETE)\n");
    CHECK_INT(plans_next_ms(w.plans), w.now + 60000);
    world_restart(&w); /* the delay goes on */
    CHECK_INT(plans_next_ms(w.plans), w.now + 60000);
    /* The same status again does not lengthen it. */
    world_status(&w, "dse-0-node", FAILED, false);
    CHECK_INT(plans_next_ms(w.plans), w.now + 60000);
    w.now += 60000;
    CHECK_STR(world_work(&w), "dse-0:[node, agent]");
    CHECK(plans_client_state(w.plans, w.now).new_work);
    CHECK_INT(plans_next_ms(w.plans), INT64_MAX);

    static const int64_t delays[] = {69000, 79350, 91252};
    for (size_t i = 0; i < ARRAY_LEN(delays); i++) {
        CHECK(world_launch(&w, "dse-0:[node, agent]"));
        world_status(&w, "dse-0-node", FAILED, false);
        CHECK_INT(plans_next_ms(w.plans), w.now + delays[i]);
        w.now += delays[i];
    }
    CHECK(world_complete(&w, "dse-0:[node, agent]"));
    CHECK(!state_get_text(w.state, "Toolkit/backoff/dse-0-node"));
    CHECK(world_same_after_restart(&w));
}

/* 11.3 after deployment, backoff on: the first relaunch at once, the next ones delayed. */
static void backoff_of_recovery(void)
{
    auto_world struct world w;
    deployed(&w);
    w.backoff = true;
    world_restart(&w);
    world_status(&w, "dse-2-node", FAILED, false);
    CHECK_STR(world_work(&w), "dse-2:[node, agent]");
    world_status(&w, "dse-2-agent", KILLED, false);
    CHECK(world_launch(&w, "dse-2:[node, agent]"));
    world_status(&w, "dse-2-node", FAILED, false);
    CHECK_STR(world_tree(&w, "recovery"), "recovery (parallel strategy) (DELAYED)\n"
                                          "└─ dse-2:[node, agent] (parallel strategy) (DELAYED)\n"
                                          "   └─ dse-2:[node, agent] (DELAYED)\n");
    CHECK_STR(world_work(&w), "");
    CHECK_INT(plans_client_state(w.plans, w.now).status, CLIENT_IDLE);
    CHECK(world_same_after_restart(&w));
    w.now += 60000;
    CHECK_STR(world_work(&w), "dse-2:[node, agent]");
    CHECK_INT(plans_client_state(w.plans, w.now).status, CLIENT_WORKING);
    /* pod restart clears the delay */
    CHECK(world_launch(&w, "dse-2:[node, agent]"));
    world_status(&w, "dse-2-node", FAILED, false);
    CHECK_STR(world_work(&w), "");
    CHECK_INT(pod_verb(&w, "restart", "dse-2", NULL, NULL), 200);
    CHECK_STR(world_work(&w), "dse-2:[node, agent]");
}

/* 5.3: without an essential failure only what failed comes back. */
static void not_essential(void)
{
    auto_world struct world w;
    world_init(&w, "dse:1:node,log!,stat!", NULL);
    CHECK(world_complete(&w, "dse-0:[node, log, stat]"));
    world_status(&w, "dse-0-log", FAILED, false);
    CHECK_STR(world_work(&w), "dse-0:[log]");
    CHECK(world_launch(&w, "dse-0:[log]"));
    /* Another one: a phase of its own beside it. */
    world_status(&w, "dse-0-stat", FAILED, false);
    CHECK_STR(world_tree(&w, "recovery"), "recovery (parallel strategy) (IN_PROGRESS)\n"
                                          "├─ dse-0:[log] (parallel strategy) (STARTING)\n"
                                          "│  └─ dse-0:[log] (STARTING)\n"
                                          "└─ dse-0:[stat] (parallel strategy) (IN_PROGRESS)\n"
                                          "   └─ dse-0:[stat] (PREPARED)\n");
    CHECK(world_same_after_restart(&w));
    world_status(&w, "dse-0-log", RUNNING, true);
    /* The essential one: all come back together, in place of what was listed. */
    world_status(&w, "dse-0-node", FAILED, false);
    CHECK_STR(world_work(&w), "dse-0:[node, log, stat]");
    CHECK(strstr(world_tree(&w, "recovery"), "(parallel strategy) (PENDING)\n"
                                             "   └─ dse-0:[node, log, stat] (PENDING)\n"));
    CHECK(world_same_after_restart(&w));
}

/* Tasks that end by themselves are not recovery's. */
static void finished_tasks(void)
{
    auto_world struct world w;
    world_init(&w, "dse:1:node,init*",
               "{\"deploy\":{\"phases\":{\"p\":{\"pod\":\"dse\",\"steps\":"
               "[{\"default\":[[\"init\"],[\"node\"]]}]}}}}");
    CHECK(world_launch(&w, "dse-0:[init]"));
    world_status(&w, "dse-0-init", FINISHED, true);
    CHECK(world_complete(&w, "dse-0:[node]"));
    CHECK_STR(world_tree(&w, "recovery"), "recovery (parallel strategy) (COMPLETE)\n");
    world_status(&w, "dse-0-node", FAILED, false);
    CHECK_STR(world_work(&w), "dse-0:[node]");
    /* Replaced as a whole: the finished task is labelled with it and holds nothing back. */
    CHECK_INT(pod_verb(&w, "replace", "dse-0", NULL, NULL), 200);
    struct step *const *steps;
    CHECK_INT(world_candidates(&w, &steps), 1);
    CHECK_INT(step_requirement(steps[0])->recovery, RECOVERY_PERMANENT);
    CHECK(world_same_after_restart(&w));
}

/* An update launches `init` first, in the place of `node`. */
static void one_task_in_the_place_of_another(void)
{
    auto_world struct world w;
    const char *pods = "dse:1:node=r,agent,init?=r";
    const char *plans = "{\"deploy\":{\"phases\":{\"p\":{\"pod\":\"dse\",\"steps\":"
                        "[{\"default\":[[\"init\"],[\"node\",\"agent\"]]}]}}}}";

    world_init(&w, pods, plans);
    CHECK(world_launch(&w, "dse-0:[init]"));
    world_status(&w, "dse-0-init", FINISHED, true);
    CHECK(world_complete(&w, "dse-0:[node, agent]"));
    CHECK_INT(world_update(&w, world_spec_json(pods, "new", NULL), plans), 1);
    world_restart(&w);
    CHECK_STR(world_work(&w), "dse-0:[init]");
    world_status(&w, "dse-0-node", TASK_STATE__TASK_KILLED, false);
    CHECK_STR(world_work(&w), "dse-0:[init]");
    CHECK(world_same_after_restart(&w));
    /* Another task fails meanwhile: it alone is recovery's. */
    world_status(&w, "dse-0-agent", FAILED, false);
    CHECK_STR(world_work(&w), "dse-0:[init] dse-0:[agent]");
    CHECK(world_same_after_restart(&w));
    /* Without the plan ahead, or replaced, the pod is recovery's. */
    json_auto json_t *body = NULL;
    CHECK_INT(plans_verb(w.plans, w.txn, VERB_INTERRUPT, "deploy", NULL, NULL, NULL, w.now, &body),
              200);
    CHECK_STR(world_work(&w), "dse-0:[node, agent]");
}

/* 11.5 */
static void replace(void)
{
    auto_world struct world w;
    struct step *const *steps;
    size_t killed;
    deployed(&w);

    CHECK_INT(pod_verb(&w, "replace", "dse-7", NULL, NULL), 404);
    CHECK_INT(pod_verb(&w, "replace", "dse-2", NULL, &killed), 200);
    CHECK_INT(killed, 2);
    CHECK(world_task(&w, "dse-2-node")->permanently_failed);
    CHECK_STR(world_tree(&w, "recovery"),
              "recovery (parallel strategy) (IN_PROGRESS)\n"
              "└─ dse-2:[node, agent] (parallel strategy) (IN_PROGRESS)\n"
              "   └─ dse-2:[node, agent] (PREPARED)\n");
    CHECK(strstr(world_tree(&w, "deploy"), "deploy (serial strategy) (COMPLETE)"));
    CHECK(world_same_after_restart(&w));
    CHECK_INT(world_candidates(&w, &steps), 1);
    CHECK_INT(step_requirement(steps[0])->recovery, RECOVERY_PERMANENT);
    world_launch_step(&w, steps[0]);
    CHECK(!world_task(&w, "dse-2-node")->permanently_failed);
    /* The new instance fails before it is ready: still a replacement. */
    world_status(&w, "dse-2-node", FAILED, false);
    world_status(&w, "dse-2-agent", KILLED, false);
    CHECK_INT(world_candidates(&w, &steps), 1);
    CHECK_INT(step_requirement(steps[0])->recovery, RECOVERY_PERMANENT);
    CHECK(world_same_after_restart(&w));
    CHECK(world_complete(&w, "dse-2:[node, agent]"));
    CHECK_STR(world_tree(&w, "recovery"), "recovery (parallel strategy) (COMPLETE)\n"
                                          "└─ dse-2:[node, agent] (parallel strategy) (COMPLETE)\n"
                                          "   └─ dse-2:[node, agent] (COMPLETE)\n");
    /* Later failures are transient again. */
    world_status(&w, "dse-2-node", FAILED, false);
    CHECK_INT(world_candidates(&w, &steps), 1);
    CHECK_INT(step_requirement(steps[0])->recovery, RECOVERY_TRANSIENT);
    /* A complete recovery is not done again by a plan verb. */
    CHECK(world_complete(&w, "dse-2:[node, agent]"));
    json_auto json_t *body = NULL, *body2 = NULL;
    CHECK_INT(plans_verb(w.plans, w.txn, VERB_RESTART, "recovery", NULL, NULL, NULL, w.now, &body),
              409);
    CHECK_INT(plans_verb(w.plans, w.txn, VERB_START, "recovery", NULL, NULL, NULL, w.now, &body2),
              409);
    CHECK_STR(world_work(&w), "");
}

/* Replaced before its step was complete: the step keeps the work, serial order holds. */
static void replace_during_deployment(void)
{
    auto_world struct world w;
    world_init(&w, "dse:3:node", NULL);
    CHECK(world_complete(&w, "dse-0:[node]"));
    CHECK(world_launch(&w, "dse-1:[node]"));
    CHECK_INT(pod_verb(&w, "replace", "dse-1", NULL, NULL), 200);
    CHECK_STR(world_work(&w), "dse-1:[node]");
    CHECK_STR(world_tree(&w, "recovery"), "recovery (parallel strategy) (COMPLETE)\n");
    CHECK(world_same_after_restart(&w));
    CHECK(world_complete(&w, "dse-1:[node]"));
    CHECK_STR(world_work(&w), "dse-2:[node]");
}

/* 11.6 */
static void pause_and_resume(void)
{
    auto_world struct world w;
    deployed(&w);

    CHECK_INT(pod_verb(&w, "pause", "dse-0", "nothing", NULL), 404);
    CHECK_INT(pod_verb(&w, "pause", "dse-0", NULL, NULL), 200);
    CHECK_STR(world_tree(&w, "deploy"), "deploy (serial strategy) (COMPLETE)\n"
                                        "└─ dse-phase (serial strategy) (COMPLETE)\n"
                                        "   ├─ dse-0:[node, agent] (PAUSED)\n"
                                        "   ├─ dse-1:[node, agent] (COMPLETE)\n"
                                        "   └─ dse-2:[node, agent] (COMPLETE)\n");
    world_status(&w, "dse-0-node", KILLED, false);
    world_status(&w, "dse-0-agent", KILLED, false);
    const struct task *task = world_task(&w, "dse-0-node");
    CHECK_INT(task->override, OVERRIDE_PAUSED);
    CHECK_INT(task->progress, PROGRESS_PENDING);
    CHECK(strstr(world_tree(&w, "recovery"), "   └─ dse-0:[node, agent] (PAUSING)\n"));
    CHECK(world_launch(&w, "dse-0:[node, agent]"));
    CHECK_INT(world_task(&w, "dse-0-node")->progress, PROGRESS_IN_PROGRESS);
    world_status(&w, "dse-0-node", RUNNING, false);
    world_status(&w, "dse-0-agent", RUNNING, false);
    CHECK_INT(world_task(&w, "dse-0-node")->progress, PROGRESS_COMPLETE);
    CHECK_STR(world_tree(&w, "recovery"), "recovery (parallel strategy) (STARTED)\n"
                                          "└─ dse-0:[node, agent] (parallel strategy) (STARTED)\n"
                                          "   └─ dse-0:[node, agent] (PAUSING)\n");
    CHECK_INT(plans_client_state(w.plans, w.now).status, CLIENT_WORKING);
    /* A restart of ours does not make it the deploy plan's. */
    CHECK(world_same_after_restart(&w));

    CHECK_INT(pod_verb(&w, "resume", "dse-0", NULL, NULL), 200);
    CHECK(strstr(world_tree(&w, "deploy"), "dse-0:[node, agent] (COMPLETE)"));
    world_status(&w, "dse-0-node", KILLED, false);
    world_status(&w, "dse-0-agent", KILLED, false);
    CHECK_STR(world_work(&w), "dse-0:[node, agent]");
    CHECK(world_complete(&w, "dse-0:[node, agent]"));
    task = world_task(&w, "dse-0-node");
    CHECK_INT(task->override, OVERRIDE_NONE);
    CHECK_INT(task->progress, PROGRESS_COMPLETE);
    CHECK(!state_get_text(w.state, "Tasks/dse-0-node/Metadata/goal-state-override"));
    CHECK(strstr(world_tree(&w, "recovery"), "recovery (parallel strategy) (COMPLETE)"));
}

static void paused_recovery(void)
{
    auto_world struct world w;
    json_auto json_t *a = NULL, *b = NULL, *c = NULL;
    deployed(&w);

    CHECK_INT(plans_verb(w.plans, w.txn, VERB_INTERRUPT, "recovery", NULL, NULL, NULL, w.now, &a),
              208); /* idle */
    world_status(&w, "dse-0-node", FAILED, false);
    CHECK_INT(plans_verb(w.plans, w.txn, VERB_INTERRUPT, "recovery", NULL, NULL, NULL, w.now, &b),
              200);
    CHECK_STR(world_work(&w), "");
    CHECK(strstr(world_tree(&w, "recovery"), "recovery (parallel strategy) (WAITING)"));
    world_restart(&w);
    CHECK_STR(world_work(&w), "");
    CHECK_INT(plans_verb(w.plans, w.txn, VERB_CONTINUE, "recovery", NULL, NULL, NULL, w.now, &c),
              200);
    CHECK_STR(world_work(&w), "dse-0:[node, agent]");
}

/* 5.7, timed replacement, by the age of the failure. */
static void replacement_policy(void)
{
    auto_world struct world w;
    struct step *const *steps;
    json_t *spec = world_spec_json("dse:2:node,agent", NULL, NULL);
    json_set(spec, "replacement-failure-policy",
             json_pack("{s:i,s:i}", "permanent-failure-timeout-secs", 1200,
                       "min-replace-delay-Secs", 600));
    w = (struct world){.state = state_new(), .txn = txn_new(), .ids = {.seed = 7}, .now = 1000000};
    world_update(&w, spec, NULL);
    CHECK(world_complete(&w, "dse-0:[node, agent]"));
    CHECK(world_complete(&w, "dse-1:[node, agent]"));
    world_status(&w, "dse-0-node", UNREACHABLE, false);
    CHECK_INT(world_candidates(&w, &steps), 1);
    CHECK_INT(step_requirement(steps[0])->recovery, RECOVERY_TRANSIENT);
    CHECK_INT(plans_next_ms(w.plans), w.now + 1200000);
    w.now += 600000;
    world_restart(&w);
    world_status(&w, "dse-1-node", UNREACHABLE, false);
    w.now += 600000;
    CHECK_INT(world_candidates(&w, &steps), 2);
    CHECK_INT(step_requirement(steps[0])->recovery, RECOVERY_PERMANENT);
    CHECK_INT(step_requirement(steps[1])->recovery, RECOVERY_TRANSIENT);
    CHECK(world_same_after_restart(&w));
    CHECK(world_complete(&w, "dse-0:[node, agent]"));
    w.now += 599000; /* the second one's time is near, and the least delay between two as well */
    CHECK_INT(world_candidates(&w, &steps), 1);
    CHECK_INT(step_requirement(steps[0])->recovery, RECOVERY_TRANSIENT);
    w.now += 1000;
    CHECK_INT(world_candidates(&w, &steps), 1);
    CHECK_INT(step_requirement(steps[0])->recovery, RECOVERY_PERMANENT);
}

/* Records that belong to nobody, or are broken, do not hold anything up (12.21). */
static void broken_records(void)
{
    auto_world struct world w;
    deployed(&w);
    state_put(w.state, w.txn, "Toolkit/recovery/dse-0", "{", 1);
    state_put(w.state, w.txn, "Toolkit/recovery/nobody", "{}", 2);
    state_put(w.state, w.txn, "Toolkit/recovery/gone-7", "{\"phases\":[{}]}", 15);
    world_status(&w, "dse-1-node", FAILED, false);
    world_restart(&w);
    CHECK_STR(world_work(&w), "dse-1:[node, agent]");
}

TAP_MAIN(TEST(agent_lost_and_back), TEST(agent_given_up), TEST(failing_during_deployment),
         TEST(backoff), TEST(backoff_of_recovery), TEST(not_essential), TEST(finished_tasks),
         TEST(one_task_in_the_place_of_another), TEST(replace), TEST(replace_during_deployment),
         TEST(pause_and_resume), TEST(paused_recovery), TEST(replacement_policy),
         TEST(broken_records))
