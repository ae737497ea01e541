/* IEC 62056-21 telegrams: building, taking apart, framing, values. */
#include <check.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "meters/iec61107.h"
#include "tests/unit/unit.h"

enum { FRAMES_MOST = 256 };

struct frame {
	uint8_t data[2048];
	size_t len;
};
static struct frame frames[FRAMES_MOST];
static size_t n_frames;

static void
add_hex(const char *hex)
{
	struct frame *f = &frames[n_frames];

	if (hex == NULL || hex[0] == '\0' || n_frames == FRAMES_MOST ||
	    strlen(hex) / 2 > sizeof f->data)
		return;
	f->len = strlen(hex) / 2;
	for (size_t i = 0; i < f->len; i++) {
		unsigned b = 0;

		ck_assert_int_eq(sscanf(hex + 2 * i, "%2x", &b), 1);
		f->data[i] = (uint8_t)b;
	}
	n_frames++;
}

/* Every telegram of the recorded exchanges that is a whole one with the ADD checksum. */
static void
load_vectors(void)
{
	FILE *in = fopen("tests/vectors/iec61107.jsonl", "r");
	char *line = NULL;
	size_t size = 0;

	n_frames = 0;
	ck_assert_ptr_nonnull(in);
	while (getline(&line, &size, in) > 0) {
		json_t *vector = json_loads(line, 0, NULL), *step;
		const char *protocol = json_string_value(json_object_get(vector, "protocol"));
		size_t i;

		ck_assert_ptr_nonnull(protocol);
		if (strcmp(protocol, "energomera-iec") == 0)
			json_array_foreach(json_object_get(vector, "exchange"), i, step) {
				add_hex(json_string_value(json_object_get(step, "tx")));
				add_hex(json_string_value(json_object_get(step, "rx")));
			}
		json_decref(vector);
	}
	free(line);
	fclose(in);
	ck_assert_uint_gt(n_frames, 60);
}

static const struct iec_expect any = { .bcc = IEC_BCC_ADD, .ack = true, .nak = true, .soh = true,
	.stx = true };

static bool
is_covered(const struct frame *f)
{
	return f->data[0] == IEC_SOH || f->data[0] == IEC_STX;
}

/* One vector has a request with a wrong checksum on purpose. */
static bool
is_good(const struct frame *f)
{
	struct iec_telegram t;

	return iec_parse(f->data, f->len, IEC_BCC_ADD, &t) == E_OK;
}

START_TEST(vectors_are_whole_telegrams)
{
	unsigned bad = 0;

	for (size_t i = 0; i < n_frames; i++) {
		const struct frame *f = &frames[i];

		bad += !is_good(f);
		if (is_good(f) && is_covered(f)) {
			struct framing g = iec_framer(&any, f->data, f->len);

			ck_assert_int_eq(g.verdict, FRAME_WHOLE);
			ck_assert_uint_eq(g.n, f->len);
		}
	}
	ck_assert_uint_eq(bad, 1);
}
END_TEST

START_TEST(truncated_telegrams_are_waited_for_and_never_taken)
{
	struct iec_telegram t;

	for (size_t i = 0; i < n_frames; i++) {
		const struct frame *f = &frames[i];

		for (size_t len = 0; len < f->len && is_covered(f) && is_good(f); len++) {
			struct framing g = iec_framer(&any, f->data, len);

			ck_assert_int_lt(iec_parse(f->data, len, IEC_BCC_ADD, &t), 0);
			ck_assert_int_eq(g.verdict, FRAME_MORE);
			ck_assert_uint_ge(g.n, 1);
			ck_assert_uint_le(g.n, f->len - len);
		}
	}
}
END_TEST

START_TEST(a_flipped_bit_is_never_taken_for_the_answer)
{
	struct iec_telegram t;

	for (size_t i = 0; i < n_frames; i++) {
		struct frame f = frames[i];

		for (size_t bit = 7; bit < f.len * 7 && is_covered(&f) && is_good(&f); bit++) {
			f.data[bit / 7] ^= (uint8_t)(1u << bit % 7);
			ck_assert_int_lt(iec_parse(f.data, f.len, IEC_BCC_ADD, &t), 0);
			ck_assert_int_ne(iec_framer(&any, f.data, f.len).verdict, FRAME_WHOLE);
			f.data[bit / 7] ^= (uint8_t)(1u << bit % 7);
		}
	}
}
END_TEST

