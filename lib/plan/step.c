/* Base status of pod steps: from the stored tasks and the records (see plans-and-recovery 1.3, 1.4
 * and 3.7, which are one rule here, so that a restart changes nothing). */
#include <string.h>

#include "base/alloc.h"
#include "plan/internal.h"

bool strings_have(const struct strings *list, const char *text)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->items[i], text) == 0)
            return true;
    return false;
}

struct task *pod_task(struct state *state, const char *type, int index, const char *spec_name)
{
    FOR_POD_TASKS(task, state, type, index)
    if (strcmp(task->spec_name, spec_name) == 0)
        return task;
    return NULL;
}

/* Launched, and the status is that launch's. */
static bool task_has_status(const struct task *task)
{
    return task->id[0] && task->status_id && strcmp(task->id, task->status_id) == 0;
}

const char *task_run_id(const struct task *task)
{
    return !task->id[0] && task->status_id ? task->status_id : task->id;
}

/* A task that was recorded anew, but not launched, keeps the result of its last launch
 * (state-store 4.7). ONCE is done whatever the configuration, FINISH for that of the record (1.4
 * at start). */
static bool has_finished(const struct step *step, const struct task *task, enum goal goal)
{
    if (!task->status_id || task->status_state != TASK_STATE__TASK_FINISHED ||
        strcmp(task_run_id(task), task->status_id) != 0)
        return false;
    return goal == GOAL_ONCE || (goal == GOAL_FINISH && !step->recovery && !task->id[0] &&
                                 strcmp(task->config_id, step->req.config_id) == 0);
}

bool task_is_live(const struct task *task)
{
    if (!task_has_status(task))
        return false;
    switch (task->status_state) {
    case TASK_STATE__TASK_STAGING:
    case TASK_STATE__TASK_STARTING:
    case TASK_STATE__TASK_RUNNING:
    case TASK_STATE__TASK_KILLING:
        return true;
    default:
        return false;
    }
}

enum status task_status_in_step(const struct task *task, enum goal goal)
{
    switch (task->status_state) {
    case TASK_STATE__TASK_STAGING:
    case TASK_STATE__TASK_STARTING:
        return STATUS_STARTING;
    case TASK_STATE__TASK_RUNNING:
        if (goal != GOAL_RUNNING)
            return STATUS_STARTED;
        return task->status_ready ? STATUS_COMPLETE : STATUS_STARTED;
    case TASK_STATE__TASK_FINISHED:
        return goal == GOAL_RUNNING ? STATUS_PENDING : STATUS_COMPLETE;
    case TASK_STATE__TASK_FAILED:
    case TASK_STATE__TASK_ERROR:
        return STATUS_DELAYED;
    default:
        return STATUS_PENDING;
    }
}

/* Whether the stored task is a launch that this step counts as its own. */
static bool owns(const struct step *step, const struct task *task)
{
    if (!task_has_status(task))
        return false;
    if (step->recovery) {
        const struct recovery_record *record = recovery_record_of(step->recovery);
        return record && !strings_have(&record->restarted, task->id);
    }
    return strcmp(task->config_id, step->req.config_id) == 0 &&
           !strings_have(&step->restarted, task->id);
}

static enum status task_base(const struct plans *plans, const struct step *step,
                             const struct task *task, int64_t now_ms)
{
    const struct task_spec *spec = step->spec ? pod_find_task(step->spec, task->spec_name) : NULL;
    const enum goal goal = spec ? spec->goal : GOAL_RUNNING;

    if (strings_have(&step->restarted, task_run_id(task)))
        return STATUS_PENDING;
    /* A permanently failed task of the target is recovery's (3.7): for recovery it is the work. */
    if (task->permanently_failed)
        return !step->recovery && strcmp(task->config_id, step->req.config_id) == 0
                   ? STATUS_COMPLETE
                   : STATUS_PENDING;
    if (has_finished(step, task, goal))
        return STATUS_COMPLETE;
    if (!owns(step, task))
        return STATUS_PENDING;
    const enum status status = task_status_in_step(task, goal);
    if (status == STATUS_DELAYED && backoff_until(plans, task->name) <= now_ms)
        return STATUS_PENDING;
    return status;
}

bool step_is_done(struct plans *plans, struct step *step)
{
    if (step->done == 0 && !step->recovery) {
        auto_buf struct buf path = BUF_INIT;
        ssize_t len;
        done_path(plans, step, &path);
        step->done = state_get(plans->state, buf_str(&path), &len) ? 1 : -1;
    }
    return step->done > 0;
}

