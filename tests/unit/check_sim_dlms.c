/* The simulated СПОДЭС meter's link, associations and services against meter-spodes-dlms.md 3 to 7. */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "sim/dlms.h"
#include "tests/unit/sim_dlms_help.h"
#include "tests/unit/sim_help.h"
#include "tests/unit/unit.h"

#define CHALLENGE "\"challenge\":\"hex:2F0167116D4E551E3F3275641D634553\""
#define GMAC \
	"\"security\":\"both\",\"auth_configurator\":\"gmac\",\"reuse_counter\":true," \
	"\"challenge\":\"hex:2A68653C793614602820470E0F422530\""
#define UA_128 "7EA01F41022173B26D818012050180060180070400000001080400000001533B7E"

/* Frames recorded from other implementations, and the answers they got (dlms.jsonl). */
static const struct session {
	const char *keys;
	const char *frames[16];	/* request, answer, ...; NULL ends */
} sessions[] = {
	{ "",	/* public-client */
	    { "7EA0080221219305D17E", "7EA01F2102217356F48180120501800601800704000000010804000000015"
	    "33B7E",
		"7EA02C02212110172AE6E600601DA109060760857405080101BE10040E01000000065F1F0400621E5DF"
		"FFF88557E",
		"7EA0382102213084D4E6E7006129A109060760857405080101A203020100A305A103020100BE10040E0"
		"800065F1F04000010"
		"1002000007ACA87E",
		"7EA01A022121324EC7E6E600C001C1000100002A0000FF020012807E",
		"7EA023210221523C67E6E700C401C100091053494D303030303030303132333435360A7F7E",
		"7EA01A022121547EC1E6E600C001C100080000010000FF0200601A7E",
		"7EA01F21022174E980E6E700C401C100090C07EA0B140514292900FF4C00BF807E",
		"7EA01A022121766EC3E6E600C001C1000100002B0103FF0200B0AA7E",
		"7EA016210221969115E6E700C401C10006000000007D187E",
		"7EA01A022121981ECDE6E600C001C100030100010800FF020032687E",
		"7EA012210221B8FDF0E6E700C401C1010373827E" } },
	{ "\"bare_exceptions\":true,\"set_exception\":true",	/* reader-denied-and-shift */
	    { "7EA0080221419350B47E", UA_128,
		"7EA043022141100D84E6E6006034A1090607608574050801018A0207808B0760857405080201AC08800"
		"6313131313131BE10"
		"040E01000000065F1F0400621E5DFFFF9B4A7E",
		"7EA03841022130604DE6E7006129A109060760857405080101A203020100A305A103020100BE10040E0"
		"800065F1F04000012"
		"1502000007AE867E",
		"7EA01A022141321BA2E6E600C001C100030100630700FF0200298D7E",
		"7EA012410221524D21E6E700C401C10104CCF67E",
		"7EA028022141547266E6E600C101C100080000010000FF0200090C07EA0B14050C000000FF4C003E317E",
		"7EA00D41022174C5BBD8020218967E", "7EA01C02214176A39DE6E600C301C10046000060030AFF010"
		"10F0068A67E",
		"7EA01141022196A9BCE6E700C701C103BD827E",
		"7EA01D022141989798E6E600C301C100080000010000FF060110FFFBE3337E",
		"7EA012410221B81969E6E700C701C10000FCB47E", "7EA008022141535C727E", UA_128 } },
	{ GMAC,	/* config-gmac-sc30 up to pass 4 */
	    { "7EA0080221619363977E", "7EA01F61022173E1E28180120501800601800704000000010804000000015"
	    "33B7E",
		"7EA06C0221611053ADE6E600605DA109060760857405080103A60A0408434E4300000000018A0207808"
		"B0760857405080205"
		"AC128010371B4811641E4027576B0670466D5243BE230421211F3000000001E84F8454CC1D7F9EC4ECB"
		"5A406418F1CC11763"
		"34C901BAF11E7FD0F57E",
		"7EA078610221301103E6E7006169A109060760857405080103A203020100A305A10302010EA40A04085"
		"3494D000012345688"
		"020780890760857405080205AA1280102A68653C793614602820470E0F422530BE230421281F3000000"
		"0004769FDE4D33616"
		"8C46A62D4670BB72988CD424487B9079DABA5F18097E",
		"7EA04002216132E2B8E6E600CB31300000000218DDE1E10E8D97F4E06B13590A95F22ECE14A2F135D03"
		"1B41696DF1602B59E"
		"A5DACBC49730307BE32D728880087D7E",
		"7EA039610221526389E6E700CF2A30000000018A2953A9895A7D0CF485C2998A418488D87BF5C0557E3"
		"5DD1E30770EABC508"
		"F4D89E66603A5F8C7E" } },
};
enum { SESSIONS = sizeof(sessions) / sizeof(sessions[0]) };

START_TEST(recorded_sessions_get_the_recorded_answers)
{
	const struct session *s = &sessions[_i];

	simclient_make("spodes", s->keys);
	for (int i = 0; s->frames[i] != NULL; i += 2)
		ck_assert_str_eq(simclient_raw(s->frames[i]), s->frames[i + 1]);
}
END_TEST

