/* Offers of a stock Mesos, from recorded traffic (skipped with a message where there is none). */
#include <unistd.h>

#include "offer_world.h"

static const char *const files[] = {"lifecycle.ndjson", "agent-loss.ndjson", "task-groups.ndjson",
                                    "operations-and-master-failover.ndjson"};

/* The lines of a capture as a JSON array; NULL when it is not there. */
static json_t *read_capture(const char *name)
{
    const char *dir = getenv("DSE_CAPTURES"), *top = getenv("DSE_TEST_TOP");
    auto_free char *path = dir ? xasprintf("%s/%s", dir, name)
                               : xasprintf("%s/../shared/captures/%s", top ? top : ".", name);
    auto_buf struct buf text = BUF_INIT;
    struct err err = ERR_INIT;
    if (access(path, R_OK) != 0) {
        printf("# skipped: no recorded traffic at %s\n", path);
        return NULL;
    }
    CHECK_INT(io_read_file(path, 16 << 20, &text, &err), 0);
    json_t *lines = json_array();
    char *rest;
    for (char *line = strtok_r(text.data, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
        json_push(lines, json_parse(line, strlen(line), name, &err));
    return lines;
}

static json_t *offers_of(const json_t *line)
{
    return json_object_get(json_object_get(json_object_get(line, "event"), "offers"), "offers");
}

static const char small[] = SERVICE(POD(
    "dse", 3,
    TASK("node", "RUNNING",
         SET("s",
             CPUS_MEM(0.5, 512) "," PORT(9042, "native", "null", "") "," PORT(0, "d", "null", ""),
             VOLUME("ROOT", "data", 100)),
         ""),
    MAX_PER_HOST(1, "dse-.*"), ""));

/* Each offer of each capture takes a small pod, and a strict master carries that out. */
static void test_launch_on_each(void)
{
    size_t placed = 0, seen = 0;
    for (size_t f = 0; f < ARRAY_LEN(files); f++) {
        json_auto json_t *lines = read_capture(files[f]);
        size_t i, j;
        json_t *line, *one;
        json_array_foreach(lines, i, line) json_array_foreach(offers_of(line), j, one)
        {
            auto_world struct world *w = world_new(small);
            struct err err = ERR_INIT;
            Offer *offer = PB_FROM_JSON(Offer, offer, one, &w->arena, &err);
            CHECK_STR(err.text, "");
            struct agent *a = world_agent(w, offer->hostname, "[]", NULL);
            a->id = offer->agent_id->value;
            a->shape = pb_copy(offer, &w->arena);
            for (size_t k = 0; k < offer->n_resources; k++)
                world_give(w, a, offer->resources[k], NULL);
            struct requirement need = world_requirement(w, "dse", 0, "node");
            struct evaluation e;
            seen++;
            if (world_place(w, a, &need, &e)) {
                placed++;
                CHECK_INT(e.n_operations, 10);
                CHECK_STR(e.records[0].info->agent_id->value, offer->agent_id->value);
            } else { /* parts of a split offer, or the port is in use */
                CHECK(e.shortfall.kind == SHORT_SCALAR || e.shortfall.kind == SHORT_PORT);
            }
        }
    }
    printf("# %zu of %zu offers\n", placed, seen);
    CHECK(seen == 0 || placed > seen / 2);
}

static bool among(Offer__Operation *const *list, size_t n, const Offer__Operation *wanted)
{
    for (size_t i = 0; i < n; i++)
        if (pb_equal(list[i], wanted))
            return true;
    return false;
}

/* What a person did by hand in the recording to give everything back is what clean-up finds. */
static void test_cleanup_as_recorded(void)
{
    json_auto json_t *lines = read_capture("lifecycle.ndjson");
    auto_world struct world *w = world_new(small);
    size_t i, j, compared = 0;
    json_t *line, *one;
    Offer **offers = NULL;
    size_t n_offers = 0;
    json_array_foreach(lines, i, line)
    {
        struct err err = ERR_INIT;
        json_array_foreach(offers_of(line), j, one)
            PB_ADD(&w->arena, n_offers, offers, PB_FROM_JSON(Offer, offer, one, &w->arena, &err));
        json_t *call = json_object_get(line, "call");
        if (!call || !json_object_get(call, "accept"))
            continue;
        Call *parsed = PB_FROM_JSON(Call, call, call, &w->arena, &err);
        if (!parsed || parsed->accept->n_operations == 0 ||
            parsed->accept->operations[0]->type != OFFER__OPERATION__TYPE__DESTROY)
            continue;
        struct strings roles;
        struct cleanup cleanup = {0};
        offer_roles(w->spec, &w->settings, NULL, &w->arena, &roles);
        for (size_t k = 0; k < n_offers; k++) {
            if (strcmp(offers[k]->id->value, parsed->accept->offer_ids[0]->value) != 0)
                continue;
            const struct reservation_owner anybody = {.roles = &roles};
            offer_cleanup(w->state, &anybody, false, &offers[k], 1, &w->arena, &cleanup);
            CHECK_INT(cleanup.n_operations, parsed->accept->n_operations);
            for (size_t n = 0; n < parsed->accept->n_operations; n++)
                CHECK(
                    among(cleanup.operations, cleanup.n_operations, parsed->accept->operations[n]));
            compared++;
        }
    }
    CHECK(!lines || compared == 1);
}

TAP_MAIN(TEST(test_launch_on_each), TEST(test_cleanup_as_recorded))
