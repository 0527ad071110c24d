/* Building the explanation of an evaluation. Nodes live in the arena; with a NULL arena nothing is
 * built, so that callers need not ask twice whether anybody wants to know. */
#ifndef DSE_OFFER_OUTCOME_H
#define DSE_OFFER_OUTCOME_H

#include "offer/offer.h"

/* arena NULL: returns NULL. source is borrowed. */
struct outcome *outcome_new(struct arena *arena, bool pass, const char *source, const char *format,
                            ...) __attribute__((format(printf, 4, 5)));
/* Adds a child; either may be NULL. */
void outcome_add(struct arena *arena, struct outcome *parent, struct outcome *child);

#endif
