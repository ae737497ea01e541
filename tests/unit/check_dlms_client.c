/* The DLMS client over the scripted line: recorded sessions, and everything that goes wrong. */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/dlms_help.h"
#include "tests/unit/unit.h"

#define GET_A "C001C100030100010800FF0200"
#define VALUE_A "C401C1000600BC6146"

static const struct cosem reg_a = { CLASS_REGISTER, { 1, 0, 1, 8, 0, 255 }, 2 };
static const struct cosem profile = { CLASS_PROFILE, { 1, 0, 99, 1, 0, 255 }, 2 };

static struct dlms_script script;
static struct dlms dlms;
static struct line *line;

static void
start(void)
{
	dlms_client_begin(&dlms, &line, &script);
	ck_assert_int_eq(dlms_open(&dlms), E_OK);
}

static void
finish(void)
{
	dlms_client_finish(line, &script);
}

static void
begin_reader(unsigned conformance)
{
	dlms_script_begin(&script);
	dlms_script_connect(&script, true);
	dlms_script_reader(&script, conformance, 512);
}

static int64_t
number(struct octets data)
{
	struct axdr a = axdr_init(data.p, data.len);
	struct axdr_value v;
	int64_t n;

	ck_assert_int_eq(axdr_next(&a, &v), E_OK);
	ck_assert(axdr_int(&v, &n));
	return n;
}

static void
expect_value(void)
{
	struct octets data;

	ck_assert_int_eq(dlms_get_all(&dlms, &reg_a, &data), E_OK);
	ck_assert_int_eq(number(data), 12345670);
}

START_TEST(a_recorded_reader_session_is_spoken_octet_by_octet)
{
	struct octets data;

	dlms_script_begin(&script);
	dlms_script_raw(&script, "7EA0080221419350B47E",
	    "7EA01F41022173B26D818012050180060180070400000001080400000001533B7E");
	dlms_script_raw(&script,
	    "7EA043022141100D84E6E6006034A1090607608574050801018A0207808B0760857405080201AC088006313"
	    "1313131"
	    "31BE10040E01000000065F1F0400621E5DFFFF9B4A7E",
	    "7EA03841022130604DE6E7006129A109060760857405080101A203020100A305A103020100BE10040E08000"
	    "65F1F04"
	    "0000121502000007AE867E");
	dlms_script_raw(&script, "7EA01A022141321BA2E6E600C001C100010000600100FF020089A07E",
	    "7EA01F41022152395DE6E700C401C100090C303030303030313233343536D5717E");
	dlms_script_raw(&script, "7EA008022141535C727E", "7EA008410221732EE97E");
	dlms_client_begin(&dlms, &line, &script);
	dlms.conformance = 0x621e5d;
	dlms.max_pdu = 0xffff;
	ck_assert_int_eq(dlms_open(&dlms), E_OK);
	ck_assert_uint_eq(dlms.agreed, 0x001215);
	ck_assert_uint_eq(dlms.peer_pdu, 512);
	ck_assert_int_eq(dlms_get_all(&dlms, &COSEM(CLASS_DATA, 0, 0, 96, 1, 0, 2), &data), E_OK);
	ck_assert_mem_eq(data.p,
	    "\x09\x0c"
	    "000000123456",
	    14);
	dlms_close(&dlms);
	finish();
}
END_TEST

