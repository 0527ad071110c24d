/* The engine: one pass turns the template into a flat list of nodes, sections knowing where they
 * end; one pass runs the list with a stack of open sections. Neither recurses. */
#include "spec/mustache.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"

enum node_kind { NODE_TEXT, NODE_VALUE, NODE_OPEN, NODE_CLOSE };
/* There are many, of a template whose size is bounded: small ones cost less than parsing. */
struct node {
    enum node_kind kind : 8;
    bool raw;      /* NODE_VALUE: not escaped */
    bool inverted; /* NODE_OPEN */
    uint32_t at;   /* byte offset in the template: of the text, or of the tag */
    const char *text;
    uint32_t len;           /* NODE_TEXT: length of the text; else of the name */
    uint32_t line, line_at; /* its line and where that begins */
    uint32_t match;         /* NODE_OPEN: index of its close, NODE_CLOSE: of its open */
};

/* A delimiter. */
struct mark {
    const char *text;
    size_t len;
};

/* One open section while parsing; level 0 is the template itself. Blanks and line ends around tags
 * are judged by what was seen since the line, or the section, began. */
struct level {
    size_t open;        /* index of the NODE_OPEN */
    size_t before;      /* index of the text before it, to be dropped, or SIZE_MAX */
    size_t lines;       /* line ends in text seen when it opened */
    bool blank_so_far;  /* only blanks on this line, tags not counting */
    bool eat_line_end;  /* a section tag stood on this line */
    bool at_line_start; /* no tag on this line yet */
    bool saw_cr;        /* Java: a carriage return waits for its line end */
    struct mark open_mark, close_mark;
};

struct parser {
    const struct mustache_dialect *dialect;
    const char *text, *file;
    size_t len, pos;
    size_t lines;         /* line ends in text */
    size_t line, line_at; /* present line, and where it begins */
    struct arena *arena;
    struct node *nodes;
    size_t n_nodes;
    struct level *levels;
    size_t depth; /* index of the present level */
    struct mustache_result *result;
    struct err *err;
};

void text_position(const char *text, size_t len, size_t offset, size_t *ret_line,
                   size_t *ret_column)
{
    size_t line = 1, column = 1;

    for (size_t i = 0; i < offset && i < len; i++) {
        if (text[i] == '\n') {
            line++;
            column = 1;
        } else if (((unsigned char)text[i] & 0xc0) != 0x80) {
            column++;
        }
    }
    *ret_line = line;
    *ret_column = column;
}

