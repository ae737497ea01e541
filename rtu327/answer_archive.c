#include "rtu327/answer_private.h"

#include <stdlib.h>
#include <string.h>

/* ---- GETPOK (rtu-327.md 6.5) ---- */

static int
take_record(void *arg, uint16_t dev, const struct record *r)
{
	struct record *found = arg;

	(void)dev;
	*found = *r;
	return 1;
}

/* In the order the real device searches them. */
static const enum record_type readings[] = { REC_EL_DAY, REC_EL_MONTH, REC_EL_MOMENT_ENERGY };
enum { READINGS = sizeof(readings) / sizeof(readings[0]) };

/* The newest reading in [from, to], found->type REC_NONE when there is none. */
static int
newest_reading(const struct answer *a, int64_t from, int64_t to, struct record *found)
{
	struct store_range range = { .from = from, .to = to, .limit = 1, .newest_first = true };

	found->type = REC_NONE;
	for (unsigned i = 0; i < READINGS; i++) {
		struct record one = { .type = REC_NONE };
		int rc;

		range.type = readings[i];
		rc = answer_read(a, &range, take_record, &one);
		if (rc < 0)
			return rc;
		if (one.type != REC_NONE && (found->type == REC_NONE || one.ts > found->ts))
			*found = one;
		if (found->type != REC_NONE && found->ts == to)
			break;
	}
	return E_OK;
}

int
answer_readings(struct answer *a)
{
	int64_t tolerance = a->ctx->settings.rtu_pok_tolerance_s;
	double v[RTU327_CHANNELS];
	struct record found;
	int rc = newest_reading(a, a->q->time, a->q->time, &found);

	if (rc == E_OK && found.type == REC_NONE && tolerance > 0)
		rc = newest_reading(a, a->q->time - tolerance, (int64_t)a->q->time - 1, &found);
	if (rc < 0)
		return rc;
	for (unsigned i = 0; i < RTU327_CHANNELS; i++)
		v[i] = found.type == REC_NONE ?
		    RTU327_MISSING :
		    answer_value(&found, energy_slot(0, (enum energy_kind)i), MEGA);
	rtu327_put_channels(a->w, a->q->mask, v);
	return E_OK;
}

/* ---- GETLP, GETSHORTLP (rtu-327.md 6.6, 6.7) ---- */

struct lp_walk {
	struct answer *a;
	struct rtu327_lp head;
	size_t most;			/* intervals at most */
	uint16_t period_min;		/* of this run */
	int64_t last;			/* end of the last interval written */
	bool with_stat;
};

/* Mean power in thousandths over minutes: mW * min / (60 * 10^6) is kWh. */
static double
energy_of(const struct record *r, unsigned slot)
{
	int64_t product;

	if (!record_has(r, slot) || __builtin_mul_overflow(r->v[slot], r->period_min, &product))
		return RTU327_MISSING;
	return (double)product / (60.0 * MEGA);
}

static void
put_interval(struct lp_walk *walk, const struct rtu327_interval *interval)
{
	rtu327_put_interval(walk->a->w, walk->a->q->mask, walk->with_stat, interval);
	walk->head.count++;
	walk->last += walk->period_min * 60;
}

/* Invented intervals up to `end`, marked as such (rtu.lp_gap_mode fill). */
static void
fill_gap(struct lp_walk *walk, int64_t end)
{
	struct rtu327_interval missing = { .stat = (uint8_t)walk->a->ctx->settings.rtu_lp_gap_stat };

	for (unsigned i = 0; i < RTU327_CHANNELS; i++)
		missing.energy[i] = RTU327_MISSING;
	while (walk->head.count < walk->most && walk->last + walk->period_min * 60 < end)
		put_interval(walk, &missing);
}

/* Only the stamp of the last interval is transmitted, so they must be equally spaced: a gap or
 * another interval length ends the run, unless gaps are filled. */
static bool
continues(struct lp_walk *walk, const struct record *r)
{
	int64_t step = walk->period_min * 60, ahead = r->ts - walk->last;

	if (r->period_min != walk->period_min)
		return false;
	if (ahead == step)
		return true;
	if (walk->a->ctx->settings.rtu_lp_fill == 0 || ahead % step != 0)
		return false;
	fill_gap(walk, r->ts);
	return walk->head.count < walk->most;
}

static int
put_profile(void *arg, uint16_t dev, const struct record *r)
{
	struct lp_walk *walk = arg;
	struct rtu327_interval interval = { .stat = 0 };
	int64_t length = r->period_min * 60;

	(void)dev;
	if (length == 0 || (walk->head.count > 0 && r->ts <= walk->last))
		return 0;
	if (walk->a->ctx->settings.rtu_lp_start != 0 && r->ts - length < walk->a->q->time)
		return 0;
	if (walk->head.count == 0) {
		walk->period_min = r->period_min;
		walk->last = r->ts - length;
	} else if (!continues(walk, r)) {
		return 1;
	}
	for (unsigned i = 0; i < RTU327_CHANNELS; i++)
		interval.energy[i] = energy_of(r, i);
	put_interval(walk, &interval);
	return walk->head.count >= walk->most;
}

