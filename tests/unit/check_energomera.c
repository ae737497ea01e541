/* Энергомера classic: the codec on recorded telegrams, and whole dialogues over the scripted line. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/line.h"
#include "meters/energomera.h"

enum { STEPS = 256, BYTES = 65536, RECORDS = 256 };

static struct script_step steps[STEPS];
static size_t n_steps, n_bytes;
static uint8_t bytes[BYTES];
static struct meter_session *session;
static struct record got[RECORDS];
static size_t n_got;
static const struct zone moscow = { 3 * 3600, false };

/* ---- scripts ---- */

/* Text to telegram: "P0 ", "P1 ", "R1 ", "W1 " and "B0" begin a SOH frame, "/?", "/E" and control
 * characters stand as they are, "/?1!R1 " is a sessionless request, anything else is an answer. */
static size_t
telegram(const char *text, uint8_t *to)
{
	const char *soh = strstr(text, "!R1 ");
	size_t n = 0, start, len = strlen(text);
	uint8_t sum = 0;

	if (soh == NULL && ((uint8_t)text[0] == '/' || (uint8_t)text[0] == IEC_ACK ||
	    (uint8_t)text[0] == IEC_NAK)) {
		memcpy(to, text, len);
		return len;
	}
	if (soh != NULL) {
		n = (size_t)(soh + 1 - text);
		memcpy(to, text, n);
		text += n;
	}
	start = n;
	if (strcmp(text, "B0") == 0) {
		to[n++] = IEC_SOH;
		to[n++] = 'B';
		to[n++] = '0';
	} else if (strlen(text) > 3 && strchr("PRW", text[0]) != NULL && text[2] == ' ') {
		to[n++] = IEC_SOH;
		to[n++] = (uint8_t)text[0];
		to[n++] = (uint8_t)text[1];
		to[n++] = IEC_STX;
		memcpy(to + n, text + 3, strlen(text) - 3);
		n += strlen(text) - 3;
	} else {
		to[n++] = IEC_STX;
		memcpy(to + n, text, strlen(text));
		n += strlen(text);
	}
	to[n++] = IEC_ETX;
	for (size_t i = start + 1; i < n; i++)
		sum = (uint8_t)(sum + to[i]);
	to[n++] = sum & 0x7F;
	return n;
}

/* rx NULL: silence. */
static void
step(const char *tx, const char *rx)
{
	struct script_step *s = &steps[n_steps++];

	ck_assert_uint_lt(n_steps, STEPS);
	ck_assert_uint_lt(n_bytes, BYTES - 8192);
	s->tx = bytes + n_bytes;
	s->tx_len = telegram(tx, bytes + n_bytes);
	n_bytes += s->tx_len;
	s->rx = bytes + n_bytes;
	s->rx_len = rx == NULL ? 0 : telegram(rx, bytes + n_bytes);
	n_bytes += s->rx_len;
}

/* Two answers that arrive together. */
static void
step_two(const char *tx, const char *first, const char *second)
{
	struct script_step *s = &steps[n_steps];
	size_t n;

	step(tx, first);
	n = telegram(second, bytes + n_bytes);
	s->rx_len += n;
	n_bytes += n;
}

static void
sign_on_to(const char *ident)
{
	step("/?141227285!\r\n", ident);
	step("\x06" "051\r\n", "P0 (141227285)");
	step("P1 (777777)", "\x06");
}

static void
sign_on(void)
{
	sign_on_to("/EKT5CE303v11\r\n");
}

/* The answers of a CE301 or CE303 to the four kinds. */
static void
four(const char *prefix, const char *argument, const char *pe, const char *pi, const char *qe, const char *qi)
{
	const char *const suffix[] = { "PE", "PI", "QE", "QI" }, *const text[] = { pe, pi, qe, qi };
	char tx[64], rx[256];

	for (int i = 0; i < 4; i++) {
		if (text[i] == NULL)
			continue;
		snprintf(tx, sizeof tx, "R1 %s%s(%s)", prefix, suffix[i], argument);
		snprintf(rx, sizeof rx, "%s%s%s", text[i][0] == '\0' ? "" : prefix,
		    text[i][0] == '\0' ? "" : suffix[i], text[i]);
		step(tx, rx);
	}
}

static int
keep(struct sink *sink, const struct record *r)
{
	(void)sink;
	ck_assert_uint_lt(n_got, RECORDS);
	got[n_got++] = *r;
	return E_OK;
}

static struct sink sink = { keep };

static void
setup(void)
{
	n_steps = n_bytes = n_got = 0;
	session = calloc(1, sizeof *session);
	ck_assert_ptr_nonnull(session);
	session->zone = moscow;
	session->type = 5;
	snprintf(session->address_text, sizeof session->address_text, "141227285");
	memcpy(session->password_read, "777777", 6);
	memcpy(session->password_write, "777777", 6);
	session->password_read_len = session->password_write_len = 6;
	/* One-shot reads have tests of their own. */
	energomera_memory(session)->group = GROUP_NONE;
}

static void
teardown(void)
{
	if (session != NULL)
		line_close(session->line);
	free(session);
	session = NULL;
}

/* Plays what step() has collected; the session object stays, with its memory. */
static void
play(void)
{
	line_close(session->line);
	ck_assert_int_eq(line_open_script(&session->line, steps, n_steps), E_OK);
}

/* All of the script was played and nothing else was sent. */
static void
finish(void)
{
	const char *error = line_script_error(session->line);

	ck_assert_msg(error == NULL, "%s", error);
	ck_assert_uint_eq(line_script_played(session->line), n_steps);
	n_steps = n_bytes = 0;
}

static int
open_meter(void)
{
	return energomera_family.open(session);
}

static int64_t
local(int year, int month, int day, int hour, int minute, int second)
{
	struct civil c = { year, month, day, hour, minute, second };

	return civil_to_utc(moscow, &c, SEASON_UNKNOWN);
}

