/* Messages as the original's API shows them to clients (see api-and-cli 1.4): the members that its
 * JSON library makes of the older Java classes, `slaveId` for agent_id, in the order of their
 * declaration; repeated fields are always there. */
#ifndef DSE_PROTO_PBCLIENT_H
#define DSE_PROTO_PBCLIENT_H

#include <jansson.h>

/* A new JSON object of a protobuf-c message. */
json_t *pb_to_client_json(const void *message);

#endif
