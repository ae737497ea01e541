/* config.db: settings, the meter table, the journals of the device; and the archive as SQL. */
#include <check.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/store/archive_sql.h"
#include "tests/unit/store_help.h"
#include "tests/unit/unit.h"

static struct fixture f;

static void setup(void) { fixture_open(&f); }
static void teardown(void) { fixture_close(&f); }

#define DAY0 INT64_C(1718398800)

static struct meter_change
meter(uint32_t id)
{
	struct meter_change c = { .row = { .id = id, .type = 3, .iface = IFACE_1 } };

	snprintf(c.row.address, sizeof(c.row.address), "%u", id % 240);
	snprintf(c.row.password_read, sizeof(c.row.password_read), "010101010101");
	snprintf(c.row.line, sizeof(c.row.line), "9600,8n1");
	return c;
}

static int
change(const struct meter_change *c, size_t n, char *why, size_t why_size)
{
	size_t failed;

	return store_meters_change(f.store, c, n, &failed, why, why_size);
}

static uint16_t
dev_of(uint32_t id)
{
	const struct meter_table *t = store_meters(f.store);
	const struct meter_row *row = meter_table_find(t, id);
	uint16_t dev = row != NULL ? row->dev : 0;

	meter_table_release(t);
	return dev;
}

START_TEST(setting_is_checked_kept_and_told)
{
	struct settings s;

	ck_assert_int_eq(store_setting_put(f.store, "no.such", "1"), E_NOTFOUND);
	ck_assert_int_eq(store_setting_put(f.store, "depth.day", "0"), E_INVALID);
	ck_assert_int_eq(store_setting_put(f.store, "depth.day", "200"), E_OK);
	ck_assert_int_eq(store_setting_put(f.store, "rtu.auth", "11111111,22222222:r"), E_OK);
	fixture_reopen(&f);
	store_settings(f.store, &s);
	ck_assert_int_eq(s.depth_day, 200);
	ck_assert_str_eq(s.rtu_auth, "11111111,22222222:r");
	ck_assert_int_eq(s.depth_month, 40);
}
END_TEST

START_TEST(meter_row_comes_back_as_it_was)
{
	struct meter_change c = meter(100), second = meter(4);
	const struct meter_table *t, *old = store_meters(f.store);
	char why[256];

	c.row.parent = 4;
	c.row.rtu_object_type = 1;
	c.row.rtu_object = 2;
	c.row.rtu_feeder = 3;
	snprintf(c.row.rtu_serial, sizeof(c.row.rtu_serial), "123");
	snprintf(c.row.group, sizeof(c.row.group), "house");
	snprintf(c.row.note, sizeof(c.row.note), "ввод 1");
	ck_assert_int_eq(change(&c, 1, why, sizeof(why)), E_OK);
	ck_assert_int_eq(change(&second, 1, why, sizeof(why)), E_OK);
	fixture_reopen(&f);
	t = store_meters(f.store);
	ck_assert_uint_eq(t->n, 2);
	ck_assert_uint_eq(t->rows[0].id, 4);
	c.row.dev = t->rows[1].dev;
	ck_assert_uint_eq(c.row.dev, 1);
	ck_assert_str_eq(t->rows[1].note, c.row.note);
	ck_assert_str_eq(t->rows[1].rtu_serial, "123");
	ck_assert_int_eq(t->rows[1].rtu_feeder, 3);
	ck_assert_uint_eq(t->rows[1].parent, 4);
	ck_assert_str_eq(t->rows[1].password_read, "010101010101");
	ck_assert_str_eq(t->rows[1].line, "9600,8n1");
	ck_assert_uint_eq(old->n, 0); /* a snapshot does not change under its holder */
	meter_table_release(old);
	meter_table_release(t);
}
END_TEST

