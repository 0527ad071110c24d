/* Log lines of long-running programs: one line, one write, on stderr:
 * `dse-offers: 2026-11-22T18:00:00.123Z info: text`. Library code below the programs' main loops
 * logs only through a log that it was given, and reports failure through struct err. */
#ifndef DSE_BASE_LOG_H
#define DSE_BASE_LOG_H

#include <stdbool.h>

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };

/* Sets name (kept, not copied) and lowest level shown: debug, info, warn or error, in any case, and
 * the original's other names (trace, all, fatal, off). NULL: environment FRAMEWORK_LOG_LEVEL. An
 * unknown name means info. program_main() does it; call before threads are made. */
void log_init(const char *program, const char *level_name);
/* False when a line of that level would not be shown: skip costly texts. */
bool log_shows(enum log_level level);
/* One line; control characters become '?'. errno is left alone. Any thread. */
void log_at(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));
#define log_debug(...) log_at(LOG_LEVEL_DEBUG, __VA_ARGS__)
#define log_info(...) log_at(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_warn(...) log_at(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_error(...) log_at(LOG_LEVEL_ERROR, __VA_ARGS__)

#endif
