/* The verbs for people: why a pod is not placed, what was evaluated, what is reserved. They read
 * the store and the run directory, or files, and change nothing. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/io.h"
#include "base/json.h"
#include "base/text.h"
#include "dse-offers.h"
#include "offer/explain.h"
#include "offer/reservations.h"

enum { OFFERS_BYTES = 1 << 30, LOG_BYTES = 16 << 20 };

struct people_settings people;

static char *pod_of(const struct invocation *inv)
{
    return inv->count ? inv->operands[0] : NULL;
}

static int run_dir_path(const char *name, char **ret, struct err *err)
{
    if (!people.run_dir)
        return usage_error(err, "no run directory: give --run-dir or set DSE_RUN_DIR");
    *ret = xasprintf("%s/%s", people.run_dir, name);
    return 0;
}

/* ---- explain ---- */

static int read_offers(struct arena *arena, struct offer_list *ret, struct err *err)
{
    auto_free char *path = NULL;
    auto_buf struct buf text = BUF_INIT;

    if (people.offers)
        path = xstrdup(people.offers);
    else if (!people.run_dir)
        return usage_error(err, "no offers: give --offers FILE, or --run-dir of the scheduler");
    else if (run_dir_path("offers.ndjson", &path, err))
        return -1;
    if (io_read_file(path, OFFERS_BYTES, &text, err) < 0) {
        if (!people.offers)
            err_prefix(err, "no offers of a running scheduler (give --offers FILE)");
        return -1;
    }
    return offers_parse(buf_str(&text), text.len, path, arena, ret, err);
}

static void explain_text(const struct explanation *explanation, bool named, struct buf *out)
{
    if (output_is(&people.output, "name")) {
        for (size_t i = 0; i < explanation->n_agents; i++) {
            if (explanation->agents[i].evaluation.pass) {
                text_clean(out, explanation->agents[i].offers[0]->hostname);
                buf_addc(out, '\n');
            }
        }
        return;
    }
    if (named) {
        requirement_name(explanation->requirement, out);
        buf_adds(out, ": ");
    }
    explanation_line(explanation, out);
    buf_addc(out, '\n');
    if (people.tree)
        explanation_tree(explanation, out);
}

/* *ret_fits: each of the pod's requirements fits somewhere. */
static int render_explanation(void *ctx, struct buf *out, bool *ret_fits, struct err *err)
{
    auto_view struct view *view = client_plans(&people.client, err);
    auto_arena struct arena arena = ARENA_INIT;
    json_auto json_t *list = json_array();
    const struct requirement *needs;
    const char *why = "";
    struct offer_settings settings;
    struct offer_list offers;

    *ret_fits = true;
    if (!view)
        return -1;
    const int n = explain_requirements(view, ctx, &arena, &needs, &why, err);
    if (n < 0)
        return -1;
    offer_settings_from_env(&settings, (const char *(*)(const char *))getenv);
    if (*settings.problem)
        return err_set(err, EXIT_INPUT, "%s", settings.problem);
    settings.best_fit_mount = people.best_fit;
    if ((n > 0 || people.offers) && read_offers(&arena, &offers, err))
        return -1;
    for (int i = 0; i < n; i++) {
        struct explanation explanation;
        if (explain(view, &needs[i], &offers, &settings, &arena, &explanation, err))
            return -1;
        *ret_fits = *ret_fits && explanation.n_fit;
        if (output_is_json(&people.output))
            json_push(list, explanation_json(&explanation));
        else
            explain_text(&explanation, n > 1, out);
    }
    if (output_is_json(&people.output))
        output_add_json(&people.output, list, out);
    else if (n == 0 && !output_is(&people.output, "name"))
        buf_addf(out, "%s\n", why);
    return 0;
}

int explain_verb(const struct invocation *inv, struct err *err)
{
    return output_show(&people.output, render_explanation, pod_of(inv), err);
}

/* ---- log ---- */

static const char *text_of(const json_t *record, const char *key)
{
    const char *text = json_string_value(json_object_get(record, key));

    return text ? text : "";
}

