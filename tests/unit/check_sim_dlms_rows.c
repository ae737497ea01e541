/* What the simulated СПОДЭС meter holds: registers, profiles, logs, and what changes them
 * (meter-spodes-dlms.md 7.8, 10 to 17; docs/simulator.md 6). */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/sim_dlms_help.h"
#include "tests/unit/sim_help.h"
#include "tests/unit/unit.h"

#define LOAD "1.0.99.1.0"
#define DAY "1.0.98.2.0"
#define MONTH "1.0.98.1.0"
#define TODAY (SPODES_LOCAL / 86400 * 86400)
#define CHALLENGE "\"challenge\":\"hex:2F0167116D4E551E3F3275641D634553\""
/* Counts two directions and reactive energy, like a meter of the street. */
static const struct sim_load plain = { .serial = 123456 };

static uint64_t
number(const char *hex, unsigned digits)
{
	char part[17];

	snprintf(part, sizeof(part), "%.*s", (int)digits, hex);
	return strtoull(part, NULL, 16);
}

static uint64_t
reading(const char *name)
{
	const char *got = simclient_value(3, name, 2, "");

	ck_assert_int_eq(strncmp(got, "06", 2), 0);
	return number(got + 2, 8);
}

START_TEST(registers_are_the_consumption_rounded_down)
{
	static const char *const names[] = { "1.0.1.8.0", "1.0.1.8.1", "1.0.1.8.4", "1.0.2.8.0",
	    "1.0.3.8.2",
		"1.0.4.8.3" };
	static const enum sim_kind kinds[] = { SIM_A_PLUS, SIM_A_PLUS, SIM_A_PLUS, SIM_A_MINUS,
		SIM_R_PLUS, SIM_R_MINUS };
	static const unsigned tariffs[] = { 0, 1, 4, 0, 2, 3 };

	simclient_make("spodes", "");
	simclient_read();
	for (size_t i = 0; i < 6; i++)
		ck_assert_uint_eq(reading(names[i]),
		    sim_counter(&plain, kinds[i], tariffs[i], SPODES_LOCAL) / 2);
	ck_assert_str_eq(simclient_value(3, "1.0.1.8.0", 3, ""), "02020F00161E");
	ck_assert_str_eq(simclient_value(3, "1.0.4.8.3", 3, ""), "02020F001620");
	ck_assert_str_eq(simclient_value(3, "1.0.1.29.0", 3, ""), "02020FFF161E");
	simclient_make("spodes", "\"energy_scaler\":-4,\"directions\":1");
	simclient_read();
	ck_assert_uint_eq(number(simclient_value(3, "1.0.1.8.0", 2, "") + 2, 16),
	    sim_counter(&plain, SIM_A_PLUS, 0, SPODES_LOCAL) * 5000);
	ck_assert_str_eq(simclient_get(3, "1.0.2.8.0", 2, ""), "C401C10104");
	simclient_make("spodes", "\"energy_scaler\":3");
	simclient_read();
	ck_assert_uint_eq(reading("1.0.1.8.0"),
	    sim_counter(&plain, SIM_A_PLUS, 0, SPODES_LOCAL) / 2000);
}
END_TEST

START_TEST(momentary_values_have_the_sign_of_their_direction)
{
	struct sim_meter *m = simclient_make("spodes", "");
	struct sim_instant now;
	int64_t t = SPODES_LOCAL / 86400 * 86400 + 5 * 1800;

	while (t / 1800 % 16 != 5)
		t += 1800;
	simclient_at((t - 10800) * 1000000);
	simclient_read();
	sim_instant(m, t, &now);
	ck_assert(now.p_reverse);
	ck_assert_uint_eq(number(simclient_value(3, "1.0.1.7.0", 2, "") + 2, 8), (uint32_t)-now.p[0]);
	ck_assert_uint_eq(number(simclient_value(3, "1.0.63.7.0", 2, "") + 2, 8), (uint32_t)now.q[3]);
	ck_assert_uint_eq(number(simclient_value(3, "1.0.52.7.0", 2, "") + 2, 4), (uint32_t)now.u[1]);
	ck_assert_uint_eq(number(simclient_value(3, "1.0.81.7.20", 2, "") + 2, 4),
	    (uint32_t)now.angle[1]);
	ck_assert_str_eq(simclient_get(3, "1.0.81.7.2", 2, ""), "C401C10104");
	ck_assert_str_eq(simclient_get(3, "1.0.12.7.0", 2, ""), "C401C10104");
}
END_TEST

