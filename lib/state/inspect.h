/* Looking at a stored tree: decoding by place, dumping and loading as NDJSON, finding what is
 * inconsistent. Pure. */
#ifndef DSE_STATE_INSPECT_H
#define DSE_STATE_INSPECT_H

#include <jansson.h>

#include "state/state.h"

/* Puts "(redacted)" in the place of secret values: of environment variables and volumes of type
 * SECRET, and of credentials. Works on the JSON of any message or document. */
void redact(json_t *json);

/* What a node means, decoded by its place in the tree, secrets redacted: messages and documents as
 * JSON, text as a string, null data as null, other bytes as {"base64": …}. New. */
json_t *inspect_node(const char *path, const void *data, ssize_t len);

/* ---- dump and load ----
 * One node a line, parents before children, in byte order:
 *   {"path":"servicename","text":"datastax-dse"}   UTF-8 without NUL
 *   {"path":"FrameworkID","data":"Ciki…"}          anything else, base64
 *   {"path":"x","data":null}                       null data
 * The root has the path "". Nothing is redacted: a dump is for loading. */
void dump_node(const char *path, const void *data, ssize_t len, struct buf *out);
void dump_tree(const struct tree *tree, struct buf *out);
/* Adds one such line to the tree. EXIT_INPUT. */
int dump_parse(const char *line, size_t len, const char *source, struct tree *tree,
               struct err *err);
/* A whole dump; `source` names the file in errors ("dump.ndjson:12: …"). New. */
struct tree *dump_parse_all(const char *text, size_t len, const char *source, struct err *err);
/* The operations that turn one tree into the other, but for what is below `lock`. */
void tree_difference(const struct tree *from, const struct tree *to, struct txn *txn);

/* ---- check ---- */

struct finding {
    const char *path;
    const char *text;   /* "label 'task_type' is missing" */
    const char *repair; /* what state_repair() does about it, or NULL */
    bool fatal;         /* neither we nor the original would start on it */
};
typedef void found_fn(void *ctx, const struct finding *finding);
/* Calls fn for everything that is inconsistent (see state-store 3.5, 5.4, 5.5, 11). */
void state_check(const struct state *state, found_fn *fn, void *ctx);

#endif
