#include "http/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/alloc.h"

enum { BACKLOG = 256 };

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    struct sockaddr_un local;
};

static int failed(const struct listening *l, const char *url, struct err *err)
{
    const int problem = errno;

    if (l->fd >= 0)
        close(l->fd);
    return err_sys(err, EXIT_UNREACHABLE, problem, "cannot listen on %s", url);
}

static int bind_and_listen(struct listening *l, const union address *at, socklen_t len,
                           const char *url, struct err *err)
{
    const int on = 1;

    l->fd = socket(at->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (l->fd < 0 || setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on))
        return failed(l, url, err);
    if (bind(l->fd, &at->any, len) || listen(l->fd, BACKLOG))
        return failed(l, url, err);
    return 0;
}

/* ---- a socket file ---- */

/* Of a server that is gone: nobody answers. */
static bool is_abandoned(const union address *at, socklen_t len)
{
    struct stat file;
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return false;
    const bool refused = connect(fd, &at->any, len) != 0 && errno == ECONNREFUSED;
    close(fd);
    return refused && stat(at->local.sun_path, &file) == 0 && S_ISSOCK(file.st_mode);
}

static int listen_on_file(const char *path, struct listening *l, struct err *err)
{
    union address at = {.local = {.sun_family = AF_UNIX}};
    auto_free char *url = xasprintf("unix:%s", path);

    if (!*path || strlen(path) >= sizeof at.local.sun_path)
        return err_set(err, EXIT_USAGE, "'%s' is no path for a socket: 1 to %zu bytes", path,
                       sizeof at.local.sun_path - 1);
    strcpy(at.local.sun_path, path);
    if (is_abandoned(&at, sizeof at.local))
        unlink(path);
    /* The mode of a socket file is that of its creation: there is no moment when others may enter.
     */
    const mode_t mask = umask(0177);
    const int result = bind_and_listen(l, &at, sizeof at.local, url, err);
    umask(mask);
    if (result)
        return -1;
    l->path = xstrdup(path);
    l->url = steal_ptr(url);
    return 0;
}

/* ---- a port ---- */

static int listen_on_port(const char *address, int port, struct listening *l, struct err *err)
{
    union address at = {.v4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)}};
    socklen_t len = sizeof at.v4;
    const bool v6 = strchr(address, ':') != NULL;

    if (v6) {
        at = (union address){.v6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)}};
        len = sizeof at.v6;
    }
    if (inet_pton(at.any.sa_family, address,
                  v6 ? (void *)&at.v6.sin6_addr : (void *)&at.v4.sin_addr) != 1)
        return err_set(err, EXIT_USAGE, "'%s' is no address to listen on", address);
    auto_free char *wanted = xasprintf("%s:%d", address, port);
    if (bind_and_listen(l, &at, len, wanted, err))
        return -1;
    if (getsockname(l->fd, &at.any, &len))
        return failed(l, wanted, err);
    l->port = ntohs(v6 ? at.v6.sin6_port : at.v4.sin_port);
    l->url = xasprintf(v6 ? "http://[%s]:%d" : "http://%s:%d", address, l->port);
    return 0;
}

int listen_open(const char *address, int port, struct listening *ret, struct err *err)
{
    static const char scheme[] = "unix:";

    *ret = (struct listening){.fd = -1};
    if (strncmp(address, scheme, strlen(scheme)) == 0)
        return listen_on_file(address + strlen(scheme), ret, err);
    return listen_on_port(address, port, ret, err);
}

void listen_release(struct listening *listening)
{
    if (listening->path)
        unlink(listening->path);
    free(listening->path);
    free(listening->url);
    listening->path = listening->url = NULL;
}
