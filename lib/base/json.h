/* JSON on jansson: reading with limits and positions, writing in the layouts that clients expect.
 * json_t values follow jansson's words: new, borrowed, stolen; `json_auto` releases at scope end.
 */
#ifndef DSE_BASE_JSON_H
#define DSE_BASE_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

void cleanup_json_fn(json_t **json);
#define json_auto __attribute__((cleanup(cleanup_json_fn)))

enum json_layout {
    JSON_LAYOUT_COMPACT, /* {"a":1}: streams, one record a line */
    JSON_LAYOUT_PRETTY,  /* two blanks, `"a": 1`: for people */
    JSON_LAYOUT_SPEC, /* Jackson's printer: `"a" : 1`, `[ a, b ]`, `{ }` (service-spec 6.1), J2 */
    JSON_LAYOUT_ORG,  /* org.json style, J1 of api-and-cli 1.1 */
    JSON_LAYOUT_JAVA, /* {"a":1.0E-4}: compact, numbers as Java prints them, J3 */
};

/* Appends value in that layout; no newline at the end. Key order is insertion order. Doubles are
 * the shortest text that reads back equal: `0.5`, `2.0`; in JSON_LAYOUT_SPEC as Java prints them
 * (`1.0E-4`, `1.024E7`; JAVA too), in JSON_LAYOUT_ORG without a fraction of zeros (`2`). Not
 * recursive. */
void json_write(struct buf *out, const json_t *value, enum json_layout layout);
/* Appends a number only. */
void json_write_double(struct buf *out, double value, bool java);
/* Appends a string with its quotes, escaped as in JSON_LAYOUT_COMPACT. */
void json_write_string(struct buf *out, const char *s, size_t len);

enum { JSON_DEPTH = 200, JSON_BYTES = 64 << 20 };

/* Parses one document; duplicate keys refused. `source` names it in errors (`source:line:col: …`).
 * Returns a new value, or NULL with status EXIT_INPUT. */
json_t *json_parse(const char *text, size_t len, const char *source, struct err *err);
/* The same, but of a key that stands twice the last value counts: for files of others. */
json_t *json_parse_last(const char *text, size_t len, const char *source, struct err *err);
/* Reads all of a file (or "-": stdin), at most JSON_BYTES. */
json_t *json_read_file(const char *path, struct err *err);

/* Typed access to members of an object; `what` names the object in errors. The *_opt forms leave
 * *ret alone when the member is absent or null. All borrow. Return 0 or -1. */
int json_get_string(const json_t *obj, const char *key, const char *what, const char **ret,
                    struct err *err);
int json_get_string_opt(const json_t *obj, const char *key, const char *what, const char **ret,
                        struct err *err);
int json_get_int_opt(const json_t *obj, const char *key, const char *what, int64_t *ret,
                     struct err *err);
int json_get_double_opt(const json_t *obj, const char *key, const char *what, double *ret,
                        struct err *err);
int json_get_bool_opt(const json_t *obj, const char *key, const char *what, bool *ret,
                      struct err *err);

/* "an object", "an integer", "null": what a value is, for messages. */
const char *json_type_name(const json_t *value);

/* Sets a member from a new reference; ends the process (status 70) when out of memory or when the
 * value is NULL, which is what json_string() gives for text that is not UTF-8: foreign text goes
 * through json_text(). */
void json_set(json_t *obj, const char *key, json_t *stolen);
void json_push(json_t *array, json_t *stolen);
/* A new object with the same members, in byte order of their keys. */
json_t *json_sorted(const json_t *object);
/* A new string value of foreign bytes: each byte that is not UTF-8 becomes U+FFFD. Never NULL. */
json_t *json_text(const char *s, size_t len);

#endif
