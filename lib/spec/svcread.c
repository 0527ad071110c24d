#include "spec/svcread.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "spec/javamap.h"

struct ynode ynode_root(struct svc_reader *r)
{
    return (struct ynode){.value = r->doc->root, .at = r->doc->root->at, .r = r};
}

static struct ynode child(const struct ynode *up, const struct yaml_node *value)
{
    struct ynode node = {.up = up, .at = up->at, .key_at = up->at, .r = up->r};

    if (value) {
        node.at = node.key_at = value->at;
        node.value = yaml_is_null(value) ? NULL : value;
    }
    return node;
}

struct ynode ynode_key(const struct ynode *map, const char *key)
{
    const struct yaml_entry *entry = map->value ? yaml_get(map->value, key) : NULL;
    struct ynode node = child(map, entry ? entry->value : NULL);

    node.name = key;
    if (entry)
        node.key_at = entry->key->at;
    return node;
}

struct ynode ynode_entry(const struct ynode *map, size_t index)
{
    const struct yaml_entry *entry = &map->value->entries[index];
    struct ynode node = child(map, entry->value);

    node.name = entry->key->text;
    node.key_at = entry->key->at;
    return node;
}

struct ynode ynode_item(const struct ynode *list, size_t index)
{
    struct ynode node = child(list, list->value->items[index]);

    node.index = index;
    return node;
}

/* ---- messages ---- */

enum { PATH_SHOWN = 16, WARNINGS_SHOWN = 100, REFUSED_SHOWN = 1000 };

static void add_path(struct buf *out, const struct ynode *node)
{
    const struct ynode *chain[PATH_SHOWN];
    size_t n = 0;
    bool first = true;

    for (const struct ynode *p = node; p->up && n < PATH_SHOWN; p = p->up)
        chain[n++] = p;
    for (; n-- > 0; first = false) {
        if (chain[n]->name)
            buf_addf(out, "%s%s", first ? "" : ".", chain[n]->name);
        else
            buf_addf(out, "[%zu]", chain[n]->index);
    }
}

const char *ynode_path(const struct ynode *node)
{
    auto_buf struct buf path = BUF_INIT;

    add_path(&path, node);
    return arena_strdup(node->r->arena, buf_str(&path));
}

/* Appends "file:line:column: path: ". */
static void add_place(struct buf *out, const struct ynode *node, size_t at)
{
    size_t line, column;

    yaml_place(node->r->doc, at, &line, &column);
    buf_addf(out, "%s:%zu:%zu: ", node->r->doc->file, line, column);
    if (node->up) {
        add_path(out, node);
        buf_adds(out, ": ");
    }
}

static int fail_at(const struct ynode *node, size_t at, const char *right, const char *wrong,
                   va_list args) __attribute__((format(printf, 4, 0)));
static int fail_at(const struct ynode *node, size_t at, const char *right, const char *wrong,
                   va_list args)
{
    auto_buf struct buf text = BUF_INIT;

    add_place(&text, node, at);
    buf_vaddf(&text, wrong, args);
    if (right)
        buf_addf(&text, ": %s", right);
    return err_set(node->r->err, EXIT_INPUT, "%s", text.data);
}

int ynode_fail(const struct ynode *node, const char *right, const char *wrong, ...)
{
    va_list args;

    va_start(args, wrong);
    fail_at(node, node->at, right, wrong, args);
    va_end(args);
    return -1;
}

static const char *add_warning(const struct ynode *node, const char *text, va_list args)
    __attribute__((format(printf, 2, 0)));
static const char *add_warning(const struct ynode *node, const char *text, va_list args)
{
    struct svc_warnings *w = &node->r->warnings;
    auto_buf struct buf line = BUF_INIT;

    add_place(&line, node, node->key_at);
    buf_vaddf(&line, text, args);
    const char *copy = arena_strdup(w->arena, line.data);
    *ARENA_PUSH(w->arena, w->list->items, w->list->count) = copy;
    return copy;
}

void ynode_warn(const struct ynode *node, const char *text, ...)
{
    va_list args;

    if (node->r->warnings.list->count >= WARNINGS_SHOWN)
        return;
    va_start(args, text);
    add_warning(node, text, args);
    va_end(args);
}

