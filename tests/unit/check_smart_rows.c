/* Tables of settings over HTTP: methods, forms of bodies, pointers to faults, and that a request is
 * done whole or not at all.  What each table takes is in check_view.c. */
#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/http_help.h"
#include "tests/unit/unit.h"

#define D40 "X-Protocol-USPD: 40"
#define D31 "X-Protocol-USPD: 31"
#define SCHDL "/settings/events/schdl"
#define EMAIL "/settings/templates/email"

static json_t *
ask(const char *field, long status, const char *method, const char *path, const char *body)
{
	struct http_answer a =
	    http_ask_with(method, path, body, body != NULL ? strlen(body) : 0, field);
	json_t *json = json_loadb(a.body.p, a.body.len, 0, NULL);

	ck_assert_msg(a.status == status, "%s %s %s: %ld instead of %ld: %s", method, path,
	    body != NULL ? body : "", a.status, status, a.body.p != NULL ? a.body.p : "");
	ck_assert_ptr_nonnull(json);
	http_forget(&a);
	return json;
}

static void
put(const char *field, const char *path, const char *body)
{
	json_decref(ask(field, 200, "PUT", path, body));
}

/* The table as compact text. */
static char *
table_text(const char *field, const char *path)
{
	json_t *json = ask(field, 200, "GET", path, NULL);
	char *text = json_dumps(json, JSON_COMPACT);

	json_decref(json);
	return text;
}

static void
expect_table(const char *field, const char *path, const char *wanted)
{
	char *is = table_text(field, path);

	ck_assert_str_eq(is, wanted);
	free(is);
}

/* ---- refusals ---- */

static const struct { const char *method, *path, *body; long status; int res; const char *where; }
    refusals[] = {
	{ "PUT", SCHDL, "", 400, 74, NULL },
	{ "PUT", SCHDL, "[]", 400, 6, NULL },
	{ "PUT", SCHDL, "{}", 400, 7, "" },
	{ "PUT", SCHDL, "{\"Settings\":null}", 400, 7, "/Settings" },
	{ "PUT", SCHDL, "{\"Settings\":\"x\"}", 400, 7, "/Settings" },
	{ "PUT", SCHDL, "{\"Meters\":[]}", 400, 7, "" },
	{ "PUT", SCHDL, "{\"Settings\":[7]}", 400, 6, "/Settings/0" },
	{ "PUT", SCHDL, "{\"settings\":[{\"id\":1},{}]}", 400, 7, "/settings/1/id" },
	{ "PUT", SCHDL, "{\"Settings\":{\"id\":1,\"min\":60}}", 422, 5, "/Settings/min" },
	{ "PUT", SCHDL, "{\"Settings\":[{\"id\":1,\"min\":[1]}]}", 400, 6, "/Settings/0/min" },
	{ "PUT", SCHDL, "{\"Settings\":[{\"id\":0}]}", 422, 5, "/Settings/0/id" },
	{ "PUT", SCHDL, "{\"Settings\":[{\"id\":2147483648}]}", 422, 5, "/Settings/0/id" },
	{ "PUT", SCHDL, "{\"Settings\":[{\"id\":4},{\"id\":\"4\"}]}", 409, 3, "/Settings/1/id" },
	{ "PUT", SCHDL "?mode=all", "{\"Settings\":[]}", 422, 5, "" },
	{ "POST", SCHDL, "{\"Settings\":[{\"id\":9},{\"id\":2}]}", 409, 3, "/Settings/1/id" },
	{ "DELETE", SCHDL, "{\"nothing\":[1]}", 400, 74, "" },
	{ "DELETE", SCHDL, "{\"Settings\":null,\"x\":1}", 400, 74, "" },
	{ "DELETE", SCHDL, "{\"Settings\":[{\"id\":1},{\"min\":1}]}", 400, 7, "/Settings/1/id" },
	{ "DELETE", SCHDL, "{\"ids\":[1,\"x\"]}", 400, 6, "/ids/1" },
	{ "DELETE", SCHDL, "{\"Settings\":{\"id\":[true]}}", 400, 6, "/Settings/id/0" },
	{ "DELETE", SCHDL, "[1]", 400, 6, NULL },
	{ "PUT", "/settings/templates/meter", "{\"Settings\":[{\"name\":\"a\",\"meters\":[1,0]}]}", 422,
	    5,
	    "/Settings/0/meters/1" },
	{ "PUT", "/settings/templates/arch", "{\"Settings\":[{\"name\":\"a\",\"types\":[\"ElDay\"]}]}",
	    422, 5,
	    "/Settings/0/types/0" },
	{ "PUT", "/settings/meter/depth", "{\"Settings\":[{\"type\":\"x\",\"records\":1}]}", 422, 2,
	    "/Settings/0/type" },
	{ "POST", "/settings/meter/depth", "{\"Settings\":[]}", 405, 2, NULL },
	{ "PUT", "/settings/time/local", "{\"tz\":[1]}", 400, 6, "/tz" },
	{ "PUT", "/settings/ip",
	    "{\"Settings\":[{\"iface\":\"eth0\",\"dhcp\":false,\"ip\":\"10.0.0.1\","
	    "\"netmask\":\"255.0.255.0\",\"gw\":\"\",\"dns1\":\"\",\"dns2\":\"\"}]}", 422, 5,
	    "/Settings/0/netmask" },
	{ "DELETE", "/settings/proto/json/auth", "{\"ids\":[1]}", 409, 4, "/ids/0" },
	{ "GET", SCHDL "?limit=x", NULL, 422, 5, NULL },
};

