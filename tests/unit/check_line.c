/* The exchange engine over the scripted line and over ptys. */
#include "drivers/line.h"

#include <check.h>
#include <string.h>

#include "tests/unit/line_peer.h"
#include "tests/unit/unit.h"

enum { ADDRESS = 0x10 };

/* Frames of these tests: address, length, so many bytes, exclusive-or of all before. */
#define GOOD "1002c1c211"
#define DAMAGED "1002c1c212"
#define FOREIGN "1102c1c210"
#define REQUEST "100155990d"

static struct framing
frame_by_length(const void *hint, const uint8_t *rx, size_t len)
{
	uint8_t sum = 0;
	size_t whole;

	(void)hint;
	if (rx[0] == 0xff)
		return (struct framing){ FRAME_NOISE, 1 };
	if (len < 2)
		return (struct framing){ FRAME_MORE, 2 - len };
	whole = rx[1] + (size_t)3;
	if (len < whole)
		return (struct framing){ FRAME_MORE, whole - len };
	for (size_t i = 0; i < whole; i++)
		sum ^= rx[i];
	if (sum != 0)
		return (struct framing){ FRAME_DAMAGED, whole };
	return (struct framing){ rx[0] == ADDRESS ? FRAME_WHOLE : FRAME_FOREIGN, whole };
}

static struct framing
frame_by_silence(const void *hint, const uint8_t *rx, size_t len)
{
	(void)hint;
	(void)rx;
	return (struct framing){ FRAME_SILENT, len };
}

static struct framing
frame_by_line_feed(const void *hint, const uint8_t *rx, size_t len)
{
	const uint8_t *end = memchr(rx, '\n', len);

	(void)hint;
	if (end == NULL)
		return (struct framing){ FRAME_MORE, 1 };
	return (struct framing){ FRAME_WHOLE, (size_t)(end - rx) + 1 };
}

static struct framing
frame_as_told(const void *hint, const uint8_t *rx, size_t len)
{
	(void)rx;
	(void)len;
	return *(const struct framing *)hint;
}

/* ---- exchanges with a peer ---- */

struct expected {
	int rc;
	const char *answer;
	unsigned exchanges, answers, timeouts, damaged, foreign, stray, echoes, parity_errors;
};

