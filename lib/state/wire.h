/* Reading a few fields out of encoded messages without decoding them: what a task's summary needs
 * costs one walk over its bytes and no memory. Full messages come from proto/pb.h. Pure. */
#ifndef DSE_STATE_WIRE_H
#define DSE_STATE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wire {
    const uint8_t *at, *end;
    bool broken;
};

enum { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };

struct wire_field {
    uint32_t number;
    unsigned type;
    uint64_t value;   /* varint, fixed64, fixed32 */
    const char *data; /* WIRE_BYTES; not NUL-terminated */
    size_t len;
};

struct span {
    const char *data; /* NULL: absent */
    size_t len;
};

struct wire wire_of(const void *data, size_t len);
struct wire wire_in(const struct wire_field *field); /* a message inside */
/* The next field; false at the end or when the bytes are broken (then wire->broken). */
bool wire_next(struct wire *wire, struct wire_field *ret);
/* The string or message that is field `number` of a message, such as TaskID.value. Last one wins.
 */
struct span wire_get(const void *data, size_t len, uint32_t number);
/* Calls fn for each label of an encoded Labels message. */
void wire_labels(const void *data, size_t len,
                 void (*fn)(void *ctx, struct span key, struct span value), void *ctx);

bool span_is(struct span span, const char *text);

#endif