START_TEST(a_refusal_names_the_place_and_changes_nothing)
{
	char *before, *after;
	json_t *answer;

	put(D40, SCHDL, "{\"Settings\":[{\"id\":1,\"min\":1},{\"id\":2,\"min\":2}]}");
	before = table_text(D40, SCHDL);
	answer = ask(D40, refusals[_i].status, refusals[_i].method, refusals[_i].path,
	    refusals[_i].body);
	ck_assert_msg(json_number_of(answer, "res") == refusals[_i].res, "%s: res %d",
	    refusals[_i].body, (int)json_number_of(answer, "res"));
	ck_assert_str_ne(json_string_of(answer, "error"), "");
	if (refusals[_i].where != NULL)
		ck_assert_str_eq(json_string_of(answer, "where"), refusals[_i].where);
	after = table_text(D40, SCHDL);
	ck_assert_str_eq(before, after);
	free(before);
	free(after);
	json_decref(answer);
}
END_TEST

/* ---- what is done ---- */

START_TEST(rows_are_added_rewritten_and_removed)
{
	json_decref(ask(D40, 200, "POST", EMAIL, "{\"Settings\":[{\"id\":2,\"emailName\":\"a@b\"}]}"));
	put(D40, EMAIL,
	    "{\"Settings\":[{\"id\":1,\"emailName\":\"c@d\"},{\"id\":2,\"emailName\":\"e@f\"}]}");
	expect_table(D40, EMAIL,
	    "{\"Settings\":[{\"id\":2,\"emailName\":\"e@f\"},{\"id\":1,\"emailName\":\"c@d\"}]}");
	json_decref(ask(D40, 200, "DELETE", EMAIL, "{\"Settings\":{\"id\":[2,77]}}"));
	expect_table(D40, EMAIL, "{\"Settings\":[{\"id\":1,\"emailName\":\"c@d\"}]}");
	json_decref(ask(D40, 200, "DELETE", EMAIL, " \r\n"));
	expect_table(D40, EMAIL, "{\"Settings\":null}");
}
END_TEST

START_TEST(an_empty_list_removes_nothing)
{
	static const char *const bodies[] = { "{}", "{\"Settings\":[]}", "{\"Settings\":{}}",
		"{\"Settings\":{\"id\":[]}}", "{\"ids\":[]}" };

	put(D40, EMAIL, "{\"Settings\":[{\"id\":1,\"emailName\":\"a@b\"}]}");
	json_decref(ask(D40, 200, "DELETE", EMAIL, bodies[_i]));
	expect_table(D40, EMAIL, "{\"Settings\":[{\"id\":1,\"emailName\":\"a@b\"}]}");
}
END_TEST

