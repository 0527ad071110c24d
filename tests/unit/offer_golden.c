/* Whole answers, byte for byte as JSON, against reviewed files in tests/golden/offer. */
#include "offer_world.h"

static const char *golden_text(struct world *w, const char *path)
{
    struct err err = ERR_INIT;
    const char *top = getenv("DSE_TEST_TOP");
    auto_free char *full = xasprintf("%s/tests/golden/%s", top ? top : ".", path);
    auto_buf struct buf text = BUF_INIT;
    CHECK_INT(io_read_file(full, 1 << 20, &text, &err), 0);
    CHECK_STR(err.text, "");
    return arena_strndup(&w->arena, buf_str(&text), text.len);
}

/* From a capture: agent1.local of the stock Mesos. */
#define AGENT1                                                                                    \
    "[{\"name\":\"ports\",\"type\":\"RANGES\",\"ranges\":{\"range\":[{\"begin\":31000,\"end\":"   \
    "32000},{\"begin\":9000,\"end\":9200}]}},{\"name\":\"cpus\",\"type\":\"SCALAR\",\"scalar\":{" \
    "\"value\":4.0}},{\"name\":\"mem\",\"type\":\"SCALAR\",\"scalar\":{\"value\":8192.0}},{"      \
    "\"name\":\"disk\",\"type\":\"SCALAR\",\"scalar\":{\"value\":20480.0}},{\"name\":\"disk\","   \
    "\"type\":\"SCALAR\",\"scalar\":{\"value\":1024.0},\"disk\":{\"source\":{\"type\":\"MOUNT\"," \
    "\"mount\":{\"root\":\"/mnt/disk-a\"}}}},{\"name\":\"disk\",\"type\":\"SCALAR\",\"scalar\":{" \
    "\"value\":2048.0},\"disk\":{\"source\":{\"type\":\"MOUNT\",\"mount\":{\"root\":"             \
    "\"/mnt/disk-b\"}}}}]"
#define AGENT1_SHAPE                                                                       \
    "\"domain\":{\"fault_domain\":{\"region\":{\"name\":\"region-1\"},\"zone\":{\"name\":" \
    "\"zone-a\"}}},\"attributes\":[{\"name\":\"rack\",\"type\":\"TEXT\",\"text\":{"        \
    "\"value\":\"r1\"}},{\"name\":\"cores\",\"type\":\"SCALAR\",\"scalar\":{\"value\":16}}]"

/* One task on a ROOT volume with a static and a dynamic port, a check, a template and a label. */
#define PLAIN_SET                                                                   \
    SET("node-set",                                                                 \
        CPUS_MEM(0.5, 512) "," PORT(9042, "native", "\"PORT_NATIVE\"",              \
                                    "") "," PORT(0, "debug", "\"PORT_DEBUG\"", ""), \
        VOLUME("ROOT", "data", 1000))
static const char plain_spec[] = SERVICE(
    "{\"type\":\"dse\",\"user\":\"nobody\",\"count\":3,\"allow-decommission\":false,\"image\":null,"
    "\"networks\":[],\"rlimits\":[{\"name\":\"RLIMIT_NOFILE\",\"soft\":100000,\"hard\":100000}],"
    "\"uris\":[\"https://x/dse.tgz\"],\"task-specs\":[{\"name\":\"node\",\"goal\":\"RUNNING\","
    "\"essential\":true," PLAIN_SET
    ",\"command-spec\":{\"value\":\"./run\",\"environment\":{\"CLUSTER\":\"c\",\"FRAMEWORK_NAME\":"
    "\"not this\"}},\"task-labels\":{\"team\":\"db\",\"target_configuration\":\"not this\"},"
    "\"health-check-spec\":{\"command\":\"check\",\"max-consecutive-failures\":3,\"delay\":0,"
    "\"interval\":5,\"timeout\":10,\"grace-period\":30,\"gracePeriod\":30},\"readiness-check-"
    "spec\":"
    "{\"command\":\"ready\",\"delay\":0,\"interval\":5,\"timeout\":120},\"config-files\":[{"
    "\"name\":"
    "\"cassandra.yaml\",\"relative-path\":\"conf/cassandra.yaml\",\"template-content\":\"x\"}],"
    "\"discovery-spec\":null,\"kill-grace-period\":15,\"transport-encryption\":[],\"ipc-mode\":"
    "null,"
    "\"shm-size\":null}],\"placement-rule\":" MAX_PER_HOST(
        1, "dse-.*") ",\"volumes\":[],\"pre-reserved-role\":\"*\",\"secrets\":[],\"share-pid-"
                     "namespace\":false,"
                     "\"host-volumes\":[],\"external-volumes\":[],\"seccomp-unconfined\":false,"
                     "\"seccomp-profile-name\":null,\"ipc-mode\":null,\"shm-size\":null}");

