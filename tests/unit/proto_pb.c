/* Messages in arenas: decoding with limits and reasons, encoding, copies, equality. */
#include "proto/pb.h"

#include <math.h>
#include <stdlib.h>

#include "tap.h"

static TaskStatus *sample(struct arena *arena)
{
    TaskStatus *s = PB_NEW(arena, TaskStatus, task_status);

    s->task_id = PB_NEW(arena, TaskID, task_id);
    s->task_id->value = "dse__node__1";
    s->state = TASK_STATE__TASK_RUNNING;
    s->has_timestamp = 1;
    s->timestamp = 1579086812.25;
    s->has_healthy = 1;
    s->healthy = 0;
    s->has_uuid = 1;
    s->uuid.len = 3;
    s->uuid.data = (uint8_t *)"\0\1\2";
    return s;
}

static void round_trip(void)
{
    auto_arena struct arena arena = ARENA_INIT;
    auto_buf struct buf bytes = BUF_INIT;
    struct err err = ERR_INIT;

    buf_adds(&bytes, "in front ");
    size_t start = bytes.len, len;
    pb_pack(sample(&arena), &bytes);
    TaskStatus *s = PB_UNPACK(TaskStatus, task_status, bytes.data + start, bytes.len - start,
                              &arena, "test", &err);
    CHECK(s != NULL);
    CHECK_STR(s->task_id->value, "dse__node__1");
    CHECK_INT(s->state, TASK_STATE__TASK_RUNNING);
    CHECK(s->has_timestamp && s->timestamp == 1579086812.25);
    CHECK(s->has_healthy && !s->healthy);
    CHECK(!s->has_source && !s->has_reason && !s->message && !s->agent_id);
    CHECK(s->uuid.len == 3 && memcmp(s->uuid.data, "\0\1\2", 3) == 0);
    void *again = pb_pack_arena(s, &arena, &len);
    CHECK(len == bytes.len - start && memcmp(again, bytes.data + start, len) == 0);
    CHECK(pb_equal(s, sample(&arena)));
    CHECK(pb_equal(s, pb_copy(s, &arena)));
}

/* Strings with a declared default: the default's own pointer means unset (style-anchors 10.5). */
static void string_defaults(void)
{
    auto_arena struct arena arena = ARENA_INIT;
    struct err err = ERR_INIT;
    Resource *r = PB_NEW(&arena, Resource, resource), *back;
    size_t len;

    r->name = "cpus";
    CHECK_STR(r->role, "*");
    void *bytes = pb_pack_arena(r, &arena, &len);
    CHECK_INT(len, 8); /* name and type only */
    back = PB_UNPACK(Resource, resource, bytes, len, &arena, "test", &err);
    CHECK(back->role == r->role);
    r->role = arena_strdup(&arena, "*");
    bytes = pb_pack_arena(r, &arena, &len);
    CHECK_INT(len, 11);
    CHECK(!pb_equal(r, back));
    back = PB_UNPACK(Resource, resource, bytes, len, &arena, "test", &err);
    CHECK(pb_equal(r, back));
}

static void unknown_fields(void)
{
    /* CommandInfo with field 40 (varint 7), then value. */
    static const unsigned char bytes[] = {0xc0, 0x02, 0x07, 0x1a, 0x02, 'h', 'i'};
    auto_arena struct arena arena = ARENA_INIT;
    struct err err = ERR_INIT;
    size_t len;
    CommandInfo *c =
        PB_UNPACK(CommandInfo, command_info, bytes, sizeof bytes, &arena, "test", &err);

    CHECK_STR(c->value, "hi");
    CommandInfo *copy = pb_copy(c, &arena);
    CHECK(pb_equal(c, copy));
    const unsigned char *again = pb_pack_arena(copy, &arena, &len);
    CHECK_INT(len, sizeof bytes);
    CHECK_INT(again[0], 0x1a); /* known fields first */
    CHECK_INT(again[len - 1], 7);
    copy->base.n_unknown_fields = 0;
    CHECK(!pb_equal(c, copy));
    /* Unknown enum numbers stay numbers. */
    static const unsigned char status[] = {0x0a, 0x03, 0x0a, 0x01, 't', 0x10, 99};
    TaskStatus *s = PB_UNPACK(TaskStatus, task_status, status, sizeof status, &arena, "test", &err);
    CHECK_INT(s->state, 99);
}

