/* A growing byte buffer. Always NUL-terminated behind its length, so buf.data is a string when no
 * NUL was added. Zero-initialise with BUF_INIT; release with buf_free() or auto_buf. */
#ifndef DSE_BASE_BUF_H
#define DSE_BASE_BUF_H

#include <stdarg.h>
#include <stddef.h>

struct buf {
    char *data; /* NULL while empty and never written */
    size_t len; /* bytes used, without the NUL */
    size_t cap;
};

#define BUF_INIT   \
    {              \
        NULL, 0, 0 \
    }

void buf_free(struct buf *buf);
#define auto_buf __attribute__((cleanup(buf_free)))

/* Makes room for `more` bytes behind the present ones. */
void buf_reserve(struct buf *buf, size_t more);
void buf_add(struct buf *buf, const void *data, size_t len);
void buf_adds(struct buf *buf, const char *s);
void buf_addc(struct buf *buf, char c);
void buf_addf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buf_vaddf(struct buf *buf, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));
/* Empties it, keeping the memory. */
void buf_clear(struct buf *buf);
/* Drops the first len bytes. */
void buf_consume(struct buf *buf, size_t len);
/* The content as a NUL-terminated string for the caller to free; the buffer becomes empty. */
char *buf_detach(struct buf *buf);
/* The content as a string that is never NULL; owned by the buffer. */
const char *buf_str(const struct buf *buf);

#endif
