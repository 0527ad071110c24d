#include "offer/explain.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "proto/pbjson.h"

/* ---- reading offers ---- */

struct parsing {
    struct arena *arena;
    const char *source;
    struct offer_list *ret;
    size_t *rounds; /* of each offer: those of one round add up */
    size_t n_rounds, round;
    bool plain; /* the last record was a plain Offer */
};

static const char *offer_role(const Offer *offer)
{
    return offer->allocation_info && offer->allocation_info->role ? offer->allocation_info->role
                                                                  : "";
}

static bool same_place(const Offer *a, const Offer *b)
{
    return strcmp(a->agent_id->value, b->agent_id->value) == 0 &&
           strcmp(offer_role(a), offer_role(b)) == 0;
}

static void remove_at(struct parsing *p, size_t at)
{
    struct offer_list *list = p->ret;

    list->count--;
    p->n_rounds--;
    memmove(&list->items[at], &list->items[at + 1], (list->count - at) * sizeof(*list->items));
    memmove(&p->rounds[at], &p->rounds[at + 1], (list->count - at) * sizeof(*p->rounds));
}

static void add_offer(struct parsing *p, Offer *offer)
{
    struct offer_list *list = p->ret;

    for (size_t i = list->count; i-- > 0;) {
        if (p->rounds[i] != p->round && same_place(list->items[i], offer))
            remove_at(p, i);
    }
    *ARENA_PUSH(p->arena, list->items, list->count) = offer;
    *ARENA_PUSH(p->arena, p->rounds, p->n_rounds) = p->round;
}

static int plain_offer(struct parsing *p, const json_t *json, struct err *err)
{
    Offer *offer = PB_FROM_JSON(Offer, offer, json, p->arena, err);

    if (!offer)
        return -1;
    if (!p->plain)
        p->round++;
    p->plain = true;
    add_offer(p, offer);
    return 0;
}

static int one_event(struct parsing *p, const json_t *json, struct err *err)
{
    const Event *event = PB_FROM_JSON(Event, event, json, p->arena, err);

    if (!event)
        return -1;
    p->plain = false;
    p->round++;
    if (event->subscribed)
        p->ret->master_domain =
            event->subscribed->master_info ? event->subscribed->master_info->domain : NULL;
    for (size_t i = 0; event->offers && i < event->offers->n_offers; i++)
        add_offer(p, event->offers->offers[i]);
    for (size_t i = event->rescind ? p->ret->count : 0; i-- > 0;) {
        if (strcmp(p->ret->items[i]->id->value, event->rescind->offer_id->value) == 0)
            remove_at(p, i);
    }
    return 0;
}

static int one_record(struct parsing *p, const json_t *json, struct err *err)
{
    const json_t *inner = json_object_get(json, "offer");
    const json_t *event = json_object_get(json, "event"); /* a capture's line */
    const char *type = json_string_value(json_object_get(json, "type"));

    if (inner)
        return plain_offer(p, inner, err);
    if (json_is_object(event))
        return one_event(p, event, err);
    if (type)
        return strncmp(type, "DSE_", 4) == 0 ? 0 : one_event(p, json, err);
    if (json_object_get(json, "resources") || json_object_get(json, "agent_id"))
        return plain_offer(p, json, err);
    if (json_object_get(json, "offers"))
        return one_event(p, json, err);
    return 0; /* calls and other lines of a capture */
}

static int parse_lines(struct parsing *p, const char *text, size_t len, struct err *err)
{
    const char *at = text, *end = text + len;

    for (size_t number = 1; at < end; number++) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        const size_t n = (size_t)((stop ? stop : end) - at);
        auto_free char *source = xasprintf("%s:%zu", p->source, number);
        if (strspn(at, " \t\r") < n) {
            json_auto json_t *json = json_parse(at, n, source, err);
            if (!json)
                return -1;
            if (one_record(p, json, err)) {
                err_prefix(err, "%s", source);
                return -1;
            }
        }
        at += n + 1;
    }
    return 0;
}

