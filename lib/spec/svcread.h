/* Reading a svc.yml's value tree: values with the path at which they stand, typed access with the
 * conversions of service-spec 3.1, and errors of one form: `file:line:column: path: what is wrong:
 * what would be right`. Internal to this floor. Nodes live on the caller's stack. */
#ifndef DSE_SPEC_SVCREAD_H
#define DSE_SPEC_SVCREAD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "spec/model.h"
#include "spec/svcschema.h"
#include "spec/yaml.h"

struct svc_warnings {
    struct arena *arena;
    struct strings *list;
    struct strings *refused; /* those that will be refused later */
};

struct svc_reader {
    const struct yaml_doc *doc;
    struct arena *arena; /* of the spec; texts are copied into it */
    struct svc_warnings warnings;
    struct err *err;
};

struct ynode {
    const struct ynode *up;
    const char *name; /* NULL: an element of a list */
    size_t index;
    const struct yaml_node *value; /* NULL when absent, or empty (which counts as absent) */
    size_t at;                     /* where it stands; of the parent when absent */
    size_t key_at;                 /* where its key stands */
    struct svc_reader *r;
};

struct ynode ynode_root(struct svc_reader *r);
struct ynode ynode_key(const struct ynode *map, const char *key);
struct ynode ynode_entry(const struct ynode *map, size_t index);
struct ynode ynode_item(const struct ynode *list, size_t index);

/* Sets the error `<place>: <path>: <wrong>: <right>`. Returns -1. */
int ynode_fail(const struct ynode *node, const char *right, const char *wrong, ...)
    __attribute__((format(printf, 3, 4)));
void ynode_warn(const struct ynode *node, const char *text, ...)
    __attribute__((format(printf, 2, 3)));
/* Warns of what passes here but should not: what the validation of an update or the platform will
 * refuse, and what the original passes over without a word. */
void ynode_refused(const struct ynode *node, const char *text, ...)
    __attribute__((format(printf, 2, 3)));
/* The path alone, in the arena. */
const char *ynode_path(const struct ynode *node);

/* A mapping whose keys are those of the schema: an unknown one is refused with the nearest known
 * one. `unknown_ok`: it is passed over, as ynode_refused(). */
int ynode_object(const struct ynode *node, const struct schema_key *keys, bool unknown_ok);
/* A mapping with keys of the writer's choice. */
int ynode_map(const struct ynode *node, size_t *ret_count);
int ynode_list(const struct ynode *node, size_t *ret_count);

/* Typed access to a member: 1 when it is there, 0 when absent (*ret untouched), -1 on error. */
int yget_string(const struct ynode *map, const char *key, const char **ret);
int yget_int(const struct ynode *map, const char *key, int64_t *ret); /* 32 bits */
int yget_long(const struct ynode *map, const char *key, int64_t *ret);
int yget_int_ptr(const struct ynode *map, const char *key, int64_t **ret);
int yget_number(const struct ynode *map, const char *key, double *ret);
int yget_bool(const struct ynode *map, const char *key, bool *ret);
int yget_strings(const struct ynode *map, const char *key, struct strings *ret);
/* As above for a member that must be there: 0 or -1. */
int yneed_string(const struct ynode *map, const char *key, const char **ret);
int yneed_int(const struct ynode *map, const char *key, int64_t *ret);

/* The value itself as text; it must be a scalar. */
int ynode_string(const struct ynode *node, const char **ret);
int ynode_int(const struct ynode *node, int64_t *ret);

/* A key that stands more than once, or NULL. */
const char *pairs_duplicate(const struct pairs *pairs);
/* `k:v,k:v` (service-spec 3.10), in the order in which the original stores them. */
int yget_labels(const struct ynode *map, const char *key, struct pairs *ret);

/* Fails with "unknown value" and the words when text is none of the blank-separated `words`. */
int ynode_word(const struct ynode *map, const char *key, const char *text, const char *words);

#endif
