/* Энергомера classic over the scripted line: session, clock, identity. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/energomera_help.h"
#include "tests/unit/unit.h"

/* ---- session ---- */

START_TEST(sign_on_confirms_the_speed_and_logs_in)
{
	en_sign_on();
	en_step("B0", NULL);
	en_play();
	ck_assert_int_eq(en_open(), E_OK);
	ck_assert(en_session->is_open);
	energomera_family.close(en_session);
	ck_assert(!en_session->is_open);
	en_finish();
}
END_TEST

START_TEST(another_speed_digit_is_confirmed_as_named)
{
	en_step("/?141227285!\r\n", "/EKT3CE301v11\r\n");
	en_step("\006031\r\n", "P0 (777777)");
	en_step("P1 (777777)", "\x06");
	en_play();
	ck_assert_int_eq(en_open(), E_OK);
	en_finish();
}
END_TEST

START_TEST(a_wrong_password_is_sent_once_only)
{
	en_step("/?141227285!\r\n", "/EKT5CE303v11\r\n");
	en_step("\006051\r\n", "P0 (141227285)");
	en_step("P1 (777777)", "B0");
	en_play();
	ck_assert_int_eq(en_open(), E_DENIED);
	ck_assert(!en_session->is_open);
	en_finish();
}
END_TEST

START_TEST(an_error_text_for_a_password_is_a_refusal)
{
	en_step("/?141227285!\r\n", "/EKT5CE303v11\r\n");
	en_step("\006051\r\n", "P0 (141227285)");
	en_step("P1 (777777)", "(ERR15)");
	en_step("B0", NULL);
	en_play();
	ck_assert_int_eq(en_open(), E_DENIED);
	en_finish();
}
END_TEST

START_TEST(a_foreign_answer_to_a_password_is_no_refusal)
{
	en_step("/?141227285!\r\n", "/EKT5CE303v11\r\n");
	en_step("\006051\r\n", "P0 (141227285)");
	en_step_two("P1 (777777)", "FREQU(49.87)\r\n", "\x06");
	en_play();
	ck_assert_int_eq(en_open(), E_OK);
	en_finish();
}
END_TEST

START_TEST(a_password_refused_by_nak_is_repeated_once)
{
	en_step("/?141227285!\r\n", "/EKT5CE303v11\r\n");
	en_step("\006051\r\n", "P0 (141227285)");
	en_step("P1 (777777)", "\x15");
	en_step("P1 (777777)", "\x15");
	en_step("B0", NULL);
	en_play();
	ck_assert_int_eq(en_open(), E_DENIED);
	en_finish();
}
END_TEST

START_TEST(a_silent_meter_costs_one_sign_on)
{
	en_step("/?141227285!\r\n", NULL);
	en_play();
	ck_assert_int_eq(en_open(), E_TIMEOUT);
	en_finish();
}
END_TEST

START_TEST(another_maker_is_foreign)
{
	en_step("/?141227285!\r\n", "/TPC5NEVA\r\n");
	en_play();
	ck_assert_int_eq(en_open(), E_FOREIGN);
	en_finish();
}
END_TEST

START_TEST(writing_uses_the_write_password)
{
	en_step("/?141227285!\r\n", "/EKT5CE303v11\r\n");
	en_step("\006051\r\n", "P0 (141227285)");
	en_step("P1 (secret)", "\x06");
	en_play();
	memcpy(en_session->password_write, "secret", 6);
	en_session->writing = true;
	ck_assert_int_eq(en_open(), E_OK);
	en_finish();
}
END_TEST

START_TEST(silence_in_a_session_is_repeated_once_and_then_waited_out)
{
	int64_t utc;

	en_sign_on();
	en_step("R1 WATCH()", NULL);
	en_step("R1 WATCH()", NULL);
	en_step("B0", NULL);
	en_step("B0", NULL);
	en_play();
	ck_assert_int_eq(en_open(), E_OK);
	ck_assert_int_eq(energomera_family.clock_get(en_session, &utc), E_TIMEOUT);
	energomera_family.close(en_session);
	en_finish();
}
END_TEST

START_TEST(a_session_closed_by_the_meter_is_opened_again_once)
{
	int64_t utc = 0;

	en_sign_on();
	en_step("R1 WATCH()", "B0");
	en_sign_on();
	en_step("R1 WATCH()", "WATCH(15:49:37,01.29.08.16,0)\r\n");
	en_play();
	ck_assert_int_eq(en_open(), E_OK);
	ck_assert_int_eq(energomera_family.clock_get(en_session, &utc), E_OK);
	ck_assert_int_eq(utc, en_local(2016, 8, 29, 15, 49, 37));
	en_finish();
}
END_TEST

