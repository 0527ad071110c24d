#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "offer/launch.h"

struct variables {
    Environment__Variable **items;
    size_t count;
};

static Environment__Variable *add(struct arena *arena, struct variables *list, const char *name,
                                  const char *value)
{
    Environment__Variable *variable = PB_NEW(arena, Environment__Variable, environment__variable);
    variable->name = (char *)name;
    variable->value = (char *)value;
    PB_ADD(arena, list->count, list->items, variable);
    return variable;
}

/* Stable insertion sort: the lists are short, or sorted already. */
static void sort(struct variables *list)
{
    for (size_t i = 1; i < list->count; i++) {
        Environment__Variable *moving = list->items[i];
        size_t at = i;
        for (; at > 0 && strcmp(list->items[at - 1]->name, moving->name) > 0; at--)
            list->items[at] = list->items[at - 1];
        list->items[at] = moving;
    }
}

/* One sorted list of both, each name once: `over` wins, and in each list the last. */
static Environment *merge(struct arena *arena, const struct variables *base,
                          const struct variables *over)
{
    Environment *environment = PB_NEW(arena, Environment, environment);
    struct variables sorted = {ARENA_ARRAY(arena, over->count + 1, Environment__Variable *),
                               over->count};
    if (over->count)
        memcpy(sorted.items, over->items, over->count * sizeof *sorted.items);
    sort(&sorted);
    Environment__Variable **out =
        ARENA_ARRAY(arena, base->count + sorted.count + 1, Environment__Variable *);
    size_t n = 0, i = 0, j = 0;
    while (i < base->count || j < sorted.count) {
        bool from_base =
            j == sorted.count ||
            (i < base->count && strcmp(base->items[i]->name, sorted.items[j]->name) <= 0);
        Environment__Variable *next = from_base ? base->items[i++] : sorted.items[j++];
        if (n && strcmp(out[n - 1]->name, next->name) == 0)
            n--;
        out[n++] = next;
    }
    environment->variables = out;
    environment->n_variables = n;
    return environment;
}

/* ---- names ---- */

