#include <check.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "src/store/store.h"
#include "tests/unit/store_help.h"
#include "tests/unit/unit.h"

static struct fixture f;

static void setup(void) { fixture_open(&f); }
static void teardown(void) { fixture_close(&f); }

/* Local midnights with the zone of the default settings, +03:00. */
enum { H = 3600, D = 86400 };
#define DAY0 INT64_C(1718398800)	/* 2024-06-15 00:00 +03:00 */

START_TEST(record_is_read_as_it_was_put)
{
	enum record_type type = (enum record_type)_i;
	const struct record_type_info *info = record_type_info(type);
	struct record r = { .type = type, .valid = true, .ts = DAY0, .diff_s = -7 };

	if (info->values == VALUES_CONFIG)
		return;
	if (info->values == VALUES_JOURNAL)
		r.journal = type == REC_EL_JOURNAL ? J_PWR : 0;
	if (info->values == VALUES_PROFILE) {
		r.period_min = 30;
		r.flags = PROFILE_PARTIAL | PROFILE_MEASURED;
	}
	for (unsigned slot = 0; slot < value_slots(type); slot += 1 + slot % 3)
		record_set(&r, slot, (int64_t)slot * 123456789 + (int64_t)type);
	fixture_put(&f, 7, &r);
	ck_assert_uint_eq(fixture_read_all(&f, 7, type, false), 1);
	fixture_assert_record(&f.read[0], &r);
	/* Twice changes nothing. */
	fixture_put(&f, 7, &r);
	ck_assert_uint_eq(fixture_read_all(&f, 7, type, true), 1);
	ck_assert_uint_eq(fixture_ring(&f, 7, type, r.journal).count, 1);
	ck_assert_uint_eq(fixture_read_all(&f, 8, type, true), 0);
}
END_TEST

START_TEST(impossible_record_is_refused)
{
	struct record r = fixture_energy(REC_EL_DAY, DAY0, 1);
	struct record slice = { .type = REC_EL_PROFILE, .valid = true, .ts = DAY0, .period_min = 3000 };
	struct record journal = { .type = REC_EL_JOURNAL, .valid = true, .ts = DAY0 };

	r.ts = -1;
	ck_assert_int_eq(store_put(f.store, 1, &r, 1), E_INVALID);
	r.ts = INT64_MAX;
	ck_assert_int_eq(store_put(f.store, 1, &r, 1), E_INVALID);
	r = fixture_energy(REC_EL_DAY, DAY0, 1);
	record_set(&r, ENERGY_SLOTS, 5);
	ck_assert_int_eq(store_put(f.store, 1, &r, 1), E_INVALID);
	ck_assert_int_eq(store_put(f.store, 1, &slice, 1), E_INVALID);
	ck_assert_int_eq(store_put(f.store, 1, &journal, 1), E_INVALID);
	r.type = REC_COUNT;
	ck_assert_int_eq(store_put(f.store, 1, &r, 1), E_INVALID);
}
END_TEST

static const enum record_type marked_types[] = {
	REC_EL_DAY, REC_EL_MONTH, REC_EL_PROFILE, REC_PLS_HOUR
};

START_TEST(valid_replaces_marker_never_the_reverse)
{
	enum record_type type = marked_types[_i];
	struct record mark = { .type = type,
		.ts = DAY0,
		.period_min = type == REC_EL_PROFILE ? 30 : 0 };
	struct record again = mark, value = mark;
	struct store_label label;
	size_t n;

	record_set(&mark, 0, DAY0 + 100);
	record_set(&again, 0, DAY0 + 5000);
	value.valid = true;
	record_set(&value, 1, 42);
	fixture_put(&f, 3, &mark);
	fixture_put(&f, 3, &again);
	ck_assert_uint_eq(fixture_read_all(&f, 3, type, false), 0);
	ck_assert_uint_eq(fixture_read_all(&f, 3, type, true), 1);
	ck_assert(!f.read[0].valid);
	ck_assert_int_eq(f.read[0].v[0], DAY0 + 100);
	ck_assert_int_eq(store_labels(f.store, 3, type, 0, DAY0 * 2, &label, 1, &n), E_OK);
	ck_assert(n == 1 && !label.valid && label.ts == DAY0 && label.marked == DAY0 + 100);
	fixture_put(&f, 3, &value);
	fixture_put(&f, 3, &mark);
	ck_assert_uint_eq(fixture_read_all(&f, 3, type, true), 1);
	fixture_assert_record(&f.read[0], &value);
	ck_assert_uint_eq(fixture_ring(&f, 3, type, 0).count, 1);
}
END_TEST

