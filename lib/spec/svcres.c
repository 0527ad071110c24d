/* Resource sets, ports, volumes (see service-spec 3.6, 3.8, 3.9). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "spec/svcbuild.h"

enum { PORT_MAX = 65535 };

static int check_port_number(const struct ynode *map, const char *key, int64_t port)
{
    const struct ynode node = ynode_key(map, key);

    if (port >= 0 && port <= PORT_MAX)
        return 0;
    return ynode_fail(&node, "a port is 0 to 65535", "%lld is no port number", (long long)port);
}

/* ---- ports ---- */

static int read_ranges(const struct ynode *port, struct resource_spec *spec)
{
    const struct ynode list = ynode_key(port, "ranges");
    size_t count;

    if (!list.value)
        return 0;
    if (ynode_list(&list, &count) < 0)
        return -1;
    spec->ranges = ARENA_ARRAY(port->r->arena, count, struct port_range);
    for (; spec->n_ranges < count; spec->n_ranges++) {
        const struct ynode item = ynode_item(&list, spec->n_ranges);
        struct port_range *range = &spec->ranges[spec->n_ranges];
        if (ynode_object(&item, schema_port_range, false) < 0 ||
            yget_int(&item, "begin", &range->begin) < 0 || yget_int(&item, "end", &range->end) < 0)
            return -1;
        if (range->end == 0)
            range->end = PORT_MAX;
        if (check_port_number(&item, "begin", range->begin) < 0 ||
            check_port_number(&item, "end", range->end) < 0)
            return -1;
        if (range->begin > range->end)
            return ynode_fail(&item, "begin must not exceed end", "invalid range %lld-%lld",
                              (long long)range->begin, (long long)range->end);
    }
    return 0;
}

static int read_vip(const struct ynode *port, struct resource_spec *spec)
{
    const struct ynode vip = ynode_key(port, "vip");

    if (!vip.value)
        return 0;
    if (ynode_object(&vip, schema_vip, false) < 0 ||
        yget_string(&vip, "prefix", &spec->vip_name) < 0 ||
        yget_int(&vip, "port", &spec->vip_port) < 0 ||
        check_port_number(&vip, "port", spec->vip_port) < 0)
        return -1;
    spec->kind = RESOURCE_VIP_PORT;
    spec->protocol = "tcp";
    if (!spec->vip_name || !*spec->vip_name)
        spec->vip_name = spec->port_name;
    if (spec->n_ranges) {
        const struct ynode ranges = ynode_key(port, "ranges");
        ynode_warn(&ranges, "ranges have no effect on a port with a vip");
        spec->n_ranges = 0;
    }
    return 0;
}

static int add_advertised(struct svc_builder *b, const struct ynode *port, const char *name)
{
    for (size_t i = 0; i < b->advertised.count; i++) {
        if (strcmp(b->advertised.items[i], name) == 0)
            return ynode_fail(port, "names of advertised ports are unique in the whole service",
                              "another port '%s' is advertised", name);
    }
    *ARENA_PUSH(b->r.arena, b->advertised.items, b->advertised.count) = name;
    return 0;
}

static int read_port(struct pod_builder *p, const struct ynode *port, struct resource_spec *spec)
{
    bool advertise = false;

    if (ynode_object(port, schema_port, false) < 0)
        return -1;
    if (!*port->name)
        return ynode_fail(port, "give the port a name", "the name is empty");
    spec->kind = RESOURCE_PORT;
    spec->name = "ports";
    spec->port_name = arena_strdup(port->r->arena, port->name);
    spec->network_names = p->network_names;
    if (yneed_int(port, "port", &spec->port) < 0 ||
        check_port_number(port, "port", spec->port) < 0 ||
        yget_string(port, "env-key", &spec->env_key) < 0 ||
        yget_bool(port, "advertise", &advertise) < 0 || read_ranges(port, spec) < 0 ||
        read_vip(port, spec) < 0)
        return -1;
    spec->visibility = advertise ? "EXTERNAL" : "CLUSTER";
    *ARENA_PUSH(port->r->arena, p->ports, p->n_ports) = spec->port;
    return advertise ? add_advertised(p->b, port, spec->port_name) : 0;
}

/* Numbers once each, and no VIP named like another port. */
static int check_ports(const struct ynode *ports, const struct resource_spec *specs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct ynode port = ynode_entry(ports, i);
        for (size_t j = 0; j < count; j++) {
            if (j < i && specs[j].port && specs[j].port == specs[i].port)
                return ynode_fail(&port, "each number may stand once in a task",
                                  "port '%s' has the number %lld too", specs[j].port_name,
                                  (long long)specs[i].port);
            if (j != i && specs[i].kind == RESOURCE_VIP_PORT &&
                strcmp(specs[i].vip_name, specs[j].port_name) == 0)
                return ynode_fail(&port, "a VIP prefix must not be the name of another port",
                                  "the VIP prefix '%s' is also the name of a port",
                                  specs[i].vip_name);
        }
    }
    return 0;
}

