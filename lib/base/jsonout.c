/* Writing JSON: numbers, strings, and a walk over the tree in each layout. */
#include "base/json.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

/* ---- numbers ----------------------------------------------------------------------------------
 */

/* The shortest decimal that reads back equal: `digits` without a point, value = 0.digits * 10^exp.
 */
struct decimal {
    char digits[20];
    int count, exp;
    int precision; /* that printf needed: 15, 16 or 17 */
    bool negative;
};

static void shortest(double value, struct decimal *ret)
{
    char text[40];
    /* 15 digits always survive a round trip of a normal number; subnormal ones have fewer. */
    int precision = fabs(value) < DBL_MIN ? 2 : 15;

    for (; precision < 17; precision++) {
        snprintf(text, sizeof text, "%.*e", precision - 1, value);
        if (strtod(text, NULL) == value)
            break;
    }
    if (precision == 17)
        snprintf(text, sizeof text, "%.16e", value);
    *ret = (struct decimal){.negative = text[0] == '-', .precision = precision};
    const char *p = text + ret->negative;
    for (; *p && *p != 'e'; p++) {
        if (*p != '.')
            ret->digits[ret->count++] = *p;
    }
    ret->exp = atoi(p + 1) + 1;
    while (ret->count > 1 && ret->digits[ret->count - 1] == '0')
        ret->count--;
    ret->digits[ret->count] = '\0';
}

/* Digits with a point behind the first `whole` of them, at least one on either side. */
static void add_plain(struct buf *out, const struct decimal *d)
{
    if (d->exp <= 0) {
        buf_adds(out, "0.");
        for (int i = d->exp; i < 0; i++)
            buf_addc(out, '0');
        buf_adds(out, d->digits);
        return;
    }
    for (int i = 0; i < d->exp; i++)
        buf_addc(out, i < d->count ? d->digits[i] : '0');
    buf_addc(out, '.');
    buf_adds(out, d->count > d->exp ? d->digits + d->exp : "0");
}

void json_write_double(struct buf *out, double value, bool java)
{
    struct decimal d;

    if (!isfinite(value)) { /* JSON has no such number */
        buf_adds(out, "null");
        return;
    }
    /* Most are whole and small, and printf is slow. */
    if (value >= 1 && value < 1e7 && value == (uint32_t)value) {
        char digits[16];
        size_t at = sizeof digits;
        for (uint32_t n = (uint32_t)value; n; n /= 10)
            digits[--at] = (char)('0' + n % 10);
        buf_add(out, digits + at, sizeof digits - at);
        buf_add(out, ".0", 2);
        return;
    }
    shortest(value, &d);
    if (d.negative)
        buf_addc(out, '-');
    if (value == 0) {
        buf_adds(out, "0.0");
        return;
    }
    /* Java: plain from 1e-3 to below 1e7 (service-spec 6.1). Else as %g would choose. */
    if (java ? d.exp > -3 && d.exp <= 7 : d.exp > -4 && d.exp <= d.precision) {
        add_plain(out, &d);
    } else if (java) {
        buf_addf(out, "%c.%sE%d", d.digits[0], d.count > 1 ? d.digits + 1 : "0", d.exp - 1);
    } else {
        buf_addc(out, d.digits[0]);
        if (d.count > 1)
            buf_addf(out, ".%s", d.digits + 1);
        buf_addf(out, "e%+03d", d.exp - 1);
    }
}

/* org.json drops the fraction's trailing zeros unless there is an exponent: 2.0 becomes 2. */
static void write_org_double(struct buf *out, double value)
{
    const size_t start = out->len;

    json_write_double(out, value, true);
    if (!strchr(out->data + start, '.') || strchr(out->data + start, 'E'))
        return;
    while (out->data[out->len - 1] == '0')
        out->len--;
    if (out->data[out->len - 1] == '.')
        out->len--;
    out->data[out->len] = '\0';
}

/* ---- strings ----------------------------------------------------------------------------------
 */

/* org.json writes U+0080-U+009F and U+2000-U+20FF as \uXXXX; both start with one of two bytes. */
static size_t org_escape(struct buf *out, const unsigned char *s, size_t left)
{
    if (left >= 2 && s[0] == 0xc2 && s[1] < 0xa0) {
        buf_addf(out, "\\u%04x", s[1]);
        return 2;
    }
    if (left >= 3 && s[0] == 0xe2 && s[1] < 0x84) {
        buf_addf(out, "\\u%04x", 0x2000 | (s[1] & 0x3f) << 6 | (s[2] & 0x3f));
        return 3;
    }
    return 0;
}

static void write_string(struct buf *out, const char *s, size_t len, bool org)
{
    static const char names[] = "btn\0fr"; /* \b is 8, \v has no short form */
    const unsigned char *p = (const unsigned char *)s;
    size_t start = 0;

    buf_addc(out, '"');
    for (size_t i = 0; i < len;) {
        const unsigned char c = p[i];
        bool plain = c >= 0x20 && c != '"' && c != '\\';
        if (plain && (!org || (c != '/' && c != 0xc2 && c != 0xe2))) {
            i++;
            continue;
        }
        buf_add(out, s + start, i - start);
        size_t taken = 1;
        if (c == '"' || c == '\\')
            buf_addf(out, "\\%c", c);
        else if (c >= '\b' && c <= '\r' && names[c - '\b'])
            buf_addf(out, "\\%c", names[c - '\b']);
        else if (c < 0x20)
            buf_addf(out, org ? "\\u%04x" : "\\u%04X", c);
        else if (c == '/') /* so that `</script>` cannot end a script element */
            buf_adds(out, i && p[i - 1] == '<' ? "\\/" : "/");
        else if ((taken = org_escape(out, p + i, len - i)) == 0)
            buf_add(out, s + i, taken = 1);
        i += taken;
        start = i;
    }
    buf_add(out, s + start, len - start);
    buf_addc(out, '"');
}

