#include "state/state.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/shared.h"
#include "state/state_impl.h"
#include "state/wire.h"

/* state-store 3.6 */
enum { VALUE_LIMIT = 1000000, PROBLEMS = 1000 };

struct state *state_new(void)
{
    struct state *state = xcalloc(1, sizeof *state);

    state->tree = tree_new();
    return state;
}

static void drop_all(struct state *state)
{
    tasks_drop(state);
    tree_free(state->tree);
    state->tree = NULL;
    free(state->framework_id);
    state->framework_id = NULL;
    for (size_t i = 0; i < state->n_problems; i++)
        free(state->problems[i].text);
    free(state->problems);
    state->problems = NULL;
    state->n_problems = 0;
    free(state->results.items);
    state->results = (struct results){NULL, 0, 0};
}

void state_free(struct state *state)
{
    if (!state)
        return;
    drop_all(state);
    text_pool_free(&state->pool);
    free(state);
}

void state_add_problem(struct state *state, bool fatal, const char *format, ...)
{
    va_list args;

    if (state->n_problems == PROBLEMS)
        return;
    state->problems =
        xreallocarray(state->problems, state->n_problems + 1, sizeof *state->problems);
    va_start(args, format);
    state->problems[state->n_problems++] = (struct problem){xvasprintf(format, args), fatal};
    va_end(args);
}

static const struct tree_node *find(const struct state *state, const char *path)
{
    return tree_find(state->tree, path);
}

/* ---- loading ---- */

static void load_framework_id(struct state *state)
{
    const struct tree_node *node = find(state, "FrameworkID");
    ssize_t len = node ? tree_node_len(node) : -1;

    free(state->framework_id);
    state->framework_id = NULL;
    if (len < 0)
        return;
    struct span id = wire_get(tree_node_data(node), (size_t)len, 1);
    if (id.len)
        state->framework_id = xstrndup(id.data, id.len);
    else
        state_add_problem(state, true, "FrameworkID is %s", len ? "broken" : "empty");
}

static void check_configs(struct state *state)
{
    const struct tree_node *configs = find(state, "Configurations");

    for (struct tree_node *c = configs ? tree_first(configs) : NULL; c; c = tree_next(c)) {
        if (!uuid_is_canonical(tree_node_name(c)))
            state_add_problem(state, true, "Configurations/%s is not named by a UUID",
                              tree_node_name(c));
        else if (tree_node_len(c) <= 0)
            state_add_problem(state, false, "Configurations/%s is empty", tree_node_name(c));
    }
    const char *target = state_target_id(state);
    if (target && !state_config(state, target, NULL))
        state_add_problem(state, true, "ConfigTarget names '%s', which is not stored", target);
}

int state_load(struct state *state, struct tree *tree, struct err *err)
{
    (void)err;
    drop_all(state);
    state->tree = tree;
    load_framework_id(state);
    check_configs(state);
    tasks_load(state);
    if (!state_uninstalling_is_good(state))
        state_add_problem(state, true, "Properties/uninstalling is neither true nor false");
    if (!state->framework_id && state->task_count)
        state_add_problem(state, true,
                          "tasks are stored, but no FrameworkID: a new framework "
                          "could not use their reservations");
    return 0;
}

const struct tree *state_tree(const struct state *state)
{
    return state->tree;
}

size_t state_problems(const struct state *state)
{
    return state->n_problems;
}

const char *state_problem(const struct state *state, size_t index)
{
    return state->problems[index].text;
}

/* ---- any node ---- */

static void mirror_put(struct state *state, const char *path, char *data, ssize_t len)
{
    const bool of_task = strncmp(path, "Tasks/", 6) == 0;

    if (of_task)
        task_change_begin(state, path);
    tree_put_shared(state->tree, path, data, len);
    if (of_task)
        task_change_end(state, path);
    else if (strcmp(path, "FrameworkID") == 0)
        load_framework_id(state);
}

/* Creates what is missing above the path, top down, with empty data (see state-store 1.2). */
static void put_parents(struct state *state, struct txn *txn, const char *path)
{
    for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
        auto_free char *parent = xstrndup(path, (size_t)(slash - path));
        if (!find(state, parent)) {
            txn_create(txn, parent, "", 0);
            tree_put(state->tree, parent, "", 0);
        }
    }
}

static bool is_same(const struct tree_node *node, const void *data, ssize_t len)
{
    return node && tree_node_len(node) == len &&
           (len < 1 || memcmp(tree_node_data(node), data, (size_t)len) == 0);
}

/* What changes. */
static void put(struct state *state, struct txn *txn, const struct tree_node *node,
                const char *path, char *data, ssize_t len)
{
    if (node) {
        txn_set_shared(txn, path, data, len);
    } else {
        put_parents(state, txn, path);
        txn_create_shared(txn, path, data, len);
    }
    mirror_put(state, path, data, len);
}

void state_put(struct state *state, struct txn *txn, const char *path, const void *data,
               ssize_t len)
{
    const struct tree_node *node = find(state, path);

    if (is_same(node, data, len))
        return;
    auto_shared char *copy = len < 0 ? NULL : shared_new(data, (size_t)len);
    put(state, txn, node, path, copy, len);
}

void state_put_shared(struct state *state, struct txn *txn, const char *path, char *data,
                      ssize_t len)
{
    const struct tree_node *node = find(state, path);

    if (!is_same(node, data, len))
        put(state, txn, node, path, data, len);
}

