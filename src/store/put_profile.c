/* Load-profile slices: rows of a day that fill up slot by slot.
 *
 * A ring that is full loses its oldest slice with every new one.  Writing the row of that day anew
 * each time would double what the flash takes, so the oldest slice is only left behind: the ring
 * says where the archive begins, readers skip what lies before, and the row goes when all of its
 * slices are behind.  A day that is written for another reason loses them on the way.  So slices
 * behind the ring are only ever in the day where the ring begins. */
#include "src/store/put.h"

#include <string.h>

#include "src/base/log.h"
#include "src/store/store.h"

static bool
is_day(const struct day *d, uint16_t dev, int64_t bucket)
{
	return d->open && d->dev == dev && d->bucket == bucket;
}

/* Loads the first day at or after `bucket` into p->old unless it is p->open; NULL: there is none. */
static int
day_at_or_after(struct putter *p, uint16_t dev, int64_t bucket, int64_t last, struct day **day)
{
	bool open_counts = p->open.open && p->open.dev == dev && p->open.bucket >= bucket &&
	    p->open.n > 0;
	struct walk walk;
	struct row row;
	int rc;

	*day = NULL;
	if (is_day(&p->old, dev, bucket) && p->old.n > 0 && !is_day(&p->open, dev, bucket)) {
		*day = &p->old;
		return E_OK;
	}
	walk_init(&walk, p->archive, REC_EL_PROFILE, dev, bucket, last, false);
	while ((rc = walk_next(&walk, &row)) > 0)
		if (!is_day(&p->open, dev, row.at.bucket))
			break;
	walk_end(&walk);
	if (rc < 0)
		return rc;
	if (open_counts && (rc == 0 || p->open.bucket < row.at.bucket)) {
		*day = &p->open;
		return E_OK;
	}
	if (rc == 0)
		return E_OK;
	*day = &p->old;
	return day_load(&p->old, p->archive, dev, row.at.bucket);
}

static int
delete_day(struct putter *p, struct day *d)
{
	int rc = E_OK;

	if (d == &p->open) {
		d->n = 0;
		d->dirty = true;
		return E_OK;
	}
	for (unsigned i = 0; i < d->n_periods && rc == E_OK; i++) {
		const struct position at = { d->bucket, d->dev, d->periods[i] };

		rc = archive_row_delete(p->archive, REC_EL_PROFILE, &at);
	}
	d->open = false;
	return rc;
}

/* Finds the first slice at or after ring->oldest: the day and its index; *day NULL when none. */
static int
find_oldest(struct putter *p, uint16_t dev, const struct store_ring *ring, struct day **day, size_t *i)
{
	int64_t bucket, last;
	int rc;

	put_range(p, REC_EL_PROFILE, ring->oldest, ring->newest, &bucket, &last);
	while ((rc = day_at_or_after(p, dev, bucket, last, day)) == E_OK && *day != NULL) {
		*i = day_find(*day, ring->oldest);
		if (*i < (*day)->n)
			break;
		bucket = (*day)->bucket + 1;
		if ((rc = delete_day(p, *day)) < 0)
			break;
	}
	return rc;
}

int
put_slice_trim(struct putter *p, uint16_t dev, struct store_ring *ring)
{
	struct day *day;
	size_t i = 0;
	int rc = find_oldest(p, dev, ring, &day, &i);

	if (rc < 0)
		return rc;
	ring->count--;
	if (day == NULL) {
		*ring = (struct store_ring){ 0 };
		return E_OK;
	}
	/* One second on is where the ring begins now: the rest is what find_oldest does. */
	ring->oldest = day->slices[i].ts + 1;
	if (day == &p->open)
		day_drop_before(day, ring->oldest);
	if ((rc = find_oldest(p, dev, ring, &day, &i)) < 0)
		return rc;
	if (day == NULL)
		*ring = (struct store_ring){ 0 };
	else
		ring->oldest = day->slices[i].ts;
	return E_OK;
}

