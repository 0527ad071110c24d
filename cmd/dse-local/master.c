/* The master's HTTP API: calls of schedulers in the order and with the words of Mesos
 * (see offer-cycle 10.1, 10.7), and the read-only pages. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/log.h"
#include "local.h"
#include "proto/pbjson.h"
#include "rules.h"

static const char JSON_TYPE[] = "application/json";
static const char PROTOBUF_TYPE[] = "application/x-protobuf";

double now_seconds(const struct master *m)
{
    return (double)clock_now_ms(&m->clock) / 1000.0;
}

/* ---- answers ---- */

static void answer(struct http_conn *conn, int status, const char *text)
{
    http_reply(conn, status, "text/plain; charset=utf-8", NULL, text, strlen(text));
}

static void answer_json(struct http_conn *conn, const json_t *value)
{
    auto_buf struct buf out = BUF_INIT;
    json_write(&out, value, JSON_LAYOUT_COMPACT);
    buf_addc(&out, '\n');
    http_reply(conn, 200, JSON_TYPE, NULL, out.data, out.len);
}

/* ---- reading a call ---- */

static Call *read_call(struct http_conn *conn, const struct http_request *req, struct arena *arena)
{
    struct err err = ERR_INIT;
    const char *type = http_header(req, "Content-Type");
    Call *call = NULL;
    if (!type) {
        answer(conn, 400, "Expecting 'Content-Type' to be present");
        return NULL;
    }
    if (strcmp(type, PROTOBUF_TYPE) == 0) {
        call = PB_UNPACK(Call, call, req->body, req->body_len, arena, "request", &err);
        if (!call)
            answer(conn, 400, "Failed to parse body into Call protobuf");
        return call;
    }
    if (strcmp(type, JSON_TYPE) != 0) {
        answer(conn, 415, "Expecting 'Content-Type' of application/json or application/x-protobuf");
        return NULL;
    }
    json_auto json_t *body = json_parse(req->body, req->body_len, "request", &err);
    if (!body) {
        answer(conn, 400, arena_printf(arena, "Failed to parse body into JSON: %s", err.text));
        return NULL;
    }
    call = PB_FROM_JSON(Call, call, body, arena, &err);
    if (!call)
        answer(conn, 400,
               arena_printf(arena, "Failed to convert JSON into Call protobuf: %s", err.text));
    return call;
}

/* True when an Accept header allows type; a missing one allows all. */
static bool accepts(const struct http_request *req, const char *type)
{
    const char *accept = http_header(req, "Accept");
    if (!accept)
        return true;
    auto_free char *copy = xstrdup(accept);
    char *save = NULL;
    for (char *item = strtok_r(copy, ",", &save); item; item = strtok_r(NULL, ",", &save)) {
        item += strspn(item, " \t");
        item[strcspn(item, " \t;")] = '\0';
        if (strcasecmp(item, type) == 0 || strcmp(item, "*/*") == 0 ||
            strcasecmp(item, "application/*") == 0)
            return true;
    }
    return false;
}

/* ---- calls ---- */

/* A framework that proved who it is without saying so in its FrameworkInfo is that one. */
static void subscribe(struct master *m, struct http_conn *conn, const struct http_request *req,
                      const char *principal, Call *call)
{
    if (principal && !call->subscribe->framework_info->principal)
        call->subscribe->framework_info->principal = principal;
    const bool json = accepts(req, JSON_TYPE);
    if (!json && !accepts(req, PROTOBUF_TYPE))
        answer(conn, 406,
               "Expecting 'Accept' to allow 'application/x-protobuf' or 'application/json'");
    else if (http_header(req, "Mesos-Stream-Id"))
        answer(conn, 400, "Subscribe calls should not include the 'Mesos-Stream-Id' header");
    else
        framework_subscribe(m, conn, json, call->subscribe);
}

static void kill_call(struct framework *f, const Call__Kill *call)
{
    const char *id = call->task_id->value;
    const char *agent_id = call->agent_id ? call->agent_id->value : NULL;
    struct task *task = map_get(&f->tasks, id);
    if (!task || !agent_registered(task->agent)) {
        reconcile_one(f, id, agent_id);
        return;
    }
    if (agent_id && strcmp(agent_id, task->agent->id) != 0)
        return;
    task_kill_call(task, call->kill_policy);
}

static void shutdown_call(struct framework *f, const Call__Shutdown *call)
{
    const struct agent *agent = agent_find(f->master, call->agent_id->value);
    struct executor *executor = agent ? executor_find(agent, f, call->executor_id->value) : NULL;
    if (executor && agent->presence == AGENT_UP)
        executor_shutdown(executor);
}

static void update_call(struct http_conn *conn, struct framework *f,
                        const Call__UpdateFramework *call)
{
    auto_buf struct buf why = BUF_INIT;
    if (framework_update(f, call, &why))
        answer(conn, 400, buf_str(&why));
    else
        answer(conn, 200, "");
}

