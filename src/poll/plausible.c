/* What a meter told about one day, compared with itself (poller.md 6.6, 6.8). */
#include "src/poll/poll_private.h"

#include <stdlib.h>

#include "src/base/clock.h"

enum { SLICES_MOST = 1500, RESOLUTIONS = 10, RESOLUTION_MWH = 1000 };

struct day {
	struct record begin, end;	/* readings at both its midnights */
	int64_t begin_ts, end_ts;
	int64_t slices_mwh;		/* sum of the slices' A+ */
	int64_t covered_s;		/* by slices that hold a value */
};

static int
take_reading(void *arg, uint16_t dev, const struct record *r)
{
	struct day *day = arg;

	(void)dev;
	if (r->ts == day->begin_ts)
		day->begin = *r;
	if (r->ts == day->end_ts)
		day->end = *r;
	return 0;
}

static int
take_slice(void *arg, uint16_t dev, const struct record *r)
{
	struct day *day = arg;

	(void)dev;
	if (record_has(r, P_PLUS)) {
		day->slices_mwh += r->v[P_PLUS] * r->period_min / 60;
		day->covered_s += r->period_min * 60;
	}
	return 0;
}

static int
load_day(struct conversation *c, struct day *day)
{
	struct store_range readings = { .type = REC_EL_DAY, .from = day->begin_ts, .to = day->end_ts };
	struct store_range slices = { .type = REC_EL_PROFILE, .from = day->begin_ts + 1,
		.to = day->end_ts, .limit = SLICES_MOST };
	int rc = store_read(c->poll->store, c->meter->row.dev, &readings, take_reading, day);

	return rc < 0 ? rc : store_read(c->poll->store, c->meter->row.dev, &slices, take_slice, day);
}

static void
check_counters(struct conversation *c, const struct day *day)
{
	for (unsigned kind = 0; kind < ENERGY_KINDS; kind++) {
		unsigned slot = energy_slot(0, (enum energy_kind)kind);

		if (record_has(&day->begin, slot) && record_has(&day->end, slot) &&
		    day->end.v[slot] < day->begin.v[slot])
			poll_journal(c->poll, "warn", c->bus->name,
			    "meter %u: counter %s went back from %lld to %lld Wh within a day",
			    c->meter->row.id, value_tag(REC_EL_DAY, slot),
			    (long long)day->begin.v[slot] / 1000, (long long)day->end.v[slot] / 1000);
	}
}

static void
check_sum(struct conversation *c, const struct day *day)
{
	unsigned slot = energy_slot(0, A_PLUS);
	int64_t difference, allowed;

	if (!record_has(&day->begin, slot) || !record_has(&day->end, slot) ||
	    day->covered_s != day->end_ts - day->begin_ts)
		return;
	difference = day->end.v[slot] - day->begin.v[slot];
	allowed = llabs(difference) / 100;
	if (allowed < RESOLUTIONS * RESOLUTION_MWH)
		allowed = RESOLUTIONS * RESOLUTION_MWH;
	if (difference >= 0 && llabs(day->slices_mwh - difference) > allowed)
		poll_journal(c->poll, "warn", c->bus->name,
		    "meter %u: profile of a day sums to %lld Wh, its readings differ by %lld Wh: "
		    "look at the meter constant",
		    c->meter->row.id, (long long)day->slices_mwh / 1000, (long long)difference / 1000);
}

void
poll_check_day(struct conversation *c)
{
	struct day day = { .end_ts = day_add(c->zone, day_start(c->zone, clock_utc()), -1) };

	day.begin_ts = day_add(c->zone, day.end_ts, -1);
	if (day.begin_ts < c->meter->state.serial_since || load_day(c, &day) < 0 || !day.begin.valid ||
	    !day.end.valid)
		return;
	check_counters(c, &day);
	check_sum(c, &day);
}
