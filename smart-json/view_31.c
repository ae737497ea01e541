/* Views of dialect 31 (smart-json.md 9). */
#include "smart-json/view_members.h"

#define NO_MORE { NO_CODE, NULL }

/* ---- lists of values ---- */

static const struct choice tcp_types[] = {
	{ 0, "none" }, { 1, "http" }, { 2, "text" }, { 3, "rtu327" }, { 4, "iface1" }, { 5, "iface2" },
	{ 6, "iface3" }, { 7, "iface4" }, { 8, "iface5" }, { 9, "modem" }, NO_MORE
};
static const struct choice power_lines[] = {
	{ 0, "/dev/ttyUSB3" }, { 1, "/dev/ttyUSB2" }, { 2, "/dev/ttyUSB1" }, { 3, "/dev/ttyUSB0" },
	{ 4, "iface5" }, NO_MORE
};
static const struct choice power_states[] = { { 0, "toggle" }, { 1, "on" }, { 2, "off" }, NO_MORE };

/* ---- members ---- */

/* Of the one port that this dialect knows, eth0. */
static const struct member ip[] = {
	{ TEXT("ip", M_REQUIRED, 0, 15), .check = check_ipv4 },
	{ TEXT("netmask", M_REQUIRED, 0, 15), .check = check_netmask },
	{ TEXT("gw", M_REQUIRED, 0, 15), .check = check_ipv4 },
	{ TEXT("dns1", M_REQUIRED, 0, 15), .check = check_ipv4 },
	{ TEXT("dns2", M_REQUIRED, 0, 15), .check = check_ipv4 }, { BOOL("dhcp", M_REQUIRED) },
	{ TEXT("hostname", 0, 0, 63), .preset = "\"\"" }, END
};
static const struct member din[] = {
	{ ID(1) }, { INT("addr", M_REQUIRED, 0, 10) }, { INT("filter", M_REQUIRED, 0, INT32_MAX) },
	{ INT("state", M_REQUIRED, 0, 1) }, END
};
static const struct member dout[] = {
	{ ID(1) }, { CODE("addr", M_REQUIRED, power_lines) },
	{ CODE("state", M_REQUIRED, power_states) }, END
};
static const struct member name[] = { { TEXT("name", M_REQUIRED, 0, 64) }, END };
static const struct member disks[] = {
	{ ID(0) }, { BOOL("read", M_REQUIRED) }, { BOOL("write", M_REQUIRED) }, END
};
static const struct member modem[] = {
	{ INT("access", M_REQUIRED, 0, 2) },
	{ TEXT("pin", M_REQUIRED | M_SECRET, 0, 8), .check = check_pin }, END
};
static const struct member apn[] = {
	{ ID(1) }, { BOOL("enable", M_REQUIRED) }, { TEXT("addr", M_REQUIRED, 0, 128) },
	{ BOOL("auth", M_REQUIRED) }, { TEXT("login", M_REQUIRED, 0, 64) },
	{ TEXT("password", M_REQUIRED | M_SECRET, 0, 64) }, END
};
static const struct member csd[] = {
	{ ID(1) }, { BOOL("enable", M_REQUIRED) },
	{ TEXT("server", M_REQUIRED, 0, 15), .check = check_ipv4 },
	{ TEXT("peer", M_REQUIRED, 0, 15), .check = check_ipv4 }, { TEXT("login", M_REQUIRED, 0, 64) },
	{ TEXT("password", M_REQUIRED | M_SECRET, 0, 64) }, END
};
static const struct member tcp[] = {
	{ ID(1) }, { INT("port", M_REQUIRED, 0, 65535) }, { CODE("type", M_REQUIRED, tcp_types) },
	{ BOOL("state", 0), .stored = "tls" }, { TEXT("cert", 0, 0, CERTIFICATE_LETTERS) },
	{ TEXT("key", M_SECRET, 0, CERTIFICATE_LETTERS) }, END
};
static const struct member sntp[] = {
	{ ID(1) }, { TEXT("addr", M_REQUIRED, 1, 249) },
	{ INT("port", M_REQUIRED, 0, 65535), .stored = "port31" }, END
};
static const struct member smtp[] = {
	{ ID(1) }, { TEXT("addr", M_REQUIRED, 0, 255), .stored = "server" },
	{ INT("port", M_REQUIRED, 1, 65535) }, { TEXT("login", 0, 0, 128), .stored = "userName" },
	{ TEXT("password", M_SECRET, 0, 128), .stored = "userPassword" },
	{ INT("auth", 0, 0, 3), .aliases = "authopt" }, { INT("crypto", 0, 0, 3), .aliases = "cropt" },
	{ BOOL("certCheck", 0), .aliases = "crcheck" }, { TEXT("cert", 0, 0, CERTIFICATE_LETTERS) },
	{ TEXT("from", 0, 0, 255), .stored = "email" }, END
};
static const struct member mqtt[] = {
	{ ID(1) }, { INT("type", 0, 0, 1) }, { TEXT("addr", M_REQUIRED, 1, 255) },
	{ INT("port", M_REQUIRED, 1, 65535) }, { TEXT("prefix", 0, 0, 64) },
	{ TEXT("deviceID", 0, 0, 64) },
	{ TEXT("login", 0, 0, 128) }, { TEXT("password", M_SECRET, 0, 128) },
	{ INT("crypto", 0, 0, 3), .stored = "cropt", .aliases = "cropt" },
	{ BOOL("certCheck", 0), .aliases = "crcheck" }, { TEXT("cert", 0, 0, CERTIFICATE_LETTERS) }, END
};
static const struct member addresses[] = {
	{ ID(1) }, { TEXTS("Email", M_REQUIRED, 0, 255) }, { TEXTS("Tel", M_REQUIRED, 0, 255) }, END
};
static const struct member custom_messages[] = {
	{ ID(1) }, { INT("type", M_REQUIRED, 0, 2) }, { TEXT("msg", M_REQUIRED, 0, 4096) }, END
};
static const struct member meter_messages[] = {
	{ ID(1) }, { INT("depth", M_REQUIRED, 0, INT32_MAX) }, { INT("proto", M_REQUIRED, 0, 3) },
	{ INTS("MeterId", M_REQUIRED, 0, INT32_MAX) }, { TEXTS("Measure", M_REQUIRED, 0, 64) },
	{ TEXTS("Tag", M_REQUIRED, 0, 64) }, END
};
static const struct member archives[] = {
	{ INT("id", M_REQUIRED, 0, 2) }, { INT("type", M_REQUIRED, 0, 2) },
	{ INT("size", M_REQUIRED, 0, INT32_MAX) }, { INT("free", M_ANSWER, 0, 0) },
	{ ANY("Storages", 0), .aliases = "storages", .check = check_storages }, END
};
/* take_schedule_31() makes minute, hour and day of these. */
static const struct member schedules[] = {
	{ ID(1) }, { INT("type", M_REQUIRED, 0, 3), .stored = "type31" },
	{ INT("min", M_REQUIRED, 0, 255), .stored = "min31" },
	{ INT("hour", M_REQUIRED, 0, 255), .stored = "hour31" },
	{ INT("day", M_REQUIRED, 0, 255), .stored = "day31" },
	{ INT("delay", M_REQUIRED, 0, INT32_MAX), .preset = "0" }, END
};
static const struct member din_events[] = {
	{ ID(1) }, { INT("addr", M_REQUIRED, 0, 10) }, { INT("type", M_REQUIRED, 0, 3) }, END
};
#define EVENT { ID(1) }, { INT("eventType", M_REQUIRED, 0, 1) }, \
	{ INT("eventId", M_REQUIRED, 0, INT32_MAX) }
