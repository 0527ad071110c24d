#define _GNU_SOURCE /* accept4, memmem */
#include "http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/io.h"

struct http_conn {
    struct http_server *server;
    struct http_conn *prev, *next;
    int fd;
    struct loop_io *io;
    struct buf in, out;
    size_t out_sent;
    bool answered;  /* the present request has been */
    bool streaming; /* a stream is open */
    bool closing;   /* close when out is empty */
    bool keep_alive, dead;
    loop_fn *on_close;
    void *on_close_ctx;
};

struct http_server {
    struct loop *loop;
    int fd, port;
    struct loop_io *io;
    http_handler_fn *handler;
    void *ctx;
    struct http_conn *conns;
    struct http_conn *closed; /* until the top of the loop */
};

const char *http_header(const struct http_request *req, const char *name)
{
    for (size_t i = 0; i < req->n_headers; i++)
        if (strcasecmp(req->headers[i].name, name) == 0)
            return req->headers[i].value;
    return NULL;
}

int http_port(const struct http_server *server)
{
    return server->port;
}

/* ---- connections ---- */

static void conn_free(struct http_conn *conn)
{
    loop_io_del(conn->io);
    close(conn->fd);
    buf_free(&conn->in);
    buf_free(&conn->out);
    free(conn);
}

static void free_closed(void *ctx)
{
    struct http_server *server = ctx;
    while (server->closed) {
        struct http_conn *conn = server->closed;
        server->closed = conn->next;
        conn_free(conn);
    }
}

/* Takes it out of service; the memory goes from the top of the loop, since callers up the stack may
 * still hold it. */
static void conn_close(struct http_conn *conn)
{
    if (conn->dead)
        return;
    conn->dead = true;
    loop_io_set(conn->io, 0);
    shutdown(conn->fd, SHUT_RDWR);
    if (conn->prev)
        conn->prev->next = conn->next;
    else
        conn->server->conns = conn->next;
    if (conn->next)
        conn->next->prev = conn->prev;
    if (!conn->server->closed)
        loop_defer(conn->server->loop, free_closed, conn->server);
    conn->next = conn->server->closed;
    conn->server->closed = conn;
    loop_fn *on_close = conn->streaming ? conn->on_close : NULL;
    conn->streaming = false;
    if (on_close)
        on_close(conn->on_close_ctx);
}

static void conn_flush(struct http_conn *conn)
{
    while (!conn->dead && conn->out_sent < conn->out.len) {
        const ssize_t n = send(conn->fd, conn->out.data + conn->out_sent,
                               conn->out.len - conn->out_sent, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            loop_io_set(conn->io, LOOP_READ | LOOP_WRITE);
            return;
        }
        if (n < 0) {
            conn_close(conn);
            return;
        }
        conn->out_sent += (size_t)n;
    }
    if (conn->dead)
        return;
    buf_clear(&conn->out);
    conn->out_sent = 0;
    if (conn->closing)
        conn_close(conn);
    else
        loop_io_set(conn->io, LOOP_READ);
}

static const char *reason(int status)
{
    switch (status) {
    case 200:
        return "OK";
    case 202:
        return "Accepted";
    case 307:
        return "Temporary Redirect";
    case 400:
        return "Bad Request";
    case 401:
        return "Unauthorized";
    case 403:
        return "Forbidden";
    case 404:
        return "Not Found";
    case 405:
        return "Method Not Allowed";
    case 406:
        return "Not Acceptable";
    case 409:
        return "Conflict";
    case 413:
        return "Content Too Large";
    case 415:
        return "Unsupported Media Type";
    case 431:
        return "Request Header Fields Too Large";
    case 501:
        return "Not Implemented";
    case 503:
        return "Service Unavailable";
    default:
        return "Internal Server Error";
    }
}

void http_reply(struct http_conn *conn, int status, const char *content_type,
                const char *extra_headers, const char *body, size_t len)
{
    if (conn->dead)
        return;
    conn->answered = true;
    if (!conn->keep_alive)
        conn->closing = true;
    buf_addf(&conn->out, "HTTP/1.1 %d %s\r\nContent-Length: %zu\r\n", status, reason(status), len);
    if (len)
        buf_addf(&conn->out, "Content-Type: %s\r\n", content_type);
    if (conn->closing)
        buf_adds(&conn->out, "Connection: close\r\n");
    if (extra_headers)
        buf_adds(&conn->out, extra_headers);
    buf_adds(&conn->out, "\r\n");
    buf_add(&conn->out, body, len);
    conn_flush(conn);
}

