#include "spec/schedenv.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "spec/taskenv.h"

const struct sched_variable sched_variables[] = {
    {"PORT_API", SCHED_INT, "", "port of the HTTP API"},
    {"LIBPROCESS_IP", SCHED_TEXT, "", "address of the scheduler"},
    {"BOOTSTRAP_URI", SCHED_TEXT, "", "archive of the program that paused tasks run"},
    {"STATSD_UDP_HOST", SCHED_TEXT, "", "host that metrics are sent to"},
    {"STATSD_UDP_PORT", SCHED_INT, "", "port that metrics are sent to"},
    {"STATSD_POLL_INTERVAL_S", SCHED_LONG, "10", "seconds between metrics"},
    {"PACKAGE_NAME", SCHED_TEXT, "", "name of the package"},
    {"PACKAGE_VERSION", SCHED_TEXT, "", "version of the package"},
    {"PACKAGE_BUILD_TIME_EPOCH_MS", SCHED_LONG, "", "when the package was built"},
    {"API_SERVER_TIMEOUT_S", SCHED_INT, "600", "time that the API may take to start"},
    {"AUTH_TOKEN_REFRESH_THRESHOLD_S", SCHED_INT, "30",
     "a token is renewed this long before its end"},
    {"DCOS_SERVICE_ACCOUNT_CREDENTIAL", SCHED_TEXT, "", "service account, JSON or a file with it"},
    {"MARATHON_APP_ID", SCHED_TEXT, "/", "folder of the service's secrets, after DCOS_SPACE"},
    {"DCOS_SPACE", SCHED_TEXT, "/", "folder of the service's secrets"},
    {"SERVICE_REGION", SCHED_TEXT, "", "region that the pods are held to"},
    {"ALLOW_REGION_AWARENESS", SCHED_BOOL, "true", "whether SERVICE_REGION counts"},
    {"MESOS_API_VERSION", SCHED_TEXT, "V1", "API of Mesos"},
    {"EXECUTOR_CPUS", SCHED_NUMBER, "0.1", "CPU shares of an executor"},
    {"EXECUTOR_MEM_MB", SCHED_NUMBER, "32", "memory of an executor"},
    {"EXECUTOR_DISK_MB", SCHED_NUMBER, "256", "disk of an executor"},
    {"SERVICE_TLD", SCHED_TEXT, "autoip.dcos.thisdcos.directory", "domain of the tasks' names"},
    {"VIP_TLD", SCHED_TEXT, "l4lb.thisdcos.directory", "domain of virtual addresses"},
    {"MARATHON_NAME", SCHED_TEXT, "marathon", "name of Marathon in the scheduler's own name"},
    {"PAUSE_OVERRIDE_CMD", SCHED_TEXT,
     "echo This task is PAUSED, sleeping ... && ./bootstrap --resolve=false && while true; do "
     "sleep "
     "3600; done",
     "command of paused tasks"},
    {"IMPLICIT_RECONCILIATION_DELAY_MS", SCHED_LONG, "0", "first implicit reconciliation"},
    {"IMPLICIT_RECONCILIATION_PERIOD_MS", SCHED_LONG, "3600000", "time between them"},
    {"SDK_UNINSTALL", SCHED_SWITCH, "", "uninstall the service"},
    {"DISABLE_STATE_CACHE", SCHED_SWITCH, "", "read ZooKeeper each time"},
    {"DISABLE_DEADLOCK_EXIT", SCHED_SWITCH, "", "do not end on a deadlock"},
    {"DISABLE_SUPPRESS", SCHED_SWITCH, "", "never suppress offers"},
    {"USE_LEGACY_KILL_UNNEEDED_TASKS", SCHED_SWITCH, "", "the old way to kill tasks"},
    {"MESOS_ALLOCATION_ROLE", SCHED_TEXT, "", "role of the service, unless slave_public"},
    {"MARATHON_APP_ENFORCE_GROUP_ROLE", SCHED_BOOL, "false", "MESOS_ALLOCATION_ROLE is the role"},
    {"ENABLE_ROLE_MIGRATION", SCHED_BOOL, "false", "subscribe with the old role too"},
    {"ENABLE_BACKOFF", SCHED_BOOL, "false", "wait between launches of a failing task"},
    {"FRAMEWORK_BACKOFF_FACTOR", SCHED_NUMBER, "1.15", "each wait is so many times the one before"},
    {"FRAMEWORK_INITIAL_BACKOFF", SCHED_LONG, "60", "first wait in seconds"},
    {"FRAMEWORK_MAX_LAUNCH_DELAY", SCHED_LONG, "300", "longest wait in seconds"},
    {"FRAMEWORK_LOG_LEVEL", SCHED_TEXT, "INFO", "least level that is logged"},
    {"SERVICE_REMOVAL_TIMEOUT_S", SCHED_INT, "600", "several services in one scheduler only"},
    {"RESERVE_DISCIPLINE", SCHED_INT, "0", "several services in one scheduler only"},
    {NULL, SCHED_TEXT, "", ""},
};

const struct sched_variable *sched_variable(const char *name)
{
    for (const struct sched_variable *v = sched_variables; v->name; v++) {
        if (strcmp(v->name, name) == 0)
            return v;
    }
    return NULL;
}

/* Digits with a sign at most, no blanks. */
static bool whole(const char *text, long long min, long long max)
{
    const char *digits = text + (*text == '-' || *text == '+');
    char *end;

    errno = 0;
    const long long n = strtoll(text, &end, 10);
    return *digits >= '0' && *digits <= '9' && !*end && !errno && n >= min && n <= max;
}

static bool number(const char *text)
{
    char *end;

    return strspn(text, "0123456789+-.eE") == strlen(text) && *text &&
           isfinite(strtod(text, &end)) && !*end;
}

const char *sched_variable_problem(const struct sched_variable *variable, const char *value,
                                   struct arena *arena)
{
    const char *wanted = NULL;

    switch (variable->type) {
    case SCHED_INT:
        wanted = whole(value, INT32_MIN, INT32_MAX) ? NULL : "a whole number";
        break;
    case SCHED_LONG:
        wanted = whole(value, INT64_MIN, INT64_MAX) ? NULL : "a whole number";
        break;
    case SCHED_NUMBER:
        wanted = number(value) ? NULL : "a number";
        break;
    case SCHED_BOOL:
        wanted = env_bool(value) >= 0 ? NULL : "true or false";
        break;
    case SCHED_TEXT:
    case SCHED_SWITCH:
        break;
    }
    return wanted ? arena_printf(arena, "environment variable %s: '%s' is not %s", variable->name,
                                 value, wanted)
                  : NULL;
}

void sched_variable_explain(const struct sched_variable *variable, struct buf *out)
{
    static const char *const types[] = {
        [SCHED_TEXT] = "text",
        [SCHED_INT] = "integer",
        [SCHED_LONG] = "integer of 64 bits",
        [SCHED_NUMBER] = "number",
        [SCHED_BOOL] = "boolean",
        [SCHED_SWITCH] = "switch: on when it is set, whatever its value",
    };

    buf_addf(out, "%s, a variable of the scheduler\n  meaning  %s\n  type     %s\n  default  %s\n",
             variable->name, variable->meaning, types[variable->type],
             *variable->deflt ? variable->deflt : "none");
}
