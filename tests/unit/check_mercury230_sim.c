/* The family against simulated meters of several firmwares: every record it emits is compared with
 * what the simulated customer really consumed. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/line_private.h"
#include "meters/meters.h"
#include "sim/street.h"
#include "src/base/clock.h"
#include "src/base/cursor.h"
#include "tests/unit/unit.h"

/* 14 May 2024 10:15:00 local time (UTC+3). */
#define LOCAL (INT64_C(19857) * 86400 + 36900)
enum { ZONE_S = 10800, RECORDS_MAX = 9000, SLOT_S = 1800, MONO_STEP_US = 50 };

/* ---- a wire to one simulated meter, in time that moves only when it is looked at ---- */

static int64_t mono_us, utc_base_us;
static struct sim_street *street;
static struct sim_meter *meter;
static struct line *line;
static struct meter_session session;
static uint8_t answer[SIM_ANSWER_MAX];
static struct rd waiting;
static unsigned silences, exchanges;	/* silences: answers still to be swallowed */

static int64_t fake_mono(void) { return mono_us += MONO_STEP_US; }
static int64_t fake_utc(void) { return utc_base_us + mono_us; }
static const struct clock_source fake_clock = { fake_utc, fake_mono };

static int
wire_open(struct line *l)
{
	(void)l;
	return E_OK;
}

static void
wire_nothing(struct line *l)
{
	(void)l;
}

static int
wire_configure(struct line *l, const struct line_settings *settings)
{
	(void)l;
	(void)settings;
	return E_OK;
}

static int
wire_write(struct line *l, const uint8_t *tx, size_t n)
{
	size_t len = sim_meter_answer(meter, clock_utc_us(), tx, n, answer);

	(void)l;
	exchanges++;
	if (silences > 0) {
		silences--;
		len = 0;
	}
	waiting = rd_init(answer, len);
	return E_OK;
}

static int
wire_wait_wake(struct line *l, int64_t until_us)
{
	(void)l;
	if (until_us > mono_us && until_us < mono_us + 60000000)
		mono_us = until_us;
	return WAIT_TIME;
}

static int
wire_wait(struct line *l, int64_t until_us)
{
	return rd_left(&waiting) > 0 ? WAIT_READY : wire_wait_wake(l, until_us);
}

static int
wire_read(struct line *l, uint8_t *bytes, size_t size, size_t *n)
{
	(void)l;
	*n = rd_left(&waiting) < size ? rd_left(&waiting) : size;
	rd_bytes(&waiting, bytes, *n);
	return E_OK;
}

static const struct line_backend wire = {
	.answer_ms = 300, .gap_min_ms = 5,
	.open = wire_open, .shut = wire_nothing, .free = wire_nothing, .configure = wire_configure,
	.write = wire_write, .wait = wire_wait, .wait_wake = wire_wait_wake, .read = wire_read,
};

/* ---- fixture ---- */

static void
stop(void)
{
	line_close(line);
	line = NULL;
	sim_street_free(street);
	street = NULL;
	clock_replace(NULL);
}

static void
start(const char *keys)
{
	const struct line_options wire_options = { .name = "sim", .echo = ECHO_OFF };
	struct sim_options options = { .unpaced = true };
	char text[1000], why[200] = "";
	json_t *root;

	stop();
	mono_us = 1000000;
	utc_base_us = (LOCAL - ZONE_S) * 1000000 - mono_us;
	clock_replace(&fake_clock);
	snprintf(text, sizeof(text),
	    "{\"tz_min\":180,\"buses\":[{\"name\":\"b\",\"pty\":true,\"meters\":["
	    "{\"address\":5,\"serial\":\"12345678\",%s}]}]}",
	    keys);
	root = json_loads(text, 0, NULL);
	ck_assert_ptr_nonnull(root);
	street = sim_street_parse(root, &options, clock_utc_us(), why, sizeof(why));
	ck_assert_msg(street != NULL, "%s", why);
	json_decref(root);
	meter = &street->buses[0].meters[0];
	ck_assert_int_eq(line_new(&line, &wire, &wire_options), E_OK);
	ck_assert_int_eq(
	    line_configure(line, &mercury230_family.settings, &mercury230_family.timing, SOFT_NONE),
	    E_OK);
	memset(&session, 0, sizeof(session));
	session.line = line;
	session.zone = (struct zone){ ZONE_S, false };
	session.address = 5;
	session.type = 3;
	session.password_read_len = session.password_write_len = 6;
	memset(session.password_read, 1, 6);
	memset(session.password_write, 2, 6);
	silences = exchanges = 0;
	ck_assert_int_eq(mercury230_family.open(&session), E_OK);
}

