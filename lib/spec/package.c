#include "spec/package.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

/* ---- options ---- */

json_t *package_defaults(const json_t *config)
{
    json_t *defaults = json_object();
    const char *name;
    json_t *property;

    json_object_foreach(json_object_get(config, "properties"), name, property)
    {
        const json_t *own = json_object_get(property, "default");
        json_auto json_t *below = own ? json_deep_copy(own) : package_defaults(property);
        if (own || json_object_size(below))
            json_set(defaults, name, json_incref(below));
    }
    return defaults;
}

/* Objects member by member, anything else whole. */
static void merge(json_t *target, const json_t *source)
{
    const char *name;
    json_t *value;

    json_object_foreach((json_t *)source, name, value)
    {
        json_t *old = json_object_get(target, name);
        if (json_is_object(old) && json_is_object(value))
            merge(old, value);
        else
            json_set(target, name, json_deep_copy(value));
    }
}

/* Options that no property describes. */
static void find_unknown(const json_t *schema, const json_t *value, const char *path,
                         struct arena *arena, struct strings *unknown)
{
    const json_t *properties = json_object_get(schema, "properties");
    const char *name;
    json_t *member;

    if (!properties)
        return;
    json_object_foreach((json_t *)value, name, member)
    {
        const json_t *property = json_object_get(properties, name);
        const char *here = arena_printf(arena, "%s/%s", path, name);
        const char *near = property ? NULL : schema_nearest_option(properties, name);
        if (!property)
            *ARENA_PUSH(arena, unknown->items, unknown->count) =
                near ? arena_printf(arena, "%s: the package has no such option: did you mean '%s'?",
                                    here, near)
                     : arena_printf(arena, "%s: the package has no such option", here);
        else if (json_is_object(member))
            find_unknown(property, member, here, arena, unknown);
    }
}

json_t *package_options(const json_t *config, const json_t *user, struct arena *arena,
                        struct strings *unknown, struct err *err)
{
    if (user && !json_is_object(user)) {
        err_set(err, EXIT_INPUT, "options must be a JSON object");
        return NULL;
    }
    if (!config) {
        if (!json_object_size(user))
            return json_object();
        err_set(err, EXIT_INPUT, "the package has no config.json: it takes no options");
        return NULL;
    }
    json_t *options = package_defaults(config);
    if (user)
        merge(options, user);
    if (json_object_size(options) && schema_check(config, options, err) < 0) {
        json_decref(options);
        return NULL;
    }
    if (user && unknown)
        find_unknown(config, user, "", arena, unknown);
    return options;
}

/* ---- template ---- */

/* Where the token that ends at `end` begins: that of a string is its first quote. */
static size_t token_start(const char *text, size_t end)
{
    size_t at = end ? end - 1 : 0;

    if (text[at] != '"')
        return at;
    while (at > 0 && (text[at - 1] != '"' || (at > 1 && text[at - 2] == '\\')))
        at--;
    return at ? at - 1 : 0;
}

static json_t *parse_app(const struct package_input *in, const struct buf *text,
                         const struct mustache_result *rendering, bool *ret_duplicates,
                         struct err *err)
{
    json_error_t problem;
    json_t *app = json_loadb(buf_str(text), text->len, 0, &problem);
    size_t line, column;

    if (app) {
        json_auto json_t *strict =
            json_loadb(buf_str(text), text->len, JSON_REJECT_DUPLICATES, NULL);
        *ret_duplicates = !strict;
        return app;
    }
    /* A missing comma is behind the token before the one that the parser stopped at. */
    const size_t end = problem.position > 0 ? (size_t)problem.position : 0;
    size_t at = token_start(buf_str(text), end < text->len ? end : text->len);
    size_t before = at, line_before, column_before;
    while (before > 0 && strchr(" \t\r\n", buf_str(text)[before - 1]))
        before--;
    mustache_locate(rendering, at, &line, &column);
    mustache_locate(rendering, before ? before - 1 : 0, &line_before, &column_before);
    err_set(err, EXIT_INPUT,
            "%s:%zu:%zu: the rendered text is not JSON: %s (what stands before ends at %zu:%zu)",
            in->file, line, column, problem.text, line_before, column_before);
    return NULL;
}

