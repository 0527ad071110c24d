/* Protobuf -> JSON; the other direction is pbjson.c. */
#include "proto/pbjson.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/pbfield.h"

/* jansson gives NULL only when memory is gone or for text that is not UTF-8, which is dealt with
 * before. */
static json_t *checked(json_t *value)
{
    if (!value)
        abort();
    return value;
}

/* Length of the valid UTF-8 sequence at s, or 0. */
static size_t utf8_length(const unsigned char *s, size_t left)
{
    if (s[0] < 0x80)
        return 1;
    size_t len = s[0] >= 0xc2 && s[0] < 0xe0   ? 2
                 : s[0] >= 0xe0 && s[0] < 0xf0 ? 3
                 : s[0] >= 0xf0 && s[0] < 0xf5 ? 4
                                               : 0;
    if (!len || len > left)
        return 0;
    for (size_t i = 1; i < len; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    }
    /* Overlong forms, surrogates, beyond U+10FFFF. */
    if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
        (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
        return 0;
    return len;
}

/* Task messages and the like are foreign text: what is not UTF-8 becomes U+FFFD. */
static json_t *string_to_json(const char *text)
{
    size_t len = strlen(text);
    json_t *value = json_stringn(text, len);

    if (value)
        return value;
    auto_buf struct buf clean = BUF_INIT;
    for (size_t i = 0; i < len;) {
        size_t here = utf8_length((const unsigned char *)text + i, len - i);
        if (here)
            buf_add(&clean, text + i, here);
        else
            buf_adds(&clean, "\xef\xbf\xbd");
        i += here ? here : 1;
    }
    return checked(json_stringn(buf_str(&clean), clean.len));
}

static json_t *double_to_json(double value)
{
    if (isnan(value))
        return json_string("NaN");
    if (isinf(value))
        return json_string(value > 0 ? "Infinity" : "-Infinity");
    return json_real(value);
}

/* Beyond what JSON integers of this library hold, the number goes as a string, which Mesos reads.
 */
static json_t *uint64_to_json(uint64_t value)
{
    char text[24];

    if (value <= INT64_MAX)
        return json_integer((json_int_t)value);
    snprintf(text, sizeof text, "%llu", (unsigned long long)value);
    return json_string(text);
}

static json_t *bytes_to_json(const ProtobufCBinaryData *bytes)
{
    auto_buf struct buf text = BUF_INIT;

    base64_encode(&text, bytes->data, bytes->len);
    return json_stringn(buf_str(&text), text.len);
}

static json_t *value_to_json(const ProtobufCFieldDescriptor *field, const void *at)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_MESSAGE:
        return *(void *const *)at ? pb_to_json(*(void *const *)at) : json_null();
    case PROTOBUF_C_TYPE_STRING:
        return string_to_json(*(char *const *)at ? *(char *const *)at : "");
    case PROTOBUF_C_TYPE_BYTES:
        return bytes_to_json(at);
    case PROTOBUF_C_TYPE_BOOL:
        return json_boolean(*(const protobuf_c_boolean *)at);
    case PROTOBUF_C_TYPE_ENUM:
        return json_string(pb_enum_name(field->descriptor, *(const int *)at));
    case PROTOBUF_C_TYPE_DOUBLE:
        return double_to_json(*(const double *)at);
    case PROTOBUF_C_TYPE_FLOAT:
        return double_to_json((double)*(const float *)at);
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        return uint64_to_json(*(const uint64_t *)at);
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
        return json_integer((json_int_t) * (const int64_t *)at);
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        return json_integer((json_int_t) * (const uint32_t *)at);
    default:
        return json_integer((json_int_t) * (const int32_t *)at);
    }
}

static json_t *map_to_json(void *const *entries, size_t count)
{
    json_t *object = checked(json_object());

    for (size_t i = 0; i < count; i++) {
        const ProtobufCMessage *entry = entries[i];
        const ProtobufCFieldDescriptor *key = &entry->descriptor->fields[0];
        const ProtobufCFieldDescriptor *value = &entry->descriptor->fields[1];
        const char *const *text = pb_member(key, entry);
        json_t *name = string_to_json(*text ? *text : "");
        json_t *json = value->type == PROTOBUF_C_TYPE_MESSAGE && !pb_field_is_set(value, entry)
                           ? json_object()
                           : value_to_json(value, pb_member(value, entry));
        json_object_setn_new_nocheck(object, json_string_value(name), json_string_length(name),
                                     checked(json));
        json_decref(name);
    }
    return object;
}

static json_t *repeated_to_json(const ProtobufCFieldDescriptor *field, const void *message)
{
    const char *items = *(char *const *)pb_member(field, message);
    size_t count = pb_count(field, message), size = pb_value_size(field->type);

    if (pb_field_is_map(field))
        return map_to_json((void *const *)(const void *)items, count);
    json_t *array = checked(json_array());
    for (size_t i = 0; i < count; i++)
        json_array_append_new(array, checked(value_to_json(field, items + i * size)));
    return array;
}

json_t *pb_to_json(const void *message)
{
    const ProtobufCMessageDescriptor *type = ((const ProtobufCMessage *)message)->descriptor;
    json_t *object = checked(json_object());

    for (unsigned i = 0; i < type->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &type->fields[i];
        json_t *value;
        if (field->label == PROTOBUF_C_LABEL_REPEATED) {
            if (!pb_count(field, message))
                continue;
            value = repeated_to_json(field, message);
        } else {
            if (!pb_field_is_set(field, message))
                continue;
            value = value_to_json(field, pb_member(field, message));
        }
        json_object_set_new_nocheck(object, field->name, checked(value));
    }
    return object;
}

const char *pb_enum_name(const ProtobufCEnumDescriptor *type, int value)
{
    static _Thread_local char text[32];
    const ProtobufCEnumValue *known = protobuf_c_enum_descriptor_get_value(type, value);

    if (known)
        return known->name;
    snprintf(text, sizeof text, "UNKNOWN(%d)", value);
    return text;
}

int pb_enum_value(const ProtobufCEnumDescriptor *type, const char *name)
{
    const ProtobufCEnumValue *known = protobuf_c_enum_descriptor_get_value_by_name(type, name);

    return known ? known->value : -1;
}
