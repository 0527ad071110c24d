/* The mirror: bytes of the worked example, summaries, what the writer's functions add to a
 * transaction, start-up repairs. */
#include "state/state.h"

#include "base/clock.h"
#include "state/store_impl.h"
#include "state_example.h"
#include "tap.h"

static struct state *example_state(const struct example *e)
{
    struct state *state = state_new();
    struct err err = ERR_INIT;

    CHECK_INT(state_load(state, example_tree(e), &err), 0);
    return state;
}

static void cleanup_state(struct state **state)
{
    state_free(*state);
}
static void cleanup_txn(struct txn **txn)
{
    txn_free(*txn);
}
#define auto_state __attribute__((cleanup(cleanup_state)))
#define auto_txn __attribute__((cleanup(cleanup_txn)))

/* The operations as one line: "+Tasks =Tasks/x/TaskInfo -a ". */
static const char *shown(const struct txn *txn)
{
    static struct buf text = BUF_INIT;

    buf_clear(&text);
    for (size_t i = 0; i < txn_count(txn); i++)
        buf_addf(&text, "%c%s ", "+=-?"[txn_op(txn, i)->kind], txn_op(txn, i) -> path);
    return buf_str(&text);
}

/* ---- bytes ---- */

static void framework_id_bytes(void)
{
    auto_state struct state *state = state_new();
    auto_txn struct txn *txn = txn_new();
    ssize_t len;

    state_put_framework_id(state, txn, "5d7b1a52-3c1e-4e0b-9f6a-2f6b8d0c4e11-0007");
    const char *bytes = state_get(state, "FrameworkID", &len);
    CHECK_INT(len, 43);
    CHECK(memcmp(bytes,
                 "\x0a\x29"
                 "5d7b1a52-3c1e-4e0b-9f6a-2f6b8d0c4e11-0007",
                 43) == 0);
    CHECK_STR(state_framework_id(state), "5d7b1a52-3c1e-4e0b-9f6a-2f6b8d0c4e11-0007");
    CHECK_STR(shown(txn), "+FrameworkID ");
}

static void first_status_is_127_bytes(void)
{
    auto_example struct example e = example_new();
    TaskStatus status = TASK_STATUS__INIT;
    auto_buf struct buf bytes = BUF_INIT;

    status.task_id = e.info->task_id;
    status.state = TASK_STATE__TASK_STAGING;
    status.executor_id = e.info->executor->executor_id;
    pb_pack(&status, &bytes);
    CHECK_INT(bytes.len, 127);
    CHECK(memcmp(bytes.data,
                 "\x0a\x40\x0a\x3e" EXAMPLE_ID "\x10\x06\x3a\x39\x0a\x37"
                 "datastax-dse__dse__1b0c55d8-91a7-4f0b-b6de-4f5f77c1a3e2",
                 127) == 0);
}

static void example_sizes_and_round_trip(void)
{
    auto_example struct example e = example_new();
    auto_state struct state *state = example_state(&e);
    auto_buf struct buf again = BUF_INIT;
    struct err err = ERR_INIT;
    ssize_t len;
    const struct task *task = state_task(state, "dse-0-node");

    const char *bytes = state_get(state, "Tasks/dse-0-node/TaskInfo", &len);
    CHECK_INT(len, 3652);
    const TaskInfo *info = state_task_info(state, task, &e.arena, &err);
    pb_pack(info, &again);
    CHECK_INT(again.len, len);
    CHECK(memcmp(again.data, bytes, again.len) == 0);
    bytes = state_get(state, "Tasks/dse-0-node/TaskStatus", &len);
    CHECK_INT(len, 308);
    buf_clear(&again);
    pb_pack(state_task_status(state, task, &e.arena, &err), &again);
    CHECK(again.len == 308 && memcmp(again.data, bytes, 308) == 0);
}

/* ---- summaries ---- */

