#include "spec/yaml.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/alloc.h"
#include "spec/mustache.h"

struct anchor {
    const char *name;
    struct yaml_node *node;
};

/* A collection that is being filled. */
struct filling {
    struct yaml_node *node;
    struct yaml_node *key;        /* map: key read, value awaited */
    struct yaml_node **merges;    /* map: values of `<<`, in order */
    struct yaml_node **merge_key; /* map: the keys themselves, for messages */
    size_t n_merges;
};

struct builder {
    struct yaml_doc *doc;
    struct filling stack[YAML_DEPTH];
    size_t depth;
    struct anchor *anchors;
    size_t n_anchors;
    size_t merge_work; /* comparisons made, bounded */
    struct err *err;
};

enum { MERGE_WORK = 20000000 };

void yaml_place(const struct yaml_doc *doc, size_t at, size_t *ret_line, size_t *ret_column)
{
    size_t byte = 0;

    /* libyaml counts characters. */
    for (size_t chars = 0; byte < doc->len; byte++) {
        if (((unsigned char)doc->text[byte] & 0xc0) != 0x80 && chars++ == at)
            break;
    }
    if (doc->rendering)
        mustache_locate(doc->rendering, byte, ret_line, ret_column);
    else
        text_position(doc->text, doc->len, byte, ret_line, ret_column);
}

static int fail_at(const struct builder *b, size_t at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static int fail_at(const struct builder *b, size_t at, const char *format, ...)
{
    size_t line, column;
    va_list args;

    va_start(args, format);
    auto_free char *what = xvasprintf(format, args);
    va_end(args);
    yaml_place(b->doc, at, &line, &column);
    return err_set(b->err, EXIT_INPUT, "%s:%zu:%zu: %s", b->doc->file, line, column, what);
}

bool yaml_is_null(const struct yaml_node *node)
{
    static const char *const words[] = {"", "~", "null", "Null", "NULL"};

    if (node->type != YAML_SCALAR || node->quoted)
        return false;
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (strcmp(node->text, words[i]) == 0)
            return true;
    }
    return false;
}

const struct yaml_entry *yaml_get(const struct yaml_node *map, const char *key)
{
    for (size_t i = 0; map->type == YAML_MAP && i < map->count; i++) {
        const char *text = map->entries[i].key->text;
        if (text[0] == key[0] && strcmp(text, key) == 0)
            return &map->entries[i];
    }
    return NULL;
}

/* ---- maps ---- */

static int by_key(const void *a, const void *b)
{
    const struct yaml_entry *left = *(const struct yaml_entry *const *)a,
                            *right = *(const struct yaml_entry *const *)b;
    const int order = strcmp(left->key->text, right->key->text);

    if (order)
        return order;
    return (left->key->at > right->key->at) - (left->key->at < right->key->at);
}

static int check_duplicates(const struct builder *b, const struct yaml_node *map)
{
    const struct yaml_entry *few[16];
    auto_free const struct yaml_entry **many =
        map->count > ARRAY_LEN(few) ? xcalloc(map->count, sizeof *many) : NULL;
    const struct yaml_entry **sorted = many ? many : few;
    const struct yaml_node *first = NULL;

    for (size_t i = 0; i < map->count; i++)
        sorted[i] = &map->entries[i];
    qsort(sorted, map->count, sizeof(*sorted), by_key);
    for (size_t i = 1; i < map->count; i++) {
        const struct yaml_node *key = sorted[i]->key;
        if (strcmp(sorted[i - 1]->key->text, key->text) == 0 && (!first || key->at < first->at))
            first = key;
    }
    return first ? fail_at(b, first->at, "duplicate key '%s': each key may stand once in a mapping",
                           first->text)
                 : 0;
}

/* Entries of another map that this one does not have itself. */
static int merge_map(struct builder *b, struct yaml_node *map, const struct yaml_node *from)
{
    b->merge_work += from->count * (map->count + from->count);
    if (b->merge_work > MERGE_WORK)
        return fail_at(b, map->at, "merge keys ('<<') bring too many entries together");
    for (size_t i = 0; i < from->count; i++) {
        if (yaml_get(map, from->entries[i].key->text))
            continue;
        struct yaml_entry *entry = ARENA_PUSH(&b->doc->arena, map->entries, map->count);
        *entry = from->entries[i];
        map->weight += 1 + entry->value->weight;
    }
    return 0;
}

