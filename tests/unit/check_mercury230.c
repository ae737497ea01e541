/* Codec of Меркурий 23x: the recorded exchanges, whole, cut and damaged, and what they do not show. */
#include <check.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "meters/mercury230_codec.h"
#include "src/base/checksum.h"
#include "tests/unit/unit.h"

enum { BYTES_MAX = 300 };

static size_t
bytes_of(const char *hex, uint8_t *to)
{
	size_t n = strlen(hex) / 2;

	ck_assert_uint_le(n, BYTES_MAX);
	for (size_t i = 0; i < n; i++) {
		unsigned byte;

		ck_assert_int_eq(sscanf(hex + 2 * i, "%2x", &byte), 1);
		to[i] = (uint8_t)byte;
	}
	return n;
}

/* ---- every recorded exchange ---- */

typedef void visitor(const char *name, const uint8_t *tx, size_t tx_len, const uint8_t *rx,
    size_t rx_len);

static void
visit_exchanges(const json_t *vector, visitor *visit)
{
	const char *name = json_string_value(json_object_get(vector, "case"));
	uint8_t tx[BYTES_MAX], rx[BYTES_MAX];
	json_t *step;
	size_t i;

	json_array_foreach(json_object_get(vector, "exchange"), i, step) {
		const char *answer = json_string_value(json_object_get(step, "rx"));
		size_t tx_len = bytes_of(json_string_value(json_object_get(step, "tx")), tx);
		size_t rx_len = answer != NULL ? bytes_of(answer, rx) : 0;

		visit(name, tx, tx_len, rx, rx_len);
	}
}

static void
visit_vectors(visitor *visit)
{
	const char *folder = getenv("USPD_VECTORS");
	char path[512], *line = NULL;
	size_t size = 0, n = 0;
	FILE *in;

	snprintf(path, sizeof(path), "%s/mercury.jsonl", folder != NULL ? folder : "tests/vectors");
	in = fopen(path, "r");
	ck_assert_msg(in != NULL, "no %s: run from the top of the tree", path);
	while (getline(&line, &size, in) >= 0) {
		json_t *vector = json_loads(line, 0, NULL);
		const char *protocol = json_string_value(json_object_get(vector, "protocol"));

		if (protocol != NULL && strcmp(protocol, "mercury23x") == 0) {
			visit_exchanges(vector, visit);
			n++;
		}
		json_decref(vector);
	}
	free(line);
	fclose(in);
	ck_assert_uint_ge(n, 50);
}

static bool
is_accepted(struct framing f)
{
	return f.verdict == FRAME_WHOLE || f.verdict == FRAME_SILENT;
}

static struct mercury230_expect
expectation(const uint8_t *tx, size_t tx_len)
{
	struct mercury230_request q;

	ck_assert_int_eq(mercury230_parse_request(&q, tx, tx_len), E_OK);
	return mercury230_expect_of(&q);
}

static void
request_again(const char *name, const uint8_t *tx, size_t tx_len, const uint8_t *rx, size_t rx_len)
{
	struct mercury230_request q;
	uint8_t again[M230_REQUEST_MAX];

	(void)rx;
	(void)rx_len;
	ck_assert_msg(mercury230_parse_request(&q, tx, tx_len) == E_OK, "%s", name);
	ck_assert_msg(mercury230_encode(&q, again, sizeof(again)) == tx_len, "%s", name);
	ck_assert_msg(memcmp(again, tx, tx_len) == 0, "%s", name);
	for (size_t n = 0; n < tx_len; n++)
		ck_assert_msg(mercury230_encode(&q, again, n) == 0, "%s", name);
}

START_TEST(every_recorded_request_is_built_again) { visit_vectors(request_again); }
END_TEST

static void
answer_whole(const char *name, const uint8_t *tx, size_t tx_len, const uint8_t *rx, size_t rx_len)
{
	struct mercury230_expect e = expectation(tx, tx_len);
	struct framing f = mercury230_framer(&e, rx, rx_len);

	if (rx_len == 0)
		return;
	ck_assert_msg(is_accepted(f) && f.n == rx_len, "%s: verdict %d n %zu", name, f.verdict, f.n);
	/* A refusal of a read waits for silence, everything else is taken at its last byte. */
	ck_assert_msg((f.verdict == FRAME_SILENT) == (e.data[e.n - 1] + 3u != rx_len), "%s", name);
}

