/* The lock of a directory store and what its holder does first and last: an open file description
 * lock on `.lock`, so that it goes with the process, however that ends. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/crash.h"
#include "base/io.h"
#include "state/store_dir.h"

#define LOCK_NAME ".lock"

enum { LOCK_STEP_MS = 50, LOCK_WAIT_MS = 1000, OLD_POST_S = 600 };

/* ---- the journal, by the holder ---- */

int dir_checkpoint(struct dir_store *dir, struct err *err)
{
    crash_point("checkpoint: begin");
    if (files_sync(&dir->files, dir->touched, err) < 0)
        return -1;
    crash_point("checkpoint: files are durable");
    if (journal_replace(dir->files.fd, dir->next, err) < 0)
        return -1;
    crash_point("checkpoint: end");
    close(dir->journal_fd);
    dir->journal_fd = journal_open(dir->files.fd, err);
    if (dir->journal_fd < 0)
        return -1;
    dir->journal_bytes = JOURNAL_HEADER;
    tree_delete(dir->touched, "");
    return 0;
}

static void close_journal(struct dir_store *dir)
{
    if (dir->journal_fd >= 0)
        close(dir->journal_fd);
    dir->journal_fd = -1;
    dir->journal_bytes = 0;
    tree_delete(dir->touched, "");
}

/* What is in the journal may not be in the files: carry all of it out again. */
static int replay(struct dir_store *dir, struct err *err)
{
    auto_journal_image struct journal_image image;
    struct txn *txn;
    size_t at = 0;

    if (journal_read(dir->files.fd, &image, err) < 0)
        return -1;
    while ((txn = journal_next(&image, &at)) != NULL) {
        int failed = 0;
        for (size_t i = 0; i < txn_count(txn) && !failed; i++) {
            crash_point("replay: before an operation");
            failed = files_apply(&dir->files, txn_op(txn, i), err);
            tree_put(dir->touched, txn_op(txn, i)->path, "", 0);
        }
        txn_free(txn);
        if (failed)
            return -1;
    }
    dir->journal_fd = journal_open(dir->files.fd, err);
    if (dir->journal_fd < 0)
        return -1;
    /* A record torn by a crash goes, so that the next one does not stand behind rubbish. */
    if (image.valid && image.bytes.len > image.valid &&
        (ftruncate(dir->journal_fd, (off_t)image.valid) < 0 || fdatasync(dir->journal_fd) < 0))
        return err_sys(err, EXIT_UNREACHABLE, errno, "cannot cut '%s'", JOURNAL_NAME);
    dir->journal_bytes = image.valid ? image.valid : JOURNAL_HEADER;
    dir->next = image.next;
    return 0;
}

/* ---- the lock ---- */

static int read_holder(int fd, char *text, size_t size)
{
    ssize_t len = pread(fd, text, size - 1, 0);

    text[len > 0 ? len : 0] = '\0';
    text[strcspn(text, "\n")] = '\0';
    return len < 0 ? -1 : 0;
}

static int locked_by(struct dir_store *dir, int fd, struct err *err)
{
    char holder[256];

    read_holder(fd, holder, sizeof holder);
    return err_set(err, EXIT_LOCKED, "the lock of '%s' is held by '%s'", dir->store.name,
                   *holder ? holder : "another process");
}

