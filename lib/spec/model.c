#include "spec/model.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

static const char *const goal_names[] = {
    [GOAL_RUNNING] = "RUNNING",
    [GOAL_FINISH] = "FINISH",
    [GOAL_ONCE] = "ONCE",
    [GOAL_UNKNOWN] = "UNKNOWN",
};

const char *goal_name(enum goal goal)
{
    return goal_names[goal];
}

void service_spec_free(struct service_spec *spec)
{
    if (!spec)
        return;
    arena_free(&spec->arena);
    free(spec);
}

void plans_spec_free(struct plans_spec *plans)
{
    if (!plans)
        return;
    arena_free(&plans->arena);
    free(plans);
}

char *spec_escape_name(struct arena *arena, const char *name)
{
    auto_buf struct buf out = BUF_INIT;

    for (const char *p = name + (*name == '/'); *p; p++) {
        if (*p == '/')
            buf_adds(&out, "__");
        else
            buf_addc(&out, *p);
    }
    return arena_strdup(arena, buf_str(&out));
}

struct pod_spec *spec_find_pod(const struct service_spec *spec, const char *type)
{
    for (size_t i = 0; i < spec->n_pods; i++) {
        if (strcmp(spec->pods[i].type, type) == 0)
            return &spec->pods[i];
    }
    return NULL;
}

struct task_spec *pod_find_task(const struct pod_spec *pod, const char *name)
{
    for (size_t i = 0; i < pod->n_tasks; i++) {
        if (strcmp(pod->tasks[i].name, name) == 0)
            return &pod->tasks[i];
    }
    return NULL;
}