/* Makes (dev, bucket) the open day; slices behind the ring go. */
static int
open_day(struct putter *p, uint16_t dev, int64_t bucket, const struct store_ring *ring)
{
	int rc = E_OK;

	if (is_day(&p->open, dev, bucket))
		return E_OK;
	if ((rc = day_flush(&p->open, p->archive)) < 0)
		return rc;
	if (p->old.open && p->old.dev == dev)
		p->old.open = false;
	rc = day_load(&p->open, p->archive, dev, bucket);
	if (rc == E_OK)
		day_drop_before(&p->open, ring->count > 0 ? ring->oldest : INT64_MAX);
	return rc;
}

/* The ring will begin earlier: what lies behind its old beginning must not come back to life. */
static int
clean_beginning(struct putter *p, uint16_t dev, const struct store_ring *ring)
{
	int64_t bucket, last;
	struct day *day;
	int rc;

	put_range(p, REC_EL_PROFILE, ring->oldest, ring->newest, &bucket, &last);
	rc = day_at_or_after(p, dev, bucket, last, &day);
	if (rc < 0 || day == NULL || day == &p->open)
		return rc;
	return open_day(p, dev, day->bucket, ring);
}

/* Like find_home() of the other tables: the slice may lie in the day of another zone. */
static int
find_day(struct putter *p, uint16_t dev, int64_t ts, int64_t *bucket)
{
	int64_t first, last;
	int rc = E_OK;

	*bucket = bucket_of(REC_EL_PROFILE, p->zone, ts);
	put_range(p, REC_EL_PROFILE, ts, ts, &first, &last);
	for (int64_t b = first; first < last && b <= last; b++) {
		const struct day *d = is_day(&p->open, dev, b) ? &p->open : &p->old;
		size_t i;

		if (!is_day(d, dev, b) && (rc = day_load(&p->old, p->archive, dev, b)) < 0)
			return rc;
		i = day_find(d, ts);
		if (i < d->n && d->slices[i].ts == ts)
			*bucket = b;
	}
	return rc;
}

static bool
equal_slices(const struct slice *a, const struct slice *b)
{
	return a->ts == b->ts && memcmp(a->v, b->v, sizeof(a->v)) == 0 && a->diff_s == b->diff_s &&
	    a->period_min == b->period_min && a->flags == b->flags && a->present == b->present &&
	    a->valid == b->valid;
}

static int
replace_slice(struct day *d, size_t at, const struct slice *s)
{
	struct slice *old = &d->slices[at];

	if (!s->valid)
		return E_OK; /* neither a value nor the first mark gives way to a mark */
	if (equal_slices(old, s))
		return E_OK;
	*old = *s;
	d->dirty = true;
	return E_OK;
}

int
put_slice(struct putter *p, uint16_t dev, const struct record *r)
{
	uint32_t key = ring_key(dev, REC_EL_PROFILE, 0);
	uint32_t depth = store_depth(p->settings, REC_EL_PROFILE);
	struct store_ring ring;
	struct slice slice;
	int64_t bucket;
	size_t at;
	bool more;
	int rc;

	rings_get(p->rings, key, &ring);
	if (ring.count >= depth && r->ts < ring.oldest)
		return E_OK;
	slice_from_record(&slice, r);
	if (ring.count > 0 && r->ts < ring.oldest && (rc = clean_beginning(p, dev, &ring)) < 0)
		return rc;
	if ((rc = find_day(p, dev, r->ts, &bucket)) < 0 || (rc = open_day(p, dev, bucket, &ring)) < 0)
		return rc;
	at = day_find(&p->open, r->ts);
	if (at < p->open.n && p->open.slices[at].ts == r->ts)
		return replace_slice(&p->open, at, &slice);
	rc = day_insert(&p->open, at, &slice);
	if (rc == E_LIMIT) {
		log_warn("store", "dev=%u ts=%lld: day has too many slices or periods, not stored", dev,
		    (long long)r->ts);
		return E_OK;
	}
	if (rc < 0)
		return rc;
	put_ring_add(&ring, r->ts);
	if ((rc = rings_set(p->rings, key, &ring)) < 0 || ring.count <= depth)
		return rc;
	return put_trim(p, key, 2, &more);
}
