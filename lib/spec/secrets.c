#include "spec/secrets.h"

#include <string.h>

#include "spec/taskenv.h"

static const char *without_slashes(const char *path)
{
    return path + strspn(path, "/");
}

const char *secrets_space(const struct pairs *env, const char *service_name)
{
    const char *space = env_get(env, "DCOS_SPACE");

    if (!space)
        space = env_get(env, "MARATHON_APP_ID");
    space = space ? without_slashes(space) : "";
    return *space ? space : without_slashes(service_name);
}

const char *secret_problem(const char *path, const char *space, bool as_env, struct arena *arena)
{
    static const char binary[] = "__dcos_base64__";

    path = without_slashes(path);
    space = without_slashes(space);
    const char *slash = strrchr(path, '/');
    const size_t len = slash ? (size_t)(slash - path) : 0;
    if (len && (strncmp(path, space, len) != 0 || (space[len] && space[len] != '/')))
        return arena_printf(arena,
                            "secrets of the folder '%.*s' are for the service '/%.*s' and those "
                            "below it, this one is '/%s'",
                            (int)len, path, (int)len, path, space);
    if (as_env && strncmp(slash ? slash + 1 : path, binary, sizeof binary - 1) == 0)
        return arena_printf(arena,
                            "binary secrets (%s...) come as files only: use 'file' in place of "
                            "'env-key'",
                            binary);
    return NULL;
}
