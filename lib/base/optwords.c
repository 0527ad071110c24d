/* Completion: `PROGRAM --dse-complete WORD...` prints what the last word could become, one
 * candidate a line, with a tab and a description behind it where there is one. Lines `:file` and
 * `:dir` ask the shell for names of files. A candidate that ends in '=' wants a value attached to
 * it. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/optimpl.h"

enum { DEADLINE_MS = 100 };

struct completion {
    const struct program *program;
    const struct verb *verb;
    int verb_words; /* operands that name the verb */
    struct opt_set set;
    bool storing;              /* options set their targets */
    const struct opt *wanting; /* the last word is this option's value */
    bool ended;                /* behind "--" */
    char **operands;
    int count;
    const struct opt **given;
    size_t given_count;
};

static struct invocation context;

const struct invocation *completion_context(void)
{
    return &context;
}

static void give_up(int signo)
{
    (void)signo;
    _exit(EXIT_DONE);
}

/* A completion that hangs on a dead server is worse than none. */
static void set_deadline(void)
{
    const struct itimerval timer = {.it_value = {.tv_usec = DEADLINE_MS * 1000}};

    signal(SIGALRM, give_up);
    setitimer(ITIMER_REAL, &timer, NULL);
}

static void print_words(const char *words)
{
    for (const char *p = words; *p; p += strspn(p, " ")) {
        const size_t n = strcspn(p, " ");
        printf("%.*s\n", (int)n, p);
        p += n;
    }
}

static void print_kind(const struct completion *c, const char *kind, size_t len)
{
    auto_free char *name = xstrndup(kind, len);

    if (strcmp(name, "file") == 0 || strcmp(name, "dir") == 0) {
        printf(":%s\n", name);
    } else if (len && c->program->live_words) {
        fflush(stdout);
        set_deadline();
        c->program->live_words(name);
    }
}

static void print_values(const struct completion *c, const struct opt *opt)
{
    if (opt->kind == OPT_CHOICE)
        print_words(opt->choices);
    else if (opt->complete)
        print_kind(c, opt->complete, strlen(opt->complete));
}

/* ---- what stands before the last word ---------------------------------------------------------
 */

static void note_option(struct completion *c, const struct opt *opt, const char *value)
{
    struct err ignored = ERR_INIT;

    /* Targets are set so that live words come from the store that is named. */
    if (c->storing && (value || opt->kind == OPT_FLAG))
        opt_store(opt, "completion", value, &ignored);
    c->given[c->given_count++] = opt;
}

/* Returns how many words it took: 1, or 2 with a value. */
static int read_option(struct completion *c, char **words, int count)
{
    const char *word = words[0];
    const struct opt *other, *opt;
    const char *value = NULL;

    if (word[1] == '-') {
        const char *equals = strchr(word, '=');
        opt = opt_find(&c->set, word + 2, equals ? (size_t)(equals - word - 2) : strlen(word + 2),
                       &other);
        value = equals ? equals + 1 : NULL;
    } else {
        opt = opt_find_letter(&c->set, word[1]);
        value = word[2] ? word + 2 : NULL;
    }
    if (!opt)
        return 1;
    if (value || !opt_takes_next(opt)) {
        note_option(c, opt, value);
        return 1;
    }
    if (count == 1) {
        c->wanting = opt;
        return 1;
    }
    note_option(c, opt, words[1]);
    return 2;
}

static void read_words(struct completion *c, char **words, int count)
{
    c->wanting = NULL;
    c->ended = false;
    c->count = 0;
    c->given_count = 0;
    for (int i = 0; i < count;) {
        if (!c->ended && strcmp(words[i], "--") == 0) {
            c->ended = true;
            i++;
        } else if (!c->ended && words[i][0] == '-' && words[i][1]) {
            i += read_option(c, words + i, count - i);
        } else {
            c->operands[c->count++] = words[i++];
        }
    }
    c->verb = opt_find_verb(c->program, c->operands, c->count, &c->verb_words);
}

/* An option may stand before the verb and mean with each verb something else: the words are read
 * once to find the verb, and again with its options. */
static void read_before(struct completion *c, char **words, int count)
{
    opt_set_of_all(&c->set, c->program);
    read_words(c, words, count);
    if (c->verb)
        opt_set_of(&c->set, c->program, c->verb);
    c->storing = true;
    read_words(c, words, count);
    opt_set_of(&c->set, c->program, c->verb);
}

/* ---- candidates -------------------------------------------------------------------------------
 */

