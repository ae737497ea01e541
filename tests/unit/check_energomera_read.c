/* Energy, quality and archives of Энергомера classic over the scripted line. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/energomera_help.h"
#include "tests/unit/unit.h"

/* ---- energy ---- */

START_TEST(energy_of_four_kinds_is_one_record)
{
	en_sign_on();
	en_four("ET0", "",
	    "(10879.927572)\r\nET0PE(8032.5160368)\r\nET0PE(2847.4115352)\r\nET0PE(0.0)\r\n"
	    "ET0PE(0.0)\r\nET0PE(7.0)\r\n",
	    "(0.0)\r\n", "(1.5)\r\n(1.5)\r\n", "(ERR12)\r\n");
	en_four("ET0", "", "(10880.0)\r\n", "(0.0)\r\n", "(1.5)\r\n", NULL); /* QI is not asked again */
	en_play();
	ck_assert_int_eq(en_open(), E_OK);
	ck_assert_int_eq(en_read(REC_EL_MOMENT_ENERGY, 0, 0), E_OK);
	ck_assert_uint_eq(en_n_got, 1);
	ck_assert_int_eq(en_got[0].v[energy_slot(0, A_PLUS)], INT64_C(10879927572));
	ck_assert_int_eq(en_got[0].v[energy_slot(1, A_PLUS)], INT64_C(8032516037));
	ck_assert(record_has(&en_got[0], energy_slot(4, A_PLUS)));
	ck_assert(!record_has(&en_got[0], energy_slot(5, A_PLUS)));
	ck_assert(record_has(&en_got[0], energy_slot(0, A_MINUS)));
	ck_assert_int_eq(en_got[0].v[energy_slot(1, R_PLUS)], 1500000);
	ck_assert(!record_has(&en_got[0], energy_slot(0, R_MINUS)));
	ck_assert_int_eq(en_read(REC_EL_MOMENT_ENERGY, 0, 0), E_OK);
	en_finish();
}
END_TEST

START_TEST(a_meter_refusing_everything_is_unsupported_and_tried_again_when_asked_again)
{
	en_sign_on();
	en_four("EAM", "10.23", "(ERR12)", "(ERR12)", "(ERR11)", "(ERR12)");
	en_four("EAM", "10.23", "(1.0)", "(ERR12)", "(ERR11)", "(ERR12)");
	en_play();
	ck_assert_int_eq(en_open(), E_OK);
	ck_assert_int_eq(
	    en_read(REC_EL_MONTH_CONS, en_local(2023, 10, 1, 0, 0, 0), en_local(2023, 10, 1, 0, 0, 0)),
	    E_UNSUPPORTED);
	ck_assert_int_eq(
	    en_read(REC_EL_MONTH_CONS, en_local(2023, 10, 1, 0, 0, 0), en_local(2023, 10, 1, 0, 0, 0)),
	    E_OK);
	ck_assert_uint_eq(en_n_got, 1);
	en_finish();
}
END_TEST

static const struct {
	const char *rx;
	int rc;
} wrong_energies[] = {
	{ "ENDPE(12a4.5)", E_FRAME }, { "ENDPE(-1.0)", E_FRAME }, { "ENDPE(1e5)", E_FRAME },
	{ "ENDPE(1.0", E_FRAME }, { "ENDPE(1.0)ENDPI(2.0)", E_FRAME }, { "ENDPE(ERR19)", E_BUSY },
	{ "ENDPE(ERR31)", E_METER }, { "ENDPE(ERR15)", E_DENIED }, { "ENDPE(ERR99)", E_REFUSED },
};

START_TEST(an_energy_that_is_not_one_is_not_emitted)
{
	en_sign_on_to("/EKT5CE102Mv01\r\n");
	en_step("R1 ENDPE(14.11.23)", wrong_energies[_i].rx);
	en_play();
	ck_assert_int_eq(en_open(), E_OK);
	ck_assert_int_eq(en_read_days(15, 15), wrong_energies[_i].rc);
	ck_assert_uint_eq(en_n_got, 0);
	en_finish();
}
END_TEST

