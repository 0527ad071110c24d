/* Inside of the plan floor: elements, their counters, pods and marks.
 *
 * Two layers. Below: the base status of each step follows from the state and the records alone
 * (step.c, recovery.c). Above: which candidates are selected (select.c), which turns PENDING into
 * PREPARED. Selection depends only on which elements are complete, in error or interrupted, never
 * on PENDING against PREPARED, so one pass settles it. */
#ifndef DSE_PLAN_INTERNAL_H
#define DSE_PLAN_INTERNAL_H

#include "base/clock.h"
#include "plan/plan.h"
#include "plan/rollup.h"

struct group;

enum level { LEVEL_PLAN, LEVEL_PHASE, LEVEL_STEP };

/* What plans, phases and steps share. status, interrupted and candidate are as counted by the
 * parent; element_set() keeps both sides equal. */
struct element {
    struct group *parent; /* NULL: a plan */
    const char *name;
    size_t index; /* in the parent */
    enum level level;
    enum status status;
    char id[UUID_TEXT];
    bool interrupted;
    bool candidate; /* the parent's strategy would select it (dirty assets apart) */
};

enum order { ORDER_SERIAL, ORDER_PARALLEL, ORDER_DEPENDENCY };

/* A plan or a phase. */
struct group {
    struct element e;
    struct plans *plans;
    enum order order;
    bool canary;
    struct element **children;
    size_t n, room;
    struct rollup counts;
    uint64_t *incomplete; /* bit: the child is not COMPLETE */
    uint64_t *ready;      /* bit: the child has work (steps: selected and PENDING) */
    size_t n_ready;
    size_t cursor;         /* first incomplete child; n: none */
    const size_t *chain;   /* ORDER_DEPENDENCY phases: first child of each child's chain; in a plan
                              NULL: the last phase waits for all others */
    bool flag;             /* own interrupted flag */
    size_t canary_step[2]; /* children that are held back */
    size_t n_canary, released;
    bool canary_fixed; /* recorded, or read from the record */
    bool flag_default; /* what the flag is without a record */
    struct strings errors;
};

enum plan_kind { PLAN_DEPLOY, PLAN_RECOVERY, PLAN_DECOMMISSION, PLAN_SIDE, PLAN_UNINSTALL };

struct plan {
    struct group g;
    enum plan_kind kind;
    size_t rank;             /* order of plans-and-recovery 2.1 */
    struct pairs parameters; /* of `start` */
    struct arena parameters_arena;
};

struct phase {
    struct group g;
};

struct pod;

struct step { /* one a task or more: no holes */
    struct element e;
    struct requirement req;
    enum step_kind kind;
    enum status base; /* from state and records alone */
    const char *subject;
    const char *error;               /* STEP_FAILED_BUILD */
    const struct pod_spec *spec;     /* of req.pod_type in req.config_id */
    struct pod *pod;                 /* STEP_POD */
    struct step *next_in_pod;        /* by rank of plan, then place */
    struct strings restarted;        /* task ids that no longer count; in restarted_arena */
    struct arena restarted_arena;    /* empty for nearly all */
    struct recovery_phase *recovery; /* the phase it belongs to, or NULL */
    signed char done; /* recorded: 1, not: -1; 0: not looked up, ask step_is_done() */
    bool held;        /* canary step not released */
    bool live;        /* a task of it still runs or starts */
    bool paused;      /* some task of it is to be paused */
    bool selected;    /* candidate without conflict */
    bool working;     /* member of the work set */
    bool queued;      /* steps without pod: selection is to be looked at */
};

/* One phase of the recovery plan. */
struct recovery_phase {
    struct phase phase;
    struct step step;
    struct arena arena;
    bool recorded, complete;
    struct recovery_phase *next;
};

/* One pod instance that a step or a stored task names. */
struct pod {
    const char *type;
    struct step *steps; /* of all plans but recovery */
    struct recovery_phase *recoveries;
    struct recovery_record *records;
    size_t n_records;
    int64_t recheck_ms; /* when a delay or a policy changes that by time alone; INT64_MAX */
    struct pod *next_timed;
    int index;
    uint32_t type_place; /* of the type among those of the spec */
    bool queued;
    bool failing; /* it has tasks that recovery would work on if nothing else did */
    bool timed;
};

/* What Toolkit/recovery/<pod> keeps for one phase: a launch of recovery. */
struct recovery_record {
    struct arena arena;
    struct strings tasks;
    enum recovery_type type;
    const char *config_id;
    int64_t created_ms;
    bool complete;
    struct strings restarted; /* task ids that no longer count */
};

