#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rtu327/codec.h"
#include "rtu327/receiver.h"
#include "tests/unit/unit.h"

static const struct rtu327_limits limits = {
	.max_body = 256, .frame_timeout_ms = 5000, .frame_age_ms = 30000, .garbage = 4096,
};

/* A receiver under test and what came out of it: "F1 " frame number 1, "C2 " bad checksum of
 * number 2, "G" too much garbage. */
struct trial {
	struct rtu327_receiver r;
	int64_t now_ms;
	char seen[4096];
};

static void
trial_begin(struct trial *t)
{
	rtu327_receiver_init(&t->r, &limits);
	t->now_ms = 1000000;
	t->seen[0] = '\0';
}

static void
drain(struct trial *t)
{
	enum rtu327_received got;
	const uint8_t *body;
	size_t len, end;

	while ((got = rtu327_receiver_next(&t->r, t->now_ms, &body, &len)) != RTU327_MORE) {
		end = strlen(t->seen);
		if (got == RTU327_GARBAGE) {
			snprintf(t->seen + end, sizeof(t->seen) - end, "G");
			return;
		}
		ck_assert_uint_ge(len, RTU327_HEADER);
		snprintf(t->seen + end, sizeof(t->seen) - end, "%c%u ", got == RTU327_FRAME ? 'F' : 'C',
		    (unsigned)body[0] << 8 | body[1]);
	}
}

static void
feed(struct trial *t, const uint8_t *bytes, size_t n, size_t segment)
{
	while (n > 0) {
		size_t room, take = n < segment ? n : segment;
		uint8_t *to = rtu327_receiver_room(&t->r, &room);

		if (take > room)
			take = room;
		ck_assert_uint_gt(take, 0);
		memcpy(to, bytes, take);
		rtu327_receiver_fed(&t->r, take, t->now_ms);
		drain(t);
		bytes += take;
		n -= take;
	}
}

static void
pass(struct trial *t, int64_t ms)
{
	t->now_ms += ms;
	drain(t);
}

/* Appends GETVERSION of this number; bad: with a wrong checksum. */
static size_t
put_request(uint8_t *to, uint16_t number, bool bad)
{
	struct rtu327_request q = { .frame = { .code = RTU327_GETVERSION } };
	struct wr w = wr_init(to, 32);

	q.frame.number[0] = (uint8_t)(number >> 8);
	q.frame.number[1] = (uint8_t)number;
	ck_assert_int_eq(rtu327_encode_request(&w, &q, false), E_OK);
	if (bad)
		to[w.len - 1] ^= 0x55;
	return w.len;
}

/* Streams in a small language: digit = good request of that number, '!' + digit = bad one,
 * anything in angle brackets = hexadecimal bytes. */
static size_t
compose(const char *text, uint8_t *out)
{
	size_t n = 0;

	for (; *text != '\0'; text++) {
		if (*text == '<') {
			unsigned b;

			for (text++; *text != '>'; text += 2) {
				ck_assert_int_eq(sscanf(text, "%2x", &b), 1);
				out[n++] = (uint8_t)b;
			}
		} else if (*text == '!') {
			text++;
			n += put_request(out + n, (uint16_t)(*text - '0'), true);
		} else {
			n += put_request(out + n, (uint16_t)(*text - '0'), false);
		}
	}
	return n;
}

static const struct {
	const char *stream, *at_once, *after_timeout;
} streams[] = {
	{ "1", "F1 ", "F1 " },
	{ "123456789", "F1 F2 F3 F4 F5 F6 F7 F8 F9 ", NULL },
	{ "<00ffaa>1<55>2<030405>", "F1 F2 ", NULL },
	/* lengths no request has: 0, 8, 257, 0xFF00, 65535 */
	{ "<020000>1", "F1 ", NULL },
	{ "<020008>1", "F1 ", NULL },
	{ "<020101>1", "F1 ", NULL },
	{ "<02ff00>1", "F1 ", NULL },
	{ "<02ffff>1<02ffff>2", "F1 F2 ", NULL },
	{ "<0202020202>1", "F1 ", NULL },
	/* a bad checksum, then a good frame */
	{ "!12", "C1 F2 ", NULL },
	{ "!1!2!34", "C1 C2 C3 F4 ", NULL },
	/* a false start whose length swallows good requests: they come with the time-out */
	{ "<0200ff>123", "", "F1 F2 F3 " },
	/* ... or at once when the false frame is filled: its number is 0x0200 = 512 */
	{ "<02001a>12", "C512 F1 F2 ", NULL },
	/* a good request reaching over the end of a failed frame */
	{ "<02000a>1", "C512 F1 ", NULL },
	{ "<020009>12", "C512 F1 F2 ", NULL },
	{ "<02000c>1!23", "C512 F1 C2 F3 ", NULL },
	/* an incomplete frame alone: nothing, and nothing after the time-out */
	{ "<020009000100000000>", "", "" },
	{ "<02>", "", "" },
	{ "<0200>", "", "" },
};
enum { STREAMS = sizeof(streams) / sizeof(streams[0]) };

