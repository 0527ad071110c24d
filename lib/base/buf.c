#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

enum { FORMAT_GUESS = 32 }; /* of what a format makes */

void buf_free(struct buf *buf)
{
    free(buf->data);
    *buf = (struct buf)BUF_INIT;
}

static void grow(struct buf *buf, size_t need)
{
    size_t cap = buf->cap ? buf->cap : 64;
    while (cap < need)
        cap += cap / 2;
    buf->data = xrealloc(buf->data, cap);
    buf->data[buf->len] = '\0'; /* a string from the first reservation on */
    buf->cap = cap;
}

void buf_reserve(struct buf *buf, size_t more)
{
    if (buf->len + more + 1 > buf->cap)
        grow(buf, buf->len + more + 1);
}

void buf_add(struct buf *buf, const void *data, size_t len)
{
    buf_reserve(buf, len);
    if (len)
        memcpy(buf->data + buf->len, data, len);
    buf->len += len;
    buf->data[buf->len] = '\0';
}

void buf_adds(struct buf *buf, const char *s)
{
    buf_add(buf, s, strlen(s));
}

void buf_addc(struct buf *buf, char c)
{
    buf_reserve(buf, 1);
    buf->data[buf->len++] = c;
    buf->data[buf->len] = '\0';
}

void buf_vaddf(struct buf *buf, const char *format, va_list args)
{
    va_list again;

    /* Mostly there is room. */
    buf_reserve(buf, FORMAT_GUESS);
    va_copy(again, args);
    int n = vsnprintf(buf->data + buf->len, buf->cap - buf->len, format, again);
    va_end(again);
    if (n >= 0 && (size_t)n >= buf->cap - buf->len) {
        buf_reserve(buf, (size_t)n);
        n = vsnprintf(buf->data + buf->len, (size_t)n + 1, format, args);
    }
    if (n >= 0)
        buf->len += (size_t)n;
    else
        buf->data[buf->len] = '\0';
}

void buf_addf(struct buf *buf, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    buf_vaddf(buf, format, args);
    va_end(args);
}

void buf_clear(struct buf *buf)
{
    buf->len = 0;
    if (buf->data)
        buf->data[0] = '\0';
}

void buf_consume(struct buf *buf, size_t len)
{
    if (len >= buf->len) {
        buf_clear(buf);
        return;
    }
    memmove(buf->data, buf->data + len, buf->len - len);
    buf->len -= len;
    buf->data[buf->len] = '\0';
}

char *buf_detach(struct buf *buf)
{
    char *data = buf->data ? buf->data : xstrdup("");

    *buf = (struct buf)BUF_INIT;
    return data;
}

const char *buf_str(const struct buf *buf)
{
    return buf->data ? buf->data : "";
}
