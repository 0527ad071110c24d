/* Networks, rlimits, URIs, secrets, host and external volumes of a pod (see service-spec 3.5,
 * 3.12 to 3.16). */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "spec/javamap.h"
#include "spec/secrets.h"
#include "spec/svcbuild.h"
#include "spec/uri.h"

bool svc_matches(const char *text, const char *first, const char *more)
{
    for (const char *p = text; *p; p++) {
        const unsigned char c = (unsigned char)*p;
        if ((c < 0x80 && isalnum(c)) || strchr(first, c))
            continue;
        if (p == text || !strchr(more, c))
            return false;
    }
    return *text != '\0';
}

/* ---- networks ---- */

static int read_ports(const struct ynode *network, const char *key, int64_t **ret,
                      size_t *ret_count)
{
    const struct ynode list = ynode_key(network, key);

    *ret_count = 0;
    if (!list.value)
        return 0;
    if (ynode_list(&list, ret_count) < 0)
        return -1;
    *ret = ARENA_ARRAY(network->r->arena, *ret_count, int64_t);
    for (size_t i = 0; i < *ret_count; i++) {
        const struct ynode item = ynode_item(&list, i);
        if (ynode_int(&item, &(*ret)[i]) < 0)
            return -1;
        if ((*ret)[i] < 0 || (*ret)[i] > 65535)
            return ynode_fail(&item, "a port is 0 to 65535", "%lld is no port number",
                              (long long)(*ret)[i]);
    }
    return 0;
}

static bool maps_ports(const char *network)
{
    return strcmp(network, "mesos-bridge") == 0;
}

static void map_port(struct arena *arena, struct network_spec *network, int64_t host,
                     int64_t container)
{
    struct port_mapping *mapping =
        ARENA_PUSH(arena, network->port_mappings, network->n_port_mappings);

    *mapping = (struct port_mapping){host, container};
}

static bool is_mapped(const struct network_spec *network, int64_t host)
{
    for (size_t i = 0; i < network->n_port_mappings; i++) {
        if (network->port_mappings[i].host_port == host)
            return true;
    }
    return false;
}

static int read_network(const struct ynode *node, struct network_spec *ret)
{
    int64_t *host = NULL, *container = NULL;
    size_t n_host = 0, n_container = 0;

    ret->name = arena_strdup(node->r->arena, node->name);
    if (!*ret->name)
        return ynode_fail(node, "name the network", "the name is empty");
    if (!node->value)
        return 0;
    if (ynode_object(node, schema_network, false) < 0 ||
        read_ports(node, "host-ports", &host, &n_host) < 0 ||
        read_ports(node, "container-ports", &container, &n_container) < 0 ||
        yget_labels(node, "labels", &ret->labels) < 0)
        return -1;
    /* SDK-COMPAT: one list without the other maps nothing. */
    if (!host != !container) {
        ynode_warn(node, "%s without %s map nothing", host ? "host-ports" : "container-ports",
                   host ? "container-ports" : "host-ports");
        return 0;
    }
    if (n_host != n_container)
        return ynode_fail(node, "host-ports and container-ports have the same length",
                          "there are %zu host ports and %zu container ports", n_host, n_container);
    if (n_host && !maps_ports(ret->name))
        return ynode_fail(node, "only the network 'mesos-bridge' maps ports",
                          "network '%s' does not map ports", ret->name);
    for (size_t i = 0; i < n_host; i++) {
        if (is_mapped(ret, host[i]))
            return ynode_fail(node, "each host port is mapped once", "duplicate host port %lld",
                              (long long)host[i]);
        map_port(node->r->arena, ret, host[i], container[i]);
    }
    return 0;
}

int svc_networks(struct pod_builder *p, const struct ynode *pod)
{
    const struct ynode networks = ynode_key(pod, "networks");
    size_t count;

    if (!networks.value)
        return 0;
    if (ynode_map(&networks, &count) < 0)
        return -1;
    p->pod->networks = ARENA_ARRAY(pod->r->arena, count, struct network_spec);
    p->network_names.items = ARENA_ARRAY(pod->r->arena, count, const char *);
    for (size_t i = 0; i < count; i++) {
        const struct ynode node = ynode_entry(&networks, i);
        if (read_network(&node, &p->pod->networks[p->pod->n_networks++]) < 0)
            return -1;
        if (strcmp(node.name, "dcos") != 0 && !maps_ports(node.name))
            ynode_warn(&node, "virtual network '%s' is taken to have no port mapping", node.name);
        p->network_names.items[p->network_names.count++] = p->pod->networks[i].name;
    }
    return 0;
}