START_TEST(changes_are_made_all_or_none)
{
	struct meter_change c[3] = { meter(1), meter(2), meter(3) };
	char why[256];
	size_t failed;

	c[2].row.password_read[0] = 'x';
	ck_assert_int_eq(store_meters_change(f.store, c, 3, &failed, why, sizeof(why)), E_INVALID);
	ck_assert_uint_eq(failed, 2);
	ck_assert_ptr_nonnull(strstr(why, "meter 3"));
	ck_assert_uint_eq(dev_of(1), 0);
	c[2] = (struct meter_change){ .remove = true, .row = { .id = 9 } };
	ck_assert_int_eq(store_meters_change(f.store, c, 3, &failed, why, sizeof(why)), E_NOTFOUND);
	ck_assert_uint_eq(dev_of(1), 0);
	c[0].row.parent = 2;
	c[1].row.parent = 1;
	ck_assert_int_eq(store_meters_change(f.store, c, 2, &failed, why, sizeof(why)), E_INVALID);
	ck_assert_ptr_nonnull(strstr(why, "circle"));
	ck_assert_int_eq(store_meters_change(f.store, c, 1, &failed, why, sizeof(why)), E_OK);
}
END_TEST

START_TEST(row_keeps_its_archive_and_a_new_row_gets_none)
{
	struct meter_change c[2] = { meter(1), meter(2) },
			    gone = { .remove = true, .row = { .id = 1 } };
	struct record r = fixture_energy(REC_EL_DAY, DAY0, 5);
	uint16_t dev;
	char why[256];

	ck_assert_int_eq(change(c, 2, why, sizeof(why)), E_OK);
	dev = dev_of(1);
	for (int i = 0; i < 100; i++) {
		r.ts = DAY0 + i * 86400;
		fixture_queue(&f, dev, &r);
	}
	ck_assert_int_eq(store_sync(f.store), E_OK);
	c[0].row.type = 5;
	snprintf(c[0].row.address, sizeof(c[0].row.address), "77");
	ck_assert_int_eq(change(c, 1, why, sizeof(why)), E_OK);
	ck_assert_uint_eq(dev_of(1), dev);
	ck_assert_uint_eq(fixture_read_all(&f, dev, REC_EL_DAY, false), 100);
	/* Removed and added again in one go: another dev while the old archive is purged. */
	struct meter_change again[2] = { gone, meter(1) };

	ck_assert_int_eq(change(again, 2, why, sizeof(why)), E_OK);
	ck_assert_uint_ne(dev_of(1), dev);
	ck_assert_uint_ne(dev_of(1), 0);
	/* What a bus still hands over of the removed meter is dropped. */
	fixture_put(&f, dev, &r);
	fixture_wait_count(&f, dev, REC_EL_DAY, 0, 0);
	fixture_wait_purged(&f, dev);
	ck_assert_uint_eq(fixture_read_all(&f, dev, REC_EL_DAY, true), 0);
	c[0] = meter(50);
	ck_assert_int_eq(change(c, 1, why, sizeof(why)), E_OK);
	ck_assert_uint_eq(dev_of(50), dev);
	fixture_put(&f, dev, &r);
	ck_assert_uint_eq(fixture_read_all(&f, dev, REC_EL_DAY, false), 1);
}
END_TEST

START_TEST(purge_goes_on_after_a_restart)
{
	struct meter_change c = meter(1), gone = { .remove = true, .row = { .id = 1 } };
	int64_t rows = -1;
	struct record r;
	char why[256];

	ck_assert_int_eq(change(&c, 1, why, sizeof(why)), E_OK);
	for (int i = 0; i < 1000; i++) {
		r = fixture_energy(REC_EL_MOMENT_ENERGY, DAY0 + i * 60, i);
		fixture_queue(&f, 1, &r);
		r = (struct record){ .type = REC_EL_JOURNAL,
			.journal = J_PWR,
			.valid = true,
			.ts = DAY0 + i };
		record_set(&r, J_EVENT_ID, i);
		fixture_queue(&f, 1, &r);
	}
	ck_assert_int_eq(change(&gone, 1, why, sizeof(why)), E_OK);
	fixture_reopen(&f);
	fixture_wait_purged(&f, 1);
	fixture_reopen(&f); /* rings are all in their table only after closing */
	fixture_sql(&f,
	    "SELECT (SELECT count(*) FROM el_moment_energy) + (SELECT count(*) FROM journal)"
	    " + (SELECT count(*) FROM ring)",
	    &rows);
	ck_assert_int_eq(rows, 0);
}
END_TEST

START_TEST(ten_thousand_meters_are_added_at_once)
{
	enum { N = 10000 };
	struct meter_change *c = calloc(N, sizeof(*c));
	char why[256];

	for (uint32_t i = 0; i < N; i++)
		c[i] = meter(N - i);
	ck_assert_int_eq(change(c, N, why, sizeof(why)), E_OK);
	ck_assert_uint_eq(dev_of(N), 1);
	ck_assert_uint_eq(dev_of(1), N);
	free(c);
}
END_TEST

