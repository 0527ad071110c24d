/* The order in which Java's HashMap lists what was put into it. The original keeps a few maps of a
 * spec in one, so that the stored bytes follow it (see service-spec 6.1). Pure. */
#ifndef DSE_SPEC_JAVAMAP_H
#define DSE_SPEC_JAVAMAP_H

#include <stddef.h>
#include <stdint.h>

#include "spec/model.h"

struct java_map {
    struct arena *arena;
    size_t *bins, *ends; /* first and last entry of each bin; (size_t)-1: empty */
    size_t *lengths;
    size_t capacity;
    size_t first; /* bins that it begins with; 0: as many as an empty map of Java's */
    struct java_entry {
        uint32_t hash;
        size_t next;
    } * entries; /* in order of insertion */
    size_t count;
};

/* Adds a key that is not in the map yet; `hash` as of Java's hashCode(). Scratch memory comes from
 * map->arena. */
void java_map_add(struct java_map *map, uint32_t hash);
/* Fills ret[0..count) with the numbers of the entries (0: the first one added) in Java's order.
 * Bins of so many colliding keys that Java makes trees of them keep their order here. */
void java_map_order(const struct java_map *map, size_t *ret);

/* String.hashCode() of UTF-8 text. */
uint32_t java_string_hash(const char *text);

/* Puts pairs with distinct keys into the order of a HashMap that they were inserted into one by
 * one. */
void java_order_pairs(struct pairs *pairs);
/* Puts the pairs into the order of a HashMap that was made as a copy of all but the last, in the
 * order given, and that the last was put into then: a copy begins with as few bins as its pairs
 * need. */
void java_order_copy(struct pairs *pairs);

#endif
