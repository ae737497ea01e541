/* The objects of a simulated СПОДЭС meter (meter-spodes-dlms.md 10), and the rights of clients. */
#include "sim/dlms.h"

#include <stdlib.h>
#include <string.h>

#include "sim/dlms_values.h"

enum {
	READ = 1, READ_WRITE = 3, EXECUTE = 1, SPEED_9600 = 5,
};

#define DATA(b, c, d, e, kind, which, is_open) \
	{ { 0, b, c, d, e, 255 }, SIM_CLASS_DATA, SIM_DATA_##kind, which, is_open },
#define RATIO(c, d, e, kind, which) \
	{ { 1, 0, c, d, e, 255 }, SIM_CLASS_DATA, SIM_DATA_##kind, which, false },
#define ENERGY(c, kind) \
	{ { 1, 0, c, 8, 0, 255 }, SIM_CLASS_REGISTER, SIM_ENERGY, (kind) << 4 | 0, false }, \
	{ { 1, 0, c, 8, 1, 255 }, SIM_CLASS_REGISTER, SIM_ENERGY, (kind) << 4 | 1, false }, \
	{ { 1, 0, c, 8, 2, 255 }, SIM_CLASS_REGISTER, SIM_ENERGY, (kind) << 4 | 2, false }, \
	{ { 1, 0, c, 8, 3, 255 }, SIM_CLASS_REGISTER, SIM_ENERGY, (kind) << 4 | 3, false }, \
	{ { 1, 0, c, 8, 4, 255 }, SIM_CLASS_REGISTER, SIM_ENERGY, (kind) << 4 | 4, false }, \
	{ { 1, 0, c, 29, 0, 255 }, SIM_CLASS_REGISTER, SIM_INTERVAL_ENERGY, (kind) << 4, false },
#define INSTANT(c, e, phases, ...) \
	{ { 1, 0, c, 7, e, 255 }, SIM_CLASS_REGISTER, SIM_INSTANT, SIM_INSTANT_##c##_##e, false },
#define PROFILE(c, d, e, which) \
	{ { 1, 0, c, d, e, 255 }, SIM_CLASS_PROFILE, SIM_PROFILE, which, false },
#define LOG(n) \
	{ { 0, 0, 99, 98, n, 255 }, SIM_CLASS_PROFILE, SIM_LOG, n, false }, \
	DATA(0, 96, 11, n, CODE, n, false)
#define LIMITER(e) { { 0, 0, 17, 0, e, 255 }, SIM_CLASS_LIMITER, SIM_LIMITER, e, false },

static const struct sim_dlms_object objects[] = {
	{ { 0, 0, 40, 0, 0, 255 }, SIM_CLASS_ASSOCIATION, SIM_ASSOCIATION, 0, true },
	{ { 0, 0, 40, 0, 1, 255 }, SIM_CLASS_ASSOCIATION, SIM_ASSOCIATION, 1, false },
	{ { 0, 0, 40, 0, 2, 255 }, SIM_CLASS_ASSOCIATION, SIM_ASSOCIATION, 2, false },
	{ { 0, 0, 40, 0, 3, 255 }, SIM_CLASS_ASSOCIATION, SIM_ASSOCIATION, 3, false },
	{ { 0, 0, 41, 0, 0, 255 }, SIM_CLASS_SAP, SIM_SAP, 0, false },
	DATA(0, 42, 0, 0, LDN, 0, true)
	{ { 0, 0, 1, 0, 0, 255 }, SIM_CLASS_CLOCK, SIM_CLOCK, 0, true },
	{ { 0, 0, 1, 0, 1, 255 }, SIM_CLASS_CLOCK, SIM_OLD_CLOCK, 0, false },
	{ { 0, 0, 43, 0, 1, 255 }, SIM_CLASS_SECURITY, SIM_SECURITY, 1, false },
	{ { 0, 0, 43, 0, 2, 255 }, SIM_CLASS_SECURITY, SIM_SECURITY, 2, false },
	DATA(0, 43, 1, 1, COUNTER, 1, true)
	DATA(0, 43, 1, 2, COUNTER, 2, true)
	DATA(0, 43, 1, 3, COUNTER, 3, true)
	{ { 0, 1, 22, 0, 0, 255 }, SIM_CLASS_HDLC, SIM_HDLC, 1, false },
	DATA(0, 96, 1, 0, SERIAL, 0, false)
	DATA(0, 96, 1, 1, MODEL, 0, false)
	DATA(0, 96, 1, 2, FIRMWARE, 0, false)
	DATA(0, 96, 1, 3, MAKER, 0, false)
	DATA(0, 96, 1, 4, MADE, 0, false)
	DATA(0, 96, 1, 6, VERSION, 0, false)
	DATA(0, 96, 1, 7, WIRING, 0, false)
	DATA(0, 96, 1, 8, FIRMWARE2, 0, false)
	DATA(0, 96, 1, 10, POINT, 0, false)
	RATIO(0, 4, 2, RATIO_I, 0)
	RATIO(0, 4, 3, RATIO_U, 0)
	RATIO(0, 3, 0, CONSTANT, 0)
	RATIO(0, 3, 1, CONSTANT, 1)
	RATIO(0, 8, 4, PERIOD, 0)
	DATA(0, 96, 5, 1, DAY_STATUS, 0, false)
	DATA(0, 96, 5, 4, WORD, 9, false)
	DATA(0, 96, 3, 0, WORD, 10, false)
	DATA(0, 96, 10, 1, STATUS, 0, false)
	DATA(0, 96, 12, 4, CHANNEL, 0, false)
	DATA(0, 96, 12, 6, CLIENT, 0, false)
	DATA(0, 97, 98, 0, PUSH, 0, false)
	{ { 1, 0, 131, 27, 0, 255 }, SIM_CLASS_REGISTER, SIM_DATA_TANGENT, 0, false },
	{ { 0, 0, 96, 8, 0, 255 }, SIM_CLASS_REGISTER, SIM_OPERATING, 0, false },
	{ { 0, 0, 96, 9, 0, 255 }, SIM_CLASS_REGISTER, SIM_OPERATING, 1, false },
	ENERGY(1, SIM_A_PLUS)
	ENERGY(2, SIM_A_MINUS)
	ENERGY(3, SIM_R_PLUS)
	ENERGY(4, SIM_R_MINUS)
	{ { 1, 0, 1, 6, 0, 255 }, SIM_CLASS_EXTENDED, SIM_MAXIMUM, 0, false },
	SIM_DLMS_INSTANTS(INSTANT)
	PROFILE(99, 1, 0, SIM_PROFILE_LOAD)
	PROFILE(98, 2, 0, SIM_PROFILE_DAY)
	PROFILE(98, 1, 0, SIM_PROFILE_MONTH)
	PROFILE(94, 7, 0, SIM_PROFILE_NOW)
	PROFILE(94, 7, 1, SIM_SCALE_MONTH)
	PROFILE(94, 7, 2, SIM_SCALE_DAY)
	PROFILE(94, 7, 3, SIM_SCALE_NOW)
	PROFILE(94, 7, 4, SIM_SCALE_LOAD)
	LOG(0) LOG(1) LOG(2) LOG(3) LOG(4) LOG(5) LOG(6)
	LOG(7) LOG(8) LOG(9) LOG(10) LOG(12) LOG(13)
	{ { 0, 0, 96, 3, 10, 255 }, SIM_CLASS_RELAY, SIM_RELAY, 0, false },
	LIMITER(0) LIMITER(1) LIMITER(2) LIMITER(3) LIMITER(4) LIMITER(5)
	{ { 0, 0, 13, 0, 0, 255 }, SIM_CLASS_CALENDAR, SIM_CALENDAR, 0, false },
	{ { 0, 0, 11, 0, 0, 255 }, SIM_CLASS_SPECIAL_DAYS, SIM_SPECIAL_DAYS, 0, false },
};
enum { OBJECTS = sizeof(objects) / sizeof(objects[0]) };

static const uint8_t instant_phases[] = {
#define ROW(c, e, phases, ...) SIM_PHASES_##phases,
	SIM_DLMS_INSTANTS(ROW)
#undef ROW
};

const struct sim_dlms_object *
sim_dlms_object_at(size_t i)
{
	return i < OBJECTS ? &objects[i] : NULL;
}

static bool
keeps_instant(const struct sim_meter *m, const struct sim_dlms_object *o)
{
	unsigned phases = instant_phases[o->x], e = o->name[4];

	if (o->name[2] == 81 && m->u.dlms->k.short_angles != (e == 1 || e == 12 || e == 2))
		return false;
	if (!m->kinds[SIM_R_PLUS] && o->name[2] % 20 == 3)
		return false;
	return phases == SIM_PHASES_ANY || (phases == SIM_PHASES_ONE) == m->single_phase;
}

bool
sim_dlms_keeps(const struct sim_meter *m, const struct sim_dlms_object *o)
{
	const struct sim_dlms *d = m->u.dlms;

	switch (o->what) {
	case SIM_ENERGY:
	case SIM_INTERVAL_ENERGY:
		return m->kinds[o->x >> 4];
	case SIM_INSTANT:
		return keeps_instant(m, o);
	case SIM_LOG:
	case SIM_DATA_CODE:
		return (d->logs >> o->x & 1) != 0;
	case SIM_OLD_CLOCK:
		return (d->logs >> 13 & 1) != 0;
	case SIM_PROFILE:
		return o->x < SIM_PROFILES || d->k.scale_profiles;
	case SIM_RELAY:
		return d->k.relay;
	default:
		return true;
	}
}

const struct sim_dlms_object *
sim_dlms_find(const struct sim_meter *m, const uint8_t name[SIM_NAME_SIZE])
{
	for (size_t i = 0; i < OBJECTS; i++)
		if (memcmp(objects[i].name, name, SIM_NAME_SIZE) == 0 && sim_dlms_keeps(m, &objects[i]))
			return &objects[i];
	return NULL;
}

/* ---- the list of objects ---- */

static const struct shape {
	uint8_t class_id, version, attributes, methods;
	uint32_t writable;		/* bit a: the configurator may write attribute a */
} shapes[] = {
	{ SIM_CLASS_DATA, 0, 2, 0, 0 },
	{ SIM_CLASS_REGISTER, 0, 3, 1, 0 },
	{ SIM_CLASS_EXTENDED, 0, 5, 1, 0 },
	{ SIM_CLASS_PROFILE, 1, 8, 2, 0 },
	{ SIM_CLASS_CLOCK, 0, 9, 6, 1 << 2 },
	{ SIM_CLASS_SPECIAL_DAYS, 0, 2, 2, 1 << 2 },
	{ SIM_CLASS_ASSOCIATION, 1, 9, 4, 0 },
	{ SIM_CLASS_SAP, 0, 2, 1, 0 },
	{ SIM_CLASS_CALENDAR, 0, 10, 1, 0x7C0 },
	{ SIM_CLASS_HDLC, 1, 9, 0, 0 },
	{ SIM_CLASS_SECURITY, 1, 6, 2, 0 },
	{ SIM_CLASS_RELAY, 0, 4, 2, 1 << 4 },
	{ SIM_CLASS_LIMITER, 0, 11, 0, 0xF0 },
};

static const struct shape *
shape_of(const struct sim_dlms_object *o)
{
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
		if (shapes[i].class_id == o->class_id)
			return &shapes[i];
	return &shapes[0];
}

static void
put_rights(const struct shape *s, bool may_write, struct text *to)
{
	sim_ax_count(to, AX_STRUCTURE, 2);
	sim_ax_count(to, AX_ARRAY, s->attributes);
	for (unsigned a = 1; a <= s->attributes; a++) {
		bool write = may_write && (s->writable >> a & 1) != 0;

		sim_ax_count(to, AX_STRUCTURE, 3);
		sim_ax_number(to, AX_I8, a);
		sim_ax_number(to, AX_ENUM, write ? READ_WRITE : READ);
		sim_ax_byte(to, AX_NULL);
	}
	sim_ax_count(to, AX_ARRAY, s->methods);
	for (unsigned method = 1; method <= s->methods; method++) {
		sim_ax_count(to, AX_STRUCTURE, 2);
		sim_ax_number(to, AX_I8, method);
		sim_ax_number(to, AX_ENUM, may_write || s->class_id == SIM_CLASS_CLOCK ? EXECUTE : 0);
	}
}

static bool
sees(const struct sim_dlms_call *call, const struct sim_dlms_object *o)
{
	return sim_dlms_keeps(call->m, o) && (call->d->as.role != SIM_PUBLIC || o->open);
}

void
sim_dlms_put_object_list(struct sim_dlms_call *call, struct text *to)
{
	size_t n = 0;

	for (size_t i = 0; i < OBJECTS; i++)
		n += sees(call, &objects[i]);
	sim_ax_count(to, AX_ARRAY, n);
	for (size_t i = 0; i < OBJECTS; i++) {
		const struct shape *s = shape_of(&objects[i]);

		if (!sees(call, &objects[i]))
			continue;
		sim_ax_count(to, AX_STRUCTURE, 4);
		sim_ax_number(to, AX_U16, objects[i].class_id);
		sim_ax_number(to, AX_U8, s->version);
		sim_ax_octets(to, objects[i].name, SIM_NAME_SIZE);
		put_rights(s, call->d->as.role == SIM_CONFIGURATOR, to);
	}
}

/* ---- attributes of the objects that are no values ---- */

static int
get_association(struct sim_dlms_call *call, unsigned attribute, struct text *to)
{
	const struct sim_dlms *d = call->d;

	switch (attribute) {
	case 2:
		sim_dlms_put_object_list(call, to);
		return SIM_DAR_DONE;
	case 3:
		sim_ax_count(to, AX_STRUCTURE, 2);
		sim_ax_number(to, AX_I8, call->client);
		sim_ax_number(to, AX_U16, d->k.logical);
		return SIM_DAR_DONE;
	case 5:
		sim_ax_count(to, AX_STRUCTURE, 6);
		sim_ax_byte(to, AX_BITS);
		sim_ax_byte(to, 24);
		sim_ax_be(to, d->as.conformance, 3);
		sim_ax_number(to, AX_U16, d->k.max_pdu);
		sim_ax_number(to, AX_U16, d->as.pdu);
		sim_ax_number(to, AX_U8, 6);
		sim_ax_number(to, AX_I8, 0);
		sim_ax_octets(to, NULL, 0);
		return SIM_DAR_DONE;
	case 8:
		sim_ax_number(to, AX_ENUM, d->as.pending ? 1 : 2);
		return SIM_DAR_DONE;
	default:
		return attribute <= 9 ? SIM_DAR_DENIED : SIM_DAR_UNAVAILABLE;
	}
}

static int
get_hdlc(struct sim_dlms_call *call, unsigned attribute, struct text *to)
{
	const struct sim_dlms_keys *k = &call->d->k;
	const int32_t values[] = { SPEED_9600, k->window_tx, k->window_rx, k->info_tx, k->info_rx, 200,
		k->inactivity_s, call->m->address };
	const uint8_t types[] = { AX_ENUM, AX_U8, AX_U8, AX_U16, AX_U16, AX_U16, AX_U16, AX_U16 };

	if (attribute < 2 || attribute > 9)
		return SIM_DAR_UNAVAILABLE;
	sim_ax_number(to, types[attribute - 2], values[attribute - 2]);
	return SIM_DAR_DONE;
}

static int
get_security(struct sim_dlms_call *call, unsigned attribute, struct text *to)
{
	uint8_t title[8];

	sim_dlms_own_title(call->m, title);
	if (attribute == 2)
		sim_ax_number(to, AX_ENUM, call->d->k.security == SIM_SECURITY_CIPHERED ? 3 : 0);
	else if (attribute == 3)
		sim_ax_number(to, AX_ENUM, 0);
	else if (attribute == 4)
		sim_ax_octets(to, call->d->as.title, sizeof(title));
	else if (attribute == 5)
		sim_ax_octets(to, title, sizeof(title));
	else
		return attribute == 6 ? SIM_DAR_DENIED : SIM_DAR_UNAVAILABLE;
	return SIM_DAR_DONE;
}

static int
get_limiter(struct sim_dlms_call *call, const struct sim_dlms_object *o, unsigned attribute,
    struct text *to)
{
	const uint32_t *limits = call->d->limits[o->x];
	static const uint8_t monitored[SIM_NAME_SIZE] = { 1, 0, 1, 7, 0, 255 };

	if (attribute == 2) {
		sim_ax_count(to, AX_STRUCTURE, 3);
		sim_ax_number(to, AX_U16, SIM_CLASS_REGISTER);
		sim_ax_octets(to, monitored, sizeof(monitored));
		sim_ax_number(to, AX_I8, 2);
	} else if (attribute == 3) {
		sim_ax_number(to, AX_U32, limits[0]);
	} else if (attribute >= 4 && attribute <= 7) {
		sim_ax_number(to, AX_U32, limits[attribute - 4]);
	} else if (attribute == 10) {
		sim_ax_number(to, AX_BOOLEAN, 0);
	} else {
		return attribute <= 11 ? SIM_DAR_DENIED : SIM_DAR_UNAVAILABLE;
	}
	return SIM_DAR_DONE;
}

static int
get_relay(struct sim_dlms_call *call, unsigned attribute, struct text *to)
{
	const struct sim_dlms *d = call->d;

	if (attribute == 2)
		sim_ax_number(to, AX_BOOLEAN, !d->relay_off);
	else if (attribute == 3)
		sim_ax_number(to, AX_ENUM, d->relay_ready ? 2 : !d->relay_off);
	else if (attribute == 4)
		sim_ax_number(to, AX_ENUM, d->k.relay_mode);
	else
		return SIM_DAR_UNAVAILABLE;
	return SIM_DAR_DONE;
}

static int
get_sap(struct sim_dlms_call *call, struct text *to)
{
	sim_ax_count(to, AX_ARRAY, 1);
	sim_ax_count(to, AX_STRUCTURE, 2);
	sim_ax_number(to, AX_U16, call->d->k.logical);
	sim_ax_count(to, AX_OCTETS, 16);
	text_printf(to, "SIM%013llu", (unsigned long long)call->m->load.serial);
	return SIM_DAR_DONE;
}

int
sim_dlms_get(struct sim_dlms_call *call, const struct sim_dlms_object *o, unsigned attribute,
    unsigned selector, struct rd *parameters, struct text *to)
{
	struct sim_dlms_moment now = sim_dlms_now(call->m, call->t);

	if (attribute == 1) {
		sim_ax_octets(to, o->name, SIM_NAME_SIZE);
		return SIM_DAR_DONE;
	}
	switch (o->what) {
	case SIM_PROFILE:
	case SIM_LOG:
		return sim_dlms_get_profile(call, o, attribute, selector, parameters, to);
	case SIM_ASSOCIATION:
		return get_association(call, attribute, to);
	case SIM_SECURITY:
		return get_security(call, attribute, to);
	case SIM_HDLC:
		return get_hdlc(call, attribute, to);
	case SIM_RELAY:
		return get_relay(call, attribute, to);
	case SIM_LIMITER:
		return get_limiter(call, o, attribute, to);
	case SIM_SAP:
		return attribute == 2 ? get_sap(call, to) : SIM_DAR_UNAVAILABLE;
	case SIM_CALENDAR:
		return sim_dlms_get_calendar(call, attribute, to);
	case SIM_SPECIAL_DAYS:
		if (attribute != 2)
			return SIM_DAR_UNAVAILABLE;
		text_add(to, call->d->special_days.p, call->d->special_days.len);
		return SIM_DAR_DONE;
	default:
		return sim_dlms_value(call->m, o, attribute, &now, to) ? SIM_DAR_DONE :
									 SIM_DAR_UNAVAILABLE;
	}
}