START_TEST(marker_without_a_time_gets_the_present)
{
	struct record mark = { .type = REC_EL_DAY, .ts = DAY0 };

	fixture_put(&f, 3, &mark);
	ck_assert_uint_eq(fixture_read_all(&f, 3, REC_EL_DAY, true), 1);
	ck_assert_int_gt(f.read[0].v[0], 1700000000);
}
END_TEST

static const struct { enum record_type type; const char *depth_key; int64_t step; } rings[] = {
	{ REC_EL_DAY, "depth.day", D }, { REC_EL_PROFILE, "depth.profile", 1800 },
	{ REC_EL_MOMENT_ENERGY, "depth.moment", 600 }, { REC_EL_JOURNAL, "depth.journal", 60 },
	{ REC_GEN_DAY, "depth.day", D }, { REC_PLS_HOUR, "depth.hour", H },
};
enum { N_RINGS = sizeof(rings) / sizeof(rings[0]) };

static struct record
ring_record(enum record_type type, int64_t ts)
{
	struct record r = { .type = type, .valid = true, .ts = ts };

	r.period_min = type == REC_EL_PROFILE ? 30 : 0;
	r.journal = type == REC_EL_JOURNAL ? J_OPEN : 0;
	record_set(&r, 0, ts / 60);
	return r;
}

/* data-model.md 6.1: old stamps fill the ring, N new ones come, only the newest remain. */
START_TEST(full_ring_keeps_the_newest)
{
	enum record_type type = rings[_i].type;
	int64_t step = rings[_i].step, first = DAY0 - 200 * step;
	struct store_ring ring;
	struct record r;
	size_t n;

	ck_assert_int_eq(store_setting_put(f.store, rings[_i].depth_key, "60"), E_OK);
	for (int i = 0; i < 150; i++) {
		r = ring_record(type, first + i * step);
		fixture_queue(&f, 5, &r);
	}
	ck_assert_int_eq(store_sync(f.store), E_OK);
	ring = fixture_ring(&f, 5, type, r.journal);
	ck_assert_uint_eq(ring.count, 60);
	ck_assert_int_eq(ring.oldest, first + 90 * step);
	ck_assert_int_eq(ring.newest, first + 149 * step);
	n = fixture_read_all(&f, 5, type, true);
	ck_assert_uint_eq(n, 60);
	for (size_t i = 0; i < n; i++)
		ck_assert_int_eq(f.read[i].ts, first + (90 + (int64_t)i) * step);
	/* Older than everything in a full ring: dropped. */
	r = ring_record(type, first + 3 * step);
	fixture_put(&f, 5, &r);
	ck_assert_uint_eq(fixture_read_all(&f, 5, type, true), 60);
	ck_assert_int_eq(f.read[0].ts, first + 90 * step);
	/* Counts survive a restart. */
	fixture_reopen(&f);
	ring = fixture_ring(&f, 5, type, r.journal);
	ck_assert_uint_eq(ring.count, 60);
	ck_assert_int_eq(ring.oldest, first + 90 * step);
}
END_TEST

START_TEST(lowered_depth_trims_in_the_background)
{
	enum record_type type = rings[_i].type;
	struct record r;

	for (int i = 0; i < 150; i++) {
		r = ring_record(type, DAY0 + i * rings[_i].step);
		fixture_queue(&f, 5, &r);
	}
	ck_assert_int_eq(store_sync(f.store), E_OK);
	ck_assert_uint_eq(fixture_read_all(&f, 5, type, true), 150);
	ck_assert_int_eq(store_setting_put(f.store, rings[_i].depth_key, "60"), E_OK);
	fixture_wait_count(&f, 5, type, r.journal, 60);
	ck_assert_int_eq(store_sync(f.store), E_OK);
	ck_assert_uint_eq(fixture_read_all(&f, 5, type, true), 60);
	ck_assert_int_eq(f.read[59].ts, r.ts);
}
END_TEST