START_TEST(every_recorded_answer_is_a_whole_frame) { visit_vectors(answer_whole); }
END_TEST

static void
answer_cut(const char *name, const uint8_t *tx, size_t tx_len, const uint8_t *rx, size_t rx_len)
{
	struct mercury230_expect e = expectation(tx, tx_len);

	for (size_t n = 0; n < rx_len; n++) {
		struct framing f = mercury230_framer(&e, rx, n);

		ck_assert_msg(f.verdict == FRAME_MORE, "%s: %zu bytes: verdict %d", name, n, f.verdict);
		ck_assert_msg(f.n >= 1 && n + f.n <= M230_FRAME_MAX, "%s: %zu bytes", name, n);
	}
}

START_TEST(an_answer_cut_anywhere_waits_for_more) { visit_vectors(answer_cut); }
END_TEST

static void
answer_flipped(const char *name, const uint8_t *tx, size_t tx_len, const uint8_t *rx, size_t rx_len)
{
	struct mercury230_expect e = expectation(tx, tx_len);
	uint8_t bad[BYTES_MAX];

	for (size_t bit = 0; bit < rx_len * 8; bit++) {
		struct framing f;

		memcpy(bad, rx, rx_len);
		bad[bit / 8] ^= (uint8_t)(1u << bit % 8);
		f = mercury230_framer(&e, bad, rx_len);
		ck_assert_msg(!is_accepted(f), "%s: bit %zu: verdict %d", name, bit, f.verdict);
	}
}

START_TEST(no_flipped_bit_passes) { visit_vectors(answer_flipped); }
END_TEST

/* ---- the framer among other bytes ---- */

static size_t
frame(uint8_t *to, uint8_t address, const char *data)
{
	size_t n = 1 + bytes_of(data, to + 1);
	uint16_t crc;

	to[0] = address;
	crc = crc16_modbus(to, n);
	to[n] = (uint8_t)crc;
	to[n + 1] = (uint8_t)(crc >> 8);
	return n + 2;
}

static const struct mercury230_expect clock_of_5 = { .address = 5, .n = 1, .data = { 8 } };

START_TEST(leading_ff_is_noise)
{
	uint8_t rx[BYTES_MAX] = { 0xff, 0xff };
	size_t n = 2 + frame(rx + 2, 5, "4314160327020801");
	struct framing f = mercury230_framer(&clock_of_5, rx, n);

	ck_assert_int_eq(f.verdict, FRAME_NOISE);
	ck_assert_uint_eq(f.n, 2);
	f = mercury230_framer(&clock_of_5, rx + 2, n - 2);
	ck_assert_int_eq(f.verdict, FRAME_WHOLE);
}
END_TEST

START_TEST(an_answer_is_found_behind_a_glitch)
{
	uint8_t rx[BYTES_MAX] = { 0x00, 0x05 };
	size_t n = 2 + frame(rx + 2, 5, "4314160327020801");
	struct framing f = mercury230_framer(&clock_of_5, rx, n);

	ck_assert_int_eq(f.verdict, FRAME_NOISE);
	ck_assert_uint_eq(f.n, 2);
}
END_TEST

START_TEST(a_good_frame_of_another_address_is_foreign)
{
	uint8_t rx[BYTES_MAX];
	size_t n = frame(rx, 6, "4314160327020801");
	struct framing f = mercury230_framer(&clock_of_5, rx, n);

	ck_assert_int_eq(f.verdict, FRAME_FOREIGN);
	ck_assert_uint_eq(f.n, n);
	n = frame(rx, 6, "00112233445566778899aabb"); /* a late answer to something else */
	f = mercury230_framer(&clock_of_5, rx, n);
	ck_assert_int_eq(f.verdict, FRAME_FOREIGN);
	ck_assert_uint_eq(f.n, n);
}
END_TEST

START_TEST(a_late_foreign_answer_does_not_hide_ours)
{
	uint8_t rx[BYTES_MAX];
	size_t foreign = frame(rx, 6, "00112233445566778899aabb");
	size_t n = foreign + frame(rx + foreign, 5, "4314160327020801");
	struct framing f = mercury230_framer(&clock_of_5, rx, n);

	ck_assert_int_eq(f.verdict, FRAME_NOISE);
	ck_assert_uint_eq(f.n, foreign);
}
END_TEST

