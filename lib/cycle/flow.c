/* The flow of offers: suppress when there is nothing to do, revive when there is, decline what is
 * of no use (see offer-cycle 1.4 and 1.6). */
#include "base/log.h"
#include "cycle/internal.h"

void flow_look_around(struct cycle *cycle)
{
    cycle->suppress_after_ms = cycle_now(cycle) + SETTLE_MS;
}

/* Not while reservations may be out there that nobody records: only offers show them. */
void flow_suppress(struct cycle *cycle)
{
    cycle->suppress_due = false;
    if (cycle->suppressed || !cycle->subscribed)
        return;
    if (cycle_now(cycle) < cycle->suppress_after_ms) {
        cycle->suppress_due = true;
        return;
    }
    cycle->suppressed = true;
    cycle->revive_due = false;
    if (cycle->options.disable_suppress)
        return;
    Call *call = cycle_call(cycle, CALL__TYPE__SUPPRESS);
    call->suppress = PB_NEW(&cycle->scratch, Call__Suppress, call__suppress);
    cycle_send(cycle, call);
    cycle->counters[COUNT_SUPPRESSES]++;
}

static int64_t revive_gap(const struct cycle *cycle)
{
    return cycle->options.revive_gap_ms ? cycle->options.revive_gap_ms : REVIVE_GAP_MS;
}

static void refill(struct cycle *cycle, int64_t now_ms)
{
    cycle->revive_tokens += (double)(now_ms - cycle->revive_filled_ms) / (double)REVIVE_REFILL_MS;
    if (cycle->revive_tokens > REVIVE_TOKENS)
        cycle->revive_tokens = REVIVE_TOKENS;
    cycle->revive_filled_ms = now_ms;
}

void flow_revive(struct cycle *cycle, int64_t now_ms)
{
    if (!cycle->revive_due || !cycle->subscribed)
        return;
    refill(cycle, now_ms);
    if (now_ms < cycle->revive_last_ms + revive_gap(cycle) || cycle->revive_tokens < 1) {
        cycle->counters[COUNT_REVIVES_THROTTLED]++;
        return;
    }
    cycle->revive_tokens -= 1;
    cycle->revive_last_ms = now_ms;
    cycle->revive_due = cycle->suppressed = cycle->declined = false;
    Call *call = cycle_call(cycle, CALL__TYPE__REVIVE);
    call->revive = PB_NEW(&cycle->scratch, Call__Revive, call__revive);
    cycle_send(cycle, call);
    cycle->counters[COUNT_REVIVES]++;
}

static int64_t revive_next_ms(const struct cycle *cycle)
{
    if (!cycle->revive_due)
        return INT64_MAX;
    int64_t next = cycle->revive_last_ms + revive_gap(cycle);
    if (cycle->revive_tokens < 1) {
        int64_t token = cycle->revive_filled_ms +
                        (int64_t)((1 - cycle->revive_tokens) * (double)REVIVE_REFILL_MS) + 1;
        next = token > next ? token : next;
    }
    return next;
}

int64_t flow_next_ms(const struct cycle *cycle)
{
    int64_t next = revive_next_ms(cycle);

    if (cycle->suppress_due && cycle->suppress_after_ms < next)
        next = cycle->suppress_after_ms;
    return cycle->n_lost && cycle->lost_next_ms < next ? cycle->lost_next_ms : next;
}

static void decline(struct cycle *cycle, OfferID **ids, size_t count, double refuse_s)
{
    struct arena *arena = &cycle->scratch;
    Call *call = cycle_call(cycle, CALL__TYPE__DECLINE);

    call->decline = PB_NEW(arena, Call__Decline, call__decline);
    call->decline->offer_ids = ids;
    call->decline->n_offer_ids = count;
    call->decline->filters = PB_NEW(arena, Filters, filters);
    call->decline->filters->has_refuse_seconds = 1;
    call->decline->filters->refuse_seconds = refuse_s;
    cycle->declined = true;
    cycle_send(cycle, call);
}

/* One call for many offers; the master treats each id by itself. */
void flow_decline(struct cycle *cycle, Offer *const *offers, size_t count, bool is_long)
{
    if (!count || !cycle->subscribed)
        return;
    OfferID **ids = ARENA_ARRAY(&cycle->scratch, count, OfferID *);
    for (size_t i = 0; i < count; i++)
        ids[i] = offers[i]->id;
    cycle->counters[is_long ? COUNT_DECLINES_LONG : COUNT_DECLINES_SHORT] += count;
    decline(cycle, ids, count, is_long ? LONG_DECLINE_S : SHORT_DECLINE_S);
}

/* ---- offers that a failed call named ---- */

void flow_lost(struct cycle *cycle, OfferID *const *ids, size_t count)
{
    if (!cycle->n_lost)
        cycle->lost_next_ms = cycle_now(cycle) + LOST_OFFERS_MS;
    for (size_t i = 0; i < count; i++)
        PB_ADD(&cycle->lost_arena, cycle->n_lost, cycle->lost, pb_copy(ids[i], &cycle->lost_arena));
}

void flow_forget_lost(struct cycle *cycle)
{
    cycle->n_lost = 0;
    cycle->lost = NULL;
    arena_reset(&cycle->lost_arena);
}

void flow_tick(struct cycle *cycle, int64_t now_ms)
{
    if (cycle->subscribed && cycle->n_lost && now_ms >= cycle->lost_next_ms) {
        decline(cycle, cycle->lost, cycle->n_lost, ACCEPT_FILTER_S);
        flow_forget_lost(cycle);
    }
    flow_revive(cycle, now_ms);
}
