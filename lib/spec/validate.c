/* Validators of a candidate configuration (see service-spec 8; the numbers are those of its table).
 * All run always; errors come in their order. Texts are the original's. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "spec/specjson.h"
#include "spec/validate.h"

void validation_free(struct validation *validation)
{
    arena_free(&validation->arena);
    validation->errors = NULL;
    validation->n_errors = 0;
}

void validation_error_text(const struct validation_error *error, struct buf *out)
{
    buf_addf(out, "Field: '%s'; ", error->field);
    if (error->old_value)
        buf_addf(out, "Transition: '%s' => '%s'; ", error->old_value, error->new_value);
    else
        buf_addf(out, "Value: '%s'; ", error->new_value);
    buf_addf(out, "Message: '%s'; Fatal: %s", error->message, error->fatal ? "true" : "false");
}

struct check {
    const struct service_spec *old; /* or NULL */
    const struct service_spec *new;
    bool deployed;
    const struct cluster_caps *caps; /* or NULL: everything is supported */
    struct validation *ret;
};

static void add(struct check *c, bool fatal, const char *field, const char *old_value,
                const char *new_value, const char *message)
{
    struct arena *arena = &c->ret->arena;

    *ARENA_PUSH(arena, c->ret->errors, c->ret->n_errors) = (struct validation_error){
        .field = arena_strdup(arena, field),
        .old_value = old_value ? arena_strdup(arena, old_value) : NULL,
        .new_value = arena_strdup(arena, new_value ? new_value : "null"),
        .message = message,
        .fatal = fatal,
    };
}

#define TEXT(c, ...) arena_printf(&(c)->ret->arena, __VA_ARGS__)

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static const struct pod_spec *old_pod(const struct check *c, const char *type)
{
    return c->old ? spec_find_pod(c->old, type) : NULL;
}

/* 1 */
static void service_name(struct check *c)
{
    if (strstr(c->new->name, "__"))
        add(c, false, "ServiceName", NULL, c->new->name,
            TEXT(c, "Service name may not contain double underscores: %s", c->new->name));
}

/* 2 */
static void pods_cannot_shrink(struct check *c)
{
    for (size_t i = 0; c->old && i < c->old->n_pods; i++) {
        const struct pod_spec *old = &c->old->pods[i], *new = spec_find_pod(c->new, old->type);
        const char *field = TEXT(c, "PodSpec[name:%s]", old->type);
        const char *count = TEXT(c, "%lld", (long long)old->count);
        if (!new && !old->allow_decommission)
            add(c, false, field, count, "null",
                TEXT(c,
                     "New config is missing PodSpec named '%s' (expected present with >= %s "
                     "tasks)",
                     old->type, count));
        else if (new &&new->count < old->count && !new->allow_decommission)
            add(c, false, field, count, TEXT(c, "%lld", (long long)new->count),
                TEXT(c, "New config's PodSpec named '%s' has %lld tasks, expected >=%s tasks",
                     old->type, (long long)new->count, count));
    }
}

/* 3 and 12 */
static void feature(struct check *c, bool wanted, bool supported, const char *field,
                    const char *value, const char *what)
{
    if (wanted && !supported)
        add(c, false, field, NULL, value, TEXT(c, "This DC/OS cluster does not support %s", what));
}

static void pod_features(struct check *c, const struct pod_spec *pod)
{
    const char *field = TEXT(c, "pod:%s", pod->type);
    bool gpus = false, ports = false, mappings = false, env_secret = false, file_secret = false;
    bool profiles = false;

    for (size_t t = 0; t < pod->n_tasks; t++) {
        const struct resource_set *set = pod->tasks[t].resource_set;
        for (size_t r = 0; set && r < set->n_resources; r++) {
            gpus = gpus ||
                   (strcmp(set->resources[r].name, "gpus") == 0 && set->resources[r].scalar >= 1);
            ports = ports || set->resources[r].kind != RESOURCE_SCALAR;
        }
    }
    for (size_t n = 0; n < pod->n_networks; n++)
        mappings = mappings || pod->networks[n].n_port_mappings > 0;
    for (size_t s = 0; s < pod->n_secrets; s++) {
        env_secret = env_secret || pod->secrets[s].env_key;
        file_secret = file_secret || pod->secrets[s].file || !pod->secrets[s].env_key;
    }
    for (size_t v = 0; v < pod->n_volumes; v++)
        profiles = profiles || pod->volumes[v].profiles.count > 0;

    feature(c, gpus, c->caps->gpus, field, "gpus", "GPU resources");
    feature(c, pod->pre_reserved_role && strcmp(pod->pre_reserved_role, "*") != 0,
            c->caps->pre_reserved_roles, field, "pre-reserved-role",
            "consuming pre-reserved resources.");
    feature(c, pod->n_rlimits > 0, c->caps->rlimits, field, "rlimits", "setting rlimits");
    feature(c, pod->n_networks > 0 && (mappings || ports), c->caps->cni_port_mapping, field,
            "network", "CNI port mapping");
    feature(c, env_secret, c->caps->env_secrets, field, "secrets:env", "environment-based secrets");
    feature(c, file_secret, c->caps->file_secrets, field, "secrets:file", "file-based secrets");
    feature(c, profiles, c->caps->volume_profiles, field, "volumes", "profile mount volumes");
    feature(c, pod->ipc_mode || pod->shm_size_mb, c->caps->shared_memory, field, "shm",
            "shared memory");
}

