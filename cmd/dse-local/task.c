/* The process of a task: fetch, start, its environment, its end. */
#define _GNU_SOURCE /* environ */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "local.h"

/* ---- environment, command, user ---- */

struct env_list {
    char **items;
    size_t count;
};

static void env_set(struct env_list *env, struct arena *arena, const char *name, const char *value)
{
    const size_t len = strlen(name);
    char *text = arena_printf(arena, "%s=%s", name, value);
    for (size_t i = 0; i < env->count; i++)
        if (strncmp(env->items[i], name, len) == 0 && env->items[i][len] == '=') {
            env->items[i] = text;
            return;
        }
    *ARENA_PUSH(arena, env->items, env->count) = text;
}

/* What a task sees of this program's own environment. */
static void env_inherit(struct env_list *env, struct arena *arena)
{
    static const char *const names[] = {"PATH",     "HOME", "LANG",  "LC_ALL",
                                        "LC_CTYPE", "TZ",   "TMPDIR"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const char *value = getenv(names[i]);
        if (value)
            env_set(env, arena, names[i], value);
    }
    if (!getenv("PATH"))
        env_set(env, arena, "PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
}

static int env_add(struct env_list *env, const struct task *task, const Environment *more,
                   struct arena *arena, struct err *err)
{
    for (size_t i = 0; more && i < more->n_variables; i++) {
        const Environment__Variable *v = more->variables[i];
        if (v->type != ENVIRONMENT__VARIABLE__TYPE__SECRET) {
            env_set(env, arena, v->name, v->value ? v->value : "");
            continue;
        }
        auto_buf struct buf value = BUF_INIT;
        if (secret_value(task->framework->master, v->secret, &value, err) < 0)
            return -1;
        env_set(env, arena, v->name, buf_str(&value));
    }
    return 0;
}

char **task_environment(const struct task *task, const Environment *extra, struct arena *arena,
                        struct err *err)
{
    const struct executor *executor = task->executor;
    struct env_list env = {NULL, 0};
    env_inherit(&env, arena);
    env_set(&env, arena, "MESOS_FRAMEWORK_ID", task->framework->id);
    env_set(&env, arena, "MESOS_EXECUTOR_ID", executor->id);
    env_set(&env, arena, "MESOS_SLAVE_ID", task->agent->id);
    env_set(&env, arena, "MESOS_AGENT_ENDPOINT",
            arena_printf(arena, "%s:%d", task->agent->ip, AGENT_PORT));
    env_set(&env, arena, "MESOS_DIRECTORY", executor->sandbox);
    env_set(&env, arena, "MESOS_SANDBOX", task->sandbox);
    env_set(&env, arena, "MESOS_CONTAINER_IP", task->agent->ip);
    env_set(&env, arena, "LIBPROCESS_IP", task->agent->ip);
    env_set(&env, arena, "MESOS_ALLOCATION_ROLE", executor->role);
    env_set(&env, arena, "MESOS_CHECKPOINT",
            task->framework->info->has_checkpoint && task->framework->info->checkpoint ? "1" : "0");
    if (env_add(&env, task, task->info->command ? task->info->command->environment : NULL, arena,
                err) ||
        env_add(&env, task, extra, arena, err))
        return NULL;
    *ARENA_PUSH(arena, env.items, env.count) = NULL;
    return env.items;
}

void command_argv(const CommandInfo *command, struct proc_spec *spec, struct arena *arena)
{
    const char **argv;
    if (!command->has_shell || command->shell) {
        argv = ARENA_ARRAY(arena, 4, const char *);
        argv[0] = "sh";
        argv[1] = "-c";
        argv[2] = command->value ? command->value : "";
        spec->path = "/bin/sh";
    } else {
        argv = ARENA_ARRAY(arena, command->n_arguments + 2, const char *);
        spec->path = command->value ? command->value : "";
        for (size_t i = 0; i < command->n_arguments; i++)
            argv[i] = command->arguments[i];
        if (command->n_arguments == 0)
            argv[0] = command->value;
    }
    spec->argv = argv;
}

/* NULL when no other than the present one. */
static const char *other_user(const struct master *m, const char *user)
{
    if (!m->config.switch_user || geteuid() != 0)
        return NULL;
    return user && *user && strcmp(user, "root") != 0 ? user : NULL;
}

const char *framework_user(const struct framework *f)
{
    return other_user(f->master, f->info->user);
}

const char *task_user(const struct task *task, const CommandInfo *command)
{
    const char *user = command && command->user ? command->user
                       : task->info->command && task->info->command->user
                           ? task->info->command->user
                           : task->framework->info->user;
    return other_user(task->framework->master, user);
}

/* ---- life ---- */

static void fail_launch(struct task *task, const char *why)
{
    auto_free char *message = xasprintf("Failed to launch container: %s", why);
    task_ended(task, TASK_STATE__TASK_FAILED, message,
               TASK_STATUS__REASON__REASON_CONTAINER_LAUNCH_FAILED);
}

/* "exited with status 3", "terminated with signal Terminated", as Mesos words a wait status. */
static char *status_text(const char *what, int wait_status)
{
    if (WIFSIGNALED(wait_status))
        return xasprintf("%s terminated with signal %s", what, strsignal(WTERMSIG(wait_status)));
    return xasprintf("%s exited with status %d", what, WEXITSTATUS(wait_status));
}

static void process_ended(void *ctx, int wait_status)
{
    struct task *task = ctx;
    auto_free char *message = status_text("Command", wait_status);
    task->proc = NULL;
    task->pid = 0;
    if (task->timed_out)
        task_ended(task, TASK_STATE__TASK_FAILED, message,
                   TASK_STATUS__REASON__REASON_MAX_COMPLETION_TIME_REACHED);
    else if (task->killing)
        task_ended(task, TASK_STATE__TASK_KILLED, message, -1);
    else if (WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 0)
        task_ended(task, TASK_STATE__TASK_FINISHED, message, -1);
    else
        task_ended(task, TASK_STATE__TASK_FAILED, message, -1);
}

static void limit_due(void *ctx)
{
    struct task *task = ctx;
    if (task->killing)
        return;
    task->timed_out = true;
    task_stop(task, 0, false);
}

static void run(struct task *task)
{
    struct master *m = task->framework->master;
    auto_arena struct arena arena = ARENA_INIT;
    struct err err = ERR_INIT;
    CommandInfo none = COMMAND_INFO__INIT;
    const CommandInfo *command = task->info->command ? task->info->command : &none;
    struct proc_spec spec = {
        .cwd = task->sandbox,
        .out = arena_printf(&arena, "%s/stdout", task->sandbox),
        .err = arena_printf(&arena, "%s/stderr", task->sandbox),
        .user = task_user(task, command),
        .rlimits = task->info->container ? task->info->container->rlimit_info : NULL,
    };
    command_argv(command, &spec, &arena);
    if (!command->value) {
        fail_launch(task, !command->has_shell || command->shell
                              ? "Shell specified but no command value provided"
                              : "Executable path is not specified");
        return;
    }
    spec.envp = task_environment(task, NULL, &arena, &err);
    if (spec.envp)
        task->proc = proc_start(m->procs, &spec, process_ended, task, &err);
    if (!task->proc) {
        fail_launch(task, err.text);
        return;
    }
    task->pid = (int)proc_pid(task->proc);
    if (task->info->max_completion_time) {
        task->limit_timer = loop_timer_add(m->loop, limit_due, task);
        loop_timer_in(task->limit_timer, task->info->max_completion_time->nanoseconds / 1000000);
    }
    task_status(task, TASK_STATE__TASK_RUNNING, NULL, -1);
    checks_start(task);
}

static void fetch_ended(void *ctx, int wait_status)
{
    struct task *task = ctx;
    task->fetching = NULL;
    if (task->killing) {
        task_ended(task, TASK_STATE__TASK_KILLED, NULL, -1);
        return;
    }
    if (WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 0) {
        run(task);
        return;
    }
    auto_free char *container =
        xasprintf("Failed to fetch all URIs for container '%s.%s':", task->executor_container,
                  task->container_id);
    auto_free char *why = status_text(container, wait_status);
    fail_launch(task, why);
}

/* ---- without a process ---- */

/* SIMULATED_LIFE=SECONDS[:STATUS] in the command's environment: how long the task runs, and the
 * exit status in its end. Without it the task runs until it is killed. */
static bool simulated_life(const struct task *task, double *ret_seconds, int *ret_status)
{
    const Environment *env = task->info->command ? task->info->command->environment : NULL;
    for (size_t i = 0; env && i < env->n_variables; i++) {
        const Environment__Variable *v = env->variables[i];
        if (strcmp(v->name, "SIMULATED_LIFE") == 0 && v->value)
            return sscanf(v->value, "%lf:%d", ret_seconds, ret_status) >= 1 && *ret_seconds >= 0 &&
                   *ret_seconds < 1e9;
    }
    return false;
}

static void life_ends(void *ctx)
{
    double seconds;
    int status = 0;
    (void)simulated_life(ctx, &seconds, &status);
    process_ended(ctx, (status & 0xff) << 8);
}

static void simulate(struct task *task)
{
    double seconds;
    int status;
    task_status(task, TASK_STATE__TASK_RUNNING, NULL, -1);
    checks_start(task);
    if (!simulated_life(task, &seconds, &status))
        return;
    task->limit_timer = loop_timer_add(task->framework->master->loop, life_ends, task);
    loop_timer_in(task->limit_timer, (int64_t)(seconds * 1000));
}

void task_start(struct task *task)
{
    struct err err = ERR_INIT;
    if (task->framework->master->config.simulate) {
        simulate(task);
        return;
    }
    if (sandbox_task(task, &err) < 0) {
        fail_launch(task, err.text);
        return;
    }
    const CommandInfo *command = task->info->command;
    if (!command || command->n_uris == 0) {
        run(task);
        return;
    }
    auto_arena struct arena arena = ARENA_INIT;
    struct fetch fetch = {command, task->framework->master->config.host};
    const struct proc_spec spec = {
        .cwd = task->sandbox,
        .out = arena_printf(&arena, "%s/stdout", task->sandbox),
        .err = arena_printf(&arena, "%s/stderr", task->sandbox),
        .user = task_user(task, command),
        .body = fetch_all,
        .body_ctx = &fetch, /* the child has a copy */
    };
    task->fetching = proc_start(task->framework->master->procs, &spec, fetch_ended, task, &err);
    if (!task->fetching)
        fail_launch(task, err.text);
}
