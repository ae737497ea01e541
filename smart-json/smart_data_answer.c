/* The answer to a request for meter data, piece by piece (smart-json.md 10.3, 10.4). */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "smart-json/smart_data.h"
#include "src/base/clock.h"
#include "src/base/log.h"

/* A piece ends when it has grown so long, or was made for so long, at the next record of another
 * moment: others wait for the worker too. */
enum { PIECE_BYTES = 64 * 1024, PIECE_US = 20000, READ_DEADLINE_MS = 10000 };
enum { LONGEST_PERIOD_S = 24 * 3600 };

struct data_answer {
	struct data_query *q;
	void (*told)(void *arg, size_t measure, size_t meter, struct data_told *);
	void *arg;
	struct link_rows links;

	size_t measure, meter;		/* the next to be printed */
	bool in_measure, in_meter, first_meter, started;
	enum record_type tags_of;	/* what `tags` was made for */
	struct tag_list tags;

	/* Within a meter. */
	size_t window;
	int64_t from;			/* where the window goes on; INT64_MIN: at its start */
	bool any;			/* an entry was printed */

	/* Within a piece. */
	struct text *out;
	int64_t piece_us;
	bool cut, found;
	int64_t last_ts;
};

/* ---- entries ---- */

void
data_print_entry(struct text *t, const struct data_query *q, int64_t ts, int32_t diff_s)
{
	char time[CIVIL_TEXT_SIZE];

	if (q->dialect == DIALECT_31 && q->settings.http_ts31_unix == 0)
		text_printf(t, "{\"ts\":\"%s\"", civil_print(q->zone, ts, 'T', time));
	else
		text_printf(t, "{\"ts\":%" PRId64, ts);
	text_printf(t, ",\"diff\":%" PRId32 ",\"tags\":[", diff_s);
}

/* The time stamp that goes out; profile slices have the end of the interval as their key. */
static int64_t
stamp_of(const struct data_query *q, const struct record *r)
{
	bool by_start = r->type == REC_EL_PROFILE && q->settings.http_profile_start != 0;

	return by_start ? r->ts - r->period_min * 60 : r->ts;
}

void
data_print_record(struct text *t, const struct data_query *q, const struct tag_list *tags,
    const struct record *r)
{
	data_print_entry(t, q, stamp_of(q, r), r->diff_s);
	if (r->valid)
		tag_list_print(t, tags, r);
	text_str(t, DATA_ENTRY_END);
}

static void
begin_entry(struct data_answer *a)
{
	text_str(a->out, a->any ? "," : "[");
	a->any = true;
}

/* ---- a meter ---- */

static bool
piece_is_full(const struct data_answer *a)
{
	return a->out->len >= PIECE_BYTES || clock_mono_us() - a->piece_us > PIECE_US;
}

static int
take_record(void *arg, uint16_t dev, const struct record *r)
{
	struct data_answer *a = arg;
	const struct data_window *w = &a->q->windows[a->window];
	int64_t stamp = stamp_of(a->q, r);

	(void)dev;
	if (r->ts != a->last_ts && a->out->len >= PIECE_BYTES) {
		a->cut = true;
		return 1;
	}
	a->last_ts = r->ts;
	if (stamp < w->from || stamp > w->to)
		return E_OK;
	begin_entry(a);
	data_print_record(a->out, a->q, &a->tags, r);
	a->found = true;
	if (a->out->failed)
		return E_NOMEM;
	return a->q->last_time;
}

/* What the rings tell without the disk; derived and undated kinds have none. */
static bool
can_have(const struct data_answer *a, uint16_t dev, const struct store_range *range)
{
	struct store_ring ring;

	if (range->type == REC_EL_DAY_CONS || range->type == REC_EL_MONTH_CONS ||
	    record_type_info(range->type)->values == VALUES_CONFIG)
		return true;
	store_ring(a->q->store, dev, range->type, range->journal, &ring);
	return ring.count > 0 && ring.newest >= range->from && ring.oldest <= range->to;
}

static int
read_window(struct data_answer *a, const struct meter_row *row, enum record_type type)
{
	const struct data_query *q = a->q;
	const struct data_window *w = &q->windows[a->window];
	struct store_range range = { .type = type, .from = w->from, .to = w->to,
		.newest_first = q->last_time, .markers = true, .deadline_ms = READ_DEADLINE_MS };
	int rc;

	if (type == REC_EL_JOURNAL)
		range.journal = q->measures[a->measure].journal;
	if (type == REC_EL_PROFILE && q->settings.http_profile_start != 0)
		range.to += LONGEST_PERIOD_S;
	if (a->from > range.from)
		range.from = a->from;
	if (!can_have(a, row->dev, &range))
		return E_OK;
	a->cut = false;
	a->last_ts = INT64_MIN;
	rc = store_read(q->store, row->dev, &range, take_record, a);
	if (rc < 0 && rc != E_NOTFOUND)
		return rc;
	if (a->cut)
		a->from = a->last_ts + 1;
	return a->cut;
}

static void
make_tags(struct data_answer *a, enum record_type type)
{
	if (a->tags_of != type)
		tag_list_make(&a->tags, type, &a->q->tags);
	a->tags_of = type;
}

/* 1: the piece is full within the meter. */
static int
read_archive(struct data_answer *a, const struct meter_row *row, enum record_type type)
{
	size_t n = a->q->n_windows;
	int rc;

	make_tags(a, type);
	while (a->window < n) {
		size_t step = a->window;

		/* The newest record is in the last window that has one. */
		if (a->q->last_time)
			a->window = n - 1 - step;
		rc = read_window(a, row, type);
		a->window = step;
		if (rc != 0)
			return rc;
		if (a->q->last_time && a->found)
			break;
		a->window++;
		a->from = INT64_MIN;
		if (a->window < n && piece_is_full(a))
			return 1;
	}
	return E_OK;
}

