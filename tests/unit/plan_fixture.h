/* A service over an empty state for tests of the plan floor: a spec from a short text, launches and
 * status updates as the cycle makes them, trees as text. */
#ifndef DSE_TESTS_PLAN_FIXTURE_H
#define DSE_TESTS_PLAN_FIXTURE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "plan/configs.h"
#include "plan/update.h"
#include "proto/mesos.h"
#include "spec/specjson.h"

struct world {
    struct state *state;
    struct txn *txn;
    struct configs *configs;
    const struct service_spec *target;
    struct plans_spec *specs;
    struct plans *plans;
    struct idgen ids;
    struct validation validation;
    char id[UUID_TEXT];
    int64_t now;
    bool backoff;
    struct buf text;
};

/* "dse:3:node,agent world:2:server!": pod type, count, tasks; behind a task: `!` not essential, `?`
 * goal FINISH, `*` goal ONCE, `=set` resource set; behind a count: `-` may be decommissioned.
 * `version` goes into every command of the pods named in `changed` (NULL: all). */
static inline json_t *world_spec_json(const char *text, const char *version, const char *changed)
{
    json_t *spec = json_object(), *pods = json_array();
    char *copy = xstrdup(text), *save_pod, *save_task;

    json_set(spec, "name", json_string("datastax-dse"));
    json_set(spec, "role", json_string("dse-role"));
    json_set(spec, "principal", json_string("dse-principal"));
    json_set(spec, "user", json_string("nobody"));
    json_set(spec, "zookeeper", json_string("master.mesos:2181"));
    for (char *p = strtok_r(copy, " ", &save_pod); p; p = strtok_r(NULL, " ", &save_pod)) {
        json_t *pod = json_object(), *tasks = json_array();
        char *count = strchr(p, ':') + 1, *list = strchr(count, ':') + 1;
        count[-1] = list[-1] = '\0';
        json_set(pod, "type", json_string(p));
        json_set(pod, "user", json_string("nobody"));
        json_set(pod, "count", json_integer(atoi(count)));
        json_set(pod, "allow-decommission", json_boolean(strchr(count, '-') != NULL));
        json_set(pod, "share-pid-namespace", json_false());
        for (char *t = strtok_r(list, ",", &save_task); t; t = strtok_r(NULL, ",", &save_task)) {
            json_t *task = json_object(), *set = json_object(), *command = json_object();
            char *end = t + strcspn(t, "!?*=");
            const char *set_id = strchr(t, '=');
            json_set(task, "goal",
                     json_string(strchr(end, '?')   ? "FINISH"
                                 : strchr(end, '*') ? "ONCE"
                                                    : "RUNNING"));
            json_set(task, "essential", json_boolean(strchr(end, '!') == NULL));
            json_set(set, "id", json_string(set_id ? set_id + 1 : t));
            *end = '\0';
            json_set(task, "name", json_string(t));
            json_set(set, "resource-specifications", json_array());
            json_set(set, "volume-specifications", json_array());
            json_set(set, "role", json_string("dse-role"));
            json_set(set, "principal", json_string("dse-principal"));
            json_set(task, "resource-set", set);
            json_set(command, "value",
                     json_string(version && (!changed || strstr(changed, p)) ? version : "run"));
            json_set(command, "environment", json_object());
            json_set(task, "command-spec", command);
            json_push(tasks, task);
        }
        json_set(pod, "task-specs", tasks);
        json_push(pods, pod);
    }
    json_set(spec, "pod-specs", pods);
    free(copy);
    return spec;
}

static inline void world_die(const char *what, const struct err *err)
{
    printf("Bail out! %s: %s\n", what, err->text);
    exit(1);
}

static inline struct plans *world_derive(struct world *w)
{
    struct err err = ERR_INIT;
    const struct plans_options options = {
        .target = w->target,
        .target_id = w->id,
        .specs = w->specs,
        .config = configs_get,
        .config_ctx = w->configs,
        .backoff = w->backoff,
        .backoff_factor = 1.15,
        .backoff_initial_ms = 60000,
        .backoff_max_ms = 300000,
    };
    struct plans *plans = plans_new(w->state, &options, w->now, &err);

    if (!plans)
        world_die("plans_new", &err);
    return plans;
}