static int64_t
local_now(void)
{
	return sim_meter_time(meter, clock_utc_us());
}

/* ---- a sink ---- */

static struct record records[RECORDS_MAX];
static unsigned n_records;

static int
keep(struct sink *sink, const struct record *r)
{
	(void)sink;
	ck_assert_uint_lt(n_records, RECORDS_MAX);
	records[n_records++] = *r;
	return E_OK;
}

static struct sink sink = { keep };

/* Reads labels given in local seconds. */
static int
read_range(enum record_type type, int64_t from, int64_t to)
{
	const struct query q = { .type = type, .from = from - ZONE_S, .to = to - ZONE_S };

	n_records = 0;
	return mercury230_family.read(&session, &q, &sink);
}

/* ---- the models ---- */

static const char *const models[] = {
	"\"type\":\"mercury230\"",
	"\"type\":\"mercury230-217\"",
	"\"type\":\"mercury230-217\",\"unsupported\":\"silence\"",
	"\"type\":\"mercury230-old\"",
	"\"type\":\"mercury230-old\",\"unsupported\":\"silence\"",
	"\"type\":\"mercury234\"",
	"\"type\":\"mercury234\",\"losses\":true,\"ring_overflow\":true,\"relative_read\":false",
	"\"type\":\"mercury236\"",
	"\"type\":\"mercury230\",\"ring\":8192",
};
enum { MODELS = sizeof(models) / sizeof(models[0]) };

/* ---- energy ---- */

static void
check_energy(const struct record *r, int64_t local, bool in_half_pulses)
{
	for (unsigned t = 0; t <= 4; t++)
		for (unsigned k = 0; k < 4; k++) {
			unsigned slot = energy_slot(t, (enum energy_kind)k);
			int64_t n = (int64_t)sim_counter(&meter->load, (enum sim_kind)k, t, local);

			ck_assert_int_eq(record_has(r, slot), meter->kinds[k]);
			if (meter->kinds[k])
				ck_assert_int_eq(r->v[slot], in_half_pulses ? n * 500 : n / 2 * 1000);
		}
}

START_TEST(moment_energy_is_what_was_consumed)
{
	start(models[_i]);
	for (int round = 0; round < 2; round++) {
		ck_assert_int_eq(read_range(REC_EL_MOMENT_ENERGY, 0, 0), E_OK);
		ck_assert_uint_eq(n_records, 1);
		ck_assert_int_eq(records[0].ts, clock_utc());
		check_energy(&records[0], records[0].ts + ZONE_S, false);
	}
}
END_TEST

START_TEST(days_are_today_and_yesterday_of_the_meter)
{
	int64_t today = LOCAL / 86400 * 86400;
	bool old;

	start(models[_i]);
	old = !meter->u.mercury.arrays;
	for (int round = 0; round < 2; round++) {
		exchanges = 0;
		ck_assert_int_eq(read_range(REC_EL_DAY, today - 10 * 86400, today + 86400), E_OK);
		ck_assert_uint_eq(n_records, 2);
		ck_assert_int_eq(records[0].ts, today - 86400 - ZONE_S);
		ck_assert_int_eq(records[1].ts, today - ZONE_S);
		check_energy(&records[0], today - 86400, old);
		check_energy(&records[1], today, old);
	}
	/* Nothing is probed the second time. */
	ck_assert_uint_le(exchanges, old ? 10 : 2);
	ck_assert_uint_eq(meter->counters.bad_reads, 0);
}
END_TEST

