/* "did you mean": the known word that is most like a misspelt one. Pure. */
#ifndef DSE_SPEC_NEAREST_H
#define DSE_SPEC_NEAREST_H

#include <stddef.h>

#include "base/arena.h"

struct nearest {
    const char *word;
    const char *found; /* of the candidates so far, or NULL when none is near */
    size_t distance;
};

struct nearest nearest_to(const char *word);
void nearest_try(struct nearest *nearest, const char *candidate);
/* "did you mean 'x'?", in the arena, or `otherwise` when nothing is near. */
const char *nearest_hint(const struct nearest *nearest, struct arena *arena, const char *otherwise);

#endif
