#include "map.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

const char MAP_GONE[] = "";

static size_t hash_text(const char *s)
{
    uint64_t h = 1469598103934665603u;
    for (; *s; s++)
        h = (h ^ (unsigned char)*s) * 1099511628211u;
    return (size_t)(h ^ (h >> 29));
}

void map_free(struct map *map)
{
    free(map->slots);
    *map = (struct map)MAP_INIT;
}

static struct map_entry *find(const struct map *map, const char *key)
{
    if (map->n_slots == 0)
        return NULL;
    for (size_t i = hash_text(key);; i++) {
        struct map_entry *e = &map->slots[i & (map->n_slots - 1)];
        if (!e->key)
            return NULL;
        if (e->key != MAP_GONE && strcmp(e->key, key) == 0)
            return e;
    }
}

void *map_get(const struct map *map, const char *key)
{
    const struct map_entry *e = find(map, key);
    return e ? e->value : NULL;
}

static void insert(struct map *map, const char *key, void *value)
{
    for (size_t i = hash_text(key);; i++) {
        struct map_entry *e = &map->slots[i & (map->n_slots - 1)];
        if (e->key)
            continue;
        *e = (struct map_entry){key, value};
        map->count++;
        map->used++;
        return;
    }
}

static void rebuild(struct map *map)
{
    struct map old = *map;
    size_t n = 16;
    while (n < old.count * 4)
        n *= 2;
    *map = (struct map){.slots = xcalloc(n, sizeof *map->slots), .n_slots = n};
    for (MAP_EACH(&old, e))
        if (MAP_LIVE(e))
            insert(map, e->key, e->value);
    free(old.slots);
}

void map_put(struct map *map, const char *key, void *value)
{
    struct map_entry *e = find(map, key);
    if (e) {
        *e = (struct map_entry){key, value};
        return;
    }
    if (map->used * 2 >= map->n_slots)
        rebuild(map);
    insert(map, key, value);
}

void *map_take(struct map *map, const char *key)
{
    struct map_entry *e = find(map, key);
    if (!e)
        return NULL;
    void *value = e->value;
    *e = (struct map_entry){MAP_GONE, NULL};
    map->count--;
    return value;
}
