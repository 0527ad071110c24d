#include "offer/strmap.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"

static struct strmap_entry *probe(const struct strmap *map, uint64_t hash, const char *key)
{
    for (size_t i = hash & (map->room - 1);; i = (i + 1) & (map->room - 1)) {
        struct strmap_entry *entry = &map->slots[i];
        if (!entry->key || (entry->hash == hash && strcmp(entry->key, key) == 0))
            return entry;
    }
}

struct strmap_entry *strmap_find(const struct strmap *map, const char *key)
{
    if (map->room == 0)
        return NULL;
    struct strmap_entry *entry = probe(map, text_hash(0, key), key);
    return entry->key ? entry : NULL;
}

static void grow(struct strmap *map)
{
    struct strmap bigger = {xcalloc(map->room ? map->room * 2 : 16, sizeof *map->slots),
                            map->room ? map->room * 2 : 16, map->used};
    for (size_t i = 0; i < map->room; i++)
        if (map->slots[i].key)
            *probe(&bigger, map->slots[i].hash, map->slots[i].key) = map->slots[i];
    free(map->slots);
    *map = bigger;
}

struct strmap_entry *strmap_get(struct strmap *map, const char *key)
{
    if ((map->used + 1) * 4 > map->room * 3)
        grow(map);
    uint64_t hash = text_hash(0, key);
    struct strmap_entry *entry = probe(map, hash, key);
    if (!entry->key) {
        entry->hash = hash;
        entry->key = xstrdup(key);
        map->used++;
    }
    return entry;
}

void strmap_free(struct strmap *map)
{
    for (size_t i = 0; i < map->room; i++)
        free(map->slots[i].key);
    free(map->slots);
    *map = (struct strmap){0};
}
