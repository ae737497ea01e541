/* The simulated Mercury 23x against meter-mercury-set.md 2: bytes in, bytes out, time driven. */
#include <check.h>
#include <string.h>

#include "sim/street.h"
#include "src/base/checksum.h"
#include "tests/unit/sim_help.h"
#include "tests/unit/unit.h"

/* 14 May 2024 10:15:00 local time (UTC+3). */
#define LOCAL (INT64_C(19857) * 86400 + 36900)
#define NOW_US ((LOCAL - 10800) * 1000000)

static struct sim_street *street;
static uint8_t answer[SIM_ANSWER_MAX];

static struct sim_meter *
make(const char *meters)
{
	char text[2000];

	snprintf(text, sizeof(text),
	    "{\"tz_min\":180,\"buses\":[{\"name\":\"b\",\"pty\":true,\"meters\":[%s]}]}", meters);
	sim_help_street(&street, text, true, NOW_US);
	return &street->buses[0].meters[0];
}

/* Sends the hex bytes with a good CRC behind; the answer's length without CRC, 0 for silence. */
static size_t
ask(struct sim_meter *m, int64_t now_us, const char *hex)
{
	uint8_t req[64];
	size_t n = sim_help_frame(hex, req, sizeof(req));

	n = sim_meter_answer(m, now_us, req, n, answer);
	if (n > 0)
		ck_assert_uint_eq(crc16_modbus(answer, n), 0);
	return n > 0 ? n - 2 : 0;
}

static void
expect(struct sim_meter *m, int64_t now_us, const char *hex, const char *wanted)
{
	char got[2 * SIM_ANSWER_MAX + 1] = "";
	size_t n = ask(m, now_us, hex);

	for (size_t i = 0; i < n; i++)
		snprintf(got + 2 * i, 3, "%02x", answer[i]);
	ck_assert_msg(strcmp(got, wanted) == 0, "%s -> %s, not %s", hex, got, wanted);
}

static uint32_t
energy_at(size_t i)
{
	return (uint32_t)answer[i + 1] << 24 | (uint32_t)answer[i] << 16 |
	    (uint32_t)answer[i + 3] << 8 | answer[i + 2];
}

static void
open_meter(struct sim_meter *m, int64_t now_us, int level)
{
	char hex[32];

	snprintf(hex, sizeof(hex), "%02x010%d0%d0%d0%d0%d0%d0%d", m->address, level, level, level,
	    level, level, level, level);
	expect(m, now_us, hex, m->address == 0x80 ? "8000" : "0500");
}

START_TEST(documented_frames_are_answered_as_documented)
{
	struct sim_meter *m = make("{\"type\":\"mercury234\",\"address\":128,\"serial\":\"12345678\"}");

	expect(m, NOW_US, "8000", "8000");
	open_meter(m, NOW_US, 2);
	expect(m, NOW_US, "800400", "800015100214052401");
	expect(m, NOW_US, "800802", "8000010001");
	expect(m, NOW_US, "800803", "80090000");
	expect(m, NOW_US, "800805", "800080");
	expect(m, NOW_US, "000805", "000080");
	expect(m, NOW_US, "80080a", "80000000000000");
	ck_assert_uint_eq(ask(m, NOW_US, "800800"), 8);
	ck_assert_int_eq(memcmp(answer + 1, "\x0c\x22\x38\x4e", 4), 0);
	expect(m, NOW_US, "80033101", "8000");
	expect(m, NOW_US, "800818", "800902");
	expect(m, NOW_US, "80033100", "8000");
	expect(m, NOW_US, "800818", "800100");
	expect(m, NOW_US, "8003004600", "8001");
	ck_assert_uint_eq(m->counters.switchings, 2);
}
END_TEST

