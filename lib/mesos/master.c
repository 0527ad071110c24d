#include "mesos/master.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/json.h"
#include "proto/pb.h"

enum { MASTER_PORT = 5050, HTTP_PORT = 80, ZOOKEEPER_PORT = 2181 };

/* ---- URLs ----------------------------------------------------------------------------------- */

/* `host[:port]` or `[address]:port`; adds it with a port. False when it is no such thing. */
static bool add_address(struct buf *out, const char *text, size_t len, int default_port)
{
    const char *end = text + len, *port = NULL;

    if (!len)
        return false;
    if (text[0] == '[') {
        const char *close = memchr(text, ']', len);
        if (!close || close == text + 1 || (close + 1 < end && close[1] != ':'))
            return false;
        if (close + 1 < end)
            port = close + 2;
    } else {
        const char *colon = memchr(text, ':', len);
        if (colon == text)
            return false;
        if (colon)
            port = colon + 1;
    }
    for (const char *p = text; p < end; p++) {
        if ((unsigned char)*p <= ' ' || strchr("/?#@\\\"'<>", *p))
            return false;
    }
    buf_add(out, text, port ? (size_t)(port - 1 - text) : len);
    if (!port) {
        buf_addf(out, ":%d", default_port);
        return true;
    }
    long number = 0;
    if (port == end || end - port > 5)
        return false;
    for (const char *p = port; p < end; p++) {
        if (*p < '0' || *p > '9')
            return false;
        number = number * 10 + (*p - '0');
    }
    buf_addf(out, ":%ld", number);
    return number >= 1 && number <= 65535;
}

static int parse_http(const char *text, const char *rest, struct master_url *ret, struct err *err)
{
    size_t len = strcspn(rest, "/?#");
    auto_buf struct buf base = BUF_INIT;

    buf_adds(&base, "http://");
    if (memchr(rest, '@', len))
        return err_set(err, EXIT_USAGE,
                       "the master's URL must not hold credentials: "
                       "use --credentials FILE");
    if (!add_address(&base, rest, len, MASTER_PORT))
        return err_set(err, EXIT_USAGE, "the master's URL '%s' is not http://HOST[:PORT]", text);
    if (strcmp(rest + len, "") != 0 && strcmp(rest + len, "/") != 0)
        return err_set(err, EXIT_USAGE, "the master's URL '%s' has a path: give http://HOST:PORT",
                       text);
    ret->base = buf_detach(&base);
    return 0;
}

/* The same as the ZooKeeper client reads it: it takes what stands before the last colon for a host
 * name, so that brackets around an IPv6 address are part of none. */
static bool add_server(struct buf *out, const char *text, size_t len)
{
    auto_buf struct buf address = BUF_INIT;

    if (!add_address(&address, text, len, ZOOKEEPER_PORT))
        return false;
    for (size_t i = 0; i < address.len; i++) {
        if (address.data[i] != '[' && address.data[i] != ']')
            buf_addc(out, address.data[i]);
    }
    return true;
}

static int parse_zk(const char *text, const char *rest, struct master_url *ret, struct err *err)
{
    size_t len = strcspn(rest, "/");
    auto_buf struct buf hosts = BUF_INIT;

    if (memchr(rest, '@', len))
        return err_set(err, EXIT_USAGE,
                       "credentials in a zk:// URL are not supported: the masters' nodes are "
                       "readable by all");
    for (size_t at = 0; at <= len;) {
        size_t part = strcspn(rest + at, ",/");
        if (at)
            buf_addc(&hosts, ',');
        if (!add_server(&hosts, rest + at, part))
            return err_set(err, EXIT_USAGE,
                           "the master's URL '%s' is not zk://HOST:PORT[,HOST:PORT...]/PATH", text);
        at += part + 1;
    }
    const char *path = rest + len;
    size_t path_len = strlen(path);
    while (path_len > 1 && path[path_len - 1] == '/')
        path_len--;
    if (path_len < 2 || strstr(path, "//"))
        return err_set(err, EXIT_USAGE,
                       "the master's URL '%s' lacks the path of the masters, usually /mesos", text);
    ret->zk = true;
    ret->hosts = buf_detach(&hosts);
    ret->path = xstrndup(path, path_len);
    return 0;
}

