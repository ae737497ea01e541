/* Questions and orders to meters, and work on a bus by hand, against simulated meters. */
#include <check.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "src/base/clock.h"
#include "tests/unit/ask_help.h"
#include "tests/unit/unit.h"

#define METER(address, more) \
	"{\"type\":\"mercury236\",\"address\":" #address ",\"serial\":\"8100000" #address "\"" more "}"
enum { CMD_OPEN = 0x01, CMD_WRITE = 0x03, CMD_TIME = 0x04, CMD_PARAM = 0x08 };

static struct ask_bench b;

static void
teardown(void)
{
	ask_bench_close(&b);
}

static int
ask_rc(enum ask_kind kind, uint32_t meter)
{
	struct ask ask = ask_of(&b, kind, meter, 0);

	return ask_now(&b, &ask).rc;
}

static struct poll_meter_status
status_of(uint32_t meter)
{
	struct poll_meter_status status;

	ck_assert_int_eq(poll_meter(b.poll, meter, &status), E_OK);
	return status;
}

static struct poll_bus_status
bus_status(void)
{
	struct poll_bus_status status;

	ck_assert_uint_eq(poll_buses(b.poll, &status, 1), 1);
	return status;
}

/* ---- kinds ---- */

START_TEST(a_ping_tells_whether_and_how_fast_a_meter_answers)
{
	struct ask ask = ask_of(&b, ASK_PING, 1, 0);
	struct ask_answer answer;

	ask_bench_open(&b, METER(1, "") "," METER(2, ",\"dead\":true"), 0, false);
	answer = ask_now(&b, &ask);
	ck_assert_int_eq(answer.rc, E_OK);
	ck_assert_uint_ge(answer.took_ms, 1);
	ck_assert_uint_lt(answer.took_ms, 1000);
	ck_assert_int_eq(ask_rc(ASK_PING, 2), E_TIMEOUT);
	/* Noted when the visit ends, soon after the answer. */
	while (status_of(2).failures == 0)
		usleep(1000);
	ck_assert_int_eq(status_of(1).link, LINK_OK);
	ck_assert_int_eq(status_of(2).last_error, E_TIMEOUT);
}
END_TEST

START_TEST(a_question_to_nobody_is_refused_at_once)
{
	struct meter_change change = { .row = { .id = 7, .type = 25, .iface = IFACE_1 } };
	char why[200];
	size_t failed;

	ask_bench_open(&b, METER(1, ""), 0, false);
	ck_assert_int_eq(ask_put(&b, ASK_PING, 5, 0), E_NOTFOUND);
	snprintf(change.row.address, sizeof(change.row.address), "7");
	ck_assert_int_eq(store_meters_change(b.store.store, &change, 1, &failed, why, sizeof(why)),
	    E_OK);
	poll_reload(b.poll);
	for (int rc = E_NOTFOUND; rc == E_NOTFOUND; usleep(1000))
		ck_assert_int_ne(rc = ask_put(&b, ASK_PING, 7, 0), E_OK);
	ck_assert_int_eq(ask_put(&b, ASK_PING, 7, 0), E_NODRIVER);
	ck_assert_uint_eq(b.asker.n_told, 0);
}
END_TEST

START_TEST(identification_is_told_and_remembered)
{
	struct ask ask = ask_of(&b, ASK_CONFIG, 1, 0);
	struct ask_answer answer;

	ask_bench_open(&b, METER(1, ""), 0, false);
	answer = ask_now(&b, &ask);
	ck_assert_int_eq(answer.rc, E_OK);
	ck_assert_str_eq(answer.serial, "81000001");
	ck_assert_uint_eq(b.asker.n_records, 1);
	ck_assert_int_eq(b.asker.records[0].type, REC_EL_CONFIG);
	ck_assert_str_eq(status_of(1).serial, "81000001");
	ck_assert_int_eq(store_sync(b.store.store), E_OK);
	ck_assert_uint_eq(fixture_read_all(&b.store, -1, REC_EL_CONFIG, false), 1);
}
END_TEST

START_TEST(a_reading_now_comes_with_the_difference_of_the_clock)
{
	struct ask ask = ask_of(&b, ASK_READ, 1, 0);
	struct ask_answer answer;

	ask_bench_open(&b, METER(1, ",\"clock_offset_s\":-40"), 0, false);
	ask.type = REC_EL_MOMENT_ENERGY;
	answer = ask_now(&b, &ask);
	ck_assert_int_eq(answer.rc, E_OK);
	ck_assert(answer.diff_known);
	ck_assert_int_le(answer.diff_s, -39);
	ck_assert_int_ge(answer.diff_s, -41);
	ck_assert_uint_eq(b.asker.n_records, 1);
	ck_assert_int_eq(b.asker.records[0].diff_s, answer.diff_s);
	ck_assert_int_le(llabs(b.asker.records[0].ts - clock_utc()), 2);
	/* The archive does not learn of it. */
	ck_assert_int_eq(store_sync(b.store.store), E_OK);
	ck_assert_uint_eq(fixture_read_all(&b.store, -1, REC_EL_MOMENT_ENERGY, true), 0);
}
END_TEST

