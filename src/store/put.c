#include "src/store/put.h"

#include <stdlib.h>
#include <string.h>

#include "src/base/log.h"
#include "src/store/store.h"

void
putter_free(struct putter *p)
{
	day_free(&p->open);
	day_free(&p->old);
}

int
put_check(const struct record *r)
{
	const struct record_type_info *info = record_type_info(r->type);
	unsigned slots = value_slots(r->type);

	if (info == NULL || r->ts < TS_LEAST || r->ts > TS_MOST)
		return E_INVALID;
	if (info->values == VALUES_CONFIG)
		return r->config != NULL ? E_OK : E_INVALID;
	if (r->valid && slots < 64 && r->present >> slots != 0)
		return E_INVALID;
	if (info->values == VALUES_JOURNAL)
		return r->journal <= JOURNAL_CODE_MAX &&
			(r->journal > 0 || r->type == REC_PLS_JOURNAL) ?
		    E_OK :
		    E_INVALID;
	if (info->values == VALUES_PROFILE)
		return r->period_min <= PROFILE_PERIOD_MAX && r->flags < 16 ? E_OK : E_INVALID;
	return E_OK;
}

void
put_range(const struct putter *p, enum record_type type, int64_t from, int64_t to,
    int64_t *first, int64_t *last)
{
	bucket_range(type, p->span, from, to, first, last);
}

void
put_ring_add(struct store_ring *ring, int64_t ts)
{
	if (ring->count == 0 || ts < ring->oldest)
		ring->oldest = ts;
	if (ring->count == 0 || ts > ring->newest)
		ring->newest = ts;
	ring->count++;
}

static int
unpack_row(enum record_type type, const struct row *row, struct record *r)
{
	int rc = unpack_record(row->data, row->len, bucket_base(type, row->at.bucket), r);

	if (rc < 0)
		log_error("store", "table=%s dev=%u bucket=%lld: row is damaged", schema_table(type),
		    row->at.dev, (long long)row->at.bucket);
	return rc;
}

/* Sets one end of a ring from the table; *found false when the meter has no row. */
static int
find_end(struct putter *p, enum record_type type, uint16_t dev, bool newest, int64_t *ts, bool *found)
{
	struct walk walk;
	struct row row;
	struct record r;
	int rc;

	*found = false;
	walk_init(&walk, p->archive, type, dev, 0, bucket_at(type, 0, TS_MOST) + 1, newest);
	while ((rc = walk_next(&walk, &row)) > 0) {
		if (unpack_row(type, &row, &r) < 0)
			continue;
		*ts = r.ts;
		*found = true;
		break;
	}
	walk_end(&walk);
	return rc < 0 ? rc : E_OK;
}

/* The row of this time stamp may lie in another bucket when the zone was changed since. */
static int
find_home(struct putter *p, uint16_t dev, const struct record *r, struct position *at)
{
	int64_t first, last, own = bucket_of(r->type, p->zone, r->ts);
	struct record other;
	struct row row;
	int rc;

	*at = (struct position){ own, dev, schema_family(r->type) == FAMILY_HOUR ? r->ts : 0 };
	put_range(p, r->type, r->ts, r->ts, &first, &last);
	for (int64_t bucket = first; bucket <= last; bucket++) {
		const struct position candidate = { bucket, dev, at->sub };

		if (bucket == own)
			continue;
		rc = archive_row_get(p->archive, r->type, &candidate, &row);
		if (rc == E_OK && unpack_row(r->type, &row, &other) == E_OK && other.ts == r->ts)
			*at = candidate;
		else if (rc < 0 && rc != E_NODATA)
			return rc;
	}
	return E_OK;
}

/* A bucket holds one record: after a change of zone a new label takes the place of the old one. */
static int
replace_row(struct putter *p, const struct row *row, const struct record *r, const struct wr *packed)
{
	uint32_t key = ring_key(row->at.dev, r->type, 0);
	struct position at = row->at;
	struct store_ring ring;
	struct record old;
	bool readable = unpack_row(r->type, row, &old) == E_OK, found;
	int rc;

	/* The first mark of a label stays, so that its age is known (poller.md 6.3). */
	if (readable && !r->valid && (old.valid || old.ts == r->ts))
		return E_OK;
	if (row->len == packed->len && memcmp(row->data, packed->buf, packed->len) == 0)
		return E_OK;
	rc = archive_row_put(p->archive, r->type, &at, packed->buf, packed->len);
	if (rc < 0 || (readable && old.ts == r->ts))
		return rc;
	rings_get(p->rings, key, &ring);
	if ((rc = find_end(p, r->type, at.dev, false, &ring.oldest, &found)) < 0 ||
	    (rc = find_end(p, r->type, at.dev, true, &ring.newest, &found)) < 0)
		return rc;
	return rings_set(p->rings, key, &ring);
}

