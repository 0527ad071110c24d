/* Resources that a replaced pod left behind: Toolkit/given-up/<agent id> = {"resources": [ids]}.
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

static json_t *read_list(const struct plans *plans, const char *path)
{
    struct err err = ERR_INIT;
    const char *text = state_get_text(plans->state, path);
    json_auto json_t *json = text ? json_parse(text, strlen(text), path, &err) : NULL;
    json_t *list = json_object_get(json, "resources");

    return json_is_array(list) ? json_incref(list) : json_array();
}

static void write_list(struct plans *plans, struct txn *txn, const char *path, json_t *list)
{
    json_auto json_t *json = json_object();
    auto_buf struct buf text = BUF_INIT;

    if (json_array_size(list) == 0) {
        state_delete(plans->state, txn, path);
        return;
    }
    json_set(json, "resources", json_incref(list));
    json_write(&text, json, JSON_LAYOUT_COMPACT);
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
                    const struct strings *resource_ids)
{
    auto_free char *path = xasprintf("%s/%s", GIVEN_UP_PATH, agent_id);
    json_auto json_t *list = read_list(plans, path);
    const size_t before = json_array_size(list);
    size_t at;

    if (!agent_id[0] || strchr(agent_id, '/'))
        return;
    for (size_t i = 0; i < resource_ids->count; i++)
        if (!state_resource_owner(plans->state, resource_ids->items[i]) &&
            !has(list, resource_ids->items[i], &at))
            json_push(list, json_string(resource_ids->items[i]));
    if (json_array_size(list) > before)
        write_list(plans, txn, path, list);
}

void given_up_unreserved(struct plans *plans, struct txn *txn, const char *resource_id)
{
    const struct tree_node *node = tree_find(state_tree(plans->state), GIVEN_UP_PATH);

    for (struct tree_node *n = node ? tree_first(node) : NULL; n; n = tree_next(n)) {
        auto_free char *path = xasprintf("%s/%s", GIVEN_UP_PATH, tree_node_name(n));
        json_auto json_t *list = read_list(plans, path);
        size_t at;
        if (!has(list, resource_id, &at))
            continue;
        json_array_remove(list, at);
        write_list(plans, txn, path, list);
        return;
    }
}
