/* Where stored tasks are, counted for placement rules, so that asking about one offer costs the
 * same with ten tasks and with ten thousand (design, invariant 8).
 *
 * A table of tasks (their keys: hostname, region, zone, attributes, type, agent) and, for each
 * question that a rule asks, one counter: tasks whose name passes a filter, by one of the keys.
 * Counters are made on first use by one walk over the tasks, then kept with every change that the
 * owner tells. Pure: it holds copies, never the state. */
#ifndef DSE_OFFER_COUNTS_H
#define DSE_OFFER_COUNTS_H

#include "offer/matcher.h"
#include "state/state.h"

struct placement;
struct counter;

struct placement *placement_new(void);
void placement_free(struct placement *placement); /* NULL is allowed */
/* Tells of all tasks of the state; those known before are forgotten. */
void placement_load(struct placement *placement, const struct state *state);
/* The same, and from now on of every change, until the placement is freed (before the state). */
void placement_attach(struct placement *placement, struct state *state);
/* After the task was stored or changed. O(counters). */
void placement_task_changed(struct placement *placement, const struct task *task);
/* After it was deleted; unknown names are fine. */
void placement_task_gone(struct placement *placement, const char *task_name);

struct regexes *placement_regexes(struct placement *placement);

enum count_key {
    COUNT_HOSTNAME,
    COUNT_REGION,
    COUNT_ZONE,
    COUNT_ATTRIBUTE,       /* "rack:r1" */
    COUNT_ATTRIBUTE_VALUE, /* "r1" of the attribute called `name`, whatever its case */
    COUNT_TYPE,            /* pod type */
    COUNT_TYPE_AGENT,      /* "<pod type>\n<agent id>" */
};
/* The counter of tasks that pass the filter; lives as long as the placement. */
struct counter *placement_counter(struct placement *placement, enum count_key key,
                                  const char *name /* or NULL */, const struct matcher *filter);
int64_t counter_get(const struct counter *counter, const char *key);

struct count_range {
    size_t keys; /* that have tasks */
    int64_t min, max;
};
struct count_range counter_range(const struct counter *counter);
/* The same without some tasks' contributions: keys of those tasks, one entry each. O(keys). */
struct count_range counter_range_without(const struct counter *counter, const struct strings *own);
/* Adds to *ret the keys that a known task contributes to the counter. */
void counter_keys_of(struct placement *placement, const struct counter *counter,
                     const char *task_name, struct arena *arena, struct strings *ret);

#endif
