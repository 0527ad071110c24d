/* A look at encoded bytes without decoding them: nesting depth before the decoder (which recurses
 * without a bound, see style-anchors 10.5) and the reason afterwards when it refused. */
#ifndef DSE_PROTO_PBSCAN_H
#define DSE_PROTO_PBSCAN_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>

#include "base/buf.h"

/* True when messages nest no deeper than `limit` (the outermost counts as 1). Only fields whose
 * type can contain itself are looked into, so the usual message costs next to nothing. */
bool pb_depth_within(const ProtobufCMessageDescriptor *type, const void *data, size_t len,
                     int limit);

/* Appends why these bytes are no such message: "required field 'status.task_id' is missing",
 * "broken at byte 12". At most `limit` levels deep. */
void pb_explain(const ProtobufCMessageDescriptor *type, const void *data, size_t len, int limit,
                struct buf *out);

#endif
