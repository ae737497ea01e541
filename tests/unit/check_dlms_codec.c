/* Frames, values and APDUs of DLMS: round trips, limits, truncation. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "meters/dlms/wrapper_codec.h"
#include "tests/unit/dlms_help.h"
#include "tests/unit/unit.h"

static const char good_frame[] = "7EA016410221525D0CE6E700C401C1000600BC6146236C7E";

static struct hdlc_expect
expect(void)
{
	struct hdlc_expect e = { .to = { { 0x41 }, 1 } };

	ck_assert_int_eq(hdlc_address(&e.from, 1, 16, 0), E_OK);
	return e;
}

/* ---- HDLC ---- */

START_TEST(the_checksum_is_that_of_x25)
{
	ck_assert_uint_eq(hdlc_crc((const uint8_t *)"123456789", 9), 0x906e);
}
END_TEST

START_TEST(addresses_take_one_two_or_four_octets)
{
	static const struct {
		unsigned logical;
		int physical;
		unsigned octets;
		const char *hex;
	} rows[] = {
		{ 1, HDLC_NO_PHYSICAL, 0, "03" }, { 1, 16, 0, "0221" }, { 1, 127, 0, "02FF" },
		{ 1, 1388, 0, "000214D9" }, { 1, 16, 4, "00020021" }, { 200, 16, 0, "02900021" },
	};
	struct hdlc_address a;
	unsigned logical;
	int physical;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct octets o = dlms_octets(rows[i].hex);

		ck_assert_int_eq(hdlc_address(&a, rows[i].logical, rows[i].physical, rows[i].octets),
		    E_OK);
		ck_assert_uint_eq(a.len, o.len);
		ck_assert_mem_eq(a.octets, o.p, o.len);
		hdlc_address_numbers(&a, &logical, &physical);
		ck_assert_uint_eq(logical, rows[i].logical);
		ck_assert_int_eq(physical, rows[i].physical);
	}
	ck_assert_int_eq(hdlc_address(&a, 1, 200, 2), E_INVALID);
	ck_assert_int_eq(hdlc_address(&a, 1, 0x4000, 0), E_INVALID);
	ck_assert_int_eq(hdlc_address(&a, 1, 16, 3), E_INVALID);
}
END_TEST

START_TEST(a_cut_frame_is_never_whole)
{
	const struct hdlc_expect e = expect();
	struct octets o = dlms_octets(good_frame);

	for (size_t len = 0; len < o.len; len++) {
		struct framing f = hdlc_framer(&e, o.p, len);

		ck_assert_int_eq(f.verdict, FRAME_MORE);
		ck_assert_uint_ge(f.n, 1);
		ck_assert_uint_le(len + f.n, o.len);
	}
	ck_assert_int_eq(hdlc_framer(&e, o.p, o.len).verdict, FRAME_WHOLE);
}
END_TEST

START_TEST(every_flipped_bit_is_noticed)
{
	const struct hdlc_expect e = expect();
	uint8_t copy[64];
	struct octets o = dlms_octets(good_frame);

	for (size_t bit = 8; bit < (o.len - 1) * 8; bit++) {
		memcpy(copy, o.p, o.len);
		copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
		ck_assert_int_ne(hdlc_framer(&e, copy, o.len).verdict, FRAME_WHOLE);
	}
}
END_TEST

/* Window 3: the run ends with the frame that asks for our answer. */
START_TEST(a_run_of_frames_is_taken_whole)
{
	const struct hdlc_expect e = expect();
	uint8_t buf[256];
	struct wr w = wr_init(buf, sizeof(buf));
	struct hdlc_frame f = { .to = e.to, .from = e.from, .kind = HDLC_I, .segmented = true,
		.info = (const uint8_t *)"abcd", .info_len = 4 };
	size_t first, second;

	hdlc_put(&w, &f);
	first = w.len;
	w.len--; /* one flag between the two */
	f.ns = 1;
	hdlc_put(&w, &f);
	second = w.len;
	f.ns = 2;
	f.final = true;
	hdlc_put(&w, &f);
	ck_assert_int_eq(hdlc_framer(&e, buf, first).verdict, FRAME_SILENT);
	ck_assert_int_eq(hdlc_framer(&e, buf, second).verdict, FRAME_SILENT);
	ck_assert_int_eq(hdlc_framer(&e, buf, second + 5).verdict, FRAME_MORE);
	ck_assert_int_eq(hdlc_framer(&e, buf, w.len).verdict, FRAME_WHOLE);
	ck_assert_uint_eq(hdlc_framer(&e, buf, w.len).n, w.len);
	buf[second + 12] ^= 1;
	ck_assert_int_eq(hdlc_framer(&e, buf, w.len).verdict, FRAME_DAMAGED);
}
END_TEST