START_TEST(a_status_instead_of_data_is_taken_after_silence)
{
	uint8_t rx[BYTES_MAX];
	size_t n = frame(rx, 5, "01");
	struct framing f = mercury230_framer(&clock_of_5, rx, n);

	ck_assert_int_eq(f.verdict, FRAME_SILENT);
	ck_assert_uint_eq(f.n, 4);
	rx[n] = 0x00; /* the driver switching off */
	f = mercury230_framer(&clock_of_5, rx, n + 1);
	ck_assert_int_eq(f.verdict, FRAME_SILENT);
	ck_assert_uint_eq(f.n, 4);
}
END_TEST

/* The same every time, so that a failure comes again. */
static uint32_t
next_random(void)
{
	static uint32_t state = 1;

	state = state * 1664525 + 1013904223;
	return state >> 12;
}

START_TEST(the_framer_never_claims_bytes_that_are_not_there)
{
	static const struct mercury230_expect open_ended = { .address = 5, .is_open = true };
	uint8_t rx[600];

	for (int round = 0; round < 3000; round++) {
		size_t n = next_random() % sizeof(rx);
		const struct mercury230_expect *e = round % 2 ? &clock_of_5 : &open_ended;
		struct framing f;

		for (size_t i = 0; i < n; i++)
			rx[i] = (uint8_t)next_random();
		if (n > 0 && round % 3)
			rx[0] = 5;
		f = mercury230_framer(e, rx, n);
		ck_assert_uint_ge(f.n, 1);
		if (f.verdict != FRAME_MORE)
			ck_assert_uint_le(f.n, n);
	}
}
END_TEST

/* ---- values ---- */

static struct rd
reader(const char *hex)
{
	static uint8_t bytes[BYTES_MAX];

	return rd_init(bytes, bytes_of(hex, bytes));
}

START_TEST(absent_energy_is_not_zero)
{
	struct rd r = reader("0000700affffffff0000e80300000000");
	struct mercury230_energy e;

	mercury230_decode_energy(&r, &e, 4);
	ck_assert(rd_done(&r));
	ck_assert_uint_eq(e.present, 0x0d);
	ck_assert_uint_eq(e.n[0], 2672);
	ck_assert_uint_eq(e.n[2], 1000);
	ck_assert_uint_eq(e.n[3], 0);
}
END_TEST

static const struct {
	const char *hex;
	enum m230_kind kind;
	unsigned power;
	bool present;
	int64_t milli;
} values[] = {
	{ "488770", M230_POWER, 0, true, 5530950 },
	{ "c88770", M230_POWER, 0, true, -5530950 },
	{ "488770", M230_POWER, 1, true, -5530950 },
	{ "c88770", M230_POWER, 2, true, 5530950 },
	{ "00405e", M230_VOLTAGE, 0, true, 241280 },
	{ "c0405e", M230_VOLTAGE, 0, true, 241280 },
	{ "004500", M230_CURRENT, 0, true, 69 },
	{ "80e703", M230_COS, 0, true, -999 },
	{ "00e803", M230_COS, 0, true, 1000 },
	{ "00e903", M230_COS, 0, false, 0 },
	{ "008713", M230_FREQUENCY, 0, true, 49990 },
	{ "00e02e", M230_ANGLE, 0, true, 120000 },
	{ "ffffff", M230_VOLTAGE, 0, false, 0 },
};

START_TEST(momentary_values_take_the_right_sign_and_scale)
{
	struct rd r = reader(values[_i].hex);
	struct mercury230_value v = mercury230_decode_value(&r);
	int64_t milli = 0;

	ck_assert_int_eq(mercury230_value_milli(&v, values[_i].kind, values[_i].power, &milli),
	    values[_i].present);
	ck_assert_int_eq(milli, values[_i].milli);
}
END_TEST

START_TEST(latched_powers_have_their_own_byte_order)
{
	struct rd r = reader("0040e729");
	struct mercury230_value v = mercury230_decode_latched(&r);

	ck_assert_uint_eq(v.n, 10727);
	ck_assert(v.is_reactive_reverse && !v.is_active_reverse);
}
END_TEST

