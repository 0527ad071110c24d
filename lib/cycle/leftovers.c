/* Reservations that no record wants any more: what a forgotten launch may have made, what clean-up
 * asked an agent to free, what a launch gave back. That needs an offer of the agent, and one more
 * to see that it was carried out, since a master drops operations without a word (see offer-cycle
 * 6.1): offers are not suppressed before one came that shows nothing of it.
 *
 * An uninstall completes a step when its resource is no longer recorded, and that is so before
 * UNRESERVE leaves: a crash between the two would tear the framework down over a reservation that
 * nobody can free any more. So it waits for such an offer of each host: Toolkit/unreserving/HOST.
 *
 * Toolkit/void-launches/AGENT is there until then. It holds a line "ID THOUSANDTHS TASK" for each
 * reservation of which a launch gave a part back: that the record expects the rest must not hide
 * that the UNRESERVE was dropped. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "cycle/internal.h"

#define LEFTOVERS_PATH "Toolkit/void-launches"

static char *leftovers_path(struct cycle *cycle, const char *agent_id)
{
    return text_join(&cycle->scratch, LEFTOVERS_PATH "/", agent_id);
}

/* For an uninstall it counts where something may be left, whichever agent the host has then. */
static char *host_path(struct cycle *cycle, const char *hostname)
{
    return text_join(&cycle->scratch, UNRESERVING_PATH "/", hostname);
}

void leftovers_await(struct cycle *cycle, struct txn *txn, const char *agent_id,
                     const char *hostname)
{
    const char *agent = leftovers_path(cycle, agent_id), *host = host_path(cycle, hostname);

    /* Both are another's words, and become parts of a path. */
    if (!cycle->options.uninstall && tree_name_is_good(agent_id) &&
        !state_get(cycle->state, agent, NULL))
        state_put(cycle->state, txn, agent, "", 0);
    if (tree_name_is_good(hostname) && !state_get(cycle->state, host, NULL))
        state_put(cycle->state, txn, host, "", 0);
}

/* ---- what launches give back ---- */

struct given_back {
    const char *id, *task;
    milli amount;
};

static struct given_back *given_back(struct cycle *cycle, const char *agent_id, size_t *ret_count)
{
    struct arena *arena = &cycle->scratch;
    struct given_back *list = NULL;
    ssize_t len;
    const char *data = state_get(cycle->state, leftovers_path(cycle, agent_id), &len);
    char *rest, *text = data && len > 0 ? arena_strndup(arena, data, (size_t)len) : NULL;

    *ret_count = 0;
    for (char *line = text ? strtok_r(text, "\n", &rest) : NULL; line;
         line = strtok_r(NULL, "\n", &rest)) {
        char *words, *id = strtok_r(line, " ", &words), *amount = strtok_r(NULL, " ", &words),
                     *task = strtok_r(NULL, " ", &words);
        if (task)
            *ARENA_PUSH(arena, list, *ret_count) =
                (struct given_back){id, task, strtoll(amount, NULL, 10)};
    }
    return list;
}

/* A part of a recorded reservation is given back by an UNRESERVE that is about to leave. It stands
 * for all that may be left over: what an earlier one should have given back was in the same offer.
 */
static void await_given_back(struct cycle *cycle, struct txn *txn, const TaskInfo *task,
                             const Resource *part)
{
    const char *agent_id = task->agent_id->value;
    auto_buf struct buf text = BUF_INIT;
    size_t n;
    const struct given_back *before = given_back(cycle, agent_id, &n);

    for (size_t i = 0; i < n && text.len < GIVEN_BACK_BYTES; i++)
        if (strcmp(before[i].id, resource_id(part)) != 0)
            buf_addf(&text, "%s %" PRId64 " %s\n", before[i].id, before[i].amount, before[i].task);
    buf_addf(&text, "%s %" PRId64 " %s\n", resource_id(part), milli_from(part->scalar->value),
             task->name);
    state_put(cycle->state, txn, leftovers_path(cycle, agent_id), buf_str(&text),
              (ssize_t)text.len);
}