static const struct exchange_case {
	const char *what, *request;
	struct peer_turn turns[3];
	struct expected expected;
	framer *framer;			/* frame_by_length */
	enum line_echo echo;
	enum line_kind kind;
	enum soft_parity soft;
	uint32_t answer_ms, gap_ms, lost_ms;	/* long: nothing is decided by them */
	uint8_t tries;
	size_t rx_size;
	const char *sent;		/* as tapped, when it matters */
} cases[] = {
	{ "whole answer", REQUEST, { { 5, { GOOD } } },
	    { E_OK, GOOD, .exchanges = 1, .answers = 1 } },
	{ "answer in pieces", REQUEST, { { 5, { "10", "02c1", "c2", "11" } } },
	    { E_OK, GOOD, .exchanges = 1, .answers = 1 } },
	{ "noise before the answer", REQUEST, { { 5, { "ff", "ffff" GOOD } } },
	    { E_OK, GOOD, .exchanges = 1, .answers = 1, .stray = 3 } },
	{ "bytes after the answer", REQUEST, { { 5, { GOOD "0102" } } },
	    { E_OK, GOOD, .exchanges = 1, .answers = 1, .stray = 2 } },
	{ "foreign answer, then ours", REQUEST, { { 5, { FOREIGN, GOOD } } },
	    { E_OK, GOOD, .exchanges = 1, .answers = 1, .foreign = 1 } },
	{ "foreign answer and ours at once", REQUEST, { { 5, { FOREIGN GOOD } } },
	    { E_OK, GOOD, .exchanges = 1, .answers = 1, .foreign = 1 } },
	{ "only foreign answers", REQUEST, { { 5, { FOREIGN } } },
	    { E_FOREIGN, .exchanges = 1, .foreign = 1 }, .answer_ms = 300 },
	{ "damaged, then good", REQUEST, { { 5, { DAMAGED } }, { 5, { GOOD } } },
	    { E_OK, GOOD, .exchanges = 2, .answers = 1, .damaged = 1 } },
	{ "damaged every time", REQUEST, { { 5, { DAMAGED } }, { 5, { DAMAGED } } },
	    { E_CHECKSUM, .exchanges = 2, .damaged = 2 }, .tries = 2 },
	{ "incomplete, then good", REQUEST, { { 5, { "1002c1" } }, { 5, { GOOD } } },
	    { E_OK, GOOD, .exchanges = 2, .answers = 1, .damaged = 1 }, .lost_ms = 30 },
	{ "incomplete every time", REQUEST, { { 5, { "10" } }, { 5, { "10" } } },
	    { E_FRAME, .exchanges = 2, .damaged = 2 }, .lost_ms = 30, .tries = 2 },
	{ "silence is not repeated", REQUEST, { { 5, { NULL } } },
	    { E_TIMEOUT, .exchanges = 1, .timeouts = 1 }, .answer_ms = 30 },
	{ "noise only", REQUEST, { { 5, { "ffff" } } },
	    { E_TIMEOUT, .exchanges = 1, .timeouts = 1, .stray = 2 }, .answer_ms = 300 },
	{ "answer longer than the buffer", REQUEST, { { 5, { GOOD } } },
	    { E_LIMIT, .exchanges = 1, .damaged = 1 }, .tries = 1, .rx_size = 4 },
	{ "answer as long as the buffer", REQUEST, { { 5, { GOOD "00" } } },
	    { E_OK, GOOD, .exchanges = 1, .answers = 1 }, .rx_size = 5 },

	{ "echo on: echo and answer", REQUEST, { { 5, { REQUEST GOOD } } },
	    { E_OK, GOOD, .exchanges = 1, .answers = 1, .echoes = 1 }, .echo = ECHO_ON },
	{ "echo on: in pieces", REQUEST, { { 5, { "10", "0155990d10", "02c1c211" } } },
	    { E_OK, GOOD, .exchanges = 1, .answers = 1, .echoes = 1 }, .echo = ECHO_ON },
	{ "echo on: identical answer", GOOD, { { 5, { GOOD, GOOD } } },
	    { E_OK, GOOD, .exchanges = 1, .answers = 1, .echoes = 1 }, .echo = ECHO_ON },
	{ "echo on: no answer", REQUEST, { { 5, { REQUEST } } },
	    { E_TIMEOUT, .exchanges = 1, .timeouts = 1, .echoes = 1 },
	    .echo = ECHO_ON, .answer_ms = 300 },
	{ "echo on: masked by the hardware", REQUEST, { { 5, { GOOD } } },
	    { E_OK, GOOD, .exchanges = 1, .answers = 1 }, .echo = ECHO_ON },
	{ "CAN echoes", REQUEST, { { 5, { REQUEST, GOOD } } },
	    { E_OK, GOOD, .exchanges = 1, .answers = 1, .echoes = 1 }, .kind = LINE_CAN },
	{ "CAN with masked echo", GOOD, { { 5, { GOOD } } },
	    { E_OK, GOOD, .exchanges = 1, .answers = 1 }, .echo = ECHO_OFF, .kind = LINE_CAN },
	{ "echo off: identical answer", GOOD, { { 5, { GOOD } } },
	    { E_OK, GOOD, .exchanges = 1, .answers = 1 }, .echo = ECHO_OFF },
	{ "echo undecided: echo and answer", REQUEST, { { 5, { "1001", "55990d" GOOD } } },
	    { E_OK, GOOD, .exchanges = 1, .answers = 1, .echoes = 1 } },
	{ "echo undecided: identical answer", GOOD, { { 5, { GOOD } } },
	    { E_OK, GOOD, .exchanges = 1, .answers = 1 }, .answer_ms = 400 },
	{ "echo undecided: echo and identical answer", GOOD, { { 5, { GOOD, GOOD } } },
	    { E_OK, GOOD, .exchanges = 1, .answers = 1, .echoes = 1 } },
	{ "echo undecided: echo, no answer", REQUEST, { { 5, { REQUEST } } },
	    { E_TIMEOUT, .exchanges = 1, .timeouts = 1, .echoes = 1 }, .answer_ms = 400 },
	{ "echo undecided: echo that begins like an answer", "1001554400", { { 5, { "1001554400" } } },
	    { E_TIMEOUT, .exchanges = 1, .timeouts = 1, .echoes = 1 }, .answer_ms = 400 },
	{ "echo undecided: the answer is the request's beginning", GOOD "aabb", { { 7, { GOOD } } },
	    { E_OK, GOOD, .exchanges = 1, .answers = 1 }, .lost_ms = 100 },

	{ "frame ended by silence", REQUEST, { { 5, { "c1c2c3" } } },
	    { E_OK, "c1c2c3", .exchanges = 1, .answers = 1 }, frame_by_silence },
	{ "frame ended by silence, in pieces", REQUEST, { { 5, { "c1", "c2", "c3" } } },
	    { E_OK, "c1c2c3", .exchanges = 1, .answers = 1 }, frame_by_silence, .gap_ms = 400 },

	{ "parity is left alone", "af3f218d0a", { { 5, { "afc58d0a" } } },
	    { E_OK, "afc58d0a", .exchanges = 1, .answers = 1 }, frame_by_line_feed,
	    .sent = "af3f218d0a" },
	{ "even parity by software", "2f3f210d0a", { { 5, { "afc54bd435c3c533", "3033f6b1b18d0a" } } },
	    { E_OK, "2f454b5435434533303376" "31310d0a", .exchanges = 1, .answers = 1 },
	    frame_by_line_feed, .soft = SOFT_EVEN, .sent = "af3f218d0a" },
	{ "a wrong parity bit is counted, the byte is kept", "2f3f210d0a", { { 5, { "af45cb8d0a" } } },
	    { E_OK, "2f454b0d0a", .exchanges = 1, .answers = 1, .parity_errors = 2 },
	    frame_by_line_feed, .soft = SOFT_EVEN },
	{ "echo with parity", "2f3f210d0a", { { 5, { "af3f218d0a" "afc58d0a" } } },
	    { E_OK, "2f450d0a", .exchanges = 1, .answers = 1, .echoes = 1 },
	    frame_by_line_feed, .echo = ECHO_ON, .soft = SOFT_EVEN },
	{ "parity is found by itself", "2f3f210d0a", { { 5, { "afc58d0a" } } },
	    { E_OK, "2f450d0a", .exchanges = 1, .answers = 1 },
	    frame_by_line_feed, .soft = SOFT_AUTO, .sent = "af3f218d0a" },
};