static int fail_at(const struct parser *p, size_t at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static int fail_at(const struct parser *p, size_t at, const char *format, ...)
{
    size_t line, column;
    va_list args;

    va_start(args, format);
    auto_free char *what = xvasprintf(format, args);
    va_end(args);
    text_position(p->text, p->len, at, &line, &column);
    return err_set(p->err, EXIT_INPUT, "%s:%zu:%zu: %s", p->file, line, column, what);
}

enum { NOTES_KEPT = 10000 };

static void add_note(struct mustache_result *result, enum mustache_note_kind kind,
                     const struct node *node)
{
    size_t line;

    if (result->n_notes == NOTES_KEPT)
        return;
    struct mustache_note *note = ARENA_PUSH(&result->arena, result->notes, result->n_notes);
    note->kind = kind;
    note->name = arena_strndup(&result->arena, node->text, node->len);
    note->line = node->line;
    text_position(result->template + node->line_at, result->template_len - node->line_at,
                  node->at - node->line_at, &line, &note->column);
}

/* ---- parsing ---- */

static struct node *add_node(struct parser *p, enum node_kind kind, size_t at)
{
    struct node *node = ARENA_PUSH(p->arena, p->nodes, p->n_nodes);

    node->kind = kind;
    node->at = at;
    node->line = p->line;
    node->line_at = p->line_at;
    return node;
}

static void add_text(struct parser *p, size_t from, size_t to)
{
    if (to <= from)
        return;
    struct node *node = add_node(p, NODE_TEXT, from);
    node->text = p->text + from;
    node->len = to - from;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static void trim(const char **text, size_t *len)
{
    while (*len && (unsigned char)(*text)[0] <= ' ') {
        ++*text;
        --*len;
    }
    while (*len && (unsigned char)(*text)[*len - 1] <= ' ')
        --*len;
}

static bool starts_with(const struct parser *p, size_t pos, struct mark mark)
{
    /* Asked for each character: most differ in the first. */
    return p->len - pos >= mark.len && p->text[pos] == *mark.text &&
           memcmp(p->text + pos, mark.text, mark.len) == 0;
}

static int push_level(struct parser *p, size_t tag_at, size_t before, struct level parent)
{
    if (p->depth + 1 >= MUSTACHE_DEPTH)
        return fail_at(p, tag_at, "sections are nested more than %d deep", MUSTACHE_DEPTH);
    struct level *level = &p->levels[++p->depth];
    *level = parent;
    level->open = p->n_nodes - 1;
    level->before = before;
    level->lines = p->lines;
    level->blank_so_far = true;
    level->eat_line_end = true;
    level->at_line_start = parent.at_line_start && parent.blank_so_far;
    level->saw_cr = false;
    return 0;
}

static int open_section(struct parser *p, size_t tag_at, size_t text_from, const char *name,
                        size_t len, bool inverted)
{
    struct level *level = &p->levels[p->depth];
    size_t before = SIZE_MAX;

    if (len == 0)
        return fail_at(p, tag_at, "the section tag has no name");
    if (text_from < tag_at) {
        add_text(p, text_from, tag_at);
        /* Blanks before a section of several lines go; that is known at its end. */
        if (level->blank_so_far)
            before = p->n_nodes - 1;
    }
    struct node *node = add_node(p, NODE_OPEN, tag_at);
    node->text = name;
    node->len = len;
    node->inverted = inverted;
    const struct level parent = *level;
    level->at_line_start = level->at_line_start && level->blank_so_far;
    return push_level(p, tag_at, before, parent);
}

static int close_section(struct parser *p, size_t tag_at, size_t text_from, const char *name,
                         size_t len)
{
    if (p->depth == 0)
        return fail_at(p, tag_at, "{{/%.*s}} closes a section, but none is open", (int)len, name);
    const struct level closed = p->levels[p->depth];
    const struct node open = p->nodes[closed.open];
    if (open.len != len || memcmp(open.text, name, len) != 0) {
        size_t line, column;
        text_position(p->text, p->len, open.at, &line, &column);
        return fail_at(p, tag_at, "{{/%.*s}} does not close the section '%.*s' of line %zu",
                       (int)len, name, (int)open.len, open.text, line);
    }
    if (p->dialect->lines == MUSTACHE_LINES_STANDARD || !closed.at_line_start ||
        !closed.blank_so_far)
        add_text(p, text_from, tag_at);
    struct node *node = add_node(p, NODE_CLOSE, tag_at);
    node->text = open.text;
    node->len = open.len;
    node->match = closed.open;
    p->nodes[closed.open].match = p->n_nodes - 1;
    struct level *level = &p->levels[--p->depth];
    const bool several_lines = p->lines != closed.lines;
    if (p->dialect->lines == MUSTACHE_LINES_STANDARD) {
        /* Delimiters are the template's, not the section's. */
        level->open_mark = closed.open_mark;
        level->close_mark = closed.close_mark;
        return 0;
    }
    if (several_lines && closed.before != SIZE_MAX)
        p->nodes[closed.before].len = 0;
    level->eat_line_end = several_lines;
    level->at_line_start = false;
    return 0;
}

static struct mark new_mark(struct parser *p, const char *text, size_t len)
{
    return (struct mark){arena_strndup(p->arena, text, len), len};
}

/* body: what stands behind the first `=`, as in `<% %>=`. Blanks count for nothing; one or two
 * characters each. */
static int set_delimiters_java(struct parser *p, size_t tag_at, const char *body, size_t len)
{
    struct level *level = &p->levels[p->depth];
    char marks[5];
    size_t n = 0;

    if (len == 0 || body[len - 1] != '=')
        return fail_at(p, tag_at, "a tag that sets delimiters ends with '=': {{=<%% %%>=}}");
    for (size_t i = 0; i + 1 < len; i++) {
        if ((unsigned char)body[i] <= ' ')
            continue;
        if (n == 4)
            return fail_at(p, tag_at, "delimiters are one or two characters each");
        marks[n++] = body[i];
    }
    if (n != 2 && n != 4)
        return fail_at(p, tag_at, "delimiters are one or two characters each");
    level->open_mark = new_mark(p, marks, n / 2);
    level->close_mark = new_mark(p, marks + n / 2, n / 2);
    return 0;
}

/* Any text up to the first blank, and any behind it; a single word changes nothing. */
static int set_delimiters_standard(struct parser *p, size_t tag_at, const char *body, size_t len)
{
    struct level *level = &p->levels[p->depth];

    if (len == 0 || body[len - 1] != '=')
        return fail_at(p, tag_at, "a tag that sets delimiters ends with '=': {{=<%% %%>=}}");
    len--;
    trim(&body, &len);
    const char *blank = memchr(body, ' ', len);
    if (!blank)
        return 0;
    level->open_mark = new_mark(p, body, (size_t)(blank - body));
    level->close_mark = new_mark(p, blank + 1, len - (size_t)(blank + 1 - body));
    return 0;
}

/* SDK-COMPAT: blanks behind a section tag end up in front of the next line. Worth a word. */
static void note_shift(struct parser *p)
{
    size_t i = p->pos;

    while (i < p->len && is_blank(p->text[i]))
        i++;
    if (i > p->pos && i < p->len && p->text[i] == '\n')
        add_note(p->result, MUSTACHE_SHIFTED, &p->nodes[p->n_nodes - 1]);
}

/* Finds the mark from `from` on; SIZE_MAX when there is none. */
static size_t find_mark(const struct parser *p, size_t from, struct mark mark)
{
    for (size_t i = from; i < p->len; i++) {
        if (starts_with(p, i, mark))
            return i;
    }
    return SIZE_MAX;
}

static void count_lines(struct parser *p, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        if (p->text[i] == '\n') {
            p->line++;
            p->line_at = i + 1;
        }
    }
}

struct tag {
    char sigil; /* 0: {{x}} */
    const char *name;
    size_t len;
    size_t at, behind; /* offsets of the tag and of what follows it */
};

static int unclosed(const struct parser *p, const struct tag *tag, struct mark close)
{
    return fail_at(p, tag->at, "the tag is not closed: '%s' is missing", close.text);
}

/* Java: the sigil stands directly behind the mark. */
static int read_tag_java(const struct parser *p, struct tag *tag)
{
    const struct mark open = p->levels[p->depth].open_mark, close = p->levels[p->depth].close_mark;
    const size_t body = tag->at + open.len, end = find_mark(p, body, close);

    if (end == SIZE_MAX)
        return unclosed(p, tag, close);
    if (end == body)
        return fail_at(p, tag->at, "the tag is empty");
    tag->behind = end + close.len;
    tag->name = p->text + body;
    tag->len = end - body;
    if (!memchr("#^/!={&<>$%", *tag->name, 11))
        return 0;
    tag->sigil = *tag->name++;
    tag->len--;
    if (tag->sigil != '{')
        return 0;
    /* {{{x}}}: the third brace stands behind the mark; with other delimiters before it. */
    if (close.len == 1)
        return fail_at(p, tag->at, "'%s{' needs delimiters of two characters: write '%s&'",
                       open.text, open.text);
    if (close.text[1] != '}') {
        if (tag->len == 0 || tag->name[--tag->len] != '}')
            return fail_at(p, tag->at, "'%s{' is not closed by '}%s'", open.text, close.text);
    } else if (tag->behind >= p->len || p->text[tag->behind++] != '}') {
        return fail_at(p, tag->at, "'%s{' is not closed by '%s}'", open.text, close.text);
    }
    return 0;
}

/* Standard: blanks may stand before the sigil. */
static int read_tag_standard(const struct parser *p, struct tag *tag)
{
    const struct mark open = p->levels[p->depth].open_mark, close = p->levels[p->depth].close_mark;
    const size_t body = tag->at + open.len;
    size_t from = body;

    if (body < p->len && p->text[body] == '{') {
        while (from < p->len && (p->text[from] != '}' || !starts_with(p, from + 1, close)))
            from++;
        from++;
    }
    const size_t end = find_mark(p, from, close);
    if (end == SIZE_MAX)
        return unclosed(p, tag, close);
    tag->behind = end + close.len;
    tag->name = p->text + body;
    tag->len = end - body;
    trim(&tag->name, &tag->len);
    if (tag->len == 0)
        return fail_at(p, tag->at, "the tag is empty");
    if (!memchr("#^/!={&>", *tag->name, 8))
        return 0;
    tag->sigil = *tag->name++;
    tag->len--;
    if (tag->sigil == '{' && (tag->len == 0 || tag->name[--tag->len] != '}'))
        return fail_at(p, tag->at, "'%s{' is not closed by '}%s'", open.text, close.text);
    return 0;
}

/* Standard rule for a tag that stands alone on its line: the blanks before it, down to `from`, and
 * its line end go. Blanks that end the template without a line end stay. */
static void stands_alone(const struct parser *p, size_t from, const struct tag *tag,
                         size_t *ret_from, size_t *ret_to)
{
    size_t before = tag->at, behind = tag->behind;

    while (before > from && is_blank(p->text[before - 1]))
        before--;
    if (before > 0 && p->text[before - 1] != '\n')
        return;
    while (behind < p->len && is_blank(p->text[behind]))
        behind++;
    if (behind == p->len && behind > tag->behind)
        return;
    if (behind + 1 < p->len && p->text[behind] == '\r' && p->text[behind + 1] == '\n')
        behind++;
    if (behind < p->len && p->text[behind++] != '\n')
        return;
    *ret_from = before;
    *ret_to = behind;
}

static void add_value(struct parser *p, struct tag tag)
{
    struct node *node = add_node(p, NODE_VALUE, tag.at);

    trim(&tag.name, &tag.len);
    node->text = tag.name;
    node->len = (uint32_t)tag.len;
    node->raw = tag.sigil != 0;
}

/* One tag. text_from is the start of the text that was not yet added; set to where text goes on. */
static int parse_tag(struct parser *p, size_t *text_from)
{
    const bool java = p->dialect->lines == MUSTACHE_LINES_JAVA;
    struct tag tag = {.at = p->pos};

    if ((java ? read_tag_java : read_tag_standard)(p, &tag) < 0)
        return -1;
    if (tag.sigil && memchr("<>$%", tag.sigil, 4)) {
        trim(&tag.name, &tag.len);
        return fail_at(p, tag.at, "{{%c%.*s}}: partials, inheritance and pragmas are not supported",
                       tag.sigil, (int)tag.len, tag.name);
    }
    const size_t from = *text_from;
    size_t line_from = tag.at, line_to = tag.behind;
    if (!java && tag.sigil && memchr("#^/!=", tag.sigil, 5))
        stands_alone(p, from, &tag, &line_from, &line_to);
    p->pos = *text_from = line_to;
    int status = 0;
    /* Java decides about the text before a section at the section's end. */
    if (!java || !tag.sigil || !memchr("#^/", tag.sigil, 3))
        add_text(p, from, line_from);
    switch (tag.sigil) {
    case '#':
    case '^':
    case '/':
        trim(&tag.name, &tag.len);
        status = tag.sigil == '/'
                     ? close_section(p, tag.at, java ? from : tag.at, tag.name, tag.len)
                     : open_section(p, tag.at, java ? from : tag.at, tag.name, tag.len,
                                    tag.sigil == '^');
        if (java && status == 0)
            note_shift(p);
        return status;
    case '!':
        break;
    case '=':
        status =
            (java ? set_delimiters_java : set_delimiters_standard)(p, tag.at, tag.name, tag.len);
        break;
    default:
        add_value(p, tag);
    }
    p->levels[p->depth].at_line_start = false;
    return status;
}

/* Java: the text up to the line end at p->pos, without its carriage returns, which come back in
 * front of the line end. An eaten line end leaves the blanks before it. */
static void end_line_java(struct parser *p, size_t text_from, bool eaten)
{
    const bool cr = p->levels[p->depth].saw_cr;

    add_text(p, text_from, eaten || cr ? p->pos : p->pos + 1);
    if (eaten || !cr)
        return;
    struct node *node = add_node(p, NODE_TEXT, p->pos);
    node->text = "\r\n";
    node->len = 2;
}

static int parse(struct parser *p)
{
    const bool java = p->dialect->lines == MUSTACHE_LINES_JAVA;
    size_t text_from = 0;

    p->levels[0] = (struct level){
        .before = SIZE_MAX,
        .blank_so_far = true,
        .at_line_start = true,
        .open_mark = {"{{", 2},
        .close_mark = {"}}", 2},
    };
    while (p->pos < p->len) {
        struct level *level = &p->levels[p->depth];
        const char c = p->text[p->pos];
        if (starts_with(p, p->pos, level->open_mark)) {
            const size_t tag_at = p->pos;
            level->saw_cr = false;
            if (parse_tag(p, &text_from) < 0)
                return -1;
            count_lines(p, tag_at, p->pos);
            continue;
        }
        if (c == '\n') {
            if (java)
                end_line_java(p, text_from, level->eat_line_end && level->blank_so_far);
            else
                add_text(p, text_from, p->pos + 1);
            text_from = p->pos + 1;
            p->lines++;
            count_lines(p, p->pos, p->pos + 1);
            level->eat_line_end = false;
            level->blank_so_far = true;
            level->at_line_start = true;
        } else if (c == '\r' && java) {
            add_text(p, text_from, p->pos);
            text_from = p->pos + 1;
            level->saw_cr = true;
        } else {
            level->blank_so_far = level->blank_so_far && is_blank(c);
            level->saw_cr = false;
        }
        p->pos++;
    }
    add_text(p, text_from, p->len);
    if (p->depth) {
        const struct node *open = &p->nodes[p->levels[p->depth].open];
        return fail_at(p, open->at, "the section '%.*s' is not closed: {{/%.*s}} is missing",
                       (int)open->len, open->text, (int)open->len, open->text);
    }
    return 0;
}

/* ---- running ---- */

struct mustache_piece {
    size_t out, at;
    bool literal; /* the characters are the template's own */
};

struct frame {
    const json_t *list; /* NULL: a single value */
    size_t index;
    const json_t *value; /* NULL for inverted sections, which add no scope */
};

struct runner {
    const struct parser *p;
    const json_t *values;
    struct buf *out;
    struct frame frames[MUSTACHE_DEPTH];
    size_t depth;
};

/* SDK-COMPAT: templates of packages ask whether `list.isEmpty`, a method of Java's. */
static const json_t *member(const json_t *scope, const char *name)
{
    if (json_is_array(scope) && strcmp(name, "isEmpty") == 0)
        return json_array_size(scope) ? json_false() : json_true();
    return json_object_get(scope, name);
}

static const json_t *get_path(const struct runner *r, const json_t *scope, const char *name,
                              size_t len)
{
    char key[512];
    size_t from = 0;

    if (len >= sizeof key)
        return NULL;
    memcpy(key, name, len);
    key[len] = '\0';
    const bool dotted = strchr(key, '.') != NULL;
    const json_t *whole = dotted && r->p->dialect->paths_only ? NULL : json_object_get(scope, key);
    if (whole || !dotted)
        return whole;
    while (scope && from <= len) {
        char *dot = strchr(key + from, '.');
        if (dot)
            *dot = '\0';
        scope = member(scope, key + from);
        from = dot ? (size_t)(dot - key) + 1 : len + 1;
    }
    return scope;
}

static const json_t *lookup(const struct runner *r, const char *name, size_t len)
{
    for (size_t i = r->depth; i-- > 0;) {
        const json_t *scope = r->frames[i].value;
        if (!scope)
            continue;
        if (len == 1 && *name == '.')
            return scope;
        const json_t *found = get_path(r, scope, name, len);
        if (found)
            return found;
    }
    return get_path(r, r->values, name, len);
}

static void mark_piece(struct runner *r, size_t at, bool literal)
{
    struct mustache_result *result = r->p->result;
    struct mustache_piece *piece = ARENA_PUSH(&result->arena, result->pieces, result->n_pieces);

    *piece = (struct mustache_piece){r->out->len, at, literal};
}

/* As Java prints collections: [a, b] and {k=v, l=w}. Recurses as deep as the JSON reader allows. */
static void write_collection(struct buf *out, const json_t *value)
{
    const char *name;
    json_t *member;
    size_t i, n = 0;

    switch (value ? json_typeof(value) : JSON_NULL) {
    case JSON_OBJECT:
        buf_addc(out, '{');
        json_object_foreach((json_t *)value, name, member)
        {
            buf_addf(out, "%s%s=", n++ ? ", " : "", name);
            write_collection(out, member);
        }
        buf_addc(out, '}');
        break;
    case JSON_ARRAY:
        buf_addc(out, '[');
        json_array_foreach(value, i, member)
        {
            buf_adds(out, i ? ", " : "");
            write_collection(out, member);
        }
        buf_addc(out, ']');
        break;
    case JSON_STRING:
        buf_add(out, json_string_value(value), json_string_length(value));
        break;
    default:
        json_write(out, value, JSON_LAYOUT_COMPACT);
    }
}

static void write_value(struct runner *r, const struct node *node)
{
    const json_t *value = lookup(r, node->text, node->len);
    const size_t before = r->out->len;

    switch (value ? json_typeof(value) : JSON_NULL) {
    case JSON_NULL:
        add_note(r->p->result, MUSTACHE_MISSING, node);
        break;
    case JSON_OBJECT:
    case JSON_ARRAY:
        write_collection(r->out, value);
        break;
    case JSON_TRUE:
        buf_adds(r->out, "true");
        break;
    case JSON_FALSE:
        buf_adds(r->out, "false");
        break;
    case JSON_INTEGER:
    case JSON_REAL:
        json_write(r->out, value, JSON_LAYOUT_COMPACT);
        break;
    case JSON_STRING: {
        const char *text = json_string_value(value);
        const size_t len = json_string_length(value);
        (node->raw ? r->p->dialect->raw : r->p->dialect->escaped)(r->out, text, len);
        if (!node->raw && r->p->dialect->raw != r->p->dialect->escaped &&
            (r->out->len - before != len || (len && memcmp(r->out->data + before, text, len) != 0)))
            add_note(r->p->result, MUSTACHE_ESCAPED, node);
        break;
    }
    }
}

/* Enters the section at index i, or not; returns the index to go on with. */
static size_t enter(struct runner *r, size_t i)
{
    const struct node *node = &r->p->nodes[i];
    const json_t *value = lookup(r, node->text, node->len);
    const bool truth = r->p->dialect->truth(value);

    if (truth == node->inverted)
        return node->match + 1;
    struct frame *frame = &r->frames[r->depth++];
    const bool scope = !node->inverted && (!r->p->dialect->paths_only || json_is_object(value));
    *frame = (struct frame){NULL, 0, scope ? value : NULL};
    if (!node->inverted && json_is_array(value)) {
        frame->list = value;
        frame->value = json_array_get(value, 0);
    }
    return i + 1;
}

static size_t leave(struct runner *r, size_t i)
{
    struct frame *frame = &r->frames[r->depth - 1];

    if (frame->list && ++frame->index < json_array_size(frame->list)) {
        frame->value = json_array_get(frame->list, frame->index);
        return r->p->nodes[i].match + 1;
    }
    r->depth--;
    return i + 1;
}

static int run(struct runner *r)
{
    const struct parser *p = r->p;
    const size_t start = r->out->len;
    size_t steps = 0;

    for (size_t i = 0; i < p->n_nodes;) {
        const struct node *node = &p->nodes[i];
        if (r->out->len - start > MUSTACHE_OUTPUT_BYTES || ++steps > MUSTACHE_OUTPUT_BYTES)
            return fail_at(p, node->at, "the rendered text exceeds %d MB",
                           MUSTACHE_OUTPUT_BYTES >> 20);
        switch (node->kind) {
        case NODE_TEXT:
            mark_piece(r, node->at, true);
            buf_add(r->out, node->text, node->len);
            i++;
            break;
        case NODE_VALUE:
            mark_piece(r, node->at, false);
            write_value(r, node);
            i++;
            break;
        case NODE_OPEN:
            i = enter(r, i);
            break;
        case NODE_CLOSE:
            i = leave(r, i);
            break;
        }
    }
    return 0;
}

int mustache_render(const struct mustache_dialect *dialect, const char *text, size_t len,
                    const char *file, const json_t *values, struct buf *out,
                    struct mustache_result *ret, struct err *err)
{
    auto_arena struct arena arena = ARENA_INIT;

    *ret = (struct mustache_result){.template = text, .template_len = len};
    struct parser p = {
        .dialect = dialect,
        .text = text,
        .len = len,
        .file = file,
        .line = 1,
        .arena = &arena,
        /* Set when it is entered. */
        .levels = arena_alloc(&arena, MUSTACHE_DEPTH * sizeof(struct level)),
        .result = ret,
        .err = err,
    };
    if (len > MUSTACHE_TEMPLATE_BYTES)
        return err_set(err, EXIT_INPUT, "%s: the template is larger than %d bytes", file,
                       MUSTACHE_TEMPLATE_BYTES);
    if (parse(&p) < 0)
        return -1;
    struct runner *r = arena_alloc(&arena, sizeof *r);
    r->p = &p;
    r->values = values;
    r->out = out;
    r->depth = 0;
    return run(r);
}

void mustache_result_free(struct mustache_result *result)
{
    arena_free(&result->arena);
    *result = (struct mustache_result){.notes = NULL};
}

void mustache_locate(const struct mustache_result *result, size_t offset, size_t *ret_line,
                     size_t *ret_column)
{
    size_t low = 0, high = result->n_pieces, at = 0;

    /* The last piece that starts at or before the offset. */
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (result->pieces[middle].out <= offset)
            low = middle + 1;
        else
            high = middle;
    }
    if (low) {
        const struct mustache_piece *piece = &result->pieces[low - 1];
        at = piece->at + (piece->literal ? offset - piece->out : 0);
    }
    text_position(result->template, result->template_len, at, ret_line, ret_column);
}
