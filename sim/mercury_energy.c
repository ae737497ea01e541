/* Energy arrays of the Mercury 23x: codes 05 and 15, memory 2 of old firmware (2.6, 2.7). */
#include "sim/mercury.h"

#define NOT_KEPT UINT32_C(0xFFFFFFFF)
enum { TARIFF_LOSSES = 5, TARIFF_ALL = 6 };

/* The readings an array stands between; from 0 = the reading itself, missing = beyond the history. */
struct span {
	int64_t from, to;
	bool difference, missing;
};

/* The newest beginning of the month at or before t. */
static int64_t
start_of_month(int64_t t, int month)
{
	int back = (sim_civil(t).month - month + 12) % 12;

	return sim_month_start(t, -back);
}

static int64_t
start_of_year(int64_t t, int back)
{
	return civil_days(sim_civil(t).year - back, 1, 1) * SIM_DAY_S;
}

static bool
find_span(int64_t t, unsigned array, unsigned month, struct span *s)
{
	int64_t today = sim_day(t) * SIM_DAY_S;

	*s = (struct span){ 0, t, false, false };
	if ((month != 0) != (array == 0x3 || array == 0xB) || month > 12)
		return false;
	switch (array) {
	case 0x0: case 0x6:
		return true;
	case 0x1:
		s->from = start_of_year(t, 0);
		break;
	case 0x2:
		s->from = start_of_year(t, 1);
		s->to = start_of_year(t, 0);
		break;
	case 0x3:
		s->from = start_of_month(t, (int)month);
		if (sim_month_start(s->from, 1) <= t)
			s->to = sim_month_start(s->from, 1);
		break;
	case 0x4:
		s->from = today;
		break;
	case 0x5:
		s->from = today - SIM_DAY_S;
		s->to = today;
		break;
	case 0x9:
		s->to = start_of_year(t, 0);
		return true;
	case 0xA:
		s->to = start_of_year(t, 1);
		return true;
	case 0xB:
		s->to = start_of_month(t, (int)month);
		return true;
	case 0xC:
		s->to = today;
		return true;
	case 0xD:
		s->to = today - SIM_DAY_S;
		return true;
	default:
		return false;
	}
	s->difference = true;
	return true;
}

static uint32_t
wh(const struct sim_meter *m, enum sim_kind kind, unsigned tariff, int64_t t)
{
	return (uint32_t)(sim_counter(&m->load, kind, tariff, t) / 2);
}

static uint32_t
value(const struct sim_meter *m, enum sim_kind kind, unsigned tariff, const struct span *s)
{
	if (!m->kinds[kind] || s->missing || tariff == TARIFF_LOSSES)
		return NOT_KEPT;
	return wh(m, kind, tariff, s->to) - (s->difference ? wh(m, kind, tariff, s->from) : 0);
}

/* A+ by phase: thirds of the reading, the remainder on L3. */
static void
put_phases(struct sim_mercury_call *call, unsigned tariff, const struct span *s)
{
	uint32_t sum = value(call->m, SIM_A_PLUS, tariff, s);

	if (call->m->single_phase || sum == NOT_KEPT) {
		sim_mercury_put4(call->w, sum);
		sim_mercury_put4(call->w, NOT_KEPT);
		sim_mercury_put4(call->w, NOT_KEPT);
		return;
	}
	sim_mercury_put4(call->w, sum / 3);
	sim_mercury_put4(call->w, sum / 3);
	sim_mercury_put4(call->w, sum - 2 * (sum / 3));
}

static void
put_row(struct sim_mercury_call *call, unsigned array, unsigned tariff, const struct span *s)
{
	if (array == 0x6) {
		put_phases(call, tariff, s);
		return;
	}
	for (int kind = 0; kind < SIM_KINDS; kind++)
		sim_mercury_put4(call->w, value(call->m, (enum sim_kind)kind, tariff, s));
}

void
sim_mercury_put_registers(struct sim_mercury_call *call, unsigned tariff, int64_t t)
{
	struct span s = { .to = t };

	put_row(call, 0, tariff, &s);
}