static int
read_type(enum record_type type, int64_t from, int64_t to)
{
	struct query q = { .type = type, .from = from, .to = to };

	n_got = 0;
	return energomera_family.read(session, &q, &sink);
}

/* ---- session ---- */

START_TEST(sign_on_confirms_the_speed_and_logs_in)
{
	sign_on();
	step("B0", NULL);
	play();
	ck_assert_int_eq(open_meter(), E_OK);
	ck_assert(session->is_open);
	energomera_family.close(session);
	ck_assert(!session->is_open);
	finish();
}
END_TEST

START_TEST(another_speed_digit_is_confirmed_as_named)
{
	step("/?141227285!\r\n", "/EKT3CE301v11\r\n");
	step("\x06" "031\r\n", "P0 (777777)");
	step("P1 (777777)", "\x06");
	play();
	ck_assert_int_eq(open_meter(), E_OK);
	finish();
}
END_TEST

START_TEST(a_wrong_password_is_sent_once_only)
{
	step("/?141227285!\r\n", "/EKT5CE303v11\r\n");
	step("\x06" "051\r\n", "P0 (141227285)");
	step("P1 (777777)", "B0");
	play();
	ck_assert_int_eq(open_meter(), E_DENIED);
	ck_assert(!session->is_open);
	finish();
}
END_TEST

START_TEST(an_error_text_for_a_password_is_a_refusal)
{
	step("/?141227285!\r\n", "/EKT5CE303v11\r\n");
	step("\x06" "051\r\n", "P0 (141227285)");
	step("P1 (777777)", "(ERR15)");
	step("B0", NULL);
	play();
	ck_assert_int_eq(open_meter(), E_DENIED);
	finish();
}
END_TEST

START_TEST(a_foreign_answer_to_a_password_is_no_refusal)
{
	step("/?141227285!\r\n", "/EKT5CE303v11\r\n");
	step("\x06" "051\r\n", "P0 (141227285)");
	step_two("P1 (777777)", "FREQU(49.87)\r\n", "\x06");
	play();
	ck_assert_int_eq(open_meter(), E_OK);
	finish();
}
END_TEST

START_TEST(a_password_refused_by_nak_is_repeated_once)
{
	step("/?141227285!\r\n", "/EKT5CE303v11\r\n");
	step("\x06" "051\r\n", "P0 (141227285)");
	step("P1 (777777)", "\x15");
	step("P1 (777777)", "\x15");
	step("B0", NULL);
	play();
	ck_assert_int_eq(open_meter(), E_DENIED);
	finish();
}
END_TEST

START_TEST(a_silent_meter_costs_one_sign_on)
{
	step("/?141227285!\r\n", NULL);
	play();
	ck_assert_int_eq(open_meter(), E_TIMEOUT);
	finish();
}
END_TEST

START_TEST(another_maker_is_foreign)
{
	step("/?141227285!\r\n", "/TPC5NEVA\r\n");
	play();
	ck_assert_int_eq(open_meter(), E_FOREIGN);
	finish();
}
END_TEST

START_TEST(writing_uses_the_write_password)
{
	step("/?141227285!\r\n", "/EKT5CE303v11\r\n");
	step("\x06" "051\r\n", "P0 (141227285)");
	step("P1 (secret)", "\x06");
	play();
	memcpy(session->password_write, "secret", 6);
	session->writing = true;
	ck_assert_int_eq(open_meter(), E_OK);
	finish();
}
END_TEST

START_TEST(silence_in_a_session_is_repeated_once_and_then_waited_out)
{
	int64_t utc;

	sign_on();
	step("R1 WATCH()", NULL);
	step("R1 WATCH()", NULL);
	step("B0", NULL);
	step("B0", NULL);
	play();
	ck_assert_int_eq(open_meter(), E_OK);
	ck_assert_int_eq(energomera_family.clock_get(session, &utc), E_TIMEOUT);
	energomera_family.close(session);
	finish();
}
END_TEST

START_TEST(a_session_closed_by_the_meter_is_opened_again_once)
{
	int64_t utc = 0;

	sign_on();
	step("R1 WATCH()", "B0");
	sign_on();
	step("R1 WATCH()", "WATCH(15:49:37,01.29.08.16,0)\r\n");
	play();
	ck_assert_int_eq(open_meter(), E_OK);
	ck_assert_int_eq(energomera_family.clock_get(session, &utc), E_OK);
	ck_assert_int_eq(utc, local(2016, 8, 29, 15, 49, 37));
	finish();
}
END_TEST

START_TEST(nak_is_repeated_at_most_twice)
{
	int64_t utc;

	sign_on();
	for (int i = 0; i < 3; i++)
		step("R1 WATCH()", "\x15");
	play();
	ck_assert_int_eq(open_meter(), E_OK);
	ck_assert_int_eq(energomera_family.clock_get(session, &utc), E_CHECKSUM);
	finish();
}
END_TEST

START_TEST(a_late_answer_of_another_name_is_passed_over)
{
	int64_t utc;

	sign_on();
	step_two("R1 WATCH()", "ET0PE(1.0)\r\n", "WATCH(15:49:37,01.29.08.16,0)\r\n");
	play();
	ck_assert_int_eq(open_meter(), E_OK);
	ck_assert_int_eq(energomera_family.clock_get(session, &utc), E_OK);
	finish();
}
END_TEST

START_TEST(only_a_late_answer_makes_the_request_repeat)
{
	int64_t utc;

	sign_on();
	step("R1 WATCH()", "ET0PE(1.0)\r\n");
	step("R1 WATCH()", "WATCH(15:49:37,01.29.08.16,0)\r\n");
	play();
	ck_assert_int_eq(open_meter(), E_OK);
	ck_assert_int_eq(energomera_family.clock_get(session, &utc), E_OK);
	finish();
}
END_TEST

/* The answer to a repeated request leaves its twin: before the same name is asked for another date
 * the session is begun anew, else day 15 might get the value of day 14. */