static bool still_useful(const struct completion *c, const struct opt *opt)
{
    const struct opt *other;

    /* The program's option of the same name is not the verb's. */
    if (opt->flags & OPT_HIDDEN || opt_find(&c->set, opt->name, strlen(opt->name), &other) != opt)
        return false;
    for (size_t i = 0; i < c->given_count; i++) {
        if (c->given[i] == opt && opt->kind != OPT_LIST)
            return false;
        if (c->given[i] != opt && opt->group && c->given[i]->group == opt->group)
            return false;
    }
    return true;
}

static void print_options(const struct completion *c)
{
    for (size_t i = 0; i < c->set.count; i++) {
        for (const struct opt *opt = c->set.tables[i]; opt->name; opt++) {
            if (!still_useful(c, opt))
                continue;
            if (opt->flags & OPT_OPTIONAL)
                printf("--%s\t%s\n", opt->name, opt->help);
            printf("--%s%s\t%s\n", opt->name, opt->kind == OPT_FLAG ? "" : "=", opt->help);
        }
    }
}

static void print_verbs(const struct completion *c, const char *group)
{
    const size_t len = group ? strlen(group) : 0;

    for (const struct verb *verb = c->program->verbs; verb->name; verb++) {
        const size_t first = strcspn(verb->name, " ");
        if (group) {
            if (first == len && strncmp(verb->name, group, len) == 0 && verb->name[first])
                printf("%s\t%s\n", verb->name + first + 1, verb->help);
        } else if (!verb->name[first]) {
            printf("%s\t%s\n", verb->name, verb->help);
        } else if (verb == c->program->verbs || strncmp(verb[-1].name, verb->name, first + 1)) {
            printf("%.*s\n", (int)first, verb->name); /* once for all verbs of the group */
        }
    }
    if (!group)
        printf("help\tshow help\n");
}

/* The n-th word of the kinds; the last one again for operands that repeat. */
static void print_operand(const struct completion *c, const char *kinds, const char *pattern, int n)
{
    const char *p = kinds ? kinds : "";
    const struct operand_range range = operand_range_of(pattern);

    if (n >= range.max)
        return;
    while (n-- > 0) {
        const char *next = p + strcspn(p, " ");
        next += strspn(next, " ");
        if (!*next && range.max != INT_MAX)
            return;
        if (!*next)
            break;
        p = next;
    }
    print_kind(c, p, strcspn(p, " "));
}

static void print_operands(const struct completion *c)
{
    const int behind = c->count - c->verb_words;

    if (c->verb)
        print_operand(c, c->verb->complete, c->verb->operands, behind);
    else if (c->program->verbs && c->count == 0)
        print_verbs(c, NULL);
    else if (c->program->verbs && c->count == 1 && strcmp(c->operands[0], "help") == 0)
        print_verbs(c, NULL);
    else if (c->program->verbs && c->count == 1 && opt_is_verb_group(c->program, c->operands[0]))
        print_verbs(c, c->operands[0]);
    if (!c->verb && c->program->run)
        print_operand(c, c->program->complete, c->program->operands, behind);
}

static void print_candidates(struct completion *c, const char *word)
{
    const char *equals = strchr(word, '=');
    const struct opt *other;

    if (c->wanting) {
        print_values(c, c->wanting);
    } else if (!c->ended && strncmp(word, "--", 2) == 0 && equals) {
        const struct opt *opt = opt_find(&c->set, word + 2, (size_t)(equals - word - 2), &other);
        if (opt && opt->kind != OPT_FLAG)
            print_values(c, opt);
    } else if (!c->ended && word[0] == '-') {
        print_options(c);
    } else {
        print_operands(c);
    }
}

void opt_complete(const struct program *program, char **words, int count)
{
    struct completion c = {.program = program};
    struct err ignored = ERR_INIT;
    const int before = count ? count - 1 : 0;

    /* Nothing may appear between what the user types. */
    const int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (null >= 0)
        dup2(null, STDERR_FILENO);
    c.operands = xcalloc((size_t)count + 1, sizeof *c.operands);
    c.given = xcalloc((size_t)count + 1, sizeof *c.given);
    read_before(&c, words, before);
    opt_apply_environment(&c.set, c.given, c.given_count, &ignored);
    context = (struct invocation){.program = program,
                                  .verb = c.verb,
                                  .operands = c.operands + c.verb_words,
                                  .count = c.count - c.verb_words};
    print_candidates(&c, count ? words[count - 1] : "");
    fflush(stdout);
    cleanup_close_fn(&(int){null});
    cleanup_free_fn(&c.given);
    /* c.operands stays: completion_context() shows it. */
}
