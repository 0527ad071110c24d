/* 100 clients at a time on /v1/plans/deploy ÷ on a file of the same size from the same server,
 * which has it in memory: 99th percentile of the time to the whole answer (issue: at most 2).
 * Rounds of both by turns, the median of each. Prints one line of JSON. */
#include <curl/curl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../unit/plan_fixture.h"
#include "http/api.h"
#include "state/store.h"

#include "bench.h"

enum { CLIENTS = 100, REQUESTS = 4000, ROUNDS = 5, PODS = 100 };

/* ---- the server: the API beside one file ---- */

struct site {
    struct api *api;
    struct buf file;
};

static void handle(void *ctx, const struct http_request *request, struct http_reply *reply)
{
    struct site *site = ctx;

    if (strcmp(request->path, "/file") != 0) {
        api_handle(site->api, request, reply);
        return;
    }
    reply->status = 200;
    reply->content_type = "application/json";
    buf_add(&reply->body, site->file.data, site->file.len);
}

static void fill(struct store *store, struct site *site)
{
    struct err err = ERR_INIT;
    struct world w;
    struct step *const *steps;
    char pods[40];

    snprintf(pods, sizeof pods, "dse:%d:node", PODS);
    world_init(&w, pods, NULL);
    for (int i = 0; i < PODS / 2 && world_candidates(&w, &steps) > 0; i++) {
        char name[40];
        snprintf(name, sizeof name, "dse-%d-node", step_requirement(steps[0])->pod_index);
        world_launch_step(&w, steps[0]);
        world_status(&w, name, RUNNING, true);
    }
    if (store_commit(store, w.txn, &err))
        world_die("store_commit", &err);
    w.txn = txn_new();
    json_auto json_t *plan = plans_show(w.plans, "deploy", w.now);
    json_write(&site->file, plan, JSON_LAYOUT_SPEC);
    world_release(&w);
}

static void serve(int port_fd)
{
    static const struct clock clock;
    static struct idgen ids;
    struct err err = ERR_INIT;
    struct site site = {0};
    struct loop *loop = loop_new(&err);
    struct store *store = store_open("mem:bench-http", &(struct store_options){0}, &err);
    const struct lock_options lock = {.holder = "bench"};

    if (!loop || !store || store_lock(store, &lock, &err))
        world_die("start", &err);
    fill(store, &site);
    const struct api_options options = {.loop = loop, .store = store, .clock = &clock, .ids = &ids};
    site.api = api_new(&options);
    const struct server_options server_options = {.handler = handle, .served = NULL, .ctx = &site};
    struct server *server = server_start(loop, &server_options, &err);
    if (!server)
        world_die("server_start", &err);
    const int port = server_port(server);
    if (write(port_fd, &port, sizeof port) != sizeof port)
        _exit(1);
    loop_run(loop); /* until it is killed */
    _exit(0);
}

/* ---- the clients ---- */

static size_t ignore(char *data, size_t size, size_t count, void *ctx)
{
    (void)data;
    (void)ctx;
    return size * count;
}

/* Each client asks again when it has its answer; ms. */
static double p99(int port, const char *path)
{
    static double times[REQUESTS];
    CURL *clients[CLIENTS];
    CURLM *multi = curl_multi_init();
    int begun = 0, done = 0, running;
    auto_free char *url = xasprintf("http://127.0.0.1:%d%s", port, path);

    for (int i = 0; i < CLIENTS; i++, begun++) {
        clients[i] = curl_easy_init();
        curl_easy_setopt(clients[i], CURLOPT_URL, url);
        curl_easy_setopt(clients[i], CURLOPT_WRITEFUNCTION, ignore);
        curl_multi_add_handle(multi, clients[i]);
    }
    while (done < REQUESTS) {
        CURLMsg *message;
        int left;
        curl_multi_perform(multi, &running);
        while ((message = curl_multi_info_read(multi, &left))) {
            curl_off_t us = 0;
            long status = 0;
            CURL *client = message->easy_handle;
            curl_easy_getinfo(client, CURLINFO_TOTAL_TIME_T, &us);
            curl_easy_getinfo(client, CURLINFO_RESPONSE_CODE, &status);
            if (status != 200 && status != 202) {
                fprintf(stderr, "http: %s: status %ld\n", path, status);
                exit(1);
            }
            times[done++] = (double)us / 1000;
            curl_multi_remove_handle(multi, client);
            if (begun < REQUESTS) {
                curl_multi_add_handle(multi, client);
                begun++;
            }
        }
        curl_multi_poll(multi, NULL, 0, 1000, NULL);
    }
    for (int i = 0; i < CLIENTS; i++) {
        curl_multi_remove_handle(multi, clients[i]);
        curl_easy_cleanup(clients[i]);
    }
    curl_multi_cleanup(multi);
    qsort(times, REQUESTS, sizeof *times, bench_ascending);
    return times[REQUESTS * 99 / 100];
}

int main(void)
{
    const double goal = 2;
    double plan[ROUNDS], file[ROUNDS];
    int pipes[2], port;

    if (pipe(pipes))
        return 1;
    const pid_t server = fork();
    if (server == 0)
        serve(pipes[1]);
    close(pipes[1]);
    if (read(pipes[0], &port, sizeof port) != sizeof port)
        return 1;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    for (int i = 0; i < ROUNDS; i++) {
        file[i] = p99(port, "/file");
        plan[i] = p99(port, "/v1/plans/deploy");
    }
    kill(server, SIGKILL);
    waitpid(server, NULL, 0);
    curl_global_cleanup();
    const double of_plan = median(plan, ROUNDS), of_file = median(file, ROUNDS);
    const double ratio = of_plan / of_file;
    printf("{\"bench\":\"http\",\"clients\":%d,\"requests\":%d,\"plan_p99_ms\":%.2f,"
           "\"file_p99_ms\":%.2f,\"ratio\":%.2f,\"goal\":%.1f}\n",
           CLIENTS, REQUESTS, of_plan, of_file, ratio, goal);
    return ratio > goal;
}