START_TEST(an_archive_is_read_in_the_window_asked_for_in_order_of_time)
{
	struct ask ask = ask_of(&b, ASK_READ, 1, 0);
	struct zone zone;
	int64_t today;

	ask_bench_open(&b, METER(1, ""), 0, false);
	zone = store_zone(b.store.store);
	today = day_start(zone, clock_utc());
	ask.type = REC_EL_PROFILE;
	ask.from = day_add(zone, today, -3);
	ask.to = today;
	ask.store = true;
	ck_assert_int_eq(ask_now(&b, &ask).rc, E_OK);
	ck_assert_uint_eq(b.asker.n_records, 3 * 48 + 1);
	for (unsigned i = 0; i < b.asker.n_records; i++)
		ck_assert_int_eq(b.asker.records[i].ts, ask.from + i * INT64_C(1800));
	ck_assert_int_eq(store_sync(b.store.store), E_OK);
	ck_assert_uint_eq(fixture_read_range(&b.store, -1, REC_EL_PROFILE, ask.from, ask.to),
	    3 * 48 + 1);
	/* What was read without being kept. */
	b.asker.n_records = 0;
	ask.type = REC_EL_DAY;
	ask.store = false;
	ck_assert_int_eq(ask_now(&b, &ask).rc, E_OK);
	ck_assert_uint_ge(b.asker.n_records, 1);
	ck_assert_uint_eq(fixture_read_all(&b.store, -1, REC_EL_DAY, true), 0);
	/* A window in which there can be nothing. */
	ask.from = clock_utc() + 86400;
	ask.to = ask.from + 86400;
	ck_assert_int_eq(ask_now(&b, &ask).rc, E_NODATA);
}
END_TEST

START_TEST(each_record_of_a_journal_is_told_once)
{
	struct ask ask = ask_of(&b, ASK_READ, 1, 0);

	ask_bench_open(&b,
	    METER(1, ",\"outages\":{\"count\":6,\"from\":-864000,\"to\":-3600,\"max_s\":900}"), 0,
	    false);
	ask.type = REC_EL_JOURNAL;
	ask.journal = J_PWR;
	ask.to = INT64_MAX;
	/* The answer that is lost makes the family begin anew. */
	b.wire.drop_command = CMD_TIME;
	ck_assert_int_eq(ask_now(&b, &ask).rc, E_OK);
	ck_assert_uint_ge(b.asker.n_records, 5);
	for (unsigned i = 0; i < b.asker.n_records; i++)
		for (unsigned j = 0; j < i; j++)
			ck_assert(b.asker.records[i].ts != b.asker.records[j].ts ||
			    memcmp(b.asker.records[i].v, b.asker.records[j].v,
				sizeof(b.asker.records[i].v)) != 0);
}
END_TEST

START_TEST(what_a_family_cannot_do_is_told)
{
	struct ask ask = ask_of(&b, ASK_READ, 1, 0);

	ask_bench_open(&b, METER(1, ""), 0, false);
	ask.type = REC_PLS_DAY;
	ck_assert_int_eq(ask_now(&b, &ask).rc, E_UNSUPPORTED);
	ck_assert_int_eq(ask_rc(ASK_CALENDAR, 1), E_UNSUPPORTED);
	ask = ask_of(&b, ASK_RELAY, 1, 0);
	ask.relay = 9;
	ck_assert_int_eq(ask_now(&b, &ask).rc, E_NOTFOUND);
}
END_TEST

START_TEST(a_wrong_password_is_told_and_not_tried_again)
{
	struct ask ask = ask_of(&b, ASK_RELAY_SET, 1, 0);
	unsigned since;

	ask_bench_open(&b, METER(1, ",\"pass_wr\":\"010203040506\""), 0, false);
	ask.relay = 1;
	since = wire_requests(&b.wire);
	ck_assert_int_eq(ask_now(&b, &ask).rc, E_DENIED);
	/* Once in each of the two notations. */
	ck_assert_uint_eq(wire_count(&b.wire, since, 1, CMD_OPEN), 2);
	/* Only the order was refused: the meter is read as before. */
	ck_assert_int_eq(ask_rc(ASK_CLOCK, 1), E_OK);
	ck_assert_int_ne(status_of(1).link, LINK_AUTH);
}
END_TEST

/* ---- relay ---- */

static struct ask_answer
switch_relay(bool on)
{
	struct ask ask = ask_of(&b, ASK_RELAY_SET, 1, 0);

	ask.relay = 1;
	ask.on = on;
	snprintf(ask.by, sizeof(ask.by), "engineer");
	return ask_now(&b, &ask);
}

