/* Offers that nobody takes: declined once each, and the last of each agent kept for people within
 * their bounds, whoever owns the memory that they came in. */
#include "cycle_world.h"

static void start_keeping(struct world *w)
{
    *w = (struct world){.keep_offers = true};
    set_up_as(w);
    CHECK_INT(request(w, "update", spec_args("red")), 200);
    subscribe(w);
    take(w);
}

static json_t *small_offer(const char *id, const char *agent, const char *note)
{
    return quoted("{'id':{'value':'%s'},'framework_id':{'value':'F-1'},'agent_id':{'value':'%s'},"
                  "'hostname':'%s.local','allocation_info':{'role':'hello-role'},'resources':["
                  "{'name':'cpus','type':'SCALAR','scalar':{'value':0.1},'allocation_info':{'role':"
                  "'hello-role'}}],'attributes':[{'name':'note','type':'TEXT','text':{'value':'%s'}"
                  "}]}",
                  id, agent, agent, note);
}

/* "O1 O2", and that each is whole. */
static const char *kept(const struct world *w, struct buf *out)
{
    json_auto json_t *list = cycle_offers(w->cycle);
    size_t i;
    json_t *item;

    buf_clear(out);
    json_array_foreach(list, i, item)
    {
        const char *agent =
            json_string_value(json_object_get(json_object_get(item, "agent_id"), "value"));
        auto_free char *hostname = xasprintf("%s.local", agent);
        CHECK_STR(json_string_value(json_object_get(item, "hostname")), hostname);
        buf_addf(out, "%s%s", i ? " " : "",
                 json_string_value(json_object_get(json_object_get(item, "id"), "value")));
    }
    return buf_str(out);
}

static void offers_event(struct world *w, json_t *list)
{
    event(w, json_pack("{s:s, s:{s:o}}", "type", "OFFERS", "offers", "offers", list));
}

static void test_last_offer_of_each_agent_is_kept(void)
{
    struct world w;
    auto_buf struct buf text = BUF_INIT;

    start_keeping(&w);
    offers_event(&w, json_pack("[o, o, o]", small_offer("O1", "A1", ""),
                               small_offer("O2", "A2", ""), small_offer("O3", "A3", "")));
    CHECK_STR(kept(&w, &text), "O1 O2 O3");
    offers_event(&w, json_pack("[o]", small_offer("O4", "A2", "")));
    CHECK_STR(kept(&w, &text), "O1 O3 O4");
    event(&w, quoted("{'type':'RESCIND','rescind':{'offer_id':{'value':'O3'}}}"));
    CHECK_STR(kept(&w, &text), "O1 O4");
    /* Two parts of one offer stay together, until the agent offers anew. */
    offers_event(&w, json_pack("[o, o]", small_offer("O5", "A1", ""), small_offer("O6", "A1", "")));
    CHECK_STR(kept(&w, &text), "O4 O5 O6");
    offers_event(&w, json_pack("[o]", small_offer("O7", "A1", "")));
    CHECK_STR(kept(&w, &text), "O4 O7");
    /* What is taken is no offer any more. */
    offer(&w, "O8", "A2");
    CHECK(sent(&w, "ACCEPT") != NULL);
    CHECK_STR(kept(&w, &text), "O7");
    tear_down(&w);
}

static void test_offers_of_a_callers_event_are_copied(void)
{
    struct world w;
    struct err err = ERR_INIT;
    struct arena arena = ARENA_INIT;
    auto_buf struct buf text = BUF_INIT;

    start_keeping(&w);
    json_auto json_t *json = json_pack("{s:s, s:{s:[o, o]}}", "type", "OFFERS", "offers", "offers",
                                       small_offer("O1", "A1", ""), small_offer("O2", "A2", ""));
    Event *decoded = PB_FROM_JSON(Event, event, json, &arena, &err);
    CHECK(decoded != NULL);
    cycle_event(w.cycle, decoded, NULL);
    settle(&w);
    decoded->offers->offers[0]->hostname = "gone";
    arena_free(&arena);
    CHECK_STR(kept(&w, &text), "O1 O2");
    tear_down(&w);
}

/* Offers of `count` agents in one event. */
static json_t *many(int count, const char *note)
{
    json_t *list = json_array();

    for (int i = 0; i < count; i++) {
        auto_free char *id = xasprintf("O%d", i);
        auto_free char *agent = xasprintf("A%d", i);
        json_push(list, small_offer(id, agent, note));
    }
    return list;
}

static void expect_last(const struct world *w, int from, int to)
{
    auto_buf struct buf text = BUF_INIT, want = BUF_INIT;

    for (int i = from; i < to; i++)
        buf_addf(&want, "%sO%d", i > from ? " " : "", i);
    CHECK_STR(kept(w, &text), buf_str(&want));
}

static void test_of_many_offers_the_last_are_kept(void)
{
    struct world w;

    start_keeping(&w);
    offers_event(&w, many(1000, "")); /* too many bytes to be kept whole */
    expect_last(&w, 1000 - 256, 1000);
    tear_down(&w);
}

/* One MiB together, whether they came in one event or one by one. */
static void test_kept_offers_are_bounded_in_bytes(void)
{
    auto_free char *note = xcalloc(1, 30001);

    memset(note, 'x', 30000);
    for (int apart = 0; apart < 2; apart++) {
        struct world w;
        start_keeping(&w);
        json_t *list = many(100, note);
        for (int i = 0; apart && i < 100; i++)
            offers_event(&w, json_pack("[O]", json_array_get(list, (size_t)i)));
        if (apart)
            json_decref(list);
        else
            offers_event(&w, list);
        json_auto json_t *left = cycle_offers(w.cycle);
        const int n = (int)json_array_size(left);
        CHECK(n > 10 && n < 35); /* with the room that their memory has left */
        expect_last(&w, 100 - n, 100);
        tear_down(&w);
    }
}

/* More than are held at once: those beyond are declined unseen, and all in few calls. */
static void test_every_offer_is_declined_once(void)
{
    enum { COUNT = 10100 };
    struct world w;
    bool *declined = xcalloc(COUNT, sizeof *declined);
    size_t i, j;
    json_t *call, *id;

    start_keeping(&w);
    offers_event(&w, many(COUNT, ""));
    CHECK_INT(count_sent(&w, "DECLINE"), 2);
    json_array_foreach(w.calls, i, call)
    {
        json_t *ids = json_object_get(json_object_get(call, "decline"), "offer_ids");
        json_array_foreach(ids, j, id)
        {
            const int n = atoi(json_string_value(json_object_get(id, "value")) + 1);
            CHECK(!declined[n]);
            declined[n] = true;
        }
    }
    for (i = 0; i < COUNT; i++)
        CHECK(declined[i]);
    free(declined);
    tear_down(&w);
}

TAP_MAIN(TEST(test_last_offer_of_each_agent_is_kept),
         TEST(test_offers_of_a_callers_event_are_copied),
         TEST(test_of_many_offers_the_last_are_kept), TEST(test_kept_offers_are_bounded_in_bytes),
         TEST(test_every_offer_is_declined_once))
