/* dse-plan: shows and controls plans, compares and hands over target configurations. Reads the
 * store; what changes something is left there as a request for the scheduler. */
#include "dse-plan.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"

struct settings settings = {.wait_ms = -1};

/* ---- words for completion ---- */

static void phase_words(const json_t *plan, const char *phase)
{
    const json_t *phases = json_object_get(plan, "phases");

    for (size_t i = 0; i < json_array_size(phases); i++) {
        const json_t *it = json_array_get(phases, i);
        const char *name = json_string_value(json_object_get(it, "name"));
        const json_t *steps = json_object_get(it, "steps");
        if (!phase)
            printf("%s\n", name);
        for (size_t j = 0; phase && strcmp(phase, name) == 0 && j < json_array_size(steps); j++)
            printf("%s\n", json_string_value(json_object_get(json_array_get(steps, j), "name")));
    }
}

static void live_words(const char *kind)
{
    struct err err = ERR_INIT;
    const struct invocation *context = completion_context();
    auto_view struct view *view = client_plans(&settings.client, &err);

    if (!view)
        return;
    if (strcmp(kind, "plan") == 0) {
        for (size_t i = 0; i < plans_count(view->plans); i++)
            printf("%s\n", plans_name(view->plans, i));
    } else if (strcmp(kind, "pod") == 0) {
        json_auto json_t *pods = view_pods(view);
        for (size_t i = 0; i < json_array_size(pods); i++)
            printf("%s\n", json_string_value(json_array_get(pods, i)));
    } else if (context && context->count > 0) {
        json_auto json_t *plan = plans_show(view->plans, context->operands[0], view->now_ms);
        const bool steps = strcmp(kind, "step") == 0;
        if (!steps || context->count > 1)
            phase_words(plan, steps ? context->operands[1] : NULL);
    }
}

/* ---- the table ---- */

static const struct opt options[] = {
    STORE_OPTION(settings.client.store),
    DUMP_OPTION(settings.client.dump),
    OUTPUT_OPTIONS(settings.output),
    OPT_END,
};

static const struct opt watch_options[] = {
    WATCH_OPTION(settings.output),
    OPT_END,
};
static const struct opt show_options[] = {
    {0, "exit-zero", OPT_FLAG, NULL, "status 0 also when the plan is not complete",
     &settings.exit_zero},
    WATCH_OPTION(settings.output),
    WAIT_OPTION(settings.wait, settings.wait_ms, "wait until the plan is complete"),
    OPT_END,
};
static const struct opt start_options[] = {
    {'p', "params", OPT_LIST, "NAME=VALUE", "a variable for the plan's tasks", &settings.params},
    WAIT_OPTION(settings.wait, settings.wait_ms, "wait for the result"),
    OPT_END,
};
static const struct opt control_options[] = {
    WAIT_OPTION(settings.wait, settings.wait_ms, "wait for the result"),
    OPT_END,
};
static const struct opt force_options[] = {
    {0, "yes", OPT_FLAG, NULL, "for a whole plan or phase: do it", &settings.yes},
    WAIT_OPTION(settings.wait, settings.wait_ms, "wait for the result"),
    OPT_END,
};
static const struct opt diff_options[] = {
    {0, "cluster-version", OPT_STRING, "VERSION", "DC/OS version that decides the features refused",
     &settings.cluster_version, "DSE_CLUSTER_VERSION"},
    OPT_END,
};
static const struct opt update_options[] = {
    {0, "if-target", OPT_STRING, "ID", "only if this is the target configuration now",
     &settings.if_target, .complete = "config"},
    WAIT_OPTION(settings.wait, settings.wait_ms, "wait for the result"),
    OPT_END,
};

static const struct verb verbs[] = {
    {"list", NULL, "", "the plans and their statuses", watch_options, list_plans},
    {"show", "status", "PLAN", "a plan as a tree", show_options, show_plan, "plan"},
    {"why", NULL, "[POD]", "what each unfinished step waits for", watch_options, why_steps, "pod"},
    {"diff", NULL, "[FILE]", "what a configuration would change", diff_options, diff_target,
     "file"},
    {"update", NULL, "[FILE]", "hand over a target configuration", update_options, update_target,
     "file"},
    {"start", NULL, "PLAN", "start a plan, anew if it is complete", start_options, start_plan,
     "plan"},
    {"stop", NULL, "PLAN", "interrupt a plan and set its steps back", control_options, stop_plan,
     "plan"},
    {"pause", "interrupt", "PLAN [PHASE]", "begin no further steps", control_options, pause_plan,
     "plan phase"},
    {"resume", "continue", "PLAN [PHASE]", "go on; release a canary step", control_options,
     resume_plan, "plan phase"},
    {"force-restart", "restart", "PLAN [PHASE [STEP]]", "do steps again", control_options,
     force_restart, "plan phase step"},
    {"force-complete", "force", "PLAN [PHASE [STEP]]", "count steps as complete", force_options,
     force_complete, "plan phase step"},
    {.name = NULL},
};

static const struct program program = {
    .name = "dse-plan",
    .summary = "show and control plans, hand over configurations",
    .opts = options,
    .verbs = verbs,
    .live_words = live_words,
};

int main(int argc, char **argv)
{
    const int status = program_main(&program, argc, argv);

    client_close(&settings.client);
    return status;
}
