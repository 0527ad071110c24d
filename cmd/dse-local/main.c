/* dse-local: a one-machine Mesos for development, demos and tests. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/io.h"
#include "base/json.h"
#include "base/log.h"
#include "base/opt.h"
#include "local.h"
#include "workdir.h"

static long n_agents = 1, port = 5050, seed;
static long allocation_ms = 1000, heartbeat_ms = 15000, resend_ms = 10000, offer_timeout_ms;
static long agent_timeout_ms = 75000, reregister_ms = 2000, recovery_ms;
static const char *master_url, *credentials, *leader;
static const char *topology, *work_dir, *port_file, *secrets_file, *log_level;
static const char *cpus = "4", *mem = "8192", *disk = "20480", *version = "1.12.0";
static bool no_switch_user, rm_work_dir, simulate;

static const struct opt options[] = {
    {.name = "agents",
     .kind = OPT_INT,
     .arg = "N",
     .help = "number of agents (default 1)",
     .target = &n_agents,
     .group = 1,
     .min = 1,
     .max = 100000},
    {.name = "topology",
     .kind = OPT_STRING,
     .arg = "FILE",
     .help = "agents, disks, attributes and domains as JSON",
     .target = &topology,
     .complete = "file",
     .group = 1},
    {.name = "cpus",
     .kind = OPT_STRING,
     .arg = "N",
     .help = "cpus of each agent (default 4)",
     .target = &cpus},
    {.name = "mem",
     .kind = OPT_STRING,
     .arg = "MB",
     .help = "memory of each agent (default 8192)",
     .target = &mem},
    {.name = "disk",
     .kind = OPT_STRING,
     .arg = "MB",
     .help = "root disk of each agent (default 20480)",
     .target = &disk},
    {.letter = 'p',
     .name = "port",
     .kind = OPT_INT,
     .arg = "PORT",
     .help = "port of the master, 0 for a free one (default 5050)",
     .target = &port,
     .min = 0,
     .max = 65535},
    {.name = "port-file",
     .kind = OPT_STRING,
     .arg = "FILE",
     .help = "write the port there when ready; with a command: read it there",
     .target = &port_file,
     .complete = "file"},
    {.name = "work-dir",
     .kind = OPT_STRING,
     .arg = "DIR",
     .help = "sandboxes and volumes (default: a temporary folder, removed at exit)",
     .target = &work_dir,
     .complete = "dir"},
    {.name = "rm-work-dir",
     .kind = OPT_FLAG,
     .help = "remove the work folder at exit",
     .target = &rm_work_dir},
    {.name = "no-switch-user",
     .kind = OPT_FLAG,
     .help = "run all tasks as the present user",
     .target = &no_switch_user},
    {.name = "simulate",
     .kind = OPT_FLAG,
     .help = "tasks without processes: they run, pass their checks and end when killed",
     .target = &simulate},
    {.name = "secrets",
     .kind = OPT_STRING,
     .arg = "FILE",
     .help = "JSON object of secrets by name",
     .target = &secrets_file,
     .complete = "file"},
    {.name = "credentials",
     .kind = OPT_STRING,
     .arg = "FILE",
     .help = "ask schedulers for one of these principals and secrets",
     .target = &credentials,
     .complete = "file"},
    {.name = "allocation-interval",
     .kind = OPT_SECONDS,
     .arg = "TIME",
     .help = "time between batches of offers (default 1s)",
     .target = &allocation_ms},
    {.name = "heartbeat",
     .kind = OPT_SECONDS,
     .arg = "TIME",
     .help = "time between heartbeats (default 15s)",
     .target = &heartbeat_ms},
    {.name = "resend",
     .kind = OPT_SECONDS,
     .arg = "TIME",
     .help = "first wait for an acknowledgement, then doubled (default 10s)",
     .target = &resend_ms},
    {.name = "offer-timeout",
     .kind = OPT_SECONDS,
     .arg = "TIME",
     .help = "rescind offers after that long (default: never)",
     .target = &offer_timeout_ms},
    {.name = "agent-timeout",
     .kind = OPT_SECONDS,
     .arg = "TIME",
     .help = "how long the master waits for a lost agent (default 75s)",
     .target = &agent_timeout_ms},
    {.name = "reregister",
     .kind = OPT_SECONDS,
     .arg = "TIME",
     .help = "how long agents need to find a new master (default 2s)",
     .target = &reregister_ms},
    {.name = "recovery",
     .kind = OPT_SECONDS,
     .arg = "TIME",
     .help = "how long a new master answers 503 to schedulers (default 0)",
     .target = &recovery_ms},
    {.name = "leader",
     .kind = OPT_STRING,
     .arg = "HOST:PORT",
     .help = "do not lead but send schedulers there; empty: nobody leads",
     .target = &leader},
    {.name = "master",
     .kind = OPT_STRING,
     .arg = "URL",
     .help = "where a COMMAND is sent (default http://127.0.0.1:PORT)",
     .target = &master_url,
     .env = "DSE_MASTER"},
    {.name = "mesos-version",
     .kind = OPT_STRING,
     .arg = "VERSION",
     .help = "version told to clients (default 1.12.0)",
     .target = &version},
    {.name = "seed",
     .kind = OPT_INT,
     .arg = "N",
     .help = "make ids and the order of agents repeatable",
     .target = &seed},
    {.name = "log-level",
     .kind = OPT_STRING,
     .arg = "LEVEL",
     .help = "lowest level shown: debug, info, warn or error (default info)",
     .target = &log_level,
     .env = "FRAMEWORK_LOG_LEVEL"},
    OPT_END,
};

static int parse_amount(const char *text, const char *name, double *ret, struct err *err)
{
    char *end;
    *ret = strtod(text, &end);
    if (end == text || *end || !(*ret > 0) || *ret > 1e9)
        return usage_error(err, "--%s: not an amount above 0: '%s'", name, text);
    return 0;
}

static void stop(void *ctx, int signo)
{
    log_info("stopping on signal %d", signo);
    loop_stop(ctx, EXIT_DONE);
}

static int announce(const struct master *m, struct err *err)
{
    if (port_file) {
        auto_free char *text = xasprintf("%d\n", http_port(m->http));
        if (io_replace_file(port_file, text, strlen(text), 0644, false, err))
            return -1;
    }
    printf("listening on http://%s:%d\n", m->config.host, http_port(m->http));
    if (fflush(stdout))
        return err_sys(err, EXIT_UNREACHABLE, errno, "cannot write to standard output");
    return 0;
}

static int serve(struct master *m, const struct agent_size *size, struct err *err)
{
    if (loop_signal(m->loop, SIGTERM, stop, m->loop, err) < 0 ||
        loop_signal(m->loop, SIGINT, stop, m->loop, err) < 0 ||
        (credentials && credentials_load(m, credentials, err) < 0) ||
        topology_load(m, topology, n_agents, size, err) < 0 ||
        master_start(m, (int)port, err) < 0 || announce(m, err) < 0)
        return -1;
    return loop_run(m->loop);
}

/* Where the running dse-local is: its port file, --master or DSE_MASTER, or --port. */
static char *running_url(struct err *err)
{
    auto_buf struct buf text = BUF_INIT;
    char *end;
    if (!port_file)
        return master_url ? xstrdup(master_url) : xasprintf("http://127.0.0.1:%ld", port);
    if (io_read_file(port_file, 64, &text, err))
        return NULL;
    const long number = strtol(buf_str(&text), &end, 10);
    if (number > 0 && number < 65536 && strcmp(end, "\n") == 0)
        return xasprintf("http://127.0.0.1:%ld", number);
    err_set(err, EXIT_INPUT, "%s: not a port", port_file);
    return NULL;
}

