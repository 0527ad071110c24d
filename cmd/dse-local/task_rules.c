#include "rules.h"

#include <math.h>
#include <string.h>

enum { MIN_CPUS_MILLI = 10, MIN_MEM_MB = 32 };

/* ---- commands and checks ---- */

static int check_secret(const Secret *secret, struct buf *why)
{
    if (secret->type == SECRET__TYPE__REFERENCE) {
        if (!secret->reference)
            return refuse(why, "Secret of type REFERENCE must have the 'reference' field set");
        if (secret->value)
            return refuse(why, "Secret '%s' of type REFERENCE must not have the 'value' field set",
                          secret->reference->name);
    } else if (secret->type == SECRET__TYPE__VALUE) {
        if (!secret->value)
            return refuse(why, "Secret of type VALUE must have the 'value' field set");
        if (secret->reference)
            return refuse(why, "Secret of type VALUE must not have the 'reference' field set");
    }
    return 0;
}

static int check_variable(const Environment__Variable *v, struct buf *why)
{
    if (v->type == ENVIRONMENT__VARIABLE__TYPE__VALUE) {
        if (!v->value)
            return refuse(why, "Environment variable '%s' of type 'VALUE' must have a value set",
                          v->name);
        if (v->secret)
            return refuse(why,
                          "Environment variable '%s' of type 'VALUE' must not have a secret set",
                          v->name);
        return 0;
    }
    if (v->type == ENVIRONMENT__VARIABLE__TYPE__SECRET) {
        if (!v->secret)
            return refuse(why, "Environment variable '%s' of type 'SECRET' must have a secret set",
                          v->name);
        if (v->value)
            return refuse(why,
                          "Environment variable '%s' of type 'SECRET' must not have a value set",
                          v->name);
        if (check_secret(v->secret, why))
            return refuse_prefix(
                why, "Environment variable '%s' specifies an invalid secret: ", v->name);
        if (v->secret->value &&
            memchr(v->secret->value->data.data, '\0', v->secret->value->data.len))
            return refuse(why,
                          "Environment variable '%s' specifies a secret containing null bytes, "
                          "which is not allowed in the environment",
                          v->name);
        return 0;
    }
    return refuse(why, "Environment variable of type 'UNKNOWN' is not allowed");
}

static int check_command(const CommandInfo *command, struct buf *why)
{
    for (size_t i = 0; command->environment && i < command->environment->n_variables; i++)
        if (check_variable(command->environment->variables[i], why))
            return -1;
    return 0;
}

static int check_not_negative(bool given, double value, const char *name, struct buf *why)
{
    if (given && !(value >= 0))
        return refuse(why, "Expecting '%s' to be non-negative", name);
    return 0;
}

static int check_check_command(const CommandInfo *command, const char *what, const char *owner,
                               struct buf *why)
{
    if (!command->value)
        return refuse(why, "%s must contain %s", what,
                      !command->has_shell || command->shell ? "'shell command'"
                                                            : "'executable path'");
    if (check_command(command, why))
        return refuse_prefix(why, "%s's `CommandInfo` is invalid: ", owner);
    return 0;
}

static int check_health(const HealthCheck *h, struct buf *why)
{
    if (!h->has_type)
        return refuse(why, "HealthCheck must specify 'type'");
    switch (h->type) {
    case HEALTH_CHECK__TYPE__COMMAND:
        if (!h->command)
            return refuse(why, "Expecting 'command' to be set for COMMAND health check");
        if (check_check_command(h->command, "Command health check", "Health check", why))
            return -1;
        break;
    case HEALTH_CHECK__TYPE__HTTP:
        if (!h->http)
            return refuse(why, "Expecting 'http' to be set for HTTP health check");
        if (h->http->scheme && strcmp(h->http->scheme, "http") != 0 &&
            strcmp(h->http->scheme, "https") != 0)
            return refuse(why, "Unsupported HTTP health check scheme: '%s'", h->http->scheme);
        if (h->http->path && h->http->path[0] != '/')
            return refuse(why, "The path '%s' of HTTP health check must start with '/'",
                          h->http->path);
        break;
    case HEALTH_CHECK__TYPE__TCP:
        if (!h->tcp)
            return refuse(why, "Expecting 'tcp' to be set for TCP health check");
        break;
    default:
        return refuse(why, "'UNKNOWN' is not a valid health check type");
    }
    if (check_not_negative(h->has_delay_seconds, h->delay_seconds, "delay_seconds", why) ||
        check_not_negative(h->has_grace_period_seconds, h->grace_period_seconds,
                           "grace_period_seconds", why) ||
        check_not_negative(h->has_interval_seconds, h->interval_seconds, "interval_seconds", why))
        return -1;
    return check_not_negative(h->has_timeout_seconds, h->timeout_seconds, "timeout_seconds", why);
}

