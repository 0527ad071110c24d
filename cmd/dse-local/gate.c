/* Who may speak to this master, and whether it is the one to speak to: leadership, recovery and
 * Basic authentication, in the order and with the words of Mesos (see offer-cycle 10.7, 10.13). */
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/io.h"
#include "base/json.h"
#include "local.h"
#include "proto/pbjson.h"

enum { CREDENTIALS_LIMIT = 1 << 20 };

/* ---- credentials ---- */

static void add(struct master *m, const char *principal, const char *secret)
{
    map_put(&m->credentials, arena_strdup(&m->arena, principal), arena_strdup(&m->arena, secret));
}

/* {"credentials": [{"principal": "p", "secret": "s"}]} */
static int load_json(struct master *m, const char *file, const json_t *root, struct err *err)
{
    const json_t *list = json_object_get(root, "credentials");
    if (!json_is_array(list))
        return err_set(err, EXIT_INPUT, "%s: 'credentials' is not an array", file);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *principal, *secret;
        if (json_get_string(json_array_get(list, i), "principal", "credentials[]", &principal,
                            err) ||
            json_get_string(json_array_get(list, i), "secret", "credentials[]", &secret, err))
            return err_prefix(err, "%s", file);
        add(m, principal, secret);
    }
    return 0;
}

/* "principal secret" on each line. */
static int load_lines(struct master *m, const char *file, char *text, struct err *err)
{
    char *save = NULL;
    for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        char *words = NULL;
        const char *principal = strtok_r(line, " \t\r", &words);
        const char *secret = strtok_r(NULL, " \t\r", &words);
        if (!principal)
            continue;
        if (!secret || strtok_r(NULL, " \t\r", &words))
            return err_set(err, EXIT_INPUT, "%s: a line is not 'PRINCIPAL SECRET'", file);
        add(m, principal, secret);
    }
    return 0;
}

int credentials_load(struct master *m, const char *file, struct err *err)
{
    auto_buf struct buf text = BUF_INIT;
    struct err unused = ERR_INIT;
    if (io_read_file(file, CREDENTIALS_LIMIT, &text, err))
        return -1;
    json_auto json_t *root = json_parse(text.data, text.len, file, &unused);
    if (root ? load_json(m, file, root, err)
             : load_lines(m, file, arena_strdup(&m->arena, buf_str(&text)), err))
        return -1;
    return m->credentials.count ? 0 : err_set(err, EXIT_INPUT, "%s: no credentials", file);
}

/* The principal that a request proves to come from; NULL when it does not. */
static const char *authenticated(const struct master *m, const struct http_request *req,
                                 struct arena *arena)
{
    auto_buf struct buf text = BUF_INIT;
    const char *header = http_header(req, "Authorization");
    if (!header || strncasecmp(header, "Basic ", 6) != 0 ||
        base64_decode(header + 6, strlen(header + 6), &text) < 0)
        return NULL;
    char *principal = arena_strdup(arena, buf_str(&text)), *colon = strchr(principal, ':');
    if (!colon)
        return NULL;
    *colon = '\0';
    const char *secret = map_get(&m->credentials, principal);
    return secret && strcmp(secret, colon + 1) == 0 ? principal : NULL;
}

/* ---- the gate ---- */

static void answer(struct http_conn *conn, int status, const char *headers, const char *text)
{
    http_reply(conn, status, "text/plain; charset=utf-8", headers, text, strlen(text));
}

bool gate_pass(const struct master *m, struct http_conn *conn, const struct http_request *req,
               const char **ret_principal, struct arena *arena)
{
    *ret_principal = NULL;
    if (m->credentials.count) {
        *ret_principal = authenticated(m, req, arena);
        if (!*ret_principal) {
            answer(conn, 401, "WWW-Authenticate: Basic realm=\"mesos-master-scheduler\"\r\n", "");
            return false;
        }
    }
    if (m->config.leader && !*m->config.leader) {
        answer(conn, 503, NULL, "No leader elected");
        return false;
    }
    if (m->config.leader) {
        answer(conn, 307, arena_printf(arena, "Location: //%s%s\r\n", m->config.leader, req->path),
               "");
        return false;
    }
    if (loop_now_ms() < m->recovered_ms) {
        answer(conn, 503, NULL, "Master has not finished recovery");
        return false;
    }
    return true;
}

int gate_check_principal(const char *principal, const FrameworkInfo *info, struct buf *why)
{
    if (!principal || !info->principal || strcmp(principal, info->principal) == 0)
        return 0;
    buf_clear(why);
    buf_addf(why,
             "Authenticated principal '%s' does not match principal '%s' set in `FrameworkInfo`",
             principal, info->principal);
    return -1;
}
