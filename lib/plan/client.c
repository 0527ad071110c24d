#include "plan/client.h"

#include <string.h>

#include "base/alloc.h"
#include "base/io.h"
#include "base/json.h"
#include "base/screen.h"
#include "state/inspect.h"

enum { DUMP_BYTES = 1 << 30 };

static void cleanup_store(struct store **store)
{
    store_close(*store);
}
#define auto_store __attribute__((cleanup(cleanup_store)))

void client_close(struct client *client)
{
    store_close(client->kept);
    client->kept = NULL;
}

static struct tree *read_store(struct client *client, struct err *err)
{
    const struct store_options options = {0};
    auto_store struct store *store =
        client->kept ? client->kept : store_open(client->store, &options, err);
    struct tree *tree = store ? store_load(store, "", err) : NULL;

    client->kept = tree ? steal_ptr(store) : NULL;
    return tree;
}

struct tree *client_tree(struct client *client, struct err *err)
{
    if (client->dump) {
        auto_buf struct buf text = BUF_INIT;
        if (io_read_file(client->dump, DUMP_BYTES, &text, err) < 0)
            return NULL;
        return dump_parse_all(buf_str(&text), text.len, client->dump, err);
    }
    return read_store(client, err);
}

static struct view *view_of(struct tree *tree, struct err *err)
{
    const struct clock clock = {0};

    return tree ? view_new(tree, clock_now_ms(&clock), err) : NULL;
}

struct view *client_look(struct client *client, struct err *err)
{
    return view_of(client_tree(client, err), err);
}

struct view *client_view(struct client *client, struct err *err)
{
    auto_tree struct tree *tree = client_tree(client, err);

    if (!tree)
        return NULL;
    if (!tree_find(tree, "servicename") && !tree_find(tree, "ConfigTarget") &&
        !tree_find(tree, "Tasks")) {
        err_set(err, EXIT_NO,
                "nothing is deployed in '%s': hand over a configuration with `dse-plan update` and "
                "start a scheduler",
                client->dump    ? client->dump
                : client->store ? client->store
                                : "DSE_STORE");
        return NULL;
    }
    return view_of(steal_ptr(tree), err);
}

struct view *client_plans(struct client *client, struct err *err)
{
    struct view *view = client_view(client, err);

    if (view && !view->plans) {
        view_free(view);
        err_set(err, EXIT_NO,
                "there is no target configuration, so there are no plans: hand one "
                "over with `dse-plan update`");
        return NULL;
    }
    return view;
}

void answer_release(struct answer *answer)
{
    if (answer->body)
        json_decref(answer->body);
    answer->body = NULL;
}

int client_request(const struct client *client, const char *verb, json_t *args, json_t *expects,
                   bool wait, int64_t wait_ms, struct answer *ret, struct err *err)
{
    /* A store that no scheduler has opened yet takes requests too: the update comes first. */
    const struct store_options options = {.create_root = true};
    const struct clock clock = {0};
    struct idgen ids = {0};

    *ret = (struct answer){0};
    if (client->dump) {
        json_decref(args);
        json_decref(expects);
        return err_set(err, EXIT_USAGE, "--dump only shows: there is no scheduler behind it");
    }
    auto_store struct store *store = store_open(client->store, &options, err);
    if (!store) {
        json_decref(args);
        json_decref(expects);
        return -1;
    }
    if (request_post(store, verb, args, expects, &ids, &clock, ret->id, &ret->live, err) < 0)
        return -1;
    if (!wait)
        return 0;
    struct request request = {0};
    struct screen screen;
    screen_open(&screen, stderr);
    screen_show(&screen, ret->live ? "waiting for the scheduler to carry it out\n"
                                   : "waiting for a scheduler to start and carry it out\n");
    const int done = request_wait(store, ret->id, wait_ms, &request, err);
    screen_clear(&screen);
    screen_close(&screen);
    if (done < 0)
        return -1;
    if (done == 0)
        return err_set(err, EXIT_TIMEOUT,
                       ret->live ? "request %s has not been carried out yet; it stays queued"
                                 : "no scheduler took up request %s; it stays queued until one "
                                   "starts, for an hour at most",
                       ret->id);
    ret->done = true;
    ret->code = request.code;
    ret->body = json_incref(request.body);
    request_release(&request);
    return 0;
}

const char *answer_text(const struct answer *answer)
{
    const char *text = json_string_value(answer->body);

    if (!text)
        text = json_string_value(json_object_get(answer->body, "message"));
    return text ? text : "";
}

int answer_check(const struct answer *answer, struct err *err)
{
    const json_t *errors = json_object_get(answer->body, "errors");
    auto_buf struct buf text = BUF_INIT;

    if (answer->code == 208)
        return err_set(err, EXIT_NO,
                       "the command has already been given or the element is complete");
    if (answer->code >= 200 && answer->code < 300)
        return 0;
    buf_adds(&text, *answer_text(answer) ? answer_text(answer) : "the scheduler refused it");
    for (size_t i = 0; i < json_array_size(errors); i++)
        buf_addf(&text, "%s %s", i ? ";" : ":", json_string_value(json_array_get(errors, i)));
    return err_set(err,
                   answer->code == 400 || json_array_size(errors) > 0    ? EXIT_INPUT
                   : answer->code == 409 && json_is_object(answer->body) ? EXIT_LOCKED
                                                                         : EXIT_NO,
                   "%s", buf_str(&text));
}
