/* The master and the agents of the simulated cluster (cycle_chaos.c): what they say, what they are
 * told, and what they watch over meanwhile. */
#ifndef DSE_TESTS_CHAOS_MASTER_H
#define DSE_TESTS_CHAOS_MASTER_H

#include "offer_world.h"

#include "base/log.h"
#include "cycle/cycle.h"
#include "offer/strmap.h"
#include "plan/view.h"
#include "proto/pbjson.h"

#define FILTER_MS(seconds) ((int64_t)((seconds)*1000))
enum { IN_FLIGHT_MS = 60000 }; /* how long an ACCEPT may be on its way */
enum { AGENTS = 4, PODS = 3, TASKS_OF_POD = 2, CHAOS_STEPS = 400, CALM_STEPS = 4000, REST = 60 };

static const char spec_text[] =
    SERVICE(POD("dse", 3,
                TASK("node", "RUNNING",
                     SET("node-set", CPUS_MEM(0.5, 1024) "," PORT(9042, "native", "\"PORT\"", ""),
                         VOLUME("ROOT", "task-data", 100)),
                     "") "," TASK("agent", "RUNNING", SET("agent-set", CPUS_MEM(0.1, 64), ""), ""),
                MAX_PER_HOST(1, "dse-.*"), VOLUME("ROOT", "pod-data", 200)));

/* A task as the master knows it. The first of the statuses waits for its acknowledgement. */
struct mtask {
    const char *id;
    struct agent *agent; /* NULL: the agent is gone with it */
    TaskState latest;    /* forwarded */
    TaskState waiting[8];
    size_t n_waiting;
    uint8_t uuid[16]; /* of the first */
    bool alive;
    const TaskInfo *info; /* NULL: it never ran */
    const ExecutorInfo *executor;
    int64_t launched_ms;
    bool settled;    /* all of its pod ran at a time, on record: until then a replacement goes on */
    int64_t sent_ms; /* the first, for repeating */
};

struct volume {
    const char *id;
    long pod;
    int64_t launched_ms;
};

struct host {
    bool reachable;
    const char *offer; /* outstanding, or NULL */
    int64_t filter_until;
    bool more; /* than the last offer showed: resources were freed since */
};

struct sim {
    struct world *w; /* agents, and an arena for everything that is said */
    struct host hosts[AGENTS];
    struct mtask *tasks;
    size_t n_tasks;
    const Event **events;
    size_t n_events, next_event;
    const Call **calls;
    size_t n_calls, next_call;
    uint64_t uuids;
    const char *master_version;
    struct strmap operation_ids; /* numbers: 1 for those that came */
    bool suppressed, connected, subscribed;
    struct volume *data; /* that a task has run on */
    size_t n_data;
    int64_t replaced_ms[PODS]; /* when that was last carried out */
    int64_t removed_ms[PODS];  /* when a target without the pod was last taken */
    bool absent[PODS];         /* from the target */
    size_t count;              /* of pods in the last target */
    bool ever_replaced[PODS];  /* asked for */
    struct {
        char id[UUID_TEXT]; /* of a request to replace the pod */
        long pod;
    } replaces[256];
    size_t n_replaces;
    struct {
        char id[UUID_TEXT]; /* of a request for a target of so many pods */
        size_t count;
    } targets[256];
    size_t n_targets;
    struct strmap given_up; /* ids of tasks on record when their pod was to be replaced */
    unsigned version, requests;

    char store_name[64];
    struct store *keeper; /* keeps the tree while the scheduler is down */
    struct loop *loop;
    struct store *store;
    struct state *state;
    struct cycle *cycle;
    struct clock clock;
    struct idgen ids, dice;
    struct arena cycle_arena;
    bool dying, stopped;
    bool uninstalling, torn_down;
    struct err why;
    bool calm;
    /* Faults of a script: the operation of a type that is dropped, the ACCEPT that is lost, counted
     * from 1; 0: none. And how many there were so far. */
    Offer__Operation__Type dropped_type;
    int dropped_number, lost_accept;
    int of_type, accepts;
    const char *trouble; /* an invariant broken on the way */
};

static bool chance(struct sim *s, unsigned percent)
{
    return !s->calm && idgen_below(&s->dice, 100) < percent;
}

