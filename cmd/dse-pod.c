/* dse-pod: pods and endpoints of a service, from the store; restart, replace, pause and resume are
 * left there as requests for the scheduler. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/loop.h"
#include "base/opt.h"
#include "base/output.h"
#include "base/text.h"
#include "plan/client.h"
#include "plan/pods.h"

static struct {
    struct client client;
    struct output output;
    bool yes, wait;
    long wait_ms; /* -1: as long as it takes */
    struct opt_list tasks;
    const char *format;
} settings = {.wait_ms = -1};

/* Adds names, one line each, or as JSON. */
static void add_names(const json_t *names, struct buf *out)
{
    if (output_is_json(&settings.output)) {
        output_add_json(&settings.output, names, out);
        return;
    }
    for (size_t i = 0; i < json_array_size(names); i++)
        buf_addf(out, "%s\n", json_string_value(json_array_get(names, i)));
}

static int no_such_pod(const struct view *view, const char *pod, struct err *err)
{
    auto_buf struct buf names = BUF_INIT;
    json_auto json_t *list = pods_list(view->state);

    for (size_t i = 0; i < json_array_size(list); i++)
        buf_addf(&names, "%s%s", i ? ", " : "", json_string_value(json_array_get(list, i)));
    return err_set(err, EXIT_NO, "no such pod '%s'; there are: %s", pod,
                   names.len ? buf_str(&names) : "none");
}

/* ---- looking ---- */

static int render_list(void *ctx, struct buf *out, bool *ret_yes, struct err *err)
{
    auto_view struct view *view = client_view(&settings.client, err);

    (void)ctx;
    (void)ret_yes;
    if (!view)
        return -1;
    json_auto json_t *names = pods_list(view->state);
    add_names(names, out);
    return 0;
}

static int list(const struct invocation *inv, struct err *err)
{
    (void)inv;
    return output_show(&settings.output, render_list, NULL, err);
}

static void add_task_names(const json_t *instance, struct buf *out)
{
    const json_t *tasks = json_object_get(instance, "tasks");

    for (size_t i = 0; i < json_array_size(tasks); i++)
        buf_addf(out, "%s\n", json_string_value(json_object_get(json_array_get(tasks, i), "name")));
}

/* Of one pod, or of all. */
static int render_status(void *ctx, struct buf *out, bool *ret_yes, struct err *err)
{
    const char *pod = ctx;
    auto_view struct view *view = client_view(&settings.client, err);

    (void)ret_yes;
    if (!view)
        return -1;
    json_auto json_t *json = pod ? pod_status(view->state, pod) : pods_status(view->state);
    if (!json)
        return no_such_pod(view, pod, err);
    if (output_is_json(&settings.output)) {
        output_add_json(&settings.output, json, out);
    } else if (output_is(&settings.output, "name")) {
        for (struct task *t = state_task_first(view->state); t && !pod;
             t = state_task_after(view->state, t))
            buf_addf(out, "%s\n", t->name);
        add_task_names(json, out);
    } else if (pod) {
        pod_tree_print(json, text_utf8(), out);
    } else {
        pods_tree_print(json, text_utf8(), out);
    }
    return 0;
}

static int status(const struct invocation *inv, struct err *err)
{
    return output_show(&settings.output, render_status, inv->count ? inv->operands[0] : NULL, err);
}

static int info(const struct invocation *inv, struct err *err)
{
    auto_view struct view *view = client_view(&settings.client, err);
    struct err why = ERR_INIT;

    if (!view)
        return -1;
    json_auto json_t *json = pod_info(view->state, inv->operands[0], &why);
    if (!json)
        return *why.text ? err_set(err, why.status, "%s", why.text)
                         : no_such_pod(view, inv->operands[0], err);
    output_json(&settings.output, json);
    return EXIT_DONE;
}

static const char *environment(const char *name)
{
    return getenv(name);
}

/* One part of an endpoint, a line each; 1 when it has no such part. */
static int add_part(const json_t *endpoint, const char *part, struct buf *out)
{
    const json_t *value = json_object_get(endpoint, part);

    if (json_is_array(value))
        add_names(value, out);
    else if (value)
        buf_addf(out, "%s\n", json_string_value(value));
    return value ? 0 : 1;
}

