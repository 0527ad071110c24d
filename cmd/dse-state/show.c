/* What only reads. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"
#include "dse-state.h"
#include "plan/configs.h"
#include "proto/pbjson.h"

static bool for_people(void)
{
    return output_is_for_people(&settings.output);
}

/* ---- one node ---- */

/* Prints a node: text as it is, everything else as JSON. */
static int print_node(const char *path, const void *data, ssize_t len)
{
    if (settings.raw) {
        print_bytes(data, len > 0 ? (size_t)len : 0);
        return EXIT_DONE;
    }
    json_auto json_t *json = inspect_node(path, data, len);
    if (json_is_string(json) && for_people())
        printf("%s\n", json_string_value(json));
    else
        print_json(json);
    return EXIT_DONE;
}

static int print_path(const char *path, const char *what, const char *name, struct err *err)
{
    if (tree_path_check(path, err) < 0)
        return -1;
    auto_tree struct tree *tree = load_tree(path, err);
    if (!tree)
        return -1;
    const struct tree_node *node = tree_find(tree, path);
    /* An empty tree has a root even when nothing is stored. */
    if (!node || (!*path && tree_count(tree) == 0))
        return not_found(err, what, name);
    return print_node(path, tree_node_data(node), tree_node_len(node));
}

int get_node(const struct invocation *inv, struct err *err)
{
    const char *path = inv->count ? inv->operands[0] : "";

    if (inv->count > 1)
        return usage_error(err, "unexpected operand '%s'", inv->operands[1]);
    return print_path(path, "node", path, err);
}

static int print_named(const struct invocation *inv, const char *format, const char *what,
                       struct err *err)
{
    const char *name;

    if (one_operand(inv, "the name", &name, err) < 0)
        return -1;
    if (!*name || strchr(name, '/'))
        return not_found(err, what, name);
    const size_t head = strcspn(format, "%");
    auto_free char *path = xasprintf("%.*s%s%s", (int)head, format, name, format + head + 1);
    return print_path(path, what, name, err);
}

int show_task(const struct invocation *inv, struct err *err)
{
    return print_named(inv, "Tasks/%/TaskInfo", "task", err);
}

int show_status(const struct invocation *inv, struct err *err)
{
    return print_named(inv, "Tasks/%/TaskStatus", "status of task", err);
}

int get_property(const struct invocation *inv, struct err *err)
{
    return print_named(inv, "Properties/%", "property", err);
}

int show_framework_id(const struct invocation *inv, struct err *err)
{
    if (no_operands(inv, err) < 0)
        return -1;
    auto_state struct state *state = load_state(err);
    if (!state)
        return -1;
    const char *id = state_framework_id(state);
    if (!id)
        return err_set(err, EXIT_NO, "no framework id is stored: it has never subscribed");
    if (output_is_json(&settings.output)) {
        json_auto json_t *json = json_string(id);
        print_json(json);
    } else {
        printf("%s\n", id);
    }
    return EXIT_DONE;
}

int show_target(const struct invocation *inv, struct err *err)
{
    return no_operands(inv, err) < 0 ? -1 : print_path("ConfigTarget", "node", "ConfigTarget", err);
}

int show_config(const struct invocation *inv, struct err *err)
{
    if (inv->count > 1)
        return usage_error(err, "unexpected operand '%s'", inv->operands[1]);
    auto_state struct state *state = load_state(err);
    if (!state)
        return -1;
    const char *id = inv->count ? inv->operands[0] : state_target_id(state);
    size_t len = 0;
    if (!id)
        return err_set(err, EXIT_NO, "no target configuration is stored");
    const char *text = state_config(state, id, &len);
    if (!text)
        return not_found(err, "configuration", id);
    auto_free char *path = xasprintf("Configurations/%s", id);
    return print_node(path, text, (ssize_t)len);
}

/* ---- lists ---- */

/* Adds items as JSON array, as lines of JSON, or their member `name` a line. */
static void add_list(const json_t *items, const char *name, struct buf *out)
{
    const json_t *item;
    size_t i;

    if (output_is_json(&settings.output)) {
        output_add_json(&settings.output, items, out);
        return;
    }
    json_array_foreach(items, i, item)
    {
        const bool target = for_people() && json_is_true(json_object_get(item, "target"));
        buf_addf(out, "%s%s\n", json_string_value(json_object_get(item, name)),
                 target ? " (target)" : "");
    }
}

