#include "http/server.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "http/listen.h"

enum { EXCESS_LIMIT = 16 << 20 }; /* then the connection is closed */

struct server {
    struct loop *loop;
    struct MHD_Daemon *daemon;
    struct loop_io *io;
    struct loop_timer *timer;
    struct server_options options;
    struct listening listening;
    struct server_held *held;
    struct guest *guests;
    struct loop_timer *patience;
};

/* An open connection. */
struct guest {
    struct MHD_Connection *connection;
    int64_t since_ms; /* its begin, or the end of its last request */
    struct guest *next;
};

/* What is kept of a request between the library's calls. */
struct server_held {
    struct buf body;
    size_t excess;    /* bytes of the body beyond the limit */
    int64_t begun_ns; /* when the headers had come */
    char method[16];
    struct server *server;
    struct MHD_Connection *connection;
    bool later; /* the handler holds the reply back: suspended until it is there */
    bool ready; /* the reply is there */
    struct http_reply reply;
    struct server_held *next; /* of those held back */
};

void reply_text(struct http_reply *reply, int status, const char *text)
{
    reply->status = status;
    reply->content_type = "text/plain";
    buf_clear(&reply->body);
    buf_adds(&reply->body, text);
}

void reply_empty(struct http_reply *reply, int status)
{
    reply->status = status;
    reply->content_type = NULL;
    buf_clear(&reply->body);
}

static const char *query(const struct http_request *request, const char *name)
{
    const struct server_held *exchange = request->opaque;
    const char *value = NULL;
    const bool found = MHD_lookup_connection_value_n(exchange->connection, MHD_GET_ARGUMENT_KIND,
                                                     name, strlen(name), &value, NULL) == MHD_YES;

    return found && !value ? "" : value;
}

struct search {
    const char *name, *value;
    bool found;
};

static enum MHD_Result compare_value(void *ctx, enum MHD_ValueKind kind, const char *key,
                                     const char *value)
{
    struct search *search = ctx;

    (void)kind;
    search->found = search->found ||
                    (value && strcmp(key, search->name) == 0 && strcmp(value, search->value) == 0);
    return MHD_YES;
}

static bool query_is(const struct http_request *request, const char *name, const char *value)
{
    const struct server_held *exchange = request->opaque;
    struct search search = {name, value, false};

    MHD_get_connection_values(exchange->connection, MHD_GET_ARGUMENT_KIND, compare_value, &search);
    return search.found;
}

static int64_t now_ns(void)
{
    static const struct clock clock;

    return clock_now_ns(&clock);
}

static enum MHD_Result send_reply(struct server_held *exchange, struct http_reply *reply)
{
    const struct server_options *options = &exchange->server->options;
    struct MHD_Connection *connection = exchange->connection;
    /* 204 has no body, whatever there is to say (api-and-cli 1.8). */
    const bool silent = reply->status == MHD_HTTP_NO_CONTENT;
    struct MHD_Response *response = MHD_create_response_from_buffer(
        silent ? 0 : reply->body.len, reply->body.data, MHD_RESPMEM_MUST_COPY);

    if (!response)
        return MHD_NO;
    if (reply->content_type && !silent)
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, reply->content_type);
    if (reply->retry_after)
        MHD_add_response_header(response, MHD_HTTP_HEADER_RETRY_AFTER, reply->retry_after);
    if (reply->cache_control)
        MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, reply->cache_control);
    if (reply->authenticate)
        MHD_add_response_header(response, MHD_HTTP_HEADER_WWW_AUTHENTICATE, reply->authenticate);
    if (reply->close)
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
    if (*reply->allow)
        MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, reply->allow);
    enum MHD_Result queued = MHD_queue_response(connection, (unsigned)reply->status, response);
    MHD_destroy_response(response);
    if (options->served)
        options->served(options->ctx, exchange->method, reply->status,
                        now_ns() - exchange->begun_ns);
    return queued;
}

