/* What the three programs do differently; the engine is in mustache.c. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "spec/blank.h"
#include "spec/mustache.h"

static void write_raw(struct buf *out, const char *text, size_t len)
{
    buf_add(out, text, len);
}

/* HTML escaping with more characters than most: see service-spec 2.2. */
static void escape_scheduler(struct buf *out, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        const unsigned char c = (unsigned char)text[i];
        switch (c) {
        case '&':
            buf_adds(out, "&amp;");
            break;
        case '<':
            buf_adds(out, "&lt;");
            break;
        case '>':
            buf_adds(out, "&gt;");
            break;
        case '"':
            buf_adds(out, "&quot;");
            break;
        case '\'':
        case '=':
        case '`':
            buf_addf(out, "&#%d;", c);
            break;
        default:
            if (c <= 13)
                buf_addf(out, "&#%d;", c);
            else
                buf_addc(out, (char)c);
        }
    }
}

/* See service-spec 4.4. */
static void escape_bootstrap(struct buf *out, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        switch (text[i]) {
        case '"':
            buf_adds(out, "&#34;");
            break;
        case '\'':
            buf_adds(out, "&#39;");
            break;
        case '&':
            buf_adds(out, "&amp;");
            break;
        case '<':
            buf_adds(out, "&lt;");
            break;
        case '>':
            buf_adds(out, "&gt;");
            break;
        case '\0':
            buf_adds(out, "\xef\xbf\xbd");
            break;
        default:
            buf_addc(out, text[i]);
        }
    }
}

/* `0`, `no` and a blank are true (2.1). */
static bool truth_java(const json_t *value)
{
    switch (value ? json_typeof(value) : JSON_NULL) {
    case JSON_NULL:
    case JSON_FALSE:
        return false;
    case JSON_STRING:
        return json_string_length(value) > 0;
    case JSON_ARRAY:
        return json_array_size(value) > 0;
    default:
        return true;
    }
}

static bool truth_bootstrap(const json_t *value)
{
    const char *text = json_string_value(value);

    return text ? !blank_go(text) && strcasecmp(text, "false") != 0 : truth_java(value);
}

const struct mustache_dialect mustache_scheduler = {
    .name = "scheduler",
    .lines = MUSTACHE_LINES_JAVA,
    .escaped = escape_scheduler,
    .raw = write_raw,
    .truth = truth_java,
};

const struct mustache_dialect mustache_package = {
    .name = "package",
    .lines = MUSTACHE_LINES_JAVA,
    .escaped = write_raw,
    .raw = write_raw,
    .truth = truth_java,
};

const struct mustache_dialect mustache_bootstrap = {
    .name = "bootstrap",
    .lines = MUSTACHE_LINES_STANDARD,
    .paths_only = true,
    .escaped = escape_bootstrap,
    .raw = write_raw,
    .truth = truth_bootstrap,
};

/* Environments may hold any bytes; JSON strings only UTF-8. As Java does, what is not UTF-8 becomes
 * U+FFFD. */
static json_t *any_string(const char *text)
{
    json_t *value = json_string(text);

    if (value)
        return value;
    auto_buf struct buf clean = BUF_INIT;
    for (const char *p = text; *p;) {
        size_t n = 1;
        json_t *one = NULL;
        for (; n <= 4 && strnlen(p, n) == n && !one; n++)
            one = json_stringn(p, n);
        if (one)
            buf_add(&clean, p, n - 1);
        else
            buf_adds(&clean, "\xef\xbf\xbd");
        p += one ? n - 1 : 1;
        json_decref(one);
    }
    return json_string(buf_str(&clean));
}

json_t *mustache_scheduler_value(const char *text)
{
    if (strcasecmp(text, "true") == 0)
        return json_true();
    if (strcasecmp(text, "false") == 0)
        return json_false();
    return any_string(text);
}

json_t *mustache_bootstrap_value(const char *text)
{
    if (strcasecmp(text, "false") == 0)
        return json_false();
    return any_string(text);
}
