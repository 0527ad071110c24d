/* Verbs on plans (plans-and-recovery 4, api-and-cli 1.3), side plans (11.9), conflicts between
 * plans, what each step waits for. */
#include "plan_fixture.h"
#include "tap.h"

static char *last; /* text of the last answer */

static int verb(struct world *w, enum plan_verb what, const char *plan, const char *phase,
                const char *step)
{
    json_auto json_t *body = NULL;
    const int code = plans_verb(w->plans, w->txn, what, plan, phase, step, NULL, w->now, &body);

    free(last);
    const char *text = json_is_string(body) ? json_string_value(body)
                                            : json_string_value(json_object_get(body, "message"));
    CHECK_INT(json_is_string(body), code != 200);
    last = xstrdup(text ? text : "");
    CHECK(world_same_after_restart(w));
    return code;
}

static int start(struct world *w, const char *plan, json_t *params)
{
    json_auto json_t *body = NULL;
    const int code =
        plans_verb(w->plans, w->txn, VERB_START, plan, NULL, NULL, params, w->now, &body);

    free(last);
    last = xstrdup(json_is_string(body) ? json_string_value(body)
                                        : json_string_value(json_object_get(body, "message")));
    json_decref(params);
    return code;
}

static const char *two_phases = "{\"deploy\":{\"strategy\":\"parallel\",\"phases\":{"
                                "\"a\":{\"pod\":\"x\"},\"b\":{\"pod\":\"y\"}}}}";

static void not_found(void)
{
    auto_world struct world w;
    world_init(&w, "x:2:s y:1:s", two_phases);

    CHECK_INT(verb(&w, VERB_STOP, "nope", NULL, NULL), 404);
    CHECK_STR(last, "Plan nope not found");
    CHECK_INT(verb(&w, VERB_CONTINUE, "deploy", "c", NULL), 404);
    CHECK_STR(last, "Phase c not found");
    CHECK_INT(verb(&w, VERB_RESTART, "deploy", "c", NULL), 404);
    CHECK_INT(verb(&w, VERB_RESTART, "deploy", "a", "x-7:[s]"), 404);
    CHECK_STR(last, "Step x-7:[s] not found");
    CHECK_INT(verb(&w, VERB_FORCE_COMPLETE, "deploy", NULL, "x-0:[s]"), 400);
    CHECK_STR(last, "Missing phase");
    /* Blank counts as absent for these two, as a name for the others. */
    CHECK_INT(verb(&w, VERB_FORCE_COMPLETE, "deploy", " ", "x-0:[s]"), 400);
    CHECK_INT(verb(&w, VERB_INTERRUPT, "deploy", "", NULL), 404);
    CHECK_STR(last, "Phase  not found");
    /* What looks like a UUID is an id, and nothing else. */
    CHECK_INT(verb(&w, VERB_CONTINUE, "deploy", "1-2-3-4-5", NULL), 404);
    CHECK_INT(start(&w, "deploy", json_pack("{s:s}", "1A", "x")), 400);
    CHECK_STR(last, "Couldn't parse parameters: 1A is not a valid environment variable name");
    CHECK_INT(start(&w, "nope", json_pack("{s:s}", "-", "x")), 400); /* before the look-up */
}

static void interrupt_and_continue(void)
{
    auto_world struct world w;
    world_init(&w, "x:2:s y:1:s", two_phases);

    CHECK_INT(verb(&w, VERB_CONTINUE, "deploy", NULL, NULL), 208);
    CHECK_STR(last, "Command has already been reported or completed");
    CHECK_INT(verb(&w, VERB_INTERRUPT, "deploy", NULL, NULL), 200);
    CHECK_STR(last, "Received cmd: interrupt");
    CHECK_INT(verb(&w, VERB_INTERRUPT, "deploy", NULL, NULL), 208);
    CHECK_STR(world_work(&w), "");
    /* Phases show their own status. */
    CHECK_STR(world_tree(&w, "deploy"), "deploy (parallel strategy) (WAITING)\n"
                                        "├─ a (serial strategy) (PENDING)\n"
                                        "│  ├─ x-0:[s] (PENDING)\n"
                                        "│  └─ x-1:[s] (PENDING)\n"
                                        "└─ b (serial strategy) (PENDING)\n"
                                        "   └─ y-0:[s] (PENDING)\n");
    CHECK_INT(verb(&w, VERB_CONTINUE, "deploy", NULL, NULL), 200);
    CHECK_INT(verb(&w, VERB_INTERRUPT, "deploy", "a", NULL), 200);
    CHECK_INT(verb(&w, VERB_INTERRUPT, "deploy", "a", NULL), 208);
    CHECK_STR(world_work(&w), "y-0:[s]");
    CHECK(world_complete(&w, "y-0:[s]"));
    CHECK(strstr(world_tree(&w, "deploy"), "deploy (parallel strategy) (WAITING)"));
    CHECK_INT(verb(&w, VERB_INTERRUPT, "deploy", "b", NULL), 208); /* complete */
    CHECK_INT(verb(&w, VERB_CONTINUE, "deploy", "a", NULL), 200);
    CHECK(world_complete(&w, "x-0:[s]"));
    CHECK(world_complete(&w, "x-1:[s]"));
    CHECK_INT(verb(&w, VERB_INTERRUPT, "deploy", NULL, NULL), 208); /* complete */
}

