/* The family table, identity, clock and relay of Меркурий 23x (meter-mercury-set.md 2). */
#include "meters/mercury230.h"

#include <stdio.h>
#include <string.h>

enum { RELAY_NUMBER = 1, LOAD_IS_OFF = 0x0200, MIDNIGHT_GUARD_S = 600, DAY_S = 86400 };
enum { CLOCK_KEPT_US = 60 * 1000000, SLOT_COUNT_BIG = 8192, SLOT_COUNT = 4096 };

/* ---- clock (2.10) ---- */

int
mercury230_clock_get(struct meter_session *s, int64_t *utc)
{
	struct mercury230_memory *m = mercury230_memory(s);
	struct mercury230_clock clock;
	struct rd r;
	int rc = mercury230_ask(s, &r, M230_EVENTS, M230_ARGS(0x00));

	if (rc == E_OK)
		rc = mercury230_decode_clock(&r, &clock);
	if (rc < 0)
		return rc;
	*utc = civil_to_utc(s->zone, &clock.t, clock.season);
	m->clock_utc = *utc;
	m->clock_read_us = line_times(s->line).done_us;
	m->has_clock = 1;
	return E_OK;
}

/* Device time from the reading of the clock to the last exchange; negative: no usable reading. */
static int64_t
clock_age_us(struct meter_session *s)
{
	const struct mercury230_memory *m = mercury230_memory(s);
	int64_t age = line_times(s->line).done_us - m->clock_read_us;

	return m->has_clock && age <= CLOCK_KEPT_US ? age : -1;
}

bool
mercury230_has_clock(struct meter_session *s)
{
	return clock_age_us(s) >= 0;
}

int
mercury230_time_of_answer(struct meter_session *s, int64_t *utc)
{
	int64_t age = clock_age_us(s);

	if (age < 0)
		return E_NODATA;
	*utc = mercury230_memory(s)->clock_utc + age / 1000000;
	return E_OK;
}

int
mercury230_now(struct meter_session *s, int64_t *utc)
{
	return mercury230_time_of_answer(s, utc) == E_OK ? E_OK : mercury230_clock_get(s, utc);
}

int
mercury230_clock_correct(struct meter_session *s, int64_t utc)
{
	struct civil t = civil_from_utc(s->zone, utc);
	int of_day = t.hour * 3600 + t.minute * 60 + t.second;
	uint8_t args[4];
	struct wr w = wr_init(args, sizeof(args));
	struct rd r;
	int rc;

	/* The meter slews for minutes; a correction over midnight spoils its archives. */
	if (of_day < MIDNIGHT_GUARD_S || of_day >= DAY_S - MIDNIGHT_GUARD_S)
		return E_BUSY;
	wr_u8(&w, M230_CORRECT_TIME);
	mercury230_encode_time(&w, &t);
	mercury230_memory(s)->has_clock = 0;
	rc = mercury230_ask(s, &r, M230_WRITE, args, w.len);
	/* Status 1 here speaks of the size of the correction, not of the command. */
	return rc == E_UNSUPPORTED ? E_REFUSED : rc;
}

int
mercury230_clock_set(struct meter_session *s, int64_t utc)
{
	struct civil t = civil_from_utc(s->zone, utc);
	uint8_t args[9];
	struct wr w = wr_init(args, sizeof(args));
	struct rd r;

	wr_u8(&w, M230_SET_TIME);
	mercury230_encode_clock(&w, &t, zone_is_summer(s->zone, utc));
	mercury230_memory(s)->has_clock = 0;
	mercury230_memory(s)->anchor_ts = 0; /* labels and ring positions part here */
	return mercury230_ask(s, &r, M230_WRITE, args, w.len);
}

/* ---- relay (2.13) ---- */

static int
relay_get(struct meter_session *s, unsigned number, bool *on)
{
	struct rd r;
	uint16_t word;
	int rc;

	if (number != RELAY_NUMBER)
		return E_NOTFOUND;
	rc = mercury230_ask(s, &r, M230_PARAM, M230_ARGS(M230_LOAD_WORD));
	if (rc < 0)
		return rc;
	word = rd_u16_le(&r);
	if (!rd_done(&r))
		return E_FRAME;
	*on = (word & LOAD_IS_OFF) == 0;
	return E_OK;
}