START_TEST(a_twin_of_an_archive_answer_is_waited_out)
{
	sign_on_to("/EKT5CE102Mv01\r\n");
	step("R1 ENDPE(13.11.23)", NULL);
	step("R1 ENDPE(13.11.23)", "ENDPE(1.0)\r\n");
	step("B0", NULL);
	step("B0", NULL);
	sign_on_to("/EKT5CE102Mv01\r\n");
	step("R1 ENDPE(14.11.23)", "ENDPE(2.0)\r\n");
	step("B0", NULL);
	play();
	ck_assert_int_eq(open_meter(), E_OK);
	ck_assert_int_eq(read_type(REC_EL_DAY, local(2023, 11, 14, 0, 0, 0), local(2023, 11, 15, 0, 0, 0)), E_OK);
	ck_assert_uint_eq(n_got, 2);
	ck_assert_int_eq(got[1].v[0], 2000000);
	energomera_family.close(session);
	finish();
}
END_TEST

START_TEST(a_twin_does_not_hold_up_requests_of_other_names)
{
	sign_on();
	step("R1 ENDPE(13.11.23)", NULL);
	step("R1 ENDPE(13.11.23)", "ENDPE(1.0)\r\n");
	step_two("R1 ENDPI(13.11.23)", "ENDPE(1.0)\r\n", "ENDPI(2.0)\r\n");
	step("R1 ENDQE(13.11.23)", "ENDQE(3.0)\r\n");
	step("R1 ENDQI(13.11.23)", "ENDQI(4.0)\r\n");
	play();
	ck_assert_int_eq(open_meter(), E_OK);
	ck_assert_int_eq(read_type(REC_EL_DAY, local(2023, 11, 14, 0, 0, 0), local(2023, 11, 14, 0, 0, 0)), E_OK);
	ck_assert_uint_eq(n_got, 1);
	for (unsigned kind = 0; kind < 4; kind++)
		ck_assert_int_eq(got[0].v[energy_slot(0, kind)], 1000000 * ((int)kind + 1));
	finish();
}
END_TEST

/* "No such record" has no name: while a twin is awaited it proves nothing. */
START_TEST(an_answer_without_name_is_not_believed_in_doubt)
{
	sign_on();
	step("R1 ENDPE(13.11.23)", NULL);
	step("R1 ENDPE(13.11.23)", "ENDPE(1.0)\r\n");
	step("R1 ENDPI(13.11.23)", "");
	step("B0", NULL);
	step("B0", NULL);
	sign_on();
	step("R1 ENDPI(13.11.23)", "ENDPI(2.0)\r\n");
	step("R1 ENDQE(13.11.23)", "ENDQE(3.0)\r\n");
	step("R1 ENDQI(13.11.23)", "ENDQI(4.0)\r\n");
	play();
	ck_assert_int_eq(open_meter(), E_OK);
	ck_assert_int_eq(read_type(REC_EL_DAY, local(2023, 11, 14, 0, 0, 0), local(2023, 11, 14, 0, 0, 0)), E_OK);
	ck_assert_uint_eq(n_got, 1);
	ck_assert(record_has(&got[0], energy_slot(0, A_MINUS)));
	finish();
}
END_TEST

/* ---- energy ---- */

START_TEST(energy_of_four_kinds_is_one_record)
{
	sign_on();
	four("ET0", "", "(10879.927572)\r\nET0PE(8032.5160368)\r\nET0PE(2847.4115352)\r\nET0PE(0.0)\r\n"
	    "ET0PE(0.0)\r\nET0PE(7.0)\r\n", "(0.0)\r\n", "(1.5)\r\n(1.5)\r\n", "(ERR12)\r\n");
	four("ET0", "", "(10880.0)\r\n", "(0.0)\r\n", "(1.5)\r\n", NULL);	/* QI is not asked again */
	play();
	ck_assert_int_eq(open_meter(), E_OK);
	ck_assert_int_eq(read_type(REC_EL_MOMENT_ENERGY, 0, 0), E_OK);
	ck_assert_uint_eq(n_got, 1);
	ck_assert_int_eq(got[0].v[energy_slot(0, A_PLUS)], INT64_C(10879927572));
	ck_assert_int_eq(got[0].v[energy_slot(1, A_PLUS)], INT64_C(8032516037));
	ck_assert(record_has(&got[0], energy_slot(4, A_PLUS)));
	ck_assert(!record_has(&got[0], energy_slot(5, A_PLUS)));
	ck_assert(record_has(&got[0], energy_slot(0, A_MINUS)));
	ck_assert_int_eq(got[0].v[energy_slot(1, R_PLUS)], 1500000);
	ck_assert(!record_has(&got[0], energy_slot(0, R_MINUS)));
	ck_assert_int_eq(read_type(REC_EL_MOMENT_ENERGY, 0, 0), E_OK);
	finish();
}
END_TEST

START_TEST(a_meter_refusing_everything_is_unsupported_and_tried_again_when_asked_again)
{
	sign_on();
	four("EAM", "10.23", "(ERR12)", "(ERR12)", "(ERR11)", "(ERR12)");
	four("EAM", "10.23", "(1.0)", "(ERR12)", "(ERR11)", "(ERR12)");
	play();
	ck_assert_int_eq(open_meter(), E_OK);
	ck_assert_int_eq(read_type(REC_EL_MONTH_CONS, local(2023, 10, 1, 0, 0, 0), local(2023, 10, 1, 0, 0, 0)),
	    E_UNSUPPORTED);
	ck_assert_int_eq(read_type(REC_EL_MONTH_CONS, local(2023, 10, 1, 0, 0, 0), local(2023, 10, 1, 0, 0, 0)),
	    E_OK);
	ck_assert_uint_eq(n_got, 1);
	finish();
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
	sign_on_to("/EKT5CE102Mv01\r\n");
	step("R1 ENDPE(14.11.23)", wrong_energies[_i].rx);
	play();
	ck_assert_int_eq(open_meter(), E_OK);
	ck_assert_int_eq(read_type(REC_EL_DAY, local(2023, 11, 15, 0, 0, 0), local(2023, 11, 15, 0, 0, 0)),
	    wrong_energies[_i].rc);
	ck_assert_uint_eq(n_got, 0);
	finish();
}
END_TEST

