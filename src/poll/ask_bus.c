/* Work on a serial bus by hand: scanning for meters, a raw exchange, watching.
 *
 * A scan lasts for minutes, so it is made of many visits: questions, raw exchanges and tenants go
 * between two of its addresses.  Scheduled work waits for its end; mixed with it, every exchange
 * would change the speed of the line twice. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/clock.h"
#include "src/poll/poll_private.h"

enum {
	SCAN_MOST = 1000000,		/* addresses times settings */
	SCAN_TRIES = 2,			/* of a damaged answer */
	SCAN_VISIT_US = 1000000,
	SETTINGS_MOST = 4,
};

struct scan_visit {
	struct visit visit;
	LIST_ENTRY(scan_visit) link;
	uint64_t number;
	struct poll_bus *bus;
	struct bus_scan scan;
	const struct meter_family *family;
	struct line_settings settings[SETTINGS_MOST];
	uint32_t n_settings, setting, address, tried, total;
	struct zone zone;
	bool stop;			/* by order; under poll->lock */
};

/* ---- scan ---- */

static int
probe(struct scan_visit *v, struct line *line, struct meter_session *s, struct meter_config *config)
{
	char address[16];
	const struct session_start start = { .type = v->scan.type, .address = address,
		.password_read = v->scan.password, .password_write = v->scan.password,
		.zone = v->zone };
	const struct meter_family *family = v->family;
	int rc = E_OK;

	snprintf(address, sizeof(address), "%u", v->address);
	if (family->check_address != NULL && family->check_address(address) < 0)
		return E_TIMEOUT; /* no meter can have it */
	poll_session_start(s, line, &start);
	if (family->open != NULL)
		rc = family->open(s);
	s->is_open = rc == E_OK;
	if (rc == E_OK && (rc = family->identify(s, config)) < 0 && poll_is_link_trouble(rc) &&
	    family->open != NULL)
		rc = E_UNSUPPORTED; /* it has answered, though not this */
	if (s->is_open && family->must_close && family->close != NULL) {
		bus_hold(v->bus->bus, true);
		family->close(s);
		bus_hold(v->bus->bus, false);
	}
	return rc;
}

static void
tell_found(struct scan_visit *v, int rc, const struct meter_config *config)
{
	char settings[16];

	line_settings_print(&v->settings[v->setting], settings, sizeof(settings));
	v->scan.found(v->scan.arg, v->address, settings, rc == E_OK ? config->serial : "",
	    rc == E_OK ? config->model : "");
}

/* Goes on with the next address; false: that was the last. */
static bool
advance(struct scan_visit *v)
{
	v->tried++;
	if (v->scan.progress != NULL)
		v->scan.progress(v->scan.arg, v->tried, v->total);
	if (v->address++ != v->scan.to)
		return true;
	v->address = v->scan.from;
	return ++v->setting < v->n_settings;
}

static bool
scan_is_over(struct scan_visit *v, bool *others)
{
	bool stop;

	pthread_mutex_lock(&v->bus->poll->lock);
	stop = v->stop;
	*others = ask_others_wait(v->bus->poll, v->bus, 0);
	pthread_mutex_unlock(&v->bus->poll->lock);
	return stop;
}

/* E_BUSY: goes on in the next visit. */
static int
scan_run(struct visit *visit, struct line *line, struct meter_session *session)
{
	struct scan_visit *v = (struct scan_visit *)(void *)visit;
	int64_t began_us = clock_mono_us();
	bool others;

	do {
		struct line_timing timing = v->family->timing;
		struct meter_config config = { 0 };
		int rc;

		if (scan_is_over(v, &others))
			return E_STOPPED;
		if (others || clock_mono_us() - began_us > SCAN_VISIT_US)
			return E_BUSY;
		timing.tries = SCAN_TRIES;
		rc = line_configure(line, &v->settings[v->setting], &timing, v->family->soft_parity);
		if (rc == E_OK)
			rc = probe(v, line, session, &config);
		if (rc == E_PREEMPTED || rc == E_STOPPED)
			return E_BUSY;
		if (rc == E_LOST || rc == E_INVALID)
			return rc;
		if (!poll_is_link_trouble(rc))
			tell_found(v, rc, &config);
	} while (advance(v));
	return E_OK;
}

