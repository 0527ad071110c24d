/* A hash table from text to a number or pointer. Keys are copied; entries are never removed (set
 * the value to 0 instead). */
#ifndef DSE_OFFER_STRMAP_H
#define DSE_OFFER_STRMAP_H

#include <stddef.h>
#include <stdint.h>

struct strmap_entry {
    uint64_t hash;
    char *key; /* NULL: free slot */
    union {
        int64_t number;
        void *pointer;
    };
};
struct strmap {
    struct strmap_entry *slots;
    size_t room, used; /* room is 0 or a power of two */
};

struct strmap_entry *strmap_find(const struct strmap *map, const char *key); /* or NULL */
/* Found, or made with value 0. Valid until the next strmap_get(). */
struct strmap_entry *strmap_get(struct strmap *map, const char *key);
void strmap_free(struct strmap *map); /* keys and slots, not what pointers point at */

#endif
