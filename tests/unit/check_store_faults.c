/* What goes wrong around a store: versions, damage, power cuts, a full disk. */
#include <check.h>
#include <fcntl.h>
#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/base/clock.h"
#include "src/store/schema.h"
#include "src/store/store_private.h"
#include "tests/unit/failing_disk.h"
#include "tests/unit/store_help.h"
#include "tests/unit/unit.h"

static struct fixture f;

static void setup(void) { fixture_open(&f); }
static void teardown(void) { fixture_close(&f); }

enum { D = 86400 };
#define DAY0 INT64_C(1718398800)

static int
open_again(char *why, size_t why_size)
{
	store_close(f.store);
	f.store = NULL;
	return store_open(&f.store, f.dir, why, why_size);
}

/* Calls `each`, when there is one, on every file whose name begins so; returns their number. */
static size_t
of_prefix(const char *prefix, int (*each)(const char *path))
{
	char pattern[160];
	glob_t found = { 0 };
	size_t n;

	snprintf(pattern, sizeof(pattern), "%s/%s*", f.dir, prefix);
	ck_assert_int_ne(glob(pattern, 0, NULL, &found), GLOB_NOSPACE);
	n = found.gl_pathc;
	for (size_t i = 0; each != NULL && i < n; i++)
		ck_assert_int_eq(each(found.gl_pathv[i]), 0);
	globfree(&found);
	return n;
}

static bool
exists_with_prefix(const char *prefix)
{
	return of_prefix(prefix, NULL) > 0;
}

static char last_json[DEVICE_JOURNAL_TEXT_MAX];

static int
keep_json(void *arg, uint64_t id, int64_t ts, const char *json)
{
	(void)arg;
	(void)id;
	(void)ts;
	snprintf(last_json, sizeof(last_json), "%s", json);
	return E_OK;
}

static const char *
last_system_row(void)
{
	last_json[0] = '\0';
	ck_assert_int_eq(store_journal_read(f.store, DJ_SYSTEM, 0, 1, true, keep_json, NULL), E_OK);
	return last_json;
}

START_TEST(file_of_a_newer_program_is_refused)
{
	const char *file = _i == 0 ? "archive.db" : "config.db";
	char why[256] = "", pragma[64];

	store_close(f.store);
	f.store = NULL;
	fixture_sql_file(&f, file, "PRAGMA user_version = 77");
	ck_assert_int_eq(store_open(&f.store, f.dir, why, sizeof(why)), E_VERSION);
	ck_assert_ptr_nonnull(strstr(why, file));
	ck_assert_ptr_nonnull(strstr(why, "77"));
	ck_assert_ptr_null(f.store);
	/* Nothing was changed: the newer program can go on. */
	snprintf(pragma, sizeof(pragma), "PRAGMA user_version = %u",
	    _i == 0 ? archive_version : config_version);
	fixture_sql_file(&f, file, pragma);
	ck_assert_int_eq(store_open(&f.store, f.dir, why, sizeof(why)), E_OK);
}
END_TEST

/* From every version there ever was: its frozen SQL, then all that follows. */
START_TEST(every_earlier_version_is_migrated)
{
	static const struct {
		const char *file;
		const struct migration *all;
		const unsigned *n;
	} files[] = {
		{ "archive.db", archive_migrations, &archive_version },
		{ "config.db", config_migrations, &config_version },
	};
	const unsigned n = *files[_i].n;
	struct record r = fixture_energy(REC_EL_DAY, DAY0, 5);
	char path[128], why[256] = "";

	for (unsigned from = 0; from <= n; from++) {
		sqlite3 *db;

		store_close(f.store);
		unit_folder_remove(f.dir);
		ck_assert_int_eq(mkdir(f.dir, 0750), 0);
		snprintf(path, sizeof(path), "%s/%s", f.dir, files[_i].file);
		ck_assert_int_eq(db_open(&db, path, (struct db_options){ .writable = true }), E_OK);
		ck_assert_int_eq(db_migrate(db, path, files[_i].all, from, why, sizeof(why)), E_OK);
		db_close(&db);
		ck_assert_int_eq(store_open(&f.store, f.dir, why, sizeof(why)), E_OK);
		fixture_put(&f, 1, &r);
		ck_assert_uint_eq(fixture_read_all(&f, 1, REC_EL_DAY, false), 1);
	}
}
END_TEST

