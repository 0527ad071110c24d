/* Reading the command line: option tables, verbs, operands, the environment. */
#include "base/opt.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/optimpl.h"

bool opt_want_help, opt_want_version;

const struct opt opt_builtins[] = {
    {.letter = 'h',
     .name = "help",
     .kind = OPT_FLAG,
     .help = "show this help",
     .target = &opt_want_help},
    {.letter = 'V',
     .name = "version",
     .kind = OPT_FLAG,
     .help = "show the version",
     .target = &opt_want_version},
    OPT_END,
};

int usage_error(struct err *err, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    auto_free char *text = xvasprintf(format, args);
    va_end(args);
    return err_set(err, EXIT_USAGE, "%s", text);
}

/* ---- sets of tables ---------------------------------------------------------------------------
 */

static void add_table(struct opt_set *set, const struct opt *table)
{
    if (table && set->count < ARRAY_LEN(set->tables))
        set->tables[set->count++] = table;
}

void opt_set_of(struct opt_set *set, const struct program *program, const struct verb *verb)
{
    set->count = 0;
    add_table(set, verb ? verb->opts : NULL);
    add_table(set, program->opts);
    add_table(set, opt_builtins);
}

void opt_set_of_all(struct opt_set *set, const struct program *program)
{
    opt_set_of(set, program, NULL);
    for (const struct verb *verb = program->verbs; verb && verb->name; verb++)
        add_table(set, verb->opts);
}

const struct opt *opt_find(const struct opt_set *set, const char *name, size_t len,
                           const struct opt **ret_other)
{
    const struct opt *found = NULL;

    *ret_other = NULL;
    for (size_t i = 0; i < set->count; i++) {
        for (const struct opt *opt = set->tables[i]; opt->name; opt++) {
            if (strncmp(opt->name, name, len) != 0)
                continue;
            if (!opt->name[len]) {
                *ret_other = NULL;
                return opt;
            }
            if (opt->flags & OPT_HIDDEN)
                continue; /* hidden options are not abbreviated: nobody can see the clash */
            if (!found)
                found = opt;
            else if (!*ret_other && strcmp(opt->name, found->name) != 0)
                *ret_other = opt;
        }
    }
    return found;
}

const struct opt *opt_find_letter(const struct opt_set *set, char letter)
{
    for (size_t i = 0; i < set->count; i++) {
        for (const struct opt *opt = set->tables[i]; opt->name; opt++) {
            if (opt->letter == letter)
                return opt;
        }
    }
    return NULL;
}

bool opt_takes_next(const struct opt *opt)
{
    return opt->kind != OPT_FLAG && !(opt->flags & OPT_OPTIONAL);
}

const char *opt_label(const struct opt *opt, struct buf *scratch)
{
    if (opt->arg)
        return opt->arg;
    switch (opt->kind) {
    case OPT_CHOICE:
        buf_clear(scratch);
        buf_adds(scratch, opt->choices);
        for (char *p = scratch->data; *p; p++)
            *p = *p == ' ' ? '|' : *p;
        return buf_str(scratch);
    case OPT_INT:
        return "N";
    case OPT_SECONDS:
        return "SECONDS";
    case OPT_FLAG:
    case OPT_STRING:
    case OPT_LIST:
        break;
    }
    return "VALUE";
}

/* ---- values -----------------------------------------------------------------------------------
 */

static bool has_range(const struct opt *opt)
{
    return opt->max > opt->min;
}

static int store_int(const struct opt *opt, const char *where, const char *value, struct err *err)
{
    char *end;

    errno = 0;
    const long number = strtol(value, &end, 10);
    if (isspace((unsigned char)*value) || end == value || *end)
        return usage_error(err, "%s: '%s' is not a whole number", where, value);
    if (has_range(opt) && (errno || number < opt->min || number > opt->max))
        return usage_error(err, "%s: '%s' is not between %ld and %ld", where, value, opt->min,
                           opt->max);
    if (errno)
        return usage_error(err, "%s: '%s' is too large", where, value);
    *(long *)opt->target = number;
    return 0;
}

static int store_seconds(const struct opt *opt, const char *where, const char *value,
                         struct err *err)
{
    static const struct {
        const char *name;
        double ms;
    } units[] = {{"", 1e3}, {"s", 1e3}, {"ms", 1}, {"m", 6e4}, {"h", 3.6e6}, {"d", 8.64e7}};
    const double longest = 10 * 365 * 8.64e7;
    const size_t digits = strspn(value, "0123456789.");
    double ms = -1;
    char *end;

    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        if (strcmp(value + digits, units[i].name) == 0)
            ms = strtod(value, &end) * units[i].ms;
    }
    if (!digits || ms < 0 || end != value + digits)
        return usage_error(err, "%s: '%s' is not a duration such as 10, 1.5, 10s, 2m or 1h", where,
                           value);
    if (ms > longest)
        return usage_error(err, "%s: '%s' is longer than ten years", where, value);
    const long rounded = lround(ms);
    if (has_range(opt) && (rounded < opt->min || rounded > opt->max))
        return usage_error(err, "%s: '%s' is not between %g and %g seconds", where, value,
                           (double)opt->min / 1e3, (double)opt->max / 1e3);
    *(long *)opt->target = rounded;
    return 0;
}

