/* mercury23x: momentary and latched values. */
#include "tests/vectors/play_mercury.h"

/* ---- momentary values (2.8) ---- */

static const struct { const char *name, *unit; } quantities[8] = {
	{ "P", "W" }, { "U", "V" }, { "I", "A" }, { "cos", "" }, { "f", "Hz" }, { "angle", "deg" },
	{ "KU", "pct" }, { "T", "C" },
};
static const char *const powers[4][2] = { { "P", "W" }, { "Q", "var" }, { "S", "VA" }, { "X", "" } };
static const char *const angles[4] = { "", "12", "13", "23" };

/* A value under every name its quantity goes by; phase 0 is the sum, or the only one. */
static void
play_named(json_t *out, const char *name, const char *phase, const char *unit, json_t *value,
    uint32_t raw)
{
	const char *dash = *unit != '\0' ? "_" : "";

	play_mercury_set(out, json_incref(value), "%s%s%s%s", name, phase, dash, unit);
	play_mercury_set(out, json_incref(value), "%s%s", name, phase);
	if (*phase != '\0' && *unit != '\0')
		play_mercury_set(out, json_incref(value), "%s_L%s_%s", name, phase, unit);
	if (*phase == '\0')
		play_mercury_set(out, json_incref(value), "%s_sum%s%s", name, dash, unit);
	play_mercury_set(out, json_integer(raw), "%s%s_raw", name, phase);
	json_decref(value);
}

static void
play_value(json_t *out, const struct mercury230_value *v, enum m230_kind kind, unsigned power,
    unsigned phase)
{
	static const char *const digits[4] = { "", "1", "2", "3" };
	const char *name = kind == M230_POWER ? powers[power][0] : quantities[kind].name;
	const char *unit = kind == M230_POWER ? powers[power][1] : quantities[kind].unit;
	int64_t milli;
	bool present = mercury230_value_milli(v, kind, power, &milli);
	json_t *value = present ? json_real((double)milli / 1000.0) : json_null();

	if (kind == M230_ANGLE) {
		static const char *const names[] = { "ang", "phi", "U", "fi" };
		static const char *const tags[4] = { "", "AngAB", "AngAC", "AngBC" };

		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
			play_named(out, names[i], angles[phase], unit, json_incref(value), v->n);
		play_mercury_set(out, json_incref(value), "angle_%s_deg", angles[phase]);
		play_mercury_set(out, json_incref(value), "%s", tags[phase]);
		play_named(out, name, digits[phase], unit, json_incref(value), v->n);
		play_named(out, name, angles[phase], unit, value, v->n);
		return;
	}
	play_named(out, name, digits[phase], unit, value, v->n);
	if (kind == M230_POWER || kind == M230_COS) {
		int p_sign = v->is_active_reverse ? -1 : 1, q_sign = v->is_reactive_reverse ? -1 : 1;

		play_mercury_set(out, json_boolean(present), "%s%s_valid", name, digits[phase]);
		play_mercury_set(out, json_integer(p_sign), "P%s_sign", digits[phase]);
		play_mercury_set(out, json_integer(q_sign), "Q%s_sign", digits[phase]);
	}
}

static void
play_signs(json_t *out, const struct mercury230_value *v)
{
	play_int(out, "P_sign", v->is_active_reverse ? -1 : 1);
	play_int(out, "Q_sign", v->is_reactive_reverse ? -1 : 1);
}

static void
play_harmonic(json_t *out, uint16_t n, unsigned phase)
{
	json_t *value = n == UINT16_MAX ? json_null() : json_real(n / 100.0);

	play_mercury_set(out, json_incref(value), "KU%u", phase);
	play_mercury_set(out, value, "KU%u_pct", phase);
	play_mercury_set(out, json_integer(n), "KU%u_raw", phase);
	play_mercury_set(out, json_integer(n), "KU%u_pct_raw_LE", phase);
}

static void
play_temperature(json_t *out, int16_t t)
{
	play_int(out, "T_C", t);
	play_int(out, "T", t);
}

/* 08 16 A0, and the same part of 08 14 A0. */
static void
play_block(struct play_mercury *p, struct rd *r)
{
	struct mercury230_block b;

	play_int(p->out, "length", rd_left(r));
	if (mercury230_decode_block(r, &b) < 0)
		return;
	for (unsigned phase = 0; phase < 4; phase++) {
		play_value(p->out, &b.cos[phase], M230_COS, 0, phase);
		for (unsigned power = 3; power-- > 0;)
			play_value(p->out, &b.p[power][phase], M230_POWER, power, phase);
		if (phase == 0)
			continue;
		play_value(p->out, &b.u[phase - 1], M230_VOLTAGE, 0, phase);
		play_value(p->out, &b.angle[phase - 1], M230_ANGLE, 0, phase);
		play_value(p->out, &b.i[phase - 1], M230_CURRENT, 0, phase);
		if (b.has_extras)
			play_harmonic(p->out, b.harmonic[phase - 1], phase);
	}
	play_value(p->out, &b.f, M230_FREQUENCY, 0, 0);
	play_signs(p->out, &b.p[0][0]);
	if (b.has_extras)
		play_temperature(p->out, b.temperature);
}

