/* Questions to the master's operator API (/api/v1), for programs that wait for the answer. */
#ifndef DSE_MESOS_OPERATOR_H
#define DSE_MESOS_OPERATOR_H

#include <jansson.h>

#include "base/err.h"

struct operator_query {
    const char *master;        /* URL, see master.h; other masters send us on to the leader */
    const char *authorization; /* header line, or NULL */
    long timeout_ms;           /* of finding the leader, and of each answer */
};

/* Asks with a call that has no members but its type, such as GET_AGENTS, and returns the member of
 * that name in small letters (get_agents); new. NULL with EXIT_USAGE (the URL), EXIT_UNREACHABLE,
 * EXIT_DENIED or EXIT_INPUT (what came is no answer, or larger than JSON_BYTES). */
json_t *operator_ask(const struct operator_query *query, const char *type, struct err *err);

#endif