static struct record
event(uint16_t code, int64_t ts, int64_t what, int64_t id)
{
	struct record r = { .type = REC_EL_JOURNAL, .journal = code, .valid = true, .ts = ts };

	record_set(&r, J_EVENT, what);
	if (id >= 0)
		record_set(&r, J_EVENT_ID, id);
	return r;
}

START_TEST(events_of_one_second_are_told_apart)
{
	struct record r;

	r = event(J_PWR, DAY0, 0, 4);
	fixture_put(&f, 2, &r);
	r = event(J_PWR, DAY0, 1, 5); /* another id */
	fixture_put(&f, 2, &r);
	r = event(J_PWR, DAY0, 0, 5); /* the same id is replaced */
	fixture_put(&f, 2, &r);
	r = event(J_TIME_CORR, DAY0, 0, -1);
	fixture_put(&f, 2, &r);
	r = event(J_TIME_CORR, DAY0, 1, -1); /* no ids: the event tells */
	fixture_put(&f, 2, &r);
	fixture_put(&f, 2, &r);
	ck_assert_uint_eq(fixture_read_all(&f, 2, REC_EL_JOURNAL, false), 4);
	ck_assert_uint_eq(fixture_ring(&f, 2, REC_EL_JOURNAL, J_PWR).count, 2);
	ck_assert_uint_eq(fixture_ring(&f, 2, REC_EL_JOURNAL, J_TIME_CORR).count, 2);
	ck_assert_uint_eq(fixture_ring(&f, 2, REC_EL_JOURNAL, 0).count, 4);
	ck_assert_int_eq(f.read[1].v[J_EVENT], 0);
	ck_assert_int_eq(f.read[1].v[J_EVENT_ID], 5);
	ck_assert(!record_has(&f.read[2], J_EVENT_ID));
}
END_TEST

START_TEST(journals_are_merged_by_time)
{
	static const uint16_t codes[] = { J_PWR, J_OPEN, J_OTHER, J_RESET };
	struct store_range range = { .type = REC_EL_JOURNAL, .to = INT64_MAX };
	struct record r;

	for (int i = 0; i < 200; i++) {
		r = event(codes[i * 7 % 4], DAY0 + i * 37 % 200 * 60, i % 2, i);
		fixture_queue(&f, 2, &r);
		fixture_queue(&f, 3, &r);
	}
	ck_assert_int_eq(store_sync(f.store), E_OK);
	ck_assert_uint_eq(fixture_read(&f, 2, &range), 200);
	for (int i = 0; i < 200; i++)
		ck_assert_int_eq(f.read[i].ts, DAY0 + i * 60);
	range.newest_first = true;
	range.limit = 5;
	ck_assert_uint_eq(fixture_read(&f, 2, &range), 5);
	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(f.read[i].ts, DAY0 + (199 - i) * 60);
	range.journal = J_OPEN;
	range.limit = 0;
	ck_assert_uint_eq(fixture_read(&f, 2, &range), 50);
	range.journal = 0;
	range.newest_first = false;
	ck_assert_uint_eq(fixture_read(&f, -1, &range), 400);
	ck_assert_uint_eq(f.devs[0], 2);
	ck_assert_uint_eq(f.devs[399], 3);
}
END_TEST