START_TEST(months_are_the_last_twelve)
{
	int64_t may = civil_days(2024, 5, 1) * 86400;

	start(models[_i]);
	ck_assert_int_eq(read_range(REC_EL_MONTH, 0, may + 31 * 86400), E_OK);
	ck_assert_uint_eq(n_records, 12);
	for (int i = 0; i < 12; i++) {
		int64_t label = sim_month_start(may, i - 11);

		ck_assert_int_eq(records[i].ts, label - ZONE_S);
		check_energy(&records[i], label, !meter->u.mercury.arrays);
	}
	ck_assert_uint_eq(meter->counters.bad_reads, 0);
}
END_TEST

START_TEST(consumption_of_yesterday_and_of_past_months)
{
	int64_t today = LOCAL / 86400 * 86400, may = civil_days(2024, 5, 1) * 86400;
	const struct sim_load *load;

	start(models[_i]);
	load = &meter->load;
	ck_assert_int_eq(read_range(REC_EL_DAY_CONS, 0, today), E_OK);
	ck_assert_uint_eq(n_records, 1);
	ck_assert_int_eq(records[0].ts, today - 86400 - ZONE_S);
	ck_assert_int_eq(records[0].v[0],
	    (int64_t)(sim_counter(load, SIM_A_PLUS, 0, today) / 2 -
		sim_counter(load, SIM_A_PLUS, 0, today - 86400) / 2) *
		1000);
	ck_assert_int_eq(read_range(REC_EL_MONTH_CONS, 0, may), E_OK);
	ck_assert_uint_eq(n_records, 11);
	for (int i = 0; i < 11; i++) {
		int64_t from = sim_month_start(may, i - 11), to = sim_month_start(may, i - 10);

		ck_assert_int_eq(records[i].ts, from - ZONE_S);
		ck_assert_int_eq(records[i].v[0],
		    (int64_t)(sim_counter(load, SIM_A_PLUS, 0, to) / 2 -
			sim_counter(load, SIM_A_PLUS, 0, from) / 2) *
			1000);
	}
}
END_TEST

START_TEST(nothing_is_labelled_around_midnight)
{
	int64_t today = LOCAL / 86400 * 86400;

	start(models[0]);
	utc_base_us += (today + 86400 - 5 - LOCAL) * 1000000;
	ck_assert_int_eq(read_range(REC_EL_DAY, today, today), E_BUSY);
	ck_assert_uint_eq(n_records, 0);
	utc_base_us += 10 * 1000000;
	ck_assert_int_eq(read_range(REC_EL_DAY, today, today + 86400), E_BUSY);
	utc_base_us += 10 * 1000000;
	ck_assert_int_eq(read_range(REC_EL_DAY, today, today + 86400), E_OK);
	ck_assert_uint_eq(n_records, 2);
	check_energy(&records[1], today + 86400, false);
}
END_TEST

/* ---- quality ---- */

START_TEST(quality_is_the_same_by_every_way_of_asking)
{
	struct sim_instant now;
	const struct record *r = &records[0];

	start(models[_i]);
	ck_assert_int_eq(read_range(REC_EL_MOMENT_QUALITY, 0, 0), E_OK);
	ck_assert_int_eq(read_range(REC_EL_MOMENT_QUALITY, 0, 0), E_OK);
	ck_assert_uint_eq(n_records, 1);
	sim_instant(meter, local_now(), &now);
	ck_assert_int_eq(r->v[Q_UA], now.u[0] * 10);
	ck_assert_int_eq(r->v[Q_UC], now.u[2] * 10);
	ck_assert_int_eq(r->v[Q_IB], now.i[1]);
	ck_assert_int_eq(r->v[Q_PS], (now.p_reverse ? -10 : 10) * now.p[0]);
	ck_assert_int_eq(r->v[Q_QB], (now.q_reverse ? -10 : 10) * now.q[2]);
	ck_assert_int_eq(r->v[Q_SC], 10 * now.s[3]);
	ck_assert_int_eq(r->v[Q_ANG_AB], 10 * now.angle[0]);
	ck_assert_int_eq(r->v[Q_ANG_AC], 10 * now.angle[1]);
	ck_assert_int_eq(r->v[Q_ANG_BC], 10 * now.angle[2]);
	ck_assert_int_eq(r->v[Q_KPA], (now.p_reverse ? -1 : 1) * now.cosine[1]);
	ck_assert_int_eq(r->v[Q_FREQ], 10 * now.frequency);
	ck_assert_uint_eq(r->present, (UINT64_C(1) << QUALITY_SLOTS) - 1);
}
END_TEST

