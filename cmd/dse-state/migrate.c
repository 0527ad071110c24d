/* `dse-state migrate`: from the layout of one service to that of several (see state-store 7.2).
 * The original's cannot be begun anew after a crash; this one can: what is copied already is found
 * equal, the version changes when all copies are there, and then the originals go. So no scheduler
 * of one service starts on a part of its tree. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "dse-state.h"

static const char *const parts[] = {"Configurations", "ConfigTarget", "Properties", "Tasks"};

/* All that is below `copy` is below the root, the same: it is a part of a copy. */
static bool is_part_of(const struct tree *tree, const struct tree_node *copy)
{
    const size_t skip = strlen(tree_node_name(copy)) + 1;

    for (const struct tree_node *n = tree_walk(copy, copy); n; n = tree_walk(copy, n)) {
        auto_buf struct buf path = BUF_INIT;
        tree_node_path(n, &path);
        const struct tree_node *own = tree_find(tree, buf_str(&path) + skip);
        if (!own || tree_node_len(own) != tree_node_len(n) ||
            (tree_node_len(n) > 0 &&
             memcmp(tree_node_data(own), tree_node_data(n), (size_t)tree_node_len(n)) != 0))
            return false;
    }
    return true;
}

/* Under the name of an attempt that was cut off, if there was one. */
static char *backup_name(const struct state *state)
{
    const struct tree *tree = state_tree(state);
    char text[64];
    struct tm now;
    const time_t seconds = time(NULL);

    for (const struct tree_node *n = tree_first(tree_root(tree)); n; n = tree_next(n)) {
        if (strncmp(tree_node_name(n), "backup-", 7) == 0 && is_part_of(tree, n))
            return xstrdup(tree_node_name(n));
    }
    localtime_r(&seconds, &now);
    strftime(text, sizeof text, "backup-%Y-%m-%d-%H%M%S", &now);
    return xstrdup(text);
}

static void copy(struct state *state, struct txn *txn, const struct tree *from, const char *part,
                 const char *to)
{
    const struct tree_node *top = tree_find(from, part);

    for (const struct tree_node *n = top; n; n = tree_walk(top, n)) {
        auto_buf struct buf path = BUF_INIT;
        tree_node_path(n, &path);
        auto_free char *target = xasprintf("%s/%s", to, buf_str(&path));
        txn_border(txn);
        state_put(state, txn, target, tree_node_data(n), tree_node_len(n));
    }
}

static char *place_of(const char *service)
{
    auto_buf struct buf root = BUF_INIT;
    struct err ignored = ERR_INIT;

    service_root_name(service, &root, &ignored); /* it is stored under such a name already */
    return xasprintf("Services/%s", buf_str(&root) + strlen("dcos-service-"));
}

static void drop_originals(struct state *state, struct txn *txn)
{
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        txn_border(txn);
        state_delete_in_pieces(state, txn, parts[i]);
    }
}

static void move_all(struct state *state, struct txn *txn, const struct tree *from,
                     const char *service)
{
    auto_free char *backup = backup_name(state);
    auto_free char *target = place_of(service);

    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        copy(state, txn, from, parts[i], backup);
    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        copy(state, txn, from, parts[i], target);
    txn_border(txn);
    state_put(state, txn, "SchemaVersion", "2", 1);
    drop_originals(state, txn);
}

/* An attempt may have been cut off when the version was new already: there are originals left, all
 * of which have a copy. */
static bool is_left_over(const struct state *state, const char *service)
{
    auto_free char *target = place_of(service);
    bool found = false;

    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        auto_free char *copied = xasprintf("%s/%s", target, parts[i]);
        if (!tree_find(state_tree(state), parts[i]))
            continue;
        if (!tree_find(state_tree(state), copied))
            return false;
        found = true;
    }
    return found;
}

int migrate(const struct invocation *inv, struct err *err)
{
    if (no_operands(inv, err) < 0)
        return -1;
    auto_state struct state *state = state_new();
    auto_store struct store *store = begin_change(false, state, err);
    auto_tree struct tree *from = store ? store_load(store, "", err) : NULL;
    if (!from)
        return -1;
    const char *version = state_schema_version(state), *service = state_service_name(state);
    if (!version || !service)
        return err_set(err, EXIT_NO, "there is no service to migrate in '%s'", store_name(store));
    if (strcmp(version, "2") == 0 && is_left_over(state, service)) {
        struct txn *rest = txn_new();
        drop_originals(state, rest);
        return store_commit(store, rest, err) < 0 ? -1 : EXIT_DONE;
    }
    if (strcmp(version, "2") == 0) {
        printf("the layout is that of several services already\n");
        return EXIT_DONE;
    }
    if (strcmp(version, "1") != 0)
        return err_set(err, EXIT_INPUT, "schema version '%s' cannot be migrated", version);
    if (!settings.yes)
        return err_set(err, EXIT_USAGE,
                       "this turns the state of '%s' into that of a scheduler of several services, "
                       "which neither this toolkit nor a scheduler of one service can run: add "
                       "--yes",
                       service);
    auto_free char *name = xstrdup(service);
    struct txn *txn = txn_new();
    move_all(state, txn, from, name);
    return store_commit(store, txn, err) < 0 ? -1 : EXIT_DONE;
}
