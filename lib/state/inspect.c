#include "state/inspect.h"

#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "proto/pbjson.h"

/* ---- secrets ---- */

static void hide(json_t *object, const char *key)
{
    if (json_is_string(json_object_get(object, key)) ||
        json_is_object(json_object_get(object, key)))
        json_set(object, key, json_string("(redacted)"));
}

static void redact_object(json_t *object)
{
    const char *type = json_string_value(json_object_get(object, "type"));
    json_t *secret = json_object_get(object, "secret");

    if (type && strcmp(type, "SECRET") == 0)
        hide(object, "value");
    if (json_is_string(secret)) /* Credential */
        hide(object, "secret");
    else if (secret)
        hide(secret, "value");
    if (json_is_object(json_object_get(object, "config"))) /* Image.Docker.config is a Secret */
        hide(json_object_get(object, "config"), "value");
}

/* JSON_DEPTH bounds the depth of documents, PB_DEPTH that of messages. */
void redact(json_t *json)
{
    const char *key;
    json_t *value;
    size_t i;

    if (json_is_object(json)) {
        redact_object(json);
        json_object_foreach(json, key, value) redact(value);
    } else {
        json_array_foreach(json, i, value) redact(value);
    }
}

/* ---- decoding ---- */

static json_t *base64_of(const void *data, size_t len)
{
    auto_buf struct buf text = BUF_INIT;
    json_t *json = json_object();

    base64_encode(&text, data, len);
    json_set(json, "base64", json_string(buf_str(&text)));
    return json;
}

static json_t *text_or_bytes(const void *data, size_t len)
{
    json_t *text = memchr(data, '\0', len) ? NULL : json_stringn(data, len);

    return text ? text : base64_of(data, len);
}

/* Bytes that should be a message may hold secrets: they are not shown. */
static json_t *undecodable(const struct err *err, size_t len)
{
    json_t *json = json_object();

    json_set(json, "undecodable", json_string(err->text));
    json_set(json, "bytes", json_integer((json_int_t)len));
    return json;
}

static json_t *message(const ProtobufCMessageDescriptor *type, const char *path, const void *data,
                       size_t len)
{
    auto_arena struct arena arena = ARENA_INIT;
    struct err err = ERR_INIT;
    void *decoded = pb_unpack(type, data, len, &arena, path, &err);

    return decoded ? pb_to_json(decoded) : undecodable(&err, len);
}

static bool ends_with(const char *s, const char *end)
{
    const size_t len = strlen(s), end_len = strlen(end);

    return len >= end_len && strcmp(s + len - end_len, end) == 0;
}

/* The services of a multi-service tree have the same nodes one level down. */
static const char *below_service(const char *path)
{
    if (strncmp(path, "Services/", 9) != 0)
        return path;
    const char *slash = strchr(path + 9, '/');
    return slash ? slash + 1 : path;
}

static json_t *decode(const char *path, const void *data, size_t len)
{
    const char *place = below_service(path);
    const bool of_task = strncmp(place, "Tasks/", 6) == 0;
    struct err err = ERR_INIT;

    if (strcmp(place, "FrameworkID") == 0)
        return message(&framework_id__descriptor, path, data, len);
    if (of_task && ends_with(place, "/TaskInfo"))
        return message(&task_info__descriptor, path, data, len);
    if ((of_task && ends_with(place, "/TaskStatus")) ||
        (strncmp(place, "Properties/", 11) == 0 && ends_with(place, ":task-status")))
        return message(&task_status__descriptor, path, data, len);
    if (strncmp(place, "Configurations/", 15) == 0 || strncmp(place, "Toolkit/", 8) == 0) {
        json_t *json = json_parse(data, len, path, &err);
        if (json)
            return json;
    }
    return text_or_bytes(data, len);
}

json_t *inspect_node(const char *path, const void *data, ssize_t len)
{
    if (len < 0)
        return json_null();
    json_t *json = decode(path, data, (size_t)len);
    redact(json);
    return json;
}

/* ---- dump ---- */

void dump_node(const char *path, const void *data, ssize_t len, struct buf *out)
{
    json_auto json_t *line = json_object();
    auto_buf struct buf base64 = BUF_INIT;
    json_t *text =
        len < 0 || memchr(data, '\0', (size_t)len) ? NULL : json_stringn(data, (size_t)len);

    json_set(line, "path", json_string(path));
    if (len < 0) {
        json_set(line, "data", json_null());
    } else if (text) {
        json_set(line, "text", text);
    } else {
        base64_encode(&base64, data, (size_t)len);
        json_set(line, "data", json_string(buf_str(&base64)));
    }
    json_write(out, line, JSON_LAYOUT_COMPACT);
    buf_addc(out, '\n');
}

