/* /v1/health with the original's codes and reasons (see api-and-cli 1.8). */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "http/routes.h"

/* Steps of a plan by status, as shown. */
struct tally {
    bool found;
    int total, pending, prepared, starting, started, complete, delayed, waiting;
};

static void count_step(struct tally *tally, const char *status)
{
    tally->total++;
    tally->pending += strcmp(status, "PENDING") == 0;
    tally->prepared += strcmp(status, "PREPARED") == 0;
    tally->starting += strcmp(status, "STARTING") == 0;
    tally->started += strcmp(status, "STARTED") == 0;
    tally->complete += strcmp(status, "COMPLETE") == 0;
    tally->delayed += strcmp(status, "DELAYED") == 0;
    tally->waiting += strcmp(status, "WAITING") == 0;
}

static struct tally tally_plan(const json_t *plan)
{
    struct tally tally = {.found = plan != NULL};
    size_t i, j;
    json_t *phase, *step;

    json_array_foreach(json_object_get(plan, "phases"), i, phase)
    {
        json_array_foreach(json_object_get(phase, "steps"), j, step)
            count_step(&tally, json_string_value(json_object_get(step, "status")));
    }
    return tally;
}

static bool is_running(const char *status)
{
    return strcmp(status, "PREPARED") == 0 || strcmp(status, "STARTING") == 0 ||
           strcmp(status, "STARTED") == 0 || strcmp(status, "IN_PROGRESS") == 0;
}

static bool has_status(struct plans *plans, const char *plan, int64_t now_ms, enum status wanted)
{
    enum status status;

    return plans && plans_status(plans, plan, now_ms, &status) && status == wanted;
}

/* Plans whose name contains `word`, running or not: names joined for the reason text. */
static void name_plans(struct plans *plans, const char *word, int64_t now_ms, struct buf *running,
                       struct buf *idle)
{
    for (size_t i = 0; plans && i < plans_count(plans); i++) {
        enum status status;
        const char *name = plans_name(plans, i);
        if (!strstr(name, word) || !plans_status(plans, name, now_ms, &status))
            continue;
        struct buf *list = is_running(status_name(status)) ? running : idle;
        buf_addf(list, "%s%s", list->len ? ", " : "", name);
    }
}

struct health {
    bool errors, uninitialised, interrupted, complete;
    int deploying, recovering; /* codes; 0: not so */
    struct tally deploy, recovery;
    struct buf backups, idle_backups, restores, idle_restores;
};

static int deploying_code(const struct tally *t)
{
    return t->delayed ? 208 : t->pending || t->prepared ? 204 : t->starting || t->started ? 202 : 0;
}

static int recovering_code(const struct tally *t)
{
    return t->delayed ? 208 : t->pending || t->prepared ? 203 : t->starting || t->started ? 205 : 0;
}

static void examine(struct exchange_ctx *x, struct health *h)
{
    const int64_t now = clock_now_ms(x->options->clock);
    struct plans *plans = x->view->plans;

    h->uninitialised = !state_framework_id(x->view->state) || x->options->uninstall ||
                       state_uninstalling(x->view->state);
    for (size_t i = 0; plans && i < plans_count(plans); i++) {
        json_auto json_t *plan = plans_show(plans, plans_name(plans, i), now);
        struct tally tally = tally_plan(plan);
        h->errors = h->errors || json_array_size(json_object_get(plan, "errors")) > 0;
        if (strcmp(plans_name(plans, i), "deploy") == 0)
            h->deploy = tally;
        else if (strcmp(plans_name(plans, i), "recovery") == 0)
            h->recovery = tally;
    }
    h->complete = has_status(plans, "deploy", now, STATUS_COMPLETE);
    h->deploying = deploying_code(&h->deploy);
    /* An interrupted plan keeps its steps PENDING, so the code is 204 then; 207 is for a canary's.
     */
    h->interrupted = h->deploy.waiting > 0 || has_status(plans, "deploy", now, STATUS_WAITING);
    h->recovering = recovering_code(&h->recovery);
    name_plans(plans, "back", now, &h->backups, &h->idle_backups);
    name_plans(plans, "restor", now, &h->restores, &h->idle_restores);
}

static void release(struct health *h)
{
    buf_free(&h->backups);
    buf_free(&h->idle_backups);
    buf_free(&h->restores);
    buf_free(&h->idle_restores);
}

