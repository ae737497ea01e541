/* Dialogue of the Меркурий 23x family over the scripted line: statuses, capabilities, odd archives.
 * Requests and answers are written without address and checksum, which are always the same. */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "meters/mercury230.h"
#include "src/base/checksum.h"
#include "tests/unit/unit.h"

enum { ADDRESS = 0x80, FRAME_SIZE = 264, STEPS_MAX = 64, RECORDS_MAX = 256, ZONE_S = 10800 };

struct talk { const char *tx, *rx; };	/* rx NULL: silence */

/* ---- fixture ---- */

static struct line *line;
static struct meter_session session;
static struct script_step steps[STEPS_MAX];
static uint8_t sent[STEPS_MAX][FRAME_SIZE], given[STEPS_MAX][FRAME_SIZE];
static size_t n_steps;
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

static size_t
frame(uint8_t *to, const char *hex)
{
	size_t n = 1;
	uint16_t crc;
	unsigned byte;

	to[0] = ADDRESS;
	for (; *hex != '\0'; hex += *hex == ' ' ? 1 : 2)
		if (*hex != ' ') {
			ck_assert_int_eq(sscanf(hex, "%2x", &byte), 1);
			ck_assert_uint_lt(n, FRAME_SIZE - 2);
			to[n++] = (uint8_t)byte;
		}
	crc = crc16_modbus(to, n);
	to[n] = (uint8_t)crc;
	to[n + 1] = (uint8_t)(crc >> 8);
	return n + 2;
}

static void
add_talk(const char *tx, const char *rx)
{
	ck_assert_uint_lt(n_steps, STEPS_MAX);
	steps[n_steps] = (struct script_step){ .tx = sent[n_steps], .rx = given[n_steps] };
	steps[n_steps].tx_len = frame(sent[n_steps], tx);
	if (rx != NULL)
		steps[n_steps].rx_len = frame(given[n_steps], rx);
	n_steps++;
}

/* A session that is open, with a meter of which nothing is known yet. */
static void
begin(const struct talk *talks, size_t n)
{
	n_steps = 0;
	n_records = 0;
	for (size_t i = 0; i < n; i++)
		add_talk(talks[i].tx, talks[i].rx);
	ck_assert_int_eq(line_open_script(&line, steps, n_steps), E_OK);
	ck_assert_int_eq(
	    line_configure(line, &mercury230_family.settings, &mercury230_family.timing, SOFT_NONE),
	    E_OK);
	memset(&session, 0, sizeof(session));
	session.line = line;
	session.zone.offset_s = ZONE_S;
	session.address = ADDRESS;
	session.is_open = true;
	session.password_read_len = session.password_write_len = 6;
	memset(session.password_read, 1, 6);
	memset(session.password_write, 2, 6);
}

/* The script went as written, to its end. */
static void
finish(void)
{
	ck_assert_msg(line_script_error(line) == NULL, "%s", line_script_error(line));
	ck_assert_uint_eq(line_script_played(line), n_steps);
	line_close(line);
	line = NULL;
}

#define BEGIN(...) do { \
		static const struct talk talks[] = { __VA_ARGS__ }; \
		begin(talks, sizeof(talks) / sizeof(talks[0])); \
	} while (0)

static int64_t
local(int year, int month, int day, int hour, int minute)
{
	const struct civil t = { year, month, day, hour, minute, 0 };

	return civil_to_utc((struct zone){ ZONE_S, false }, &t, SEASON_UNKNOWN);
}

static int
read_journal(unsigned code)
{
	const struct query q = { .type = REC_EL_JOURNAL, .journal = (uint16_t)code };

	return mercury230_family.read(&session, &q, &sink);
}

static int
read_profile(int64_t from, int64_t to)
{
	const struct query q = { .type = REC_EL_PROFILE, .from = from, .to = to };

	return mercury230_family.read(&session, &q, &sink);
}

