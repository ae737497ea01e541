/* Journals (meter-mercury-set.md 2.12, 8.2).  A journal is a ring of 10 records (power quality: 100);
 * one short question for the last made record tells whether anything is new. */
#include "meters/mercury230.h"

#include <string.h>

enum { EVENTS_MAX = 512, STATE_BITS = 48, STATE_IDS = 64, JOURNAL_STATE = 0x14, JOURNAL_PROG = 0x13 };
enum { JOURNAL_COVERS = 0x12, COVER_TERMINAL_END = 5 };
/* Added to the id of a record's second time when it equals the first: both must be kept. */
enum { SAME_SECOND_ID = 10 };

static const struct source {
	uint16_t journal;
	uint8_t number;			/* of the meter's journal */
	uint8_t first, second;		/* event of the first and of the second time */
	uint16_t first_id;
} sources[] = {
#define ROW(journal, number, first, second, id) { journal, number, first, second, id },
	M230_JOURNALS(ROW)
#undef ROW
};
enum { SOURCES = sizeof(sources) / sizeof(sources[0]) };

struct event {
	int64_t ts;
	uint16_t event, id;
};

struct harvest {
	struct zone zone;
	const struct source *source;
	unsigned n;
	struct event events[EVENTS_MAX];
};

/* ---- records to events ---- */

static void
add(struct harvest *h, const struct civil *t, unsigned event, unsigned id)
{
	if (h->n < EVENTS_MAX)
		h->events[h->n++] = (struct event){
			.ts = civil_to_utc(h->zone, t, SEASON_UNKNOWN),
			.event = (uint16_t)event, .id = (uint16_t)id,
		};
}

/* State word: an event per error that is set, its number as the code; 0 when all is well again. */
static void
add_state(struct harvest *h, struct rd *r, unsigned index)
{
	struct civil t;
	enum m230_stamp stamp = mercury230_decode_stamp(r, &t);
	uint64_t word = mercury230_decode_state(r, 6);

	if (stamp != M230_STAMP_GOOD)
		return;
	if (word == 0)
		add(h, &t, 0, index * STATE_IDS);
	for (unsigned e = 1; e <= STATE_BITS; e++)
		if (word >> (e - 1) & 1)
			add(h, &t, e, index * STATE_IDS + e);
}

/* Every time that is there and can be; a damaged one is left out, the other one stays. */
static void
add_times(struct harvest *h, struct rd *r, unsigned index)
{
	const struct source *source = h->source;
	unsigned id = source->first_id + index;
	struct civil first, second;
	enum m230_stamp had = mercury230_decode_stamp(r, &first), has;

	if (had == M230_STAMP_GOOD)
		add(h, &first, source->first, id);
	if (mercury230_journal_size(source->number) == 6)
		return;
	has = mercury230_decode_stamp(r, &second);
	if (has != M230_STAMP_GOOD)
		return;
	if (had == M230_STAMP_GOOD && memcmp(&first, &second, sizeof(first)) == 0)
		id += SAME_SECOND_ID;
	add(h, &second, source->second, id);
}

static void
add_record(struct harvest *h, struct rd *r, unsigned index)
{
	unsigned size = mercury230_journal_size(h->source->number);
	const uint8_t *bytes = rd_take(r, size);
	struct mercury230_programming programming;
	struct rd in;

	if (bytes == NULL)
		return;
	in = rd_init(bytes, size);
	if (h->source->number == JOURNAL_STATE)
		add_state(h, &in, index);
	else if (h->source->number == JOURNAL_PROG) {
		mercury230_decode_programming(&in, &programming);
		if (programming.stamp == M230_STAMP_GOOD)
			add(h, &programming.date, h->source->first, h->source->first_id + index);
	} else
		add_times(h, &in, index);
}

/* ---- asking ---- */

static bool
has_seen(const struct mercury230_memory *m, unsigned journal)
{
	return (m->journals_seen >> journal & 1) != 0;
}

/* One request to a journal.  Silence means "no such journal" until this journal has answered;
 * *ability tells of the form of the request and is left alone by a refusal. */
static int
ask_journal(struct meter_session *s, unsigned journal, unsigned which, uint8_t *ability, struct rd *r)
{
	struct mercury230_memory *m = mercury230_memory(s);
	uint8_t local = has_seen(m, journal) && (ability == NULL || *ability == M230_KNOWS) ?
	    M230_KNOWS :
	    M230_UNKNOWN;
	int rc;

	if (ability != NULL && *ability != M230_UNKNOWN && *ability != M230_KNOWS)
		return E_UNSUPPORTED;
	rc = mercury230_try(s, &local, r, M230_EVENTS, M230_ARGS((uint8_t)journal, (uint8_t)which));
	if (rc < 0)
		return rc;
	if (ability != NULL)
		*ability = M230_KNOWS;
	m->journals_seen |= UINT64_C(1) << journal;
	return E_OK;
}

static int
add_single(struct meter_session *s, struct harvest *h, unsigned index)
{
	unsigned number = h->source->number;
	struct rd r;
	int rc = ask_journal(s, number, index, NULL, &r);

	if (rc < 0)
		return rc;
	if (rd_left(&r) != mercury230_journal_size(number))
		return E_FRAME;
	add_record(h, &r, index);
	return E_OK;
}

