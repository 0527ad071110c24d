/* Requests: what an operator wants done, left under Toolkit/requests/<uuid> for the writer.
 *
 * Node data is JSON: {"verb","args":{},"created","expires","expects":{},"state","result":{}}.
 * verb    "update" {"spec": …, "plans": …}; "plan-start" {"plan","params"}; "plan-stop",
 *         "plan-interrupt", "plan-continue", "plan-restart", "plan-force-complete"
 *         {"plan","phase","step"}; "pod-restart", "pod-replace", "pod-pause", "pod-resume"
 *         {"pod","tasks":[]}; "uninstall-forget-agent" {"host"};
 *         "file-put" {"name","content" (base64)}
 * created, expires  ms since the epoch
 * expects what the asker saw: {"tasks":{"dse-0-node":"<task id>"}}, {"target":"<config id>"}; a
 *         mismatch is refused with 409
 * state   "queued" -> "done"; the effect and "done" with the result are one transaction
 * result  {"code": HTTP status, "body": JSON or text}
 * Only the writer changes or deletes; the last 100 results are kept. */
#ifndef DSE_STATE_REQUEST_H
#define DSE_STATE_REQUEST_H

#include <jansson.h>

#include "base/clock.h"
#include "state/state.h"

#define REQUESTS_PATH "Toolkit/requests"
enum { REQUEST_LIFE_MS = 3600 * 1000, REQUEST_RESULTS_KEPT = 100, REQUEST_BYTES = 1000000 };

struct request {
    char id[UUID_TEXT];
    const char *verb;
    json_t *args;    /* object, borrowed from `json` */
    json_t *expects; /* object or NULL */
    int64_t created_ms, expires_ms;
    bool done;
    int code;     /* of the result */
    json_t *body; /* of the result, borrowed, or NULL */
    json_t *json; /* owns all of it */
};
void request_release(struct request *request);
/* Decodes one node. */
int request_parse(const char *id, const void *data, size_t len, struct request *ret,
                  struct err *err);

/* For tools: posts a request and says where it is. args and expects are stolen (expects may be
 * NULL). Refuses with EXIT_LOCKED when the lock's holder is not ours. ret_live says whether a
 * writer holds the lock now. */
int request_post(struct store *store, const char *verb, json_t *args, json_t *expects,
                 struct idgen *ids, const struct clock *clock, char ret_id[UUID_TEXT],
                 bool *ret_live, struct err *err);
/* Waits until it is done, at most timeout_ms (-1: until it expires): 1 done with *ret filled, 0
 * time ran out, -1 error. Watches, does not poll. */
int request_wait(struct store *store, const char *id, int64_t timeout_ms, struct request *ret,
                 struct err *err);

/* For the writer: the result and the end of the request, in the transaction of its effect. Steals
 * body. Also drops the oldest results beyond REQUEST_RESULTS_KEPT. */
void request_finish(struct state *state, struct txn *txn, const struct request *request, int code,
                    json_t *body);

#endif