START_TEST(high_level_authentication_over_four_octets_of_address_is_as_recorded)
{
	struct sim_meter *m = simclient_make("spodes", CHALLENGE);

	m->address = 1388;
	ck_assert_str_eq(simclient_raw("7EA00A000214D961937D797E"),
	    "7EA02161000214D9731097818012050180060180070400000001080400000001533B7E");
	(void)simclient_raw(
	    "7EA04F000214D961104BF8E6E600603EA1090607608574050801018A0207808B0760857405080202AC12801"
	    "0165D3F76"
	    "4C64104D6B57286E53014C1FBE10040E01000000065F1F0400621E5DFFFFEA327E");
	ck_assert_str_eq(
	    simclient_raw(
		"7EA02E000214D961320BC1E6E600C301C1000F0000280000FF01010910E9EA9E13B9C32943FC326617559F"
		"BAEC0D9C7E"),
	    "7EA02761000214D95256FFE6E700C701C100010009100754EDC428306778DD3C99D54F7B0938AC527E");
	(void)simclient_raw("7EA01C000214D96154CA26E6E600C001C100030100010800FF020032687E");
	ck_assert_str_eq(
	    simclient_raw(
		"7EA02A000214D961765DAAE6E600C101C100080000010000FF0200090C07EA0B14050C220000FF4C0008BC"
		"7E"),
	    "7EA01361000214D99642C6E6E700C501C10050897E");
	ck_assert_int_eq(sim_meter_time(m, SPODES_NOW_US) % 86400, 12 * 3600 + 34 * 60);
	ck_assert_str_eq(
	    simclient_raw("7EA01E000214D96198111DE6E600C301C10046000060030AFF01010F0068A67E"),
	    "7EA01461000214D9B826C9E6E700C701C10000FCB47E");
	ck_assert_str_eq(simclient_raw("7EA01C000214D961BABA28E6E600C001C10046000060030AFF02002E657E"),
	    "7EA01561000214D9DAE716E6E700C401C10003003AEB7E");
	ck_assert_uint_eq(m->counters.switchings, 1);
	ck_assert_uint_eq(m->counters.clock_writes, 1);
}
END_TEST

/* ---- link ---- */

START_TEST(a_meter_hears_only_its_address_in_the_forms_it_knows)
{
	static const struct {
		const char *keys, *server;
		bool heard;
	} cases[] = {
		{ "", "0221", true }, { "", "0223", false }, { "", "0421", false }, { "",
		    "00020021", true },
		{ "", "21", false }, { "", "02FF", true }, { "", "0002FEFF", true },
		{ "\"address_size\":1", "21", true }, { "\"address_size\":1", "0221", false },
		{ "\"address_size\":4", "0221", false }, { "\"address_size\":4", "00020021", true },
		{ "\"address_size\":2", "00020021", false }, { "\"logical\":2", "0421", true },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		simclient_make("spodes", cases[i].keys);
		ck_assert_msg((*simclient_frame(cases[i].server, 32, 0x93, "") != '\0') ==
			cases[i].heard,
		    "%zu", i);
	}
	/* A broadcast is answered with the meter's own address. */
	simclient_make("spodes", "");
	ck_assert_int_eq(strncmp(simclient_frame("02FF", 32, 0x93, ""), "7EA01F41022173", 14), 0);
	/* Clients that no meter has. */
	ck_assert_int_eq(strncmp(simclient_frame("0221", 17, 0x93, ""), "7EA0082302211F", 14), 0);
}
END_TEST

START_TEST(parameters_of_the_link_are_the_smaller_of_both)
{
	static const struct {
		const char *keys, *snrm, *ua;
	} cases[] = {
		{ "", "", "818012050180060180070400000001080400000001" },
		{ "\"ua\":\"empty\"", "", "" },
		{ "\"ua\":\"two\"", "", "81801405020080060200800704000000010804000000" "01" },
		{ "\"info_tx\":1024,\"info_rx\":239,\"window_tx\":7", "81801405020400060204000704000"
		"00001080400000003",
		    "8180130502040006" "01EF070400000003080400000001" },
		{ "\"info_tx\":64,\"info_rx\":2030", "", "818012050140060180070400000001080400000001" },
		{ "\"info_tx\":2030,\"info_rx\":2030,\"window_tx\":7,\"window_rx\":7",
		    "81800C050207EE060207EE070107080107", "818014050207EE060207EE0704000000070804000"
		    "00007" },
	};
	char wanted[200];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *got;

		simclient_make("spodes", cases[i].keys);
		got = simclient_connect(32, cases[i].snrm);
		snprintf(wanted, sizeof(wanted), "%s", cases[i].ua);
		ck_assert_msg(*wanted == '\0' ? strlen(got) == 20 : strstr(got, wanted) != NULL,
		    "%zu %s", i, got);
	}
}
END_TEST