/* Of one endpoint, or the names of all. */
static int render_endpoints(void *ctx, struct buf *out, bool *ret_yes, struct err *err)
{
    const char *name = ctx;
    auto_view struct view *view = client_view(&settings.client, err);
    struct endpoint_names names;

    if (!view)
        return -1;
    if (!name) {
        json_auto json_t *all = endpoints_list(view->state);
        add_names(all, out);
        return 0;
    }
    endpoint_names_from_env(&names, environment);
    json_auto json_t *json = endpoint_show(view->state, &names, name);
    if (!json)
        return err_set(err, EXIT_NO, "no such endpoint '%s': `dse-pod endpoints` lists them", name);
    if (settings.format)
        *ret_yes = add_part(json, settings.format, out) == 0;
    else
        output_add_json(&settings.output, json, out);
    return 0;
}

static int endpoints(const struct invocation *inv, struct err *err)
{
    return output_show(&settings.output, render_endpoints, inv->count ? inv->operands[0] : NULL,
                       err);
}

/* ---- acting ---- */

/* The ids that the asker saw; the request is refused when one has changed by then. */
static json_t *seen_tasks(const struct view *view, const char *type, int index)
{
    json_t *tasks = json_object(), *expects = json_object();

    for (struct task *t = state_pod(view->state, type, index); t; t = t->next_in_pod)
        json_set(tasks, t->name, json_string(t->id));
    json_set(expects, "tasks", tasks);
    return expects;
}

/* Names that were given behind -t and are none of the pod's. */
static int check_tasks(const struct view *view, const char *pod, const char *type, int index,
                       struct err *err)
{
    for (size_t i = 0; i < settings.tasks.count; i++) {
        const char *name = settings.tasks.items[i];
        auto_buf struct buf names = BUF_INIT;
        bool found = false;
        for (struct task *t = state_pod(view->state, type, index); t; t = t->next_in_pod) {
            found = found || strcmp(t->name, name) == 0 || strcmp(t->spec_name, name) == 0;
            buf_addf(&names, "%s%s", names.len ? ", " : "", t->spec_name);
        }
        if (!found)
            return err_set(err, EXIT_NO, "pod '%s' has no task '%s'; there are: %s", pod, name,
                           buf_str(&names));
    }
    return 0;
}

/* Names what a replace destroys: hosts and volumes. */
static void describe_loss(const struct view *view, const char *type, int index, struct buf *out)
{
    auto_arena struct arena arena = ARENA_INIT;
    const char *host = "";

    for (struct task *t = state_pod(view->state, type, index); t; t = t->next_in_pod) {
        struct err err = ERR_INIT;
        const TaskInfo *task = state_task_info(view->state, t, &arena, &err);
        for (size_t i = 0; task && i < task->n_resources; i++) {
            const Resource *r = task->resources[i];
            if (resource_is_volume(r) && r->disk->volume)
                buf_addf(out, "%svolume '%s' (%g MB) of %s", out->len ? ", " : "",
                         r->disk->volume->container_path, r->scalar ? r->scalar->value : 0,
                         t->name);
        }
        host = t->hostname[0] ? arena_strdup(&arena, t->hostname) : host;
    }
    if (*host)
        buf_addf(out, "%sits place on %s", out->len ? ", " : "", host);
}

/* Whether the task has come back: another launch than before, at its goal or paused. */
static bool came_back(const struct task *task, const json_t *before, const char *verb)
{
    const char *old = json_string_value(json_object_get(before, task->name));
    const char *now = task_display_status(task);

    if (!old)
        return true;
    if (strcmp(old, task->id) == 0 || !now)
        return false;
    if (strcmp(now, "PAUSED") == 0)
        return strcmp(verb, "pod-resume") != 0;
    if (strcmp(verb, "pod-pause") == 0)
        return false;
    return strcmp(now, "FINISHED") == 0 || (strcmp(now, "RUNNING") == 0 && task->status_ready);
}

/* Whether a chosen task is launched again, whatever an earlier change has just made of it: killed,
 * or launched and not heard of yet. What runs for ever is recovery's, anything else comes back only
 * when it was at work (see plans-and-recovery 5.4, 7.3). */
static bool is_relaunched(const struct view *view, const struct task *task)
{
    const struct service_spec *config = view_config(view, task->config_id);
    const struct pod_spec *pod = config ? spec_find_pod(config, task->pod_type) : NULL;
    const struct task_spec *spec = pod ? pod_find_task(pod, task->spec_name) : NULL;

    if (!*task->id)
        return false;
    return (spec && spec->goal == GOAL_RUNNING) || !task->status_id ||
           strcmp(task->status_id, task->id) != 0 || !task_state_is_terminal(task->status_state);
}

