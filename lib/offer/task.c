#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "offer/launch.h"

/* ---- executor ---- */

ExecutorInfo *executor_new(const struct fit *fit)
{
    const struct offer_context *context = fit->need->context;
    struct arena *arena = fit->arena;
    ExecutorInfo *executor = PB_NEW(arena, ExecutorInfo, executor_info);
    executor->has_type = 1;
    executor->type = EXECUTOR_INFO__TYPE__DEFAULT;
    executor->executor_id = PB_NEW(arena, ExecutorID, executor_id);
    /* With the pod's type and no index (see offer-cycle 2.8). */
    executor->executor_id->value = make_task_id(arena, context->spec->name, fit->need->pod->type,
                                                new_uuid(arena, context->ids));
    executor->framework_id = PB_NEW(arena, FrameworkID, framework_id);
    executor->framework_id->value = (char *)fit->need->framework_id;
    executor->name = (char *)fit->need->pod->type;
    executor->labels = labels_set(arena, NULL, "DCOS_SPACE", context->settings->dcos_space);
    executor->container = container_of_executor(fit);
    return executor;
}

/* ---- command ---- */

static void add_uri(struct arena *arena, CommandInfo *command, const char *value)
{
    CommandInfo__URI *uri = PB_NEW(arena, CommandInfo__URI, command_info__uri);
    uri->value = (char *)value;
    PB_ADD(arena, command->n_uris, command->uris, uri);
}

static void add_template_uris(const struct fit *fit, const struct task_spec *task,
                              CommandInfo *command)
{
    const struct offer_need *need = fit->need;
    const struct offer_settings *settings = need->context->settings;
    struct arena *arena = fit->arena;
    const char *host = service_api_host(arena, need->context->spec->name, settings);
    for (size_t i = 0; i < task->n_config_files; i++) {
        const char *name = task->config_files[i].name;
        add_uri(arena, command,
                text_join(arena, "http://", host, *settings->api_port ? ":" : "",
                          settings->api_port, "/v1/artifacts/template/", need->config_id, "/",
                          need->pod->type, "/", task->name, "/", name));
        CommandInfo__URI *uri = command->uris[command->n_uris - 1];
        uri->output_file = text_join(arena, "config-templates/", name);
        uri->has_extract = 1;
        uri->extract = 0;
    }
}

static CommandInfo *command_new(const struct fit *fit, const struct task_spec *task, bool paused,
                                Environment *environment)
{
    if (!task->command)
        return NULL;
    const struct pod_spec *pod = fit->need->pod;
    const struct offer_settings *settings = fit->need->context->settings;
    CommandInfo *command = PB_NEW(fit->arena, CommandInfo, command_info);
    command->value = (char *)(paused ? settings->pause_command : task->command);
    command->environment = environment;
    if (paused && settings->bootstrap_uri) /* the pause command runs bootstrap */
        add_uri(fit->arena, command, settings->bootstrap_uri);
    for (size_t i = 0; i < pod->uris.count; i++)
        add_uri(fit->arena, command, pod->uris.items[i]);
    add_template_uris(fit, task, command);
    command->user = (char *)pod->user;
    return command;
}

/* ---- checks (see offer-cycle 5.7) ---- */

static CommandInfo *check_command(struct arena *arena, const char *value, Environment *environment)
{
    CommandInfo *command = PB_NEW(arena, CommandInfo, command_info);
    command->value = (char *)value;
    command->environment = environment;
    return command;
}

static HealthCheck *health_check_new(struct arena *arena, const struct health_check *from,
                                     Environment *environment)
{
    HealthCheck *check = PB_NEW(arena, HealthCheck, health_check);
    check->has_type = 1;
    check->type = HEALTH_CHECK__TYPE__COMMAND;
    check->command = check_command(arena, from->command, environment);
    check->has_delay_seconds = check->has_interval_seconds = check->has_timeout_seconds = 1;
    check->has_consecutive_failures = check->has_grace_period_seconds = 1;
    check->delay_seconds = (double)from->delay_s;
    check->interval_seconds = (double)from->interval_s;
    check->timeout_seconds = (double)from->timeout_s;
    check->consecutive_failures = (uint32_t)from->max_consecutive_failures;
    check->grace_period_seconds = (double)from->grace_period_s;
    return check;
}

