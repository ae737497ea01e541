/* Tables of settings rows: the lists a head-end edits (smart-json.md 8, 9, 16).
 *
 * A table is an ordered list of rows; a row is the JSON text of one object and has a key that is
 * unique in its table.  What the members of a row are is the business of who edits and reads them;
 * the member names are those of dialect 40, where it has the table.  A table never written holds
 * its factory rows.
 *
 * Numbers are stored: new tables go to the end.
 * ROW(enumerator, name, factory rows as a JSON array) */
#ifndef USPD_MODEL_TABLES_H
#define USPD_MODEL_TABLES_H

#define TABLES(ROW) \
	ROW(TABLE_ACCOUNTS, "proto/json/auth", \
	    "[{\"id\":1,\"login\":\"admin\",\"password\":\"admin\",\"lvl\":2,\"factory\":true}]") \
	ROW(TABLE_IP, "ip", \
	    "[{\"iface\":\"eth0\",\"dhcp\":false,\"ip\":\"192.168.0.1\"," \
	    "\"netmask\":\"255.255.255.0\",\"gw\":\"\",\"dns1\":\"\",\"dns2\":\"\"}," \
	    "{\"iface\":\"eth1\",\"dhcp\":true,\"ip\":\"\",\"netmask\":\"\",\"gw\":\"\"," \
	    "\"dns1\":\"\",\"dns2\":\"\"}]") \
	ROW(TABLE_SIM, "modem/sim", \
	    "[{\"id\":1,\"pin\":\"\",\"enable\":false,\"addr\":\"\",\"auth\":false,\"login\":\"\"," \
	    "\"password\":\"\"},{\"id\":2,\"pin\":\"\",\"enable\":false,\"addr\":\"\"," \
	    "\"auth\":false,\"login\":\"\",\"password\":\"\"}]") \
	ROW(TABLE_TCP, "servers/tcp", \
	    "[{\"port\":1111,\"type\":\"iface1\"},{\"port\":2222,\"type\":\"iface2\"}," \
	    "{\"port\":3333,\"type\":\"iface3\"},{\"port\":4444,\"type\":\"iface4\"}," \
	    "{\"port\":33333,\"type\":\"rtu327\"}]") \
	ROW(TABLE_SNTP, "servers/sntp", "[]") \
	ROW(TABLE_UART, "uart", \
	    "[{\"id\":1,\"iface\":0,\"br\":9600,\"size\":8,\"parity\":0,\"stop\":1,\"line\":0}," \
	    "{\"id\":2,\"iface\":1,\"br\":9600,\"size\":8,\"parity\":0,\"stop\":1,\"line\":0}," \
	    "{\"id\":3,\"iface\":2,\"br\":9600,\"size\":8,\"parity\":0,\"stop\":1,\"line\":0}," \
	    "{\"id\":4,\"iface\":3,\"br\":9600,\"size\":8,\"parity\":0,\"stop\":1,\"line\":0}]") \
	ROW(TABLE_DOUT, "dout", \
	    "[{\"addr\":\"/dev/ttyUSB3\",\"state\":\"toggle\"}," \
	    "{\"addr\":\"/dev/ttyUSB2\",\"state\":\"toggle\"}," \
	    "{\"addr\":\"/dev/ttyUSB1\",\"state\":\"toggle\"}," \
	    "{\"addr\":\"/dev/ttyUSB0\",\"state\":\"toggle\"}]") \
	ROW(TABLE_MQTT, "servers/mqtt", "[]") \
	ROW(TABLE_SMTP, "servers/smtp", "[]") \
	ROW(TABLE_EMAIL, "templates/email", "[]") \
	ROW(TABLE_METER_TEMPLATES, "templates/meter", "[]") \
	ROW(TABLE_ARCH_TEMPLATES, "templates/arch", "[]") \
	ROW(TABLE_MESSAGES, "templates/messages", "[]") \
	ROW(TABLE_SCHEDULES, "events/schdl", "[]") \
	ROW(TABLE_CALENDARS, "events/calendar", "[]") \
	ROW(TABLE_MANAGER, "events/manager", "[]") \
	ROW(TABLE_ACTION_METER, "actions/meter", "[]") \
	ROW(TABLE_ACTION_MQTT, "actions/mqtt", "[]") \
	ROW(TABLE_ACTION_SMTP, "actions/smtp", "[]") \
	ROW(TABLE_ACTION_SNTP, "actions/sntp", "[]") \
	ROW(TABLE_IEC_MAPIOA, "iec60870/mapioa", "[]") \
	ROW(TABLE_IEC_SETTINGS, "iec60870/settings", \
	    "[{\"CASDU\":1,\"k\":12,\"w\":8,\"t0\":10,\"t1\":15,\"t2\":10,\"t3\":20," \
	    "\"periodicSendTime\":5,\"qualityTime\":60,\"spontaneousCheckTime\":1," \
	    "\"pollerTime\":1}]") \
	ROW(TABLE_IEC_TEMPLATE, "iec60870/template", "[]") \
	ROW(TABLE_IEC_COT, "iec60870/cot_values", "[]") \
	ROW(TABLE_NAME, "name", "[{\"name\":\"\"}]") \
	ROW(TABLE_DIN, "din", "[]") \
	ROW(TABLE_DISKS, "file_system/access", "[]") \
	ROW(TABLE_MODEM, "modem", "[{\"access\":0,\"pin\":\"\"}]") \
	ROW(TABLE_APN, "modem/apn", "[]") \
	ROW(TABLE_CSD, "modem/csd", "[]") \
	ROW(TABLE_ADDRESSES, "address", "[]") \
	ROW(TABLE_CUSTOM_MESSAGES, "messages/custom", "[]") \
	ROW(TABLE_METER_MESSAGES, "messages/meter", "[]") \
	ROW(TABLE_DIN_EVENTS, "events/din", "[]") \
	ROW(TABLE_D31_ACTIONS, "d31/actions", "[]") \
	ROW(TABLE_TEXT_AUTH, "proto/text/auth", "[]") \
	ROW(TABLE_TEXT_DATA, "proto/text/data", \
	    "[{\"tariff\":true,\"ap\":true,\"am\":true,\"rp\":true,\"rm\":true,\"qual\":true}]") \
	ROW(TABLE_TEXT_MAIL, "proto/text/mail", "[]") \
	ROW(TABLE_ANALOG_EVENTS, "events/ain", "[]") \
	ROW(TABLE_ACTION_RELAY, "actions/relay", "[]") \
	ROW(TABLE_ACTION_MONITOR, "actions/monitor", "[]")

enum table {
#define ROW(id, name, factory) id,
	TABLES(ROW)
#undef ROW
	TABLE_COUNT
};

const char *table_name(enum table);
const char *table_factory(enum table);		/* JSON array of objects */
enum table table_by_name(const char *);		/* TABLE_COUNT: none */

#endif
