#define _GNU_SOURCE /* getrandom */
#include "base/io.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"

enum { READ_CHUNK = 64 << 10, TREE_DEPTH = 100 };

/* ---- reading ----------------------------------------------------------------------------------
 */

static int read_fd(int fd, const char *name, size_t limit, struct buf *out, struct err *err)
{
    const size_t start = out->len;
    struct stat st;

    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0 &&
        (uintmax_t)st.st_size <= limit)
        buf_reserve(out, (size_t)st.st_size + 1);
    for (;;) {
        if (out->cap - out->len < 2)
            buf_reserve(out, READ_CHUNK);
        ssize_t n = read(fd, out->data + out->len, out->cap - out->len - 1);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_sys(err, EXIT_UNREACHABLE, errno, "cannot read '%s'", name);
        if (n == 0)
            break;
        out->len += (size_t)n;
        out->data[out->len] = '\0';
        if (out->len - start > limit)
            return err_set(err, EXIT_INPUT, "cannot read '%s': larger than %zu bytes", name, limit);
    }
    if (!out->data)
        buf_add(out, "", 0);
    return 0;
}

int io_read_file_at(int dirfd, const char *name, size_t limit, struct buf *out, struct err *err)
{
    auto_close int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return err_sys(err, EXIT_UNREACHABLE, errno, "cannot open '%s'", name);
    return read_fd(fd, name, limit, out, err);
}

int io_read_file(const char *path, size_t limit, struct buf *out, struct err *err)
{
    if (strcmp(path, "-") == 0)
        return read_fd(STDIN_FILENO, "standard input", limit, out, err);
    return io_read_file_at(AT_FDCWD, path, limit, out, err);
}

/* ---- writing ----------------------------------------------------------------------------------
 */

int io_write_all(int fd, const void *data, size_t len)
{
    const char *p = data;

    while (len) {
        ssize_t n = write(fd, p, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN) {
            /* Another process made the shared descriptor non-blocking (a terminal, say). */
            poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, -1);
            continue;
        }
        if (n < 0)
            return -1;
        p += n;
        len -= (size_t)n;
    }
    return 0;
}

/* Makes `<dir>/.<base>.<random>` exclusively; name is relative to dirfd. */
static int open_temporary(int dirfd, const char *name, int mode, char **ret_name)
{
    const char *slash = strrchr(name, '/');
    const char *base = slash ? slash + 1 : name;

    for (int tries = 0; tries < 100; tries++) {
        uint64_t random;
        if (getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random)
            return -1;
        auto_free char *temporary =
            xasprintf("%.*s.%s.%016" PRIx64, (int)(base - name), name, base, random);
        int fd = openat(dirfd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, (mode_t)mode);
        if (fd >= 0) {
            *ret_name = steal_ptr(temporary);
            return fd;
        }
        if (errno != EEXIST)
            return -1;
    }
    errno = EEXIST;
    return -1;
}

static int sync_parent(int dirfd, const char *name)
{
    const char *slash = strrchr(name, '/');
    auto_free char *parent =
        slash ? xstrndup(name, slash == name ? 1 : (size_t)(slash - name)) : xstrdup(".");
    auto_close int fd = openat(dirfd, parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    return fd < 0 ? -1 : fsync(fd);
}

static int write_temporary(int dirfd, const char *name, const void *data, size_t len, int mode,
                           bool durable, char **ret_temporary)
{
    auto_close int fd = open_temporary(dirfd, name, mode, ret_temporary);

    if (fd < 0)
        return -1;
    if (io_write_all(fd, data, len) < 0 || (durable && fsync(fd) < 0))
        return -1;
    return close(steal_fd(&fd));
}

int io_replace_file_at(int dirfd, const char *name, const void *data, size_t len, int mode,
                       bool durable, struct err *err)
{
    auto_free char *temporary = NULL;

    if (write_temporary(dirfd, name, data, len, mode, durable, &temporary) < 0 ||
        renameat(dirfd, temporary, dirfd, name) < 0) {
        const int saved = errno;
        if (temporary)
            unlinkat(dirfd, temporary, 0);
        return err_sys(err, EXIT_UNREACHABLE, saved, "cannot write '%s'", name);
    }
    if (durable && sync_parent(dirfd, name) < 0)
        return err_sys(err, EXIT_UNREACHABLE, errno, "cannot sync the directory of '%s'", name);
    return 0;
}

int io_replace_file(const char *path, const void *data, size_t len, int mode, bool durable,
                    struct err *err)
{
    return io_replace_file_at(AT_FDCWD, path, data, len, mode, durable, err);
}

/* ---- folders ----------------------------------------------------------------------------------
 */

static bool is_directory(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

int io_make_dirs(const char *path, int mode, struct err *err)
{
    auto_free char *part = xstrdup(path);
    char *p = part;

    for (;;) {
        p += strspn(p, "/");
        p += strcspn(p, "/");
        const char kept = *p;
        *p = '\0';
        if (*part && mkdir(part, (mode_t)mode) < 0 && !(errno == EEXIST && is_directory(part))) {
            const int saved = errno;
            if (!is_directory(part))
                return err_sys(err, EXIT_UNREACHABLE, saved, "cannot make directory '%s'", part);
        }
        *p = kept;
        if (!*p)
            return 0;
    }
}

static int remove_entries(int dirfd, int depth);

/* errno is set on failure. An entry that someone else removed first is fine. */
static int remove_at(int dirfd, const char *name, int depth)
{
    if (unlinkat(dirfd, name, 0) == 0 || errno == ENOENT)
        return 0;
    if (errno != EISDIR && errno != EPERM)
        return -1;
    if (depth > TREE_DEPTH) {
        errno = ELOOP;
        return -1;
    }
    int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? 0 : -1;
    if (remove_entries(fd, depth) < 0)
        return -1;
    return unlinkat(dirfd, name, AT_REMOVEDIR) == 0 || errno == ENOENT ? 0 : -1;
}

/* Takes fd. */
static int remove_entries(int fd, int depth)
{
    DIR *dir = fdopendir(fd);
    int status = 0;

    if (!dir) {
        close(fd);
        return -1;
    }
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(dir);
        if (!entry) {
            status = errno ? -1 : 0;
            break;
        }
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        status = remove_at(fd, entry->d_name, depth + 1);
        if (status < 0)
            break;
    }
    const int saved = errno;
    closedir(dir);
    errno = saved;
    return status;
}

int io_remove_tree(const char *path, struct err *err)
{
    if (remove_at(AT_FDCWD, path, 0) < 0)
        return err_sys(err, EXIT_UNREACHABLE, errno, "cannot remove '%s'", path);
    return 0;
}

int io_nonblock(int fd)
{
    const int flags = fcntl(fd, F_GETFL);

    return flags < 0 ? -1 : fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}
