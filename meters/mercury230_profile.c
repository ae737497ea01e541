/* Load profile (meter-mercury-set.md 2.11): a ring of records that advances by one position every
 * period, even while the meter is off, so that the position of a label can be computed from any
 * record whose date is known, the anchor.  Every record read proves itself by its own date. */
#include "meters/mercury230.h"

enum { MEMORY_3 = 0x03, ADDRESS_BIT_17 = 0x80, RING_SMALL = 4096, RING_BIG = 8192 };
enum { RELATIVE_READ = 0x03, RECORD_NUMBERS_SINCE_FW = 7, REBUILDS_MAX = 2 };

struct ring {
	struct zone zone;
	uint32_t constant;
	unsigned n_slots, period_min;
	unsigned anchor_slot;
	int64_t anchor_ts, newest_ts;	/* label of the anchor and of the last record */
};

struct chunk {
	int64_t label;			/* of the first record */
	unsigned n;
	struct mercury230_slice slices[M230_LONGEST_READ];
};

static int64_t
period_s(const struct ring *ring)
{
	return (int64_t)ring->period_min * 60;
}

/* Boundary of the meter's own grid at or after a moment: the end of the interval it lies in. */
static int64_t
grid_at_or_after(const struct ring *ring, int64_t utc)
{
	int64_t local = utc + zone_offset_s(ring->zone, utc);
	int64_t over = local % period_s(ring);

	return over == 0 ? utc : utc + period_s(ring) - over;
}

static int64_t
label_of(const struct ring *ring, const struct civil *t, uint8_t state)
{
	enum season season = state & M230_SLICE_WINTER ? SEASON_WINTER : SEASON_SUMMER;

	return grid_at_or_after(ring, civil_to_utc(ring->zone, t, season));
}

static unsigned
slot_of(const struct ring *ring, int64_t label)
{
	int64_t n = ring->n_slots;
	int64_t slot = (ring->anchor_slot + (label - ring->anchor_ts) / period_s(ring)) % n;

	return (unsigned)(slot < 0 ? slot + n : slot);
}

static void
set_anchor(struct ring *ring, unsigned slot, int64_t label)
{
	ring->anchor_slot = slot;
	ring->anchor_ts = label;
}

static void
remember_anchor(struct meter_session *s, const struct ring *ring)
{
	struct mercury230_memory *m = mercury230_memory(s);

	m->anchor_slot = (uint16_t)ring->anchor_slot;
	m->anchor_ts = ring->anchor_ts;
	m->period_min = (uint8_t)ring->period_min;
}

/* ---- emitting ---- */

static int
put_slice(struct sink *sink, const struct ring *ring, int64_t label,
    const struct mercury230_slice *slice)
{
	struct record rec = {
		.type = REC_EL_PROFILE, .valid = true, .ts = label,
		.period_min = (uint16_t)ring->period_min,
	};

	if (slice->is_empty) {
		rec.flags = PROFILE_PARTIAL; /* the meter was off */
		return sink->put(sink, &rec);
	}
	rec.flags = PROFILE_MEASURED;
	if (slice->state & M230_SLICE_PARTIAL)
		rec.flags |= PROFILE_PARTIAL;
	if (slice->state & M230_SLICE_OVERFLOW)
		rec.flags |= PROFILE_OVERFLOW;
	if (!(slice->state & M230_SLICE_WINTER))
		rec.flags |= PROFILE_SUMMER;
	for (unsigned k = 0; k < PROFILE_SLOTS; k++)
		if (slice->present >> k & 1)
			record_set(&rec, k,
			    mercury230_slice_power(slice->n[k], ring->constant, ring->period_min));
	return sink->put(sink, &rec);
}

static bool
fits(const struct ring *ring, const struct mercury230_slice *slice)
{
	return !slice->is_empty && !slice->is_bad && slice->period_min == ring->period_min;
}

/* Records that carry a date, under the labels of their own; the others only where the dates around
 * them prove the positions (`is_aligned`). */
static int
put_chunk(struct sink *sink, const struct query *q, const struct ring *ring, const struct chunk *c,
    bool is_aligned)
{
	for (unsigned i = 0; i < c->n; i++) {
		const struct mercury230_slice *slice = &c->slices[i];
		int64_t label = c->label + i * period_s(ring);
		int rc;

		if (fits(ring, slice))
			label = label_of(ring, &slice->t, slice->state);
		else if (!slice->is_empty || !is_aligned)
			continue;
		if (label < q->from || label > q->to)
			continue;
		rc = put_slice(sink, ring, label, slice);
		if (rc < 0)
			return rc;
	}
	return E_OK;
}