START_TEST(failed_migration_leaves_the_file_as_it_was)
{
	static const struct migration steps[] = { { "CREATE TABLE a(x)" },
		{ "CREATE TABLE b(x); CREATE TABLE a(x)" } };
	char path[128], why[256] = "";
	int64_t n = 0;
	sqlite3 *db;

	snprintf(path, sizeof(path), "%s/other.db", f.dir);
	ck_assert_int_eq(db_open(&db, path, (struct db_options){ .writable = true }), E_OK);
	ck_assert_int_lt(db_migrate(db, path, steps, 2, why, sizeof(why)), 0);
	ck_assert_int_eq(db_integer(db, "PRAGMA user_version", &n), E_OK);
	ck_assert_int_eq(n, 1);
	ck_assert_int_eq(db_integer(db, "SELECT count(*) FROM sqlite_schema", &n), E_OK);
	ck_assert_int_eq(n, 1);
	db_close(&db);
}
END_TEST

START_TEST(second_program_is_kept_out)
{
	struct store *second;
	char why[256] = "";

	ck_assert_int_eq(store_open(&second, f.dir, why, sizeof(why)), E_BUSY);
	ck_assert_ptr_nonnull(strstr(why, f.dir));
}
END_TEST

START_TEST(folder_that_cannot_be_written_is_named)
{
	char why[256] = "", dir[128];
	struct store *second;
	int status = 0;
	pid_t pid;

	snprintf(dir, sizeof(dir), "%s/a/b/c", f.dir);
	ck_assert_int_eq(store_open(&second, dir, why, sizeof(why)), E_OK);
	store_close(second);
	snprintf(dir, sizeof(dir), "%s/archive.db/x", f.dir);
	ck_assert_int_lt(store_open(&second, dir, why, sizeof(why)), 0);
	ck_assert_ptr_nonnull(strstr(why, dir));
	if (geteuid() != 0)
		return;
	pid = fork();
	if (pid == 0) {
		if (setuid(65534) < 0)
			_exit(1);
		_exit(store_open(&second, f.dir, why, sizeof(why)) == E_READONLY &&
			    strstr(why, f.dir) != NULL ?
			0 :
			1);
	}
	waitpid(pid, &status, 0);
	ck_assert_int_eq(status, 0);
}
END_TEST

static void
fill(uint16_t meters, int days)
{
	for (int i = 0; i < days; i++)
		for (uint16_t dev = 1; dev <= meters; dev++) {
			struct record day = fixture_energy(REC_EL_DAY, DAY0 + i * D, dev * 1000 + i);
			struct record slice = { .type = REC_EL_PROFILE, .valid = true, .period_min = 30,
			    .ts = DAY0 + i * D + 1800 };
			struct record event = { .type = REC_EL_JOURNAL, .journal = J_PWR, .valid = true,
			    .ts = DAY0 + i };

			record_set(&slice, P_PLUS, dev);
			record_set(&event, J_EVENT, 1);
			fixture_queue(&f, dev, &day);
			fixture_queue(&f, dev, &slice);
			fixture_queue(&f, dev, &event);
		}
	ck_assert_int_eq(store_sync(f.store), E_OK);
}

static void
overwrite(const char *file, off_t at, size_t len)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", f.dir, file);
	fd = open(path, O_RDWR);
	ck_assert_int_ge(fd, 0);
	for (size_t i = 0; i < len; i++)
		ck_assert_int_eq(pwrite(fd, "\xa5", 1, at + (off_t)i), 1);
	close(fd);
}