void ynode_refused(const struct ynode *node, const char *text, ...)
{
    struct svc_warnings *w = &node->r->warnings;
    va_list args;

    if (w->refused->count >= REFUSED_SHOWN)
        return;
    va_start(args, text);
    const char *line = add_warning(node, text, args);
    va_end(args);
    *ARENA_PUSH(w->arena, w->refused->items, w->refused->count) = line;
}

static const char *type_word(const struct yaml_node *value)
{
    if (!value)
        return "is missing or empty";
    return value->type == YAML_MAP    ? "is a mapping"
           : value->type == YAML_LIST ? "is a list"
                                      : "is a plain value";
}

/* ---- collections ---- */

int ynode_map(const struct ynode *node, size_t *ret_count)
{
    *ret_count = 0;
    if (!node->value || node->value->type != YAML_MAP)
        return ynode_fail(node, "a mapping is wanted", "%s", type_word(node->value));
    *ret_count = node->value->count;
    return 0;
}

int ynode_list(const struct ynode *node, size_t *ret_count)
{
    *ret_count = 0;
    if (!node->value || node->value->type != YAML_LIST)
        return ynode_fail(node, "a list is wanted, as [ a, b ]", "%s", type_word(node->value));
    *ret_count = node->value->count;
    return 0;
}

/* `allowDecommission` for `allow-decommission`, which the original understands by accident. */
static bool is_alias(const char *word, const char *key)
{
    for (; *key; key++) {
        if (*key == '-' ? *word != (char)toupper((unsigned char)*++key) : *word != *key)
            return false;
        word++;
    }
    return *word == '\0';
}

static int unknown_key(const struct ynode *entry, const struct schema_key *keys, bool unknown_ok)
{
    const char *near = schema_nearest(keys, entry->name);
    struct ynode at_key = *entry;
    auto_buf struct buf right = BUF_INIT;

    at_key.at = entry->key_at;
    if (near) {
        buf_addf(&right, "did you mean '%s'?", near);
    } else {
        buf_adds(&right, "known are");
        for (const struct schema_key *key = keys; key->name; key++)
            buf_addf(&right, "%s %s", key == keys ? "" : ",", key->name);
    }
    if (unknown_ok && (!near || !is_alias(entry->name, near))) {
        ynode_refused(&at_key, "unknown key, ignored: %s", buf_str(&right));
        return 0;
    }
    return ynode_fail(&at_key, buf_str(&right), "unknown key");
}

int ynode_object(const struct ynode *node, const struct schema_key *keys, bool unknown_ok)
{
    size_t count;

    if (ynode_map(node, &count) < 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        const struct ynode entry = ynode_entry(node, i);
        const struct schema_key *key = keys;
        while (key->name && (key->name[0] != entry.name[0] || strcmp(key->name, entry.name) != 0))
            key++;
        if (!key->name && unknown_key(&entry, keys, unknown_ok) < 0)
            return -1;
    }
    return 0;
}

/* ---- scalars ---- */

static int scalar(const struct ynode *node, const char *wanted)
{
    if (node->value && node->value->type == YAML_SCALAR)
        return 0;
    return ynode_fail(node, wanted, "%s", type_word(node->value));
}

int ynode_string(const struct ynode *node, const char **ret)
{
    if (scalar(node, "text is wanted") < 0)
        return -1;
    *ret = arena_strdup(node->r->arena, node->value->text);
    return 0;
}

/* Text without blanks around it and, when plain, without the `_` that YAML 1.1 allows in numbers:
 * in whole ones, and before the exponent of those with a point. Empty means null (service-spec
 * 3.1). */
static const char *number_text(const struct ynode *node, bool whole, char *out, size_t size)
{
    const char *p = node->value->text + strspn(node->value->text, " \t\r\n");
    const char *exponent = p + strcspn(p, "eE");
    const bool plain = !node->value->quoted && (strchr(p, '.') || (whole && !*exponent));
    size_t n = 0;

    for (; *p && n + 1 < size; p++) {
        if (*p == '_' && plain && n && p < exponent)
            continue;
        out[n++] = *p;
    }
    while (n && strchr(" \t\r\n", out[n - 1]))
        n--;
    out[n] = '\0';
    if (node->value->quoted && strcmp(out, "null") == 0)
        return "";
    return *p ? "too long to be a number" : out;
}