static void
assert_hex(const uint8_t *bytes, size_t n, const char *expected, const char *what)
{
	char text[2 * PEER_BYTES + 1];

	bytes_hex(bytes, n, text, sizeof(text));
	ck_assert_msg(strcmp(text, expected) == 0, "%s: got %s instead of %s", what, text, expected);
}

static void
assert_counters(const struct line *line, const struct exchange_case *c)
{
	const struct expected *want = &c->expected;
	struct line_counters got;

	line_counters(line, &got);
	ck_assert_msg(got.exchanges == want->exchanges && got.answers == want->answers &&
		got.timeouts == want->timeouts && got.damaged == want->damaged &&
		got.foreign == want->foreign && got.stray_bytes == want->stray &&
		got.echoes == want->echoes && got.parity_errors == want->parity_errors,
	    "%s: exchanges=%u answers=%u timeouts=%u damaged=%u foreign=%u stray=%u echoes=%u "
	    "parity=%u",
	    c->what, (unsigned)got.exchanges, (unsigned)got.answers, (unsigned)got.timeouts,
	    (unsigned)got.damaged, (unsigned)got.foreign, (unsigned)got.stray_bytes,
	    (unsigned)got.echoes, (unsigned)got.parity_errors);
}

static struct line *
open_line(struct peer *peer, const struct exchange_case *c)
{
	const struct line_options options = { .name = "bus1", .kind = c->kind, .echo = c->echo };
	const struct line_settings settings = { 115200, 8, PARITY_NONE, 1 };
	const struct line_timing timing = {
		.answer_ms = c->answer_ms != 0 ? c->answer_ms : 5000, .gap_ms = c->gap_ms,
		.lost_ms = c->lost_ms != 0 ? c->lost_ms : 5000, .tries = c->tries,
	};
	struct line *line;

	peer_open_pty(peer);
	ck_assert_int_eq(line_open_serial(&line, peer->path, &options), E_OK);
	line_tap_set(line, peer_tap, peer);
	ck_assert_int_eq(line_configure(line, &settings, &timing, c->soft), E_OK);
	return line;
}

