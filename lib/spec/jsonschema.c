/* JSON Schema, draft 4, as the packaging service uses it; references lead inside the schema only,
 * formats are annotations. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <math.h>
#include <pcre2.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "spec/nearest.h"
#include "spec/package.h"

/* One check of a value, for what the whole of it needs. */
struct checker {
    const json_t *schema; /* the whole, for `$ref` */
    size_t work;          /* schemas tried, bounded */
    bool broken;          /* the schema cannot be used; err says why */
    struct err *err;
};

/* Where in the value: a chain on the stack, printed as a JSON pointer. */
struct where {
    const struct where *up;
    const char *key; /* NULL: an element */
    size_t index;
    size_t depth; /* schemas inside schemas on the way here, bounded */
    struct checker *c;
    struct err *err; /* of the checker, or a scratch one while alternatives are tried */
};

enum { SCHEMA_WORK = 1000000, SCHEMA_DEPTH = 2 * JSON_DEPTH };

static void add_pointer(struct buf *out, const struct where *w)
{
    const struct where *chain[JSON_DEPTH];
    size_t n = 0;

    for (; w->up && n < ARRAY_LEN(chain); w = w->up)
        chain[n++] = w;
    while (n-- > 0) {
        buf_addc(out, '/');
        if (!chain[n]->key) {
            buf_addf(out, "%zu", chain[n]->index);
            continue;
        }
        for (const char *p = chain[n]->key; *p; p++) {
            if (*p == '~')
                buf_adds(out, "~0");
            else if (*p == '/')
                buf_adds(out, "~1");
            else
                buf_addc(out, *p);
        }
    }
}

static int vfail(const struct where *w, struct err *err, const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));
static int vfail(const struct where *w, struct err *err, const char *format, va_list args)
{
    auto_buf struct buf text = BUF_INIT;

    add_pointer(&text, w);
    buf_adds(&text, text.len ? ": " : "");
    buf_vaddf(&text, format, args);
    return err_set(err, EXIT_INPUT, "%s", buf_str(&text));
}

