#include "spec/javamap.h"

#include <string.h>

static const size_t none = (size_t)-1;
enum { FIRST_CAPACITY = 16, TREE_LENGTH = 8, TREE_CAPACITY = 64 };

static size_t bin_of(const struct java_map *map, size_t entry)
{
    const uint32_t hash = map->entries[entry].hash;

    return (hash ^ hash >> 16) & (map->capacity - 1);
}

static void append(struct java_map *map, size_t entry)
{
    const size_t bin = bin_of(map, entry);

    map->entries[entry].next = none;
    if (map->lengths[bin]++ == 0)
        map->bins[bin] = entry;
    else
        map->entries[map->ends[bin]].next = entry;
    map->ends[bin] = entry;
}

/* Twice the bins; entries of one bin stay in their order. */
static void grow(struct java_map *map)
{
    const struct java_map old = *map;

    map->capacity = old.capacity ? old.capacity * 2 : map->first ? map->first : FIRST_CAPACITY;
    map->bins = ARENA_ARRAY(map->arena, map->capacity, size_t);
    map->ends = ARENA_ARRAY(map->arena, map->capacity, size_t);
    map->lengths = ARENA_ARRAY(map->arena, map->capacity, size_t);
    for (size_t i = 0; i < map->capacity; i++)
        map->bins[i] = map->ends[i] = none;
    for (size_t i = 0; i < old.capacity; i++) {
        for (size_t e = old.bins[i], next; e != none; e = next) {
            next = map->entries[e].next;
            append(map, e);
        }
    }
}

void java_map_add(struct java_map *map, uint32_t hash)
{
    struct java_entry *entry = ARENA_PUSH(map->arena, map->entries, map->count);
    const size_t number = map->count - 1;

    *entry = (struct java_entry){hash, none};
    if (!map->capacity)
        grow(map);
    const size_t before = map->lengths[bin_of(map, number)];
    append(map, number);
    /* A long bin makes a small table grow, and so do three quarters of its capacity. */
    if (before >= TREE_LENGTH && map->capacity < TREE_CAPACITY)
        grow(map);
    if (map->count > map->capacity * 3 / 4)
        grow(map);
}

void java_map_order(const struct java_map *map, size_t *ret)
{
    for (size_t i = 0; i < map->capacity; i++) {
        for (size_t e = map->bins[i]; e != none; e = map->entries[e].next)
            *ret++ = e;
    }
}

uint32_t java_string_hash(const char *text)
{
    uint32_t hash = 0;

    for (const unsigned char *p = (const unsigned char *)text; *p;) {
        uint32_t c = *p++;
        for (int more = c >= 0xf0   ? 3
                        : c >= 0xe0 ? 2
                        : c >= 0xc0 ? 1
                                    : 0,
                 i = 0;
             i < more && (*p & 0xc0) == 0x80; i++)
            c = (i == 0 ? c & (0x3fU >> more) : c) << 6 | (*p++ & 0x3fU);
        if (c >= 0x10000) { /* two units of UTF-16 */
            hash = hash * 31 + (0xd800 + ((c - 0x10000) >> 10));
            c = 0xdc00 + ((c - 0x10000) & 0x3ff);
        }
        hash = hash * 31 + c;
    }
    return hash;
}

static void order_pairs(struct pairs *pairs, size_t first)
{
    auto_arena struct arena scratch = ARENA_INIT;
    struct java_map map = {.arena = &scratch, .first = first};

    if (pairs->count < 2)
        return;
    for (size_t i = 0; i < pairs->count; i++)
        java_map_add(&map, java_string_hash(pairs->items[i].key));
    size_t *order = ARENA_ARRAY(&scratch, pairs->count, size_t);
    const struct pair *old =
        arena_memdup(&scratch, pairs->items, pairs->count * sizeof *pairs->items);
    java_map_order(&map, order);
    for (size_t i = 0; i < pairs->count; i++)
        pairs->items[i] = old[order[i]];
}

void java_order_pairs(struct pairs *pairs)
{
    order_pairs(pairs, 0);
}

void java_order_copy(struct pairs *pairs)
{
    const size_t copied = pairs->count ? pairs->count - 1 : 0;
    size_t bins = copied ? 1 : 0;

    while (copied && bins < copied * 4 / 3 + 1)
        bins *= 2;
    order_pairs(pairs, bins);
}
