#include "src/store/day.h"

#include <stdlib.h>
#include <string.h>

#include "src/base/log.h"

void
day_free(struct day *d)
{
	free(d->slices);
	memset(d, 0, sizeof(*d));
}

void
day_begin(struct day *d, uint16_t dev, int64_t bucket)
{
	d->open = true;
	d->dirty = false;
	d->dev = dev;
	d->bucket = bucket;
	d->n = 0;
	d->n_periods = 0;
}

static int
reserve(struct day *d, size_t n)
{
	size_t size = d->size > 0 ? d->size : 64;
	struct slice *bigger;

	if (n <= d->size)
		return E_OK;
	if (n > DAY_SLICES_MAX)
		return E_LIMIT;
	while (size < n)
		size *= 2;
	bigger = realloc(d->slices, size * sizeof(*bigger));
	if (bigger == NULL)
		return E_NOMEM;
	d->slices = bigger;
	d->size = size;
	return E_OK;
}

static int
by_time(const void *a, const void *b)
{
	int64_t x = ((const struct slice *)a)->ts, y = ((const struct slice *)b)->ts;

	return x < y ? -1 : x > y;
}

int
day_add_row(struct day *d, const struct row *row)
{
	size_t n = unpack_slices_count(row->data, row->len);
	int rc;

	if (d->n_periods < DAY_PERIODS_MAX)
		d->periods[d->n_periods++] = (uint16_t)row->at.sub;
	if (n == 0) {
		log_error("store", "dev=%u day=%lld: row of slices is damaged", row->at.dev,
		    (long long)row->at.bucket);
		return E_OK;
	}
	if ((rc = reserve(d, d->n + n)) < 0)
		return rc;
	rc = unpack_slices(row->data, row->len, bucket_base(REC_EL_PROFILE, row->at.bucket),
	    (uint16_t)row->at.sub, d->slices + d->n, n, &n);
	d->n += n;
	if (d->n_periods > 1)
		qsort(d->slices, d->n, sizeof(*d->slices), by_time);
	return rc;
}

int
day_load(struct day *d, struct archive *a, uint16_t dev, int64_t bucket)
{
	struct walk walk;
	struct row row;
	int rc;

	day_begin(d, dev, bucket);
	walk_init(&walk, a, REC_EL_PROFILE, dev, bucket, bucket, false);
	while ((rc = walk_next(&walk, &row)) > 0)
		if ((rc = day_add_row(d, &row)) < 0)
			break;
	walk_end(&walk);
	d->open = rc == E_OK;
	return rc;
}

size_t
day_find(const struct day *d, int64_t ts)
{
	size_t low = 0, high = d->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (d->slices[middle].ts < ts)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool
has_period(const uint16_t *periods, unsigned n, uint16_t period)
{
	for (unsigned i = 0; i < n; i++)
		if (periods[i] == period)
			return true;
	return false;
}

/* The periods that occur, in order of appearance; their number may exceed the room by one. */
static unsigned
periods_of(const struct day *d, uint16_t periods[DAY_PERIODS_MAX + 1])
{
	unsigned n = 0;

	for (size_t i = 0; i < d->n && n <= DAY_PERIODS_MAX; i++)
		if (!has_period(periods, n, d->slices[i].period_min))
			periods[n++] = d->slices[i].period_min;
	return n;
}

int
day_insert(struct day *d, size_t at, const struct slice *s)
{
	uint16_t periods[DAY_PERIODS_MAX + 1];
	int rc = reserve(d, d->n + 1);

	if (rc < 0)
		return rc;
	if (periods_of(d, periods) >= DAY_PERIODS_MAX &&
	    !has_period(periods, DAY_PERIODS_MAX, s->period_min))
		return E_LIMIT;
	memmove(d->slices + at + 1, d->slices + at, (d->n - at) * sizeof(*s));
	d->slices[at] = *s;
	d->n++;
	d->dirty = true;
	return E_OK;
}

void
day_drop_before(struct day *d, int64_t ts)
{
	size_t n = day_find(d, ts);

	if (n == 0)
		return;
	memmove(d->slices, d->slices + n, (d->n - n) * sizeof(*d->slices));
	d->n -= n;
	d->dirty = true;
}

static int
flush_period(struct day *d, struct archive *a, uint16_t period, struct slice *scratch, uint8_t *bytes,
    size_t size)
{
	const struct position at = { d->bucket, d->dev, period };
	struct wr w = wr_init(bytes, size);
	size_t n = 0;

	for (size_t i = 0; i < d->n; i++)
		if (d->slices[i].period_min == period)
			scratch[n++] = d->slices[i];
	pack_slices(&w, scratch, n, bucket_base(REC_EL_PROFILE, d->bucket));
	if (!wr_ok(&w))
		return E_INTERNAL;
	return archive_row_put(a, REC_EL_PROFILE, &at, bytes, w.len);
}

static int
flush_rows(struct day *d, struct archive *a)
{
	uint16_t periods[DAY_PERIODS_MAX + 1];
	unsigned n_periods = periods_of(d, periods);
	size_t size = d->n * PACK_SLICE_MAX + 32;
	struct slice *scratch = malloc((d->n + 1) * sizeof(*scratch));
	uint8_t *bytes = malloc(size);
	int rc = scratch != NULL && bytes != NULL ? E_OK : E_NOMEM;

	for (unsigned i = 0; i < n_periods && rc == E_OK; i++)
		rc = flush_period(d, a, periods[i], scratch, bytes, size);
	for (unsigned i = 0; i < d->n_periods && rc == E_OK; i++) {
		const struct position gone = { d->bucket, d->dev, d->periods[i] };

		if (!has_period(periods, n_periods, d->periods[i]))
			rc = archive_row_delete(a, REC_EL_PROFILE, &gone);
	}
	if (rc == E_OK) {
		memcpy(d->periods, periods, sizeof(d->periods));
		d->n_periods = n_periods;
		d->dirty = false;
	}
	free(scratch);
	free(bytes);
	return rc;
}

int
day_flush(struct day *d, struct archive *a)
{
	return d->open && d->dirty ? flush_rows(d, a) : E_OK;
}

void
slice_from_record(struct slice *s, const struct record *r)
{
	*s = (struct slice){ .ts = r->ts, .diff_s = r->diff_s, .period_min = r->period_min,
	    .flags = r->flags, .valid = r->valid, .present = r->valid ? (uint8_t)r->present : 0 };
	for (unsigned slot = 0; slot < PROFILE_SLOTS; slot++)
		if ((s->present >> slot & 1) != 0)
			s->v[slot] = r->v[slot];
	if (!s->valid)
		s->v[0] = record_has(r, 0) ? r->v[0] : r->ts;
}

void
slice_to_record(const struct slice *s, struct record *r)
{
	*r = (struct record){ .type = REC_EL_PROFILE, .ts = s->ts, .diff_s = s->diff_s,
	    .period_min = s->period_min, .flags = s->flags, .valid = s->valid,
	    .present = s->valid ? s->present : 1 };
	memcpy(r->v, s->v, sizeof(s->v));
}
