/* Existing pods: the worked cases of offer-cycle 2.6, executors (2.8), what is carried over. */
#include "offer_world.h"

#define NODE(resources, volumes) TASK("node", "RUNNING", SET("node-set", resources, volumes), "")
#define PORTS PORT(9042, "native", "\"PORT_NATIVE\"", "") "," PORT(0, "debug", "\"PORT_DEBUG\"", "")
#define DATA VOLUME("ROOT", "data", 1000)
#define ONE_TASK(resources, volumes) SERVICE(POD("dse", 3, NODE(resources, volumes), "null", ""))

static const char base_spec[] = ONE_TASK(CPUS_MEM(0.5, 4096) "," PORTS, DATA);

/* A world with dse-0 running on its only agent. */
static struct world *deployed(const char *spec)
{
    struct world *w = world_new(spec);
    struct agent *a = world_agent(w, "h1", PLAIN_AGENT(4, 16384, 20000), NULL);
    struct requirement need = world_requirement(w, "dse", 0, "node");
    struct evaluation e;
    CHECK(world_place(w, a, &need, &e));
    CHECK(e.fresh);
    return w;
}

/* Ends dse-0-node and places it again under another spec (NULL: the same). */
static const char *relaunch(struct world *w, const char *spec, struct evaluation *e)
{
    world_end(w, "dse-0-node", TASK_STATE__TASK_FAILED);
    if (spec)
        world_respec(w, spec);
    struct requirement need = world_requirement(w, "dse", 0, "node");
    if (!world_place(w, w->agents[0], &need, e)) {
        auto_buf struct buf text = BUF_INIT;
        evaluation_print(e, &need, 1, "offer", &text);
        return arena_strdup(&w->arena, buf_str(&text));
    }
    CHECK(!e->fresh);
    return world_operations(w, e);
}

static void test_first_launch(void)
{
    auto_world struct world *w = world_new(base_spec);
    struct agent *a = world_agent(w, "h1", PLAIN_AGENT(4, 16384, 20000), NULL);
    struct requirement need = world_requirement(w, "dse", 0, "node");
    struct evaluation e;
    CHECK(world_place(w, a, &need, &e));
    CHECK_STR(world_operations(w, &e),
              "RESERVE cpus 0.1; RESERVE disk 256.0; RESERVE mem 32.0; RESERVE ports 9042; "
              "RESERVE ports 9000; RESERVE cpus 0.5; RESERVE mem 4096.0; RESERVE disk 1000.0; "
              "CREATE disk 1000.0; LAUNCH_GROUP dse-0-node");
    CHECK_INT(e.n_records, 1);
    CHECK_STR(e.records[0].status->task_id->value, e.records[0].info->task_id->value);
    CHECK_INT(e.records[0].status->state, TASK_STATE__TASK_STAGING);
    CHECK(e.records[0].status->has_timestamp == 0 && !e.records[0].status->agent_id);
}

static void test_nothing_changed(void)
{
    auto_world struct world *w = deployed(base_spec);
    TaskInfo *before =
        state_task_info(w->state, state_task(w->state, "dse-0-node"), &w->arena, NULL);
    struct evaluation e;
    CHECK_STR(relaunch(w, NULL, &e), "LAUNCH_GROUP dse-0-node");
    const TaskInfo *now = e.records[0].info;
    CHECK_INT(now->n_resources, before->n_resources);
    for (size_t i = 0; i < now->n_resources; i++)
        CHECK(pb_equal(now->resources[i], before->resources[i]));
    CHECK(strcmp(now->task_id->value, before->task_id->value) != 0);
    CHECK(strcmp(now->executor->executor_id->value, before->executor->executor_id->value) != 0);
    CHECK_INT(now->discovery->ports->ports[1]->number, 9000);
}

