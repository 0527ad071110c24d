#include "mesos/runner.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/io.h"
#include "base/json.h"
#include "base/lifeline.h"
#include "base/log.h"
#include "base/loop.h"
#include "cycle/cycle.h"
#include "mesos/command.h"
#include "proto/pbjson.h"
#include "proto/recordio.h"
#include "spec/specjson.h"
#include "spec/taskenv.h"

/* Nodes whose names are the cluster's seeds: dse-0 and dse-1 (see service-spec 10.4). */
enum { SEEDS = 2 };

enum { READ_SIZE = 256 * 1024, REPORT_DELAY_MS = 500, FLUSH_AT = 64 * 1024 };

struct runner {
    const struct runner_options *options;
    struct loop *loop;
    struct store *store;
    struct state *state;
    struct cycle *cycle;
    struct clock clock;
    struct idgen ids;
    struct plans_spec *fallback;

    struct loop_io *input;
    bool input_ended, input_paused;
    struct err input_problem; /* why it ended; EXIT_DONE: end of file */
    struct record_reader reader;
    struct arena arena; /* of one event */
    char *chunk;
    struct buf output;

    struct commands *commands;
    struct loop_timer *timer, *report_timer;
    struct store_watch *watch;
    bool worked, reporting; /* something to report happened; the report's timer runs */
    bool loading_requests, requests_changed;
    bool barrier; /* an empty transaction of ours is on its way */

    bool ended;
    struct err why; /* of the end; EXIT_DONE when all is well */
};

static void finish(struct runner *r, const struct err *why)
{
    if (r->ended)
        return;
    r->ended = true;
    r->why = *why;
    loop_stop(r->loop, 0);
}

/* ---- calls out ---- */

static void flush_output(struct runner *r)
{
    if (!r->output.len)
        return;
    if (io_write_all(STDOUT_FILENO, r->output.data, r->output.len)) {
        struct err why;
        err_sys(&why, EXIT_UNREACHABLE, errno, "cannot write calls");
        finish(r, &why);
    }
    buf_clear(&r->output);
}

static void write_calls(void *ctx, const void *data, size_t len)
{
    struct runner *r = ctx;

    buf_add(&r->output, data, len);
    if (r->output.len > FLUSH_AT)
        flush_output(r);
}

static void stop_run(void *ctx, const struct err *why)
{
    finish(ctx, why);
}

/* ---- after each piece of work ---- */

/* A replay settles each event before it looks at the next, so that the calls do not depend on how
 * the bytes come in. */
static bool must_settle(const struct runner *r)
{
    return r->options->now_ms && store_pending(r->store);
}

static void settle(struct runner *r)
{
    flush_output(r);
    if (r->ended)
        return;
    const int64_t next = cycle_next_ms(r->cycle);
    if (next == INT64_MAX)
        loop_timer_stop(r->timer);
    else
        loop_timer_at(r->timer, loop_now_ms() + (next - clock_now_ms(&r->clock)));
    const bool busy = cycle_busy(r->cycle) || must_settle(r);
    if (r->input && busy != r->input_paused) {
        loop_io_set(r->input, busy ? 0 : LOOP_READ);
        r->input_paused = busy;
    }
    if (r->options->run_dir && r->worked && !r->reporting) {
        r->reporting = true;
        loop_timer_in(r->report_timer, REPORT_DELAY_MS);
    }
    if (r->input_ended && store_pending(r->store) == 0)
        finish(r, &r->input_problem);
}

static void settled_barrier(void *ctx, const struct err *err);

/* Completions make calls too: they are written when the last pending transaction is through. */
static void settle_after_store(struct runner *r)
{
    settle(r);
    if (r->ended || r->barrier || !store_pending(r->store))
        return;
    r->barrier = true;
    store_submit(r->store, txn_new(), settled_barrier, r);
}

static void read_records(struct runner *r);

static void settled_barrier(void *ctx, const struct err *err)
{
    struct runner *r = ctx;

    r->barrier = false;
    if (err) {
        finish(r, err);
    } else if (r->cycle) {
        read_records(r); /* what a replay left for now */
        settle_after_store(r);
    }
}

/* ---- run directory ---- */

