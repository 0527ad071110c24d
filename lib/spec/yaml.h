/* YAML text -> a tree of values that know where they stand (libyaml's events; YAML 1.1 scanner).
 *
 * Exactly one document. Duplicate keys, keys that are no scalars, more than the limits below, and
 * aliases whose expansion would exceed them are refused with `file:line:column`. Anchors, aliases
 * and merge keys (`<<`) work; an alias shares the node that it names. Scalars stay text: what type
 * they are is for the reader to say, who knows what is wanted (see service-spec 3.1). */
#ifndef DSE_SPEC_YAML_H
#define DSE_SPEC_YAML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"

enum {
    YAML_BYTES = 1 << 20,
    YAML_DEPTH = 64,
    YAML_NODES = 200000, /* aliases counted as often as they are used */
};

enum yaml_type { YAML_SCALAR, YAML_LIST, YAML_MAP };

struct yaml_entry {
    struct yaml_node *key; /* a scalar */
    struct yaml_node *value;
};

struct yaml_node {
    enum yaml_type type : 8;
    bool quoted;     /* scalar: quoted, or a block: always a string */
    bool open;       /* while parsing */
    uint32_t at;     /* where it begins: characters from the start of the text */
    uint32_t weight; /* nodes below, with aliases expanded */
    union {
        const char *text; /* scalar, NUL-terminated; holds no other NUL */
        struct yaml_node **items;
        struct yaml_entry *entries; /* merged entries come behind the map's own */
    };
    size_t count;
};

struct mustache_result;

struct yaml_doc {
    struct arena arena;
    struct yaml_node *root;
    const char *file; /* the caller's strings; they outlive the document */
    const char *text;
    size_t len;
    const struct mustache_result *rendering; /* the text was rendered: places are the template's */
};

/* Parses text[0..len). rendering may be NULL. Returns 0 or -1 (EXIT_INPUT). */
int yaml_parse(const char *text, size_t len, const char *file,
               const struct mustache_result *rendering, struct yaml_doc *ret, struct err *err);
void yaml_doc_free(struct yaml_doc *doc);
#define auto_yaml __attribute__((cleanup(yaml_doc_free)))

/* Line and column, from 1, of a node: in the template when there is one. */
void yaml_place(const struct yaml_doc *doc, size_t at, size_t *ret_line, size_t *ret_column);

/* True for a plain scalar that YAML 1.1 reads as null: empty, `~`, `null`. */
bool yaml_is_null(const struct yaml_node *node);

/* The entry of that key, or NULL. */
const struct yaml_entry *yaml_get(const struct yaml_node *map, const char *key);

#endif
