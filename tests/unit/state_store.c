/* The store's contract, on each back end: transactions whole and in order, completions from the
 * loop, failure is final, the lock, watches, posts, requests. */
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "state/request.h"
#include "state_example.h"
#include "state_store.h"
#include "tap.h"

/* Each test runs with "mem:NAME", with "dir:PATH" and, when DSE_TEST_ZK names a server as HOST:PORT
 * (tests/bats/zk.bats starts one), with "zk://HOST:PORT/PATH". */
static const char *url;

static bool on(const char *scheme)
{
    return strncmp(url, scheme, strlen(scheme)) == 0;
}

static struct store *open_url(struct loop *loop)
{
    struct store_options options = {.create_root = true, .loop = loop};
    struct err err = ERR_INIT;
    struct store *store = store_open(url, &options, &err);

    if (!store) {
        printf("Bail out! %s\n", err.text);
        exit(1);
    }
    return store;
}

static void on_zk(void (*test)(void))
{
    const char *server = getenv("DSE_TEST_ZK");
    static int count;

    if (!server)
        return;
    auto_free char *zk_url = xasprintf("zk://%s/test-%ld-%d", server, (long)getpid(), count++);
    const int before = tap_failures;
    url = zk_url;
    test();
    if (tap_failures > before)
        printf("# on %s\n", zk_url);
}

static void on_both(void (*test)(void))
{
    auto_free char *dir = scratch_dir();
    auto_free char *dir_url = xasprintf("dir:%s/store", dir);

    url = "mem:test";
    test();
    if (tap_failures)
        printf("# on mem:\n");
    url = dir_url;
    test();
    scratch_remove(dir);
    on_zk(test);
}
#define ON_BOTH(test)             \
    static void test##_both(void) \
    {                             \
        on_both(test);            \
    }

static void take_lock(struct store *store)
{
    const struct lock_options lock = {.holder = "test host 1", .wait_ms = 1000};
    struct err err = ERR_INIT;

    CHECK_INT(store_lock(store, &lock, &err), 0);
}

static void cleanup_store(struct store **store)
{
    store_close(*store);
}
#define auto_store __attribute__((cleanup(cleanup_store)))

static int commit(struct store *store, struct err *err, const char *ops)
{
    struct txn *txn = txn_new();

    /* "+a =b/c -d ?e", data is the path itself, "~x": null data */
    while (*ops) {
        size_t len = strcspn(ops, " ");
        auto_free char *path = xstrndup(ops + 1, len - 1);
        switch (*ops) {
        case '+':
            txn_create(txn, path, path, (ssize_t)strlen(path));
            break;
        case '~':
            txn_create(txn, path, NULL, -1);
            break;
        case '=':
            txn_set(txn, path, "changed", 7);
            break;
        case '-':
            txn_delete(txn, path);
            break;
        default:
            txn_check(txn, path);
        }
        ops += len + (ops[len] == ' ');
    }
    return store_commit(store, txn, err);
}

/* The tree as "a=data b/c=data ". */
static const char *shown(struct store *store, const char *path)
{
    static struct buf text = BUF_INIT;
    struct err err = ERR_INIT;
    auto_tree struct tree *tree = store_load(store, path, &err);

    buf_clear(&text);
    for (const struct tree_node *n = tree ? tree_walk(tree_root(tree), tree_root(tree)) : NULL; n;
         n = tree_walk(tree_root(tree), n)) {
        if (on("zk:") && strcmp(tree_node_name(n), "lock") == 0)
            continue; /* its own, whose children it leaves out */
        tree_node_path(n, &text);
        buf_addf(&text, "=%s ", tree_node_data(n) ? (const char *)tree_node_data(n) : "(null)");
    }
    if (!tree)
        buf_adds(&text, err.text);
    return buf_str(&text);
}

struct rest {
    bool loaded;
    struct tree *tree;
};

static bool is_two(void *ctx, const char *path)
{
    (void)ctx;
    return strcmp(path, "q/2") == 0;
}

static void rest_loaded(void *ctx, struct tree *tree, const struct err *err)
{
    struct rest *rest = ctx;

    CHECK(!err);
    rest->loaded = true;
    rest->tree = tree;
}

