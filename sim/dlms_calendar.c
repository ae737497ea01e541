/* The tariff calendar of a simulated СПОДЭС meter (meter-spodes-dlms.md 17): kept as it was written.
 * What is counted on which tariff follows the consumption model, as delivered the calendar says the
 * same. */
#include "sim/dlms.h"

#include <string.h>

enum {
	ACTIVE, PASSIVE, NAME = 0, SEASONS, WEEKS, DAYS,
	FIRST_ACTIVE = 2, FIRST_PASSIVE = 6, ACTIVATION = 10,
	LOG_PROGRAM = 3, CODE_SEASONS = 5, CODE_WEEKS = 6, CODE_DAYS = 7, CODE_DATE = 8,
	CODE_ACTIVATED = 9,
	CODE_SPECIAL_DAYS = 49,
};
static const char *const forms[SIM_CALENDAR_PARTS] = { "o", "a(oCo)", "a(ouuuuuuu)", "a(ua(46w))" };

/* A change of tariff within the day. */
static void
put_switch(struct text *to, int hour)
{
	static const uint8_t script[SIM_NAME_SIZE] = { 0, 0, 10, 0, 100, 255 };

	sim_ax_count(to, AX_STRUCTURE, 3);
	sim_ax_count(to, AX_OCTETS, 4);
	sim_ax_byte(to, (unsigned)hour);
	sim_ax_be(to, 0, 3);
	sim_ax_octets(to, script, sizeof(script));
	sim_ax_number(to, AX_U16, sim_tariff(hour * 3600));
}

static void
put_days(struct text *to)
{
	struct text switches = { NULL };
	unsigned n = 0;

	for (int hour = 0; hour < 24; hour++) {
		if (hour > 0 && sim_tariff(hour * 3600) == sim_tariff((hour - 1) * 3600))
			continue;
		put_switch(&switches, hour);
		n++;
	}
	sim_ax_count(to, AX_ARRAY, 1);
	sim_ax_count(to, AX_STRUCTURE, 2);
	sim_ax_number(to, AX_U8, 1);
	sim_ax_count(to, AX_ARRAY, n);
	text_add(to, switches.p, switches.len);
	text_free(&switches);
}

void
sim_dlms_fill_calendar(struct sim_dlms *d)
{
	static const uint8_t one[1] = { 1 };
	static const uint8_t new_year[AX_STAMP_SIZE] = { 0xFF, 0xFF, 1, 1, 0xFF, 0, 0, 0, 0, 0x80, 0,
		0 };

	for (int which = ACTIVE; which <= PASSIVE; which++) {
		struct text *c = d->calendar[which];

		sim_ax_octets(&c[NAME], "STREET", 6);
		sim_ax_count(&c[SEASONS], AX_ARRAY, 1);
		sim_ax_count(&c[SEASONS], AX_STRUCTURE, 3);
		sim_ax_octets(&c[SEASONS], one, 1);
		sim_ax_octets(&c[SEASONS], new_year, sizeof(new_year));
		sim_ax_octets(&c[SEASONS], one, 1);
		sim_ax_count(&c[WEEKS], AX_ARRAY, 1);
		sim_ax_count(&c[WEEKS], AX_STRUCTURE, 8);
		sim_ax_octets(&c[WEEKS], one, 1);
		for (int day = 0; day < 7; day++)
			sim_ax_number(&c[WEEKS], AX_U8, 1);
		put_days(&c[DAYS]);
	}
	memset(d->activation, 0xFF, sizeof(d->activation));
	sim_ax_count(&d->special_days, AX_ARRAY, 0);
}

static void
replace(struct text *to, const uint8_t *p, size_t n)
{
	text_clear(to);
	text_add(to, p, n);
}

void
sim_dlms_activate_calendar(struct sim_dlms_call *call)
{
	struct sim_dlms *d = call->d;

	for (int part = NAME; part < SIM_CALENDAR_PARTS; part++)
		replace(&d->calendar[ACTIVE][part], (const uint8_t *)d->calendar[PASSIVE][part].p,
		    d->calendar[PASSIVE][part].len);
	memset(d->activation, 0xFF, sizeof(d->activation));
	sim_dlms_note(call, LOG_PROGRAM, CODE_ACTIVATED, 0);
}

/* The passive calendar takes over at its date. */
static void
activate_when_due(struct sim_dlms_call *call)
{
	uint8_t octets[2 + AX_STAMP_SIZE] = { AX_OCTETS, AX_STAMP_SIZE };
	struct rd r = rd_init(octets, sizeof(octets));
	int64_t due;
	int deviation;

	memcpy(octets + 2, call->d->activation, AX_STAMP_SIZE);
	if (sim_ax_take_stamp(&r, &due, &deviation) && due != INT64_MIN && due <= call->t)
		sim_dlms_activate_calendar(call);
}

int
sim_dlms_get_calendar(struct sim_dlms_call *call, unsigned attribute, struct text *to)
{
	const struct sim_dlms *d = call->d;
	const struct text *part;

	activate_when_due(call);
	if (attribute == ACTIVATION) {
		sim_ax_octets(to, d->activation, sizeof(d->activation));
		return SIM_DAR_DONE;
	}
	if (attribute < FIRST_ACTIVE || attribute > ACTIVATION)
		return SIM_DAR_UNAVAILABLE;
	part = attribute < FIRST_PASSIVE ? &d->calendar[ACTIVE][attribute - FIRST_ACTIVE] :
					   &d->calendar[PASSIVE][attribute - FIRST_PASSIVE];
	text_add(to, part->p, part->len);
	return SIM_DAR_DONE;
}

static bool
has_form(const struct rd *whole, const char *form)
{
	struct rd r = *whole;

	return sim_ax_take_form(&r, &form) && rd_done(&r);
}

int
sim_dlms_set_calendar(struct sim_dlms_call *call, unsigned attribute, struct rd *r)
{
	static const uint8_t codes[SIM_CALENDAR_PARTS] = { 0, CODE_SEASONS, CODE_WEEKS, CODE_DAYS };
	unsigned part;

	activate_when_due(call);
	if (attribute < FIRST_PASSIVE || attribute > ACTIVATION)
		return SIM_DAR_DENIED;
	if (attribute == ACTIVATION) {
		if (!has_form(r, "C"))
			return SIM_DAR_TYPE_WRONG;
		rd_skip(r, 2);
		rd_bytes(r, call->d->activation, AX_STAMP_SIZE);
		sim_dlms_note(call, LOG_PROGRAM, CODE_DATE, 0);
		return SIM_DAR_DONE;
	}
	part = attribute - FIRST_PASSIVE;
	if (!has_form(r, forms[part]))
		return SIM_DAR_TYPE_WRONG;
	replace(&call->d->calendar[PASSIVE][part], r->p, rd_left(r));
	if (codes[part] != 0)
		sim_dlms_note(call, LOG_PROGRAM, codes[part], 0);
	return SIM_DAR_DONE;
}

int
sim_dlms_set_special_days(struct sim_dlms_call *call, struct rd *r)
{
	if (!has_form(r, "a(w5u)"))
		return SIM_DAR_TYPE_WRONG;
	replace(&call->d->special_days, r->p, rd_left(r));
	sim_dlms_note(call, LOG_PROGRAM, CODE_SPECIAL_DAYS, 0);
	return SIM_DAR_DONE;
}
