/* The handlers of /api/v1 over a real store, from outside.  Mostly without a poller, then what needs
 * it answers 503; else with one whose board has no lines. */
#include <check.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "src/base/version.h"
#include "tests/unit/http_help.h"
#include "tests/unit/unit.h"

/* ---- routes ---- */

static const struct { const char *method, *path, *body; long status; const char *text; } requests[] = {
	{ "GET", "/api/v1/status", NULL, 200, "\"version\":\"" USPD_VERSION },
	{ "GET", "/api/v1/status/", NULL, 200, "\"uptime\"" },
	{ "GET", "//api/v1//status", NULL, 200, "\"uptime\"" },
	{ "GET", "/api/v1/%73tatus", NULL, 200, "\"uptime\"" },
	{ "GET", "/", NULL, 404, "такого пути нет" },
	{ "GET", "/api/v1", NULL, 404, "no such path" },
	{ "GET", "/api/v1/nothing", NULL, 404, "no such path" },
	{ "GET", "/api/v1/meters/6/7", NULL, 404, "no such path" },
	{ "GET", "/api/v1x/status", NULL, 405, "такого пути нет" },
	{ "DELETE", "/api/v1/status", NULL, 405, "GET, HEAD, OPTIONS" },
	{ "PATCH", "/api/v1/settings", "{}", 405, "GET, PUT" },
	{ "GET", "/api/v1/meters/6", NULL, 405, "DELETE" },
	{ "POST", "/api/v1/meters", "{\"id\":", 400, "line 1, column 6" },
	{ "POST", "/api/v1/meters", "[\n\n{\"id\":1,}]", 400, "line 3" },
	{ "POST", "/api/v1/meters", "", 400, "line 1" },
	{ "POST", "/api/v1/meters", "{\"id\":99999999999999999999}", 400, "too big integer" },
	{ "POST", "/api/v1/meters", "{\"id\":NaN}", 400, "broken JSON" },
	{ "POST", "/api/v1/meters", "{}{}", 400, "broken JSON" },
	{ "POST", "/api/v1/meters", "[7]", 422, "\"where\":\"/0\"" },
	{ "POST", "/api/v1/meters", "[{\"id\":\"x\"}]", 422, "/0/id" },
	{ "POST", "/api/v1/meters", "{\"id\":true}", 422, "/id" },
	{ "POST", "/api/v1/meters", "{\"id\":1,\"adr\":\"5\"}", 422, "adr" },
	{ "POST", "/api/v1/meters", "{\"id\":1,\"addr\":\"5\",\"type\":\"SE303\"}", 422, "/iface" },
	{ "DELETE", "/api/v1/meters/99", NULL, 404, "no meter 99" },
	{ "DELETE", "/api/v1/meters/x", NULL, 422, "not the id" },
	{ "GET", "/api/v1/meters?sort=colour", NULL, 422, "\"where\":\"sort\"" },
	{ "GET", "/api/v1/meters?limit=-1", NULL, 422, "\"where\":\"limit\"" },
	{ "GET", "/api/v1/meters?bus=9", NULL, 422, "\"where\":\"bus\"" },
	{ "GET", "/api/v1/meters?type=foo", NULL, 422, "\"where\":\"type\"" },
	{ "GET", "/api/v1/data", NULL, 422, "\"where\":\"meter\"" },
	{ "GET", "/api/v1/data?meter=99&type=ElDayEnergy", NULL, 404, "no meter 99" },
	{ "GET", "/api/v1/journal/nothing", NULL, 404, "no journal" },
	{ "GET", "/api/v1/journal/meter/answ", NULL, 200, "\"rows\"" },
	{ "PUT", "/api/v1/settings", "{\"poll.attempts\":4,\"nothing\":1}", 422, "/nothing" },
	{ "PUT", "/api/v1/settings", "{\"poll.attempts\":400}", 422, "/poll.attempts" },
	{ "PUT", "/api/v1/settings", "{\"poll.attempts\":[4]}", 422, "/poll.attempts" },
	{ "PUT", "/api/v1/settings", "[]", 422, "object" },
	{ "POST", "/api/v1/poll", "{}", 503, "poller" },
	{ "GET", "/api/v1/poll/1", NULL, 503, "poller" },
	{ "GET", "/api/v1/events", NULL, 503, "poller" },
	{ "GET", "/api/v1/../etc/passwd", NULL, 404, "такого пути нет" },
	{ "GET", "/api/v1/%2e%2e/x", NULL, 404, "такого пути нет" },
	{ "GET", "/api/v1/%00", NULL, 400, "не соответствует HTTP" },
	{ "GET", "/api/v1/status?%zz=1", NULL, 400, "не соответствует HTTP" },
};

