/* What the descriptor of a field says about a message in memory; for the walkers of this floor. */
#ifndef DSE_PROTO_PBFIELD_H
#define DSE_PROTO_PBFIELD_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>

/* Bytes of one value as a member or array element. */
size_t pb_value_size(ProtobufCType type);
/* Set, and to what: a string or message by its pointer (a declared default is not set), a oneof
 * member by the case, an optional scalar by its flag; a required scalar always. Not for repeated
 * fields. */
bool pb_field_is_set(const ProtobufCFieldDescriptor *field, const void *message);
/* A map<string, ...>: protobuf-c shows it as repeated entries {1 key, 2 value}. */
bool pb_field_is_map(const ProtobufCFieldDescriptor *field);

static inline const void *pb_member(const ProtobufCFieldDescriptor *field, const void *message)
{
    return (const char *)message + field->offset;
}

static inline size_t pb_count(const ProtobufCFieldDescriptor *field, const void *message)
{
    return *(const size_t *)(const void *)((const char *)message + field->quantifier_offset);
}

#endif
