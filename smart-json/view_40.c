/* Views of dialect 40 (smart-json.md 8), and those both dialects share. */
#include "smart-json/view_members.h"

#define NO_MORE { NO_CODE, NULL }

/* ---- lists of values ---- */

static const struct choice ports[] = { { 0, "eth0" }, { 1, "eth1" }, NO_MORE };
static const struct choice tcp_types[] = {
	{ 3, "rtu327" }, { 4, "iface1" }, { 5, "iface2" }, { 6, "iface3" }, { 7, "iface4" }, NO_MORE
};
static const struct choice tcp_ifaces[] = { { 0, "any" }, { 1, "eth" }, { 2, "modem" }, NO_MORE };
static const struct choice tcp_modes[] = {
	{ 0, "refuse" }, { 1, "kick" }, { 2, "wait" }, { 3, "shared" }, NO_MORE
};
static const struct choice tcp_protocols[] = { { 0, "raw" }, { 1, "line" }, { 2, "rfc2217" }, NO_MORE };
const struct choice baud_rates[] = {
	{ 0, NULL }, { 300, NULL }, { 600, NULL }, { 1200, NULL }, { 2400, NULL }, { 4800, NULL },
	{ 9600, NULL }, { 19200, NULL }, { 38400, NULL }, { 57600, NULL }, { 115200, NULL }, NO_MORE
};
static const struct choice power_lines[] = {
	{ 0, "/dev/ttyUSB3" }, { 1, "/dev/ttyUSB2" }, { 2, "/dev/ttyUSB1" }, { 3, "/dev/ttyUSB0" },
	NO_MORE
};
static const struct choice power_states[] = { { 0, "toggle" }, { 1, "on" }, { 2, "off" }, NO_MORE };
static const struct choice data_classes[] = { { 0, "moment" }, { 1, "arch" }, NO_MORE };
/* The last of each are our extensions (event-model.md 1.2, 1.3). */
static const struct choice event_types[] = {
	{ 1, "Scheduler" }, { 2, "Calendar" }, { 3, "IntDigitalSensor" }, { 4, "ExtDigitalSensor" },
	{ 5, "IntAnalogSensor" }, { 6, "ExtAnalogSensor" }, { 7, "Shutdown" }, NO_MORE
};
static const struct choice action_types[] = {
	{ 1, "Poller" }, { 2, "IntRelay" }, { 3, "ExtRelay" }, { 4, "MQTTMeterMessages" },
	{ 5, "SMTPMeterMessages" }, { 6, "Monitor" }, NO_MORE
};

static const struct choice edges[] = {
	{ 0, "both" }, { 1, "toOpen" }, { 2, "toClosed" }, NO_MORE
};
static const struct choice zones[] = { { 0, "both" }, { 1, "enter" }, { 2, "leave" }, NO_MORE };
static const struct choice relay_states[] = {
	{ 0, "off" }, { 1, "on" }, { 2, "toggle" }, { 3, "pulse" }, NO_MORE
};

/* ---- members ---- */