static void features(struct check *c)
{
    for (size_t i = 0; c->caps && i < c->new->n_pods; i++)
        pod_features(c, &c->new->pods[i]);
}

static void task_features(struct check *c)
{
    for (size_t i = 0; c->caps && i < c->new->n_pods; i++)
        for (size_t t = 0; t < c->new->pods[i].n_tasks; t++) {
            const struct task_spec *task = &c->new->pods[i].tasks[t];
            feature(c, task->ipc_mode || task->shm_size_mb, c->caps->shared_memory,
                    TEXT(c, "task:%s", task->name), "shm", "shared memory");
        }
}

/* 4 */
static bool maps_ports(const struct network_spec *network)
{
    return strcmp(network->name, "mesos-bridge") == 0;
}

/* Ports of the host are in use without a network, and where one of several maps to them. */
static bool uses_host_ports(const struct pod_spec *pod)
{
    for (size_t i = 0; i < pod->n_networks; i++)
        if (maps_ports(&pod->networks[i]))
            return true;
    return pod->n_networks == 0;
}

static const char *network_list(struct check *c, const struct pod_spec *pod)
{
    const char *list = "";
    for (size_t i = 0; i < pod->n_networks; i++)
        list = TEXT(c, "%s%s%s", list, i ? ", " : "", pod->networks[i].name);
    return TEXT(c, "[%s]", list);
}

static void network_regime(struct check *c)
{
    for (size_t i = 0; c->old && i < c->new->n_pods; i++) {
        const struct pod_spec *new = &c->new->pods[i], *old = old_pod(c, new->type);
        const char *field = TEXT(c, "PodSpec[name:%s]", new->type), *unmapped = "";
        for (size_t n = 0; n < new->n_networks; n++)
            if (new->networks[n].n_port_mappings > 0 && !maps_ports(&new->networks[n]))
                unmapped =
                    TEXT(c, "%s%s%s", unmapped, *unmapped ? ", " : "", new->networks[n].name);
        if (*unmapped)
            add(c, false, field, "null", network_list(c, new),
                TEXT(c,
                     "New config has pod %s that indicates port mapping for virtual network(s) %s, "
                     "that do not support port mapping.",
                     new->type, unmapped));
        if (old && uses_host_ports(old) != uses_host_ports(new))
            add(c, false, field, network_list(c, old), network_list(c, new),
                TEXT(c,
                     "New config has pod %s moving networks from %s to %s, changing its host ports "
                     "requirements from %s to %s, not allowed.",
                     new->type, network_list(c, old), network_list(c, new),
                     uses_host_ports(old) ? "true" : "false",
                     uses_host_ports(new) ? "true" : "false"));
    }
}

/* 5 */
static void pre_reservation(struct check *c)
{
    for (size_t i = 0; i < c->new->n_pods; i++) {
        const struct pod_spec *new = &c->new->pods[i], *old = old_pod(c, new->type);
        const char *was = old && old->pre_reserved_role ? old->pre_reserved_role : "*";
        const char *is = new->pre_reserved_role ? new->pre_reserved_role : "*";
        if (old && strcmp(was, is) != 0)
            add(c, false, TEXT(c, "PodSpec[pre-reserved-role:%s]", was), was, is,
                TEXT(c,
                     "New config has changed the pre-reserved-role of PodSpec named '%s' (expected "
                     "it to stay '%s')",
                     new->type, was));
    }
}

/* 6 */
static const char *user_or_root(const char *user)
{
    return user && *user ? user : "root";
}

