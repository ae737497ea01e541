/* Reading the archive: store_read(), store_read_all(), labels.  Runs in the caller's thread on a
 * borrowed connection. */
#include "src/store/store_private.h"

#include <string.h>

#include "src/base/log.h"
#include "src/store/consumption.h"
#include "src/store/pack.h"
#include "src/store/read_private.h"
#include "src/store/state.h"

int
emit(struct reading *x, uint16_t dev, struct record *r)
{
	const struct store_range *range = x->range;
	int rc;

	if (reader_late(x->reader))
		return E_BUSY;
	if (r->ts < range->from || r->ts > range->to || (!r->valid && !range->markers) ||
	    (x->dev == WALK_ALL_METERS && store_is_removed(x->store, dev)))
		return E_OK;
	r->type = range->type;
	rc = x->each(x->arg, dev, r);
	x->ended_by_caller = rc != 0;
	if (rc != 0)
		return rc;
	return ++x->emitted == range->limit ? 1 : E_OK;
}

/* Buckets of a range; for one meter no further than its ring.  False: nothing there. */
static bool
find_buckets(struct reading *x, enum record_type type, int64_t *first, int64_t *last)
{
	const struct bucket_span span = { atomic_load(&x->store->span_least),
	    atomic_load(&x->store->span_most) };
	int64_t ring_first, ring_last;
	struct store_ring ring;

	bucket_range(type, span, x->range->from, x->range->to, first, last);
	if (x->dev == WALK_ALL_METERS)
		return true;
	rings_get_committed(x->store->rings, ring_key((uint16_t)x->dev, type, 0), &ring);
	bucket_range(type, span, ring.oldest, ring.newest, &ring_first, &ring_last);
	if (*first < ring_first)
		*first = ring_first;
	if (*last > ring_last)
		*last = ring_last;
	return ring.count > 0;
}

/* Next row that can be decoded: 1, 0 at the end. */
static int
next_record(struct walk *w, struct row *row, struct record *r)
{
	int rc;

	while ((rc = walk_next(w, row)) > 0) {
		if (unpack_record(row->data, row->len, bucket_base(w->type, row->at.bucket), r) == E_OK)
			return 1;
		log_error("store", "table=%s dev=%u bucket=%lld: row is damaged", schema_table(w->type),
		    row->at.dev, (long long)row->at.bucket);
	}
	return rc;
}

static int
read_rows(struct reading *x)
{
	int64_t first, last;
	struct walk walk;
	struct row row;
	int rc = E_OK;

	if (!find_buckets(x, x->range->type, &first, &last))
		return E_OK;
	walk_init(&walk, &x->reader->archive, x->range->type, x->dev, first, last,
	    x->range->newest_first);
	while (rc == E_OK && (rc = next_record(&walk, &row, &x->record)) > 0)
		rc = emit(x, row.at.dev, &x->record);
	walk_end(&walk);
	return rc;
}

/* One side of the merge of readings and consumption that the meter itself delivered. */
struct side {
	struct walk walk;
	struct row row;
	struct record *record;
	bool there;		/* row and record are filled */
};

static int
side_advance(struct side *side)
{
	int rc = next_record(&side->walk, &side->row, side->record);

	side->there = rc > 0;
	return rc < 0 ? rc : E_OK;
}

/* < 0: a comes before b in the direction of the walk. */
static int
compare(const struct side *a, const struct side *b)
{
	const struct position *x = &a->row.at, *y = &b->row.at;
	int order = (x->bucket > y->bucket) - (x->bucket < y->bucket);

	if (!a->there || !b->there)
		return a->there ? -1 : b->there;
	if (order == 0)
		order = (x->dev > y->dev) - (x->dev < y->dev);
	return a->walk.down ? -order : order;
}

