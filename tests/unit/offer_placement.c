/* Placement rules against offers (see service-spec 7.5), and the counters behind them. */
#include "offer/placement.h"

#include "offer_world.h"
#include "offer/matcher.h"

/* ---- matchers ---- */

static bool matches(enum matcher_type type, const char *pattern, const char *text)
{
    struct regexes *regexes = regexes_new();
    bool result = matcher_matches(regexes, &(struct matcher){type, pattern}, text);
    regexes_free(regexes);
    return result;
}

static void test_matchers(void)
{
    CHECK(matches(MATCHER_EXACT, "10.0", "10"));
    CHECK(matches(MATCHER_EXACT, "1e3", "1000"));
    CHECK(matches(MATCHER_EXACT, "1d", "1.0"));
    CHECK(matches(MATCHER_EXACT, "0x1p3", "8"));
    CHECK(matches(MATCHER_EXACT, "0.12345", "0.123"));
    CHECK(!matches(MATCHER_EXACT, "10.0", "10.0.0.1"));
    CHECK(!matches(MATCHER_EXACT, "0x10", "16")); /* no double in Java without an exponent */
    CHECK(!matches(MATCHER_EXACT, "5", "rack:5.000"));
    CHECK(matches(MATCHER_EXACT, "rack:r1", "rack:r1"));
    CHECK(!matches(MATCHER_EXACT, "", "0"));
    CHECK(matches(MATCHER_REGEX, "10.0.0.[1-3]", "10.0.0.2"));
    CHECK(!matches(MATCHER_REGEX, "10.0.0.[1-3]", "10.0.0.22")); /* the whole text */
    CHECK(!matches(MATCHER_REGEX, "0.0.0.[1-3]", "10.0.0.2"));
    CHECK(matches(MATCHER_REGEX, "a|abc", "abc"));
    CHECK(!matches(MATCHER_REGEX, "a(", "a("));
    CHECK(matches(MATCHER_ANY, NULL, "x"));
    CHECK(matches(MATCHER_NONE, NULL, "x"));
    /* A hostile expression ends at its limit. */
    CHECK(
        !matches(MATCHER_REGEX, "(a+)+b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac"));
}

/* ---- a state of tasks ---- */

struct place_of {
    const char *type;
    int index;
    const char *task, *host, *zone, *attributes;
};

static void put(struct world *w, struct place_of p)
{
    TaskInfo *info = PB_NEW(&w->arena, TaskInfo, task_info);
    struct txn *txn = txn_new();
    info->name = arena_printf(&w->arena, "%s-%d-%s", p.type, p.index, p.task);
    info->task_id = PB_NEW(&w->arena, TaskID, task_id);
    info->task_id->value = arena_printf(&w->arena, "dse__%s__u", info->name);
    info->agent_id = PB_NEW(&w->arena, AgentID, agent_id);
    info->agent_id->value = arena_printf(&w->arena, "agent-%s", p.host);
    Labels *l = labels_set(&w->arena, NULL, "task_type", p.type);
    l = labels_set(&w->arena, l, "index", arena_printf(&w->arena, "%d", p.index));
    l = labels_set(&w->arena, l, "offer_hostname", p.host);
    l = labels_set(&w->arena, l, "offer_attributes", p.attributes ? p.attributes : "");
    if (p.zone) {
        l = labels_set(&w->arena, l, "offer_zone", p.zone);
        l = labels_set(&w->arena, l, "offer_region", "region-1");
    }
    info->labels = l;
    state_put_task_info(w->state, txn, info);
    txn_free(txn);
}