void dump_tree(const struct tree *tree, struct buf *out)
{
    const struct tree_node *root = tree_root(tree);

    for (const struct tree_node *n = root; n; n = tree_walk(root, n)) {
        auto_buf struct buf path = BUF_INIT;
        tree_node_path(n, &path);
        dump_node(buf_str(&path), tree_node_data(n), tree_node_len(n), out);
    }
}

static int take_node(const json_t *line, struct tree *tree, struct err *err)
{
    const json_t *text = json_object_get(line, "text"), *data = json_object_get(line, "data");
    auto_buf struct buf bytes = BUF_INIT;
    const char *path;

    if (!json_is_object(line))
        return err_set(err, EXIT_INPUT, "it is no object");
    if (json_get_string(line, "path", "line", &path, err) < 0 || tree_path_check(path, err) < 0)
        return -1;
    if (strncmp(path, "lock/", 5) == 0)
        return 0; /* nodes of a session that is gone */
    if (!text == !data)
        return err_set(err, EXIT_INPUT, "node '%s' needs one of 'text' and 'data'", path);
    if (text && !json_is_string(text))
        return err_set(err, EXIT_INPUT, "node '%s': 'text' is no string", path);
    if (data && !json_is_string(data) && !json_is_null(data))
        return err_set(err, EXIT_INPUT, "node '%s': 'data' is neither base64 nor null", path);
    if (json_is_null(data)) {
        tree_put(tree, path, NULL, -1);
        return 0;
    }
    if (text)
        buf_add(&bytes, json_string_value(text), json_string_length(text));
    else if (base64_decode(json_string_value(data), json_string_length(data), &bytes) < 0)
        return err_set(err, EXIT_INPUT, "node '%s': 'data' is not base64", path);
    tree_put(tree, path, buf_str(&bytes), (ssize_t)bytes.len);
    return 0;
}

int dump_parse(const char *line, size_t len, const char *source, struct tree *tree, struct err *err)
{
    json_auto json_t *json = json_parse(line, len, source, err);

    if (!json)
        return -1;
    return take_node(json, tree, err) < 0 ? err_prefix(err, "%s", source) : 0;
}

struct tree *dump_parse_all(const char *text, size_t len, const char *source, struct err *err)
{
    auto_tree struct tree *tree = tree_new();
    size_t number = 0;

    for (const char *p = text, *end = p + len; p < end;) {
        const char *newline = memchr(p, '\n', (size_t)(end - p));
        const size_t line = (size_t)((newline ? newline : end) - p);
        auto_free char *place = xasprintf("%s:%zu", source, ++number);
        if (line && dump_parse(p, line, place, tree, err) < 0)
            return NULL;
        p += line + 1;
    }
    if (tree_count(tree) == 0) {
        err_set(err, EXIT_INPUT, "'%s' holds no nodes", source);
        return NULL;
    }
    return steal_ptr(tree);
}

/* ---- difference ---- */

static bool is_lock(const char *path)
{
    return strcmp(path, "lock") == 0 || strncmp(path, "lock/", 5) == 0;
}

static void delete_missing(const struct tree *from, const struct tree *to, struct txn *txn)
{
    const struct tree_node *root = tree_root(from);
    auto_free const struct tree_node **gone = NULL;
    size_t count = 0, room = 0;

    for (const struct tree_node *n = tree_walk(root, root); n; n = tree_walk(root, n)) {
        auto_buf struct buf path = BUF_INIT;
        tree_node_path(n, &path);
        if (tree_find(to, buf_str(&path)) || is_lock(buf_str(&path)))
            continue;
        if (count == room) {
            room = room ? room * 2 : 64;
            gone = xreallocarray(gone, room, sizeof(struct tree_node *));
        }
        gone[count++] = n;
    }
    while (count-- > 0) { /* children before parents */
        auto_buf struct buf path = BUF_INIT;
        tree_node_path(gone[count], &path);
        txn_border(txn);
        txn_delete(txn, buf_str(&path));
    }
}

void tree_difference(const struct tree *from, const struct tree *to, struct txn *txn)
{
    const struct tree_node *root = tree_root(to);

    delete_missing(from, to, txn);
    for (const struct tree_node *n = root; n; n = tree_walk(root, n)) {
        auto_buf struct buf path = BUF_INIT;
        tree_node_path(n, &path);
        const struct tree_node *old = tree_find(from, buf_str(&path));
        const ssize_t len = tree_node_len(n);
        txn_border(txn);
        if (!old)
            txn_create(txn, buf_str(&path), tree_node_data(n), len);
        else if (tree_node_len(old) != len ||
                 (len > 0 && memcmp(tree_node_data(old), tree_node_data(n), (size_t)len) != 0))
            txn_set(txn, buf_str(&path), tree_node_data(n), len);
    }
}