/* True: both ends are there, so the difference counts, whether or not a record comes of it. */
static int
derive(struct reading *x, struct side *start, struct record *made, bool *decided, bool *is_made)
{
	enum record_type type = start->walk.type;
	const struct position next = { start->row.at.bucket + 1, start->row.at.dev, 0 };
	struct archive *a = &x->reader->archive;
	struct row row;
	int64_t since;
	int rc = archive_row_get(a, type, &next, &row);

	*decided = *is_made = false;
	if (rc == E_NODATA)
		return E_OK;
	if (rc < 0 || unpack_record(row.data, row.len, bucket_base(type, next.bucket), &x->other) < 0)
		return rc;
	if (!start->record->valid || !x->other.valid)
		return E_OK;
	rc = state_serial_since(a, next.dev, &since);
	*decided = true;
	*is_made = consumption_record(x->range->type, start->record, &x->other, since, 0, made, NULL);
	return rc;
}

/* The difference of the readings where both ends are stored, else what the meter delivered
 * (poller.md 6.8). */
static int
emit_consumption(struct reading *x, struct side *readings, struct side *stored, int order)
{
	bool decided = false, is_made = false;
	uint16_t dev = order <= 0 ? readings->row.at.dev : stored->row.at.dev;
	int rc = E_OK;

	if (order <= 0)
		rc = derive(x, readings, &x->made, &decided, &is_made);
	if (rc == E_OK && is_made)
		return emit(x, dev, &x->made);
	return rc == E_OK && !decided && order >= 0 ? emit(x, dev, stored->record) : rc;
}

static int
read_consumption(struct reading *x)
{
	enum record_type type = x->range->type;
	enum record_type from = type == REC_EL_DAY_CONS ? REC_EL_DAY : REC_EL_MONTH;
	struct side readings = { .record = &x->record }, stored = { .record = &x->stored };
	struct archive *a = &x->reader->archive;
	int64_t first, last;
	int rc = E_OK;

	if (find_buckets(x, from, &first, &last)) {
		walk_init(&readings.walk, a, from, x->dev, first, last, x->range->newest_first);
		rc = side_advance(&readings);
	}
	if (rc == E_OK && find_buckets(x, type, &first, &last)) {
		walk_init(&stored.walk, a, type, x->dev, first, last, x->range->newest_first);
		rc = side_advance(&stored);
	}
	while (rc == E_OK && (readings.there || stored.there)) {
		int order = compare(&readings, &stored);

		rc = emit_consumption(x, &readings, &stored, order);
		if (rc == E_OK && order <= 0)
			rc = side_advance(&readings);
		if (rc == E_OK && order >= 0)
			rc = side_advance(&stored);
	}
	return rc;
}

static int
emit_day(struct reading *x, const struct day *d)
{
	struct store_ring ring;
	int rc = E_OK;

	rings_get_committed(x->store->rings, ring_key(d->dev, REC_EL_PROFILE, 0), &ring);
	for (size_t i = 0; i < d->n && rc == E_OK; i++) {
		const struct slice *s = &d->slices[x->range->newest_first ? d->n - 1 - i : i];

		/* Slices behind the ring are removed but not yet wiped (put_profile.c). */
		if (s->ts < x->range->from || s->ts > x->range->to || s->ts < ring.oldest)
			continue;
		slice_to_record(s, &x->record);
		rc = emit(x, d->dev, &x->record);
	}
	return rc;
}

static int
read_profile(struct reading *x)
{
	int64_t first, last;
	struct walk walk;
	struct row row;
	struct day day = { 0 };
	int rc = E_OK, found;

	if (!find_buckets(x, REC_EL_PROFILE, &first, &last))
		return E_OK;
	walk_init(&walk, &x->reader->archive, REC_EL_PROFILE, x->dev, first, last,
	    x->range->newest_first);
	while (rc == E_OK && (found = walk_next(&walk, &row)) != 0) {
		if (found < 0) {
			rc = found;
			break;
		}
		if (day.open && (day.bucket != row.at.bucket || day.dev != row.at.dev)) {
			rc = emit_day(x, &day);
			day.open = false;
		}
		if (!day.open)
			day_begin(&day, row.at.dev, row.at.bucket);
		if (rc == E_OK)
			rc = day_add_row(&day, &row);
	}
	if (rc == E_OK && day.open)
		rc = emit_day(x, &day);
	walk_end(&walk);
	day_free(&day);
	return rc;
}