static Offer *offer_on(struct world *w, const char *host, const char *zone, const char *rack)
{
    auto_free char *shape = xasprintf(
        "\"attributes\":[{\"name\":\"rack\",\"type\":\"TEXT\",\"text\":{\"value\":\"%s\"}},"
        "{\"name\":\"cores\",\"type\":\"SCALAR\",\"scalar\":{\"value\":16}}]%s%s%s",
        rack ? rack : "r0",
        zone ? ",\"domain\":{\"fault_domain\":{\"region\":{\"name\":\"region-1\"},\"zone\":"
               "{\"name\":\""
             : "",
        zone ? zone : "", zone ? "\"}}}" : "");
    struct agent *a = world_agent(w, host, PLAIN_AGENT(4, 4096, 4096), shape);
    a->shape->agent_id->value = arena_printf(&w->arena, "agent-%s", host);
    Offer *offer = world_offer(w, a);
    w->n_agents--; /* only the offer is wanted */
    return offer;
}

#define RULED(rule)                                                                           \
    SERVICE(POD("dse", 9, TASK("node", "RUNNING", SET("s", CPUS_MEM(0.5, 64), ""), ""), rule, \
                "") "," POD("web", 9,                                                         \
                            TASK("server", "RUNNING", SET("t", CPUS_MEM(0.5, 64), ""), ""),   \
                            "null", ""))

/* The outcome of the rule of pod dse-INDEX for an offer. */
static struct outcome *ask(struct world *w, int index, Offer *offer, const char **ret_failed)
{
    struct offer_view view = {offer, &w->arena, NULL};
    struct outcome *outcome = NULL;
    struct rule *rule = rule_prepare(w->placement, w->spec->pods[0].placement, w->state, "dse",
                                     index, NULL, &w->arena);
    bool pass = rule_passes(rule, &view, &outcome, ret_failed);
    struct offer_view quick = {offer, &w->arena, NULL};
    CHECK_INT(rule_passes(rule, &quick, NULL, NULL), pass); /* the same without the text */
    CHECK_INT(outcome->pass, pass);
    return outcome;
}

static bool asks(struct world *w, int index, Offer *offer)
{
    return ask(w, index, offer, NULL)->pass;
}

/* As if the rule were that of another pod. */
static bool asks_as(struct world *w, const char *type, int index, Offer *offer)
{
    struct offer_view view = {offer, &w->arena, NULL};
    struct rule *rule = rule_prepare(w->placement, w->spec->pods[0].placement, w->state, type,
                                     index, NULL, &w->arena);
    return rule_passes(rule, &view, NULL, NULL);
}

static void test_max_per_host(void)
{
    auto_world struct world *w = world_new(RULED(MAX_PER_HOST(2, "dse-.*")));
    const char *failed = NULL;
    put(w, (struct place_of){"dse", 0, "node", "h1", NULL, NULL});
    CHECK(asks(w, 1, offer_on(w, "h1", NULL, NULL)));
    /* Tasks are counted, not pods: the second task of dse-0 fills the host. */
    put(w, (struct place_of){"dse", 0, "agent", "h1", NULL, NULL});
    struct outcome *outcome = ask(w, 1, offer_on(w, "h1", NULL, NULL), &failed);
    CHECK(!outcome->pass);
    CHECK_STR(failed, "max per hostname");
    CHECK_STR(outcome->reason, "2 tasks matching filter 'dse-.*' are already present on this host");
    CHECK(asks(w, 1, offer_on(w, "h2", NULL, NULL)));
    CHECK(asks(w, 0, offer_on(w, "h1", NULL, NULL))); /* its own tasks do not count */
    /* A pod whose name merely begins alike is counted, another is not. */
    put(w, (struct place_of){"dse-x", 0, "node", "h2", NULL, NULL});
    put(w, (struct place_of){"web", 0, "server", "h2", NULL, NULL});
    CHECK(asks(w, 1, offer_on(w, "h2", NULL, NULL)));
    put(w, (struct place_of){"dse-x", 1, "node", "h2", NULL, NULL});
    CHECK(!asks(w, 1, offer_on(w, "h2", NULL, NULL)));
    /* Moving a task moves the count. */
    put(w, (struct place_of){"dse-x", 1, "node", "h3", NULL, NULL});
    CHECK(asks(w, 1, offer_on(w, "h2", NULL, NULL)));
    placement_task_gone(w->placement, "dse-0-agent");
    CHECK(asks(w, 1, offer_on(w, "h1", NULL, NULL)));
}

