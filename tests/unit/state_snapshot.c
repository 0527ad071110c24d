/* What is read beside a busy writer is a moment between two transactions, on each back end. */
#include "state_store.h"
#include "tap.h"

/* Each transaction gives all nodes the same data, so a tree in which they
 * differ is torn. The writer changes them some times while each tree is read, then rests. */
struct beside {
    struct loop *loop;
    struct store *writer, *reader;
    int changes, looks, torn;
};
enum { SAME_NODES = 300, CHANGES = 3, LOOKS = 30 };

static void change_all(void *ctx, const struct err *err)
{
    struct beside *beside = ctx;

    CHECK(!err);
    if (err || beside->changes++ % CHANGES == 0)
        return;
    auto_free char *data = xasprintf("%d", beside->changes);
    struct txn *txn = txn_new();
    for (int i = 0; i < SAME_NODES; i++) {
        auto_free char *path = xasprintf("n%d", i);
        txn_set(txn, path, data, (ssize_t)strlen(data));
    }
    store_submit(beside->writer, txn, change_all, beside);
}

static void look_again(void *ctx, struct tree *tree, const struct err *err)
{
    struct beside *beside = ctx;
    const struct tree_node *first = tree ? tree_find(tree, "n0") : NULL;

    CHECK(!err && first);
    for (int i = 0; first && i < SAME_NODES; i++) {
        auto_free char *path = xasprintf("n%d", i);
        const struct tree_node *n = tree_find(tree, path);
        if (!n || strcmp(tree_node_data(n), tree_node_data(first)) != 0) {
            beside->torn++;
            break;
        }
    }
    tree_free(tree);
    if (err || beside->looks++ == LOOKS) {
        loop_stop(beside->loop, 0);
        return;
    }
    store_load_async(beside->reader, "", look_again, beside);
    if (store_pending(beside->writer) == 0)
        change_all(beside, NULL);
}

static struct store *open_writer(const char *url, struct loop *loop)
{
    const struct store_options options = {.create_root = true, .loop = loop};
    const struct lock_options lock = {.holder = "dse-offers test 1", .wait_ms = 0};
    struct err err = ERR_INIT;
    struct store *store = store_open(url, &options, &err);

    if (!store || store_lock(store, &lock, &err) < 0) {
        printf("Bail out! %s\n", err.text);
        exit(1);
    }
    return store;
}

static void read_beside_a_writer(const char *url)
{
    struct err err = ERR_INIT;
    struct loop *loop = loop_new(&err);
    struct beside beside = {.loop = loop, .writer = open_writer(url, loop), .changes = 1};
    const struct store_options options = {.loop = loop, .snapshots = true};
    struct txn *txn = txn_new();

    beside.reader = store_open(url, &options, &err);
    CHECK(beside.reader);
    for (int i = 0; i < SAME_NODES; i++) {
        auto_free char *path = xasprintf("n%d", i);
        txn_create(txn, path, "0", 1);
    }
    CHECK_INT(store_commit(beside.writer, txn, &err), 0);
    store_load_async(beside.reader, "", look_again, &beside);
    loop_run(loop);
    CHECK_INT(beside.torn, 0);
    CHECK(beside.changes > LOOKS);
    store_close(beside.reader);
    store_close(beside.writer);
    loop_free(loop);
}

static void in_memory(void)
{
    read_beside_a_writer("mem:snapshot");
}

static void in_a_directory(void)
{
    auto_free char *dir = scratch_dir();
    auto_free char *url = xasprintf("dir:%s/store", dir);

    read_beside_a_writer(url);
    scratch_remove(dir);
}

/* DSE_TEST_ZK names a server as HOST:PORT (tests/bats/zk.bats starts one). */
static void in_zookeeper(void)
{
    const char *server = getenv("DSE_TEST_ZK");
    auto_free char *url = xasprintf("zk://%s/snapshot-%ld", server, (long)getpid());

    if (server)
        read_beside_a_writer(url);
}

TAP_MAIN(TEST(in_memory), TEST(in_a_directory), TEST(in_zookeeper))