static const char *state_text(const struct task *task)
{
    return task->status_id ? pb_enum_name(&task_state__descriptor, (int)task->status_state) : NULL;
}

static const char *override_text(const struct task *task)
{
    static const char *const names[] = {NULL, "paused", "decommissioned"};

    return task->progress == PROGRESS_COMPLETE || task->override != OVERRIDE_NONE
               ? names[task->override]
               : "resuming";
}

static json_t *maybe(const char *text)
{
    return text && *text ? json_string(text) : json_null();
}

static json_t *task_json(const struct task *t)
{
    json_t *json = json_object();

    json_set(json, "name", json_string(t->name));
    json_set(json, "id", maybe(t->id));
    json_set(json, "state", maybe(state_text(t)));
    json_set(json, "ready", t->status_id ? json_boolean(t->status_ready) : json_null());
    json_set(json, "host", maybe(t->hostname));
    json_set(json, "agent", maybe(t->agent_id));
    json_set(json, "config", maybe(t->config_id));
    json_set(json, "permanently-failed", json_boolean(t->permanently_failed));
    json_set(json, "override", maybe(override_text(t)));
    return json;
}

static const char *or_dash(const char *text)
{
    return text && *text ? text : "-";
}

static void add_table(const struct state *state, struct buf *out)
{
    static const char *const headings[] = {"NAME", "STATE", "READY", "HOST", "ID"};
    struct text_table *table = text_table_new(ARRAY_LEN(headings), headings);

    for (struct task *t = state_task_first(state); t; t = state_task_after(state, t)) {
        const char *ready = !t->status_id ? "-" : t->status_ready ? "yes" : "no";
        text_table_row(table, (const char *[]){t->name, or_dash(state_text(t)), ready,
                                               or_dash(t->hostname), or_dash(t->id)});
    }
    text_table_print(table, true, out);
    text_table_free(table);
}

/* What cannot be read is told at the first look. */
static int render_tasks(void *ctx, struct buf *out, bool *ret_yes, struct err *err)
{
    bool *told = ctx;
    auto_state struct state *state = load_state(err);
    json_auto json_t *all = json_array();

    (void)ret_yes;
    if (!state)
        return -1;
    for (size_t i = 0; i < state_problems(state) && !*told; i++)
        fprintf(stderr, "dse-state: %s\n", state_problem(state, i));
    *told = true;
    for (struct task *t = state_task_first(state); t; t = state_task_after(state, t))
        json_push(all, task_json(t));
    if (for_people())
        add_table(state, out);
    else
        add_list(all, "name", out);
    return 0;
}

int show_tasks(const struct invocation *inv, struct err *err)
{
    bool told = false;

    return no_operands(inv, err) < 0 ? -1 : output_show(&settings.output, render_tasks, &told, err);
}

static json_t *node_json(const struct tree_node *node, const char *name)
{
    json_t *item = json_object();

    json_set(item, "name", json_string(name));
    json_set(item, "bytes",
             tree_node_len(node) < 0 ? json_null() : json_integer(tree_node_len(node)));
    return item;
}

static int add_children(const char *path, const char *target, struct buf *out, struct err *err)
{
    auto_tree struct tree *tree = load_tree(path, err);
    const struct tree_node *top = tree ? tree_find(tree, path) : NULL;
    json_auto json_t *all = json_array();

    for (struct tree_node *n = top ? tree_first(top) : NULL; n; n = tree_next(n)) {
        json_t *item = node_json(n, tree_node_name(n));
        if (target)
            json_set(item, "target", json_boolean(strcmp(target, tree_node_name(n)) == 0));
        json_push(all, item);
    }
    add_list(all, "name", out);
    return tree ? 0 : -1;
}

static int render_properties(void *ctx, struct buf *out, bool *ret_yes, struct err *err)
{
    (void)ctx;
    (void)ret_yes;
    return add_children("Properties", NULL, out, err);
}

