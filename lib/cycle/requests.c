/* Requests of operators: checked, carried out and answered in one transaction each
 * (state/request.h; design, Requests). */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/log.h"
#include "cycle/internal.h"
#include "plan/update.h"
#include "proto/pbjson.h"
#include "spec/specjson.h"

static json_t *message(const char *text)
{
    return json_pack("{s:s}", "message", text);
}

/* What the asker saw must still hold: the task ids, the target. NULL when it does. */
static const char *mismatch(struct cycle *cycle, const struct request *request)
{
    const char *name, *target;
    json_t *value;
    json_t *tasks = json_object_get(request->expects, "tasks");

    json_object_foreach(tasks, name, value)
    {
        const struct task *task = state_task(cycle->state, name);
        if (!task || !json_is_string(value) || strcmp(task->id, json_string_value(value)) != 0)
            return arena_printf(&cycle->scratch, "task '%s' has changed meanwhile", name);
    }
    target = json_string_value(json_object_get(request->expects, "target"));
    if (target && strcmp(target, cycle->target_id) != 0)
        return arena_printf(&cycle->scratch, "the target is '%s' by now, not '%s'",
                            cycle->target_id, target);
    return NULL;
}

/* ---- update ---- */

void requests_release_rejected(struct cycle *cycle)
{
    if (!cycle->rejected)
        return;
    for (const char **text = cycle->rejected_texts; text && *text; text++)
        free((char *)*text);
    free(cycle->rejected_texts);
    validation_free(cycle->rejected);
    free(cycle->rejected);
    cycle->rejected = NULL;
    cycle->rejected_texts = NULL;
}

static json_t *error_list(const struct cycle *cycle)
{
    json_t *list = json_array();

    for (const char **text = cycle->rejected_texts; text && *text; text++)
        json_push(list, json_string(*text));
    return list;
}

static void keep_rejection(struct cycle *cycle, struct validation *validation)
{
    requests_release_rejected(cycle);
    if (!validation->n_errors) {
        validation_free(validation);
        return;
    }
    cycle->rejected = xmemdup(validation, sizeof *validation);
    cycle->rejected_texts = xcalloc(validation->n_errors + 1, sizeof *cycle->rejected_texts);
    for (size_t i = 0; i < validation->n_errors; i++) {
        struct buf text = BUF_INIT;
        validation_error_text(&validation->errors[i], &text);
        cycle->rejected_texts[i] = buf_detach(&text);
    }
}

/* The first update names the service; later ones must keep the name (state-store 3.5, step 2). */
static int name_collides(struct cycle *cycle, struct txn *txn, const char *name, struct err *err)
{
    const char *stored = state_service_name(cycle->state);

    if (!stored)
        return state_start(cycle->state, txn, name, err);
    if (service_names_equal(stored, name))
        return 0;
    return err_set(err, EXIT_INPUT,
                   "Collision between similar service names: Expected name '%s', but stored name "
                   "is '%s'.",
                   name, stored);
}

static int update(struct cycle *cycle, struct txn *txn, const struct request *request,
                  json_t **ret_body)
{
    struct err err = ERR_INIT;
    struct validation validation = {0};
    char id[UUID_TEXT] = "";

    struct service_spec *spec = spec_from_json(json_object_get(request->args, "spec"), &err);
    struct plans_spec *plans =
        spec ? plans_spec_from_json(json_object_get(request->args, "plans"), &err) : NULL;
    int changed = -1;
    if (plans && !name_collides(cycle, txn, spec->name, &err))
        changed = update_apply(cycle->state, txn, spec, plans, &cycle->options.caps,
                               cycle->options.ids, &validation, id, &err);
    service_spec_free(spec);
    plans_spec_free(plans);
    keep_rejection(cycle, &validation);
    if (changed >= 0 || cycle->rejected) {
        struct err load = ERR_INIT;
        if (cycle_load_target(cycle, &load)) {
            cycle_stop(cycle, load.status, "%s", load.text);
            return 500;
        }
    }
    if (changed < 0) {
        log_error("update refused: %s", cycle->rejected ? cycle->rejected_texts[0] : err.text);
        *ret_body = json_pack("{s:s, s:o}", "message",
                              cycle->rejected ? "the new configuration is refused" : err.text,
                              "errors", error_list(cycle));
        return cycle->rejected ? 409 : 400;
    }
    log_info(changed ? "the target configuration is now %s" : "target %s unchanged", id);
    *ret_body = json_pack("{s:s, s:s, s:b}", "message", "Received cmd: update", "target", id,
                          "changed", changed);
    cycle_note_deployed(cycle, txn);
    cycle_subscribe(cycle);
    return 200;
}