struct rows { unsigned n; uint64_t first, last; char first_json[160], json[160]; };

static int
take_row(void *arg, uint64_t id, int64_t ts, const char *json)
{
	struct rows *rows = arg;

	(void)ts;
	if (rows->n++ == 0) {
		rows->first = id;
		snprintf(rows->first_json, sizeof(rows->first_json), "%s", json);
	}
	rows->last = id;
	snprintf(rows->json, sizeof(rows->json), "%s", json);
	return E_OK;
}

START_TEST(device_journal_ids_grow_over_trimming)
{
	struct rows rows = { 0 };

	ck_assert_int_eq(store_setting_put(f.store, "depth.device_journal", "1000"), E_OK);
	for (int i = 1; i <= 1500; i++) {
		char json[64];

		snprintf(json, sizeof(json), "{\"n\":%d}", i);
		ck_assert_int_eq(store_journal_add(f.store, DJ_METER_ANSWER, DAY0 + i, json), E_OK);
	}
	ck_assert_int_eq(store_journal_add(f.store, DJ_RESET, DAY0, "{}"), E_OK);
	ck_assert_int_eq(store_sync(f.store), E_OK);
	ck_assert_int_eq(store_journal_read(f.store, DJ_METER_ANSWER, 0, 0, false, take_row, &rows),
	    E_OK);
	ck_assert_uint_eq(rows.n, 1000);
	ck_assert_uint_eq(rows.first, 501);
	ck_assert_uint_eq(rows.last, 1500);
	ck_assert_str_eq(rows.json, "{\"n\":1500}");
	fixture_reopen(&f);
	ck_assert_uint_eq(store_journal_last(f.store, DJ_METER_ANSWER), 1500);
	ck_assert_uint_eq(store_journal_last(f.store, DJ_RESET), 1);
	rows = (struct rows){ 0 };
	ck_assert_int_eq(store_journal_read(f.store, DJ_METER_ANSWER, 1490, 3, true, take_row, &rows),
	    E_OK);
	ck_assert_uint_eq(rows.n, 3);
	ck_assert_uint_eq(rows.first, 1500);
	ck_assert_uint_eq(rows.last, 1498);
}
END_TEST

/* system.md 11: of a flood a hundred rows a minute are kept, and how many more there were. */
START_TEST(flood_of_journal_rows_is_folded)
{
	static const struct { enum device_journal kind; unsigned kept; } journals[] = {
		{ DJ_SRVCONN, 100 },
		{ DJ_METER_ANSWER, 250 },
		{ DJ_AUDIT, 250 },
	};
	struct rows rows = { 0 };

	for (size_t k = 0; k < sizeof(journals) / sizeof(journals[0]); k++) {
		for (int i = 0; i < 250; i++)
			ck_assert_int_eq(store_journal_add(f.store, journals[k].kind, DAY0 + i, "{}"),
			    E_OK);
		ck_assert_int_eq(store_sync(f.store), E_OK);
		ck_assert_uint_eq(store_journal_last(f.store, journals[k].kind), journals[k].kept);
	}
	for (int i = 0; i < 250; i++)
		ck_assert_int_eq(store_journal_add(f.store, DJ_SYSTEM, DAY0 + i,
				     i % 5 != 0 ? "{\"code\":\"a\"}" : "{\"code\":\"b\"}"),
		    E_OK);
	fixture_reopen(&f);
	ck_assert_uint_eq(store_journal_last(f.store, DJ_SYSTEM), 100 + 50 + 2);
	ck_assert_int_eq(store_journal_read(f.store, DJ_SYSTEM, 150, 0, false, take_row, &rows), E_OK);
	ck_assert_uint_eq(rows.n, 2);
	ck_assert_ptr_nonnull(strstr(rows.first_json, "journal srvconn: 150 more rows"));
	ck_assert_ptr_nonnull(strstr(rows.json, "journal system: 100 more rows"));
}
END_TEST

START_TEST(device_journal_row_has_limits)
{
	static char json[20000];

	memset(json, 'x', sizeof(json) - 1);
	ck_assert_int_eq(store_journal_add(f.store, DJ_ACTION, DAY0, json), E_LIMIT);
	ck_assert_int_eq(store_journal_add(f.store, DJ_COUNT, DAY0, "{}"), E_INVALID);
}
END_TEST

