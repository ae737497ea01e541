/* Энергомера CE301, CE303, CE102M with IEC 62056-21 firmware (meter-iec61107.md 3): the family
 * row, identification and the clock.  The session is in energomera_dialogue.c, what is read in
 * energomera_read.c, energomera_profile.c and energomera_journal.c. */
#include "meters/energomera.h"

#include <stdio.h>
#include <string.h>

#include "src/base/checksum.h"

/* 3.2: depths of the classic meters; the profile depth is read. */
enum { DAY_DEPTH = 44, MONTH_DEPTH = 12, MONTH_CONS_DEPTH = 13 };
/* SOH W1 STX TIME_(hh:mm:ss) ETX BCC */
enum { CLOCK_FRAME = 21 };
/* DATE_ follows TIME_ by up to two timeouts of the line: not so near the end of a day. */
enum { MIDNIGHT_GUARD_S = 15 };

static int
check_address(const char *text)
{
	size_t len = strlen(text);

	return len <= IEC_ADDRESS_MAX &&
		strspn(text, "0123456789 ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") == len ?
	    E_OK :
	    E_INVALID;
}

/* ---- identification ---- */

/* Copies a text parameter; what the meter does not tell stays "". */
static int
ask_text(struct meter_session *s, enum energomera_name name, char *to, size_t size)
{
	struct iec_text body, text;
	int rc = energomera_ask(s, name, "", &body);

	if (rc == E_OK)
		rc = energomera_text(body, energomera_name(name), &text);
	if (rc == E_OK)
		iec_text_copy(text, to, size);
	return energomera_is_link_trouble(rc) ? rc : E_OK;
}

/* A positive parameter rounded to a whole number; what the meter does not tell stays 0. */
static int
ask_whole(struct meter_session *s, enum energomera_name name, uint32_t most, uint32_t *to)
{
	struct energomera_values v;
	struct iec_text body;
	int rc = energomera_ask(s, name, "", &body);

	if (rc == E_OK && energomera_decimals(body, energomera_name(name), 0, &v) == E_OK &&
	    (v.present & 1) != 0 && v.v[0] >= 0 && v.v[0] <= most)
		*to = (uint32_t)v.v[0];
	return energomera_is_link_trouble(rc) ? rc : E_OK;
}

/* TRSUM: real meters answer digits, one implementation two binary bytes 00 00 or 00 01. */
static int
ask_season(struct meter_session *s, int8_t *is_dst)
{
	struct iec_text body, text;
	int rc = energomera_ask(s, EN_TRSUM, "", &body);

	if (rc == E_OK)
		rc = energomera_text(body, energomera_name(EN_TRSUM), &text);
	if (rc == E_OK && text.len > 0 && text.len <= 4) {
		*is_dst = 0;
		for (size_t i = 0; i < text.len; i++)
			if (text.p[i] != '0' && text.p[i] != 0)
				*is_dst = text.p[i] <= '9' ? 1 : -1;
	}
	return energomera_is_link_trouble(rc) ? rc : E_OK;
}

static bool
is_period(uint32_t minutes)
{
	return minutes >= 1 && minutes <= 60 && 60 % minutes == 0;
}

static int
ask_period(struct meter_session *s)
{
	struct energomera_memory *m = energomera_memory(s);
	uint32_t minutes = 0;
	int rc = ask_whole(s, EN_TAVER, 60, &minutes);

	if (rc == E_OK) {
		m->period_min = is_period(minutes) ? (uint8_t)minutes : 0;
		m->period_is_fresh = m->period_min > 0;
	}
	return rc;
}

int
energomera_period(struct meter_session *s, unsigned *minutes)
{
	struct energomera_memory *m = energomera_memory(s);
	int rc = m->period_is_fresh == 1 ? E_OK : ask_period(s);

	*minutes = m->period_min;
	return rc == E_OK && *minutes == 0 ? E_UNSUPPORTED : rc;
}

/* New firmware may know what the old one refused. */
static void
check_firmware(struct energomera_memory *m, const char *text)
{
	uint16_t crc = crc16_modbus((const uint8_t *)text, strlen(text));
	uint8_t bytes[2] = { (uint8_t)(crc & 0xFF), (uint8_t)(crc >> 8) };
	struct energomera_memory fresh = { .link = m->link, .model = m->model };

	if (text[0] == '\0' || memcmp(m->firmware, bytes, sizeof bytes) == 0)
		return;
	if (m->firmware[0] != 0 || m->firmware[1] != 0)
		*m = fresh;
	memcpy(m->firmware, bytes, sizeof bytes);
}

