#include "plan/view.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/json.h"
#include "plan/configs.h"

struct view_parts {
    struct configs *configs;
    struct plans_spec *specs;
};

void view_free(struct view *view)
{
    if (!view)
        return;
    plans_free(view->plans);
    plans_spec_free(view->parts->specs);
    configs_free(view->parts->configs);
    state_free(view->state);
    free(view->parts);
    free(view);
}

void view_free_fn(struct view **view)
{
    view_free(*view);
}

const struct service_spec *view_config(const struct view *view, const char *id)
{
    return configs_get(view->parts->configs, id);
}

static int derive(struct view *view, struct err *err)
{
    const char *id = state_target_id(view->state);

    if (!id)
        return 0;
    view->target = configs_get(view->parts->configs, id);
    if (!view->target)
        return err_set(err, EXIT_INPUT, "the target configuration '%s' cannot be read: %s", id,
                       configs_problem(view->parts->configs));
    view->parts->specs = configs_plans(view->state, id, NULL, err);
    if (!view->parts->specs)
        return -1;
    const struct plans_options options = {
        .target = view->target,
        .target_id = id,
        .specs = view->parts->specs,
        .uninstall = state_uninstalling(view->state),
        .config = configs_get,
        .config_ctx = view->parts->configs,
    };
    view->plans = plans_new(view->state, &options, view->now_ms, err);
    return view->plans ? 0 : -1;
}

struct view *view_new(struct tree *tree, int64_t now_ms, struct err *err)
{
    struct view *view = xcalloc(1, sizeof *view);

    view->now_ms = now_ms;
    view->state = state_new();
    view->parts = xcalloc(1, sizeof *view->parts);
    view->parts->configs = configs_new(view->state);
    if (state_load(view->state, tree, err) || derive(view, err)) {
        view_free(view);
        return NULL;
    }
    return view;
}

json_t *view_pods(const struct view *view)
{
    json_auto json_t *seen = json_object();
    json_t *names = json_array();

    for (size_t i = 0; view->target && i < view->target->n_pods; i++) {
        const struct pod_spec *pod = &view->target->pods[i];
        for (int64_t n = 0; n < pod->count; n++) {
            auto_free char *name = xasprintf("%s-%lld", pod->type, (long long)n);
            json_set(seen, name, json_true());
            json_push(names, json_string(name));
        }
    }
    for (struct task *t = state_task_first(view->state); t; t = state_task_after(view->state, t)) {
        auto_free char *name = xasprintf("%s-%d", t->pod_type, t->pod_index);
        if (!t->pod_type[0] || json_object_get(seen, name))
            continue;
        json_set(seen, name, json_true());
        json_push(names, json_string(name));
    }
    return names;
}
