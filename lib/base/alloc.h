/* Allocation that ends the process (status 70) when memory is gone, and cleanup attributes.
 *
 * A scheduler that cannot allocate should be restarted; so no caller checks for NULL.
 * Locals that own something are declared with an auto_* attribute and initialised to NULL or -1;
 * a result leaves its function through steal_ptr() or steal_fd(). */
#ifndef DSE_BASE_ALLOC_H
#define DSE_BASE_ALLOC_H

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

void *xmalloc(size_t size);
void *xcalloc(size_t count, size_t size);
void *xrealloc(void *old, size_t size);
/* realloc to count * size bytes, checking the product. */
void *xreallocarray(void *old, size_t count, size_t size);
char *xstrdup(const char *s);
/* Copies len bytes and adds a NUL. */
char *xstrndup(const char *s, size_t len);
void *xmemdup(const void *data, size_t len);
char *xasprintf(const char *format, ...) __attribute__((format(printf, 1, 2)));
char *xvasprintf(const char *format, va_list args) __attribute__((format(printf, 1, 0)));

void cleanup_free_fn(void *pointer);
void cleanup_close_fn(int *fd);
void cleanup_file_fn(FILE **file);
#define auto_free __attribute__((cleanup(cleanup_free_fn)))
#define auto_close __attribute__((cleanup(cleanup_close_fn)))
#define auto_file __attribute__((cleanup(cleanup_file_fn)))

/* Hands the value over and empties the variable. */
#define steal_ptr(p)                 \
    __extension__({                  \
        __typeof__(p) stolen_ = (p); \
        (p) = NULL;                  \
        stolen_;                     \
    })
int steal_fd(int *fd);

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

#endif