START_TEST(consumption_is_derived_from_the_readings)
{
	struct store_range range = { .type = REC_EL_DAY_CONS, .to = INT64_MAX };
	static const int64_t readings[] = { 1000, 1010, 1030, -1, 1050, 1020, 1021 };
	struct meter_state state = { .serial_since = 0 };
	struct record r;

	for (int i = 0; i < 7; i++) {
		r = fixture_energy(REC_EL_DAY, DAY0 + i * D, readings[i]);
		if (readings[i] >= 0)
			fixture_put(&f, 2, &r);
	}
	/* Days 0 and 1 are whole, 2 and 3 lack an end, 4 went back, 5 counts again. */
	ck_assert_uint_eq(fixture_read(&f, 2, &range), 3);
	ck_assert_int_eq(f.read[0].v[0], 10);
	ck_assert_int_eq(f.read[1].v[0], 20);
	ck_assert_int_eq(f.read[2].v[0], 1);
	ck_assert_int_eq(f.read[2].ts, DAY0 + 5 * D);
	/* Where an end is missing, what the meter delivered counts. */
	r = fixture_energy(REC_EL_DAY_CONS, DAY0 + 2 * D, 77);
	fixture_put(&f, 2, &r);
	r = fixture_energy(REC_EL_DAY_CONS, DAY0 + 20 * D, 78);
	fixture_put(&f, 2, &r);
	r = fixture_energy(REC_EL_DAY_CONS, DAY0, 99);
	fixture_put(&f, 2, &r);
	ck_assert_uint_eq(fixture_read(&f, 2, &range), 5);
	ck_assert_int_eq(f.read[0].v[0], 10);
	ck_assert_int_eq(f.read[2].v[0], 77);
	ck_assert_int_eq(f.read[4].v[0], 78);
	range.newest_first = true;
	ck_assert_uint_eq(fixture_read(&f, -1, &range), 5);
	ck_assert_int_eq(f.read[0].v[0], 78);
	ck_assert_int_eq(f.read[4].v[0], 10);
	/* Another meter was put in its place on the second day. */
	state.serial_since = DAY0 + D + H;
	ck_assert_int_eq(store_state_put(f.store, 2, &state), E_OK);
	ck_assert_int_eq(store_sync(f.store), E_OK);
	ck_assert_uint_eq(fixture_read(&f, 2, &range), 4);
	ck_assert_int_eq(f.read[3].ts, DAY0);
	ck_assert_int_eq(f.read[2].ts, DAY0 + 2 * D);
}
END_TEST

START_TEST(month_consumption_spans_the_month)
{
	struct store_range range = { .type = REC_EL_MONTH_CONS, .to = INT64_MAX };
	struct zone zone = store_zone(f.store);
	int64_t ts = month_start(zone, DAY0);
	struct record r;

	for (int i = 0; i < 14; i++) {
		r = fixture_energy(REC_EL_MONTH, month_add(zone, ts, i), 100 * i * i);
		fixture_queue(&f, 9, &r);
	}
	ck_assert_int_eq(store_sync(f.store), E_OK);
	ck_assert_uint_eq(fixture_read(&f, 9, &range), 13);
	for (int i = 0; i < 13; i++) {
		ck_assert_int_eq(f.read[i].ts, month_add(zone, ts, i));
		ck_assert_int_eq(f.read[i].v[0], 100 * (2 * i + 1));
	}
}
END_TEST

START_TEST(all_meters_come_by_bucket_then_meter)
{
	struct store_range range = { .type = REC_EL_DAY, .from = DAY0 + D, .to = DAY0 + 2 * D };
	struct record r;

	for (uint16_t dev = 20; dev >= 1; dev--)
		for (int i = 0; i < 5; i++) {
			r = fixture_energy(REC_EL_DAY, DAY0 + i * D, dev);
			fixture_queue(&f, dev, &r);
		}
	ck_assert_int_eq(store_sync(f.store), E_OK);
	ck_assert_uint_eq(fixture_read(&f, -1, &range), 40);
	for (int i = 0; i < 40; i++) {
		ck_assert_int_eq(f.read[i].ts, DAY0 + (1 + i / 20) * D);
		ck_assert_uint_eq(f.devs[i], i % 20 + 1);
		ck_assert_int_eq(f.read[i].v[0], f.devs[i]);
	}
	range.newest_first = true;
	range.limit = 21;
	ck_assert_uint_eq(fixture_read(&f, -1, &range), 21);
	ck_assert_uint_eq(f.devs[0], 20);
	ck_assert_int_eq(f.read[20].ts, DAY0 + D);
}
END_TEST