static void what_is_known_is_left_out(void)
{
    auto_store struct store *store = open_url(NULL);
    struct rest rest = {false, NULL};
    struct err err = ERR_INIT;

    CHECK_INT(store_post(store, "q/1", "one", 3, &err), 0);
    CHECK_INT(store_post(store, "q/2", "two", 3, &err), 0);
    CHECK_INT(store_post(store, "q/2/below", "b", 1, &err), 0);
    CHECK_INT(store_post(store, "q/3/below", "c", 1, &err), 0);
    CHECK_STR(shown(store, "q"), "q= q/1=one q/2=two q/2/below=b q/3= q/3/below=c ");
    store_load_rest_async(store, "q", is_two, rest_loaded, &rest);
    CHECK(store_wait(store, &rest.loaded, 10000));
    CHECK(tree_find(rest.tree, "q/1") && tree_find(rest.tree, "q/3/below"));
    CHECK(!tree_find(rest.tree, "q/2"));
    CHECK_INT(tree_node_child_count(tree_find(rest.tree, "q")), 2);
    tree_free(rest.tree);
}
ON_BOTH(what_is_known_is_left_out)

static void transactions(void)
{
    auto_store struct store *store = open_url(NULL);
    struct err err = ERR_INIT;

    take_lock(store);
    CHECK_INT(commit(store, &err, "+a +a/b ~a/n +c"), 0);
    CHECK_STR(shown(store, ""), "a=a a/b=a/b a/n=(null) c=c ");
    CHECK_INT(commit(store, &err, "?a =a/b -c"), 0);
    CHECK_INT(commit(store, &err, "+t +t/x -t/x -t"), 0);
    CHECK_STR(shown(store, ""), "a=a a/b=changed a/n=(null) ");
    CHECK_STR(shown(store, "a/b"), "a= a/b=changed ");
    CHECK_STR(shown(store, "none/of/these"), "");
    if (on("zk:"))
        return; /* there it has these nodes */
    CHECK_INT(commit(store, &err, "+lock +lock/leases +lock/leases/x"), 0);
    CHECK_STR(shown(store, ""), "a=a a/b=changed a/n=(null) lock=lock ");
}
ON_BOTH(transactions)

/* A bad operation anywhere leaves nothing of its transaction and ends all writing. */
static void bad_transactions(void)
{
    static const struct {
        const char *ops;
        enum exit_status status;
        const char *why;
    } rows[] = {
        {"+new +a", EXIT_LOCKED, "cannot create 'a': it exists already"},
        {"+new +x/y", EXIT_LOCKED, "cannot create 'x/y': its parent does not exist"},
        {"+new =x", EXIT_LOCKED, "cannot change 'x': it does not exist"},
        {"+new ?x", EXIT_LOCKED, "cannot find 'x': it does not exist"},
        {"+new -x", EXIT_LOCKED, "cannot delete 'x': it does not exist"},
        {"+new -a", EXIT_LOCKED, "cannot delete 'a': it still has the child 'b'"},
        {"+new -new =new", EXIT_LOCKED, "cannot change 'new': it does not exist"},
        {"+new -a/b +a/c -a", EXIT_LOCKED, "cannot delete 'a': it still has the child 'c'"},
        {"+new +new/.x", EXIT_INPUT, "path 'new/.x' has a part that starts with '.'"},
    };

    auto_store struct store *keep = open_url(NULL); /* mem: goes with its last user */
    struct err err = ERR_INIT;

    CHECK_INT(commit(keep, &err, "+a +a/b"), 0);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        auto_store struct store *store = open_url(NULL);
        take_lock(store);
        CHECK_INT(commit(store, &err, rows[i].ops), -1);
        /* A server does not say which child it is. */
        const char *child = on("zk:") ? strstr(rows[i].why, " the child") : NULL;
        auto_free char *why =
            child ? xasprintf("%.*s a child", (int)(child - rows[i].why), rows[i].why)
                  : xstrdup(rows[i].why);
        CHECK_STR(err.text, why);
        CHECK_INT(err.status, rows[i].status);
        CHECK_INT(commit(store, &err, "+later"), -1);
        CHECK_STR(err.text, why);
        CHECK_STR(shown(store, ""), "a=a a/b=a/b ");
    }
}
ON_BOTH(bad_transactions)

/* ---- pieces ---- */

