/* dse-http: the REST API of the service, over the store. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/io.h"
#include "base/lifeline.h"
#include "base/log.h"
#include "base/opt.h"
#include "http/api.h"
#include "http/server.h"
#include "http/statsd.h"
#include "plan/client.h"

static struct {
    const char *store, *run_dir, *address, *token_file, *port_file;
    long port;
    bool read_only, check_port;
} options;

static void stop(void *loop, int signo)
{
    (void)signo;
    loop_stop(loop, 0);
}

static int read_token(struct buf *token, struct err *err)
{
    if (!options.token_file)
        return 0;
    if (io_read_file(options.token_file, 4096, token, err))
        return -1;
    while (token->len && strchr(" \t\r\n", token->data[token->len - 1]))
        token->data[--token->len] = '\0';
    if (!token->len)
        return err_set(err, EXIT_INPUT, "the token file '%s' is empty", options.token_file);
    return 0;
}

static int announce(struct server *server, struct err *err)
{
    log_info("listening on %s", server_url(server));
    if (!options.port_file)
        return 0;
    auto_free char *text = xasprintf("%d\n", server_port(server));
    return io_replace_file(options.port_file, text, strlen(text), 0644, false, err);
}

static int serve(struct loop *loop, struct store *store, const char *token, struct err *err)
{
    static const struct clock clock;
    static struct idgen ids;
    const struct api_options api_options = {
        .loop = loop,
        .store = store,
        .clock = &clock,
        .ids = &ids,
        .run_dir = options.run_dir,
        .token = token,
        .read_only = options.read_only,
        .uninstall = getenv("SDK_UNINSTALL") != NULL,
    };
    struct api *api = api_new(&api_options);
    const struct server_options server_options = {
        .address = options.address,
        .port = (int)options.port,
        .handler = api_handle,
        .served = api_served,
        .ctx = api,
    };
    struct statsd *statsd = NULL;
    struct server *server = server_start(loop, &server_options, err);
    int result =
        server && !statsd_start(loop, api_metrics, api, &statsd, err) ? announce(server, err) : -1;

    /* A signal or the end of the life line: both are how whoever started it ends it. */
    if (result == 0)
        loop_run(loop);
    server_stop(server);
    statsd_free(statsd);
    api_free(api);
    return result;
}

static int run(const struct invocation *inv, struct err *err)
{
    auto_buf struct buf token = BUF_INIT;

    if (inv->count)
        return usage_error(err, "unexpected operand '%s'", inv->operands[0]);
    if (options.check_port)
        return server_check(options.address, (int)options.port, err) ? -1 : EXIT_DONE;
    if (read_token(&token, err))
        return -1;
    struct loop *loop = loop_new(err);
    if (!loop)
        return -1;
    struct store *store = NULL;
    int result = -1;
    if (!loop_signal(loop, SIGTERM, stop, loop, err) &&
        !loop_signal(loop, SIGINT, stop, loop, err) &&
        !lifeline_watch(loop, EXIT_UNREACHABLE, err) &&
        (store = store_open(options.store, &(struct store_options){0}, err)))
        result = serve(loop, store, token.len ? token.data : NULL, err);
    if (store)
        store_close(store);
    loop_free(loop);
    return result ? -1 : EXIT_DONE;
}

static const struct opt opts[] = {
    STORE_OPTION(options.store),
    {'p', "port", OPT_INT, "PORT", "port to listen on, 0 for any free one", &options.port,
     "PORT_API", .min = 0, .max = 65535},
    {'a', "address", OPT_STRING, "ADDRESS", "address to listen on, or unix:PATH", &options.address,
     "DSE_HTTP_ADDRESS"},
    {0, "port-file", OPT_STRING, "FILE", "write the port there once listening", &options.port_file,
     .complete = "file"},
    {0, "run-dir", OPT_STRING, "DIR", "run directory of the scheduler", &options.run_dir,
     "DSE_RUN_DIR", .complete = "dir"},
    {0, "token-file", OPT_STRING, "FILE", "require the bearer token that is in FILE",
     &options.token_file, .complete = "file"},
    {0, "check-port", OPT_FLAG, NULL, "only see whether the port can be listened on",
     &options.check_port},
    {0, "read-only", OPT_FLAG, NULL, "refuse requests that change something", &options.read_only},
    OPT_END,
};

static const struct program program = {
    .name = "dse-http",
    .summary = "serve the REST API",
    .operands = "",
    .opts = opts,
    .run = run,
};

int main(int argc, char **argv)
{
    options.address = "127.0.0.1";
    return program_main(&program, argc, argv);
}