/* One document over several lines, or an array; else lines. */
int offers_parse(const char *text, size_t len, const char *source, struct arena *arena,
                 struct offer_list *ret, struct err *err)
{
    struct parsing p = {.arena = arena, .source = source, .ret = ret};
    struct err ignored = ERR_INIT;

    *ret = (struct offer_list){0};
    json_auto json_t *whole = json_parse(text, len, source, &ignored);
    if (!whole)
        return parse_lines(&p, text, len, err);
    for (size_t i = 0; json_is_array(whole) && i < json_array_size(whole); i++) {
        if (one_record(&p, json_array_get(whole, i), err)) {
            err_prefix(err, "%s: item %zu", source, i);
            return -1;
        }
    }
    if (json_is_object(whole) && one_record(&p, whole, err)) {
        err_prefix(err, "%s", source);
        return -1;
    }
    return 0;
}

/* ---- what to explain ---- */

static char *instance_name(struct arena *arena, const char *type, int index)
{
    return arena_printf(arena, "%s-%d", type, index);
}

/* A pod's type or instance, a step's name or a task's. */
static bool names_step(const char *pod, const struct step *step, struct arena *arena)
{
    const struct requirement *need = step_requirement(step);
    const char *instance = instance_name(arena, need->pod_type, need->pod_index);

    if (strcmp(pod, need->pod_type) == 0 || strcmp(pod, instance) == 0 ||
        strcmp(pod, step_name(step)) == 0)
        return true;
    for (size_t i = 0; i < need->tasks.count; i++) {
        if (strcmp(pod, arena_printf(arena, "%s-%s", instance, need->tasks.items[i])) == 0)
            return true;
    }
    return false;
}

static int no_such_pod(const struct view *view, const char *pod, struct err *err)
{
    auto_buf struct buf names = BUF_INIT;

    for (size_t i = 0; i < view->target->n_pods; i++) {
        const struct pod_spec *p = &view->target->pods[i];
        buf_addf(&names, "%s%s-0", i ? ", " : "", p->type);
        if (p->count > 1)
            buf_addf(&names, " to %s-%lld", p->type, (long long)p->count - 1);
    }
    return err_set(err, EXIT_NO, "no such pod '%s'; there are: %s", pod, buf_str(&names));
}

/* The launch of all tasks that are to run, of a pod that no step works on yet. */
static struct requirement *first_launch(const struct view *view, const char *pod,
                                        struct arena *arena, bool *ret_known)
{
    *ret_known = false;
    for (size_t i = 0; i < view->target->n_pods; i++) {
        const struct pod_spec *spec = &view->target->pods[i];
        *ret_known = *ret_known || strcmp(pod, spec->type) == 0;
        for (int j = 0; j < spec->count; j++) {
            if (strcmp(pod, instance_name(arena, spec->type, j)) != 0)
                continue;
            *ret_known = true;
            if (state_pod(view->state, spec->type, j))
                return NULL;
            struct requirement *need = ARENA_NEW(arena, struct requirement);
            need->pod_type = spec->type;
            need->pod_index = j;
            need->config_id = state_target_id(view->state);
            for (size_t k = 0; k < spec->n_tasks; k++) {
                if (spec->tasks[k].goal == GOAL_RUNNING)
                    PB_ADD(arena, need->tasks.count, need->tasks.items, spec->tasks[k].name);
            }
            return need;
        }
    }
    return NULL;
}

int explain_requirements(const struct view *view, const char *pod, struct arena *arena,
                         struct requirement const **ret, const char **ret_why, struct err *err)
{
    struct step *const *steps;
    const size_t n = plans_candidates(view->plans, view->now_ms, &steps);
    struct requirement *found = NULL;
    size_t count = 0;
    bool known;

