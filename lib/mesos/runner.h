/* The process around the cycle: takes the lock, loads the state, reads events from standard input,
 * writes calls to standard output, watches for requests, keeps one timer. dse-offers and
 * dse-uninstall are this with other options. */
#ifndef DSE_MESOS_RUNNER_H
#define DSE_MESOS_RUNNER_H

#include <stdbool.h>

#include "base/err.h"
#include "base/opt.h"

struct runner_options {
    const char *store;      /* URL, or NULL: $DSE_STORE */
    const char *service;    /* the name that must be stored when one is; NULL: any */
    const char *run_dir;    /* for metrics.json and evaluations.ndjson, or NULL */
    const char *plans_file; /* plans for a target without stored ones, or NULL */
    const char *cluster_version;
    bool uninstall;
    bool best_fit;
    const char *output; /* form of the calls: "json" (lines) or "recordio" (protobuf) */
    long seed;          /* of ids; 0: kernel entropy */
    long now_ms;        /* fixed wall clock for replays; 0: the real one */
    long lock_wait_ms;  /* -1: as long as a dead holder can last */
};

/* What the programs around it have in common: defaults, and the options that fill these. */
#define RUNNER_DEFAULTS .output = "json", .lock_wait_ms = -1
#define RUNNER_OPTIONS(options)                                                                    \
    {0,                                                                                            \
     "output",                                                                                     \
     OPT_CHOICE,                                                                                   \
     "FORM",                                                                                       \
     "form of the calls: json lines or recordio protobuf",                                         \
     &(options).output,                                                                            \
     .choices = "json recordio"},                                                                  \
        {0,                                                                                        \
         "service",                                                                                \
         OPT_STRING,                                                                               \
         "NAME",                                                                                   \
         "refuse a store that holds a service of another name",                                    \
         &(options).service},                                                                      \
    {                                                                                              \
        0, "lock-wait", OPT_SECONDS, "SECONDS", "how long to wait for another holder of the lock", \
            &(options).lock_wait_ms                                                                \
    }

/* Runs until the events end, a signal comes or the run must end. Returns 0 with everything written,
 * or -1 with the reason. */
int runner_run(const struct runner_options *options, struct err *err);

#endif