#define MESSAGE { INT("msgType", M_REQUIRED, 0, 4) }, { INT("msgId", M_REQUIRED, 0, INT32_MAX) }
static const struct member poll_actions[] = { EVENT, { INT("type", M_REQUIRED, 0, 10) }, END };
static const struct member smtp_actions[] = {
	EVENT, MESSAGE, { INT("srvId", M_REQUIRED, 0, INT32_MAX) },
	{ INT("addrId", M_REQUIRED, 0, INT32_MAX) }, END
};
static const struct member mqtt_actions[] = {
	EVENT, MESSAGE, { INT("srvId", M_REQUIRED, 0, INT32_MAX) },
	{ TEXT("topic", M_REQUIRED, 0, 255) }, END
};
static const struct member sms_actions[] = {
	EVENT, MESSAGE, { INT("addrId", M_REQUIRED, 0, INT32_MAX) }, END
};
static const struct member plain_actions[] = { EVENT, END };
static const struct member rtu_auth[] = {
	{ INT("id", M_REQUIRED, 1, 64) },
	{ TEXT("password", M_REQUIRED | M_SECRET, 1, 8), .check = check_rtu_password }, END
};
static const struct member text_auth[] = {
	{ ID(1) }, { TEXT("password", M_REQUIRED | M_SECRET, 0, 64) }, { INT("lvl", M_REQUIRED, 0, 3) },
	END
};
static const struct member text_data[] = {
	{ BOOL("tariff", M_REQUIRED) }, { BOOL("ap", M_REQUIRED) }, { BOOL("am", M_REQUIRED) },
	{ BOOL("rp", M_REQUIRED) }, { BOOL("rm", M_REQUIRED) }, { BOOL("qual", M_REQUIRED) }, END
};
static const struct member text_mail[] = {
	{ ID(1) }, { INT("type", M_REQUIRED, 0, 8) }, { INT("depth", M_REQUIRED, 0, INT32_MAX) }, END
};
/* take_meter_31() makes the names of dialect 40 of type, interface and line settings. */
static const struct member meters[] = {
	{ ID(1) }, { INT("pId", M_REQUIRED, 0, INT32_MAX) },
	{ INT("archId", M_ANSWER, 0, 0), .stored = "index" },
	{ INT("type", M_REQUIRED, 1, 65535), .stored = "type31" },
	{ TEXT("addr", M_REQUIRED, 0, 128), .check = check_address },
	{ TEXT("passRd", M_REQUIRED | M_SECRET, 0, 128), .check = check_meter_password },
	{ TEXT("passWr", M_REQUIRED | M_SECRET, 0, 128), .check = check_meter_password },
	{ INT("line", M_REQUIRED, 0, 5), .preset = "0" },
	{ INT("iface", M_REQUIRED, 0, 6), .stored = "iface31" },
	{ INT("br", M_REQUIRED, 0, 0), .stored = "br31", .choices = baud_rates },
	{ INT("size", 0, 7, 8), .stored = "size31" }, { INT("parity", 0, 0, 2), .stored = "parity31" },
	{ INT("stop", 0, 1, 2), .stored = "stop31" }, { INT("rtuObjType", 0, INT32_MIN, INT32_MAX) },
	{ INT("rtuObjNum", 0, INT32_MIN, INT32_MAX) }, { INT("rtuFider", 0, INT32_MIN, INT32_MAX) }, END
};

