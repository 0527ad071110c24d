/* Offers: when they are made, what is in them, how they end (see offer-cycle 11.2, 11.3). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "local.h"

enum { MIN_CPUS_MILLI = 10, MIN_MEM_MILLI = 32000 };

/* ---- filters ---- */

static void filter_free(struct filter *filter)
{
    free(filter->role);
    res_list_free(&filter->refused);
    free(filter);
}

void filter_add(struct agent *agent, struct framework *f, const char *role,
                const struct res_list *refused, const Filters *filters)
{
    const double year = 365 * 86400.0;
    double seconds = filters && filters->has_refuse_seconds ? filters->refuse_seconds : 5;
    if (!(seconds >= 0))
        seconds = 5;
    if (seconds == 0 || refused->count == 0)
        return;
    if (seconds > year)
        seconds = year;
    int64_t ms = (int64_t)ceil(seconds * 1000);
    if (ms < f->master->config.allocation_interval_ms)
        ms = f->master->config.allocation_interval_ms;
    struct filter *filter = xcalloc(1, sizeof *filter);
    filter->framework = f;
    filter->role = xstrdup(role);
    filter->refused = res_list_copy(refused);
    filter->until_ms = loop_now_ms() + ms;
    filter->next = agent->filters;
    agent->filters = filter;
    alloc_batch(f->master);
}

void filters_drop(struct framework *f, const char *role)
{
    for (size_t i = 0; i < f->master->n_agents; i++)
        for (struct filter **at = &f->master->agents[i]->filters; *at;) {
            struct filter *filter = *at;
            if (filter->framework != f || (role && strcmp(filter->role, role) != 0)) {
                at = &filter->next;
                continue;
            }
            *at = filter->next;
            filter_free(filter);
        }
}

/* True when some filter refuses all of candidate; *wake becomes the end of the first to end. */
static bool filtered(struct agent *agent, const struct framework *f, const char *role,
                     const struct res_list *candidate, int64_t now, int64_t *wake)
{
    bool result = false;
    for (struct filter **at = &agent->filters; *at;) {
        struct filter *filter = *at;
        if (filter->until_ms <= now) {
            *at = filter->next;
            filter_free(filter);
            continue;
        }
        if (filter->framework == f && strcmp(filter->role, role) == 0 &&
            res_list_contains(&filter->refused, candidate)) {
            result = true;
            if (*wake == 0 || filter->until_ms < *wake)
                *wake = filter->until_ms;
        }
        at = &filter->next;
    }
    return result;
}

/* ---- the end of offers ---- */

void offer_free(struct offer *offer)
{
    struct framework *f = offer->framework;
    *offer->slot = offer->next;
    if (offer->next)
        offer->next->slot = offer->slot;
    map_take(&f->master->offers, offer->id);
    if (offer->timeout)
        loop_timer_del(offer->timeout);
    res_list_free(&offer->resources);
    free(offer->id);
    free(offer->role);
    free(offer);
}

void offer_rescind(struct offer *offer, bool tell)
{
    struct framework *f = offer->framework;
    if (tell) {
        OfferID id = OFFER_ID__INIT;
        Event__Rescind rescind = EVENT__RESCIND__INIT;
        Event event = EVENT__INIT;
        id.value = offer->id;
        rescind.offer_id = &id;
        event.has_type = 1;
        event.type = EVENT__TYPE__RESCIND;
        event.rescind = &rescind;
        framework_send(f, &event);
    }
    agent_recover(offer->agent, &offer->resources);
    offer_free(offer);
}

void offers_rescind_all(struct framework *f, bool tell)
{
    while (f->offers)
        offer_rescind(f->offers, tell);
}

void offers_rescind_agent(struct agent *agent)
{
    for (MAP_EACH(&agent->master->frameworks, e)) {
        struct framework *f = MAP_LIVE(e) ? e->value : NULL;
        for (struct offer *o = f ? f->offers : NULL, *next; o; o = next) {
            next = o->next;
            if (o->agent == agent)
                offer_rescind(o, true);
        }
    }
}

static void offer_timed_out(void *ctx)
{
    offer_rescind(ctx, true);
}

/* ---- new offers ---- */

