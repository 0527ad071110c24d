/* dse-plan list, show, why: from the store alone. */
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "dse-plan.h"

/* ---- list ---- */

/* As JSON the names alone, as the API has them; a line of NDJSON says more. */
static int render_list(void *ctx, struct buf *out, bool *ret_yes, struct err *err)
{
    auto_view struct view *view = client_plans(&settings.client, err);
    json_auto json_t *names = json_array();
    json_auto json_t *items = json_array();

    (void)ctx;
    (void)ret_yes;
    if (!view)
        return -1;
    for (size_t i = 0; i < plans_count(view->plans); i++) {
        const char *name = plans_name(view->plans, i);
        enum status status = STATUS_ERROR;
        plans_status(view->plans, name, view->now_ms, &status);
        json_push(names, json_string(name));
        json_push(items, json_pack("{s:s, s:s}", "name", name, "status", status_name(status)));
        if (output_is(&settings.output, "name"))
            buf_addf(out, "%s\n", name);
        else if (!output_is_json(&settings.output))
            buf_addf(out, "%s (%s)\n", name, status_name(status));
    }
    if (output_is_json(&settings.output))
        output_add_json(&settings.output, output_is(&settings.output, "json") ? names : items, out);
    return 0;
}

int list_plans(const struct invocation *inv, struct err *err)
{
    (void)inv;
    return output_show(&settings.output, render_list, NULL, err);
}

/* ---- show ---- */

static int no_such_plan(const struct view *view, const char *name, struct err *err)
{
    auto_buf struct buf names = BUF_INIT;

    for (size_t i = 0; i < plans_count(view->plans); i++)
        buf_addf(&names, "%s%s", i ? ", " : "", plans_name(view->plans, i));
    return err_set(err, EXIT_NO, "no such plan '%s'; there are: %s", name, buf_str(&names));
}

/* The plan as it is to be printed. */
static int add_plan(const struct view *view, const char *name, struct buf *out, bool *ret_complete,
                    struct err *err)
{
    enum status status;

    if (!plans_status(view->plans, name, view->now_ms, &status))
        return no_such_plan(view, name, err);
    *ret_complete = status == STATUS_COMPLETE;
    if (!output_is(&settings.output, "name") && !output_is_json(&settings.output)) {
        plans_tree(view->plans, name, view->now_ms, text_utf8(), out);
        return 0;
    }
    json_auto json_t *plan = plans_show(view->plans, name, view->now_ms);
    if (output_is(&settings.output, "name"))
        plan_names_print(plan, out);
    else
        output_add_json(&settings.output, plan, out);
    return 0;
}

static int render_plan(void *ctx, struct buf *out, bool *ret_yes, struct err *err)
{
    auto_view struct view *view = client_plans(&settings.client, err);
    bool complete;

    if (!view || add_plan(view, ctx, out, &complete, err) < 0)
        return -1;
    *ret_yes = complete || settings.exit_zero;
    return 0;
}

/* A service that is only just being handed over has no plans yet: `none` says so. */
struct awaited {
    const char *name;
    struct err none;
};

static int render_awaited(void *ctx, struct buf *out, bool *ret_complete, struct err *err)
{
    struct awaited *awaited = ctx;
    auto_view struct view *view = client_plans(&settings.client, err);

    awaited->none.status = EXIT_DONE;
    if (view)
        return add_plan(view, awaited->name, out, ret_complete, err);
    if (err->status != EXIT_NO)
        return -1;
    awaited->none = *err;
    *ret_complete = false;
    return 0;
}

static int await_plan(const char *name, struct err *err)
{
    struct awaited awaited = {.name = name};
    auto_buf struct buf text = BUF_INIT;
    const int done = output_await(render_awaited, &awaited, settings.wait_ms, &text, err);
    if (done < 0)
        return -1;
    if (awaited.none.status == EXIT_NO)
        return err_set(err, EXIT_TIMEOUT, "%s", awaited.none.text);
    output_tree(&text);
    return done ? EXIT_DONE : err_set(err, EXIT_TIMEOUT, "plan '%s' is not complete yet", name);
}

int show_plan(const struct invocation *inv, struct err *err)
{
    return settings.wait ? await_plan(inv->operands[0], err)
                         : output_show(&settings.output, render_plan, inv->operands[0], err);
}

/* ---- why ---- */

static int render_why(void *ctx, struct buf *out, bool *ret_yes, struct err *err)
{
    auto_view struct view *view = client_plans(&settings.client, err);

    (void)ret_yes;
    if (!view)
        return -1;
    plans_why(view->plans, ctx, view->now_ms, out);
    return 0;
}

int why_steps(const struct invocation *inv, struct err *err)
{
    return output_show(&settings.output, render_why, inv->count ? inv->operands[0] : NULL, err);
}