/* ---- views ---- */

#define D31 DIALECT_31
#define IDS(path, table, of) { "settings/" path, D31, VIEW_KEYED, V_EMPTIES, &view_tables, table, \
	.key = "id", .members = (of) }
#define FLAT(path, table, of) { "settings/" path, D31, VIEW_FLAT, 0, &view_tables, table, \
	.members = (of) }
/* Actions of this dialect that the event model has no like of share one table. */
#define ACTIONS(name, of) { "settings/actions/" name, D31, VIEW_KEYED, V_EMPTIES, &view_tables, \
	TABLE_D31_ACTIONS, .key = "id", .subset = name, .members = (of), .take = take_subset }
const struct view views_31[] = {
	{ "settings/meter/table", D31, VIEW_KEYED, V_EMPTIES, &view_meters, .wrapper = "Meters",
	    .key = "id", .members = meters, .take = take_meter_31, .show = show_meter_31,
	    .settle = settle_meters },
	{ "settings/ip", D31, VIEW_FLAT, 0, &view_tables, TABLE_IP, .key = "iface", .only = "eth0",
	    .members = ip, .take = take_ip },
	IDS("din", TABLE_DIN, din),
	{ "settings/dout", D31, VIEW_KEYED, V_POST_IS_PUT | V_NUMBERS, &view_tables, TABLE_DOUT,
	    .key = "addr", .other_key = "id", .members = dout },
	FLAT("name", TABLE_NAME, name),
	IDS("file_system/access", TABLE_DISKS, disks),
	FLAT("modem", TABLE_MODEM, modem),
	IDS("modem/apn", TABLE_APN, apn),
	IDS("modem/csd", TABLE_CSD, csd),
	{ "settings/servers/tcp", D31, VIEW_KEYED, V_NUMBERS, &view_tables, TABLE_TCP, .key = "id",
	    .unique = "port", .members = tcp, .take = take_tcp, .show = show_tcp },
	{ "settings/servers/sntp", D31, VIEW_KEYED, V_NUMBERS, &view_tables, TABLE_SNTP, .key = "id",
	    .members = sntp, .take = take_sntp_31, .show = show_sntp_31 },
	IDS("servers/smtp", TABLE_SMTP, smtp),
	IDS("servers/mqtt", TABLE_MQTT, mqtt),
	IDS("address", TABLE_ADDRESSES, addresses),
	IDS("messages/custom", TABLE_CUSTOM_MESSAGES, custom_messages),
	IDS("messages/meter", TABLE_METER_MESSAGES, meter_messages),
	{ "settings/meter/arch", D31, VIEW_KEYED, V_UPDATE_ONLY | V_NO_POST, &view_archives,
	    .key = "id",
	    .members = archives },
	{ "settings/events/schdl", D31, VIEW_KEYED, V_EMPTIES | V_SPELLINGS, &view_tables,
	    TABLE_SCHEDULES, .key = "id", .members = schedules, .take = take_schedule_31,
	    .show = show_schedule_31 },
	IDS("events/din", TABLE_DIN_EVENTS, din_events),
	{ "settings/actions/meter", D31, VIEW_KEYED, V_EMPTIES, &view_actions_31, TABLE_ACTION_METER,
	    .key = "id", .members = poll_actions, .show = show_action_31 },
	ACTIONS("smtp", smtp_actions),
	ACTIONS("mqtt", mqtt_actions),
	ACTIONS("sms", sms_actions),
	ACTIONS("reset", plain_actions),
	{ "settings/proto/rtu/auth", D31, VIEW_KEYED, 0, &view_rtu_passwords, .key = "id",
	    .members = rtu_auth },
	IDS("proto/text/auth", TABLE_TEXT_AUTH, text_auth),
	FLAT("proto/text/data", TABLE_TEXT_DATA, text_data),
	IDS("proto/text/mail", TABLE_TEXT_MAIL, text_mail),
	{ NULL }
};
