/* The cycle on a memory store: what leaves when, against what is durable by then. */
#include "cycle_world.h"

/* ---- tests ---- */

static void test_subscribes_once_there_is_a_target(void)
{
    struct world w;

    set_up(&w);
    cycle_link(w.cycle, LINK_CONNECTED, NULL, 0);
    CHECK_INT(json_array_size(w.calls), 0);
    CHECK_INT(request(&w, "update", spec_args("red")), 200);
    json_t *info =
        json_object_get(json_object_get(sent(&w, "SUBSCRIBE"), "subscribe"), "framework_info");
    CHECK_STR(json_string_value(json_object_get(info, "name")), "hello");
    CHECK_STR(json_string_value(json_object_get(info, "principal")), "hello-principal");
    CHECK_INT(json_object_get(info, "id") != NULL, 0);
    CHECK_STR(state_service_name(w.state), "hello");
    CHECK_STR(state_schema_version(w.state), "1");
    tear_down(&w);
}

static void test_launch_is_recorded_before_accept(void)
{
    struct world w;

    set_up(&w);
    CHECK_INT(request(&w, "update", spec_args("red")), 200);
    subscribe(&w);
    CHECK_STR(state_framework_id(w.state), "F-1");
    take(&w);
    offer(&w, "O1", "A1");
    CHECK_INT(count_sent(&w, "ACCEPT"), 1);
    CHECK(w.accept_was_durable);
    const struct task *task = state_task(w.state, "world-0-server");
    CHECK(task && task->status_state == TASK_STATE__TASK_STAGING);
    CHECK(state_get(w.state, "Toolkit/launches/world-0", NULL) != NULL);
    /* the next step waits for the first */
    take(&w);
    offer(&w, "O2", "A2");
    CHECK_INT(count_sent(&w, "ACCEPT"), 0);
    CHECK_INT(count_sent(&w, "DECLINE"), 1);
    tear_down(&w);
}

static void test_update_is_stored_then_acknowledged(void)
{
    struct world w;

    set_up(&w);
    CHECK_INT(request(&w, "update", spec_args("red")), 200);
    subscribe(&w);
    offer(&w, "O1", "A1");
    take(&w);
    const char *id = task_id(&w, "world-0-server");
    update(&w, id, "TASK_STARTING", "SOURCE_EXECUTOR", "AAAAAAAAAAAAAAAAAAAABg==");
    CHECK_INT(count_sent(&w, "ACKNOWLEDGE"), 1);
    CHECK_INT(state_task(w.state, "world-0-server")->status_state, TASK_STATE__TASK_STAGING);
    update(&w, id, "TASK_RUNNING", "SOURCE_EXECUTOR", "AAAAAAAAAAAAAAAAAAAABw==");
    CHECK_INT(count_sent(&w, "ACKNOWLEDGE"), 2);
    CHECK_INT(state_task(w.state, "world-0-server")->status_state, TASK_STATE__TASK_RUNNING);
    CHECK(state_get(w.state, "Toolkit/launches/world-0", NULL) == NULL);
    /* sent again: acknowledged again */
    update(&w, id, "TASK_RUNNING", "SOURCE_EXECUTOR", "AAAAAAAAAAAAAAAAAAAABw==");
    CHECK_INT(count_sent(&w, "ACKNOWLEDGE"), 3);
    tear_down(&w);
}

static void test_deployed_and_idle(void)
{
    struct world w;

    deploy(&w);
    CHECK(state_deployed(w.state));
    offer(&w, "O9", "A3");
    CHECK_INT(count_sent(&w, "DECLINE"), 1);
    CHECK_INT(count_sent(&w, "SUPPRESS"), 1);
    tear_down(&w);
}

static void test_unknown_task_is_killed(void)
{
    struct world w;

    deploy(&w);
    update(&w, "hello__world-7-server__00000000-0000-4000-8000-000000000000", "TASK_RUNNING",
           "SOURCE_EXECUTOR", "AAAAAAAAAAAAAAAAAAAACQ==");
    CHECK_INT(count_sent(&w, "KILL"), 1);
    CHECK_INT(count_sent(&w, "ACKNOWLEDGE"), 1);
    take(&w);
    update(&w, "hello__world-7-server__00000000-0000-4000-8000-000000000000", "TASK_KILLED",
           "SOURCE_EXECUTOR", NULL);
    CHECK_INT(count_sent(&w, "KILL"), 0);
    tear_down(&w);
}