static int
relay_set(struct meter_session *s, unsigned number, bool on)
{
	struct rd r;

	if (number != RELAY_NUMBER)
		return E_NOTFOUND;
	return mercury230_ask(s, &r, M230_WRITE, M230_ARGS(M230_SET_LOAD, on ? 0x00 : 0x01));
}

/* ---- identity (2.5) ---- */

/* Serial number, firmware and variant in one answer.  E_UNSUPPORTED before firmware 2.2.2. */
static int
identify_at_once(struct meter_session *s, struct mercury230_serial *serial)
{
	struct mercury230_memory *m = mercury230_memory(s);
	uint8_t ability = m->identity, fw[3], variant[6];
	struct mercury230_variant parsed;
	struct rd r, v;
	int rc = mercury230_try(s, &ability, &r, M230_PARAM, M230_ARGS(M230_IDENTITY));

	m->identity = ability;
	if (rc == E_OK)
		rc = mercury230_decode_serial(&r, serial);
	if (rc == E_OK)
		rc = mercury230_decode_firmware(&r, fw);
	if (rc < 0)
		return rc;
	rd_bytes(&r, variant, sizeof(variant));
	v = rd_init(variant, sizeof(variant));
	if (rd_failed(&r) || mercury230_decode_variant(&v, sizeof(variant), &parsed) < 0)
		return E_FRAME;
	mercury230_set_firmware(s, fw);
	m->identity = ability;
	memcpy(m->variant, variant, sizeof(variant));
	m->variant_len = sizeof(variant);
	m->is_learned = 1;
	return E_OK;
}

/* The same piece by piece, as every firmware can. */
static int
identify_in_steps(struct meter_session *s, struct mercury230_serial *serial,
    struct mercury230_variant *v)
{
	struct rd r;
	int rc = mercury230_ask(s, &r, M230_PARAM, M230_ARGS(M230_SERIAL));

	if (rc == E_OK)
		rc = mercury230_decode_serial(&r, serial);
	mercury230_memory(s)->is_learned = 0;
	return rc == E_OK ? mercury230_learn(s, v) : rc;
}

static int
read_ratios(struct meter_session *s, struct meter_config *c)
{
	struct rd r;
	int rc = mercury230_ask(s, &r, M230_PARAM, M230_ARGS(M230_RATIOS));

	if (rc < 0)
		return rc == E_UNSUPPORTED ? E_OK : rc;
	c->ratio_u = rd_u16_be(&r);
	c->ratio_i = rd_u16_be(&r);
	return rd_done(&r) ? E_OK : E_FRAME;
}

static int
read_period(struct meter_session *s, struct meter_config *c)
{
	struct mercury230_pointer p;
	struct rd r;
	int rc = mercury230_ask(s, &r, M230_PARAM, M230_ARGS(M230_POINTER));

	if (rc == E_OK)
		rc = mercury230_decode_pointer(&r, &p);
	if (rc == E_OK)
		c->period_min = p.period_min;
	return rc == E_UNSUPPORTED ? E_OK : rc;
}

static void
fill_config(struct meter_config *c, const struct mercury230_serial *serial, const uint8_t fw[3],
    const struct mercury230_variant *v)
{
	int a_minus = v->is_one_way ? 0 : 1, reactive = v->is_active_only ? 0 : 1;

	*c = (struct meter_config){
		.model = "Mercury23x",
		.is_dst = -1, .is_clock = 1, .is_tariff = v->has_internal_tariffs,
		.is_a_minus = (int8_t)a_minus, .is_r_plus = (int8_t)reactive,
		.is_r_minus = (int8_t)(a_minus & reactive),
		.profile_arrays = v->has_profile, .tariffs = 4, .relays = 1, .constant = v->constant,
		.day_depth = 2, .day_cons_depth = 1, .month_depth = 12, .month_cons_depth = 11,
	};
	if (v->has_profile)
		c->profile_depth = v->has_big_memory ? SLOT_COUNT_BIG : SLOT_COUNT;
	snprintf(c->serial, sizeof(c->serial), "%s", serial->text);
	snprintf(c->firmware, sizeof(c->firmware), "%u.%u.%u", fw[0], fw[1], fw[2]);
}

