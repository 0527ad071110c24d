/* The agents: equal ones from options, or as a JSON file describes them. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/io.h"
#include "base/json.h"
#include "local.h"
#include "rules.h"

/* What DC/OS gives to its agents: everything but its own services' ports. */
static const char DEFAULT_PORTS[] =
    "[1025-2180,2182-3887,3889-5049,5052-8079,8082-8180,8182-32000]";

struct agent_spec {
    const char *name, *hostname, *ip, *ports, *region, *zone;
    struct agent_size size;
    double gpus;
    const json_t *mounts, *attributes, *reserved;
};

/* ---- building resources ---- */

static Resource *new_resource(struct arena *arena, const char *name, const char *role)
{
    Resource *r = PB_NEW(arena, Resource, resource);
    r->name = arena_strdup(arena, name);
    if (role) { /* statically reserved */
        Resource__ReservationInfo *info =
            PB_NEW(arena, Resource__ReservationInfo, resource__reservation_info);
        info->has_type = 1;
        info->type = RESOURCE__RESERVATION_INFO__TYPE__STATIC;
        info->role = arena_strdup(arena, role);
        r->reservations = arena_memdup(arena, &info, sizeof info);
        r->n_reservations = 1;
    }
    return r;
}

static void add_resource(struct agent *agent, const Resource *r)
{
    auto_res struct res value = res_of_proto(r);
    res_list_add(&agent->total, &value);
}

static void add_scalar(struct agent *agent, const char *name, double amount, const char *role)
{
    auto_arena struct arena scratch = ARENA_INIT;
    Resource *r = new_resource(&scratch, name, role);
    r->scalar = PB_NEW(&scratch, Value__Scalar, value__scalar);
    r->scalar->value = amount;
    if (amount > 0)
        add_resource(agent, r);
}

/* Reads "5" or "5-9" at *p and moves behind it. False when it is neither. */
static bool parse_range(const char **p, Value__Range *ret)
{
    char *end;
    ret->begin = ret->end = strtoull(*p, &end, 10);
    if (end == *p)
        return false;
    if (*end == '-') {
        const char *last = end + 1;
        ret->end = strtoull(last, &end, 10);
        if (end == last)
            return false;
    }
    *p = end;
    return ret->begin <= ret->end;
}

/* "[1-5,7-9]" or "1-5,7". */
static Value__Ranges *parse_ranges(const char *text, struct arena *arena, struct err *err)
{
    Value__Ranges *ranges = PB_NEW(arena, Value__Ranges, value__ranges);
    const char *p = text + (text[0] == '[');
    while (*p && *p != ']') {
        Value__Range *range = PB_NEW(arena, Value__Range, value__range);
        if (!parse_range(&p, range)) {
            err_set(err, EXIT_INPUT, "not a list of ranges: '%s'", text);
            return NULL;
        }
        PB_ADD(arena, ranges->n_range, ranges->range, range);
        p += strspn(p, ", ");
    }
    return ranges;
}

static int add_ports(struct agent *agent, const char *text, const char *role, struct err *err)
{
    auto_arena struct arena scratch = ARENA_INIT;
    auto_buf struct buf why = BUF_INIT;
    Resource *r = new_resource(&scratch, "ports", role);
    r->type = VALUE__TYPE__RANGES;
    r->ranges = parse_ranges(text, &scratch, err);
    if (!r->ranges)
        return -1;
    if (check_resources(1, &r, &why))
        return err_set(err, EXIT_INPUT, "%s", buf_str(&why));
    if (r->ranges->n_range)
        add_resource(agent, r);
    return 0;
}

