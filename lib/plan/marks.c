/* Records of what operators and roll-outs did to elements: Toolkit/marks/<element id> and
 * Toolkit/done/<target id>/<step id> (see doc/plan-records.md). */
#include <string.h>

#include "base/json.h"
#include "plan/internal.h"

static void mark_path(const struct element *e, struct buf *out)
{
    buf_addf(out, "Toolkit/marks/%s", e->id);
}

void done_path(const struct plans *plans, const struct step *step, struct buf *out)
{
    buf_adds(out, "Toolkit/done/");
    buf_adds(out, plans->target_id);
    buf_addc(out, '/');
    buf_adds(out, step->e.id);
}

/* "deploy/dse-phase/dse-0:[node, agent]", for people who read the store. */
static void element_path(const struct element *e, struct buf *out)
{
    if (e->parent) {
        element_path(&e->parent->e, out);
        buf_addc(out, '/');
    }
    buf_adds(out, e->name);
}

static json_t *mark_read(const struct plans *plans, const struct element *e)
{
    struct err err = ERR_INIT;
    auto_buf struct buf path = BUF_INIT;

    mark_path(e, &path);
    const char *text = state_get_text(plans->state, buf_str(&path));
    return text ? json_parse(text, strlen(text), buf_str(&path), &err) : NULL;
}

/* An empty mark is no mark. */
static void mark_write(struct plans *plans, struct txn *txn, const struct element *e, json_t *mark)
{
    auto_buf struct buf path = BUF_INIT, text = BUF_INIT;
    ssize_t len;

    mark_path(e, &path);
    if (json_object_size(mark) == 0) {
        if (state_get(plans->state, buf_str(&path), &len))
            state_delete(plans->state, txn, buf_str(&path));
        return;
    }
    element_path(e, &text);
    json_set(mark, "element", json_string(buf_str(&text)));
    buf_clear(&text);
    json_write(&text, mark, JSON_LAYOUT_COMPACT);
    state_put(plans->state, txn, buf_str(&path), text.data, (ssize_t)text.len);
}

/* ---- plans and phases ---- */

static void load_parameters(struct plan *plan, const json_t *parameters)
{
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)parameters, key, value)
    {
        struct pair *pair =
            ARENA_PUSH(&plan->parameters_arena, plan->parameters.items, plan->parameters.count);
        pair->key = arena_strdup(&plan->parameters_arena, key);
        pair->value = arena_strdup(&plan->parameters_arena, json_string_value(value));
    }
}

void plan_set_parameters(struct plan *plan, const json_t *parameters)
{
    arena_free(&plan->parameters_arena);
    plan->parameters = (struct pairs){NULL, 0};
    load_parameters(plan, parameters);
    for (size_t i = 0; i < plan->g.n; i++) {
        struct group *phase = (struct group *)plan->g.children[i];
        for (size_t j = 0; j < phase->n; j++)
            ((struct step *)phase->children[j])->req.parameters = plan->parameters;
    }
}

static struct step *child_by_id(const struct group *g, const char *id)
{
    for (size_t i = 0; id && i < g->n; i++)
        if (strcmp(g->children[i]->id, id) == 0)
            return (struct step *)g->children[i];
    return NULL;
}

static void hold(struct group *g, size_t child)
{
    struct step *step = (struct step *)g->children[child];

    if (g->n_canary >= g->released) {
        step->held = true;
        step->e.interrupted = true;
    }
    g->canary_step[g->n_canary++] = child;
}

/* The children are there with their base statuses, nothing is counted yet. */
static void load_canary(struct group *g, const json_t *mark)
{
    const json_t *list = json_object_get(mark, "canary");

    if (list) {
        g->canary_fixed = true;
        g->released = (size_t)json_integer_value(json_object_get(mark, "released"));
        for (size_t i = 0; i < json_array_size(list) && g->n_canary < 2; i++) {
            const struct step *step = child_by_id(g, json_string_value(json_array_get(list, i)));
            if (step)
                hold(g, step->e.index);
        }
        if (g->released > g->n_canary)
            g->released = g->n_canary;
        return;
    }
    for (size_t i = 0; i < g->n && g->n_canary < 2; i++)
        if (((struct step *)g->children[i])->base != STATUS_COMPLETE &&
            ((struct step *)g->children[i])->base != STATUS_ERROR)
            hold(g, i);
}

