#include "base/shared.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

struct header {
    size_t holders;
    char bytes[];
};

static struct header *header_of(char *bytes)
{
    return (struct header *)(void *)(bytes - offsetof(struct header, bytes));
}

char *shared_alloc(size_t len)
{
    struct header *header = xmalloc(sizeof *header + len + 1);

    header->holders = 1;
    header->bytes[len] = '\0';
    return header->bytes;
}

char *shared_new(const void *data, size_t len)
{
    char *bytes = shared_alloc(len);

    if (len)
        memcpy(bytes, data, len);
    return bytes;
}

char *shared_hold(char *bytes)
{
    if (bytes)
        header_of(bytes)->holders++;
    return bytes;
}

void shared_drop(char *bytes)
{
    if (bytes && --header_of(bytes)->holders == 0)
        free(header_of(bytes));
}

void shared_drop_fn(char **bytes)
{
    shared_drop(*bytes);
}