/* The master answers a KILL for a task on an unreachable agent at once with UNREACHABLE (captures:
 * agent-loss), and the pod's recovery wants the task dead as long as it is not. */
static void test_unreachable_task_is_killed_at_intervals(void)
{
    struct world w;

    deploy(&w);
    auto_free char *id = xstrdup(task_id(&w, "world-0-server"));
    update(&w, id, "TASK_UNREACHABLE", "SOURCE_MASTER", NULL);
    CHECK_INT(count_sent(&w, "KILL"), 1);
    for (int i = 0; i < 5; i++)
        update(&w, id, "TASK_UNREACHABLE", "SOURCE_MASTER", NULL);
    CHECK_INT(count_sent(&w, "KILL"), 1);
    w.clock.fixed_ms += 5000;
    cycle_tick(w.cycle);
    settle(&w);
    CHECK_INT(count_sent(&w, "KILL"), 2);
    /* the agent is back, with the task: nothing has to die any more */
    update(&w, id, "TASK_UNREACHABLE", "SOURCE_MASTER", NULL);
    update(&w, id, "TASK_RUNNING", "SOURCE_MASTER", NULL);
    for (int i = 0; i < 20; i++) {
        w.clock.fixed_ms += 5000;
        cycle_tick(w.cycle);
    }
    settle(&w);
    CHECK_INT(count_sent(&w, "KILL"), 2);
    tear_down(&w);
}

static void test_failed_task_is_relaunched_in_place(void)
{
    struct world w;

    deploy(&w);
    auto_free char *old = xstrdup(task_id(&w, "world-0-server"));
    update(&w, old, "TASK_FAILED", "SOURCE_EXECUTOR", "AAAAAAAAAAAAAAAAAAAADA==");
    CHECK_INT(plan_status(&w, "deploy"), STATUS_COMPLETE);
    CHECK_INT(plan_status(&w, "recovery"), STATUS_IN_PROGRESS);
    /* an agent without the reservations is of no use */
    take(&w);
    offer(&w, "O5", "A5");
    CHECK_INT(count_sent(&w, "ACCEPT"), 0);
    CHECK_STR(task_id(&w, "world-0-server"), old);
    tear_down(&w);
}

static void test_void_launch_is_forgotten(void)
{
    struct world w;

    set_up(&w);
    CHECK_INT(request(&w, "update", spec_args("red")), 200);
    subscribe(&w);
    offer(&w, "O1", "A1");
    auto_free char *id = xstrdup(task_id(&w, "world-0-server"));
    take(&w);
    /* the answer of a master whose agent never got the launch */
    update(&w, id, "TASK_GONE", "SOURCE_MASTER", NULL);
    CHECK(state_task(w.state, "world-0-server") == NULL);
    CHECK(state_get(w.state, "Toolkit/launches/world-0", NULL) == NULL);
    offer(&w, "O2", "A2");
    CHECK_INT(count_sent(&w, "ACCEPT"), 1);
    CHECK(strcmp(task_id(&w, "world-0-server"), id) != 0);
    tear_down(&w);
}

static void test_reconciles_after_reconnection(void)
{
    struct world w;

    deploy(&w);
    cycle_link(w.cycle, LINK_DISCONNECTED, NULL, 0);
    cycle_link(w.cycle, LINK_CONNECTED, NULL, 0);
    json_t *again = sent(&w, "SUBSCRIBE");
    CHECK_STR(json_string_value(json_object_get(json_object_get(again, "framework_id"), "value")),
              "F-1");
    take(&w);
    event(&w, quoted("{'type':'SUBSCRIBED','subscribed':{'framework_id':{'value':'F-1'}}}"));
    /* explicit with two tasks, implicit */
    CHECK_INT(count_sent(&w, "RECONCILE"), 2);
    json_t *tasks = json_object_get(json_object_get(sent(&w, "RECONCILE"), "reconcile"), "tasks");
    CHECK_INT(json_array_size(tasks), 2);
    take(&w);
    w.clock.fixed_ms += 7999;
    cycle_tick(w.cycle);
    CHECK_INT(count_sent(&w, "RECONCILE"), 0);
    w.clock.fixed_ms += 1;
    cycle_tick(w.cycle);
    CHECK_INT(count_sent(&w, "RECONCILE"), 1);
    tear_down(&w);
}

