/* Time and entropy as parameters, so that a run is a function of its inputs and a seed. */
#ifndef DSE_BASE_CLOCK_H
#define DSE_BASE_CLOCK_H

#include <stdint.h>

/* Wall clock in ms since the epoch. Tests set `fixed_ms`. */
struct clock {
    int64_t fixed_ms; /* 0: the real clock */
};
int64_t clock_now_ms(const struct clock *clock);
/* Monotonic ns, for measuring how long something takes: the fixed time stands still. */
int64_t clock_now_ns(const struct clock *clock);

enum { UUID_TEXT = 37 }; /* 36 characters and a NUL */

/* Source of ids. Real: from the kernel. With a seed: reproducible. */
struct idgen {
    uint64_t seed; /* 0: kernel entropy; else splitmix64 state */
};
/* A version 4 UUID, lower case. */
void idgen_uuid(struct idgen *ids, char ret_text[UUID_TEXT]);
/* A number in [0, bound). */
uint64_t idgen_below(struct idgen *ids, uint64_t bound);
/* A version 5 (name-based, SHA-1) UUID of name in our own namespace. Pure. */
void uuid_of_name(const char *name, char ret_text[UUID_TEXT]);
/* Reads what Java's UUID.fromString() takes for one: five hexadecimal numbers with dashes between,
 * of any length and case (`1-2-3-4-5`). Returns 1 and the canonical form, or 0. */
int uuid_read(const char *text, char ret_text[UUID_TEXT]);
/* 1 when text is a canonical lower-case UUID. */
int uuid_is_canonical(const char *text);

#endif
