/* Plans that take things away: decommission (see plans-and-recovery 8) and uninstall (9.2).
 *
 * Both are made from the stored tasks, which shrink while the plan is carried out. So with the
 * first step taken the plan's outline is recorded: Toolkit/decommission, Toolkit/uninstall/<host>;
 * what is done then follows from the state: a resource that no task holds, a task that is gone. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "plan/internal.h"

/* One pod to be decommissioned, or (uninstall) one host. */
struct removal {
    const char *name;
    const char *type; /* pods */
    int index;
    size_t place; /* of the type in the spec; 0: not in it */
    struct strings tasks, resources;
};
struct removals {
    struct removal *items;
    size_t count;
};

static struct removal *removal_named(struct arena *arena, struct removals *all, const char *name)
{
    /* Tasks come in order of name, so the one wanted is nearly always the last. */
    for (size_t i = all->count; i-- > 0;)
        if (strcmp(all->items[i].name, name) == 0)
            return &all->items[i];
    struct removal *item = ARENA_PUSH(arena, all->items, all->count);
    item->name = arena_strdup(arena, name);
    return item;
}

static void add_unique(struct arena *arena, struct strings *list, const char *text)
{
    if (!strings_have(list, text))
        *ARENA_PUSH(arena, list->items, list->count) = arena_strdup(arena, text);
}

/* The resource ids of a task and its executor, which tasks of a pod share. */
static void add_resources(struct plans *plans, const struct task *task, struct strings *list)
{
    auto_arena struct arena arena = ARENA_INIT;
    struct err err = ERR_INIT;
    const TaskInfo *info = state_task_info(plans->state, task, &arena, &err);

    for (size_t i = 0; info && i < info->n_resources; i++) {
        const char *id = resource_id(info->resources[i]);
        if (id)
            add_unique(&plans->arena, list, id);
    }
    for (size_t i = 0; info && info->executor && i < info->executor->n_resources; i++) {
        const char *id = resource_id(info->executor->resources[i]);
        if (id)
            add_unique(&plans->arena, list, id);
    }
}

static void load_strings(struct arena *arena, const json_t *list, struct strings *ret)
{
    for (size_t i = 0; i < json_array_size(list); i++)
        if (json_is_string(json_array_get(list, i)))
            *ARENA_PUSH(arena, ret->items, ret->count) =
                arena_strdup(arena, json_string_value(json_array_get(list, i)));
}

/* ---- steps ---- */

static size_t subject_slot(const struct plans *plans, const char *subject)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (const char *c = subject; *c; c++)
        hash = (hash ^ (unsigned char)*c) * UINT64_C(1099511628211);
    return (hash ^ hash >> 31) & (plans->subjects_room - 1);
}

static void subject_add(struct plans *plans, struct step *step)
{
    if (plans->n_subjects * 2 >= plans->subjects_room) {
        struct step **old = plans->subjects;
        const size_t room = plans->subjects_room;
        plans->subjects_room = room ? room * 2 : 64;
        plans->subjects = xcalloc(plans->subjects_room, sizeof *plans->subjects);
        for (size_t i = 0; i < room; i++)
            while (old[i]) {
                struct step *moved = old[i];
                old[i] = moved->next_in_pod;
                struct step **slot = &plans->subjects[subject_slot(plans, moved->subject)];
                moved->next_in_pod = *slot;
                *slot = moved;
            }
        free(old);
    }
    struct step **slot = &plans->subjects[subject_slot(plans, step->subject)];
    step->next_in_pod = *slot;
    *slot = step;
    plans->n_subjects++;
}

void removal_subject_changed(struct plans *plans, struct txn *txn, const char *subject,
                             int64_t now_ms)
{
    if (plans->subjects_room == 0)
        return;
    for (struct step *s = plans->subjects[subject_slot(plans, subject)]; s; s = s->next_in_pod)
        if (strcmp(s->subject, subject) == 0)
            step_rederive(plans, txn, s, now_ms);
}

bool removal_subject_gone(const struct plans *plans, const struct step *step)
{
    switch (step->kind) {
    case STEP_UNRESERVE:
        return !state_resource_owner(plans->state, step->subject) &&
               !given_up_has(plans, step->subject);
    case STEP_KILL:
    case STEP_ERASE:
        return !state_task(plans->state, step->subject);
    default:
        return false;
    }
}

