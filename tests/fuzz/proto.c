/* Bytes from the wire. The first byte chooses: a stream of records, an Event, a Call, or a
 * TaskInfo. What decodes encodes again to an equal message, also through JSON. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proto/pb.h"
#include "proto/pbjson.h"
#include "proto/recordio.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The same records whatever the pieces. */
static void stream(const uint8_t *data, size_t size)
{
    struct record_reader whole = RECORD_READER_INIT, pieces = RECORD_READER_INIT;
    struct record a, b;
    size_t fed = 0;

    record_reader_feed(&whole, data, size);
    for (;;) {
        struct err err = ERR_INIT;
        int want = record_reader_next(&whole, &a, &err), got;
        while ((got = record_reader_next(&pieces, &b, &err)) == 0 && fed < size)
            record_reader_feed(&pieces, data + fed++, 1);
        if (want != got)
            abort();
        if (want == 0 || whole.broken)
            break;
        if (want > 0 && (a.len != b.len || memcmp(a.data, b.data, a.len) != 0))
            abort();
    }
    record_reader_free(&whole);
    record_reader_free(&pieces);
}

static void message(const ProtobufCMessageDescriptor *type, const uint8_t *data, size_t size)
{
    auto_arena struct arena arena = ARENA_INIT;
    struct err err = ERR_INIT;
    const void *decoded = pb_unpack(type, data, size, &arena, "fuzz", &err);

    if (!decoded) {
        if (err.status != EXIT_INPUT)
            abort();
        return;
    }
    if (!pb_equal(decoded, pb_copy(decoded, &arena)))
        abort();
    size_t len;
    void *bytes = pb_pack_arena(decoded, &arena, &len);
    pb_unpack(type, bytes, len, &arena, "packed", &err);
    json_t *json = pb_to_json(decoded);
    const void *back = pb_from_json(type, json, &arena, &err);
    /* Names of unknown enum numbers and text that is not UTF-8 change once, then no more. */
    if (back) {
        json_t *again = pb_to_json(back);
        const void *stable = pb_from_json(type, again, &arena, &err);
        if (!stable || !pb_equal(back, stable))
            abort();
        json_decref(again);
    }
    json_decref(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const ProtobufCMessageDescriptor *const types[] = {&event__descriptor, &call__descriptor,
                                                              &task_info__descriptor};

    if (!size)
        return 0;
    if (data[0] % 4 == 3)
        stream(data + 1, size - 1);
    else
        message(types[data[0] % 4], data + 1, size - 1);
    return 0;
}
