/* Offer evaluation: does this offer serve this requirement, with which operations, and why not?
 *
 * Pure: offers, spec, stored tasks in; operations, records and an explanation out, all in the
 * caller's arena. Input is never changed. See offer-cycle 2 (evaluation), 3 (volumes), 4 (ports),
 * 5 (what is launched), 6 (operations), 7 (clean-up). Amounts are compared in thousandths. */
#ifndef DSE_OFFER_OFFER_H
#define DSE_OFFER_OFFER_H

#include "base/clock.h"
#include "offer/counts.h"
#include "offer/resources.h"
#include "plan/plan.h"

/* Settings from the scheduler's environment (offer-cycle appendix B); the strings are never NULL
 * unless said. Filled by offer_settings_from_env(). */
struct offer_settings {
    double executor_cpus, executor_mem_mb, executor_disk_mb;
    const char *api_host; /* DSE_API_HOST, of the template URIs; NULL: the name that DC/OS gives */
    const char *api_port;
    const char *service_tld, *vip_tld, *marathon_name;
    const char *dcos_space; /* DCOS_SPACE, else MARATHON_APP_ID, else "/" */
    const char *pause_command, *bootstrap_uri /* NULL */;
    bool share_cgroups_false; /* agents of Mesos 1.10 on take linux_info.share_cgroups */
    bool best_fit_mount;
    bool role_migration;     /* ENABLE_ROLE_MIGRATION: former roles stay subscribed */
    bool region_aware;       /* ALLOW_REGION_AWARENESS: offers of other regions are wanted */
    bool operation_feedback; /* DSE_OPERATION_FEEDBACK: wanted where it is given */
    bool operation_ids;      /* the operations of a launch ask for feedback */
    char problem[160];       /* of the environment, names the variable; "" when there is none */
};
/* The strings are those that env returned. */
void offer_settings_from_env(struct offer_settings *ret, const char *(*env)(const char *name));

struct offer_context {
    const struct service_spec *spec; /* the configuration named by the requirement */
    const char *config_id;
    const struct state *state; /* stored tasks, with those accepted earlier in this cycle */
    const struct offer_settings *settings;
    const char *framework_id;
    const DomainInfo *master_domain; /* or NULL */
    struct idgen *ids;
    struct arena *arena; /* everything made lives here */
    bool explain;        /* collect the explanation (cheap reasons always are) */
    /* Counts of stored tasks by place, kept by the owner as the state changes (counts.h). NULL:
     * made from the state when a rule asks, at the cost of one walk over the tasks for each need.
     */
    struct placement *placement;
    /* Resource ids of recorded reservations that the caller knows not to exist unless they are in
     * the offers (their operations were dropped): they are made again under their ids instead of
     * failing. The offers must be all that the pod's agent has. NULL: none. */
    const struct strings *rereserve;
    /* Ids of tasks that are being killed: an executor that only they hold up is about to exit and
     * would drop what joins it. NULL: none. */
    const struct strings *dying;
};

/* One node of the explanation tree. */
struct outcome {
    bool pass;
    const char *source; /* "PlacementRuleEvaluationStage" … as offer-cycle 2.10 */
    const char *reason;
    struct outcome **children;
    size_t n_children;
};

/* Why an offer failed, in short, for "4 of 7 agents: cpus 1.5 of 2.0". */
enum shortfall_kind {
    SHORT_NONE,
    SHORT_SCALAR,
    SHORT_PORT,
    SHORT_VOLUME,
    SHORT_PLACEMENT,
    SHORT_ROLE,
    SHORT_RESERVED /* previously reserved resources are not in the offer */,
    SHORT_EXECUTOR,
    SHORT_SPEC, /* the requirement itself cannot be met: `what` says why */
};
struct shortfall {
    enum shortfall_kind kind; /* of the first failed stage */
    const char *what;         /* "cpus", "hostname rule", port or volume name */
    double have, want;        /* SHORT_SCALAR */
};

/* Messages made here live in the context's arena. They share strings with spec and settings, which
 * must live until the messages are packed; of offers, state and requirement they have copies. */
