/* Reconfiguration: what is the same, what relaunches, what is refused, what is kept; the worked
 * traces 11.4 and 11.8 of plans-and-recovery. */
#include "plan_fixture.h"
#include "spec/cluster.h"
#include "tap.h"

/* A deployed service; pods as in world_spec_json(). */
static void deployed(struct world *w, const char *pods)
{
    struct step *const *steps;

    world_init(w, pods, NULL);
    while (world_candidates(w, &steps) > 0) {
        auto_free char *name = xstrdup(step_name(steps[0]));
        CHECK(world_complete(w, name));
    }
    CHECK(state_deployed(w->state));
}

static int verb(struct world *w, enum plan_verb what, const char *plan)
{
    json_auto json_t *body = NULL;
    return plans_verb(w->plans, w->txn, what, plan, NULL, NULL, NULL, w->now, &body);
}

static size_t children(const struct state *state, const char *path)
{
    const struct tree_node *node = tree_find(state_tree(state), path);
    return node ? tree_node_child_count(node) : 0;
}

static void first_target(void)
{
    auto_world struct world w;
    world_init(&w, "dse:1:node", "{\"deploy\":{\"phases\":{\"p\":{\"pod\":\"dse\"}}}}");

    CHECK_STR(state_target_id(w.state), w.id);
    CHECK(uuid_is_canonical(w.id));
    CHECK_INT(children(w.state, "Configurations"), 1);
    CHECK_INT(children(w.state, "Toolkit/plans"), 1);
    size_t len;
    const char *text = state_config(w.state, w.id, &len);
    CHECK(text && strncmp(text, "{\n  \"name\" : \"datastax-dse\",\n", 29) == 0);
    auto_free char *first = xstrdup(w.id);
    /* The same again is no new target; other plans are taken at once. */
    CHECK_INT(world_update(&w, world_spec_json("dse:1:node", NULL, NULL),
                           "{\"deploy\":{\"phases\":{\"p\":{\"pod\":\"dse\"}}}}"),
              0);
    CHECK_STR(w.id, first);
    CHECK_INT(world_update(&w, world_spec_json("dse:1:node", NULL, NULL),
                           "{\"deploy\":{\"phases\":{\"q\":{\"pod\":\"dse\"}}}}"),
              1);
    CHECK_STR(w.id, first);
    CHECK(strstr(world_tree(&w, "deploy"), "└─ q (serial strategy)"));
}

/* 11.4 */
static void one_of_two_pod_types(void)
{
    auto_world struct world w;
    deployed(&w, "hello:1:server world:2:server");
    auto_free char *c1 = xstrdup(w.id);

    CHECK_INT(world_update(&w, world_spec_json("hello:1:server world:2:server", "run new", "world"),
                           NULL),
              1);
    CHECK(strcmp(w.id, c1) != 0);
    CHECK_STR(world_task(&w, "hello-0-server")->config_id, w.id);
    CHECK_STR(world_task(&w, "world-0-server")->config_id, c1);
    CHECK_INT(children(w.state, "Configurations"), 2);
    CHECK_STR(world_tree(&w, "deploy"), "deploy (serial strategy) (IN_PROGRESS)\n"
                                        "├─ hello (serial strategy) (COMPLETE)\n"
                                        "│  └─ hello-0:[server] (COMPLETE)\n"
                                        "└─ world (serial strategy) (PENDING)\n"
                                        "   ├─ world-0:[server] (PENDING)\n"
                                        "   └─ world-1:[server] (PENDING)\n");
    CHECK_STR(world_work(&w), "world-0:[server]");
    world_status(&w, "world-0-server", KILLED, false);
    CHECK(strstr(world_tree(&w, "deploy"), "world-0:[server] (PREPARED)"));
    CHECK_STR(world_tree(&w, "recovery"), "recovery (parallel strategy) (COMPLETE)\n");
    /* One that dies before its turn is recovered with the configuration it had. */
    world_status(&w, "world-1-server", FAILED, false);
    struct step *const *steps;
    CHECK_INT(world_candidates(&w, &steps), 2);
    CHECK_STR(step_name(steps[1]), "world-1:[server]");
    CHECK_STR(step_requirement(steps[0])->config_id, w.id);
    CHECK_STR(step_requirement(steps[1])->config_id, c1);
    world_launch_step(&w, steps[1]);
    world_status(&w, "world-1-server", RUNNING, true);
    CHECK(world_complete(&w, "world-0:[server]"));
    CHECK_STR(world_work(&w), "world-1:[server]");
    CHECK(world_same_after_restart(&w));
    CHECK(world_complete(&w, "world-1:[server]"));
    CHECK(strstr(world_tree(&w, "deploy"), "deploy (serial strategy) (COMPLETE)"));
    /* The old configuration goes with the next update. */
    CHECK_INT(world_update(&w, world_spec_json("hello:1:server world:2:server", "run new", "world"),
                           NULL),
              0);
    CHECK_INT(children(w.state, "Configurations"), 1);
}

