/* The store in a directory (doc/store-dir.md): transactions are records of a journal, made durable
 * together when several were submitted in one turn of the loop, then carried out on the files. */
#define _GNU_SOURCE
#include "state/store_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/crash.h"
#include "base/io.h"

/* Reading is repeated when the journal was emptied meanwhile, which is rare. */
enum { READ_TRIES = 50 };

int dir_root(struct dir_store *dir, struct err *err)
{
    if (dir->files.fd >= 0)
        return 1;
    dir->files.fd = open(dir->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir->files.fd >= 0)
        return 1;
    if (errno == ENOENT)
        return 0;
    return err_sys(err, files_status(errno), errno, "cannot open the store's directory '%s'",
                   dir->path);
}

static struct store *dir_open(const char *rest, const struct store_options *options,
                              struct err *err)
{
    if (strncmp(rest, "//", 2) == 0) /* dir:///path */
        rest += 2;
    if (!*rest) {
        err_set(err, EXIT_USAGE, "store 'dir:': the path is missing: give dir:PATH");
        return NULL;
    }
    if (options->create_root && io_make_dirs(rest, 0700, err) < 0)
        return NULL;
    struct dir_store *dir = xcalloc(1, sizeof *dir);
    dir->path = xstrdup(rest);
    dir->files = (struct files){-1, dir->path};
    dir->lock_fd = dir->journal_fd = -1;
    dir->touched = tree_new();
    dir->queue_tail = &dir->queue;
    if (dir_root(dir, err) < 0) {
        tree_free(dir->touched);
        free(dir->path);
        free(dir);
        return NULL;
    }
    return &dir->store;
}

static void dir_close(struct store *store)
{
    struct dir_store *dir = (struct dir_store *)store;

    while (dir->queue) {
        struct store_call *call = dir->queue;
        dir->queue = call->next;
        store_call_drop(call);
    }
    dir_unlock(dir);
    if (dir->lock_call)
        store_call_drop(dir->lock_call);
    if (dir->lock_timer)
        loop_timer_del(dir->lock_timer);
    if (dir->files.fd >= 0)
        close(dir->files.fd);
    tree_free(dir->touched);
    free(dir->path);
}

/* ---- transactions ---- */

static int base_exists(void *ctx, const char *path, struct err *err)
{
    return files_exists(ctx, path, err);
}

static int base_children(void *ctx, const char *path, bool (*fn)(void *fn_ctx, const char *name),
                         void *fn_ctx, struct err *err)
{
    return files_children(ctx, path, fn, fn_ctx, err);
}

static void dir_submit(struct store *store, struct store_call *call)
{
    struct dir_store *dir = (struct dir_store *)store;

    call->next = NULL;
    *dir->queue_tail = call;
    dir->queue_tail = &call->next;
    store_wake(store);
}

/* Verifies and encodes calls from the first on; returns how many are good. The next one, if any,
 * is bad, and `err` says why. */
static size_t encode_calls(struct dir_store *dir, const struct store_call *first,
                           struct buf *records, struct err *err)
{
    struct txn_base base = {&dir->files, base_exists, base_children};
    auto_tree struct tree *overlay = tree_new();
    size_t good = 0;

    for (const struct store_call *c = first; c; c = c->next, good++) {
        const size_t start = records->len;
        if (txn_verify(c->txn, overlay, &base, err) < 0)
            break;
        if (journal_encode(records, dir->next + good, c->txn, err) < 0) {
            records->len = start;
            break;
        }
    }
    return good;
}

