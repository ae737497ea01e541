/* What each kind of question says to the meter (ask.h). */
#include <stdlib.h>
#include <string.h>

#include "src/base/clock.h"
#include "src/base/log.h"
#include "src/base/text.h"
#include "src/poll/poll_private.h"

enum {
	DAY_S = 86400, SLICE_SPAN_DAYS = 31, SLICE_SPAN_MONTHS = 12,
	RELAY_COMMANDS = 3,		/* poller.md 7.3 */
	MARKS_MOST = 8192,
};

/* The question being answered, for what the reading tells.  Bus thread. */
static _Thread_local struct question *present;

/* ---- sessions ---- */

static int
just_open(struct conversation *c, void *arg)
{
	int64_t utc;

	(void)arg;
	if (c->meter->family->open != NULL || c->meter->family->clock_get == NULL)
		return E_OK;
	return c->meter->family->clock_get(c->session, &utc);
}

static bool
is_command(enum ask_kind kind)
{
	return kind == ASK_CLOCK_SYNC || kind == ASK_RELAY_SET || kind == ASK_CALENDAR_SET;
}

/* Commands need the write password, questions do not. */
static void
choose_level(struct conversation *c, bool writing)
{
	if (c->session->writing == writing)
		return;
	conversation_close(c);
	c->session->writing = writing;
}

/* ---- ASK_PING ---- */

static int
ping(struct conversation *c, struct question *q, struct ask_answer *answer)
{
	struct exchange_times times;
	int64_t took_us;
	int rc;

	(void)q;
	conversation_close(c);
	if (c->meter->family->open == NULL && c->meter->family->clock_get == NULL)
		rc = poll_identify(c);
	else
		rc = conversation_ask(c, "ping", just_open, NULL);
	if (rc < 0)
		return rc;
	times = line_times(c->line);
	took_us = times.done_us - times.sent_us;
	answer->took_ms = took_us > 0 ? (uint32_t)((took_us + 999) / 1000) : 1;
	return E_OK;
}

/* ---- ASK_READ ---- */

/* A journal read again after a failure begins anew: each of its records is told once. */
static bool
is_marked(struct question *q, const struct record *r)
{
	struct told_mark mark = { r->ts, r->v[0], r->v[1] };
	struct told_mark *grown;

	for (size_t i = 0; i < q->n_marks; i++)
		if (memcmp(&q->marks[i], &mark, sizeof(mark)) == 0)
			return true;
	if (q->n_marks < MARKS_MOST && (q->n_marks & (q->n_marks + 1)) == 0) {
		grown = realloc(q->marks, 2 * (q->n_marks + 1) * sizeof(*grown));
		if (grown == NULL)
			return false;
		q->marks = grown;
	}
	if (q->n_marks < MARKS_MOST)
		q->marks[q->n_marks++] = mark;
	return false;
}

static int
tell(struct conversation *c, const struct record *r)
{
	struct question *q = present;
	struct grid grid;
	bool labelled = r->type == REC_EL_JOURNAL || grid_of(r->type, c->zone, 0, &grid);

	if (q->cancelled)
		return E_STOPPED;
	if (labelled && (r->ts < q->ask.from || r->ts > q->ask.to))
		return E_OK;
	/* Families that read several journals at once tell of all of them. */
	if (r->type == REC_EL_JOURNAL && (r->journal != q->ask.journal || is_marked(q, r)))
		return E_OK;
	q->told++;
	if (q->ask.record != NULL)
		q->ask.record(q->ask.arg, &q->ask, r);
	return E_OK;
}

/* How many labels of a type the meter may hold: what it says, else as many as we keep. */
static uint32_t
asked_depth(const struct conversation *c, enum record_type type)
{
	const struct meter_config *config = &c->meter->state.config;
	uint32_t own = type == REC_EL_PROFILE ? config->profile_depth :
	    type == REC_EL_DAY		      ? config->day_depth :
	    type == REC_EL_MONTH	      ? config->month_depth :
	    type == REC_EL_DAY_CONS	      ? config->day_cons_depth :
	    type == REC_EL_MONTH_CONS	      ? config->month_cons_depth :
						0;

	return own != 0 ? own : store_depth(&c->settings, type);
}

/* Labels of a grid type in [from, to] that the meter may hold now; false: none. */
static bool
asked_span(const struct conversation *c, enum record_type type, int64_t from, int64_t to,
    struct grid *grid, int64_t *oldest, int64_t *newest)
{
	int64_t late;

