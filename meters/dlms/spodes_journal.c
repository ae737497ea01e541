/* Journals out of the event logs (11, 12).  Several journals come from one log: what is new in it is
 * read once and told for all of them, and it is remembered for each how far that was done.  An empty
 * rest of a log is asked for once in a session.  A question with a time of its own (query.from) reads
 * from there, tells its own journal only and leaves no trace. */
#include "meters/dlms/spodes.h"

#include <string.h>

enum { NO_LOG = 255, DAY_S = 86400, AT_ONCE = 200, ROWS_MOST = 256, SELECTION_SIZE = 96 };
enum { TIME_OLD_ID = 13000, TIME_NEW_ID = 13001 };
/* 1 January 2000: the meters' epoch. */
static const int64_t epoch = INT64_C(946684800);

struct harvest {
	struct meter_session *s;
	const struct query *q;
	struct sink *sink;
	unsigned log;
	bool has_time_log;
	bool is_asked;		/* for a time of its own; what was read up to now does not matter */
	uint16_t word;		/* log 9: of the row before */
	int64_t after;		/* rows up to here are known */
	int64_t newest;
};

static struct cosem
log_object(unsigned log, int attribute)
{
	return COSEM(CLASS_PROFILE, 0, 0, 99, 98, (uint8_t)log, (int8_t)attribute);
}

/* ---- columns ---- */

/* Number of columns and the place of the code, which is the first of class 1 after the clock: its name
 * is not to be trusted (11.1). */
static int
learn_log(struct meter_session *s, unsigned log)
{
	struct spodes_memory *m = spodes_memory(s);
	const struct cosem object = log_object(log, 3);
	struct cosem column;
	struct octets data;
	uint16_t index;
	struct axdr a;
	uint32_t n;
	int rc;

	if (m->logs[log].n == NO_LOG)
		return E_UNSUPPORTED;
	if (m->logs[log].n != 0)
		return E_OK;
	rc = spodes_get(s, &object, (struct octets){ NULL, 0 }, &data);
	if (rc == E_UNSUPPORTED)
		m->logs[log].n = NO_LOG;
	if (rc < 0)
		return rc;
	a = axdr_init(data.p, data.len);
	if (axdr_enter(&a, AXDR_ARRAY, &n) < 0 || n < 2 || n > SPODES_COLUMNS_MAX)
		return E_UNSUPPORTED;
	m->logs[log].code = 0;
	for (uint32_t i = 0; i < n; i++) {
		if (cosem_captured(&a, &column, &index) < 0)
			return E_FRAME;
		if (m->logs[log].code == 0 && i > 0 && column.class == CLASS_DATA)
			m->logs[log].code = (uint8_t)i;
	}
	m->logs[log].n = (uint8_t)n;
	if (m->logs[log].code == 0 && log != LOG_TIME)
		m->logs[log].n = NO_LOG;
	return m->logs[log].n == NO_LOG ? E_UNSUPPORTED : E_OK;
}

/* ---- rows ---- */

static int
put(struct harvest *h, int64_t ts, const struct spodes_event *e)
{
	struct record rec = { .type = REC_EL_JOURNAL,
		.valid = true,
		.ts = ts,
		.journal = e->journal };

	if (ts < h->q->from)
		return E_OK;
	record_set(&rec, J_EVENT, e->event);
	record_set(&rec, J_EVENT_ID, e->id);
	return h->sink->put(h->sink, &rec);
}

/* Whether this reading tells of it: it was asked for, or is new to its journal. */
static bool
is_told(const struct harvest *h, int64_t ts, const struct spodes_event *e)
{
	const struct spodes_memory *m = spodes_memory(h->s);

	if (h->is_asked)
		return e->journal == h->q->journal;
	for (unsigned i = 0; i < SPODES_PAIRS; i++)
		if (spodes_pairs[i].log == h->log && spodes_pairs[i].journal == e->journal)
			return ts > m->upto[i];
	return false;
}

static int
put_code(struct harvest *h, int64_t ts, int64_t code)
{
	struct spodes_event events[SPODES_EVENTS_MOST];
	unsigned n = spodes_events(h->log, code, h->word, h->has_time_log, events);
	int rc = E_OK;

	h->word = (uint16_t)code;
	for (unsigned i = 0; i < n && rc == E_OK; i++) {
		struct spodes_event e = events[i];

		if (e.journal == J_MAGNET && spodes_of(h->s)->options.magnet_as_unauth) {
			e.journal = J_UNAUTH;
			e.event = !e.event;
		}
		if (is_told(h, ts, &e))
			rc = put(h, ts, &e);
	}
	return rc;
}

