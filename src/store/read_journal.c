/* Reading the journals of meters: one code, or all of a meter merged by time. */
#include "src/store/read_private.h"

#include <stdlib.h>

enum column { CODE, TS, SEQ, EVENT, DIFF, MADE };

static void
take_record(sqlite3_stmt *stmt, struct record *r)
{
	int64_t code = sqlite3_column_int64(stmt, CODE), seq = sqlite3_column_int64(stmt, SEQ);

	*r = (struct record){ .ts = sqlite3_column_int64(stmt, TS),
	    .journal = (uint16_t)(code >= PULSE_JOURNAL_BASE ? code - PULSE_JOURNAL_BASE : code),
	    .diff_s = (int32_t)sqlite3_column_int64(stmt, DIFF) };
	r->valid = sqlite3_column_type(stmt, MADE) == SQLITE_NULL;
	if (!r->valid) {
		record_set(r, 0, sqlite3_column_int64(stmt, MADE));
		return;
	}
	if (sqlite3_column_type(stmt, EVENT) != SQLITE_NULL)
		record_set(r, J_EVENT, sqlite3_column_int64(stmt, EVENT));
	if (seq >= 0)
		record_set(r, J_EVENT_ID, seq);
}

/* The merge is a sort: a limit keeps it small. */
static int64_t
sql_limit(const struct reading *x)
{
	size_t limit = x->range->limit;

	return limit > 0 && limit < INT32_MAX ? (int64_t)(limit - x->emitted) : -1;
}

/* `journal` 0: all journals of the type. */
static int
read_one(struct reading *x, uint16_t dev, uint16_t journal)
{
	const struct store_range *range = x->range;
	bool pulse = range->type == REC_PLS_JOURNAL, all = journal == 0 && !pulse;
	enum archive_statement id = all ? (range->newest_first ? ST_JOURNALS_DOWN : ST_JOURNALS_UP) :
					  (range->newest_first ? ST_JOURNAL_DOWN : ST_JOURNAL_UP);
	int rc, step = SQLITE_DONE;
	sqlite3_stmt *stmt = archive_statement(&x->reader->archive, id, &rc);

	if (rc < 0)
		return rc;
	sqlite3_bind_int64(stmt, 1, dev);
	sqlite3_bind_int64(stmt, 2, all ? JOURNAL_CODE_MAX : journal_code_of(range->type, journal));
	sqlite3_bind_int64(stmt, 3, range->from);
	sqlite3_bind_int64(stmt, 4, range->to);
	if (all) {
		sqlite3_bind_int64(stmt, 5, range->markers);
		sqlite3_bind_int64(stmt, 6, sql_limit(x));
	}
	while (rc == E_OK && (step = sqlite3_step(stmt)) == SQLITE_ROW) {
		take_record(stmt, &x->record);
		rc = emit(x, dev, &x->record);
	}
	sqlite3_reset(stmt);
	return rc != E_OK ? rc : db_error(step);
}

static bool
in_range(void *arg, uint32_t key, const struct store_ring *ring)
{
	const struct store_range *range = ((const struct reading *)arg)->range;

	return ring_type(key) == range->type && ring->newest >= range->from &&
	    ring->oldest <= range->to && (range->journal == 0 || ring_journal(key) == range->journal);
}

/* All meters: the rings tell which of them have something in the range. */
static int
read_all(struct reading *x)
{
	uint32_t *keys = NULL;
	size_t n;
	int rc = rings_list(x->store->rings, in_range, x, &keys, &n);
	int previous = -1;

	for (size_t i = 0; i < n && rc == E_OK; i++) {
		uint16_t dev = ring_dev(keys[x->range->newest_first ? n - 1 - i : i]);

		if (dev != previous)
			rc = read_one(x, dev, x->range->journal);
		previous = dev;
	}
	free(keys);
	return rc;
}

int
read_journals(struct reading *x)
{
	return x->dev == WALK_ALL_METERS ? read_all(x) :
					   read_one(x, (uint16_t)x->dev, x->range->journal);
}
