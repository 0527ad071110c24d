#include "offer/offer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "spec/taskenv.h"

static const char *text_or(const char *(*env)(const char *), const char *name, const char *fallback)
{
    const char *value = env(name);
    return value ? value : fallback;
}

static double number_or(struct offer_settings *settings, const char *(*env)(const char *),
                        const char *name, double fallback, double least)
{
    const char *value = env(name);
    if (!value || !*value)
        return fallback;
    char *end;
    double number = strtod(value, &end);
    if (*end != '\0' || !isfinite(number) || number < 0)
        snprintf(settings->problem, sizeof settings->problem, "%s: '%.60s' is not an amount", name,
                 value);
    else if (number < least)
        snprintf(settings->problem, sizeof settings->problem,
                 "%s: '%.60s' is too little: Mesos wants %g or more", name, value, least);
    else
        return number;
    return fallback;
}

static bool flag_or(struct offer_settings *settings, const char *(*env)(const char *),
                    const char *name, bool fallback)
{
    const char *value = env(name);
    int flag = value ? env_bool(value) : fallback;
    if (flag < 0)
        snprintf(settings->problem, sizeof settings->problem, "%s: '%.60s' is not true or false",
                 name, value);
    return flag > 0;
}

void offer_settings_from_env(struct offer_settings *ret, const char *(*env)(const char *name))
{
    *ret = (struct offer_settings){0};
    ret->executor_cpus = number_or(ret, env, "EXECUTOR_CPUS", 0.1, 0.01);
    ret->executor_mem_mb = number_or(ret, env, "EXECUTOR_MEM_MB", 32, 32);
    ret->executor_disk_mb = number_or(ret, env, "EXECUTOR_DISK_MB", 256, 0);
    const char *host = env("DSE_API_HOST");
    ret->api_host = host && *host ? host : NULL;
    ret->api_port = text_or(env, "PORT_API", "");
    ret->service_tld = text_or(env, "SERVICE_TLD", "autoip.dcos.thisdcos.directory");
    ret->vip_tld = text_or(env, "VIP_TLD", "l4lb.thisdcos.directory");
    ret->marathon_name = text_or(env, "MARATHON_NAME", "marathon");
    ret->dcos_space = text_or(env, "DCOS_SPACE", text_or(env, "MARATHON_APP_ID", "/"));
    ret->pause_command =
        text_or(env, "PAUSE_OVERRIDE_CMD",
                "echo This task is PAUSED, sleeping ... && ./bootstrap --resolve=false && while "
                "true; do sleep 3600; done");
    ret->bootstrap_uri = env("BOOTSTRAP_URI");
    ret->role_migration = flag_or(ret, env, "ENABLE_ROLE_MIGRATION", false);
    ret->region_aware = flag_or(ret, env, "ALLOW_REGION_AWARENESS", true);
    ret->operation_feedback = flag_or(ret, env, "DSE_OPERATION_FEEDBACK", true);
    /* Agents before Mesos 1.10 do not know the field and ignore it. */
    ret->share_cgroups_false = true;
}
