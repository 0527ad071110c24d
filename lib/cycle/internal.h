/* What the parts of the cycle share. Only lib/cycle/ includes this. */
#ifndef DSE_CYCLE_INTERNAL_H
#define DSE_CYCLE_INTERNAL_H

#include "base/metric.h"
#include "base/text.h"
#include "cycle/cycle.h"
#include "offer/strmap.h"
#include "plan/configs.h"

#define KILLS_PATH "Toolkit/kills"

enum {
    SHORT_DECLINE_S = 5, /* offer-cycle 1.6 */
    LONG_DECLINE_S = 3600,
    ACCEPT_FILTER_S = 1, /* offer-cycle 6.2 */
    LOST_OFFERS_MS = 5000,
    HOLD_MS = 3000,        /* how long parts of a split offer are kept for the rest */
    KILL_REPEAT_MS = 5000, /* plans-and-recovery 10.1 */
    KILL_REPEAT_MAX_MS = 60000,
    TEARDOWN_REPEAT_MS = 5000,
    SETTLE_MS = 5000,     /* how long offers are looked at before they are suppressed */
    REVIVE_GAP_MS = 5000, /* offer-cycle 1.4 */
    REVIVE_REFILL_MS = 256000,
    REVIVE_TOKENS = 256,
    RECONCILE_BASE_MS = 4000, /* doubled before use: 8, 16, 30, 30 … s (offer-cycle 1.7) */
    RECONCILE_CAP_MS = 30000,
    RECONCILE_HOUR_MS = 3600000,
    STORE_PENDING_LIMIT = 256, /* transactions in flight before events wait */
    EVALUATIONS_KEPT = 100,
    EXPLAINED_BYTES = 256 * 1024, /* texts of those kept, together */
    EXPLAINED_PER_S = 100,        /* evaluations that are explained in full */
    REJECTED_AGENTS = 4096,       /* agents whose failed evaluations are counted */
    OFFERS_HELD = 10000,
    EVENT_SHARED_BYTES = 128 * 1024, /* of an event whose offers stay where they are */
    DROPPED_KEPT = 4096,
    GIVEN_BACK_BYTES = 64 * 1024, /* of what is noted of one agent */
    PROBLEMS_KEPT = 256,
};

/* What offers live in: those of one event together, or one of them alone. It goes with the last of
 * them. */
struct offer_memory {
    size_t refs;  /* offers in it that are held or seen */
    size_t seen;  /* of them, those that are seen */
    size_t bytes; /* of the arena */
    struct arena
        arena; /* empty while it is the event's own memory, until the event has been handled */
};

/* An offer in hand. */
struct held_offer {
    Offer *offer;
    struct offer_memory *memory;
    int64_t until_ms; /* when to give up waiting for the rest of a split offer */
    bool fresh;       /* not yet looked at */
    bool gone;        /* used or declined, to be swept */
    bool used;        /* accepted: what it offered is taken */
    uint64_t place;   /* hash of agent and role */
    size_t group;     /* in a round: the offers of its place */
    struct held_offer *next;
    /* When it is seen: */
    unsigned long round;           /* in which it was looked at last */
    struct held_offer *previous;   /* older */
    struct held_offer *next_place; /* of those in one bucket */
};
/* Whether both are of one agent and role. */
bool held_same_place(const struct held_offer *a, const struct held_offer *b);

struct kill {
    char *task_id, *agent_id; /* agent_id may be "" */
    int64_t next_ms, gap_ms;
    bool answered; /* out of reach for now; kept until next_ms only to space out the KILLs */
    struct kill *next;
};

struct seen;

struct unanswered {
    char *task_id;
    struct unanswered *next, **link; /* link: what points at this one */
};

struct evaluation_record {
    int64_t time_ms;
    char step[160], offer_id[96], agent_id[96], hostname[96];
    bool pass;
    enum shortfall_kind kind;
    char what[80];
    double have, want;
    char *stages; /* PASS and FAIL lines of all stages, as the original logs them; or NULL */
    char *offer;  /* as protobuf text; or NULL */
};

enum counter_id {
    COUNT_OFFERS_RECEIVED,
    COUNT_OFFERS_PROCESSED,
    COUNT_DECLINES_SHORT,
    COUNT_DECLINES_LONG,
    COUNT_REVIVES,
    COUNT_REVIVES_THROTTLED,
    COUNT_SUPPRESSES,
    COUNT_RESERVE,
    COUNT_UNRESERVE,
    COUNT_CREATE,
    COUNT_DESTROY,
    COUNT_LAUNCH_GROUP,
    COUNT_RECONNECTS,
    COUNT_ROUNDS,
    COUNTERS,
};