static void force_complete(void)
{
    auto_world struct world w;
    world_init(&w, "x:2:s y:1:s", two_phases);

    CHECK_INT(verb(&w, VERB_FORCE_COMPLETE, "deploy", "a", "x-0:[s]"), 200);
    CHECK_STR(last, "Received cmd: forceComplete for Plan: deploy, Phase: a, Step: x-0:[s]");
    CHECK_INT(verb(&w, VERB_FORCE_COMPLETE, "deploy", "a", "x-0:[s]"), 208);
    CHECK_STR(world_work(&w), "x-1:[s] y-0:[s]");
    CHECK_INT(verb(&w, VERB_FORCE_COMPLETE, "deploy", NULL, NULL), 200);
    CHECK_STR(last, "Received cmd: forceComplete for Plan: deploy, Phase: null, Step: null");
    /* A blank one selects nothing either, but the message repeats it. */
    CHECK_INT(verb(&w, VERB_RESTART, "deploy", "", " "), 200);
    CHECK_STR(last, "Received cmd: restart for Plan: deploy, Phase: , Step:  ");
    CHECK_INT(verb(&w, VERB_FORCE_COMPLETE, "deploy", "b", ""), 200);
    CHECK_STR(last, "Received cmd: forceComplete for Plan: deploy, Phase: b, Step: ");
    CHECK_INT(verb(&w, VERB_FORCE_COMPLETE, "deploy", "\n", "x-0:[s]"), 400);
    CHECK_INT(verb(&w, VERB_FORCE_COMPLETE, "deploy", NULL, NULL), 200);
    CHECK(strstr(world_tree(&w, "deploy"), "deploy (parallel strategy) (COMPLETE)"));
    CHECK(state_deployed(w.state));
}

static void restart(void)
{
    auto_world struct world w;
    world_init(&w, "x:2:s y:1:s", two_phases);
    CHECK(world_complete(&w, "x-0:[s]"));
    CHECK(world_complete(&w, "x-1:[s]"));
    CHECK(world_complete(&w, "y-0:[s]"));

    CHECK_INT(verb(&w, VERB_RESTART, "deploy", "a", "x-1:[s]"), 200);
    CHECK_STR(last, "Received cmd: restart for Plan: deploy, Phase: a, Step: x-1:[s]");
    /* Its task still runs: to be killed first, which the status shows. */
    CHECK(strstr(world_tree(&w, "deploy"), "x-1:[s] (PENDING)"));
    CHECK_STR(world_work(&w), "x-1:[s]");
    CHECK_INT(verb(&w, VERB_RESTART, "deploy", "a", "x-1:[s]"), 208);
    world_status(&w, "x-1-s", KILLED, false);
    CHECK(strstr(world_tree(&w, "deploy"), "x-1:[s] (PREPARED)"));
    CHECK_STR(world_tree(&w, "recovery"), "recovery (parallel strategy) (COMPLETE)\n");
    CHECK(world_complete(&w, "x-1:[s]"));
    CHECK(strstr(world_tree(&w, "deploy"), "x-1:[s] (COMPLETE)"));
    /* A restarted first step holds the later ones back, from the current list. */
    CHECK_INT(verb(&w, VERB_RESTART, "deploy", "a", NULL), 200);
    CHECK_STR(world_work(&w), "x-0:[s]");
    CHECK(world_complete(&w, "x-0:[s]"));
    CHECK(world_complete(&w, "x-1:[s]"));
    /* A running step: what was launched does not count any more. */
    CHECK_INT(verb(&w, VERB_RESTART, "deploy", "b", NULL), 200);
    CHECK(world_launch(&w, "y-0:[s]"));
    CHECK_INT(verb(&w, VERB_RESTART, "deploy", "b", NULL), 200);
    world_status(&w, "y-0-s", RUNNING, true);
    CHECK(strstr(world_tree(&w, "deploy"), "y-0:[s] (PENDING)"));
}

