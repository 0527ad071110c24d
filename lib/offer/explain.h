/* Why a pod is not placed, for people: the last known offers evaluated again with all reasons,
 * against what is stored now. Pure; nothing is changed. Everything made lives in the arena. */
#ifndef DSE_OFFER_EXPLAIN_H
#define DSE_OFFER_EXPLAIN_H

#include "offer/offer.h"
#include "plan/view.h"

/* Offers read from text: lines or a JSON array of Offers, of `{"offer": Offer}`, or a recorded
 * stream of events. Offers of one agent and role replace those of earlier records, but neighbouring
 * plain Offers of one agent add up, as parts of a split offer do; RESCIND takes offers away. */
struct offer_list {
    Offer **items;
    size_t count;
    const DomainInfo *master_domain; /* of a SUBSCRIBED event, for the local region; or NULL */
};
int offers_parse(const char *text, size_t len, const char *source, struct arena *arena,
                 struct offer_list *ret, struct err *err);

/* The steps to explain: what wants work now of that pod ("dse-0", a step's or task's name, a pod
 * type; NULL: everything). A pod without such a step that is not deployed yet gets the requirement
 * of its first launch. Returns how many; 0: *ret_why says why there is nothing to place. -1: no
 * such pod (EXIT_NO). */
int explain_requirements(const struct view *view, const char *pod, struct arena *arena,
                         struct requirement const **ret, const char **ret_why, struct err *err);

struct explained_agent {
    Offer **offers;
    size_t n_offers;
    struct evaluation evaluation;
};
struct explanation {
    const struct requirement *requirement;
    struct explained_agent *agents; /* one for each agent and role, in the order of the offers */
    size_t n_agents, n_fit;
};
/* The settings are the scheduler's. EXIT_INPUT: the configuration cannot be read. */
int explain(const struct view *view, const struct requirement *requirement,
            const struct offer_list *offers, const struct offer_settings *settings,
            struct arena *arena, struct explanation *ret, struct err *err);

/* "4 of 7 agents: cpus 1.5 of 2.0; 2: hostname rule; 1: role", the best of each kind; "fits 1 of 3
 * agents: host-1; 2: …". No newline. */
void explanation_line(const struct explanation *explanation, struct buf *out);
/* All stages of all agents, as the original logs them. */
void explanation_tree(const struct explanation *explanation, struct buf *out);
json_t *explanation_json(const struct explanation *explanation); /* new */
/* One evaluation's stages, depth first: "FAIL(ResourceEvaluationStage):…". New array. */
json_t *evaluation_reasons(const struct evaluation *evaluation);

#endif
