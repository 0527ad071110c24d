/* Folders of executors and tasks (see offer-cycle 3.2, 5.6, 11.5). Volumes are links: without a
 * container of its own a task sees only its sandbox, so a volume at an absolute path that is not
 * that very path on the host is refused. */
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/io.h"
#include "local.h"

static int make_parent(const char *path, struct err *err)
{
    auto_free char *parent = xstrdup(path);
    char *slash = strrchr(parent, '/');
    if (!slash || slash == parent)
        return 0;
    *slash = '\0';
    return io_make_dirs(parent, 0755, err);
}

/* A path below the sandbox: relative, without "..". */
static int check_inside(const char *path, struct err *err)
{
    if (path[0] == '/')
        return err_set(err, EXIT_INPUT,
                       "absolute container path '%s' is not supported without a file system of the "
                       "container's own",
                       path);
    for (const char *p = path; *p;) {
        const size_t len = strcspn(p, "/");
        if (len == 2 && strncmp(p, "..", 2) == 0)
            return err_set(err, EXIT_INPUT, "container path '%s' leaves the sandbox", path);
        p += len + (p[len] == '/');
    }
    return *path ? 0 : err_set(err, EXIT_INPUT, "container path is empty");
}

/* <sandbox>/<path> becomes a link to target. One that is there already stays (another task's). */
static int link_into(const char *sandbox, const char *path, const char *target, struct err *err)
{
    if (check_inside(path, err))
        return -1;
    auto_free char *at = xasprintf("%s/%s", sandbox, path);
    for (char *end = at + strlen(at); end > at + 1 && end[-1] == '/';)
        *--end = '\0';
    if (make_parent(at, err))
        return -1;
    if (symlink(target, at) && errno != EEXIST)
        return err_sys(err, EXIT_UNREACHABLE, errno, "cannot link '%s'", at);
    return 0;
}

/* Gives a folder to the user that the task runs as. */
static int give(const char *path, const char *user, struct err *err)
{
    if (!user)
        return 0;
    const struct passwd *pw = getpwnam(user);
    if (!pw)
        return err_set(err, EXIT_INPUT, "Failed to get user information for '%s': No such user",
                       user);
    if (chown(path, pw->pw_uid, pw->pw_gid))
        return err_sys(err, EXIT_UNREACHABLE, errno, "cannot give '%s' to '%s'", path, user);
    return 0;
}

/* Links the persistent volumes among the resources. */
static int link_volumes(const struct agent *agent, size_t count, Resource *const *resources,
                        const char *const *sandboxes, const char *user, struct err *err)
{
    for (size_t i = 0; i < count; i++) {
        auto_arena struct arena arena = ARENA_INIT;
        auto_res struct res r = res_of_proto(resources[i]);
        if (!r.meta->persistent)
            continue;
        const char *path = volume_path(agent, &r, &arena);
        const char *at = resources[i]->disk->volume->container_path;
        if (io_make_dirs(path, 0755, err) || give(path, user, err))
            return -1;
        for (const char *const *sandbox = sandboxes; *sandbox; sandbox++)
            if (link_into(*sandbox, at, path, err))
                return -1;
    }
    return 0;
}

int sandbox_executor(struct executor *executor, struct err *err)
{
    const char *const sandboxes[] = {executor->sandbox, NULL};
    const char *user = framework_user(executor->framework);
    const ContainerInfo *container = executor->info->container;
    if (executor->framework->master->config.simulate)
        return 0;
    if (io_make_dirs(executor->sandbox, 0755, err) ||
        (user && proc_user_exists(user) && give(executor->sandbox, user, err)))
        return -1;
    for (size_t i = 0; container && i < container->n_volumes; i++) {
        const Volume *v = container->volumes[i];
        const char *host = v->host_path                        ? v->host_path
                           : v->source && v->source->host_path ? v->source->host_path->path
                                                               : NULL;
        if (!host)
            return err_set(
                err, EXIT_INPUT,
                "the executor's volume at '%s' is of a kind that dse-local does not support",
                v->container_path);
        if (strcmp(host, v->container_path) != 0 &&
            link_into(executor->sandbox, v->container_path, host, err))
            return -1;
    }
    return link_volumes(executor->agent, executor->info->n_resources, executor->info->resources,
                        sandboxes, NULL, err);
}

