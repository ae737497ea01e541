/* Code 04: the clock and the journals of the Mercury 23x (2.10, 2.12).
 *
 * Event n of journal J happens at n * P + hash(serial, 4000h + J, n) mod (P / 2) on the meter's
 * clock, P being the journal's period; it stands in ring place n mod depth.  So the journals move
 * on by themselves, and another program can compute them (docs/simulator.md). */
#include "sim/mercury.h"

#include <assert.h>
#include <string.h>

#include "src/base/checksum.h"

enum {
	J_POWER = 0x01, J_CLOCK = 0x02, J_ENERGY_RESET = 0x09, J_PROFILE_INIT = 0x0A,
	J_COVER = 0x12, J_PROGRAM = 0x13, J_STATE = 0x14,
	LAST = 0xFF, ALL = 0xFE, PAGE_OLDEST = 0xFA, PAGE = 20,
};
/* FROM_TO: begin / end.  ON_OFF: on / the off that followed.  MOMENT: one time.  The others are
 * written by what happens to the meter. */
enum form { FROM_TO, ON_OFF, MOMENT, ONCE, POWER, CLOCK, PROGRAM, STATE };

static const struct journal {
	uint8_t code;
	uint8_t form;
	uint8_t depth;
	uint16_t period_h;
} journals[] = {
	{ J_POWER, POWER, 10, 0 },
	{ J_CLOCK, CLOCK, 10, 0 },
	{ 0x03, ON_OFF, 10, 360 }, { 0x04, ON_OFF, 10, 400 }, { 0x05, ON_OFF, 10, 440 },
	{ 0x06, FROM_TO, 10, 48 },
	{ 0x07, MOMENT, 10, 2160 }, { 0x08, MOMENT, 10, 4320 },
	{ J_ENERGY_RESET, ONCE, 10, 0 }, { J_PROFILE_INIT, ONCE, 10, 0 },
	{ 0x0B, MOMENT, 10, 600 }, { 0x0C, MOMENT, 10, 650 }, { 0x0D, MOMENT, 10, 700 },
	{ 0x0E, MOMENT, 10, 750 },
	{ 0x0F, MOMENT, 10, 3000 }, { 0x10, MOMENT, 10, 3100 }, { 0x11, MOMENT, 10, 3200 },
	{ J_COVER, FROM_TO, 10, 1500 },
	{ J_PROGRAM, PROGRAM, 10, 0 },
	{ J_STATE, STATE, 10, 5000 },
	{ 0x15, MOMENT, 10, 3300 }, { 0x16, MOMENT, 10, 3400 },
	{ 0x17, ON_OFF, 10, 240 }, { 0x18, ON_OFF, 10, 250 }, { 0x19, ON_OFF, 10, 260 },
	{ 0x1A, FROM_TO, 10, 1800 },
	{ 0x20, FROM_TO, 100, 30 }, { 0x21, FROM_TO, 100, 20 }, { 0x22, FROM_TO, 100, 22 },
	{ 0x23, FROM_TO, 100, 32 },
	{ 0x24, FROM_TO, 100, 34 }, { 0x25, FROM_TO, 100, 24 }, { 0x26, FROM_TO, 100, 26 },
	{ 0x27, FROM_TO, 100, 36 },
	{ 0x28, FROM_TO, 100, 38 }, { 0x29, FROM_TO, 100, 28 }, { 0x2A, FROM_TO, 100, 18 },
	{ 0x2B, FROM_TO, 100, 40 },
	{ 0x2C, FROM_TO, 100, 50 }, { 0x2D, FROM_TO, 100, 42 }, { 0x2E, FROM_TO, 100, 44 },
	{ 0x2F, FROM_TO, 100, 52 },
};

static int64_t
event_time(const struct sim_meter *m, const struct journal *j, int64_t n)
{
	int64_t period = j->period_h * 3600LL;

	assert(period > 0);
	return n * period +
	    (int64_t)(sim_hash(m->load.serial, 0x4000U + j->code, (uint64_t)n) %
		(uint64_t)(period / 2));
}

static int64_t
event_length(const struct sim_meter *m, const struct journal *j, int64_t n)
{
	return 30 + (int64_t)(sim_hash(m->load.serial, 0x5000U + j->code, (uint64_t)n) % 3000);
}

static int64_t
last_event(const struct sim_meter *m, const struct journal *j, int64_t t)
{
	int64_t n = t / (j->period_h * 3600LL);

	return event_time(m, j, n) <= t ? n : n - 1;
}

/* Number of records written so far where the journal has a beginning. */
static int64_t
written(const struct sim_mercury_call *call, const struct journal *j)
{
	const struct sim_load *load = &call->m->load;
	int64_t n = 1;

	switch (j->form) {
	case POWER:
		for (unsigned i = 0; i < load->n_outages && load->outages[i].to <= call->t; i++)
			n++;
		return n;
	case CLOCK:
		return call->m->u.mercury.n_clock_log;
	case PROGRAM:
		return call->m->u.mercury.n_program_log;
	default:
		return 1;
	}
}

static int64_t
newest(const struct sim_mercury_call *call, const struct journal *j)
{
	return j->period_h != 0 ? last_event(call->m, j, call->t) : written(call, j) - 1;
}