static void test_grown(void)
{
    auto_world struct world *w = deployed(base_spec);
    const char *id = NULL;
    struct evaluation e;
    CHECK_STR(relaunch(w, ONE_TASK(CPUS_MEM(1.0, 4096) "," PORTS, DATA), &e),
              "RESERVE cpus 0.5; LAUNCH_GROUP dse-0-node");
    id = resource_id(e.operations[0]->reserve->resources[0]);
    const TaskInfo *now = e.records[0].info;
    CHECK_STR(resource_id(now->resources[2]), id);
    CHECK_STR(now->resources[2]->name, "cpus");
    CHECK_INT(resource_amount(now->resources[2]), 1000);
}

static void test_shrunk(void)
{
    auto_world struct world *w = deployed(base_spec);
    struct evaluation e;
    CHECK_STR(relaunch(w, ONE_TASK(CPUS_MEM(0.5, 2048) "," PORTS, DATA), &e),
              "UNRESERVE mem 2048.0; LAUNCH_GROUP dse-0-node");
}

static void test_too_much(void)
{
    auto_world struct world *w = deployed(base_spec);
    struct evaluation e;
    relaunch(w, ONE_TASK(CPUS_MEM(8.0, 4096) "," PORTS, DATA), &e);
    CHECK(!e.pass);
    CHECK_STR(world_shortfall(w, &e), "cpus 3.9 of 8.0");
    CHECK_INT(e.n_operations, 0);
}

static void test_static_port_changed(void)
{
    auto_world struct world *w = deployed(base_spec);
    struct evaluation e;
    CHECK_STR(relaunch(w,
                       ONE_TASK(CPUS_MEM(0.5, 4096) "," PORT(9043, "native", "null",
                                                             "") "," PORT(0, "debug", "null", ""),
                                DATA),
                       &e),
              "UNRESERVE ports 9042; RESERVE ports 9043; LAUNCH_GROUP dse-0-node");
    CHECK_INT(e.records[0].info->discovery->ports->n_ports, 2);
}

static void test_dynamic_to_static(void)
{
    auto_world struct world *w = deployed(base_spec);
    struct evaluation e;
    CHECK_STR(relaunch(w,
                       ONE_TASK(CPUS_MEM(0.5, 4096) "," PORT(9042, "native", "null", "") "," PORT(
                                    9100, "debug", "null", ""),
                                DATA),
                       &e),
              "UNRESERVE ports 9000; RESERVE ports 9100; LAUNCH_GROUP dse-0-node");
}

static void test_new_port(void)
{
    auto_world struct world *w = deployed(base_spec);
    struct evaluation e;
    CHECK_STR(
        relaunch(w, ONE_TASK(CPUS_MEM(0.5, 4096) "," PORTS "," PORT(9050, "jmx", "null", ""), DATA),
                 &e),
        "RESERVE ports 9050; LAUNCH_GROUP dse-0-node");
}

static void test_dynamic_port_renamed(void)
{
    auto_world struct world *w = deployed(base_spec);
    struct evaluation e;
    /* The old number is free again and the lowest, so it is chosen anew with a new id. */
    CHECK_STR(relaunch(w,
                       ONE_TASK(CPUS_MEM(0.5, 4096) "," PORT(9042, "native", "null",
                                                             "") "," PORT(0, "trace", "null", ""),
                                DATA),
                       &e),
              "UNRESERVE ports 9000; RESERVE ports 9000; LAUNCH_GROUP dse-0-node");
    CHECK(strcmp(resource_id(e.operations[0]->unreserve->resources[0]),
                 resource_id(e.operations[1]->reserve->resources[0])) != 0);
}

static void test_overhead_changed(void)
{
    auto_world struct world *w = deployed(base_spec);
    struct evaluation e;
    w->settings.executor_cpus = 0.2;
    w->settings.executor_mem_mb = 64;
    CHECK_STR(relaunch(w, NULL, &e), "RESERVE cpus 0.1; RESERVE mem 32.0; LAUNCH_GROUP dse-0-node");
}

