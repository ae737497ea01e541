/* The conversation with one meter, from open to close (poller.md 3, 5). */
#include "src/poll/poll_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/clock.h"
#include "src/base/log.h"

enum {
	SECOND_US = 1000000,
	LAST_ATTEMPT_PAUSE_MS = 100,	/* poller.md 5.2 */
	MOST_ATTEMPTS = 100,		/* of one operation, however much it brings */
	HUB_REPLY_MS = 10000,		/* through a transparent radio or power-line hub */
	ADAPTIVE_AFTER = 20, ADAPTIVE_MARGIN_US = 20000,
	CLOCK_FRESH_S = 60, CLOCK_SWEEP_S = 20 * 60,
	RETRY_UNFINISHED_US = 3 * SECOND_US, RETRY_BUSY_US = 10 * SECOND_US,
	RETRY_UNIDENTIFIED_US = 600 * SECOND_US,
	HOLD_CHECK_US = 1800 * SECOND_US,
};

bool
poll_is_link_trouble(int rc)
{
	return rc == E_TIMEOUT || rc == E_CHECKSUM || rc == E_FRAME || rc == E_FOREIGN;
}

bool
conversation_is_over(const struct conversation *c)
{
	return c->run == 0 &&
	    clock_mono_us() - c->started_us > c->settings.poll_conversation_s * SECOND_US;
}

/* ---- timing ---- */

/* The wait for a meter in doubt follows what was measured of its replies, so that a dead one costs
 * little (poller.md 5.1).  While a meter answers, the full wait holds: families without a sequence
 * number could take a late answer for that of a later request. */
int
conversation_configure(struct conversation *c, bool full_wait, unsigned tries)
{
	struct poll_meter *m = c->meter;
	struct line_timing timing = m->family->timing;
	uint32_t adaptive_ms;

	timing.extra_reply_ms += m->hubs > 0 ? HUB_REPLY_MS : 0;
	timing.tries = (uint8_t)tries;
	adaptive_ms = (3 * m->reply_peak_us + ADAPTIVE_MARGIN_US) / 1000 + 1;
	if (c->settings.poll_adaptive_wait && !full_wait && m->link != LINK_OK &&
	    m->replies >= ADAPTIVE_AFTER && m->hubs == 0 && adaptive_ms < timing.answer_ms)
		timing.answer_ms = adaptive_ms;
	return line_configure(c->line, &m->settings, &timing, m->family->soft_parity);
}

static void
note_reply(struct conversation *c)
{
	struct exchange_times times = line_times(c->line);
	int64_t reply_us = times.first_us - times.sent_us;
	struct poll_meter *m = c->meter;

	if (reply_us < 0 || reply_us > 60 * (int64_t)SECOND_US)
		return;
	m->reply_peak_us -= m->reply_peak_us / 64;
	if (reply_us > m->reply_peak_us)
		m->reply_peak_us = (uint32_t)reply_us;
	m->replies++;
}

/* ---- one operation ---- */

static int
try_once(struct conversation *c, operation *run, void *arg)
{
	const struct meter_family *family = c->meter->family;
	int rc;

	if (!c->session->is_open && family->open != NULL) {
		if ((rc = family->open(c->session)) < 0)
			return rc;
		c->session->is_open = true;
		c->answered = true;
	}
	return run(c, arg);
}

static bool
meter_spoke(int rc)
{
	return rc == E_OK || rc == E_NODATA || rc == E_UNSUPPORTED || rc == E_REFUSED ||
	    rc == E_METER || rc == E_BUSY;
}

int
conversation_ask(struct conversation *c, const char *job, operation *run, void *arg)
{
	uint64_t brought = c->records;
	unsigned tried = 0;
	int swallowed, rc = E_OK;

	pthread_mutex_lock(&c->poll->lock);
	c->bus->job = job;
	pthread_mutex_unlock(&c->poll->lock);
	for (unsigned attempt = 1; attempt <= c->attempts && tried++ < MOST_ATTEMPTS; attempt++) {
		if (attempt > 1 && (rc = conversation_configure(c, true, c->attempts)) < 0)
			return rc;
		if (attempt > 2 && (rc = line_silence(c->line, LAST_ATTEMPT_PAUSE_MS)) < 0)
			return rc;
		rc = try_once(c, run, arg);
		if (meter_spoke(rc)) {
			c->answered = true;
			note_reply(c);
		}
		if (!poll_is_link_trouble(rc))
			break;
		log_debug("poll", "bus=%s meter=%u address=%s read=%s attempt=%u: %s", c->bus->name,
		    c->meter->row.id, c->meter->row.address, job, attempt, uspd_strerror(rc));
		/* A long read that got further is not failing: its exchanges have attempts of
		 * their own. */
		if (c->records > brought) {
			brought = c->records;
			c->answered = true;
			attempt = 0;
		}
		c->session->is_open = false; /* the next attempt logs in again */
		if (rc == E_TIMEOUT && !c->meter->family->must_close && attempt < c->attempts &&
		    (swallowed = line_silence(c->line, c->meter->family->timing.answer_ms)) < 0)
			return swallowed;
	}
	return rc;
}

