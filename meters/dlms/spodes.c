/* The family of СПОДЭС meters: its table, identity, clock and relay (10.1, 15, 16, 19). */
#include "meters/dlms/spodes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SECOND_US = 1000000, SHIFT_MOST_S = 900, SHIFT_METHOD = 6, RELAY_NUMBER = 1 };
enum { RELAY_OFF_METHOD = 1, RELAY_ON_METHOD = 2, RELAY_STATE = 3, RELAY_MODE = 4 };
enum { STATE_ON = 1, STATE_READY = 2 };

static const struct cosem clock_time = { CLASS_CLOCK, { 0, 0, 1, 0, 0, 255 }, 2 };
static const uint8_t integer_0[] = { AXDR_I8, 0 };

/* ---- identity (10.1) ---- */

enum passport { SERIAL, TYPE_NAME, FIRMWARE, OTHER_FIRMWARE, DEVICE_NAME, RATIO_I, RATIO_U, CONSTANT,
	SUMMER_ENABLED, RELAY, PASSPORT };
static const struct cosem passport[PASSPORT] = {
	[SERIAL] = { CLASS_DATA, { 0, 0, 96, 1, 0, 255 }, 2 },
	[TYPE_NAME] = { CLASS_DATA, { 0, 0, 96, 1, 1, 255 }, 2 },
	[FIRMWARE] = { CLASS_DATA, { 0, 0, 96, 1, 2, 255 }, 2 },
	[OTHER_FIRMWARE] = { CLASS_DATA, { 0, 0, 96, 1, 8, 255 }, 2 },
	[DEVICE_NAME] = { CLASS_DATA, { 0, 0, 42, 0, 0, 255 }, 2 },
	[RATIO_I] = { CLASS_DATA, { 1, 0, 0, 4, 2, 255 }, 2 },
	[RATIO_U] = { CLASS_DATA, { 1, 0, 0, 4, 3, 255 }, 2 },
	[CONSTANT] = { CLASS_REGISTER, { 1, 0, 0, 3, 0, 255 }, 2 },
	[SUMMER_ENABLED] = { CLASS_CLOCK, { 0, 0, 1, 0, 0, 255 }, 8 },
	[RELAY] = { CLASS_DISCONNECT, { 0, 0, 96, 3, 10, 255 }, RELAY_MODE },
};

struct identity {
	struct meter_config *c;
	char firmware[2][24], device_name[32];
};

static int
take_passport(void *arg, size_t i, int result, struct axdr *value)
{
	struct identity *id = arg;
	struct axdr_value v;
	int64_t n = -1;

	(void)result;
	if (value == NULL || axdr_next(value, &v) < 0)
		return E_OK;
	(void)axdr_int(&v, &n);
	switch ((enum passport)i) {
	case SERIAL:
		(void)cosem_text(&v, id->c->serial, sizeof(id->c->serial));
		break;
	case TYPE_NAME:
		(void)cosem_text(&v, id->c->model, sizeof(id->c->model));
		break;
	case FIRMWARE: case OTHER_FIRMWARE:
		(void)cosem_text(&v, id->firmware[i - FIRMWARE], sizeof(id->firmware[0]));
		break;
	case DEVICE_NAME:
		(void)cosem_text(&v, id->device_name, sizeof(id->device_name));
		break;
	case RATIO_I:
		id->c->ratio_i = n > 0 && n <= UINT32_MAX ? (uint32_t)n : 0;
		break;
	case RATIO_U:
		id->c->ratio_u = n > 0 && n <= UINT32_MAX ? (uint32_t)n : 0;
		break;
	case CONSTANT:
		id->c->constant = n > 0 && n <= UINT32_MAX ? (uint32_t)n : 0;
		break;
	case SUMMER_ENABLED:
		id->c->is_dst = n < 0 ? -1 : n != 0;
		break;
	case RELAY:
		id->c->relays = n > 0;
		break;
	case PASSPORT:
		break;
	}
	return E_OK;
}

