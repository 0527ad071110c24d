#define _GNU_SOURCE
#include "state/dir_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/crash.h"
#include "base/io.h"
#include "state/store_impl.h"

/* Above so many nodes one sync of the file system is cheaper than one of each. */
enum { SYNC_EACH = 32, POST_TRIES = 5 };

#define POST_PREFIX ".post-"

enum exit_status files_status(int errnum)
{
    return errnum == EACCES || errnum == EPERM || errnum == EROFS ? EXIT_DENIED : EXIT_UNREACHABLE;
}

static int fail(const struct files *files, const char *node, const char *what, struct err *err)
{
    const int errnum = errno;

    return err_sys(err, files_status(errnum), errnum, "cannot %s '%s%s%s'", what, files->path,
                   *node ? "/" : "", node);
}

char *files_data_path(const char *node)
{
    return *node ? xasprintf("%s/" DATA_NAME, node) : xstrdup(DATA_NAME);
}

static int open_node(const struct files *files, const char *node)
{
    return openat(files->fd, *node ? node : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
}

/* ---- looking ---- */

int files_exists(const struct files *files, const char *node, struct err *err)
{
    struct stat st;

    if (fstatat(files->fd, *node ? node : ".", &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT || errno == ENOTDIR ? 0 : fail(files, node, "look at", err);
    return S_ISDIR(st.st_mode);
}

static bool is_node(int dir, const struct dirent *entry)
{
    struct stat st;

    if (!tree_name_is_good(entry->d_name))
        return false;
    if (entry->d_type != DT_UNKNOWN)
        return entry->d_type == DT_DIR;
    return fstatat(dir, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

static void close_dir(DIR **dir)
{
    if (*dir)
        closedir(*dir);
}

int files_children(const struct files *files, const char *node,
                   bool (*fn)(void *ctx, const char *name), void *ctx, struct err *err)
{
    auto_close int fd = open_node(files, node);
    __attribute__((cleanup(close_dir))) DIR *dir = NULL;
    const struct dirent *entry;

    if (fd < 0)
        return errno == ENOENT ? 0 : fail(files, node, "read", err);
    dir = fdopendir(fd);
    if (!dir)
        return fail(files, node, "read", err);
    steal_fd(&fd);
    while ((entry = readdir(dir)) != NULL) {
        if (is_node(dirfd(dir), entry) && fn(ctx, entry->d_name))
            break;
    }
    return 0;
}

static int load_data(const struct files *files, int dir, const char *node, struct tree *tree,
                     struct err *err)
{
    /* Something else that lies there, a fifo, must not hold us up. */
    auto_close int fd = openat(dir, DATA_NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    auto_buf struct buf data = BUF_INIT;
    struct stat st;
    ssize_t got;

    if (fd < 0 && errno == ENOENT) {
        tree_put(tree, node, NULL, -1);
        return 0;
    }
    if (fd < 0 || fstat(fd, &st) < 0)
        return fail(files, node, "read", err);
    if (!S_ISREG(st.st_mode))
        return err_set(err, EXIT_INPUT, "the data of node '%s' is no regular file", node);
    if (st.st_size > NODE_BYTES)
        return err_set(err, EXIT_INPUT, "node '%s' has %lld bytes, more than %d", node,
                       (long long)st.st_size, NODE_BYTES);
    do {
        buf_reserve(&data, (size_t)st.st_size + 1);
        got = read(fd, data.data + data.len, data.cap - data.len - 1);
        if (got > 0)
            data.len += (size_t)got;
    } while (got > 0 && data.len < NODE_BYTES);
    if (got < 0)
        return fail(files, node, "read", err);
    tree_put(tree, node, data.data, (ssize_t)data.len);
    return 0;
}

static int load_below(const struct files *files, const struct store_call *call, int fd_taken,
                      const char *node, int depth, struct tree *tree, struct err *err)
{
    auto_close int fd = fd_taken;
    __attribute__((cleanup(close_dir))) DIR *dir = NULL;
    const struct dirent *entry;

    if (load_data(files, fd, node, tree, err) < 0)
        return -1;
    if (strcmp(node, "lock") == 0)
        return 0;
    if (depth > TREE_DEPTH)
        return err_set(err, EXIT_INPUT, "'%s' is nested too deeply", node);
    dir = fdopendir(fd);
    if (!dir)
        return fail(files, node, "read", err);
    steal_fd(&fd);
    while ((entry = readdir(dir)) != NULL) {
        if (!is_node(dirfd(dir), entry))
            continue;
        auto_free char *child = xasprintf("%s%s%s", node, *node ? "/" : "", entry->d_name);
        if (store_call_skips(call, child))
            continue;
        int child_fd =
            openat(dirfd(dir), entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        if (child_fd < 0 && errno == ENOENT)
            continue;
        if (child_fd < 0)
            return fail(files, child, "read", err);
        if (load_below(files, call, child_fd, child, depth + 1, tree, err) < 0)
            return -1;
    }
    return 0;
}

int files_load(const struct files *files, const struct store_call *call, struct tree *tree,
               struct err *err)
{
    int fd = open_node(files, call->path);

    if (fd < 0)
        return errno == ENOENT ? 0 : fail(files, call->path, "read", err);
    return load_below(files, call, fd, call->path, 0, tree, err);
}

/* ---- changing ---- */

/* mkdir -p below the root, the last part included. */
static int make_dirs(const struct files *files, const char *node)
{
    auto_free char *path = xstrdup(node);

    for (char *p = path;;) {
        char *slash = strchr(p, '/');
        if (slash)
            *slash = '\0';
        if (mkdirat(files->fd, path, 0700) < 0 && errno != EEXIST)
            return -1;
        if (!slash)
            return 0;
        *slash = '/';
        p = slash + 1;
    }
}

static int write_data(int root, const char *node, const void *data, size_t len, bool durable)
{
    auto_free char *path = files_data_path(node);
    auto_close int fd = openat(
        root, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);

    if (fd < 0)
        return -1;
    crash_point("node's data emptied, not yet written");
    if (io_write_all(fd, data, len) < 0)
        return -1;
    return durable ? fsync(fd) : 0;
}

static int apply_data(const struct files *files, const char *node, const void *data, ssize_t len)
{
    if (len < 0) {
        auto_free char *path = files_data_path(node);
        return unlinkat(files->fd, path, 0) < 0 && errno != ENOENT ? -1 : 0;
    }
    return write_data(files->fd, node, data, (size_t)len, false);
}

static int apply_delete(const struct files *files, const char *node, struct err *err)
{
    auto_free char *data = files_data_path(node);

    if (unlinkat(files->fd, data, 0) < 0 && errno != ENOENT && errno != ENOTDIR)
        return fail(files, node, "delete", err);
    crash_point("node's data deleted, its directory not yet");
    if (unlinkat(files->fd, node, AT_REMOVEDIR) == 0 || errno == ENOENT)
        return 0;
    /* Something that is no node of ours lies there, or a post that came at the last moment. */
    if (errno != ENOTEMPTY && errno != EEXIST)
        return fail(files, node, "delete", err);
    auto_free char *path = xasprintf("%s/%s", files->path, node);
    return io_remove_tree(path, err);
}

int files_apply(const struct files *files, const struct txn_op *op, struct err *err)
{
    switch (op->kind) {
    case TXN_CREATE:
    case TXN_SET:
        if (*op->path && mkdirat(files->fd, op->path, 0700) < 0 && errno != EEXIST) {
            /* In a replay a later record may have taken the parent away again. */
            if (errno != ENOENT || make_dirs(files, op->path) < 0)
                return fail(files, op->path, "make", err);
        }
        crash_point("node's directory made, its data not yet written");
        if (apply_data(files, op->path, op->data, op->len) < 0)
            return fail(files, op->path, "write", err);
        return 0;
    case TXN_DELETE:
        return apply_delete(files, op->path, err);
    case TXN_CHECK:
        return 0;
    }
    return 0;
}

/* ---- durability ---- */

static int sync_node(const struct files *files, const char *node, struct err *err)
{
    auto_close int fd = open_node(files, node);

    if (fd < 0) /* deleted: its parent is on the list too */
        return errno == ENOENT ? 0 : fail(files, node, "open", err);
    auto_close int data = openat(fd, DATA_NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if ((data >= 0 && fsync(data) < 0) || fsync(fd) < 0)
        return fail(files, node, "sync", err);
    return 0;
}

int files_sync(const struct files *files, const struct tree *touched, struct err *err)
{
    if (tree_count(touched) > SYNC_EACH)
        return syncfs(files->fd) < 0 ? fail(files, "", "sync", err) : 0;
    const struct tree_node *root = tree_root(touched);
    for (const struct tree_node *n = root; n; n = tree_walk(root, n)) {
        auto_buf struct buf path = BUF_INIT;
        tree_node_path(n, &path);
        if (sync_node(files, buf_str(&path), err) < 0)
            return -1;
    }
    return 0;
}

/* Makes the last part of `base`/`rest` with the data, the parts above it (`base` too) empty. */
static int build(const struct files *files, const char *base, const char *rest, const void *data,
                 size_t len, struct tree *made)
{
    auto_free char *path = *rest ? xasprintf("%s/%s", base, rest) : xstrdup(base);

    for (char *end = path + strlen(base);;) {
        const bool last = !*end;
        *end = '\0';
        if (mkdirat(files->fd, path, 0700) < 0)
            return -1;
        crash_point("post: directory made");
        if (write_data(files->fd, path, last ? data : "", last ? len : 0, true) < 0)
            return -1;
        tree_put(made, path, "", 0);
        if (last)
            return 0;
        *end = '/';
        end += 1 + strcspn(end + 1, "/");
    }
}

/* The shortest part of the path that does not exist yet; its length, 0 when all exist. */
static size_t missing_part(const struct files *files, const char *path)
{
    for (size_t len = strcspn(path, "/");; len += 1 + strcspn(path + len + 1, "/")) {
        auto_free char *part = xstrndup(path, len);
        struct stat st;
        if (fstatat(files->fd, part, &st, AT_SYMLINK_NOFOLLOW) < 0)
            return len;
        if (!path[len])
            return 0;
    }
}

static int sync_parent(const struct files *files, const char *path, struct err *err)
{
    auto_free char *parent = xstrndup(path, tree_path_parent(path));

    return sync_node(files, parent, err);
}

/* Takes `aside`, a whole subtree, to its place. 1 done, 0 somebody was faster. */
static int move_in(const struct files *files, const char *aside, const char *place, struct err *err)
{
    crash_point("post: written aside");
    if (renameat2(files->fd, aside, files->fd, place, RENAME_NOREPLACE) == 0) {
        crash_point("post: in place");
        return sync_parent(files, place, err) < 0 ? -1 : 1;
    }
    return errno == EEXIST ? 0 : fail(files, place, "make", err);
}

int files_post(const struct files *files, const char *path, const void *data, size_t len,
               struct err *err)
{
    static unsigned count;

    for (int tries = 0; tries < POST_TRIES; tries++) {
        const size_t missing = missing_part(files, path);
        auto_free char *place = xstrndup(path, missing);
        auto_free char *aside = xasprintf(POST_PREFIX "%ld-%u", (long)getpid(), count++);
        auto_free char *aside_path = xasprintf("%s/%s", files->path, aside);
        auto_tree struct tree *made = tree_new();
        if (!missing)
            return err_set(err, EXIT_LOCKED, "cannot create '%s': it exists already", path);
        if (build(files, aside, path + missing + (path[missing] == '/'), data, len, made) < 0)
            return fail(files, aside, "write", err);
        int moved = files_sync(files, made, err) < 0 ? -1 : move_in(files, aside, place, err);
        if (moved > 0)
            return 0;
        struct err ignored = ERR_INIT; /* what is left over is cleaned up by the next writer */
        io_remove_tree(aside_path, &ignored);
        if (moved < 0)
            return -1;
    }
    return err_set(err, EXIT_LOCKED, "cannot create '%s': its parents keep changing", path);
}

void files_drop_old_posts(const struct files *files, time_t older_than)
{
    __attribute__((cleanup(close_dir))) DIR *dir = NULL;
    const struct dirent *entry;
    int fd = open_node(files, "");
    struct err ignored = ERR_INIT;
    struct stat st;

    dir = fd < 0 ? NULL : fdopendir(fd);
    while (dir && (entry = readdir(dir)) != NULL) {
        if (strncmp(entry->d_name, POST_PREFIX, strlen(POST_PREFIX)) != 0 ||
            fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
            st.st_mtime >= older_than)
            continue;
        auto_free char *path = xasprintf("%s/%s", files->path, entry->d_name);
        io_remove_tree(path, &ignored);
    }
}