int master_url_parse(const char *text, struct master_url *ret, struct err *err)
{
    *ret = (struct master_url){0};
    if (strncmp(text, "http://", 7) == 0)
        return parse_http(text, text + 7, ret, err);
    if (strncmp(text, "zk://", 5) == 0)
        return parse_zk(text, text + 5, ret, err);
    if (strncmp(text, "https://", 8) == 0)
        return err_set(err, EXIT_USAGE, "the master's URL '%s': https is not supported yet", text);
    return err_set(err, EXIT_USAGE,
                   "the master's URL '%s' is neither http://HOST:PORT nor "
                   "zk://HOST:PORT[,HOST:PORT...]/PATH",
                   text);
}

void master_url_free(struct master_url *url)
{
    free(url->base);
    free(url->hosts);
    free(url->path);
    *url = (struct master_url){0};
}

char *master_base_of(const char *url)
{
    auto_buf struct buf base = BUF_INIT;

    if (strncmp(url, "http://", 7) != 0)
        return NULL;
    buf_adds(&base, "http://");
    if (!add_address(&base, url + 7, strcspn(url + 7, "/?#"), HTTP_PORT))
        return NULL;
    return buf_detach(&base);
}

/* ---- ZooKeeper ------------------------------------------------------------------------------ */

/* The number behind the last '_' (or the whole name, of very old masters); -1 when there is none.
 */
static int64_t child_number(const char *child)
{
    const char *bar = strrchr(child, '_'), *digits = bar ? bar + 1 : child;
    size_t len = strlen(digits);

    if (!len || len > 18 || strspn(digits, "0123456789") != len)
        return -1;
    return strtoll(digits, NULL, 10);
}

const char *master_leader_child(const char *const *children, size_t count)
{
    const char *leader = NULL;
    int64_t smallest = 0;

    for (size_t i = 0; i < count; i++) {
        int64_t number = child_number(children[i]);
        if (number >= 0 && (!leader || number < smallest)) {
            leader = children[i];
            smallest = number;
        }
    }
    return leader;
}

/* "master@10.0.0.1:5050", the form of last resort. */
static char *of_pid(const char *pid)
{
    const char *at = pid ? strchr(pid, '@') : NULL;
    auto_free char *url = at ? xasprintf("http://%s", at + 1) : NULL;

    return url ? master_base_of(url) : NULL;
}

static char *of_host(const char *host, int64_t port)
{
    auto_free char *url =
        xasprintf(strchr(host, ':') ? "http://[%s]:%" PRId64 : "http://%s:%" PRId64, host, port);

    return master_base_of(url);
}

static char *of_json(const char *child, const void *data, size_t len, struct err *err)
{
    json_auto json_t *info = json_parse(data, len, child, err);

    if (!info)
        return NULL;
    const json_t *address = json_object_get(info, "address");
    const char *ip = json_string_value(json_object_get(address, "ip"));
    const json_t *port = json_object_get(address, "port");
    char *base = ip && json_is_integer(port) ? of_host(ip, json_integer_value(port)) : NULL;
    if (!base)
        base = of_pid(json_string_value(json_object_get(info, "pid")));
    if (!base)
        err_set(err, EXIT_INPUT, "%s: neither 'address' nor 'pid' says where the master is", child);
    return base;
}

static char *of_protobuf(const char *child, const void *data, size_t len, struct err *err)
{
    auto_arena struct arena arena = ARENA_INIT;
    const MasterInfo *info = PB_UNPACK(MasterInfo, master_info, data, len, &arena, child, err);

    if (!info)
        return NULL;
    char *base = NULL;
    if (info->address && info->address->ip)
        base = of_host(info->address->ip, info->address->port);
    if (!base)
        base = of_pid(info->pid);
    if (!base) {
        /* `ip` is in network byte order, read as a number of the host. */
        unsigned char ip[4];
        char host[sizeof "255.255.255.255"];
        memcpy(ip, &info->ip, sizeof ip);
        snprintf(host, sizeof host, "%d.%d.%d.%d", ip[0], ip[1], ip[2], ip[3]);
        base = of_host(host, info->port);
    }
    if (!base)
        err_set(err, EXIT_INPUT, "%s: it does not say where the master is", child);
    return base;
}

char *master_of_child(const char *child, const void *data, size_t len, struct err *err)
{
    size_t label = strcspn(child, "_");

    if (label == 9 && strncmp(child, "json.info", 9) == 0)
        return of_json(child, data, len, err);
    if (label == 4 && strncmp(child, "info", 4) == 0)
        return of_protobuf(child, data, len, err);
    err_set(err, EXIT_INPUT, "cannot read the leading master's node '%s': unknown label", child);
    return NULL;
}
