/* What each unfinished step waits for, in one line, with the command that would help. */
#include <string.h>

#include "base/json.h"
#include "plan/internal.h"

struct why {
    struct plans *plans;
    const struct plan *plan;
    const struct group *phase;
    const struct step *step;
    int64_t now_ms;
    struct buf *out;
};

static const struct task *step_task_in(const struct why *w, bool (*holds)(const struct task *))
{
    FOR_POD_TASKS(task, w->plans->state, w->step->req.pod_type, w->step->req.pod_index)
    if (strings_have(&w->step->req.tasks, task->spec_name) && holds(task))
        return task;
    return NULL;
}

static bool is_starting(const struct task *task)
{
    return task->status_id && (task->status_state == TASK_STATE__TASK_STAGING ||
                               task->status_state == TASK_STATE__TASK_STARTING);
}
static bool is_not_ready(const struct task *task)
{
    return task->status_id && task->status_state == TASK_STATE__TASK_RUNNING && !task->status_ready;
}
static bool is_running(const struct task *task)
{
    return task->status_id && task->status_state == TASK_STATE__TASK_RUNNING;
}
static bool is_paused(const struct task *task)
{
    return task->override == OVERRIDE_PAUSED;
}
static bool is_unreachable(const struct task *task)
{
    return task->status_id && (task->status_state == TASK_STATE__TASK_UNREACHABLE ||
                               task->status_state == TASK_STATE__TASK_LOST);
}
static bool has_place(const struct task *task)
{
    return task->hostname[0] != '\0';
}

static void delayed(const struct why *w)
{
    FOR_POD_TASKS(task, w->plans->state, w->step->req.pod_type, w->step->req.pod_index)
    {
        const int64_t until = backoff_until(w->plans, task->name);
        if (until <= w->now_ms || !strings_have(&w->step->req.tasks, task->spec_name))
            continue;
        buf_addf(w->out,
                 "%s failed, the next attempt is in %lld s; to try now: dse-plan force-restart %s "
                 "'%s' '%s'",
                 task->name, (long long)(until - w->now_ms + 999) / 1000, w->plan->g.e.name,
                 w->phase->e.name, w->step->e.name);
        return;
    }
}

/* What was given back must be seen gone before the tear-down. */
static void deregistering(const struct why *w)
{
    const struct tree_node *parent = tree_find(state_tree(w->plans->state), UNRESERVING_PATH);
    struct tree_node *host = parent ? tree_first(parent) : NULL;

    if (!host) {
        buf_adds(w->out, "the framework is being torn down; the master has not confirmed it yet");
        return;
    }
    buf_adds(w->out, "offers that show what was given back are awaited from");
    for (const char *comma = " "; host; host = tree_next(host), comma = ", ")
        buf_addf(w->out, "%s%s", comma, tree_node_name(host));
    buf_adds(w->out, "; if an agent is gone for good: dse-uninstall forget-agent HOST");
}

/* The operator's command before a replacement is under way. */
static bool is_hooked(const struct why *w)
{
    struct err err = ERR_INIT;
    auto_buf struct buf path = BUF_INIT;

    buf_addf(&path, HOOKS_PATH "/%s-%d", w->step->req.pod_type, w->step->req.pod_index);
    const char *text = state_get_text(w->plans->state, buf_str(&path));
    json_auto json_t *record = text ? json_parse(text, strlen(text), buf_str(&path), &err) : NULL;
    const json_t *state = json_object_get(json_object_get(record, "before"), "state");

    return !json_object_get(record, "after") && json_is_string(state) &&
           strcmp(json_string_value(state), "running") == 0;
}

static void prepared(const struct why *w)
{
    const struct requirement *req = &w->step->req;
    const struct task *lost = step_task_in(w, is_unreachable);

    if (w->step->kind == STEP_UNRESERVE)
        buf_addf(w->out,
                 "the resource has not been offered yet; if its agent is gone for good: dse-plan "
                 "force-complete %s '%s' '%s'",
                 w->plan->g.e.name, w->phase->e.name, w->step->e.name);
    else if (w->step->kind == STEP_DEREGISTER)
        deregistering(w);
    else if (is_hooked(w))
        buf_adds(w->out,
                 "the command before its replacement, DSE_REPLACE_BEFORE, has not ended yet");
    else if (lost && req->recovery != RECOVERY_PERMANENT)
        buf_addf(w->out,
                 "agent %s of %s is unreachable; to give up its data and place the pod elsewhere: "
                 "dse-pod replace %s-%d",
                 lost->hostname[0] ? lost->hostname : lost->agent_id, lost->name, req->pod_type,
                 req->pod_index);
    else if (req->recovery != RECOVERY_PERMANENT && step_task_in(w, has_place))
        buf_addf(w->out, "its reserved resources on %s have not been offered yet",
                 step_task_in(w, has_place)->hostname);
    else
        buf_addf(w->out, "no offer fits yet; to see why: dse-offers explain %s-%d", req->pod_type,
                 req->pod_index);
}

static void started(const struct why *w)
{
    const struct task *paused = step_task_in(w, is_paused);
    const struct task *task = step_task_in(w, is_not_ready);

    if (paused)
        buf_addf(w->out, "%s is paused; to go on: dse-pod resume %s-%d", paused->name,
                 w->step->req.pod_type, w->step->req.pod_index);
    else if (task)
        buf_addf(w->out, "%s runs, its readiness check has not passed yet", task->name);
    else if ((task = step_task_in(w, is_running)))
        buf_addf(w->out, "%s runs and has not finished yet", task->name);
    else
        buf_adds(w->out, "its tasks have not reached their goal yet");
}