/* The launches that a recovery phase is about: its pause is for these and not for a later failure
 * of the same pod. */
static json_t *launches(struct plans *plans, const struct group *phase)
{
    const struct step *step = (const struct step *)phase->children[0];
    json_t *list = json_array();

    FOR_POD_TASKS(task, plans->state, step->req.pod_type, step->req.pod_index)
    if (strings_have(&step->req.tasks, task->spec_name))
        json_push(list, json_string(task->id));
    return list;
}

static bool of_recovery(const struct group *g)
{
    return g->e.level == LEVEL_PHASE && ((const struct plan *)g->e.parent)->kind == PLAN_RECOVERY &&
           g->n > 0;
}

void mark_load_group(struct plans *plans, struct group *g)
{
    json_auto json_t *mark = mark_read(plans, &g->e);
    const json_t *flag = json_object_get(mark, "interrupted");

    g->flag = flag ? json_is_true(flag) : g->flag_default;
    if (g->flag && of_recovery(g)) {
        json_auto json_t *now = launches(plans, g);
        g->flag = json_equal(now, json_object_get(mark, "launches"));
    }
    if (g->canary)
        load_canary(g, mark);
    if (g->e.level == LEVEL_PLAN && json_object_get(mark, "parameters"))
        plan_set_parameters((struct plan *)g, json_object_get(mark, "parameters"));
}

void mark_save_group(struct plans *plans, struct txn *txn, struct group *g)
{
    json_auto json_t *mark = json_object();

    if (g->flag != g->flag_default)
        json_set(mark, "interrupted", json_boolean(g->flag));
    if (g->flag && of_recovery(g))
        json_set(mark, "launches", launches(plans, g));
    if (g->canary) {
        json_t *list = json_array();
        for (size_t i = 0; i < g->n_canary; i++)
            json_push(list, json_string(g->children[g->canary_step[i]]->id));
        json_set(mark, "canary", list);
        json_set(mark, "released", json_integer((json_int_t)g->released));
        g->canary_fixed = true;
    }
    if (g->e.level == LEVEL_PLAN) {
        const struct pairs *parameters = &((struct plan *)g)->parameters;
        json_t *object = json_object();
        for (size_t i = 0; i < parameters->count; i++)
            json_set(object, parameters->items[i].key, json_string(parameters->items[i].value));
        if (parameters->count > 0)
            json_set(mark, "parameters", object);
        else
            json_decref(object);
    }
    mark_write(plans, txn, &g->e, mark);
}

void mark_fix_canary(struct plans *plans, struct txn *txn, struct step *step)
{
    struct group *phase = step->e.parent;

    if (phase->canary && !phase->canary_fixed)
        mark_save_group(plans, txn, phase);
}

/* ---- steps ---- */

void mark_load_step(struct plans *plans, struct step *step)
{
    json_auto json_t *mark = mark_read(plans, &step->e);
    const json_t *list = json_object_get(mark, "restarted");

    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *id = json_string_value(json_array_get(list, i));
        if (id)
            *ARENA_PUSH(&step->restarted_arena, step->restarted.items, step->restarted.count) =
                arena_strdup(&step->restarted_arena, id);
    }
}

void mark_save_step(struct plans *plans, struct txn *txn, struct step *step)
{
    json_auto json_t *mark = json_object();

    if (step->restarted.count > 0) {
        json_t *list = json_array();
        for (size_t i = 0; i < step->restarted.count; i++)
            json_push(list, json_string(step->restarted.items[i]));
        json_set(mark, "restarted", list);
    }
    mark_write(plans, txn, &step->e, mark);
}