START_TEST(exchange_on_a_pty)
{
	const struct exchange_case *c = &cases[_i];
	struct exchange_times times;
	uint8_t tx[64], rx[256];
	size_t rx_len, tx_len = hex_bytes(c->request, tx, sizeof(tx));
	struct peer peer;
	struct line *line = open_line(&peer, c);
	int rc;

	peer_play(&peer, c->turns, 3);
	rc = line_exchange(line, tx, tx_len, c->framer != NULL ? c->framer : frame_by_length, NULL, rx,
	    c->rx_size != 0 ? c->rx_size : sizeof(rx), &rx_len);
	ck_assert_msg(rc == c->expected.rc, "%s: %s", c->what, uspd_errname(rc));
	assert_hex(rx, rc == E_OK ? rx_len : 0, rc == E_OK ? c->expected.answer : "", c->what);
	assert_counters(line, c);
	if (c->sent != NULL)
		assert_hex(peer.sent, peer.sent_len, c->sent, c->what);
	times = line_times(line);
	ck_assert_int_le(times.sent_us, times.first_us);
	ck_assert_int_le(times.first_us, times.done_us);
	peer_close(&peer);
	line_close(line);
}
END_TEST

static int
exchange(struct line *line, const char *request, framer *frame, const void *hint)
{
	uint8_t tx[64], rx[256];
	size_t rx_len, tx_len = hex_bytes(request, tx, sizeof(tx));

	return line_exchange(line, tx, tx_len, frame, hint, rx, sizeof(rx), &rx_len);
}

START_TEST(a_peer_without_parity_is_sent_none_after_its_first_answer)
{
	static const struct exchange_case c = { .soft = SOFT_AUTO };
	static const struct peer_turn turns[] = { { 5, { "2f45310d0a" } }, { 5, { "2f45310d0a" } } };
	struct line_counters counters;
	struct peer peer;
	struct line *line = open_line(&peer, &c);

	peer_play(&peer, turns, 2);
	ck_assert_int_eq(exchange(line, "2f3f210d0a", frame_by_line_feed, NULL), E_OK);
	ck_assert_int_eq(exchange(line, "2f3f210d0a", frame_by_line_feed, NULL), E_OK);
	assert_hex(peer.sent, peer.sent_len,
	    "af3f218d0a"
	    "2f3f210d0a",
	    "sent");
	line_counters(line, &counters);
	ck_assert_uint_eq(counters.parity_errors, 0);
	peer_close(&peer);
	line_close(line);
}
END_TEST

START_TEST(echo_is_decided_by_three_exchanges_and_kept)
{
	static const struct exchange_case c = { .answer_ms = 400 };
	static const struct peer_turn turns[] = {
		{ 5, { REQUEST GOOD } }, { 5, { REQUEST GOOD } }, { 5, { REQUEST GOOD } },
		{ 5, { GOOD } },
	};
	struct line_counters counters;
	struct peer peer;
	struct line *line = open_line(&peer, &c);

	peer_play(&peer, turns, 4);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(exchange(line, REQUEST, frame_by_length, NULL), E_OK);
	/* What could pass for an answer is now known to be the echo of a request to a dead meter. */
	ck_assert_int_eq(exchange(line, GOOD, frame_by_length, NULL), E_TIMEOUT);
	line_counters(line, &counters);
	ck_assert_uint_eq(counters.echoes, 4);
	peer_close(&peer);
	line_close(line);
}
END_TEST

START_TEST(absence_of_echo_is_decided_by_three_exchanges_and_kept)
{
	static const struct exchange_case c = { 0 };
	static const struct peer_turn turns[] = {
		{ 5, { GOOD } }, { 5, { GOOD } }, { 5, { GOOD } }, { 5, { GOOD, "00" } },
	};
	struct peer peer;
	struct line *line = open_line(&peer, &c);

	peer_play(&peer, turns, 4);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(exchange(line, REQUEST, frame_by_length, NULL), E_OK);
	ck_assert_int_eq(exchange(line, GOOD, frame_by_length, NULL), E_OK);
	peer_close(&peer);
	line_close(line);
}
END_TEST