START_TEST(every_request_gets_its_status_and_a_text)
{
	struct http_answer a = http_ask(requests[_i].method, requests[_i].path, requests[_i].body);

	ck_assert_msg(a.status == requests[_i].status, "%s %s: %ld: %s", requests[_i].method,
	    requests[_i].path,
	    a.status, a.body.p != NULL ? a.body.p : "");
	ck_assert_ptr_nonnull(a.body.p);
	ck_assert_msg(strstr(a.body.p, requests[_i].text) != NULL, "%s: %s", requests[_i].path,
	    a.body.p);
	http_forget(&a);
}
END_TEST

START_TEST(a_wrong_method_names_the_right_ones)
{
	struct http_answer a = http_ask("PUT", "/api/v1/meters", "{}");

	ck_assert_int_eq(a.status, 405);
	ck_assert_str_eq(a.allow, "GET, POST, HEAD, OPTIONS");
	http_forget(&a);
	a = http_ask("OPTIONS", "/api/v1/poll/7", NULL);
	ck_assert_int_eq(a.status, 204);
	ck_assert_str_eq(a.allow, "GET, HEAD, OPTIONS");
	http_forget(&a);
}
END_TEST

START_TEST(head_is_get_without_a_body)
{
	struct http_answer a = http_ask("HEAD", "/api/v1/status", NULL);

	ck_assert_int_eq(a.status, 200);
	ck_assert_uint_eq(a.body.len, 0);
	http_forget(&a);
}
END_TEST

START_TEST(deep_nesting_is_refused)
{
	char body[201];
	json_t *json;

	memset(body, '[', 200);
	body[200] = '\0';
	http_expect(400, "POST", "/api/v1/meters", body, &json);
	ck_assert_ptr_nonnull(strstr(json_string_of(json, "error"), "nested"));
	json_decref(json);
}
END_TEST

/* ---- the meter table ---- */

START_TEST(meters_are_added_listed_changed_and_removed)
{
	json_t *json, *row;

	http_add_meters();
	http_expect(200, "GET", "/api/v1/meters?sort=-id", NULL, &json);
	ck_assert_int_eq(json_number_of(json, "total"), 2);
	row = json_array_get(json_object_get(json, "rows"), 1);
	ck_assert_int_eq(json_number_of(row, "id"), 6);
	ck_assert_str_eq(json_string_of(row, "addr"), "72");
	ck_assert_str_eq(json_string_of(row, "note"), "кв. 12");
	ck_assert_ptr_null(json_object_get(row, "pass_rd"));
	ck_assert(json_is_null(json_object_get(row, "state")));
	json_decref(json);
	http_expect(200, "GET", "/api/v1/meters?q=%D0%9A%D0%92&passwords=1", NULL, &json);
	ck_assert_int_eq(json_number_of(json, "total"), 1);
	row = json_array_get(json_object_get(json, "rows"), 0);
	ck_assert_str_eq(json_string_of(row, "pass_rd"), "010101010101");
	/* What was given out is taken back; only what differs changes. */
	json_object_set_new(row, "note", json_string("кв. 13"));
	char *body = json_dumps(row, 0);
	json_decref(json);
	http_expect(200, "POST", "/api/v1/meters", body, &json);
	ck_assert_int_eq(json_number_of(json, "changed"), 1);
	json_decref(json);
	free(body);
	http_expect(200, "DELETE", "/api/v1/meters/7", NULL, NULL);
	http_expect(200, "GET", "/api/v1/meters?limit=1&offset=0", NULL, &json);
	ck_assert_int_eq(json_number_of(json, "total"), 1);
	row = json_array_get(json_object_get(json, "rows"), 0);
	ck_assert_str_eq(json_string_of(row, "note"), "кв. 13");
	json_decref(json);
}
END_TEST

