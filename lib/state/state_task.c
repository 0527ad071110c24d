/* Tasks: the children of Tasks/ (see state-store 4 and 5). The order and the lookup of tasks are
 * those of the tree: a task hangs on its node. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "state/state_impl.h"

static struct tree_node *tasks_node(const struct state *state)
{
    return tree_find(state->tree, "Tasks");
}

static struct task_entry *entry_of(const struct tree_node *node)
{
    return node ? tree_node_user(node) : NULL;
}

static const struct tree_node *info_node(const struct task_entry *entry)
{
    return tree_child(entry->node, "TaskInfo");
}

/* ---- resources ---- */

static bool is_expected(const struct task *task)
{
    return !task->permanently_failed &&
           !(task->override == OVERRIDE_DECOMMISSIONED && task->progress == PROGRESS_IN_PROGRESS);
}

static void uncount(struct state *state, struct task_entry *entry)
{
    const struct tree_node *info = info_node(entry);

    if (entry->counted && info)
        resource_table_remove(&state->resources, &entry->task, tree_node_data(info),
                              (size_t)tree_node_len(info), entry->counted_expected);
    entry->counted = false;
}

static void count(struct state *state, struct task_entry *entry)
{
    const struct tree_node *info = info_node(entry);

    entry->counted = true;
    entry->counted_expected = is_expected(&entry->task);
    resource_table_add(&state->resources, &entry->task, tree_node_data(info),
                       (size_t)tree_node_len(info), entry->counted_expected);
}

/* ---- pods ---- */

char *pod_prefix(const char *type, int index)
{
    char room[TEXT_NUMBER];

    return text_join_new(type, "-", text_of_number(index, room), "-");
}

/* Tasks whose names do not begin with that of the pod instance belong to none. */
static bool is_in_pod(const struct task *task)
{
    return *task->pod_type && task->pod_index >= 0 && task->spec_name != task->name;
}

/* Tasks of a pod instance are linked in the order of their names. */
static void link_task(struct state *state, struct task *task)
{
    if (!is_in_pod(task))
        return;
    struct task *first = pod_table_find(&state->pods, task->pod_type, task->pod_index);
    if (!first || strcmp(task->name, first->name) < 0) {
        task->next_in_pod = first;
        pod_table_put(&state->pods, task);
        return;
    }
    while (first->next_in_pod && strcmp(first->next_in_pod->name, task->name) < 0)
        first = first->next_in_pod;
    task->next_in_pod = first->next_in_pod;
    first->next_in_pod = task;
}

/* Before what says which pod it is in changes. */
static void unlink_task(struct state *state, struct task *task)
{
    struct task *first = pod_table_find(&state->pods, task->pod_type, task->pod_index);

    if (first == task) {
        pod_table_remove(&state->pods, task->pod_type, task->pod_index);
        if (task->next_in_pod)
            pod_table_put(&state->pods, task->next_in_pod);
    } else {
        while (first && first->next_in_pod != task)
            first = first->next_in_pod;
        if (first)
            first->next_in_pod = task->next_in_pod;
    }
    task->next_in_pod = NULL;
}

/* ---- overrides ---- */

static const char *metadata(const struct task_entry *entry, const char *name)
{
    const struct tree_node *all = tree_child(entry->node, "Metadata");
    const struct tree_node *node = all ? tree_child(all, name) : NULL;

    return node ? tree_node_data(node) : NULL;
}

static void summarise_override(struct task_entry *entry)
{
    const char *target = metadata(entry, "goal-state-override");
    const char *progress = metadata(entry, "override-status");
    struct task *task = &entry->task;

    task->override = OVERRIDE_NONE;
    task->progress = PROGRESS_COMPLETE;
    if (!target || !progress)
        return;
    if (strcmp(target, "PAUSED") == 0)
        task->override = OVERRIDE_PAUSED;
    else if (strcmp(target, "DECOMMISSIONED") == 0)
        task->override = OVERRIDE_DECOMMISSIONED;
    else if (strcmp(target, "NONE") != 0)
        return;
    if (strcmp(progress, "PENDING") == 0)
        task->progress = PROGRESS_PENDING;
    else if (strcmp(progress, "IN_PROGRESS") == 0)
        task->progress = PROGRESS_IN_PROGRESS;
}

/* ---- the mirror follows the tree ---- */

static void entry_free(struct task_entry *entry)
{
    free(entry->strings);
    free(entry->status_strings);
    free(entry);
}

static void drop_entry(struct state *state, struct task_entry *entry)
{
    unlink_task(state, &entry->task);
    tree_node_set_user(entry->node, NULL);
    entry_free(entry);
    state->task_count--;
}

static const char missing_info[] = "TaskInfo is missing";

/* Why the status cannot be read, or NULL. */
static const char *refresh_status(struct state *state, struct task_entry *entry)
{
    const struct tree_node *status = tree_child(entry->node, "TaskStatus");
    const char *why;

    if (summarise_status(state, entry, status ? tree_node_data(status) : NULL,
                         status ? tree_node_len(status) : -1, &why))
        return NULL;
    if (!status)
        return NULL;
    return tree_node_len(status) == 0 ? "TaskStatus is empty" : why;
}