/* ---- profiles ---- */

/* One load row of the default columns. */
static void
load_row(char *to, size_t size, int64_t end, unsigned status)
{
	int n = snprintf(to, size, "0205090C%s", simclient_stamp(end, status));

	for (int kind = 0; kind < SIM_KINDS; kind++)
		n += snprintf(to + n, size - (size_t)n, "06%08X",
		    5 * sim_slot(&plain, (enum sim_kind)kind, end));
}

START_TEST(load_rows_of_a_range_are_the_half_hours_of_the_model)
{
	char wanted[4000] = "0103";

	simclient_make("spodes", "");
	simclient_read();
	for (int i = 1; i <= 3; i++)
		load_row(wanted + strlen(wanted), sizeof(wanted) - strlen(wanted), TODAY + i * 1800, 0);
	ck_assert_str_eq(simclient_value(7, LOAD, 2, simclient_range(TODAY + 1, TODAY + 5400)), wanted);
	ck_assert_str_eq(simclient_value(7, LOAD, 2, simclient_range(TODAY + 86400, TODAY + 2 * 86400)),
	    "0100");
	ck_assert_str_eq(simclient_value(7, LOAD, 4, ""), "0600000708");
	ck_assert_str_eq(simclient_value(7, LOAD, 5, ""), "1601");
	ck_assert_str_eq(simclient_value(7, LOAD, 6, ""),
	    "0204120008090600000100"
	    "00FF0F02120000");
	ck_assert_str_eq(simclient_value(7, LOAD, 7, ""), "0600002250");
}
END_TEST

START_TEST(the_half_hours_of_a_day_are_the_difference_of_its_readings)
{
	const char *rows;
	uint64_t sum = 0;
	char days[600];

	simclient_make("spodes", "");
	simclient_read();
	rows = simclient_value(7, LOAD, 2, simclient_range(TODAY - 86400 + 1, TODAY));
	ck_assert_int_eq(strncmp(rows, "0130", 4), 0);
	for (int i = 0; i < 48; i++)
		sum += number(rows + 4 + i * 72 + 34, 8);
	snprintf(days, sizeof(days), "%s",
	    simclient_value(7, DAY, 2, simclient_range(TODAY - 86400, TODAY)));
	/* 02 15 09 0C stamp, tariffs 1 to 4, sum. */
	uint64_t first = number(days + 4 + 32 + 4 * 10 + 2, 8),
		 second = number(days + 4 + 32 + 200 + 32 + 4 * 10 + 2, 8);

	ck_assert_uint_eq(first, sim_counter(&plain, SIM_A_PLUS, 0, TODAY - 86400) / 2);
	ck_assert_uint_eq(second, sim_counter(&plain, SIM_A_PLUS, 0, TODAY) / 2);
	ck_assert_uint_le(sum / 10 - (second - first), 1);
}
END_TEST

START_TEST(month_rows_stand_on_the_billing_day_with_the_sum_before_the_tariffs)
{
	const char *rows;

	simclient_make("spodes", "\"month_depth\":3");
	simclient_read();
	rows = simclient_value(7, MONTH, 2, "");
	ck_assert_int_eq(strncmp(rows, "0103", 4), 0);
	ck_assert_int_eq(strncmp(rows + 4, "0215090C07EA0901", 16), 0);
	ck_assert_uint_eq(number(rows + 4 + 32 + 2, 8),
	    sim_counter(&plain, SIM_A_PLUS, 0, INT64_C(1788220800)) / 2);
	ck_assert_str_eq(simclient_value(7, MONTH, 7, ""), "0600000003");
	simclient_make("spodes", "\"month_depth\":2,\"billing_day\":25,\"day_end\":true");
	simclient_read();
	rows = simclient_value(7, MONTH, 2, "");
	ck_assert_int_eq(strncmp(rows + 4, "0215090C07EA0918", 16), 0);
	ck_assert_ptr_nonnull(strstr(rows, "07EA0A1806173B3B"));
}
END_TEST