/* ---- the conversation ---- */

static uint8_t
parse_password(const char *hex, const char *factory, uint8_t *to)
{
	uint8_t n = 0;
	unsigned byte;

	if (hex[0] == '\0')
		hex = factory;
	for (;
	     n < METER_PASSWORD_MAX && sscanf(hex + 2 * n, "%2x", &byte) == 1 && hex[2 * n + 1] != '\0';
	     n++) {
		to[n] = (uint8_t)byte;
		if (hex[2 * n + 2] == '\0')
			return (uint8_t)(n + 1);
	}
	return n;
}

void
poll_session_start(struct meter_session *s, struct line *line, const struct session_start *start)
{
	const struct meter_type *type = meter_type_by_id(start->type);

	s->line = line;
	s->zone = start->zone;
	s->type = start->type;
	snprintf(s->address_text, sizeof(s->address_text), "%s", start->address);
	s->address = (uint32_t)strtoul(start->address, NULL, 10);
	s->password_read_len = parse_password(start->password_read, type->password_read,
	    s->password_read);
	s->password_write_len = parse_password(start->password_write, type->password_write,
	    s->password_write);
	s->writing = false;
	s->is_open = false;
	s->save = NULL;
	memset(s->memory, 0, sizeof(s->memory));
	memset(s->fleeting, 0, sizeof(s->fleeting));
}

static void
take_memory(struct conversation *c, const struct meter_session *s)
{
	memcpy(c->meter->state.memory, s->memory, sizeof(s->memory));
	c->meter->state.memory_version = c->meter->family->memory_version;
}

/* In the middle of a visit: the state is in the file before the meter is asked on. */
static int
save_memory(struct meter_session *s)
{
	struct conversation *c = s->saver;
	int rc;

	take_memory(c, s);
	rc = store_state_put(c->poll->store, c->meter->row.dev, &c->meter->state);
	return rc < 0 ? rc : store_sync(c->poll->store);
}

static void
start_session(struct conversation *c, struct meter_session *s)
{
	const struct poll_meter *m = c->meter;
	const struct session_start start = { .type = m->row.type, .address = m->link_address,
		.password_read = m->row.password_read, .password_write = m->row.password_write,
		.zone = c->zone };

	poll_session_start(s, c->line, &start);
	if (m->state.memory_version == m->family->memory_version)
		memcpy(s->memory, m->state.memory, sizeof(s->memory));
	memcpy(s->fleeting, m->fleeting, sizeof(s->fleeting));
	s->save = save_memory;
	s->saver = c;
}

/* The clock is read once per conversation unless that was just done (poller.md 3). */
static int
clock_if_stale(struct conversation *c)
{
	int64_t limit = c->visit.class == BUS_BACKFILL_CLASS ? CLOCK_SWEEP_S : CLOCK_FRESH_S;

	if (!(c->due & DUE_CLOCK) && clock_utc() - c->meter->clock_read_at < limit)
		return E_OK;
	return poll_check_clock(c);
}

/* What is read every so many minutes was read, or is not there to be read. */
static int
slot_over(struct conversation *c, int rc, int64_t *slot, int64_t minutes)
{
	if (!poll_is_link_trouble(rc) && minutes > 0) {
		pthread_mutex_lock(&c->poll->lock);
		*slot = clock_utc() / (minutes * 60);
		pthread_mutex_unlock(&c->poll->lock);
	}
	return rc;
}

static int
read_moment(struct conversation *c, enum record_type type, int64_t *slot, int64_t minutes)
{
	struct query query = { .type = type };

	return slot_over(c, poll_read_query(c, &query), slot, minutes);
}

