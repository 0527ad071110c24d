/* The directory store against kill -9 at every crash point, against a torn journal, and against
 * readers beside the writer. */
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include "state/dir_journal.h"
#include "state_store.h"
#include "tap.h"

enum { TXNS = 12, PER_SESSION = 5, BATCH_FROM = 10 };

static uint64_t seed;

static struct store *open_store(const char *dir)
{
    auto_free char *url = xasprintf("dir:%s/store", dir);
    struct store_options options = {.create_root = true};
    struct err err = ERR_INIT;
    struct store *store = store_open(url, &options, &err);

    if (!store) {
        fprintf(stderr, "# %s\n", err.text);
        exit(9);
    }
    return store;
}

static void must(int result, const struct err *err)
{
    if (result == 0)
        return;
    fprintf(stderr, "# %s\n", err->text);
    exit(9);
}

static void count_done(void *ctx, const struct err *err)
{
    must(err ? -1 : 0, err);
    if (write(*(int *)ctx, "x", 1) != 1)
        exit(9);
}

/* In a child: transactions `from`.. in sessions, telling each that is done to `report`. */
static void run_writer(const char *dir, int from, int report)
{
    const struct lock_options lock = {.holder = "test", .wait_ms = 5000};
    auto_tree struct tree *model = tree_new();
    struct idgen ids = {.seed = seed};
    struct store *store = NULL;
    struct err err = ERR_INIT;

    for (int i = 0; i < TXNS; i++) {
        struct txn *txn = random_txn(model, &ids);
        if (i < from) {
            txn_free(txn);
            continue;
        }
        if (store && i % PER_SESSION == 0) {
            store_close(store); /* empties the journal */
            store = NULL;
        }
        if (!store) {
            store = open_store(dir);
            must(store_lock(store, &lock, &err), &err);
        }
        if (i < BATCH_FROM) {
            must(store_commit(store, txn, &err), &err);
            count_done(&report, NULL);
            continue;
        }
        store_submit(store, txn, count_done, &report); /* the last ones together */
    }
    if (store && store_pending(store))
        must(store_commit(store, txn_new(), &err), &err);
    store_close(store);
}

/* Runs it with a crash at point `at` (0: none). Returns the signal or status; *ret_done counts the
 * transactions that it was told of. */
static int writer_process(const char *dir, int from, int at, int *ret_done)
{
    char bytes[TXNS + 1];
    int ends[2], status;

    if (pipe(ends) < 0)
        exit(9);
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        auto_free char *text = xasprintf("%d", at);
        const int null = open("/dev/null", O_WRONLY);
        setenv("DSE_CRASH_AT", text, 1);
        if (at)
            dup2(null, STDERR_FILENO);
        close(ends[0]);
        run_writer(dir, from, ends[1]);
        _exit(0);
    }
    close(ends[1]);
    *ret_done = 0;
    for (ssize_t n; (n = read(ends[0], bytes, sizeof bytes)) > 0;)
        *ret_done += (int)n;
    close(ends[0]);
    waitpid(pid, &status, 0);
    return WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status) ? -1 : 0;
}

static struct tree *model_after(int count)
{
    struct tree *model = tree_new();
    struct idgen ids = {.seed = seed};

    for (int i = 0; i < count; i++)
        txn_free(random_txn(model, &ids));
    return model;
}

/* How many transactions the stored tree shows, looking only in [least, most]; -1: no prefix. */
static int prefix_of(const struct tree *tree, int least, int most)
{
    for (int n = least; n <= most; n++) {
        auto_tree struct tree *model = model_after(n);
        if (tree_equal(tree, model, false))
            return n;
    }
    return -1;
}

static struct tree *read_store(const char *dir)
{
    struct store *store = open_store(dir);
    struct err err = ERR_INIT;
    struct tree *tree = store_load(store, "", &err);

    if (!tree)
        printf("# %s\n", err.text);
    store_close(store);
    return tree;
}

/* Every crash leaves the transactions told of, and perhaps more of those on their way, each whole;
 * what comes next begins there. */