/* Firmware 9.0.0 or 2.3.4; one tariff meter with a profile, A = 1000, ring of 4096. */
#define FIRMWARE_9 { "08 03", "09 00 00" }
#define FIRMWARE_2 { "08 03", "02 03 04" }
#define VARIANT { "08 12", "b4 64 c2 16 03 00" }
#define OPEN_READ "01 01 01 01 01 01 01 01"
#define OPEN_WRITE "01 02 02 02 02 02 02 02"

/* ---- statuses ---- */

/* Reads the relay state, the shortest request with data, and expects rc. */
static void
ask_relay(int rc)
{
	bool on;

	ck_assert_int_eq(mercury230_family.relay_get(&session, 1, &on), rc);
	finish();
}

START_TEST(status_1_means_unsupported)
{
	BEGIN({ "08 18", "01" });
	ask_relay(E_UNSUPPORTED);
}
END_TEST

START_TEST(an_internal_error_is_tried_once_more)
{
	BEGIN({ "08 18", "02" }, { "08 18", "09 02" });
	ask_relay(E_OK);
	BEGIN({ "08 18", "02" }, { "08 18", "02" });
	ask_relay(E_METER);
}
END_TEST

START_TEST(a_low_level_is_raised_once)
{
	BEGIN({ "08 18", "03" }, { OPEN_WRITE, "00" }, { "08 18", "09 02" });
	ask_relay(E_OK);
	BEGIN({ "08 18", "03" }, { OPEN_WRITE, "00" }, { "08 18", "03" });
	ask_relay(E_DENIED);
	BEGIN({ "08 18", "03" });
	session.password_write_len = 0;
	ask_relay(E_DENIED);
}
END_TEST

START_TEST(a_closed_channel_is_opened_and_asked_again_once)
{
	BEGIN({ "08 18", "05" }, { OPEN_READ, "00" }, { "08 18", "09 02" });
	ask_relay(E_OK);
	BEGIN({ "08 18", "05" }, { OPEN_READ, "00" }, { "08 18", "05" });
	ask_relay(E_BUSY);
}
END_TEST

START_TEST(repeat_and_busy_have_their_limits)
{
	BEGIN({ "08 18", "06" }, { "08 18", "06" }, { "08 18", "06" }, { "08 18", "09 02" });
	ask_relay(E_OK);
	BEGIN({ "08 18", "06" }, { "08 18", "06" }, { "08 18", "06" }, { "08 18", "06" });
	ask_relay(E_BUSY);
	BEGIN({ "08 18", "07" }, { "08 18", "07" }, { "08 18", "07" }, { "08 18", "07" });
	ask_relay(E_BUSY);
	BEGIN({ "08 18", "08" }, { "08 18", "08" }, { "08 18", "08" }, { "08 18", "08" },
	    { "08 18", "08" }, { "08 18", "08" });
	ask_relay(E_BUSY);
	BEGIN({ "08 18", "f8" }, { "08 18", "09 02" }); /* the high nibble means nothing */
	ask_relay(E_OK);
}
END_TEST

START_TEST(silence_is_passed_on)
{
	BEGIN({ "08 18", NULL });
	ask_relay(E_TIMEOUT);
	ck_assert(!session.is_open);
}
END_TEST

START_TEST(a_wrong_password_is_tried_in_the_other_notation_and_no_further)
{
	BEGIN({ OPEN_READ, "03" }, { "01 01 31 31 31 31 31 31", "03" });
	ck_assert_int_eq(mercury230_family.open(&session), E_DENIED);
	finish();
	BEGIN({ "01 01 41 42 43 44 45 46", "01" });
	memcpy(session.password_read, "ABCDEF", 6);
	ck_assert_int_eq(mercury230_family.open(&session), E_DENIED);
	finish();
}
END_TEST

START_TEST(closing_needs_no_answer)
{
	BEGIN({ "02", NULL });
	mercury230_family.close(&session);
	ck_assert(!session.is_open);
	finish();
}
END_TEST

