/* Crash points for tests: with DSE_CRASH_AT=N in the environment the N-th crash point reached by
 * the process kills it with SIGKILL; with DSE_CRASH_COUNT=FILE that file holds the number reached
 * so far. Named points stand between any two steps of a durable change, so that "what if we die
 * here" is a test and not a thought. Without the variables a point costs one branch.
 *
 * A process that reaches no point leaves no such file. Any thread may reach points. */
#ifndef DSE_BASE_CRASH_H
#define DSE_BASE_CRASH_H

void crash_point(const char *name);

#endif