static uint32_t
digest(const char *a, const char *b)
{
	uint32_t h = UINT32_C(2166136261);

	for (; *a != '\0'; a++)
		h = (h ^ (uint8_t)*a) * UINT32_C(16777619);
	for (h = h * 31 + 1; *b != '\0'; b++)
		h = (h ^ (uint8_t)*b) * UINT32_C(16777619);
	return h == 0 ? 1 : h;
}

/* Other firmware may have other columns; journals and counters stay where they are. */
static void
check_firmware(struct meter_session *s, const struct identity *id)
{
	struct spodes_memory *m = spodes_memory(s);
	uint32_t now = digest(id->firmware[0], id->firmware[1]);

	if (m->firmware != 0 && m->firmware != now) {
		m->load = m->day = m->month = m->moment = (struct spodes_profile){ 0 };
		memset(m->logs, 0, sizeof(m->logs));
		m->facts &= (uint8_t) ~(FACT_NO_LIST | FACT_LESS | FACT_RANGE_GOOD | FACT_COPY_DEV);
	}
	m->firmware = now;
}

static int
take_depth(void *arg, size_t i, int result, struct axdr *value)
{
	struct meter_config *c = arg;
	uint32_t *const to[] = { &c->profile_depth, &c->day_depth, &c->month_depth };
	struct axdr_value v;
	int64_t n;

	(void)result;
	if (value != NULL && axdr_next(value, &v) == E_OK && axdr_int(&v, &n) && n > 0 &&
	    n <= INT32_MAX)
		*to[i] = (uint32_t)n;
	return E_OK;
}

static bool
has_energy(const struct spodes_columns *c, unsigned slot)
{
	return spodes_column(c, (uint8_t)(WHAT_ENERGY + slot)) >= 0;
}

/* What the columns tell of the meter.  E_OK where it has no such profile. */
static int
describe(struct meter_session *s, struct meter_config *c)
{
	const struct cosem entries[] = {
		spodes_profile_object(PROFILE_LOAD, 8), spodes_profile_object(PROFILE_DAY, 8),
		spodes_profile_object(PROFILE_MONTH, 8),
	};
	struct spodes_columns columns;
	int rc = spodes_columns(s, PROFILE_LOAD, &columns);

	if (rc == E_OK) {
		c->profile_arrays = 1;
		c->period_min = (uint16_t)(columns.period_s / 60);
	}
	if (rc == E_OK || rc == E_UNSUPPORTED)
		rc = spodes_columns(s, PROFILE_DAY, &columns);
	if (rc == E_OK) {
		c->is_a_minus = has_energy(&columns, energy_slot(0, A_MINUS));
		c->is_r_plus = has_energy(&columns, energy_slot(0, R_PLUS));
		c->is_r_minus = has_energy(&columns, energy_slot(0, R_MINUS));
		for (unsigned t = 1; t <= TARIFFS; t++)
			if (has_energy(&columns, energy_slot(t, A_PLUS)))
				c->tariffs = (uint8_t)t;
		c->is_tariff = c->tariffs > 0;
	}
	if (rc < 0 && rc != E_UNSUPPORTED)
		return rc;
	return spodes_get_many(s, entries, sizeof(entries) / sizeof(*entries), take_depth, c);
}

int
spodes_identify(struct meter_session *s, struct meter_config *c)
{
	struct identity id = { .c = c };
	int rc;

	*c = (struct meter_config){
		.is_dst = -1, .is_clock = 1, .is_tariff = -1, .is_a_minus = -1, .is_r_plus = -1,
		.is_r_minus = -1,
	};
	rc = spodes_get_many(s, passport, PASSPORT, take_passport, &id);
	if (rc < 0)
		return rc;
	/* The public client is told the device name only. */
	if (c->serial[0] == '\0')
		memcpy(c->serial, id.device_name, sizeof(c->serial));
	if (c->serial[0] == '\0')
		return E_UNSUPPORTED;
	if (c->model[0] == '\0')
		snprintf(c->model, sizeof(c->model), "SPODES");
	memcpy(c->firmware, id.firmware[0], sizeof(c->firmware));
	check_firmware(s, &id);
	return describe(s, c);
}