START_TEST(aes_proofs_are_exchanged_with_a_four_octet_address)
{
	dlms_script_begin(&script);
	dlms_script_raw(&script, "7EA00A000214D961937D797E",
	    "7EA02161000214D9731097818012050180060180070400000001080400000001533B7E");
	dlms_script_raw(&script,
	    "7EA04F000214D961104BF8E6E600603EA1090607608574050801018A0207808B0760857405080202AC12801"
	    "0165D3F76"
	    "4C64104D6B57286E53014C1FBE10040E01000000065F1F0400621E5DFFFFEA327E",
	    "7EA05B61000214D930941FE6E700614AA109060760857405080101A203020100A305A10302010E880207808"
	    "907608574"
	    "05080202AA1280102F0167116D4E551E3F3275641D634553BE10040E0800065F1F0400001A1D02000007A41"
	    "C7E");
	dlms_script_raw(&script,
	    "7EA02E000214D961320BC1E6E600C301C1000F0000280000FF01010910E9EA9E13B9C32943FC326617559FB"
	    "AEC0D9C7E",
	    "7EA02761000214D95256FFE6E700C701C100010009100754EDC428306778DD3C99D54F7B0938AC527E");
	dlms_client_begin(&dlms, &line, &script);
	ck_assert_int_eq(hdlc_address(&dlms.server, 1, 1388, 0), E_OK);
	dlms.client = 48;
	dlms.conformance = 0x621e5d;
	dlms.max_pdu = 0xffff;
	dlms.mechanism = MECHANISM_AES;
	memcpy(dlms.secret, "1234567890ABCDEF", 16);
	dlms.secret_len = 16;
	dlms.challenge_len = (uint8_t)dlms_hex(dlms.challenge, 16, "165D3F764C64104D6B57286E53014C1F");
	ck_assert_int_eq(dlms_open(&dlms), E_OK);
	finish();
}
END_TEST

START_TEST(a_meter_that_proves_nothing_is_not_believed)
{
	dlms_script_begin(&script);
	dlms_script_connect(&script, true);
	dlms_script_apdu(&script,
	    "603EA1090607608574050801018A0207808B0760857405080202AC128010000000000000000000000000000"
	    "00000"
	    "BE10040E01000000065F1F0400001A1D2000",
	    "614AA109060760857405080101A203020100A305A10302010E88020780890760857405080202AA128010"
	    "31313131313131313131313131313131BE10040E0800065F1F0400001A1D02000007");
	dlms_script_apdu(&script, "C301C1000F0000280000FF01010910D36DDE4B4BA37D6EAB06F4C19C87545B",
	    "C701C10000010009 10 00000000000000000000000000000000");
	script.n--; /* the proof itself is not what is tested: any answer will do */
	dlms_client_begin(&dlms, &line, &script);
	dlms.mechanism = MECHANISM_AES;
	memcpy(dlms.secret, "1234567890ABCDEF", 16);
	dlms.secret_len = 16;
	dlms.challenge_len = 16;
	ck_assert_int_lt(dlms_open(&dlms), 0);
	ck_assert(!dlms.is_open);
	line_close(line);
}
END_TEST

START_TEST(a_wrong_password_is_reported_and_the_link_closed)
{
	dlms_script_begin(&script);
	dlms_script_connect(&script, true);
	dlms_script_apdu(&script,
	    "6034A1090607608574050801018A0207808B0760857405080201AC088006313131313131"
	    "BE10040E01000000065F1F0400001A1D2000",
	    "6129A109060760857405080101A203020101A305A10302010DBE10040E0800065F1F040000101502000007");
	dlms_script_disconnect(&script);
	dlms_client_begin(&dlms, &line, &script);
	ck_assert_int_eq(dlms_open(&dlms), E_DENIED);
	finish();
}
END_TEST

START_TEST(an_association_held_by_another_client_is_busy)
{
	dlms_script_begin(&script);
	dlms_script_connect(&script, true);
	dlms_script_apdu(&script,
	    "6034A1090607608574050801018A0207808B0760857405080201AC088006313131313131"
	    "BE10040E01000000065F1F0400001A1D2000",
	    "6117A109060760857405080101A203020102A305A103020100");
	dlms_script_disconnect(&script);
	dlms_client_begin(&dlms, &line, &script);
	ck_assert_int_eq(dlms_open(&dlms), E_BUSY);
	finish();
}
END_TEST

