/* Plans of many pods ÷ plans of few: deriving them at start, with loading the state that they come
 * from, and printing them; at most 10.5 for 10 000 ÷ 1 000 tasks (design, section 7). What
 * deploying and deriving anew cost the plans is printed without a goal: cycle_deploy has the whole
 * of a deployment. CPU, few and many by turns, medians. Prints one line of JSON. */
#include <malloc.h>
#include <string.h>
#include <unistd.h>

#include "../unit/plan_fixture.h"
#include "state/inspect.h"
#include "state/store.h"

#include "bench.h"

enum { FEW = 1000, MANY = 10000, RUNS = 11 };

/* Milliseconds of each run. */
struct result {
    double deploy[RUNS], start[RUNS], rederive[RUNS], print[RUNS];
};

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

/* A start and a client find nothing of the state in the caches. */
static void empty_caches(void)
{
    enum { BYTES = 1 << 26 };
    static char *other;

    if (!other)
        other = xcalloc(1, BYTES);
    memset(other, *other + 1, BYTES);
}

static void check(bool ok, const char *what, const struct err *err)
{
    if (!ok)
        world_die(what, err);
}

/* Writes the state into a store in a new folder, whose URL it returns. */
static char *stored(struct world *w)
{
    struct err err = ERR_INIT;
    const char *parent = getenv("TMPDIR");
    char *url = xasprintf("dir:%s/dse-bench.XXXXXX", parent ? parent : "/dev/shm");
    auto_tree struct tree *nothing = tree_new();
    struct txn *all = txn_new();

    check(mkdtemp(strchr(url, ':') + 1), "mkdtemp", &err);
    struct store *store = store_open(url, &(struct store_options){.create_root = true}, &err);
    check(store, "store_open", &err);
    tree_difference(nothing, state_tree(w->state), all);
    check(store_commit(store, all, &err) == 0, "store_commit", &err);
    store_close(store);
    return url;
}

static void remove_stored(char *url)
{
    auto_free char *command = xasprintf("rm -rf %s", strchr(url, ':') + 1);

    if (system(command) != 0)
        exit(1);
    free(url);
}

/* From what is stored to the plans. */
static double start(struct world *w)
{
    struct err err = ERR_INIT;
    char *url = stored(w);
    struct state *old = w->state;

    empty_caches();
    const double begun = cpu_s();
    struct store *store = store_open(url, &(struct store_options){0}, &err);
    check(store, "store_open", &err);
    struct tree *tree = store_load(store, "", &err);
    check(tree, "store_load", &err);
    w->state = state_new();
    check(state_load(w->state, tree, &err) == 0, "state_load", &err);
    struct plans *plans = world_derive(w);
    const double spent = cpu_s() - begun;
    plans_free(plans);
    state_free(w->state);
    w->state = old;
    store_close(store);
    remove_stored(url);
    return spent * 1e3;
}

static void run(int count, int i, struct result *ret)
{
    struct world w;
    char pods[40];

    snprintf(pods, sizeof pods, "dse:%d:node", count);
    world_init(&w, pods, NULL);
    double begun = cpu_s();
    deploy(&w);
    ret->deploy[i] = (cpu_s() - begun) * 1e3;
    ret->start[i] = start(&w);
    begun = cpu_s();
    world_restart(&w);
    ret->rederive[i] = (cpu_s() - begun) * 1e3;
    empty_caches();
    begun = cpu_s();
    world_tree(&w, "deploy");
    ret->print[i] = (cpu_s() - begun) * 1e3;
    world_release(&w);
}

/* Prints both and their ratio, which it returns. */
static double report(const char *name, double *few, double *many)
{
    const double a = median(few, RUNS), b = median(many, RUNS);

    printf(",\"%s_ms\":[%.2f,%.2f],\"%s_ratio\":%.2f", name, a, b, name, b / a);
    return b / a;
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
    const double goal = 10.5;
    static struct result few, many;

    keep_memory();
    for (int i = 0; i < RUNS; i++) {
        run(FEW, i, &few);
        run(MANY, i, &many);
    }
    printf("{\"bench\":\"plan\",\"few\":%d,\"many\":%d", FEW, MANY);
    const double starting = report("start", few.start, many.start);
    const double printing = report("print", few.print, many.print);
    report("deploy", few.deploy, many.deploy);
    report("rederive", few.rederive, many.rederive);
    printf(",\"goal\":%.1f}\n", goal);
    return starting > goal || printing > goal;
}