static int check_check(const CheckInfo *c, struct buf *why)
{
    if (!c->has_type)
        return refuse(why, "CheckInfo must specify 'type'");
    switch (c->type) {
    case CHECK_INFO__TYPE__COMMAND:
        if (!c->command)
            return refuse(why, "Expecting 'command' to be set for COMMAND check");
        if (check_check_command(c->command->command, "Command check", "Check", why))
            return -1;
        break;
    case CHECK_INFO__TYPE__HTTP:
        if (!c->http)
            return refuse(why, "Expecting 'http' to be set for HTTP check");
        if (c->http->path && c->http->path[0] != '/')
            return refuse(why, "The path '%s' of HTTP check must start with '/'", c->http->path);
        break;
    case CHECK_INFO__TYPE__TCP:
        if (!c->tcp)
            return refuse(why, "Expecting 'tcp' to be set for TCP check");
        break;
    default:
        return refuse(why, "'UNKNOWN' is not a valid check type");
    }
    if (check_not_negative(c->has_delay_seconds, c->delay_seconds, "delay_seconds", why) ||
        check_not_negative(c->has_interval_seconds, c->interval_seconds, "interval_seconds", why))
        return -1;
    return check_not_negative(c->has_timeout_seconds, c->timeout_seconds, "timeout_seconds", why);
}

/* ---- containers ---- */

static int check_volume(const Volume *v, struct buf *why)
{
    if ((v->host_path != NULL) + (v->image != NULL) + (v->source != NULL) != 1)
        return refuse(why, "Only one of them should be set: 'host_path', 'image' and 'source'");
    if (!v->source)
        return 0;
    switch (v->source->type) {
    case VOLUME__SOURCE__TYPE__DOCKER_VOLUME:
        if (!v->source->docker_volume)
            return refuse(why, "'source.docker_volume' is not set for DOCKER_VOLUME volume");
        return 0;
    case VOLUME__SOURCE__TYPE__HOST_PATH:
        if (!v->source->host_path)
            return refuse(why, "'source.host_path' is not set for HOST_PATH volume");
        return 0;
    case VOLUME__SOURCE__TYPE__SANDBOX_PATH:
        if (!v->source->sandbox_path)
            return refuse(why, "'source.sandbox_path' is not set for SANDBOX_PATH volume");
        return 0;
    case VOLUME__SOURCE__TYPE__SECRET:
        if (!v->source->secret)
            return refuse(why, "'source.secret' is not set for SECRET volume");
        return 0;
    case VOLUME__SOURCE__TYPE__CSI_VOLUME:
        if (!v->source->csi_volume)
            return refuse(why, "'source.csi_volume' is not set for CSI volume");
        if (!v->source->csi_volume->static_provisioning)
            return refuse(why, "'source.csi_volume.static_provisioning' is not set for CSI volume");
        return 0; /* the task is refused by name when it starts */
    default:
        return refuse(why, "'source.type' is unknown");
    }
}

static int check_container(const ContainerInfo *container, struct buf *why)
{
    for (size_t i = 0; i < container->n_volumes; i++)
        if (check_volume(container->volumes[i], why))
            return refuse_prefix(why, "Invalid volume: ");
    if (container->type == CONTAINER_INFO__TYPE__DOCKER && !container->docker)
        return refuse(why, "DockerInfo 'docker' is not set for DOCKER typed ContainerInfo");
    for (size_t i = 0; container->docker && i < container->docker->n_parameters; i++)
        if (container->type == CONTAINER_INFO__TYPE__DOCKER &&
            strcmp(container->docker->parameters[i]->key, "name") == 0)
            return refuse(why, "Parameter in DockerInfo must not be 'name'");
    return 0;
}

/* What the task says about sharing its executor's cgroup; unset means true. */
static bool shares_cgroups(const TaskInfo *task)
{
    const LinuxInfo *linux_info = task->container ? task->container->linux_info : NULL;
    return !linux_info || !linux_info->has_share_cgroups || linux_info->share_cgroups;
}

