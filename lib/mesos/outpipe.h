/* Writing to a pipe whose reader may be slow, without ever blocking and without changing the mode
 * of a descriptor that others may share: at most PIPE_BUF bytes are written once the pipe is ready,
 * which a pipe with any room takes whole. Bytes wait in memory; the caller is told when that is
 * much. */
#ifndef DSE_MESOS_OUTPIPE_H
#define DSE_MESOS_OUTPIPE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/loop.h"

struct outpipe;

struct outpipe_handlers {
    /* True: more than OUTPIPE_HIGH bytes wait; false: at most OUTPIPE_LOW again. From the loop for
     * false, from outpipe_write() for true. */
    void (*full)(void *ctx, bool full);
    void (*empty)(void *ctx);              /* all is written; from the loop */
    void (*failed)(void *ctx, int errnum); /* once, from the loop; what waits is dropped */
    void *ctx;
};

enum { OUTPIPE_HIGH = 1 << 20, OUTPIPE_LOW = 256 << 10 };

struct outpipe *outpipe_new(struct loop *loop, int fd, const struct outpipe_handlers *handlers);
void outpipe_free(struct outpipe *out);
/* Writes leave together when the loop comes round. */
void outpipe_write(struct outpipe *out, const void *data, size_t len);
size_t outpipe_pending(const struct outpipe *out);

#endif
