/* One option table per program: from it come parsing, --help, the SYNOPSIS of the manual, the
 * environment variables and the words for completion (hidden `--dse-complete`). A hidden
 * `--dse-synopsis` prints the SYNOPSIS section of the manual in mdoc, which tools/man-synopsis puts
 * into man/dse-x.1.
 *
 * A program is a `struct program`; cmd/dse-x.c defines one and its main() is
 * `return program_main(&program, argc, argv);`. A program has verbs or a run function of its own,
 * or both: then the first operand chooses the verb, and the run function serves when it names none
 * (without an operand pattern: when there is no operand). Options may stand before or behind the
 * verb and between operands; `--` ends them. Long options may be shortened while unambiguous;
 * `--name=value` and `--name value` both work. */
#ifndef DSE_BASE_OPT_H
#define DSE_BASE_OPT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

enum opt_kind {
    OPT_FLAG,    /* bool *target */
    OPT_STRING,  /* const char **target, pointing into argv or the environment */
    OPT_LIST,    /* struct opt_list *target; may be given several times */
    OPT_INT,     /* long *target, decimal, [min, max] when max > min */
    OPT_SECONDS, /* long *target in ms; takes 10, 1.5, 10s, 2m, 1h, 500ms, 1d; [min, max] in ms */
    OPT_CHOICE,  /* const char **target, one of the blank-separated words in `choices` */
};

enum opt_flags {
    OPT_OPTIONAL = 1, /* the value may be missing: --wait and --wait=5 (never --wait 5); without it
                         the target keeps its initial value and only *given tells */
    OPT_HIDDEN = 2,   /* not in --help, SYNOPSIS or completion; not abbreviated */
    OPT_REQUIRED = 4, /* on the command line or by its variable; of a group: one of them */
};

struct opt_list {
    const char **items; /* owned by the parser, lives as long as the process */
    size_t count;
};

struct opt {
    char letter;      /* 0 when there is none */
    const char *name; /* long name without dashes; NULL ends the table */
    enum opt_kind kind;
    const char *arg;  /* label of the value in help: "FILE" */
    const char *help; /* one line, lower case, no full stop */
    void *target;
    const char *env;      /* variable that gives the default, or NULL (never for secrets' values);
                             a flag takes 1, true, yes, on or their opposites; empty is unset */
    const char *choices;  /* OPT_CHOICE: words */
    const char *complete; /* "file", "dir", "plan", "phase", "pod", "task", "config", "property",
                             "agent" or NULL */
    int group;            /* options with the same non-zero group exclude each other */
    int flags;            /* enum opt_flags */
    long min, max;
    bool *given; /* set when the option was on the command line; may be NULL */
};

#define OPT_END      \
    {                \
        .name = NULL \
    }

/* What run functions get: operands behind the verb. */
struct invocation {
    const struct program *program;
    const struct verb *verb; /* NULL for programs without verbs */
    char **operands;         /* NULL-terminated */
    int count;
};

/* Returns EXIT_DONE or EXIT_NO (or another status whose reason was printed), or -1 with err filled;
 * an empty text there prints nothing. Prints results to stdout itself. */
typedef int run_fn(const struct invocation *inv, struct err *err);

struct verb {
    const char *name;     /* "show", or two words: "config list"; NULL ends the table */
    const char *alias;    /* other names, blank-separated, or NULL */
    const char *operands; /* "PLAN [PHASE [STEP]]", "(POD... | --all)"; their number is checked */
    const char *help;
    const struct opt *opts; /* options of this verb beside the program's; may be NULL */
    run_fn *run;
    const char *complete; /* kinds of the operands, blank-separated: "plan phase step" */
};

struct program {
    const char *name;     /* "dse-plan" */
    const char *summary;  /* "show and control plans" */
    const char *operands; /* for programs without verbs */
    const struct opt *opts;
    const struct verb *verbs; /* or NULL */
    run_fn *run;              /* or NULL */
    const char *complete;
    const char *epilog; /* printed at the end of --help; may be NULL */
    /* Writes live words of one completion kind ("plan", "pod" …), one a line; may be NULL.
     * Options on the line and the environment are in their targets already. After 100 ms the
     * process is ended: write each word out as it is found. stderr is /dev/null. */
    void (*live_words)(const char *kind);
};

/* Runs the program: process hygiene (descriptors 0-2 open, SIGPIPE default), parsing, --help and
 * --version, the run function, one error line `NAME: text` on stderr, stdout flushed and checked.
 * Returns the exit status for main(). */
int program_main(const struct program *program, int argc, char **argv);

/* The usage text, as --help prints it and the SYNOPSIS test compares it. */
struct buf;
void program_help(const struct program *program, struct buf *out);

/* For live_words(): the verb and the operands before the word that is completed. */
const struct invocation *completion_context(void);

/* Usage error: fills err with status EXIT_USAGE; `: try 'NAME --help'` is added when it is printed.
 * Returns -1. */
int usage_error(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