static const struct framing nonsense[] = {
	{ FRAME_WHOLE, 99 }, { FRAME_WHOLE, 0 }, { FRAME_NOISE, 0 }, { FRAME_NOISE, 99 },
	{ FRAME_MORE, 0 }, { FRAME_SILENT, 0 }, { FRAME_SILENT, 99 }, { FRAME_FOREIGN, 0 },
	{ FRAME_FOREIGN, 99 }, { FRAME_DAMAGED, 99 }, { (enum frame_verdict)77, 1 },
};

START_TEST(a_broken_framer_does_no_harm)
{
	static const struct exchange_case c = { 0 };
	static const struct peer_turn turns[] = { { 5, { GOOD } } };
	struct peer peer;
	struct line *line = open_line(&peer, &c);

	peer_play(&peer, turns, 1);
	ck_assert_int_eq(exchange(line, REQUEST, frame_as_told, &nonsense[_i]), E_INTERNAL);
	peer_close(&peer);
	line_close(line);
}
END_TEST

START_TEST(a_late_answer_is_not_taken_for_the_next)
{
	static const struct exchange_case c = { .answer_ms = 300, .gap_ms = 300, .echo = ECHO_OFF };
	static const struct peer_turn silent[] = { { 5, { NULL } } };
	static const struct peer_turn answers[] = { { 5, { GOOD } } };
	struct line_counters counters;
	struct peer peer;
	struct line *line = open_line(&peer, &c);

	peer_play(&peer, silent, 1);
	ck_assert_int_eq(exchange(line, REQUEST, frame_by_length, NULL), E_TIMEOUT);
	peer_join(&peer);
	peer_give(&peer, "1001aabb");
	peer_play(&peer, answers, 1);
	ck_assert_int_eq(exchange(line, REQUEST, frame_by_length, NULL), E_OK);
	line_counters(line, &counters);
	ck_assert_uint_eq(counters.stray_bytes, 4);
	ck_assert_uint_gt(counters.gap_us, 0);
	ck_assert_uint_gt(counters.lost_us, 0);
	ck_assert_uint_ge(counters.busy_us, counters.lost_us + counters.wait_us);
	peer_close(&peer);
	line_close(line);
}
END_TEST

START_TEST(a_request_without_answer_returns_when_it_has_left)
{
	static const struct exchange_case c = { 0 };
	static const struct peer_turn turns[] = { { 5, { NULL } }, { 5, { GOOD } } };
	uint8_t tx[8];
	size_t n = hex_bytes(REQUEST, tx, sizeof(tx));
	struct line_counters counters;
	struct peer peer;
	struct line *line = open_line(&peer, &c);

	peer_play(&peer, turns, 2);
	ck_assert_int_eq(line_exchange(line, tx, n, NULL, NULL, NULL, 0, NULL), E_OK);
	ck_assert_int_eq(line_silence(line, 1), E_OK);
	ck_assert_int_eq(exchange(line, REQUEST, frame_by_length, NULL), E_OK);
	line_counters(line, &counters);
	ck_assert_uint_eq(counters.exchanges, 2);
	ck_assert_uint_eq(counters.answers, 1);
	ck_assert_uint_eq(counters.tx_bytes, 10);
	ck_assert_uint_eq(counters.rx_bytes, 5);
	ck_assert_uint_eq(counters.wire_us, 5 * 86806 / 1000 + 10 * 86806 / 1000);
	peer_close(&peer);
	line_close(line);
}
END_TEST

/* ---- scripted ---- */

static const uint8_t ask[] = { 0x10, 0x01, 0x55, 0x99, 0x0d };
static const uint8_t good[] = { 0x10, 0x02, 0xc1, 0xc2, 0x11 };
static const uint8_t bad[] = { 0x10, 0x02, 0xc1, 0xc2, 0x12 };

