#include "proto/recordio.h"

#include <string.h>

#include "base/text.h"

enum { LARGE = 1 << 20 };

void record_reader_free(struct record_reader *reader)
{
    buf_free(&reader->pending);
}

void record_reader_feed(struct record_reader *reader, const void *data, size_t len)
{
    /* Bytes already read are dropped when they are the larger part, so that each byte moves at most
     * once on average. */
    if (reader->start > reader->pending.len / 2) {
        buf_consume(&reader->pending, reader->start);
        reader->start = 0;
    }
    /* A large record was an exception: its room goes. */
    if (!reader->pending.len && reader->pending.cap > LARGE)
        buf_free(&reader->pending);
    buf_add(&reader->pending, data, len);
}

size_t record_reader_rest(const struct record_reader *reader)
{
    return reader->pending.len - reader->start;
}

static int frame_error(struct record_reader *reader, struct err *err, const char *reason)
{
    reader->broken = 1;
    return err_set(err, EXIT_INPUT, "record %lu: %s", reader->number + 1, reason);
}

static int next_frame(struct record_reader *reader, struct record *ret, struct err *err)
{
    const char *at = reader->pending.data + reader->start;
    size_t left = record_reader_rest(reader), size = 0, digits = 0;

    while (digits < left && at[digits] >= '0' && at[digits] <= '9') {
        size = size * 10 + (size_t)(at[digits++] - '0');
        if (size > RECORD_LIMIT)
            return frame_error(reader, err, "longer than 64 MiB");
        if (digits > 20)
            return frame_error(reader, err, "its length has too many digits");
    }
    if (digits == left)
        return 0;
    if (at[digits] != '\n')
        return frame_error(reader, err, "its length is not a number");
    if (left - digits - 1 < size)
        return 0;
    reader->start += digits + 1 + size;
    reader->number++;
    *ret = (struct record){at + digits + 1, size, 0};
    return 1;
}

/* A line, without its end; skipped when `bad` says that it is no object. */
static int next_line(struct record_reader *reader, struct record *ret, int bad, struct err *err)
{
    const char *at = reader->pending.data + reader->start;
    size_t left = record_reader_rest(reader);
    const char *end = memchr(at + reader->scanned, '\n', left - reader->scanned);

    if (!end) {
        reader->scanned = left;
        if (left <= RECORD_LIMIT)
            return 0;
        /* The rest of the line is skipped as it comes. */
        buf_clear(&reader->pending);
        reader->start = reader->scanned = 0;
        reader->skipping = 1;
        reader->number++;
        return err_set(err, EXIT_INPUT, "record %lu: line longer than 64 MiB", reader->number);
    }
    size_t len = (size_t)(end - at);
    reader->start += len + 1;
    reader->scanned = 0;
    reader->number++;
    if (bad)
        return err_set(err, EXIT_INPUT,
                       "record %lu: starts with '%c', neither a JSON object nor a record length",
                       reader->number, *at);
    *ret = (struct record){at, len && at[len - 1] == '\r' ? len - 1 : len, 1};
    return 1;
}

/* Goes on behind the end of an overlong line; false when it is still not there. */
static int skip_line(struct record_reader *reader)
{
    const char *at = reader->pending.data + reader->start;
    size_t left = record_reader_rest(reader);
    const char *end = left ? memchr(at, '\n', left) : NULL;

    reader->start = end ? reader->start + (size_t)(end - at) + 1 : reader->pending.len;
    reader->skipping = end == NULL;
    return end != NULL;
}

int record_reader_next(struct record_reader *reader, struct record *ret, struct err *err)
{
    if (reader->broken)
        return err_set(err, EXIT_INPUT, "record %lu: the stream cannot be read any further",
                       reader->number + 1);
    if (reader->skipping && !skip_line(reader))
        return 0;
    while (record_reader_rest(reader) && !reader->scanned) {
        char c = reader->pending.data[reader->start];
        if (c != '\n' && c != '\r' && c != ' ' && c != '\t')
            break;
        reader->start++;
    }
    if (!record_reader_rest(reader))
        return 0;
    char first = reader->pending.data[reader->start];
    if (first >= '0' && first <= '9') {
        reader->framed = 1;
        return next_frame(reader, ret, err);
    }
    if (first == '{' && !reader->only_frames)
        return next_line(reader, ret, 0, err);
    if (reader->framed || reader->only_frames)
        return frame_error(reader, err, "its length is not a number");
    return next_line(reader, ret, 1, err);
}

void record_head(struct buf *out, size_t len)
{
    char room[TEXT_NUMBER];

    buf_adds(out, text_of_number((int64_t)len, room));
    buf_addc(out, '\n');
}

void record_frame(struct buf *out, const void *data, size_t len)
{
    record_head(out, len);
    buf_add(out, data, len);
}