START_TEST(without_a_link_the_answer_is_disconnected_mode)
{
	simclient_make("spodes", "");
	ck_assert_int_eq(strncmp(simclient_frame("0221", 32, 0x53, ""), "7EA0084102211F", 14), 0);
	ck_assert_int_eq(strncmp(simclient_frame("0221", 32, 0x11, ""), "7EA0084102211F", 14), 0);
	ck_assert_str_eq(simclient_frame("0221", 32, 0x00, "E6E600"), "");
	simclient_read();
	/* Another client's frames on this one's link. */
	ck_assert_int_eq(strncmp(simclient_frame("0221", 48, 0x11, ""), "7EA0086102211F", 14), 0);
	simclient_at(SPODES_NOW_US + 121000000);
	ck_assert_int_eq(strncmp(simclient_frame("0221", 32, 0x31, ""), "7EA0084102211F", 14), 0);
}
END_TEST

START_TEST(what_cannot_be_is_rejected_until_the_link_is_new)
{
	char info[300] = "";

	simclient_make("spodes", "");
	simclient_read();
	ck_assert_ptr_nonnull(strstr(simclient_frame("0221", 32, 0x1D, ""), "1D2201")); /* SREJ: W */
	ck_assert_ptr_nonnull(strstr(simclient_frame("0221", 32, 0x11, ""), "97"));
	simclient_read();
	for (int i = 0; i < 129; i++)
		memcpy(info + 2 * i, "E6", 3);
	ck_assert_ptr_nonnull(strstr(simclient_frame("0221", 32, 0x32, info), "322204")); /* Y */
	simclient_read();
	ck_assert_ptr_nonnull(strstr(simclient_frame("0221", 32, 0x71, ""), "712208")); /* Z */
	simclient_read();
}
END_TEST

START_TEST(a_repeated_frame_gets_the_same_answer_and_acts_once)
{
	struct sim_meter *m = simclient_make("spodes", CHALLENGE);
	char first[200];

	simclient_write();
	snprintf(first, sizeof(first), "%s",
	    simclient_frame("0221", 48, 0x54, "E6E600C301C10046000060030AFF01010F00"));
	ck_assert_ptr_nonnull(strstr(first, "C701C10000"));
	for (int i = 0; i < 3; i++)
		ck_assert_str_eq(
		    simclient_frame("0221", 48, 0x54, "E6E600C301C10046000060030AFF01010F00"), first);
	ck_assert_uint_eq(m->counters.switchings, 1);
	/* Receive ready before the answer was taken: again; after it: nothing more to say. */
	ck_assert_str_eq(simclient_frame("0221", 48, 0x51, ""), first);
	ck_assert_int_eq(strncmp(simclient_frame("0221", 48, 0x71, ""), "7EA00861022171", 14), 0);
	/* A frame that skips a number is asked for again. */
	ck_assert_int_eq(strncmp(simclient_frame("0221", 48, 0x78, "E6E600C0"), "7EA00861022179", 14),
	    0);
	ck_assert_int_eq(strncmp(simclient_frame("0221", 48, 0x75, ""), "7EA00861022171", 14), 0);
}
END_TEST

START_TEST(answers_are_cut_for_every_frame_size_and_window)
{
	static const unsigned sizes[] = { 64, 128, 239, 1024, 2030 };
	static char whole[20000];
	char keys[200], snrm[60];

	whole[0] = '\0';
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		for (unsigned window = 1; window <= 7; window += 3) {
			snprintf(keys, sizeof(keys),
			    "\"info_tx\":%u,\"info_rx\":%u,\"window_tx\":%u,\"max_pdu\":8192", sizes[i],
			    sizes[i], window);
			snprintf(snrm, sizeof(snrm), "81801405020800060207EE07040000000108040000000%u",
			    window);
			simclient_make("spodes", keys);
			(void)simclient_connect(32, snrm);
			(void)simclient_apdu(
			    "6034A1090607608574050801018A0207808B0760857405080201AC08800631313131"
			    "3131BE10040E01000000065F1F0400621E5DFFFF");
			(void)simclient_get(15, "0.0.40.0.0", 2, "");
			if (window == 7 && sizes[i] == 64)
				ck_assert_uint_gt(simclient_frames, 1);
			if (whole[0] == '\0')
				snprintf(whole, sizeof(whole), "%s",
				    simclient_value(15, "0.0.40.0.0", 2, ""));
			ck_assert_str_eq(simclient_value(15, "0.0.40.0.0", 2, ""), whole);
		}
	}
}
END_TEST

START_TEST(a_window_ends_with_the_final_bit_and_is_sent_again_from_where_it_broke)
{
	const char *got;
	char first[3000];

	simclient_make("spodes", "\"window_tx\":3,\"max_pdu\":8192");
	(void)simclient_connect(32, "818012050180060180070400000001080400000003");
	(void)simclient_apdu(
	    "6034A1090607608574050801018A0207808B0760857405080201AC088006313131313131BE10040E0100000"
	    "0065F"
	    "1F0400621E5DFFFF");
	got = simclient_frame("0221", 32, 0x32, "E6E600C001C1000701005E0700FF0300");
	ck_assert_int_eq(strncmp(got, "7EA88A41022142", 14), 0); /* N(S) 1, no final bit */
	ck_assert_int_eq(strncmp(got + 2 * 140, "7EA88A41022144", 14), 0);
	ck_assert_int_eq(strncmp(got + 4 * 140, "7EA88A41022156", 14), 0);
	snprintf(first, sizeof(first), "%s", got + 2 * 140);
	/* The second of them was lost. */
	got = simclient_frame("0221", 32, 0x59, "");
	ck_assert_int_eq(strncmp(got, first, 280), 0);
}
END_TEST

