/* Model -> Service Spec JSON, every member in the original's order (see service-spec 6.3). */
#include <inttypes.h>
#include <stdio.h>

#include "spec/emit.h"
#include "spec/specjson.h"

/* ---- resources ---- */

static void emit_scalar(struct emit *e, double value)
{
    emit_object(e, "value");
    emit_text(e, "type", "SCALAR");
    emit_object(e, "scalar");
    emit_real(e, "value", value);
    emit_end(e);
    emit_end(e);
}

static void emit_range(struct emit *e, int64_t begin, int64_t end)
{
    emit_object(e, NULL);
    emit_int(e, "begin", begin);
    emit_int(e, "end", end);
    emit_end(e);
}

static void emit_port(struct emit *e, int64_t port)
{
    emit_object(e, "value");
    emit_text(e, "type", "RANGES");
    emit_object(e, "ranges");
    emit_array(e, "range");
    emit_range(e, port, port);
    emit_end(e);
    emit_end(e);
    emit_end(e);
}

static void emit_reservation(struct emit *e, const char *role, const char *pre_reserved_role,
                             const char *principal)
{
    emit_text(e, "role", role);
    emit_text(e, "pre-reserved-role", pre_reserved_role);
    emit_text(e, "principal", principal);
}

static void emit_ranges(struct emit *e, const struct resource_spec *port)
{
    emit_array(e, "ranges");
    for (size_t i = 0; i < port->n_ranges; i++)
        emit_range(e, port->ranges[i].begin, port->ranges[i].end);
    emit_end(e);
}

static void emit_resource(struct emit *e, const struct resource_spec *resource)
{
    static const char *const tags[] = {
        [RESOURCE_SCALAR] = "DefaultResourceSpec",
        [RESOURCE_PORT] = "PortSpec",
        [RESOURCE_VIP_PORT] = "NamedVIPSpec",
    };
    const bool scalar = resource->kind == RESOURCE_SCALAR;

    emit_object(e, NULL);
    emit_text(e, "@type", tags[resource->kind]);
    if (scalar) {
        emit_text(e, "name", resource->name);
        emit_scalar(e, resource->scalar);
    } else {
        emit_port(e, resource->port);
    }
    emit_reservation(e, resource->role, resource->pre_reserved_role, resource->principal);
    if (!scalar) {
        emit_text(e, "env-key", resource->env_key);
        emit_text(e, "port-name", resource->port_name);
        emit_text(e, "visibility", resource->visibility);
        emit_strings(e, "network-names", &resource->network_names);
    }
    if (resource->kind == RESOURCE_PORT) {
        emit_ranges(e, resource);
        emit_text(e, "name", resource->name);
    } else if (resource->kind == RESOURCE_VIP_PORT) {
        emit_text(e, "protocol", resource->protocol);
        emit_text(e, "vip-name", resource->vip_name);
        emit_int(e, "vip-port", resource->vip_port);
        emit_text(e, "name", resource->name);
        emit_ranges(e, resource);
    }
    emit_end(e);
}

static void emit_volumes(struct emit *e, const char *key, const struct volume_spec *volumes,
                         size_t count)
{
    emit_array(e, key);
    for (size_t i = 0; i < count; i++) {
        const struct volume_spec *volume = &volumes[i];
        emit_object(e, NULL);
        emit_text(e, "@type", "DefaultVolumeSpec");
        emit_text(e, "type", volume->type);
        emit_text(e, "container-path", volume->container_path);
        emit_strings(e, "profiles", &volume->profiles);
        emit_text(e, "name", "disk");
        emit_scalar(e, volume->size_mb);
        emit_reservation(e, volume->role, volume->pre_reserved_role, volume->principal);
        emit_end(e);
    }
    emit_end(e);
}

static void emit_resource_set(struct emit *e, const struct resource_set *set)
{
    emit_object(e, "resource-set");
    emit_text(e, "id", set->id);
    emit_array(e, "resource-specifications");
    for (size_t i = 0; i < set->n_resources; i++)
        emit_resource(e, &set->resources[i]);
    emit_end(e);
    emit_volumes(e, "volume-specifications", set->volumes, set->n_volumes);
    emit_text(e, "role", set->role);
    emit_text(e, "principal", set->principal);
    if (set->has_limits) {
        emit_object(e, "resource-limits");
        emit_text(e, "cpus", set->limit_cpus);
        emit_text(e, "memory", set->limit_memory);
        emit_end(e);
    } else {
        emit_null(e, "resource-limits");
    }
    emit_end(e);
}

/* ---- tasks ---- */

static void emit_command(struct emit *e, const struct task_spec *task)
{
    if (!task->command) {
        emit_null(e, "command-spec");
        return;
    }
    emit_object(e, "command-spec");
    emit_text(e, "value", task->command);
    emit_pairs(e, "environment", &task->environment);
    emit_end(e);
}

