/* Status of phases and plans: the rule table and the edge cases of plans-and-recovery 1.5. */
#include "plan/rollup.h"
#include "tap.h"

/* "C" and friends: one letter a child; upper case: a candidate. */
static struct rollup rollup_of(const char *children)
{
    static const char letters[] = "ewprstcid"; /* in the order of enum status */
    struct rollup r = {0};

    for (const char *c = children; *c; c++) {
        const char lower = *c >= 'A' && *c <= 'Z' ? (char)(*c + 32) : *c;
        const size_t status = (size_t)(strchr(letters, lower) - letters);
        r.children++;
        r.count[status]++;
        if (lower != *c)
            r.candidates[status]++;
    }
    return r;
}

#define CHECK_ROLLUP(children, want)                      \
    do {                                                  \
        const struct rollup r_ = rollup_of(children);     \
        CHECK_STR(status_name(rollup_status(&r_)), want); \
    } while (0)

static void names(void)
{
    static const char *const all[] = {"ERROR",   "WAITING",  "PENDING",     "PREPARED", "STARTING",
                                      "STARTED", "COMPLETE", "IN_PROGRESS", "DELAYED"};
    for (int i = 0; i < STATUS_COUNT; i++)
        CHECK_STR(status_name((enum status)i), all[i]);
}

static void empty(void)
{
    struct rollup r = rollup_of("");
    CHECK_INT(rollup_status(&r), STATUS_COMPLETE);
    r.interrupted = true;
    CHECK_INT(rollup_status(&r), STATUS_COMPLETE);
    r.errors = true;
    CHECK_INT(rollup_status(&r), STATUS_ERROR);
}

static void errors_come_first(void)
{
    struct rollup r = rollup_of("ccc");
    CHECK_INT(rollup_status(&r), STATUS_COMPLETE);
    r.errors = true;
    CHECK_INT(rollup_status(&r), STATUS_ERROR);
    CHECK_ROLLUP("ecP", "ERROR");
}

static void interrupted(void)
{
    struct rollup r = rollup_of("cc");
    r.interrupted = true;
    CHECK_INT(rollup_status(&r), STATUS_COMPLETE);
    r = rollup_of("Sp");
    r.interrupted = true;
    CHECK_INT(rollup_status(&r), STATUS_WAITING);
    r = rollup_of("dd");
    r.interrupted = true;
    CHECK_INT(rollup_status(&r), STATUS_WAITING);
}

static void rules_in_order(void)
{
    CHECK_ROLLUP("DD", "DELAYED");     /* 4 */
    CHECK_ROLLUP("Dd", "DELAYED");     /* 4, serial */
    CHECK_ROLLUP("rW", "IN_PROGRESS"); /* 5 before 6 */
    CHECK_ROLLUP("WI", "WAITING");     /* 6 before 7 */
    CHECK_ROLLUP("IP", "IN_PROGRESS"); /* 7 before 9 */
    CHECK_ROLLUP("cPp", "IN_PROGRESS");
    CHECK_ROLLUP("cSp", "IN_PROGRESS");
    CHECK_ROLLUP("cTp", "IN_PROGRESS"); /* 8 */
    CHECK_ROLLUP("PS", "PENDING");      /* 9 before 11 */
    CHECK_ROLLUP("PT", "PENDING");
    CHECK_ROLLUP("Pw", "PENDING");  /* 9 before 10 */
    CHECK_ROLLUP("wS", "WAITING");  /* 10 before 11 */
    CHECK_ROLLUP("ST", "STARTING"); /* 11 before 12 */
    CHECK_ROLLUP("Tp", "STARTED");
    CHECK_ROLLUP("DS", "STARTING");
    CHECK_ROLLUP("cw", "WAITING"); /* parallel plan, one phase paused, the other complete */
    CHECK_ROLLUP("s", "ERROR");    /* 13: nothing matches */
}

/* Where the original ends in an ERROR without a text. */
static void delayed_beside_others(void)
{
    CHECK_ROLLUP("Dp", "DELAYED");
    CHECK_ROLLUP("cDp", "DELAYED");
    CHECK_ROLLUP("cD", "DELAYED");
}

static void running(void)
{
    CHECK(status_is_running(STATUS_PREPARED));
    CHECK(status_is_running(STATUS_STARTING));
    CHECK(status_is_running(STATUS_STARTED));
    CHECK(status_is_running(STATUS_IN_PROGRESS));
    CHECK(!status_is_running(STATUS_PENDING));
    CHECK(!status_is_running(STATUS_DELAYED));
    CHECK(!status_is_running(STATUS_WAITING));
    CHECK(!status_is_running(STATUS_COMPLETE));
}

TAP_MAIN(TEST(names), TEST(empty), TEST(errors_come_first), TEST(interrupted), TEST(rules_in_order),
         TEST(delayed_beside_others), TEST(running))