static int
emit_config(struct reading *x, uint16_t dev)
{
	enum record_type type;
	int rc = state_read(&x->reader->archive, dev, &x->state, &type);

	if (rc < 0 || x->state.config_ts == 0 || (type != REC_NONE && type != x->range->type))
		return rc;
	x->record = (struct record){ .valid = true,
		.ts = x->state.config_ts,
		.config = &x->state.config };
	return emit(x, dev, &x->record);
}

static int
read_config(struct reading *x)
{
	bool down = x->range->newest_first;
	sqlite3_stmt *stmt;
	int rc, step;

	if (x->dev != WALK_ALL_METERS)
		return emit_config(x, (uint16_t)x->dev);
	stmt = archive_statement(&x->reader->archive, down ? ST_STATE_DEVS_DOWN : ST_STATE_DEVS, &rc);
	if (rc < 0)
		return rc;
	sqlite3_bind_int64(stmt, 1, down ? UINT16_MAX : 0);
	while (rc == E_OK && (step = sqlite3_step(stmt)) != SQLITE_DONE)
		rc = step == SQLITE_ROW ? emit_config(x, (uint16_t)sqlite3_column_int(stmt, 0)) :
					  db_error(step);
	sqlite3_reset(stmt);
	return rc;
}

static int
read_by_type(struct reading *x)
{
	enum record_type type = x->range->type;

	switch (schema_family(type)) {
	case FAMILY_KEYED:
		return type == REC_EL_DAY_CONS || type == REC_EL_MONTH_CONS ? read_consumption(x) :
									      read_rows(x);
	case FAMILY_HOUR:
		return read_rows(x);
	case FAMILY_PROFILE:
		return read_profile(x);
	case FAMILY_JOURNAL:
		return read_journals(x);
	case FAMILY_CONFIG:
		return read_config(x);
	case FAMILY_NONE:
		break;
	}
	return E_INVALID;
}

static int
read_range(struct store *s, int dev, const struct store_range *range, store_each *each, void *arg)
{
	struct reading x = { .store = s, .dev = dev, .range = range, .each = each, .arg = arg };
	int rc;

	if (range->from > range->to)
		return E_OK;
	rc = reader_take(s, range->deadline_ms, &x.reader);
	if (rc < 0)
		return rc;
	rc = archive_begin_read(&x.reader->archive);
	if (rc == E_OK)
		rc = read_by_type(&x);
	archive_end_read(&x.reader->archive);
	reader_give(s, x.reader);
	if (rc > 0)
		return E_OK;
	return x.ended_by_caller ? rc : reader_error(s, rc);
}

int
store_read(struct store *s, uint16_t dev, const struct store_range *range, store_each *each, void *arg)
{
	return read_range(s, dev, range, each, arg);
}

int
store_read_all(struct store *s, const struct store_range *range, store_each *each, void *arg)
{
	return read_range(s, WALK_ALL_METERS, range, each, arg);
}

struct labels { struct store_label *to; size_t max, n; };

static int
take_label(void *arg, uint16_t dev, const struct record *r)
{
	struct labels *l = arg;

	(void)dev;
	if (l->n == l->max)
		return 1;
	l->to[l->n++] = (struct store_label){ r->ts, r->valid, r->valid ? 0 : r->v[0] };
	return E_OK;
}

int
store_labels(struct store *s, uint16_t dev, enum record_type type, int64_t from, int64_t to,
    struct store_label *labels, size_t max, size_t *n)
{
	const struct store_range range = { .type = type, .from = from, .to = to, .markers = true };
	struct labels l = { labels, max, 0 };
	int rc = store_read(s, dev, &range, take_label, &l);

	*n = l.n;
	return rc;
}

int
store_state_get(struct store *s, uint16_t dev, struct meter_state *state)
{
	struct reader *reader;
	int rc = reader_take(s, 0, &reader);

	if (rc < 0)
		return rc;
	rc = state_read(&reader->archive, dev, state, NULL);
	reader_give(s, reader);
	return reader_error(s, rc);
}