START_TEST(one_bad_row_leaves_the_table_as_it_was)
{
	json_t *json;

	http_add_meters();
	http_expect(422, "POST", "/api/v1/meters",
	    "[{\"id\":8,\"type\":\"SE303\",\"addr\":\"1\",\"iface\":\"Iface1\"},{\"id\":9}]",
	    NULL);
	http_expect(422, "POST", "/api/v1/meters.csv?mode=replace",
	    "id;type;addr;iface\n8;SE303;1;Iface1\n9;SE303;;Iface1\n",
	    &json);
	ck_assert_str_eq(json_string_of(json, "where"), "row 3, column addr");
	ck_assert_int_eq(json_number_of(json, "n_errors"), 1);
	json_decref(json);
	http_expect(200, "GET", "/api/v1/meters", NULL, &json);
	ck_assert_int_eq(json_number_of(json, "total"), 2);
	json_decref(json);
}
END_TEST

START_TEST(a_dry_run_tells_and_changes_nothing)
{
	static const char file[] = "id,type,addr,iface\n7,SE303,5,Iface2\n8,SE303,6,Iface2\n";
	json_t *json;

	http_add_meters();
	http_expect(200, "POST", "/api/v1/meters.csv?dry=1&mode=replace", file, &json);
	ck_assert_int_eq(json_number_of(json, "added"), 1);
	ck_assert_int_eq(json_number_of(json, "changed"), 1);
	ck_assert_int_eq(json_number_of(json, "removed"), 1);
	ck_assert(json_is_false(json_object_get(json, "applied")));
	ck_assert_uint_eq(json_array_size(json_object_get(json, "changes")), 3);
	json_decref(json);
	http_expect(200, "GET", "/api/v1/meters?q=141227285", NULL, &json);
	ck_assert_int_eq(json_number_of(json, "total"), 1);
	json_decref(json);
	http_expect(200, "POST", "/api/v1/meters.csv?mode=replace", file, &json);
	ck_assert(json_is_true(json_object_get(json, "applied")));
	json_decref(json);
	http_expect(200, "GET", "/api/v1/meters?q=141227285", NULL, &json);
	ck_assert_int_eq(json_number_of(json, "total"), 0);
	json_decref(json);
}
END_TEST

START_TEST(an_exported_file_changes_nothing_when_imported)
{
	struct http_answer file;
	json_t *json;

	http_add_meters();
	file = http_ask("GET", "/api/v1/meters.csv", NULL);
	ck_assert_int_eq(file.status, 200);
	ck_assert_int_eq(strncmp(file.body.p, "\xef\xbb\xbfID;", 6), 0);
	http_expect(200, "POST", "/api/v1/meters.csv?mode=replace", file.body.p, &json);
	ck_assert_int_eq(json_number_of(json, "unchanged"), 2);
	ck_assert_int_eq(json_number_of(json, "removed"), 0);
	json_decref(json);
	http_forget(&file);
}
END_TEST

START_TEST(settings_are_read_and_written_whole_or_not)
{
	struct settings settings;
	json_t *json;

	http_expect(200, "PUT", "/api/v1/settings",
	    "{\"poll.attempts\":4,\"time.tz_min\":\"300\",\"time.dst\":false}", NULL);
	http_expect(422, "PUT", "/api/v1/settings", "{\"poll.attempts\":5,\"time.tz_min\":\"9999\"}",
	    NULL);
	store_settings(http_store, &settings);
	ck_assert_int_eq(settings.poll_attempts, 4);
	ck_assert_int_eq(settings.tz_min, 300);
	http_expect(200, "GET", "/api/v1/settings", NULL, &json);
	ck_assert_str_eq(json_string_of(json_array_get(json_object_get(json, "settings"), 0), "value"),
	    "300");
	json_decref(json);
}
END_TEST

