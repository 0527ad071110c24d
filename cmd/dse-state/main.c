/* dse-state: shows, checks, saves and loads what is stored. Reads without the lock; what changes
 * the store takes it. */
#include "dse-state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"

struct settings settings;

static struct store *reading;

struct store *open_store(bool create, struct err *err)
{
    const struct store_options options = {.create_root = create, .snapshots = true};

    return store_open(settings.store, &options, err);
}

const char *store_url(void)
{
    const char *url = settings.store ? settings.store : getenv("DSE_STORE");

    return url ? url : "";
}

struct store *read_store(struct err *err)
{
    if (!reading)
        reading = open_store(false, err);
    return reading;
}

struct tree *load_tree(const char *path, struct err *err)
{
    struct store *store = read_store(err);

    return store ? store_load(store, path, err) : NULL;
}

struct state *load_state(struct err *err)
{
    struct tree *tree = load_tree("", err);

    if (!tree)
        return NULL;
    if (tree_count(tree) == 0) {
        tree_free(tree);
        err_set(err, EXIT_NO, "nothing is stored there: check --store and DSE_STORE");
        return NULL;
    }
    struct state *state = state_new();
    if (state_load(state, tree, err) < 0) {
        state_free(state);
        return NULL;
    }
    return state;
}

void cleanup_state_fn(struct state **state)
{
    state_free(*state);
}

void cleanup_store_fn(struct store **store)
{
    store_close(*store);
}

void add_json(const json_t *json, struct buf *out)
{
    json_write(out, json,
               output_is(&settings.output, "ndjson") ? JSON_LAYOUT_COMPACT : JSON_LAYOUT_PRETTY);
    buf_addc(out, '\n');
}

void print_json(const json_t *json)
{
    auto_buf struct buf text = BUF_INIT;

    add_json(json, &text);
    output_text(&text);
}

void print_bytes(const void *data, size_t len)
{
    /* A failure is found when stdout is closed. */
    if (len && fwrite(data, 1, len, stdout) != len)
        return;
}

int not_found(struct err *err, const char *what, const char *name)
{
    return err_set(err, EXIT_NO, "no such %s '%s'", what, name);
}

int one_operand(const struct invocation *inv, const char *what, const char **ret, struct err *err)
{
    if (inv->count != 1)
        return usage_error(err, inv->count ? "unexpected operand '%s'" : "%s is missing",
                           inv->count ? inv->operands[1] : what);
    *ret = inv->operands[0];
    return 0;
}

int no_operands(const struct invocation *inv, struct err *err)
{
    return inv->count ? usage_error(err, "unexpected operand '%s'", inv->operands[0]) : 0;
}

/* ---- words for completion ---- */

static void live_words(const char *kind)
{
    const struct store_options options = {.timeout_ms = 100};
    struct err err = ERR_INIT;
    auto_store struct store *store = store_open(settings.store, &options, &err);
    const char *path = strcmp(kind, "task") == 0       ? "Tasks"
                       : strcmp(kind, "config") == 0   ? "Configurations"
                       : strcmp(kind, "property") == 0 ? "Properties"
                                                       : NULL;
    auto_tree struct tree *tree = store && path ? store_load(store, path, &err) : NULL;
    const struct tree_node *all = tree ? tree_find(tree, path) : NULL;

    for (struct tree_node *n = all ? tree_first(all) : NULL; n; n = tree_next(n))
        printf("%s\n", tree_node_name(n));
}

/* ---- the table ---- */

static const struct opt options[] = {
    STORE_OPTION(settings.store),
    OUTPUT_OPTIONS(settings.output),
    OPT_END,
};

static const struct opt raw_options[] = {
    {'r', "raw", OPT_FLAG, NULL, "the stored bytes, not decoded", &settings.raw},
    OPT_END,
};
static const struct opt show_options[] = {
    WATCH_OPTION(settings.output),
    OPT_END,
};
static const struct opt list_options[] = {
    {'R', "recursive", OPT_FLAG, NULL, "all nodes below", &settings.recursive},
    WATCH_OPTION(settings.output),
    OPT_END,
};
static const struct opt put_options[] = {
    {0, "null", OPT_FLAG, NULL, "null data, read nothing", &settings.null_data},
    {'f', "force", OPT_FLAG, NULL, "even without the lock", &settings.force},
    OPT_END,
};
static const struct opt remove_options[] = {
    {0, "yes", OPT_FLAG, NULL, "do it", &settings.yes},
    {'f', "force", OPT_FLAG, NULL, "even without the lock", &settings.force},
    OPT_END,
};
static const struct opt migrate_options[] = {
    {0, "yes", OPT_FLAG, NULL, "do it", &settings.yes},
    OPT_END,
};
static const struct opt load_options[] = {
    {'f', "force", OPT_FLAG, NULL, "replace what is stored, even without the lock",
     &settings.force},
    OPT_END,
};
static const struct opt check_options[] = {
    {0, "repair", OPT_FLAG, NULL, "repair what a start of the scheduler would", &settings.repair,
     .group = 2},
    {0, "takeover", OPT_FLAG, NULL, "whether a service of the original can be taken over",
     &settings.takeover, .group = 2},
    OPT_END,
};

static const struct opt watch_options[] = {
    {'n', "changes", OPT_INT, "N", "end after so many", &settings.changes},
    OPT_END,
};

static const struct verb verbs[] = {
    {"framework-id", NULL, "", "the framework id", NULL, show_framework_id},
    {"tasks", NULL, "", "all tasks with their states", show_options, show_tasks},
    {"task", NULL, "NAME", "a task's TaskInfo", raw_options, show_task, "task"},
    {"status", NULL, "NAME", "a task's last TaskStatus", raw_options, show_status, "task"},
    {"property list", NULL, "", "names of the properties", show_options, list_properties},
    {"property get", NULL, "NAME", "one property", raw_options, get_property, "property"},
    {"config list", NULL, "", "ids of the configurations", show_options, list_configs},
    {"config target", NULL, "", "id of the target configuration", NULL, show_target},
    {"config show", NULL, "[ID]", "a configuration, without ID the target", raw_options,
     show_config, "config"},
    {"config diff", NULL, "ID [ID]", "what differs between two, without the second the target",
     NULL, diff_configs, "config"},
    {"lock", NULL, "", "who holds the lock", show_options, show_lock},
    {"ls", NULL, "[PATH]", "children of a node", list_options, list_nodes},
    {"get", NULL, "[PATH]", "one node, decoded by its place", raw_options, get_node},
    {"dump", NULL, "", "the whole tree as NDJSON", NULL, dump},
    {"check", NULL, "", "everything that is inconsistent", check_options, check},
    {"watch", NULL, "", "each change as a line of JSON", watch_options, watch_tree},
    {"put", NULL, "PATH", "store a node, its data from standard input", put_options, put_node},
    {"rm", NULL, "PATH", "delete a node and all below", remove_options, remove_node},
    {"load", NULL, "[FILE]", "store a dump in an empty store", load_options, load_dump, "file"},
    {"migrate", NULL, "", "to the layout of several services", migrate_options, migrate},
    {.name = NULL},
};

static const struct program program = {
    .name = "dse-state",
    .summary = "show, check, save and load what is stored",
    .opts = options,
    .verbs = verbs,
    .live_words = live_words,
};

int main(int argc, char **argv)
{
    const int status = program_main(&program, argc, argv);

    store_close(reading);
    return status;
}