START_TEST(a_refused_conformance_is_proposed_smaller)
{
	dlms_script_begin(&script);
	dlms_script_connect(&script, true);
	dlms_script_apdu(&script,
	    "6034A1090607608574050801018A0207808B0760857405080201AC088006313131313131"
	    "BE10040E01000000065F1F0400001A1D2000",
	    "611FA109060760857405080101A203020101A305A103020101BE0604040E010602");
	dlms_script_disconnect(&script);
	dlms_script_connect(&script, true);
	dlms_script_apdu(&script,
	    "6034A1090607608574050801018A0207808B0760857405080201AC088006313131313131"
	    "BE10040E01000000065F1F040000101D2000",
	    "6129A109060760857405080101A203020100A305A103020100BE10040E0800065F1F040000101D02000007");
	start();
	ck_assert_uint_eq(dlms.conformance, DLMS_CONFORMANCE_LESS);
	finish();
}
END_TEST

START_TEST(parameters_are_agreed_and_a_long_answer_comes_in_segments)
{
	struct octets data;
	char rx[700] = "C401C100098200C8";

	for (int i = 0; i < 200; i++)
		memcpy(rx + strlen(rx), "5A", 3);
	begin_reader(0x001a1d);
	dlms_script_apdu(&script, "C001C100070100630100FF0200", rx);
	start();
	ck_assert_int_eq(dlms_get_all(&dlms, &profile, &data), E_OK);
	ck_assert_uint_eq(data.len, 4 + 200);
	finish();
}
END_TEST

/* Three frames in one go, the last asking for our answer; a lost one is asked for again. */
START_TEST(a_window_of_frames_is_answered_once)
{
	static uint8_t first[512], second[512], third[512];
	struct wr w = wr_init(first, sizeof(first)), v = wr_init(second, sizeof(second));
	struct wr u = wr_init(third, sizeof(third));
	struct hdlc_frame f = { .to = { { 0x41 }, 1 }, .kind = HDLC_I, .nr = 2, .segmented = true };
	static const uint8_t head[] = { 0xe6, 0xe7, 0x00, 0xc4, 0x01, 0xc1, 0x00, 0x09, 0x06, 'a' };
	struct octets data;

	begin_reader(0x001a1d);
	f.from = script.server;
	f.ns = 1;
	f.info = head;
	f.info_len = sizeof(head);
	hdlc_put(&w, &f);
	f.ns = 3; /* 2 is lost on the way */
	f.info = (const uint8_t *)"de";
	f.info_len = 2;
	f.final = true;
	hdlc_put(&w, &f);
	f.ns = 2;
	f.info = (const uint8_t *)"bc";
	f.final = false;
	hdlc_put(&v, &f);
	f.ns = 3;
	f.info = (const uint8_t *)"de";
	f.final = true;
	hdlc_put(&v, &f);
	f.ns = 4;
	f.info = (const uint8_t *)"f";
	f.info_len = 1;
	f.segmented = false;
	hdlc_put(&u, &f);
	dlms_script_silence(&script, HDLC_I, "C001C100070100630100FF0200");
	script.steps[script.n - 1].rx = first;
	script.steps[script.n - 1].rx_len = w.len;
	script.vs = 2;
	script.vr = 2;
	dlms_script_silence(&script, HDLC_REJ, NULL);
	script.steps[script.n - 1].rx = second;
	script.steps[script.n - 1].rx_len = v.len;
	script.vr = 4;
	dlms_script_silence(&script, HDLC_RR, NULL);
	script.steps[script.n - 1].rx = third;
	script.steps[script.n - 1].rx_len = u.len;
	start();
	ck_assert_int_eq(dlms_get_all(&dlms, &profile, &data), E_OK);
	ck_assert_uint_eq(data.len, 8);
	ck_assert_mem_eq(data.p,
	    "\x09\x06"
	    "abcdef",
	    8);
	finish();
}
END_TEST

