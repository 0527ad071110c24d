#define _GNU_SOURCE /* close_range, initgroups */
#include "proc.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"

struct proc {
    struct procs *procs;
    struct proc *prev, *next;
    pid_t pid; /* of the supervisor */
    proc_exit_fn *on_exit;
    void *ctx;
};

struct procs {
    struct proc *first;
};

/* ---- below the fork: the supervised process ---- */

static void child_fail(const char *what, const char *subject)
{
    dprintf(STDERR_FILENO, "cannot %s: '%s': %s\n", what, subject, strerror(errno));
    _exit(EXIT_FAILURE);
}

static void child_redirect(const char *path, int target)
{
    const int fd =
        open(path ? path : "/dev/null", path ? O_WRONLY | O_CREAT | O_APPEND : O_WRONLY, 0644);
    if (fd < 0)
        child_fail("open", path ? path : "/dev/null");
    if (fd != target) {
        dup2(fd, target);
        close(fd);
    }
}

/* An agent is root with all privileges; this program often is not. What it may not raise it leaves
 * at its own limit and says so in the task's stderr, so that such a service runs here at all. */
static int child_cap(int kind, const struct rlimit *wanted)
{
    struct rlimit now, capped = *wanted;
    if (errno != EPERM || getrlimit((__rlimit_resource_t)kind, &now))
        return -1;
    if (capped.rlim_max > now.rlim_max)
        capped.rlim_max = now.rlim_max;
    if (capped.rlim_cur > capped.rlim_max)
        capped.rlim_cur = capped.rlim_max;
    dprintf(STDERR_FILENO, "dse-local may not raise resource limit %d: left at %llu\n", kind,
            (unsigned long long)capped.rlim_max);
    return setrlimit((__rlimit_resource_t)kind, &capped);
}

static void child_rlimits(const RLimitInfo *info)
{
    /* By the number of RLimitInfo.RLimit.Type; -1 where Linux has none. */
    static const int kinds[] = {-1,
                                RLIMIT_AS,
                                RLIMIT_CORE,
                                RLIMIT_CPU,
                                RLIMIT_DATA,
                                RLIMIT_FSIZE,
                                RLIMIT_LOCKS,
                                RLIMIT_MEMLOCK,
                                RLIMIT_MSGQUEUE,
                                RLIMIT_NICE,
                                RLIMIT_NOFILE,
                                RLIMIT_NPROC,
                                RLIMIT_RSS,
                                RLIMIT_RTPRIO,
                                RLIMIT_RTTIME,
                                RLIMIT_SIGPENDING,
                                RLIMIT_STACK};
    for (size_t i = 0; info && i < info->n_rlimits; i++) {
        const RLimitInfo__RLimit *limit = info->rlimits[i];
        const size_t type = (size_t)limit->type;
        if (type == 0 || type >= ARRAY_LEN(kinds))
            continue;
        const struct rlimit value = {
            .rlim_cur = limit->has_soft ? (rlim_t)limit->soft : RLIM_INFINITY,
            .rlim_max = limit->has_hard ? (rlim_t)limit->hard : RLIM_INFINITY,
        };
        if (setrlimit((__rlimit_resource_t)kinds[type], &value) && child_cap(kinds[type], &value))
            child_fail("set the resource limit", "rlimit_info");
    }
}

static void child_user(const struct proc_spec *spec)
{
    const struct passwd *pw = getpwnam(spec->user);
    /* What it writes is its own, also under its name. */
    if (!pw || (spec->out && fchown(STDOUT_FILENO, pw->pw_uid, pw->pw_gid)) ||
        (spec->err && fchown(STDERR_FILENO, pw->pw_uid, pw->pw_gid)) ||
        initgroups(spec->user, pw->pw_gid) || setgid(pw->pw_gid) || setuid(pw->pw_uid))
        child_fail("switch to user", spec->user);
}