static int send_command(const struct invocation *inv, struct err *err)
{
    auto_free char *url = running_url(err);
    if (!url)
        return -1;
    if (strncmp(url, "http://", 7) != 0)
        return usage_error(err, "--master: a dse-local has a URL like http://HOST:PORT: '%s'", url);
    return control_send(url, inv->verb->name, inv->count ? inv->operands[0] : "", err);
}

static const struct verb commands[] = {
    {.name = "agent-down",
     .operands = "AGENT",
     .help = "break the agent's connection",
     .run = send_command},
    {.name = "agent-up", .operands = "AGENT", .help = "let it return", .run = send_command},
    {.name = "agent-gone",
     .operands = "AGENT",
     .help = "mark it gone, as an operator does",
     .run = send_command},
    {.name = "agent-leave", .operands = "AGENT", .help = "let it unregister", .run = send_command},
    {.name = "fail-task", .operands = "TASK", .help = "kill the task", .run = send_command},
    {.name = "fail-executor",
     .operands = "EXECUTOR",
     .help = "kill the executor with its tasks",
     .run = send_command},
    {.name = "disconnect",
     .operands = "[FRAMEWORK]",
     .help = "break its stream, or all streams",
     .run = send_command},
    {.name = "failover", .operands = "", .help = "let the master fail over", .run = send_command},
    {.name = "rescind",
     .operands = "[AGENT]",
     .help = "rescind its offers, or all offers",
     .run = send_command},
    {.name = "drop-operation",
     .operands = "[TYPE]",
     .help = "drop the next operation, of that type",
     .run = send_command},
    {.name = NULL},
};

