/* dse-uninstall verify: the store against the master's operator API. */
#include "offer/verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/text.h"
#include "dse-uninstall.h"
#include "mesos/credentials.h"
#include "mesos/operator.h"
#include "offer/offer.h"

/* ---- reading ---- */

static const char *environment(const char *name)
{
    return getenv(name);
}

static int find_roles(const struct verify_settings *settings, const struct view *view,
                      struct arena *arena, struct strings *ret, struct err *err)
{
    struct offer_settings offers;

    offer_settings_from_env(&offers, environment);
    if (view->target)
        offer_roles(view->target, &offers, view->state, arena, ret);
    for (size_t i = 0; i < settings->roles.count; i++)
        *ARENA_PUSH(arena, ret->items, ret->count) = settings->roles.items[i];
    if (ret->count == 0)
        return usage_error(err, "the store knows no role any more: name the service's with --role");
    return 0;
}

/* ---- printing ---- */

static const char *text_of(const json_t *item, const char *key)
{
    const char *text = json_string_value(json_object_get(item, key));

    return text ? text : "";
}

/* "cpus 0.5", "ports 9042", "disk 256 on dse-data" */
static void add_resource(const json_t *item, struct buf *out)
{
    const json_t *amount = json_object_get(item, "amount");

    text_clean(out, text_of(item, "name"));
    buf_addc(out, ' ');
    if (json_is_string(amount))
        text_clean(out, json_string_value(amount));
    else
        json_write_double(out, json_number_value(amount), false);
    if (*text_of(item, "path")) {
        buf_adds(out, " at ");
        text_clean(out, text_of(item, "path"));
    }
    buf_adds(out, " (");
    text_clean(out, text_of(item, "id"));
    buf_addc(out, ')');
    if (*text_of(item, "task")) {
        buf_adds(out, " of ");
        text_clean(out, text_of(item, "task"));
    }
}

static void add_list(const json_t *agent, const char *key, const char *what, struct buf *out)
{
    const json_t *list = json_object_get(agent, key);

    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *hostname = text_of(agent, "hostname");
        text_clean(out, *hostname ? hostname : text_of(agent, "agent"));
        buf_addf(out, ": %s: ", what);
        add_resource(json_array_get(list, i), out);
        buf_addc(out, '\n');
    }
}

static void add_tasks(const json_t *tasks, const char *key, const char *what, struct buf *out)
{
    const json_t *list = json_object_get(tasks, key);

    for (size_t i = 0; i < json_array_size(list); i++) {
        text_clean(out, text_of(json_array_get(list, i), "id"));
        buf_addf(out, ": %s\n", what);
    }
}

static void add_summary(const json_t *report, struct buf *out)
{
    const json_t *agents = json_object_get(report, "agents");
    size_t with = 0;
    long long matching = 0;

    for (size_t i = 0; i < json_array_size(agents); i++) {
        const json_t *agent = json_array_get(agents, i);
        const long long n = json_integer_value(json_object_get(agent, "matching"));
        matching += n;
        with += n > 0;
    }
    if (matching > 0)
        buf_addf(out, "%lld reserved resources on %zu agents are as recorded\n", matching, with);
    else if (json_is_true(json_object_get(report, "consistent")))
        buf_addf(out, "nothing of the service is left on %zu agents\n", json_array_size(agents));
}

static void print_report(const json_t *report)
{
    const json_t *agents = json_object_get(report, "agents");
    const json_t *tasks = json_object_get(report, "tasks");
    auto_buf struct buf text = BUF_INIT;

    for (size_t i = 0; i < json_array_size(agents); i++) {
        const json_t *agent = json_array_get(agents, i);
        add_list(agent, "not_recorded", "reserved, but on no record", &text);
        add_list(agent, "not_reserved", "on record, but not reserved", &text);
        add_list(agent, "unknown", "on record, but the agent is not registered", &text);
    }
    add_tasks(tasks, "not_recorded", "runs, but is on no record", &text);
    add_tasks(tasks, "not_running", "on record as running, but the master does not know it", &text);
    add_summary(report, &text);
    fputs(buf_str(&text), stdout);
}

int verify_service(const struct verify_settings *settings, struct client *client,
                   const struct output *output, struct err *err)
{
    auto_view struct view *view = NULL;
    auto_arena struct arena arena = ARENA_INIT;
    auto_free char *authorization = NULL;
    struct strings roles = {0};

    if (!settings->master)
        return usage_error(err, "no master: give --master URL or set DSE_MASTER");
    if (settings->credentials && !(authorization = credentials_header(settings->credentials, err)))
        return -1;
    view = client_look(client, err);
    if (!view || find_roles(settings, view, &arena, &roles, err) < 0)
        return -1;
    const struct operator_query query = {settings->master, authorization, settings->timeout_ms};
    json_auto json_t *agents = operator_ask(&query, "GET_AGENTS", err);
    json_auto json_t *tasks = agents ? operator_ask(&query, "GET_TASKS", err) : NULL;
    if (!tasks)
        return -1;
    const struct verify_input input = {
        .state = view->state,
        .framework_id = state_framework_id(view->state),
        .principal = view->target ? view->target->principal : NULL,
        .roles = &roles,
        .agents = agents,
        .tasks = tasks,
    };
    json_auto json_t *report = verify_report(&input, err);
    if (!report)
        return -1;
    if (output_is_json(output))
        output_json(output, report);
    else
        print_report(report);
    return json_is_true(json_object_get(report, "consistent")) ? EXIT_DONE : EXIT_NO;
}