static int add_mount(struct agent *agent, const json_t *mount, struct err *err)
{
    auto_arena struct arena scratch = ARENA_INIT;
    const char *root = NULL, *profile = NULL, *role = NULL;
    double size = 0;
    if (json_get_string(mount, "root", "mounts[]", &root, err) ||
        json_get_double_opt(mount, "size", "mounts[]", &size, err) ||
        json_get_string_opt(mount, "profile", "mounts[]", &profile, err) ||
        json_get_string_opt(mount, "role", "mounts[]", &role, err))
        return -1;
    if (size <= 0)
        return err_set(err, EXIT_INPUT, "mounts[].size must be a number of MB above 0");
    Resource *r = new_resource(&scratch, "disk", role);
    r->scalar = PB_NEW(&scratch, Value__Scalar, value__scalar);
    r->scalar->value = size;
    r->disk = PB_NEW(&scratch, Resource__DiskInfo, resource__disk_info);
    Resource__DiskInfo__Source *source =
        PB_NEW(&scratch, Resource__DiskInfo__Source, resource__disk_info__source);
    source->type = RESOURCE__DISK_INFO__SOURCE__TYPE__MOUNT;
    source->mount =
        PB_NEW(&scratch, Resource__DiskInfo__Source__Mount, resource__disk_info__source__mount);
    source->mount->root = root[0] == '/' ? arena_strdup(&scratch, root)
                                         : arena_printf(&scratch, "%s/%s", agent->dir, root);
    if (profile)
        source->profile = arena_strdup(&scratch, profile);
    r->disk->source = source;
    if (!agent->master->config.simulate && io_make_dirs(source->mount->root, 0755, err))
        return -1;
    auto_res struct res value = res_of_proto(r);
    if (res_list_has(&agent->total, &value))
        return err_set(err, EXIT_INPUT, "the mount '%s' is there twice", root);
    res_list_add(&agent->total, &value);
    return 0;
}

/* "roles": {"slave_public": {"cpus": 1, "mem": 512, "disk": 100, "ports": "[80-80]"}} */
static int add_reserved(struct agent *agent, const json_t *roles, struct err *err)
{
    const char *role;
    json_t *value;
    json_object_foreach((json_t *)(size_t)roles, role, value)
    {
        auto_buf struct buf why = BUF_INIT;
        double cpus = 0, mem = 0, disk = 0;
        const char *ports = NULL;
        if (strcmp(role, "*") == 0 || check_role_name(role, &why))
            return err_set(err, EXIT_INPUT, "roles: not a role to reserve for: '%s'", role);
        if (json_get_double_opt(value, "cpus", role, &cpus, err) ||
            json_get_double_opt(value, "mem", role, &mem, err) ||
            json_get_double_opt(value, "disk", role, &disk, err) ||
            json_get_string_opt(value, "ports", role, &ports, err))
            return -1;
        add_scalar(agent, "cpus", cpus, role);
        add_scalar(agent, "mem", mem, role);
        add_scalar(agent, "disk", disk, role);
        if (ports && add_ports(agent, ports, role, err))
            return -1;
    }
    return 0;
}

/* ---- attributes, domain ---- */

/* A number is a SCALAR, "[…]" a RANGES, "{a,b}" a SET, other text a TEXT, as agents read them. */
static int add_attribute(struct agent *agent, const char *name, const json_t *value,
                         struct err *err)
{
    struct arena *arena = &agent->arena;
    Attribute *a = PB_NEW(arena, Attribute, attribute);
    a->name = arena_strdup(arena, name);
    const char *text = json_string_value(value);
    if (json_is_number(value)) {
        a->type = VALUE__TYPE__SCALAR;
        a->scalar = PB_NEW(arena, Value__Scalar, value__scalar);
        a->scalar->value = json_number_value(value);
    } else if (text && text[0] == '[') {
        a->type = VALUE__TYPE__RANGES;
        a->ranges = parse_ranges(text, arena, err);
        if (!a->ranges)
            return -1;
    } else if (text && text[0] == '{') {
        a->type = VALUE__TYPE__SET;
        a->set = PB_NEW(arena, Value__Set, value__set);
        char *items = arena_strdup(arena, text + 1), *save = NULL;
        items[strcspn(items, "}")] = '\0';
        for (char *item = strtok_r(items, ", ", &save); item; item = strtok_r(NULL, ", ", &save))
            PB_ADD(arena, a->set->n_item, a->set->item, item);
    } else if (text) {
        a->type = VALUE__TYPE__TEXT;
        a->text = PB_NEW(arena, Value__Text, value__text);
        a->text->value = arena_strdup(arena, text);
    } else {
        return err_set(err, EXIT_INPUT, "attributes.%s: not a text or a number", name);
    }
    PB_ADD(arena, agent->n_attributes, agent->attributes, a);
    return 0;
}

