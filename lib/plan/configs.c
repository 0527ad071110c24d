#include "plan/configs.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/json.h"
#include "spec/specjson.h"

struct config_entry {
    char id[UUID_TEXT];
    struct service_spec *spec; /* NULL: missing or unreadable */
    struct config_entry *next;
};

struct configs {
    const struct state *state;
    struct config_entry *entries;
    struct err problem;
};

struct configs *configs_new(const struct state *state)
{
    struct configs *configs = xcalloc(1, sizeof *configs);

    configs->state = state;
    return configs;
}

void configs_free(struct configs *configs)
{
    if (!configs)
        return;
    while (configs->entries) {
        struct config_entry *next = configs->entries->next;
        service_spec_free(configs->entries->spec);
        free(configs->entries);
        configs->entries = next;
    }
    free(configs);
}

const char *configs_problem(const struct configs *configs)
{
    return configs->problem.text;
}

const struct service_spec *configs_get(void *ctx, const char *id)
{
    struct configs *configs = ctx;
    const struct config_entry *known = id ? configs->entries : NULL;
    size_t len;

    while (known && strcmp(known->id, id) != 0)
        known = known->next;
    if (known && known->spec) /* mostly */
        return known->spec;
    err_set(&configs->problem, EXIT_INPUT, "it is not stored");
    if (known || !id || !uuid_is_canonical(id))
        return NULL;
    /* A configuration that is not there yet may come with an update: only what was read is kept. */
    const char *text = state_config(configs->state, id, &len);
    if (!text)
        return NULL;
    json_auto json_t *json = json_parse(text, len, id, &configs->problem);
    struct config_entry *entry = xcalloc(1, sizeof *entry);
    memcpy(entry->id, id, sizeof entry->id);
    entry->spec = json ? spec_from_json(json, &configs->problem) : NULL;
    if (entry->spec)
        configs->problem.text[0] = '\0';
    entry->next = configs->entries;
    configs->entries = entry;
    return entry->spec;
}

struct plans_spec *configs_plans(const struct state *state, const char *id,
                                 const struct plans_spec *fallback, struct err *err)
{
    auto_free char *path = xasprintf("Toolkit/plans/%s", id);
    ssize_t len;
    const char *text = state_get(state, path, &len);

    if (text && len >= 0) {
        json_auto json_t *json = json_parse(text, (size_t)len, path, err);
        return json ? plans_spec_from_json(json, err) : NULL;
    }
    json_auto json_t *json = fallback ? plans_spec_to_json(fallback) : NULL;
    struct plans_spec *ret = plans_spec_from_json(json, err);
    if (ret && !fallback)
        ret->unknown = true;
    return ret;
}