static void summary_of_the_example(void)
{
    auto_example struct example e = example_new();
    auto_state struct state *state = example_state(&e);
    const struct task *t = state_task(state, "dse-0-node");

    CHECK_STR(t->name, "dse-0-node");
    CHECK_STR(t->id, EXAMPLE_ID);
    CHECK_STR(t->pod_type, "dse");
    CHECK_INT(t->pod_index, 0);
    CHECK_STR(t->spec_name, "node");
    CHECK_STR(t->config_id, EXAMPLE_TARGET);
    CHECK_STR(t->agent_id, "5d7b1a52-3c1e-4e0b-9f6a-2f6b8d0c4e11-S1");
    CHECK_STR(t->hostname, "10.0.1.17");
    CHECK_STR(t->attributes, "rack:r1;cores:16.000");
    CHECK_STR(t->region, "aws/us-west-2");
    CHECK_STR(t->zone, "aws/us-west-2a");
    CHECK_STR(t->executor_id, "datastax-dse__dse__1b0c55d8-91a7-4f0b-b6de-4f5f77c1a3e2");
    CHECK(!t->permanently_failed && t->has_check && !t->has_legacy_check);
    CHECK_STR(t->status_id, EXAMPLE_ID);
    CHECK_INT(t->status_state, TASK_STATE__TASK_RUNNING);
    CHECK_STR(t->status_agent_id, t->agent_id);
    CHECK_STR(t->status_executor_id, t->executor_id);
    CHECK(t->status_ready);
    CHECK(t->status_timestamp == 1579086812.25);
    CHECK_INT(t->override, OVERRIDE_NONE);
    CHECK_INT(t->progress, PROGRESS_COMPLETE);
    CHECK_INT(state_problems(state), 0);
    CHECK(state_deployed(state));
    CHECK(!state_uninstalling(state));
    CHECK(state_task_by_id(state, EXAMPLE_ID) == t);
    CHECK(state_task_by_id(state, "dse-0-node__other") == t);
    CHECK(!state_task_by_id(state, "dse-1-node__other"));
    CHECK(!state_task_by_id(state, "none"));
}

static void task_ids_are_parsed(void)
{
    static const struct {
        const char *id, *task, *service;
    } rows[] = {
        {"dse-0-node__u", "dse-0-node", NULL},
        {"path.to.svc__dse-0-node__u", "dse-0-node", "path.to.svc"},
        {"x__svc__t__u", "t", "svc"},
        {"svc____u", "", "svc"},
        {"other___u", "other_", NULL},
        {"none", NULL, NULL},
    };
    auto_arena struct arena arena = ARENA_INIT;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CHECK_STR(task_name_of_id(&arena, rows[i].id), rows[i].task);
        CHECK_STR(service_of_id(&arena, rows[i].id), rows[i].service);
    }
}

static void put_status(struct state *state, struct txn *txn, const TaskStatus *status)
{
    state_put_task_status(state, txn, "dse-0-node", status);
}

static void readiness(void)
{
    auto_example struct example e = example_new();
    auto_state struct state *state = example_state(&e);
    auto_txn struct txn *txn = txn_new();
    const struct task *t = state_task(state, "dse-0-node");

    e.status->check_status->command->has_exit_code = 0;
    put_status(state, txn, e.status);
    CHECK(!t->status_ready);
    e.status->check_status->command->has_exit_code = 1;
    e.status->check_status->command->exit_code = 1;
    put_status(state, txn, e.status);
    CHECK(!t->status_ready);
    e.status->check_status->command->exit_code = -1;
    put_status(state, txn, e.status);
    CHECK(!t->status_ready);
    /* SDK-COMPAT: no check status at all counts as ready, even with a check. */
    e.status->check_status = NULL;
    put_status(state, txn, e.status);
    CHECK(t->status_ready);
    /* ... but for the old executor's label. */
    e.info->labels = labels_set(&e.arena, e.info->labels, "readiness_check", "KAA=");
    state_put_task_info(state, txn, e.info);
    CHECK(t->has_legacy_check && !t->status_ready);
    e.status->labels = labels_set(&e.arena, NULL, "readiness_check_passed", "true");
    put_status(state, txn, e.status);
    CHECK(t->status_ready);
    e.status->labels = labels_set(&e.arena, NULL, "readiness_check_passed", "TRUE");
    put_status(state, txn, e.status);
    CHECK(!t->status_ready);
}

