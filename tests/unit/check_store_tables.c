/* Tables of rows, and changes of settings, meters and rows in one go. */
#include <check.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/store/schema.h"
#include "src/store/store_private.h"
#include "tests/unit/failing_disk.h"
#include "tests/unit/store_help.h"
#include "tests/unit/unit.h"

static struct fixture f;

static void setup(void) { fixture_open(&f); }
static void teardown(void) { fixture_close(&f); }
static void setup_disk(void) { failing_disk_install(); setup(); }

static struct store_edit
put(enum table table, const char *key, const char *json)
{
	return (struct store_edit){ .kind = EDIT_ROW, .table = table, .key = key, .text = json };
}

static struct store_edit
take_away(enum table table, const char *key)
{
	return (struct store_edit){ .kind = EDIT_ROW_REMOVE, .table = table, .key = key };
}

static int
edit(const struct store_edit *edits, size_t n)
{
	size_t failed;
	char why[256];

	return store_edit(f.store, edits, n, &failed, why, sizeof(why));
}

static int
edit_one(struct store_edit one)
{
	return edit(&one, 1);
}

/* "number:key=json" of all rows, and F when they are the factory's. */
static const char *
show(enum table table)
{
	static char text[8192];
	const struct table_rows *t = store_table(f.store, table);
	size_t len = (size_t)snprintf(text, sizeof(text), "%s", t->factory ? "F" : "");

	for (size_t i = 0; i < t->n && len < sizeof(text); i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%d:%s=%s",
		    len > 0 ? " " : "", (int)t->rows[i].number, t->rows[i].key, t->rows[i].json);
	table_rows_release(t);
	return text;
}

static uint64_t
version_of(enum table table)
{
	const struct table_rows *t = store_table(f.store, table);
	uint64_t version = t->version;

	table_rows_release(t);
	return version;
}

START_TEST(table_never_written_holds_its_factory_rows)
{
	for (int t = 0; t < TABLE_COUNT; t++) {
		const struct table_rows *rows = store_table(f.store, (enum table)t);
		json_t *factory = json_loads(table_factory((enum table)t), 0, NULL);

		ck_assert(rows->factory);
		ck_assert_uint_eq(rows->n, json_array_size(factory));
		for (size_t i = 0; i < rows->n; i++) {
			json_t *row = json_loads(rows->rows[i].json, 0, NULL);

			ck_assert_int_eq(rows->rows[i].number, (int)i + 1);
			ck_assert_int_eq(atoi(rows->rows[i].key), (int)i + 1);
			ck_assert(json_equal(row, json_array_get(factory, i)));
			json_decref(row);
		}
		json_decref(factory);
		table_rows_release(rows);
	}
	ck_assert_ptr_null(store_table(f.store, TABLE_COUNT));
}
END_TEST

START_TEST(rows_are_added_replaced_removed_and_kept)
{
	const struct table_rows *old = store_table(f.store, TABLE_SCHEDULES);
	struct store_edit three[] = { put(TABLE_SCHEDULES, "7", "{\"id\":7}"),
		put(TABLE_SCHEDULES, "имя", "{\"id\":1}"), put(TABLE_SCHEDULES, "3", "{\"id\":3}") };

	ck_assert_int_eq(edit(three, 3), E_OK);
	ck_assert_str_eq(show(TABLE_SCHEDULES), "1:7={\"id\":7} 2:имя={\"id\":1} 3:3={\"id\":3}");
	ck_assert_int_eq(edit_one(put(TABLE_SCHEDULES, "7", "{\"id\":7,\"a\":\"\xd1\x8f\"}")), E_OK);
	ck_assert_int_eq(edit_one(take_away(TABLE_SCHEDULES, "3")), E_OK);
	ck_assert_int_eq(edit_one(take_away(TABLE_SCHEDULES, "nobody")), E_OK);
	ck_assert_int_eq(edit_one(put(TABLE_SCHEDULES, "9", "{}")), E_OK);
	for (int i = 0; i < 2; i++) {
		ck_assert_str_eq(show(TABLE_SCHEDULES),
		    "1:7={\"id\":7,\"a\":\"\xd1\x8f\"} 2:имя={\"id\":1} 4:9={}");
		ck_assert_str_eq(show(TABLE_CALENDARS), "F");
		fixture_reopen(&f);
	}
	ck_assert_uint_eq(old->n, 0); /* a snapshot does not change under its holder */
	table_rows_release(old);
}
END_TEST