START_TEST(entries_count_from_the_oldest_or_the_newest)
{
	char last[200] = "0101", newest[200];

	simclient_make("spodes", "\"load_depth\":10");
	simclient_read();
	load_row(last + 4, sizeof(last) - 4, SPODES_LOCAL / 1800 * 1800, 0);
	ck_assert_str_eq(simclient_value(7, LOAD, 2, "020204060000000A0600000000120001120000"), last);
	ck_assert_str_eq(simclient_value(7, LOAD, 2,
			     "0202040600000001060000000112000112"
			     "0001") +
		4,
	    (snprintf(newest, sizeof(newest), "0201090C%s",
		 simclient_stamp(SPODES_LOCAL / 1800 * 1800 - 9 * 1800, 0)),
		newest));
	ck_assert_str_eq(simclient_get(7, LOAD, 2,
			     "0202040600000000060000000112000112"
			     "0001"),
	    "C401C1010D");
	simclient_make("spodes", "\"load_depth\":10,\"newest_first\":true");
	simclient_read();
	ck_assert_str_eq(simclient_value(7, LOAD, 2,
			     "0202040600000001060000000112000112"
			     "0000"),
	    last);
	ck_assert_str_eq(simclient_value(7, LOAD, 5, ""), "1602");
}
END_TEST

START_TEST(columns_come_as_configured_and_only_those_asked_for)
{
	char asked[300], wanted[200];
	const char *got;

	simclient_make("spodes",
	    "\"load_columns\":[\"1.0.3.29.0\",\"0.0.1.0.0\",\"1.0.1.29.0\",\"1.0.1.29.0=1.0.2.29.0\","
	    "\"0.0.96.8.0\",\"0.0.96.10.1\",\"1.0.1.29.0/3\"]");
	simclient_read();
	got = simclient_value(7, LOAD, 3, "");
	ck_assert_int_eq(strncmp(got,
			     "01070204120003090601000"
			     "31D00FF0F02120000",
			     38),
	    0);
	ck_assert_ptr_nonnull(strstr(got,
	    "0204120003090601000"
	    "11D00FF0F03120000"));
	/* The first column restricts, and here that is no clock. */
	ck_assert_str_eq(simclient_get(7, LOAD, 2, simclient_range(TODAY, TODAY + 3600)), "C401C1010D");
	simclient_make("spodes", "");
	simclient_read();
	got = simclient_range(TODAY + 1, TODAY + 1800);
	snprintf(asked, sizeof(asked),
	    "%.*s01020204120008090600000100"
	    "00FF0F02120000"
	    "0204120003090601000"
	    "31D00FF0F02120000",
	    (int)strlen(got) - 4, got);
	snprintf(wanted, sizeof(wanted), "01010202090C%s06%08X", simclient_stamp(TODAY + 1800, 0),
	    5 * sim_slot(&plain, SIM_R_PLUS, TODAY + 1800));
	ck_assert_str_eq(simclient_value(7, LOAD, 2, asked), wanted);
	simclient_make("spodes", "\"column_select\":false");
	simclient_read();
	ck_assert_int_eq(strncmp(simclient_value(7, LOAD, 2, asked), "01010205", 8), 0);
}
END_TEST