START_TEST(bad_crc_foreign_address_and_wrong_length_are_met_with_silence)
{
	struct sim_meter *m = make("{\"type\":\"mercury230\",\"address\":5,\"serial\":\"12345678\"}");
	const uint8_t bad[4] = { 5, 0, 0x11, 0x22 };

	ck_assert_uint_eq(sim_meter_answer(m, NOW_US, bad, 4, answer), 0);
	expect(m, NOW_US, "0600", "");
	expect(m, NOW_US, "050000", "");
	expect(m, NOW_US, "0501010101010101", "");
	open_meter(m, NOW_US, 1);
	expect(m, NOW_US, "05040001ff", "");
	expect(m, NOW_US, "000308", "");
	expect(m, NOW_US, "fe0308", "");
	ck_assert_int_eq(m->u.mercury.latched_t, LOCAL);
}
END_TEST

START_TEST(the_channel_is_needed_and_closes_after_its_time)
{
	struct sim_meter *m = make("{\"type\":\"mercury230\",\"address\":5,\"serial\":\"12345678\"}");

	expect(m, NOW_US, "05050000", "0505");
	expect(m, NOW_US, "050101313131313131", "0503");
	open_meter(m, NOW_US, 1);
	ck_assert_uint_eq(ask(m, NOW_US + 239000000, "05050000"), 17);
	expect(m, NOW_US + 480000000, "05050000", "0505");
	open_meter(m, NOW_US, 1);
	expect(m, NOW_US, "05033101", "0503");
	expect(m, NOW_US, "0502", "0500");
	expect(m, NOW_US, "05050000", "0505");
	ck_assert_uint_eq(m->counters.wrong_passwords, 1);

	m = make("{\"type\":\"mercury230-217\",\"address\":5,\"serial\":\"12345678\","
		 "\"pass_rd\":\"313131313131\"}");
	expect(m, NOW_US, "050101010101010101", "0503");
	expect(m, NOW_US, "050101313131313131", "0500");
	expect(m, NOW_US + 21000000, "05050000", "0505");
}
END_TEST

START_TEST(energy_arrays_agree_with_the_model_and_with_each_other)
{
	struct sim_meter *m = make("{\"type\":\"mercury236\",\"address\":5,\"serial\":\"12345678\"}");
	int64_t today = INT64_C(19857) * 86400;
	uint32_t start, previous;

	open_meter(m, NOW_US, 1);
	ck_assert_uint_eq(ask(m, NOW_US, "05050006"), 81);
	for (unsigned kind = 0; kind < SIM_KINDS; kind++) {
		uint32_t sum = energy_at(1 + 64 + 4 * kind), parts = 0;

		ck_assert_uint_eq(sum, sim_counter(&m->load, (enum sim_kind)kind, 0, LOCAL) / 2);
		for (unsigned t = 0; t < 4; t++)
			parts += energy_at(1 + 16 * t + 4 * kind);
		ck_assert(parts <= sum && sum - parts <= 2);
	}
	ck_assert_uint_eq(ask(m, NOW_US, "0505c000"), 17);
	start = energy_at(1);
	ck_assert_uint_eq(start, sim_counter(&m->load, SIM_A_PLUS, 0, today) / 2);
	ck_assert_uint_eq(ask(m, NOW_US, "0505d000"), 17);
	previous = energy_at(1);
	ck_assert_uint_eq(ask(m, NOW_US, "05055000"), 17);
	ck_assert_uint_eq(energy_at(1), start - previous);
	ck_assert_uint_eq(ask(m, NOW_US, "0505b500"), 17);
	ck_assert_uint_eq(energy_at(1), sim_counter(&m->load, SIM_A_PLUS, 0, today - 13 * 86400) / 2);
	/* June of the year before. */
	ck_assert_uint_eq(ask(m, NOW_US, "0505b602"), 17);
	ck_assert_uint_eq(energy_at(1),
	    sim_counter(&m->load, SIM_A_PLUS, 2, civil_days(2023, 6, 1) * 86400) / 2);
	ck_assert_uint_eq(ask(m, NOW_US, "05056000"), 13);
	expect(m, NOW_US, "0505b000", "0501");
	expect(m, NOW_US, "05050007", "0501");
	expect(m, NOW_US, "05057000", "0501");
}
END_TEST

