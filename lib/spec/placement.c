#define PCRE2_CODE_UNIT_WIDTH 8
#include "spec/placement.h"

#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <pcre2.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/json.h"
#include "spec/javaregex.h"

struct parser {
    struct arena *arena;
    struct matcher filter; /* tasks of this pod type */
    const char *problem;   /* of an invalid constraint */
    struct err *err;
};

/* ---- the text to rows of fields ---- */

struct rows {
    struct strings *items;
    size_t count;
};

/* JSON of arrays and plain values, where numbers stay as they are written. */
struct scan {
    const char *p;
    struct arena *arena;
};

static void skip_blanks(struct scan *s)
{
    s->p += strspn(s->p, " \t\r\n");
}

static bool scan_mark(struct scan *s, char mark)
{
    skip_blanks(s);
    if (*s->p != mark)
        return false;
    s->p++;
    return true;
}

/* A string, number, true, false (as text) or null (NULL). */
static bool scan_field(struct scan *s, const char **ret)
{
    skip_blanks(s);
    const char *from = s->p;
    size_t len = strcspn(from, ",] \t\r\n");

    if (*from == '"') {
        for (len = 1; from[len] && from[len] != '"'; len++)
            len += from[len] == '\\' && from[len + 1];
        len += from[len] == '"';
    }
    json_auto json_t *value =
        json_loadb(from, len, JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL, NULL);
    if (!value || json_is_object(value) || json_is_array(value))
        return false;
    s->p += len;
    *ret = json_is_string(value) ? arena_strdup(s->arena, json_string_value(value))
           : json_is_null(value) ? NULL
                                 : arena_strndup(s->arena, from, len);
    return true;
}

/* [field,…] or null, which is no row: *ret_null. */
static bool scan_row(struct scan *s, struct strings *ret, bool *ret_null)
{
    *ret = (struct strings){NULL, 0};
    skip_blanks(s);
    *ret_null = strncmp(s->p, "null", 4) == 0;
    if (*ret_null)
        s->p += 4;
    if (*ret_null || !scan_mark(s, '['))
        return *ret_null;
    if (scan_mark(s, ']'))
        return true;
    do {
        const char *field;
        if (!scan_field(s, &field))
            return false;
        *ARENA_PUSH(s->arena, ret->items, ret->count) = field;
    } while (scan_mark(s, ','));
    return scan_mark(s, ']');
}

static bool at_end(struct scan *s)
{
    skip_blanks(s);
    return *s->p == '\0';
}

/* ["a","b"] or [["a","b"],…]; false when the text is neither. *ret_null: a row is null. */
static bool json_rows(struct arena *arena, const char *text, struct rows *ret, bool *ret_null)
{
    struct scan s = {text, arena};
    struct strings row;
    bool null;

    *ret = (struct rows){NULL, 0};
    if (scan_row(&s, &row, ret_null) && at_end(&s)) {
        *ARENA_PUSH(arena, ret->items, ret->count) = row;
        return true;
    }
    s.p = text;
    *ret_null = false;
    if (!scan_mark(&s, '['))
        return false;
    do {
        if (!scan_row(&s, &row, &null))
            return false;
        *ret_null = *ret_null || null;
        *ARENA_PUSH(arena, ret->items, ret->count) = row;
    } while (scan_mark(&s, ','));
    return scan_mark(&s, ']') && at_end(&s);
}

/* Splits at `mark`; a backslash before it protects exactly that mark, any other stays and protects
 * nothing, but neither is the backslash behind it one. */
static void split(struct arena *arena, const char *text, char mark, bool trimmed,
                  struct strings *ret)
{
    auto_buf struct buf field = BUF_INIT;

    *ret = (struct strings){NULL, 0};
    for (const char *p = text;; p++) {
        if (*p && *p != mark) {
            if (*p == '\\' && p[1] == mark)
                p++;
            else if (*p == '\\' && p[1])
                buf_addc(&field, *p++);
            buf_addc(&field, *p);
            continue;
        }
        const char *from = buf_str(&field);
        size_t len = field.len;
        while (trimmed && len && (unsigned char)*from <= ' ') {
            from++;
            len--;
        }
        while (trimmed && len && (unsigned char)from[len - 1] <= ' ')
            len--;
        *ARENA_PUSH(arena, ret->items, ret->count) = arena_strndup(arena, from, len);
        buf_clear(&field);
        if (!*p)
            return;
    }
}