struct plans {
    struct arena arena;
    struct state *state;
    struct plans_options options;
    char target_id[UUID_TEXT];
    bool deriving;       /* in plans_new(): pods with failures are touched */
    bool marks;          /* while deriving: there are some */
    struct plan **plans; /* by rank */
    size_t n_plans;
    struct plan *deploy, *recovery;
    struct pod **pods; /* hash table */
    size_t n_pods, pods_room;
    struct pod **pod_queue;
    size_t n_pod_queue, pod_queue_room;
    struct step **step_queue;
    size_t n_step_queue, step_queue_room;
    struct step **delayed; /* steps with base DELAYED */
    size_t n_delayed, delayed_room;
    struct pod *timed;
    struct step **subjects; /* steps without pod by subject: hash table, chained by next_in_pod */
    size_t n_subjects, subjects_room;
    struct task **unneeded;
    size_t n_unneeded, unneeded_room;
    struct recovery_phase *dead; /* removed, freed at the next plans_candidates() */
    int64_t last_replace_ms;     /* when the newest PERMANENT recovery was launched, or -1 */
    bool new_work;
    bool changed; /* candidates are to be collected anew */
    struct step **candidates;
    size_t n_candidates, candidates_room;
};

/* ---- group.c ---- */
void group_init(struct group *group, struct plans *plans, enum level level, struct group *parent);
/* Adds without counting; group_count() follows when all are there. */
void group_append(struct group *group, struct element *child);
void group_count(struct group *group);
/* Later additions and removals (parallel groups). */
void group_insert(struct group *group, struct element *child, size_t place);
void group_remove(struct group *group, struct element *child);
void group_release(struct group *group);
/* Counts everything below anew after flags changed. */
void group_recount(struct group *group);
void element_set(struct element *element, enum status status, bool interrupted);
void element_set_ready(struct element *element, bool ready);
/* First child at or behind `from` with its bit set, or the number of children. */
size_t group_next(const struct group *group, const uint64_t *bits, size_t from);
/* A canary group that still holds steps back. */
bool group_gated(const struct group *group);
bool group_proceed(struct group *group);   /* false: nothing changed */
bool group_interrupt(struct group *group); /* false: refused by the gate */

static inline struct plan *group_plan(struct group *group)
{
    while (group->e.parent)
        group = group->e.parent;
    return (struct plan *)group;
}
static inline struct plan *step_plan(const struct step *step)
{
    return group_plan(step->e.parent);
}

/* ---- select.c ---- */
void plans_touch(struct element *element); /* its standing as a candidate changed */
void plans_touch_pod(struct plans *plans, struct pod *pod);
void plans_settle(struct plans *plans, int64_t now_ms);
void plans_tick(struct plans *plans, int64_t now_ms); /* what time alone changes */
void step_refresh(struct step *step);
bool steps_conflict(const struct requirement *a, const struct requirement *b);
bool step_enabled(const struct step *step);
/* Whether work on the requirement by a plan of that rank is held back by another plan. */
const struct step *pod_blocker(const struct pod *pod, const struct requirement *requirement,
                               const struct plan *plan);

/* ---- derive.c ---- */
struct pod *plans_pod(struct plans *plans, const char *type, int index, bool create);
/* NULL when none is stored. */
struct task *pod_task(struct state *state, const char *type, int index, const char *spec_name);
/* The configuration's spec, NULL when it cannot be read. */
const struct service_spec *plans_config(const struct plans *plans, const char *id);
/* "dse-0:[node, agent]". */
char *step_full_name(struct arena *arena, const struct requirement *requirement);

struct plan *plan_new(struct plans *plans, const char *name, enum plan_kind kind);
struct group *phase_new(struct plans *plans, struct plan *plan, const char *name);
void step_identify(struct plans *plans, const struct group *phase, struct step *step);
/* Count, when all children are there. */
void phase_finish(struct plans *plans, struct group *phase);
void plan_finish(struct plans *plans, struct plan *plan);

/* Id of the target that came after a completed deployment. */
#define UPDATING_PATH "Toolkit/updating"

/* ---- removal.c ---- */
#define UNINSTALL_PATH "Toolkit/uninstall"
void removal_add_decommission(struct plans *plans); /* adds a plan if there is something to do */
void removal_add_uninstall(struct plans *plans);
/* The plan's outline is on record from now on. */
void removal_record(struct plans *plans, struct txn *txn);
bool removal_subject_gone(const struct plans *plans, const struct step *step);
void removal_subject_changed(struct plans *plans, struct txn *txn, const char *subject,
                             int64_t now_ms);
