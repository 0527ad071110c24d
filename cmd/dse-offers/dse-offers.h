/* What the files of dse-offers share. */
#ifndef DSE_CMD_OFFERS_H
#define DSE_CMD_OFFERS_H

#include "base/opt.h"
#include "base/output.h"
#include "plan/client.h"

struct people_settings {
    struct client client;
    const char *run_dir;
    const char *offers; /* file, or NULL: those of the run directory */
    struct output output;
    bool tree, best_fit;
};
extern struct people_settings people;

run_fn explain_verb, log_verb, reservations_verb;

#endif