static int store_choice(const struct opt *opt, const char *where, const char *value,
                        struct err *err)
{
    const size_t len = strlen(value);
    auto_buf struct buf listed = BUF_INIT;

    for (const char *p = opt->choices; *p; p += strspn(p, " ")) {
        const size_t n = strcspn(p, " ");
        if (n == len && strncmp(p, value, n) == 0) {
            *(const char **)opt->target = value;
            return 0;
        }
        buf_addf(&listed, "%s%.*s", listed.len ? ", " : "", (int)n, p);
        p += n;
    }
    return usage_error(err, "%s: '%s' is not one of: %s", where, value, buf_str(&listed));
}

/* Keeps all lists reachable for leak checkers: they live as long as the process. */
static struct opt_list **all_lists;
static size_t all_lists_count;

static void store_in_list(struct opt_list *list, const char *value)
{
    if (!list->count) {
        all_lists = xreallocarray(all_lists, all_lists_count + 1, sizeof *all_lists);
        all_lists[all_lists_count++] = list;
    }
    list->items = xreallocarray(list->items, list->count + 1, sizeof *list->items);
    list->items[list->count++] = value;
}

int opt_store(const struct opt *opt, const char *where, const char *value, struct err *err)
{
    if (opt->kind == OPT_FLAG) {
        *(bool *)opt->target = true;
        return 0;
    }
    if (!value) /* an optional one: the target keeps its default */
        return 0;
    switch (opt->kind) {
    case OPT_FLAG:
        break;
    case OPT_STRING:
        *(const char **)opt->target = value;
        break;
    case OPT_LIST:
        store_in_list(opt->target, value);
        break;
    case OPT_INT:
        return store_int(opt, where, value, err);
    case OPT_SECONDS:
        return store_seconds(opt, where, value, err);
    case OPT_CHOICE:
        return store_choice(opt, where, value, err);
    }
    return 0;
}

/* ---- the environment --------------------------------------------------------------------------
 */

static bool overridden(const struct opt *opt, const struct opt *const *given, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (given[i] == opt || (opt->group && given[i]->group == opt->group))
            return true;
    }
    return false;
}

static int store_flag_from_environment(const struct opt *opt, const char *value, struct err *err)
{
    static const char *const yes[] = {"1", "true", "yes", "on"};
    static const char *const no[] = {"0", "false", "no", "off"};

    for (size_t i = 0; i < ARRAY_LEN(yes); i++) {
        if (strcmp(value, yes[i]) == 0 || strcmp(value, no[i]) == 0) {
            *(bool *)opt->target = strcmp(value, yes[i]) == 0;
            return 0;
        }
    }
    return usage_error(err, "environment variable %s: '%s' is neither true nor false", opt->env,
                       value);
}

int opt_apply_environment(const struct opt_set *set, const struct opt *const *given,
                          size_t given_count, struct err *err)
{
    for (size_t i = 0; i < set->count; i++) {
        for (const struct opt *opt = set->tables[i]; opt->name; opt++) {
            const char *value = opt->env ? getenv(opt->env) : NULL;
            if (!value || !*value || overridden(opt, given, given_count))
                continue;
            auto_free char *where = xasprintf("environment variable %s", opt->env);
            int status = opt->kind == OPT_FLAG ? store_flag_from_environment(opt, value, err)
                                               : opt_store(opt, where, value, err);
            if (status < 0)
                return -1;
        }
    }
    return 0;
}

/* ---- words of the command line ----------------------------------------------------------------
 */

struct scanner {
    const struct opt_set *set;
    char **argv;
    int argc, next;
    const char *cluster; /* rest of "-abc" */
    bool ended;          /* "--" was seen */
    bool lenient;        /* the verb is not known yet: an ambiguous name is its first match */
};

struct token {
    const struct opt *opt; /* NULL: an operand */
    char *text;            /* the operand */
    const char *value;     /* of the option */
};

static int value_of(struct scanner *s, struct token *token, struct err *err)
{
    const struct opt *opt = token->opt;
    auto_buf struct buf scratch = BUF_INIT;

    if (token->value || !opt_takes_next(opt))
        return 1;
    if (s->next >= s->argc)
        return usage_error(err, "option '--%s' needs a value: %s", opt->name,
                           opt_label(opt, &scratch));
    token->value = s->argv[s->next++];
    return 1;
}