static void short_rows(struct arena *arena, const char *text, struct rows *ret)
{
    struct strings constraints;

    *ret = (struct rows){NULL, 0};
    split(arena, text, ',', false, &constraints);
    for (size_t i = 0; i < constraints.count; i++) {
        struct strings row;
        split(arena, constraints.items[i], ':', true, &row);
        *ARENA_PUSH(arena, ret->items, ret->count) = row;
    }
}

/* ---- rows to rules ---- */

static const char *row_text(struct arena *arena, const struct strings *row)
{
    auto_buf struct buf text = BUF_INIT;

    buf_addc(&text, '[');
    for (size_t i = 0; i < row->count; i++)
        buf_addf(&text, "%s%s", i ? ", " : "", row->items[i] ? row->items[i] : "null");
    buf_addc(&text, ']');
    return arena_strdup(arena, text.data);
}

static struct placement_rule *new_rule(struct parser *p, enum rule_type type)
{
    struct placement_rule *rule = ARENA_NEW(p->arena, struct placement_rule);

    rule->type = type;
    return rule;
}

static void add_rule(struct arena *arena, struct placement_rule *parent,
                     struct placement_rule *rule)
{
    *ARENA_PUSH(arena, parent->rules, parent->n_rules) = rule;
}

/* What a field names; each has a rule of its own for each kind of constraint. */
static const struct field_rules {
    const char *field; /* NULL: any other is an attribute */
    enum rule_type match, max_per, round_robin;
} fields[] = {
    {"hostname", RULE_HOSTNAME, RULE_MAX_PER_HOSTNAME, RULE_ROUND_ROBIN_HOSTNAME},
    {"@hostname", RULE_HOSTNAME, RULE_MAX_PER_HOSTNAME, RULE_ROUND_ROBIN_HOSTNAME},
    {"@region", RULE_REGION, RULE_MAX_PER_REGION, RULE_ROUND_ROBIN_REGION},
    {"@zone", RULE_ZONE, RULE_MAX_PER_ZONE, RULE_ROUND_ROBIN_ZONE},
    {NULL, RULE_ATTRIBUTE, RULE_MAX_PER_ATTRIBUTE, RULE_ROUND_ROBIN_ATTRIBUTE},
};

static struct placement_rule *match_rule(struct parser *p, const struct field_rules *kind,
                                         const char *field, enum matcher_type type,
                                         const char *text)
{
    struct placement_rule *rule = new_rule(p, kind->match);

    rule->matcher.type = type;
    rule->matcher.text = kind->field ? text : arena_printf(p->arena, "%s:%s", field, text);
    return rule;
}

static int check_regex(struct parser *p, const char *pattern)
{
    int code;
    PCRE2_SIZE offset;
    const char *problem = NULL;
    auto_free char *translated = java_regex(pattern, &problem);

    if (!translated)
        return err_set(p->err, EXIT_INPUT, "'%s' is no regular expression: %s", pattern, problem);
    pcre2_code *regex = pcre2_compile((PCRE2_SPTR)translated, PCRE2_ZERO_TERMINATED, PCRE2_UTF,
                                      &code, &offset, NULL);

    if (regex) {
        pcre2_code_free(regex);
        return 0;
    }
    unsigned char text[120];
    pcre2_get_error_message(code, text, sizeof text);
    return err_set(p->err, EXIT_INPUT, "'%s' is no regular expression: %s", pattern,
                   (const char *)text);
}