START_TEST(start_of_day_is_the_end_of_the_day_before)
{
	en_sign_on();
	en_four("END", "14.11.23", "(1234.56)\r\n(800.1)\r\n", "(ERR12)", "(ERR12)", "(ERR12)");
	en_four("END", "15.11.23", "", NULL, NULL, NULL); /* no such record */
	en_four("END", "16.11.23", "(ERR18)", NULL, NULL, NULL);
	en_four("END", "17.11.23", "(1240.0)", NULL, NULL, NULL);
	en_play();
	ck_assert_int_eq(en_open(), E_OK);
	/* From an hour that is no label: the next midnight is the first. */
	ck_assert_int_eq(en_read(REC_EL_DAY, en_november(14, 1, 0), en_november(18, 0, 0)), E_OK);
	ck_assert_uint_eq(en_n_got, 2);
	ck_assert_int_eq(en_got[0].ts, en_november(15, 0, 0));
	ck_assert_int_eq(en_got[0].v[0], 1234560000);
	ck_assert_int_eq(en_got[1].ts, en_november(18, 0, 0));
	en_finish();
}
END_TEST

static const struct {
	enum record_type type;
	const char *prefix, *argument;
	int year, month, day;
} archives[] = {
	{ REC_EL_DAY, "END", "31.12.23", 2024, 1, 1 },
	{ REC_EL_DAY, "END", "29.02.24", 2024, 3, 1 },
	{ REC_EL_DAY_CONS, "EAD", "01.01.24", 2024, 1, 1 },
	{ REC_EL_MONTH, "ENM", "12.23", 2024, 1, 1 },
	{ REC_EL_MONTH_CONS, "EAM", "12.23", 2023, 12, 1 },
};

START_TEST(labels_name_the_right_day_or_month)
{
	int64_t label = en_local(archives[_i].year, archives[_i].month, archives[_i].day, 0, 0, 0);

	en_sign_on();
	en_four(archives[_i].prefix, archives[_i].argument, "(1.0)", "(2.0)", "(3.0)", "(4.0)");
	en_play();
	ck_assert_int_eq(en_open(), E_OK);
	ck_assert_int_eq(en_read(archives[_i].type, label, label), E_OK);
	ck_assert_uint_eq(en_n_got, 1);
	ck_assert_int_eq(en_got[0].type, archives[_i].type);
	ck_assert_int_eq(en_got[0].ts, label);
	en_finish();
}
END_TEST

/* ---- quality ---- */

START_TEST(quality_of_three_phases_with_apparent_power)
{
	const struct record *r = &en_got[0];

	en_sign_on_to("/EKT5CE301v11\r\n");
	en_step("R1 VOLTA()", "VOLTA(208.582)\r\nVOLTA(218.49)\r\nVOLTA(215.211)\r\n");
	en_step("R1 CURRE()", "CURRE(1.479)\r\nCURRE(2.8716)\r\nCURRE(0.782)\r\n");
	en_step("R1 POWPP()", "POWPP(0.3)\r\nPOWPP(-0.4)\r\nPOWPP(0.0119)\r\n");
	en_step("R1 POWEP()", "POWEP(0.5953)\r\n");
	en_step("R1 POWPQ()", "POWPQ(0.4)\r\nPOWPQ(0.3)\r\nPOWPQ(0)\r\n");
	en_step("R1 POWEQ()", "POWEQ(ERR12)\r\n");
	en_step("R1 COS_f()", "COS_f(0.9)\r\nCOS_f(0.8)\r\nCOS_f(-0.7)\r\nCOS_f(1.0)\r\n");
	en_step("R1 CORUU()", "CORUU(120.1)\r\nCORUU(118.8)\r\nCORUU(121.1)\r\n");
	en_step("R1 FREQU()", "FREQU(50.01)\r\n");
	en_play();
	ck_assert_int_eq(en_open(), E_OK);
	ck_assert_int_eq(en_read(REC_EL_MOMENT_QUALITY, 0, 0), E_OK);
	ck_assert_uint_eq(en_n_got, 1);
	ck_assert_int_eq(r->v[Q_UA], 208582);
	ck_assert_int_eq(r->v[Q_UB], 218490);
	ck_assert_int_eq(r->v[Q_IB], 2872);
	ck_assert_int_eq(r->v[Q_PA], 300000);
	ck_assert_int_eq(r->v[Q_PS], 595300);
	ck_assert_int_eq(r->v[Q_SA], 500000);
	ck_assert_int_eq(r->v[Q_SB], 500000);
	ck_assert_int_eq(r->v[Q_SC], 11900);
	ck_assert(!record_has(r, Q_QS));
	ck_assert(!record_has(r, Q_SS));
	ck_assert_int_eq(r->v[Q_KPS], 900);
	ck_assert_int_eq(r->v[Q_KPB], -700);
	ck_assert_int_eq(r->v[Q_ANG_AB], 120100);
	ck_assert_int_eq(r->v[Q_ANG_AC], -121100);
	ck_assert_int_eq(r->v[Q_FREQ], 50010);
	en_finish();
}
END_TEST

