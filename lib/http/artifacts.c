/* Config templates for the tasks (see api-and-cli 1.9): the text as stored, not rendered. */
#include <string.h>

#include "http/routes.h"
#include "spec/specjson.h"

static const struct config_file *find_template(const struct service_spec *spec,
                                               const char *pod_type, const char *task,
                                               const char *name)
{
    const struct pod_spec *pod = spec_find_pod(spec, pod_type);
    const struct task_spec *task_spec = pod ? pod_find_task(pod, task) : NULL;

    for (size_t i = 0; task_spec && i < task_spec->n_config_files; i++) {
        if (strcmp(task_spec->config_files[i].name, name) == 0)
            return &task_spec->config_files[i];
    }
    return NULL;
}

static void get_template(struct exchange_ctx *x)
{
    struct err err = ERR_INIT;
    size_t len;
    char id[UUID_TEXT];

    if (!uuid_read(x->parts[0], id)) {
        reply_empty(x->reply, 400);
        return;
    }
    const char *text = state_config(x->view->state, id, &len);
    if (!text) {
        reply_empty(x->reply, 404);
        return;
    }
    json_auto json_t *json = json_parse(text, len, id, &err);
    struct service_spec *spec = json ? spec_from_json(json, &err) : NULL;
    const struct config_file *file =
        spec ? find_template(spec, x->parts[1], x->parts[2], x->parts[3]) : NULL;
    if (file)
        reply_text(x->reply, 200, file->template_content);
    else
        reply_empty(x->reply, spec ? 404 : 500);
    service_spec_free(spec);
}

const struct route artifact_routes[] = {
    {"GET", "/v1/artifacts/template/*/*/*/*", get_template, false},
    {NULL, NULL, NULL, false},
};