int list_properties(const struct invocation *inv, struct err *err)
{
    return no_operands(inv, err) < 0 ? -1
                                     : output_show(&settings.output, render_properties, NULL, err);
}

static int render_configs(void *ctx, struct buf *out, bool *ret_yes, struct err *err)
{
    auto_tree struct tree *tree = load_tree("ConfigTarget", err);
    const struct tree_node *target = tree ? tree_find(tree, "ConfigTarget") : NULL;
    const char *id = target ? tree_node_data(target) : NULL;

    (void)ctx;
    (void)ret_yes;
    return tree ? add_children("Configurations", id ? id : "", out, err) : -1;
}

int list_configs(const struct invocation *inv, struct err *err)
{
    return no_operands(inv, err) < 0 ? -1
                                     : output_show(&settings.output, render_configs, NULL, err);
}

static int render_nodes(void *ctx, struct buf *out, bool *ret_yes, struct err *err)
{
    const char *path = ctx;
    auto_tree struct tree *tree = load_tree(path, err);
    const struct tree_node *top = tree ? tree_find(tree, path) : NULL;
    json_auto json_t *all = json_array();

    (void)ret_yes;
    if (!tree)
        return -1;
    if (!top || (!*path && tree_count(tree) == 0))
        return not_found(err, "node", path);
    const struct tree_node *n = settings.recursive ? tree_walk(top, top) : tree_first(top);
    for (; n; n = settings.recursive ? tree_walk(top, n) : tree_next(n)) {
        auto_buf struct buf full = BUF_INIT;
        tree_node_path(n, &full);
        json_t *item = node_json(n, settings.recursive ? buf_str(&full) : tree_node_name(n));
        json_set(item, "children", json_integer((json_int_t)tree_node_child_count(n)));
        json_push(all, item);
    }
    add_list(all, "name", out);
    return 0;
}

int list_nodes(const struct invocation *inv, struct err *err)
{
    const char *path = inv->count ? inv->operands[0] : "";

    if (inv->count > 1)
        return usage_error(err, "unexpected operand '%s'", inv->operands[1]);
    if (tree_path_check(path, err) < 0)
        return -1;
    return output_show(&settings.output, render_nodes, (void *)path, err);
}

/* ---- the lock ---- */

static int render_lock(void *ctx, struct buf *out, bool *ret_held, struct err *err)
{
    struct store *store = read_store(err);
    struct lock_info info = {0};

    (void)ctx;
    if (!store || store_lock_info(store, &info, err) < 0)
        return -1;
    *ret_held = info.held;
    if (output_is_json(&settings.output)) {
        json_auto json_t *json = json_object();
        json_set(json, "held", json_boolean(info.held));
        json_set(json, "ours", json_boolean(info.ours));
        json_set(json, "holder", info.held ? json_string(info.holder) : json_null());
        add_json(json, out);
    } else if (info.held) {
        text_clean(out, info.holder);
        buf_addc(out, '\n');
    } else if (for_people()) {
        buf_adds(out, "free\n");
    }
    return 0;
}

int show_lock(const struct invocation *inv, struct err *err)
{
    return no_operands(inv, err) < 0 ? -1 : output_show(&settings.output, render_lock, NULL, err);
}

/* ---- everything ---- */

int dump(const struct invocation *inv, struct err *err)
{
    if (no_operands(inv, err) < 0)
        return -1;
    auto_tree struct tree *tree = load_tree("", err);
    if (!tree)
        return -1;
    if (tree_count(tree) == 0)
        return err_set(err, EXIT_NO, "nothing is stored there: check --store and DSE_STORE");
    for (const struct tree_node *n = tree_root(tree); n; n = tree_walk(tree_root(tree), n)) {
        auto_buf struct buf path = BUF_INIT, line = BUF_INIT;
        tree_node_path(n, &path);
        dump_node(buf_str(&path), tree_node_data(n), tree_node_len(n), &line);
        print_bytes(line.data, line.len);
    }
    return EXIT_DONE;
}

static void collect(void *ctx, const struct finding *finding)
{
    json_t *item = json_object();

    json_set(item, "path", json_string(finding->path));
    json_set(item, "problem", json_string(finding->text));
    json_set(item, "fatal", json_boolean(finding->fatal));
    json_set(item, "repair", maybe(finding->repair));
    json_push(ctx, item);
}

