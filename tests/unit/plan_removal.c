/* Uninstall (plans-and-recovery 9.2, trace 11.7) and the resources of a decommission, over tasks
 * made from the worked example of state-store 10. */
#include "plan/internal.h"
#include "plan_fixture.h"
#include "state_example.h"
#include "tap.h"

struct service {
    struct world w;
    struct example e;
};

static void put_task(struct service *s, const char *type, int index, const char *spec,
                     const char *host, const char *resource)
{
    TaskInfo *info = example_task(&s->e, type, index, spec);
    TaskStatus *status = pb_copy(s->e.status, &s->e.arena);

    info->labels = labels_set(&s->e.arena, info->labels, "offer_hostname", host);
    info->labels = labels_set(&s->e.arena, info->labels, "target_configuration", s->w.id);
    info->n_resources = 1;
    Labels *labels =
        info->resources[0]->reservations[info->resources[0]->n_reservations - 1]->labels;
    labels_set(&s->e.arena, labels, "resource_id", resource);
    info->executor->n_resources = 0;
    status->task_id = info->task_id;
    state_put_task_info(s->w.state, s->w.txn, info);
    state_put_task_status(s->w.state, s->w.txn, info->name, status);
}

static void service_init(struct service *s, const char *pods)
{
    s->e = example_new();
    world_init(&s->w, pods, NULL);
}

static void service_release(struct service *s)
{
    world_release(&s->w);
    example_release(&s->e);
}
#define auto_service __attribute__((cleanup(service_release)))

static struct plans *derive_uninstall(struct world *w)
{
    struct err err = ERR_INIT;
    const struct plans_options options = {
        .target = w->target, .target_id = w->id, .specs = w->specs, .uninstall = true};
    struct plans *plans = plans_new(w->state, &options, w->now, &err);

    if (!plans)
        world_die("uninstall", &err);
    return plans;
}

/* The trees of the live and of a freshly derived plan. */
static const char *tree(struct world *w)
{
    auto_buf struct buf fresh = BUF_INIT;
    struct plans *plans = derive_uninstall(w);

    tree_of(plans, "deploy", w->now, &fresh);
    tree_of(w->plans, "deploy", w->now, &w->text);
    CHECK_STR(buf_str(&w->text), buf_str(&fresh));
    plans_free(plans);
    return buf_str(&w->text);
}

static void uninstall(void)
{
    auto_service struct service s;
    service_init(&s, "dse:2:node");
    struct world *w = &s.w;
    put_task(&s, "dse", 0, "node", "10.0.1.11", "r1");
    put_task(&s, "dse", 1, "node", "10.0.1.12", "r2");
    plans_free(w->plans);
    w->plans = derive_uninstall(w);

    const char *id = "datastax-dse__dse-0-node__c9f2d7be-6a0e-4a1c-8b57-3d0f1f0f9a64";
    auto_free char *begin = xasprintf("deploy (dependency strategy) (IN_PROGRESS)\n"
                                      "├─ kill-tasks (parallel strategy) (PENDING)\n"
                                      "│  ├─ kill-task-%s (PENDING)\n",
                                      id);
    CHECK(strncmp(tree(w), begin, strlen(begin)) == 0);
    CHECK(strstr(tree(w), "├─ unreserve-resources-10.0.1.11 (parallel strategy) (IN_PROGRESS)\n"
                          "│  └─ unreserve-r1 (PREPARED)\n"
                          "├─ unreserve-resources-10.0.1.12 (parallel strategy) (IN_PROGRESS)\n"
                          "│  └─ unreserve-r2 (PREPARED)\n"
                          "└─ deregister-service (serial strategy) (PENDING)\n"
                          "   └─ deregister (PENDING)\n"));
    CHECK_INT(plans_client_state(w->plans, w->now).status, CLIENT_WORKING);

    struct step *const *steps;
    size_t n = world_candidates(w, &steps), kills = 0;
    CHECK_INT(n, 4);
    struct step *to_kill[4] = {NULL};
    for (size_t i = 0; i < n; i++)
        if (step_kind(steps[i]) == STEP_KILL)
            to_kill[kills++] = steps[i];
    CHECK_INT(kills, 2);
    CHECK_STR(step_subject(to_kill[0]), "dse-0-node");
    for (size_t i = 0; i < kills; i++)
        plans_step_done(w->plans, w->txn, to_kill[i], w->now);
    state_drop_resource(w->state, w->txn, "r1");
    plans_resource_unreserved(w->plans, w->txn, "r1", w->now);
    CHECK(strstr(tree(w), "kill-tasks (parallel strategy) (COMPLETE)"));
    CHECK(strstr(tree(w), "unreserve-resources-10.0.1.11 (parallel strategy) (COMPLETE)\n"
                          "│  └─ unreserve-r1 (COMPLETE)\n"));

    /* The other agent is lost. */
    json_auto json_t *body = NULL;
    CHECK_INT(plans_verb(w->plans, w->txn, VERB_FORCE_COMPLETE, "deploy",
                         "unreserve-resources-10.0.1.12", NULL, NULL, w->now, &body),
              200);
    CHECK(strstr(tree(w), "└─ deregister-service (serial strategy) (IN_PROGRESS)\n"
                          "   └─ deregister (PREPARED)\n"));
    CHECK_INT(world_candidates(w, &steps), 1);
    CHECK_INT(step_kind(steps[0]), STEP_DEREGISTER);
    plans_step_done(w->plans, w->txn, steps[0], w->now);
    CHECK(strstr(tree(w), "deploy (dependency strategy) (COMPLETE)"));
    CHECK_INT(plans_client_state(w->plans, w->now).status, CLIENT_UNINSTALLED);
    CHECK(!state_deployed(w->state));
}