START_TEST(a_long_request_goes_in_segments)
{
	uint8_t buf[256];
	struct wr w = wr_init(buf, sizeof(buf));
	char tx[700] = "C101C1001400000D0000FF080009 81B4 ";
	uint8_t text[180];

	memset(text, 0x41, sizeof(text));
	axdr_put_octets(&w, text, sizeof(text));
	for (size_t i = 0; i < sizeof(text); i++)
		memcpy(tx + strlen(tx), "41", 3);
	begin_reader(0x001a1d);
	dlms_script_apdu(&script, tx, "C501C100");
	start();
	ck_assert_int_eq(
	    dlms_set(&dlms, &COSEM(CLASS_CALENDAR, 0, 0, 13, 0, 0, 8), (struct octets){ buf, w.len }),
	    E_OK);
	finish();
}
END_TEST

START_TEST(a_value_too_long_for_the_meter_is_set_in_blocks)
{
	uint8_t buf[256];
	struct wr w = wr_init(buf, sizeof(buf));
	uint8_t text[60];

	memset(text, 0x41, sizeof(text));
	axdr_put_octets(&w, text, sizeof(text));
	dlms_script_begin(&script);
	dlms_script_connect(&script, true);
	dlms_script_reader(&script, 0x001a1d, 64);
	dlms_script_apdu(&script,
	    "C102C1001400000D0000FF080000 00000001 20 093C"
	    "414141414141414141414141414141414141414141414141414141414141",
	    "C502C100000001");
	dlms_script_apdu(&script,
	    "C103C101 00000002 1E 414141414141414141414141414141414141414141414141414141414141",
	    "C503C10000000002");
	start();
	ck_assert_int_eq(
	    dlms_set(&dlms, &COSEM(CLASS_CALENDAR, 0, 0, 13, 0, 0, 8), (struct octets){ buf, w.len }),
	    E_OK);
	finish();
}
END_TEST

START_TEST(a_silent_meter_is_asked_again_and_then_what_is_ready)
{
	struct octets data;

	begin_reader(0x001a1d);
	dlms_script_silence(&script, HDLC_I, GET_A);
	dlms_script_apdu(&script, GET_A, VALUE_A);
	dlms_script_silence(&script, HDLC_I, GET_A);
	dlms_script_silence(&script, HDLC_I, GET_A);
	dlms_script_silence(&script, HDLC_RR, NULL);
	start();
	expect_value();
	ck_assert_int_eq(dlms_get_all(&dlms, &reg_a, &data), E_TIMEOUT);
	ck_assert(!dlms.is_open);
	finish();
}
END_TEST

START_TEST(an_action_is_never_sent_twice_after_silence)
{
	begin_reader(0x001a1d);
	dlms_script_silence(&script, HDLC_I, "C301C1000701005E0700FF02010F00");
	dlms_script_silence(&script, HDLC_RR, NULL);
	dlms_script_silence(&script, HDLC_RR, NULL);
	start();
	ck_assert_int_eq(
	    dlms_action(&dlms, &COSEM(CLASS_PROFILE, 1, 0, 94, 7, 0, 2), dlms_octets("0F00"), NULL),
	    E_TIMEOUT);
	finish();
}
END_TEST

/* The meter has our I frame and answers RR while it works. */
START_TEST(a_meter_that_is_not_ready_is_polled)
{
	struct script_step *steps, first;

	begin_reader(0x001a1d);
	steps = &script.steps[script.n];
	dlms_script_apdu(&script, GET_A, VALUE_A);
	script.vr--; /* what the meter says until its answer is ready */
	dlms_script_turn(&script, HDLC_RR, NULL, HDLC_RNR);
	dlms_script_turn(&script, HDLC_RR, NULL, HDLC_RR);
	first = steps[0];
	steps[0].rx = steps[1].rx;
	steps[0].rx_len = steps[1].rx_len;
	steps[1].rx = steps[2].rx;
	steps[1].rx_len = steps[2].rx_len;
	steps[2].rx = first.rx;
	steps[2].rx_len = first.rx_len;
	start();
	expect_value();
	finish();
}
END_TEST

