/* A connection to archive.db with its prepared statements, and walks over the rows of a table.
 *
 * Rows are clustered by bucket of time, then meter (storage.md 2.1).  The rows of one meter are
 * found by hops: look for (bucket, meter); what the search lands on instead tells the next place
 * where that meter can be, so holes of any length cost one search. */
#ifndef USPD_STORE_ARCHIVE_H
#define USPD_STORE_ARCHIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/base/err.h"
#include "src/store/db.h"
#include "src/store/schema.h"

enum row_op { ROW_GET, ROW_PUT, ROW_DELETE, ROW_UP, ROW_DOWN, ROW_OPS };

/* ROW(enumerator, SQL) */
#define ARCHIVE_STATEMENTS(ROW) \
	ROW(ST_JOURNAL_GET, "SELECT event, diff, made FROM journal" \
	    " WHERE dev = ?1 AND code = ?2 AND ts = ?3 AND seq = ?4") \
	ROW(ST_JOURNAL_PUT, "INSERT OR REPLACE INTO journal(dev, code, ts, seq, event, diff, made)" \
	    " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)") \
	ROW(ST_JOURNAL_OLDEST, "SELECT ts, seq FROM journal WHERE dev = ?1 AND code = ?2" \
	    " ORDER BY ts, seq LIMIT 2") \
	ROW(ST_JOURNAL_DELETE, "DELETE FROM journal" \
	    " WHERE dev = ?1 AND code = ?2 AND ts = ?3 AND seq = ?4") \
	ROW(ST_JOURNAL_UP, "SELECT code, ts, seq, event, diff, made FROM journal WHERE dev = ?1" \
	    " AND code = ?2 AND ts BETWEEN ?3 AND ?4 ORDER BY ts, seq") \
	ROW(ST_JOURNAL_DOWN, "SELECT code, ts, seq, event, diff, made FROM journal WHERE dev = ?1" \
	    " AND code = ?2 AND ts BETWEEN ?3 AND ?4 ORDER BY ts DESC, seq DESC") \
	ROW(ST_JOURNALS_UP, "SELECT code, ts, seq, event, diff, made FROM journal WHERE dev = ?1" \
	    " AND code <= ?2 AND ts BETWEEN ?3 AND ?4 AND (?5 <> 0 OR made IS NULL)" \
	    " ORDER BY ts, code, seq LIMIT ?6") \
	ROW(ST_JOURNALS_DOWN, "SELECT code, ts, seq, event, diff, made FROM journal WHERE dev = ?1" \
	    " AND code <= ?2 AND ts BETWEEN ?3 AND ?4 AND (?5 <> 0 OR made IS NULL)" \
	    " ORDER BY ts DESC, code DESC, seq DESC LIMIT ?6") \
	ROW(ST_STATE_GET, "SELECT config_type, config_ts, serial, model, firmware, config," \
	    " serial_since, link, link_since, last_answer, corrected_day, refused, refused_journals," \
	    " refused_at, memory_version, memory FROM state WHERE dev = ?1") \
	ROW(ST_STATE_PUT, "INSERT INTO state(dev, serial_since, link, link_since, last_answer," \
	    " corrected_day, refused, refused_journals, refused_at, memory_version, memory)" \
	    " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) ON CONFLICT(dev) DO UPDATE SET" \
	    " serial_since = ?2, link = ?3, link_since = ?4, last_answer = ?5, corrected_day = ?6," \
	    " refused = ?7, refused_journals = ?8, refused_at = ?9, memory_version = ?10, memory = ?11") \
	ROW(ST_CONFIG_PUT, "INSERT INTO state(dev, config_type, config_ts, serial, model, firmware," \
	    " config) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT(dev) DO UPDATE SET" \
	    " config_type = CASE ?2 WHEN 0 THEN config_type ELSE ?2 END, config_ts = ?3, serial = ?4," \
	    " model = ?5, firmware = ?6, config = ?7 WHERE config_ts <= ?3") \
	ROW(ST_STATE_DEVS, "SELECT dev FROM state WHERE dev >= ?1 AND config_ts > 0 ORDER BY dev") \
	ROW(ST_STATE_DEVS_DOWN, "SELECT dev FROM state WHERE dev <= ?1 AND config_ts > 0" \
	    " ORDER BY dev DESC") \
	ROW(ST_STATE_SINCE, "SELECT serial_since FROM state WHERE dev = ?1") \
	ROW(ST_STATE_DELETE, "DELETE FROM state WHERE dev = ?1") \
	ROW(ST_META_GET, "SELECT value FROM meta WHERE name = ?1") \
	ROW(ST_META_PUT, "INSERT OR REPLACE INTO meta(name, value) VALUES(?1, ?2)")
enum archive_statement {
#define ROW(id, sql) id,
	ARCHIVE_STATEMENTS(ROW)
#undef ROW
	ST_COUNT
};

struct archive {
	sqlite3 *db;
	sqlite3_stmt *rows[REC_COUNT][ROW_OPS], *others[ST_COUNT];
	/* Readers: a long walk lets go of its snapshot now and then, so that the write-ahead log
	 * can be checkpointed (system.md 14); walks that see another epoch search anew. */
	unsigned epoch;
	bool renews;
	int64_t snapshot_us;
};

void archive_close(struct archive *);
/* Prepared once, then reused; reset and without bindings.  NULL and *rc on failure. */
sqlite3_stmt *archive_row_statement(struct archive *, enum record_type, enum row_op, int *rc);
sqlite3_stmt *archive_statement(struct archive *, enum archive_statement, int *rc);

/* Resets every statement: one that still stands on a row holds its snapshot. */
void archive_reset(struct archive *);
int archive_begin_read(struct archive *) USPD_MUST_CHECK;
void archive_end_read(struct archive *);

int archive_meta_get(struct archive *, const char *name, int64_t *) USPD_MUST_CHECK; /* E_NODATA */
int archive_meta_put(struct archive *, const char *name, int64_t) USPD_MUST_CHECK;

/* Where a row is; sub: time stamp in HOUR tables, period in PROFILE tables, else 0. */
struct position { int64_t bucket; uint16_t dev; int64_t sub; };

/* The blob stays valid until the statement is used again.  E_NODATA when there is no such row. */
struct row { struct position at; const uint8_t *data; size_t len; };
int archive_row_get(struct archive *, enum record_type, const struct position *, struct row *)
    USPD_MUST_CHECK;
int archive_row_put(struct archive *, enum record_type, const struct position *,
    const uint8_t *, size_t) USPD_MUST_CHECK;
int archive_row_delete(struct archive *, enum record_type, const struct position *) USPD_MUST_CHECK;

enum { WALK_ALL_METERS = -1 };
struct walk {
	struct archive *archive;
	enum record_type type;
	int dev;		/* or WALK_ALL_METERS */
	int64_t first, last;	/* buckets, inclusive */
	bool down;
	struct position next;	/* searched next */
	sqlite3_stmt *stmt;
	bool on_row;		/* stmt stands on the row yielded last, else search */
	unsigned epoch;
};
void walk_init(struct walk *, struct archive *, enum record_type, int dev, int64_t first,
    int64_t last, bool down);
/* 1 and the next row; 0 at the end; negative on error.  The row is valid until the next call.
 * Two walks over one table need two statements: only one may go each way at a time. */
int walk_next(struct walk *, struct row *) USPD_MUST_CHECK;
void walk_end(struct walk *);

#endif