/* Cut only at borders, the order kept, each piece within the limit where borders allow it. */
static void large_transactions_are_cut(void)
{
    auto_free char *data = xcalloc(1, 100);
    struct txn *txn = txn_new(), *piece;
    auto_buf struct buf shape = BUF_INIT;
    size_t bytes = 0;

    txn_border(txn); /* before all: no border */
    for (int i = 0; i < 9; i++) {
        auto_free char *path = xasprintf("n%d", i);
        txn_create(txn, path, data, 98);
        if (i % 2)
            txn_border(txn);
    }
    const size_t whole = 9 * (100 + TXN_OP_BYTES);
    CHECK(txn_cut(txn, whole) == NULL);
    CHECK_INT(txn_bytes(txn), whole);
    while ((piece = txn_cut(txn, whole / 2)) != NULL) {
        buf_addf(&shape, "%s..%s ", txn_op(piece, 0)->path,
                 txn_op(piece, txn_count(piece) - 1)->path);
        bytes += txn_bytes(piece);
        CHECK(txn_bytes(piece) <= whole / 2);
        txn_free(piece);
    }
    CHECK_STR(buf_str(&shape), "n0..n3 n4..n7 ");
    CHECK_INT(bytes + txn_bytes(txn), whole);
    CHECK_STR(txn_op(txn, 0)->path, "n8");
    txn_free(txn);
}

static void large_changes_arrive(void)
{
    auto_store struct store *store = open_url(NULL);
    auto_free char *data = xmalloc(100000);
    struct txn *txn = txn_new();
    struct err err = ERR_INIT;

    memset(data, 'x', 100000);
    take_lock(store);
    for (int i = 0; i < 12; i++) {
        auto_free char *path = xasprintf("n%d", i);
        txn_border(txn);
        txn_create(txn, path, data, 100000);
    }
    CHECK_INT(store_commit(store, txn, &err), 0);
    auto_tree struct tree *tree = store_load(store, "", &err);
    CHECK(tree && tree_bytes(tree) > 1200000);
}
ON_BOTH(large_changes_arrive)

/* ---- order and the loop ---- */

struct note {
    struct buf text;
    struct loop *loop;
    struct store *store;
};

static void note_done(void *ctx, const struct err *err)
{
    struct note *note = ctx;

    buf_adds(&note->text, err ? "fail " : "done ");
    if (store_pending(note->store) == 0)
        loop_stop(note->loop, 0);
}

static void note_tree(void *ctx, struct tree *tree, const struct err *err)
{
    struct note *note = ctx;

    buf_adds(&note->text, err ? "fail " : tree_find(tree, "b") ? "tree " : "old ");
    tree_free(tree);
    if (store_pending(note->store) == 0)
        loop_stop(note->loop, 0);
}

static struct txn *one(char kind, const char *path)
{
    struct txn *txn = txn_new();

    if (kind == '+')
        txn_create(txn, path, "", 0);
    else if (kind == '-')
        txn_delete(txn, path);
    return txn;
}

static void completions_come_in_order_from_the_loop(void)
{
    struct err err = ERR_INIT;
    struct loop *loop = loop_new(&err);
    struct store *store = open_url(loop);
    struct note note = {.loop = loop, .store = store};

    take_lock(store);
    store_submit(store, one('+', "a"), note_done, &note);
    store_submit(store, one('+', "b"), note_done, &note);
    store_load_async(store, "", note_tree, &note);
    store_submit(store, one(0, ""), note_done, &note);
    store_submit(store, one('+', "b"), note_done, &note);
    store_submit(store, one('-', "a"), note_done, &note);
    CHECK_INT(store_pending(store), 5);
    CHECK_STR(buf_str(&note.text), "");
    loop_run(loop);
    if (on("zk:"))
        loop_run(loop);
    /* A tree of a server takes more than one answer. */
    CHECK_STR(buf_str(&note.text),
              on("zk:") ? "done done done fail fail tree " : "done done tree done fail fail ");
    CHECK_INT(store_pending(store), 0);
    CHECK_STR(shown(store, ""), "a= b= ");
    store_close(store);
    loop_free(loop);
    buf_free(&note.text);
}
ON_BOTH(completions_come_in_order_from_the_loop)

static void close_inside(void *ctx, const struct err *err)
{
    struct note *note = ctx;

    CHECK(!err);
    store_close(note->store);
    note->store = NULL;
    loop_stop(note->loop, 0);
}