static int
read_config(struct meter_session *s, struct sink *sink)
{
	struct meter_config config;
	struct record rec = { .type = REC_EL_CONFIG, .valid = true, .config = &config };
	int rc = spodes_identify(s, &config);

	if (rc < 0)
		return rc;
	rec.ts = line_times(s->line).done_us / SECOND_US;
	return sink->put(sink, &rec);
}

/* ---- clock (15) ---- */

static int
read_clock(struct meter_session *s, struct cosem_time *t)
{
	struct spodes_memory *m = spodes_memory(s);
	struct octets data;
	struct axdr_value v;
	struct axdr a;
	int rc = spodes_get(s, &clock_time, (struct octets){ NULL, 0 }, &data);

	if (rc < 0)
		return rc;
	a = axdr_init(data.p, data.len);
	if (axdr_next(&a, &v) < 0 || cosem_time_of(&v, t) < 0)
		return E_METER; /* the clock shows no date there is */
	m->deviation = t->deviation;
	m->status = t->status;
	m->facts |= FACT_CLOCK;
	return E_OK;
}

int
spodes_clock_get(struct meter_session *s, int64_t *utc)
{
	struct cosem_time t;
	int rc = read_clock(s, &t);

	if (rc == E_OK)
		*utc = cosem_time_utc(&t, s->zone);
	return rc;
}

/* By shifting: the clock is read again first, so that asking twice does not shift twice. */
int
spodes_clock_correct(struct meter_session *s, int64_t utc)
{
	const struct cosem shift = { CLASS_CLOCK, { 0, 0, 1, 0, 0, 255 }, SHIFT_METHOD };
	struct exchange_times times;
	uint8_t buf[4];
	struct wr w = wr_init(buf, sizeof(buf));
	int64_t meter_utc = 0, meter_us, ahead_us, by_us;
	int rc = spodes_clock_get(s, &meter_utc);

	if (rc < 0)
		return rc;
	times = line_times(s->line);
	/* Whole seconds are cut off: half a second more is the mean. */
	meter_us = meter_utc * SECOND_US + SECOND_US / 2;
	ahead_us = meter_us - (times.sent_us + times.first_us) / 2;
	by_us = utc * SECOND_US - times.sent_us - ahead_us;
	by_us = (by_us >= 0 ? by_us + SECOND_US / 2 : by_us - SECOND_US / 2) / SECOND_US;
	if (by_us == 0)
		return E_OK;
	if (llabs(by_us) > SHIFT_MOST_S)
		return E_REFUSED;
	axdr_put_i16(&w, (int16_t)by_us);
	rc = spodes_action(s, &shift, (struct octets){ buf, w.len });
	/* One a day is usual: access is then refused, or it fails (15). */
	return rc == E_METER || rc == E_UNSUPPORTED ? E_REFUSED : rc;
}

int
spodes_clock_set(struct meter_session *s, int64_t utc)
{
	struct cosem_time now, t = cosem_time_at(s->zone, utc);
	uint8_t buf[16];
	struct wr w = wr_init(buf, sizeof(buf));
	int rc = read_clock(s, &now);

	if (rc < 0 && rc != E_METER)
		return rc;
	/* Deviation and status as the meter itself reports them (8.4). */
	if (rc == E_OK) {
		t.deviation = now.deviation;
		t.status = now.status == COSEM_NO_STATUS ? COSEM_NO_STATUS : t.status;
	}
	wr_u8(&w, AXDR_OCTETS);
	wr_u8(&w, COSEM_TIME_LEN);
	cosem_put_time(&w, &t);
	rc = spodes_set(s, &clock_time, (struct octets){ buf, w.len });
	return rc == E_UNSUPPORTED ? E_REFUSED : rc;
}

/* ---- relay (16) ---- */

static struct cosem
relay(int index)
{
	return COSEM(CLASS_DISCONNECT, 0, 0, 96, 3, 10, (int8_t)index);
}