/* A refusal of one step does not keep the others from being asked. */
static bool
goes_on(int rc)
{
	return rc == E_OK || rc == E_UNSUPPORTED || rc == E_REFUSED || rc == E_METER || rc == E_BUSY;
}

static int
step(struct conversation *c, unsigned due)
{
	struct poll_meter *m = c->meter;
	const struct settings *s = &c->settings;

	switch (due) {
	case DUE_PROFILE: return poll_read_newest(c, SERIES_PROFILE);
	case DUE_DAY:     return poll_read_newest(c, SERIES_DAY);
	case DUE_MONTH:   return poll_read_newest(c, SERIES_MONTH);
	case DUE_ENERGY:
		return read_moment(c, REC_EL_MOMENT_ENERGY, &m->moment_slot, s->poll_moment_min);
	case DUE_QUALITY:
		return read_moment(c, REC_EL_MOMENT_QUALITY, &m->quality_slot, s->poll_quality_min);
	case DUE_JOURNALS:
		return slot_over(c, poll_read_journals(c, UINT64_MAX), &m->journal_slot,
		    s->poll_journal_min);
	case DUE_BACKFILL:
		return poll_read_backfill(c);
	default:
		return E_OK;
	}
}

static int
scheduled(struct conversation *c)
{
	int rc = E_OK;

	for (unsigned bit = DUE_PROFILE; bit <= DUE_BACKFILL && goes_on(rc); bit <<= 1)
		if ((c->due & bit) && !conversation_is_over(c))
			rc = step(c, bit);
	return rc;
}

/* An order for "whatever is missing" makes everything due at once. */
static int
ordered(struct conversation *c)
{
	struct poll_order order = { 0 };
	int rc = E_OK;

	pthread_mutex_lock(&c->poll->lock);
	for (int i = 0; i < MAX_RUNS; i++)
		if (c->poll->runs[i].number == c->run)
			order = c->poll->runs[i].order;
	if (order.types == 0) {
		memset(c->meter->series, 0, sizeof(c->meter->series));
		c->meter->backfill_done = false;
		c->meter->backfill_stage = 0;
	}
	pthread_mutex_unlock(&c->poll->lock);
	if (order.types != 0)
		return poll_read_order(c, &order);
	for (int s = 0; s < SERIES_COUNT && goes_on(rc); s++)
		rc = poll_read_newest(c, (enum series)s);
	return rc;
}

static int
talk(struct conversation *c)
{
	struct poll_meter *m = c->meter;
	bool unknown = m->state.config.serial[0] == '\0';
	int rc = E_OK;

	if ((c->due & DUE_IDENTIFY) || unknown || m->link == LINK_SILENT)
		rc = poll_identify(c);
	if (rc == E_OK && m->link == LINK_HOLD)
		return E_OK;
	if (!goes_on(rc) || (unknown && rc != E_OK))
		return rc;
	rc = clock_if_stale(c);
	if (!goes_on(rc))
		return rc;
	return c->run != 0 ? ordered(c) : scheduled(c);
}

int
conversation_begin(struct conversation *c, struct line *line, struct meter_session *session)
{
	const struct poll_meter *m = c->meter;
	bool patient = c->asked || c->run != 0;
	int rc;

	c->line = line;
	c->session = session;
	c->started_us = clock_mono_us();
	c->attempts = patient || m->link == LINK_OK || m->link == LINK_NEW ?
	    (unsigned)c->settings.poll_attempts :
	    1;
	rc = conversation_configure(c, c->asked, c->attempts);
	start_session(c, session);
	return rc;
}

/* A meter left in an open session hears what is meant for the next: its close is sent even when the
 * bus is wanted. */
void
conversation_close(struct conversation *c)
{
	const struct meter_family *family = c->meter->family;

	if (c->session->is_open && family->must_close && family->close != NULL) {
		bus_hold(c->bus->bus, true);
		family->close(c->session);
		bus_hold(c->bus->bus, false);
	}
	c->session->is_open = false;
}

void
conversation_end(struct conversation *c)
{
	struct meter_session *session = c->session;
	struct poll_meter *m = c->meter;

	conversation_close(c);
	if (memcmp(m->state.memory, session->memory, sizeof(session->memory)) != 0 ||
	    m->state.memory_version != m->family->memory_version) {
		take_memory(c, session);
		c->state_changed = true;
	}
	memcpy(m->fleeting, session->fleeting, sizeof(session->fleeting));
}