int
sim_mercury_energy(struct sim_mercury_call *call)
{
	const struct sim_mercury *me = &call->m->u.mercury;
	unsigned array, tariff;
	struct span s;

	if (call->n != 2)
		return SIM_REPLY_NONE;
	array = call->p[0] >> 4;
	tariff = call->p[1];
	if (!find_span(call->t, array, call->p[0] & 0x0F, &s) || tariff > TARIFF_ALL)
		return SIM_BAD_COMMAND;
	if ((array >= 0x9 && !me->arrays) || (tariff == TARIFF_ALL && !me->long_reads))
		return sim_mercury_unsupported(call);
	/* Readings and consumptions of before the history were never written. */
	s.missing = (array >= 0x9 && s.to < call->m->load.history_from) ||
	    (s.difference && s.from < call->m->load.history_from && s.to != call->t);
	if (tariff != TARIFF_ALL) {
		put_row(call, array, tariff, &s);
		return SIM_REPLY_DATA;
	}
	for (unsigned i = 1; i <= SIM_TARIFFS; i++)
		put_row(call, array, i, &s);
	put_row(call, array, 0, &s);
	if (me->losses)
		put_row(call, array, TARIFF_LOSSES, &s);
	return SIM_REPLY_DATA;
}

/* R1..R4; the simulated customer knows two of the four quadrants. */
int
sim_mercury_energy_quadrants(struct sim_mercury_call *call)
{
	struct span s;

	if (call->n != 2)
		return SIM_REPLY_NONE;
	if (!find_span(call->t, call->p[0] >> 4, call->p[0] & 0x0F, &s) || call->p[0] >> 4 > 5 ||
	    call->p[1] > 4)
		return SIM_BAD_COMMAND;
	sim_mercury_put4(call->w, value(call->m, SIM_R_PLUS, call->p[1], &s));
	sim_mercury_put4(call->w, 0);
	sim_mercury_put4(call->w, value(call->m, SIM_R_MINUS, call->p[1], &s));
	sim_mercury_put4(call->w, 0);
	return SIM_REPLY_DATA;
}

/* The moment whose readings stand at an address of memory 2, and their tariff. */
static bool
find_physical(const struct sim_mercury_call *call, unsigned address, int64_t *t, unsigned *tariff)
{
	bool old = call->m->u.mercury.fw[0] < 2 ||
	    (call->m->u.mercury.fw[0] == 2 && call->m->u.mercury.fw[1] < 1);
	unsigned months = old ? 0x0360 : 0x02AA, month_step = old ? 0xA0 : 0x55;
	unsigned step = old ? 0x20 : 0x11;
	unsigned days[2] = { old ? 0x0AE0 : 0x06A6, old ? 0x0B80 : 0x06FB };
	int64_t today = sim_day(call->t) * SIM_DAY_S;
	unsigned offset;

	for (int i = 0; i < 2; i++) {
		offset = address - days[i];
		if (address >= days[i] && offset % step == 0 && offset / step <= SIM_TARIFFS) {
			*t = today - i * SIM_DAY_S;
			*tariff = offset / step;
			return true;
		}
	}
	if (address < months || address >= months + 12 * month_step)
		return false;
	offset = (address - months) % month_step;
	*t = start_of_month(call->t, (int)((address - months) / month_step) + 1);
	*tariff = offset / step;
	return offset % step == 0 && *tariff <= SIM_TARIFFS;
}

int
sim_mercury_physical_energy(struct sim_mercury_call *call)
{
	unsigned address = (unsigned)call->p[1] << 8 | call->p[2], tariff;
	int64_t t;

	if (call->p[3] != 0x10) {
		call->m->u.mercury.errors |= UINT64_C(1) << 1;
		call->m->counters.bad_reads++;
		return SIM_BAD_COMMAND;
	}
	if (!find_physical(call, address, &t, &tariff))
		return SIM_BAD_COMMAND;
	for (int kind = 0; kind < SIM_KINDS; kind++)
		sim_mercury_put4(call->w,
		    call->m->kinds[kind] && t >= call->m->load.history_from ?
			(uint32_t)sim_counter(&call->m->load, (enum sim_kind)kind, tariff, t) :
			NOT_KEPT);
	return SIM_REPLY_DATA;
}