struct launch_record {  /* what the store must hold before ACCEPT leaves (offer-cycle 6.4) */
    TaskInfo *info;     /* with executor set */
    TaskStatus *status; /* STAGING stub; NULL for tasks recorded but not launched */
};

struct evaluation {
    bool pass;
    bool fresh; /* the new-pod pipeline: every reservation is new, none of old data is used */
    Offer__Operation **operations; /* in the order to send */
    size_t n_operations;
    struct launch_record *records; /* unlaunched first */
    size_t n_records;
    struct outcome **stages; /* in stage order */
    size_t n_stages, n_failed;
    struct shortfall shortfall;
};

/* What a requirement needs, worked out once for many offers: decoded stored tasks, sums, resource
 * ids, placement counters. Lives in the context's arena; the context must outlive it; valid until
 * the state changes. Never NULL. */
struct offer_need;
struct offer_need *offer_need_new(const struct offer_context *context,
                                  const struct requirement *requirement);
/* Evaluates offers of one agent and role together (usually one; split offers are several). Without
 * `explain`, offers that cannot serve are told apart in little more than the time of reading them:
 * then n_failed is 1 and there are no stages. */
void offer_need_evaluate(struct offer_need *need, Offer *const *offers, size_t n_offers,
                         struct evaluation *ret);
/* Both at once. */
void offer_evaluate(const struct offer_context *context, const struct requirement *requirement,
                    Offer *const *offers, size_t n_offers, struct evaluation *ret);

/* A part of a reservation that was given back, while the rest of it is in use. */
struct surplus {
    const char *id;
    milli amount;
};
/* What frees the offers' reserved resources that the state does not expect: DESTROY for volumes,
 * then UNRESERVE (offer-cycle 7). */
struct cleanup {
    const struct surplus *surplus; /* in: offered alone, these go too */
    size_t n_surplus;
    Offer__Operation **operations; /* out */
    size_t n_operations;
    struct strings resource_ids; /* out: of those that are not expected */
};
/* Whose reservations are meant. */
struct reservation_owner {
    const char *framework_id; /* NULL: any */
    const char *principal;    /* NULL: any */
    const struct strings *roles;
};
/* Whether the resource carries a reservation, with an id, that this service made. */
bool offer_holds_ours(const Resource *resource, const struct reservation_owner *owner);
/* `everything`: uninstall, every resource with an id goes, expected or not. */
void offer_cleanup(const struct state *state, const struct reservation_owner *owner,
                   bool everything, Offer *const *offers, size_t n_offers, struct arena *arena,
                   struct cleanup *cleanup);

/* Roles of a service: its own, `<pre-reserved>/<role>`, while roles migrate its former ones
 * (offer-cycle 2.2), and those that its tasks' reservations still carry: the role changed, or a pod
 * is on its way out. state: NULL for none. */
void offer_roles(const struct service_spec *spec, const struct offer_settings *settings,
                 const struct state *state, struct arena *arena, struct strings *ret);
struct framework_caps {
    bool partition_aware, gpus, region_aware;
};
/* FrameworkInfo as sent (offer-cycle 2.2, end). framework_id: NULL for none. Shares the roles. */
FrameworkInfo *offer_framework_info(const struct service_spec *spec, const char *framework_id,
                                    const struct strings *roles, const struct framework_caps *caps,
                                    struct arena *arena);

/* Text of one evaluation as the original logs it (offer-cycle 8.1). */
void outcome_print(struct outcome *const *stages, size_t n_stages, struct buf *out);
/* The whole block; number counts the offers that the step has looked at, from 1. */
void evaluation_print(const struct evaluation *evaluation, const struct requirement *requirement,
                      size_t number, const char *offer_id, struct buf *out);
/* "dse-0:[node, agent]". */
void requirement_name(const struct requirement *requirement, struct buf *out);
/* "cpus 1.5 of 2.0", "hostname rule", "volume dse-data", "role". */
void shortfall_print(const struct shortfall *shortfall, struct buf *out);

#endif