START_TEST(nak_is_repeated_at_most_twice)
{
	int64_t utc;

	en_sign_on();
	for (int i = 0; i < 3; i++)
		en_step("R1 WATCH()", "\x15");
	en_play();
	ck_assert_int_eq(en_open(), E_OK);
	ck_assert_int_eq(energomera_family.clock_get(en_session, &utc), E_CHECKSUM);
	en_finish();
}
END_TEST

START_TEST(a_late_answer_of_another_name_is_passed_over)
{
	int64_t utc;

	en_sign_on();
	en_step_two("R1 WATCH()", "ET0PE(1.0)\r\n", "WATCH(15:49:37,01.29.08.16,0)\r\n");
	en_play();
	ck_assert_int_eq(en_open(), E_OK);
	ck_assert_int_eq(energomera_family.clock_get(en_session, &utc), E_OK);
	en_finish();
}
END_TEST

START_TEST(only_a_late_answer_makes_the_request_repeat)
{
	int64_t utc;

	en_sign_on();
	en_step("R1 WATCH()", "ET0PE(1.0)\r\n");
	en_step("R1 WATCH()", "WATCH(15:49:37,01.29.08.16,0)\r\n");
	en_play();
	ck_assert_int_eq(en_open(), E_OK);
	ck_assert_int_eq(energomera_family.clock_get(en_session, &utc), E_OK);
	en_finish();
}
END_TEST

/* The answer to a repeated request leaves its twin: before the same name is asked for another date
 * the session is begun anew, else day 15 might get the value of day 14. */
START_TEST(a_twin_of_an_archive_answer_is_waited_out)
{
	en_sign_on_to("/EKT5CE102Mv01\r\n");
	en_step("R1 ENDPE(13.11.23)", NULL);
	en_step("R1 ENDPE(13.11.23)", "ENDPE(1.0)\r\n");
	en_step("B0", NULL);
	en_step("B0", NULL);
	en_sign_on_to("/EKT5CE102Mv01\r\n");
	en_step("R1 ENDPE(14.11.23)", "ENDPE(2.0)\r\n");
	en_step("B0", NULL);
	en_play();
	ck_assert_int_eq(en_open(), E_OK);
	ck_assert_int_eq(en_read_days(14, 15), E_OK);
	ck_assert_uint_eq(en_n_got, 2);
	ck_assert_int_eq(en_got[1].v[0], 2000000);
	energomera_family.close(en_session);
	en_finish();
}
END_TEST

START_TEST(a_twin_does_not_hold_up_requests_of_other_names)
{
	en_sign_on();
	en_step("R1 ENDPE(13.11.23)", NULL);
	en_step("R1 ENDPE(13.11.23)", "ENDPE(1.0)\r\n");
	en_step_two("R1 ENDPI(13.11.23)", "ENDPE(1.0)\r\n", "ENDPI(2.0)\r\n");
	en_step("R1 ENDQE(13.11.23)", "ENDQE(3.0)\r\n");
	en_step("R1 ENDQI(13.11.23)", "ENDQI(4.0)\r\n");
	en_play();
	ck_assert_int_eq(en_open(), E_OK);
	ck_assert_int_eq(en_read_days(14, 14), E_OK);
	ck_assert_uint_eq(en_n_got, 1);
	for (unsigned kind = 0; kind < 4; kind++)
		ck_assert_int_eq(en_got[0].v[energy_slot(0, kind)], 1000000 * ((int)kind + 1));
	en_finish();
}
END_TEST

/* "No such record" has no name: while a twin is awaited it proves nothing. */
START_TEST(an_answer_without_name_is_not_believed_in_doubt)
{
	en_sign_on();
	en_step("R1 ENDPE(13.11.23)", NULL);
	en_step("R1 ENDPE(13.11.23)", "ENDPE(1.0)\r\n");
	en_step("R1 ENDPI(13.11.23)", "");
	en_step("B0", NULL);
	en_step("B0", NULL);
	en_sign_on();
	en_step("R1 ENDPI(13.11.23)", "ENDPI(2.0)\r\n");
	en_step("R1 ENDQE(13.11.23)", "ENDQE(3.0)\r\n");
	en_step("R1 ENDQI(13.11.23)", "ENDQI(4.0)\r\n");
	en_play();
	ck_assert_int_eq(en_open(), E_OK);
	ck_assert_int_eq(en_read_days(14, 14), E_OK);
	ck_assert_uint_eq(en_n_got, 1);
	ck_assert(record_has(&en_got[0], energy_slot(0, A_MINUS)));
	en_finish();
}
END_TEST

