#include "proto/pbclient.h"

#include <ctype.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "proto/pbfield.h"
#include "proto/pbjson.h"

/* agent_id -> slaveId: clients know the older names. */
static char *member_name(const char *name)
{
    struct buf out = BUF_INIT;
    const char *agent = strstr(name, "agent");

    for (const char *p = name; *p; p++) {
        if (p == agent) {
            buf_adds(&out, "slave");
            p += strlen("agent") - 1;
        } else if (*p == '_' && p[1]) {
            buf_addc(&out, (char)toupper((unsigned char)*++p));
        } else {
            buf_addc(&out, *p);
        }
    }
    return buf_detach(&out);
}

static json_t *message_json(const ProtobufCMessage *message);

static json_t *value_json(const ProtobufCFieldDescriptor *field, const void *value)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
        return json_integer(*(const int32_t *)value);
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        return json_integer(*(const uint32_t *)value);
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
        return json_integer(*(const int64_t *)value);
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        return json_integer((json_int_t) * (const uint64_t *)value);
    case PROTOBUF_C_TYPE_FLOAT:
        return json_real((double)*(const float *)value);
    case PROTOBUF_C_TYPE_DOUBLE:
        return json_real(*(const double *)value);
    case PROTOBUF_C_TYPE_BOOL:
        return json_boolean(*(const protobuf_c_boolean *)value);
    case PROTOBUF_C_TYPE_ENUM:
        return json_string(pb_enum_name(field->descriptor, *(const int *)value));
    case PROTOBUF_C_TYPE_STRING: {
        const char *text = *(const char *const *)value;
        json_t *json = text ? json_string(text) : NULL;
        return json ? json : json_string("");
    }
    case PROTOBUF_C_TYPE_BYTES: {
        const ProtobufCBinaryData *bytes = value;
        auto_buf struct buf text = BUF_INIT;
        base64_encode(&text, bytes->data, bytes->len);
        return json_string(buf_str(&text));
    }
    case PROTOBUF_C_TYPE_MESSAGE: {
        const ProtobufCMessage *inner = *(const ProtobufCMessage *const *)value;
        return inner ? message_json(inner) : json_null();
    }
    }
    return json_null();
}

static json_t *map_json(const ProtobufCFieldDescriptor *field, const char *items, size_t count)
{
    const ProtobufCMessageDescriptor *entry = field->descriptor;
    const ProtobufCFieldDescriptor *key = &entry->fields[0], *value = &entry->fields[1];
    json_t *json = json_object();

    for (size_t i = 0; i < count; i++) {
        const char *bytes = ((const char *const *)(const void *)items)[i];
        const char *name = *(const char *const *)(const void *)(bytes + key->offset);
        json_set(json, name ? name : "", value_json(value, bytes + value->offset));
    }
    return json;
}

/* Fields in the order of their declaration, which is that of the C members. Repeated fields are
 * always there, unset ones never. Depth is bounded: what was decoded was at most PB_DEPTH deep. */
static json_t *message_json(const ProtobufCMessage *message)
{
    const ProtobufCMessageDescriptor *type = message->descriptor;
    const char *bytes = (const char *)message;
    json_t *json = json_object();
    size_t done = 0;

    for (unsigned n = 0; n < type->n_fields; n++) {
        const ProtobufCFieldDescriptor *field = NULL;
        for (unsigned i = 0; i < type->n_fields; i++)
            if (type->fields[i].offset > done && (!field || type->fields[i].offset < field->offset))
                field = &type->fields[i];
        done = field->offset;
        auto_free char *name = member_name(field->name);
        if (field->label == PROTOBUF_C_LABEL_REPEATED) {
            const size_t count = pb_count(field, message);
            const char *items = *(const char *const *)(bytes + field->offset);
            if (pb_field_is_map(field)) {
                json_set(json, name, map_json(field, items, count));
                continue;
            }
            json_t *array = json_array();
            for (size_t i = 0; i < count; i++)
                json_push(array, value_json(field, items + i * pb_value_size(field->type)));
            json_set(json, name, array);
        } else if (pb_field_is_set(field, message)) {
            json_set(json, name, value_json(field, bytes + field->offset));
        }
    }
    return json;
}

json_t *pb_to_client_json(const void *message)
{
    return message_json(message);
}