static void golden_launch(const char *name, struct world *w, struct requirement *need)
{
    struct agent *a = w->agents[0];
    struct evaluation e;
    CHECK(world_place(w, a, need, &e));
    check_golden(name, world_json(&e, need));
}

static void test_plain(void)
{
    auto_world struct world *w = world_new(plain_spec);
    world_agent(w, "agent1.local", AGENT1, AGENT1_SHAPE);
    struct requirement need = world_requirement(w, "dse", 0, "node");
    struct pair parameter = {"ZZ_PARAMETER", "p"};
    need.parameters = (struct pairs){&parameter, 1};
    golden_launch("plain", w, &need);
}

static void test_plain_refused(void)
{
    auto_world struct world *w = world_new(plain_spec);
    struct agent *a = world_agent(
        w, "agent1.local",
        "[{\"name\":\"cpus\",\"type\":\"SCALAR\",\"scalar\":{\"value\":0.4}},{\"name\":\"mem\","
        "\"type\":\"SCALAR\",\"scalar\":{\"value\":8192}},{\"name\":\"disk\",\"type\":\"SCALAR\","
        "\"scalar\":{\"value\":500}},{\"name\":\"ports\",\"type\":\"RANGES\",\"ranges\":{\"range\":"
        "[{\"begin\":1,\"end\":2}]}}]",
        NULL);
    struct requirement need = world_requirement(w, "dse", 0, "node");
    struct evaluation e;
    CHECK(!world_place(w, a, &need, &e));
    CHECK_INT(e.shortfall.kind, SHORT_SCALAR);
    check_golden("plain-refused", world_json(&e, &need));
}

/* The example of service-spec 6.5: MOUNT pod volume with a profile, overlay network, VIP, secrets,
 * host and external volumes, limits, rlimits, image. TLS is taken out: it is refused by name. */
static void test_worked_example(void)
{
    auto_world struct world *w = world_new(SERVICE(""));
    char *text = arena_strdup(&w->arena, golden_text(w, "render/worked/spec.json"));
    struct err err = ERR_INIT;
    json_auto json_t *json = json_parse(text, strlen(text), "worked", &err);
    json_t *pod = json_array_get(json_object_get(json, "pod-specs"), 0);
    json_t *task = json_array_get(json_object_get(pod, "task-specs"), 0);
    auto_buf struct buf with_tls = BUF_INIT, without = BUF_INIT;
    json_write(&with_tls, json, JSON_LAYOUT_COMPACT);
    json_set(task, "transport-encryption", json_array());
    json_write(&without, json, JSON_LAYOUT_COMPACT);
    world_respec(w, buf_str(&without));
    struct agent *a = world_agent(
        w, "agent1.local",
        "[{\"name\":\"ports\",\"type\":\"RANGES\",\"ranges\":{\"range\":[{\"begin\":31000,\"end\":"
        "32000}]}},{\"name\":\"cpus\",\"type\":\"SCALAR\",\"scalar\":{\"value\":4}},{\"name\":"
        "\"mem\",\"type\":\"SCALAR\",\"scalar\":{\"value\":16384}},{\"name\":\"disk\",\"type\":"
        "\"SCALAR\",\"scalar\":{\"value\":20480}},{\"name\":\"disk\",\"type\":\"SCALAR\","
        "\"scalar\":"
        "{\"value\":1024},\"disk\":{\"source\":{\"type\":\"MOUNT\",\"mount\":{\"root\":\"/"
        "slow\"}}}}"
        ",{\"name\":\"disk\",\"type\":\"SCALAR\",\"scalar\":{\"value\":2048},\"provider_id\":{"
        "\"value\":\"csi\"},\"disk\":{\"source\":{\"type\":\"MOUNT\",\"mount\":{\"root\":\"/"
        "fast\"},"
        "\"profile\":\"fast\",\"id\":\"d1\"}}}]",
        AGENT1_SHAPE);
    struct requirement need = world_requirement(w, "dse", 2, "node");
    golden_launch("worked", w, &need);

    world_respec(w, buf_str(&with_tls));
    need = world_requirement(w, "dse", 1, "node");
    struct evaluation e;
    struct offer_context context = world_context(w);
    Offer *offer = world_offer(w, a);
    offer->hostname = arena_strdup(&w->arena, "agent2.local");
    offer_evaluate(&context, &need, &offer, 1, &e);
    CHECK(!e.pass);
    bool named = false;
    for (size_t i = 0; i < e.n_stages; i++)
        named |= !e.stages[i]->pass && strcmp(e.stages[i]->source, "TLSEvaluationStage") == 0;
    CHECK(named);
}