/* Makes the task of a node what its bytes say; none when it has no good TaskInfo. */
static void refresh(struct state *state, struct tree_node *node, const char **ret_why)
{
    struct task_entry *entry = entry_of(node);
    const struct tree_node *info = tree_child(node, "TaskInfo");

    *ret_why = NULL;
    if (entry) {
        unlink_task(state, &entry->task);
    } else {
        entry = xcalloc(1, sizeof *entry);
        entry->node = node;
        entry->task.name = tree_node_name(node);
        entry->task.pod_type = "";
        entry->task.pod_index = -1;
        tree_node_set_user(node, entry);
        state->task_count++;
    }
    if (!info || tree_node_len(info) <= 0) { /* null data counts as missing: state-store 3.5 */
        *ret_why = info && tree_node_len(info) == 0 ? "TaskInfo is empty" : missing_info;
        drop_entry(state, entry);
        return;
    }
    if (!summarise_info(state, entry, tree_node_data(info), (size_t)tree_node_len(info), ret_why)) {
        drop_entry(state, entry);
        return;
    }
    *ret_why = refresh_status(state, entry);
    summarise_override(entry);
    if (!entry->counted)
        count(state, entry);
    link_task(state, &entry->task);
}

static struct tree_node *node_of_path(const struct state *state, const char *path)
{
    const char *name = path + strlen("Tasks/");
    struct tree_node *tasks = tasks_node(state);

    return tasks ? tree_child_part(tasks, name, strcspn(name, "/")) : NULL;
}

void task_change_begin(struct state *state, const char *path)
{
    struct tree_node *node = node_of_path(state, path);
    struct task_entry *entry = entry_of(node);
    const char *leaf = strrchr(path, '/');

    if (!entry)
        return;
    /* A status changes nothing about resources. */
    if (strcmp(leaf, "/TaskStatus") != 0)
        uncount(state, entry);
}

void state_watch_tasks(struct state *state, const struct task_watcher *watcher)
{
    state->watcher = watcher ? *watcher : (struct task_watcher){0};
}

void task_forget(struct state *state, const char *path)
{
    struct task_entry *entry = entry_of(node_of_path(state, path));

    if (!entry)
        return;
    uncount(state, entry);
    if (state->watcher.gone)
        state->watcher.gone(state->watcher.ctx, entry->task.name);
    drop_entry(state, entry);
}

static void tell_watcher(struct state *state, const struct tree_node *node)
{
    const struct task_entry *entry = entry_of(node);

    if (entry && state->watcher.changed)
        state->watcher.changed(state->watcher.ctx, &entry->task);
    else if (!entry && state->watcher.gone)
        state->watcher.gone(state->watcher.ctx, tree_node_name(node));
}

void task_change_end(struct state *state, const char *path)
{
    struct tree_node *node = node_of_path(state, path);
    const char *why;

    if (!node)
        return;
    if (strcmp(strrchr(path, '/'), "/TaskStatus") == 0) {
        if (entry_of(node))
            refresh_status(state, entry_of(node));
        return;
    }
    refresh(state, node, &why);
    tell_watcher(state, node);
}

void tasks_load(struct state *state)
{
    struct tree_node *tasks = tasks_node(state);
    const char *why;

    for (struct tree_node *n = tasks ? tree_first(tasks) : NULL; n; n = tree_next(n)) {
        refresh(state, n, &why);
        if (why)
            state_add_problem(state, why != missing_info, "Tasks/%s: %s", tree_node_name(n), why);
    }
}

void tasks_drop(struct state *state)
{
    struct tree_node *tasks = state->tree ? tasks_node(state) : NULL;

    for (struct tree_node *n = tasks ? tree_first(tasks) : NULL; n; n = tree_next(n)) {
        struct task_entry *entry = entry_of(n);
        if (entry)
            entry_free(entry);
        tree_node_set_user(n, NULL);
    }
    state->task_count = 0;
    resource_table_free(&state->resources);
    pod_table_free(&state->pods);
}

/* ---- looking up ---- */

size_t state_task_count(const struct state *state)
{
    return state->task_count;
}

static struct task *task_of(const struct tree_node *node)
{
    struct task_entry *entry = entry_of(node);

    return entry ? &entry->task : NULL;
}

struct task *state_task(const struct state *state, const char *name)
{
    struct tree_node *tasks = tasks_node(state);

    return tasks ? task_of(tree_child(tasks, name)) : NULL;
}

struct task *state_task_by_id(struct state *state, const char *task_id)
{
    auto_arena struct arena arena = ARENA_INIT;
    const char *name = task_name_of_id(&arena, task_id);

    return name ? state_task(state, name) : NULL;
}

struct task *state_pod(const struct state *state, const char *type, int index)
{
    return pod_table_find(&state->pods, type, index);
}

static struct task *first_task(struct tree_node *node)
{
    while (node && !entry_of(node))
        node = tree_next(node);
    return task_of(node);
}

struct task *state_task_first(const struct state *state)
{
    struct tree_node *tasks = tasks_node(state);

    return tasks ? first_task(tree_first(tasks)) : NULL;
}

struct task *state_task_after(const struct state *state, const struct task *task)
{
    (void)state;
    return first_task(tree_next(((const struct task_entry *)task)->node));
}

static void *decode(const struct task *task, const char *leaf,
                    const ProtobufCMessageDescriptor *type, struct arena *arena, struct err *err)
{
    const struct tree_node *node = tree_child(((const struct task_entry *)task)->node, leaf);

    if (!node || tree_node_len(node) < 0)
        return NULL;
    return pb_unpack(type, tree_node_data(node), (size_t)tree_node_len(node), arena,
                     text_join(arena, "Tasks/", task->name, "/", leaf), err);
}

TaskInfo *state_task_info(const struct state *state, const struct task *task, struct arena *arena,
                          struct err *err)
{
    (void)state;
    return decode(task, "TaskInfo", &task_info__descriptor, arena, err);
}

TaskStatus *state_task_status(const struct state *state, const struct task *task,
                              struct arena *arena, struct err *err)
{
    (void)state;
    return decode(task, "TaskStatus", &task_status__descriptor, arena, err);
}

bool state_expects_resource(const struct state *state, const char *id)
{
    const struct resource_slot *slot = resource_table_find(&state->resources, id);

    return slot && slot->expected;
}
