#include "state/request.h"

#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "state/state_impl.h"
#include "state/store_impl.h"

/* Arguments larger than this are not kept beside the result: an update carries a whole spec. */
enum { ARGS_KEPT = 4096 };

static char *path_of(const char *id)
{
    return xasprintf(REQUESTS_PATH "/%s", id);
}

/* ---- reading ---- */

void request_release(struct request *request)
{
    if (request->json)
        json_decref(request->json);
    *request = (struct request){0};
}

static int read_result(const json_t *json, struct request *ret, struct err *err)
{
    const json_t *result = json_object_get(json, "result");
    int64_t code = 0;

    if (!json_is_object(result))
        return err_set(err, EXIT_INPUT, "it is done but has no result");
    if (json_get_int_opt(result, "code", "result", &code, err) < 0)
        return -1;
    ret->code = (int)code;
    ret->body = json_object_get(result, "body");
    return 0;
}

static int read_members(struct request *ret, struct err *err)
{
    const char *state = "";

    if (!json_is_object(ret->json))
        return err_set(err, EXIT_INPUT, "it is no object");
    if (json_get_string(ret->json, "verb", "request", &ret->verb, err) < 0 ||
        json_get_string(ret->json, "state", "request", &state, err) < 0 ||
        json_get_int_opt(ret->json, "created", "request", &ret->created_ms, err) < 0 ||
        json_get_int_opt(ret->json, "expires", "request", &ret->expires_ms, err) < 0)
        return -1;
    ret->args = json_object_get(ret->json, "args");
    ret->expects = json_object_get(ret->json, "expects");
    if (json_is_null(ret->expects))
        ret->expects = NULL;
    if (ret->args && !json_is_object(ret->args))
        return err_set(err, EXIT_INPUT, "'args' is no object");
    if (ret->expects && !json_is_object(ret->expects))
        return err_set(err, EXIT_INPUT, "'expects' is no object");
    if (!ret->args) {
        ret->args = json_object();
        json_set(ret->json, "args", ret->args);
    }
    ret->done = strcmp(state, "done") == 0;
    if (!ret->done && strcmp(state, "queued") != 0)
        return err_set(err, EXIT_INPUT, "unknown state '%s'", state);
    return ret->done ? read_result(ret->json, ret, err) : 0;
}

int request_parse(const char *id, const void *data, size_t len, struct request *ret,
                  struct err *err)
{
    *ret = (struct request){0};
    if (!uuid_is_canonical(id))
        return err_set(err, EXIT_INPUT, "request '%s' is not named by a UUID", id);
    memcpy(ret->id, id, UUID_TEXT);
    if (len > REQUEST_BYTES)
        return err_set(err, EXIT_INPUT, "request '%s' has %zu bytes, more than %d", id, len,
                       REQUEST_BYTES);
    ret->json = json_parse(data, len, id, err);
    if (!ret->json || read_members(ret, err) < 0) {
        request_release(ret);
        return err_prefix(err, "request '%s' is broken", id);
    }
    return 0;
}

/* ---- for tools ---- */

int request_post(struct store *store, const char *verb, json_t *args, json_t *expects,
                 struct idgen *ids, const struct clock *clock, char ret_id[UUID_TEXT],
                 bool *ret_live, struct err *err)
{
    json_auto json_t *request = json_object();
    auto_buf struct buf text = BUF_INIT;
    struct lock_info lock = {0};
    const int64_t now = clock_now_ms(clock);

    json_set(request, "verb", json_string(verb));
    json_set(request, "args", args ? args : json_object());
    json_set(request, "created", json_integer(now));
    json_set(request, "expires", json_integer(now + REQUEST_LIFE_MS));
    if (expects)
        json_set(request, "expects", expects);
    json_set(request, "state", json_string("queued"));
    json_write(&text, request, JSON_LAYOUT_COMPACT);
    if (text.len > REQUEST_BYTES)
        return err_set(err, EXIT_INPUT, "request '%s' has %zu bytes, more than %d", verb, text.len,
                       REQUEST_BYTES);
    if (store_lock_info(store, &lock, err) < 0)
        return -1;
    if (lock.held && !lock.ours)
        return err_set(err, EXIT_LOCKED,
                       "cannot leave a request in '%s': its lock is held by '%s', which does not "
                       "carry out requests",
                       store_name(store), lock.holder);
    *ret_live = lock.held;
    idgen_uuid(ids, ret_id);
    auto_free char *path = path_of(ret_id);
    return store_post(store, path, text.data, text.len, err);
}

