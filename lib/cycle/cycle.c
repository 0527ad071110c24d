#include "cycle/cycle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/log.h"
#include "cycle/internal.h"
#include "proto/pbjson.h"
#include "proto/recordio.h"

/* ---- ending, sending, submitting ---- */

void cycle_stop(struct cycle *cycle, enum exit_status status, const char *format, ...)
{
    struct err why;
    va_list args;

    if (cycle->stopped)
        return;
    va_start(args, format);
    auto_free char *text = xvasprintf(format, args);
    va_end(args);
    err_set(&why, status, "%s", text);
    cycle->stopped = true;
    cycle->options.stop(cycle->options.ctx, &why);
}

Call *cycle_call(struct cycle *cycle, Call__Type type)
{
    Call *call = PB_NEW(&cycle->scratch, Call, call);

    call->has_type = 1;
    call->type = type;
    return call;
}

static void encode(struct cycle *cycle, Call *call, struct buf *out)
{
    FrameworkID id = FRAMEWORK_ID__INIT;

    if (call->type != CALL__TYPE__SUBSCRIBE) {
        id.value = cycle->framework_id;
        call->framework_id = &id;
    }
    if (cycle->options.recordio) {
        const size_t size = pb_size(call);
        record_head(out, size);
        pb_pack_sized(call, size, out);
    } else {
        json_auto json_t *json = pb_to_json(call);
        json_write(out, json, JSON_LAYOUT_COMPACT);
        buf_addc(out, '\n');
    }
    if (call->framework_id == &id)
        call->framework_id = NULL;
}

void cycle_send(struct cycle *cycle, Call *call)
{
    if (cycle->stopped)
        return;
    buf_clear(&cycle->out);
    encode(cycle, call, &cycle->out);
    cycle->options.write(cycle->options.ctx, cycle->out.data, cycle->out.len);
}

struct pending *pending_new(struct cycle *cycle)
{
    struct pending *pending = xcalloc(1, sizeof *pending);

    pending->cycle = cycle;
    pending->subscription = cycle->subscription;
    pending->next = cycle->pendings;
    pending->link = &cycle->pendings;
    if (pending->next)
        pending->next->link = &pending->next;
    cycle->pendings = pending;
    return pending;
}

void pending_add(struct pending *pending, Call *call)
{
    encode(pending->cycle, call, &pending->bytes);
}

void pending_free(struct pending *pending)
{
    *pending->link = pending->next;
    if (pending->next)
        pending->next->link = pending->link;
    buf_free(&pending->bytes);
    free(pending);
}

/* Only what is durable may be told to the master (invariant 3). On another subscription the calls
 * are void: offers are gone, updates will be sent again. */
static void submitted(void *ctx, const struct err *err)
{
    struct pending *pending = ctx;
    struct cycle *cycle = pending->cycle;

    metrics_took(cycle, TIME_WRITE, pending->submitted_ns);
    if (err)
        cycle_stop(cycle, err->status, "cannot write the state: %s", err->text);
    else if (cycle->subscribed && cycle->subscription == pending->subscription &&
             pending->bytes.len && !cycle->stopped)
        cycle->options.write(cycle->options.ctx, pending->bytes.data, pending->bytes.len);
    pending_free(pending);
}

void cycle_submit(struct cycle *cycle, struct txn *txn, struct pending *pending)
{
    if (!pending)
        pending = pending_new(cycle);
    if (cycle->stopped) {
        txn_free(txn);
        pending_free(pending);
        return;
    }
    pending->submitted_ns = metrics_now(cycle);
    store_submit(cycle->options.store, txn, submitted, pending);
}

bool cycle_busy(const struct cycle *cycle)
{
    return store_pending(cycle->options.store) > STORE_PENDING_LIMIT;
}

/* ---- target configuration ---- */

const struct service_spec *cycle_config(struct cycle *cycle, const char *id)
{
    return configs_get(cycle->configs, id);
}

