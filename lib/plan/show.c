/* Plans as clients see them: JSON (api-and-cli 1.3) and trees (2.2). */
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/text.h"
#include "plan/internal.h"

static const char *strategy_name(const struct group *g)
{
    switch (g->order) {
    case ORDER_SERIAL:
        return g->canary ? "serial-canary" : "serial";
    case ORDER_PARALLEL:
        return g->canary ? "parallel-canary" : "parallel";
    case ORDER_DEPENDENCY:
        return g->canary ? "dependency-canary" : "dependency";
    }
    return "";
}

static struct plan *find_plan(struct plans *plans, const char *name)
{
    for (size_t i = 0; i < plans->n_plans; i++)
        if (strcmp(plans->plans[i]->g.e.name, name) == 0)
            return plans->plans[i];
    return NULL;
}

/* Every task defined in the pod is to be paused (1.7). */
static bool paused(const struct plans *plans, const struct step *step)
{
    if (!step->paused || step->kind != STEP_POD || !step->spec)
        return false;
    for (size_t i = 0; i < step->spec->n_tasks; i++) {
        const struct task *task = pod_task(plans->state, step->req.pod_type, step->req.pod_index,
                                           step->spec->tasks[i].name);
        if (!task || task->override != OVERRIDE_PAUSED)
            return false;
    }
    return step->spec->n_tasks > 0;
}

static const char *display_status(const struct plans *plans, const struct step *step)
{
    const enum status status = step->e.status;

    if ((status_is_running(status) || status == STATUS_COMPLETE) && paused(plans, step))
        return status == STATUS_COMPLETE ? "PAUSED" : "PAUSING";
    return status_name(status);
}

/* Clients parse these class names out of the message. */
static const char *class_name(const struct plans *plans, const struct step *step)
{
    switch (step->kind) {
    case STEP_POD:
    case STEP_FAILED_BUILD:
        return step->recovery ? "com.mesosphere.sdk.scheduler.recovery.RecoveryStep"
                              : "com.mesosphere.sdk.scheduler.plan.DeploymentStep";
    case STEP_KILL:
        return plans->options.uninstall
                   ? "com.mesosphere.sdk.scheduler.uninstall.TaskKillStep"
                   : "com.mesosphere.sdk.scheduler.decommission.TriggerDecommissionStep";
    case STEP_UNRESERVE:
        return "com.mesosphere.sdk.scheduler.uninstall.ResourceCleanupStep";
    case STEP_ERASE:
        return "com.mesosphere.sdk.scheduler.decommission.EraseTaskStateStep";
    case STEP_DEREGISTER:
        return "com.mesosphere.sdk.scheduler.uninstall.DeregisterStep";
    }
    return "";
}

static json_t *step_json(const struct plans *plans, const struct step *step)
{
    json_t *json = json_object();
    const char *plain = status_name(step->e.status), *shown = display_status(plans, step);
    auto_buf struct buf message = BUF_INIT;

    json_set(json, "id", json_string(step->e.id));
    json_set(json, "status", json_string(shown));
    json_set(json, "name", json_string(step->e.name));
    buf_reserve(&message, 200);
    buf_adds(&message, class_name(plans, step));
    buf_adds(&message, ": ");
    buf_adds(&message, step->e.name);
    buf_adds(&message, " [");
    buf_adds(&message, step->e.id);
    buf_adds(&message, "] with status: ");
    buf_adds(&message, plain);
    if (strcmp(plain, shown) != 0)
        buf_addf(&message, " (display:%s)", shown);
    if (step->recovery)
        buf_addf(&message, " RecoveryType: %s",
                 step->req.recovery == RECOVERY_PERMANENT ? "PERMANENT" : "TRANSIENT");
    json_set(json, "message", json_string(buf_str(&message)));
    return json;
}