static void test_max_per_zone_and_attribute(void)
{
    auto_world struct world *w =
        world_new(RULED("{\"@type\":\"MaxPerZoneRule\",\"max\":1,\"task-filter\":null}"));
    put(w, (struct place_of){"web", 0, "server", "h1", "z1", NULL});
    CHECK(!asks(w, 0, offer_on(w, "h9", "z1", NULL)));
    CHECK(asks(w, 0, offer_on(w, "h9", "z2", NULL)));
    CHECK_STR(ask(w, 0, offer_on(w, "h9", NULL, NULL), NULL)->reason,
              "Offer does not contain a zone.");

    auto_world struct world *v = world_new(
        RULED("{\"@type\":\"AndRule\",\"rules\":[{\"@type\":\"AttributeRule\",\"matcher\":"
              "{\"@type\":\"RegexMatcher\",\"pattern\":\"rack:.*\"}},{\"@type\":"
              "\"MaxPerAttributeRule\",\"max\":1,\"matcher\":{\"@type\":\"RegexMatcher\","
              "\"pattern\":\"rack:.*\"},\"task-filter\":{\"@type\":\"RegexMatcher\",\"pattern\":"
              "\"dse-.*\"}}]}"));
    const char *failed = NULL;
    put(v, (struct place_of){"dse", 0, "node", "h1", NULL, "rack:r1;cores:16.000"});
    CHECK(!ask(v, 1, offer_on(v, "h2", NULL, "r1"), &failed)->pass);
    CHECK_STR(failed, "max per attribute");
    CHECK(asks(v, 1, offer_on(v, "h1", NULL, "r2"))); /* cores:16.000 does not match the rule */
}

/* n(v) per key, trace of the rule with and without a count. */
static void test_group_by(void)
{
    auto_world struct world *w = world_new(
        RULED("{\"@type\":\"RoundRobinByZoneRule\",\"zone-count\":3,\"task-filter\":{\"@type\":"
              "\"RegexMatcher\",\"pattern\":\"dse-.*\"}}"));
    CHECK_STR(ask(w, 0, offer_on(w, "h", NULL, NULL), NULL)->reason,
              "Offer lacks needed information for round robin placement");
    CHECK_STR(ask(w, 0, offer_on(w, "h", "a", NULL), NULL)->reason,
              "Other keys have zero usage, and so does key 'a'");
    put(w, (struct place_of){"dse", 0, "node", "h1", "a", NULL});
    CHECK_STR(ask(w, 1, offer_on(w, "h", "a", NULL), NULL)->reason,
              "Other keys have zero instances, but key 'a' has 1");
    CHECK(asks(w, 1, offer_on(w, "h", "b", NULL)));
    put(w, (struct place_of){"dse", 1, "node", "h2", "b", NULL});
    CHECK(!asks(w, 2, offer_on(w, "h", "b", NULL)));
    CHECK(asks(w, 2, offer_on(w, "h", "c", NULL)));
    put(w, (struct place_of){"dse", 2, "node", "h3", "c", NULL});
    CHECK_STR(ask(w, 3, offer_on(w, "h", "b", NULL), NULL)->reason,
              "All distinct keys are found, and 'b' has 1 instances while others have 1 to 1");
    put(w, (struct place_of){"dse", 3, "node", "h2", "b", NULL});
    CHECK_STR(ask(w, 4, offer_on(w, "h", "b", NULL), NULL)->reason,
              "Key 'b' is already full, and others are known to not be full");
    CHECK(asks(w, 4, offer_on(w, "h", "c", NULL)));
    CHECK(asks(w, 4, offer_on(w, "h", "d", NULL))); /* a fourth zone has none yet */
    /* Replacing dse-3 leaves its own task out: all are even again. */
    CHECK(asks(w, 3, offer_on(w, "h", "b", NULL)));

    auto_world struct world *v =
        world_new(RULED("{\"@type\":\"RoundRobinByAttributeRule\",\"name\":\"RACK\","
                        "\"value-count\":null,\"task-filter\":null}"));
    CHECK(asks(v, 0, offer_on(v, "h", NULL, "r1")));
    put(v, (struct place_of){"dse", 0, "node", "h1", NULL, "rack:r1"});
    CHECK_STR(
        ask(v, 1, offer_on(v, "h", NULL, "r1"), NULL)->reason,
        "Distinct key count is unspecified, and 'r1' has 1 instances while others have1 to 1");
    put(v, (struct place_of){"dse", 1, "node", "h1", NULL, "rack:r1"});
    put(v, (struct place_of){"dse", 2, "node", "h2", NULL, "Rack:r2"});
    CHECK(!asks(v, 3, offer_on(v, "h", NULL, "r1")));
    CHECK(asks(v, 3, offer_on(v, "h", NULL, "r2")));
}