static struct plans *derive(struct cycle *cycle, const struct service_spec *target,
                            const char *target_id, const struct plans_spec *specs, struct err *err)
{
    const struct plans_options options = {
        .target = target,
        .target_id = target_id,
        .specs = specs,
        .uninstall = cycle->options.uninstall,
        .config = configs_get,
        .config_ctx = cycle->configs,
        .errors = cycle->rejected_texts,
        .backoff = cycle->options.backoff,
        .backoff_factor = cycle->options.backoff_factor,
        .backoff_initial_ms = cycle->options.backoff_initial_ms,
        .backoff_max_ms = cycle->options.backoff_max_ms,
    };
    return plans_new(cycle->state, &options, cycle_now(cycle), err);
}

int cycle_load_target(struct cycle *cycle, struct err *err)
{
    const char *id = state_target_id(cycle->state);

    if (!id)
        return 0;
    const struct service_spec *target = cycle_config(cycle, id);
    if (!target)
        return err_set(err, EXIT_INPUT,
                       "the target configuration '%s' is missing or unreadable: %s", id,
                       configs_problem(cycle->configs));
    struct plans_spec *specs = configs_plans(cycle->state, id, cycle->options.fallback_plans, err);
    if (!specs)
        return -1;
    char target_id[UUID_TEXT];
    snprintf(target_id, sizeof target_id, "%s", id);
    struct plans *plans = derive(cycle, target, target_id, specs, err);
    if (!plans) {
        plans_spec_free(specs);
        return -1;
    }
    plans_free(cycle->plans);
    plans_spec_free(cycle->plans_spec);
    cycle->plans = plans;
    cycle->plans_spec = specs;
    cycle->target = target;
    memcpy(cycle->target_id, target_id, sizeof target_id);
    framework_update_roles(cycle);
    cycle->round_wanted = true;
    return 0;
}

void cycle_note_deployed(struct cycle *cycle, struct txn *txn)
{
    enum status status;
    struct err err = ERR_INIT;

    if (cycle->options.uninstall || state_deployed(cycle->state))
        return;
    if (plans_status(cycle->plans, "deploy", cycle_now(cycle), &status) &&
        status == STATUS_COMPLETE) {
        if (state_put_property(cycle->state, txn, "last-completed-update-type", "DEPLOY", 6, &err))
            log_error("cannot note the deployment: %s", err.text);
        log_info("the deploy plan is complete");
    }
}

struct cycle *cycle_new(const struct cycle_options *options, struct err *err)
{
    struct cycle *cycle = xcalloc(1, sizeof *cycle);

    cycle->options = *options;
    cycle->state = options->state;
    cycle->configs = configs_new(options->state);
    cycle->placement = placement_new();
    placement_attach(cycle->placement, cycle->state);
    cycle->revive_tokens = REVIVE_TOKENS;
    cycle->revive_last_ms = INT64_MIN / 2;
    cycle->revive_filled_ms = cycle_now(cycle);
    cycle->reconcile_next_ms = INT64_MAX;
    cycle->implicit_next_ms = INT64_MAX;
    metrics_start(cycle);
    cycle->evaluations = xcalloc(EVALUATIONS_KEPT, sizeof *cycle->evaluations);
    cycle->explain_tokens = EXPLAINED_PER_S;
    cycle->explained_ms = cycle_now(cycle);
    if (state_framework_id(cycle->state))
        cycle->framework_id = xstrdup(state_framework_id(cycle->state));
    if (cycle_load_target(cycle, err)) {
        cycle_free(cycle);
        return NULL;
    }
    return cycle;
}

void cycle_free(struct cycle *cycle)
{
    if (!cycle)
        return;
    while (cycle->pendings)
        pending_free(cycle->pendings);
    plans_free(cycle->plans);
    plans_spec_free(cycle->plans_spec);
    configs_free(cycle->configs);
    placement_free(cycle->placement);
    buf_free(&cycle->out);
    buf_free(&cycle->framework_info);
    requests_release_rejected(cycle);
    round_drop_offers(cycle);
    seen_free(cycle);
    kill_free(cycle);
    hooks_free(cycle);
    reconcile_free(cycle);
    strmap_free(&cycle->dropped);
    strmap_free(&cycle->problems);
    arena_free(&cycle->scratch);
    arena_free(&cycle->spare);
    arena_free(&cycle->lost_arena);
    arena_free(&cycle->roles_arena);
    arena_free(&cycle->master_arena);
    metrics_release(cycle);
    evaluations_free(cycle);
    free(cycle->framework_id);
    free(cycle);
}

