#include "base/arena.h"

#include <stdalign.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

enum { FIRST_BLOCK = 4096, LARGEST_BLOCK = 1 << 20, LARGEST_KEPT = 1 << 16 };

struct arena_block {
    struct arena_block *next;
    size_t size, used;
    alignas(max_align_t) char data[];
};

void arena_free(struct arena *arena)
{
    while (arena->blocks) {
        struct arena_block *next = arena->blocks->next;
        free(arena->blocks);
        arena->blocks = next;
    }
    arena->bytes = 0;
}

void arena_reset(struct arena *arena)
{
    struct arena_block *keep = arena->blocks;

    if (!keep || keep->size > LARGEST_KEPT) {
        arena_free(arena);
        return;
    }
    arena->blocks = keep->next;
    arena_free(arena);
    keep->next = NULL;
    keep->used = 0;
    arena->blocks = keep;
}

size_t arena_size(const struct arena *arena)
{
    size_t size = 0;

    for (const struct arena_block *block = arena->blocks; block; block = block->next)
        size += block->size;
    return size;
}

static struct arena_block *push_block(struct arena *arena, size_t size)
{
    struct arena_block *block = xmalloc(sizeof *block + size);
    block->size = size;
    block->used = 0;
    block->next = arena->blocks;
    arena->blocks = block;
    return block;
}

static struct arena_block *add_block(struct arena *arena, size_t size)
{
    size_t want = arena->blocks ? arena->blocks->size * 2 : FIRST_BLOCK;

    if (want > LARGEST_BLOCK)
        want = LARGEST_BLOCK;
    if (want < size)
        want = size;
    return push_block(arena, want);
}

void arena_room(struct arena *arena, size_t size)
{
    if (!arena->blocks && size > 0)
        (void)push_block(arena, size);
}

static size_t aligned(size_t size)
{
    const size_t align = alignof(max_align_t);

    return (size + align - 1) / align * align;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    struct arena_block *block = arena->blocks;

    if (size > SIZE_MAX / 4)
        abort();
    size = aligned(size);
    if (!block || block->size - block->used < size)
        block = add_block(arena, size);
    void *p = block->data + block->used;
    block->used += size;
    arena->bytes += size;
    return p;
}

void *arena_zalloc(struct arena *arena, size_t count, size_t size)
{
    if (size && count > SIZE_MAX / 4 / size)
        abort();
    void *p = arena_alloc(arena, count * size);
    memset(p, 0, count * size);
    return p;
}

char *arena_strndup(struct arena *arena, const char *s, size_t len)
{
    char *p = arena_alloc(arena, len + 1);

    if (len)
        memcpy(p, s, len);
    p[len] = '\0';
    return p;
}

char *arena_strdup(struct arena *arena, const char *s)
{
    return arena_strndup(arena, s, strlen(s));
}

void *arena_memdup(struct arena *arena, const void *data, size_t len)
{
    void *p = arena_alloc(arena, len);

    if (len)
        memcpy(p, data, len);
    return p;
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
    char guess[256]; /* mostly enough */
    va_list args;

    va_start(args, format);
    const int n = vsnprintf(guess, sizeof guess, format, args);
    va_end(args);
    if (n < (int)sizeof guess)
        return arena_strndup(arena, guess, n < 0 ? 0 : (size_t)n);
    char *p = arena_alloc(arena, (size_t)n + 1);
    va_start(args, format);
    vsnprintf(p, (size_t)n + 1, format, args);
    va_end(args);
    return p;
}

/* Makes the last allocation larger where it is; false when it is not the last or there is no room.
 */
static bool grow_last(struct arena *arena, const void *items, size_t from, size_t to)
{
    struct arena_block *block = arena->blocks;

    from = aligned(from);
    to = aligned(to);
    if (!block || from > block->used || items != block->data + block->used - from ||
        to - from > block->size - block->used)
        return false;
    block->used += to - from;
    arena->bytes += to - from;
    return true;
}

void *arena_push(struct arena *arena, void *items, size_t *count, size_t item_size)
{
    /* Room is a power of two, so it is full exactly when the count is one (or zero). Memory is
     * touched slot by slot: most arrays never use all of their room. */
    if ((*count & (*count - 1)) == 0) {
        const size_t used = *count * item_size, room = *count ? 2 * used : item_size;
        if (room < used || room > SIZE_MAX / 4)
            abort();
        if (!used || !grow_last(arena, items, used, room)) {
            void *grown = arena_alloc(arena, room);
            if (used)
                memcpy(grown, items, used);
            items = grown;
        }
    }
    memset((char *)items + *count * item_size, 0, item_size);
    ++*count;
    return items;
}