START_TEST(a_single_phase_meter_has_no_other_phases)
{
	const uint64_t wanted = UINT64_C(1) << Q_UA | UINT64_C(1) << Q_IA | UINT64_C(1) << Q_PS |
	    UINT64_C(1) << Q_PA | UINT64_C(1) << Q_QS | UINT64_C(1) << Q_QA | UINT64_C(1) << Q_SS |
	    UINT64_C(1) << Q_SA | UINT64_C(1) << Q_KPS | UINT64_C(1) << Q_KPA | UINT64_C(1) << Q_FREQ;

	start("\"type\":\"mercury234\",\"single_phase\":true");
	ck_assert_int_eq(read_range(REC_EL_MOMENT_QUALITY, 0, 0), E_OK);
	ck_assert_uint_eq(records[0].present, wanted);
	start("\"type\":\"mercury230-217\",\"single_phase\":true");
	ck_assert_int_eq(read_range(REC_EL_MOMENT_QUALITY, 0, 0), E_OK);
	ck_assert_uint_eq(records[0].present, wanted);
}
END_TEST

/* ---- profile ---- */

static void
check_slices(int64_t first, int64_t last)
{
	ck_assert_uint_eq(n_records, (unsigned)((last - first) / SLOT_S + 1));
	for (unsigned i = 0; i < n_records; i++) {
		const struct record *r = &records[i];
		int64_t end = first + i * SLOT_S;
		int64_t off = sim_off_seconds(&meter->load, end - SLOT_S, end);

		ck_assert_int_eq(r->ts, end - ZONE_S);
		ck_assert_uint_eq(r->period_min, 30);
		if (off == SLOT_S || end <= meter->load.history_from) {
			ck_assert_uint_eq(r->flags, PROFILE_PARTIAL);
			ck_assert_uint_eq(r->present, 0);
			continue;
		}
		ck_assert_uint_eq(r->flags & ~PROFILE_OVERFLOW,
		    off > 0 ? PROFILE_MEASURED | PROFILE_PARTIAL : PROFILE_MEASURED);
		for (unsigned k = 0; k < 4; k++) {
			ck_assert_int_eq(record_has(r, k), meter->kinds[k]);
			if (meter->kinds[k]) /* half-pulses of 0.5 Wh in half an hour: watts */
				ck_assert_int_eq(r->v[k],
				    sim_slot(&meter->load, (enum sim_kind)k, end) * 1000);
		}
	}
}

START_TEST(a_week_of_profile_is_complete_and_exact)
{
	int64_t last = LOCAL / SLOT_S * SLOT_S, first = last - 7 * 48 * SLOT_S;

	start(models[_i]);
	ck_assert_int_eq(read_range(REC_EL_PROFILE, first, last), E_OK);
	check_slices(first, last);
	exchanges = 0;
	ck_assert_int_eq(read_range(REC_EL_PROFILE, first, last), E_OK);
	check_slices(first, last);
	if (meter->u.mercury.long_reads)
		ck_assert_uint_le(exchanges, 1 + 20 + 1);
	ck_assert_uint_eq(meter->counters.bad_reads, 0);
}
END_TEST

START_TEST(the_whole_ring_is_read_over_its_end)
{
	int64_t last = LOCAL / SLOT_S * SLOT_S;

	start(models[_i]);
	ck_assert_int_eq(read_range(REC_EL_PROFILE, 0, last + 86400), E_OK);
	check_slices(last - (meter->u.mercury.ring - 1) * (int64_t)SLOT_S, last);
	ck_assert_uint_eq(meter->counters.bad_reads, 0);
}
END_TEST

START_TEST(slices_without_supply_are_there_without_values)
{
	int64_t last = LOCAL / SLOT_S * SLOT_S, first = last - 3 * 48 * SLOT_S;

	start(models[_i]);
	ck_assert(sim_add_outage(&meter->load, last - 50000, last - 40000));
	ck_assert(sim_add_outage(&meter->load, last - 20300, last - 20000));
	ck_assert_int_eq(read_range(REC_EL_PROFILE, first, last), E_OK);
	check_slices(first, last);
}
END_TEST