/* The last made record and its place in the ring.  E_NODATA: this firmware cannot tell it. */
static int
add_last(struct meter_session *s, struct harvest *h, unsigned *index, bool *is_blank)
{
	struct mercury230_memory *m = mercury230_memory(s);
	unsigned number = h->source->number, size = mercury230_journal_size(number);
	uint8_t ability = m->last_record;
	const uint8_t *record;
	struct rd r, in;
	int rc = ask_journal(s, number, M230_LAST_RECORD, &ability, &r);

	m->last_record = ability;
	if (rc == E_UNSUPPORTED && ability != M230_KNOWS)
		return E_NODATA;
	if (rc < 0)
		return rc;
	record = rd_take(&r, size);
	*index = rd_u8(&r);
	if (!rd_done(&r) || *index >= mercury230_journal_depth(number))
		return E_FRAME;
	*is_blank = true;
	for (unsigned i = 0; i < size; i++)
		*is_blank = *is_blank && (record[i] == 0x00 || record[i] == 0xff);
	in = rd_init(record, size);
	add_record(h, &in, *index);
	return E_OK;
}

static bool
is_known(const struct event *e, const struct record *known)
{
	return known != NULL && e->ts == known->ts && record_has(known, J_EVENT) &&
	    record_has(known, J_EVENT_ID) && e->event == known->v[J_EVENT] &&
	    e->id == known->v[J_EVENT_ID];
}

/* Whether what was gathered from `since` on reaches back to what is stored already. */
static bool
reaches(const struct harvest *h, unsigned since, const struct query *q)
{
	bool all_old = h->n > since;

	for (unsigned i = since; i < h->n; i++) {
		if (is_known(&h->events[i], q->known))
			return true;
		all_old = all_old && h->events[i].ts < q->from;
	}
	return all_old;
}

/* ---- whole journals ---- */

static int
add_singles(struct meter_session *s, struct harvest *h, unsigned from, unsigned to)
{
	int rc = E_OK;

	for (unsigned i = from; i < to && rc == E_OK; i++)
		rc = add_single(s, h, i);
	return rc;
}

static int
add_all(struct meter_session *s, struct harvest *h, unsigned from, unsigned to)
{
	struct mercury230_memory *m = mercury230_memory(s);
	unsigned number = h->source->number, size = mercury230_journal_size(number);
	uint8_t ability = m->all_records;
	struct rd r;
	int rc = ask_journal(s, number, M230_ALL_RECORDS, &ability, &r);

	if (rc == E_UNSUPPORTED) {
		rc = add_singles(s, h, from, to);
		/* The journal is there, so it is the form that this firmware lacks. */
		if (rc == E_OK && ability == M230_UNKNOWN)
			m->all_records = M230_REFUSES;
		return rc;
	}
	if (rc < 0)
		return rc;
	m->all_records = ability;
	if (rd_left(&r) != (size_t)size * M230_JOURNAL_DEPTH)
		return E_FRAME;
	rd_skip(&r, (size_t)size * from);
	for (unsigned i = from; i < to; i++)
		add_record(h, &r, i);
	return E_OK;
}

/* Power quality, 100 deep: blocks of 20 back from the one that holds the last record. */
static int
add_blocks(struct meter_session *s, struct harvest *h, const struct query *q, unsigned last)
{
	enum { BLOCKS = M230_PQ_DEPTH / M230_PQ_BLOCK };
	unsigned number = h->source->number, size = mercury230_journal_size(number);
	struct rd r;

	for (unsigned k = 0; k < BLOCKS; k++) {
		unsigned block = (last / M230_PQ_BLOCK + BLOCKS - k) % BLOCKS, since = h->n, left;
		uint8_t ability = M230_UNKNOWN;
		int rc = ask_journal(s, number, M230_ALL_RECORDS - block, &ability, &r);

		if (rc < 0)
			return rc;
		left = (unsigned)rd_left(&r) / size;
		for (unsigned i = 0; i < left; i++)
			add_record(h, &r, block * M230_PQ_BLOCK + i);
		if (left != M230_PQ_BLOCK || h->n == since || reaches(h, since, q))
			break;
	}
	return E_OK;
}

/* The same record by record, newest first. */
static int
add_backwards(struct meter_session *s, struct harvest *h, const struct query *q, unsigned last)
{
	for (unsigned k = 0; k < M230_PQ_DEPTH; k++) {
		unsigned since = h->n;
		int rc = add_single(s, h, (last + M230_PQ_DEPTH - k) % M230_PQ_DEPTH);

		if (rc < 0)
			return rc;
		if (h->n == since || reaches(h, since, q))
			break;
	}
	return E_OK;
}

static const struct event *
newest(const struct harvest *h, unsigned since)
{
	const struct event *best = NULL;

	for (unsigned i = since; i < h->n; i++)
		if (best == NULL || h->events[i].ts >= best->ts)
			best = &h->events[i];
	return best;
}

