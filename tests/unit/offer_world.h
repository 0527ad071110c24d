/* A small world for the tests of offers: a service with its state, and agents that carry out what
 * is accepted as a strict master would (see offer-cycle 10.9, 10.10), so that each answer meets the
 * next offer. Everything lives in the world's arena. */
#ifndef DSE_TESTS_OFFER_WORLD_H
#define DSE_TESTS_OFFER_WORLD_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/io.h"
#include "base/json.h"
#include "offer/offer.h"
#include "offer/resources.h"
#include "proto/pbjson.h"
#include "spec/specjson.h"
#include "tap.h"

#define UNUSED_OK __attribute__((unused))

/* ---- agents ---- */

struct held {
    Resource *resource; /* without allocation */
    const char *user;   /* task or executor id; NULL: free */
};
struct running {
    const char *id, *executor_id;
    bool own_cgroups; /* share_cgroups is false */
};
struct agent {
    const char *id, *hostname;
    Offer *shape; /* attributes, domain */
    struct held *held;
    size_t n_held;
    ExecutorInfo **executors; /* NULL entries have ended */
    size_t n_executors;
    struct running *tasks; /* id NULL: ended */
    size_t n_tasks;
};

struct world {
    struct arena arena;
    struct state *state;
    struct service_spec *spec;
    struct placement *placement;
    struct offer_settings settings;
    struct idgen ids;
    const char *role;
    struct agent *agents[64];
    size_t n_agents;
    unsigned offers_made;
    char problem[600]; /* why the master refused, "" when it did not */
    bool explain;
    const struct strings *rereserve, *dying;
};

static const char *world_no_env(const char *name)
{
    return strcmp(name, "PORT_API") == 0          ? "15063"
           : strcmp(name, "BOOTSTRAP_URI") == 0   ? "https://x/bootstrap.zip"
           : strcmp(name, "MARATHON_APP_ID") == 0 ? "/datastax-dse"
                                                  : NULL;
}

static UNUSED_OK struct service_spec *world_parse(const char *text)
{
    struct err err = ERR_INIT;
    json_auto json_t *json = json_parse(text, strlen(text), "spec", &err);
    struct service_spec *spec = json ? spec_from_json(json, &err) : NULL;
    if (!spec) {
        printf("Bail out! %s\n%s\n", err.text, text);
        exit(1);
    }
    return spec;
}

static UNUSED_OK struct world *world_new(const char *spec_text)
{
    struct world *w = xcalloc(1, sizeof *w);
    w->state = state_new();
    w->spec = world_parse(spec_text);
    w->placement = placement_new();
    placement_attach(w->placement, w->state);
    offer_settings_from_env(&w->settings, world_no_env);
    w->ids.seed = 42;
    w->explain = true;
    return w;
}

static UNUSED_OK void world_free(struct world **world)
{
    struct world *w = *world;
    if (!w)
        return;
    placement_free(w->placement);
    service_spec_free(w->spec);
    state_free(w->state);
    arena_free(&w->arena);
    free(w);
}
#define auto_world __attribute__((cleanup(world_free)))

/* Another target configuration; the old spec goes. */
static UNUSED_OK void world_respec(struct world *w, const char *spec_text)
{
    service_spec_free(w->spec);
    w->spec = world_parse(spec_text);
}

/* ---- resources as a master counts them ---- */

static UNUSED_OK bool world_same_kind(struct world *w, const Resource *a, const Resource *b)
{
    Resource x = *a, y = *b;
    size_t n, m;
    x.scalar = y.scalar = NULL;
    x.ranges = y.ranges = NULL;
    x.allocation_info = y.allocation_info = NULL;
    void *p = pb_pack_arena(&x, &w->arena, &n), *q = pb_pack_arena(&y, &w->arena, &m);
    return n == m && memcmp(p, q, n) == 0;
}

static UNUSED_OK bool world_is_whole(const Resource *r)
{
    return r->disk && (r->disk->persistence || r->disk->source);
}

static UNUSED_OK Resource *world_with_ranges(struct world *w, const Resource *like,
                                             const struct ranges *ranges)
{
    Resource *r = resource_shallow(&w->arena, like, false);
    r->ranges = PB_NEW(&w->arena, Value__Ranges, value__ranges);
    for (size_t i = 0; i < ranges->count; i++) {
        Value__Range *range = PB_NEW(&w->arena, Value__Range, value__range);
        range->begin = (uint64_t)ranges->items[i].begin;
        range->end = (uint64_t)ranges->items[i].end;
        PB_ADD(&w->arena, r->ranges->n_range, r->ranges->range, range);
    }
    return r;
}