static void write_file(struct runner *r, const char *name, struct buf *text)
{
    struct err err = ERR_INIT;
    auto_free char *path = xasprintf("%s/%s", r->options->run_dir, name);

    if (io_replace_file(path, buf_str(text), text->len, 0644, false, &err))
        log_warn("%s", err.text);
    buf_clear(text);
}

static void write_lines(struct runner *r, const char *name, const json_t *list)
{
    auto_buf struct buf text = BUF_INIT;

    for (size_t i = 0; i < json_array_size(list); i++) {
        json_write(&text, json_array_get(list, i), JSON_LAYOUT_COMPACT);
        buf_addc(&text, '\n');
    }
    write_file(r, name, &text);
}

static void write_report(struct runner *r)
{
    auto_buf struct buf text = BUF_INIT;
    json_auto json_t *metrics = cycle_metrics(r->cycle);
    json_auto json_t *records = cycle_evaluations(r->cycle);
    json_auto json_t *offers = cycle_offers(r->cycle);

    json_write(&text, metrics, JSON_LAYOUT_PRETTY);
    buf_addc(&text, '\n');
    write_file(r, "metrics.json", &text);
    write_lines(r, "evaluations.ndjson", records);
    write_lines(r, "offers.ndjson", offers);
}

static void report(void *ctx)
{
    struct runner *r = ctx;

    r->reporting = r->worked = false;
    if (r->cycle)
        write_report(r);
}

static void timer_fired(void *ctx)
{
    struct runner *r = ctx;

    r->worked = true;
    cycle_tick(r->cycle);
    settle_after_store(r);
}

/* ---- environment ---- */

static bool env_flag(const char *name)
{
    const char *value = getenv(name);

    return value && env_bool(value) > 0;
}

static double env_double(const char *name, double missing)
{
    const char *value = getenv(name);
    char *end;

    if (!value || !*value)
        return missing;
    double number = strtod(value, &end);
    return *end ? missing : number;
}

/* ---- commands around replacements ---- */

static void hook_ended(void *ctx, const char *pod, int status)
{
    struct runner *r = ctx;

    r->worked = true;
    cycle_hook_ended(r->cycle, pod,
                     status == 0                 ? "done"
                     : status == COMMAND_TIMEOUT ? "timeout"
                                                 : "failed",
                     status);
    settle_after_store(r);
}

static const char *hook_command(bool after)
{
    const char *text = getenv(after ? "DSE_REPLACE_AFTER" : "DSE_REPLACE_BEFORE");

    return text && *text ? text : NULL;
}

static void run_hook(void *ctx, const struct hook *hook)
{
    struct runner *r = ctx;
    const struct {
        const char *name, *value;
    } variables[] = {
        {"DSE_HOOK", hook->after ? "after" : "before"},
        {"DSE_POD", hook->pod},
        {"DSE_POD_TYPE", hook->pod_type},
        {"DSE_POD_INDEX", strrchr(hook->pod, '-') + 1},
        {"DSE_SERVICE", hook->service},
        {"DSE_SEED", hook->pod_index < SEEDS ? "true" : "false"},
        {"DSE_OLD_HOST", hook->old_hostname},
        {"DSE_OLD_ADDRESS", hook->old_address},
        {"DSE_NEW_HOST", hook->new_hostname},
        {"DSE_NEW_ADDRESS", hook->new_address},
    };
    char *env[ARRAY_LEN(variables) + 1] = {NULL};

    for (size_t i = 0; i < ARRAY_LEN(variables); i++)
        env[i] = xasprintf("%s=%s", variables[i].name, variables[i].value);
    commands_start(r->commands, hook->pod, hook_command(hook->after), (const char *const *)env,
                   (int64_t)(env_double("DSE_REPLACE_TIMEOUT", 600) * 1000), hook_ended, r);
    for (size_t i = 0; i < ARRAY_LEN(variables); i++)
        free(env[i]);
}

/* ---- requests ---- */

static void load_requests(struct runner *r);

static void requests_loaded(void *ctx, struct tree *tree, const struct err *err)
{
    struct runner *r = ctx;

    r->loading_requests = false;
    if (err) {
        finish(r, err);
        tree_free(tree);
        return;
    }
    r->worked = true;
    cycle_requests(r->cycle, tree);
    tree_free(tree);
    if (r->requests_changed)
        load_requests(r);
    settle_after_store(r);
}

