#include "smart-json/api.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "smart-json/api_bus.h"
#include "smart-json/openapi.h"
#include "smart-json/when.h"
#include "src/base/clock.h"

enum { JSON_DEEPEST = 32 };	/* smart-json.md 19 */

static const struct http_route routes[] = {
	{ "status",       HTTP_GET,    LEVEL_USER,  IN_WORKER, 0,               api_status },
	{ "meters",       HTTP_GET,    LEVEL_USER,  IN_WORKER, 0,               api_meters_list },
	{ "meters",       HTTP_POST,   LEVEL_ADMIN, IN_WORKER, HTTP_BODY,       api_meters_post },
	{ "meters/bulk",  HTTP_POST,   LEVEL_ADMIN, IN_WORKER, HTTP_BODY,       api_meters_bulk },
	{ "meters/{}",    HTTP_DELETE, LEVEL_ADMIN, IN_WORKER, 0,               api_meters_delete },
	{ "meters.csv",   HTTP_GET,    LEVEL_USER,  IN_WORKER, 0,               api_csv_get },
	{ "meters.csv",   HTTP_POST,   LEVEL_ADMIN, IN_WORKER, HTTP_BODY_TABLE, api_csv_post },
	{ "meters.xlsx",  HTTP_GET,    LEVEL_USER,  IN_WORKER, 0,               api_xlsx_get },
	{ "meters.xlsx",  HTTP_POST,   LEVEL_ADMIN, IN_WORKER, HTTP_BODY_TABLE, api_xlsx_post },
	{ "backup",       HTTP_GET,    LEVEL_ADMIN, IN_WORKER, 0,               api_backup_get },
	{ "backup",       HTTP_POST,   LEVEL_ADMIN, IN_WORKER, HTTP_BODY,       api_backup_post },
	{ "restore",      HTTP_POST,   LEVEL_ADMIN, IN_WORKER, HTTP_BODY_TABLE, api_restore_post },
	{ "poll",         HTTP_POST,   LEVEL_ADMIN, IN_WORKER, HTTP_BODY,       api_poll_post },
	{ "poll/{}",      HTTP_GET,    LEVEL_USER,  IN_WORKER, 0,               api_poll_get },
	{ "bus/{}/ping",  HTTP_POST,   LEVEL_USER,  IN_WORKER, HTTP_BODY,       api_bus_ping },
	{ "bus/{}/scan",  HTTP_POST,   LEVEL_ADMIN, IN_WORKER, HTTP_BODY,       api_scan_post },
	{ "bus/{}/scan",  HTTP_GET,    LEVEL_USER,  IN_WORKER, 0,               api_scan_get },
	{ "bus/{}/scan",  HTTP_DELETE, LEVEL_ADMIN, IN_WORKER, 0,               api_scan_delete },
	{ "bus/{}/raw",   HTTP_POST,   LEVEL_ADMIN, IN_WORKER, HTTP_BODY,       api_bus_raw },
	{ "bus/{}/trace", HTTP_POST,   LEVEL_ADMIN, IN_WORKER, HTTP_BODY,       api_trace_post },
	{ "bus/{}/trace", HTTP_GET,    LEVEL_ADMIN, IN_WORKER, 0,               api_trace_get },
	{ "bus/{}/trace", HTTP_DELETE, LEVEL_ADMIN, IN_WORKER, 0,               api_trace_delete },
	{ "bus/{}/trace.pcapng", HTTP_GET, LEVEL_ADMIN, IN_WORKER, 0,           api_trace_pcapng },
	{ "data",         HTTP_GET,    LEVEL_USER,  IN_WORKER, 0,               api_data },
	{ "data.csv",     HTTP_GET,    LEVEL_USER,  IN_WORKER, 0,               api_data_csv },
	{ "data.xlsx",    HTTP_GET,    LEVEL_USER,  IN_WORKER, 0,               api_data_xlsx },
	{ "completeness", HTTP_GET,    LEVEL_USER,  IN_WORKER, 0,               api_completeness },
	{ "settings",     HTTP_GET,    LEVEL_ADMIN, IN_WORKER, 0,               api_settings_get },
	{ "settings",     HTTP_PUT,    LEVEL_ADMIN, IN_WORKER, HTTP_BODY,       api_settings_put },
	{ "journal/{*}",  HTTP_GET,    LEVEL_USER,  IN_WORKER, 0,               api_journal },
	{ "audit",        HTTP_GET,    LEVEL_ADMIN, IN_WORKER, 0,               api_audit },
	{ "tickets",      HTTP_GET,    LEVEL_ADMIN, IN_WORKER, 0,               api_tickets_get },
	{ "tickets/{}",   HTTP_DELETE, LEVEL_ADMIN, IN_WORKER, 0,               api_tickets_delete },
	{ "events",       HTTP_GET,    LEVEL_USER,  IN_LOOP,   0,               api_events },
	{ "log",          HTTP_GET,    LEVEL_ADMIN, IN_WORKER, 0,               api_log },
	{ "openapi.json", HTTP_GET,    LEVEL_USER,  IN_WORKER, 0,               api_openapi },
};

