/* Arenas: alignment, growth, reuse, and blocks of a known size. */
#include "base/arena.h"

#include <stdalign.h>
#include <stddef.h>
#include <stdint.h>

#include "tap.h"

static void room_is_exact_and_grows_when_too_small(void)
{
    struct arena arena = ARENA_INIT;
    arena_room(&arena, 64);
    char *first = arena_alloc(&arena, 40);
    char *second = arena_alloc(&arena, 16);
    CHECK(second == first + 48); /* the same block, aligned */
    memset(first, 1, 40);
    memset(second, 2, 16);
    char *third = arena_alloc(&arena, 5000); /* more than was said */
    memset(third, 3, 5000);
    CHECK(first[39] == 1 && second[15] == 2);
    CHECK_INT(arena.bytes, 48 + 16 + 5008);
    arena_room(&arena, 64); /* not empty: nothing happens */
    CHECK_INT(arena.bytes, 48 + 16 + 5008);
    arena_free(&arena);
    CHECK_INT(arena.bytes, 0);
}

static void memory_is_aligned_and_strings_are_copies(void)
{
    struct arena arena = ARENA_INIT;
    char text[] = "abc";
    for (size_t size = 1; size < 40; size++)
        CHECK_INT((uintptr_t)arena_alloc(&arena, size) % alignof(max_align_t), 0);
    char *copy = arena_strdup(&arena, text);
    text[0] = 'x';
    CHECK_STR(copy, "abc");
    CHECK_STR(arena_printf(&arena, "%s-%d", copy, 7), "abc-7");
    arena_free(&arena);
}

static void pushing_keeps_what_was_there(void)
{
    struct arena arena = ARENA_INIT;
    int *items = NULL;
    size_t count = 0;
    for (int i = 0; i < 1000; i++)
        *ARENA_PUSH(&arena, items, count) = i;
    int wrong = 0;
    for (int i = 0; i < 1000; i++)
        wrong += items[i] != i;
    CHECK_INT(wrong, 0);
    CHECK_INT(count, 1000);
    arena_free(&arena);
}

static void pushing_grows_in_place_and_zeroes(void)
{
    struct arena arena = ARENA_INIT;
    long *first = NULL, *second = NULL;
    size_t n = 0, m = 0;

    *ARENA_PUSH(&arena, first, n) = 1;
    const long *where = first;
    for (long i = 2; i <= 16; i++)
        *ARENA_PUSH(&arena, first, n) = i;
    CHECK(first == where); /* nothing came behind it */
    *ARENA_PUSH(&arena, second, m) = 7;
    *ARENA_PUSH(&arena, first, n) = 17;
    CHECK(first != where);
    CHECK_INT(first[15], 16);
    CHECK_INT(second[0], 7);
    /* A slot is zeroed, also one that was used before. */
    n = 3;
    CHECK_INT(*ARENA_PUSH(&arena, first, n), 0);
    CHECK_INT(first[2], 3);
    arena_free(&arena);
}

static void reset_keeps_a_block_of_ordinary_size(void)
{
    struct arena arena = ARENA_INIT;
    arena_alloc(&arena, 100);
    arena_alloc(&arena, 5000);
    CHECK_INT(arena_size(&arena), 4096 + 8192);
    arena_reset(&arena);
    CHECK_INT(arena_size(&arena), 8192);
    CHECK_INT(arena.bytes, 0);
    arena_alloc(&arena, 1 << 20);
    arena_reset(&arena);
    CHECK_INT(arena_size(&arena), 0);
    arena_room(&arena, 30000);
    CHECK_INT(arena_size(&arena), 30000);
    arena_free(&arena);
}

TAP_MAIN(TEST(reset_keeps_a_block_of_ordinary_size), TEST(room_is_exact_and_grows_when_too_small),
         TEST(memory_is_aligned_and_strings_are_copies), TEST(pushing_keeps_what_was_there),
         TEST(pushing_grows_in_place_and_zeroes))
