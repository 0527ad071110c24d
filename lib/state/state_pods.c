/* The first task of each pod instance: a table, open addressing with linear probing. A search among
 * thousands of names costs a dozen misses of the cache, a look here one or two. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "state/state_impl.h"

static size_t home_of(const struct pod_table *table, const char *type, int index)
{
    uint64_t hash = 0xcbf29ce484222325;

    for (; *type; type++)
        hash = (hash ^ (unsigned char)*type) * 0x100000001b3;
    hash = (hash ^ (uint64_t)index) * 0x9e3779b97f4a7c15;
    return (size_t)(hash >> 32) & (table->room - 1);
}

static struct pod_slot *slot_of(const struct pod_table *table, const char *type, int index)
{
    size_t at = home_of(table, type, index);

    while (table->slots[at].first &&
           (table->slots[at].index != index || strcmp(table->slots[at].type, type) != 0))
        at = (at + 1) & (table->room - 1);
    return &table->slots[at];
}

static void grow(struct pod_table *table)
{
    const struct pod_table old = *table;

    table->room = old.room ? old.room * 2 : 16;
    table->slots = xcalloc(table->room, sizeof *table->slots);
    for (size_t i = 0; i < old.room; i++) {
        if (old.slots[i].first)
            *slot_of(table, old.slots[i].type, old.slots[i].index) = old.slots[i];
    }
    free(old.slots);
}

struct task *pod_table_find(const struct pod_table *table, const char *type, int index)
{
    return table->room ? slot_of(table, type, index)->first : NULL;
}

void pod_table_put(struct pod_table *table, struct task *first)
{
    if (table->count * 3 >= table->room * 2)
        grow(table);
    struct pod_slot *slot = slot_of(table, first->pod_type, first->pod_index);
    table->count += !slot->first;
    *slot = (struct pod_slot){first->pod_type, first->pod_index, first};
}

/* Moves up those behind it that no longer reach their place. */
void pod_table_remove(struct pod_table *table, const char *type, int index)
{
    if (!pod_table_find(table, type, index))
        return;
    const size_t mask = table->room - 1;
    size_t hole = (size_t)(slot_of(table, type, index) - table->slots);
    for (size_t i = (hole + 1) & mask; table->slots[i].first; i = (i + 1) & mask) {
        const size_t home = home_of(table, table->slots[i].type, table->slots[i].index);
        if (((i - home) & mask) >= ((i - hole) & mask)) {
            table->slots[hole] = table->slots[i];
            hole = i;
        }
    }
    table->slots[hole] = (struct pod_slot){NULL, 0, NULL};
    table->count--;
}

void pod_table_free(struct pod_table *table)
{
    free(table->slots);
    *table = (struct pod_table){0};
}
