/* Basic authentication at the master (see offer-cycle 10.13). */
#ifndef DSE_MESOS_CREDENTIALS_H
#define DSE_MESOS_CREDENTIALS_H

#include "base/err.h"

/* Reads a credentials file, `principal secret` on its first line that is not blank or JSON
 * {"principal","secret"}, and returns the header line `Authorization: Basic ...` for the caller to
 * free; NULL on failure. No error repeats the content. */
char *credentials_header(const char *path, struct err *err);

#endif