/* A configuration that parses as JSON may still be no Service Spec. */
static void check_specs(const struct state *state, found_fn *fn, void *ctx)
{
    const struct tree_node *all = tree_find(state_tree(state), "Configurations");
    const char *target = state_target_id(state);
    struct configs *configs = configs_new(state);

    for (struct tree_node *n = all ? tree_first(all) : NULL; n; n = tree_next(n)) {
        const ssize_t len = tree_node_len(n);
        auto_free char *path = xasprintf("Configurations/%s", tree_node_name(n));
        const bool is_target = target && strcmp(target, tree_node_name(n)) == 0;
        struct err ignored = ERR_INIT; /* state_check() has told */
        json_auto json_t *json =
            len > 0 ? json_parse(tree_node_data(n), (size_t)len, path, &ignored) : NULL;
        if (!json || !uuid_is_canonical(tree_node_name(n)) ||
            configs_get(configs, tree_node_name(n)))
            continue;
        auto_free char *text = xasprintf("is no Service Spec: %s", configs_problem(configs));
        fn(ctx, &(struct finding){path, text, NULL, is_target});
    }
    configs_free(configs);
}

/* A scheduler looks for its service under the name that it is given: another one that is stored
 * there is refused (see state-store 3.5). */
static void check_root(const struct state *state, const char *store, found_fn *fn, void *ctx)
{
    const char *name = state_service_name(state);
    auto_buf struct buf wanted = BUF_INIT;
    auto_free char *url = xstrdup(store);
    struct err err = ERR_INIT;

    for (size_t len = strlen(url); len && url[len - 1] == '/'; len--)
        url[len - 1] = '\0';
    const char *root = strrchr(url, '/');
    if (strncmp(url, "zk:", 3) != 0 || !root || !name || !*name)
        return;
    if (service_root_name(name, &wanted, &err) < 0) {
        fn(ctx, &(struct finding){"servicename", err.text, NULL, true});
        return;
    }
    auto_free char *text =
        xasprintf("is '%s', whose place is '%s', not '%s'", name, buf_str(&wanted), root + 1);
    if (strcmp(buf_str(&wanted), root + 1) != 0)
        fn(ctx, &(struct finding){"servicename", text, NULL, true});
}

void check_all(const struct state *state, const char *store, found_fn *fn, void *ctx)
{
    check_root(state, store, fn, ctx);
    state_check(state, fn, ctx);
    check_specs(state, fn, ctx);
}

static int repair(struct err *err)
{
    auto_state struct state *state = state_new();
    auto_store struct store *store = begin_change(false, state, err);

    if (!store)
        return -1;
    struct txn *txn = txn_new();
    if (state_repair(state, txn, err) < 0) {
        txn_free(txn);
        return -1;
    }
    return store_commit(store, txn, err);
}

static void add_finding_line(const json_t *item, struct buf *out)
{
    const char *fix = json_string_value(json_object_get(item, "repair"));

    text_clean(out, json_string_value(json_object_get(item, "path")));
    buf_adds(out, ": ");
    text_clean(out, json_string_value(json_object_get(item, "problem")));
    if (json_is_true(json_object_get(item, "fatal")))
        buf_adds(out, " (no scheduler starts on this)");
    if (fix)
        buf_addf(out, " (repair: %s)", fix);
    buf_addc(out, '\n');
}

int check(const struct invocation *inv, struct err *err)
{
    const json_t *item;
    size_t i;

    if (no_operands(inv, err) < 0 || (settings.repair && repair(err) < 0))
        return -1;
    if (settings.takeover)
        return check_takeover(err);
    auto_state struct state *state = load_state(err);
    if (!state)
        return -1;
    json_auto json_t *findings = json_array();
    auto_buf struct buf text = BUF_INIT;
    check_all(state, store_url(), collect, findings);
    if (!for_people())
        add_list(findings, "path", &text);
    json_array_foreach(findings, i, item)
    {
        if (for_people())
            add_finding_line(item, &text);
    }
    output_text(&text);
    return json_array_size(findings) ? EXIT_NO : EXIT_DONE;
}
