/* Record streams: RecordIO and NDJSON mixed, split anywhere, damaged, too long. */
#include "proto/recordio.h"

#include <stdlib.h>

#include "tap.h"

/* All records of text fed in pieces of `step` bytes, joined: <framed> and {json}, E for an error.
 */
static void read_all(const char *text, size_t len, size_t first, size_t step, struct buf *out)
{
    struct record_reader reader = RECORD_READER_INIT;

    for (size_t at = 0; at < len;) {
        size_t n = at == 0 && first ? first : step;
        if (n > len - at)
            n = len - at;
        record_reader_feed(&reader, text + at, n);
        at += n;
        for (;;) {
            struct record record;
            struct err err = ERR_INIT;
            int got = record_reader_next(&reader, &record, &err);
            if (got == 0)
                break;
            if (got < 0) {
                buf_addc(out, 'E');
                if (reader.broken)
                    goto done;
                continue;
            }
            buf_addc(out, record.is_json ? '|' : '<');
            buf_add(out, record.data, record.len);
        }
    }
    buf_addf(out, " rest %zu", record_reader_rest(&reader));
done:
    record_reader_free(&reader);
}

static const char mixed[] = "5\nhello0\n{\"a\":1}\n\n  \r\n{\"b\":2}\r\n3\n1\n2007\n{}\n}{}\n2\nx";
static const char mixed_read[] = "<hello<|{\"a\":1}|{\"b\":2}<1\n2<{}\n}{}\n rest 3";

static void split_anywhere(void)
{
    for (size_t first = 1; first < sizeof mixed - 1; first++) {
        for (size_t step = 1; step < sizeof mixed; step += first == 1 ? 1 : 19) {
            auto_buf struct buf got = BUF_INIT;
            read_all(mixed, sizeof mixed - 1, first, step, &got);
            CHECK_STR(buf_str(&got), mixed_read);
        }
    }
}

static void bad_lines_are_skipped(void)
{
    auto_buf struct buf got = BUF_INIT;
    static const char text[] = "{}\nhello\n[1]\n{\"x\":1}\n-1\n{}\n";

    read_all(text, sizeof text - 1, 0, 1, &got);
    CHECK_STR(buf_str(&got), "|{}EE|{\"x\":1}E|{} rest 0");
}

static void bad_frames_are_final(void)
{
    static const char *const texts[] = {
        "1x\n",      "2\nab\nz\n{}\n", "99999999\n", "1 \n", "000000000000000000000000001\na",
        "67108865\n"};
    static const char *const want[] = {"E", "<abE", "E", "E", "E", "E"};

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        auto_buf struct buf got = BUF_INIT;
        read_all(texts[i], strlen(texts[i]), 0, 1, &got);
        CHECK_STR(buf_str(&got), want[i]);
    }
    struct record_reader reader = RECORD_READER_INIT;
    struct record record;
    struct err err = ERR_INIT;
    record_reader_feed(&reader, "1\na12x", 6);
    CHECK_INT(record_reader_next(&reader, &record, &err), 1);
    CHECK_INT(record_reader_next(&reader, &record, &err), -1);
    CHECK_STR(err.text, "record 2: its length is not a number");
    CHECK_INT(err.status, EXIT_INPUT);
    record_reader_feed(&reader, "\n1\nb", 4);
    CHECK_INT(record_reader_next(&reader, &record, &err), -1);
    record_reader_free(&reader);

    reader = (struct record_reader)RECORD_READER_INIT;
    reader.only_frames = 1;
    record_reader_feed(&reader, "2\n{}{}\n", 7);
    CHECK_INT(record_reader_next(&reader, &record, &err), 1);
    CHECK(!record.is_json);
    CHECK_INT(record_reader_next(&reader, &record, &err), -1);
    record_reader_free(&reader);
}

static void limits(void)
{
    struct record_reader reader = RECORD_READER_INIT;
    struct record record;
    struct err err = ERR_INIT;
    size_t len = RECORD_LIMIT;
    char *big = malloc(len + 1);

    memset(big, 'x', len + 1);
    /* Just long enough as a frame. */
    record_reader_feed(&reader, "67108864\n", 9);
    record_reader_feed(&reader, big, len);
    CHECK_INT(record_reader_next(&reader, &record, &err), 1);
    CHECK(record.len == len);
    record_reader_feed(&reader, "1\n", 2);
    CHECK(reader.pending.cap < 1024); /* the room went */
    record_reader_free(&reader);

    /* A line without an end is refused once, and reading goes on behind it. */
    reader = (struct record_reader)RECORD_READER_INIT;
    big[0] = '{';
    record_reader_feed(&reader, big, len);
    CHECK_INT(record_reader_next(&reader, &record, &err), 0);
    record_reader_feed(&reader, "x", 1);
    CHECK_INT(record_reader_next(&reader, &record, &err), -1);
    CHECK_STR(err.text, "record 1: line longer than 64 MiB");
    record_reader_feed(&reader, big, 1000);
    CHECK_INT(record_reader_next(&reader, &record, &err), 0);
    record_reader_feed(&reader, "rest\n{}\n", 8);
    CHECK_INT(record_reader_next(&reader, &record, &err), 1);
    CHECK(record.len == 2 && record.is_json);
    CHECK_INT(reader.number, 2);
    record_reader_free(&reader);
    free(big);
}

static void framing(void)
{
    auto_buf struct buf out = BUF_INIT;

    record_frame(&out, "hello", 5);
    record_frame(&out, "", 0);
    CHECK_STR(buf_str(&out), "5\nhello0\n");
}

TAP_MAIN(TEST(split_anywhere), TEST(bad_lines_are_skipped), TEST(bad_frames_are_final),
         TEST(limits), TEST(framing))