START_TEST(start_of_day_is_the_end_of_the_day_before)
{
	sign_on();
	four("END", "14.11.23", "(1234.56)\r\n(800.1)\r\n", "(ERR12)", "(ERR12)", "(ERR12)");
	four("END", "15.11.23", "", NULL, NULL, NULL);			/* no such record */
	four("END", "16.11.23", "(ERR18)", NULL, NULL, NULL);
	four("END", "17.11.23", "(1240.0)", NULL, NULL, NULL);
	play();
	ck_assert_int_eq(open_meter(), E_OK);
	/* From an hour that is no label: the next midnight is the first. */
	ck_assert_int_eq(read_type(REC_EL_DAY, local(2023, 11, 14, 1, 0, 0), local(2023, 11, 18, 0, 0, 0)), E_OK);
	ck_assert_uint_eq(n_got, 2);
	ck_assert_int_eq(got[0].ts, local(2023, 11, 15, 0, 0, 0));
	ck_assert_int_eq(got[0].v[0], 1234560000);
	ck_assert_int_eq(got[1].ts, local(2023, 11, 18, 0, 0, 0));
	finish();
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
	int64_t label = local(archives[_i].year, archives[_i].month, archives[_i].day, 0, 0, 0);

	sign_on();
	four(archives[_i].prefix, archives[_i].argument, "(1.0)", "(2.0)", "(3.0)", "(4.0)");
	play();
	ck_assert_int_eq(open_meter(), E_OK);
	ck_assert_int_eq(read_type(archives[_i].type, label, label), E_OK);
	ck_assert_uint_eq(n_got, 1);
	ck_assert_int_eq(got[0].type, archives[_i].type);
	ck_assert_int_eq(got[0].ts, label);
	finish();
}
END_TEST

/* ---- quality ---- */

START_TEST(quality_of_three_phases_with_apparent_power)
{
	const struct record *r = &got[0];

	sign_on_to("/EKT5CE301v11\r\n");
	step("R1 VOLTA()", "VOLTA(208.582)\r\nVOLTA(218.49)\r\nVOLTA(215.211)\r\n");
	step("R1 CURRE()", "CURRE(1.479)\r\nCURRE(2.8716)\r\nCURRE(0.782)\r\n");
	step("R1 POWPP()", "POWPP(0.3)\r\nPOWPP(-0.4)\r\nPOWPP(0.0119)\r\n");
	step("R1 POWEP()", "POWEP(0.5953)\r\n");
	step("R1 POWPQ()", "POWPQ(0.4)\r\nPOWPQ(0.3)\r\nPOWPQ(0)\r\n");
	step("R1 POWEQ()", "POWEQ(ERR12)\r\n");
	step("R1 COS_f()", "COS_f(0.9)\r\nCOS_f(0.8)\r\nCOS_f(-0.7)\r\nCOS_f(1.0)\r\n");
	step("R1 CORUU()", "CORUU(120.1)\r\nCORUU(118.8)\r\nCORUU(121.1)\r\n");
	step("R1 FREQU()", "FREQU(50.01)\r\n");
	play();
	ck_assert_int_eq(open_meter(), E_OK);
	ck_assert_int_eq(read_type(REC_EL_MOMENT_QUALITY, 0, 0), E_OK);
	ck_assert_uint_eq(n_got, 1);
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
	finish();
}
END_TEST

START_TEST(quality_of_a_single_phase)
{
	session->type = 11;
	sign_on_to("/EKT5CE102Mv01\r\n");
	step("R1 VOLTA()", "VOLTA(215.78)\r\n");
	step("R1 CURRE()", "CURRE(1.767)\r\n");
	step("R1 POWEP()", "POWEP(0.378816)\r\n");
	step("R1 COS_f()", "COS_f(1.000)\r\n");
	step("R1 FREQU()", "FREQU(50.01)\r\n");
	play();
	ck_assert_int_eq(open_meter(), E_OK);
	ck_assert_int_eq(read_type(REC_EL_MOMENT_QUALITY, 0, 0), E_OK);
	ck_assert_int_eq(got[0].v[Q_PA], 378816);
	ck_assert_int_eq(got[0].v[Q_PS], 378816);
	ck_assert_int_eq(got[0].v[Q_KPA], 1000);
	ck_assert(!record_has(&got[0], Q_UB));
	ck_assert(!record_has(&got[0], Q_SS));
	finish();
}
END_TEST

/* ---- one-shot reads ---- */

#define GROUP_ENERGY "GROUP(1001(1F)1002(1F)1004(1F)1008(1F))"
#define GROUP_ENERGY_ANSWER "1001(10.5)(4.5)(6.0)(0.0)(0.0)1002(E12)1004(1.0)(1.0)(0)(0)(0)1008(E12)"

static void
energy_by_names(void)
{
	four("ET0", "", "(10.5)(4.5)(6.0)(0.0)(0.0)(0.0)", "(ERR12)", "(1.0)(1.0)(0)(0)(0)(0)", "(ERR12)");
}

START_TEST(a_one_shot_read_of_energy_is_proved_before_it_is_used)
{
	energomera_memory(session)->group = GROUP_UNTRIED;
	sign_on();
	step("R1 " GROUP_ENERGY, "GROUP(ERR12)");
	step("B0", NULL);
	step("/?141227285!R1 " GROUP_ENERGY, GROUP_ENERGY_ANSWER);
	sign_on();
	energy_by_names();
	step("B0", NULL);
	/* The next conversation needs no session at all. */
	step("/?141227285!R1 " GROUP_ENERGY, GROUP_ENERGY_ANSWER);
	play();
	ck_assert_int_eq(open_meter(), E_OK);
	ck_assert_int_eq(read_type(REC_EL_MOMENT_ENERGY, 0, 0), E_OK);
	ck_assert_int_eq(energomera_memory(session)->group, GROUP_SESSIONLESS);
	ck_assert_int_eq(energomera_memory(session)->group_energy, 1);
	energomera_family.close(session);
	ck_assert_int_eq(open_meter(), E_OK);
	ck_assert_int_eq(read_type(REC_EL_MOMENT_ENERGY, 0, 0), E_OK);
	ck_assert_uint_eq(n_got, 1);
	ck_assert_int_eq(got[0].v[energy_slot(2, A_PLUS)], 6000000);
	ck_assert_int_eq(got[0].v[energy_slot(0, R_PLUS)], 1000000);
	ck_assert(!record_has(&got[0], energy_slot(0, A_MINUS)));
	energomera_family.close(session);
	finish();
}
END_TEST