/* ---- a task's container ---- */

static int host_volume(struct task *task, const Volume *v, const char *host, struct err *err)
{
    struct stat st;
    if (host[0] == '/') {
        if (stat(host, &st))
            return err_sys(err, EXIT_INPUT, errno, "host path '%s'", host);
        return strcmp(host, v->container_path) == 0
                   ? 0
                   : link_into(task->sandbox, v->container_path, host, err);
    }
    /* Inside the sandbox. */
    if (check_inside(host, err))
        return -1;
    auto_free char *path = xasprintf("%s/%s", task->sandbox, host);
    if (io_make_dirs(path, 0755, err) || give(path, task_user(task, NULL), err))
        return -1;
    /* A private /tmp cannot be had without a mount; tasks get a folder and share the host's. */
    if (strcmp(v->container_path, "/tmp") == 0 || strcmp(host, v->container_path) == 0)
        return 0;
    return link_into(task->sandbox, v->container_path, path, err);
}

static int sandbox_volume(struct task *task, const Volume *v, struct err *err)
{
    const Volume__Source__SandboxPath *from = v->source->sandbox_path;
    const bool parent = from->type == VOLUME__SOURCE__SANDBOX_PATH__TYPE__PARENT;
    const char *base = parent ? task->executor->sandbox : task->sandbox;
    if (check_inside(from->path, err))
        return -1;
    auto_free char *path = xasprintf("%s/%s", base, from->path);
    struct stat st;
    if (stat(path, &st) &&
        (io_make_dirs(path, 0755, err) || give(path, task_user(task, NULL), err)))
        return -1;
    if (!parent && strcmp(from->path, v->container_path) == 0)
        return 0;
    return link_into(task->sandbox, v->container_path, path, err);
}

static int secret_volume(struct task *task, const Volume *v, struct err *err)
{
    auto_buf struct buf value = BUF_INIT;
    if (check_inside(v->container_path, err) ||
        secret_value(task->framework->master, v->source->secret, &value, err))
        return -1;
    auto_free char *path = xasprintf("%s/%s", task->sandbox, v->container_path);
    if (make_parent(path, err) || io_replace_file(path, value.data, value.len, 0600, false, err))
        return -1;
    return give(path, task_user(task, NULL), err);
}

static int container_volume(struct task *task, const Volume *v, struct err *err)
{
    if (v->host_path)
        return host_volume(task, v, v->host_path, err);
    if (v->image)
        return err_set(err, EXIT_INPUT, "image volumes are not supported by dse-local");
    switch (v->source->type) {
    case VOLUME__SOURCE__TYPE__HOST_PATH:
        return host_volume(task, v, v->source->host_path->path, err);
    case VOLUME__SOURCE__TYPE__SANDBOX_PATH:
        return sandbox_volume(task, v, err);
    case VOLUME__SOURCE__TYPE__SECRET:
        return secret_volume(task, v, err);
    default:
        return err_set(err, EXIT_INPUT,
                       "the volume at '%s' is of a kind that dse-local does not support: only host "
                       "paths, sandbox paths and secrets",
                       v->container_path);
    }
}

int sandbox_task(struct task *task, struct err *err)
{
    const ContainerInfo *container = task->info->container;
    const char *const sandboxes[] = {task->executor->sandbox, task->sandbox, NULL};
    const char *user = task_user(task, NULL);
    if (container && container->mesos && container->mesos->image)
        return err_set(err, EXIT_INPUT, "container images are not supported by dse-local");
    if (io_make_dirs(task->sandbox, 0755, err) || give(task->sandbox, user, err))
        return -1;
    /* The pod's volumes belong to the task's user too, as the first task's does in Mesos. */
    const ExecutorInfo *executor = task->executor->info;
    const char *const none[] = {NULL};
    if (link_volumes(task->agent, executor->n_resources, executor->resources, none, user, err) ||
        link_volumes(task->agent, task->info->n_resources, task->info->resources, sandboxes, user,
                     err))
        return -1;
    for (size_t i = 0; container && i < container->n_volumes; i++)
        if (container_volume(task, container->volumes[i], err))
            return -1;
    return 0;
}
