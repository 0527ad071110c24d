/* Checks and health checks: real processes or connections, one at a time each
 * (see offer-cycle 11.6). */
#define _GNU_SOURCE /* MAP_ANONYMOUS */
#include <arpa/inet.h>
#include <curl/curl.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "local.h"

enum kind { BY_COMMAND, BY_HTTP, BY_TCP };

struct check {
    struct task *task;
    bool is_health;
    enum kind kind;
    const CommandInfo *command;
    const char *scheme, *path; /* BY_HTTP */
    uint32_t port;
    int64_t interval_ms, timeout_ms, grace_ms, started_ms;
    uint32_t limit, failures; /* health: consecutive ones */
    bool initializing;        /* health: no success yet */
    bool timed_out;
    struct proc *proc;
    int *shared; /* HTTP status that the child found */
    struct loop_timer *timer;
};

/* ---- results ---- */

static void health_result(struct check *check, bool healthy)
{
    struct task *task = check->task;
    if (healthy) {
        const bool tell = check->initializing || check->failures > 0;
        check->initializing = false;
        check->failures = 0;
        if (!tell)
            return;
    } else {
        if (check->initializing && check->grace_ms > 0 &&
            loop_now_ms() - check->started_ms <= check->grace_ms)
            return;
        check->failures++;
    }
    const bool kill = !healthy && check->failures >= check->limit;
    task->has_healthy = true;
    task->healthy = healthy;
    task_status(task, TASK_STATE__TASK_RUNNING, NULL,
                TASK_STATUS__REASON__REASON_TASK_HEALTH_CHECK_STATUS_UPDATED);
    if (kill) {
        task->executor->unhealthy = true;
        task_kill(task, NULL); /* frees the check */
    }
}

static void check_result(struct check *check, bool has_value, int value)
{
    struct task *task = check->task;
    if (has_value == task->has_check_value && (!has_value || value == task->check_value))
        return;
    task->has_check_value = has_value;
    task->check_value = value;
    task_status(task, TASK_STATE__TASK_RUNNING, NULL,
                TASK_STATUS__REASON__REASON_TASK_CHECK_STATUS_UPDATED);
}

static void run_ended(void *ctx, int wait_status)
{
    struct check *check = ctx;
    const bool exited = WIFEXITED(wait_status) && !check->timed_out;
    int value = exited ? WEXITSTATUS(wait_status) : 0;
    bool good = exited && value == 0;
    bool has_value = exited;
    if (check->kind == BY_HTTP) {
        value = *check->shared;
        has_value = good; /* the child exits 0 when it has an answer */
        good = good && value >= 200 && value < 400;
    } else if (check->kind == BY_TCP) {
        value = good;
    }
    check->proc = NULL;
    loop_timer_in(check->timer, check->interval_ms);
    if (check->is_health)
        health_result(check, good);
    else
        check_result(check, has_value, value);
}

/* ---- connections, in a child ---- */

static int connect_to(const struct check *check)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)check->port)};
    inet_pton(AF_INET, check->task->agent->ip, &at.sin_addr);
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return fd >= 0 && connect(fd, (struct sockaddr *)&at, sizeof at) == 0 ? fd : -1;
}

static int tcp_body(void *ctx)
{
    return connect_to(ctx) >= 0 ? 0 : 1;
}

static size_t pass_over(char *data, size_t size, size_t n, void *ctx)
{
    (void)data;
    (void)ctx;
    return size * n;
}

/* As Mesos has curl do it: redirects are followed, certificates not looked at. */
static int http_body(void *ctx)
{
    const struct check *check = ctx;
    auto_free char *url =
        xasprintf("%s://%s:%u%s", check->scheme, check->task->agent->ip, check->port, check->path);
    long status = 0;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    CURL *curl = curl_easy_init();
    if (!curl)
        return 1;
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(curl, CURLOPT_MAXREDIRS, 50L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, pass_over);
    const CURLcode code = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_cleanup(curl);
    *check->shared = (int)status;
    return code == CURLE_OK && status ? 0 : 1;
}

/* ---- runs ---- */

