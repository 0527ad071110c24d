/* Service Spec JSON -> model (see service-spec 6.3, 6.4, 6.7). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "spec/blank.h"
#include "spec/jsonread.h"
#include "spec/specjson.h"

/* Reads the array `key` of `obj` into (items, count), one element by `one`. */
typedef int element_fn(const struct jnode *node, void *ret);
static int read_list(const struct jnode *obj, const char *key, element_fn *one, size_t size,
                     void **ret_items, size_t *ret_count)
{
    const struct jnode array = jnode_member(obj, key);
    size_t count;

    if (jnode_array(&array, &count) < 0)
        return -1;
    char *items = arena_zalloc(obj->arena, count, size);
    for (size_t i = 0; i < count; i++) {
        const struct jnode node = jnode_element(&array, i);
        if (jnode_object(&node) < 0 || one(&node, items + i * size) < 0)
            return -1;
    }
    *ret_items = items;
    *ret_count = count;
    return 0;
}
/* The detour over a void pointer keeps the typed member out of the callee. */
#define READ_LIST(obj, key, one, items, count)                                     \
    __extension__({                                                                \
        void *list_ = NULL;                                                        \
        int status_ = read_list(obj, key, one, sizeof *(items), &list_, &(count)); \
        (items) = list_;                                                           \
        status_;                                                                   \
    })

static bool one_of(const char *text, const char *const *words)
{
    for (; *words; words++) {
        if (strcmp(text, *words) == 0)
            return true;
    }
    return false;
}

static int check_word(const struct jnode *obj, const char *key, const char *text,
                      const char *const *words)
{
    if (!text || one_of(text, words))
        return 0;
    const struct jnode node = jnode_member(obj, key);
    return jnode_fail(&node, "unknown value '%s'", text);
}

/* FINISHED is what older SDKs wrote for ONCE (6.4). */
static int read_goal(const struct jnode *obj, enum goal *ret)
{
    const char *text = NULL;

    if (jget_string_opt(obj, "goal", &text) < 0)
        return -1;
    if (!text)
        return 0;
    *ret = GOAL_UNKNOWN;
    if (strcmp(text, "FINISHED") == 0)
        *ret = GOAL_ONCE;
    for (int goal = GOAL_RUNNING; goal < GOAL_UNKNOWN; goal++) {
        if (strcmp(text, goal_name((enum goal)goal)) == 0)
            *ret = (enum goal)goal;
    }
    return 0;
}

/* ---- Mesos values ---- */

static int read_scalar(const struct jnode *obj, double *ret)
{
    const struct jnode value = jnode_member(obj, "value");
    const struct jnode scalar = jnode_member(&value, "scalar");
    const struct jnode number = jnode_member(&scalar, "value");

    if (!json_is_number(number.value))
        return jnode_fail(&number, "must be a number");
    *ret = json_number_value(number.value);
    return 0;
}

static int read_port_value(const struct jnode *obj, int64_t *ret)
{
    const struct jnode value = jnode_member(obj, "value");
    const struct jnode ranges = jnode_member(&value, "ranges");
    const struct jnode range = jnode_member(&ranges, "range");
    size_t count;
    int64_t end;

    if (jnode_array(&range, &count) < 0)
        return -1;
    if (count != 1)
        return jnode_fail(&range, "must hold one range, has %zu", count);
    const struct jnode first = jnode_element(&range, 0);
    if (jget_int(&first, "begin", ret) < 0 || jget_int(&first, "end", &end) < 0)
        return -1;
    if (*ret != end)
        return jnode_fail(&first, "must be a single port");
    return 0;
}

static int read_pre_reserved_role(const struct jnode *obj, const char **ret)
{
    *ret = "*";
    return jget_string_opt(obj, "pre-reserved-role", ret);
}

/* ---- resources ---- */

static int read_range(const struct jnode *node, void *ret)
{
    struct port_range *range = ret;

    *range = (struct port_range){0, 65535};
    if (jget_int_opt(node, "begin", &range->begin) < 0)
        return -1;
    return jget_int_opt(node, "end", &range->end);
}