int
spodes_relay_get(struct meter_session *s, unsigned number, bool *on)
{
	const struct cosem state = relay(RELAY_STATE);
	int64_t n;
	int rc;

	if (number != RELAY_NUMBER)
		return E_UNSUPPORTED;
	rc = spodes_number(s, &state, &n);
	if (rc == E_OK)
		*on = n == STATE_ON;
	return rc;
}

/* A meter that waits for its button has been permitted, not switched on. */
int
spodes_relay_set(struct meter_session *s, unsigned number, bool on)
{
	const struct cosem method = relay(on ? RELAY_ON_METHOD : RELAY_OFF_METHOD);
	const struct cosem mode = relay(RELAY_MODE), state = relay(RELAY_STATE);
	int64_t n;
	int rc;

	if (number != RELAY_NUMBER)
		return E_UNSUPPORTED;
	rc = spodes_number(s, &mode, &n);
	if (rc == E_OK && n == 0)
		return E_UNSUPPORTED; /* its relay cannot be controlled */
	if (rc < 0 && rc != E_UNSUPPORTED)
		return rc;
	rc = spodes_action(s, &method, (struct octets){ integer_0, sizeof(integer_0) });
	if (rc == E_OK && on && spodes_number(s, &state, &n) == E_OK && n == STATE_READY)
		return E_REFUSED;
	return rc;
}

/* ---- the family ---- */

static int
read_any(struct meter_session *s, const struct query *q, struct sink *sink)
{
	switch (q->type) {
	case REC_EL_CONFIG:
		return read_config(s, sink);
	case REC_EL_MOMENT_ENERGY:
		return spodes_read_energy(s, q, sink);
	case REC_EL_MOMENT_QUALITY:
		return spodes_read_quality(s, q, sink);
	case REC_EL_DAY:
	case REC_EL_MONTH:
		return spodes_read_archive(s, q, sink);
	case REC_EL_PROFILE:
		return spodes_read_profile(s, q, sink);
	case REC_EL_JOURNAL:
		return spodes_read_journal(s, q, sink);
	default:
		return E_UNSUPPORTED;
	}
}

static int
check_address(const char *text)
{
	struct spodes_options o;

	return spodes_options(&o, 0, text);
}

static const uint16_t types[] = { 36, 0 };	/* SPODES */

/* journal_bit() as a constant expression: codes 1..42, 101..103, 199 are bits 0..45. */
#define JOURNAL_BIT(code) \
	(UINT64_C(1) << ((code) <= 42 ? (code) - 1 : (code) <= 103 ? (code) - 59 : 45))
#define JOURNAL_OR(code, log) JOURNAL_BIT(code) |

const struct meter_family spodes_family = {
	.name = "spodes",
	.types = types,
	.settings = { .baud = 9600, .bits = 8, .parity = PARITY_NONE, .stop = 1 },
	/* Searching the flash takes seconds: the client asks again for what is ready (2). */
	.timing = { .answer_ms = 1500, .gap_ms = 5, .lost_ms = 200, .tries = 3 },
	.soft_parity = SOFT_NONE,
	.measures = REC_BIT(REC_EL_CONFIG) | REC_BIT(REC_EL_MOMENT_ENERGY) |
	    REC_BIT(REC_EL_MOMENT_QUALITY) | REC_BIT(REC_EL_DAY) | REC_BIT(REC_EL_MONTH) |
	    REC_BIT(REC_EL_PROFILE) | REC_BIT(REC_EL_JOURNAL),
	.journals = SPODES_JOURNALS(JOURNAL_OR) 0,
	.clock_soft_max_s = SHIFT_MOST_S,
	.clock_frame = 28,	/* the reading of the clock, which comes first */
	.must_close = true,
	.memory_version = SPODES_MEMORY_VERSION,
	.check_address = check_address,
	.open = spodes_open,
	.read = read_any,
	.clock_get = spodes_clock_get,
	.clock_correct = spodes_clock_correct,
	.clock_set = spodes_clock_set,
	.relay_get = spodes_relay_get,
	.relay_set = spodes_relay_set,
	.identify = spodes_identify,
	.calendar_get = spodes_calendar_get,
	.calendar_set = spodes_calendar_set,
	.close = spodes_close,
};