/* Restart of the scheduler: everything is derived anew. */
static inline void world_restart(struct world *w)
{
    plans_free(w->plans);
    w->plans = world_derive(w);
}

/* Hands over a spec and plans (JSON text or NULL); returns what update_apply() does. */
static inline int world_update(struct world *w, json_t *spec_json, const char *plans)
{
    struct err err = ERR_INIT;
    struct service_spec *spec = spec_from_json(spec_json, &err);
    json_auto json_t *json = plans ? json_parse(plans, strlen(plans), "plans", &err) : NULL;
    struct plans_spec *specs = plans_spec_from_json(json, &err);
    struct configs *configs;

    json_decref(spec_json);
    if (!spec || !specs)
        world_die("spec", &err);
    validation_free(&w->validation);
    const int result =
        update_apply(w->state, w->txn, spec, specs, NULL, &w->ids, &w->validation, w->id, &err);
    if (result < 0 && w->validation.n_errors == 0)
        world_die("update", &err);
    plans_free(w->plans);
    w->plans = NULL;
    configs = configs_new(w->state);
    configs_free(w->configs);
    w->configs = configs;
    w->target = configs_get(configs, w->id);
    plans_spec_free(w->specs);
    plans_spec_free(specs);
    service_spec_free(spec);
    w->specs = configs_plans(w->state, w->id, NULL, &err);
    if (w->target)
        w->plans = world_derive(w);
    return result;
}

static inline void world_init(struct world *w, const char *pods, const char *plans)
{
    *w = (struct world){.state = state_new(), .txn = txn_new(), .ids = {.seed = 7}, .now = 1000000};
    world_update(w, world_spec_json(pods, NULL, NULL), plans);
}

static inline void world_release(struct world *w)
{
    plans_free(w->plans);
    plans_spec_free(w->specs);
    configs_free(w->configs);
    state_free(w->state);
    txn_free(w->txn);
    validation_free(&w->validation);
    buf_free(&w->text);
}
#define auto_world __attribute__((cleanup(world_release)))

static inline size_t world_candidates(struct world *w, struct step *const **ret)
{
    return plans_candidates(w->plans, w->now, ret);
}

/* Names of the candidates, joined by blanks. */
static inline const char *world_work(struct world *w)
{
    struct step *const *steps;
    const size_t n = world_candidates(w, &steps);

    buf_clear(&w->text);
    for (size_t i = 0; i < n; i++)
        buf_addf(&w->text, "%s%s", i ? " " : "", step_name(steps[i]));
    return buf_str(&w->text);
}

/* Records a launch as the cycle does. */
static inline void world_record_task(struct world *w, const struct requirement *req,
                                     const char *spec_name)
{
    auto_arena struct arena arena = ARENA_INIT;
    char uuid[UUID_TEXT];
    TaskInfo *info = PB_NEW(&arena, TaskInfo, task_info);
    TaskStatus *status = PB_NEW(&arena, TaskStatus, task_status);
    char *index = arena_printf(&arena, "%d", req->pod_index);

    idgen_uuid(&w->ids, uuid);
    info->name = arena_printf(&arena, "%s-%d-%s", req->pod_type, req->pod_index, spec_name);
    info->task_id = PB_NEW(&arena, TaskID, task_id);
    info->task_id->value = make_task_id(&arena, "datastax-dse", info->name, uuid);
    info->agent_id = PB_NEW(&arena, AgentID, agent_id);
    info->agent_id->value = "agent-1";
    info->labels = labels_set(&arena, info->labels, "task_type", req->pod_type);
    info->labels = labels_set(&arena, info->labels, "index", index);
    info->labels = labels_set(&arena, info->labels, "target_configuration", req->config_id);
    status->task_id = info->task_id;
    status->state = TASK_STATE__TASK_STAGING;
    state_put_task_info(w->state, w->txn, info);
    state_put_task_status(w->state, w->txn, info->name, status);
}

static inline void world_launch_step(struct world *w, struct step *step)
{
    const struct requirement *req = step_requirement(step);

    for (size_t i = 0; i < req->tasks.count; i++)
        world_record_task(w, req, req->tasks.items[i]);
    plans_launched(w->plans, w->txn, step, w->now);
}