/* Each record tells the shortfall in the words of shortfall_print(). */
static void log_line(const json_t *record, struct buf *out)
{
    const int64_t ms = json_integer_value(json_object_get(record, "time"));
    const time_t s = (time_t)(ms / 1000);
    struct tm tm;
    char when[32] = "";

    if (gmtime_r(&s, &tm))
        strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S", &tm);
    buf_addf(out, "%s.%03dZ ", when, (int)(ms % 1000));
    text_clean(out, text_of(record, "step"));
    buf_addc(out, ' ');
    text_clean(out, text_of(record, "hostname"));
    if (strcmp(text_of(record, "outcome"), "pass") == 0) {
        buf_adds(out, " placed\n");
        return;
    }
    buf_adds(out, ": ");
    text_clean(out, text_of(record, "text"));
    buf_addc(out, '\n');
}

/* Of the pod instance, pod type, or the step itself: a prefix up to `-`, `:` or the end. */
static bool is_of(const json_t *record, const char *pod)
{
    const char *step = text_of(record, "step");
    const size_t n = pod ? strlen(pod) : 0;

    return !pod ||
           (strncmp(step, pod, n) == 0 && (step[n] == '-' || step[n] == ':' || step[n] == '\0'));
}

/* *ret_found: there are some. */
static int render_log(void *ctx, struct buf *out, bool *ret_found, struct err *err)
{
    auto_free char *path = NULL;
    auto_buf struct buf text = BUF_INIT;
    json_auto json_t *list = json_array();
    size_t number = 0;

    if (run_dir_path("evaluations.ndjson", &path, err))
        return -1;
    if (io_read_file(path, LOG_BYTES, &text, err) < 0)
        return -1;
    const char *at = buf_str(&text);
    for (const char *stop; (stop = strchr(at, '\n')); at = stop + 1) {
        auto_free char *source = xasprintf("%s:%zu", path, ++number);
        json_auto json_t *record = json_parse(at, (size_t)(stop - at), source, err);
        if (!record)
            return -1;
        if (!is_of(record, ctx))
            continue;
        if (!output_is_json(&people.output))
            log_line(record, out);
        json_push(list, json_incref(record));
    }
    if (output_is_json(&people.output))
        output_add_json(&people.output, list, out);
    *ret_found = json_array_size(list) > 0;
    return 0;
}

int log_verb(const struct invocation *inv, struct err *err)
{
    return output_show(&people.output, render_log, pod_of(inv), err);
}

/* ---- reservations ---- */

static void reservation_row(struct text_table *table, const json_t *item)
{
    const json_t *amount = json_object_get(item, "amount");
    auto_buf struct buf value = BUF_INIT, owner = BUF_INIT;

    if (json_is_string(amount))
        buf_adds(&value, json_string_value(amount));
    else
        json_write_double(&value, json_number_value(amount), false);
    if (*text_of(item, "path"))
        buf_addf(&value, " %s", text_of(item, "path"));
    buf_adds(&owner, text_of(item, "task"));
    if (json_is_true(json_object_get(item, "executor")))
        buf_adds(&owner, " (executor)");
    text_table_row(table, (const char *const[]){text_of(item, "hostname"), buf_str(&owner),
                                                text_of(item, "name"), buf_str(&value),
                                                text_of(item, "role"), text_of(item, "id")});
}

/* *ret_some: there are some. */
static int render_reservations(void *ctx, struct buf *out, bool *ret_some, struct err *err)
{
    const char *pod = ctx;
    auto_view struct view *view = client_view(&people.client, err);

    if (!view)
        return -1;
    json_auto json_t *list = reservations_list(view->state, pod, err);
    if (!list)
        return -1;
    *ret_some = json_array_size(list) > 0;
    if (output_is_json(&people.output)) {
        output_add_json(&people.output, list, out);
        return 0;
    }
    if (!*ret_some)
        return pod ? err_set(err, EXIT_NO,
                             "nothing is reserved for '%s', neither a pod instance's name "
                             "nor a task's with records",
                             pod)
                   : 0;
    struct text_table *table = text_table_new(
        6, (const char *const[]){"HOST", "TASK", "RESOURCE", "AMOUNT", "ROLE", "ID"});
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        if (output_is(&people.output, "name"))
            buf_addf(out, "%s\n", text_of(item, "id"));
        else
            reservation_row(table, item);
    }
    if (!output_is(&people.output, "name"))
        text_table_print(table, true, out);
    text_table_free(table);
    return 0;
}

int reservations_verb(const struct invocation *inv, struct err *err)
{
    return output_show(&people.output, render_reservations, pod_of(inv), err);
}