enum timer_id {
    TIME_PROCESS,  /* a round: status check, evaluation, sends */
    TIME_EVALUATE, /* one step against the offers in hand */
    TIME_WRITE,    /* a transaction, from its submission until it is durable */
    TIMERS,
};

struct cycle {
    struct cycle_options options;
    struct state *state;
    struct arena scratch; /* of the event being handled */
    bool stopped;
    int64_t teardown_ms; /* uninstall: when TEARDOWN may be sent; INT64_MAX: it is on its way */
    bool wiping;         /* uninstall: the store is being wiped */

    /* target */
    char target_id[UUID_TEXT];         /* "" when there is none yet */
    const struct service_spec *target; /* owned by configs */
    struct plans_spec *plans_spec;
    struct plans *plans;
    struct configs *configs;
    struct arena roles_arena;
    struct strings roles;
    struct validation *rejected; /* of the last refused update, or NULL */
    const char **rejected_texts;

    /* subscription */
    bool connected, subscribed, ever_subscribed;
    unsigned long subscription; /* counts SUBSCRIBED events */
    struct buf out;             /* a call being encoded */
    struct buf framework_info;  /* what the master knows of us, packed, without the id */
    bool updates_framework;     /* the master takes UPDATE_FRAMEWORK */
    struct pending *pendings;
    char *framework_id; /* NULL before the first SUBSCRIBED */
    struct arena master_arena;
    DomainInfo *master_domain;
    bool suppressed, revive_due;
    bool declined; /* filters of ours may hold offers back */
    bool unserved; /* work is new, and no offer has been looked at for it */
    bool suppress_due;
    int64_t suppress_after_ms;
    double revive_tokens;
    int64_t revive_last_ms, revive_filled_ms;

    /* reconciliation */
    struct unanswered *unanswered, **unanswered_end;
    struct strmap unanswered_by_id; /* pointers; NULL: answered */
    int64_t reconcile_next_ms, reconcile_gap_ms, implicit_next_ms;

    struct strmap problems; /* told already: why steps cannot be launched whatever is offered */
    struct strmap dropped;  /* numbers: 1 for resources whose operation was dropped */
    struct placement *placement; /* where tasks are, for placement rules */
    struct held_offer *offers;
    size_t n_offers;
    struct offer_memory *arrived; /* of the event being handled; or NULL */
    struct arena spare;           /* of an event that nothing is left of; for the next one */
    OfferID **lost; /* named by calls that failed; may be outstanding still. In lost_arena. */
    size_t n_lost;
    int64_t lost_next_ms; /* when to decline them */
    struct arena lost_arena;
    struct seen *seen; /* last offers of each agent, for people; or NULL */
    struct kill *kills;
    struct hook_run *hook_runs; /* commands of this process */

    struct evaluation_record *evaluations; /* ring */
    size_t n_evaluations;                  /* ever recorded */
    size_t explained_bytes;                /* of the ring's texts */
    int64_t explained_ms;                  /* when explain_tokens were refilled */
    double explain_tokens;
    uint64_t n_accepted, n_rejected; /* evaluations */
    struct strmap reasons, agents;   /* of failed ones: counts by stage and by agent */
    uint64_t
        unexplained[SHORT_SPEC + 1]; /* and by kind of those whose stages were not written down */
    uint64_t counters[COUNTERS];
    uint64_t task_states[TASK_STATE__TASK_UNKNOWN + 1];
    struct timer timers[TIMERS];
    struct histogram round_offers; /* new offers of each round */
    bool round_wanted;
};

static inline int64_t cycle_now(const struct cycle *cycle)
{
    return clock_now_ms(cycle->options.clock);
}

/* metrics.c */
void metrics_start(struct cycle *cycle);
void metrics_release(struct cycle *cycle);
/* What began at start_ns (of clock_now_ns()) ends now. */
void metrics_took(struct cycle *cycle, enum timer_id timer, int64_t start_ns);
static inline int64_t metrics_now(const struct cycle *cycle)
{
    return clock_now_ns(cycle->options.clock);
}

