/* The ZooKeeper store beside bare use of the client library (design, section 7), on the server that
 * DSE_BENCH_ZK names as HOST:PORT; tests/bench/zk.sh starts one. Without it there is nothing to
 * measure.
 *   state_zk fill N   stores N tasks
 *   state_zk raw      reads the tree with bare pipelined requests, once (for counting packets)
 *   state_zk load     the same by the store
 *   state_zk          times: both reads, and a launch's transaction beside a bare multi; one line
 */
#include <pthread.h>
#include <unistd.h>
#include <zookeeper/zookeeper.h>

#include "../unit/state_example.h"
#include "state/store_impl.h"

#include "bench.h"

#define ROOT "/dcos-service-bench"
enum { ROUNDS = 7, LAUNCHES = 300 };

static void die(const char *what)
{
    fprintf(stderr, "state_zk: %s\n", what);
    exit(1);
}

static struct store *open_store(const char *server, struct loop *loop)
{
    auto_free char *url = xasprintf("zk://%s" ROOT, server);
    const struct store_options options = {.create_root = true, .loop = loop, .timeout_ms = 60000};
    struct err err = ERR_INIT;
    struct store *store = store_open(url, &options, &err);

    if (!store)
        die(err.text);
    return store;
}

/* ---- filling ---- */

static void fill(const char *server, int count)
{
    struct example e = example_new();
    struct store *store = open_store(server, NULL);
    const struct lock_options lock = {.holder = "bench", .wait_ms = 0};
    struct tree *tree = example_tree(&e), *nothing = tree_new();
    struct txn *txn = txn_new();
    struct err err = ERR_INIT;

    tree_delete(tree, "lock");
    for (int i = 0; i < count; i++) {
        auto_free char *info = xasprintf("Tasks/hello-%d-server/TaskInfo", i);
        auto_free char *status = xasprintf("Tasks/hello-%d-server/TaskStatus", i);
        put_bytes(tree, info, example_task(&e, "hello", i, "server"));
        put_bytes(tree, status, e.status);
    }
    for (const struct tree_node *n = tree_walk(tree_root(tree), tree_root(tree)); n;
         n = tree_walk(tree_root(tree), n)) {
        auto_buf struct buf path = BUF_INIT;
        tree_node_path(n, &path);
        txn_border(txn);
        txn_create(txn, buf_str(&path), tree_node_data(n), tree_node_len(n));
    }
    if (store_lock(store, &lock, &err) < 0 || store_commit(store, txn, &err) < 0)
        die(err.text);
    tree_free(tree);
    tree_free(nothing);
    store_close(store);
    example_release(&e);
}

/* ---- bare use of the library ---- */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static size_t open_requests;
static int failed;

static void answered(int rc)
{
    pthread_mutex_lock(&mutex);
    failed |= rc != ZOK;
    if (--open_requests == 0)
        pthread_cond_signal(&cond);
    pthread_mutex_unlock(&mutex);
}

static void on_data(int rc, const char *value, int len, const struct Stat *stat, const void *ctx)
{
    (void)value;
    (void)len;
    (void)stat;
    (void)ctx;
    answered(rc);
}

static void on_list(int rc, const struct String_vector *list, const void *ctx)
{
    (void)list;
    (void)ctx;
    answered(rc);
}

static void on_multi(int rc, const void *ctx)
{
    (void)ctx;
    answered(rc);
}

static void add_request(void)
{
    pthread_mutex_lock(&mutex);
    open_requests++;
    pthread_mutex_unlock(&mutex);
}

static void wait_all(void)
{
    pthread_mutex_lock(&mutex);
    while (open_requests)
        pthread_cond_wait(&cond, &mutex);
    pthread_mutex_unlock(&mutex);
    if (failed)
        die("a bare request failed");
}

static zhandle_t *connect_bare(const char *server)
{
    zhandle_t *zk = zookeeper_init2(server, NULL, 10000, NULL, NULL, ZOO_NO_LOG_CLIENTENV, NULL);

    for (int i = 0; zk && zoo_state(zk) != ZOO_CONNECTED_STATE && i < 1000; i++)
        nanosleep(&(struct timespec){0, 10000000}, NULL);
    if (!zk || zoo_state(zk) != ZOO_CONNECTED_STATE)
        die("cannot connect");
    /* Else it resolves the name at each turn, and is no floor. */
    zoo_set_servers_resolution_delay(zk, 30000);
    return zk;
}

/* All nodes of a tree that is known already: data of each, children of those that have some. */
static double read_bare(zhandle_t *zk, const struct tree *tree)
{
    const double begun = now_s();

    add_request(); /* so that the count is zero only behind the last */
    for (const struct tree_node *n = tree_root(tree); n; n = tree_walk(tree_root(tree), n)) {
        auto_buf struct buf path = BUF_INIT;
        buf_adds(&path, ROOT);
        if (n != tree_root(tree))
            buf_addc(&path, '/');
        tree_node_path(n, &path);
        add_request();
        if (zoo_aget(zk, buf_str(&path), 0, on_data, NULL) != ZOK)
            die("cannot send");
        if (!tree_node_child_count(n))
            continue;
        add_request();
        if (zoo_aget_children(zk, buf_str(&path), 0, on_list, NULL) != ZOK)
            die("cannot send");
    }
    answered(ZOK);
    wait_all();
    return now_s() - begun;
}

