/* Mustache templates: template text and values in, text out. One engine; a dialect says what the
 * programs that the toolkit stands in for do differently. Pure.
 *
 * Values are a JSON object. A name is looked up from the innermost section outwards, first as it
 * stands ("a.b" as a key), then as a path through objects. Sections iterate over arrays; anything
 * else that counts as true becomes the innermost value, `{{.}}`. Values are inserted once: what
 * they contain is never rendered again. Partials, inheritance and pragmas are refused by name. */
#ifndef DSE_SPEC_MUSTACHE_H
#define DSE_SPEC_MUSTACHE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

enum mustache_lines {
    MUSTACHE_LINES_JAVA,     /* service-spec 2.2, whitespace */
    MUSTACHE_LINES_STANDARD, /* a tag alone on its line takes the line with it */
};

typedef void mustache_write_fn(struct buf *out, const char *text, size_t len);

struct mustache_dialect {
    const char *name;
    enum mustache_lines lines;
    bool paths_only;            /* names: a dot always leads into an object; no `{{.}}` of a text */
    mustache_write_fn *escaped; /* how {{x}} writes a string */
    mustache_write_fn *raw;     /* how {{{x}}} and {{&x}} do */
    bool (*truth)(const json_t *value);
};

/* The scheduler's, for svc.yml (service-spec 2); values by mustache_scheduler_value(). */
extern const struct mustache_dialect mustache_scheduler;
/* The packaging service's, for marathon.json.mustache: whitespace and truth as above, nothing is
 * escaped; values by package_values(). */
extern const struct mustache_dialect mustache_package;
/* That of the program that runs in tasks, for config templates (service-spec 4.4). */
extern const struct mustache_dialect mustache_bootstrap;

/* A value of the scheduler's environment: `true` and `false` in any case are booleans (2.1). */
json_t *mustache_scheduler_value(const char *text); /* new */
/* A value of a task's environment: `false` in any case prints as `false` (4.4). */
json_t *mustache_bootstrap_value(const char *text); /* new */

enum mustache_note_kind {
    MUSTACHE_MISSING, /* an evaluated tag whose name has no value */
    MUSTACHE_ESCAPED, /* escaping changed the text of {{x}} */
    MUSTACHE_SHIFTED, /* blanks behind a section tag end up before the next line */
};
struct mustache_note {
    enum mustache_note_kind kind;
    const char *name;
    size_t line, column;
};

/* What a rendering yields beside the text, in an arena of its own. */
struct mustache_result {
    struct arena arena;
    struct mustache_note *notes; /* in order of evaluation */
    size_t n_notes;
    struct mustache_piece *pieces; /* where the output came from */
    size_t n_pieces;
    const char *template; /* the caller's; must outlive the result for mustache_locate() */
    size_t template_len;
};
void mustache_result_free(struct mustache_result *result);
#define auto_mustache __attribute__((cleanup(mustache_result_free)))

enum {
    MUSTACHE_TEMPLATE_BYTES = 1 << 20,
    MUSTACHE_OUTPUT_BYTES = 16 << 20,
    MUSTACHE_DEPTH = 256, /* sections in sections */
};

/* Renders text[0..len) into out, which must be empty. `file` names the template in errors
 * (`file:line:column: ...`, EXIT_INPUT). Returns 0 or -1 (out and result hold what was made). */
int mustache_render(const struct mustache_dialect *dialect, const char *text, size_t len,
                    const char *file, const json_t *values, struct buf *out,
                    struct mustache_result *ret, struct err *err);

/* The place in the template (from 1, columns in characters) that byte `offset` of the output came
 * from: of the character itself, or of the tag that inserted it. */
void mustache_locate(const struct mustache_result *result, size_t offset, size_t *ret_line,
                     size_t *ret_column);

/* Line and column, in characters from 1, of byte `offset` of a text. */
void text_position(const char *text, size_t len, size_t offset, size_t *ret_line,
                   size_t *ret_column);

#endif