/* ---- building ---- */

static void
expect_bytes(const struct wr *w, const char *bytes, size_t len)
{
	ck_assert(wr_ok(w));
	ck_assert_uint_eq(w->len, len);
	ck_assert_mem_eq(w->buf, bytes, len);
}

START_TEST(requests_have_the_bytes_of_the_specification)
{
	uint8_t buf[128];
	struct wr w = wr_init(buf, sizeof buf);

	iec_put_sign_on(&w, "141227285");
	expect_bytes(&w, "/?141227285!\r\n", 14);
	w = wr_init(buf, sizeof buf);
	iec_put_option(&w, '5', '1');
	expect_bytes(&w, "\006051\r\n", 6);
	w = wr_init(buf, sizeof buf);
	iec_put_command(&w, IEC_BCC_ADD, "P1", iec_text("(777777)"));
	expect_bytes(&w, "\x01P1\x02(777777)\x03\x21", 14);
	w = wr_init(buf, sizeof buf);
	iec_put_break(&w, IEC_BCC_ADD);
	expect_bytes(&w, "\001B0\003\x75", 5);
	w = wr_init(buf, sizeof buf);
	iec_put_break(&w, IEC_BCC_XOR);
	expect_bytes(&w, "\001B0\003\x71", 5);
	w = wr_init(buf, sizeof buf);
	iec_put_sessionless(&w, IEC_BCC_ADD, "00000211", "R1",
	    iec_text("GROUP(400B(7)400D(1)5003(1))"));
	expect_bytes(&w, "/?00000211!\x01R1\x02GROUP(400B(7)400D(1)5003(1))\x03\x68", 45);
}
END_TEST

START_TEST(a_request_that_does_not_fit_fails)
{
	uint8_t buf[8];
	struct wr w = wr_init(buf, sizeof buf);

	iec_put_command(&w, IEC_BCC_ADD, "R1", iec_text("ET0PE()"));
	ck_assert(!wr_ok(&w));
}
END_TEST

/* ---- framers ---- */

static const struct {
	const char *rx;
	size_t len;
	struct framing want;
} framings[] = {
	{ "", 0, { FRAME_MORE, 1 } },
	{ "\x00\x7F\x02", 3, { FRAME_NOISE, 2 } },		/* turn-on noise */
	{ "\x06", 1, { FRAME_WHOLE, 1 } },
	{ "\x15", 1, { FRAME_SILENT, 1 } },
	{ "\x15\x02", 2, { FRAME_NOISE, 1 } },		/* was not a NAK */
	{ "\x02", 1, { FRAME_MORE, 2 } },
	{ "\x02\x03", 2, { FRAME_MORE, 1 } },
	{ "\x02\x03\x03", 3, { FRAME_WHOLE, 3 } },		/* no such record; BCC 03 */
	{ "\x02\x03\x04", 3, { FRAME_DAMAGED, 3 } },
	{ "\001B0\003\x75", 5, { FRAME_WHOLE, 5 } },
	{ "\002A(1)\x04\x5E", 7, { FRAME_DAMAGED, 7 } },
};

START_TEST(framer_says_how_much_of_an_answer_is_there)
{
	struct framing g = iec_framer(&any, (const uint8_t *)framings[_i].rx, framings[_i].len);

	ck_assert_int_eq(g.verdict, framings[_i].want.verdict);
	ck_assert_uint_eq(g.n, framings[_i].want.n);
}
END_TEST

START_TEST(any_value_may_be_a_checksum)
{
	/* A(x) with every x: the checksums run through 02, 03, 04, 06, 15 and all the others. */
	for (unsigned c = 0x20; c < 0x7F; c++) {
		uint8_t f[8] = { IEC_STX, 'A', '(', (uint8_t)c, ')', IEC_ETX };
		struct framing g;

		if (c == ')')
			continue;
		f[6] = iec_bcc(IEC_BCC_ADD, f + 1, 5);
		g = iec_framer(&any, f, 7);
		ck_assert_int_eq(g.verdict, FRAME_WHOLE);
		ck_assert_uint_eq(g.n, 7);
	}
}
END_TEST

