/* The node files of a directory store: <node>/.data below the root (doc/store-dir.md). */
#ifndef DSE_STATE_DIR_FILES_H
#define DSE_STATE_DIR_FILES_H

#include <time.h>

#include "state/store.h"

#define DATA_NAME ".data"

enum { NODE_BYTES = 64 << 20 };

struct files {
    int fd;           /* of the root, -1 while there is none */
    const char *path; /* of the root, for messages */
};

/* ".data" of a node: "Tasks/x/.data". To free. */
char *files_data_path(const char *node);
/* 1 there, 0 not, -1 error. */
int files_exists(const struct files *files, const char *node, struct err *err);
/* Calls fn for each child until it returns true. */
int files_children(const struct files *files, const char *node,
                   bool (*fn)(void *ctx, const char *name), void *ctx, struct err *err);
/* Puts the node and all below into the tree; what vanishes meanwhile is left out, and children of
 * the node `lock` are. */
struct store_call;
int files_load(const struct files *files, const struct store_call *call, struct tree *tree,
               struct err *err);
/* Carries out one operation, not durably. Tolerates what is done already. */
int files_apply(const struct files *files, const struct txn_op *op, struct err *err);
/* Makes what the nodes of `touched` and their parents are durable. */
int files_sync(const struct files *files, const struct tree *touched, struct err *err);
/* Writes one new node, with empty parents where they are missing, durably: a directory is made
 * aside and moved to its place in whole. EXIT_LOCKED when it exists. */
int files_post(const struct files *files, const char *path, const void *data, size_t len,
               struct err *err);
/* Removes what interrupted posts left aside. */
void files_drop_old_posts(const struct files *files, time_t older_than);
/* Errors of the file system as status. */
enum exit_status files_status(int errnum);

#endif