START_TEST(streams_give_their_frames_however_they_are_cut)
{
	static const size_t segments[] = { 1, 2, 3, 5, 7, 13, 64, 4096 };
	uint8_t bytes[1024];
	size_t n = compose(streams[_i].stream, bytes);

	for (size_t i = 0; i < sizeof(segments) / sizeof(segments[0]); i++) {
		struct trial t;

		trial_begin(&t);
		feed(&t, bytes, n, segments[i]);
		ck_assert_str_eq(t.seen, streams[_i].at_once);
		pass(&t, limits.frame_timeout_ms);
		ck_assert_str_eq(t.seen,
		    streams[_i].after_timeout != NULL ? streams[_i].after_timeout :
							streams[_i].at_once);
		t.seen[0] = '\0';
		feed(&t, bytes + n, put_request(bytes + n, 7, false), 32);
		ck_assert_str_eq(t.seen, "F7 ");
		ck_assert_int_eq(rtu327_receiver_deadline(&t.r), -1);
	}
}
END_TEST

START_TEST(end_of_the_stream_rescans_at_once)
{
	uint8_t bytes[64];
	struct trial t;

	trial_begin(&t);
	feed(&t, bytes, compose("<0200f0>12", bytes), 64);
	ck_assert_str_eq(t.seen, "");
	rtu327_receiver_end(&t.r);
	drain(&t);
	ck_assert_str_eq(t.seen, "F1 F2 ");
}
END_TEST

START_TEST(incomplete_frame_waits_until_its_time_is_over)
{
	uint8_t bytes[64];
	size_t n = compose("1", bytes);
	struct trial t;

	trial_begin(&t);
	feed(&t, bytes, n - 1, 64);
	ck_assert_int_eq(rtu327_receiver_deadline(&t.r), t.now_ms + 5000);
	pass(&t, 4999);
	feed(&t, bytes + n - 1, 1, 1);
	ck_assert_str_eq(t.seen, "F1 ");
	t.seen[0] = '\0';
	feed(&t, bytes, n - 1, 64);
	pass(&t, 5000);
	feed(&t, bytes + n - 1, 1, 1);
	ck_assert_str_eq(t.seen, "");
}
END_TEST

START_TEST(time_we_did_not_read_is_not_charged_to_the_peer)
{
	uint8_t bytes[64];
	size_t n = compose("1", bytes);
	struct trial t;

	trial_begin(&t);
	feed(&t, bytes, 5, 64);
	t.now_ms += 60000;
	rtu327_receiver_resume(&t.r, t.now_ms);
	drain(&t);
	feed(&t, bytes + 5, n - 5, 64);
	ck_assert_str_eq(t.seen, "F1 ");
}
END_TEST

START_TEST(dripping_bytes_do_not_hold_a_connection_for_ever)
{
	static const uint8_t start[] = { 0x02, 0x00, 0xff };
	uint8_t bytes[64], zero = 0;
	size_t n = compose("1", bytes);
	struct trial t;

	trial_begin(&t);
	feed(&t, start, sizeof(start), 3);
	for (unsigned i = 0; i < 10; i++) {
		pass(&t, 3000);
		feed(&t, &zero, 1, 1);
	}
	ck_assert_uint_gt(t.r.dropped, 0);
	feed(&t, bytes, n, n);
	ck_assert_str_eq(t.seen, "F1 ");
}
END_TEST

