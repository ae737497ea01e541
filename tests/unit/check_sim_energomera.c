/* The simulated CE301 / CE303 against meter-iec61107.md 2, 3 and 8. */
#include <check.h>
#include <string.h>

#include "sim/street.h"
#include "src/base/checksum.h"
#include "tests/unit/sim_help.h"
#include "tests/unit/unit.h"

/* 14 November 2023 10:15:40 local time (UTC+3), a Tuesday. */
#define DAY INT64_C(19675)
#define LOCAL (DAY * 86400 + 36940)
#define NOW_US ((LOCAL - 10800) * 1000000)
#define S 1000000

static struct sim_street *street;
static char text[SIM_ANSWER_MAX + 1];
static bool plain;

static struct sim_meter *
make(const char *keys)
{
	char json[1000];

	snprintf(json, sizeof(json), "{\"tz_min\":180,\"buses\":[{\"name\":\"b\",\"pty\":true,"
	    "\"meters\":[{\"serial\":\"009114141227285\",%s}]}]}", keys);
	sim_help_street(&street, json, true, NOW_US);
	plain = strstr(keys, "none") != NULL;
	return &street->buses[0].meters[0];
}

/* Sends 7-bit characters; the answer, parity checked and removed, is in `text`. */
static const char *
send_raw(struct sim_meter *m, int64_t now_us, const char *request, size_t n, int bad_parity_at)
{
	uint8_t req[200], out[SIM_ANSWER_MAX];

	for (size_t i = 0; i < n; i++) {
		req[i] = (uint8_t)request[i];
		if (!plain && __builtin_parity(req[i]) != 0)
			req[i] |= 0x80;
	}
	if (bad_parity_at >= 0)
		req[bad_parity_at] ^= 0x80;
	n = sim_meter_answer(m, now_us, req, n, out);
	for (size_t i = 0; i < n; i++) {
		if (!plain)
			ck_assert_int_eq(__builtin_parity(out[i]), 0);
		text[i] = (char)(out[i] & 0x7F);
	}
	text[n] = '\0';
	if (n > 1 && (text[0] == 1 || text[0] == 2))
		ck_assert_uint_eq(sum7((uint8_t *)text + 1, n - 2), (uint8_t)text[n - 1]);
	return text;
}

/* One command "R1" "NAME(...)" as a telegram. */
static const char *
command(struct sim_meter *m, int64_t now_us, const char *code, const char *body)
{
	char request[200];
	size_t n = (size_t)snprintf(request, sizeof(request) - 1, "\x01%s\x02%s\x03", code, body);

	request[n] = (char)sum7((uint8_t *)request + 1, n - 1);
	return send_raw(m, now_us, request, n + 1, -1);
}

static const char *
send_text(struct sim_meter *m, int64_t now_us, const char *request)
{
	return send_raw(m, now_us, request, strlen(request), -1);
}

/* The data between STX and ETX. */
static const char *
block(struct sim_meter *m, int64_t now_us, const char *code, const char *body)
{
	static char data[SIM_ANSWER_MAX];
	const char *got = command(m, now_us, code, body);
	size_t n = strlen(got);

	ck_assert_msg(got[0] == 2 && n >= 2, "%s", body);
	snprintf(data, sizeof(data), "%s", got + 1);
	*strchr(data, 3) = '\0';
	return data;
}

static const char *
read_name(struct sim_meter *m, int64_t now_us, const char *body)
{
	return block(m, now_us, "R1", body);
}

static void
sign_on(struct sim_meter *m, int64_t now_us)
{
	ck_assert_str_eq(send_text(m, now_us, "/?141227285!\r\n"), "/EKT5CE303v11\r\n");
	ck_assert_str_eq(send_text(m, now_us,
			     "\x06"
			     "051\r\n"),
	    "\x01P0\x02(141227285)\x03\x26");
}

static int
lines(const char *data)
{
	int n = 0;

	for (; (data = strchr(data, '\n')) != NULL; data++)
		n++;
	return n;
}

