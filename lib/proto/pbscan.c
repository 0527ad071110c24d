#include "proto/pbscan.h"

#include <stdint.h>
#include <string.h>

/* ---- which types can contain themselves --------------------------------------------------------
 * Of Mesos's messages only ContainerID does. The answers are remembered by descriptor. */

enum reach { REACH_UNSEEN, REACH_VISITING, REACH_BOUNDED, REACH_RECURSIVE };
enum { REACH_SLOTS = 512 };

static _Thread_local struct {
    const ProtobufCMessageDescriptor *type;
    enum reach reach;
} reach_memo[REACH_SLOTS];

/* The slot of a type, empty or its own; NULL when the table is full. */
static int reach_slot(const ProtobufCMessageDescriptor *type)
{
    size_t at = ((uintptr_t)type >> 4) % REACH_SLOTS;

    for (int i = 0; i < REACH_SLOTS; i++, at = (at + 1) % REACH_SLOTS) {
        if (!reach_memo[at].type || reach_memo[at].type == type)
            return (int)at;
    }
    return -1;
}

static bool is_recursive(const ProtobufCMessageDescriptor *type)
{
    int slot = reach_slot(type);

    if (slot < 0)
        return true; /* more types than slots: look into it, which is safe */
    switch (reach_memo[slot].reach) {
    case REACH_BOUNDED:
        return false;
    case REACH_VISITING:
    case REACH_RECURSIVE:
        return true;
    case REACH_UNSEEN:
        break;
    }
    reach_memo[slot].type = type;
    reach_memo[slot].reach = REACH_VISITING;
    bool recursive = false;
    for (unsigned i = 0; i < type->n_fields && !recursive; i++)
        recursive = type->fields[i].type == PROTOBUF_C_TYPE_MESSAGE &&
                    is_recursive(type->fields[i].descriptor);
    reach_memo[slot].reach = recursive ? REACH_RECURSIVE : REACH_BOUNDED;
    return recursive;
}

/* ---- the wire ------------------------------------------------------------------------------- */

struct cursor {
    const uint8_t *at, *end;
};

static bool take_varint(struct cursor *c, uint64_t *ret)
{
    *ret = 0;
    for (int shift = 0; shift < 70 && c->at < c->end; shift += 7) {
        uint8_t byte = *c->at++;
        if (shift < 64)
            *ret |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return true;
    }
    return false;
}

struct item {
    uint32_t number;
    int wire;               /* 0 varint, 1 64 bit, 2 length-delimited, 5 32 bit */
    struct cursor contents; /* of a length-delimited item */
};

/* One field; false when the bytes are broken. */
static bool take_item(struct cursor *c, struct item *ret)
{
    uint64_t tag, value;

    if (!take_varint(c, &tag) || tag >> 3 == 0 || tag >> 3 > 0x1fffffff)
        return false;
    ret->number = (uint32_t)(tag >> 3);
    ret->wire = (int)(tag & 7);
    switch (ret->wire) {
    case 0:
        return take_varint(c, &value);
    case 1:
        value = 8;
        break;
    case 2:
        if (!take_varint(c, &value))
            return false;
        break;
    case 5:
        value = 4;
        break;
    default:
        return false;
    }
    if (value > (uint64_t)(c->end - c->at))
        return false;
    ret->contents = (struct cursor){c->at, c->at + value};
    c->at += value;
    return true;
}

static bool depth_within(const ProtobufCMessageDescriptor *type, struct cursor c, int limit)
{
    struct item item;

    if (limit <= 0)
        return false;
    while (c.at < c.end && take_item(&c, &item)) {
        const ProtobufCFieldDescriptor *field =
            item.wire == 2 ? protobuf_c_message_descriptor_get_field(type, item.number) : NULL;
        if (field && field->type == PROTOBUF_C_TYPE_MESSAGE && is_recursive(field->descriptor) &&
            !depth_within(field->descriptor, item.contents, limit - 1))
            return false;
    }
    return true;
}

bool pb_depth_within(const ProtobufCMessageDescriptor *type, const void *data, size_t len,
                     int limit)
{
    const uint8_t *bytes = data;

    return !is_recursive(type) || !len ||
           depth_within(type, (struct cursor){bytes, bytes + len}, limit);
}

/* ---- reasons -------------------------------------------------------------------------------- */

struct path {
    const struct path *up;
    const char *name;
};

static void add_path(const struct path *path, struct buf *out)
{
    if (!path)
        return;
    add_path(path->up, out);
    buf_adds(out, path->name);
    buf_addc(out, '.');
}

static int wire_of(ProtobufCType type)
{
    switch (type) {
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_BYTES:
    case PROTOBUF_C_TYPE_MESSAGE:
        return 2;
    case PROTOBUF_C_TYPE_DOUBLE:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_SFIXED64:
        return 1;
    case PROTOBUF_C_TYPE_FLOAT:
    case PROTOBUF_C_TYPE_FIXED32:
    case PROTOBUF_C_TYPE_SFIXED32:
        return 5;
    default:
        return 0;
    }
}

static bool has_item(struct cursor c, uint32_t number)
{
    struct item item;

    while (c.at < c.end && take_item(&c, &item)) {
        if (item.number == number)
            return true;
    }
    return false;
}

/* True when a reason was found and appended. */
static bool explain(const ProtobufCMessageDescriptor *type, struct cursor c, const uint8_t *start,
                    const struct path *path, int limit, struct buf *out)
{
    struct cursor rest = c;
    struct item item;

    if (limit <= 0) {
        buf_adds(out, "nested too deep");
        return true;
    }
    while (rest.at < rest.end) {
        const uint8_t *before = rest.at;
        if (!take_item(&rest, &item)) {
            buf_addf(out, "broken at byte %td", before - start);
            return true;
        }
        const ProtobufCFieldDescriptor *field =
            protobuf_c_message_descriptor_get_field(type, item.number);
        if (!field)
            continue;
        bool packed = field->label == PROTOBUF_C_LABEL_REPEATED && item.wire == 2;
        if (item.wire != wire_of(field->type) && !packed) {
            buf_adds(out, "field '");
            add_path(path, out);
            buf_addf(out, "%s' at byte %td has the wrong type", field->name, before - start);
            return true;
        }
        if (field->type == PROTOBUF_C_TYPE_MESSAGE &&
            explain(field->descriptor, item.contents, start, &(struct path){path, field->name},
                    limit - 1, out))
            return true;
    }
    for (unsigned i = 0; i < type->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &type->fields[i];
        if (field->label != PROTOBUF_C_LABEL_REQUIRED || has_item(c, field->id))
            continue;
        buf_adds(out, "required field '");
        add_path(path, out);
        buf_addf(out, "%s' is missing", field->name);
        return true;
    }
    return false;
}

void pb_explain(const ProtobufCMessageDescriptor *type, const void *data, size_t len, int limit,
                struct buf *out)
{
    const uint8_t *bytes = len ? data : (const uint8_t *)"";

    if (!explain(type, (struct cursor){bytes, bytes + len}, bytes, NULL, limit, out))
        buf_adds(out, "not understood");
}