/* ---- clock ---- */

START_TEST(a_second_correction_on_one_day_is_refused)
{
	BEGIN({ "03 0d 30 55 10", "00" }, { "03 0d 30 55 10", "04" }, { "03 0d 30 55 10", "01" });
	ck_assert_int_eq(mercury230_family.clock_correct(&session, local(2024, 5, 14, 10, 55) + 30),
	    E_OK);
	ck_assert_int_eq(mercury230_family.clock_correct(&session, local(2024, 5, 14, 10, 55) + 30),
	    E_REFUSED);
	ck_assert_int_eq(mercury230_family.clock_correct(&session, local(2024, 5, 14, 10, 55) + 30),
	    E_REFUSED);
	finish();
}
END_TEST

START_TEST(no_correction_is_sent_near_midnight)
{
	BEGIN({ OPEN_READ, "00" });
	ck_assert_int_eq(mercury230_family.clock_correct(&session, local(2024, 5, 14, 23, 50)), E_BUSY);
	ck_assert_int_eq(mercury230_family.clock_correct(&session, local(2024, 5, 14, 0, 9)), E_BUSY);
	ck_assert_int_eq(mercury230_family.open(&session), E_OK);
	finish();
}
END_TEST

START_TEST(the_doubled_hour_of_autumn_is_told_apart_by_the_season)
{
	int64_t first, second;

	BEGIN({ "04 00", "00 30 02 07 27 10 24 00" }, { "04 00", "00 30 02 07 27 10 24 01" });
	session.zone = (struct zone){ 3600, true };
	ck_assert_int_eq(mercury230_family.clock_get(&session, &first), E_OK);
	ck_assert_int_eq(mercury230_family.clock_get(&session, &second), E_OK);
	ck_assert_int_eq(second - first, 3600);
	finish();
}
END_TEST

START_TEST(an_impossible_time_is_not_a_time)
{
	int64_t utc;

	BEGIN({ "04 00", "00 30 25 07 27 10 24 00" });
	ck_assert_int_eq(mercury230_family.clock_get(&session, &utc), E_FRAME);
	finish();
}
END_TEST

START_TEST(setting_the_clock_sends_weekday_and_season)
{
	BEGIN({ "03 0c 00 30 10 02 14 05 24 01", "00" });
	ck_assert_int_eq(mercury230_family.clock_set(&session, local(2024, 5, 14, 10, 30)), E_OK);
	finish();
}
END_TEST

/* ---- energy ---- */

#define SET "00 00 70 0a ff ff ff ff 00 00 e8 03 00 00 00 00"
#define NONE "ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff"

START_TEST(a_lost_answer_does_not_end_a_form)
{
	const struct query q = { .type = REC_EL_MOMENT_ENERGY };

	BEGIN({ "05 00 06", NULL }, { "04 00", "43 14 16 03 27 02 08 01" },
	    { "05 00 06", SET NONE NONE NONE SET });
	ck_assert_int_eq(mercury230_family.read(&session, &q, &sink), E_OK);
	ck_assert_uint_eq(n_records, 1);
	ck_assert_int_eq(records[0].v[energy_slot(0, A_PLUS)], 2672000);
	ck_assert_int_eq(records[0].v[energy_slot(1, R_PLUS)], 1000000);
	ck_assert(!record_has(&records[0], energy_slot(0, A_MINUS)));
	ck_assert(!record_has(&records[0], energy_slot(2, A_PLUS)));
	finish();
}
END_TEST