/* Whether the last record says that nothing came since `known`.  Of a journal made of several, one
 * of the meter's journals may be older than the newest event of all. */
static bool
is_nothing_new(const struct harvest *h, unsigned since, const struct query *q, bool is_shared)
{
	const struct event *best = newest(h, since);

	if (best == NULL || q->known == NULL)
		return false;
	if (is_shared && best->ts < q->known->ts)
		return true;
	for (unsigned i = since; i < h->n; i++)
		if (is_known(&h->events[i], q->known))
			return best->ts == q->known->ts;
	return false;
}

/* Both seals fitted: records 0-4 are the terminal cover, 5-9 the top cover, and only the top cover
 * has a "last record" (2.12). */
static int
covers_range(struct meter_session *s, const struct source *source, unsigned *from, unsigned *to,
    bool *has_last)
{
	struct mercury230_variant v;
	int rc = mercury230_learn(s, &v);
	bool has_two;

	if (rc < 0 && rc != E_UNSUPPORTED)
		return rc;
	has_two = rc == E_OK && v.has_cover_seal && v.has_terminal_seal;
	if (source->journal == J_UNAUTH) {
		*from = COVER_TERMINAL_END;
		return has_two ? E_OK : E_UNSUPPORTED;
	}
	if (has_two) {
		*to = COVER_TERMINAL_END;
		*has_last = false;
	}
	return E_OK;
}

static int
gather(struct meter_session *s, struct harvest *h, const struct query *q, bool is_shared)
{
	struct mercury230_memory *m = mercury230_memory(s);
	unsigned depth = mercury230_journal_depth(h->source->number);
	unsigned from = 0, to = M230_JOURNAL_DEPTH, last = 0, since = h->n;
	bool has_last = true, is_blank = false;
	int rc = E_NODATA;

	if (h->source->number == JOURNAL_COVERS) {
		rc = covers_range(s, h->source, &from, &to, &has_last);
		if (rc < 0)
			return rc;
		rc = E_NODATA;
	}
	if (has_last)
		rc = add_last(s, h, &last, &is_blank);
	if (rc == E_OK && (is_blank || is_nothing_new(h, since, q, is_shared)))
		return E_OK;
	if (rc < 0 && rc != E_NODATA)
		return rc;
	if (depth == M230_PQ_DEPTH && rc == E_NODATA)
		return E_UNSUPPORTED; /* every meter that keeps such journals tells the last one */
	if (depth == M230_JOURNAL_DEPTH) {
		bool must_prove = rc == E_NODATA && has_last && !has_seen(m, h->source->number);

		/* A refusal of the last record may mean the form or the journal: ask plainly. */
		if (must_prove && (rc = add_single(s, h, from)) < 0)
			return rc;
		if (has_last && m->last_record == M230_UNKNOWN)
			m->last_record = M230_REFUSES;
		return add_all(s, h, from, to);
	}
	rc = add_blocks(s, h, q, last);
	return rc == E_UNSUPPORTED ? add_backwards(s, h, q, last) : rc;
}

/* ---- emitting ---- */

static bool
is_before(const struct event *a, const struct event *b)
{
	return a->ts != b->ts ? a->ts < b->ts : a->id != b->id ? a->id < b->id : a->event < b->event;
}

/* Few hundred at most, nearly sorted. */
static void
sort(struct harvest *h)
{
	for (unsigned i = 1; i < h->n; i++) {
		struct event e = h->events[i];
		unsigned k = i;

		for (; k > 0 && is_before(&e, &h->events[k - 1]); k--)
			h->events[k] = h->events[k - 1];
		h->events[k] = e;
	}
}

static int
put_events(struct sink *sink, const struct query *q, const struct harvest *h)
{
	for (unsigned i = 0; i < h->n; i++) {
		const struct event *e = &h->events[i];
		struct record rec = {
			.type = REC_EL_JOURNAL, .journal = q->journal, .valid = true, .ts = e->ts,
		};
		int rc;

		if (e->ts < q->from || (i > 0 && !is_before(&h->events[i - 1], e)))
			continue;
		record_set(&rec, J_EVENT, e->event);
		record_set(&rec, J_EVENT_ID, e->id);
		rc = sink->put(sink, &rec);
		if (rc < 0)
			return rc;
	}
	return E_OK;
}

static unsigned
count_sources(unsigned journal)
{
	unsigned n = 0;

	for (unsigned i = 0; i < SOURCES; i++)
		n += sources[i].journal == journal;
	return n;
}

int
mercury230_read_journal(struct meter_session *s, const struct query *q, struct sink *sink)
{
	struct harvest h = { .zone = s->zone };
	bool is_shared = count_sources(q->journal) > 1, has_any = false;

	for (unsigned i = 0; i < SOURCES; i++) {
		int rc;

		if (sources[i].journal != q->journal)
			continue;
		h.source = &sources[i];
		rc = gather(s, &h, q, is_shared);
		if (rc < 0 && rc != E_UNSUPPORTED)
			return rc;
		has_any = has_any || rc == E_OK;
	}
	if (!has_any)
		return E_UNSUPPORTED;
	sort(&h);
	return put_events(sink, q, &h);
}