START_TEST(limits_are_agreed_from_both_sides)
{
	const struct hdlc_limits ours = { 128, 1024, 1, 3 };
	struct hdlc_limits theirs, l;
	struct octets o = dlms_octets("818014 05020400 060200EF 070400000007 080400000001");

	ck_assert_int_eq(hdlc_parse_limits(o.p, o.len, &theirs), E_OK);
	l = hdlc_agree(&ours, &theirs);
	ck_assert_uint_eq(l.info_tx, 128);
	ck_assert_uint_eq(l.info_rx, 1024);
	ck_assert_uint_eq(l.window_tx, 1);
	ck_assert_uint_eq(l.window_rx, 3);
	ck_assert_int_eq(hdlc_parse_limits(NULL, 0, &theirs), E_OK);
	ck_assert_uint_eq(hdlc_agree(&ours, &theirs).info_rx, 128);
	for (size_t len = 1; len < o.len; len++)
		(void)!hdlc_parse_limits(o.p, len, &theirs);
}
END_TEST

START_TEST(wrappers_split_over_reads_are_waited_for)
{
	const struct wrapper_expect e = { .from = 1, .to = 32 };
	struct octets o = dlms_octets("0001000100200009C401C1000600BC6146");

	for (size_t len = 0; len < o.len; len++)
		ck_assert_int_eq(wrapper_framer(&e, o.p, len).verdict, FRAME_MORE);
	ck_assert_int_eq(wrapper_framer(&e, o.p, o.len).verdict, FRAME_WHOLE);
	o = dlms_octets("000100010020000D0F00000001000600000010000000");
	ck_assert_int_eq(wrapper_framer(&e, o.p, o.len).verdict, FRAME_FOREIGN);
	o = dlms_octets("0002000100200001C4");
	ck_assert_int_eq(wrapper_framer(&e, o.p, o.len).verdict, FRAME_NOISE);
}
END_TEST

/* ---- values ---- */

START_TEST(truncated_values_are_refused)
{
	struct octets o = dlms_octets("0203 0202 0FFF 161E 0102 1100 1105 090401020304"), cut;
	struct axdr_value v;
	struct axdr a = axdr_init(o.p, o.len);

	ck_assert_int_eq(axdr_next(&a, &v), E_OK);
	ck_assert_int_eq(axdr_skip(&a, &v), E_OK);
	ck_assert_uint_eq(rd_left(&a.r), 0);
	for (size_t len = 0; len < o.len; len++) {
		/* In a buffer of its own, so that the sanitizer sees a step beyond. */
		uint8_t *copy = malloc(len > 0 ? len : 1);

		memcpy(copy, o.p, len);
		cut = (struct octets){ copy, len };
		a = axdr_init(cut.p, cut.len);
		if (axdr_next(&a, &v) == E_OK)
			ck_assert_int_eq(axdr_skip(&a, &v), E_FRAME);
		free(copy);
	}
}
END_TEST

START_TEST(nesting_and_counts_have_limits)
{
	uint8_t deep[64];
	struct axdr_value v;
	struct axdr a;
	struct octets o;
	int rc = E_OK;

	for (size_t i = 0; i < sizeof(deep); i += 2) {
		deep[i] = AXDR_STRUCT;
		deep[i + 1] = 1;
	}
	a = axdr_init(deep, sizeof(deep));
	for (int i = 0; i < 20 && rc == E_OK; i++)
		rc = axdr_next(&a, &v);
	ck_assert_int_eq(rc, E_LIMIT);
	o = dlms_octets("0184FFFFFFFF00");
	a = axdr_init(o.p, o.len);
	ck_assert_int_eq(axdr_next(&a, &v), E_OK);
	ck_assert_int_eq(axdr_skip(&a, &v), E_FRAME);
	o = dlms_octets("0984FFFFFFFF00");
	a = axdr_init(o.p, o.len);
	ck_assert_int_eq(axdr_next(&a, &v), E_FRAME);
	o = dlms_octets("0985010000000000");
	a = axdr_init(o.p, o.len);
	ck_assert_int_eq(axdr_next(&a, &v), E_FRAME);
}
END_TEST