static UNUSED_OK void world_give(struct world *w, struct agent *a, const Resource *resource,
                                 const char *user)
{
    Resource *r = resource_shallow(&w->arena, pb_copy(resource, &w->arena), false);
    for (size_t i = 0; i < a->n_held && !user && !world_is_whole(r); i++) {
        struct held *h = &a->held[i];
        if (!h->resource || h->user || world_is_whole(h->resource) ||
            !world_same_kind(w, h->resource, r))
            continue;
        if (r->type == VALUE__TYPE__SCALAR) {
            Resource *sum = pb_copy(h->resource, &w->arena);
            sum->scalar->value = milli_value(resource_amount(h->resource) + resource_amount(r));
            h->resource = sum;
        } else {
            struct ranges all = {0};
            ranges_add_all(&w->arena, &all, h->resource->ranges);
            ranges_add_all(&w->arena, &all, r->ranges);
            h->resource = world_with_ranges(w, h->resource, &all);
        }
        return;
    }
    *ARENA_PUSH(&w->arena, a->held, a->n_held) = (struct held){r, user};
}

/* Takes exactly this from what is free; false when it is not there. */
static UNUSED_OK bool world_take(struct world *w, struct agent *a, const Resource *r)
{
    for (size_t i = 0; i < a->n_held; i++) {
        struct held *h = &a->held[i];
        if (!h->resource || h->user || !world_same_kind(w, h->resource, r))
            continue;
        if (r->type == VALUE__TYPE__SCALAR) {
            milli have = resource_amount(h->resource), want = resource_amount(r);
            if (have < want || (world_is_whole(r) && have != want))
                continue;
            if (have == want) {
                h->resource = NULL;
            } else {
                Resource *rest = pb_copy(h->resource, &w->arena);
                rest->scalar->value = milli_value(have - want);
                h->resource = rest;
            }
            return true;
        }
        struct ranges all = {0};
        ranges_add_all(&w->arena, &all, h->resource->ranges);
        for (size_t j = 0; j < r->ranges->n_range; j++)
            for (uint64_t p = r->ranges->range[j]->begin; p <= r->ranges->range[j]->end; p++) {
                if (!ranges_have(&all, (int64_t)p))
                    return false;
                ranges_take(&w->arena, &all, (int64_t)p);
            }
        h->resource = all.count ? world_with_ranges(w, h->resource, &all) : NULL;
        return true;
    }
    return false;
}

/* ---- making agents and offers ---- */

/* resources: JSON array; shape: JSON object with attributes and domain, or NULL. */
static UNUSED_OK struct agent *world_agent(struct world *w, const char *hostname,
                                           const char *resources, const char *shape)
{
    struct err err = ERR_INIT;
    struct agent *a = ARENA_NEW(&w->arena, struct agent);
    a->id = arena_printf(&w->arena, "master-S%zu", w->n_agents);
    a->hostname = arena_strdup(&w->arena, hostname);
    auto_free char *text =
        xasprintf("{\"id\":{\"value\":\"o\"},\"framework_id\":{\"value\":\"f\"},\"agent_id\":"
                  "{\"value\":\"%s\"},\"hostname\":\"%s\",\"resources\":%s%s%s}",
                  a->id, hostname, resources, shape ? "," : "", shape ? shape : "");
    json_auto json_t *json = json_parse(text, strlen(text), "agent", &err);
    a->shape = json ? PB_FROM_JSON(Offer, offer, json, &w->arena, &err) : NULL;
    if (!a->shape) {
        printf("Bail out! %s\n%s\n", err.text, text);
        exit(1);
    }
    for (size_t i = 0; i < a->shape->n_resources; i++)
        world_give(w, a, a->shape->resources[i], NULL);
    w->agents[w->n_agents++] = a;
    return a;
}

#define PLAIN_AGENT(cpus, mem, disk)                                                \
    "[{\"name\":\"cpus\",\"type\":\"SCALAR\",\"scalar\":{\"value\":" #cpus          \
    "}},{\"name\":\"mem\",\"type\":\"SCALAR\",\"scalar\":{\"value\":" #mem          \
    "}},{\"name\":\"disk\",\"type\":\"SCALAR\",\"scalar\":{\"value\":" #disk        \
    "}},{\"name\":\"ports\",\"type\":\"RANGES\",\"ranges\":{\"range\":[{\"begin\":" \
    "9000,\"end\":9200},{\"begin\":31000,\"end\":32000}]}}]"