START_TEST(numbers_are_never_given_twice)
{
	struct store_edit empty = { .kind = EDIT_TABLE_EMPTY, .table = TABLE_SNTP };
	struct store_edit factory = { .kind = EDIT_TABLE_FACTORY, .table = TABLE_UART };

	ck_assert_int_eq(edit_one(put(TABLE_SNTP, "a", "{}")), E_OK);
	ck_assert_int_eq(edit_one(empty), E_OK);
	ck_assert_str_eq(show(TABLE_SNTP), "");
	fixture_reopen(&f);
	ck_assert_int_eq(edit_one(put(TABLE_SNTP, "a", "{}")), E_OK);
	ck_assert_str_eq(show(TABLE_SNTP), "2:a={}");
	ck_assert_int_eq(edit_one(take_away(TABLE_SNTP, "a")), E_OK);
	fixture_reopen(&f);
	ck_assert_int_eq(edit_one(put(TABLE_SNTP, "a", "{}")), E_OK);
	ck_assert_str_eq(show(TABLE_SNTP), "3:a={}");
	ck_assert_int_eq(edit_one(put(TABLE_UART, "5", "{}")), E_OK);
	ck_assert_int_eq(edit_one(factory), E_OK);
	ck_assert_int_eq(strncmp(show(TABLE_UART), "F 6:1={\"id\":1", 13), 0);
	fixture_reopen(&f);
	ck_assert_int_eq(strncmp(show(TABLE_UART), "F 6:1={\"id\":1", 13), 0);
	ck_assert_int_eq(edit_one(take_away(TABLE_UART, "2")), E_OK);
	ck_assert_int_eq(strncmp(show(TABLE_UART), "6:1={\"id\":1", 11), 0);
	ck_assert_ptr_null(strstr(show(TABLE_UART), "7:2="));
}
END_TEST

START_TEST(first_change_keeps_the_other_factory_rows)
{
	uint64_t before = version_of(TABLE_MODEM), other = version_of(TABLE_IP);

	ck_assert_int_eq(edit_one(take_away(TABLE_MODEM, "2")), E_OK);
	ck_assert_str_eq(show(TABLE_MODEM), "F 1:1={\"access\":0,\"pin\":\"\"}");
	ck_assert_uint_eq(version_of(TABLE_MODEM), before);
	ck_assert_int_eq(edit_one(put(TABLE_MODEM, "2", "{}")), E_OK);
	ck_assert_str_eq(show(TABLE_MODEM), "1:1={\"access\":0,\"pin\":\"\"} 2:2={}");
	ck_assert_uint_gt(version_of(TABLE_MODEM), before);
	ck_assert_uint_eq(version_of(TABLE_IP), other);
	ck_assert_int_eq(edit_one(put(TABLE_MODEM, "1", "{\"access\":1}")), E_OK);
	ck_assert_str_eq(show(TABLE_MODEM), "1:1={\"access\":1} 2:2={}");
}
END_TEST