static void
scan_done(struct visit *visit, int rc)
{
	struct scan_visit *v = (struct scan_visit *)(void *)visit;
	struct poll *poll = v->bus->poll;
	bool goes_on = rc == E_BUSY;

	pthread_mutex_lock(&poll->lock);
	if (goes_on)
		rc = poll->stopping || v->stop ? E_STOPPED : bus_submit(v->bus->bus, &v->visit);
	goes_on = goes_on && rc == E_OK;
	if (!goes_on) {
		LIST_REMOVE(v, link);
		v->bus->scans--;
	}
	pthread_mutex_unlock(&poll->lock);
	if (goes_on)
		return;
	v->scan.ended(v->scan.arg, rc);
	free(v);
}

static int
take_settings(struct scan_visit *v)
{
	int rc = E_OK;

	while (
	    rc == E_OK && v->n_settings < SETTINGS_MOST && v->scan.settings[v->n_settings][0] != '\0') {
		rc = line_settings_parse(&v->settings[v->n_settings], v->scan.settings[v->n_settings]);
		v->n_settings++;
	}
	if (v->n_settings == 0)
		v->settings[v->n_settings++] = v->family->settings;
	/* 7E1 is made in software (poller.md 2.2). */
	for (uint32_t i = 0; i < v->n_settings; i++)
		if (v->family->soft_parity != SOFT_NONE && v->settings[i].bits == 7) {
			v->settings[i].bits = 8;
			v->settings[i].parity = PARITY_NONE;
		}
	return rc;
}

static int
prepare_scan(struct scan_visit *v, const struct bus_scan *scan)
{
	uint64_t total;
	int rc;

	v->visit = (struct visit){ .class = BUS_OPERATOR_CLASS, .run = scan_run, .done = scan_done };
	v->scan = *scan;
	if ((v->family = meter_family_of(scan->type)) == NULL)
		return E_NODRIVER;
	if (v->family->identify == NULL)
		return E_UNSUPPORTED;
	if (scan->from > scan->to)
		return E_INVALID;
	if ((rc = take_settings(v)) < 0)
		return rc;
	total = ((uint64_t)scan->to - scan->from + 1) * v->n_settings;
	if (total > SCAN_MOST)
		return E_LIMIT;
	v->total = (uint32_t)total;
	v->address = scan->from;
	return E_OK;
}

int
poll_bus_scan(struct poll *poll, unsigned number, const struct bus_scan *scan, uint64_t *scan_number)
{
	struct poll_bus *bus = poll_serial_bus(poll, number);
	struct scan_visit *v;
	int rc;

	if (bus == NULL)
		return E_NOTFOUND;
	if ((v = calloc(1, sizeof(*v))) == NULL)
		return E_NOMEM;
	v->bus = bus;
	rc = prepare_scan(v, scan);
	pthread_mutex_lock(&poll->lock);
	v->zone = poll->zone;
	if (rc == E_OK && (bus->leases > 0 || bus->scans > 0))
		rc = E_BUSY;
	if (rc == E_OK)
		rc = poll->stopping ? E_STOPPED : bus_submit(bus->bus, &v->visit);
	if (rc == E_OK) {
		v->number = *scan_number = poll->next_scan++;
		bus->scans++;
		LIST_INSERT_HEAD(&poll->scans, v, link);
	}
	pthread_mutex_unlock(&poll->lock);
	if (rc < 0)
		free(v);
	return rc;
}

void
poll_bus_scan_stop(struct poll *poll, uint64_t number)
{
	struct scan_visit *v;

	pthread_mutex_lock(&poll->lock);
	LIST_FOREACH(v, &poll->scans, link)
		if (v->number == number)
			v->stop = true;
	pthread_mutex_unlock(&poll->lock);
}

/* ---- raw exchange ---- */

struct raw_visit {
	struct visit visit;
	struct poll_bus *bus;
	struct bus_raw raw;
	struct line_settings settings;
	const uint8_t *rx;
	size_t rx_len;
	uint32_t took_us;
};

/* Whatever comes until the line falls silent. */
static struct framing
until_silence(const void *hint, const uint8_t *rx, size_t len)
{
	(void)hint;
	(void)rx;
	return (struct framing){ FRAME_SILENT, len };
}