static int fail(const struct where *w, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static int fail(const struct where *w, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    if (!w->c->broken)
        vfail(w, w->err, format, args);
    va_end(args);
    return -1;
}

/* The schema itself is wrong: the value cannot be judged, whatever alternatives there are. */
static int broken(const struct where *w, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static int broken(const struct where *w, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    if (!w->c->broken)
        vfail(w, w->c->err, format, args);
    va_end(args);
    w->c->broken = true;
    return -1;
}

static const char *type_name(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return "object";
    case JSON_ARRAY:
        return "array";
    case JSON_STRING:
        return "string";
    case JSON_INTEGER:
        return "integer";
    case JSON_REAL:
        return json_real_value(value) == floor(json_real_value(value)) ? "integer" : "number";
    case JSON_TRUE:
    case JSON_FALSE:
        return "boolean";
    case JSON_NULL:
        break;
    }
    return "null";
}

static bool has_type(const json_t *value, const char *type)
{
    const char *is = type_name(value);

    return strcmp(is, type) == 0 || (strcmp(type, "number") == 0 && strcmp(is, "integer") == 0);
}

/* A short form of the value for messages. */
static const char *shown(const json_t *value, struct buf *out)
{
    json_write(out, value, JSON_LAYOUT_COMPACT);
    if (out->len > 60) {
        out->len = 60;
        while (out->len && ((unsigned char)out->data[out->len] & 0xc0) == 0x80)
            out->len--;
        out->data[out->len] = '\0';
        buf_adds(out, "...");
    }
    return buf_str(out);
}

static int check_type(const struct where *w, const json_t *rule, const json_t *value)
{
    auto_buf struct buf wanted = BUF_INIT, is = BUF_INIT;
    const json_t *one = rule;
    const size_t n = json_is_array(rule) ? json_array_size(rule) : 1;

    for (size_t i = 0; i < n; i++) {
        if (json_is_array(rule))
            one = json_array_get(rule, i);
        if (!json_is_string(one))
            return broken(w, "the schema's 'type' must be a name");
        if (has_type(value, json_string_value(one)))
            return 0;
        buf_addf(&wanted, "%s%s", i ? " or " : "", json_string_value(one));
    }
    return fail(w, "must be %s, is %s %s", buf_str(&wanted), type_name(value), shown(value, &is));
}

/* Numbers by value: 1 is 1.0. */
static bool same(const json_t *a, const json_t *b)
{
    if (json_is_number(a) && json_is_number(b))
        return json_number_value(a) == json_number_value(b);
    return json_equal(a, b);
}

static int check_enum(const struct where *w, const json_t *rule, const json_t *value)
{
    auto_buf struct buf wanted = BUF_INIT, is = BUF_INIT;

    for (size_t i = 0; i < json_array_size(rule); i++) {
        const json_t *one = json_array_get(rule, i);
        if (same(value, one))
            return 0;
        buf_adds(&wanted, i ? ", " : "");
        json_write(&wanted, one, JSON_LAYOUT_COMPACT);
    }
    return fail(w, "must be one of %s, is %s", buf_str(&wanted), shown(value, &is));
}

static int check_bounds(const struct where *w, const json_t *schema, const json_t *value)
{
    static const struct {
        const char *key, *exclusive;
        int sign;
        const char *word, *word_exclusive;
    } bounds[] = {
        {"minimum", "exclusiveMinimum", 1, "at least", "more than"},
        {"maximum", "exclusiveMaximum", -1, "at most", "less than"},
    };
    const double number = json_number_value(value);

    for (size_t i = 0; json_is_number(value) && i < ARRAY_LEN(bounds); i++) {
        const json_t *bound = json_object_get(schema, bounds[i].key);
        const bool exclusive = json_is_true(json_object_get(schema, bounds[i].exclusive));
        const double above = (number - json_number_value(bound)) * bounds[i].sign;
        auto_buf struct buf limit = BUF_INIT, is = BUF_INIT;
        if (!json_is_number(bound) || above > 0 || (above == 0 && !exclusive))
            continue;
        return fail(w, "must be %s %s, is %s",
                    exclusive ? bounds[i].word_exclusive : bounds[i].word, shown(bound, &limit),
                    shown(value, &is));
    }
    return 0;
}

static size_t characters(const json_t *string)
{
    size_t n = 0;

    for (const char *p = json_string_value(string); *p; p++)
        n += ((unsigned char)*p & 0xc0) != 0x80;
    return n;
}

static int check_size(const struct where *w, const json_t *schema, const json_t *value)
{
    const bool text = json_is_string(value);
    const json_t *min = json_object_get(schema, text ? "minLength" : "minItems"),
                 *max = json_object_get(schema, text ? "maxLength" : "maxItems");

    if (!text && !json_is_array(value))
        return 0;
    const size_t size = text ? characters(value) : json_array_size(value);
    const char *what = text ? "characters" : "elements";
    if (json_is_integer(min) && (json_int_t)size < json_integer_value(min))
        return fail(w, "must have at least %" JSON_INTEGER_FORMAT " %s, has %zu",
                    json_integer_value(min), what, size);
    if (json_is_integer(max) && (json_int_t)size > json_integer_value(max))
        return fail(w, "must have at most %" JSON_INTEGER_FORMAT " %s, has %zu",
                    json_integer_value(max), what, size);
    return 0;
}

/* 1 when the text matches somewhere, 0 when not, -1 when the pattern is wrong. Patterns are
 * JavaScript's, as JSON schema has it: `\uhhhh` is a character, `$` is the very end. */
static int matches(const struct where *w, const char *pattern, const char *text, size_t len)
{
    int code = 0;
    PCRE2_SIZE offset;
    pcre2_code *regex =
        pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED,
                      PCRE2_UTF | PCRE2_ALT_BSUX | PCRE2_DOLLAR_ENDONLY, &code, &offset, NULL);

    if (!regex)
        return broken(w, "the schema's pattern '%s' is no regular expression", pattern);
    pcre2_match_data *match = pcre2_match_data_create_from_pattern(regex, NULL);
    const int found = pcre2_match(regex, (PCRE2_SPTR)text, len, 0, 0, match, NULL);
    pcre2_match_data_free(match);
    pcre2_code_free(regex);
    return found >= 0;
}

static int check_pattern(const struct where *w, const json_t *rule, const json_t *value)
{
    const char *pattern = json_string_value(rule);
    auto_buf struct buf is = BUF_INIT;

    if (!pattern)
        return broken(w, "the schema's 'pattern' must be a string");
    const int found = matches(w, pattern, json_string_value(value), json_string_length(value));
    if (found != 0)
        return found < 0 ? -1 : 0;
    return fail(w, "must match the pattern '%s', is %s", pattern, shown(value, &is));
}

const char *schema_nearest_option(const json_t *properties, const char *name)
{
    struct nearest nearest = nearest_to(name);
    const char *key;
    json_t *property;

    json_object_foreach((json_t *)properties, key, property)
    {
        nearest_try(&nearest, key);
    }
    return nearest.found;
}

static int check(const struct where *w, const json_t *schema, const json_t *value);

static struct where inside(const struct where *w, const char *key, size_t index)
{
    struct where at = *w;

    at.up = w;
    at.key = key;
    at.index = index;
    return at;
}

/* ---- keywords of single values ---- */

