/* /v1/debug: plans, tasks, reservations (see api-and-cli 1.10). */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "http/routes.h"
#include "proto/pbjson.h"

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text ? text : "";
}

static bool is_running(const char *status)
{
    return strcmp(status, "PREPARED") == 0 || strcmp(status, "STARTING") == 0 ||
           strcmp(status, "STARTED") == 0 || strcmp(status, "IN_PROGRESS") == 0;
}

/* ---- plans ---- */

/* Query parameters; NULL: not given. */
struct filter {
    const char *plan, *phase, *step;
};

static struct filter filter_of(const struct exchange_ctx *x)
{
    return (struct filter){
        x->request->query(x->request, "plan"),
        x->request->query(x->request, "phase"),
        x->request->query(x->request, "step"),
    };
}

static bool passes(const char *wanted, const json_t *element)
{
    return !wanted || strcasecmp(wanted, text_of(element, "name")) == 0;
}

/* New: every plan in short, in their order. */
static json_t *brief_plans(const struct exchange_ctx *x)
{
    const int64_t now = clock_now_ms(x->options->clock);
    json_t *list = json_array();

    for (size_t i = 0; x->view->plans && i < plans_count(x->view->plans); i++)
        json_push(list, plans_brief(x->view->plans, plans_name(x->view->plans, i), now));
    return list;
}

/* The one element of that name, NULL when there is none or more. */
static const json_t *the_one(const json_t *list, const char *name)
{
    const json_t *found = NULL;

    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *element = json_array_get(list, i);
        if (!passes(name, element))
            continue;
        if (found)
            return NULL;
        found = element;
    }
    return found;
}

/* NULL when the filter names what is there. */
static const char *bad_filter(const json_t *plans, const struct filter *filter)
{
    if (filter->step && !(filter->phase && filter->plan))
        return "Step specified without parent Phase and Plan values.";
    if (filter->phase && !filter->plan)
        return "Phase specified without parent Plan.";
    const json_t *plan = filter->plan ? the_one(plans, filter->plan) : NULL;
    if (filter->plan && !plan)
        return "Supplied plan not found in list of all available plans!";
    const json_t *phase =
        filter->phase ? the_one(json_object_get(plan, "phases"), filter->phase) : NULL;
    if (filter->phase && !phase)
        return "Supplied phase not found in set of possible phases with supplied plan!";
    if (filter->step && !the_one(json_object_get(phase, "steps"), filter->step))
        return "Supplied step not found in set of possible steps with supplied plan and phase!";
    return NULL;
}

static void keep_matching(json_t *list, const char *wanted)
{
    for (size_t i = json_array_size(list); i-- > 0;) {
        if (!passes(wanted, json_array_get(list, i)))
            json_array_remove(list, i);
    }
}

/* Totals stay those of the whole plan. */
static void prune(json_t *plans, const struct filter *filter)
{
    json_t *plan, *phase;
    size_t i, j;

    keep_matching(plans, filter->plan);
    json_array_foreach(plans, i, plan)
    {
        json_t *phases = json_object_get(plan, "phases");
        keep_matching(phases, filter->phase);
        json_array_foreach(phases, j, phase)
            keep_matching(json_object_get(phase, "steps"), filter->step);
    }
}

static json_t *topology_node(const json_t *element, const char *type, json_t *children)
{
    return json_pack("{s:o, s:s, s:s}", "children", children, "name", text_of(element, "name"),
                     "type", type);
}

static json_t *topology_of(const json_t *plans)
{
    json_t *list = json_array(), *plan, *phase, *step;
    size_t i, j, k;

    json_array_foreach(plans, i, plan)
    {
        json_t *phases = json_array();
        json_array_foreach(json_object_get(plan, "phases"), j, phase)
        {
            json_t *steps = json_array();
            json_array_foreach(json_object_get(phase, "steps"), k, step)
                json_push(steps, topology_node(step, "step", json_null()));
            json_push(phases, topology_node(phase, "phase", steps));
        }
        json_push(list, topology_node(plan, "plan", phases));
    }
    return list;
}

static json_t *active_plans(const json_t *plans)
{
    json_t *list = json_array(), *plan;
    size_t i;

    json_array_foreach(plans, i, plan)
    {
        if (is_running(text_of(plan, "status")))
            json_push(list, json_string(text_of(plan, "name")));
    }
    return list;
}

/* Last that applies (api-and-cli 1.10). */
static const char *scheduler_state(const struct exchange_ctx *x, const json_t *plans)
{
    const json_t *deploy = the_one(plans, "deploy"), *recovery = the_one(plans, "recovery"),
                 *decommission = the_one(plans, "decommission");
    const char *state = "RUNNING";

    if (is_running(text_of(deploy, "status")))
        state = "DEPLOYING";
    if (state_deployed(x->view->state) || strcmp(text_of(deploy, "status"), "COMPLETE") == 0)
        state = "DEPLOYED";
    if (is_running(text_of(recovery, "status")))
        state = "RECOVERING";
    if (is_running(text_of(decommission, "status")))
        state = "DECOMMISSIONING";
    return state;
}

