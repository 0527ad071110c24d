/* What the parts of the option parser share; programs use base/opt.h. */
#ifndef DSE_BASE_OPTIMPL_H
#define DSE_BASE_OPTIMPL_H

#include <limits.h>

#include "base/buf.h"
#include "base/opt.h"

/* --help and --version, which every program has. */
extern const struct opt opt_builtins[];
extern bool opt_want_help, opt_want_version;

/* The option tables that apply at some point of a command line. */
struct opt_set {
    const struct opt *tables[64];
    size_t count;
};
/* Of the program, the verb (NULL: of none) and the built-in ones. */
void opt_set_of(struct opt_set *set, const struct program *program, const struct verb *verb);
/* Of the program and all its verbs: while the verb is not known. */
void opt_set_of_all(struct opt_set *set, const struct program *program);

/* Looks a long name up, exactly or as an abbreviation. More than one match: returns the first, and
 * *ret_other is the second. */
const struct opt *opt_find(const struct opt_set *set, const char *name, size_t len,
                           const struct opt **ret_other);
const struct opt *opt_find_letter(const struct opt_set *set, char letter);
/* True when the value, not being attached, is the next argument. */
bool opt_takes_next(const struct opt *opt);

/* Stores a value (NULL for flags and missing optional values). `where` names it in errors. */
int opt_store(const struct opt *opt, const char *where, const char *value, struct err *err);
/* Stores the environment's values of options that are not on the command line. */
int opt_apply_environment(const struct opt_set *set, const struct opt *const *given,
                          size_t given_count, struct err *err);

/* Label of the value in help and messages. */
const char *opt_label(const struct opt *opt, struct buf *scratch);

/* The verb of these operands; *ret_words is how many of them name it (1 or 2). NULL: none. */
const struct verb *opt_find_verb(const struct program *program, char **operands, int count,
                                 int *ret_words);
/* True when word is the first of a two-word verb. */
bool opt_is_verb_group(const struct program *program, const char *word);

/* How many operands a pattern such as "PLAN [PHASE [STEP]]" or "POD... | --all" allows. */
struct operand_range {
    int min, max; /* max INT_MAX: any number */
};
struct operand_range operand_range_of(const char *pattern);
/* Name of the n-th operand in the pattern, for messages. */
void operand_name(const char *pattern, int n, struct buf *out);

struct parsed {
    const struct verb *verb;
    char **operands; /* NULL-terminated; the array is the caller's to free */
    int count;
    bool help; /* help was asked for, of `verb` when there is one */
};
int opt_parse(const struct program *program, int argc, char **argv, struct parsed *ret,
              struct err *err);

/* Help of one verb; the synopsis as mdoc source; completion of the last of count words. */
void opt_verb_help(const struct program *program, const struct verb *verb, struct buf *out);
void opt_synopsis_mdoc(const struct program *program, struct buf *out);
void opt_complete(const struct program *program, char **words, int count);

#endif