START_TEST(rows_may_be_compressed)
{
	char wanted[600];
	uint32_t slot[2];

	simclient_make("spodes",
	    "\"null_rows\":true,\"load_columns\":[\"0.0.1.0.0\",\"1.0.1.29.0\",\"0.0.96.10.1\"]");
	simclient_read();
	for (int i = 0; i < 2; i++)
		slot[i] = 5 * sim_slot(&plain, SIM_A_PLUS, TODAY + (i + 1) * 1800);
	snprintf(wanted, sizeof(wanted),
	    "01020203090C%s06%08X1100"
	    "02030006%08X00",
	    simclient_stamp(TODAY + 1800, 0), slot[0], slot[1]);
	ck_assert_str_eq(simclient_value(7, LOAD, 2, simclient_range(TODAY + 1, TODAY + 3600)), wanted);
	simclient_make("spodes",
	    "\"compact_rows\":true,\"load_columns\":[\"0.0.1.0.0\",\"1.0.1.29.0\"]");
	simclient_read();
	snprintf(wanted, sizeof(wanted),
	    "130202090622"
	    "0C%s%08X0C%s%08X",
	    simclient_stamp(TODAY + 1800, 0), slot[0], simclient_stamp(TODAY + 3600, 0), slot[1]);
	ck_assert_str_eq(simclient_value(7, LOAD, 2, simclient_range(TODAY + 1, TODAY + 3600)), wanted);
}
END_TEST

START_TEST(a_supply_failure_leaves_gaps_doubt_and_on_request_a_row_at_its_end)
{
	/* 10:10 to 12:20. */
	static const char outage[] = "\"outages\":[[\"2026-11-20T10:10:00\",\"2026-11-20T12:20:00\"]]";
	char keys[300];
	const char *rows;

	simclient_make("spodes", outage);
	simclient_read();
	rows = simclient_value(7, LOAD, 2, simclient_range(TODAY + 10 * 3600, TODAY + 13 * 3600));
	ck_assert_int_eq(strncmp(rows, "0104", 4), 0);
	ck_assert_ptr_nonnull(strstr(rows, simclient_stamp(TODAY + 10 * 3600 + 1800, 2)));
	ck_assert_ptr_nonnull(strstr(rows, simclient_stamp(TODAY + 12 * 3600 + 1800, 2)));
	ck_assert_ptr_nonnull(strstr(rows, simclient_stamp(TODAY + 13 * 3600, 0)));
	ck_assert_ptr_nonnull(strstr(
	    simclient_value(7, "0.0.99.98.2", 2, simclient_range(TODAY + 10 * 3600, TODAY + 13 * 3600)),
	    simclient_stamp(TODAY + 10 * 3600 + 600, 0)));
	snprintf(keys, sizeof(keys), "%s,\"powerup_rows\":true", outage);
	simclient_make("spodes", keys);
	simclient_read();
	rows = simclient_value(7, LOAD, 2, simclient_range(TODAY + 10 * 3600, TODAY + 13 * 3600));
	ck_assert_int_eq(strncmp(rows, "0105", 4), 0);
	ck_assert_ptr_nonnull(strstr(rows, simclient_stamp(TODAY + 12 * 3600 + 1200, 2)));
	/* Nothing was counted from 12:00 till then. */
	ck_assert_int_eq(
	    strncmp(strstr(rows, simclient_stamp(TODAY + 12 * 3600 + 1200, 2)) + 24, "0600000000", 10),
	    0);
}
END_TEST

START_TEST(ranges_may_need_the_meters_deviation_or_be_ignored_or_refused)
{
	char other[200];

	snprintf(other, sizeof(other), "%s", simclient_range(TODAY + 1, TODAY + 1800));
	memcpy(strstr(other, "FF4C"), "8000", 4);
	simclient_make("spodes", "\"range\":\"own\"");
	simclient_read();
	ck_assert_int_eq(
	    strncmp(simclient_value(7, LOAD, 2, simclient_range(TODAY + 1, TODAY + 1800)), "0101", 4),
	    0);
	ck_assert_str_eq(simclient_value(7, LOAD, 2, other), "0100");
	simclient_make("spodes", "\"range\":\"ignored\",\"load_depth\":20");
	simclient_read();
	ck_assert_int_eq(strncmp(simclient_value(7, LOAD, 2, other), "0114", 4), 0);
	simclient_make("spodes", "\"range\":\"refused\",\"entry\":\"refused\"");
	simclient_read();
	ck_assert_str_eq(simclient_get(7, LOAD, 2, other), "C401C101FA");
	ck_assert_str_eq(simclient_get(7, LOAD, 2,
			     "0202040600000001060000000112000112"
			     "0000"),
	    "C401C101FA");
	ck_assert_str_eq(simclient_get(7, LOAD, 2, "030F00"), "C401C1010C");
}
END_TEST