static void test_volume_size_is_kept(void)
{
    auto_world struct world *w = deployed(base_spec);
    struct evaluation e;
    CHECK_STR(
        relaunch(w, ONE_TASK(CPUS_MEM(0.5, 4096) "," PORTS, VOLUME("ROOT", "data", 5000)), &e),
        "LAUNCH_GROUP dse-0-node");
    const TaskInfo *now = e.records[0].info;
    CHECK_INT(resource_amount(now->resources[now->n_resources - 1]), 1000000);
}

/* Data goes only on request: a volume that leaves the spec stays recorded. */
static void test_volume_removed(void)
{
    auto_world struct world *w = deployed(base_spec);
    struct evaluation e;
    CHECK_STR(relaunch(w, ONE_TASK(CPUS_MEM(0.5, 4096) "," PORTS, ""), &e),
              "LAUNCH_GROUP dse-0-node");
    const TaskInfo *now = e.records[0].info;
    CHECK(resource_is_volume(now->resources[now->n_resources - 1]));
}

static void test_volume_added(void)
{
    auto_world struct world *w = deployed(base_spec);
    struct evaluation e;
    CHECK_STR(relaunch(w,
                       ONE_TASK(CPUS_MEM(0.5, 4096) "," PORTS, DATA "," VOLUME("ROOT", "log", 100)),
                       &e),
              "RESERVE disk 100.0; CREATE disk 100.0; LAUNCH_GROUP dse-0-node");
}

static void test_other_agent_lacks_it(void)
{
    auto_world struct world *w = deployed(base_spec);
    struct agent *other = world_agent(w, "h2", PLAIN_AGENT(8, 32768, 50000), NULL);
    world_end(w, "dse-0-node", TASK_STATE__TASK_FAILED);
    struct requirement need = world_requirement(w, "dse", 0, "node");
    struct evaluation e;
    CHECK(!world_place(w, other, &need, &e));
    CHECK_INT(e.shortfall.kind, SHORT_RESERVED);
    CHECK(world_place(w, w->agents[0], &need, &e));
}

static void test_permanent_starts_anew(void)
{
    auto_world struct world *w = deployed(base_spec);
    struct agent *other = world_agent(w, "h2", PLAIN_AGENT(8, 32768, 50000), NULL);
    world_end(w, "dse-0-node", TASK_STATE__TASK_FAILED);
    struct txn *txn = txn_new();
    state_mark_permanently_failed(w->state, txn, state_task(w->state, "dse-0-node"));
    txn_free(txn);
    struct requirement need = world_requirement(w, "dse", 0, "node");
    struct evaluation e;
    CHECK(world_place(w, other, &need, &e)); /* by the label alone */
    CHECK(e.fresh);
    CHECK(!labels_get(e.records[0].info->labels, "permanently-failed"));
    world_end(w, "dse-0-node", TASK_STATE__TASK_FAILED);
    need.recovery = RECOVERY_PERMANENT; /* by the kind of recovery */
    CHECK(!world_place(w, other, &need, &e));
    CHECK_STR(world_shortfall(w, &e), "port 9042"); /* still held there */
    CHECK(world_place(w, world_agent(w, "h3", PLAIN_AGENT(8, 32768, 50000), NULL), &need, &e));
    CHECK(e.fresh);
    CHECK_INT(e.n_operations, 10);
}

/* ---- two tasks ---- */

#define AGENT_TASK TASK("agent", "RUNNING", SET("agent-set", CPUS_MEM(0.2, 128), ""), "")
#define BACKUP TASK("backup", "ONCE", SET("backup-set", CPUS_MEM(0.3, 256), ""), "")
static const char two_tasks[] =
    SERVICE(POD("dse", 3, NODE(CPUS_MEM(0.5, 4096), DATA) "," AGENT_TASK, "null",
                VOLUME("ROOT", "shared", 500)));
