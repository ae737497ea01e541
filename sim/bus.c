#include "sim/bus.h"

#include <string.h>

/* How long and how many characters may be held back: a UART's buffer.  From 38400 bit/s the pause
 * between two portions stays below the shortest gap that ends a frame, 5 ms (poller.md 2.4). */
enum { CHUNK_NS = 16000000, CHUNK_CHARS = 16 };

void
sim_bus_set_pace(struct sim_bus *bus)
{
	int64_t least = bus->port == SIM_PORT_TCP ? 20000000 : 3000000;

	bus->char_ns = bus->paced ? (int64_t)bus->bits * 1000000000 / bus->speed : 0;
	bus->gap_ns = 4 * bus->char_ns > least ? 4 * bus->char_ns : least;
}

static bool
on_wire(const struct sim_bus *bus, int64_t now_ns)
{
	return bus->tx.len > 0 && now_ns >= bus->tx.start_ns;
}

static void
garble_rest(struct sim_bus *bus)
{
	bus->stats.collisions++;
	for (size_t i = bus->tx.sent; i < bus->tx.len; i++)
		bus->tx.bytes[i] ^= (uint8_t)(0x24 + i % 7);
}

void
sim_bus_receive(struct sim_bus *bus, int64_t now_ns, const uint8_t *bytes, size_t n)
{
	bus->stats.rx_bytes += n;
	bus->stats.busy_ns += (int64_t)n * bus->char_ns;
	if (on_wire(bus, now_ns)) {
		garble_rest(bus);
		return;
	}
	if (bus->tx.len > 0) {
		bus->stats.abandoned++;
		bus->tx.len = 0;
	}
	if (n > sizeof(bus->rx) - bus->rx_n) {
		bus->stats.overruns++;
		bus->rx_n = 0;
		n = n < sizeof(bus->rx) ? n : sizeof(bus->rx);
	}
	memcpy(bus->rx + bus->rx_n, bytes, n);
	bus->rx_n += n;
	bus->rx_end_ns = (bus->rx_end_ns > now_ns ? bus->rx_end_ns : now_ns) +
	    (int64_t)n * bus->char_ns;
}

/* Two stations at once: dominant bits win, and never do they make a good frame. */
static void
collide(struct sim_bus *bus, struct sim_send *s, const uint8_t *other, size_t n)
{
	size_t longer = n > s->len ? n : s->len;

	bus->stats.collisions++;
	for (size_t i = 0; i < longer; i++) {
		uint8_t a = i < s->len ? s->bytes[i] : 0xFF, b = i < n ? other[i] : 0xFF;

		s->bytes[i] = (uint8_t)((a & b) ^ (i % 3 == 1 ? 0x14 : 0));
	}
	s->len = longer;
}

static int64_t
answer_delay_ns(const struct sim_meter *m)
{
	int64_t us = m->latency_us;

	if (m->jitter_us > 0)
		us += (int64_t)(sim_hash(m->seed + 1, m->load.serial, m->counters.answers) %
		    m->jitter_us);
	return us * 1000;
}

/* Decides what becomes of the one meter's answer in bus->tx. */
static void
schedule(struct sim_bus *bus, struct sim_meter *m)
{
	enum sim_fault fault = sim_fault_draw(m);
	int64_t delay_ns = answer_delay_ns(m);

	m->counters.answers++;
	bus->tx.start_ns = bus->rx_end_ns + delay_ns;
	if (fault == SIM_FAULT_NONE)
		return;
	m->counters.faults[fault]++;
	if (fault != SIM_FAULT_late) {
		sim_fault_apply(m, fault, bus->char_ns, &bus->tx);
		return;
	}
	if (bus->late.len == 0) {
		bus->late = bus->tx;
		bus->late.start_ns += (int64_t)m->faults.late_us * 1000;
	}
	bus->tx.len = 0;
}

