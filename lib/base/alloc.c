#include "base/alloc.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/exit.h"

static void out_of_memory(void)
{
    static const char text[] = "out of memory\n";

    if (write(STDERR_FILENO, text, sizeof text - 1) < 0)
        _exit(EXIT_BUG);
    _exit(EXIT_BUG);
}

void *xmalloc(size_t size)
{
    void *p = malloc(size ? size : 1);

    if (!p)
        out_of_memory();
    return p;
}

void *xcalloc(size_t count, size_t size)
{
    void *p = calloc(count ? count : 1, size ? size : 1);

    if (!p)
        out_of_memory();
    return p;
}

void *xrealloc(void *old, size_t size)
{
    void *p = realloc(old, size ? size : 1);

    if (!p)
        out_of_memory();
    return p;
}

void *xreallocarray(void *old, size_t count, size_t size)
{
    if (size && count > SIZE_MAX / size)
        out_of_memory();
    return xrealloc(old, count * size);
}

char *xstrdup(const char *s)
{
    return xmemdup(s, strlen(s) + 1);
}

char *xstrndup(const char *s, size_t len)
{
    char *p = xmalloc(len + 1);

    if (len)
        memcpy(p, s, len);
    p[len] = '\0';
    return p;
}

void *xmemdup(const void *data, size_t len)
{
    void *p = xmalloc(len);

    if (len)
        memcpy(p, data, len);
    return p;
}

char *xvasprintf(const char *format, va_list args)
{
    char guess[256]; /* mostly enough */
    va_list again;

    va_copy(again, args);
    const int n = vsnprintf(guess, sizeof guess, format, again);
    va_end(again);
    if (n < 0)
        out_of_memory();
    if (n < (int)sizeof guess)
        return xmemdup(guess, (size_t)n + 1);
    char *p = xmalloc((size_t)n + 1);
    vsnprintf(p, (size_t)n + 1, format, args);
    return p;
}

char *xasprintf(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    char *p = xvasprintf(format, args);
    va_end(args);
    return p;
}

void cleanup_free_fn(void *pointer)
{
    free(*(void **)pointer);
}

void cleanup_close_fn(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

void cleanup_file_fn(FILE **file)
{
    if (*file)
        fclose(*file);
}

int steal_fd(int *fd)
{
    int stolen = *fd;

    *fd = -1;
    return stolen;
}