START_TEST(quality_of_a_single_phase)
{
	en_session->type = 11;
	en_sign_on_to("/EKT5CE102Mv01\r\n");
	en_step("R1 VOLTA()", "VOLTA(215.78)\r\n");
	en_step("R1 CURRE()", "CURRE(1.767)\r\n");
	en_step("R1 POWEP()", "POWEP(0.378816)\r\n");
	en_step("R1 COS_f()", "COS_f(1.000)\r\n");
	en_step("R1 FREQU()", "FREQU(50.01)\r\n");
	en_play();
	ck_assert_int_eq(en_open(), E_OK);
	ck_assert_int_eq(en_read(REC_EL_MOMENT_QUALITY, 0, 0), E_OK);
	ck_assert_int_eq(en_got[0].v[Q_PA], 378816);
	ck_assert_int_eq(en_got[0].v[Q_PS], 378816);
	ck_assert_int_eq(en_got[0].v[Q_KPA], 1000);
	ck_assert(!record_has(&en_got[0], Q_UB));
	ck_assert(!record_has(&en_got[0], Q_SS));
	en_finish();
}
END_TEST

/* ---- one-shot reads ---- */

#define GROUP_ENERGY "GROUP(1001(1F)1002(1F)1004(1F)1008(1F))"
#define GROUP_ENERGY_ANSWER "1001(10.5)(4.5)(6.0)(0.0)(0.0)1002(E12)1004(1.0)(1.0)(0)(0)(0)1008(E12)"

static void
energy_by_names(void)
{
	en_four("ET0", "", "(10.5)(4.5)(6.0)(0.0)(0.0)(0.0)", "(ERR12)", "(1.0)(1.0)(0)(0)(0)(0)",
	    "(ERR12)");
}

START_TEST(a_one_shot_read_of_energy_is_proved_before_it_is_used)
{
	energomera_memory(en_session)->group = GROUP_UNTRIED;
	en_sign_on();
	en_step("R1 " GROUP_ENERGY, "GROUP(ERR12)");
	en_step("B0", NULL);
	en_step("/?141227285!R1 " GROUP_ENERGY, GROUP_ENERGY_ANSWER);
	en_sign_on();
	energy_by_names();
	en_step("B0", NULL);
	/* The next conversation needs no session at all. */
	en_step("/?141227285!R1 " GROUP_ENERGY, GROUP_ENERGY_ANSWER);
	en_play();
	ck_assert_int_eq(en_open(), E_OK);
	ck_assert_int_eq(en_read(REC_EL_MOMENT_ENERGY, 0, 0), E_OK);
	ck_assert_int_eq(energomera_memory(en_session)->group, GROUP_SESSIONLESS);
	ck_assert_int_eq(energomera_memory(en_session)->group_energy, 1);
	energomera_family.close(en_session);
	ck_assert_int_eq(en_open(), E_OK);
	ck_assert_int_eq(en_read(REC_EL_MOMENT_ENERGY, 0, 0), E_OK);
	ck_assert_uint_eq(en_n_got, 1);
	ck_assert_int_eq(en_got[0].v[energy_slot(2, A_PLUS)], 6000000);
	ck_assert_int_eq(en_got[0].v[energy_slot(0, R_PLUS)], 1000000);
	ck_assert(!record_has(&en_got[0], energy_slot(0, A_MINUS)));
	energomera_family.close(en_session);
	en_finish();
}
END_TEST