START_TEST(compact_arrays_read_as_arrays)
{
	/* Structures of {long-unsigned, array of 2 unsigned, octet string}. */
	struct octets o = dlms_octets("13 0203 12 01000211 09 0D 0001 0A0B 0141 0002 0C0D 024142 1107");
	static const struct { uint8_t tag, depth; int64_t n; } wanted[] = {
		{ AXDR_ARRAY, 0, 2 }, { AXDR_STRUCT, 1, 3 }, { AXDR_U16, 2, 1 }, { AXDR_ARRAY, 2, 2 },
		{ AXDR_U8, 3, 10 }, { AXDR_U8, 3, 11 }, { AXDR_OCTETS, 2, 1 }, { AXDR_STRUCT, 1, 3 },
		{ AXDR_U16, 2, 2 }, { AXDR_ARRAY, 2, 2 }, { AXDR_U8, 3, 12 }, { AXDR_U8, 3, 13 },
		{ AXDR_OCTETS, 2, 2 }, { AXDR_U8, 0, 7 },
	};
	struct axdr a = axdr_init(o.p, o.len);
	struct axdr_value v;
	int64_t n;

	for (size_t i = 0; i < sizeof(wanted) / sizeof(*wanted); i++) {
		ck_assert_int_eq(axdr_next(&a, &v), E_OK);
		ck_assert_uint_eq(v.tag, wanted[i].tag);
		ck_assert_uint_eq(v.depth, wanted[i].depth);
		n = axdr_is_container(&v) ? v.count : (int64_t)v.len;
		(void)axdr_int(&v, &n);
		ck_assert_int_eq(n, wanted[i].n);
	}
	a = axdr_init(o.p, o.len);
	ck_assert_int_eq(axdr_next(&a, &v), E_OK);
	ck_assert_int_eq(axdr_skip(&a, &v), E_OK);
	ck_assert_uint_eq(rd_left(&a.r), 2);
	/* Contents that are no whole number of elements. */
	o = dlms_octets("131203000100");
	a = axdr_init(o.p, o.len);
	ck_assert_int_eq(axdr_next(&a, &v), E_FRAME);
}
END_TEST

START_TEST(numbers_become_thousandths)
{
	static const struct { const char *hex; int scaler; bool ok; int64_t milli; } rows[] = {
		{ "0600BC6146", 0, true, 12345670000 }, { "0600BC6146", -3, true, 12345670 },
		{ "05FFFFFC18", -1, true, -100000 }, { "1500000002540BE400", -4, true, 1000000000 },
		{ "0600000005", -4, true, 1 }, { "0600000004", -4, true, 0 }, { "05FFFFFFFB", -4, true,
		-1 },
		{ "15FFFFFFFFFFFFFFFF", 0, false, 0 }, { "147FFFFFFFFFFFFFFF", 0, false, 0 },
		{ "147FFFFFFFFFFFFFFF", -3, true, INT64_MAX }, { "1480000000000000 00", -3, true,
		INT64_MIN },
		{ "0600000001", 16, false, 0 }, { "0600000000", 100, true, 0 }, { "174366199A", 0, true,
		230100 },
		{ "18406CC33333333333", 0, true, 230100 }, { "177F800000", 0, false, 0 },
		{ "177FC00000", 0, false, 0 }, { "18FFEFFFFFFFFFFFFF", 0, false, 0 }, { "0301", 0,
		false, 0 },
		{ "0901FF", 0, false, 0 }, { "00", 0, false, 0 }, { "0D12", 0, true, 12000 },
	};
	struct axdr_value v;
	int64_t n;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct octets o = dlms_octets(rows[i].hex);
		struct axdr a = axdr_init(o.p, o.len);

		ck_assert_int_eq(axdr_next(&a, &v), E_OK);
		ck_assert_msg(axdr_milli(&v, rows[i].scaler, &n) == rows[i].ok, "%s", rows[i].hex);
		if (rows[i].ok)
			ck_assert_msg(n == rows[i].milli, "%s", rows[i].hex);
	}
}
END_TEST

START_TEST(dates_that_cannot_be_are_refused)
{
	static const struct { const char *hex; int rc; } rows[] = {
		{ "07EA0B1405142A0500800000", E_OK }, { "07EA0B1405FFFFFFFF8000FF", E_OK },
		{ "FFFF0B1405142A0500800000", E_NODATA }, { "07EAFE1405142A0500800000", E_NODATA },
		{ "07EA0BFE05142A0500800000", E_NODATA }, { "07EA001405142A0500800000", E_FRAME },
		{ "07EA0D1405142A0500800000", E_FRAME }, { "07EA021E05142A0500800000", E_FRAME },
		{ "07EA0B1405182A0500800000", E_FRAME }, { "07EA0B14053C3C0500800000", E_FRAME },
	};
	struct cosem_time t;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		ck_assert_msg(cosem_time_parse(dlms_octets(rows[i].hex).p, &t) == rows[i].rc, "%s",
		    rows[i].hex);
}
END_TEST