/* ---- one task ---- */

static int check_limits(const TaskInfo *task, struct buf *why)
{
    auto_res_list struct res_list own = RES_LIST_INIT;
    if (task->n_limits == 0)
        return 0;
    res_list_of_proto(&own, task->n_resources, task->resources);
    for (size_t i = 0; i < task->n_limits; i++) {
        const char *name = task->limits[i]->key;
        const double limit = task->limits[i]->value ? task->limits[i]->value->value : 0;
        const bool cpus = strcmp(name, "cpus") == 0;
        bool found;
        if (!cpus && strcmp(name, "mem") != 0)
            return refuse(why, "Only cpus and mem may be included in a task's resource limits");
        const int64_t request = res_list_scalar(&own, name, &found);
        if (!found)
            return refuse(why, "When a %s limit is specified, a %s request must also be specified",
                          cpus ? "CPU" : "memory", cpus ? "CPU" : "memory");
        if (!isinf(limit) && res_milli(limit) < request)
            return refuse(why, "The %s limit must be greater than or equal to the %s request",
                          cpus ? "cpu" : "memory", cpus ? "cpu" : "memory");
    }
    return 0;
}

/* Revocable and other resources of one name do not mix. */
static int check_revocable(const struct res_list *list, struct buf *why)
{
    for (size_t i = 0; i < list->count; i++) {
        const Resource *a = list->items[i].meta->model;
        for (size_t j = 0; j < i; j++) {
            const Resource *b = list->items[j].meta->model;
            if (!a->revocable != !b->revocable && strcmp(a->name, b->name) == 0)
                return refuse(why,
                              "Cannot use both revocable and non-revocable '%s' at the same time",
                              a->name);
        }
    }
    return 0;
}

static int check_task_resources(const TaskInfo *task, struct buf *why)
{
    if (task->n_resources == 0)
        return refuse(why, "Task uses no resources");
    if (check_resources(task->n_resources, task->resources, why))
        return refuse_prefix(why, "Task uses invalid resources: ");
    auto_res_list struct res_list own = RES_LIST_INIT;
    res_list_of_proto(&own, task->n_resources, task->resources);
    if (check_unique_volumes(&own, why))
        return refuse_prefix(why, "Task uses duplicate persistence ID: ");
    if (check_single_role(task->n_resources, task->resources, why))
        return refuse_prefix(why, "Invalid task resources: ");
    return check_revocable(&own, why)
               ? refuse_prefix(why, "Task mixes revocable and non-revocable resources: ")
               : 0;
}

static int check_task(const struct framework *f, const struct agent *agent, const TaskInfo *task,
                      struct buf *why)
{
    const char *id = task->task_id->value;
    if (check_id(id, why))
        return -1;
    const struct task *known = map_get(&f->tasks, id);
    if (known && known->agent->presence == AGENT_UNREACHABLE)
        return refuse(why, "Task reuses the ID of an unreachable task: %s", id);
    if (known)
        return refuse(why, "Task has duplicate ID: %s", id);
    if (strcmp(task->agent_id->value, agent->id) != 0)
        return refuse(why, "Task uses invalid agent %s while agent %s is expected",
                      task->agent_id->value, agent->id);
    if (task->kill_policy && task->kill_policy->grace_period &&
        task->kill_policy->grace_period->nanoseconds < 0)
        return refuse(why, "Task's 'kill_policy.grace_period' must be non-negative");
    if (task->max_completion_time && task->max_completion_time->nanoseconds < 0)
        return refuse(why, "Task's `max_completion_time` must be non-negative");
    if (task->check && check_check(task->check, why))
        return refuse_prefix(why, "Task uses invalid check: ");
    if (task->health_check && check_health(task->health_check, why))
        return refuse_prefix(why, "Task uses invalid health check: ");
    if (check_task_resources(task, why))
        return -1;
    if (task->command && check_command(task->command, why))
        return refuse_prefix(why, "Task's `CommandInfo` is invalid: ");
    if (task->container && check_container(task->container, why))
        return refuse_prefix(why, "Task's `ContainerInfo` is invalid: ");
    if (check_limits(task, why))
        return -1;
    if (task->container && task->container->n_network_infos && task->health_check &&
        (task->health_check->type == HEALTH_CHECK__TYPE__HTTP ||
         task->health_check->type == HEALTH_CHECK__TYPE__TCP))
        return refuse(why, "HTTP and TCP health checks are not supported for nested containers not "
                           "joining parent's network");
    if (task->container && task->container->type == CONTAINER_INFO__TYPE__DOCKER)
        return refuse(why, "Docker ContainerInfo is not supported on the task");
    if (task->n_limits && shares_cgroups(task))
        return refuse(why, "Resource limits may only be set for tasks within a task group when the "
                           "'share_cgroups' field is set to 'false'.");
    return 0;
}