static void add_step(struct plans *plans, struct group *phase, enum step_kind kind,
                     const char *prefix, const char *suffix, const char *subject)
{
    struct step *step = ARENA_NEW(&plans->arena, struct step);

    step->e.level = LEVEL_STEP;
    step->kind = kind;
    step->subject = subject;
    step->req.pod_type = "";
    step->e.name = arena_printf(&plans->arena, "%s%s", prefix, suffix);
    step_identify(plans, phase, step);
    subject_add(plans, step);
    step->base = step_base(plans, step, 0);
    step->e.status = step->base;
    group_append(phase, &step->e);
}

/* ---- decommission ---- */

/* The pod is not, or no longer, part of the target (see plans-and-recovery 8). */
bool removal_wanted(const struct service_spec *target, const struct task *task)
{
    const struct pod_spec *pod = spec_find_pod(target, task->pod_type);

    return task->pod_type[0] && task->pod_index >= 0 && (!pod || task->pod_index >= pod->count);
}

static void decommission_from_state(struct plans *plans, struct removals *all)
{
    for (struct task *task = state_task_first(plans->state); task;
         task = state_task_after(plans->state, task)) {
        if (!removal_wanted(plans->options.target, task))
            continue;
        auto_free char *name = xasprintf("%s-%d", task->pod_type, task->pod_index);
        struct removal *item = removal_named(&plans->arena, all, name);
        item->type = item->type ? item->type : arena_strdup(&plans->arena, task->pod_type);
        item->index = task->pod_index;
        add_unique(&plans->arena, &item->tasks, task->name);
        add_resources(plans, task, &item->resources);
    }
}

static bool decommission_from_record(struct plans *plans, struct removals *all)
{
    struct err err = ERR_INIT;
    const char *text = state_get_text(plans->state, DECOMMISSION_PATH);
    json_auto json_t *json = text ? json_parse(text, strlen(text), DECOMMISSION_PATH, &err) : NULL;
    const json_t *pods = json_object_get(json, "pods");

    for (size_t i = 0; i < json_array_size(pods); i++) {
        const json_t *pod = json_array_get(pods, i);
        const char *name = json_string_value(json_object_get(pod, "pod"));
        const char *dash = name ? strrchr(name, '-') : NULL;
        if (!dash)
            continue;
        struct removal *item = removal_named(&plans->arena, all, name);
        item->type = arena_strndup(&plans->arena, name, (size_t)(dash - name));
        item->index = (int)strtol(dash + 1, NULL, 10);
        load_strings(&plans->arena, json_object_get(pod, "tasks"), &item->tasks);
        load_strings(&plans->arena, json_object_get(pod, "resources"), &item->resources);
    }
    return json != NULL;
}

/* Types that are not in the spec first, by name; then those of the spec from the last to the first;
 * the highest index of a type first. */
static int by_turn(const void *a, const void *b)
{
    const struct removal *x = a, *y = b;

    if ((x->place == 0) != (y->place == 0))
        return x->place == 0 ? -1 : 1;
    if (x->place != y->place)
        return x->place > y->place ? -1 : 1;
    const int types = strcmp(x->type, y->type);
    if (types != 0)
        return types;
    return x->index > y->index ? -1 : x->index < y->index;
}

void removal_add_decommission(struct plans *plans)
{
    const struct service_spec *spec = plans->options.target;
    struct removals all = {NULL, 0};

    if (!decommission_from_record(plans, &all))
        decommission_from_state(plans, &all);
    if (all.count == 0)
        return;
    for (size_t i = 0; i < all.count; i++)
        for (size_t p = 0; p < spec->n_pods; p++)
            if (strcmp(spec->pods[p].type, all.items[i].type) == 0)
                all.items[i].place = p + 1;
    qsort(all.items, all.count, sizeof *all.items, by_turn);

    struct plan *plan = plan_new(plans, "decommission", PLAN_DECOMMISSION);
    for (size_t i = 0; i < all.count; i++) {
        const struct removal *item = &all.items[i];
        struct group *phase = phase_new(plans, plan, item->name);
        group_append(&plan->g, &phase->e);
        for (size_t t = 0; t < item->tasks.count; t++)
            add_step(plans, phase, STEP_KILL, "kill-", item->tasks.items[t], item->tasks.items[t]);
        for (size_t r = 0; r < item->resources.count; r++)
            add_step(plans, phase, STEP_UNRESERVE, "unreserve-", item->resources.items[r],
                     item->resources.items[r]);
        for (size_t t = 0; t < item->tasks.count; t++)
            add_step(plans, phase, STEP_ERASE, "erase-", item->tasks.items[t],
                     item->tasks.items[t]);
        phase_finish(plans, phase);
    }
    plan_finish(plans, plan);
}