static Offer *offer_message(const struct offer *offer, struct arena *arena)
{
    const struct framework *f = offer->framework;
    const struct agent *agent = offer->agent;
    Offer *out = PB_NEW(arena, Offer, offer);
    out->id = PB_NEW(arena, OfferID, offer_id);
    out->id->value = offer->id;
    out->framework_id = PB_NEW(arena, FrameworkID, framework_id);
    out->framework_id->value = f->id;
    out->agent_id = PB_NEW(arena, AgentID, agent_id);
    out->agent_id->value = agent->id;
    out->hostname = agent->hostname;
    out->url = PB_NEW(arena, URL, url);
    out->url->scheme = arena_strdup(arena, "http");
    out->url->address = PB_NEW(arena, Address, address);
    out->url->address->hostname = agent->hostname;
    out->url->address->ip = agent->ip;
    out->url->address->port = AGENT_PORT;
    out->url->path = arena_strdup(arena, "/slave(1)");
    out->domain = agent->domain;
    out->n_attributes = agent->n_attributes;
    out->attributes = agent->attributes;
    const char *role = f->multi_role ? offer->role : NULL;
    out->n_resources = offer->resources.count;
    out->resources = ARENA_ARRAY(arena, offer->resources.count, Resource *);
    for (size_t i = 0; i < offer->resources.count; i++)
        out->resources[i] = res_to_proto(&offer->resources.items[i], role, f->refinement, arena);
    for (const struct executor *e = agent->executors; e; e = e->next)
        if (e->framework == f)
            PB_ADD(arena, out->n_executor_ids, out->executor_ids, e->info->executor_id);
    if (role) {
        out->allocation_info = PB_NEW(arena, Resource__AllocationInfo, resource__allocation_info);
        out->allocation_info->role = offer->role;
    }
    return out;
}

/* One framework's role as a taker of offers in one allocation. */
struct taker {
    struct framework *framework;
    const char *role;
    double share; /* of the cluster's scarcest resource that it holds */
    Event__Offers offers;
    size_t order;
};

static void sum_scalars(const struct res_list *list, int64_t sums[3])
{
    static const char *const names[] = {"cpus", "mem", "disk"};
    for (size_t n = 0; n < 3; n++) {
        bool found;
        sums[n] += res_list_scalar(list, names[n], &found);
    }
}

/* Dominant share of a framework: what it is offered and what it uses. */
static double dominant_share(const struct framework *f, const int64_t total[3])
{
    int64_t held[3] = {0, 0, 0};
    for (const struct offer *o = f->offers; o; o = o->next)
        sum_scalars(&o->resources, held);
    for (size_t i = 0; i < f->master->n_agents; i++)
        for (const struct executor *e = f->master->agents[i]->executors; e; e = e->next) {
            if (e->framework != f)
                continue;
            sum_scalars(&e->resources, held);
            for (const struct task *t = e->tasks; t; t = t->next)
                sum_scalars(&t->resources, held);
        }
    double share = 0;
    for (size_t n = 0; n < 3; n++)
        if (total[n] > 0 && (double)held[n] / (double)total[n] > share)
            share = (double)held[n] / (double)total[n];
    return share;
}

static int compare_takers(const void *a, const void *b)
{
    const struct taker *x = a, *y = b;
    if (x->share != y->share)
        return x->share < y->share ? -1 : 1;
    return (x->order > y->order) - (x->order < y->order);
}

static struct taker *find_takers(struct master *m, struct arena *arena, size_t *ret_count)
{
    struct taker *takers = NULL;
    int64_t total[3] = {0, 0, 0};
    size_t n_frameworks = 0;
    *ret_count = 0;
    for (MAP_EACH(&m->frameworks, e))
        if (MAP_LIVE(e) && ((struct framework *)e->value)->conn)
            n_frameworks++;
    if (n_frameworks > 1)
        for (size_t i = 0; i < m->n_agents; i++)
            sum_scalars(&m->agents[i]->total, total);
    for (MAP_EACH(&m->frameworks, e)) {
        struct framework *f = MAP_LIVE(e) ? e->value : NULL;
        if (!f || !f->conn)
            continue;
        const double share = n_frameworks > 1 ? dominant_share(f, total) : 0;
        for (size_t r = 0; r < f->n_roles; r++) {
            if (f->roles[r].suppressed)
                continue;
            struct taker *taker = ARENA_PUSH(arena, takers, *ret_count);
            taker->framework = f;
            taker->role = f->roles[r].name;
            taker->share = share;
            taker->order = *ret_count;
            event__offers__init(&taker->offers);
        }
    }
    if (*ret_count)
        qsort(takers, *ret_count, sizeof *takers, compare_takers);
    return takers;
}

