/* Journals, states and orders as clients of SMART-JSON see them (smart-json.md 12..15). */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/http_help.h"
#include "tests/unit/unit.h"

/* ---- journals ---- */

static void
add(enum device_journal journal, int64_t ts, const char *json)
{
	ck_assert_int_eq(store_journal_add(http_store, journal, ts, json), E_OK);
	ck_assert_int_eq(store_sync(http_store), E_OK);
}

/* The answer as text without blanks between. */
static void
answer_is(const char *path, const char *wanted)
{
	json_t *json;
	char *text;

	http_expect(200, "GET", path, NULL, &json);
	text = json_dumps(json, JSON_COMPACT);
	ck_assert_msg(strcmp(text, wanted) == 0, "%s: %s\ninstead of %s", path, text, wanted);
	free(text);
	json_decref(json);
}

/* What is stored (by us, or by an older version) and what must come out; smart-json.jsonl. */
static const struct { enum device_journal code; const char *path, *stored, *row; } journals[] = {
	{ DJ_ACTION, "/jrnl/action",
	    "{\"event\":{\"id\":1,\"type\":\"Scheduler\"},\"action\":{\"id\":2,\"type\":\"Poller\"}}",
	    "{\"time\":1536145987,\"event\":{\"id\":1,\"type\":\"Scheduler\"},"
	    "\"action\":{\"id\":2,\"type\":\"Poller\"}}" },
	{ DJ_TIME, "/jrnl/time", "{\"oldTime\":1536145987,\"newTime\":1536146000,\"source\":2}",
	    "{\"id\":1,\"oldTime\":\"2018-09-05T14:13:07+03:00\","
	    "\"newTime\":\"2018-09-05T14:13:20+03:00\",\"source\":2}" },
	{ DJ_METER_ANSWER, "/jrnl/meter/answ",
	    "{\"idMeter\":1,\"type\":23,\"iface\":2,\"addr\":\"7220\",\"answer\":false}",
	    "{\"id\":1,\"time\":\"2018-09-05T14:13:07+03:00\",\"idMeter\":1,\"type\":23,\"iface\":2,"
	    "\"addr\":\"7220\",\"answer\":false}" },
	{ DJ_AUTH, "/jrnl/auth/json", "{\"login\":\"дежурный-диспетчер\",\"lvl\":1,\"peer\":\"x\"}",
	    "{\"id\":1,\"time\":\"2018-09-05T14:13:07+03:00\","
	    "\"login\":\"дежурный-диспетч\",\"lvl\":1}" },
	{ DJ_RESET, "/jrnl/reset", "{}",
	    "{\"id\":1,\"time\":\"2018-09-05T14:13:07+03:00\",\"reason\":0}" },
	{ DJ_SRVCONN, "/jrnl/srvconn",
	    "{\"server\":\"192.168.202.95:80\",\"client\":\"218.18.6.32:54221\",\"iface\":1}",
	    "{\"id\":1,\"time\":\"2018-09-05T14:13:07+03:00\",\"server\":\"192.168.202.95:80\","
	    "\"client\":\"218.18.6.32:54221\",\"iface\":1}" },
	{ DJ_UPDATE, "/jrnl/update/version", "{\"version\":\"AC6F97A1\"}",
	    "{\"id\":1,\"time\":\"2018-09-05T14:13:07+03:00\",\"version\":\"AC6F97A1\"}" },
	{ DJ_DIN_POWER, "/jrnl/din/power", "{\"sens\":5,\"state\":0}",
	    "{\"id\":1,\"time\":\"2018-09-05T14:13:07+03:00\",\"sens\":5,\"state\":0}" },
	{ DJ_MQTT_CONNECT, "/jrnl/mqtt/connect",
	    "{\"connect\":1536145987,\"address\":\"10.0.0.1\",\"port\":1883,\"res\":2}",
	    "{\"id\":1,\"connect\":\"2018-09-05T14:13:07+03:00\",\"disconnect\":\"\","
	    "\"address\":\"10.0.0.1\",\"port\":1883,\"res\":2}" },
	{ DJ_MQTT_MESSAGE, "/jrnl/mqtt/message", "no json",
	    "{\"id\":1,\"time\":\"2018-09-05T14:13:07+03:00\",\"file\":\"\",\"topicH\":\"\","
	    "\"topicL\":\"\",\"status\":0}" },
};