START_TEST(one_directional_meters_send_ff_for_what_they_do_not_keep)
{
	struct sim_meter *m = make("{\"type\":\"mercury230\",\"address\":5,\"serial\":\"12345678\"}");

	open_meter(m, NOW_US, 1);
	ck_assert_uint_eq(ask(m, NOW_US, "05050000"), 17);
	ck_assert_uint_eq(energy_at(5), 0xFFFFFFFF);
	ck_assert_uint_ne(energy_at(9), 0xFFFFFFFF);
	ck_assert_uint_eq(energy_at(13), 0xFFFFFFFF);
	ck_assert_uint_eq(ask(m, NOW_US, "050812"), 7);
	ck_assert_uint_eq(answer[2] & 0x8F, 0x84);
}
END_TEST

/* Asks for n records ending with the last one and compares times and values with the model. */
static void
check_profile(struct sim_meter *m, bool records)
{
	int64_t last = LOCAL / 1800 * 1800;
	unsigned place, ring = m->u.mercury.ring;
	char hex[32];

	open_meter(m, NOW_US, 1);
	ck_assert_uint_eq(ask(m, NOW_US, "050813"), 10);
	place = (unsigned)answer[1] << 8 | answer[2];
	if (!records)
		place = (place | ((answer[3] & 0x10U) ? 0x10000U : 0)) / 16;
	ck_assert_uint_eq(answer[4], 0x10);
	ck_assert_uint_eq(answer[5], 0x00);
	for (unsigned back = 0; back < 200; back++) {
		unsigned at = (place + ring - back) % ring * 16;
		int64_t end = last - back * 1800;
		struct civil c = sim_civil(end);

		snprintf(hex, sizeof(hex), "0506%02x%04x0f", at > 0xFFFF ? 0x83 : 0x03, at & 0xFFFF);
		ck_assert_uint_eq(ask(m, NOW_US, hex), 16);
		ck_assert_uint_eq(answer[1], 0x08);
		ck_assert_uint_eq(answer[2], bcd_encode((unsigned)c.hour));
		ck_assert_uint_eq(answer[3], bcd_encode((unsigned)c.minute));
		ck_assert_uint_eq(answer[4], bcd_encode((unsigned)c.day));
		ck_assert_uint_eq((unsigned)answer[9] << 8 | answer[8],
		    sim_slot(&m->load, SIM_A_PLUS, end));
	}
}

START_TEST(profile_addresses_are_bytes_before_firmware_7_and_records_after)
{
	check_profile(make("{\"type\":\"mercury230\",\"address\":5,\"serial\":\"12345678\"}"), false);
	check_profile(
	    make("{\"type\":\"mercury230\",\"address\":5,\"serial\":\"12345678\",\"ring\":8192}"),
	    false);
	check_profile(make("{\"type\":\"mercury236\",\"address\":5,\"serial\":\"12345678\"}"), true);
	check_profile(
	    make("{\"type\":\"mercury236\",\"address\":5,\"serial\":\"12345678\",\"ring\":4096}"),
	    true);
}
END_TEST

START_TEST(a_read_across_the_ring_end_or_of_a_wrong_length_is_an_error)
{
	struct sim_meter *m = make("{\"type\":\"mercury230\",\"address\":5,\"serial\":\"12345678\"}");

	open_meter(m, NOW_US, 1);
	ck_assert_uint_eq(ask(m, NOW_US, "050603fef0ff"), 256);
	expect(m, NOW_US, "050603ff00ff", "0501");
	ck_assert_uint_eq(ask(m, NOW_US, "050603fff00f"), 16);
	expect(m, NOW_US, "050603000010", "0501");
	expect(m, NOW_US, "05060300050f", "0501");
	expect(m, NOW_US, "05080a", "05000000004000");
	ck_assert_uint_eq(m->counters.bad_reads, 3);
}
END_TEST