static void test_hostname_region_agent(void)
{
    auto_world struct world *w = world_new(
        RULED("{\"@type\":\"OrRule\",\"rules\":[{\"@type\":\"HostnameRule\",\"matcher\":{\"@type\":"
              "\"ExactMatcher\",\"string\":\"a.b\"}},{\"@type\":\"NotRule\",\"rule\":{\"@type\":"
              "\"RegionRule\",\"matcher\":{\"@type\":\"ExactMatcher\",\"string\":\"region-1\"}}},"
              "{\"@type\":\"AgentRule\",\"agent-id\":\"agent-h7\"}]}"));
    CHECK(asks(w, 0, offer_on(w, "a.b", "z", NULL)));
    CHECK(asks(w, 0, offer_on(w, "other", NULL, NULL))); /* no region, so not region-1 */
    CHECK(asks(w, 0, offer_on(w, "h7", "z", NULL)));
    const char *failed = NULL;
    struct outcome *outcome = ask(w, 0, offer_on(w, "other", "z", NULL), &failed);
    CHECK(!outcome->pass);
    CHECK_STR(failed, "hostname rule");
    CHECK_STR(outcome->source, "OrRule");
    CHECK_STR(outcome->reason, "0 of 3 rules are passing:");
    CHECK_INT(outcome->n_children, 3);
    CHECK_STR(outcome->children[1]->children[0]->reason,
              "Offer region matches pattern: 'region-1'");
}

static void test_task_type(void)
{
    for (int avoid = 0; avoid < 2; avoid++) {
        auto_free char *text =
            xasprintf("{\"@type\":\"TaskTypeRule\",\"type\":\"web\",\"converter\":{\"@type\":"
                      "\"TaskTypeLabelConverter\"},\"behavior\":\"%s\"}",
                      avoid ? "AVOID" : "COLOCATE");
        auto_buf struct buf all = BUF_INIT;
        const char *frame = RULED("@RULE@");
        const char *at = strstr(frame, "@RULE@");
        buf_add(&all, frame, (size_t)(at - frame));
        buf_adds(&all, text);
        buf_adds(&all, at + 6);
        auto_world struct world *w = world_new(buf_str(&all));
        CHECK(asks(w, 0, offer_on(w, "h1", NULL, NULL))); /* none anywhere */
        put(w, (struct place_of){"web", 0, "server", "h1", NULL, NULL});
        CHECK_INT(asks(w, 0, offer_on(w, "h1", NULL, NULL)), !avoid);
        CHECK_INT(asks(w, 0, offer_on(w, "h2", NULL, NULL)), avoid);
        /* A pod of that type itself is not without any: its own task is there, but no company. */
        CHECK_INT(asks_as(w, "web", 0, offer_on(w, "h1", NULL, NULL)), avoid);
    }
}