START_TEST(a_one_shot_read_that_says_something_else_is_not_used)
{
	energomera_memory(en_session)->group = GROUP_IN_SESSION;
	en_sign_on();
	en_step("R1 " GROUP_ENERGY,
	    "1001(10.5)(6.0)(4.5)(0.0)(0.0)1002(E12)1004(1.0)(1.0)(0)(0)(0)1008(E12)");
	energy_by_names();
	en_four("ET0", "", "(10.5)", NULL, "(1.0)", NULL);
	en_play();
	ck_assert_int_eq(en_open(), E_OK);
	ck_assert_int_eq(en_read(REC_EL_MOMENT_ENERGY, 0, 0), E_OK);
	ck_assert_int_eq(en_got[0].v[energy_slot(1, A_PLUS)], 4500000);
	ck_assert_int_eq(en_read(REC_EL_MOMENT_ENERGY, 0, 0), E_OK);
	en_finish();
}
END_TEST

START_TEST(quality_in_one_request_is_completed_by_names)
{
	energomera_memory(en_session)->group = GROUP_IN_SESSION;
	en_sign_on();
	en_step("R1 GROUP(4001(7)4002(7)4003(F)400B(7)400D(1))",
	    "4001(220.1)(221)(222.25)4002(1)(2)(3)"
	    "4003(0.1)(0.2)(0.3)(0.6)400B(E12)(118.8)(121.1)400D(50.01)");
	en_step("R1 POWPQ()", "(ERR12)");
	en_step("R1 POWEQ()", "POWEQ(0.8)\r\n");
	en_step("R1 COS_f()", "COS_f(0.9)\r\n(0.8)\r\n(0.7)\r\n(1.0)\r\n");
	en_play();
	ck_assert_int_eq(en_open(), E_OK);
	ck_assert_int_eq(en_read(REC_EL_MOMENT_QUALITY, 0, 0), E_OK);
	ck_assert_int_eq(en_got[0].v[Q_UC], 222250);
	ck_assert_int_eq(en_got[0].v[Q_PS], 600000);
	ck_assert_int_eq(en_got[0].v[Q_SS], 1000000);
	ck_assert(!record_has(&en_got[0], Q_ANG_AB));
	ck_assert_int_eq(en_got[0].v[Q_ANG_AC], -121100);
	en_finish();
}
END_TEST

/* ---- profile ---- */

static char lines_text[8192];

/* n lines of NAME with values first, first + 0.01, ... kW. */
static const char *
lines(const char *name, unsigned n, unsigned first_hundredths)
{
	size_t at = 0;

	for (unsigned i = 0; i < n; i++)
		at += (size_t)snprintf(lines_text + at, sizeof lines_text - at, "%s(%u.%02u)\r\n", name,
		    (first_hundredths + i) / 100, (first_hundredths + i) % 100);
	return lines_text;
}

static void
refuse_other_kinds(void)
{
	static const enum energomera_name names[] = { EN_GRAPI, EN_GRAQE, EN_GRAQI };

	for (int i = 0; i < 3; i++)
		energomera_refuse(en_session, names[i]);
}