/* jrnlAnsw: the meter answers (1) or does not (0). */
static void
print_links(struct data_answer *a, const struct meter_row *row)
{
	struct record r = { .valid = true };
	size_t n;
	const struct link_row *rows = link_rows_of(&a->links, row->id, &n);

	make_tags(a, REC_EL_JOURNAL);
	for (size_t i = 0; i < n; i++) {
		const struct link_row *link = &rows[a->q->last_time ? n - 1 - i : i];
		bool wanted = false;

		for (size_t w = 0; w < a->q->n_windows && !wanted; w++)
			wanted = link->ts >= a->q->windows[w].from && link->ts <= a->q->windows[w].to;
		if (!wanted)
			continue;
		r.ts = link->ts;
		record_set(&r, J_EVENT, link->answer);
		record_set(&r, J_EVENT_ID, (int64_t)link->id);
		begin_entry(a);
		data_print_record(a->out, a->q, &a->tags, &r);
		if (a->q->last_time)
			break;
	}
}

static void
begin_meter(struct data_answer *a, const struct meter_row *row)
{
	struct meter_state state;
	bool known = store_state_get(a->q->store, row->dev, &state) == E_OK;

	text_printf(a->out, "%s{\"id\":%" PRIu32, a->first_meter ? "" : ",\n", row->id);
	if (a->q->dialect == DIALECT_40)
		text_printf(a->out, ",\"deviceIdx\":%u,\"meterId\":%" PRIu32, row->dev, row->id);
	text_str(a->out, ",\"serial\":");
	text_json(a->out, known && state.config.serial[0] != '\0' ? state.config.serial : NULL);
	if (a->q->dialect == DIALECT_40 && known && state.config.model[0] != '\0') {
		text_str(a->out, ",\"model\":");
		text_json(a->out, state.config.model);
	}
	a->first_meter = false;
	a->in_meter = true;
	a->window = 0;
	a->from = INT64_MIN;
	a->any = a->found = false;
}

static void
end_meter(struct data_answer *a)
{
	if (a->any)
		text_str(a->out, "]}");
	else
		text_str(a->out, a->q->dialect == DIALECT_31 ? "[]}" : "null}");
	a->in_meter = false;
	a->meter++;
}

static void
print_told(struct data_answer *a, const struct data_told *told)
{
	if (told->error != NULL) {
		text_str(a->out, ",\"error\":");
		text_json(a->out, told->error);
	}
	text_str(a->out, ",\"vals\":");
	if (told->error == NULL && told->len > 0) {
		begin_entry(a);
		text_add(a->out, told->vals, told->len);
	}
}

static int
print_meter(struct data_answer *a)
{
	const struct measure *m = &a->q->measures[a->measure];
	const struct meter_row *row = data_query_meter(a->q, a->meter);
	struct data_told told = { .archived = true };
	int rc = E_OK;

	if (!measure_fits(m, row)) {
		a->meter++;
		return E_OK;
	}
	if (m->now && a->told != NULL)
		a->told(a->arg, a->measure, a->meter, &told);
	if (!a->in_meter) {
		begin_meter(a, row);
		print_told(a, &told);
	}
	if (m->job == JOB_LINK)
		print_links(a, row);
	else if (told.archived && told.error == NULL && measure_type(m, row) != REC_NONE)
		rc = read_archive(a, row, measure_type(m, row));
	if (rc == E_OK)
		end_meter(a);
	return rc;
}

/* ---- the whole ---- */

static int
begin_measure(struct data_answer *a)
{
	text_str(a->out, a->measure > 0 ? ",\n" : "");
	text_str(a->out, "{\"measure\":");
	text_json(a->out, a->q->measures[a->measure].name);
	text_str(a->out, ",\"devices\":[");
	a->in_measure = a->first_meter = true;
	a->meter = 0;
	a->tags_of = REC_NONE;
	if (a->q->measures[a->measure].job == JOB_LINK && a->links.rows == NULL)
		return link_rows_read(&a->links, a->q->store);
	return E_OK;
}

static int
step(struct data_answer *a)
{
	if (!a->in_measure)
		return begin_measure(a);
	if (a->meter < a->q->n_meters)
		return print_meter(a);
	text_str(a->out, "]}");
	a->in_measure = false;
	a->measure++;
	return E_OK;
}

int
data_answer_piece(struct data_answer *a, struct text *out)
{
	int rc = E_OK;

	a->out = out;
	a->piece_us = clock_mono_us();
	if (!a->started)
		text_str(out, "{\"measures\":[");
	a->started = true;
	while (rc == E_OK && a->measure < a->q->n_measures) {
		rc = step(a);
		if (rc == E_OK && piece_is_full(a))
			rc = 1;
	}
	if (rc == E_OK)
		text_str(out, "]}\n");
	return out->failed ? E_NOMEM : rc;
}

int
data_answer_make(struct data_answer **made, struct data_query *q,
    void (*told)(void *arg, size_t measure, size_t meter, struct data_told *), void *arg)
{
	struct data_answer *a = calloc(1, sizeof(*a));

	*made = a;
	if (a == NULL) {
		data_query_free(q);
		return E_NOMEM;
	}
	a->q = q;
	a->told = told;
	a->arg = arg;
	return E_OK;
}

void
data_answer_free(struct data_answer *a)
{
	if (a == NULL)
		return;
	link_rows_free(&a->links);
	data_query_free(a->q);
	free(a);
}
