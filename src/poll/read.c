/* Reading: a query to the family, its records to the store, markers for what the meter has not
 * (poller.md 6). */
#include "src/poll/poll_private.h"

#include <stdlib.h>
#include <string.h>

#include "src/base/clock.h"
#include "src/base/log.h"

enum {
	DAY_S = 86400,
	HOUR_S = 3600,
	MAX_LABELS = 1600,		/* a day of one-minute slices and some */
	MAX_RANGES = 64,
	NOT_YET_S = 600,		/* a slow meter has not made the record yet (poller.md 6.3) */
	RETRY_SOON_S = 30, RETRY_LATER_S = 600,
	MARK_REASK_S = 6 * HOUR_S, MARK_YOUNG_S = 24 * HOUR_S,
	SWEEP_S = 6 * HOUR_S, SWEEP_HOLES_S = HOUR_S / 2,
	CLOCK_LOST_S = 24 * HOUR_S,	/* archives of such a meter are not stored (poller.md 6.5) */
};

/* ---- one query ---- */

struct collector {
	struct sink sink;
	struct conversation *c;
	const struct query *query;
	struct query rest;	/* what of it is still to be asked, should an attempt fail on the way */
	struct grid grid;
	bool gridded;
	uint8_t seen[MAX_LABELS / 8];
	size_t open_labels;	/* neither stored nor known to be absent */
};

static size_t
label_index(const struct collector *k, int64_t ts)
{
	if (k->grid.unit == GRID_SECONDS)
		return (size_t)((ts - k->query->from) / k->grid.step_s);
	/* Days are numbered by 24-hour steps rounded, months by 28-day steps at least: unique both. */
	return (size_t)((ts - k->query->from + 12 * HOUR_S) /
	    (k->grid.unit == GRID_DAYS ? DAY_S : 28 * DAY_S));
}

static int
collect(struct sink *sink, const struct record *given)
{
	struct collector *k = (struct collector *)(void *)sink;
	struct conversation *c = k->c;
	struct record r = *given;
	int64_t now = clock_utc();
	int rc;

	if (r.type != k->query->type || r.ts > now + HOUR_S) {
		log_warn("poll", "bus=%s meter=%u: record of type %d with an impossible time dropped",
		    c->bus->name, c->meter->row.id, (int)r.type);
		return E_OK;
	}
	if (r.valid && r.present == 0 && r.type != REC_EL_PROFILE)
		return E_OK;
	if (!k->gridded && r.type != REC_EL_JOURNAL)
		r.ts = now; /* moment slices carry device time (poller.md 6.9) */
	r.diff_s = c->meter->diff_known ? c->meter->diff_s : 0;
	if (c->tell != NULL && (rc = c->tell(c, &r)) < 0)
		return rc;
	/* Older ones are of the meter that was here before (poller.md 3.1). */
	if (!c->tell_only && (r.ts >= c->meter->state.serial_since || !k->gridded) &&
	    (rc = store_put(c->poll->store, c->meter->row.dev, &r, 1)) < 0)
		return rc;
	if (k->gridded && r.ts >= k->query->from && r.ts <= k->query->to) {
		size_t i = label_index(k, r.ts);

		if (i < MAX_LABELS)
			k->seen[i / 8] |= (uint8_t)(1 << i % 8);
		/* Records come oldest first. */
		if (r.ts < k->query->to)
			k->rest.from = grid_step(&k->grid, r.ts, 1);
	}
	c->records++;
	return E_OK;
}

/* May a label be marked "the meter has none"?  Only when its own clock is well past it. */
static bool
may_mark(const struct conversation *c, int64_t label)
{
	int64_t now = clock_utc();

	return poll_clock_is_good(now) && c->meter->diff_known &&
	    now + c->meter->diff_s > label + NOT_YET_S;
}

static int
mark_absent(struct conversation *c, struct collector *k)
{
	const struct query *q = k->query;
	struct record marker = { .type = q->type, .period_min = q->period_min };
	int64_t now = clock_utc();
	int rc;

	for (int64_t label = q->from; label <= q->to; label = grid_step(&k->grid, label, 1)) {
		size_t i = label_index(k, label);

		if (i >= MAX_LABELS || (k->seen[i / 8] >> i % 8 & 1))
			continue;
		if (!may_mark(c, label)) {
			k->open_labels++;
			continue;
		}
		marker.ts = label;
		marker.v[0] = now;
		if ((rc = store_put(c->poll->store, c->meter->row.dev, &marker, 1)) < 0)
			return rc;
	}
	return E_OK;
}

