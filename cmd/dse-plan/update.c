/* dse-plan update and diff: a Service Spec, as dse-render prints it, against the stored target. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "dse-plan.h"
#include "plan/configs.h"
#include "plan/update.h"
#include "spec/cluster.h"
#include "spec/specjson.h"

struct candidate {
    json_t *json;
    struct service_spec *spec;
    struct plans_spec *plans;
};

static void candidate_release(struct candidate *candidate)
{
    json_decref(candidate->json);
    service_spec_free(candidate->spec);
    if (candidate->plans)
        plans_spec_free(candidate->plans);
}
#define auto_candidate __attribute__((cleanup(candidate_release)))

static int read_candidate(const struct invocation *inv, struct candidate *ret, struct err *err)
{
    const char *file = inv->count ? inv->operands[0] : "-";

    ret->json = json_read_file(file, err);
    if (!ret->json)
        return -1;
    ret->spec = spec_from_json(ret->json, err);
    if (ret->spec)
        ret->plans = plans_spec_from_json(json_object_get(ret->json, "plans"), err);
    if (!ret->plans)
        return err_prefix(err, "%s", strcmp(file, "-") == 0 ? "standard input" : file);
    return 0;
}

/* ---- update ---- */

int update_target(const struct invocation *inv, struct err *err)
{
    auto_candidate struct candidate candidate = {0};
    auto_answer struct answer answer = {0};
    json_t *args, *expects = NULL;

    if (read_candidate(inv, &candidate, err) < 0 ||
        update_check_size(candidate.spec, candidate.plans, err) < 0)
        return -1;
    if (settings.if_target) {
        if (!uuid_is_canonical(settings.if_target))
            return usage_error(err, "'%s' is not the id of a configuration", settings.if_target);
        expects = json_object();
        json_set(expects, "target", json_string(settings.if_target));
    }
    args = json_object();
    json_t *plans = json_object_get(candidate.json, "plans");
    if (plans)
        json_set(args, "plans", json_incref(plans));
    json_object_del(candidate.json, "plans");
    json_set(args, "spec", json_incref(candidate.json));
    if (client_request(&settings.client, "update", args, expects, settings.wait, settings.wait_ms,
                       &answer, err) < 0)
        return -1;
    if (!answer.done) {
        printf("request %s is queued%s\n", answer.id,
               answer.live ? "" : "; no scheduler runs at the moment");
        return EXIT_DONE;
    }
    if (answer_check(&answer, err) < 0)
        return -1;
    if (output_is_json(&settings.output))
        output_json(&settings.output, answer.body);
    else
        printf("%s %s\n", json_string_value(json_object_get(answer.body, "target")),
               json_is_true(json_object_get(answer.body, "changed")) ? "is the target now"
                                                                     : "is the target, unchanged");
    return EXIT_DONE;
}

/* ---- diff ---- */

static void cleanup_txn(struct txn **txn)
{
    txn_free(*txn);
}

/* Steps of the new deploy plan that are not complete: what would be launched or relaunched, in
 * order. */
static void add_steps(struct state *state, const struct candidate *candidate, const char *id,
                      const struct configs *configs, int64_t now_ms, json_t *ret, struct err *err)
{
    const struct plans_options options = {
        .target = candidate->spec,
        .target_id = id,
        .specs = candidate->plans,
        .config = configs_get,
        .config_ctx = (void *)configs,
    };
    struct plans *plans = plans_new(state, &options, now_ms, err);
    static const char *const names[] = {"deploy", "decommission"};

    for (size_t n = 0; plans && n < ARRAY_LEN(names); n++) {
        json_auto json_t *plan = plans_show(plans, names[n], now_ms);
        const json_t *phases = json_object_get(plan, "phases");
        json_t *steps = json_array();
        for (size_t i = 0; i < json_array_size(phases); i++) {
            const json_t *list = json_object_get(json_array_get(phases, i), "steps");
            for (size_t j = 0; j < json_array_size(list); j++) {
                const json_t *step = json_array_get(list, j);
                if (strcmp(json_string_value(json_object_get(step, "status")), "COMPLETE") != 0)
                    json_push(steps, json_incref(json_object_get(step, "name")));
            }
        }
        json_set(ret, names[n], steps);
    }
    plans_free(plans);
}

