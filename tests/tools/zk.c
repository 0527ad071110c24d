#define _DEFAULT_SOURCE /* usleep */
/* zk HOSTS create PATH [DATA] | delete PATH | hold PREFIX DATA | acl PATH: changes a ZooKeeper tree
 * for tests. create makes the parents too and takes {} in DATA as it is; with a PATH that ends in
 * '_' the node is sequential and its path is printed. hold makes an ephemeral sequential node, as
 * the original's lock recipes do, prints its path and keeps it until killed. acl prints who may do
 * what. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zookeeper/zookeeper.h>

#include "base/alloc.h"

enum { TRIES = 100 };

static void quiet(const char *message)
{
    (void)message;
}

static int create(zhandle_t *zk, const char *path, const char *data)
{
    auto_free char *copy = xstrdup(path);
    char made[1024];
    size_t len = strlen(path);
    int flags = len && path[len - 1] == '_' ? ZOO_PERSISTENT_SEQUENTIAL : 0;

    for (char *slash = strchr(copy + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        int rc = zoo_create(zk, copy, NULL, -1, &ZOO_OPEN_ACL_UNSAFE, 0, NULL, 0);
        if (rc != ZOK && rc != ZNODEEXISTS)
            return rc;
        *slash = '/';
    }
    int rc = zoo_create(zk, path, data, data ? (int)strlen(data) : -1, &ZOO_OPEN_ACL_UNSAFE, flags,
                        made, sizeof made);
    if (rc == ZOK)
        puts(made);
    return rc;
}

static int hold(zhandle_t *zk, const char *prefix, const char *data)
{
    char made[1024];
    int rc = zoo_create(zk, prefix, data, (int)strlen(data), &ZOO_OPEN_ACL_UNSAFE,
                        ZOO_EPHEMERAL_SEQUENTIAL, made, sizeof made);

    if (rc != ZOK)
        return rc;
    puts(made);
    fflush(stdout);
    for (;;)
        pause();
}

static int show_acl(zhandle_t *zk, const char *path)
{
    struct ACL_vector acl;
    struct Stat stat;
    int rc = zoo_get_acl(zk, path, &acl, &stat);

    for (int i = 0; rc == ZOK && i < acl.count; i++)
        printf("%s:%s:%d\n", acl.data[i].id.scheme, acl.data[i].id.id, (int)acl.data[i].perms);
    if (rc == ZOK)
        deallocate_ACL_vector(&acl);
    return rc;
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        fputs("usage: zk HOSTS create PATH [DATA] | delete PATH | hold PREFIX DATA | acl PATH\n",
              stderr);
        return 2;
    }
    zoo_set_debug_level(ZOO_LOG_LEVEL_ERROR);
    int rc = ZCONNECTIONLOSS;
    zhandle_t *zk = zookeeper_init2(argv[1], NULL, 4000, NULL, NULL, ZOO_NO_LOG_CLIENTENV, quiet);
    /* A server that is starting refuses for a while. */
    for (int i = 0; zk && rc == ZCONNECTIONLOSS && i < TRIES; i++) {
        if (i)
            usleep(100000);
        rc = zoo_exists(zk, "/", 0, NULL);
        if (rc == ZOPERATIONTIMEOUT)
            rc = ZCONNECTIONLOSS;
    }
    if (rc == ZOK)
        rc = strcmp(argv[2], "create") == 0             ? create(zk, argv[3], argv[4])
             : strcmp(argv[2], "hold") == 0 && argc > 4 ? hold(zk, argv[3], argv[4])
             : strcmp(argv[2], "acl") == 0              ? show_acl(zk, argv[3])
                                                        : zoo_delete(zk, argv[3], -1);
    zookeeper_close(zk);
    if (rc != ZOK)
        fprintf(stderr, "zk: %s %s: %s\n", argv[2], argv[3], zerror(rc));
    return rc != ZOK;
}
