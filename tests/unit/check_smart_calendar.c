/* Tariff calendars between the words of clients and the model (smart-json.md 11). */
#include <check.h>
#include <string.h>

#include "smart-json/smart_calendar.h"
#include "tests/unit/unit.h"

static struct calendar calendar;
static const char *where;

static int
take(enum calendar_part part, const char *rows)
{
	json_t *list = json_loads(rows, 0, NULL), *body = json_pack("{s:o}", "settings", list);
	int rc;

	ck_assert_ptr_nonnull(body);
	rc = calendar_take(&calendar, part, body, &where);
	json_decref(body);
	return rc;
}

static void
check_printed(enum calendar_part part, const char *names, const char *wanted)
{
	json_t *list = names != NULL ? json_loads(names, 0, NULL) : NULL;
	struct text t = { NULL };

	calendar_print(&t, part, &calendar, list);
	ck_assert_str_eq(t.p != NULL ? t.p : "", wanted);
	text_free(&t);
	json_decref(list);
}

#define SWITCH(day, hour, tariff) \
	"{\"dayId\":" day ",\"ScriptName\":\"00000A0064ff\",\"ScriptSelector\":" tariff \
	",\"hour\":" hour ",\"minute\":0,\"second\":0}"

START_TEST(plans_stand_together_in_the_order_of_time)
{
	ck_assert_int_eq(take(CALENDAR_DAYS,
			     "[" SWITCH("2", "7", "1") "," SWITCH("1", "23", "2") "," SWITCH("2", "0",
				 "2") "," SWITCH("1", "0", "1") "]"),
	    E_OK);
	ck_assert_uint_eq(calendar.n_switches, 4);
	for (unsigned i = 0; i < 4; i++) {
		static const struct { uint8_t day, hour; uint16_t tariff; } wanted[] = {
			{ 1, 0, 1 }, { 1, 23, 2 }, { 2, 0, 2 }, { 2, 7, 1 },
		};

		ck_assert_uint_eq(calendar.switches[i].day, wanted[i].day);
		ck_assert_uint_eq(calendar.switches[i].hour, wanted[i].hour);
		ck_assert_uint_eq(calendar.switches[i].selector, wanted[i].tariff);
		ck_assert_mem_eq(calendar.switches[i].script, "\0\0\x0a\0\x64\xff", 6);
	}
}
END_TEST

START_TEST(parts_are_printed_as_they_are_taken)
{
	ck_assert_int_eq(take(CALENDAR_NAME, "[{\"CalendarName\":\"57494e\"}]"), E_OK);
	check_printed(CALENDAR_NAME, NULL, "{\"tag\":\"CalendarName\",\"val\":\"57494E\"}");
	/* Milliseconds are understood (7.6); one row need not stand in a list. */
	ck_assert_int_eq(take(CALENDAR_SEASONS,
			     "{\"SeasonName\":\"53\",\"WeekName\":\"\",\"SeasonStart\":2065875840000}"),
	    E_OK);
	check_printed(CALENDAR_SEASONS, NULL,
	    "{\"tag\":\"SeasonName\",\"val\":\"53\"},{\"tag\":\"WeekName\",\"val\":\"\"},"
	    "{\"tag\":\"SeasonStart\",\"val\":2065875840}");
	check_printed(CALENDAR_SEASONS, "[\"seasonstart\"]",
	    "{\"tag\":\"SeasonStart\",\"val\":2065875840}");
	ck_assert_int_eq(take(CALENDAR_WEEKS,
			     "[{\"WeekName\":\"57\",\"monday\":1,\"tuesday\":2,\"wednesday\":3,"
			     "\"thursday\":4,\"friday\":5,\"saturday\":6,\"sunday\":\"7\"}]"),
	    E_OK);
	check_printed(CALENDAR_WEEKS, "[\"sunday\"]", "{\"tag\":\"sunday\",\"val\":7}");
	ck_assert_int_eq(take(CALENDAR_TIME, "[{\"ActivateTime\":1735678800}]"), E_OK);
	check_printed(CALENDAR_TIME, NULL, "{\"tag\":\"ActivateTime\",\"val\":1735678800}");
}
END_TEST

START_TEST(what_no_calendar_has_is_refused_by_name)
{
	static const struct { enum calendar_part part; const char *rows, *where; int rc; } rows[] = {
		{ CALENDAR_NAME, "[]", "settings", E_INVALID },
		{ CALENDAR_NAME, "[{\"CalendarName\":\"\"},{\"CalendarName\":\"\"}]", "settings",
		    E_LIMIT },
		{ CALENDAR_NAME, "[{\"CalendarName\":\"41414141414141414141414141414141\"}]",
		    "CalendarName", E_INVALID },
		{ CALENDAR_DAYS, "[" SWITCH("1", "24", "1") "]", "hour", E_INVALID },
		{ CALENDAR_DAYS, "[" SWITCH("1", "7", "1") "," SWITCH("1", "7", "2") "]", "hour",
		    E_INVALID },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ck_assert_int_eq(take(rows[i].part, rows[i].rows), rows[i].rc);
		ck_assert_str_eq(where, rows[i].where);
	}
}
END_TEST

START_TEST(more_rows_than_calendars_have_are_refused)
{
	struct text rows = { NULL };

	text_str(&rows, "[");
	for (int i = 0; i <= CALENDAR_WEEKS_MAX; i++)
		text_printf(&rows, "%s{\"WeekName\":\"%02x\"}", i > 0 ? "," : "", i);
	text_str(&rows, "]");
	ck_assert_int_eq(take(CALENDAR_WEEKS, rows.p), E_LIMIT);
	text_free(&rows);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("smart_calendar");
	TCase *tc = tcase_create("smart_calendar");

	tcase_add_test(tc, plans_stand_together_in_the_order_of_time);
	tcase_add_test(tc, parts_are_printed_as_they_are_taken);
	tcase_add_test(tc, what_no_calendar_has_is_refused_by_name);
	tcase_add_test(tc, more_rows_than_calendars_have_are_refused);
	suite_add_tcase(suite, tc);
	return unit_main(suite);
}