/* Removes the oldest row of a ring. */
static int
trim_row(struct putter *p, enum record_type type, uint16_t dev, struct store_ring *ring)
{
	struct position victim = { 0 };
	int64_t first, last;
	struct record r;
	struct walk walk;
	struct row row;
	unsigned n = 0;
	int rc;

	put_range(p, type, ring->oldest, ring->newest, &first, &last);
	walk_init(&walk, p->archive, type, dev, first, last, false);
	while (n < 2 && (rc = walk_next(&walk, &row)) > 0) {
		if (n++ == 0)
			victim = row.at;
		else if (unpack_row(type, &row, &r) == E_OK)
			ring->oldest = r.ts;
	}
	walk_end(&walk);
	if (n > 0)
		rc = archive_row_delete(p->archive, type, &victim);
	ring->count = n < 2 ? 0 : ring->count - 1;
	return rc;
}

static int
trim_one(struct putter *p, uint32_t key, struct store_ring *ring)
{
	enum record_type type = ring_type(key);

	switch (schema_family(type)) {
	case FAMILY_PROFILE:
		return put_slice_trim(p, ring_dev(key), ring);
	case FAMILY_JOURNAL:
		return put_journal_trim(p, key, ring);
	case FAMILY_KEYED:
	case FAMILY_HOUR:
		return trim_row(p, type, ring_dev(key), ring);
	case FAMILY_CONFIG:
	case FAMILY_NONE:
		break;
	}
	return E_OK;
}

int
put_trim(struct putter *p, uint32_t key, unsigned max, bool *more)
{
	uint32_t depth = store_depth(p->settings, ring_type(key));
	struct store_ring ring;
	int rc = E_OK;

	rings_get(p->rings, key, &ring);
	while (max-- > 0 && ring.count > depth && rc == E_OK)
		rc = trim_one(p, key, &ring);
	*more = ring.count > depth;
	return rc < 0 ? rc : rings_set(p->rings, key, &ring);
}

static int
put_row(struct putter *p, uint16_t dev, const struct record *r)
{
	uint32_t key = ring_key(dev, r->type, 0), depth = store_depth(p->settings, r->type);
	uint8_t bytes[PACK_RECORD_MAX];
	struct wr packed = wr_init(bytes, sizeof(bytes));
	struct store_ring ring;
	struct position at;
	struct row row;
	bool more;
	int rc = find_home(p, dev, r, &at);

	if (rc < 0)
		return rc;
	pack_record(&packed, r, bucket_base(r->type, at.bucket));
	rc = archive_row_get(p->archive, r->type, &at, &row);
	if (rc == E_OK)
		return replace_row(p, &row, r, &packed);
	if (rc != E_NODATA)
		return rc;
	rings_get(p->rings, key, &ring);
	if (ring.count >= depth && r->ts < ring.oldest)
		return E_OK;
	if ((rc = archive_row_put(p->archive, r->type, &at, bytes, packed.len)) < 0)
		return rc;
	put_ring_add(&ring, r->ts);
	if ((rc = rings_set(p->rings, key, &ring)) < 0 || ring.count <= depth)
		return rc;
	/* One for the new record and one more, should the depth have been lowered. */
	return put_trim(p, key, 2, &more);
}

int
put_record(struct putter *p, uint16_t dev, const struct record *r)
{
	int32_t offset = zone_offset_s(p->zone, r->ts);

	if (offset < p->span.least)
		p->span.least = offset;
	if (offset > p->span.most)
		p->span.most = offset;
	switch (schema_family(r->type)) {
	case FAMILY_PROFILE:
		return put_slice(p, dev, r);
	case FAMILY_JOURNAL:
		return put_journal(p, dev, r);
	case FAMILY_KEYED:
	case FAMILY_HOUR:
		return put_row(p, dev, r);
	case FAMILY_CONFIG:
	case FAMILY_NONE:
		break;
	}
	return E_INVALID;
}

