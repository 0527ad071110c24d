/* Clocks and ids. */
#include "base/clock.h"

#include "tap.h"

static void standing_still(void)
{
    const struct clock fixed = {.fixed_ms = 1234567890123}, real = {0};

    CHECK_INT(clock_now_ms(&fixed), 1234567890123);
    CHECK_INT(clock_now_ns(&fixed), 1234567890123000000);
    const int64_t before = clock_now_ns(&real);
    CHECK(clock_now_ns(&real) >= before);
}

static void ids_as_java_reads_them(void)
{
    static const struct {
        const char *text, *want; /* NULL: no id */
    } cases[] = {
        {"11111111-1111-4111-8111-111111111111", "11111111-1111-4111-8111-111111111111"},
        {"ABCDEF01-2345-6789-abcd-EF0123456789", "abcdef01-2345-6789-abcd-ef0123456789"},
        {"1-2-3-4-5", "00000001-0002-0003-0004-000000000005"},
        {"0-0-0-0-0", "00000000-0000-0000-0000-000000000000"},
        /* Longer numbers run into their neighbours. */
        {"2-12345-3-4-5", "00000003-2345-0003-0004-000000000005"},
        {"", NULL},
        {"1-2-3-4", NULL},
        {"1-2-3-4-", NULL},
        {"1-2-3-4-5-6", NULL},
        {"-1-2-3-4", NULL},
        {"1--3-4-5", NULL},
        {"1-2-3-4-5 ", NULL},
        {"x-2-3-4-5", NULL},
        {"1-2-3-4-8000000000000000", NULL},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char id[UUID_TEXT] = "";
        CHECK_INT(uuid_read(cases[i].text, id), cases[i].want != NULL);
        if (cases[i].want)
            CHECK_STR(id, cases[i].want);
    }
}

TAP_MAIN(TEST(standing_still), TEST(ids_as_java_reads_them))