/* From the tasks alone (1.4). Everything there is to know about them is taken in one look: with
 * thousands of pods it is the memory that counts. */
static enum status tasks_base(struct plans *plans, struct step *step, int64_t now_ms)
{
    bool seen[STATUS_COUNT] = {false};
    size_t stored = 0;

    step->live = step->paused = false;
    FOR_POD_TASKS(task, plans->state, step->req.pod_type, step->req.pod_index)
    {
        if (!strings_have(&step->req.tasks, task->spec_name))
            continue;
        seen[task_base(plans, step, task, now_ms)] = true;
        step->live = step->live || task_is_live(task);
        step->paused = step->paused || task->override == OVERRIDE_PAUSED;
        if (plans->deriving &&
            (task->permanently_failed || task_state_needs_recovery(task->status_state)))
            plans_touch_pod(plans, step->pod);
        stored++;
    }
    if (stored == 0)
        return step->recovery ? STATUS_COMPLETE : STATUS_PENDING;
    static const enum status order[] = {STATUS_DELAYED, STATUS_PENDING, STATUS_STARTING,
                                        STATUS_STARTED};
    for (size_t i = 0; i < ARRAY_LEN(order); i++)
        if (seen[order[i]])
            return order[i];
    return STATUS_COMPLETE;
}

enum status step_base(struct plans *plans, struct step *step, int64_t now_ms)
{
    enum status status = STATUS_PENDING;

    if (step->kind == STEP_FAILED_BUILD)
        status = STATUS_ERROR;
    else if (step->kind != STEP_POD)
        status = removal_subject_gone(plans, step) ? STATUS_COMPLETE : STATUS_PENDING;
    else {
        status = tasks_base(plans, step, now_ms);
        if (step->recovery && step->recovery->complete)
            status = STATUS_COMPLETE;
        else if (step->recovery && !step->recovery->recorded)
            status = STATUS_PENDING;
    }
    /* The record is asked last: most steps need none. */
    return status != STATUS_COMPLETE && step_is_done(plans, step) ? STATUS_COMPLETE : status;
}

void step_record_done(struct plans *plans, struct txn *txn, struct step *step, const char *how)
{
    auto_buf struct buf path = BUF_INIT;

    mark_fix_canary(plans, txn, step);
    done_path(plans, step, &path);
    state_put(plans->state, txn, buf_str(&path), how, (ssize_t)strlen(how));
    step->done = 1;
    if (step->restarted.count > 0) {
        step->restarted = (struct strings){NULL, 0};
        arena_free(&step->restarted_arena);
        mark_save_step(plans, txn, step);
    }
}

static void step_completed(struct plans *plans, struct txn *txn, struct step *step)
{
    if (step->recovery) {
        struct recovery_record *record = recovery_record_of(step->recovery);
        step->recovery->complete = true;
        if (record) {
            record->complete = true;
            record->restarted.count = 0;
        }
        recovery_save(plans, txn, step->pod);
    } else
        step_record_done(plans, txn, step, "");
}

void step_rederive(struct plans *plans, struct txn *txn, struct step *step, int64_t now_ms)
{
    const enum status old = step->base;
    enum status base = step_base(plans, step, now_ms);

    /* Completed once is completed for this target: what was so without a record (it was found so
     * when the plans were made) gets one now. */
    if (old == STATUS_COMPLETE && base != STATUS_COMPLETE && txn && !step->recovery &&
        step->kind == STEP_POD) {
        step_record_done(plans, txn, step, "");
        base = STATUS_COMPLETE;
    } else if (base == STATUS_COMPLETE && old != STATUS_COMPLETE && txn && step->kind == STEP_POD)
        step_completed(plans, txn, step);
    step->base = base;
    if (old != base) {
        if (old == STATUS_DELAYED || base == STATUS_DELAYED)
            step_set_delayed(plans, step, base == STATUS_DELAYED);
        plans_touch(&step->e);
    }
    step_refresh(step);
}

void pod_rederive(struct plans *plans, struct txn *txn, struct pod *pod, int64_t now_ms)
{
    for (struct step *s = pod->steps; s; s = s->next_in_pod)
        step_rederive(plans, txn, s, now_ms);
    for (struct recovery_phase *r = pod->recoveries; r; r = r->next)
        step_rederive(plans, txn, &r->step, now_ms);
    plans_touch_pod(plans, pod);
}

