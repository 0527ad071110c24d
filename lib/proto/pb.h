/* Protobuf messages in arenas. Generated types come from proto/ without a package: `TaskInfo`,
 * `Offer__Operation`, `task_info__init`. Names are those of the v1 API (agent_id); the V0 bytes in
 * ZooKeeper are the same (see state-store 8.0).
 *
 * Messages decoded or built here live wholly in an arena: never call *_free_unpacked on them. */
#ifndef DSE_PROTO_PB_H
#define DSE_PROTO_PB_H

#include <protobuf-c/protobuf-c.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "proto/mesos.pb-c.h"
#include "proto/scheduler.pb-c.h"

enum { PB_DEPTH = 100 };

/* Decodes into the arena; strings and bytes are copied. `what` names the source in errors
 * ("Tasks/dse-0-node/TaskInfo"). Nesting deeper than PB_DEPTH and missing required fields are
 * EXIT_INPUT errors. Unknown fields are kept. Returns NULL on failure. */
void *pb_unpack(const ProtobufCMessageDescriptor *type, const void *data, size_t len,
                struct arena *arena, const char *what, struct err *err);
#define PB_UNPACK(Type, prefix, data, len, arena, what, err) \
    ((Type *)pb_unpack(&prefix##__descriptor, (data), (len), (arena), (what), (err)))

/* Bytes of the encoding. */
size_t pb_size(const void *message);
/* Appends the encoding. */
void pb_pack(const void *message, struct buf *out);
/* The same when the size is known already. */
void pb_pack_sized(const void *message, size_t size, struct buf *out);
/* Encodes to where there is room for so many bytes. */
void pb_pack_at(const void *message, void *at);
/* Encodes into the arena. */
void *pb_pack_arena(const void *message, struct arena *arena, size_t *ret_len);

/* A new initialised message in the arena: TaskInfo *t = PB_NEW(arena, TaskInfo, task_info). */
void *pb_new(struct arena *arena, const ProtobufCMessageDescriptor *type);
#define PB_NEW(arena, Type, prefix) ((Type *)pb_new((arena), &prefix##__descriptor))

/* A deep copy, unknown fields included. */
void *pb_copy(const void *message, struct arena *arena);
/* Equal as messages: same fields and values, order of fields irrelevant. */
int pb_equal(const void *a, const void *b);

/* Adds one element to a repeated message field kept as (n_items, items). */
#define PB_ADD(arena, n, items, item)                                                      \
    do {                                                                                   \
        __typeof__(items) pb_items_ = arena_push((arena), (items), &(n), sizeof *(items)); \
        pb_items_[(n)-1] = (item);                                                         \
        (items) = pb_items_;                                                               \
    } while (0)
/* PB_ADD needs (n, items) to start empty or to be built by PB_ADD alone: an array that came out of
 * pb_unpack() must first be passed through PB_OWN, which copies it into arena-push shape. */
#define PB_OWN(arena, n, items) ((items) = pb_own_array((arena), (items), (n), sizeof *(items)))
void *pb_own_array(struct arena *arena, const void *items, size_t count, size_t item_size);

#endif
