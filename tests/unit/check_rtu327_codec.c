#include <check.h>
#include <stdio.h>
#include <string.h>

#include "rtu327/codec.h"
#include "src/base/checksum.h"
#include "tests/unit/unit.h"

static size_t
unhex(const char *hex, uint8_t *out)
{
	size_t n = 0;

	for (; hex[0] != '\0' && hex[1] != '\0'; hex += *hex == ' ' ? 1 : 2) {
		unsigned b;

		if (*hex == ' ')
			continue;
		ck_assert_int_eq(sscanf(hex, "%2x", &b), 1);
		out[n++] = (uint8_t)b;
	}
	return n;
}

static void
assert_bytes(const uint8_t *made, size_t len, const char *hex)
{
	char text[2 * 512 + 1] = "";
	char want[2 * 512 + 1] = "";
	uint8_t raw[512];
	size_t n = unhex(hex, raw);

	ck_assert_uint_le(len, 512);
	for (size_t i = 0; i < len; i++)
		snprintf(text + 2 * i, 3, "%02X", made[i]);
	for (size_t i = 0; i < n; i++)
		snprintf(want + 2 * i, 3, "%02X", raw[i]);
	ck_assert_str_eq(text, want);
}

/* One frame per command and what is in it.  Start, length, number, password, reserved, command,
 * parameters, checksum. */
static const struct {
	const char *hex;
	struct rtu327_request is;
} requests[] = {
	{ "02 0009 0001 00000000 0000 03 5DD1", { .frame = { .number = { 0, 1 }, .code = 3 } } },
	{ "02 0009 0100 00000000 0000 72 A061", { .frame = { .number = { 1, 0 }, .code = 114 } } },
	{ "02 0009 0006 30303031 0000 72 46E7",
	    { .frame = { .number = { 0, 6 }, .password = { '0', '0', '0', '1' }, .code = 114 } } },
	{ "02 000D 0100 00000000 0000 73 39000000 CE10",
	    { .frame = { .number = { 1, 0 }, .code = 115 }, .delta_s = 57 } },
	{ "02 000D 0100 00000000 0000 73 F0F1FFFF 4F71",
	    { .frame = { .number = { 1, 0 }, .code = 115 }, .delta_s = -3600 } },
	{ "02 000E E655 00000000 0000 70 4124407232 AE31",
	    { .frame = { .number = { 0xE6, 0x55 }, .code = 112 }, .serial = "4124407232" } },
	{ "02 0015 E656 00000000 0000 6F 4124407232 0F F8635260 1500 B54F",
	    { .frame = { .number = { 0xE6, 0x56 }, .code = 111 }, .serial = "4124407232", .mask = 15,
	    .time = 1616012280, .count = 21 } },
	{ "02 0013 0012 00000000 0000 71 4124407232 0F D06D5260 6543",
	    { .frame = { .number = { 0, 0x12 }, .code = 113 }, .serial = "4124407232", .mask = 15,
	    .time = 1616014800 } },
	{ "02 0013 001B 00000000 0000 6B 4124407232 D06D5260 01 306D",
	    { .frame = { .number = { 0, 0x1B }, .code = 107 }, .serial = "4124407232",
	    .time = 1616014800, .count = 1 } },
	{ "02 0014 001E 00000000 0000 6D 4124407232 CF6D5260 01 01 B4CE",
	    { .frame = { .number = { 0, 0x1E }, .code = 109 }, .serial = "4124407232",
	    .time = 1616014799, .channel = 1, .count = 1 } },
	{ "02 0014 0021 00000000 0000 74 4124407232 D06D5260 0A00 16A3",
	    { .frame = { .number = { 0, 0x21 }, .code = 116 }, .serial = "4124407232",
	    .time = 1616014800, .count = 10 } },
	{ "02 000A 0024 00000000 0000 65 01 2B08",
	    { .frame = { .number = { 0, 0x24 }, .code = 101 }, .section = 1 } },
	{ "02 0013 0026 00000000 0000 75 01000000 B9340000 0100 EE66",
	    { .frame = { .number = { 0, 0x26 }, .code = 117 }, .section = 1, .id = 13497,
	    .count = 1 } },
	{ "02 0016 0027 00000000 0000 69 4124407232 01 00 00000000 0100 7B35",
	    { .frame = { .number = { 0, 0x27 }, .code = 105 }, .serial = "4124407232", .mask = 1,
	    .count = 1 } },
};
enum { REQUESTS = sizeof(requests) / sizeof(requests[0]) };