START_TEST(the_ring_keeps_the_newest_record_of_each_place)
{
	struct sim_meter *m = make("{\"type\":\"mercury230\",\"address\":5,\"serial\":\"12345678\"}");
	uint8_t before[16];
	char hex[32];

	open_meter(m, NOW_US, 1);
	ask(m, NOW_US, "050813");
	snprintf(hex, sizeof(hex), "050603%02x%02x0f", answer[1], answer[2]);
	ck_assert_uint_eq(ask(m, NOW_US, hex), 16);
	memcpy(before, answer, 16);
	open_meter(m, NOW_US + 4095 * 1800000000LL, 1);
	ask(m, NOW_US + 4095 * 1800000000LL, hex);
	ck_assert_int_eq(memcmp(answer, before, 16), 0);
	open_meter(m, NOW_US + 4096 * 1800000000LL, 1);
	ask(m, NOW_US + 4096 * 1800000000LL, hex);
	ck_assert_int_ne(memcmp(answer, before, 16), 0);
}
END_TEST

START_TEST(relative_reads_give_the_oldest_first)
{
	struct sim_meter *m = make("{\"type\":\"mercury236\",\"address\":5,\"serial\":\"12345678\"}");

	open_meter(m, NOW_US, 1);
	ck_assert_uint_eq(ask(m, NOW_US, "051603000003"), 46);
	ck_assert_int_eq(memcmp(answer + 2, "\x09\x00\x14\x05\x24\x1e", 6), 0);
	ck_assert_int_eq(memcmp(answer + 32, "\x10\x00\x14\x05\x24\x1e", 6), 0);
	ck_assert_uint_eq(ask(m, NOW_US, "051603000201"), 16);
	ck_assert_int_eq(memcmp(answer + 2, "\x09\x00", 2), 0);
	m = make("{\"type\":\"mercury230\",\"address\":5,\"serial\":\"12345678\"}");
	expect(m, NOW_US, "051603000001", "0501");
}
END_TEST

START_TEST(the_clock_is_corrected_once_a_day_and_slews)
{
	struct sim_meter *m = make("{\"type\":\"mercury236\",\"address\":5,\"serial\":\"12345678\","
				   "\"clock_offset_s\":-60}");
	int64_t s = 1000000;

	open_meter(m, NOW_US, 2);
	expect(m, NOW_US, "050400", "050014100214052401");
	expect(m, NOW_US, "05030d002010", "0501");
	expect(m, NOW_US, "05030d001510", "0500");
	expect(m, NOW_US, "05030d001510", "0504");
	expect(m, NOW_US + 10 * s, "050400", "052014100214052401");
	expect(m, NOW_US + 60 * s, "050400", "050016100214052401");
	expect(m, NOW_US + 100 * s, "050400", "054016100214052401");
	ck_assert_uint_eq(ask(m, NOW_US + 100 * s, "050402ff"), 14);
	ck_assert_int_eq(memcmp(answer + 1, "\x00\x14\x10\x14\x05\x24\x00\x15\x10\x14\x05\x24\x00", 13),
	    0);
	expect(m, NOW_US + 200 * s, "05030c0000120214052401", "0500");
	expect(m, NOW_US + 201 * s, "050400", "050100120214052401");
	open_meter(m, NOW_US + 86400 * s, 1);
	/* 13:56:40 of the next day (the hard set moved it 101 minutes). */
	expect(m, NOW_US + 86400 * s, "05030d005611", "0500");
	ck_assert_uint_eq(m->counters.clock_writes, 3);
}
END_TEST