static void order_mappings(struct network_spec *network)
{
    auto_arena struct arena scratch = ARENA_INIT;
    struct java_map map = {.arena = &scratch};
    const size_t count = network->n_port_mappings;

    if (count < 2)
        return;
    for (size_t i = 0; i < count; i++)
        java_map_add(&map, (uint32_t)network->port_mappings[i].host_port);
    size_t *order = ARENA_ARRAY(&scratch, count, size_t);
    const struct port_mapping *old =
        arena_memdup(&scratch, network->port_mappings, count * sizeof *old);
    java_map_order(&map, order);
    for (size_t i = 0; i < count; i++)
        network->port_mappings[i] = old[order[i]];
}

int svc_port_mappings(struct pod_builder *p, const struct ynode *pod)
{
    for (size_t i = 0; i < p->pod->n_networks; i++) {
        struct network_spec *network = &p->pod->networks[i];
        if (!maps_ports(network->name))
            continue;
        for (size_t j = 0; j < p->n_ports; j++) {
            if (!is_mapped(network, p->ports[j]))
                map_port(pod->r->arena, network, p->ports[j], p->ports[j]);
        }
        order_mappings(network);
    }
    return 0;
}

/* ---- rlimits ---- */

static const char rlimit_names[] =
    "RLIMIT_AS RLIMIT_CORE RLIMIT_CPU RLIMIT_DATA RLIMIT_FSIZE RLIMIT_LOCKS RLIMIT_MEMLOCK "
    "RLIMIT_MSGQUEUE RLIMIT_NICE RLIMIT_NOFILE RLIMIT_NPROC RLIMIT_RSS RLIMIT_RTPRIO RLIMIT_RTTIME "
    "RLIMIT_SIGPENDING RLIMIT_STACK";

static int read_rlimit(const struct ynode *rlimits, const struct ynode *node,
                       struct rlimit_spec *ret)
{
    int64_t soft, hard;

    ret->name = arena_strdup(node->r->arena, node->name);
    if (ynode_word(rlimits, node->name, node->name, rlimit_names) < 0)
        return -1;
    if (!node->value)
        return ynode_fail(node, "write {} for unlimited", "is empty");
    if (ynode_object(node, schema_rlimit, false) < 0)
        return -1;
    const int has_soft = yget_long(node, "soft", &soft);
    const int has_hard = has_soft < 0 ? -1 : yget_long(node, "hard", &hard);
    if (has_hard < 0)
        return -1;
    if (has_soft != has_hard)
        return ynode_fail(node, "set both, or none for unlimited",
                          "only one of soft and hard is set");
    if (!has_soft)
        return 0;
    if (soft > hard)
        return ynode_fail(node, "the soft limit must not exceed the hard one",
                          "soft %lld is more than hard %lld", (long long)soft, (long long)hard);
    if (soft < -1 || hard < -1)
        return ynode_fail(node, "limits are 0 or more, or -1 for unlimited", "a limit is negative");
    if ((soft == -1) != (hard == -1))
        return ynode_fail(node, "-1, unlimited, is for both or none", "only one limit is -1");
    ret->soft = ARENA_NEW(node->r->arena, int64_t);
    ret->hard = ARENA_NEW(node->r->arena, int64_t);
    *ret->soft = soft;
    *ret->hard = hard;
    return 0;
}

int svc_rlimits(struct pod_builder *p, const struct ynode *pod)
{
    const struct ynode rlimits = ynode_key(pod, "rlimits");
    size_t count;

    if (!rlimits.value)
        return 0;
    if (ynode_map(&rlimits, &count) < 0)
        return -1;
    p->pod->rlimits = ARENA_ARRAY(pod->r->arena, count, struct rlimit_spec);
    for (size_t i = 0; i < count; i++) {
        const struct ynode node = ynode_entry(&rlimits, i);
        if (read_rlimit(&rlimits, &node, &p->pod->rlimits[p->pod->n_rlimits++]) < 0)
            return -1;
    }
    return 0;
}

