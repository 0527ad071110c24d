/* Amounts, ranges, the pool of an offer. */
#include "offer/pool.h"

#include "offer_world.h"

static void test_thousandths(void)
{
    auto_arena struct arena arena = ARENA_INIT;
    CHECK_INT(milli_from(0.1) + milli_from(0.2), milli_from(0.3));
    CHECK(milli_value(milli_from(0.1)) == 0.1);
    CHECK_INT(milli_from(1.0004), 1000);
    CHECK_INT(milli_from(1.0005), 1001);
    CHECK_INT(milli_from(NAN), 0);
    CHECK(milli_from(INFINITY) > 0 && milli_from(-INFINITY) < 0);
    CHECK_STR(milli_text(&arena, 500), "0.5");
    CHECK_STR(milli_text(&arena, 32000), "32.0");
    CHECK_STR(milli_text(&arena, 1234), "1.234");
}

static const char *show(struct arena *arena, const struct ranges *ranges)
{
    auto_buf struct buf out = BUF_INIT;
    for (size_t i = 0; i < ranges->count; i++)
        buf_addf(&out, "%lld-%lld ", (long long)ranges->items[i].begin,
                 (long long)ranges->items[i].end);
    return arena_strdup(arena, buf_str(&out));
}

static void test_ranges(void)
{
    auto_arena struct arena arena = ARENA_INIT;
    struct ranges ranges = {0};
    ranges_add(&arena, &ranges, 30, 40);
    ranges_add(&arena, &ranges, 10, 20);
    ranges_add(&arena, &ranges, 50, 49); /* inverted */
    ranges_add(&arena, &ranges, 5, UINT64_MAX);
    CHECK_STR(show(&arena, &ranges), "10-20 30-40 ");
    ranges_add(&arena, &ranges, 21, 25);
    CHECK_STR(show(&arena, &ranges), "10-25 30-40 ");
    ranges_add(&arena, &ranges, 26, 29);
    CHECK_STR(show(&arena, &ranges), "10-40 ");
    ranges_take(&arena, &ranges, 20);
    ranges_take(&arena, &ranges, 10);
    ranges_take(&arena, &ranges, 40);
    ranges_take(&arena, &ranges, 21);
    ranges_take(&arena, &ranges, 99); /* not there */
    CHECK_STR(show(&arena, &ranges), "11-19 22-39 ");
    CHECK(ranges_have(&ranges, 19) && !ranges_have(&ranges, 20) && ranges_have(&ranges, 39));
}

/* The same as a set of bits, over random additions and removals. */
static void test_ranges_property(void)
{
    struct idgen random = {20261122};
    printf("# seed %llu\n", (unsigned long long)random.seed);
    for (int round = 0; round < 300; round++) {
        auto_arena struct arena arena = ARENA_INIT;
        struct ranges ranges = {0};
        bool bits[70] = {false};
        for (int step = 0; step < 30; step++) {
            uint64_t begin = idgen_below(&random, 60), end = begin + idgen_below(&random, 8);
            if (idgen_below(&random, 2)) {
                ranges_add(&arena, &ranges, begin, end);
                for (uint64_t i = begin; i <= end; i++)
                    bits[i] = true;
            } else {
                ranges_take(&arena, &ranges, (int64_t)begin);
                bits[begin] = false;
            }
            for (int i = 0; i < 70; i++)
                CHECK_INT(ranges_have(&ranges, i), bits[i]);
            for (size_t i = 1; i < ranges.count; i++)
                CHECK(ranges.items[i - 1].end + 1 < ranges.items[i].begin);
        }
    }
}

static Offer *offer_of(struct arena *arena, const char *resources)
{
    struct err err = ERR_INIT;
    auto_free char *text = xasprintf("{\"id\":{\"value\":\"o\"},\"framework_id\":{\"value\":\"f\"},"
                                     "\"agent_id\":{\"value\":\"a\"},\"hostname\":\"h\","
                                     "\"resources\":[%s]}",
                                     resources);
    json_auto json_t *json = json_parse(text, strlen(text), "offer", &err);
    Offer *offer = PB_FROM_JSON(Offer, offer, json, arena, &err);
    CHECK_STR(err.text, "");
    return offer;
}

#define CPUS(value, more) \
    "{\"name\":\"cpus\",\"type\":\"SCALAR\",\"scalar\":{\"value\":" #value "}" more "}"
#define DISK(value, more) \
    "{\"name\":\"disk\",\"type\":\"SCALAR\",\"scalar\":{\"value\":" #value "}" more "}"
#define DYNAMIC(id, more)                                                                      \
    ",\"reservations\":[{\"type\":\"DYNAMIC\",\"role\":\"r\",\"principal\":\"p\",\"labels\":{" \
    "\"labels\":[{\"key\":\"resource_id\",\"value\":\"" id "\"}" more "]}}]"
#define STATIC(role) ",\"reservations\":[{\"type\":\"STATIC\",\"role\":\"" role "\"}]"
#define MOUNTED(root, profile) \
    ",\"disk\":{\"source\":{\"type\":\"MOUNT\",\"mount\":{\"root\":\"" root "\"}" profile "}}"