static int max_per_rule(struct parser *p, const struct field_rules *kind, const char *field,
                        int64_t max, struct placement_rule **ret)
{
    struct placement_rule *rule = new_rule(p, kind->max_per);

    *ret = rule;
    rule->max = max;
    rule->task_filter = p->filter;
    if (kind->field)
        return 0;
    /* An attribute must be there as well. */
    struct placement_rule *both = *ret = new_rule(p, RULE_AND);
    add_rule(p->arena, both, match_rule(p, kind, field, MATCHER_REGEX, ".*"));
    rule->matcher = both->rules[0]->matcher;
    add_rule(p->arena, both, rule);
    return check_regex(p, rule->matcher.text);
}

static bool to_integer(const char *text, int64_t *ret)
{
    char *end;

    errno = 0;
    const long long n = strtoll(text, &end, 10);
    *ret = n;
    return !errno && end != text && !*end && !isspace((unsigned char)*text) && n >= INT32_MIN &&
           n <= INT32_MAX;
}

/* Notes why the constraint is invalid; the original keeps such rules (7.2). */
static int invalid(struct parser *p, const char *problem)
{
    p->problem = problem;
    return 0;
}

static int bad_integer(struct parser *p, const char *operator, const char * parameter)
{
    return invalid(p, arena_printf(p->arena,
                                   "Unable to parse max parameter as integer for '%s' operation: "
                                   "Optional[%s]",
                                   operator, parameter));
}

static int row_to_rule(struct parser *p, const struct strings *row, struct placement_rule **ret)
{
    if (row->count < 2 || row->count > 3)
        return invalid(p, arena_printf(p->arena,
                                       "Invalid number of entries in rule. Expected 2 or 3, got "
                                       "%zu: %s",
                                       row->count, row_text(p->arena, row)));
    const char *field = row->items[0], *parameter = row->count == 3 ? row->items[2] : NULL;
    if (!field || !row->items[1])
        return err_set(p->err, EXIT_INPUT, "null is neither field nor operator: constraint %s",
                       row_text(p->arena, row));
    char *operator= arena_strdup(p->arena, row->items[1]);
    const struct field_rules *kind = fields;
    int64_t number;

    for (char *c = operator; *c; c++)
        *c = (char)toupper((unsigned char)*c);
    while (kind->field && strcmp(kind->field, field) != 0)
        kind++;
    if (strcmp(operator, "UNIQUE") == 0)
        return max_per_rule(p, kind, field, 1, ret);
    if (strcmp(operator, "GROUP_BY") == 0) {
        *ret = new_rule(p, kind->round_robin);
        (*ret)->task_filter = p->filter;
        if (!kind->field)
            (*ret)->name = field;
        if (!parameter)
            return 0;
        if (!to_integer(parameter, &number))
            return bad_integer(p, operator, parameter);
        (*ret)->count = ARENA_NEW(p->arena, int64_t);
        *(*ret)->count = number;
        return 0;
    }
    if (strcmp(operator, "IS_NOT") == 0)
        return err_set(p->err, EXIT_INPUT,
                       "the operator IS_NOT cannot be stored: use UNLIKE in constraint %s",
                       row_text(p->arena, row));
    const bool known = strcmp(operator, "MAX_PER") == 0 || strcmp(operator, "CLUSTER") == 0 ||
                       strcmp(operator, "IS") == 0 || strcmp(operator, "LIKE") == 0 ||
                       strcmp(operator, "UNLIKE") == 0;
    if (!known)
        return invalid(p, arena_printf(p->arena,
                                       "Unsupported operator: '%s' in constraint: %s (expected one "
                                       "of: UNIQUE, CLUSTER, GROUP_BY, LIKE, UNLIKE, or MAX_PER)",
                                       row->items[1], row_text(p->arena, row)));
    if (!parameter)
        return invalid(
            p, arena_printf(p->arena, "Missing required parameter for operator '%s'.", operator));
    if (strcmp(operator, "MAX_PER") == 0) {
        if (!to_integer(parameter, &number))
            return bad_integer(p, operator, parameter);
        if (number < 1)
            return err_set(p->err, EXIT_INPUT, "MAX_PER wants a number of 1 or more, not %s",
                           parameter);
        return max_per_rule(p, kind, field, number, ret);
    }
    const bool exact = strcmp(operator, "CLUSTER") == 0 || strcmp(operator, "IS") == 0;
    *ret = match_rule(p, kind, field, exact ? MATCHER_EXACT : MATCHER_REGEX, parameter);
    if (!exact && check_regex(p, (*ret)->matcher.text) < 0)
        return -1;
    if (strcmp(operator, "UNLIKE") == 0) {
        struct placement_rule *not = new_rule(p, RULE_NOT);
        add_rule(p->arena, not, *ret);
        *ret = not ;
    }
    return 0;
}