START_TEST(damaged_archive_is_salvaged)
{
	struct store_stats stats;
	char why[256] = "";
	int64_t pages = 0;
	size_t kept;

	fill(40, 60);
	store_close(f.store);
	f.store = NULL;
	fixture_sql(&f, "PRAGMA page_count", &pages);
	/* Pages in the middle of the file; the first ones hold the schema and the roots. */
	for (int64_t page = pages / 2; page < pages / 2 + 3; page++)
		overwrite("archive.db", page * 4096, 4096);
	ck_assert_int_eq(store_open(&f.store, f.dir, why, sizeof(why)), E_OK);
	ck_assert(exists_with_prefix("archive.db.damaged-"));
	store_stats(f.store, &stats);
	ck_assert_uint_gt(stats.salvaged, 3000);
	ck_assert_uint_gt(stats.lost, 0);
	ck_assert_ptr_nonnull(strstr(last_system_row(), "archive_salvaged"));
	kept = 0;
	for (uint16_t dev = 1; dev <= 40; dev++) {
		size_t n = fixture_read_all(&f, dev, REC_EL_DAY, false);

		kept += n;
		for (size_t i = 0; i < n; i++)
			ck_assert_int_eq(f.read[i].v[0], dev * 1000 + (f.read[i].ts - DAY0) / D);
		ck_assert_uint_eq(fixture_ring(&f, dev, REC_EL_DAY, 0).count, n);
		n = fixture_read_all(&f, dev, REC_EL_PROFILE, false);
		ck_assert_uint_eq(fixture_ring(&f, dev, REC_EL_PROFILE, 0).count, n);
		kept += n;
		kept += fixture_read_all(&f, dev, REC_EL_JOURNAL, false);
	}
	ck_assert_uint_eq(kept + stats.lost, 40 * 60 * 3);
	/* The rest is refilled from the meters. */
	fill(40, 60);
	for (uint16_t dev = 1; dev <= 40; dev++)
		ck_assert_uint_eq(fixture_read_all(&f, dev, REC_EL_DAY, false), 60);
}
END_TEST

START_TEST(archive_without_a_head_is_begun_anew)
{
	char why[256] = "";

	fill(2, 2);
	store_close(f.store);
	f.store = NULL;
	overwrite("archive.db", 0, 4096);
	ck_assert_int_eq(store_open(&f.store, f.dir, why, sizeof(why)), E_OK);
	ck_assert_uint_eq(fixture_read_all(&f, 1, REC_EL_DAY, false), 0);
	ck_assert_ptr_nonnull(strstr(last_system_row(), "archive_salvaged"));
	fill(2, 2);
	ck_assert_uint_eq(fixture_read_all(&f, 1, REC_EL_DAY, false), 2);
}
END_TEST

START_TEST(damage_found_while_running_is_salvaged)
{
	const struct timespec pause = { .tv_nsec = 5000000 };
	struct store_stats stats = { 0 };
	char why[256] = "";
	int64_t root = 0;

	fill(3, 3);
	ck_assert_int_eq(open_again(why, sizeof(why)), E_OK);
	fixture_sql(&f, "SELECT rootpage FROM sqlite_schema WHERE name = 'el_day'", &root);
	overwrite("archive.db", (root - 1) * 4096, 4096);
	/* Met by whoever comes first; then the writer repairs. */
	for (int i = 0; i < 1000 && stats.salvaged == 0; i++) {
		const struct store_range range = { .type = REC_EL_DAY, .to = INT64_MAX };

		int rc = store_read(f.store, 1, &range, fixture_slow_each, NULL);

		ck_assert(rc == E_OK || rc == E_CORRUPT || rc == E_BUSY);
		nanosleep(&pause, NULL);
		store_stats(f.store, &stats);
	}
	ck_assert_uint_gt(stats.salvaged, 0);
	ck_assert_uint_eq(fixture_read_all(&f, 1, REC_EL_DAY, false), 0);
	ck_assert_uint_eq(fixture_read_all(&f, 1, REC_EL_PROFILE, false), 3);
	fill(3, 3);
	ck_assert_uint_eq(fixture_read_all(&f, 1, REC_EL_DAY, false), 3);
}
END_TEST