static inline bool world_launch(struct world *w, const char *name)
{
    struct step *const *steps;
    const size_t n = world_candidates(w, &steps);

    for (size_t i = 0; i < n; i++)
        if (strcmp(step_name(steps[i]), name) == 0) {
            world_launch_step(w, steps[i]);
            return true;
        }
    printf("# '%s' is no candidate\n", name);
    return false;
}

static inline struct task *world_task(struct world *w, const char *name)
{
    struct task *task = state_task(w->state, name);

    if (!task) {
        printf("Bail out! no task '%s'\n", name);
        exit(1);
    }
    return task;
}

/* A status update. ready: of RUNNING; otherwise the check has not answered yet. */
static inline void world_status(struct world *w, const char *name, TaskState state, bool ready)
{
    auto_arena struct arena arena = ARENA_INIT;
    TaskStatus *status = PB_NEW(&arena, TaskStatus, task_status);

    status->task_id = PB_NEW(&arena, TaskID, task_id);
    status->task_id->value = arena_strdup(&arena, world_task(w, name)->id);
    status->state = state;
    status->has_timestamp = true;
    status->timestamp = (double)w->now / 1000;
    if (!ready) {
        status->check_status = PB_NEW(&arena, CheckStatusInfo, check_status_info);
        status->check_status->command =
            PB_NEW(&arena, CheckStatusInfo__Command, check_status_info__command);
    }
    struct task *task = state_put_task_status(w->state, w->txn, name, status);
    plans_task_changed(w->plans, w->txn, task, w->now);
}
#define RUNNING TASK_STATE__TASK_RUNNING
#define FAILED TASK_STATE__TASK_FAILED
#define KILLED TASK_STATE__TASK_KILLED
#define FINISHED TASK_STATE__TASK_FINISHED

/* Launches the step and has all its tasks ready. */
static inline bool world_complete(struct world *w, const char *name)
{
    auto_free char *copy = xstrdup(name);
    char *pod = copy, *list = strchr(copy, ':'), *save;

    if (!world_launch(w, name))
        return false;
    *list = '\0';
    list += 2;
    *strchr(list, ']') = '\0';
    for (char *t = strtok_r(list, ", ", &save); t; t = strtok_r(NULL, ", ", &save)) {
        auto_free char *task = xasprintf("%s-%s", pod, t);
        world_status(w, task, RUNNING, true);
    }
    return true;
}

/* As dse-plan prints it; what is printed from the JSON must be the same. */
static inline void tree_of(struct plans *plans, const char *plan, int64_t now, struct buf *out)
{
    buf_clear(out);
    plans_tree(plans, plan, now, true, out);
}

static inline bool same_from_json(struct plans *plans, const char *plan, int64_t now)
{
    auto_buf struct buf direct = BUF_INIT, by_json = BUF_INIT;
    json_auto json_t *json = plans_show(plans, plan, now);

    plans_tree(plans, plan, now, true, &direct);
    plan_tree_print(plan, json, true, &by_json);
    return strcmp(buf_str(&direct), buf_str(&by_json)) == 0;
}

static inline const char *world_tree(struct world *w, const char *plan)
{
    tree_of(w->plans, plan, w->now, &w->text);
    return buf_str(&w->text);
}

/* Invariant 1: live plans equal freshly derived ones, whole JSON of each. */
static inline bool world_same_after_restart(struct world *w)
{
    struct plans *fresh = world_derive(w);
    bool same = plans_count(fresh) == plans_count(w->plans);

    for (size_t i = 0; same && i < plans_count(fresh); i++) {
        const char *name = plans_name(fresh, i);
        json_auto json_t *a = plans_show(w->plans, name, w->now);
        json_auto json_t *b = plans_show(fresh, name, w->now);
        if (!json_equal(a, b) || !same_from_json(fresh, name, w->now)) {
            auto_buf struct buf x = BUF_INIT, y = BUF_INIT;
            plan_tree_print(name, a, true, &x);
            plan_tree_print(name, b, true, &y);
            printf("# live:\n%s# derived:\n%s", buf_str(&x), buf_str(&y));
            same = false;
        }
    }
    plans_free(fresh);
    return same;
}

#endif
