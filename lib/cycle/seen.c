/* The last offers of each agent, kept for people who ask why a pod is not placed. They are the held
 * offers themselves in the memory of their events, so that keeping one costs nothing but that
 * memory, which is bounded. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "cycle/internal.h"
#include "proto/pbjson.h"

enum { SEEN_KEPT = 256, SEEN_BYTES = 1 << 20 };

struct seen {
    struct held_offer *oldest, *newest;
    struct held_offer *places[SEEN_KEPT]; /* by hash */
    size_t count, bytes;
};

/* A memory counts once, with its first offer. */
static void count_in(struct seen *seen, const struct held_offer *held)
{
    seen->bytes += sizeof *held + (held->memory->seen++ ? 0 : held->memory->bytes);
}

static void count_out(struct seen *seen, const struct held_offer *held)
{
    seen->bytes -= sizeof *held + (--held->memory->seen ? 0 : held->memory->bytes);
}

static struct held_offer **bucket_of(struct seen *seen, const struct held_offer *held)
{
    return &seen->places[held->place % SEEN_KEPT];
}

static void add(struct seen *seen, struct held_offer *held)
{
    struct held_offer **bucket = bucket_of(seen, held);

    held->next = NULL;
    held->previous = seen->newest;
    *(held->previous ? &held->previous->next : &seen->oldest) = held;
    seen->newest = held;
    held->next_place = *bucket;
    *bucket = held;
    seen->count++;
    count_in(seen, held);
}

static void drop(struct cycle *cycle, struct held_offer *held)
{
    struct seen *seen = cycle->seen;
    struct held_offer **p = bucket_of(seen, held);

    while (*p != held)
        p = &(*p)->next_place;
    *p = held->next_place;
    *(held->previous ? &held->previous->next : &seen->oldest) = held->next;
    *(held->next ? &held->next->previous : &seen->newest) = held->previous;
    seen->count--;
    count_out(seen, held);
    held_free(cycle, held);
}

/* Older ones of the same agent and role go; parts of one split offer come in one round and stay
 * together. */
static void forget_place(struct cycle *cycle, const struct held_offer *held, unsigned long round)
{
    struct held_offer *next;

    for (struct held_offer *h = *bucket_of(cycle->seen, held); h; h = next) {
        next = h->next_place;
        if (h->round != round && held_same_place(h, held))
            drop(cycle, h);
    }
}

static void drop_oldest(struct cycle *cycle)
{
    struct seen *seen = cycle->seen;

    while (seen->count && seen->bytes > SEEN_BYTES)
        drop(cycle, seen->oldest);
}

size_t seen_room(const struct cycle *cycle)
{
    return cycle->options.keep_offers ? SEEN_KEPT : 0;
}

void seen_keep(struct cycle *cycle, struct held_offer *held)
{
    if (!cycle->seen)
        cycle->seen = xcalloc(1, sizeof *cycle->seen);
    struct seen *seen = cycle->seen;
    held->round = (unsigned long)cycle->counters[COUNT_ROUNDS];
    forget_place(cycle, held, held->round);
    if (seen->count == SEEN_KEPT)
        drop(cycle, seen->oldest);
    add(seen, held);
}

void seen_settle(struct cycle *cycle, struct offer_memory *memory)
{
    struct seen *seen = cycle->seen;

    if (memory->bytes) {
        seen->bytes += memory->bytes;
        drop_oldest(cycle);
        return;
    }
    /* The newest first: of many that are large the last ones stay. */
    struct held_offer *h = seen->newest;
    while (h && memory->seen) {
        if (h->memory == memory) {
            count_out(seen, h);
            held_own(cycle, h);
            count_in(seen, h);
        }
        while (seen->bytes > SEEN_BYTES && seen->oldest != h)
            drop(cycle, seen->oldest);
        h = h->previous;
    }
    drop_oldest(cycle);
}

void seen_forget(struct cycle *cycle, const struct held_offer *held)
{
    if (cycle->seen)
        forget_place(cycle, held, 0);
}

void seen_rescind(struct cycle *cycle, const char *offer_id)
{
    struct held_offer *next;

    for (struct held_offer *h = cycle->seen ? cycle->seen->oldest : NULL; h; h = next) {
        next = h->next;
        if (strcmp(h->offer->id->value, offer_id) == 0)
            drop(cycle, h);
    }
}

void seen_free(struct cycle *cycle)
{
    while (cycle->seen && cycle->seen->count)
        drop(cycle, cycle->seen->oldest);
    free(cycle->seen);
    cycle->seen = NULL;
}

/* Where the master is: it decides which offers are of the local region. */
static json_t *subscribed_event(const struct cycle *cycle)
{
    MasterInfo master = MASTER_INFO__INIT;
    FrameworkID id = FRAMEWORK_ID__INIT;
    Event__Subscribed subscribed = EVENT__SUBSCRIBED__INIT;
    Event event = EVENT__INIT;

    master.id = (char *)"";
    master.domain = cycle->master_domain;
    id.value = cycle->framework_id;
    subscribed.framework_id = &id;
    subscribed.master_info = &master;
    event.has_type = 1;
    event.type = EVENT__TYPE__SUBSCRIBED;
    event.subscribed = &subscribed;
    return pb_to_json(&event);
}

json_t *cycle_offers(const struct cycle *cycle)
{
    json_t *list = json_array();

    if (cycle->master_domain)
        json_push(list, subscribed_event(cycle));
    for (const struct held_offer *held = cycle->seen ? cycle->seen->oldest : NULL; held;
         held = held->next)
        json_push(list, pb_to_json(held->offer));
    for (const struct held_offer *held = cycle->offers; held; held = held->next)
        json_push(list, pb_to_json(held->offer));
    return list;
}