static const char three_tasks[] =
    SERVICE(POD("dse", 3, NODE(CPUS_MEM(0.5, 4096), DATA) "," AGENT_TASK "," BACKUP, "null",
                VOLUME("ROOT", "shared", 500)));

static void test_recorded_not_launched(void)
{
    auto_world struct world *w = world_new(two_tasks);
    struct agent *a = world_agent(w, "h1", PLAIN_AGENT(4, 16384, 20000), NULL);
    struct requirement need = world_requirement(w, "dse", 0, "node");
    struct evaluation e;
    CHECK(world_place(w, a, &need, &e));
    /* Pod volume first, then the overhead, then all sets by task name. */
    CHECK_STR(world_operations(w, &e),
              "RESERVE disk 500.0; CREATE disk 500.0; RESERVE cpus 0.1; RESERVE disk 256.0; "
              "RESERVE mem 32.0; RESERVE cpus 0.2; RESERVE mem 128.0; RESERVE cpus 0.5; "
              "RESERVE mem 4096.0; RESERVE disk 1000.0; CREATE disk 1000.0; "
              "LAUNCH_GROUP dse-0-node");
    CHECK_INT(e.n_records, 2);
    CHECK_STR(e.records[0].info->name, "dse-0-agent");
    CHECK_STR(e.records[0].info->task_id->value, "");
    CHECK(!e.records[0].status);
    CHECK(pb_equal(e.records[0].info->executor, e.records[1].info->executor));

    /* The second task joins the running executor. */
    need = world_requirement(w, "dse", 0, "agent");
    CHECK(world_place(w, a, &need, &e));
    CHECK_STR(world_operations(w, &e), "LAUNCH_GROUP dse-0-agent");
    CHECK_STR(e.records[0].info->executor->executor_id->value,
              state_task(w->state, "dse-0-node")->executor_id);
    const ContainerInfo *container = e.records[0].info->container;
    CHECK_STR(container->volumes[container->n_volumes - 1]->source->sandbox_path->path, "shared");
}

static void test_running_executor_is_copied(void)
{
    auto_world struct world *w = world_new(two_tasks);
    struct agent *a = world_agent(w, "h1", PLAIN_AGENT(4, 16384, 20000), NULL);
    struct requirement need = world_requirement(w, "dse", 0, "node agent");
    struct evaluation e;
    CHECK(world_place(w, a, &need, &e));
    /* Overhead, space and cgroups change; node goes on running. */
    w->settings.executor_cpus = 0.3;
    w->settings.dcos_space = "/elsewhere";
    w->settings.share_cgroups_false = false;
    world_end(w, "dse-0-agent", TASK_STATE__TASK_FAILED);
    need = world_requirement(w, "dse", 0, "agent");
    CHECK(world_place(w, a, &need, &e)); /* the agent of the world compares ExecutorInfos */
    CHECK_STR(world_operations(w, &e), "LAUNCH_GROUP dse-0-agent");
    CHECK(world_own_cgroups(e.records[0].info)); /* like the task that runs in it */
    /* Without the executor in the offer it is refused. */
    world_end(w, "dse-0-agent", TASK_STATE__TASK_FAILED);
    Offer *offer = world_offer(w, a);
    offer->n_executor_ids = 0;
    struct offer_context context = world_context(w);
    offer_evaluate(&context, &need, &offer, 1, &e);
    CHECK(!e.pass);
    CHECK_INT(e.shortfall.kind, SHORT_EXECUTOR);
}