START_TEST(script_plays_requests_and_answers)
{
	static const struct script_step steps[] = {
		{ ask, sizeof(ask), good, sizeof(good) },
		{ ask, sizeof(ask), NULL, 0 },
		{ ask, sizeof(ask), bad, sizeof(bad) },
		{ ask, sizeof(ask), good, sizeof(good) },
		{ good, sizeof(good), good, sizeof(good) },
	};
	struct line *line;

	ck_assert_int_eq(line_open_script(&line, steps, 5), E_OK);
	ck_assert_int_eq(exchange(line, REQUEST, frame_by_length, NULL), E_OK);
	ck_assert_int_eq(exchange(line, REQUEST, frame_by_length, NULL), E_TIMEOUT);
	ck_assert_uint_eq(line_script_played(line), 2);
	ck_assert_int_eq(exchange(line, REQUEST, frame_by_length, NULL), E_OK);
	ck_assert_uint_eq(line_script_played(line), 4);
	ck_assert_int_eq(exchange(line, GOOD, frame_by_length, NULL), E_OK);
	ck_assert_ptr_null(line_script_error(line));
	ck_assert_int_eq(line_fd(line), -1);
	line_close(line);
}
END_TEST

START_TEST(script_names_the_first_difference_and_falls_silent)
{
	static const struct script_step steps[] = {
		{ ask, sizeof(ask), good, sizeof(good) }, { ask, sizeof(ask), good, sizeof(good) },
	};
	struct line *line;

	ck_assert_int_eq(line_open_script(&line, steps, 2), E_OK);
	ck_assert_int_eq(exchange(line, REQUEST, frame_by_length, NULL), E_OK);
	ck_assert_int_eq(exchange(line, "100199", frame_by_length, NULL), E_TIMEOUT);
	ck_assert_int_eq(exchange(line, REQUEST, frame_by_length, NULL), E_TIMEOUT);
	ck_assert_str_eq(line_script_error(line),
	    "step 2: expected 100155990d sent 100199 (byte 2 differs)");
	ck_assert_uint_eq(line_script_played(line), 1);
	line_close(line);
}
END_TEST

START_TEST(script_that_has_ended_says_so)
{
	struct line *line;

	ck_assert_int_eq(line_open_script(&line, NULL, 0), E_OK);
	ck_assert_int_eq(exchange(line, "1001", frame_by_length, NULL), E_TIMEOUT);
	ck_assert_str_eq(line_script_error(line),
	    "step 1: expected the end sent 1001 (byte 0 differs)");
	line_close(line);
}
END_TEST

START_TEST(wrong_arguments_are_refused)
{
	struct line *line;
	uint8_t rx[8];
	size_t n;

	ck_assert_int_eq(line_open_script(&line, NULL, 0), E_OK);
	ck_assert_int_eq(line_exchange(line, rx, 0, frame_by_length, NULL, rx, 8, &n), E_INVALID);
	ck_assert_int_eq(line_exchange(line, rx, 5000, frame_by_length, NULL, rx, 8, &n), E_INVALID);
	ck_assert_int_eq(line_exchange(line, NULL, 1, frame_by_length, NULL, rx, 8, &n), E_INVALID);
	ck_assert_int_eq(line_exchange(line, rx, 1, frame_by_length, NULL, NULL, 8, &n), E_INVALID);
	ck_assert_int_eq(line_exchange(line, rx, 1, frame_by_length, NULL, rx, 0, &n), E_INVALID);
	line_close(line);
	line_close(NULL);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("line");
	TCase *pty = tcase_create("pty"), *script = tcase_create("script");

	tcase_set_timeout(pty, 30);
	tcase_add_loop_test(pty, exchange_on_a_pty, 0, (int)(sizeof(cases) / sizeof(cases[0])));
	tcase_add_loop_test(pty, a_broken_framer_does_no_harm, 0,
	    (int)(sizeof(nonsense) / sizeof(nonsense[0])));
	tcase_add_test(pty, a_peer_without_parity_is_sent_none_after_its_first_answer);
	tcase_add_test(pty, echo_is_decided_by_three_exchanges_and_kept);
	tcase_add_test(pty, absence_of_echo_is_decided_by_three_exchanges_and_kept);
	tcase_add_test(pty, a_late_answer_is_not_taken_for_the_next);
	tcase_add_test(pty, a_request_without_answer_returns_when_it_has_left);
	tcase_add_test(script, script_plays_requests_and_answers);
	tcase_add_test(script, script_names_the_first_difference_and_falls_silent);
	tcase_add_test(script, script_that_has_ended_says_so);
	tcase_add_test(script, wrong_arguments_are_refused);
	suite_add_tcase(suite, pty);
	suite_add_tcase(suite, script);
	return unit_main(suite);
}