static double
sql_number(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *stmt = NULL;
	double value = -1;

	ck_assert_msg(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK, "%s",
	    sqlite3_errmsg(db));
	if (sqlite3_step(stmt) == SQLITE_ROW)
		value = sqlite3_column_double(stmt, 0);
	sqlite3_finalize(stmt);
	return value;
}

START_TEST(archive_is_readable_by_sql)
{
	struct record day = fixture_energy(REC_EL_DAY, DAY0, 12345678);
	struct record slice = { .type = REC_EL_PROFILE, .valid = true, .ts = DAY0 + 1800,
		.period_min = 30, .flags = PROFILE_MEASURED };
	struct record event = { .type = REC_EL_JOURNAL, .journal = J_OPEN, .valid = true, .ts = DAY0 };
	struct meter_change c = meter(6);
	sqlite3 *db;
	char why[256];

	ck_assert_int_eq(change(&c, 1, why, sizeof(why)), E_OK);
	record_set(&slice, P_PLUS, 1500000);
	record_set(&slice, Q_MINUS, 0);
	record_set(&event, J_EVENT, 1);
	fixture_put(&f, 1, &day);
	fixture_put(&f, 1, &slice);
	fixture_put(&f, 1, &event);
	fixture_reopen(&f); /* a running store keeps the latest counts in its log */
	ck_assert_int_eq(archive_sql_open(&db, f.dir), E_OK);
	ck_assert(sql_number(db, "SELECT \"A+0\" FROM ElDayEnergy WHERE dev = 1") == 12345.678);
	ck_assert(sql_number(db, "SELECT \"A-0\" IS NULL FROM ElDayEnergy") == 1);
	ck_assert(sql_number(db, "SELECT time = '2024-06-15 00:00:00+03:00' FROM ElDayEnergy") == 1);
	ck_assert(sql_number(db, "SELECT \"P+\" FROM ElArr1ConsPower") == 1500);
	ck_assert(sql_number(db, "SELECT \"Q-\" FROM ElArr1ConsPower") == 0);
	ck_assert(sql_number(db,
		      "SELECT \"P-\" IS NULL AND isMeas AND cTime = 30 FROM ElArr1ConsPower") == 1);
	ck_assert(sql_number(db, "SELECT ts FROM ElArr1ConsPower") == (double)slice.ts);
	ck_assert(sql_number(db, "SELECT event FROM Journals WHERE code = 7") == 1);
	ck_assert(sql_number(db, "SELECT sum(count) FROM Rings") == 3);
	ck_assert(sql_number(db, "SELECT id FROM Meters WHERE dev = 1") == 6);
	for (int type = REC_NONE + 1; type < REC_COUNT; type++) {
		char sql[96];

		if (record_type_info((enum record_type)type)->values == VALUES_CONFIG ||
		    record_type_info((enum record_type)type)->values == VALUES_JOURNAL)
			continue;
		snprintf(sql, sizeof(sql), "SELECT count(*) >= 0 FROM %s",
		    record_type_info((enum record_type)type)->name);
		ck_assert(sql_number(db, sql) == 1);
	}
	ck_assert_int_ne(sqlite3_exec(db, "DELETE FROM el_day", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	ck_assert_int_eq(archive_sql_open(&db, "/nonexistent"), E_NOTFOUND);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("store_config");
	TCase *tc = tcase_create("config");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 30);
	tcase_add_test(tc, setting_is_checked_kept_and_told);
	tcase_add_test(tc, meter_row_comes_back_as_it_was);
	tcase_add_test(tc, changes_are_made_all_or_none);
	tcase_add_test(tc, row_keeps_its_archive_and_a_new_row_gets_none);
	tcase_add_test(tc, purge_goes_on_after_a_restart);
	tcase_add_test(tc, ten_thousand_meters_are_added_at_once);
	tcase_add_test(tc, device_journal_ids_grow_over_trimming);
	tcase_add_test(tc, flood_of_journal_rows_is_folded);
	tcase_add_test(tc, device_journal_row_has_limits);
	tcase_add_test(tc, archive_is_readable_by_sql);
	suite_add_tcase(suite, tc);
	return unit_main(suite);
}
