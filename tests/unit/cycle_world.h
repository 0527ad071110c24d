/* The cycle on a memory store for unit tests: requests, events and the clock go in, what was sent
 * is kept. */
#ifndef DSE_TESTS_CYCLE_WORLD_H
#define DSE_TESTS_CYCLE_WORLD_H

#include <stdlib.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/log.h"
#include "cycle/cycle.h"
#include "proto/pbjson.h"
#include "tap.h"

/* One pod type with one task, no checks; count, command and environment are filled in. */
static const char spec_text[] =
    "{'name':'hello','role':'hello-role','principal':'hello-principal','user':'root',"
    "'goal':'RUNNING','region':null,'web-url':null,'zookeeper':'z:2181',"
    "'replacement-failure-policy':null,'pod-specs':[{'type':'world','user':'root','count':%d,"
    "'allow-decommission':false,'image':null,'networks':[],'rlimits':[],'uris':[],"
    "'task-specs':[{'name':'server','goal':'RUNNING','essential':true,'resource-set':{'id':'s',"
    "'resource-specifications':[{'@type':'DefaultResourceSpec','name':'cpus','value':{'type':"
    "'SCALAR','scalar':{'value':1.0}},'role':'hello-role','pre-reserved-role':'*','principal':"
    "'hello-principal'},{'@type':'DefaultResourceSpec','name':'mem','value':{'type':'SCALAR',"
    "'scalar':{'value':128.0}},'role':'hello-role','pre-reserved-role':'*','principal':"
    "'hello-principal'}],'volume-specifications':[],'role':'hello-role','principal':"
    "'hello-principal','resource-limits':{'cpus':null,'memory':null}},'command-spec':{'value':"
    "'%s','environment':{%s}},'task-labels':{},'health-check-spec':null,"
    "'readiness-check-spec':null,'config-files':[],'discovery-spec':null,'kill-grace-period':0,"
    "'transport-encryption':[],'ipc-mode':null,'shm-size':null}],'placement-rule':null,"
    "'volumes':[],'pre-reserved-role':'*','secrets':[],'share-pid-namespace':false,"
    "'host-volumes':[],'external-volumes':[],'seccomp-unconfined':false,"
    "'seccomp-profile-name':null,'ipc-mode':null,'shm-size':null}]}";

struct world {
    struct loop *loop;
    struct store *store;
    struct state *state;
    struct cycle *cycle;
    struct clock clock;
    struct idgen ids;
    json_t *calls; /* array of what was sent since the last take */
    struct err why;
    bool stopped;
    bool accept_was_durable;
    bool hook_before, hook_after; /* for the next start_cycle() */
    bool keep_offers, recordio;   /* likewise; recordio: calls are counted in bytes only */
    size_t bytes_sent;
    json_t *hooks; /* array of what was to be run: "before world-0 OLD>NEW" */
};

__attribute__((format(printf, 1, 2))) static inline json_t *quoted(const char *format, ...)
{
    struct err err = ERR_INIT;
    va_list args;

    va_start(args, format);
    auto_free char *text = xvasprintf(format, args);
    va_end(args);
    for (char *p = text; *p; p++) {
        if (*p == '\'')
            *p = '"';
    }
    json_t *json = json_parse(text, strlen(text), "test", &err);
    if (!json)
        printf("# %s\n", err.text);
    return json;
}

static inline void on_write(void *ctx, const void *data, size_t len)
{
    struct world *w = ctx;
    struct err err = ERR_INIT;
    const char *text = data, *end = text + len;

    w->bytes_sent += len;
    if (w->recordio)
        return;
    while (text < end) {
        const char *line = memchr(text, '\n', (size_t)(end - text));
        json_t *call = json_parse(text, (size_t)(line - text), "call", &err);
        if (strcmp(json_string_value(json_object_get(call, "type")), "ACCEPT") == 0) {
            struct tree *tree = store_load(w->store, "Tasks", &err);
            w->accept_was_durable = tree && tree_find(tree, "Tasks/world-0-server/TaskInfo") &&
                                    tree_find(tree, "Tasks/world-0-server/TaskStatus");
            tree_free(tree);
        }
        json_push(w->calls, call);
        text = line + 1;
    }
}

