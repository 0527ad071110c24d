/* Bytes that several owners hold and none changes: what is stored, in the mirror, in the
 * transaction that is on its way and in a store in memory. With a NUL behind them. For one thread.
 */
#ifndef DSE_BASE_SHARED_H
#define DSE_BASE_SHARED_H

#include <stddef.h>

/* Held once, by the caller; to be filled in before others hold it. */
char *shared_alloc(size_t len);
char *shared_new(const void *data, size_t len); /* a copy */
char *shared_hold(char *bytes);                 /* once more; NULL is allowed */
void shared_drop(char *bytes);                  /* the last one frees it; NULL is allowed */
void shared_drop_fn(char **bytes);
#define auto_shared __attribute__((cleanup(shared_drop_fn)))

#endif
