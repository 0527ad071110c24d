/* Launches whose effect is not known yet: an ACCEPT may be lost whole (a crash behind the record,
 * an offer that became invalid), and a master drops single operations without a word (see
 * offer-cycle 6.1, 6.4). A marker beside the records, Toolkit/launches/POD, tells what is in doubt:
 *
 *   fresh          the pod was new: when every task is denied, the records are forgotten, the step
 *                  places the pod anew, and whatever was reserved counts as unexpected
 *   ID TASK        a reservation (and volume) made by the ACCEPT, not yet proven; TASK "-": of the
 *                  executor
 *
 * What a task was started with exists, so its first word from the agent is the proof. What stays in
 * doubt and is not in the offers of its agent is reserved again under its id. An empty marker is a
 * fresh launch with nothing else in doubt.
 *
 * What a forgotten launch may have reserved goes by clean-up (leftovers.c). */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "cycle/internal.h"

#define LAUNCHES_PATH "Toolkit/launches"

struct doubt {
    const char *id, *owner;
};
struct marker {
    bool fresh;
    struct doubt *doubts;
    size_t count;
};

static char *path_of(struct cycle *cycle, const char *type, int index)
{
    char room[TEXT_NUMBER];

    return text_join(&cycle->scratch, LAUNCHES_PATH "/", type, "-", text_of_number(index, room));
}

/* Returns whether there is one. */
static bool marker_read(struct cycle *cycle, const char *path, struct marker *ret)
{
    ssize_t len;
    const char *data = state_get(cycle->state, path, &len);

    *ret = (struct marker){0};
    if (!data)
        return false;
    ret->fresh = len <= 0;
    char *rest, *text = arena_strndup(&cycle->scratch, data, len > 0 ? (size_t)len : 0);
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        char *blank = strchr(line, ' ');
        if (blank) {
            *blank = '\0';
            *ARENA_PUSH(&cycle->scratch, ret->doubts, ret->count) = (struct doubt){line, blank + 1};
        } else if (strcmp(line, "fresh") == 0) {
            ret->fresh = true;
        }
    }
    return true;
}

static void marker_write(struct cycle *cycle, struct txn *txn, const char *path,
                         const struct marker *marker)
{
    auto_buf struct buf text = BUF_INIT;

    if (!marker->fresh && !marker->count) {
        if (state_get(cycle->state, path, NULL))
            state_delete(cycle->state, txn, path);
        return;
    }
    if (marker->fresh && marker->count)
        buf_adds(&text, "fresh\n");
    for (size_t i = 0; i < marker->count; i++)
        buf_addf(&text, "%s %s\n", marker->doubts[i].id, marker->doubts[i].owner);
    state_put(cycle->state, txn, path, buf_str(&text), (ssize_t)text.len);
}

static const char *doubtful(const struct marker *marker, const char *id)
{
    for (size_t i = 0; i < marker->count; i++) {
        if (strcmp(marker->doubts[i].id, id) == 0)
            return marker->doubts[i].owner;
    }
    return NULL;
}

/* ---- at the launch ---- */

/* Launched tasks first: a set may be shared with tasks that are only recorded, and they prove
 * nothing. NULL: no task of the launch has it. */
static const char *owner_of(const struct evaluation *evaluation, const char *id, bool launched_only)
{
    for (int launched = 1; launched >= (launched_only ? 1 : 0); launched--) {
        for (size_t i = 0; i < evaluation->n_records; i++) {
            const struct launch_record *r = &evaluation->records[i];
            if ((r->status != NULL) != launched)
                continue;
            if (resources_have_id(r->info->resources, r->info->n_resources, id))
                return r->info->name;
            if (r->info->executor &&
                resources_have_id(r->info->executor->resources, r->info->executor->n_resources, id))
                return "-";
        }
    }
    return NULL;
}

/* Id of the resource that is not what it should be when the operation is dropped. Of a volume that
 * is made again the reservation may have been there all the time. */
static const char *made_by(const Offer__Operation *op)
{
    return op->reserve  ? resource_id(op->reserve->resources[0])
           : op->create ? resource_id(op->create->volumes[0])
                        : NULL;
}

void launches_note(struct cycle *cycle, struct txn *txn, const struct requirement *need,
                   const struct evaluation *evaluation)
{
    const char *path = path_of(cycle, need->pod_type, need->pod_index);
    struct marker before, after = {.fresh = evaluation->fresh};

    leftovers_note(cycle, txn, evaluation);
    if (!marker_read(cycle, path, &before) && evaluation->fresh && evaluation->n_records == 1) {
        state_put(cycle->state, txn, path, "", 0);
        return;
    }
    for (size_t i = 0; i < evaluation->n_operations; i++) {
        const char *id = made_by(evaluation->operations[i]);
        const char *owner = id ? owner_of(evaluation, id, false) : NULL;
        if (id)
            operations_made_again(cycle, id);
        if (owner && !doubtful(&after, id) &&
            (doubtful(&before, id) || !state_expects_resource(cycle->state, id)))
            *ARENA_PUSH(&cycle->scratch, after.doubts, after.count) = (struct doubt){id, owner};
    }
    /* What this launch has nothing to do with stays as doubtful as it was; what it found in its
     * offers is there. */
    for (size_t i = 0; i < before.count && !evaluation->fresh; i++) {
        if (!owner_of(evaluation, before.doubts[i].id, true) &&
            !doubtful(&after, before.doubts[i].id))
            *ARENA_PUSH(&cycle->scratch, after.doubts, after.count) = before.doubts[i];
    }
    if (after.fresh && evaluation->n_records == 1)
        after.count = 0;
    marker_write(cycle, txn, path, &after);
}

struct strings launches_in_doubt(struct cycle *cycle, const struct requirement *need)
{
    struct marker marker;
    struct strings ret = {0};