/* 1 kept, 0 not kept, -1 not asked yet. */
static int8_t
keeps_kind(struct meter_session *s, enum energy_kind kind)
{
	enum energomera_name name = (enum energomera_name)(EN_ET0 + kind);

	if ((energomera_model(s)->kinds >> kind & 1) == 0 || energomera_refuses(s, name))
		return 0;
	return energomera_knows(s, name) ? 1 : -1;
}

static void
describe(struct meter_session *s, struct meter_config *c, const char *number, uint32_t profile_days)
{
	const struct energomera_model *model = energomera_model(s);

	if (number[0] != '\0')
		snprintf(c->model, sizeof c->model, "%s %.16s", model->ident, number);
	else
		snprintf(c->model, sizeof c->model, "%s", model->ident);
	c->is_clock = 1;
	c->is_tariff = 1;
	c->is_a_minus = keeps_kind(s, A_MINUS);
	c->is_r_plus = keeps_kind(s, R_PLUS);
	c->is_r_minus = keeps_kind(s, R_MINUS);
	c->profile_arrays = 1;
	c->tariffs = ENERGOMERA_TARIFFS;
	c->period_min = energomera_memory(s)->period_min;
	c->profile_depth = c->period_min > 0 ? profile_days * 1440 / c->period_min : 0;
	c->day_depth = DAY_DEPTH;
	c->day_cons_depth = DAY_DEPTH;
	c->month_depth = MONTH_DEPTH;
	c->month_cons_depth = MONTH_CONS_DEPTH;
}

static int
identify(struct meter_session *s, struct meter_config *c)
{
	char number[sizeof c->model] = "";
	uint32_t profile_days = 0;
	int rc;

	*c = (struct meter_config){ .is_dst = -1, .is_clock = -1, .is_tariff = -1, .is_a_minus = -1,
		.is_r_plus = -1, .is_r_minus = -1 };
	if ((rc = ask_text(s, EN_SNUMB, c->serial, sizeof c->serial)) < 0 ||
	    (rc = ask_text(s, EN_MODEL, number, sizeof number)) < 0 ||
	    (rc = ask_text(s, EN_IDENT, c->firmware, sizeof c->firmware)) < 0)
		return rc;
	check_firmware(energomera_memory(s), c->firmware);
	if ((rc = ask_period(s)) < 0 ||
	    (rc = ask_whole(s, EN_NGRAP, 1000, &profile_days)) < 0 ||
	    (rc = ask_whole(s, EN_FCVOL, 1000000, &c->ratio_u)) < 0 ||
	    (rc = ask_whole(s, EN_FCCUR, 1000000, &c->ratio_i)) < 0 ||
	    (rc = ask_season(s, &c->is_dst)) < 0)
		return rc;
	describe(s, c, number, profile_days);
	return E_OK;
}

static int
read_config(struct meter_session *s, struct sink *sink)
{
	struct meter_config config;
	struct record r = { .type = REC_EL_CONFIG, .valid = true, .config = &config };
	int rc = identify(s, &config);

	r.ts = line_times(s->line).done_us / 1000000;
	return rc < 0 ? rc : sink->put(sink, &r);
}

/* ---- clock ---- */

static int
ask_clock_part(struct meter_session *s, enum energomera_name name,
    int (*parse)(struct iec_text, struct energomera_clock *), struct energomera_clock *clock)
{
	struct iec_text body, text;
	int rc = energomera_ask(s, name, "", &body);

	if (rc == E_OK)
		rc = energomera_text(body, energomera_name(name), &text);
	return rc == E_OK && parse(text, clock) < 0 ? E_INVALID : rc;
}

/* The time comes last: the moment of that exchange is what the caller compares with.  A time just
 * after midnight may belong to the day after the date, then both are read again. */
static int
ask_date_and_time(struct meter_session *s, struct energomera_clock *clock)
{
	int rc = E_OK;

	for (int attempt = 0; rc == E_OK && attempt < 2; attempt++) {
		rc = ask_clock_part(s, EN_DATE, energomera_date, clock);
		if (rc == E_OK)
			rc = ask_clock_part(s, EN_TIME, energomera_time, clock);
		if (rc == E_OK && (clock->at.hour > 0 || clock->at.minute > 0))
			break;
	}
	return rc;
}

