#include "proto/pb.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "proto/pbfield.h"
#include "proto/pbscan.h"

/* ---- decoding ------------------------------------------------------------------------------- */

static void *arena_allocate(void *arena, size_t size)
{
    return arena_alloc(arena, size);
}

static void arena_release(void *arena, void *pointer)
{
    (void)arena;
    (void)pointer;
}

void *pb_unpack(const ProtobufCMessageDescriptor *type, const void *data, size_t len,
                struct arena *arena, const char *what, struct err *err)
{
    ProtobufCAllocator allocator = {arena_allocate, arena_release, arena};

    if (!pb_depth_within(type, data, len, PB_DEPTH)) {
        err_set(err, EXIT_INPUT, "%s: %s nested deeper than %d levels", what, type->name, PB_DEPTH);
        return NULL;
    }
    void *message = protobuf_c_message_unpack(type, &allocator, len, data);
    if (!message) {
        auto_buf struct buf reason = BUF_INIT;
        pb_explain(type, data, len, PB_DEPTH, &reason);
        err_set(err, EXIT_INPUT, "%s: not a %s message (%zu bytes): %s", what, type->name, len,
                buf_str(&reason));
    }
    return message;
}

/* ---- encoding ------------------------------------------------------------------------------- */

size_t pb_size(const void *message)
{
    return protobuf_c_message_get_packed_size(message);
}

void pb_pack(const void *message, struct buf *out)
{
    pb_pack_sized(message, pb_size(message), out);
}

void pb_pack_sized(const void *message, size_t size, struct buf *out)
{
    buf_reserve(out, size);
    protobuf_c_message_pack(message, (uint8_t *)out->data + out->len);
    out->len += size;
    out->data[out->len] = '\0';
}

void pb_pack_at(const void *message, void *at)
{
    protobuf_c_message_pack(message, at);
}

void *pb_pack_arena(const void *message, struct arena *arena, size_t *ret_len)
{
    size_t size = protobuf_c_message_get_packed_size(message);
    uint8_t *bytes = arena_alloc(arena, size + 1);

    protobuf_c_message_pack(message, bytes);
    bytes[size] = '\0';
    *ret_len = size;
    return bytes;
}

void *pb_new(struct arena *arena, const ProtobufCMessageDescriptor *type)
{
    void *message = arena_alloc(arena, type->sizeof_message);

    protobuf_c_message_init(type, message);
    return message;
}

/* ---- copying --------------------------------------------------------------------------------
 * Not through the encoding: protobuf-c decodes some damaged tags that it cannot read back. */

/* Makes the value behind `at`, whose bytes were copied already, independent of its original. */
static void own_value(const ProtobufCFieldDescriptor *field, void *at, struct arena *arena)
{
    if (field->type == PROTOBUF_C_TYPE_MESSAGE) {
        void **message = at;
        if (*message)
            *message = pb_copy(*message, arena);
    } else if (field->type == PROTOBUF_C_TYPE_STRING) {
        const char **string = at;
        if (*string && *string != field->default_value)
            *string = arena_strdup(arena, *string);
    } else if (field->type == PROTOBUF_C_TYPE_BYTES) {
        ProtobufCBinaryData *bytes = at;
        if (bytes->len)
            bytes->data = arena_memdup(arena, bytes->data, bytes->len);
    }
}

static void own_repeated(const ProtobufCFieldDescriptor *field, void *message, struct arena *arena)
{
    size_t count = pb_count(field, message), size = pb_value_size(field->type);
    char **items = (char **)(void *)((char *)message + field->offset);

    *items = pb_own_array(arena, *items, count, size);
    for (size_t i = 0; i < count; i++)
        own_value(field, *items + i * size, arena);
}

void *pb_copy(const void *message, struct arena *arena)
{
    const ProtobufCMessageDescriptor *type = ((const ProtobufCMessage *)message)->descriptor;
    ProtobufCMessage *copy = arena_memdup(arena, message, type->sizeof_message);

    for (unsigned i = 0; i < type->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &type->fields[i];
        if (field->label == PROTOBUF_C_LABEL_REPEATED)
            own_repeated(field, copy, arena);
        else if (pb_field_is_set(field, copy))
            own_value(field, (char *)copy + field->offset, arena);
    }
    copy->unknown_fields = pb_own_array(arena, copy->unknown_fields, copy->n_unknown_fields,
                                        sizeof *copy->unknown_fields);
    for (unsigned i = 0; i < copy->n_unknown_fields; i++) {
        ProtobufCMessageUnknownField *field = &copy->unknown_fields[i];
        field->data = arena_memdup(arena, field->data, field->len);
    }
    return copy;
}