void http_stream(struct http_conn *conn, const char *content_type, const char *extra_headers,
                 loop_fn *on_close, void *ctx)
{
    conn->answered = true;
    conn->streaming = true;
    conn->on_close = on_close;
    conn->on_close_ctx = ctx;
    buf_addf(&conn->out,
             "HTTP/1.1 200 OK\r\nContent-Type: %s\r\nTransfer-Encoding: chunked\r\n%s\r\n",
             content_type, extra_headers ? extra_headers : "");
    conn_flush(conn);
}

void http_send(struct http_conn *conn, const void *data, size_t len)
{
    if (conn->dead || len == 0)
        return;
    buf_addf(&conn->out, "%zx\r\n", len);
    buf_add(&conn->out, data, len);
    buf_adds(&conn->out, "\r\n");
    conn_flush(conn);
}

void http_end(struct http_conn *conn)
{
    if (conn->dead)
        return;
    conn->streaming = false;
    conn->closing = true;
    buf_adds(&conn->out, "0\r\n\r\n");
    conn_flush(conn);
}

void http_abort(struct http_conn *conn)
{
    conn->streaming = false;
    conn_close(conn);
}

/* ---- requests ---- */

static void refuse(struct http_conn *conn, int status, const char *text)
{
    conn->keep_alive = false;
    http_reply(conn, status, "text/plain; charset=utf-8", NULL, text, strlen(text));
}

/* Splits the head (writable, NUL-terminated, without the blank line) into req. False when bad. */
static bool parse_head(char *head, struct http_request *req)
{
    char *save = NULL;
    char *line = strtok_r(head, "\r\n", &save);
    if (!line)
        return false;
    char *target = strchr(line, ' ');
    char *version = target ? strrchr(target + 1, ' ') : NULL;
    if (!version || strncmp(version + 1, "HTTP/1.", 7) != 0)
        return false;
    *target++ = '\0';
    *version = '\0';
    req->old_version = strcmp(version + 1, "HTTP/1.0") == 0;
    char *query = strchr(target, '?');
    if (query)
        *query++ = '\0';
    req->method = line;
    req->path = target;
    req->query = query ? query : "";
    while ((line = strtok_r(NULL, "\r\n", &save))) {
        char *value = strchr(line, ':');
        if (!value || req->n_headers == HTTP_HEADERS)
            return false;
        *value++ = '\0';
        value += strspn(value, " \t");
        for (char *end = value + strlen(value); end > value && strchr(" \t", end[-1]);)
            *--end = '\0';
        req->headers[req->n_headers++] = (struct http_header){line, value};
    }
    return true;
}

/* Decodes a chunked body at `at`. 1 done (with *used bytes), 0 more needed, -1 bad or too long. */
static int parse_chunks(const struct buf *in, size_t at, struct buf *body, size_t *used)
{
    for (;;) {
        const char *p = in->data + at;
        const char *eol = memchr(p, '\n', in->len - at);
        if (!eol)
            return in->len - at > 64 ? -1 : 0;
        char *end = NULL;
        const unsigned long size = strtoul(p, &end, 16);
        if (end == p || size > HTTP_BODY_LIMIT || body->len + size > HTTP_BODY_LIMIT)
            return -1;
        at = (size_t)(eol - in->data) + 1;
        if (in->len - at < size + 2)
            return 0;
        buf_add(body, in->data + at, size);
        at += size + 2;
        if (size == 0) { /* trailers are not expected */
            *used = at;
            return 1;
        }
    }
}