static void test_update_rolls_out_live(void)
{
    struct world w;

    deploy(&w);
    auto_free char *first = xstrdup(state_target_id(w.state));
    CHECK_INT(request(&w, "update", spec_args("red")), 200);
    CHECK_STR(state_target_id(w.state), first);
    CHECK_INT(request(&w, "update", spec_args("blue")), 200);
    CHECK(strcmp(state_target_id(w.state), first) != 0);
    settle(&w);
    /* only the first pod's turn has come */
    CHECK_INT(count_sent(&w, "KILL"), 1);
    json_t *kill = json_object_get(sent(&w, "KILL"), "kill");
    CHECK_STR(json_string_value(json_object_get(json_object_get(kill, "task_id"), "value")),
              task_id(&w, "world-0-server"));
    tear_down(&w);
}

/* A target that changes what the master knows of the framework. */
static json_t *other_framework_args(void)
{
    json_t *args = spec_args("blue");

    json_object_set_new(json_object_get(args, "spec"), "web-url", json_string("http://x/ui"));
    return args;
}

static void subscribe_to(struct world *w, const char *version)
{
    cycle_link(w->cycle, LINK_CONNECTED, NULL, 0);
    event(w, quoted("{'type':'SUBSCRIBED','subscribed':{'framework_id':{'value':'F-1'},"
                    "'master_info':{'id':'m','ip':1,'port':5050,'version':'%s'}}}",
                    version));
}

static void test_update_tells_the_master_of_new_roles(void)
{
    struct world w;
    struct arena arena = ARENA_INIT;
    struct err err = ERR_INIT;

    set_up(&w);
    CHECK_INT(request(&w, "update", spec_args("red")), 200);
    subscribe_to(&w, "1.9.0");
    CHECK_INT(request(&w, "update", spec_args("green")), 200);
    CHECK_INT(count_sent(&w, "UPDATE_FRAMEWORK"), 0); /* nothing of it concerns the master */
    CHECK_INT(request(&w, "update", other_framework_args()), 200);
    CHECK_INT(count_sent(&w, "UPDATE_FRAMEWORK"), 1);
    json_t *call = sent(&w, "UPDATE_FRAMEWORK");
    json_t *info = json_object_get(json_object_get(call, "update_framework"), "framework_info");
    CHECK_STR(json_string_value(json_object_get(info, "webui_url")), "http://x/ui");
    CHECK_STR(json_string_value(json_object_get(json_object_get(info, "id"), "value")), "F-1");
    CHECK_STR(json_string_value(json_object_get(json_object_get(call, "framework_id"), "value")),
              "F-1");
    const Call *parsed = PB_FROM_JSON(Call, call, call, &arena, &err);
    take(&w);
    CHECK_INT(request(&w, "update", other_framework_args()), 200);
    CHECK_INT(count_sent(&w, "UPDATE_FRAMEWORK"), 0);
    /* Not allowed to use a role: no pod of it could ever be placed. */
    cycle_link(w.cycle, LINK_CALL_FAILED, parsed, 403);
    CHECK(w.stopped);
    CHECK_INT(w.why.status, EXIT_DENIED);
    arena_free(&arena);
    tear_down(&w);
}

/* Older masters know no such call: the next start subscribes with the new roles, the update being
 * carried out before. */
static void test_update_of_roles_with_an_old_master(void)
{
    struct world w;

    set_up(&w);
    CHECK_INT(request(&w, "update", spec_args("red")), 200);
    subscribe_to(&w, "1.8.1");
    (void)request(&w, "update", other_framework_args());
    CHECK_INT(count_sent(&w, "UPDATE_FRAMEWORK"), 0);
    CHECK(w.stopped);
    CHECK_INT(w.why.status, EXIT_UNREACHABLE);
    tear_down(&w);
}