static void
put_pair(struct wr *w, int64_t first, int64_t second, int64_t now)
{
	sim_mercury_put_time(w, first);
	sim_mercury_put_time(w, second <= now ? second : 0);
}

static void
put_program(struct sim_mercury_call *call, unsigned at)
{
	const struct sim_mercury *me = &call->m->u.mercury;
	struct civil c = sim_civil(me->program_log[at].day * SIM_DAY_S);

	wr_u8(call->w, bcd_encode((unsigned)c.day));
	wr_u8(call->w, bcd_encode((unsigned)c.month));
	wr_u8(call->w, bcd_encode((unsigned)(c.year % 100)));
	wr_u8(call->w, bcd_encode(me->program_log[at].count));
	wr_bytes(call->w, me->program_log[at].mask03, 7);
	wr_u8(call->w, 0);
}

static void
put_power(struct sim_mercury_call *call, unsigned n)
{
	const struct sim_load *load = &call->m->load;
	int64_t on = n == 0 ? sim_epoch(load->serial) : load->outages[n - 1].to;
	int64_t off = n < load->n_outages ? load->outages[n].from : INT64_MAX;

	put_pair(call->w, on, off, call->t);
}

static void
put_event(struct sim_mercury_call *call, const struct journal *j, int64_t n)
{
	const struct sim_mercury *me = &call->m->u.mercury;
	int64_t at = j->period_h != 0 ? event_time(call->m, j, n) : 0;

	switch (j->form) {
	case FROM_TO:
		put_pair(call->w, at, at + event_length(call->m, j, n), call->t);
		break;
	case ON_OFF:
		put_pair(call->w, at, event_time(call->m, j, n + 1) - event_length(call->m, j, n),
		    call->t);
		break;
	case MOMENT:
		sim_mercury_put_time(call->w, at);
		break;
	case ONCE:
		sim_mercury_put_time(call->w, sim_epoch(call->m->load.serial));
		break;
	case POWER:
		put_power(call, (unsigned)n);
		break;
	case CLOCK:
		put_pair(call->w, me->clock_log[n % 10].before, me->clock_log[n % 10].after, INT64_MAX);
		break;
	case PROGRAM:
		put_program(call, (unsigned)(n % 10));
		break;
	default:
		sim_mercury_put_time(call->w, at);
		wr_bytes(call->w, (const uint8_t[6]){ 0, 0, 0, 0, 2, 0 }, 6);
		break;
	}
}

static size_t
record_length(const struct journal *j)
{
	return j->form == MOMENT || j->form == ONCE ? 6 : 12;
}

/* Ring place `place`; zeros when nothing was ever written there. */
static void
put_record(struct sim_mercury_call *call, const struct journal *j, unsigned place)
{
	static const uint8_t empty[12];
	int64_t last = newest(call, j);
	int64_t n = last - ((last - (int64_t)place) % j->depth + j->depth) % j->depth;

	if (last < 0 || n < 0 ||
	    (j->period_h != 0 && event_time(call->m, j, n) < sim_epoch(call->m->load.serial)))
		wr_bytes(call->w, empty, record_length(j));
	else
		put_event(call, j, n);
}

static int
read_clock(struct sim_mercury_call *call)
{
	struct civil c = sim_civil(call->t);
	int weekday = civil_weekday(sim_day(call->t));
	const int fields[8] = { c.second, c.minute, c.hour, weekday == 0 ? 7 : weekday,
	    c.day, c.month, c.year % 100, 1 };

	for (int i = 0; i < 8; i++)
		wr_u8(call->w, bcd_encode((unsigned)fields[i]));
	return SIM_REPLY_DATA;
}

static int
read_pages(struct sim_mercury_call *call, const struct journal *j, unsigned record)
{
	unsigned first = 0, n = 10;

	if (!call->m->u.mercury.long_reads)
		return sim_mercury_unsupported(call);
	if (j->depth == 100) {
		first = (ALL - record) * PAGE;
		n = PAGE;
	} else if (record != ALL) {
		return SIM_BAD_COMMAND;
	}
	for (unsigned i = 0; i < n; i++)
		put_record(call, j, first + i);
	return SIM_REPLY_DATA;
}

int
sim_mercury_journal(struct sim_mercury_call *call)
{
	const struct journal *j = NULL;
	unsigned record;
	int64_t last;

	if (call->n == 1 && call->p[0] == 0)
		return read_clock(call);
	if (call->n != 2)
		return SIM_REPLY_NONE;
	record = call->p[1];
	for (size_t i = 0; i < sizeof(journals) / sizeof(journals[0]); i++)
		if (journals[i].code == call->p[0])
			j = &journals[i];
	if (j == NULL || (j->code == J_COVER && !call->m->u.mercury.last_form))
		return sim_mercury_unsupported(call);
	if (record >= PAGE_OLDEST && record <= ALL)
		return read_pages(call, j, record);
	if (record != LAST) {
		if (record >= j->depth)
			return SIM_BAD_COMMAND;
		put_record(call, j, record);
		return SIM_REPLY_DATA;
	}
	if (!call->m->u.mercury.last_form)
		return sim_mercury_unsupported(call);
	last = newest(call, j);
	put_record(call, j, last < 0 ? 0 : (unsigned)(last % j->depth));
	wr_u8(call->w, last < 0 ? 0 : (uint8_t)(last % j->depth));
	return SIM_REPLY_DATA;
}