static size_t
intervals_most(const struct answer *a, bool with_stat)
{
	size_t size = rtu327_channels(a->q->mask) * 8 + with_stat;
	size_t fit = a->room < RTU327_LP_HEAD ? 0 : (a->room - RTU327_LP_HEAD) / size;

	fit = fit < RTU327_LP_MOST ? fit : RTU327_LP_MOST;
	return fit < a->q->count ? fit : a->q->count;
}

int
answer_lp(struct answer *a)
{
	struct store_range range = {
		.type = REC_EL_PROFILE, .from = a->q->time, .to = RTU327_TIME_MOST,
	};
	bool with_stat = a->q->frame.code == RTU327_GETLP;
	struct lp_walk walk = {
		.a = a, .head.bit15 = true, .with_stat = with_stat,
		.most = intervals_most(a, with_stat),
	};
	struct wr head = wr_init(a->w->buf + a->w->len, RTU327_LP_HEAD);
	uint8_t own;
	int rc;

	if (a->q->interval_min != 0) {
		rc = answer_interval(a, &own);
		if (rc < 0 || own != a->q->interval_min)
			return rc < 0 ? rc : E_INVALID;
	}
	if (walk.most == 0)
		return E_LIMIT;
	rtu327_put_lp(a->w, &walk.head);
	rc = answer_read(a, &range, put_profile, &walk);
	if (rc < 0)
		return rc;
	if (walk.head.count == 0)
		return E_NODATA;
	walk.head.last = (uint32_t)walk.last;
	if (a->ctx->settings.rtu_lp_start != 0)
		walk.head.last -= walk.period_min * 60u;
	if (wr_ok(a->w))
		rtu327_put_lp(&head, &walk.head);
	return E_OK;
}

/* ---- GETTESTS (rtu-327.md 6.8) ---- */

/* ROW(bit on the wire, slot of the archive, divisor) */
static const struct {
	uint8_t bit, slot;
	double divisor;
} quality[] = {
	{ 1, Q_PA, MEGA }, { 2, Q_PB, MEGA }, { 3, Q_PC, MEGA },
	{ 4, Q_SA, MEGA }, { 5, Q_SB, MEGA }, { 6, Q_SC, MEGA },
	{ 7, Q_FREQ, MILLI },
	{ 8, Q_IA, MILLI }, { 9, Q_IB, MILLI }, { 10, Q_IC, MILLI },
	{ 11, Q_UA, MILLI }, { 12, Q_UB, MILLI }, { 13, Q_UC, MILLI },
	{ 17, Q_ANG_AB, MILLI }, { 18, Q_ANG_AC, MILLI },
};
enum { QUALITY = sizeof(quality) / sizeof(quality[0]), SLICE_SIZE = 4 + QUALITY * 8 };

struct tests_walk {
	struct answer *a;
	struct rtu327_tests head;
	size_t most;
};

static int
put_slice(void *arg, uint16_t dev, const struct record *r)
{
	struct tests_walk *walk = arg;
	struct rtu327_slice slice = { .time = (uint32_t)r->ts };

	(void)dev;
	for (unsigned i = 0; i < QUALITY; i++)
		slice.v[quality[i].bit] = answer_value(r, quality[i].slot, quality[i].divisor);
	rtu327_put_slice(walk->a->w, walk->head.bits, &slice);
	walk->head.count++;
	return walk->head.count >= walk->most;
}

int
answer_tests(struct answer *a)
{
	size_t room = a->room < RTU327_TESTS_HEAD ? 0 : a->room - RTU327_TESTS_HEAD;
	struct tests_walk walk = {
		.a = a, .most = room / SLICE_SIZE,
		.head = { RTU327_QUALITY_SENT, 0, (uint8_t)a->ctx->settings.rtu_tests_elm },
	};
	struct store_range range = {
		.type = REC_EL_MOMENT_QUALITY, .from = a->q->time, .to = RTU327_TIME_MOST,
	};
	struct wr head = wr_init(a->w->buf + a->w->len, RTU327_TESTS_HEAD);
	int rc;

	if (walk.most > a->q->count)
		walk.most = a->q->count;
	if (walk.most == 0)
		return E_LIMIT;
	range.limit = walk.most;
	rtu327_put_tests(a->w, &walk.head);
	rc = answer_read(a, &range, put_slice, &walk);
	if (rc < 0)
		return rc;
	if (walk.head.count == 0)
		return E_NODATA;
	if (wr_ok(a->w))
		rtu327_put_tests(&head, &walk.head);
	return E_OK;
}

/* ---- GETAUTOREAD (rtu-327.md 6.9) ---- */

enum { AUTOREAD_MOST = 255 };

struct reading {
	int64_t ts;
	double v[RTU327_TARIFFS + 1];	/* 0: the total */
};

struct reading_list {
	unsigned channel;		/* slot of the energy kind */
	size_t n, most;
	struct reading at[AUTOREAD_MOST];
};