/* Out of reach is not denied: the task may run there, with data. */
static void test_unreachable_launch_is_not_void(void)
{
    struct world w;

    set_up(&w);
    CHECK_INT(request(&w, "update", spec_args("red")), 200);
    subscribe(&w);
    offer(&w, "O1", "A1");
    auto_free char *id = xstrdup(task_id(&w, "world-0-server"));
    update(&w, id, "TASK_UNREACHABLE", "SOURCE_MASTER", NULL);
    CHECK_STR(task_id(&w, "world-0-server"), id);
    take(&w);
    offer(&w, "O2", "A2");
    CHECK_INT(count_sent(&w, "ACCEPT"), 0);
    /* the agent is back and knows nothing of it */
    update(&w, id, "TASK_GONE", "SOURCE_MASTER", NULL);
    offer(&w, "O3", "A2");
    CHECK_INT(count_sent(&w, "ACCEPT"), 1);
    tear_down(&w);
}

/* A master that never got an ACCEPT or DECLINE holds the offers for us: they are given back. */
static void test_offers_of_failed_calls_are_declined(void)
{
    struct world w;
    struct arena arena = ARENA_INIT;
    struct err err = ERR_INIT;

    set_up(&w);
    CHECK_INT(request(&w, "update", spec_args("red")), 200);
    subscribe(&w);
    offer(&w, "O1", "A1");
    const Call *accept = PB_FROM_JSON(Call, call, sent(&w, "ACCEPT"), &arena, &err);
    take(&w);
    cycle_link(w.cycle, LINK_CALL_FAILED, accept, 0);
    CHECK_INT(count_sent(&w, "DECLINE"), 0);
    w.clock.fixed_ms += 5000;
    CHECK(cycle_next_ms(w.cycle) <= w.clock.fixed_ms);
    cycle_tick(w.cycle);
    CHECK_INT(count_sent(&w, "DECLINE"), 1);
    json_t *body = json_object_get(sent(&w, "DECLINE"), "decline");
    json_t *id = json_array_get(json_object_get(body, "offer_ids"), 0);
    CHECK_STR(json_string_value(json_object_get(id, "value")), "O1");
    const Call *decline = PB_FROM_JSON(Call, call, sent(&w, "DECLINE"), &arena, &err);
    take(&w);
    cycle_link(w.cycle, LINK_CALL_FAILED, decline, 503);
    cycle_tick(w.cycle);
    CHECK_INT(count_sent(&w, "DECLINE"), 0);
    w.clock.fixed_ms += 5000;
    cycle_tick(w.cycle);
    CHECK_INT(count_sent(&w, "DECLINE"), 1);
    /* a new subscription has new offers */
    cycle_link(w.cycle, LINK_CALL_FAILED, decline, 503);
    cycle_link(w.cycle, LINK_DISCONNECTED, NULL, 0);
    subscribe(&w);
    take(&w);
    w.clock.fixed_ms += 5000;
    cycle_tick(w.cycle);
    CHECK_INT(count_sent(&w, "DECLINE"), 0);
    arena_free(&arena);
    tear_down(&w);
}

static void test_forced_deployment_counts(void)
{
    struct world w;

    set_up(&w);
    CHECK_INT(request(&w, "update", spec_args("red")), 200);
    subscribe(&w);
    CHECK(!state_deployed(w.state));
    CHECK_INT(request(&w, "plan-force-complete",
                      json_pack("{s:s, s:s}", "plan", "deploy", "phase", "world")),
              200);
    CHECK(state_deployed(w.state));
    tear_down(&w);
}

/* Many tasks, many agents: answers in any order, offers of one agent taken together. */
static void test_answers_in_any_order(void)
{
    struct world w;

    deploy(&w);
    cycle_link(w.cycle, LINK_DISCONNECTED, NULL, 0);
    subscribe(&w);
    json_t *tasks = json_object_get(json_object_get(sent(&w, "RECONCILE"), "reconcile"), "tasks");
    CHECK_INT(json_array_size(tasks), 2);
    take(&w);
    for (int i = 1; i >= 0; i--) {
        offer(&w, i ? "O8" : "O9", "A3");
        CHECK_INT(count_sent(&w, "DECLINE"), 2 - i);
        auto_free char *id = xstrdup(task_id(&w, i ? "world-1-server" : "world-0-server"));
        update(&w, id, "TASK_RUNNING", "SOURCE_MASTER", NULL);
        update(&w, id, "TASK_RUNNING", "SOURCE_MASTER", NULL);
    }
    json_t *filters = json_object_get(json_object_get(sent(&w, "DECLINE"), "decline"), "filters");
    CHECK(json_real_value(json_object_get(filters, "refuse_seconds")) == 5);
    take(&w);
    w.clock.fixed_ms += 60000;
    cycle_tick(w.cycle);
    settle(&w);
    CHECK_INT(count_sent(&w, "RECONCILE"), 0); /* nothing is left to ask for */
    offer(&w, "O10", "A3");
    filters = json_object_get(json_object_get(sent(&w, "DECLINE"), "decline"), "filters");
    CHECK(json_real_value(json_object_get(filters, "refuse_seconds")) == 3600);
    tear_down(&w);
}

