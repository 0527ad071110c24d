/* Deploying many pods of one task with four variables on a memory store: CPU of all events of the
 * deployment ÷ CPU of packing the same TaskInfos, twice and ten times the pods ÷ once (design,
 * section 7), sizes by turns, medians. Then one event of 50 000 offers: growth ÷ its bytes. Prints
 * one line of JSON. */
#include <malloc.h>

#include "../unit/cycle_world.h"

#include "bench.h"

static size_t heap(void)
{
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

static void fail(const char *what)
{
    fprintf(stderr, "cycle_deploy: %s\n", what);
    exit(1);
}

static void start(struct world *w, int pods)
{
    *w = (struct world){.keep_offers = true, .recordio = true};
    set_up_as(w);
    json_t *spec = quoted(spec_text, pods, "echo hello >>out; sleep 1000",
                          "'A':'one','B':'two','C':'three','D':'four'");
    if (request(w, "update", json_pack("{s:o}", "spec", spec)) != 200)
        fail("the target is refused");
    subscribe(w);
}

static void end(struct world *w)
{
    if (w->stopped)
        fail(w->why.text);
    tear_down(w);
}

static const char offer_text[] =
    "{'type':'OFFERS','offers':{'offers':[{'id':{'value':'O'},'framework_id':{'value':'F-1'},"
    "'agent_id':{'value':'A'},'hostname':'host','allocation_info':{'role':'hello-role'},"
    "'resources':[{'name':'cpus','type':'SCALAR','scalar':{'value':%s},'allocation_info':{'role':"
    "'hello-role'}},{'name':'mem','type':'SCALAR','scalar':{'value':4096.0},'allocation_info':"
    "{'role':'hello-role'}},{'name':'disk','type':'SCALAR','scalar':{'value':10000.0},"
    "'allocation_info':{'role':'hello-role'}}]}]}}";

static Event *event_of(struct arena *arena, json_t *json)
{
    struct err err = ERR_INIT;
    Event *event = PB_FROM_JSON(Event, event, json, arena, &err);

    json_decref(json);
    if (!event)
        fail(err.text);
    return event;
}

static Event *offer_event(struct arena *arena, const char *cpus)
{
    return event_of(arena, quoted(offer_text, cpus));
}

/* CPU seconds of all events of the deployment, the messages decoded already. */
static double deploy_all(struct world *w, int pods)
{
    auto_arena struct arena arena = ARENA_INIT;
    Event *offers = offer_event(&arena, "4.0");
    Offer *offer = offers->offers->offers[0];
    Event *status_update = event_of(
        &arena, quoted("{'type':'UPDATE','update':{'status':{'task_id':{'value':'x'},'state':"
                       "'TASK_RUNNING','source':'SOURCE_EXECUTOR','agent_id':{'value':'A'},"
                       "'uuid':'AAAAAAAAAAAAAAAAAAAAAA=='}}}"));
    TaskStatus *status = status_update->update->status;
    double begin = cpu_s();

    for (int i = 0; i < pods; i++) {
        char agent[32], id[32], name[64], task_id[128];
        snprintf(agent, sizeof agent, "agent-%d", i);
        snprintf(id, sizeof id, "offer-%d", i);
        snprintf(name, sizeof name, "world-%d-server", i);
        offer->agent_id->value = offer->hostname = agent;
        offer->id->value = id;
        cycle_event(w->cycle, offers, NULL);
        settle(w);
        const struct task *task = state_task(w->state, name);
        if (!task)
            fail("a pod was not placed");
        snprintf(task_id, sizeof task_id, "%s", task->id);
        status->task_id->value = task_id;
        status->agent_id->value = agent;
        memcpy(status->uuid.data, &i, sizeof i);
        cycle_event(w->cycle, status_update, NULL);
        settle(w);
    }
    double spent = cpu_s() - begin;
    if (state_task_count(w->state) != (size_t)pods || !state_deployed(w->state))
        fail("the deployment is not complete");
    return spent;
}

static double pack_all(struct world *w)
{
    auto_arena struct arena arena = ARENA_INIT;
    const size_t count = state_task_count(w->state);
    TaskInfo **infos = xcalloc(count, sizeof *infos);
    size_t n = 0;
    double best = 1e9;

    for (struct task *t = state_task_first(w->state); t; t = state_task_after(w->state, t)) {
        struct err err = ERR_INIT;
        infos[n++] = state_task_info(w->state, t, &arena, &err);
    }
    for (int round = 0; round < 5; round++) {
        double begin = cpu_s();
        for (size_t i = 0; i < n; i++) {
            auto_buf struct buf bytes = BUF_INIT;
            pb_pack(infos[i], &bytes);
        }
        double spent = cpu_s() - begin;
        best = spent < best ? spent : best;
    }
    free(infos);
    return best;
}

enum { ROUNDS = 5 };
struct cost {
    double deploy[ROUNDS], pack[ROUNDS]; /* CPU seconds of each round */
};

static void run(int pods, int round, struct cost *ret)
{
    struct world w;

    start(&w, pods);
    ret->deploy[round] = deploy_all(&w, pods);
    ret->pack[round] = pack_all(&w);
    end(&w);
}

/* Growth while and after an event of many offers that nobody wants, ÷ bytes of the event. */
static void many_offers(int count, double *ret_left, double *ret_us)
{
    struct world w;
    auto_arena struct arena arena = ARENA_INIT;
    Event *event = offer_event(&arena, "0.1");
    Offer *one = event->offers->offers[0];
    auto_buf struct buf bytes = BUF_INIT;

    start(&w, 1);
    event->offers->offers = ARENA_ARRAY(&arena, (size_t)count, Offer *);
    event->offers->n_offers = (size_t)count;
    for (int i = 0; i < count; i++) {
        Offer *offer = event->offers->offers[i] = arena_memdup(&arena, one, sizeof *one);
        offer->id = PB_NEW(&arena, OfferID, offer_id);
        offer->id->value = arena_printf(&arena, "5d7b1a52-0007-4f4c-b7c6-f1ba07c7ad03-O%d", i);
        offer->agent_id = PB_NEW(&arena, AgentID, agent_id);
        offer->agent_id->value =
            arena_printf(&arena, "5d7b1a52-0007-4f4c-b7c6-f1ba07c7ad03-S%d", i);
    }
    pb_pack(event, &bytes);
    size_t before = heap();
    double begin = cpu_s();
    cycle_event(w.cycle, event, NULL);
    settle(&w);
    *ret_us = (cpu_s() - begin) / count * 1e6;
    *ret_left = (double)(heap() - before) / (double)bytes.len;
    end(&w);
}

/* Events of ten offers that nobody wants: decoded, evaluated, declined ÷ decoded. */
static double no_match(void)
{
    enum { EVENTS = 2000, OFFERS = 10 };
    struct world w;
    auto_arena struct arena arena = ARENA_INIT;
    Event *event = offer_event(&arena, "0.1");
    Offer *one = event->offers->offers[0];
    auto_buf struct buf bytes = BUF_INIT;
    double best[2] = {1e9, 1e9};

    start(&w, 1);
    event->offers->offers = ARENA_ARRAY(&arena, OFFERS, Offer *);
    event->offers->n_offers = OFFERS;
    for (int i = 0; i < OFFERS; i++) {
        Offer *offer = event->offers->offers[i] = arena_memdup(&arena, one, sizeof *one);
        offer->agent_id = PB_NEW(&arena, AgentID, agent_id);
        offer->agent_id->value =
            arena_printf(&arena, "5d7b1a52-0007-4f4c-b7c6-f1ba07c7ad03-S%d", i);
    }
    pb_pack(event, &bytes);
    for (int round = 0; round < 10; round++) {
        const bool evaluate = round % 2;
        double begin = cpu_s();
        auto_arena struct arena decoded = ARENA_INIT;
        for (int i = 0; i < EVENTS; i++) {
            struct err err = ERR_INIT;
            arena_reset(&decoded);
            const Event *e =
                PB_UNPACK(Event, event, bytes.data, bytes.len, &decoded, "event", &err);
            if (!e)
                fail(err.text);
            if (evaluate)
                cycle_event(w.cycle, e, &decoded);
        }
        double spent = cpu_s() - begin;
        best[evaluate] = spent < best[evaluate] ? spent : best[evaluate];
    }
    end(&w);
    return best[1] / best[0];
}

/* Memory stays with the process. Else the many, whose blocks are large enough to be mapped, would
 * pay the kernel for each page again. */
static void keep_memory(void)
{
    mallopt(M_MMAP_THRESHOLD, 1 << 30);
    mallopt(M_TRIM_THRESHOLD, 1 << 30);
    mallopt(M_TOP_PAD, 1 << 27);
}

int main(void)
{
    enum { SIZES = 3 };
    static const int sizes[SIZES] = {1000, 2000, 10000};
    const double linear_goal = 2.3, scale_goal = 10.5;
    static struct cost costs[SIZES];
    double deployed[SIZES], packed[SIZES], left, us;

    keep_memory();
    for (int round = 0; round < ROUNDS; round++)
        for (int i = 0; i < SIZES; i++)
            run(sizes[i], round, &costs[i]);
    for (int i = 0; i < SIZES; i++) {
        deployed[i] = median(costs[i].deploy, ROUNDS);
        packed[i] = median(costs[i].pack, ROUNDS);
    }
    const double twice = deployed[1] / deployed[0], tenfold = deployed[2] / deployed[0];
    many_offers(50000, &left, &us);
    const double nomatch = no_match();
    printf("{\"bench\":\"cycle_deploy\",\"pod_us\":%.1f,\"pack_us\":%.1f,\"deploy_to_pack\":%.2f,"
           "\"pack_goal\":2,\"pods_2000_to_1000\":%.2f,\"linear_goal\":%.1f,"
           "\"pods_10000_to_1000\":%.2f,\"scale_goal\":%.1f,"
           "\"offers_50000_us\":%.2f,\"left_to_bytes\":%.2f,\"left_goal\":2,\"no_match_to_decode\":"
           "%.2f,\"no_match_goal\":1.3}\n",
           deployed[0] / sizes[0] * 1e6, packed[0] / sizes[0] * 1e6, deployed[0] / packed[0], twice,
           linear_goal, tenfold, scale_goal, us, left, nomatch);
    return twice > linear_goal || tenfold > scale_goal || left > 2;
}
