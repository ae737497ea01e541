/* Health of links and buses, and what the journals say of it (poller.md 5.3..5.6). */
#include "src/poll/poll_private.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "src/base/clock.h"
#include "src/base/log.h"
#include "src/base/text.h"

enum {
	MINUTE_US = 60 * 1000000,
	LOST_RECHECK_US = 10 * 1000000,	/* poller.md 2.1: a missing device is looked for every 10 s */
	RENEW_AFTER_US = MINUTE_US,	/* poller.md 5.6 */
	AUTH_PAUSE_MIN = 60,		/* poller.md 5.2: many meters lock after wrong logins */
	NO_ANSWERS_LEAST = 5,
};

/* Pauses between probes of a silent meter, minutes (poller.md 5.3). */
static const uint8_t probe_minutes[] = { 5, 5, 10, 15, 30 };
enum { PROBE_STEPS = sizeof(probe_minutes) };

static void
add_row(struct poll *poll, enum device_journal journal, struct text *json)
{
	int rc = json->failed ? E_NOMEM : E_OK;

	if (rc == E_OK)
		rc = store_journal_add(poll->store, journal, clock_utc(), json->p);
	if (rc < 0)
		log_warn("poll", "a journal row is lost: %s", uspd_strerror(rc));
	text_free(json);
}

void
poll_journal(struct poll *poll, const char *level, const char *unit, const char *fmt, ...)
{
	struct text json = { 0 };
	char text[200];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	text_printf(&json, "{\"level\":\"%s\",\"unit\":", level);
	text_json(&json, unit);
	text_str(&json, ",\"text\":");
	text_json(&json, text);
	text_str(&json, "}");
	add_row(poll, DJ_SYSTEM, &json);
}

/* Numbers of smart-json.md 7.1: 0..3 the buses, 5 Ethernet, 6 a hub. */
static int
iface_number(enum meter_iface iface)
{
	return iface >= IFACE_ETHERNET ? (int)iface : (int)iface - IFACE_1;
}

static void
link_journal(struct poll *poll, const struct poll_meter *m, bool answer)
{
	struct text json = { 0 };

	text_printf(&json, "{\"idMeter\":%u,\"type\":%u,\"iface\":%d,\"addr\":", m->row.id, m->row.type,
	    iface_number(m->row.iface));
	text_json(&json, m->row.address);
	text_printf(&json, ",\"answer\":%s}", answer ? "true" : "false");
	add_row(poll, DJ_METER_ANSWER, &json);
	log_info("poll", "bus=%s meter=%u address=%s: link %s", m->bus->name, m->row.id, m->row.address,
	    answer ? "is there" : "lost");
}

/* The stored link: 0 never journalled, 1 answers, 2 lost. */
static void
set_stored_link(struct poll *poll, struct poll_meter *m, bool answers)
{
	uint8_t wanted = answers ? 1 : 2;

	if (m->state.link == wanted)
		return;
	m->state.link = wanted;
	m->state.link_since = clock_utc();
	link_journal(poll, m, answers);
}

void
poll_link_answered(struct poll *poll, struct poll_meter *m)
{
	bool returned = m->link == LINK_SILENT;

	if (m->link != LINK_HOLD) {
		m->link = LINK_OK;
		m->probe_at_us = 0;
	}
	m->probe_step = 0;
	m->last_error = E_OK;
	m->answers++;
	m->state.last_answer = clock_utc();
	set_stored_link(poll, m, true);
	if (!returned)
		return;
	/* Identity, clock, then the gaps of the silence (poller.md 5.4). */
	m->identified_day = 0;
	m->clock_slot = 0;
	m->backfill_stage = 0;
	m->backfill_done = false;
}

static void
turned_silent(struct poll *poll, struct poll_bus *bus)
{
	bus->turned_silent++;
	if (bus->silence_journalled || bus->turned_silent < NO_ANSWERS_LEAST ||
	    bus->turned_silent * 2 <= bus->n_meters)
		return;
	bus->silence_journalled = true;
	poll_journal(poll, "warn", bus->name,
	    "no answers from most meters: look at the cable, the supply and the speed");
}

void
poll_link_failed(struct poll *poll, struct poll_meter *m, int rc)
{
	int64_t mono_us = clock_mono_us();

	m->last_error = rc;
	m->failures++;
	if (rc == E_DENIED) {
		if (m->link != LINK_AUTH)
			poll_journal(poll, "warn", m->bus->name,
			    "meter %u refuses the password: check it; next try in an hour", m->row.id);
		m->link = LINK_AUTH;
		m->probe_at_us = mono_us + (int64_t)AUTH_PAUSE_MIN * MINUTE_US;
		return;
	}
	if (m->link == LINK_NEW || m->link == LINK_OK) {
		m->link = LINK_DOUBT; /* a second chance at the end of the round */
		return;
	}
	if (m->link == LINK_DOUBT) {
		m->link = LINK_SILENT;
		set_stored_link(poll, m, false);
		turned_silent(poll, m->bus);
	}
	m->probe_at_us = mono_us + (int64_t)probe_minutes[m->probe_step] * MINUTE_US;
	if (m->probe_step + 1 < PROBE_STEPS)
		m->probe_step++;
}

void
poll_bus_health(struct poll *poll, struct poll_bus *bus, int rc, bool answered)
{
	int64_t mono_us = clock_mono_us();

	if (rc == E_LOST && !bus->tcp) {
		bus->state = BUS_NO_DEVICE;
		bus->lost_until_us = mono_us + LOST_RECHECK_US;
		if (!bus->lost_logged)
			poll_journal(poll, "error", bus->name, "device missing; looked for every 10 s");
		bus->lost_logged = true;
		return;
	}
	if (bus->lost_logged && (answered || rc == E_OK || rc == E_TIMEOUT)) {
		poll_journal(poll, "info", bus->name, "device is there again");
		bus->lost_logged = false;
	}
	if (answered)
		bus->last_good_us = mono_us;
	if (bus->working_since_us == 0)
		bus->working_since_us = mono_us;
	if (mono_us - bus->working_since_us > RENEW_AFTER_US &&
	    mono_us - bus->last_good_us > RENEW_AFTER_US) {
		bus_renew_line(bus->bus);
		bus->working_since_us = mono_us;
	}
}