/* A password that is stored as a hash is shown as "" (8.1). */
const struct member account_members[] = {
	{ ID(1) }, { TEXT("login", M_REQUIRED, 1, 32) },
	{ TEXT("password", M_REQUIRED | M_SECRET, 0, 64), .preset = "\"\"" },
	{ INT("lvl", M_REQUIRED, 0, 2) }, END
};
static const struct member ip[] = {
	{ CHOICE("iface", M_REQUIRED, ports) }, { BOOL("dhcp", M_REQUIRED) },
	{ TEXT("ip", M_REQUIRED, 0, 15), .check = check_ipv4 },
	{ TEXT("netmask", M_REQUIRED, 0, 15), .check = check_netmask },
	{ TEXT("gw", M_REQUIRED, 0, 15), .check = check_ipv4 },
	{ TEXT("dns1", M_REQUIRED, 0, 15), .check = check_ipv4 },
	{ TEXT("dns2", M_REQUIRED, 0, 15), .check = check_ipv4 }, END
};
static const struct member sim[] = {
	{ INT("id", M_REQUIRED, 1, 2) }, { TEXT("pin", M_SECRET, 0, 8), .check = check_pin },
	{ BOOL("enable", 0) }, { TEXT("addr", 0, 0, 128) }, { BOOL("auth", 0) },
	{ TEXT("login", 0, 0, 64) }, { TEXT("password", M_SECRET, 0, 64) }, END
};
static const struct member tcp[] = {
	{ INT("port", M_REQUIRED, 1, 65535) }, { CHOICE("type", M_REQUIRED, tcp_types) },
	/* transit.md 2, 4, 6, and the certificate of dialect 31 */
	{ BOOL("tls", M_EXTRA), .aliases = "state" }, { TEXT("cert", M_EXTRA, 0, CERTIFICATE_LETTERS) },
	{ TEXT("key", M_EXTRA | M_SECRET, 0, CERTIFICATE_LETTERS) },
	{ TEXTS("allow", M_EXTRA, 1, 49), .check = check_networks },
	{ CHOICE("iface", M_EXTRA, tcp_ifaces) }, { CHOICE("mode", M_EXTRA, tcp_modes) },
	{ CHOICE("proto", M_EXTRA, tcp_protocols) }, { INT("frame_hold_ms", M_EXTRA, 0, 1000) },
	{ INT("wait_s", M_EXTRA, 1, 3600) }, { INT("max_clients", M_EXTRA, 1, 16) },
	{ INT("share_quiet_ms", M_EXTRA, 10, 60000) }, { INT("idle_s", M_EXTRA, 0, 86400) }, END
};
static const struct member sntp[] = { { TEXT("addr", M_REQUIRED, 1, 255) }, END };
const struct member uart_members[] = {
	{ ID(1) }, { INT("iface", M_REQUIRED, 0, 5) },
	{ INT("br", M_REQUIRED, 0, 0), .choices = baud_rates },
	{ INT("size", M_REQUIRED, 7, 8) }, { INT("parity", M_REQUIRED, 0, 2) },
	{ INT("stop", M_REQUIRED, 1, 2) }, { INT("line", M_REQUIRED, 0, 5) }, END
};
static const struct member dout[] = {
	{ CHOICE("addr", M_REQUIRED, power_lines) }, { CHOICE("state", M_REQUIRED, power_states) },
	{ INT("id", 0, 0, INT32_MAX) }, END
};
const struct member local_time_members[] = {
	{ ANY("tz", M_REQUIRED), .check = check_time_zone }, { BOOL("dst", 0) },
	{ INT("tzMinutes", M_EXTRA, -720, 840) }, END
};
static const struct member mqtt[] = {
	{ ID(1) }, { TEXT("addr", M_REQUIRED, 1, 255) }, { INT("port", M_REQUIRED, 1, 65535) },
	{ TEXT("prefix", M_REQUIRED, 0, 64), .preset = "\"\"" },
	{ TEXT("deviceID", M_REQUIRED, 0, 64), .preset = "\"\"" },
	{ INT("cropt", M_REQUIRED, 0, 3), .aliases = "crypto", .preset = "0" },
	{ TEXT("login", 0, 0, 128) }, { TEXT("password", M_SECRET, 0, 128) }, END
};
static const struct member smtp[] = {
	{ ID(1) }, { TEXT("email", M_REQUIRED, 0, 255), .preset = "\"\"" },
	{ TEXT("server", M_REQUIRED, 0, 255) }, { INT("port", M_REQUIRED, 1, 65535) },
	{ TEXT("userName", M_REQUIRED, 0, 128), .preset = "\"\"" },
	{ TEXT("userPassword", M_REQUIRED | M_SECRET, 0, 128), .preset = "\"\"" }, END
};
static const struct member email[] = { { ID(1) }, { TEXT("emailName", M_REQUIRED, 3, 255) }, END };
static const struct member meters[] = {
	{ ID(1) }, { INT("pId", M_REQUIRED, 0, INT32_MAX) },
	{ TEXT("typeName", M_REQUIRED, 1, 64), .check = check_type_name },
	{ TEXT("addr", M_REQUIRED, 0, 128), .check = check_address },
	{ TEXT("passRd", M_REQUIRED | M_SECRET, 0, 128), .check = check_meter_password },
	{ TEXT("passWr", M_REQUIRED | M_SECRET, 0, 128), .check = check_meter_password },
	{ TEXT("ifaceName", M_REQUIRED, 1, 64), .check = check_iface_name },
	{ ANY("ifaceCfg", M_REQUIRED | M_NULL), .check = check_line_text },
	{ INT("rtuObjType", M_NULL, INT32_MIN, INT32_MAX) },
	{ INT("rtuObjNum", M_NULL, INT32_MIN, INT32_MAX) },
	{ INT("rtuFider", M_NULL, INT32_MIN, INT32_MAX) }, { INT("index", M_ANSWER, 0, 0) },
	{ INT("type", M_ANSWER, 0, 0) }, END
};
static const struct member meter_templates[] = {
	{ TEXT("name", M_REQUIRED, 1, 128) }, { INTS("meters", M_REQUIRED, 1, INT32_MAX) }, END
};
static const struct member arch_templates[] = {
	{ TEXT("name", M_REQUIRED, 1, 128) },
	{ TEXTS("types", M_REQUIRED, 1, 64), .check = check_record_types }, END
};
static const struct member messages[] = {
	{ ID(1) }, { INT("meterDataTemplateId", M_REQUIRED, 0, INT32_MAX) },
	{ INT("dataDepth", M_REQUIRED, 0, INT32_MAX) },
	{ INT("meterTemplateId", M_NULL, 0, INT32_MAX) },
	{ CHOICE("dataClass", M_REQUIRED, data_classes) }, END
};
/* event-model.md 3.1; the rest is ours (3.3) and the delay of dialect 31. */
static const struct member schedules[] = {
	{ ID(1) }, { INT("min", M_NULL | M_OR_255, 0, 59) },
	{ INT("hour", M_NULL | M_OR_255, 0, 23) }, { INT("day", M_NULL | M_OR_255, 0, 31) },
	{ INT("month", M_NULL | M_OR_255, 0, 12), .aliases = "mon" },
	{ BOOL("enabled", M_EXTRA) }, { INTS("wday", M_EXTRA, 1, 7) },
	{ INT("offsetSec", M_EXTRA, 0, 59) },
	{ INT("jitterSec", M_EXTRA, 0, 300) }, { INT("delay", M_EXTRA, 0, INT32_MAX) }, END
};
static const struct member calendars[] = {
	{ TEXT("calendarName", M_REQUIRED, 1, 128) },
	{ INTS("schedulerIds", M_REQUIRED, 0, INT32_MAX) }, END
};
static const struct member manager[] = {
	{ ID(1) }, { CHOICE("eventType", M_REQUIRED, event_types) },
	{ INT("eventId", M_REQUIRED, 0, INT32_MAX) },
	{ CHOICE("actionType", M_REQUIRED, action_types) },
	{ INT("actionId", M_REQUIRED, 0, INT32_MAX) }, END
};
static const struct member pollers[] = {
	{ ID(1) }, { TEXT("archTypesName", M_REQUIRED, 0, 128) },
	{ TEXT("metersName", M_NULL, 0, 128) }, END
};
static const struct member mqtt_actions[] = {
	{ ID(1) }, { INT("meterMessageId", M_REQUIRED, 0, INT32_MAX) },
	{ INT("brokerId", M_REQUIRED, 0, INT32_MAX) }, { TEXT("topic", M_REQUIRED, 0, 255) }, END
};
static const struct member smtp_actions[] = {
	{ ID(1) }, { INT("meterMessageId", M_REQUIRED, 0, INT32_MAX) },
	{ INT("emailFromId", M_REQUIRED, 0, INT32_MAX) },
	{ INT("emailToId", M_REQUIRED, 0, INT32_MAX) }, END
};
/* Ours: event-model.md 4, 7.2 to 7.4. */
static const struct member din_events[] = {
	{ ID(1) }, { INT("input", 0, 0, 255) }, { INT("meterId", 0, 1, INT32_MAX) },
	{ INT("channel", 0, 1, CHANNEL_SLOTS) }, { CHOICE("edge", 0, edges) },
	{ INT("debounceMs", 0, 0, 60000) }, { INT("holdMs", 0, 0, 86400000) },
	{ BOOL("ignoreAtStart", 0) }, { INT("addr", M_EXTRA, 0, 10) },
	{ INT("type", M_EXTRA, 0, 3) }, END
};
static const struct member ain_events[] = {
	{ ID(1) }, { TEXT("source", 0, 1, 32) }, { INT("meterId", 0, 1, INT32_MAX) },
	{ TEXT("tag", 0, 1, 16) }, { ANY("high", 0), .check = check_number },
	{ ANY("low", 0), .check = check_number }, { ANY("hyst", 0), .check = check_number },
	{ INT("delaySec", 0, 0, 86400) }, { CHOICE("edge", 0, zones) }, END
};
static const struct member relay_actions[] = {
	{ ID(1) }, { INT("relay", 0, 1, 255) }, { CHOICE("state", 0, relay_states) },
	{ INT("pulseMs", 0, 0, 60000) }, { INT("meterId", 0, 1, INT32_MAX) },
	{ INT("relayId", 0, 1, 255) }, { INT("relayState", 0, 0, 1) }, { BOOL("confirm", 0) },
	{ BOOL("catchUp", 0) }, END
};
static const struct member monitor_actions[] = {
	{ ID(1) }, { ANY("targets", M_REQUIRED), .check = check_readings },
	{ INT("periodSec", 0, 0, 86400) }, { INT("durationSec", 0, 0, 86400) }, END
};
const struct member sntp_action_members[] = {
	{ ID(1) }, { ANY("eventType", 0), .check = check_event_type },
	{ INT("eventId", 0, 0, INT32_MAX) }, END
};
static const struct member depth[] = {
	{ TEXT("type", M_REQUIRED, 1, 64) }, { INT("records", M_REQUIRED, 0, INT32_MAX) }, END
};