/* ---- executors ---- */

static bool same_message(const void *a, const void *b)
{
    return a == b || (a && b && pb_equal(a, b));
}

static bool same_text(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "") == 0;
}

static bool same_volumes(const ContainerInfo *a, const ContainerInfo *b)
{
    if (a->n_volumes != b->n_volumes)
        return false;
    for (size_t i = 0; i < a->n_volumes; i++) {
        size_t in_a = 0, in_b = 0;
        for (size_t j = 0; j < a->n_volumes; j++) {
            in_a += (size_t)pb_equal(a->volumes[i], a->volumes[j]);
            in_b += (size_t)pb_equal(a->volumes[i], b->volumes[j]);
        }
        if (in_a != in_b)
            return false;
    }
    return true;
}

static bool same_container(const ContainerInfo *a, const ContainerInfo *b)
{
    if (!a || !b)
        return a == b;
    return a->type == b->type && same_text(a->hostname, b->hostname) &&
           same_message(a->docker, b->docker) && same_volumes(a, b);
}

/* Only what the master compares: not labels, nor most of the container (see offer-cycle 10.10). */
static bool same_executor(const ExecutorInfo *a, const ExecutorInfo *b)
{
    auto_res_list struct res_list left = RES_LIST_INIT, right = RES_LIST_INIT;
    res_list_of_proto(&left, a->n_resources, a->resources);
    res_list_of_proto(&right, b->n_resources, b->resources);
    return a->has_type == b->has_type && (!a->has_type || a->type == b->type) &&
           strcmp(a->executor_id->value, b->executor_id->value) == 0 &&
           a->data.len == b->data.len &&
           (a->data.len == 0 || memcmp(a->data.data, b->data.data, a->data.len) == 0) &&
           res_list_equal(&left, &right) && same_message(a->command, b->command) &&
           same_message(a->framework_id, b->framework_id) && same_text(a->name, b->name) &&
           same_text(a->source, b->source) && same_container(a->container, b->container) &&
           same_message(a->discovery, b->discovery);
}

static int check_executor_type(const ExecutorInfo *e, struct buf *why)
{
    if (e->type == EXECUTOR_INFO__TYPE__CUSTOM && !e->command)
        return refuse(why, "'ExecutorInfo.command' must be set for 'CUSTOM' executor");
    if (e->type != EXECUTOR_INFO__TYPE__DEFAULT)
        return 0;
    if (e->command)
        return refuse(why, "'ExecutorInfo.command' must not be set for 'DEFAULT' executor");
    if (e->container && e->container->type != CONTAINER_INFO__TYPE__MESOS)
        return refuse(why, "'ExecutorInfo.container.type' must be 'MESOS' for 'DEFAULT' executor");
    if (e->container && e->container->mesos && e->container->mesos->image)
        return refuse(
            why, "'ExecutorInfo.container.mesos.image' must not be set for 'DEFAULT' executor");
    return 0;
}

static int check_executor_resources(const ExecutorInfo *e, struct buf *why)
{
    if (check_resources(e->n_resources, e->resources, why))
        return refuse_prefix(why, "Executor uses invalid resources: ");
    auto_res_list struct res_list own = RES_LIST_INIT;
    res_list_of_proto(&own, e->n_resources, e->resources);
    if (check_unique_volumes(&own, why))
        return refuse_prefix(why, "Executor uses duplicate persistence ID: ");
    if (check_single_role(e->n_resources, e->resources, why))
        return refuse_prefix(why, "Invalid executor resources: ");
    return check_revocable(&own, why)
               ? refuse_prefix(why, "Executor mixes revocable and non-revocable resources: ")
               : 0;
}

