/* JSON of pods and endpoints (api-and-cli 1.4, 1.5) and their trees (2.2). */
#include "plan/pods.h"

#include "plan_fixture.h"
#include "state_example.h"
#include "tap.h"

static const char *shown(json_t *stolen)
{
    static struct buf text = BUF_INIT;

    buf_clear(&text);
    if (stolen)
        json_write(&text, stolen, JSON_LAYOUT_COMPACT);
    json_decref(stolen);
    return buf_str(&text);
}

/* dse-0..dse-10 and a task without labels; with the ids that world_launch() makes cut away. */
static void deploy(struct world *w)
{
    struct step *const *steps;

    world_init(w, "dse:11:node,agent hello:1:server",
               "{\"deploy\":{\"strategy\":\"parallel\",\"phases\":{"
               "\"d\":{\"pod\":\"dse\",\"strategy\":\"parallel\"},\"h\":{\"pod\":\"hello\"}}}}");
    while (world_candidates(w, &steps) > 0)
        world_launch_step(w, steps[0]);
}

static void lists(void)
{
    auto_world struct world w;
    deploy(&w);
    CHECK_STR(shown(pods_list(w.state)),
              "[\"dse-0\",\"dse-1\",\"dse-10\",\"dse-2\",\"dse-3\",\"dse-4\",\"dse-5\",\"dse-6\","
              "\"dse-7\",\"dse-8\",\"dse-9\",\"hello-0\"]");
    auto_free char *type = NULL;
    int index;
    CHECK(pod_find(w.state, "dse-10", &type, &index));
    CHECK_STR(type, "dse");
    CHECK_INT(index, 10);
    auto_free char *none = NULL;
    CHECK(!pod_find(w.state, "dse-11", &none, &index));
    CHECK(!pod_find(w.state, "dse", &none, &index));
    CHECK(!pod_find(w.state, "-1", &none, &index));
    CHECK(!pod_find(w.state, "dse-1x", &none, &index));
    CHECK(!pod_find(w.state, "dse-99999999999", &none, &index));
}

static void statuses(void)
{
    auto_world struct world w;
    world_init(&w, "world:1:server,sidecar", NULL);
    CHECK_STR(shown(pods_status(w.state)), "{\"service\":\"\"}");
    CHECK(world_launch(&w, "world-0:[server, sidecar]"));
    state_put(w.state, w.txn, "servicename", "hello-world", 11);
    world_status(&w, "world-0-server", RUNNING, true);
    auto_free char *want =
        xasprintf("{\"service\":\"hello-world\",\"pods\":[{\"instances\":[{\"name\":\"world-0\","
                  "\"tasks\":[{\"name\":\"world-0-server\",\"id\":\"%s\",\"status\":\"RUNNING\"},"
                  "{\"name\":\"world-0-sidecar\",\"id\":\"%s\",\"status\":\"STAGING\"}]}],"
                  "\"name\":\"world\"}]}",
                  world_task(&w, "world-0-server")->id, world_task(&w, "world-0-sidecar")->id);
    CHECK_STR(shown(pods_status(w.state)), want);
    CHECK(pod_status(w.state, "world-1") == NULL);

    struct task *task = world_task(&w, "world-0-server");
    state_put_override(w.state, w.txn, task, OVERRIDE_PAUSED, PROGRESS_PENDING);
    CHECK_STR(task_display_status(task), "PAUSING");
    state_put_override(w.state, w.txn, task, OVERRIDE_PAUSED, PROGRESS_IN_PROGRESS);
    CHECK_STR(task_display_status(task), "PAUSING");
    state_put_override(w.state, w.txn, task, OVERRIDE_PAUSED, PROGRESS_COMPLETE);
    CHECK_STR(task_display_status(task), "PAUSED");
    state_put_override(w.state, w.txn, task, OVERRIDE_NONE, PROGRESS_PENDING);
    CHECK_STR(task_display_status(task), "STARTING");
    state_put_override(w.state, w.txn, task, OVERRIDE_DECOMMISSIONED, PROGRESS_PENDING);
    CHECK_STR(task_display_status(task), "DECOMMISSIONING");

    auto_buf struct buf out = BUF_INIT;
    json_auto json_t *all = pods_status(w.state), *one = pod_status(w.state, "world-0");
    pods_tree_print(all, true, &out);
    CHECK_STR(buf_str(&out), "hello-world\n"
                             "└─ world\n"
                             "   └─ world-0\n"
                             "      ├─ world-0-server (DECOMMISSIONING)\n"
                             "      └─ world-0-sidecar (STAGING)\n");
    buf_clear(&out);
    pod_tree_print(one, false, &out);
    CHECK_STR(buf_str(&out), "world-0\n"
                             "|- world-0-server (DECOMMISSIONING)\n"
                             "`- world-0-sidecar (STAGING)\n");
}

static void instances_by_number(void)
{
    auto_world struct world w;
    deploy(&w);
    json_auto json_t *all = pods_status(w.state);
    const json_t *dse = json_array_get(json_object_get(all, "pods"), 0);
    const json_t *instances = json_object_get(dse, "instances");
    CHECK_STR(json_string_value(json_object_get(json_array_get(instances, 2), "name")), "dse-2");
    CHECK_STR(json_string_value(json_object_get(json_array_get(instances, 10), "name")), "dse-10");
}

static struct state *example_state(const struct example *e)
{
    struct err err = ERR_INIT;
    struct state *state = state_new();
    CHECK_INT(state_load(state, example_tree(e), &err), 0);
    return state;
}

