/* From a request of an operator to what it makes the scheduler send: dse-offers on a directory
 * store with 40 running pods, `plan start` until REVIVE is on the wire, `pod restart` until KILL is
 * (median, goal 2 ms), beside the hundred results that are kept. Elapsed time, in memory: what a
 * disk takes for the two writes that each needs comes on top. TMPDIR names another place. Prints
 * one line of JSON. */
#include <fcntl.h>
#include <libgen.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../unit/plan_fixture.h"
#include "state/request.h"

#include "bench.h"

enum { PODS = 40, STARTS = 60 }; /* beside as many answers as are kept */

extern char **environ;

static const double goal = 2;
static FILE *calls;
static int events;

static void fail(const char *what)
{
    printf("{\"bench\":\"request\",\"failed\":\"%s\"}\n", what);
    exit(1);
}

static void check(bool ok, const char *what)
{
    if (!ok)
        fail(what);
}

/* ---- the service ---- */

static void make_store(const char *url)
{
    struct err err = ERR_INIT;
    struct world w;
    const char *plans = "{\"plans\":{\"deploy\":{\"phases\":{\"p\":{\"pod\":\"dse\",\"steps\":"
                        "[{\"default\":[[\"node\"]]}]}}},\"side\":{\"phases\":{\"s\":{\"pod\":"
                        "\"dse\",\"steps\":[{\"default\":[[\"side\"]]}]}}}}}";
    json_auto json_t *json = json_parse(plans, strlen(plans), "plans", &err);
    auto_free char *inner = json_dumps(json_object_get(json, "plans"), 0);
    auto_free char *pods = xasprintf("dse:%d:node,side?", PODS);

    world_init(&w, pods, inner);
    for (int i = 0; i < PODS; i++) {
        auto_free char *step = xasprintf("dse-%d:[node]", i);
        check(world_complete(&w, step), "cannot deploy");
    }
    state_put_framework_id(w.state, w.txn, "F");
    struct store *store = store_open(url, &(struct store_options){.create_root = true}, &err);
    check(store && store_lock(store, &(struct lock_options){.holder = "bench"}, &err) == 0,
          "cannot lock");
    check(store_commit(store, steal_ptr(w.txn), &err) == 0, err.text);
    store_close(store);
    w.txn = txn_new();
    world_release(&w);
}

static pid_t start(char *self, const char *url)
{
    auto_free char *program = xasprintf("%s/../bin/dse-offers", dirname(self));
    char *argv[] = {program, NULL};
    posix_spawn_file_actions_t actions;
    int in[2], out[2];
    pid_t pid;

    setenv("DSE_STORE", url, 1);
    setenv("DSE_REVIVE_INTERVAL_MS", "1", 1);
    check(pipe(in) == 0 && pipe(out) == 0, "pipe");
    fcntl(in[1], F_SETFD, FD_CLOEXEC);
    fcntl(out[0], F_SETFD, FD_CLOEXEC);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in[0], STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    check(posix_spawn(&pid, program, &actions, NULL, argv, environ) == 0,
          "cannot start dse-offers");
    posix_spawn_file_actions_destroy(&actions);
    close(in[0]);
    close(out[1]);
    events = in[1];
    calls = fdopen(out[0], "r");
    return pid;
}

/* ---- events and calls ---- */

static void say(const char *text)
{
    const size_t len = strlen(text);

    check(write(events, text, len) == (ssize_t)len, "dse-offers is gone");
}

/* Reads calls until one of that type that contains the text; the time of its arrival. */
static double await(const char *type, const char *text)
{
    static char *line;
    static size_t room;
    auto_free char *wanted = xasprintf("\"type\":\"%s\"", type);

    while (getline(&line, &room, calls) > 0)
        if (strstr(line, wanted) && strstr(line, text))
            return now_s() * 1e3;
    fail(type);
    return 0;
}

static void subscribe(void)
{
    say("{\"type\":\"DSE_CONNECTED\"}\n");
    await("SUBSCRIBE", "");
    say("{\"type\":\"SUBSCRIBED\",\"subscribed\":{\"framework_id\":{\"value\":\"F\"}}}\n");
    await("RECONCILE", "dse-0-node");
}

/* ---- measuring ---- */

static double ask(struct store *store, const char *verb, json_t *args, const char *type,
                  const char *text)
{
    static struct idgen ids;
    static const struct clock clock;
    struct err err = ERR_INIT;
    char id[UUID_TEXT];
    bool live;
    const double begun = now_s() * 1e3;

    check(request_post(store, verb, args, NULL, &ids, &clock, id, &live, &err) == 0 && live,
          "cannot leave a request");
    return await(type, text) - begun;
}

int main(int argc, char **argv)
{
    const char *parent = getenv("TMPDIR");
    auto_free char *folder = xasprintf("%s/dse-bench.XXXXXX", parent ? parent : "/dev/shm");
    double revive[STARTS], killed[PODS];
    struct err err = ERR_INIT;

    check(argc > 0 && mkdtemp(folder) != NULL, "mkdtemp");
    auto_free char *url = xasprintf("dir:%s/state", folder);
    make_store(url);
    const pid_t pid = start(argv[0], url);
    subscribe();
    for (int i = 0; i < PODS; i++) {
        /* as the fixture makes them */
        auto_free char *name = xasprintf("dse-%d-node", i);
        struct store *reader = store_open(url, &(struct store_options){0}, &err);
        auto_free char *path = xasprintf("Tasks/%s/TaskStatus", name);
        struct tree *tree = store_load(reader, path, &err);
        const struct tree_node *node = tree ? tree_find(tree, path) : NULL;
        auto_arena struct arena arena = ARENA_INIT;
        check(node != NULL, "no status");
        const TaskStatus *status = PB_UNPACK(TaskStatus, task_status, tree_node_data(node),
                                             (size_t)tree_node_len(node), &arena, name, &err);
        auto_free char *update =
            xasprintf("{\"type\":\"UPDATE\",\"update\":{\"status\":{\"task_id\":{\"value\":\"%s\"},"
                      "\"state\":\"TASK_RUNNING\",\"source\":\"SOURCE_MASTER\"}}}\n",
                      status->task_id->value);
        say(update);
        tree_free(tree);
        store_close(reader);
    }
    await("SUPPRESS", "");
    struct store *store = store_open(url, &(struct store_options){0}, &err);
    for (int i = 0; i < STARTS; i++) {
        revive[i] = ask(store, "plan-start", json_pack("{s:s, s:{}}", "plan", "side", "params"),
                        "REVIVE", "");
        ask(store, "plan-stop", json_pack("{s:s}", "plan", "side"), "SUPPRESS", "");
    }
    for (int i = 0; i < PODS; i++) {
        auto_free char *pod = xasprintf("dse-%d", i), *task = xasprintf("dse-%d-node__", i);
        killed[i] =
            ask(store, "pod-restart", json_pack("{s:s, s:[]}", "pod", pod, "tasks"), "KILL", task);
    }
    store_close(store);
    close(events);
    waitpid(pid, NULL, 0);
    auto_free char *remove = xasprintf("rm -rf %s", folder);
    check(system(remove) == 0, "rm");
    const double to_revive = median(revive, STARTS), to_kill = median(killed, PODS);
    printf("{\"bench\":\"request\",\"revive_ms\":%.2f,\"kill_ms\":%.2f,\"goal\":%.1f}\n", to_revive,
           to_kill, goal);
    return to_revive > goal || to_kill > goal;
}