/* The plan is called `deploy` too, but what was said about that one is not about this one. */
static void uninstall_of_a_paused_service(void)
{
    auto_service struct service s;
    service_init(&s, "dse:2:node");
    struct world *w = &s.w;
    put_task(&s, "dse", 0, "node", "10.0.1.11", "r1");
    json_auto json_t *body = NULL;
    CHECK_INT(
        plans_verb(w->plans, w->txn, VERB_INTERRUPT, "deploy", NULL, NULL, NULL, w->now, &body),
        200);
    plans_free(w->plans);
    w->plans = derive_uninstall(w);
    CHECK(strstr(tree(w), "deploy (dependency strategy) (IN_PROGRESS)\n"));
    /* Its own pause holds. */
    json_auto json_t *again = NULL;
    CHECK_INT(
        plans_verb(w->plans, w->txn, VERB_INTERRUPT, "deploy", NULL, NULL, NULL, w->now, &again),
        200);
    CHECK(strstr(tree(w), "deploy (dependency strategy) (WAITING)\n"));
}

static void uninstall_of_nothing(void)
{
    auto_service struct service s;
    service_init(&s, "dse:2:node");
    plans_free(s.w.plans);
    s.w.plans = derive_uninstall(&s.w);
    CHECK_STR(tree(&s.w), "deploy (dependency strategy) (IN_PROGRESS)\n"
                          "├─ kill-tasks (parallel strategy) (COMPLETE)\n"
                          "└─ deregister-service (serial strategy) (IN_PROGRESS)\n"
                          "   └─ deregister (PREPARED)\n");
}