	if (!grid_of(type, c->zone, c->meter->state.config.period_min, grid))
		return false;
	*newest = grid_newest(grid, clock_utc());
	if (to < 0 || from > *newest)
		return false;
	*oldest = grid_step(grid, *newest, 1 - (int)asked_depth(c, type));
	late = *newest - to;
	if (late > 0 && grid->unit == GRID_SECONDS)
		*newest -= (late + grid->step_s - 1) / grid->step_s * grid->step_s;
	while (*newest > to && *newest >= *oldest)
		*newest = grid_step(grid, *newest, -1);
	if (grid->unit == GRID_SECONDS && from > *oldest)
		*oldest += (from - *oldest + grid->step_s - 1) / grid->step_s * grid->step_s;
	while (*oldest < from && *oldest <= *newest)
		*oldest = grid_step(grid, *oldest, 1);
	return *oldest <= *newest;
}

/* The last label of the part of an archive that begins at `from`. */
static int64_t
end_of_part(const struct grid *grid, int64_t from)
{
	switch (grid->unit) {
	case GRID_DAYS:   return grid_step(grid, from, SLICE_SPAN_DAYS - 1);
	case GRID_MONTHS: return grid_step(grid, from, SLICE_SPAN_MONTHS - 1);
	default:          return from + DAY_S - grid->step_s;
	}
}

static bool
gives_way(struct conversation *c)
{
	bool others;

	pthread_mutex_lock(&c->poll->lock);
	others = ask_others_wait(c->poll, c->bus, c->meter->row.id);
	pthread_mutex_unlock(&c->poll->lock);
	return others;
}

/* Part by part, so that others are not kept waiting; q->rest is what is still to be read. */
static int
read_archive(struct conversation *c, struct question *q)
{
	uint16_t period_min = q->ask.type == REC_EL_PROFILE ? c->meter->state.config.period_min : 0;
	int64_t oldest, newest;
	struct grid grid;
	int rc = E_OK;

	if (!asked_span(c, q->ask.type, q->ask.from, q->ask.to, &grid, &oldest, &newest))
		return E_NODATA;
	if (!q->begun)
		q->rest = (struct query){ .type = q->ask.type, .from = oldest, .to = newest,
			.period_min = period_min };
	q->begun = true;
	while (q->rest.from <= q->rest.to && rc == E_OK) {
		struct query part = q->rest;
		int64_t end = end_of_part(&grid, part.from);

		part.to = end < part.to ? end : part.to;
		rc = poll_read_asked(c, &part);
		if (rc == E_NODATA)
			rc = E_OK;
		q->rest.from = rc == E_OK ? grid_step(&grid, part.to, 1) : part.from;
		if (rc == E_OK && q->rest.from <= q->rest.to && gives_way(c))
			rc = E_PREEMPTED;
	}
	return rc;
}

/* What labels and profiles mean is known only of a meter that was identified. */
static int
prepare_reading(struct conversation *c)
{
	struct poll_meter *m = c->meter;
	int64_t ignored;
	int rc = E_OK;

	if (m->state.config.serial[0] == '\0')
		rc = poll_identify(c);
	if (rc == E_OK && !m->diff_known && m->family->clock_get != NULL) {
		rc = poll_read_clock(c, &ignored);
		if (rc == E_UNSUPPORTED || rc == E_REFUSED || rc == E_NODATA)
			rc = E_OK;
	}
	return rc;
}

static int
read_records(struct conversation *c, struct question *q, struct ask_answer *answer)
{
	struct query query = { .type = q->ask.type, .journal = q->ask.journal };
	struct grid grid;
	int rc;

	(void)answer;
	if (!(c->meter->family->measures & REC_BIT(q->ask.type)) ||
	    (q->ask.type == REC_EL_JOURNAL &&
		!(c->meter->family->journals & journal_bit(q->ask.journal))))
		return E_UNSUPPORTED;
	if ((rc = prepare_reading(c)) < 0)
		return rc;
	c->tell = tell;
	c->tell_only = !q->ask.store;
	if (grid_of(q->ask.type, c->zone, 0, &grid)) {
		rc = read_archive(c, q);
	} else {
		if (q->ask.type == REC_EL_JOURNAL)
			query.from = q->ask.from;
		rc = poll_read_asked(c, &query);
	}
	c->tell = NULL;
	c->tell_only = false;
	return rc == E_OK && q->told == 0 ? E_NODATA : rc;
}