static void closing_inside_a_completion(void)
{
    struct err err = ERR_INIT;
    struct loop *loop = loop_new(&err);
    struct note note = {.loop = loop, .store = open_url(loop)};

    take_lock(note.store);
    store_submit(note.store, one('+', "in"), close_inside, &note);
    store_submit(note.store, one('+', "in2"), note_done, &note);
    loop_run(loop);
    loop_once(loop, 0);
    CHECK_STR(buf_str(&note.text), "");
    loop_free(loop);
}
ON_BOTH(closing_inside_a_completion)

/* ---- the lock ---- */

static void lock_excludes(void)
{
    auto_store struct store *a = open_url(NULL), *b = open_url(NULL);
    const struct lock_options wait = {.holder = "second", .wait_ms = 120};
    struct lock_info info = {0};
    struct err err = ERR_INIT;

    CHECK_INT(store_lock_info(b, &info, &err), 0);
    CHECK(!info.held);
    take_lock(a);
    CHECK_INT(store_lock_info(b, &info, &err), 0);
    CHECK(info.held && info.ours);
    CHECK_STR(info.holder, "test host 1");
    int64_t before = loop_now_ms();
    CHECK_INT(store_lock(b, &wait, &err), -1);
    CHECK_INT(err.status, EXIT_LOCKED);
    CHECK(strstr(err.text, "is held by 'test host 1'") != NULL);
    CHECK(loop_now_ms() - before >= 100);
    CHECK_INT(commit(b, &err, "+x"), -1);
    CHECK_INT(err.status, EXIT_LOCKED);
    CHECK_STR(shown(b, ""), "");
    store_close(a);
    a = NULL;
    store_close(b);
    b = open_url(NULL);
    CHECK_INT(commit(b, &err, "+x"), 0); /* without a lock: taken for this one */
    CHECK_INT(store_lock(b, &wait, &err), 0);
    CHECK_INT(store_lock_info(b, &info, &err), 0);
    CHECK_STR(info.holder, "second");
}
ON_BOTH(lock_excludes)

static void note_lost(void *ctx, const struct err *why)
{
    struct note *note = ctx;

    CHECK_INT(why->status, EXIT_LOCKED);
    buf_adds(&note->text, "lost ");
}

static void lost_lock_stops_writing(void)
{
    auto_free char *dir = scratch_dir();
    auto_free char *dir_url = xasprintf("dir:%s/store", dir);
    auto_free char *lock_path = xasprintf("%s/store/.lock", dir);
    struct err err = ERR_INIT;
    struct loop *loop = loop_new(&err);
    const struct lock_options lock = {.holder = "x"};

    url = dir_url;
    struct store *store = open_url(loop);
    struct note note = {.loop = loop, .store = store};
    store_lock_async(store, &lock, note_done, note_lost, &note);
    loop_run(loop);
    CHECK_INT(unlink(lock_path), 0);
    store_submit(store, one('+', "a"), note_done, &note);
    loop_run(loop);
    CHECK_STR(buf_str(&note.text), "done lost fail ");
    CHECK_STR(shown(store, ""), "");
    store_close(store);
    loop_free(loop);
    buf_free(&note.text);
    scratch_remove(dir);
}

/* ---- watches ---- */

static void set_true(void *ctx)
{
    *(bool *)ctx = true;
}

static void changes_fire(struct store *watching, struct store *writer, bool *fired,
                         const char *const *steps)
{
    struct err err = ERR_INIT;

    for (; *steps; steps++) {
        const bool want = **steps != '!';
        *fired = false;
        CHECK_INT(commit(writer, &err, *steps + !want), 0);
        CHECK(store_wait(watching, fired, want ? 2000 : 30) == want);
        if (*fired != want)
            printf("# %s\n", *steps);
        while (*fired) { /* let it be quiet again */
            *fired = false;
            store_wait(watching, fired, 30);
        }
    }
}