START_TEST(a_relay_is_switched_and_read_back)
{
	struct ask ask = ask_of(&b, ASK_RELAY, 1, 0);
	char row[400];

	ask_bench_open(&b, METER(1, ""), 0, false);
	ck_assert_int_eq(switch_relay(false).rc, E_OK);
	ask.relay = 1;
	ck_assert(!ask_now(&b, &ask).on);
	ck_assert_ptr_nonnull(strstr(ask_journal(&b, DJ_METER_RELAY, row),
	    "\"relayId\":1,\"relayState\":0,\"before\":1,\"after\":0"));
	ck_assert(switch_relay(true).on);
	ck_assert(ask_now(&b, &ask).on);
	ck_assert_ptr_nonnull(strstr(ask_journal(&b, DJ_METER_RELAY, row), "\"result\":\"ok\""));
	ck_assert_ptr_nonnull(strstr(row, "\"by\":\"engineer\""));
	ck_assert_uint_eq(b.street->buses[0].meters[0].counters.switchings, 2);
}
END_TEST

START_TEST(a_command_whose_answer_is_lost_is_not_sent_again)
{
	ask_bench_open(&b, METER(1, ""), 0, false);
	b.wire.drop_command = CMD_WRITE;
	ck_assert_int_eq(switch_relay(false).rc, E_OK);
	ck_assert_uint_eq(b.street->buses[0].meters[0].counters.switchings, 1);
}
END_TEST

START_TEST(a_relay_that_does_not_follow_is_told)
{
	struct ask_answer answer;
	char row[400];

	ask_bench_open(&b, METER(1, ",\"relay_permission\":true"), 0, false);
	ck_assert_int_eq(switch_relay(false).rc, E_OK);
	answer = switch_relay(true);
	ck_assert_int_eq(answer.rc, E_METER);
	ck_assert(!answer.on);
	ck_assert_ptr_nonnull(strstr(ask_journal(&b, DJ_METER_RELAY, row), "\"before\":0,\"after\":0"));
	ck_assert_uint_eq(wire_count(&b.wire, 0, 1, CMD_WRITE), 1 + 3);
}
END_TEST

/* ---- clock ---- */

START_TEST(the_clock_is_told_without_being_touched)
{
	struct ask ask = ask_of(&b, ASK_CLOCK, 1, 0);
	struct ask_answer answer;

	ask_bench_open(&b, METER(1, ",\"clock_offset_s\":90"), 0, false);
	answer = ask_now(&b, &ask);
	ck_assert_int_eq(answer.rc, E_OK);
	ck_assert_int_le(llabs(answer.meter_utc - clock_utc() - 90), 2);
	ck_assert_int_le(llabs(answer.diff_s - 90), 1);
	ck_assert_uint_eq(b.street->buses[0].meters[0].counters.clock_writes, 0);
}
END_TEST

START_TEST(a_clock_far_out_is_set_by_order_and_read_back)
{
	struct ask ask = ask_of(&b, ASK_CLOCK_SYNC, 1, 0);
	struct ask_answer answer;
	char row[400];

	ask_bench_open(&b, METER(1, ",\"clock_offset_s\":5000"), 0, false);
	answer = ask_now(&b, &ask);
	ck_assert_int_eq(answer.rc, E_OK);
	ck_assert_int_le(abs(answer.diff_s), 1);
	ck_assert_int_le(llabs(answer.meter_utc - clock_utc()), 2);
	ck_assert_uint_eq(b.street->buses[0].meters[0].counters.clock_writes, 1);
	ck_assert_ptr_nonnull(strstr(ask_journal(&b, DJ_METER_TIME, row), "\"result\":\"set\""));
	/* Right already: nothing is written. */
	ck_assert_int_eq(ask_now(&b, &ask).rc, E_OK);
	ck_assert_uint_eq(b.street->buses[0].meters[0].counters.clock_writes, 1);
}
END_TEST

START_TEST(a_small_error_is_corrected_softly)
{
	struct ask ask = ask_of(&b, ASK_CLOCK_SYNC, 1, 0);
	char row[400];
	const char *result;
	int64_t of_day;

	ask_bench_open(&b, METER(1, ",\"clock_offset_s\":12"), 0, false);
	ck_assert_int_eq(ask_now(&b, &ask).rc, E_OK);
	ck_assert_uint_eq(b.street->buses[0].meters[0].counters.clock_writes, 1);
	/* Around midnight the meter must not be corrected, and is set. */
	of_day = (clock_utc() + 10800) % 86400;
	result = of_day < 700 || of_day > 85700 ? "\"result\":\"set\"" : "\"result\":\"slewing\"";
	ck_assert_ptr_nonnull(strstr(ask_journal(&b, DJ_METER_TIME, row), result));
}
END_TEST

/* ---- the queue ---- */