static int merge(struct builder *b, const struct filling *f)
{
    for (size_t i = 0; i < f->n_merges; i++) {
        const struct yaml_node *value = f->merges[i];
        if (value->type == YAML_MAP) {
            if (merge_map(b, f->node, value) < 0)
                return -1;
            continue;
        }
        if (value->type != YAML_LIST)
            return fail_at(b, f->merge_key[i]->at,
                           "'<<' wants a mapping or a list of mappings, as '<<: *name'");
        for (size_t j = 0; j < value->count; j++) {
            if (value->items[j]->type != YAML_MAP)
                return fail_at(b, f->merge_key[i]->at,
                               "'<<' wants a mapping or a list of mappings, as '<<: *name'");
            if (merge_map(b, f->node, value->items[j]) < 0)
                return -1;
        }
    }
    return 0;
}

/* ---- nodes ---- */

static int set_anchor(struct builder *b, const yaml_char_t *name, struct yaml_node *node)
{
    if (!name)
        return 0;
    /* YAML allows to use a name again: from here on it means this node. */
    for (size_t i = 0; i < b->n_anchors; i++) {
        if (strcmp(b->anchors[i].name, (const char *)name) == 0) {
            b->anchors[i].node = node;
            return 0;
        }
    }
    if (b->n_anchors == 1000)
        return fail_at(b, node->at, "more than 1000 anchors");
    struct anchor *anchor = ARENA_PUSH(&b->doc->arena, b->anchors, b->n_anchors);
    anchor->name = arena_strdup(&b->doc->arena, (const char *)name);
    anchor->node = node;
    return 0;
}

/* Puts a finished or just opened node where it belongs. `at` is where it is used. */
static int place(struct builder *b, struct yaml_node *node, size_t at, bool alias)
{
    if (!b->depth) {
        b->doc->root = node;
        return 0;
    }
    struct filling *f = &b->stack[b->depth - 1];
    struct arena *arena = &b->doc->arena;
    if (f->node->type == YAML_LIST) {
        *ARENA_PUSH(arena, f->node->items, f->node->count) = node;
        return 0;
    }
    if (!f->key) {
        if (node->type != YAML_SCALAR || alias)
            return fail_at(b, at,
                           "a key must be plain text: is this a '{{...}}' that was not rendered?");
        f->key = node;
        return 0;
    }
    if (!f->key->quoted && strcmp(f->key->text, "<<") == 0) {
        size_t n = f->n_merges;
        *ARENA_PUSH(arena, f->merge_key, n) = f->key;
        *ARENA_PUSH(arena, f->merges, f->n_merges) = node;
    } else {
        *ARENA_PUSH(arena, f->node->entries, f->node->count) = (struct yaml_entry){f->key, node};
    }
    f->key = NULL;
    return 0;
}

static struct yaml_node *new_node(struct builder *b, enum yaml_type type, const yaml_event_t *event)
{
    struct yaml_node *node = ARENA_NEW(&b->doc->arena, struct yaml_node);

    node->type = type;
    node->at = event->start_mark.index;
    return node;
}

static int add_weight(struct builder *b, size_t weight, size_t at)
{
    struct yaml_node *node = b->depth ? b->stack[b->depth - 1].node : NULL;

    if (weight > YAML_NODES || (node && (node->weight += weight) > YAML_NODES))
        return fail_at(b, at, "more than %d values (aliases count each time)", YAML_NODES);
    return 0;
}

/* Tags of one's own mean nothing, but make a text. */
static bool makes_text(const yaml_char_t *tag)
{
    static const char core[] = "tag:yaml.org,2002:";

    return tag && strcmp((const char *)tag, "!") != 0 &&
           (strncmp((const char *)tag, core, sizeof core - 1) != 0 ||
            strcmp((const char *)tag, YAML_STR_TAG) == 0);
}

static int on_scalar(struct builder *b, const yaml_event_t *event)
{
    struct yaml_node *node = new_node(b, YAML_SCALAR, event);
    const yaml_char_t *tag = event->data.scalar.tag;
    const size_t len = event->data.scalar.length;

    node->text = arena_strndup(&b->doc->arena, (const char *)event->data.scalar.value, len);
    node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE || makes_text(tag);
    if (strlen(node->text) != len)
        return fail_at(b, node->at, "the text holds a NUL character");
    if (set_anchor(b, event->data.scalar.anchor, node) < 0 || add_weight(b, 1, node->at) < 0)
        return -1;
    return place(b, node, node->at, false);
}