int placement_parse(const char *text, const char *pod_type, struct arena *arena,
                    struct placement_rule **ret, const char **ret_problem, struct err *err)
{
    struct parser p = {.arena = arena, .err = err};
    struct rows rows = {NULL, 0};
    struct placement_rule *all;

    bool null;

    *ret = NULL;
    if (ret_problem)
        *ret_problem = NULL;
    if (!*text || strcmp(text, "[]") == 0)
        return 0;
    /* SDK-COMPAT: the type is not quoted, so `dse` also counts the tasks of `dse-x`. */
    p.filter = (struct matcher){MATCHER_REGEX, arena_printf(arena, "%s-.*", pod_type)};
    if (!json_rows(arena, text, &rows, &null))
        short_rows(arena, text, &rows);
    else if (null)
        return err_set(err, EXIT_INPUT, "null is no constraint");
    if (check_regex(&p, p.filter.text) < 0)
        return err_prefix(err, "pod type");
    all = new_rule(&p, RULE_AND);
    for (size_t i = 0; i < rows.count && !p.problem; i++) {
        struct placement_rule *rule = NULL;
        if (row_to_rule(&p, &rows.items[i], &rule) < 0)
            return -1;
        if (rule)
            add_rule(arena, all, rule);
    }
    if (p.problem) {
        *ret = new_rule(&p, RULE_INVALID);
        (*ret)->exception = p.problem;
        (*ret)->constraints = arena_strdup(arena, text);
        if (ret_problem)
            *ret_problem = p.problem;
    } else if (all->n_rules) {
        *ret = all->n_rules == 1 ? all->rules[0] : all;
    }
    return 0;
}

/* ---- regions and zones ---- */

static bool refers_to(const struct placement_rule *rule, const enum rule_type *types, size_t n)
{
    if (!rule)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (rule->type == types[i])
            return true;
    }
    for (size_t i = 0; i < rule->n_rules; i++) {
        if (refers_to(rule->rules[i], types, n))
            return true;
    }
    return false;
}

bool placement_refers_to_region(const struct placement_rule *rule)
{
    static const enum rule_type types[] = {RULE_REGION, RULE_MAX_PER_REGION,
                                           RULE_ROUND_ROBIN_REGION, RULE_IS_LOCAL_REGION};

    return refers_to(rule, types, ARRAY_LEN(types));
}

bool placement_refers_to_zone(const struct placement_rule *rule)
{
    static const enum rule_type types[] = {RULE_ZONE, RULE_MAX_PER_ZONE, RULE_ROUND_ROBIN_ZONE};

    return refers_to(rule, types, ARRAY_LEN(types));
}

void placement_add_region(struct service_spec *spec, const char *region, bool aware)
{
    struct parser p = {.arena = &spec->arena};

    if (region)
        spec->region = arena_strdup(&spec->arena, region);
    if (!aware)
        region = NULL;
    for (size_t i = 0; i < spec->n_pods; i++) {
        struct pod_spec *pod = &spec->pods[i];
        if (placement_refers_to_region(pod->placement))
            continue;
        struct placement_rule *added = new_rule(&p, region ? RULE_REGION : RULE_IS_LOCAL_REGION);
        if (region)
            added->matcher = (struct matcher){MATCHER_EXACT, spec->region};
        if (pod->placement) {
            struct placement_rule *both = new_rule(&p, RULE_AND);
            add_rule(p.arena, both, added);
            add_rule(p.arena, both, pod->placement);
            added = both;
        }
        pod->placement = added;
    }
}
