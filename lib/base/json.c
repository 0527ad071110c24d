#include "base/json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/io.h"
#include "base/text.h"

void cleanup_json_fn(json_t **json)
{
    json_decref(*json);
}

/* ---- reading ----------------------------------------------------------------------------------
 */

/* Brackets outside strings, so that depth is refused with its position before the parser recurses.
 */
static int check_depth(const char *text, size_t len, const char *source, struct err *err)
{
    size_t depth = 0, line = 1, column = 0;
    bool in_string = false;

    for (size_t i = 0; i < len; i++) {
        const unsigned char c = (unsigned char)text[i];
        if (c == '\n') {
            line++;
            column = 0;
        } else if ((c & 0xc0) != 0x80) {
            column++;
        }
        if (in_string) {
            if (c == '\\' && i + 1 < len && text[i + 1] != '\n') {
                i++;
                column++;
            } else if (c == '"') {
                in_string = false;
            }
        } else if (c == '"') {
            in_string = true;
        } else if (c == '[' || c == '{') {
            if (++depth > JSON_DEPTH)
                return err_set(err, EXIT_INPUT, "%s:%zu:%zu: nested deeper than %d levels", source,
                               line, column, JSON_DEPTH);
        } else if ((c == ']' || c == '}') && depth) {
            depth--;
        }
    }
    return 0;
}

static bool is_blank(const char *text, size_t len)
{
    return strspn(text, " \t\r\n") >= len;
}

static json_t *parse(const char *text, size_t len, size_t flags, const char *source,
                     struct err *err)
{
    json_error_t jerr;

    if (len > JSON_BYTES) {
        err_set(err, EXIT_INPUT, "%s: more than %d bytes", source, JSON_BYTES);
        return NULL;
    }
    if (check_depth(text, len, source, err) < 0)
        return NULL;
    json_t *value = json_loadb(text, len, flags | JSON_DECODE_ANY, &jerr);
    if (value)
        return value;
    auto_free char *copy = xstrndup(text, len);
    const char *what = is_blank(copy, len) ? "no JSON value: the input is empty" : jerr.text;
    err_set(err, EXIT_INPUT, "%s:%d:%d: %s", source, jerr.line < 1 ? 1 : jerr.line,
            jerr.column < 1 ? 1 : jerr.column, what);
    return NULL;
}

json_t *json_parse(const char *text, size_t len, const char *source, struct err *err)
{
    return parse(text, len, JSON_REJECT_DUPLICATES, source, err);
}

json_t *json_parse_last(const char *text, size_t len, const char *source, struct err *err)
{
    return parse(text, len, 0, source, err);
}

json_t *json_read_file(const char *path, struct err *err)
{
    auto_buf struct buf text = BUF_INIT;

    if (io_read_file(path, JSON_BYTES, &text, err) < 0)
        return NULL;
    return json_parse(buf_str(&text), text.len, strcmp(path, "-") ? path : "standard input", err);
}

/* ---- members ----------------------------------------------------------------------------------
 */

const char *json_type_name(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "an array";
    case JSON_STRING:
        return "a string";
    case JSON_INTEGER:
        return "an integer";
    case JSON_REAL:
        return "a number";
    case JSON_TRUE:
    case JSON_FALSE:
        return "a boolean";
    case JSON_NULL:
        break;
    }
    return "null";
}

static int wrong_type(const json_t *value, const char *key, const char *what, const char *wanted,
                      struct err *err)
{
    return err_set(err, EXIT_INPUT, "%s: '%s' must be %s, not %s", what, key, wanted,
                   json_type_name(value));
}

/* NULL when absent or null. */
static const json_t *member(const json_t *obj, const char *key)
{
    const json_t *value = json_object_get(obj, key);

    return json_is_null(value) ? NULL : value;
}

int json_get_string_opt(const json_t *obj, const char *key, const char *what, const char **ret,
                        struct err *err)
{
    const json_t *value = member(obj, key);

    if (!value)
        return 0;
    if (!json_is_string(value))
        return wrong_type(value, key, what, "a string", err);
    *ret = json_string_value(value);
    return 0;
}

int json_get_string(const json_t *obj, const char *key, const char *what, const char **ret,
                    struct err *err)
{
    if (!member(obj, key))
        return err_set(err, EXIT_INPUT, "%s: '%s' is missing", what, key);
    return json_get_string_opt(obj, key, what, ret, err);
}

int json_get_int_opt(const json_t *obj, const char *key, const char *what, int64_t *ret,
                     struct err *err)
{
    const json_t *value = member(obj, key);
    const double exact = 9007199254740992.0; /* 2^53: beyond it a double skips integers */

    if (!value)
        return 0;
    if (json_is_integer(value)) {
        *ret = json_integer_value(value);
        return 0;
    }
    if (json_is_real(value)) {
        double real = json_real_value(value);
        if (real >= -exact && real <= exact && (double)(int64_t)real == real) {
            *ret = (int64_t)real;
            return 0;
        }
    }
    return wrong_type(value, key, what, "an integer", err);
}

int json_get_double_opt(const json_t *obj, const char *key, const char *what, double *ret,
                        struct err *err)
{
    const json_t *value = member(obj, key);

    if (!value)
        return 0;
    if (!json_is_number(value))
        return wrong_type(value, key, what, "a number", err);
    *ret = json_number_value(value);
    return 0;
}

int json_get_bool_opt(const json_t *obj, const char *key, const char *what, bool *ret,
                      struct err *err)
{
    const json_t *value = member(obj, key);

    if (!value)
        return 0;
    if (!json_is_boolean(value))
        return wrong_type(value, key, what, "a boolean", err);
    *ret = json_is_true(value);
    return 0;
}

/* ---- building ---------------------------------------------------------------------------------
 */

static void die(const char *what)
{
    auto_buf struct buf line = BUF_INIT;

    buf_addf(&line, "cannot build a JSON value: %s: out of memory or not UTF-8\n", what);
    if (io_write_all(STDERR_FILENO, line.data, line.len) < 0)
        _exit(EXIT_BUG);
    _exit(EXIT_BUG);
}

void json_set(json_t *obj, const char *key, json_t *stolen)
{
    if (json_object_set_new(obj, key, stolen) < 0)
        die(key);
}

void json_push(json_t *array, json_t *stolen)
{
    if (json_array_append_new(array, stolen) < 0)
        die("array element");
}

json_t *json_text(const char *s, size_t len)
{
    auto_buf struct buf clean = BUF_INIT;

    buf_reserve(&clean, len);
    for (size_t i = 0; i < len;) {
        size_t n = text_utf8_sequence((const unsigned char *)s + i, len - i);
        if (n)
            buf_add(&clean, s + i, n);
        else
            buf_adds(&clean, "\xef\xbf\xbd");
        i += n ? n : 1;
    }
    json_t *value = json_stringn(buf_str(&clean), clean.len);
    if (!value)
        die("string");
    return value;
}

static int by_key(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

json_t *json_sorted(const json_t *object)
{
    auto_free const char **keys = xcalloc(json_object_size(object) + 1, sizeof *keys);
    json_t *result = json_object(), *value;
    const char *key;
    size_t n = 0;

    json_object_foreach((json_t *)object, key, value) keys[n++] = key;
    qsort(keys, n, sizeof *keys, by_key);
    for (size_t i = 0; i < n; i++)
        json_set(result, keys[i], json_incref(json_object_get(object, keys[i])));
    return result;
}