static int run(const struct invocation *inv, struct err *err)
{
    struct agent_size size;
    struct workdir dir = WORKDIR_INIT;
    (void)inv;
    if (parse_amount(cpus, "cpus", &size.cpus, err) || parse_amount(mem, "mem", &size.mem, err) ||
        parse_amount(disk, "disk", &size.disk, err))
        return -1;
    if (allocation_ms < 10 || heartbeat_ms < 10 || resend_ms < 10)
        return usage_error(err, "times must be at least 0.01 seconds");
    log_init("dse-local", log_level);
    signal(SIGPIPE, SIG_IGN);
    json_auto json_t *secrets = NULL;
    if (secrets_file) {
        secrets = json_read_file(secrets_file, err);
        if (!secrets)
            return -1;
        if (!json_is_object(secrets))
            return err_set(err, EXIT_INPUT, "%s: not an object of secrets", secrets_file);
    }
    if (workdir_open(&dir, work_dir, err)) {
        workdir_close(&dir, false);
        return -1;
    }
    struct master m = {
        .config = {.work_dir = dir.path,
                   .host = "127.0.0.1",
                   .version = version,
                   .allocation_interval_ms = allocation_ms,
                   .heartbeat_ms = heartbeat_ms,
                   .resend_ms = resend_ms,
                   .executor_exit_ms = 50,
                   .offer_timeout_ms = offer_timeout_ms,
                   .agent_timeout_ms = agent_timeout_ms,
                   .reregister_ms = reregister_ms,
                   .switch_user = !no_switch_user,
                   .simulate = simulate,
                   .recovery_ms = recovery_ms,
                   .leader = leader,
                   .secrets = secrets},
        .ids = {.seed = (uint64_t)seed},
        .loop = loop_new(err),
    };
    int result = -1;
    if (m.loop) {
        idgen_uuid(&m.ids, m.id);
        result = serve(&m, &size, err);
        master_stop(&m);
        loop_free(m.loop);
    }
    workdir_close(&dir, rm_work_dir);
    return result;
}

static const struct program program = {
    .name = "dse-local",
    .summary = "a one-machine Mesos: master API and agents that run tasks as processes",
    .opts = options,
    .verbs = commands,
    .run = run,
    .epilog = "The commands are for a dse-local that runs.\n",
};

int main(int argc, char **argv)
{
    return program_main(&program, argc, argv);
}