/* A container id inside a container id, `depth` of them. */
static void nested(struct buf *out, int depth)
{
    auto_buf struct buf inner = BUF_INIT, now = BUF_INIT;

    buf_adds(&inner, "\n\1x");
    for (int i = 1; i < depth; i++) {
        buf_clear(&now);
        buf_adds(&now, "\n\1x\x12");
        size_t len = inner.len;
        for (; len >= 128; len >>= 7)
            buf_addc(&now, (char)(len | 128));
        buf_addc(&now, (char)len);
        buf_add(&now, inner.data, inner.len);
        struct buf swap = inner;
        inner = now;
        now = swap;
    }
    buf_add(out, inner.data, inner.len);
}

static void depth_bombs(void)
{
    auto_arena struct arena arena = ARENA_INIT;

    for (int depth = PB_DEPTH - 1; depth <= PB_DEPTH + 1; depth++) {
        struct err err = ERR_INIT;
        auto_buf struct buf bytes = BUF_INIT;
        nested(&bytes, depth);
        void *message =
            PB_UNPACK(ContainerID, container_id, bytes.data, bytes.len, &arena, "bomb", &err);
        CHECK_INT(message != NULL, depth <= PB_DEPTH);
    }
    struct err err = ERR_INIT;
    auto_buf struct buf bytes = BUF_INIT;
    nested(&bytes, 20000);
    CHECK(!PB_UNPACK(ContainerID, container_id, bytes.data, bytes.len, &arena, "bomb", &err));
    CHECK_INT(err.status, EXIT_INPUT);
    CHECK_STR(err.text, "bomb: ContainerID nested deeper than 100 levels");

    /* The same below fields that lead there: status.container_status.container_id. */
    auto_buf struct buf status = BUF_INIT, container = BUF_INIT;
    nested(&container, PB_DEPTH - 1);
    buf_add(&status, "\x0a\x03\x0a\x01t\x10\x01\x6a", 8);
    size_t inside = container.len + 3, len = container.len;
    buf_addc(&status, (char)(inside | 128));
    buf_addc(&status, (char)(inside >> 7));
    buf_addc(&status, 0x22);
    buf_addc(&status, (char)(len | 128));
    buf_addc(&status, (char)(len >> 7));
    buf_add(&status, container.data, container.len);
    CHECK(!PB_UNPACK(TaskStatus, task_status, status.data, status.len, &arena, "bomb", &err));
    CHECK_STR(err.text, "bomb: TaskStatus nested deeper than 100 levels");
}

static void reasons(void)
{
    static const struct {
        const char *bytes;
        size_t len;
        const char *want;
    } cases[] = {
        {"", 0, "x: not a TaskStatus message (0 bytes): required field 'task_id' is missing"},
        {"\x10\x01", 2,
         "x: not a TaskStatus message (2 bytes): required field 'task_id' is missing"},
        {"\x0a\x00\x10\x01", 4,
         "x: not a TaskStatus message (4 bytes): required field 'task_id.value' is missing"},
        {"\x0a\x03\x0a\x01t", 5,
         "x: not a TaskStatus message (5 bytes): required field 'state' is missing"},
        {"\x0a\x09\x0a\x01t", 5, "x: not a TaskStatus message (5 bytes): broken at byte 0"},
        {"\x0a\x03\x0a\x07t\x10\x01", 7, "x: not a TaskStatus message (7 bytes): broken at byte 2"},
        {"\x0a\x03\x0a\x01t\x13", 6, "x: not a TaskStatus message (6 bytes): broken at byte 5"},
        {"\x08\x01\x10\x01", 4,
         "x: not a TaskStatus message (4 bytes): field 'task_id' at byte 0 has the wrong type"},
    };
    auto_arena struct arena arena = ARENA_INIT;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct err err = ERR_INIT;
        CHECK(!PB_UNPACK(TaskStatus, task_status, cases[i].bytes, cases[i].len, &arena, "x", &err));
        CHECK_INT(err.status, EXIT_INPUT);
        CHECK_STR(err.text, cases[i].want);
    }
}

