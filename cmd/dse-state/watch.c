/* What changes: `dse-state watch`, `dse-state config diff`. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/json.h"
#include "dse-state.h"
#include "state/store_impl.h"

enum { LOOK_MS = 1000 };

/* ---- watch ---- */

struct watching {
    struct store *store;
    struct tree *watched; /* nodes that have a watch */
    bool changed;
    long printed;
};

static void note_change(void *ctx)
{
    *(bool *)ctx = true;
}

/* Each node with children has a watch, which covers those. A directory has no watches for that
 * many: there the tree is looked at once a second. */
static void add_watches(struct watching *w, const struct tree *tree)
{
    const struct tree_node *root = tree_root(tree);

    for (const struct tree_node *n = root; n; n = tree_walk(root, n)) {
        auto_buf struct buf path = BUF_INIT;
        tree_node_path(n, &path);
        if ((n != root && !tree_node_child_count(n)) || strcmp(buf_str(&path), "lock") == 0 ||
            (tree_find(w->watched, buf_str(&path)) && n != root))
            continue;
        if (n == root && tree_node_len(tree_root(w->watched)) > 0)
            continue;
        tree_put(w->watched, buf_str(&path), "x", 1);
        store_watch_add(w->store, buf_str(&path), note_change, &w->changed);
    }
}

static void print_change(struct watching *w, const char *what, const struct tree_node *node)
{
    const struct clock clock = {0};
    auto_buf struct buf path = BUF_INIT, line = BUF_INIT;
    json_auto json_t *json = json_object();

    tree_node_path(node, &path);
    json_set(json, "time", json_integer(clock_now_ms(&clock)));
    json_set(json, "change", json_string(what));
    json_set(json, "path", json_string(buf_str(&path)));
    if (strcmp(what, "deleted") != 0)
        json_set(json, "value",
                 inspect_node(buf_str(&path), tree_node_data(node), tree_node_len(node)));
    json_write(&line, json, JSON_LAYOUT_COMPACT);
    buf_addc(&line, '\n');
    print_bytes(line.data, line.len);
    w->printed++;
}

static bool same(const struct tree_node *a, const struct tree_node *b)
{
    return tree_node_len(a) == tree_node_len(b) &&
           (tree_node_len(a) < 1 ||
            memcmp(tree_node_data(a), tree_node_data(b), (size_t)tree_node_len(a)) == 0);
}

static void print_changes(struct watching *w, const struct tree *before, const struct tree *now)
{
    for (const struct tree_node *n = tree_root(now); n; n = tree_walk(tree_root(now), n)) {
        auto_buf struct buf path = BUF_INIT;
        tree_node_path(n, &path);
        const struct tree_node *old = tree_find(before, buf_str(&path));
        if (!old)
            print_change(w, "created", n);
        else if (!same(old, n))
            print_change(w, "changed", n);
    }
    for (const struct tree_node *n = tree_root(before); n; n = tree_walk(tree_root(before), n)) {
        auto_buf struct buf path = BUF_INIT;
        tree_node_path(n, &path);
        if (!tree_find(now, buf_str(&path)))
            print_change(w, "deleted", n);
    }
    fflush(stdout); /* a failure is found when it is closed */
}

int watch_tree(const struct invocation *inv, struct err *err)
{
    struct watching w = {0};

    if (no_operands(inv, err) < 0)
        return -1;
    struct store *store = read_store(err);
    w.store = store;
    w.changed = true; /* between the first look and the watches */
    auto_tree struct tree *before = store ? store_load(store, "", err) : NULL;
    if (!before)
        return -1;
    const bool look = strncmp(store_name(store), "zk:", 3) != 0;
    auto_tree struct tree *watched = tree_new();
    w.watched = watched;
    if (!look)
        add_watches(&w, before);
    fprintf(stderr, "dse-state: watching %s\n", store_name(store));
    while (!settings.changes || w.printed < settings.changes) {
        store_wait(store, &w.changed, look ? LOOK_MS : -1);
        w.changed = false;
        struct tree *now = store_load(store, "", err);
        if (!now)
            return -1;
        if (!look)
            add_watches(&w, now);
        print_changes(&w, before, now);
        tree_free(before);
        before = now;
    }
    return EXIT_DONE;
}

/* ---- config diff ---- */

static void print_value(char sign, const char *path, const json_t *value)
{
    auto_buf struct buf text = BUF_INIT;

    json_write(&text, value, JSON_LAYOUT_COMPACT);
    printf("%c %s: %s\n", sign, *path ? path : "/", buf_str(&text));
}

/* Prints what differs; the number of lines. Depth is bounded by the parser's. */
static size_t differences(const char *path, const json_t *a, const json_t *b)
{
    size_t count = 0, i;
    const char *key;
    json_t *value;

    if (json_is_object(a) && json_is_object(b)) {
        json_object_foreach((json_t *)a, key, value)
        {
            auto_free char *below = xasprintf("%s/%s", path, key);
            const json_t *other = json_object_get(b, key);
            count += other ? differences(below, value, other) : 1;
            if (!other)
                print_value('-', below, value);
        }
        json_object_foreach((json_t *)b, key, value)
        {
            auto_free char *below = xasprintf("%s/%s", path, key);
            if (json_object_get(a, key))
                continue;
            print_value('+', below, value);
            count++;
        }
        return count;
    }
    if (json_is_array(a) && json_is_array(b)) {
        const size_t na = json_array_size(a), nb = json_array_size(b);
        for (i = 0; i < na || i < nb; i++) {
            auto_free char *below = xasprintf("%s/%zu", path, i);
            if (i < na && i < nb)
                count += differences(below, json_array_get(a, i), json_array_get(b, i));
            else
                print_value(i < na ? '-' : '+', below, json_array_get(i < na ? a : b, i));
            count += i >= na || i >= nb;
        }
        return count;
    }
    if (json_equal(a, b))
        return 0;
    print_value('-', path, a);
    print_value('+', path, b);
    return 1;
}

static json_t *load_config(const struct state *state, const char *id, struct err *err)
{
    size_t len = 0;
    const char *text = state_config(state, id, &len);

    if (!text) {
        not_found(err, "configuration", id);
        return NULL;
    }
    json_t *json = json_parse(text, len, id, err);
    if (json)
        redact(json);
    return json;
}

int diff_configs(const struct invocation *inv, struct err *err)
{
    if (inv->count < 1 || inv->count > 2)
        return usage_error(err, inv->count ? "unexpected operand '%s'" : "%s is missing",
                           inv->count ? inv->operands[2] : "the id");
    auto_state struct state *state = load_state(err);
    if (!state)
        return -1;
    const char *to = inv->count > 1 ? inv->operands[1] : state_target_id(state);
    if (!to)
        return err_set(err, EXIT_NO, "no target configuration is stored");
    json_auto json_t *a = load_config(state, inv->operands[0], err);
    json_auto json_t *b = a ? load_config(state, to, err) : NULL;
    if (!b)
        return -1;
    return differences("", a, b) ? EXIT_NO : EXIT_DONE;
}
