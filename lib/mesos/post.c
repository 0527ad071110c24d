#include "mesos/post.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"

enum { CONNECT_MS = 10000, KEEPALIVE_IDLE_S = 30, KEEPALIVE_INTERVAL_S = 10 };

void post_init(struct post *post)
{
    *post = (struct post){.easy = curl_easy_init(), .socket = CURL_SOCKET_BAD};
    if (!post->easy)
        abort();
}

void post_free(struct post *post)
{
    curl_easy_cleanup(post->easy);
    curl_slist_free_all(post->headers);
    buf_free(&post->body);
    buf_free(&post->answer);
    *post = (struct post){.socket = CURL_SOCKET_BAD};
}

/* ---- callbacks ------------------------------------------------------------------------------ */

static size_t read_body(char *buffer, size_t size, size_t count, void *ctx)
{
    struct post *post = ctx;
    size_t len = post->body.len - post->taken;

    if (!len)
        return CURL_READFUNC_ABORT; /* asked for more than the body: it began to send it again */
    if (len > size * count)
        len = size * count;
    memcpy(buffer, post->body.data + post->taken, len);
    post->taken += len;
    return len;
}

static int refuse_rewind(void *ctx, curl_off_t offset, int origin)
{
    (void)ctx;
    (void)offset;
    (void)origin;
    return CURL_SEEKFUNC_FAIL;
}

static size_t read_answer(char *data, size_t size, size_t count, void *ctx)
{
    post_keep_answer(ctx, data, size * count);
    return size * count;
}

static size_t read_header(char *line, size_t size, size_t count, void *ctx)
{
    static const char name[] = "mesos-stream-id:";
    struct post *post = ctx;
    size_t len = size * count;

    if (len >= 5 && strncmp(line, "HTTP/", 5) == 0) { /* of each answer, interim ones too */
        post->stream_id[0] = '\0';
        post->bad_stream_id = false;
    }
    if (len < sizeof name - 1 || strncasecmp(line, name, sizeof name - 1) != 0)
        return len;
    const char *value = line + sizeof name - 1, *end = line + len;
    while (value < end && (*value == ' ' || *value == '\t'))
        value++;
    while (end > value && (unsigned char)end[-1] <= ' ')
        end--;
    size_t value_len = (size_t)(end - value);
    post->bad_stream_id = value_len > STREAM_ID_MAX || !value_len;
    for (size_t i = 0; i < value_len; i++)
        post->bad_stream_id |= (unsigned char)value[i] < ' ' || value[i] == 0x7f;
    if (post->bad_stream_id)
        return len;
    memcpy(post->stream_id, value, value_len);
    post->stream_id[value_len] = '\0';
    return len;
}

/* ---- connections ---------------------------------------------------------------------------- */

static int opened(void *ctx, curl_socket_t fd, curlsocktype purpose)
{
    struct post *post = ctx;

    (void)purpose;
    post->socket = fd;
    return CURL_SOCKOPT_OK;
}

static int closing(void *ctx, curl_socket_t fd)
{
    struct post *post = ctx;

    if (post->socket == fd)
        post->socket = CURL_SOCKET_BAD;
    return close(fd);
}

bool post_connection_usable(const struct post *post)
{
    char byte;

    return post->socket != CURL_SOCKET_BAD &&
           recv(post->socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
           (errno == EAGAIN || errno == EWOULDBLOCK);
}

/* ---- setting up ----------------------------------------------------------------------------- */

static void add_header(struct post *post, const char *line)
{
    struct curl_slist *longer = curl_slist_append(post->headers, line);

    if (!longer)
        abort();
    post->headers = longer;
}

static void common(struct post *post, const char *url)
{
    CURL *easy = post->easy;

    curl_easy_reset(easy); /* keeps connections */
    post->error[0] = '\0';
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http");
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, post->error);
}

void post_setup(struct post *post, const struct post_options *options)
{
    CURL *easy = post->easy;
    auto_free char *url = xasprintf("%s/api/v1/scheduler", options->base);

    common(post, url);
    curl_slist_free_all(post->headers);
    post->headers = NULL;
    post->taken = 0;
    post->stream_id[0] = '\0';
    post->bad_stream_id = false;
    buf_clear(&post->answer);

    const char *encoding = options->json ? "application/json" : "application/x-protobuf";
    auto_free char *content = xasprintf("Content-Type: %s", encoding);
    auto_free char *accept = xasprintf("Accept: %s", encoding);
    add_header(post, content);
    add_header(post, accept);
    add_header(post, "Expect:"); /* no asking first, whatever the size */
    if (options->stream_id) {
        auto_free char *line = xasprintf("Mesos-Stream-Id: %s", options->stream_id);
        add_header(post, line);
    }
    if (options->authorization)
        add_header(post, options->authorization);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, post->headers);

    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_POST, 1L);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)post->body.len);
    curl_easy_setopt(easy, CURLOPT_READFUNCTION, read_body);
    curl_easy_setopt(easy, CURLOPT_READDATA, post);
    curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, refuse_rewind);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, read_answer);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, post);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, read_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, post);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, options->timeout_ms);
    curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, (long)options->fresh);
    curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, opened);
    curl_easy_setopt(easy, CURLOPT_SOCKOPTDATA, post);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, closing);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, post);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, (long)KEEPALIVE_IDLE_S);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, (long)KEEPALIVE_INTERVAL_S);
}

void post_setup_probe(struct post *post, const char *base)
{
    common(post, base);
    curl_easy_setopt(post->easy, CURLOPT_CONNECT_ONLY, 1L);
    curl_easy_setopt(post->easy, CURLOPT_FRESH_CONNECT, 1L);
}

/* ---- results -------------------------------------------------------------------------------- */

void post_keep_answer(struct post *post, const char *data, size_t len)
{
    size_t room = ANSWER_MAX - post->answer.len;

    buf_add(&post->answer, data, len < room ? len : room);
}

long post_status(const struct post *post)
{
    long status = 0;

    curl_easy_getinfo(post->easy, CURLINFO_RESPONSE_CODE, &status);
    return status;
}

const char *post_reason(const struct post *post, CURLcode result)
{
    if (result == CURLE_SEND_FAIL_REWIND || result == CURLE_ABORTED_BY_CALLBACK)
        return "the kept connection died before the answer";
    if (result != CURLE_OK)
        return post->error[0] ? post->error : curl_easy_strerror(result);
    return post->answer.len ? post->answer.data : "no explanation";
}