START_TEST(one_new_slice_costs_one_exchange)
{
	int64_t last = LOCAL / SLOT_S * SLOT_S, utc;

	start(models[_i]);
	ck_assert_int_eq(read_range(REC_EL_PROFILE, last - SLOT_S, last), E_OK);
	for (int i = 0; i < 3; i++) {
		utc_base_us += SLOT_S * INT64_C(1000000);
		last += SLOT_S;
		ck_assert_int_eq(mercury230_family.open(&session), E_OK);
		ck_assert_int_eq(mercury230_family.clock_get(&session, &utc), E_OK);
		exchanges = 0;
		ck_assert_int_eq(read_range(REC_EL_PROFILE, last, last), E_OK);
		check_slices(last, last);
		/* The first time may find out that the short form is not known. */
		ck_assert_uint_le(exchanges, i == 0 ? 5 : 1);
	}
	/* Not formed yet. */
	ck_assert_int_eq(read_range(REC_EL_PROFILE, last + SLOT_S, last + SLOT_S), E_OK);
	ck_assert_uint_eq(n_records, 0);
	ck_assert_uint_eq(meter->counters.bad_reads, 0);
}
END_TEST

START_TEST(a_slice_is_found_after_a_long_absence)
{
	int64_t last = LOCAL / SLOT_S * SLOT_S + 200 * INT64_C(86400);

	start(models[_i]);
	ck_assert_int_eq(read_range(REC_EL_PROFILE, LOCAL - SLOT_S, LOCAL), E_OK);
	utc_base_us += 200 * INT64_C(86400) * 1000000;
	ck_assert_int_eq(read_range(REC_EL_PROFILE, last - 47 * SLOT_S, last), E_OK);
	check_slices(last - 47 * SLOT_S, last);
}
END_TEST

/* ---- journals ---- */

static int
read_journal(unsigned journal, int64_t from, const struct record *known)
{
	const struct query q = {
		.type = REC_EL_JOURNAL, .journal = (uint16_t)journal, .from = from, .known = known,
	};

	n_records = 0;
	return mercury230_family.read(&session, &q, &sink);
}

START_TEST(every_journal_is_read_or_known_to_be_missing)
{
	start(models[_i]);
	for (int i = 0; i < JOURNAL_COUNT; i++) {
		unsigned code = journal_codes[i];
		struct record known;
		int rc = read_journal(code, 0, NULL);

		ck_assert_msg(rc == E_OK || rc == E_UNSUPPORTED, "journal %u: %s", code,
		    uspd_errname(rc));
		if (!(mercury230_family.journals & journal_bit(code)))
			ck_assert_int_eq(rc, E_UNSUPPORTED);
		for (unsigned k = 0; k < n_records; k++) {
			ck_assert_uint_eq(records[k].journal, code);
			ck_assert(
			    record_has(&records[k], J_EVENT) && record_has(&records[k], J_EVENT_ID));
			ck_assert_int_le(records[k].ts, clock_utc());
			if (k > 0)
				ck_assert_int_ge(records[k].ts, records[k - 1].ts);
		}
		if (n_records == 0)
			continue;
		known = records[n_records - 1];
		exchanges = 0;
		ck_assert_int_eq(read_journal(code, 0, &known), E_OK);
		if (meter->u.mercury.last_form && code != J_LIM_E_TRF && code != J_TRF_CORR &&
		    code != J_OTHER)
			ck_assert_uint_eq(exchanges, 1);
	}
}
END_TEST

START_TEST(power_journal_has_both_ends_of_each_failure)
{
	int64_t day = LOCAL / 86400 * 86400;

	start(models[_i]);
	ck_assert(sim_add_outage(&meter->load, day + 100, day + 200));
	ck_assert(sim_add_outage(&meter->load, day + 3000, day + 4000));
	ck_assert_int_eq(read_journal(J_PWR, day - ZONE_S, NULL), E_OK);
	ck_assert_uint_eq(n_records, 4);
	for (int i = 0; i < 4; i++) {
		static const int at[4] = { 100, 200, 3000, 4000 };

		ck_assert_int_eq(records[i].ts, day + at[i] - ZONE_S);
		ck_assert_int_eq(records[i].v[J_EVENT], i % 2);
	}
}
END_TEST