char *environment_name(struct arena *arena, const char *text)
{
    char *name = arena_strdup(arena, text);
    for (char *p = name; *p; p++) {
        if (*p >= 'a' && *p <= 'z')
            *p = (char)(*p - 'a' + 'A');
        else if (!((*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9')))
            *p = '_';
    }
    return name;
}

/* Without slashes; dots become dashes when asked. */
static char *flat_name(struct arena *arena, const char *service, bool dashes)
{
    char *name = arena_strdup(arena, service), *out = name;
    for (const char *p = name; *p; p++)
        if (*p != '/')
            *out++ = dashes && *p == '.' ? '-' : *p;
    *out = '\0';
    return name;
}

char *service_host(struct arena *arena, const char *service, const struct offer_settings *settings)
{
    return text_join(arena, flat_name(arena, service, true), ".", settings->service_tld);
}

char *service_vip_host(struct arena *arena, const char *service,
                       const struct offer_settings *settings)
{
    return text_join(arena, flat_name(arena, service, false), ".", settings->vip_tld);
}

const char *service_api_host(struct arena *arena, const char *service,
                             const struct offer_settings *settings)
{
    if (settings->api_host)
        return settings->api_host;
    auto_buf struct buf name = BUF_INIT;
    size_t end = strlen(service);
    while (end > 0) { /* path segments, the last one first */
        size_t begin = end;
        while (begin > 0 && service[begin - 1] != '/')
            begin--;
        for (size_t i = begin; i < end; i++)
            buf_addc(&name, service[i] == '.' ? '-' : service[i]);
        if (begin < end && begin > 1)
            buf_addc(&name, '-');
        end = begin ? begin - 1 : 0;
    }
    return text_join(arena, buf_str(&name), ".", settings->marathon_name, ".",
                     settings->service_tld);
}

/* ---- the lists ---- */

static struct variables spec_variables(struct arena *arena, const struct task_spec *task)
{
    size_t count = task->environment.count;
    struct variables list = {ARENA_ARRAY(arena, count + 1, Environment__Variable *), count};
    Environment__Variable *block = ARENA_ARRAY(arena, count + 1, Environment__Variable);
    for (size_t i = 0; i < count; i++) {
        environment__variable__init(&block[i]);
        block[i].name = (char *)task->environment.items[i].key;
        block[i].value = (char *)task->environment.items[i].value;
        list.items[i] = &block[i];
    }
    sort(&list);
    return list;
}

/* Variables that every task gets; they win over its own. */
static void add_service_variables(const struct fit *fit, const struct task_spec *task,
                                  struct variables *list)
{
    const struct offer_need *need = fit->need;
    const struct offer_settings *settings = need->context->settings;
    const char *service = need->context->spec->name;
    struct arena *arena = fit->arena;
    char *instance = text_join(arena, need->instance, "-", task->name);
    const struct placement_rule *rule = need->pod->placement;
    add(arena, list, "POD_INSTANCE_INDEX", text_number(arena, need->requirement->pod_index));
    add(arena, list, "FRAMEWORK_NAME", service);
    add(arena, list, "FRAMEWORK_HOST", service_host(arena, service, settings));
    add(arena, list, "FRAMEWORK_VIP_HOST", service_vip_host(arena, service, settings));
    add(arena, list, "SCHEDULER_API_HOSTNAME", service_api_host(arena, service, settings));
    add(arena, list, "SCHEDULER_API_PORT", settings->api_port);
    add(arena, list, "TASK_NAME", instance);
    add(arena, list, instance, "true");
    add(arena, list, "PLACEMENT_REFERENCED_REGION", rule_refers_to_region(rule) ? "true" : "false");
    add(arena, list, "PLACEMENT_REFERENCED_ZONE", rule_refers_to_zone(rule) ? "true" : "false");
}

static void add_templates(const struct fit *fit, const struct task_spec *task,
                          struct variables *list)
{
    for (size_t i = 0; i < task->n_config_files; i++) {
        const struct config_file *file = &task->config_files[i];
        add(fit->arena, list,
            text_join(fit->arena, "CONFIG_TEMPLATE_", environment_name(fit->arena, file->name)),
            text_join(fit->arena, "config-templates/", file->name, ",", file->relative_path));
    }
}

static void add_parameters(const struct fit *fit, struct variables *list)
{
    const struct pairs *parameters = &fit->need->requirement->parameters;
    for (size_t i = 0; i < parameters->count; i++)
        add(fit->arena, list, arena_strdup(fit->arena, parameters->items[i].key),
            arena_strdup(fit->arena, parameters->items[i].value));
}

static void add_secrets(const struct fit *fit, struct variables *list)
{
    const struct pod_spec *pod = fit->need->pod;
    for (size_t i = 0; i < pod->n_secrets; i++) {
        if (!pod->secrets[i].env_key)
            continue;
        Environment__Variable *variable = add(fit->arena, list, pod->secrets[i].env_key, NULL);
        variable->has_type = 1;
        variable->type = ENVIRONMENT__VARIABLE__TYPE__SECRET;
        variable->secret = PB_NEW(fit->arena, Secret, secret);
        variable->secret->has_type = 1;
        variable->secret->type = SECRET__TYPE__REFERENCE;
        variable->secret->reference = PB_NEW(fit->arena, Secret__Reference, secret__reference);
        variable->secret->reference->name = (char *)pod->secrets[i].secret;
    }
}

static size_t add_ports(const struct fit *fit, const struct set_fit *set, struct variables *list)
{
    size_t added = 0;
    for (size_t i = 0; i < set->n_ports; i++) {
        const struct port_choice *port = &set->ports[i];
        if (!port->spec->env_key || !*port->spec->env_key)
            continue;
        add(fit->arena, list, port->spec->env_key, text_number(fit->arena, port->number));
        added++;
    }
    return added;
}

struct task_environments environments_new(const struct fit *fit, const struct task_spec *task,
                                          const struct set_fit *set)
{
    struct arena *arena = fit->arena;
    struct task_environments ret;
    struct variables base = spec_variables(arena, task), checks = {0}, over = {0}, late = {0};
    add_service_variables(fit, task, &checks);
    for (size_t i = 0; i < checks.count; i++)
        PB_ADD(arena, over.count, over.items, checks.items[i]);
    add_templates(fit, task, &over);

    /* Parameters and secrets stand behind the sorted list, unless a port variable makes the
     * original sort everything once more. */
    add_parameters(fit, &late);
    add_secrets(fit, &late);
    size_t early = late.count;
    size_t ports = add_ports(fit, set, &late);
    for (size_t i = 0; ports && i < late.count; i++)
        PB_ADD(arena, over.count, over.items, late.items[i]);
    ret.command = merge(arena, &base, &over);
    struct variables tail = {0};
    for (size_t i = 0; !ports && i < early; i++)
        PB_ADD(arena, tail.count, tail.items, late.items[i]);
    if (fit->region)
        add(arena, &tail, "REGION", fit->region);
    if (fit->zone)
        add(arena, &tail, "ZONE", fit->zone);
    if (tail.count) {
        struct variables all = {ret.command->variables, ret.command->n_variables};
        PB_OWN(arena, all.count, all.items);
        for (size_t i = 0; i < tail.count; i++)
            PB_ADD(arena, all.count, all.items, tail.items[i]);
        ret.command->variables = all.items;
        ret.command->n_variables = all.count;
    }

    add_ports(fit, set, &checks);
    ret.checks = task->health_check || task->readiness_check ? merge(arena, &base, &checks) : NULL;
    return ret;
}
