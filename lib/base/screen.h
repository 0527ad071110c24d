/* Text on a terminal that later text takes the place of: progress of what waits, and what is
 * watched. Where nothing can be replaced (a pipe, a file, TERM=dumb) nothing is written. */
#ifndef DSE_BASE_SCREEN_H
#define DSE_BASE_SCREEN_H

#include <stdbool.h>
#include <stdio.h>

#include "base/buf.h"

struct screen {
    FILE *to;
    bool able;        /* a terminal that can be written on again */
    struct buf shown; /* the text that stands there */
    size_t lines;     /* that it takes */
};
void screen_open(struct screen *screen, FILE *to);
/* Shows whole lines of text, statuses in colour; no more of them than the terminal is high. */
void screen_show(struct screen *screen, const char *text);
/* Takes away what stands there. */
void screen_clear(struct screen *screen);
void screen_close(struct screen *screen); /* leaves it there */

#endif