/* Plan records of the old target are gone with it; recoveries are not. */
static void records_of_the_old_target(void)
{
    auto_world struct world w;
    deployed(&w, "hello:2:server");
    CHECK_INT(children(w.state, "Toolkit/done"), 1);
    world_status(&w, "hello-1-server", FAILED, false);
    CHECK(world_launch(&w, "hello-1:[server]"));
    CHECK_INT(verb(&w, VERB_INTERRUPT, "recovery"), 200);
    CHECK_INT(verb(&w, VERB_START, "deploy"), 200);
    CHECK_INT(verb(&w, VERB_INTERRUPT, "deploy"), 200);
    CHECK_INT(world_update(&w, world_spec_json("hello:3:server", NULL, NULL), NULL), 1);
    CHECK_INT(children(w.state, "Toolkit/done"), 0);
    CHECK_INT(children(w.state, "Toolkit/marks"), 1);
    CHECK(strstr(world_tree(&w, "recovery"), "recovery (parallel strategy) (WAITING)"));
    CHECK(strstr(world_tree(&w, "deploy"), "hello-0:[server] (COMPLETE)"));
    CHECK(strstr(world_tree(&w, "deploy"), "hello-1:[server] (STARTING)"));
}

static const char *plan_of_update =
    "{\"deploy\":{\"phases\":{\"first\":{\"pod\":\"hello\"}}},"
    "\"update\":{\"phases\":{\"roll\":{\"pod\":\"hello\",\"strategy\":\"serial-canary\"}}}}";

/* 3.5: `update` is hidden before the first completed deployment, then takes the name deploy. */
static void update_plan(void)
{
    auto_world struct world w;
    world_init(&w, "hello:2:server", plan_of_update);
    CHECK_INT(plans_count(w.plans), 2);
    CHECK(strstr(world_tree(&w, "deploy"), "first (serial strategy)"));
    CHECK(world_complete(&w, "hello-0:[server]"));
    CHECK(world_complete(&w, "hello-1:[server]"));
    world_restart(&w); /* the plan of this target stays what it was */
    CHECK(strstr(world_tree(&w, "deploy"), "first (serial strategy) (COMPLETE)"));
    CHECK_INT(world_update(&w, world_spec_json("hello:2:server", "new", NULL), plan_of_update), 1);
    CHECK_INT(plans_count(w.plans), 2);
    CHECK(strstr(world_tree(&w, "deploy"), "roll (serial-canary strategy) (WAITING)"));
}

