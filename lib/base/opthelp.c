/* Help for people and the synopsis of the manual, both from the option table. */
#include <string.h>

#include "base/alloc.h"
#include "base/optimpl.h"

enum { WIDTH = 80, HELP_COLUMN = 26 };

static bool visible(const struct opt *opt)
{
    return !(opt->flags & OPT_HIDDEN);
}

static bool any_visible(const struct opt *opts)
{
    for (const struct opt *opt = opts; opt && opt->name; opt++) {
        if (visible(opt))
            return true;
    }
    return false;
}

/* Appends words of text, breaking lines before WIDTH; `column` is where the line stands. Blanks
 * inside brackets do not break. */
static void wrap(struct buf *out, const char *text, size_t column, size_t indent)
{
    bool first = true;

    for (const char *p = text; *p;) {
        size_t len = 0;
        int depth = 0;
        for (; p[len] && (p[len] != ' ' || depth > 0); len++)
            depth += (p[len] == '[') - (p[len] == ']');
        if (!first && column + 1 + len > WIDTH) {
            buf_addf(out, "\n%*s", (int)indent, "");
            column = indent;
        } else if (!first) {
            buf_addc(out, ' ');
            column++;
        }
        buf_add(out, p, len);
        column += len;
        first = false;
        p += len;
        p += strspn(p, " ");
    }
    buf_addc(out, '\n');
}

/* ---- usage lines ------------------------------------------------------------------------------
 */

/* One way to call the program: what stands before its operands is the program's options in full, or
 * "[OPTION ...]" when they are common to several verbs. */
struct form {
    const struct verb *verb; /* NULL: the program itself */
    const char *operands;
    const struct opt *opts;
    bool common;
};

static size_t forms_of(const struct program *program, struct form **ret)
{
    size_t count = 0, room = 1;
    struct form *forms;

    for (const struct verb *verb = program->verbs; verb && verb->name; verb++)
        room++;
    forms = xcalloc(room, sizeof *forms);
    if (program->run || !program->verbs)
        forms[count++] = (struct form){.operands = program->operands, .opts = program->opts};
    for (const struct verb *verb = program->verbs; verb && verb->name; verb++)
        forms[count++] = (struct form){.verb = verb,
                                       .operands = verb->operands,
                                       .opts = verb->opts,
                                       .common = any_visible(program->opts)};
    *ret = forms;
    return count;
}

/* The options that share a pair of brackets with `opt`; false when an earlier one lists it. */
static bool leads_group(const struct opt *opts, const struct opt *opt)
{
    for (const struct opt *o = opts; o < opt; o++) {
        if (opt->group && o->group == opt->group && visible(o))
            return false;
    }
    return visible(opt);
}

static void usage_option(const struct opt *opt, struct buf *out)
{
    auto_buf struct buf scratch = BUF_INIT;

    buf_addf(out, "--%s", opt->name);
    if (opt->kind == OPT_FLAG)
        return;
    if (opt->flags & OPT_OPTIONAL)
        buf_addf(out, "[=%s]", opt_label(opt, &scratch));
    else
        buf_addf(out, " %s", opt_label(opt, &scratch));
    if (opt->kind == OPT_LIST)
        buf_adds(out, " ...");
}

static void usage_options(const struct opt *opts, struct buf *out)
{
    for (const struct opt *opt = opts; opt && opt->name; opt++) {
        if (!leads_group(opts, opt))
            continue;
        const bool required = opt->flags & OPT_REQUIRED;
        buf_adds(out, required ? " " : " [");
        usage_option(opt, out);
        for (const struct opt *o = opt + 1; opt->group && o->name; o++) {
            if (o->group != opt->group || !visible(o))
                continue;
            buf_adds(out, " | ");
            usage_option(o, out);
        }
        if (!required)
            buf_addc(out, ']');
    }
}

static void usage_line(const struct program *program, const struct form *form, bool first,
                       struct buf *out)
{
    auto_buf struct buf line = BUF_INIT;

    if (form->common)
        buf_adds(&line, " [OPTION ...]");
    if (form->verb)
        buf_addf(&line, " %s", form->verb->name);
    usage_options(form->opts, &line);
    if (form->operands && *form->operands)
        buf_addf(&line, " %s", form->operands);
    const size_t indent = strlen("usage: ") + strlen(program->name) + 1;
    buf_addf(out, "%s%s", first ? "usage: " : "       ", program->name);
    if (line.len) {
        buf_addc(out, ' ');
        wrap(out, line.data + 1, indent, indent);
    } else {
        buf_addc(out, '\n');
    }
}

/* ---- lists of options and verbs ---------------------------------------------------------------
 */

static void entry(struct buf *out, const char *left, const char *help)
{
    const size_t len = strlen(left);

    buf_addf(out, "  %s", left);
    if (len + 2 > HELP_COLUMN - 2)
        buf_addf(out, "\n%*s", HELP_COLUMN, "");
    else
        buf_addf(out, "%*s", (int)(HELP_COLUMN - 2 - len), "");
    wrap(out, help, HELP_COLUMN, HELP_COLUMN);
}