START_TEST(a_long_request_comes_in_segments)
{
	struct sim_meter *m = simclient_make("spodes", CHALLENGE);
	char hex[1000];
	int n = snprintf(hex, sizeof(hex), "C101C1001400000D0000FF080001%02X", 12);

	simclient_write();
	for (int i = 0; i < 12; i++)
		n += snprintf(hex + n, sizeof(hex) - (size_t)n,
		    "02080901%02X1101110211031104110511061107", i);
	ck_assert_uint_gt(strlen(hex) / 2, 200);
	ck_assert_str_eq(simclient_apdu(hex), "C501C100");
	ck_assert_str_eq(simclient_value(20, "0.0.13.0.0", 8, ""), hex + 26);
	ck_assert_uint_gt(m->counters.heard, 4);
}
END_TEST

START_TEST(ports_that_want_disconnecting_first_and_ports_of_one_client)
{
	simclient_make("spodes", "\"disc_first\":true");
	simclient_read();
	ck_assert_str_eq(simclient_connect(32, ""), "");
	ck_assert_str_ne(simclient_frame("0221", 32, 0x53, ""), "");
	ck_assert_str_ne(simclient_connect(32, ""), "");
	simclient_make("spodes", "\"one_client\":true");
	simclient_read();
	ck_assert_int_eq(strncmp(simclient_connect(48, ""), "7EA0086102211F", 14), 0);
	ck_assert_str_ne(simclient_connect(32, ""), "");
}
END_TEST

START_TEST(a_link_is_dropped_and_pushed_into_where_the_street_says_so)
{
	simclient_make("spodes", "\"drop_every\":3,\"push_every\":2");
	simclient_read();
	ck_assert_ptr_nonnull(
	    strstr(simclient_frame("0221", 32, 0x32, "E6E600C001C100010000600100FF0200"),
		"E6E7000F000000020C07EA0B140514292900FF4C000600000010"));
	ck_assert_int_eq(strncmp(simclient_frame("0221", 32, 0x54, "E6E600C001C100010000600100FF0200"),
			     "7EA0084102211F", 14),
	    0);
}
END_TEST

/* ---- wrapper ---- */

START_TEST(the_wrapper_is_answered_as_recorded)
{
	simclient_make("spodes", "\"transport\":\"wrapper\"");
	ck_assert_str_eq(simclient_raw("7EA0080221419350B47E"), "");
	ck_assert_str_eq(
	    simclient_raw(
		"00010020000100366034A1090607608574050801018A0207808B0760857405080201AC0880063131313131"
		"31BE10040E01000000065F1F0400621E5DFFFF"),
	    "000100010020002B6129A109060760857405080101A203020100A305A103020100BE10040E0800065F1F040"
	    "000121502000007");
	ck_assert_str_eq(simclient_raw("000100200001000DC001C100030100010800FF0300"),
	    "000100010020000AC401C10002020F00161E");
	ck_assert_str_eq(simclient_raw("000200200001000DC001C100030100010800FF0300"), "");
	ck_assert_str_eq(simclient_raw("000100200002000DC001C100030100010800FF0300"), "");
	/* Another client has no part in this association. */
	ck_assert_str_eq(simclient_raw("000100300001000DC001C100030100010800FF0300"),
	    "0001000100300003D80101");
	simclient_make("spodes", "");
	ck_assert_str_eq(simclient_raw("000100200001000DC001C100030100010800FF0300"), "");
}
END_TEST

/* ---- associations ---- */

static const struct {
	const char *keys;
	unsigned client;
	const char *aarq, *answer;
} refusals[] = {
	{ "", 32, "601DA109060760857405080101BE10040E01000000065F1F0400621E5DFFFF",
	    "A203020101A305A10302010E" },
	{ "", 32,
	    "6034A1090607608574050801018A0207808B0760857405080201AC088006313131313132BE10040E0100000"
	    "0065F1F0400621E5DFFFF",
	    "A203020101A305A10302010D" },
	{ "\"password_pad16\":true", 32,
	    "6034A1090607608574050801018A0207808B0760857405080201AC088006313131313131BE10040E0100000"
	    "0065F1F0400621E5DFFFF",
	    "A203020101A305A10302010D" },
	{ "", 32,
	    "603EA1090607608574050801018A0207808B0760857405080202AC128010165D3F764C64104D6B57286E530"
	    "14C1FBE10040E01000000"
	    "065F1F0400621E5DFFFF",
	    "A203020101A305A10302010B" },
	{ "", 16, "601DA109060760857405080103BE10040E01000000065F1F0400621E5DFFFF",
	    "A203020101A305A103020102" },
	{ "\"security\":\"ciphered\"", 32,
	    "6034A1090607608574050801018A0207808B0760857405080201AC088006313131313131BE10040E0100000"
	    "0065F1F0400621E5DFFFF",
	    "A203020101A305A103020102" },
	{ "\"strict_conformance\":true", 16, "601DA109060760857405080101BE10040E01000000065F1F040062"
	"1E5DFFFF",
	    "BE0604040E010602" },
	{ "\"strict_conformance\":true", 16, "601DA109060760857405080101BE10040E01000000065F1F040000"
	"101DFFFF",
	    "A203020100A305A103020100" },
	{ "\"auth_reader\":\"none\"", 32, "601DA109060760857405080101BE10040E01000000065F1F0400621E5"
	"DFFFF",
	    "A203020100A305A103020100" },
	{ "\"password\":\"hex:31310031\"", 32,
	    "6032A1090607608574050801018A0207808B0760857405080201AC06800431310031BE10040E01000000065"
	    "F1F0400621E5DFFFF",
	    "A203020100A305A103020100" },
	{ "", 32, "601DA109060760857405080101BE10040E01000000065F1F0400621E5D", "D80101" },
};
enum { REFUSALS = sizeof(refusals) / sizeof(refusals[0]) };

