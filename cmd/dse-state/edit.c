/* What changes the store: with the lock, so never beside a scheduler. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/io.h"
#include "base/json.h"
#include "dse-state.h"

enum { DATA_LIMIT = 64 << 20 };

/* The lock could not be had. */
static int take_no_lock(struct store *store, struct err *err)
{
    auto_free char *why = xstrdup(err->text);

    if (err->status != EXIT_LOCKED)
        return -1;
    if (!settings.force)
        return err_set(err, EXIT_LOCKED, "%s: stop the scheduler first", why);
    if (store_force(store, err) < 0)
        return -1;
    fprintf(stderr, "dse-state: %s: writing without it\n", why);
    return 0;
}

struct store *begin_change(bool create, struct state *state, struct err *err)
{
    char host[128] = "";
    auto_store struct store *store = open_store(create, err);

    gethostname(host, sizeof host - 1);
    auto_free char *holder = xasprintf("dse-state %s %ld", host, (long)getpid());
    const struct lock_options lock = {.holder = holder, .wait_ms = 0};
    if (!store)
        return NULL;
    if (store_lock(store, &lock, err) < 0 && take_no_lock(store, err) < 0)
        return NULL;
    struct tree *tree = store_load(store, "", err);
    if (!tree || state_load(state, tree, err) < 0)
        return NULL;
    return steal_ptr(store);
}

static int operand_path(const struct invocation *inv, const char **ret, struct err *err)
{
    if (one_operand(inv, "the path", ret, err) < 0 || tree_path_check(*ret, err) < 0)
        return -1;
    if (strcmp(*ret, "lock") == 0 || strncmp(*ret, "lock/", 5) == 0)
        return err_set(err, EXIT_USAGE, "'%s': the lock is not for editing", *ret);
    return 0;
}

int put_node(const struct invocation *inv, struct err *err)
{
    auto_buf struct buf data = BUF_INIT;
    const char *path;

    if (operand_path(inv, &path, err) < 0)
        return -1;
    if (!settings.null_data && io_read_file("-", DATA_LIMIT, &data, err) < 0)
        return -1;
    auto_state struct state *state = state_new();
    auto_store struct store *store = begin_change(false, state, err);
    if (!store)
        return -1;
    struct txn *txn = txn_new();
    state_put(state, txn, path, buf_str(&data), settings.null_data ? -1 : (ssize_t)data.len);
    return store_commit(store, txn, err) < 0 ? -1 : EXIT_DONE;
}

int remove_node(const struct invocation *inv, struct err *err)
{
    const char *path;

    if (operand_path(inv, &path, err) < 0)
        return -1;
    if (!*path)
        return err_set(err, EXIT_USAGE, "the root cannot be removed");
    auto_state struct state *state = state_new();
    auto_store struct store *store = begin_change(false, state, err);
    if (!store)
        return -1;
    if (!tree_find(state_tree(state), path))
        return not_found(err, "node", path);
    struct txn *txn = txn_new();
    state_delete_in_pieces(state, txn, path);
    if (!settings.yes) {
        const size_t count = txn_count(txn);
        txn_free(txn);
        return err_set(err, EXIT_USAGE,
                       "this deletes '%s' and %zu nodes below it for good: add --yes", path,
                       count - 1);
    }
    return store_commit(store, txn, err) < 0 ? -1 : EXIT_DONE;
}

/* Reads a dump: one node a line. */
static struct tree *read_dump(const char *file, struct err *err)
{
    auto_buf struct buf text = BUF_INIT;

    if (io_read_file(file, (size_t)1 << 30, &text, err) < 0)
        return NULL;
    return dump_parse_all(buf_str(&text), text.len,
                          strcmp(file, "-") == 0 ? "standard input" : file, err);
}

int load_dump(const struct invocation *inv, struct err *err)
{
    if (inv->count > 1)
        return usage_error(err, "unexpected operand '%s'", inv->operands[1]);
    auto_tree struct tree *tree = read_dump(inv->count ? inv->operands[0] : "-", err);
    if (!tree)
        return -1;
    auto_state struct state *state = state_new();
    auto_store struct store *store = begin_change(true, state, err);
    if (!store)
        return -1;
    const struct tree *present = state_tree(state);
    const size_t kept = tree_find(present, "lock") ? 1 : 0;
    if (tree_count(present) > kept && !settings.force)
        return err_set(err, EXIT_LOCKED,
                       "'%s' is not empty, its %zu nodes would be replaced: add --force",
                       store_name(store), tree_count(present) - kept);
    struct txn *txn = txn_new();
    tree_difference(present, tree, txn);
    return store_commit(store, txn, err) < 0 ? -1 : EXIT_DONE;
}
