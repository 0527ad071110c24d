#include "mesos/operator.h"

#include <ctype.h>
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/json.h"
#include "mesos/leader.h"
#include "mesos/master.h"

enum { REDIRECTS = 3, CONNECT_TIMEOUT_MS = 10000 };

/* ---- who leads ---- */

struct search {
    struct loop *loop;
    char *base;
};

static void found(void *ctx, const char *base)
{
    struct search *search = ctx;

    if (!base || search->base)
        return;
    search->base = xstrdup(base);
    loop_stop(search->loop, 0);
}

static void give_up(void *ctx)
{
    struct search *search = ctx;

    loop_stop(search->loop, 0);
}

/* "http://host:port" of the leader; for the caller to free. */
static char *find_leader(const struct operator_query *query, struct err *err)
{
    struct search search = {.loop = loop_new(err)};

    if (!search.loop)
        return NULL;
    struct loop_timer *timer = loop_timer_add(search.loop, give_up, &search);
    struct leader *leader = leader_new(search.loop, query->master, found, &search, err);
    if (leader) {
        loop_timer_in(timer, query->timeout_ms);
        loop_run(search.loop);
        if (!search.base)
            err_set(err, EXIT_UNREACHABLE, "no leading master at '%s'", query->master);
    }
    leader_free(leader);
    loop_timer_del(timer);
    loop_free(search.loop);
    return search.base;
}

/* ---- one request ---- */

static size_t keep(char *data, size_t size, size_t n, void *ctx)
{
    struct buf *body = ctx;

    if (body->len + size * n > JSON_BYTES)
        return 0;
    buf_add(body, data, size * n);
    return size * n;
}

static void cleanup_curl(CURL **curl)
{
    curl_easy_cleanup(*curl);
}

static void cleanup_headers(struct curl_slist **list)
{
    curl_slist_free_all(*list);
}

static void add_header(struct curl_slist **list, const char *line)
{
    struct curl_slist *longer = curl_slist_append(*list, line);

    if (!longer)
        abort();
    *list = longer;
}

/* Returns the HTTP status, or -1. A redirect's base goes to *ret_base, for the caller to free. */
static long request(const struct operator_query *query, const char *base, const char *body,
                    struct buf *answer, char **ret_base, struct err *err)
{
    __attribute__((cleanup(cleanup_curl))) CURL *curl = curl_easy_init();
    __attribute__((cleanup(cleanup_headers))) struct curl_slist *headers = NULL;
    auto_free char *url = xasprintf("%s/api/v1", base);
    char text[CURL_ERROR_SIZE] = "";
    char *location = NULL;
    long status = 0;

    if (!curl)
        return err_set(err, EXIT_BUG, "cannot start curl");
    add_header(&headers, "Content-Type: application/json");
    add_header(&headers, "Accept: application/json");
    if (query->authorization)
        add_header(&headers, query->authorization);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, query->timeout_ms);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, text);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, keep);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
    const CURLcode code = curl_easy_perform(curl);
    if (code == CURLE_WRITE_ERROR)
        return err_set(err, EXIT_INPUT, "the answer of '%s' is larger than %d MiB", base,
                       JSON_BYTES >> 20);
    if (code != CURLE_OK)
        return err_set(err, EXIT_UNREACHABLE, "cannot reach the master at '%s': %s", base,
                       *text ? text : curl_easy_strerror(code));
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(curl, CURLINFO_REDIRECT_URL, &location);
    *ret_base = location ? master_base_of(location) : NULL;
    return status;
}

static json_t *read_answer(const char *base, const char *type, const struct buf *answer,
                           struct err *err)
{
    auto_free char *member = xstrdup(type);
    json_auto json_t *json = json_parse(answer->data, answer->len, base, err);

    for (char *c = member; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    json_t *found_member = json_object_get(json, member);
    if (!json)
        return NULL;
    if (!json_is_object(found_member)) {
        err_set(err, EXIT_INPUT, "the master at '%s' did not answer %s", base, type);
        return NULL;
    }
    return json_incref(found_member);
}

json_t *operator_ask(const struct operator_query *query, const char *type, struct err *err)
{
    auto_free char *base = find_leader(query, err);
    auto_free char *body = xasprintf("{\"type\":\"%s\"}", type);
    auto_buf struct buf answer = BUF_INIT;

    for (int i = 0; base && i <= REDIRECTS; i++) {
        char *next = NULL;
        buf_clear(&answer);
        const long status = request(query, base, body, &answer, &next, err);
        if (status < 0)
            return NULL;
        if (status == 200) {
            free(next);
            return read_answer(base, type, &answer, err);
        }
        if (!next) {
            err_set(err, status == 401 || status == 403 ? EXIT_DENIED : EXIT_UNREACHABLE,
                    "the master at '%s' answered %s with status %ld: %.200s", base, type, status,
                    buf_str(&answer));
            return NULL;
        }
        free(base);
        base = next;
    }
    if (base)
        err_set(err, EXIT_UNREACHABLE, "the masters send each other round: '%s'", base);
    return NULL;
}