static void pods_are_linked_by_labels(void)
{
    auto_example struct example e = example_new();
    auto_state struct state *state = example_state(&e);
    auto_txn struct txn *txn = txn_new();

    state_put_task_info(state, txn, example_task(&e, "dse", 0, "agent"));
    state_put_task_info(state, txn, example_task(&e, "dse", 10, "node"));
    state_put_task_info(state, txn, example_task(&e, "dse-0", 1, "node"));
    state_put_task_info(state, txn, example_task(&e, "dse", 0, "zeta"));
    struct task *t = state_pod(state, "dse", 0);
    CHECK_STR(t->name, "dse-0-agent");
    CHECK_STR(t->next_in_pod->name, "dse-0-node");
    CHECK_STR(t->next_in_pod->next_in_pod->name, "dse-0-zeta");
    CHECK(!t->next_in_pod->next_in_pod->next_in_pod);
    CHECK_STR(state_pod(state, "dse", 10)->name, "dse-10-node");
    CHECK_STR(state_pod(state, "dse-0", 1)->name, "dse-0-1-node");
    CHECK_STR(state_pod(state, "dse-0", 1)->spec_name, "node");
    CHECK(!state_pod(state, "dse", 1));
    state_delete_task(state, txn, t->next_in_pod);
    CHECK_STR(state_pod(state, "dse", 0)->next_in_pod->name, "dse-0-zeta");
    state_delete_task(state, txn, state_pod(state, "dse", 0));
    CHECK_STR(state_pod(state, "dse", 0)->name, "dse-0-zeta");
    CHECK_INT(state_task_count(state), 3);
    auto_buf struct buf names = BUF_INIT;
    for (t = state_task_first(state); t; t = state_task_after(state, t))
        buf_addf(&names, "%s ", t->name);
    CHECK_STR(names.data, "dse-0-1-node dse-0-zeta dse-10-node ");
}

/* ---- writing ---- */

static void parents_are_made_and_deletes_start_below(void)
{
    auto_example struct example e = example_new();
    auto_state struct state *state = state_new();
    auto_txn struct txn *txn = txn_new(), *second = txn_new();

    state_put_task_info(state, txn, e.info);
    state_put_task_status(state, txn, "dse-0-node", e.status);
    CHECK_STR(shown(txn), "+Tasks +Tasks/dse-0-node +Tasks/dse-0-node/TaskInfo "
                          "+Tasks/dse-0-node/TaskStatus ");
    CHECK_INT(txn_op(txn, 0)->len, 0);
    state_put_task_info(state, second, e.info);
    CHECK_INT(txn_count(second), 0); /* nothing changed */
    e.info->task_id->value = (char *)"";
    state_put_task_info(state, second, e.info);
    state_delete_task(state, second, state_task(state, "dse-0-node"));
    CHECK_STR(shown(second), "=Tasks/dse-0-node/TaskInfo -Tasks/dse-0-node/TaskStatus "
                             "-Tasks/dse-0-node/TaskInfo -Tasks/dse-0-node ");
    CHECK(!state_task(state, "dse-0-node"));
    CHECK(!state_put_task_status(state, second, "dse-0-node", e.status));
}

static void overrides(void)
{
    auto_example struct example e = example_new();
    auto_state struct state *state = example_state(&e);
    auto_txn struct txn *a = txn_new(), *b = txn_new(), *c = txn_new();
    struct task *t = state_task(state, "dse-0-node");

    state_put_override(state, a, t, OVERRIDE_PAUSED, PROGRESS_PENDING);
    CHECK_STR(shown(a), "+Tasks/dse-0-node/Metadata "
                        "+Tasks/dse-0-node/Metadata/goal-state-override "
                        "+Tasks/dse-0-node/Metadata/override-status ");
    CHECK_INT(t->override, OVERRIDE_PAUSED);
    CHECK_INT(t->progress, PROGRESS_PENDING);
    CHECK_STR(state_get_text(state, "Tasks/dse-0-node/Metadata/override-status"), "PENDING");
    state_put_override(state, b, t, OVERRIDE_NONE, PROGRESS_PENDING);
    CHECK_STR(shown(b), "=Tasks/dse-0-node/Metadata/goal-state-override ");
    CHECK_INT(t->override, OVERRIDE_NONE);
    CHECK_INT(t->progress, PROGRESS_PENDING);
    state_put_override(state, c, t, OVERRIDE_NONE, PROGRESS_COMPLETE);
    CHECK_STR(shown(c), "-Tasks/dse-0-node/Metadata/goal-state-override "
                        "-Tasks/dse-0-node/Metadata/override-status ");
    CHECK_INT(t->progress, PROGRESS_COMPLETE);
    /* Half a pair is none. */
    state_put(state, c, "Tasks/dse-0-node/Metadata/goal-state-override", "PAUSED", 6);
    CHECK_INT(t->override, OVERRIDE_NONE);
}

