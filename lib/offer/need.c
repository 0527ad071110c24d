#include "offer/need.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

/* ---- small questions ---- */

bool is_port(const struct resource_spec *resource)
{
    return resource->kind != RESOURCE_SCALAR;
}

bool port_is_hosts(const struct resource_spec *port)
{
    for (size_t i = 0; i < port->network_names.count; i++)
        if (strcmp(port->network_names.items[i], "mesos-bridge") == 0)
            return true;
    return port->network_names.count == 0;
}

size_t need_set_of(const struct offer_need *need, const struct task_spec *task)
{
    for (size_t i = 0; i < need->n_sets; i++)
        if (strcmp(need->sets[i].set->id, task->resource_set->id) == 0)
            return i;
    return 0; /* every task's set is listed */
}

bool need_launches(const struct offer_need *need, const struct task_spec *task)
{
    for (size_t i = 0; i < need->requirement->tasks.count; i++)
        if (strcmp(need->requirement->tasks.items[i], task->name) == 0)
            return true;
    return false;
}

struct stored_task *need_stored(const struct offer_need *need, const char *spec_name)
{
    for (size_t i = 0; i < need->n_stored; i++)
        if (strcmp(need->stored[i].task->spec_name, spec_name) == 0)
            return &need->stored[i];
    return NULL;
}

static bool is_listed(const struct strings *ids, const char *id)
{
    for (size_t i = 0; ids && id && i < ids->count; i++)
        if (strcmp(ids->items[i], id) == 0)
            return true;
    return false;
}

bool need_may_reserve_again(const struct offer_need *need, const char *id)
{
    return is_listed(need->context->rereserve, id);
}

static bool has_reservations(const TaskInfo *info)
{
    for (size_t i = 0; i < info->n_resources; i++) {
        const char *id = resource_id(info->resources[i]);
        if (id && *id)
            return true;
    }
    return false;
}

int64_t need_prior_port(const struct offer_need *need, const struct resource_set *set,
                        const char *port_name)
{
    for (size_t i = 0; i < need->n_tasks; i++) {
        if (strcmp(need->tasks[i]->resource_set->id, set->id) != 0)
            continue;
        const struct stored_task *stored = need_stored(need, need->tasks[i]->name);
        if (!stored || stored->task->permanently_failed || !stored->info->discovery ||
            !stored->info->discovery->ports)
            continue;
        const Ports *ports = stored->info->discovery->ports;
        for (size_t j = 0; j < ports->n_ports; j++)
            if (ports->ports[j]->name && strcmp(ports->ports[j]->name, port_name) == 0)
                return (int64_t)ports->ports[j]->number;
    }
    return 0;
}

static const char *text_or(const char *text, const char *fallback)
{
    return text && *text ? text : fallback;
}

/* ---- the pod's tasks and sets ---- */

static int by_name(const void *a, const void *b)
{
    const struct task_spec *const *x = a, *const *y = b;
    return strcmp((*x)->name, (*y)->name);
}

static void list_tasks(struct offer_need *need)
{
    struct arena *arena = need->context->arena;
    need->n_tasks = need->pod->n_tasks;
    need->tasks = ARENA_ARRAY(arena, need->n_tasks + 1, const struct task_spec *);
    for (size_t i = 0; i < need->n_tasks; i++)
        need->tasks[i] = &need->pod->tasks[i];
    qsort(need->tasks, need->n_tasks, sizeof *need->tasks, by_name);

    need->sets = ARENA_ARRAY(arena, need->n_tasks + 1, struct set_need);
    for (size_t i = 0; i < need->n_tasks; i++) {
        const struct task_spec *task = need->tasks[i];
        size_t at = 0;
        while (at < need->n_sets && strcmp(need->sets[at].set->id, task->resource_set->id) != 0)
            at++;
        if (at == need->n_sets)
            need->sets[need->n_sets++].set = task->resource_set;
        need->sets[at].wanted |= need_launches(need, task);
    }
}

/* Static ports, dynamic ports, the rest (see offer-cycle 2.5). */
static void order_resources(struct arena *arena, const struct resource_set *set,
                            const struct resource_spec ***ret, size_t *ret_count)
{
    *ret = ARENA_ARRAY(arena, set->n_resources + 1, const struct resource_spec *);
    *ret_count = 0;
    for (int round = 0; round < 3; round++)
        for (size_t i = 0; i < set->n_resources; i++) {
            const struct resource_spec *spec = &set->resources[i];
            int when = !is_port(spec) ? 2 : spec->port == 0 ? 1 : 0;
            if (when == round)
                (*ret)[(*ret_count)++] = spec;
        }
}