/* ---- ASK_CONFIG ---- */

static int
read_config(struct conversation *c, struct question *q, struct ask_answer *answer)
{
	struct record r = { .type = REC_EL_CONFIG, .valid = true };
	int rc = poll_identify(c);

	(void)answer;
	if (rc < 0)
		return rc;
	r.ts = clock_utc();
	r.diff_s = c->meter->diff_known ? c->meter->diff_s : 0;
	r.config = &c->meter->state.config;
	if (q->ask.record != NULL)
		q->ask.record(q->ask.arg, &q->ask, &r);
	return E_OK;
}

/* ---- ASK_CLOCK, ASK_CLOCK_SYNC ---- */

static int
read_clock(struct conversation *c, struct question *q, struct ask_answer *answer)
{
	(void)q;
	if (c->meter->family->clock_get == NULL)
		return E_UNSUPPORTED;
	return poll_read_clock(c, &answer->meter_utc);
}

static int
sync_clock(struct conversation *c, struct question *q, struct ask_answer *answer)
{
	const struct meter_family *family = c->meter->family;

	(void)q;
	if (family->clock_get == NULL || (family->clock_correct == NULL && family->clock_set == NULL))
		return E_UNSUPPORTED;
	if (!poll_clock_is_good(clock_utc()))
		return E_REFUSED;
	return poll_sync_clock(c, &answer->meter_utc);
}

/* ---- ASK_RELAY, ASK_RELAY_SET ---- */

struct relay { unsigned number; bool on; };

static int
get_relay(struct conversation *c, void *arg)
{
	struct relay *relay = arg;

	return c->meter->family->relay_get(c->session, relay->number, &relay->on);
}

static int
read_relay(struct conversation *c, struct question *q, struct ask_answer *answer)
{
	struct relay relay = { .number = q->ask.relay };
	int rc;

	if (c->meter->family->relay_get == NULL)
		return E_UNSUPPORTED;
	rc = conversation_ask(c, "relay", get_relay, &relay);
	answer->on = rc == E_OK && relay.on;
	return rc;
}

/* before: -1 not known.  after: what the meter says, -1 not known. */
static void
journal_relay(struct conversation *c, const struct question *q, int before, int after, int rc,
    int64_t took_us)
{
	static const char *const states[] = { "null", "0", "1" };
	struct text row = { 0 };

	text_printf(&row, "{\"idMeter\":%u,\"serial\":", c->meter->row.id);
	text_json(&row, c->meter->state.config.serial);
	text_printf(&row, ",\"relayId\":%u,\"relayState\":%d,\"before\":%s,\"after\":%s,\"ms\":%d,",
	    q->ask.relay, q->ask.on, states[before + 1], states[after + 1], (int)(took_us / 1000));
	text_str(&row, "\"by\":");
	text_json(&row, q->ask.by);
	text_str(&row, ",\"result\":");
	text_json(&row, rc == E_OK ? "ok" : uspd_strerror(rc));
	text_str(&row, "}");
	if (row.failed || store_journal_add(c->poll->store, DJ_METER_RELAY, clock_utc(), row.p) < 0)
		log_warn("poll", "meter=%u: relay command not journalled", c->meter->row.id);
	text_free(&row);
	log_info("poll", "bus=%s meter=%u: relay %u %s: %s", c->bus->name, c->meter->row.id,
	    q->ask.relay, q->ask.on ? "on" : "off", uspd_strerror(rc));
}

/* One command, never repeated by the line; what became of it is read. */
static int
command_relay(struct conversation *c, const struct question *q, struct relay *relay, bool *is_read)
{
	const struct meter_family *family = c->meter->family;
	int rc, read;

	*is_read = false;
	if ((rc = conversation_configure(c, true, 1)) < 0)
		return rc;
	rc = family->relay_set(c->session, q->ask.relay, q->ask.on);
	if (rc != E_OK && !poll_is_link_trouble(rc))
		return rc;
	if (poll_is_link_trouble(rc))
		c->session->is_open = false;
	if ((read = conversation_configure(c, true, c->attempts)) < 0)
		return read;
	if (family->relay_get == NULL)
		return rc;
	read = conversation_ask(c, "relay", get_relay, relay);
	*is_read = read == E_OK;
	return read;
}

static bool
has_write_password(const struct conversation *c)
{
	const struct meter_session *s = c->session;

	return s->password_write_len > 0 || s->password_read_len == 0;
}