/* ---- subscription ---- */

static void subscribed(struct cycle *cycle, const Event__Subscribed *event)
{
    const char *id = event->framework_id->value;
    const bool again = cycle->framework_id && strcmp(cycle->framework_id, id) == 0;

    if (cycle->framework_id && strcmp(cycle->framework_id, id) != 0 &&
        state_task_count(cycle->state)) {
        cycle_stop(cycle, EXIT_LOCKED,
                   "the master answered with framework id '%s' but '%s' is stored with tasks", id,
                   cycle->framework_id);
        return;
    }
    if (!again) {
        free(cycle->framework_id);
        cycle->framework_id = xstrdup(id);
        struct txn *txn = txn_new();
        state_put_framework_id(cycle->state, txn, id);
        cycle_submit(cycle, txn, NULL);
    }
    arena_reset(&cycle->master_arena);
    cycle->master_domain = NULL;
    if (event->master_info && event->master_info->domain)
        cycle->master_domain = pb_copy(event->master_info->domain, &cycle->master_arena);
    framework_note_master(cycle, event->master_info);
    if (cycle->ever_subscribed)
        cycle->counters[COUNT_RECONNECTS]++;
    cycle->subscribed = true;
    cycle->subscription++;
    /* A new subscription is not suppressed. It starts without filters, too, unless the master had
     * not noticed the end of the one before: with work to do, a REVIVE makes sure. */
    cycle->suppressed = cycle->revive_due = false;
    cycle->declined = again;
    cycle->unserved = cycle->unserved || again;
    log_info("subscribed as framework %s", id);
    /* A predecessor may have died between what it recorded and what it sent. */
    if (state_task_count(cycle->state))
        flow_look_around(cycle);
    reconcile_start(cycle);
    kill_subscribed(cycle);
    if (!cycle->ever_subscribed && cycle->plans) {
        struct task *const *unneeded;
        size_t n = plans_unneeded_tasks(cycle->plans, &unneeded);
        for (size_t i = 0; i < n; i++) {
            log_warn("no plan mentions task '%s': killing it", unneeded[i]->name);
            kill_task(cycle, unneeded[i]->id, unneeded[i]->agent_id);
        }
    }
    cycle->ever_subscribed = true;
    cycle->round_wanted = true;
}

static void disconnected(struct cycle *cycle)
{
    cycle->connected = cycle->subscribed = false;
    cycle->reconcile_next_ms = cycle->implicit_next_ms = INT64_MAX;
    round_drop_offers(cycle);
    seen_free(cycle);
    flow_forget_lost(cycle);
    uninstall_teardown_lost(cycle, 0);
}

/* A call that failed may have been an ACCEPT that never arrived, or half of it: ask for its tasks.
 * A lost REVIVE or DECLINE is repeated by what follows. */
static void call_failed(struct cycle *cycle, const Call *call, int http_status)
{
    log_warn("call %s failed (HTTP status %d)",
             call ? pb_enum_name(&call__type__descriptor, call->type) : "?", http_status);
    if (!call)
        return;
    if (call->type == CALL__TYPE__SUBSCRIBE) {
        if (http_status == 401 || http_status == 403)
            cycle_stop(cycle, EXIT_DENIED, "the master refused the subscription: status %d",
                       http_status);
        else if (http_status >= 400 && http_status < 500)
            cycle_stop(cycle, EXIT_INPUT, "the master refused the subscription: status %d",
                       http_status);
        return;
    }
    for (size_t i = 0; call->accept && i < call->accept->n_operations; i++) {
        const Offer__Operation *op = call->accept->operations[i];
        for (size_t j = 0; op->launch_group && j < op->launch_group->task_group->n_tasks; j++)
            reconcile_add(cycle, op->launch_group->task_group->tasks[j]->task_id->value);
    }
    if (call->type == CALL__TYPE__UPDATE_FRAMEWORK && http_status >= 400 && http_status < 500) {
        cycle_stop(cycle, EXIT_DENIED, "the master refused the framework's new roles: status %d",
                   http_status);
        return;
    }
    if (call->accept)
        flow_lost(cycle, call->accept->offer_ids, call->accept->n_offer_ids);
    if (call->decline)
        flow_lost(cycle, call->decline->offer_ids, call->decline->n_offer_ids);
    if (call->type == CALL__TYPE__TEARDOWN)
        uninstall_teardown_lost(cycle, cycle_now(cycle) + TEARDOWN_REPEAT_MS);
    if (call->type == CALL__TYPE__REVIVE)
        cycle->revive_due = true;
    if (call->type == CALL__TYPE__SUPPRESS)
        cycle->suppressed = false;
}

