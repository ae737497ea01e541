/* Load profile of Энергомера classic (meter-iec61107.md 3.2): GRAxx(dd.mm.yy[.s[.n]]), one line
 * per interval, mean kW or kvar.  Interval s counts from 1 at local midnight; our label is its end.
 *
 * A line does not say which interval it is.  An answer shorter than what was asked is believed only
 * when the last line, asked alone, is the same and the interval behind it, asked alone, is missing:
 * then it is the end that is not there yet.  Otherwise the meter counts in another way, and that form
 * of request is not used any more. */
#include "meters/energomera.h"

#include <string.h>

enum { MINUTES_OF_DAY = 1440, BLOCK = 96 };	/* a day of 15 minutes in one answer */
/* Internal: the form of the request was not understood; another is to be used. */
enum { OTHER_FORM = 1 };

struct block {
	struct civil date;
	unsigned first, n;		/* intervals of the day */
	unsigned slots_of_day;
	int64_t mw[BLOCK][ENERGY_KINDS];	/* INT64_MIN: absent */
	unsigned proved;		/* this many lines were shown to be the beginning */
};

static int
ask_lines(struct meter_session *s, unsigned kind, const char *argument, int64_t *mw, size_t most,
    size_t *n)
{
	enum energomera_name name = (enum energomera_name)(EN_GRA + kind);
	struct iec_text body;
	int rc = energomera_ask(s, name, argument, &body);

	*n = 0;
	return rc == E_OK ? energomera_profile(body, energomera_name(name), mw, most, n) : rc;
}

/* One interval alone: E_OK with a value or INT64_MIN for "missing". */
static int
ask_slot(struct meter_session *s, unsigned kind, const struct civil *date, unsigned slot, int64_t *mw)
{
	char argument[ENERGOMERA_ARG];
	size_t n;
	int rc;

	*mw = INT64_MIN;
	energomera_slot_argument(argument, date, slot, 1);
	rc = ask_lines(s, kind, argument, mw, 1, &n);
	if (rc == E_NODATA || rc == E_INVALID || (rc == E_OK && n == 0)) {
		*mw = INT64_MIN;
		return E_OK;
	}
	return rc == E_LIMIT ? E_FRAME : rc;
}

/* Were `lines` of the block the beginning of what was asked? */
static int
prove_short(struct meter_session *s, struct block *b, unsigned kind, const int64_t *mw, unsigned lines)
{
	int64_t last, next;
	int rc;

	if (lines == b->proved)
		return E_OK;
	rc = ask_slot(s, kind, &b->date, b->first + lines - 1, &last);
	if (rc == E_OK)
		rc = ask_slot(s, kind, &b->date, b->first + lines, &next);
	if (rc < 0)
		return rc;
	if (last != mw[lines - 1] || next != INT64_MIN)
		return OTHER_FORM;
	b->proved = lines;
	return E_OK;
}

static bool
is_whole_day(const struct block *b)
{
	return b->first == 1 && b->n == b->slots_of_day;
}

static int
give_up_form(struct meter_session *s, const struct block *b)
{
	energomera_memory(s)->profile_forms |= is_whole_day(b) ? NO_WHOLE_DAY : NO_RANGE;
	return OTHER_FORM;
}

/* All intervals of the block for one kind, by one request. */
static int
ask_kind(struct meter_session *s, struct block *b, unsigned kind)
{
	char argument[ENERGOMERA_ARG];
	int64_t mw[BLOCK];
	size_t lines;
	int rc;

	if (b->n == 1) {
		rc = ask_slot(s, kind, &b->date, b->first, &b->mw[0][kind]);
		return rc == E_OK && b->mw[0][kind] == INT64_MIN ? E_NODATA : rc;
	}
	if (is_whole_day(b))
		energomera_day_argument(argument, &b->date);
	else
		energomera_slot_argument(argument, &b->date, b->first, b->n);
	rc = ask_lines(s, kind, argument, mw, b->n, &lines);
	if (rc == E_INVALID || rc == E_LIMIT)
		return give_up_form(s, b);
	if (rc < 0)
		return rc;
	if (lines > 0 && lines < b->n)
		rc = prove_short(s, b, kind, mw, (unsigned)lines);
	if (rc == OTHER_FORM)
		return give_up_form(s, b);
	for (size_t i = 0; i < lines; i++)
		b->mw[i][kind] = mw[i];
	return rc;
}

static void
clear_block(struct block *b)
{
	for (size_t i = 0; i < BLOCK; i++)
		for (unsigned kind = 0; kind < ENERGY_KINDS; kind++)
			b->mw[i][kind] = INT64_MIN;
	b->proved = 0;
}

static bool
is_asked(struct meter_session *s, unsigned kind)
{
	return (energomera_model(s)->kinds >> kind & 1) != 0 &&
	    !energomera_refuses(s, (enum energomera_name)(EN_GRA + kind));
}