static int
api_open(void **state, const struct http_options *options)
{
	struct api *api = calloc(1, sizeof(*api));

	int rc;

	if (api == NULL)
		return E_NOMEM;
	if ((rc = api_buses_open(&api->buses)) < 0) {
		free(api);
		return rc;
	}
	api->server = options;
	api->started_us = clock_mono_us();
	pthread_mutex_init(&api->lock, NULL);
	*state = api;
	return E_OK;
}

static void
api_close(void *state)
{
	struct api *api = state;

	api_events_close(api->events);
	api_buses_close(api->buses);
	pthread_mutex_destroy(&api->lock);
	free(api);
}

const struct http_space api_space = {
	.prefix = "/api/v1",
	.routes = routes,
	.n_routes = sizeof(routes) / sizeof(routes[0]),
	.status_unknown = 404,
	.open = api_open,
	.close = api_close,
};

void
api_reply(struct http_call *call, json_t *json)
{
	char *dump = json != NULL ? json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(6)) : NULL;

	json_decref(json);
	if (dump == NULL) {
		http_fail(call, 503, NULL, "out of memory; try again later");
		return;
	}
	text_str(&call->out, dump);
	text_str(&call->out, "\n");
	free(dump);
}

/* The parser recurses as deep as the document does. */
static bool
too_deep(const char *p, size_t len)
{
	unsigned deep = 0;
	bool quoted = false;

	for (const char *end = p + len; p < end; p++) {
		if (quoted && *p == '\\')
			p++;
		else if (*p == '"')
			quoted = !quoted;
		else if (!quoted && (*p == '[' || *p == '{') && ++deep > JSON_DEEPEST)
			return true;
		else if (!quoted && (*p == ']' || *p == '}') && deep > 0)
			deep--;
	}
	return false;
}

json_t *
api_body(struct http_call *call)
{
	const char *body = call->body;
	size_t len = call->body_len;
	json_error_t error;
	json_t *json;

	if (len >= 3 && memcmp(body, "\xef\xbb\xbf", 3) == 0) {
		body += 3;
		len -= 3;
	}
	if (too_deep(body, len)) {
		http_fail(call, 400, NULL, "the JSON is nested deeper than %d", JSON_DEEPEST);
		return NULL;
	}
	if ((json = json_loadb(body, len, 0, &error)) == NULL)
		http_fail(call, 400, NULL, "broken JSON at line %d, column %d: %s", error.line,
		    error.column, error.text);
	return json;
}

bool
api_arg_time(struct http_call *call, const char *name, int64_t *value)
{
	const char *text = http_arg(call, name);

	if (text == NULL || *text == '\0')
		return true;
	if (when_parse(store_zone(call->server->store), text, value) == E_OK)
		return true;
	http_fail(call, 422, name,
	    "%s: \"%.40s\" is neither unix seconds nor a date like 2024-06-01T00:00", name, text);
	return false;
}

bool
api_arg_count(struct http_call *call, const char *name, size_t *value)
{
	const char *text = http_arg(call, name);
	unsigned long long number;
	char *end;

	if (text == NULL || *text == '\0')
		return true;
	errno = 0;
	number = strtoull(text, &end, 10);
	if (*text >= '0' && *text <= '9' && *end == '\0' && errno == 0 && number <= SIZE_MAX) {
		*value = (size_t)number;
		return true;
	}
	http_fail(call, 422, name, "%s: \"%.40s\" is not a number", name, text);
	return false;
}

bool
api_arg_flag(const struct http_call *call, const char *name)
{
	const char *text = http_arg(call, name);

	return text != NULL && strcmp(text, "0") != 0 && strcmp(text, "false") != 0;
}

struct poll *
api_poller(struct http_call *call)
{
	if (call->server->poll == NULL)
		http_fail(call, 503, NULL, "the poller does not run");
	return call->server->poll;
}

bool
api_record_type(const char *name, enum record_type *type, unsigned *journal)
{
	*journal = 0;
	if ((*type = record_type_by_name(name)) != REC_NONE)
		return true;
	if ((*journal = journal_by_name(name)) == 0)
		return false;
	*type = REC_EL_JOURNAL;
	return true;
}
