/* What no offer can help: a requirement that does not fit its configuration, or whose launch a
 * master would answer with TASK_ERROR (see offer-cycle 10.10). Told before any offer is looked at,
 * so that nothing is reserved, recorded or sent for it. */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "offer/launch.h"

enum { ID_MAX = 255 }; /* NAME_MAX of the agents' file systems */

/* ---- names ---- */

static const char *names_problem(const struct offer_need *need)
{
    struct arena *arena = need->context->arena;
    const struct pod_spec *pod = need->pod;
    if (!make_task_id(arena, need->context->spec->name, pod->type, ""))
        return arena_printf(arena, "the names of service and pod '%s' may not contain '__'",
                            pod->type);
    for (size_t i = 0; i < pod->n_tasks; i++)
        if (strstr(pod->tasks[i].name, "__"))
            return arena_printf(arena, "the name of task '%s' may not contain '__'",
                                pod->tasks[i].name);
    return NULL;
}

/* Ids become names of folders on the agents. */
static const char *id_problem(const struct offer_need *need, const char *instance)
{
    struct arena *arena = need->context->arena;
    const char *id = make_task_id(arena, need->context->spec->name, instance, "");
    size_t len = strlen(id) + UUID_TEXT - 1;
    if (len > ID_MAX)
        return arena_printf(arena, "the ids of '%s' would have %zu characters, Mesos allows %d",
                            instance, len, ID_MAX);
    for (const char *p = id; *p; p++)
        if (iscntrl((unsigned char)*p) || *p == '/' || *p == '\\')
            return arena_printf(arena,
                                "'%s' has a character that ids in Mesos may not have: a slash, a "
                                "backslash or a control character",
                                instance);
    return NULL;
}

/* Ports of an overlay network are none of the agent's resources. */
static bool uses_resources(const struct resource_set *set)
{
    if (!set || set->n_resources == 0)
        return false;
    bool any = set->n_volumes > 0;
    for (size_t i = 0; i < set->n_resources; i++)
        any = any || !is_port(&set->resources[i]) || port_is_hosts(&set->resources[i]);
    return any;
}

const char *need_spec_problem(const struct offer_need *need)
{
    struct arena *arena = need->context->arena;
    const struct requirement *requirement = need->requirement;
    const struct pod_spec *pod = need->pod;
    if (!pod || pod->n_tasks == 0)
        return arena_printf(arena, "pod '%s' is not in the configuration", requirement->pod_type);
    for (size_t i = 0; i < requirement->tasks.count; i++)
        if (!pod_find_task(pod, requirement->tasks.items[i]))
            return arena_printf(arena, "task '%s' is not in pod '%s'", requirement->tasks.items[i],
                                requirement->pod_type);
    for (size_t i = 0; i < pod->n_tasks; i++)
        if (!uses_resources(pod->tasks[i].resource_set))
            return arena_printf(arena, "task '%s' of pod '%s' uses no resources",
                                pod->tasks[i].name, requirement->pod_type);
    return names_problem(need);
}

/* ---- amounts ---- */

static const char *new_resource_problem(const struct offer_need *need, const char *what,
                                        const char *role, const char *principal)
{
    struct arena *arena = need->context->arena;
    const char *framework = need->context->spec->principal;
    if (!need->existing && strcmp(role ? role : "", need->role) != 0)
        return arena_printf(arena, "%s is for role '%s', but the pod's role is '%s'", what,
                            role ? role : "", need->role);
    if (framework && *framework && strcmp(principal ? principal : "", framework) != 0)
        return arena_printf(arena, "%s has principal '%s', but the service has '%s'", what,
                            principal ? principal : "", framework);
    return NULL;
}

