/* The ring of what passed on a line, and the pcapng file made of it. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "smart-json/pcapng.h"
#include "smart-json/trace.h"
#include "src/base/cursor.h"
#include "tests/unit/unit.h"

static const int64_t second_us = 1000000, at_us = INT64_C(1718431202113456);
static struct trace *trace;
static struct trace_line line;

static void
setup(void)
{
	trace = trace_new();
	ck_assert_ptr_nonnull(trace);
}

static void
teardown(void)
{
	trace_drop(trace);
}

static void
add(enum tap_direction way, int64_t utc_us, const char *text)
{
	trace_add(trace, way, utc_us, (const uint8_t *)text, strlen(text));
}

static void
assert_line(uint64_t after, uint64_t number, enum tap_direction way, const char *text)
{
	ck_assert(trace_next(trace, after, &line));
	ck_assert_uint_eq(line.number, number);
	ck_assert_int_eq(line.way, way);
	ck_assert_uint_eq(line.len, strlen(text));
	ck_assert_mem_eq(line.bytes, text, line.len);
}

START_TEST(chunks_close_to_each_other_are_one_line)
{
	ck_assert(!trace_next(trace, 0, &line));
	ck_assert_uint_eq(trace_last(trace), 0);
	add(TAP_SENT, at_us, "ask");
	add(TAP_RECEIVED, at_us + 5000, "an");
	add(TAP_RECEIVED, at_us + 30000, "swer"); /* 25 ms after the last */
	add(TAP_RECEIVED, at_us + 60000, "late"); /* 30 ms after */
	add(TAP_RECEIVED, at_us + 1000, "back"); /* the clock was stepped */
	add(TAP_SENT, at_us + 1000, "ask");
	assert_line(0, 1, TAP_SENT, "ask");
	ck_assert_int_eq(line.utc_us, at_us);
	assert_line(1, 2, TAP_RECEIVED, "answer");
	ck_assert_int_eq(line.utc_us, at_us + 5000);
	assert_line(2, 3, TAP_RECEIVED, "late");
	assert_line(3, 4, TAP_RECEIVED, "back");
	assert_line(4, 5, TAP_SENT, "ask");
	ck_assert(!trace_next(trace, 5, &line));
}
END_TEST

START_TEST(the_newest_line_may_still_grow)
{
	ck_assert_uint_eq(trace_settled(trace, at_us), 0);
	add(TAP_SENT, at_us, "ask");
	add(TAP_RECEIVED, at_us + 100, "an");
	ck_assert_uint_eq(trace_settled(trace, at_us + 200), 1);
	ck_assert_uint_eq(trace_settled(trace, at_us + 40000), 2);
	ck_assert_uint_eq(trace_settled(trace, at_us - second_us), 2);
}
END_TEST

START_TEST(the_oldest_lines_are_overwritten)
{
	uint8_t bytes[1000];
	uint64_t after = 0;
	unsigned n = 0;

	for (int i = 0; i < 2000; i++) {
		memset(bytes, i, sizeof(bytes));
		trace_add(trace, TAP_SENT, at_us + i * second_us, bytes, sizeof(bytes));
	}
	for (; trace_next(trace, after, &line); after = line.number, n++) {
		ck_assert(after == 0 || line.number == after + 1);
		ck_assert_uint_eq(line.len, sizeof(bytes));
		memset(bytes, (int)line.number - 1, sizeof(bytes));
		ck_assert_mem_eq(line.bytes, bytes, sizeof(bytes));
		ck_assert_int_eq(line.utc_us, at_us + (int64_t)(line.number - 1) * second_us);
	}
	ck_assert_uint_eq(after, 2000);
	ck_assert_uint_eq(n, 512 * 1024 / 1000);
	/* So many short ones that their list is full first. */
	for (int i = 0; i < 50000; i++)
		trace_add(trace, TAP_SENT, at_us + i * second_us, bytes, 1);
	ck_assert(trace_next(trace, 0, &line));
	ck_assert_uint_eq(trace_last(trace) - line.number + 1, 512 * 1024 / 24);
}
END_TEST