static int write_journal(struct dir_store *dir, const struct buf *records, struct err *err)
{
    crash_point("before the journal is written");
    if (io_write_all(dir->journal_fd, records->data, records->len) < 0) {
        const int errnum = errno;
        if (ftruncate(dir->journal_fd, (off_t)dir->journal_bytes) < 0)
            return err_sys(err, EXIT_UNREACHABLE, errno, "cannot cut '%s/%s'", dir->path,
                           JOURNAL_NAME);
        return err_sys(err, EXIT_UNREACHABLE, errnum, "cannot write '%s/%s'", dir->path,
                       JOURNAL_NAME);
    }
    crash_point("journal written, not synced");
    if (fdatasync(dir->journal_fd) < 0)
        return err_sys(err, EXIT_UNREACHABLE, errno, "cannot sync '%s/%s'", dir->path,
                       JOURNAL_NAME);
    crash_point("journal synced");
    dir->journal_bytes += records->len;
    return 0;
}

static int apply_call(struct dir_store *dir, const struct txn *txn, struct err *err)
{
    for (size_t i = 0; i < txn_count(txn); i++) {
        const struct txn_op *op = txn_op(txn, i);
        if (op->kind == TXN_CHECK)
            continue;
        if (files_apply(&dir->files, op, err) < 0)
            return -1;
        tree_put(dir->touched, op->path, "", 0);
        crash_point("between files");
    }
    return 0;
}

/* Carries out what is queued, in order; ends all calls. */
static void commit_queue(struct dir_store *dir, struct store_call *calls)
{
    auto_buf struct buf records = BUF_INIT;
    struct err err = ERR_INIT, apply_err = ERR_INIT;
    size_t good = encode_calls(dir, calls, &records, &err);
    bool broken = false;

    if (good && write_journal(dir, &records, &apply_err) < 0)
        broken = true;
    for (size_t i = 0; calls; i++) {
        struct store_call *call = calls;
        calls = call->next;
        if (!broken && i < good) {
            dir->next++;
            if (apply_call(dir, call->txn, &apply_err) < 0)
                broken = true;
        }
        if (broken)
            store_call_fail(call, &apply_err);
        else if (i < good)
            store_call_done(call);
        else
            store_call_fail(call, dir->store.failed ? dir->store.failed : &err);
    }
}

static void fail_queue(struct store_call *calls, const struct err *err)
{
    while (calls) {
        struct store_call *call = calls;
        calls = call->next;
        store_call_fail(call, err);
    }
}

static void dir_turn(struct store *store)
{
    struct dir_store *dir = (struct dir_store *)store;
    struct store_call *calls = dir->queue;
    struct err err = ERR_INIT;
    bool borrowed = false;

    dir->queue = NULL;
    dir->queue_tail = &dir->queue;
    if (calls && !store->failed && dir->lock_fd < 0) {
        /* A tool without the lock: take it for as long as this takes. */
        if (dir_lock_now(dir, "a tool, for one change", &err) < 0) {
            fail_queue(calls, &err);
            return;
        }
        borrowed = true;
    }
    if (calls && !store->failed && dir_check_lock(dir, &err) < 0) {
        store_lock_lost(store, &err);
        fail_queue(calls, &err);
        return;
    }
    if (calls && store->failed) {
        fail_queue(calls, store->failed);
        return;
    }
    if (calls)
        commit_queue(dir, calls);
    if (borrowed) {
        dir_unlock(dir);
    } else if (dir->journal_bytes > JOURNAL_LIMIT && !store->failed) {
        /* Those who wait for this turn's transactions come first, unless there is no pause. */
        if (calls && dir->journal_bytes < 4 * (size_t)JOURNAL_LIMIT)
            store_wake(store);
        else if (dir_checkpoint(dir, &err) < 0)
            store_lock_lost(store, &err);
    }
}

/* ---- posts ---- */

/* A replay of the journal would delete again what is posted where a node was deleted. */
static int check_journal(struct dir_store *dir, const char *path, struct err *err)
{
    auto_journal_image struct journal_image image;
    struct txn *txn;
    size_t at = 0;
    bool deleted = false;

    if (journal_read(dir->files.fd, &image, err) < 0)
        return -1;
    while (!deleted && (txn = journal_next(&image, &at)) != NULL) {
        for (size_t i = 0; i < txn_count(txn); i++) {
            const struct txn_op *op = txn_op(txn, i);
            const size_t len = strlen(op->path);
            deleted |= op->kind == TXN_DELETE && strncmp(op->path, path, len) == 0 &&
                       (path[len] == '\0' || path[len] == '/');
        }
        txn_free(txn);
    }
    if (deleted && files_exists(&dir->files, path, err) == 0)
        return err_set(err, EXIT_LOCKED, "cannot create '%s': it was deleted a moment ago", path);
    return 0;
}

