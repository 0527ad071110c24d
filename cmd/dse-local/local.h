/* The model of one small Mesos: a master, its frameworks and offers, agents with executors and
 * tasks, all in this process. One struct each; the files of this folder each hold one concern.
 *
 *   topology.c   agents from options or a file          master.c     calls in, events out
 *   framework.c  subscription, failover, removal        alloc.c      offers, filters, suppression
 *   accept.c     operations against a running pool      resource_rules.c, task_rules.c  validation
 *   executor.c   default executor, task groups, kill    task.c       the process of a task
 *   sandbox.c    folders and volumes of a task          fetch.c      URIs into the sandbox
 *   check.c      checks and health checks               secret.c     values of secrets
 *   update.c     status updates until acknowledged      reconcile.c  answers to RECONCILE
 *   volume.c     folders of persistent volumes          view.c       /state for tests and people
 *   operation.c  statuses of operations with an id
 *   gate.c       leadership and authentication
 *   presence.c   agents and masters that go and return  control.c    the commands that make them
 *   workdir.c    the folder of all agents
 */
#ifndef DSE_LOCAL_LOCAL_H
#define DSE_LOCAL_LOCAL_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/loop.h"
#include "http.h"
#include "map.h"
#include "proc.h"
#include "proto/pb.h"
#include "res.h"

enum { AGENT_PORT = 5051, REMOVED_REMEMBERED = 50, DROP_TYPES = 6, RESEND_MAX_MS = 600000 };

struct config {
    const char *work_dir;
    const char *host;    /* address of the master */
    const char *version; /* Mesos version told to clients */
    long allocation_interval_ms, heartbeat_ms, resend_ms, executor_exit_ms, offer_timeout_ms;
    long agent_timeout_ms; /* until an agent that is away counts as unreachable */
    long reregister_ms;    /* until agents find a master that failed over */
    bool switch_user;
    bool simulate;      /* tasks without processes, folders or files */
    long recovery_ms;   /* how long a new master only answers 503 */
    const char *leader; /* HOST:PORT of another master that leads, "" for none, or NULL: this one */
    const json_t *secrets; /* object: name to value, or NULL */
};

struct master {
    struct config config;
    struct loop *loop;
    struct clock clock;
    struct idgen ids;
    struct http_server *http;
    struct procs *procs;
    char id[UUID_TEXT];
    struct arena arena; /* lives as long as the master */
    DomainInfo *domain;
    struct agent **agents;
    size_t n_agents;
    struct map agent_names;
    struct map frameworks; /* by id */
    struct map offers;     /* by id */
    unsigned long next_framework, next_offer;
    char *removed[REMOVED_REMEMBERED]; /* ids of removed frameworks, a ring */
    size_t next_removed;
    struct map credentials;     /* secrets by principal; empty: anybody may come */
    int64_t recovered_ms;       /* on loop_now_ms()'s clock */
    unsigned drops[DROP_TYPES]; /* operations to drop on command, by type; 0: any */
    struct loop_timer *batch;   /* next allocation */
    int64_t last_batch_ms;
    bool prompt; /* an allocation is deferred */
};

/* ---- agents ---- */

struct filter { /* see offer-cycle 11.3 */
    struct filter *next;
    struct framework *framework;
    char *role;
    struct res_list refused;
    int64_t until_ms;
};

enum presence {
    AGENT_UP,
    AGENT_AWAY,        /* its connection broke; the master still waits for it */
    AGENT_UNREACHABLE, /* given up, may return */
    AGENT_GONE,        /* marked gone, may not return */
    AGENT_LEFT,        /* it said good-bye, and would return as another agent */
    AGENT_EXPECTED,    /* the master failed over and has not heard of it yet */
};

struct agent {
    struct master *master;
    enum presence presence;
    bool
        away; /* AGENT_EXPECTED: its connection is broken too, so that it will not come by itself */
    int64_t unreachable_ms;       /* wall clock, when it became so */
    struct loop_timer *presences; /* next change of its own accord */
    char *id, *name, *hostname, *ip, *dir;
    struct arena arena; /* of the messages below */
    Attribute **attributes;
    size_t n_attributes;
    DomainInfo *domain;
    struct res_list total; /* everything, reservations and volumes included */
    struct res_list free;  /* neither offered nor in use */
    struct filter *filters;
    struct executor *executors;
};