static CheckInfo *check_new(struct arena *arena, const struct readiness_check *from,
                            Environment *environment)
{
    CheckInfo *check = PB_NEW(arena, CheckInfo, check_info);
    check->has_type = 1;
    check->type = CHECK_INFO__TYPE__COMMAND;
    check->command = PB_NEW(arena, CheckInfo__Command, check_info__command);
    check->command->command = check_command(arena, from->command, environment);
    check->has_delay_seconds = check->has_interval_seconds = check->has_timeout_seconds = 1;
    check->delay_seconds = (double)from->delay_s;
    check->interval_seconds = (double)from->interval_s;
    check->timeout_seconds = (double)from->timeout_s;
    return check;
}

/* A paused task never becomes ready. */
static const struct readiness_check paused_check = {"exit 1", 0, 5, 5};

static void set_checks(const struct fit *fit, TaskInfo *info, const struct task_spec *task,
                       bool paused, Environment *environment)
{
    if (task->health_check && !paused)
        info->health_check = health_check_new(fit->arena, task->health_check, environment);
    const struct readiness_check *check = paused ? &paused_check : task->readiness_check;
    if (check)
        info->check = check_new(fit->arena, check, environment);
}

/* ---- labels, discovery, limits ---- */

static Labels *labels_new(const struct fit *fit, const struct task_spec *task)
{
    const struct offer_need *need = fit->need;
    struct arena *arena = fit->arena;
    Labels *labels = NULL;
    for (size_t i = 0; i < task->labels.count; i++)
        labels = labels_set(arena, labels, task->labels.items[i].key, task->labels.items[i].value);
    labels = labels_set(arena, labels, "index", text_number(arena, need->requirement->pod_index));
    labels = labels_set(arena, labels, "offer_attributes", attributes_label(fit->offers[0], arena));
    labels = labels_set(arena, labels, "offer_hostname", fit->hostname);
    if (fit->region)
        labels = labels_set(arena, labels, "offer_region", fit->region);
    if (fit->zone)
        labels = labels_set(arena, labels, "offer_zone", fit->zone);
    labels = labels_set(arena, labels, "target_configuration", need->config_id);
    return labels_set(arena, labels, "task_type", need->pod->type);
}

static DiscoveryInfo__Visibility visibility_of(const char *text)
{
    if (text && strcmp(text, "EXTERNAL") == 0)
        return DISCOVERY_INFO__VISIBILITY__EXTERNAL;
    if (text && strcmp(text, "FRAMEWORK") == 0)
        return DISCOVERY_INFO__VISIBILITY__FRAMEWORK;
    return DISCOVERY_INFO__VISIBILITY__CLUSTER;
}

static bool has_network(const struct pod_spec *pod, const char *name)
{
    for (size_t i = 0; i < pod->n_networks; i++)
        if (strcmp(pod->networks[i].name, name) == 0)
            return true;
    return false;
}

/* SDK-COMPAT: the key is new at each launch, and only the first task of a set gets the labels. */
static Labels *vip_labels(const struct fit *fit, struct port_choice *port)
{
    const struct pod_spec *pod = fit->need->pod;
    struct arena *arena = fit->arena;
    if (port->spec->kind != RESOURCE_VIP_PORT || port->labelled)
        return NULL;
    port->labelled = true;
    Labels *labels = labels_set(
        arena, NULL, text_join(arena, "VIP_", new_uuid(arena, fit->need->context->ids)),
        text_join(arena, port->spec->vip_name, ":", text_number(arena, port->spec->vip_port)));
    if (pod->n_networks > 0)
        labels = labels_set(arena, labels, "network-scope",
                            has_network(pod, "mesos-bridge") ? "host" : "container");
    return labels;
}