static const char id_of_cpus[] = "2f6c9c0e-0000-4000-8000-00000000e003";
static const char id_of_executor[] = "2f6c9c0e-0000-4000-8000-00000000e006";

static void resources_are_expected_while_a_good_task_holds_them(void)
{
    auto_example struct example e = example_new();
    auto_state struct state *state = example_state(&e);
    auto_txn struct txn *txn = txn_new();
    struct task *node = state_task(state, "dse-0-node");

    CHECK(state_expects_resource(state, id_of_cpus));
    CHECK(state_expects_resource(state, id_of_executor));
    CHECK(!state_expects_resource(state, "2f6c9c0e-0000-4000-8000-00000000e009"));
    CHECK(!state_expects_resource(state, "other"));
    struct task *agent = state_put_task_info(state, txn, example_task(&e, "dse", 0, "agent"));
    state_mark_permanently_failed(state, txn, node);
    CHECK(node->permanently_failed);
    CHECK(state_expects_resource(state, id_of_cpus)); /* the agent task lists it too */
    state_put_override(state, txn, agent, OVERRIDE_DECOMMISSIONED, PROGRESS_PENDING);
    CHECK(state_expects_resource(state, id_of_cpus));
    state_put_override(state, txn, agent, OVERRIDE_DECOMMISSIONED, PROGRESS_IN_PROGRESS);
    CHECK(!state_expects_resource(state, id_of_cpus));
    CHECK(state_resource_owner(state, id_of_cpus) != NULL);
    state_drop_resource(state, txn, id_of_cpus);
    state_drop_resource(state, txn, id_of_executor);
    CHECK(!state_resource_owner(state, id_of_cpus));
    CHECK(!state_resource_owner(state, id_of_executor));
    struct err err = ERR_INIT;
    const TaskInfo *info = state_task_info(state, agent, &e.arena, &err);
    CHECK_INT(info->n_resources, 4);
    CHECK_INT(info->executor->n_resources, 2);
    info = state_task_info(state, node, &e.arena, &err);
    CHECK_INT(info->n_resources, 4);
    state_delete_task(state, txn, agent);
    state_delete_task(state, txn, node);
    CHECK(!state_resource_owner(state, "2f6c9c0e-0000-4000-8000-00000000e001"));
}

static void unknown_fields_survive_relabelling(void)
{
    auto_example struct example e = example_new();
    auto_buf struct buf bytes = BUF_INIT;
    auto_state struct state *state = state_new();
    auto_txn struct txn *txn = txn_new();
    struct tree *tree = tree_new();
    struct err err = ERR_INIT;

    pb_pack(e.info, &bytes);
    buf_add(&bytes, "\xa2\x06\x05later", 8); /* field 100, bytes */
    tree_put(tree, "Tasks/dse-0-node/TaskInfo", bytes.data, (ssize_t)bytes.len);
    state_load(state, tree, &err);
    struct task *t = state_task(state, "dse-0-node");
    state_relabel_task(state, txn, t, EXAMPLE_TARGET);
    CHECK_INT(txn_count(txn), 0);
    state_relabel_task(state, txn, t, "11111111-2222-4333-8444-555555555555");
    CHECK_STR(t->config_id, "11111111-2222-4333-8444-555555555555");
    ssize_t len;
    const char *now = state_get(state, "Tasks/dse-0-node/TaskInfo", &len);
    CHECK_INT(len, (ssize_t)bytes.len);
    CHECK(memcmp(now + len - 8, "\xa2\x06\x05later", 8) == 0);
}

static void properties_have_limits(void)
{
    auto_state struct state *state = state_new();
    auto_txn struct txn *txn = txn_new();
    struct err err = ERR_INIT;
    auto_free char *big = xcalloc(1, 1000001);

    CHECK_INT(state_put_property(state, txn, " ", "x", 1, &err), -1);
    CHECK_INT(state_put_property(state, txn, "a/b", "x", 1, &err), -1);
    CHECK_INT(state_put_property(state, txn, "a", big, 1000001, &err), -1);
    CHECK_INT(err.status, EXIT_INPUT);
    CHECK_INT(txn_count(txn), 0);
    CHECK_INT(state_put_property(state, txn, "a:b", big, 1000000, &err), 0);
    CHECK_STR(shown(txn), "+Properties +Properties/a:b ");
}