static void dir_post(struct store *store, struct store_call *call)
{
    struct dir_store *dir = (struct dir_store *)store;
    struct err err = ERR_INIT;
    int root = dir_root(dir, &err);

    if (root == 0)
        root = err_set(&err, EXIT_UNREACHABLE, "store '%s': no such directory '%s'", store->name,
                       dir->path);
    if (root < 0 || check_journal(dir, call->path, &err) < 0 ||
        files_post(&dir->files, call->path, call->data, call->len, &err) < 0)
        store_call_fail(call, &err);
    else
        store_call_done(call);
}

/* ---- reading ---- */

static bool is_below(const char *path, const char *top)
{
    const size_t len = strlen(top);

    return len == 0 || (strncmp(path, top, len) == 0 && (path[len] == '\0' || path[len] == '/'));
}

/* Every record that may show in the files, whole or in part, is in the journal: carrying all of
 * them out on what was read gives the state after the last. */
static void overlay(const struct journal_image *image, const char *top, struct tree *tree)
{
    struct txn *txn;
    size_t at = 0;

    while ((txn = journal_next(image, &at)) != NULL) {
        for (size_t i = 0; i < txn_count(txn); i++) {
            const struct txn_op *op = txn_op(txn, i);
            if (is_below(op->path, top) && strncmp(op->path, "lock/", 5) != 0)
                txn_apply_op(op, tree);
        }
        txn_free(txn);
    }
}

/* One try: 1 a snapshot, 0 the journal was emptied meanwhile. The writer itself has carried out all
 * that is in the journal. */
static int read_snapshot(struct dir_store *dir, const struct store_call *call, struct tree *tree,
                         struct err *err)
{
    auto_journal_image struct journal_image image = {BUF_INIT, 0, 0, 0};
    uint64_t first;

    if (dir->lock_fd >= 0 && !dir->store.failed)
        return files_load(&dir->files, call, tree, err) < 0 ? -1 : 1;
    if (journal_read_first(dir->files.fd, &first, err) < 0 ||
        files_load(&dir->files, call, tree, err) < 0 ||
        journal_read(dir->files.fd, &image, err) < 0)
        return -1;
    if (image.first != first)
        return 0;
    overlay(&image, call->path, tree);
    return 1;
}

static void dir_load(struct store *store, struct store_call *call)
{
    struct dir_store *dir = (struct dir_store *)store;
    struct err err = ERR_INIT;
    int done = dir_root(dir, &err);

    if (done > 0 && dir->queue)
        dir_turn(store);
    call->tree = tree_new();
    if (done == 0)
        done = 2; /* no directory: an empty tree */
    for (int tries = 0; done == 1 && tries < READ_TRIES; tries++) {
        tree_free(call->tree);
        call->tree = tree_new();
        int got = read_snapshot(dir, call, call->tree, &err);
        done = got < 0 ? -1 : got > 0 ? 2 : 1;
    }
    if (done == 1)
        done =
            err_set(&err, EXIT_LOCKED, "store '%s' keeps changing while it is read", store->name);
    if (done < 0)
        store_call_fail(call, &err);
    else
        store_call_done(call);
}

const struct store_ops store_dir_ops = {
    .scheme = "dir",
    .open = dir_open,
    .close = dir_close,
    .submit = dir_submit,
    .load = dir_load,
    .lock = dir_lock,
    .lock_info = dir_lock_info,
    .post = dir_post,
    .turn = dir_turn,
    .watch_add = dir_watch_add,
    .watch_del = dir_watch_del,
};