static void stop_and_go_on(void)
{
    auto_world struct world w;
    world_init(&w, "x:2:s", NULL);
    CHECK(world_complete(&w, "x-0:[s]"));
    CHECK(world_launch(&w, "x-1:[s]"));
    CHECK_INT(verb(&w, VERB_STOP, "deploy", NULL, NULL), 200);
    CHECK_STR(last, "Received cmd: stop");
    CHECK_STR(world_tree(&w, "deploy"), "deploy (serial strategy) (WAITING)\n"
                                        "└─ x (serial strategy) (PENDING)\n"
                                        "   ├─ x-0:[s] (PENDING)\n"
                                        "   └─ x-1:[s] (PENDING)\n");
    /* An update of the stopped step's task does not complete it. */
    world_status(&w, "x-1-s", RUNNING, true);
    CHECK(strstr(world_tree(&w, "deploy"), "x-1:[s] (PENDING)"));
    CHECK_INT(verb(&w, VERB_CONTINUE, "deploy", NULL, NULL), 200);
    CHECK(world_complete(&w, "x-0:[s]"));
    CHECK(world_complete(&w, "x-1:[s]"));
    CHECK(strstr(world_tree(&w, "deploy"), "deploy (serial strategy) (COMPLETE)"));
}

static const char *with_side = "{\"deploy\":{\"phases\":{\"n\":{\"pod\":\"node\",\"steps\":"
                               "[{\"default\":[[\"server\"]]}]}}},"
                               "\"repair\":{\"phases\":{\"repair-deploy\":{\"pod\":\"node\","
                               "\"steps\":[{\"default\":[[\"repair\"]]}]}}}}";

/* 11.9 */
static void side_plan(void)
{
    auto_world struct world w;
    struct step *const *steps;
    world_init(&w, "node:2:server,repair?", with_side);
    CHECK(world_complete(&w, "node-0:[server]"));
    CHECK(world_complete(&w, "node-1:[server]"));

    CHECK_STR(world_tree(&w, "repair"), "repair (serial strategy) (WAITING)\n"
                                        "└─ repair-deploy (serial strategy) (PENDING)\n"
                                        "   ├─ node-0:[repair] (PENDING)\n"
                                        "   └─ node-1:[repair] (PENDING)\n");
    CHECK_INT(plans_client_state(w.plans, w.now).status, CLIENT_IDLE);
    CHECK_INT(start(&w, "repair", json_pack("{s:s,s:s}", "CASSANDRA_KEYSPACE", "ks", "B", "2")),
              200);
    CHECK_STR(last, "Received cmd: start repair with parameters: {CASSANDRA_KEYSPACE=ks, B=2}");
    CHECK_INT(plans_client_state(w.plans, w.now).status, CLIENT_WORKING);
    world_restart(&w); /* started and with its parameters */
    CHECK_INT(world_candidates(&w, &steps), 1);
    CHECK_INT(step_requirement(steps[0])->parameters.count, 2);
    CHECK_STR(step_requirement(steps[0])->parameters.items[0].key, "CASSANDRA_KEYSPACE");
    CHECK_STR(step_requirement(steps[0])->parameters.items[0].value, "ks");
    CHECK(world_launch(&w, "node-0:[repair]"));
    world_status(&w, "node-0-repair", RUNNING, true);
    CHECK(strstr(world_tree(&w, "repair"), "node-0:[repair] (STARTED)"));
    /* A failure is relaunched by its own step, never by recovery. */
    world_status(&w, "node-0-repair", FAILED, true);
    CHECK_STR(world_work(&w), "node-0:[repair]");
    CHECK(world_launch(&w, "node-0:[repair]"));
    world_status(&w, "node-0-repair", FINISHED, true);
    CHECK(world_launch(&w, "node-1:[repair]"));
    world_status(&w, "node-1-repair", FINISHED, true);
    CHECK(strstr(world_tree(&w, "repair"), "repair (serial strategy) (COMPLETE)"));
    CHECK_STR(world_tree(&w, "recovery"), "recovery (parallel strategy) (COMPLETE)\n");
    CHECK(world_same_after_restart(&w));
    /* Again, with new parameters only. */
    CHECK_INT(start(&w, "repair", json_object()), 200);
    CHECK_STR(last, "Received cmd: start repair with parameters: {}");
    CHECK_INT(world_candidates(&w, &steps), 1);
    CHECK_INT(step_requirement(steps[0])->parameters.count, 0);
    CHECK_STR(step_name(steps[0]), "node-0:[repair]");
}

/* 2.2: the pending step of an earlier plan keeps a later one from the same tasks, a launch in
 * flight keeps everyone. */