START_TEST(gaps_and_invalid_stamps_come_where_the_street_says_so)
{
	int64_t slot = TODAY / 1800;
	const char *rows;

	simclient_make("spodes", "\"gap_every\":5,\"invalid_every\":7");
	simclient_read();
	rows = simclient_value(7, LOAD, 2, simclient_range(TODAY - 35 * 1800 + 1, TODAY));
	ck_assert_int_eq(strncmp(rows, "011C", 4), 0);
	for (int64_t s = slot - 34; s <= slot; s++) {
		const char *found = strstr(rows, simclient_stamp(s * 1800, s % 7 == 1));

		ck_assert(s % 5 == 0 ? found == NULL : found != NULL);
	}
}
END_TEST

START_TEST(the_snapshot_is_of_its_capture)
{
	char keys[40];

	simclient_make("spodes", "\"now_columns\":[\"0.0.1.0.0\",\"1.0.1.8.0\"]");
	simclient_read();
	snprintf(keys, sizeof(keys), "01010202090C%s", simclient_stamp(SPODES_LOCAL / 1800 * 1800, 0));
	ck_assert_int_eq(strncmp(simclient_value(7, "1.0.94.7.0", 2, ""), keys, strlen(keys)), 0);
	ck_assert_str_eq(simclient_apdu("C301C100070100"
					"5E0700FF02010F00"),
	    "C701C10000");
	snprintf(keys, sizeof(keys), "01010202090C%s", simclient_stamp(SPODES_LOCAL, 0));
	ck_assert_int_eq(strncmp(simclient_value(7, "1.0.94.7.0", 2, ""), keys, strlen(keys)), 0);
}
END_TEST

START_TEST(scalers_of_a_profile_are_read_at_once)
{
	simclient_make("spodes", "\"reactive\":false,\"directions\":1");
	simclient_read();
	ck_assert_str_eq(simclient_value(7, "1.0.94.7.4", 3, ""),
	    "01010204120003090601000"
	    "11D00FF0F03120000");
	ck_assert_str_eq(simclient_value(7, "1.0.94.7.4", 2, ""), "0101020102020FFF161E");
	simclient_make("spodes", "\"scale_profiles\":false");
	simclient_read();
	ck_assert_str_eq(simclient_get(7, "1.0.94.7.4", 2, ""), "C401C10104");
}
END_TEST

/* ---- logs ---- */

static int64_t
event_at(unsigned log, int64_t period_h, int64_t n)
{
	int64_t period = period_h * 3600;

	return n * period +
	    (int64_t)(sim_hash(plain.serial, 0x9000 + log, (uint64_t)n) % (uint64_t)(period / 2));
}

START_TEST(events_come_at_the_moments_and_with_the_codes_of_the_model)
{
	char wanted[100];
	const char *rows;
	int64_t last = SPODES_LOCAL / (40 * 3600);

	simclient_make("spodes", "\"log_depth\":200");
	simclient_read();
	rows = simclient_value(7, "0.0.99.98.0", 2, "");
	ck_assert_int_eq(strncmp(rows, "0181C8", 6), 0);
	last -= event_at(0, 40, last) > SPODES_LOCAL;
	for (int64_t n = last - 199; n <= last; n++) {
		snprintf(wanted, sizeof(wanted), "0203090C%s11%02X06",
		    simclient_stamp(event_at(0, 40, n), 0), (unsigned)(n % 28 + 1));
		ck_assert_ptr_nonnull(strstr(rows, wanted));
	}
	ck_assert_str_eq(simclient_value(7, "0.0.99.98.0", 3, ""),
	    "01030204120008090600000100"
	    "00FF0F02120000"
	    "02041200010906000060"
	    "0B00FF0F02120000"
	    "0204120003090600006008"
	    "00FF0F02120000");
	ck_assert_int_eq(strncmp(simclient_value(7, "0.0.99.98.5", 3, ""), "0105", 4), 0);
	ck_assert_int_eq(strncmp(simclient_value(7, "0.0.99.98.3", 3, ""), "0104", 4), 0);
	ck_assert_str_eq(simclient_get(7, "0.0.99.98.10", 3, ""), "C401C10104");
}
END_TEST