static int
take_reading(void *arg, uint16_t dev, const struct record *r)
{
	struct reading_list *list = arg;
	struct reading *to = &list->at[list->n++];

	(void)dev;
	to->ts = r->ts;
	for (unsigned i = 0; i <= RTU327_TARIFFS; i++)
		to->v[i] = answer_value(r, energy_slot(i, (enum energy_kind)list->channel), MEGA);
	return list->n >= list->most;
}

static int
read_list(const struct answer *a, enum record_type type, struct reading_list *list)
{
	struct store_range range = {
		.type = type,
		.from = (int64_t)a->q->time + (a->ctx->settings.rtu_autoread_inclusive == 0),
		.to = RTU327_TIME_MOST, .limit = list->most,
	};

	return answer_read(a, &range, take_reading, list);
}

static void
put_reading(const struct answer *a, const struct reading *reading)
{
	struct rtu327_autoread out = { .time = (uint32_t)reading->ts };
	bool reversed = a->ctx->settings.rtu_autoread_reversed != 0;

	for (unsigned i = 0; i < RTU327_DIGITS; i++)
		out.serial[i] = a->q->serial[reversed ? RTU327_DIGITS - 1 - i : i];
	for (unsigned i = 0; i < RTU327_TARIFFS; i++)
		out.tariffs[i] = (struct rtu327_tariff){
			.energy = reading->v[i + 1], .max = RTU327_MISSING,
			.cumulative_max = RTU327_MISSING, .coincident_max = RTU327_MISSING,
		};
	out.total = a->ctx->settings.rtu_autoread_no_total != 0 ? RTU327_MISSING : reading->v[0];
	for (unsigned i = 0; i < 4; i++)
		out.quadrants[i] = RTU327_MISSING;
	rtu327_put_autoread(a->w, &out);
}

int
answer_autoread(struct answer *a)
{
	struct reading_list days = { .channel = a->q->channel - 1u }, months = days;
	size_t most = a->room / RTU327_AUTOREAD_SIZE, n = 0, day = 0, month = 0;
	int rc;

	most = most < a->q->count ? most : a->q->count;
	if (most == 0 || most > AUTOREAD_MOST)
		return E_LIMIT;
	days.most = months.most = most;
	if ((rc = read_list(a, REC_EL_DAY, &days)) < 0 ||
	    (rc = read_list(a, REC_EL_MONTH, &months)) < 0)
		return rc;
	for (; n < most && (day < days.n || month < months.n); n++) {
		bool take_day = day < days.n &&
		    (month == months.n || days.at[day].ts <= months.at[month].ts);
		const struct reading *next = take_day ? &days.at[day++] : &months.at[month++];

		if (take_day && month < months.n && months.at[month].ts == next->ts)
			month++;
		put_reading(a, next);
	}
	return n > 0 ? E_OK : E_NODATA;
}

/* ---- GETMTRLOG (rtu-327.md 6.10) ---- */

struct event {
	uint32_t order, time;
	uint16_t journal, type;
};

struct event_walk {
	const struct rtu327_map *map;
	struct event *events;
	size_t n, most;
};

static int
take_event(void *arg, uint16_t dev, const struct record *r)
{
	struct event_walk *walk = arg;
	int32_t type = RTU327_NOT_EXPORTED;

	(void)dev;
	if (record_has(r, J_EVENT))
		type = rtu327_map_find(walk->map, r->journal, r->v[J_EVENT]);
	if (type == RTU327_NOT_EXPORTED)
		return 0;
	walk->events[walk->n] = (struct event){
		.order = (uint32_t)walk->n, .time = (uint32_t)r->ts,
		.journal = r->journal, .type = (uint16_t)type,
	};
	return ++walk->n >= walk->most;
}

static int
by_journal(const void *a, const void *b)
{
	const struct event *x = a, *y = b;

	if (x->journal != y->journal)
		return x->journal < y->journal ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

int
answer_meter_log(struct answer *a)
{
	struct store_range range = {
		.type = REC_EL_JOURNAL, .from = a->q->time, .to = RTU327_TIME_MOST,
	};
	struct event_walk walk = { .map = &a->ctx->events, .most = a->room / RTU327_EVENT_SIZE };
	int rc;

	if (walk.most > a->q->count)
		walk.most = a->q->count;
	if (walk.most == 0)
		return E_LIMIT;
	walk.events = calloc(walk.most, sizeof(walk.events[0]));
	if (walk.events == NULL)
		return E_NOMEM;
	rc = answer_read(a, &range, take_event, &walk);
	if (rc == E_OK && walk.n == 0)
		rc = E_NODATA;
	if (a->ctx->settings.rtu_mtrlog_by_journal != 0)
		qsort(walk.events, walk.n, sizeof(walk.events[0]), by_journal);
	for (size_t i = 0; rc == E_OK && i < walk.n; i++)
		rtu327_put_event(a->w, &(struct rtu327_event){
			.time = walk.events[i].time, .type = walk.events[i].type,
		});
	free(walk.events);
	return rc;
}