/* What the mirror has was carried out and answered by us, or was there at the first look. */
static bool is_known_request(void *ctx, const char *path)
{
    const struct runner *r = ctx;

    return state_get(r->state, path, NULL) != NULL;
}

/* Requests that are new: up to a hundred answered ones are kept beside them. */
static void load_requests(struct runner *r)
{
    if (r->loading_requests) {
        r->requests_changed = true;
        return;
    }
    r->loading_requests = true;
    r->requests_changed = false;
    store_load_rest_async(r->store, REQUESTS_PATH, is_known_request, requests_loaded, r);
}

static void requests_changed(void *ctx)
{
    load_requests(ctx);
}

/* ---- events in ---- */

/* One of the link's own records. */
static void link_record(struct runner *r, const char *type, const json_t *json)
{
    struct err err = ERR_INIT;

    if (strcmp(type, "DSE_CONNECTED") == 0) {
        cycle_link(r->cycle, LINK_CONNECTED, NULL, 0);
    } else if (strcmp(type, "DSE_DISCONNECTED") == 0) {
        cycle_link(r->cycle, LINK_DISCONNECTED, NULL, 0);
    } else if (strcmp(type, "DSE_CALL_FAILED") == 0) {
        const json_t *call_json = json_object_get(json, "call");
        int64_t status = 0;
        if (json_get_int_opt(json, "status", type, &status, &err))
            log_warn("%s", err.text);
        const Call *call = call_json ? PB_FROM_JSON(Call, call, call_json, &r->arena, &err) : NULL;
        if (call_json && !call)
            log_warn("the link reports a call that cannot be read: %s", err.text);
        cycle_link(r->cycle, LINK_CALL_FAILED, call, (int)status);
    } else {
        log_debug("unknown record '%s' of the link", type);
    }
}

/* Nothing behind this is read; what came before is finished. */
static void end_input(struct runner *r, const struct err *problem)
{
    if (r->input_ended)
        return;
    loop_io_del(r->input);
    r->input = NULL;
    r->input_ended = true;
    r->input_problem = *problem;
}

/* Heartbeats alone cause no report: an idle scheduler wakes up for them only. */
static void take_event(struct runner *r, const Event *event)
{
    if (event->type != EVENT__TYPE__HEARTBEAT)
        r->worked = true;
    cycle_event(r->cycle, event, &r->arena);
}

static const Event *event_of_json(struct runner *r, const json_t *json, struct err *err)
{
    const Event *event = PB_FROM_JSON(Event, event, json, &r->arena, err);

    if (!event)
        err_prefix(err, "cannot read event %lu", r->reader.number);
    return event;
}

static void json_record(struct runner *r, const struct record *record)
{
    struct err err = ERR_INIT;
    auto_free char *source = xasprintf("cannot read event %lu", r->reader.number);
    json_auto json_t *json = json_parse(record->data, record->len, source, &err);
    const char *type = json_string_value(json_object_get(json, "type"));

    if (type && strncmp(type, "DSE_", 4) == 0) {
        r->worked = true;
        link_record(r, type, json);
        return;
    }
    const Event *event = json ? event_of_json(r, json, &err) : NULL;
    if (event)
        take_event(r, event);
    else
        end_input(r, &err);
}

static void one_record(struct runner *r, const struct record *record)
{
    struct err err = ERR_INIT;

    arena_reset(&r->arena);
    if (record->is_json) {
        json_record(r, record);
        return;
    }
    const Event *event =
        PB_UNPACK(Event, event, record->data, record->len, &r->arena, "message", &err);
    if (event) {
        take_event(r, event);
        return;
    }
    err_prefix(&err, "cannot read event %lu", r->reader.number);
    end_input(r, &err);
}

static void read_records(struct runner *r)
{
    struct record record;
    struct err err = ERR_INIT;
    int found;

    while (!r->ended && !r->input_ended && !must_settle(r) &&
           (found = record_reader_next(&r->reader, &record, &err)) != 0) {
        if (found < 0) {
            err_prefix(&err, "cannot read events");
            end_input(r, &err);
            return;
        }
        one_record(r, &record);
    }
}