START_TEST(a_block_of_an_unknown_length_is_refused)
{
	static const uint8_t bytes[100];
	struct mercury230_block b;

	for (size_t n = 0; n <= sizeof(bytes); n++) {
		struct rd r = rd_init(bytes, n);

		ck_assert_int_eq(mercury230_decode_block(&r, &b), n == 78 || n == 86 ? E_OK : E_FRAME);
	}
}
END_TEST

/* ---- time ---- */

static const struct { const char *hex; enum m230_stamp stamp; } stamps[] = {
	{ "000000000000", M230_STAMP_EMPTY }, { "ffffffffffff", M230_STAMP_EMPTY },
	{ "015307010208", M230_STAMP_GOOD }, { "433015300218", M230_STAMP_BAD },
	{ "431530180108", M230_STAMP_BAD },	/* hour 30, a misprint of the maker's document */
	{ "431515181308", M230_STAMP_BAD }, { "4315151800ff", M230_STAMP_BAD },
	{ "000000290223", M230_STAMP_BAD }, { "0000002902", M230_STAMP_BAD },
	{ "000000290224", M230_STAMP_GOOD }, { "0a0000010124", M230_STAMP_BAD },
};

START_TEST(stamps_are_empty_good_or_bad)
{
	struct rd r = reader(stamps[_i].hex);
	struct civil t;

	ck_assert_int_eq(mercury230_decode_stamp(&r, &t), stamps[_i].stamp);
}
END_TEST

START_TEST(clock_is_written_as_it_is_read)
{
	const struct civil t = { 2008, 2, 27, 16, 14, 43 };
	uint8_t bytes[8];
	struct wr w = wr_init(bytes, sizeof(bytes));
	struct rd r = rd_init(bytes, sizeof(bytes));
	struct mercury230_clock clock;

	mercury230_encode_clock(&w, &t, false);
	ck_assert(wr_ok(&w) && w.len == 8);
	ck_assert_int_eq(mercury230_decode_clock(&r, &clock), E_OK);
	ck_assert_int_eq(memcmp(&clock.t, &t, sizeof(t)), 0);
	ck_assert_int_eq(clock.weekday, 3);
	ck_assert_int_eq(clock.season, SEASON_WINTER);
}
END_TEST

/* ---- profile ---- */

START_TEST(slice_power_is_rounded_half_away_from_zero)
{
	ck_assert_int_eq(mercury230_slice_power(10500, 1000, 30), 10500000);
	ck_assert_int_eq(mercury230_slice_power(1, 5000, 60), 100);
	ck_assert_int_eq(mercury230_slice_power(1, 25000, 7), 171); /* 171.43 */
	ck_assert_int_eq(mercury230_slice_power(7, 25000, 48), 175); /* exactly 175 */
	ck_assert_int_eq(mercury230_slice_power(1, 25000, 32), 38); /* 37.5 */
	ck_assert_int_eq(mercury230_slice_power(65534, 250, 1), INT64_C(7864080000));
	ck_assert_int_eq(mercury230_pulses_energy(UINT32_MAX - 1, 250), INT64_C(8589934588000));
	ck_assert_int_eq(mercury230_pulses_energy(1, 25000), 20);
}
END_TEST

START_TEST(slices_are_good_empty_or_bad)
{
	struct mercury230_slice s;
	struct rd r = reader("0a10000503081e0429ffff00000000");

	mercury230_decode_slice(&r, &s);
	ck_assert(
	    !s.is_empty && !s.is_bad && s.period_min == 30 && s.present == 0x0d && s.n[0] == 10500);
	r = reader("000000000000000000000000000000");
	mercury230_decode_slice(&r, &s);
	ck_assert(s.is_empty && !s.is_bad);
	r = reader("ffffffffffffffffffffffffffffff");
	mercury230_decode_slice(&r, &s);
	ck_assert(s.is_empty && !s.is_bad);
	r = reader("0a25000503081e0429ffff00000000"); /* hour 25 */
	mercury230_decode_slice(&r, &s);
	ck_assert(!s.is_empty && s.is_bad);
	r = reader("0a1000050308000429ffff00000000"); /* period 0 */
	mercury230_decode_slice(&r, &s);
	ck_assert(!s.is_empty && s.is_bad);
	r = reader("0a10000503081e04"); /* cut */
	mercury230_decode_slice(&r, &s);
	ck_assert(s.is_empty && rd_failed(&r));
}
END_TEST

