/* wire FILE...: takes recorded traffic through our protobuf and JSON and compares.
 * wire encode call|event: NDJSON on stdin becomes RecordIO of protobuf.
 * wire decode call|event: and back.
 *
 * Lines of a capture (NDJSON; objects with a member `call` or `event`): JSON -> message -> bytes ->
 * message -> JSON must be equal as a JSON value. Records of a .recordio file, calls or events by
 * the name of the file: bytes -> message -> bytes -> message must be equal messages, and equal
 * again through JSON. Prints `FILE: N records` and exits 1 at the first difference. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/json.h"
#include "proto/pb.h"
#include "proto/pbjson.h"
#include "proto/recordio.h"

static bool same(const json_t *a, const json_t *b);

/* Every member of a in b; an empty list is no list, since protobuf knows no difference. */
static bool members_in(const json_t *a, const json_t *b)
{
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)a, key, value)
    {
        const json_t *other = json_object_get(b, key);
        if (other ? !same(value, other) : !json_is_array(value) || json_array_size(value))
            return false;
    }
    return true;
}

/* As JSON values: 15 and 15.0 are the same number. */
static bool same(const json_t *a, const json_t *b)
{
    if (json_is_number(a) && json_is_number(b))
        return json_is_integer(a) && json_is_integer(b)
                   ? json_integer_value(a) == json_integer_value(b)
                   : json_number_value(a) == json_number_value(b);
    if (json_is_object(a) && json_is_object(b))
        return members_in(a, b) && members_in(b, a);
    if (json_is_array(a) && json_is_array(b)) {
        for (size_t i = 0; i < json_array_size(a); i++) {
            if (i >= json_array_size(b) || !same(json_array_get(a, i), json_array_get(b, i)))
                return false;
        }
        return json_array_size(a) == json_array_size(b);
    }
    return json_equal(a, b);
}

static void print_pair(const json_t *a, const json_t *b)
{
    auto_buf struct buf out = BUF_INIT;

    buf_adds(&out, "was ");
    json_write(&out, a, JSON_LAYOUT_COMPACT);
    buf_adds(&out, "\nnow ");
    json_write(&out, b, JSON_LAYOUT_COMPACT);
    puts(buf_str(&out));
}

static int check_json(const ProtobufCMessageDescriptor *type, const json_t *json, struct err *err)
{
    auto_arena struct arena arena = ARENA_INIT;
    size_t len;
    void *message = pb_from_json(type, json, &arena, err);

    if (!message)
        return -1;
    void *bytes = pb_pack_arena(message, &arena, &len);
    void *again = pb_unpack(type, bytes, len, &arena, "packed", err);
    if (!again)
        return -1;
    json_auto json_t *back = pb_to_json(again);
    if (same(json, back))
        return 0;
    print_pair(json, back);
    return err_set(err, EXIT_NO, "differs after JSON, protobuf, JSON");
}

/* Returns 1 when the line held a call or an event, 0 when not, -1 on failure. */
static int check_line(const struct record *record, struct err *err)
{
    json_auto json_t *line = json_parse(record->data, record->len, "line", err);

    if (!line)
        return -1;
    json_t *call = json_object_get(line, "call"), *event = json_object_get(line, "event");
    const char *type = json_string_value(json_object_get(call, "type"));
    /* A wrong call on purpose: the master too read an unknown name as none ("Expecting 'type' to be
     * present"), see offer-cycle 10.6. */
    if (type && pb_enum_value(&call__type__descriptor, type) < 0)
        json_object_del(call, "type");
    if (call && check_json(&call__descriptor, call, err) < 0)
        return err_prefix(err, "call");
    if (event && check_json(&event__descriptor, event, err) < 0)
        return err_prefix(err, "event");
    return call || event;
}

static int check_bytes(const ProtobufCMessageDescriptor *type, const struct record *record,
                       struct err *err)
{
    auto_arena struct arena arena = ARENA_INIT;
    size_t len;
    void *message = pb_unpack(type, record->data, record->len, &arena, "record", err);