static void get_plans(struct exchange_ctx *x)
{
    const struct filter filter = filter_of(x);
    json_auto json_t *plans = brief_plans(x);
    const char *bad = bad_filter(plans, &filter);

    if (bad) {
        reply_json(x, 200, json_pack("{s:s}", "invalid-input", bad), JSON_LAYOUT_ORG);
        return;
    }
    json_t *topology = topology_of(plans), *active = active_plans(plans);
    const char *state = scheduler_state(x, plans);
    prune(plans, &filter);
    reply_json(x, 200,
               json_pack("{s:o, s:O, s:s, s:o}", "serviceTopology", topology, "plans", plans,
                         "schedulerState", state, "activePlans", active),
               JSON_LAYOUT_ORG);
}

/* ---- task statuses: the first task of the pod that each step names ---- */

/* `dse-10` of `dse-10:[node, agent]`; false for steps that are about no pod. */
static bool pod_of_step(const char *step, char **ret_type, int *ret_index)
{
    const char *colon = strstr(step, ":[");
    const char *dash = colon;

    while (dash && dash > step && *dash != '-')
        dash--;
    if (!dash || dash == step || strspn(dash + 1, "0123456789") != (size_t)(colon - dash - 1))
        return false;
    *ret_type = xstrndup(step, (size_t)(dash - step));
    *ret_index = atoi(dash + 1);
    return true;
}

static json_t *task_status(const struct exchange_ctx *x, const char *name)
{
    const struct task *task = state_task(x->view->state, name);
    const bool known = task && task->status_id;

    return json_pack(
        "{s:s, s:s, s:s}", "name", name, "taskId", known ? task->status_id : "", "taskStatus",
        known ? pb_enum_name(&task_state__descriptor, (int)task->status_state) : "TASK_UNKNOWN");
}

/* As the original finds it: the first task of the pod's spec whose name is part of the step's. */
static json_t *step_tasks(const struct exchange_ctx *x, const char *step)
{
    json_t *list = json_array();
    auto_free char *type = NULL;
    int index;
    const struct pod_spec *pod = pod_of_step(step, &type, &index) && x->view->target
                                     ? spec_find_pod(x->view->target, type)
                                     : NULL;

    for (size_t i = 0; pod && i < pod->n_tasks; i++) {
        if (!strstr(step, pod->tasks[i].name))
            continue;
        auto_free char *name = xasprintf("%s-%d-%s", type, index, pod->tasks[i].name);
        json_push(list, task_status(x, name));
        break;
    }
    return list;
}

static void get_task_statuses(struct exchange_ctx *x)
{
    const struct filter filter = filter_of(x);
    json_auto json_t *plans = brief_plans(x);
    json_t *list = json_array(), *plan, *phase, *step;
    size_t i, j, k;

    prune(plans, &filter);
    json_array_foreach(plans, i, plan)
    {
        json_t *phases = json_array();
        json_array_foreach(json_object_get(plan, "phases"), j, phase)
        {
            json_t *steps = json_array();
            json_array_foreach(json_object_get(phase, "steps"), k, step)
                json_push(steps, json_pack("{s:s, s:o}", "name", text_of(step, "name"),
                                           "taskStatus", step_tasks(x, text_of(step, "name"))));
            json_push(phases,
                      json_pack("{s:s, s:o}", "name", text_of(phase, "name"), "steps", steps));
        }
        json_push(list, json_pack("{s:s, s:o}", "name", text_of(plan, "name"), "phases", phases));
    }
    reply_json(x, 200, list, JSON_LAYOUT_ORG);
}

/* ---- reservations by host ---- */

static void add_resources(json_t *set, Resource *const *resources, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const char *id = resource_id(resources[i]);
        if (id)
            json_set(set, id, json_true());
    }
}

/* The members' keys as a list. */
static json_t *sorted_keys(const json_t *set)
{
    json_auto json_t *sorted = json_sorted(set);
    json_t *list = json_array(), *value;
    const char *key;

    json_object_foreach(sorted, key, value) json_push(list, json_string(key));
    return list;
}

static void get_reservations(struct exchange_ctx *x)
{
    json_auto json_t *hosts = json_object();
    json_t *body = json_object(), *set;
    const char *host;

    for (struct task *t = state_task_first(x->view->state); t;
         t = state_task_after(x->view->state, t)) {
        auto_arena struct arena arena = ARENA_INIT;
        struct err err = ERR_INIT;
        const TaskInfo *info = state_task_info(x->view->state, t, &arena, &err);
        host = *t->hostname ? t->hostname : "UNKNOWN_AGENT";
        if (!json_object_get(hosts, host))
            json_set(hosts, host, json_object());
        set = json_object_get(hosts, host);
        if (info) {
            add_resources(set, info->resources, info->n_resources);
            if (info->executor)
                add_resources(set, info->executor->resources, info->executor->n_resources);
        }
    }
    json_object_foreach(hosts, host, set) json_set(body, host, sorted_keys(set));
    reply_json(x, 200, body, JSON_LAYOUT_ORG);
}

/* The original dumps its Java threads; there is one here, and what it waits for. */
static void get_threads(struct exchange_ctx *x)
{
    reply_text(x->reply, 200, "dse-http: one thread, serving this request\n");
}

const struct route debug_routes[] = {
    {"GET", "/v1/debug/plans", get_plans, false},
    {"GET", "/v1/debug/taskStatuses", get_task_statuses, false},
    {"GET", "/v1/debug/reservations", get_reservations, false},
    {"GET", "/v1/debug/threads", get_threads, false},
    {NULL, NULL, NULL, false},
};