void cycle_link(struct cycle *cycle, enum link_event event, const Call *call, int http_status)
{
    switch (event) {
    case LINK_CONNECTED:
        disconnected(cycle);
        cycle->connected = true;
        cycle_subscribe(cycle);
        break;
    case LINK_DISCONNECTED:
        disconnected(cycle);
        break;
    case LINK_CALL_FAILED:
        call_failed(cycle, call, http_status);
        break;
    }
    arena_reset(&cycle->scratch);
}

/* ---- events ---- */

void cycle_event(struct cycle *cycle, const Event *event, struct arena *arena)
{
    if (cycle->stopped)
        return;
    switch (event->type) {
    case EVENT__TYPE__SUBSCRIBED:
        if (event->subscribed)
            subscribed(cycle, event->subscribed);
        break;
    case EVENT__TYPE__OFFERS:
        if (event->offers)
            round_offers(cycle, event->offers);
        break;
    case EVENT__TYPE__RESCIND:
        if (event->rescind)
            round_rescind(cycle, event->rescind->offer_id->value);
        break;
    case EVENT__TYPE__UPDATE:
        if (event->update)
            update_event(cycle, event->update->status);
        break;
    case EVENT__TYPE__UPDATE_OPERATION_STATUS:
        if (event->update_operation_status)
            operations_event(cycle, event->update_operation_status->status);
        break;
    case EVENT__TYPE__ERROR:
        /* Also "Framework failed over": two schedulers with one id would steal the stream from each
         * other for ever (see offer-cycle 10.8). */
        if (event->error && uninstall_was_removed(cycle, event->error->message))
            break;
        cycle_stop(cycle, EXIT_DENIED, "the master ended the subscription: %s",
                   event->error ? event->error->message : "");
        break;
    case EVENT__TYPE__FAILURE:
        log_info("agent or executor lost: %s",
                 event->failure && event->failure->agent_id ? event->failure->agent_id->value : "");
        break;
    default: /* HEARTBEAT, MESSAGE, inverse offers: nothing to do (offer-cycle 1.9) */
        break;
    }
    if (cycle->round_wanted)
        round_run(cycle);
    round_settle(cycle, arena);
    arena_reset(&cycle->scratch);
}

void cycle_tick(struct cycle *cycle)
{
    const int64_t now = cycle_now(cycle);

    if (cycle->stopped)
        return;
    if (cycle->subscribed) {
        reconcile_tick(cycle, now);
        kill_tick(cycle, now);
    }
    if (cycle->suppress_due && now >= cycle->suppress_after_ms)
        cycle->round_wanted = true;
    if (cycle->teardown_ms && now >= cycle->teardown_ms) {
        cycle->teardown_ms = 0;
        cycle->round_wanted = true;
    }
    if (now >= round_next_ms(cycle) || (cycle->plans && now >= plans_next_ms(cycle->plans)))
        cycle->round_wanted = true;
    if (cycle->round_wanted)
        round_run(cycle);
    flow_tick(cycle, now);
    arena_reset(&cycle->scratch);
}

int64_t cycle_next_ms(const struct cycle *cycle)
{
    int64_t next = INT64_MAX, t;

    if (cycle->stopped || !cycle->subscribed)
        return next;
    if ((t = reconcile_next(cycle)) < next)
        next = t;
    if ((t = kill_next_ms(cycle)) < next)
        next = t;
    if ((t = round_next_ms(cycle)) < next)
        next = t;
    if ((t = flow_next_ms(cycle)) < next)
        next = t;
    if (cycle->plans && (t = plans_next_ms(cycle->plans)) < next)
        next = t;
    if (cycle->teardown_ms && cycle->teardown_ms < next)
        next = cycle->teardown_ms;
    return next;
}