START_TEST(an_endless_line_is_cut)
{
	static uint8_t bytes[10000];
	size_t sum = 0;

	trace_add(trace, TAP_RECEIVED, at_us, bytes, sizeof(bytes));
	for (uint64_t after = 0; trace_next(trace, after, &line); after = line.number) {
		ck_assert_uint_le(line.len, TRACE_LINE_MOST);
		sum += line.len;
	}
	ck_assert_uint_eq(sum, sizeof(bytes));
}
END_TEST

START_TEST(a_reader_keeps_what_its_owner_has_dropped)
{
	struct trace *reader = trace_hold(trace);

	add(TAP_SENT, at_us, "ask");
	trace_drop(trace);
	trace = reader;
	assert_line(0, 1, TAP_SENT, "ask");
}
END_TEST

/* The next block; its body is what the cursor returns. */
static struct rd
block(struct rd *file, uint32_t type)
{
	uint32_t size;
	struct rd body;

	ck_assert_uint_eq(rd_u32_le(file), type);
	size = rd_u32_le(file);
	ck_assert_uint_eq(size % 4, 0);
	ck_assert_uint_ge(size, 12);
	body = rd_init(rd_take(file, size - 12), size - 12);
	ck_assert_uint_eq(rd_u32_le(file), size);
	ck_assert(!rd_failed(file));
	return body;
}

START_TEST(a_pcapng_file_tells_time_direction_and_bytes)
{
	struct text out = { 0 };
	struct rd file, body;
	uint8_t bytes[5];

	pcapng_begin(&out, "Iface1");
	pcapng_packet(&out, TAP_SENT, at_us, (const uint8_t *)"abcde", 5);
	pcapng_packet(&out, TAP_RECEIVED, at_us + 1, NULL, 0);
	ck_assert(!out.failed);
	ck_assert_uint_eq(out.len % 4, 0);
	file = rd_init((const uint8_t *)out.p, out.len);
	body = block(&file, 0x0A0D0D0A);
	ck_assert_uint_eq(rd_u32_le(&body), 0x1A2B3C4D);
	ck_assert_uint_eq(rd_u32_le(&body), 1);
	body = block(&file, 1);
	ck_assert_uint_eq(rd_u16_le(&body), 250);

	body = block(&file, 6);
	ck_assert_uint_eq(rd_u32_le(&body), 0);
	ck_assert_uint_eq(rd_u32_le(&body), (uint64_t)at_us >> 32);
	ck_assert_uint_eq(rd_u32_le(&body), (uint32_t)at_us);
	ck_assert_uint_eq(rd_u32_le(&body), 12 + 5);
	ck_assert_uint_eq(rd_u32_le(&body), 12 + 5);
	ck_assert_uint_eq(rd_u32_be(&body), at_us / second_us);
	ck_assert_uint_eq(rd_u32_be(&body), at_us % second_us);
	ck_assert_uint_eq(rd_u8(&body), 1);
	ck_assert_uint_eq(rd_u8(&body), 0);
	ck_assert_uint_eq(rd_u16_be(&body), 0);
	rd_bytes(&body, bytes, 5);
	ck_assert_mem_eq(bytes, "abcde", 5);
	rd_skip(&body, 3);
	ck_assert_uint_eq(rd_u16_le(&body), 2);
	ck_assert_uint_eq(rd_u16_le(&body), 4);
	ck_assert_uint_eq(rd_u32_le(&body), 2);
	ck_assert_uint_eq(rd_u32_le(&body), 0);
	ck_assert(rd_done(&body));

	body = block(&file, 6);
	rd_skip(&body, 12);
	ck_assert_uint_eq(rd_u32_le(&body), 12);
	rd_skip(&body, 4 + 8);
	ck_assert_uint_eq(rd_u8(&body), 2);
	rd_skip(&body, 3 + 4);
	ck_assert_uint_eq(rd_u32_le(&body), 1);
	ck_assert(rd_done(&file));
	text_free(&out);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("trace");
	TCase *t = tcase_create("trace");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, chunks_close_to_each_other_are_one_line);
	tcase_add_test(t, the_newest_line_may_still_grow);
	tcase_add_test(t, the_oldest_lines_are_overwritten);
	tcase_add_test(t, an_endless_line_is_cut);
	tcase_add_test(t, a_reader_keeps_what_its_owner_has_dropped);
	tcase_add_test(t, a_pcapng_file_tells_time_direction_and_bytes);
	suite_add_tcase(suite, t);
	return unit_main(suite);
}
