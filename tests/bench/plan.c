/* Plans of many pods ÷ plans of few: deploying them, deriving them at start (with loading the state
 * they come from), deriving and printing them (design, section 7: 10 000 ÷ 1 000 tasks at
 * most 10.5). CPU, best of several runs. Prints one line of JSON. */
#include <malloc.h>

#include "../unit/plan_fixture.h"
#include "state/store_impl.h"

#include "bench.h"

enum { FEW = 1000, MANY = 10000, RUNS = 7 };

struct result {
    double deploy, start, show;
};

static void keep_least(double *least, double ms)
{
    if (*least == 0 || ms < *least)
        *least = ms;
}

/* Every pod: launched, starting, ready; one transaction each. */
static void deploy(struct world *w)
{
    struct step *const *steps;

    while (world_candidates(w, &steps) > 0) {
        char name[40];
        snprintf(name, sizeof name, "dse-%d-node", step_requirement(steps[0])->pod_index);
        world_launch_step(w, steps[0]);
        world_status(w, name, TASK_STATE__TASK_STARTING, false);
        world_status(w, name, RUNNING, true);
        plans_client_state(w->plans, w->now);
        txn_free(w->txn);
        w->txn = txn_new();
    }
}

static void copy_below(const struct tree_node *node, const char *path, struct tree *to)
{
    for (struct tree_node *n = tree_first(node); n; n = tree_next(n)) {
        auto_free char *below = xasprintf("%s%s%s", path, *path ? "/" : "", tree_node_name(n));
        tree_put(to, below, tree_node_data(n), tree_node_len(n));
        copy_below(n, below, to);
    }
}

static void start(struct world *w, double *least)
{
    struct err err = ERR_INIT;
    struct tree *tree = tree_new();

    copy_below(tree_find(state_tree(w->state), ""), "", tree);
    struct state *old = w->state;
    const double begun = cpu_s() * 1e3;
    w->state = state_new();
    if (state_load(w->state, tree, &err) < 0)
        world_die("load", &err);
    struct plans *plans = world_derive(w);
    keep_least(least, cpu_s() * 1e3 - begun);
    plans_free(plans);
    state_free(w->state);
    w->state = old;
}

static struct result measure(int count)
{
    struct result r = {0};
    char pods[40];

    snprintf(pods, sizeof pods, "dse:%d:node", count);
    for (int i = 0; i < RUNS; i++) {
        struct world w;
        world_init(&w, pods, NULL);
        const double begun = cpu_s() * 1e3;
        deploy(&w);
        keep_least(&r.deploy, cpu_s() * 1e3 - begun);
        start(&w, &r.start);
        const double shown = cpu_s() * 1e3;
        world_restart(&w);
        world_tree(&w, "deploy");
        keep_least(&r.show, cpu_s() * 1e3 - shown);
        world_release(&w);
    }
    return r;
}

/* Memory stays with the process. Else the few would run in memory from the run before and the many,
 * whose blocks are large enough to be mapped, would pay the kernel for each page again. */
static void keep_memory(void)
{
    mallopt(M_MMAP_THRESHOLD, 1 << 30);
    mallopt(M_TRIM_THRESHOLD, 1 << 30);
    mallopt(M_TOP_PAD, 1 << 27);
}

int main(void)
{
    keep_memory();
    const struct result few = measure(FEW), many = measure(MANY);
    const double deploying = many.deploy / few.deploy, starting = many.start / few.start,
                 showing = many.show / few.show;
    const double goal = 10.5;

    printf("{\"bench\":\"plan\",\"few\":%d,\"many\":%d,\"deploy_ms\":[%.2f,%.2f],"
           "\"deploy_ratio\":%.1f,\"start_ms\":[%.2f,%.2f],\"start_ratio\":%.1f,"
           "\"show_ms\":[%.2f,%.2f],\"show_ratio\":%.1f,\"goal\":%.1f}\n",
           FEW, MANY, few.deploy, many.deploy, deploying, few.start, many.start, starting, few.show,
           many.show, showing, goal);
    return deploying > goal || starting > goal || showing > goal;
}
