/* Log: one line per event, key=value, to stderr (journald adds the rest).
 *
 * The first argument of every call is the module's short name; the text says what happened,
 * where (bus, meter, address) and what follows.  Equal consecutive lines are folded into one
 * with a count.  Any thread may log; errno survives.  Secrets are never passed to a log call. */
#ifndef USPD_BASE_LOG_H
#define USPD_BASE_LOG_H

#include <stddef.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* Lines above this level are dropped; `only`, when not NULL, lets debug lines of just these
 * comma-separated modules through.  Not thread-safe: call before threads start. */
void log_setup(enum log_level most, const char *only);

void log_line(enum log_level level, const char *module, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#define log_error(module, ...) log_line(LOG_LEVEL_ERROR, module, __VA_ARGS__)	/* a person must act */
#define log_warn(module, ...)  log_line(LOG_LEVEL_WARN, module, __VA_ARGS__)	/* lost or delayed */
#define log_info(module, ...)  log_line(LOG_LEVEL_INFO, module, __VA_ARGS__)	/* came, went, done */
#define log_debug(module, ...) log_line(LOG_LEVEL_DEBUG, module, __VA_ARGS__)

/* The last lines, oldest first, each with its end: "UTC-SECONDS LEVEL: MODULE: TEXT".  Copies what
 * fits of the newest whole lines into buf, a text; returns its length. */
enum { LOG_RECENT_SIZE = 65536 };
size_t log_recent(char *buf, size_t size);

/* Writes "last line repeated n times" if lines are being folded. */
void log_flush(void);

#endif