static inline void on_stop(void *ctx, const struct err *why)
{
    struct world *w = ctx;

    w->stopped = true;
    w->why = *why;
}

static inline void on_hook(void *ctx, const struct hook *hook)
{
    struct world *w = ctx;

    json_push(w->hooks, json_sprintf("%s %s %s>%s", hook->after ? "after" : "before", hook->pod,
                                     hook->old_hostname, hook->new_hostname));
}

static inline void settle(struct world *w)
{
    for (int i = 0; i < 1000 && store_pending(w->store); i++)
        loop_once(w->loop, 10);
}

static inline void start_cycle(struct world *w, bool uninstall)
{
    struct err err = ERR_INIT;
    struct cycle_options options = {
        .store = w->store,
        .state = w->state,
        .clock = &w->clock,
        .ids = &w->ids,
        .uninstall = uninstall,
        .write = on_write,
        .stop = on_stop,
        .run_hook = on_hook,
        .hook_before = w->hook_before,
        .hook_after = w->hook_after,
        .keep_offers = w->keep_offers,
        .recordio = w->recordio,
        .ctx = w,
    };

    offer_settings_from_env(&options.settings, (const char *(*)(const char *))getenv);
    CHECK_INT(cluster_caps_parse(NULL, &options.caps, &err), 0);
    w->cycle = cycle_new(&options, &err);
    CHECK(w->cycle != NULL);
}

/* The world says how the cycle is to start. */
static inline void set_up_as(struct world *w)
{
    struct err err = ERR_INIT;

    log_init("cycle", "OFF");
    w->loop = loop_new(&err);
    w->store =
        store_open("mem:", &(struct store_options){.loop = w->loop, .create_root = true}, &err);
    CHECK_INT(store_lock(w->store, &(struct lock_options){.holder = "test"}, &err), 0);
    w->state = state_new();
    CHECK_INT(state_load(w->state, tree_new(), &err), 0);
    w->clock.fixed_ms = 1000000;
    w->ids.seed = 7;
    w->calls = json_array();
    w->hooks = json_array();
    start_cycle(w, false);
}

static inline void set_up(struct world *w)
{
    *w = (struct world){0};
    set_up_as(w);
}

static inline void tear_down(struct world *w)
{
    store_close(w->store);
    cycle_free(w->cycle);
    state_free(w->state);
    loop_free(w->loop);
    json_decref(w->calls);
    json_decref(w->hooks);
}

/* Gives an operator's request to the cycle; returns its result's code. */
static inline int request(struct world *w, const char *verb, json_t *args)
{
    static int number;
    struct err err = ERR_INIT;
    struct request result = {0};
    char id[UUID_TEXT];
    auto_free char *name = xasprintf("request %d", ++number);
    uuid_of_name(name, id);
    auto_free char *path = xasprintf(REQUESTS_PATH "/%s", id);
    json_auto json_t *node = json_pack("{s:s, s:o, s:I, s:I, s:s}", "verb", verb, "args", args,
                                       "created", (json_int_t)w->clock.fixed_ms + number, "expires",
                                       (json_int_t)w->clock.fixed_ms + 3600000, "state", "queued");
    struct buf text = BUF_INIT;
    json_write(&text, node, JSON_LAYOUT_COMPACT);
    CHECK_INT(store_post(w->store, path, text.data, text.len, &err), 0);
    struct tree *tree = store_load(w->store, REQUESTS_PATH, &err);
    cycle_requests(w->cycle, tree);
    tree_free(tree);
    settle(w);
    ssize_t len;
    const void *data = state_get(w->state, path, &len);
    CHECK(data && request_parse(id, data, (size_t)len, &result, &err) == 0);
    const int code = result.done ? result.code : -1;
    request_release(&result);
    buf_free(&text);
    return code;
}

static inline json_t *spec_args(const char *colour)
{
    auto_free char *environment = xasprintf("'COLOUR':'%s'", colour);

    return json_pack("{s:o}", "spec", quoted(spec_text, 2, "sleep 1000", environment));
}