/* ---- plans and pods ---- */

static const struct {
    const char *verb;
    enum plan_verb plan_verb;
} plan_verbs[] = {
    {"plan-start", VERB_START},         {"plan-stop", VERB_STOP},
    {"plan-interrupt", VERB_INTERRUPT}, {"plan-continue", VERB_CONTINUE},
    {"plan-restart", VERB_RESTART},     {"plan-force-complete", VERB_FORCE_COMPLETE},
};

/* The host of a phase of the uninstall plan; the phase itself when it is no host's. */
static const char *host_of_phase(const char *phase)
{
    static const char prefix[] = UNRESERVE_PHASE;
    const size_t n = sizeof prefix - 1;

    return strncmp(phase, prefix, n) == 0 ? phase + n : phase;
}

static int plan_request(struct cycle *cycle, struct txn *txn, const struct request *request,
                        enum plan_verb verb, json_t **ret_body)
{
    const char *plan = json_string_value(json_object_get(request->args, "plan"));
    const char *phase = json_string_value(json_object_get(request->args, "phase"));
    const char *step = json_string_value(json_object_get(request->args, "step"));

    if (!plan) {
        *ret_body = message("the request names no plan");
        return 400;
    }
    if (verb == VERB_FORCE_COMPLETE && cycle->options.uninstall && !step)
        leftovers_give_up(cycle, txn, phase ? host_of_phase(phase) : NULL);
    return plans_verb(cycle->plans, txn, verb, plan, phase, step,
                      json_object_get(request->args, "params"), cycle_now(cycle), ret_body);
}

/* A small file kept as a property (api-and-cli 1.7). */
static int put_file(struct cycle *cycle, struct txn *txn, const struct request *request,
                    json_t **ret_body)
{
    struct err err = ERR_INIT;
    auto_buf struct buf data = BUF_INIT;
    const char *name = json_string_value(json_object_get(request->args, "name"));
    const char *content = json_string_value(json_object_get(request->args, "content"));

    if (!name || !content || base64_decode(content, strlen(content), &data) < 0) {
        *ret_body = message("the request has no name or no content");
        return 400;
    }
    const char *key = arena_printf(&cycle->scratch, "file-%s", name);
    if (state_put_property(cycle->state, txn, key, buf_str(&data), data.len, &err)) {
        *ret_body = json_string(err.text);
        return 400;
    }
    *ret_body = json_string("");
    return 200;
}

/* Gives up what an agent holds that will not come back: its phase is complete by force. */
static int forget_agent(struct cycle *cycle, struct txn *txn, const struct request *request,
                        json_t **ret_body)
{
    const char *host = json_string_value(json_object_get(request->args, "host"));

    if (!host) {
        *ret_body = message("the request names no host");
        return 400;
    }
    const bool given_up = leftovers_give_up(cycle, txn, host);
    int code = plans_verb(cycle->plans, txn, VERB_FORCE_COMPLETE, "deploy",
                          arena_printf(&cycle->scratch, UNRESERVE_PHASE "%s", host), NULL, NULL,
                          cycle_now(cycle), ret_body);
    if (code != 404 && (code != 208 || !given_up))
        return code;
    json_decref(*ret_body);
    *ret_body = message(given_up ? arena_printf(&cycle->scratch, "what '%s' held is given up", host)
                                 : arena_printf(&cycle->scratch,
                                                "agent '%s' holds nothing of the service: "
                                                "'dse-uninstall status' shows those that do",
                                                host));
    return given_up ? 200 : 404;
}

/* Tasks to kill once the request's transaction is on its way. */
struct kill_list {
    struct task **tasks;
    size_t count;
};

static int pod_request(struct cycle *cycle, struct txn *txn, const struct request *request,
                       const char *verb, struct kill_list *ret_kills, json_t **ret_body)
{
    const char *pod = json_string_value(json_object_get(request->args, "pod"));
    json_t *list = json_object_get(request->args, "tasks");
    struct strings tasks = {0};

    if (!pod) {
        *ret_body = message("the request names no pod");
        return 400;
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *name = json_string_value(json_array_get(list, i));
        if (name)
            PB_ADD(&cycle->scratch, tasks.count, tasks.items, name);
    }
    return plans_pod_verb(cycle->plans, txn, verb, pod, &tasks, cycle_now(cycle), &cycle->scratch,
                          &ret_kills->tasks, &ret_kills->count, ret_body);
}

