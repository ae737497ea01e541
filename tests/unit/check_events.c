/* The engine on a real store and loop, without meters: raising, folding, order, what outlives a crash,
 * and loops (event-model.md 5, 6, 10). */
#include <check.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "src/base/clock.h"
#include "src/base/log.h"
#include "src/base/loop.h"
#include "src/events/events.h"
#include "src/poll/poll.h"
#include "tests/unit/store_help.h"
#include "tests/unit/unit.h"

enum { LOOK_MS = 5, PATIENCE_MS = 20000, SENT_MOST = 4096, BINDINGS_MOST = 1024 };

static struct fixture f;
static struct loop *loop;
static struct poll *poll;
static struct events *events;

/* What the sender was given, and whether it answers at once. */
static struct events_message sent[SENT_MOST];
static size_t n_sent;
static bool answers;
static unsigned syncs;

/* ---- a world ---- */

static int
take_message(void *arg, const struct events_message *m)
{
	(void)arg;
	ck_assert_uint_lt(n_sent, SENT_MOST);
	sent[n_sent++] = *m;
	if (answers)
		events_message_done(events, m->job, RESULT_OK, "sent");
	return E_OK;
}

static int
sync_clock(void *arg)
{
	(void)arg;
	syncs++;
	return E_TIMEOUT;
}

static void
open_engine(void)
{
	struct events_options options = { .clock_sync = sync_clock };
	const struct poll_line lines[SERIAL_BUSES] = { { 0 } };

	ck_assert_int_eq(loop_open(&loop), E_OK);
	options.store = f.store;
	options.loop = loop;
	ck_assert_int_eq(events_open(&events, &options), E_OK);
	ck_assert_int_eq(poll_open(&poll, f.store, lines), E_OK);
	events_set_sender(events, ACTION_MQTT, take_message, NULL);
	ck_assert_int_eq(events_start(events, poll), E_OK);
}

/* crash: nothing is said at the end, as by kill -9. */
static void
close_engine(bool crash)
{
	loop_end_work(loop);
	poll_close(poll);
	if (!crash)
		events_stop(events);
	store_close(f.store);
	events_close(events);
	loop_close(loop);
}

static void
restart(bool crash)
{
	char why[256];

	close_engine(crash);
	ck_assert_int_eq(store_open(&f.store, f.dir, why, sizeof(why)), E_OK);
	n_sent = 0;
	open_engine();
}

static void
setup(void)
{
	fixture_open(&f);
	log_setup(LOG_LEVEL_ERROR, NULL);
	n_sent = 0;
	syncs = 0;
	answers = true;
	ck_assert_int_eq(store_setting_put(f.store, "events.poll_offset_s", "0"), E_OK);
	ck_assert_int_eq(store_setting_put(f.store, "events.settle_s", "0"), E_OK);
	open_engine();
}

static void
teardown(void)
{
	close_engine(false);
	unit_folder_remove(f.dir);
}

static void
put(enum table table, const char *key, const char *json)
{
	struct store_edit edit = { .kind = EDIT_ROW, .table = table, .key = key, .text = json };
	char why[256] = "";

	ck_assert_msg(store_edit(f.store, &edit, 1, NULL, why, sizeof(why)) == E_OK, "%s", why);
}

/* ---- waiting for something to come true, in the loop ---- */

/* Not the clock that tests replace. */
static int64_t
real_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

struct waiting { bool (*is)(size_t); size_t n; int64_t until_ms; bool came; };

static void
look(void *arg)
{
	struct waiting *w = arg;

	w->came = w->is(w->n);
	if (w->came || real_ms() > w->until_ms)
		loop_stop(loop);
}

static bool
try_until(bool (*is)(size_t), size_t n, unsigned ms)
{
	struct waiting w = { is, n, real_ms() + ms, false };
	struct loop_timer *timer = loop_timer(loop, LOOK_MS, true, look, &w);

	ck_assert_int_eq(loop_run(loop), E_OK);
	loop_timer_free(timer);
	return w.came;
}

static void
until(bool (*is)(size_t), size_t n)
{
	ck_assert_msg(try_until(is, n, PATIENCE_MS), "did not come true");
}

struct rows { size_t n; json_t *rows[SENT_MOST]; };