/* Ids of the tasks that are to come back. */
static json_t *awaited_ids(const struct view *view, const char *type, int index,
                           const json_t *chosen)
{
    json_t *ids = json_object();

    for (struct task *t = state_pod(view->state, type, index); t; t = t->next_in_pod) {
        bool is_chosen = false;
        for (size_t i = 0; i < json_array_size(chosen); i++)
            is_chosen =
                is_chosen || strcmp(json_string_value(json_array_get(chosen, i)), t->name) == 0;
        if (is_chosen && is_relaunched(view, t))
            json_set(ids, t->name, json_string(t->id));
    }
    return ids;
}

/* What is waited for. */
struct wait {
    const char *pod, *verb;
    const json_t *before; /* ids of the tasks that come back */
};

static int render_wait(void *ctx, struct buf *out, bool *ret_yes, struct err *err)
{
    const struct wait *wait = ctx;
    auto_view struct view *view = client_view(&settings.client, err);
    auto_free char *type = NULL;
    int index;

    if (!view)
        return -1;
    *ret_yes = pod_find(view->state, wait->pod, &type, &index);
    if (!*ret_yes)
        return 0;
    for (struct task *t = state_pod(view->state, type, index); t; t = t->next_in_pod)
        *ret_yes = *ret_yes && came_back(t, wait->before, wait->verb);
    json_auto json_t *json = pod_status(view->state, wait->pod);
    pod_tree_print(json, text_utf8(), out);
    return 0;
}

/* Follows the pod until it is back. */
static int await_pod(const char *pod, const char *verb, const json_t *before, int64_t end_ms,
                     struct err *err)
{
    auto_buf struct buf last = BUF_INIT;
    struct wait wait = {pod, verb, before};
    const int64_t left = end_ms < 0 ? -1 : end_ms - loop_now_ms();

    const int back =
        output_await(render_wait, &wait, end_ms >= 0 && left < 0 ? 0 : left, &last, err);
    if (back < 0)
        return -1;
    return back ? EXIT_DONE
                : err_set(err, EXIT_TIMEOUT,
                          "'%s' is not back yet: `dse-plan why %s` says what it waits for", pod,
                          pod);
}

static int act_on(const char *pod, const char *verb, struct err *err)
{
    auto_view struct view *view = client_view(&settings.client, err);
    const int64_t end_ms = settings.wait_ms < 0 ? -1 : loop_now_ms() + settings.wait_ms;
    auto_answer struct answer answer = {0};
    auto_free char *type = NULL;
    auto_buf struct buf loss = BUF_INIT;
    json_t *args = NULL, *tasks;
    int index;

    if (!view)
        return -1;
    if (!pod_find(view->state, pod, &type, &index))
        return no_such_pod(view, pod, err);
    if (check_tasks(view, pod, type, index, err) < 0)
        return -1;
    if (strcmp(verb, "pod-replace") == 0 && !settings.yes) {
        describe_loss(view, type, index, &loss);
        return usage_error(err, "replacing '%s' gives up %s: add --yes", pod,
                           loss.len ? buf_str(&loss) : "what it stored");
    }
    args = json_object();
    tasks = json_array();
    json_set(args, "pod", json_string(pod));
    for (size_t i = 0; i < settings.tasks.count; i++)
        json_push(tasks, json_string(settings.tasks.items[i]));
    json_set(args, "tasks", tasks);
    if (client_request(&settings.client, verb, args, seen_tasks(view, type, index), settings.wait,
                       settings.wait_ms, &answer, err) < 0)
        return -1;
    if (!answer.done) {
        printf("%s: request %s is queued%s\n", pod, answer.id,
               answer.live ? "" : "; no scheduler runs at the moment");
        return EXIT_DONE;
    }
    if (answer_check(&answer, err) < 0)
        return err_prefix(err, "%s", pod);
    json_auto json_t *before =
        awaited_ids(view, type, index, json_object_get(answer.body, "tasks"));
    const int back = await_pod(pod, verb, before, end_ms, err);
    if (back < 0)
        return -1;
    output_json(&settings.output, answer.body);
    return back;
}

