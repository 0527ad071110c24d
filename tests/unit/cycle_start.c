/* What a start finds to do before it is subscribed and reconciled is done as soon as it is. */
#include "cycle_world.h"

/* A request carried out at the start, before anyone listens: KILL leaves with the subscription. */
static void test_kills_of_the_start_leave_at_once(void)
{
    struct world w;

    deploy(&w);
    cycle_free(w.cycle);
    start_cycle(&w, false);
    take(&w);
    CHECK_INT(request(&w, "pod-restart", json_pack("{s:s, s:[]}", "pod", "world-0", "tasks")), 200);
    CHECK_INT(count_sent(&w, "KILL"), 0);
    subscribe(&w);
    CHECK_INT(count_sent(&w, "KILL"), 1);
    w.clock.fixed_ms += 4000;
    cycle_tick(w.cycle);
    settle(&w);
    CHECK_INT(count_sent(&w, "KILL"), 1);
    /* A connection that breaks may have lost it. */
    cycle_link(w.cycle, LINK_DISCONNECTED, NULL, 0);
    subscribe(&w);
    CHECK_INT(count_sent(&w, "KILL"), 2);
    tear_down(&w);
}

static void restart_scheduler(struct world *w)
{
    cycle_free(w->cycle);
    start_cycle(w, false);
    take(w);
    subscribe(w);
}

/* What an operator wants ended is killed until it has ended: also by the next scheduler, also when
 * its agent was out of reach meanwhile. */
static void test_an_operators_kill_is_not_lost(void)
{
    struct world w;

    deploy(&w);
    auto_free char *id = xstrdup(task_id(&w, "world-0-server"));
    CHECK_INT(request(&w, "pod-restart", json_pack("{s:s, s:[]}", "pod", "world-0", "tasks")), 200);
    CHECK_INT(count_sent(&w, "KILL"), 1);
    restart_scheduler(&w);
    CHECK_INT(count_sent(&w, "KILL"), 1);
    take(&w);
    update(&w, id, "TASK_UNREACHABLE", "SOURCE_MASTER", NULL);
    take(&w);
    update(&w, id, "TASK_RUNNING", "SOURCE_MASTER", NULL);
    CHECK_INT(count_sent(&w, "KILL"), 1);
    take(&w);
    update(&w, id, "TASK_KILLED", "SOURCE_EXECUTOR", "AAAAAAAAAAAAAAAAAAAABw==");
    CHECK(state_get(w.state, "Toolkit/kills/world-0-server", NULL) == NULL);
    restart_scheduler(&w);
    CHECK_INT(count_sent(&w, "KILL"), 0);
    tear_down(&w);
}

/* A task that was replaced while its agent was out of reach turns up again. */
static void test_a_stray_is_killed_when_it_turns_up(void)
{
    struct world w;

    deploy(&w);
    auto_free char *id = xstrdup(task_id(&w, "world-0-server"));
    update(&w, id, "TASK_UNREACHABLE", "SOURCE_MASTER", NULL);
    CHECK_INT(request(&w, "pod-replace", json_pack("{s:s, s:[]}", "pod", "world-0", "tasks")), 200);
    update(&w, id, "TASK_UNREACHABLE", "SOURCE_MASTER", NULL); /* the master's answer to KILL */
    offer(&w, "O3", "A3");
    CHECK_INT(count_sent(&w, "ACCEPT"), 1);
    take(&w);
    update(&w, id, "TASK_RUNNING", "SOURCE_MASTER", NULL);
    CHECK_INT(count_sent(&w, "KILL"), 1);
    tear_down(&w);
}

/* Offers that came before all tasks were reconciled were declined: they are asked for again. */
static void test_offers_declined_too_early_are_revived(void)
{
    struct world w;

    deploy(&w);
    cycle_free(w.cycle);
    start_cycle(&w, false);
    CHECK_INT(request(&w, "pod-replace", json_pack("{s:s, s:[]}", "pod", "world-0", "tasks")), 200);
    subscribe(&w);
    take(&w);
    offer(&w, "O3", "A3");
    CHECK_INT(count_sent(&w, "DECLINE"), 1);
    w.clock.fixed_ms += 6000;
    cycle_tick(w.cycle);
    take(&w);
    for (int i = 0; i < 2; i++) {
        auto_free char *id = xstrdup(task_id(&w, i ? "world-1-server" : "world-0-server"));
        update(&w, id, "TASK_RUNNING", "SOURCE_MASTER", NULL);
    }
    CHECK_INT(count_sent(&w, "REVIVE"), 1);
    offer(&w, "O4", "A3");
    CHECK_INT(count_sent(&w, "ACCEPT"), 1);
    tear_down(&w);
}

TAP_MAIN(TEST(test_kills_of_the_start_leave_at_once), TEST(test_an_operators_kill_is_not_lost),
         TEST(test_a_stray_is_killed_when_it_turns_up),
         TEST(test_offers_declined_too_early_are_revived))