START_TEST(both_dialects_edit_one_table)
{
	put(D40, "/settings/dout", "{\"Settings\":[{\"addr\":\"/dev/ttyUSB2\",\"state\":\"off\"}]}");
	expect_table(D31, "/settings/dout",
	    "{\"Settings\":[{\"id\":1,\"addr\":0,\"state\":0},{\"id\":2,\"addr\":1,\"state\":2},"
	    "{\"id\":3,\"addr\":2,\"state\":0},{\"id\":4,\"addr\":3,\"state\":0}]}");
	put("X-Protocol-USPD: 77", SCHDL,
	    "{\"Settings\":[{\"id\":5,\"type\":2,\"min\":1,\"hour\":2,\"day\":0,\"delay\":9}]}");
	expect_table(D40, SCHDL,
	    "{\"Settings\":[{\"id\":5,\"min\":1,\"hour\":2}],"
	    "\"settings\":[{\"id\":5,\"min\":1,\"hour\":2}]}");
}
END_TEST

START_TEST(ids_of_dialect_31_stay_with_their_rows)
{
	json_decref(ask(D40, 200, "PUT", "/settings/servers/sntp",
	    "{\"Settings\":[{\"addr\":\"a\"},{\"addr\":\"b:5\"},{\"addr\":\"c\"}]}"));
	json_decref(ask(D31, 200, "DELETE", "/settings/servers/sntp", "{\"Settings\":[{\"id\":1}]}"));
	expect_table(D31, "/settings/servers/sntp",
	    "{\"Settings\":[{\"id\":2,\"addr\":\"b\",\"port\":5},"
	    "{\"id\":3,\"addr\":\"c\",\"port\":123}]}");
	expect_table(D40, "/settings/servers/sntp",
	    "{\"Settings\":[{\"addr\":\"b:5\"},{\"addr\":\"c\"}]}");
}
END_TEST

START_TEST(a_row_in_use_goes_only_with_those_that_use_it)
{
	json_t *answer;

	put(D40, SCHDL, "{\"Settings\":[{\"id\":1,\"min\":1}]}");
	put(D40, "/settings/events/calendar",
	    "{\"Settings\":[{\"calendarName\":\"c\",\"schedulerIds\":[1,1]}]}");
	put(D40, "/settings/events/manager",
	    "{\"Settings\":[{\"id\":1,\"eventType\":\"Scheduler\",\"eventId\":1,"
	    "\"actionType\":\"Poller\",\"actionId\":1},"
	    "{\"id\":2,\"eventType\":\"IntDigitalSensor\",\"eventId\":1,"
	    "\"actionType\":\"Poller\",\"actionId\":1}]}");
	answer = ask(D40, 409, "DELETE", SCHDL, "{\"Settings\":[{\"id\":1}]}");
	ck_assert_int_eq(json_number_of(answer, "res"), 4);
	json_decref(answer);
	json_decref(ask(D40, 200, "DELETE", SCHDL "?cascade=1", "{\"Settings\":[{\"id\":1}]}"));
	expect_table(D40, "/settings/events/calendar",
	    "{\"Settings\":[{\"calendarName\":\"c\",\"schedulerIds\":[]}]}");
	expect_table(D40, "/settings/events/manager",
	    "{\"Settings\":[{\"id\":2,\"eventType\":\"IntDigitalSensor\",\"eventId\":1,"
	    "\"actionType\":\"Poller\",\"actionId\":1}]}");
}
END_TEST

START_TEST(a_template_that_loses_its_last_meter_goes_with_it)
{
	http_add_meters();
	put(D40, "/settings/templates/meter",
	    "{\"Settings\":[{\"name\":\"one\",\"meters\":[6]},{\"name\":\"two\",\"meters\":[6,7]},"
	    "{\"name\":\"all\",\"meters\":[]}]}");
	put(D40, "/settings/actions/meter",
	    "{\"Settings\":[{\"id\":1,\"archTypesName\":\"x\",\"metersName\":\"one\"},"
	    "{\"id\":2,\"archTypesName\":\"x\",\"metersName\":\"two\"}]}");
	json_decref(
	    ask(D40, 200, "DELETE", "/settings/meter/table?cascade=1", "{\"Meters\":[{\"id\":6}]}"));
	expect_table(D40, "/settings/templates/meter",
	    "{\"Settings\":[{\"name\":\"two\",\"meters\":[7]},{\"name\":\"all\",\"meters\":[]}]}");
	expect_table(D40, "/settings/actions/meter",
	    "{\"Settings\":[{\"id\":2,\"archTypesName\":\"x\",\"metersName\":\"two\"}]}");
}
END_TEST

