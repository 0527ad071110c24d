#include "proto/pbtext.h"

#include <inttypes.h>
#include <stdint.h>
#include <string.h>

#include "base/json.h"
#include "proto/pbfield.h"
#include "proto/pbjson.h"

/* Bytes beyond ASCII as octal numbers: strings and bytes print alike. */
static void add_escaped(struct buf *out, const unsigned char *bytes, size_t len)
{
    static const char names[] = "abtnvfr"; /* of 7 to 13 */

    buf_addc(out, '"');
    for (size_t i = 0; i < len; i++) {
        const unsigned char c = bytes[i];
        if (c >= 7 && c <= 13)
            buf_addf(out, "\\%c", names[c - 7]);
        else if (c == '"' || c == '\'' || c == '\\')
            buf_addf(out, "\\%c", c);
        else if (c < ' ' || c > '~')
            buf_addf(out, "\\%03o", c);
        else
            buf_addc(out, (char)c);
    }
    buf_addc(out, '"');
}

static void add_value(struct buf *out, const ProtobufCFieldDescriptor *field, const void *at)
{
    const char *text;
    const ProtobufCBinaryData *bytes;

    switch (field->type) {
    case PROTOBUF_C_TYPE_STRING:
        text = *(char *const *)at ? *(char *const *)at : "";
        add_escaped(out, (const unsigned char *)text, strlen(text));
        break;
    case PROTOBUF_C_TYPE_BYTES:
        bytes = at;
        add_escaped(out, bytes->data, bytes->len);
        break;
    case PROTOBUF_C_TYPE_BOOL:
        buf_adds(out, *(const protobuf_c_boolean *)at ? "true" : "false");
        break;
    case PROTOBUF_C_TYPE_ENUM:
        buf_adds(out, pb_enum_name(field->descriptor, *(const int *)at));
        break;
    case PROTOBUF_C_TYPE_DOUBLE:
        json_write_double(out, *(const double *)at, true);
        break;
    case PROTOBUF_C_TYPE_FLOAT:
        json_write_double(out, (double)*(const float *)at, true);
        break;
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        buf_addf(out, "%" PRIu64, *(const uint64_t *)at);
        break;
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
        buf_addf(out, "%" PRId64, *(const int64_t *)at);
        break;
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        buf_addf(out, "%" PRIu32, *(const uint32_t *)at);
        break;
    default:
        buf_addf(out, "%" PRId32, *(const int32_t *)at);
        break;
    }
}

/* The messages of the original are those of Mesos's older API, alike but for this name. */
static const char *old_name(const char *name)
{
    return strcmp(name, "agent_id") == 0 ? "slave_id" : name;
}

static void add_message(struct buf *out, const void *message, unsigned level);

static void add_field(struct buf *out, const ProtobufCFieldDescriptor *field, const void *at,
                      unsigned level)
{
    const bool nested = field->type == PROTOBUF_C_TYPE_MESSAGE;

    buf_addf(out, "%*s%s%s", (int)(2 * level), "", old_name(field->name), nested ? " {\n" : ": ");
    if (nested) {
        if (*(void *const *)at)
            add_message(out, *(void *const *)at, level + 1);
        buf_addf(out, "%*s}", (int)(2 * level), "");
    } else {
        add_value(out, field, at);
    }
    buf_addc(out, '\n');
}

/* Messages nest as deep as their types do, or as the reader of wire bytes lets them. */
static void add_message(struct buf *out, const void *message, unsigned level)
{
    const ProtobufCMessageDescriptor *type = ((const ProtobufCMessage *)message)->descriptor;

    for (unsigned i = 0; i < type->n_fields; i++) { /* sorted by number */
        const ProtobufCFieldDescriptor *field = &type->fields[i];
        if (field->label != PROTOBUF_C_LABEL_REPEATED) {
            if (pb_field_is_set(field, message))
                add_field(out, field, pb_member(field, message), level);
            continue;
        }
        const char *items = *(char *const *)pb_member(field, message);
        for (size_t j = 0; j < pb_count(field, message); j++)
            add_field(out, field, items + j * pb_value_size(field->type), level);
    }
}

void pb_to_text(const void *message, struct buf *out)
{
    add_message(out, message, 0);
}