/* ---- start ---- */

static void root_names(void)
{
    static const struct {
        const char *service, *root;
    } rows[] = {
        {"datastax-dse", "dcos-service-datastax-dse"},
        {"/datastax-dse", "dcos-service-datastax-dse"},
        {"/path/to/svc", "dcos-service-path__to__svc"},
        {"/path/to//svc", "dcos-service-path__to____svc"},
        {"//svc", "dcos-service-__svc"},
    };
    struct err err = ERR_INIT;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        auto_buf struct buf got = BUF_INIT;
        CHECK_INT(service_root_name(rows[i].service, &got, &err), 0);
        CHECK_STR(got.data, rows[i].root);
    }
    auto_buf struct buf none = BUF_INIT;
    CHECK_INT(service_root_name("a__b", &none, &err), -1);
    CHECK_STR(err.text, "Service names may not contain double underscores: a__b");
}

static void first_start(void)
{
    auto_state struct state *state = state_new();
    auto_txn struct txn *txn = txn_new();
    struct err err = ERR_INIT;

    CHECK_INT(state_start(state, txn, "/prod/dse", &err), 0);
    CHECK_STR(shown(txn), "+servicename +SchemaVersion +Toolkit +Toolkit/requests ");
    CHECK_STR(state_service_name(state), "/prod/dse");
    CHECK_STR(state_schema_version(state), "1");
}

static int start_with(const char *path, const char *text, struct err *err)
{
    auto_example struct example e = example_new();
    auto_state struct state *state = state_new();
    auto_txn struct txn *txn = txn_new();
    struct tree *tree = example_tree(&e);

    if (text)
        put_text(tree, path, text);
    else if (path)
        tree_delete(tree, path);
    state_load(state, tree, err);
    return state_start(state, txn, "datastax-dse", err);
}

static void refusals(void)
{
    struct err err = ERR_INIT;

    CHECK_INT(start_with(NULL, NULL, &err), 0);
    CHECK_INT(start_with("servicename", "/datastax-dse", &err), 0);
    CHECK_INT(start_with("servicename", "other", &err), -1);
    CHECK_STR(err.text, "Collision between similar service names: Expected name 'datastax-dse', "
                        "but stored name is 'other'.");
    CHECK_INT(err.status, EXIT_INPUT);
    CHECK_INT(start_with("servicename", "", &err), -1);
    CHECK_INT(start_with("SchemaVersion", "2", &err), -1);
    CHECK_STR(err.text, "Storage schema version 2 is not supported by this software (expected: 1)");
    CHECK_INT(start_with("SchemaVersion", "x1", &err), -1);
    CHECK_INT(start_with("Tasks/dse-0-node/TaskInfo", "broken", &err), -1);
    CHECK_INT(start_with("Tasks/dse-0-node/TaskStatus", "", &err), -1);
    CHECK_INT(start_with("Tasks/dse-0-node/TaskInfo", "", &err), -1);
    CHECK_INT(start_with("FrameworkID", "", &err), -1);
    CHECK_INT(start_with("FrameworkID", NULL, &err), -1);
    CHECK_INT(start_with("Configurations/x", "{}", &err), -1);
    CHECK_INT(start_with("Configurations/" EXAMPLE_TARGET, NULL, &err), -1);
    CHECK(strstr(err.text, EXAMPLE_TARGET) != NULL);
}

