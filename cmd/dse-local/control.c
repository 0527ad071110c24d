/* Commands that make things go wrong, for tests and demos: the server's side and the client's. */
#include <curl/curl.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "local.h"
#include "proto/pbjson.h"

/* ---- server ---- */

static struct task *find_task(const struct master *m, const char *id)
{
    for (MAP_EACH(&m->frameworks, e)) {
        const struct framework *f = MAP_LIVE(e) ? e->value : NULL;
        struct task *task = f ? map_get(&f->tasks, id) : NULL;
        if (task)
            return task;
    }
    return NULL;
}

static const char *fail_task(struct master *m, const char *id)
{
    struct task *task = find_task(m, id);
    if (!task || !task->executor)
        return "no such task runs";
    if (task->proc)
        proc_kill(task->proc);
    else
        task_ended(task, TASK_STATE__TASK_FAILED, "Command terminated with signal Killed", -1);
    return NULL;
}

static const char *fail_executor(struct master *m, const char *id)
{
    for (size_t i = 0; i < m->n_agents; i++)
        for (struct executor *e = m->agents[i]->executors; e; e = e->next)
            if (strcmp(e->id, id) == 0) {
                executor_died(e);
                return NULL;
            }
    return "no such executor runs";
}

/* Of one framework by id or name, or of all. */
static const char *disconnect(struct master *m, const char *name)
{
    bool any = false;
    for (MAP_EACH(&m->frameworks, e)) {
        struct framework *f = MAP_LIVE(e) ? e->value : NULL;
        if (!f || !f->conn ||
            (*name && strcmp(name, f->id) != 0 && strcmp(name, f->info->name) != 0))
            continue;
        framework_disconnect(f);
        any = true;
    }
    return any ? NULL : "no such framework is connected";
}

static const char *failover(struct master *m, const char *name)
{
    (void)name;
    master_failover(m);
    return NULL;
}

/* The next operation of that type, or of any, will be dropped as a master drops one that it finds
 * invalid: without a word, unless it carries an id. */
static const char *drop_next(struct master *m, const char *name)
{
    const int type = *name ? pb_enum_value(&offer__operation__type__descriptor, name) : 0;
    if (type < 0 || type >= DROP_TYPES || (type == OFFER__OPERATION__TYPE__LAUNCH) ||
        (type == 0 && *name))
        return "only RESERVE, UNRESERVE, CREATE and DESTROY can be dropped";
    m->drops[type]++;
    return NULL;
}

static const char *change_agent(struct master *m, const char *name, void (*change)(struct agent *))
{
    struct agent *agent = agent_named(m, name);
    if (!agent)
        return "no such agent";
    if (agent->presence == AGENT_GONE || agent->presence == AGENT_LEFT)
        return "that agent never returns";
    change(agent);
    return NULL;
}

static const char *down(struct master *m, const char *name)
{
    return change_agent(m, name, agent_down);
}

static const char *up(struct master *m, const char *name)
{
    return change_agent(m, name, agent_up);
}

static const char *gone(struct master *m, const char *name)
{
    return change_agent(m, name, agent_gone);
}

static const char *leave(struct master *m, const char *name)
{
    return change_agent(m, name, agent_leave);
}

/* All offers, or those of one agent. */
static const char *rescind(struct master *m, const char *name)
{
    if (*name)
        return change_agent(m, name, offers_rescind_agent);
    for (size_t i = 0; i < m->n_agents; i++)
        offers_rescind_agent(m->agents[i]);
    return NULL;
}

static const struct {
    const char *verb;
    const char *(*run)(struct master *m, const char *name); /* NULL when done, else why not */
} commands[] = {
    {"agent-down", down},       {"agent-up", up},         {"agent-gone", gone},
    {"agent-leave", leave},     {"fail-task", fail_task}, {"fail-executor", fail_executor},
    {"disconnect", disconnect}, {"failover", failover},   {"drop-operation", drop_next},
    {"rescind", rescind},
};

static const char *command(struct master *m, const char *verb, const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(commands); i++)
        if (strcmp(verb, commands[i].verb) == 0)
            return commands[i].run(m, name);
    return "no such command";
}

void control_call(struct master *m, struct http_conn *conn, const struct http_request *req)
{
    const char *verb = strrchr(req->path, '/') + 1;
    auto_free char *name = xstrndup(req->body, req->body_len);
    const char *why = strcmp(req->method, "POST") == 0 ? command(m, verb, name) : "not a POST";
    http_reply(conn, why ? 404 : 200, "text/plain; charset=utf-8", NULL, why,
               why ? strlen(why) : 0);
}

/* ---- client ---- */

static size_t keep_body(char *data, size_t size, size_t n, void *ctx)
{
    buf_add(ctx, data, size * n);
    return size * n;
}

int control_send(const char *url, const char *verb, const char *name, struct err *err)
{
    char text[CURL_ERROR_SIZE] = "";
    auto_buf struct buf body = BUF_INIT;
    auto_free char *target = xasprintf("%s/control/%s", url, verb);
    long status = 0;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    CURL *curl = curl_easy_init();
    if (!curl)
        return err_set(err, EXIT_BUG, "cannot start curl");
    curl_easy_setopt(curl, CURLOPT_URL, target);
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, 10L);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, text);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, name);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, keep_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &body);
    const CURLcode code = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_cleanup(curl);
    curl_global_cleanup();
    if (code != CURLE_OK)
        return err_set(err, EXIT_UNREACHABLE, "cannot reach '%s': %s", url,
                       *text ? text : curl_easy_strerror(code));
    if (status != 200)
        return err_set(err, EXIT_NO, *name ? "cannot do '%s': '%s': %s" : "cannot do '%s'%s: %s",
                       verb, name, buf_str(&body));
    return 0;
}