START_TEST(a_form_met_with_silence_twice_is_not_asked_again)
{
	const struct query q = { .type = REC_EL_MOMENT_ENERGY };

	BEGIN({ "05 00 06", NULL }, { "04 00", "43 14 16 03 27 02 08 01" }, { "05 00 06", NULL },
	    { "04 00", "43 14 16 03 27 02 08 01" }, { "05 00 00", SET }, { "05 00 01", SET },
	    { "05 00 02", "01" }, { "05 00 03", SET }, { "05 00 04", SET }, { "05 00 00", SET },
	    { "05 00 01", SET }, { "05 00 02", SET }, { "05 00 03", SET }, { "05 00 04", SET });
	ck_assert_int_eq(mercury230_family.read(&session, &q, &sink), E_OK);
	ck_assert_int_eq(mercury230_family.read(&session, &q, &sink), E_OK);
	ck_assert_uint_eq(n_records, 2);
	ck_assert(!record_has(&records[0], energy_slot(2, A_PLUS)));
	ck_assert(record_has(&records[1], energy_slot(2, A_PLUS)));
	finish();
}
END_TEST

START_TEST(a_dead_line_is_a_dead_line)
{
	const struct query q = { .type = REC_EL_MOMENT_ENERGY };

	BEGIN({ "05 00 06", NULL }, { "04 00", NULL });
	ck_assert_int_eq(mercury230_family.read(&session, &q, &sink), E_TIMEOUT);
	finish();
}
END_TEST

START_TEST(a_month_nobody_kept_yields_nothing)
{
	const struct query q = {
		.type = REC_EL_MONTH, .from = local(2008, 1, 1, 0, 0), .to = local(2008, 2, 1, 0, 0),
	};

	BEGIN({ "04 00", "43 14 16 03 27 02 08 01" }, { "05 b1 06", NONE NONE NONE NONE NONE },
	    { "05 b2 06", SET NONE NONE NONE SET });
	ck_assert_int_eq(mercury230_family.read(&session, &q, &sink), E_OK);
	ck_assert_uint_eq(n_records, 1);
	ck_assert_int_eq(records[0].ts, local(2008, 2, 1, 0, 0));
	finish();
}
END_TEST

/* ---- quality ---- */

START_TEST(a_block_of_unknown_form_is_given_up_for_separate_requests)
{
	const struct query q = { .type = REC_EL_MOMENT_QUALITY };
	const struct record *r = records;

	BEGIN(FIRMWARE_9, VARIANT, { "08 16 a0", "00 00 01 00 00 02 00 00 03" },
	    { "08 16 00", "48 87 70 00 00 01 00 00 02 00 00 03" },
	    { "08 16 04", "48 87 70 00 00 01 00 00 02 00 00 03" },
	    { "08 16 08", "48 87 70 00 00 01 00 00 02 00 00 03" },
	    { "08 16 11", "00 40 5e 00 41 5e 00 42 5e" }, { "08 16 51", "00 e0 2e 00 c0 5d 00 e1 2e" },
	    { "08 16 21", "00 45 00 00 46 00 00 47 00" },
	    { "08 16 30", "88 87 90 00 84 03 00 85 03 00 86 03" }, { "08 16 40", "00 87 13" });
	ck_assert_int_eq(mercury230_family.read(&session, &q, &sink), E_OK);
	ck_assert_uint_eq(n_records, 1);
	ck_assert_int_eq(r->v[Q_PS], 5530950);
	ck_assert_int_eq(r->v[Q_QS], -5530950);
	ck_assert_int_eq(r->v[Q_SS], 5530950);
	ck_assert_int_eq(r->v[Q_UA], 241280);
	ck_assert_int_eq(r->v[Q_ANG_AB], 120000);
	ck_assert_int_eq(r->v[Q_ANG_AC], 240000);
	ck_assert_int_eq(r->v[Q_ANG_BC], 120010);
	ck_assert(!record_has(r, Q_KPS));
	ck_assert_int_eq(r->v[Q_KPC], 902);
	ck_assert_int_eq(r->v[Q_FREQ], 49990);
	finish();
}
END_TEST

/* ---- profile ---- */

#define SLICE(hh, mm, n) "08 " hh " " mm " 14 05 24 1e " n " 00 ff ff ff ff ff ff"
#define OFF "00 00 00 00 00 00 00 00 00 00 00 00 00 00 00"