START_TEST(every_request_decodes_and_encodes_to_the_same_bytes)
{
	const struct rtu327_request *is = &requests[_i].is;
	uint8_t raw[64], again[64];
	size_t n = unhex(requests[_i].hex, raw), used;
	struct wr w = wr_init(again, sizeof(again));
	struct rtu327_request q;
	struct rtu327_frame frame;

	ck_assert_int_eq(rtu327_frame_read(raw, n, false, &frame, &used), E_OK);
	ck_assert_uint_eq(used, n);
	ck_assert_int_eq(rtu327_decode_request(&frame, &q), E_OK);
	ck_assert_mem_eq(q.frame.number, is->frame.number, 2);
	ck_assert_mem_eq(q.frame.password, is->frame.password, 4);
	ck_assert_uint_eq(q.frame.code, is->frame.code);
	ck_assert_str_eq(q.serial, is->serial);
	ck_assert_uint_eq(q.mask, is->mask);
	ck_assert_uint_eq(q.channel, is->channel);
	ck_assert_uint_eq(q.count, is->count);
	ck_assert_uint_eq(q.time, is->time);
	ck_assert_int_eq(q.delta_s, is->delta_s);
	ck_assert_uint_eq(q.section, is->section);
	ck_assert_uint_eq(q.id, is->id);
	ck_assert(rtu327_request_sound(&q));
	ck_assert_int_eq(rtu327_encode_request(&w, is, false), E_OK);
	ck_assert_mem_eq(again, raw, n);
	ck_assert_uint_eq(w.len, n);
}
END_TEST