static void end_of_input(struct runner *r)
{
    struct err why = ERR_INIT;

    if (record_reader_rest(&r->reader))
        err_set(&why, EXIT_INPUT, "cannot read events: they end in the middle of record %lu",
                r->reader.number + 1);
    end_input(r, &why);
}

static void input_ready(void *ctx, int fd, unsigned events)
{
    struct runner *r = ctx;

    (void)events;
    ssize_t n = read(fd, r->chunk, READ_SIZE);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (n < 0) {
        struct err why;
        err_sys(&why, EXIT_UNREACHABLE, errno, "cannot read events");
        finish(r, &why);
        return;
    }
    if (n == 0) {
        end_of_input(r);
    } else {
        record_reader_feed(&r->reader, r->chunk, (size_t)n);
        read_records(r);
    }
    settle_after_store(r);
}

/* ---- start ---- */

static const char *environment(const char *name)
{
    return getenv(name);
}

static int make_cycle(struct runner *r, struct err *err)
{
    struct cycle_options options = {
        .store = r->store,
        .state = r->state,
        .clock = &r->clock,
        .ids = &r->ids,
        .fallback_plans = r->fallback,
        .uninstall = r->options->uninstall,
        .disable_suppress = getenv("DISABLE_SUPPRESS") != NULL,
        .revive_gap_ms = (int64_t)env_double("DSE_REVIVE_INTERVAL_MS", 0),
        .reconcile_delay_ms = (int64_t)env_double("IMPLICIT_RECONCILIATION_DELAY_MS", 0),
        .reconcile_period_ms = (int64_t)env_double("IMPLICIT_RECONCILIATION_PERIOD_MS", 0),
        .backoff = env_flag("ENABLE_BACKOFF"),
        .backoff_factor = env_double("FRAMEWORK_BACKOFF_FACTOR", 1.15),
        .backoff_initial_ms = (int64_t)(env_double("FRAMEWORK_INITIAL_BACKOFF", 60) * 1000),
        .backoff_max_ms = (int64_t)(env_double("FRAMEWORK_MAX_LAUNCH_DELAY", 300) * 1000),
        .run_hook = r->options->now_ms ? NULL : run_hook, /* a replay runs nothing */
        .hook_before = hook_command(false) != NULL,
        .hook_after = hook_command(true) != NULL,
        .keep_offers = r->options->run_dir != NULL,
        .recordio = strcmp(r->options->output, "recordio") == 0,
        .write = write_calls,
        .stop = stop_run,
        .ctx = r,
    };

    offer_settings_from_env(&options.settings, environment);
    if (*options.settings.problem)
        return err_set(err, EXIT_INPUT, "%s", options.settings.problem);
    options.settings.best_fit_mount = r->options->best_fit;
    if (cluster_caps_parse(r->options->cluster_version, &options.caps, err))
        return -1;
    r->cycle = cycle_new(&options, err);
    return r->cycle ? 0 : -1;
}

static int start_state(struct runner *r, struct tree *tree, struct err *err)
{
    r->state = state_new();
    if (state_load(r->state, tree, err))
        return -1;
    for (size_t i = 0; i < state_problems(r->state); i++)
        log_warn("state: %s", state_problem(r->state, i));
    if (state_uninstalling(r->state) && !r->options->uninstall)
        return err_set(err, EXIT_LOCKED,
                       "the service is being uninstalled, which cannot be reversed: "
                       "go on with dse-uninstall");
    const char *name = state_service_name(r->state);
    if (name) {
        struct txn *txn = txn_new();
        if (state_start(r->state, txn, r->options->service ? r->options->service : name, err)) {
            txn_free(txn);
            return -1;
        }
        r->barrier = true;
        store_submit(r->store, txn, settled_barrier, r);
    }
    return make_cycle(r, err);
}

/* The first look at the requests comes before the first event: the update first (design, 4.2). */
static void first_requests(void *ctx, struct tree *tree, const struct err *err)
{
    struct runner *r = ctx;

    requests_loaded(r, tree, err);
    if (!r->ended && r->options->uninstall)
        cycle_uninstall(r->cycle);
    if (!r->ended)
        r->input = loop_io_add(r->loop, STDIN_FILENO, LOOP_READ, input_ready, r);
}