START_TEST(slow_but_whole_request_inside_an_old_false_frame_is_served)
{
	static const uint8_t start[] = { 0x02, 0x00, 0xff };
	uint8_t bytes[64];
	size_t n = compose("1", bytes);
	struct trial t;

	trial_begin(&t);
	feed(&t, start, sizeof(start), 3);
	for (size_t i = 0; i < n; i++) {
		pass(&t, 2900);
		feed(&t, bytes + i, 1, 1);
	}
	ck_assert_str_eq(t.seen, "F1 ");
}
END_TEST

START_TEST(too_much_garbage_ends_it_and_valid_frames_forgive)
{
	uint8_t junk[4000], bytes[64];
	size_t n = compose("1", bytes);
	struct trial t;

	memset(junk, 0xAA, sizeof(junk));
	trial_begin(&t);
	for (unsigned i = 0; i < 5; i++) {
		feed(&t, junk, sizeof(junk), 1460);
		feed(&t, bytes, n, n);
	}
	ck_assert_str_eq(t.seen, "F1 F1 F1 F1 F1 ");
	feed(&t, junk, sizeof(junk), 1460);
	ck_assert_ptr_null(strchr(t.seen, 'G'));
	feed(&t, junk, 97, 97);
	ck_assert_ptr_nonnull(strchr(t.seen, 'G'));
}
END_TEST

START_TEST(longest_body_accepted_follows_the_limit)
{
	static uint8_t bytes[8192];
	struct rtu327_frame frame = { .number = { 0, 9 }, .code = RTU327_GETVERSION };
	struct wr w = wr_init(bytes, sizeof(bytes));
	size_t at = rtu327_frame_begin(&w, &frame);
	struct trial t;

	while (w.len < 4000 + RTU327_PREFIX)
		wr_u8(&w, 0x02);
	rtu327_frame_end(&w, at, false);
	trial_begin(&t);
	t.r.limits.max_body = 4000;
	feed(&t, bytes, w.len, 1000);
	ck_assert_str_eq(t.seen, "F9 ");
	bytes[w.len - 1] ^= 1;
	t.r.limits.garbage = 100000;
	for (unsigned i = 0; i < 3; i++)
		feed(&t, bytes, w.len, 1000);
	ck_assert_str_eq(t.seen, "F9 C9 C9 C9 ");
}
END_TEST

/* Small deterministic generator, so that a failure can be repeated. */
static uint32_t
next_random(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

START_TEST(random_streams_mean_the_same_in_any_segments)
{
	uint32_t seed = (uint32_t)_i * 7919u + 1;
	uint8_t bytes[2048];
	struct trial whole, cut;
	size_t n = 0, at = 0;

	while (n < sizeof(bytes) - 64) {
		uint32_t what = next_random(&seed);

		if (what % 4 < 2) {
			n += put_request(bytes + n, (uint16_t)(what % 4096), what % 4 == 1);
		} else {
			for (uint32_t i = what / 4 % 12; i > 0; i--) {
				uint32_t b = next_random(&seed);

				bytes[n++] = (uint8_t)(b % 5 == 0 ? 0x02 : b % 5 < 3 ? b % 16 : b);
			}
		}
	}
	trial_begin(&whole);
	trial_begin(&cut);
	feed(&whole, bytes, n, n);
	while (at < n) {
		size_t part = next_random(&seed) % 20 + 1;

		part = part < n - at ? part : n - at;
		feed(&cut, bytes + at, part, part);
		at += part;
	}
	pass(&whole, 5000);
	pass(&cut, 5000);
	ck_assert_str_eq(whole.seen, cut.seen);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("rtu327_receiver");
	TCase *tcase = tcase_create("receiver");

	tcase_add_loop_test(tcase, streams_give_their_frames_however_they_are_cut, 0, STREAMS);
	tcase_add_test(tcase, end_of_the_stream_rescans_at_once);
	tcase_add_test(tcase, incomplete_frame_waits_until_its_time_is_over);
	tcase_add_test(tcase, time_we_did_not_read_is_not_charged_to_the_peer);
	tcase_add_test(tcase, dripping_bytes_do_not_hold_a_connection_for_ever);
	tcase_add_test(tcase, slow_but_whole_request_inside_an_old_false_frame_is_served);
	tcase_add_test(tcase, too_much_garbage_ends_it_and_valid_frames_forgive);
	tcase_add_test(tcase, longest_body_accepted_follows_the_limit);
	tcase_add_loop_test(tcase, random_streams_mean_the_same_in_any_segments, 0, 200);
	suite_add_tcase(suite, tcase);
	return unit_main(suite);
}