static int
ask(struct conversation *c, void *arg)
{
	struct collector *k = arg;

	return c->meter->family->read(c->session, &k->rest, &k->sink);
}

/* A week without an archive must not hang on two lost answers: a record type is given up when it is
 * refused in two visits. */
static void
remember_refusal(struct conversation *c, const struct query *q)
{
	struct poll_meter *m = c->meter;

	pthread_mutex_lock(&c->poll->lock);
	if (q->type == REC_EL_JOURNAL)
		m->state.refused_journals |= journal_bit(q->journal);
	else if (m->refused_once & REC_BIT(q->type))
		m->state.refused |= REC_BIT(q->type);
	m->refused_once |= REC_BIT(q->type);
	m->state.refused_at = clock_utc();
	pthread_mutex_unlock(&c->poll->lock);
	c->state_changed = true;
}

/* *open_labels: how many labels of the range are still neither stored nor known to be absent.
 * *next, when not NULL: the first label that was not brought. */
static int
read_labels(struct conversation *c, const struct query *query, size_t *open_labels, int64_t *next)
{
	struct collector k = { .sink.put = collect, .c = c, .query = query, .rest = *query };
	const char *job = query->type == REC_EL_JOURNAL ? journal_name(query->journal) :
							  record_type_info(query->type)->name;
	int rc;

	*open_labels = 0;
	k.gridded = grid_of(query->type, c->zone, query->period_min, &k.grid);
	if (k.gridded && !c->tell_only && c->meter->diff_known &&
	    llabs(c->meter->diff_us) > INT64_C(1000000) * CLOCK_LOST_S)
		return E_REFUSED; /* a clock of another year labels nothing (poller.md 6.5) */
	rc = conversation_ask(c, job, ask, &k);
	if (rc == E_UNSUPPORTED)
		remember_refusal(c, query);
	if ((rc == E_OK || rc == E_NODATA) && !c->tell_only)
		rc = k.gridded ? mark_absent(c, &k) : E_OK;
	*open_labels = k.open_labels;
	if (next != NULL)
		*next = k.rest.from;
	return rc;
}

int
poll_read_query(struct conversation *c, const struct query *query)
{
	size_t open_labels;
	int rc = read_labels(c, query, &open_labels, NULL);

	if (open_labels > 0)
		c->meter->backfill_holes = true;
	return rc;
}

/* ---- what is asked ---- */

static struct query
grid_query(const struct conversation *c, enum record_type type, int64_t from, int64_t to)
{
	return (struct query){ .type = type, .from = from, .to = to,
		.period_min = type == REC_EL_PROFILE ? c->meter->state.config.period_min : 0 };
}

int
poll_read_newest(struct conversation *c, enum series series)
{
	struct poll_meter *m = c->meter;
	struct series_state *state = &m->series[series];
	int64_t now = clock_utc(), oldest, newest;
	struct query query;
	struct grid grid;
	size_t open_labels;
	int rc;

	if (!poll_series_span(&c->settings, c->zone, m, series, now, &grid, &oldest, &newest) ||
	    state->newest >= newest)
		return E_OK;
	query = grid_query(c, poll_series_type[series], newest, newest);
	rc = read_labels(c, &query, &open_labels, NULL);
	pthread_mutex_lock(&c->poll->lock);
	if (rc == E_OK && open_labels == 0) {
		/* A label was passed over (the bus was too busy, the meter away): sweep for it. */
		if (state->newest != 0 && grid_step(&grid, state->newest, 1) < newest)
			m->backfill_again = 0;
		state->newest = newest;
	} else if (rc == E_OK) {
		state->retry_at = now + RETRY_SOON_S;
	} else if (!poll_is_link_trouble(rc)) {
		bool soon = rc == E_UNSUPPORTED || rc == E_BUSY;

		state->retry_at = now + (soon ? RETRY_SOON_S : RETRY_LATER_S);
	}
	pthread_mutex_unlock(&c->poll->lock);
	return rc;
}

/* Labels stored in [from, to] that need no asking. */
static int
known_labels(struct conversation *c, enum record_type type, int64_t from, int64_t to, int64_t *have,
    size_t *n_have)
{
	static _Thread_local struct store_label labels[MAX_LABELS];
	int64_t now = clock_utc();
	size_t n;
	int rc;

	*n_have = 0;
	rc = store_labels(c->poll->store, c->meter->row.dev, type, from, to, labels, MAX_LABELS, &n);
	for (size_t i = 0; rc == E_OK && i < n; i++) {
		int64_t age = now - labels[i].marked;

		if (labels[i].valid || age < MARK_REASK_S || age > MARK_YOUNG_S)
			have[(*n_have)++] = labels[i].ts;
	}
	return rc;
}

