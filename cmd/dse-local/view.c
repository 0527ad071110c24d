/* /state: what there is, for tests and people. Not the page of a real master, which is much larger;
 * where names are the same they mean the same. */
#include "base/alloc.h"
#include "base/json.h"
#include "local.h"
#include "proto/pbjson.h"

static json_t *resources_json(const struct res_list *list)
{
    auto_arena struct arena arena = ARENA_INIT;
    json_t *out = json_array();
    for (size_t i = 0; i < list->count; i++)
        json_push(out, pb_to_json(res_to_proto(&list->items[i], NULL, true, &arena)));
    return out;
}

static json_t *volumes_json(const struct agent *agent)
{
    auto_arena struct arena arena = ARENA_INIT;
    json_t *out = json_array();
    for (size_t i = 0; i < agent->total.count; i++) {
        const struct res *r = &agent->total.items[i];
        if (!r->meta->persistent)
            continue;
        json_t *volume = json_object();
        json_set(volume, "id", json_string(r->meta->persist_id));
        json_set(volume, "role", json_string(r->meta->role));
        json_set(volume, "size", json_real((double)r->milli / 1000));
        json_set(volume, "path", json_string(volume_path(agent, r, &arena)));
        json_push(out, volume);
    }
    return out;
}

static json_t *executors_json(const struct agent *agent)
{
    json_t *out = json_array();
    for (const struct executor *e = agent->executors; e; e = e->next) {
        json_t *executor = json_object();
        json_set(executor, "id", json_string(e->id));
        json_set(executor, "framework_id", json_string(e->framework->id));
        json_set(executor, "container_id", json_string(e->container_id));
        json_set(executor, "directory", json_string(e->sandbox));
        json_set(executor, "resources", resources_json(&e->resources));
        json_push(out, executor);
    }
    return out;
}

static json_t *reserved_json(const struct agent *agent)
{
    json_t *all = resources_json(&agent->total), *out = json_array();
    size_t i;
    json_t *r;
    json_array_foreach(all, i, r)
    {
        if (json_object_get(r, "reservations"))
            json_push(out, json_incref(r));
    }
    json_decref(all);
    return out;
}

static const char *const presences[] = {
    [AGENT_UP] = "up",     [AGENT_AWAY] = "away", [AGENT_UNREACHABLE] = "unreachable",
    [AGENT_GONE] = "gone", [AGENT_LEFT] = "left", [AGENT_EXPECTED] = "expected",
};

static json_t *agent_json(const struct agent *agent)
{
    json_t *out = json_object(), *attributes = json_array();
    for (size_t i = 0; i < agent->n_attributes; i++)
        json_push(attributes, pb_to_json(agent->attributes[i]));
    json_set(out, "id", json_string(agent->id));
    json_set(out, "name", json_string(agent->name));
    json_set(out, "hostname", json_string(agent->hostname));
    json_set(out, "ip", json_string(agent->ip));
    json_set(out, "presence", json_string(presences[agent->presence]));
    json_set(out, "attributes", attributes);
    if (agent->domain)
        json_set(out, "domain", pb_to_json(agent->domain));
    json_set(out, "resources", resources_json(&agent->total));
    json_set(out, "free", resources_json(&agent->free));
    json_set(out, "reservations", reserved_json(agent));
    json_set(out, "volumes", volumes_json(agent));
    json_set(out, "executors", executors_json(agent));
    return out;
}

static json_t *task_json(const struct task *task)
{
    json_t *out = json_object();
    json_set(out, "id", json_string(task->id));
    json_set(out, "name", json_string(task->info->name));
    json_set(out, "agent_id", json_string(task->agent->id));
    json_set(out, "executor_id", json_string(task->executor_id));
    json_set(out, "state", json_string(pb_enum_name(&task_state__descriptor, (int)task->state)));
    json_set(out, "directory", json_string(task->sandbox));
    if (task->pid)
        json_set(out, "pid", json_integer(task->pid));
    json_set(out, "unacknowledged", json_boolean(task->updates != NULL));
    json_set(out, "resources", resources_json(&task->resources));
    return out;
}

static json_t *framework_json(const struct framework *f)
{
    json_t *out = json_object(), *roles = json_array(), *suppressed = json_array(),
           *tasks = json_array(), *offers = json_array();
    for (size_t i = 0; i < f->n_roles; i++) {
        json_push(roles, json_string(f->roles[i].name));
        if (f->roles[i].suppressed)
            json_push(suppressed, json_string(f->roles[i].name));
    }
    for (MAP_EACH(&f->tasks, e))
        if (MAP_LIVE(e))
            json_push(tasks, task_json(e->value));
    for (const struct offer *o = f->offers; o; o = o->next) {
        json_t *offer = json_object();
        json_set(offer, "id", json_string(o->id));
        json_set(offer, "agent_id", json_string(o->agent->id));
        json_set(offer, "role", json_string(o->role));
        json_set(offer, "resources", resources_json(&o->resources));
        json_push(offers, offer);
    }
    json_set(out, "id", json_string(f->id));
    json_set(out, "name", json_string(f->info->name));
    json_set(out, "connected", json_boolean(f->conn != NULL));
    json_set(out, "roles", roles);
    json_set(out, "suppressed_roles", suppressed);
    json_set(out, "offers", offers);
    json_set(out, "tasks", tasks);
    return out;
}

json_t *view_state(const struct master *m)
{
    json_t *out = json_object(), *agents = json_array(), *frameworks = json_array();
    for (size_t i = 0; i < m->n_agents; i++)
        json_push(agents, agent_json(m->agents[i]));
    for (MAP_EACH(&m->frameworks, e))
        if (MAP_LIVE(e))
            json_push(frameworks, framework_json(e->value));
    json_set(out, "id", json_string(m->id));
    json_set(out, "version", json_string(m->config.version));
    json_set(out, "agents", agents);
    json_set(out, "frameworks", frameworks);
    return out;
}
