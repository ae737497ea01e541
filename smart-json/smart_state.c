#include "smart-json/smart.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "smart-json/api.h"
#include "src/base/clock.h"
#include "src/base/version.h"
#include "src/events/events.h"
#include "src/events/schedule.h"
#include "src/store/store.h"
#include "src/system/device.h"

/* GET /state/... (smart-json.md 13): how the device is. */

enum { PORTS_MOST = 16, SOCKETS_MOST = 512, THREADS_MOST = 128, FLASHES_MOST = 8, SECTOR = 512 };
enum { METERS_PLANNED = 10000 };	/* TD 3.3.5, smart-json.md 8.12 */

static json_t *
iso(struct zone zone, int64_t utc)
{
	char buf[CIVIL_TEXT_SIZE];

	return json_string(civil_print(zone, utc, 'T', buf));
}

/* ---- time and identity ---- */

void
smart_state_time(struct http_call *call)
{
	struct zone zone = store_zone(call->server->store);
	struct device_clock clock;
	json_t *json;

	device_clock(&clock);
	json = json_pack("{s:o, s:b}", "time", iso(zone, clock_utc()), "sync", (int)clock.synchronised);
	if (call->dialect == DIALECT_40)
		json_object_set_new(json, "state", json_boolean(clock.rtc_healthy));
	api_reply(call, json);
}

static json_t *
things(const char *const *types, const unsigned *counts, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		if (counts[i] > 0)
			json_array_append_new(list,
			    json_pack("{s:s, s:i}", "TYPE", types[i], "NUM", (int)counts[i]));
	return list;
}

void
smart_state_system(struct http_call *call)
{
	struct device_identity id;
	json_t *flash, *ports;

	device_identity(&id);
	flash = things((const char *const[]){ id.flash_type }, &id.flash_count, 1);
	ports = things((const char *const[]){ "RS485", "ETH" },
	    (const unsigned[]){ id.rs485_count, id.ethernet_count }, 2);
	api_reply(call,
	    json_pack("{s:s, s:s, s:{s:s, s:s, s:s, s:s, s:o, s:s, s:o, s:s, s:s, s:s}}", "fw",
		USPD_VERSION, "bl", id.loader, "SystemInfo", "MODEL", id.model, "REV", id.revision,
		"SN", id.serial, "DATE", id.made, "DF", flash, "BAT", id.battery, "IF", ports, "MAC",
		id.mac, "MAIN_PWR", id.main_power, "MODEM", id.modem));
}

/* ---- power lines: what is commanded (system.md 6) ---- */

enum { LINES = 5 };
static const char *const line_paths[LINES] = {
	"/dev/ttyUSB3", "/dev/ttyUSB2", "/dev/ttyUSB1", "/dev/ttyUSB0", "iface5"
};

/* Buses at work: a line in automatic mode is on with its bus. */
static void
find_working(struct poll *poll, bool working[static LINES])
{
	struct poll_bus_status *buses = calloc(API_BUSES, sizeof(*buses));
	size_t n = poll != NULL && buses != NULL ? poll_buses(poll, buses, API_BUSES) : 0;

	for (size_t i = 0; i < n; i++) {
		enum meter_iface iface = meter_iface_by_name(buses[i].name);

		if (iface >= IFACE_1 && iface <= IFACE_4)
			working[iface - IFACE_1] = buses[i].state != BUS_IDLE &&
			    buses[i].state != BUS_NO_DEVICE;
	}
	free(buses);
}

static void
add_line(json_t *list, const json_t *row, const bool *working, bool inverted, int lines)
{
	const char *path = json_string_value(json_object_get(row, "addr"));
	const char *state = json_string_value(json_object_get(row, "state"));

	for (int i = 0; i < lines && path != NULL && state != NULL; i++) {
		bool on = strcmp(state, "on") == 0 || (strcmp(state, "toggle") == 0 && working[i]);

		if (strcmp(line_paths[i], path) == 0)
			json_array_append_new(list,
			    json_pack("{s:i, s:i}", "addr", i, "state", (int)(on != inverted)));
	}
}

