/* Archives of the Energomera meters (3.2): END EAD ENM EAM GRA with a pair of letters. */
#include "sim/energomera.h"

#include <stdio.h>
#include <string.h>

enum {
	DAYS = 44, MONTHS = 12, MONTH_CONSUMPTIONS = 13, PROFILE_DAYS = 99, SLOTS_PER_DAY = 48,
};

static int
no_record(const struct sim_iec_call *call)
{
	return call->m->u.iec.missing_err18 ? SIM_IEC_ERR_DATE : SIM_IEC_NO_RECORD;
}

/* dd.mm.yy (months: mm.yy) and what follows it; false when malformed. */
static bool
parse_date(const char *text, bool day_given, int64_t *midnight, const char **rest)
{
	struct civil c = { .day = 1 };
	int used = 0;

	if (day_given)
		(void)sscanf(text, "%2d.%2d.%2d%n", &c.day, &c.month, &c.year, &used);
	else
		(void)sscanf(text, "%2d.%2d%n", &c.month, &c.year, &used);
	c.year += 2000;
	if (used == 0 || !civil_valid(&c))
		return false;
	*midnight = civil_days(c.year, c.month, c.day) * SIM_DAY_S;
	*rest = text + used;
	return true;
}

static int
put_registers(struct sim_iec_call *call, enum sim_kind kind, int64_t from, int64_t to)
{
	struct sim_iec_values values;

	if (to <= call->m->load.history_from)
		return no_record(call);
	sim_iec_registers(call->m, kind, from, to, &values);
	sim_iec_put_values(call, &values);
	return SIM_IEC_DATA;
}

static int
day_archive(struct sim_iec_call *call, enum sim_kind kind, bool consumption)
{
	int64_t today = sim_day(call->t) * SIM_DAY_S, midnight;
	const char *rest;

	if (!parse_date(call->argument, true, &midnight, &rest) || *rest != '\0')
		return SIM_IEC_ERR_VALUE;
	if (midnight >= today || midnight < today - DAYS * (int64_t)SIM_DAY_S)
		return no_record(call);
	return put_registers(call, kind, consumption ? midnight : 0, midnight + SIM_DAY_S);
}

static int
month_archive(struct sim_iec_call *call, enum sim_kind kind, bool consumption)
{
	int depth = consumption ? MONTH_CONSUMPTIONS : MONTHS;
	int64_t first;
	const char *rest;

	if (!parse_date(call->argument, false, &first, &rest) || *rest != '\0')
		return SIM_IEC_ERR_VALUE;
	if (first >= sim_month_start(call->t, 0) || first < sim_month_start(call->t, -depth))
		return no_record(call);
	return put_registers(call, kind, consumption ? first : 0, sim_month_start(first, 1));
}

/* One line per interval, mean kW: half-pulses of a half hour are watts. */
static void
put_slot(struct sim_iec_call *call, enum sim_kind kind, int64_t end)
{
	sim_iec_put(call->w, "%s(", call->name);
	if (end > call->m->load.history_from &&
	    sim_off_seconds(&call->m->load, end - SIM_SLOT_S, end) < SIM_SLOT_S)
		sim_iec_put_decimal(call->w, sim_slot(&call->m->load, kind, end), 3);
	wr_text(call->w, ")\r\n");
}

static int
profile(struct sim_iec_call *call, enum sim_kind kind)
{
	int64_t today = sim_day(call->t) * SIM_DAY_S, midnight;
	int first = 1, n = SLOTS_PER_DAY, used = 0, lines = 0;
	const char *rest;

	if (!parse_date(call->argument, true, &midnight, &rest))
		return SIM_IEC_ERR_VALUE;
	if (*rest != '\0') {
		n = 1;
		if (sscanf(rest, ".%2d%n", &first, &used) != 1)
			return SIM_IEC_ERR_VALUE;
		rest += used;
	}
	if (*rest != '\0') {
		used = 0;
		if (sscanf(rest, ".%2d%n", &n, &used) != 1 || rest[used] != '\0')
			return SIM_IEC_ERR_VALUE;
	}
	if (first < 1 || first > SLOTS_PER_DAY || n < 1)
		return SIM_IEC_ERR_VALUE;
	if (midnight > today || midnight <= today - PROFILE_DAYS * (int64_t)SIM_DAY_S ||
	    midnight + SIM_DAY_S <= call->m->load.history_from)
		return no_record(call);
	for (int i = first; i < first + n && i <= SLOTS_PER_DAY; i++) {
		int64_t end = midnight + i * (int64_t)SIM_SLOT_S;

		if (end > call->t)
			break;
		put_slot(call, kind, end);
		lines++;
	}
	return lines > 0 ? SIM_IEC_DATA : no_record(call);
}

int
sim_iec_archive(struct sim_iec_call *call, enum sim_kind kind)
{
	if (strncmp(call->name, "GRA", 3) == 0)
		return profile(call, kind);
	if (call->name[2] == 'D')
		return day_archive(call, kind, call->name[1] == 'A');
	return month_archive(call, kind, call->name[1] == 'A');
}