/* A pre-reserved role: static reservations below ours, everything from that role. */
static void test_pre_reserved(void)
{
    auto_buf struct buf spec = BUF_INIT;
    const char *from =
        SERVICE(POD("dse", 1,
                    TASK("node", "RUNNING",
                         SET("node-set", CPUS_MEM(0.5, 512) "," PORT(0, "debug", "null", ""),
                             VOLUME("ROOT", "data", 100) "," VOLUME("MOUNT", "fast", 100)),
                         ""),
                    "null", ""));
    for (const char *p = from; *p;) {
        if (strncmp(p, "\"role\":\"dse-role\",\"pre-reserved-role\":\"*\"", 41) == 0) {
            buf_adds(&spec, "\"role\":\"slave_public/dse-role\",\"pre-reserved-role\":"
                            "\"slave_public\"");
            p += 41;
        } else {
            buf_addc(&spec, *p++);
        }
    }
    auto_world struct world *w = world_new(buf_str(&spec));
    w->role = "slave_public/dse-role";
#define PUBLIC ",\"reservations\":[{\"type\":\"STATIC\",\"role\":\"slave_public\"}]"
    world_agent(
        w, "agent1.local",
        "[{\"name\":\"cpus\",\"type\":\"SCALAR\",\"scalar\":{\"value\":4}" PUBLIC
        "},{\"name\":\"mem\",\"type\":\"SCALAR\",\"scalar\":{\"value\":4096}" PUBLIC
        "},{\"name\":\"disk\",\"type\":\"SCALAR\",\"scalar\":{\"value\":4096}" PUBLIC
        "},{\"name\":\"ports\",\"type\":\"RANGES\",\"ranges\":{\"range\":[{\"begin\":1025,\"end\":"
        "2000}]}" PUBLIC "},{\"name\":\"disk\",\"type\":\"SCALAR\",\"scalar\":{\"value\":500},"
        "\"disk\":{\"source\":{\"type\":\"MOUNT\",\"mount\":{\"root\":\"/free\"}}}},{\"name\":"
        "\"disk\",\"type\":\"SCALAR\",\"scalar\":{\"value\":500},\"disk\":{\"source\":{\"type\":"
        "\"MOUNT\",\"mount\":{\"root\":\"/public\"}}}" PUBLIC "}]",
        NULL);
    struct requirement need = world_requirement(w, "dse", 0, "node");
    golden_launch("pre-reserved", w, &need);
    world_end(w, "dse-0-node", TASK_STATE__TASK_FAILED);
    struct evaluation e;
    CHECK(world_place(w, w->agents[0], &need, &e));
    CHECK_STR(world_operations(w, &e), "LAUNCH_GROUP dse-0-node");
}

