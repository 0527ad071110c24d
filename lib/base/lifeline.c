#include "base/lifeline.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum { LIFELINES = 8 };

static struct lifeline {
    struct loop *loop;
    struct loop_io *io;
    int status;
} lifelines[LIFELINES]; /* of the process */

static void readable(void *ctx, int fd, unsigned events)
{
    struct lifeline *line = ctx;
    char byte;

    (void)events;
    ssize_t n = read(fd, &byte, 1);
    if (n > 0 || (n < 0 && (errno == EINTR || errno == EAGAIN)))
        return;
    loop_io_del(line->io);
    line->io = NULL;
    loop_stop(line->loop, line->status);
}

int lifeline_watch(struct loop *loop, int status, struct err *err)
{
    const char *text = getenv("DSE_LIFE_LINE");
    const char *rest = text;

    for (int i = 0; rest && *rest; i++) {
        char *end;
        long fd = strtol(rest, &end, 10);
        if (i == LIFELINES || end == rest || (*end && *end != ',') || fd < 0 || fd > 1023 ||
            fcntl((int)fd, F_GETFD) < 0)
            return err_set(err, EXIT_USAGE,
                           "DSE_LIFE_LINE is '%s', which lists no open descriptors", text);
        fcntl((int)fd, F_SETFD, FD_CLOEXEC);
        lifelines[i] = (struct lifeline){.loop = loop, .status = status};
        lifelines[i].io = loop_io_add(loop, (int)fd, LOOP_READ, readable, &lifelines[i]);
        rest = *end ? end + 1 : end;
    }
    return 0;
}