/* "pod-specs[0].count: 3 => 4" for every value that differs. Arrays are compared place by place. */
static void compare(const char *path, const json_t *a, const json_t *b, int depth, json_t *ret)
{
    if (json_equal(a, b))
        return;
    if (depth < JSON_DEPTH && json_is_object(a) && json_is_object(b)) {
        const char *key;
        json_t *value;
        json_auto json_t *keys = json_copy((json_t *)a);
        json_object_update_missing(keys, (json_t *)b);
        json_object_foreach(keys, key, value)
        {
            auto_free char *below = xasprintf("%s%s%s", path, *path ? "." : "", key);
            compare(below, json_object_get(a, key), json_object_get(b, key), depth + 1, ret);
        }
    } else if (depth < JSON_DEPTH && json_is_array(a) && json_is_array(b)) {
        const size_t n = json_array_size(a), m = json_array_size(b);
        for (size_t i = 0; i < n || i < m; i++) {
            auto_free char *below = xasprintf("%s[%zu]", path, i);
            compare(below, json_array_get(a, i), json_array_get(b, i), depth + 1, ret);
        }
    } else {
        json_t *change = json_object();
        json_set(change, "path", json_string(path));
        json_set(change, "old", a ? json_incref((json_t *)a) : json_null());
        json_set(change, "new", b ? json_incref((json_t *)b) : json_null());
        json_push(ret, change);
    }
}

static void add_value(const json_t *value, struct buf *out)
{
    enum { SHOWN = 60 };
    auto_buf struct buf text = BUF_INIT;

    json_write(&text, value, JSON_LAYOUT_COMPACT);
    if (text.len > SHOWN)
        buf_addf(out, "%.*s...", SHOWN, text.data);
    else
        buf_adds(out, buf_str(&text));
}

static void add_list(const char *title, const json_t *list, struct buf *out)
{
    if (json_array_size(list) > 0)
        buf_addf(out, "%s\n", title);
    for (size_t i = 0; i < json_array_size(list); i++)
        buf_addf(out, "  %s\n", json_string_value(json_array_get(list, i)));
}

static void print_diff(const json_t *diff)
{
    const json_t *changes = json_object_get(diff, "changes");
    auto_buf struct buf out = BUF_INIT;

    for (size_t i = 0; i < json_array_size(changes); i++) {
        const json_t *change = json_array_get(changes, i);
        buf_addf(&out, "%s: ", json_string_value(json_object_get(change, "path")));
        add_value(json_object_get(change, "old"), &out);
        buf_adds(&out, " => ");
        add_value(json_object_get(change, "new"), &out);
        buf_addc(&out, '\n');
    }
    add_list("refused:", json_object_get(diff, "refused"), &out);
    add_list("steps to be done, in order:", json_object_get(diff, "deploy"), &out);
    add_list("taken away:", json_object_get(diff, "decommission"), &out);
    if (out.len == 0)
        buf_adds(&out, "no difference\n");
    output_text(&out);
}

/* What the update would do, found out by doing it to a copy in memory. */
static int simulate(struct view *view, struct candidate *candidate, json_t *diff, struct err *err)
{
    __attribute__((cleanup(cleanup_txn))) struct txn *txn = txn_new();
    struct validation validation = {0};
    struct idgen ids = {0};
    struct err why = ERR_INIT;
    struct cluster_caps caps;
    char id[UUID_TEXT];
    json_t *refused = json_array();

    json_set(diff, "refused", refused);
    if (cluster_caps_parse(settings.cluster_version, &caps, err) < 0)
        return -1;
    const int result = update_apply(view->state, txn, candidate->spec, candidate->plans, &caps,
                                    &ids, &validation, id, &why);
    for (size_t i = 0; i < validation.n_errors; i++) {
        auto_buf struct buf text = BUF_INIT;
        validation_error_text(&validation.errors[i], &text);
        json_push(refused, json_string(buf_str(&text)));
    }
    const bool is_refused = validation.n_errors > 0;
    validation_free(&validation);
    if (result < 0)
        return is_refused ? 1 : err_set(err, why.status, "%s", why.text);
    struct configs *configs = configs_new(view->state);
    add_steps(view->state, candidate, id, configs, view->now_ms, diff, &why);
    configs_free(configs);
    return result > 0;
}

int diff_target(const struct invocation *inv, struct err *err)
{
    auto_candidate struct candidate candidate = {0};
    json_auto json_t *diff = json_object();
    json_t *changes = json_array();

    json_set(diff, "changes", changes);
    if (read_candidate(inv, &candidate, err) < 0)
        return -1;
    auto_view struct view *view = client_view(&settings.client, err);
    if (!view)
        return -1;
    json_auto json_t *old = view->target ? spec_to_json(view->target) : NULL;
    json_auto json_t *new = spec_to_json(candidate.spec);
    if (old)
        compare("", old, new, 0, changes);
    const int differs = simulate(view, &candidate, diff, err);
    if (differs < 0)
        return -1;
    if (output_is_json(&settings.output))
        output_json(&settings.output, diff);
    else
        print_diff(diff);
    return differs ? EXIT_NO : EXIT_DONE;
}