/* ---- frameworks ---- */

struct role {
    char *name;
    bool suppressed;
};

struct framework {
    struct master *master;
    struct arena arena; /* of info */
    FrameworkInfo *info;
    char *id;
    struct role *roles;
    size_t n_roles;
    bool multi_role, refinement, partition_aware, killing_state, gpus, region_aware;
    struct http_conn *conn; /* NULL while disconnected */
    bool json;              /* encoding of events */
    char stream_id[UUID_TEXT];
    struct loop_timer *heartbeat, *failover;
    struct offer *offers;
    struct map tasks;      /* by id, until a terminal state is acknowledged */
    struct map operations; /* by id, until acknowledged */
};

struct offer {
    struct offer *next, **slot; /* slot: what points to it in its framework's list */
    char *id;
    struct framework *framework;
    struct agent *agent;
    char *role;
    struct res_list resources;
    struct loop_timer *timeout;
};

/* ---- executors and tasks ---- */

struct executor {
    struct executor *next; /* of the agent */
    struct agent *agent;
    struct framework *framework;
    struct arena arena;
    ExecutorInfo *info;
    const char *id;
    char *role; /* that its resources are allocated to */
    char container_id[UUID_TEXT];
    char *sandbox;
    struct res_list resources;
    struct task *tasks; /* without a terminal state */
    bool terminating;   /* no task is left, or told to shut down */
    size_t unheard;     /* tasks that ended and whose end is not acknowledged */
    bool died;          /* by itself, before its tasks */
    bool unhealthy;     /* some task failed its health check for good (as the original's flag) */
    struct loop_timer *end; /* leaves when it fires */
};

struct group { /* tasks that were launched together and die together */
    unsigned refs;
    bool killing;
};

struct update {
    struct update *next;
    struct arena arena;
    TaskStatus *status;
};

struct task {
    struct task *next; /* of the executor */
    struct framework *framework;
    struct agent *agent;
    struct executor *executor; /* NULL once ended */
    struct group *group;
    struct arena arena;
    TaskInfo *info;
    const char *id;
    char container_id[UUID_TEXT];
    char *executor_id, *executor_container, *sandbox;
    struct res_list resources;
    TaskState state; /* as the executor sees it */
    bool killing, timed_out;
    bool kill_asked; /* while its agent was away */
    int64_t kill_at_ms;
    struct loop_timer *start; /* steps of its launch */
    bool announced;           /* STARTING was told */
    struct proc *proc, *fetching;
    struct check *check, *health;
    struct loop_timer *kill_timer, *limit_timer;
    bool has_healthy, healthy;
    bool has_check_value;
    int check_value; /* exit code, HTTP status, or 1 for a TCP success */
    int pid;

    struct update *updates; /* oldest first; the first one is in flight */
    struct loop_timer *resend;
    int64_t resend_ms;
    struct arena forwarded_arena;
    TaskStatus *forwarded; /* what the master saw last; NULL: staging */
};

/* ---- master.c ---- */

int master_start(struct master *m, int port, struct err *err);
void master_stop(struct master *m);
/* "<master id>-<letter><number>" and the like, to be freed. */
double now_seconds(const struct master *m);

/* ---- gate.c ---- */

/* Basic credentials: lines `PRINCIPAL SECRET` or JSON as Mesos reads it. */
int credentials_load(struct master *m, const char *file, struct err *err);
/* False when the request was answered here already: 401, 307 or 503. The principal is NULL without
 * authentication. */
bool gate_pass(const struct master *m, struct http_conn *conn, const struct http_request *req,
               const char **ret_principal, struct arena *arena);
int gate_check_principal(const char *principal, const FrameworkInfo *info, struct buf *why);

/* ---- framework.c ---- */

struct framework *framework_find(const struct master *m, const char *id);
bool framework_has_role(const struct framework *f, const char *role);
/* Answers a SUBSCRIBE on conn, whose request was valid and accepts that encoding. */
void framework_subscribe(struct master *m, struct http_conn *conn, bool json,
                         const Call__Subscribe *subscribe);
