/* Writing a spec once for two uses: as the text that is stored, or as a tree of values. Members
 * come in the order of the calls. Internal to this floor. */
#ifndef DSE_SPEC_EMIT_H
#define DSE_SPEC_EMIT_H

#include <stdint.h>

#include "base/buf.h"
#include "base/json.h"
#include "spec/model.h"

enum { EMIT_DEPTH = 192 };

struct emit {
    struct buf *text; /* JSON_LAYOUT_SPEC is appended here, or, when NULL, */
    json_t *root;     /* the whole value ends up here; the caller's */
    int depth, objects;
    bool is_array[EMIT_DEPTH], begun[EMIT_DEPTH];
    json_t *open[EMIT_DEPTH]; /* tree: borrowed from root */
};

/* `key` is the member's name, NULL in arrays and for the root. */
void emit_object(struct emit *e, const char *key);
void emit_array(struct emit *e, const char *key);
void emit_end(struct emit *e);                                      /* of the innermost of both */
void emit_text(struct emit *e, const char *key, const char *value); /* NULL: null */
void emit_int(struct emit *e, const char *key, int64_t value);
void emit_int_or_null(struct emit *e, const char *key, const int64_t *value);
void emit_real(struct emit *e, const char *key, double value);
void emit_bool(struct emit *e, const char *key, bool value);
void emit_null(struct emit *e, const char *key);
void emit_strings(struct emit *e, const char *key, const struct strings *strings);
void emit_pairs(struct emit *e, const char *key, const struct pairs *pairs);

/* The parts that are written elsewhere. */
void emit_placement(struct emit *e, const char *key, const struct placement_rule *rule);
void emit_plans(struct emit *e, const char *key, const struct plans_spec *plans);

#endif
