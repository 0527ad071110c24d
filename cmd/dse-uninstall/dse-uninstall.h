/* Private to cmd/dse-uninstall. */
#ifndef DSE_UNINSTALL_H
#define DSE_UNINSTALL_H

#include "base/opt.h"
#include "base/output.h"
#include "plan/client.h"

struct verify_settings {
    const char *master, *credentials;
    struct opt_list roles; /* of the service, when the store knows none */
    long timeout_ms;
};

/* Prints what differs between the store and the master's agents and tasks. EXIT_DONE when nothing
 * does, else EXIT_NO. */
int verify_service(const struct verify_settings *settings, struct client *client,
                   const struct output *output, struct err *err);

#endif