/* ---- changes ---- */

/* The first step at work that the task's launch belongs to. */
static struct step *owner_at_work(const struct pod *pod, const struct task *task)
{
    for (struct step *s = pod->steps; s; s = s->next_in_pod)
        if (s->base != STATUS_COMPLETE && strings_have(&s->req.tasks, task->spec_name) &&
            owns(s, task))
            return s;
    for (struct recovery_phase *r = pod->recoveries; r; r = r->next)
        if (r->recorded && r->step.base != STATUS_COMPLETE &&
            strings_have(&r->step.req.tasks, task->spec_name) && owns(&r->step, task))
            return &r->step;
    return NULL;
}

/* Progress of pause and resume follows the task in the step that works on it (7.3). */
static void follow_override(struct plans *plans, struct txn *txn, const struct step *step,
                            struct task *task)
{
    const struct task_spec *spec = step->spec ? pod_find_task(step->spec, task->spec_name) : NULL;
    enum override_progress progress = PROGRESS_IN_PROGRESS;

    if (task->progress == PROGRESS_COMPLETE || task->override == OVERRIDE_DECOMMISSIONED)
        return;
    switch (task_status_in_step(task, spec ? spec->goal : GOAL_RUNNING)) {
    case STATUS_PENDING:
        progress = PROGRESS_PENDING;
        break;
    case STATUS_STARTED:
    case STATUS_COMPLETE:
        progress = PROGRESS_COMPLETE;
        break;
    default:
        break;
    }
    if (progress != task->progress)
        state_put_override(plans->state, txn, task, task->override, progress);
}

void plans_finish(struct plans *plans, struct txn *txn, int64_t now_ms)
{
    struct err err = ERR_INIT;

    plans_settle(plans, now_ms);
    if (!plans->options.uninstall && plans->deploy->g.e.status == STATUS_COMPLETE &&
        !state_deployed(plans->state))
        state_put_property(plans->state, txn, "last-completed-update-type", "DEPLOY", 6, &err);
}

/* A step at work on a task that becomes permanently failed keeps it as its own work: the launch so
 * far does not count, so that the step, not recovery beside it, places the task anew. */
static void keep_failed_as_work(struct plans *plans, struct txn *txn, struct pod *pod,
                                const struct task *task)
{
    for (struct step *s = pod->steps; s; s = s->next_in_pod)
        if (s->base != STATUS_COMPLETE && strings_have(&s->req.tasks, task->spec_name) &&
            strcmp(task->config_id, s->req.config_id) == 0)
            step_invalidate(plans, txn, s, task->id);
}

/* After an operator's mark, label or override, with the status as it was. */
void plans_pod_marked(struct plans *plans, struct txn *txn, const char *type, int index,
                      int64_t now_ms)
{
    struct pod *pod = plans_pod(plans, type, index, false);

    if (pod) {
        FOR_POD_TASKS(task, plans->state, type, index)
        if (task->permanently_failed)
            keep_failed_as_work(plans, txn, pod, task);
        pod_rederive(plans, txn, pod, now_ms);
    }
    plans_finish(plans, txn, now_ms);
}

void plans_task_changed(struct plans *plans, struct txn *txn, struct task *task, int64_t now_ms)
{
    struct pod *pod = plans_pod(plans, task->pod_type, task->pod_index, false);

    if (pod) {
        if (task->status_state == TASK_STATE__TASK_GONE_BY_OPERATOR && task_has_status(task)) {
            backoff_clear(plans, txn, task->name);
            if (!task->permanently_failed)
                state_mark_permanently_failed(plans->state, txn, task);
        }
        if (task->permanently_failed)
            keep_failed_as_work(plans, txn, pod, task);
        struct step *owner = owner_at_work(pod, task);
        if (owner) {
            follow_override(plans, txn, owner, task);
            if (!task->permanently_failed && (task->status_state == TASK_STATE__TASK_FAILED ||
                                              task->status_state == TASK_STATE__TASK_ERROR))
                backoff_failed(plans, txn, task, now_ms);
            else if (task->status_state == TASK_STATE__TASK_RUNNING && task->status_ready)
                backoff_clear(plans, txn, task->name);
        }
        pod_rederive(plans, txn, pod, now_ms);
    }
    plans_finish(plans, txn, now_ms);
}