int
poll_read_missing(struct conversation *c, enum record_type type, int64_t from, int64_t to, bool again)
{
	static _Thread_local int64_t have[MAX_LABELS];
	struct grid_range ranges[MAX_RANGES];
	struct grid grid;
	size_t n_have = 0, missing, n;
	int rc = E_OK;

	grid_of(type, c->zone, c->meter->state.config.period_min, &grid);
	if (!again && (rc = known_labels(c, type, from, to, have, &n_have)) < 0)
		return rc;
	n = grid_missing(&grid, from, to, have, n_have, ranges, MAX_RANGES, &missing);
	for (size_t i = 0; i < n && rc == E_OK; i++) {
		struct query query = grid_query(c, type, ranges[i].from, ranges[i].to);

		rc = poll_read_query(c, &query);
	}
	return rc;
}

static int
newest_record(void *arg, uint16_t dev, const struct record *r)
{
	(void)dev;
	*(struct record *)arg = *r;
	return 1;
}

int
poll_read_journals(struct conversation *c, uint64_t mask)
{
	struct poll_meter *m = c->meter;
	int rc = E_OK;

	mask &= m->family->journals & ~m->state.refused_journals;
	for (int i = 0; i < JOURNAL_COUNT && (rc == E_OK || rc == E_UNSUPPORTED); i++) {
		struct query query = { .type = REC_EL_JOURNAL, .journal = journal_codes[i] };
		struct store_range range = { .type = REC_EL_JOURNAL, .journal = journal_codes[i],
			.to = INT64_MAX, .limit = 1, .newest_first = true };
		struct record known = { .valid = false };

		if (!(mask & journal_bit(journal_codes[i])))
			continue;
		if ((rc = store_read(c->poll->store, m->row.dev, &range, newest_record, &known)) < 0)
			return rc;
		query.known = known.valid ? &known : NULL;
		rc = poll_read_query(c, &query);
	}
	return rc == E_UNSUPPORTED ? E_OK : rc;
}

/* ---- gaps ---- */

/* Profile of the local day `days_ago`: the slices that end after its midnight, up to the next. */
static bool
profile_day(const struct conversation *c, int days_ago, int64_t *from, int64_t *to)
{
	int64_t now = clock_utc(), oldest, newest, start, end;
	struct grid grid;

	if (!poll_series_span(&c->settings, c->zone, c->meter, SERIES_PROFILE, now, &grid, &oldest,
		&newest))
		return false;
	start = day_add(c->zone, day_start(c->zone, newest - 1), -days_ago);
	end = day_add(c->zone, start, 1);
	if (end < oldest)
		return false;
	*to = end < newest ? end : newest;
	*from = start + grid.step_s;
	while (*from < oldest)
		*from += grid.step_s;
	return *from <= *to;
}

static int
missing_series(struct conversation *c, enum series series)
{
	int64_t oldest, newest;
	struct grid grid;

	if (!poll_series_span(&c->settings, c->zone, c->meter, series, clock_utc(), &grid, &oldest,
		&newest))
		return E_OK;
	return poll_read_missing(c, poll_series_type[series], oldest, newest, false);
}

static void
start_sweep(struct conversation *c)
{
	struct poll_meter *m = c->meter;

	pthread_mutex_lock(&c->poll->lock);
	m->backfill_done = m->backfill_holes = false;
	m->backfill_stage = 0;
	pthread_mutex_unlock(&c->poll->lock);
}

static void
sweep_done(struct conversation *c)
{
	struct poll_meter *m = c->meter;

	pthread_mutex_lock(&c->poll->lock);
	m->backfill_done = true;
	m->backfill_again = clock_utc() + (m->backfill_holes ? SWEEP_HOLES_S : SWEEP_S);
	pthread_mutex_unlock(&c->poll->lock);
}

/* One stage that costs bus time; stages where nothing is missing are passed over at once.  Where
 * opening a session is dear, the visit goes on with older days while it may. */
