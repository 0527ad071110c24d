/* Calls on their way from standard input to the master, and the records that tell of those that did
 * not arrive. Pure. */
#ifndef DSE_MESOS_CALLS_H
#define DSE_MESOS_CALLS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "proto/pb.h"
#include "proto/recordio.h"

struct call {
    struct call *next;
    unsigned long id; /* counted from 1, for the log */
    Call__Type type;
    bool is_json; /* the record is a JSON text, else protobuf */
    size_t len;
    const char *body; /* to POST: the record itself where the wire has the same encoding */
    size_t body_len;
    char data[]; /* the record as it came, to be shown when it fails */
};

/* Takes a record of standard input, NDJSON or RecordIO, and makes the body to POST of it. A JSON
 * call goes out as it came when the wire is JSON, unknown members included. Errors (EXIT_INPUT):
 * not a Call, or one without a known type. For the caller to free(). */
struct call *call_of_record(const struct record *record, bool json_wire, unsigned long id,
                            struct err *err);
const char *call_name(const struct call *call); /* "ACCEPT" */
size_t call_size(const struct call *call);      /* bytes that it holds */

/* What became of a call that failed, as far as is known. */
enum call_fate {
    CALL_NOT_SENT, /* "no": the master did not take it: it never left whole, or was refused */
    CALL_UNKNOWN,  /* "unknown": it may have been carried out */
};

/* Appends the line {"type":"DSE_CALL_FAILED","call":...,"status":N,"sent":...,"message":...}. Of a
 * record that is no call (call NULL) `refused` is shown, where it is JSON. */
void call_failed_line(const struct call *call, const struct record *refused, int status,
                      enum call_fate fate, const char *message, struct buf *out);

/* Does the answer to a call say that the stream, not the call, is wrong: the stream id is not the
 * current one, the framework is unknown or not subscribed, the master does not lead (see
 * offer-cycle 10.7)? */
bool call_answer_ends_stream(long status, const char *body);
/* What an HTTP status says about the fate of the call. */
enum call_fate call_fate_of_status(long status);

#endif