static DomainInfo *new_domain(struct arena *arena, const char *region, const char *zone)
{
    DomainInfo *domain = PB_NEW(arena, DomainInfo, domain_info);
    DomainInfo__FaultDomain *fault =
        PB_NEW(arena, DomainInfo__FaultDomain, domain_info__fault_domain);
    fault->region =
        PB_NEW(arena, DomainInfo__FaultDomain__RegionInfo, domain_info__fault_domain__region_info);
    fault->region->name = arena_strdup(arena, region);
    fault->zone =
        PB_NEW(arena, DomainInfo__FaultDomain__ZoneInfo, domain_info__fault_domain__zone_info);
    fault->zone->name = arena_strdup(arena, zone);
    domain->fault_domain = fault;
    return domain;
}

/* ---- agents ---- */

static int agent_add(struct master *m, const struct agent_spec *spec, struct err *err)
{
    struct agent *agent = xcalloc(1, sizeof *agent);
    const size_t index = m->n_agents;
    m->agents = xreallocarray(m->agents, m->n_agents + 1, sizeof(struct agent *));
    m->agents[m->n_agents++] = agent;

    agent->master = m;
    agent->id = xasprintf("%s-S%zu", m->id, index);
    agent->name = spec->name ? xstrdup(spec->name) : xasprintf("agent%zu", index + 1);
    agent->hostname = spec->hostname ? xstrdup(spec->hostname) : xasprintf("%s.local", agent->name);
    agent->ip = spec->ip ? xstrdup(spec->ip)
                         : xasprintf("127.%zu.%zu.%zu", (index + 2) >> 16 & 255,
                                     (index + 2) >> 8 & 255, (index + 2) & 255);
    auto_buf struct buf why = BUF_INIT;
    if (check_id(agent->name, &why))
        return err_set(err, EXIT_INPUT, "name: %s", buf_str(&why));
    if (agent_named(m, agent->name))
        return err_set(err, EXIT_INPUT, "two agents are named '%s'", agent->name);
    map_put(&m->agent_names, agent->name, agent);
    agent->dir = xasprintf("%s/%s", m->config.work_dir, agent->name);
    if (!spec->region != !spec->zone)
        return err_set(err, EXIT_INPUT, "region and zone go together");
    if (spec->region)
        agent->domain = new_domain(&agent->arena, spec->region, spec->zone);

    if ((!m->config.simulate && io_make_dirs(agent->dir, 0755, err)) ||
        add_ports(agent, spec->ports ? spec->ports : DEFAULT_PORTS, NULL, err))
        return -1;
    add_scalar(agent, "cpus", spec->size.cpus, NULL);
    add_scalar(agent, "mem", spec->size.mem, NULL);
    add_scalar(agent, "disk", spec->size.disk, NULL);
    add_scalar(agent, "gpus", spec->gpus, NULL);
    for (size_t i = 0; i < json_array_size(spec->mounts); i++)
        if (add_mount(agent, json_array_get(spec->mounts, i), err))
            return -1;
    if (spec->reserved && add_reserved(agent, spec->reserved, err))
        return -1;
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)(size_t)spec->attributes, name, value)
    {
        if (add_attribute(agent, name, value, err))
            return -1;
    }
    res_list_add_all(&agent->free, &agent->total);
    return 0;
}

/* A member of that type, or NULL when absent. */
static int member_opt(const json_t *obj, const char *key, bool array, const json_t **ret,
                      struct err *err)
{
    const json_t *value = json_object_get(obj, key);
    if (!value || json_is_null(value))
        return 0;
    if (array ? !json_is_array(value) : !json_is_object(value))
        return err_set(err, EXIT_INPUT, "%s: not %s", key, array ? "an array" : "an object");
    *ret = value;
    return 0;
}