START_TEST(a_lost_association_is_opened_again_and_the_read_repeated)
{
	begin_reader(0x001a1d);
	dlms_script_turn(&script, HDLC_I, GET_A, HDLC_DM);
	dlms_script_connect(&script, true);
	dlms_script_reader(&script, 0x001a1d, 512);
	dlms_script_apdu(&script, GET_A, VALUE_A);
	start();
	expect_value();
	finish();
}
END_TEST

START_TEST(a_write_is_not_repeated_over_a_new_association)
{
	begin_reader(0x001a1d);
	dlms_script_turn(&script, HDLC_I, "C301C10046000060030AFF01010F00", HDLC_DM);
	start();
	ck_assert_int_eq(
	    dlms_action(&dlms, &COSEM(CLASS_DISCONNECT, 0, 0, 96, 3, 10, 1), dlms_octets("0F00"), NULL),
	    E_FRAME);
	finish();
}
END_TEST

START_TEST(blocks_are_joined)
{
	struct octets data;

	begin_reader(0x001a1d);
	dlms_script_apdu(&script, "C001C100070100630100FF0200", "C402C100 00000001 00 03 010211");
	dlms_script_apdu(&script, "C002C100000001", "C402C101 00000002 00 03 011102");
	start();
	ck_assert_int_eq(dlms_get_all(&dlms, &profile, &data), E_OK);
	ck_assert_uint_eq(data.len, 6);
	ck_assert_mem_eq(data.p, "\x01\x02\x11\x01\x11\x02", 6);
	finish();
}
END_TEST

START_TEST(a_wrong_block_number_restarts_the_read)
{
	struct octets data;

	begin_reader(0x001a1d);
	dlms_script_apdu(&script, "C001C100070100630100FF0200", "C402C100 00000001 00 03 010211");
	dlms_script_apdu(&script, "C002C100000001", "C402C101 00000003 00 03 011102");
	dlms_script_disconnect(&script);
	dlms_script_connect(&script, true);
	dlms_script_reader(&script, 0x001a1d, 512);
	dlms_script_apdu(&script, "C001C100070100630100FF0200", "C401C1000100");
	start();
	ck_assert_int_eq(dlms_get_all(&dlms, &profile, &data), E_OK);
	ck_assert_uint_eq(data.len, 2);
	finish();
}
END_TEST

START_TEST(endless_blocks_end)
{
	enum { BLOCKS = 100 };
	struct octets data;
	char rx[2 * 100 + 64], tx[64];

	begin_reader(0x001a1d);
	for (unsigned i = 1; i <= BLOCKS; i++) {
		snprintf(rx, sizeof(rx), "C402C100%08X0050", i);
		for (int k = 0; k < 80; k++)
			memcpy(rx + strlen(rx), "00", 3);
		snprintf(tx, sizeof(tx), "C002C1%08X", i - 1);
		dlms_script_apdu(&script, i == 1 ? "C001C100070100630100FF0200" : tx, rx);
	}
	dlms_client_begin(&dlms, &line, &script);
	dlms.apdu_size = 4096;
	ck_assert_int_eq(dlms_open(&dlms), E_OK);
	ck_assert_int_eq(dlms_get_all(&dlms, &profile, &data), E_LIMIT);
	ck_assert(!dlms.is_open);
	line_close(line);
}
END_TEST

struct taken { int results[8]; int64_t values[8]; size_t n; };

static int
take(void *arg, size_t i, int result, struct axdr *value)
{
	struct taken *t = arg;
	struct axdr_value v;

	ck_assert_uint_eq(i, t->n);
	ck_assert_uint_lt(i, 8);
	t->results[i] = result;
	t->values[i] = -1;
	if (value != NULL && axdr_next(value, &v) == E_OK)
		(void)axdr_int(&v, &t->values[i]);
	t->n++;
	return E_OK;
}

