/* Base: cursors, checksums, calendar, error list. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/checksum.h"
#include "src/base/civil.h"
#include "src/base/cursor.h"
#include "src/base/err.h"
#include "tests/unit/unit.h"

START_TEST(reader_past_the_end_yields_zeros_and_remembers)
{
	static const uint8_t bytes[] = { 1, 2, 3 };
	struct rd r = rd_init(bytes, sizeof(bytes));

	ck_assert_uint_eq(rd_u16_le(&r), 0x0201);
	ck_assert_uint_eq(rd_u32_be(&r), 0);
	ck_assert(rd_failed(&r));
	ck_assert(!rd_done(&r));
	ck_assert_uint_eq(rd_u8(&r), 0);
}
END_TEST

START_TEST(reader_consumes_exactly)
{
	static const uint8_t bytes[] = { 0x12, 0x34, 0x56, 0x78, 0x9a };
	struct rd r = rd_init(bytes, sizeof(bytes));
	uint8_t rest[2];

	ck_assert_uint_eq(rd_u24_be(&r), 0x123456);
	ck_assert_uint_eq(rd_left(&r), 2);
	rd_bytes(&r, rest, 2);
	ck_assert_uint_eq(rest[1], 0x9a);
	ck_assert(rd_done(&r));
}
END_TEST

START_TEST(writer_past_the_end_writes_nothing_of_the_field)
{
	uint8_t buf[5];
	struct wr w = wr_init(buf, sizeof(buf));

	wr_u32_be(&w, 0x01020304);
	wr_u16_le(&w, 0x0506);
	ck_assert(!wr_ok(&w));
	ck_assert_uint_eq(w.len, 4);
}
END_TEST

START_TEST(variable_length_integers_go_there_and_back)
{
	static const int64_t edges[] = { 0, -1, 1, 63, 64, -64, -65, INT32_MAX, INT64_MAX, INT64_MIN };
	uint8_t buf[16];

	for (int i = 0; i < 20000; i++) {
		int64_t v = i < 10 ? edges[i] :
				     (int64_t)((uint64_t)random() << 33 ^ (uint64_t)random()) >> i % 60;
		struct wr w = wr_init(buf, sizeof(buf));
		struct rd r;

		wr_zigzag(&w, v);
		ck_assert(wr_ok(&w));
		r = rd_init(buf, w.len);
		ck_assert_int_eq(rd_zigzag(&r), v);
		ck_assert(rd_done(&r));
	}
}
END_TEST

START_TEST(an_endless_variable_length_integer_is_refused)
{
	uint8_t buf[32];
	struct rd r;

	memset(buf, 0xff, sizeof(buf));
	r = rd_init(buf, sizeof(buf));
	rd_varint(&r);
	ck_assert(rd_failed(&r));
}
END_TEST

START_TEST(modbus_checksum_has_the_documented_values)
{
	static const uint8_t open[] = { 0x05, 0x01, 0x30, 0x30, 0x30, 0x30, 0x30, 0x30 };

	ck_assert_uint_eq(crc16_modbus((const uint8_t *)"\0\0", 2), 0xB001);
	ck_assert_uint_eq(crc16_modbus((const uint8_t *)"\1\0", 2), 0x2000);
	ck_assert_uint_eq(crc16_modbus(open, sizeof(open)), 0x1BCE);
}
END_TEST

START_TEST(rtu327_checksum_extends_the_sign)
{
	static const uint8_t high = 0x80, ff = 0xff;

	ck_assert_uint_eq(crc16_rtu327((const uint8_t *)"123456789", 9, true), 0xA69D);
	ck_assert_uint_eq(crc16_rtu327(NULL, 0, true), 0xFFFF);
	ck_assert_uint_eq(crc16_rtu327(&high, 1, true), 0x1E70);
	ck_assert_uint_eq(crc16_rtu327(&ff, 1, true), 0x1E0F);
	ck_assert_uint_ne(crc16_rtu327(&high, 1, false), 0x1E70);
}
END_TEST

START_TEST(bcd_refuses_letters)
{
	ck_assert_int_eq(bcd_decode(0x59), 59);
	ck_assert_int_eq(bcd_decode(0x5a), -1);
	ck_assert_int_eq(bcd_decode(0xa5), -1);
	for (unsigned v = 0; v < 100; v++)
		ck_assert_int_eq(bcd_decode(bcd_encode(v)), (int)v);
}
END_TEST

START_TEST(calendar_goes_there_and_back)
{
	static const struct zone zones[] = { { 0, false }, { 10800, false }, { -7200, true },
		{ 3600, true }, { 20700, false } };
	struct zone zone = zones[_i];

	for (int64_t t = 86400; t < INT64_C(4102444800); t += 86400 * 3 - 1801) {
		struct civil c = civil_from_utc(zone, t);

		ck_assert(civil_valid(&c));
		ck_assert_int_eq(
		    civil_to_utc(zone, &c, zone_is_summer(zone, t) ? SEASON_SUMMER : SEASON_WINTER), t);
		ck_assert(day_start(zone, t) <= t && t < day_add(zone, day_start(zone, t), 1));
		ck_assert(month_start(zone, t) <= t && t < month_add(zone, month_start(zone, t), 1));
	}
}
END_TEST

START_TEST(the_doubled_hour_is_told_apart_by_the_season)
{
	struct zone berlin = { 3600, true };
	struct civil c = { 2026, 10, 25, 2, 30, 0 };
	int64_t summer = civil_to_utc(berlin, &c, SEASON_SUMMER),
		winter = civil_to_utc(berlin, &c, SEASON_WINTER);

	ck_assert_int_eq(winter - summer, 3600);
	ck_assert_int_eq(civil_to_utc(berlin, &c, SEASON_UNKNOWN), summer);
}
END_TEST

START_TEST(impossible_dates_are_refused)
{
	static const struct civil bad[] = { { 2026, 2, 29, 0, 0, 0 }, { 2026, 13, 1, 0, 0, 0 },
		{ 2026, 1, 0, 0, 0, 0 }, { 2026, 1, 1, 24, 0, 0 }, { 2026, 1, 1, 0, 60, 0 },
		{ 1969, 1, 1, 0, 0, 0 } };
	static const struct civil good = { 2024, 2, 29, 23, 59, 59 };

	ck_assert(!civil_valid(&bad[_i]));
	ck_assert(civil_valid(&good));
}
END_TEST

START_TEST(every_error_has_a_text_and_a_name)
{
	for (int code = 0; code > -E_COUNT; code--) {
		ck_assert_str_ne(uspd_strerror(code), "unknown error");
		ck_assert_str_ne(uspd_errname(code), "E_?");
	}
	ck_assert_str_eq(uspd_strerror(5), "unknown error");
	ck_assert_str_eq(uspd_strerror(-E_COUNT), "unknown error");
	ck_assert_str_eq(uspd_errname(E_TIMEOUT), "E_TIMEOUT");
}
END_TEST

START_TEST(moments_are_printed_with_their_offset)
{
	char buf[CIVIL_TEXT_SIZE];

	ck_assert_str_eq(civil_print((struct zone){ 10800, false }, 1717189200, 'T', buf),
	    "2024-06-01T00:00:00+03:00");
	ck_assert_str_eq(civil_print((struct zone){ -12600, false }, 0, 'T', buf),
	    "1969-12-31T20:30:00-03:30");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("base");
	TCase *t = tcase_create("base");

	tcase_add_test(t, reader_past_the_end_yields_zeros_and_remembers);
	tcase_add_test(t, reader_consumes_exactly);
	tcase_add_test(t, writer_past_the_end_writes_nothing_of_the_field);
	tcase_add_test(t, variable_length_integers_go_there_and_back);
	tcase_add_test(t, an_endless_variable_length_integer_is_refused);
	tcase_add_test(t, modbus_checksum_has_the_documented_values);
	tcase_add_test(t, rtu327_checksum_extends_the_sign);
	tcase_add_test(t, bcd_refuses_letters);
	tcase_add_loop_test(t, calendar_goes_there_and_back, 0, 5);
	tcase_add_test(t, the_doubled_hour_is_told_apart_by_the_season);
	tcase_add_loop_test(t, impossible_dates_are_refused, 0, 6);
	tcase_add_test(t, every_error_has_a_text_and_a_name);
	tcase_add_test(t, moments_are_printed_with_their_offset);
	suite_add_tcase(suite, t);
	return unit_main(suite);
}