static int
clock_get(struct meter_session *s, int64_t *utc)
{
	struct energomera_clock clock;
	int rc = E_UNSUPPORTED;

	memset(&clock, 0, sizeof clock);
	if (!energomera_refuses(s, EN_WATCH)) {
		rc = ask_clock_part(s, EN_WATCH, energomera_watch, &clock);
		/* Some answer any name with something: then WATCH is not the clock. */
		if (rc == E_INVALID)
			energomera_refuse(s, EN_WATCH);
	}
	if (rc == E_UNSUPPORTED || rc == E_INVALID || rc == E_NODATA)
		rc = ask_date_and_time(s, &clock);
	if (rc == E_OK)
		*utc = civil_to_utc(s->zone, &clock.at, clock.season);
	return rc == E_INVALID ? E_FRAME : rc;
}

/* CTIME rounds the meter's clock to a full minute and is done once a day; within the same limit
 * writing TIME_ says exactly what is wanted (3.4). */
static int
clock_correct(struct meter_session *s, int64_t utc)
{
	struct civil at = civil_from_utc(s->zone, utc);
	char text[ENERGOMERA_ARG];

	energomera_time_argument(text, &at);
	return energomera_write(s, EN_TIME, text);
}

static int
clock_set(struct meter_session *s, int64_t utc)
{
	struct civil at = civil_from_utc(s->zone, utc);
	char text[ENERGOMERA_ARG];
	int rc;

	if (day_add(s->zone, day_start(s->zone, utc), 1) - utc < MIDNIGHT_GUARD_S)
		return E_BUSY;
	rc = clock_correct(s, utc);
	if (rc < 0)
		return rc;
	energomera_date_argument(text, &at);
	return energomera_write(s, EN_DATE, text);
}

/* ---- the family ---- */

static int
energomera_read(struct meter_session *s, const struct query *q, struct sink *sink)
{
	switch (q->type) {
	case REC_EL_CONFIG:
		return read_config(s, sink);
	case REC_EL_MOMENT_ENERGY:
		return energomera_read_energy(s, sink);
	case REC_EL_MOMENT_QUALITY:
		return energomera_read_quality(s, sink);
	case REC_EL_DAY: case REC_EL_DAY_CONS: case REC_EL_MONTH: case REC_EL_MONTH_CONS:
		return energomera_read_archive(s, q, sink);
	case REC_EL_PROFILE:
		return energomera_read_profile(s, q, sink);
	case REC_EL_JOURNAL:
		return energomera_read_journal(s, q, sink);
	default:
		return E_UNSUPPORTED;
	}
}

/* Table 6 codes by journal_bit(): its bits are places in the ascending list of codes, which for
 * codes 1..42 is code - 1. */
#define CODE(code) (UINT64_C(1) << ((code) - 1))

const struct meter_family energomera_family = {
	.name = "energomera",
	.types = (const uint16_t[]){ 5, 6, 11, 0 },
	.settings = { .baud = 9600, .bits = 8, .parity = PARITY_NONE, .stop = 1 },
	.timing = { .answer_ms = 2200, .gap_ms = 20, .lost_ms = 500, .tries = 3 },
	.soft_parity = SOFT_EVEN,
	.measures = REC_BIT(REC_EL_CONFIG) | REC_BIT(REC_EL_MOMENT_ENERGY) |
	    REC_BIT(REC_EL_MOMENT_QUALITY) | REC_BIT(REC_EL_DAY) | REC_BIT(REC_EL_DAY_CONS) |
	    REC_BIT(REC_EL_MONTH) | REC_BIT(REC_EL_MONTH_CONS) | REC_BIT(REC_EL_PROFILE) |
	    REC_BIT(REC_EL_JOURNAL),
	.journals = CODE(J_PWR) | CODE(J_TIME_CORR) | CODE(J_RESET) | CODE(J_TRF_CORR) | CODE(J_OPEN) |
	    CODE(J_UNAUTH) | CODE(J_PWR_A) | CODE(J_PWR_B) | CODE(J_PWR_C) | CODE(J_PROG) |
	    CODE(J_LIM_UA_MAX) | CODE(J_LIM_UA_MIN) | CODE(J_LIM_UB_MAX) | CODE(J_LIM_UB_MIN) |
	    CODE(J_LIM_UC_MAX) | CODE(J_LIM_UC_MIN),
	.clock_soft_max_s = 29,
	.clock_frame = CLOCK_FRAME,
	.must_close = true,
	.idle_ms = 1000,
	.memory_version = 1,
	.check_address = check_address,
	.open = energomera_open,
	.read = energomera_read,
	.clock_get = clock_get,
	.clock_correct = clock_correct,
	.clock_set = clock_set,
	.identify = identify,
	.close = energomera_close,
};