static bool
may_know_identity(const struct mercury230_memory *m)
{
	unsigned version = m->firmware[0] * 10000u + m->firmware[1] * 100u + m->firmware[2];

	return m->is_learned && version >= 20202;
}

int
mercury230_identify(struct meter_session *s, struct meter_config *c)
{
	struct mercury230_memory *m = mercury230_memory(s);
	struct mercury230_serial serial;
	struct mercury230_variant v;
	int rc = E_UNSUPPORTED;

	if (may_know_identity(m))
		rc = identify_at_once(s, &serial);
	if (rc == E_OK)
		rc = mercury230_learn(s, &v);
	else if (rc == E_UNSUPPORTED)
		rc = identify_in_steps(s, &serial, &v);
	if (rc < 0)
		return rc;
	fill_config(c, &serial, m->firmware, &v);
	rc = read_ratios(s, c);
	if (rc == E_OK && v.has_profile)
		rc = read_period(s, c);
	return rc;
}

static int
read_config(struct meter_session *s, struct sink *sink)
{
	struct meter_config config;
	struct record rec = { .type = REC_EL_CONFIG, .valid = true, .config = &config };
	int rc = mercury230_identify(s, &config);

	if (rc < 0)
		return rc;
	rec.ts = line_times(s->line).done_us / 1000000;
	return sink->put(sink, &rec);
}

/* ---- the family ---- */

static int
read_any(struct meter_session *s, const struct query *q, struct sink *sink)
{
	switch (q->type) {
	case REC_EL_CONFIG:
		return read_config(s, sink);
	case REC_EL_MOMENT_ENERGY:
	case REC_EL_DAY:
	case REC_EL_DAY_CONS:
	case REC_EL_MONTH:
	case REC_EL_MONTH_CONS:
		return mercury230_read_energy(s, q, sink);
	case REC_EL_MOMENT_QUALITY:
		return mercury230_read_quality(s, q, sink);
	case REC_EL_PROFILE:
		return mercury230_read_profile(s, q, sink);
	case REC_EL_JOURNAL:
		return mercury230_read_journal(s, q, sink);
	default:
		return E_UNSUPPORTED;
	}
}

static const uint16_t types[] = { 3, 0 };	/* Mercury23x */

const struct meter_family mercury230_family = {
	.name = "mercury230",
	.types = types,
	.settings = { .baud = 9600, .bits = 8, .parity = PARITY_NONE, .stop = 1 },
	/* Replies begin within 150 ms on a plain wire (2.1); converters add to it.  Long replies may
	 * pause for 25 ms inside. */
	.timing = { .answer_ms = 300, .gap_ms = 5, .lost_ms = 50, .tries = 3 },
	.soft_parity = SOFT_NONE,
	.measures = REC_BIT(REC_EL_CONFIG) | REC_BIT(REC_EL_MOMENT_ENERGY) |
	    REC_BIT(REC_EL_MOMENT_QUALITY) | REC_BIT(REC_EL_DAY) | REC_BIT(REC_EL_DAY_CONS) |
	    REC_BIT(REC_EL_MONTH) | REC_BIT(REC_EL_MONTH_CONS) | REC_BIT(REC_EL_PROFILE) |
	    REC_BIT(REC_EL_JOURNAL),
	.journals = M230_JOURNAL_MASK,
	.clock_soft_max_s = 240,
	.clock_slews = true,
	.clock_frame = 8,
	.idle_ms = 15000,
	.memory_version = MERCURY230_MEMORY_VERSION,
	.open = mercury230_open,
	.read = read_any,
	.clock_get = mercury230_clock_get,
	.clock_correct = mercury230_clock_correct,
	.clock_set = mercury230_clock_set,
	.relay_get = relay_get,
	.relay_set = relay_set,
	.identify = mercury230_identify,
	.close = mercury230_close,
};
