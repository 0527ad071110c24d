/* Reading a JSON document into the model: values with the path at which they stand, so that every
 * error names its place ("pod-specs[0].task-specs[1].goal"). Internal to this floor. Nodes live on
 * the caller's stack and point to their parents. */
#ifndef DSE_SPEC_JSONREAD_H
#define DSE_SPEC_JSONREAD_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "spec/model.h"

struct jnode {
    const struct jnode *up; /* NULL at the root */
    const char *key;        /* NULL: an element of an array */
    size_t index;
    int depth;
    const json_t *value; /* NULL when the member is absent; JSON null counts as absent */
    struct arena *arena;
    struct err *err;
};

struct jnode jnode_root(const json_t *value, struct arena *arena, struct err *err);
struct jnode jnode_member(const struct jnode *obj, const char *key);
struct jnode jnode_element(const struct jnode *array, size_t index);

/* Sets the error `<path>: <text>`, status EXIT_INPUT. Returns -1. */
int jnode_fail(const struct jnode *node, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

int jnode_object(const struct jnode *node); /* 0 when it is an object */
/* Number of elements; absent counts as empty. -1 when it is no array. */
int jnode_array(const struct jnode *node, size_t *ret_count);

/* Members of an object. Strings are copied into the arena. The required forms refuse absence; the
 * others leave *ret alone. */
int jget_string(const struct jnode *obj, const char *key, const char **ret);
int jget_string_opt(const struct jnode *obj, const char *key, const char **ret);
int jget_int(const struct jnode *obj, const char *key, int64_t *ret);
int jget_int_opt(const struct jnode *obj, const char *key, int64_t *ret);
/* NULL when absent. */
int jget_int_ptr(const struct jnode *obj, const char *key, int64_t **ret);
int jget_bool_opt(const struct jnode *obj, const char *key, bool *ret);
int jget_strings(const struct jnode *obj, const char *key, struct strings *ret);
/* An object of strings. */
int jget_pairs(const struct jnode *obj, const char *key, struct pairs *ret);

/* A placement rule (see service-spec 7.3); NULL when absent. */
int placement_from_json(const struct jnode *node, struct placement_rule **ret);

#endif