static int read_port(const struct jnode *node, struct resource_spec *port)
{
    static const char *const visibilities[] = {"EXTERNAL", "CLUSTER", "FRAMEWORK", NULL};

    port->name = "ports";
    port->visibility = "CLUSTER";
    if (read_port_value(node, &port->port) < 0 ||
        jget_string_opt(node, "env-key", &port->env_key) < 0 ||
        jget_string(node, "port-name", &port->port_name) < 0 ||
        jget_string_opt(node, "visibility", &port->visibility) < 0 ||
        check_word(node, "visibility", port->visibility, visibilities) < 0 ||
        jget_strings(node, "network-names", &port->network_names) < 0 ||
        READ_LIST(node, "ranges", read_range, port->ranges, port->n_ranges) < 0)
        return -1;
    if (port->kind == RESOURCE_PORT)
        return 0;
    port->protocol = "tcp";
    if (jget_string_opt(node, "protocol", &port->protocol) < 0 ||
        jget_string(node, "vip-name", &port->vip_name) < 0)
        return -1;
    return jget_int(node, "vip-port", &port->vip_port);
}

static int read_resource(const struct jnode *node, void *ret)
{
    struct resource_spec *resource = ret;
    const char *tag;

    if (jget_string(node, "@type", &tag) < 0 ||
        jget_string_opt(node, "role", &resource->role) < 0 ||
        read_pre_reserved_role(node, &resource->pre_reserved_role) < 0 ||
        jget_string_opt(node, "principal", &resource->principal) < 0)
        return -1;
    if (strcmp(tag, "DefaultResourceSpec") == 0) {
        resource->kind = RESOURCE_SCALAR;
        if (jget_string(node, "name", &resource->name) < 0)
            return -1;
        return read_scalar(node, &resource->scalar);
    }
    if (strcmp(tag, "PortSpec") == 0)
        resource->kind = RESOURCE_PORT;
    else if (strcmp(tag, "NamedVIPSpec") == 0)
        resource->kind = RESOURCE_VIP_PORT;
    else
        return jnode_fail(node, "unknown @type '%s' of a resource", tag);
    return read_port(node, resource);
}

static int read_volume(const struct jnode *node, void *ret)
{
    static const char *const types[] = {"ROOT", "MOUNT", NULL};
    struct volume_spec *volume = ret;
    const char *tag = "DefaultVolumeSpec";

    if (jget_string_opt(node, "@type", &tag) < 0)
        return -1;
    if (strcmp(tag, "DefaultVolumeSpec") != 0)
        return jnode_fail(node, "unknown @type '%s' of a volume", tag);
    if (jget_string(node, "type", &volume->type) < 0 ||
        check_word(node, "type", volume->type, types) < 0 ||
        jget_string(node, "container-path", &volume->container_path) < 0 ||
        jget_strings(node, "profiles", &volume->profiles) < 0 ||
        read_scalar(node, &volume->size_mb) < 0 ||
        jget_string_opt(node, "role", &volume->role) < 0 ||
        read_pre_reserved_role(node, &volume->pre_reserved_role) < 0)
        return -1;
    return jget_string_opt(node, "principal", &volume->principal);
}

static int read_resource_set(const struct jnode *task, struct resource_set **ret)
{
    const struct jnode node = jnode_member(task, "resource-set");
    struct resource_set *set = ARENA_NEW(task->arena, struct resource_set);

    *ret = set;
    if (jnode_object(&node) < 0 || jget_string(&node, "id", &set->id) < 0 ||
        READ_LIST(&node, "resource-specifications", read_resource, set->resources,
                  set->n_resources) < 0 ||
        READ_LIST(&node, "volume-specifications", read_volume, set->volumes, set->n_volumes) < 0 ||
        jget_string_opt(&node, "role", &set->role) < 0 ||
        jget_string_opt(&node, "principal", &set->principal) < 0)
        return -1;
    const struct jnode limits = jnode_member(&node, "resource-limits");
    if (!limits.value)
        return 0;
    set->has_limits = true;
    if (jnode_object(&limits) < 0 || jget_string_opt(&limits, "cpus", &set->limit_cpus) < 0)
        return -1;
    return jget_string_opt(&limits, "memory", &set->limit_memory);
}

/* ---- tasks ---- */