START_TEST(the_recorded_sign_on_gives_the_recorded_answers)
{
	struct sim_meter *m = make("\"type\":\"ce303\"");

	sign_on(m, NOW_US);
	ck_assert_str_eq(command(m, NOW_US, "P1", "(777777)"), "\x06");
	ck_assert_str_eq(command(m, NOW_US, "R1", "TAVER()"), "\x02TAVER(30)\r\n\x03\x50");
	ck_assert_str_eq(command(m, NOW_US, "R1", "NGRAP()"), "\x02NGRAP(99)\r\n\x03\x55");
	ck_assert_str_eq(command(m, NOW_US, "R1", "XXXXX()"), "\x02XXXXX(ERR12)\r\n\x03\x6f");
	ck_assert_str_eq(read_name(m, NOW_US, "DATE_()"), "DATE_(02.14.11.23)\r\n");
	ck_assert_str_eq(read_name(m, NOW_US, "WATCH()"), "WATCH(10:15:40,02.14.11.23,0)\r\n");
	ck_assert_str_eq(read_name(m, NOW_US, "SNUMB()"), "SNUMB(009114141227285)\r\n");
	ck_assert_str_eq(send_text(m, NOW_US,
			     "\x01"
			     "B0\x03\x75"),
	    "");
	ck_assert_str_eq(command(m, NOW_US, "R1", "TAVER()"), "");
	ck_assert_uint_eq(m->counters.signons, 1);
}
END_TEST

START_TEST(only_its_own_address_is_answered_leading_zeros_apart)
{
	struct sim_meter *m = make("\"type\":\"ce303\"");

	ck_assert_str_eq(send_text(m, NOW_US, "/?141227286!\r\n"), "");
	ck_assert_str_ne(send_text(m, NOW_US, "/?000141227285!\r\n"), "");
	ck_assert_str_ne(send_text(m, NOW_US, "/?!\r\n"), "");
	ck_assert_str_eq(send_raw(m, NOW_US, "/?!\r\n", 5, 2), "");
	/* A sign-on to somebody else ends the session. */
	sign_on(m, NOW_US);
	ck_assert_str_eq(send_text(m, NOW_US, "/?5!\r\n"), "");
	ck_assert_str_eq(command(m, NOW_US, "R1", "TAVER()"), "");
	m = make("\"type\":\"ce303\",\"parity\":\"none\"");
	sign_on(m, NOW_US);
}
END_TEST

START_TEST(parity_is_on_the_wire_as_recorded)
{
	struct sim_meter *m = make("\"type\":\"ce303\"");
	const uint8_t request[] = { 0xAF, 0x3F, 0x21, 0x8D, 0x0A };
	const uint8_t wanted[] = { 0xAF, 0xC5, 0x4B, 0xD4, 0x35, 0xC3, 0xC5, 0x33, 0x30, 0x33, 0xF6,
		0xB1, 0xB1, 0x8D, 0x0A };
	uint8_t out[SIM_ANSWER_MAX];

	ck_assert_uint_eq(sim_meter_answer(m, NOW_US, request, sizeof(request), out), sizeof(wanted));
	ck_assert_mem_eq(out, wanted, sizeof(wanted));
}
END_TEST

START_TEST(a_session_lives_four_seconds)
{
	struct sim_meter *m = make("\"type\":\"ce303\"");

	sign_on(m, NOW_US);
	ck_assert_str_ne(command(m, NOW_US + 3900000, "R1", "TAVER()"), "");
	ck_assert_str_ne(command(m, NOW_US + 7800000, "R1", "TAVER()"), "");
	ck_assert_str_eq(command(m, NOW_US + 13000000, "R1", "TAVER()"), "");
}
END_TEST

