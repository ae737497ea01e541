/* Load-profile slices, local days and changes of zone. */
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

static struct record
slice(int64_t ts)
{
	struct record r = { .type = REC_EL_PROFILE, .valid = true, .ts = ts, .period_min = 30 };

	record_set(&r, P_PLUS, ts / 60);
	return r;
}

/* What was left behind by trimming must not come back when the depth grows and older slices come. */
START_TEST(trimmed_slices_stay_away)
{
	struct record r;

	ck_assert_int_eq(store_setting_put(f.store, "depth.profile", "60"), E_OK);
	for (int i = 0; i < 100; i++) {
		r = slice(DAY0 + (i + 1) * 1800);
		fixture_queue(&f, 5, &r);
	}
	ck_assert_int_eq(store_sync(f.store), E_OK);
	ck_assert_int_eq(store_setting_put(f.store, "depth.profile", "1000"), E_OK);
	r = slice(DAY0 - D);
	fixture_put(&f, 5, &r);
	ck_assert_uint_eq(fixture_read_all(&f, 5, REC_EL_PROFILE, true), 61);
	ck_assert_int_eq(f.read[0].ts, DAY0 - D);
	ck_assert_int_eq(f.read[1].ts, DAY0 + 41 * 1800);
	ck_assert_uint_eq(fixture_ring(&f, 5, REC_EL_PROFILE, 0).count, 61);
}
END_TEST

/* Days newest first, each oldest slice first, as the poller fills gaps (poller.md 6.4). */
START_TEST(backfill_newest_day_first)
{
	struct record r;

	for (int day = 9; day >= 0; day--)
		for (int i = 1; i <= 48; i++) {
			r = slice(DAY0 + day * D + i * 1800);
			fixture_queue(&f, (uint16_t)(1 + i % 3), &r);
		}
	ck_assert_int_eq(store_sync(f.store), E_OK);
	for (uint16_t dev = 1; dev <= 3; dev++) {
		ck_assert_uint_eq(fixture_read_all(&f, dev, REC_EL_PROFILE, false), 160);
		for (int i = 1; i < 160; i++)
			ck_assert_int_eq(f.read[i].ts - f.read[i - 1].ts, 3 * 1800);
		ck_assert_uint_eq(fixture_ring(&f, dev, REC_EL_PROFILE, 0).count, 160);
	}
}
END_TEST

START_TEST(midnight_slice_closes_the_day_before)
{
	struct record r = slice(DAY0);
	int64_t day = 0;

	fixture_put(&f, 5, &r);
	fixture_sql(&f, "SELECT k >> 27 FROM el_profile", &day);
	ck_assert_int_eq(day, civil_days(2024, 6, 14));
}
END_TEST

START_TEST(days_of_23_and_25_hours_hold_all_half_hours)
{
	/* Local midnights of Europe at +02:00/+03:00, spring and autumn of 2024. */
	static const struct { int64_t midnight; int slots; } days[] = {
		{ 1711836000, 46 }, { 1729976400, 50 },
	};
	int64_t ts = days[_i].midnight;
	struct record r;
	size_t n;

	ck_assert_int_eq(store_setting_put(f.store, "time.tz_min", "120"), E_OK);
	ck_assert_int_eq(store_setting_put(f.store, "time.dst", "1"), E_OK);
	ck_assert_int_eq(day_add(store_zone(f.store), ts, 1) - ts, days[_i].slots * 1800);
	for (int i = -48; i <= days[_i].slots + 48; i++) {
		r = slice(ts + i * 1800);
		fixture_queue(&f, 5, &r);
	}
	ck_assert_int_eq(store_sync(f.store), E_OK);
	n = fixture_read_range(&f, 5, REC_EL_PROFILE, ts + 1, ts + days[_i].slots * 1800);
	ck_assert_uint_eq(n, (size_t)days[_i].slots);
	for (size_t i = 0; i < n; i++)
		ck_assert_int_eq(f.read[i].ts, ts + ((int64_t)i + 1) * 1800);
	/* Start-of-day records stay at local midnight, 23 and 25 hours apart. */
	for (int i = 0; i < 3; i++) {
		r = fixture_energy(REC_EL_DAY, day_add(store_zone(f.store), ts, i), i + 1);
		fixture_put(&f, 5, &r);
	}
	ck_assert_uint_eq(fixture_read_all(&f, 5, REC_EL_DAY, false), 3);
	ck_assert_int_eq(f.read[1].ts - f.read[0].ts, days[_i].slots * 1800);
}
END_TEST