static int check_executor(const struct framework *f, const struct agent *agent,
                          const ExecutorInfo *e, struct buf *why)
{
    if (check_executor_type(e, why) || check_id(e->executor_id->value, why))
        return -1;
    if (e->shutdown_grace_period && e->shutdown_grace_period->nanoseconds < 0)
        return refuse(why, "ExecutorInfo's 'shutdown_grace_period' must be non-negative");
    if (e->command && check_command(e->command, why))
        return refuse_prefix(why, "Executor's `CommandInfo` is invalid: ");
    if (e->container && check_container(e->container, why))
        return refuse_prefix(why, "Executor's `ContainerInfo` is invalid: ");
    if (!e->framework_id)
        return refuse(why, "'ExecutorInfo.framework_id' must be set");
    if (strcmp(e->framework_id->value, f->id) != 0)
        return refuse(why, "ExecutorInfo has an invalid FrameworkID (Actual: %s vs Expected: %s)",
                      e->framework_id->value, f->id);
    if (check_executor_resources(e, why))
        return -1;
    const struct executor *running = executor_find(agent, f, e->executor_id->value);
    if (running && !same_executor(running->info, e))
        return refuse(why, "ExecutorInfo is not compatible with existing ExecutorInfo with same "
                           "ExecutorID.");
    if (!e->has_type)
        return refuse(why, "'ExecutorInfo.type' must be set");
    if (e->type == EXECUTOR_INFO__TYPE__UNKNOWN)
        return refuse(why, "Unknown executor type");
    if (e->type == EXECUTOR_INFO__TYPE__CUSTOM)
        return refuse(why, "custom executors are not supported by dse-local");
    return 0;
}

static int check_executor_minimum(const ExecutorInfo *e, const struct res_list *own,
                                  struct buf *why)
{
    auto_buf struct buf amount = BUF_INIT;
    bool found;
    const int64_t cpus = res_list_scalar(own, "cpus", &found);
    if (!found || cpus < MIN_CPUS_MILLI) {
        if (found)
            res_milli_text(cpus, &amount);
        return refuse(why, "Executor '%s' uses less CPUs (%s) than the minimum required (0.01)",
                      e->executor_id->value, found ? buf_str(&amount) : "None");
    }
    const int64_t mem_mb = res_list_scalar(own, "mem", &found) / 1000; /* whole ones count */
    if (!found || mem_mb < MIN_MEM_MB) {
        if (found)
            buf_addf(&amount, mem_mb ? "%lldMB" : "%lldB", (long long)mem_mb);
        return refuse(why, "Executor '%s' uses less memory (%s) than the minimum required (32MB)",
                      e->executor_id->value, found ? buf_str(&amount) : "None");
    }
    (void)res_list_scalar(own, "disk", &found);
    if (!found)
        return refuse(why, "Executor '%s' uses no disk", e->executor_id->value);
    return 0;
}

/* ---- the group ---- */

/* Of resources that are allocated to a single one. */
static const char *allocation_role(size_t n, Resource *const *resources)
{
    return n ? resources[0]->allocation_info->role : "*";
}

/* Adds r's ranges to `seen`; false when they overlap what is there. */
static bool add_disjoint(struct res_list *seen, const struct res_list *more)
{
    for (size_t i = 0; i < more->count; i++) {
        const struct res *r = &more->items[i];
        for (size_t j = 0; r->meta->ranges && j < seen->count; j++) {
            const struct res *s = &seen->items[j];
            if (s->meta != r->meta)
                continue;
            for (size_t a = 0; a < r->n_ranges; a++)
                for (size_t b = 0; b < s->n_ranges; b++)
                    if (r->ranges[a].begin <= s->ranges[b].end &&
                        s->ranges[b].begin <= r->ranges[a].end)
                        return false;
        }
        res_list_add(seen, r);
    }
    return true;
}

/* "{a; b}, {c}" as the master lists what each task uses. */
static void tasks_text(const TaskGroupInfo *group, struct buf *out)
{
    buf_adds(out, "[ ");
    for (size_t i = 0; i < group->n_tasks; i++) {
        auto_res_list struct res_list own = RES_LIST_INIT;
        res_list_of_proto(&own, group->tasks[i]->n_resources, group->tasks[i]->resources);
        buf_adds(out, i ? ", " : "");
        res_list_text(
            &own, allocation_role(group->tasks[i]->n_resources, group->tasks[i]->resources), out);
    }
    buf_adds(out, " ]");
}