void *pb_own_array(struct arena *arena, const void *items, size_t count, size_t item_size)
{
    size_t room = 1;

    if (!count)
        return NULL;
    while (room < count)
        room *= 2;
    void *own = arena_zalloc(arena, room, item_size);
    memcpy(own, items, count * item_size);
    return own;
}

/* ---- comparing ------------------------------------------------------------------------------ */

static bool value_equal(const ProtobufCFieldDescriptor *field, const void *a, const void *b)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_MESSAGE: {
        const void *x = *(void *const *)a, *y = *(void *const *)b;
        return x && y ? pb_equal(x, y) : x == y;
    }
    case PROTOBUF_C_TYPE_STRING: {
        const char *x = *(char *const *)a, *y = *(char *const *)b;
        return x && y ? strcmp(x, y) == 0 : x == y;
    }
    case PROTOBUF_C_TYPE_BYTES: {
        const ProtobufCBinaryData *x = a, *y = b;
        return x->len == y->len && (!x->len || memcmp(x->data, y->data, x->len) == 0);
    }
    case PROTOBUF_C_TYPE_DOUBLE: {
        double x, y;
        memcpy(&x, a, sizeof x);
        memcpy(&y, b, sizeof y);
        return x == y || (x != x && y != y);
    }
    case PROTOBUF_C_TYPE_FLOAT: {
        float x, y;
        memcpy(&x, a, sizeof x);
        memcpy(&y, b, sizeof y);
        return x == y || (x != x && y != y);
    }
    case PROTOBUF_C_TYPE_BOOL:
        return !*(const protobuf_c_boolean *)a == !*(const protobuf_c_boolean *)b;
    default:
        return memcmp(a, b, pb_value_size(field->type)) == 0;
    }
}

/* Entries of a map by key; the first field of an entry is the key. */
static const char *entry_key(const ProtobufCMessage *entry)
{
    const char *key = *(char *const *)pb_member(&entry->descriptor->fields[0], entry);

    return key ? key : "";
}

static int by_key(const void *a, const void *b)
{
    return strcmp(entry_key(*(ProtobufCMessage *const *)a),
                  entry_key(*(ProtobufCMessage *const *)b));
}

static bool map_equal(void *const *a, void *const *b, size_t count)
{
    auto_free void **x = xmemdup(a, count * sizeof *a);
    auto_free void **y = xmemdup(b, count * sizeof *b);
    bool equal = true;

    qsort(x, count, sizeof *x, by_key);
    qsort(y, count, sizeof *y, by_key);
    for (size_t i = 0; i < count && equal; i++)
        equal = pb_equal(x[i], y[i]);
    return equal;
}

static bool repeated_equal(const ProtobufCFieldDescriptor *field, const void *a, const void *b)
{
    size_t count = pb_count(field, a);
    const char *x = *(char *const *)pb_member(field, a);
    const char *y = *(char *const *)pb_member(field, b);
    size_t size = pb_value_size(field->type);

    if (count != pb_count(field, b))
        return false;
    if (count && pb_field_is_map(field))
        return map_equal((void *const *)(const void *)x, (void *const *)(const void *)y, count);
    for (size_t i = 0; i < count; i++) {
        if (!value_equal(field, x + i * size, y + i * size))
            return false;
    }
    return true;
}

static bool unknown_equal(const ProtobufCMessage *a, const ProtobufCMessage *b)
{
    if (a->n_unknown_fields != b->n_unknown_fields)
        return false;
    for (unsigned i = 0; i < a->n_unknown_fields; i++) {
        const ProtobufCMessageUnknownField *x = &a->unknown_fields[i], *y = &b->unknown_fields[i];
        if (x->tag != y->tag || x->wire_type != y->wire_type || x->len != y->len ||
            memcmp(x->data, y->data, x->len) != 0)
            return false;
    }
    return true;
}

int pb_equal(const void *a, const void *b)
{
    const ProtobufCMessage *x = a, *y = b;

    if (x->descriptor != y->descriptor || !unknown_equal(x, y))
        return 0;
    for (unsigned i = 0; i < x->descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &x->descriptor->fields[i];
        if (field->label == PROTOBUF_C_LABEL_REPEATED) {
            if (!repeated_equal(field, a, b))
                return 0;
            continue;
        }
        bool set = pb_field_is_set(field, a);
        if (set != pb_field_is_set(field, b))
            return 0;
        if (set && !value_equal(field, pb_member(field, a), pb_member(field, b)))
            return 0;
    }
    return 1;
}