START_TEST(addressing_is_found_by_the_date_of_the_last_record)
{
	/* Firmware 2 that counts records all the same. */
	BEGIN(FIRMWARE_2, VARIANT, { "08 13", "00 10 08 10 00 14 05 24 1e" },
	    { "06 03 00 10 0f", SLICE("09", "00", "01") },
	    { "06 03 01 00 0f", SLICE("10", "00", "02") },
	    { "06 03 00 f0 1e", SLICE("09", "30", "01") SLICE("10", "00", "02") });
	ck_assert_int_eq(read_profile(local(2024, 5, 14, 9, 30), local(2024, 5, 14, 11, 0)), E_OK);
	ck_assert_uint_eq(n_records, 2);
	ck_assert_int_eq(records[1].ts, local(2024, 5, 14, 10, 0));
	ck_assert_int_eq(records[1].v[P_PLUS], 2000);
	ck_assert(!record_has(&records[1], P_MINUS));
	ck_assert_uint_eq(records[1].flags, PROFILE_MEASURED);
	finish();
}
END_TEST

START_TEST(a_pointer_that_points_nowhere_is_the_meters_fault)
{
	BEGIN(FIRMWARE_9, VARIANT, { "08 13", "00 10 08 10 00 14 05 24 1e" },
	    { "06 03 01 00 0f", SLICE("09", "00", "01") },
	    { "06 03 00 10 0f", SLICE("08", "00", "02") });
	ck_assert_int_eq(read_profile(local(2024, 5, 14, 9, 30), local(2024, 5, 14, 11, 0)), E_METER);
	ck_assert_uint_eq(n_records, 0);
	finish();
}
END_TEST

START_TEST(an_offset_in_the_ring_is_rebuilt_from_the_dates)
{
	/* The clock was set an hour ahead after 09:00: two labels have no record. */
	BEGIN(FIRMWARE_9, VARIANT, { "08 13", "00 20 08 10 30 14 05 24 1e" },
	    { "06 03 02 00 0f", SLICE("10", "30", "20") },
	    { "06 03 01 e0 1e", SLICE("08", "30", "17") SLICE("09", "00", "18") },
	    { "06 03 02 00 1e", SLICE("10", "30", "20") OFF },
	    { "06 03 01 e0 1e", SLICE("08", "30", "17") SLICE("09", "00", "18") });
	ck_assert_int_eq(read_profile(local(2024, 5, 14, 9, 30), local(2024, 5, 14, 10, 0)), E_OK);
	ck_assert_uint_eq(n_records, 0);
	finish();
}
END_TEST

START_TEST(a_rebuilt_offset_finds_the_older_records)
{
	BEGIN(FIRMWARE_9, VARIANT, { "08 13", "00 20 08 10 30 14 05 24 1e" },
	    { "06 03 02 00 0f", SLICE("10", "30", "20") },
	    { "06 03 01 c0 1e", SLICE("07", "30", "15") SLICE("08", "00", "16") },
	    { "06 03 01 e0 1e", SLICE("08", "30", "17") SLICE("09", "00", "18") });
	ck_assert_int_eq(read_profile(local(2024, 5, 14, 8, 30), local(2024, 5, 14, 9, 0)), E_OK);
	ck_assert_uint_eq(n_records, 2);
	ck_assert_int_eq(records[0].v[P_PLUS], 0x17 * 1000);
	ck_assert_int_eq(records[1].v[P_PLUS], 0x18 * 1000);
	finish();
}
END_TEST