START_TEST(damaged_settings_come_back_from_the_nightly_copy)
{
	char why[256] = "";
	struct settings settings;

	ck_assert_int_eq(store_setting_put(f.store, "depth.day", "200"), E_OK);
	ck_assert_int_eq(config_backup(f.store), E_OK);
	store_close(f.store);
	overwrite("config.db", 0, 2000);
	ck_assert_int_eq(store_open(&f.store, f.dir, why, sizeof(why)), E_OK);
	store_settings(f.store, &settings);
	ck_assert_int_eq(settings.depth_day, 200);
	ck_assert_ptr_nonnull(strstr(last_system_row(), "config_restored"));
	ck_assert(exists_with_prefix("config.db.damaged"));
	/* No copy, no start: never with silently empty settings (system.md 13). */
	store_close(f.store);
	f.store = NULL;
	overwrite("config.db", 0, 2000);
	ck_assert_int_gt(of_prefix("config.db.bak-", unlink), 0);
	ck_assert_int_eq(store_open(&f.store, f.dir, why, sizeof(why)), E_CORRUPT);
	ck_assert_ptr_nonnull(strstr(why, "config.db"));
}
END_TEST

static int64_t fake_utc_us;
static int64_t fake_utc(void) { return fake_utc_us; }
static int64_t fake_mono(void) { return 1; }

START_TEST(seven_nightly_copies_are_kept)
{
	static const struct clock_source source = { fake_utc, fake_mono };

	clock_replace(&source);
	for (int day = 0; day < 10; day++) {
		fake_utc_us = (DAY0 + day * D) * INT64_C(1000000);
		ck_assert_int_eq(config_backup(f.store), E_OK);
	}
	clock_replace(NULL);
	ck_assert(!exists_with_prefix("config.db.bak-20240617"));
	ck_assert(exists_with_prefix("config.db.bak-20240618"));
	ck_assert(exists_with_prefix("config.db.bak-20240624"));
}
END_TEST

/* A child writes and tells after each sync how far it is; killed, all it told must be there. */
START_TEST(everything_synced_survives_a_kill)
{
	int pipe_ends[2], synced = 0;
	char why[256] = "";
	pid_t pid;

	store_close(f.store);
	f.store = NULL;
	ck_assert_int_eq(pipe(pipe_ends), 0);
	pid = fork();
	if (pid == 0) {
		if (store_open(&f.store, f.dir, why, sizeof(why)) < 0)
			_exit(1);
		for (int i = 1;; i++) {
			struct record r = fixture_energy(REC_EL_MOMENT_ENERGY, DAY0 + i, i);

			if (store_put(f.store, (uint16_t)(1 + i % 5), &r, 1) < 0)
				_exit(1);
			if (i % 7 == 0 &&
			    (store_sync(f.store) < 0 ||
				write(pipe_ends[1], &i, sizeof(i)) != sizeof(i)))
				_exit(1);
		}
	}
	close(pipe_ends[1]);
	while (synced < 50 * (_i + 1))
		ck_assert_int_eq(read(pipe_ends[0], &synced, sizeof(synced)), sizeof(synced));
	kill(pid, SIGKILL);
	while (read(pipe_ends[0], &synced, sizeof(synced)) == sizeof(synced))
		;
	waitpid(pid, NULL, 0);
	ck_assert_int_eq(store_open(&f.store, f.dir, why, sizeof(why)), E_OK);
	for (int i = 1; i <= synced; i++)
		ck_assert_uint_eq(
		    fixture_read_range(&f, 1 + i % 5, REC_EL_MOMENT_ENERGY, DAY0 + i, DAY0 + i), 1);
	for (uint16_t dev = 1; dev <= 5; dev++)
		ck_assert_uint_eq(fixture_read_all(&f, dev, REC_EL_MOMENT_ENERGY, false),
		    fixture_ring(&f, dev, REC_EL_MOMENT_ENERGY, 0).count);
}
END_TEST

static void setup_disk(void) { failing_disk_install(); setup(); }

