/* Plans for what the original left behind: no records of ours, results of tasks whose records have
 * no id (plans-and-recovery 1.4 at start, state-store 4.7), no plans. */
#include "plan/pods.h"
#include "plan_fixture.h"
#include "tap.h"

#define STEPS(first, second)                                                                    \
    "{\"deploy\":{\"strategy\":\"serial\",\"phases\":{\"hello\":{\"pod\":\"hello\",\"steps\":[" \
    "{\"default\":[[\"" first "\"],[\"" second "\"]]}]}}}}"

/* As a launch of another task of the resource set records it. */
static void record_anew(struct world *w, const char *name)
{
    auto_arena struct arena arena = ARENA_INIT;
    struct err err = ERR_INIT;
    struct task *task = world_task(w, name);
    TaskInfo *info = state_task_info(w->state, task, &arena, &err);

    plans_result_superseded(w->plans, w->txn, task);
    info->task_id->value = "";
    info->labels = labels_set(&arena, info->labels, "target_configuration", w->id);
    state_put_task_info(w->state, w->txn, info);
}

static void deploy_two(struct world *w, const char *pods, const char *plans, const char *once)
{
    world_init(w, pods, plans);
    auto_free char *step = xasprintf("hello-0:[%s]", once), *name = xasprintf("hello-0-%s", once);
    if (strstr(world_work(w), step)) {
        CHECK(world_launch(w, step));
        world_status(w, name, FINISHED, true);
    }
    CHECK(world_complete(w, "hello-0:[server]"));
    if (state_task(w->state, name))
        record_anew(w, name);
}

/* What the original leaves: the same tree without records of ours. */
static void forget_records(struct world *w)
{
    state_delete(w->state, w->txn, "Toolkit");
    world_restart(w);
}

static void finished_once(void)
{
    auto_world struct world w;
    deploy_two(&w, "hello:1:init*=main,server=main", STEPS("init", "server"), "init");
    forget_records(&w);
    /* The status is of a launch that the record does not name. */
    json_auto json_t *pod = pod_status(w.state, "hello-0");
    auto_buf struct buf text = BUF_INIT;
    pod_tree_print(pod, false, &text);
    CHECK_STR(buf_str(&text),
              "hello-0\n|- hello-0-init (<UNKNOWN>)\n`- hello-0-server (RUNNING)\n");
    CHECK_STR(world_tree(&w, "deploy"), "deploy (serial strategy) (COMPLETE)\n"
                                        "└─ hello (serial strategy) (COMPLETE)\n"
                                        "   ├─ hello-0:[init] (COMPLETE)\n"
                                        "   └─ hello-0:[server] (COMPLETE)\n");
    /* Whatever the configuration: an update does not run it again. */
    world_update(&w, world_spec_json("hello:1:init*=main,server=main", "run2", NULL),
                 STEPS("init", "server"));
    CHECK_STR(world_work(&w), "hello-0:[server]");
    CHECK(world_same_after_restart(&w));
    /* But a restart of the step does. */
    json_auto json_t *body = NULL;
    CHECK_INT(plans_verb(w.plans, w.txn, VERB_RESTART, "deploy", "hello", "hello-0:[init]", NULL,
                         w.now, &body),
              200);
    CHECK_STR(world_work(&w), "hello-0:[init]");
    CHECK(world_same_after_restart(&w));
}

static void finished_for_the_target(void)
{
    auto_world struct world w;
    deploy_two(&w, "hello:1:init?=main,server=main", STEPS("init", "server"), "init");
    forget_records(&w);
    CHECK_STR(world_work(&w), "");
    CHECK(strstr(world_tree(&w, "deploy"), "hello-0:[init] (COMPLETE)"));
    world_update(&w, world_spec_json("hello:1:init?=main,server=main", "run2", NULL),
                 STEPS("init", "server"));
    CHECK_STR(world_work(&w), "hello-0:[init]");
    CHECK(world_same_after_restart(&w));
}

/* Recorded anew by the launch of another task of its set, it is no result of the new target. */
static void superseded_result(void)
{
    auto_world struct world w;
    deploy_two(&w, "hello:1:server=main,fin?=main", STEPS("server", "fin"), "fin");
    CHECK(world_launch(&w, "hello-0:[fin]"));
    world_status(&w, "hello-0-fin", FINISHED, true);
    CHECK_STR(world_work(&w), "");
    world_update(&w, world_spec_json("hello:1:server=main,fin?=main", "run2", NULL),
                 STEPS("server", "fin"));
    CHECK(world_launch(&w, "hello-0:[server]"));
    world_status(&w, "hello-0-server", RUNNING, false);
    record_anew(&w, "hello-0-fin");
    CHECK(strstr(world_tree(&w, "deploy"), "hello-0:[fin] (PENDING)"));
    CHECK(world_same_after_restart(&w));
    world_status(&w, "hello-0-server", RUNNING, true);
    CHECK_STR(world_work(&w), "hello-0:[fin]");
    CHECK(world_same_after_restart(&w));
    CHECK(world_launch(&w, "hello-0:[fin]"));
    world_status(&w, "hello-0-fin", FINISHED, true);
    CHECK(strstr(world_tree(&w, "deploy"), "deploy (serial strategy) (COMPLETE)"));
    CHECK(world_same_after_restart(&w));
}

/* Nobody knows the plans: what runs of each pod is taken as what was deployed. */
static void unknown_plans(void)
{
    auto_world struct world w;
    struct err err = ERR_INIT;
    deploy_two(&w, "hello:2:init*=main,server=main,extra=more", STEPS("init", "server"), "init");
    state_delete(w.state, w.txn, "Toolkit");
    plans_spec_free(w.specs);
    w.specs = configs_plans(w.state, w.id, NULL, &err);
    CHECK(w.specs->unknown);
    world_restart(&w);
    CHECK_STR(world_tree(&w, "deploy"), "deploy (serial strategy) (IN_PROGRESS)\n"
                                        "└─ hello (serial strategy) (IN_PROGRESS)\n"
                                        "   ├─ hello-0:[server] (COMPLETE)\n"
                                        "   └─ hello-1:[server, extra] (PREPARED)\n");
    /* An update without plans says that there are none: then it is all tasks at once, as in the
     * original. */
    world_update(&w, world_spec_json("hello:2:init*=main,server=main,extra=more", NULL, NULL),
                 NULL);
    CHECK(!w.specs->unknown);
    CHECK(strstr(world_tree(&w, "deploy"), "hello-0 (ERROR)"));
}

TAP_MAIN(TEST(finished_once), TEST(finished_for_the_target), TEST(superseded_result),
         TEST(unknown_plans))
