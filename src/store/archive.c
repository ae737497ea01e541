#include "src/store/archive.h"

#include <stdio.h>
#include <string.h>

#include "src/base/clock.h"

enum { SQL_MAX = 160, SNAPSHOT_MAX_US = 5000000 };

static const char *const other_sql[ST_COUNT] = {
#define ROW(id, sql) [id] = sql,
	ARCHIVE_STATEMENTS(ROW)
#undef ROW
};

/* What stands before and behind the name of the table. */
struct row_sql { const char *before, *behind; };

static const struct row_sql keyed_sql[ROW_OPS] = {
	[ROW_GET] = { "SELECT v FROM ", " WHERE k = ?1" },
	[ROW_PUT] = { "INSERT OR REPLACE INTO ", "(k, v) VALUES(?1, ?2)" },
	[ROW_DELETE] = { "DELETE FROM ", " WHERE k = ?1" },
	[ROW_UP] = { "SELECT k, v FROM ", " WHERE k >= ?1 ORDER BY k" },
	[ROW_DOWN] = { "SELECT k, v FROM ", " WHERE k <= ?1 ORDER BY k DESC" },
};

static const struct row_sql hour_sql[ROW_OPS] = {
	[ROW_GET] = { "SELECT v FROM ", " WHERE bucket = ?1 AND dev = ?2 AND ts = ?3" },
	[ROW_PUT] = { "INSERT OR REPLACE INTO ", "(bucket, dev, ts, v) VALUES(?1, ?2, ?3, ?4)" },
	[ROW_DELETE] = { "DELETE FROM ", " WHERE bucket = ?1 AND dev = ?2 AND ts = ?3" },
	[ROW_UP] = { "SELECT bucket, dev, ts, v FROM ",
	    " WHERE (bucket, dev, ts) >= (?1, ?2, ?3) ORDER BY bucket, dev, ts" },
	[ROW_DOWN] = { "SELECT bucket, dev, ts, v FROM ",
	    " WHERE (bucket, dev, ts) <= (?1, ?2, ?3) ORDER BY bucket DESC, dev DESC, ts DESC" },
};

void
archive_close(struct archive *a)
{
	db_close(&a->db);
	memset(a, 0, sizeof(*a));
}

static sqlite3_stmt *
fresh(sqlite3_stmt *stmt)
{
	sqlite3_reset(stmt);
	return stmt;
}

sqlite3_stmt *
archive_row_statement(struct archive *a, enum record_type type, enum row_op op, int *rc)
{
	const struct row_sql *parts = &(schema_family(type) == FAMILY_HOUR ? hour_sql : keyed_sql)[op];
	sqlite3_stmt **stmt = &a->rows[type][op];
	char sql[SQL_MAX + 32];

	*rc = E_OK;
	if (*stmt != NULL)
		return fresh(*stmt);
	snprintf(sql, sizeof(sql), "%s%s%s", parts->before, schema_table(type), parts->behind);
	*rc = db_prepare(a->db, sql, stmt);
	return *stmt;
}

sqlite3_stmt *
archive_statement(struct archive *a, enum archive_statement id, int *rc)
{
	*rc = E_OK;
	if (a->others[id] != NULL)
		return fresh(a->others[id]);
	*rc = db_prepare(a->db, other_sql[id], &a->others[id]);
	return a->others[id];
}

int
archive_begin_read(struct archive *a)
{
	a->snapshot_us = clock_mono_us();
	return db_exec(a->db, "BEGIN");
}

void
archive_reset(struct archive *a)
{
	for (sqlite3_stmt *s = sqlite3_next_stmt(a->db, NULL); s != NULL;
	     s = sqlite3_next_stmt(a->db, s))
		sqlite3_reset(s);
}

void
archive_end_read(struct archive *a)
{
	archive_reset(a);
	db_exec_quiet(a->db, "COMMIT");
}

static int
renew_snapshot(struct archive *a)
{
	archive_end_read(a);
	a->epoch++;
	return archive_begin_read(a);
}