START_TEST(a_bad_bcc_or_parity_in_session_is_refused_with_nak)
{
	struct sim_meter *m = make("\"type\":\"ce303\"");
	const char *good = "\x01R1\x02"
			   "FREQU()\x03\x5c";

	ck_assert_str_eq(send_raw(m, NOW_US,
			     "\x01R1\x02"
			     "FREQU()\x03\x5d",
			     13, -1),
	    "");
	sign_on(m, NOW_US);
	ck_assert_str_eq(send_raw(m, NOW_US,
			     "\x01R1\x02"
			     "FREQU()\x03\x5d",
			     13, -1),
	    "\x15");
	ck_assert_str_eq(send_raw(m, NOW_US, good, 13, 5), "\x15");
	ck_assert_str_ne(send_raw(m, NOW_US, good, 13, -1), "\x15");
	ck_assert_str_eq(block(m, NOW_US, "X1", "FREQU()"), "FREQU(ERR11)\r\n");
}
END_TEST

START_TEST(three_wrong_passwords_silence_the_meter_until_midnight)
{
	struct sim_meter *m = make("\"type\":\"ce303\"");

	for (int i = 0; i < 3; i++) {
		sign_on(m, NOW_US);
		ck_assert_str_eq(command(m, NOW_US, "P1", "(123456)"),
		    "\x01"
		    "B0\x03\x75");
		ck_assert_str_eq(command(m, NOW_US, "R1", "TAVER()"), "");
	}
	ck_assert_str_eq(send_text(m, NOW_US, "/?141227285!\r\n"), "");
	ck_assert_str_eq(send_text(m, NOW_US + 12LL * 3600 * S, "/?141227285!\r\n"), "");
	sign_on(m, NOW_US + 15LL * 3600 * S);
	ck_assert_uint_eq(m->counters.wrong_passwords, 3);
}
END_TEST

START_TEST(registers_and_archives_come_from_one_model)
{
	struct sim_meter *m = make("\"type\":\"ce303\"");
	int64_t end = DAY * 86400, kwh;
	char wanted[60];

	sign_on(m, NOW_US);
	ck_assert_int_eq(lines(read_name(m, NOW_US, "ET0PE()")), 6);
	kwh = 5 * (int64_t)sim_counter(&m->load, SIM_R_MINUS, 0, end);
	snprintf(wanted, sizeof(wanted), "ENDQI(%lld.%04lld", (long long)(kwh / 10000),
	    (long long)(kwh % 10000));
	while (wanted[strlen(wanted) - 1] == '0' && wanted[strlen(wanted) - 2] != '.')
		wanted[strlen(wanted) - 1] = '\0';
	ck_assert_ptr_nonnull(strstr(read_name(m, NOW_US, "ENDQI(13.11.23)"), wanted));
	ck_assert_int_eq(lines(read_name(m, NOW_US, "EADPE(13.11.23)")), 6);
	ck_assert_int_eq(lines(read_name(m, NOW_US, "ENMPE(10.23)")), 6);
	ck_assert_int_eq(lines(read_name(m, NOW_US, "ENMPE(11.22)")), 6);
	ck_assert_int_eq(lines(read_name(m, NOW_US, "EAMPE(10.22)")), 6);
	ck_assert_int_eq(lines(read_name(m, NOW_US, "ECDPE()")), 6);
}
END_TEST

START_TEST(what_is_not_kept_is_an_empty_block)
{
	struct sim_meter *m = make("\"type\":\"ce303\"");
	static const char *const missing[] = {
		"ENDPE(14.11.23)", "ENDPE(30.09.23)", "ENMPE(11.23)", "ENMPE(10.22)", "EAMPE(09.22)",
		"GRAPE(15.11.23)", "GRAPE(07.08.23)", "GRAPE(14.11.23.21)",
	};

	sign_on(m, NOW_US);
	for (size_t i = 0; i < sizeof(missing) / sizeof(missing[0]); i++)
		ck_assert_msg(strcmp(command(m, NOW_US, "R1", missing[i]), "\x02\x03\x03") == 0, "%s",
		    missing[i]);
	ck_assert_str_eq(read_name(m, NOW_US, "ENDPE(31.02.23)"), "ENDPE(ERR17)\r\n");
	ck_assert_str_eq(read_name(m, NOW_US, "GRAPE(14.11.23.0)"), "GRAPE(ERR17)\r\n");
	m = make("\"type\":\"ce303\",\"missing\":\"err18\"");
	sign_on(m, NOW_US);
	ck_assert_str_eq(read_name(m, NOW_US, "ENDPE(14.11.23)"), "ENDPE(ERR18)\r\n");
	m = make("\"type\":\"ce303\",\"directions\":1");
	sign_on(m, NOW_US);
	ck_assert_str_eq(read_name(m, NOW_US, "ET0PI()"), "ET0PI(ERR12)\r\n");
}
END_TEST