static int check_multiple(const struct where *w, const json_t *rule, const json_t *value)
{
    auto_buf struct buf step = BUF_INIT, is = BUF_INIT;
    const double times = json_number_value(value) / json_number_value(rule);

    if (!json_is_number(value) || !json_is_number(rule) || json_number_value(rule) <= 0 ||
        fabs(times - round(times)) < 1e-9)
        return 0;
    return fail(w, "must be a multiple of %s, is %s", shown(rule, &step), shown(value, &is));
}

static int check_unique(const struct where *w, const json_t *value)
{
    for (size_t i = 0; i < json_array_size(value); i++) {
        for (size_t j = 0; j < i; j++) {
            auto_buf struct buf is = BUF_INIT;
            if (++w->c->work > SCHEMA_WORK)
                return broken(w, "the schema takes too long to check");
            if (same(json_array_get(value, i), json_array_get(value, j)))
                return fail(w, "elements must differ, %s stands twice",
                            shown(json_array_get(value, i), &is));
        }
    }
    return 0;
}

static int check_scalar(const struct where *w, const json_t *schema, const json_t *value)
{
    const json_t *type = json_object_get(schema, "type"), *words = json_object_get(schema, "enum"),
                 *pattern = json_object_get(schema, "pattern"),
                 *step = json_object_get(schema, "multipleOf");

    if ((type && check_type(w, type, value) < 0) || (words && check_enum(w, words, value) < 0) ||
        check_bounds(w, schema, value) < 0 || check_size(w, schema, value) < 0 ||
        (step && check_multiple(w, step, value) < 0))
        return -1;
    return pattern && json_is_string(value) ? check_pattern(w, pattern, value) : 0;
}

/* ---- objects ---- */

/* Checks a member against each pattern that its name matches; *ret tells whether one did. */
static int check_patterns(const struct where *at, const json_t *patterns, const char *name,
                          const json_t *member, bool *ret)
{
    const char *pattern;
    json_t *rule;

    json_object_foreach((json_t *)patterns, pattern, rule)
    {
        const int found = matches(at, pattern, name, strlen(name));
        if (found < 0)
            return -1;
        if (!found)
            continue;
        *ret = true;
        if (check(at, rule, member) < 0)
            return -1;
    }
    return 0;
}

static int check_member(const struct where *at, const json_t *schema, const char *name,
                        const json_t *member)
{
    const json_t *properties = json_object_get(schema, "properties"),
                 *more = json_object_get(schema, "additionalProperties"),
                 *rule = json_object_get(properties, name);
    bool known = rule != NULL;

    if ((rule && check(at, rule, member) < 0) ||
        check_patterns(at, json_object_get(schema, "patternProperties"), name, member, &known) < 0)
        return -1;
    if (known || !more)
        return 0;
    if (json_is_false(more)) {
        const char *near = schema_nearest_option(properties, name);
        return near ? fail(at, "is no option of this package: did you mean '%s'?", near)
                    : fail(at, "is no option of this package");
    }
    return json_is_object(more) ? check(at, more, member) : 0;
}

static int check_required(const struct where *w, const json_t *names, const json_t *value,
                          const char *wanted_by)
{
    for (size_t i = 0; i < json_array_size(names); i++) {
        const char *name = json_string_value(json_array_get(names, i));
        if (!name || json_object_get(value, name))
            continue;
        return wanted_by ? fail(w, "'%s' wants '%s' too, which has neither a value nor a default",
                                wanted_by, name)
                         : fail(w, "'%s' is required, but has neither a value nor a default", name);
    }
    return 0;
}

static int check_dependencies(const struct where *w, const json_t *rules, const json_t *value)
{
    const char *name;
    json_t *rule;

    json_object_foreach((json_t *)rules, name, rule)
    {
        if (!json_object_get(value, name))
            continue;
        if (json_is_object(rule) ? check(w, rule, value) < 0
                                 : check_required(w, rule, value, name) < 0)
            return -1;
    }
    return 0;
}

static int check_object(const struct where *w, const json_t *schema, const json_t *value)
{
    const json_t *min = json_object_get(schema, "minProperties"),
                 *max = json_object_get(schema, "maxProperties");
    const json_int_t size = (json_int_t)json_object_size(value);
    const char *name;
    json_t *member;

    if (json_is_integer(min) && size < json_integer_value(min))
        return fail(w, "must have at least %" JSON_INTEGER_FORMAT " members, has %zu",
                    json_integer_value(min), (size_t)size);
    if (json_is_integer(max) && size > json_integer_value(max))
        return fail(w, "must have at most %" JSON_INTEGER_FORMAT " members, has %zu",
                    json_integer_value(max), (size_t)size);
    if (check_required(w, json_object_get(schema, "required"), value, NULL) < 0)
        return -1;
    json_object_foreach((json_t *)value, name, member)
    {
        const struct where at = inside(w, name, 0);
        if (check_member(&at, schema, name, member) < 0)
            return -1;
    }
    return check_dependencies(w, json_object_get(schema, "dependencies"), value);
}

