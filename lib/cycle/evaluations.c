/* The last evaluations and their totals, for people who ask why a pod is not placed (see
 * offer-cycle 8). Bounded: a ring of records, a budget of bytes for their texts, and one of time
 * for making these, so that a flood of offers costs what it costs to look at them. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/text.h"
#include "cycle/internal.h"
#include "proto/pbjson.h"
#include "proto/pbtext.h"

enum { TEXT_BYTES = 16 * 1024 }; /* of one text */

bool evaluations_may_explain(struct cycle *cycle)
{
    const int64_t now = cycle_now(cycle);

    if (!cycle->options.keep_offers)
        return false;
    if (now > cycle->explained_ms) {
        cycle->explain_tokens += (double)(now - cycle->explained_ms) * EXPLAINED_PER_S / 1000;
        if (cycle->explain_tokens > EXPLAINED_PER_S)
            cycle->explain_tokens = EXPLAINED_PER_S;
        cycle->explained_ms = now;
    }
    if (cycle->explain_tokens < 1)
        return false;
    cycle->explain_tokens--;
    return true;
}

/* ---- totals ---- */

/* Where the kinds of shortfall are found, when the stages were not written down. */
static const char *const stage_names[] = {
    [SHORT_NONE] = "OfferEvaluator",
    [SHORT_SCALAR] = "ResourceEvaluationStage",
    [SHORT_PORT] = "PortEvaluationStage",
    [SHORT_VOLUME] = "VolumeEvaluationStage",
    [SHORT_PLACEMENT] = "PlacementRuleEvaluationStage",
    [SHORT_ROLE] = "ResourceEvaluationStage",
    [SHORT_RESERVED] = "ResourceEvaluationStage",
    [SHORT_EXECUTOR] = "ExecutorEvaluationStage",
    [SHORT_SPEC] = "Requirement",
};

static void count_failure(struct cycle *cycle, const Offer *offer,
                          const struct evaluation *evaluation)
{
    const char *agent = offer->agent_id->value;

    struct strmap_entry *entry = strmap_find(&cycle->agents, agent);

    cycle->n_rejected++;
    if (!entry && cycle->agents.used < REJECTED_AGENTS)
        entry = strmap_get(&cycle->agents, agent);
    if (entry)
        entry->number++;
    if (!evaluation->n_stages)
        cycle->unexplained[evaluation->shortfall.kind]++;
    for (size_t i = 0; i < evaluation->n_stages; i++) {
        if (!evaluation->stages[i]->pass)
            strmap_get(&cycle->reasons, evaluation->stages[i]->source)->number++;
    }
}

static json_t *counts_json(const struct strmap *counts)
{
    json_t *json = json_object();

    for (size_t i = 0; i < counts->room; i++) {
        const struct strmap_entry *entry = &counts->slots[i];
        json_t *key = entry->key ? json_text(entry->key, strlen(entry->key)) : NULL;
        if (key)
            json_set(json, json_string_value(key), json_integer(entry->number));
        json_decref(key);
    }
    return json;
}

static json_t *reasons_json(const struct cycle *cycle)
{
    json_t *json = counts_json(&cycle->reasons);

    for (size_t kind = 0; kind < ARRAY_LEN(stage_names); kind++) {
        const json_t *explained = json_object_get(json, stage_names[kind]);
        const uint64_t count = cycle->unexplained[kind];
        if (count)
            json_set(json, stage_names[kind],
                     json_integer(json_integer_value(explained) + (json_int_t)count));
    }
    return json;
}

json_t *evaluations_totals(const struct cycle *cycle)
{
    json_t *json = json_object();

    json_set(json, "accepted", json_integer((json_int_t)cycle->n_accepted));
    json_set(json, "rejected", json_integer((json_int_t)cycle->n_rejected));
    json_set(json, "reasons", reasons_json(cycle));
    json_set(json, "agents", counts_json(&cycle->agents));
    return json;
}

/* ---- texts ---- */

static void drop_texts(struct cycle *cycle, struct evaluation_record *r)
{
    if (r->stages)
        cycle->explained_bytes -= strlen(r->stages) + strlen(r->offer);
    free(r->stages);
    free(r->offer);
    r->stages = r->offer = NULL;
}

/* A text that would be too long is cut, at the end of a line. */
static char *take_text(struct buf *text)
{
    if (text->len > TEXT_BYTES) {
        text->len = TEXT_BYTES;
        while (text->len && text->data[text->len - 1] != '\n')
            text->len--;
        text->data[text->len] = '\0';
    }
    return xstrndup(buf_str(text), text->len);
}

