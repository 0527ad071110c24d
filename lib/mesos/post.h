/* One POST of a call by libcurl, set up so that the body leaves this process at most once.
 *
 * When a kept connection dies before the first byte of an answer, libcurl sends the request again
 * by itself, also a POST (see style-anchors 10.2). An ACCEPT that arrives twice makes the master
 * report its own tasks as dropped. Here the body comes from a callback that cannot be rewound, so
 * such a repeat fails with CURLE_SEND_FAIL_REWIND instead; only a request of whose body nothing had
 * left is tried again, which cannot do harm. So connections can be kept. */
#ifndef DSE_MESOS_POST_H
#define DSE_MESOS_POST_H

#include <curl/curl.h>
#include <stdbool.h>

#include "base/buf.h"

enum { STREAM_ID_MAX = 128, ANSWER_MAX = 2000 };

struct post {
    CURL *easy;
    struct curl_slist *headers;
    struct buf body;                   /* filled by the caller before post_setup() */
    size_t taken;                      /* bytes of the body handed to libcurl */
    struct buf answer;                 /* the beginning of the answer's body */
    char stream_id[STREAM_ID_MAX + 1]; /* of the answer; "" without */
    bool bad_stream_id;                /* longer than that, or with control characters */
    curl_socket_t socket;              /* opened last; CURL_SOCKET_BAD when closed since */
    char error[CURL_ERROR_SIZE];
};

void post_init(struct post *post);
void post_free(struct post *post); /* the transfer must have been stopped */

struct post_options {
    const char *base;          /* "http://host:port" */
    bool json;                 /* encoding of the body, and of the answer asked for */
    const char *stream_id;     /* NULL for SUBSCRIBE */
    const char *authorization; /* header line, or NULL */
    bool fresh;                /* on a new connection */
    long timeout_ms;           /* of the whole transfer; 0: none */
};
/* Prepares the handle for a transfer; the body is what post->body holds. Answers are kept in
 * post->answer until the caller sets a write function of its own. */
void post_setup(struct post *post, const struct post_options *options);

/* False when the connection that the last transfer left open has ended since, or there is data that
 * nobody asked for: the next transfer then needs a new one. libcurl itself looks at most once a
 * second. */
bool post_connection_usable(const struct post *post);

long post_status(const struct post *post); /* 0: no answer */
/* Why it failed, in words, from libcurl's text or the answer's. */
const char *post_reason(const struct post *post, CURLcode result);
/* Keeps the beginning of an answer. */
void post_keep_answer(struct post *post, const char *data, size_t len);

/* Prepares a handle that only connects to the base, and closes. */
void post_setup_probe(struct post *post, const char *base);

#endif