static int open_lock(struct dir_store *dir, struct err *err)
{
    int root = dir_root(dir, err);

    if (root < 0)
        return -1;
    if (root == 0)
        return err_set(err, EXIT_UNREACHABLE, "store '%s': no such directory '%s'", dir->store.name,
                       dir->path);
    int fd = openat(dir->files.fd, LOCK_NAME, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return err_sys(err, files_status(errno), errno, "cannot open '%s/%s'", dir->path,
                       LOCK_NAME);
    return fd;
}

int dir_lock_now(struct dir_store *dir, const char *holder, struct err *err)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    auto_close int fd = open_lock(dir, err);

    if (fd < 0)
        return -1;
    if (fcntl(fd, F_OFD_SETLK, &lock) < 0) {
        if (errno == EAGAIN || errno == EACCES)
            return locked_by(dir, fd, err);
        return err_sys(err, EXIT_UNREACHABLE, errno, "cannot lock '%s/%s'", dir->path, LOCK_NAME);
    }
    auto_free char *line = xasprintf("%s\n", holder);
    if (ftruncate(fd, 0) < 0 || pwrite(fd, line, strlen(line), 0) < 0)
        return err_sys(err, EXIT_UNREACHABLE, errno, "cannot write '%s/%s'", dir->path, LOCK_NAME);
    files_drop_old_posts(&dir->files, time(NULL) - OLD_POST_S);
    if (replay(dir, err) < 0) {
        close_journal(dir);
        return err_prefix(err, "store '%s'", dir->store.name);
    }
    dir->lock_fd = steal_fd(&fd);
    return 0;
}

void dir_unlock(struct dir_store *dir)
{
    struct err ignored = ERR_INIT; /* the journal stays and is replayed by the next holder */

    if (dir->lock_fd < 0)
        return;
    if (dir->journal_fd >= 0 && tree_count(dir->touched) && !dir->store.failed)
        dir_checkpoint(dir, &ignored);
    close_journal(dir);
    close(dir->lock_fd);
    dir->lock_fd = -1;
}

int dir_check_lock(struct dir_store *dir, struct err *err)
{
    struct stat ours, named;

    if (fstat(dir->lock_fd, &ours) == 0 &&
        fstatat(dir->files.fd, LOCK_NAME, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
        ours.st_ino == named.st_ino && ours.st_dev == named.st_dev)
        return 0;
    return err_set(err, EXIT_LOCKED, "the lock of '%s' is lost: '%s/%s' was removed",
                   dir->store.name, dir->path, LOCK_NAME);
}

/* ---- the calls ---- */

static void try_lock(struct dir_store *dir)
{
    struct store_call *call = steal_ptr(dir->lock_call);
    struct err err = ERR_INIT;

    if (dir->lock_fd >= 0 || dir_lock_now(dir, call->holder, &err) == 0) {
        store_call_done(call);
    } else if (err.status != EXIT_LOCKED || loop_now_ms() >= dir->lock_until_ms) {
        store_call_fail(call, &err);
    } else {
        dir->lock_call = call;
        loop_timer_in(dir->lock_timer, LOCK_STEP_MS);
    }
}

static void lock_timer_fn(void *ctx)
{
    try_lock(ctx);
}

void dir_lock(struct store *store, struct store_call *call)
{
    struct dir_store *dir = (struct dir_store *)store;
    /* The kernel frees a dead holder's lock at once: what is waited for is its end. */
    const int64_t wait = call->wait_ms < 0 ? LOCK_WAIT_MS : call->wait_ms;

    if (!dir->lock_timer)
        dir->lock_timer = loop_timer_add(store->loop, lock_timer_fn, dir);
    dir->lock_call = call;
    dir->lock_until_ms = loop_now_ms() + wait;
    try_lock(dir);
}

void dir_lock_info(struct store *store, struct store_call *call)
{
    struct dir_store *dir = (struct dir_store *)store;
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    struct err err = ERR_INIT;
    int root = dir_root(dir, &err);
    auto_close int fd =
        root > 0 ? openat(dir->files.fd, LOCK_NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) : -1;

    if (root == 0 || (root > 0 && fd < 0 && errno == ENOENT)) {
        store_call_done(call);
        return;
    }
    if (root > 0 && (fd < 0 || fcntl(fd, F_OFD_GETLK, &lock) < 0))
        root = err_sys(&err, files_status(errno), errno, "cannot look at the lock of '%s'",
                       store->name);
    if (root < 0) {
        store_call_fail(call, &err);
        return;
    }
    call->info.held = call->info.ours = lock.l_type != F_UNLCK;
    if (call->info.held)
        read_holder(fd, call->info.holder, sizeof call->info.holder);
    store_call_done(call);
}
