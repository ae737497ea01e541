/* Rows of a profile by range of time, or by entries where the meter does not serve ranges
 * (7.8, 13 "order of fall-backs"). */
#include "meters/dlms/spodes.h"

enum { ROWS_OF_DAYS = 10, DAY_S = 86400, MONTH_LEAST_S = 28 * DAY_S, SLACK_ROWS = 2,
	SELECTION_MAX = 64 };

struct reading {
	struct meter_session *s;
	enum spodes_profile_id id;
	int64_t from, to;		/* rows wanted */
	spodes_row_taker *take;
	void *arg;
	unsigned n;			/* rows received in the last answer */
	int64_t first, last;		/* stamps of its first and last row */
};

/* ---- answers ---- */

/* E_INVALID: the columns are no longer those remembered. */
static int
walk(struct reading *r, const struct spodes_columns *c, struct octets data)
{
	struct axdr a = axdr_init(data.p, data.len);
	struct spodes_row row = { .has_time = false };
	uint32_t n;
	int rc = axdr_enter(&a, AXDR_ARRAY, &n);

	r->n = 0;
	for (; rc >= 0 && n > 0; n--) {
		rc = spodes_row_next(&a, c, r->s->zone, &row);
		if (rc < 0)
			break;
		if (!row.has_time)
			continue; /* no date there is: the row is not believed */
		if (r->n++ == 0)
			r->first = row.ts;
		r->last = row.ts;
		if (row.ts >= r->from && row.ts <= r->to)
			rc = r->take(r->arg, c, &row);
	}
	return rc < 0 ? rc : E_OK;
}

static int
ask(struct reading *r, struct octets selection)
{
	const struct cosem object = spodes_profile_object(r->id, 2);
	struct spodes_columns c;
	struct octets data;
	int rc = E_OK;

	for (int again = 0; again < 2; again++) {
		rc = spodes_columns(r->s, r->id, &c);
		if (rc == E_OK)
			rc = spodes_get(r->s, &object, selection, &data);
		if (rc == E_OK)
			rc = walk(r, &c, data);
		if (rc != E_INVALID)
			break;
		spodes_profile(r->s, r->id)->known = SPODES_UNKNOWN;
	}
	return rc == E_INVALID ? E_FRAME : rc;
}

/* ---- by range ---- */

static struct cosem_time
stamp(struct meter_session *s, int64_t utc)
{
	const struct spodes_memory *m = spodes_memory(s);
	const struct spodes_options *o = &spodes_of(s)->options;
	struct cosem_time t = cosem_time_at(s->zone, utc);

	t.weekday = COSEM_ANY;
	t.status = 0;
	if (o->range_dev == RANGE_DEV_COPY || (m->facts & FACT_COPY_DEV))
		t.deviation = m->facts & FACT_CLOCK ? m->deviation : COSEM_NO_DEVIATION;
	return t;
}

struct octets
spodes_range(struct meter_session *s, uint8_t *buf, size_t size, int64_t from, int64_t to)
{
	const struct cosem by = COSEM(CLASS_CLOCK, 0, 0, 1, 0, 0, 2);
	const struct cosem_time first = stamp(s, from), last = stamp(s, to);
	struct wr w = wr_init(buf, size);

	xdlms_put_range(&w, &by, &first, &last);
	return (struct octets){ buf, w.len };
}

/* Some meters want their own deviation in a range, and give nothing otherwise (7.8). */
static bool
may_want_deviation(struct meter_session *s)
{
	const struct spodes_memory *m = spodes_memory(s);

	return spodes_of(s)->options.range_dev == RANGE_DEV_AUTO && (m->facts & FACT_CLOCK) &&
	    !(m->facts & (FACT_RANGE_GOOD | FACT_COPY_DEV)) && m->deviation != COSEM_NO_DEVIATION;
}

static int
ask_range(struct reading *r, int64_t from, int64_t to)
{
	struct spodes_memory *m = spodes_memory(r->s);
	uint8_t buf[SELECTION_MAX + 16];
	int rc = ask(r, spodes_range(r->s, buf, sizeof(buf), from, to));

	if (rc == E_OK && r->n == 0 && may_want_deviation(r->s)) {
		m->facts |= FACT_COPY_DEV;
		rc = ask(r, spodes_range(r->s, buf, sizeof(buf), from, to));
		if (rc < 0 || r->n == 0)
			m->facts &= (uint8_t)~FACT_COPY_DEV;
	}
	if (rc == E_OK && r->n > 0)
		m->facts |= FACT_RANGE_GOOD;
	return rc;
}

