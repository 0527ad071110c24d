/* The end of an uninstall: TEARDOWN leaves until the master says that the framework is removed,
 * then the state is wiped. */
#include "cycle_world.h"

/* The deployed service of two pods, one on each of two agents, with the scheduler replaced by the
 * uninstall's. */
static void start_uninstall(struct world *w)
{
    deploy(w);
    cycle_free(w->cycle);
    start_cycle(w, true);
    cycle_uninstall(w->cycle);
    settle(w);
    subscribe(w);
    for (int i = 0; i < 2; i++) {
        auto_free char *name = xasprintf("world-%d-server", i);
        auto_free char *id = xstrdup(task_id(w, name));
        update(w, id, "TASK_KILLED", "SOURCE_EXECUTOR", "AAAAAAAAAAAAAAAAAAAAAg==");
    }
    CHECK_INT(count_sent(w, "TEARDOWN"), 0);
}

static void removed(struct world *w)
{
    event(w, quoted("{'type':'ERROR','error':{'message':'Framework has been removed'}}"));
}

static int forget(struct world *w, const char *host)
{
    return request(w, "uninstall-forget-agent", json_pack("{s:s}", "host", host));
}

static json_t *whole_plan(void)
{
    return json_pack("{s:s}", "plan", "deploy");
}

static void test_forced_plan_is_torn_down(void)
{
    struct world w;

    start_uninstall(&w);
    CHECK_INT(request(&w, "plan-force-complete", whole_plan()), 200);
    CHECK_INT(count_sent(&w, "TEARDOWN"), 1);
    CHECK(state_framework_id(w.state) != NULL);
    removed(&w);
    CHECK(w.stopped);
    CHECK_INT(w.why.status, EXIT_DONE);
    CHECK(state_framework_id(w.state) == NULL);
    CHECK_INT(state_task_count(w.state), 0);
    tear_down(&w);
}

static void test_forced_step_outlives_a_restart(void)
{
    struct world w;

    start_uninstall(&w);
    json_t *args = json_pack("{s:s, s:s, s:s}", "plan", "deploy", "phase", "deregister-service",
                             "step", "deregister");
    CHECK_INT(request(&w, "plan-force-complete", args), 200);
    CHECK_INT(count_sent(&w, "TEARDOWN"), 1);
    cycle_free(w.cycle);
    take(&w);
    start_cycle(&w, true);
    subscribe(&w);
    CHECK_INT(count_sent(&w, "TEARDOWN"), 1);
    tear_down(&w);
}

static void test_teardown_is_sent_until_it_arrives(void)
{
    struct world w;
    Call call = CALL__INIT;

    start_uninstall(&w);
    CHECK_INT(forget(&w, "A1.local"), 200);
    CHECK_INT(count_sent(&w, "TEARDOWN"), 0);
    CHECK_INT(forget(&w, "A2.local"), 200);
    CHECK_INT(count_sent(&w, "TEARDOWN"), 1);

    /* The master was not there: again, but not at once. */
    take(&w);
    call.has_type = 1;
    call.type = CALL__TYPE__TEARDOWN;
    cycle_link(w.cycle, LINK_CALL_FAILED, &call, 503);
    cycle_tick(w.cycle);
    settle(&w);
    CHECK_INT(count_sent(&w, "TEARDOWN"), 0);
    CHECK_INT(cycle_next_ms(w.cycle) <= w.clock.fixed_ms + 5000, 1);
    w.clock.fixed_ms += 5000;
    cycle_tick(w.cycle);
    settle(&w);
    CHECK_INT(count_sent(&w, "TEARDOWN"), 1);
    cycle_tick(w.cycle);
    settle(&w);
    CHECK_INT(count_sent(&w, "TEARDOWN"), 1);

    /* The answer is lost with the connection. */
    cycle_link(w.cycle, LINK_DISCONNECTED, NULL, 0);
    take(&w);
    subscribe(&w);
    CHECK_INT(count_sent(&w, "TEARDOWN"), 1);
    removed(&w);
    CHECK_INT(w.why.status, EXIT_DONE);
    tear_down(&w);
}

static void test_forgetting_agents(void)
{
    struct world w;

    start_uninstall(&w);
    CHECK_INT(forget(&w, "elsewhere"), 404);
    CHECK_INT(forget(&w, "A1.local"), 200);
    CHECK_INT(forget(&w, "A1.local"), 208);
    /* What A2 held is on its way back, and no offer will ever show that it arrived. */
    struct txn *txn = txn_new();
    state_put(w.state, txn, UNRESERVING_PATH "/A2.local", "", 0);
    struct err err = ERR_INIT;
    CHECK_INT(store_commit(w.store, txn, &err), 0);
    json_t *args = json_pack("{s:s, s:s, s:s}", "plan", "deploy", "phase",
                             UNRESERVE_PHASE "A2.local", "step", "none");
    CHECK_INT(request(&w, "plan-force-complete", args), 404);
    CHECK_INT(count_sent(&w, "TEARDOWN"), 0);
    CHECK_INT(forget(&w, "A2.local"), 200);
    CHECK_INT(count_sent(&w, "TEARDOWN"), 1);
    tear_down(&w);
}

TAP_MAIN(TEST(test_forced_plan_is_torn_down), TEST(test_forced_step_outlives_a_restart),
         TEST(test_teardown_is_sent_until_it_arrives), TEST(test_forgetting_agents))
