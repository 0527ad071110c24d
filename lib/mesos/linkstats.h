/* What the link counts and times, left in the run directory as link.json (doc/records.md). */
#ifndef DSE_MESOS_LINKSTATS_H
#define DSE_MESOS_LINKSTATS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/loop.h"

struct linkstats;
struct linkstats *linkstats_new(struct loop *loop, const char *run_dir); /* borrows the path */
/* The master took a call, or not, took_ns after it was sent. The file follows in a moment. */
void linkstats_answered(struct linkstats *stats, bool accepted, int64_t took_ns);
/* Writes what is not written yet. NULL is allowed. */
void linkstats_free(struct linkstats *stats);

#endif
