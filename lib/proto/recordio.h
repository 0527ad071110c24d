/* Records of a stream, incrementally: RecordIO (`<length>\n<bytes>`) and NDJSON (`{…}\n`), told
 * apart per record by the first byte, a digit or `{` (see offer-cycle 10.2 and the design, Fast
 * path). Feed bytes as they come, take records until there is none. */
#ifndef DSE_PROTO_RECORDIO_H
#define DSE_PROTO_RECORDIO_H

#include "base/buf.h"
#include "base/err.h"

enum { RECORD_LIMIT = 64 << 20 }; /* bytes of one record */

struct record_reader {
    struct buf pending;
    size_t start;         /* first unread byte of pending */
    unsigned long number; /* of the last record returned, from 1, for messages */
    size_t scanned;       /* bytes of an unfinished line known to hold no newline */
    int framed;           /* a RecordIO record was seen: foreign bytes are no line to skip */
    int skipping;         /* inside an overlong line */
    int broken;           /* after a RecordIO framing error */
    int only_frames;      /* set it for a stream of nothing but RecordIO */
};

struct record {
    const char *data; /* valid until the next call with the reader */
    size_t len;
    int is_json; /* an NDJSON line; else the payload of a RecordIO record */
};

#define RECORD_READER_INIT            \
    {                                 \
        BUF_INIT, 0, 0, 0, 0, 0, 0, 0 \
    }
void record_reader_free(struct record_reader *reader);
void record_reader_feed(struct record_reader *reader, const void *data, size_t len);
/* 1 with *ret filled, 0 when more bytes are needed, -1 on a framing error (EXIT_INPUT); blank lines
 * are skipped. After an error of an NDJSON line reading goes on behind it; a RecordIO framing error
 * is final. */
int record_reader_next(struct record_reader *reader, struct record *ret, struct err *err);
/* Bytes of an unfinished record at end of file. */
size_t record_reader_rest(const struct record_reader *reader);

/* Appends what stands before a record of that length, for the caller to append it. */
void record_head(struct buf *out, size_t len);
/* Appends the record framed as RecordIO. */
void record_frame(struct buf *out, const void *data, size_t len);

#endif