START_TEST(log_quirks_of_makers_show)
{
	simclient_make("spodes",
	    "\"wrong_log_names\":true,\"log_extra\":true,\"code_octets\":2,\"logs\":[0,1]");
	simclient_read();
	ck_assert_ptr_nonnull(strstr(simclient_value(7, "0.0.99.98.1", 3, ""),
	    "00006"
	    "00B00FF"));
	ck_assert_int_eq(strncmp(simclient_value(7, "0.0.99.98.0", 3, ""), "0106", 4), 0);
	ck_assert_int_eq(strncmp(simclient_value(7, "0.0.99.98.0", 2,
				     "0202040600000001060000000112000112"
				     "0000"),
			     "01010206", 8),
	    0);
	ck_assert_str_eq(simclient_get(7, "0.0.99.98.2", 3, ""), "C401C10104");
}
END_TEST

/* ---- what changes the meter ---- */

START_TEST(the_clock_is_shifted_within_its_limits_and_the_logs_say_so)
{
	struct sim_meter *m = simclient_make("spodes", "\"shift_daily\":true");
	char wanted[100];

	simclient_read();
	ck_assert_str_eq(simclient_apdu("C301C100080000010000FF060110FC7B"), "C701C103"); /* -901 */
	ck_assert_str_eq(simclient_apdu("C301C100080000010000FF060110FC7C"), "C701C10000"); /* -900 */
	ck_assert_int_eq(sim_meter_time(m, SPODES_NOW_US), SPODES_LOCAL - 900);
	ck_assert_str_eq(simclient_apdu("C301C100080000010000FF0601100001"), "C701C103");
	snprintf(wanted, sizeof(wanted), "0203090C%s090C%s06", simclient_stamp(SPODES_LOCAL - 900, 0),
	    simclient_stamp(SPODES_LOCAL, 0));
	ck_assert_ptr_nonnull(strstr(simclient_value(7, "0.0.99.98.13", 2, ""), wanted));
	snprintf(wanted, sizeof(wanted), "090C%s1144", simclient_stamp(SPODES_LOCAL - 900, 0));
	ck_assert_ptr_nonnull(strstr(simclient_value(7, "0.0.99.98.3", 2, ""), wanted));
	ck_assert_uint_eq(m->counters.clock_writes, 1);
}
END_TEST

START_TEST(the_relay_obeys_its_mode)
{
	static const struct {
		int mode;
		const char *off, *on, *state;
	} cases[] = {
		{ 0, "C701C103", "C701C103", "1601" }, { 1, "C701C10000", "C701C10000", "1602" },
		{ 2, "C701C10000", "C701C10000", "1601" }, { 3, "C701C10000", "C701C10000", "1602" },
		{ 4, "C701C10000", "C701C10000", "1601" }, { 5, "C701C10000", "C701C10000", "1602" },
		{ 6, "C701C10000", "C701C10000", "1602" },
	};
	char keys[120];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(keys, sizeof(keys), CHALLENGE ",\"relay_mode\":%d", cases[i].mode);
		simclient_make("spodes", keys);
		simclient_write();
		ck_assert_str_eq(simclient_apdu("C301C10046000060030AFF01010F00"), cases[i].off);
		if (cases[i].mode != 0)
			ck_assert_str_eq(simclient_value(70, "0.0.96.3.10", 3, ""), "1600");
		ck_assert_str_eq(simclient_apdu("C301C10046000060030AFF02010F00"), cases[i].on);
		ck_assert_str_eq(simclient_value(70, "0.0.96.3.10", 3, ""), cases[i].state);
	}
	simclient_make("spodes", CHALLENGE ",\"relay\":false");
	simclient_write();
	ck_assert_str_eq(simclient_apdu("C301C10046000060030AFF01010F00"), "C701C104");
}
END_TEST

#define SEASONS \
	"01020203090101090CFFFF0101FF00000000800000090101" \
	"0203090102090CFFFF0601FF00000000800000090102"

