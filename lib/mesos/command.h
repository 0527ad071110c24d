/* Commands of the operator, run by /bin/sh beside the loop, each within a time limit. */
#ifndef DSE_MESOS_COMMAND_H
#define DSE_MESOS_COMMAND_H

#include "base/err.h"
#include "base/loop.h"

struct commands;

/* Asks for SIGCHLD, so before threads are made (loop_signal()). */
struct commands *commands_new(struct loop *loop, struct err *err);
/* Kills what still runs, without telling anyone. NULL is allowed. */
void commands_free(struct commands *commands);

/* How a command ended: its exit status, 128 and the number of the signal that ended it. */
enum { COMMAND_TIMEOUT = -1 /* killed when its time was up */, COMMAND_NOT_STARTED = -2 };
typedef void command_fn(void *ctx, const char *name, int status);

/* Starts `sh -c text` in a process group that ends with our process, also when that is killed, with
 * `env` ("NAME=VALUE", NULL-terminated) added to our environment, nothing on its standard input and
 * its output on our standard error. After limit_ms the group gets SIGTERM, COMMAND_GRACE_MS later
 * SIGKILL. fn is called once, from the loop, with a copy of the name. */
void commands_start(struct commands *commands, const char *name, const char *text,
                    const char *const *env, int64_t limit_ms, command_fn *fn, void *ctx);

enum { COMMAND_GRACE_MS = 5000 };

#endif