START_TEST(rows_have_the_members_that_clients_know)
{
	char wanted[512];

	answer_is(journals[_i].path, "{\"Jrnl\":null}");
	add(journals[_i].code, 1536145987, journals[_i].stored);
	snprintf(wanted, sizeof(wanted), "{\"Jrnl\":[%s]}", journals[_i].row);
	answer_is(journals[_i].path, wanted);
}
END_TEST

START_TEST(journals_without_an_endpoint_are_refused)
{
	http_expect(405, "GET", "/jrnl/system", NULL, NULL);
	http_expect(405, "GET", "/jrnl/nothing", NULL, NULL);
	http_expect(405, "GET", "/jrnl/meter", NULL, NULL);
	http_expect(405, "POST", "/jrnl/reset", "{}", NULL);
}
END_TEST

static size_t
rows_of(const char *path)
{
	json_t *json;
	size_t n;

	http_expect(200, "GET", path, NULL, &json);
	n = json_array_size(json_object_get(json, "Jrnl"));
	json_decref(json);
	return n;
}

START_TEST(journals_are_filtered_and_turned_round)
{
	for (int i = 0; i < 1200; i++)
		ck_assert_int_eq(store_journal_add(http_store, DJ_RESET, 1717200000 + i,
				     "{\"reason\":2,\"note\":\"x\"}"),
		    E_OK);
	ck_assert_int_eq(store_sync(http_store), E_OK);
	ck_assert_uint_eq(rows_of("/jrnl/reset"), 1200);
	ck_assert_uint_eq(rows_of("/jrnl/reset?from=1717200100&to=1717200109"), 10);
	ck_assert_uint_eq(rows_of("/jrnl/reset?limit=7"), 7);
	ck_assert_uint_eq(rows_of("/jrnl/reset?limit=700"), 700);
	ck_assert_uint_eq(rows_of("/jrnl/reset?from=2024-06-01T03:00:00&limit=0"), 1200);
	ck_assert_uint_eq(rows_of("/jrnl/reset?from=1717200100&to=1717200000"), 0);
	answer_is("/jrnl/reset?order=desc&limit=1",
	    "{\"Jrnl\":[{\"id\":1200,\"time\":\"2024-06-01T03:19:59+03:00\",\"reason\":2}]}");
	answer_is("/jrnl/reset?full=1&limit=1",
	    "{\"Jrnl\":[{\"id\":1,\"time\":\"2024-06-01T03:00:00+03:00\",\"reason\":2,"
	    "\"note\":\"x\"}]}");
	http_expect(422, "GET", "/jrnl/reset?from=soon", NULL, NULL);
	http_expect(422, "GET", "/jrnl/reset?limit=-1", NULL, NULL);
}
END_TEST

START_TEST(ends_of_connections_are_for_those_who_ask)
{
	static const char begun[] =
	    "{\"server\":\"10.0.0.1:1111\",\"client\":\"10.0.0.2:5\",\"iface\":1}";
	static const char ended[] =
	    "{\"server\":\"10.0.0.1:1111\",\"client\":\"10.0.0.2:5\",\"iface\":1,"
	    "\"end\":1717200005,\"reason\":\"fin\"}";

	add(DJ_SRVCONN, 1717200000, begun);
	add(DJ_SRVCONN, 1717200005, ended);
	ck_assert_uint_eq(rows_of("/jrnl/srvconn"), 1);
	ck_assert_uint_eq(rows_of("/jrnl/srvconn?full=1"), 2);
}
END_TEST

START_TEST(an_empty_journal_may_be_an_empty_list)
{
	ck_assert_int_eq(store_setting_put(http_store, "http.empty_null", "0"), E_OK);
	answer_is("/jrnl/call", "{\"Jrnl\":[]}");
}
END_TEST

/* ---- states ---- */

static json_t *
state(const char *path, const char *dialect)
{
	struct http_answer a = http_ask_with("GET", path, NULL, 0, dialect);
	json_t *json;

	ck_assert_msg(a.status == 200, "%s: %ld %s", path, a.status, a.body.p);
	json = json_loadb(a.body.p, a.body.len, 0, NULL);
	ck_assert_ptr_nonnull(json);
	http_forget(&a);
	return json;
}

