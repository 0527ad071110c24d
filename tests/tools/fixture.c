/* fixture load URL FIXTURE SPEC: fills an empty store with a service in the middle of its life.
 * fixture post URL VERB ARGS [SECONDS]: leaves a request, as a tool does, made so long ago.
 *
 * SPEC is what dse-render prints. FIXTURE, all members optional:
 *   {"framework-id": ID, "target": CONFIGURATION ID,
 *    "tasks": [{"info": TaskInfo, "state": TaskState, "ready": true}],
 *    "properties": {KEY: TEXT}, "nodes": {PATH: TEXT}}
 * A task's status is the stub of a launch in that state; "ready" false says that its check has not
 * answered yet. Without "target" the spec is not stored. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "proto/pbjson.h"
#include "spec/specjson.h"
#include "state/request.h"

static int put_task(struct state *state, struct txn *txn, const json_t *task, struct err *err)
{
    auto_arena struct arena arena = ARENA_INIT;
    const char *word = json_string_value(json_object_get(task, "state"));
    const TaskInfo *info =
        PB_FROM_JSON(TaskInfo, task_info, json_object_get(task, "info"), &arena, err);
    TaskStatus *status = PB_NEW(&arena, TaskStatus, task_status);

    if (!info)
        return -1;
    state_put_task_info(state, txn, info);
    if (!word)
        return 0;
    const int value = pb_enum_value(&task_state__descriptor, word);
    if (value < 0)
        return err_set(err, EXIT_INPUT, "unknown state '%s'", word);
    status->task_id = info->task_id;
    status->agent_id = info->agent_id;
    status->state = (TaskState)value;
    if (json_is_false(json_object_get(task, "ready"))) {
        status->check_status = PB_NEW(&arena, CheckStatusInfo, check_status_info);
        status->check_status->command =
            PB_NEW(&arena, CheckStatusInfo__Command, check_status_info__command);
    }
    state_put_task_status(state, txn, info->name, status);
    return 0;
}

static int put_target(struct state *state, struct txn *txn, const char *id, const json_t *json,
                      struct err *err)
{
    struct service_spec *spec = spec_from_json(json, err);
    auto_buf struct buf text = BUF_INIT;

    if (!spec)
        return -1;
    int result = state_start(state, txn, spec->name, err);
    spec_write(spec, &text);
    auto_free char *path = xasprintf("Configurations/%s", id);
    state_put(state, txn, path, text.data, (ssize_t)text.len);
    state_put(state, txn, "ConfigTarget", id, (ssize_t)strlen(id));
    const json_t *plans = json_object_get(json, "plans");
    if (plans) {
        auto_free char *plans_path = xasprintf("Toolkit/plans/%s", id);
        buf_clear(&text);
        json_write(&text, plans, JSON_LAYOUT_COMPACT);
        state_put(state, txn, plans_path, text.data, (ssize_t)text.len);
    }
    service_spec_free(spec);
    return result;
}

static int fill(struct state *state, struct txn *txn, json_t *fixture, const json_t *spec,
                struct err *err)
{
    const char *framework = json_string_value(json_object_get(fixture, "framework-id"));
    const char *target = json_string_value(json_object_get(fixture, "target"));
    const char *key;
    json_t *value;
    size_t i;

    if (target && put_target(state, txn, target, spec, err))
        return -1;
    if (framework)
        state_put_framework_id(state, txn, framework);
    json_array_foreach(json_object_get(fixture, "tasks"), i, value)
    {
        if (put_task(state, txn, value, err))
            return err_prefix(err, "task %zu", i);
    }
    json_object_foreach(json_object_get(fixture, "properties"), key, value)
    {
        const char *text = json_string_value(value);
        if (state_put_property(state, txn, key, text, strlen(text), err))
            return -1;
    }
    json_object_foreach(json_object_get(fixture, "nodes"), key, value)
    {
        const char *text = json_string_value(value);
        state_put(state, txn, key, text, (ssize_t)strlen(text));
    }
    return 0;
}

static int load(const char *url, const char *fixture_path, const char *spec_path, struct err *err)
{
    json_auto json_t *fixture = json_read_file(fixture_path, err);
    json_auto json_t *spec = fixture ? json_read_file(spec_path, err) : NULL;
    struct store *store =
        spec ? store_open(url, &(struct store_options){.create_root = true}, err) : NULL;

    if (!store)
        return -1;
    struct state *state = state_new();
    struct txn *txn = txn_new();
    struct tree *tree = store_load(store, "", err);
    int result = tree ? state_load(state, tree, err) : -1;
    if (result == 0)
        result = fill(state, txn, fixture, spec, err);
    if (result == 0)
        result = store_commit(store, txn, err);
    else
        txn_free(txn);
    state_free(state);
    store_close(store);
    return result;
}

static int post(const char *url, const char *verb, const char *args_text, long age_s,
                struct err *err)
{
    const struct clock clock = {.fixed_ms = clock_now_ms(&(struct clock){0}) - age_s * 1000};
    struct idgen ids = {0};
    char id[UUID_TEXT];
    bool live;
    json_t *args = json_parse(args_text, strlen(args_text), "arguments", err);
    struct store *store = args ? store_open(url, &(struct store_options){0}, err) : NULL;

    if (!store) {
        json_decref(args);
        return -1;
    }
    int result = request_post(store, verb, args, NULL, &ids, &clock, id, &live, err);
    if (result == 0)
        puts(id);
    store_close(store);
    return result;
}

int main(int argc, char **argv)
{
    struct err err = ERR_INIT;
    int result = -1;

    if (argc == 5 && strcmp(argv[1], "load") == 0)
        result = load(argv[2], argv[3], argv[4], &err);
    else if ((argc == 5 || argc == 6) && strcmp(argv[1], "post") == 0)
        result = post(argv[2], argv[3], argv[4], argc == 6 ? strtol(argv[5], NULL, 10) : 0, &err);
    else
        err_set(&err, EXIT_USAGE,
                "usage: fixture load URL FIXTURE SPEC | post URL VERB ARGS [AGE]"
                " | dump URL");
    if (result)
        fprintf(stderr, "fixture: %s\n", err.text);
    return result ? (int)err.status : 0;
}