START_TEST(long_reads_shrink_to_what_the_meter_answers)
{
	BEGIN(FIRMWARE_2, VARIANT, { "08 13", "01 00 08 10 00 14 05 24 1e" },
	    { "06 03 01 00 0f", SLICE("10", "00", "02") }, { "06 03 00 b0 5a", "01" },
	    { "06 03 00 b0 3c",
		SLICE("07", "30", "01") SLICE("08", "00", "02") SLICE("08", "30", "03")
		    SLICE("09", "00", "04") },
	    { "06 03 00 f0 1e", SLICE("09", "30", "05") SLICE("10", "00", "06") });
	ck_assert_int_eq(read_profile(local(2024, 5, 14, 7, 30), local(2024, 5, 14, 10, 0)), E_OK);
	ck_assert_uint_eq(n_records, 6);
	ck_assert_uint_eq(mercury230_memory(&session)->long_read, 4);
	finish();
}
END_TEST

START_TEST(odd_minutes_belong_to_the_slot_they_lie_in)
{
	BEGIN(FIRMWARE_2, VARIANT, { "08 13", "01 00 0a 10 17 14 05 24 1e" },
	    { "06 03 01 00 0f", "0a 10 17 14 05 24 1e 02 00 ff ff ff ff ff ff" },
	    { "06 03 00 f0 1e", OFF "0a 10 17 14 05 24 1e 02 00 ff ff ff ff ff ff" });
	ck_assert_int_eq(read_profile(local(2024, 5, 14, 10, 0), local(2024, 5, 14, 10, 30)), E_OK);
	ck_assert_uint_eq(n_records, 2);
	ck_assert_int_eq(records[0].ts, local(2024, 5, 14, 10, 0));
	ck_assert_uint_eq(records[0].flags, PROFILE_PARTIAL);
	ck_assert(records[0].valid && records[0].present == 0);
	ck_assert_int_eq(records[1].ts, local(2024, 5, 14, 10, 30));
	ck_assert_uint_eq(records[1].flags, PROFILE_PARTIAL | PROFILE_MEASURED);
	finish();
}
END_TEST

START_TEST(a_meter_without_profile_is_not_asked_for_one)
{
	BEGIN(FIRMWARE_2, { "08 12", "b4 44 c2 16 03 00" });
	ck_assert_int_eq(read_profile(0, INT64_MAX / 2), E_UNSUPPORTED);
	finish();
}
END_TEST

/* ---- journals ---- */

#define EMPTY "00 00 00 00 00 00 00 00 00 00 00 00"

START_TEST(two_seals_share_one_journal)
{
	BEGIN(FIRMWARE_9, { "08 12", "b4 64 c2 17 13 00" },
	    { "04 12 fe", "00 00 10 01 05 24 00 05 10 01 05 24" EMPTY EMPTY EMPTY EMPTY
	    "00 00 11 02 05 24 00 05 11 02 05 24" EMPTY EMPTY EMPTY EMPTY },
	    { "04 12 ff", "00 00 11 02 05 24 00 05 11 02 05 24 05" },
	    { "04 12 fe", "00 00 10 01 05 24 00 05 10 01 05 24" EMPTY EMPTY EMPTY EMPTY
	    "00 00 11 02 05 24 00 05 11 02 05 24" EMPTY EMPTY EMPTY EMPTY });
	ck_assert_int_eq(read_journal(J_OPEN), E_OK);
	ck_assert_uint_eq(n_records, 2);
	ck_assert_int_eq(records[0].ts, local(2024, 5, 1, 10, 0));
	ck_assert_int_eq(records[0].v[J_EVENT], 0);
	ck_assert_int_eq(records[1].v[J_EVENT], 1);
	n_records = 0;
	ck_assert_int_eq(read_journal(J_UNAUTH), E_OK);
	ck_assert_uint_eq(n_records, 2);
	ck_assert_int_eq(records[0].ts, local(2024, 5, 2, 11, 0));
	ck_assert_int_eq(records[0].v[J_EVENT_ID], 5);
	finish();
}
END_TEST

START_TEST(one_seal_has_one_journal)
{
	BEGIN(FIRMWARE_9, VARIANT, { "04 12 ff", EMPTY "00" });
	ck_assert_int_eq(read_journal(J_UNAUTH), E_UNSUPPORTED);
	ck_assert_int_eq(read_journal(J_OPEN), E_OK);
	ck_assert_uint_eq(n_records, 0);
	finish();
}
END_TEST

