/* The worked example of state-store 10, decoded, from tests/data/state-example.json; and a tree
 * made from it. */
#ifndef DSE_TESTS_STATE_EXAMPLE_H
#define DSE_TESTS_STATE_EXAMPLE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "proto/pbjson.h"
#include "state/state.h"

struct example {
    struct arena arena;
    json_t *json;
    TaskInfo *info;
    TaskStatus *status;
};

#define EXAMPLE_TARGET "7c1f8e0a-52d4-4b7e-9a55-0b6f0f6a9d21"
#define EXAMPLE_ID "datastax-dse__dse-0-node__c9f2d7be-6a0e-4a1c-8b57-3d0f1f0f9a64"

static inline void example_release(struct example *e)
{
    arena_free(&e->arena);
    json_decref(e->json);
}
#define auto_example __attribute__((cleanup(example_release)))

static inline struct example example_new(void)
{
    struct example e = {.arena = ARENA_INIT};
    struct err err = ERR_INIT;
    const char *top = getenv("DSE_TEST_TOP");
    auto_free char *path = xasprintf("%s/tests/data/state-example.json", top ? top : ".");

    e.json = json_read_file(path, &err);
    if (!e.json) {
        printf("Bail out! %s\n", err.text);
        exit(1);
    }
    e.info = PB_FROM_JSON(TaskInfo, task_info, json_object_get(e.json, "info"), &e.arena, &err);
    e.status =
        PB_FROM_JSON(TaskStatus, task_status, json_object_get(e.json, "status"), &e.arena, &err);
    if (!e.info || !e.status) {
        printf("Bail out! %s\n", err.text);
        exit(1);
    }
    return e;
}

/* The same message under another name, index and ids. In the arena. */
static inline TaskInfo *example_task(struct example *e, const char *type, int index,
                                     const char *spec)
{
    TaskInfo *info = pb_copy(e->info, &e->arena);

    info->name = arena_printf(&e->arena, "%s-%d-%s", type, index, spec);
    info->task_id->value =
        make_task_id(&e->arena, "datastax-dse", info->name, "c9f2d7be-6a0e-4a1c-8b57-3d0f1f0f9a64");
    info->labels = labels_set(&e->arena, info->labels, "task_type", type);
    info->labels =
        labels_set(&e->arena, info->labels, "index", arena_printf(&e->arena, "%d", index));
    return info;
}

static inline void put_bytes(struct tree *tree, const char *path, const void *message)
{
    auto_buf struct buf bytes = BUF_INIT;

    pb_pack(message, &bytes);
    tree_put(tree, path, bytes.data, (ssize_t)bytes.len);
}

static inline void put_text(struct tree *tree, const char *path, const char *text)
{
    tree_put(tree, path, text, (ssize_t)strlen(text));
}

/* As the original leaves it when dse-0 is up: with the addresses in interior nodes. */
static inline struct tree *example_tree(const struct example *e)
{
    struct tree *tree = tree_new();
    FrameworkID id = FRAMEWORK_ID__INIT;

    id.value = (char *)json_string_value(json_object_get(e->json, "framework_id"));
    put_bytes(tree, "FrameworkID", &id);
    put_text(tree, "servicename", "datastax-dse");
    put_text(tree, "SchemaVersion", "1");
    put_text(tree, "ConfigTarget", EXAMPLE_TARGET);
    put_text(tree, "Configurations/" EXAMPLE_TARGET, "{\n  \"name\" : \"datastax-dse\"\n}");
    put_text(tree, "Properties/last-completed-update-type", "DEPLOY");
    put_text(tree, "Tasks", "10.0.1.5");
    put_text(tree, "Tasks/dse-0-node", "10.0.1.5");
    put_bytes(tree, "Tasks/dse-0-node/TaskInfo", e->info);
    put_bytes(tree, "Tasks/dse-0-node/TaskStatus", e->status);
    put_bytes(tree, "Properties/dse-0-node:task-status", e->status);
    tree_put(tree, "lock/leases", "", 0);
    tree_put(tree, "lock/locks", "", 0);
    return tree;
}

#endif