/* ---- the archive ---- */

enum { SLICES = 100000, STEP = 1800 };
static const int64_t FIRST = 1577836800;	/* 2020-01-01 */

static void
put_profile(uint16_t dev, int n)
{
	struct record *batch = calloc(48, sizeof(*batch));

	for (int i = 0; i < n;) {
		size_t k = 0;

		for (; k < 48 && i < n; k++, i++) {
			memset(&batch[k], 0, sizeof(batch[k]));
			batch[k].type = REC_EL_PROFILE;
			batch[k].valid = true;
			batch[k].period_min = 30;
			batch[k].flags = PROFILE_MEASURED;
			batch[k].ts = FIRST + (int64_t)i * STEP;
			record_set(&batch[k], P_PLUS, (int64_t)i * 7 + 1);
			if (i % 3 == 0)
				record_set(&batch[k], Q_PLUS, -(int64_t)i);
		}
		ck_assert_int_eq(store_put(http_store, dev, batch, k), E_OK);
	}
	free(batch);
	ck_assert_int_eq(store_sync(http_store), E_OK);
}

static uint16_t
dev_of(uint32_t id)
{
	const struct meter_table *table = store_meters(http_store);
	uint16_t dev = meter_table_find(table, id)->dev;

	meter_table_release(table);
	return dev;
}

/* Reads one record of the answer by hand: floating point would hide an error.  Each has its line;
 * returns the next one. */
static const char *
check_slice(const char *p, const char *end, int i)
{
	const char *next = memchr(p, '\n', (size_t)(end - p));
	char line[512], head[64], value[64];
	int64_t milli = (int64_t)i * 7 + 1;
	size_t len = (size_t)(next - p);

	ck_assert_ptr_nonnull(next);
	ck_assert_uint_lt(len, sizeof(line));
	memcpy(line, p, len);
	line[len] = '\0';
	snprintf(head, sizeof(head), "{\"ts\":%lld,", (long long)FIRST + (long long)i * STEP);
	if (milli % 1000 == 0)
		snprintf(value, sizeof(value), "\"P+\":%lld", (long long)(milli / 1000));
	else
		snprintf(value, sizeof(value), "\"P+\":%lld.%03d", (long long)(milli / 1000),
		    (int)(milli % 1000));
	for (size_t n = strlen(value); milli % 1000 != 0 && value[n - 1] == '0'; n--)
		value[n - 1] = '\0';
	snprintf(value + strlen(value), sizeof(value) - strlen(value), ",\"P-\":null");
	if (strncmp(line, head, strlen(head)) != 0 || strstr(line, value) == NULL)
		ck_abort_msg("slice %d is %s, not %s %s", i, line, head, value);
	return next + 1;
}

/* n slices from `first` on, in steps of 1 or -1, and nothing else but the tail. */
static void
check_slices(const struct text *body, int first, int step, int n, const char *tail)
{
	const char *end = body->p + body->len, *p = memchr(body->p, '\n', body->len);

	ck_assert_ptr_nonnull(p);
	p++;
	for (int i = 0; i < n; i++)
		p = check_slice(p, end, first + i * step);
	ck_assert_ptr_eq(p, end);
	ck_assert_str_eq(end - strlen(tail), tail);
}