START_TEST(questions_to_one_meter_share_a_conversation)
{
	struct ask reading = ask_of(&b, ASK_READ, 1, 3);
	unsigned since;

	ask_bench_open(&b, METER(1, "") "," METER(2, ""), 1, false);
	ck_assert_int_eq(ask_rc(ASK_CONFIG, 1), E_OK);
	wire_hold(&b.wire, true);
	since = wire_requests(&b.wire);
	ck_assert_int_eq(ask_put(&b, ASK_PING, 2, 1), E_OK);
	wire_await(&b.wire, since + 1);
	ck_assert_int_eq(ask_put(&b, ASK_CLOCK, 1, 2), E_OK);
	reading.type = REC_EL_MOMENT_ENERGY;
	ck_assert_int_eq(poll_ask(b.poll, &reading), E_OK);
	ck_assert_int_eq(ask_put(&b, ASK_CONFIG, 1, 4), E_OK);
	wire_hold(&b.wire, false);
	ask_await(&b, 1 + 4);
	for (unsigned i = 0; i < 4; i++) {
		ck_assert_uint_eq(b.asker.told[1 + i].id, i + 1);
		ck_assert_int_eq(b.asker.told[1 + i].answer.rc, E_OK);
	}
	ck_assert_uint_eq(wire_count(&b.wire, since, 1, CMD_OPEN), 1);
}
END_TEST

START_TEST(what_is_not_begun_by_its_deadline_is_a_timeout)
{
	struct ask late = ask_of(&b, ASK_PING, 1, 2);

	ask_bench_open(&b, METER(1, "") "," METER(2, ""), 1, false);
	wire_hold(&b.wire, true);
	ck_assert_int_eq(ask_put(&b, ASK_PING, 2, 1), E_OK);
	wire_await(&b.wire, 1);
	late.deadline_us = clock_mono_us() + 20000;
	ck_assert_int_eq(poll_ask(b.poll, &late), E_OK);
	ask_await(&b, 1);
	ck_assert_int_eq(ask_answer_to(&b, 2)->rc, E_TIMEOUT);
	ck_assert_ptr_null(ask_answer_to(&b, 1));
	wire_hold(&b.wire, false);
	ask_await(&b, 2);
	ck_assert_int_eq(ask_answer_to(&b, 1)->rc, E_OK);
	ck_assert_uint_eq(wire_count(&b.wire, 0, 1, CMD_OPEN), 0);
}
END_TEST

START_TEST(what_is_not_done_by_its_deadline_sends_no_more)
{
	struct ask late = ask_of(&b, ASK_CONFIG, 1, 1);
	unsigned sent;

	ask_bench_open(&b, METER(1, ""), 1, false);
	wire_hold(&b.wire, true);
	late.deadline_us = clock_mono_us() + 20000;
	ck_assert_int_eq(poll_ask(b.poll, &late), E_OK);
	wire_await(&b.wire, 1);
	clock_sleep_until_us(late.deadline_us + 1000);
	sent = wire_requests(&b.wire);
	wire_hold(&b.wire, false);
	ask_await(&b, 1);
	ck_assert_int_eq(ask_answer_to(&b, 1)->rc, E_TIMEOUT);
	ck_assert_uint_eq(wire_requests(&b.wire), sent);
	ck_assert_int_eq(status_of(1).failures, 0);
}
END_TEST

START_TEST(a_cancelled_question_is_answered_soon)
{
	ask_bench_open(&b, METER(1, "") "," METER(2, ""), 1, false);
	wire_hold(&b.wire, true);
	ck_assert_int_eq(ask_put(&b, ASK_PING, 2, 1), E_OK);
	wire_await(&b.wire, 1);
	ck_assert_int_eq(ask_put(&b, ASK_PING, 1, 2), E_OK);
	poll_ask_cancel(b.poll, (void *)2);
	ask_await(&b, 1);
	ck_assert_int_eq(ask_answer_to(&b, 2)->rc, E_STOPPED);
	wire_hold(&b.wire, false);
	ask_await(&b, 2);
	ck_assert_int_eq(ask_answer_to(&b, 1)->rc, E_OK);
}
END_TEST

START_TEST(more_than_can_wait_are_refused)
{
	int rc = E_OK;
	unsigned n = 0;

	ask_bench_open(&b, METER(1, "") "," METER(2, ""), 1, false);
	wire_hold(&b.wire, true);
	ck_assert_int_eq(ask_put(&b, ASK_CLOCK, 2, 1), E_OK);
	wire_await(&b.wire, 1);
	while (n < 600 && (rc = ask_put(&b, ASK_CLOCK, 1, 2)) == E_OK)
		n++;
	ck_assert_int_eq(rc, E_LIMIT);
	ck_assert_uint_eq(n, 511);
	poll_ask_cancel(b.poll, (void *)2);
	wire_hold(&b.wire, false);
	ask_await(&b, 512);
}
END_TEST

START_TEST(the_end_of_the_poller_answers_everything)
{
	ask_bench_open(&b, METER(1, "") "," METER(2, ""), 1, false);
	wire_hold(&b.wire, true);
	ck_assert_int_eq(ask_put(&b, ASK_CONFIG, 2, 1), E_OK);
	wire_await(&b.wire, 1);
	for (uintptr_t i = 0; i < 10; i++)
		ck_assert_int_eq(ask_put(&b, ASK_PING, 1, 2), E_OK);
	poll_close(b.poll);
	b.poll = NULL;
	ck_assert_uint_eq(b.asker.n_told, 11);
	for (unsigned i = 0; i < 11; i++)
		ck_assert_int_eq(b.asker.told[i].answer.rc, E_STOPPED);
}
END_TEST