START_TEST(a_frame_without_end_is_given_up_at_16_kilobytes)
{
	static uint8_t rx[IEC_FRAME_MAX + 1];

	memset(rx, 'A', sizeof rx);
	rx[0] = IEC_STX;
	ck_assert_int_eq(iec_framer(&any, rx, IEC_FRAME_MAX - 2).verdict, FRAME_MORE);
	ck_assert_int_eq(iec_framer(&any, rx, IEC_FRAME_MAX).verdict, FRAME_NOISE);
}
END_TEST

static const struct {
	const char *rx;
	struct framing want;
} idents[] = {
	{ "", { FRAME_MORE, 7 } },
	{ "/EKT5CE303v11\r\n", { FRAME_WHOLE, 15 } },
	{ "/EKT5CE303v11\r", { FRAME_MORE, 1 } },
	{ "/EK", { FRAME_MORE, 4 } },
	{ "/EMR5\\2CE2089.1\r\n", { FRAME_WHOLE, 17 } },
	{ "xx/EKT5CE303v11\r\n", { FRAME_NOISE, 2 } },
	{ "/?141227285!\r\n/EKT5CE303v11\r\n", { FRAME_NOISE, 14 } },	/* our own echo */
	{ "/EKT5CE\x01/EKT5CE303v11\r\n", { FRAME_NOISE, 8 } },
};

START_TEST(identification_framer_finds_the_line)
{
	struct framing g = iec_ident_framer(NULL, (const uint8_t *)idents[_i].rx,
	    strlen(idents[_i].rx));

	ck_assert_int_eq(g.verdict, idents[_i].want.verdict);
	ck_assert_uint_eq(g.n, idents[_i].want.n);
}
END_TEST

START_TEST(identification_is_taken_apart)
{
	static const char dual[] = "/EMR5\\2CE2089.1\r\n";
	struct iec_telegram t;

	ck_assert_int_eq(iec_parse((const uint8_t *)dual, strlen(dual), IEC_BCC_ADD, &t), E_OK);
	ck_assert_int_eq(t.kind, IEC_KIND_IDENT);
	ck_assert_str_eq(t.vendor, "EMR");
	ck_assert_int_eq(t.baud, '5');
	ck_assert(t.hdlc);
	ck_assert(iec_text_is(t.ident, "CE2089.1"));
}
END_TEST

START_TEST(both_checksums_are_told_apart)
{
	static const uint8_t add[] = { 1, 'B', '0', 3, 0x75 },
			     xor[] = {
				     1, 'B', '0', 3, 0x71
			     };
	struct iec_telegram t;

	ck_assert_int_eq(iec_parse(add, 5, IEC_BCC_ADD, &t), E_OK);
	ck_assert_int_eq(iec_parse(add, 5, IEC_BCC_XOR, &t), E_CHECKSUM);
	ck_assert_int_eq(iec_parse(xor, 5, IEC_BCC_XOR, &t), E_OK);
	ck_assert_int_eq(iec_parse(xor, 5, IEC_BCC_ADD, &t), E_CHECKSUM);
	ck_assert_int_eq(iec_parse(xor, 5, IEC_BCC_EITHER, &t), E_OK);
}
END_TEST

/* ---- values ---- */

static const struct {
	const char *body, *walked;	/* name=text; for each */
	int last;
} walks[] = {
	{ "", "", 0 },
	{ "A(1)\r\nA(2)\r\n", "A=1;A=2;", 0 },
	{ "A(1)\r\n(2)\r\n", "A=1;A=2;", 0 },			/* named once */
	{ "400B(E12)(118.8)400D(50.01)", "400B=E12;400B=118.8;400D=50.01;", 0 },
	{ "A()", "A=;", 0 },
	{ "(ERR12)", "=ERR12;", 0 },
	{ "A(1)\r\n!\r\n", "A=1;", 0 },				/* end of a read-out */
	{ "3:V.0(1*m3)(2)", "3:V.0=1*m3;3:V.0=2;", 0 },
	{ "A(1", "", E_FRAME },
	{ "A1)", "", E_FRAME },
	{ "A", "", E_FRAME },
	{ "A(1)B", "A=1;", E_FRAME },
};