static double launch_bare(zhandle_t *zk, const struct txn *txn)
{
    zoo_op_t ops[8];
    zoo_op_result_t results[8];
    char paths[8][200];
    const double begun = now_s();
    int count = 0;

    for (size_t i = 0; i < txn_count(txn); i++, count++) {
        const struct txn_op *op = txn_op(txn, i);
        snprintf(paths[i], sizeof paths[i], ROOT "/%s", op->path);
        zoo_create_op_init(&ops[i], paths[i], op->data, (int)op->len, &ZOO_OPEN_ACL_UNSAFE, 0, NULL,
                           0);
    }
    add_request();
    if (zoo_amulti(zk, count, ops, results, on_multi, NULL) != ZOK)
        die("cannot send");
    wait_all();
    return now_s() - begun;
}

/* ---- the store ---- */

static double read_store(struct store *store)
{
    struct err err = ERR_INIT;
    const double begun = now_s();
    struct tree *tree = store_load(store, "", &err);
    struct state *state = state_new();

    if (!tree || state_load(state, tree, &err) < 0)
        die(err.text);
    const double took = now_s() - begun;
    state_free(state);
    return took;
}

static void stop_loop(void *ctx, const struct err *err)
{
    if (err)
        die(err->text);
    loop_stop(ctx, 0);
}

static struct txn *launch_txn(struct example *e, const char *kind, int index)
{
    struct txn *txn = txn_new();
    auto_buf struct buf info = BUF_INIT, status = BUF_INIT;
    auto_free char *name = xasprintf("Tasks/%s-%d-server", kind, index);
    auto_free char *info_path = xasprintf("%s/TaskInfo", name);
    auto_free char *status_path = xasprintf("%s/TaskStatus", name);

    pb_pack(e->info, &info);
    pb_pack(e->status, &status);
    txn_create(txn, name, "", 0);
    txn_create(txn, info_path, info.data, (ssize_t)info.len);
    txn_create(txn, status_path, status.data, (ssize_t)status.len);
    return txn;
}

static int times(const char *server)
{
    struct err err = ERR_INIT;
    struct loop *loop = loop_new(&err);
    struct store *store = open_store(server, loop);
    zhandle_t *zk = connect_bare(server);
    struct example e = example_new();
    const struct lock_options lock = {.holder = "bench", .wait_ms = 0};
    double bare[ROUNDS], ours[ROUNDS], multi[LAUNCHES], submit[LAUNCHES];
    auto_tree struct tree *tree = store_load(store, "", &err);

    if (!tree)
        die(err.text);
    tree_delete(tree, "lock");
    const size_t nodes = tree_count(tree);
    for (int i = 0; i < ROUNDS; i++) {
        bare[i] = read_bare(zk, tree);
        ours[i] = read_store(store);
    }
    if (store_lock(store, &lock, &err) < 0)
        die(err.text);
    for (int i = 0; i < LAUNCHES; i++) {
        struct txn *txn = launch_txn(&e, "bare", i);
        multi[i] = launch_bare(zk, txn);
        txn_free(txn);
        txn = launch_txn(&e, "ours", i);
        const double begun = now_s();
        store_submit(store, txn, stop_loop, loop);
        loop_run(loop);
        submit[i] = now_s() - begun;
    }
    const double read_ratio = median(ours, ROUNDS) / median(bare, ROUNDS);
    const double launch_ratio = median(submit, LAUNCHES) / median(multi, LAUNCHES);
    printf("{\"bench\":\"state_zk\",\"nodes\":%zu,\"read_ms\":%.1f,\"bare_read_ms\":%.1f,"
           "\"read_ratio\":%.2f,\"transaction_us\":%.0f,\"bare_multi_us\":%.0f,"
           "\"transaction_ratio\":%.2f,\"goal\":1.2}\n",
           nodes, median(ours, ROUNDS) * 1e3, median(bare, ROUNDS) * 1e3, read_ratio,
           median(submit, LAUNCHES) * 1e6, median(multi, LAUNCHES) * 1e6, launch_ratio);
    zookeeper_close(zk);
    store_close(store);
    loop_free(loop);
    example_release(&e);
    return read_ratio > 1.2 || launch_ratio > 1.2;
}

int main(int argc, char **argv)
{
    const char *server = getenv("DSE_BENCH_ZK");
    struct err err = ERR_INIT;

    if (!server)
        return 0;
    zoo_set_debug_level(ZOO_LOG_LEVEL_ERROR);
    if (argc == 3 && strcmp(argv[1], "fill") == 0) {
        fill(server, (int)strtol(argv[2], NULL, 10));
        return 0;
    }
    if (argc < 2)
        return times(server);
    struct store *store = open_store(server, NULL);
    if (strcmp(argv[1], "load") == 0) {
        read_store(store);
    } else {
        /* what is there is learnt from a dump on standard input: only the bare read is counted */
        auto_buf struct buf text = BUF_INIT;
        char chunk[65536];
        for (size_t n; (n = fread(chunk, 1, sizeof chunk, stdin)) > 0;)
            buf_add(&text, chunk, n);
        auto_tree struct tree *tree = tree_new();
        for (char *line = strtok(text.data, "\n"); line; line = strtok(NULL, "\n"))
            tree_put(tree, line, "", 0);
        zhandle_t *zk = connect_bare(server);
        read_bare(zk, tree);
        zookeeper_close(zk);
    }
    (void)err;
    store_close(store);
    return 0;
}