/* ---- uninstall ---- */

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct removal *)a)->name, ((const struct removal *)b)->name);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

#define UNKNOWN_AGENT "UNKNOWN_AGENT"

struct given_up_ctx {
    struct plans *plans;
    struct removals *all;
};

static void add_given_up(void *ctx, const char *hostname, const char *id)
{
    const struct given_up_ctx *c = ctx;
    struct arena *arena = &c->plans->arena;
    struct removal *item = removal_named(arena, c->all, *hostname ? hostname : UNKNOWN_AGENT);

    *ARENA_PUSH(arena, item->resources.items, item->resources.count) = arena_strdup(arena, id);
}

/* What tasks hold, and what replaced pods left behind on agents that have not been back since. */
static void hosts_from_state(struct plans *plans, struct removals *all)
{
    struct given_up_ctx ctx = {plans, all};

    for (struct task *task = state_task_first(plans->state); task;
         task = state_task_after(plans->state, task)) {
        /* Never really reserved. */
        if (task->permanently_failed && task->status_id &&
            task->status_state == TASK_STATE__TASK_ERROR)
            continue;
        struct removal *item =
            removal_named(&plans->arena, all, task->hostname[0] ? task->hostname : UNKNOWN_AGENT);
        add_resources(plans, task, &item->resources);
    }
    given_up_each(plans, add_given_up, &ctx);
}

static bool hosts_from_record(struct plans *plans, struct removals *all)
{
    struct tree_node *parent = tree_find(state_tree(plans->state), UNINSTALL_PATH);

    for (struct tree_node *n = parent ? tree_first(parent) : NULL; n; n = tree_next(n)) {
        struct err err = ERR_INIT;
        const ssize_t len = tree_node_len(n);
        json_auto json_t *json =
            len > 0 ? json_parse(tree_node_data(n), (size_t)len, tree_node_name(n), &err) : NULL;
        struct removal *item = removal_named(&plans->arena, all, tree_node_name(n));
        load_strings(&plans->arena, json_object_get(json, "resources"), &item->resources);
    }
    return parent != NULL;
}

void removal_add_uninstall(struct plans *plans)
{
    struct removals hosts = {NULL, 0};

    if (!hosts_from_record(plans, &hosts))
        hosts_from_state(plans, &hosts);
    if (hosts.count > 0)
        qsort(hosts.items, hosts.count, sizeof *hosts.items, by_name);
    struct plan *plan = plans->deploy = plan_new(plans, "deploy", PLAN_UNINSTALL);
    plan->g.order = ORDER_DEPENDENCY;
    struct group *phase = phase_new(plans, plan, "kill-tasks");
    phase->order = ORDER_PARALLEL;
    group_append(&plan->g, &phase->e);
    for (struct task *task = state_task_first(plans->state); task;
         task = state_task_after(plans->state, task))
        if (task->id[0])
            add_step(plans, phase, STEP_KILL, "kill-task-", task->id,
                     arena_strdup(&plans->arena, task->name));
    phase_finish(plans, phase);
    for (size_t i = 0; i < hosts.count; i++) {
        struct strings *ids = &hosts.items[i].resources;
        phase = phase_new(plans, plan,
                          arena_printf(&plans->arena, UNRESERVE_PHASE "%s", hosts.items[i].name));
        phase->order = ORDER_PARALLEL;
        group_append(&plan->g, &phase->e);
        if (ids->count > 0)
            qsort(ids->items, ids->count, sizeof *ids->items, by_text);
        for (size_t r = 0; r < ids->count; r++)
            add_step(plans, phase, STEP_UNRESERVE, "unreserve-", ids->items[r], ids->items[r]);
        phase_finish(plans, phase);
    }
    phase = phase_new(plans, plan, "deregister-service");
    group_append(&plan->g, &phase->e);
    add_step(plans, phase, STEP_DEREGISTER, "deregister", "", "");
    phase_finish(plans, phase);
    plan_finish(plans, plan);
}

