/* Commands before and after a replacement: when they run, what waits for them, at least once. */
#include "cycle_world.h"

static void restart(struct world *w, bool before, bool after)
{
    cycle_free(w->cycle);
    w->hook_before = before;
    w->hook_after = after;
    start_cycle(w, false);
    take(w);
    subscribe(w);
    for (int i = 0; i < 2; i++) {
        auto_free char *name = xasprintf("world-%d-server", i);
        const struct task *task = state_task(w->state, name);
        if (task && !task_state_is_terminal(task->status_state))
            update(w, task->id, pb_enum_name(&task_state__descriptor, (int)task->status_state),
                   "SOURCE_MASTER", NULL);
    }
    take(w);
}

static void replace(struct world *w)
{
    auto_free char *id = xstrdup(task_id(w, "world-0-server"));

    CHECK_INT(request(w, "pod-replace", json_pack("{s:s, s:[]}", "pod", "world-0", "tasks")), 200);
    update(w, id, "TASK_KILLED", "SOURCE_EXECUTOR", "AAAAAAAAAAAAAAAAAAAAAw==");
}

static const char *hook(const struct world *w, size_t i)
{
    const char *text = json_string_value(json_array_get(w->hooks, i));

    return text ? text : "";
}

static size_t hooks(const struct world *w)
{
    return json_array_size(w->hooks);
}

static void ended(struct world *w, const char *result)
{
    cycle_hook_ended(w->cycle, "world-0", result, strcmp(result, "done") == 0 ? 0 : 3);
    settle(w);
}

static void run_new_one(struct world *w)
{
    auto_free char *id = xstrdup(task_id(w, "world-0-server"));

    update(w, id, "TASK_RUNNING", "SOURCE_EXECUTOR", "AAAAAAAAAAAAAAAAAAAABA==");
}

static const char *replaced(struct world *w)
{
    const char *text = state_get_text(w->state, REPLACED_PATH "/world-0");

    return text ? text : "";
}

static void test_before_and_after(void)
{
    struct world w;

    deploy(&w);
    restart(&w, true, true);
    CHECK_INT(hooks(&w), 0);
    replace(&w);
    CHECK_INT(hooks(&w), 1);
    CHECK_STR(hook(&w, 0), "before world-0 A1.local>");
    offer(&w, "O3", "A3");
    CHECK_INT(count_sent(&w, "ACCEPT"), 0);
    w.clock.fixed_ms += 6000;
    cycle_tick(w.cycle);
    take(&w);
    ended(&w, "done");
    CHECK_INT(hooks(&w), 1);
    CHECK_INT(count_sent(&w, "REVIVE"), 1); /* offers were declined meanwhile */
    offer(&w, "O4", "A3");
    CHECK_INT(count_sent(&w, "ACCEPT"), 1);
    CHECK_INT(hooks(&w), 1); /* launched, not ready */
    run_new_one(&w);
    CHECK_INT(hooks(&w), 2);
    CHECK_STR(hook(&w, 1), "after world-0 A1.local>A3.local");
    CHECK_STR(replaced(&w), "");
    ended(&w, "done");
    CHECK(strstr(replaced(&w), "\"after\":{\"state\":\"done\"") != NULL);
    CHECK(state_get(w.state, HOOKS_PATH "/world-0", NULL) == NULL);

    /* A restart in place is no replacement; a second replacement is another. */
    request(&w, "pod-restart", json_pack("{s:s, s:[]}", "pod", "world-0", "tasks"));
    CHECK_INT(hooks(&w), 2);
    replace(&w);
    CHECK_INT(hooks(&w), 3);
    CHECK_STR(hook(&w, 2), "before world-0 A3.local>");
    tear_down(&w);
}

static void test_at_least_once(void)
{
    struct world w;

    deploy(&w);
    restart(&w, true, true);
    replace(&w);
    CHECK_INT(hooks(&w), 1);
    restart(&w, true, true); /* it had not ended */
    CHECK_INT(hooks(&w), 2);
    CHECK_STR(hook(&w, 1), "before world-0 A1.local>");
    ended(&w, "done");
    restart(&w, true, true); /* it had */
    CHECK_INT(hooks(&w), 2);
    offer(&w, "O4", "A3");
    CHECK_INT(count_sent(&w, "ACCEPT"), 1);
    run_new_one(&w);
    CHECK_INT(hooks(&w), 3);
    restart(&w, true, true);
    CHECK_INT(hooks(&w), 4);
    CHECK_STR(hook(&w, 3), "after world-0 A1.local>A3.local");
    ended(&w, "done");
    restart(&w, true, true);
    CHECK_INT(hooks(&w), 4);
    tear_down(&w);
}

/* The operator asked for a replacement: a command that fails does not keep it from happening. */
static void test_failure_goes_on(void)
{
    struct world w;

    deploy(&w);
    restart(&w, true, false);
    replace(&w);
    ended(&w, "timeout");
    offer(&w, "O4", "A3");
    CHECK_INT(count_sent(&w, "ACCEPT"), 1);
    CHECK(strstr(replaced(&w), "\"before\":{\"state\":\"timeout\"") != NULL);
    CHECK(state_get(w.state, HOOKS_PATH "/world-0", NULL) == NULL);
    run_new_one(&w);
    CHECK_INT(hooks(&w), 1);
    tear_down(&w);
}

static void test_only_after(void)
{
    struct world w;

    deploy(&w);
    restart(&w, false, true);
    replace(&w);
    CHECK_INT(hooks(&w), 0);
    offer(&w, "O4", "A3");
    CHECK_INT(count_sent(&w, "ACCEPT"), 1);
    run_new_one(&w);
    CHECK_INT(hooks(&w), 1);
    CHECK_STR(hook(&w, 0), "after world-0 A1.local>A3.local");
    tear_down(&w);
}

static void test_without_commands_nothing_is_noted(void)
{
    struct world w;

    deploy(&w);
    restart(&w, false, false);
    replace(&w);
    offer(&w, "O4", "A3");
    CHECK_INT(count_sent(&w, "ACCEPT"), 1);
    run_new_one(&w);
    CHECK_INT(hooks(&w), 0);
    CHECK(tree_find(state_tree(w.state), HOOKS_PATH) == NULL);
    CHECK(tree_find(state_tree(w.state), REPLACED_PATH) == NULL);
    tear_down(&w);
}

TAP_MAIN(TEST(test_before_and_after), TEST(test_at_least_once), TEST(test_failure_goes_on),
         TEST(test_only_after), TEST(test_without_commands_nothing_is_noted))