START_TEST(periods_of_one_day_live_side_by_side)
{
	struct record r;
	int64_t rows = 0;
	size_t n;

	for (int i = 1; i <= 20; i++) {
		r = slice(DAY0 + i * 1800);
		fixture_queue(&f, 5, &r);
	}
	for (int i = 11; i <= 24; i++) {
		r = slice(DAY0 + i * H);
		r.period_min = 60;
		fixture_queue(&f, 5, &r);
	}
	ck_assert_int_eq(store_sync(f.store), E_OK);
	fixture_sql(&f, "SELECT count(*) FROM el_profile", &rows);
	ck_assert_int_eq(rows, 2);
	n = fixture_read_all(&f, 5, REC_EL_PROFILE, false);
	ck_assert_uint_eq(n, 34);
	ck_assert_uint_eq(f.read[19].period_min, 30);
	ck_assert_uint_eq(f.read[20].period_min, 60);
	ck_assert_uint_eq(fixture_ring(&f, 5, REC_EL_PROFILE, 0).count, 34);
	/* The identity is the time stamp: another period replaces, and an emptied row goes. */
	for (int i = 1; i <= 20; i++) {
		r = slice(DAY0 + i * 1800);
		r.period_min = 15;
		fixture_queue(&f, 5, &r);
	}
	ck_assert_int_eq(store_sync(f.store), E_OK);
	fixture_sql(&f, "SELECT count(*) FROM el_profile", &rows);
	ck_assert_int_eq(rows, 2);
	ck_assert_uint_eq(fixture_read_all(&f, 5, REC_EL_PROFILE, false), 34);
	ck_assert_uint_eq(f.read[0].period_min, 15);
	ck_assert_uint_eq(fixture_ring(&f, 5, REC_EL_PROFILE, 0).count, 34);
}
END_TEST

/* data-model.md 7: changing the zone does not rewrite stored stamps. */
START_TEST(records_survive_a_change_of_zone)
{
	struct record r;

	for (int i = 0; i < 10; i++) {
		r = fixture_energy(REC_EL_DAY, DAY0 + i * D, i + 1);
		fixture_queue(&f, 5, &r);
		r = slice(DAY0 + i * 1800);
		fixture_queue(&f, 5, &r);
	}
	ck_assert_int_eq(store_sync(f.store), E_OK);
	ck_assert_int_eq(store_setting_put(f.store, "time.tz_min", "600"), E_OK);
	ck_assert_uint_eq(fixture_read_range(&f, 5, REC_EL_DAY, DAY0, DAY0), 1);
	ck_assert_uint_eq(fixture_read_all(&f, 5, REC_EL_DAY, false), 10);
	/* Read again under the new zone, the same labels are the same records. */
	for (int i = 0; i < 10; i++) {
		r = fixture_energy(REC_EL_DAY, DAY0 + i * D, i + 1);
		fixture_queue(&f, 5, &r);
		r = slice(DAY0 + i * 1800);
		fixture_queue(&f, 5, &r);
	}
	ck_assert_int_eq(store_sync(f.store), E_OK);
	ck_assert_uint_eq(fixture_read_all(&f, 5, REC_EL_DAY, false), 10);
	ck_assert_uint_eq(fixture_read_all(&f, 5, REC_EL_PROFILE, false), 10);
	ck_assert_uint_eq(fixture_ring(&f, 5, REC_EL_DAY, 0).count, 10);
	ck_assert_uint_eq(fixture_ring(&f, 5, REC_EL_PROFILE, 0).count, 10);
	/* A day has one start: the new midnight takes the place of the old one. */
	r = fixture_energy(REC_EL_DAY, DAY0 + 5 * D - 7 * H, 99);
	fixture_put(&f, 5, &r);
	ck_assert_uint_eq(fixture_ring(&f, 5, REC_EL_DAY, 0).count, 10);
	ck_assert_uint_eq(fixture_read_all(&f, 5, REC_EL_DAY, false), 10);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("store_profile");
	TCase *tc = tcase_create("profile");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 30);
	tcase_add_test(tc, trimmed_slices_stay_away);
	tcase_add_test(tc, backfill_newest_day_first);
	tcase_add_test(tc, midnight_slice_closes_the_day_before);
	tcase_add_loop_test(tc, days_of_23_and_25_hours_hold_all_half_hours, 0, 2);
	tcase_add_test(tc, periods_of_one_day_live_side_by_side);
	tcase_add_test(tc, records_survive_a_change_of_zone);
	suite_add_tcase(suite, tc);
	return unit_main(suite);
}
