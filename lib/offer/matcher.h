/* String matchers of placement rules (see service-spec 7.5): exact with number normalisation, full
 * regular expression, any. Expressions are compiled once and kept. */
#ifndef DSE_OFFER_MATCHER_H
#define DSE_OFFER_MATCHER_H

#include <stdbool.h>
#include <stddef.h>

#include "spec/model.h"

struct regexes;
struct regexes *regexes_new(void);
void regexes_free(struct regexes *regexes); /* NULL is allowed */

/* MATCHER_NONE matches everything, as a null task filter does. An expression that does not compile
 * or runs into its match limit matches nothing. */
bool matcher_matches(struct regexes *regexes, const struct matcher *matcher, const char *text);
/* What to print for it. */
const char *matcher_text(const struct matcher *matcher);

/* Text that reads as a Java double becomes a number with at most three decimals; other text stays.
 * room is at least 400 bytes; returns text or room. */
enum { MATCHER_ROOM = 400 };
const char *matcher_normal(const char *text, char room[MATCHER_ROOM]);

#endif