static const TaskInfo *user_of(const struct evaluation *evaluation, const Resource *resource)
{
    const char *id = resource_id(resource);

    for (size_t i = 0; i < evaluation->n_records; i++) {
        const TaskInfo *info = evaluation->records[i].info;
        const ExecutorInfo *executor = info->executor;
        if (resources_have_id(info->resources, info->n_resources, id) ||
            (executor && resources_have_id(executor->resources, executor->n_resources, id)))
            return info;
    }
    return NULL;
}

/* What is not on record afterwards goes by clean-up anyway. */
void leftovers_note(struct cycle *cycle, struct txn *txn, const struct evaluation *evaluation)
{
    for (size_t i = 0; i < evaluation->n_operations; i++) {
        const Offer__Operation *op = evaluation->operations[i];
        const Resource *part = op->unreserve ? op->unreserve->resources[0] : NULL;
        const TaskInfo *task = part && part->scalar ? user_of(evaluation, part) : NULL;
        if (task && tree_name_is_good(task->agent_id->value))
            await_given_back(cycle, txn, task, part);
    }
}

/* ---- when offers come ---- */

static bool any_offered(Offer *const *offers, size_t n_offers, Resource *const *resources,
                        size_t count, const struct given_back *list, size_t n)
{
    for (size_t i = 0; i < count; i++) {
        const char *id = resource_id(resources[i]);
        bool listed = !id;
        for (size_t j = 0; j < n && !listed; j++)
            listed = strcmp(list[j].id, id) == 0;
        for (size_t j = 0; j < n_offers && !listed; j++)
            if (resources_have_id(offers[j]->resources, offers[j]->n_resources, id))
                return true;
    }
    return false;
}

/* Something else of the task is offered: it does not run, so what is offered of its reservation may
 * be the part that is to stay. */
static bool is_free(struct cycle *cycle, const struct given_back *of, Offer *const *offers,
                    size_t n_offers, const struct given_back *list, size_t n)
{
    const struct task *task = state_task(cycle->state, of->task);
    const TaskInfo *info = task ? state_task_info(cycle->state, task, &cycle->scratch, NULL) : NULL;

    return !info || any_offered(offers, n_offers, info->resources, info->n_resources, list, n) ||
           (info->executor && any_offered(offers, n_offers, info->executor->resources,
                                          info->executor->n_resources, list, n));
}

void leftovers_surplus(struct cycle *cycle, Offer *const *offers, size_t n_offers,
                       struct cleanup *ret)
{
    struct surplus *surplus = NULL;
    size_t n;
    const struct given_back *list = given_back(cycle, offers[0]->agent_id->value, &n);

    for (size_t i = 0; i < n; i++)
        if (!is_free(cycle, &list[i], offers, n_offers, list, n))
            *ARENA_PUSH(&cycle->scratch, surplus, ret->n_surplus) =
                (struct surplus){list[i].id, list[i].amount};
    ret->surplus = surplus;
}

static bool any_below(const struct cycle *cycle, const char *path)
{
    const struct tree_node *node = tree_find(state_tree(cycle->state), path);

    return node && tree_node_child_count(node);
}

bool leftovers_awaited(const struct cycle *cycle)
{
    return any_below(cycle, LEFTOVERS_PATH);
}

bool leftovers_anywhere(const struct cycle *cycle)
{
    return any_below(cycle, UNRESERVING_PATH);
}

void leftovers_offered(struct cycle *cycle, const char *agent_id, const char *hostname)
{
    const char *paths[] = {leftovers_path(cycle, agent_id), host_path(cycle, hostname)};
    struct txn *txn = NULL;

    if (kill_is_pending_on(cycle, agent_id))
        return; /* what a task still uses is not offered: another offer shows it when it has ended
                 */
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        if (!state_get(cycle->state, paths[i], NULL))
            continue;
        txn = txn ? txn : txn_new();
        state_delete(cycle->state, txn, paths[i]);
    }
    if (!txn)
        return;
    cycle_submit(cycle, txn, NULL);
    cycle->round_wanted |= cycle->options.uninstall;
}

bool leftovers_give_up(struct cycle *cycle, struct txn *txn, const char *hostname)
{
    const char *path = hostname ? host_path(cycle, hostname) : UNRESERVING_PATH;

    if (!tree_find(state_tree(cycle->state), path))
        return false;
    state_delete(cycle->state, txn, path);
    return true;
}