static void describe_option(const struct opt *opt, struct buf *out)
{
    auto_buf struct buf left = BUF_INIT, help = BUF_INIT, scratch = BUF_INIT;

    if (opt->letter)
        buf_addf(&left, "-%c, --%s", opt->letter, opt->name);
    else
        buf_addf(&left, "    --%s", opt->name);
    if (opt->kind != OPT_FLAG && (opt->flags & OPT_OPTIONAL))
        buf_addf(&left, "[=%s]", opt_label(opt, &scratch));
    else if (opt->kind != OPT_FLAG)
        buf_addf(&left, " %s", opt_label(opt, &scratch));
    buf_adds(&help, opt->help ? opt->help : "");
    if (opt->kind == OPT_CHOICE && opt->arg) {
        buf_adds(&help, ": ");
        for (const char *p = opt->choices; *p; p++) {
            if (*p == ' ')
                buf_adds(&help, ", ");
            else
                buf_addc(&help, *p);
        }
    }
    if (opt->env)
        buf_addf(&help, " (%s)", opt->env);
    entry(out, left.data, buf_str(&help));
}

static void describe_options(const char *heading, const struct opt *opts, struct buf *out)
{
    if (!any_visible(opts))
        return;
    buf_addf(out, "\n%s:\n", heading);
    for (const struct opt *opt = opts; opt->name; opt++) {
        if (visible(opt))
            describe_option(opt, out);
    }
}

static void describe_common(const struct program *program, const char *heading, struct buf *out)
{
    buf_addf(out, "\n%s:\n", heading);
    for (const struct opt *opt = program->opts; opt && opt->name; opt++) {
        if (visible(opt))
            describe_option(opt, out);
    }
    for (const struct opt *opt = opt_builtins; opt->name; opt++)
        describe_option(opt, out);
}

static void epilog(const struct program *program, struct buf *out)
{
    if (program->epilog)
        buf_addf(out, "\n%s\n", program->epilog);
    buf_addf(out, "\nThe manual: man %s\n", program->name);
}

void program_help(const struct program *program, struct buf *out)
{
    auto_free struct form *forms = NULL;
    const size_t count = forms_of(program, &forms);

    for (size_t i = 0; i < count; i++)
        usage_line(program, &forms[i], i == 0, out);
    buf_addf(out, "\n%s\n", program->summary);
    if (program->verbs)
        buf_adds(out, "\nverbs:\n");
    for (const struct verb *verb = program->verbs; verb && verb->name; verb++)
        entry(out, verb->name, verb->help);
    if (program->verbs)
        entry(out, "help [VERB]", "show help, of one verb when it is named");
    describe_common(program, "options", out);
    for (const struct verb *verb = program->verbs; verb && verb->name; verb++) {
        auto_free char *heading = xasprintf("options of %s", verb->name);
        describe_options(heading, verb->opts, out);
    }
    epilog(program, out);
}

void opt_verb_help(const struct program *program, const struct verb *verb, struct buf *out)
{
    const struct form form = {.verb = verb,
                              .operands = verb->operands,
                              .opts = verb->opts,
                              .common = any_visible(program->opts)};

    usage_line(program, &form, true, out);
    buf_addf(out, "\n%s\n", verb->help);
    if (verb->alias)
        buf_addf(out, "also called: %s\n", verb->alias);
    describe_options("options", verb->opts, out);
    describe_common(program, any_visible(verb->opts) ? "common options" : "options", out);
    epilog(program, out);
}

/* ---- the manual's synopsis --------------------------------------------------------------------
 */

static void mdoc_option(const struct opt *opt, struct buf *out)
{
    auto_buf struct buf scratch = BUF_INIT;

    buf_addf(out, "Fl -%s", opt->name);
    if (opt->kind == OPT_FLAG)
        return;
    if (opt->flags & OPT_OPTIONAL)
        buf_addf(out, " Ns Op = Ns Ar %s", opt_label(opt, &scratch));
    else
        buf_addf(out, " Ar %s", opt_label(opt, &scratch));
    if (opt->kind == OPT_LIST)
        buf_adds(out, " ...");
}

static void mdoc_options(const struct opt *opts, struct buf *out)
{
    for (const struct opt *opt = opts; opt && opt->name; opt++) {
        if (!leads_group(opts, opt))
            continue;
        buf_adds(out, opt->flags & OPT_REQUIRED ? "." : ".Op ");
        mdoc_option(opt, out);
        for (const struct opt *o = opt + 1; opt->group && o->name; o++) {
            if (o->group != opt->group || !visible(o))
                continue;
            buf_adds(out, " | ");
            mdoc_option(o, out);
        }
        buf_addc(out, '\n');
    }
}

/* Each bracket and word on a line of its own, which nests without counting. */
static void mdoc_operands(const char *pattern, struct buf *out)
{
    for (const char *p = pattern ? pattern : ""; *p;) {
        const size_t len = strcspn(p, " []()|");
        if (len && *p == '-')
            buf_addf(out, ".Fl %.*s\n", (int)len - 1, p + 1);
        else if (len)
            buf_addf(out, ".Ar %.*s\n", (int)len, p);
        else if (*p == '[')
            buf_adds(out, ".Oo\n");
        else if (*p == ']')
            buf_adds(out, ".Oc\n");
        else if (*p != ' ')
            buf_addf(out, "%c\n", *p);
        p += len ? len : 1;
    }
}

void opt_synopsis_mdoc(const struct program *program, struct buf *out)
{
    auto_free struct form *forms = NULL;
    const size_t count = forms_of(program, &forms);

    for (size_t i = 0; i < count; i++) {
        buf_addf(out, ".Nm %s\n", program->name);
        if (forms[i].common)
            buf_adds(out, ".Op Ar OPTION ...\n");
        if (forms[i].verb)
            buf_addf(out, ".Cm %s\n", forms[i].verb->name);
        mdoc_options(forms[i].opts, out);
        mdoc_operands(forms[i].operands, out);
    }
}
