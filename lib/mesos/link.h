/* The link to the master: transport only. Calls come in one by one, events and the link's own
 * records go out; connections are found, watched and made anew behind that.
 *
 *   finding -> probing -> waiting for SUBSCRIBE -> opening -> subscribed
 *      ^                                                          |
 *      +---------------- back-off <-- anything goes wrong --------+
 *
 * A connection is announced by DSE_CONNECTED, to which the user answers with SUBSCRIBE; its end by
 * DSE_DISCONNECTED. Other calls go out one at a time, in order, once SUBSCRIBED has come, on a
 * kept connection of their own. No call is sent twice (see post.h): each that was not accepted is
 * reported by DSE_CALL_FAILED, those for a stream that ended without being sent.
 *
 * See offer-cycle 10.1-10.7, 11.9; design section 3, Streams. */
#ifndef DSE_MESOS_LINK_H
#define DSE_MESOS_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/loop.h"
#include "proto/recordio.h"

struct link;

struct link_options {
    struct loop *loop;
    const char *master;        /* URL, see master.h */
    const char *authorization; /* header line, or NULL */
    bool json_wire;            /* JSON instead of protobuf between us and the master */
    bool raw_events;           /* events as RecordIO, bytes untouched; not with json_wire */
    long heartbeats;           /* a stream silent for that many intervals is dead */
    int64_t heartbeat_ms;      /* the interval until SUBSCRIBED tells it */
    int64_t backoff_ms, backoff_max_ms;
    int64_t call_timeout_ms;
    /* One record: a line, or a frame. May be called from inside the transfer; must not call back.
     */
    void (*output)(void *ctx, const void *data, size_t len);
    /* After link_end(), all calls having been answered or reported (NULL); or the link cannot go on
     * (EXIT_DENIED, EXIT_UNREACHABLE). Called once, from the loop. */
    void (*ended)(void *ctx, const struct err *why);
    /* The master took a call (but SUBSCRIBE), or not, so long after it was sent. NULL: nobody asks.
     */
    void (*answered)(void *ctx, bool accepted, int64_t took_ns);
    void *ctx;
};

struct link *link_new(const struct link_options *options, struct err *err);
void link_free(struct link *link); /* not from one of its callbacks */

/* A call to send. One that is no call is refused: DSE_CALL_FAILED, and -1 with EXIT_INPUT. */
int link_call(struct link *link, const struct record *record, struct err *err);
/* No call will follow. */
void link_end(struct link *link);
/* True: reads no events until it is false again, nor counts their silence. From the loop, or from
 * output(). Calls go on. */
void link_hold(struct link *link, bool hold);

#endif