/* Refused: the old target goes on, the errors show, also after a restart. */
static void refused(void)
{
    auto_world struct world w;
    deployed(&w, "hello:2:server");
    auto_free char *id = xstrdup(w.id);

    CHECK_INT(world_update(&w, world_spec_json("hello:1:server", NULL, NULL), NULL), -1);
    CHECK_STR(w.id, id);
    CHECK_INT(children(w.state, "Configurations"), 1);
    const char *want =
        "deploy (serial strategy) (ERROR)\n"
        "└─ hello (serial strategy) (COMPLETE)\n"
        "   ├─ hello-0:[server] (COMPLETE)\n"
        "   └─ hello-1:[server] (COMPLETE)\n"
        "\nErrors:\n"
        "- Field: 'PodSpec[name:hello]'; Transition: '2' => '1'; Message: 'New config's PodSpec "
        "named 'hello' has 1 tasks, expected >=2 tasks'; Fatal: false\n";
    CHECK_STR(world_tree(&w, "deploy"), want);
    world_restart(&w);
    CHECK_STR(world_tree(&w, "deploy"), want);
    /* Work towards the old target goes on. */
    world_status(&w, "hello-0-server", FAILED, false);
    CHECK_STR(world_work(&w), "hello-0:[server]");
    /* A good one clears them. */
    CHECK_INT(world_update(&w, world_spec_json("hello:2:server", NULL, NULL), NULL), 0);
    CHECK(strstr(world_tree(&w, "deploy"), "deploy (serial strategy) (COMPLETE)"));
    /* Plans that do not fit are refused likewise. */
    CHECK_INT(world_update(&w, world_spec_json("hello:3:server", NULL, NULL),
                           "{\"deploy\":{\"phases\":{\"p\":{\"pod\":\"x\"}}}}"),
              -1);
    CHECK(strstr(world_tree(&w, "deploy"), "Unable to find pod 'x' referenced by phase 'p'"));
}

/* 11.8 */
static void decommission(void)
{
    auto_world struct world w;
    deployed(&w, "world:2-:server");

    CHECK_INT(world_update(&w, world_spec_json("world:1-:server", NULL, NULL), NULL), 1);
    CHECK_INT(world_task(&w, "world-1-server")->override, OVERRIDE_DECOMMISSIONED);
    CHECK_STR(world_tree(&w, "decommission"), "decommission (serial strategy) (PENDING)\n"
                                              "└─ world-1 (serial strategy) (PENDING)\n"
                                              "   ├─ kill-world-1-server (PENDING)\n"
                                              "   └─ erase-world-1-server (PENDING)\n");
    struct step *const *steps;
    CHECK_INT(world_candidates(&w, &steps), 1);
    CHECK_INT(step_kind(steps[0]), STEP_KILL);
    CHECK_STR(step_subject(steps[0]), "world-1-server");
    plans_step_done(w.plans, w.txn, steps[0], w.now);
    world_status(&w, "world-1-server", KILLED, false); /* not recovery's */
    CHECK_STR(world_work(&w), "erase-world-1-server");
    CHECK(world_same_after_restart(&w));
    state_delete_task(w.state, w.txn, world_task(&w, "world-1-server"));
    plans_task_deleted(w.plans, w.txn, "world-1-server", w.now);
    CHECK(strstr(world_tree(&w, "decommission"), "decommission (serial strategy) (COMPLETE)"));
    CHECK(world_same_after_restart(&w));
    CHECK_INT(plans_client_state(w.plans, w.now).status, CLIENT_IDLE);
    /* Scaled out again, the pod is deployed anew. */
    CHECK_INT(world_update(&w, world_spec_json("world:2-:server", NULL, NULL), NULL), 1);
    CHECK_STR(world_tree(&w, "decommission"), "");
    CHECK_STR(world_work(&w), "world-1:[server]");
}

/* Called off in time: the task stays as it is. */
static void decommission_called_off(void)
{
    auto_world struct world w;
    deployed(&w, "world:2-:server");
    CHECK_INT(world_update(&w, world_spec_json("world:1-:server", NULL, NULL), NULL), 1);
    CHECK_INT(world_update(&w, world_spec_json("world:2-:server", NULL, NULL), NULL), 1);
    CHECK_INT(world_task(&w, "world-1-server")->override, OVERRIDE_NONE);
    CHECK(strstr(world_tree(&w, "deploy"), "deploy (serial strategy) (COMPLETE)"));
}