/* ---- volumes ---- */

static int read_volume(struct pod_builder *p, const struct ynode *node, bool pod_level,
                       struct volume_spec *ret)
{
    const struct ynode path = ynode_key(node, "path"), profiles = ynode_key(node, "profiles");
    int64_t size = 0;

    if (ynode_object(node, schema_volume, false) < 0 ||
        yneed_string(node, "path", &ret->container_path) < 0 ||
        yneed_string(node, "type", &ret->type) < 0 || yneed_int(node, "size", &size) < 0 ||
        yget_strings(node, "profiles", &ret->profiles) < 0)
        return -1;
    if (!svc_matches(ret->container_path, "", "_-"))
        return ynode_fail(&path, "letters, digits, '_' and '-' only, a letter or digit first",
                          "'%s' cannot be a volume's path", ret->container_path);
    if (strcmp(ret->type, "PATH") == 0) {
        const struct ynode type = ynode_key(node, "type");
        ynode_warn(&type, "type PATH is taken as MOUNT");
        ret->type = "MOUNT";
    }
    if (ynode_word(node, "type", ret->type, "ROOT MOUNT") < 0)
        return -1;
    if (size <= 0) {
        const struct ynode at = ynode_key(node, "size");
        return ynode_fail(&at, "a size in MB of 1 or more is wanted", "the size is %lld",
                          (long long)size);
    }
    if (ret->profiles.count && strcmp(ret->type, "MOUNT") != 0) {
        if (!pod_level)
            return ynode_fail(&profiles, "only MOUNT volumes have profiles",
                              "a volume of type %s cannot have profiles", ret->type);
        ynode_warn(&profiles, "profiles have no effect on a pod's ROOT volume");
        ret->profiles.count = 0;
    }
    for (size_t i = 0; i < ret->profiles.count; i++) {
        const char *profile = ret->profiles.items[i];
        const size_t len = strlen(profile);
        if (len < 1 || len > 128 || !svc_matches(profile, "_.-", ""))
            return ynode_fail(&profiles, "letters, digits, '_', '.' and '-', 1 to 128 of them",
                              "'%s' cannot be a profile", profile);
        for (size_t j = 0; j < i; j++) {
            if (strcmp(ret->profiles.items[j], profile) == 0)
                return ynode_fail(&profiles, "each profile may stand once",
                                  "duplicate profile '%s'", profile);
        }
    }
    ret->size_mb = (double)size;
    ret->role = p->role;
    ret->pre_reserved_role = p->pod->pre_reserved_role;
    ret->principal = p->b->spec->principal;
    return 0;
}

/* `volume` and `volumes`; a pod may have both. */
static int read_volumes(struct pod_builder *p, const struct ynode *owner, bool pod_level,
                        struct volume_spec **ret, size_t *ret_count)
{
    const struct ynode one = ynode_key(owner, "volume"), many = ynode_key(owner, "volumes");
    size_t count = 0;

    if (one.value && many.value && !pod_level)
        return ynode_fail(&one, "use one of them", "'volume' and 'volumes' stand together");
    if (many.value && ynode_map(&many, &count) < 0)
        return -1;
    *ret = ARENA_ARRAY(owner->r->arena, count + 1, struct volume_spec);
    *ret_count = 0;
    if (one.value && read_volume(p, &one, pod_level, &(*ret)[(*ret_count)++]) < 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        const struct ynode node = ynode_entry(&many, i);
        struct volume_spec *volume = &(*ret)[*ret_count];
        if (read_volume(p, &node, pod_level, volume) < 0)
            return -1;
        for (size_t j = 0; j < *ret_count; j++) {
            if (strcmp((*ret)[j].container_path, volume->container_path) != 0)
                continue;
            if (!pod_level)
                return ynode_fail(&node, "the paths of volumes differ",
                                  "another volume has the path '%s'", volume->container_path);
            ynode_warn(&node, "another volume has the path '%s' too", volume->container_path);
        }
        ++*ret_count;
    }
    return 0;
}

int svc_pod_volumes(struct pod_builder *p, const struct ynode *pod)
{
    return read_volumes(p, pod, true, &p->pod->volumes, &p->pod->n_volumes);
}

/* ---- sets ---- */

static int read_scalar(struct pod_builder *p, const struct ynode *node, const char *key,
                       const char *name, struct resource_set *set)
{
    const struct ynode at = ynode_key(node, key);
    double value = 0;
    int64_t whole = 0;
    int there;

    if (strcmp(key, "memory") == 0) {
        there = yget_int(node, key, &whole);
        value = (double)whole;
    } else {
        there = yget_number(node, key, &value);
    }
    if (there <= 0)
        return there;
    if (value <= 0)
        return ynode_fail(&at, "more than 0 is wanted", "the value is %g", value);
    set->resources[set->n_resources++] = (struct resource_spec){
        .kind = RESOURCE_SCALAR,
        .name = name,
        .scalar = value,
        .role = p->role,
        .pre_reserved_role = p->pod->pre_reserved_role,
        .principal = p->b->spec->principal,
    };
    return 0;
}

