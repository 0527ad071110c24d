/* The resource arithmetic of dse-local, against a model that counts units one by one. */
#include "../../cmd/dse-local/res.c"

#include <stdlib.h>

#include "base/clock.h"
#include "proto/pbjson.h"
#include "tap.h"

static struct res parse(const char *text)
{
    struct arena arena = ARENA_INIT;
    struct err err = ERR_INIT;
    json_t *json = json_loads(text, 0, NULL);
    const Resource *proto = PB_FROM_JSON(Resource, resource, json, &arena, &err);
    struct res r = RES_INIT;
    if (proto)
        r = res_of_proto(proto);
    else
        printf("# %s: %s\n", text, err.text);
    json_decref(json);
    arena_free(&arena);
    return r;
}

static void add(struct res_list *list, const char *text)
{
    auto_res struct res r = parse(text);
    res_list_add(list, &r);
}

static bool sub(struct res_list *list, const char *text)
{
    auto_res struct res r = parse(text);
    return res_list_sub(list, &r);
}

static const char *text_of(const struct res_list *list, const char *role)
{
    static struct buf out;
    buf_clear(&out);
    res_list_text(list, role, &out);
    return buf_str(&out);
}

#define CPUS(n) "{\"name\":\"cpus\",\"type\":\"SCALAR\",\"scalar\":{\"value\":" #n "}}"
#define RESERVED(n, id)                                                                        \
    "{\"name\":\"cpus\",\"type\":\"SCALAR\",\"scalar\":{\"value\":" #n                         \
    "},\"reservations\":[{\"type\":\"DYNAMIC\",\"role\":\"r\",\"principal\":\"p\",\"labels\":" \
    "{\"labels\":[{\"key\":\"a\",\"value\":\"1\"},{\"key\":\"resource_id\",\"value\":\"" id    \
    "\"}]}}]}"
#define PORTS(ranges) "{\"name\":\"ports\",\"type\":\"RANGES\",\"ranges\":{\"range\":[" ranges "]}}"
#define R(a, b) "{\"begin\":" #a ",\"end\":" #b "}"
#define VOLUME(path, principal)                                                            \
    "{\"name\":\"disk\",\"type\":\"SCALAR\",\"scalar\":{\"value\":64},\"reservations\":[{" \
    "\"type\":"                                                                            \
    "\"DYNAMIC\",\"role\":\"r\"}],\"disk\":{\"persistence\":{\"id\":\"v\",\"principal\":"  \
    "\"" principal "\"},\"volume\":{\"container_path\":\"" path "\",\"mode\":\"RW\"}}}"

static void scalars_are_thousandths(void)
{
    auto_res_list struct res_list list = RES_LIST_INIT;
    for (int i = 0; i < 10; i++)
        add(&list, CPUS(0.1));
    CHECK_STR(text_of(&list, NULL), "cpus:1");
    CHECK(sub(&list, CPUS(0.3)));
    CHECK(sub(&list, CPUS(0.3)));
    CHECK(sub(&list, CPUS(0.4)));
    CHECK_INT(list.count, 0);
    CHECK_STR(text_of(&list, NULL), "{}");
    CHECK(!sub(&list, CPUS(0.001)));
    add(&list, CPUS(0.0004)); /* rounds to nothing */
    CHECK_INT(list.count, 0);
}

static void labels_keep_apart_and_order_of_labels_does_not(void)
{
    auto_res_list struct res_list list = RES_LIST_INIT;
    add(&list, RESERVED(1, "x"));
    add(&list, RESERVED(2, "y"));
    CHECK_INT(list.count, 2);
    add(&list, "{\"name\":\"cpus\",\"type\":\"SCALAR\",\"scalar\":{\"value\":0.5},\"reservations\":"
               "[{\"type\":\"DYNAMIC\",\"role\":\"r\",\"principal\":\"p\",\"labels\":{\"labels\":[{"
               "\"key\":\"resource_id\",\"value\":\"x\"},{\"key\":\"a\",\"value\":\"1\"}]}}]}");
    CHECK_INT(list.count, 2);
    CHECK_INT(list.items[0].milli, 1500);
    CHECK(!sub(&list, RESERVED(2, "x")));
    CHECK(!sub(&list, CPUS(0.1)));
    CHECK(sub(&list, RESERVED(1.5, "x")));
}

