#define _GNU_SOURCE /* strcasecmp beside the POSIX names */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/io.h"
#include "base/text.h"

/* Read from any thread, set once by log_init(). */
static const char *program_name = "dse";
static _Atomic int lowest = LOG_LEVEL_INFO;

static const char *const words[] = {
    [LOG_LEVEL_DEBUG] = "debug",
    [LOG_LEVEL_INFO] = "info",
    [LOG_LEVEL_WARN] = "warning",
    [LOG_LEVEL_ERROR] = "error",
};

/* The original's names (api-and-cli 1.14) beside ours; an unknown one leaves the level alone. */
static int level_of(const char *name, int otherwise)
{
    static const struct {
        const char *name;
        int level;
    } names[] = {
        {"all", LOG_LEVEL_DEBUG},     {"trace", LOG_LEVEL_DEBUG}, {"debug", LOG_LEVEL_DEBUG},
        {"info", LOG_LEVEL_INFO},     {"warn", LOG_LEVEL_WARN},   {"warning", LOG_LEVEL_WARN},
        {"err", LOG_LEVEL_ERROR},     {"error", LOG_LEVEL_ERROR}, {"fatal", LOG_LEVEL_ERROR},
        {"off", LOG_LEVEL_ERROR + 1},
    };

    for (size_t i = 0; name && i < ARRAY_LEN(names); i++) {
        if (strcasecmp(name, names[i].name) == 0)
            return names[i].level;
    }
    return otherwise;
}

void log_init(const char *program, const char *level_name)
{
    program_name = program;
    lowest = level_of(level_name ? level_name : getenv("FRAMEWORK_LOG_LEVEL"), LOG_LEVEL_INFO);
}

bool log_shows(enum log_level level)
{
    return (int)level >= lowest;
}

void log_at(enum log_level level, const char *format, ...)
{
    const int saved = errno;
    auto_buf struct buf line = BUF_INIT;
    auto_free char *text = NULL;
    struct timespec now;
    struct tm tm;
    char stamp[40];
    va_list args;

    if (!log_shows(level))
        return;
    va_start(args, format);
    text = xvasprintf(format, args);
    va_end(args);
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &tm);
    strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &tm);
    buf_addf(&line, "%s: %s.%03ldZ %s: ", program_name, stamp, now.tv_nsec / 1000000, words[level]);
    text_clean(&line, text);
    buf_addc(&line, '\n');
    if (io_write_all(STDERR_FILENO, line.data, line.len) < 0)
        errno = saved; /* nowhere left to say it */
    errno = saved;
}