/* Time that one request covers: few rows, so that a lost link loses little. */
static int64_t
span_of(struct reading *r)
{
	const struct spodes_profile *p = spodes_profile(r->s, r->id);

	if (r->id == PROFILE_LOAD)
		return (int64_t)spodes_of(r->s)->options.rows * p->period_s;
	return r->id == PROFILE_DAY ? ROWS_OF_DAYS * DAY_S : INT64_C(31) * ROWS_OF_DAYS * DAY_S;
}

static int64_t
row_s(struct reading *r)
{
	return r->id == PROFILE_LOAD ? spodes_profile(r->s, r->id)->period_s :
	    r->id == PROFILE_DAY     ? DAY_S :
				       MONTH_LEAST_S;
}

static bool
is_refusal(int rc)
{
	return rc == E_UNSUPPORTED || rc == E_REFUSED || rc == E_METER || rc == E_LIMIT;
}

/* E_NODATA: ranges are not served, the rest is to be asked by entries. */
static int
by_range(struct reading *r)
{
	struct spodes_profile *p = spodes_profile(r->s, r->id);
	int64_t from = r->from;
	int rc = E_OK;

	while (rc == E_OK && from <= r->to) {
		int64_t to = from + span_of(r) - 1;

		if (to > r->to)
			to = r->to;
		rc = ask_range(r, from, to);
		if (is_refusal(rc) && r->from == from) {
			p->by_entry = 1;
			return E_NODATA;
		}
		/* It sent what was not asked for: the whole buffer, most likely. */
		if (rc == E_OK && r->n > 0 && r->first < from - 2 * row_s(r)) {
			p->by_entry = 1;
			return r->last >= r->to ? E_OK : E_NODATA;
		}
		from = to + 1;
	}
	return rc;
}

/* ---- by entry ---- */

static int
ask_entries(struct reading *r, int64_t first, int64_t last)
{
	uint8_t buf[SELECTION_MAX];
	struct wr w = wr_init(buf, sizeof(buf));

	xdlms_put_entries(&w, (uint32_t)first, (uint32_t)last, 1, 0);
	return ask(r, (struct octets){ buf, w.len });
}

static int
count_entries(struct reading *r, int64_t *n, bool *is_lifo)
{
	struct cosem object = spodes_profile_object(r->id, 7);
	int64_t sort = 1;
	int rc = spodes_number(r->s, &object, n);

	object.index = 5;
	if (rc == E_OK)
		rc = spodes_number(r->s, &object, &sort);
	if (rc == E_UNSUPPORTED)
		rc = E_OK;
	*is_lifo = sort == 2;
	return rc;
}

/* Rows are no more than one per period, a few captured between apart: so far back at most lies the
 * wanted one.  Holes only make it nearer. */
static int
by_entry(struct reading *r)
{
	int64_t n, back, rows = r->id == PROFILE_LOAD ? spodes_of(r->s)->options.rows : ROWS_OF_DAYS;
	bool is_lifo;
	int rc = count_entries(r, &n, &is_lifo);

	if (rc < 0 || n <= 0)
		return rc;
	rc = is_lifo ? ask_entries(r, 1, 1) : ask_entries(r, n, n);
	if (rc < 0 || r->n == 0 || r->last < r->from)
		return rc;
	if (r->last <= r->to && r->from > r->last - row_s(r))
		return E_OK; /* it was the only one */
	back = (r->last - r->from) / row_s(r);
	back += back / 10 + SLACK_ROWS;
	if (back > n - 1)
		back = n - 1;
	while (rc == E_OK && back > 0) {
		int64_t count = back < rows ? back : rows;

		/* The newest was read already. */
		rc = is_lifo ? ask_entries(r, 2 + back - count, 1 + back) :
			       ask_entries(r, n - back, n - back + count - 1);
		if (rc == E_OK && r->n > 0 && !is_lifo && r->last > r->to)
			break;
		back -= count;
	}
	return rc;
}

int
spodes_rows(struct meter_session *s, enum spodes_profile_id id, int64_t from, int64_t to,
    spodes_row_taker *take, void *arg)
{
	struct reading r = { .s = s, .id = id, .from = from, .to = to, .take = take, .arg = arg };
	struct spodes_columns c;
	int rc = spodes_columns(s, id, &c);

	if (rc < 0)
		return rc;
	if (!spodes_profile(s, id)->by_entry) {
		rc = by_range(&r);
		if (rc != E_NODATA)
			return rc;
	}
	return by_entry(&r);
}