/* New time, old time: two records at their two times. */
static int
put_times(struct harvest *h, int64_t new_ts, int64_t old_ts)
{
	static const struct spodes_event before = { J_TIME_CORR, 0, TIME_OLD_ID },
					 after = { J_TIME_CORR, 1, TIME_NEW_ID };
	int rc = put(h, old_ts, &before);

	return rc == E_OK ? put(h, new_ts, &after) : rc;
}

/* One row of a log: when, and the code, the word, or of log 13 the time before (UTC). */
struct log_row {
	int64_t ts, what;
	bool is_good;
};

static int
parse_row(const struct harvest *h, struct axdr *a, struct log_row *row)
{
	const struct spodes_memory *m = spodes_memory(h->s);
	unsigned columns = m->logs[h->log].n, code_column = m->logs[h->log].code;
	struct cosem_time time = { 0 }, old_time = { 0 };
	bool has_time = false, has_old = false, has_code = false;
	struct axdr_value v;
	int rc = axdr_next(a, &v);

	if (rc < 0 || v.tag != AXDR_STRUCT || v.count != columns)
		return rc < 0 ? rc : E_FRAME;
	for (unsigned i = 0; i < columns; i++) {
		rc = axdr_next(a, &v);
		if (rc == E_OK)
			rc = axdr_skip(a, &v);
		if (rc < 0)
			return rc;
		if (i == 0)
			has_time = cosem_time_of(&v, &time) == E_OK;
		else if (h->log == LOG_TIME && !has_old)
			has_old = cosem_time_of(&v, &old_time) == E_OK;
		else if (i == code_column)
			has_code = axdr_int(&v, &row->what);
	}
	row->is_good = has_time && (h->log == LOG_TIME ? has_old : has_code);
	row->ts = has_time ? cosem_time_utc(&time, h->s->zone) : 0;
	if (has_old)
		row->what = cosem_time_utc(&old_time, h->s->zone);
	return E_OK;
}

static int
take_log_row(struct harvest *h, const struct log_row *row)
{
	if (row->ts > h->newest)
		h->newest = row->ts;
	if (row->ts <= h->after || !row->is_good)
		return E_OK;
	return h->log == LOG_TIME ? put_times(h, row->ts, row->what) : put_code(h, row->ts, row->what);
}

/* Some meters tell the newest first; what a status word means depends on the one before. */
static int
take_answer(struct harvest *h, struct octets data)
{
	struct spodes_memory *m = spodes_memory(h->s);
	struct axdr a = axdr_init(data.p, data.len);
	struct log_row rows[ROWS_MOST];
	bool is_reverse;
	uint32_t n;
	int rc = axdr_enter(&a, AXDR_ARRAY, &n);

	if (rc == E_OK && n > ROWS_MOST)
		return E_LIMIT;
	for (uint32_t i = 0; rc == E_OK && i < n; i++)
		rc = parse_row(h, &a, &rows[i]);
	/* Perhaps the columns are others now. */
	if (rc == E_FRAME)
		m->logs[h->log].n = 0;
	is_reverse = rc == E_OK && n > 1 && rows[n - 1].ts < rows[0].ts;
	for (uint32_t i = 0; rc == E_OK && i < n; i++)
		rc = take_log_row(h, &rows[is_reverse ? n - 1 - i : i]);
	return rc;
}

/* ---- reading ---- */

static int
ask(struct harvest *h, struct octets selection)
{
	const struct cosem object = log_object(h->log, 2);
	struct octets data;
	int rc = spodes_get(h->s, &object, selection, &data);

	return rc == E_OK ? take_answer(h, data) : rc;
}

static int
count_entries(struct harvest *h, int64_t *n)
{
	const struct cosem object = log_object(h->log, 7);

	return spodes_number(h->s, &object, n);
}