/* ---- identity ---- */

START_TEST(state_word_counts_errors_from_the_last_word)
{
	struct rd r = reader("000000000400");

	ck_assert_uint_eq(mercury230_decode_state(&r, 6), UINT64_C(1) << 2);
	r = reader("008000000000");
	ck_assert_uint_eq(mercury230_decode_state(&r, 6), UINT64_C(1) << 47);
	r = reader("000001000000");
	ck_assert_uint_eq(mercury230_decode_state(&r, 6), UINT64_C(1) << 16);
	r = reader("00000400");
	ck_assert_uint_eq(mercury230_decode_state(&r, 4), UINT64_C(1) << 2);
}
END_TEST

START_TEST(serial_bytes_are_pairs_of_decimal_digits)
{
	struct mercury230_serial s;
	struct rd r = reader("042f0d3b020606");

	ck_assert_int_eq(mercury230_decode_serial(&r, &s), E_OK);
	ck_assert_str_eq(s.text, "04471359");
	ck_assert_int_eq(s.made.year, 2006);
	r = reader("04640d3b020606");
	ck_assert_int_eq(mercury230_decode_serial(&r, &s), E_FRAME);
	r = reader("042f0d3b1f0c09"); /* 31.12.2009 in binary */
	ck_assert_int_eq(mercury230_decode_serial(&r, &s), E_OK);
	ck_assert(s.made.year == 2009 && s.made.month == 12 && s.made.day == 31);
}
END_TEST

START_TEST(short_variants_of_old_firmware_are_read)
{
	struct mercury230_variant v;
	struct rd r = reader("b4e4c2");

	ck_assert_int_eq(mercury230_decode_variant(&r, 3, &v), E_OK);
	ck_assert(v.constant == 1000 && v.has_profile && v.phases == 3 && !v.has_big_memory);
	r = reader("b4");
	ck_assert_int_eq(mercury230_decode_variant(&r, 1, &v), E_FRAME);
}
END_TEST

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

int
main(void)
{
	Suite *suite = suite_create("mercury230 codec");
	TCase *tc = tcase_create("frames");

	tcase_add_test(tc, every_recorded_request_is_built_again);
	tcase_add_test(tc, every_recorded_answer_is_a_whole_frame);
	tcase_add_test(tc, an_answer_cut_anywhere_waits_for_more);
	tcase_add_test(tc, no_flipped_bit_passes);
	tcase_add_test(tc, leading_ff_is_noise);
	tcase_add_test(tc, an_answer_is_found_behind_a_glitch);
	tcase_add_test(tc, a_good_frame_of_another_address_is_foreign);
	tcase_add_test(tc, a_late_foreign_answer_does_not_hide_ours);
	tcase_add_test(tc, a_status_instead_of_data_is_taken_after_silence);
	tcase_add_test(tc, the_framer_never_claims_bytes_that_are_not_there);
	suite_add_tcase(suite, tc);
	tc = tcase_create("contents");
	tcase_add_test(tc, absent_energy_is_not_zero);
	tcase_add_loop_test(tc, momentary_values_take_the_right_sign_and_scale, 0, COUNT(values));
	tcase_add_test(tc, latched_powers_have_their_own_byte_order);
	tcase_add_test(tc, a_block_of_an_unknown_length_is_refused);
	tcase_add_loop_test(tc, stamps_are_empty_good_or_bad, 0, COUNT(stamps));
	tcase_add_test(tc, clock_is_written_as_it_is_read);
	tcase_add_test(tc, slice_power_is_rounded_half_away_from_zero);
	tcase_add_test(tc, slices_are_good_empty_or_bad);
	tcase_add_test(tc, state_word_counts_errors_from_the_last_word);
	tcase_add_test(tc, serial_bytes_are_pairs_of_decimal_digits);
	tcase_add_test(tc, short_variants_of_old_firmware_are_read);
	suite_add_tcase(suite, tc);
	return unit_main(suite);
}