static void emit_health_check(struct emit *e, const struct health_check *check)
{
    if (!check) {
        emit_null(e, "health-check-spec");
        return;
    }
    emit_object(e, "health-check-spec");
    emit_text(e, "command", check->command);
    emit_int(e, "max-consecutive-failures", check->max_consecutive_failures);
    emit_int(e, "delay", check->delay_s);
    emit_int(e, "interval", check->interval_s);
    emit_int(e, "timeout", check->timeout_s);
    emit_int(e, "grace-period", check->grace_period_s);
    emit_int(e, "gracePeriod", check->grace_period_s); /* SDK-COMPAT: twice */
    emit_end(e);
}

static void emit_readiness_check(struct emit *e, const struct readiness_check *check)
{
    if (!check) {
        emit_null(e, "readiness-check-spec");
        return;
    }
    emit_object(e, "readiness-check-spec");
    emit_text(e, "command", check->command);
    emit_int(e, "delay", check->delay_s);
    emit_int(e, "interval", check->interval_s);
    emit_int(e, "timeout", check->timeout_s);
    emit_end(e);
}

static void emit_config_files(struct emit *e, const struct task_spec *task)
{
    emit_array(e, "config-files");
    for (size_t i = 0; i < task->n_config_files; i++) {
        emit_object(e, NULL);
        emit_text(e, "name", task->config_files[i].name);
        emit_text(e, "relative-path", task->config_files[i].relative_path);
        emit_text(e, "template-content", task->config_files[i].template_content);
        emit_end(e);
    }
    emit_end(e);
}

static void emit_discovery(struct emit *e, const struct discovery_spec *discovery)
{
    if (!discovery) {
        emit_null(e, "discovery-spec");
        return;
    }
    emit_object(e, "discovery-spec");
    emit_text(e, "prefix", discovery->prefix);
    emit_text(e, "visibility", discovery->visibility);
    emit_end(e);
}

static void emit_transport_encryption(struct emit *e, const struct task_spec *task)
{
    emit_array(e, "transport-encryption");
    for (size_t i = 0; i < task->n_transport_encryption; i++) {
        emit_object(e, NULL);
        emit_text(e, "name", task->transport_encryption[i].name);
        emit_text(e, "type", task->transport_encryption[i].type);
        emit_end(e);
    }
    emit_end(e);
}

static void emit_task(struct emit *e, const struct task_spec *task)
{
    emit_object(e, NULL);
    emit_text(e, "name", task->name);
    emit_text(e, "goal", goal_name(task->goal));
    emit_bool(e, "essential", task->essential);
    emit_resource_set(e, task->resource_set);
    emit_command(e, task);
    emit_pairs(e, "task-labels", &task->labels);
    emit_health_check(e, task->health_check);
    emit_readiness_check(e, task->readiness_check);
    emit_config_files(e, task);
    emit_discovery(e, task->discovery);
    emit_int(e, "kill-grace-period", task->kill_grace_period_s);
    emit_transport_encryption(e, task);
    emit_text(e, "ipc-mode", task->ipc_mode);
    emit_int_or_null(e, "shm-size", task->shm_size_mb);
    emit_end(e);
}

/* ---- pods ---- */

static void emit_networks(struct emit *e, const struct pod_spec *pod)
{
    emit_array(e, "networks");
    for (size_t i = 0; i < pod->n_networks; i++) {
        const struct network_spec *network = &pod->networks[i];
        emit_object(e, NULL);
        emit_text(e, "network-name", network->name);
        emit_object(e, "port-mappings");
        for (size_t j = 0; j < network->n_port_mappings; j++) {
            char host_port[24];
            snprintf(host_port, sizeof host_port, "%" PRId64, network->port_mappings[j].host_port);
            emit_int(e, host_port, network->port_mappings[j].container_port);
        }
        emit_end(e);
        emit_pairs(e, "network-labels", &network->labels);
        emit_end(e);
    }
    emit_end(e);
}

static void emit_rlimits(struct emit *e, const struct pod_spec *pod)
{
    emit_array(e, "rlimits");
    for (size_t i = 0; i < pod->n_rlimits; i++) {
        emit_object(e, NULL);
        emit_text(e, "name", pod->rlimits[i].name);
        emit_int_or_null(e, "soft", pod->rlimits[i].soft);
        emit_int_or_null(e, "hard", pod->rlimits[i].hard);
        emit_end(e);
    }
    emit_end(e);
}

