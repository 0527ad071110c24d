/* What the command-line programs share: looking at a service in a store or a dump, and leaving
 * requests for its scheduler. */
#ifndef DSE_PLAN_CLIENT_H
#define DSE_PLAN_CLIENT_H

#include "plan/view.h"
#include "state/request.h"

struct client {
    const char *store;  /* URL; NULL: $DSE_STORE */
    const char *dump;   /* file made by `dse-state dump`, in place of a store; or NULL */
    struct store *kept; /* stays open from one look to the next */
};
/* Closes what was kept open. */
void client_close(struct client *client);

/* Reads everything, also nothing. */
struct tree *client_tree(struct client *client, struct err *err);
/* The same, for looking. */
struct view *client_look(struct client *client, struct err *err);
/* The same; an empty store is an EXIT_NO error that says how to fill it. */
struct view *client_view(struct client *client, struct err *err);
/* The same, and the plans must be there. */
struct view *client_plans(struct client *client, struct err *err);

/* Options of theirs (base/opt.h): the client's store and dump; whether and how long to wait. */
#define STORE_OPTION(url)                                                                     \
    {                                                                                         \
        's', "store", OPT_STRING, "URL", "where the state lives: zk://… or dir:PATH", &(url), \
            "DSE_STORE"                                                                       \
    }
#define DUMP_OPTION(file)                                                                          \
    {                                                                                              \
        0, "dump", OPT_STRING, "FILE", "read what `dse-state dump` printed, not a store", &(file), \
            .complete = "file"                                                                     \
    }
#define WAIT_OPTION(wait, wait_ms, help)                                                   \
    {                                                                                      \
        0, "wait", OPT_SECONDS, "SECONDS", help, &(wait_ms),                               \
            .flags = OPT_OPTIONAL, .given = &(wait), .min = 0, .max = 365L * 86400 * 1000, \
            .group = 2                                                                     \
    }

struct answer {
    char id[UUID_TEXT]; /* of the request */
    bool live;          /* a scheduler runs */
    bool done;          /* code and body are there */
    int code;           /* HTTP */
    json_t *body;       /* owned, or NULL */
};
void answer_release(struct answer *answer);
#define auto_answer __attribute__((cleanup(answer_release)))

/* Leaves a request; args and expects are stolen, expects may be NULL. With `wait` waits for the
 * result, wait_ms -1: until it expires, and says so on a terminal. EXIT_TIMEOUT when the time is
 * up.
 */
int client_request(const struct client *client, const char *verb, json_t *args, json_t *expects,
                   bool wait, int64_t wait_ms, struct answer *ret, struct err *err);
/* The text in a body: its member `message`, or the text that it is; "" when there is none. */
const char *answer_text(const struct answer *answer);
/* 0 for 2xx but 208; else fills err: EXIT_NO, EXIT_LOCKED for what changed underneath, EXIT_INPUT
 * for what was wrong. */
int answer_check(const struct answer *answer, struct err *err);

#endif
