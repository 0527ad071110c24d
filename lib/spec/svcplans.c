/* The plans section (see service-spec 3.17). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "spec/nearest.h"
#include "spec/svcbuild.h"

static const char *task_hint(const struct pod_spec *pod, const char *name, struct arena *arena)
{
    struct nearest nearest = nearest_to(name);

    for (size_t i = 0; i < pod->n_tasks; i++)
        nearest_try(&nearest, pod->tasks[i].name);
    return nearest_hint(&nearest, arena, "name one of the pod's tasks");
}

static const char *pod_hint(const struct service_spec *spec, const char *type, struct arena *arena)
{
    struct nearest nearest = nearest_to(type);

    for (size_t i = 0; i < spec->n_pods; i++)
        nearest_try(&nearest, spec->pods[i].type);
    return nearest_hint(&nearest, arena, "name one of the pods");
}

static int read_task_list(const struct pod_spec *pod, const struct ynode *list, struct strings *ret)
{
    size_t count;

    if (ynode_list(list, &count) < 0)
        return ynode_fail(list, "each step is a list of tasks, as [[a, b]]", "is no list of tasks");
    ret->items = ARENA_ARRAY(list->r->arena, count, const char *);
    for (; ret->count < count; ret->count++) {
        const struct ynode item = ynode_item(list, ret->count);
        if (ynode_string(&item, &ret->items[ret->count]) < 0)
            return -1;
        const char *name = ret->items[ret->count];
        if (!pod_find_task(pod, name))
            return ynode_fail(&item, task_hint(pod, name, list->r->arena), "there is no task '%s'",
                              name);
    }
    return 0;
}

/* Warns when two of the pairs have one key; the values are the tasks. */
static void check_shared(const struct ynode *at, const struct pairs *pairs, const char *what)
{
    const char *shared = pairs_duplicate(pairs), *first = NULL;

    for (size_t i = 0; shared && i < pairs->count; i++) {
        if (strcmp(pairs->items[i].key, shared) != 0)
            continue;
        if (first) {
            ynode_refused(at, "a step cannot launch '%s' and '%s' together: both %s '%s'", first,
                          pairs->items[i].value, what, shared);
            return;
        }
        first = pairs->items[i].value;
    }
}

/* Tasks that a step would launch together must not share resources or a DNS name: such a step never
 * starts. `names` NULL: all tasks of the pod. */
static void check_step(const struct pod_spec *pod, const struct ynode *at,
                       const struct strings *names)
{
    const size_t count = names ? names->count : pod->n_tasks;
    auto_arena struct arena scratch = ARENA_INIT;
    struct pairs sets = {NULL, 0}, prefixes = {NULL, 0};

    for (size_t i = 0; i < count; i++) {
        const struct task_spec *task = names ? pod_find_task(pod, names->items[i]) : &pod->tasks[i];
        *ARENA_PUSH(&scratch, sets.items, sets.count) =
            (struct pair){task->resource_set->id, task->name};
        if (task->discovery && task->discovery->prefix)
            *ARENA_PUSH(&scratch, prefixes.items, prefixes.count) =
                (struct pair){task->discovery->prefix, task->name};
    }
    check_shared(at, &sets, "use the resource set");
    check_shared(at, &prefixes, "have the DNS name");
}

static int check_index(const struct ynode *entry)
{
    const size_t len = strlen(entry->name);

    if (strcmp(entry->name, "default") == 0 ||
        (len && len < 10 && strspn(entry->name, "0123456789") == len))
        return 0;
    return ynode_fail(entry, "'default' or the index of an instance is wanted", "'%s' is no index",
                      entry->name);
}

static int read_step(const struct pod_spec *pod, const struct ynode *node,
                     struct plan_phase_spec *phase, struct plan_step_spec *step)
{
    size_t count;

    if (ynode_map(node, &count) < 0)
        return -1;
    if (count != 1)
        return ynode_fail(node, "write each index as an element of its own, as '- 0: [[a]]'",
                          "the mapping has %zu entries instead of one", count);
    const struct ynode entry = ynode_entry(node, 0);
    step->index = arena_strdup(node->r->arena, entry.name);
    if (check_index(&entry) < 0)
        return -1;
    for (size_t i = 0; i < phase->n_steps; i++) {
        if (strcmp(phase->steps[i].index, step->index) == 0)
            return ynode_fail(&entry, "each index may stand once", "duplicate index '%s'",
                              step->index);
    }
    if (ynode_list(&entry, &count) < 0)
        return -1;
    step->task_lists = ARENA_ARRAY(node->r->arena, count, struct strings);
    for (; step->n_task_lists < count; step->n_task_lists++) {
        const struct ynode list = ynode_item(&entry, step->n_task_lists);
        if (read_task_list(pod, &list, &step->task_lists[step->n_task_lists]) < 0)
            return -1;
        check_step(pod, &list, &step->task_lists[step->n_task_lists]);
    }
    return 0;
}

