/* What operators do to plans (see plans-and-recovery 4, api-and-cli 1.3). Every effect is a record
 * in the transaction given, so that it outlives a restart. */
#include <ctype.h>
#include <string.h>

#include "base/json.h"
#include "plan/internal.h"

enum {
    CODE_DONE = 200,
    CODE_ALREADY = 208,
    CODE_BAD = 400,
    CODE_NOT_FOUND = 404,
    CODE_REFUSED = 409
};

/* ---- answers ---- */

__attribute__((format(printf, 3, 4))) static int answer(json_t **ret_body, int code,
                                                        const char *format, ...)
{
    auto_buf struct buf text = BUF_INIT;
    va_list args;

    va_start(args, format);
    buf_vaddf(&text, format, args);
    va_end(args);
    if (code == CODE_DONE) {
        *ret_body = json_object();
        json_set(*ret_body, "message", json_string(buf_str(&text)));
    } else {
        *ret_body = json_string(buf_str(&text));
    }
    return code;
}

static int already(json_t **ret_body)
{
    return answer(ret_body, CODE_ALREADY, "Command has already been reported or completed");
}

/* ---- finding elements ---- */

/* What its parser takes for an id the original compares with ids only (1.3). */
static bool matches(const struct element *e, const char *text)
{
    char id[UUID_TEXT];

    return uuid_read(text, id) ? strcmp(e->id, id) == 0 : strcmp(e->name, text) == 0;
}

static struct plan *find_plan(struct plans *plans, const char *name)
{
    for (size_t i = 0; i < plans->n_plans; i++)
        if (strcmp(plans->plans[i]->g.e.name, name) == 0)
            return plans->plans[i];
    return NULL;
}

static struct group *find_phase(const struct plan *plan, const char *text)
{
    for (size_t i = 0; i < plan->g.n; i++)
        if (matches(plan->g.children[i], text))
            return (struct group *)plan->g.children[i];
    return NULL;
}

/* Exactly one, or none. */
static struct step *find_step(const struct group *phase, const char *text)
{
    struct step *found = NULL;

    for (size_t i = 0; i < phase->n; i++) {
        if (!matches(phase->children[i], text))
            continue;
        if (found)
            return NULL;
        found = (struct step *)phase->children[i];
    }
    return found;
}

/* What a verb names: a plan, a phase of it, or a step of that. */
struct target {
    struct plan *plan;
    struct group *phase;
    struct step *step;
};

static const struct element *target_element(const struct target *t)
{
    return t->step ? &t->step->e : t->phase ? &t->phase->e : &t->plan->g.e;
}

static int find_target(struct plan *plan, const char *phase, const char *step, struct target *ret,
                       json_t **ret_body)
{
    *ret = (struct target){.plan = plan};
    if (step && !phase)
        return answer(ret_body, CODE_BAD, "Missing phase");
    if (phase && !(ret->phase = find_phase(plan, phase)))
        return answer(ret_body, CODE_NOT_FOUND, "Phase %s not found", phase);
    if (step && !(ret->step = find_step(ret->phase, step)))
        return answer(ret_body, CODE_NOT_FOUND, "Step %s not found", step);
    return 0;
}

/* ---- doing something to every step below ---- */

struct change {
    struct plans *plans;
    struct txn *txn;
    int64_t now_ms;
    size_t done, refused; /* steps */
};
typedef void change_fn(struct change *change, struct step *step);

static void each_step(struct change *change, const struct target *t, change_fn *fn)
{
    if (t->step) {
        fn(change, t->step);
        return;
    }
    for (size_t i = 0; i < t->plan->g.n; i++) {
        struct group *phase = (struct group *)t->plan->g.children[i];
        for (size_t j = 0; (!t->phase || t->phase == phase) && j < phase->n; j++)
            fn(change, (struct step *)phase->children[j]);
    }
}

static void clear_delays(struct change *c, const struct step *step)
{
    FOR_POD_TASKS(task, c->plans->state, step->req.pod_type, step->req.pod_index)
    if (strings_have(&step->req.tasks, task->spec_name))
        backoff_clear(c->plans, c->txn, task->name);
}

/* A recovery that is over is not done again by a plan verb: for a replaced pod that would destroy
 * its data once more (12.3). */
