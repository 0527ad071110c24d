/* A small HTTP server on our event loop (libmicrohttpd with external polling). One file knows that
 * library; handlers see requests and replies. Limits: header and body bytes, connections, time. */
#ifndef DSE_HTTP_SERVER_H
#define DSE_HTTP_SERVER_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/loop.h"

struct server;

enum {
    SERVER_BODY_LIMIT = 64 * 1024,
    SERVER_CONNECTIONS = 256,
    SERVER_IDLE_S = 30,    /* without a byte */
    SERVER_REQUEST_S = 60, /* for a whole request, however slowly it drips in */
};

struct http_request {
    const char *method; /* "GET" (also for HEAD), "POST", "PUT" */
    const char *path;   /* decoded, without query */
    const char *body;
    size_t body_len;
    const char *content_type; /* or NULL */
    const char *authorization;
    /* Value of a query parameter, decoded, "" without `=`; NULL when absent. */
    const char *(*query)(const struct http_request *request, const char *name);
    /* Whether one of the parameters of that name has that value. */
    bool (*query_is)(const struct http_request *request, const char *name, const char *value);
    void *opaque;
};

struct http_reply {
    int status;
    const char *content_type;  /* static text; NULL: no entity */
    struct buf body;           /* released by the server */
    const char *retry_after;   /* or NULL */
    const char *cache_control; /* or NULL */
    const char *authenticate;  /* of a 401, or NULL */
    bool close;                /* the connection ends with it */
    char allow[40];            /* of a 405 or for OPTIONS: methods of the path, or "" */
};

/* Fills the reply, or holds it back with server_later(); called once for each whole request. */
typedef void http_handler(void *ctx, const struct http_request *request, struct http_reply *reply);

struct server_options {
    const char *address; /* IPv4 or IPv6 address, or `unix:PATH`; NULL: 127.0.0.1 */
    int port;            /* 0: any free one */
    http_handler *handler;
    /* A request was answered; took_ns from its headers to the reply. NULL: nobody asks. */
    void (*served)(void *ctx, const char *method, int status, int64_t took_ns);
    void *ctx;
};
/* Listens. A socket file of a server that is gone is replaced; the new one is its owner's alone.
 * EXIT_USAGE for an address that is none, EXIT_UNREACHABLE when it is taken. */
struct server *server_start(struct loop *loop, const struct server_options *options,
                            struct err *err);
/* Whether server_start() could listen there now: 0, or -1 with its errors. */
int server_check(const char *address, int port, struct err *err);
int server_port(const struct server *server); /* 0 on a socket file */
/* Where it listens, as a URL for people: `http://127.0.0.1:8080`, `unix:/run/dse.sock`. */
const char *server_url(const struct server *server);
void server_stop(struct server *server); /* NULL is allowed */

/* In a handler: the reply comes later, by exactly one server_reply(). What the handler fills in is
 * then ignored. server_stop() drops what is still held back: the handles are void afterwards. */
struct server_held;
struct server_held *server_later(const struct http_request *request);
/* Takes over the body. */
void server_reply(struct server_held *held, struct http_reply *reply);

/* Replies of the API. */
void reply_text(struct http_reply *reply, int status, const char *text);
void reply_empty(struct http_reply *reply, int status);

#endif