static void test_requests_are_refused_with_reasons(void)
{
    struct world w;

    deploy(&w);
    CHECK_INT(request(&w, "dance", json_object()), 400);
    CHECK_INT(request(&w, "update", json_pack("{s:[]}", "spec")), 400);
    CHECK_INT(request(&w, "plan-continue", json_pack("{s:s}", "plan", "nothing")), 404);
    CHECK(!w.stopped);
    tear_down(&w);
}

static void test_master_error_ends_the_run(void)
{
    struct world w;

    deploy(&w);
    event(&w, quoted("{'type':'ERROR','error':{'message':'Framework has been removed'}}"));
    CHECK(w.stopped);
    CHECK_INT(w.why.status, EXIT_DENIED);
    CHECK(strstr(w.why.text, "Framework has been removed") != NULL);
    tear_down(&w);
}

/* An offer with something reserved for us that no record knows. */
static void offer_unexpected(struct world *w, const char *id)
{
    event(w, quoted("{'type':'OFFERS','offers':{'offers':[{'id':{'value':'%s'},'framework_id':"
                    "{'value':'F-1'},'agent_id':{'value':'A9'},'hostname':'A9.local',"
                    "'allocation_info':{'role':'hello-role'},'resources':[{'name':'cpus','type':"
                    "'SCALAR','scalar':{'value':1},'allocation_info':{'role':'hello-role'},"
                    "'reservations':[{'type':'DYNAMIC','role':'hello-role','principal':"
                    "'hello-principal','labels':{'labels':[{'key':'resource_id','value':'lost'}]}"
                    "}]}]}]}}",
                    id));
}

static void wait_and_tick(struct world *w, int64_t ms)
{
    w->clock.fixed_ms += ms;
    cycle_tick(w->cycle);
    settle(w);
}

/* An UNRESERVE may be dropped like anything else: an idle service wants offers until one shows that
 * it was carried out. */
static void test_clean_up_is_followed_up(void)
{
    struct world w;

    deploy(&w); /* idle, and suppressed */
    for (int i = 0; i < 2; i++) {
        offer_unexpected(&w, i ? "O2" : "O1");
        CHECK_INT(count_sent(&w, "ACCEPT"), 1);
        take(&w);
        wait_and_tick(&w, 60000);
        CHECK_INT(count_sent(&w, "SUPPRESS"), 0);
    }
    offer(&w, "O3", "A9");
    CHECK_INT(count_sent(&w, "DECLINE"), 1);
    wait_and_tick(&w, 10000);
    CHECK_INT(count_sent(&w, "SUPPRESS"), 1);
    tear_down(&w);
}

/* Feedback about operations (captures: operations-and-master-failover). */
static void operation_status(struct world *w, const char *id, const char *state, const char *more)
{
    event(w, quoted("{'type':'UPDATE_OPERATION_STATUS','update_operation_status':{'status':{"
                    "'operation_id':{'value':'%s'},'state':'%s'%s}}}",
                    id, state, more));
}

static size_t operations_with_ids(struct world *w, size_t *ret_all)
{
    json_t *accept = json_object_get(sent(w, "ACCEPT"), "accept");
    json_t *operations = json_object_get(accept, "operations");
    size_t n = 0;

    *ret_all = json_array_size(operations);
    for (size_t i = 0; i < *ret_all; i++)
        n += json_object_get(json_array_get(operations, i), "id") != NULL;
    return n;
}