void step_invalidate(struct plans *plans, struct txn *txn, struct step *step, const char *task_id)
{
    if (!task_id[0] || strings_have(&step->restarted, task_id))
        return;
    *ARENA_PUSH(&step->restarted_arena, step->restarted.items, step->restarted.count) =
        arena_strdup(&step->restarted_arena, task_id);
    mark_save_step(plans, txn, step);
}

void plans_result_superseded(struct plans *plans, struct txn *txn, const struct task *task)
{
    const struct pod *pod = plans_pod(plans, task->pod_type, task->pod_index, false);

    if (!task->status_id || task->status_state != TASK_STATE__TASK_FINISHED)
        return;
    for (struct step *s = pod ? pod->steps : NULL; s; s = s->next_in_pod) {
        const struct task_spec *spec = s->kind == STEP_POD && s->base != STATUS_COMPLETE &&
                                               strings_have(&s->req.tasks, task->spec_name) &&
                                               strcmp(task->config_id, s->req.config_id) != 0
                                           ? pod_find_task(s->spec, task->spec_name)
                                           : NULL;
        if (spec && spec->goal == GOAL_FINISH)
            step_invalidate(plans, txn, s, task->status_id);
    }
}

static bool stores_tasks(const struct plans *plans, const struct step *step)
{
    FOR_POD_TASKS(task, plans->state, step->req.pod_type, step->req.pod_index)
    if (strings_have(&step->req.tasks, task->spec_name))
        return true;
    return false;
}

void step_forget_done(struct plans *plans, struct txn *txn, struct step *step)
{
    auto_buf struct buf path = BUF_INIT;

    mark_fix_canary(plans, txn, step);
    done_path(plans, step, &path);
    if (step_is_done(plans, step))
        state_delete(plans->state, txn, buf_str(&path));
    step->done = -1;
    step->base = STATUS_PENDING; /* not found complete, and not to be recorded as such */
}

/* Steps whose tasks are gone from the state are to be done again (3.7: none stored). */
static void pod_lost_task(struct plans *plans, struct txn *txn, struct pod *pod, int64_t now_ms)
{
    for (struct step *s = pod->steps; s; s = s->next_in_pod)
        if (s->base == STATUS_COMPLETE && !stores_tasks(plans, s))
            step_forget_done(plans, txn, s);
    if (pod->n_records > 0 && !state_pod(plans->state, pod->type, pod->index))
        recovery_forget(plans, txn, pod);
    pod_rederive(plans, txn, pod, now_ms);
}

void plans_task_deleted(struct plans *plans, struct txn *txn, const char *task_name, int64_t now_ms)
{
    removal_record(plans, txn);
    removal_subject_changed(plans, txn, task_name, now_ms);
    /* The name's pod cannot be looked up any more: "<type>-<index>-<task>", where all parts may
     * contain dashes. Every reading of it is tried; few fit a pod. */
    auto_free char *type = xstrdup(task_name);
    for (char *dash = strchr(type, '-'); dash; dash = strchr(dash + 1, '-')) {
        char *end;
        const long index = strtol(dash + 1, &end, 10);
        if (end == dash + 1 || *end != '-' || index < 0 || index > INT32_MAX)
            continue;
        *dash = '\0';
        struct pod *pod = plans_pod(plans, type, (int)index, false);
        *dash = '-';
        if (pod)
            pod_lost_task(plans, txn, pod, now_ms);
    }
    plans_finish(plans, txn, now_ms);
}

void plans_launched(struct plans *plans, struct txn *txn, struct step *step, int64_t now_ms)
{
    struct pod *pod = step->pod;

    if (pod) {
        if (step->recovery)
            recovery_launched(plans, txn, pod, step, now_ms);
        else
            recovery_superseded(plans, txn, pod, &step->req.tasks);
        for (size_t i = 0; i < step->req.tasks.count; i++) {
            struct task *task = pod_task(plans->state, step->req.pod_type, step->req.pod_index,
                                         step->req.tasks.items[i]);
            if (task)
                follow_override(plans, txn, step, task);
        }
        pod_rederive(plans, txn, pod, now_ms);
    }
    plans_finish(plans, txn, now_ms);
}

void plans_step_done(struct plans *plans, struct txn *txn, struct step *step, int64_t now_ms)
{
    removal_record(plans, txn);
    if (!step_is_done(plans, step))
        step_record_done(plans, txn, step, "");
    step_rederive(plans, txn, step, now_ms);
    plans_finish(plans, txn, now_ms);
}
