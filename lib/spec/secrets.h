/* Which secrets of the platform a service may read (see api-and-cli 3.3). Pure. */
#ifndef DSE_SPEC_SECRETS_H
#define DSE_SPEC_SECRETS_H

#include <stdbool.h>

#include "base/arena.h"
#include "spec/model.h"

/* The id that the platform knows the service by: DCOS_SPACE, else MARATHON_APP_ID, else its name;
 * without leading slash (see service-spec 5). */
const char *secrets_space(const struct pairs *env, const char *service_name);

/* Why a service of that id cannot have the secret, or NULL. A secret's folder is a namespace: the
 * service of that name and those below may read it; a secret without folder is for all. `as_env`:
 * wanted as a variable, which binary ones (last part `__dcos_base64__…`) never are. The text is in
 * the arena. */
const char *secret_problem(const char *path, const char *space, bool as_env, struct arena *arena);

#endif
