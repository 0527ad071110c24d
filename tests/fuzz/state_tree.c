/* Bytes from anywhere as TaskInfo, TaskStatus, FrameworkID and override of a stored tree: loading,
 * checking, showing and repairing it never crash, and a mirror that was changed equals a reload. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "state/inspect.h"
#include "state/store_impl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ignore(void *ctx, const struct finding *finding)
{
    (void)ctx;
    if (!finding->path || !finding->text)
        abort();
}

static struct tree *copy_of(const struct tree *tree)
{
    auto_buf struct buf text = BUF_INIT;
    struct tree *copy = tree_new();
    struct err err = ERR_INIT;

    dump_tree(tree, &text);
    for (const char *p = buf_str(&text), *end; *p; p = end + 1) {
        end = strchr(p, '\n');
        if (dump_parse(p, (size_t)(end - p), "dump", copy, &err) < 0)
            abort();
    }
    if (!tree_equal(tree, copy, true))
        abort();
    return copy;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const paths[] = {"Tasks/dse-0-node/TaskInfo",
                                        "Tasks/dse-0-node/TaskStatus",
                                        "Tasks/dse-0-agent/TaskInfo",
                                        "FrameworkID",
                                        "Tasks/dse-0-node/Metadata/goal-state-override",
                                        "Properties/dse-0-node:task-status",
                                        "Configurations/x",
                                        "Toolkit/requests/x"};
    struct tree *tree = tree_new();
    struct state *state = state_new();
    struct txn *txn = txn_new();
    struct err err = ERR_INIT;

    if (size < 1)
        goto done;
    tree_put(tree, paths[data[0] % ARRAY_LEN(paths)], data + 1, (ssize_t)size - 1);
    struct tree *stored = copy_of(tree);
    state_load(state, steal_ptr(tree), &err);
    state_check(state, ignore, NULL);
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        ssize_t len;
        const void *bytes = state_get(state, paths[i], &len);
        if (bytes)
            json_decref(inspect_node(paths[i], bytes, len));
    }
    for (struct task *t = state_task_first(state); t; t = state_task_after(state, t)) {
        state_relabel_task(state, txn, t, "x");
        state_put_override(state, txn, t, OVERRIDE_PAUSED, PROGRESS_PENDING);
    }
    state_repair(state, txn, &err);
    txn_apply(txn, stored);
    if (!tree_equal(stored, state_tree(state), true))
        abort();
    tree_free(stored);
done:
    txn_free(txn);
    state_free(state);
    tree_free(tree);
    return 0;
}
