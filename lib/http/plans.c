/* /v1/plans (see api-and-cli 1.3). */
#include <string.h>

#include "base/alloc.h"
#include "http/control.h"

/* ---- reading ---- */

/* The service is gone and the packaging service asks how the uninstall went (plans-and-recovery
 * 9.6). */
static bool is_uninstalled(const struct exchange_ctx *x)
{
    return x->options->uninstall && !x->view->plans;
}

/* Started to uninstall, but that is not recorded yet: the plans are still those of the service, and
 * a complete `deploy` among them would be taken for the end. True when the reply says so. */
static bool not_begun(const struct exchange_ctx *x)
{
    if (!x->options->uninstall || !x->view->plans || state_uninstalling(x->view->state))
        return false;
    x->reply->retry_after = "1";
    reply_text(x->reply, 503, "the uninstall has not begun yet");
    return true;
}

static void list_plans(struct exchange_ctx *x)
{
    json_t *names = json_array();

    for (size_t i = 0; x->view->plans && i < plans_count(x->view->plans); i++)
        json_push(names, json_string(plans_name(x->view->plans, i)));
    if (is_uninstalled(x))
        json_push(names, json_string("deploy"));
    reply_json(x, 200, names, JSON_LAYOUT_ORG);
}

static void show_plan(struct exchange_ctx *x, const char *plan)
{
    enum status status;

    if (not_begun(x))
        return;
    if (is_uninstalled(x) && strcmp(plan, "deploy") == 0) {
        reply_json(x, 200, plan_uninstalled(), JSON_LAYOUT_SPEC);
        return;
    }
    json_t *json =
        x->view->plans ? plans_show(x->view->plans, plan, clock_now_ms(x->options->clock)) : NULL;
    if (!json || !plans_status(x->view->plans, plan, clock_now_ms(x->options->clock), &status)) {
        json_decref(json);
        reply_not_found(x, "Plan", plan);
        return;
    }
    reply_json(x,
               status == STATUS_COMPLETE ? 200
               : status == STATUS_ERROR  ? 417
                                         : 202,
               json, JSON_LAYOUT_SPEC);
}

static void get_plan(struct exchange_ctx *x)
{
    show_plan(x, x->parts[0]);
}

static void get_deploy(struct exchange_ctx *x)
{
    show_plan(x, "deploy");
}

/* ---- commands ---- */

static void command(struct exchange_ctx *x, const char *plan, const char *verb, bool phases,
                    bool steps)
{
    if (not_begun(x))
        return;
    /* Nobody is left who could do it, nor anything to be done. */
    if (is_uninstalled(x) && strcmp(plan, "deploy") == 0) {
        reply_text(x->reply, 208, "Command has already been reported or completed");
        return;
    }
    const char *phase = phases ? x->request->query(x->request, "phase") : NULL;
    const char *step = steps ? x->request->query(x->request, "step") : NULL;

    control_post(x, verb,
                 json_pack("{s:s, s:s*, s:s*}", "plan", plan, "phase", phase, "step", step));
}

/* Numbers and truth values are taken for their text, as the original does. */
static json_t *as_text(const json_t *value)
{
    auto_buf struct buf text = BUF_INIT;

    if (!json_is_number(value) && !json_is_boolean(value))
        return json_incref((json_t *)value);
    json_write(&text, value, JSON_LAYOUT_COMPACT);
    return json_string(buf_str(&text));
}

static json_t *texts_of(const json_t *params)
{
    json_t *texts = json_object(), *value;
    const char *key;

    json_object_foreach((json_t *)params, key, value) json_set(texts, key, as_text(value));
    return texts;
}

static void start(struct exchange_ctx *x)
{
    struct err err = ERR_INIT;

    if (!content_is(x, "application/json")) {
        reply_empty(x->reply, 415);
        return;
    }
    json_auto json_t *params = json_parse(x->request->body, x->request->body_len, "body", &err);
    if (!json_is_object(params)) {
        auto_free char *text =
            xasprintf("Couldn't parse parameters: %s", *err.text ? err.text : "not a JSON object");
        reply_text(x->reply, 400, text);
        return;
    }
    control_post(x, "plan-start",
                 json_pack("{s:s, s:o}", "plan", x->parts[0], "params", texts_of(params)));
}

static void stop(struct exchange_ctx *x)
{
    command(x, x->parts[0], "plan-stop", false, false);
}

static void resume(struct exchange_ctx *x)
{
    command(x, x->parts[0], "plan-continue", true, false);
}

static void interrupt(struct exchange_ctx *x)
{
    command(x, x->parts[0], "plan-interrupt", true, false);
}

static void force_complete(struct exchange_ctx *x)
{
    command(x, x->parts[0], "plan-force-complete", true, true);
}

static void restart(struct exchange_ctx *x)
{
    command(x, x->parts[0], "plan-restart", true, true);
}

/* The deprecated forms act on `deploy`. */
static void deploy_resume(struct exchange_ctx *x)
{
    command(x, "deploy", "plan-continue", false, false);
}

static void deploy_interrupt(struct exchange_ctx *x)
{
    command(x, "deploy", "plan-interrupt", false, false);
}

static void deploy_force_complete(struct exchange_ctx *x)
{
    command(x, "deploy", "plan-force-complete", true, true);
}

static void deploy_restart(struct exchange_ctx *x)
{
    command(x, "deploy", "plan-restart", true, true);
}

const struct route plan_routes[] = {
    {"GET", "/v1/plans", list_plans, true},
    {"GET", "/v1/plans/*", get_plan, true},
    {"POST", "/v1/plans/*/start", start, false},
    {"POST", "/v1/plans/*/stop", stop, false},
    {"POST", "/v1/plans/*/continue", resume, false},
    {"POST", "/v1/plans/*/interrupt", interrupt, false},
    {"POST", "/v1/plans/*/forceComplete", force_complete, false},
    {"POST", "/v1/plans/*/restart", restart, false},
    {"GET", "/v1/plan", get_deploy, true},
    {"POST", "/v1/plan/continue", deploy_resume, false},
    {"POST", "/v1/plan/interrupt", deploy_interrupt, false},
    {"POST", "/v1/plan/forceComplete", deploy_force_complete, false},
    {"POST", "/v1/plan/restart", deploy_restart, false},
    {NULL, NULL, NULL, false},
};
