#define _GNU_SOURCE
#include "base/crash.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int count_fd = -1;
static unsigned long crash_at;
static pthread_mutex_t counting = PTHREAD_MUTEX_INITIALIZER; /* keeps counts in the file in order */
static unsigned long reached;
static bool armed;

/* At each point, not at exit: a process that a signal ends has counted, too. */
static void write_count(unsigned long count)
{
    char text[32];
    const int len = snprintf(text, sizeof text, "%lu\n", count);

    if (pwrite(count_fd, text, (size_t)len, 0) < 0)
        perror("DSE_CRASH_COUNT");
}

static void read_environment(void)
{
    const char *at = getenv("DSE_CRASH_AT");
    const char *count_file = getenv("DSE_CRASH_COUNT");

    crash_at = at ? strtoul(at, NULL, 10) : 0;
    if (count_file && *count_file) {
        count_fd = open(count_file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        if (count_fd < 0)
            perror(count_file);
    }
    armed = crash_at || count_fd >= 0;
}

void crash_point(const char *name)
{
    pthread_once(&once, read_environment);
    if (!armed)
        return;
    pthread_mutex_lock(&counting);
    const unsigned long now = ++reached;
    if (count_fd >= 0)
        write_count(now);
    pthread_mutex_unlock(&counting);
    if (now != crash_at)
        return;
    char text[200];
    const int len = snprintf(text, sizeof text, "crash point %lu: %s\n", crash_at, name);
    const size_t size = (size_t)len < sizeof text ? (size_t)len : sizeof text - 1;
    if (io_write_all(STDERR_FILENO, text, size) < 0)
        raise(SIGKILL);
    raise(SIGKILL);
}
