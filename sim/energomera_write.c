/* Writing the clock of the Energomera meters (3.4). */
#include "sim/energomera.h"

#include <stdio.h>
#include <string.h>

enum { CTIME_MOST_S = 30 };

static void
move_clock(struct sim_iec_call *call, int64_t target)
{
	struct sim_energomera *me = &call->m->u.iec;

	me->clock_log[me->n_clock_log % 10].at = call->t;
	me->clock_log[me->n_clock_log % 10].second = (uint8_t)(call->t % 60);
	me->n_clock_log++;
	call->m->counters.clock_writes++;
	sim_clock_set(&call->m->clock, call->now_us, target * 1000000);
}

static int
write_time(struct sim_iec_call *call)
{
	int h, m, s, used = 0;

	if (sscanf(call->argument, "%2d:%2d:%2d%n", &h, &m, &s, &used) != 3 ||
	    call->argument[used] != '\0' || h < 0 || h > 23 || m < 0 || m > 59 || s < 0 || s > 59)
		return SIM_IEC_ERR_VALUE;
	move_clock(call, sim_day(call->t) * SIM_DAY_S + h * 3600 + m * 60 + s);
	return SIM_IEC_ACK;
}

static int
write_date(struct sim_iec_call *call)
{
	struct civil c = { 0 };
	int weekday, used = 0;
	int64_t day;

	if (sscanf(call->argument, "%2d.%2d.%2d.%2d%n", &weekday, &c.day, &c.month, &c.year, &used) !=
		4 ||
	    call->argument[used] != '\0')
		return SIM_IEC_ERR_VALUE;
	c.year += 2000;
	if (!civil_valid(&c))
		return SIM_IEC_ERR_VALUE;
	day = civil_days(c.year, c.month, c.day);
	if (civil_weekday(day) != weekday)
		return SIM_IEC_ERR_VALUE;
	move_clock(call, day * SIM_DAY_S + call->t - sim_day(call->t) * SIM_DAY_S);
	return SIM_IEC_ACK;
}

/* Rounds the clock to the nearest minute, once a day. */
static int
round_minute(struct sim_iec_call *call)
{
	struct sim_energomera *me = &call->m->u.iec;
	int64_t second = call->t % 60;

	if (me->ctime_day == sim_day(call->t))
		return SIM_IEC_ERR_VALUE;
	me->ctime_day = sim_day(call->t);
	move_clock(call, second < CTIME_MOST_S ? call->t - second : call->t - second + 60);
	return SIM_IEC_ACK;
}

int
sim_iec_write(struct sim_iec_call *call)
{
	static const struct {
		const char *name;
		int (*run)(struct sim_iec_call *);
	} writable[] = {
		{ "TIME_", write_time }, { "DATE_", write_date }, { "CTIME", round_minute },
	};

	for (size_t i = 0; i < sizeof(writable) / sizeof(writable[0]); i++) {
		if (strcmp(writable[i].name, call->name) != 0)
			continue;
		if (!call->m->u.iec.authorised)
			return SIM_IEC_ERR_REJECTED;
		if (call->m->u.iec.button)
			return SIM_IEC_ERR_BUTTON;
		return writable[i].run(call);
	}
	return SIM_IEC_ERR_PARAMETER;
}