static void broken(struct sim *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void broken(struct sim *s, const char *format, ...)
{
    va_list args;

    if (s->trouble)
        return;
    va_start(args, format);
    auto_free char *text = xvasprintf(format, args);
    va_end(args);
    s->trouble = arena_strdup(&s->w->arena, text);
}

/* ---- what the master says ---- */

static void say(struct sim *s, Event *event, Event__Type type)
{
    event->has_type = 1;
    event->type = type;
    *ARENA_PUSH(&s->w->arena, s->events, s->n_events) = event;
}
#define NEW(Type, prefix) PB_NEW(&s->w->arena, Type, prefix)

static void say_status(struct sim *s, const char *id, const char *agent_id, TaskState state,
                       const uint8_t *uuid)
{
    Event *event = NEW(Event, event);
    TaskStatus *status = NEW(TaskStatus, task_status);

    status->task_id = NEW(TaskID, task_id);
    status->task_id->value = arena_strdup(&s->w->arena, id);
    status->state = state;
    status->has_source = 1;
    status->source =
        uuid ? TASK_STATUS__SOURCE__SOURCE_EXECUTOR : TASK_STATUS__SOURCE__SOURCE_MASTER;
    if (agent_id) {
        status->agent_id = NEW(AgentID, agent_id);
        status->agent_id->value = arena_strdup(&s->w->arena, agent_id);
    }
    if (uuid) {
        status->has_uuid = 1;
        status->uuid.len = 16;
        status->uuid.data = arena_memdup(&s->w->arena, uuid, 16);
    }
    event->update = NEW(Event__Update, event__update);
    event->update->status = status;
    say(s, event, EVENT__TYPE__UPDATE);
}

static void say_operation(struct sim *s, const char *id, const char *agent_id, bool done)
{
    static uint8_t uuid[16] = "operation-status";
    Event *event = NEW(Event, event);
    OperationStatus *status = NEW(OperationStatus, operation_status);

    event->update_operation_status =
        NEW(Event__UpdateOperationStatus, event__update_operation_status);
    event->update_operation_status->status = status;
    status->operation_id = NEW(OperationID, operation_id);
    status->operation_id->value = arena_strdup(&s->w->arena, id);
    status->state = done ? OPERATION_STATE__OPERATION_FINISHED : OPERATION_STATE__OPERATION_ERROR;
    if (done) {
        status->agent_id = NEW(AgentID, agent_id);
        status->agent_id->value = arena_strdup(&s->w->arena, agent_id);
        status->uuid = NEW(UUID, uuid);
        status->uuid->value = (ProtobufCBinaryData){sizeof uuid, uuid};
    }
    say(s, event, EVENT__TYPE__UPDATE_OPERATION_STATUS);
}

static struct host *host_of(struct sim *s, const struct agent *a)
{
    for (size_t i = 0; i < AGENTS; i++)
        if (s->w->agents[i] == a)
            return &s->hosts[i];
    return NULL;
}

/* Forwards the first waiting status of a task, (again) until it is acknowledged. */
static void forward(struct sim *s, struct mtask *t)
{
    if (!t->n_waiting || !s->subscribed || !host_of(s, t->agent)->reachable ||
        s->clock.fixed_ms < t->sent_ms)
        return;
    t->latest = t->waiting[0];
    t->sent_ms = s->clock.fixed_ms + 10000;
    say_status(s, t->id, t->agent->id, t->latest, t->uuid);
}

static void push_status(struct sim *s, struct mtask *t, TaskState state)
{
    if (t->n_waiting == 8)
        return;
    t->waiting[t->n_waiting++] = state;
    if (t->n_waiting == 1) {
        s->uuids++;
        memcpy(t->uuid, &s->uuids, sizeof s->uuids);
        t->sent_ms = 0;
    }
}

static struct mtask *find_task(struct sim *s, const char *id)
{
    for (size_t i = 0; i < s->n_tasks; i++)
        if (strcmp(s->tasks[i].id, id) == 0)
            return &s->tasks[i];
    return NULL;
}

/* ---- agents ---- */

static void free_held(struct sim *s, struct agent *a, const char *user)
{
    for (size_t i = 0; i < a->n_held; i++) {
        struct held *h = &a->held[i];
        if (!h->resource || !h->user || strcmp(h->user, user) != 0)
            continue;
        Resource *r = h->resource;
        h->resource = NULL;
        world_give(s->w, a, r, NULL);
    }
    host_of(s, a)->filter_until = 0; /* freed resources pass the filter */
    host_of(s, a)->more = true;
}

/* A filter holds back what the offer had, not what came on top meanwhile. */
static void set_filter(struct sim *s, struct agent *a, const Filters *filters)
{
    struct host *h = host_of(s, a);

    h->filter_until = h->more ? 0 : s->clock.fixed_ms + FILTER_MS(filters->refuse_seconds);
}

static void end_task(struct sim *s, struct mtask *t, TaskState state)
{
    struct agent *a = t->agent;
    const char *executor = NULL;
    size_t others = 0;

    if (!t->alive)
        return;
    t->alive = false;
    push_status(s, t, state);
    for (size_t i = 0; i < a->n_tasks; i++)
        if (a->tasks[i].id && strcmp(a->tasks[i].id, t->id) == 0) {
            executor = a->tasks[i].executor_id;
            a->tasks[i].id = NULL;
        }
    free_held(s, a, t->id);
    for (size_t i = 0; i < a->n_tasks; i++)
        others += a->tasks[i].id && strcmp(a->tasks[i].executor_id, executor) == 0;
    if (others)
        return;
    free_held(s, a, executor);
    for (size_t i = 0; i < a->n_executors; i++)
        if (a->executors[i] && strcmp(a->executors[i]->executor_id->value, executor) == 0)
            a->executors[i] = NULL;
}

static long pod_of(const TaskInfo *t)
{
    return strtol(labels_get(t->labels, "index"), NULL, 10);
}

static void note_data(struct sim *s, struct mtask *m)
{
    const TaskInfo *t = m->info;
    const ExecutorInfo *e = m->executor;

    if (m->settled)
        return;
    m->settled = true;
    for (size_t i = 0; i < t->n_resources + e->n_resources; i++) {
        const Resource *r = i < t->n_resources ? t->resources[i] : e->resources[i - t->n_resources];
        if (resource_is_volume(r))
            *ARENA_PUSH(&s->w->arena, s->data, s->n_data) =
                (struct volume){r->disk->persistence->id, pod_of(t), m->launched_ms};
    }
}

/* The scheduler knows that it runs. A replacement is one until all of the pod run (see
 * plans-and-recovery 5.5): what was launched before may be replaced again without being asked. */
static void note_running(struct sim *s, struct mtask *m)
{
    const long pod = pod_of(m->info);

    if (!s->ever_replaced[pod])
        note_data(s, m);
    for (struct task *t = state_pod(s->state, "dse", (int)pod); t; t = t->next_in_pod)
        if (t->status_state != TASK_STATE__TASK_RUNNING || t->permanently_failed)
            return;
    for (struct task *t = state_pod(s->state, "dse", (int)pod); t; t = t->next_in_pod)
        if (find_task(s, t->id))
            note_data(s, find_task(s, t->id));
}

/* Data goes only when its pod was to be replaced (invariant 5). */
static void note_destroy(struct sim *s, const char *id)
{
    for (size_t i = 0; i < s->n_data; i++)
        if (strcmp(s->data[i].id, id) == 0 &&
            s->replaced_ms[s->data[i].pod] < s->data[i].launched_ms && !s->absent[s->data[i].pod] &&
            s->removed_ms[s->data[i].pod] + IN_FLIGHT_MS < s->data[i].launched_ms)
            broken(s, "DESTROY of volume '%s', which has data", id);
}

static void launched(struct sim *s, struct agent *a, const Offer__Operation__LaunchGroup *group)
{
    const TaskInfo *t = group->task_group->tasks[0];

    for (size_t i = 0; i < s->n_tasks; i++) {
        auto_arena struct arena arena = ARENA_INIT;
        const char *name = task_name_of_id(&arena, s->tasks[i].id);
        if (strcmp(s->tasks[i].id, t->task_id->value) == 0)
            broken(s, "task id '%s' is launched twice", s->tasks[i].id);
        if (s->tasks[i].alive && strcmp(name, t->name) == 0 &&
            (s->tasks[i].settled || !s->ever_replaced[pod_of(t)]) &&
            s->replaced_ms[pod_of(t)] < s->tasks[i].launched_ms)
            broken(s, "'%s' is launched while '%s' lives", t->task_id->value, s->tasks[i].id);
    }
    struct mtask *m = ARENA_PUSH(&s->w->arena, s->tasks, s->n_tasks);
    *m = (struct mtask){
        .id = t->task_id->value, .agent = a, .latest = TASK_STATE__TASK_STAGING, .alive = true};
    if (chance(s, 10)) { /* dies before it ran */
        push_status(s, m, TASK_STATE__TASK_STARTING);
        end_task(s, m, TASK_STATE__TASK_FAILED);
        return;
    }
    m->info = t;
    m->launched_ms = strmap_find(&s->given_up, m->id) ? 0 : s->clock.fixed_ms;
    m->executor = group->executor;
    push_status(s, m, TASK_STATE__TASK_STARTING);
    push_status(s, m, TASK_STATE__TASK_RUNNING);
}

static void operate(struct sim *s, struct agent *a, const Offer__Operation *op)
{
    if (op->type == OFFER__OPERATION__TYPE__DESTROY && !s->uninstalling)
        note_destroy(s, op->destroy->volumes[0]->disk->persistence->id);
    if (op->type == OFFER__OPERATION__TYPE__LAUNCH_GROUP) {
        const TaskInfo *t = op->launch_group->task_group->tasks[0];
        if (world_operation(s->w, a, op))
            launched(s, a, op->launch_group);
        else
            say_status(s, t->task_id->value, a->id, TASK_STATE__TASK_ERROR, NULL);
        return;
    }
    if (op->id && strmap_get(&s->operation_ids, op->id->value)->number++)
        broken(s, "operation id '%s' comes twice", op->id->value);
    /* Dropped without a word, unless it carries an id (captures/README). */
    const bool dropped =
        chance(s, 2) || (op->type == s->dropped_type && ++s->of_type == s->dropped_number);
    const bool done = !dropped && world_operation(s->w, a, op);
    if (op->id && chance(s, 80)) /* the rest is lost with its agent */
        say_operation(s, op->id->value, a->id, done);
}

/* ---- what the master is told ---- */

static struct agent *close_offer(struct sim *s, const char *id)
{
    for (size_t i = 0; i < AGENTS; i++)
        if (s->hosts[i].offer && strcmp(s->hosts[i].offer, id) == 0) {
            s->hosts[i].offer = NULL;
            return s->w->agents[i];
        }
    return NULL;
}

static void accept(struct sim *s, const Call__Accept *call)
{
    struct agent *a = NULL;

    for (size_t i = 0; i < call->n_offer_ids; i++) {
        a = close_offer(s, call->offer_ids[i]->value);
        if (!a)
            break;
    }
    for (size_t i = 0; i < call->n_operations; i++) {
        const Offer__Operation *op = call->operations[i];
        if (a)
            operate(s, a, op);
        else if (op->type == OFFER__OPERATION__TYPE__LAUNCH_GROUP)
            say_status(s, op->launch_group->task_group->tasks[0]->task_id->value, NULL,
                       TASK_STATE__TASK_DROPPED, NULL);
    }
    if (a)
        set_filter(s, a, call->filters);
}

static struct agent *agent_by_id(struct sim *s, const AgentID *id)
{
    for (size_t i = 0; id && i < AGENTS; i++)
        if (strcmp(s->w->agents[i]->id, id->value) == 0)
            return s->w->agents[i];
    return NULL;
}

/* See offer-cycle 11.7. */
static void answer(struct sim *s, const char *id, const AgentID *agent_id)
{
    const struct mtask *t = find_task(s, id);
    struct agent *a = agent_by_id(s, agent_id);

    if (t && host_of(s, t->agent)->reachable && (t->alive || t->n_waiting))
        say_status(s, id, t->agent->id, t->latest, NULL);
    else if (a)
        say_status(s, id, a->id,
                   host_of(s, a)->reachable ? TASK_STATE__TASK_GONE : TASK_STATE__TASK_UNREACHABLE,
                   NULL);
    else
        say_status(s, id, NULL, TASK_STATE__TASK_UNKNOWN, NULL);
}

static void reconcile(struct sim *s, const Call__Reconcile *call)
{
    for (size_t i = 0; i < call->n_tasks; i++)
        answer(s, call->tasks[i]->task_id->value, call->tasks[i]->agent_id);
    for (size_t i = 0; !call->n_tasks && i < s->n_tasks; i++) {
        const struct mtask *t = &s->tasks[i];
        if (t->alive || t->n_waiting)
            say_status(s, t->id, t->agent->id,
                       host_of(s, t->agent)->reachable ? t->latest : TASK_STATE__TASK_UNREACHABLE,
                       NULL);
    }
}

static void revive(struct sim *s)
{
    s->suppressed = false;
    for (size_t i = 0; i < AGENTS; i++)
        s->hosts[i].filter_until = 0;
}

static void subscribe(struct sim *s)
{
    Event *event = NEW(Event, event);

    if (s->torn_down) {
        event->has_type = 1;
        event->type = EVENT__TYPE__ERROR;
        event->error = NEW(Event__Error, event__error);
        event->error->message = (char *)"Framework has been removed";
        cycle_event(s->cycle, event, NULL);
        return;
    }
    event->subscribed = NEW(Event__Subscribed, event__subscribed);
    event->subscribed->framework_id = NEW(FrameworkID, framework_id);
    event->subscribed->framework_id->value = (char *)"F-1";
    event->subscribed->master_info = NEW(MasterInfo, master_info);
    event->subscribed->master_info->id = (char *)"M";
    event->subscribed->master_info->version = (char *)s->master_version;
    s->subscribed = true;
    s->n_events = s->next_event = 0; /* of the old stream */
    s->suppressed = false;
    revive(s);
    for (size_t i = 0; i < AGENTS; i++)
        s->hosts[i].offer = NULL;
    for (size_t i = 0; i < s->n_tasks; i++)
        s->tasks[i].sent_ms = 0;
    say(s, event, EVENT__TYPE__SUBSCRIBED);
}

static void kill(struct sim *s, const Call__Kill *call)
{
    struct mtask *t = find_task(s, call->task_id->value);

    if (t && t->alive && host_of(s, t->agent)->reachable)
        end_task(s, t, TASK_STATE__TASK_KILLED);
    else if (!t || !t->n_waiting)
        answer(s, call->task_id->value, call->agent_id);
}

static void acknowledge(struct sim *s, const Call__Acknowledge *call)
{
    struct mtask *t = find_task(s, call->task_id->value);

    if (!t || !t->n_waiting || call->uuid.len != 16 || memcmp(call->uuid.data, t->uuid, 16) != 0)
        return;
    if (t->waiting[0] == TASK_STATE__TASK_RUNNING)
        note_running(s, t);
    memmove(t->waiting, t->waiting + 1, --t->n_waiting * sizeof *t->waiting);
    s->uuids++;
    memcpy(t->uuid, &s->uuids, sizeof s->uuids);
    t->sent_ms = 0;
}

/* What is still reserved now stays so for ever. */
static void tear_down(struct sim *s)
{
    s->torn_down = true;
    s->subscribed = false;
    for (size_t i = 0; i < s->n_tasks; i++)
        if (s->tasks[i].alive)
            broken(s, "torn down while '%s' lives", s->tasks[i].id);
    for (size_t i = 0; i < AGENTS; i++) {
        const struct agent *a = s->w->agents[i];
        for (size_t j = 0; j < a->n_held; j++)
            if (a->held[j].resource && resource_id(a->held[j].resource))
                broken(s, "torn down with %s reserved on %s", a->held[j].resource->name,
                       a->hostname);
    }
}

static void carry_out(struct sim *s, const Call *call)
{
    switch (call->type) {
    case CALL__TYPE__SUBSCRIBE:
        subscribe(s);
        return;
    case CALL__TYPE__ACCEPT:
        accept(s, call->accept);
        return;
    case CALL__TYPE__DECLINE:
        for (size_t i = 0; i < call->decline->n_offer_ids; i++) {
            struct agent *a = close_offer(s, call->decline->offer_ids[i]->value);
            if (a)
                set_filter(s, a, call->decline->filters);
        }
        return;
    case CALL__TYPE__KILL:
        kill(s, call->kill);
        return;
    case CALL__TYPE__ACKNOWLEDGE:
        acknowledge(s, call->acknowledge);
        return;
    case CALL__TYPE__RECONCILE:
        reconcile(s, call->reconcile);
        return;
    case CALL__TYPE__REVIVE:
        revive(s);
        return;
    case CALL__TYPE__SUPPRESS:
        s->suppressed = true;
        return;
    case CALL__TYPE__ACKNOWLEDGE_OPERATION_STATUS:
        return;
    case CALL__TYPE__TEARDOWN:
        tear_down(s);
        return;
    default:
        broken(s, "a call of type %d", (int)call->type);
    }
}

#endif
