/* ACCEPT: the offers become one pool, operations change it one after the other
 * (see offer-cycle 10.9). An operation that is refused is dropped; those behind it still run. */
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "local.h"
#include "rules.h"

struct pool {
    struct framework *framework;
    struct agent *agent;
    const char *role;
    struct res_list resources; /* what is left of the offers, as converted so far */
};

/* ---- the offers ---- */

static int check_offers(const struct framework *f, const Call__Accept *call, struct buf *why)
{
    const struct map *offers = &f->master->offers;
    const struct offer *first = NULL;
    if (call->n_offer_ids == 0)
        return refuse(why, "No offers specified");
    for (size_t i = 0; i < call->n_offer_ids; i++)
        for (size_t j = 0; j < i; j++)
            if (strcmp(call->offer_ids[i]->value, call->offer_ids[j]->value) == 0)
                return refuse(why, "Duplicate offer %s in offer list", call->offer_ids[i]->value);
    for (size_t i = 0; i < call->n_offer_ids; i++) {
        const char *id = call->offer_ids[i]->value;
        const struct offer *offer = map_get(offers, id);
        if (!offer)
            return refuse(why, "Offer %s is no longer valid", id);
        if (offer->framework != f)
            return refuse(why, "Offer %s has invalid framework %s while framework %s is expected",
                          id, offer->framework->id, f->id);
        if (!first)
            first = offer;
        if (strcmp(offer->role, first->role) != 0)
            return refuse(
                why,
                "Aggregated offers must be allocated to the same role. Offer %s uses role "
                "'%s but another is using role '%s",
                id, offer->role, first->role);
        if (offer->agent != first->agent)
            return refuse(
                why,
                "Aggregated offers must belong to one single agent. Offer %s uses agent %s "
                "and agent %s",
                id, offer->agent->id, first->agent->id);
    }
    return 0;
}

/* The tasks that an operation would launch. */
static size_t launched(const Offer__Operation *op, TaskInfo *const **ret)
{
    if (op->type == OFFER__OPERATION__TYPE__LAUNCH && op->launch) {
        *ret = op->launch->task_infos;
        return op->launch->n_task_infos;
    }
    if (op->type == OFFER__OPERATION__TYPE__LAUNCH_GROUP && op->launch_group) {
        *ret = op->launch_group->task_group->tasks;
        return op->launch_group->task_group->n_tasks;
    }
    return 0;
}

static void fail_tasks(struct framework *f, const Offer__Operation *op, TaskState state, int reason,
                       const char *message)
{
    TaskInfo *const *tasks = NULL;
    const size_t n = launched(op, &tasks);
    for (size_t i = 0; i < n; i++) {
        const struct told told = {
            .task_id = tasks[i]->task_id->value,
            .agent_id = tasks[i]->agent_id->value,
            .state = state,
            .reason = reason,
            .message = message,
        };
        master_status(f, &told);
    }
}

static void drop_operation(struct framework *f, const Offer__Operation *op, const char *message)
{
    log_info("dropped an operation of framework '%s': %.300s", f->id, message);
    if (op->id)
        operation_told(f, op->id->value, OPERATION_STATE__OPERATION_ERROR, NULL, message);
}

/* All named offers come back unfiltered, all tasks are lost. */
static void refuse_all(struct framework *f, const Call__Accept *call, const char *why)
{
    auto_arena struct arena arena = ARENA_INIT;
    const char *message = arena_printf(&arena, "Task launched with invalid offers: %s", why);
    for (size_t i = 0; i < call->n_offer_ids; i++) {
        struct offer *offer = map_get(&f->master->offers, call->offer_ids[i]->value);
        if (offer && offer->framework == f) {
            agent_recover(offer->agent, &offer->resources);
            offer_free(offer);
        }
    }
    for (size_t i = 0; i < call->n_operations; i++) {
        fail_tasks(f, call->operations[i], TASK_STATE__TASK_DROPPED,
                   TASK_STATUS__REASON__REASON_INVALID_OFFERS, message);
        TaskInfo *const *tasks;
        if (launched(call->operations[i], &tasks) == 0)
            drop_operation(
                f, call->operations[i],
                arena_printf(&arena, "Operation attempted with invalid offers: %s", why));
    }
}

/* ---- before any of them runs, each operation must be one at all ---- */

static void fail_group(struct framework *f, const Offer__Operation *op, const char *message)
{
    fail_tasks(f, op, TASK_STATE__TASK_ERROR, TASK_STATUS__REASON__REASON_TASK_GROUP_INVALID,
               message);
}

