/* A hash map from strings to pointers. Keys and values belong to the caller and must outlive their
 * entry (a key usually lies inside its value). Iteration is in no promised order; entries may be
 * removed while iterating, not added. */
#ifndef DSE_LOCAL_MAP_H
#define DSE_LOCAL_MAP_H

#include <stddef.h>

struct map_entry {
    const char *key; /* NULL: free; MAP_GONE: removed */
    void *value;
};

struct map {
    struct map_entry *slots;
    size_t n_slots, count, used; /* used counts removed slots too */
};

#define MAP_INIT      \
    {                 \
        NULL, 0, 0, 0 \
    }

void map_free(struct map *map);
void *map_get(const struct map *map, const char *key); /* NULL when absent */
void map_put(struct map *map, const char *key, void *value);
void *map_take(struct map *map, const char *key); /* removes; NULL when absent */

extern const char MAP_GONE[];
/* for (MAP_EACH(map, entry)) entry->value … */
#define MAP_EACH(map, e)                                                          \
    struct map_entry *e = (map)->slots, *e##_end = e ? e + (map)->n_slots : NULL; \
    e != e##_end;                                                                 \
    e++
#define MAP_LIVE(e) ((e)->key && (e)->key != MAP_GONE)

#endif
