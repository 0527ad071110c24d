/* Errors: a status and one line of text, owned by the caller, usually on its stack.
 *
 * Functions that can fail take a `struct err *` as their last parameter, return a negative int or
 * NULL on failure and fill it; success never touches it. Callers add context on the way up with
 * err_prefix(). Only main prints. Text form: lower case, no full stop, subject in single quotes,
 * input errors start with `file:line:column: `. Never put a secret into it. */
#ifndef DSE_BASE_ERR_H
#define DSE_BASE_ERR_H

#include "base/exit.h"

struct err {
    enum exit_status status;
    char text[2000]; /* NUL-terminated; longer texts are cut with "..." */
};

#define ERR_INIT      \
    {                 \
        EXIT_DONE, "" \
    }

/* Sets status and text. Control characters in the result are replaced by '?'.
 * Returns -1, so that failing is one statement: return err_set(err, EXIT_INPUT, ...). */
int err_set(struct err *err, enum exit_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* As err_set(), with `: <strerror(errnum)>` added. Returns -1. */
int err_sys(struct err *err, enum exit_status status, int errnum, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Puts `<prefix>: ` before the present text, keeping the status. Returns -1. */
int err_prefix(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
