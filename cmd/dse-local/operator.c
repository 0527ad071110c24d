/* The part of the master's operator API (POST /api/v1, as JSON) that operators of a service need.
 */
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "local.h"
#include "proto/pbjson.h"

/* {"value": text} */
static json_t *value(const char *text)
{
    return json_pack("{s:s}", "value", text);
}

/* ---- GET_AGENTS ---- */

static json_t *agent_json(const struct agent *agent)
{
    auto_arena struct arena arena = ARENA_INIT;
    json_t *total = json_array();
    json_t *info = json_pack("{s:s, s:o}", "hostname", agent->hostname, "id", value(agent->id));

    for (size_t i = 0; i < agent->total.count; i++)
        json_push(total, pb_to_json(res_to_proto(&agent->total.items[i], NULL, true, &arena)));
    return json_pack("{s:o, s:b, s:o}", "agent_info", info, "active", agent->presence == AGENT_UP,
                     "total_resources", total);
}

/* Those that are registered: also while their connection is broken, until they are given up. */
static json_t *get_agents(const struct master *m)
{
    json_t *agents = json_array();

    for (size_t i = 0; i < m->n_agents; i++)
        if (m->agents[i]->presence == AGENT_UP || m->agents[i]->presence == AGENT_AWAY)
            json_push(agents, agent_json(m->agents[i]));
    return json_pack("{s:o, s:[]}", "agents", agents, "recovered_agents");
}

/* ---- GET_TASKS ---- */

static json_t *task_json(const struct framework *framework, const struct task *task)
{
    return json_pack("{s:s, s:o, s:o, s:o, s:s}", "name", task->info->name, "task_id",
                     value(task->id), "framework_id", value(framework->id), "agent_id",
                     value(task->agent->id), "state",
                     pb_enum_name(&task_state__descriptor, (int)task->state));
}

static json_t *get_tasks(const struct master *m)
{
    json_t *tasks = json_array(), *unreachable = json_array();

    for (MAP_EACH(&m->frameworks, f)) {
        if (!MAP_LIVE(f))
            continue;
        const struct framework *framework = f->value;
        for (MAP_EACH(&framework->tasks, e)) {
            if (!MAP_LIVE(e))
                continue;
            const struct task *task = e->value;
            const bool there =
                task->agent->presence == AGENT_UP || task->agent->presence == AGENT_AWAY;
            json_push(there ? tasks : unreachable, task_json(framework, task));
        }
    }
    return json_pack("{s:o, s:o}", "tasks", tasks, "unreachable_tasks", unreachable);
}

/* ---- the call ---- */

static void refuse(struct http_conn *conn, int status, const char *why)
{
    http_reply(conn, status, "text/plain; charset=utf-8", NULL, why, strlen(why));
}

static void reply(struct http_conn *conn, const char *type, const char *member, json_t *content)
{
    json_auto json_t *answer = json_pack("{s:s, s:o}", "type", type, member, content);
    auto_buf struct buf text = BUF_INIT;

    json_write(&text, answer, JSON_LAYOUT_COMPACT);
    http_reply(conn, 200, "application/json", NULL, text.data, text.len);
}

static void mark_agent_gone(struct master *m, struct http_conn *conn, const json_t *call)
{
    const json_t *id = json_object_get(
        json_object_get(json_object_get(call, "mark_agent_gone"), "agent_id"), "value");
    struct agent *agent = json_is_string(id) ? agent_find(m, json_string_value(id)) : NULL;

    if (!agent) {
        refuse(conn, 404, "Agent not found");
        return;
    }
    agent_gone(agent);
    http_reply(conn, 200, "application/json", NULL, "", 0);
}

void operator_call(struct master *m, struct http_conn *conn, const struct http_request *req)
{
    struct err err = ERR_INIT;
    json_auto json_t *call = json_parse(req->body, req->body_len, "request", &err);
    const char *type = json_string_value(json_object_get(call, "type"));

    if (type && strcmp(type, "MARK_AGENT_GONE") == 0)
        mark_agent_gone(m, conn, call);
    else if (type && strcmp(type, "GET_AGENTS") == 0)
        reply(conn, type, "get_agents", get_agents(m));
    else if (type && strcmp(type, "GET_TASKS") == 0)
        reply(conn, type, "get_tasks", get_tasks(m));
    else
        refuse(conn, 501,
               "dse-local knows only GET_AGENTS, GET_TASKS and MARK_AGENT_GONE of the operator "
               "API, as JSON");
}