START_TEST(a_power_quality_journal_is_read_a_hundred_deep)
{
	start("\"type\":\"mercury236\"");
	ck_assert_int_eq(read_journal(J_LIM_UA_MIN, 0, NULL), E_OK);
	ck_assert_uint_ge(n_records, 199);
	start("\"type\":\"mercury236\",\"long_reads\":false,\"unsupported\":\"silence\"");
	ck_assert_int_eq(read_journal(J_LIM_UA_MIN, 0, NULL), E_OK);
	ck_assert_uint_ge(n_records, 199);
	ck_assert_int_eq(read_journal(J_LIM_UA_MIN, clock_utc() - 4 * 86400, NULL), E_OK);
	ck_assert_uint_ge(n_records, 5);
	ck_assert_uint_le(n_records, 8);
}
END_TEST

/* ---- identity, clock, relay, session ---- */

START_TEST(identity_is_complete)
{
	struct meter_config c;

	start(models[_i]);
	for (int round = 0; round < 2; round++) {
		ck_assert_int_eq(mercury230_family.identify(&session, &c), E_OK);
		ck_assert_str_eq(c.serial, "12345678");
		ck_assert_int_eq(c.firmware[0] - '0', meter->u.mercury.fw[0]);
		ck_assert_uint_eq(c.constant, 1000);
		ck_assert_uint_eq(c.period_min, 30);
		ck_assert_uint_eq(c.ratio_i, 1);
		ck_assert_uint_eq(c.profile_depth, meter->u.mercury.ring);
		ck_assert_int_eq(c.is_a_minus, meter->kinds[SIM_A_MINUS]);
	}
}
END_TEST

START_TEST(new_firmware_is_asked_for_its_abilities_again)
{
	struct meter_config c;

	start("\"type\":\"mercury230-217\"");
	ck_assert_int_eq(read_range(REC_EL_MOMENT_ENERGY, 0, 0), E_OK);
	ck_assert_int_eq(mercury230_family.identify(&session, &c), E_OK);
	meter->u.mercury.fw[1] = 3;
	meter->u.mercury.long_reads = true;
	ck_assert_int_eq(mercury230_family.identify(&session, &c), E_OK);
	ck_assert_str_eq(c.firmware, "2.3.7");
	exchanges = 0;
	ck_assert_int_eq(read_range(REC_EL_MOMENT_ENERGY, 0, 0), E_OK);
	ck_assert_uint_eq(exchanges, 1);
}
END_TEST

START_TEST(clock_is_read_corrected_once_a_day_and_set)
{
	int64_t utc;

	start(models[_i]);
	ck_assert_int_eq(mercury230_family.clock_get(&session, &utc), E_OK);
	ck_assert_int_eq(utc, local_now() - ZONE_S);
	ck_assert_int_eq(mercury230_family.clock_correct(&session, clock_utc() + 1000), E_REFUSED);
	ck_assert_int_eq(mercury230_family.clock_correct(&session, clock_utc() + 60), E_OK);
	ck_assert_int_eq(mercury230_family.clock_correct(&session, clock_utc() + 120), E_REFUSED);
	utc_base_us += 200 * 1000000;
	ck_assert_int_ge(local_now() - ZONE_S - clock_utc(), 59);
	ck_assert_int_eq(mercury230_family.clock_set(&session, clock_utc() + 3600), E_OK);
	ck_assert_int_eq(mercury230_family.clock_get(&session, &utc), E_OK);
	ck_assert_int_eq((utc - clock_utc() + 1) / 10, 360);
}
END_TEST

START_TEST(relay_is_switched_with_the_write_password)
{
	bool on = false;

	start(models[_i]);
	session.writing = true;
	ck_assert_int_eq(mercury230_family.open(&session), E_OK);
	ck_assert_int_eq(mercury230_family.relay_set(&session, 1, false), E_OK);
	ck_assert_int_eq(mercury230_family.relay_get(&session, 1, &on), E_OK);
	ck_assert(!on);
	ck_assert_int_eq(mercury230_family.relay_set(&session, 1, true), E_OK);
	ck_assert_int_eq(mercury230_family.relay_get(&session, 1, &on), E_OK);
	ck_assert(on);
	ck_assert_int_eq(mercury230_family.relay_set(&session, 2, true), E_NOTFOUND);
	mercury230_family.close(&session);
	ck_assert_uint_eq(meter->u.mercury.level, 0);
}
END_TEST

