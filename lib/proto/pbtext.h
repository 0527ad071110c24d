/* Messages in protobuf's text format, several lines, as Java's Message.toString() prints them:
 * fields by number, two blanks a level, enums by name, strings escaped. The original knows agents
 * under their older name: `slave_id`. */
#ifndef DSE_PROTO_PBTEXT_H
#define DSE_PROTO_PBTEXT_H

#include "base/buf.h"

/* Appends the text of any message of ours; each line ends with a newline. */
void pb_to_text(const void *message, struct buf *out);

#endif
