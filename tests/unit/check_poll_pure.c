/* The poller's pure decisions: grid and time check (poller.md 6.1, 6.2, 7.1). */
#include <check.h>
#include <stdlib.h>

#include "src/poll/grid.h"
#include "src/poll/timecheck.h"
#include "tests/unit/unit.h"

static const struct zone moscow = { 3 * 3600, false }, berlin = { 3600, true };

static int64_t
at(struct zone zone, int year, int month, int day, int hour, int minute)
{
	struct civil c = { year, month, day, hour, minute, 0 };

	return civil_to_utc(zone, &c, SEASON_UNKNOWN);
}

START_TEST(profile_slices_are_labelled_by_their_end)
{
	struct grid grid;

	ck_assert(grid_of(REC_EL_PROFILE, moscow, 30, &grid));
	ck_assert_int_eq(grid_newest(&grid, at(moscow, 2026, 3, 10, 9, 30)),
	    at(moscow, 2026, 3, 10, 9, 30));
	ck_assert_int_eq(grid_newest(&grid, at(moscow, 2026, 3, 10, 9, 30) - 1),
	    at(moscow, 2026, 3, 10, 9, 0));
}
END_TEST

START_TEST(consumption_is_labelled_by_the_period_covered)
{
	struct grid grid;

	ck_assert(grid_of(REC_EL_DAY_CONS, moscow, 0, &grid));
	ck_assert_int_eq(grid_newest(&grid, at(moscow, 2026, 6, 15, 10, 12)),
	    at(moscow, 2026, 6, 14, 0, 0));
	ck_assert(grid_of(REC_EL_MONTH_CONS, moscow, 0, &grid));
	ck_assert_int_eq(grid_newest(&grid, at(moscow, 2026, 6, 15, 10, 12)),
	    at(moscow, 2026, 5, 1, 0, 0));
}
END_TEST

START_TEST(day_labels_follow_local_midnight_through_season_changes)
{
	struct grid grid;
	int64_t sunday = at(berlin, 2026, 3, 29, 0, 0);

	ck_assert(grid_of(REC_EL_DAY, berlin, 0, &grid));
	ck_assert_int_eq(grid_step(&grid, sunday, 1) - sunday, 23 * 3600);
	ck_assert_int_eq(grid_step(&grid, grid_step(&grid, sunday, 1), -1), sunday);
}
END_TEST

START_TEST(moments_and_journals_have_no_grid)
{
	struct grid grid;

	ck_assert(!grid_of(REC_EL_MOMENT_ENERGY, moscow, 0, &grid));
	ck_assert(!grid_of(REC_EL_JOURNAL, moscow, 0, &grid));
}
END_TEST

/* Any set of stored labels: ranges are disjoint, newest first, and cover exactly what is missing. */
START_TEST(ranges_cover_exactly_what_is_missing)
{
	struct grid grid;
	int64_t have[200], newest, oldest;
	struct grid_range ranges[200];
	size_t n_have = 0, missing, covered = 0, n;

	srandom((unsigned)_i + 1);
	ck_assert(grid_of(_i % 2 ? REC_EL_DAY : REC_EL_PROFILE, _i % 3 ? berlin : moscow, 30, &grid));
	newest = grid_newest(&grid, at(moscow, 2026, 4, 20, 9, 12));
	oldest = grid_step(&grid, newest, -149);
	for (int64_t label = oldest; label <= newest; label = grid_step(&grid, label, 1))
		if (random() % 3 != 0)
			have[n_have++] = label;
	n = grid_missing(&grid, oldest, newest, have, n_have, ranges, 200, &missing);
	ck_assert_uint_eq(missing, 150 - n_have);
	for (size_t i = 0; i < n; i++) {
		ck_assert(i == 0 || ranges[i].to < ranges[i - 1].from);
		for (int64_t l = ranges[i].from; l <= ranges[i].to; l = grid_step(&grid, l, 1)) {
			covered++;
			for (size_t k = 0; k < n_have; k++)
				ck_assert_int_ne(have[k], l);
		}
	}
	ck_assert_uint_eq(covered, missing);
}
END_TEST