static void all_new(struct offer_need *need, struct set_need *set)
{
    struct arena *arena = need->context->arena;
    order_resources(arena, set->set, &set->resources, &set->n_resources);
    set->volumes = ARENA_ARRAY(arena, set->set->n_volumes + 1, const struct volume_spec *);
    for (size_t i = 0; i < set->set->n_volumes; i++)
        set->volumes[set->n_volumes++] = &set->set->volumes[i];
}

/* ---- matching what is stored ---- */

static const struct volume_spec *volume_at(const struct resource_set *set, const Resource *stored)
{
    const char *path = stored->disk->volume ? stored->disk->volume->container_path : NULL;
    for (size_t i = 0; path && i < set->n_volumes; i++)
        if (strcmp(set->volumes[i].container_path, path) == 0)
            return &set->volumes[i];
    return NULL;
}

static const struct resource_spec *
resource_at(const struct offer_need *need, const struct resource_set *set, const Resource *stored)
{
    bool ports = strcmp(stored->name, "ports") == 0;
    int64_t number = ports ? resource_port(stored) : -1;
    for (size_t i = 0; i < set->n_resources; i++) {
        const struct resource_spec *spec = &set->resources[i];
        if (!ports && !is_port(spec) && strcmp(spec->name, stored->name) == 0)
            return spec;
        if (!ports || !is_port(spec) || number < 0 || !port_is_hosts(spec))
            continue;
        if (spec->port == number ||
            (spec->port == 0 && need_prior_port(need, set, spec->port_name) == number))
            return spec;
    }
    return NULL;
}

static bool is_matched(const struct set_need *set, const void *spec)
{
    for (size_t i = 0; i < set->n_matches; i++)
        if (set->matches[i].resource == spec || set->matches[i].volume == spec)
            return true;
    return false;
}

static void match_stored(struct offer_need *need, struct set_need *set, Resource *const *stored,
                         size_t n_stored)
{
    struct arena *arena = need->context->arena;
    set->stored = true;
    set->matches = ARENA_ARRAY(arena, n_stored + 1, struct match);
    for (size_t i = 0; i < n_stored; i++) {
        struct match *match = &set->matches[set->n_matches];
        const char *id = resource_id(stored[i]);
        *match = (struct match){MATCH_ORPHAN, stored[i], id && *id ? id : NULL, NULL, NULL};
        const struct resource_spec *resource = NULL;
        if (match->id && resource_is_volume(stored[i])) {
            match->kind = MATCH_VOLUME;
            match->volume = volume_at(set->set, stored[i]);
            if (match->volume && is_matched(set, match->volume))
                match->volume = NULL;
        } else if (match->id && (resource = resource_at(need, set->set, stored[i])) &&
                   !is_matched(set, resource)) {
            match->kind = is_port(resource) ? MATCH_PORT : MATCH_SCALAR;
            match->resource = resource;
        }
        set->n_matches++;
    }
    set->resources = ARENA_ARRAY(arena, set->set->n_resources + 1, const struct resource_spec *);
    for (size_t i = 0; i < set->set->n_resources; i++)
        if (!is_matched(set, &set->set->resources[i]))
            set->resources[set->n_resources++] = &set->set->resources[i];
    set->volumes = ARENA_ARRAY(arena, set->set->n_volumes + 1, const struct volume_spec *);
    for (size_t i = 0; i < set->set->n_volumes; i++)
        if (!is_matched(set, &set->set->volumes[i]))
            set->volumes[set->n_volumes++] = &set->set->volumes[i];
}

/* Any stored task of the set tells what was reserved for it; one that holds something is best. */
static const TaskInfo *stored_of_set(const struct offer_need *need, const struct resource_set *set)
{
    const TaskInfo *found = NULL;
    for (size_t i = 0; i < need->n_tasks; i++) {
        const struct stored_task *stored = need_stored(need, need->tasks[i]->name);
        if (!stored || strcmp(need->tasks[i]->resource_set->id, set->id) != 0 ||
            stored->task->permanently_failed)
            continue;
        if (!found || (!has_reservations(found) && has_reservations(stored->info)))
            found = stored->info;
    }
    return found;
}

/* ---- executor ---- */

