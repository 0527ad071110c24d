/* The journal of a directory store: records of transactions, appended (doc/store-dir.md). */
#ifndef DSE_STATE_DIR_JOURNAL_H
#define DSE_STATE_DIR_JOURNAL_H

#include "state/store.h"

#define JOURNAL_NAME ".journal"
#define JOURNAL_NEW ".journal.new"

enum {
    JOURNAL_HEADER = 24,            /* bytes of an empty journal */
    JOURNAL_LIMIT = 1 << 20,        /* a longer one is emptied */
    JOURNAL_RECORD_LIMIT = 64 << 20 /* bytes of one record */
};

/* What a journal holds, as far as it is whole. */
struct journal_image {
    struct buf bytes;
    size_t valid;   /* bytes of whole records, with the header; 0: no journal */
    uint64_t first; /* number of the first record, 0: no journal */
    uint64_t next;  /* number for the next record */
};
void journal_image_free(struct journal_image *image);
#define auto_journal_image __attribute__((cleanup(journal_image_free)))

/* Reads the journal of a store. A broken tail is left out, a broken header an EXIT_INPUT error. */
int journal_read(int root, struct journal_image *ret, struct err *err);
/* Reads `first` only. */
int journal_read_first(int root, uint64_t *ret, struct err *err);
/* The next transaction; *at starts at 0. NULL at the end. */
struct txn *journal_next(const struct journal_image *image, size_t *at);

/* Appends the record of a transaction. EXIT_INPUT when it is too large. */
int journal_encode(struct buf *out, uint64_t number, const struct txn *txn, struct err *err);
/* Makes an empty journal take the place of the present one, durably. */
int journal_replace(int root, uint64_t first, struct err *err);
/* Opens it for appending; makes it when missing. */
int journal_open(int root, struct err *err);

#endif