    marker_read(cycle, path_of(cycle, need->pod_type, need->pod_index), &marker);
    for (size_t i = 0; i < marker.count && !marker.fresh; i++)
        PB_ADD(&cycle->scratch, ret.count, ret.items, marker.doubts[i].id);
    return ret;
}

bool launches_doubt(struct cycle *cycle, const struct task *task, const char *resource_id)
{
    struct marker marker;

    return marker_read(cycle, path_of(cycle, task->pod_type, task->pod_index), &marker) &&
           (marker.fresh || doubtful(&marker, resource_id));
}

/* The pod is taken away, all of it has ended, and it was on that agent. */
static bool is_leaving(const struct cycle *cycle, const struct task *pod, const char *agent_id)
{
    bool leaves = cycle->options.uninstall, was_there = false;

    for (const struct task *t = pod; t; t = t->next_in_pod) {
        if (*t->id && !(t->status_id && task_state_is_terminal(t->status_state)))
            return false;
        leaves |= t->override == OVERRIDE_DECOMMISSIONED && t->progress == PROGRESS_IN_PROGRESS;
        was_there |= strcmp(t->agent_id, agent_id) == 0;
    }
    return leaves && was_there;
}

/* The pod of a marker; NULL when none of its tasks is on record. */
static struct task *pod_of(struct cycle *cycle, const struct tree_node *marker)
{
    char *type = arena_strdup(&cycle->scratch, tree_node_name(marker)), *dash = strrchr(type, '-');

    if (!dash)
        return NULL;
    *dash = '\0';
    return state_pod(cycle->state, type, (int)strtol(dash + 1, NULL, 10));
}

struct strings launches_unproven(struct cycle *cycle, struct txn *txn, const char *agent_id)
{
    const struct tree *tree = state_tree(cycle->state);
    const bool removing = cycle->options.uninstall || tree_find(tree, DECOMMISSION_PATH);
    const struct tree_node *all = removing ? tree_find(tree, LAUNCHES_PATH) : NULL;
    struct strings ret = {0};

    for (struct tree_node *n = all ? tree_first(all) : NULL, *next; n; n = next) {
        const struct task *pod = pod_of(cycle, n);
        struct marker marker;
        next = tree_next(n); /* this one may go */
        if (!pod || !is_leaving(cycle, pod, agent_id))
            continue;
        const char *path = path_of(cycle, pod->pod_type, pod->pod_index);
        if (!marker_read(cycle, path, &marker) || !marker.count)
            continue;
        for (size_t i = 0; i < marker.count; i++)
            PB_ADD(&cycle->scratch, ret.count, ret.items, marker.doubts[i].id);
        state_delete(cycle->state, txn, path);
    }
    return ret;
}

/* ---- when a task is heard of ---- */

/* States that say: the agent does not have the task and will not get it. Not UNREACHABLE: the task
 * may be alive out there, with data. */
static bool denies_the_launch(TaskState state)
{
    return state == TASK_STATE__TASK_GONE || state == TASK_STATE__TASK_DROPPED ||
           state == TASK_STATE__TASK_UNKNOWN || state == TASK_STATE__TASK_ERROR;
}

static bool was_launched(const TaskStatus *status)
{
    return status->state == TASK_STATE__TASK_RUNNING ||
           status->state == TASK_STATE__TASK_STARTING ||
           (status->has_source && status->source != TASK_STATUS__SOURCE__SOURCE_MASTER &&
            status->state != TASK_STATE__TASK_DROPPED);
}

static void prove(struct cycle *cycle, struct txn *txn, const char *path, struct marker *marker,
                  const char *task_name)
{
    struct marker left = {0};

    for (size_t i = 0; i < marker->count; i++) {
        const struct doubt *d = &marker->doubts[i];
        if (strcmp(d->owner, "-") != 0 && strcmp(d->owner, task_name) != 0)
            *ARENA_PUSH(&cycle->scratch, left.doubts, left.count) = *d;
    }
    if (marker->fresh || left.count != marker->count)
        marker_write(cycle, txn, path, &left);
}

static void forget(struct cycle *cycle, struct txn *txn, const char *path, const char *type,
                   int index)
{
    for (struct task *t = state_pod(cycle->state, type, index); t; t = t->next_in_pod) {
        if (*t->id && !(t->status_id && denies_the_launch(t->status_state)))
            return;
    }
    for (struct task *t = state_pod(cycle->state, type, index); t; t = t->next_in_pod) {
        if (*t->agent_id)
            leftovers_await(cycle, txn, t->agent_id, t->hostname);
    }
    log_warn("the launch of %s-%d never took place: placing it anew", type, index);
    for (struct task *t; (t = state_pod(cycle->state, type, index));) {
        const char *name = arena_strdup(&cycle->scratch, t->name);
        state_delete_task(cycle->state, txn, t);
        plans_task_deleted(cycle->plans, txn, name, cycle_now(cycle));
    }
    state_delete(cycle->state, txn, path);
}

void launches_heard(struct cycle *cycle, struct txn *txn, const struct task *task,
                    const TaskStatus *status)
{
    const char *path = path_of(cycle, task->pod_type, task->pod_index);
    struct marker marker;

    if (!marker_read(cycle, path, &marker))
        return;
    if (was_launched(status))
        prove(cycle, txn, path, &marker, task->name);
    else if (marker.fresh)
        forget(cycle, txn, path, arena_strdup(&cycle->scratch, task->pod_type), task->pod_index);
}

void launches_erased(struct cycle *cycle, struct txn *txn, const char *type, int index)
{
    const char *path = path_of(cycle, type, index);

    if (!state_pod(cycle->state, type, index) && state_get(cycle->state, path, NULL))
        state_delete(cycle->state, txn, path);
}