START_TEST(a_misprinted_time_is_left_out_and_its_partner_kept)
{
	BEGIN({ "04 06 ff", "43 15 30 18 01 08 30 15 15 18 01 08 00" },
	    { "04 06 fe",
		"43 15 30 18 01 08 30 15 15 18 01 08" EMPTY EMPTY EMPTY EMPTY EMPTY EMPTY EMPTY EMPTY
		    EMPTY });
	ck_assert_int_eq(read_journal(J_LIM_PWR), E_OK);
	ck_assert_uint_eq(n_records, 1);
	ck_assert_int_eq(records[0].ts, local(2008, 1, 18, 15, 15) + 30);
	ck_assert_int_eq(records[0].v[J_EVENT], 0);
	finish();
}
END_TEST

START_TEST(programming_is_dated_by_its_day)
{
	BEGIN({ "04 13 ff", "27 02 08 13 00 21 00 00 00 00 00 00 06" },
	    { "04 13 fe",
		EMPTY EMPTY EMPTY EMPTY EMPTY EMPTY
		"27 02 08 13 00 21 00 00 00 00 00 00" EMPTY EMPTY EMPTY });
	ck_assert_int_eq(read_journal(J_PROG), E_OK);
	ck_assert_uint_eq(n_records, 1);
	ck_assert_int_eq(records[0].ts, local(2008, 2, 27, 0, 0));
	ck_assert_int_eq(records[0].v[J_EVENT_ID], 6);
	finish();
}
END_TEST

START_TEST(a_state_word_makes_an_event_per_error)
{
	BEGIN({ "04 14 ff", "00 30 10 14 05 24 00 80 00 00 05 00 01" },
	    { "04 14 fe",
		"00 30 09 14 05 24 00 00 00 00 00 00 00 30 10 14 05 24 00 80 00 00 05 00" EMPTY EMPTY
		    EMPTY EMPTY EMPTY EMPTY EMPTY EMPTY });
	ck_assert_int_eq(read_journal(J_SELF_DIAG), E_OK);
	ck_assert_uint_eq(n_records, 4);
	ck_assert_int_eq(records[0].v[J_EVENT], 0);
	ck_assert_int_eq(records[1].v[J_EVENT], 1);
	ck_assert_int_eq(records[2].v[J_EVENT], 3);
	ck_assert_int_eq(records[3].v[J_EVENT], 48);
	finish();
}
END_TEST

START_TEST(an_old_firmware_is_read_record_by_record)
{
	BEGIN({ "04 09 ff", "01" }, { "04 09 00", "07 01 18 03 03 08" }, { "04 09 fe", "01" },
	    { "04 09 00", "07 01 18 03 03 08" }, { "04 09 01", "00 00 00 00 00 00" },
	    { "04 09 02", "00 00 00 00 00 00" }, { "04 09 03", "00 00 00 00 00 00" },
	    { "04 09 04", "00 00 00 00 00 00" }, { "04 09 05", "00 00 00 00 00 00" },
	    { "04 09 06", "00 00 00 00 00 00" }, { "04 09 07", "00 00 00 00 00 00" },
	    { "04 09 08", "00 00 00 00 00 00" }, { "04 09 09", "ff ff ff ff ff ff" });
	ck_assert_int_eq(read_journal(J_RESET), E_OK);
	ck_assert_uint_eq(n_records, 1);
	ck_assert_int_eq(records[0].ts, local(2008, 3, 3, 18, 1) + 7);
	finish();
}
END_TEST

START_TEST(a_journal_the_meter_lacks_is_unsupported)
{
	BEGIN({ "04 1a ff", "01" }, { "04 1a 00", "01" }, { "04 01 ff", EMPTY "00" });
	ck_assert_int_eq(read_journal(J_MAGNET), E_UNSUPPORTED);
	ck_assert_int_eq(read_journal(J_PWR), E_OK); /* the form itself is not given up */
	finish();
}
END_TEST