/* Names of the members, in order. */
static const char *keys(const json_t *json, struct buf *out)
{
    const char *key;
    json_t *value;

    buf_clear(out);
    json_object_foreach((json_t *)json, key, value) buf_addf(out, "%s%s", out->len ? " " : "", key);
    return buf_str(out);
}

static void info(void)
{
    auto_buf struct buf names = BUF_INIT;
    auto_example struct example e = example_new();
    struct state *state = example_state(&e);
    struct err err = ERR_INIT;
    json_auto json_t *list = pod_info(state, "dse-0", &err);
    const json_t *item = json_array_get(list, 0);
    const json_t *task = json_object_get(item, "info");

    CHECK_INT(json_array_size(list), 1);
    /* Names in camel case, agents by their old name, ids as objects. */
    CHECK_STR(json_string_value(json_object_get(json_object_get(task, "taskId"), "value")),
              EXAMPLE_ID);
    CHECK(json_object_get(task, "slaveId") != NULL);
    CHECK(json_object_get(task, "agentId") == NULL);
    /* Empty lists are there, unset members are not. */
    CHECK(json_is_object(json_object_get(task, "limits"))); /* a map */
    CHECK(json_object_get(task, "data") == NULL);
    /* In the order of their declaration. */
    CHECK_STR(keys(task, &names),
              "name taskId slaveId resources executor command container check killPolicy labels "
              "discovery limits");
    const json_t *resource = json_array_get(json_object_get(task, "resources"), 0);
    CHECK_STR(keys(resource, &names), "name type ranges reservations");
    CHECK_STR(keys(json_array_get(json_object_get(resource, "reservations"), 0), &names),
              "type role principal labels");
    CHECK_STR(keys(json_object_get(item, "status"), &names),
              "taskId state source reason slaveId executorId timestamp uuid checkStatus "
              "containerStatus");
    CHECK_STR(json_string_value(json_object_get(json_object_get(item, "status"), "state")),
              "TASK_RUNNING");
    CHECK(pod_info(state, "dse-1", &err) == NULL);
    CHECK_STR(err.text, "");
    state_free(state);
}

static void endpoints(void)
{
    auto_example struct example e = example_new();
    const struct endpoint_names names = {"autoip.dcos.thisdcos.directory",
                                         "l4lb.thisdcos.directory"};
    struct state *state = state_new();
    struct txn *txn = txn_new();
    TaskInfo *task = e.info;
    Ports *ports = PB_NEW(&e.arena, Ports, ports);
    Port *open = PB_NEW(&e.arena, Port, port), *closed = PB_NEW(&e.arena, Port, port);

    open->number = 9042;
    open->name = "native";
    open->has_visibility = true;
    open->visibility = DISCOVERY_INFO__VISIBILITY__EXTERNAL;
    open->labels = labels_set(&e.arena, open->labels, "VIP_1", "/cql:9042");
    open->labels = labels_set(&e.arena, open->labels, "VIP_2", "bad");
    closed->number = 7000;
    closed->name = "storage";
    closed->has_visibility = true;
    closed->visibility = DISCOVERY_INFO__VISIBILITY__CLUSTER;
    PB_ADD(&e.arena, ports->n_ports, ports->ports, closed);
    PB_ADD(&e.arena, ports->n_ports, ports->ports, open);
    task->discovery = PB_NEW(&e.arena, DiscoveryInfo, discovery_info);
    task->discovery->visibility = DISCOVERY_INFO__VISIBILITY__CLUSTER;
    task->discovery->name = "dse.zero";
    task->discovery->ports = ports;
    task->labels = labels_set(&e.arena, task->labels, "offer_hostname", "agent1");
    state_put(state, txn, "servicename", "/path/to/svc.with.dots", 22);
    state_put_task_info(state, txn, task);
    CHECK_STR(shown(endpoints_list(state)), "[\"native\"]");
    /* No status: the host. */
    CHECK_STR(shown(endpoint_show(state, &names, "native")),
              "{\"address\":[\"agent1:9042\"],\"dns\":[\"dse-zero.pathtosvc-with-dots.autoip.dcos."
              "thisdcos.directory:9042\"],\"vip\":\"cql.pathtosvc.with.dots.l4lb.thisdcos."
              "directory:9042\"}");
    /* A status with addresses: each of them. */
    TaskStatus *status = PB_NEW(&e.arena, TaskStatus, task_status);
    NetworkInfo *network = PB_NEW(&e.arena, NetworkInfo, network_info);
    static const char *const ips[] = {"10.0.0.1", "10.0.0.2"};
    for (size_t i = 0; i < 2; i++) {
        NetworkInfo__IPAddress *ip =
            PB_NEW(&e.arena, NetworkInfo__IPAddress, network_info__ipaddress);
        ip->ip_address = (char *)ips[i];
        PB_ADD(&e.arena, network->n_ip_addresses, network->ip_addresses, ip);
    }
    status->task_id = task->task_id;
    status->state = TASK_STATE__TASK_RUNNING;
    status->container_status = PB_NEW(&e.arena, ContainerStatus, container_status);
    PB_ADD(&e.arena, status->container_status->n_network_infos,
           status->container_status->network_infos, network);
    state_put_task_status(state, txn, task->name, status);
    json_auto json_t *endpoint = endpoint_show(state, &names, "native");
    CHECK_STR(shown(json_incref(json_object_get(endpoint, "address"))),
              "[\"10.0.0.1:9042\",\"10.0.0.2:9042\"]");
    CHECK(endpoint_show(state, &names, "storage") == NULL);
    state_free(state);
    txn_free(txn);
}

TAP_MAIN(TEST(lists), TEST(statuses), TEST(instances_by_number), TEST(info), TEST(endpoints))