static const struct cosem three[] = {
	{ CLASS_REGISTER, { 1, 0, 1, 8, 0, 255 }, 2 },
	{ CLASS_REGISTER, { 1, 0, 2, 8, 0, 255 }, 2 },
	{ CLASS_REGISTER, { 1, 0, 3, 8, 0, 255 }, 2 },
};
#define GET_THREE "C003C103 00030100010800FF0200 00030100020800FF0200 00030100030800FF0200"

START_TEST(lists_give_values_and_errors)
{
	struct taken t = { .n = 0 };

	begin_reader(0x001a1d);
	dlms_script_apdu(&script, GET_THREE, "C403C103000600BC61460104000600001000");
	start();
	ck_assert_int_eq(dlms_get_many(&dlms, three, 3, take, &t), E_OK);
	ck_assert_uint_eq(t.n, 3);
	ck_assert_int_eq(t.values[0], 12345670);
	ck_assert_int_eq(t.results[1], RESULT_UNDEFINED);
	ck_assert_int_eq(t.values[2], 4096);
	finish();
}
END_TEST

START_TEST(a_cut_list_is_completed_one_by_one_and_remembered)
{
	struct taken t = { .n = 0 };

	begin_reader(0x001a1d);
	dlms_script_apdu(&script, GET_THREE, "C403C101000600BC6146");
	dlms_script_apdu(&script, "C001C100030100020800FF0200", "C401C10104");
	dlms_script_apdu(&script, "C001C100030100030800FF0200", "C401C1000600001000");
	start();
	ck_assert_int_eq(dlms_get_many(&dlms, three, 3, take, &t), E_OK);
	ck_assert(dlms.no_list);
	ck_assert_uint_eq(t.n, 3);
	ck_assert_int_eq(t.results[1], RESULT_UNDEFINED);
	ck_assert_int_eq(t.values[2], 4096);
	finish();
}
END_TEST

START_TEST(errors_of_the_meter_have_their_meaning)
{
	static const struct { const char *rx; int rc; } rows[] = {
		{ "C401C10104", E_UNSUPPORTED }, { "C401C10109", E_UNSUPPORTED }, { "C401C1010B",
		E_UNSUPPORTED },
		{ "C401C10103", E_REFUSED }, { "C401C1010D", E_REFUSED }, { "C401C1010C", E_INVALID },
		{ "D80202", E_UNSUPPORTED },
	};
	struct octets data;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		begin_reader(0x001a1d);
		dlms_script_apdu(&script, GET_A, rows[i].rx);
		start();
		ck_assert_int_eq(dlms_get_all(&dlms, &reg_a, &data), rows[i].rc);
		finish();
	}
	begin_reader(0x001a1d);
	dlms_script_apdu(&script, GET_A, "C401C101FA");
	dlms_script_apdu(&script, GET_A, VALUE_A);
	start();
	expect_value();
	finish();
}
END_TEST

START_TEST(the_wrapper_carries_the_same_conversation)
{
	dlms_script_begin(&script);
	dlms_script_wrapped(&script,
	    "6034A1090607608574050801018A0207808B0760857405080201AC088006313131313131"
	    "BE10040E01000000065F1F0400001A1D2000",
	    "6129A109060760857405080101A203020100A305A103020100BE10040E0800065F1F0400001A1D02000007");
	dlms_script_wrapped(&script, GET_A, VALUE_A);
	dlms_script_wrapped(&script, "6215800100BE10040E01000000065F1F0400001A1D2000", "6303800100");
	dlms_client_begin(&dlms, &line, &script);
	dlms.transport = DLMS_WRAPPER;
	dlms.release = true;
	ck_assert_int_eq(dlms_open(&dlms), E_OK);
	expect_value();
	dlms_close(&dlms);
	finish();
}
END_TEST

