#include "http/control.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "state/request.h"

struct waiter {
    struct waiter *next;
    struct server_held *held;
    char id[UUID_TEXT];
    int64_t deadline_ms;
};

struct control {
    const struct api_options *options;
    struct loop_timer *timer;
    struct waiter *waiters;
    void (*changed)(void *ctx);
    void *ctx;
};

static void poll_results(void *ctx);

struct control *control_new(const struct api_options *options, void (*changed)(void *ctx),
                            void *ctx)
{
    struct control *control = xcalloc(1, sizeof *control);

    control->options = options;
    control->changed = changed;
    control->ctx = ctx;
    control->timer = loop_timer_add(options->loop, poll_results, control);
    return control;
}

void control_free(struct control *control)
{
    while (control->waiters) {
        struct waiter *next = control->waiters->next;
        free(control->waiters);
        control->waiters = next;
    }
    loop_timer_del(control->timer);
    free(control);
}

/* A result's body is JSON as the original's API gives it, or plain text. */
static void reply_result(struct http_reply *reply, const struct request *result)
{
    reply->status = result->code;
    buf_clear(&reply->body);
    if (json_is_string(result->body)) {
        if (json_string_length(result->body))
            reply->content_type = "text/plain";
        buf_adds(&reply->body, json_string_value(result->body));
    } else if (result->body) {
        reply->content_type = "application/json";
        json_write(&reply->body, result->body, JSON_LAYOUT_ORG);
    }
}

static void reply_unavailable(struct http_reply *reply, const char *text)
{
    reply->retry_after = "5";
    reply_text(reply, 503, text);
}

/* True when the waiter has its reply. */
static bool try_waiter(struct control *control, struct waiter *waiter, int64_t now)
{
    struct http_reply reply = {.status = 500};
    struct request result = {0};
    struct err err = ERR_INIT;
    auto_free char *path = xasprintf(REQUESTS_PATH "/%s", waiter->id);
    struct tree *tree = store_load(control->options->store, path, &err);
    const struct tree_node *node = tree ? tree_find(tree, path) : NULL;
    bool done = false;

    if (node && tree_node_len(node) >= 0 &&
        !request_parse(waiter->id, tree_node_data(node), (size_t)tree_node_len(node), &result,
                       &err)) {
        done = result.done;
        if (done)
            reply_result(&reply, &result);
        request_release(&result);
    }
    tree_free(tree);
    if (!done && now >= waiter->deadline_ms) {
        reply_unavailable(&reply, "the scheduler has not answered yet: the request stays queued");
        done = true;
    }
    if (done)
        control->changed(control->ctx);
    if (done)
        server_reply(waiter->held, &reply);
    return done;
}

static void poll_results(void *ctx)
{
    struct control *control = ctx;
    const int64_t now = loop_now_ms();

    for (struct waiter **p = &control->waiters; *p;) {
        struct waiter *waiter = *p;
        if (!try_waiter(control, waiter, now)) {
            p = &waiter->next;
            continue;
        }
        *p = waiter->next;
        free(waiter);
    }
    if (control->waiters)
        loop_timer_in(control->timer, CONTROL_POLL_MS);
}

void control_post(struct exchange_ctx *x, const char *verb, json_t *args)
{
    const struct api_options *options = x->options;
    struct lock_info lock = {0};
    struct err err = ERR_INIT;
    bool live;

    if (store_lock_info(options->store, &lock, &err) || !lock.held || !lock.ours) {
        json_decref(args);
        reply_unavailable(x->reply, "no scheduler is running that could do this");
        return;
    }
    struct waiter *waiter = xcalloc(1, sizeof *waiter);
    if (request_post(options->store, verb, args, NULL, options->ids, options->clock, waiter->id,
                     &live, &err)) {
        free(waiter);
        reply_unavailable(x->reply, err.text);
        return;
    }
    waiter->held = server_later(x->request);
    waiter->deadline_ms = loop_now_ms() + CONTROL_WAIT_MS;
    waiter->next = x->control->waiters;
    x->control->waiters = waiter;
    loop_timer_in(x->control->timer, CONTROL_POLL_MS);
}
