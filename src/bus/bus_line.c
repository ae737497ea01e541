/* The line of a bus: opened for a visit, told when to give way, its counters. */
#include "src/bus/bus_private.h"

#include <limits.h>

#include "src/base/clock.h"

/* The exchange boundary: may the running visit go on? */
static int
gate(void *arg)
{
	struct bus *bus = arg;
	int urgent = atomic_load(&bus->best_urgent), running = atomic_load(&bus->running_class);

	if (atomic_load(&bus->crew->stopping) || atomic_load(&bus->closing))
		return E_STOPPED;
	if (bus->held)
		return E_OK;
	if (atomic_load(&bus->interrupted) || (bus->until_us != 0 && clock_mono_us() >= bus->until_us))
		return E_PREEMPTED;
	if (urgent == BUS_TRANSIT_CLASS && running > BUS_TRANSIT_CLASS)
		return E_PREEMPTED;
	/* Work somebody waits for does not interrupt other work somebody waits for. */
	if (urgent <= BUS_MONITOR_CLASS && running >= BUS_FRESH_CLASS)
		return E_PREEMPTED;
	return E_OK;
}

int
bus_line_ready(struct bus *bus)
{
	struct line *line;
	int rc;

	if (bus->line != NULL)
		return E_OK;
	rc = bus->options.tcp ? line_open_tcp(&line, bus->target, &bus->options.line) :
				line_open_serial(&line, bus->target, &bus->options.line);
	if (rc < 0)
		return rc;
	line_gate_set(line, gate, bus);
	pthread_mutex_lock(&bus->crew->lock);
	if (bus->tap != NULL)
		line_tap_set(line, bus->tap, bus->tap_arg);
	bus->line = line;
	if (atomic_load(&bus->crew->stopping) || atomic_load(&bus->closing))
		line_wake(line); /* those who stop it did not see this line */
	pthread_mutex_unlock(&bus->crew->lock);
	return E_OK;
}

static void
add_counters(struct line_counters *sum, const struct line_counters *c)
{
	sum->exchanges += c->exchanges;
	sum->answers += c->answers;
	sum->timeouts += c->timeouts;
	sum->damaged += c->damaged;
	sum->foreign += c->foreign;
	sum->stray_bytes += c->stray_bytes;
	sum->echoes += c->echoes;
	sum->reopens += c->reopens;
	sum->parity_errors += c->parity_errors;
	sum->tx_bytes += c->tx_bytes;
	sum->rx_bytes += c->rx_bytes;
	sum->wire_us += c->wire_us;
	sum->wait_us += c->wait_us;
	sum->gap_us += c->gap_us;
	sum->lost_us += c->lost_us;
	sum->busy_us += c->busy_us;
}

void
bus_line_drop(struct bus *bus)
{
	struct line_counters counters;
	struct line *line;

	pthread_mutex_lock(&bus->crew->lock);
	line = bus->line;
	bus->line = NULL;
	if (line != NULL) {
		line_counters(line, &counters);
		add_counters(&bus->closed, &counters);
	}
	pthread_mutex_unlock(&bus->crew->lock);
	line_close(line);
}

static uint64_t
bytes_received(const struct line *line)
{
	struct line_counters counters;

	line_counters(line, &counters);
	return counters.rx_bytes;
}

void
bus_settle(struct bus *bus, struct line *line, uint32_t quiet_ms, uint32_t most_ms)
{
	int64_t end_us = clock_mono_us() + (int64_t)most_ms * 1000;
	uint64_t before;
	int rc;

	pthread_mutex_lock(&bus->crew->lock);
	if (!atomic_load(&bus->crew->stopping) && !atomic_load(&bus->closing))
		line_wake_clear(line);
	pthread_mutex_unlock(&bus->crew->lock);
	do {
		before = bytes_received(line);
		rc = line_silence(line, quiet_ms);
	} while (rc == E_OK && bytes_received(line) != before && clock_mono_us() < end_us);
}

unsigned
bus_station_limit(const struct bus *bus)
{
	if (bus->options.tcp)
		return UINT_MAX;
	return bus->options.line.kind == LINE_CAN ? CAN_STATIONS : RS485_STATIONS;
}

void
bus_counters(struct bus *bus, struct line_counters *sum)
{
	struct line_counters open;

	pthread_mutex_lock(&bus->crew->lock);
	*sum = bus->closed;
	if (bus->line != NULL) {
		line_counters(bus->line, &open);
		add_counters(sum, &open);
	}
	pthread_mutex_unlock(&bus->crew->lock);
}

bool
bus_has_device(struct bus *bus)
{
	return atomic_load(&bus->has_device);
}

void
bus_tap(struct bus *bus, line_tap *tap, void *arg)
{
	pthread_mutex_lock(&bus->crew->lock);
	bus->tap = tap;
	bus->tap_arg = arg;
	if (bus->line != NULL)
		line_tap_set(bus->line, tap, arg);
	pthread_mutex_unlock(&bus->crew->lock);
}