/* Mesos counts thousandths: what rounds to nothing cannot be reserved. */
static const char *set_problem(const struct offer_need *need, const struct set_need *set)
{
    struct arena *arena = need->context->arena;
    const char *problem = NULL;
    for (size_t i = 0; i < set->set->n_resources; i++) {
        const struct resource_spec *spec = &set->set->resources[i];
        if (is_port(spec))
            continue;
        milli amount = milli_from(spec->scalar);
        if (amount <= 0)
            return arena_printf(arena, "%s of resource set '%s' is less than 0.001", spec->name,
                                set->set->id);
        if (strcmp(spec->name, "gpus") == 0 && amount % 1000 != 0)
            return arena_printf(arena, "gpus of resource set '%s' is %s, not a whole number",
                                set->set->id, milli_text(arena, amount));
    }
    for (size_t i = 0; !problem && i < set->n_resources; i++)
        problem = new_resource_problem(need, set->resources[i]->name, set->resources[i]->role,
                                       set->resources[i]->principal);
    for (size_t i = 0; !problem && i < set->n_volumes; i++) {
        if (milli_from(set->volumes[i]->size_mb) <= 0)
            return arena_printf(arena, "volume '%s' has no size", set->volumes[i]->container_path);
        problem = new_resource_problem(need, set->volumes[i]->container_path, set->volumes[i]->role,
                                       set->volumes[i]->principal);
    }
    return problem;
}

static const char *executor_problem(const struct offer_need *need)
{
    if (need->running || need->pod->n_volumes || need->context->settings->executor_disk_mb > 0)
        return NULL;
    return "EXECUTOR_DISK_MB is 0, but an executor without a volume needs some disk";
}

/* ---- tasks ---- */

/* "unlimited", or a number that the spec's reader accepted. */
static const char *limit_problem(const struct offer_need *need, const struct task_spec *task,
                                 const char *name, const char *text)
{
    struct arena *arena = need->context->arena;
    const struct resource_set *set = task->resource_set;
    if (!text || !*text)
        return NULL;
    if (!need->own_cgroups && need->running)
        return arena_printf(arena,
                            "the executor of %s was started without cgroups of its tasks' own: "
                            "limits take effect when the whole pod is restarted",
                            need->instance);
    if (!need->own_cgroups)
        return "resource limits need a master and agents of Mesos 1.10 or later";
    const struct resource_spec *request = NULL;
    for (size_t i = 0; i < set->n_resources; i++)
        if (strcmp(set->resources[i].name, name) == 0)
            request = &set->resources[i];
    if (!request)
        return arena_printf(arena, "task '%s' has a limit of %s but requests none", task->name,
                            name);
    double limit = strcmp(text, "unlimited") == 0 ? (double)INFINITY : strtod(text, NULL);
    if (limit < milli_value(milli_from(request->scalar)))
        return arena_printf(arena, "the limit of %s of task '%s' is %s, less than the %s it uses",
                            name, task->name, text, milli_text(arena, milli_from(request->scalar)));
    return NULL;
}

static const char *check_problem(const struct offer_need *need, const struct task_spec *task)
{
    const struct health_check *health = task->health_check;
    const struct readiness_check *ready = task->readiness_check;
    const char *what = NULL;
    if (health && (!health->command || health->delay_s < 0 || health->interval_s < 0 ||
                   health->timeout_s < 0 || health->grace_period_s < 0 ||
                   health->max_consecutive_failures < 0))
        what = "health check";
    else if (ready && (!ready->command || ready->delay_s < 0 || ready->interval_s < 0 ||
                       ready->timeout_s < 0))
        what = "readiness check";
    if (!what)
        return NULL;
    return arena_printf(need->context->arena,
                        "the %s of task '%s' has no command or a negative number", what,
                        task->name);
}

static const char *task_problem(const struct offer_need *need, const struct task_spec *task)
{
    struct arena *arena = need->context->arena;
    const struct resource_set *set = task->resource_set;
    if (!task->command)
        return arena_printf(arena, "task '%s' has no command", task->name);
    const char *problem = id_problem(need, text_join(arena, need->instance, "-", task->name));
    if (!problem)
        problem = limit_problem(need, task, "cpus", set->limit_cpus);
    if (!problem)
        problem = limit_problem(need, task, "mem", set->limit_memory);
    return problem ? problem : check_problem(need, task);
}

const char *need_launch_problem(const struct offer_need *need)
{
    const char *problem = executor_problem(need);
    for (size_t i = 0; !problem && i < need->n_sets; i++)
        if (!need->existing || need->sets[i].wanted)
            problem = set_problem(need, &need->sets[i]);
    if (!problem && !need->running)
        problem = set_problem(need, &need->executor);
    for (size_t i = 0; !problem && i < need->n_tasks; i++)
        if (need_launches(need, need->tasks[i]))
            problem = task_problem(need, need->tasks[i]);
    return problem;
}