START_TEST(time_has_a_third_member_in_dialect_40)
{
	json_t *json = state("/state/time", "X-Protocol-USPD: 40");

	ck_assert_uint_eq(json_object_size(json), 3);
	ck_assert(json_is_boolean(json_object_get(json, "state")));
	ck_assert_uint_eq(strlen(json_string_of(json, "time")), 25);
	json_decref(json);
	json = state("/state/time", "X-Protocol-USPD: 31");
	ck_assert_uint_eq(json_object_size(json), 2);
	json_decref(json);
}
END_TEST

START_TEST(hardware_that_is_not_there_is_answered_for)
{
	json_t *json = state("/state/din", "X-Protocol-USPD: 40");

	ck_assert(json_is_null(json_object_get(json, "State")));
	json_decref(json);
	json = state("/state/ain", "X-Protocol-USPD: 31");
	ck_assert(json_is_null(json_object_get(json, "State")));
	json_decref(json);
	http_expect(405, "POST", "/state/din", "{}", NULL);
	json = state("/state/modem", "X-Protocol-USPD: 40");
	ck_assert_str_eq(json_string_of(json, "info"), "absent");
	ck_assert_uint_eq(json_object_size(json), 9);
	json_decref(json);
}
END_TEST

static const char *const states[] = { "time", "dout", "system", "din", "ain", "schdl", "uart",
	"network",
	"socket", "dataflash", "file_system", "modem", "os", "meter_table" };

START_TEST(every_state_is_answered_in_dialect_31)
{
	char path[64];

	snprintf(path, sizeof(path), "/state/%s", states[_i]);
	json_decref(state(path, "X-Protocol-USPD: 31"));
}
END_TEST

START_TEST(schedules_tell_when_they_are_due)
{
	static const struct store_edit edits[] = {
		{ .kind = EDIT_ROW, .table = TABLE_SCHEDULES, .key = "1",
		    .text = "{\"id\":1,\"min\":30}" },
		{ .kind = EDIT_ROW, .table = TABLE_SCHEDULES, .key = "2",
		    .text = "{\"id\":2,\"min\":0,\"hour\":0,\"day\":31,\"month\":6}" },
	};
	json_t *json;
	const json_t *row;

	ck_assert_int_eq(store_edit(http_store, edits, 2, NULL, NULL, 0), E_OK);
	json = state("/state/schdl", "X-Protocol-USPD: 31");
	ck_assert_uint_eq(json_array_size(json_object_get(json, "State")), 1);
	row = json_array_get(json_object_get(json, "State"), 0);
	ck_assert_str_eq(json_string_of(row, "pattern"), "*/30 * * * *");
	ck_assert_str_eq(json_string_of(row, "time"), json_string_of(row, "next"));
	ck_assert(json_is_null(json_object_get(row, "last")));
	json_decref(json);
}
END_TEST

START_TEST(threads_sockets_and_disks_are_really_ours)
{
	json_t *json = state("/state/os", "X-Protocol-USPD: 40");

	ck_assert_uint_ge(json_array_size(json_object_get(json, "State")), 3);
	ck_assert_int_eq(json_string_of(json, "osruntime")[0], 'P');
	ck_assert_int_gt(json_number_of(json, "heapfree"), 0);
	json_decref(json);
	json = state("/state/socket", "X-Protocol-USPD: 31");
	ck_assert_int_ge(json_number_of(json, "num"), 2); /* the listener and this question */
	json_decref(json);
	json = state("/state/file_system", "X-Protocol-USPD: 40");
	ck_assert_int_gt(json_number_of(json_array_get(json_object_get(json, "State"), 0), "size"), 0);
	json_decref(json);
	json = state("/state/meter_table", "X-Protocol-USPD: 40");
	ck_assert_int_eq(json_number_of(json, "curSize"), 0);
	json_decref(json);
}
END_TEST

/* ---- orders, firmware, metrics ---- */

START_TEST(orders_need_somebody_who_takes_them)
{
	http_expect(501, "POST", "/action/restart", "[]", NULL);
	http_expect(501, "PUT", "/action/time/sync", "", NULL);
	http_expect(400, "PUT", "/action/time/set", "{}", NULL);
	http_expect(400, "PUT", "/action/time/set", "{\"time\":true}", NULL);
	http_expect(422, "PUT", "/action/time/set", "{\"time\":\"noon\"}", NULL);
	http_expect(400, "PUT", "/action/time/set", "[]", NULL);
	http_expect(200, "POST", "/action/storage/sync", NULL, NULL);
}
END_TEST

