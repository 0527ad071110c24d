/* Folders of persistent volumes (see offer-cycle 3.2): they belong to the agent and outlive tasks,
 * executors and frameworks. A MOUNT disk is its own folder. */
#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/io.h"
#include "local.h"

static const char *mount_root(const struct res *volume)
{
    const Resource__DiskInfo *disk = volume->meta->model->disk;
    if (disk && disk->source && disk->source->type == RESOURCE__DISK_INFO__SOURCE__TYPE__MOUNT &&
        disk->source->mount)
        return disk->source->mount->root;
    return NULL;
}

char *volume_path(const struct agent *agent, const struct res *volume, struct arena *arena)
{
    const char *root = mount_root(volume);
    if (root)
        return arena_strdup(arena, root);
    char *role = arena_strdup(arena, volume->meta->role);
    for (char *p = role; *p; p++)
        if (*p == '/')
            *p = ' ';
    return arena_printf(arena, "%s/volumes/roles/%s/%s", agent->dir, role,
                        volume->meta->persist_id);
}

int volume_create(const struct agent *agent, const struct res *volume, struct err *err)
{
    auto_arena struct arena scratch = ARENA_INIT;
    const char *path = volume_path(agent, volume, &scratch);
    if (agent->master->config.simulate)
        return 0;
    return io_make_dirs(path, 0755, err);
}

int volume_destroy(const struct agent *agent, const struct res *volume, struct err *err)
{
    auto_arena struct arena scratch = ARENA_INIT;
    const char *path = volume_path(agent, volume, &scratch);
    if (agent->master->config.simulate)
        return 0;
    if (!mount_root(volume))
        return io_remove_tree(path, err);
    /* The mount point stays; what is in it goes. */
    DIR *dir = opendir(path);
    if (!dir)
        return errno == ENOENT ? 0
                               : err_sys(err, EXIT_UNREACHABLE, errno, "cannot open '%s'", path);
    int result = 0;
    for (const struct dirent *e; result == 0 && (e = readdir(dir));)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            result = io_remove_tree(arena_printf(&scratch, "%s/%s", path, e->d_name), err);
    closedir(dir);
    return result;
}