static int look(struct store *store, const char *id, const char *path, struct request *ret,
                struct err *err)
{
    auto_tree struct tree *tree = store_load(store, path, err);
    const struct tree_node *node = tree ? tree_find(tree, path) : NULL;

    if (!tree)
        return -1;
    if (!node || tree_node_len(node) < 0)
        return err_set(err, EXIT_NO, "request '%s' is gone from '%s'", id, store_name(store));
    return request_parse(id, tree_node_data(node), (size_t)tree_node_len(node), ret, err);
}

static void set_flag(void *flag)
{
    *(bool *)flag = true;
}

int request_wait(struct store *store, const char *id, int64_t timeout_ms, struct request *ret,
                 struct err *err)
{
    const int64_t start = loop_now_ms();
    const struct clock clock = {0};
    auto_free char *path = path_of(id);
    bool changed = false;
    int found;

    /* The watch comes first, so that no change goes by between looking and waiting. */
    struct store_watch *watch = store_watch_add(store, path, set_flag, &changed);
    for (;;) {
        changed = false;
        found = look(store, id, path, ret, err);
        if (found < 0 || ret->done)
            break;
        int64_t left = timeout_ms < 0 ? ret->expires_ms - clock_now_ms(&clock)
                                      : timeout_ms - (loop_now_ms() - start);
        request_release(ret);
        if (left <= 0 || !store_wait(store, &changed, left)) {
            /* It may have ended in the same moment. */
            found = look(store, id, path, ret, err);
            break;
        }
    }
    store_watch_del(watch);
    if (found < 0)
        return -1;
    if (ret->done)
        return 1;
    request_release(ret);
    return 0;
}

/* ---- for the writer ---- */

static void add_result(struct results *results, const struct request *request)
{
    if (results->count == results->room) {
        results->room = results->room ? 2 * results->room : 2 * REQUEST_RESULTS_KEPT;
        results->items = xreallocarray(results->items, results->room, sizeof *results->items);
    }
    size_t at = results->count++;
    for (; at > 0 && results->items[at - 1].created_ms > request->created_ms; at--)
        results->items[at] = results->items[at - 1];
    memcpy(results->items[at].id, request->id, UUID_TEXT);
    results->items[at].created_ms = request->created_ms;
}

static void collect_results(struct state *state)
{
    const struct tree_node *all = tree_find(state->tree, REQUESTS_PATH);
    struct err err = ERR_INIT;

    for (struct tree_node *n = all ? tree_first(all) : NULL; n; n = tree_next(n)) {
        struct request request;
        if (tree_node_len(n) < 0 || request_parse(tree_node_name(n), tree_node_data(n),
                                                  (size_t)tree_node_len(n), &request, &err) < 0)
            continue;
        if (request.done)
            add_result(&state->results, &request);
        request_release(&request);
    }
}

/* The newest is in the mirror already. */
static void drop_oldest(struct state *state, struct txn *txn, const struct request *newest)
{
    const struct tree_node *all = tree_find(state->tree, REQUESTS_PATH);
    struct results *results = &state->results;

    if (results->items)
        add_result(results, newest);
    else if (all && tree_node_child_count(all) > REQUEST_RESULTS_KEPT)
        collect_results(state);
    if (results->count <= REQUEST_RESULTS_KEPT)
        return;
    auto_free char *path = path_of(results->items[0].id);
    if (tree_find(state->tree, path))
        state_delete(state, txn, path);
    results->count--;
    memmove(results->items, results->items + 1, results->count * sizeof *results->items);
}

void request_finish(struct state *state, struct txn *txn, const struct request *request, int code,
                    json_t *body)
{
    json_auto json_t *json = json_copy(request->json);
    json_t *result = json_object();
    auto_free char *path = path_of(request->id);
    auto_buf struct buf text = BUF_INIT;

    /* A tool wrote it: the mirror may not know it yet. */
    if (!state_get(state, path, NULL))
        state_note_foreign(state, path, "", 0);
    json_set(result, "code", json_integer(code));
    if (body)
        json_set(result, "body", body);
    json_set(json, "state", json_string("done"));
    json_set(json, "result", result);
    json_write(&text, json, JSON_LAYOUT_COMPACT);
    if (text.len > ARGS_KEPT) {
        json_object_del(json, "args");
        buf_clear(&text);
        json_write(&text, json, JSON_LAYOUT_COMPACT);
    }
    state_put(state, txn, path, text.data, (ssize_t)text.len);
    drop_oldest(state, txn, request);
}