/* UPDATE_FRAMEWORK; -1 with the reason when refused. */
int framework_update(struct framework *f, const Call__UpdateFramework *call, struct buf *why);
/* Writes an event when a stream is open; false when the framework is disconnected. */
bool framework_send(struct framework *f, const Event *event);
void framework_remove(struct framework *f);
void frameworks_free(struct master *m);

/* ---- alloc.c ---- */

void alloc_soon(struct master *m);  /* an event that allocates promptly */
void alloc_batch(struct master *m); /* something came back: at the next batch */
void offer_free(
    struct offer *offer); /* out of all tables; its resources are the caller's concern */
void offer_rescind(struct offer *offer, bool tell);
void offers_rescind_all(struct framework *f, bool tell);
void offers_rescind_agent(struct agent *agent); /* and tells */
void filter_add(struct agent *agent, struct framework *f, const char *role,
                const struct res_list *refused, const Filters *filters);
void filters_drop(struct framework *f, const char *role); /* NULL: of all roles */
void decline(struct framework *f, const Call__Decline *call);
void revive(struct framework *f, size_t n_roles, const char *const *roles);
void suppress(struct framework *f, size_t n_roles, const char *const *roles);

/* ---- accept.c ---- */

void accept_offers(struct framework *f, Call__Accept *call);

/* ---- executor.c ---- */

struct executor *executor_find(const struct agent *agent, const struct framework *f,
                               const char *id);
/* The resources were taken from the pool. executor_info is used when there is none yet. */
void executor_launch(struct framework *f, struct agent *agent, const ExecutorInfo *executor_info,
                     const TaskGroupInfo *tasks, const char *role);
void executor_shutdown(struct executor *executor);
/* The executor itself ended: its tasks fail. */
void executor_died(struct executor *executor);
/* Ends everything at once, without updates; the resources return to the agent. */
void executor_destroy(struct executor *executor);
/* KILL of a task whose agent is registered. */
void task_kill_call(struct task *task, const KillPolicy *policy);
/* What a KILL does at the executor: nothing while the task is being launched. */
void task_kill(struct task *task, const KillPolicy *policy);
/* Stops a task that is not being stopped yet. tell: by TASK_KILLING, to those that know it. */
void task_stop(struct task *task, int64_t grace_ms, bool tell);
/* The task came to its end: tells, frees its resources, applies the group's rule. */
void task_ended(struct task *task, TaskState state, const char *message, int reason);
/* A status from the executor. reason -1: none. */
void task_status(struct task *task, TaskState state, const char *message, int reason);
void task_free(struct task *task); /* the last of it, acknowledged or given up */

/* ---- task.c ---- */

/* Makes the sandbox, fetches, starts the process, tells RUNNING; failures end the task. */
void task_start(struct task *task);
/* Environment of a process of the task: MESOS_*, its command's, then extra's; in the arena.
 * NULL when a secret is not known. */
char **task_environment(const struct task *task, const Environment *extra, struct arena *arena,
                        struct err *err);
/* Fills path and argv from a CommandInfo, in the arena. */
void command_argv(const CommandInfo *command, struct proc_spec *spec, struct arena *arena);
/* The user to switch to, or NULL. */
const char *task_user(const struct task *task, const CommandInfo *command);
/* The one of its executors, or NULL. */
const char *framework_user(const struct framework *f);

/* ---- sandbox.c ---- */

/* Folders and links: the executor's with its volumes; the task's with what its container asks for.
 * What cannot be done without a container of its own is refused by name. */
int sandbox_executor(struct executor *executor, struct err *err);
int sandbox_task(struct task *task, struct err *err);

/* ---- secret.c ---- */

/* Appends the value of a secret; names are looked up in the file given by --secrets. */
int secret_value(const struct master *m, const Secret *secret, struct buf *out, struct err *err);

/* ---- check.c ---- */

void checks_start(struct task *task);
void checks_stop(struct task *task);

/* ---- fetch.c ---- */