START_TEST(a_one_shot_read_that_says_something_else_is_not_used)
{
	energomera_memory(session)->group = GROUP_IN_SESSION;
	sign_on();
	step("R1 " GROUP_ENERGY, "1001(10.5)(6.0)(4.5)(0.0)(0.0)1002(E12)1004(1.0)(1.0)(0)(0)(0)1008(E12)");
	energy_by_names();
	four("ET0", "", "(10.5)", NULL, "(1.0)", NULL);
	play();
	ck_assert_int_eq(open_meter(), E_OK);
	ck_assert_int_eq(read_type(REC_EL_MOMENT_ENERGY, 0, 0), E_OK);
	ck_assert_int_eq(got[0].v[energy_slot(1, A_PLUS)], 4500000);
	ck_assert_int_eq(read_type(REC_EL_MOMENT_ENERGY, 0, 0), E_OK);
	finish();
}
END_TEST

START_TEST(quality_in_one_request_is_completed_by_names)
{
	energomera_memory(session)->group = GROUP_IN_SESSION;
	sign_on();
	step("R1 GROUP(4001(7)4002(7)4003(F)400B(7)400D(1))", "4001(220.1)(221)(222.25)4002(1)(2)(3)"
	    "4003(0.1)(0.2)(0.3)(0.6)400B(E12)(118.8)(121.1)400D(50.01)");
	step("R1 POWPQ()", "(ERR12)");
	step("R1 POWEQ()", "POWEQ(0.8)\r\n");
	step("R1 COS_f()", "COS_f(0.9)\r\n(0.8)\r\n(0.7)\r\n(1.0)\r\n");
	play();
	ck_assert_int_eq(open_meter(), E_OK);
	ck_assert_int_eq(read_type(REC_EL_MOMENT_QUALITY, 0, 0), E_OK);
	ck_assert_int_eq(got[0].v[Q_UC], 222250);
	ck_assert_int_eq(got[0].v[Q_PS], 600000);
	ck_assert_int_eq(got[0].v[Q_SS], 1000000);
	ck_assert(!record_has(&got[0], Q_ANG_AB));
	ck_assert_int_eq(got[0].v[Q_ANG_AC], -121100);
	finish();
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
		energomera_refuse(session, names[i]);
}

static void
expect_slices(int64_t first_end, unsigned n, unsigned first_hundredths)
{
	ck_assert_uint_eq(n_got, n);
	for (unsigned i = 0; i < n; i++) {
		ck_assert_int_eq(got[i].type, REC_EL_PROFILE);
		ck_assert_uint_eq(got[i].period_min, 30);
		ck_assert_int_eq(got[i].ts, first_end + (int64_t)i * 1800);
		ck_assert_int_eq(got[i].v[P_PLUS], (int64_t)(first_hundredths + i) * 10000);
		ck_assert(got[i].flags & PROFILE_MEASURED);
	}
}

START_TEST(few_slices_are_asked_by_number)
{
	sign_on();
	step("R1 TAVER()", "TAVER(30)\r\n");
	four("GRA", "14.11.23.23.2", "(0.320)\r\nGRAPE(0.330)\r\n", "(0.0)\r\n(0.0)\r\n", "(0.1)\r\n(0.2)\r\n",
	    "(ERR12)");
	four("GRA", "14.11.23.25", "(0.340)\r\n", "(0.0)\r\n", "(0.3)\r\n", NULL);	/* TAVER is known */
	play();
	ck_assert_int_eq(open_meter(), E_OK);
	ck_assert_int_eq(read_type(REC_EL_PROFILE, local(2023, 11, 14, 11, 30, 0), local(2023, 11, 14, 12, 0, 0)),
	    E_OK);
	expect_slices(local(2023, 11, 14, 11, 30, 0), 2, 32);
	ck_assert_int_eq(got[1].v[Q_PLUS], 200000);
	ck_assert(!record_has(&got[1], Q_MINUS));
	ck_assert_int_eq(read_type(REC_EL_PROFILE, local(2023, 11, 14, 12, 30, 0), local(2023, 11, 14, 12, 30, 0)),
	    E_OK);
	expect_slices(local(2023, 11, 14, 12, 30, 0), 1, 34);
	finish();
}
END_TEST

START_TEST(most_of_a_day_is_asked_as_a_whole)
{
	refuse_other_kinds();
	sign_on();
	step("R1 TAVER()", "TAVER(30)\r\n");
	step("R1 GRAPE(14.11.23)", lines("GRAPE", 48, 10));
	step("R1 GRAPE(15.11.23.1)", "GRAPE(0.58)\r\n");
	play();
	ck_assert_int_eq(open_meter(), E_OK);
	/* The last slice of a day ends at the midnight after it. */
	ck_assert_int_eq(read_type(REC_EL_PROFILE, local(2023, 11, 14, 3, 0, 0), local(2023, 11, 15, 0, 30, 0)),
	    E_OK);
	expect_slices(local(2023, 11, 14, 3, 0, 0), 44, 15);
	finish();
}
END_TEST