static void test_pool(void)
{
    auto_arena struct arena arena = ARENA_INIT;
    struct pool pool;
    Offer *offers[] = {
        offer_of(
            &arena,
            CPUS(1, "") "," CPUS(2.5, "") "," CPUS(4, STATIC("slave_public")) "," CPUS(
                8,
                ",\"alloc"
                "ation_"
                "info\":{"
                "\"role\""
                ":\"other"
                "\"}") "," CPUS(16,
                                ",\"revocable\":{}") "," CPUS(0.5,
                                                              DYNAMIC(
                                                                  "id-1",
                                                                  "")) "," CPUS(0.6,
                                                                                DYNAMIC(
                                                                                    "id-2",
                                                                                    ",{\"key\":"
                                                                                    "\"framework_"
                                                                                    "id\","
                                                                                    "\"value\":"
                                                                                    "\"G\"}")) "," CPUS(0.7,
                                                                                                        ","
                                                                                                        "\""
                                                                                                        "re"
                                                                                                        "se"
                                                                                                        "rv"
                                                                                                        "at"
                                                                                                        "io"
                                                                                                        "ns"
                                                                                                        "\""
                                                                                                        ":["
                                                                                                        "{"
                                                                                                        "\""
                                                                                                        "ty"
                                                                                                        "pe"
                                                                                                        "\""
                                                                                                        ":"
                                                                                                        "\""
                                                                                                        "DY"
                                                                                                        "NA"
                                                                                                        "MI"
                                                                                                        "C"
                                                                                                        "\""
                                                                                                        ","
                                                                                                        "\""
                                                                                                        "ro"
                                                                                                        "le"
                                                                                                        "\""
                                                                                                        ":"
                                                                                                        "\""
                                                                                                        "r"
                                                                                                        "\""
                                                                                                        "}"
                                                                                                        "]")),
        offer_of(&arena,
                 DISK(100, "") "," DISK(50, ",\"disk\":{\"source\":{\"type\":\"PATH\"}}") "," DISK(
                     70, MOUNTED("/m1", "")) "," CPUS(0.25, DYNAMIC("id-1", ""))),
    };
    pool_init(&pool, offers, 2, "r", "F", &arena);
    CHECK_INT(pool_amount(&pool, "*", "cpus"), 3500);
    CHECK_INT(pool_amount(&pool, NULL, "cpus"), 3500);
    CHECK_INT(pool_amount(&pool, "slave_public", "cpus"), 4000);
    CHECK_INT(pool_amount(&pool, "*", "disk"), 100000); /* neither PATH nor MOUNT */
    CHECK_INT(pool.n_disks, 1);
    CHECK_INT(pool.n_reserved, 1); /* another framework's and an unlabelled one are not ours */
    CHECK_INT(pool_find(&pool, "id-1", false)->amount, 750);
    CHECK(!pool_find(&pool, "id-1", true));
    CHECK(!pool_take(&pool, "*", "cpus", 3501));
    CHECK(pool_take(&pool, "*", "cpus", 3500));
    CHECK_INT(pool_amount(&pool, "*", "cpus"), 0);
    pool_free(&pool, pool_find(&pool, "id-1", false)->resource, 500);
    CHECK_INT(pool_amount(&pool, "*", "cpus"), 500);
    struct pool_reserved *found = pool_find(&pool, "id-1", false);
    pool_claim(&pool, found);
    CHECK(!pool_find(&pool, "id-1", false));
}

static void test_disks(void)
{
    auto_arena struct arena arena = ARENA_INIT;
    const char *resources =
        DISK(50, MOUNTED("/small", "")) "," DISK(900, MOUNTED("/big", "")) "," DISK(
            200,
            MOUNTED("/mid",
                    "")) "," DISK(300,
                                  MOUNTED(
                                      "/fast",
                                      ",\"profile\":\"fast\"")) "," DISK(400,
                                                                         MOUNTED("/public", "")
                                                                             STATIC(
                                                                                 "slave_public"));
    Offer *offer = offer_of(&arena, resources);
    struct volume_spec volume = {.type = "MOUNT", .size_mb = 100, .pre_reserved_role = "*"};
    struct disk_search search;
    for (int best = 0; best < 2; best++) {
        struct pool pool;
        pool_init(&pool, &offer, 1, "r", "F", &arena);
        CHECK_STR(
            pool_take_disk(&pool, &volume, best, &search)->resource->disk->source->mount->root,
            best ? "/mid" : "/big");
        CHECK_STR(
            pool_take_disk(&pool, &volume, best, &search)->resource->disk->source->mount->root,
            best ? "/big" : "/mid");
        CHECK(!pool_take_disk(&pool, &volume, best, &search));
        CHECK_INT(search.candidates, 3);
        CHECK_INT(search.too_small, 1);
        CHECK_INT(search.wrong_profile, 1);
        CHECK_INT(search.wrong_role, 1);
        const char *profiles[] = {"slow", "fast"};
        struct volume_spec fast = volume, public = volume;
        fast.profiles = (struct strings){profiles, 2};
        public.pre_reserved_role = "slave_public";
        CHECK_STR(pool_take_disk(&pool, &fast, best, &search)->resource->disk->source->mount->root,
                  "/fast");
        CHECK_STR(
            pool_take_disk(&pool, &public, best, &search)->resource->disk->source->mount->root,
            "/public");
    }
}

TAP_MAIN(TEST(test_thousandths), TEST(test_ranges), TEST(test_ranges_property), TEST(test_pool),
         TEST(test_disks))
