#include "offer/verify.h"

#include <string.h>

#include "base/json.h"
#include "offer/offer.h"
#include "offer/reservations.h"
#include "offer/resources.h"
#include "offer/strmap.h"
#include "proto/pbjson.h"

static const char *text_at(const json_t *json, const char *outer, const char *inner)
{
    const char *text = json_string_value(json_object_get(json_object_get(json, outer), inner));

    return text ? text : "";
}

/* ---- reservations ---- */

struct report {
    const struct verify_input *input;
    json_t *agents;         /* list of the answer */
    struct strmap by_id;    /* agent id -> number of its entry in the list, from 1 */
    struct strmap recorded; /* "agent id/resource id" -> 1 recorded, 2 reserved too */
    bool consistent;
};

static json_t *entry(struct report *r, const char *agent_id, const char *hostname)
{
    struct strmap_entry *known = strmap_get(&r->by_id, agent_id);

    if (!known->number) {
        json_t *agent = json_object();
        json_set(agent, "agent", json_text(agent_id, strlen(agent_id)));
        json_set(agent, "hostname", json_text(hostname, strlen(hostname)));
        json_set(agent, "registered", json_false());
        json_set(agent, "matching", json_integer(0));
        json_set(agent, "not_recorded", json_array());
        json_set(agent, "not_reserved", json_array());
        json_set(agent, "unknown", json_array());
        json_push(r->agents, agent);
        known->number = (int64_t)json_array_size(r->agents);
    }
    return json_array_get(r->agents, (size_t)known->number - 1);
}

static struct strmap_entry *pair(struct report *r, const char *agent_id, const char *id)
{
    auto_buf struct buf key = BUF_INIT;

    buf_addf(&key, "%s/%s", agent_id, id);
    return strmap_get(&r->recorded, buf_str(&key));
}

static void note_recorded(struct report *r, const json_t *records)
{
    for (size_t i = 0; i < json_array_size(records); i++) {
        const json_t *item = json_array_get(records, i);
        const char *agent_id = json_string_value(json_object_get(item, "agent"));
        entry(r, agent_id, json_string_value(json_object_get(item, "hostname")));
        pair(r, agent_id, json_string_value(json_object_get(item, "id")))->number = 1;
    }
}

static void look_at_resource(struct report *r, json_t *agent, const char *agent_id,
                             const Resource *resource)
{
    const char *id = resource_id(resource);

    const struct reservation_owner service = {r->input->framework_id, r->input->principal,
                                              r->input->roles};

    if (!offer_holds_ours(resource, &service))
        return;
    struct strmap_entry *known = pair(r, agent_id, id);
    if (!known->number) {
        json_push(json_object_get(agent, "not_recorded"), reservation_json(resource, id));
        r->consistent = false;
    } else if (known->number == 1) {
        json_t *matching = json_object_get(agent, "matching");
        json_integer_set(matching, json_integer_value(matching) + 1);
    }
    known->number = 2;
}

static int look_at_agent(struct report *r, const json_t *json, struct err *err)
{
    const json_t *info = json_object_get(json, "agent_info");
    const json_t *resources = json_object_get(json, "total_resources");
    const char *id = text_at(info, "id", "value");
    const char *hostname = json_string_value(json_object_get(info, "hostname"));

    json_t *agent = entry(r, id, hostname ? hostname : "");
    json_set(agent, "registered", json_true());
    for (size_t i = 0; i < json_array_size(resources); i++) {
        auto_arena struct arena arena = ARENA_INIT;
        const Resource *resource =
            PB_FROM_JSON(Resource, resource, json_array_get(resources, i), &arena, err);
        if (!resource)
            return err_prefix(err, "agent '%s'", id);
        look_at_resource(r, agent, id, resource);
    }
    return 0;
}

static void note_missing(struct report *r, const json_t *records)
{
    for (size_t i = 0; i < json_array_size(records); i++) {
        json_t *item = json_array_get(records, i);
        const char *agent_id = json_string_value(json_object_get(item, "agent"));
        json_t *agent = entry(r, agent_id, "");
        if (pair(r, agent_id, json_string_value(json_object_get(item, "id")))->number != 1)
            continue;
        const bool registered = json_is_true(json_object_get(agent, "registered"));
        json_push(json_object_get(agent, registered ? "not_reserved" : "unknown"),
                  json_incref(item));
        r->consistent = false;
    }
}

static int compare_reservations(struct report *r, struct err *err)
{
    const json_t *agents = json_object_get(r->input->agents, "agents");
    json_auto json_t *records = reservations_list(r->input->state, NULL, err);

    if (!records)
        return -1;
    note_recorded(r, records);
    for (size_t i = 0; i < json_array_size(agents); i++)
        if (look_at_agent(r, json_array_get(agents, i), err) < 0)
            return -1;
    note_missing(r, records);
    return 0;
}

/* ---- tasks ---- */

static void add_task(struct report *r, json_t *list, const char *id, const char *agent_id)
{
    json_t *item = json_object();

    json_set(item, "id", json_text(id, strlen(id)));
    json_set(item, "agent", json_text(agent_id, strlen(agent_id)));
    json_push(list, item);
    r->consistent = false;
}

static void compare_tasks(struct report *r, json_t *ret)
{
    static const char *const lists[] = {"tasks", "pending_tasks", "unreachable_tasks",
                                        "orphan_tasks"};
    json_t *not_recorded = json_array(), *not_running = json_array();
    struct strmap seen = {0};

    json_set(ret, "not_recorded", not_recorded);
    json_set(ret, "not_running", not_running);
    if (!r->input->framework_id)
        return;
    for (size_t l = 0; l < sizeof lists / sizeof *lists; l++) {
        const json_t *list = json_object_get(r->input->tasks, lists[l]);
        for (size_t i = 0; i < json_array_size(list); i++) {
            const json_t *task = json_array_get(list, i);
            const char *id = text_at(task, "task_id", "value");
            if (strcmp(text_at(task, "framework_id", "value"), r->input->framework_id) != 0)
                continue;
            strmap_get(&seen, id)->number = 1;
            const struct task *known = state_task_by_id(r->input->state, id);
            if (!known || strcmp(known->id, id) != 0)
                add_task(r, not_recorded, id, text_at(task, "agent_id", "value"));
        }
    }
    for (const struct task *t = state_task_first(r->input->state); t;
         t = state_task_after(r->input->state, t))
        if (*t->id && t->status_id && !task_state_is_terminal(t->status_state) &&
            !strmap_find(&seen, t->id))
            add_task(r, not_running, t->id, t->agent_id);
    strmap_free(&seen);
}

json_t *verify_report(const struct verify_input *input, struct err *err)
{
    struct report r = {.input = input, .agents = json_array(), .consistent = true};
    json_t *report = json_object(), *tasks = json_object();

    json_set(report, "agents", r.agents);
    json_set(report, "tasks", tasks);
    if (compare_reservations(&r, err) < 0) {
        json_decref(report);
        report = NULL;
    } else {
        compare_tasks(&r, tasks);
        json_set(report, "consistent", json_boolean(r.consistent));
    }
    strmap_free(&r.by_id);
    strmap_free(&r.recorded);
    return report;
}
