#include "state/wire.h"

#include <string.h>

struct wire wire_of(const void *data, size_t len)
{
    const uint8_t *bytes = data ? data : (const void *)"";

    return (struct wire){bytes, bytes + len, false};
}

struct wire wire_in(const struct wire_field *field)
{
    return wire_of(field->data, field->len);
}

static bool varint(struct wire *w, uint64_t *ret)
{
    *ret = 0;
    for (int shift = 0; shift < 70 && w->at < w->end; shift += 7) {
        uint8_t byte = *w->at++;
        if (shift < 64)
            *ret |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return true;
    }
    w->broken = true;
    return false;
}

static bool fixed(struct wire *w, int bytes, uint64_t *ret)
{
    if (w->end - w->at < bytes) {
        w->broken = true;
        return false;
    }
    *ret = 0;
    for (int i = bytes; i-- > 0;)
        *ret = *ret << 8 | w->at[i];
    w->at += bytes;
    return true;
}

bool wire_next(struct wire *w, struct wire_field *ret)
{
    uint64_t key, len;

    if (w->broken || w->at == w->end || !varint(w, &key))
        return false;
    *ret = (struct wire_field){.number = (uint32_t)(key >> 3), .type = key & 7};
    switch (ret->type) {
    case WIRE_VARINT:
        return varint(w, &ret->value);
    case WIRE_FIXED64:
        return fixed(w, 8, &ret->value);
    case WIRE_FIXED32:
        return fixed(w, 4, &ret->value);
    case WIRE_BYTES:
        if (!varint(w, &len) || len > (uint64_t)(w->end - w->at)) {
            w->broken = true;
            return false;
        }
        ret->data = (const char *)w->at;
        ret->len = (size_t)len;
        w->at += len;
        return true;
    default:
        w->broken = true;
        return false;
    }
}

struct span wire_get(const void *data, size_t len, uint32_t number)
{
    struct wire w = wire_of(data, len);
    struct span found = {NULL, 0};
    struct wire_field f;

    while (wire_next(&w, &f)) {
        if (f.number == number && f.type == WIRE_BYTES)
            found = (struct span){f.data, f.len};
    }
    return found;
}

void wire_labels(const void *data, size_t len,
                 void (*fn)(void *ctx, struct span key, struct span value), void *ctx)
{
    struct wire labels = wire_of(data, len);
    struct wire_field label, f;

    while (wire_next(&labels, &label)) {
        if (label.number != 1 || label.type != WIRE_BYTES)
            continue;
        struct span key = {NULL, 0}, value = {NULL, 0};
        struct wire w = wire_in(&label);
        while (wire_next(&w, &f)) {
            if (f.type != WIRE_BYTES)
                continue;
            if (f.number == 1)
                key = (struct span){f.data, f.len};
            else if (f.number == 2)
                value = (struct span){f.data, f.len};
        }
        if (key.data)
            fn(ctx, key, value);
    }
}

bool span_is(struct span span, const char *text)
{
    return span.data && strlen(text) == span.len && memcmp(span.data, text, span.len) == 0;
}