static void conflicts(void)
{
    auto_world struct world w;
    world_init(&w, "node:1:server,repair?",
               "{\"deploy\":{\"phases\":{\"n\":{\"pod\":\"node\",\"steps\":"
               "[{\"default\":[[\"server\"]]}]}}},"
               "\"again\":{\"phases\":{\"r\":{\"pod\":\"node\",\"steps\":"
               "[{\"default\":[[\"server\"],[\"repair\"]]}]}}},"
               "\"other\":{\"phases\":{\"r\":{\"pod\":\"node\",\"steps\":"
               "[{\"default\":[[\"repair\"]]}]}}}}");

    CHECK_INT(start(&w, "again", NULL), 200);
    CHECK_INT(start(&w, "other", NULL), 200);
    /* deploy and again want the server, other the sidecar: no conflict with the first two. */
    CHECK_STR(world_work(&w), "node-0:[server] node-0:[repair]");
    CHECK(strstr(world_tree(&w, "again"), "node-0:[server] (PENDING)"));
    CHECK(world_launch(&w, "node-0:[server]"));
    CHECK(strstr(world_tree(&w, "again"), "node-0:[server] (STARTING)")); /* the same launch */
    world_status(&w, "node-0-server", RUNNING, true);
    CHECK_STR(world_work(&w), "node-0:[repair]"); /* again is before other */
    CHECK(strstr(world_tree(&w, "other"), "node-0:[repair] (PENDING)"));
    CHECK_INT(verb(&w, VERB_INTERRUPT, "again", NULL, NULL), 200);
    CHECK(strstr(world_tree(&w, "other"), "node-0:[repair] (PREPARED)"));
}

static const char *why(struct world *w, const char *pod)
{
    buf_clear(&w->text);
    plans_why(w->plans, pod, w->now, &w->text);
    return buf_str(&w->text);
}

static void reasons(void)
{
    auto_world struct world w;
    world_init(&w, "x:2:s",
               "{\"deploy\":{\"phases\":{\"p\":{\"pod\":\"x\"}}},"
               "\"side\":{\"phases\":{\"q\":{\"pod\":\"x\"}}}}");
    CHECK_STR(why(&w, NULL),
              "deploy p x-0:[s]: no offer fits yet; to see why: dse-offers explain x-0\n"
              "deploy p x-1:[s]: 'x-0:[s]' is not complete yet\n");
    CHECK_STR(why(&w, "x-1"), "deploy p x-1:[s]: 'x-0:[s]' is not complete yet\n");
    CHECK(world_launch(&w, "x-0:[s]"));
    CHECK_STR(why(&w, "x-0"), "deploy p x-0:[s]: x-0-s has been launched and does not run yet\n");
    world_status(&w, "x-0-s", RUNNING, false);
    CHECK_STR(why(&w, "x-0"),
              "deploy p x-0:[s]: x-0-s runs, its readiness check has not passed yet\n");
    CHECK_INT(verb(&w, VERB_INTERRUPT, "deploy", NULL, NULL), 200);
    CHECK_STR(why(&w, "x-1"),
              "deploy p x-1:[s]: the plan is paused; to let it run: dse-plan resume deploy\n");
    CHECK_INT(verb(&w, VERB_CONTINUE, "deploy", NULL, NULL), 200);
    CHECK_INT(verb(&w, VERB_INTERRUPT, "deploy", "p", NULL), 200);
    CHECK_STR(why(&w, "x-1"),
              "deploy p x-1:[s]: the phase is paused; to let it run: dse-plan resume deploy 'p'\n");
}

/* A pause of recovery while there is nothing to recover shows, and can be lifted. */
static void idle_recovery(void)
{
    auto_world struct world w;
    world_init(&w, "x:1:s", NULL);
    CHECK(world_complete(&w, "x-0:[s]"));
    CHECK_INT(verb(&w, VERB_INTERRUPT, "recovery", NULL, NULL), 208);
    CHECK_INT(verb(&w, VERB_STOP, "recovery", NULL, NULL), 200);
    CHECK_STR(world_tree(&w, "recovery"), "recovery (parallel strategy) (COMPLETE)\n");
    CHECK_STR(why(&w, NULL), "recovery: the plan is paused, no failure would be recovered; to let "
                             "it run: dse-plan resume recovery\n");
    world_restart(&w);
    world_status(&w, "x-0-s", FAILED, true);
    CHECK_STR(world_work(&w), "");
    world_status(&w, "x-0-s", RUNNING, true);
    CHECK_INT(verb(&w, VERB_CONTINUE, "recovery", NULL, NULL), 200);
    CHECK_STR(why(&w, NULL), "");
    CHECK_INT(verb(&w, VERB_CONTINUE, "recovery", NULL, NULL), 208);
    world_status(&w, "x-0-s", FAILED, true);
    CHECK_STR(world_work(&w), "x-0:[s]");
}

static void end(void)
{
    free(last);
    last = NULL;
}

TAP_MAIN(TEST(not_found), TEST(interrupt_and_continue), TEST(force_complete), TEST(restart),
         TEST(stop_and_go_on), TEST(side_plan), TEST(conflicts), TEST(reasons), TEST(idle_recovery),
         TEST(end))