START_TEST(the_table_of_journals_is_what_the_family_promises)
{
	uint64_t all = 0;

#define ROW(code, j, first, second, id) all |= journal_bit(code);
	M230_JOURNALS(ROW)
#undef ROW
	ck_assert_uint_eq(mercury230_family.journals, all);
	ck_assert_uint_eq(all & journal_bit(J_RELAY), 0);
}
END_TEST

static TCase *
case_of(Suite *suite, const char *name)
{
	TCase *tc = tcase_create(name);

	suite_add_tcase(suite, tc);
	return tc;
}

static void
add_sessions(Suite *suite)
{
	TCase *tc = case_of(suite, "statuses");

	tcase_add_test(tc, status_1_means_unsupported);
	tcase_add_test(tc, an_internal_error_is_tried_once_more);
	tcase_add_test(tc, a_low_level_is_raised_once);
	tcase_add_test(tc, a_closed_channel_is_opened_and_asked_again_once);
	tcase_add_test(tc, repeat_and_busy_have_their_limits);
	tcase_add_test(tc, silence_is_passed_on);
	tcase_add_test(tc, a_wrong_password_is_tried_in_the_other_notation_and_no_further);
	tcase_add_test(tc, closing_needs_no_answer);
	tc = case_of(suite, "clock");
	tcase_add_test(tc, a_second_correction_on_one_day_is_refused);
	tcase_add_test(tc, no_correction_is_sent_near_midnight);
	tcase_add_test(tc, the_doubled_hour_of_autumn_is_told_apart_by_the_season);
	tcase_add_test(tc, an_impossible_time_is_not_a_time);
	tcase_add_test(tc, setting_the_clock_sends_weekday_and_season);
}

static void
add_archives(Suite *suite)
{
	TCase *tc = case_of(suite, "energy and quality");

	tcase_add_test(tc, a_lost_answer_does_not_end_a_form);
	tcase_add_test(tc, a_form_met_with_silence_twice_is_not_asked_again);
	tcase_add_test(tc, a_dead_line_is_a_dead_line);
	tcase_add_test(tc, a_month_nobody_kept_yields_nothing);
	tcase_add_test(tc, a_block_of_unknown_form_is_given_up_for_separate_requests);
	tc = case_of(suite, "profile");
	tcase_add_test(tc, addressing_is_found_by_the_date_of_the_last_record);
	tcase_add_test(tc, a_pointer_that_points_nowhere_is_the_meters_fault);
	tcase_add_test(tc, an_offset_in_the_ring_is_rebuilt_from_the_dates);
	tcase_add_test(tc, a_rebuilt_offset_finds_the_older_records);
	tcase_add_test(tc, long_reads_shrink_to_what_the_meter_answers);
	tcase_add_test(tc, odd_minutes_belong_to_the_slot_they_lie_in);
	tcase_add_test(tc, a_meter_without_profile_is_not_asked_for_one);
	tc = case_of(suite, "journals");
	tcase_add_test(tc, two_seals_share_one_journal);
	tcase_add_test(tc, one_seal_has_one_journal);
	tcase_add_test(tc, a_misprinted_time_is_left_out_and_its_partner_kept);
	tcase_add_test(tc, programming_is_dated_by_its_day);
	tcase_add_test(tc, a_state_word_makes_an_event_per_error);
	tcase_add_test(tc, an_old_firmware_is_read_record_by_record);
	tcase_add_test(tc, a_journal_the_meter_lacks_is_unsupported);
	tcase_add_test(tc, the_table_of_journals_is_what_the_family_promises);
}

int
main(void)
{
	Suite *suite = suite_create("mercury230 dialogue");

	add_sessions(suite);
	add_archives(suite);
	return unit_main(suite);
}
