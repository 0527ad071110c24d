/* Plans of a service, live over its state.
 *
 * A plan is a pure function of (target configuration, its plans, state): plans_new() derives all of
 * it, and after any restart derives the same (design, invariant 1). The writer keeps the derived
 * form and tells it of each change; what must survive (completed steps, interrupts, forced and
 * restarted steps, parameters, recovery phases, back-off) is written as records under Toolkit/ in
 * the same transaction. Statuses, roll-up and strategies: plans-and-recovery 1; order and
 * conflicts: 2; derivation: 3; verbs: 4; recovery: 5; back-off: 6. Pure: no I/O, time is passed in.
 *
 * Cost per change is bounded: a task's change touches its step and the counters above it. */
#ifndef DSE_PLAN_PLAN_H
#define DSE_PLAN_PLAN_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "spec/model.h"
#include "state/state.h"

enum status {
    STATUS_ERROR,
    STATUS_WAITING,
    STATUS_PENDING,
    STATUS_PREPARED,
    STATUS_STARTING,
    STATUS_STARTED,
    STATUS_COMPLETE,
    STATUS_IN_PROGRESS,
    STATUS_DELAYED,
};
const char *status_name(enum status status);

enum recovery_type { RECOVERY_NONE, RECOVERY_TRANSIENT, RECOVERY_PERMANENT };

/* What a step needs launched. */
struct requirement {
    const char *pod_type;
    const char *config_id;   /* configuration to launch with (plans-and-recovery 2.5) */
    struct strings tasks;    /* spec names, in launch order */
    struct pairs parameters; /* of `plan start`, added to the environment */
    int pod_index;
    enum recovery_type recovery;
};

enum step_kind {
    STEP_POD,          /* has a requirement */
    STEP_KILL,         /* decommission and uninstall: kill a task */
    STEP_UNRESERVE,    /* waits until the resource was unreserved */
    STEP_ERASE,        /* deletes the task's records */
    STEP_DEREGISTER,   /* tears the framework down */
    STEP_FAILED_BUILD, /* born in ERROR */
};

struct plan;
struct phase;
struct step; /* opaque; accessors below */

const char *step_id(const struct step *step); /* UUID of path and target */
const char *step_name(const struct step *step);
enum step_kind step_kind(const struct step *step);
enum status step_status(const struct step *step);
const struct requirement *step_requirement(const struct step *step); /* STEP_POD, else NULL */
const char *step_subject(const struct step *step); /* task name or id, or resource id; else "" */

/* Commands around replacements: under way, and how the last one of each pod went (see
 * cycle/hooks.c). */
#define HOOKS_PATH "Toolkit/hooks"
#define REPLACED_PATH "Toolkit/replaced"
/* Uninstall: phases of an agent's resources are named with its host behind this (see
 * plans-and-recovery 9.2). */
#define UNRESERVE_PHASE "unreserve-resources-"
/* A child for each host on which reservations may be left that no record expects; an uninstall
 * waits for them (see cycle/leftovers.c). */
#define UNRESERVING_PATH "Toolkit/unreserving"
/* There while pods are taken away. */
#define DECOMMISSION_PATH "Toolkit/decommission"

struct plans;
struct plans_options {
    const struct service_spec *target; /* outlives the plans */
    const char *target_id;
    const struct plans_spec *specs; /* outlives the plans */
    bool uninstall;                 /* the one plan of plans-and-recovery 9.2 */
    /* Spec of an older configuration for recoveries, by id; NULL when unreadable. Cached by the
     * caller. */
    const struct service_spec *(*config)(void *ctx, const char *id);
    void *config_ctx;
    const char *const *errors; /* validation errors of a rejected update, NULL-terminated */
    /* Back-off settings (plans-and-recovery 6). */
    bool backoff;
    double backoff_factor;
    int64_t backoff_initial_ms, backoff_max_ms;
};
/* Derives everything. Errors of the plans themselves (unknown pod, strategy …) are EXIT_INPUT. */
struct plans *plans_new(struct state *state, const struct plans_options *options, int64_t now_ms,
                        struct err *err);
void plans_free(struct plans *plans);

/* ---- changes; each adds its records to the transaction of the change itself ---- */

/* After the task's TaskInfo, status or override changed in the state. */
void plans_task_changed(struct plans *plans, struct txn *txn, struct task *task, int64_t now_ms);
/* After the task was deleted. */
void plans_task_deleted(struct plans *plans, struct txn *txn, const char *task_name,
                        int64_t now_ms);
/* Before the task is recorded anew without a launch, under the target's configuration: that it has
 * finished for another one does not count for steps that have yet to launch it (goal FINISH). */