static void unneeded_tasks(void)
{
    auto_world struct world w;
    struct task *const *tasks;
    deployed(&w, "hello:1:server,log");
    CHECK_INT(plans_unneeded_tasks(w.plans, &tasks), 0);
    CHECK_INT(world_update(&w, world_spec_json("hello:1:server", NULL, NULL), NULL), 1);
    CHECK_INT(plans_unneeded_tasks(w.plans, &tasks), 1);
    CHECK_STR(tasks[0]->name, "hello-0-log");
}

/* ---- what differs ---- */

static struct service_spec *spec_with(const char *pods, const char *path, json_t *value)
{
    struct err err = ERR_INIT;
    json_auto json_t *json = world_spec_json(pods, NULL, NULL);
    json_t *pod = json_array_get(json_object_get(json, "pod-specs"), 0);
    json_t *task = json_array_get(json_object_get(pod, "task-specs"), 0);
    json_t *set = json_object_get(task, "resource-set");

    if (path && strncmp(path, "task.", 5) == 0)
        json_set(task, path + 5, value);
    else if (path && strncmp(path, "set.", 4) == 0)
        json_set(set, path + 4, value);
    else if (path && strncmp(path, "pod.", 4) == 0)
        json_set(pod, path + 4, value);
    else if (path)
        json_set(json, path, value);
    struct service_spec *spec = spec_from_json(json, &err);
    if (!spec)
        world_die("spec", &err);
    return spec;
}

static json_t *port(int number, const char *name)
{
    return json_pack("{s:s,s:s,s:{s:s,s:{s:[{s:i,s:i}]}},s:s,s:s,s:s,s:s,s:s,s:[],s:[]}", "@type",
                     "PortSpec", "name", "ports", "value", "type", "RANGES", "ranges", "range",
                     "begin", number, "end", number, "role", "r", "pre-reserved-role", "*",
                     "principal", "p", "port-name", name, "visibility", "EXTERNAL", "network-names",
                     "ranges");
}

static json_t *cpus(double value, const char *role)
{
    return json_pack("{s:s,s:s,s:{s:s,s:{s:f}},s:s,s:s,s:s}", "@type", "DefaultResourceSpec",
                     "name", "cpus", "value", "type", "SCALAR", "scalar", "value", value, "role",
                     role, "pre-reserved-role", "*", "principal", "p");
}

static json_t *volume(const char *path, double size)
{
    return json_pack("{s:s,s:s,s:s,s:[],s:s,s:{s:s,s:{s:f}},s:s,s:s,s:s}", "@type",
                     "DefaultVolumeSpec", "type", "ROOT", "container-path", path, "profiles",
                     "name", "disk", "value", "type", "SCALAR", "scalar", "value", size, "role",
                     "r", "pre-reserved-role", "*", "principal", "p");
}

struct difference {
    const char *path;
    json_t *(*old)(void), *(*new)(void);
    bool same, relaunch;
};

static json_t *one(void)
{
    return json_integer(1);
}
static json_t *two(void)
{
    return json_integer(2);
}
static json_t *yes(void)
{
    return json_true();
}
static json_t *no(void)
{
    return json_false();
}
static json_t *text_a(void)
{
    return json_string("a");
}
static json_t *text_b(void)
{
    return json_string("b");
}
static json_t *one_cpu(void)
{
    return json_pack("[o]", cpus(1, "r"));
}
static json_t *two_cpus(void)
{
    return json_pack("[o]", cpus(2, "r"));
}
static json_t *one_cpu_other_role(void)
{
    return json_pack("[o]", cpus(1, "s"));
}
static json_t *ports_1_2(void)
{
    return json_pack("[oo]", port(1, "a"), port(2, "b"));
}
static json_t *ports_9_2(void)
{
    return json_pack("[oo]", port(9, "a"), port(2, "b"));
}
static json_t *ports_1_9(void)
{
    return json_pack("[oo]", port(1, "a"), port(9, "b"));
}
static json_t *ports_renamed(void)
{
    return json_pack("[oo]", port(1, "a"), port(2, "c"));
}
static json_t *volumes_a_b(void)
{
    return json_pack("[oo]", volume("a", 1), volume("b", 2));
}
static json_t *volumes_b_a(void)
{
    return json_pack("[oo]", volume("b", 2), volume("a", 1));
}
static json_t *labels(void)
{
    return json_pack("{s:s}", "k", "v");
}
static json_t *no_labels(void)
{
    return json_object();
}