static void restart_recovery(struct change *c, struct step *step)
{
    struct recovery_record *record = recovery_record_of(step->recovery);

    if (step->base == STATUS_COMPLETE) {
        c->refused++;
        return;
    }
    clear_delays(c, step);
    if (step->recovery->recorded && record) {
        FOR_POD_TASKS(task, c->plans->state, step->req.pod_type, step->req.pod_index)
        if (task->id[0] && strings_have(&record->tasks, task->spec_name) &&
            !strings_have(&record->restarted, task->id))
            *ARENA_PUSH(&record->arena, record->restarted.items, record->restarted.count) =
                arena_strdup(&record->arena, task->id);
        recovery_save(c->plans, c->txn, step->pod);
    }
    step_rederive(c->plans, c->txn, step, c->now_ms);
    plans_touch(&step->e); /* also without a change: a delay may have held the pod back */
    c->done++;
}

static void restart_step(struct change *c, struct step *step)
{
    if (step->recovery) {
        restart_recovery(c, step);
        return;
    }
    step_forget_done(c->plans, c->txn, step);
    if (step->kind == STEP_POD) {
        clear_delays(c, step);
        FOR_POD_TASKS(task, c->plans->state, step->req.pod_type, step->req.pod_index)
        if (strings_have(&step->req.tasks, task->spec_name))
            step_invalidate(c->plans, c->txn, step, task_run_id(task));
    }
    step_rederive(c->plans, c->txn, step, c->now_ms);
    plans_touch(&step->e);
    c->done++;
}

static void complete_step(struct change *c, struct step *step)
{
    if (step->base == STATUS_COMPLETE)
        return;
    if (step->recovery) {
        struct recovery_record *record = recovery_record_of(step->recovery);
        if (step->recovery->recorded && record) {
            record->complete = step->recovery->complete = true;
            recovery_save(c->plans, c->txn, step->pod);
        }
    } else {
        step_record_done(c->plans, c->txn, step, "forced");
    }
    step_rederive(c->plans, c->txn, step, c->now_ms);
    plans_touch(&step->e);
    c->done++;
}

/* ---- flags ---- */

static void set_flag(struct change *c, struct group *g, bool interrupted)
{
    const bool changed = interrupted ? group_interrupt(g) : group_proceed(g);

    if (changed)
        mark_save_group(c->plans, c->txn, g);
}

/* A canary phase that alone keeps the plan from going on: `continue` of the plan reaches it. */
static struct group *lone_gate(const struct plan *plan)
{
    struct group *found = NULL;

    if (plan->g.e.interrupted)
        return NULL;
    for (size_t i = group_next(&plan->g, plan->g.incomplete, 0); i < plan->g.n;
         i = group_next(&plan->g, plan->g.incomplete, i + 1)) {
        struct group *phase = (struct group *)plan->g.children[i];
        if (found)
            return NULL;
        found = phase;
    }
    return found && group_gated(found) ? found : NULL;
}

static bool all_phases(const struct plan *plan, const char *phase,
                       bool (*holds)(const struct element *), size_t *ret_count)
{
    bool all = true;

    *ret_count = 0;
    for (size_t i = 0; i < plan->g.n; i++) {
        if (!matches(plan->g.children[i], phase))
            continue;
        (*ret_count)++;
        all = all && holds(plan->g.children[i]);
    }
    return all;
}

static bool is_complete(const struct element *e)
{
    return e->status == STATUS_COMPLETE;
}
static bool is_interrupted(const struct element *e)
{
    return e->interrupted;
}
static bool is_running(const struct element *e)
{
    return status_is_running(e->status);
}

/* ---- verbs ---- */

static bool is_variable_name(const char *name)
{
    if (!isalpha((unsigned char)*name) && *name != '_')
        return false;
    while (*name && (isalnum((unsigned char)*name) || *name == '_'))
        name++;
    return *name == '\0';
}

static int bad_parameters(const json_t *params, json_t **ret_body)
{
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)params, key, value)
    {
        if (!is_variable_name(key))
            return answer(ret_body, CODE_BAD,
                          "Couldn't parse parameters: %s is not a valid environment variable name",
                          key);
        if (!json_is_string(value))
            return answer(ret_body, CODE_BAD,
                          "Couldn't parse parameters: the value of %s is not a string", key);
    }
    return 0;
}

static int refused(json_t **ret_body)
{
    return answer(ret_body, CODE_REFUSED,
                  "This recovery is complete. To restart or replace the pod use the pod commands");
}