static int check_sum(const struct framework *f, const struct agent *agent, const char *role,
                     const Offer__Operation__LaunchGroup *launch, const struct res_list *pool,
                     struct buf *why)
{
    const TaskGroupInfo *group = launch->task_group;
    const ExecutorInfo *e = launch->executor;
    auto_res_list struct res_list executor = RES_LIST_INIT, total = RES_LIST_INIT,
                                  seen = RES_LIST_INIT;
    const char *named = allocation_role(e->n_resources, e->resources);
    res_list_of_proto(&executor, e->n_resources, e->resources);
    if (check_executor_minimum(e, &executor, why))
        return -1;
    bool disjoint = add_disjoint(&seen, &executor);
    for (size_t i = 0; i < group->n_tasks; i++) {
        const TaskInfo *task = group->tasks[i];
        const char *own_role = allocation_role(task->n_resources, task->resources);
        auto_res_list struct res_list own = RES_LIST_INIT;
        res_list_of_proto(&own, task->n_resources, task->resources);
        disjoint = disjoint && add_disjoint(&seen, &own);
        res_list_add_all(&total, &own);
        if (strcmp(own_role, role) != 0)
            named = own_role;
    }
    if (check_unique_volumes(&seen, why))
        return refuse_prefix(why, "Task group and executor use duplicate persistence ID: ");
    if (check_revocable(&seen, why))
        return refuse_prefix(why,
                             "Task group and executor mix revocable and non-revocable resources: ");
    if (!disjoint) {
        buf_clear(why);
        buf_adds(why, "There are overlapping resources in the task group's task resources ");
        tasks_text(group, why);
        buf_adds(why, " and/or executor resources ");
        res_list_text(&executor, allocation_role(e->n_resources, e->resources), why);
        return -1;
    }
    if (!executor_find(agent, f, e->executor_id->value))
        res_list_add_all(&total, &executor);
    /* What is allocated to another role is not in the offer, whatever it is. */
    if (strcmp(named, role) == 0 && res_list_contains(pool, &total))
        return 0;
    buf_clear(why);
    buf_adds(why, "Total resources ");
    res_list_text(&total, named, why);
    buf_adds(why, " required by task group and its executor are more than available ");
    res_list_text(pool, role, why);
    return -1;
}

static int check_cgroups(const struct agent *agent, const struct framework *f,
                         const Offer__Operation__LaunchGroup *launch, struct buf *why)
{
    const ExecutorInfo *e = launch->executor;
    const TaskGroupInfo *group = launch->task_group;
    if (e->container && e->container->linux_info && e->container->linux_info->has_share_cgroups &&
        e->container->linux_info->share_cgroups)
        return refuse(why,
                      "The 'share_cgroups' field cannot be set to 'true' on executor containers");
    const bool first = shares_cgroups(group->tasks[0]);
    bool same = true;
    for (size_t i = 1; i < group->n_tasks; i++)
        same = same && shares_cgroups(group->tasks[i]) == first;
    /* Tasks count until the framework has acknowledged their end. */
    if (executor_find(agent, f, e->executor_id->value))
        for (MAP_EACH(&f->tasks, entry)) {
            const struct task *t = MAP_LIVE(entry) ? entry->value : NULL;
            if (t && t->agent == agent && strcmp(t->executor_id, e->executor_id->value) == 0)
                same = same && shares_cgroups(t->info) == first;
        }
    if (!same)
        return refuse(why, "If set, the value of 'share_cgroups' must be the same for all tasks in "
                           "each task group and under a single executor");
    return 0;
}

int check_launch_group(const struct framework *f, const struct agent *agent, const char *role,
                       const Offer__Operation__LaunchGroup *launch, const struct res_list *pool,
                       struct buf *why)
{
    const TaskGroupInfo *group = launch->task_group;
    for (size_t i = 0; i < group->n_tasks; i++)
        if (check_task(f, agent, group->tasks[i], why))
            return refuse_prefix(why, "Task '%s' is invalid: ", group->tasks[i]->task_id->value);
    if (check_executor(f, agent, launch->executor, why))
        return -1;
    for (size_t i = 0; i < group->n_tasks; i++)
        if (group->tasks[i]->executor &&
            !same_executor(group->tasks[i]->executor, launch->executor))
            return refuse(why, "The `ExecutorInfo` of task '%s' is different from executor '%s'",
                          group->tasks[i]->task_id->value, launch->executor->executor_id->value);
    if (check_sum(f, agent, role, launch, pool, why))
        return -1;
    return check_cgroups(agent, f, launch, why);
}