/* ---- clock ---- */

START_TEST(a_meter_without_watch_is_asked_for_date_and_time)
{
	int64_t utc;

	en_sign_on();
	en_step("R1 WATCH()", "WATCH(0.345)\r\n"); /* answers every name with something */
	en_step("R1 DATE_()", "DATE_(01.24.10.16)\r\n");
	en_step("R1 TIME_()", "TIME_(21:42:34)\r\n");
	en_step("R1 DATE_()", "DATE_(1.24.10.16)\r\n");
	en_step("R1 TIME_()", "TIME_(00:00:01)\r\n"); /* the date may be of the day before */
	en_step("R1 DATE_()", "DATE_(02.25.10.16)\r\n");
	en_step("R1 TIME_()", "TIME_(00:00:02)\r\n");
	en_play();
	ck_assert_int_eq(en_open(), E_OK);
	ck_assert_int_eq(energomera_family.clock_get(en_session, &utc), E_OK);
	ck_assert_int_eq(utc, en_local(2016, 10, 24, 21, 42, 34));
	ck_assert_int_eq(energomera_family.clock_get(en_session, &utc), E_OK);
	ck_assert_int_eq(utc, en_local(2016, 10, 25, 0, 0, 2));
	en_finish();
}
END_TEST

START_TEST(a_correction_writes_the_time_and_a_setting_the_date_too)
{
	uint8_t frame[64];

	en_session->writing = true;
	en_sign_on();
	en_step("W1 TIME_(10:15:00)", "\x06");
	en_step("W1 TIME_(10:15:00)", "\x06");
	en_step("W1 DATE_(02.14.11.23)", "\x06");
	en_play();
	ck_assert_int_eq(en_open(), E_OK);
	ck_assert_int_eq(energomera_family.clock_correct(en_session, en_november(14, 10, 15)), E_OK);
	ck_assert_int_eq(energomera_family.clock_set(en_session, en_november(14, 10, 15)), E_OK);
	ck_assert_int_eq(energomera_family.clock_set(en_session, en_local(2023, 11, 14, 23, 59, 50)),
	    E_BUSY);
	ck_assert_uint_eq(en_telegram("W1 TIME_(10:15:00)", frame), energomera_family.clock_frame);
	en_finish();
}
END_TEST

static const struct {
	const char *rx;
	int rc;
} refusals[] = {
	{ "(ERR14)", E_REFUSED }, { "TIME_(ERR15)", E_DENIED }, { "\x15", E_CHECKSUM },
	{ "B0", E_REFUSED }, { "(ERR17)", E_REFUSED }, { NULL, E_TIMEOUT },
};

START_TEST(a_refused_clock_write_is_not_repeated)
{
	en_session->writing = true;
	en_sign_on();
	en_step("W1 TIME_(10:15:00)", refusals[_i].rx);
	en_play();
	ck_assert_int_eq(en_open(), E_OK);
	ck_assert_int_eq(energomera_family.clock_correct(en_session, en_november(14, 10, 15)),
	    refusals[_i].rc);
	en_finish();
}
END_TEST

/* ---- identity ---- */

START_TEST(identification_fills_the_configuration)
{
	struct meter_config c;

	en_sign_on();
	en_step("R1 SNUMB()", "SNUMB(009218054000006)\r\n");
	en_step("R1 MODEL()", "MODEL(226)\r\n");
	en_step("R1 IDENT()", "IDENT(CE303v11.7s4)\r\n");
	en_step("R1 TAVER()", "TAVER(30)\r\n");
	en_step("R1 NGRAP()", "NGRAP(99)\r\n");
	en_step("R1 FCVOL()", "FCVOL(100)\r\n");
	en_step("R1 FCCUR()", "FCCUR(0.99)\r\n");
	en_step("R1 TRSUM()", "TRSUM(1)\r\n");
	en_play();
	ck_assert_int_eq(en_open(), E_OK);
	ck_assert_int_eq(energomera_family.identify(en_session, &c), E_OK);
	ck_assert_str_eq(c.serial, "009218054000006");
	ck_assert_str_eq(c.model, "CE303 226");
	ck_assert_str_eq(c.firmware, "CE303v11.7s4");
	ck_assert_uint_eq(c.period_min, 30);
	ck_assert_uint_eq(c.profile_depth, 4752);
	ck_assert_uint_eq(c.day_depth, 44);
	ck_assert_uint_eq(c.month_depth, 12);
	ck_assert_uint_eq(c.month_cons_depth, 13);
	ck_assert_uint_eq(c.ratio_u, 100);
	ck_assert_uint_eq(c.ratio_i, 1);
	ck_assert_int_eq(c.is_dst, 1);
	ck_assert_int_eq(c.is_a_minus, -1);
	en_finish();
}
END_TEST