/* Child body: fetches all URIs of `ctx` (a struct fetch) into the present folder. */
struct fetch {
    const CommandInfo *command;
    const char *master_host; /* address of names of the cluster's own DNS */
};
int fetch_all(void *ctx);

/* ---- update.c ---- */

/* Queues a copy for the framework and sends it when nothing of the task is in flight. */
void update_queue(struct task *task, const TaskStatus *status);
void updates_resend(struct framework *f); /* after a re-subscription */
void updates_free(struct task *task);
/* Sends what piled up while the agent was away. */
void updates_forward(struct agent *agent);
/* A status of the master's own: no uuid, nothing to acknowledge. */
struct told {
    const char *task_id, *agent_id, *executor_id; /* the last two may be NULL */
    TaskState state; /* the one for PARTITION_AWARE frameworks; others get TASK_LOST */
    int reason;      /* -1: none */
    const char *message;
    int64_t unreachable_ms; /* 0: unset */
};
void master_status(struct framework *f, const struct told *told);
/* The last forwarded state of a task, once more. */
void master_status_again(const struct task *task, const char *message, int reason);
void acknowledge(struct framework *f, const Call__Acknowledge *call);
TaskState task_state_for(const struct framework *f, TaskState state);
/* ---- operation.c ---- */

void operation_finished(struct framework *f, const struct agent *agent, const char *operation_id);
/* The answer to a reconciliation: what waits for its acknowledgement (true), or false. */
bool operation_again(struct framework *f, const char *operation_id);
void operations_again(struct framework *f);
/* One without a uuid; agent_id and message may be NULL. */
void operation_told(struct framework *f, const char *operation_id, OperationState state,
                    const char *agent_id, const char *message);
/* The agent is removed, or back. */
void operations_forget(struct agent *agent);
void operations_forward(struct agent *agent);
void operation_acknowledge(struct framework *f, const Call__AcknowledgeOperationStatus *call);
void operations_free(struct framework *f);

/* ---- reconcile.c ---- */

void reconcile(struct framework *f, const Call__Reconcile *call);
void reconcile_one(struct framework *f, const char *task_id, const char *agent_id);
void reconcile_operations(struct framework *f, const Call__ReconcileOperations *call);

/* ---- volume.c ---- */

/* Folder of a persistent volume, in the arena. */
char *volume_path(const struct agent *agent, const struct res *volume, struct arena *arena);
int volume_create(const struct agent *agent, const struct res *volume, struct err *err);
int volume_destroy(const struct agent *agent, const struct res *volume, struct err *err);

/* ---- topology.c ---- */

struct agent_size {
    double cpus, mem, disk;
};
/* Agents from a file, or n equal ones. */
int topology_load(struct master *m, const char *file, long n_agents, const struct agent_size *size,
                  struct err *err);
void agents_free(struct master *m);
struct agent *agent_find(const struct master *m, const char *id);
struct agent *agent_named(const struct master *m, const char *name);
/* Takes from / gives back to the agent's free resources. */
void agent_recover(struct agent *agent, const struct res_list *list);
/* The master counts it among its agents, connected or not. */
static inline bool agent_registered(const struct agent *agent)
{
    return agent->presence == AGENT_UP || agent->presence == AGENT_AWAY;
}

/* ---- presence.c ---- */

void agent_down(struct agent *agent);
void agent_up(struct agent *agent);
void agent_gone(struct agent *agent);
void agent_leave(struct agent *agent);
void master_failover(struct master *m);
void presence_free(struct agent *agent);

/* ---- control.c ---- */

/* POST /control/COMMAND with the name as body, and the operator API's MARK_AGENT_GONE. */
void control_call(struct master *m, struct http_conn *conn, const struct http_request *req);
void operator_call(struct master *m, struct http_conn *conn, const struct http_request *req);
/* The other side: sends a command to the dse-local at that URL. */
int control_send(const char *url, const char *command, const char *name, struct err *err);

/* ---- framework.c, for presence.c ---- */

/* Cuts the stream as a broken connection does. */
void framework_disconnect(struct framework *f);

/* ---- view.c ---- */

json_t *view_state(const struct master *m);

#endif