static void test_operations_ask_for_feedback(void)
{
    struct world w;
    size_t all;

    set_up(&w);
    CHECK_INT(request(&w, "update", spec_args("red")), 200);
    subscribe_to(&w, "1.8.0");
    offer(&w, "O1", "A1");
    CHECK_INT(operations_with_ids(&w, &all), all - 1); /* all but the LAUNCH_GROUP */
    take(&w);
    operation_status(&w, "r.u", "OPERATION_FINISHED",
                     ",'agent_id':{'value':'A1'},'uuid':{'value':'OOVHcK3BR+aEDHrULe/cdQ=='}");
    json_t *ack =
        json_object_get(sent(&w, "ACKNOWLEDGE_OPERATION_STATUS"), "acknowledge_operation_status");
    CHECK_STR(json_string_value(json_object_get(ack, "uuid")), "OOVHcK3BR+aEDHrULe/cdQ==");
    CHECK_STR(json_string_value(json_object_get(json_object_get(ack, "agent_id"), "value")), "A1");
    CHECK_STR(json_string_value(json_object_get(json_object_get(ack, "operation_id"), "value")),
              "r.u");
    take(&w);
    /* What the master answers itself has no uuid: nothing is to be acknowledged. */
    operation_status(&w, "r.v", "OPERATION_ERROR", ",'message':'Invalid RESERVE Operation'");
    CHECK_INT(count_sent(&w, "ACKNOWLEDGE_OPERATION_STATUS"), 0);
    /* An agent that gives none: the launch is made anew without asking. */
    operation_status(&w, "r.w", "OPERATION_ERROR",
                     ",'message':'Operation on agent default resources requested feedback, but "
                     "agent A1 does not have the required AGENT_OPERATION_FEEDBACK and "
                     "RESOURCE_PROVIDER capabilities'");
    auto_free char *id = xstrdup(task_id(&w, "world-0-server"));
    update(&w, id, "TASK_ERROR", "SOURCE_MASTER", NULL);
    take(&w);
    offer(&w, "O2", "A1");
    CHECK_INT(operations_with_ids(&w, &all), 0);
    CHECK(all > 1);
    tear_down(&w);
}

static void test_old_masters_give_no_feedback(void)
{
    struct world w;
    size_t all;

    set_up(&w);
    CHECK_INT(request(&w, "update", spec_args("red")), 200);
    subscribe_to(&w, "1.7.2");
    offer(&w, "O1", "A1");
    CHECK_INT(operations_with_ids(&w, &all), 0);
    tear_down(&w);
}

/* linux_info.share_cgroups came with Mesos 1.10. */
static void test_share_cgroups_needs_a_master_that_knows_it(void)
{
    const struct {
        const char *version;
        bool known;
    } masters[] = {{"1.9.1", false}, {"1.10.0", true}, {"0.28.0", false}, {"2.0.0", true}};

    for (size_t i = 0; i < ARRAY_LEN(masters); i++) {
        struct world w;
        set_up(&w);
        CHECK_INT(request(&w, "update", spec_args("red")), 200);
        cycle_link(w.cycle, LINK_CONNECTED, NULL, 0);
        event(&w, quoted("{'type':'SUBSCRIBED','subscribed':{'framework_id':{'value':'F-1'},"
                         "'master_info':{'id':'m','ip':1,'port':5050,'version':'%s'}}}",
                         masters[i].version));
        offer(&w, "O1", "A1");
        auto_free char *accept = json_dumps(sent(&w, "ACCEPT"), 0);
        CHECK(accept != NULL);
        CHECK_INT(accept && strstr(accept, "share_cgroups") != NULL, masters[i].known);
        tear_down(&w);
    }
}

TAP_MAIN(TEST(test_clean_up_is_followed_up), TEST(test_operations_ask_for_feedback),
         TEST(test_old_masters_give_no_feedback),
         TEST(test_share_cgroups_needs_a_master_that_knows_it),
         TEST(test_subscribes_once_there_is_a_target), TEST(test_launch_is_recorded_before_accept),
         TEST(test_update_is_stored_then_acknowledged), TEST(test_deployed_and_idle),
         TEST(test_unknown_task_is_killed), TEST(test_failed_task_is_relaunched_in_place),
         TEST(test_unreachable_task_is_killed_at_intervals), TEST(test_void_launch_is_forgotten),
         TEST(test_reconciles_after_reconnection), TEST(test_update_rolls_out_live),
         TEST(test_update_tells_the_master_of_new_roles),
         TEST(test_update_of_roles_with_an_old_master),
         TEST(test_requests_are_refused_with_reasons), TEST(test_forced_deployment_counts),
         TEST(test_unreachable_launch_is_not_void), TEST(test_offers_of_failed_calls_are_declined),
         TEST(test_answers_in_any_order), TEST(test_master_error_ends_the_run))