static int read_health_check(const struct jnode *task, struct health_check **ret)
{
    const struct jnode node = jnode_member(task, "health-check-spec");

    if (!node.value)
        return 0;
    struct health_check *check = ARENA_NEW(task->arena, struct health_check);
    *ret = check;
    if (jnode_object(&node) < 0 || jget_string(&node, "command", &check->command) < 0 ||
        jget_int_opt(&node, "max-consecutive-failures", &check->max_consecutive_failures) < 0 ||
        jget_int_opt(&node, "delay", &check->delay_s) < 0 ||
        jget_int_opt(&node, "interval", &check->interval_s) < 0 ||
        jget_int_opt(&node, "timeout", &check->timeout_s) < 0 ||
        jget_int_opt(&node, "gracePeriod", &check->grace_period_s) < 0)
        return -1;
    return jget_int_opt(&node, "grace-period", &check->grace_period_s);
}

static int read_readiness_check(const struct jnode *task, struct readiness_check **ret)
{
    const struct jnode node = jnode_member(task, "readiness-check-spec");

    if (!node.value)
        return 0;
    struct readiness_check *check = ARENA_NEW(task->arena, struct readiness_check);
    *ret = check;
    if (jnode_object(&node) < 0 || jget_string(&node, "command", &check->command) < 0 ||
        jget_int_opt(&node, "delay", &check->delay_s) < 0 ||
        jget_int_opt(&node, "interval", &check->interval_s) < 0)
        return -1;
    return jget_int_opt(&node, "timeout", &check->timeout_s);
}

static int read_config_file(const struct jnode *node, void *ret)
{
    struct config_file *config = ret;

    if (jget_string(node, "name", &config->name) < 0 ||
        jget_string(node, "relative-path", &config->relative_path) < 0)
        return -1;
    return jget_string(node, "template-content", &config->template_content);
}

static int read_discovery(const struct jnode *task, struct discovery_spec **ret)
{
    static const char *const visibilities[] = {"EXTERNAL", "CLUSTER", "FRAMEWORK", NULL};
    const struct jnode node = jnode_member(task, "discovery-spec");

    if (!node.value)
        return 0;
    struct discovery_spec *discovery = ARENA_NEW(task->arena, struct discovery_spec);
    *ret = discovery;
    discovery->visibility = "CLUSTER";
    if (jnode_object(&node) < 0 || jget_string_opt(&node, "prefix", &discovery->prefix) < 0 ||
        jget_string_opt(&node, "visibility", &discovery->visibility) < 0)
        return -1;
    return check_word(&node, "visibility", discovery->visibility, visibilities);
}

static int read_transport_encryption(const struct jnode *node, void *ret)
{
    static const char *const types[] = {"TLS", "KEYSTORE", NULL};
    struct transport_encryption *encryption = ret;

    if (jget_string(node, "name", &encryption->name) < 0 ||
        jget_string(node, "type", &encryption->type) < 0)
        return -1;
    return check_word(node, "type", encryption->type, types);
}

static int read_command(const struct jnode *node, struct task_spec *task)
{
    const struct jnode command = jnode_member(node, "command-spec");

    if (!command.value)
        return 0;
    if (jnode_object(&command) < 0 || jget_string(&command, "value", &task->command) < 0)
        return -1;
    return jget_pairs(&command, "environment", &task->environment);
}

static int read_task(const struct jnode *node, void *ret)
{
    struct task_spec *task = ret;

    task->essential = true;
    task->goal = GOAL_UNKNOWN;
    if (jget_string(node, "name", &task->name) < 0 || read_goal(node, &task->goal) < 0 ||
        jget_bool_opt(node, "essential", &task->essential) < 0 ||
        read_resource_set(node, &task->resource_set) < 0 || read_command(node, task) < 0 ||
        jget_pairs(node, "task-labels", &task->labels) < 0 ||
        read_health_check(node, &task->health_check) < 0 ||
        read_readiness_check(node, &task->readiness_check) < 0 ||
        READ_LIST(node, "config-files", read_config_file, task->config_files,
                  task->n_config_files) < 0 ||
        read_discovery(node, &task->discovery) < 0 ||
        jget_int_opt(node, "kill-grace-period", &task->kill_grace_period_s) < 0 ||
        READ_LIST(node, "transport-encryption", read_transport_encryption,
                  task->transport_encryption, task->n_transport_encryption) < 0 ||
        jget_string_opt(node, "ipc-mode", &task->ipc_mode) < 0)
        return -1;
    return jget_int_ptr(node, "shm-size", &task->shm_size_mb);
}