/* One row of state-store 5.4: ids before, what becomes of them. */
static void pair(const char *info_id, const char *status_id, TaskState before, const char *want_id,
                 const char *want_status_id, TaskState want_state, const char *want_ops)
{
    auto_example struct example e = example_new();
    auto_state struct state *state = state_new();
    auto_txn struct txn *txn = txn_new();
    struct tree *tree = example_tree(&e);
    struct err err = ERR_INIT;

    e.info->task_id->value = (char *)info_id;
    put_bytes(tree, "Tasks/dse-0-node/TaskInfo", e.info);
    if (status_id) {
        e.status->task_id->value = (char *)status_id;
        e.status->state = before;
        put_bytes(tree, "Tasks/dse-0-node/TaskStatus", e.status);
    } else {
        tree_delete(tree, "Tasks/dse-0-node/TaskStatus");
    }
    state_load(state, tree, &err);
    CHECK_INT(state_repair(state, txn, &err), 0);
    CHECK_STR(shown(txn), want_ops);
    const struct task *t = state_task(state, "dse-0-node");
    CHECK_STR(t->id, want_id);
    CHECK_STR(t->status_id, want_status_id);
    if (want_status_id)
        CHECK_INT(t->status_state, want_state);
}

#define INFO_AND_STATUS "=Tasks/dse-0-node/TaskInfo =Tasks/dse-0-node/TaskStatus "

static void pairs_are_repaired(void)
{
    const TaskState running = TASK_STATE__TASK_RUNNING, failed = TASK_STATE__TASK_FAILED,
                    killed = TASK_STATE__TASK_KILLED;

    pair("", "dse-0-node__1", killed, "", "dse-0-node__1", killed, "");
    pair("", "dse-0-node__1", running, "dse-0-node__1", "dse-0-node__1", failed, INFO_AND_STATUS);
    pair("dse-0-node__2", "dse-0-node__1", killed, "dse-0-node__1", "dse-0-node__1", failed,
         INFO_AND_STATUS);
    pair("dse-0-node__2", "dse-0-node__2", running, "dse-0-node__2", "dse-0-node__2", running, "");
    pair("dse-0-node__2", NULL, 0, "dse-0-node__2", "dse-0-node__2", failed,
         "+Tasks/dse-0-node/TaskStatus ");
    pair("", NULL, 0, "", NULL, 0, "");
}

static void tasks_without_info_are_dropped(void)
{
    auto_example struct example e = example_new();
    auto_state struct state *state = state_new();
    auto_txn struct txn *txn = txn_new();
    struct tree *tree = example_tree(&e);
    struct err err = ERR_INIT;

    put_text(tree, "Tasks/dse-9-node/Metadata/goal-state-override", "PAUSED");
    tree_put(tree, "Tasks/dse-8-node/TaskInfo", NULL, -1);
    state_load(state, tree, &err);
    CHECK_INT(state_problems(state), 2);
    CHECK_INT(state_start(state, txn, "datastax-dse", &err), 0);
    CHECK_STR(shown(txn),
              "-Tasks/dse-8-node/TaskInfo -Tasks/dse-8-node "
              "-Tasks/dse-9-node/Metadata/goal-state-override -Tasks/dse-9-node/Metadata "
              "-Tasks/dse-9-node +Toolkit +Toolkit/requests ");
    CHECK_INT(state_task_count(state), 1);
}

/* ---- the mirror against a reload, after random changes ---- */

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool same_task(const struct task *a, const struct task *b)
{
    return same_text(a->name, b->name) && same_text(a->id, b->id) &&
           same_text(a->pod_type, b->pod_type) && a->pod_index == b->pod_index &&
           same_text(a->config_id, b->config_id) && same_text(a->status_id, b->status_id) &&
           same_text(a->status_executor_id, b->status_executor_id) &&
           a->permanently_failed == b->permanently_failed && a->override == b->override &&
           a->progress == b->progress && a->status_state == b->status_state &&
           a->status_ready == b->status_ready &&
           same_text(a->next_in_pod ? a->next_in_pod->name : NULL,
                     b->next_in_pod ? b->next_in_pod->name : NULL);
}

static const char *random_uuid_of(struct idgen *ids, struct arena *arena)
{
    return arena_printf(arena, "2f6c9c0e-0000-4000-8000-00000000e%03d", (int)idgen_below(ids, 40));
}

static void random_info(struct state *state, struct txn *txn, struct example *e, struct idgen *ids)
{
    /* Tasks of dse-1-0 stand between those of dse-1. */
    static const char *const types[] = {"dse", "opscenter", "dse-1"};
    static const char *const specs[] = {"node", "agent", "x", "-"};
    TaskInfo *info = example_task(e, types[idgen_below(ids, 3)], (int)idgen_below(ids, 12),
                                  specs[idgen_below(ids, 4)]);

    for (size_t i = 0; i < info->n_resources; i++) {
        Labels *labels = info->resources[i]->reservations[0]->labels;
        labels_set(&e->arena, labels, "resource_id", random_uuid_of(ids, &e->arena));
    }
    if (idgen_below(ids, 4) == 0)
        info->task_id->value = (char *)"";
    state_put_task_info(state, txn, info);
}