/* What of the agent's free resources the role may be offered. */
static struct res_list usable(const struct agent *agent, const struct taker *taker)
{
    struct res_list list = RES_LIST_INIT;
    for (size_t i = 0; i < agent->free.count; i++) {
        const struct res *r = &agent->free.items[i];
        if (!res_usable_by(r, taker->role))
            continue;
        if (!taker->framework->refinement && r->meta->model->n_reservations > 1)
            continue;
        res_list_add(&list, r);
    }
    return list;
}

/* The framework's own idea of what is worth an offer to a role, or NULL. */
static const OfferFilters__MinAllocatableResources *own_minimum(const struct taker *taker)
{
    const FrameworkInfo *info = taker->framework->info;
    for (size_t i = 0; i < info->n_offer_filters; i++)
        if (strcmp(info->offer_filters[i]->key, taker->role) == 0)
            return info->offer_filters[i]->value->min_allocatable_resources;
    return NULL;
}

static bool has_quantities(const struct res_list *list, const OfferFilters__ResourceQuantities *q)
{
    bool found;
    for (size_t i = 0; i < q->n_quantities; i++)
        if (res_list_scalar(list, q->quantities[i]->key, &found) <
            res_milli(q->quantities[i]->value->value))
            return false;
    return true;
}

static bool allocatable(const struct res_list *list, const struct taker *taker)
{
    const OfferFilters__MinAllocatableResources *own = own_minimum(taker);
    bool found;
    if (!own)
        return res_list_scalar(list, "cpus", &found) >= MIN_CPUS_MILLI ||
               res_list_scalar(list, "mem", &found) >= MIN_MEM_MILLI;
    for (size_t i = 0; i < own->n_quantities; i++)
        if (has_quantities(list, own->quantities[i]))
            return list->count > 0;
    return list->count > 0 && own->n_quantities == 0; /* none asked for: anything will do */
}

/* Whole agents may be out of reach of a framework (see offer-cycle 10.11). */
static bool reachable(const struct framework *f, const struct agent *agent)
{
    bool gpus;
    (void)res_list_scalar(&agent->total, "gpus", &gpus);
    if (gpus && !f->gpus)
        return false;
    const DomainInfo *home = f->master->domain;
    if (!home || !agent->domain || f->region_aware)
        return true;
    return strcmp(home->fault_domain->region->name, agent->domain->fault_domain->region->name) == 0;
}

static void make_offer(struct agent *agent, struct taker *taker, struct res_list resources,
                       struct arena *arena)
{
    struct master *m = agent->master;
    struct framework *f = taker->framework;
    struct offer *offer = xcalloc(1, sizeof *offer);
    (void)res_list_sub_all(&agent->free, &resources);
    offer->id = xasprintf("%s-O%lu", m->id, m->next_offer++);
    offer->framework = f;
    offer->agent = agent;
    offer->role = xstrdup(taker->role);
    offer->resources = resources;
    offer->next = f->offers;
    offer->slot = &f->offers;
    if (offer->next)
        offer->next->slot = &offer->next;
    f->offers = offer;
    map_put(&m->offers, offer->id, offer);
    if (m->config.offer_timeout_ms > 0) {
        offer->timeout = loop_timer_add(m->loop, offer_timed_out, offer);
        loop_timer_in(offer->timeout, m->config.offer_timeout_ms);
    }
    PB_ADD(arena, taker->offers.n_offers, taker->offers.offers, offer_message(offer, arena));
}

/* A random order of the agents, as the master has it. */
static size_t *shuffled(struct master *m, struct arena *arena)
{
    size_t *order = ARENA_ARRAY(arena, m->n_agents, size_t);
    for (size_t i = 0; i < m->n_agents; i++) {
        const size_t j = (size_t)idgen_below(&m->ids, i + 1);
        order[i] = order[j];
        order[j] = i;
    }
    return order;
}

