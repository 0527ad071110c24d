#include "spec/emit.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- text: see service-spec 6.1 ---- */

static void add_indent(struct buf *out, int levels)
{
    static const char blanks[] = "                                                                ";

    for (int left = levels * 2; left > 0; left -= (int)sizeof blanks - 1)
        buf_add(out, blanks, left < (int)sizeof blanks - 1 ? (size_t)left : sizeof blanks - 1);
}

/* Comma, line, key. Only objects indent what is in them. */
static void lead_in(struct emit *e, const char *key)
{
    struct buf *out = e->text;
    const int top = e->depth - 1;

    if (top < 0)
        return;
    if (e->begun[top])
        buf_addc(out, ',');
    e->begun[top] = true;
    if (e->is_array[top]) {
        buf_addc(out, ' ');
        return;
    }
    buf_addc(out, '\n');
    add_indent(out, e->objects);
    json_write_string(out, key, strlen(key));
    buf_add(out, " : ", 3);
}

static void close_text(struct emit *e)
{
    const int top = e->depth - 1;

    if (!e->is_array[top])
        e->objects--;
    if (e->is_array[top] || !e->begun[top]) {
        buf_addc(e->text, ' ');
    } else {
        buf_addc(e->text, '\n');
        add_indent(e->text, e->objects);
    }
    buf_addc(e->text, e->is_array[top] ? ']' : '}');
}

/* ---- tree ---- */

static void add_value(struct emit *e, const char *key, json_t *stolen)
{
    json_t *up = e->depth ? e->open[e->depth - 1] : NULL;

    if (!up)
        e->root = stolen;
    else if (e->is_array[e->depth - 1])
        json_push(up, stolen);
    else
        json_set(up, key, stolen);
}

/* ---- both ---- */

static void begin(struct emit *e, const char *key, bool is_array)
{
    if (e->depth == EMIT_DEPTH)
        abort(); /* the parsers bound what can nest */
    if (e->text) {
        lead_in(e, key);
        buf_addc(e->text, is_array ? '[' : '{');
        e->objects += !is_array;
    } else {
        json_t *value = is_array ? json_array() : json_object();
        add_value(e, key, value);
        e->open[e->depth] = value;
    }
    e->is_array[e->depth] = is_array;
    e->begun[e->depth++] = false;
}

void emit_object(struct emit *e, const char *key)
{
    begin(e, key, false);
}

void emit_array(struct emit *e, const char *key)
{
    begin(e, key, true);
}

void emit_end(struct emit *e)
{
    if (e->text)
        close_text(e);
    e->depth--;
}

void emit_text(struct emit *e, const char *key, const char *value)
{
    if (!value) {
        emit_null(e, key);
    } else if (e->text) {
        lead_in(e, key);
        json_write_string(e->text, value, strlen(value));
    } else {
        add_value(e, key, json_string(value));
    }
}

void emit_int(struct emit *e, const char *key, int64_t value)
{
    if (e->text) {
        lead_in(e, key);
        buf_addf(e->text, "%" PRId64, value);
    } else {
        add_value(e, key, json_integer(value));
    }
}

void emit_int_or_null(struct emit *e, const char *key, const int64_t *value)
{
    if (value)
        emit_int(e, key, *value);
    else
        emit_null(e, key);
}

void emit_real(struct emit *e, const char *key, double value)
{
    if (e->text) {
        lead_in(e, key);
        json_write_double(e->text, value, true);
    } else {
        add_value(e, key, json_real(value));
    }
}

static void word(struct emit *e, const char *key, const char *text, json_t *stolen)
{
    if (e->text) {
        lead_in(e, key);
        buf_adds(e->text, text);
    } else {
        add_value(e, key, stolen);
    }
}

void emit_bool(struct emit *e, const char *key, bool value)
{
    word(e, key, value ? "true" : "false", json_boolean(value)); /* has no count of its users */
}

void emit_null(struct emit *e, const char *key)
{
    word(e, key, "null", json_null());
}

void emit_strings(struct emit *e, const char *key, const struct strings *strings)
{
    emit_array(e, key);
    for (size_t i = 0; i < strings->count; i++)
        emit_text(e, NULL, strings->items[i]);
    emit_end(e);
}

void emit_pairs(struct emit *e, const char *key, const struct pairs *pairs)
{
    emit_object(e, key);
    for (size_t i = 0; i < pairs->count; i++)
        emit_text(e, pairs->items[i].key, pairs->items[i].value);
    emit_end(e);
}