    if (!message)
        return -1;
    void *bytes = pb_pack_arena(message, &arena, &len);
    void *again = pb_unpack(type, bytes, len, &arena, "packed", err);
    if (!again)
        return -1;
    if (len != record->len || !pb_equal(message, again))
        return err_set(err, EXIT_NO, "differs after decoding and encoding");
    json_auto json_t *json = pb_to_json(message);
    void *back = pb_from_json(type, json, &arena, err);
    if (!back)
        return -1;
    if (!pb_equal(message, back))
        return err_set(err, EXIT_NO, "differs after protobuf, JSON, protobuf");
    return 1;
}

static int check_file(const char *path, struct err *err)
{
    auto_buf struct buf text = BUF_INIT;
    struct record_reader reader = RECORD_READER_INIT;
    struct record record;
    const ProtobufCMessageDescriptor *type =
        strstr(path, "-calls.") ? &call__descriptor : &event__descriptor;
    unsigned long count = 0;
    int got;

    if (io_read_file(path, RECORD_LIMIT, &text, err) < 0)
        return -1;
    record_reader_feed(&reader, text.data, text.len);
    while ((got = record_reader_next(&reader, &record, err)) > 0) {
        got = record.is_json ? check_line(&record, err) : check_bytes(type, &record, err);
        if (got < 0)
            break;
        count += (unsigned long)got;
    }
    if (got == 0 && record_reader_rest(&reader))
        got = err_set(err, EXIT_INPUT, "ends inside a record");
    if (got < 0)
        err_prefix(err, "%s: record %lu", path, reader.number);
    else
        printf("%s: %lu records\n", path, count);
    record_reader_free(&reader);
    return got;
}

/* encode or decode, from stdin to stdout. */
static int convert(bool encode, const ProtobufCMessageDescriptor *type, struct err *err)
{
    auto_buf struct buf text = BUF_INIT, out = BUF_INIT;
    struct record_reader reader = RECORD_READER_INIT;
    struct record record;
    int got;

    if (io_read_file("-", RECORD_LIMIT, &text, err) < 0)
        return -1;
    record_reader_feed(&reader, text.data, text.len);
    while ((got = record_reader_next(&reader, &record, err)) > 0) {
        auto_arena struct arena arena = ARENA_INIT;
        json_auto json_t *json = NULL;
        const void *message;
        if (encode) {
            size_t len;
            json = json_parse(record.data, record.len, "line", err);
            message = json ? pb_from_json(type, json, &arena, err) : NULL;
            const void *bytes = message ? pb_pack_arena(message, &arena, &len) : NULL;
            if (bytes)
                record_frame(&out, bytes, len);
        } else {
            message = pb_unpack(type, record.data, record.len, &arena, "record", err);
            json = message ? pb_to_json(message) : NULL;
            if (json) {
                json_write(&out, json, JSON_LAYOUT_COMPACT);
                buf_addc(&out, '\n');
            }
        }
        if (!message) {
            got = -1;
            break;
        }
    }
    record_reader_free(&reader);
    if (got == 0 && io_write_all(STDOUT_FILENO, buf_str(&out), out.len) < 0)
        got = err_set(err, EXIT_UNREACHABLE, "cannot write");
    return got;
}

int main(int argc, char **argv)
{
    struct err err = ERR_INIT;
    int got = 0;

    if (argc == 3 && (strcmp(argv[1], "encode") == 0 || strcmp(argv[1], "decode") == 0)) {
        got = convert(argv[1][0] == 'e', argv[2][0] == 'c' ? &call__descriptor : &event__descriptor,
                      &err);
    } else {
        for (int i = 1; i < argc && got == 0; i++)
            got = check_file(argv[i], &err);
    }
    if (got < 0)
        fprintf(stderr, "wire: %s\n", err.text);
    return got < 0 ? (int)err.status : 0;
}