/* The first step before it that is not complete. */
static const struct step *earlier(const struct why *w)
{
    const size_t i = group_next(w->phase, w->phase->incomplete, 0);

    return i < w->step->e.index ? (const struct step *)w->phase->children[i] : NULL;
}

static void pending(const struct why *w)
{
    const struct step *blocker =
        w->step->pod ? pod_blocker(w->step->pod, &w->step->req, w->plan) : NULL;
    const struct group *plan = &w->plan->g;

    if (w->step->selected && w->step->live) {
        buf_adds(w->out, "its old tasks have not ended yet");
    } else if (plan->e.interrupted) {
        buf_addf(w->out, "the plan is %s; to let it run: dse-plan %s %s",
                 w->plan->kind == PLAN_SIDE ? "not started" : "paused",
                 w->plan->kind == PLAN_SIDE ? "start" : "resume", plan->e.name);
    } else if (w->phase->e.interrupted && !group_gated(w->phase)) {
        buf_addf(w->out, "the phase is paused; to let it run: dse-plan resume %s '%s'",
                 plan->e.name, w->phase->e.name);
    } else if (!w->phase->e.candidate && w->phase->e.status != STATUS_ERROR) {
        const size_t first = group_next(plan, plan->incomplete, 0);
        buf_addf(w->out, "phase '%s' is not complete yet", plan->children[first]->name);
    } else if (w->phase->e.status == STATUS_ERROR) {
        buf_addf(w->out, "phase '%s' has an error", w->phase->e.name);
    } else if (blocker) {
        buf_addf(w->out, "'%s' of plan '%s' works on the same pod", blocker->e.name,
                 step_plan(blocker)->g.e.name);
    } else if (earlier(w)) {
        buf_addf(w->out, "'%s' is not complete yet", earlier(w)->e.name);
    } else {
        buf_adds(w->out, "it is its turn");
    }
}

static void explain(const struct why *w)
{
    const struct task *task;

    buf_addf(w->out, "%s %s %s: ", w->plan->g.e.name, w->phase->e.name, w->step->e.name);
    switch (w->step->e.status) {
    case STATUS_ERROR:
        buf_addf(w->out, "%s; hand over a corrected configuration: dse-plan update",
                 w->step->error ? w->step->error : "it failed");
        break;
    case STATUS_WAITING:
        buf_addf(w->out, "held back as a canary step; to release it: dse-plan resume %s '%s'",
                 w->plan->g.e.name, w->phase->e.name);
        break;
    case STATUS_PENDING:
        pending(w);
        break;
    case STATUS_PREPARED:
        prepared(w);
        break;
    case STATUS_STARTING:
        task = step_task_in(w, is_starting);
        buf_addf(w->out, "%s has been launched and does not run yet",
                 task ? task->name : w->step->e.name);
        break;
    case STATUS_STARTED:
        started(w);
        break;
    case STATUS_DELAYED:
        delayed(w);
        break;
    default:
        break;
    }
    buf_addc(w->out, '\n');
}

static bool about(const struct step *step, const char *pod)
{
    auto_buf struct buf name = BUF_INIT;

    if (!pod)
        return true;
    buf_addf(&name, "%s-%d", step->req.pod_type, step->req.pod_index);
    return strcmp(buf_str(&name), pod) == 0;
}

/* An agent's resources in an uninstall are one thing to wait for. */
static bool explain_agent(struct plans *plans, const struct group *phase, struct buf *out)
{
    const size_t prefix = sizeof UNRESERVE_PHASE - 1;
    size_t left = 0;

    if (!plans->options.uninstall || strncmp(phase->e.name, UNRESERVE_PHASE, prefix) != 0)
        return false;
    for (size_t i = 0; i < phase->n; i++)
        left += phase->children[i]->status != STATUS_COMPLETE;
    if (left > 0)
        buf_addf(out,
                 "deploy %s: %zu of %zu resources have not been offered yet; if the agent is gone "
                 "for good: dse-uninstall forget-agent %s\n",
                 phase->e.name, left, phase->n, phase->e.name + prefix);
    return true;
}

void plans_why(struct plans *plans, const char *pod, int64_t now_ms, struct buf *out)
{
    plans_tick(plans, now_ms);
    for (size_t p = 0; p < plans->n_plans; p++) {
        const struct plan *plan = plans->plans[p];
        for (size_t e = 0; e < plan->g.errors.count; e++)
            buf_addf(out, "%s: %s\n", plan->g.e.name, plan->g.errors.items[e]);
        if (plan->kind == PLAN_RECOVERY && plan->g.e.interrupted &&
            plan->g.e.status == STATUS_COMPLETE)
            buf_adds(out, "recovery: the plan is paused, no failure would be recovered; to let it "
                          "run: dse-plan resume recovery\n");
        /* Side plans that nobody started are not work that waits. */
        if (plan->kind == PLAN_SIDE && plan->g.e.interrupted)
            continue;
        for (size_t i = 0; i < plan->g.n; i++) {
            const struct group *phase = (const struct group *)plan->g.children[i];
            if (explain_agent(plans, phase, out))
                continue;
            for (size_t j = 0; j < phase->n; j++) {
                const struct step *step = (const struct step *)phase->children[j];
                const struct why w = {plans, plan, phase, step, now_ms, out};
                if (step->e.status != STATUS_COMPLETE && about(step, pod))
                    explain(&w);
            }
        }
    }
}
