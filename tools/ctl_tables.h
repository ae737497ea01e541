/* The tables of settings of SMART-JSON: what they are, in which dialect, and what names their rows.
 *
 * ROW(name, dialect, key, what); key NULL: one row. */
#ifndef USPD_TOOLS_CTL_TABLES_H
#define USPD_TOOLS_CTL_TABLES_H

#define CTL_TABLES(ROW) \
	ROW("proto/json/auth", 40, "id", "accounts; see uspdctl user") \
	ROW("ip", 40, "iface", "Ethernet ports") \
	ROW("modem/sim", 40, "id", "SIM cards") \
	ROW("servers/tcp", 40, "port", "TCP servers: RTU-327 and transit") \
	ROW("servers/sntp", 40, "addr", "time servers") \
	ROW("servers/mqtt", 40, "id", "MQTT brokers") \
	ROW("servers/smtp", 40, "id", "sender accounts of mail") \
	ROW("uart", 40, "id", "serial lines") \
	ROW("dout", 40, "addr", "power lines of the buses") \
	ROW("time/local", 40, NULL, "time zone") \
	ROW("meter/table", 40, "id", "meters; see uspdctl meter") \
	ROW("meter/depth", 40, "type", "depth of the archive") \
	ROW("templates/email", 40, "id", "recipients of mail") \
	ROW("templates/meter", 40, "name", "groups of meters") \
	ROW("templates/arch", 40, "name", "sets of record types") \
	ROW("templates/messages", 40, "id", "contents of messages") \
	ROW("events/schdl", 40, "id", "schedules") \
	ROW("events/calendar", 40, "calendarName", "groups of schedules") \
	ROW("events/manager", 40, "id", "events and their actions") \
	ROW("events/din", 40, "id", "events of inputs") \
	ROW("events/ain", 40, "id", "events of measured values") \
	ROW("actions/meter", 40, "id", "polling jobs") \
	ROW("actions/relay", 40, "id", "switching of relays") \
	ROW("actions/monitor", 40, "id", "readings of momentary values") \
	ROW("actions/mqtt", 40, "id", "messages to brokers") \
	ROW("actions/smtp", 40, "id", "messages by mail") \
	ROW("actions/sntp", 40, "id", "when time servers are asked") \
	ROW("iec60870_5_104/mapioa", 40, "IOA", "addresses of information objects") \
	ROW("iec60870_5_104/iec60870_settings", 40, NULL, "parameters of IEC 60870-5-104") \
	ROW("iec60870_5_104/iec60870_template", 40, "id", "templates of IEC 60870-5-104") \
	ROW("iec60870_5_104/iec60870_cot_values", 40, "IOA", "causes of transmission by object") \
	ROW("iec60870_5_104/value_description", 40, "id", "names of values, read-only") \
	ROW("iec60870_5_104/template_name", 40, "id", "names of templates, read-only") \
	ROW("iec60870_5_104/cot_types", 40, "id", "causes of transmission, read-only") \
	ROW("iec60870_5_104/type_id_types", 40, "id", "types of information, read-only") \
	ROW("name", 31, NULL, "name of the device") \
	ROW("din", 31, "id", "discrete inputs") \
	ROW("file_system/access", 31, "id", "access to disks") \
	ROW("modem", 31, NULL, "modem") \
	ROW("modem/apn", 31, "id", "access points") \
	ROW("modem/csd", 31, "id", "dial-in") \
	ROW("address", 31, "id", "address book") \
	ROW("messages/custom", 31, "id", "messages of the operator") \
	ROW("messages/meter", 31, "id", "messages with meter data") \
	ROW("meter/arch", 31, "id", "depth of the archive by class") \
	ROW("actions/sms", 31, "id", "messages by SMS") \
	ROW("actions/reset", 31, "id", "when the device restarts") \
	ROW("proto/rtu/auth", 31, "id", "passwords of RTU-327") \
	ROW("proto/text/auth", 31, "id", "passwords of the text protocol") \
	ROW("proto/text/data", 31, NULL, "data of the text protocol") \
	ROW("proto/text/mail", 31, "id", "mail of the text protocol")

struct ctl_table_row { const char *name; int dialect; const char *key, *what; };
extern const struct ctl_table_row ctl_tables[];		/* name NULL ends */

#endif