static int read_limit(const struct ynode *limits, const char *key, const char **ret)
{
    const struct ynode node = ynode_key(limits, key);
    const char *text = "";
    char *end;

    if (yget_string(limits, key, &text) < 0)
        return -1;
    text += strspn(text, " \t\r\n");
    size_t len = strlen(text);
    while (len && strchr(" \t\r\n", text[len - 1]))
        len--;
    if (!len)
        return 0;
    *ret = arena_strndup(limits->r->arena, text, len);
    if (strcmp(*ret, "unlimited") == 0)
        return 0;
    strtod(*ret, &end);
    if (end == *ret || *end || strspn(*ret, "0123456789+-.eE") != len)
        return ynode_fail(&node, "a number or 'unlimited' is wanted", "'%s' is no limit", *ret);
    return 0;
}

static int read_limits(const struct ynode *node, struct resource_set *set)
{
    const struct ynode limits = ynode_key(node, "resource-limits");

    set->has_limits = true;
    if (!limits.value)
        return 0;
    if (ynode_object(&limits, schema_limits, false) < 0 ||
        read_limit(&limits, "cpus", &set->limit_cpus) < 0)
        return -1;
    return read_limit(&limits, "memory", &set->limit_memory);
}

int svc_resource_set(struct pod_builder *p, const struct ynode *node, const char *id,
                     struct resource_set **ret)
{
    struct arena *arena = node->r->arena;
    struct resource_set *set = ARENA_NEW(arena, struct resource_set);
    const struct ynode ports = ynode_key(node, "ports");
    size_t n_ports = 0;

    *ret = set;
    set->id = id;
    set->role = p->role;
    set->principal = p->b->spec->principal;
    if (ports.value && ynode_map(&ports, &n_ports) < 0)
        return -1;
    set->resources = ARENA_ARRAY(arena, n_ports + 3, struct resource_spec);
    if (read_scalar(p, node, "cpus", "cpus", set) < 0 ||
        read_scalar(p, node, "gpus", "gpus", set) < 0 ||
        read_scalar(p, node, "memory", "mem", set) < 0)
        return -1;
    struct resource_spec *specs = set->resources + set->n_resources;
    for (size_t i = 0; i < n_ports; i++) {
        const struct ynode port = ynode_entry(&ports, i);
        specs[i].role = p->role;
        specs[i].pre_reserved_role = p->pod->pre_reserved_role;
        specs[i].principal = p->b->spec->principal;
        if (read_port(p, &port, &specs[i]) < 0)
            return -1;
    }
    set->n_resources += n_ports;
    if (check_ports(&ports, specs, n_ports) < 0)
        return -1;
    if (set->n_resources == 0)
        return ynode_fail(node, "at least one of cpus, gpus, memory and ports is wanted",
                          "there are no resources");
    if (read_volumes(p, node, false, &set->volumes, &set->n_volumes) < 0)
        return -1;
    return read_limits(node, set);
}

int svc_unused_resources(struct pod_builder *p, const struct ynode *task)
{
    const struct ynode ports = ynode_key(task, "ports");
    size_t count = 0;

    for (const struct schema_key *key = schema_resource_set; key->name; key++) {
        const struct ynode unused = ynode_key(task, key->name);
        if (unused.value)
            ynode_warn(&unused, "has no effect beside 'resource-set'");
    }
    if (ports.value && ynode_map(&ports, &count) < 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        const struct ynode port = ynode_entry(&ports, i);
        struct resource_spec spec = {.kind = RESOURCE_PORT};
        if (read_port(p, &port, &spec) < 0)
            return -1;
    }
    return 0;
}

int svc_resource_sets(struct pod_builder *p, const struct ynode *pod)
{
    const struct ynode sets = ynode_key(pod, "resource-sets");
    size_t count;

    if (!sets.value)
        return 0;
    if (ynode_map(&sets, &count) < 0)
        return -1;
    p->sets = ARENA_ARRAY(pod->r->arena, count, struct resource_set *);
    for (; p->n_sets < count; p->n_sets++) {
        const struct ynode set = ynode_entry(&sets, p->n_sets);
        if (!*set.name)
            return ynode_fail(&set, "give the resource set an id", "the id is empty");
        if (ynode_object(&set, schema_resource_set, false) < 0 ||
            svc_resource_set(p, &set, arena_strdup(pod->r->arena, set.name), &p->sets[p->n_sets]) <
                0)
            return -1;
    }
    return 0;
}

struct resource_set *svc_find_set(const struct pod_builder *p, const char *id)
{
    for (size_t i = 0; i < p->n_sets; i++) {
        if (strcmp(p->sets[i]->id, id) == 0)
            return p->sets[i];
    }
    return NULL;
}