void state_delete(struct state *state, struct txn *txn, const char *path)
{
    const struct tree_node *top = *path ? find(state, path) : NULL;
    auto_free const struct tree_node **nodes = NULL;
    auto_buf struct buf at = BUF_INIT;
    size_t count = 0, room = 0;

    for (const struct tree_node *n = top; n; n = tree_walk(top, n)) {
        if (count == room) {
            room = room ? room * 2 : 8;
            nodes = xreallocarray(nodes, room, sizeof(struct tree_node *));
        }
        nodes[count++] = n;
    }
    if (!count)
        return;
    while (count-- > 0) { /* children before parents */
        buf_clear(&at);
        tree_node_path(nodes[count], &at);
        txn_delete(txn, buf_str(&at));
    }
    const char *task = strncmp(path, "Tasks/", 6) == 0 ? path + 6 : NULL;
    if (task && !strchr(task, '/'))
        task_forget(state, path);
    else if (task)
        task_change_begin(state, path);
    else if (strcmp(path, "Tasks") == 0)
        tasks_drop(state);
    tree_delete(state->tree, path);
    if (task)
        task_change_end(state, path);
    else if (strcmp(path, "FrameworkID") == 0)
        load_framework_id(state);
}

void state_delete_in_pieces(struct state *state, struct txn *txn, const char *path)
{
    const struct tree_node *node = *path ? find(state, path) : NULL;
    const struct tree_node *child;

    while (node && (child = tree_first(node)) != NULL) {
        auto_free char *below = xasprintf("%s/%s", path, tree_node_name(child));
        txn_border(txn);
        state_delete(state, txn, below);
    }
    state_delete(state, txn, path);
}

void state_note_foreign(struct state *state, const char *path, const void *data, ssize_t len)
{
    auto_shared char *copy = len < 0 ? NULL : shared_new(data, (size_t)len);

    mirror_put(state, path, copy, len);
}

const void *state_get(const struct state *state, const char *path, ssize_t *ret_len)
{
    const struct tree_node *node = find(state, path);

    if (ret_len)
        *ret_len = node ? tree_node_len(node) : -1;
    return node ? tree_node_data(node) : NULL;
}

const char *state_get_text(const struct state *state, const char *path)
{
    return state_get(state, path, NULL);
}

/* ---- single values ---- */

const char *state_service_name(const struct state *state)
{
    return state_get_text(state, "servicename");
}

const char *state_schema_version(const struct state *state)
{
    return state_get_text(state, "SchemaVersion");
}

const char *state_framework_id(const struct state *state)
{
    return state->framework_id;
}

void state_put_framework_id(struct state *state, struct txn *txn, const char *id)
{
    FrameworkID message = FRAMEWORK_ID__INIT;
    auto_buf struct buf bytes = BUF_INIT;

    message.value = (char *)id;
    pb_pack(&message, &bytes);
    state_put(state, txn, "FrameworkID", bytes.data, (ssize_t)bytes.len);
}

static char *property_path(const char *key)
{
    return xasprintf("Properties/%s", key);
}

const void *state_property(const struct state *state, const char *key, ssize_t *ret_len)
{
    auto_free char *path = property_path(key);

    return state_get(state, path, ret_len);
}

static bool is_blank(const char *s)
{
    while (isspace((unsigned char)*s))
        s++;
    return !*s;
}

int state_put_property(struct state *state, struct txn *txn, const char *key, const void *data,
                       size_t len, struct err *err)
{
    auto_free char *path = property_path(key);

    if (is_blank(key) || strchr(key, '/'))
        return err_set(err, EXIT_INPUT, "property '%s': a key must not be blank or contain '/'",
                       key);
    if (len > VALUE_LIMIT)
        return err_set(err, EXIT_INPUT, "property '%s': %zu bytes exceed the limit of %d bytes",
                       key, len, VALUE_LIMIT);
    if (tree_path_check(path, err) < 0)
        return -1;
    state_put(state, txn, path, data, (ssize_t)len);
    return 0;
}

bool state_deployed(const struct state *state)
{
    const char *type = state_get_text(state, "Properties/last-completed-update-type");

    /* Exactly DEPLOY; the UPDATE of SDK <= 0.56 means the same (see state-store 12.18). */
    return type && (strcmp(type, "DEPLOY") == 0 || strcmp(type, "UPDATE") == 0);
}

/* A JSON text, so there may be white space around it. */
static bool uninstalling_is(const struct state *state, const char *word)
{
    static const char white[] = " \t\r\n";
    const char *text = state_get_text(state, "Properties/uninstalling");

    if (!text)
        return !*word;
    text += strspn(text, white);
    const size_t len = strlen(word);
    return strncmp(text, word, len) == 0 && !text[len + strspn(text + len, white)];
}

bool state_uninstalling(const struct state *state)
{
    return uninstalling_is(state, "true");
}

bool state_uninstalling_is_good(const struct state *state)
{
    return uninstalling_is(state, "true") || uninstalling_is(state, "false") ||
           uninstalling_is(state, "");
}

/* ---- configurations ---- */

const char *state_target_id(const struct state *state)
{
    return state_get_text(state, "ConfigTarget");
}

const char *state_config(const struct state *state, const char *id, size_t *ret_len)
{
    auto_free char *path = xasprintf("Configurations/%s", id);
    ssize_t len;
    const char *text = state_get(state, path, &len);

    if (!text || len <= 0)
        return NULL;
    if (ret_len)
        *ret_len = (size_t)len;
    return text;
}