static int start(struct change *c, struct plan *plan, const json_t *params, json_t **ret_body)
{
    const struct target all = {.plan = plan};
    auto_buf struct buf text = BUF_INIT;
    const char *key;
    json_t *value;

    if (plan->kind == PLAN_DEPLOY || plan->kind == PLAN_SIDE)
        plan_set_parameters(plan, params);
    if (plan->g.e.status == STATUS_COMPLETE)
        each_step(c, &all, restart_step);
    if (c->refused > 0 && c->done == 0)
        return refused(ret_body);
    plan->g.flag = false;
    group_recount(&plan->g);
    mark_save_group(c->plans, c->txn, &plan->g);
    json_object_foreach((json_t *)params, key, value)
        buf_addf(&text, "%s%s=%s", text.len ? ", " : "", key, json_string_value(value));
    return answer(ret_body, CODE_DONE, "Received cmd: start %s with parameters: {%s}",
                  plan->g.e.name, buf_str(&text));
}

static int stop(struct change *c, struct plan *plan, json_t **ret_body)
{
    const struct target all = {.plan = plan};

    set_flag(c, &plan->g, true);
    each_step(c, &all, restart_step);
    return answer(ret_body, CODE_DONE, "Received cmd: stop");
}

/* interrupt and continue */
static int set_flags(struct change *c, struct plan *plan, const char *phase, bool interrupt,
                     json_t **ret_body)
{
    bool (*const is_so)(const struct element *) = interrupt ? is_interrupted : is_running;
    size_t count;

    if (phase) {
        const bool so = all_phases(plan, phase, is_so, &count);
        if (count == 0)
            return answer(ret_body, CODE_NOT_FOUND, "Phase %s not found", phase);
        if (so || all_phases(plan, phase, is_complete, &count))
            return already(ret_body);
        for (size_t i = 0; i < plan->g.n; i++)
            if (matches(plan->g.children[i], phase))
                set_flag(c, (struct group *)plan->g.children[i], interrupt);
    } else {
        /* A paused plan without work reads COMPLETE, and would do none that comes. */
        const bool lifts = !interrupt && plan->g.flag && !plan->g.flag_default;
        if (is_so(&plan->g.e) || (is_complete(&plan->g.e) && !lifts))
            return already(ret_body);
        struct group *gate = interrupt ? NULL : lone_gate(plan);
        set_flag(c, gate ? gate : &plan->g, interrupt);
    }
    return answer(ret_body, CODE_DONE, "Received cmd: %s", interrupt ? "interrupt" : "continue");
}

static int restart(struct change *c, const struct target *t, json_t **ret_body)
{
    if (target_element(t)->status == STATUS_PENDING)
        return already(ret_body);
    each_step(c, t, restart_step);
    if (c->refused > 0 && c->done == 0)
        return refused(ret_body);
    if (!t->step)
        set_flag(c, t->phase ? t->phase : &t->plan->g, false);
    return CODE_DONE;
}

static int force_complete(struct change *c, const struct target *t, json_t **ret_body)
{
    if (target_element(t)->status == STATUS_COMPLETE)
        return already(ret_body);
    each_step(c, t, complete_step);
    return CODE_DONE;
}

/* Only for restart and force-complete a blank phase or step counts as absent (api-and-cli 1.3). */
static const char *not_blank(const char *text)
{
    return text && text[strspn(text, " \t\n\v\f\r")] ? text : NULL;
}

/* The message repeats what was asked for, a blank as it came. */
static int named(struct change *c, struct plan *plan, enum plan_verb verb, const char *phase,
                 const char *step, json_t **ret_body)
{
    struct target t;
    int code = find_target(plan, not_blank(phase), not_blank(step), &t, ret_body);

    if (code == 0)
        code = verb == VERB_RESTART ? restart(c, &t, ret_body) : force_complete(c, &t, ret_body);
    if (code != CODE_DONE)
        return code;
    return answer(ret_body, CODE_DONE, "Received cmd: %s for Plan: %s, Phase: %s, Step: %s",
                  verb == VERB_RESTART ? "restart" : "forceComplete", plan->g.e.name,
                  phase ? phase : "null", step ? step : "null");
}

