/* Protobuf <-> JSON by descriptor, in Mesos's own mapping (see offer-cycle 10.6): snake_case names,
 * enums by name, bytes as base64, 64-bit integers as numbers, maps as objects, unset fields absent,
 * empty messages `{}`. One table-driven walker serves all messages. */
#ifndef DSE_PROTO_PBJSON_H
#define DSE_PROTO_PBJSON_H

#include <jansson.h>

#include "proto/pb.h"

/* A new JSON object. Unknown enum numbers print as "UNKNOWN(99)". Infinite doubles become the
 * strings "Infinity" and "-Infinity", which Mesos reads. */
json_t *pb_to_json(const void *message);

/* Decodes into the arena. Unknown members are ignored; an unknown name of an optional enum leaves
 * it unset; wrong types and missing required fields are EXIT_INPUT errors that name the path
 * ("accept.operations[2].type"). Numbers may come as strings (Mesos reads both). NULL on failure.
 */
void *pb_from_json(const ProtobufCMessageDescriptor *type, const json_t *json, struct arena *arena,
                   struct err *err);
#define PB_FROM_JSON(Type, prefix, json, arena, err) \
    ((Type *)pb_from_json(&prefix##__descriptor, (json), (arena), (err)))

/* Name of an enum value, or "UNKNOWN(n)" in the arena-free static buffer of the calling thread. */
const char *pb_enum_name(const ProtobufCEnumDescriptor *type, int value);
/* Value for a name, or -1. */
int pb_enum_value(const ProtobufCEnumDescriptor *type, const char *name);

/* Standard base64 with padding. base64_decode returns the length or -1. */
void base64_encode(struct buf *out, const void *data, size_t len);
long base64_decode(const char *text, size_t len, struct buf *out);

#endif
