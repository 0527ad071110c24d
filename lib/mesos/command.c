#define _GNU_SOURCE
#include "mesos/command.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"

extern char **environ;

struct command {
    struct commands *commands;
    char *name;
    pid_t pid;   /* 0: it was not started */
    pid_t guard; /* leads its process group; 0: there is none */
    bool timed_out;
    struct loop_timer *timer;
    command_fn *fn;
    void *ctx;
    struct command *next;
};

struct commands {
    struct loop *loop;
    struct command *list;
    int life[2]; /* a pipe that only we can write to: its end is ours */
};

/* ---- starting ---- */

static bool overrides(const char *const *env, const char *entry)
{
    const size_t name = strcspn(entry, "=") + 1;

    for (; *env; env++)
        if (strncmp(*env, entry, name) == 0)
            return true;
    return false;
}

/* Ours with `env` on top; the array is the caller's, the strings are not. */
static char **environment(const char *const *env)
{
    size_t room = 1, n = 0;

    for (char **e = environ; *e; e++)
        room++;
    for (const char *const *e = env; *e; e++)
        room++;
    char **merged = xcalloc(room, sizeof *merged);
    for (char **e = environ; *e; e++)
        if (!overrides(env, *e))
            merged[n++] = *e;
    for (const char *const *e = env; *e; e++)
        merged[n++] = (char *)*e;
    return merged;
}

/* `sh -c text` in a process group, 0: one of its own. */
static int spawn(const char *text, char *const *env, const posix_spawn_file_actions_t *actions,
                 pid_t group, const sigset_t *blocked, pid_t *ret)
{
    char *argv[] = {(char *)"sh", (char *)"-c", (char *)text, NULL};
    posix_spawnattr_t attributes;
    sigset_t all;

    sigfillset(&all);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
                                              POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setpgroup(&attributes, group);
    posix_spawnattr_setsigmask(&attributes, blocked);
    posix_spawnattr_setsigdefault(&attributes, &all);
    const int failed = posix_spawn(ret, "/bin/sh", actions, &attributes, argv, env);
    posix_spawnattr_destroy(&attributes);
    return failed;
}

/* Ends the command's group when we end, however that is: the next worker starts the command again.
 * It is there before the command, and only SIGKILL, not that the command's time is up, ends it. */
static int spawn_guard(const struct commands *commands, pid_t *ret)
{
    posix_spawn_file_actions_t actions;
    sigset_t all;

    sigfillset(&all);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, commands->life[0], STDIN_FILENO);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
    const int failed = spawn("read -r _; kill -KILL 0", environ, &actions, 0, &all, ret);
    posix_spawn_file_actions_destroy(&actions);
    return failed;
}

static int spawn_command(const char *text, const char *const *env, pid_t group, pid_t *ret)
{
    auto_free char **merged = environment(env);
    posix_spawn_file_actions_t actions;
    sigset_t none;

    sigemptyset(&none);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
    const int failed = spawn(text, merged, &actions, group, &none, ret);
    posix_spawn_file_actions_destroy(&actions);
    return failed;
}

/* ---- ending ---- */

/* The group with all that the command left in the background. */
static void kill_group(const struct command *command)
{
    if (!command->guard)
        return;
    kill(-command->guard, SIGKILL);
    waitpid(command->guard, NULL, 0);
}

static void end(struct command *command, int status)
{
    struct command **p = &command->commands->list;

    kill_group(command);
    while (*p != command)
        p = &(*p)->next;
    *p = command->next;
    loop_timer_del(command->timer);
    command->fn(command->ctx, command->name, status);
    free(command->name);
    free(command);
}

static void time_is_up(void *ctx)
{
    struct command *command = ctx;

    if (!command->pid) {
        end(command, COMMAND_NOT_STARTED);
        return;
    }
    kill(-command->guard, command->timed_out ? SIGKILL : SIGTERM);
    command->timed_out = true;
    loop_timer_in(command->timer, COMMAND_GRACE_MS);
}

static void child_ended(void *ctx, int signo)
{
    struct commands *commands = ctx;
    struct command *next;
    int status;

    (void)signo;
    for (struct command *c = commands->list; c; c = next) {
        next = c->next;
        if (!c->pid || waitpid(c->pid, &status, WNOHANG) != c->pid)
            continue;
        end(c, c->timed_out          ? COMMAND_TIMEOUT
               : WIFSIGNALED(status) ? 128 + WTERMSIG(status)
                                     : WEXITSTATUS(status));
    }
}

/* ---- all of them ---- */

struct commands *commands_new(struct loop *loop, struct err *err)
{
    struct commands *commands = xcalloc(1, sizeof *commands);

    commands->loop = loop;
    if (pipe2(commands->life, O_CLOEXEC) < 0) {
        err_sys(err, EXIT_UNREACHABLE, errno, "cannot make a pipe");
        free(commands);
        return NULL;
    }
    if (loop_signal(loop, SIGCHLD, child_ended, commands, err) < 0) {
        commands_free(commands);
        return NULL;
    }
    return commands;
}

void commands_free(struct commands *commands)
{
    if (!commands)
        return;
    while (commands->list) {
        struct command *c = commands->list;
        commands->list = c->next;
        kill_group(c);
        if (c->pid)
            waitpid(c->pid, NULL, 0);
        loop_timer_del(c->timer);
        free(c->name);
        free(c);
    }
    close(commands->life[0]);
    close(commands->life[1]);
    free(commands);
}

void commands_start(struct commands *commands, const char *name, const char *text,
                    const char *const *env, int64_t limit_ms, command_fn *fn, void *ctx)
{
    struct command *command = xcalloc(1, sizeof *command);

    *command = (struct command){
        .commands = commands, .name = xstrdup(name), .fn = fn, .ctx = ctx, .next = commands->list};
    commands->list = command;
    command->timer = loop_timer_add(commands->loop, time_is_up, command);
    int failed = spawn_guard(commands, &command->guard);
    if (failed)
        command->guard = 0;
    else
        failed = spawn_command(text, env, command->guard, &command->pid);
    if (failed) {
        command->pid = 0;
        log_error("cannot start the command of %s: %s", name, strerror(failed));
    }
    loop_timer_in(command->timer, failed ? 0 : limit_ms);
}
