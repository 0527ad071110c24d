/* A small HTTP/1.1 server on the event loop: kept-alive connections, one request at a time on each,
 * bodies by Content-Length or chunked, plain answers, and answers that stream (chunked) for as long
 * as both ends live. Own code because a Mesos subscription is one endless response whose end, on
 * either side, is an event of the protocol. */
#ifndef DSE_LOCAL_HTTP_H
#define DSE_LOCAL_HTTP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/loop.h"

struct http_server;
struct http_conn;

enum { HTTP_HEAD_LIMIT = 64 << 10, HTTP_BODY_LIMIT = 64 << 20, HTTP_HEADERS = 100 };

struct http_header {
    const char *name, *value;
};

struct http_request {
    const char *method;
    const char *path;  /* without the query */
    const char *query; /* behind `?`, or "" */
    struct http_header headers[HTTP_HEADERS];
    size_t n_headers;
    bool old_version; /* HTTP/1.0 */
    const char *body;
    size_t body_len;
};

/* Value of a header (names compare without case), or NULL. */
const char *http_header(const struct http_request *req, const char *name);

/* Must answer before it returns: http_reply() or http_stream(). */
typedef void http_handler_fn(void *ctx, struct http_conn *conn, const struct http_request *req);

/* Listens on address:port (0: a free one). */
struct http_server *http_listen(struct loop *loop, const char *address, int port,
                                http_handler_fn *handler, void *ctx, struct err *err);
int http_port(const struct http_server *server);
/* Closes all connections, without their close callbacks. */
void http_free(struct http_server *server);

/* One whole answer. extra_headers: lines that end in \r\n, or NULL. */
void http_reply(struct http_conn *conn, int status, const char *content_type,
                const char *extra_headers, const char *body, size_t len);
/* Starts a streamed 200; on_close is called once when the client goes away, not for http_end(). */
void http_stream(struct http_conn *conn, const char *content_type, const char *extra_headers,
                 loop_fn *on_close, void *ctx);
/* One chunk. Queued without a bound while the client does not read, as a Mesos master does. */
void http_send(struct http_conn *conn, const void *data, size_t len);
/* Ends the stream: what is queued still leaves, then the connection closes. */
void http_end(struct http_conn *conn);

/* Cuts the connection at once, without a callback, as a process that dies does. */
void http_abort(struct http_conn *conn);

#endif