/* mesos-bridge: host ports are taken, chosen numbers are mapped. */
static void test_bridge(void)
{
    static const char spec[] = SERVICE(
        "{\"type\":\"dse\",\"user\":null,\"count\":1,\"allow-decommission\":false,\"image\":null,"
        "\"networks\":[{\"network-name\":\"mesos-bridge\",\"port-mappings\":{\"8080\":80,\"0\":0},"
        "\"network-labels\":{\"b\":\"2\",\"a\":\"1\"}}],\"rlimits\":[],\"uris\":[],\"task-specs\":"
        "[" TASK(
            "node", "RUNNING",
            SET("s",
                CPUS_MEM(0.5, 512) "," PORT(8080, "http", "null", "\"mesos-bridge\"") "," PORT(
                    0, "debug", "null", "\"mesos-bridge\""),
                ""),
            "") "],\"placement-rule\":null,\"volumes\":[],\"pre-reserved-role\":\"*\",\"secrets\":"
                "[],\"share-pid-namespace\":true,\"host-volumes\":[],\"external-volumes\":[],"
                "\"seccomp-unconfined\":true,\"seccomp-profile-name\":null,\"ipc-mode\":"
                "\"PRIVATE\","
                "\"shm-size\":64}");
    auto_world struct world *w = world_new(spec);
    struct agent *a = world_agent(
        w, "h1",
        "[{\"name\":\"cpus\",\"type\":\"SCALAR\",\"scalar\":{\"value\":4}},{\"name\":\"mem\","
        "\"type\":\"SCALAR\",\"scalar\":{\"value\":8192}},{\"name\":\"disk\",\"type\":\"SCALAR\","
        "\"scalar\":{\"value\":500}},{\"name\":\"ports\",\"type\":\"RANGES\",\"ranges\":{\"range\":"
        "[{\"begin\":8080,\"end\":8090}]}}]",
        NULL);
    struct requirement need = world_requirement(w, "dse", 0, "node");
    struct evaluation e;
    CHECK(world_place(w, a, &need, &e));
    const NetworkInfo *network = e.records[0].info->executor->container->network_infos[0];
    CHECK_INT(network->n_port_mappings, 2);
    CHECK_INT(network->port_mappings[0]->host_port, 8080);
    CHECK_INT(network->port_mappings[0]->container_port, 80);
    CHECK_INT(network->port_mappings[1]->host_port, 8081); /* the lowest that is not static */
    CHECK_INT(network->port_mappings[1]->container_port, 8081);
    CHECK_STR(network->labels->labels[0]->key, "a");
    const LinuxInfo *task = e.records[0].info->container->linux_info;
    CHECK(task->share_pid_namespace && task->seccomp->unconfined);
    CHECK_INT(e.records[0].info->executor->container->linux_info->shm_size, 64);
    CHECK(!e.records[0].info->command->user);
    /* Relaunched, it keeps number and mapping. */
    world_end(w, "dse-0-node", TASK_STATE__TASK_FAILED);
    CHECK(world_place(w, a, &need, &e));
    network = e.records[0].info->executor->container->network_infos[0];
    CHECK_INT(network->n_port_mappings, 2);
    CHECK_INT(network->port_mappings[1]->host_port, 8081);
}

/* Overlay: nothing is reserved, numbers are the pod's own and kept. */
static void test_overlay(void)
{
    static const char spec[] = SERVICE(
        POD("dse", 1,
            TASK("a", "RUNNING",
                 SET("sa",
                     CPUS_MEM(0.1, 32) "," PORT(1025, "static", "null", "\"dcos\"") "," PORT(
                         0, "one", "\"ONE\"", "\"dcos\""),
                     ""),
                 "") "," TASK("b", "RUNNING",
                              SET("sb", CPUS_MEM(0.1, 32) "," PORT(0, "two", "\"TWO\"", "\"dcos\""),
                                  ""),
                              ""),
            "null", ""));
    auto_world struct world *w = world_new(spec);
    struct agent *a = world_agent(w, "h1", PLAIN_AGENT(4, 4096, 4096), NULL);
    struct requirement need = world_requirement(w, "dse", 0, "a b");
    struct evaluation e;
    CHECK(world_place(w, a, &need, &e));
    CHECK_STR(world_operations(w, &e),
              "RESERVE cpus 0.1; RESERVE disk 256.0; RESERVE mem 32.0; RESERVE cpus 0.1; "
              "RESERVE mem 32.0; LAUNCH_GROUP dse-0-a; RESERVE cpus 0.1; RESERVE mem 32.0; "
              "LAUNCH_GROUP dse-0-b");
    CHECK_INT(e.records[0].info->discovery->ports->ports[0]->number, 1025);
    CHECK_INT(e.records[0].info->discovery->ports->ports[1]->number, 1026);
    CHECK_INT(e.records[1].info->discovery->ports->ports[0]->number, 1027);
    world_end(w, "dse-0-b", TASK_STATE__TASK_FAILED);
    need = world_requirement(w, "dse", 0, "b");
    CHECK(world_place(w, a, &need, &e));
    CHECK_STR(world_operations(w, &e), "LAUNCH_GROUP dse-0-b");
    CHECK_INT(e.records[0].info->discovery->ports->ports[0]->number, 1027);
}