int
archive_meta_get(struct archive *a, const char *name, int64_t *value)
{
	int rc;
	sqlite3_stmt *stmt = archive_statement(a, ST_META_GET, &rc);

	if (rc < 0)
		return rc;
	sqlite3_bind_text(stmt, 1, name, -1, SQLITE_STATIC);
	rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		*value = sqlite3_column_int64(stmt, 0);
	sqlite3_reset(stmt);
	return rc == SQLITE_DONE ? E_NODATA : db_error(rc);
}

int
archive_meta_put(struct archive *a, const char *name, int64_t value)
{
	int rc;
	sqlite3_stmt *stmt = archive_statement(a, ST_META_PUT, &rc);

	if (rc < 0)
		return rc;
	sqlite3_bind_text(stmt, 1, name, -1, SQLITE_STATIC);
	sqlite3_bind_int64(stmt, 2, value);
	return db_run(stmt);
}

/* Binds a position and returns the index of the next parameter. */
static int
bind_position(sqlite3_stmt *stmt, enum record_type type, const struct position *p)
{
	int64_t key = (int64_t)((uint64_t)p->bucket << 16 | p->dev);

	switch (schema_family(type)) {
	case FAMILY_HOUR:
		sqlite3_bind_int64(stmt, 1, p->bucket);
		sqlite3_bind_int64(stmt, 2, p->dev);
		sqlite3_bind_int64(stmt, 3, p->sub);
		return 4;
	case FAMILY_PROFILE:
		sqlite3_bind_int64(stmt, 1,
		    (int64_t)((uint64_t)key << PROFILE_PERIOD_BITS | (uint64_t)p->sub));
		return 2;
	default:
		sqlite3_bind_int64(stmt, 1, key);
		return 2;
	}
}

/* Takes the row a walking statement stands on. */
static void
take_row(sqlite3_stmt *stmt, enum record_type type, struct row *row)
{
	int column = 1;
	int64_t key = sqlite3_column_int64(stmt, 0);

	row->at = (struct position){ .bucket = key };
	switch (schema_family(type)) {
	case FAMILY_HOUR:
		row->at.dev = (uint16_t)sqlite3_column_int(stmt, 1);
		row->at.sub = sqlite3_column_int64(stmt, 2);
		column = 3;
		break;
	case FAMILY_PROFILE:
		row->at.sub = key & PROFILE_PERIOD_MAX;
		key >>= PROFILE_PERIOD_BITS;
		/* fall through */
	default:
		row->at.dev = (uint16_t)(key & UINT16_MAX);
		row->at.bucket = key >> 16;
	}
	row->data = sqlite3_column_blob(stmt, column);
	row->len = row->data != NULL ? (size_t)sqlite3_column_bytes(stmt, column) : 0;
}

int
archive_row_get(struct archive *a, enum record_type type, const struct position *p, struct row *row)
{
	int rc;
	sqlite3_stmt *stmt = archive_row_statement(a, type, ROW_GET, &rc);

	if (rc < 0)
		return rc;
	bind_position(stmt, type, p);
	rc = sqlite3_step(stmt);
	if (rc != SQLITE_ROW)
		return rc == SQLITE_DONE ? E_NODATA : db_error(rc);
	row->at = *p;
	row->data = sqlite3_column_blob(stmt, 0);
	row->len = row->data != NULL ? (size_t)sqlite3_column_bytes(stmt, 0) : 0;
	return E_OK;
}

int
archive_row_put(struct archive *a, enum record_type type, const struct position *p,
    const uint8_t *data, size_t len)
{
	int rc;
	sqlite3_stmt *stmt = archive_row_statement(a, type, ROW_PUT, &rc);

	if (rc < 0)
		return rc;
	sqlite3_bind_blob(stmt, bind_position(stmt, type, p), data, (int)len, SQLITE_STATIC);
	return db_run(stmt);
}

int
archive_row_delete(struct archive *a, enum record_type type, const struct position *p)
{
	int rc;
	sqlite3_stmt *stmt = archive_row_statement(a, type, ROW_DELETE, &rc);

	if (rc < 0)
		return rc;
	bind_position(stmt, type, p);
	return db_run(stmt);
}

