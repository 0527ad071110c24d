/* Which master leads. With an http:// URL it is that one (others redirect to the leader); with a
 * zk:// URL the one that ZooKeeper names, followed as it changes (see offer-cycle 10.12,
 * state-store 9). */
#ifndef DSE_MESOS_LEADER_H
#define DSE_MESOS_LEADER_H

#include "base/err.h"
#include "base/loop.h"

struct leader;

/* base is "http://host:port", or NULL when no master leads at the moment. Called from the loop at
 * each change, also when another node leads at the same address: that master was started again.
 * While ZooKeeper cannot be reached the last answer stands. */
typedef void leader_fn(void *ctx, const char *base);

/* Errors: EXIT_USAGE for the URL, EXIT_BUG. Unreachable ZooKeeper servers are no error: they are
 * tried again, and a warning is logged. With zk:// this makes threads, so signals must have been
 * asked for before. */
struct leader *leader_new(struct loop *loop, const char *master, leader_fn *fn, void *ctx,
                          struct err *err);
void leader_free(struct leader *leader);

#endif
