#include "drivers/line.h"
#include "tests/unit/unit.h"

#include <check.h>

static const struct {
	const char *text;
	int rc;
	struct line_settings want;
	const char *printed;
} texts[] = {
	{ "9600,8n1", E_OK, { 9600, 8, PARITY_NONE, 1 }, "9600,8n1" },
	{ "9600,7e1", E_OK, { 9600, 7, PARITY_EVEN, 1 }, "9600,7e1" },
	{ "300,7E2", E_OK, { 300, 7, PARITY_EVEN, 2 }, "300,7e2" },
	{ "2400,8O1", E_OK, { 2400, 8, PARITY_ODD, 1 }, "2400,8o1" },
	{ "1800,8n1", E_OK, { 1800, 8, PARITY_NONE, 1 }, "1800,8n1" },
	{ "921600,8n2", E_OK, { 921600, 8, PARITY_NONE, 2 }, "921600,8n2" },
	{ NULL, E_INVALID }, { "", E_INVALID }, { "9600", E_INVALID }, { "9600,", E_INVALID },
	{ "9600,8n", E_INVALID }, { "9600,8n1 ", E_INVALID }, { "9600,8n11", E_INVALID },
	{ " 9600,8n1", E_INVALID }, { ",8n1", E_INVALID }, { "-9600,8n1", E_INVALID },
	{ "299,8n1", E_INVALID }, { "921601,8n1", E_INVALID }, { "9999999999999999,8n1", E_INVALID },
	{ "4294976896,8n1", E_INVALID },	/* 9600 modulo 2^32 */
	{ "9600,6n1", E_INVALID }, { "9600,9n1", E_INVALID }, { "9600,8m1", E_INVALID },
	{ "9600,8n0", E_INVALID }, { "9600,8n3", E_INVALID }, { "9600;8n1", E_INVALID },
};

START_TEST(text_of_settings_is_parsed_whole_or_not_at_all)
{
	struct line_settings s = { 1200, 8, PARITY_ODD, 2 };
	char buf[16];

	ck_assert_int_eq(line_settings_parse(&s, texts[_i].text), texts[_i].rc);
	if (texts[_i].rc < 0) {
		line_settings_print(&s, buf, sizeof(buf));
		ck_assert_str_eq(buf, "1200,8o2");
		return;
	}
	ck_assert_uint_eq(s.baud, texts[_i].want.baud);
	ck_assert_uint_eq(s.bits, texts[_i].want.bits);
	ck_assert_uint_eq(s.parity, texts[_i].want.parity);
	ck_assert_uint_eq(s.stop, texts[_i].want.stop);
	line_settings_print(&s, buf, sizeof(buf));
	ck_assert_str_eq(buf, texts[_i].printed);
}
END_TEST

/* poller.md 8.1, in microseconds, rounded */
static const struct { struct line_settings settings; unsigned us; } times[] = {
	{ { 300, 8, PARITY_NONE, 1 }, 33333 }, { { 1200, 8, PARITY_NONE, 1 }, 8333 },
	{ { 2400, 8, PARITY_NONE, 1 }, 4167 }, { { 4800, 8, PARITY_NONE, 1 }, 2083 },
	{ { 9600, 8, PARITY_NONE, 1 }, 1042 }, { { 9600, 7, PARITY_EVEN, 1 }, 1042 },
	{ { 9600, 8, PARITY_EVEN, 1 }, 1146 }, { { 9600, 8, PARITY_ODD, 1 }, 1146 },
	{ { 19200, 8, PARITY_NONE, 1 }, 521 }, { { 38400, 8, PARITY_NONE, 1 }, 260 },
	{ { 57600, 8, PARITY_NONE, 1 }, 174 }, { { 115200, 8, PARITY_NONE, 1 }, 87 },
	{ { 300, 8, PARITY_EVEN, 2 }, 40000 },
};

START_TEST(character_times_are_those_of_the_specification)
{
	ck_assert_uint_eq((line_char_ns(&times[_i].settings) + 500) / 1000, times[_i].us);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("line settings");
	TCase *tcase = tcase_create("settings");

	tcase_add_loop_test(tcase, text_of_settings_is_parsed_whole_or_not_at_all, 0,
	    (int)(sizeof(texts) / sizeof(texts[0])));
	tcase_add_loop_test(tcase, character_times_are_those_of_the_specification, 0,
	    (int)(sizeof(times) / sizeof(times[0])));
	suite_add_tcase(suite, tcase);
	return unit_main(suite);
}