static void describe_executor(struct offer_need *need)
{
    const struct offer_context *context = need->context;
    const struct offer_settings *settings = context->settings;
    const struct resource_spec **ordered;
    size_t n_ordered;
    order_resources(context->arena, need->tasks[0]->resource_set, &ordered, &n_ordered);
    const struct {
        const char *name;
        double amount;
    } overhead[] = {{"cpus", settings->executor_cpus},
                    {"disk", settings->executor_disk_mb},
                    {"mem", settings->executor_mem_mb}};
    struct resource_spec *specs =
        ARENA_ARRAY(context->arena, ARRAY_LEN(overhead), struct resource_spec);
    size_t n_specs = 0;
    for (size_t i = 0; i < ARRAY_LEN(overhead); i++) {
        if (milli_from(overhead[i].amount) == 0)
            continue;
        specs[n_specs++] =
            (struct resource_spec){.kind = RESOURCE_SCALAR,
                                   .name = overhead[i].name,
                                   .scalar = overhead[i].amount,
                                   .role = ordered[0]->role,
                                   .pre_reserved_role = ordered[0]->pre_reserved_role,
                                   .principal = ordered[0]->principal};
    }
    need->executor_set = (struct resource_set){.id = "executor",
                                               .resources = specs,
                                               .n_resources = n_specs,
                                               .volumes = need->pod->volumes,
                                               .n_volumes = need->pod->n_volumes};
    need->executor.set = &need->executor_set;
}

/* An executor lives while a task that is not launched now is staging or running in it, and is not
 * being killed (see offer-cycle 2.8). */
static const TaskInfo *task_alive(const struct offer_need *need)
{
    for (size_t i = 0; i < need->n_stored; i++) {
        const struct task *task = need->stored[i].task;
        const struct task_spec *spec = pod_find_task(need->pod, task->spec_name);
        if (task->permanently_failed || (spec && need_launches(need, spec)) || !task->status_id ||
            !need->stored[i].info->executor || is_listed(need->context->dying, task->status_id))
            continue;
        if (task->status_state == TASK_STATE__TASK_STAGING ||
            task->status_state == TASK_STATE__TASK_STARTING ||
            task->status_state == TASK_STATE__TASK_RUNNING)
            return need->stored[i].info;
    }
    return NULL;
}

/* All tasks of one executor must agree on share_cgroups (see offer-cycle 10.10), so those of a
 * running one get what its tasks were launched with: before SDK 0.58, or by a master that did not
 * know the field, that was nothing. */
static bool has_own_cgroups(const struct offer_need *need, const TaskInfo *alive)
{
    if (!alive)
        return need->context->settings->share_cgroups_false;
    const LinuxInfo *info = alive->container ? alive->container->linux_info : NULL;
    return info && info->has_share_cgroups && !info->share_cgroups;
}

/* The copy of the task last launched would be best; copies differ only after changes of the
 * overhead, and amounts are read from the offer anyway. */
static const ExecutorInfo *stored_executor(const struct offer_need *need)
{
    const ExecutorInfo *found = NULL;
    for (size_t i = 0; i < need->n_stored; i++) {
        const ExecutorInfo *executor = need->stored[i].info->executor;
        if (executor && !need->stored[i].task->permanently_failed &&
            (!found || found->n_resources < executor->n_resources))
            found = executor;
    }
    return found;
}

/* ---- what tells offers apart ---- */

static void need_amount(struct offer_need *need, const char *role, const char *name, milli amount)
{
    role = text_or(role, "*");
    for (size_t i = 0; i < need->n_amounts; i++)
        if (strcmp(need->amounts[i].role, role) == 0 && strcmp(need->amounts[i].name, name) == 0) {
            need->amounts[i].amount += amount;
            return;
        }
    *ARENA_PUSH(need->context->arena, need->amounts, need->n_amounts) =
        (struct amount_need){role, name, amount};
}

static void need_new_parts(struct offer_need *need, const struct set_need *set)
{
    for (size_t i = 0; i < set->n_resources; i++) {
        const struct resource_spec *spec = set->resources[i];
        if (!is_port(spec))
            need_amount(need, spec->pre_reserved_role, spec->name, milli_from(spec->scalar));
        else if (port_is_hosts(spec) && spec->port > 0)
            *ARENA_PUSH(need->context->arena, need->ports, need->n_ports) =
                (struct port_need){text_or(spec->pre_reserved_role, "*"), spec->port};
    }
    for (size_t i = 0; i < set->n_volumes; i++) {
        const struct volume_spec *volume = set->volumes[i];
        if (strcmp(volume->type, "MOUNT") == 0)
            need->n_mounts++;
        else
            need_amount(need, volume->pre_reserved_role, "disk", milli_from(volume->size_mb));
    }
}

static void need_known_ids(struct offer_need *need, const struct set_need *set)
{
    for (size_t i = 0; i < set->n_matches; i++) {
        const struct match *match = &set->matches[i];
        if (match->kind != MATCH_ORPHAN && !need_may_reserve_again(need, match->id))
            *ARENA_PUSH(need->context->arena, need->ids, need->n_ids) =
                (struct id_need){match->id, match->stored->name, match->kind == MATCH_VOLUME};
    }
}