/* An executor whose last task is being killed is about to exit: what joined it would be dropped. */
static void test_dying_executor_is_left_alone(void)
{
    auto_world struct world *w = world_new(two_tasks);
    struct agent *a = world_agent(w, "h1", PLAIN_AGENT(4, 16384, 20000), NULL);
    struct requirement need = world_requirement(w, "dse", 0, "node agent");
    struct evaluation e;
    CHECK(world_place(w, a, &need, &e));
    world_end(w, "dse-0-agent", TASK_STATE__TASK_FAILED);
    need = world_requirement(w, "dse", 0, "agent");
    const char *id = state_task(w->state, "dse-0-node")->status_id;
    const struct strings dying = {&id, 1};
    w->dying = &dying;
    CHECK(!world_place(w, a, &need, &e)); /* the executor's resources are still in use */
    CHECK_INT(e.shortfall.kind, SHORT_RESERVED);
    world_end(w, "dse-0-node", TASK_STATE__TASK_KILLED);
    w->dying = NULL;
    CHECK(world_place(w, a, &need, &e));
    CHECK_STR(world_operations(w, &e), "LAUNCH_GROUP dse-0-agent");
}

/* An executor that an older scheduler started, or an older master: its tasks share cgroups, and so
 * must those that join them, until the pod is launched anew. */
static void test_cgroups_of_running_executor(void)
{
    auto_world struct world *w = world_new(two_tasks);
    struct agent *a = world_agent(w, "h1", PLAIN_AGENT(4, 16384, 20000), NULL);
    struct requirement need = world_requirement(w, "dse", 0, "node agent");
    struct evaluation e;
    w->settings.share_cgroups_false = false;
    CHECK(world_place(w, a, &need, &e));
    world_end(w, "dse-0-agent", TASK_STATE__TASK_FAILED);
    w->settings.share_cgroups_false = true;
    need = world_requirement(w, "dse", 0, "agent");
    CHECK(world_place(w, a, &need, &e));
    CHECK(!world_own_cgroups(e.records[0].info));
    /* Limits need cgroups of the task's own. */
    world_end(w, "dse-0-agent", TASK_STATE__TASK_FAILED);
    for (size_t i = 0; i < w->spec->pods[0].n_tasks; i++)
        w->spec->pods[0].tasks[i].resource_set->limit_cpus = "4";
    CHECK(!world_place(w, a, &need, &e));
    CHECK_STR(world_shortfall(w, &e),
              "the executor of dse-0 was started without cgroups of its tasks' own: limits take "
              "effect when the whole pod is restarted");
    world_end(w, "dse-0-node", TASK_STATE__TASK_FAILED);
    need = world_requirement(w, "dse", 0, "node agent");
    CHECK(world_place(w, a, &need, &e));
    CHECK(world_own_cgroups(e.records[0].info) && world_own_cgroups(e.records[1].info));
}

static void test_task_added_to_deployed_pod(void)
{
    auto_world struct world *w = world_new(two_tasks);
    struct agent *a = world_agent(w, "h1", PLAIN_AGENT(4, 16384, 20000), NULL);
    struct requirement need = world_requirement(w, "dse", 0, "node agent");
    struct evaluation e;
    CHECK(world_place(w, a, &need, &e));
    world_respec(w, three_tasks);
    need = world_requirement(w, "dse", 0, "backup");
    CHECK(world_place(w, a, &need, &e));
    CHECK_STR(world_operations(w, &e),
              "RESERVE cpus 0.3; RESERVE mem 256.0; LAUNCH_GROUP dse-0-backup");
}

/* No task may go on naming executor resources that nobody holds. */
static void test_executor_resources_of_others(void)
{
    auto_world struct world *w = world_new(two_tasks);
    struct agent *a = world_agent(w, "h1", PLAIN_AGENT(4, 16384, 20000), NULL);
    struct requirement need = world_requirement(w, "dse", 0, "node agent");
    struct evaluation e;
    CHECK(world_place(w, a, &need, &e));
    world_end(w, "dse-0-node", TASK_STATE__TASK_FAILED);
    world_end(w, "dse-0-agent", TASK_STATE__TASK_FAILED);
    w->settings.executor_mem_mb = 64;
    const char *id = arena_strdup(&w->arena, state_task(w->state, "dse-0-agent")->id);
    need = world_requirement(w, "dse", 0, "node");
    CHECK(world_place(w, a, &need, &e));
    TaskInfo *other =
        state_task_info(w->state, state_task(w->state, "dse-0-agent"), &w->arena, NULL);
    CHECK_STR(other->task_id->value, id);
    CHECK_INT(sum_of(other->executor->resources, other->executor->n_resources, "mem"), 64000);
}