static void start_run(struct check *check)
{
    struct task *task = check->task;
    auto_arena struct arena arena = ARENA_INIT;
    struct err err = ERR_INIT;
    struct proc_spec spec = {
        .cwd = task->sandbox,
        .out = arena_printf(&arena, "%s/stdout", task->executor->sandbox),
        .err = arena_printf(&arena, "%s/stderr", task->executor->sandbox),
    };
    check->timed_out = false;
    if (task->framework->master->config.simulate) { /* all is well */
        if (check->shared)
            *check->shared = 200;
        run_ended(check, 0);
        return;
    }
    if (check->kind == BY_COMMAND) {
        command_argv(check->command, &spec, &arena);
        spec.envp = task_environment(task, check->command->environment, &arena, &err);
        spec.user = task_user(task, check->command);
        if (!spec.envp) {
            log_warn("check of task '%s': %s", task->id, err.text);
            loop_timer_in(check->timer, check->interval_ms);
            return;
        }
    } else {
        spec.body = check->kind == BY_HTTP ? http_body : tcp_body;
        spec.body_ctx = check;
    }
    check->proc = proc_start(task->framework->master->procs, &spec, run_ended, check, &err);
    if (!check->proc) {
        log_warn("check of task '%s': %s", task->id, err.text);
        loop_timer_in(check->timer, check->interval_ms);
    } else if (check->timeout_ms > 0) {
        loop_timer_in(check->timer, check->timeout_ms);
    }
}

static void timer_due(void *ctx)
{
    struct check *check = ctx;
    if (!check->proc) {
        start_run(check);
        return;
    }
    check->timed_out = true;
    proc_kill(check->proc);
}

static int64_t to_ms(double seconds)
{
    return (int64_t)(seconds * 1000);
}

static struct check *check_new(struct task *task, enum kind kind, double delay)
{
    struct check *check = xcalloc(1, sizeof *check);
    check->task = task;
    check->kind = kind;
    check->started_ms = loop_now_ms();
    check->initializing = true;
    check->timer = loop_timer_add(task->framework->master->loop, timer_due, check);
    if (kind == BY_HTTP) {
        void *page = mmap(NULL, sizeof *check->shared, PROT_READ | PROT_WRITE,
                          MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        check->shared = page == MAP_FAILED ? NULL : page;
        if (!check->shared)
            check->kind = BY_TCP; /* out of memory: at least the connection is checked */
    }
    loop_timer_in(check->timer, to_ms(delay));
    return check;
}

static struct check *new_check(struct task *task, const CheckInfo *info)
{
    const enum kind kind = info->type == CHECK_INFO__TYPE__COMMAND ? BY_COMMAND
                           : info->type == CHECK_INFO__TYPE__HTTP  ? BY_HTTP
                                                                   : BY_TCP;
    struct check *check = check_new(task, kind, info->delay_seconds);
    check->interval_ms = to_ms(info->interval_seconds);
    check->timeout_ms = to_ms(info->timeout_seconds);
    check->command = info->command ? info->command->command : NULL;
    check->scheme = "http";
    check->path = info->http && info->http->path ? info->http->path : "/";
    check->port = info->http ? info->http->port : info->tcp ? info->tcp->port : 0;
    return check;
}

static struct check *new_health(struct task *task, const HealthCheck *info)
{
    const enum kind kind = info->type == HEALTH_CHECK__TYPE__COMMAND ? BY_COMMAND
                           : info->type == HEALTH_CHECK__TYPE__HTTP  ? BY_HTTP
                                                                     : BY_TCP;
    struct check *check = check_new(task, kind, info->delay_seconds);
    check->is_health = true;
    check->interval_ms = to_ms(info->interval_seconds);
    check->timeout_ms = to_ms(info->timeout_seconds);
    check->grace_ms = to_ms(info->grace_period_seconds);
    check->limit = info->consecutive_failures;
    check->command = info->command;
    check->scheme = info->http && info->http->scheme ? info->http->scheme : "http";
    check->path = info->http && info->http->path ? info->http->path : "/";
    check->port = info->http ? info->http->port : info->tcp ? info->tcp->port : 0;
    return check;
}

void checks_start(struct task *task)
{
    if (task->info->check)
        task->check = new_check(task, task->info->check);
    if (task->info->health_check)
        task->health = new_health(task, task->info->health_check);
}

static void check_free(struct check *check)
{
    if (!check)
        return;
    proc_abandon(check->proc);
    loop_timer_del(check->timer);
    if (check->shared)
        munmap(check->shared, sizeof *check->shared);
    free(check);
}

void checks_stop(struct task *task)
{
    check_free(task->check);
    check_free(task->health);
    task->check = task->health = NULL;
}