START_TEST(a_hundred_thousand_records_are_streamed_exactly_and_once)
{
	struct http_answer a;

	http_expect(200, "PUT", "/api/v1/settings", "{\"depth.profile\":100000}", NULL);
	http_add_meters();
	put_profile(dev_of(6), SLICES);
	a = http_ask("GET", "/api/v1/data?meter=6&type=ElArr1ConsPower", NULL);
	ck_assert_int_eq(a.status, 200);
	check_slices(&a.body, 0, 1, SLICES, "],\"n\":100000,\"more\":false}\n");
	http_forget(&a);
	a = http_ask("GET", "/api/v1/data?meter=6&type=ElArr1ConsPower&order=desc&limit=2500", NULL);
	check_slices(&a.body, SLICES - 1, -1, 2500, "],\"n\":2500,\"more\":true}\n");
	http_forget(&a);
}
END_TEST

START_TEST(a_client_that_leaves_in_the_middle_harms_nobody)
{
	static const char request[] = "GET /api/v1/data?meter=6&type=ElArr1ConsPower " H11 "\r\n";
	char buf[512];

	http_add_meters();
	put_profile(dev_of(6), 4320);
	for (int i = 0; i < 5; i++) {
		int fd = http_connect_raw();

		ck_assert_int_eq(send(fd, request, sizeof(request) - 1, 0),
		    (ssize_t)sizeof(request) - 1);
		ck_assert_int_gt(recv(fd, buf, sizeof(buf), 0), 0);
		close(fd);
	}
	http_expect(200, "GET", "/api/v1/status", NULL, NULL);
}
END_TEST

START_TEST(windows_are_inclusive_and_tags_can_be_chosen)
{
	json_t *json, *records, *values;
	char path[256];

	http_add_meters();
	put_profile(dev_of(6), 100);
	snprintf(path, sizeof(path),
	    "/api/v1/data?meter=6&type=ElArr1ConsPower&tags=P+,Q-&from=%lld&to=%lld",
	    (long long)FIRST + 10 * STEP, (long long)FIRST + 12 * STEP);
	http_expect(200, "GET", path, NULL, &json);
	records = json_object_get(json, "records");
	ck_assert_uint_eq(json_array_size(records), 3);
	values = json_object_get(json_array_get(records, 0), "values");
	ck_assert_uint_eq(json_object_size(values), 2);
	ck_assert(json_is_null(json_object_get(values, "Q-")));
	json_decref(json);
	http_expect(200, "GET",
	    "/api/v1/data?meter=6&type=ElArr1ConsPower&from=2020-01-01T05:00Z&to=2020-01-01T05:00Z",
	    NULL, &json);
	ck_assert_int_eq(json_number_of(json, "n"), 1);
	json_decref(json);
	http_expect(200, "GET",
	    "/api/v1/data?meter=6&type=ElArr1ConsPower&from=2021-01-01&to=2020-01-01", NULL, &json);
	ck_assert_int_eq(json_number_of(json, "n"), 0);
	json_decref(json);
	http_expect(200, "GET", "/api/v1/data?meter=7&type=ElDayEnergy", NULL, &json);
	ck_assert_int_eq(json_number_of(json, "n"), 0);
	json_decref(json);
	http_expect(422, "GET", "/api/v1/data?meter=6&type=ElDayEnergy&tags=UA", NULL, NULL);
	http_expect(422, "GET", "/api/v1/data?meter=6&type=ElNothing", NULL, NULL);
	http_expect(422, "GET", "/api/v1/data?meter=6&type=ElDayEnergy&from=soon", NULL, NULL);
}
END_TEST

START_TEST(journals_of_the_device_are_paged_by_id)
{
	json_t *json;

	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(store_journal_add(http_store, DJ_METER_ANSWER, 1717189200 + i,
				     i == 2 ? "{}" : "{\"idMeter\":6,\"answer\":false}"),
		    E_OK);
	ck_assert_int_eq(store_sync(http_store), E_OK);
	http_expect(200, "GET", "/api/v1/journal/meter/answ?after=1&limit=3", NULL, &json);
	ck_assert_uint_eq(json_array_size(json_object_get(json, "rows")), 3);
	ck_assert_int_eq(json_number_of(json_array_get(json_object_get(json, "rows"), 0), "id"), 2);
	ck_assert_int_eq(json_number_of(json_array_get(json_object_get(json, "rows"), 0), "idMeter"),
	    6);
	ck_assert_int_eq(json_number_of(json, "last"), 5);
	json_decref(json);
}
END_TEST

