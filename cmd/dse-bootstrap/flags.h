/* Command lines as programs of the original read them: `-name`, `--name`, `-name=value`, and
 * `-name value` for all but switches. A switch takes its value only behind `=` (1, t, true, 0, f,
 * false, also in capitals). The first word that is no flag, or `--`, ends them. */
#ifndef DSE_BOOTSTRAP_FLAGS_H
#define DSE_BOOTSTRAP_FLAGS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

enum flag_kind {
    FLAG_SWITCH, /* bool *target */
    FLAG_TEXT,   /* const char **target, pointing into argv */
    FLAG_BYTES,  /* int64_t *target, decimal, not negative */
    FLAG_TIME,   /* int64_t *target in ms; 5m, 1h30m, 1.5s, 300ms, 0 */
};

struct flag {
    const char *name; /* NULL ends the table */
    enum flag_kind kind;
    void *target;     /* holds the default */
    const char *help; /* one line, with the default where it is not false */
    bool *given;      /* set when the flag was there; may be NULL */
};

/* Parses argv[1..argc). Returns the index of the first operand, or -1 with EXIT_USAGE. */
int flags_parse(const struct flag *table, int argc, char **argv, struct err *err);

/* Whether text is a value of a switch: 1, t, T, true, TRUE, True and their like. */
bool flags_switch(const char *text, bool *ret);

/* One line for each flag, for --help. */
void flags_help(const struct flag *table, struct buf *out);

/* One candidate for completion a line, as base/opt.h has it: word, tab, help. */
void flags_words(const struct flag *table, struct buf *out);

/* A duration as above; false when the text is none, or beyond about 290 years. */
bool flags_duration(const char *text, int64_t *ret_ms);

#endif