static const char *header(struct MHD_Connection *connection, const char *name)
{
    return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

static void answer(struct server *server, struct MHD_Connection *connection, const char *method,
                   const char *path, struct server_held *exchange, struct http_reply *reply)
{
    const struct http_request request = {
        .method = strcmp(method, "HEAD") == 0 ? "GET" : method,
        .path = path,
        .body = buf_str(&exchange->body),
        .body_len = exchange->body.len,
        .content_type = header(connection, MHD_HTTP_HEADER_CONTENT_TYPE),
        .authorization = header(connection, MHD_HTTP_HEADER_AUTHORIZATION),
        .query = query,
        .query_is = query_is,
        .opaque = exchange,
    };

    /* Two lengths: a proxy before us may have taken the other one, and what follows for a request.
     */
    if (header(connection, MHD_HTTP_HEADER_CONTENT_LENGTH) &&
        header(connection, MHD_HTTP_HEADER_TRANSFER_ENCODING)) {
        reply->close = true;
        reply_text(reply, 400, "both Content-Length and Transfer-Encoding");
        return;
    }
    if (exchange->excess) {
        reply_text(reply, 413, "the body is too large");
        return;
    }
    server->options.handler(server->options.ctx, &request, reply);
}

static enum MHD_Result on_request(void *ctx, struct MHD_Connection *connection, const char *path,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_len, void **ret_state)
{
    struct server *server = ctx;
    struct server_held *exchange = *ret_state;

    (void)version;
    if (!exchange) { /* headers only, so far */
        exchange = xcalloc(1, sizeof *exchange);
        exchange->server = server;
        exchange->connection = connection;
        exchange->begun_ns = now_ns();
        snprintf(exchange->method, sizeof exchange->method, "%s", method);
        *ret_state = exchange;
        return MHD_YES;
    }
    if (*upload_len) {
        if (exchange->body.len + *upload_len > SERVER_BODY_LIMIT)
            exchange->excess += *upload_len;
        else
            buf_add(&exchange->body, upload, *upload_len);
        *upload_len = 0;
        return exchange->excess > EXCESS_LIMIT ? MHD_NO : MHD_YES;
    }
    if (exchange->ready)
        return send_reply(exchange, &exchange->reply);
    struct http_reply reply = {.status = 500};
    answer(server, connection, method, path, exchange, &reply);
    enum MHD_Result result = MHD_YES;
    if (exchange->later)
        MHD_suspend_connection(connection);
    else
        result = send_reply(exchange, &reply);
    buf_free(&reply.body);
    return result;
}

/* ---- replies that come later ---- */

struct server_held *server_later(const struct http_request *request)
{
    struct server_held *held = request->opaque;

    held->later = true;
    held->next = held->server->held;
    held->server->held = held;
    return held;
}

static void unlink_held(struct server_held *held)
{
    for (struct server_held **p = &held->server->held; *p; p = &(*p)->next) {
        if (*p == held) {
            *p = held->next;
            return;
        }
    }
}

static void run_daemon(struct server *server);

static void run_soon(void *server)
{
    run_daemon(server);
}

void server_reply(struct server_held *held, struct http_reply *reply)
{
    held->reply = *reply;
    held->reply.body = (struct buf)BUF_INIT;
    buf_add(&held->reply.body, buf_str(&reply->body), reply->body.len);
    buf_free(&reply->body);
    held->ready = true;
    held->later = false;
    unlink_held(held);
    MHD_resume_connection(held->connection);
    /* With external polling a resumed connection is looked at by the next run. */
    loop_defer(held->server->loop, run_soon, held->server);
}

/* A NUL would cut the text short: with one, the text stays encoded and matches nothing. */
static size_t unescape(void *ctx, struct MHD_Connection *connection, char *text)
{
    (void)ctx;
    (void)connection;
    return strstr(text, "%00") ? strlen(text) : MHD_http_unescape(text);
}

static void request_ended(struct MHD_Connection *connection);

static void on_completed(void *ctx, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode code)
{
    struct server_held *exchange = *state;

    (void)ctx;
    (void)code;
    request_ended(connection);
    if (exchange) {
        if (exchange->later)
            unlink_held(exchange);
        buf_free(&exchange->body);
        buf_free(&exchange->reply.body);
    }
    free(exchange);
    *state = NULL;
}

/* The library's sockets are edge-triggered inside its epoll: it must run when that is readable and
 * whenever its own time-out says so (style-anchors 10.6). */
static void run_daemon(struct server *server)
{
    MHD_UNSIGNED_LONG_LONG wait_ms;

    MHD_run(server->daemon);
    if (MHD_get_timeout(server->daemon, &wait_ms) == MHD_YES)
        loop_timer_in(server->timer, (int64_t)wait_ms);
    else
        loop_timer_stop(server->timer);
}

static void on_readable(void *ctx, int fd, unsigned events)
{
    (void)fd;
    (void)events;
    run_daemon(ctx);
}

static void on_timer(void *ctx)
{
    run_daemon(ctx);
}

/* ---- patience: a request that does not come to its end costs its connection ---- */

static void look_at_guests(void *ctx)
{
    struct server *server = ctx;
    const int64_t now = loop_now_ms();

    for (const struct guest *g = server->guests; g; g = g->next) {
        if (now - g->since_ms < SERVER_REQUEST_S * 1000)
            continue;
        /* The library closes what has ended; it offers no way of its own. */
        shutdown(
            MHD_get_connection_info(g->connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd,
            SHUT_RDWR);
    }
    if (server->guests)
        loop_timer_in(server->patience, SERVER_REQUEST_S * 1000 / 4);
}

static void on_connection(void *ctx, struct MHD_Connection *connection, void **state,
                          enum MHD_ConnectionNotificationCode code)
{
    struct server *server = ctx;

    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        struct guest *guest = xcalloc(1, sizeof *guest);
        *guest = (struct guest){connection, loop_now_ms(), server->guests};
        if (!server->guests)
            loop_timer_in(server->patience, SERVER_REQUEST_S * 1000 / 4);
        server->guests = guest;
        *state = guest;
        return;
    }
    for (struct guest **p = &server->guests; *p; p = &(*p)->next) {
        if (*p == *state) {
            struct guest *gone = *p;
            *p = gone->next;
            free(gone);
            break;
        }
    }
    if (!server->guests)
        loop_timer_stop(server->patience);
    *state = NULL;
}

/* A client that has closed its half waits for ours. The library has no eye for it, its sockets
 * being edge-triggered: it is left a second for what it may have read already. */
static void notice_half_closed(struct MHD_Connection *connection)
{
    const int fd =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    char byte;

    if (recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0)
        MHD_set_connection_option(connection, MHD_CONNECTION_OPTION_TIMEOUT, 1u);
}

static void request_ended(struct MHD_Connection *connection)
{
    notice_half_closed(connection);
    struct guest *guest =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;

    if (guest)
        guest->since_ms = loop_now_ms();
}

/* ---- start and stop ---- */

int server_check(const char *address, int port, struct err *err)
{
    struct listening listening;

    if (listen_open(address ? address : "127.0.0.1", port, &listening, err))
        return -1;
    close(listening.fd);
    listen_release(&listening);
    return 0;
}

struct server *server_start(struct loop *loop, const struct server_options *options,
                            struct err *err)
{
    struct server *server = xcalloc(1, sizeof *server);
    const char *address = options->address ? options->address : "127.0.0.1";

    if (listen_open(address, options->port, &server->listening, err)) {
        free(server);
        return NULL;
    }
    server->loop = loop;
    server->options = *options;
    server->patience = loop_timer_add(loop, look_at_guests, server);
    errno = 0;
    server->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, on_request, server,
        MHD_OPTION_LISTEN_SOCKET, server->listening.fd, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)SERVER_CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)SERVER_IDLE_S,
        MHD_OPTION_UNESCAPE_CALLBACK, unescape, NULL, MHD_OPTION_NOTIFY_COMPLETED, on_completed,
        server, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_NOTIFY_CONNECTION, on_connection,
        server, MHD_OPTION_END);
    if (!server->daemon) {
        err_sys(err, EXIT_UNREACHABLE, errno ? errno : ENOMEM, "cannot serve on %s",
                server->listening.url);
        loop_timer_del(server->patience);
        close(server->listening.fd);
        listen_release(&server->listening);
        free(server);
        return NULL;
    }
    const int fd = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
    server->timer = loop_timer_add(loop, on_timer, server);
    server->io = loop_io_add(loop, fd, LOOP_READ, on_readable, server);
    return server;
}

int server_port(const struct server *server)
{
    return server->listening.port;
}

const char *server_url(const struct server *server)
{
    return server->listening.url;
}

void server_stop(struct server *server)
{
    if (!server)
        return;
    loop_io_del(server->io);
    loop_timer_del(server->timer);
    loop_undefer(server->loop, run_soon, server);
    while (server->held) {
        struct http_reply gone = {.status = 503};
        server_reply(server->held, &gone);
    }
    loop_undefer(server->loop, run_soon, server);
    MHD_stop_daemon(server->daemon); /* closes the listening socket, and ends the guests */
    loop_timer_del(server->patience);
    listen_release(&server->listening);
    free(server);
}