static int64_t
sub_most(enum record_type type)
{
	enum family family = schema_family(type);

	return family == FAMILY_HOUR ? INT64_MAX : family == FAMILY_PROFILE ? PROFILE_PERIOD_MAX : 0;
}

/* The first place of a bucket, in the direction of the walk, where a wanted row can be. */
static struct position
bucket_entry(const struct walk *w, int64_t bucket)
{
	struct position p = { .bucket = bucket };

	p.dev = w->dev != WALK_ALL_METERS ? (uint16_t)w->dev : w->down ? UINT16_MAX : 0;
	p.sub = w->down ? sub_most(w->type) : 0;
	return p;
}

void
walk_init(struct walk *w, struct archive *a, enum record_type type, int dev, int64_t first,
    int64_t last, bool down)
{
	*w = (struct walk){ .archive = a, .type = type, .dev = dev, .first = first, .last = last,
	    .down = down, .epoch = a->epoch };
	w->next = bucket_entry(w, down ? last : first);
}

void
walk_end(struct walk *w)
{
	if (w->stmt != NULL && w->epoch == w->archive->epoch)
		sqlite3_reset(w->stmt);
	w->stmt = NULL;
	w->on_row = false;
}

static int
search(struct walk *w)
{
	int rc;

	w->epoch = w->archive->epoch;
	w->stmt = archive_row_statement(w->archive, w->type, w->down ? ROW_DOWN : ROW_UP, &rc);
	if (rc == E_OK)
		bind_position(w->stmt, w->type, &w->next);
	return rc;
}

/* Where to search after landing on another meter's row. */
static struct position
hop(const struct walk *w, const struct position *at)
{
	if (w->down)
		return bucket_entry(w, at->dev > w->dev ? at->bucket : at->bucket - 1);
	return bucket_entry(w, at->dev < w->dev ? at->bucket : at->bucket + 1);
}

/* The place right behind a row that was yielded. */
static struct position
behind(const struct walk *w, struct position p)
{
	int64_t step = w->down ? -1 : 1;

	if (sub_most(w->type) > 0 && (w->down ? p.sub > 0 : p.sub < sub_most(w->type)))
		p.sub += step;
	else if (w->dev != WALK_ALL_METERS || p.dev == (w->down ? 0 : UINT16_MAX))
		p = bucket_entry(w, p.bucket + step);
	else {
		p.dev = (uint16_t)(p.dev + step);
		p.sub = w->down ? sub_most(w->type) : 0;
	}
	return p;
}

int
walk_next(struct walk *w, struct row *row)
{
	struct archive *a = w->archive;
	int rc;

	if (a->renews && clock_mono_us() - a->snapshot_us > SNAPSHOT_MAX_US &&
	    (rc = renew_snapshot(a)) < 0)
		return rc;
	if (w->epoch != a->epoch)
		w->on_row = false;
	for (;;) {
		if (!w->on_row && (w->down ? w->next.bucket < w->first : w->next.bucket > w->last))
			return 0;
		if (!w->on_row && (rc = search(w)) < 0)
			return rc;
		rc = sqlite3_step(w->stmt);
		w->on_row = rc == SQLITE_ROW;
		if (w->on_row)
			take_row(w->stmt, w->type, row);
		if (!w->on_row || row->at.bucket < w->first || row->at.bucket > w->last) {
			walk_end(w);
			w->next.bucket = w->down ? INT64_MIN : INT64_MAX;
			return db_error(rc);
		}
		if (w->dev == WALK_ALL_METERS || row->at.dev == w->dev)
			break;
		w->next = hop(w, &row->at);
		w->on_row = false;
	}
	w->next = behind(w, row->at);
	/* A meter with one record per bucket is not on the neighbouring row. */
	if (w->dev != WALK_ALL_METERS && sub_most(w->type) == 0)
		w->on_row = false;
	return 1;
}