static int on_alias(struct builder *b, const yaml_event_t *event)
{
    const char *name = (const char *)event->data.alias.anchor;
    const size_t at = event->start_mark.index;

    for (size_t i = 0; i < b->n_anchors; i++) {
        struct yaml_node *node = b->anchors[i].node;
        if (strcmp(b->anchors[i].name, name) != 0)
            continue;
        if (node->open)
            return fail_at(b, at, "alias '*%s' stands inside the value that it names", name);
        if (add_weight(b, 1 + node->weight, at) < 0)
            return -1;
        return place(b, node, at, true);
    }
    return fail_at(b, at, "alias '*%s' names no anchor: '&%s' must stand before it", name, name);
}

static int on_start(struct builder *b, const yaml_event_t *event, enum yaml_type type,
                    const yaml_char_t *anchor)
{
    struct yaml_node *node = new_node(b, type, event);

    if (b->depth == YAML_DEPTH)
        return fail_at(b, node->at, "values are nested more than %d deep", YAML_DEPTH);
    node->open = true;
    if (set_anchor(b, anchor, node) < 0 || place(b, node, node->at, false) < 0)
        return -1;
    b->stack[b->depth++] = (struct filling){.node = node};
    return 0;
}

static int on_end(struct builder *b)
{
    const struct filling f = b->stack[--b->depth];

    f.node->open = false;
    if (f.node->type == YAML_MAP && (check_duplicates(b, f.node) < 0 || merge(b, &f) < 0))
        return -1;
    return add_weight(b, 1 + f.node->weight, f.node->at);
}

static int parser_failed(const struct builder *b, const yaml_parser_t *parser)
{
    const char *problem = parser->problem ? parser->problem : "cannot be read";
    const char *context = parser->context ? parser->context : "";

    if (parser->error == YAML_READER_ERROR) {
        size_t line, column;
        size_t offset = parser->problem_offset < b->doc->len ? parser->problem_offset : 0;
        if (b->doc->rendering)
            mustache_locate(b->doc->rendering, offset, &line, &column);
        else
            text_position(b->doc->text, b->doc->len, offset, &line, &column);
        return err_set(b->err, EXIT_INPUT, "%s:%zu:%zu: not YAML: %s", b->doc->file, line, column,
                       problem);
    }
    return fail_at(b, parser->problem_mark.index, "not YAML: %s%s%s", context, *context ? ", " : "",
                   problem);
}

static int on_event(struct builder *b, const yaml_event_t *event, size_t *documents)
{
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        if (++*documents > 1)
            return fail_at(b, event->start_mark.index,
                           "a second document begins: there must be exactly one");
        return 0;
    case YAML_SCALAR_EVENT:
        return on_scalar(b, event);
    case YAML_ALIAS_EVENT:
        return on_alias(b, event);
    case YAML_SEQUENCE_START_EVENT:
        return on_start(b, event, YAML_LIST, event->data.sequence_start.anchor);
    case YAML_MAPPING_START_EVENT:
        return on_start(b, event, YAML_MAP, event->data.mapping_start.anchor);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        return on_end(b);
    default:
        return 0;
    }
}

static int run(struct builder *b, yaml_parser_t *parser)
{
    size_t documents = 0;

    for (;;) {
        yaml_event_t event;
        if (!yaml_parser_parse(parser, &event))
            return parser_failed(b, parser);
        const bool end = event.type == YAML_STREAM_END_EVENT;
        const int status = on_event(b, &event, &documents);
        yaml_event_delete(&event);
        if (status < 0)
            return -1;
        if (end)
            break;
    }
    if (!b->doc->root)
        return fail_at(b, 0, "the document is empty");
    return 0;
}

int yaml_parse(const char *text, size_t len, const char *file,
               const struct mustache_result *rendering, struct yaml_doc *ret, struct err *err)
{
    yaml_parser_t parser;
    struct builder *b = xcalloc(1, sizeof *b);
    int status = -1;

    *ret = (struct yaml_doc){.file = file, .text = text, .len = len, .rendering = rendering};
    b->doc = ret;
    b->err = err;
    if (len > YAML_BYTES) {
        err_set(err, EXIT_INPUT, "%s: the document is larger than %d bytes", file, YAML_BYTES);
    } else if (!yaml_parser_initialize(&parser)) {
        err_set(err, EXIT_BUG, "%s: cannot start the YAML parser", file);
    } else {
        yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
        yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
        status = run(b, &parser);
        yaml_parser_delete(&parser);
    }
    free(b);
    if (status < 0)
        ret->root = NULL;
    return status;
}

void yaml_doc_free(struct yaml_doc *doc)
{
    arena_free(&doc->arena);
    doc->root = NULL;
}