/* [+-]digits[.digits][e[+-]digits] with a digit somewhere. */
static bool decimal_form(const char *p, bool *ret_integer)
{
    size_t digits, behind = 0;

    *ret_integer = true;
    if (*p == '+' || *p == '-')
        p++;
    digits = strspn(p, "0123456789");
    p += digits;
    if (*p == '.') {
        *ret_integer = false;
        behind = strspn(++p, "0123456789");
        p += behind;
    }
    if (digits + behind == 0)
        return false;
    if (*p == 'e' || *p == 'E') {
        *ret_integer = false;
        p += strspn(p + 1, "+-") > 0 ? 2 : 1;
        digits = strspn(p, "0123456789");
        p += digits;
        if (!digits)
            return false;
    }
    return *p == '\0';
}

static int integer(const struct ynode *node, int64_t min, int64_t max, int64_t *ret)
{
    char text[64];
    bool whole;

    if (scalar(node, "a whole number such as 3 is wanted") < 0)
        return -1;
    const char *digits = number_text(node, true, text, sizeof text);
    if (!*digits)
        return 0;
    if (!decimal_form(digits, &whole) || (!whole && node->value->quoted))
        return ynode_fail(node, "a whole number such as 3 is wanted", "'%s' is no whole number",
                          node->value->text);
    /* SDK-COMPAT: 2.7 becomes 2. */
    const double d = whole ? 0 : trunc(strtod(digits, NULL));
    errno = 0;
    const long long n = whole ? strtoll(digits, NULL, 10) : (long long)(fabs(d) < 9e18 ? d : 0);
    if (errno || fabs(d) >= 9e18 || n < min || n > max)
        return ynode_fail(node, "it must fit into 32 bits", "'%s' is too large", node->value->text);
    *ret = n;
    return 1;
}

int ynode_int(const struct ynode *node, int64_t *ret)
{
    const int status = integer(node, INT32_MIN, INT32_MAX, ret);

    if (status == 0)
        return ynode_fail(node, "a whole number such as 3 is wanted", "is empty");
    return status < 0 ? -1 : 0;
}

int yget_string(const struct ynode *map, const char *key, const char **ret)
{
    const struct ynode node = ynode_key(map, key);

    if (!node.value)
        return 0;
    return ynode_string(&node, ret) < 0 ? -1 : 1;
}

int yget_int(const struct ynode *map, const char *key, int64_t *ret)
{
    const struct ynode node = ynode_key(map, key);

    return node.value ? integer(&node, INT32_MIN, INT32_MAX, ret) : 0;
}

int yget_long(const struct ynode *map, const char *key, int64_t *ret)
{
    const struct ynode node = ynode_key(map, key);

    return node.value ? integer(&node, INT64_MIN, INT64_MAX, ret) : 0;
}

int yget_int_ptr(const struct ynode *map, const char *key, int64_t **ret)
{
    int64_t value;
    const int status = yget_int(map, key, &value);

    if (status == 1) {
        *ret = ARENA_NEW(map->r->arena, int64_t);
        **ret = value;
    }
    return status;
}

int yget_number(const struct ynode *map, const char *key, double *ret)
{
    const struct ynode node = ynode_key(map, key);
    static const char wanted[] = "a number such as 0.5 is wanted";
    char text[64];
    bool whole;

    if (!node.value)
        return 0;
    if (scalar(&node, wanted) < 0)
        return -1;
    const char *digits = number_text(&node, false, text, sizeof text);
    if (!*digits)
        return 0;
    if (!decimal_form(digits, &whole))
        return ynode_fail(&node, wanted, "'%s' is no number", node.value->text);
    *ret = strtod(digits, NULL);
    if (!isfinite(*ret))
        return ynode_fail(&node, wanted, "'%s' is too large", node.value->text);
    return 1;
}

static bool is_word(const char *text, const char *const *words)
{
    for (; *words; words++) {
        if (strcmp(text, *words) == 0)
            return true;
    }
    return false;
}

int yget_bool(const struct ynode *map, const char *key, bool *ret)
{
    /* Quoted, only the first two of each are taken. */
    static const char *const
        yes[] = {"true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON", NULL},
        *const no[] = {"false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF", NULL},
        *const yes_quoted[] = {"true", "True", NULL}, *const no_quoted[] = {"false", "False", NULL};
    const struct ynode node = ynode_key(map, key);
    char text[64];
    bool whole;

    if (!node.value)
        return 0;
    if (scalar(&node, "true or false is wanted") < 0)
        return -1;
    const bool quoted = node.value->quoted;
    const char *word = number_text(&node, true, text, sizeof text);
    if (!*word)
        return 0;
    if (is_word(word, quoted ? yes_quoted : yes))
        *ret = true;
    else if (is_word(word, quoted ? no_quoted : no))
        *ret = false;
    else if (!quoted && decimal_form(word, &whole) && whole)
        *ret = strcmp(node.value->text, "0") != 0; /* SDK-COMPAT: 00 is another text */
    else
        return ynode_fail(&node, "true or false is wanted", "'%s' is no boolean", node.value->text);
    return 1;
}