static void test_local_region(void)
{
    auto_world struct world *w = world_new(RULED("{\"@type\":\"IsLocalRegionRule\"}"));
    DomainInfo master = DOMAIN_INFO__INIT;
    DomainInfo__FaultDomain domain = DOMAIN_INFO__FAULT_DOMAIN__INIT;
    DomainInfo__FaultDomain__RegionInfo region = DOMAIN_INFO__FAULT_DOMAIN__REGION_INFO__INIT;
    master.fault_domain = &domain;
    domain.region = &region;
    const struct {
        const char *master, *zone;
        bool pass;
    } cases[] = {{NULL, "z", true},
                 {"region-1", "z", true},
                 {"region-2", "z", false},
                 {"region-2", NULL, true}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        region.name = (char *)cases[i].master;
        struct rule *rule = rule_prepare(w->placement, w->spec->pods[0].placement, w->state, "dse",
                                         0, cases[i].master ? &master : NULL, &w->arena);
        struct offer_view view = {offer_on(w, "h", cases[i].zone, NULL), &w->arena, NULL};
        CHECK_INT(rule_passes(rule, &view, NULL, NULL), cases[i].pass);
    }
    CHECK_STR(ask(w, 0, offer_on(w, "h", NULL, NULL), NULL)->reason,
              "The Offer has no Region, so it is in the local region.");
    CHECK(rule_refers_to_region(w->spec->pods[0].placement));
    CHECK(!rule_refers_to_zone(w->spec->pods[0].placement));
}

/* ---- counters against counting by hand ---- */

static void test_counters_property(void)
{
    auto_world struct world *w = world_new(RULED("null"));
    struct idgen random = {77};
    printf("# seed %llu\n", (unsigned long long)random.seed);
    const struct matcher filter = {MATCHER_REGEX, "dse-.*"};
    struct counter *hosts = placement_counter(w->placement, COUNT_HOSTNAME, NULL, &filter);
    for (int step = 0; step < 2000; step++) {
        const char *type = idgen_below(&random, 3) ? "dse" : "web";
        int index = (int)idgen_below(&random, 20);
        char *name = arena_printf(&w->arena, "%s-%d-node", type, index);
        if (idgen_below(&random, 4) == 0 && state_task(w->state, name)) {
            struct txn *txn = txn_new();
            state_delete_task(w->state, txn, state_task(w->state, name));
            txn_free(txn);
        } else {
            put(w, (struct place_of){type, index, "node",
                                     arena_printf(&w->arena, "h%d", (int)idgen_below(&random, 5)),
                                     NULL, NULL});
        }
        int64_t by_hand[5] = {0};
        for (struct task *t = state_task_first(w->state); t; t = state_task_after(w->state, t))
            if (strncmp(t->name, "dse-", 4) == 0)
                by_hand[t->hostname[1] - '0']++;
        struct count_range range = counter_range(hosts);
        size_t keys = 0;
        int64_t min = 0, max = 0;
        for (int i = 0; i < 5; i++) {
            char host[] = {'h', (char)('0' + i), '\0'};
            CHECK_INT(counter_get(hosts, host), by_hand[i]);
            if (by_hand[i] == 0)
                continue;
            min = keys == 0 || by_hand[i] < min ? by_hand[i] : min;
            max = by_hand[i] > max ? by_hand[i] : max;
            keys++;
        }
        CHECK_INT(range.keys, keys);
        CHECK_INT(range.min, min);
        CHECK_INT(range.max, max);
    }
    /* A counter made late agrees with one that was there from the start. */
    struct placement *late = placement_new();
    placement_load(late, w->state);
    struct counter *again = placement_counter(late, COUNT_HOSTNAME, NULL, &filter);
    for (int i = 0; i < 5; i++) {
        char host[] = {'h', (char)('0' + i), '\0'};
        CHECK_INT(counter_get(again, host), counter_get(hosts, host));
    }
    placement_free(late);
}

TAP_MAIN(TEST(test_matchers), TEST(test_max_per_host), TEST(test_max_per_zone_and_attribute),
         TEST(test_group_by), TEST(test_hostname_region_agent), TEST(test_task_type),
         TEST(test_local_region), TEST(test_counters_property))