static int
take_row(void *arg, uint64_t id, int64_t ts, const char *json)
{
	struct rows *r = arg;

	(void)id;
	(void)ts;
	r->rows[r->n++] = json_loads(json, 0, NULL);
	return E_OK;
}

static struct rows
journal(void)
{
	struct rows r = { 0 };

	ck_assert_int_eq(store_sync(f.store), E_OK);
	ck_assert_int_eq(store_journal_read(f.store, DJ_ACTION, 0, SENT_MOST, false, take_row, &r),
	    E_OK);
	return r;
}

static void
forget(struct rows *r)
{
	for (size_t i = 0; i < r->n; i++)
		json_decref(r->rows[i]);
}

static bool
has_rows(size_t n)
{
	return store_journal_last(f.store, DJ_ACTION) >= n ||
	    (store_sync(f.store) == E_OK && store_journal_last(f.store, DJ_ACTION) >= n);
}

static bool
has_sent(size_t n)
{
	return n_sent >= n;
}

static bool
never(size_t n)
{
	(void)n;
	return false;
}

static const char *
text(const json_t *row, const char *name)
{
	const char *is = json_string_value(json_object_get(row, name));

	return is != NULL ? is : "";
}

static int64_t
number(const json_t *row, const char *name)
{
	return json_integer_value(json_object_get(row, name));
}

static void
bind_input_to_message(void)
{
	put(TABLE_ACTION_MQTT, "5", "{\"id\":5,\"meterMessageId\":1,\"brokerId\":1,\"topic\":\"t\"}");
	put(TABLE_MANAGER, "1",
	    "{\"id\":1,\"eventType\":\"IntDigitalSensor\",\"eventId\":3,"
	    "\"actionType\":\"MQTTMeterMessages\",\"actionId\":5}");
	events_reload(events);
}

static const struct event_ref input_3 = { EVENT_INT_DIGITAL, 3 };

/* ---- tests ---- */

START_TEST(an_event_is_carried_out_and_journalled)
{
	struct rows rows;

	bind_input_to_message();
	events_raise(events, input_3, 1800000000);
	until(has_rows, 1);
	ck_assert_uint_eq(n_sent, 1);
	ck_assert_int_eq(sent[0].moment, 1800000000);
	rows = journal();
	ck_assert_uint_eq(rows.n, 1);
	ck_assert_str_eq(text(rows.rows[0], "result"), "ok");
	ck_assert_str_eq(text(rows.rows[0], "note"), "sent");
	ck_assert_str_eq(text(json_object_get(rows.rows[0], "event"), "type"), "IntDigitalSensor");
	ck_assert_int_eq(number(json_object_get(rows.rows[0], "action"), "id"), 5);
	ck_assert_int_eq(number(rows.rows[0], "moment"), 1800000000);
	forget(&rows);
}
END_TEST

START_TEST(one_runs_one_waits_the_others_are_folded)
{
	struct rows rows;

	answers = false;
	bind_input_to_message();
	events_raise(events, input_3, 1800000000);
	until(has_sent, 1);
	for (int i = 1; i <= 5; i++)
		events_raise(events, input_3, 1800000000 + i);
	ck_assert(!try_until(never, 0, 100));
	ck_assert_uint_eq(n_sent, 1);
	events_message_done(events, sent[0].job, RESULT_FAILED, "no broker");
	until(has_sent, 2);
	events_message_done(events, sent[1].job, RESULT_OK, NULL);
	until(has_rows, 2);
	rows = journal();
	ck_assert_uint_eq(rows.n, 2);
	ck_assert_str_eq(text(rows.rows[0], "result"), "failed");
	ck_assert_int_eq(number(rows.rows[1], "folded"), 4);
	ck_assert_int_eq(number(rows.rows[1], "moment"), 1800000005);
	forget(&rows);
}
END_TEST

START_TEST(what_ran_in_a_crash_is_interrupted_and_does_not_run_again)
{
	struct rows rows;

	answers = false;
	bind_input_to_message();
	events_raise(events, input_3, 1800000000);
	until(has_sent, 1);
	restart(_i == 0);
	until(has_rows, 1);
	ck_assert(!try_until(never, 0, 100));
	ck_assert_uint_eq(n_sent, 0);
	rows = journal();
	ck_assert_uint_eq(rows.n, 1);
	ck_assert_str_eq(text(rows.rows[0], "result"), "interrupted");
	forget(&rows);
	restart(true);
	ck_assert(!try_until(never, 0, 100));
	ck_assert_uint_eq(store_journal_last(f.store, DJ_ACTION), 1);
}
END_TEST