/* Handles one request at the start of in. 1 when one was handled, 0 when more bytes are needed. */
static int conn_request(struct http_conn *conn)
{
    const char *blank = memmem(conn->in.data, conn->in.len, "\r\n\r\n", 4);
    if (!blank) {
        if (conn->in.len > HTTP_HEAD_LIMIT)
            refuse(conn, 431, "the request's head is too long");
        return 0;
    }
    const size_t head_len = (size_t)(blank - conn->in.data) + 4;
    auto_free char *head = xstrndup(conn->in.data, head_len - 4);
    struct http_request req = {.body = ""};
    if (!parse_head(head, &req)) {
        refuse(conn, 400, "malformed request");
        return 0;
    }
    auto_buf struct buf chunks = BUF_INIT;
    size_t used = head_len;
    const char *coding = http_header(&req, "Transfer-Encoding");
    const char *length = http_header(&req, "Content-Length");
    const char *expect = http_header(&req, "Expect");
    if (coding && strcasecmp(coding, "chunked") == 0) {
        const int done = parse_chunks(&conn->in, head_len, &chunks, &used);
        if (done < 0) {
            refuse(conn, 413, "malformed or too long body");
            return 0;
        }
        if (done == 0)
            goto wait;
        req.body = buf_str(&chunks);
        req.body_len = chunks.len;
    } else if (length) {
        char *end = NULL;
        const unsigned long long want = strtoull(length, &end, 10);
        if (*end || end == length || want > HTTP_BODY_LIMIT) {
            refuse(conn, 413, "malformed or too long body");
            return 0;
        }
        if (conn->in.len - head_len < want)
            goto wait;
        req.body = conn->in.data + head_len;
        req.body_len = (size_t)want;
        used += (size_t)want;
    }
    const char *connection = http_header(&req, "Connection");
    conn->keep_alive = req.old_version ? connection && strcasecmp(connection, "keep-alive") == 0
                                       : !(connection && strcasecmp(connection, "close") == 0);
    conn->answered = false;
    conn->server->handler(conn->server->ctx, conn, &req);
    if (!conn->dead && !conn->answered)
        refuse(conn, 500, "no answer");
    if (!conn->dead)
        buf_consume(&conn->in, used);
    return !conn->dead && !conn->closing && !conn->streaming;

wait:
    if (expect && strcasecmp(expect, "100-continue") == 0 && conn->in.len == head_len &&
        conn->out.len == 0) {
        buf_adds(&conn->out, "HTTP/1.1 100 Continue\r\n\r\n");
        conn_flush(conn);
    }
    return 0;
}

static void conn_ready(void *ctx, int fd, unsigned events)
{
    struct http_conn *conn = ctx;
    if (conn->dead)
        return;
    if (events & LOOP_WRITE)
        conn_flush(conn);
    if (conn->dead || !(events & (LOOP_READ | LOOP_ERROR)))
        return;
    char block[65536];
    const ssize_t n = recv(fd, block, sizeof block, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        conn_close(conn);
        return;
    }
    if (conn->streaming || conn->closing)
        return; /* nothing more is expected from it */
    buf_add(&conn->in, block, (size_t)n);
    while (conn->in.len && conn_request(conn))
        ;
}

static void server_accept(void *ctx, int fd, unsigned events)
{
    struct http_server *server = ctx;
    (void)events;
    for (;;) {
        const int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (client < 0)
            return;
        const int one = 1;
        setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        struct http_conn *conn = xcalloc(1, sizeof *conn);
        conn->server = server;
        conn->fd = client;
        conn->next = server->conns;
        if (server->conns)
            server->conns->prev = conn;
        server->conns = conn;
        conn->io = loop_io_add(server->loop, client, LOOP_READ, conn_ready, conn);
    }
}

struct http_server *http_listen(struct loop *loop, const char *address, int port,
                                http_handler_fn *handler, void *ctx, struct err *err)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    if (inet_pton(AF_INET, address, &at.sin_addr) != 1) {
        err_set(err, EXIT_USAGE, "not an IPv4 address: '%s'", address);
        return NULL;
    }
    auto_close int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    const int one = 1;
    if (fd < 0) {
        err_sys(err, EXIT_UNREACHABLE, errno, "cannot make a socket");
        return NULL;
    }
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    socklen_t len = sizeof at;
    if (bind(fd, (struct sockaddr *)&at, sizeof at) || listen(fd, 128) ||
        getsockname(fd, (struct sockaddr *)&at, &len)) {
        err_sys(err, EXIT_UNREACHABLE, errno, "cannot listen on '%s:%d'", address, port);
        return NULL;
    }
    struct http_server *server = xcalloc(1, sizeof *server);
    server->loop = loop;
    server->port = ntohs(at.sin_port);
    server->handler = handler;
    server->ctx = ctx;
    server->fd = steal_fd(&fd);
    server->io = loop_io_add(loop, server->fd, LOOP_READ, server_accept, server);
    return server;
}

void http_free(struct http_server *server)
{
    if (!server)
        return;
    while (server->conns) {
        struct http_conn *conn = server->conns;
        server->conns = conn->next;
        conn_free(conn);
    }
    free_closed(server);
    loop_io_del(server->io);
    close(server->fd);
    free(server);
}