START_TEST(profiles_have_three_forms)
{
	struct sim_meter *m = make(
	    "\"type\":\"ce303\",\"outages\":[[\"2023-11-13T10:10:00\",\"2023-11-13T11:40:00\"]]");
	char whole[SIM_ANSWER_MAX], wanted[40];
	uint32_t w = sim_slot(&m->load, SIM_A_PLUS, (DAY - 1) * 86400 + 1800);

	sign_on(m, NOW_US);
	snprintf(whole, sizeof(whole), "%s", read_name(m, NOW_US, "GRAPE(13.11.23)"));
	ck_assert_int_eq(lines(whole), 48);
	snprintf(wanted, sizeof(wanted), "GRAPE(%u.", w / 1000);
	ck_assert_int_eq(strncmp(whole, wanted, strlen(wanted)), 0);
	ck_assert_ptr_nonnull(strstr(whole, "GRAPE()\r\nGRAPE()\r\n"));
	ck_assert_int_eq(lines(read_name(m, NOW_US, "GRAPE(14.11.23)")), 20);
	ck_assert_int_eq(lines(read_name(m, NOW_US, "GRAPE(13.11.23.1)")), 1);
	ck_assert_int_eq(strncmp(read_name(m, NOW_US, "GRAPE(13.11.23.1)"), whole, strlen(wanted)), 0);
	ck_assert_int_eq(lines(read_name(m, NOW_US, "GRAPE(13.11.23.40.5)")), 5);
	ck_assert_int_eq(lines(read_name(m, NOW_US, "GRAPE(13.11.23.47.5)")), 2);
}
END_TEST

START_TEST(the_clock_is_written_after_the_password_only)
{
	struct sim_meter *m = make("\"type\":\"ce303\"");

	sign_on(m, NOW_US);
	ck_assert_str_eq(block(m, NOW_US, "W1", "TIME_(10:16:00)"), "TIME_(ERR15)\r\n");
	ck_assert_str_eq(command(m, NOW_US, "P1", "(777777)"), "\x06");
	ck_assert_str_eq(block(m, NOW_US, "W1", "TIME_(25:16:00)"), "TIME_(ERR17)\r\n");
	ck_assert_str_eq(command(m, NOW_US, "W1", "TIME_(10:16:00)"), "\x06");
	ck_assert_str_eq(read_name(m, NOW_US + S, "TIME_()"), "TIME_(10:16:01)\r\n");
	ck_assert_str_eq(command(m, NOW_US + S, "W1", "DATE_(03.15.11.23)"), "\x06");
	ck_assert_str_eq(read_name(m, NOW_US + S, "DATE_()"), "DATE_(03.15.11.23)\r\n");
	ck_assert_str_eq(command(m, NOW_US + 2 * S, "R1", "CTIME()"), "\x06");
	ck_assert_str_eq(read_name(m, NOW_US + 2 * S, "TIME_()"), "TIME_(10:16:00)\r\n");
	ck_assert_str_eq(read_name(m, NOW_US + 2 * S, "CTIME()"), "CTIME(ERR17)\r\n");
	ck_assert_int_eq(lines(read_name(m, NOW_US + 2 * S, "JCORT()")), 3);
	m = make("\"type\":\"ce303\",\"button\":true");
	sign_on(m, NOW_US);
	command(m, NOW_US, "P1", "(777777)");
	ck_assert_str_eq(block(m, NOW_US, "W1", "TIME_(10:16:00)"), "TIME_(ERR14)\r\n");
}
END_TEST

