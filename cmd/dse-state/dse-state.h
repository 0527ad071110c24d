/* Parts of dse-state. */
#ifndef DSE_STATE_CMD_H
#define DSE_STATE_CMD_H

#include <jansson.h>

#include "base/opt.h"
#include "base/output.h"
#include "plan/client.h"
#include "state/inspect.h"
#include "state/request.h"

struct settings {
    const char *store;
    struct output output;
    bool raw, recursive, null_data, yes, force, repair, takeover;
    long changes; /* of watch; 0: no end */
};
extern struct settings settings;

/* ---- main.c ---- */
struct store *open_store(bool create, struct err *err);
/* The store for what only reads: opened by the first call, closed at the end of the program. */
struct store *read_store(struct err *err);
/* What it opens. */
const char *store_url(void);
/* Loads what is below path, "" for all of it. */
struct tree *load_tree(const char *path, struct err *err);
/* Loads all of it and decodes it. NULL with err. */
struct state *load_state(struct err *err);
void cleanup_state_fn(struct state **state);
#define auto_state __attribute__((cleanup(cleanup_state_fn)))
void cleanup_store_fn(struct store **store);
#define auto_store __attribute__((cleanup(cleanup_store_fn)))
/* Adds one JSON value and a newline: compact for -o ndjson, an array too, else laid out. */
void add_json(const json_t *json, struct buf *out);
void print_json(const json_t *json);
/* Writes bytes as they are. */
void print_bytes(const void *data, size_t len);
int not_found(struct err *err, const char *what, const char *name);
/* The one operand, or a usage error. NULL when it may be missing and is. */
int one_operand(const struct invocation *inv, const char *what, const char **ret, struct err *err);
int no_operands(const struct invocation *inv, struct err *err);

/* ---- show.c ---- */
run_fn show_framework_id, show_tasks, show_task, show_status, list_properties, get_property,
    list_configs, show_target, show_config, show_lock, list_nodes, get_node, dump, check;
/* Everything that is inconsistent in the state, which lies in the store of that URL. */
void check_all(const struct state *state, const char *store, found_fn *fn, void *ctx);
/* ---- edit.c ---- */
/* Opens, locks and loads. */
struct store *begin_change(bool create, struct state *state, struct err *err);
run_fn put_node, remove_node, load_dump;
/* ---- takeover.c, watch.c, migrate.c ---- */
int check_takeover(struct err *err);
run_fn watch_tree, diff_configs, migrate;

#endif