/* cycle.c */
void cycle_stop(struct cycle *cycle, enum exit_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Sends a call at once, with the framework id filled in. */
void cycle_send(struct cycle *cycle, Call *call);
/* An empty call of that type in the scratch arena of the event. */
Call *cycle_call(struct cycle *cycle, Call__Type type);

/* Calls that wait for a transaction, encoded at once: what they were made of may go. The cycle
 * frees those whose completion never comes, since the store was closed. */
struct pending {
    struct cycle *cycle;
    struct pending *next, **link; /* link: what points at this one */
    unsigned long subscription;   /* that they belong to; void on any other */
    int64_t submitted_ns;         /* when the transaction was */
    struct buf bytes;
};
struct pending *pending_new(struct cycle *cycle);
/* Encodes the call, with the framework id filled in; calls leave in this order. */
void pending_add(struct pending *pending, Call *call);
void pending_free(struct pending *pending);
/* Submits a transaction whose failure ends the run and whose completion sends the pending calls.
 * Takes both over; pending may be NULL. */
void cycle_submit(struct cycle *cycle, struct txn *txn, struct pending *pending);
/* Spec of a configuration, parsed once; NULL when missing or unreadable. */
const struct service_spec *cycle_config(struct cycle *cycle, const char *id);
/* Makes the stored target the one in force: parses it, derives the plans anew. */
int cycle_load_target(struct cycle *cycle, struct err *err);
/* Marks the service deployed once its deploy plan is complete. */
void cycle_note_deployed(struct cycle *cycle, struct txn *txn);

/* framework.c */
/* Subscribes when the link is up and there is a target. When subscribed already and the target
 * wants other roles or capabilities, tells the master so. */
void cycle_subscribe(struct cycle *cycle);
/* Those of the target and of what is reserved. */
void framework_update_roles(struct cycle *cycle);
/* What depends on the master's version; NULL: one that does not tell, which counts as new. */
void framework_note_master(struct cycle *cycle, const MasterInfo *master);

/* uninstall.c */
/* Tears the framework down, by force or once nothing is on its way back any more. */
void uninstall_deregister(struct cycle *cycle, bool force);
/* TEARDOWN did not arrive, or its answer will not come: it is sent again. */
void uninstall_teardown_lost(struct cycle *cycle, int64_t again_ms);
/* Whether the master's error means that the tear-down is done, and the wipe begins. */
bool uninstall_was_removed(struct cycle *cycle, const char *message);
void uninstall_wipe(struct cycle *cycle);

/* requests.c */
void requests_release_rejected(struct cycle *cycle);

/* kill.c */
void kill_task(struct cycle *cycle, const char *task_id, const char *agent_id);
bool kill_is_pending(const struct cycle *cycle, const char *task_id);
bool kill_is_pending_on(const struct cycle *cycle, const char *agent_id);
/* The task lives, though its kill may have been answered: its agent was out of reach and is back.
 */
void kill_again(struct cycle *cycle, const char *task_id, const char *agent_id);
/* An operator wants this launch of the task to end; outlives us. */
void kill_record(struct cycle *cycle, struct txn *txn, const struct task *task);
/* After a status was stored: what has ended is forgotten, what must end and lives is killed again.
 */
void kill_status(struct cycle *cycle, struct txn *txn, const struct task *task);
/* The task is dead. Returns whether the id was on the list. */
bool kill_answered(struct cycle *cycle, const char *task_id, TaskState state);
void kill_subscribed(struct cycle *cycle); /* sends what nobody heard, and all that must end */
void kill_tick(struct cycle *cycle, int64_t now_ms);
int64_t kill_next_ms(const struct cycle *cycle);
void kill_free(struct cycle *cycle);

/* reconcile.c */
void reconcile_start(struct cycle *cycle); /* at SUBSCRIBED */
void reconcile_add(struct cycle *cycle, const char *task_id);
void reconcile_answered(struct cycle *cycle, const char *task_id);
void reconcile_tick(struct cycle *cycle, int64_t now_ms);
int64_t reconcile_next(const struct cycle *cycle);
void reconcile_free(struct cycle *cycle);

/* update.c: task status updates */
void update_event(struct cycle *cycle, const TaskStatus *status);

/* round.c: offers and steps */
/* Takes the offers in hand, where they are. */
void round_offers(struct cycle *cycle, const Event__Offers *offers);
/* The event has been handled: what is kept of its offers must outlive it. Takes the arena over for
 * that, or copies. arena: NULL when it is not to be had. */
void round_settle(struct cycle *cycle, struct arena *arena);
/* Gives the offer a memory of its own. */
void held_own(struct cycle *cycle, struct held_offer *held);
void held_free(struct cycle *cycle, struct held_offer *held);
void round_rescind(struct cycle *cycle, const char *offer_id);
void round_drop_offers(struct cycle *cycle); /* the connection is gone */
void round_run(struct cycle *cycle);
int64_t round_next_ms(const struct cycle *cycle);

/* evaluations.c: what was evaluated, for people */
/* Whether the next evaluation is to be explained in full: with keep_offers, within a budget that a
 * flood of offers cannot exceed. */
bool evaluations_may_explain(struct cycle *cycle);
void evaluations_note(struct cycle *cycle, const struct step *step, const Offer *offer,
                      const struct evaluation *evaluation);
/* {"accepted": n, "rejected": n, "reasons": {STAGE: n}, "agents": {ID: n}} since the start. New. */
json_t *evaluations_totals(const struct cycle *cycle);
void evaluations_free(struct cycle *cycle);

/* launches.c: launches whose effect is not known yet */
/* Before the evaluation's records go into the state. */
void launches_note(struct cycle *cycle, struct txn *txn, const struct requirement *need,
                   const struct evaluation *evaluation);
/* After the status was stored; the task may be gone afterwards. */
void launches_heard(struct cycle *cycle, struct txn *txn, const struct task *task,
                    const TaskStatus *status);
/* Resource ids that the pod's records name and that may not exist; in the scratch arena. */
struct strings launches_in_doubt(struct cycle *cycle, const struct requirement *need);
/* The record of a task of the pod was deleted. */
void launches_erased(struct cycle *cycle, struct txn *txn, const char *type, int index);
/* Whether the resource of the task's record is one of those, or all of the pod are. */
bool launches_doubt(struct cycle *cycle, const struct task *task, const char *resource_id);
/* Ids of those of pods on that agent that are taken away and have ended: nothing will prove them
 * any more. Forgets that they were in doubt. In the scratch arena. */
struct strings launches_unproven(struct cycle *cycle, struct txn *txn, const char *agent_id);

/* leftovers.c: reservations that no record wants any more */
/* Offers are wanted until one of the agent shows nothing of them, and an uninstall waits for it. */
void leftovers_await(struct cycle *cycle, struct txn *txn, const char *agent_id,
                     const char *hostname);
/* Notes the parts of recorded reservations that the evaluation's operations give back. */
void leftovers_note(struct cycle *cycle, struct txn *txn, const struct evaluation *evaluation);
bool leftovers_awaited(const struct cycle *cycle); /* of any agent */
/* Fills in the surplus on the agent of the offers: what was given back, where what is offered of it
 * cannot be the part that stays; in scratch. */
void leftovers_surplus(struct cycle *cycle, Offer *const *offers, size_t n_offers,
                       struct cleanup *ret);
/* An offer showed nothing. */
void leftovers_offered(struct cycle *cycle, const char *agent_id, const char *hostname);
bool leftovers_anywhere(const struct cycle *cycle); /* what an uninstall waits for */
/* Whatever may be left on the host, NULL: on any, is given up. False when nothing was. */
bool leftovers_give_up(struct cycle *cycle, struct txn *txn, const char *hostname);

/* hooks.c: commands around the replacement of a pod */
/* Whether the pod may be placed now; otherwise the command before it runs. */
bool hooks_admit(struct cycle *cycle, const struct requirement *need);
/* Before a launch that makes every reservation anew goes into the state. */
void hooks_launched(struct cycle *cycle, struct txn *txn, const struct requirement *need);
/* Starts the commands whose new instance is ready. */
void hooks_round(struct cycle *cycle);
void hooks_free(struct cycle *cycle);

/* operations.c: feedback about operations */
void operations_event(struct cycle *cycle, const OperationStatus *status);
/* Whether an operation on the resource is known to have been dropped; it was sent again. */
bool operations_dropped(const struct cycle *cycle, const char *resource_id);
void operations_made_again(struct cycle *cycle, const char *resource_id);

/* seen.c: the last offers of each agent that nobody took */
size_t seen_room(const struct cycle *cycle);                  /* how many it keeps */
void seen_keep(struct cycle *cycle, struct held_offer *held); /* takes it over */
/* What has been kept of an event's offers is kept for good: in the memory, which was the event's,
 * or in copies when that is empty. */
void seen_settle(struct cycle *cycle, struct offer_memory *memory);
void seen_forget(struct cycle *cycle, const struct held_offer *held); /* all of its place */
void seen_rescind(struct cycle *cycle, const char *offer_id);
void seen_free(struct cycle *cycle);

/* flow.c: suppress, revive, decline */
/* Offers are wanted for a while, whatever the plans say: to see what is reserved on the agents. */
void flow_look_around(struct cycle *cycle);
void flow_suppress(struct cycle *cycle);
void flow_revive(struct cycle *cycle, int64_t now_ms);
int64_t flow_next_ms(const struct cycle *cycle);
void flow_decline(struct cycle *cycle, Offer *const *offers, size_t count, bool is_long);
/* A call with these offers failed: the master may hold them for us for ever. They are declined
 * again in a moment; what is no longer an offer it ignores. */
void flow_lost(struct cycle *cycle, OfferID *const *ids, size_t count);
void flow_forget_lost(struct cycle *cycle); /* the connection is gone, and with it the offers */
void flow_tick(struct cycle *cycle, int64_t now_ms);

#endif