static void *
client(void *arg)
{
	for (int i = 0; i < 20; i++) {
		struct http_answer a = http_ask("GET", (const char *)arg, NULL);

		ck_assert_int_eq(a.status, 200);
		http_forget(&a);
	}
	return NULL;
}

START_TEST(many_readers_see_whole_tables_while_it_is_written)
{
	pthread_t clients[8];
	json_t *json;

	http_add_meters();
	for (int i = 0; i < 8; i++)
		pthread_create(&clients[i], NULL, client, "/api/v1/meters?limit=0");
	for (int i = 0; i < 20; i++)
		http_add_meters();
	for (int i = 0; i < 8; i++)
		pthread_join(clients[i], NULL);
	http_expect(200, "GET", "/api/v1/meters", NULL, &json);
	ck_assert_int_eq(json_number_of(json, "total"), 2);
	json_decref(json);
}
END_TEST

/* ---- with a poller ---- */

START_TEST(listeners_are_told_and_not_more_than_eight)
{
	static const char request[] = "GET /api/v1/events " H11 "\r\n";
	struct text got[8] = { 0 };
	int fds[8];

	for (int i = 0; i < 8; i++) {
		fds[i] = http_connect_raw();
		ck_assert_int_eq(send(fds[i], request, sizeof(request) - 1, 0),
		    (ssize_t)sizeof(request) - 1);
		http_await(fds[i], &got[i], "retry: 3000");
		ck_assert_ptr_nonnull(strstr(got[i].p, "text/event-stream"));
	}
	http_expect(503, "GET", "/api/v1/events", NULL, NULL);
	close(fds[0]);
	for (int i = 1; i < 8; i++) {
		http_await(fds[i], &got[i], "event: poll\ndata: {");
		http_await(fds[i], &got[i], "\"percent\"");
		close(fds[i]);
	}
	for (int i = 0; i < 8; i++)
		text_free(&got[i]);
	http_expect(200, "GET", "/api/v1/status", NULL, NULL);
}
END_TEST

START_TEST(a_server_closes_while_somebody_listens)
{
	static const char request[] = "GET /api/v1/events " H11 "\r\n";
	struct text got = { 0 };
	int fd = http_connect_raw();

	ck_assert_int_eq(send(fd, request, sizeof(request) - 1, 0), (ssize_t)sizeof(request) - 1);
	http_await(fd, &got, "retry: 3000");
	text_free(&got);
	close(fd);
}
END_TEST

/* The poller takes a new table over in a thread of its own. */
static void
add_polled_meters(void)
{
	struct poll_totals totals;

	http_add_meters();
	poll_reload(http_poller);
	do {
		sched_yield();
		poll_totals(http_poller, &totals);
	} while (totals.meters < 2);
}

START_TEST(orders_are_checked_started_and_followed)
{
	char path[64];
	json_t *json;

	add_polled_meters();
	http_expect(422, "POST", "/api/v1/poll", "{\"ids\":[99]}", NULL);
	http_expect(422, "POST", "/api/v1/poll", "{\"ids\":7}", NULL);
	http_expect(422, "POST", "/api/v1/poll", "{\"ids\":[\"7\"]}", NULL);
	http_expect(422, "POST", "/api/v1/poll", "{\"types\":[\"ElNothing\"]}", NULL);
	http_expect(422, "POST", "/api/v1/poll", "{\"from\":\"soon\"}", NULL);
	http_expect(422, "POST", "/api/v1/poll", "[]", NULL);
	http_expect(200, "POST", "/api/v1/poll",
	    "{\"ids\":[6],\"types\":[\"ElDayEnergy\",\"ElJrnlPwr\"],"
	    "\"from\":\"2024-06-01\",\"again\":true}",
	    &json);
	snprintf(path, sizeof(path), "/api/v1/poll/%lld", (long long)json_number_of(json, "run"));
	json_decref(json);
	http_expect(200, "GET", path, NULL, &json);
	ck_assert_int_eq(json_number_of(json, "total"), 1);
	json_decref(json);
	http_expect(404, "GET", "/api/v1/poll/4711", NULL, NULL);
	http_expect(404, "GET", "/api/v1/poll/x", NULL, NULL);
}
END_TEST

