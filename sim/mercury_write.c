/* Code 03: clock, latch, relay, limits, ratios, passwords (2.9, 2.10, 2.13). */
#include "sim/mercury.h"

#include <string.h>

#include "src/base/checksum.h"

enum { CORRECTION_MOST_S = 240 };
enum { LOAD_OFF_BY_INTERFACE = 0x0008, LOAD_IS_OFF = 0x0200, LOAD_NEEDS_BUTTON = 0x0400 };

void
sim_mercury_note_clock(struct sim_meter *m, int64_t before, int64_t after)
{
	struct sim_mercury *me = &m->u.mercury;

	me->clock_log[me->n_clock_log % 10].before = before;
	me->clock_log[me->n_clock_log % 10].after = after;
	me->n_clock_log++;
	m->counters.clock_writes++;
}

/* The half hours a slewed correction touches are marked incomplete. */
static void
mark_slots(struct sim_mercury *me, int64_t from, int64_t to)
{
	for (int64_t end = (from / SIM_SLOT_S + 1) * SIM_SLOT_S; end - SIM_SLOT_S <= to;
	     end += SIM_SLOT_S) {
		if (me->n_slewed == 4) {
			memmove(&me->slewed_slot[0], &me->slewed_slot[1],
			    3 * sizeof(me->slewed_slot[0]));
			me->n_slewed = 3;
		}
		me->slewed_slot[me->n_slewed++] = end;
	}
}

/* 0D ss mm hh: once per calendar day of the meter, at most four minutes. */
static int
correct_clock(struct sim_mercury_call *call)
{
	struct sim_mercury *me = &call->m->u.mercury;
	int64_t today = sim_day(call->t);
	int second = bcd_decode(call->p[1]), minute = bcd_decode(call->p[2]),
	    hour = bcd_decode(call->p[3]);
	int64_t by_us, target;

	if (second < 0 || second > 59 || minute < 0 || minute > 59 || hour < 0 || hour > 23)
		return SIM_BAD_COMMAND;
	if (me->corrected_day == today)
		return SIM_CORRECTED_TODAY;
	target = today * SIM_DAY_S + hour * 3600 + minute * 60 + second;
	by_us = target * 1000000 - sim_clock_us(&call->m->clock, call->now_us);
	if (by_us > CORRECTION_MOST_S * 1000000LL || by_us < -CORRECTION_MOST_S * 1000000LL)
		return SIM_BAD_COMMAND;
	sim_clock_slew(&call->m->clock, call->now_us, by_us);
	me->corrected_day = today;
	mark_slots(me, call->t, by_us > 0 ? call->t + 2 * by_us / 1000000 : call->t);
	sim_mercury_note_clock(call->m, call->t, target);
	return SIM_DONE;
}

/* 0C ss mm hh dow dd MM yy season: at once, any distance. */
static int
set_clock(struct sim_mercury_call *call)
{
	int f[8];
	struct civil c;
	int64_t target;

	for (int i = 0; i < 8; i++)
		f[i] = bcd_decode(call->p[i + 1]);
	c = (struct civil){ .year = 2000 + f[6], .month = f[5], .day = f[4],
	    .hour = f[2], .minute = f[1], .second = f[0] };
	if (f[6] < 0 || f[3] < 1 || f[3] > 7 || f[7] < 0 || f[7] > 1 || !civil_valid(&c))
		return SIM_BAD_COMMAND;
	target = civil_days(c.year, c.month, c.day) * SIM_DAY_S + c.hour * 3600 + c.minute * 60 +
	    c.second;
	mark_slots(&call->m->u.mercury, call->t, call->t);
	mark_slots(&call->m->u.mercury, target, target);
	sim_clock_set(&call->m->clock, call->now_us, target * 1000000);
	sim_mercury_note_clock(call->m, call->t, target);
	return SIM_DONE;
}

static int
switch_load(struct sim_mercury_call *call)
{
	struct sim_mercury *me = &call->m->u.mercury;

	if (call->p[1] > 1)
		return SIM_BAD_COMMAND;
	call->m->counters.switchings++;
	if (call->p[1] == 1)
		me->load_word |= LOAD_OFF_BY_INTERFACE | LOAD_IS_OFF;
	else if (me->relay_permission)
		me->load_word = (uint16_t)((me->load_word & ~LOAD_OFF_BY_INTERFACE) |
		    LOAD_NEEDS_BUTTON);
	else
		me->load_word = (uint16_t)(me->load_word & ~(LOAD_OFF_BY_INTERFACE | LOAD_IS_OFF));
	return SIM_DONE;
}

