/* Whether the agents hold what the records of tasks name, and run what they say, for people. Pure.
 */
#ifndef DSE_OFFER_VERIFY_H
#define DSE_OFFER_VERIFY_H

#include <jansson.h>

#include "spec/model.h"
#include "state/state.h"

struct verify_input {
    struct state *state;
    const char *framework_id;    /* reservations and tasks of others are passed over; or NULL */
    const char *principal;       /* reservations of others are passed over; or NULL */
    const struct strings *roles; /* of the service */
    const json_t *agents;        /* the master's answer to GET_AGENTS, member get_agents */
    const json_t *tasks;         /* to GET_TASKS, member get_tasks */
};

/* {"consistent": true when all lists are empty,
 *  "agents": [{"agent","hostname","registered","matching" (number),
 *              "not_recorded": reserved there, named by no record,
 *              "not_reserved": recorded there, not reserved (registered agents),
 *              "unknown": recorded there, the agent is not registered}],
 *  "tasks": {"not_recorded": [{"id","agent"}], "not_running": [{"id","agent"}]}}
 * Items of the agents' lists are those of reservations_list(). Without a framework id no task is
 * compared. New; NULL with err when a record or the answer cannot be read. */
json_t *verify_report(const struct verify_input *input, struct err *err);

#endif
