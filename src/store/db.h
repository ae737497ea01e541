/* Small helpers around SQLite: opening with our settings, error codes, migrations.  Everything in
 * this room that talks to SQLite goes through here or through archive.h. */
#ifndef USPD_STORE_DB_H
#define USPD_STORE_DB_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/base/err.h"

/* Our code for one of SQLite's (SQLITE_OK, ROW and DONE are E_OK). */
int db_error(int sqlite_rc);

/* Opens a file.  A connection is used by one thread at a time and has no mutex of its own.
 *   writable: creates the file when missing, write-ahead log, synchronous as told by `full`
 *   cache_kib: page cache; the whole daemon has 24 MiB (design.md, budgets) */
struct db_options { bool writable, full; int cache_kib; };
int db_open(sqlite3 **, const char *path, struct db_options) USPD_MUST_CHECK;
/* NULL inside allowed; finalises cached statements of the caller first. */
void db_close(sqlite3 **);

int db_exec(sqlite3 *, const char *sql) USPD_MUST_CHECK;
/* For statements whose failure changes nothing (ROLLBACK, tuning pragmas). */
void db_exec_quiet(sqlite3 *, const char *sql);
int db_prepare(sqlite3 *, const char *sql, sqlite3_stmt **) USPD_MUST_CHECK;
/* Steps a statement that returns no rows and resets it. */
int db_run(sqlite3_stmt *) USPD_MUST_CHECK;
/* First column of the first row; E_NODATA when there is none. */
int db_integer(sqlite3 *, const char *sql, int64_t *) USPD_MUST_CHECK;
/* Text column that is never NULL, cut to size. */
void db_text(sqlite3_stmt *, int column, char *to, size_t size);

/* A numbered migration: the file is at version i after migrations[0..i-1] have run. */
struct migration { const char *sql; };
/* Runs what is missing, each in one transaction.  E_VERSION when the file is newer than known. */
int db_migrate(sqlite3 *, const char *path, const struct migration *, unsigned n, char *why,
    size_t why_size) USPD_MUST_CHECK;

/* Check of one file; E_CORRUPT with the first complaint in `why`.  `full` also compares indices. */
int db_check(sqlite3 *, bool full, char *why, size_t why_size) USPD_MUST_CHECK;

#endif
