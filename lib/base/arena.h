/* Arena: many allocations, freed together. Everything made while one event is handled lives in the
 * event's arena; a decoded message and all its parts live in one. Memory is aligned for any type.
 */
#ifndef DSE_BASE_ARENA_H
#define DSE_BASE_ARENA_H

#include <stdarg.h>
#include <stddef.h>

struct arena_block;
struct arena {
    struct arena_block *blocks; /* newest first */
    size_t bytes;               /* handed out so far */
};

#define ARENA_INIT \
    {              \
        NULL, 0    \
    }

void arena_free(struct arena *arena);
#define auto_arena __attribute__((cleanup(arena_free)))
/* Frees all but one block of an ordinary size, for reuse. */
void arena_reset(struct arena *arena);
/* Bytes that it holds, handed out or not. */
size_t arena_size(const struct arena *arena);

/* Gives an empty arena room for size bytes (as `bytes` of another arena counted them), where the
 * usual first block would be too large for what lives long in great numbers. */
void arena_room(struct arena *arena, size_t size);

void *arena_alloc(struct arena *arena, size_t size);
/* As above, filled with zero bytes. */
void *arena_zalloc(struct arena *arena, size_t count, size_t size);
char *arena_strdup(struct arena *arena, const char *s);
char *arena_strndup(struct arena *arena, const char *s, size_t len);
void *arena_memdup(struct arena *arena, const void *data, size_t len);
char *arena_printf(struct arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#define ARENA_NEW(arena, type) ((type *)arena_zalloc((arena), 1, sizeof(type)))
#define ARENA_ARRAY(arena, count, type) ((type *)arena_zalloc((arena), (count), sizeof(type)))

/* Grows an array kept as (items, count) by one slot, doubling its room, and returns the new
 * zeroed slot. The old array stays in the arena until it is freed. */
void *arena_push(struct arena *arena, void *items, size_t *count, size_t item_size);
#define ARENA_PUSH(arena, items, count) \
    ((items) = arena_push((arena), (items), &(count), sizeof *(items)), &(items)[(count)-1])

#endif