/* Necessary conditions only: a pod relaunched in place may get freed amounts back on the way, so
 * nothing is summed up for it. */
static void sum_up(struct offer_need *need)
{
    if (!need->existing) {
        need_new_parts(need, &need->executor);
        for (size_t i = 0; i < need->n_sets; i++)
            need_new_parts(need, &need->sets[i]);
        return;
    }
    for (size_t i = 0; i < need->n_sets; i++)
        if (need->sets[i].wanted)
            need_known_ids(need, &need->sets[i]);
    if (!need->running)
        need_known_ids(need, &need->executor);
}

/* ---- making it ---- */

static bool load_stored(struct offer_need *need)
{
    const struct offer_context *context = need->context;
    const struct requirement *requirement = need->requirement;
    for (struct task *t = state_pod(context->state, requirement->pod_type, requirement->pod_index);
         t; t = t->next_in_pod) {
        struct err err = ERR_INIT;
        TaskInfo *info = state_task_info(context->state, t, context->arena, &err);
        if (!info && err.text[0]) {
            need->problem = arena_strdup(context->arena, err.text);
            return false;
        }
        if (info)
            *ARENA_PUSH(context->arena, need->stored, need->n_stored) =
                (struct stored_task){t, info};
    }
    return true;
}

/* See offer-cycle 2.4. */
static bool is_existing(const struct offer_need *need)
{
    if (need->requirement->recovery == RECOVERY_PERMANENT || need->n_stored == 0)
        return false;
    bool all_failed = true, any_reserved = false;
    for (size_t i = 0; i < need->n_stored; i++) {
        all_failed &= need->stored[i].task->permanently_failed;
        any_reserved |= has_reservations(need->stored[i].info);
    }
    return !all_failed && any_reserved;
}

/* A pod whose reservations carry an older role of the service is served by offers of that role. */
static const char *stored_role(const struct offer_need *need)
{
    for (size_t i = 0; i < need->n_stored; i++) {
        const TaskInfo *info = need->stored[i].info;
        if (need->stored[i].task->permanently_failed)
            continue;
        for (size_t j = 0; j < info->n_resources; j++) {
            const char *id = resource_id(info->resources[j]);
            if (id && *id)
                return resource_role(info->resources[j]);
        }
    }
    return NULL;
}

static const char *spec_role(const struct offer_need *need)
{
    for (size_t i = 0; i < need->pod->n_tasks; i++)
        if (need->pod->tasks[i].resource_set->n_resources > 0)
            return need->pod->tasks[i].resource_set->resources[0].role;
    return need->context->spec->role;
}

static void prepare_rule(struct offer_need *need)
{
    const struct offer_context *context = need->context;
    if (!need->pod->placement || need->existing)
        return;
    need->rule = rule_prepare(context->placement, need->pod->placement, context->state,
                              need->requirement->pod_type, need->requirement->pod_index,
                              context->master_domain, context->arena);
}

struct offer_need *offer_need_new(const struct offer_context *context,
                                  const struct requirement *requirement)
{
    struct offer_need *need = ARENA_NEW(context->arena, struct offer_need);
    need->context = context;
    need->requirement = requirement;
    need->pod = spec_find_pod(context->spec, requirement->pod_type);
    need->problem = need_spec_problem(need);
    if (need->problem || !load_stored(need))
        return need;
    need->instance = text_join(context->arena, requirement->pod_type, "-",
                               text_number(context->arena, requirement->pod_index));
    need->config_id = arena_strdup(context->arena, requirement->config_id ? requirement->config_id
                                                                          : context->config_id);
    need->framework_id =
        context->framework_id ? arena_strdup(context->arena, context->framework_id) : NULL;
    need->existing = is_existing(need);
    list_tasks(need);
    describe_executor(need);
    need->role = need->existing ? stored_role(need) : NULL;
    if (!need->role)
        need->role = spec_role(need);

    const ExecutorInfo *executor = need->existing ? stored_executor(need) : NULL;
    const TaskInfo *alive = need->existing ? task_alive(need) : NULL;
    need->own_cgroups = has_own_cgroups(need, alive);
    if (alive)
        executor = need->running = alive->executor;
    if (executor)
        match_stored(need, &need->executor, executor->resources, executor->n_resources);
    else
        all_new(need, &need->executor);
    for (size_t i = 0; i < need->n_sets; i++) {
        const TaskInfo *stored = need->existing ? stored_of_set(need, need->sets[i].set) : NULL;
        if (stored && has_reservations(stored))
            match_stored(need, &need->sets[i], stored->resources, stored->n_resources);
        else
            all_new(need, &need->sets[i]);
    }
    need->problem = need_launch_problem(need);
    prepare_rule(need);
    sum_up(need);
    return need;
}
