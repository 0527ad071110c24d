/* The offer cycle: one event in, calls out. What dse-offers and dse-uninstall run.
 *
 * Pure over the store interface: transactions go to the store, calls to a function of the caller,
 * time and ids come in as parameters, and the caller arms one timer for cycle_next_ms(). So a run
 * is a function of events, store, clock and seed, and a recorded stream replays.
 *
 * Order of things (design, invariants 2 and 3): lock and load (by the caller), queued requests,
 * SUBSCRIBE at DSE_CONNECTED, framework id stored, RECONCILE, then offers. A pod's records are
 * durable before its ACCEPT leaves; an update is acknowledged when it is durable or superseded. */
#ifndef DSE_CYCLE_CYCLE_H
#define DSE_CYCLE_CYCLE_H

#include <jansson.h>

#include "base/clock.h"
#include "offer/offer.h"
#include "plan/plan.h"
#include "spec/cluster.h"
#include "state/request.h"

struct cycle;

/* A command of the operator around the replacement of a pod. */
struct hook {
    const char *pod, *pod_type;
    int pod_index;
    bool after; /* the new instance is ready; else: before it is placed */
    const char *service;
    const char *old_hostname, *old_address; /* "" when not known */
    const char *new_hostname, *new_address; /* "" before */
};

struct cycle_options {
    struct store *store; /* locked */
    struct state *state; /* loaded; the cycle is its only user from now on */
    const struct clock *clock;
    struct idgen *ids;
    struct offer_settings settings;
    struct cluster_caps caps;
    const struct plans_spec *fallback_plans; /* for a target without Toolkit/plans, or NULL */
    bool uninstall;
    bool disable_suppress;       /* DISABLE_SUPPRESS */
    int64_t revive_gap_ms;       /* least time between two REVIVEs; 0: 5 s */
    int64_t reconcile_delay_ms;  /* of the first implicit reconciliation */
    int64_t reconcile_period_ms; /* implicit reconciliation; 0: one hour */
    bool backoff;                /* plans-and-recovery 6 */
    double backoff_factor;
    int64_t backoff_initial_ms, backoff_max_ms;
    bool keep_offers; /* the last ones, for cycle_offers() */
    bool recordio;    /* calls as RecordIO protobuf, not as JSON lines */
    /* Writes encoded calls, whole ones; valid during the call. */
    void (*write)(void *ctx, const void *data, size_t len);
    /* Runs the operator's command; its end is told by cycle_hook_ended(). NULL: there are none. */
    void (*run_hook)(void *ctx, const struct hook *hook);
    bool hook_before, hook_after; /* which of them there are */
    /* Ends the run with this exit status and reason. Called once; nothing is sent afterwards. */
    void (*stop)(void *ctx, const struct err *why);
    void *ctx;
};

/* Reads the target configuration and derives the plans. Errors: EXIT_INPUT for a stored
 * configuration that cannot be read. */
struct cycle *cycle_new(const struct cycle_options *options, struct err *err);
void cycle_free(struct cycle *cycle); /* NULL is allowed */

/* Uninstall mode, once after the first requests: notes that the uninstall is under way; with no
 * framework id there is nothing left to tear down, and the store is wiped at once. The run ends
 * with EXIT_DONE when the service is gone. */
void cycle_uninstall(struct cycle *cycle);

/* Carries out the queued requests in `requests`, a tree loaded from Toolkit/requests. */
void cycle_requests(struct cycle *cycle, const struct tree *requests);
/* One event of the stream. The link's own records come in by cycle_link().
 *
 * arena: what the event lives in, alone. When its offers are kept it is exchanged for another, with
 * nothing in it; the event may not be used afterwards. NULL: the event is the caller's, and what is
 * kept is copied. */
void cycle_event(struct cycle *cycle, const Event *event, struct arena *arena);
enum link_event { LINK_CONNECTED, LINK_DISCONNECTED, LINK_CALL_FAILED };
/* LINK_CALL_FAILED: the call, the HTTP status (0: none). Whatever the call might have caused is
 * asked for by reconciliation. call may be NULL for the other events. */
void cycle_link(struct cycle *cycle, enum link_event event, const Call *call, int http_status);
/* The command of that pod has ended: `result` is "done", "failed" or "timeout". */
void cycle_hook_ended(struct cycle *cycle, const char *pod, const char *result, int status);
/* Time passed; call at or after cycle_next_ms(). */
void cycle_tick(struct cycle *cycle);
int64_t cycle_next_ms(const struct cycle *cycle); /* wall clock; INT64_MAX: never */
/* True while the caller should stop reading events (back-pressure of the store). */
bool cycle_busy(const struct cycle *cycle);

/* What is counted and timed, by the original's names (offer-cycle 9.1): the content of
 * metrics.json (doc/records.md). New. */
json_t *cycle_metrics(struct cycle *cycle);
/* The last evaluations, oldest first, as records (doc/records.md, evaluation). New array. */
json_t *cycle_evaluations(const struct cycle *cycle);
/* With keep_offers: a SUBSCRIBED event when the master has a domain, then the last offers of each
 * agent and role that were not accepted or rescinded since, bounded, as Mesos's JSON. New array. */
json_t *cycle_offers(const struct cycle *cycle);

#endif