static void watches_fire(void)
{
    auto_store struct store *a = open_url(NULL), *b = open_url(NULL);
    struct err err = ERR_INIT;
    bool fired = false;

    take_lock(a);
    struct store_watch *watch = store_watch_add(b, "t/r", set_true, &fired);
    changes_fire(b, a, &fired,
                 (const char *const[]){"!+other", "!+t", "+t/r", "+t/r/1", "=t/r/1", "=t/r", "!=t",
                                       "+t/r/2 =t/r/1", "-t/r/1", "!=other", "-t/r/2 -t/r",
                                       "+t/r +t/r/1", NULL});
    /* A directory's journal still holds the deletion: posting below would not last. */
    if (on("dir:")) {
        CHECK_INT(store_post(b, "t/r/post", "x", 1, &err), -1);
        CHECK_STR(err.text, "cannot create 't/r/post': it was deleted a moment ago");
        store_close(a); /* empties it */
        a = NULL;
    }
    fired = false;
    CHECK_INT(store_post(b, "t/r/post", "x", 1, &err), 0);
    CHECK(store_wait(b, &fired, 2000));
    store_watch_del(watch);
}
ON_BOTH(watches_fire)

/* ---- posts and requests ---- */

static void posts_make_their_parents(void)
{
    auto_store struct store *store = open_url(NULL), *writer = open_url(NULL);
    struct err err = ERR_INIT;

    CHECK_INT(store_post(store, "p/q/r", "data", 4, &err), 0);
    CHECK_STR(shown(store, ""), "p= p/q= p/q/r=data ");
    CHECK_INT(store_post(store, "p/q/r", "other", 5, &err), -1);
    CHECK_INT(err.status, EXIT_LOCKED);
    take_lock(writer);
    CHECK_INT(store_post(store, "p/q/s", "beside the writer", 17, &err), 0);
    CHECK_INT(commit(writer, &err, "-p/q/r =p/q/s"), 0);
    CHECK_STR(shown(store, ""), "p= p/q= p/q/s=changed ");
}
ON_BOTH(posts_make_their_parents)

static void mirror_of(struct store *store, struct state *state)
{
    struct err err = ERR_INIT;

    CHECK_INT(state_load(state, store_load(store, "", &err), &err), 0);
}

static const struct tree_node *only_request(struct tree *tree)
{
    const struct tree_node *all = tree_find(tree, REQUESTS_PATH);

    return all ? tree_first(all) : NULL;
}

static void requests_come_and_go(void)
{
    auto_store struct store *tool = open_url(NULL), *writer = open_url(NULL);
    struct state *state = state_new();
    struct clock clock = {.fixed_ms = 1000000};
    struct idgen ids = {.seed = 3};
    struct request request;
    struct err err = ERR_INIT;
    char id[UUID_TEXT];
    bool live;

    CHECK_INT(request_post(tool, "pod-restart", json_pack("{s:s}", "pod", "dse-0"),
                           json_pack("{s:{s:s}}", "tasks", "dse-0-node", "x__1"), &ids, &clock, id,
                           &live, &err),
              0);
    CHECK(!live);
    take_lock(writer);
    struct txn *txn = txn_new();
    CHECK_INT(state_start(state, txn, "dse", &err), 0);
    txn_free(txn);
    mirror_of(writer, state);
    auto_tree struct tree *tree = store_load(writer, REQUESTS_PATH, &err);
    const struct tree_node *node = only_request(tree);
    CHECK_STR(tree_node_name(node), id);
    CHECK_STR(tree_node_data(node),
              "{\"verb\":\"pod-restart\",\"args\":{\"pod\":\"dse-0\"},\"created\":1000000,"
              "\"expires\":4600000,\"expects\":{\"tasks\":{\"dse-0-node\":\"x__1\"}},"
              "\"state\":\"queued\"}");
    CHECK_INT(request_parse(id, tree_node_data(node), (size_t)tree_node_len(node), &request, &err),
              0);
    CHECK_STR(request.verb, "pod-restart");
    CHECK_STR(json_string_value(json_object_get(request.args, "pod")), "dse-0");
    CHECK(!request.done);
    struct request waited;
    CHECK_INT(request_wait(tool, id, 50, &waited, &err), 0);
    txn = txn_new();
    request_finish(state, txn, &request, 200, json_pack("{s:s}", "message", "done"));
    CHECK_INT(txn_count(txn), 1);
    CHECK_INT(store_commit(writer, txn, &err), 0);
    CHECK_INT(request_wait(tool, id, 2000, &waited, &err), 1);
    CHECK_INT(waited.code, 200);
    CHECK_STR(json_string_value(json_object_get(waited.body, "message")), "done");
    request_release(&waited);
    request_release(&request);
    CHECK_INT(request_post(tool, "plan-stop", NULL, NULL, &ids, &clock, id, &live, &err), 0);
    CHECK(live);
    state_free(state);
}
ON_BOTH(requests_come_and_go)