/* Choice order of api-and-cli 1.8. */
static int choose(const struct health *h)
{
    int code = 503;

    if (h->errors)
        code = 500;
    else if (h->uninitialised)
        code = 318;
    else if (h->deploying)
        code = h->deploying;
    else if (h->interrupted)
        code = 207;
    else if (h->recovering)
        code = h->recovering;
    else if (h->complete)
        code = 200;
    if (code == 200 && h->restores.len)
        code = 321;
    else if (code == 200 && h->backups.len)
        code = 320;
    return code;
}

int health_code(struct exchange_ctx *x)
{
    struct health health = {0};

    examine(x, &health);
    const int code = choose(&health);
    release(&health);
    return code;
}

static void add_reason(json_t *reasons, char *text)
{
    json_push(reasons, json_string(text));
    free(text);
}

static char *steps_text(int priority, int code, int low, int high, const struct tally *t)
{
    auto_free char *steps = xasprintf(
        "Steps: Total(%d) Pending(%d) Prepared(%d) Starting(%d) Started(%d) Completed(%d) "
        "Delayed(%d)",
        t->total, t->pending, t->prepared, t->starting, t->started, t->complete, t->delayed);

    if (code)
        return xasprintf("Priority %d. Status Code %d is TRUE, %s", priority, code, steps);
    return xasprintf("Priority %d. Status Code %d and %d are both FALSE %s", priority, low, high,
                     steps);
}

static char *plans_text(int code, const char *word, const struct buf *running,
                        const struct buf *idle)
{
    if (running->len)
        return xasprintf("Priority 5. Status Code %d is TRUE. Following %s plans found running: %s",
                         code, word, running->data);
    if (idle->len)
        return xasprintf("Priority 5. Status Code %d is FALSE. Following %s plans not running: %s",
                         code, word, idle->data);
    return xasprintf("Priority 5. Status Code %d is FALSE. No %s plans detected.", code, word);
}

static json_t *reasons_of(const struct exchange_ctx *x, const struct health *h)
{
    json_t *r = json_array();
    const char *id = state_framework_id(x->view->state);

    add_reason(r, xasprintf("Priority 1. Status Code 500 is %s",
                            h->errors ? "TRUE. Errors found in plans."
                                      : "FALSE. No errors found in plans."));
    add_reason(r, h->uninitialised
                      ? xasprintf("Priority 1. Status Code 318 is TRUE. Mesos registration "
                                  "pending, no Framework ID found.")
                      : xasprintf("Priority 1. Status Code 318 is FALSE. Registered with "
                                  "Framework ID %s.",
                                  id));
    add_reason(r, xasprintf("Priority 2. Status Code 207 is %s",
                            h->interrupted
                                ? "TRUE. Service deploy plan is awaiting user input to proceed."
                                : "FALSE. Service deploy plan does NOT need user input."));
    add_reason(r, xasprintf("Priority 1. Status Code 200 is %s",
                            h->uninitialised ? "FALSE. Service still initializing."
                            : h->complete    ? "TRUE. Service deploy plan is complete."
                                             : "FALSE. Service deploy plan is NOT complete."));
    add_reason(r, steps_text(2, h->deploying, 204, 202, &h->deploy));
    add_reason(r, xasprintf("Priority 3. Status Code 206 is FALSE, Not implemented yet."));
    if (!h->recovery.found)
        add_reason(r, xasprintf("Priority 4. Status Code 203 and 205 is FALSE. Recovery plan "
                                "manager not found.(might be uninstalling)"));
    else if (h->recovery.complete == h->recovery.total)
        add_reason(r, xasprintf("Priority 4. Status Code 203 and 205 is FALSE. Recovery plan is "
                                "complete."));
    else
        add_reason(r, steps_text(4, h->recovering, 203, 205, &h->recovery));
    add_reason(r, plans_text(320, "backup", &h->backups, &h->idle_backups));
    add_reason(r, plans_text(321, "restore", &h->restores, &h->idle_restores));
    add_reason(r, xasprintf("Priority 6. Status Code 326 is FALSE, Not implemented yet."));
    return r;
}

static void get_health(struct exchange_ctx *x)
{
    struct health health = {0};
    const char *verbose = x->request->query(x->request, "verbose");

    examine(x, &health);
    const int code = choose(&health);
    json_t *body = json_object();
    if (verbose && strcasecmp(verbose, "true") == 0)
        json_set(body, "reasons", reasons_of(x, &health));
    json_set(body, "value", json_integer(code));
    reply_json(x, code, body, JSON_LAYOUT_ORG);
    release(&health);
}

const struct route health_routes[] = {
    {"GET", "/v1/health", get_health, false},
    {NULL, NULL, NULL, false},
};