/* ---- shared sets ---- */

static const char shared_set[] =
    SERVICE(POD("dse", 3,
                TASK("bootstrap", "ONCE", SET("node-set", CPUS_MEM(0.5, 512) "," PORTS, DATA),
                     "") "," NODE(CPUS_MEM(0.5, 512) "," PORTS, DATA),
                "null", ""));

static void test_shared_set(void)
{
    auto_world struct world *w = world_new(shared_set);
    struct agent *a = world_agent(w, "h1", PLAIN_AGENT(4, 16384, 20000), NULL);
    struct requirement need = world_requirement(w, "dse", 0, "bootstrap");
    struct evaluation e;
    CHECK(world_place(w, a, &need, &e));
    CHECK_INT(e.n_operations, 10); /* reserved once */
    CHECK_INT(e.n_records, 2);
    for (size_t i = 0; i < e.records[0].info->n_resources; i++)
        CHECK(pb_equal(e.records[0].info->resources[i], e.records[1].info->resources[i]));
    world_end(w, "dse-0-bootstrap", TASK_STATE__TASK_FINISHED);
    need = world_requirement(w, "dse", 0, "node");
    CHECK(world_place(w, a, &need, &e));
    CHECK_STR(world_operations(w, &e), "LAUNCH_GROUP dse-0-node");
    CHECK_INT(e.n_records, 2); /* bootstrap is recorded again, with an empty id */
    CHECK_STR(e.records[0].info->name, "dse-0-bootstrap");
    CHECK_STR(e.records[0].info->task_id->value, "");
    CHECK_INT(e.records[1].info->discovery->ports->ports[1]->number, 9000);
}

/* ---- parts that come apart ---- */

static void test_split_offers(void)
{
    auto_world struct world *w = deployed(base_spec);
    struct evaluation e;
    world_end(w, "dse-0-node", TASK_STATE__TASK_FAILED);
    Offer *one = world_offer(w, w->agents[0]), *two = pb_copy(one, &w->arena);
    two->id->value = arena_strdup(&w->arena, "second");
    /* Reserved resources alternate between the two offers. */
    size_t n[2] = {0, 0};
    for (size_t i = 0; i < one->n_resources; i++) {
        Offer *into = i % 2 ? two : one;
        into->resources[n[i % 2]++] = one->resources[i];
    }
    one->n_resources = n[0];
    two->n_resources = n[1];
    struct requirement need = world_requirement(w, "dse", 0, "node");
    struct offer_context context = world_context(w);
    offer_evaluate(&context, &need, &one, 1, &e);
    CHECK(!e.pass);
    CHECK_INT(e.shortfall.kind, SHORT_RESERVED);
    offer_evaluate(&context, &need, (Offer *[]){one, two}, 2, &e);
    CHECK(e.pass);
    CHECK_STR(world_operations(w, &e), "LAUNCH_GROUP dse-0-node");
    CHECK(world_accept(w, w->agents[0], e.operations, e.n_operations));
}