START_TEST(a_day_in_progress_ends_early)
{
	refuse_other_kinds();
	sign_on();
	step("R1 TAVER()", "TAVER(30)\r\n");
	step("R1 GRAPE(14.11.23)", lines("GRAPE", 30, 10));
	step("R1 GRAPE(14.11.23.30)", "GRAPE(0.39)\r\n");
	step("R1 GRAPE(14.11.23.31)", "");
	play();
	ck_assert_int_eq(open_meter(), E_OK);
	ck_assert_int_eq(read_type(REC_EL_PROFILE, local(2023, 11, 14, 0, 30, 0), local(2023, 11, 14, 15, 30, 0)),
	    E_OK);
	expect_slices(local(2023, 11, 14, 0, 30, 0), 30, 10);
	finish();
}
END_TEST

/* One implementation answers a range by its first interval only. */
START_TEST(a_short_answer_that_is_no_early_end_is_not_believed)
{
	refuse_other_kinds();
	sign_on();
	step("R1 TAVER()", "TAVER(30)\r\n");
	step("R1 GRAPE(14.11.23.5.3)", "GRAPE(0.20)\r\n");
	step("R1 GRAPE(14.11.23.5)", "GRAPE(0.20)\r\n");
	step("R1 GRAPE(14.11.23.6)", "GRAPE(0.21)\r\n");
	step("R1 GRAPE(14.11.23)", "GRAPE(ERR17)\r\n");
	for (int slot = 5; slot <= 7; slot++) {
		char tx[48], rx[48];

		snprintf(tx, sizeof tx, "R1 GRAPE(14.11.23.%d)", slot);
		snprintf(rx, sizeof rx, "GRAPE(0.%d)\r\n", 15 + slot);
		step(tx, rx);
	}
	play();
	ck_assert_int_eq(open_meter(), E_OK);
	ck_assert_int_eq(read_type(REC_EL_PROFILE, local(2023, 11, 14, 2, 30, 0), local(2023, 11, 14, 3, 30, 0)),
	    E_OK);
	expect_slices(local(2023, 11, 14, 2, 30, 0), 3, 20);
	finish();
}
END_TEST

START_TEST(slices_without_a_number_are_absent)
{
	refuse_other_kinds();
	sign_on();
	step("R1 TAVER()", "TAVER(30)\r\n");
	step("R1 GRAPE(14.11.23.1.3)", "GRAPE(0.10)\r\n()\r\n(x)\r\n");
	play();
	ck_assert_int_eq(open_meter(), E_OK);
	ck_assert_int_eq(read_type(REC_EL_PROFILE, local(2023, 11, 14, 0, 30, 0), local(2023, 11, 14, 1, 30, 0)),
	    E_OK);
	expect_slices(local(2023, 11, 14, 0, 30, 0), 1, 10);
	finish();
}
END_TEST

START_TEST(an_impossible_period_stops_the_profile)
{
	sign_on();
	step("R1 TAVER()", "TAVER(7)\r\n");
	play();
	ck_assert_int_eq(open_meter(), E_OK);
	ck_assert_int_eq(read_type(REC_EL_PROFILE, local(2023, 11, 14, 0, 30, 0), local(2023, 11, 14, 1, 30, 0)),
	    E_UNSUPPORTED);
	finish();
}
END_TEST

/* ---- journals ---- */

static int
read_journal(unsigned journal, const struct record *known)
{
	struct query q = { .type = REC_EL_JOURNAL, .journal = (uint16_t)journal, .known = known };

	n_got = 0;
	return energomera_family.read(session, &q, &sink);
}

static const struct {
	unsigned journal;
	const char *pointer, *ring, *text, *events;	/* "dd hh:mm event id;" */
} rings[] = {
	{ J_PWR_A, "PPHAS", "PHASE", "(14-11-23-10-5-71)(14-11-23-10-7-70)(14-11-23-10-9-71)",
	    "14 10:07 0 0;14 10:09 1 0;" },
	{ J_PWR, "PPHAS", "PHASE", "(14-11-23-10-5-7)(14-11-23-10-7-71)", "14 10:05 0 0;14 10:07 1 0;" },
	{ J_PWR_B, "PPHAS", "PHASE", "(14-11-23-10-5-71)(13-11-23-10-5-71)(14-11-23-10-5-69)",
	    "14 10:05 0 0;14 10:05 1 1;" },
	{ J_LIM_UB_MIN, NULL, "JOVER", "(14-11-23-10-5-2)(14-11-23-10-5-0)(14-11-23-10-5-2)",
	    "14 10:05 1 0;14 10:05 0 1;14 10:05 1 2;" },
	{ J_PWR_C, "PPHAS", "PHASE", "()(0-0-0-0-0-0)(255-255-255-255-255-255)", "" },
	{ J_LIM_UA_MAX, NULL, "JOVER", "(14-11-23-10-5-8)(14-11-23-10-7-0)", "14 10:05 1 0;14 10:07 0 0;" },
	{ J_LIM_UC_MIN, NULL, "JOVER", "(14-11-23-10-5-4)", "14 10:05 1 0;" },
	/* The ring has turned: storage order is not the order of time. */
	{ J_LIM_UA_MIN, NULL, "JOVER", "(16-11-23-10-5-0)(14-11-23-10-5-1)(15-11-23-10-5-1)",
	    "14 10:05 1 0;16 10:05 0 0;" },
	{ J_TIME_CORR, NULL, "JCORT", "(14/11/23/10/5/12)(15/11/23/0/0/1)", "14 10:05 0 0;15 00:00 0 0;" },
	{ J_UNAUTH, "PDENI", "DENIA", "(14-11-23-10-5)", "14 10:05 0 0;" },
	{ J_OPEN, "PLOCK", "ELOCK", "(14-11-23-10-5-1)(15-11-23-10-5)", "14 10:05 0 0;15 10:05 0 0;" },
	{ J_TRF_CORR, "PACCE", "ACCES", "(14-11-23-10-5-8)(14-11-23-10-6-32)(14-11-23-10-7-1)",
	    "14 10:05 0 0;" },
	{ J_RESET, "PACCE", "ACCES", "(14-11-23-10-5-8)(14-11-23-10-6-32)", "14 10:06 0 0;" },
	{ J_PROG, "PACCE", "ACCES", "(14-11-23-10-5-8)(14-11-23-10-7-1)", "14 10:07 0 0;" },
};