/* Position of the first record whose date is not the expected one; n when all are as expected. */
static unsigned
first_mismatch(const struct ring *ring, const struct chunk *c)
{
	for (unsigned i = 0; i < c->n; i++) {
		const struct mercury230_slice *slice = &c->slices[i];

		if (slice->is_empty)
			continue;
		if (!fits(ring, slice) ||
		    label_of(ring, &slice->t, slice->state) != c->label + i * period_s(ring))
			return i;
	}
	return c->n;
}

/* ---- reading ---- */

static int
decode_chunk(struct rd *r, struct chunk *c)
{
	if (rd_left(r) != (size_t)c->n * M230_RECORD_LEN)
		return E_FRAME;
	for (unsigned i = 0; i < c->n; i++)
		mercury230_decode_slice(r, &c->slices[i]);
	return E_OK;
}

static unsigned
next_shorter(unsigned n)
{
	return n > 12 ? 12 : n > 4 ? 4 : 1;
}

static unsigned
longest_read(const struct mercury230_memory *m)
{
	return m->long_read != 0 ? m->long_read : M230_LONGEST_READ;
}

/* c->n records from position `slot` on; fewer when the meter or the line does not manage so many. */
static int
read_records(struct meter_session *s, unsigned slot, struct chunk *c)
{
	struct mercury230_memory *m = mercury230_memory(s);
	uint32_t address = slot * (uint32_t)M230_RECORD_STEP;
	bool is_refused = false;
	struct rd r;

	for (;;) {
		uint8_t bank = address > UINT16_MAX ? MEMORY_3 | ADDRESS_BIT_17 : MEMORY_3;
		uint8_t ability = m->long_read >= c->n ? M230_KNOWS : M230_UNKNOWN;
		bool is_damaged;
		int rc = mercury230_try(s, &ability, &r, M230_MEMORY,
		    M230_ARGS(bank, (uint8_t)(address >> 8), (uint8_t)address,
			(uint8_t)(c->n * M230_RECORD_LEN)));

		if (rc == E_OK) {
			if (is_refused || c->n == M230_LONGEST_READ)
				m->long_read = (uint8_t)c->n;
			return decode_chunk(&r, c);
		}
		/* Long answers also suffer more from a bad line: for this once, shorter ones. */
		is_damaged = rc == E_CHECKSUM || rc == E_FRAME;
		if (c->n == 1 || !(is_damaged || rc == E_UNSUPPORTED))
			return rc;
		c->n = next_shorter(c->n);
		is_refused = is_refused || !is_damaged;
	}
}

/* One chunk beginning at c->label, its positions proved by the dates in it or corrected by them. */
static int
serve_chunk(struct meter_session *s, const struct query *q, struct sink *sink, struct ring *ring,
    struct chunk *c)
{
	unsigned anchor_slot = ring->anchor_slot, wrong, slot;
	int64_t anchor_ts = ring->anchor_ts;

	for (int rebuilds = 0;; rebuilds++) {
		int rc;

		slot = slot_of(ring, c->label);
		if (c->n > ring->n_slots - slot)
			c->n = ring->n_slots - slot; /* not across the end of the ring */
		rc = read_records(s, slot, c);
		if (rc < 0)
			return rc;
		wrong = first_mismatch(ring, c);
		rc = put_chunk(sink, q, ring, c, wrong == c->n);
		if (rc < 0 || wrong == c->n)
			return rc;
		if (rebuilds == REBUILDS_MAX || !fits(ring, &c->slices[wrong]))
			break;
		set_anchor(ring, slot + wrong,
		    label_of(ring, &c->slices[wrong].t, c->slices[wrong].state));
	}
	set_anchor(ring, anchor_slot, anchor_ts); /* this range is lost; the next may not be */
	return E_OK;
}

