#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "smart-json/api.h"
#include "src/base/log.h"
#include "src/store/store.h"

/* GET log: the last lines of the daemon's own log; ?level=warn: these and worse, ?module=poll,
 * ?limit=: the newest so many. */

static const char *const levels[] = { "error", "warn", "info", "debug" };
enum { LEVELS = sizeof(levels) / sizeof(levels[0]) };

static int
level_of(const char *name, size_t len)
{
	for (int i = 0; i < LEVELS; i++)
		if (strlen(levels[i]) == len && strncmp(levels[i], name, len) == 0)
			return i;
	return LEVELS;
}

/* "1717189200 warn: poll: text" as a row, or NULL when it is not asked for. */
static json_t *
row_of(const char *line, size_t len, struct zone zone, int worst, const char *module)
{
	const char *level = memchr(line, ' ', len), *colon, *next;
	char time[CIVIL_TEXT_SIZE];
	int64_t ts = strtoll(line, NULL, 10);

	if (level == NULL || (colon = memchr(level, ':', len - (size_t)(level - line))) == NULL)
		return NULL;
	level++;
	if (level_of(level, (size_t)(colon - level)) > worst)
		return NULL;
	colon += 2;
	if (colon > line + len || (next = memchr(colon, ':', len - (size_t)(colon - line))) == NULL)
		return NULL;
	if (module != NULL &&
	    (strlen(module) != (size_t)(next - colon) || strncmp(module, colon, strlen(module)) != 0))
		return NULL;
	if (next + 2 > line + len)
		return NULL;
	return json_pack("{s:I, s:s, s:s%, s:s%, s:s%}", "ts", (json_int_t)ts, "time",
	    civil_print(zone, ts, 'T', time), "level", level, (size_t)(colon - 2 - level), "module",
	    colon, (size_t)(next - colon), "text", next + 2, (size_t)(line + len - (next + 2)));
}

static void
answer(struct http_call *call, char *text, int worst, size_t limit)
{
	const char *module = http_arg(call, "module");
	struct zone zone = store_zone(call->server->store);
	json_t *list = json_array();

	for (char *line = text; *line != '\0';) {
		size_t len = strcspn(line, "\n");
		json_t *row = row_of(line, len, zone, worst, module);

		if (row != NULL)
			json_array_append_new(list, row);
		line += len + (line[len] == '\n');
	}
	while (json_array_size(list) > limit)
		json_array_remove(list, 0);
	api_reply(call, json_pack("{s:o}", "rows", list));
}

void
api_log(struct http_call *call)
{
	const char *level = http_arg(call, "level");
	int worst = level != NULL ? level_of(level, strlen(level)) : LEVELS - 1;
	size_t limit = 1000;
	char *text;

	if (worst == LEVELS) {
		http_fail(call, 422, "level", "level: error, warn, info or debug");
		return;
	}
	if (!api_arg_count(call, "limit", &limit))
		return;
	if ((text = malloc(LOG_RECENT_SIZE + 1)) == NULL) {
		http_fail_err(call, E_NOMEM, NULL, "the log cannot be shown");
		return;
	}
	log_recent(text, LOG_RECENT_SIZE + 1);
	answer(call, text, worst, limit);
	free(text);
}