START_TEST(identification_lives_with_unknown_parameters)
{
	struct meter_config c;

	en_sign_on_to("/EKT5CE102Mv01\r\n");
	en_step("R1 SNUMB()", "SNUMB(010748065001474)\r\n");
	for (int i = 0; i < 7; i++) {
		static const char *const names[] = { "MODEL", "IDENT", "TAVER", "NGRAP", "FCVOL",
			"FCCUR", "TRSUM" };
		char tx[24];

		snprintf(tx, sizeof tx, "R1 %s()", names[i]);
		en_step(tx, "(ERR12)");
	}
	en_play();
	ck_assert_int_eq(en_open(), E_OK);
	ck_assert_int_eq(energomera_family.identify(en_session, &c), E_OK);
	ck_assert_str_eq(c.model, "CE102M");
	ck_assert_uint_eq(c.period_min, 0);
	ck_assert_uint_eq(c.profile_depth, 0);
	ck_assert_int_eq(c.is_dst, -1);
	ck_assert_int_eq(c.is_a_minus, 0);
	en_finish();
}
END_TEST

START_TEST(addresses_are_up_to_32_letters_and_digits)
{
	ck_assert_int_eq(energomera_family.check_address(""), E_OK);
	ck_assert_int_eq(energomera_family.check_address("000141227285"), E_OK);
	ck_assert_int_eq(energomera_family.check_address("AZ az 09"), E_OK);
	ck_assert_int_eq(energomera_family.check_address("12345678901234567890123456789012"), E_OK);
	ck_assert_int_eq(energomera_family.check_address("123456789012345678901234567890123"),
	    E_INVALID);
	ck_assert_int_eq(energomera_family.check_address("12!"), E_INVALID);
	ck_assert_int_eq(energomera_family.check_address("1-2"), E_INVALID);
}
END_TEST

START_TEST(the_family_names_the_journals_it_can_read)
{
	for (unsigned code = 1; code < 200; code++)
		ck_assert_int_eq((energomera_family.journals & journal_bit(code)) != 0,
		    energomera_journal_of(code) != NULL);
}
END_TEST

static void
add_session(Suite *s)
{
	TCase *c = en_case(s, "session");

	ADD(sign_on_confirms_the_speed_and_logs_in);
	ADD(another_speed_digit_is_confirmed_as_named);
	ADD(a_wrong_password_is_sent_once_only);
	ADD(an_error_text_for_a_password_is_a_refusal);
	ADD(a_foreign_answer_to_a_password_is_no_refusal);
	ADD(a_password_refused_by_nak_is_repeated_once);
	ADD(a_silent_meter_costs_one_sign_on);
	ADD(another_maker_is_foreign);
	ADD(writing_uses_the_write_password);
	ADD(silence_in_a_session_is_repeated_once_and_then_waited_out);
	ADD(a_session_closed_by_the_meter_is_opened_again_once);
	ADD(nak_is_repeated_at_most_twice);
	ADD(a_late_answer_of_another_name_is_passed_over);
	ADD(only_a_late_answer_makes_the_request_repeat);
	ADD(a_twin_of_an_archive_answer_is_waited_out);
	ADD(a_twin_does_not_hold_up_requests_of_other_names);
	ADD(an_answer_without_name_is_not_believed_in_doubt);
}

static void
add_clock(Suite *s)
{
	TCase *c = en_case(s, "clock and identity");

	ADD(a_meter_without_watch_is_asked_for_date_and_time);
	ADD(a_correction_writes_the_time_and_a_setting_the_date_too);
	tcase_add_loop_test(c, a_refused_clock_write_is_not_repeated, 0, COUNT(refusals));
	ADD(identification_fills_the_configuration);
	ADD(identification_lives_with_unknown_parameters);
	ADD(addresses_are_up_to_32_letters_and_digits);
	ADD(the_family_names_the_journals_it_can_read);
}

int
main(void)
{
	Suite *s = suite_create("energomera");

	add_session(s);
	add_clock(s);
	return unit_main(s);
}
