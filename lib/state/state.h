/* The service's state: a mirror of the tree and what it means, for one reader or the one writer.
 *
 * state_load() takes a tree over. The writer changes state only through the functions here; each
 * changes the mirror at once and adds the matching operations to a transaction, which the caller
 * submits. So later decisions see earlier ones without waiting, and what must wait (ACCEPT,
 * ACKNOWLEDGE) waits for the transaction's completion. A transaction that fails ends the process.
 *
 * Tasks are kept as their stored bytes plus a summary, so that 10 000 tasks cost little more than
 * the tree; full messages are decoded on demand into the caller's arena. Paths and encodings are
 * those of state-store 1.2, byte for byte. Pure over the store interface: no I/O here. */
#ifndef DSE_STATE_STATE_H
#define DSE_STATE_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/mesos.h"
#include "state/store.h"

struct state;

enum override_target { OVERRIDE_NONE, OVERRIDE_PAUSED, OVERRIDE_DECOMMISSIONED };
enum override_progress { PROGRESS_COMPLETE, PROGRESS_PENDING, PROGRESS_IN_PROGRESS };

/* One child of Tasks/. Strings live as long as the task is not changed; empty, not NULL, when
 * missing, unless said otherwise. */
struct task {
    const char *name;      /* "dse-0-node" */
    const char *id;        /* TaskInfo.task_id; "" = recorded, never launched */
    const char *pod_type;  /* label task_type; "" when missing */
    int pod_index;         /* label index; -1 when missing */
    const char *spec_name; /* name without "<type>-<index>-" */
    const char *config_id; /* label target_configuration */
    const char *agent_id;
    const char *role;       /* of its reservations; "" when it has none */
    const char *hostname;   /* label offer_hostname */
    const char *attributes; /* label offer_attributes */
    const char *region;     /* label offer_region, NULL when absent */
    const char *zone;       /* label offer_zone, NULL when absent */
    const char *executor_id;
    bool permanently_failed;
    bool has_check;        /* TaskInfo.check is set */
    bool has_legacy_check; /* label readiness_check */
    /* status; status_id is NULL when there is none */
    const char *status_id;
    TaskState status_state;
    const char *status_agent_id; /* "" when absent */
    const char *status_executor_id;
    bool status_ready;       /* readiness rule of plans-and-recovery 1.3 */
    double status_timestamp; /* s */
    /* goal state override; NONE and COMPLETE when inactive */
    enum override_target override;
    enum override_progress progress;
    struct task *next_in_pod; /* other tasks of the same pod instance, by name */
    void *plan_data;          /* for the plan floor: its step, in O(1) */
};

struct state *state_new(void);
void state_free(struct state *state);
/* Takes a whole tree over (also anew: everything from before is gone). Broken records are skipped
 * and reported by state_problems(), so that a damaged tree can be looked at; state_start() refuses
 * what the original refuses. Always 0 as yet. */
int state_load(struct state *state, struct tree *tree, struct err *err);
/* The mirror, for dumps and for floors that keep records of their own. */
const struct tree *state_tree(const struct state *state);
size_t state_problems(const struct state *state);
const char *state_problem(const struct state *state, size_t index);

/* ---- any node: create or replace, delete with all below. Parents are made (empty). ---- */
void state_put(struct state *state, struct txn *txn, const char *path, const void *data,
               ssize_t len);
void state_delete(struct state *state, struct txn *txn, const char *path);
/* The same for what may be large: child by child, with borders between them (see txn_border). */
void state_delete_in_pieces(struct state *state, struct txn *txn, const char *path);
/* A node written by another hand (a posted request): the mirror learns of it, no operation is made.
 * len -1: null data. */
void state_note_foreign(struct state *state, const char *path, const void *data, ssize_t len);
/* NULL when absent. */
const void *state_get(const struct state *state, const char *path, ssize_t *ret_len);
const char *state_get_text(const struct state *state, const char *path); /* NULL when absent */

/* ---- single values ---- */
const char *state_service_name(const struct state *state); /* NULL when not stored */
const char *state_schema_version(const struct state *state);
/* Decoded FrameworkID, NULL when absent. */
const char *state_framework_id(const struct state *state);
void state_put_framework_id(struct state *state, struct txn *txn, const char *id);
/* Properties/<key>. */
const void *state_property(const struct state *state, const char *key, ssize_t *ret_len);
int state_put_property(struct state *state, struct txn *txn, const char *key, const void *data,
                       size_t len, struct err *err);