START_TEST(who_may_not_is_refused_with_the_reason)
{
	simclient_make("spodes", refusals[_i].keys);
	(void)simclient_connect(refusals[_i].client, "");
	ck_assert_ptr_nonnull(strstr(simclient_apdu(refusals[_i].aarq), refusals[_i].answer));
}
END_TEST

START_TEST(wrong_passwords_lock_until_midnight)
{
	struct sim_meter *m = simclient_make("spodes", "\"lock_after\":3,\"inactivity_s\":0");

	(void)simclient_connect(32, "");
	for (int i = 0; i < 3; i++)
		ck_assert_ptr_nonnull(strstr(simclient_apdu(refusals[1].aarq), "A305A10302010D"));
	(void)simclient_connect(32, "");
	ck_assert_ptr_nonnull(strstr(simclient_apdu(refusals[2].aarq), "A305A10302010D"));
	ck_assert_uint_eq(m->counters.wrong_passwords, 3);
	simclient_at(SPODES_NOW_US + INT64_C(12000) * 1000000);
	(void)simclient_connect(32, "");
	ck_assert_ptr_nonnull(strstr(simclient_apdu(refusals[2].aarq), "A305A103020100"));
}
END_TEST

START_TEST(a_wrong_secret_opens_nothing)
{
	struct sim_meter *m = simclient_make("spodes", CHALLENGE);

	(void)simclient_connect(48, "");
	(void)simclient_apdu(
	    "603EA1090607608574050801018A0207808B0760857405080202AC128010165D3F764C64104D6B57286E530"
	    "14C1FBE10040E"
	    "01000000065F1F0400621E5DFFFF");
	ck_assert_str_eq(simclient_get(1, "0.0.96.1.0", 2, ""), "D80101");
	ck_assert_str_eq(simclient_apdu("C301C10046000060030AFF01010F00"), "C701C103");
	ck_assert_str_eq(
	    simclient_apdu("C301C1000F0000280000FF0101091000000000000000000000000000000000"),
	    "C701C103");
	ck_assert_str_eq(simclient_get(1, "0.0.96.1.0", 2, ""), "D80101");
	ck_assert_uint_eq(m->counters.wrong_passwords, 1);
	ck_assert_uint_eq(m->counters.switchings, 0);
}
END_TEST

START_TEST(challenges_differ_from_association_to_association)
{
	char first[200];

	simclient_make("spodes", "");
	(void)simclient_connect(48, "");
	snprintf(first, sizeof(first), "%s", simclient_apdu(refusals[3].aarq));
	ck_assert_ptr_nonnull(strstr(first, "A305A10302010E"));
	(void)simclient_connect(48, "");
	ck_assert_str_ne(simclient_apdu(refusals[3].aarq), first);
}
END_TEST

/* ---- ciphering ---- */

static void
open_ciphered(const char *keys)
{
	simclient_make("spodes", keys);
	for (int i = 0; i < 6; i += 2)
		(void)simclient_raw(sessions[2].frames[i]);
}

/* The protected GET of 1.0.1.8.1 of the recording, invocation counter 3. */
#define GLO_GET \
	"7EA02D022161541563E6E600C81E3000000003280FAC44B330D43B9B554A804D17CAC24B1BF7CA975B63ED4B" \
	"AA447E"

