/* Explaining the keys of a svc.yml from their schema. */
#include <stdbool.h>
#include <string.h>

#include "base/alloc.h"
#include "spec/nearest.h"
#include "spec/svcschema.h"

/* What a path leads to: a key, or one of the entries of a key with names or numbers below it. */
struct target {
    const struct schema_key *key; /* NULL: the whole service */
    const struct schema_key *keys;
    bool entry;
};

/* ---- the path ---- */

/* The next part of a dotted path, where `[3]` is a part of its own. */
static size_t next_part(const char **path)
{
    *path += strspn(*path, ".");
    return **path == '[' ? strcspn(*path, "]") + ((*path)[strcspn(*path, "]")] == ']')
                         : strcspn(*path, ".[");
}

/* Appends the paths of all keys of that name, as far as `left` of them. */
static void find_everywhere(const struct schema_key *keys, const char *prefix, const char *name,
                            int *left, struct buf *out)
{
    for (const struct schema_key *key = keys; key->name && *left > 0; key++) {
        auto_buf struct buf path = BUF_INIT;
        buf_addf(&path, "%s%s%s", prefix, *prefix ? "." : "", key->name);
        if (strcmp(key->name, name) == 0) {
            buf_addf(out, "%s'%s'", out->len ? " or " : "", path.data);
            --*left;
        }
        buf_adds(&path, key->shape == SCHEMA_MAP    ? ".NAME"
                        : key->shape == SCHEMA_LIST ? "[0]"
                                                    : "");
        if (key->child)
            find_everywhere(key->child, path.data, name, left, out);
    }
}

static int unknown_key(const struct schema_key *keys, const char *before, size_t len,
                       const char *name, struct err *err)
{
    const char *near = schema_nearest(keys, name);
    auto_buf struct buf right = BUF_INIT;
    int left = 3;

    if (!near)
        find_everywhere(schema_service, "", name, &left, &right);
    if (near)
        buf_addf(&right, "did you mean '%s'?", near);
    else if (right.len)
        buf_adds(&right, " has it");
    else
        buf_adds(&right, "known are");
    for (const struct schema_key *key = keys; !near && left == 3 && key->name; key++)
        buf_addf(&right, "%s %s", key == keys ? "" : ",", key->name);
    return err_set(err, EXIT_INPUT, "no key '%s' %s%.*s: %s", name, len ? "below " : "in a service",
                   (int)len, before, right.data);
}

/* Below a map stands a name, below a list perhaps a number, then a key. */
static int find_target(const char *path, struct target *ret, struct err *err)
{
    const char *part = path;
    size_t len;

    *ret = (struct target){.keys = schema_service};
    while ((len = next_part(&part)) > 0) {
        const bool number = *part == '[';
        const bool needs_entry = ret->key && !ret->entry && ret->key->shape != SCHEMA_OBJECT;
        auto_free char *name = xstrndup(part, len);
        const size_t before = (size_t)(part - path) - (part > path && part[-1] == '.');
        if (ret->key && !ret->keys)
            return err_set(err, EXIT_INPUT, "no key '%s' below %.*s: its type is %s", name,
                           (int)before, path, ret->key->type);
        if (needs_entry && (ret->key->shape == SCHEMA_MAP || number)) {
            ret->entry = true;
            part += len;
            continue;
        }
        const struct schema_key *key = number ? NULL : schema_find(ret->keys, part, len);
        if (!key)
            return unknown_key(ret->keys, path, before, name, err);
        *ret = (struct target){.key = key, .keys = key->child};
        part += len;
    }
    return 0;
}

const struct schema_key *schema_at(const char *path)
{
    struct target target;
    struct err err = ERR_INIT;

    return find_target(path, &target, &err) < 0 ? NULL : target.key;
}

/* ---- the text ---- */

static const char *default_text(const struct schema_key *key)
{
    return !key->deflt ? "none: the key is required" : *key->deflt ? key->deflt : "none";
}

static void add_keys(struct buf *out, const struct schema_key *keys)
{
    int width = 0;

    for (const struct schema_key *key = keys; key->name; key++) {
        const int len = (int)strlen(key->name);
        width = len > width ? len : width;
    }
    for (const struct schema_key *key = keys; key->name; key++)
        buf_addf(out, "  %-*s  %s%s\n", width, key->name, key->meaning,
                 key->deflt ? "" : " (required)");
}

int schema_explain(const char *path, struct buf *out, struct err *err)
{
    struct target target;

    if (find_target(path, &target, err) < 0)
        return -1;
    if (!target.key) {
        buf_adds(out, "a service\nkeys:\n");
        add_keys(out, target.keys);
        return 0;
    }
    const struct schema_key *key = target.key;
    buf_addf(out, "%s\n", path);
    if (!target.entry) {
        buf_addf(out, "  meaning  %s\n  type     %s\n  default  %s\n", key->meaning, key->type,
                 default_text(key));
        buf_addf(out, "  allowed  %s\n", *key->rule ? key->rule : "any");
    }
    if (!target.keys)
        return 0;
    buf_addf(out, "keys%s:\n",
             target.entry || key->shape == SCHEMA_OBJECT ? ""
             : key->shape == SCHEMA_MAP                  ? " of each"
                                                         : " of each element");
    add_keys(out, target.keys);
    return 0;
}