START_TEST(supply_failures_leave_empty_and_incomplete_records_and_a_journal)
{
	struct sim_meter *m = make("{\"type\":\"mercury236\",\"address\":5,\"serial\":\"12345678\","
				   "\"outages\":[[\"2024-05-14T07:12:20\",\"2024-05-14T09:10:00\"]]}");

	open_meter(m, NOW_US, 1);
	ck_assert_uint_eq(ask(m, NOW_US, "051603000106"), 91);
	for (int i = 0; i < 2; i++)
		ck_assert_uint_eq(answer[1 + 15 * i], i == 0 ? 0x08 : 0x0A);
	ck_assert_int_eq(memcmp(answer + 17, "\x07\x13", 2), 0);
	for (int i = 31; i < 76; i++)
		ck_assert_uint_eq(answer[i], 0);
	ck_assert_int_eq(memcmp(answer + 76, "\x0a\x09\x30\x14\x05", 5), 0);
	ck_assert_uint_eq(ask(m, NOW_US, "050401ff"), 14);
	ck_assert_int_eq(memcmp(answer + 1, "\x00\x10\x09\x14\x05\x24\0\0\0\0\0\0\x01", 13), 0);
	ck_assert_uint_eq(ask(m, NOW_US, "05040100"), 13);
	ck_assert_int_eq(memcmp(answer + 7, "\x20\x12\x07\x14\x05\x24", 6), 0);
	ck_assert_uint_eq(sim_counter(&m->load, SIM_A_PLUS, 0, INT64_C(19857) * 86400 + 8 * 3600),
	    sim_counter(&m->load, SIM_A_PLUS, 0, INT64_C(19857) * 86400 + 9 * 3600));
	/* Silent while it lasts. */
	ck_assert_uint_eq(ask(m, NOW_US - 7200000000, "0500"), 0);
}
END_TEST

START_TEST(momentary_values_have_the_documented_lengths)
{
	struct sim_meter *m = make("{\"type\":\"mercury236\",\"address\":5,\"serial\":\"12345678\"}");
	static const struct {
		const char *hex;
		size_t n;
	} rows[] = {
		{ "05081100", 3 },
		{ "05081111", 3 },
		{ "05081123", 3 },
		{ "05081130", 3 },
		{ "05081140", 3 },
		{ "05081161", 2 },
		{ "05081170", 2 },
		{ "05081600", 12 },
		{ "05081610", 9 },
		{ "05081620", 9 },
		{ "05081630", 12 },
		{ "05081640", 3 },
		{ "05081650", 9 },
		{ "05081660", 6 },
		{ "050816a0", 86 },
		{ "05081110", 1 },
		{ "0508110c", 1 },
		{ "050811a0", 1 },
		{ "050814a0", 1 },
	};
	struct sim_instant now;

	open_meter(m, NOW_US, 1);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ck_assert_msg(ask(m, NOW_US, rows[i].hex) == rows[i].n + 1, "%s", rows[i].hex);
	expect(m, NOW_US, "050308", "0500");
	ck_assert_uint_eq(ask(m, NOW_US, "050814a0"), 179);
	ck_assert_uint_eq(ask(m, NOW_US, "05081400"), 17);
	ck_assert_uint_eq(ask(m, NOW_US, "050814f0"), 17);
	sim_instant(m, LOCAL, &now);
	ck_assert_uint_eq(ask(m, NOW_US, "05081111"), 4);
	ck_assert_int_eq(answer[1] << 16 | answer[3] << 8 | answer[2], now.u[0]);
	m = make("{\"type\":\"mercury230\",\"address\":5,\"serial\":\"12345678\"}");
	open_meter(m, NOW_US, 1);
	ck_assert_uint_eq(ask(m, NOW_US, "050816a0"), 79);
}
END_TEST

START_TEST(journals_have_single_records_a_last_one_and_pages)
{
	struct sim_meter *m = make("{\"type\":\"mercury236\",\"address\":5,\"serial\":\"12345678\"}");
	uint8_t all[121];

	open_meter(m, NOW_US, 1);
	ck_assert_uint_eq(ask(m, NOW_US, "050406fe"), 121);
	memcpy(all, answer, sizeof(all));
	for (int i = 0; i < 10; i++) {
		char hex[16];

		snprintf(hex, sizeof(hex), "050406%02x", i);
		ck_assert_uint_eq(ask(m, NOW_US, hex), 13);
		ck_assert_int_eq(memcmp(answer + 1, all + 1 + 12 * i, 12), 0);
	}
	ck_assert_uint_eq(ask(m, NOW_US, "050406ff"), 14);
	ck_assert_uint_lt(answer[13], 10);
	ck_assert_int_eq(memcmp(answer + 1, all + 1 + 12 * answer[13], 12), 0);
	ck_assert_uint_eq(ask(m, NOW_US, "050407fe"), 61);
	ck_assert_uint_eq(ask(m, NOW_US, "050420fe"), 241);
	ck_assert_uint_eq(ask(m, NOW_US, "050420fa"), 241);
	ck_assert_uint_eq(ask(m, NOW_US, "05042063"), 13);
	expect(m, NOW_US, "0504060a", "0501");
	expect(m, NOW_US, "05043000", "0501");
	expect(m, NOW_US, "050406fd", "0501");
}
END_TEST