void
smart_state_dout(struct http_call *call)
{
	const struct table_rows *rows = store_table(call->server->store, TABLE_DOUT);
	int lines = call->dialect == DIALECT_31 ? LINES : LINES - 1;
	bool working[LINES] = { false };
	json_t *list = json_array(), *row;
	struct settings settings;

	store_settings(call->server->store, &settings);
	find_working(call->server->poll, working);
	for (size_t i = 0; rows != NULL && i < rows->n; i++) {
		row = json_loads(rows->rows[i].json, 0, NULL);
		add_line(list, row, working, settings.http_dout_inverted != 0, lines);
		json_decref(row);
	}
	table_rows_release(rows);
	smart_list(call, "State", list);
}

/* ---- inputs, modem: answers of a board without them ---- */

void
smart_state_din(struct http_call *call)
{
	smart_list(call, "State", NULL);
}

void
smart_state_ain(struct http_call *call)
{
	smart_list(call, "State", NULL);
}

void
smart_state_modem(struct http_call *call)
{
	api_reply(call,
	    json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "info", "absent", "imei", "",
		"ccid", "", "ops", "", "creg", "", "cgreg", "", "csq", "", "cpin", "", "pinRes", ""));
}

/* ---- schedules, buses, meters ---- */

/* When it fired last, as the engine remembers: null when it never did. */
static json_t *
last_run(struct events *events, struct zone zone, int64_t id)
{
	int64_t last = 0, next;

	if (events == NULL || !events_schedule(events, id, &last, &next) || last == 0)
		return json_null();
	return iso(zone, last);
}

void
smart_state_schdl(struct http_call *call)
{
	const struct table_rows *rows = store_table(call->server->store, TABLE_SCHEDULES);
	struct zone zone = store_zone(call->server->store);
	char pattern[SCHEDULE_PATTERN_SIZE];
	json_t *list = json_array();
	int64_t now = clock_utc(), next;
	struct schedule s;

	for (size_t i = 0; rows != NULL && i < rows->n; i++) {
		/* One that never comes has no next run to tell. */
		if (schedule_parse(&s, rows->rows[i].json) < 0 ||
		    schedule_next(&s, zone, now, &next) < 0)
			continue;
		schedule_pattern(&s, pattern);
		json_array_append_new(list,
		    json_pack("{s:I, s:o, s:s, s:o, s:o}", "id", (json_int_t)s.id, "time",
			iso(zone, next + s.offset_s), "pattern", pattern, "next",
			iso(zone, next + s.offset_s), "last",
			last_run(call->server->events, zone, s.id)));
	}
	table_rows_release(rows);
	smart_list(call, "State", list);
}

static const char *
task_name(const struct poll_bus_status *bus)
{
	switch (bus->state) {
	case BUS_POLLING: return "poll";
	case BUS_TRANSIT: return "transit";
	case BUS_SCAN:    return "scan";
	case BUS_IDLE: case BUS_NO_DEVICE: break;
	}
	return "idle";
}

void
smart_state_uart(struct http_call *call)
{
	struct poll_bus_status *buses = calloc(API_BUSES, sizeof(*buses));
	struct zone zone = store_zone(call->server->store);
	struct poll *poll = call->server->poll;
	json_t *list = json_array();
	size_t n = poll != NULL && buses != NULL ? poll_buses(poll, buses, API_BUSES) : 0;

	for (size_t i = 0; i < n; i++) {
		const struct poll_bus_status *bus = &buses[i];
		enum meter_iface iface = meter_iface_by_name(bus->name);
		bool taken = bus->state == BUS_TRANSIT;

		if (iface < IFACE_1 || iface > IFACE_4)
			continue;
		json_array_append_new(list,
		    json_pack("{s:i, s:b, s:s, s:o, s:s, s:s}", "iface", (int)(iface - IFACE_1), "lock",
			(int)taken, "task", task_name(bus), "start",
			taken && bus->holder_since != 0 ? iso(zone, bus->holder_since) :
							  json_string(""),
			"end", "", "client", bus->holder));
	}
	free(buses);
	smart_list(call, "State", list);
}

void
smart_state_meter_table(struct http_call *call)
{
	const struct meter_table *table = store_meters(call->server->store);
	size_t n = table != NULL ? table->n : 0;

	if (table != NULL)
		meter_table_release(table);
	api_reply(call,
	    json_pack("{s:I, s:I}", "curSize", (json_int_t)n, "maxSize",
		(json_int_t)(n > METERS_PLANNED ? n : METERS_PLANNED)));
}

