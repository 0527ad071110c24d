#include "spec/taskenv.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

const char *env_get(const struct pairs *env, const char *name)
{
    for (size_t i = 0; i < env->count; i++) {
        if (strcmp(env->items[i].key, name) == 0)
            return env->items[i].value;
    }
    return NULL;
}

int env_bool(const char *text)
{
    switch (text[strspn(text, " \t\r\n")]) {
    case '\0':
    case 'f':
    case 'F':
    case 'n':
    case 'N':
        return 0;
    case 't':
    case 'T':
    case 'y':
    case 'Y':
        return 1;
    default:
        return -1;
    }
}

char *env_form(const char *text, struct arena *arena)
{
    char *form = arena_alloc(arena, strlen(text) + 1), *out = form;

    /* One `_` for each unit of UTF-16, in which the original counts: two for four bytes. */
    for (const char *p = text; *p; p++) {
        const unsigned char c = (unsigned char)*p;
        if ((c & 0xc0) == 0x80)
            continue;
        *out++ = c < 0x80 && isalnum(c) ? (char)toupper(c) : '_';
        if (c >= 0xf0)
            *out++ = '_';
    }
    *out = '\0';
    return form;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct pair *)a)->key, ((const struct pair *)b)->key);
}

static void set(struct arena *arena, struct pairs *pairs, const char *key, const char *value)
{
    for (size_t i = 0; i < pairs->count; i++) {
        if (strcmp(pairs->items[i].key, key) == 0) {
            pairs->items[i].value = value;
            return;
        }
    }
    *ARENA_PUSH(arena, pairs->items, pairs->count) = (struct pair){key, value};
}

/* The name under which a variable of the scheduler reaches the pod's tasks, or NULL.
 * SDK-COMPAT: a plain prefix match, so that pod `node` also gets what was meant for `node-x`. */
static const char *routed_name(const char *name, const char *prefix)
{
    static const char all[] = "TASKCFG_ALL_";

    if (strncmp(name, all, sizeof all - 1) == 0)
        return name + sizeof all - 1;
    return strncmp(name, prefix, strlen(prefix)) == 0 ? name + strlen(prefix) : NULL;
}

void task_env_route(const struct pairs *env, const char *pod_type, const struct pairs *own,
                    struct arena *arena, struct pairs *ret)
{
    const char *prefix = arena_printf(arena, "TASKCFG_%s_", env_form(pod_type, arena));
    struct pairs routed = {NULL, 0};

    *ret = (struct pairs){NULL, 0};
    for (size_t i = 0; i < own->count; i++)
        *ARENA_PUSH(arena, ret->items, ret->count) = own->items[i];
    for (size_t i = 0; i < env->count; i++) {
        if (routed_name(env->items[i].key, prefix))
            *ARENA_PUSH(arena, routed.items, routed.count) = env->items[i];
    }
    /* In the order of their full names, so that ALL may win over a pod type before it. */
    if (routed.count)
        qsort(routed.items, routed.count, sizeof *routed.items, by_name);
    for (size_t i = 0; i < routed.count; i++)
        set(arena, ret, arena_strdup(arena, routed_name(routed.items[i].key, prefix)),
            arena_strdup(arena, routed.items[i].value));
    if (ret->count)
        qsort(ret->items, ret->count, sizeof *ret->items, by_name);
}
