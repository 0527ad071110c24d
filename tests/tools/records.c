/* records calls|events: reads records of either form from standard input and prints each as a JSON
 * line, calls and events in Mesos's mapping; a `-` in front of the word writes RecordIO instead. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/io.h"
#include "base/json.h"
#include "proto/pbjson.h"
#include "proto/recordio.h"

static int convert(const ProtobufCMessageDescriptor *type, bool frame, const struct record *record,
                   struct err *err)
{
    auto_arena struct arena arena = ARENA_INIT;
    auto_buf struct buf out = BUF_INIT, bytes = BUF_INIT;
    void *message = NULL;

    if (record->is_json) {
        json_auto json_t *json = json_parse(record->data, record->len, "line", err);
        message = json ? pb_from_json(type, json, &arena, err) : NULL;
    } else {
        message = pb_unpack(type, record->data, record->len, &arena, "record", err);
    }
    if (!message)
        return -1;
    if (frame) {
        pb_pack(message, &bytes);
        record_frame(&out, bytes.data, bytes.len);
    } else {
        json_auto json_t *json = pb_to_json(message);
        json_write(&out, json, JSON_LAYOUT_COMPACT);
        buf_addc(&out, '\n');
    }
    return io_write_all(STDOUT_FILENO, out.data, out.len)
               ? err_set(err, EXIT_UNREACHABLE, "cannot write")
               : 0;
}

int main(int argc, char **argv)
{
    struct record_reader reader = RECORD_READER_INIT;
    struct record record;
    struct err err = ERR_INIT;
    const char *word = argc == 2 ? argv[1] : "";
    const bool frame = *word == '-';
    const ProtobufCMessageDescriptor *type =
        strcmp(word + frame, "calls") == 0 ? &call__descriptor : &event__descriptor;
    auto_free char *chunk = xmalloc(65536);
    ssize_t n;
    int got = 0;

    while (got >= 0 && (n = read(STDIN_FILENO, chunk, 65536)) > 0) {
        record_reader_feed(&reader, chunk, (size_t)n);
        while ((got = record_reader_next(&reader, &record, &err)) > 0) {
            if (convert(type, frame, &record, &err)) {
                got = -1;
                break;
            }
        }
    }
    record_reader_free(&reader);
    if (got < 0)
        fprintf(stderr, "records: %s\n", err.text);
    return got < 0 ? (int)err.status : 0;
}
