#include "src/base/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static enum log_level most_verbose = LOG_LEVEL_INFO;
static char debug_only[128];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char last[512];
static unsigned repeated;

static const char *const level_names[] = { "error", "warn", "info", "debug" };

void
log_setup(enum log_level most, const char *only)
{
	most_verbose = most;
	snprintf(debug_only, sizeof(debug_only), "%s", only != NULL ? only : "");
}

static bool
wanted(enum log_level level, const char *module)
{
	size_t len = strlen(module);

	if (level > most_verbose)
		return false;
	if (level < LOG_LEVEL_DEBUG || debug_only[0] == '\0')
		return true;
	for (const char *p = debug_only; p != NULL; p = strchr(p, ',')) {
		p += *p == ',';
		if (strncmp(p, module, len) == 0 && (p[len] == ',' || p[len] == '\0'))
			return true;
	}
	return false;
}

static void
flush_locked(void)
{
	if (repeated > 0)
		fprintf(stderr, "%s (repeated %u times)\n", last, repeated);
	repeated = 0;
}

void
log_flush(void)
{
	pthread_mutex_lock(&lock);
	flush_locked();
	pthread_mutex_unlock(&lock);
}

void
log_line(enum log_level level, const char *module, const char *fmt, ...)
{
	char text[400], line[512];
	int saved_errno = errno;
	va_list ap;

	if (!wanted(level, module))
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	snprintf(line, sizeof(line), "%s: %s: %s", level_names[level], module, text);

	pthread_mutex_lock(&lock);
	if (strcmp(line, last) == 0) {
		/* Powers of two, so that a flood is seen while it lasts but does not fill the disk. */
		repeated++;
		if ((repeated & (repeated - 1)) == 0 && repeated >= 16)
			fprintf(stderr, "%s (repeated %u times so far)\n", last, repeated);
	} else {
		flush_locked();
		memcpy(last, line, sizeof(last));
		fprintf(stderr, "%s\n", line);
	}
	pthread_mutex_unlock(&lock);
	errno = saved_errno;
}