/* What the agent has free, as one offer to the service's role. */
static UNUSED_OK Offer *world_offer(struct world *w, struct agent *a)
{
    Offer *o = pb_copy(a->shape, &w->arena);
    o->id->value = arena_printf(&w->arena, "master-O%u", w->offers_made++);
    o->resources = NULL;
    o->n_resources = 0;
    for (size_t i = 0; i < a->n_held; i++) {
        if (!a->held[i].resource || a->held[i].user)
            continue;
        Resource *r = pb_copy(a->held[i].resource, &w->arena);
        r->allocation_info = PB_NEW(&w->arena, Resource__AllocationInfo, resource__allocation_info);
        r->allocation_info->role = (char *)(w->role ? w->role : w->spec->role);
        PB_ADD(&w->arena, o->n_resources, o->resources, r);
    }
    for (size_t i = 0; i < a->n_executors; i++)
        if (a->executors[i])
            PB_ADD(&w->arena, o->n_executor_ids, o->executor_ids, a->executors[i]->executor_id);
    return o;
}

/* ---- validation (see offer-cycle 10.10) ---- */

static UNUSED_OK bool refuse_it(struct world *w, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static bool refuse_it(struct world *w, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(w->problem, sizeof w->problem, format, args);
    va_end(args);
    return false;
}

static UNUSED_OK bool valid_id(const char *id)
{
    size_t len = id ? strlen(id) : 0;
    if (len == 0 || len > 255 || strcmp(id, ".") == 0 || strcmp(id, "..") == 0)
        return false;
    for (const char *p = id; *p; p++)
        if ((unsigned char)*p < 32 || *p == 127 || *p == '/' || *p == '\\')
            return false;
    return true;
}

static UNUSED_OK bool valid_resource(struct world *w, const Resource *r)
{
    if (!r->name || !*r->name)
        return refuse_it(w, "resource without name");
    if (r->type == VALUE__TYPE__SCALAR ? !r->scalar || resource_amount(r) <= 0
                                       : !r->ranges || r->ranges->n_range == 0)
        return refuse_it(w, "empty resource %s", r->name);
    if (strcmp(r->role, "*") != 0 || r->reservation)
        return refuse_it(w, "resource %s in the old format", r->name);
    const char *below = NULL;
    for (size_t i = 0; i < r->n_reservations; i++) {
        const Resource__ReservationInfo *info = r->reservations[i];
        bool dynamic = info->type == RESOURCE__RESERVATION_INFO__TYPE__DYNAMIC;
        if (!info->has_type || !info->role || strcmp(info->role, "*") == 0)
            return refuse_it(w, "reservation of %s without type or role", r->name);
        if (!dynamic && (i > 0 || info->principal || info->labels))
            return refuse_it(w, "static reservation of %s misplaced", r->name);
        if (below &&
            (strncmp(info->role, below, strlen(below)) != 0 || info->role[strlen(below)] != '/'))
            return refuse_it(w, "role %s is not below %s", info->role, below);
        below = info->role;
    }
    if (r->disk && r->disk->persistence) {
        if (!r->disk->volume || r->disk->volume->mode != VOLUME__MODE__RW ||
            r->disk->volume->host_path || !valid_id(r->disk->persistence->id))
            return refuse_it(w, "bad volume");
        if (r->n_reservations == 0)
            return refuse_it(w, "volume on unreserved disk");
    }
    return true;
}

static UNUSED_OK bool valid_environment(struct world *w, const Environment *environment)
{
    for (size_t i = 0; environment && i < environment->n_variables; i++) {
        const Environment__Variable *v = environment->variables[i];
        bool secret = v->has_type && v->type == ENVIRONMENT__VARIABLE__TYPE__SECRET;
        if (secret ? v->value || !v->secret || !v->secret->reference : !v->value || v->secret)
            return refuse_it(w, "variable %s has no proper value", v->name);
    }
    return true;
}

static UNUSED_OK bool valid_container(struct world *w, const ContainerInfo *c, bool executor)
{
    if (!c)
        return refuse_it(w, "no container");
    if (c->type != CONTAINER_INFO__TYPE__MESOS || c->docker)
        return refuse_it(w, "container of another type");
    if (executor && c->mesos && c->mesos->image)
        return refuse_it(w, "executor with image");
    if (executor && c->linux_info && c->linux_info->has_share_cgroups &&
        c->linux_info->share_cgroups)
        return refuse_it(w, "executor shares cgroups");
    for (size_t i = 0; i < c->n_volumes; i++) {
        const Volume *v = c->volumes[i];
        if (!!v->host_path + !!v->image + !!v->source != 1 || !v->container_path)
            return refuse_it(w, "volume %zu of a container is wrong", i);
    }
    return true;
}

static UNUSED_OK bool valid_checks(struct world *w, const TaskInfo *t)
{
    const HealthCheck *h = t->health_check;
    if (h && (!h->has_type || h->type != HEALTH_CHECK__TYPE__COMMAND || !h->command ||
              !h->command->value || h->delay_seconds < 0 || h->interval_seconds < 0 ||
              h->timeout_seconds < 0 || h->grace_period_seconds < 0))
        return refuse_it(w, "bad health check");
    const CheckInfo *c = t->check;
    if (c && (!c->has_type || c->type != CHECK_INFO__TYPE__COMMAND || !c->command ||
              !c->command->command->value || c->delay_seconds < 0 || c->interval_seconds < 0 ||
              c->timeout_seconds < 0))
        return refuse_it(w, "bad check");
    if (!t->kill_policy || !t->kill_policy->grace_period ||
        t->kill_policy->grace_period->nanoseconds < 0)
        return refuse_it(w, "bad kill policy");
    return (!h || valid_environment(w, h->command->environment)) &&
           (!c || valid_environment(w, c->command->command->environment));
}

static UNUSED_OK milli sum_of(Resource *const *resources, size_t n, const char *name)
{
    milli sum = 0;
    for (size_t i = 0; i < n; i++)
        if (strcmp(resources[i]->name, name) == 0)
            sum += resource_amount(resources[i]);
    return sum;
}

static UNUSED_OK bool valid_executor(struct world *w, const ExecutorInfo *e)
{
    if (!valid_id(e->executor_id->value) || !e->has_type ||
        e->type != EXECUTOR_INFO__TYPE__DEFAULT || e->command || !e->framework_id)
        return refuse_it(w, "bad executor");
    if (sum_of(e->resources, e->n_resources, "cpus") < 10 ||
        sum_of(e->resources, e->n_resources, "mem") < 32000 ||
        sum_of(e->resources, e->n_resources, "disk") <= 0)
        return refuse_it(w, "executor '%s' uses too little", e->executor_id->value);
    return valid_container(w, e->container, true);
}

static UNUSED_OK bool world_own_cgroups(const TaskInfo *t)
{
    const LinuxInfo *info = t->container ? t->container->linux_info : NULL;
    return info && info->has_share_cgroups && !info->share_cgroups;
}

static UNUSED_OK bool valid_task(struct world *w, const struct agent *a, const TaskInfo *t,
                                 const ExecutorInfo *e)
{
    if (!valid_id(t->task_id->value))
        return refuse_it(w, "bad task id '%s'", t->task_id->value);
    for (size_t i = 0; i < a->n_tasks; i++)
        if (a->tasks[i].id && strcmp(a->tasks[i].id, t->task_id->value) == 0)
            return refuse_it(w, "task has duplicate id");
    if (strcmp(t->agent_id->value, a->id) != 0)
        return refuse_it(w, "task uses invalid agent %s", t->agent_id->value);
    if (t->n_resources == 0)
        return refuse_it(w, "task uses no resources");
    if (t->executor || !t->command || !t->command->value)
        return refuse_it(w, "task with executor or without command");
    struct ranges ports = {0};
    const char *volumes[64];
    size_t n_volumes = 0;
    for (size_t i = 0; i < t->n_resources + e->n_resources; i++) {
        const Resource *r = i < t->n_resources ? t->resources[i] : e->resources[i - t->n_resources];
        if (!valid_resource(w, r))
            return false;
        if (!resource_id(r))
            return refuse_it(w, "unreserved %s", r->name);
        if (r->ranges && ranges_have(&ports, resource_port(r)))
            return refuse_it(w, "ports overlap");
        if (r->ranges)
            ranges_add_all(&w->arena, &ports, r->ranges);
        if (!resource_is_volume(r))
            continue;
        for (size_t j = 0; j < n_volumes; j++)
            if (strcmp(volumes[j], r->disk->persistence->id) == 0)
                return refuse_it(w, "persistence id twice");
        volumes[n_volumes++] = r->disk->persistence->id;
    }
    bool own = world_own_cgroups(t);
    for (size_t i = 0; i < a->n_tasks; i++)
        if (a->tasks[i].id && strcmp(a->tasks[i].executor_id, e->executor_id->value) == 0 &&
            a->tasks[i].own_cgroups != own)
            return refuse_it(w, "share_cgroups differs under one executor");
    if (t->n_limits && !own)
        return refuse_it(w, "limits without share_cgroups false");
    for (size_t i = 0; i < t->n_limits; i++)
        if (t->limits[i]->value->value <
            milli_value(sum_of(t->resources, t->n_resources, t->limits[i]->key)))
            return refuse_it(w, "limit of %s is below the request", t->limits[i]->key);
    return valid_environment(w, t->command->environment) &&
           valid_container(w, t->container, false) && valid_checks(w, t);
}

/* ---- carrying out ---- */

static UNUSED_OK bool take_all(struct world *w, struct agent *a, Resource *const *resources,
                               size_t n, const char *user)
{
    for (size_t i = 0; i < n; i++) {
        if (!world_take(w, a, resources[i]))
            return refuse_it(w, "more is required than is available: %s for %s", resources[i]->name,
                             user);
        world_give(w, a, resources[i], user);
    }
    return true;
}

static UNUSED_OK bool world_launch(struct world *w, struct agent *a,
                                   const Offer__Operation__LaunchGroup *group)
{
    if (group->task_group->n_tasks != 1)
        return refuse_it(w, "not one task");
    const TaskInfo *t = group->task_group->tasks[0];
    const ExecutorInfo *e = group->executor;
    if (!valid_executor(w, e) || !valid_task(w, a, t, e))
        return false;
    const ExecutorInfo *known = NULL;
    for (size_t i = 0; i < a->n_executors; i++)
        if (a->executors[i] &&
            strcmp(a->executors[i]->executor_id->value, e->executor_id->value) == 0)
            known = a->executors[i];
    if (known && !pb_equal(known, e))
        return refuse_it(w, "ExecutorInfo is not compatible with existing ExecutorInfo");
    const char *id = arena_strdup(&w->arena, t->task_id->value);
    ExecutorInfo *copy = pb_copy(e, &w->arena);
    /* All of it or nothing: what a refused launch would have used stays free. */
    struct held *before = arena_memdup(&w->arena, a->held, a->n_held * sizeof *a->held);
    const size_t n_before = a->n_held;
    if ((!known && !take_all(w, a, copy->resources, copy->n_resources, copy->executor_id->value)) ||
        !take_all(w, a, t->resources, t->n_resources, id)) {
        a->held = before;
        a->n_held = n_before;
        PB_OWN(&w->arena, a->n_held, a->held);
        return false;
    }
    if (!known)
        *ARENA_PUSH(&w->arena, a->executors, a->n_executors) = copy;
    *ARENA_PUSH(&w->arena, a->tasks, a->n_tasks) =
        (struct running){id, copy->executor_id->value, world_own_cgroups(t)};
    return true;
}

static UNUSED_OK Resource *without_top(struct world *w, const Resource *r)
{
    Resource *below = resource_shallow(&w->arena, r, true);
    below->n_reservations--;
    if (below->n_reservations == 0)
        below->reservations = NULL;
    return below;
}

static UNUSED_OK bool world_operation(struct world *w, struct agent *a, const Offer__Operation *op)
{
    const Resource *r;
    switch (op->type) {
    case OFFER__OPERATION__TYPE__RESERVE:
        r = op->reserve->resources[0];
        if (op->reserve->n_resources != 1 || !valid_resource(w, r) || !resource_is_dynamic(r) ||
            r->n_reservations == 0 || resource_is_volume(r))
            return w->problem[0] ? false : refuse_it(w, "RESERVE of something not reserved");
        if (strcmp(resource_reservation(r)->principal, w->spec->principal) != 0)
            return refuse_it(w, "RESERVE by another principal");
        if (!world_take(w, a, without_top(w, r)))
            return refuse_it(w, "RESERVE of more %s than there is", r->name);
        world_give(w, a, r, NULL);
        return true;
    case OFFER__OPERATION__TYPE__UNRESERVE:
        r = op->unreserve->resources[0];
        if (op->unreserve->n_resources != 1 || resource_is_volume(r) || !world_take(w, a, r))
            return refuse_it(w, "UNRESERVE of %s that is not there", r->name);
        world_give(w, a, without_top(w, r), NULL);
        return true;
    case OFFER__OPERATION__TYPE__CREATE:
        r = op->create->volumes[0];
        if (op->create->n_volumes != 1 || !valid_resource(w, r) || !resource_is_volume(r) ||
            strcmp(r->disk->persistence->principal, w->spec->principal) != 0 ||
            !world_take(w, a, resource_shallow(&w->arena, r, true)))
            return refuse_it(w, "CREATE on disk that is not there");
        world_give(w, a, r, NULL);
        return true;
    case OFFER__OPERATION__TYPE__DESTROY:
        r = op->destroy->volumes[0];
        if (op->destroy->n_volumes != 1 || !resource_is_volume(r) || !world_take(w, a, r))
            return refuse_it(w, "DESTROY of a volume that is not there");
        world_give(w, a, resource_shallow(&w->arena, r, true), NULL);
        return true;
    case OFFER__OPERATION__TYPE__LAUNCH_GROUP:
        return world_launch(w, a, op->launch_group);
    default:
        return refuse_it(w, "operation of another type");
    }
}

/* False, with w->problem, at the first operation that a master would not carry out. */
static UNUSED_OK bool world_accept(struct world *w, struct agent *a,
                                   Offer__Operation *const *operations, size_t n)
{
    w->problem[0] = '\0';
    for (size_t i = 0; i < n; i++)
        if (!world_operation(w, a, operations[i]))
            return false;
    return true;
}

/* ---- the service's side ---- */

static UNUSED_OK struct requirement world_requirement(struct world *w, const char *type, int index,
                                                      const char *tasks)
{
    struct requirement need = {
        .pod_type = type, .pod_index = index, .config_id = "7c1f8e0a-52d4-4b7e-9a55-0b6f0f6a9d21"};
    char *rest, *copy = arena_strdup(&w->arena, tasks);
    for (char *one = strtok_r(copy, " ", &rest); one; one = strtok_r(NULL, " ", &rest))
        *ARENA_PUSH(&w->arena, need.tasks.items, need.tasks.count) = one;
    return need;
}

static UNUSED_OK struct offer_context world_context(struct world *w)
{
    return (struct offer_context){.spec = w->spec,
                                  .config_id = "7c1f8e0a-52d4-4b7e-9a55-0b6f0f6a9d21",
                                  .state = w->state,
                                  .settings = &w->settings,
                                  .framework_id = "5d7b1a52-0007",
                                  .ids = &w->ids,
                                  .arena = &w->arena,
                                  .explain = w->explain,
                                  .placement = w->placement,
                                  .rereserve = w->rereserve,
                                  .dying = w->dying};
}

static UNUSED_OK void world_store(struct world *w, const struct evaluation *e)
{
    struct txn *txn = txn_new();
    for (size_t i = 0; i < e->n_records; i++) {
        state_put_task_info(w->state, txn, e->records[i].info);
        if (e->records[i].status)
            state_put_task_status(w->state, txn, e->records[i].info->name, e->records[i].status);
    }
    txn_free(txn);
}

static UNUSED_OK void world_status(struct world *w, const char *task_name, TaskState state)
{
    struct txn *txn = txn_new();
    struct task *task = state_task(w->state, task_name);
    TaskStatus *status = state_task_status(w->state, task, &w->arena, NULL);
    status->state = state;
    state_put_task_status(w->state, txn, task_name, status);
    txn_free(txn);
}

/* The task ends: its resources are free, and those of its executor when it was the last. */
static UNUSED_OK void world_end(struct world *w, const char *task_name, TaskState state)
{
    const char *id = arena_strdup(&w->arena, state_task(w->state, task_name)->status_id);
    for (size_t i = 0; i < w->n_agents; i++) {
        struct agent *a = w->agents[i];
        const char *executor = NULL;
        size_t others = 0;
        for (size_t j = 0; j < a->n_tasks; j++)
            if (a->tasks[j].id && strcmp(a->tasks[j].id, id) == 0) {
                executor = a->tasks[j].executor_id;
                a->tasks[j].id = NULL;
            }
        for (size_t j = 0; executor && j < a->n_tasks; j++)
            others += a->tasks[j].id && strcmp(a->tasks[j].executor_id, executor) == 0;
        for (size_t j = 0; executor && j < a->n_held; j++) {
            struct held *h = &a->held[j];
            if (!h->resource || !h->user ||
                (strcmp(h->user, id) != 0 && (others || strcmp(h->user, executor) != 0)))
                continue;
            Resource *r = h->resource;
            h->resource = NULL;
            world_give(w, a, r, NULL);
        }
        for (size_t j = 0; executor && !others && j < a->n_executors; j++)
            if (a->executors[j] && strcmp(a->executors[j]->executor_id->value, executor) == 0)
                a->executors[j] = NULL;
    }
    world_status(w, task_name, state);
}

/* Evaluates one agent's offer, carries out what comes of it, stores the records and reports the
 * tasks as running. */
static UNUSED_OK bool world_place(struct world *w, struct agent *a, const struct requirement *need,
                                  struct evaluation *ret)
{
    struct offer_context context = world_context(w);
    Offer *offer = world_offer(w, a);
    offer_evaluate(&context, need, &offer, 1, ret);
    if (!ret->pass)
        return false;
    if (!world_accept(w, a, ret->operations, ret->n_operations)) {
        printf("# refused: %s\n", w->problem);
        tap_failures++;
        return false;
    }
    world_store(w, ret);
    for (size_t i = 0; i < ret->n_records; i++)
        if (ret->records[i].status)
            world_status(w, ret->records[i].info->name, TASK_STATE__TASK_RUNNING);
    return true;
}

/* "RESERVE cpus 0.5; LAUNCH_GROUP dse-0-node". */
static UNUSED_OK const char *world_operations(struct world *w, const struct evaluation *e)
{
    auto_buf struct buf out = BUF_INIT;
    for (size_t i = 0; i < e->n_operations; i++) {
        const Offer__Operation *op = e->operations[i];
        const Resource *r = op->reserve     ? op->reserve->resources[0]
                            : op->unreserve ? op->unreserve->resources[0]
                            : op->create    ? op->create->volumes[0]
                            : op->destroy   ? op->destroy->volumes[0]
                                            : NULL;
        buf_addf(&out, "%s%s ", i ? "; " : "",
                 pb_enum_name(&offer__operation__type__descriptor, op->type));
        if (!r) {
            buf_adds(&out, op->launch_group->task_group->tasks[0]->name);
        } else if (r->ranges) {
            buf_addf(&out, "ports %lld", (long long)resource_port(r));
        } else {
            buf_addf(&out, "%s %s", r->name, milli_text(&w->arena, resource_amount(r)));
            if (r->disk && r->disk->source)
                buf_addf(&out, " on %s", r->disk->source->mount->root);
        }
    }
    return arena_strndup(&w->arena, buf_str(&out), out.len);
}

static UNUSED_OK const char *world_shortfall(struct world *w, const struct evaluation *e)
{
    auto_buf struct buf out = BUF_INIT;
    shortfall_print(&e->shortfall, &out);
    return arena_strndup(&w->arena, buf_str(&out), out.len);
}

/* Everything that an evaluation gives, as JSON. */
static UNUSED_OK json_t *world_json(const struct evaluation *e, const struct requirement *need)
{
    json_t *all = json_object(), *operations = json_array(), *records = json_array();
    auto_buf struct buf text = BUF_INIT;
    json_set(all, "pass", json_boolean(e->pass));
    for (size_t i = 0; i < e->n_operations; i++)
        json_push(operations, pb_to_json(e->operations[i]));
    for (size_t i = 0; i < e->n_records; i++) {
        json_t *record = json_object();
        json_set(record, "info", pb_to_json(e->records[i].info));
        if (e->records[i].status)
            json_set(record, "status", pb_to_json(e->records[i].status));
        json_push(records, record);
    }
    json_set(all, "operations", operations);
    json_set(all, "records", records);
    evaluation_print(e, need, 1, "offer", &text);
    json_t *lines = json_array();
    char *rest;
    for (char *line = strtok_r(text.data, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
        json_push(lines, json_string(line));
    json_set(all, "explanation", lines);
    return all;
}

/* Compares with tests/golden/offer/NAME.json; UPDATE_GOLDEN=1 rewrites it for review. */
static UNUSED_OK void check_golden(const char *name, json_t *stolen)
{
    struct err err = ERR_INIT;
    const char *top = getenv("DSE_TEST_TOP");
    auto_free char *path = xasprintf("%s/tests/golden/offer/%s.json", top ? top : ".", name);
    auto_buf struct buf now = BUF_INIT, then = BUF_INIT;
    json_write(&now, stolen, JSON_LAYOUT_PRETTY);
    buf_addc(&now, '\n');
    json_decref(stolen);
    if (getenv("UPDATE_GOLDEN"))
        CHECK_INT(io_replace_file(path, now.data, now.len, 0644, false, &err), 0);
    CHECK_INT(io_read_file(path, 1 << 20, &then, &err), 0);
    size_t at = 0, line = 1;
    while (at < now.len && at < then.len && now.data[at] == then.data[at])
        line += now.data[at++] == '\n';
    if (now.len != then.len || at < now.len) {
        printf("# %s:%zu: golden file differs\n", path, line);
        tap_failures++;
    }
}

/* ---- specs ---- */

/* One resource of a spec, for world_spec(). */
#define CPUS_MEM(cpus, mem)                                                                \
    "{\"@type\":\"DefaultResourceSpec\",\"name\":\"cpus\",\"value\":{\"type\":\"SCALAR\"," \
    "\"scalar\":{\"value\":" #cpus "}},\"role\":\"dse-role\",\"pre-reserved-role\":\"*\"," \
    "\"principal\":\"dse-principal\"},"                                                    \
    "{\"@type\":\"DefaultResourceSpec\",\"name\":\"mem\",\"value\":{\"type\":\"SCALAR\","  \
    "\"scalar\":{\"value\":" #mem "}},\"role\":\"dse-role\",\"pre-reserved-role\":\"*\","  \
    "\"principal\":\"dse-principal\"}"
#define PORT(number, name, env, networks)                                                 \
    "{\"@type\":\"PortSpec\",\"value\":{\"type\":\"RANGES\",\"ranges\":{\"range\":[{"     \
    "\"begin\":" #number ",\"end\":" #number "}]}},\"role\":\"dse-role\","                \
    "\"pre-reserved-role\":\"*\",\"principal\":\"dse-principal\",\"env-key\":" env        \
    ",\"port-name\":\"" name "\",\"visibility\":\"CLUSTER\",\"network-names\":[" networks \
    "],\"ranges\":[],\"name\":\"ports\"}"
#define VOLUME(type, path, size)                                                        \
    "{\"@type\":\"DefaultVolumeSpec\",\"type\":\"" type "\",\"container-path\":\"" path \
    "\",\"profiles\":[],\"name\":\"disk\",\"value\":{\"type\":\"SCALAR\",\"scalar\":{"  \
    "\"value\":" #size "}},\"role\":\"dse-role\",\"pre-reserved-role\":\"*\","          \
    "\"principal\":\"dse-principal\"}"
#define SET(id, resources, volumes)                                                  \
    "\"resource-set\":{\"id\":\"" id "\",\"resource-specifications\":[" resources    \
    "],\"volume-specifications\":[" volumes "],\"role\":\"dse-role\",\"principal\":" \
    "\"dse-principal\",\"resource-limits\":{\"cpus\":null,\"memory\":null}}"
#define TASK(name, goal, set, more)                                                       \
    "{\"name\":\"" name "\",\"goal\":\"" goal "\",\"essential\":true," set                \
    ",\"command-spec\":{\"value\":\"./" name "\",\"environment\":{}},\"task-labels\":{}," \
    "\"health-check-spec\":null,\"readiness-check-spec\":null,\"config-files\":[],"       \
    "\"discovery-spec\":null,\"kill-grace-period\":0,\"transport-encryption\":[],"        \
    "\"ipc-mode\":null,\"shm-size\":null" more "}"
#define POD(type, count, tasks, rule, volumes)                                                \
    "{\"type\":\"" type "\",\"user\":\"nobody\",\"count\":" #count                            \
    ",\"allow-decommission\":false,\"image\":null,\"networks\":[],\"rlimits\":[],\"uris\":[]" \
    ",\"task-specs\":[" tasks "],\"placement-rule\":" rule ",\"volumes\":[" volumes           \
    "],\"pre-reserved-role\":\"*\",\"secrets\":[],\"share-pid-namespace\":false,"             \
    "\"host-volumes\":[],\"external-volumes\":[],\"seccomp-unconfined\":false,"               \
    "\"seccomp-profile-name\":null,\"ipc-mode\":null,\"shm-size\":null}"
#define SERVICE(pods)                                                                   \
    "{\"name\":\"dse\",\"role\":\"dse-role\",\"principal\":\"dse-principal\",\"user\":" \
    "\"nobody\",\"goal\":\"RUNNING\",\"region\":null,\"web-url\":null,\"zookeeper\":"   \
    "\"master.mesos:2181\",\"replacement-failure-policy\":null,\"pod-specs\":[" pods "]}"
#define MAX_PER_HOST(n, filter)                                                    \
    "{\"@type\":\"MaxPerHostnameRule\",\"max\":" #n ",\"task-filter\":{\"@type\":" \
    "\"RegexMatcher\",\"pattern\":\"" filter "\"}}"

#endif
