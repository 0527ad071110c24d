/* What programs print: for people by default, for scripts with -o FORM; once, or at each change. */
#ifndef DSE_BASE_OUTPUT_H
#define DSE_BASE_OUTPUT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

struct output {
    const char *form; /* "json", "ndjson", "name"; NULL: for people */
    bool json;        /* --json, the same as -o json */
    bool watch;       /* --watch: at each change */
};
/* For a table of options. */
#define OUTPUT_OPTIONS(output) OUTPUT_OPTIONS_OF(output, "json ndjson name")
#define OUTPUT_OPTIONS_OF(output, forms)                                             \
    {'o',                                                                            \
     "output",                                                                       \
     OPT_CHOICE,                                                                     \
     "FORM",                                                                         \
     "output for scripts",                                                           \
     &(output).form,                                                                 \
     .choices = (forms),                                                             \
     .group = 1},                                                                    \
    {                                                                                \
        0, "json", OPT_FLAG, NULL, "the same as -o json", &(output).json, .group = 1 \
    }
/* Of verbs that show something; excludes what else is in group 2. */
#define WATCH_OPTION(output)                                                                \
    {                                                                                       \
        'w', "watch", OPT_FLAG, NULL, "show it again whenever it changes", &(output).watch, \
            .group = 2                                                                      \
    }

bool output_is(const struct output *output, const char *form);
bool output_is_json(const struct output *output); /* either of the two */
bool output_is_for_people(const struct output *output);

/* Appends a value and a newline: laid out, or with ndjson on one line, an array an item a line. */
void output_add_json(const struct output *output, const json_t *json, struct buf *out);
void output_json(const struct output *output, const json_t *json);
/* Prints text on stdout; a failure is found when that is closed. */
void output_text(const struct buf *text);
/* The same for trees and tables: statuses are coloured on a terminal. */
void output_tree(const struct buf *text);

/* Appends what is to be seen now. *ret_yes, true before the call, is the answer where something is
 * asked: whether what is looked or waited for is there. Returns 0 or -1. */
typedef int render_fn(void *ctx, struct buf *out, bool *ret_yes, struct err *err);

/* Prints what render() gives: EXIT_DONE, or EXIT_NO when the answer is no. With --watch again
 * whenever it differs: in the place of what stood there on a terminal, else one after the other,
 * with an empty line between in forms for people; that ends when nobody reads any more (EXIT_NO) or
 * render() fails. */
int output_show(const struct output *output, render_fn *render, void *ctx, struct err *err);
/* Waits until render() says yes, at most wait_ms (-1: for ever), and shows on stderr
 * how it goes when that is a terminal. Returns 1 when it has, 0 when the time is up; `last`
 * gets what render() gave last. */
int output_await(render_fn *render, void *ctx, int64_t wait_ms, struct buf *last, struct err *err);

#endif