static int
raw_run(struct visit *visit, struct line *line, struct meter_session *session)
{
	struct raw_visit *v = (struct raw_visit *)(void *)visit;
	struct line_timing timing = { .answer_ms = v->raw.answer_ms, .gap_ms = v->raw.silence_ms,
		.lost_ms = v->raw.silence_ms, .tries = 1 };
	struct exchange_times times;
	int rc;

	if ((rc = line_configure(line, &v->settings, &timing, SOFT_NONE)) < 0)
		return rc;
	rc = line_exchange(line, v->raw.tx, v->raw.tx_len, until_silence, NULL, session->rx,
	    sizeof(session->rx), &v->rx_len);
	times = line_times(line);
	v->rx = session->rx;
	v->took_us = rc == E_OK ? (uint32_t)(times.done_us - times.sent_us) : 0;
	return rc;
}

static void
raw_done(struct visit *visit, int rc)
{
	struct raw_visit *v = (struct raw_visit *)(void *)visit;
	struct poll *poll = v->bus->poll;
	bool again = false;

	pthread_mutex_lock(&poll->lock);
	if (rc == E_PREEMPTED || rc == E_STOPPED) {
		rc = poll->stopping ? E_STOPPED : v->bus->leases > 0 ? E_BUSY : E_PREEMPTED;
		/* Nothing was sent: only the table was taken over meanwhile. */
		again = rc == E_PREEMPTED && bus_submit(v->bus->bus, &v->visit) == E_OK;
	}
	pthread_mutex_unlock(&poll->lock);
	if (again)
		return;
	v->raw.answered(v->raw.arg, rc, v->rx, rc == E_OK ? v->rx_len : 0, v->took_us);
	free(v);
}

/* The row of /settings/uart (smart-json.md 8.6); 0 baud is "by the type", which is not known here. */
static bool
uart_row(const char *text, unsigned number, struct line_settings *settings)
{
	json_t *row = json_loads(text, 0, NULL);
	json_int_t iface = -1, baud = 0, size = 8, parity = 0, stop = 1;
	char line[64];
	bool good;

	good = json_unpack(row, "{s:I, s?I, s?I, s?I, s?I}", "iface", &iface, "br", &baud, "size",
		   &size, "parity", &parity, "stop", &stop) == 0 &&
	    iface == (json_int_t)number - 1 && parity >= 0 && parity <= 2;
	json_decref(row);
	if (!good)
		return false;
	snprintf(line, sizeof(line), "%d,%d%c%d", (int)(baud > 0 ? baud : 9600), (int)size,
	    "neo"[parity], (int)stop);
	return line_settings_parse(settings, line) == E_OK;
}

static struct line_settings
uart_settings(struct poll *poll, unsigned number)
{
	struct line_settings settings = { 9600, 8, PARITY_NONE, 1 };
	const struct table_rows *rows = store_table(poll->store, TABLE_UART);

	for (size_t i = 0; rows != NULL && i < rows->n; i++)
		if (uart_row(rows->rows[i].json, number, &settings))
			break;
	table_rows_release(rows);
	return settings;
}

int
poll_bus_raw(struct poll *poll, unsigned number, const struct bus_raw *raw)
{
	struct poll_bus *bus = poll_serial_bus(poll, number);
	struct raw_visit *v;
	int rc = E_OK;

	if (bus == NULL)
		return E_NOTFOUND;
	if (raw->tx_len == 0 || raw->tx_len > sizeof(raw->tx))
		return E_INVALID;
	if ((v = calloc(1, sizeof(*v))) == NULL)
		return E_NOMEM;
	v->visit = (struct visit){ .class = BUS_OPERATOR_CLASS, .run = raw_run, .done = raw_done };
	v->bus = bus;
	v->raw = *raw;
	if (raw->settings[0] == '\0')
		v->settings = uart_settings(poll, number);
	else
		rc = line_settings_parse(&v->settings, raw->settings);
	pthread_mutex_lock(&poll->lock);
	if (rc == E_OK && bus->leases > 0)
		rc = E_BUSY;
	if (rc == E_OK)
		rc = poll->stopping ? E_STOPPED : bus_submit(bus->bus, &v->visit);
	pthread_mutex_unlock(&poll->lock);
	if (rc < 0)
		free(v);
	return rc;
}

/* ---- watching ---- */

int
poll_bus_tap(struct poll *poll, unsigned number, line_tap *tap, void *arg)
{
	struct poll_bus *bus = poll_serial_bus(poll, number);

	if (bus == NULL)
		return E_NOTFOUND;
	bus_tap(bus->bus, tap, arg);
	return E_OK;
}