static int
serve_range(struct meter_session *s, const struct query *q, struct sink *sink, struct ring *ring)
{
	int64_t oldest = ring->newest_ts - (int64_t)(ring->n_slots - 1) * period_s(ring);
	int64_t label = grid_at_or_after(ring, q->from > oldest ? q->from : oldest);
	int64_t last = q->to < ring->newest_ts ? q->to : ring->newest_ts;
	unsigned most = longest_read(mercury230_memory(s));
	int rc = E_OK;

	while (label <= last && rc == E_OK) {
		int64_t left = (last - label) / period_s(ring) + 1;
		struct chunk c = { .label = label, .n = left < most ? (unsigned)left : most };
		unsigned wanted = c.n, to_end = ring->n_slots - slot_of(ring, label);

		rc = serve_chunk(s, q, sink, ring, &c);
		if (c.n < wanted && c.n < to_end)
			most = c.n;
		label += c.n * period_s(ring);
	}
	return rc;
}

/* ---- finding the anchor ---- */

/* Position of the record the pointer speaks of, by one of the two readings of its number; false
 * when it cannot be so. */
static bool
pointer_slot(const struct ring *ring, const struct mercury230_pointer *p, enum m230_addressing how,
    unsigned *slot)
{
	uint32_t address = p->word;

	if (how == M230_BY_BYTES) {
		address |= p->state & M230_SLICE_HIGH ? UINT32_C(0x10000) : 0;
		if (address % M230_RECORD_STEP != 0)
			return false;
		*slot = address / M230_RECORD_STEP;
	} else
		*slot = p->word;
	return *slot < RING_BIG && (how == M230_BY_BYTES || *slot < ring->n_slots);
}

/* E_NOTFOUND: the record there is another one.  E_BUSY: it is empty, the meter has just returned
 * from a power failure; the next record will tell. */
static int
check_addressing(struct meter_session *s, const struct ring *ring, const struct mercury230_pointer *p,
    enum m230_addressing how, unsigned *slot)
{
	struct chunk c = { .n = 1 };
	int rc;

	if (!pointer_slot(ring, p, how, slot))
		return E_NOTFOUND;
	rc = read_records(s, *slot, &c);
	if (rc < 0)
		return rc;
	if (c.slices[0].is_empty)
		return E_BUSY;
	if (!fits(ring, &c.slices[0]) ||
	    label_of(ring, &c.slices[0].t, c.slices[0].state) != label_of(ring, &p->t, p->state))
		return E_NOTFOUND;
	mercury230_memory(s)->addressing = (uint8_t)how;
	return E_OK;
}

/* Bytes or record numbers, by firmware; proved once per meter by the date of the last record. */
static int
find_newest(struct meter_session *s, struct ring *ring, const struct mercury230_pointer *p)
{
	const struct mercury230_memory *m = mercury230_memory(s);
	enum m230_addressing how = m->addressing;
	bool is_empty;
	unsigned slot;
	int rc = E_OK;

	if (how != M230_ADDRESSING_UNKNOWN) {
		if (!pointer_slot(ring, p, how, &slot))
			rc = E_METER;
	} else {
		how = m->firmware[0] < RECORD_NUMBERS_SINCE_FW ? M230_BY_BYTES : M230_BY_RECORDS;
		rc = check_addressing(s, ring, p, how, &slot);
		is_empty = rc == E_BUSY;
		if (rc == E_NOTFOUND || is_empty)
			rc = check_addressing(s, ring, p,
			    how == M230_BY_BYTES ? M230_BY_RECORDS : M230_BY_BYTES, &slot);
		if (rc == E_NOTFOUND) /* the last record has not the date the meter says it has */
			rc = is_empty ? E_BUSY : E_METER;
	}
	if (rc < 0)
		return rc;
	ring->newest_ts = label_of(ring, &p->t, p->state);
	if (slot >= ring->n_slots)
		ring->n_slots = RING_BIG; /* short variants do not tell the size */
	set_anchor(ring, slot, ring->newest_ts);
	return E_OK;
}

static int
read_by_pointer(struct meter_session *s, const struct query *q, struct sink *sink, struct ring *ring)
{
	struct mercury230_pointer p;
	struct rd r;
	int rc = mercury230_ask(s, &r, M230_PARAM, M230_ARGS(M230_POINTER));

	if (rc == E_OK)
		rc = mercury230_decode_pointer(&r, &p);
	if (rc < 0)
		return rc;
	if (p.is_empty || p.period_min == 0)
		return E_OK; /* no record yet */
	if (p.state & M230_SLICE_INIT)
		return E_BUSY; /* the memory is being cleared, minutes long */
	ring->period_min = p.period_min;
	rc = find_newest(s, ring, &p);
	if (rc < 0)
		return rc;
	remember_anchor(s, ring);
	return serve_range(s, q, sink, ring);
}

