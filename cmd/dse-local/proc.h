/* Processes that cannot outlive us. Each one runs below a small supervisor (a forked copy of this
 * program) that is the reaper of all its descendants: when the main process ends, or when this
 * program dies in whatever way, everything below the supervisor is killed. The supervisor ends the
 * way the main process ended, so that its wait status is that of the command. */
#ifndef DSE_LOCAL_PROC_H
#define DSE_LOCAL_PROC_H

#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/loop.h"
#include "proto/pb.h"

struct procs; /* all of them */
struct proc;

struct proc_spec {
    const char *path; /* looked for in PATH when it holds no slash; NULL when body is set */
    const char *const *argv;
    char *const *envp;
    const char *cwd;  /* NULL: / */
    const char *out;  /* files that get stdout and stderr, appended to; NULL: /dev/null */
    const char *err;  /* may equal out */
    const char *user; /* switch to it; NULL: stay */
    const RLimitInfo *rlimits;
    /* Runs in the child instead of a program; its result is the exit status. */
    int (*body)(void *ctx);
    void *body_ctx;
};

/* wait_status as of waitpid(). The proc is gone when this is called. */
typedef void proc_exit_fn(void *ctx, int wait_status);

struct procs *procs_new(struct loop *loop, struct err *err);
/* Kills and reaps whatever still runs; no callbacks. */
void procs_free(struct procs *procs);

struct proc *proc_start(struct procs *procs, const struct proc_spec *spec, proc_exit_fn *on_exit,
                        void *ctx, struct err *err);
pid_t proc_pid(const struct proc *proc);
void proc_terminate(struct proc *proc); /* SIGTERM to the main process's group */
void proc_kill(struct proc *proc);      /* SIGKILL to all of it */
/* Kills it and forgets the callback: the caller is going away. NULL is allowed. */
void proc_abandon(struct proc *proc);

/* True when the user exists here. */
int proc_user_exists(const char *user);

#endif
