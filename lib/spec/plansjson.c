/* The plans section of a svc.yml <-> JSON, in the same shape, order kept (see service-spec 3.17).
 */
#include <stdlib.h>

#include "base/alloc.h"
#include "spec/emit.h"
#include "spec/jsonread.h"
#include "spec/specjson.h"

/* ---- writing ---- */

static void emit_phase(struct emit *e, const struct plan_phase_spec *phase)
{
    emit_object(e, phase->name);
    emit_text(e, "pod", phase->pod);
    if (phase->strategy)
        emit_text(e, "strategy", phase->strategy);
    if (phase->n_steps) {
        emit_array(e, "steps");
        for (size_t i = 0; i < phase->n_steps; i++) {
            const struct plan_step_spec *step = &phase->steps[i];
            emit_object(e, NULL);
            emit_array(e, step->index);
            for (size_t j = 0; j < step->n_task_lists; j++)
                emit_strings(e, NULL, &step->task_lists[j]);
            emit_end(e);
            emit_end(e);
        }
        emit_end(e);
    }
    emit_end(e);
}

void emit_plans(struct emit *e, const char *key, const struct plans_spec *plans)
{
    emit_object(e, key);
    for (size_t i = 0; i < plans->n_plans; i++) {
        const struct plan_spec *plan = &plans->plans[i];
        emit_object(e, plan->name);
        if (plan->strategy)
            emit_text(e, "strategy", plan->strategy);
        emit_object(e, "phases");
        for (size_t j = 0; j < plan->n_phases; j++)
            emit_phase(e, &plan->phases[j]);
        emit_end(e);
        emit_end(e);
    }
    emit_end(e);
}

json_t *plans_spec_to_json(const struct plans_spec *plans)
{
    struct emit e = {.text = NULL};

    emit_plans(&e, NULL, plans);
    return e.root;
}

/* ---- reading ---- */

static int read_step(const struct jnode *node, struct plan_step_spec *step)
{
    const char *key;
    json_t *value;
    size_t count;

    if (jnode_object(node) < 0)
        return -1;
    if (json_object_size(node->value) != 1)
        return jnode_fail(node, "must have a single member, has %zu",
                          json_object_size(node->value));
    json_object_foreach((json_t *)node->value, key, value)
    {
        step->index = arena_strdup(node->arena, key);
    }
    const struct jnode lists = jnode_member(node, step->index);
    if (jnode_array(&lists, &count) < 0)
        return -1;
    step->task_lists = ARENA_ARRAY(node->arena, count, struct strings);
    for (; step->n_task_lists < count; step->n_task_lists++) {
        const struct jnode list = jnode_element(&lists, step->n_task_lists);
        struct strings *names = &step->task_lists[step->n_task_lists];
        size_t n_names;
        if (!list.value)
            return jnode_fail(&list, "must be an array of task names");
        if (jnode_array(&list, &n_names) < 0)
            return -1;
        names->items = ARENA_ARRAY(node->arena, n_names, const char *);
        for (; names->count < n_names; names->count++) {
            const struct jnode name = jnode_element(&list, names->count);
            if (!json_is_string(name.value))
                return jnode_fail(&name, "must be a task name");
            names->items[names->count] = arena_strdup(node->arena, json_string_value(name.value));
        }
    }
    return 0;
}

static int read_phase(const struct jnode *node, const char *name, struct plan_phase_spec *phase)
{
    const struct jnode steps = jnode_member(node, "steps");
    size_t count;

    phase->name = arena_strdup(node->arena, name);
    if (jnode_object(node) < 0 || jget_string(node, "pod", &phase->pod) < 0 ||
        jget_string_opt(node, "strategy", &phase->strategy) < 0 || jnode_array(&steps, &count) < 0)
        return -1;
    phase->steps = ARENA_ARRAY(node->arena, count, struct plan_step_spec);
    for (; phase->n_steps < count; phase->n_steps++) {
        const struct jnode step = jnode_element(&steps, phase->n_steps);
        if (read_step(&step, &phase->steps[phase->n_steps]) < 0)
            return -1;
    }
    return 0;
}

static int read_plan(const struct jnode *node, const char *name, struct plan_spec *plan)
{
    const struct jnode phases = jnode_member(node, "phases");
    const char *key;
    json_t *value;

    plan->name = arena_strdup(node->arena, name);
    if (jnode_object(node) < 0 || jget_string_opt(node, "strategy", &plan->strategy) < 0 ||
        jnode_object(&phases) < 0)
        return -1;
    plan->phases = ARENA_ARRAY(node->arena, json_object_size(phases.value), struct plan_phase_spec);
    json_object_foreach((json_t *)phases.value, key, value)
    {
        const struct jnode phase = jnode_member(&phases, key);
        if (read_phase(&phase, key, &plan->phases[plan->n_phases++]) < 0)
            return -1;
    }
    return 0;
}

static int read_plans(const struct jnode *root, struct plans_spec *plans)
{
    const char *key;
    json_t *value;

    if (!root->value || json_is_null(root->value))
        return 0;
    if (jnode_object(root) < 0)
        return -1;
    plans->plans = ARENA_ARRAY(root->arena, json_object_size(root->value), struct plan_spec);
    json_object_foreach((json_t *)root->value, key, value)
    {
        const struct jnode plan = jnode_member(root, key);
        if (read_plan(&plan, key, &plans->plans[plans->n_plans++]) < 0)
            return -1;
    }
    return 0;
}

struct plans_spec *plans_spec_from_json(const json_t *json, struct err *err)
{
    struct plans_spec *plans = xcalloc(1, sizeof *plans);
    const struct jnode root = jnode_root(json, &plans->arena, err);

    if (read_plans(&root, plans) < 0) {
        if (json)
            err_prefix(err, "plans");
        plans_spec_free(plans);
        return NULL;
    }
    return plans;
}