/* The three-agents scenario of offer-cycle 3.5, played by two services. */
static void test_three_agents(void)
{
#define TWO_MOUNTS                                                                               \
    "[{\"name\":\"cpus\",\"type\":\"SCALAR\",\"scalar\":{\"value\":8}},{\"name\":\"mem\","       \
    "\"type\":\"SCALAR\",\"scalar\":{\"value\":8192}},{\"name\":\"disk\",\"type\":\"SCALAR\","   \
    "\"scalar\":{\"value\":8192}},{\"name\":\"disk\",\"type\":\"SCALAR\",\"scalar\":{\"value\":" \
    "1000},\"disk\":{\"source\":{\"type\":\"MOUNT\",\"mount\":{\"root\":\"/a\"}}}},{\"name\":"   \
    "\"disk\",\"type\":\"SCALAR\",\"scalar\":{\"value\":2000},\"disk\":{\"source\":{\"type\":"   \
    "\"MOUNT\",\"mount\":{\"root\":\"/b\"}}}}]"
#define MOUNTS_POD(type, volumes) \
    POD(type, 2, TASK("t", "RUNNING", SET("s", CPUS_MEM(0.5, 64), ""), ""), "null", volumes)
    static const char both[] = SERVICE(MOUNTS_POD("x", VOLUME("MOUNT", "v1", 500)) "," MOUNTS_POD(
        "y", VOLUME("MOUNT", "v1", 500) "," VOLUME("MOUNT", "v2", 500)));
    auto_world struct world *w = world_new(both);
    struct agent *agents[3];
    struct evaluation e;
    struct requirement need;
    for (int i = 0; i < 3; i++)
        agents[i] = world_agent(w, i == 0 ? "h1" : i == 1 ? "h2" : "h3", TWO_MOUNTS, NULL);
    need = world_requirement(w, "x", 0, "t");
    CHECK(world_place(w, agents[0], &need, &e));
    CHECK_STR(world_operations(w, &e),
              "RESERVE disk 1000.0 on /a; CREATE disk 1000.0 on /a; RESERVE cpus 0.1; "
              "RESERVE disk 256.0; RESERVE mem 32.0; RESERVE cpus 0.5; RESERVE mem 64.0; "
              "LAUNCH_GROUP x-0-t");
    need = world_requirement(w, "x", 1, "t");
    CHECK(world_place(w, agents[2], &need, &e));
    need = world_requirement(w, "y", 0, "t");
    CHECK(!world_place(w, agents[0], &need, &e));
    CHECK_INT(e.shortfall.kind, SHORT_VOLUME);
    CHECK(e.shortfall.have == 1 && e.shortfall.want == 2);
    CHECK_INT(e.n_failed, 1);
    CHECK_STR(e.stages[2]->reason, "Failed to find MOUNT volume for 'v2'. (0 disks: 0 too small, "
                                   "0 of another profile, 0 of another role)");
    CHECK(world_place(w, agents[1], &need, &e));
    need = world_requirement(w, "y", 1, "t");
    for (int i = 0; i < 3; i++)
        CHECK(!world_place(w, agents[i], &need, &e));
}

static void test_operation_ids(void)
{
    auto_world struct world *w = world_new(plain_spec);
    struct agent *a = world_agent(w, "agent1.local", AGENT1, AGENT1_SHAPE);
    struct requirement need = world_requirement(w, "dse", 0, "node");
    struct evaluation e;
    w->settings.operation_ids = true;
    CHECK(world_place(w, a, &need, &e));
    for (size_t i = 0; i < e.n_operations; i++) {
        const Offer__Operation *op = e.operations[i];
        const Resource *r = op->reserve ? op->reserve->resources[0] : NULL;
        CHECK_INT(op->id != NULL, op->type != OFFER__OPERATION__TYPE__LAUNCH_GROUP);
        if (r && op->id) { /* its resource, and something of its own */
            CHECK_INT(strlen(op->id->value), 36 + 1 + 36);
            CHECK_INT(strncmp(op->id->value, resource_id(r), 36), 0);
            CHECK(uuid_is_canonical(op->id->value + 37));
        }
        for (size_t j = 0; op->id && j < i; j++)
            CHECK(!e.operations[j]->id || strcmp(op->id->value, e.operations[j]->id->value) != 0);
    }
}

TAP_MAIN(TEST(test_plain), TEST(test_plain_refused), TEST(test_worked_example),
         TEST(test_pre_reserved), TEST(test_bridge), TEST(test_overlay), TEST(test_three_agents),
         TEST(test_operation_ids))