static int
change_password(struct sim_mercury_call *call)
{
	uint8_t(*pass)[6] = call->m->u.mercury.pass;

	if ((call->p[1] != 1 && call->p[1] != 2) || memcmp(&call->p[2], pass[call->p[1] - 1], 6) != 0)
		return SIM_BAD_COMMAND;
	memcpy(pass[call->p[1] - 1], &call->p[8], 6);
	return SIM_DONE;
}

static int
set_energy_limit(struct sim_mercury_call *call)
{
	uint8_t *limit;

	if (call->p[1] < 1 || call->p[1] > 4)
		return SIM_BAD_COMMAND;
	limit = call->m->u.mercury.energy_limit[call->p[1] - 1];
	limit[0] = call->p[3];
	limit[1] = call->p[2];
	limit[2] = call->p[5];
	limit[3] = call->p[4];
	return SIM_DONE;
}

static int
set_power_limit(struct sim_mercury_call *call)
{
	uint8_t *limit = call->m->u.mercury.power_limit;

	limit[0] = call->p[1];
	limit[1] = call->p[3];
	limit[2] = call->p[2];
	return SIM_DONE;
}

static int
set_ratios(struct sim_mercury_call *call)
{
	call->m->u.mercury.ratio_u = (uint16_t)(call->p[1] << 8 | call->p[2]);
	call->m->u.mercury.ratio_i = (uint16_t)(call->p[3] << 8 | call->p[4]);
	return SIM_DONE;
}

static int
set_quality_limits(struct sim_mercury_call *call)
{
	memcpy(call->m->u.mercury.quality_limits, &call->p[1], 16);
	return SIM_DONE;
}

static int
set_address(struct sim_mercury_call *call)
{
	if (call->p[1] < 1 || call->p[1] > 240)
		return SIM_BAD_COMMAND;
	call->m->address = call->p[1];
	return SIM_DONE;
}

static int
set_period(struct sim_mercury_call *call)
{
	/* The ring of the model has one period; another is refused like one out of range. */
	return call->p[1] == 30 ? SIM_DONE : SIM_BAD_COMMAND;
}

static int
latch(struct sim_mercury_call *call)
{
	call->m->u.mercury.latched_t = call->t;
	return SIM_DONE;
}

static int
accept(struct sim_mercury_call *call)
{
	(void)call;
	return SIM_DONE;
}

static const struct {
	uint8_t parameter, level;
	size_t data;			/* bytes after the parameter */
	int (*run)(struct sim_mercury_call *);
} writes[] = {
	{ 0x00, 2, 2, set_period },
	{ 0x05, 2, 1, set_address },
	{ 0x08, 0, 0, latch },
	{ 0x0C, 2, 8, set_clock },
	{ 0x0D, 1, 3, correct_clock },
	{ 0x14, 2, 1, accept },
	{ 0x15, 2, 1, accept },
	{ 0x16, 2, 0, accept },
	{ 0x1B, 2, 4, set_ratios },
	{ 0x1F, 2, 13, change_password },
	{ 0x26, 2, 2, accept },
	{ 0x2C, 2, 3, set_power_limit },
	{ 0x2D, 2, 1, accept },
	{ 0x2E, 2, 5, set_energy_limit },
	{ 0x2F, 2, 1, accept },
	{ 0x30, 2, 1, accept },
	{ 0x31, 2, 1, switch_load },
	{ 0x32, 2, 1, accept },
	{ 0x36, 2, 16, set_quality_limits },
};

/* Journal 13: which parameters were written on a day, and how often. */
static void
note_program(struct sim_mercury_call *call)
{
	struct sim_mercury *me = &call->m->u.mercury;
	int64_t today = sim_day(call->t);
	unsigned at = (me->n_program_log + 9) % 10;

	if (me->n_program_log == 0 || me->program_log[at].day != today) {
		at = me->n_program_log++ % 10;
		memset(&me->program_log[at], 0, sizeof(me->program_log[at]));
		me->program_log[at].day = today;
	}
	if (me->program_log[at].count < 99)
		me->program_log[at].count++;
	if (call->p[0] < 56)
		me->program_log[at].mask03[call->p[0] / 8] |= (uint8_t)(1 << call->p[0] % 8);
}

int
sim_mercury_write(struct sim_mercury_call *call, uint8_t level)
{
	int status;

	if (call->n == 0)
		return SIM_REPLY_NONE;
	for (size_t i = 0; i < sizeof(writes) / sizeof(writes[0]); i++) {
		if (writes[i].parameter != call->p[0])
			continue;
		if (call->n != writes[i].data + 1)
			return SIM_REPLY_NONE;
		if (level < writes[i].level)
			return SIM_LEVEL_LOW;
		status = writes[i].run(call);
		if (status == SIM_DONE && call->p[0] != 0x08)
			note_program(call);
		return status;
	}
	return sim_mercury_unsupported(call);
}