START_TEST(full_disk_is_waited_out)
{
	struct store_stats stats;
	int rc = E_OK, stored = 0;

	f.store->patience_ms = 50;
	f.store->retry_ms = 20;
	failing_disk_fill(true);
	/* The queue takes some, then refuses, and says so. */
	for (int i = 0; i < 100000 && rc == E_OK; i++) {
		struct record r = fixture_energy(REC_EL_MOMENT_ENERGY, DAY0 + i, i);

		rc = store_put(f.store, 1, &r, 1);
		stored += rc == E_OK;
	}
	ck_assert_int_eq(rc, E_FULL);
	ck_assert_int_eq(store_sync(f.store), E_FULL);
	store_stats(f.store, &stats);
	ck_assert(stats.write_trouble);
	ck_assert_ptr_nonnull(strstr(stats.trouble, "space"));
	ck_assert_uint_eq(stats.refused_full, 1);
	ck_assert_uint_eq(fixture_read_all(&f, 1, REC_EL_MOMENT_ENERGY, false), 0);
	ck_assert_uint_eq(fixture_ring(&f, 1, REC_EL_MOMENT_ENERGY, 0).count, 0);
	failing_disk_fill(false);
	while (store_sync(f.store) == E_FULL)
		;
	store_stats(f.store, &stats);
	ck_assert(!stats.write_trouble);
	ck_assert_uint_eq(stats.lost, 1);
	ck_assert_uint_eq(stats.records, (unsigned)stored);
	ck_assert_ptr_nonnull(strstr(last_system_row(), "disk_full"));
	ck_assert_ptr_nonnull(strstr(last_system_row(), "refused meanwhile: 1"));
	ck_assert_uint_eq(fixture_ring(&f, 1, REC_EL_MOMENT_ENERGY, 0).count, 1440);
}
END_TEST

/* Whichever write of a batch fails, nothing is lost and nothing is there twice. */
START_TEST(any_failing_write_is_repeated)
{
	f.store->patience_ms = 2000;
	f.store->retry_ms = 1;
	for (int i = 0; i < 40; i++) {
		struct record r = fixture_energy(REC_EL_DAY, DAY0 + i * D, i);
		struct record slice = { .type = REC_EL_PROFILE, .valid = true, .period_min = 30,
		    .ts = DAY0 + i * 1800 };

		failing_disk_nth(i % 13 + 1);
		ck_assert_int_eq(store_journal_add(f.store, DJ_ACTION, DAY0 + i, "{}"), E_OK);
		fixture_queue(&f, 1, &slice);
		fixture_put(&f, 1, &r);
		ck_assert_uint_eq(fixture_ring(&f, 1, REC_EL_DAY, 0).count, (unsigned)i + 1);
	}
	failing_disk_nth(0);
	ck_assert_uint_eq(fixture_read_all(&f, 1, REC_EL_DAY, false), 40);
	ck_assert_uint_eq(fixture_read_all(&f, 1, REC_EL_PROFILE, false), 40);
	ck_assert_uint_eq(store_journal_last(f.store, DJ_ACTION), 40);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("store_faults");
	TCase *tc = tcase_create("faults"), *disk = tcase_create("disk");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, file_of_a_newer_program_is_refused, 0, 2);
	tcase_add_loop_test(tc, every_earlier_version_is_migrated, 0, 2);
	tcase_add_test(tc, failed_migration_leaves_the_file_as_it_was);
	tcase_add_test(tc, second_program_is_kept_out);
	tcase_add_test(tc, folder_that_cannot_be_written_is_named);
	tcase_add_test(tc, damaged_archive_is_salvaged);
	tcase_add_test(tc, archive_without_a_head_is_begun_anew);
	tcase_add_test(tc, damage_found_while_running_is_salvaged);
	tcase_add_test(tc, damaged_settings_come_back_from_the_nightly_copy);
	tcase_add_test(tc, seven_nightly_copies_are_kept);
	tcase_add_loop_test(tc, everything_synced_survives_a_kill, 0, 3);
	suite_add_tcase(suite, tc);
	tcase_add_checked_fixture(disk, setup_disk, teardown);
	tcase_set_timeout(disk, 60);
	tcase_add_test(disk, full_disk_is_waited_out);
	tcase_add_test(disk, any_failing_write_is_repeated);
	suite_add_tcase(suite, disk);
	return unit_main(suite);
}