int plans_verb(struct plans *plans, struct txn *txn, enum plan_verb verb, const char *plan_name,
               const char *phase, const char *step, const json_t *params, int64_t now_ms,
               json_t **ret_body)
{
    struct change change = {.plans = plans, .txn = txn, .now_ms = now_ms};
    int code = verb == VERB_START ? bad_parameters(params, ret_body) : 0;
    struct plan *plan = find_plan(plans, plan_name);

    if (code != 0)
        return code;
    if (!plan)
        return answer(ret_body, CODE_NOT_FOUND, "Plan %s not found", plan_name);
    plans_tick(plans, now_ms);
    switch (verb) {
    case VERB_START:
        code = start(&change, plan, params, ret_body);
        break;
    case VERB_STOP:
        code = stop(&change, plan, ret_body);
        break;
    case VERB_INTERRUPT:
    case VERB_CONTINUE:
        code = set_flags(&change, plan, phase, verb == VERB_INTERRUPT, ret_body);
        break;
    case VERB_RESTART:
    case VERB_FORCE_COMPLETE:
        code = named(&change, plan, verb, phase, step, ret_body);
        break;
    }
    plans_finish(plans, txn, now_ms);
    return code;
}

/* ---- pods ---- */

static bool pod_name_split(const char *name, struct arena *arena, const char **ret_type,
                           int *ret_index)
{
    const char *dash = strrchr(name, '-');
    char *end;

    if (!dash || !isdigit((unsigned char)dash[1]) || dash == name)
        return false;
    const long index = strtol(dash + 1, &end, 10);
    if (*end || index > INT32_MAX)
        return false;
    *ret_type = arena_strndup(arena, name, (size_t)(dash - name));
    *ret_index = (int)index;
    return true;
}

static bool selected(const struct strings *names, const struct task *task)
{
    return !names || names->count == 0 || strings_have(names, task->name) ||
           strings_have(names, task->spec_name);
}

/* Every name must match some task of the pod. */
static bool all_match(const struct plans *plans, const struct strings *names, const char *type,
                      int index)
{
    for (size_t i = 0; names && i < names->count; i++) {
        bool found = false;
        FOR_POD_TASKS(task, plans->state, type, index)
        found = found || strcmp(task->name, names->items[i]) == 0 ||
                strcmp(task->spec_name, names->items[i]) == 0;
        if (!found)
            return false;
    }
    return true;
}

/* What the verb leaves in the state, before the kills. */
static void prepare_task(struct change *c, const char *verb, struct task *task)
{
    struct state *state = c->plans->state;

    if (strcmp(verb, "pause") == 0)
        state_put_override(state, c->txn, task, OVERRIDE_PAUSED, PROGRESS_PENDING);
    else if (strcmp(verb, "resume") == 0)
        state_put_override(state, c->txn, task, OVERRIDE_NONE, PROGRESS_PENDING);
    else if (task->id[0])
        backoff_clear(c->plans, c->txn, task->name);
    if (strcmp(verb, "replace") == 0)
        state_mark_permanently_failed(state, c->txn, task);
}

int plans_pod_verb(struct plans *plans, struct txn *txn, const char *verb, const char *pod,
                   const struct strings *tasks, int64_t now_ms, struct arena *arena,
                   struct task ***ret_kill, size_t *ret_n_kill, json_t **ret_body)
{
    struct change change = {.plans = plans, .txn = txn, .now_ms = now_ms};
    const bool filters = strcmp(verb, "pause") == 0 || strcmp(verb, "resume") == 0;
    struct task **kill = NULL, **chosen = NULL;
    size_t n_kill = 0, n_chosen = 0;
    const char *type = NULL;
    int index = -1;

    *ret_kill = NULL;
    *ret_n_kill = 0;
    if (!pod_name_split(pod, arena, &type, &index) || !state_pod(plans->state, type, index) ||
        (filters && !all_match(plans, tasks, type, index)))
        return answer(ret_body, CODE_NOT_FOUND, "Pod %s not found", pod);
    if (!filters && strcmp(verb, "restart") != 0 && strcmp(verb, "replace") != 0)
        return answer(ret_body, CODE_BAD, "Unknown pod command %s", verb);

    json_t *names = json_array();
    FOR_POD_TASKS(task, plans->state, type, index)
    if (!filters || selected(tasks, task))
        *ARENA_PUSH(arena, chosen, n_chosen) = task;
    for (size_t i = 0; i < n_chosen; i++) {
        json_push(names, json_string(chosen[i]->name));
        prepare_task(&change, verb, chosen[i]);
        if (chosen[i]->id[0] &&
            !(chosen[i]->status_id && task_state_is_terminal(chosen[i]->status_state)))
            *ARENA_PUSH(arena, kill, n_kill) = chosen[i];
    }
    plans_pod_marked(plans, txn, type, index, now_ms);
    *ret_kill = kill;
    *ret_n_kill = n_kill;
    *ret_body = json_object();
    json_set(*ret_body, "pod", json_string(pod));
    json_set(*ret_body, "tasks", names);
    return CODE_DONE;
}