START_TEST(truncated_and_flipped_requests_are_refused)
{
	uint8_t raw[64];
	size_t n = unhex(requests[_i].hex, raw), used;
	struct rtu327_frame frame;

	for (size_t cut = 0; cut < n; cut++)
		ck_assert_int_eq(rtu327_frame_read(raw, cut, false, &frame, &used), E_NODATA);
	for (size_t bit = 0; bit < 8 * n; bit++) {
		raw[bit / 8] ^= (uint8_t)(1 << bit % 8);
		ck_assert_int_ne(rtu327_frame_read(raw, n, false, &frame, &used), E_OK);
		raw[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}
END_TEST

START_TEST(parameters_of_a_wrong_length_are_invalid)
{
	uint8_t raw[80] = { 0 };
	size_t n = unhex(requests[_i].hex, raw), used;
	struct rtu327_request q;
	struct rtu327_frame frame;
	size_t right;

	ck_assert_int_eq(rtu327_frame_read(raw, n, false, &frame, &used), E_OK);
	right = frame.len;
	for (frame.len = 0; frame.len < 30; frame.len++) {
		bool log_short = frame.code == RTU327_GETLOG && frame.len == 9;

		ck_assert_int_eq(rtu327_decode_request(&frame, &q),
		    frame.len == right || log_short ? E_OK : E_INVALID);
	}
}
END_TEST

START_TEST(unknown_commands_are_unsupported)
{
	for (unsigned code = 0; code < 256; code++) {
		struct rtu327_frame frame = { .code = (uint8_t)code };
		struct rtu327_request q;
		bool known = strcmp(rtu327_command_name(code), "?") != 0;

		ck_assert_int_eq(rtu327_decode_request(&frame, &q) == E_UNSUPPORTED, !known);
	}
}
END_TEST

START_TEST(serial_with_a_nibble_above_nine_is_invalid)
{
	static const uint8_t bad[5] = { 0x41, 0x24, 0x4A, 0x72, 0x32 };
	struct rtu327_frame frame = { .code = RTU327_GETSHPRM, .data = bad, .len = 5 };
	struct rtu327_request q;

	ck_assert_int_eq(rtu327_decode_request(&frame, &q), E_INVALID);
}
END_TEST

START_TEST(short_serial_is_padded_with_zeros_on_the_left)
{
	struct rtu327_request q = { .frame = { .code = RTU327_GETSHPRM }, .serial = "301083021" };
	uint8_t out[32];
	struct wr w = wr_init(out, sizeof(out));

	ck_assert_int_eq(rtu327_encode_request(&w, &q, false), E_OK);
	assert_bytes(out + 12, 5, "0301083021");
	strcpy(q.serial, "30108x");
	w = wr_init(out, sizeof(out));
	ck_assert_int_eq(rtu327_encode_request(&w, &q, false), E_INVALID);
}
END_TEST

START_TEST(getlog_is_understood_in_both_byte_orders_and_with_a_short_count)
{
	static const struct {
		const char *hex;
		enum rtu327_log_form form;
		bool sound;
	} forms[] = {
		{ "01000000 B9340000 0200", RTU327_LOG_LE, true },
		{ "00000001 000034B9 0002", RTU327_LOG_BE, true },
		{ "01000000 B9340000 02", RTU327_LOG_LE_SHORT, true },
		{ "00000001 000034B9 02", RTU327_LOG_BE_SHORT, true },
		{ "02000000 B9340000 0200", RTU327_LOG_LE, false },
	};

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		uint8_t raw[16], out[64];
		struct wr w = wr_init(out, sizeof(out));
		struct rtu327_frame frame = { .code = RTU327_GETLOG, .data = raw };
		struct rtu327_request q;

		frame.len = unhex(forms[i].hex, raw);
		ck_assert_int_eq(rtu327_decode_request(&frame, &q), E_OK);
		ck_assert_int_eq(q.form, forms[i].form);
		ck_assert_uint_eq(q.id, 13497);
		ck_assert_uint_eq(q.count, 2);
		ck_assert_int_eq(rtu327_request_sound(&q), forms[i].sound);
		ck_assert_int_eq(rtu327_encode_request(&w, &q, false), E_OK);
		ck_assert_mem_eq(out + 12, raw, frame.len);
	}
}
END_TEST

START_TEST(senseless_values_are_told_from_sound_ones)
{
	static const struct {
		struct rtu327_request q;
		bool sound;
	} cases[] = {
		{ { .frame.code = RTU327_GETPOK, .mask = 0xF0 }, false },
		{ { .frame.code = RTU327_GETPOK, .mask = 0xF1 }, true },
		{ { .frame.code = RTU327_GETLP, .mask = 1, .count = 0 }, false },
		{ { .frame.code = RTU327_GETLP, .mask = 0, .count = 1 }, false },
		{ { .frame.code = RTU327_GETAUTOREAD, .channel = 0, .count = 1 }, false },
		{ { .frame.code = RTU327_GETAUTOREAD, .channel = 5, .count = 1 }, false },
		{ { .frame.code = RTU327_GETAUTOREAD, .channel = 4, .count = 0 }, false },
		{ { .frame.code = RTU327_GETAUTOREAD, .channel = 4, .count = 1 }, true },
		{ { .frame.code = RTU327_GETTESTS, .count = 0 }, false },
		{ { .frame.code = RTU327_GETMTRLOG, .count = 0 }, false },
		{ { .frame.code = RTU327_GETMAXLOGID, .section = 2 }, false },
		{ { .frame.code = RTU327_GETLOG, .section = 1, .count = 0 }, false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ck_assert_int_eq(rtu327_request_sound(&cases[i].q), cases[i].sound);
}
END_TEST

START_TEST(profile_reply_equals_the_worked_example)
{
	struct rtu327_lp lp = { .count = 2, .bit15 = true, .last = 1616016600 };
	struct rtu327_interval a = { .energy = { 0.25 } }, b = { .energy = { 0.5 } };
	struct rtu327_frame frame = { .number = { 0, 7 } };
	uint8_t out[64];
	struct wr w = wr_init(out, sizeof(out));
	size_t at = rtu327_frame_begin(&w, &frame);

	rtu327_put_lp(&w, &lp);
	rtu327_put_interval(&w, 1, true, &a);
	rtu327_put_interval(&w, 1, true, &b);
	rtu327_frame_end(&w, at, false);
	assert_bytes(out, w.len,
	    "02 0022 0007 00000000 0000 00 0280 00 D8745260"
	    " 000000000000D03F 00 000000000000E03F 00 6984");
}
END_TEST

START_TEST(parts_of_replies_survive_the_way_there_and_back)
{
	struct rtu327_shprm p = { 1, 15, 20.0, 100.0, 1000.0, 30, -1, 2, 3 }, p2;
	struct rtu327_log l = { 13498, 3, 7, 1616014800, (const uint8_t *)"xy", 2 }, l2;
	struct rtu327_autoread a = { .serial = "0010184760", .time = 5, .total = 1.5 }, a2;
	uint8_t out[512];
	struct wr w = wr_init(out, sizeof(out));
	struct rd r;

	a.tariffs[3].energy = 12345.678;
	a.tariffs[0].max_time = 77;
	rtu327_put_shprm(&w, &p);
	ck_assert_uint_eq(w.len, 40);
	rtu327_put_log(&w, &l);
	ck_assert_uint_eq(w.len, 40 + RTU327_LOG_SIZE + 2);
	rtu327_put_autoread(&w, &a);
	ck_assert_uint_eq(w.len, 40 + RTU327_LOG_SIZE + 2 + RTU327_AUTOREAD_SIZE);
	r = rd_init(out, w.len);
	rtu327_get_shprm(&r, &p2);
	rtu327_get_log(&r, &l2);
	rtu327_get_autoread(&r, &a2);
	ck_assert(rd_done(&r));
	ck_assert_int_eq(p2.object_type, -1);
	ck_assert(p2.ratio_u == 100.0);
	ck_assert_mem_eq(l2.param, "xy", 2);
	ck_assert_str_eq(a2.serial, "0010184760");
	ck_assert(a2.tariffs[3].energy == 12345.678);
	ck_assert_uint_eq(a2.tariffs[0].max_time, 77);
	for (size_t cut = 0; cut < w.len; cut++) {
		r = rd_init(out, cut);
		rtu327_get_shprm(&r, &p2);
		rtu327_get_log(&r, &l2);
		rtu327_get_autoread(&r, &a2);
		ck_assert(rd_failed(&r));
	}
}
END_TEST

START_TEST(frame_that_does_not_fit_is_reported)
{
	for (size_t size = 0; size < 24; size++) {
		uint8_t out[32];
		struct wr w = wr_init(out, size);

		ck_assert_int_eq(rtu327_encode_request(&w, &requests[6].is, false), E_LIMIT);
	}
}
END_TEST

START_TEST(unsigned_checksum_variant_is_its_own)
{
	uint8_t out[64];
	struct wr w = wr_init(out, sizeof(out));
	struct rtu327_frame frame;
	size_t used;

	ck_assert_int_eq(rtu327_encode_request(&w, &requests[5].is, true), E_OK);
	assert_bytes(out + w.len - 2, 2, "BBCF");
	ck_assert_int_eq(rtu327_frame_read(out, w.len, true, &frame, &used), E_OK);
	ck_assert_int_eq(rtu327_frame_read(out, w.len, false, &frame, &used), E_CHECKSUM);
}
END_TEST

START_TEST(every_error_of_ours_has_a_result_code)
{
	for (int err = 0; err > -E_COUNT; err--)
		ck_assert_str_ne(rtu327_result_text(rtu327_result_of((enum uspd_err)err)),
		    "unknown result");
	ck_assert_int_eq(rtu327_result_of(E_BUSY), RTU327_DATABASE_ERROR);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("rtu327_codec");
	TCase *tcase = tcase_create("codec");

	tcase_add_loop_test(tcase, every_request_decodes_and_encodes_to_the_same_bytes, 0, REQUESTS);
	tcase_add_loop_test(tcase, truncated_and_flipped_requests_are_refused, 0, REQUESTS);
	tcase_add_loop_test(tcase, parameters_of_a_wrong_length_are_invalid, 0, REQUESTS);
	tcase_add_test(tcase, unknown_commands_are_unsupported);
	tcase_add_test(tcase, serial_with_a_nibble_above_nine_is_invalid);
	tcase_add_test(tcase, short_serial_is_padded_with_zeros_on_the_left);
	tcase_add_test(tcase, getlog_is_understood_in_both_byte_orders_and_with_a_short_count);
	tcase_add_test(tcase, senseless_values_are_told_from_sound_ones);
	tcase_add_test(tcase, profile_reply_equals_the_worked_example);
	tcase_add_test(tcase, parts_of_replies_survive_the_way_there_and_back);
	tcase_add_test(tcase, frame_that_does_not_fit_is_reported);
	tcase_add_test(tcase, unsigned_checksum_variant_is_its_own);
	tcase_add_test(tcase, every_error_of_ours_has_a_result_code);
	suite_add_tcase(suite, tcase);
	return unit_main(suite);
}