/* ---- URIs ---- */

int svc_uris(struct pod_builder *p, const struct ynode *pod)
{
    const struct ynode list = ynode_key(pod, "uris");

    if (yget_strings(pod, "uris", &p->pod->uris) < 0)
        return -1;
    for (size_t i = 0; i < p->pod->uris.count; i++) {
        const struct ynode item = ynode_item(&list, i);
        size_t at;
        const char *problem = uri_problem(p->pod->uris.items[i], &at);
        if (problem)
            return ynode_fail(&item, "write other characters as %XX", "%s at index %zu of '%s'",
                              problem, at, p->pod->uris.items[i]);
    }
    return 0;
}

/* ---- secrets and volumes ---- */

/* What the platform will not hand out is no mistake in the original's eyes. */
static void check_secret(const struct pod_builder *p, const struct ynode *node,
                         const struct secret_spec *secret)
{
    const struct ynode path = ynode_key(node, "secret");
    const struct svc_builder *b = p->b;
    const char *problem = secret_problem(secret->secret, secrets_space(&b->in->env, b->spec->name),
                                         secret->env_key != NULL, node->r->warnings.arena);

    if (problem)
        ynode_refused(&path, "the service cannot read '%s': %s", secret->secret, problem);
}

static int read_secret(struct pod_builder *p, const struct ynode *node, struct secret_spec *ret)
{
    const struct ynode file = ynode_key(node, "file"), path = ynode_key(node, "secret");

    if (ynode_object(node, schema_secret, false) < 0 ||
        yneed_string(node, "secret", &ret->secret) < 0 ||
        yget_string(node, "env-key", &ret->env_key) < 0 ||
        yget_string(node, "file", &ret->file) < 0)
        return -1;
    if (!*ret->secret)
        return ynode_fail(&path, "the path of the secret is wanted", "the secret has no path");
    if (!ret->env_key && !ret->file)
        ret->file = ret->secret;
    if (ret->file && *ret->file && !svc_matches(ret->file, ".", "_-/\\"))
        return file.value ? ynode_fail(&file,
                                       "a relative path of letters, digits, '.', '_', '-' and '/' "
                                       "is wanted",
                                       "'%s' cannot be a secret's file", ret->file)
                          : ynode_fail(&path, "add the key 'file'",
                                       "'%s' cannot be the name of its file too", ret->file);
    check_secret(p, node, ret);
    return 0;
}

int svc_secrets(struct pod_builder *p, const struct ynode *pod)
{
    const struct ynode secrets = ynode_key(pod, "secrets");
    size_t count;

    if (!secrets.value)
        return 0;
    if (ynode_map(&secrets, &count) < 0)
        return -1;
    p->pod->secrets = ARENA_ARRAY(pod->r->arena, count, struct secret_spec);
    for (size_t i = 0; i < count; i++) {
        const struct ynode node = ynode_entry(&secrets, i);
        if (read_secret(p, &node, &p->pod->secrets[p->pod->n_secrets++]) < 0)
            return -1;
    }
    return 0;
}

/* RW, RO, or none; the empty text is none, too. */
static int read_mode(const struct ynode *node, const char *key, const char **ret)
{
    if (yget_string(node, key, ret) < 0)
        return -1;
    if (*ret && !**ret)
        *ret = NULL;
    return *ret ? ynode_word(node, key, *ret, "RW RO") : 0;
}

static int read_host_volume(const struct ynode *node, struct host_volume *ret)
{
    const struct ynode host = ynode_key(node, "host-path"),
                       container = ynode_key(node, "container-path");

    if (ynode_object(node, schema_host_volume, false) < 0 ||
        yneed_string(node, "host-path", &ret->host_path) < 0 ||
        yneed_string(node, "container-path", &ret->container_path) < 0)
        return -1;
    if (ret->host_path[0] != '/' || !svc_matches(ret->host_path + 1, ".", "_-/\\"))
        return ynode_fail(&host,
                          "an absolute path of letters, digits, '.', '_', '-' and '/' is "
                          "wanted",
                          "'%s' cannot be a host path", ret->host_path);
    if (!svc_matches(ret->container_path, ".", "_-/\\"))
        return ynode_fail(&container,
                          "a relative path of letters, digits, '.', '_', '-' and '/' is wanted",
                          "'%s' cannot be a container path", ret->container_path);
    return read_mode(node, "mode", &ret->mode);
}