START_TEST(factory_may_be_another)
{
	static const char *const bad[] = { "", "{}", "[1]", "[{},]", "[{}", "[{}]x", "]", "[,{}]",
		"[{} {}]", "[{\"a\":\"\xff\"}]" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(store_table_factory(f.store, TABLE_UART, bad[i]) == E_INVALID, "%s",
		    bad[i]);
	ck_assert_int_eq(store_table_factory(f.store, TABLE_COUNT, "[]"), E_INVALID);
	ck_assert_int_eq(store_table_factory(f.store, TABLE_UART, " [ {\"x\":1} , {\"x\":[{}]} ] "),
	    E_OK);
	ck_assert_str_eq(show(TABLE_UART), "F 1:1={\"x\":1} 2:2={\"x\":[{}]}");
	ck_assert_int_eq(edit_one(put(TABLE_UART, "2", "{}")), E_OK);
	ck_assert_str_eq(show(TABLE_UART), "1:1={\"x\":1} 2:2={}");
	ck_assert_int_eq(store_table_factory(f.store, TABLE_UART, "[]"), E_OK);
	ck_assert_str_eq(show(TABLE_UART), "1:1={\"x\":1} 2:2={}");
}
END_TEST

START_TEST(text_that_is_no_object_is_refused)
{
	static const char *const bad[] = { "", "[]", "1", "{", "{}}", "{\"a\"}", "{\"a\":}",
		"{\"a\":1,}", "{,}", "{\"a\":01}", "{\"a\":-}", "{\"a\":1.}", "{\"a\":1e}",
		"{\"a\":tru}",
		"{\"a\":\"\n\"}", "{\"a\":\"\\x\"}", "{\"a\":\"\\u12\"}", "{\"a\":\"\xc3\"}", "{'a':1}",
		"{\"a\":[1,]}", "{\"a\":[1}", "{\"a\":1]", "{\"a\" 1}", "{\"a\":\"", "{\"a\":\"\\" };
	static const char *const good[] = { "{}", " {\"a\" : [ 1 , -0.5e+3, true,null , {} , [] ] } ",
		"{\"\":\"\\u00e9\\\"\"}", "{\"a\":{\"b\":{}},\"c\":0}" };
	enum { DEEP = 3000 };
	char deep[2 * DEEP + 8] = "{\"a\":";

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(edit_one(put(TABLE_DIN, "1", bad[i])) == E_INVALID, "%s", bad[i]);
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		ck_assert_msg(edit_one(put(TABLE_DIN, "1", good[i])) == E_OK, "%s", good[i]);
	memset(deep + 5, '[', DEEP);
	memset(deep + 5 + DEEP, ']', DEEP);
	deep[5 + 2 * DEEP] = '}';
	ck_assert_int_eq(edit_one(put(TABLE_DIN, "1", deep)), E_INVALID);
}
END_TEST

START_TEST(rows_and_keys_have_limits)
{
	static char key[TABLE_KEY_MOST + 2], json[TABLE_ROW_TEXT_MOST + 2];
	struct store_edit *many = calloc(TABLE_ROWS_MOST + 1, sizeof(*many));
	char (*keys)[8] = calloc(TABLE_ROWS_MOST + 1, sizeof(*keys));
	size_t failed = 0;
	char why[256];

	memset(key, 'k', sizeof(key) - 1);
	ck_assert_int_eq(edit_one(put(TABLE_DIN, key, "{}")), E_INVALID);
	key[TABLE_KEY_MOST] = '\0';
	ck_assert_int_eq(edit_one(put(TABLE_DIN, key, "{}")), E_OK);
	ck_assert_int_eq(edit_one(put(TABLE_DIN, "", "{}")), E_INVALID);
	ck_assert_int_eq(edit_one(put(TABLE_DIN, "\xff", "{}")), E_INVALID);
	ck_assert_int_eq(edit_one(put(TABLE_COUNT, "1", "{}")), E_INVALID);
	memset(json, ' ', sizeof(json) - 1);
	json[0] = '{';
	json[1] = '}';
	ck_assert_int_eq(edit_one(put(TABLE_DIN, "1", json)), E_LIMIT);
	json[TABLE_ROW_TEXT_MOST] = '\0';
	ck_assert_int_eq(edit_one(put(TABLE_DIN, "1", json)), E_OK);
	ck_assert_int_eq(edit_one((struct store_edit){ .kind = EDIT_TABLE_EMPTY, .table = TABLE_DIN }),
	    E_OK);
	for (size_t i = 0; i <= TABLE_ROWS_MOST; i++) {
		snprintf(keys[i], sizeof(keys[i]), "%zu", i);
		many[i] = put(TABLE_DIN, keys[i], i < 70 ? json : "{}");
	}
	ck_assert_int_eq(store_edit(f.store, many, 70, &failed, why, sizeof(why)), E_LIMIT);
	ck_assert_uint_eq(failed, (TABLE_TEXT_MOST - 200) / TABLE_ROW_TEXT_MOST);
	ck_assert_int_eq(
	    store_edit(f.store, many + 70, TABLE_ROWS_MOST - 70, &failed, why, sizeof(why)), E_OK);
	for (size_t i = 0; i < 70; i++)
		many[i].text = "{}";
	ck_assert_int_eq(store_edit(f.store, many, 71, &failed, why, sizeof(why)), E_OK);
	ck_assert_int_eq(
	    store_edit(f.store, many + TABLE_ROWS_MOST - 1, 2, &failed, why, sizeof(why)), E_LIMIT);
	ck_assert_uint_eq(failed, 1);
	ck_assert_ptr_nonnull(strstr(why, "din, row 20000"));
	free(keys);
	free(many);
}
END_TEST

static atomic_int told;
static void count_change(void *arg) { (void)arg; atomic_fetch_add(&told, 1); }

START_TEST(settings_meters_and_rows_change_together_or_not_at_all)
{
	static const struct store_listener listener = { .changed = count_change };
	struct meter_row row = { .id = 6, .type = 3, .iface = IFACE_1 };
	struct store_edit all[] = {
		{ .kind = EDIT_SETTING, .key = "depth.day", .text = "200" },
		{ .kind = EDIT_METER, .meter = &row },
		put(TABLE_NAME, "1", "{\"name\":\"x\"}"),
		put(TABLE_APN, "1", "{}"),
		{ .kind = EDIT_SETTING, .key = "depth.month", .text = "0" },
	};
	static const struct { const char *key, *text; int rc; const char *why; } wrong[] = {
		{ "depth.month", "0", E_INVALID, "depth.month: " },
		{ "no.such", "1", E_NOTFOUND, "no.such: " },
	};
	struct settings settings;
	const struct meter_table *meters;
	size_t failed = 0;
	char why[256] = "";

	store_listen(f.store, &listener);
	for (size_t i = 0; i < 2; i++) {
		all[4].key = wrong[i].key;
		all[4].text = wrong[i].text;
		ck_assert_int_eq(store_edit(f.store, all, 5, &failed, why, sizeof(why)), wrong[i].rc);
		ck_assert_uint_eq(failed, 4);
		ck_assert_int_eq(strncmp(why, wrong[i].why, strlen(wrong[i].why)), 0);
		store_settings(f.store, &settings);
		ck_assert_int_eq(settings.depth_day, 190);
		ck_assert_str_eq(show(TABLE_APN), "F");
		meters = store_meters(f.store);
		ck_assert_uint_eq(meters->n, 0);
		meter_table_release(meters);
	}
	ck_assert_int_eq(atomic_load(&told), 0);
	ck_assert_int_eq(store_edit(f.store, all, 4, &failed, why, sizeof(why)), E_OK);
	ck_assert_int_eq(atomic_load(&told), 1);
	fixture_reopen(&f);
	store_settings(f.store, &settings);
	ck_assert_int_eq(settings.depth_day, 200);
	ck_assert_str_eq(show(TABLE_APN), "1:1={}");
	ck_assert_str_eq(show(TABLE_NAME), "1:1={\"name\":\"x\"}");
	meters = store_meters(f.store);
	ck_assert_uint_eq(meters->n, 1);
	meter_table_release(meters);
}
END_TEST

START_TEST(circle_of_hubs_names_its_edit)
{
	struct meter_row a = { .id = 1, .parent = 2, .type = 3, .iface = IFACE_1 };
	struct meter_row b = { .id = 2, .parent = 1, .type = 3, .iface = IFACE_1 };
	struct meter_row again = { .id = 1, .type = 3, .iface = IFACE_1 };
	struct store_edit edits[] = { put(TABLE_APN, "1", "{}"), { .kind = EDIT_METER, .meter = &a },
		{ .kind = EDIT_METER, .meter = &b }, { .kind = EDIT_METER, .meter = &again } };
	size_t failed = 0;
	char why[256];

	ck_assert_int_eq(store_edit(f.store, edits, 3, &failed, why, sizeof(why)), E_INVALID);
	ck_assert_uint_eq(failed, 1);
	ck_assert_str_eq(why, "meter 1: its hubs form a circle");
	/* Only how it ends counts. */
	ck_assert_int_eq(store_edit(f.store, edits, 4, &failed, why, sizeof(why)), E_OK);
}
END_TEST

START_TEST(file_of_version_1_gets_its_tables)
{
	char path[128], why[256] = "";
	struct settings settings;
	sqlite3 *db;

	store_close(f.store);
	unit_folder_remove(f.dir);
	ck_assert_int_eq(mkdir(f.dir, 0750), 0);
	snprintf(path, sizeof(path), "%s/config.db", f.dir);
	ck_assert_int_eq(db_open(&db, path, (struct db_options){ .writable = true }), E_OK);
	ck_assert_int_eq(db_migrate(db, path, config_migrations, 1, why, sizeof(why)), E_OK);
	ck_assert_int_eq(db_exec(db,
			     "INSERT INTO setting VALUES('depth.day', '200');"
			     "INSERT INTO meter VALUES(6, 3, 0, 3, '7', '', '', 1, '', 0, 0, 0, '', '',"
			     " '');"
			     "INSERT INTO journal VALUES(0, 5, 1718398800, '{}')"),
	    E_OK);
	db_close(&db);
	ck_assert_int_eq(store_open(&f.store, f.dir, why, sizeof(why)), E_OK);
	store_settings(f.store, &settings);
	ck_assert_int_eq(settings.depth_day, 200);
	ck_assert_uint_eq(store_journal_last(f.store, DJ_ACTION), 5);
	ck_assert_str_eq(show(TABLE_SNTP), "F");
	ck_assert_int_eq(edit_one(put(TABLE_SNTP, "1", "{}")), E_OK);
	fixture_reopen(&f);
	ck_assert_str_eq(show(TABLE_SNTP), "1:1={}");
}
END_TEST

START_TEST(rows_come_back_from_the_nightly_copy)
{
	char path[128], why[256] = "";
	FILE *file;

	ck_assert_int_eq(edit_one(put(TABLE_SNTP, "1", "{\"addr\":\"a\"}")), E_OK);
	ck_assert_int_eq(config_backup(f.store), E_OK);
	store_close(f.store);
	f.store = NULL;
	snprintf(path, sizeof(path), "%s/config.db", f.dir);
	file = fopen(path, "r+");
	ck_assert_ptr_nonnull(file);
	for (int i = 0; i < 2000; i++)
		fputc(0x5a, file);
	fclose(file);
	ck_assert_int_eq(store_open(&f.store, f.dir, why, sizeof(why)), E_OK);
	ck_assert_str_eq(show(TABLE_SNTP), "1:1={\"addr\":\"a\"}");
}
END_TEST

/* Two tables, a setting and a meter always go together, whichever write fails. */
START_TEST(failing_write_changes_nothing_and_is_told)
{
	int done = 0, refused = 0;

	for (int i = 0; i < 60; i++) {
		char json[32], depth[16], before[256], why[256] = "";
		struct meter_row row = { .id = (uint32_t)i + 1, .type = 3, .iface = IFACE_1 };
		struct store_edit all[] = { put(TABLE_APN, "1", json), put(TABLE_CSD, "1", json),
			{ .kind = EDIT_SETTING, .key = "depth.day", .text = depth },
			{ .kind = EDIT_METER, .meter = &row } };
		const struct meter_table *meters;
		struct settings settings;
		size_t failed = 9;
		int rc;

		snprintf(json, sizeof(json), "{\"i\":%d}", i);
		snprintf(depth, sizeof(depth), "%d", 200 + i);
		snprintf(before, sizeof(before), "%s", show(TABLE_APN));
		failing_disk_nth(i % 13);
		rc = store_edit(f.store, all, 4, &failed, why, sizeof(why));
		failing_disk_nth(0);
		if (rc < 0) {
			ck_assert(rc == E_FULL || rc == E_IO);
			ck_assert_uint_eq(failed, 0);
			ck_assert_ptr_nonnull(strstr(why, "cannot be written"));
			ck_assert_str_eq(show(TABLE_APN), before);
			refused++;
			continue;
		}
		done++;
		if (i % 5 == 0)
			fixture_reopen(&f);
		ck_assert_ptr_nonnull(strstr(show(TABLE_APN), json));
		ck_assert_ptr_nonnull(strstr(show(TABLE_CSD), json));
		store_settings(f.store, &settings);
		ck_assert_int_eq(settings.depth_day, 200 + i);
		meters = store_meters(f.store);
		ck_assert_uint_eq(meters->n, (size_t)done);
		meter_table_release(meters);
	}
	ck_assert_int_gt(done, 5);
	ck_assert_int_gt(refused, 5);
}
END_TEST

static void
write_for_ever(int told_fd)
{
	char why[256];

	if (store_open(&f.store, f.dir, why, sizeof(why)) < 0)
		_exit(1);
	for (int i = 1;; i++) {
		char json[32];
		struct store_edit two[2] = { put(TABLE_APN, "1", json), put(TABLE_CSD, "1", json) };

		snprintf(json, sizeof(json), "{\"i\":%d}", i);
		if (edit(two, 2) < 0 || write(told_fd, &i, sizeof(i)) != sizeof(i))
			_exit(1);
	}
}

/* A child changes two tables at once; killed, what it told is there, and the two agree. */
START_TEST(change_of_rows_survives_a_kill)
{
	int ends[2], done = 0, apn = 0, csd = 0;
	char why[256] = "";
	pid_t pid;

	store_close(f.store);
	f.store = NULL;
	ck_assert_int_eq(pipe(ends), 0);
	pid = fork();
	if (pid == 0)
		write_for_ever(ends[1]);
	close(ends[1]);
	while (done < 20 * (_i + 1))
		ck_assert_int_eq(read(ends[0], &done, sizeof(done)), sizeof(done));
	kill(pid, SIGKILL);
	while (read(ends[0], &done, sizeof(done)) == sizeof(done))
		;
	waitpid(pid, NULL, 0);
	close(ends[0]);
	/* What the power cut tore: the last bytes of the log never came to the disk. */
	if (_i == 2) {
		char path[128];
		struct stat st;

		snprintf(path, sizeof(path), "%s/config.db-wal", f.dir);
		ck_assert_int_eq(stat(path, &st), 0);
		ck_assert_int_eq(truncate(path, st.st_size - 100), 0);
		done--;
	}
	ck_assert_int_eq(store_open(&f.store, f.dir, why, sizeof(why)), E_OK);
	ck_assert_int_eq(sscanf(show(TABLE_APN), "1:1={\"i\":%d}", &apn), 1);
	ck_assert_int_eq(sscanf(show(TABLE_CSD), "1:1={\"i\":%d}", &csd), 1);
	ck_assert_int_eq(apn, csd);
	ck_assert_int_ge(apn, done);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("store_tables");
	TCase *tc = tcase_create("tables"), *disk = tcase_create("disk");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, table_never_written_holds_its_factory_rows);
	tcase_add_test(tc, rows_are_added_replaced_removed_and_kept);
	tcase_add_test(tc, numbers_are_never_given_twice);
	tcase_add_test(tc, first_change_keeps_the_other_factory_rows);
	tcase_add_test(tc, factory_may_be_another);
	tcase_add_test(tc, text_that_is_no_object_is_refused);
	tcase_add_test(tc, rows_and_keys_have_limits);
	tcase_add_test(tc, settings_meters_and_rows_change_together_or_not_at_all);
	tcase_add_test(tc, circle_of_hubs_names_its_edit);
	tcase_add_test(tc, file_of_version_1_gets_its_tables);
	tcase_add_test(tc, rows_come_back_from_the_nightly_copy);
	tcase_add_loop_test(tc, change_of_rows_survives_a_kill, 0, 3);
	suite_add_tcase(suite, tc);
	tcase_add_checked_fixture(disk, setup_disk, teardown);
	tcase_set_timeout(disk, 60);
	tcase_add_test(disk, failing_write_changes_nothing_and_is_told);
	suite_add_tcase(suite, disk);
	return unit_main(suite);
}
