/* What the objects of a simulated СПОДЭС meter hold at a moment (meter-spodes-dlms.md 10). */
#include "sim/dlms_values.h"

#include <string.h>

#include "sim/dlms.h"

enum {
	UNIT_WH = 30, UNIT_VARH = 32, UNIT_S = 7, UNIT_CELSIUS = 9, UNIT_W = 27, UNIT_NONE = 255,
	MWH_PER_PULSE = 500, TANGENT_SCALER = -3,
};

static const struct instant {
	size_t member;
	uint8_t type;
	int8_t scaler;
	uint8_t unit, sign;
} instants[] = {
#define ROW(c, e, phases, place, tag, scale, unit_code, by) \
	{ offsetof(struct sim_instant, place), tag, scale, unit_code, SIM_SIGN_##by },
	SIM_DLMS_INSTANTS(ROW)
#undef ROW
};

struct sim_dlms_moment
sim_dlms_now(const struct sim_meter *m, int64_t t)
{
	const struct sim_dlms_keys *k = &m->u.dlms->k;

	return (struct sim_dlms_moment){
		.t = t,
		.stamp = t,
		.from = t - t % k->period_s,
		.clock_status = (uint8_t)k->clock_status,
		.channel = 0x12,
		.client = (uint8_t)k->client_reader,
	};
}

/* Half-pulses to 10^scaler Wh, rounded down. */
uint64_t
sim_dlms_register(const struct sim_meter *m, enum sim_kind kind, unsigned tariff, int64_t t, int scaler)
{
	uint64_t value = sim_counter(&m->load, kind, tariff, t) * MWH_PER_PULSE;

	for (; scaler > -3; scaler--)
		value /= 10;
	for (; scaler < -3; scaler++)
		value *= 10;
	return value;
}

static void
put_scaler(struct text *to, int scaler, unsigned unit)
{
	sim_ax_count(to, AX_STRUCTURE, 2);
	sim_ax_number(to, AX_I8, scaler);
	sim_ax_number(to, AX_ENUM, unit);
}

/* Four octets hold 10^-1 Wh of any life; finer values take eight. */
static void
put_energy(struct text *to, uint64_t value, int scaler)
{
	sim_ax_number(to, scaler >= -1 ? AX_U32 : AX_I64, (int64_t)value);
}

static bool
energy(const struct sim_meter *m, const struct sim_dlms_object *o, unsigned attribute,
    const struct sim_dlms_moment *at, struct text *to)
{
	const struct sim_dlms_keys *k = &m->u.dlms->k;
	enum sim_kind kind = o->x >> 4;
	unsigned tariff = o->x & 15;
	bool interval = o->what == SIM_INTERVAL_ENERGY;
	int scaler = interval ? k->load_scaler : k->energy_scaler;
	uint64_t value;

	if (attribute == 3) {
		put_scaler(to, scaler, kind == SIM_A_PLUS || kind == SIM_A_MINUS ? UNIT_WH : UNIT_VARH);
		return true;
	}
	value = sim_dlms_register(m, kind, tariff, at->t, scaler);
	if (interval)
		value -= sim_dlms_register(m, kind, 0, at->from, scaler);
	put_energy(to, value, scaler);
	return true;
}

static bool
instant(const struct sim_meter *m, const struct sim_dlms_object *o, unsigned attribute,
    const struct sim_dlms_moment *at, struct text *to)
{
	const struct instant *row = &instants[o->x];
	struct sim_instant now;
	int32_t value;

	if (attribute == 3) {
		put_scaler(to, row->scaler, row->unit);
		return true;
	}
	sim_instant(m, at->t, &now);
	memcpy(&value, (const char *)&now + row->member, sizeof(value));
	if ((row->sign == SIM_SIGN_P && now.p_reverse) || (row->sign == SIM_SIGN_Q && now.q_reverse))
		value = -value;
	sim_ax_number(to, row->type, value);
	return true;
}

/* Seconds with supply since the epoch (x 0), degrees (x 1). */
static bool
operating(const struct sim_meter *m, const struct sim_dlms_object *o, unsigned attribute,
    const struct sim_dlms_moment *at, struct text *to)
{
	int64_t epoch = sim_epoch(m->load.serial);
	struct sim_instant now;

	if (attribute == 3) {
		put_scaler(to, 0, o->x == 0 ? UNIT_S : UNIT_CELSIUS);
	} else if (o->x == 0) {
		sim_ax_number(to, AX_U32,
		    at->t > epoch ? at->t - epoch - sim_off_seconds(&m->load, epoch, at->t) : 0);
	} else {
		sim_instant(m, at->t, &now);
		sim_ax_number(to, AX_I8, now.temperature);
	}
	return true;
}

/* The greatest half-hour power of the month before a moment, W, and the half hour's end. */
static bool
maximum(const struct sim_meter *m, unsigned attribute, const struct sim_dlms_moment *at,
    struct text *to)
{
	int64_t from = sim_month_start(at->t - 1, 0), when = from;
	uint32_t most = 0;

	if (attribute == 3) {
		put_scaler(to, 0, UNIT_W);
		return true;
	}
	for (int64_t end = from + SIM_SLOT_S; end <= at->t; end += SIM_SLOT_S) {
		uint32_t power = end > m->load.history_from ? sim_slot(&m->load, SIM_A_PLUS, end) : 0;

		when = power > most ? end : when;
		most = power > most ? power : most;
	}
	if (attribute == 2) {
		sim_ax_number(to, AX_U32, most);
	} else if (attribute == 4) {
		sim_ax_number(to, AX_U8, 0);
	} else {
		sim_ax_count(to, AX_OCTETS, AX_STAMP_SIZE);
		sim_ax_stamp(to, when, m->u.dlms->k.deviation_min, (uint8_t)m->u.dlms->k.clock_status);
	}
	return true;
}

static bool
clock_attribute(const struct sim_meter *m, const struct sim_dlms_object *o, unsigned attribute,
    const struct sim_dlms_moment *at, struct text *to)
{
	const struct sim_dlms_keys *k = &m->u.dlms->k;
	int zone = k->deviation_min == AX_DEVIATION_NONE ? 0 : k->deviation_min;

	switch (attribute) {
	case 2:
		sim_ax_count(to, AX_OCTETS, AX_STAMP_SIZE);
		sim_ax_stamp(to, o->what == SIM_OLD_CLOCK ? at->old_t : at->stamp, k->deviation_min,
		    at->clock_status);
		return true;
	case 3:
		sim_ax_number(to, AX_I16, zone);
		return true;
	case 4:
		sim_ax_number(to, AX_U8, at->clock_status);
		return true;
	case 5:
	case 6:
		sim_ax_count(to, AX_OCTETS, AX_STAMP_SIZE);
		sim_ax_be(to, 0xFFFFFFFFFFFFFFFF, 8);
		sim_ax_be(to, 0xFF800000, 4);
		return true;
	case 7:
		sim_ax_number(to, AX_I8, 60);
		return true;
	case 8:
		sim_ax_number(to, AX_BOOLEAN, 0);
		return true;
	case 9:
		sim_ax_number(to, AX_ENUM, 1);
		return true;
	default:
		return false;
	}
}

/* ---- data ---- */

static void
put_text(struct text *to, const char *words)
{
	sim_ax_octets(to, words, strlen(words));
}

/* Letters А to я of UTF-8 in one octet each, as РиМ and Нартис send them. */
static void
put_cp1251(struct text *to, const char *words)
{
	uint8_t out[SIM_DLMS_TEXT_MAX];
	size_t n = 0;

	for (const uint8_t *p = (const uint8_t *)words; *p != 0; p++) {
		if (p[0] == 0xD0 && p[1] >= 0x90 && p[1] <= 0xBF)
			out[n++] = (uint8_t)(*++p - 0x90 + 0xC0);
		else if (p[0] == 0xD1 && p[1] >= 0x80 && p[1] <= 0x8F)
			out[n++] = (uint8_t)(*++p - 0x80 + 0xF0);
		else
			out[n++] = *p;
	}
	sim_ax_octets(to, out, n);
}

static void
put_made(const struct sim_meter *m, struct text *to)
{
	struct text stamp = { NULL };

	sim_ax_stamp(&stamp, sim_epoch(m->load.serial), AX_DEVIATION_NONE, 0);
	if (!stamp.failed)
		sim_ax_octets(to, stamp.p, 5);
	text_free(&stamp);
}

static bool
identity(const struct sim_meter *m, const struct sim_dlms_object *o, struct text *to)
{
	const struct sim_dlms_keys *k = &m->u.dlms->k;

	switch (o->what) {
	case SIM_DATA_LDN:
		sim_ax_count(to, AX_OCTETS, 16);
		text_printf(to, "SIM%013llu", (unsigned long long)m->load.serial);
		return true;
	case SIM_DATA_SERIAL:
		put_text(to, m->serial);
		return true;
	case SIM_DATA_MODEL:
		if (k->model_cp1251)
			put_cp1251(to, k->model);
		else
			put_text(to, k->model);
		return true;
	case SIM_DATA_FIRMWARE:
		put_text(to, k->firmware);
		return true;
	case SIM_DATA_FIRMWARE2:
		put_text(to, k->firmware2);
		return true;
	case SIM_DATA_MAKER:
		put_text(to, k->maker);
		return true;
	case SIM_DATA_MADE:
		put_made(m, to);
		return true;
	case SIM_DATA_VERSION:
		put_text(to, "3.0");
		return true;
	case SIM_DATA_POINT:
		put_text(to, m->u.dlms->point);
		return true;
	default:
		return false;
	}
}

static bool
data(const struct sim_meter *m, const struct sim_dlms_object *o, const struct sim_dlms_moment *at,
    struct text *to)
{
	static const uint8_t code_types[] = { AX_NULL, AX_U8, AX_U16, AX_U32, AX_U32 };
	const struct sim_dlms *d = m->u.dlms;

	switch (o->what) {
	case SIM_DATA_WIRING:
		sim_ax_number(to, AX_U8, 1);
		return true;
	case SIM_DATA_RATIO_I:
		sim_ax_number(to, AX_U16, d->k.ratio_i);
		return true;
	case SIM_DATA_RATIO_U:
		sim_ax_number(to, AX_U16, d->k.ratio_u);
		return true;
	case SIM_DATA_CONSTANT:
		sim_ax_number(to, AX_U32, 1000);
		return true;
	case SIM_DATA_PERIOD:
		sim_ax_number(to, AX_U16, d->k.period_s / 60);
		return true;
	case SIM_DATA_COUNTER:
		sim_ax_number(to, AX_U32, o->x == 3 ? d->counter_seen : 0);
		return true;
	case SIM_DATA_CODE:
		sim_ax_number(to, code_types[d->k.code_octets], at->code);
		return true;
	case SIM_DATA_WORD:
		sim_ax_number(to, AX_U16, at->code);
		return true;
	case SIM_DATA_CHANNEL:
		sim_ax_number(to, AX_U8, at->channel);
		return true;
	case SIM_DATA_CLIENT:
		sim_ax_number(to, AX_U8, at->client);
		return true;
	case SIM_DATA_STATUS:
		sim_ax_number(to, AX_U8, at->status);
		return true;
	case SIM_DATA_DAY_STATUS:
		sim_ax_number(to, AX_U8, 0);
		return true;
	case SIM_DATA_PUSH:
		sim_ax_number(to, AX_U32, 0x10);
		return true;
	default:
		return identity(m, o, to);
	}
}

bool
sim_dlms_value(const struct sim_meter *m, const struct sim_dlms_object *o, unsigned attribute,
    const struct sim_dlms_moment *at, struct text *to)
{
	if (o->class_id == SIM_CLASS_CLOCK)
		return clock_attribute(m, o, attribute, at, to);
	if (o->class_id == SIM_CLASS_DATA)
		return attribute == 2 && data(m, o, at, to);
	if (attribute < 2 || attribute > (o->class_id == SIM_CLASS_EXTENDED ? 5U : 3U))
		return false;
	switch (o->what) {
	case SIM_ENERGY:
	case SIM_INTERVAL_ENERGY:
		return energy(m, o, attribute, at, to);
	case SIM_INSTANT:
		return instant(m, o, attribute, at, to);
	case SIM_OPERATING:
		return operating(m, o, attribute, at, to);
	case SIM_MAXIMUM:
		return maximum(m, attribute, at, to);
	case SIM_DATA_TANGENT:
		if (attribute == 3)
			put_scaler(to, TANGENT_SCALER, UNIT_NONE);
		else
			sim_ax_number(to, AX_U16, at->code);
		return true;
	default:
		return false;
	}
}