static inline void event(struct world *w, json_t *json)
{
    struct err err = ERR_INIT;
    struct arena arena = ARENA_INIT;
    Event *decoded = PB_FROM_JSON(Event, event, json, &arena, &err);

    if (!decoded)
        printf("# %s\n", err.text);
    CHECK(decoded != NULL);
    if (decoded)
        cycle_event(w->cycle, decoded, &arena);
    settle(w);
    arena_free(&arena);
    json_decref(json);
}

/* First call of that type since the last take; NULL when there was none. Borrowed. */
static inline json_t *sent(struct world *w, const char *type)
{
    size_t i;
    json_t *call;

    json_array_foreach(w->calls, i, call)
    {
        if (strcmp(json_string_value(json_object_get(call, "type")), type) == 0)
            return call;
    }
    return NULL;
}

static inline int count_sent(struct world *w, const char *type)
{
    size_t i;
    json_t *call;
    int n = 0;

    json_array_foreach(w->calls, i, call) n +=
        strcmp(json_string_value(json_object_get(call, "type")), type) == 0;
    return n;
}

static inline void take(struct world *w)
{
    json_array_clear(w->calls);
}

static inline void subscribe(struct world *w)
{
    cycle_link(w->cycle, LINK_CONNECTED, NULL, 0);
    settle(w);
    event(w, quoted("{'type':'SUBSCRIBED','subscribed':{'framework_id':{'value':'F-1'},"
                    "'heartbeat_interval_seconds':15.0}}"));
}

static inline void offer(struct world *w, const char *id, const char *agent)
{
    event(w, quoted("{'type':'OFFERS','offers':{'offers':[{'id':{'value':'%s'},'framework_id':"
                    "{'value':'F-1'},'agent_id':{'value':'%s'},'hostname':'%s.local',"
                    "'allocation_info':{'role':'hello-role'},'resources':["
                    "{'name':'cpus','type':'SCALAR','scalar':{'value':4.0},'allocation_info':"
                    "{'role':'hello-role'}},{'name':'mem','type':'SCALAR','scalar':{'value':"
                    "4096.0},'allocation_info':{'role':'hello-role'}},{'name':'disk','type':"
                    "'SCALAR','scalar':{'value':10000.0},'allocation_info':{'role':"
                    "'hello-role'}},{'name':'ports','type':'RANGES','ranges':{'range':[{'begin':"
                    "9000,'end':9100}]},'allocation_info':{'role':'hello-role'}}]}]}}",
                    id, agent, agent));
}

static inline const char *task_id(struct world *w, const char *name)
{
    const struct task *task = state_task(w->state, name);

    return task ? task->id : "";
}

static inline void update(struct world *w, const char *id, const char *state, const char *source,
                          const char *uuid)
{
    event(w, quoted("{'type':'UPDATE','update':{'status':{'task_id':{'value':'%s'},'state':'%s',"
                    "'source':'%s','agent_id':{'value':'A1'}%s%s%s}}}",
                    id, state, source, uuid ? ",'uuid':'" : "", uuid ? uuid : "", uuid ? "'" : ""));
}

static inline enum status plan_status(struct world *w, const char *plan)
{
    json_auto json_t *metrics = cycle_metrics(w->cycle);
    auto_free char *name = xasprintf("plan_status.%s", plan);
    json_t *value = json_object_get(json_object_get(metrics, "gauges"), name);

    return json_integer_value(value) == 0 && value ? STATUS_COMPLETE : STATUS_IN_PROGRESS;
}

/* Deploys both pods; leaves the calls taken. */
static inline void deploy(struct world *w)
{
    set_up(w);
    CHECK_INT(request(w, "update", spec_args("red")), 200);
    subscribe(w);
    offer(w, "O1", "A1");
    update(w, task_id(w, "world-0-server"), "TASK_RUNNING", "SOURCE_EXECUTOR",
           "AAAAAAAAAAAAAAAAAAAAAA==");
    offer(w, "O2", "A2");
    update(w, task_id(w, "world-1-server"), "TASK_RUNNING", "SOURCE_EXECUTOR",
           "AAAAAAAAAAAAAAAAAAAAAQ==");
    CHECK_INT(plan_status(w, "deploy"), STATUS_COMPLETE);
    take(w);
}

#endif
