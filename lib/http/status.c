/* What the original's /v1/health packs into unusual status codes, said with usual ones: /v1/status
 * tells people and scripts how the service is, /v1/alive tells a supervisor whether to restart us.
 */
#include "base/alloc.h"
#include "http/routes.h"

static const struct {
    int code; /* of /v1/health (api-and-cli 1.8) */
    const char *state;
} states[] = {
    {200, "running"},    {202, "deploying"}, {203, "recovering"}, {204, "deploying"},
    {205, "recovering"}, {207, "waiting"},   {208, "delayed"},    {318, "initializing"},
    {320, "backing-up"}, {321, "restoring"}, {500, "error"},
};

static const char *state_of(const struct exchange_ctx *x, int code)
{
    if (x->options->uninstall && !x->view->plans)
        return "uninstalled";
    if (x->options->uninstall || state_uninstalling(x->view->state))
        return "uninstalling";
    for (size_t i = 0; i < ARRAY_LEN(states); i++) {
        if (states[i].code == code)
            return states[i].state;
    }
    return "unavailable";
}

/* A scheduler of this toolkit holds the lock. */
static bool has_writer(const struct exchange_ctx *x, struct err *err)
{
    struct lock_info lock = {0};

    return store_lock_info(x->options->store, &lock, err) == 0 && lock.held && lock.ours;
}

static json_t *text_or_null(const char *text)
{
    return text ? json_string(text) : json_null();
}

/* {"deploy": {"status": …, "steps": n, "complete": n}, …}; the errors of all go to one list. */
static json_t *plans_json(const struct exchange_ctx *x, json_t *errors)
{
    const int64_t now = clock_now_ms(x->options->clock);
    struct plans *plans = x->view->plans;
    json_t *json = json_object();

    for (size_t i = 0; plans && i < plans_count(plans); i++) {
        const char *name = plans_name(plans, i);
        json_auto json_t *brief = plans_brief(plans, name, now);
        json_auto json_t *whole = plans_show(plans, name, now);
        json_array_extend(errors, json_object_get(whole, "errors"));
        json_set(json, name,
                 json_pack("{s:O, s:O, s:O}", "status", json_object_get(brief, "status"), "steps",
                           json_object_get(brief, "totalSteps"), "complete",
                           json_object_get(brief, "completedSteps")));
    }
    return json;
}

static void get_status(struct exchange_ctx *x)
{
    struct err err = ERR_INIT;
    const int code = health_code(x);
    json_t *body = json_object(), *errors = json_array();

    json_set(body, "service", text_or_null(state_service_name(x->view->state)));
    json_set(body, "state", json_string(state_of(x, code)));
    json_set(body, "health", json_integer(code));
    json_set(body, "scheduler", json_boolean(has_writer(x, &err)));
    json_set(body, "framework_id", text_or_null(state_framework_id(x->view->state)));
    json_set(body, "target", text_or_null(state_target_id(x->view->state)));
    json_set(body, "tasks", json_integer((json_int_t)state_task_count(x->view->state)));
    json_set(body, "plans", plans_json(x, errors));
    json_set(body, "errors", errors);
    reply_json(x, 200, body, JSON_LAYOUT_PRETTY);
}

static void get_alive(struct exchange_ctx *x)
{
    struct err err = ERR_INIT;

    if (has_writer(x, &err)) {
        reply_json(x, 200, json_pack("{s:b}", "alive", 1), JSON_LAYOUT_PRETTY);
        return;
    }
    x->reply->retry_after = "5";
    reply_text(x->reply, 503, *err.text ? err.text : "no scheduler holds the lock");
}

const struct route status_routes[] = {
    {"GET", "/v1/status", get_status, false},
    {"GET", "/v1/alive", get_alive, false},
    {NULL, NULL, NULL, false},
};