    for (size_t i = 0; i < n; i++) {
        const struct requirement *need = step_requirement(steps[i]);
        if (need && (!pod || names_step(pod, steps[i], arena)))
            *ARENA_PUSH(arena, found, count) = *need;
    }
    *ret = found;
    if (count)
        return (int)count;
    if (!pod) {
        *ret_why = "no step waits for an offer";
        return 0;
    }
    *ret = first_launch(view, pod, arena, &known);
    if (*ret)
        return 1;
    const bool task = state_task(view->state, pod) != NULL;
    if (!known && !task && view->target)
        return no_such_pod(view, pod, err);
    *ret_why = arena_printf(arena, "no step of '%s' waits for an offer", pod);
    return 0;
}

/* ---- evaluating ---- */

static void group_agents(const struct offer_list *offers, struct arena *arena,
                         struct explanation *ret)
{
    for (size_t i = 0; i < offers->count; i++) {
        struct explained_agent *agent = NULL;
        for (size_t j = 0; j < ret->n_agents && !agent; j++) {
            if (same_place(ret->agents[j].offers[0], offers->items[i]))
                agent = &ret->agents[j];
        }
        if (!agent)
            agent = ARENA_PUSH(arena, ret->agents, ret->n_agents);
        PB_ADD(arena, agent->n_offers, agent->offers, offers->items[i]);
    }
}

int explain(const struct view *view, const struct requirement *requirement,
            const struct offer_list *offers, const struct offer_settings *settings,
            struct arena *arena, struct explanation *ret, struct err *err)
{
    struct idgen ids = {.seed = 1};
    const char *target = state_target_id(view->state);
    const bool is_target =
        !requirement->config_id || !target || strcmp(requirement->config_id, target) == 0;
    const struct service_spec *spec =
        is_target ? view->target : view_config(view, requirement->config_id);

    if (!spec)
        return err_set(err, EXIT_INPUT, "configuration '%s' cannot be read",
                       requirement->config_id);
    const struct offer_context context = {
        .spec = spec,
        .config_id = requirement->config_id ? requirement->config_id : target,
        .state = view->state,
        .settings = settings,
        .framework_id = state_framework_id(view->state),
        .master_domain = offers->master_domain,
        .ids = &ids,
        .arena = arena,
        .explain = true,
    };
    *ret = (struct explanation){.requirement = requirement};
    group_agents(offers, arena, ret);
    for (size_t i = 0; i < ret->n_agents; i++) {
        struct explained_agent *agent = &ret->agents[i];
        offer_evaluate(&context, requirement, agent->offers, agent->n_offers, &agent->evaluation);
        ret->n_fit += agent->evaluation.pass;
    }
    return 0;
}

/* ---- telling ---- */

/* Agents that lack the same thing. */
struct lack {
    struct shortfall best;
    size_t count, first;
};

static bool same_lack(const struct shortfall *a, const struct shortfall *b)
{
    return a->kind == b->kind && strcmp(a->what ? a->what : "", b->what ? b->what : "") == 0;
}

static int by_count(const void *a, const void *b)
{
    const struct lack *x = a, *y = b;

    if (x->count != y->count)
        return x->count < y->count ? 1 : -1;
    return x->first < y->first ? -1 : 1;
}

static size_t collect_lacks(const struct explanation *explanation, struct lack *lacks)
{
    size_t n = 0;

    for (size_t i = 0; i < explanation->n_agents; i++) {
        const struct evaluation *e = &explanation->agents[i].evaluation;
        size_t at = 0;
        if (e->pass)
            continue;
        while (at < n && !same_lack(&lacks[at].best, &e->shortfall))
            at++;
        if (at == n)
            lacks[n++] = (struct lack){.best = e->shortfall, .first = i};
        else if (e->shortfall.have > lacks[at].best.have)
            lacks[at].best = e->shortfall;
        lacks[at].count++;
    }
    qsort(lacks, n, sizeof *lacks, by_count);
    return n;
}