static void allocate(struct master *m)
{
    auto_arena struct arena arena = ARENA_INIT;
    const int64_t now = loop_now_ms();
    int64_t wake = 0;
    size_t n_takers;
    struct taker *takers = find_takers(m, &arena, &n_takers);
    const size_t *order = shuffled(m, &arena);
    m->last_batch_ms = now;
    for (size_t i = 0; i < m->n_agents; i++)
        for (size_t t = 0; t < n_takers; t++) {
            struct agent *agent = m->agents[order[i]];
            if (agent->presence != AGENT_UP || agent->free.count == 0)
                break;
            if (!reachable(takers[t].framework, agent))
                continue;
            auto_res_list struct res_list list = usable(agent, &takers[t]);
            if (!allocatable(&list, &takers[t]) ||
                filtered(agent, takers[t].framework, takers[t].role, &list, now, &wake))
                continue;
            make_offer(agent, &takers[t], list, &arena);
            list = (struct res_list)RES_LIST_INIT;
        }
    for (size_t t = 0; t < n_takers; t++) {
        if (takers[t].offers.n_offers == 0)
            continue;
        Event event = EVENT__INIT;
        event.has_type = 1;
        event.type = EVENT__TYPE__OFFERS;
        event.offers = &takers[t].offers;
        framework_send(takers[t].framework, &event);
    }
    if (wake) { /* the first batch behind the end of a filter */
        const int64_t interval = m->config.allocation_interval_ms;
        loop_timer_at(m->batch, now + (wake - now + interval - 1) / interval * interval);
    }
}

static void batch_due(void *ctx)
{
    allocate(ctx);
}

static void prompt_due(void *ctx)
{
    struct master *m = ctx;
    m->prompt = false;
    allocate(m);
}

void alloc_soon(struct master *m)
{
    if (m->prompt)
        return;
    m->prompt = true;
    loop_defer(m->loop, prompt_due, m);
}

void alloc_batch(struct master *m)
{
    const int64_t interval = m->config.allocation_interval_ms, now = loop_now_ms();
    if (!m->batch)
        m->batch = loop_timer_add(m->loop, batch_due, m);
    loop_timer_at(m->batch, now + interval - (now - m->last_batch_ms) % interval);
}

/* ---- calls ---- */

void decline(struct framework *f, const Call__Decline *call)
{
    for (size_t i = 0; i < call->n_offer_ids; i++) {
        struct offer *offer = map_get(&f->master->offers, call->offer_ids[i]->value);
        if (!offer || offer->framework != f)
            continue;
        filter_add(offer->agent, f, offer->role, &offer->resources, call->filters);
        agent_recover(offer->agent, &offer->resources);
        offer_free(offer);
    }
}

static bool concerned(const struct role *role, size_t n_roles, const char *const *roles)
{
    for (size_t i = 0; i < n_roles; i++)
        if (strcmp(role->name, roles[i]) == 0)
            return true;
    return n_roles == 0;
}

/* A role that is not the framework's makes the master drop the whole call. */
static bool own_roles(const struct framework *f, size_t n_roles, const char *const *roles)
{
    for (size_t i = 0; i < n_roles; i++)
        if (!framework_has_role(f, roles[i])) {
            log_info("dropped a call of framework '%s': not its role: '%s'", f->id, roles[i]);
            return false;
        }
    return true;
}

void revive(struct framework *f, size_t n_roles, const char *const *roles)
{
    if (!own_roles(f, n_roles, roles))
        return;
    for (size_t i = 0; i < f->n_roles; i++) {
        if (!concerned(&f->roles[i], n_roles, roles))
            continue;
        f->roles[i].suppressed = false;
        filters_drop(f, f->roles[i].name);
    }
    alloc_soon(f->master);
}

void suppress(struct framework *f, size_t n_roles, const char *const *roles)
{
    if (!own_roles(f, n_roles, roles))
        return;
    for (size_t i = 0; i < f->n_roles; i++)
        if (concerned(&f->roles[i], n_roles, roles))
            f->roles[i].suppressed = true;
}
