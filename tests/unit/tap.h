/* Unit tests: each tests/unit/x.c is one program that prints TAP. A test is a function; inside it,
 * CHECK and friends record failures and go on. main() is TAP_MAIN(TEST(a), TEST(b)). */
#ifndef DSE_TESTS_TAP_H
#define DSE_TESTS_TAP_H

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static int tap_failures;

#define CHECK(condition)                                                    \
    do {                                                                    \
        if (!(condition)) {                                                 \
            printf("# %s:%d: false: %s\n", __FILE__, __LINE__, #condition); \
            tap_failures++;                                                 \
        }                                                                   \
    } while (0)

#define CHECK_INT(got, want)                                                                   \
    do {                                                                                       \
        intmax_t got_ = (got), want_ = (want);                                                 \
        if (got_ != want_) {                                                                   \
            printf("# %s:%d: %s is %jd, wanted %jd\n", __FILE__, __LINE__, #got, got_, want_); \
            tap_failures++;                                                                    \
        }                                                                                      \
    } while (0)

#define CHECK_STR(got, want) tap_check_str(__FILE__, __LINE__, #got, (got), (want))
static inline void tap_check_str(const char *file, int line, const char *what, const char *got,
                                 const char *want)
{
    if (got == want || (got && want && strcmp(got, want) == 0))
        return;
    printf("# %s:%d: %s\n#   is     '%s'\n#   wanted '%s'\n", file, line, what,
           got ? got : "(null)", want ? want : "(null)");
    tap_failures++;
}

struct tap_test {
    const char *name;
    void (*run)(void);
};
#define TEST(function)      \
    {                       \
#function, function \
    }
#define TAP_MAIN(...)                                                                    \
    int main(void)                                                                       \
    {                                                                                    \
        const struct tap_test tests[] = {__VA_ARGS__};                                   \
        const size_t count = sizeof tests / sizeof tests[0];                             \
        int bad = 0;                                                                     \
        printf("1..%zu\n", count);                                                       \
        for (size_t i = 0; i < count; i++) {                                             \
            tap_failures = 0;                                                            \
            tests[i].run();                                                              \
            printf("%sok %zu - %s\n", tap_failures ? "not " : "", i + 1, tests[i].name); \
            bad |= tap_failures != 0;                                                    \
            fflush(stdout);                                                              \
        }                                                                                \
        return bad;                                                                      \
    }

#endif