static void child_run(const struct proc_spec *spec)
{
    setsid();
    child_redirect(spec->out, STDOUT_FILENO);
    child_redirect(spec->err, STDERR_FILENO);
    const int null = open("/dev/null", O_RDONLY);
    if (null > 0) {
        dup2(null, STDIN_FILENO);
        close(null);
    }
    child_rlimits(spec->rlimits);
    if (spec->user)
        child_user(spec);
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* behind setuid, which clears it */
    if (chdir(spec->cwd ? spec->cwd : "/"))
        child_fail("change to", spec->cwd);
    for (int s = 1; s < NSIG; s++)
        signal(s, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (spec->body)
        _exit(spec->body(spec->body_ctx));
    environ = (char **)(size_t)spec->envp;
    execvp(spec->path, (char *const *)(size_t)spec->argv);
    child_fail("execute", spec->path);
}

/* ---- below the fork: the supervisor ---- */

/* Kills every direct child. Their children become ours, since we are their reaper. */
static void kill_children(void)
{
    FILE *list = fopen("/proc/thread-self/children", "re");
    int pid;
    while (list && fscanf(list, "%d", &pid) == 1)
        kill(pid, SIGKILL);
    if (list)
        fclose(list);
}

static void supervise(pid_t parent, const struct proc_spec *spec)
{
    close_range(3, ~0u, 0);
    setpgid(0, 0); /* a Ctrl-C on the terminal is not for it */
    prctl(PR_SET_PDEATHSIG, SIGUSR1);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    prctl(PR_SET_DUMPABLE, 0);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_SETMASK, &set, NULL);
    if (getppid() != parent)
        _exit(EXIT_FAILURE);
    const pid_t main_pid = fork();
    if (main_pid < 0)
        _exit(EXIT_FAILURE);
    if (main_pid == 0)
        child_run(spec);

    int status = 0;
    bool main_ended = false;
    for (;;) {
        const int signo = sigwaitinfo(&set, NULL);
        if (signo == SIGTERM && !main_ended && kill(-main_pid, SIGTERM))
            kill(main_pid, SIGTERM);
        if (signo == SIGUSR1)
            kill_children();
        pid_t pid;
        int one;
        while ((pid = waitpid(-1, &one, WNOHANG)) > 0) {
            if (pid != main_pid)
                continue;
            main_ended = true;
            status = one;
        }
        if (main_ended && pid < 0)
            break; /* no child is left */
        if (main_ended)
            kill_children();
    }
    if (WIFSIGNALED(status)) {
        const int signo = WTERMSIG(status);
        signal(signo, SIG_DFL);
        sigset_t one;
        sigemptyset(&one);
        sigaddset(&one, signo);
        sigprocmask(SIG_UNBLOCK, &one, NULL);
        kill(getpid(), signo);
    }
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILURE);
}

/* ---- our side ---- */

static void unlink_proc(struct proc *proc)
{
    if (proc->prev)
        proc->prev->next = proc->next;
    else
        proc->procs->first = proc->next;
    if (proc->next)
        proc->next->prev = proc->prev;
}

static void child_ended(void *ctx, int signo)
{
    struct procs *procs = ctx;
    int status;
    pid_t pid;
    (void)signo;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        for (struct proc *p = procs->first; p; p = p->next)
            if (p->pid == pid) {
                proc_exit_fn *on_exit = p->on_exit;
                void *on_exit_ctx = p->ctx;
                unlink_proc(p);
                free(p);
                if (on_exit)
                    on_exit(on_exit_ctx, status);
                break;
            }
}

struct procs *procs_new(struct loop *loop, struct err *err)
{
    struct procs *procs = xcalloc(1, sizeof *procs);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, NULL);
    if (loop_signal(loop, SIGCHLD, child_ended, procs, err) < 0) {
        free(procs);
        return NULL;
    }
    return procs;
}

void procs_free(struct procs *procs)
{
    if (!procs)
        return;
    for (struct proc *p = procs->first; p; p = p->next)
        proc_kill(p);
    while (procs->first) {
        struct proc *p = procs->first;
        while (waitpid(p->pid, NULL, 0) < 0 && errno == EINTR)
            ;
        unlink_proc(p);
        free(p);
    }
    free(procs);
}

struct proc *proc_start(struct procs *procs, const struct proc_spec *spec, proc_exit_fn *on_exit,
                        void *ctx, struct err *err)
{
    const pid_t self = getpid();
    const pid_t pid = fork();
    if (pid < 0) {
        err_sys(err, EXIT_UNREACHABLE, errno, "cannot fork");
        return NULL;
    }
    if (pid == 0)
        supervise(self, spec);
    struct proc *proc = xcalloc(1, sizeof *proc);
    proc->procs = procs;
    proc->pid = pid;
    proc->on_exit = on_exit;
    proc->ctx = ctx;
    proc->next = procs->first;
    if (procs->first)
        procs->first->prev = proc;
    procs->first = proc;
    return proc;
}

pid_t proc_pid(const struct proc *proc)
{
    return proc->pid;
}

/* A signal before the supervisor has set itself up would end it by default, or find the
 * dispositions of this program: those two are blocked here (procs_new), so that they stay pending
 * until then. */
void proc_terminate(struct proc *proc)
{
    kill(proc->pid, SIGTERM);
}

void proc_kill(struct proc *proc)
{
    kill(proc->pid, SIGUSR1);
}

void proc_abandon(struct proc *proc)
{
    if (!proc)
        return;
    proc->on_exit = NULL;
    proc_kill(proc);
}

int proc_user_exists(const char *user)
{
    return getpwnam(user) != NULL;
}
