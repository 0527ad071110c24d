/* The end of a service (see plans-and-recovery 9): tear-down, then the wipe.
 *
 * The original wipes first and tears down afterwards; a crash between the two leaves the framework
 * registered for two weeks with no id to tear it down. Here TEARDOWN leaves first, and the store is
 * wiped when the master says "Framework has been removed". The framework id goes last, so that
 * every cut of the wipe starts again at the same place. */
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "cycle/internal.h"

/* A wipe's transaction, kept well below TXN_LIMIT. */
enum { WIPE_BYTES = 256 * 1024 };

/* ---- start ---- */

static int note_uninstalling(struct cycle *cycle, struct txn *txn, struct err *err)
{
    if (state_uninstalling(cycle->state))
        return 0;
    return state_put_property(cycle->state, txn, "uninstalling", "true", 4, err);
}

void cycle_uninstall(struct cycle *cycle)
{
    struct err err = ERR_INIT;
    struct txn *txn;

    if (!cycle->framework_id) {
        log_info("no framework id is stored: there is nothing to tear down");
        uninstall_wipe(cycle);
        return;
    }
    txn = txn_new();
    if (note_uninstalling(cycle, txn, &err)) {
        txn_free(txn);
        cycle_stop(cycle, err.status, "cannot note the uninstall: %s", err.text);
        return;
    }
    cycle_submit(cycle, txn, NULL);
    if (!cycle->target)
        cycle_stop(cycle, EXIT_INPUT,
                   "framework '%s' is stored without a target configuration, so its roles are not "
                   "known: restore one with 'dse-state load'",
                   cycle->framework_id);
}

/* ---- tear-down ---- */

void uninstall_deregister(struct cycle *cycle, bool force)
{
    if (cycle_now(cycle) < cycle->teardown_ms || (!force && leftovers_anywhere(cycle)))
        return;
    cycle->teardown_ms = INT64_MAX;
    log_info("tearing framework %s down", cycle->framework_id);
    struct pending *pending = pending_new(cycle);
    pending_add(pending, cycle_call(cycle, CALL__TYPE__TEARDOWN));
    cycle_submit(cycle, txn_new(), pending);
}

void uninstall_teardown_lost(struct cycle *cycle, int64_t again_ms)
{
    if (cycle->teardown_ms == INT64_MAX)
        cycle->teardown_ms = again_ms;
}

bool uninstall_was_removed(struct cycle *cycle, const char *message)
{
    if (!cycle->options.uninstall || !strstr(message, "Framework has been removed"))
        return false;
    log_info("the master has removed the framework");
    uninstall_wipe(cycle);
    return true;
}

/* ---- wipe ---- */

static void submit_when_full(struct cycle *cycle, struct txn **txn)
{
    if (txn_bytes(*txn) < WIPE_BYTES)
        return;
    cycle_submit(cycle, *txn, NULL);
    *txn = txn_new();
}

/* Deletes the children of a node one by one, so that no transaction grows with their number. */
static void wipe_children(struct cycle *cycle, struct txn **txn, const char *path,
                          const char *const *kept)
{
    for (;;) {
        const struct tree_node *node = tree_find(state_tree(cycle->state), path);
        const struct tree_node *child = node ? tree_first(node) : NULL;
        for (bool skip = true; child && skip;) {
            skip = false;
            for (const char *const *k = kept; *k && !skip; k++)
                skip = strcmp(*k, tree_node_name(child)) == 0;
            if (skip)
                child = tree_next(child);
        }
        if (!child)
            return;
        auto_free char *victim = *path ? xasprintf("%s/%s", path, tree_node_name(child))
                                       : xstrdup(tree_node_name(child));
        state_delete_in_pieces(cycle->state, *txn, victim);
        submit_when_full(cycle, txn);
    }
}

static void wiped(void *ctx, const struct err *err)
{
    struct cycle *cycle = ctx;

    if (err) {
        cycle_stop(cycle, err->status, "cannot wipe the state: %s", err->text);
        return;
    }
    log_info("### UNINSTALL IS COMPLETE! ###");
    cycle_stop(cycle, EXIT_DONE, "the service is uninstalled");
}

void uninstall_wipe(struct cycle *cycle)
{
    static const char *const nothing[] = {NULL};
    static const char *const flags[] = {"uninstalling", NULL};
    static const char *const stays[] = {"lock", "FrameworkID", NULL};
    const char *const target[] = {cycle->target_id, NULL};

    if (cycle->stopped || cycle->wiping)
        return;
    struct txn *txn = txn_new();
    cycle->wiping = true;
    plans_free(cycle->plans); /* they are about what now goes */
    cycle->plans = NULL;
    /* What grows with the service goes piece by piece; what says that an uninstall is under way,
     * and with which roles, goes with the last transaction, the framework id as its last operation.
     */
    wipe_children(cycle, &txn, "Tasks", nothing);
    wipe_children(cycle, &txn, "Properties", flags);
    wipe_children(cycle, &txn, "Configurations", target);
    wipe_children(cycle, &txn, "Toolkit/done", nothing);
    wipe_children(cycle, &txn, REQUESTS_PATH, nothing);
    cycle_submit(cycle, txn, NULL);
    txn = txn_new();
    for (;;) {
        size_t before = txn_count(txn);
        const struct tree_node *root = tree_find(state_tree(cycle->state), "");
        for (const struct tree_node *c = root ? tree_first(root) : NULL; c; c = tree_next(c)) {
            if (strcmp(tree_node_name(c), stays[0]) == 0 ||
                strcmp(tree_node_name(c), stays[1]) == 0)
                continue;
            auto_free char *victim = xstrdup(tree_node_name(c));
            state_delete(cycle->state, txn, victim);
            break;
        }
        if (txn_count(txn) == before)
            break;
    }
    state_delete(cycle->state, txn, "FrameworkID");
    if (tree_find(state_tree(cycle->state), ""))
        txn_set(txn, "", NULL, -1); /* as the original leaves its root (state-store 3.7) */
    store_submit(cycle->options.store, txn, wiped, cycle);
}