/* ---- arrays ---- */

static int check_array(const struct where *w, const json_t *schema, const json_t *value)
{
    const json_t *items = json_object_get(schema, "items"),
                 *more = json_object_get(schema, "additionalItems");
    const size_t n_items = json_array_size(items);

    if (json_is_true(json_object_get(schema, "uniqueItems")) && check_unique(w, value) < 0)
        return -1;
    for (size_t i = 0; i < json_array_size(value); i++) {
        const struct where at = inside(w, NULL, i);
        const json_t *rule = !json_is_array(items) ? items
                             : i < n_items         ? json_array_get(items, i)
                                                   : more;
        if (json_is_false(rule))
            return fail(&at, "is one element too many");
        if (json_is_object(rule) && check(&at, rule, json_array_get(value, i)) < 0)
            return -1;
    }
    return 0;
}

/* ---- alternatives ---- */

/* How many of the schemas the value fits; why not the first that it does not. */
static size_t count_fits(const struct where *w, const json_t *schemas, const json_t *value,
                         struct err *why)
{
    size_t fits = 0;

    for (size_t i = 0; i < json_array_size(schemas); i++) {
        struct err scratch = ERR_INIT;
        struct where quiet = *w;
        quiet.err = &scratch;
        if (check(&quiet, json_array_get(schemas, i), value) == 0)
            fits++;
        else if (!*why->text)
            *why = scratch;
    }
    return fits;
}

static int check_alternatives(const struct where *w, const json_t *schema, const json_t *value)
{
    const json_t *all = json_object_get(schema, "allOf"), *any = json_object_get(schema, "anyOf"),
                 *one = json_object_get(schema, "oneOf"), *not = json_object_get(schema, "not");
    struct err why = ERR_INIT;

    for (size_t i = 0; i < json_array_size(all); i++) {
        if (check(w, json_array_get(all, i), value) < 0)
            return -1;
    }
    if (any && count_fits(w, any, value, &why) == 0)
        return fail(w, "fits none of %zu alternatives, the first says: %s", json_array_size(any),
                    why.text);
    const size_t fits = one ? count_fits(w, one, value, &why) : 1;
    if (fits == 0)
        return fail(w, "fits none of %zu alternatives, the first says: %s", json_array_size(one),
                    why.text);
    if (fits > 1)
        return fail(w, "fits %zu alternatives, must fit one", fits);
    if (not ) {
        struct where quiet = *w;
        quiet.err = &why;
        if (check(&quiet, not, value) == 0)
            return fail(w, "is what the schema excludes");
    }
    return 0;
}

/* Follows `#/a/b` from the top of the whole schema. */
static const json_t *resolve(const struct where *w, const char *ref)
{
    const json_t *at = w->c->schema;
    auto_free char *path = xstrdup(ref + (*ref == '#'));

    if (*ref != '#' || (*path && *path != '/'))
        return NULL;
    for (char *step = path, *next; at && *step; step = next) {
        char *to = ++step, *from = step;
        const size_t len = strcspn(step, "/");
        next = step + len;
        for (; from < next; from++) {
            const bool tilde = from[0] == '~' && (from[1] == '0' || from[1] == '1');
            *to++ = (char)(!tilde ? *from : *++from == '0' ? '~' : '/');
        }
        auto_free char *key = xstrndup(step, (size_t)(to - step));
        at = json_is_array(at) ? json_array_get(at, strtoul(key, NULL, 10))
                               : json_object_get(at, key);
    }
    return at;
}

/* Recurses as deep as schema and value together; references might make that endless. */
static int check(const struct where *w, const json_t *schema, const json_t *value)
{
    struct where at = *w;
    const char *ref = json_string_value(json_object_get(schema, "$ref"));

    if (w->c->broken)
        return -1;
    if (++at.depth > SCHEMA_DEPTH || ++w->c->work > SCHEMA_WORK)
        return broken(w, "the schema takes too long to check");
    if (!json_is_object(schema))
        return broken(w, "the schema is no object here");
    if (ref) {
        const json_t *target = resolve(w, ref);
        return target ? check(&at, target, value)
                      : broken(w, "the schema's reference '%s' leads nowhere inside of it", ref);
    }
    if (check_scalar(&at, schema, value) < 0 ||
        (json_is_object(value) && check_object(&at, schema, value) < 0) ||
        (json_is_array(value) && check_array(&at, schema, value) < 0))
        return -1;
    return check_alternatives(&at, schema, value);
}

int schema_check(const json_t *schema, const json_t *value, struct err *err)
{
    struct checker checker = {.schema = schema, .err = err};
    const struct where root = {.c = &checker, .err = err};

    return check(&root, schema, value) < 0 || checker.broken ? -1 : 0;
}