static DiscoveryInfo *discovery_new(const struct fit *fit, const struct task_spec *task,
                                    struct set_fit *set, const char *instance)
{
    struct arena *arena = fit->arena;
    if (!task->discovery && set->n_ports == 0)
        return NULL;
    DiscoveryInfo *discovery = PB_NEW(arena, DiscoveryInfo, discovery_info);
    discovery->visibility = DISCOVERY_INFO__VISIBILITY__CLUSTER;
    if (!task->discovery) {
        discovery->name = (char *)instance;
    } else {
        discovery->visibility = visibility_of(task->discovery->visibility);
        if (task->discovery->prefix)
            discovery->name = arena_printf(arena, "%s-%d", task->discovery->prefix,
                                           fit->need->requirement->pod_index);
    }
    for (size_t i = 0; i < set->n_ports; i++) {
        const struct resource_spec *spec = set->ports[i].spec;
        if (!discovery->ports)
            discovery->ports = PB_NEW(arena, Ports, ports);
        Port *port = PB_NEW(arena, Port, port);
        port->number = (uint32_t)set->ports[i].number;
        port->name = (char *)spec->port_name;
        port->protocol = (char *)(spec->protocol ? spec->protocol : "tcp");
        port->has_visibility = 1;
        port->visibility = visibility_of(spec->visibility);
        port->labels = vip_labels(fit, &set->ports[i]);
        PB_ADD(arena, discovery->ports->n_ports, discovery->ports->ports, port);
    }
    return discovery;
}

static void add_limit(struct arena *arena, TaskInfo *info, const char *name, const char *text)
{
    if (!text || !*text)
        return;
    TaskInfo__LimitsEntry *entry = PB_NEW(arena, TaskInfo__LimitsEntry, task_info__limits_entry);
    entry->key = (char *)name;
    entry->value = PB_NEW(arena, Value__Scalar, value__scalar);
    entry->value->value = strcmp(text, "unlimited") == 0 ? (double)INFINITY : strtod(text, NULL);
    PB_ADD(arena, info->n_limits, info->limits, entry);
}

/* ---- task ---- */

static bool is_paused(const struct fit *fit, const struct task_spec *task)
{
    const struct stored_task *stored = need_stored(fit->need, task->name);
    return stored && stored->task->override == OVERRIDE_PAUSED;
}

TaskInfo *task_new(const struct fit *fit, const struct task_spec *task, struct set_fit *set,
                   const char *task_id)
{
    struct arena *arena = fit->arena;
    bool paused = is_paused(fit, task);
    TaskInfo *info = PB_NEW(arena, TaskInfo, task_info);
    info->name = text_join(arena, fit->need->instance, "-", task->name);
    info->task_id = PB_NEW(arena, TaskID, task_id);
    info->task_id->value = (char *)task_id;
    info->agent_id = PB_NEW(arena, AgentID, agent_id);
    info->agent_id->value = fit->agent_id;
    info->resources = set->resources;
    info->n_resources = set->n_resources;

    struct task_environments environments = environments_new(fit, task, set);
    info->command = command_new(fit, task, paused, environments.command);
    info->container = container_of_task(fit, task);
    set_checks(fit, info, task, paused, environments.checks);
    info->kill_policy = PB_NEW(arena, KillPolicy, kill_policy);
    info->kill_policy->grace_period = PB_NEW(arena, DurationInfo, duration_info);
    info->kill_policy->grace_period->nanoseconds =
        task->kill_grace_period_s > 0 ? task->kill_grace_period_s * INT64_C(1000000000) : 0;
    info->labels = labels_new(fit, task);
    info->discovery = discovery_new(fit, task, set, info->name);
    add_limit(arena, info, "cpus", task->resource_set->limit_cpus);
    add_limit(arena, info, "mem", task->resource_set->limit_memory);
    return info;
}