static void users(struct check *c)
{
    if (!c->old)
        return;
    const char *was = user_or_root(c->old->user), *is = user_or_root(c->new->user);
    if (strcmp(was, is) != 0)
        add(c, true, "user", was, is,
            TEXT(c,
                 "INVALID CONFIGURATION UPDATE. Cannot change user of deployed service from '%s' "
                 "to '%s'.\nRevert to previous user '%s' to proceed. Current set of configuration "
                 "updates will NOT be applied.",
                 was, is, was));
    for (size_t i = 0; i < c->new->n_pods; i++) {
        const struct pod_spec *new = &c->new->pods[i], *old = old_pod(c, new->type);
        was = user_or_root(old ? old->user : NULL);
        is = user_or_root(new->user);
        if (old && strcmp(was, is) != 0)
            add(c, true, "user", was, is,
                TEXT(c,
                     "INVALID CONFIGURATION UPDATE. Cannot change existing pod type user from '%s' "
                     "to '%s'.\nPod type user must remain the same across deployments. Revert to "
                     "previous user '%s' to proceed. Current set of configuration updates will NOT "
                     "be applied.",
                     was, is, was));
    }
}

/* 8, 9 and the zone part of 15 */
static bool refers_to(const struct placement_rule *rule, bool zone)
{
    if (!rule)
        return false;
    switch (rule->type) {
    case RULE_ZONE:
    case RULE_MAX_PER_ZONE:
    case RULE_ROUND_ROBIN_ZONE:
        return zone;
    case RULE_REGION:
    case RULE_MAX_PER_REGION:
    case RULE_ROUND_ROBIN_REGION:
    case RULE_IS_LOCAL_REGION:
        return !zone;
    default:
        break;
    }
    for (size_t i = 0; i < rule->n_rules; i++)
        if (refers_to(rule->rules[i], zone))
            return true;
    return false;
}

static bool has_invalid(const struct placement_rule *rule)
{
    if (!rule)
        return false;
    if (rule->type == RULE_INVALID)
        return true;
    for (size_t i = 0; i < rule->n_rules; i++)
        if (has_invalid(rule->rules[i]))
            return true;
    return false;
}

static const char *rule_text(struct check *c, const struct placement_rule *rule)
{
    auto_buf struct buf text = BUF_INIT;

    if (!rule)
        return "null";
    json_auto json_t *json = placement_to_json(rule);
    json_write(&text, json, JSON_LAYOUT_COMPACT);
    return arena_strdup(&c->ret->arena, buf_str(&text));
}

static void domains(struct check *c)
{
    for (size_t i = 0; c->caps && !c->caps->fault_domains && i < c->new->n_pods; i++) {
        const struct pod_spec *pod = &c->new->pods[i];
        for (int zone = 1; zone >= 0; zone--)
            if (refers_to(pod->placement, zone))
                add(c, false, "PlacementRule", NULL, rule_text(c, pod->placement),
                    TEXT(c,
                         "The PlacementRule for PodSpec '%s' may not reference %s prior to DC/OS "
                         "1.11.",
                         pod->type, zone ? "Zones" : "Regions"));
    }
}

static void placement_valid(struct check *c)
{
    for (size_t i = 0; i < c->new->n_pods; i++)
        if (has_invalid(c->new->pods[i].placement))
            add(c, false, "PlacementRule", NULL, rule_text(c, c->new->pods[i].placement),
                TEXT(c, "The PlacementRule for PodSpec '%s' had invalid constraints",
                     c->new->pods[i].type));
}

/* 15: whether nodes know their rack from the zone may not change under them. */
static void zone_reference(struct check *c)
{
    for (size_t i = 0; c->old && i < c->new->n_pods; i++) {
        const struct pod_spec *new = &c->new->pods[i], *old = old_pod(c, new->type);
        if (!old || strcmp(new->type, "dse") != 0 ||
            refers_to(old->placement, true) == refers_to(new->placement, true))
            continue;
        const char *was = rule_text(c, old->placement), *is = rule_text(c, new->placement);
        add(c, false, TEXT(c, "%s.PlacementRule", new->type), was, is,
            TEXT(c, "PlacementRule cannot change from %s to %s", was, is));
    }
}

/* 10 */
static void region(struct check *c)
{
    if (!c->old || same_text(c->old->region, c->new->region))
        return;
    add(c, false, "region",
        c->old->region ? TEXT(c, "Optional[%s]", c->old->region) : "Optional.empty",
        c->new->region ? TEXT(c, "Optional[%s]", c->new->region) : "Optional.empty",
        "Region for old service must remain the same across deployments.");
}

/* 11 */
static void dns_name(struct check *c)
{
    size_t len = 0;

    for (const char *p = c->new->name; *p; p++)
        len += *p != '/';
    if (!c->old && len > 63)
        add(c, false, "service.name", NULL, c->new->name,
            "Service name (without slashes) exceeds 63 characters. In order for service DNS to "
            "work correctly, the service name (without slashes) must not exceed 63 characters");
}

/* 13 */
/* At most three decimals, as Java's DecimalFormat("#.###"). */
static const char *decimal(struct check *c, double value)
{
    char *text = TEXT(c, "%.3f", value);
    size_t len = strlen(text);

    while (text[len - 1] == '0')
        text[--len] = '\0';
    if (text[len - 1] == '.')
        text[--len] = '\0';
    return text;
}

