#define _GNU_SOURCE /* realpath, flock */
#include "workdir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/io.h"
#include "base/log.h"

static const char PREFIX[] = "dse-local.", PLACE[] = "XXXXXX";

/* ---- the lock ---------------------------------------------------------------------------------
 */

/* The lock of a folder whose program has ended; -1 when it has none (ENOENT), or is in use
 * (EWOULDBLOCK). */
static int lock_old(const char *path)
{
    auto_free char *name = xasprintf("%s/.lock", path);
    auto_close int fd = open(name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB))
        return -1;
    return steal_fd(&fd);
}

/* A new one, which appears locked: nobody finds it without. -1 with EEXIST when another was faster.
 */
static int lock_new(const char *path)
{
    auto_free char *name = xasprintf("%s/.lock", path);
    auto_free char *unnamed = xasprintf("%s.%s", name, PLACE);
    auto_close int fd = mkostemp(unnamed, O_CLOEXEC);
    if (fd < 0)
        return -1;
    int failed = flock(fd, LOCK_EX | LOCK_NB) || link(unnamed, name) ? errno : 0;
    unlink(unnamed);
    errno = failed;
    return failed ? -1 : steal_fd(&fd);
}

static int lock(struct workdir *dir, struct err *err)
{
    do {
        dir->lock = lock_old(dir->path);
        if (dir->lock < 0 && errno == ENOENT)
            dir->lock = lock_new(dir->path);
    } while (dir->lock < 0 && errno == EEXIST);
    if (dir->lock >= 0)
        return 0;
    if (errno == EWOULDBLOCK)
        return err_set(err, EXIT_LOCKED, "the work folder '%s' is in use by another dse-local",
                       dir->path);
    return err_sys(err, EXIT_UNREACHABLE, errno, "cannot lock the work folder '%s'", dir->path);
}

/* ---- temporary folders ------------------------------------------------------------------------
 */

/* Of ours, and its program has ended. */
static bool is_left_over(const char *path)
{
    struct stat st;
    if (lstat(path, &st) || !S_ISDIR(st.st_mode) || st.st_uid != geteuid())
        return false;
    auto_close int fd = lock_old(path);
    return fd >= 0;
}

static void remove_left_overs(const char *base)
{
    DIR *list = opendir(base);
    for (const struct dirent *e; list && (e = readdir(list));) {
        struct err err = ERR_INIT;
        if (strncmp(e->d_name, PREFIX, sizeof PREFIX - 1) != 0 ||
            strlen(e->d_name) != sizeof PREFIX - 1 + sizeof PLACE - 1)
            continue;
        auto_free char *path = xasprintf("%s/%s", base, e->d_name);
        if (!is_left_over(path))
            continue;
        log_info("removing '%s', which a dse-local that was killed left behind", path);
        if (io_remove_tree(path, &err) < 0)
            log_warn("%s", err.text);
    }
    if (list)
        closedir(list);
}

static int make_temporary(struct workdir *dir, struct err *err)
{
    const char *base = getenv("TMPDIR");
    base = base && *base ? base : "/tmp";
    remove_left_overs(base);
    auto_free char *path = xasprintf("%s/%s%s", base, PREFIX, PLACE);
    if (!mkdtemp(path))
        return err_sys(err, EXIT_UNREACHABLE, errno, "cannot make a folder like '%s'", path);
    dir->temporary = true;
    /* Tasks may run as other users: they pass, but do not look around. */
    if (geteuid() == 0 && chmod(path, 0711))
        return err_sys(err, EXIT_UNREACHABLE, errno, "cannot open '%s' to other users", path);
    dir->path = realpath(path, NULL);
    return dir->path ? 0 : err_sys(err, EXIT_UNREACHABLE, errno, "cannot resolve '%s'", path);
}

/* ---- the whole --------------------------------------------------------------------------------
 */

static int make_named(struct workdir *dir, const char *path, struct err *err)
{
    if (io_make_dirs(path, 0755, err))
        return -1;
    dir->path = realpath(path, NULL);
    return dir->path ? 0 : err_sys(err, EXIT_UNREACHABLE, errno, "cannot resolve '%s'", path);
}

int workdir_open(struct workdir *dir, const char *path, struct err *err)
{
    if (path ? make_named(dir, path, err) : make_temporary(dir, err))
        return -1;
    return lock(dir, err);
}

void workdir_close(struct workdir *dir, bool remove)
{
    struct err err = ERR_INIT;
    if (dir->lock >= 0) {
        auto_free char *name = xasprintf("%s/.lock", dir->path);
        unlink(name);
        if ((remove || dir->temporary) && io_remove_tree(dir->path, &err) < 0)
            log_warn("%s", err.text);
        close(dir->lock);
    }
    free(dir->path);
    *dir = (struct workdir)WORKDIR_INIT;
}