bool state_deployed(const struct state *state);     /* last-completed-update-type is DEPLOY */
bool state_uninstalling(const struct state *state); /* property uninstalling is true */
/* It is absent, empty or a JSON boolean; the original does not start on anything else. */
bool state_uninstalling_is_good(const struct state *state);

/* ---- configurations ---- */
const char *state_target_id(const struct state *state); /* NULL when absent */
/* JSON text of Configurations/<id>, NULL when absent. */
const char *state_config(const struct state *state, const char *id, size_t *ret_len);

/* ---- tasks ---- */
size_t state_task_count(const struct state *state);
struct task *state_task(const struct state *state, const char *name);    /* NULL: none; O(1) */
struct task *state_task_by_id(struct state *state, const char *task_id); /* by name part; O(1) */
/* Tasks of one pod instance: first of the next_in_pod list, NULL when none. O(1). */
struct task *state_pod(const struct state *state, const char *type, int index);
/* All tasks in ascending order of name: state_task_first(s), state_task_after(s, t). */
struct task *state_task_first(const struct state *state);
struct task *state_task_after(const struct state *state, const struct task *task);
/* Full messages, decoded into the arena. NULL: absent or (with err filled) broken. */
TaskInfo *state_task_info(const struct state *state, const struct task *task, struct arena *arena,
                          struct err *err);
TaskStatus *state_task_status(const struct state *state, const struct task *task,
                              struct arena *arena, struct err *err);
/* For an index kept elsewhere (one a state): called after a task's TaskInfo or override changed,
 * and with its name when the task is gone. Not called for state_load(). NULL ends it. */
struct task_watcher {
    void (*changed)(void *ctx, const struct task *task);
    void (*gone)(void *ctx, const char *task_name);
    void *ctx;
};
void state_watch_tasks(struct state *state, const struct task_watcher *watcher);
/* Whether the resource id belongs to a stored task (task or executor level) that is neither
 * permanently failed nor DECOMMISSIONED/IN_PROGRESS: "expected" of offer-cycle 7.1. O(1). */
bool state_expects_resource(const struct state *state, const char *resource_id);

/* Writing. Names come from the messages; the task is made when new. Put the TaskInfo before the
 * TaskStatus. A status of a task without TaskInfo is not written and gives NULL. */
struct task *state_put_task_info(struct state *state, struct txn *txn, const TaskInfo *info);
struct task *state_put_task_status(struct state *state, struct txn *txn, const char *task_name,
                                   const TaskStatus *status);
void state_put_override(struct state *state, struct txn *txn, struct task *task,
                        enum override_target target, enum override_progress progress);
/* Rewrites the label target_configuration. */
void state_relabel_task(struct state *state, struct txn *txn, struct task *task,
                        const char *config_id);
void state_mark_permanently_failed(struct state *state, struct txn *txn, struct task *task);
/* Removes the resource id from the task's and its executor's resources. */
void state_drop_resource(struct state *state, struct txn *txn, const char *resource_id);
void state_delete_task(struct state *state, struct txn *txn, struct task *task);
/* A task that holds the resource id, NULL when none does. */
struct task *state_resource_owner(const struct state *state, const char *resource_id);

/* Start-up checks and repairs of state-store 3.5 and 5.4: service name, schema version (written
 * when missing), pairs of TaskInfo and TaskStatus, children of Tasks/ without TaskInfo. EXIT_INPUT
 * when the original would refuse to start, or when a record does not decode. Also makes
 * Toolkit/requests. */
int state_start(struct state *state, struct txn *txn, const char *service_name, struct err *err);
/* The repairs alone. */
int state_repair(struct state *state, struct txn *txn, struct err *err);
/* What state-store 5.4 finds about one task. */
enum pair_fault { PAIR_GOOD, PAIR_NO_STATUS, PAIR_DIFFERS };
enum pair_fault state_pair_fault(const struct task *task);

/* `/x` and `x` share a root and are the same service (see state-store 12.12). */
bool service_names_equal(const char *a, const char *b);
/* "datastax-dse" or "/a/b" -> "dcos-service-a__b" (state-store 1.1). */
int service_root_name(const char *service, struct buf *out, struct err *err);

#endif