static void
expect_slices(int64_t first_end, unsigned n, unsigned first_hundredths)
{
	ck_assert_uint_eq(en_n_got, n);
	for (unsigned i = 0; i < n; i++) {
		ck_assert_int_eq(en_got[i].type, REC_EL_PROFILE);
		ck_assert_uint_eq(en_got[i].period_min, 30);
		ck_assert_int_eq(en_got[i].ts, first_end + (int64_t)i * 1800);
		ck_assert_int_eq(en_got[i].v[P_PLUS], (int64_t)(first_hundredths + i) * 10000);
		ck_assert(en_got[i].flags & PROFILE_MEASURED);
	}
}

START_TEST(few_slices_are_asked_by_number)
{
	en_sign_on();
	en_step("R1 TAVER()", "TAVER(30)\r\n");
	en_four("GRA", "14.11.23.23.2", "(0.320)\r\nGRAPE(0.330)\r\n", "(0.0)\r\n(0.0)\r\n",
	    "(0.1)\r\n(0.2)\r\n", "(ERR12)");
	en_four("GRA", "14.11.23.25", "(0.340)\r\n", "(0.0)\r\n", "(0.3)\r\n",
	    NULL); /* TAVER is known */
	en_play();
	ck_assert_int_eq(en_open(), E_OK);
	ck_assert_int_eq(en_read_slices(en_november(14, 11, 30), en_november(14, 12, 0)), E_OK);
	expect_slices(en_november(14, 11, 30), 2, 32);
	ck_assert_int_eq(en_got[1].v[Q_PLUS], 200000);
	ck_assert(!record_has(&en_got[1], Q_MINUS));
	ck_assert_int_eq(en_read_slices(en_november(14, 12, 30), en_november(14, 12, 30)), E_OK);
	expect_slices(en_november(14, 12, 30), 1, 34);
	en_finish();
}
END_TEST

START_TEST(most_of_a_day_is_asked_as_a_whole)
{
	refuse_other_kinds();
	en_sign_on();
	en_step("R1 TAVER()", "TAVER(30)\r\n");
	en_step("R1 GRAPE(14.11.23)", lines("GRAPE", 48, 10));
	en_step("R1 GRAPE(15.11.23.1)", "GRAPE(0.58)\r\n");
	en_play();
	ck_assert_int_eq(en_open(), E_OK);
	/* The last slice of a day ends at the midnight after it. */
	ck_assert_int_eq(en_read_slices(en_november(14, 3, 0), en_november(15, 0, 30)), E_OK);
	expect_slices(en_november(14, 3, 0), 44, 15);
	en_finish();
}
END_TEST

START_TEST(a_day_in_progress_ends_early)
{
	refuse_other_kinds();
	en_sign_on();
	en_step("R1 TAVER()", "TAVER(30)\r\n");
	en_step("R1 GRAPE(14.11.23)", lines("GRAPE", 30, 10));
	en_step("R1 GRAPE(14.11.23.30)", "GRAPE(0.39)\r\n");
	en_step("R1 GRAPE(14.11.23.31)", "");
	en_play();
	ck_assert_int_eq(en_open(), E_OK);
	ck_assert_int_eq(en_read_slices(en_november(14, 0, 30), en_november(14, 15, 30)), E_OK);
	expect_slices(en_november(14, 0, 30), 30, 10);
	en_finish();
}
END_TEST

