/* Files and descriptors: whole reads with limits, whole writes, atomic durable replacement. */
#ifndef DSE_BASE_IO_H
#define DSE_BASE_IO_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

/* Reads a file (or "-": stdin) whole. More than limit bytes is an EXIT_INPUT error; a missing file
 * EXIT_UNREACHABLE. Appends to out. */
int io_read_file(const char *path, size_t limit, struct buf *out, struct err *err);
/* As above, below the directory dirfd. */
int io_read_file_at(int dirfd, const char *name, size_t limit, struct buf *out, struct err *err);
/* Writes all bytes to fd, retrying short writes and EINTR, and waiting where a non-blocking one is
 * full. Returns 0 or -1 with errno. */
int io_write_all(int fd, const void *data, size_t len);
/* Replaces a file: temporary beside it, rename. When `durable`, also fsync of the file before and
 * of the directory behind the rename; without, the old or the new file is found after a crash of
 * the process, but perhaps neither after a loss of power. `mode` is subject to the umask. */
int io_replace_file(const char *path, const void *data, size_t len, int mode, bool durable,
                    struct err *err);
int io_replace_file_at(int dirfd, const char *name, const void *data, size_t len, int mode,
                       bool durable, struct err *err);
/* mkdir -p. */
int io_make_dirs(const char *path, int mode, struct err *err);
/* rm -r, without following links, at most 100 levels deep; a missing path is fine. */
int io_remove_tree(const char *path, struct err *err);
/* Sets O_NONBLOCK. */
int io_nonblock(int fd);

#endif