/* ---- pods ---- */

static int read_port_mappings(const struct jnode *network, struct network_spec *ret)
{
    const struct jnode node = jnode_member(network, "port-mappings");
    const char *key;
    json_t *value;

    if (!node.value)
        return 0;
    if (jnode_object(&node) < 0)
        return -1;
    ret->port_mappings =
        ARENA_ARRAY(network->arena, json_object_size(node.value), struct port_mapping);
    json_object_foreach((json_t *)node.value, key, value)
    {
        struct port_mapping *mapping = &ret->port_mappings[ret->n_port_mappings++];
        char *end;
        mapping->host_port = strtoll(key, &end, 10);
        if (end == key || *end)
            return jnode_fail(&node, "'%s' is no port number", key);
        if (jget_int(&node, key, &mapping->container_port) < 0)
            return -1;
    }
    return 0;
}

static int read_network(const struct jnode *node, void *ret)
{
    struct network_spec *network = ret;

    if (jget_string(node, "network-name", &network->name) < 0 ||
        read_port_mappings(node, network) < 0)
        return -1;
    return jget_pairs(node, "network-labels", &network->labels);
}

static int read_rlimit(const struct jnode *node, void *ret)
{
    struct rlimit_spec *rlimit = ret;

    if (jget_string(node, "name", &rlimit->name) < 0 ||
        jget_int_ptr(node, "soft", &rlimit->soft) < 0)
        return -1;
    return jget_int_ptr(node, "hard", &rlimit->hard);
}

static int read_secret(const struct jnode *node, void *ret)
{
    struct secret_spec *secret = ret;

    if (jget_string(node, "secret", &secret->secret) < 0 ||
        jget_string_opt(node, "env-key", &secret->env_key) < 0)
        return -1;
    return jget_string_opt(node, "file", &secret->file);
}

static int read_host_volume(const struct jnode *node, void *ret)
{
    static const char *const modes[] = {"RW", "RO", NULL};
    struct host_volume *volume = ret;

    if (jget_string(node, "host-path", &volume->host_path) < 0 ||
        jget_string(node, "container-path", &volume->container_path) < 0 ||
        jget_string_opt(node, "mode", &volume->mode) < 0)
        return -1;
    return check_word(node, "mode", volume->mode, modes);
}

static int read_external_volume(const struct jnode *node, void *ret)
{
    static const char *const types[] = {"DOCKER", NULL};
    struct external_volume *volume = ret;

    if (jget_string_opt(node, "container-path", &volume->container_path) < 0 ||
        jget_string_opt(node, "driver-name", &volume->driver_name) < 0 ||
        jget_pairs(node, "driver-options", &volume->driver_options) < 0 ||
        jget_string_opt(node, "volume-name", &volume->volume_name) < 0 ||
        jget_string_opt(node, "volume-mode", &volume->volume_mode) < 0 ||
        jget_string_opt(node, "type", &volume->type) < 0)
        return -1;
    return check_word(node, "type", volume->type, types);
}