static void state_loaded(void *ctx, struct tree *tree, const struct err *err)
{
    struct runner *r = ctx;
    struct err why = ERR_INIT;

    if (err) {
        tree_free(tree);
        finish(r, err);
        return;
    }
    if (start_state(r, tree, &why)) {
        finish(r, &why);
        return;
    }
    r->watch = store_watch_add(r->store, REQUESTS_PATH, requests_changed, r);
    r->loading_requests = true;
    store_load_async(r->store, REQUESTS_PATH, first_requests, r);
}

static void locked(void *ctx, const struct err *err)
{
    struct runner *r = ctx;

    if (err) {
        finish(r, err);
        return;
    }
    log_info("holding the lock of %s", store_name(r->store));
    store_load_async(r->store, "", state_loaded, r);
}

static void lock_lost(void *ctx, const struct err *why)
{
    finish(ctx, why);
}

static void signalled(void *ctx, int signo)
{
    struct runner *r = ctx;
    const struct err done = ERR_INIT;

    log_info("signal %d: stopping", signo);
    finish(r, &done);
}

static int prepare(struct runner *r, char *holder, size_t size, struct err *err)
{
    char host[128] = "";

    if (r->options->plans_file) {
        json_auto json_t *json = json_read_file(r->options->plans_file, err);
        const json_t *plans = json_object_get(json, "plans");
        r->fallback = json ? plans_spec_from_json(plans ? plans : json, err) : NULL;
        if (!r->fallback)
            return -1;
    }
    r->loop = loop_new(err);
    signal(SIGPIPE, SIG_IGN); /* a write tells, so that lock and commands are let go of */
    if (!r->loop || loop_signal(r->loop, SIGTERM, signalled, r, err) ||
        loop_signal(r->loop, SIGINT, signalled, r, err) ||
        !(r->commands = commands_new(r->loop, err)) ||
        lifeline_watch(r->loop, EXIT_UNREACHABLE, err))
        return -1;
    const struct store_options store_options = {.loop = r->loop, .create_root = true};
    r->store = store_open(r->options->store, &store_options, err);
    if (!r->store)
        return -1;
    gethostname(host, sizeof host - 1);
    snprintf(holder, size, "%s %s %ld", r->options->uninstall ? "dse-uninstall" : "dse-offers",
             host, (long)getpid());
    return 0;
}

static int run(struct runner *r, const char *holder, struct err *err)
{
    const struct lock_options lock = {.holder = holder, .wait_ms = r->options->lock_wait_ms};

    r->timer = loop_timer_add(r->loop, timer_fired, r);
    r->report_timer = loop_timer_add(r->loop, report, r);
    store_lock_async(r->store, &lock, locked, lock_lost, r);
    loop_run(r->loop);
    flush_output(r);
    if (r->cycle && r->options->run_dir)
        write_report(r);
    if (!r->ended)
        return err_set(err, EXIT_UNREACHABLE, "the supervisor is gone");
    if (r->why.status == EXIT_DONE)
        return 0;
    *err = r->why;
    return -1;
}

static void release(struct runner *r)
{
    if (r->watch)
        store_watch_del(r->watch);
    if (r->store)
        store_close(r->store); /* nothing completes any more, so the cycle may go */
    commands_free(r->commands);
    cycle_free(r->cycle);
    state_free(r->state);
    if (r->loop) {
        loop_io_del(r->input);
        if (r->timer) {
            loop_timer_del(r->timer);
            loop_timer_del(r->report_timer);
        }
        loop_free(r->loop);
    }
    plans_spec_free(r->fallback);
    record_reader_free(&r->reader);
    arena_free(&r->arena);
    buf_free(&r->output);
    free(r->chunk);
}

int runner_run(const struct runner_options *options, struct err *err)
{
    struct runner r = {
        .options = options,
        .clock = {.fixed_ms = options->now_ms},
        .ids = {.seed = (uint64_t)options->seed},
        .reader = RECORD_READER_INIT,
        .chunk = xmalloc(READ_SIZE),
        .input_problem = ERR_INIT,
    };
    char holder[256];
    int result = prepare(&r, holder, sizeof holder, err);

    if (result == 0)
        result = run(&r, holder, err);
    release(&r);
    return result;
}