static void killed_at_every_point_of(uint64_t with_seed)
{
    int at, again = 1, points = 0;

    seed = with_seed;
    printf("# seed %d\n", (int)seed);
    for (at = 1;; at++) {
        auto_free char *dir = scratch_dir();
        int done, more;
        int end = writer_process(dir, 0, at, &done);
        auto_tree struct tree *tree = read_store(dir);
        const int most = done < BATCH_FROM ? done + 1 : TXNS;
        int n = prefix_of(tree, done, most);
        CHECK(n >= 0);
        if (n < 0)
            printf("# point %d: %d done, no prefix\n", at, done);
        /* Kill the recovery, too, at a point that moves. */
        if (end == SIGKILL && n >= 0) {
            again = again % 17 + 1;
            end = writer_process(dir, n, again, &more);
            auto_tree struct tree *second = read_store(dir);
            int m = prefix_of(second, n, TXNS);
            CHECK(m >= n + more);
            CHECK_INT(writer_process(dir, m < 0 ? 0 : m, 0, &more), 0);
            auto_tree struct tree *last = read_store(dir), *want = model_after(TXNS);
            CHECK(tree_equal(last, want, false));
            end = SIGKILL;
        }
        scratch_remove(dir);
        if (tap_failures || end == 0)
            break;
        CHECK_INT(end, SIGKILL);
        points++;
    }
    printf("# %d crash points\n", points);
    CHECK(points > 100);
}

static size_t whole_records(const char *dir)
{
    auto_free char *path = xasprintf("%s/store", dir);
    auto_close int root = open(path, O_RDONLY | O_DIRECTORY);
    auto_journal_image struct journal_image image;
    struct err err = ERR_INIT;

    CHECK_INT(journal_read(root, &image, &err), 0);
    return image.valid;
}

static void killed_at_every_point(void)
{
    for (uint64_t s = 41; s < 45 && !tap_failures; s++)
        killed_at_every_point_of(s);
}

/* The last record, written but not carried out, cut at every length and damaged at every byte. */
static void torn_journal(void)
{
    auto_free char *dir = scratch_dir();
    auto_free char *path = xasprintf("%s/store/" JOURNAL_NAME, dir);
    auto_buf struct buf whole = BUF_INIT;
    struct err err = ERR_INIT;
    int done, at = 0;

    seed = 42;

    /* Look for the crash point behind the writing of the journal, at the fourth transaction. */
    do {
        scratch_remove(dir);
        CHECK_INT(mkdir(dir, 0700), 0);
        writer_process(dir, 0, ++at, &done);
        auto_tree struct tree *tree = read_store(dir);
        if (done == 3 && prefix_of(tree, 4, 4) == 4)
            break;
    } while (at < 200);
    CHECK_INT(io_read_file(path, 1 << 20, &whole, &err), 0);
    CHECK_INT(truncate(path, (off_t)whole.len - 1), 0);
    const size_t third_ends = whole_records(dir);
    CHECK(third_ends > JOURNAL_HEADER && third_ends < whole.len);
    int got_four = 0;
    for (size_t len = whole.len; len > third_ends; len--) {
        CHECK_INT(io_replace_file(path, whole.data, len, 0600, false, &err), 0);
        auto_tree struct tree *tree = read_store(dir);
        int n = prefix_of(tree, 3, 4);
        got_four += n == 4;
        CHECK(n == 3 || len == whole.len);
        whole.data[len - 1] ^= 0x40;
        CHECK_INT(io_replace_file(path, whole.data, len, 0600, false, &err), 0);
        auto_tree struct tree *damaged = read_store(dir);
        CHECK_INT(prefix_of(damaged, 3, 4), 3);
        whole.data[len - 1] ^= 0x40;
    }
    CHECK_INT(got_four, 1);
    CHECK_INT(io_replace_file(path, "rubbish", 7, 0600, false, &err), 0);
    struct store *store = open_store(dir);
    CHECK(!store_load(store, "", &err));
    CHECK_INT(err.status, EXIT_INPUT);
    store_close(store);
    scratch_remove(dir);
}

/* ---- beside the writer ---- */

enum { ROUNDS = 2000, FILL = 12000 };

static void set_or_create(struct txn *txn, bool there, const char *path, const void *data, int len)
{
    if (there)
        txn_set(txn, path, data, len);
    else
        txn_create(txn, path, data, len);
}

/* All of a round's nodes change together; one comes and goes. */
static void run_rounds(const char *dir)
{
    const struct lock_options lock = {.holder = "rounds", .wait_ms = 5000};
    struct store *store = open_store(dir);
    struct err err = ERR_INIT;
    auto_free char *data = xcalloc(1, FILL);

    must(store_lock(store, &lock, &err), &err);
    for (int i = 0; i < ROUNDS; i++) {
        struct txn *txn = txn_new();
        snprintf(data, FILL, "%d", i);
        set_or_create(txn, i > 0, "a", data, FILL);
        if (i % 2)
            txn_create(txn, "a/odd", data, 10);
        else if (i)
            txn_delete(txn, "a/odd");
        set_or_create(txn, i > 0, "z", data, FILL);
        must(store_commit(store, txn, &err), &err);
    }
    store_close(store);
}