static int check_group_form(const Offer__Operation__LaunchGroup *launch, struct buf *why)
{
    const TaskGroupInfo *group = launch->task_group;
    if (check_form(launch->executor->n_resources, launch->executor->resources, why))
        return -1;
    for (size_t i = 0; i < group->n_tasks; i++) {
        const TaskInfo *task = group->tasks[i];
        if (check_form(task->n_resources, task->resources, why) ||
            (task->executor &&
             check_form(task->executor->n_resources, task->executor->resources, why)))
            return -1;
    }
    return 0;
}

static int lacks(const char *what, const char *member, struct buf *why)
{
    return refuse(why, "%s offer operation must have the Offer.Operation.%s field set.", what,
                  member);
}

static int check_operation_form(const Offer__Operation *op, struct buf *why)
{
    switch (op->type) {
    case OFFER__OPERATION__TYPE__RESERVE:
        if (!op->reserve)
            return lacks("A RESERVE", "reserve", why);
        if (check_form(op->reserve->n_resources, op->reserve->resources, why) ||
            check_form(op->reserve->n_source, op->reserve->source, why))
            return -1;
        return op->reserve->n_source ? refuse(why, "Reservation updates are not yet implemented "
                                                   "for the scheduler API.")
                                     : 0;
    case OFFER__OPERATION__TYPE__UNRESERVE:
        if (!op->unreserve)
            return lacks("An UNRESERVE", "unreserve", why);
        return check_form(op->unreserve->n_resources, op->unreserve->resources, why);
    case OFFER__OPERATION__TYPE__CREATE:
        if (!op->create)
            return lacks("A CREATE", "create", why);
        return check_form(op->create->n_volumes, op->create->volumes, why);
    case OFFER__OPERATION__TYPE__DESTROY:
        if (!op->destroy)
            return lacks("A DESTROY", "destroy", why);
        return check_form(op->destroy->n_volumes, op->destroy->volumes, why);
    case OFFER__OPERATION__TYPE__LAUNCH_GROUP:
        return op->launch_group ? check_group_form(op->launch_group, why)
                                : lacks("A LAUNCH_GROUP", "launch_group", why);
    default:
        return 0; /* refused by name when its turn comes */
    }
}

/* Leaves those operations in the call that have the form of one and may have the id they have. */
static void drop_malformed(struct framework *f, Call__Accept *call)
{
    size_t kept = 0;
    for (size_t i = 0; i < call->n_operations; i++) {
        Offer__Operation *op = call->operations[i];
        auto_buf struct buf why = BUF_INIT;
        const bool group = op->type == OFFER__OPERATION__TYPE__LAUNCH_GROUP;
        const bool bad = check_operation_form(op, &why) != 0;
        if (!bad && !(group && op->id)) {
            call->operations[kept++] = op;
        } else if (group) {
            fail_group(f, op,
                       bad ? buf_str(&why)
                           : "The `id` field cannot be set on LAUNCH_GROUP operations");
        } else {
            (void)refuse_prefix(&why, "Operation attempted with invalid resources: ");
            drop_operation(f, op, buf_str(&why));
        }
    }
    call->n_operations = kept;
}

/* ---- allocation info: what the call leaves out is filled in ---- */

static void inject(size_t n, Resource **resources, const char *role, struct arena *arena)
{
    for (size_t i = 0; i < n; i++) {
        if (resources[i]->allocation_info)
            continue;
        resources[i]->allocation_info =
            PB_NEW(arena, Resource__AllocationInfo, resource__allocation_info);
        resources[i]->allocation_info->role = arena_strdup(arena, role);
    }
}

static void inject_operation(Offer__Operation *op, const char *role, struct arena *arena)
{
    if (op->reserve)
        inject(op->reserve->n_resources, op->reserve->resources, role, arena);
    if (op->unreserve)
        inject(op->unreserve->n_resources, op->unreserve->resources, role, arena);
    if (op->create)
        inject(op->create->n_volumes, op->create->volumes, role, arena);
    if (op->destroy)
        inject(op->destroy->n_volumes, op->destroy->volumes, role, arena);
    if (!op->launch_group)
        return;
    inject(op->launch_group->executor->n_resources, op->launch_group->executor->resources, role,
           arena);
    for (size_t i = 0; i < op->launch_group->task_group->n_tasks; i++) {
        TaskInfo *task = op->launch_group->task_group->tasks[i];
        inject(task->n_resources, task->resources, role, arena);
        if (task->executor)
            inject(task->executor->n_resources, task->executor->resources, role, arena);
    }
}

/* ---- conversions ---- */

/* Resources of an operation and what they are made of, or made into. */
enum direction { RESERVING, UNRESERVING, CREATING, DESTROYING };

static struct res counterpart(const struct res *r, enum direction direction)
{
    return direction == RESERVING || direction == UNRESERVING ? res_pop_reservation(r)
                                                              : res_strip_volume(r);
}

