/* How the СПОДЭС family opens: passwords as rows have them, and the counters of ciphering. */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "meters/dlms/spodes.h"
#include "tests/unit/dlms_help.h"
#include "tests/unit/unit.h"

static struct dlms_script script;
static struct meter_session session;
static struct line *line;
static unsigned n_saves;

static int
count_save(struct meter_session *s)
{
	(void)s;
	n_saves++;
	return E_OK;
}

static void
open_line(void)
{
	ck_assert_int_eq(line_open_script(&line, script.steps, script.n), E_OK);
	ck_assert_int_eq(
	    line_configure(line, &spodes_family.settings, &spodes_family.timing, SOFT_NONE), E_OK);
	session.line = line;
	session.type = 36;
	session.save = count_save;
}

static void
finish(void)
{
	dlms_client_finish(line, &script);
}

static void
new_meter(void)
{
	memset(&session, 0, sizeof(session));
	n_saves = 0;
}

/* What a row says, and what is told to the meter. */
static const struct { const char *option, *row, *secret; } passwords[] = {
	{ "lls", "111111", "111111" },
	{ "lls", "hex:3132", "12" },
	{ "lls", "hex:0102", "\1\2" },
	{ "lls", "\x11\x11\x11", "111111" },
	{ "lls", "\x12\x34\x56\x78", "12345678" },
	{ "hls2", "\x15\x97\x53\x12\x34\x56\x78\x90", "1597531234567890" },
	{ "hls2", "\x12\x34\x56\x78\x90\xAB\xCD\xEF", "1234567890ABCDEF" },
	{ "hls2", "1234567890ABCDEF", "1234567890ABCDEF" },
	{ "lls", "\x01\x02\x03\x04\x05\x06\x07\x08\x09", "\x01\x02\x03\x04\x05\x06\x07\x08\x09" },
	{ "none", "111111", "" },
};
enum { PASSWORDS = sizeof(passwords) / sizeof(passwords[0]) };

START_TEST(passwords_are_taken_as_people_write_them)
{
	const struct dlms *d = &spodes_of(&session)->dlms;

	new_meter();
	dlms_script_begin(&script);
	script.steps[script.n++] = (struct script_step){ NULL, 0, NULL, 0 };
	open_line();
	snprintf(session.address_text, sizeof(session.address_text), "1;transport=wrapper;auth_rd=%s",
	    passwords[_i].option);
	session.password_read_len = (uint8_t)strlen(passwords[_i].row);
	memcpy(session.password_read, passwords[_i].row, session.password_read_len);
	ck_assert_int_eq(spodes_family.open(&session), E_TIMEOUT);
	ck_assert_uint_eq(d->client, 32);
	ck_assert_uint_eq(d->secret_len, strlen(passwords[_i].secret));
	ck_assert_mem_eq(d->secret, passwords[_i].secret, d->secret_len);
	finish();
}
END_TEST

START_TEST(counters_are_made_durable_before_they_are_used)
{
	new_meter();
	dlms_script_begin(&script);
	/* The public client asks for the highest counter. */
	script.client.octets[0] = 16 << 1 | 1;
	dlms_script_connect(&script, false);
	dlms_script_apdu(&script, "601DA109060760857405080101BE10040E01000000065F1F0400001A1D2000",
	    "6129A109060760857405080101A203020100A305A103020100BE10040E0800065F1F040000101002000007");
	dlms_script_apdu(&script, "C001C1000100002B0103FF0200", "C401C1000600001000");
	dlms_script_disconnect(&script);
	dlms_script_connect(&script, false);
	script.steps[script.n - 1].tx = NULL;
	script.steps[script.n - 1].rx_len = 0;
	open_line();
	session.writing = true;
	session.password_write_len = 32;
	snprintf(session.address_text, sizeof(session.address_text), "16;auth_wr=gmac-enc");
	ck_assert_int_eq(spodes_family.open(&session), E_TIMEOUT);
	ck_assert_uint_eq(n_saves, 1);
	ck_assert_uint_eq(spodes_of(&session)->dlms.cipher.counter, 0x1001);
	ck_assert_uint_ge(spodes_memory(&session)->counter, 0x1001 + 1024);
	finish();
}
END_TEST

/* A meter of the wrapper that is silent, so that a visit is one exchange. */
static void
visit_in_vain(bool is_new_process)
{
	dlms_script_begin(&script);
	script.steps[script.n++] = (struct script_step){ NULL, 0, NULL, 0 };
	open_line();
	session.writing = true;
	session.password_write_len = 32;
	snprintf(session.address_text, sizeof(session.address_text),
	    "1;transport=wrapper;auth_wr=gmac-enc");
	if (is_new_process)
		memset(session.fleeting, 0, sizeof(session.fleeting));
	ck_assert_int_eq(spodes_family.open(&session), E_TIMEOUT);
	finish();
}

START_TEST(counters_go_on_at_the_mark_after_a_restart_and_where_they_were_without)
{
	uint32_t mark;

	new_meter();
	spodes_memory(&session)->counter = 5000;
	visit_in_vain(true);
	mark = spodes_memory(&session)->counter;
	ck_assert_uint_ge(mark, 5000 + 1024);
	ck_assert_uint_eq(spodes_fleeting(&session)->counter, 5001);
	for (int i = 0; i < 20; i++)
		visit_in_vain(false);
	ck_assert_uint_eq(n_saves, 1);
	ck_assert_uint_eq(spodes_memory(&session)->counter, mark);
	ck_assert_uint_eq(spodes_fleeting(&session)->counter, 5021);
	visit_in_vain(true);
	ck_assert_uint_eq(n_saves, 2);
	ck_assert_uint_eq(spodes_fleeting(&session)->counter, mark + 1);
	ck_assert_uint_gt(spodes_memory(&session)->counter, mark);
}
END_TEST

static int
fail_to_save(struct meter_session *s)
{
	(void)s;
	return E_FULL;
}

START_TEST(counters_that_cannot_be_made_durable_are_not_used)
{
	new_meter();
	spodes_memory(&session)->counter = 5000;
	dlms_script_begin(&script);
	open_line();
	session.save = fail_to_save;
	session.writing = true;
	session.password_write_len = 32;
	snprintf(session.address_text, sizeof(session.address_text), "16;auth_wr=gmac-enc");
	ck_assert_int_eq(spodes_family.open(&session), E_FULL);
	ck_assert_uint_eq(spodes_memory(&session)->counter, 5000);
	finish();
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("spodes_open");
	TCase *tc = tcase_create("spodes_open");

	tcase_add_loop_test(tc, passwords_are_taken_as_people_write_them, 0, PASSWORDS);
	tcase_add_test(tc, counters_are_made_durable_before_they_are_used);
	tcase_add_test(tc, counters_go_on_at_the_mark_after_a_restart_and_where_they_were_without);
	tcase_add_test(tc, counters_that_cannot_be_made_durable_are_not_used);
	suite_add_tcase(suite, tc);
	return unit_main(suite);
}