/* Every byte changed, every prefix: never a crash, and what decodes encodes again. */
static void damage(void)
{
    auto_arena struct arena arena = ARENA_INIT;
    auto_buf struct buf bytes = BUF_INIT;
    TaskStatus *s = sample(&arena);
    int good = 0;

    s->container_status = PB_NEW(&arena, ContainerStatus, container_status);
    s->container_status->container_id = PB_NEW(&arena, ContainerID, container_id);
    s->container_status->container_id->value = "c";
    pb_pack(s, &bytes);
    for (size_t at = 0; at < bytes.len; at++) {
        for (int value = 0; value < 256; value += 5) {
            struct err err = ERR_INIT;
            auto_arena struct arena one = ARENA_INIT;
            auto_buf struct buf damaged = BUF_INIT;
            buf_add(&damaged, bytes.data, bytes.len);
            damaged.data[at] = (char)value;
            void *m = pb_unpack(&task_status__descriptor, damaged.data, bytes.len, &one, "d", &err);
            good += m && pb_equal(m, pb_copy(m, &one));
            CHECK(m || err.text[0]);
            pb_unpack(&task_status__descriptor, damaged.data, at, &one, "d", &err);
        }
    }
    CHECK(good > 100);
}

static FrameworkInfo *with_filters(struct arena *arena, const char *first, const char *second)
{
    FrameworkInfo *f = PB_NEW(arena, FrameworkInfo, framework_info);
    const char *keys[] = {first, second};

    f->user = f->name = "u";
    for (int i = 0; i < 2; i++) {
        FrameworkInfo__OfferFiltersEntry *e =
            PB_NEW(arena, FrameworkInfo__OfferFiltersEntry, framework_info__offer_filters_entry);
        e->key = keys[i];
        e->value = PB_NEW(arena, OfferFilters, offer_filters);
        PB_ADD(arena, f->n_offer_filters, f->offer_filters, e);
    }
    return f;
}

static void equality(void)
{
    auto_arena struct arena arena = ARENA_INIT;
    TaskStatus *a = sample(&arena), *b = sample(&arena);

    CHECK(pb_equal(a, b));
    b->has_healthy = 0;
    CHECK(!pb_equal(a, b)); /* absent is not false */
    b->has_healthy = 1;
    b->uuid.len = 2;
    CHECK(!pb_equal(a, b));
    b->uuid.len = 3;
    b->timestamp = a->timestamp = NAN;
    CHECK(pb_equal(a, b));
    b->message = "";
    CHECK(!pb_equal(a, b));

    /* Maps have no order, other repeated fields do. */
    CHECK(pb_equal(with_filters(&arena, "r1", "r2"), with_filters(&arena, "r2", "r1")));
    CHECK(!pb_equal(with_filters(&arena, "r1", "r2"), with_filters(&arena, "r1", "r3")));
    const char *xy[] = {"x", "y"}, *yx[] = {"y", "x"};
    CommandInfo *c = PB_NEW(&arena, CommandInfo, command_info);
    CommandInfo *d = PB_NEW(&arena, CommandInfo, command_info);
    c->n_arguments = d->n_arguments = 2;
    c->arguments = xy;
    d->arguments = yx;
    CHECK(!pb_equal(c, d));

    /* oneof: the case counts, not what lies in the other member. */
    AttributeConstraint__Selector *s =
        PB_NEW(&arena, AttributeConstraint__Selector, attribute_constraint__selector);
    AttributeConstraint__Selector *t =
        PB_NEW(&arena, AttributeConstraint__Selector, attribute_constraint__selector);
    CHECK(pb_equal(s, t));
    s->selector_case = ATTRIBUTE_CONSTRAINT__SELECTOR__SELECTOR_ATTRIBUTE_NAME;
    s->attribute_name = "rack";
    CHECK(!pb_equal(s, t));
    CHECK(pb_equal(s, pb_copy(s, &arena)));
    CHECK(!pb_equal(s, a)); /* other types */
}

static void arrays(void)
{
    auto_arena struct arena arena = ARENA_INIT;
    const char *five[] = {"a", "b", "c", "d", "e"};
    CommandInfo *c = PB_NEW(&arena, CommandInfo, command_info);

    c->arguments = five;
    c->n_arguments = 5;
    PB_OWN(&arena, c->n_arguments, c->arguments);
    for (int i = 0; i < 20; i++)
        PB_ADD(&arena, c->n_arguments, c->arguments, "more");
    CHECK_INT(c->n_arguments, 25);
    CHECK_STR(c->arguments[4], "e");
    CHECK_STR(c->arguments[24], "more");
    CHECK(pb_own_array(&arena, NULL, 0, 8) == NULL);
}

TAP_MAIN(TEST(round_trip), TEST(string_defaults), TEST(unknown_fields), TEST(depth_bombs),
         TEST(reasons), TEST(damage), TEST(equality), TEST(arrays))