/* Collections that older SDKs did not write count as empty, booleans as false (6.7). */
static int read_pod(const struct jnode *node, void *ret)
{
    struct pod_spec *pod = ret;
    const struct jnode rule = jnode_member(node, "placement-rule");

    if (jget_string(node, "type", &pod->type) < 0 ||
        jget_string_opt(node, "user", &pod->user) < 0 || jget_int(node, "count", &pod->count) < 0 ||
        jget_bool_opt(node, "allow-decommission", &pod->allow_decommission) < 0 ||
        jget_string_opt(node, "image", &pod->image) < 0 ||
        READ_LIST(node, "networks", read_network, pod->networks, pod->n_networks) < 0 ||
        READ_LIST(node, "rlimits", read_rlimit, pod->rlimits, pod->n_rlimits) < 0 ||
        jget_strings(node, "uris", &pod->uris) < 0 ||
        READ_LIST(node, "task-specs", read_task, pod->tasks, pod->n_tasks) < 0 ||
        placement_from_json(&rule, &pod->placement) < 0 ||
        READ_LIST(node, "volumes", read_volume, pod->volumes, pod->n_volumes) < 0 ||
        read_pre_reserved_role(node, &pod->pre_reserved_role) < 0 ||
        READ_LIST(node, "secrets", read_secret, pod->secrets, pod->n_secrets) < 0 ||
        jget_bool_opt(node, "share-pid-namespace", &pod->share_pid_namespace) < 0 ||
        READ_LIST(node, "host-volumes", read_host_volume, pod->host_volumes, pod->n_host_volumes) <
            0 ||
        READ_LIST(node, "external-volumes", read_external_volume, pod->external_volumes,
                  pod->n_external_volumes) < 0 ||
        jget_bool_opt(node, "seccomp-unconfined", &pod->seccomp_unconfined) < 0 ||
        jget_string_opt(node, "seccomp-profile-name", &pod->seccomp_profile_name) < 0 ||
        jget_string_opt(node, "ipc-mode", &pod->ipc_mode) < 0)
        return -1;
    return jget_int_ptr(node, "shm-size", &pod->shm_size_mb);
}

/* ---- service ---- */

static int read_replacement_policy(const struct jnode *root, struct service_spec *spec)
{
    const struct jnode node = jnode_member(root, "replacement-failure-policy");
    /* Spelled as written by the SDKs, with the capital S of the newest one (11, item 15). */
    static const struct {
        const char *timeout, *delay;
        int64_t factor;
    } spellings[] = {
        {"permanent-failure-timeout-mins", "min-replace-delay-mins", 60},
        {"permanent-failure-timeout-secs", "min-replace-delay-secs", 1},
        {"permanent-failure-timeout-secs", "min-replace-delay-Secs", 1},
    };

    if (!node.value)
        return 0;
    if (jnode_object(&node) < 0)
        return -1;
    spec->has_replacement_policy = true;
    for (size_t i = 0; i < ARRAY_LEN(spellings); i++) {
        int64_t timeout = -1, delay = -1;
        if (jget_int_opt(&node, spellings[i].timeout, &timeout) < 0 ||
            jget_int_opt(&node, spellings[i].delay, &delay) < 0)
            return -1;
        if (timeout > INT64_MAX / 60 || delay > INT64_MAX / 60)
            return jnode_fail(&node, "the time is too long");
        if (timeout >= 0)
            spec->permanent_failure_timeout_s = timeout * spellings[i].factor;
        if (delay >= 0)
            spec->min_replace_delay_s = delay * spellings[i].factor;
    }
    return 0;
}

static int read_service(const struct jnode *root, struct service_spec *spec)
{
    spec->goal = GOAL_RUNNING;
    if (jnode_object(root) < 0 || jget_string(root, "name", &spec->name) < 0 ||
        jget_string_opt(root, "role", &spec->role) < 0 ||
        jget_string_opt(root, "principal", &spec->principal) < 0 ||
        jget_string_opt(root, "user", &spec->user) < 0 || read_goal(root, &spec->goal) < 0 ||
        jget_string_opt(root, "region", &spec->region) < 0 ||
        jget_string_opt(root, "web-url", &spec->web_url) < 0 ||
        jget_string_opt(root, "zookeeper", &spec->zookeeper) < 0 ||
        read_replacement_policy(root, spec) < 0 ||
        READ_LIST(root, "pod-specs", read_pod, spec->pods, spec->n_pods) < 0)
        return -1;
    if (blank_java(spec->zookeeper))
        spec->zookeeper = "master.mesos:2181";
    if (blank_java(spec->user))
        spec->user = spec->n_pods && spec->pods[0].user ? spec->pods[0].user : "root";
    return 0;
}

struct service_spec *spec_from_json(const json_t *json, struct err *err)
{
    struct service_spec *spec = xcalloc(1, sizeof *spec);
    const struct jnode root = jnode_root(json, &spec->arena, err);

    if (read_service(&root, spec) < 0) {
        service_spec_free(spec);
        return NULL;
    }
    return spec;
}