START_TEST(protected_requests_are_opened_and_counted)
{
	struct sim_meter *m;
	char first[200];

	open_ciphered(GMAC);
	snprintf(first, sizeof(first), "%s", simclient_raw(GLO_GET));
	ck_assert_int_eq(strncmp(first, "7EA029610221741779E6E700CC1A3000000002", 38), 0);
	/* The frame again is the link's repetition; in a new number it is a replay. */
	ck_assert_str_eq(simclient_raw(GLO_GET), first);
	ck_assert_ptr_nonnull(strstr(simclient_frame("0221", 48, 0x76,
					 "E6E600C81E3000000003280FAC44B330D43B9B554A804D17CAC24B1BF7"
					 "CA975B63ED4B"),
	    "E6E700D8010600000003"));
	/* A damaged tag, a plain request, a broadcast key. */
	ck_assert_ptr_nonnull(strstr(simclient_frame("0221", 48, 0x98,
					 "E6E600C81E3000000004280FAC44B330D43B9B554A804D17CAC24B1BF7"
					 "CA975B63ED4C"),
	    "E6E700D80105"));
	ck_assert_ptr_nonnull(
	    strstr(simclient_frame("0221", 48, 0xBA, "E6E600C001C100030100010800FF0200"),
	    "E6E700D80105"));
	m = simclient_make("spodes", GMAC ",\"counter_seen\":2005");
	(void)simclient_raw(sessions[2].frames[0]);
	ck_assert_ptr_nonnull(strstr(simclient_raw(sessions[2].frames[2]), "E6E700D80106000007D5"));
	ck_assert_uint_eq(m->counters.replays, 1);
	/* The highest counter seen is open to the public client. */
	(void)simclient_connect(16, "");
	(void)simclient_apdu("601DA109060760857405080101BE10040E01000000065F1F0400621E5DFFFF");
	ck_assert_str_eq(simclient_get(1, "0.0.43.1.3", 2, ""), "C401C10006000007D5");
}
END_TEST

START_TEST(authenticated_only_is_as_recorded)
{
	open_ciphered(GMAC); /* for its keys; the recording has another challenge */
	simclient_make("spodes",
	    "\"security\":\"both\",\"auth_configurator\":\"gmac\",\"reuse_counter\":true,"
	    "\"challenge\":\"hex:05410D4C092E312E1F1412795B391176\"");
	(void)simclient_raw("7EA0080221619363977E");
	ck_assert_str_eq(
	    simclient_raw(
		"7EA06C0221611053ADE6E600605DA109060760857405080103A60A0408434E4300000000018A0207808"
		"B0760"
		"857405080205AC1280105D1D6D6211662B2D53025A25672C6070BE230421211F1000000001010000000"
		"65F1F0400"
		"621E5DFFFFA8FFB713634B4384C8D5A2CD920E7E"),
	    "7EA078610221301103E6E7006169A109060760857405080103A203020100A305A10302010EA40A040853494"
	    "D000012345688020780890"
	    "760857405080205AA12801005410D4C092E312E1F1412795B391176BE230421281F10000000000800065F1F"
	    "0400001A1D0200000790D877"
	    "EF657AFACC05A10A3224337E");
	ck_assert_str_eq(
	    simclient_raw(
		"7EA04002216132E2B8E6E600CB311000000002C301C1000F0000280000FF01010911100000000278D94"
		"C4501"
		"2AD837EC37513C6C46263A4E6554BEF333BC7FE8967E"),
	    "7EA039610221526389E6E700CF2A1000000001C701C1000100091110000000015DC04992D21F6D438DFC915"
	    "70F0CCB7C8755AFB494971"
	    "D84A3BD7E");
	ck_assert_ptr_nonnull(strstr(
	    simclient_raw(
		"7EA02D022161541563E6E600C81E1000000003C001C100030100010801FF0200BD97759811F427BB770"
		"B4BE3E3997E"),
	    "CC1A1000000002C401C10006"));
}
END_TEST

/* ---- services ---- */

START_TEST(objects_that_are_not_there_or_of_another_class_have_their_codes)
{
	simclient_make("spodes", "");
	simclient_read();
	ck_assert_str_eq(simclient_get(3, "1.0.99.7.0", 2, ""), "C401C10104");
	ck_assert_str_eq(simclient_get(1, "1.0.1.8.0", 2, ""), "C401C10109");
	ck_assert_str_eq(simclient_get(3, "1.0.1.8.0", 7, ""), "C401C1010B");
	ck_assert_str_eq(simclient_get(3, "1.0.1.8.0", 1, ""), "C401C10009060100010800FF");
	ck_assert_str_eq(simclient_apdu("C101C100080000010000FF0200090C07EA0B14050C000000FF4C00"),
	    "C501C103");
	ck_assert_str_eq(simclient_apdu("C801"), "D80105");
	ck_assert_str_eq(simclient_apdu("C2"), "D80202");
	ck_assert_str_eq(simclient_apdu("6203800100"), "6303800100");
	ck_assert_str_eq(simclient_get(3, "1.0.1.8.0", 2, ""), "D80101");
}
END_TEST

START_TEST(a_list_answers_each_or_ends_at_the_first_that_is_missing)
{
	const char *list = "C003C103"
			   "00030100010800FF0300"
			   "000301000A0800FF0200"
			   "00030100010800FF0300";

	simclient_make("spodes", "");
	simclient_read();
	ck_assert_str_eq(simclient_apdu(list), "C403C1030002020F00161E01040002020F00161E");
	simclient_make("spodes", "\"list_cut\":true");
	simclient_read();
	ck_assert_str_eq(simclient_apdu(list), "C403C1010002020F00161E");
	simclient_make("spodes", "\"with_list\":false");
	simclient_read();
	ck_assert_str_eq(simclient_apdu(list), "D80202");
}
END_TEST