static void old_results_go(void)
{
    struct state *state = state_new();
    struct idgen ids = {.seed = 3};
    struct err err = ERR_INIT;
    auto_free char *oldest = NULL;

    for (int i = 0; i < REQUEST_RESULTS_KEPT + 5; i++) {
        char id[UUID_TEXT];
        struct request request;
        struct txn *txn = txn_new();
        idgen_uuid(&ids, id);
        auto_free char *text =
            xasprintf("{\"verb\":\"v\",\"args\":{\"spec\":\"%05000d\"},\"created\":%d,"
                      "\"expires\":9,\"state\":\"queued\"}",
                      i, 1000 + i);
        CHECK_INT(request_parse(id, text, strlen(text), &request, &err), 0);
        request_finish(state, txn, &request, 200, NULL);
        if (i == 4)
            oldest = xasprintf(REQUESTS_PATH "/%s", id);
        request_release(&request);
        txn_free(txn);
    }
    const struct tree_node *all = tree_find(state_tree(state), REQUESTS_PATH);
    CHECK_INT(tree_node_child_count(all), REQUEST_RESULTS_KEPT);
    CHECK(!state_get(state, oldest, NULL)); /* five of the oldest are gone, this is the last */
    CHECK(tree_bytes(state_tree(state)) < 100 * 400);
    state_free(state);
}

static void broken_requests_are_refused(void)
{
    static const char *const texts[] = {
        "",
        "[]",
        "{}",
        "{\"verb\":1}",
        "{\"verb\":\"x\"}",
        "{\"verb\":\"x\",\"state\":\"odd\"}",
        "{\"verb\":\"x\",\"state\":\"queued\",\"args\":[]}",
        "{\"verb\":\"x\",\"state\":\"done\"}",
        "{\"verb\":\"x\",\"state\":\"queued\",\"created\":\"now\"}"};
    struct request request;
    struct err err = ERR_INIT;

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        err.status = EXIT_DONE;
        CHECK_INT(request_parse("2f6c9c0e-0000-4000-8000-00000000e003", texts[i], strlen(texts[i]),
                                &request, &err),
                  -1);
        CHECK_INT(err.status, EXIT_INPUT);
    }
    CHECK_INT(request_parse("../x", "{}", 2, &request, &err), -1);
}

/* ---- the mirror and the store agree ---- */

static void mirror_equals_store(void)
{
    auto_store struct store *store = open_url(NULL);
    struct state *state = state_new();
    struct idgen ids = {.seed = 11};
    struct err err = ERR_INIT;

    printf("# seed %d\n", (int)ids.seed);
    take_lock(store);
    for (int i = 0; i < 200 && !tap_failures; i++) {
        struct txn *txn = txn_new();
        for (int n = 1 + (int)idgen_below(&ids, 6); n > 0; n--) {
            auto_buf struct buf path = BUF_INIT;
            buf_adds(&path, idgen_below(&ids, 2) ? "Toolkit" : "Tasks");
            for (int d = (int)idgen_below(&ids, 4); d >= 0; d--)
                buf_addf(&path, "/%c", 'a' + (int)idgen_below(&ids, 4));
            auto_free char *data = xasprintf("%d", i);
            if (idgen_below(&ids, 3))
                state_put(state, txn, path.data, data,
                          idgen_below(&ids, 9) ? (ssize_t)strlen(data) : -1);
            else
                state_delete(state, txn, path.data);
        }
        CHECK_INT(store_commit(store, txn, &err), 0);
        auto_tree struct tree *stored = store_load(store, "", &err);
        if (stored && on("zk:"))
            tree_delete(stored, "lock");
        CHECK(tree_equal(stored, state_tree(state), false));
    }
    state_free(state);
}
ON_BOTH(mirror_equals_store)

/* ---- URLs ---- */

