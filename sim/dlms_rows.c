/* The rows that the archives of a simulated СПОДЭС meter hold (meter-spodes-dlms.md 10.4, 13):
 * which moments there are.  What stands in them is the business of dlms_values.c. */
#include "sim/dlms.h"

#include <stdlib.h>

enum { STAMP_INVALID = 0x01, STAMP_DOUBTFUL = 0x02, STATUS_UNUSED = 0xFF,
	ROW_INVALID = 0x04, ROW_ADJUSTED = 0x20, ROW_POWER_DOWN = 0x80 };

/* Rows are collected from the newest back. */
struct rows {
	const struct sim_meter *m;
	struct sim_dlms_moment *at;
	size_t n, depth;
	int64_t from, after;		/* not older than; later than */
};

static bool
full(const struct rows *r)
{
	return r->n == r->depth;
}

static void
add(struct rows *r, struct sim_dlms_moment row)
{
	if (!full(r) && row.stamp >= r->from && row.t > r->after)
		r->at[r->n++] = row;
}

static bool
adjusted(const struct sim_dlms *d, int64_t from, int64_t to)
{
	for (unsigned i = 0; i < d->n_events && i < SIM_EVENTS; i++)
		if (d->events[i].log == 13 && d->events[i].t >= from && d->events[i].t < to)
			return true;
	return false;
}

/* The row of a capture at t that began at `from`. */
static struct sim_dlms_moment
load_row(const struct sim_meter *m, int64_t from, int64_t t)
{
	const struct sim_dlms *d = m->u.dlms;
	struct sim_dlms_moment row = sim_dlms_now(m, t);
	int64_t period = d->k.period_s, slot = t / period;
	bool off = sim_off_seconds(&m->load, t % period == 0 ? t - period : t - t % period, t) > 0;

	row.from = from;
	if (off)
		row.status |= ROW_POWER_DOWN;
	if (adjusted(d, from, t))
		row.status |= ROW_ADJUSTED;
	if (off && d->k.doubtful_rows && row.clock_status != STATUS_UNUSED)
		row.clock_status |= STAMP_DOUBTFUL;
	if (d->k.invalid_every > 0 && slot % d->k.invalid_every == 1 % d->k.invalid_every) {
		row.status |= ROW_INVALID;
		row.clock_status |= row.clock_status != STATUS_UNUSED ? STAMP_INVALID : 0;
	}
	return row;
}

/* Captures at the return of the supply inside (from, to), the newest first; *last the newest. */
static void
add_powerups(struct rows *r, int64_t from, int64_t to)
{
	const struct sim_load *load = &r->m->load;

	for (unsigned i = load->n_outages; i-- > 0 && r->m->u.dlms->k.powerup_rows;) {
		int64_t back = load->outages[i].to, begin = from;

		if (back <= from || back >= to)
			continue;
		if (i > 0 && load->outages[i - 1].to > from)
			begin = load->outages[i - 1].to;
		add(r, load_row(r->m, begin, back));
	}
}

static int64_t
last_powerup(const struct sim_meter *m, int64_t from, int64_t to)
{
	for (unsigned i = m->load.n_outages; i-- > 0 && m->u.dlms->k.powerup_rows;)
		if (m->load.outages[i].to > from && m->load.outages[i].to < to)
			return m->load.outages[i].to;
	return from;
}

static void
collect_load(struct rows *r, int64_t t)
{
	const struct sim_dlms_keys *k = &r->m->u.dlms->k;
	int64_t period = k->period_s, end = t - t % period;

	add_powerups(r, end, t + 1);
	for (; !full(r) && end > r->after && end >= r->from; end -= period) {
		bool gap = k->gap_every > 0 && end / period % k->gap_every == 0;

		if (!gap && sim_off_seconds(&r->m->load, end - period, end) < period)
			add(r, load_row(r->m, last_powerup(r->m, end - period, end), end));
		add_powerups(r, end - period, end);
	}
}

/* Readings at midnight; the history's first midnight is among them. */
static void
collect_days(struct rows *r, int64_t t)
{
	for (int64_t at = sim_day(t) * SIM_DAY_S; !full(r) && at >= r->after && at + 1 >= r->from;
	     at -= SIM_DAY_S) {
		struct sim_dlms_moment row = sim_dlms_now(r->m, at);

		row.stamp = at - r->m->u.dlms->k.day_end;
		if (row.stamp >= r->from)
			r->at[r->n++] = row;
	}
}

static void
collect_months(struct rows *r, int64_t t)
{
	const struct sim_dlms_keys *k = &r->m->u.dlms->k;
	int64_t shift = (k->billing_day - 1) * (int64_t)SIM_DAY_S;

	for (int back = 0; !full(r); back--) {
		int64_t at = sim_month_start(t, back) + shift;
		struct sim_dlms_moment row = sim_dlms_now(r->m, at);

		if (at > t)
			continue;
		if (at < r->after)
			break;
		row.stamp = at - k->day_end;
		if (row.stamp >= r->from)
			r->at[r->n++] = row;
	}
}

static void
collect_now(struct rows *r, int64_t t)
{
	int64_t at = t - t % SIM_SLOT_S;

	if (r->m->u.dlms->captured_t > at)
		at = r->m->u.dlms->captured_t;
	add(r, sim_dlms_now(r->m, at));
}

size_t
sim_dlms_depth(const struct sim_meter *m, const struct sim_dlms_object *o)
{
	const struct sim_dlms_keys *k = &m->u.dlms->k;

	if (o->what == SIM_LOG)
		return (size_t)k->log_depth;
	switch (o->x) {
	case SIM_PROFILE_LOAD:
		return (size_t)k->load_depth;
	case SIM_PROFILE_DAY:
		return (size_t)k->day_depth;
	case SIM_PROFILE_MONTH:
		return (size_t)k->month_depth;
	default:
		return 1;
	}
}

static void
collect(struct rows *r, unsigned profile, int64_t t)
{
	switch (profile) {
	case SIM_PROFILE_LOAD:
		collect_load(r, t);
		break;
	case SIM_PROFILE_DAY:
		collect_days(r, t);
		break;
	case SIM_PROFILE_MONTH:
		collect_months(r, t);
		break;
	case SIM_PROFILE_NOW:
		collect_now(r, t);
		break;
	default:
		add(r, sim_dlms_now(r->m, t));
	}
}

struct sim_dlms_moment *
sim_dlms_rows(const struct sim_meter *m, const struct sim_dlms_object *o, int64_t from, int64_t t,
    size_t *n)
{
	const struct sim_dlms *d = m->u.dlms;
	struct rows r = { .m = m, .from = from, .after = m->load.history_from,
		.depth = sim_dlms_depth(m, o) };

	*n = 0;
	if (o->what == SIM_LOG)
		return sim_dlms_log_rows(m, o->x, t, n);
	r.at = calloc(r.depth, sizeof(*r.at));
	if (r.at == NULL)
		return NULL;
	if (o->x < SIM_PROFILES && d->cleared_t[o->x] > r.after)
		r.after = d->cleared_t[o->x];
	if (o->x >= SIM_PROFILE_NOW)
		r.after = INT64_MIN;
	collect(&r, o->x, t);
	for (size_t a = 0, b = r.n; a + 1 < b; a++) {
		struct sim_dlms_moment swapped = r.at[--b];

		r.at[b] = r.at[a];
		r.at[a] = swapped;
	}
	*n = r.n;
	return r.at;
}