void plans_result_superseded(struct plans *plans, struct txn *txn, const struct task *task);
/* After a launch of this step's requirement was recorded in the state (same transaction). */
void plans_launched(struct plans *plans, struct txn *txn, struct step *step, int64_t now_ms);
/* The resource is being unreserved (decommission, uninstall). */
void plans_resource_unreserved(struct plans *plans, struct txn *txn, const char *resource_id,
                               int64_t now_ms);
/* A launch, which is in the state already, leaves these resources of an agent to no task: the
 * client is working until they have been unreserved. Those that a task holds are passed over. */
void plans_given_up(struct plans *plans, struct txn *txn, const char *agent_id,
                    const char *hostname, const struct strings *resource_ids);
/* A step without requirement has done its action. */
void plans_step_done(struct plans *plans, struct txn *txn, struct step *step, int64_t now_ms);

/* ---- work ---- */

/* Steps to work on now, in order, conflicts settled (plans-and-recovery 2.2): PENDING or PREPARED
 * ones only. The array is valid until the next call or change. Cost: the candidates. */
size_t plans_candidates(struct plans *plans, int64_t now_ms, struct step *const **ret);

enum client_status {
    CLIENT_IDLE,
    CLIENT_WORKING,
    CLIENT_UNINSTALLED, /* `deregister` is complete by force: to be torn down, whatever is left */
};
struct client_state {
    enum client_status status; /* plans-and-recovery 10.5 */
    bool new_work;             /* the work set gained a member since the last call (2.3) */
};
struct client_state plans_client_state(struct plans *plans, int64_t now_ms);
/* When something will change by time alone (back-off, timed policies); INT64_MAX: never. */
int64_t plans_next_ms(const struct plans *plans);
/* Tasks that no plan mentions (plans-and-recovery 3.9), to be killed at registration. */
size_t plans_unneeded_tasks(struct plans *plans, struct task *const **ret);

/* ---- verbs (plans-and-recovery 4, api-and-cli 1.3) ---- */

enum plan_verb {
    VERB_START,
    VERB_STOP,
    VERB_INTERRUPT,
    VERB_CONTINUE,
    VERB_RESTART,
    VERB_FORCE_COMPLETE,
};
/* phase and step: id or name, or NULL. params: object of strings for VERB_START. Returns the HTTP
 * code; *ret_body a new JSON value: {"message": …} or a string for text bodies. */
int plans_verb(struct plans *plans, struct txn *txn, enum plan_verb verb, const char *plan,
               const char *phase, const char *step, const json_t *params, int64_t now_ms,
               json_t **ret_body);
/* Pod verbs "restart", "replace", "pause", "resume" (plans-and-recovery 7): records marks and
 * overrides; *ret_kill gets the tasks to kill (array in the arena). Returns the HTTP code. */
int plans_pod_verb(struct plans *plans, struct txn *txn, const char *verb, const char *pod,
                   const struct strings *tasks, int64_t now_ms, struct arena *arena,
                   struct task ***ret_kill, size_t *ret_n_kill, json_t **ret_body);

/* ---- showing ---- */

/* Names in the order of plans-and-recovery 2.1. */
size_t plans_count(const struct plans *plans);
const char *plans_name(const struct plans *plans, size_t index);
/* The plan's JSON (plans-and-recovery 1.7), NULL when there is no such plan. New. */
json_t *plans_show(struct plans *plans, const char *plan, int64_t now_ms);
/* What stands for the plan of an uninstall when that has ended and the store is empty
 * (plans-and-recovery 9.6). New. */
json_t *plan_uninstalled(void);
/* The plan in short, as /v1/debug/plans shows it (api-and-cli 1.10): names, strategies, plain
 * statuses, each step's errors, and how many steps are complete. NULL when there is none. New. */
json_t *plans_brief(struct plans *plans, const char *plan, int64_t now_ms);
bool plans_status(struct plans *plans, const char *plan, int64_t now_ms, enum status *ret);
/* The names of its steps, one a line, from such JSON. */
void plan_names_print(const json_t *json, struct buf *out);
/* The tree as the original's command line prints it, from such JSON (api-and-cli 2.2). */
void plan_tree_print(const char *plan, const json_t *json, bool utf8, struct buf *out);
/* The same without the JSON between; false when there is no such plan. */
bool plans_tree(struct plans *plans, const char *plan, int64_t now_ms, bool utf8, struct buf *out);
/* One line for each unfinished step: what it waits for and the command that would help. */
void plans_why(struct plans *plans, const char *pod /* or NULL */, int64_t now_ms, struct buf *out);

#endif