static int long_option(struct scanner *s, const char *word, struct token *token, struct err *err)
{
    const char *name = word + 2, *equals = strchr(name, '=');
    const size_t len = equals ? (size_t)(equals - name) : strlen(name);
    const struct opt *other, *opt = len ? opt_find(s->set, name, len, &other) : NULL;

    if (!opt)
        return usage_error(err, "unknown option '--%.*s'", (int)len, name);
    if (other && !s->lenient)
        return usage_error(err, "option '--%.*s' is ambiguous: '--%s' or '--%s'", (int)len, name,
                           opt->name, other->name);
    if (equals && opt->kind == OPT_FLAG)
        return usage_error(err, "option '--%s' takes no value", opt->name);
    *token = (struct token){.opt = opt, .value = equals ? equals + 1 : NULL};
    return value_of(s, token, err);
}

static int letter_option(struct scanner *s, struct token *token, struct err *err)
{
    const char letter = *s->cluster++;
    const struct opt *opt = opt_find_letter(s->set, letter);

    if (!opt)
        return usage_error(err, "unknown option '-%c'", letter);
    *token = (struct token){.opt = opt};
    if (opt->kind != OPT_FLAG && *s->cluster) {
        token->value = s->cluster;
        s->cluster = "";
    }
    return value_of(s, token, err);
}

/* 1: a token, 0: no more, -1: an error. */
static int next_token(struct scanner *s, struct token *token, struct err *err)
{
    if (s->cluster && *s->cluster)
        return letter_option(s, token, err);
    if (s->next >= s->argc)
        return 0;
    char *word = s->argv[s->next++];
    if (!s->ended && strcmp(word, "--") == 0) {
        s->ended = true;
        return next_token(s, token, err);
    }
    if (s->ended || word[0] != '-' || !word[1]) {
        *token = (struct token){.text = word};
        return 1;
    }
    if (word[1] == '-')
        return long_option(s, word, token, err);
    s->cluster = word + 1;
    return letter_option(s, token, err);
}

/* ---- verbs ------------------------------------------------------------------------------------
 */

static bool is_word_of(const char *words, const char *word)
{
    const size_t len = strlen(word);

    for (const char *p = words ? words : ""; *p; p += strspn(p, " ")) {
        const size_t n = strcspn(p, " ");
        if (n == len && strncmp(p, word, n) == 0)
            return true;
        p += n;
    }
    return false;
}

const struct verb *opt_find_verb(const struct program *program, char **operands, int count,
                                 int *ret_words)
{
    const struct verb *found = NULL;

    for (const struct verb *verb = program->verbs; verb && verb->name && count; verb++) {
        const size_t len = strlen(operands[0]);
        const char *rest = strncmp(verb->name, operands[0], len) == 0 ? verb->name + len : "?";
        if (*rest == ' ' && count > 1 && strcmp(rest + 1, operands[1]) == 0) {
            *ret_words = 2;
            return verb;
        }
        if (!found && (!*rest || is_word_of(verb->alias, operands[0]))) {
            *ret_words = 1;
            found = verb;
        }
    }
    return found;
}

bool opt_is_verb_group(const struct program *program, const char *word)
{
    const size_t len = strlen(word);

    for (const struct verb *verb = program->verbs; verb && verb->name; verb++) {
        if (len && strncmp(verb->name, word, len) == 0 && verb->name[len] == ' ')
            return true;
    }
    return false;
}

/* The first two operands, with options of any verb let through: only they can name the verb. */
static int peek_operands(const struct program *program, int argc, char **argv, char *ret_words[2],
                         struct err *err)
{
    struct opt_set set;
    struct scanner s = {.set = &set, .argv = argv, .argc = argc, .next = 1, .lenient = true};
    struct token token;
    int count = 0, status;

    opt_set_of_all(&set, program);
    while (count < 2 && (status = next_token(&s, &token, err)) != 0) {
        if (status < 0 && count)
            return count; /* the options of the verb are checked with its own table */
        if (status < 0)
            return -1;
        if (!token.opt)
            ret_words[count++] = token.text;
        if (count == 1 && !opt_is_verb_group(program, ret_words[0]) &&
            strcmp(ret_words[0], "help") != 0)
            break;
    }
    return count;
}

