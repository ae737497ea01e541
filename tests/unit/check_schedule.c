/* When schedules are due where the season changes, and what rows they come from; the plain rules
 * are vectors (device_logic.jsonl). */
#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "src/events/schedule.h"
#include "tests/unit/unit.h"

/* UTC+2 with the EU season: +3 from 2026-03-29T01:00Z to 2026-10-25T01:00Z. */
static const struct zone kyiv = { 7200, true };

static struct schedule
parse(const char *json)
{
	struct schedule s;

	ck_assert_msg(schedule_parse(&s, json) == E_OK, "%s", json);
	return s;
}

static int64_t
utc(int month, int day, int hour, int minute)
{
	struct civil c = { 2026, month, day, hour, minute, 0 };

	return civil_to_utc((struct zone){ 0, false }, &c, SEASON_UNKNOWN);
}

static void
next_is(const char *rule, int64_t after, int64_t wanted)
{
	struct schedule s = parse(rule);
	int64_t due = 0;

	ck_assert_int_eq(schedule_next(&s, kyiv, after, &due), E_OK);
	ck_assert_msg(due == wanted, "%s after %" PRId64 ": %" PRId64 ", wanted %" PRId64, rule, after,
	    due, wanted);
}

START_TEST(a_skipped_hour_fires_at_the_first_minute_behind_it)
{
	next_is("{\"min\":30,\"hour\":3}", utc(3, 28, 22, 0), utc(3, 29, 1, 0));
	next_is("{\"min\":30,\"hour\":3}", utc(3, 29, 1, 0), utc(3, 30, 0, 30));
	next_is("{\"min\":30}", utc(3, 29, 0, 30), utc(3, 29, 1, 0));
}
END_TEST

START_TEST(a_doubled_hour_fires_once_by_hour_and_twice_by_minute)
{
	next_is("{\"min\":30,\"hour\":3}", utc(10, 24, 22, 0), utc(10, 25, 0, 30));
	next_is("{\"min\":30,\"hour\":3}", utc(10, 25, 0, 30), utc(10, 26, 1, 30));
	next_is("{\"min\":30}", utc(10, 25, 0, 30), utc(10, 25, 1, 0));
	next_is("{\"min\":15,\"day\":25}", utc(10, 25, 0, 15), utc(10, 25, 1, 15));
}
END_TEST

START_TEST(days_of_the_week_narrow_a_rule)
{
	/* 1 March 2026 is a Sunday. */
	next_is("{\"min\":0,\"hour\":12,\"wday\":[1,5]}", utc(3, 1, 0, 0), utc(3, 2, 10, 0));
	next_is("{\"min\":0,\"hour\":12,\"wday\":[1,5]}", utc(3, 2, 10, 0), utc(3, 6, 10, 0));
	next_is("{\"min\":0,\"hour\":12,\"wday\":[7]}", utc(3, 1, 0, 0), utc(3, 1, 10, 0));
}
END_TEST

START_TEST(what_never_comes_is_told)
{
	struct schedule never = parse("{\"min\":0,\"hour\":0,\"day\":31,\"month\":6}");
	struct schedule off = parse("{\"id\":7,\"min\":5,\"enabled\":false}");
	int64_t due;

	ck_assert_int_eq(schedule_next(&never, kyiv, 0, &due), E_NODATA);
	ck_assert_int_eq(schedule_next(&off, kyiv, 0, &due), E_NODATA);
	ck_assert_int_eq(off.id, 7);
}
END_TEST

START_TEST(rows_that_are_none_are_refused)
{
	static const char *const bad[] = { "", "[]", "{\"min\":60}", "{\"min\":\"5\"}", "{\"day\":32}",
		"{\"wday\":[8]}", "{\"wday\":3}", "{\"hour\":1.5}", "{\"min\":99999999999}" };
	struct schedule s;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(schedule_parse(&s, bad[i]) == E_INVALID, "%s", bad[i]);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("schedule");
	TCase *tc = tcase_create("schedule");

	tcase_add_test(tc, a_skipped_hour_fires_at_the_first_minute_behind_it);
	tcase_add_test(tc, a_doubled_hour_fires_once_by_hour_and_twice_by_minute);
	tcase_add_test(tc, days_of_the_week_narrow_a_rule);
	tcase_add_test(tc, what_never_comes_is_told);
	tcase_add_test(tc, rows_that_are_none_are_refused);
	suite_add_tcase(suite, tc);
	return unit_main(suite);
}