START_TEST(states_of_links_are_listed_and_filtered)
{
	json_t *json, *row;
	json_int_t n = 0;

	add_polled_meters();
	http_expect(200, "GET", "/api/v1/meters", NULL, &json);
	row = json_array_get(json_object_get(json, "rows"), 0);
	ck_assert_str_ne(json_string_of(row, "state"), "");
	ck_assert(json_is_integer(json_object_get(row, "missing")));
	json_decref(json);
	for (int i = LINK_NEW; i <= LINK_NO_DRIVER; i++) {
		char path[64] = "/api/v1/meters?state=", *p = path + strlen(path);

		snprintf(p, sizeof(path) - (size_t)(p - path), "%s",
		    link_state_name((enum link_state)i));
		for (; *p != '\0'; p++)
			*p = *p == ' ' ? '+' : *p;
		http_expect(200, "GET", path, NULL, &json);
		n += json_number_of(json, "total");
		json_decref(json);
	}
	ck_assert_int_eq(n, 2);
	http_expect(422, "GET", "/api/v1/meters?state=odd", NULL, NULL);
	http_expect(200, "GET", "/api/v1/status", NULL, &json);
	ck_assert(json_is_true(json_object_get(json, "polling")));
	ck_assert_int_eq(json_number_of(json_object_get(json, "totals"), "meters"), 2);
	json_decref(json);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("api");
	TCase *routes = tcase_create("routes");
	TCase *table = tcase_create("table");
	TCase *data = tcase_create("data");
	TCase *polling = tcase_create("polling");

	tcase_add_checked_fixture(routes, http_setup, http_teardown);
	tcase_add_loop_test(routes, every_request_gets_its_status_and_a_text, 0, COUNT(requests));
	tcase_add_test(routes, a_wrong_method_names_the_right_ones);
	tcase_add_test(routes, head_is_get_without_a_body);
	tcase_add_test(routes, deep_nesting_is_refused);
	suite_add_tcase(suite, routes);
	tcase_add_checked_fixture(table, http_setup, http_teardown);
	tcase_add_test(table, meters_are_added_listed_changed_and_removed);
	tcase_add_test(table, one_bad_row_leaves_the_table_as_it_was);
	tcase_add_test(table, a_dry_run_tells_and_changes_nothing);
	tcase_add_test(table, an_exported_file_changes_nothing_when_imported);
	tcase_add_test(table, settings_are_read_and_written_whole_or_not);
	suite_add_tcase(suite, table);
	tcase_add_checked_fixture(data, http_setup, http_teardown);
	tcase_set_timeout(data, 60);
	tcase_add_test(data, a_hundred_thousand_records_are_streamed_exactly_and_once);
	tcase_add_test(data, a_client_that_leaves_in_the_middle_harms_nobody);
	tcase_add_test(data, windows_are_inclusive_and_tags_can_be_chosen);
	tcase_add_test(data, journals_of_the_device_are_paged_by_id);
	tcase_add_test(data, many_readers_see_whole_tables_while_it_is_written);
	suite_add_tcase(suite, data);
	tcase_add_checked_fixture(polling, http_setup_with_poller, http_teardown);
	tcase_set_timeout(polling, 30);
	tcase_add_test(polling, listeners_are_told_and_not_more_than_eight);
	tcase_add_test(polling, a_server_closes_while_somebody_listens);
	tcase_add_test(polling, orders_are_checked_started_and_followed);
	tcase_add_test(polling, states_of_links_are_listed_and_filtered);
	suite_add_tcase(suite, polling);
	return unit_main(suite);
}