static int
switch_relay(struct conversation *c, struct question *q, struct ask_answer *answer)
{
	struct relay relay = { .number = q->ask.relay };
	int64_t began_us = clock_mono_us();
	bool is_read = false;
	int before = -1, rc;

	if (c->meter->family->relay_set == NULL)
		return E_UNSUPPORTED;
	if (!has_write_password(c))
		return E_DENIED; /* poller.md 7.3 */
	rc = c->meter->family->relay_get != NULL ? conversation_ask(c, "relay", get_relay, &relay) :
						   conversation_ask(c, "relay", just_open, NULL);
	if (rc == E_OK && c->meter->family->relay_get != NULL)
		before = relay.on;
	/* What is begun is brought to its end; only a tenant who has waited long breaks in. */
	bus_hold(c->bus->bus, true);
	for (int i = 0; rc == E_OK && i < RELAY_COMMANDS; i++) {
		c->commanded = true;
		rc = command_relay(c, q, &relay, &is_read);
		if (rc < 0 || !is_read || relay.on == q->ask.on)
			break;
	}
	bus_hold(c->bus->bus, false);
	answer->on = is_read && relay.on;
	if (rc == E_OK && is_read && relay.on != q->ask.on)
		rc = E_METER;
	journal_relay(c, q, before, is_read ? relay.on : -1, rc, clock_mono_us() - began_us);
	return rc;
}

/* ---- ASK_CALENDAR, ASK_CALENDAR_SET ---- */

static int
get_calendar(struct conversation *c, void *arg)
{
	struct question *q = arg;

	return c->meter->family->calendar_get(c->session, q->ask.part, !q->ask.active, q->calendar);
}

/* Meters that keep it from readers tell it to who may write. */
static int
read_calendar(struct conversation *c, struct question *q, struct ask_answer *answer)
{
	int rc;

	if (c->meter->family->calendar_get == NULL)
		return E_UNSUPPORTED;
	rc = conversation_ask(c, "calendar", get_calendar, q);
	if (rc == E_UNSUPPORTED && c->session->password_write_len > 0) {
		choose_level(c, true);
		rc = conversation_ask(c, "calendar", get_calendar, q);
	}
	answer->calendar = q->calendar;
	return rc;
}

/* One command, brought to its end and never repeated: a part has many exchanges. */
static int
write_calendar(struct conversation *c, struct question *q, struct ask_answer *answer)
{
	const struct meter_family *family = c->meter->family;
	int rc;

	(void)answer;
	if (family->calendar_set == NULL)
		return E_UNSUPPORTED;
	if (q->ask.active)
		return E_REFUSED;
	if (!has_write_password(c))
		return E_DENIED; /* poller.md 7.3 */
	if ((rc = conversation_ask(c, "calendar", just_open, NULL)) < 0)
		return rc;
	bus_hold(c->bus->bus, true);
	c->commanded = true;
	rc = family->calendar_set(c->session, q->ask.part, q->calendar);
	bus_hold(c->bus->bus, false);
	if (poll_is_link_trouble(rc))
		c->session->is_open = false;
	log_info("poll", "bus=%s meter=%u: calendar part %d written: %s", c->bus->name,
	    c->meter->row.id, (int)q->ask.part, uspd_strerror(rc));
	return rc;
}

int
ask_do(struct conversation *c, struct question *q, struct ask_answer *answer)
{
	static int (*const kinds[])(struct conversation *, struct question *, struct ask_answer *) = {
		[ASK_PING] = ping, [ASK_READ] = read_records, [ASK_CONFIG] = read_config,
		[ASK_CLOCK] = read_clock, [ASK_CLOCK_SYNC] = sync_clock, [ASK_RELAY] = read_relay,
		[ASK_RELAY_SET] = switch_relay, [ASK_CALENDAR] = read_calendar,
		[ASK_CALENDAR_SET] = write_calendar,
	};
	int rc;

	if ((size_t)q->ask.kind >= sizeof(kinds) / sizeof(kinds[0]))
		return E_UNSUPPORTED;
	present = q;
	c->commanded = false;
	choose_level(c, is_command(q->ask.kind));
	bus_until(c->bus->bus, q->ask.deadline_us);
	rc = kinds[q->ask.kind](c, q, answer);
	bus_until(c->bus->bus, 0);
	q->commanded = c->commanded;
	present = NULL;
	return rc;
}