/* Answers 202 and carries the call out. */
static void dispatch(struct http_conn *conn, struct framework *f, Call *call)
{
    if (call->type == CALL__TYPE__UPDATE_FRAMEWORK) {
        update_call(conn, f, call->update_framework);
        return;
    }
    if (call->type == CALL__TYPE__UNKNOWN) {
        answer(conn, 501, "");
        return;
    }
    answer(conn, 202, "");
    switch (call->type) {
    case CALL__TYPE__TEARDOWN:
        framework_remove(f);
        break;
    case CALL__TYPE__ACCEPT:
        accept_offers(f, call->accept);
        break;
    case CALL__TYPE__DECLINE:
        decline(f, call->decline);
        break;
    case CALL__TYPE__REVIVE:
        revive(f, call->revive ? call->revive->n_roles : 0,
               call->revive ? call->revive->roles : NULL);
        break;
    case CALL__TYPE__SUPPRESS:
        suppress(f, call->suppress ? call->suppress->n_roles : 0,
                 call->suppress ? call->suppress->roles : NULL);
        break;
    case CALL__TYPE__KILL:
        kill_call(f, call->kill);
        break;
    case CALL__TYPE__SHUTDOWN:
        shutdown_call(f, call->shutdown);
        break;
    case CALL__TYPE__ACKNOWLEDGE:
        acknowledge(f, call->acknowledge);
        break;
    case CALL__TYPE__ACKNOWLEDGE_OPERATION_STATUS:
        operation_acknowledge(f, call->acknowledge_operation_status);
        break;
    case CALL__TYPE__RECONCILE:
        reconcile(f, call->reconcile);
        break;
    case CALL__TYPE__RECONCILE_OPERATIONS:
        reconcile_operations(f, call->reconcile_operations);
        break;
    default:
        break; /* MESSAGE, REQUEST, inverse offers: accepted, without effect here */
    }
}

static void scheduler_call(struct master *m, struct http_conn *conn, const struct http_request *req)
{
    auto_arena struct arena arena = ARENA_INIT;
    auto_buf struct buf why = BUF_INIT;
    const char *principal;
    if (!gate_pass(m, conn, req, &principal, &arena))
        return;
    if (strcmp(req->method, "POST") != 0) {
        const char *text =
            arena_printf(&arena, "Expecting one of { 'POST' }, but received '%s'", req->method);
        http_reply(conn, 405, "text/plain; charset=utf-8", "Allow: POST\r\n", text, strlen(text));
        return;
    }
    Call *call = read_call(conn, req, &arena);
    if (!call)
        return;
    if (check_call(call, &why) ||
        (call->type == CALL__TYPE__SUBSCRIBE &&
         gate_check_principal(principal, call->subscribe->framework_info, &why))) {
        refuse_prefix(&why, "Failed to validate scheduler::Call: ");
        answer(conn, 400, buf_str(&why));
        return;
    }
    if (call->type == CALL__TYPE__SUBSCRIBE) {
        subscribe(m, conn, req, principal, call);
        return;
    }
    struct framework *f = framework_find(m, call->framework_id->value);
    const char *stream = http_header(req, "Mesos-Stream-Id");
    if (!f)
        answer(conn, 400, "Framework cannot be found");
    else if (gate_check_principal(principal, f->info, &why))
        answer(conn, 400, buf_str(&why));
    else if (!f->conn)
        answer(conn, 403, "Framework is not subscribed");
    else if (!stream)
        answer(conn, 400, "All non-subscribe calls should include the 'Mesos-Stream-Id' header");
    else if (strcmp(stream, f->stream_id) != 0)
        answer(
            conn, 400,
            arena_printf(&arena,
                         "The stream ID '%s' included in this request didn't match the stream ID "
                         "currently associated with framework ID %s",
                         stream, f->id));
    else
        dispatch(conn, f, call);
}

/* ---- pages ---- */

static void handle(void *ctx, struct http_conn *conn, const struct http_request *req)
{
    struct master *m = ctx;
    const char *path = req->path;
    if (strcmp(path, "/api/v1/scheduler") == 0 || strcmp(path, "/master/api/v1/scheduler") == 0) {
        scheduler_call(m, conn, req);
        return;
    }
    if (strncmp(path, "/control/", 9) == 0) {
        control_call(m, conn, req);
        return;
    }
    if (strcmp(path, "/api/v1") == 0) {
        operator_call(m, conn, req);
        return;
    }
    if (strcmp(req->method, "GET") != 0) {
        http_reply(conn, 405, "text/plain", "Allow: GET\r\n", "", 0);
        return;
    }
    if (strncmp(path, "/master/", 8) == 0)
        path += 7;
    if (strcmp(path, "/health") == 0) {
        answer(conn, 200, "");
    } else if (strcmp(path, "/version") == 0) {
        json_auto json_t *version = json_pack("{ss}", "version", m->config.version);
        answer_json(conn, version);
    } else if (strcmp(path, "/state") == 0) {
        json_auto json_t *state = view_state(m);
        answer_json(conn, state);
    } else {
        answer(conn, 404, "no such page\n");
    }
}

/* ---- start and stop ---- */

int master_start(struct master *m, int port, struct err *err)
{
    m->recovered_ms = loop_now_ms() + m->config.recovery_ms;
    m->procs = procs_new(m->loop, err);
    if (!m->procs)
        return -1;
    m->http = http_listen(m->loop, m->config.host, port, handle, m, err);
    return m->http ? 0 : -1;
}

void master_stop(struct master *m)
{
    http_free(m->http);
    m->http = NULL;
    frameworks_free(m);
    procs_free(m->procs);
    agents_free(m);
    map_free(&m->offers);
    map_free(&m->credentials);
    loop_timer_del(m->batch);
    for (size_t i = 0; i < REMOVED_REMEMBERED; i++)
        free(m->removed[i]);
    arena_free(&m->arena);
}