/* All are tried; the worst comes out. With --wait one after the other. */
static int act(const struct invocation *inv, const char *verb, struct err *err)
{
    int result = EXIT_DONE;

    for (int i = 0; i < inv->count; i++) {
        struct err why = ERR_INIT;
        if (act_on(inv->operands[i], verb, &why) >= 0)
            continue;
        if (i + 1 < inv->count && settings.wait) {
            /* The next pod is not touched while this one is down. */
            *err = why;
            return -1;
        }
        if (result < 0)
            fprintf(stderr, "%s: %s\n", inv->program->name, err->text);
        *err = why;
        result = -1;
    }
    return result;
}

static int restart(const struct invocation *inv, struct err *err)
{
    return act(inv, "pod-restart", err);
}

static int replace(const struct invocation *inv, struct err *err)
{
    return act(inv, "pod-replace", err);
}

static int pause_pod(const struct invocation *inv, struct err *err)
{
    return act(inv, "pod-pause", err);
}

static int resume(const struct invocation *inv, struct err *err)
{
    return act(inv, "pod-resume", err);
}

/* ---- words for completion ---- */

static void live_words(const char *kind)
{
    struct err err = ERR_INIT;
    const struct invocation *context = completion_context();
    const char *verb = context && context->verb ? context->verb->name : "";
    auto_view struct view *view = client_view(&settings.client, &err);

    if (!view)
        return;
    json_auto json_t *names =
        strcmp(verb, "endpoints") == 0 ? endpoints_list(view->state) : pods_list(view->state);
    if (strcmp(kind, "pod") == 0)
        for (size_t i = 0; i < json_array_size(names); i++)
            printf("%s\n", json_string_value(json_array_get(names, i)));
    for (struct task *t = state_task_first(view->state); t && strcmp(kind, "task") == 0;
         t = state_task_after(view->state, t))
        printf("%s\n", t->name);
}

/* ---- the table ---- */

static const struct opt options[] = {
    STORE_OPTION(settings.client.store),
    DUMP_OPTION(settings.client.dump),
    OUTPUT_OPTIONS(settings.output),
    OPT_END,
};

static const struct opt watch_options[] = {
    WATCH_OPTION(settings.output),
    OPT_END,
};
static const struct opt endpoint_options[] = {
    WATCH_OPTION(settings.output),
    {0, "format", OPT_CHOICE, "PART", "print only this part, one a line", &settings.format,
     .choices = "address dns vip"},
    OPT_END,
};
static const struct opt restart_options[] = {
    WAIT_OPTION(settings.wait, settings.wait_ms, "wait until the pod is back"),
    OPT_END,
};
static const struct opt replace_options[] = {
    {0, "yes", OPT_FLAG, NULL, "do it: the pod's volumes are destroyed", &settings.yes},
    WAIT_OPTION(settings.wait, settings.wait_ms, "wait until the pod is back"),
    OPT_END,
};
static const struct opt pause_options[] = {
    {'t', "task", OPT_LIST, "TASK", "only this task of the pod", &settings.tasks,
     .complete = "task"},
    WAIT_OPTION(settings.wait, settings.wait_ms, "wait until the pod is back"),
    OPT_END,
};

static const struct verb verbs[] = {
    {"list", NULL, "", "names of the pods", watch_options, list},
    {"status", NULL, "[POD]", "tasks and their states as a tree", watch_options, status, "pod"},
    {"info", NULL, "POD", "TaskInfo and TaskStatus of the pod's tasks", NULL, info, "pod"},
    {"endpoints", NULL, "[NAME]", "ports that are visible from outside", endpoint_options,
     endpoints, "pod"},
    {"restart", NULL, "POD...", "restart in place", restart_options, restart, "pod"},
    {"replace", NULL, "POD...", "place anew, without the old data", replace_options, replace,
     "pod"},
    {"pause", NULL, "POD", "stop the tasks' work, keep their place", pause_options, pause_pod,
     "pod"},
    {"resume", NULL, "POD", "undo pause", pause_options, resume, "pod"},
    {.name = NULL},
};

static const struct program program = {
    .name = "dse-pod",
    .summary = "list, restart, replace, pause pods",
    .opts = options,
    .verbs = verbs,
    .live_words = live_words,
};

int main(int argc, char **argv)
{
    const int status_code = program_main(&program, argc, argv);

    client_close(&settings.client);
    return status_code;
}