START_TEST(rings_become_events)
{
	char tx[48], rx[256], text[512] = "";

	sign_on();
	if (rings[_i].pointer != NULL) {
		snprintf(tx, sizeof tx, "R1 %s()", rings[_i].pointer);
		snprintf(rx, sizeof rx, "%s(01)\r\n", rings[_i].pointer);
		step(tx, rx);
	}
	snprintf(tx, sizeof tx, "R1 %s()", rings[_i].ring);
	snprintf(rx, sizeof rx, "%s%s", rings[_i].ring, rings[_i].text);
	step(tx, rx);
	play();
	ck_assert_int_eq(open_meter(), E_OK);
	ck_assert_int_eq(read_journal(rings[_i].journal, NULL), E_OK);
	for (size_t i = 0; i < n_got; i++) {
		struct civil c = civil_from_utc(moscow, got[i].ts);

		ck_assert_uint_eq(got[i].journal, rings[_i].journal);
		ck_assert_int_eq(c.second, 0);
		snprintf(text + strlen(text), sizeof text - strlen(text), "%02d %02d:%02d %d %d;", c.day, c.hour,
		    c.minute, (int)got[i].v[J_EVENT], (int)got[i].v[J_EVENT_ID]);
	}
	ck_assert_str_eq(text, rings[_i].events);
	finish();
}
END_TEST

START_TEST(a_pointer_is_trusted_after_it_was_seen_to_move)
{
	struct record known;

	sign_on();
	step("R1 PDENI()", "PDENI(01)\r\n");
	step("R1 DENIA()", "DENIA(14-11-23-10-5)\r\n()\r\n");
	step("R1 PDENI()", "PDENI(01)\r\n");			/* unchanged, but not proved */
	step("R1 DENIA()", "DENIA(14-11-23-10-5)\r\n()\r\n");
	step("R1 PDENI()", "PDENI(02)\r\n");
	step("R1 DENIA()", "DENIA(14-11-23-10-5)\r\n(15-11-23-10-5)\r\n");
	step("R1 PDENI()", "PDENI(02)\r\n");			/* proved: the ring is not read */
	play();
	ck_assert_int_eq(open_meter(), E_OK);
	ck_assert_int_eq(read_journal(J_UNAUTH, NULL), E_OK);
	known = got[0];
	energomera_memory(session)->ring = 0;		/* another conversation */
	ck_assert_int_eq(read_journal(J_UNAUTH, &known), E_OK);
	energomera_memory(session)->ring = 0;		/* another conversation */
	ck_assert_int_eq(read_journal(J_UNAUTH, &known), E_OK);
	ck_assert_uint_eq(n_got, 2);
	energomera_memory(session)->ring = 0;		/* another conversation */
	ck_assert_int_eq(read_journal(J_UNAUTH, &known), E_OK);
	ck_assert_uint_eq(n_got, 0);
	finish();
}
END_TEST

START_TEST(records_of_one_minute_keep_the_order_after_the_pointer)
{
	sign_on();
	step("R1 PPHAS()", "PPHAS(01)\r\n");
	/* Newest in cell 1 of 3: oldest is cell 2. */
	step("R1 PHASE()", "PHASE(14-11-23-10-5-71)\r\n(14-11-23-10-5-70)\r\n(14-11-23-10-5-70)\r\n");
	play();
	ck_assert_int_eq(open_meter(), E_OK);
	ck_assert_int_eq(read_journal(J_PWR_A, NULL), E_OK);
	ck_assert_uint_eq(n_got, 2);
	ck_assert_int_eq(got[0].v[J_EVENT], 0);
	ck_assert_int_eq(got[1].v[J_EVENT], 1);
	finish();
}
END_TEST

START_TEST(an_empty_ring_is_no_error_and_an_unknown_one_is)
{
	sign_on();
	step("R1 JOVER()", "");
	step("R1 JCORT()", "JCORT(ERR12)\r\n");
	play();
	ck_assert_int_eq(open_meter(), E_OK);
	ck_assert_int_eq(read_journal(J_LIM_UA_MAX, NULL), E_OK);
	ck_assert_int_eq(read_journal(J_TIME_CORR, NULL), E_UNSUPPORTED);
	ck_assert_int_eq(read_journal(J_RELAY, NULL), E_UNSUPPORTED);
	finish();
}
END_TEST

/* ---- clock ---- */

START_TEST(a_meter_without_watch_is_asked_for_date_and_time)
{
	int64_t utc;

	sign_on();
	step("R1 WATCH()", "WATCH(0.345)\r\n");		/* answers every name with something */
	step("R1 DATE_()", "DATE_(01.24.10.16)\r\n");
	step("R1 TIME_()", "TIME_(21:42:34)\r\n");
	step("R1 DATE_()", "DATE_(1.24.10.16)\r\n");
	step("R1 TIME_()", "TIME_(00:00:01)\r\n");	/* the date may be of the day before */
	step("R1 DATE_()", "DATE_(02.25.10.16)\r\n");
	step("R1 TIME_()", "TIME_(00:00:02)\r\n");
	play();
	ck_assert_int_eq(open_meter(), E_OK);
	ck_assert_int_eq(energomera_family.clock_get(session, &utc), E_OK);
	ck_assert_int_eq(utc, local(2016, 10, 24, 21, 42, 34));
	ck_assert_int_eq(energomera_family.clock_get(session, &utc), E_OK);
	ck_assert_int_eq(utc, local(2016, 10, 25, 0, 0, 2));
	finish();
}
END_TEST