void json_write_string(struct buf *out, const char *s, size_t len)
{
    write_string(out, s, len, false);
}

/* ---- trees ------------------------------------------------------------------------------------
 */

struct frame {
    const json_t *value;
    void *iter;      /* objects: next member */
    size_t index;    /* members written */
    unsigned indent; /* of the members, in levels */
    bool inline_;    /* ORG: the only member, on the same line */
};

struct writer {
    struct buf *out;
    enum json_layout layout;
    struct frame *frames; /* a stack of its own: depth is foreign */
    size_t depth, room;
};

static bool is_compact(const struct writer *w)
{
    return w->layout == JSON_LAYOUT_COMPACT || w->layout == JSON_LAYOUT_JAVA;
}

static size_t members(const json_t *value)
{
    return json_is_object(value) ? json_object_size(value) : json_array_size(value);
}

static void newline(struct writer *w, unsigned indent)
{
    buf_addc(w->out, '\n');
    buf_reserve(w->out, (size_t)indent * 2);
    for (unsigned i = 0; i < indent; i++)
        buf_add(w->out, "  ", 2);
}

static void open_value(struct writer *w, const json_t *value)
{
    const struct frame *up = w->depth ? &w->frames[w->depth - 1] : NULL;
    const bool object = json_is_object(value);
    struct frame f = {.value = value};

    buf_addc(w->out, object ? '{' : '[');
    f.iter = object ? json_object_iter((json_t *)value) : NULL;
    f.inline_ = w->layout == JSON_LAYOUT_ORG && members(value) == 1;
    f.indent = up ? up->indent : 0;
    /* Arrays of the SPEC layout stay on their line and add no level; nor do single members of ORG.
     */
    if (!f.inline_ && (object || w->layout != JSON_LAYOUT_SPEC))
        f.indent++;
    if (w->depth == w->room) {
        w->room = w->room ? w->room * 2 : 16;
        w->frames = xreallocarray(w->frames, w->room, sizeof *w->frames);
    }
    w->frames[w->depth++] = f;
}

static void close_value(struct writer *w)
{
    const struct frame *f = &w->frames[w->depth - 1];
    const bool object = json_is_object(f->value);

    if (w->layout == JSON_LAYOUT_SPEC && (!object || !f->index))
        buf_addc(w->out, ' ');
    else if (!is_compact(w) && f->index && !f->inline_)
        newline(w, f->indent - 1);
    buf_addc(w->out, object ? '}' : ']');
    w->depth--;
}

/* What stands before a member: comma, line, key. */
static void lead_in(struct writer *w, struct frame *f)
{
    const bool object = json_is_object(f->value);

    if (f->index)
        buf_addc(w->out, ',');
    if (w->layout == JSON_LAYOUT_SPEC && !object)
        buf_addc(w->out, ' ');
    else if (!is_compact(w) && !f->inline_)
        newline(w, f->indent);
    if (object) {
        write_string(w->out, json_object_iter_key(f->iter), json_object_iter_key_len(f->iter),
                     w->layout == JSON_LAYOUT_ORG);
        buf_adds(w->out, is_compact(w) ? ":" : w->layout == JSON_LAYOUT_SPEC ? " : " : ": ");
    }
}

static void write_scalar(struct writer *w, const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_STRING:
        write_string(w->out, json_string_value(value), json_string_length(value),
                     w->layout == JSON_LAYOUT_ORG);
        break;
    case JSON_INTEGER:
        buf_addf(w->out, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        break;
    case JSON_REAL:
        if (w->layout == JSON_LAYOUT_ORG)
            write_org_double(w->out, json_real_value(value));
        else
            json_write_double(w->out, json_real_value(value),
                              w->layout == JSON_LAYOUT_SPEC || w->layout == JSON_LAYOUT_JAVA);
        break;
    case JSON_TRUE:
        buf_adds(w->out, "true");
        break;
    case JSON_FALSE:
        buf_adds(w->out, "false");
        break;
    case JSON_NULL:
    case JSON_OBJECT:
    case JSON_ARRAY:
        buf_adds(w->out, "null");
        break;
    }
}

static void write_value(struct writer *w, const json_t *value)
{
    if (json_is_object(value) || json_is_array(value))
        open_value(w, value);
    else
        write_scalar(w, value);
}

void json_write(struct buf *out, const json_t *value, enum json_layout layout)
{
    struct writer w = {.out = out, .layout = layout};

    write_value(&w, value);
    while (w.depth) {
        struct frame *f = &w.frames[w.depth - 1];
        if (f->index == members(f->value)) {
            close_value(&w);
            continue;
        }
        const json_t *next;
        lead_in(&w, f);
        if (json_is_object(f->value)) {
            next = json_object_iter_value(f->iter);
            f->iter = json_object_iter_next((json_t *)f->value, f->iter);
        } else {
            next = json_array_get(f->value, f->index);
        }
        f->index++;
        write_value(&w, next);
    }
    free(w.frames);
}