/* plans-and-recovery 11.8 with a resource that waits for its offer. */
static void decommission_with_resources(void)
{
    auto_service struct service s;
    service_init(&s, "dse:2-:node");
    struct world *w = &s.w;
    put_task(&s, "dse", 0, "node", "h", "r1");
    put_task(&s, "dse", 1, "node", "h", "r2");
    CHECK_INT(world_update(w, world_spec_json("dse:1-:node", NULL, NULL), NULL), 1);
    CHECK_STR(world_work(w), "kill-dse-1-node");
    struct step *const *steps;
    world_candidates(w, &steps);
    plans_step_done(w->plans, w->txn, steps[0], w->now);
    CHECK_STR(world_tree(w, "decommission"), "decommission (serial strategy) (IN_PROGRESS)\n"
                                             "└─ dse-1 (serial strategy) (IN_PROGRESS)\n"
                                             "   ├─ kill-dse-1-node (COMPLETE)\n"
                                             "   ├─ unreserve-r2 (PREPARED)\n"
                                             "   └─ erase-dse-1-node (PENDING)\n");
    CHECK(world_same_after_restart(w));
    state_drop_resource(w->state, w->txn, "r2");
    plans_resource_unreserved(w->plans, w->txn, "r2", w->now);
    CHECK_STR(world_tree(w, "decommission"), "decommission (serial strategy) (IN_PROGRESS)\n"
                                             "└─ dse-1 (serial strategy) (IN_PROGRESS)\n"
                                             "   ├─ kill-dse-1-node (COMPLETE)\n"
                                             "   ├─ unreserve-r2 (COMPLETE)\n"
                                             "   └─ erase-dse-1-node (PENDING)\n");
    CHECK_STR(world_work(w), "erase-dse-1-node");
    CHECK(world_same_after_restart(w));
}

/* Types that are gone first, then those of the spec from the last; highest index first. */
static void decommission_order(void)
{
    auto_service struct service s;
    service_init(&s, "a:3-:t b:3-:t z:1-:t");
    struct world *w = &s.w;
    for (int i = 0; i < 3; i++) {
        put_task(&s, "a", i, "t", "h", "ra");
        put_task(&s, "b", i, "t", "h", "rb");
    }
    put_task(&s, "z", 0, "t", "h", "rz");
    CHECK_INT(world_update(w, world_spec_json("a:1-:t b:1-:t", NULL, NULL), NULL), 1);
    json_auto json_t *plan = plans_show(w->plans, "decommission", w->now);
    const json_t *phases = json_object_get(plan, "phases");
    static const char *const want[] = {"z-0", "b-2", "b-1", "a-2", "a-1"};
    CHECK_INT(json_array_size(phases), 5);
    for (size_t i = 0; i < json_array_size(phases) && i < 5; i++)
        CHECK_STR(json_string_value(json_object_get(json_array_get(phases, i), "name")), want[i]);
    CHECK_STR(plans_name(w->plans, 2), "decommission");
}

/* What a replaced pod left on its old agent keeps the client at work until it is unreserved. */
static void given_up(void)
{
    auto_service struct service s;
    const char *ids[] = {"r1", "old"};
    const struct strings list = {ids, 2};
    service_init(&s, "dse:1:node");
    struct world *w = &s.w;
    put_task(&s, "dse", 0, "node", "h", "r1");
    world_restart(w);
    CHECK_INT(plans_client_state(w->plans, w->now).status, CLIENT_IDLE);
    plans_given_up(w->plans, w->txn, "A", "h1", &list);
    CHECK_STR(state_get_text(w->state, "Toolkit/given-up/A"),
              "{\"resources\":[\"old\"],\"hostname\":\"h1\"}");
    world_restart(w);
    CHECK_INT(plans_client_state(w->plans, w->now).status, CLIENT_WORKING);
    plans_resource_unreserved(w->plans, w->txn, "other", w->now);
    CHECK_INT(plans_client_state(w->plans, w->now).status, CLIENT_WORKING);
    /* An uninstall frees it too. */
    struct plans *removing = derive_uninstall(w);
    auto_buf struct buf text = BUF_INIT;
    tree_of(removing, "deploy", w->now, &text);
    CHECK(strstr(buf_str(&text), "├─ unreserve-resources-h1 (parallel strategy) (IN_PROGRESS)\n"
                                 "│  └─ unreserve-old (PREPARED)\n"));
    plans_free(removing);
    plans_resource_unreserved(w->plans, w->txn, "old", w->now);
    CHECK_INT(plans_client_state(w->plans, w->now).status, CLIENT_IDLE);
}

TAP_MAIN(TEST(given_up), TEST(uninstall), TEST(uninstall_of_a_paused_service),
         TEST(uninstall_of_nothing), TEST(decommission_with_resources), TEST(decommission_order))