/* ---- network ---- */

void
smart_state_network(struct http_call *call)
{
	struct device_port ports[PORTS_MOST];
	size_t n = device_ports(ports, PORTS_MOST);
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list,
		    json_pack("{s:s, s:s, s:s, s:s, s:s, s:b}", "name", ports[i].name, "ipaddr",
			ports[i].address, "netmask", ports[i].netmask, "gateway", ports[i].gateway,
			"hostname", ports[i].hostname, "link", (int)ports[i].link));
	smart_list(call, "State", list);
}

void
smart_state_socket(struct http_call *call)
{
	struct device_socket *sockets = calloc(SOCKETS_MOST, sizeof(*sockets));
	size_t n = sockets != NULL ? device_sockets(sockets, SOCKETS_MOST) : 0;
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list,
		    json_pack("{s:i, s:s, s:s}", "id", (int)i, "sock", sockets[i].local, "peer",
			sockets[i].peer));
	free(sockets);
	api_reply(call, json_pack("{s:I, s:o}", "num", (json_int_t)n, "State", list));
}

/* ---- memory of all kinds ---- */

void
smart_state_dataflash(struct http_call *call)
{
	struct device_flash flashes[FLASHES_MOST];
	size_t n = device_flashes(flashes, FLASHES_MOST);
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list,
		    json_pack("{s:i, s:I, s:I, s:s}", "id", (int)i, "sectors",
			(json_int_t)flashes[i].sectors, "size", (json_int_t)flashes[i].sector, "type",
			flashes[i].type));
	smart_list(call, "State", list);
}

void
smart_state_file_system(struct http_call *call)
{
	struct device_disk disks[4];
	size_t n = device_disks(call->server->dir, disks, sizeof(disks) / sizeof(disks[0]));
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list,
		    json_pack("{s:i, s:s, s:I, s:I}", "num", (int)i, "info", disks[i].path, "size",
			(json_int_t)(disks[i].size / SECTOR), "free",
			(json_int_t)(disks[i].free / SECTOR)));
	api_reply(call, json_pack("{s:i, s:o}", "ssize", SECTOR, "State", list));
}

/* "P1DT2H3M4S" (smart-json.md 13.2). */
static void
print_duration(int64_t s, char buf[static 40])
{
	snprintf(buf, 40, "P%" PRId64 "DT%dH%dM%dS", s / 86400, (int)(s / 3600 % 24),
	    (int)(s / 60 % 60), (int)(s % 60));
}

/* Numbers of the micro-controller's system: 0 running, 1 ready, 2 blocked, 3 suspended, 4 deleted. */
static int
thread_state(char linux_state)
{
	switch (linux_state) {
	case 'R': return 0;
	case 'S': case 'D': case 'I': return 2;
	case 'T': case 't': return 3;
	case 'Z': case 'X': return 4;
	default:  return 5;
	}
}

static json_t *
thread_list(void)
{
	struct device_thread *threads = calloc(THREADS_MOST, sizeof(*threads));
	size_t n = threads != NULL ? device_threads(threads, THREADS_MOST) : 0;
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list,
		    json_pack("{s:i, s:s, s:i, s:i, s:i, s:I}", "id", threads[i].id, "name",
			threads[i].name, "state", thread_state(threads[i].state), "priority",
			threads[i].priority, "stackmin", 0, "runtime", (json_int_t)threads[i].cpu_ms));
	free(threads);
	return list;
}

void
smart_state_os(struct http_call *call)
{
	static _Atomic uint64_t least = UINT64_MAX; /* seen free so far */
	struct device_load load;
	uint64_t before;
	char ran[40];

	device_load(&load);
	before = atomic_load(&least);
	while (load.memory_available < before &&
	    !atomic_compare_exchange_weak(&least, &before, load.memory_available))
		continue;
	print_duration(load.uptime_s, ran);
	api_reply(call,
	    json_pack("{s:s, s:I, s:I, s:s, s:o}", "osname", load.os, "heapmin",
		(json_int_t)atomic_load(&least), "heapfree", (json_int_t)load.memory_available,
		"osruntime", ran, "State", thread_list()));
}