/* All kinds the meter keeps.  E_NODATA: the first of them has nothing here, so none has. */
static int
ask_block(struct meter_session *s, struct block *b)
{
	bool is_known = false;

	clear_block(b);
	for (unsigned kind = 0; kind < ENERGY_KINDS; kind++) {
		int rc;

		if (!is_asked(s, kind))
			continue;
		rc = ask_kind(s, b, kind);
		if (rc == OTHER_FORM || energomera_is_link_trouble(rc))
			return rc;
		if (rc == E_NODATA && !is_known)
			return E_NODATA;
		is_known |= rc != E_UNSUPPORTED;
	}
	return is_known ? E_OK : E_UNSUPPORTED;
}

/* ---- labels ---- */

/* The end of an interval as UTC; false for one the spring jump leaves out.  Counted from its start:
 * the end of the last interval before the autumn change reads like one an hour later. */
static bool
slot_end(struct zone zone, const struct civil *date, unsigned slot, unsigned period, int64_t *end)
{
	struct civil start = { date->year, date->month, date->day, (int)((slot - 1) * period / 60),
		(int)((slot - 1) * period % 60), 0 };
	int64_t utc = civil_to_utc(zone, &start, SEASON_UNKNOWN);
	struct civil back = civil_from_utc(zone, utc);

	*end = utc + (int64_t)period * 60;
	return back.hour == start.hour && back.minute == start.minute;
}

static int
emit_block(struct meter_session *s, const struct block *b, const struct query *q, unsigned period,
    struct sink *sink)
{
	int rc = E_OK;

	for (unsigned i = 0; i < b->n && rc == E_OK; i++) {
		struct record r = { .type = REC_EL_PROFILE, .valid = true, .flags = PROFILE_MEASURED,
			.period_min = (uint16_t)period };

		if (!slot_end(s->zone, &b->date, b->first + i, period, &r.ts) || r.ts < q->from ||
		    r.ts > q->to)
			continue;
		for (unsigned kind = 0; kind < ENERGY_KINDS; kind++)
			if (b->mw[i][kind] != INT64_MIN)
				record_set(&r, kind, b->mw[i][kind]);
		if (r.present != 0)
			rc = sink->put(sink, &r);
	}
	return rc;
}

/* ---- days ---- */

/* The next block of [first, last] of a day: few intervals by number, most of a day as a whole. */
static void
choose_block(struct meter_session *s, struct block *b, unsigned first, unsigned last)
{
	uint8_t forms = energomera_memory(s)->profile_forms;
	unsigned wanted = last - first + 1;

	if ((forms & NO_WHOLE_DAY) == 0 && b->slots_of_day <= BLOCK && wanted > 1 &&
	    (wanted > b->slots_of_day / 2 || (forms & NO_RANGE) != 0)) {
		b->first = 1;
		b->n = b->slots_of_day;
		return;
	}
	b->first = first;
	b->n = (forms & NO_RANGE) != 0 ? 1 : wanted < BLOCK ? wanted : BLOCK;
	/* A range from midnight to midnight would be taken for the whole-day form. */
	if (is_whole_day(b) && b->n > 1)
		b->n--;
}

static int
read_day(struct meter_session *s, struct block *b, unsigned first, unsigned last, unsigned period,
    const struct query *q, struct sink *sink)
{
	while (first <= last) {
		int rc;

		choose_block(s, b, first, last);
		rc = ask_block(s, b);
		if (rc == OTHER_FORM)
			continue; /* at most two forms can be lost */
		if (rc == E_OK)
			rc = emit_block(s, b, q, period, sink);
		if (rc < 0 && rc != E_NODATA)
			return rc;
		first = b->first + b->n;
	}
	return E_OK;
}

/* Intervals of the day whose labels are asked for; false when none is. */
static bool
wanted_slots(struct zone zone, const struct block *b, const struct query *q, unsigned period,
    unsigned *first, unsigned *last)
{
	int64_t end;

	*first = 0;
	for (unsigned slot = 1; slot <= b->slots_of_day; slot++) {
		if (!slot_end(zone, &b->date, slot, period, &end) || end < q->from || end > q->to)
			continue;
		if (*first == 0)
			*first = slot;
		*last = slot;
	}
	return *first > 0;
}

static void
reconsider(struct meter_session *s)
{
	for (unsigned kind = 0; kind < ENERGY_KINDS; kind++)
		if (is_asked(s, kind))
			return;
	for (unsigned kind = 0; kind < ENERGY_KINDS; kind++)
		energomera_forget_refusal(s, (enum energomera_name)(EN_GRA + kind));
}

int
energomera_read_profile(struct meter_session *s, const struct query *q, struct sink *sink)
{
	struct block block;
	unsigned period = 0, first, last;
	int rc = energomera_period(s, &period);
	int64_t day;

	if (rc < 0)
		return rc;
	reconsider(s);
	memset(&block, 0, sizeof block);
	block.slots_of_day = MINUTES_OF_DAY / period;
	day = day_start(s->zone, q->from - (int64_t)period * 60);
	for (; rc == E_OK && day < q->to; day = day_add(s->zone, day, 1)) {
		block.date = civil_from_utc(s->zone, day);
		if (wanted_slots(s->zone, &block, q, period, &first, &last))
			rc = read_day(s, &block, first, last, period, q, sink);
	}
	return rc;
}
