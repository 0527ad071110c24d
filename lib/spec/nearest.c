#include "spec/nearest.h"

#include <ctype.h>
#include <string.h>

enum { LONGEST = 40 };

/* Twice the edit distance of two short words; a letter's case counts half. */
static size_t distance(const char *a, const char *b)
{
    size_t row[LONGEST + 1], m = strlen(a), n = strlen(b);

    if (m > LONGEST || n > LONGEST)
        return LONGEST * 2;
    for (size_t j = 0; j <= n; j++)
        row[j] = 2 * j;
    for (size_t i = 1; i <= m; i++) {
        size_t corner = row[0];
        row[0] = 2 * i;
        for (size_t j = 1; j <= n; j++) {
            const int x = (unsigned char)a[i - 1], y = (unsigned char)b[j - 1];
            size_t best = corner + (x == y ? 0 : tolower(x) == tolower(y) ? 1 : 2);
            corner = row[j];
            if (row[j] + 2 < best)
                best = row[j] + 2;
            if (row[j - 1] + 2 < best)
                best = row[j - 1] + 2;
            row[j] = best;
        }
    }
    return row[n];
}

struct nearest nearest_to(const char *word)
{
    const size_t len = strlen(word), wrong = len < 2 ? 0 : len < 4 ? 1 : len < 9 ? 2 : 3;

    return (struct nearest){.word = word, .distance = 2 * wrong + 1};
}

void nearest_try(struct nearest *nearest, const char *candidate)
{
    const size_t d = distance(nearest->word, candidate);

    if (d < nearest->distance) {
        nearest->distance = d;
        nearest->found = candidate;
    }
}

const char *nearest_hint(const struct nearest *nearest, struct arena *arena, const char *otherwise)
{
    return nearest->found ? arena_printf(arena, "did you mean '%s'?", nearest->found) : otherwise;
}