/* ---- ciphering, the meter played by the same cipher with the titles exchanged ---- */

#define METER_TITLE "53494D0000123456"
static struct cipher meter;

static const char *
hex_of(const uint8_t *p, size_t len)
{
	static char bufs[4][1024];
	static unsigned next;
	char *buf = bufs[next++ % 4];

	buf[0] = '\0';
	for (size_t i = 0; i < len; i++)
		snprintf(buf + 2 * i, 3, "%02X", p[i]);
	return buf;
}

static const char *
sealed(struct cipher *c, const char *plain)
{
	uint8_t buf[512];
	struct wr w = wr_init(buf, sizeof(buf));

	ck_assert_int_eq(cipher_protect(c, dlms_octets(plain), &w), E_OK);
	return hex_of(buf, w.len);
}

static void
begin_ciphered(struct cipher *client)
{
	char aarq[512], aare[512];
	struct cipher mine;

	memset(client, 0, sizeof(*client));
	client->control = SC_BOTH;
	dlms_hex(client->key, 16, "000102030405060708090A0B0C0D0E0F");
	dlms_hex(client->auth_key, 16, "D0D1D2D3D4D5D6D7D8D9DADBDCDDDEDF");
	dlms_hex(client->title, 8, "434E430000000001");
	client->counter = 100;
	meter = *client;
	dlms_hex(meter.title, 8, METER_TITLE);
	memcpy(meter.peer_title, client->title, 8);
	meter.counter = 7;
	dlms_script_begin(&script);
	dlms_script_connect(&script, true);
	/* Mechanism 1 inside context 3: the proofs are tested by vectors. */
	mine = *client;
	snprintf(aarq, sizeof(aarq),
	    "6053A109060760857405080103A60A0408434E4300000000018A0207808B0760857405080201AC088006313"
	    "1313131"
	    "31BE230421%s",
	    sealed(&mine, "01000000065F1F0400001A1D2000"));
	snprintf(aare, sizeof(aare),
	    "6148A109060760857405080103A203020100A305A103020100A40A0408" METER_TITLE "BE230421%s",
	    sealed(&meter, "0800065F1F0400001A1D02000007"));
	dlms_script_apdu(&script, aarq, aare);
}

static void
start_ciphered(const struct cipher *client)
{
	dlms_client_begin(&dlms, &line, &script);
	dlms.context = CONTEXT_CIPHERED;
	dlms.cipher = *client;
	ck_assert_int_eq(dlms_open(&dlms), E_OK);
}

START_TEST(what_is_ciphered_is_read_and_counters_grow)
{
	struct cipher client, mine;

	begin_ciphered(&client);
	mine = client;
	mine.counter = 101;
	dlms_script_apdu(&script, sealed(&mine, GET_A), sealed(&meter, VALUE_A));
	dlms_script_apdu(&script, sealed(&mine, GET_A), sealed(&meter, VALUE_A));
	start_ciphered(&client);
	expect_value();
	expect_value();
	ck_assert_uint_eq(dlms.cipher.counter, 103);
	finish();
}
END_TEST

START_TEST(a_replayed_answer_is_not_believed)
{
	struct cipher client, mine;
	struct octets data;
	const char *answer;
	char kept[256];

	begin_ciphered(&client);
	mine = client;
	mine.counter = 101;
	answer = sealed(&meter, VALUE_A);
	snprintf(kept, sizeof(kept), "%s", answer);
	dlms_script_apdu(&script, sealed(&mine, GET_A), kept);
	dlms_script_apdu(&script, sealed(&mine, GET_A), kept);
	start_ciphered(&client);
	expect_value();
	ck_assert_int_eq(dlms_get_all(&dlms, &reg_a, &data), E_FOREIGN);
	finish();
}
END_TEST