int
conversation_run(struct visit *visit, struct line *line, struct meter_session *session)
{
	struct conversation *c = (struct conversation *)(void *)visit;
	int rc = conversation_begin(c, line, session);

	if (rc < 0)
		return rc;
	rc = talk(c);
	conversation_end(c);
	return rc;
}

/* ---- the end of a visit; lock held ---- */

static bool
interrupted(const struct poll_bus *bus, int rc)
{
	return rc == E_PREEMPTED || rc == E_STOPPED || (rc == E_LOST && !bus->tcp);
}

static void
account(struct conversation *c, int64_t spent_us)
{
	if (c->visit.class == BUS_BACKFILL_CLASS)
		c->bus->backfill_us += spent_us;
	if (!c->answered && !c->asked)
		c->bus->probe_us += spent_us;
	if (!c->asked)
		c->poll->records += c->records;
	c->bus->worked_us += (uint64_t)(clock_mono_us() - c->bus->span_us);
	c->bus->span_us = clock_mono_us();
}

static void
finish_order(struct conversation *c, int rc)
{
	for (int i = 0; i < MAX_RUNS; i++) {
		struct poll_run *run = &c->poll->runs[i];

		if (run->number != c->run)
			continue;
		run->pending[c->meter->row.dev / 8] &= (uint8_t) ~(1 << c->meter->row.dev % 8);
		run->progress.done++;
		run->progress.failed += !goes_on(rc) && rc != E_NODATA;
		run->progress.records += c->records;
		run->progress.finished = run->progress.done >= run->progress.total;
	}
}

static void
judge(struct conversation *c, int rc)
{
	struct poll_meter *m = c->meter;
	bool was_known = m->state.link != 0;

	bool trouble = poll_is_link_trouble(rc) || rc == E_LOST;

	if (rc == E_DENIED || (trouble && !c->answered))
		poll_link_failed(c->poll, m, rc);
	else if (c->answered)
		poll_link_answered(c->poll, m);
	/* It is there but did not finish: the others go first. */
	if (trouble && c->answered)
		m->probe_at_us = clock_mono_us() + RETRY_UNFINISHED_US;
	if (m->state.config.serial[0] == '\0' && rc != E_OK && !poll_is_link_trouble(rc) &&
	    rc != E_DENIED)
		m->probe_at_us = clock_mono_us() + RETRY_UNIDENTIFIED_US;
	else if (!goes_on(rc) && !poll_is_link_trouble(rc) && rc != E_DENIED)
		m->probe_at_us = clock_mono_us() +
		    RETRY_BUSY_US; /* the store or the meter asks to wait */
	if (m->link == LINK_HOLD)
		m->probe_at_us = clock_mono_us() + HOLD_CHECK_US;
	c->state_changed |= was_known != (m->state.link != 0);
}

void
conversation_done(struct visit *visit, int rc)
{
	struct conversation *c = (struct conversation *)(void *)visit;
	struct poll *poll = c->poll;
	struct poll_meter *m = c->meter;
	int64_t mono_us = clock_mono_us();
	uint8_t link_before;
	bool store_state;

	pthread_mutex_lock(&poll->lock);
	link_before = m->state.link;
	account(c, c->started_us != 0 ? mono_us - c->started_us : 0);
	m->last_try = clock_utc();
	c->bus->current = m->settings;
	c->bus->state = BUS_IDLE;
	if (interrupted(c->bus, rc)) {
		m->served_us = c->asked ? m->served_us : 0; /* head of its class (transit.md 3) */
		if (c->answered)
			poll_link_answered(poll, m);
	} else {
		m->served_us = c->asked ? m->served_us : mono_us;
		judge(c, rc);
		if (c->run != 0)
			finish_order(c, rc);
	}
	poll_bus_health(poll, c->bus, rc, c->answered);
	store_state = c->state_changed || m->state.link != link_before;
	pthread_mutex_unlock(&poll->lock);

	/* The queue may make this wait; the meter is still this visit's own. */
	if (store_state && store_state_put(poll->store, m->row.dev, &m->state) < 0)
		log_warn("poll", "meter=%u: state not stored", m->row.id);

	pthread_mutex_lock(&poll->lock);
	poll_count_missing(poll, m);
	m->visiting = false;
	if (poll->paused)
		pthread_cond_broadcast(&poll->changed);
	pthread_mutex_unlock(&poll->lock);
	free(c);
}