START_TEST(more_ranges_than_room_leave_the_oldest_for_later)
{
	struct grid grid;
	int64_t newest, have[3];
	struct grid_range ranges[2];
	size_t missing;

	ck_assert(grid_of(REC_EL_DAY, moscow, 0, &grid));
	newest = at(moscow, 2026, 3, 10, 0, 0);
	have[0] = grid_step(&grid, newest, -5);
	have[1] = grid_step(&grid, newest, -3);
	have[2] = grid_step(&grid, newest, -1);
	ck_assert_uint_eq(
	    grid_missing(&grid, grid_step(&grid, newest, -6), newest, have, 3, ranges, 2, &missing), 2);
	ck_assert_uint_eq(missing, 4);
	ck_assert_int_eq(ranges[0].to, newest);
	ck_assert_int_eq(ranges[1].to, grid_step(&grid, newest, -2));
}
END_TEST

static struct timecheck
usual(int64_t device_utc, int64_t meter_utc)
{
	return (struct timecheck){ .sent_us = device_utc * 1000000,
		.answered_us = device_utc * 1000000 + 50000, .meter_utc = meter_utc,
		.zone = moscow, .device_good = true, .limit_us = 2000000,
		.rtt_max_us = 1000000, .soft_max_s = 120, .period_s = 1800, .guard_s = 60,
		.day_guard_s = 300, .once_per_day = true };
}

START_TEST(one_correction_a_day)
{
	int64_t now = at(moscow, 2026, 3, 1, 10, 15);
	struct timecheck check = usual(now, now - 6);

	check.corrected_today = true;
	ck_assert_int_eq(timecheck_decide(&check).action, TIMECHECK_NONE);
	check.meter_utc = now - 60;
	ck_assert_int_eq(timecheck_decide(&check).action, TIMECHECK_ALARM);
	check.once_per_day = false;
	ck_assert_int_eq(timecheck_decide(&check).action, TIMECHECK_SOFT);
}
END_TEST

START_TEST(slow_answers_are_measured_again)
{
	int64_t now = at(moscow, 2026, 3, 1, 10, 15);
	struct timecheck check = usual(now, now - 60);

	check.answered_us = check.sent_us + 1000001;
	ck_assert_int_eq(timecheck_decide(&check).action, TIMECHECK_REPEAT);
}
END_TEST

START_TEST(corrections_never_cross_midnight)
{
	for (int minute = -6; minute <= 6; minute++) {
		int64_t now = at(moscow, 2026, 3, 2, 0, 0) + minute * 60 + 30;
		struct timecheck check = usual(now, now - 20);

		check.period_s = 86400; /* only the day guard can speak */
		if (abs(minute) <= 4)
			ck_assert_int_eq(timecheck_decide(&check).action, TIMECHECK_POSTPONE);
	}
}
END_TEST

START_TEST(differences_round_half_away_from_zero)
{
	ck_assert_int_eq(timecheck_round_s(1500000), 2);
	ck_assert_int_eq(timecheck_round_s(-1500000), -2);
	ck_assert_int_eq(timecheck_round_s(499999), 0);
	ck_assert_int_eq(timecheck_round_s(-499999), 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("poll_pure");
	TCase *grid = tcase_create("grid"), *clock = tcase_create("time check");

	tcase_add_test(grid, profile_slices_are_labelled_by_their_end);
	tcase_add_test(grid, consumption_is_labelled_by_the_period_covered);
	tcase_add_test(grid, day_labels_follow_local_midnight_through_season_changes);
	tcase_add_test(grid, moments_and_journals_have_no_grid);
	tcase_add_loop_test(grid, ranges_cover_exactly_what_is_missing, 0, 24);
	tcase_add_test(grid, more_ranges_than_room_leave_the_oldest_for_later);
	tcase_add_test(clock, one_correction_a_day);
	tcase_add_test(clock, slow_answers_are_measured_again);
	tcase_add_test(clock, corrections_never_cross_midnight);
	tcase_add_test(clock, differences_round_half_away_from_zero);
	suite_add_tcase(suite, grid);
	suite_add_tcase(suite, clock);
	return unit_main(suite);
}
