/* `dse-state check --takeover`: whether `dse-scheduler --keep-target` could go on with a service
 * that the original runs, and what would change (dse-takeover(7)). Reads only. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"
#include "dse-state.h"
#include "plan/view.h"

struct report {
    json_t *refusals, *changes, *notes; /* arrays of texts */
};

__attribute__((format(printf, 2, 3))) static void add(json_t *list, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    auto_free char *text = xvasprintf(format, args);
    va_end(args);
    json_push(list, json_string(text));
}

static void add_finding(void *ctx, const struct finding *finding)
{
    struct report *report = ctx;

    if (finding->fatal)
        add(report->refusals, "%s %s", finding->path, finding->text);
    else if (finding->repair)
        add(report->changes, "%s %s: %s", finding->path, finding->text, finding->repair);
    else
        add(report->notes, "%s %s", finding->path, finding->text);
}

static void check_lock(struct report *report, const struct lock_info *lock)
{
    if (lock->held && lock->ours)
        add(report->notes, "a scheduler of this toolkit runs: '%s'", lock->holder);
    else if (lock->held)
        add(report->refusals, "the lock is held by '%s': stop that scheduler first", lock->holder);
}

static void check_values(struct report *report, const struct state *state)
{
    if (!state_service_name(state))
        add(report->refusals, "servicename is missing: this is no service");
    if (state_uninstalling(state))
        add(report->refusals, "the service is being uninstalled, which cannot be reversed");
    if (!state_framework_id(state))
        add(report->refusals, "FrameworkID is missing: there is no framework to go on with");
    if (!state_target_id(state))
        add(report->refusals, "ConfigTarget is missing: there is nothing to run");
}

/* Steps that are not complete would launch something; a paused pod is where it was asked to be. */
static void check_steps(struct report *report, const char *plan, const json_t *json)
{
    const json_t *phase, *step;
    size_t i, j;

    json_array_foreach(json_object_get(json, "phases"), i, phase)
    {
        json_array_foreach(json_object_get(phase, "steps"), j, step)
        {
            const char *status = json_string_value(json_object_get(step, "status"));
            if (status && strcmp(status, "COMPLETE") != 0 && strcmp(status, "PAUSED") != 0)
                add(report->changes, "plan '%s': step '%s' is %s and would be carried out", plan,
                    json_string_value(json_object_get(step, "name")), status);
        }
    }
}

static void check_plans(struct report *report, const struct view *view)
{
    static const char *const busy[] = {"deploy", "update", "recovery", "decommission"};
    auto_free char *stored = xasprintf("Toolkit/plans/%s", state_target_id(view->state));

    if (!state_get(view->state, stored, NULL))
        add(report->notes, "the original stores no plans: `--plans FILE` names them, else the "
                           "deploy plan is one step a pod, one after the other");
    for (size_t i = 0; view->plans && i < ARRAY_LEN(busy); i++) {
        json_auto json_t *json = plans_show(view->plans, busy[i], view->now_ms);
        if (json)
            check_steps(report, busy[i], json);
    }
}

static size_t count_running(const struct state *state)
{
    size_t count = 0;

    for (struct task *t = state_task_first(state); t; t = state_task_after(state, t))
        count += t->status_id && t->status_state == TASK_STATE__TASK_RUNNING;
    return count;
}

static void print_texts(const char *word, const json_t *list)
{
    const json_t *text;
    size_t i;

    json_array_foreach(list, i, text)
    {
        auto_buf struct buf line = BUF_INIT;
        text_clean(&line, json_string_value(text));
        printf("%s: %s\n", word, buf_str(&line));
    }
}

static int print_report(const struct report *report, size_t running)
{
    const bool can = json_array_size(report->refusals) == 0;
    const bool quiet = json_array_size(report->changes) == 0;

    if (!output_is_for_people(&settings.output)) {
        json_auto json_t *json =
            json_pack("{s:b, s:b, s:I, s:O, s:O, s:O}", "possible", can, "restarts", can && !quiet,
                      "running", (json_int_t)running, "refusals", report->refusals, "changes",
                      report->changes, "notes", report->notes);
        print_json(json);
        return can && quiet ? EXIT_DONE : EXIT_NO;
    }
    print_texts("refused", report->refusals);
    print_texts("change", report->changes);
    print_texts("note", report->notes);
    if (can && quiet)
        printf("take-over is possible: %zu tasks go on, none is restarted\n", running);
    else if (can)
        printf("take-over is possible, with the changes above: %zu tasks run\n", running);
    else
        printf("take-over is not possible\n");
    return can && quiet ? EXIT_DONE : EXIT_NO;
}

int check_takeover(struct err *err)
{
    const struct clock clock = {0};
    struct lock_info lock = {0};
    struct err why = ERR_INIT;
    struct store *store = read_store(err);

    if (!store || store_lock_info(store, &lock, err) < 0)
        return -1;
    struct tree *tree = store_load(store, "", err);
    struct tree *again = tree ? store_load(store, "", err) : NULL;
    if (!again) {
        tree_free(tree);
        return -1;
    }
    if (tree_count(tree) == 0) {
        tree_free(tree);
        tree_free(again);
        return err_set(err, EXIT_NO, "nothing is stored there: check --store and DSE_STORE");
    }
    auto_state struct state *state = state_new();
    if (state_load(state, tree, err) < 0) {
        tree_free(again);
        return -1;
    }
    struct report report = {json_array(), json_array(), json_array()};
    check_lock(&report, &lock);
    check_values(&report, state);
    check_all(state, store_url(), add_finding, &report);
    struct view *view = view_new(again, clock_now_ms(&clock), &why);
    if (view)
        check_plans(&report, view);
    else
        add(report.refusals, "%s", why.text);
    const int result = print_report(&report, count_running(state));
    view_free(view);
    json_decref(report.refusals);
    json_decref(report.changes);
    json_decref(report.notes);
    return result;
}