static void readers_see_whole_transactions(void)
{
    auto_free char *dir = scratch_dir();
    int status, last = -1, seen = 0, reads = 0;

    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        run_rounds(dir);
        _exit(0);
    }
    for (bool running = true; running && !tap_failures; reads++) {
        running = waitpid(pid, &status, WNOHANG) == 0;
        auto_tree struct tree *tree = read_store(dir);
        const struct tree_node *a = tree_find(tree, "a"), *z = tree_find(tree, "z");
        CHECK(!a == !z);
        if (!a || !z)
            continue;
        const int round = atoi(tree_node_data(a));
        CHECK_INT(atoi(tree_node_data(z)), round);
        CHECK_INT(tree_node_len(a), FILL);
        CHECK_INT(tree_node_len(z), FILL);
        CHECK_INT(tree_node_child_count(a), round % 2);
        CHECK(round >= last);
        seen += round != last;
        last = round;
    }
    CHECK_INT(status, 0);
    CHECK_INT(last, ROUNDS - 1);
    CHECK(seen > 1);
    printf("# %d reads saw %d states\n", reads, seen);
    scratch_remove(dir);
}

enum { POSTS = 60 };

/* Posts go on while the writer writes into the same parent, is killed and replays. */
static void posts_beside_a_writer(void)
{
    auto_free char *dir = scratch_dir();
    struct store *store = open_store(dir);
    struct err err = ERR_INIT;
    int status;

    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        struct store *writer = open_store(dir);
        const struct lock_options lock = {.holder = "writer", .wait_ms = 5000};
        must(store_lock(writer, &lock, &err), &err);
        struct tree *tree = store_load(writer, "", &err);
        if (!tree_find(tree, "Toolkit")) {
            struct txn *txn = txn_new();
            txn_create(txn, "Toolkit", "", 0);
            txn_create(txn, "Toolkit/requests", "", 0);
            /* A tool may have been faster: then it is there. */
            if (store_commit(writer, txn, &err) < 0 && err.status != EXIT_LOCKED)
                exit(9);
        }
        tree_free(tree);
        store_close(writer);
        writer = open_store(dir);
        must(store_lock(writer, &lock, &err), &err);
        for (int i = 0; i < 1000000; i++) {
            struct txn *txn = txn_new();
            auto_free char *path = xasprintf("Toolkit/requests/own-%d", i);
            auto_free char *old = xasprintf("Toolkit/requests/own-%d", i - 1);
            txn_create(txn, path, "1", 1);
            if (i)
                txn_delete(txn, old);
            must(store_commit(writer, txn, &err), &err);
        }
        _exit(1);
    }
    for (int i = 0; i < POSTS; i++) {
        auto_free char *path = xasprintf("Toolkit/requests/post-%d", i);
        auto_free char *data = xasprintf("request %d", i);
        int posted = store_post(store, path, data, strlen(data), &err);
        CHECK_INT(posted, 0);
        if (posted < 0)
            printf("# %s\n", err.text);
        CHECK_INT(store_post(store, path, data, strlen(data), &err), -1);
        CHECK_INT(err.status, EXIT_LOCKED);
    }
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    CHECK(WIFSIGNALED(status));
    for (int round = 0; round < 2; round++) {
        auto_tree struct tree *tree = store_load(store, "Toolkit", &err);
        for (int i = 0; i < POSTS; i++) {
            auto_free char *path = xasprintf("Toolkit/requests/post-%d", i);
            auto_free char *data = xasprintf("request %d", i);
            const struct tree_node *n = tree_find(tree, path);
            CHECK_STR(n ? tree_node_data(n) : "(gone)", data);
        }
        const struct lock_options lock = {.holder = "next", .wait_ms = 1000};
        if (round == 0)
            CHECK_INT(store_lock(store, &lock, &err), 0); /* replays */
    }
    store_close(store);
    scratch_remove(dir);
}

TAP_MAIN(TEST(killed_at_every_point), TEST(torn_journal), TEST(readers_see_whole_transactions),
         TEST(posts_beside_a_writer))
