/* /v1/configurations (see api-and-cli 1.6): ids, and Service Specs as stored. */
#include "base/clock.h"
#include "http/routes.h"

static void list_configs(struct exchange_ctx *x)
{
    const struct tree_node *node = tree_find(state_tree(x->view->state), "Configurations");
    json_t *ids = json_array();

    for (const struct tree_node *c = node ? tree_first(node) : NULL; c; c = tree_next(c))
        json_push(ids, json_string(tree_node_name(c)));
    reply_json(x, 200, ids, JSON_LAYOUT_ORG);
}

static void target_id(struct exchange_ctx *x)
{
    const char *id = state_target_id(x->view->state);

    if (id)
        reply_json(x, 200, json_pack("[s]", id), JSON_LAYOUT_ORG);
    else
        reply_empty(x->reply, 404);
}

static void show(struct exchange_ctx *x, const char *id, int missing)
{
    struct err err = ERR_INIT;
    size_t len;
    const char *text = state_config(x->view->state, id, &len);
    json_t *json = text ? json_parse(text, len, id, &err) : NULL;

    if (json)
        reply_json(x, 200, json, JSON_LAYOUT_SPEC);
    else
        reply_empty(x->reply, text ? 500 : missing);
}

static void target(struct exchange_ctx *x)
{
    const char *id = state_target_id(x->view->state);

    if (id)
        show(x, id, 500);
    else
        reply_empty(x->reply, 404);
}

static void one_config(struct exchange_ctx *x)
{
    char id[UUID_TEXT];

    if (uuid_read(x->parts[0], id))
        show(x, id, 404);
    else
        reply_empty(x->reply, 400);
}

const struct route config_routes[] = {
    {"GET", "/v1/configurations", list_configs, true},
    {"GET", "/v1/configurations/targetId", target_id, true},
    {"GET", "/v1/configurations/target", target, true},
    {"GET", "/v1/configurations/*", one_config, true},
    {NULL, NULL, NULL, false},
};
