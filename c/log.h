/* One line of log to stderr and, once opened, to syslog. */
#ifndef ADIT_LOG_H
#define ADIT_LOG_H

#include <stdbool.h>

/* Severities of syslog. */
enum log_level {
	LOG_LEVEL_ERROR = 3,
	LOG_LEVEL_WARNING = 4,
	LOG_LEVEL_INFO = 6,
	LOG_LEVEL_DEBUG = 7
};

/* Opens syslog under `ident` (borrowed, static) and drops lines above `max_level`. */
void log_open(const char *ident, enum log_level max_level);

/* Writes "<ident>: text". Lines are cut at 2,048 bytes; control characters become '?'. */
/* While on, lines are bounded in their rate: those that somebody provokes who is not trusted. */
void log_bound(bool on);
void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...) log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...) log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