int svc_host_volumes(struct pod_builder *p, const struct ynode *pod)
{
    const struct ynode volumes = ynode_key(pod, "host-volumes");
    size_t count;

    if (!volumes.value)
        return 0;
    if (ynode_map(&volumes, &count) < 0)
        return -1;
    p->pod->host_volumes = ARENA_ARRAY(pod->r->arena, count, struct host_volume);
    for (size_t i = 0; i < count; i++) {
        const struct ynode node = ynode_entry(&volumes, i);
        if (read_host_volume(&node, &p->pod->host_volumes[p->pod->n_host_volumes++]) < 0)
            return -1;
    }
    return 0;
}

/* One `k=v`; SDK-COMPAT: more equals signs at the end count for nothing. */
static bool driver_option(const char *text, size_t len, struct arena *arena, struct pair *ret)
{
    const char *equals = memchr(text, '=', len);

    while (len && text[len - 1] == '=')
        len--;
    if (!equals || equals >= text + len ||
        memchr(equals + 1, '=', len - (size_t)(equals + 1 - text)))
        return false;
    ret->key = arena_strndup(arena, text, (size_t)(equals - text));
    ret->value = arena_strndup(arena, equals + 1, len - (size_t)(equals + 1 - text));
    return true;
}

/* `k=v;k=v`, semicolons at the end count for nothing */
static int read_driver_options(const struct ynode *volume, struct pairs *ret)
{
    const struct ynode node = ynode_key(volume, "driver-options");
    const char *text = "";

    if (yget_string(volume, "driver-options", &text) < 0)
        return -1;
    size_t end = strlen(text);
    while (end && text[end - 1] == ';')
        end--;
    for (size_t at = 0, len; at < end; at += len + 1) {
        struct pair pair;
        len = strcspn(text + at, ";");
        if (len > end - at)
            len = end - at;
        if (!driver_option(text + at, len, volume->r->arena, &pair))
            return ynode_fail(&node, "options are wanted as 'key=value;key=value'",
                              "invalid driver option '%.*s'", (int)len, text + at);
        if (strcmp(pair.key, "name") == 0)
            return ynode_fail(&node, "use volume-name", "the option 'name' is not accepted");
        *ARENA_PUSH(volume->r->arena, ret->items, ret->count) = pair;
    }
    const char *duplicate = pairs_duplicate(ret);
    if (duplicate)
        return ynode_fail(&node, "each option may stand once", "duplicate option '%s'", duplicate);
    java_order_pairs(ret);
    return 0;
}

static int read_external_volume(const struct ynode *node, struct external_volume *ret)
{
    if (ynode_object(node, schema_external_volume, false) < 0 ||
        yneed_string(node, "type", &ret->type) < 0 ||
        ynode_word(node, "type", ret->type, "DOCKER") < 0 ||
        yget_string(node, "container-path", &ret->container_path) < 0 ||
        yget_string(node, "driver-name", &ret->driver_name) < 0 ||
        read_driver_options(node, &ret->driver_options) < 0 ||
        yget_string(node, "volume-name", &ret->volume_name) < 0)
        return -1;
    return read_mode(node, "volume-mode", &ret->volume_mode);
}

int svc_external_volumes(struct pod_builder *p, const struct ynode *pod)
{
    const struct ynode volumes = ynode_key(pod, "external-volumes");
    size_t count;

    if (!volumes.value)
        return 0;
    if (ynode_map(&volumes, &count) < 0)
        return -1;
    p->pod->external_volumes = ARENA_ARRAY(pod->r->arena, count, struct external_volume);
    for (size_t i = 0; i < count; i++) {
        const struct ynode node = ynode_entry(&volumes, i);
        if (read_external_volume(&node, &p->pod->external_volumes[p->pod->n_external_volumes++]) <
            0)
            return -1;
    }
    return 0;
}
