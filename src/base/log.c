#include "src/base/log.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "src/base/clock.h"

static enum log_level most_verbose = LOG_LEVEL_INFO;
static char debug_only[128];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char last[512];
static unsigned repeated;
static char recent[LOG_RECENT_SIZE];	/* a ring of whole lines; the oldest may have lost its start */
static uint64_t recent_end;		/* bytes ever put into it */

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
keep_locked(const char *line)
{
	char dated[sizeof(last) + 24];
	int n = snprintf(dated, sizeof(dated), "%" PRId64 " %s\n", clock_utc(), line);

	for (int i = 0; i < n && i < (int)sizeof(dated) - 1; i++)
		recent[recent_end++ % LOG_RECENT_SIZE] = dated[i];
}

size_t
log_recent(char *buf, size_t size)
{
	uint64_t from, end;
	size_t len = 0;

	pthread_mutex_lock(&lock);
	end = recent_end;
	from = end > LOG_RECENT_SIZE ? end - LOG_RECENT_SIZE : 0;
	if (end - from >= size)
		from = end - (size - 1);
	/* What was cut begins with its next line; before the oldest byte stands the newest. */
	if (from > 0 && (end - from == LOG_RECENT_SIZE || recent[(from - 1) % LOG_RECENT_SIZE] != '\n'))
		while (from < end && recent[from++ % LOG_RECENT_SIZE] != '\n')
			continue;
	while (from < end)
		buf[len++] = recent[from++ % LOG_RECENT_SIZE];
	pthread_mutex_unlock(&lock);
	buf[len] = '\0';
	return len;
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
		keep_locked(line);
		fprintf(stderr, "%s\n", line);
	}
	pthread_mutex_unlock(&lock);
	errno = saved_errno;
}
