/* dse-offers: the offer cycle, the writer of the service's state. Events in, calls out. */
#include "dse-offers.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "mesos/runner.h"

static struct runner_options options = {RUNNER_DEFAULTS};

static int run(const struct invocation *inv, struct err *err)
{
    (void)inv;
    options.store = people.client.store;
    options.run_dir = people.run_dir;
    options.best_fit = people.best_fit;
    return runner_run(&options, err) ? -1 : EXIT_DONE;
}

static const struct opt explain_opts[] = {
    {0, "offers", OPT_STRING, "FILE", "offers or recorded events, not those of the run directory",
     &people.offers, .complete = "file"},
    {0, "tree", OPT_FLAG, NULL, "every stage of every agent", &people.tree},
    DUMP_OPTION(people.client.dump),
    WATCH_OPTION(people.output),
    OUTPUT_OPTIONS(people.output),
    OPT_END,
};
static const struct opt log_opts[] = {
    WATCH_OPTION(people.output),
    OUTPUT_OPTIONS_OF(people.output, "json ndjson"),
    OPT_END,
};
static const struct opt reservations_opts[] = {
    DUMP_OPTION(people.client.dump),
    WATCH_OPTION(people.output),
    OUTPUT_OPTIONS(people.output),
    OPT_END,
};
static const struct verb verbs[] = {
    {"explain", NULL, "[POD]", "say why a pod is not placed", explain_opts, explain_verb,
     .complete = "pod"},
    {"log", NULL, "[POD]", "show the last evaluations of offers", log_opts, log_verb,
     .complete = "pod"},
    {"reservations", NULL, "[POD]", "show what the records of tasks have reserved",
     reservations_opts, reservations_verb, .complete = "pod"},
    {NULL},
};

static const struct opt opts[] = {
    {'s', "store", OPT_STRING, "URL",
     "where the state lives: zk://…, dir:PATH or mem:", &people.client.store, "DSE_STORE"},
    {0, "run-dir", OPT_STRING, "DIR", "metrics, evaluation records and last offers are here",
     &people.run_dir, "DSE_RUN_DIR", .complete = "dir"},
    {0, "plans", OPT_STRING, "FILE", "plans for a target that has none stored", &options.plans_file,
     .complete = "file"},
    {0, "cluster-version", OPT_STRING, "VERSION", "DC/OS version that decides the features used",
     &options.cluster_version, "DSE_CLUSTER_VERSION"},
    {0, "best-fit", OPT_FLAG, NULL, "take the smallest sufficient MOUNT disk, not the first",
     &people.best_fit},
    RUNNER_OPTIONS(options),
    {0, "seed", OPT_INT, "N", "make ids from this seed, for replays", &options.seed},
    {0, "now", OPT_INT, "MS", "take this as the time, ms since the epoch, for replays",
     &options.now_ms},
    OPT_END,
};

/* ---- words for completion ---- */

static void live_words(const char *kind)
{
    struct err err = ERR_INIT;
    auto_view struct view *view =
        strcmp(kind, "pod") == 0 ? client_view(&people.client, &err) : NULL;
    json_auto json_t *pods = view ? view_pods(view) : NULL;

    for (size_t i = 0; i < json_array_size(pods); i++)
        printf("%s\n", json_string_value(json_array_get(pods, i)));
}

static const struct program program = {
    .name = "dse-offers",
    .summary = "match resource offers with the work of the plans",
    .opts = opts,
    .verbs = verbs,
    .run = run,
    .live_words = live_words,
    .epilog = "Without a verb: reads Mesos events from standard input and writes Mesos calls to "
              "standard output.",
};

int main(int argc, char **argv)
{
    const int status = program_main(&program, argc, argv);

    client_close(&people.client);
    return status;
}