/* ---- views ---- */

#define BOTH DIALECT_ANY
#define D40 DIALECT_40
/* A list of the store whose rows are named by `id`, and that is empty when it is cleared. */
#define IDS(path, dialects, table, of) { "settings/" path, dialects, VIEW_KEYED, V_EMPTIES, \
	&view_tables, table, .key = "id", .members = (of) }
const struct view views_40[] = {
	{ "settings/proto/json/auth", BOTH, VIEW_KEYED, V_ACCOUNTS, &view_tables, TABLE_ACCOUNTS,
	    .key = "id", .unique = "login", .members = account_members, .take = take_account,
	    .settle = settle_accounts },
	{ "settings/ip", D40, VIEW_KEYED, V_POST_IS_PUT, &view_tables, TABLE_IP, .key = "iface",
	    .members = ip, .take = take_ip },
	{ "settings/modem/sim", D40, VIEW_KEYED, V_POST_IS_PUT, &view_tables, TABLE_SIM, .key = "id",
	    .members = sim },
	{ "settings/servers/tcp", D40, VIEW_LIST, 0, &view_tables, TABLE_TCP, .key = "port",
	    .members = tcp, .take = take_tcp, .show = show_tcp },
	{ "settings/servers/sntp", D40, VIEW_LIST, V_REPEATS, &view_tables, TABLE_SNTP, .key = "addr",
	    .members = sntp },
	{ "settings/uart", BOTH, VIEW_KEYED, 0, &view_tables, TABLE_UART, .key = "id",
	    .members = uart_members },
	{ "settings/dout", D40, VIEW_KEYED, V_POST_IS_PUT, &view_tables, TABLE_DOUT, .key = "addr",
	    .other_key = "id", .members = dout },
	{ "settings/time/local", BOTH, VIEW_FLAT, 0, &view_local_time, .members = local_time_members },
	IDS("servers/mqtt", D40, TABLE_MQTT, mqtt),
	IDS("servers/smtp", D40, TABLE_SMTP, smtp),
	IDS("templates/email", D40, TABLE_EMAIL, email),
	{ "settings/meter/table", D40, VIEW_KEYED, V_EMPTIES, &view_meters, .wrapper = "Meters",
	    .key = "id", .members = meters, .settle = settle_meters },
	{ "settings/templates/meter", D40, VIEW_KEYED, V_EMPTIES | V_NUMBERED, &view_tables,
	    TABLE_METER_TEMPLATES, .key = "name", .members = meter_templates },
	{ "settings/templates/arch", D40, VIEW_KEYED, V_EMPTIES | V_NUMBERED, &view_tables,
	    TABLE_ARCH_TEMPLATES, .key = "name", .members = arch_templates },
	IDS("templates/messages", D40, TABLE_MESSAGES, messages),
	{ "settings/events/schdl", D40, VIEW_KEYED, V_EMPTIES | V_SPELLINGS, &view_tables,
	    TABLE_SCHEDULES, .key = "id", .members = schedules, .show = show_schedule_40 },
	{ "settings/events/calendar", D40, VIEW_KEYED, V_EMPTIES | V_NUMBERED, &view_tables,
	    TABLE_CALENDARS, .key = "calendarName", .members = calendars },
	IDS("events/manager", D40, TABLE_MANAGER, manager),
	IDS("actions/meter", D40, TABLE_ACTION_METER, pollers),
	IDS("actions/mqtt", D40, TABLE_ACTION_MQTT, mqtt_actions),
	IDS("actions/smtp", D40, TABLE_ACTION_SMTP, smtp_actions),
	IDS("actions/sntp", BOTH, TABLE_ACTION_SNTP, sntp_action_members),
	IDS("events/din", D40, TABLE_DIN_EVENTS, din_events),
	IDS("events/ain", D40, TABLE_ANALOG_EVENTS, ain_events),
	IDS("actions/relay", D40, TABLE_ACTION_RELAY, relay_actions),
	IDS("actions/monitor", D40, TABLE_ACTION_MONITOR, monitor_actions),
	{ "settings/meter/depth", D40, VIEW_KEYED, V_UPDATE_ONLY | V_NO_POST, &view_depths,
	    .key = "type",
	    .members = depth },
	{ NULL }
};
