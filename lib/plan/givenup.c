/* Resources that a replaced pod left behind: Toolkit/given-up/<agent id> =
 * {"hostname": H, "resources": [ids]}.
 *
 * With the launch of the new instance no stored task holds them any more, and nothing else would
 * say that they have yet to be destroyed: the original forgets those that are offered only after
 * all work is done (plans-and-recovery 5.8, 12.8). While the record stands the client is working,
 * so that Mesos goes on offering. */
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "plan/internal.h"

#define GIVEN_UP_PATH "Toolkit/given-up"

bool plans_has_given_up(const struct plans *plans)
{
    const struct tree_node *node = tree_find(state_tree(plans->state), GIVEN_UP_PATH);

    return node && tree_node_child_count(node) > 0;
}

static json_t *read_record(const struct plans *plans, const char *path)
{
    struct err err = ERR_INIT;
    const char *text = state_get_text(plans->state, path);
    json_t *json = text ? json_parse(text, strlen(text), path, &err) : NULL;

    if (json_is_object(json) && json_is_array(json_object_get(json, "resources")))
        return json;
    json_decref(json);
    return json_pack("{s:[]}", "resources");
}

static void write_record(struct plans *plans, struct txn *txn, const char *path,
                         const json_t *record)
{
    auto_buf struct buf text = BUF_INIT;

    if (json_array_size(json_object_get(record, "resources")) == 0) {
        state_delete(plans->state, txn, path);
        return;
    }
    json_write(&text, record, JSON_LAYOUT_COMPACT);
    state_put(plans->state, txn, path, text.data, (ssize_t)text.len);
}

static bool has(const json_t *list, const char *id, size_t *ret_index)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *item = json_string_value(json_array_get(list, i));
        if (item && strcmp(item, id) == 0) {
            *ret_index = i;
            return true;
        }
    }
    return false;
}

void plans_given_up(struct plans *plans, struct txn *txn, const char *agent_id,
                    const char *hostname, const struct strings *resource_ids)
{
    auto_free char *path = xasprintf("%s/%s", GIVEN_UP_PATH, agent_id);
    json_auto json_t *record = read_record(plans, path);
    json_t *list = json_object_get(record, "resources");
    const size_t before = json_array_size(list);
    size_t at;

    if (!agent_id[0] || strchr(agent_id, '/'))
        return;
    for (size_t i = 0; i < resource_ids->count; i++)
        if (!state_resource_owner(plans->state, resource_ids->items[i]) &&
            !has(list, resource_ids->items[i], &at))
            json_push(list, json_string(resource_ids->items[i]));
    json_set(record, "hostname", json_text(hostname, strlen(hostname)));
    if (json_array_size(list) > before)
        write_record(plans, txn, path, record);
}

void given_up_each(const struct plans *plans, given_up_fn *fn, void *ctx)
{
    const struct tree_node *node = tree_find(state_tree(plans->state), GIVEN_UP_PATH);

    for (struct tree_node *n = node ? tree_first(node) : NULL; n; n = tree_next(n)) {
        auto_free char *path = xasprintf("%s/%s", GIVEN_UP_PATH, tree_node_name(n));
        json_auto json_t *record = read_record(plans, path);
        const char *hostname = json_string_value(json_object_get(record, "hostname"));
        const json_t *list = json_object_get(record, "resources");
        for (size_t i = 0; i < json_array_size(list); i++)
            if (json_is_string(json_array_get(list, i)))
                fn(ctx, hostname ? hostname : "", json_string_value(json_array_get(list, i)));
    }
}

struct search {
    const char *id;
    bool found;
};

static void look(void *ctx, const char *hostname, const char *id)
{
    struct search *search = ctx;

    (void)hostname;
    search->found |= strcmp(id, search->id) == 0;
}

bool given_up_has(const struct plans *plans, const char *resource_id)
{
    struct search search = {resource_id, false};

    given_up_each(plans, look, &search);
    return search.found;
}

void given_up_unreserved(struct plans *plans, struct txn *txn, const char *resource_id)
{
    const struct tree_node *node = tree_find(state_tree(plans->state), GIVEN_UP_PATH);

    for (struct tree_node *n = node ? tree_first(node) : NULL; n; n = tree_next(n)) {
        auto_free char *path = xasprintf("%s/%s", GIVEN_UP_PATH, tree_node_name(n));
        json_auto json_t *record = read_record(plans, path);
        json_t *list = json_object_get(record, "resources");
        size_t at;
        if (!has(list, resource_id, &at))
            continue;
        json_array_remove(list, at);
        write_record(plans, txn, path, record);
        return;
    }
}
