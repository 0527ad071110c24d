/* Inside of the state floor: how the mirror is kept. */
#ifndef DSE_STATE_STATE_IMPL_H
#define DSE_STATE_STATE_IMPL_H

#include "base/clock.h"
#include "base/text.h"
#include "state/state.h"

/* Strings that many tasks share (types, agents, hosts, configurations): kept once, for ever. */
struct text_pool {
    char **slots;
    size_t room, count;
};
const char *text_pool_add(struct text_pool *pool, const char *text, size_t len);
void text_pool_free(struct text_pool *pool);

/* Which stored tasks hold a resource id: a table of counts. */
struct resource_slot {
    unsigned char key[16]; /* the UUID, or a hash of other text */
    struct task *owner;    /* one that holds it; NULL: look for it */
    uint32_t holders;      /* how often it is listed; 0: the slot is free */
    uint32_t expected;     /* of those, by tasks whose resources are kept */
};
struct resource_table {
    struct resource_slot *slots;
    size_t room, count;
};
void resource_table_free(struct resource_table *table);
/* Adds or takes away what the encoded TaskInfo lists. */
void resource_table_add(struct resource_table *table, struct task *task, const void *info,
                        size_t len, bool expected);
void resource_table_remove(struct resource_table *table, const struct task *task, const void *info,
                           size_t len, bool expected);
const struct resource_slot *resource_table_find(const struct resource_table *table, const char *id);
/* Calls fn for each resource id in the encoded TaskInfo, its executor's included. */
void each_resource_id(const void *info, size_t len,
                      void (*fn)(void *ctx, const char *id, size_t id_len), void *ctx);

/* The first task, by name, of each pod instance that has one. */
struct pod_slot {
    const char *type; /* in the text pool */
    int index;
    struct task *first; /* NULL: the slot is free */
};
struct pod_table {
    struct pod_slot *slots;
    size_t room, count;
};
struct task *pod_table_find(const struct pod_table *table, const char *type, int index);
void pod_table_put(struct pod_table *table, struct task *first);
void pod_table_remove(struct pod_table *table, const char *type, int index);
void pod_table_free(struct pod_table *table);

struct task_entry {
    struct task task; /* first */
    struct tree_node *node;
    char *strings;         /* ids of the TaskInfo */
    char *status_strings;  /* of the TaskStatus, where they differ from those */
    bool counted;          /* its resources are in the table ... */
    bool counted_expected; /* ... as expected */
};

/* Answered requests in the order of their age: collected when there are more than are kept, then
 * kept up, since it takes reading all of them. */
struct result {
    char id[UUID_TEXT];
    int64_t created_ms;
};
struct results {
    struct result *items; /* NULL: not collected yet */
    size_t count, room;
};

struct problem {
    char *text;
    bool fatal; /* the writer must not start on it */
};

struct state {
    struct tree *tree;
    size_t task_count;
    struct resource_table resources;
    struct pod_table pods;
    struct text_pool pool;
    char *framework_id; /* NULL: absent or broken */
    struct problem *problems;
    size_t n_problems;
    struct results results;
    struct task_watcher watcher; /* functions are NULL when there is none */
};

void state_add_problem(struct state *state, bool fatal, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A change of the mirror at a path below Tasks/: begin before it, end after it. */
void task_change_begin(struct state *state, const char *path);
void task_change_end(struct state *state, const char *path);
/* Before the node Tasks/<name> is deleted. */
void task_forget(struct state *state, const char *path);
/* Makes the tasks of a tree just loaded; drops all. */
void tasks_load(struct state *state);
void tasks_drop(struct state *state);

/* state_put() of bytes that mirror and transaction then hold. */
void state_put_shared(struct state *state, struct txn *txn, const char *path, char *data,
                      ssize_t len);

/* "dse-0-", which the names of a pod's tasks begin with. New. */
char *pod_prefix(const char *type, int index);

/* The summary of encoded messages. Strings go to the entry. */
/* False when the bytes are no TaskInfo of that name; *ret_why says why. */
bool summarise_info(struct state *state, struct task_entry *entry, const void *data, size_t len,
                    const char **ret_why);
bool summarise_status(struct state *state, struct task_entry *entry, const void *data, ssize_t len,
                      const char **ret_why);

#endif
