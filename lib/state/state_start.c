/* Start-up: what the writer checks and repairs before anything else (see state-store 3.5, 5.4). */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "state/request.h"
#include "state/state_impl.h"

int service_root_name(const char *service, struct buf *out, struct err *err)
{
    if (strstr(service, "__"))
        return err_set(err, EXIT_INPUT, "Service names may not contain double underscores: %s",
                       service);
    buf_adds(out, "dcos-service-");
    for (const char *p = service + (*service == '/'); *p; p++) {
        if (*p == '/')
            buf_adds(out, "__");
        else
            buf_addc(out, *p);
    }
    return 0;
}

bool service_names_equal(const char *a, const char *b)
{
    return strcmp(a + (*a == '/'), b + (*b == '/')) == 0;
}

static int check_name(struct state *state, struct txn *txn, const char *name, struct err *err)
{
    ssize_t len;
    const char *stored = state_get(state, "servicename", &len);

    if (!stored) {
        state_put(state, txn, "servicename", name, (ssize_t)strlen(name));
        return 0;
    }
    if (len == 0)
        return err_set(err, EXIT_INPUT, "the stored service name is empty");
    if (!service_names_equal(stored, name))
        return err_set(err, EXIT_INPUT,
                       "Collision between similar service names: Expected name '%s', but stored "
                       "name is '%s'.",
                       name, stored);
    return 0;
}

static int check_schema(struct state *state, struct txn *txn, struct err *err)
{
    ssize_t len;
    const char *stored = state_get(state, "SchemaVersion", &len);
    char *end;

    if (!stored) {
        state_put(state, txn, "SchemaVersion", "1", 1);
        return 0;
    }
    const long version = strtol(stored, &end, 10);
    if (len == 0 || *end)
        return err_set(err, EXIT_INPUT, "the stored schema version '%s' is not a number", stored);
    if (version != 1)
        return err_set(err, EXIT_INPUT,
                       "Storage schema version %ld is not supported by this software (expected: 1)",
                       version);
    return 0;
}

/* ---- pairs of TaskInfo and TaskStatus ---- */

static int repair_differing(struct state *state, struct txn *txn, struct task *task,
                            struct err *err)
{
    auto_arena struct arena arena = ARENA_INIT;
    TaskInfo *info = state_task_info(state, task, &arena, err);
    TaskStatus *status = info ? state_task_status(state, task, &arena, err) : NULL;

    if (!status)
        return -1;
    info->task_id->value = status->task_id->value;
    status->state = TASK_STATE__TASK_FAILED;
    task = state_put_task_info(state, txn, info);
    state_put_task_status(state, txn, task->name, status);
    return 0;
}

static void repair_missing(struct state *state, struct txn *txn, const struct task *task)
{
    TaskStatus status = TASK_STATUS__INIT;
    TaskID id = TASK_ID__INIT;

    id.value = (char *)task->id;
    status.task_id = &id;
    status.state = TASK_STATE__TASK_FAILED;
    status.message = (char *)"Assuming failure for inconsistent TaskIDs";
    state_put_task_status(state, txn, task->name, &status);
}

enum pair_fault state_pair_fault(const struct task *task)
{
    if (!task->status_id)
        return *task->id ? PAIR_NO_STATUS : PAIR_GOOD;
    if (strcmp(task->id, task->status_id) == 0)
        return PAIR_GOOD;
    /* SDK-COMPAT: recorded, never launched, but with an old end: stays as it is. */
    if (!*task->id && task_state_is_terminal(task->status_state))
        return PAIR_GOOD;
    return PAIR_DIFFERS;
}

static int repair_pairs(struct state *state, struct txn *txn, struct err *err)
{
    for (struct task *t = state_task_first(state); t; t = state_task_after(state, t)) {
        txn_border(txn); /* each task is repaired for itself */
        switch (state_pair_fault(t)) {
        case PAIR_GOOD:
            break;
        case PAIR_NO_STATUS:
            repair_missing(state, txn, t);
            break;
        case PAIR_DIFFERS:
            if (repair_differing(state, txn, t, err) < 0)
                return -1;
            break;
        }
    }
    return 0;
}

/* Children of Tasks/ without TaskInfo stop the original; there is nothing in them to keep (see
 * state-store 12.10). */
static void drop_garbage(struct state *state, struct txn *txn)
{
    const struct tree_node *tasks = tree_find(state->tree, "Tasks");
    struct tree_node *next;

    for (struct tree_node *n = tasks ? tree_first(tasks) : NULL; n; n = next) {
        const struct tree_node *info = tree_child(n, "TaskInfo");
        next = tree_next(n);
        if (info && tree_node_len(info) >= 0)
            continue;
        auto_free char *path = xasprintf("Tasks/%s", tree_node_name(n));
        txn_border(txn);
        state_delete(state, txn, path);
    }
}

int state_repair(struct state *state, struct txn *txn, struct err *err)
{
    for (size_t i = 0; i < state->n_problems; i++) {
        if (state->problems[i].fatal)
            return err_set(err, EXIT_INPUT, "%s; look with `dse-state check`",
                           state->problems[i].text);
    }
    drop_garbage(state, txn);
    return repair_pairs(state, txn, err);
}

int state_start(struct state *state, struct txn *txn, const char *service_name, struct err *err)
{
    if (check_name(state, txn, service_name, err) < 0 || check_schema(state, txn, err) < 0 ||
        state_repair(state, txn, err) < 0)
        return -1;
    /* Tools leave requests here: make it first, so that no tool makes it meanwhile. */
    if (!state_get(state, REQUESTS_PATH, NULL))
        state_put(state, txn, REQUESTS_PATH, "", 0);
    return 0;
}