START_TEST(firmware_needs_a_place)
{
	struct http_answer a = http_ask("GET", "/upload/firmware", NULL);

	ck_assert_int_eq(a.status, 200);
	ck_assert_str_eq(a.body.p, "no update yet\n");
	http_forget(&a);
	a = http_ask_with("POST", "/upload/firmware", "junk", 4,
	    "Content-Type: application/octet-stream");
	ck_assert_int_eq(a.status, 501);
	http_forget(&a);
	a = http_ask("GET", "/download/fwupdatelog", NULL);
	ck_assert_str_eq(a.body.p, "/upload/firmware\n");
	http_forget(&a);
}
END_TEST

/* Every line is a comment or "name{labels} number", and what has a type has it once. */
START_TEST(metrics_have_the_form_of_prometheus)
{
	struct http_answer a = http_ask("GET", "/metrics", NULL);
	char *save = NULL;
	unsigned types = 0;

	ck_assert_int_eq(a.status, 200);
	for (char *line = strtok_r(a.body.p, "\n", &save); line != NULL;
	     line = strtok_r(NULL, "\n", &save)) {
		size_t name = strspn(line, "abcdefghijklmnopqrstuvwxyz_");
		char *number;

		if (strncmp(line, "# TYPE uspd_", 12) == 0)
			types++;
		if (line[0] == '#')
			continue;
		ck_assert_msg(strncmp(line, "uspd_", 5) == 0 &&
			(line[name] == ' ' || line[name] == '{'),
		    "%s", line);
		number = strrchr(line, ' ') + 1;
		ck_assert_msg(strspn(number, "0123456789.") == strlen(number) && *number != '\0', "%s",
		    line);
	}
	ck_assert_uint_gt(types, 25);
	http_forget(&a);
}
END_TEST

START_TEST(the_log_is_shown_by_level_and_module)
{
	json_t *json;
	const json_t *row;
	size_t all;

	http_expect(200, "GET", "/api/v1/log", NULL, &json);
	all = json_array_size(json_object_get(json, "rows"));
	ck_assert_uint_gt(all, 0);
	row = json_array_get(json_object_get(json, "rows"), 0);
	ck_assert_str_eq(json_string_of(row, "level"), "info");
	ck_assert_str_ne(json_string_of(row, "text"), "");
	json_decref(json);
	http_expect(200, "GET", "/api/v1/log?module=nobody", NULL, &json);
	ck_assert_uint_eq(json_array_size(json_object_get(json, "rows")), 0);
	json_decref(json);
	http_expect(200, "GET", "/api/v1/log?level=error", NULL, &json);
	ck_assert_uint_lt(json_array_size(json_object_get(json, "rows")), all);
	json_decref(json);
	http_expect(422, "GET", "/api/v1/log?level=loud", NULL, NULL);
	http_expect(200, "GET", "/api/v1/openapi.json", NULL, &json);
	ck_assert_str_eq(json_string_of(json, "openapi"), "3.1.0");
	json_decref(json);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("smart-journal");
	TCase *journal = tcase_create("journals"), *device = tcase_create("device");

	tcase_set_timeout(journal, 60);
	tcase_add_checked_fixture(journal, http_setup, http_teardown);
	tcase_add_loop_test(journal, rows_have_the_members_that_clients_know, 0, COUNT(journals));
	tcase_add_test(journal, journals_without_an_endpoint_are_refused);
	tcase_add_test(journal, journals_are_filtered_and_turned_round);
	tcase_add_test(journal, ends_of_connections_are_for_those_who_ask);
	tcase_add_test(journal, an_empty_journal_may_be_an_empty_list);
	tcase_set_timeout(device, 60);
	tcase_add_checked_fixture(device, http_setup_with_poller, http_teardown);
	tcase_add_test(device, time_has_a_third_member_in_dialect_40);
	tcase_add_test(device, hardware_that_is_not_there_is_answered_for);
	tcase_add_loop_test(device, every_state_is_answered_in_dialect_31, 0, COUNT(states));
	tcase_add_test(device, schedules_tell_when_they_are_due);
	tcase_add_test(device, threads_sockets_and_disks_are_really_ours);
	tcase_add_test(device, orders_need_somebody_who_takes_them);
	tcase_add_test(device, firmware_needs_a_place);
	tcase_add_test(device, metrics_have_the_form_of_prometheus);
	tcase_add_test(device, the_log_is_shown_by_level_and_module);
	suite_add_tcase(suite, journal);
	suite_add_tcase(suite, device);
	return unit_main(suite);
}