static int carry_out(struct cycle *cycle, struct txn *txn, const struct request *request,
                     struct kill_list *ret_kills, json_t **ret_body)
{
    const char *verb = request->verb;
    const char *changed = mismatch(cycle, request);

    if (request->expires_ms && cycle_now(cycle) > request->expires_ms) {
        *ret_body = message("expired before a scheduler took it up");
        return 410;
    }
    if (changed) {
        *ret_body = message(changed);
        return 409;
    }
    if (strcmp(verb, "update") == 0 && !cycle->options.uninstall)
        return update(cycle, txn, request, ret_body);
    if (strcmp(verb, "file-put") == 0 && !cycle->options.uninstall)
        return put_file(cycle, txn, request, ret_body);
    if (!cycle->plans) {
        *ret_body = message("no configuration yet");
        return 503;
    }
    for (size_t i = 0; i < ARRAY_LEN(plan_verbs); i++) {
        if (strcmp(verb, plan_verbs[i].verb) == 0)
            return plan_request(cycle, txn, request, plan_verbs[i].plan_verb, ret_body);
    }
    if (strcmp(verb, "uninstall-forget-agent") == 0 && cycle->options.uninstall)
        return forget_agent(cycle, txn, request, ret_body);
    if (strncmp(verb, "pod-", 4) == 0 && !cycle->options.uninstall)
        return pod_request(cycle, txn, request, verb + 4, ret_kills, ret_body);
    *ret_body = json_pack("{s:s, s:s}", "message", "unknown or unsupported request", "verb", verb);
    return 400;
}

static void one_request(struct cycle *cycle, const struct request *request, const void *data,
                        size_t len)
{
    struct kill_list kills = {0};
    json_t *body = NULL;
    const char *path = arena_printf(&cycle->scratch, REQUESTS_PATH "/%s", request->id);
    struct txn *txn = txn_new();

    /* Posted by another process: the mirror learns of the node here. */
    state_note_foreign(cycle->state, path, data, (ssize_t)len);
    int code = carry_out(cycle, txn, request, &kills, &body);
    for (size_t i = 0; i < kills.count; i++)
        kill_record(cycle, txn, kills.tasks[i]);
    log_info("request %s %s: %d", request->verb, request->id, code);
    request_finish(cycle->state, txn, request, code, body);
    cycle_submit(cycle, txn, NULL);
    for (size_t i = 0; i < kills.count; i++)
        kill_task(cycle, kills.tasks[i]->id, kills.tasks[i]->agent_id);
    cycle->round_wanted = true;
}

/* The load that brought the request may be older than our own answer to it. */
static bool is_answered(struct cycle *cycle, const struct request *request)
{
    struct request known = {0};
    struct err err = ERR_INIT;
    ssize_t len;
    const char *path = arena_printf(&cycle->scratch, REQUESTS_PATH "/%s", request->id);
    const void *data = state_get(cycle->state, path, &len);

    if (!data || len < 0 || request_parse(request->id, data, (size_t)len, &known, &err))
        return false;
    bool done = known.done;
    request_release(&known);
    return done;
}

/* Oldest first; the order of names is random. */
static int by_age(const void *a, const void *b)
{
    const struct request *x = a, *y = b;

    return x->created_ms < y->created_ms ? -1 : x->created_ms > y->created_ms;
}

void cycle_requests(struct cycle *cycle, const struct tree *requests)
{
    const struct tree_node *root = tree_find(requests, REQUESTS_PATH);
    size_t n = 0;

    if (!root || cycle->stopped)
        return;
    struct request *order =
        ARENA_ARRAY(&cycle->scratch, tree_node_child_count(root), struct request);
    for (struct tree_node *c = tree_first(root); c; c = tree_next(c)) {
        struct err err = ERR_INIT;
        struct request *r = &order[n];
        if (tree_node_len(c) < 0 || request_parse(tree_node_name(c), tree_node_data(c),
                                                  (size_t)tree_node_len(c), r, &err)) {
            log_warn("request '%s' cannot be read: %s", tree_node_name(c), err.text);
            continue;
        }
        if (r->done || is_answered(cycle, r))
            request_release(r);
        else
            n++;
    }
    qsort(order, n, sizeof *order, by_age);
    for (size_t i = 0; i < n && !cycle->stopped; i++) {
        const struct tree_node *c = tree_child(root, order[i].id);
        one_request(cycle, &order[i], tree_node_data(c), (size_t)tree_node_len(c));
    }
    for (size_t i = 0; i < n; i++)
        request_release(&order[i]);
    if (cycle->round_wanted)
        round_run(cycle);
    arena_reset(&cycle->scratch);
}
