/* Life lines of long-running programs: DSE_LIFE_LINE lists descriptors, comma-separated, each the
 * read end of a pipe whose only write end is held by a process that we cannot go on without: the
 * script that supervises us, a sibling. End of file there means that it is gone, and so must we be
 * (design, Life line). */
#ifndef DSE_BASE_LIFELINE_H
#define DSE_BASE_LIFELINE_H

#include "base/loop.h"

/* Stops the loop with `status` when a life line ends. Does nothing without the variable. A value
 * that is no list of open descriptors is an EXIT_USAGE error. */
int lifeline_watch(struct loop *loop, int status, struct err *err);

#endif