static void emit_secrets(struct emit *e, const struct pod_spec *pod)
{
    emit_array(e, "secrets");
    for (size_t i = 0; i < pod->n_secrets; i++) {
        emit_object(e, NULL);
        emit_text(e, "secret", pod->secrets[i].secret);
        emit_text(e, "env-key", pod->secrets[i].env_key);
        emit_text(e, "file", pod->secrets[i].file);
        emit_end(e);
    }
    emit_end(e);
}

static void emit_host_volumes(struct emit *e, const struct pod_spec *pod)
{
    emit_array(e, "host-volumes");
    for (size_t i = 0; i < pod->n_host_volumes; i++) {
        emit_object(e, NULL);
        emit_text(e, "host-path", pod->host_volumes[i].host_path);
        emit_text(e, "container-path", pod->host_volumes[i].container_path);
        emit_text(e, "mode", pod->host_volumes[i].mode);
        emit_end(e);
    }
    emit_end(e);
}

static void emit_external_volumes(struct emit *e, const struct pod_spec *pod)
{
    emit_array(e, "external-volumes");
    for (size_t i = 0; i < pod->n_external_volumes; i++) {
        const struct external_volume *volume = &pod->external_volumes[i];
        emit_object(e, NULL);
        emit_text(e, "container-path", volume->container_path);
        emit_text(e, "driver-name", volume->driver_name);
        emit_pairs(e, "driver-options", &volume->driver_options);
        emit_text(e, "volume-name", volume->volume_name);
        emit_text(e, "volume-mode", volume->volume_mode);
        emit_text(e, "type", volume->type);
        emit_end(e);
    }
    emit_end(e);
}

static void emit_pod(struct emit *e, const struct pod_spec *pod)
{
    emit_object(e, NULL);
    emit_text(e, "type", pod->type);
    emit_text(e, "user", pod->user);
    emit_int(e, "count", pod->count);
    emit_bool(e, "allow-decommission", pod->allow_decommission);
    emit_text(e, "image", pod->image);
    emit_networks(e, pod);
    emit_rlimits(e, pod);
    emit_strings(e, "uris", &pod->uris);
    emit_array(e, "task-specs");
    for (size_t i = 0; i < pod->n_tasks; i++)
        emit_task(e, &pod->tasks[i]);
    emit_end(e);
    emit_placement(e, "placement-rule", pod->placement);
    emit_volumes(e, "volumes", pod->volumes, pod->n_volumes);
    emit_text(e, "pre-reserved-role", pod->pre_reserved_role);
    emit_secrets(e, pod);
    emit_bool(e, "share-pid-namespace", pod->share_pid_namespace);
    emit_host_volumes(e, pod);
    emit_external_volumes(e, pod);
    emit_bool(e, "seccomp-unconfined", pod->seccomp_unconfined);
    emit_text(e, "seccomp-profile-name", pod->seccomp_profile_name);
    emit_text(e, "ipc-mode", pod->ipc_mode);
    emit_int_or_null(e, "shm-size", pod->shm_size_mb);
    emit_end(e);
}

/* ---- service ---- */

static void emit_replacement_policy(struct emit *e, const struct service_spec *spec)
{
    if (!spec->has_replacement_policy) {
        emit_null(e, "replacement-failure-policy");
        return;
    }
    emit_object(e, "replacement-failure-policy");
    emit_int(e, "permanent-failure-timeout-secs", spec->permanent_failure_timeout_s);
    emit_int(e, "min-replace-delay-Secs", spec->min_replace_delay_s);
    emit_end(e);
}

static void emit_service(struct emit *e, const struct service_spec *spec,
                         const struct plans_spec *plans)
{
    emit_object(e, NULL);
    emit_text(e, "name", spec->name);
    emit_text(e, "role", spec->role);
    emit_text(e, "principal", spec->principal);
    emit_text(e, "user", spec->user);
    emit_text(e, "goal", goal_name(spec->goal));
    emit_text(e, "region", spec->region);
    emit_text(e, "web-url", spec->web_url);
    emit_text(e, "zookeeper", spec->zookeeper);
    emit_replacement_policy(e, spec);
    emit_array(e, "pod-specs");
    for (size_t i = 0; i < spec->n_pods; i++)
        emit_pod(e, &spec->pods[i]);
    emit_end(e);
    if (plans)
        emit_plans(e, "plans", plans);
    emit_end(e);
}

json_t *spec_to_json(const struct service_spec *spec)
{
    struct emit e = {.text = NULL};

    emit_service(&e, spec, NULL);
    return e.root;
}

void spec_write(const struct service_spec *spec, struct buf *out)
{
    spec_write_with_plans(spec, NULL, out);
}

void spec_write_with_plans(const struct service_spec *spec, const struct plans_spec *plans,
                           struct buf *out)
{
    struct emit e = {.text = out};

    emit_service(&e, spec, plans);
}