START_TEST(old_firmware_refuses_or_ignores_what_it_does_not_know)
{
	struct sim_meter *m = make(
	    "{\"type\":\"mercury230-217\",\"address\":5,\"serial\":\"12345678\"}");
	int64_t today = INT64_C(19857) * 86400;

	open_meter(m, NOW_US, 1);
	expect(m, NOW_US, "05050006", "0501");
	expect(m, NOW_US, "0505c000", "0501");
	expect(m, NOW_US, "050406fe", "0501");
	expect(m, NOW_US, "050801", "0501");
	expect(m, NOW_US, "05060300001e", "0501");
	ck_assert_uint_eq(ask(m, NOW_US, "05060206b710"), 17);
	ck_assert_uint_eq(energy_at(1), sim_counter(&m->load, SIM_A_PLUS, 1, today));
	ck_assert_uint_eq(ask(m, NOW_US, "05060206fb10"), 17);
	ck_assert_uint_eq(energy_at(1), sim_counter(&m->load, SIM_A_PLUS, 0, today - 86400));
	ck_assert_uint_eq(ask(m, NOW_US, "05060203fe10"), 17);
	ck_assert_uint_eq(energy_at(1),
	    sim_counter(&m->load, SIM_A_PLUS, 0, civil_days(2024, 5, 1) * 86400));
	expect(m, NOW_US, "05060206a60f", "0501");
	expect(m, NOW_US, "05080a", "050000000200");
	m = make("{\"type\":\"mercury230-old\",\"address\":5,\"serial\":\"12345678\",\"unsupported\":"
		 "\"silence\"}");
	open_meter(m, NOW_US, 1);
	expect(m, NOW_US, "050401ff", "");
	ck_assert_uint_eq(ask(m, NOW_US, "0506020ae010"), 17);
	ck_assert_uint_eq(energy_at(1), sim_counter(&m->load, SIM_A_PLUS, 0, today));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("sim mercury");
	TCase *c = tcase_create("all");
	int failed;

	tcase_add_test(c, documented_frames_are_answered_as_documented);
	tcase_add_test(c, bad_crc_foreign_address_and_wrong_length_are_met_with_silence);
	tcase_add_test(c, the_channel_is_needed_and_closes_after_its_time);
	tcase_add_test(c, energy_arrays_agree_with_the_model_and_with_each_other);
	tcase_add_test(c, one_directional_meters_send_ff_for_what_they_do_not_keep);
	tcase_add_test(c, profile_addresses_are_bytes_before_firmware_7_and_records_after);
	tcase_add_test(c, a_read_across_the_ring_end_or_of_a_wrong_length_is_an_error);
	tcase_add_test(c, the_ring_keeps_the_newest_record_of_each_place);
	tcase_add_test(c, relative_reads_give_the_oldest_first);
	tcase_add_test(c, the_clock_is_corrected_once_a_day_and_slews);
	tcase_add_test(c, supply_failures_leave_empty_and_incomplete_records_and_a_journal);
	tcase_add_test(c, momentary_values_have_the_documented_lengths);
	tcase_add_test(c, journals_have_single_records_a_last_one_and_pages);
	tcase_add_test(c, old_firmware_refuses_or_ignores_what_it_does_not_know);
	suite_add_tcase(suite, c);
	failed = unit_main(suite);
	sim_street_free(street);
	return failed;
}