/* ---- short cuts for the newest few slices ---- */

/* Takes a chunk only when every record has the expected date; E_NODATA otherwise. */
static int
take_exact(const struct query *q, struct sink *sink, const struct ring *ring, const struct chunk *c)
{
	for (unsigned i = 0; i < c->n; i++)
		if (c->slices[i].is_empty)
			return E_NODATA;
	return first_mismatch(ring, c) == c->n ? put_chunk(sink, q, ring, c, true) : E_NODATA;
}

/* 16 03: by distance from the last record, where the meter's time is known already. */
static int
read_relative(struct meter_session *s, const struct query *q, struct sink *sink,
    const struct ring *ring, struct chunk *c)
{
	struct mercury230_memory *m = mercury230_memory(s);
	int64_t now, last, offset;
	uint8_t ability = m->relative;
	struct rd r;
	int rc;

	if (m->firmware[0] < RECORD_NUMBERS_SINCE_FW || !mercury230_has_clock(s))
		return E_NODATA;
	rc = mercury230_now(s, &now);
	if (rc < 0)
		return rc;
	last = grid_at_or_after(ring, now + 1) - period_s(ring);
	offset = (last - c->label) / period_s(ring) - (c->n - 1);
	if (offset < 0 || offset > UINT16_MAX)
		return E_NODATA;
	rc = mercury230_try(s, &ability, &r, M230_RELATIVE,
	    M230_ARGS(RELATIVE_READ, (uint8_t)(offset >> 8), (uint8_t)offset, (uint8_t)c->n));
	m->relative = ability;
	if (rc == E_OK)
		rc = decode_chunk(&r, c);
	if (rc == E_OK)
		rc = take_exact(q, sink, ring, c);
	return rc == E_UNSUPPORTED ? E_NODATA : rc;
}

/* 06 at the position counted from the last anchor, without asking for the pointer. */
static int
read_from_anchor(struct meter_session *s, const struct query *q, struct sink *sink, struct ring *ring,
    struct chunk *c)
{
	unsigned slot = slot_of(ring, c->label), wanted = c->n;
	int rc;

	if (c->n > ring->n_slots - slot)
		return E_NODATA;
	rc = read_records(s, slot, c);
	if (rc == E_OK)
		rc = c->n == wanted ? take_exact(q, sink, ring, c) : E_NODATA;
	if (rc < 0)
		return rc;
	set_anchor(ring, slot + c->n - 1, c->label + (c->n - 1) * period_s(ring));
	remember_anchor(s, ring);
	return E_OK;
}

/* E_NODATA: not served, ask the pointer. */
static int
read_newest(struct meter_session *s, const struct query *q, struct sink *sink, struct ring *ring)
{
	const struct mercury230_memory *m = mercury230_memory(s);
	struct chunk c = { 0 };
	int64_t n;
	int rc;

	if (m->anchor_ts == 0 || m->period_min == 0)
		return E_NODATA;
	ring->period_min = m->period_min;
	if (m->anchor_slot >= ring->n_slots)
		ring->n_slots = RING_BIG;
	set_anchor(ring, m->anchor_slot, m->anchor_ts);
	c.label = grid_at_or_after(ring, q->from);
	n = q->to < c.label ? 0 : (q->to - c.label) / period_s(ring) + 1;
	if (c.label <= ring->anchor_ts || n < 1 || n > longest_read(m))
		return E_NODATA;
	c.n = (unsigned)n;
	rc = read_relative(s, q, sink, ring, &c);
	return rc == E_NODATA ? read_from_anchor(s, q, sink, ring, &c) : rc;
}

int
mercury230_read_profile(struct meter_session *s, const struct query *q, struct sink *sink)
{
	struct mercury230_variant v;
	struct ring ring;
	int rc = mercury230_learn(s, &v);

	if (rc < 0)
		return rc;
	if (!v.has_profile || v.constant == 0)
		return E_UNSUPPORTED;
	if (q->to < q->from)
		return E_OK;
	ring = (struct ring){
		.zone = s->zone, .constant = v.constant,
		.n_slots = v.has_big_memory ? RING_BIG : RING_SMALL,
	};
	rc = read_newest(s, q, sink, &ring);
	return rc == E_NODATA ? read_by_pointer(s, q, sink, &ring) : rc;
}
