/* Integrity checks in the background: quick_check at start and daily, the full check weekly
 * (storage.md 2.8).  A table at a time, so that no check holds back checkpoints for long, and at
 * the lowest priority. */
#include "src/store/store_private.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "src/base/clock.h"
#include "src/base/log.h"

enum { START_MS = 15000, DAY_MS = 24 * 3600 * 1000, WEEK_S = 7 * 86400, PROGRESS_STEPS = 20000 };
enum { PATH_SIZE = 600, SQL_MAX = 96 };

static bool
is_stopping(struct store *s)
{
	bool stop;

	pthread_mutex_lock(&s->queue_lock);
	stop = s->checker_stops;
	pthread_mutex_unlock(&s->queue_lock);
	return stop;
}

static int
interrupt_when_stopping(void *store)
{
	return is_stopping(store);
}

static int
check_table(sqlite3 *db, const char *table, bool full, char *why, size_t why_size)
{
	sqlite3_stmt *stmt = NULL;
	char sql[SQL_MAX];
	int rc;

	snprintf(sql, sizeof(sql), "PRAGMA %s('%s')", full ? "integrity_check" : "quick_check", table);
	rc = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		db_text(stmt, 0, why, why_size);
	else
		snprintf(why, why_size, "%s", sqlite3_errmsg(db));
	sqlite3_finalize(stmt);
	return rc != SQLITE_ROW ? db_error(rc) : strcmp(why, "ok") == 0 ? E_OK : E_CORRUPT;
}

static int
check_tables(sqlite3 *db, bool full, char *why, size_t why_size)
{
	static const char *const others[] = { "journal", "ring", "ring_log", "state", "meta" };
	int rc = E_OK;

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]) && rc == E_OK; i++)
		rc = check_table(db, others[i], full, why, why_size);
	for (int type = REC_NONE + 1; type < REC_COUNT && rc == E_OK; type++)
		if (schema_table((enum record_type)type) != NULL)
			rc = check_table(db, schema_table((enum record_type)type), full, why, why_size);
	return rc;
}

static int
set_checked(struct store *s, void *arg)
{
	int rc = writer_begin(s);

	if (rc == E_OK)
		rc = archive_meta_put(&s->archive, "checked_full", *(const int64_t *)arg);
	if (rc < 0) {
		writer_rollback(s);
		return rc;
	}
	return writer_commit(s);
}

static void
check_archive(struct store *s)
{
	const struct db_options readonly = { .cache_kib = READER_CACHE_KIB };
	char path[PATH_SIZE], why[128] = "";
	int64_t now = clock_utc(), last = 0;
	sqlite3 *db = NULL;
	bool full = false;
	int rc = db_open(&db, store_path(s, "archive.db", path, sizeof(path)), readonly);

	if (rc == E_OK) {
		sqlite3_progress_handler(db, PROGRESS_STEPS, interrupt_when_stopping, s);
		rc = db_integer(db, "SELECT value FROM meta WHERE name = 'checked_full'", &last);
		full = rc == E_OK && now - last >= WEEK_S;
		rc = check_tables(db, full, why, sizeof(why));
	}
	db_close(&db);
	if (rc == E_CORRUPT) {
		log_error("store", "file=%s: check failed: %s", path, why);
		(void)reader_error(s, rc);
	} else if (rc == E_OK && (full || last == 0) && writer_call(s, set_checked, &now) < 0)
		log_debug("store", "time of the full check not noted");
}

static void *
checker_main(void *arg)
{
	struct store *s = arg;
	int64_t due = store_now_ms() + START_MS;
	bool stop;

	(void)setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), 19);
	for (;;) {
		pthread_mutex_lock(&s->queue_lock);
		while (!s->checker_stops && store_wait(&s->checker_wake, &s->queue_lock, due))
			;
		stop = s->checker_stops;
		pthread_mutex_unlock(&s->queue_lock);
		if (stop)
			break;
		check_archive(s);
		due = store_now_ms() + DAY_MS;
	}
	return NULL;
}

int
checker_start(struct store *s)
{
	if (pthread_create(&s->checker_thread, NULL, checker_main, s) != 0)
		return E_NOMEM;
	s->checker_runs = true;
	return E_OK;
}

void
checker_stop(struct store *s)
{
	if (!s->checker_runs)
		return;
	pthread_mutex_lock(&s->queue_lock);
	s->checker_stops = true;
	pthread_cond_signal(&s->checker_wake);
	pthread_mutex_unlock(&s->queue_lock);
	pthread_join(s->checker_thread, NULL);
	s->checker_runs = false;
}