int
put_finish(struct putter *p)
{
	bool folded = false;
	int rc = day_flush(&p->open, p->archive);

	if (rc == E_OK && p->span.least != p->span_kept.least)
		rc = archive_meta_put(p->archive, "offset_least", p->span.least);
	if (rc == E_OK && p->span.most != p->span_kept.most)
		rc = archive_meta_put(p->archive, "offset_most", p->span.most);
	if (rc == E_OK)
		rc = rings_save(p->rings, p->archive->db, p->sequence, p->fold, &folded);
	if (rc == E_OK && folded)
		rc = archive_meta_put(p->archive, "sequence", p->sequence);
	return rc;
}

void
put_kept(struct putter *p)
{
	rings_keep(p->rings);
	p->span_kept = p->span;
}

void
put_undo(struct putter *p)
{
	rings_undo(p->rings);
	p->span = p->span_kept;
	p->open.open = p->old.open = false;
}

static int
purge_table(struct putter *p, enum record_type type, uint16_t dev, unsigned *left)
{
	struct walk walk;
	struct row row;
	int rc = E_OK;

	walk_init(&walk, p->archive, type, dev, 0, bucket_at(type, 0, TS_MOST) + 1, false);
	while (*left > 0 && (rc = walk_next(&walk, &row)) > 0) {
		struct position victim = row.at;

		if ((rc = archive_row_delete(p->archive, type, &victim)) < 0)
			break;
		--*left;
	}
	walk_end(&walk);
	return *left == 0 || rc > 0 ? E_OK : rc;
}

static int
purge_journals(struct putter *p, uint16_t dev, unsigned *left)
{
	sqlite3_stmt *find, *drop = NULL;
	int rc, step;

	find = archive_statement(p->archive, ST_JOURNALS_UP, &rc);
	if (rc == E_OK)
		drop = archive_statement(p->archive, ST_JOURNAL_DELETE, &rc);
	if (rc < 0)
		return rc;
	sqlite3_bind_int64(find, 1, dev);
	sqlite3_bind_int64(find, 2, INT64_MAX);
	sqlite3_bind_int64(find, 3, INT64_MIN);
	sqlite3_bind_int64(find, 4, INT64_MAX);
	sqlite3_bind_int64(find, 5, 1);
	sqlite3_bind_int64(find, 6, *left);
	while ((step = sqlite3_step(find)) == SQLITE_ROW && rc == E_OK) {
		sqlite3_bind_int64(drop, 1, dev);
		for (int i = 0; i < 3; i++)
			sqlite3_bind_int64(drop, i + 2, sqlite3_column_int64(find, i));
		rc = db_run(drop);
		--*left;
	}
	sqlite3_reset(find);
	return rc < 0 ? rc : db_error(step);
}

static bool
of_dev(void *dev, uint32_t key, const struct store_ring *ring)
{
	(void)ring;
	return ring_dev(key) == *(const uint16_t *)dev;
}

static int
purge_rings(struct putter *p, uint16_t dev)
{
	const struct store_ring none = { 0 };
	uint32_t *keys = NULL;
	size_t n;
	int rc = rings_list(p->rings, of_dev, &dev, &keys, &n);

	for (size_t i = 0; i < n && rc == E_OK; i++)
		rc = rings_set(p->rings, keys[i], &none);
	free(keys);
	return rc;
}

int
put_purge(struct putter *p, uint16_t dev, unsigned max, bool *more)
{
	unsigned left = max;
	sqlite3_stmt *stmt;
	int rc = day_flush(&p->open, p->archive);

	p->open.open = p->old.open = false;
	if (rc == E_OK)
		rc = purge_rings(p, dev);
	for (int type = REC_NONE + 1; type < REC_COUNT && rc == E_OK && left > 0; type++)
		if (schema_table((enum record_type)type) != NULL)
			rc = purge_table(p, (enum record_type)type, dev, &left);
	if (rc == E_OK && left > 0)
		rc = purge_journals(p, dev, &left);
	*more = left == 0;
	if (rc < 0 || *more)
		return rc;
	stmt = archive_statement(p->archive, ST_STATE_DELETE, &rc);
	if (rc < 0)
		return rc;
	sqlite3_bind_int64(stmt, 1, dev);
	return db_run(stmt);
}