/* ---- records ---- */

static json_t *subjects_json(const struct group *phase, enum step_kind kind)
{
    json_t *list = json_array();

    for (size_t i = 0; i < phase->n; i++) {
        const struct step *step = (const struct step *)phase->children[i];
        if (step->kind == kind)
            json_push(list, json_string(step->subject));
    }
    return list;
}

static void put_json(struct plans *plans, struct txn *txn, const char *path, const json_t *json)
{
    auto_buf struct buf text = BUF_INIT;

    json_write(&text, json, JSON_LAYOUT_COMPACT);
    state_put(plans->state, txn, path, text.data, (ssize_t)text.len);
}

static void record_decommission(struct plans *plans, struct txn *txn, const struct group *plan)
{
    json_auto json_t *root = json_object();
    json_t *pods = json_array();

    json_set(root, "pods", pods);
    for (size_t i = 0; i < plan->n; i++) {
        const struct group *phase = (const struct group *)plan->children[i];
        json_t *pod = json_object();
        json_set(pod, "pod", json_string(phase->e.name));
        json_set(pod, "tasks", subjects_json(phase, STEP_KILL));
        json_set(pod, "resources", subjects_json(phase, STEP_UNRESERVE));
        json_push(pods, pod);
    }
    put_json(plans, txn, DECOMMISSION_PATH, root);
}

static void record_uninstall(struct plans *plans, struct txn *txn, const struct group *plan)
{
    static const char prefix[] = UNRESERVE_PHASE;

    state_put(plans->state, txn, UNINSTALL_PATH, "", 0);
    for (size_t i = 0; i < plan->n; i++) {
        const struct group *phase = (const struct group *)plan->children[i];
        if (strncmp(phase->e.name, prefix, sizeof prefix - 1) != 0)
            continue;
        json_auto json_t *host = json_object();
        auto_free char *path =
            xasprintf("%s/%s", UNINSTALL_PATH, phase->e.name + sizeof prefix - 1);
        json_set(host, "resources", subjects_json(phase, STEP_UNRESERVE));
        put_json(plans, txn, path, host);
    }
}

void removal_record(struct plans *plans, struct txn *txn)
{
    for (size_t i = 0; i < plans->n_plans; i++) {
        const struct plan *plan = plans->plans[i];
        ssize_t len;
        if (plan->kind == PLAN_DECOMMISSION && !state_get(plans->state, DECOMMISSION_PATH, &len))
            record_decommission(plans, txn, &plan->g);
        else if (plan->kind == PLAN_UNINSTALL &&
                 !tree_find(state_tree(plans->state), UNINSTALL_PATH))
            record_uninstall(plans, txn, &plan->g);
    }
}

void plans_resource_unreserved(struct plans *plans, struct txn *txn, const char *resource_id,
                               int64_t now_ms)
{
    removal_record(plans, txn);
    given_up_unreserved(plans, txn, resource_id);
    removal_subject_changed(plans, txn, resource_id, now_ms);
    plans_finish(plans, txn, now_ms);
}

/* ---- tasks that nothing mentions ---- */

static bool launched_by_a_step(struct plans *plans, const struct task *task)
{
    const struct pod *pod = plans_pod(plans, task->pod_type, task->pod_index, false);

    for (const struct step *s = pod ? pod->steps : NULL; s; s = s->next_in_pod)
        if (strings_have(&s->req.tasks, task->spec_name))
            return true;
    return false;
}

size_t plans_unneeded_tasks(struct plans *plans, struct task *const **ret)
{
    plans->n_unneeded = 0;
    for (struct task *task = state_task_first(plans->state); task && !plans->options.uninstall;
         task = state_task_after(plans->state, task)) {
        if (!task->id[0] || (task->status_id && task_state_is_terminal(task->status_state)) ||
            removal_wanted(plans->options.target, task) || launched_by_a_step(plans, task))
            continue;
        if (plans->n_unneeded == plans->unneeded_room) {
            plans->unneeded_room = plans->unneeded_room ? plans->unneeded_room * 2 : 16;
            plans->unneeded =
                xreallocarray(plans->unneeded, plans->unneeded_room, sizeof *plans->unneeded);
        }
        plans->unneeded[plans->n_unneeded++] = task;
    }
    *ret = plans->unneeded;
    return plans->n_unneeded;
}