int
poll_read_backfill(struct conversation *c)
{
	struct poll_meter *m = c->meter;
	int64_t from, to;
	uint64_t spoken;
	struct line_counters before, after;
	int rc = E_OK;

	if (m->backfill_done)
		start_sweep(c);
	line_counters(c->line, &before);
	do {
		if (m->backfill_stage == 0) {
			if ((rc = missing_series(c, SERIES_DAY)) == E_OK || rc == E_UNSUPPORTED)
				rc = missing_series(c, SERIES_MONTH);
		} else if (profile_day(c, m->backfill_stage - 1, &from, &to)) {
			rc = poll_read_missing(c, REC_EL_PROFILE, from, to, false);
		} else {
			sweep_done(c);
			return E_OK;
		}
		if (rc != E_OK && rc != E_UNSUPPORTED && rc != E_REFUSED && rc != E_BUSY &&
		    rc != E_METER)
			return rc;
		if (rc != E_OK && rc != E_UNSUPPORTED)
			m->backfill_holes = true;
		m->backfill_stage++;
		line_counters(c->line, &after);
		spoken = after.exchanges - before.exchanges;
	} while ((spoken == 0 || m->family->must_close) && !conversation_is_over(c));
	return E_OK;
}

/* ---- orders ---- */

/* A run gives way to questions; what it has read of this meter is not read again. */
static int
note_interruption(struct conversation *c, enum series series, int64_t newest, int rc)
{
	if (rc == E_PREEMPTED || rc == E_STOPPED) {
		c->meter->interrupted_run = c->run;
		c->meter->interrupted_series = series;
		c->meter->interrupted_at = newest;
	}
	return rc;
}

static int
ordered_series(struct conversation *c, const struct poll_order *order, enum series series)
{
	int64_t now = clock_utc(), oldest, newest, day;
	struct grid grid;
	int rc = E_OK;

	if (!(order->types & REC_BIT(poll_series_type[series])) ||
	    !poll_series_span(&c->settings, c->zone, c->meter, series, now, &grid, &oldest, &newest))
		return E_OK;
	if (order->to != 0 && order->to < newest)
		newest = grid_newest(&grid, order->to);
	if (order->from > oldest)
		oldest = order->from;
	if (order->newest)
		oldest = newest;
	if (c->meter->interrupted_run == c->run && c->meter->interrupted_series >= series) {
		if (c->meter->interrupted_series > series)
			return E_OK;
		newest = c->meter->interrupted_at;
	}
	if (grid.unit != GRID_SECONDS)
		return note_interruption(c, series, newest,
		    poll_read_missing(c, poll_series_type[series], oldest, newest, order->again));
	/* Day by day, newest first, so that every day is stored when it is there. */
	for (int64_t to = newest; to >= oldest && rc == E_OK; to = day) {
		int64_t from;

		day = day_start(c->zone, to - 1);
		from = day + grid.step_s;
		while (from < oldest)
			from += grid.step_s;
		if (from <= to)
			rc = note_interruption(c, series, to,
			    poll_read_missing(c, REC_EL_PROFILE, from, to, order->again));
	}
	return rc;
}

int
poll_read_order(struct conversation *c, const struct poll_order *order)
{
	static const enum record_type moments[] = { REC_EL_MOMENT_ENERGY, REC_EL_MOMENT_QUALITY };
	static const enum record_type consumptions[] = { REC_EL_DAY_CONS, REC_EL_MONTH_CONS };
	int rc = E_OK;

	for (size_t i = 0; i < 2 && rc == E_OK; i++) {
		struct query query = { .type = moments[i] };

		if (order->types & c->meter->family->measures & REC_BIT(moments[i]))
			rc = poll_read_query(c, &query);
	}
	for (int s = 0; s < SERIES_COUNT && rc == E_OK; s++)
		rc = ordered_series(c, order, (enum series)s);
	for (size_t i = 0; i < 2 && rc == E_OK; i++) {
		int64_t now = clock_utc();
		struct grid grid;
		int64_t newest, oldest;

		if (!(order->types & c->meter->family->measures & REC_BIT(consumptions[i])))
			continue;
		grid_of(consumptions[i], c->zone, 0, &grid);
		newest = grid_newest(&grid, order->to != 0 ? order->to : now);
		oldest = order->from != 0 ? order->from : newest;
		rc = poll_read_missing(c, consumptions[i], oldest, newest, order->again);
	}
	if (rc == E_OK && (order->types & REC_BIT(REC_EL_JOURNAL)))
		rc = poll_read_journals(c, order->journals != 0 ? order->journals : UINT64_MAX);
	return rc;
}

/* ---- questions ---- */

int
poll_read_asked(struct conversation *c, struct query *query)
{
	size_t open_labels;

	return read_labels(c, query, &open_labels, &query->from);
}