START_TEST(what_waited_in_a_crash_goes_on)
{
	struct rows rows;

	answers = false;
	bind_input_to_message();
	events_raise(events, input_3, clock_utc() - 1);
	until(has_sent, 1);
	events_raise(events, input_3, clock_utc());
	ck_assert(!try_until(never, 0, 50));
	restart(_i == 0);
	until(has_sent, 1);
	events_message_done(events, sent[0].job, RESULT_OK, NULL);
	until(has_rows, 2);
	rows = journal();
	ck_assert_uint_eq(rows.n, 2);
	ck_assert_str_eq(text(rows.rows[0], "result"), "interrupted");
	ck_assert_str_eq(text(rows.rows[1], "result"), "ok");
	forget(&rows);
}
END_TEST

START_TEST(a_message_waits_for_the_poll_of_its_event)
{
	struct rows rows;

	bind_input_to_message();
	put(TABLE_ARCH_TEMPLATES, "d", "{\"name\":\"Day \",\"types\":[\"ElDayEnergy\",\"ElJrnlPwr\"]}");
	put(TABLE_ACTION_METER, "1", "{\"id\":1,\"archTypesName\":\"DAY\"}");
	put(TABLE_MANAGER, "2",
	    "{\"id\":2,\"eventType\":\"IntDigitalSensor\",\"eventId\":3,"
	    "\"actionType\":\"Poller\",\"actionId\":1}");
	events_reload(events);
	events_raise(events, input_3, 1800000000);
	until(has_rows, 2);
	rows = journal();
	ck_assert_str_eq(text(json_object_get(rows.rows[0], "action"), "type"), "Poller");
	ck_assert_str_eq(text(rows.rows[0], "result"), "ok"); /* no meters, no failures */
	ck_assert_str_eq(text(json_object_get(rows.rows[1], "action"), "type"), "MQTTMeterMessages");
	forget(&rows);
}
END_TEST

/* Each message raises the event that sends it. */
static int
loop_message(void *arg, const struct events_message *m)
{
	int rc = take_message(arg, m);

	events_raise(events, input_3, sent[n_sent - 1].moment + 1);
	return rc;
}

static bool
has_rested(size_t n)
{
	(void)n;
	return store_sync(f.store) == E_OK && store_journal_last(f.store, DJ_SYSTEM) > 0;
}

START_TEST(an_action_that_causes_its_own_event_comes_to_rest)
{
	bind_input_to_message();
	events_set_sender(events, ACTION_MQTT, loop_message, NULL);
	events_raise(events, input_3, 1800000000);
	until(has_rested, 0);
	ck_assert(!try_until(never, 0, 100));
	ck_assert_uint_eq(n_sent, CHATTER_CHANGES);
}
END_TEST

/* Rows of an action with its own binding, and of dialect 31. */
START_TEST(actions_that_say_when_themselves_are_bound)
{
	struct rows rows;

	put(TABLE_ACTION_SNTP, "4", "{\"id\":4,\"eventType\":1,\"eventId\":3}");
	put(TABLE_D31_ACTIONS, "mqtt/7",
	    "{\"id\":7,\"action\":\"mqtt\",\"eventType\":1,\"eventId\":3,"
	    "\"msgType\":1,\"msgId\":1,\"srvId\":1,\"topic\":\"t\"}");
	put(TABLE_D31_ACTIONS, "reset/7",
	    "{\"id\":7,\"action\":\"reset\",\"eventType\":1,\"eventId\":3}");
	put(TABLE_DIN_EVENTS, "3", "{\"id\":3,\"addr\":2,\"type\":2}");
	events_reload(events);
	events_input(events, 2, LEVEL_CLOSED, 1800000000);
	ck_assert(!try_until(never, 0, 120));
	events_input(events, 2, LEVEL_OPEN, 1800000010);
	until(has_rows, 3);
	rows = journal();
	ck_assert_uint_eq(rows.n, 3);
	for (size_t i = 0; i < rows.n; i++) {
		const char *type = text(json_object_get(rows.rows[i], "action"), "type");
		bool sync = strcmp(type, "TimeSync") == 0, reset = strcmp(type, "Reset") == 0;

		ck_assert(sync || reset || strcmp(type, "MQTTMessages") == 0);
		ck_assert_str_eq(text(rows.rows[i], "result"), sync || reset ? "failed" : "skipped");
		ck_assert_int_eq(number(rows.rows[i], "moment"), 1800000010);
	}
	ck_assert_uint_eq(syncs, 1);
	forget(&rows);
}
END_TEST