static bool has_index(const struct plan_phase_spec *phase, const char *index)
{
    for (size_t i = 0; i < phase->n_steps; i++) {
        if (strcmp(phase->steps[i].index, index) == 0)
            return true;
    }
    return false;
}

static int check_indexes(const struct pod_spec *pod, const struct ynode *steps,
                         const struct plan_phase_spec *phase)
{
    /* Without a default there is an entry for each, so this ends early when one is missing. */
    for (int64_t i = 0; i < pod->count && !has_index(phase, "default"); i++) {
        char index[24];
        snprintf(index, sizeof index, "%lld", (long long)i);
        if (!has_index(phase, index))
            return ynode_fail(steps, "add it, or an entry 'default'", "instance %s has no entry",
                              index);
    }
    return 0;
}

static int read_phase(struct svc_builder *b, const struct ynode *node,
                      struct plan_phase_spec *phase)
{
    const struct ynode steps = ynode_key(node, "steps"), pod_at = ynode_key(node, "pod");
    size_t count = 0;

    phase->name = arena_strdup(node->r->arena, node->name);
    if (ynode_object(node, schema_phase, false) < 0 || yneed_string(node, "pod", &phase->pod) < 0 ||
        yget_string(node, "strategy", &phase->strategy) < 0 ||
        (phase->strategy && ynode_word(node, "strategy", phase->strategy,
                                       "serial parallel serial-canary canary parallel-canary") < 0))
        return -1;
    const struct pod_spec *pod = spec_find_pod(b->spec, phase->pod);
    if (!pod)
        return ynode_fail(&pod_at, pod_hint(b->spec, phase->pod, node->r->arena),
                          "there is no pod '%s'", phase->pod);
    if (steps.value && ynode_list(&steps, &count) < 0)
        return -1;
    if (!count) { /* an empty list is none */
        check_step(pod, node, NULL);
        return 0;
    }
    phase->steps = ARENA_ARRAY(node->r->arena, count, struct plan_step_spec);
    for (size_t i = 0; i < count; i++) {
        const struct ynode step = ynode_item(&steps, i);
        if (read_step(pod, &step, phase, &phase->steps[i]) < 0)
            return -1;
        phase->n_steps++;
    }
    return check_indexes(pod, &steps, phase);
}

static int read_plan(struct svc_builder *b, const struct ynode *node, struct plan_spec *plan)
{
    const struct ynode phases = ynode_key(node, "phases");
    size_t count;

    plan->name = arena_strdup(node->r->arena, node->name);
    if (ynode_object(node, schema_plan, false) < 0 ||
        yget_string(node, "strategy", &plan->strategy) < 0 ||
        (plan->strategy && ynode_word(node, "strategy", plan->strategy, "serial parallel") < 0) ||
        ynode_map(&phases, &count) < 0)
        return -1;
    plan->phases = ARENA_ARRAY(node->r->arena, count, struct plan_phase_spec);
    for (size_t i = 0; i < count; i++) {
        const struct ynode phase = ynode_entry(&phases, i);
        if (read_phase(b, &phase, &plan->phases[plan->n_phases++]) < 0)
            return -1;
    }
    return 0;
}

int svc_plans(struct svc_builder *b, const struct ynode *root, struct plans_spec *ret)
{
    const struct ynode plans = ynode_key(root, "plans"), pods = ynode_key(root, "pods");
    size_t count = 0;

    if (plans.value && ynode_map(&plans, &count) < 0)
        return -1;
    /* The generated plan launches all tasks of an instance in one step. */
    for (size_t i = 0; count == 0 && i < b->spec->n_pods; i++) {
        const struct ynode pod = ynode_entry(&pods, i);
        check_step(&b->spec->pods[i], &pod, NULL);
    }
    ret->plans = ARENA_ARRAY(root->r->arena, count, struct plan_spec);
    for (size_t i = 0; i < count; i++) {
        const struct ynode plan = ynode_entry(&plans, i);
        if (read_plan(b, &plan, &ret->plans[ret->n_plans++]) < 0)
            return -1;
    }
    if (count && !yaml_get(plans.value, "deploy"))
        return ynode_fail(&plans, "add it, or leave 'plans' out for a generated one",
                          "there is no plan 'deploy'");
    return 0;
}
