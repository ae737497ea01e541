#include "smart-json/smart.h"

#include "smart-json/api.h"
#include "src/store/store.h"

enum { WRITE = HTTP_POST | HTTP_PUT | HTTP_DELETE, ORDER = HTTP_POST | HTTP_PUT };

/* A table of settings: everybody reads, administrators write. */
#define TABLE(path, dialects) \
	{ path, HTTP_GET, LEVEL_USER, IN_WORKER, 0, smart_rows_get, dialects }, \
	{ path, WRITE, LEVEL_ADMIN, IN_WORKER, HTTP_BODY_SMART, smart_rows_write, dialects }
#define STATE(path, handler, dialects) \
	{ path, HTTP_GET, LEVEL_USER, IN_WORKER, 0, handler, dialects }
#define METER(path, handler, dialects) \
	{ path, ORDER, LEVEL_ADMIN, IN_WORKER, HTTP_BODY, handler, dialects }

static const struct http_route routes[] = {
	/* 3 login */
	{ "auth", HTTP_POST, LEVEL_ANYBODY, IN_WORKER, 65536, smart_auth, DIALECT_ANY },
	{ "logoff", HTTP_POST, LEVEL_USER, IN_WORKER, 65536, smart_logoff, DIALECT_ANY },
	{ "main_index", HTTP_GET, LEVEL_USER, IN_LOOP, 0, smart_main_index, DIALECT_ANY },

	/* 8 and 9 settings */
	TABLE("settings/proto/json/auth", DIALECT_ANY),
	TABLE("settings/ip", DIALECT_ANY),
	TABLE("settings/modem/sim", DIALECT_40),
	TABLE("settings/servers/tcp", DIALECT_ANY),
	TABLE("settings/servers/sntp", DIALECT_ANY),
	TABLE("settings/uart", DIALECT_ANY),
	TABLE("settings/dout", DIALECT_ANY),
	TABLE("settings/time/local", DIALECT_ANY),
	TABLE("settings/servers/mqtt", DIALECT_ANY),
	TABLE("settings/servers/smtp", DIALECT_ANY),
	TABLE("settings/templates/email", DIALECT_40),
	TABLE("settings/meter/table", DIALECT_ANY),
	TABLE("settings/templates/meter", DIALECT_40),
	TABLE("settings/templates/arch", DIALECT_40),
	TABLE("settings/templates/messages", DIALECT_40),
	TABLE("settings/events/schdl", DIALECT_ANY),
	TABLE("settings/events/calendar", DIALECT_40),
	TABLE("settings/events/manager", DIALECT_40),
	TABLE("settings/actions/meter", DIALECT_ANY),
	TABLE("settings/actions/mqtt", DIALECT_ANY),
	TABLE("settings/actions/smtp", DIALECT_ANY),
	TABLE("settings/actions/sntp", DIALECT_ANY),
	TABLE("settings/events/ain", DIALECT_40),
	TABLE("settings/actions/relay", DIALECT_40),
	TABLE("settings/actions/monitor", DIALECT_40),
	TABLE("settings/meter/depth", DIALECT_40),
	TABLE("settings/din", DIALECT_31),
	TABLE("settings/name", DIALECT_31),
	TABLE("settings/file_system/access", DIALECT_31),
	TABLE("settings/modem", DIALECT_31),
	TABLE("settings/modem/apn", DIALECT_31),
	TABLE("settings/modem/csd", DIALECT_31),
	TABLE("settings/address", DIALECT_31),
	TABLE("settings/messages/custom", DIALECT_31),
	TABLE("settings/messages/meter", DIALECT_31),
	TABLE("settings/meter/arch", DIALECT_31),
	TABLE("settings/events/din", DIALECT_ANY),
	TABLE("settings/actions/sms", DIALECT_31),
	TABLE("settings/actions/reset", DIALECT_31),
	TABLE("settings/proto/rtu/auth", DIALECT_31),
	TABLE("settings/proto/text/auth", DIALECT_31),
	TABLE("settings/proto/text/data", DIALECT_31),
	TABLE("settings/proto/text/mail", DIALECT_31),

	/* 10 meter data */
	{ "meter/data/arch", HTTP_POST, LEVEL_USER, IN_WORKER, HTTP_BODY, smart_arch, DIALECT_40 },
	{ "meter/data/moment", HTTP_POST, LEVEL_USER, IN_WORKER, HTTP_BODY, smart_moment, DIALECT_40 },
	{ "meter/data", HTTP_POST, LEVEL_USER, IN_WORKER, HTTP_BODY, smart_data31, DIALECT_31 },

	/* 11 meter management */
	METER("meter/settings/time", smart_meter_time, DIALECT_ANY),
	METER("meter/settings/relay", smart_meter_relay, DIALECT_ANY),
	METER("meter/settings/calendar/{}", smart_meter_calendar, DIALECT_ANY),

	/* 12 actions */
	{ "action/restart", ORDER, LEVEL_ADMIN, IN_WORKER, 65536, smart_restart, DIALECT_ANY },
	{ "action/time/set", ORDER, LEVEL_ADMIN, IN_WORKER, 65536, smart_time_set, DIALECT_ANY },
	{ "action/time/sync", ORDER, LEVEL_ADMIN, IN_WORKER, 65536, smart_time_sync, DIALECT_ANY },
	{ "action/storage/sync", ORDER, LEVEL_ADMIN, IN_WORKER, 65536, smart_storage_sync,
	    DIALECT_ANY },

	/* 13 state */
	STATE("state/time", smart_state_time, DIALECT_ANY),
	STATE("state/dout", smart_state_dout, DIALECT_ANY),
	STATE("state/system", smart_state_system, DIALECT_ANY),
	STATE("state/din", smart_state_din, DIALECT_ANY),
	STATE("state/ain", smart_state_ain, DIALECT_31),
	STATE("state/schdl", smart_state_schdl, DIALECT_31),
	STATE("state/uart", smart_state_uart, DIALECT_ANY),
	STATE("state/network", smart_state_network, DIALECT_ANY),
	STATE("state/socket", smart_state_socket, DIALECT_31),
	STATE("state/dataflash", smart_state_dataflash, DIALECT_31),
	STATE("state/file_system", smart_state_file_system, DIALECT_ANY),
	STATE("state/modem", smart_state_modem, DIALECT_ANY),
	STATE("state/os", smart_state_os, DIALECT_ANY),
	STATE("state/meter_table", smart_state_meter_table, DIALECT_ANY),

	/* 14 journals */
	STATE("jrnl/{*}", smart_journal, DIALECT_ANY),

	/* 15 firmware */
	{ "upload/firmware", HTTP_POST, LEVEL_ADMIN, IN_WORKER_FILE, HTTP_BODY_FILE,
	    smart_firmware_post, DIALECT_ANY },
	{ "upload/firmware", HTTP_GET, LEVEL_ADMIN, IN_WORKER, 0, smart_firmware_get, DIALECT_ANY },
	{ "download/fwupdatelog", HTTP_GET, LEVEL_ADMIN, IN_WORKER, 0, smart_firmware_log,
	    DIALECT_ANY },

	/* ours */
	STATE("metrics", smart_metrics, DIALECT_ANY),

	/* 16 IEC 60870-5-104 */
	TABLE("settings/iec60870_5_104/mapioa", DIALECT_40),
	STATE("settings/iec60870_5_104/value_description", smart_rows_get, DIALECT_40),
	STATE("settings/iec60870_5_104/template_name", smart_rows_get, DIALECT_40),
	STATE("settings/iec60870_5_104/cot_types", smart_rows_get, DIALECT_40),
	STATE("settings/iec60870_5_104/type_id_types", smart_rows_get, DIALECT_40),
	TABLE("settings/iec60870_5_104/iec60870_settings", DIALECT_40),
	TABLE("settings/iec60870_5_104/iec60870_template", DIALECT_40),
	TABLE("settings/iec60870_5_104/iec60870_cot_values", DIALECT_40),
};

const struct http_space smart_space = {
	.prefix = "",
	.routes = routes,
	.n_routes = sizeof(routes) / sizeof(routes[0]),
	.status_unknown = 405,
};

json_t *
smart_body(struct http_call *call)
{
	json_t *json = api_body(call);

	if (json == NULL || json_is_object(json))
		return json;
	json_decref(json);
	http_fail_res(call, 400, RES_TYPE, "", "the body must be an object");
	return NULL;
}

void
smart_ok(struct http_call *call)
{
	text_str(&call->out, "{\"res\":0}\n");
}

void
smart_list(struct http_call *call, const char *name, json_t *rows)
{
	struct settings settings;

	store_settings(call->server->store, &settings);
	if (json_array_size(rows) == 0 && settings.http_empty_null) {
		json_decref(rows);
		rows = json_null();
	}
	api_reply(call, json_pack("{s:o}", name, rows != NULL ? rows : json_array()));
}
