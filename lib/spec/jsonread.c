#include "spec/jsonread.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/json.h"

struct jnode jnode_root(const json_t *value, struct arena *arena, struct err *err)
{
    return (struct jnode){.value = value, .arena = arena, .err = err};
}

struct jnode jnode_member(const struct jnode *obj, const char *key)
{
    struct jnode node = *obj;

    node.up = obj;
    node.key = key;
    node.depth = obj->depth + 1;
    node.value = json_object_get(obj->value, key);
    if (json_is_null(node.value))
        node.value = NULL;
    return node;
}

struct jnode jnode_element(const struct jnode *array, size_t index)
{
    struct jnode node = *array;

    node.up = array;
    node.key = NULL;
    node.index = index;
    node.depth = array->depth + 1;
    node.value = json_array_get(array->value, index);
    if (json_is_null(node.value))
        node.value = NULL;
    return node;
}

enum { PATH_SHOWN = 24 };

int jnode_fail(const struct jnode *node, const char *format, ...)
{
    const struct jnode *chain[PATH_SHOWN];
    size_t n = 0;
    auto_buf struct buf path = BUF_INIT;
    va_list args;

    for (const struct jnode *p = node; p->up && n < PATH_SHOWN; p = p->up)
        chain[n++] = p;
    while (n-- > 0) {
        if (chain[n]->key)
            buf_addf(&path, "%s%s", path.len ? "." : "", chain[n]->key);
        else
            buf_addf(&path, "[%zu]", chain[n]->index);
    }
    va_start(args, format);
    auto_free char *text = xvasprintf(format, args);
    va_end(args);
    if (path.len == 0)
        return err_set(node->err, EXIT_INPUT, "%s", text);
    return err_set(node->err, EXIT_INPUT, "%s: %s", path.data, text);
}

static int wrong_type(const struct jnode *node, const char *wanted)
{
    const bool missing = !node->value || json_is_null(node->value);

    return jnode_fail(node, "is %s, must be %s",
                      missing ? "missing or null" : json_type_name(node->value), wanted);
}

int jnode_object(const struct jnode *node)
{
    return json_is_object(node->value) ? 0 : wrong_type(node, "an object");
}

int jnode_array(const struct jnode *node, size_t *ret_count)
{
    *ret_count = json_array_size(node->value); /* 0 when it is something else */
    if (node->value && !json_is_array(node->value))
        return wrong_type(node, "an array");
    return 0;
}

static int node_string(const struct jnode *node, const char **ret)
{
    if (!json_is_string(node->value))
        return wrong_type(node, "a string");
    *ret =
        arena_strndup(node->arena, json_string_value(node->value), json_string_length(node->value));
    return 0;
}

int jget_string(const struct jnode *obj, const char *key, const char **ret)
{
    const struct jnode node = jnode_member(obj, key);

    return node_string(&node, ret);
}

int jget_string_opt(const struct jnode *obj, const char *key, const char **ret)
{
    const struct jnode node = jnode_member(obj, key);

    return node.value ? node_string(&node, ret) : 0;
}

static int node_int(const struct jnode *node, int64_t *ret)
{
    if (json_is_integer(node->value)) {
        *ret = json_integer_value(node->value);
        return 0;
    }
    const double d = json_is_real(node->value) ? json_real_value(node->value) : 0.5;
    if (d != floor(d) || fabs(d) > 9007199254740992.0)
        return wrong_type(node, "an integer");
    *ret = (int64_t)d;
    return 0;
}

int jget_int(const struct jnode *obj, const char *key, int64_t *ret)
{
    const struct jnode node = jnode_member(obj, key);

    return node_int(&node, ret);
}

int jget_int_opt(const struct jnode *obj, const char *key, int64_t *ret)
{
    const struct jnode node = jnode_member(obj, key);

    return node.value ? node_int(&node, ret) : 0;
}

int jget_int_ptr(const struct jnode *obj, const char *key, int64_t **ret)
{
    const struct jnode node = jnode_member(obj, key);

    *ret = NULL;
    if (!node.value)
        return 0;
    *ret = ARENA_NEW(obj->arena, int64_t);
    return node_int(&node, *ret);
}

int jget_bool_opt(const struct jnode *obj, const char *key, bool *ret)
{
    const struct jnode node = jnode_member(obj, key);

    if (!node.value)
        return 0;
    if (!json_is_boolean(node.value))
        return wrong_type(&node, "a boolean");
    *ret = json_is_true(node.value);
    return 0;
}

int jget_strings(const struct jnode *obj, const char *key, struct strings *ret)
{
    const struct jnode node = jnode_member(obj, key);
    size_t count;

    *ret = (struct strings){NULL, 0};
    if (jnode_array(&node, &count) < 0)
        return -1;
    ret->items = ARENA_ARRAY(obj->arena, count, const char *);
    for (; ret->count < count; ret->count++) {
        const struct jnode element = jnode_element(&node, ret->count);
        if (node_string(&element, &ret->items[ret->count]) < 0)
            return -1;
    }
    return 0;
}

int jget_pairs(const struct jnode *obj, const char *key, struct pairs *ret)
{
    const struct jnode node = jnode_member(obj, key);
    const char *name;
    json_t *value;

    *ret = (struct pairs){NULL, 0};
    if (!node.value)
        return 0;
    if (jnode_object(&node) < 0)
        return -1;
    ret->items = ARENA_ARRAY(obj->arena, json_object_size(node.value), struct pair);
    json_object_foreach((json_t *)node.value, name, value)
    {
        struct pair *pair = &ret->items[ret->count++];
        pair->key = arena_strdup(obj->arena, name);
        pair->value = "";
        if (jget_string_opt(&node, name, &pair->value) < 0)
            return -1;
    }
    return 0;
}
