/* The store in a directory: what its parts share. */
#ifndef DSE_STATE_STORE_DIR_H
#define DSE_STATE_STORE_DIR_H

#include "state/dir_files.h"
#include "state/dir_journal.h"
#include "state/store_impl.h"

struct dir_store {
    struct store store; /* first */
    char *path;
    struct files files;
    /* the writer's */
    int lock_fd;    /* -1: not locked */
    int journal_fd; /* -1: not open */
    size_t journal_bytes;
    uint64_t next;        /* number of the next record */
    struct tree *touched; /* nodes changed since the journal was emptied */
    struct store_call *queue, **queue_tail;
    /* waiting for the lock */
    struct store_call *lock_call;
    struct loop_timer *lock_timer;
    int64_t lock_until_ms;
};

/* Opens the root when that has not been done; 1 there, 0 no such directory, -1 error. */
int dir_root(struct dir_store *dir, struct err *err);

/* ---- store_dir_lock.c ---- */
/* Takes the lock without waiting and makes the files agree with the journal. EXIT_LOCKED. */
int dir_lock_now(struct dir_store *dir, const char *holder, struct err *err);
/* Empties the journal and lets go of the lock. */
void dir_unlock(struct dir_store *dir);
/* Whether the lock is still ours. */
int dir_check_lock(struct dir_store *dir, struct err *err);
void dir_lock(struct store *store, struct store_call *call);
void dir_lock_info(struct store *store, struct store_call *call);
/* Makes the files durable and empties the journal. */
int dir_checkpoint(struct dir_store *dir, struct err *err);

/* ---- store_dir_watch.c ---- */
int dir_watch_add(struct store_watch *watch, struct err *err);
void dir_watch_del(struct store_watch *watch);

#endif
