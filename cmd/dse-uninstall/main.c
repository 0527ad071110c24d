/* dse-uninstall: takes the place of dse-offers while a service is being uninstalled. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/opt.h"
#include "base/text.h"
#include "dse-uninstall.h"
#include "mesos/runner.h"
#include "state/request.h"

static struct runner_options options = {.uninstall = true, RUNNER_DEFAULTS};
static struct client client;
static struct output output;
static long wait_ms = -1;
static bool wait_given, yes;
static struct verify_settings verify = {.timeout_ms = 30000};

static int run(const struct invocation *inv, struct err *err)
{
    (void)inv;
    options.store = client.store;
    return runner_run(&options, err) ? -1 : EXIT_DONE;
}

/* Without a plan: what is to be said instead. */
static void add_plan(const json_t *plan, const char *instead, struct buf *out)
{
    if (output_is_json(&output))
        output_add_json(&output, plan, out);
    else if (output_is(&output, "name"))
        plan_names_print(plan, out);
    else if (instead)
        buf_addf(out, "%s\n", instead);
    else
        plan_tree_print("deploy", plan, text_utf8(), out);
}

/* The plan of the uninstall, from the store. */
static int render_status(void *ctx, struct buf *out, bool *ret_gone, struct err *err)
{
    auto_view struct view *view = client_look(&client, err);
    json_auto json_t *plan = NULL;

    (void)ctx;
    if (!view)
        return -1;
    *ret_gone = !state_framework_id(view->state) && !view->target;
    if (*ret_gone) {
        plan = plan_uninstalled();
        add_plan(plan, "nothing is installed here any more", out);
    } else if (!state_uninstalling(view->state)) {
        plan = json_null();
        add_plan(plan, "no uninstall is under way", out);
    } else {
        plan = plans_show(view->plans, "deploy", view->now_ms);
        add_plan(plan, NULL, out);
    }
    return 0;
}

static int status(const struct invocation *inv, struct err *err)
{
    (void)inv;
    return output_show(&output, render_status, NULL, err);
}

static const char *refusal(const json_t *body)
{
    const char *text =
        json_string_value(json_is_object(body) ? json_object_get(body, "message") : body);

    return text ? text : "the uninstall refused it";
}

static int forget_agent(const struct invocation *inv, struct err *err)
{
    static const struct clock clock;
    static struct idgen ids;
    char id[UUID_TEXT];
    bool live;
    struct request result = {0};

    if (!yes)
        return usage_error(err,
                           "forgetting '%s' gives up every reservation and volume it holds: "
                           "repeat with --yes",
                           inv->operands[0]);
    struct store *store = store_open(client.store, &(struct store_options){0}, err);
    if (!store)
        return -1;
    json_t *args = json_pack("{s:s}", "host", inv->operands[0]);
    int status =
        request_post(store, "uninstall-forget-agent", args, NULL, &ids, &clock, id, &live, err);
    if (status == 0 && wait_given) {
        int found = request_wait(store, id, wait_ms, &result, err);
        status = found < 0            ? -1
                 : found == 0         ? EXIT_TIMEOUT
                 : result.code == 200 ? EXIT_DONE
                                      : EXIT_NO;
        if (status == EXIT_TIMEOUT)
            status = err_set(err, EXIT_TIMEOUT, "agent '%s' is not forgotten yet: no uninstall %s",
                             inv->operands[0], live ? "has answered" : "runs");
        else if (found > 0 && result.code != 200)
            status = err_set(err, EXIT_NO, "%s", refusal(result.body));
        request_release(&result);
    } else if (status == 0) {
        printf("%s%s\n", id, live ? "" : ": queued until an uninstall runs");
    }
    store_close(store);
    return status;
}

static int verify_verb(const struct invocation *inv, struct err *err)
{
    (void)inv;
    return verify_service(&verify, &client, &output, err);
}

static const struct opt verify_opts[] = {
    {'m', "master", OPT_STRING, "URL", "http://HOST:PORT or zk://HOST:PORT[,...]/PATH",
     &verify.master, "DSE_MASTER"},
    {0, "credentials", OPT_STRING, "FILE", "principal and secret for the master",
     &verify.credentials, "DSE_CREDENTIALS", .complete = "file"},
    {0, "role", OPT_LIST, "ROLE", "role of the service, where the store does not tell any more",
     &verify.roles},
    {0, "timeout", OPT_SECONDS, "SECONDS", "how long to wait for each answer (30)",
     &verify.timeout_ms, .min = 1, .max = 3600000},
    OUTPUT_OPTIONS_OF(output, "json ndjson"),
    OPT_END,
};
static const struct opt status_opts[] = {
    WATCH_OPTION(output),
    OUTPUT_OPTIONS(output),
    OPT_END,
};
static const struct opt forget_opts[] = {
    {'y', "yes", OPT_FLAG, NULL, "yes, give up what the agent holds", &yes},
    WAIT_OPTION(wait_given, wait_ms, "wait until it is done"),
    OPT_END,
};

/* ---- words for completion ---- */

/* The agents that hold something, once each. */
static void live_words(const char *kind)
{
    struct err err = ERR_INIT;
    auto_view struct view *view = strcmp(kind, "agent") == 0 ? client_look(&client, &err) : NULL;
    json_auto json_t *seen = json_object();

    for (struct task *t = view ? state_task_first(view->state) : NULL; t;
         t = state_task_after(view->state, t)) {
        if (!t->hostname[0] || json_object_get(seen, t->hostname))
            continue;
        json_set(seen, t->hostname, json_true());
        printf("%s\n", t->hostname);
    }
}

static const struct verb verbs[] = {
    {"status", NULL, "", "show how far the uninstall is", status_opts, status},
    {"forget-agent", NULL, "HOST", "give up what a lost agent holds", forget_opts, forget_agent,
     "agent"},
    {"verify", NULL, "", "compare the store with what the agents hold and run", verify_opts,
     verify_verb},
    {NULL},
};

static const struct opt opts[] = {
    STORE_OPTION(client.store),
    {0, "run-dir", OPT_STRING, "DIR", "write metrics and evaluation records here", &options.run_dir,
     "DSE_RUN_DIR", .complete = "dir"},
    {0, "plans", OPT_STRING, "FILE", "ignored; for dse-scheduler", &options.plans_file,
     .flags = OPT_HIDDEN},
    RUNNER_OPTIONS(options),
    OPT_END,
};

static const struct program program = {
    .name = "dse-uninstall",
    .summary = "take a service off the cluster",
    .opts = opts,
    .verbs = verbs,
    .run = run,
    .live_words = live_words,
    .epilog = "Without a verb: reads Mesos events from standard input and writes Mesos calls to "
              "standard output, until the service is gone.",
};

int main(int argc, char **argv)
{
    const int status_code = program_main(&program, argc, argv);

    client_close(&client);
    return status_code;
}