START_TEST(a_long_answer_comes_in_blocks_and_not_past_its_end)
{
	char first[1200];

	simclient_make("spodes", "\"max_pdu\":100");
	simclient_read();
	snprintf(first, sizeof(first), "%s", simclient_get(7, "1.0.94.7.0", 3, ""));
	ck_assert_int_eq(strncmp(first,
			     "C402C10000000001"
			     "0058",
			     20),
	    0); /* 88 octets of 100 */
	ck_assert_int_eq(strncmp(simclient_apdu("C002C100000001"), "C402C10000000002", 16), 0);
	ck_assert_str_eq(simclient_apdu("C002C100000001"), "C402C101000000010113");
	ck_assert_str_eq(simclient_apdu("C002C100000002"), "C402C101000000020110");
	ck_assert_uint_gt(strlen(simclient_value(7, "1.0.94.7.0", 3, "")), 500);
	ck_assert_str_eq(simclient_apdu("C002C100000001"), "C402C101000000010110");
	/* Not agreed: it cannot be told. */
	(void)simclient_connect(32, "");
	(void)simclient_apdu(
	    "6034A1090607608574050801018A0207808B0760857405080201AC088006313131313131BE10040E0100000"
	    "0065F1F0400"
	    "000015FFFF");
	ck_assert_str_eq(simclient_get(7, "1.0.94.7.0", 3, ""), "C401C101FA");
	/* And a request too long for this meter is not read. */
	ck_assert_str_eq(simclient_apdu("C003C10A"
					"00030100010800FF0200"
					"00030100010801FF0200"
					"00030100010802FF0200"
					"00030100010803FF0200"
					"00030100010804FF0200"
					"00030100010800FF0200"
					"00030100010801FF0200"
					"00030100010802FF0200"
					"00030100010803FF0200"
					"00030100010804FF0200"),
	    "D80104");
}
END_TEST

START_TEST(quirks_of_makers_show)
{
	simclient_make("spodes", "\"invoke_id\":129,\"surplus\":3");
	simclient_read();
	ck_assert_str_eq(simclient_get(1, "0.0.96.1.0", 2, ""),
	    "C40181"
	    "00"
	    "090C303030303030313233343536"
	    "090A0B");
	simclient_make("spodes-rim", "");
	(void)simclient_connect(32, "");
	ck_assert_ptr_nonnull(strstr(
	    simclient_apdu(
		"6034A1090607608574050801018A0207808B0760857405080201AC088006526561646572BE10040E010"
		"00000065F"
		"1F0400621E5DFFFF"),
	    "A203020100"));
	ck_assert_str_eq(simclient_get(1, "0.0.96.1.1", 2, ""), "C401C1000909D0E8CC3438392E3338");
	ck_assert_str_eq(simclient_get(8, "0.0.1.0.0", 2, ""), "C401C100090C07EA0B14051429290000B400");
	ck_assert_uint_eq(simclient_make("spodes-milur", "")->address, 3456 + 16);
}
END_TEST

START_TEST(faults_make_good_frames_of_another_station_or_receiver_not_ready)
{
	struct sim_meter *m = simclient_make("spodes", "");
	uint8_t answer[SIM_ANSWER_MAX], out[SIM_ANSWER_MAX];
	const uint8_t snrm[] = { 0x7E, 0xA0, 0x08, 0x02, 0x21, 0x41, 0x93, 0x50, 0xB4, 0x7E };
	const uint8_t i_frame[] = { 0x7E, 0xA0, 0x0D, 0x41, 0x02, 0x21, 0x74, 0xC5, 0xBB, 0xD8,
	    0x02, 0x02, 0x18,
		0x96, 0x7E };
	size_t n = sim_meter_answer(m, SPODES_NOW_US, snrm, sizeof(snrm), answer), other;

	other = m->type->foreign(m, answer, n, out);
	ck_assert_uint_eq(other, n);
	ck_assert_uint_eq(out[5], 0x23);
	ck_assert(sim_request_whole(out, other));
	ck_assert(!sim_request_whole(out, other - 1));
	ck_assert_uint_eq(m->type->busy(m, answer, n, out), 0);
	ck_assert_uint_eq(m->type->busy(m, i_frame, sizeof(i_frame), out), 10);
	ck_assert_uint_eq(out[6], 0x75);
}
END_TEST

/* ---- bad input ---- */

START_TEST(requests_cut_anywhere_or_made_of_noise_do_no_harm)
{
	static const char *const requests[] = {
		"C003C10400030100010800FF020000030100010801FF020000030100010802FF020000030100010803F"
		"F0200",
		"C001C100070100630100FF0201010204020412000809060000010000FF0F02120000090C07EA0B13040"
		"01E00FFFF4C00090C07EA0B13"
		"04060000FFFF4C000100",
		"C001C100070100630100FF020102020406000000030600000005120001120000",
		"C101C1001400000D0000FF070001020203090101090CFFFF0101FF00000000800000090101020309010"
		"2090CFFFF0601FF0000000080"
		"0000090102",
		"C102C1001400000D0000FF0900000000000110010102021101010102030904000000" "00",
		"C301C100080000010000FF060110FFFB",
	};
	char cut[600];
	uint64_t dice = 1;

	for (int role = 0; role < 2; role++) {
		for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
			for (size_t n = 0; n <= strlen(requests[i]) / 2; n++) {
				simclient_make("spodes", CHALLENGE);
				if (role == 0)
					simclient_read();
				else
					simclient_write();
				snprintf(cut, sizeof(cut), "%.*s", (int)(2 * n), requests[i]);
				(void)simclient_apdu(cut);
				for (int flips = 0; flips < 3 && n > 0; flips++) {
					dice = sim_hash(dice, n, i);
					snprintf(cut, sizeof(cut), "%s", requests[i]);
					cut[dice % strlen(cut)] = "0123456789ABCDEF"[dice >> 32 & 15];
					(void)simclient_apdu(cut);
				}
			}
		}
	}
	for (size_t n = 0; n + 1 < strlen(refusals[3].aarq) / 2; n++) {
		(void)simclient_connect(48, "");
		snprintf(cut, sizeof(cut), "%.*s", (int)(2 * n), refusals[3].aarq);
		(void)simclient_apdu(cut);
	}
}
END_TEST