static void
play_latch_time(struct play_mercury *p, struct rd *r)
{
	struct mercury230_request clock = { .code = M230_EVENTS, .n = 1 };
	const struct mercury230_request *q = p->q;

	p->q = &clock;
	play_mercury_events(p, r);
	p->q = q;
}

static void
play_latched_energy(struct play_mercury *p, struct rd *r, uint8_t tariff, uint8_t n_sets)
{
	const struct mercury230_request *q = p->q;
	struct mercury230_request energy = { .code = M230_ENERGY, .n = 2, .args = { 0x00, tariff } };
	const uint8_t *sets = rd_take(r, n_sets * (size_t)16);
	struct rd in = rd_init(sets, sets != NULL ? n_sets * (size_t)16 : 0);

	p->q = &energy;
	play_mercury_energy(p, &in);
	p->q = q;
}

static void
play_values_of(struct play_mercury *p, struct rd *r, enum m230_kind kind, unsigned power,
    unsigned first, unsigned last, bool is_latched)
{
	for (unsigned phase = first; phase <= last; phase++) {
		struct mercury230_value v = is_latched && kind == M230_POWER ?
		    mercury230_decode_latched(r) :
		    mercury230_decode_value(r);

		play_value(p->out, &v, kind, power, phase);
		if (phase == first)
			play_signs(p->out, &v);
	}
}

/* 08 14 A0: time, five sets of energy, powers in four bytes, the rest as in the fast block. */
static void
play_latched_block(struct play_mercury *p, struct rd *r)
{
	struct mercury230_value first;
	struct rd power;

	play_latch_time(p, r);
	play_latched_energy(p, r, M230_ALL_TARIFFS, 5);
	power = *r;
	for (unsigned k = 0; k < 3; k++)
		play_values_of(p, r, M230_POWER, k, 0, 3, true);
	play_values_of(p, r, M230_VOLTAGE, 0, 1, 3, true);
	play_values_of(p, r, M230_ANGLE, 0, 1, 3, true);
	play_values_of(p, r, M230_CURRENT, 0, 1, 3, true);
	play_values_of(p, r, M230_COS, 0, 0, 3, true);
	play_values_of(p, r, M230_FREQUENCY, 0, 0, 0, true);
	first = mercury230_decode_latched(&power);
	play_signs(p->out, &first);
}

void
play_mercury_values(struct play_mercury *p, struct rd *r)
{
	uint8_t param = p->q->args[0], bwri = p->q->n > 1 ? p->q->args[1] : 0;
	enum m230_kind kind = bwri >> 4;
	unsigned power = bwri >> 2 & 3, phase = bwri & 3;
	bool is_one = param == M230_ONE_VALUE, has_sum = kind == M230_POWER || kind == M230_COS;

	json_object_set_new(p->out, "bwri", json_sprintf("%02X", bwri));
	if (kind == M230_LATCH_TIME)
		play_latch_time(p, r);
	else if (kind == M230_LATCHED_ENERGY)
		play_latched_energy(p, r, bwri & 0x0f, 1);
	else if (kind == M230_EVERYTHING && param == M230_LATCHED)
		play_latched_block(p, r);
	else if (kind == M230_EVERYTHING)
		play_block(p, r);
	else if (kind == M230_HARMONIC && rd_left(r) == 2)
		play_harmonic(p->out, rd_u16_le(r), phase);
	else if (kind == M230_HARMONIC)
		for (unsigned i = 1; i <= 3; i++)
			play_harmonic(p->out, rd_u16_le(r), i);
	else if (kind == M230_TEMPERATURE)
		play_temperature(p->out, (int16_t)rd_u16_be(r));
	else if (kind == M230_FREQUENCY)
		play_values_of(p, r, kind, 0, 0, 0, false);
	else if (kind <= M230_ANGLE && is_one)
		play_values_of(p, r, kind, power, phase, phase, false);
	else if (kind <= M230_ANGLE)
		play_values_of(p, r, kind, power, has_sum ? 0 : 1, 3, param == M230_LATCHED);
}
