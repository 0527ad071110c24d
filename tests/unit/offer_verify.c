/* What is on record against what a master answers: its form is that of Mesos 1.4 to 1.11, where an
 * unrefined reservation comes in the old and the new format at once. */
#include "base/alloc.h"
#include "base/json.h"
#include "offer/verify.h"
#include "proto/pbjson.h"
#include "tap.h"

static json_t *quoted(const char *format, ...) __attribute__((format(printf, 1, 2)));
static json_t *quoted(const char *format, ...)
{
    struct err err = ERR_INIT;
    va_list args;

    va_start(args, format);
    auto_free char *text = xvasprintf(format, args);
    va_end(args);
    for (char *p = text; *p; p++)
        if (*p == '\'')
            *p = '"';
    return json_parse(text, strlen(text), "test", &err);
}

/* cpus reserved under that id; `framework` is the label of newer schedulers. */
static json_t *reserved(const char *id, const char *role, const char *framework)
{
    auto_free char *labels = xasprintf("{'labels':[{'key':'resource_id','value':'%s'}%s%s%s]}", id,
                                       framework ? ",{'key':'framework_id','value':'" : "",
                                       framework ? framework : "", framework ? "'}" : "");

    return quoted("{'name':'cpus','type':'SCALAR','scalar':{'value':0.5},'role':'%s',"
                  "'reservation':{'principal':'p','labels':%s},'reservations':[{'type':'DYNAMIC',"
                  "'role':'%s','principal':'p','labels':%s}]}",
                  role, labels, role, labels);
}

static json_t *agent(const char *id, json_t *resources)
{
    return json_pack("{s:{s:{s:s}, s:s}, s:o}", "agent_info", "id", "value", id, "hostname", id,
                     "total_resources", resources);
}

static json_t *running(const char *id, const char *framework)
{
    return quoted("{'task_id':{'value':'%s'},'framework_id':{'value':'%s'},'agent_id':{'value':"
                  "'A1'},'state':'TASK_RUNNING'}",
                  id, framework);
}

static void put_task(struct state *state, struct txn *txn, const char *name, const char *agent_id,
                     const char *resource)
{
    auto_arena struct arena arena = ARENA_INIT;
    struct err err = ERR_INIT;
    json_t *resources = json_pack("[o]", reserved(resource, "dse-role", NULL));
    json_auto json_t *json = quoted("{'name':'%s','task_id':{'value':'dse__%s__1'},'agent_id':"
                                    "{'value':'%s'},'labels':{'labels':[{'key':'index','value':"
                                    "'0'},{'key':'task_type','value':'dse'},{'key':"
                                    "'offer_hostname','value':'%s'}]}}",
                                    name, name, agent_id, agent_id);
    json_auto json_t *status =
        quoted("{'task_id':{'value':'dse__%s__1'},'state':'TASK_RUNNING'}", name);

    json_set(json, "resources", resources);
    state_put_task_info(state, txn, PB_FROM_JSON(TaskInfo, task_info, json, &arena, &err));
    state_put_task_status(state, txn, name,
                          PB_FROM_JSON(TaskStatus, task_status, status, &arena, &err));
}

struct fixture {
    struct state *state;
    struct txn *txn;
    struct strings roles;
};

static void fixture_init(struct fixture *f)
{
    static const char *role = "dse-role";
    struct err err = ERR_INIT;

    *f = (struct fixture){state_new(), txn_new(), {&role, 1}};
    CHECK_INT(state_load(f->state, tree_new(), &err), 0);
    put_task(f->state, f->txn, "dse-0-node", "A1", "r1");
    put_task(f->state, f->txn, "dse-0-agent", "A1", "r2");
    put_task(f->state, f->txn, "dse-1-node", "A2", "r3");
}

static void fixture_release(struct fixture *f)
{
    txn_free(f->txn);
    state_free(f->state);
}