START_TEST(a_street_file_with_wrong_keys_is_refused_and_says_which)
{
	static const struct {
		const char *key, *why;
	} cases[] = {
		{ "\"info_tx\":20", "info_tx" }, { "\"ek\":\"hex:0\"", "ek" },
		    { "\"transport\":\"ip\"", "transport" },
		{ "\"load_columns\":[\"0.0.1.0.0\",\"1.0.77.29.0\"]", "load_columns" },
		    { "\"logs\":[11]", "logs" },
		{ "\"relay\":1", "relay" }, { "\"address\":16382", "wrong value" },
		{ "\"model\":\"a name that is much too long for any meter of this whole street\"",
		    "model" },
		{ "\"address_size\":2,\"address\":126", "address" }, { "\"ring\":4096", "ring" },
	};
	struct sim_options options = { .unpaced = true };
	char json[400], why[200];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_t *root;

		snprintf(json, sizeof(json),
		    "{\"buses\":[{\"name\":\"b\",\"meters\":[{\"type\":\"spodes\",\"serial\":\"1\",%"
		    "s}]}]}",
		    cases[i].key);
		root = json_loads(json, 0, NULL);
		ck_assert_ptr_nonnull(root);
		ck_assert_ptr_null(sim_street_parse(root, &options, 0, why, sizeof(why)));
		ck_assert_msg(strstr(why, cases[i].why) != NULL, "%s", why);
		json_decref(root);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("sim_dlms");
	TCase *link = tcase_create("link"), *association = tcase_create("association");
	TCase *service = tcase_create("service");

	tcase_add_checked_fixture(link, NULL, simclient_end);
	tcase_add_checked_fixture(association, NULL, simclient_end);
	tcase_add_checked_fixture(service, NULL, simclient_end);
	tcase_set_timeout(service, 30);
	tcase_add_loop_test(link, recorded_sessions_get_the_recorded_answers, 0, SESSIONS);
	tcase_add_test(link, high_level_authentication_over_four_octets_of_address_is_as_recorded);
	tcase_add_test(link, a_meter_hears_only_its_address_in_the_forms_it_knows);
	tcase_add_test(link, parameters_of_the_link_are_the_smaller_of_both);
	tcase_add_test(link, without_a_link_the_answer_is_disconnected_mode);
	tcase_add_test(link, what_cannot_be_is_rejected_until_the_link_is_new);
	tcase_add_test(link, a_repeated_frame_gets_the_same_answer_and_acts_once);
	tcase_add_test(link, answers_are_cut_for_every_frame_size_and_window);
	tcase_add_test(link, a_window_ends_with_the_final_bit_and_is_sent_again_from_where_it_broke);
	tcase_add_test(link, a_long_request_comes_in_segments);
	tcase_add_test(link, ports_that_want_disconnecting_first_and_ports_of_one_client);
	tcase_add_test(link, a_link_is_dropped_and_pushed_into_where_the_street_says_so);
	tcase_add_test(link, the_wrapper_is_answered_as_recorded);
	tcase_add_loop_test(association, who_may_not_is_refused_with_the_reason, 0, REFUSALS);
	tcase_add_test(association, wrong_passwords_lock_until_midnight);
	tcase_add_test(association, a_wrong_secret_opens_nothing);
	tcase_add_test(association, challenges_differ_from_association_to_association);
	tcase_add_test(association, protected_requests_are_opened_and_counted);
	tcase_add_test(association, authenticated_only_is_as_recorded);
	tcase_add_test(service, objects_that_are_not_there_or_of_another_class_have_their_codes);
	tcase_add_test(service, a_list_answers_each_or_ends_at_the_first_that_is_missing);
	tcase_add_test(service, a_long_answer_comes_in_blocks_and_not_past_its_end);
	tcase_add_test(service, quirks_of_makers_show);
	tcase_add_test(service, faults_make_good_frames_of_another_station_or_receiver_not_ready);
	tcase_add_test(service, requests_cut_anywhere_or_made_of_noise_do_no_harm);
	tcase_add_test(service, a_street_file_with_wrong_keys_is_refused_and_says_which);
	suite_add_tcase(suite, link);
	suite_add_tcase(suite, association);
	suite_add_tcase(suite, service);
	return unit_main(suite);
}