/* The newest rows by entry. */
static int
ask_newest(struct harvest *h)
{
	const struct cosem object = log_object(h->log, 5);
	uint8_t buf[SELECTION_SIZE];
	struct wr w = wr_init(buf, sizeof(buf));
	int64_t sort = 1, entries, first;
	int rc = count_entries(h, &entries);

	if (rc < 0 || entries <= 0)
		return rc;
	rc = spodes_number(h->s, &object, &sort);
	if (rc < 0 && rc != E_UNSUPPORTED)
		return rc;
	first = entries > AT_ONCE ? entries - AT_ONCE + 1 : 1;
	if (sort == 2)
		xdlms_put_entries(&w, 1, (uint32_t)(entries - first + 1), 1, 0);
	else
		xdlms_put_entries(&w, (uint32_t)first, (uint32_t)entries, 1, 0);
	return ask(h, (struct octets){ buf, w.len });
}

static int
ask_range(struct harvest *h, int64_t from)
{
	int64_t to = line_times(h->s->line).done_us / 1000000 + DAY_S;
	uint8_t buf[SELECTION_SIZE];

	return ask(h, spodes_range(h->s, buf, sizeof(buf), from, to));
}

/* A long log is not read whole the first time: the newest rows are what matters. */
static int
ask_first_time(struct harvest *h)
{
	int64_t entries;
	int rc = count_entries(h, &entries);

	if (rc < 0 || entries <= 0)
		return rc == E_UNSUPPORTED ? ask_range(h, epoch) : rc;
	return entries > AT_ONCE ? ask_newest(h) : ask_range(h, epoch);
}

/* From where on something is new to one of the log's journals. */
static void
begin(struct harvest *h)
{
	const struct spodes_memory *m = spodes_memory(h->s);

	h->after = h->is_asked ? h->q->from - 1 : INT64_MAX;
	h->word = 0;
	for (unsigned i = 0; i < SPODES_PAIRS && !h->is_asked; i++)
		if (spodes_pairs[i].log == h->log && m->upto[i] < h->after) {
			h->after = m->upto[i];
			h->word = m->word[i];
		}
}

static void
end(const struct harvest *h)
{
	struct spodes_memory *m = spodes_memory(h->s);

	for (unsigned i = 0; i < SPODES_PAIRS && !h->is_asked; i++)
		if (spodes_pairs[i].log == h->log) {
			m->upto[i] = (uint32_t)h->newest;
			m->word[i] = h->word;
		}
}

static int
read_log(struct harvest *h)
{
	uint32_t *empty = &spodes_of(h->s)->empty[h->log];
	int rc;

	begin(h);
	if (*empty != 0 && h->after + 1 >= *empty)
		return E_OK;
	rc = h->after <= 0 ? ask_first_time(h) : ask_range(h, h->after + 1);
	/* Ranges are not served here, or too much is new. */
	if (rc == E_UNSUPPORTED || rc == E_INVALID || rc == E_LIMIT || rc == E_METER)
		rc = ask_newest(h);
	if (rc < 0)
		return rc;
	if (h->newest < h->after)
		h->newest = h->after;
	*empty = (uint32_t)h->newest + 1;
	end(h);
	return E_OK;
}

static int
read_one(struct meter_session *s, const struct query *q, struct sink *sink, unsigned log,
    bool has_time_log)
{
	struct harvest h = {
		.s = s, .q = q, .sink = sink, .log = log,
		.has_time_log = has_time_log, .is_asked = q->from > 0,
	};
	int rc = learn_log(s, h.log);

	return rc == E_OK ? read_log(&h) : rc;
}

int
spodes_read_journal(struct meter_session *s, const struct query *q, struct sink *sink)
{
	uint32_t logs = spodes_logs_of(q->journal);
	bool has_time_log = false, is_served = false;
	int rc = E_OK;

	if (logs & (1u << LOG_PROGRAM)) {
		rc = learn_log(s, LOG_TIME);
		if (rc < 0 && rc != E_UNSUPPORTED)
			return rc;
		has_time_log = rc == E_OK;
	}
	if (q->journal == J_TIME_CORR && has_time_log)
		logs = 1u << LOG_TIME;
	for (unsigned i = 0; i < SPODES_PAIRS; i++) {
		if (spodes_pairs[i].journal != q->journal || !(logs >> spodes_pairs[i].log & 1))
			continue;
		rc = read_one(s, q, sink, spodes_pairs[i].log, has_time_log);
		if (rc < 0 && rc != E_UNSUPPORTED)
			return rc;
		is_served = is_served || rc == E_OK;
	}
	return is_served ? E_OK : E_UNSUPPORTED;
}