static void add_fits(const struct explanation *explanation, struct buf *out)
{
    const char *before = ": ";

    buf_addf(out, "fits %zu of %zu agents", explanation->n_fit, explanation->n_agents);
    for (size_t i = 0; i < explanation->n_agents; i++) {
        if (!explanation->agents[i].evaluation.pass)
            continue;
        buf_addf(out, "%s%s", before, explanation->agents[i].offers[0]->hostname);
        before = ", ";
    }
}

void explanation_line(const struct explanation *explanation, struct buf *out)
{
    auto_free struct lack *lacks = xcalloc(explanation->n_agents + 1, sizeof *lacks);
    const size_t n = collect_lacks(explanation, lacks);

    if (!explanation->n_agents) {
        buf_adds(out, "no agent has offered anything");
        return;
    }
    if (explanation->n_fit)
        add_fits(explanation, out);
    for (size_t i = 0; i < n; i++) {
        buf_addf(out, "%s%zu", i || explanation->n_fit ? "; " : "", lacks[i].count);
        if (i == 0 && !explanation->n_fit)
            buf_addf(out, " of %zu agents", explanation->n_agents);
        buf_adds(out, ": ");
        shortfall_print(&lacks[i].best, out);
    }
}

void explanation_tree(const struct explanation *explanation, struct buf *out)
{
    for (size_t i = 0; i < explanation->n_agents; i++) {
        const struct explained_agent *agent = &explanation->agents[i];
        buf_addf(out, "%s\n", agent->offers[0]->hostname);
        evaluation_print(&agent->evaluation, explanation->requirement, i + 1,
                         agent->offers[0]->id->value, out);
    }
}

/* Rules nest as deep as the spec's JSON does, which is bounded where it is read. */
static void add_reasons(struct outcome *const *outcomes, size_t count, json_t *list)
{
    for (size_t i = 0; i < count; i++) {
        const struct outcome *o = outcomes[i];
        auto_free char *text =
            xasprintf("%s(%s):%s", o->pass ? "PASS" : "FAIL", o->source, o->reason);
        json_push(list, json_text(text, strlen(text)));
        add_reasons(o->children, o->n_children, list);
    }
}

json_t *evaluation_reasons(const struct evaluation *evaluation)
{
    json_t *list = json_array();

    add_reasons(evaluation->stages, evaluation->n_stages, list);
    return list;
}

json_t *explanation_json(const struct explanation *explanation)
{
    json_t *agents = json_array();
    auto_buf struct buf name = BUF_INIT, line = BUF_INIT;

    for (size_t i = 0; i < explanation->n_agents; i++) {
        const struct explained_agent *agent = &explanation->agents[i];
        const Offer *offer = agent->offers[0];
        auto_buf struct buf lack = BUF_INIT;
        json_t *item = json_object();
        json_set(item, "hostname", json_text(offer->hostname, strlen(offer->hostname)));
        json_set(item, "agent", json_text(offer->agent_id->value, strlen(offer->agent_id->value)));
        json_set(item, "offer", json_text(offer->id->value, strlen(offer->id->value)));
        json_set(item, "outcome", json_string(agent->evaluation.pass ? "pass" : "fail"));
        if (!agent->evaluation.pass) {
            shortfall_print(&agent->evaluation.shortfall, &lack);
            json_set(item, "shortfall", json_text(buf_str(&lack), lack.len));
        }
        json_set(item, "explanation", evaluation_reasons(&agent->evaluation));
        json_push(agents, item);
    }
    requirement_name(explanation->requirement, &name);
    explanation_line(explanation, &line);
    return json_pack("{s:o, s:o, s:I, s:o}", "step", json_text(buf_str(&name), name.len), "summary",
                     json_text(buf_str(&line), line.len), "fit", (json_int_t)explanation->n_fit,
                     "agents", agents);
}