/* Operations that never reached the agent: recorded ids are reserved again. */
static void test_reserve_again(void)
{
    auto_world struct world *w = world_new(base_spec);
    struct agent *a = world_agent(w, "h1", PLAIN_AGENT(4, 16384, 20000), NULL);
    struct requirement need = world_requirement(w, "dse", 0, "node");
    struct offer_context context = world_context(w);
    Offer *offer = world_offer(w, a);
    struct evaluation e;
    offer_evaluate(&context, &need, &offer, 1, &e);
    CHECK(e.pass);
    world_store(w, &e); /* stored, never sent */
    const TaskInfo *info = pb_copy(e.records[0].info, &w->arena);
    const char *id = arena_strdup(&w->arena, resource_id(e.records[0].info->resources[0]));
    world_status(w, "dse-0-node", TASK_STATE__TASK_LOST);
    CHECK(!world_place(w, a, &need, &e));
    CHECK_INT(e.shortfall.kind, SHORT_RESERVED);
    struct strings ids = {0};
    for (size_t i = 0; i < info->n_resources; i++)
        PB_ADD(&w->arena, ids.count, ids.items, resource_id(info->resources[i]));
    w->rereserve = &ids;
    CHECK(!world_place(w, a, &need, &e)); /* those of the executor are not known to be missing */
    CHECK_INT(e.shortfall.kind, SHORT_RESERVED);
    for (size_t i = 0; i < info->executor->n_resources; i++)
        PB_ADD(&w->arena, ids.count, ids.items, resource_id(info->executor->resources[i]));
    CHECK(world_place(w, a, &need, &e));
    CHECK_STR(world_operations(w, &e),
              "RESERVE cpus 0.1; RESERVE disk 256.0; RESERVE mem 32.0; RESERVE ports 9042; "
              "RESERVE ports 9000; RESERVE cpus 0.5; RESERVE mem 4096.0; RESERVE disk 1000.0; "
              "CREATE disk 1000.0; LAUNCH_GROUP dse-0-node");
    CHECK_STR(resource_id(e.records[0].info->resources[0]), id);
}

/* A service whose role changed serves old pods from offers of the old role. */
static void test_older_role(void)
{
    auto_world struct world *w = deployed(base_spec);
    struct evaluation e;
    auto_free char *text = xstrdup(base_spec);
    for (char *p = text; (p = strstr(p, "dse-role"));)
        memcpy(p, "new-role", 8);
    w->role = "dse-role";
    CHECK_STR(relaunch(w, text, &e), "LAUNCH_GROUP dse-0-node");
    w->role = "new-role";
    relaunch(w, NULL, &e);
    CHECK_INT(e.shortfall.kind, SHORT_ROLE);
}

/* ---- paused ---- */

static void test_paused(void)
{
    auto_world struct world *w = deployed(ONE_TASK(CPUS_MEM(0.5, 4096), DATA));
    struct evaluation e;
    struct txn *txn = txn_new();
    state_put_override(w->state, txn, state_task(w->state, "dse-0-node"), OVERRIDE_PAUSED,
                       PROGRESS_PENDING);
    txn_free(txn);
    CHECK_STR(relaunch(w, NULL, &e), "LAUNCH_GROUP dse-0-node");
    const TaskInfo *now = e.records[0].info;
    CHECK_STR(now->command->value, w->settings.pause_command);
    CHECK_STR(now->command->uris[0]->value, "https://x/bootstrap.zip");
    CHECK_STR(now->check->command->command->value, "exit 1");
    CHECK(now->check->interval_seconds == 5 && now->check->timeout_seconds == 5);
    CHECK(!now->health_check);
}

TAP_MAIN(TEST(test_first_launch), TEST(test_nothing_changed), TEST(test_grown), TEST(test_shrunk),
         TEST(test_too_much), TEST(test_static_port_changed), TEST(test_dynamic_to_static),
         TEST(test_new_port), TEST(test_dynamic_port_renamed), TEST(test_overhead_changed),
         TEST(test_volume_size_is_kept), TEST(test_volume_removed), TEST(test_volume_added),
         TEST(test_other_agent_lacks_it), TEST(test_permanent_starts_anew),
         TEST(test_recorded_not_launched), TEST(test_running_executor_is_copied),
         TEST(test_cgroups_of_running_executor), TEST(test_dying_executor_is_left_alone),
         TEST(test_task_added_to_deployed_pod), TEST(test_executor_resources_of_others),
         TEST(test_shared_set), TEST(test_split_offers), TEST(test_reserve_again),
         TEST(test_older_role), TEST(test_paused))