/* The oldest texts make room. */
static void explain(struct cycle *cycle, struct evaluation_record *r, const Offer *offer,
                    const struct evaluation *evaluation)
{
    auto_buf struct buf stages = BUF_INIT, text = BUF_INIT;
    const size_t n = cycle->n_evaluations;

    outcome_print(evaluation->stages, evaluation->n_stages, &stages);
    pb_to_text(offer, &text);
    r->stages = take_text(&stages);
    r->offer = take_text(&text);
    cycle->explained_bytes += strlen(r->stages) + strlen(r->offer);
    for (size_t i = n > EVALUATIONS_KEPT ? n - EVALUATIONS_KEPT : 0;
         i < n && cycle->explained_bytes > EXPLAINED_BYTES; i++)
        drop_texts(cycle, &cycle->evaluations[i % EVALUATIONS_KEPT]);
}

/* ---- records ---- */

void evaluations_note(struct cycle *cycle, const struct step *step, const Offer *offer,
                      const struct evaluation *evaluation)
{
    struct evaluation_record *r = &cycle->evaluations[cycle->n_evaluations++ % EVALUATIONS_KEPT];

    drop_texts(cycle, r);
    r->time_ms = cycle_now(cycle);
    text_copy(r->step, sizeof r->step, step_name(step));
    text_copy(r->offer_id, sizeof r->offer_id, offer->id->value);
    text_copy(r->agent_id, sizeof r->agent_id, offer->agent_id->value);
    text_copy(r->hostname, sizeof r->hostname, offer->hostname);
    r->pass = evaluation->pass;
    r->kind = evaluation->shortfall.kind;
    text_copy(r->what, sizeof r->what,
              evaluation->shortfall.what ? evaluation->shortfall.what : "");
    r->have = evaluation->shortfall.have;
    r->want = evaluation->shortfall.want;
    if (evaluation->pass)
        cycle->n_accepted++;
    else
        count_failure(cycle, offer, evaluation);
    if (evaluation->n_stages)
        explain(cycle, r, offer, evaluation);
}

static const char *const shortfall_words[] = {
    [SHORT_NONE] = "none",         [SHORT_SCALAR] = "scalar",       [SHORT_PORT] = "port",
    [SHORT_VOLUME] = "volume",     [SHORT_PLACEMENT] = "placement", [SHORT_ROLE] = "role",
    [SHORT_RESERVED] = "reserved", [SHORT_EXECUTOR] = "executor",   [SHORT_SPEC] = "spec",
};

/* Names of agents are foreign text, and may be cut in the middle of a character. */
static void set_text(json_t *item, const char *key, const char *text)
{
    json_set(item, key, json_text(text, strlen(text)));
}

static const char *shortfall_text(const struct evaluation_record *r, struct buf *out)
{
    const struct shortfall shortfall = {r->kind, r->what, r->have, r->want};

    shortfall_print(&shortfall, out);
    return buf_str(out);
}

static json_t *lines_json(const char *text)
{
    json_t *lines = json_array();

    for (const char *end; (end = strchr(text, '\n')); text = end + 1)
        json_push(lines, json_text(text, (size_t)(end - text)));
    return lines;
}

static json_t *record_json(const struct evaluation_record *r)
{
    auto_buf struct buf text = BUF_INIT;
    json_t *item = json_object();

    json_set(item, "kind", json_string("evaluation"));
    json_set(item, "time", json_integer(r->time_ms));
    set_text(item, "step", r->step);
    set_text(item, "offer", r->offer_id);
    set_text(item, "agent", r->agent_id);
    set_text(item, "hostname", r->hostname);
    json_set(item, "outcome", json_string(r->pass ? "pass" : "fail"));
    if (r->stages) {
        json_set(item, "stages", lines_json(r->stages));
        set_text(item, "offer_text", r->offer);
    }
    if (r->pass)
        return item;
    json_set(item, "shortfall", json_string(shortfall_words[r->kind]));
    set_text(item, "what", r->what);
    set_text(item, "text", shortfall_text(r, &text));
    if (r->kind == SHORT_SCALAR) {
        json_set(item, "have", json_real(r->have));
        json_set(item, "want", json_real(r->want));
    }
    return item;
}

json_t *cycle_evaluations(const struct cycle *cycle)
{
    json_t *list = json_array();
    const size_t n = cycle->n_evaluations;

    for (size_t i = n > EVALUATIONS_KEPT ? n - EVALUATIONS_KEPT : 0; i < n; i++)
        json_push(list, record_json(&cycle->evaluations[i % EVALUATIONS_KEPT]));
    return list;
}

void evaluations_free(struct cycle *cycle)
{
    for (size_t i = 0; i < EVALUATIONS_KEPT; i++)
        drop_texts(cycle, &cycle->evaluations[i]);
    free(cycle->evaluations);
    strmap_free(&cycle->reasons);
    strmap_free(&cycle->agents);
}