START_TEST(a_question_to_a_meter_that_leaves_the_table_is_answered)
{
	struct meter_change change = { .remove = true, .row = { .id = 1 } };
	char why[200];
	size_t failed;

	ask_bench_open(&b, METER(1, "") "," METER(2, ""), 1, false);
	wire_hold(&b.wire, true);
	ck_assert_int_eq(ask_put(&b, ASK_CONFIG, 2, 2), E_OK);
	wire_await(&b.wire, 1);
	ck_assert_int_eq(ask_put(&b, ASK_PING, 1, 1), E_OK);
	ck_assert_int_eq(store_meters_change(b.store.store, &change, 1, &failed, why, sizeof(why)),
	    E_OK);
	poll_reload(b.poll);
	wire_hold(&b.wire, false);
	ask_await(&b, 2);
	ck_assert_int_eq(ask_answer_to(&b, 1)->rc, E_NOTFOUND);
	/* The other was interrupted by the new table, and goes on. */
	ck_assert_int_eq(ask_answer_to(&b, 2)->rc, E_OK);
}
END_TEST

START_TEST(a_question_goes_before_scheduled_work_at_the_next_exchange)
{
	unsigned before;

	ask_bench_open(&b, METER(1, "") "," METER(2, ""), 1, true);
	wire_await(&b.wire, 10);
	for (int i = 0; i < 20; i++) {
		/* Whatever runs now may end, and the question needs its login. */
		before = wire_requests(&b.wire);
		ck_assert_int_eq(ask_rc(ASK_PING, 1 + i % 2), E_OK);
		ck_assert_uint_le(wire_requests(&b.wire) - before, 4);
	}
	ck_assert_int_eq(status_of(1).failures, 0);
	ck_assert_int_eq(status_of(2).failures, 0);
}
END_TEST

START_TEST(a_run_that_gives_way_goes_on_where_it_was)
{
	const uint32_t meter = 1;
	struct poll_order order = { .meters = &meter, .n_meters = 1, .types = REC_BIT(REC_EL_PROFILE),
		.again = true };
	struct poll_progress progress = { .finished = false };
	unsigned asked = 0;
	uint64_t run;

	ask_bench_open(&b, METER(1, ""), 0, false);
	order.from = clock_utc() - 40 * INT64_C(86400);
	ck_assert_int_eq(poll_start(b.poll, &order, &run), E_OK);
	while (!progress.finished && asked < 100) {
		ck_assert_int_eq(ask_rc(ASK_CONFIG, 1), E_OK);
		asked++;
		usleep(10000 + 5000 * asked); /* enough for a day at last, on any machine */
		ck_assert_int_eq(poll_progress(b.poll, run, &progress), E_OK);
	}
	ck_assert(progress.finished);
	ck_assert_int_eq(progress.failed, 0);
	ck_assert_uint_gt(asked, 3);
}
END_TEST

/* ---- leases ---- */

struct test_lease {
	struct lease lease;
	int id, rc;
	bool hold;			/* until `released` */
};
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int ran[8], n_ran, n_ended;
static bool released;

static int
lease_run(struct lease *lease, struct line *line)
{
	struct test_lease *l = (struct test_lease *)(void *)lease;

	ck_assert_ptr_nonnull(line);
	pthread_mutex_lock(&lock);
	ran[n_ran++] = l->id;
	pthread_cond_broadcast(&changed);
	while (l->hold && !released)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
	return E_OK;
}