START_TEST(a_correction_writes_the_time_and_a_setting_the_date_too)
{
	uint8_t frame[64];

	session->writing = true;
	sign_on();
	step("W1 TIME_(10:15:00)", "\x06");
	step("W1 TIME_(10:15:00)", "\x06");
	step("W1 DATE_(02.14.11.23)", "\x06");
	play();
	ck_assert_int_eq(open_meter(), E_OK);
	ck_assert_int_eq(energomera_family.clock_correct(session, local(2023, 11, 14, 10, 15, 0)), E_OK);
	ck_assert_int_eq(energomera_family.clock_set(session, local(2023, 11, 14, 10, 15, 0)), E_OK);
	ck_assert_int_eq(energomera_family.clock_set(session, local(2023, 11, 14, 23, 59, 50)), E_BUSY);
	ck_assert_uint_eq(telegram("W1 TIME_(10:15:00)", frame), energomera_family.clock_frame);
	finish();
}
END_TEST

static const struct {
	const char *rx;
	int rc;
} refusals[] = {
	{ "(ERR14)", E_REFUSED }, { "TIME_(ERR15)", E_DENIED }, { "\x15", E_CHECKSUM }, { "B0", E_REFUSED },
	{ "(ERR17)", E_REFUSED }, { NULL, E_TIMEOUT },
};

START_TEST(a_refused_clock_write_is_not_repeated)
{
	session->writing = true;
	sign_on();
	step("W1 TIME_(10:15:00)", refusals[_i].rx);
	play();
	ck_assert_int_eq(open_meter(), E_OK);
	ck_assert_int_eq(energomera_family.clock_correct(session, local(2023, 11, 14, 10, 15, 0)), refusals[_i].rc);
	finish();
}
END_TEST

/* ---- identity ---- */

START_TEST(identification_fills_the_configuration)
{
	struct meter_config c;

	sign_on();
	step("R1 SNUMB()", "SNUMB(009218054000006)\r\n");
	step("R1 MODEL()", "MODEL(226)\r\n");
	step("R1 IDENT()", "IDENT(CE303v11.7s4)\r\n");
	step("R1 TAVER()", "TAVER(30)\r\n");
	step("R1 NGRAP()", "NGRAP(99)\r\n");
	step("R1 FCVOL()", "FCVOL(100)\r\n");
	step("R1 FCCUR()", "FCCUR(0.99)\r\n");
	step("R1 TRSUM()", "TRSUM(1)\r\n");
	play();
	ck_assert_int_eq(open_meter(), E_OK);
	ck_assert_int_eq(energomera_family.identify(session, &c), E_OK);
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
	finish();
}
END_TEST

START_TEST(identification_lives_with_unknown_parameters)
{
	struct meter_config c;

	sign_on_to("/EKT5CE102Mv01\r\n");
	step("R1 SNUMB()", "SNUMB(010748065001474)\r\n");
	for (int i = 0; i < 7; i++) {
		static const char *const names[] = { "MODEL", "IDENT", "TAVER", "NGRAP", "FCVOL", "FCCUR", "TRSUM" };
		char tx[24];

		snprintf(tx, sizeof tx, "R1 %s()", names[i]);
		step(tx, "(ERR12)");
	}
	play();
	ck_assert_int_eq(open_meter(), E_OK);
	ck_assert_int_eq(energomera_family.identify(session, &c), E_OK);
	ck_assert_str_eq(c.model, "CE102M");
	ck_assert_uint_eq(c.period_min, 0);
	ck_assert_uint_eq(c.profile_depth, 0);
	ck_assert_int_eq(c.is_dst, -1);
	ck_assert_int_eq(c.is_a_minus, 0);
	finish();
}
END_TEST

START_TEST(addresses_are_up_to_32_letters_and_digits)
{
	ck_assert_int_eq(energomera_family.check_address(""), E_OK);
	ck_assert_int_eq(energomera_family.check_address("000141227285"), E_OK);
	ck_assert_int_eq(energomera_family.check_address("AZ az 09"), E_OK);
	ck_assert_int_eq(energomera_family.check_address("12345678901234567890123456789012"), E_OK);
	ck_assert_int_eq(energomera_family.check_address("123456789012345678901234567890123"), E_INVALID);
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

START_TEST(square_roots_are_whole)
{
	static const uint64_t numbers[] = { 0, 1, 2, 3, 4, 15, 16, 999999, 1000000, UINT64_MAX, UINT64_C(1) << 62 };

	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
		uint64_t r = energomera_isqrt(numbers[i]);

		ck_assert_uint_le(r * r, numbers[i]);
		ck_assert(r >= UINT32_MAX || (r + 1) * (r + 1) > numbers[i]);
	}
	ck_assert_int_eq(energomera_apparent(3, -4), 5);
	ck_assert_int_eq(energomera_apparent(INT64_C(3) << 40, INT64_C(4) << 40), INT64_C(5) << 40);
}
END_TEST

#define COUNT(a) ((int)(sizeof (a) / sizeof *(a)))
#define ADD(test) tcase_add_test(c, test)

static TCase *
add_case(Suite *s, const char *name)
{
	TCase *c = tcase_create(name);

	tcase_add_checked_fixture(c, setup, teardown);
	suite_add_tcase(s, c);
	return c;
}

static void
add_session(Suite *s)
{
	TCase *c = add_case(s, "session");

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
add_values(Suite *s)
{
	TCase *c = add_case(s, "values");

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
add_archives(Suite *s)
{
	TCase *c = add_case(s, "archives");

	ADD(few_slices_are_asked_by_number);
	ADD(most_of_a_day_is_asked_as_a_whole);
	ADD(a_day_in_progress_ends_early);
	ADD(a_short_answer_that_is_no_early_end_is_not_believed);
	ADD(slices_without_a_number_are_absent);
	ADD(an_impossible_period_stops_the_profile);
	tcase_add_loop_test(c, rings_become_events, 0, COUNT(rings));
	ADD(a_pointer_is_trusted_after_it_was_seen_to_move);
	ADD(records_of_one_minute_keep_the_order_after_the_pointer);
	ADD(an_empty_ring_is_no_error_and_an_unknown_one_is);
}

static void
add_clock(Suite *s)
{
	TCase *c = add_case(s, "clock and identity");

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
	SRunner *runner;
	int failed;

	add_session(s);
	add_values(s);
	add_archives(s);
	add_clock(s);
	runner = srunner_create(s);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