static void random_change(struct state *state, struct txn *txn, struct example *e,
                          struct idgen *ids)
{
    size_t nth = state_task_count(state) ? idgen_below(ids, state_task_count(state)) : 0;
    struct task *t = state_task_first(state);

    while (t && nth-- > 0)
        t = state_task_after(state, t);
    switch (t ? idgen_below(ids, 8) : 0) {
    case 0:
    case 1:
        random_info(state, txn, e, ids);
        break;
    case 2:
        e->status->task_id->value = arena_strdup(&e->arena, t->id);
        e->status->state = (TaskState)idgen_below(ids, 14);
        state_put_task_status(state, txn, t->name, e->status);
        break;
    case 3:
        state_put_override(state, txn, t, (enum override_target)idgen_below(ids, 3),
                           (enum override_progress)idgen_below(ids, 3));
        break;
    case 4:
        state_mark_permanently_failed(state, txn, t);
        break;
    case 5:
        state_drop_resource(state, txn, random_uuid_of(ids, &e->arena));
        break;
    case 6:
        if (idgen_below(ids, 2))
            state_delete_task(state, txn, t);
        break;
    default:
        state_relabel_task(state, txn, t, idgen_below(ids, 2) ? EXAMPLE_TARGET : "other");
        break;
    }
}

static void mirror_equals_reload(void)
{
    auto_example struct example e = example_new();
    auto_state struct state *state = example_state(&e);
    auto_tree struct tree *stored = example_tree(&e);
    struct idgen ids = {.seed = 7};
    struct err err = ERR_INIT;

    printf("# seed %d\n", (int)ids.seed);
    for (int round = 0; round < 300; round++) {
        auto_txn struct txn *txn = txn_new();
        for (int i = 0; i < 4; i++)
            random_change(state, txn, &e, &ids);
        txn_apply(txn, stored);
        CHECK(tree_equal(stored, state_tree(state), true));
        if (round % 10)
            continue;
        auto_state struct state *fresh = state_new();
        struct tree *copy = tree_new();
        for (const struct tree_node *n = tree_root(stored); n;
             n = tree_walk(tree_root(stored), n)) {
            auto_buf struct buf path = BUF_INIT;
            tree_node_path(n, &path);
            tree_put(copy, buf_str(&path), tree_node_data(n), tree_node_len(n));
        }
        state_load(fresh, copy, &err);
        CHECK_INT(state_task_count(fresh), state_task_count(state));
        struct task *b = state_task_first(fresh);
        for (struct task *a = state_task_first(state); a && b;
             a = state_task_after(state, a), b = state_task_after(fresh, b)) {
            CHECK(same_task(a, b));
            CHECK_STR(state_pod(state, a->pod_type, a->pod_index)->name,
                      state_pod(fresh, a->pod_type, a->pod_index)->name);
        }
        for (int i = 0; i < 40; i++) {
            auto_free char *id = xasprintf("2f6c9c0e-0000-4000-8000-00000000e%03d", i);
            CHECK(state_expects_resource(state, id) == state_expects_resource(fresh, id));
            CHECK(!state_resource_owner(state, id) == !state_resource_owner(fresh, id));
        }
        if (tap_failures) {
            printf("# round %d\n", round);
            return;
        }
    }
}

TAP_MAIN(TEST(framework_id_bytes), TEST(first_status_is_127_bytes),
         TEST(example_sizes_and_round_trip), TEST(summary_of_the_example),
         TEST(task_ids_are_parsed), TEST(readiness), TEST(pods_are_linked_by_labels),
         TEST(parents_are_made_and_deletes_start_below), TEST(overrides),
         TEST(resources_are_expected_while_a_good_task_holds_them),
         TEST(unknown_fields_survive_relabelling), TEST(properties_have_limits), TEST(root_names),
         TEST(first_start), TEST(refusals), TEST(pairs_are_repaired),
         TEST(tasks_without_info_are_dropped), TEST(mirror_equals_reload))
