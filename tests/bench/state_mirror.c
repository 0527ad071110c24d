/* The mirror of many tasks: CPU of loading ÷ CPU of building the same tree, memory ÷ stored bytes,
 * CPU of recording launches ÷ packing the same messages, each with few and with many tasks
 * (design, section 7). Prints one line of JSON. */
#include <malloc.h>

#include "../unit/state_example.h"
#include "state/store_impl.h"

#include "bench.h"

static size_t heap(void)
{
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

struct records {
    struct buf info, status;
};

/* A pod of one task with four variables, and its status. */
static void make_records(struct example *e, int index, TaskInfo **info, TaskStatus **status)
{
    *info = example_task(e, "hello", index, "server");
    (*info)->command->environment->n_variables = 4;
    (*info)->check->command->command->environment->n_variables = 4;
    *status = pb_copy(e->status, &e->arena);
    (*status)->task_id = (*info)->task_id;
    (*status)->executor_id = (*info)->executor->executor_id;
}

static void fill(struct tree *tree, TaskInfo **infos, TaskStatus **statuses, int count)
{
    for (int i = 0; i < count; i++) {
        auto_free char *info = xasprintf("Tasks/%s/TaskInfo", infos[i]->name);
        auto_free char *status = xasprintf("Tasks/%s/TaskStatus", infos[i]->name);
        put_bytes(tree, info, infos[i]);
        put_bytes(tree, status, statuses[i]);
    }
}

struct result {
    double build, load, pack, record, heap_ratio;
};

static struct result measure(int count)
{
    struct example e = example_new();
    TaskInfo **infos = xcalloc((size_t)count, sizeof *infos);
    TaskStatus **statuses = xcalloc((size_t)count, sizeof *statuses);
    struct result r;
    struct err err = ERR_INIT;

    for (int i = 0; i < count; i++)
        make_records(&e, i, &infos[i], &statuses[i]);
    /* Loading. */
    const size_t heap_before = heap();
    struct tree *tree = tree_new();
    double t = cpu_s();
    fill(tree, infos, statuses, count);
    r.build = cpu_s() - t;
    const size_t stored = tree_bytes(tree);
    struct state *state = state_new();
    t = cpu_s();
    state_load(state, tree, &err);
    r.load = cpu_s() - t;
    if (state_task_count(state) != (size_t)count)
        exit(1);
    r.heap_ratio = (double)(heap() - heap_before) / (double)stored;
    state_free(state);
    /* Recording launches, as a writer does. */
    t = cpu_s();
    for (int i = 0; i < count; i++) {
        auto_buf struct buf a = BUF_INIT, b = BUF_INIT;
        pb_pack(infos[i], &a);
        pb_pack(statuses[i], &b);
    }
    r.pack = cpu_s() - t;
    state = state_new();
    auto_tree struct tree *stored_tree = tree_new();
    t = cpu_s();
    for (int i = 0; i < count; i++) {
        struct txn *txn = txn_new();
        state_put_task_info(state, txn, infos[i]);
        state_put_task_status(state, txn, infos[i]->name, statuses[i]);
        txn_apply(txn, stored_tree);
        txn_free(txn);
    }
    r.record = cpu_s() - t;
    state_free(state);
    free(infos);
    free(statuses);
    example_release(&e);
    return r;
}

int main(void)
{
    measure(1000); /* warm up */
    const struct result few = measure(1000), many = measure(10000);

    printf("{\"bench\":\"state_mirror\",\"tasks\":10000,\"build_ms\":%.1f,\"load_ms\":%.1f,"
           "\"load_to_build\":%.2f,\"heap_to_stored\":%.2f,\"heap_goal\":2,\"pack_ms\":%.1f,"
           "\"record_ms\":%.1f,\"record_to_pack\":%.2f,\"load_10000_to_1000\":%.2f,"
           "\"record_10000_to_1000\":%.2f,\"scale_goal\":10.5}\n",
           many.build * 1e3, many.load * 1e3, many.load / many.build, many.heap_ratio,
           many.pack * 1e3, many.record * 1e3, many.record / many.pack, many.load / few.load,
           many.record / few.record);
    return 0;
}