static void
lease_ended(struct lease *lease, int rc)
{
	struct test_lease *l = (struct test_lease *)(void *)lease;

	pthread_mutex_lock(&lock);
	l->rc = rc;
	n_ended++;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

static struct test_lease
make_lease(int id, bool hold)
{
	n_ran = n_ended = 0;
	released = false;
	return (struct test_lease){ .lease = { lease_run, lease_ended, NULL }, .id = id, .hold = hold };
}

static void
await_count(const int *count, int n)
{
	pthread_mutex_lock(&lock);
	while (*count < n)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
}

static void
release(void)
{
	pthread_mutex_lock(&lock);
	released = true;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

START_TEST(a_lease_takes_the_bus_after_the_running_exchange)
{
	struct test_lease l = make_lease(1, true);
	struct poll_bus_status status;
	unsigned sent;

	ask_bench_open(&b, METER(1, "") "," METER(2, ""), 1, true);
	wire_hold(&b.wire, true);
	wire_await(&b.wire, 1);
	while (bus_status().meter != 2) { /* whose answer may be held back long enough */
		wire_hold(&b.wire, false);
		usleep(1000);
		wire_hold(&b.wire, true);
		usleep(1000);
	}
	ck_assert_int_eq(ask_put(&b, ASK_PING, 1, 7), E_OK);
	ck_assert_int_eq(poll_lease(b.poll, 1, &l.lease, 6000), E_OK);
	poll_lease_holder(b.poll, 1, "192.0.2.1:1234", 1700000000);
	/* What waits has its answer before the tenant has the bus. */
	ask_await(&b, 1);
	ck_assert_int_eq(ask_answer_to(&b, 7)->rc, E_BUSY);
	status = bus_status();
	ck_assert_int_eq(status.state, BUS_TRANSIT);
	ck_assert_str_eq(status.holder, "192.0.2.1:1234");
	ck_assert_int_eq(n_ran, 0);
	wire_hold(&b.wire, false);
	await_count(&n_ran, 1);
	sent = wire_requests(&b.wire);
	ck_assert_int_eq(ask_put(&b, ASK_PING, 1, 8), E_BUSY);
	ck_assert_int_eq(bus_status().state, BUS_TRANSIT);
	ck_assert_uint_eq(wire_requests(&b.wire), sent);
	ck_assert_int_eq(status_of(2).failures, 0);
	release();
	await_count(&n_ended, 1);
	ck_assert_int_eq(l.rc, E_OK);
	ck_assert_str_eq(bus_status().holder, "");
	/* Polling goes on by itself. */
	wire_await(&b.wire, sent + 5);
	ck_assert_int_eq(ask_rc(ASK_PING, 1), E_OK);
}
END_TEST

START_TEST(an_exchange_that_lasts_too_long_is_abandoned)
{
	struct test_lease l = make_lease(1, false);
	int64_t began_us;

	ask_bench_open(&b, METER(1, ""), 1, true);
	wire_hold(&b.wire, true);
	wire_await(&b.wire, 1);
	began_us = clock_mono_us();
	ck_assert_int_eq(poll_lease(b.poll, 1, &l.lease, 50), E_OK);
	await_count(&n_ended, 1);
	ck_assert_int_eq(l.rc, E_OK);
	ck_assert_int_eq(n_ran, 1);
	ck_assert_int_ge(clock_mono_us() - began_us, 50000);
	ck_assert_int_lt(clock_mono_us() - began_us, 2000000);
	ck_assert_int_eq(status_of(1).failures, 0);
	ck_assert_int_ne(status_of(1).link, LINK_DOUBT);
	wire_hold(&b.wire, false);
	wire_await(&b.wire, 5);
}
END_TEST

START_TEST(tenants_of_one_bus_take_turns)
{
	struct test_lease first = make_lease(1, true), second = make_lease(2, false),
			  third = make_lease(3, false);

	ask_bench_open(&b, METER(1, ""), 0, false);
	ck_assert_int_eq(poll_lease(b.poll, 2, &first.lease, 100), E_NOTFOUND);
	ck_assert_int_eq(poll_lease(b.poll, 1, &first.lease, 1), E_OK);
	await_count(&n_ran, 1);
	ck_assert_int_eq(poll_lease(b.poll, 1, &second.lease, 1), E_OK);
	ck_assert_int_eq(poll_lease(b.poll, 1, &third.lease, 1), E_OK);
	usleep(20000); /* patience with a tenant does not end */
	ck_assert_int_eq(n_ran, 1);
	release();
	await_count(&n_ended, 3);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(ran[i], i + 1);
	ck_assert_int_eq(ask_rc(ASK_PING, 1), E_OK);
}
END_TEST

START_TEST(a_lease_that_never_ran_ends_with_the_poller)
{
	struct test_lease l = make_lease(1, false);

	ask_bench_open(&b, METER(1, ""), 1, true);
	wire_hold(&b.wire, true);
	wire_await(&b.wire, 1);
	ck_assert_int_eq(poll_lease(b.poll, 1, &l.lease, 60000), E_OK);
	poll_close(b.poll);
	b.poll = NULL;
	ck_assert_int_eq(n_ended, 1);
	ck_assert_int_eq(n_ran, 0);
	ck_assert_int_eq(l.rc, E_STOPPED);
}
END_TEST

/* ---- by hand ---- */

static struct { uint32_t address; char serial[32]; } found[8];
static int n_found, n_tried, scan_rc;

static void
scan_found(void *arg, uint32_t address, const char *settings, const char *serial, const char *model)
{
	(void)arg;
	(void)model;
	ck_assert_str_eq(settings, "9600,8n1");
	pthread_mutex_lock(&lock);
	found[n_found].address = address;
	snprintf(found[n_found++].serial, sizeof(found[0].serial), "%s", serial);
	pthread_mutex_unlock(&lock);
}

static void
scan_progress(void *arg, uint32_t tried, uint32_t total)
{
	(void)arg;
	(void)total;
	pthread_mutex_lock(&lock);
	n_tried = (int)tried;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

static void
scan_ended(void *arg, int rc)
{
	(void)arg;
	pthread_mutex_lock(&lock);
	scan_rc = rc;
	n_ended++;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

static struct bus_scan
make_scan(uint32_t from, uint32_t to)
{
	n_found = n_tried = n_ended = 0;
	return (struct bus_scan){ .type = 3, .from = from, .to = to, .found = scan_found,
		.progress = scan_progress, .ended = scan_ended };
}

START_TEST(a_scan_finds_exactly_the_meters_that_are_there)
{
	struct bus_scan scan = make_scan(1, 8);
	uint64_t number;

	ask_bench_open(&b, METER(2, "") "," METER(5, ",\"pass_rd\":\"010203040506\""), 0, false);
	ck_assert_int_eq(poll_bus_scan(b.poll, 1, &scan, &number), E_OK);
	await_count(&n_ended, 1);
	ck_assert_int_eq(scan_rc, E_OK);
	ck_assert_int_eq(n_tried, 8);
	ck_assert_int_eq(n_found, 2);
	ck_assert_uint_eq(found[0].address, 2);
	ck_assert_str_eq(found[0].serial, "81000002");
	/* One that refuses the password is there all the same. */
	ck_assert_uint_eq(found[1].address, 5);
	ck_assert_str_eq(found[1].serial, "");
}
END_TEST

START_TEST(a_scan_lets_questions_pass_and_can_be_stopped)
{
	struct bus_scan scan = make_scan(10, 250);
	uint64_t number;

	ask_bench_open(&b, METER(1, ""), 0, false);
	ck_assert_int_eq(poll_bus_scan(b.poll, 1, &scan, &number), E_OK);
	ck_assert_int_eq(poll_bus_scan(b.poll, 1, &scan, &number), E_BUSY);
	ck_assert_int_eq(bus_status().state, BUS_SCAN);
	await_count(&n_tried, 1);
	ck_assert_int_eq(ask_rc(ASK_PING, 1), E_OK);
	ck_assert_int_eq(n_ended, 0);
	poll_bus_scan_stop(b.poll, number);
	await_count(&n_ended, 1);
	ck_assert_int_eq(scan_rc, E_STOPPED);
	ck_assert_int_lt(n_tried, 240);
	ck_assert_int_ne(bus_status().state, BUS_SCAN);
}
END_TEST

START_TEST(a_scan_gives_the_bus_to_a_tenant_and_goes_on)
{
	struct test_lease l = make_lease(1, false);
	struct bus_scan scan = make_scan(1, 6);
	uint64_t number;

	ask_bench_open(&b, METER(6, ""), 0, false);
	ck_assert_int_eq(poll_bus_scan(b.poll, 1, &scan, &number), E_OK);
	await_count(&n_tried, 1);
	ck_assert_int_eq(poll_lease(b.poll, 1, &l.lease, 6000), E_OK);
	await_count(&n_ended, 2);
	ck_assert_int_eq(scan_rc, E_OK);
	ck_assert_int_eq(n_ran, 1);
	ck_assert_int_eq(n_found, 1);
}
END_TEST

START_TEST(a_scan_that_makes_no_sense_is_refused)
{
	struct bus_scan scan = make_scan(5, 1);
	uint64_t number;

	ask_bench_open(&b, METER(1, ""), 0, false);
	ck_assert_int_eq(poll_bus_scan(b.poll, 1, &scan, &number), E_INVALID);
	scan.to = UINT32_MAX;
	ck_assert_int_eq(poll_bus_scan(b.poll, 1, &scan, &number), E_LIMIT);
	scan.to = 6;
	snprintf(scan.settings[0], sizeof(scan.settings[0]), "fast");
	ck_assert_int_eq(poll_bus_scan(b.poll, 1, &scan, &number), E_INVALID);
	scan.settings[0][0] = '\0';
	scan.type = 25;
	ck_assert_int_eq(poll_bus_scan(b.poll, 1, &scan, &number), E_NODRIVER);
	scan.type = 3;
	ck_assert_int_eq(poll_bus_scan(b.poll, 3, &scan, &number), E_NOTFOUND);
}
END_TEST

static struct { int rc; uint8_t rx[300]; size_t len; uint32_t took_us; } raw_answer;

static void
raw_answered(void *arg, int rc, const uint8_t *rx, size_t len, uint32_t took_us)
{
	(void)arg;
	pthread_mutex_lock(&lock);
	raw_answer.rc = rc;
	raw_answer.len = len;
	raw_answer.took_us = took_us;
	memcpy(raw_answer.rx, rx, len);
	n_ended++;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

struct seen { uint8_t bytes[2][300]; size_t len[2]; };

static void
watch(void *arg, enum tap_direction way, int64_t utc_us, const uint8_t *bytes, size_t n)
{
	struct seen *s = arg;

	ck_assert_int_le(llabs(utc_us - clock_utc_us()), 2000000);
	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < n && s->len[way] < 300; i++)
		s->bytes[way][s->len[way]++] = bytes[i];
	pthread_mutex_unlock(&lock);
}

START_TEST(raw_bytes_are_exchanged_and_watched)
{
	/* Test of the link: address 1, command 0, checksum. */
	struct bus_raw raw = { .tx = { 0x01, 0x00, 0x00, 0x20 }, .tx_len = 4, .settings = "9600,8n1",
		.answer_ms = 1000, .silence_ms = 30, .answered = raw_answered };
	struct seen seen = { 0 };

	n_ended = 0;
	ask_bench_open(&b, METER(1, ""), 0, false);
	ck_assert_int_eq(poll_bus_tap(b.poll, 1, watch, &seen), E_OK);
	ck_assert_int_eq(poll_bus_tap(b.poll, 2, watch, &seen), E_NOTFOUND);
	ck_assert_int_eq(poll_bus_raw(b.poll, 1, &raw), E_OK);
	await_count(&n_ended, 1);
	ck_assert_int_eq(raw_answer.rc, E_OK);
	ck_assert_uint_eq(raw_answer.len, 4);
	ck_assert_uint_eq(raw_answer.rx[0], 1);
	ck_assert_uint_lt(raw_answer.took_us, 1000000);
	ck_assert_int_eq(poll_bus_tap(b.poll, 1, NULL, NULL), E_OK);
	ck_assert_uint_eq(seen.len[TAP_SENT], 4);
	ck_assert_mem_eq(seen.bytes[TAP_SENT], raw.tx, 4);
	ck_assert_uint_eq(seen.len[TAP_RECEIVED], 4);
	/* Nobody is at address 9; the line goes by /settings/uart. */
	raw.tx[0] = 9;
	raw.settings[0] = '\0';
	raw.answer_ms = 50;
	ck_assert_int_eq(poll_bus_raw(b.poll, 1, &raw), E_OK);
	await_count(&n_ended, 2);
	ck_assert_int_eq(raw_answer.rc, E_TIMEOUT);
	ck_assert_uint_eq(seen.len[TAP_SENT], 4);
	raw.tx_len = 0;
	ck_assert_int_eq(poll_bus_raw(b.poll, 1, &raw), E_INVALID);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("ask");
	TCase *t = tcase_create("ask");

	tcase_add_checked_fixture(t, NULL, teardown);
	tcase_set_timeout(t, 20);
	tcase_add_test(t, a_ping_tells_whether_and_how_fast_a_meter_answers);
	tcase_add_test(t, a_question_to_nobody_is_refused_at_once);
	tcase_add_test(t, identification_is_told_and_remembered);
	tcase_add_test(t, a_reading_now_comes_with_the_difference_of_the_clock);
	tcase_add_test(t, an_archive_is_read_in_the_window_asked_for_in_order_of_time);
	tcase_add_test(t, each_record_of_a_journal_is_told_once);
	tcase_add_test(t, what_a_family_cannot_do_is_told);
	tcase_add_test(t, a_wrong_password_is_told_and_not_tried_again);
	tcase_add_test(t, a_relay_is_switched_and_read_back);
	tcase_add_test(t, a_command_whose_answer_is_lost_is_not_sent_again);
	tcase_add_test(t, a_relay_that_does_not_follow_is_told);
	tcase_add_test(t, the_clock_is_told_without_being_touched);
	tcase_add_test(t, a_clock_far_out_is_set_by_order_and_read_back);
	tcase_add_test(t, a_small_error_is_corrected_softly);
	tcase_add_test(t, questions_to_one_meter_share_a_conversation);
	tcase_add_test(t, what_is_not_begun_by_its_deadline_is_a_timeout);
	tcase_add_test(t, what_is_not_done_by_its_deadline_sends_no_more);
	tcase_add_test(t, a_cancelled_question_is_answered_soon);
	tcase_add_test(t, more_than_can_wait_are_refused);
	tcase_add_test(t, the_end_of_the_poller_answers_everything);
	tcase_add_test(t, a_question_to_a_meter_that_leaves_the_table_is_answered);
	tcase_add_test(t, a_question_goes_before_scheduled_work_at_the_next_exchange);
	tcase_add_test(t, a_run_that_gives_way_goes_on_where_it_was);
	tcase_add_test(t, a_lease_takes_the_bus_after_the_running_exchange);
	tcase_add_test(t, an_exchange_that_lasts_too_long_is_abandoned);
	tcase_add_test(t, tenants_of_one_bus_take_turns);
	tcase_add_test(t, a_lease_that_never_ran_ends_with_the_poller);
	tcase_add_test(t, a_scan_finds_exactly_the_meters_that_are_there);
	tcase_add_test(t, a_scan_lets_questions_pass_and_can_be_stopped);
	tcase_add_test(t, a_scan_gives_the_bus_to_a_tenant_and_goes_on);
	tcase_add_test(t, a_scan_that_makes_no_sense_is_refused);
	tcase_add_test(t, raw_bytes_are_exchanged_and_watched);
	suite_add_tcase(suite, t);
	return unit_main(suite);
}
