#include "src/store/db.h"

#include <stdio.h>
#include <string.h>

#include "src/base/log.h"

int
db_error(int rc)
{
	switch (rc & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return E_OK;
	case SQLITE_FULL:
		return E_FULL;
	case SQLITE_READONLY:
	case SQLITE_PERM:
		return E_READONLY;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_FORMAT:
		return E_CORRUPT;
	case SQLITE_NOMEM:
		return E_NOMEM;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
	case SQLITE_INTERRUPT:
	case SQLITE_PROTOCOL:
		return E_BUSY;
	case SQLITE_IOERR:
	case SQLITE_CANTOPEN:
		return E_IO;
	default:
		return E_INTERNAL;
	}
}

int
db_exec(sqlite3 *db, const char *sql)
{
	return db_error(sqlite3_exec(db, sql, NULL, NULL, NULL));
}

void
db_exec_quiet(sqlite3 *db, const char *sql)
{
	(void)sqlite3_exec(db, sql, NULL, NULL, NULL);
}

int
db_prepare(sqlite3 *db, const char *sql, sqlite3_stmt **stmt)
{
	int rc = sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, stmt, NULL);

	if (rc == SQLITE_ERROR)
		log_error("store", "statement refused: %s: %s", sqlite3_errmsg(db), sql);
	return db_error(rc);
}

int
db_run(sqlite3_stmt *stmt)
{
	int rc = sqlite3_step(stmt);

	sqlite3_reset(stmt);
	return db_error(rc);
}

int
db_integer(sqlite3 *db, const char *sql, int64_t *value)
{
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		*value = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	return rc == SQLITE_DONE ? E_NODATA : db_error(rc);
}

void
db_text(sqlite3_stmt *stmt, int column, char *to, size_t size)
{
	const unsigned char *text = sqlite3_column_text(stmt, column);

	snprintf(to, size, "%s", text != NULL ? (const char *)text : "");
}

int
db_open(sqlite3 **db, const char *path, struct db_options o)
{
	int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE | SQLITE_OPEN_URI |
	    (o.writable ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY);
	char pragma[96];
	int rc;

	*db = NULL;
	rc = db_error(sqlite3_open_v2(path, db, flags, NULL));
	/* SQLite is content to read a file that it may not write. */
	if (rc == E_OK && o.writable && sqlite3_db_readonly(*db, "main") > 0)
		rc = E_READONLY;
	if (rc < 0)
		goto out;
	sqlite3_busy_timeout(*db, 5000);
	/* Eight slots hold a parse; the default of 40 costs 48 KiB per connection. */
	sqlite3_db_config(*db, SQLITE_DBCONFIG_LOOKASIDE, NULL, 512, 16);
	snprintf(pragma, sizeof(pragma), "PRAGMA cache_size = -%d; PRAGMA mmap_size = 0;", o.cache_kib);
	rc = db_exec(*db, pragma);
	if (rc < 0)
		goto out;
	db_exec_quiet(*db, "PRAGMA temp_store = MEMORY");
	if (o.writable)
		rc = db_exec(*db,
		    o.full ? "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;" :
			     "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;");
	if (rc == E_OK && o.writable)
		rc = db_exec(*db,
		    "PRAGMA wal_autocheckpoint = 1000;" /* system.md 14 */
		    "PRAGMA journal_size_limit = 8388608;");
out:
	if (rc < 0)
		db_close(db);
	return rc;
}

void
db_close(sqlite3 **db)
{
	sqlite3_stmt *stmt;

	while (*db != NULL && (stmt = sqlite3_next_stmt(*db, NULL)) != NULL)
		sqlite3_finalize(stmt);
	sqlite3_close(*db);
	*db = NULL;
}

static int
run_migration(sqlite3 *db, const struct migration *m, unsigned version)
{
	char pragma[48];
	int rc = db_exec(db, "BEGIN IMMEDIATE");

	if (rc < 0)
		return rc;
	snprintf(pragma, sizeof(pragma), "PRAGMA user_version = %u", version);
	if ((rc = db_exec(db, m->sql)) < 0 || (rc = db_exec(db, pragma)) < 0 ||
	    (rc = db_exec(db, "COMMIT")) < 0)
		db_exec_quiet(db, "ROLLBACK");
	return rc;
}

int
db_migrate(sqlite3 *db, const char *path, const struct migration *migrations, unsigned n, char *why,
    size_t why_size)
{
	int64_t found = 0;
	int rc = db_integer(db, "PRAGMA user_version", &found);

	if (rc < 0) {
		snprintf(why, why_size, "%s: cannot be read: %s", path, sqlite3_errmsg(db));
		return rc;
	}
	if (found < 0 || found > (int64_t)n) {
		snprintf(why, why_size,
		    "%s: is of version %lld, this program knows up to %u; "
		    "install the newer program again",
		    path, (long long)found, n);
		return E_VERSION;
	}
	for (unsigned v = (unsigned)found; v < n && rc == E_OK; v++) {
		rc = run_migration(db, &migrations[v], v + 1);
		if (rc < 0)
			snprintf(why, why_size, "%s: migration to version %u failed: %s", path, v + 1,
			    sqlite3_errmsg(db));
		else if (found > 0)
			log_info("store", "file=%s migrated to version %u", path, v + 1);
	}
	return rc;
}

int
db_check(sqlite3 *db, bool full, char *why, size_t why_size)
{
	sqlite3_stmt *stmt = NULL;
	char text[128] = "";
	int rc;

	rc = sqlite3_prepare_v2(db, full ? "PRAGMA integrity_check(1)" : "PRAGMA quick_check(1)", -1,
	    &stmt, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		db_text(stmt, 0, text, sizeof(text));
	else
		snprintf(text, sizeof(text), "%s", sqlite3_errmsg(db));
	sqlite3_finalize(stmt);
	if (rc == SQLITE_ROW && strcmp(text, "ok") == 0)
		return E_OK;
	snprintf(why, why_size, "%s", text);
	return rc == SQLITE_ROW ? E_CORRUPT : db_error(rc);
}