START_TEST(a_closed_channel_is_opened_again_unseen)
{
	start(models[0]);
	meter->u.mercury.level = 0;
	ck_assert_int_eq(read_range(REC_EL_MOMENT_ENERGY, 0, 0), E_OK);
	ck_assert_uint_eq(n_records, 1);
}
END_TEST

START_TEST(the_other_notation_of_the_password_is_found_and_kept)
{
	start("\"type\":\"mercury230\"");
	memset(meter->u.mercury.pass[0], '1', 6);
	meter->u.mercury.level = 0;
	ck_assert_int_eq(mercury230_family.open(&session), E_OK);
	exchanges = 0;
	ck_assert_int_eq(mercury230_family.open(&session), E_OK);
	ck_assert_uint_eq(exchanges, 1);
	memset(meter->u.mercury.pass[0], '3', 6);
	ck_assert_int_eq(mercury230_family.open(&session), E_DENIED);
	ck_assert(!session.is_open);
}
END_TEST

START_TEST(lost_answers_are_not_taken_for_missing_abilities)
{
	int64_t today = LOCAL / 86400 * 86400;

	start("\"type\":\"mercury234\"");
	silences = 1;
	ck_assert_int_eq(read_range(REC_EL_MOMENT_ENERGY, 0, 0), E_OK);
	silences = 100;
	ck_assert_int_eq(read_range(REC_EL_DAY, today, today), E_TIMEOUT);
	silences = 0;
	exchanges = 0;
	ck_assert_int_eq(read_range(REC_EL_MOMENT_ENERGY, 0, 0), E_OK);
	ck_assert_uint_eq(exchanges, 2); /* log-in, all tariffs at once */
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("mercury230 and simulated meters");
	TCase *tc = tcase_create("models");

	tcase_set_timeout(tc, 30);
	tcase_add_unchecked_fixture(tc, NULL, stop);
	tcase_add_loop_test(tc, moment_energy_is_what_was_consumed, 0, MODELS);
	tcase_add_loop_test(tc, days_are_today_and_yesterday_of_the_meter, 0, MODELS);
	tcase_add_loop_test(tc, months_are_the_last_twelve, 0, MODELS);
	tcase_add_loop_test(tc, consumption_of_yesterday_and_of_past_months, 0, MODELS);
	tcase_add_test(tc, nothing_is_labelled_around_midnight);
	tcase_add_loop_test(tc, quality_is_the_same_by_every_way_of_asking, 0, MODELS);
	tcase_add_test(tc, a_single_phase_meter_has_no_other_phases);
	tcase_add_loop_test(tc, a_week_of_profile_is_complete_and_exact, 0, MODELS);
	tcase_add_loop_test(tc, the_whole_ring_is_read_over_its_end, 0, MODELS);
	tcase_add_loop_test(tc, slices_without_supply_are_there_without_values, 0, MODELS);
	tcase_add_loop_test(tc, one_new_slice_costs_one_exchange, 0, MODELS);
	tcase_add_loop_test(tc, a_slice_is_found_after_a_long_absence, 0, MODELS);
	tcase_add_loop_test(tc, every_journal_is_read_or_known_to_be_missing, 0, MODELS);
	tcase_add_loop_test(tc, power_journal_has_both_ends_of_each_failure, 0, MODELS);
	tcase_add_test(tc, a_power_quality_journal_is_read_a_hundred_deep);
	tcase_add_loop_test(tc, identity_is_complete, 0, MODELS);
	tcase_add_test(tc, new_firmware_is_asked_for_its_abilities_again);
	tcase_add_loop_test(tc, clock_is_read_corrected_once_a_day_and_set, 0, MODELS);
	tcase_add_loop_test(tc, relay_is_switched_with_the_write_password, 0, MODELS);
	tcase_add_test(tc, a_closed_channel_is_opened_again_unseen);
	tcase_add_test(tc, the_other_notation_of_the_password_is_found_and_kept);
	tcase_add_test(tc, lost_answers_are_not_taken_for_missing_abilities);
	suite_add_tcase(suite, tc);
	return unit_main(suite);
}