/* service-spec 9.4: what restarts and what does not. */
static void relaunch_table(void)
{
    const struct difference table[] = {
        {"pod.count", one, two, false, false},
        {"pod.allow-decommission", no, yes, false, false},
        {"pod.image", text_a, text_b, false, true},
        {"pod.share-pid-namespace", no, yes, false, true},
        {"task.essential", yes, no, false, false},
        {"task.kill-grace-period", one, two, false, true},
        {"task.task-labels", no_labels, labels, false, true},
        {"set.id", text_a, text_b, false, false},
        {"set.resource-specifications", one_cpu, two_cpus, false, true},
        {"set.resource-specifications", one_cpu, one_cpu_other_role, false, false},
        {"set.resource-specifications", ports_1_2, ports_9_2, false, false},
        {"set.resource-specifications", ports_1_2, ports_1_9, false, true},
        {"set.resource-specifications", ports_1_2, ports_renamed, false, false},
        {"set.volume-specifications", volumes_a_b, volumes_b_a, false, false},
        {"web-url", text_a, text_b, false, false},
        {"web-url", text_a, text_a, true, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        struct service_spec *a = spec_with("dse:1:node", table[i].path, table[i].old());
        struct service_spec *b = spec_with("dse:1:node", table[i].path, table[i].new());
        const bool same = update_same_spec(a, b), changed = update_pod_changed(a, b, "dse");
        if (same != table[i].same || changed != table[i].relaunch)
            printf("# row %zu: %s\n", i, table[i].path);
        CHECK_INT(same, table[i].same);
        CHECK_INT(changed, table[i].relaunch);
        CHECK(update_pod_changed(a, b, "other"));
        service_spec_free(a);
        service_spec_free(b);
    }
}

/* ---- validators ---- */

static const char *errors_between(struct service_spec *old, struct service_spec *new, bool deployed,
                                  const struct cluster_caps *caps)
{
    static struct buf text = BUF_INIT;
    struct validation validation = {0};

    buf_clear(&text);
    spec_validate(old, new, deployed, caps, &validation);
    for (size_t i = 0; i < validation.n_errors; i++) {
        buf_adds(&text, i ? "\n" : "");
        validation_error_text(&validation.errors[i], &text);
    }
    validation_free(&validation);
    service_spec_free(old);
    service_spec_free(new);
    return buf_str(&text);
}

static void validators(void)
{
    const char *p = "dse:2:node";
    CHECK_STR(errors_between(spec_with(p, NULL, NULL), spec_with(p, NULL, NULL), true, NULL), "");
    CHECK_STR(errors_between(NULL, spec_with(p, "name", json_string("a__b")), false, NULL),
              "Field: 'ServiceName'; Value: 'a__b'; Message: 'Service name may not contain double "
              "underscores: a__b'; Fatal: false");
    CHECK_STR(
        errors_between(spec_with("dse:2:node x:2:y", NULL, NULL), spec_with(p, NULL, NULL), true,
                       NULL),
        "Field: 'PodSpec[name:x]'; Transition: '2' => 'null'; Message: 'New config is missing "
        "PodSpec named 'x' (expected present with >= 2 tasks)'; Fatal: false");
    CHECK_STR(errors_between(spec_with("dse:2:node x:2-:y", NULL, NULL), spec_with(p, NULL, NULL),
                             true, NULL),
              "");
    CHECK_STR(
        errors_between(spec_with(p, NULL, NULL), spec_with("dse:1-:node", NULL, NULL), true, NULL),
        "");
    CHECK_STR(errors_between(spec_with("dse:2-:node", NULL, NULL),
                             spec_with("dse:1:node", NULL, NULL), true, NULL),
              "Field: 'PodSpec[name:dse]'; Transition: '2' => '1'; Message: 'New config's PodSpec "
              "named 'dse' has 1 tasks, expected >=2 tasks'; Fatal: false");
    CHECK_STR(
        errors_between(spec_with(p, NULL, NULL), spec_with(p, "user", json_string("eve")), true,
                       NULL),
        "Field: 'user'; Transition: 'nobody' => 'eve'; Message: 'INVALID CONFIGURATION UPDATE. "
        "Cannot change user of deployed service from 'nobody' to 'eve'.\nRevert to previous "
        "user 'nobody' to proceed. Current set of configuration updates will NOT be "
        "applied.'; Fatal: true");
    CHECK(strstr(errors_between(spec_with(p, NULL, NULL),
                                spec_with(p, "pod.user", json_string("eve")), true, NULL),
                 "Cannot change existing pod type user from 'nobody' to 'eve'."));
    CHECK_STR(errors_between(spec_with(p, NULL, NULL),
                             spec_with(p, "pod.pre-reserved-role", json_string("x")), true, NULL),
              "Field: 'PodSpec[pre-reserved-role:*]'; Transition: '*' => 'x'; Message: 'New config "
              "has changed the pre-reserved-role of PodSpec named 'dse' (expected it to stay "
              "'*')'; Fatal: false");
    CHECK_STR(
        errors_between(spec_with(p, NULL, NULL), spec_with(p, "region", json_string("us")), true,
                       NULL),
        "Field: 'region'; Transition: 'Optional.empty' => 'Optional[us]'; Message: 'Region for "
        "old service must remain the same across deployments.'; Fatal: false");
    CHECK(strstr(
        errors_between(spec_with(p, "set.volume-specifications", volumes_a_b()),
                       spec_with(p, "set.volume-specifications", json_pack("[o]", volume("a", 1))),
                       true, NULL),
        "Field: 'TaskVolumes[taskname:node]'"));
    CHECK_STR(errors_between(spec_with(p, "set.volume-specifications", volumes_a_b()),
                             spec_with(p, "set.volume-specifications", volumes_b_a()), true, NULL),
              "");
    CHECK(strstr(errors_between(spec_with(p, NULL, NULL), spec_with(p, "role", json_string("q")),
                                false, NULL),
                 "Field: 'role'; Transition: 'dse-role' => 'q'; Message: 'Detected service role "
                 "change on an incomplete previous deployment!%nScheduler will not continue with "
                 "deployment!%nResolve previous deployment issues before issuing role change.%n"
                 "Downgrade the service to the previous version if the issue persists.%n'; Fatal: "
                 "true"));
    CHECK_STR(errors_between(spec_with(p, NULL, NULL), spec_with(p, "role", json_string("q")), true,
                             NULL),
              "");
    CHECK(
        strstr(errors_between(NULL,
                              spec_with(p, "pod.placement-rule",
                                        json_pack("{s:s,s:s,s:s}", "@type", "InvalidPlacementRule",
                                                  "constraints", "x", "exception", "y")),
                              false, NULL),
               "The PlacementRule for PodSpec 'dse' had invalid constraints"));
    CHECK(strstr(errors_between(spec_with(p, NULL, NULL),
                                spec_with(p, "pod.networks",
                                          json_pack("[{s:s,s:{},s:{}}]", "network-name", "dcos",
                                                    "port-mappings", "network-labels")),
                                true, NULL),
                 "changing its host ports requirements from true to false, not allowed."));
    /* One of several networks that maps ports is enough. */
    CHECK_STR(errors_between(
                  spec_with(p, NULL, NULL),
                  spec_with(p, "pod.networks",
                            json_pack("[{s:s,s:{},s:{}},{s:s,s:{},s:{}}]", "network-name", "dcos",
                                      "port-mappings", "network-labels", "network-name",
                                      "mesos-bridge", "port-mappings", "network-labels")),
                  true, NULL),
              "");
    CHECK(strstr(errors_between(spec_with(p, NULL, NULL),
                                spec_with(p, "pod.networks",
                                          json_pack("[{s:s,s:{s:i},s:{}}]", "network-name", "dcos",
                                                    "port-mappings", "80", 80, "network-labels")),
                                true, NULL),
                 "Field: 'PodSpec[name:dse]'; Transition: 'null' => '[dcos]'; Message: 'New config "
                 "has pod dse that indicates port mapping for virtual network(s) dcos, that do not "
                 "support port mapping.'; Fatal: false"));
    char name[80] = "/";
    memset(name + 1, 'x', 64);
    CHECK(strstr(errors_between(NULL, spec_with(p, "name", json_string(name)), false, NULL),
                 "Field: 'service.name'"));
    CHECK_STR(errors_between(spec_with(p, "name", json_string(name)),
                             spec_with(p, "name", json_string(name)), false, NULL),
              "");
}

static void limits(void)
{
    const char *p = "dse:1:node";
    json_t *set =
        json_pack("{s:s,s:[o],s:[],s:s,s:s,s:{s:s,s:n}}", "id", "s", "resource-specifications",
                  cpus(1, "r"), "volume-specifications", "role", "r", "principal", "p",
                  "resource-limits", "cpus", "0.5", "memory");
    CHECK_STR(errors_between(NULL, spec_with(p, "task.resource-set", set), false, NULL),
              "Field: 'ResourceLimits'; Value: '0.5'; Message: 'The cpus resource-limits for task "
              "'node', 0.5, is less than the requested amount, 1'; Fatal: false");
    set = json_pack("{s:s,s:[o],s:[],s:s,s:s,s:{s:s,s:n}}", "id", "s", "resource-specifications",
                    cpus(1.25, "r"), "volume-specifications", "role", "r", "principal", "p",
                    "resource-limits", "cpus", "1.2", "memory");
    CHECK(strstr(errors_between(NULL, spec_with(p, "task.resource-set", set), false, NULL),
                 "'node', 1.2, is less than the requested amount, 1.25'"));
}

static void cluster_features(void)
{
    struct cluster_caps caps;
    struct err err = ERR_INIT;
    const char *p = "dse:1:node";
    json_t *zone = json_pack("{s:s,s:{s:s,s:s}}", "@type", "ZoneRule", "matcher", "@type",
                             "ExactMatcher", "string", "z");

    CHECK_INT(cluster_caps_parse("1.8", &caps, &err), 0);
    CHECK_STR(errors_between(NULL,
                             spec_with(p, "pod.rlimits",
                                       json_pack("[{s:s,s:i,s:i}]", "name", "RLIMIT_NOFILE", "soft",
                                                 1, "hard", 1)),
                             false, &caps),
              "Field: 'pod:dse'; Value: 'rlimits'; Message: 'This DC/OS cluster does not support "
              "setting rlimits'; Fatal: false");
    CHECK(strstr(errors_between(NULL, spec_with(p, "pod.placement-rule", zone), false, &caps),
                 "may not reference Zones prior to DC/OS 1.11."));
}

TAP_MAIN(TEST(first_target), TEST(one_of_two_pod_types), TEST(records_of_the_old_target),
         TEST(update_plan), TEST(refused), TEST(decommission), TEST(decommission_called_off),
         TEST(unneeded_tasks), TEST(relaunch_table), TEST(validators), TEST(limits),
         TEST(cluster_features))