/* One implementation answers a range by its first interval only. */
START_TEST(a_short_answer_that_is_no_early_end_is_not_believed)
{
	refuse_other_kinds();
	en_sign_on();
	en_step("R1 TAVER()", "TAVER(30)\r\n");
	en_step("R1 GRAPE(14.11.23.5.3)", "GRAPE(0.20)\r\n");
	en_step("R1 GRAPE(14.11.23.5)", "GRAPE(0.20)\r\n");
	en_step("R1 GRAPE(14.11.23.6)", "GRAPE(0.21)\r\n");
	en_step("R1 GRAPE(14.11.23)", "GRAPE(ERR17)\r\n");
	for (int slot = 5; slot <= 7; slot++) {
		char tx[48], rx[48];

		snprintf(tx, sizeof tx, "R1 GRAPE(14.11.23.%d)", slot);
		snprintf(rx, sizeof rx, "GRAPE(0.%d)\r\n", 15 + slot);
		en_step(tx, rx);
	}
	en_play();
	ck_assert_int_eq(en_open(), E_OK);
	ck_assert_int_eq(en_read_slices(en_november(14, 2, 30), en_november(14, 3, 30)), E_OK);
	expect_slices(en_november(14, 2, 30), 3, 20);
	en_finish();
}
END_TEST

START_TEST(slices_without_a_number_are_absent)
{
	refuse_other_kinds();
	en_sign_on();
	en_step("R1 TAVER()", "TAVER(30)\r\n");
	en_step("R1 GRAPE(14.11.23.1.3)", "GRAPE(0.10)\r\n()\r\n(x)\r\n");
	en_play();
	ck_assert_int_eq(en_open(), E_OK);
	ck_assert_int_eq(en_read_slices(en_november(14, 0, 30), en_november(14, 1, 30)), E_OK);
	expect_slices(en_november(14, 0, 30), 1, 10);
	en_finish();
}
END_TEST

START_TEST(an_impossible_period_stops_the_profile)
{
	en_sign_on();
	en_step("R1 TAVER()", "TAVER(7)\r\n");
	en_play();
	ck_assert_int_eq(en_open(), E_OK);
	ck_assert_int_eq(en_read_slices(en_november(14, 0, 30), en_november(14, 1, 30)), E_UNSUPPORTED);
	en_finish();
}
END_TEST

START_TEST(square_roots_are_whole)
{
	static const uint64_t numbers[] = { 0, 1, 2, 3, 4, 15, 16, 999999, 1000000, UINT64_MAX,
		UINT64_C(1) << 62 };

	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
		uint64_t r = energomera_isqrt(numbers[i]);

		ck_assert_uint_le(r * r, numbers[i]);
		ck_assert(r >= UINT32_MAX || (r + 1) * (r + 1) > numbers[i]);
	}
	ck_assert_int_eq(energomera_apparent(3, -4), 5);
	ck_assert_int_eq(energomera_apparent(INT64_C(3) << 40, INT64_C(4) << 40), INT64_C(5) << 40);
}
END_TEST

static void
add_values(Suite *s)
{
	TCase *c = en_case(s, "values");

	ADD(energy_of_four_kinds_is_one_record);
	ADD(a_meter_refusing_everything_is_unsupported_and_tried_again_when_asked_again);
	tcase_add_loop_test(c, an_energy_that_is_not_one_is_not_emitted, 0, COUNT(wrong_energies));
	ADD(start_of_day_is_the_end_of_the_day_before);
	tcase_add_loop_test(c, labels_name_the_right_day_or_month, 0, COUNT(archives));
	ADD(quality_of_three_phases_with_apparent_power);
	ADD(quality_of_a_single_phase);
	ADD(a_one_shot_read_of_energy_is_proved_before_it_is_used);
	ADD(a_one_shot_read_that_says_something_else_is_not_used);
	ADD(quality_in_one_request_is_completed_by_names);
	ADD(square_roots_are_whole);
}

static void
add_profile(Suite *s)
{
	TCase *c = en_case(s, "profile");

	ADD(few_slices_are_asked_by_number);
	ADD(most_of_a_day_is_asked_as_a_whole);
	ADD(a_day_in_progress_ends_early);
	ADD(a_short_answer_that_is_no_early_end_is_not_believed);
	ADD(slices_without_a_number_are_absent);
	ADD(an_impossible_period_stops_the_profile);
}

int
main(void)
{
	Suite *s = suite_create("energomera_read");

	add_values(s);
	add_profile(s);
	return unit_main(s);
}
