/* Watches of a directory store, by inotify: the node's directory and those of its children, or the
 * nearest directory above while the node does not exist. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/alloc.h"
#include "state/store_dir.h"

enum {
    ABOVE = IN_CREATE | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR,
    SELF = ABOVE | IN_DELETE | IN_MOVED_FROM | IN_CLOSE_WRITE,
    CHILD = IN_CLOSE_WRITE | IN_DELETE | IN_ONLYDIR,
};

struct watcher {
    int fd;
    struct loop_io *io;
    int self; /* watch descriptor of the node, -1 while it does not exist */
};

static int add_dir(const struct dir_store *dir, int fd, const char *node, const char *child,
                   uint32_t mask)
{
    auto_free char *path =
        xasprintf("%s%s%s%s%s", dir->path, *node ? "/" : "", node, *child ? "/" : "", child);

    return inotify_add_watch(fd, path, mask);
}

struct scan {
    const struct dir_store *dir;
    const struct store_watch *watch;
    int fd;
};

static bool add_child(void *ctx, const char *name)
{
    const struct scan *scan = ctx;

    /* One that has just vanished needs no watch. */
    add_dir(scan->dir, scan->fd, scan->watch->path, name, CHILD);
    return false;
}

static void on_events(void *ctx, int fd, unsigned events);

/* Sets everything up anew. */
static int scan(struct store_watch *watch, struct err *err)
{
    struct dir_store *dir = (struct dir_store *)watch->store;
    struct watcher *w = watch->back_end;

    if (w->io)
        loop_io_del(w->io);
    w->io = NULL;
    if (w->fd >= 0)
        close(w->fd);
    w->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (w->fd < 0)
        return err_sys(err, EXIT_UNREACHABLE, errno, "cannot watch '%s'", dir->store.name);
    w->io = loop_io_add(watch->store->loop, w->fd, LOOP_READ, on_events, watch);
    w->self = add_dir(dir, w->fd, watch->path, "", SELF);
    if (w->self >= 0) {
        struct scan scan_ctx = {dir, watch, w->fd};
        return files_children(&dir->files, watch->path, add_child, &scan_ctx, err);
    }
    auto_free char *above = xstrdup(watch->path);
    while (errno == ENOENT && *above) {
        above[tree_path_parent(above)] = '\0';
        if (add_dir(dir, w->fd, above, "", ABOVE) < 0)
            continue;
        /* It may have come between the two looks. */
        int there = files_exists(&dir->files, watch->path, err);
        return there > 0 ? scan(watch, err) : there;
    }
    return err_sys(err, files_status(errno), errno, "cannot watch '%s' in '%s'", watch->path,
                   dir->store.name);
}

/* Takes one event in; true when all must be set up anew. */
static bool take(struct store_watch *watch, const struct inotify_event *event)
{
    struct watcher *w = watch->back_end;
    const char *name = event->len ? event->name : "";

    if (event->mask & IN_Q_OVERFLOW) {
        store_watch_fire(watch);
        return true;
    }
    if (w->self < 0)
        return true; /* something appeared above: perhaps the node */
    if (event->wd != w->self) {
        if (strcmp(name, DATA_NAME) == 0)
            store_watch_fire(watch);
        return false;
    }
    if (event->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED)) {
        store_watch_fire(watch);
        return true;
    }
    if (*name == '.' && strcmp(name, DATA_NAME) != 0)
        return false;
    store_watch_fire(watch);
    if ((event->mask & IN_ISDIR) && (event->mask & (IN_CREATE | IN_MOVED_TO)))
        add_dir((struct dir_store *)watch->store, w->fd, watch->path, name, CHILD);
    return false;
}

static void on_events(void *ctx, int fd, unsigned events)
{
    struct store_watch *watch = ctx;
    struct watcher *w = watch->back_end;
    _Alignas(struct inotify_event) char bytes[8192];
    bool anew = false;
    ssize_t len;

    (void)events;
    while ((len = read(fd, bytes, sizeof bytes)) > 0) {
        for (const char *p = bytes; p < bytes + len;) {
            const struct inotify_event *event = (const void *)p;
            anew |= take(watch, event);
            p += sizeof *event + event->len;
        }
    }
    if (!anew)
        return;
    const bool was_there = w->self >= 0;
    struct err err = ERR_INIT;
    if (scan(watch, &err) < 0)
        store_lock_lost(watch->store, &err);
    if (was_there || w->self >= 0)
        store_watch_fire(watch);
}

int dir_watch_add(struct store_watch *watch, struct err *err)
{
    struct dir_store *dir = (struct dir_store *)watch->store;
    struct watcher *w = xcalloc(1, sizeof *w);
    int root = dir_root(dir, err);

    w->fd = w->self = -1;
    watch->back_end = w;
    if (root == 0)
        return err_set(err, EXIT_UNREACHABLE, "store '%s': no such directory '%s'", dir->store.name,
                       dir->path);
    return root < 0 ? -1 : scan(watch, err);
}

void dir_watch_del(struct store_watch *watch)
{
    struct watcher *w = watch->back_end;

    if (w->io)
        loop_io_del(w->io);
    if (w->fd >= 0)
        close(w->fd);
    free(w);
}