START_TEST(the_zone_of_the_device_decides_not_the_deviation)
{
	const struct zone moscow = { 10800, false }, eu = { 3600, true };
	const struct civil at = { 2026, 11, 20, 20, 42, 5 };
	struct cosem_time t;
	int64_t first;

	ck_assert_int_eq(cosem_time_parse(dlms_octets("07EA0B1405142A05FFFF4C00").p, &t), E_OK);
	ck_assert_int_eq(cosem_time_utc(&t, moscow), civil_to_utc(moscow, &at, SEASON_UNKNOWN));
	ck_assert_int_eq(cosem_time_parse(dlms_octets("07EA0B1405142A05FF00B400").p, &t), E_OK);
	ck_assert_int_eq(cosem_time_utc(&t, moscow), civil_to_utc(moscow, &at, SEASON_UNKNOWN));
	/* The doubled hour of autumn: the meter's own flag tells which. */
	ck_assert_int_eq(cosem_time_parse(dlms_octets("07EA0A1907021E00FF800080").p, &t), E_OK);
	first = cosem_time_utc(&t, eu);
	ck_assert_int_eq(cosem_time_parse(dlms_octets("07EA0A1907021E00FF800000").p, &t), E_OK);
	ck_assert_int_eq(cosem_time_utc(&t, eu) - first, 3600);
}
END_TEST

/* ---- APDUs ---- */

START_TEST(cut_apdus_do_no_harm)
{
	static const char *const apdus[] = {
		"C401C1000600BC6146", "C402C10000000001008201F4010C", "C403C103000600BC6146010400060"
		"0001000",
		"C503C10000000002", "C701C1000100090700112233445566", "D80106000007D6",
		"0F40000000090C07E7090401103400FF8000000600000001",
		"6129A109060760857405080101A203020100A305A103020100BE10040E0800065F1F040000121502000"
		"007",
	};
	struct xdlms_answer x;
	struct initiate i;
	struct acse a;

	for (size_t k = 0; k < sizeof(apdus) / sizeof(*apdus); k++) {
		struct octets o = dlms_octets(apdus[k]);

		for (size_t len = 0; len <= o.len; len++) {
			uint8_t *copy = malloc(len > 0 ? len : 1);

			memcpy(copy, o.p, len);
			(void)!xdlms_parse(copy, len, &x);
			if (acse_parse(copy, len, &a) == E_OK)
				(void)!initiate_parse(a.user, &i);
			free(copy);
		}
	}
}
END_TEST

START_TEST(refusals_have_their_verdict)
{
	struct octets o = dlms_octets("6117A109060760857405080101A203020102A305A103020100");
	struct acse a;

	ck_assert_int_eq(acse_parse(o.p, o.len, &a), E_OK);
	ck_assert_int_eq(acse_verdict(&a), E_BUSY);
	o = dlms_octets("6117A109060760857405080101A203020101A305A10302010D");
	ck_assert_int_eq(acse_parse(o.p, o.len, &a), E_OK);
	ck_assert_int_eq(acse_verdict(&a), E_DENIED);
	ck_assert_int_eq(a.diagnostic, 13);
}
END_TEST

START_TEST(counters_at_their_end_stop)
{
	struct cipher c = { .control = SC_BOTH, .counter = UINT32_MAX };
	uint8_t buf[64];
	struct wr w = wr_init(buf, sizeof(buf));

	ck_assert_int_eq(cipher_protect(&c, dlms_octets("C001C100030100010800FF0200"), &w), E_LIMIT);
	c.counter = 1;
	ck_assert_int_eq(cipher_protect(&c, dlms_octets("D80202"), &w), E_INVALID);
	w = wr_init(buf, 20);
	ck_assert_int_eq(cipher_protect(&c, dlms_octets("C001C100030100010800FF0200"), &w), E_LIMIT);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("dlms codec");
	TCase *tc = tcase_create("frames");

	tcase_add_test(tc, the_checksum_is_that_of_x25);
	tcase_add_test(tc, addresses_take_one_two_or_four_octets);
	tcase_add_test(tc, a_cut_frame_is_never_whole);
	tcase_add_test(tc, every_flipped_bit_is_noticed);
	tcase_add_test(tc, a_run_of_frames_is_taken_whole);
	tcase_add_test(tc, limits_are_agreed_from_both_sides);
	tcase_add_test(tc, wrappers_split_over_reads_are_waited_for);
	suite_add_tcase(suite, tc);
	tc = tcase_create("values");
	tcase_add_test(tc, truncated_values_are_refused);
	tcase_add_test(tc, nesting_and_counts_have_limits);
	tcase_add_test(tc, compact_arrays_read_as_arrays);
	tcase_add_test(tc, numbers_become_thousandths);
	tcase_add_test(tc, dates_that_cannot_be_are_refused);
	tcase_add_test(tc, the_zone_of_the_device_decides_not_the_deviation);
	suite_add_tcase(suite, tc);
	tc = tcase_create("apdus");
	tcase_add_test(tc, cut_apdus_do_no_harm);
	tcase_add_test(tc, refusals_have_their_verdict);
	tcase_add_test(tc, counters_at_their_end_stop);
	suite_add_tcase(suite, tc);
	return unit_main(suite);
}