static void urls(void)
{
    static const struct {
        const char *url, *why;
    } rows[] = {
        {"", "no store given"},
        {"/var/lib/x", "store '/var/lib/x': unknown kind of store"},
        {"foo:bar", "unknown kind of store"},
        {"dir:", "the path is missing"},
        {"foo://me:secret@host:2181/x", "store 'foo://host:2181/x'"},
        {"zk://me:secret@host:2181/dcos-service-x", "credentials do not belong into the URL"},
        {"zk:host:2181/dcos-service-x", "give zk://HOST:PORT"},
        {"zk://host:2181", "give zk://HOST:PORT"},
        {"zk://host:2181/", "give zk://HOST:PORT"},
        {"zk:///dcos-service-x", "give zk://HOST:PORT"},
        {"zk://host:2181/a//b", "path 'a//b'"},
    };
    struct store_options options = {0};
    struct err err = ERR_INIT;

    unsetenv("DSE_STORE");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CHECK(!store_open(rows[i].url, &options, &err));
        CHECK_INT(err.status, EXIT_USAGE);
        CHECK(strstr(err.text, rows[i].why) || (printf("# %s\n", err.text), 0));
        CHECK(!strstr(err.text, "secret"));
    }
    CHECK(!store_open(NULL, &options, &err));
    setenv("DSE_STORE", "dir:/nonexistent/store", 1);
    auto_store struct store *store = store_open(NULL, &options, &err);
    CHECK(store != NULL);
    CHECK_STR(store_name(store), "dir:/nonexistent/store");
    CHECK_STR(shown(store, ""), "");
    CHECK_INT(store_post(store, "a", "", 0, &err), -1);
    CHECK_INT(err.status, EXIT_UNREACHABLE);
    CHECK_INT(commit(store, &err, "+a"), -1);
    CHECK_INT(err.status, EXIT_UNREACHABLE);
}

/* No room for the record: the transaction fails whole, and the next start goes on. */
static void full_disk(void)
{
    auto_free char *dir = scratch_dir();
    auto_free char *dir_url = xasprintf("dir:%s/store", dir);
    struct err err = ERR_INIT;
    int status;

    url = dir_url;
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        struct rlimit limit = {.rlim_cur = 3000, .rlim_max = RLIM_INFINITY};
        auto_free char *big = xcalloc(1, 4000);
        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &limit);
        struct store *store = open_url(NULL);
        take_lock(store);
        CHECK_INT(commit(store, &err, "+a"), 0);
        struct txn *txn = txn_new();
        txn_create(txn, "b", "", 0);
        txn_create(txn, "c", big, 4000);
        CHECK_INT(store_commit(store, txn, &err), -1);
        CHECK_INT(err.status, EXIT_UNREACHABLE);
        CHECK_INT(commit(store, &err, "+d"), -1);
        CHECK_STR(shown(store, ""), "a=a ");
        fflush(stdout);
        _exit(tap_failures != 0); /* as a crash */
    }
    waitpid(pid, &status, 0);
    CHECK_INT(status, 0);
    auto_store struct store *store = open_url(NULL);
    CHECK_STR(shown(store, ""), "a=a ");
    CHECK_INT(commit(store, &err, "+b"), 0);
    CHECK_STR(shown(store, ""), "a=a b=b ");
    scratch_remove(dir);
}

/* A store's files are for its owner alone. */
static void modes(void)
{
    auto_free char *dir = scratch_dir();
    auto_free char *dir_url = xasprintf("dir:%s/store", dir);
    struct err err = ERR_INIT;
    struct stat st;

    url = dir_url;
    auto_store struct store *store = open_url(NULL);
    take_lock(store);
    CHECK_INT(commit(store, &err, "+a:b_c-d"), 0);
    static const struct {
        const char *name;
        mode_t mode;
    } rows[] = {{"", 0700},
                {"/a:b_c-d", 0700},
                {"/a:b_c-d/.data", 0600},
                {"/.lock", 0600},
                {"/.journal", 0600}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        auto_free char *path = xasprintf("%s/store%s", dir, rows[i].name);
        CHECK_INT(stat(path, &st), 0);
        CHECK_INT(st.st_mode & 0777, rows[i].mode);
    }
    scratch_remove(dir);
}

TAP_MAIN(TEST(what_is_known_is_left_out_both), TEST(transactions_both), TEST(bad_transactions_both),
         TEST(large_transactions_are_cut), TEST(large_changes_arrive_both),
         TEST(completions_come_in_order_from_the_loop_both), TEST(closing_inside_a_completion_both),
         TEST(lock_excludes_both), TEST(lost_lock_stops_writing), TEST(watches_fire_both),
         TEST(posts_make_their_parents_both), TEST(requests_come_and_go_both), TEST(old_results_go),
         TEST(broken_requests_are_refused), TEST(mirror_equals_store_both), TEST(urls),
         TEST(full_disk), TEST(modes))