static int agent_from_json(struct master *m, const json_t *obj, const struct agent_size *size,
                           struct err *err)
{
    static const char *const known[] = {"name",   "hostname",   "ip",    "ports", "region",
                                        "zone",   "cpus",       "mem",   "disk",  "gpus",
                                        "mounts", "attributes", "roles", "//"};
    struct agent_spec spec = {.size = *size};
    const char *key;
    json_t *value;
    if (!json_is_object(obj))
        return err_set(err, EXIT_INPUT, "not an object");
    json_object_foreach((json_t *)(size_t)obj, key, value)
    {
        bool found = false;
        for (size_t i = 0; i < ARRAY_LEN(known); i++)
            found = found || strcmp(known[i], key) == 0;
        if (!found)
            return err_set(err, EXIT_INPUT, "unknown member '%s'", key);
    }
    if (json_get_string_opt(obj, "name", "agent", &spec.name, err) ||
        json_get_string_opt(obj, "hostname", "agent", &spec.hostname, err) ||
        json_get_string_opt(obj, "ip", "agent", &spec.ip, err) ||
        json_get_string_opt(obj, "ports", "agent", &spec.ports, err) ||
        json_get_string_opt(obj, "region", "agent", &spec.region, err) ||
        json_get_string_opt(obj, "zone", "agent", &spec.zone, err) ||
        json_get_double_opt(obj, "cpus", "agent", &spec.size.cpus, err) ||
        json_get_double_opt(obj, "mem", "agent", &spec.size.mem, err) ||
        json_get_double_opt(obj, "disk", "agent", &spec.size.disk, err) ||
        json_get_double_opt(obj, "gpus", "agent", &spec.gpus, err) ||
        member_opt(obj, "mounts", true, &spec.mounts, err) ||
        member_opt(obj, "attributes", false, &spec.attributes, err) ||
        member_opt(obj, "roles", false, &spec.reserved, err))
        return -1;
    return agent_add(m, &spec, err);
}

static int load_file(struct master *m, const char *file, const struct agent_size *size,
                     struct err *err)
{
    json_auto json_t *root = json_read_file(file, err);
    if (!root)
        return -1;
    const json_t *agents = json_object_get(root, "agents");
    const json_t *master = json_object_get(root, "master");
    const char *region = NULL, *zone = NULL;
    if (!json_is_array(agents) || json_array_size(agents) == 0)
        return err_set(err, EXIT_INPUT, "%s: 'agents' must be an array of at least one object",
                       file);
    if (master && (json_get_string(master, "region", "master", &region, err) ||
                   json_get_string(master, "zone", "master", &zone, err)))
        return err_prefix(err, "%s", file);
    if (region)
        m->domain = new_domain(&m->arena, region, zone);
    for (size_t i = 0; i < json_array_size(agents); i++)
        if (agent_from_json(m, json_array_get(agents, i), size, err))
            return err_prefix(err, "%s: agents[%zu]", file, i);
    return 0;
}

int topology_load(struct master *m, const char *file, long n_agents, const struct agent_size *size,
                  struct err *err)
{
    if (file)
        return load_file(m, file, size, err);
    for (long i = 0; i < n_agents; i++) {
        const struct agent_spec spec = {.size = *size};
        if (agent_add(m, &spec, err))
            return -1;
    }
    return 0;
}

void agents_free(struct master *m)
{
    for (size_t i = 0; i < m->n_agents; i++) {
        struct agent *agent = m->agents[i];
        presence_free(agent);
        free(agent->id);
        free(agent->name);
        free(agent->hostname);
        free(agent->ip);
        free(agent->dir);
        res_list_free(&agent->total);
        res_list_free(&agent->free);
        arena_free(&agent->arena);
        free(agent);
    }
    map_free(&m->agent_names);
    free(m->agents);
    m->agents = NULL;
    m->n_agents = 0;
}

struct agent *agent_find(const struct master *m, const char *id)
{
    /* Ids end in the index. */
    const char *number = strrchr(id, 'S');
    const unsigned long i = number ? strtoul(number + 1, NULL, 10) : m->n_agents;
    return i < m->n_agents && strcmp(m->agents[i]->id, id) == 0 ? m->agents[i] : NULL;
}

struct agent *agent_named(const struct master *m, const char *name)
{
    return map_get(&m->agent_names, name);
}

void agent_recover(struct agent *agent, const struct res_list *list)
{
    res_list_add_all(&agent->free, list);
    alloc_batch(agent->master);
}