START_TEST(values_of_ours_cross_limits)
{
	put(TABLE_ANALOG_EVENTS, "2",
	    "{\"id\":2,\"source\":\"vMain\",\"low\":198.5,\"edge\":\"enter\"}");
	put(TABLE_ANALOG_EVENTS, "3", "{\"id\":3,\"source\":\"vMain\",\"low\":9,\"high\":1}");
	put(TABLE_ACTION_RELAY, "1", "{\"id\":1,\"relay\":1,\"state\":\"off\"}");
	put(TABLE_ACTION_RELAY, "2", "{\"id\":2,\"meterId\":4,\"relayId\":1}");
	put(TABLE_MANAGER, "1",
	    "{\"id\":1,\"eventType\":\"IntAnalogSensor\",\"eventId\":2,"
	    "\"actionType\":\"IntRelay\",\"actionId\":1}");
	put(TABLE_MANAGER, "2",
	    "{\"id\":2,\"eventType\":\"IntAnalogSensor\",\"eventId\":2,"
	    "\"actionType\":\"ExtRelay\",\"actionId\":2}");
	events_reload(events);
	events_value(events, "vMain", 198500);
	events_value(events, "tCpu", 1);
	events_value(events, "vMain", 198499);
	until(has_rows, 2);
	ck_assert(!try_until(never, 0, 50));
	ck_assert_uint_eq(store_journal_last(f.store, DJ_ACTION), 2);
}
END_TEST

/* 1024 rows at one event (event-model.md 6.4): each once, in the order of rows. */
START_TEST(many_rows_at_one_event)
{
	struct store_edit *edits = calloc(BINDINGS_MOST, sizeof(*edits));
	char(*texts)[160] = calloc(BINDINGS_MOST, sizeof(*texts));
	char(*keys)[8] = calloc(BINDINGS_MOST, sizeof(*keys));
	char why[256];

	put(TABLE_ACTION_MQTT, "5", "{\"id\":5,\"meterMessageId\":1,\"brokerId\":1,\"topic\":\"t\"}");
	for (int i = 0; i < BINDINGS_MOST; i++) {
		int id = BINDINGS_MOST - i;

		snprintf(keys[i], sizeof(keys[i]), "%d", id);
		snprintf(texts[i], sizeof(texts[i]),
		    "{\"id\":%d,\"eventType\":\"IntDigitalSensor\",\"eventId\":3,"
		    "\"actionType\":\"MQTTMeterMessages\",\"actionId\":5}",
		    id);
		edits[i] = (struct store_edit){ .kind = EDIT_ROW, .table = TABLE_MANAGER,
			.key = keys[i], .text = texts[i] };
	}
	ck_assert_int_eq(store_edit(f.store, edits, BINDINGS_MOST, NULL, why, sizeof(why)), E_OK);
	events_reload(events);
	events_raise(events, input_3, 1800000000);
	until(has_rows, BINDINGS_MOST);
	ck_assert_uint_eq(n_sent, BINDINGS_MOST);
	for (size_t i = 1; i < n_sent; i++)
		ck_assert_uint_eq(sent[i].job, sent[i - 1].job + 1);
	free(edits);
	free(texts);
	free(keys);
}
END_TEST

/* ---- days ---- */

static _Atomic int64_t fake_utc_us, fake_mono_us;

static int64_t
fake_utc(void)
{
	return fake_utc_us;
}

static int64_t
fake_mono(void)
{
	return fake_mono_us;
}

static void
pass_until(int64_t utc_us)
{
	fake_mono_us += utc_us - fake_utc_us;
	fake_utc_us = utc_us;
	events_clock_stepped(events);
}

static bool
has_row_of(size_t moment)
{
	struct rows r = journal();
	bool has = false;

	for (size_t i = 0; i < r.n; i++)
		has |= number(r.rows[i], "moment") == (int64_t)moment;
	forget(&r);
	return has;
}