/* `from` of the pool and the agent becomes `into`. allocation: the role that the call names. */
static int convert(struct pool *pool, const struct res_list *from, const struct res_list *into,
                   const char *allocation, struct buf *why)
{
    if (strcmp(allocation, pool->role) != 0 || !res_list_contains(&pool->resources, from)) {
        buf_clear(why);
        res_list_text(&pool->resources, pool->role, why);
        buf_adds(why, " does not contain ");
        res_list_text(from, allocation, why);
        return -1;
    }
    (void)res_list_sub_all(&pool->resources, from);
    res_list_add_all(&pool->resources, into);
    (void)res_list_sub_all(&pool->agent->total, from);
    res_list_add_all(&pool->agent->total, into);
    return 0;
}

/* A RESERVE is one conversion of all that it names. */
static int convert_together(struct pool *pool, size_t n, Resource *const *resources,
                            struct buf *why)
{
    auto_res_list struct res_list from = RES_LIST_INIT, into = RES_LIST_INIT;
    for (size_t i = 0; i < n; i++) {
        auto_res struct res named = res_of_proto(resources[i]);
        auto_res struct res other = counterpart(&named, RESERVING);
        res_list_add(&from, &other);
        res_list_add(&into, &named);
    }
    return convert(pool, &from, &into, resources[0]->allocation_info->role, why);
}

static int convert_one(struct pool *pool, const Resource *resource, enum direction direction,
                       bool back, struct buf *why)
{
    auto_res_list struct res_list named = RES_LIST_INIT, other = RES_LIST_INIT;
    auto_res struct res r = res_of_proto(resource), o = counterpart(&r, direction);
    const bool forward = (direction == CREATING) != back;
    res_list_add(&named, &r);
    res_list_add(&other, &o);
    return convert(pool, forward ? &other : &named, forward ? &named : &other,
                   resource->allocation_info->role, why);
}

/* Other operations are one conversion for each: all of them, or none. */
static int convert_each(struct pool *pool, size_t n, Resource *const *resources,
                        enum direction direction, struct buf *why)
{
    for (size_t i = 0; i < n; i++) {
        if (convert_one(pool, resources[i], direction, false, why) == 0)
            continue;
        while (i-- > 0) { /* undo */
            auto_buf struct buf unused = BUF_INIT;
            (void)convert_one(pool, resources[i], direction, true, &unused);
        }
        return -1;
    }
    return 0;
}

static void touch_volumes(struct pool *pool, size_t n, Resource *const *volumes, bool create)
{
    for (size_t i = 0; i < n; i++) {
        struct err err = ERR_INIT;
        auto_res struct res volume = res_of_proto(volumes[i]);
        if ((create ? volume_create(pool->agent, &volume, &err)
                    : volume_destroy(pool->agent, &volume, &err)) < 0)
            log_error("%s", err.text);
    }
}

/* ---- operations ---- */

/* A refusal by a rule names the agent; returns -1. */
static int on_agent(const struct agent *agent, struct buf *why)
{
    buf_addf(why, "; on agent %s at slave(1)@%s:%d (%s)", agent->id, agent->ip, AGENT_PORT,
             agent->hostname);
    return -1;
}

static int reserve(struct pool *pool, const Offer__Operation *op, struct buf *why)
{
    const Offer__Operation__Reserve *r = op->reserve;
    if (check_reserve(pool->framework, r, why))
        return on_agent(pool->agent, why);
    return convert_together(pool, r->n_resources, r->resources, why);
}

static int unreserve(struct pool *pool, const Offer__Operation *op, struct buf *why)
{
    const Offer__Operation__Unreserve *u = op->unreserve;
    if (check_unreserve(u, why))
        return on_agent(pool->agent, why);
    return convert_each(pool, u->n_resources, u->resources, UNRESERVING, why);
}

static int create(struct pool *pool, const Offer__Operation *op, struct buf *why)
{
    const Offer__Operation__Create *c = op->create;
    if (check_create(pool->framework, pool->agent, c, why))
        return on_agent(pool->agent, why);
    if (convert_each(pool, c->n_volumes, c->volumes, CREATING, why))
        return -1;
    touch_volumes(pool, c->n_volumes, c->volumes, true);
    return 0;
}

static int destroy(struct pool *pool, const Offer__Operation *op, struct buf *why)
{
    const Offer__Operation__Destroy *d = op->destroy;
    if (check_destroy(pool->agent, d, why))
        return on_agent(pool->agent, why);
    if (convert_each(pool, d->n_volumes, d->volumes, DESTROYING, why))
        return -1;
    touch_volumes(pool, d->n_volumes, d->volumes, false);
    return 0;
}

