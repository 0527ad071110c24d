#include "offer/counts.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "offer/strmap.h"

/* Keys of one task, packed behind each other in one block: absent ones are NULL. */
struct place {
    char *name, *hostname, *region, *zone, *attributes, *type, *agent;
    char text[];
};

struct counter {
    enum count_key key;
    char *name;
    enum matcher_type filter;
    char *filter_text;
    struct strmap counts; /* key -> tasks */
    /* How many keys have n tasks, for the smallest and largest n in O(1). */
    size_t *keys_with;
    size_t room;
    size_t keys;
    int64_t min, max;
    struct counter *next;
};

struct placement {
    struct regexes *regexes;
    struct strmap places; /* task name -> struct place, NULL when gone */
    struct counter *counters;
    struct state *state; /* watched, or NULL */
};

struct placement *placement_new(void)
{
    struct placement *placement = xcalloc(1, sizeof *placement);
    placement->regexes = regexes_new();
    return placement;
}

static void counters_free(struct placement *placement)
{
    while (placement->counters) {
        struct counter *counter = placement->counters;
        placement->counters = counter->next;
        strmap_free(&counter->counts);
        free(counter->keys_with);
        free(counter->name);
        free(counter->filter_text);
        free(counter);
    }
}

static void places_free(struct placement *placement)
{
    for (size_t i = 0; i < placement->places.room; i++)
        if (placement->places.slots[i].key)
            free(placement->places.slots[i].pointer);
    strmap_free(&placement->places);
}

void placement_free(struct placement *placement)
{
    if (!placement)
        return;
    if (placement->state)
        state_watch_tasks(placement->state, NULL);
    counters_free(placement);
    places_free(placement);
    regexes_free(placement->regexes);
    free(placement);
}

struct regexes *placement_regexes(struct placement *placement)
{
    return placement->regexes;
}

/* ---- one counter ---- */

static void keys_with_add(struct counter *counter, int64_t n, int by)
{
    if ((size_t)n >= counter->room) {
        size_t room = counter->room ? counter->room : 16;
        while (room <= (size_t)n)
            room *= 2;
        counter->keys_with = xreallocarray(counter->keys_with, room, sizeof *counter->keys_with);
        memset(counter->keys_with + counter->room, 0,
               (room - counter->room) * sizeof *counter->keys_with);
        counter->room = room;
    }
    counter->keys_with[n] += (size_t)by;
}

static void counter_add(struct counter *counter, const char *key, int by)
{
    struct strmap_entry *entry = strmap_get(&counter->counts, key);
    int64_t before = entry->number, now = before + by;
    if (now < 0)
        return;
    entry->number = now;
    if (before > 0)
        keys_with_add(counter, before, -1);
    else
        counter->keys++;
    if (now > 0)
        keys_with_add(counter, now, 1);
    else
        counter->keys--;
    if (counter->keys == 0) {
        counter->min = counter->max = 0;
        return;
    }
    if (now > 0 && (now < counter->min || counter->min == 0))
        counter->min = now;
    if (now > counter->max)
        counter->max = now;
    while (counter->keys_with[counter->min] == 0) /* one step up, more only when a key vanished */
        counter->min++;
    while (counter->keys_with[counter->max] == 0)
        counter->max--;
}

/* Calls back with each key that the place has for the counter's question. */
static void each_key(const struct counter *counter, const struct place *place,
                     void (*fn)(void *ctx, const char *key), void *ctx)
{
    const char *key = NULL;
    switch (counter->key) {
    case COUNT_HOSTNAME:
        key = place->hostname;
        break;
    case COUNT_REGION:
        key = place->region;
        break;
    case COUNT_ZONE:
        key = place->zone;
        break;
    case COUNT_TYPE:
        key = place->type;
        break;
    case COUNT_TYPE_AGENT: {
        if (!place->type || !place->agent)
            return;
        auto_free char *both = xasprintf("%s\n%s", place->type, place->agent);
        fn(ctx, both);
        return;
    }
    case COUNT_ATTRIBUTE:
    case COUNT_ATTRIBUTE_VALUE: {
        if (!place->attributes)
            return;
        auto_free char *copy = xstrdup(place->attributes);
        char *rest;
        for (char *one = strtok_r(copy, ";", &rest); one; one = strtok_r(NULL, ";", &rest)) {
            char *colon = strchr(one, ':');
            if (!colon)
                continue;
            if (counter->key == COUNT_ATTRIBUTE) {
                fn(ctx, one);
                continue;
            }
            *colon = '\0';
            if (strcasecmp(one, counter->name) == 0) {
                fn(ctx, colon + 1);
                return;
            }
        }
        return;
    }
    }
    if (key)
        fn(ctx, key);
}

static bool passes(struct placement *placement, const struct counter *counter, const char *name)
{
    struct matcher filter = {counter->filter, counter->filter_text};
    return matcher_matches(placement->regexes, &filter, name);
}

static void add_one(void *ctx, const char *key)
{
    counter_add(ctx, key, 1);
}

static void remove_one(void *ctx, const char *key)
{
    counter_add(ctx, key, -1);
}

/* ---- tasks ---- */

static char *pack(char **room, const char *text)
{
    if (!text || !*text)
        return NULL;
    char *at = *room;
    size_t len = strlen(text) + 1;
    memcpy(at, text, len);
    *room += len;
    return at;
}

