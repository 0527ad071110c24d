#include "mesos/outpipe.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"

struct outpipe {
    struct loop *loop;
    int fd;
    struct loop_io *io;
    struct outpipe_handlers handlers;
    struct buf pending;
    size_t start; /* first unwritten byte */
    bool full, scheduled, broken;
};

size_t outpipe_pending(const struct outpipe *out)
{
    return out->pending.len - out->start;
}

static bool has_room(int fd)
{
    struct pollfd poll_fd = {.fd = fd, .events = POLLOUT};

    return poll(&poll_fd, 1, 0) == 1; /* errors show in the write */
}

/* Writes while there is room. False when the pipe broke. */
static bool drain(struct outpipe *out)
{
    while (outpipe_pending(out) && has_room(out->fd)) {
        size_t len = outpipe_pending(out) < PIPE_BUF ? outpipe_pending(out) : PIPE_BUF;
        ssize_t n = write(out->fd, out->pending.data + out->start, len);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            break;
        if (n < 0)
            return false;
        out->start += (size_t)n;
    }
    if (out->start > out->pending.len / 2) {
        buf_consume(&out->pending, out->start);
        out->start = 0;
    }
    /* A burst is over: its memory goes. */
    if (!out->pending.len && out->pending.cap > OUTPIPE_HIGH)
        buf_free(&out->pending);
    return true;
}

static void fail(struct outpipe *out, int errnum)
{
    out->broken = true;
    loop_io_set(out->io, 0);
    buf_free(&out->pending);
    out->start = 0;
    out->handlers.failed(out->handlers.ctx, errnum);
}

static void flush(struct outpipe *out)
{
    if (out->broken)
        return;
    if (!drain(out)) {
        fail(out, errno);
        return;
    }
    loop_io_set(out->io, outpipe_pending(out) ? LOOP_WRITE : LOOP_ERROR);
    if (out->full && outpipe_pending(out) <= OUTPIPE_LOW) {
        out->full = false;
        out->handlers.full(out->handlers.ctx, false);
    }
    if (!outpipe_pending(out))
        out->handlers.empty(out->handlers.ctx);
}

static void ready(void *ctx, int fd, unsigned events)
{
    struct outpipe *out = ctx;

    (void)fd;
    /* Nothing to write, but the reader is gone: no reason to wait for the next record. */
    if (!outpipe_pending(out) && (events & LOOP_ERROR)) {
        fail(out, EPIPE);
        return;
    }
    flush(out);
}

static void scheduled(void *ctx)
{
    struct outpipe *out = ctx;

    out->scheduled = false;
    flush(out);
}

struct outpipe *outpipe_new(struct loop *loop, int fd, const struct outpipe_handlers *handlers)
{
    struct outpipe *out = xcalloc(1, sizeof *out);

    out->loop = loop;
    out->fd = fd;
    out->handlers = *handlers;
    out->io = loop_io_add(loop, fd, LOOP_ERROR, ready, out);
    return out;
}

void outpipe_free(struct outpipe *out)
{
    if (!out)
        return;
    loop_undefer(out->loop, scheduled, out);
    loop_io_del(out->io);
    buf_free(&out->pending);
    free(out);
}

void outpipe_write(struct outpipe *out, const void *data, size_t len)
{
    if (out->broken)
        return;
    buf_add(&out->pending, data, len);
    if (!out->scheduled) {
        out->scheduled = true;
        loop_defer(out->loop, scheduled, out);
    }
    if (!out->full && outpipe_pending(out) > OUTPIPE_HIGH) {
        out->full = true;
        out->handlers.full(out->handlers.ctx, true);
    }
}
