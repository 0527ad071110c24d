/* dse-plan start, stop, pause, resume, force-restart, force-complete: requests. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "dse-plan.h"

/* Leaves the request and says what came of it: `done` is the sentence for a success. */
static int carry_out(const char *verb, json_t *args, const char *done, struct err *err)
{
    auto_answer struct answer answer = {0};

    if (client_request(&settings.client, verb, args, NULL, settings.wait, settings.wait_ms, &answer,
                       err) < 0)
        return -1;
    if (!answer.done) {
        printf("request %s is queued%s\n", answer.id,
               answer.live ? "" : "; no scheduler runs at the moment");
        return EXIT_DONE;
    }
    if (answer_check(&answer, err) < 0)
        return -1;
    if (output_is_json(&settings.output) || !done)
        output_json(&settings.output, answer.body);
    else
        printf("%s\n", done);
    return EXIT_DONE;
}

static json_t *element_args(const struct invocation *inv)
{
    static const char *const keys[] = {"plan", "phase", "step"};
    json_t *args = json_object();

    for (int i = 0; i < inv->count; i++)
        json_set(args, keys[i], json_string(inv->operands[i]));
    return args;
}

/* `"deploy" plan: phase "p" has been paused.`, as the original says it. */
static char *sentence(const struct invocation *inv, const char *what)
{
    char **names = inv->operands;

    if (inv->count == 1)
        return xasprintf("\"%s\" plan has been %s.", names[0], what);
    if (inv->count == 2)
        return xasprintf("\"%s\" plan: phase \"%s\" has been %s.", names[0], names[1], what);
    return xasprintf("\"%s\" plan: step \"%s\" in phase \"%s\" has been %s.", names[0], names[2],
                     names[1], what);
}

static int control(const struct invocation *inv, const char *verb, const char *what,
                   struct err *err)
{
    auto_free char *done = sentence(inv, what);

    return carry_out(verb, element_args(inv), done, err);
}

int start_plan(const struct invocation *inv, struct err *err)
{
    json_auto json_t *params = json_object();

    for (size_t i = 0; i < settings.params.count; i++) {
        const char *item = settings.params.items[i], *equals = strchr(item, '=');
        if (!equals || equals == item)
            return usage_error(err, "'%s' is not of the form NAME=VALUE", item);
        auto_free char *name = xstrndup(item, (size_t)(equals - item));
        json_t *value = json_string(equals + 1);
        if (!value)
            return usage_error(err, "the value of '%s' is not UTF-8", name);
        json_set(params, name, value);
    }
    json_t *args = element_args(inv);
    json_set(args, "params", steal_ptr(params));
    return carry_out("plan-start", args, NULL, err);
}

int stop_plan(const struct invocation *inv, struct err *err)
{
    return carry_out("plan-stop", element_args(inv), NULL, err);
}

int pause_plan(const struct invocation *inv, struct err *err)
{
    return control(inv, "plan-interrupt", "paused", err);
}

int resume_plan(const struct invocation *inv, struct err *err)
{
    return control(inv, "plan-continue", "resumed", err);
}

int force_restart(const struct invocation *inv, struct err *err)
{
    return control(inv, "plan-restart", "restarted", err);
}

int force_complete(const struct invocation *inv, struct err *err)
{
    if (inv->count < 3 && !settings.yes)
        return usage_error(err,
                           "every step of %s '%s' would count as complete, done or not: add --yes",
                           inv->count == 1 ? "plan" : "phase", inv->operands[inv->count - 1]);
    return control(inv, "plan-force-complete", "forced to complete", err);
}