static void both_formats_are_one(void)
{
    auto_res_list struct res_list list = RES_LIST_INIT;
    add(&list, "{\"name\":\"mem\",\"type\":\"SCALAR\",\"scalar\":{\"value\":32},\"role\":\"r\","
               "\"reservation\":{\"principal\":\"p\"}}");
    CHECK(sub(&list,
              "{\"name\":\"mem\",\"type\":\"SCALAR\",\"scalar\":{\"value\":32},"
              "\"reservations\":[{\"type\":\"DYNAMIC\",\"role\":\"r\",\"principal\":\"p\"}]}"));
    add(&list, "{\"name\":\"mem\",\"type\":\"SCALAR\",\"scalar\":{\"value\":32},\"role\":\"r\"}");
    CHECK_STR(text_of(&list, "r"), "mem(allocated: r)(reservations: [(STATIC,r)]):32");
    auto_arena struct arena arena = ARENA_INIT;
    const Resource *old = res_to_proto(&list.items[0], NULL, false, &arena);
    CHECK_STR(old->role, "r");
    CHECK_INT(old->n_reservations, 0);
}

static void volumes_are_whole_and_paths_no_identity(void)
{
    auto_res_list struct res_list list = RES_LIST_INIT;
    add(&list, VOLUME("data", "p"));
    CHECK_STR(text_of(&list, NULL), "disk(reservations: [(DYNAMIC,r)])[v:data]:64");
    auto_res struct res other = parse(VOLUME("elsewhere", "q"));
    CHECK(res_list_has(&list, &other));
    auto_res struct res half = parse(VOLUME("data", "p"));
    half.milli = 32000;
    CHECK(!res_list_has(&list, &half));
    auto_res struct res below = res_strip_volume(&other);
    auto_res struct res raw = res_pop_reservation(&below);
    auto_res_list struct res_list plain = RES_LIST_INIT;
    res_list_add(&plain, &raw);
    CHECK_STR(text_of(&plain, NULL), "disk:64");
    CHECK(res_usable_by(&below, "r") && res_usable_by(&below, "r/sub") &&
          !res_usable_by(&below, "rr"));
    CHECK(res_usable_by(&raw, "any"));
}

static void ranges_join_and_split(void)
{
    auto_res_list struct res_list list = RES_LIST_INIT;
    add(&list, PORTS(R(10, 20) "," R(1, 5)));
    add(&list, PORTS(R(6, 9)));
    CHECK_STR(text_of(&list, NULL), "ports:[1-20]");
    CHECK(sub(&list, PORTS(R(1, 1) "," R(20, 20) "," R(7, 8))));
    CHECK_STR(text_of(&list, NULL), "ports:[2-6, 9-19]");
    CHECK(!sub(&list, PORTS(R(6, 9))));
    CHECK(sub(&list, PORTS(R(2, 6) "," R(9, 19))));
    CHECK_INT(list.count, 0);
}

/* Random additions and subtractions of ports, against one bool a port. */
static void ranges_equal_a_set_of_numbers(void)
{
    enum { PORTS_MAX = 40 };
    const char *given = getenv("SEED");
    struct idgen ids = {.seed = given ? strtoull(given, NULL, 10) : 20261122};
    printf("# SEED=%llu\n", (unsigned long long)ids.seed);
    for (int round = 0; round < 300; round++) {
        bool have[PORTS_MAX] = {false};
        auto_res_list struct res_list list = RES_LIST_INIT;
        for (int step = 0; step < 30; step++) {
            auto_res struct res r = parse(PORTS(R(0, 0)));
            const bool adding = idgen_below(&ids, 2);
            bool want[PORTS_MAX] = {false}, fits = true;
            r.n_ranges = 1 + idgen_below(&ids, 3);
            free(r.ranges);
            r.ranges = xcalloc(r.n_ranges, sizeof *r.ranges);
            for (size_t i = 0; i < r.n_ranges; i++) {
                r.ranges[i].begin = idgen_below(&ids, PORTS_MAX);
                r.ranges[i].end =
                    r.ranges[i].begin + idgen_below(&ids, PORTS_MAX - r.ranges[i].begin);
                for (uint64_t p = r.ranges[i].begin; p <= r.ranges[i].end; p++)
                    want[p] = true;
            }
            ranges_normalise(&r);
            for (int p = 0; p < PORTS_MAX; p++)
                fits = fits && (!want[p] || have[p]);
            if (adding)
                res_list_add(&list, &r);
            else
                CHECK_INT(res_list_sub(&list, &r), fits);
            for (int p = 0; p < PORTS_MAX && (adding || fits); p++)
                have[p] = want[p] ? adding : have[p];
        }
        for (uint64_t p = 0; p < PORTS_MAX; p++) {
            auto_res struct res one = parse(PORTS(R(0, 0)));
            one.ranges[0] = (struct res_range){p, p};
            CHECK_INT(res_list_has(&list, &one), have[p]);
        }
    }
}

static void nothing_is_left_behind(void)
{
    CHECK_INT(kinds.count, 0);
}

TAP_MAIN(TEST(scalars_are_thousandths), TEST(labels_keep_apart_and_order_of_labels_does_not),
         TEST(both_formats_are_one), TEST(volumes_are_whole_and_paths_no_identity),
         TEST(ranges_join_and_split), TEST(ranges_equal_a_set_of_numbers),
         TEST(nothing_is_left_behind))