static struct place *place_new(const struct task *task)
{
    const char *parts[] = {task->name,       task->hostname, task->region,  task->zone,
                           task->attributes, task->pod_type, task->agent_id};
    size_t len = 0;
    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        len += parts[i] ? strlen(parts[i]) + 1 : 0;
    struct place *place = xmalloc(sizeof *place + len);
    char *room = place->text;
    place->name = pack(&room, task->name);
    place->hostname = pack(&room, task->hostname);
    place->region = pack(&room, task->region);
    place->zone = pack(&room, task->zone);
    place->attributes = pack(&room, task->attributes);
    place->type = pack(&room, task->pod_type);
    place->agent = pack(&room, task->agent_id);
    return place;
}

static void count_place(struct placement *placement, const struct place *place,
                        void (*fn)(void *, const char *))
{
    for (struct counter *c = placement->counters; c; c = c->next)
        if (passes(placement, c, place->name))
            each_key(c, place, fn, c);
}

static bool same_text(const char *a, const char *b)
{
    if (!a || !*a || !b || !*b)
        return (!a || !*a) && (!b || !*b);
    return strcmp(a, b) == 0;
}

static bool same_place(const struct place *place, const struct task *task)
{
    return same_text(place->hostname, task->hostname) && same_text(place->region, task->region) &&
           same_text(place->zone, task->zone) && same_text(place->attributes, task->attributes) &&
           same_text(place->type, task->pod_type) && same_text(place->agent, task->agent_id);
}

void placement_task_gone(struct placement *placement, const char *task_name)
{
    struct strmap_entry *entry = strmap_find(&placement->places, task_name);
    if (!entry || !entry->pointer)
        return;
    count_place(placement, entry->pointer, remove_one);
    free(entry->pointer);
    entry->pointer = NULL;
}

void placement_task_changed(struct placement *placement, const struct task *task)
{
    if (!task->name || !*task->name)
        return;
    struct strmap_entry *entry = strmap_get(&placement->places, task->name);
    if (entry->pointer && same_place(entry->pointer, task))
        return;
    if (entry->pointer) {
        count_place(placement, entry->pointer, remove_one);
        free(entry->pointer);
    }
    entry->pointer = place_new(task);
    count_place(placement, entry->pointer, add_one);
}

void placement_load(struct placement *placement, const struct state *state)
{
    counters_free(placement);
    places_free(placement);
    for (struct task *t = state_task_first(state); t; t = state_task_after(state, t))
        placement_task_changed(placement, t);
}

static void task_changed(void *ctx, const struct task *task)
{
    placement_task_changed(ctx, task);
}

static void task_gone(void *ctx, const char *task_name)
{
    placement_task_gone(ctx, task_name);
}

void placement_attach(struct placement *placement, struct state *state)
{
    placement_load(placement, state);
    placement->state = state;
    state_watch_tasks(state, &(struct task_watcher){task_changed, task_gone, placement});
}

/* ---- questions ---- */

struct counter *placement_counter(struct placement *placement, enum count_key key, const char *name,
                                  const struct matcher *filter)
{
    for (struct counter *c = placement->counters; c; c = c->next)
        if (c->key == key && c->filter == filter->type && same_text(c->name, name) &&
            same_text(c->filter_text, filter->text))
            return c;
    struct counter *counter = xcalloc(1, sizeof *counter);
    counter->key = key;
    counter->name = xstrdup(name ? name : "");
    counter->filter = filter->type;
    counter->filter_text = xstrdup(filter->text ? filter->text : "");
    counter->next = placement->counters;
    placement->counters = counter;
    for (size_t i = 0; i < placement->places.room; i++) {
        const struct strmap_entry *entry = &placement->places.slots[i];
        const struct place *place = entry->key ? entry->pointer : NULL;
        if (place && passes(placement, counter, place->name))
            each_key(counter, place, add_one, counter);
    }
    return counter;
}

int64_t counter_get(const struct counter *counter, const char *key)
{
    const struct strmap_entry *entry = strmap_find(&counter->counts, key);
    return entry ? entry->number : 0;
}

struct count_range counter_range(const struct counter *counter)
{
    return (struct count_range){counter->keys, counter->min, counter->max};
}

struct count_range counter_range_without(const struct counter *counter, const struct strings *own)
{
    if (own->count == 0)
        return counter_range(counter);
    struct count_range range = {0};
    for (size_t i = 0; i < counter->counts.room; i++) {
        const struct strmap_entry *entry = &counter->counts.slots[i];
        if (!entry->key)
            continue;
        int64_t n = entry->number;
        for (size_t j = 0; j < own->count; j++)
            n -= strcmp(own->items[j], entry->key) == 0;
        if (n <= 0)
            continue;
        range.min = range.keys == 0 || n < range.min ? n : range.min;
        range.max = n > range.max ? n : range.max;
        range.keys++;
    }
    return range;
}

struct own_keys {
    struct arena *arena;
    struct strings *keys;
};

static void own_key(void *ctx, const char *key)
{
    struct own_keys *own = ctx;
    *ARENA_PUSH(own->arena, own->keys->items, own->keys->count) = arena_strdup(own->arena, key);
}

void counter_keys_of(struct placement *placement, const struct counter *counter,
                     const char *task_name, struct arena *arena, struct strings *ret)
{
    const struct strmap_entry *entry = strmap_find(&placement->places, task_name);
    if (!entry || !entry->pointer || !passes(placement, counter, task_name))
        return;
    struct own_keys own = {arena, ret};
    each_key(counter, entry->pointer, own_key, &own);
}