START_TEST(a_calendar_is_written_in_blocks_checked_and_activated)
{
	simclient_make("spodes", CHALLENGE);
	simclient_write();
	ck_assert_str_eq(simclient_apdu("C101C1001400000D0000FF0700" SEASONS), "C501C100");
	ck_assert_str_eq(simclient_value(20, "0.0.13.0.0", 7, ""), SEASONS);
	ck_assert_str_ne(simclient_value(20, "0.0.13.0.0", 3, ""), SEASONS);
	ck_assert_str_eq(simclient_apdu("C102C1001400000D0000FF0900000000000110010102021101010102030"
	"904000000" "00"), "C502C100000001");
	ck_assert_str_eq(simclient_apdu("C103C101000000020B090600000A0064FF120001"),
	    "C503C10000000002");
	ck_assert_str_eq(simclient_value(20, "0.0.13.0.0", 9, ""),
	    "010102021101010102030904000000" "00090600000A0064FF120001");
	/* A block out of turn, one without a beginning, days without a switch, a season of a wrong
	 * date. */
	ck_assert_str_eq(simclient_apdu("C102C1001400000D0000FF0900000000000110010102021101010102030"
	"904000000" "00"), "C502C100000001");
	ck_assert_str_eq(simclient_apdu("C103C101000000030B090600000A0064FF120001"),
	    "C503C11300000003");
	ck_assert_str_eq(simclient_apdu("C103C101000000020B090600000A0064FF120001"), "C501C112");
	ck_assert_str_eq(simclient_apdu("C101C1001400000D0000FF0900010102021101"), "C501C10C");
	ck_assert_str_eq(simclient_apdu("C101C1001400000D0000FF07000101020309010109020000090101"),
	    "C501C10C");
	ck_assert_str_eq(simclient_apdu("C101C1001400000D0000FF0300" SEASONS), "C501C103");
	ck_assert_str_eq(simclient_apdu("C301C1001400000D0000FF01010F00"), "C701C10000");
	ck_assert_str_eq(simclient_value(20, "0.0.13.0.0", 3, ""), SEASONS);
}
END_TEST

START_TEST(a_calendar_takes_over_on_its_date)
{
	simclient_make("spodes", CHALLENGE ",\"inactivity_s\":0");
	simclient_write();
	ck_assert_str_eq(simclient_apdu("C101C1001400000D0000FF0700" SEASONS), "C501C100");
	ck_assert_str_eq(simclient_apdu("C101C1001400000D0000FF0A00090C07EA0B15FF000000008000"
					"00"),
	    "C501C100");
	simclient_at(SPODES_NOW_US + INT64_C(11000) * 1000000);
	ck_assert_str_ne(simclient_value(20, "0.0.13.0.0", 3, ""), SEASONS);
	simclient_at(SPODES_NOW_US + INT64_C(12000) * 1000000);
	ck_assert_str_eq(simclient_value(20, "0.0.13.0.0", 3, ""), SEASONS);
}
END_TEST

START_TEST(limits_special_days_and_the_metering_point_are_written_by_the_configurator_only)
{
	simclient_make("spodes", CHALLENGE);
	simclient_write();
	ck_assert_str_eq(simclient_apdu("C101C10047000011000"
					"0FF04000600001388"),
	    "C501C100");
	ck_assert_str_eq(simclient_value(71, "0.0.17.0.0", 4, ""), "0600001388");
	ck_assert_str_eq(simclient_apdu("C101C1000B00000B0000FF0200010102031200010905FFFF0101FF1102"),
	    "C501C100");
	ck_assert_str_eq(simclient_value(11, "0.0.11.0.0", 2, ""), "010102031200010905FFFF0101FF1102");
	ck_assert_str_eq(simclient_apdu("C101C100010000600"
					"10AFF02000903414243"),
	    "C501C100");
	ck_assert_str_eq(simclient_value(1, "0.0.96.1.10", 2, ""), "0903414243");
	ck_assert_str_eq(simclient_apdu("C101C1000100006001"
					"00FF02000903414243"),
	    "C501C103");
	simclient_read();
	ck_assert_str_eq(simclient_apdu("C101C10047000011000"
					"0FF04000600001388"),
	    "C501C103");
	ck_assert_str_eq(simclient_value(71, "0.0.17.0.0", 3, ""), "0600001388");
}
END_TEST