START_TEST(data_in_the_clear_and_damaged_tags_are_not_believed)
{
	struct cipher client, mine;
	struct octets data;
	char bad[256];

	begin_ciphered(&client);
	mine = client;
	mine.counter = 101;
	dlms_script_apdu(&script, sealed(&mine, GET_A), VALUE_A);
	start_ciphered(&client);
	ck_assert_int_eq(dlms_get_all(&dlms, &reg_a, &data), E_FRAME);
	finish();
	begin_ciphered(&client);
	mine = client;
	mine.counter = 101;
	snprintf(bad, sizeof(bad), "%s", sealed(&meter, VALUE_A));
	bad[strlen(bad) - 1] = bad[strlen(bad) - 1] == '0' ? '1' : '0';
	dlms_script_apdu(&script, sealed(&mine, GET_A), bad);
	start_ciphered(&client);
	ck_assert_int_eq(dlms_get_all(&dlms, &reg_a, &data), E_CHECKSUM);
	finish();
}
END_TEST

START_TEST(the_counter_the_meter_wants_is_used)
{
	struct cipher client, mine;

	begin_ciphered(&client);
	mine = client;
	mine.counter = 101;
	dlms_script_apdu(&script, sealed(&mine, GET_A), "D8010600000815");
	mine.counter = 0x816;
	dlms_script_apdu(&script, sealed(&mine, GET_A), sealed(&meter, VALUE_A));
	start_ciphered(&client);
	expect_value();
	ck_assert_uint_eq(dlms.cipher.counter, 0x817);
	finish();
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("dlms client");
	TCase *tc = tcase_create("sessions");

	tcase_add_test(tc, a_recorded_reader_session_is_spoken_octet_by_octet);
	tcase_add_test(tc, aes_proofs_are_exchanged_with_a_four_octet_address);
	tcase_add_test(tc, a_meter_that_proves_nothing_is_not_believed);
	tcase_add_test(tc, a_wrong_password_is_reported_and_the_link_closed);
	tcase_add_test(tc, an_association_held_by_another_client_is_busy);
	tcase_add_test(tc, a_refused_conformance_is_proposed_smaller);
	tcase_add_test(tc, parameters_are_agreed_and_a_long_answer_comes_in_segments);
	tcase_add_test(tc, a_window_of_frames_is_answered_once);
	tcase_add_test(tc, a_long_request_goes_in_segments);
	tcase_add_test(tc, a_value_too_long_for_the_meter_is_set_in_blocks);
	tcase_add_test(tc, a_silent_meter_is_asked_again_and_then_what_is_ready);
	tcase_add_test(tc, an_action_is_never_sent_twice_after_silence);
	tcase_add_test(tc, a_meter_that_is_not_ready_is_polled);
	tcase_add_test(tc, a_lost_association_is_opened_again_and_the_read_repeated);
	tcase_add_test(tc, a_write_is_not_repeated_over_a_new_association);
	tcase_add_test(tc, blocks_are_joined);
	tcase_add_test(tc, a_wrong_block_number_restarts_the_read);
	tcase_add_test(tc, endless_blocks_end);
	tcase_add_test(tc, lists_give_values_and_errors);
	tcase_add_test(tc, a_cut_list_is_completed_one_by_one_and_remembered);
	tcase_add_test(tc, errors_of_the_meter_have_their_meaning);
	tcase_add_test(tc, the_wrapper_carries_the_same_conversation);
	suite_add_tcase(suite, tc);
	tc = tcase_create("ciphering");
	tcase_add_test(tc, what_is_ciphered_is_read_and_counters_grow);
	tcase_add_test(tc, a_replayed_answer_is_not_believed);
	tcase_add_test(tc, data_in_the_clear_and_damaged_tags_are_not_believed);
	tcase_add_test(tc, the_counter_the_meter_wants_is_used);
	suite_add_tcase(suite, tc);
	return unit_main(suite);
}