bool removal_wanted(const struct service_spec *target, const struct task *task);

/* ---- givenup.c ---- */
bool plans_has_given_up(const struct plans *plans);
bool given_up_has(const struct plans *plans, const char *resource_id);
/* Calls fn with the hostname ("": not known) and id of each resource; both are valid during it. */
typedef void given_up_fn(void *ctx, const char *hostname, const char *resource_id);
void given_up_each(const struct plans *plans, given_up_fn *fn, void *ctx);
void given_up_unreserved(struct plans *plans, struct txn *txn, const char *resource_id);

/* ---- step.c ---- */
enum status step_base(struct plans *plans, struct step *step, int64_t now_ms);
/* Base status anew, with the records of what follows from it when txn is given. */
void step_rederive(struct plans *plans, struct txn *txn, struct step *step, int64_t now_ms);
void pod_rederive(struct plans *plans, struct txn *txn, struct pod *pod, int64_t now_ms);
/* Status of one launched task by its state (plans-and-recovery 1.3); DELAYED for a failure. */
enum status task_status_in_step(const struct task *task, enum goal goal);
bool task_is_live(const struct task *task);
/* The id of the launch that the stored status is of: the status's own when the task was recorded
 * anew without a launch. */
const char *task_run_id(const struct task *task);
bool step_is_done(struct plans *plans, struct step *step);
void step_record_done(struct plans *plans, struct txn *txn, struct step *step, const char *how);
void step_set_delayed(struct plans *plans, struct step *step, bool delayed);
/* The task id no longer counts for the step; recorded. */
void step_invalidate(struct plans *plans, struct txn *txn, struct step *step, const char *task_id);
void plans_pod_marked(struct plans *plans, struct txn *txn, const char *type, int index,
                      int64_t now_ms);
/* Takes the record of completion back. step_rederive() is to follow. */
void step_forget_done(struct plans *plans, struct txn *txn, struct step *step);
/* Ends every change: selection, and the property of a first completed deployment. */
void plans_finish(struct plans *plans, struct txn *txn, int64_t now_ms);

/* ---- marks.c: records under Toolkit/ ---- */
void mark_load_group(struct plans *plans, struct group *group);
void mark_save_group(struct plans *plans, struct txn *txn, struct group *group);
void mark_load_step(struct plans *plans, struct step *step);
void mark_save_step(struct plans *plans, struct txn *txn, struct step *step);
/* The canary steps of the step's phase are fixed from now on. */
void mark_fix_canary(struct plans *plans, struct txn *txn, struct step *step);
void done_path(const struct plans *plans, const struct step *step, struct buf *out);
void plan_set_parameters(struct plan *plan, const json_t *parameters);
bool strings_have(const struct strings *list, const char *text);

/* ---- backoff.c ---- */
/* When the task's delay ends, 0 when it has none. */
int64_t backoff_until(const struct plans *plans, const char *task_name);
void backoff_failed(struct plans *plans, struct txn *txn, const struct task *task, int64_t now_ms);
void backoff_clear(struct plans *plans, struct txn *txn, const char *task_name);

/* ---- recovery.c ---- */
void recovery_load(struct plans *plans);
void recovery_save(struct plans *plans, struct txn *txn, struct pod *pod);
/* Makes the pod's phases those that follow from state and records. */
void recovery_refresh(struct plans *plans, struct pod *pod, int64_t now_ms);
void recovery_launched(struct plans *plans, struct txn *txn, struct pod *pod, struct step *step,
                       int64_t now_ms);
/* The pod has no tasks any more. */
void recovery_forget(struct plans *plans, struct txn *txn, struct pod *pod);
/* Drops the records of recoveries that another plan's launch of these tasks takes over. */
void recovery_superseded(struct plans *plans, struct txn *txn, struct pod *pod,
                         const struct strings *tasks);
void recovery_phase_free(struct recovery_phase *phase);
void recovery_record_free(struct recovery_record *record);
/* The record that the recovery phase was made from. */
struct recovery_record *recovery_record_of(const struct recovery_phase *phase);

#define FOR_POD_TASKS(task, state, type, index) \
    for (struct task *task = state_pod((state), (type), (index)); task; task = task->next_in_pod)

#endif