START_TEST(cleared_archives_are_empty_and_the_log_has_it)
{
	simclient_make("spodes", CHALLENGE);
	simclient_write();
	ck_assert_str_eq(simclient_apdu("C301C100070100630100FF01010F00"), "C701C10000");
	ck_assert_str_eq(simclient_value(7, LOAD, 7, ""), "0600000000");
	ck_assert_ptr_nonnull(strstr(simclient_value(7, "0.0.99.98.3", 2, ""), "112E1112"));
	simclient_read();
	ck_assert_str_eq(simclient_apdu("C301C100070100620200FF01010F00"), "C701C103");
}
END_TEST

START_TEST(the_object_list_names_what_the_client_may_see)
{
	const char *list;

	simclient_make("spodes", "");
	simclient_read();
	list = simclient_value(15, "0.0.40.0.0", 2, "");
	ck_assert_int_eq(strncmp(list, "0181", 4), 0);
	ck_assert_ptr_nonnull(strstr(list,
	    "0204120003110009060100010800FF0202010302030F0116010002030F0216010002030F0316010001"));
	ck_assert_uint_gt(strlen(list) / 2, 2500);
	(void)simclient_connect(16, "");
	(void)simclient_apdu("601DA109060760857405080101BE10040E01000000065F1F0400621E5DFFFF");
	list = simclient_value(15, "0.0.40.0.0", 2, "");
	ck_assert_int_eq(strncmp(list, "0106", 4), 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("sim_dlms_rows");
	TCase *values = tcase_create("values"), *changes = tcase_create("changes");

	tcase_add_checked_fixture(values, NULL, simclient_end);
	tcase_add_checked_fixture(changes, NULL, simclient_end);
	tcase_set_timeout(values, 30);
	tcase_add_test(values, registers_are_the_consumption_rounded_down);
	tcase_add_test(values, momentary_values_have_the_sign_of_their_direction);
	tcase_add_test(values, load_rows_of_a_range_are_the_half_hours_of_the_model);
	tcase_add_test(values, the_half_hours_of_a_day_are_the_difference_of_its_readings);
	tcase_add_test(values, month_rows_stand_on_the_billing_day_with_the_sum_before_the_tariffs);
	tcase_add_test(values, entries_count_from_the_oldest_or_the_newest);
	tcase_add_test(values, columns_come_as_configured_and_only_those_asked_for);
	tcase_add_test(values, rows_may_be_compressed);
	tcase_add_test(values, a_supply_failure_leaves_gaps_doubt_and_on_request_a_row_at_its_end);
	tcase_add_test(values, ranges_may_need_the_meters_deviation_or_be_ignored_or_refused);
	tcase_add_test(values, gaps_and_invalid_stamps_come_where_the_street_says_so);
	tcase_add_test(values, the_snapshot_is_of_its_capture);
	tcase_add_test(values, scalers_of_a_profile_are_read_at_once);
	tcase_add_test(values, events_come_at_the_moments_and_with_the_codes_of_the_model);
	tcase_add_test(values, log_quirks_of_makers_show);
	tcase_add_test(values, the_object_list_names_what_the_client_may_see);
	tcase_add_test(changes, the_clock_is_shifted_within_its_limits_and_the_logs_say_so);
	tcase_add_test(changes, the_relay_obeys_its_mode);
	tcase_add_test(changes, a_calendar_is_written_in_blocks_checked_and_activated);
	tcase_add_test(changes, a_calendar_takes_over_on_its_date);
	tcase_add_test(changes,
	    limits_special_days_and_the_metering_point_are_written_by_the_configurator_only);
	tcase_add_test(changes, cleared_archives_are_empty_and_the_log_has_it);
	suite_add_tcase(suite, values);
	suite_add_tcase(suite, changes);
	return unit_main(suite);
}