static void limit(struct check *c, const struct task_spec *task, const char *resource,
                  const char *text)
{
    char *end;
    const double value = text ? strtod(text, &end) : 0;

    if (!text || strcmp(text, "unlimited") == 0 || *end)
        return;
    for (size_t i = 0; i < task->resource_set->n_resources; i++) {
        const struct resource_spec *r = &task->resource_set->resources[i];
        if (strcmp(r->name, resource) == 0 && value < r->scalar)
            add(c, false, "ResourceLimits", NULL, text,
                TEXT(c,
                     "The %s resource-limits for task '%s', %s, is less than the requested amount, "
                     "%s",
                     resource, task->name, decimal(c, value), decimal(c, r->scalar)));
    }
}

static void limits(struct check *c)
{
    for (size_t i = 0; i < c->new->n_pods; i++)
        for (size_t t = 0; t < c->new->pods[i].n_tasks; t++) {
            const struct task_spec *task = &c->new->pods[i].tasks[t];
            if (!task->resource_set || !task->resource_set->has_limits)
                continue;
            limit(c, task, "cpus", task->resource_set->limit_cpus);
            limit(c, task, "mem", task->resource_set->limit_memory);
        }
}

/* 14 */
static bool same_volume(const struct volume_spec *a, const struct volume_spec *b)
{
    if (!same_text(a->type, b->type) || !same_text(a->container_path, b->container_path) ||
        !same_text(a->role, b->role) || !same_text(a->principal, b->principal) ||
        !same_text(a->pre_reserved_role, b->pre_reserved_role) ||
        fabs(a->size_mb - b->size_mb) >= 0.0005 || a->profiles.count != b->profiles.count)
        return false;
    for (size_t i = 0; i < a->profiles.count; i++)
        if (strcmp(a->profiles.items[i], b->profiles.items[i]) != 0)
            return false;
    return true;
}

/* As multisets. Paths are unique in a set, so that each finds at most one partner. */
static bool same_volumes(const struct resource_set *a, const struct resource_set *b)
{
    if (a->n_volumes != b->n_volumes)
        return false;
    for (size_t i = 0; i < a->n_volumes; i++) {
        size_t in_a = 0, in_b = 0;
        for (size_t j = 0; j < b->n_volumes; j++) {
            in_a += same_volume(&a->volumes[i], &a->volumes[j]);
            in_b += same_volume(&a->volumes[i], &b->volumes[j]);
        }
        if (in_a != in_b)
            return false;
    }
    return true;
}

static const char *volume_list(struct check *c, const struct resource_set *set)
{
    const char *list = "";
    for (size_t i = 0; i < set->n_volumes; i++)
        list = TEXT(c, "%s%s%s %s %g MB", list, i ? ", " : "", set->volumes[i].type,
                    set->volumes[i].container_path, set->volumes[i].size_mb);
    return TEXT(c, "[%s]", list);
}

static void task_volumes(struct check *c)
{
    for (size_t i = 0; c->old && i < c->new->n_pods; i++) {
        const struct pod_spec *new = &c->new->pods[i], *old = old_pod(c, new->type);
        for (size_t t = 0; old && t < new->n_tasks; t++) {
            const struct task_spec *now = &new->tasks[t], *was = pod_find_task(old, now->name);
            if (was && !same_volumes(was->resource_set, now->resource_set))
                add(c, false, TEXT(c, "TaskVolumes[taskname:%s]", now->name),
                    volume_list(c, was->resource_set), volume_list(c, now->resource_set),
                    "Volumes must be equal.");
        }
    }
}

static void role_dependent(struct check *c)
{
    if (!c->old || same_text(c->old->role, c->new->role))
        task_volumes(c);
    else if (!c->deployed)
        add(c, true, "role", c->old->role, c->new->role,
            /* SDK-COMPAT: a format that is never formatted */
            "Detected service role change on an incomplete previous deployment!%n"
            "Scheduler will not continue with deployment!%n"
            "Resolve previous deployment issues before issuing role change.%n"
            "Downgrade the service to the previous version if the issue persists.%n");
}

void spec_validate(const struct service_spec *old, const struct service_spec *candidate,
                   bool deployed, const struct cluster_caps *caps, struct validation *ret)
{
    static void (*const validators[])(struct check *) = {
        service_name,   pods_cannot_shrink, features, network_regime, pre_reservation, users,
        domains,        placement_valid,    region,   dns_name,       task_features,   limits,
        role_dependent, zone_reference,
    };
    struct check check = {old, candidate, deployed, caps, ret};

    for (size_t i = 0; i < sizeof validators / sizeof *validators; i++)
        validators[i](&check);
}
