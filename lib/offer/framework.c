#include "offer/offer.h"

#include <string.h>

#include "offer/resources.h"

static bool has(const struct strings *list, const char *item)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->items[i], item) == 0)
            return true;
    return false;
}

static void add(struct strings *list, const char *role, struct arena *arena)
{
    if (!has(list, role))
        *ARENA_PUSH(arena, list->items, list->count) = role;
}

/* The role of a service that has none given, and the folder it is in, as services had it before
 * roles were those of Marathon's groups. */
static void add_former_roles(const struct service_spec *spec, struct arena *arena,
                             struct strings *ret)
{
    const char *legacy = text_join(arena, spec_escape_name(arena, spec->name), "-role");
    const char *end = strstr(legacy, "__");
    add(ret, legacy, arena);
    if (end && end > legacy)
        add(ret, arena_strndup(arena, legacy, (size_t)(end - legacy)), arena);
}

void offer_roles(const struct service_spec *spec, const struct offer_settings *settings,
                 const struct state *state, struct arena *arena, struct strings *ret)
{
    *ret = (struct strings){0};
    add(ret, spec->role, arena);
    for (size_t i = 0; i < spec->n_pods; i++) {
        const char *pre = spec->pods[i].pre_reserved_role;
        if (!pre || !*pre || strcmp(pre, "*") == 0)
            continue;
        add(ret, text_join(arena, pre, "/", spec->role), arena);
    }
    if (settings->role_migration)
        add_former_roles(spec, arena, ret);
    for (const struct task *t = state ? state_task_first(state) : NULL; t;
         t = state_task_after(state, t))
        if (*t->role)
            add(ret, arena_strdup(arena, t->role), arena);
}

static void capability(struct arena *arena, FrameworkInfo *info,
                       FrameworkInfo__Capability__Type type)
{
    FrameworkInfo__Capability *one =
        PB_NEW(arena, FrameworkInfo__Capability, framework_info__capability);
    one->has_type = 1;
    one->type = type;
    PB_ADD(arena, info->n_capabilities, info->capabilities, one);
}

FrameworkInfo *offer_framework_info(const struct service_spec *spec, const char *framework_id,
                                    const struct strings *roles, const struct framework_caps *caps,
                                    struct arena *arena)
{
    FrameworkInfo *info = PB_NEW(arena, FrameworkInfo, framework_info);
    info->name = (char *)spec->name;
    info->user = (char *)(spec->user && *spec->user ? spec->user : "root");
    info->principal = (char *)spec->principal;
    info->has_failover_timeout = 1;
    info->failover_timeout = 14.0 * 24 * 3600;
    info->has_checkpoint = 1;
    info->checkpoint = 1;
    if (framework_id) {
        info->id = PB_NEW(arena, FrameworkID, framework_id);
        info->id->value = (char *)framework_id;
    }
    if (spec->web_url && *spec->web_url)
        info->webui_url = (char *)spec->web_url;
    if (caps->partition_aware)
        capability(arena, info, FRAMEWORK_INFO__CAPABILITY__TYPE__PARTITION_AWARE);
    if (caps->gpus)
        capability(arena, info, FRAMEWORK_INFO__CAPABILITY__TYPE__GPU_RESOURCES);
    capability(arena, info, FRAMEWORK_INFO__CAPABILITY__TYPE__RESERVATION_REFINEMENT);
    if (caps->region_aware)
        capability(arena, info, FRAMEWORK_INFO__CAPABILITY__TYPE__REGION_AWARE);
    if (roles->count == 1) {
        info->role = (char *)roles->items[0];
        return info;
    }
    capability(arena, info, FRAMEWORK_INFO__CAPABILITY__TYPE__MULTI_ROLE);
    for (size_t i = 0; i < roles->count; i++)
        PB_ADD(arena, info->n_roles, info->roles, (char *)roles->items[i]);
    return info;
}