/* Every half hour of four days, with crashes at any time around it: each is carried out, none twice. */
START_TEST(half_hours_of_four_days_with_crashes)
{
	static const struct clock_source fake = { fake_utc, fake_mono };
	enum { HALF_HOURS = 4 * 48 };
	const int64_t start = INT64_C(1780272000);
	struct rows rows;
	unsigned dice = 5;

	fake_utc_us = start * 1000000;
	fake_mono_us = 1;
	clock_replace(&fake);
	put(TABLE_ACTION_MQTT, "5", "{\"id\":5,\"meterMessageId\":1,\"brokerId\":1,\"topic\":\"t\"}");
	put(TABLE_SCHEDULES, "1", "{\"id\":1,\"min\":30}");
	put(TABLE_MANAGER, "1",
	    "{\"id\":1,\"eventType\":\"Scheduler\",\"eventId\":1,"
	    "\"actionType\":\"MQTTMeterMessages\",\"actionId\":5}");
	events_reload(events);
	for (int i = 1; i <= HALF_HOURS; i++) {
		int64_t due = start + i * INT64_C(1800);

		dice = dice * 1103515245 + 12345;
		if (dice >> 16 & 1)
			pass_until((due - 1) * 1000000);
		if ((dice >> 17) % 16 == 0)
			restart(true);
		pass_until(due * 1000000 + (dice >> 20) % 900000);
		if ((dice >> 18) % 8 == 0) {
			try_until(never, 0, (dice >> 24) % 4);
			restart(true);
		}
		if (i % 48 == 0)
			until(has_row_of, (size_t)due);
		else
			until(has_rows, (size_t)i);
	}
	rows = journal();
	ck_assert_uint_eq(rows.n, HALF_HOURS);
	for (size_t i = 0; i < rows.n; i++)
		ck_assert_int_eq(number(rows.rows[i], "moment"), start + 1800 * (int64_t)(i + 1));
	forget(&rows);
	clock_replace(NULL);
}
END_TEST

/* ---- notes of the store ---- */

static int
concat(void *arg, const char *key, const char *value)
{
	char *to = arg;

	snprintf(to + strlen(to), 200 - strlen(to), "%s=%s ", key, value);
	return E_OK;
}

START_TEST(notes_are_kept_replaced_and_removed)
{
	static const struct store_note notes[] = { { .key = "a/2", .text = "two" },
		{ .key = "a/1", .text = "" }, { .key = "b/1", .text = "other" },
		{ .key = "a/2", .text = "zwei" }, { .key = "a/3", .text = "gone" }, { .key = "a/3" },
		{ .key = "a/4", .journal = DJ_ACTION, .ts = 5, .json = "{\"note\":1}" } };
	char all[200] = "", key[NOTE_KEY_MOST + 2];
	struct store_note long_one = { .key = key, .text = "" };

	for (size_t i = 0; i < sizeof(notes) / sizeof(notes[0]); i++)
		ck_assert_int_eq(store_note_put(f.store, &notes[i]), E_OK);
	restart(false);
	ck_assert_int_eq(store_notes(f.store, "a/", concat, all), E_OK);
	ck_assert_str_eq(all, "a/1= a/2=zwei ");
	ck_assert_uint_eq(store_journal_last(f.store, DJ_ACTION), 1);
	memset(key, 'k', sizeof(key) - 1);
	key[sizeof(key) - 1] = '\0';
	ck_assert_int_eq(store_note_put(f.store, &long_one), E_LIMIT);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("events");
	TCase *tc = tcase_create("events");

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, an_event_is_carried_out_and_journalled);
	tcase_add_test(tc, one_runs_one_waits_the_others_are_folded);
	tcase_add_loop_test(tc, what_ran_in_a_crash_is_interrupted_and_does_not_run_again, 0, 2);
	tcase_add_loop_test(tc, what_waited_in_a_crash_goes_on, 0, 2);
	tcase_add_test(tc, a_message_waits_for_the_poll_of_its_event);
	tcase_add_test(tc, an_action_that_causes_its_own_event_comes_to_rest);
	tcase_add_test(tc, actions_that_say_when_themselves_are_bound);
	tcase_add_test(tc, values_of_ours_cross_limits);
	tcase_add_test(tc, many_rows_at_one_event);
	tcase_add_test(tc, half_hours_of_four_days_with_crashes);
	tcase_add_test(tc, notes_are_kept_replaced_and_removed);
	suite_add_tcase(suite, tc);
	return unit_main(suite);
}