START_TEST(one_meter_is_found_among_many_and_far_apart)
{
	struct store_range range = { .type = REC_EL_MOMENT_ENERGY, .to = INT64_MAX };
	struct record r;

	for (uint16_t dev = 1; dev <= 40; dev++)
		for (int i = 0; i < 30; i++) {
			int64_t ts = DAY0 + (dev == 17 ? (int64_t)i * i * 20000 : i * 900 + dev);

			r = fixture_energy(REC_EL_MOMENT_ENERGY, ts, i);
			fixture_queue(&f, dev, &r);
		}
	ck_assert_int_eq(store_sync(f.store), E_OK);
	ck_assert_uint_eq(fixture_read(&f, 17, &range), 30);
	for (int i = 0; i < 30; i++)
		ck_assert_int_eq(f.read[i].v[0], i);
	range.newest_first = true;
	ck_assert_uint_eq(fixture_read(&f, 17, &range), 30);
	for (int i = 0; i < 30; i++)
		ck_assert_int_eq(f.read[i].v[0], 29 - i);
	range.from = f.read[20].ts;
	range.to = f.read[10].ts;
	ck_assert_uint_eq(fixture_read(&f, 17, &range), 11);
	ck_assert_uint_eq(fixture_read(&f, 18, &range), 0);
}
END_TEST

static int
stop_with(void *arg, uint16_t dev, const struct record *r)
{
	(void)dev;
	(void)r;
	return *(int *)arg;
}

START_TEST(reader_can_stop_the_walk)
{
	struct store_range range = { .type = REC_EL_DAY, .to = INT64_MAX };
	struct record r = fixture_energy(REC_EL_DAY, DAY0, 1);
	int positive = 3, negative = E_CORRUPT;

	fixture_put(&f, 1, &r);
	ck_assert_int_eq(store_read(f.store, 1, &range, stop_with, &positive), E_OK);
	ck_assert_int_eq(store_read(f.store, 1, &range, stop_with, &negative), E_CORRUPT);
	range.type = REC_COUNT;
	ck_assert_int_eq(store_read(f.store, 1, &range, stop_with, &positive), E_INVALID);
}
END_TEST

START_TEST(late_reading_is_given_up)
{
	struct store_range range = { .type = REC_EL_DAY, .to = INT64_MAX, .deadline_ms = 1 };
	struct record r;

	for (int i = 0; i < 5; i++) {
		r = fixture_energy(REC_EL_DAY, DAY0 + i * D, 1);
		fixture_queue(&f, 1, &r);
	}
	ck_assert_int_eq(store_sync(f.store), E_OK);
	ck_assert_int_eq(store_read(f.store, 1, &range, fixture_slow_each, &f), E_BUSY);
}
END_TEST

START_TEST(configuration_is_the_current_one)
{
	struct meter_config c = { .serial = "00012345",
		.model = "Mercury 230",
		.is_dst = -1,
		.ratio_i = 40 };
	struct record r = { .type = REC_EL_CONFIG, .valid = true, .ts = DAY0, .config = &c };
	struct meter_state state;

	fixture_put(&f, 4, &r);
	snprintf(c.serial, sizeof(c.serial), "older");
	r.ts = DAY0 - 1;
	fixture_put(&f, 4, &r);
	ck_assert_uint_eq(fixture_read_all(&f, 4, REC_EL_CONFIG, false), 1);
	ck_assert_str_eq(f.config.serial, "00012345");
	ck_assert_int_eq(f.config.is_dst, -1);
	ck_assert_uint_eq(f.config.ratio_i, 40);
	ck_assert_int_eq(f.read[0].ts, DAY0);
	ck_assert_uint_eq(fixture_ring(&f, 4, REC_EL_CONFIG, 0).count, 1);
	ck_assert_uint_eq(fixture_read_all(&f, 4, REC_PLS_CONFIG, false), 0);
	ck_assert_uint_eq(fixture_read_all(&f, -1, REC_EL_CONFIG, false), 1);
	ck_assert_int_eq(store_state_get(f.store, 4, &state), E_OK);
	ck_assert_str_eq(state.config.serial, "00012345");
	ck_assert_int_eq(state.config_ts, DAY0);
}
END_TEST