static void launch_group(struct pool *pool, const Offer__Operation *op)
{
    auto_buf struct buf why = BUF_INIT;
    auto_res_list struct res_list total = RES_LIST_INIT;
    const Offer__Operation__LaunchGroup *launch = op->launch_group;
    if (launch->task_group->n_tasks == 0) {
        drop_operation(pool->framework, op, "a LAUNCH_GROUP without tasks");
        return;
    }
    if (check_launch_group(pool->framework, pool->agent, pool->role, launch, &pool->resources,
                           &why)) {
        fail_group(pool->framework, op, buf_str(&why));
        return;
    }
    for (size_t i = 0; i < launch->task_group->n_tasks; i++)
        res_list_of_proto(&total, launch->task_group->tasks[i]->n_resources,
                          launch->task_group->tasks[i]->resources);
    if (!executor_find(pool->agent, pool->framework, launch->executor->executor_id->value))
        res_list_of_proto(&total, launch->executor->n_resources, launch->executor->resources);
    (void)res_list_sub_all(&pool->resources, &total);
    executor_launch(pool->framework, pool->agent, launch->executor, launch->task_group, pool->role);
}

static bool drop_on_command(struct master *m, Offer__Operation__Type type)
{
    unsigned *asked = m->drops[type] ? &m->drops[type] : &m->drops[0];
    return *asked > 0 && (*asked)--;
}

static void apply(struct pool *pool, Offer__Operation *op)
{
    auto_buf struct buf why = BUF_INIT;
    int (*conversion)(struct pool *, const Offer__Operation *, struct buf *) = NULL;
    switch (op->type) {
    case OFFER__OPERATION__TYPE__RESERVE:
        conversion = reserve;
        break;
    case OFFER__OPERATION__TYPE__UNRESERVE:
        conversion = unreserve;
        break;
    case OFFER__OPERATION__TYPE__CREATE:
        conversion = create;
        break;
    case OFFER__OPERATION__TYPE__DESTROY:
        conversion = destroy;
        break;
    case OFFER__OPERATION__TYPE__LAUNCH_GROUP:
        launch_group(pool, op);
        return;
    case OFFER__OPERATION__TYPE__LAUNCH:
        fail_tasks(pool->framework, op, TASK_STATE__TASK_ERROR,
                   TASK_STATUS__REASON__REASON_TASK_INVALID,
                   "LAUNCH is not supported by dse-local: use LAUNCH_GROUP");
        return;
    default:
        drop_operation(pool->framework, op, "this operation is not supported by dse-local");
        return;
    }
    if (drop_on_command(pool->framework->master, op->type))
        drop_operation(pool->framework, op, "dropped on command");
    else if (conversion(pool, op, &why))
        drop_operation(pool->framework, op, buf_str(&why));
    else if (op->id)
        operation_finished(pool->framework, pool->agent, op->id->value);
}

/* ---- the call ---- */

/* What is left: the part that operations made comes back at once, the rest with the filter. */
static void give_back(struct pool *pool, const struct res_list *offered, const Filters *filters)
{
    auto_res_list struct res_list untouched = RES_LIST_INIT;
    for (size_t i = 0; i < pool->resources.count; i++) {
        const struct res *left = &pool->resources.items[i];
        for (size_t j = 0; j < offered->count; j++) {
            const struct res *was = &offered->items[j];
            if (was->meta != left->meta)
                continue;
            const bool smaller = !left->meta->ranges && was->milli < left->milli;
            res_list_add(&untouched, smaller ? was : left);
        }
    }
    filter_add(pool->agent, pool->framework, pool->role, &untouched, filters);
    agent_recover(pool->agent, &pool->resources);
}

void accept_offers(struct framework *f, Call__Accept *call)
{
    auto_buf struct buf why = BUF_INIT;
    auto_arena struct arena arena = ARENA_INIT;
    if (check_offers(f, call, &why)) {
        refuse_all(f, call, buf_str(&why));
        return;
    }
    drop_malformed(f, call);
    auto_res_list struct res_list offered = RES_LIST_INIT;
    struct pool pool = {.framework = f};
    for (size_t i = 0; i < call->n_offer_ids; i++) {
        struct offer *offer = map_get(&f->master->offers, call->offer_ids[i]->value);
        pool.agent = offer->agent;
        pool.role = arena_strdup(&arena, offer->role);
        res_list_add_all(&offered, &offer->resources);
        offer_free(offer);
    }
    pool.resources = res_list_copy(&offered);
    for (size_t i = 0; i < call->n_operations; i++) {
        inject_operation(call->operations[i], pool.role, &arena);
        apply(&pool, call->operations[i]);
    }
    give_back(&pool, &offered, call->filters);
    res_list_free(&pool.resources);
}