START_TEST(values_are_walked_in_every_maker_style)
{
	struct iec_walk w = iec_walk(iec_text(walks[_i].body));
	struct iec_value v;
	char got[256] = "", name[32], text[32];
	int rc;

	while ((rc = iec_next(&w, &v)) == 1) {
		iec_text_copy(v.name, name, sizeof name);
		iec_text_copy(v.text, text, sizeof text);
		snprintf(got + strlen(got), sizeof got - strlen(got), "%s=%s;", name, text);
	}
	ck_assert_str_eq(got, walks[_i].walked);
	ck_assert_int_eq(rc, walks[_i].last);
}
END_TEST

static const struct {
	const char *text;
	unsigned decimals;
	int rc;
	int64_t value;
} decimals[] = {
	{ "10879.927572", 6, E_OK, INT64_C(10879927572) },
	{ "8032.5160368", 6, E_OK, INT64_C(8032516037) },	/* half away from zero beyond */
	{ "0.0000005", 6, E_OK, 1 },
	{ "0.00000049", 6, E_OK, 0 },
	{ "-0.0000005", 6, E_OK, -1 },
	{ "-12.5", 3, E_OK, -12500 },
	{ "0", 6, E_OK, 0 },
	{ "7", 0, E_OK, 7 },
	{ "7.5", 0, E_OK, 8 },
	{ "00012.50", 2, E_OK, 1250 },
	{ "", 3, E_FRAME, 0 },
	{ "-", 3, E_FRAME, 0 },
	{ ".5", 3, E_FRAME, 0 },
	{ "5.", 3, E_FRAME, 0 },
	{ "1.2.3", 3, E_FRAME, 0 },
	{ "1e3", 3, E_FRAME, 0 },
	{ "+1", 3, E_FRAME, 0 },
	{ " 1", 3, E_FRAME, 0 },
	{ "1,5", 3, E_FRAME, 0 },
	{ "nan", 3, E_FRAME, 0 },
	{ "9223372036854", 6, E_OK, INT64_C(9223372036854000000) },
	{ "9223372036855", 6, E_FRAME, 0 },
	{ "99999999999999999999", 0, E_FRAME, 0 },
};

START_TEST(decimal_text_becomes_an_integer)
{
	int64_t v = 0;

	ck_assert_int_eq(iec_decimal(iec_text(decimals[_i].text), decimals[_i].decimals, &v),
	    decimals[_i].rc);
	ck_assert_int_eq(v, decimals[_i].value);
}
END_TEST

#define COUNT(a) ((int)(sizeof (a) / sizeof *(a)))

static Suite *
suite(void)
{
	Suite *s = suite_create("iec61107");
	TCase *vectors = tcase_create("vectors"), *build = tcase_create("building");
	TCase *frame = tcase_create("framing"), *value = tcase_create("values");

	tcase_add_checked_fixture(vectors, load_vectors, NULL);
	tcase_add_test(vectors, vectors_are_whole_telegrams);
	tcase_add_test(vectors, truncated_telegrams_are_waited_for_and_never_taken);
	tcase_add_test(vectors, a_flipped_bit_is_never_taken_for_the_answer);
	tcase_add_test(build, requests_have_the_bytes_of_the_specification);
	tcase_add_test(build, a_request_that_does_not_fit_fails);
	tcase_add_loop_test(frame, framer_says_how_much_of_an_answer_is_there, 0, COUNT(framings));
	tcase_add_test(frame, any_value_may_be_a_checksum);
	tcase_add_test(frame, a_frame_without_end_is_given_up_at_16_kilobytes);
	tcase_add_loop_test(frame, identification_framer_finds_the_line, 0, COUNT(idents));
	tcase_add_test(frame, identification_is_taken_apart);
	tcase_add_test(frame, both_checksums_are_told_apart);
	tcase_add_loop_test(value, values_are_walked_in_every_maker_style, 0, COUNT(walks));
	tcase_add_loop_test(value, decimal_text_becomes_an_integer, 0, COUNT(decimals));
	suite_add_tcase(s, vectors);
	suite_add_tcase(s, build);
	suite_add_tcase(s, frame);
	suite_add_tcase(s, value);
	return s;
}

int
main(void)
{
	return unit_main(suite());
}