START_TEST(what_is_not_of_the_protocol_stays_with_a_meter)
{
	json_t *list, *row;

	http_add_meters();
	put(D40, "/settings/meter/table",
	    "{\"Meters\":[{\"id\":6,\"pId\":0,\"typeName\":\"M23x\",\"addr\":\"73\",\"passRd\":\"\","
	    "\"passWr\":\"\","
	    "\"ifaceName\":\"iface 1\",\"ifaceCfg\":null}]}");
	http_expect(200, "GET", "/api/v1/meters", NULL, &list);
	row = json_array_get(json_object_get(list, "rows"), 0);
	ck_assert_str_eq(json_string_of(row, "note"), "кв. 12");
	ck_assert_str_eq(json_string_of(row, "type"), "Mercury23x");
	json_decref(list);
	/* Changed by another way, the row no longer says what the client of the protocol wrote. */
	http_expect(200, "POST", "/api/v1/meters", "{\"id\":6,\"cfg\":\"4800,7e1\"}", NULL);
	list = ask(D40, 200, "GET", "/settings/meter/table?id=6", NULL);
	row = json_array_get(json_object_get(list, "Meters"), 0);
	ck_assert_str_eq(json_string_of(row, "ifaceCfg"), "4800,7e1");
	ck_assert_str_eq(json_string_of(row, "typeName"), "M23x");
	ck_assert_str_eq(json_string_of(row, "ifaceName"), "iface 1");
	json_decref(list);
}
END_TEST

/* ---- several clients ---- */

enum { CLIENTS = 8, EACH = 10 };

static void *
add_rows(void *arg)
{
	long *added = arg;
	char body[96];

	for (int i = 1; i <= EACH; i++) {
		struct http_answer a;

		snprintf(body, sizeof(body), "{\"Settings\":[{\"id\":%d,\"emailName\":\"a@b\"}]}", i);
		a = http_ask_with("POST", EMAIL, body, strlen(body), D40);
		*added += a.status == 200;
		ck_assert(a.status == 200 || a.status == 409);
		http_forget(&a);
	}
	return NULL;
}

START_TEST(of_several_who_add_a_row_one_succeeds)
{
	pthread_t threads[CLIENTS];
	long added[CLIENTS] = { 0 }, sum = 0;
	json_t *list;

	for (int i = 0; i < CLIENTS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, add_rows, &added[i]), 0);
	for (int i = 0; i < CLIENTS; i++) {
		pthread_join(threads[i], NULL);
		sum += added[i];
	}
	ck_assert_int_eq(sum, EACH);
	list = ask(D40, 200, "GET", EMAIL, NULL);
	ck_assert_uint_eq(json_array_size(json_object_get(list, "Settings")), EACH);
	json_decref(list);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("smart_rows");
	TCase *tc = tcase_create("tables");

	tcase_add_checked_fixture(tc, http_setup, http_teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, a_refusal_names_the_place_and_changes_nothing, 0, COUNT(refusals));
	tcase_add_test(tc, rows_are_added_rewritten_and_removed);
	tcase_add_loop_test(tc, an_empty_list_removes_nothing, 0, 5);
	tcase_add_test(tc, both_dialects_edit_one_table);
	tcase_add_test(tc, ids_of_dialect_31_stay_with_their_rows);
	tcase_add_test(tc, a_row_in_use_goes_only_with_those_that_use_it);
	tcase_add_test(tc, a_template_that_loses_its_last_meter_goes_with_it);
	tcase_add_test(tc, what_is_not_of_the_protocol_stays_with_a_meter);
	tcase_add_test(tc, of_several_who_add_a_row_one_succeeds);
	suite_add_tcase(s, tc);
	return unit_main(s);
}