START_TEST(a_group_is_read_without_a_session)
{
	struct sim_meter *m = make("\"type\":\"ce303\"");
	char request[100] = "/?141227285!";
	const char *body = "\x01R1\x02GROUP(400B(7)400D(1)4002(F)5003(1))\x03";
	size_t n = strlen(request);

	memcpy(request + n, body, strlen(body));
	request[n + strlen(body)] = (char)sum7((const uint8_t *)body + 1, strlen(body) - 1);
	n += strlen(body) + 1;
	send_raw(m, NOW_US, request, n, -1);
	ck_assert_int_eq(strncmp(text,
			     "\x02"
			     "400B(",
			     6),
	    0);
	ck_assert_ptr_nonnull(strstr(text, ")400D("));
	ck_assert_ptr_nonnull(strstr(text, "(E12)5003(009114141227285)\x03"));
	m = make("\"type\":\"ce303\",\"group\":false");
	ck_assert_str_eq(send_raw(m, NOW_US, request, n, -1), "");
}
END_TEST

START_TEST(journals_are_rings_with_a_pointer)
{
	struct sim_meter *m = make(
	    "\"type\":\"ce303\",\"outages\":[[\"2023-11-13T10:10:00\",\"2023-11-13T11:40:00\"]]");
	static const char *const names[] = { "PHASE()", "JOVER()", "DENIA()", "ELOCK()", "ACCES()" };
	char phase[SIM_ANSWER_MAX], *line;
	int place = 0, at;

	sign_on(m, NOW_US);
	for (size_t i = 0; i < 5; i++)
		ck_assert_int_eq(lines(read_name(m, NOW_US, names[i])), 20);
	ck_assert_str_eq(read_name(m, NOW_US, "JCORT()"), "JCORT()\r\n");
	snprintf(phase, sizeof(phase), "%s", read_name(m, NOW_US, "PHASE()"));
	ck_assert_ptr_nonnull(strstr(phase, "PHASE(13-11-23-10-10-7)\r\n"));
	ck_assert_ptr_nonnull(strstr(phase, "PHASE(13-11-23-11-40-71)\r\n"));
	ck_assert_int_eq(sscanf(read_name(m, NOW_US, "PPHAS()"), "PPHAS(%d)", &place), 1);
	for (line = phase, at = 1; at < place; at++)
		line = strchr(line, '\n') + 1;
	/* The newest line: nothing happened to the phases since the supply returned. */
	ck_assert_int_eq(strncmp(line, "PHASE(13-11-23-11-40-71)", 24), 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("sim energomera");
	TCase *c = tcase_create("all");
	int failed;

	tcase_add_test(c, the_recorded_sign_on_gives_the_recorded_answers);
	tcase_add_test(c, only_its_own_address_is_answered_leading_zeros_apart);
	tcase_add_test(c, parity_is_on_the_wire_as_recorded);
	tcase_add_test(c, a_session_lives_four_seconds);
	tcase_add_test(c, a_bad_bcc_or_parity_in_session_is_refused_with_nak);
	tcase_add_test(c, three_wrong_passwords_silence_the_meter_until_midnight);
	tcase_add_test(c, registers_and_archives_come_from_one_model);
	tcase_add_test(c, what_is_not_kept_is_an_empty_block);
	tcase_add_test(c, profiles_have_three_forms);
	tcase_add_test(c, the_clock_is_written_after_the_password_only);
	tcase_add_test(c, a_group_is_read_without_a_session);
	tcase_add_test(c, journals_are_rings_with_a_pointer);
	suite_add_tcase(suite, c);
	failed = unit_main(suite);
	sim_street_free(street);
	return failed;
}
