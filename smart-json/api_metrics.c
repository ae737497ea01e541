#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "smart-json/api.h"
#include "smart-json/smart.h"
#include "src/base/clock.h"
#include "src/base/version.h"
#include "src/events/events.h"
#include "src/system/device.h"
#include "src/transit/transit.h"

/* GET /metrics: how the device is, in the text format of Prometheus 0.0.4. */

enum { SESSIONS_MOST = 64 };

static void
head(struct text *t, const char *name, const char *type, const char *help)
{
	text_printf(t, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void
count(struct text *t, const char *name, const char *help, uint64_t value)
{
	head(t, name, "counter", help);
	text_printf(t, "%s %" PRIu64 "\n", name, value);
}

static void
gauge(struct text *t, const char *name, const char *help, uint64_t value)
{
	head(t, name, "gauge", help);
	text_printf(t, "%s %" PRIu64 "\n", name, value);
}

/* The value of a label: quotes, backslashes and ends of lines are escaped. */
static void
label(struct text *t, const char *value)
{
	for (; *value != '\0'; value++) {
		if (*value == '"' || *value == '\\')
			text_add(t, "\\", 1);
		text_add(t, *value == '\n' ? " " : value, 1);
	}
}

static void
print_device(struct text *t)
{
	struct device_load load;
	struct device_clock clock;

	device_load(&load);
	device_clock(&clock);
	head(t, "uspd_build_info", "gauge", "Which version runs.");
	text_str(t, "uspd_build_info{version=\"" USPD_VERSION "\"} 1\n");
	gauge(t, "uspd_time_seconds", "Device time, unix.", (uint64_t)clock_utc());
	gauge(t, "uspd_clock_synchronised", "The clock has been compared with a good one.",
	    clock.synchronised);
	gauge(t, "uspd_uptime_seconds", "Since the daemon started.", (uint64_t)load.daemon_uptime_s);
	gauge(t, "uspd_device_uptime_seconds", "Since the device started.", (uint64_t)load.uptime_s);
	gauge(t, "uspd_resident_memory_bytes", "Memory of the daemon.", load.resident);
	gauge(t, "uspd_memory_available_bytes", "Memory of the device that is free to take.",
	    load.memory_available);
	gauge(t, "uspd_threads", "Threads of the daemon.", load.threads);
	head(t, "uspd_cpu_ratio", "gauge", "Share of one core used since the daemon started.");
	text_printf(t, "uspd_cpu_ratio %u.%03u\n", load.cpu_permille / 1000, load.cpu_permille % 1000);
}

static void
print_disks(struct text *t, const char *dir)
{
	struct device_disk disks[4];
	size_t n = device_disks(dir, disks, sizeof(disks) / sizeof(disks[0]));

	head(t, "uspd_disk_size_bytes", "gauge", "Size of a file system.");
	for (size_t i = 0; i < n; i++) {
		text_str(t, "uspd_disk_size_bytes{path=\"");
		label(t, disks[i].path);
		text_printf(t, "\"} %" PRIu64 "\n", disks[i].size);
	}
	head(t, "uspd_disk_free_bytes", "gauge", "Free space of a file system.");
	for (size_t i = 0; i < n; i++) {
		text_str(t, "uspd_disk_free_bytes{path=\"");
		label(t, disks[i].path);
		text_printf(t, "\"} %" PRIu64 "\n", disks[i].free);
	}
}

static void
print_store(struct text *t, struct store *store)
{
	struct store_stats s = { 0 };

	store_stats(store, &s);
	count(t, "uspd_store_commits_total", "Transactions written.", s.commits);
	count(t, "uspd_store_records_total", "Records written.", s.records);
	count(t, "uspd_store_refused_total", "Batches refused because the disk took none.",
	    s.refused_full);
	count(t, "uspd_store_salvaged_total", "Rows saved from damaged archives.", s.salvaged);
	count(t, "uspd_store_lost_total", "Rows of damaged archives that were lost.", s.lost);
	gauge(t, "uspd_store_queued", "Orders waiting for the writer.", s.queued);
	gauge(t, "uspd_store_trouble", "1: the last write failed and is being tried again.",
	    s.write_trouble);
}

/* ---- polling ---- */

static void
print_totals(struct text *t, struct poll *poll)
{
	struct poll_totals totals;

	poll_totals(poll, &totals);
	head(t, "uspd_meters", "gauge", "Meters of the table by state of their link.");
	text_printf(t,
	    "uspd_meters{state=\"answering\"} %u\nuspd_meters{state=\"silent\"} %u\n"
	    "uspd_meters{state=\"no_driver\"} %u\nuspd_meters{state=\"untried\"} %u\n",
	    totals.answering, totals.silent, totals.no_driver, totals.untried);
	gauge(t, "uspd_grid_wanted", "Readings and slices the archive should hold.", totals.wanted);
	gauge(t, "uspd_grid_missing", "Of them, those it does not hold yet.", totals.missing);
	count(t, "uspd_poll_records_total", "Records brought by the poller.", totals.records);
}

#define BUS(name, type, help, member) \
	{ "uspd_bus_" name, type, help, offsetof(struct poll_bus_status, member), \
	    sizeof(((struct poll_bus_status *)NULL)->member) }
static const struct { const char *name, *type, *help; size_t offset, size; } bus_metrics[] = {
	BUS("meters", "gauge", "Meters on the bus.", meters),
	BUS("silent", "gauge", "Meters of the bus that do not answer.", silent),
	BUS("waiting", "gauge", "Meters of the bus with work waiting.", waiting),
	BUS("exchanges_total", "counter", "Requests sent.", line.exchanges),
	BUS("answers_total", "counter", "Good answers.", line.answers),
	BUS("timeouts_total", "counter", "Requests without an answer.", line.timeouts),
	BUS("damaged_total", "counter", "Answers with a wrong checksum or form.", line.damaged),
	BUS("foreign_total", "counter", "Answers of other stations.", line.foreign),
	BUS("stray_bytes_total", "counter", "Bytes that belong to no answer.", line.stray_bytes),
	BUS("parity_errors_total", "counter", "Bytes with a wrong parity.", line.parity_errors),
	BUS("reopens_total", "counter", "Times the device was opened again.", line.reopens),
	BUS("sent_bytes_total", "counter", "Bytes sent.", line.tx_bytes),
	BUS("received_bytes_total", "counter", "Bytes received.", line.rx_bytes),
	BUS("ideal_microseconds_total", "counter", "Least time the exchanges could take.", ideal_us),
	BUS("worked_microseconds_total", "counter", "Time the bus had work.", worked_us),
};

static uint64_t
number_at(const struct poll_bus_status *bus, size_t offset, size_t size)
{
	const char *p = (const char *)bus + offset;
	uint32_t small;
	uint64_t large;

	if (size == sizeof(small)) {
		memcpy(&small, p, sizeof(small));
		return small;
	}
	memcpy(&large, p, sizeof(large));
	return large;
}

static void
print_buses(struct text *t, struct poll *poll)
{
	struct poll_bus_status *buses = calloc(API_BUSES, sizeof(*buses));
	size_t n = buses != NULL ? poll_buses(poll, buses, API_BUSES) : 0;

	for (size_t m = 0; m < sizeof(bus_metrics) / sizeof(bus_metrics[0]); m++) {
		head(t, bus_metrics[m].name, bus_metrics[m].type, bus_metrics[m].help);
		for (size_t i = 0; i < n; i++) {
			text_printf(t, "%s{bus=\"", bus_metrics[m].name);
			label(t, buses[i].name);
			text_printf(t, "\"} %" PRIu64 "\n",
			    number_at(&buses[i], bus_metrics[m].offset, bus_metrics[m].size));
		}
	}
	head(t, "uspd_bus_state", "gauge", "1 for the state the bus is in.");
	for (size_t i = 0; i < n; i++) {
		text_str(t, "uspd_bus_state{bus=\"");
		label(t, buses[i].name);
		text_printf(t, "\",state=\"%s\"} 1\n", bus_state_name(buses[i].state));
	}
	free(buses);
}

static void
print_transit(struct text *t, struct transit *transit)
{
	struct transit_session *sessions = calloc(SESSIONS_MOST, sizeof(*sessions));
	size_t n = sessions != NULL ? transit_sessions(transit, sessions, SESSIONS_MOST) : 0;

	gauge(t, "uspd_transit_sessions", "Clients of transit ports.", n);
	free(sessions);
}

static void
print_events(struct text *t, struct events *events)
{
	struct events_stats s;

	events_stats(events, &s);
	count(t, "uspd_events_total", "Events raised and schedules due.", s.raised);
	gauge(t, "uspd_actions_waiting", "Actions that wait.", s.waiting);
	gauge(t, "uspd_actions_running", "Actions that run.", s.running);
	gauge(t, "uspd_schdl_late_ms_max", "How late a schedule was noticed at most.", s.late_ms_max);
	head(t, "uspd_actions_total", "counter", "Actions that have ended.");
	for (int i = 0; i < RESULT_COUNT; i++)
		text_printf(t, "uspd_actions_total{result=\"%s\"} %" PRIu64 "\n",
		    events_result_name((enum events_result)i), s.done[i]);
}

void
smart_metrics(struct http_call *call)
{
	struct text *t = &call->out;

	call->type = "text/plain; version=0.0.4; charset=utf-8";
	print_device(t);
	print_disks(t, call->server->dir);
	print_store(t, call->server->store);
	if (call->server->poll != NULL) {
		print_totals(t, call->server->poll);
		print_buses(t, call->server->poll);
	}
	if (call->server->events != NULL)
		print_events(t, call->server->events);
	if (call->server->transit != NULL)
		print_transit(t, call->server->transit);
}