static json_t *phase_json(const struct plans *plans, const struct group *phase)
{
    json_t *json = json_object();
    json_t *steps = json_array();

    json_set(json, "id", json_string(phase->e.id));
    json_set(json, "name", json_string(phase->e.name));
    for (size_t i = 0; i < phase->n; i++)
        json_push(steps, step_json(plans, (const struct step *)phase->children[i]));
    json_set(json, "steps", steps);
    json_set(json, "strategy", json_string(strategy_name(phase)));
    json_set(json, "status", json_string(status_name(phase->e.status)));
    return json;
}

static void add_strings(json_t *array, const struct strings *list)
{
    for (size_t i = 0; i < list->count; i++)
        json_push(array, json_string(list->items[i]));
}

static json_t *errors_json(const struct group *plan)
{
    json_t *errors = json_array();

    add_strings(errors, &plan->errors);
    for (size_t i = 0; i < plan->n; i++) {
        const struct group *phase = (const struct group *)plan->children[i];
        add_strings(errors, &phase->errors);
        for (size_t j = 0; j < phase->n; j++) {
            const struct step *step = (const struct step *)phase->children[j];
            if (step->error)
                json_push(errors, json_string(step->error));
        }
    }
    return errors;
}

json_t *plans_show(struct plans *plans, const char *name, int64_t now_ms)
{
    struct plan *plan = find_plan(plans, name);

    if (!plan)
        return NULL;
    plans_tick(plans, now_ms);
    json_t *json = json_object();
    json_t *phases = json_array();
    for (size_t i = 0; i < plan->g.n; i++)
        json_push(phases, phase_json(plans, (struct group *)plan->g.children[i]));
    json_set(json, "phases", phases);
    json_set(json, "strategy", json_string(strategy_name(&plan->g)));
    json_set(json, "errors", errors_json(&plan->g));
    json_set(json, "status", json_string(status_name(plan->g.e.status)));
    return json;
}

json_t *plan_uninstalled(void)
{
    return json_pack("{s:[], s:s, s:[], s:s}", "phases", "strategy", "serial", "errors", "status",
                     "COMPLETE");
}

/* ---- in short ---- */

static json_t *step_brief(const struct step *step)
{
    json_t *json = json_object(), *errors = json_array();

    if (step->error)
        json_push(errors, json_string(step->error));
    json_set(json, "name", json_string(step->e.name));
    json_set(json, "errors", errors);
    json_set(json, "status", json_string(status_name(step->e.status)));
    return json;
}

static json_t *phase_brief(const struct group *phase, int *total, int *complete)
{
    json_t *json = json_object(), *steps = json_array();

    for (size_t i = 0; i < phase->n; i++) {
        const struct step *step = (const struct step *)phase->children[i];
        json_push(steps, step_brief(step));
        *complete += step->e.status == STATUS_COMPLETE;
    }
    *total += (int)phase->n;
    json_set(json, "name", json_string(phase->e.name));
    json_set(json, "strategy", json_string(strategy_name(phase)));
    json_set(json, "steps", steps);
    json_set(json, "status", json_string(status_name(phase->e.status)));
    return json;
}

json_t *plans_brief(struct plans *plans, const char *name, int64_t now_ms)
{
    const struct plan *plan = find_plan(plans, name);
    int total = 0, complete = 0;

    if (!plan)
        return NULL;
    plans_tick(plans, now_ms);
    json_t *json = json_object(), *phases = json_array();
    for (size_t i = 0; i < plan->g.n; i++)
        json_push(phases,
                  phase_brief((const struct group *)plan->g.children[i], &total, &complete));
    json_set(json, "completedSteps", json_integer(complete));
    json_set(json, "name", json_string(name));
    json_set(json, "totalSteps", json_integer(total));
    json_set(json, "strategy", json_string(strategy_name(&plan->g)));
    json_set(json, "phases", phases);
    json_set(json, "status", json_string(status_name(plan->g.e.status)));
    return json;
}

bool plans_status(struct plans *plans, const char *name, int64_t now_ms, enum status *ret)
{
    const struct plan *plan = find_plan(plans, name);

    if (!plan)
        return false;
    plans_tick(plans, now_ms);
    *ret = plan->g.e.status;
    return true;
}

/* ---- trees ---- */