START_TEST(state_comes_back_as_it_was)
{
	struct meter_state state = { .config_ts = DAY0, .serial_since = DAY0 - 5, .link = 3,
	    .link_since = DAY0 + 1, .last_answer = DAY0 + 2, .corrected_day = DAY0 + 3,
	    .refused = 0x80000001,
	    .refused_journals = UINT64_MAX, .refused_at = DAY0 + 4, .memory_version = 9,
	    .memory = { 1, 2, 3, 0, 5 } }, again;

	snprintf(state.config.serial, sizeof(state.config.serial), "42");
	ck_assert_int_eq(store_state_get(f.store, 6, &again), E_OK);
	ck_assert_int_eq(again.config_ts, 0);
	ck_assert_int_eq(store_state_put(f.store, 6, &state), E_OK);
	ck_assert_int_eq(store_sync(f.store), E_OK);
	fixture_reopen(&f);
	ck_assert_int_eq(store_state_get(f.store, 6, &again), E_OK);
	ck_assert_mem_eq(&state, &again, sizeof(state));
	/* A state without a newer configuration leaves the stored one. */
	state.config_ts = 0;
	state.config.serial[0] = 'x';
	state.link = 4;
	ck_assert_int_eq(store_state_put(f.store, 6, &state), E_OK);
	ck_assert_int_eq(store_sync(f.store), E_OK);
	ck_assert_int_eq(store_state_get(f.store, 6, &again), E_OK);
	ck_assert_str_eq(again.config.serial, "42");
	ck_assert_int_eq(again.link, 4);
}
END_TEST

/* A row holds no more than is used: one from when memories were 256 octets is read as any other. */
START_TEST(memories_of_any_length_come_back_with_nothing_behind)
{
	static const size_t lengths[] = { 0, 1, 256, 257, sizeof(((struct meter_state *)0)->memory) };
	struct meter_state state = { .memory_version = 1 }, again;

	memset(state.memory, 0xa5, lengths[_i]);
	ck_assert_int_eq(store_state_put(f.store, 6, &state), E_OK);
	ck_assert_int_eq(store_sync(f.store), E_OK);
	fixture_reopen(&f);
	ck_assert_int_eq(store_state_get(f.store, 6, &again), E_OK);
	ck_assert_mem_eq(state.memory, again.memory, sizeof(state.memory));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("store");
	TCase *tc = tcase_create("records");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 30);
	tcase_add_loop_test(tc, record_is_read_as_it_was_put, REC_NONE + 1, REC_COUNT);
	tcase_add_test(tc, impossible_record_is_refused);
	tcase_add_loop_test(tc, valid_replaces_marker_never_the_reverse, 0, 4);
	tcase_add_test(tc, marker_without_a_time_gets_the_present);
	tcase_add_loop_test(tc, full_ring_keeps_the_newest, 0, N_RINGS);
	tcase_add_loop_test(tc, lowered_depth_trims_in_the_background, 0, N_RINGS);
	tcase_add_test(tc, events_of_one_second_are_told_apart);
	tcase_add_test(tc, journals_are_merged_by_time);
	tcase_add_test(tc, consumption_is_derived_from_the_readings);
	tcase_add_test(tc, month_consumption_spans_the_month);
	tcase_add_test(tc, all_meters_come_by_bucket_then_meter);
	tcase_add_test(tc, one_meter_is_found_among_many_and_far_apart);
	tcase_add_test(tc, reader_can_stop_the_walk);
	tcase_add_test(tc, late_reading_is_given_up);
	tcase_add_test(tc, configuration_is_the_current_one);
	tcase_add_test(tc, state_comes_back_as_it_was);
	tcase_add_loop_test(tc, memories_of_any_length_come_back_with_nothing_behind, 0, 5);
	suite_add_tcase(suite, tc);
	return unit_main(suite);
}