static int check_app(const struct package_input *in, const json_t *app, struct err *err)
{
    const char *name;
    json_t *label;

    if (!json_is_object(app))
        return err_set(err, EXIT_INPUT, "%s: the rendered text is not a JSON object", in->file);
    json_object_foreach(json_object_get(app, "labels"), name, label)
    {
        if (!json_is_string(label))
            return err_set(err, EXIT_INPUT, "%s: label '%s' is not a string", in->file, name);
    }
    return 0;
}

/* A string as it stands in JSON, without the quotes: that is why `"X": "{{option}}"` yields valid
 * JSON. In an array it keeps them, so that `{{array}}` is one. */
static json_t *encoded_string(const json_t *value, bool quotes)
{
    auto_buf struct buf text = BUF_INIT;

    json_write(&text, value, JSON_LAYOUT_COMPACT);
    return quotes ? json_stringn(text.data, text.len) : json_stringn(text.data + 1, text.len - 2);
}

/* Adds a whole number in full: its shortest decimal digits, then zeros. */
static void add_whole(struct buf *out, double number)
{
    char text[40];
    int digits = 1;

    do
        snprintf(text, sizeof text, "%.*e", digits - 1, number);
    while (strtod(text, NULL) != number && digits++ < 17);
    long zeros = strtol(strchr(text, 'e') + 1, NULL, 10) - (digits - 1);
    for (const char *p = text; *p != 'e'; p++) {
        if (*p != '.')
            buf_addc(out, *p);
    }
    while (zeros-- > 0)
        buf_addc(out, '0');
}

/* Whole numbers in full, others as a Java double. A text prints as it is. */
static json_t *number_text(double number)
{
    auto_buf struct buf text = BUF_INIT;

    if (number == 0)
        buf_addc(&text, '0');
    else if (number == floor(number))
        add_whole(&text, number);
    else
        json_write_double(&text, number, true);
    return json_string(buf_str(&text));
}

/* The depth is that of parsed JSON. */
static json_t *template_value(const json_t *value, bool in_array, bool exact_numbers)
{
    const char *name;
    json_t *member;
    size_t i;

    if (json_is_object(value)) {
        json_t *object = json_object();
        json_object_foreach((json_t *)value, name, member)
        {
            json_set(object, name, template_value(member, false, exact_numbers));
        }
        return object;
    }
    if (json_is_array(value)) {
        json_t *array = json_array();
        json_array_foreach(value, i, member)
        {
            json_push(array, template_value(member, true, exact_numbers));
        }
        return array;
    }
    if (json_is_string(value))
        return encoded_string(value, in_array);
    return json_is_real(value) && !exact_numbers ? number_text(json_real_value(value))
                                                 : json_deep_copy(value);
}

json_t *package_values(const json_t *options, bool exact_numbers)
{
    return template_value(options, false, exact_numbers);
}

json_t *package_app(const struct package_input *in, struct mustache_result *rendering,
                    bool *ret_duplicates, struct err *err)
{
    auto_buf struct buf text = BUF_INIT;
    json_auto json_t *all = json_deep_copy(in->options);
    json_auto json_t *resource = json_object();

    *ret_duplicates = false;
    if (in->resource) {
        json_set(resource, "resource", json_deep_copy(in->resource));
        merge(all, resource);
    }
    json_auto json_t *values = package_values(all, in->exact_numbers);
    if (mustache_render(&mustache_package, in->template, in->len, in->file, values, &text,
                        rendering, err) < 0)
        return NULL;
    json_t *app = parse_app(in, &text, rendering, ret_duplicates, err);
    if (app && check_app(in, app, err) < 0) {
        json_decref(app);
        return NULL;
    }
    return app;
}