/* NULL and "" print as the original prints what it does not know. */
static void add_text(const char *text, struct buf *out)
{
    text_clean(out, text && *text ? text : "<UNKNOWN>");
}

static void add_group(const char *name, const char *strategy, const char *status, struct buf *out)
{
    add_text(name, out);
    buf_adds(out, " (");
    add_text(strategy, out);
    buf_adds(out, " strategy) (");
    add_text(status, out);
    buf_adds(out, ")\n");
}

static void add_step(const char *name, const char *status, struct buf *out)
{
    add_text(name, out);
    buf_adds(out, " (");
    add_text(status, out);
    buf_adds(out, ")\n");
}

/* Errors may have several lines; other control characters are not let through. */
static void add_error(const char *text, struct buf *out)
{
    buf_adds(out, "- ");
    while (text && *text) {
        const size_t len = strcspn(text, "\n");
        auto_free char *line = xstrndup(text, len);
        text_clean(out, line);
        text += len;
        if (*text == '\n') {
            buf_addc(out, '\n');
            text++;
        }
    }
    buf_addc(out, '\n');
}

static void add_errors(const json_t *errors, struct buf *out)
{
    if (json_array_size(errors) > 0)
        buf_adds(out, "\nErrors:\n");
    for (size_t i = 0; i < json_array_size(errors); i++)
        add_error(json_string_value(json_array_get(errors, i)), out);
}

static const char *member(const json_t *json, const char *key)
{
    return json_string_value(json_object_get(json, key));
}

void plan_names_print(const json_t *json, struct buf *out)
{
    const json_t *phases = json_object_get(json, "phases");

    for (size_t i = 0; i < json_array_size(phases); i++) {
        const json_t *steps = json_object_get(json_array_get(phases, i), "steps");
        for (size_t j = 0; j < json_array_size(steps); j++)
            buf_addf(out, "%s\n",
                     json_string_value(json_object_get(json_array_get(steps, j), "name")));
    }
}

void plan_tree_print(const char *plan, const json_t *json, bool utf8, struct buf *out)
{
    const json_t *phases = json_object_get(json, "phases");
    const size_t n = json_array_size(phases);
    bool last[2];

    add_group(plan, member(json, "strategy"), member(json, "status"), out);
    for (size_t i = 0; i < n; i++) {
        const json_t *phase = json_array_get(phases, i);
        const json_t *steps = json_object_get(phase, "steps");
        const size_t m = json_array_size(steps);
        last[0] = i + 1 == n;
        text_tree_branch(out, last, 1, utf8);
        add_group(member(phase, "name"), member(phase, "strategy"), member(phase, "status"), out);
        for (size_t j = 0; j < m; j++) {
            const json_t *step = json_array_get(steps, j);
            last[1] = j + 1 == m;
            text_tree_branch(out, last, 2, utf8);
            add_step(member(step, "name"), member(step, "status"), out);
        }
    }
    add_errors(json_object_get(json, "errors"), out);
}

bool plans_tree(struct plans *plans, const char *name, int64_t now_ms, bool utf8, struct buf *out)
{
    const struct plan *plan = find_plan(plans, name);
    bool last[2];

    if (!plan)
        return false;
    plans_tick(plans, now_ms);
    add_group(name, strategy_name(&plan->g), status_name(plan->g.e.status), out);
    for (size_t i = 0; i < plan->g.n; i++) {
        const struct group *phase = (const struct group *)plan->g.children[i];
        last[0] = i + 1 == plan->g.n;
        text_tree_branch(out, last, 1, utf8);
        add_group(phase->e.name, strategy_name(phase), status_name(phase->e.status), out);
        for (size_t j = 0; j < phase->n; j++) {
            const struct step *step = (const struct step *)phase->children[j];
            last[1] = j + 1 == phase->n;
            text_tree_branch(out, last, 2, utf8);
            add_step(step->e.name, display_status(plans, step), out);
        }
    }
    json_auto json_t *errors = errors_json(&plan->g);
    add_errors(errors, out);
    return true;
}
