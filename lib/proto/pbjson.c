/* JSON -> protobuf; the other direction is pbtojson.c. */
#include "proto/pbjson.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "proto/pbfield.h"

/* Where in the document: members and elements from the inside out, all on the stack. */
struct place {
    const struct place *up;
    const char *member; /* NULL: an element of an array */
    size_t index;
};

struct reader {
    struct arena *arena;
    struct err *err;
};

static void add_place(struct buf *out, const struct place *place)
{
    if (!place)
        return;
    add_place(out, place->up);
    if (!place->member)
        buf_addf(out, "[%zu]", place->index);
    else
        buf_addf(out, "%s%s", out->len ? "." : "", place->member);
}

static int fail(struct reader *r, const struct place *place, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static int fail(struct reader *r, const struct place *place, const char *format, ...)
{
    auto_buf struct buf text = BUF_INIT, where = BUF_INIT;
    va_list args;

    va_start(args, format);
    buf_vaddf(&text, format, args);
    va_end(args);
    add_place(&where, place);
    return err_set(r->err, EXIT_INPUT, "%s%s%s", buf_str(&where), where.len ? ": " : "",
                   buf_str(&text));
}

/* ---- values --------------------------------------------------------------------------------- */

static int read_double(struct reader *r, const struct place *place, const json_t *json, double *ret)
{
    if (json_is_number(json)) {
        *ret = json_number_value(json);
        return 0;
    }
    if (!json_is_string(json))
        return fail(r, place, "expected a number, found %s", json_type_name(json));
    const char *text = json_string_value(json);
    char *end;
    /* strtod() reads "Infinity", "-Infinity" and "NaN" too, but also blanks and hexadecimal. */
    *ret = strtod(text, &end);
    if (!*text || *end || strpbrk(text, "xX \t\n"))
        return fail(r, place, "'%s' is not a number", text);
    return 0;
}

/* Any integer type: a whole number in [min, max], written as a number or a string. */
static int read_integer(struct reader *r, const struct place *place, const json_t *json,
                        int64_t min, uint64_t max, uint64_t *ret)
{
    bool negative = false;
    uint64_t size = 0; /* without the sign */

    if (json_is_integer(json)) {
        json_int_t value = json_integer_value(json);
        negative = value < 0;
        size = negative ? 0 - (uint64_t)value : (uint64_t)value;
    } else if (json_is_real(json)) {
        double value = json_real_value(json);
        if (value != floor(value) || fabs(value) >= 18446744073709551616.0)
            return fail(r, place, "%.17g is not a whole number in range", value);
        negative = value < 0;
        size = (uint64_t)fabs(value);
    } else if (json_is_string(json)) {
        const char *text = json_string_value(json), *number = text + (*text == '-');
        char *end;
        negative = *text == '-';
        errno = 0;
        size = strtoull(number, &end, 10);
        if (!(*number >= '0' && *number <= '9') || *end || errno)
            return fail(r, place, "'%s' is not a whole number", text);
    } else {
        return fail(r, place, "expected a number, found %s", json_type_name(json));
    }
    if (size > (negative ? 0 - (uint64_t)min : max))
        return fail(r, place, "%s%" PRIu64 " is out of range", negative ? "-" : "", size);
    *ret = negative ? 0 - size : size;
    return 0;
}

static int read_bool(struct reader *r, const struct place *place, const json_t *json,
                     protobuf_c_boolean *ret)
{
    const char *text = json_string_value(json);

    if (json_is_true(json) || (text && strcmp(text, "true") == 0))
        *ret = 1;
    else if (json_is_false(json) || (text && strcmp(text, "false") == 0))
        *ret = 0;
    else
        return fail(r, place, "expected true or false, found %s", json_type_name(json));
    return 0;
}

static int read_string(struct reader *r, const struct place *place, const json_t *json,
                       const char **ret)
{
    if (!json_is_string(json))
        return fail(r, place, "expected a string, found %s", json_type_name(json));
    *ret = arena_strndup(r->arena, json_string_value(json), json_string_length(json));
    return 0;
}

static int read_bytes(struct reader *r, const struct place *place, const json_t *json,
                      ProtobufCBinaryData *ret)
{
    auto_buf struct buf bytes = BUF_INIT;

    if (!json_is_string(json))
        return fail(r, place, "expected base64 text, found %s", json_type_name(json));
    if (base64_decode(json_string_value(json), json_string_length(json), &bytes) < 0)
        return fail(r, place, "not base64 text");
    ret->len = bytes.len;
    ret->data = arena_memdup(r->arena, buf_str(&bytes), bytes.len);
    return 0;
}

static void *read_message(struct reader *r, const struct place *place, int depth,
                          const ProtobufCMessageDescriptor *type, const json_t *json);

/* Reads one value to `at`. Returns 1, 0 for the unknown name of an enum, -1 on failure. */
static int read_value(struct reader *r, const struct place *place, int depth,
                      const ProtobufCFieldDescriptor *field, const json_t *json, void *at)
{
    int64_t min = 0;
    uint64_t max, integer = 0;

    switch (field->type) {
    case PROTOBUF_C_TYPE_MESSAGE: {
        void **message = at;
        *message = read_message(r, place, depth, field->descriptor, json);
        return *message ? 1 : -1;
    }
    case PROTOBUF_C_TYPE_STRING:
        return read_string(r, place, json, at) < 0 ? -1 : 1;
    case PROTOBUF_C_TYPE_BYTES:
        return read_bytes(r, place, json, at) < 0 ? -1 : 1;
    case PROTOBUF_C_TYPE_BOOL:
        return read_bool(r, place, json, at) < 0 ? -1 : 1;
    case PROTOBUF_C_TYPE_DOUBLE:
        return read_double(r, place, json, at) < 0 ? -1 : 1;
    case PROTOBUF_C_TYPE_FLOAT: {
        double value;
        if (read_double(r, place, json, &value) < 0)
            return -1;
        *(float *)at = (float)value;
        return 1;
    }
    case PROTOBUF_C_TYPE_ENUM: {
        const ProtobufCEnumDescriptor *names = field->descriptor;
        if (!json_is_string(json))
            return fail(r, place, "expected the name of a %s, found %s", names->name,
                        json_type_name(json));
        const ProtobufCEnumValue *value =
            protobuf_c_enum_descriptor_get_value_by_name(names, json_string_value(json));
        if (!value && field->label == PROTOBUF_C_LABEL_REQUIRED)
            return fail(r, place, "'%s' is not the name of a %s", json_string_value(json),
                        names->name);
        if (value)
            *(int *)at = value->value;
        return value != NULL;
    }
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        max = UINT64_MAX;
        break;
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        max = UINT32_MAX;
        break;
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
        min = INT64_MIN;
        max = INT64_MAX;
        break;
    default:
        min = INT32_MIN;
        max = INT32_MAX;
        break;
    }
    if (read_integer(r, place, json, min, max, &integer) < 0)
        return -1;
    if (pb_value_size(field->type) == 8)
        *(uint64_t *)at = integer;
    else
        *(uint32_t *)at = (uint32_t)integer;
    return 1;
}

/* ---- fields --------------------------------------------------------------------------------- */

static int read_map(struct reader *r, const struct place *place, int depth,
                    const ProtobufCFieldDescriptor *field, const json_t *json, void *message)
{
    const ProtobufCMessageDescriptor *type = field->descriptor;
    const ProtobufCFieldDescriptor *value = &type->fields[1];
    size_t *count = (size_t *)(void *)((char *)message + field->quantifier_offset);
    void ***items = (void ***)(void *)((char *)message + field->offset);
    const char *name;
    json_t *member;

    if (!json_is_object(json))
        return fail(r, place, "expected an object, found %s", json_type_name(json));
    json_object_foreach((json_t *)json, name, member)
    {
        ProtobufCMessage *entry = pb_new(r->arena, type);
        struct place here = {place, name, 0};
        *(const char **)(void *)((char *)entry + type->fields[0].offset) =
            arena_strdup(r->arena, name);
        int read = read_value(r, &here, depth, value, member, (char *)entry + value->offset);
        if (read < 0)
            return -1;
        if (value->type != PROTOBUF_C_TYPE_MESSAGE && value->type != PROTOBUF_C_TYPE_STRING)
            *(protobuf_c_boolean *)(void *)((char *)entry + value->quantifier_offset) = read;
        PB_ADD(r->arena, *count, *items, (void *)entry);
    }
    return 0;
}

static int read_repeated(struct reader *r, const struct place *place, int depth,
                         const ProtobufCFieldDescriptor *field, const json_t *json, void *message)
{
    size_t *count = (size_t *)(void *)((char *)message + field->quantifier_offset);
    size_t size = pb_value_size(field->type), items = json_array_size(json);

    if (pb_field_is_map(field))
        return read_map(r, place, depth, field, json, message);
    if (!json_is_array(json))
        return fail(r, place, "expected an array, found %s", json_type_name(json));
    char *at = arena_zalloc(r->arena, items, size);
    *(char **)(void *)((char *)message + field->offset) = items ? at : NULL;
    for (size_t i = 0; i < items; i++) {
        struct place here = {place, NULL, i};
        int read = read_value(r, &here, depth, field, json_array_get(json, i), at + *count * size);
        if (read < 0)
            return -1;
        *count += (size_t)read; /* an unknown name is left out */
    }
    return 0;
}

static int read_single(struct reader *r, const struct place *place, int depth,
                       const ProtobufCFieldDescriptor *field, const json_t *json, void *message)
{
    void *quantifier = (char *)message + field->quantifier_offset;
    bool oneof = field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF;

    if (oneof && *(uint32_t *)quantifier)
        return fail(r, place, "stands beside another member that excludes it");
    int read = read_value(r, place, depth, field, json, (char *)message + field->offset);
    if (read <= 0)
        return read;
    if (oneof)
        *(uint32_t *)quantifier = field->id;
    else if (field->label == PROTOBUF_C_LABEL_OPTIONAL && field->type != PROTOBUF_C_TYPE_STRING &&
             field->type != PROTOBUF_C_TYPE_MESSAGE)
        *(protobuf_c_boolean *)quantifier = 1;
    return 0;
}

static void *read_message(struct reader *r, const struct place *place, int depth,
                          const ProtobufCMessageDescriptor *type, const json_t *json)
{
    if (!json_is_object(json)) {
        fail(r, place, "expected an object, found %s", json_type_name(json));
        return NULL;
    }
    if (depth > PB_DEPTH) {
        fail(r, NULL, "%s nested deeper than %d levels", type->name, PB_DEPTH);
        return NULL;
    }
    void *message = pb_new(r->arena, type);
    for (unsigned i = 0; i < type->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &type->fields[i];
        struct place here = {place, field->name, 0};
        const json_t *value = json_object_get(json, field->name);
        if (!value || json_is_null(value)) {
            if (field->label == PROTOBUF_C_LABEL_REQUIRED) {
                fail(r, &here, "required, but missing");
                return NULL;
            }
            continue;
        }
        int read = field->label == PROTOBUF_C_LABEL_REPEATED
                       ? read_repeated(r, &here, depth + 1, field, value, message)
                       : read_single(r, &here, depth + 1, field, value, message);
        if (read < 0)
            return NULL;
    }
    return message;
}

void *pb_from_json(const ProtobufCMessageDescriptor *type, const json_t *json, struct arena *arena,
                   struct err *err)
{
    struct reader reader = {arena, err};

    return read_message(&reader, NULL, 1, type, json);
}