static void
ask_meters(struct sim_bus *bus, int64_t utc_us)
{
	uint8_t out[SIM_ANSWER_MAX];
	struct sim_meter *only = NULL;
	unsigned answers = 0;

	bus->stats.requests++;
	bus->tx.len = bus->tx.sent = 0;
	bus->tx.pause_at = SIM_SEND_MAX;
	bus->tx.pause_ns = 0;
	for (size_t i = 0; i < bus->n_meters; i++) {
		struct sim_meter *m = &bus->meters[i];
		size_t n;

		if (m->speed != 0 && m->speed != bus->speed)
			continue;
		n = sim_meter_answer(m, utc_us, bus->rx, bus->rx_n, out);
		if (n == 0)
			continue;
		if (answers++ > 0) {
			collide(bus, &bus->tx, out, n);
			continue;
		}
		memcpy(bus->tx.bytes, out, n);
		bus->tx.len = n;
		only = m;
	}
	if (answers == 0)
		bus->stats.unanswered++;
	else if (answers == 1)
		schedule(bus, only);
	else
		bus->tx.start_ns = bus->rx_end_ns + answer_delay_ns(only);
}

static void
evaluate(struct sim_bus *bus, int64_t utc_us)
{
	if (bus->echo)
		bus->send(bus, bus->rx, bus->rx_n);
	ask_meters(bus, utc_us);
	bus->rx_n = 0;
}

/* When character i has ended on the wire. */
static int64_t
ends_ns(const struct sim_bus *bus, const struct sim_send *s, size_t i)
{
	return s->start_ns + (int64_t)(i + 1) * bus->char_ns + (i >= s->pause_at ? s->pause_ns : 0);
}

/* The last character of the next portion. */
static size_t
portion_end(const struct sim_bus *bus, const struct sim_send *s)
{
	size_t chunk = bus->char_ns > 0 ? (size_t)(CHUNK_NS / bus->char_ns) : s->len;
	size_t end;

	if (bus->char_ns > 0 && chunk > CHUNK_CHARS)
		chunk = CHUNK_CHARS;
	end = s->sent + (chunk > 0 ? chunk : 1);
	if (s->sent < s->pause_at && end > s->pause_at)
		end = s->pause_at;
	return (end < s->len ? end : s->len) - 1;
}

static void
deliver(struct sim_bus *bus, int64_t now_ns)
{
	struct sim_send *s = &bus->tx;

	while (s->len > 0 && ends_ns(bus, s, portion_end(bus, s)) <= now_ns) {
		size_t upto = portion_end(bus, s) + 1;

		bus->send(bus, s->bytes + s->sent, upto - s->sent);
		bus->stats.tx_bytes += upto - s->sent;
		bus->stats.busy_ns += (int64_t)(upto - s->sent) * bus->char_ns;
		s->sent = upto;
		if (s->sent == s->len)
			s->len = 0;
	}
}

static void
release_late(struct sim_bus *bus)
{
	if (bus->tx.len > 0) {
		garble_rest(bus);
	} else if (bus->rx_n > 0) {
		bus->stats.collisions++;
		bus->rx[0] ^= 0x11;
	} else {
		bus->tx = bus->late;
	}
	bus->late.len = 0;
}

static int64_t
rx_due_ns(const struct sim_bus *bus)
{
	if (bus->rx_n == 0)
		return SIM_NEVER;
	return bus->rx_end_ns + (sim_request_whole(bus->rx, bus->rx_n) ? 0 : bus->gap_ns);
}

void
sim_bus_run(struct sim_bus *bus, int64_t now_ns, int64_t utc_us)
{
	int64_t due;

	if (rx_due_ns(bus) <= now_ns)
		evaluate(bus, utc_us);
	if (bus->late.len > 0 && bus->late.start_ns <= now_ns)
		release_late(bus);
	deliver(bus, now_ns);
	due = rx_due_ns(bus);
	if (bus->tx.len > 0 && ends_ns(bus, &bus->tx, portion_end(bus, &bus->tx)) < due)
		due = ends_ns(bus, &bus->tx, portion_end(bus, &bus->tx));
	if (bus->late.len > 0 && bus->late.start_ns < due)
		due = bus->late.start_ns;
	bus->due_ns = due;
}

void
sim_bus_reset(struct sim_bus *bus)
{
	bus->rx_n = 0;
	bus->rx_end_ns = 0;
	bus->tx.len = bus->late.len = 0;
	bus->due_ns = SIM_NEVER;
}