static int unknown_verb(const struct program *program, char **words, int count, struct err *err)
{
    auto_buf struct buf listed = BUF_INIT;

    if (!count)
        return usage_error(err, "no verb given");
    const size_t len = strlen(words[0]);
    for (const struct verb *verb = program->verbs; verb->name; verb++) {
        if (strncmp(verb->name, words[0], len) == 0 && verb->name[len] == ' ')
            buf_addf(&listed, "%s'%s'", listed.len ? ", " : "", verb->name);
    }
    if (!listed.len)
        return usage_error(err, "unknown verb '%s'", words[0]);
    if (count > 1)
        return usage_error(err, "unknown verb '%s %s': there are %s", words[0], words[1],
                           buf_str(&listed));
    return usage_error(err, "unknown verb '%s': there are %s", words[0], buf_str(&listed));
}

/* ---- the whole --------------------------------------------------------------------------------
 */

static int check_given(const struct opt_set *set, const struct opt *const *given, size_t count,
                       struct err *err)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < i; j++) {
            if (given[i] != given[j] && given[i]->group && given[i]->group == given[j]->group)
                return usage_error(err, "options '--%s' and '--%s' exclude each other",
                                   given[j]->name, given[i]->name);
        }
    }
    for (size_t i = 0; i < set->count; i++) {
        for (const struct opt *opt = set->tables[i]; opt->name; opt++) {
            const char *value = opt->env ? getenv(opt->env) : NULL;
            if ((opt->flags & OPT_REQUIRED) && !overridden(opt, given, count) && !(value && *value))
                return usage_error(err, "option '--%s' is required", opt->name);
        }
    }
    return 0;
}

static int check_operands(const char *pattern, const struct parsed *parsed, struct err *err)
{
    const struct operand_range range = operand_range_of(pattern);
    auto_buf struct buf name = BUF_INIT;

    if (parsed->count > range.max)
        return usage_error(err, "too many operands: '%s'", parsed->operands[range.max]);
    if (parsed->count < range.min) {
        operand_name(pattern, parsed->count, &name);
        return usage_error(err, "missing operand %s", buf_str(&name));
    }
    return 0;
}

static int read_words(const struct opt_set *set, int argc, char **argv, struct parsed *ret,
                      struct err *err)
{
    struct scanner s = {.set = set, .argv = argv, .argc = argc, .next = 1};
    auto_free const struct opt **given = xcalloc((size_t)argc * 2 + 1, sizeof *given);
    size_t given_count = 0, room = (size_t)argc * 2 + 1;
    struct token token;
    int status;

    while ((status = next_token(&s, &token, err)) > 0) {
        if (!token.opt) {
            ret->operands[ret->count++] = token.text;
            continue;
        }
        auto_free char *where = xasprintf("option '--%s'", token.opt->name);
        if (opt_store(token.opt, where, token.value, err) < 0)
            return -1;
        if (token.opt->given)
            *token.opt->given = true;
        if (given_count == room)
            given = xreallocarray(given, room *= 2, sizeof *given);
        given[given_count++] = token.opt;
    }
    if (status < 0)
        return -1;
    ret->help = opt_want_help;
    if (opt_want_help || opt_want_version)
        return 0;
    if (check_given(set, given, given_count, err) < 0)
        return -1;
    return opt_apply_environment(set, given, given_count, err);
}

/* `help`, `help VERB`. */
static int parse_help(const struct program *program, int argc, char **argv, struct parsed *ret,
                      struct err *err)
{
    struct opt_set set;
    int words = 0;

    opt_set_of(&set, program, NULL);
    opt_want_help = true;
    if (read_words(&set, argc, argv, ret, err) < 0)
        return -1;
    if (ret->count == 1)
        return 0;
    ret->verb = opt_find_verb(program, ret->operands + 1, ret->count - 1, &words);
    if (!ret->verb)
        return unknown_verb(program, ret->operands + 1, ret->count - 1, err);
    return 0;
}

int opt_parse(const struct program *program, int argc, char **argv, struct parsed *ret,
              struct err *err)
{
    struct opt_set set;
    char *words[2];
    int named = 0, peeked = 0;

    *ret = (struct parsed){.operands = xcalloc((size_t)argc + 1, sizeof *ret->operands)};
    if (program->verbs) {
        peeked = peek_operands(program, argc, argv, words, err);
        if (peeked < 0)
            return -1;
        ret->verb = opt_find_verb(program, words, peeked, &named);
        if (!ret->verb && peeked && strcmp(words[0], "help") == 0)
            return parse_help(program, argc, argv, ret, err);
    }
    opt_set_of(&set, program, ret->verb);
    if (read_words(&set, argc, argv, ret, err) < 0)
        return -1;
    ret->count -= named;
    memmove(ret->operands, ret->operands + named, ((size_t)ret->count + 1) * sizeof *ret->operands);
    if (opt_want_help || opt_want_version)
        return 0;
    if (!ret->verb && program->verbs && (!program->run || (peeked && !program->operands)))
        return unknown_verb(program, words, peeked, err);
    return check_operands(ret->verb ? ret->verb->operands : program->operands, ret, err);
}