int yget_strings(const struct ynode *map, const char *key, struct strings *ret)
{
    const struct ynode node = ynode_key(map, key);
    size_t count;

    if (!node.value)
        return 0;
    if (ynode_list(&node, &count) < 0)
        return -1;
    *ret = (struct strings){ARENA_ARRAY(map->r->arena, count, const char *), 0};
    for (; ret->count < count; ret->count++) {
        const struct ynode item = ynode_item(&node, ret->count);
        if (ynode_string(&item, &ret->items[ret->count]) < 0)
            return -1;
    }
    return 1;
}

static int missing(const struct ynode *map, const char *key)
{
    struct ynode node = ynode_key(map, key);

    return ynode_fail(&node, "the key is required", "is missing or empty");
}

int yneed_string(const struct ynode *map, const char *key, const char **ret)
{
    const int status = yget_string(map, key, ret);

    return status == 0 ? missing(map, key) : status < 0 ? -1 : 0;
}

int yneed_int(const struct ynode *map, const char *key, int64_t *ret)
{
    const int status = yget_int(map, key, ret);

    return status == 0 ? missing(map, key) : status < 0 ? -1 : 0;
}

static int by_key(const void *a, const void *b)
{
    return strcmp(((const struct pair *)a)->key, ((const struct pair *)b)->key);
}

const char *pairs_duplicate(const struct pairs *pairs)
{
    auto_arena struct arena scratch = ARENA_INIT;

    if (pairs->count < 2)
        return NULL;
    struct pair *sorted = arena_memdup(&scratch, pairs->items, pairs->count * sizeof *pairs->items);
    qsort(sorted, pairs->count, sizeof *sorted, by_key);
    for (size_t i = 1; i < pairs->count; i++) {
        if (strcmp(sorted[i - 1].key, sorted[i].key) == 0)
            return sorted[i].key;
    }
    return NULL;
}

int yget_labels(const struct ynode *map, const char *key, struct pairs *ret)
{
    static const char wanted[] = "pairs are wanted, as 'key:value,key:value'";
    const struct ynode node = ynode_key(map, key);
    const char *text = "";

    *ret = (struct pairs){NULL, 0};
    if (!node.value)
        return 0;
    if (ynode_string(&node, &text) < 0)
        return -1;
    /* Commas at the end count for nothing. */
    size_t end = strlen(text);
    while (end && text[end - 1] == ',')
        end--;
    for (size_t at = 0; at < end;) {
        const char *pair_text = text + at;
        size_t len = strcspn(pair_text, ",");
        if (len > end - at)
            len = end - at;
        const char *colon = memchr(pair_text, ':', len);
        if (!colon)
            return ynode_fail(&node, wanted, "'%.*s' has no colon", (int)len, pair_text);
        struct pair *pair = ARENA_PUSH(map->r->arena, ret->items, ret->count);
        pair->key = arena_strndup(map->r->arena, pair_text, (size_t)(colon - pair_text));
        pair->value =
            arena_strndup(map->r->arena, colon + 1, len - (size_t)(colon + 1 - pair_text));
        at += len + 1;
    }
    const char *duplicate = pairs_duplicate(ret);
    if (duplicate)
        return ynode_fail(&node, "each key may stand once", "duplicate key '%s'", duplicate);
    java_order_pairs(ret);
    return 1;
}

int ynode_word(const struct ynode *map, const char *key, const char *text, const char *words)
{
    const struct ynode node = ynode_key(map, key);
    const size_t len = strlen(text);
    auto_buf struct buf right = BUF_INIT;

    for (const char *p = words; *p;) {
        const size_t n = strcspn(p, " ");
        if (n == len && memcmp(p, text, n) == 0)
            return 0;
        buf_addf(&right, "%s%.*s", right.len ? ", " : "one of ", (int)n, p);
        p += n + (p[n] == ' ');
    }
    return ynode_fail(&node, buf_str(&right), "unknown value '%s'", text);
}
