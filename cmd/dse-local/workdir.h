/* The folder that the agents live in, held by a lock while this program runs. A temporary one that
 * a killed program could not remove is removed by the next one that makes its own. */
#ifndef DSE_LOCAL_WORKDIR_H
#define DSE_LOCAL_WORKDIR_H

#include <stdbool.h>

#include "base/err.h"

struct workdir {
    char *path; /* absolute, since sandboxes hold links into it */
    int lock;
    bool temporary;
};

#define WORKDIR_INIT    \
    {                   \
        NULL, -1, false \
    }

/* Makes and locks it; `path` NULL: a temporary one in $TMPDIR. Errors: EXIT_UNREACHABLE, or
 * EXIT_LOCKED when another dse-local uses it. */
int workdir_open(struct workdir *dir, const char *path, struct err *err);
/* Unlocks it; removes a temporary one, or any when told to. Problems are logged. */
void workdir_close(struct workdir *dir, bool remove);

#endif
