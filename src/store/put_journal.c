/* Journals of meters.  Equal (meter, journal, time, event id) is replaced; another event id of the
 * same second is another row (data-model.md 8).  Where a meter gives no id, the event itself tells
 * two entries of one second apart (poller.md 6.7). */
#include "src/store/put.h"

#include "src/store/store.h"

/* Event ids are not negative; the others are mirrored below zero. */
static int64_t
seq_of(const struct record *r)
{
	if (record_has(r, J_EVENT_ID) && r->v[J_EVENT_ID] >= 0 && r->valid)
		return r->v[J_EVENT_ID];
	return r->valid && record_has(r, J_EVENT) && r->v[J_EVENT] >= 0 ? -1 - r->v[J_EVENT] :
									  INT64_MIN;
}

static void
bind_key(sqlite3_stmt *stmt, uint16_t dev, int code, int64_t ts, int64_t seq)
{
	sqlite3_bind_int64(stmt, 1, dev);
	sqlite3_bind_int64(stmt, 2, code);
	sqlite3_bind_int64(stmt, 3, ts);
	sqlite3_bind_int64(stmt, 4, seq);
}

static int
write_row(struct putter *p, uint16_t dev, int code, const struct record *r)
{
	int rc;
	sqlite3_stmt *stmt = archive_statement(p->archive, ST_JOURNAL_PUT, &rc);

	if (rc < 0)
		return rc;
	bind_key(stmt, dev, code, r->ts, seq_of(r));
	for (int i = 5; i <= 7; i++)
		sqlite3_bind_null(stmt, i);
	if (r->valid && record_has(r, J_EVENT))
		sqlite3_bind_int64(stmt, 5, r->v[J_EVENT]);
	if (r->diff_s != 0)
		sqlite3_bind_int64(stmt, 6, r->diff_s);
	if (!r->valid)
		sqlite3_bind_int64(stmt, 7, record_has(r, 0) ? r->v[0] : r->ts);
	return db_run(stmt);
}

/* E_OK: there is a row; *keep says that it must not give way.  E_NODATA: there is none. */
static int
existing_row(struct putter *p, uint16_t dev, int code, const struct record *r, bool *keep)
{
	int rc;
	sqlite3_stmt *stmt = archive_statement(p->archive, ST_JOURNAL_GET, &rc);

	if (rc < 0)
		return rc;
	bind_key(stmt, dev, code, r->ts, seq_of(r));
	rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		*keep = !r->valid ||
		    (sqlite3_column_type(stmt, 2) == SQLITE_NULL &&
			sqlite3_column_int64(stmt, 0) == r->v[J_EVENT] &&
			(sqlite3_column_type(stmt, 0) != SQLITE_NULL) == record_has(r, J_EVENT) &&
			sqlite3_column_int64(stmt, 1) == r->diff_s);
	sqlite3_reset(stmt);
	return rc == SQLITE_DONE ? E_NODATA : db_error(rc);
}

int
put_journal(struct putter *p, uint16_t dev, const struct record *r)
{
	uint32_t key = ring_key(dev, r->type, r->journal), depth = store_depth(p->settings, r->type);
	int code = journal_code_of(r->type, r->journal);
	struct store_ring ring;
	bool keep = false, more;
	int rc = existing_row(p, dev, code, r, &keep);

	if (rc != E_NODATA)
		return rc < 0 || keep ? rc : write_row(p, dev, code, r);
	rings_get(p->rings, key, &ring);
	if (ring.count >= depth && r->ts < ring.oldest)
		return E_OK;
	if ((rc = write_row(p, dev, code, r)) < 0)
		return rc;
	put_ring_add(&ring, r->ts);
	if ((rc = rings_set(p->rings, key, &ring)) < 0 || ring.count <= depth)
		return rc;
	return put_trim(p, key, 2, &more);
}

int
put_journal_trim(struct putter *p, uint32_t key, struct store_ring *ring)
{
	int code = journal_code_of(ring_type(key), ring_journal(key));
	int64_t ts = 0, seq = 0;
	unsigned n = 0;
	int rc;
	sqlite3_stmt *stmt = archive_statement(p->archive, ST_JOURNAL_OLDEST, &rc);

	if (rc < 0)
		return rc;
	sqlite3_bind_int64(stmt, 1, ring_dev(key));
	sqlite3_bind_int64(stmt, 2, code);
	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		if (n++ == 0) {
			ts = sqlite3_column_int64(stmt, 0);
			seq = sqlite3_column_int64(stmt, 1);
		} else
			ring->oldest = sqlite3_column_int64(stmt, 0);
	}
	sqlite3_reset(stmt);
	if ((rc = db_error(rc)) < 0)
		return rc;
	ring->count = n < 2 ? 0 : ring->count - 1;
	stmt = archive_statement(p->archive, ST_JOURNAL_DELETE, &rc);
	if (rc < 0 || n == 0)
		return rc;
	bind_key(stmt, ring_dev(key), code, ts, seq);
	return db_run(stmt);
}
