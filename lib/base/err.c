#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Foreign text (task names, agent messages) ends up in errors: keep each on one clean line. */
static void sanitize(struct err *err, int wanted)
{
    const size_t size = sizeof err->text;

    if (wanted >= 0 && (size_t)wanted >= size)
        memcpy(err->text + size - 4, "...", 4);
    for (char *p = err->text; *p; p++) {
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            *p = '?';
    }
}

int err_set(struct err *err, enum exit_status status, const char *format, ...)
{
    va_list args;

    err->status = status;
    va_start(args, format);
    int n = vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
    sanitize(err, n);
    return -1;
}

int err_sys(struct err *err, enum exit_status status, int errnum, const char *format, ...)
{
    char what[sizeof err->text];
    va_list args;

    err->status = status;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    int n = snprintf(err->text, sizeof err->text, "%s: %s", what, strerror(errnum));
    sanitize(err, n);
    return -1;
}

int err_prefix(struct err *err, const char *format, ...)
{
    char old[sizeof err->text], prefix[sizeof err->text];
    va_list args;

    memcpy(old, err->text, sizeof old);
    va_start(args, format);
    vsnprintf(prefix, sizeof prefix, format, args);
    va_end(args);
    int n = snprintf(err->text, sizeof err->text, "%s: %s", prefix, old);
    sanitize(err, n);
    return -1;
}
