#define _GNU_SOURCE /* getrandom */
#include "base/clock.h"

#include <ctype.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <uuid/uuid.h>

int64_t clock_now_ms(const struct clock *clock)
{
    struct timespec now;

    if (clock->fixed_ms)
        return clock->fixed_ms;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t clock_now_ns(const struct clock *clock)
{
    struct timespec now;

    if (clock->fixed_ms)
        return clock->fixed_ms * 1000000;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* From the kernel, some at a time: a launch draws a dozen. A forked child draws its own. */
static _Thread_local struct {
    uint64_t numbers[32]; /* 256 bytes: always given whole */
    size_t left;
} drawn;

static void forget_drawn(void)
{
    drawn.left = 0;
}

static uint64_t kernel_number(void)
{
    static bool watching_fork;

    if (drawn.left == 0) {
        if (!watching_fork && pthread_atfork(NULL, NULL, forget_drawn) != 0)
            abort();
        watching_fork = true;
        if (getrandom(drawn.numbers, sizeof drawn.numbers, 0) != (ssize_t)sizeof drawn.numbers)
            abort(); /* cannot happen for so few bytes once the kernel has booted */
        drawn.left = sizeof drawn.numbers / sizeof *drawn.numbers;
    }
    return drawn.numbers[--drawn.left];
}

static uint64_t next_number(struct idgen *ids)
{
    uint64_t z;

    if (!ids->seed)
        return kernel_number();
    /* splitmix64; zero would mean the kernel's entropy, so the state skips it. */
    ids->seed += 0x9e3779b97f4a7c15u;
    if (!ids->seed)
        ids->seed = 0x9e3779b97f4a7c15u;
    z = ids->seed;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

uint64_t idgen_below(struct idgen *ids, uint64_t bound)
{
    /* Numbers below 2^64 mod bound are drawn again, so that all results are equally likely. */
    const uint64_t uneven = bound ? -bound % bound : 0;
    uint64_t z;

    if (!bound)
        return 0;
    do
        z = next_number(ids);
    while (z < uneven);
    return z % bound;
}

void idgen_uuid(struct idgen *ids, char ret_text[UUID_TEXT])
{
    const uint64_t halves[2] = {next_number(ids), next_number(ids)};
    uuid_t id;

    for (int i = 0; i < 16; i++)
        id[i] = (unsigned char)(halves[i / 8] >> (56 - i % 8 * 8));
    id[6] = (unsigned char)((id[6] & 0x0f) | 0x40);
    id[8] = (unsigned char)((id[8] & 0x3f) | 0x80);
    uuid_unparse_lower(id, ret_text);
}

void uuid_of_name(const char *name, char ret_text[UUID_TEXT])
{
    /* 7c1d6b1e-5f0a-4b7e-9a65-3d0e0c5f2a11: made once for this toolkit; never change it, element
     * ids that clients hold depend on it. */
    static const uuid_t space = {0x7c, 0x1d, 0x6b, 0x1e, 0x5f, 0x0a, 0x4b, 0x7e,
                                 0x9a, 0x65, 0x3d, 0x0e, 0x0c, 0x5f, 0x2a, 0x11};
    uuid_t id;

    uuid_generate_sha1(id, space, name, strlen(name));
    uuid_unparse_lower(id, ret_text);
}

int uuid_read(const char *text, char ret_text[UUID_TEXT])
{
    uint64_t part[5] = {0};
    size_t n = 0, digits = 0;

    for (;; text++) {
        const char *hex = "0123456789abcdef", *at = *text ? strchr(hex, tolower(*text)) : NULL;
        if (at && part[n] >> 59 == 0) { /* a long of Java's has 63 bits */
            part[n] = part[n] << 4 | (uint64_t)(at - hex);
            digits++;
        } else if (!digits || at || (*text && *text != '-') || (*text && n == 4)) {
            return 0;
        } else if (!*text) {
            break;
        } else {
            n++;
            digits = 0;
        }
    }
    if (n != 4)
        return 0;
    const uint64_t high = part[0] << 32 | part[1] << 16 | part[2], low = part[3] << 48 | part[4];
    snprintf(ret_text, UUID_TEXT, "%08x-%04x-%04x-%04x-%012llx", (unsigned)(high >> 32),
             (unsigned)(high >> 16 & 0xffff), (unsigned)(high & 0xffff), (unsigned)(low >> 48),
             (unsigned long long)(low & 0xffffffffffff));
    return 1;
}

int uuid_is_canonical(const char *text)
{
    size_t i = 0;

    for (; text[i] && i < 36; i++) {
        const char c = text[i];
        if (i == 8 || i == 13 || i == 18 || i == 23) {
            if (c != '-')
                return 0;
        } else if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) {
            return 0;
        }
    }
    return i == 36 && !text[i];
}