static json_t *report(struct fixture *f, json_t *agents, json_t *tasks)
{
    struct err err = ERR_INIT;
    json_auto json_t *a = json_pack("{s:o}", "agents", agents);
    json_auto json_t *t = json_pack("{s:o}", "tasks", tasks);
    const struct verify_input input = {f->state, "F", NULL, &f->roles, a, t};
    json_t *ret = verify_report(&input, &err);

    if (!ret)
        printf("# %s\n", err.text);
    CHECK(ret != NULL);
    return ret;
}

static json_t *all_running(void)
{
    return json_pack("[o,o,o]", running("dse__dse-0-node__1", "F"),
                     running("dse__dse-0-agent__1", "F"), running("dse__dse-1-node__1", "F"));
}

static const json_t *list_of(const json_t *report, size_t agent_index, const char *key)
{
    return json_object_get(json_array_get(json_object_get(report, "agents"), agent_index), key);
}

static void same(void)
{
    struct fixture f;

    fixture_init(&f);
    json_auto json_t *r = report(
        &f,
        json_pack("[o,o]",
                  agent("A1", json_pack("[o,o,o,o,o]", reserved("r1", "dse-role", NULL),
                                        reserved("r2", "dse-role", "F"),
                                        reserved("x1", "other-role", NULL),
                                        reserved("x2", "dse-role", "another"),
                                        quoted("{'name':'mem','type':'SCALAR','scalar':{'value':"
                                               "9},'role':'*'}"))),
                  agent("A2", json_pack("[o]", reserved("r3", "dse-role", NULL)))),
        all_running());
    CHECK(json_is_true(json_object_get(r, "consistent")));
    CHECK_INT(json_integer_value(list_of(r, 0, "matching")), 2);
    CHECK_INT(json_integer_value(list_of(r, 1, "matching")), 1);
    fixture_release(&f);
}

static void differences(void)
{
    struct fixture f;

    fixture_init(&f);
    /* A1 holds r9 in place of r2; r3 is reserved, but not on its agent, which is not there. */
    json_auto json_t *r = report(
        &f,
        json_pack("[o]", agent("A1", json_pack("[o,o,o]", reserved("r1", "dse-role", NULL),
                                               reserved("r9", "dse-role", NULL),
                                               reserved("r3", "dse-role", NULL)))),
        json_pack("[o,o]", running("dse__dse-0-node__1", "F"), running("dse__dse-0-node__0", "F")));
    CHECK(!json_is_true(json_object_get(r, "consistent")));
    CHECK_INT(json_array_size(list_of(r, 0, "not_recorded")), 2);
    CHECK_STR(
        json_string_value(json_object_get(json_array_get(list_of(r, 0, "not_recorded"), 0), "id")),
        "r9");
    CHECK_INT(json_array_size(list_of(r, 0, "not_reserved")), 1);
    CHECK_STR(json_string_value(
                  json_object_get(json_array_get(list_of(r, 0, "not_reserved"), 0), "task")),
              "dse-0-agent");
    CHECK_INT(json_array_size(list_of(r, 1, "unknown")), 1);
    CHECK_INT(json_array_size(list_of(r, 1, "not_reserved")), 0);
    const json_t *tasks = json_object_get(r, "tasks");
    CHECK_INT(json_array_size(json_object_get(tasks, "not_recorded")), 1);
    CHECK_INT(json_array_size(json_object_get(tasks, "not_running")), 2);
    fixture_release(&f);
}

static void unreadable(void)
{
    struct fixture f;
    struct err err = ERR_INIT;

    fixture_init(&f);
    json_auto json_t *agents =
        json_pack("{s:[o]}", "agents", agent("A1", json_pack("[{s:i}]", "name", 1)));
    const struct verify_input input = {f.state, "F", NULL, &f.roles, agents, NULL};
    CHECK(verify_report(&input, &err) == NULL);
    CHECK_INT(err.status, EXIT_INPUT);
    CHECK(strstr(err.text, "agent 'A1'") != NULL);
    fixture_release(&f);
}

TAP_MAIN(TEST(same), TEST(differences), TEST(unreadable))
