/* What the meters say now (smart-json.md 10.2, 10.6): every measure that asks them is put to each
 * meter it fits, and the answer is made when all have answered or the time is over.
 *
 * Readings of now are kept as text until then.  Records of a meter's own memory go to the archive,
 * and from there into the answer, so that a long one takes no more memory than a short one. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "smart-json/api.h"
#include "smart-json/smart.h"
#include "smart-json/smart_calendar.h"
#include "smart-json/smart_data.h"
#include "smart-json/smart_gather.h"
#include "src/base/clock.h"
#include "src/poll/grid.h"

enum { RESULTS_MOST = 65536, RELAYS_MOST = 5, RETRY_S = 5 };

/* One measure of one meter. */
struct result {
	uint8_t relays_known, relays_on;	/* bit 0: relay 1 */
	uint32_t left;		/* questions without an answer */
	int rc;			/* of the first that failed */
	struct text vals;
};

/* Where a lane is: the next question to give out. */
struct cursor { size_t meter, measure; uint32_t part; };

struct moment {
	struct data_job job;		/* first */
	struct data_query *q;		/* the answer's own */
	struct gather *gather;
	size_t *now, n_now;		/* measures that ask meters, by number */
	struct result *results;		/* n_now * n_meters */
	uint32_t *order;		/* meters, lane by lane */
	size_t lane_end[GATHER_LANES];
	struct cursor at[GATHER_LANES];
	struct tag_list *tags[REC_COUNT];	/* of readings of now and configurations */
	uint8_t *relays;		/* of each meter, once known */
};

static struct result *
result_of(struct moment *m, size_t now, size_t meter)
{
	return &m->results[now * m->q->n_meters + meter];
}

/* ---- questions ---- */

static bool
is_reading(enum record_type type)
{
	return type == REC_EL_MOMENT_ENERGY || type == REC_EL_MOMENT_QUALITY ||
	    type == REC_PLS_MOMENT || type == REC_DIG_MOMENT || type == REC_GEN_MOMENT;
}

static bool
is_config(enum record_type type)
{
	return type != REC_NONE && record_type_info(type)->values == VALUES_CONFIG;
}

/* Records of the meter's memory: they come back out of the archive. */
static bool
is_archived(const struct measure *measure, enum record_type type)
{
	return measure->job == JOB_RECORDS && !is_reading(type) && !is_config(type);
}

/* Questions that a measure needs of a meter. */
static uint32_t
parts_of(const struct moment *m, const struct measure *measure, size_t meter)
{
	const struct meter_row *row = data_query_meter(m->q, meter);

	if (!measure_fits(measure, row))
		return 0;
	if (measure->job == JOB_RELAY)
		return m->relays[meter] > 0 ? m->relays[meter] : 1;
	if (is_archived(measure, measure_type(measure, row)))
		return (uint32_t)m->q->n_windows;
	return 1;
}

/* Consumption is the difference of two readings; meters are asked for these (storage.md 2.6). */
static enum record_type
read_type(enum record_type type)
{
	return type == REC_EL_DAY_CONS ? REC_EL_DAY : type == REC_EL_MONTH_CONS ? REC_EL_MONTH : type;
}

/* A window as the archive can take it: no further back than its depth, nor in the future. */
static void
clamp_window(const struct moment *m, enum record_type type, const struct data_window *w,
    struct ask *ask)
{
	int64_t now = clock_utc(), oldest = 0;
	struct grid grid;

	if (grid_of(type, m->q->zone, 0, &grid))
		oldest = grid_step(&grid, grid_newest(&grid, now),
		    1 - (int)store_depth(&m->q->settings, type));
	ask->from = w->from > oldest ? w->from : oldest;
	ask->to = w->to < now ? w->to : now;
	if (read_type(type) != type && grid_of(read_type(type), m->q->zone, 0, &grid))
		ask->to = grid_step(&grid, grid_newest(&grid, ask->to), 1);
}

static void
fill_records(const struct moment *m, const struct measure *measure, enum record_type type,
    uint32_t part, struct ask *ask)
{
	ask->kind = is_config(type) ? ASK_CONFIG : ASK_READ;
	ask->type = read_type(type);
	ask->journal = type == REC_EL_JOURNAL ? measure->journal : 0;
	ask->store = true;
	if (is_archived(measure, type))
		clamp_window(m, type, &m->q->windows[part], ask);
}

static void
fill_ask(const struct moment *m, const struct measure *measure, size_t meter, uint32_t part,
    struct ask *ask)
{
	const struct meter_row *row = data_query_meter(m->q, meter);

	ask->meter = row->id;
	switch (measure->job) {
	case JOB_RECORDS:  fill_records(m, measure, measure_type(measure, row), part, ask); break;
	case JOB_TIME:     ask->kind = ASK_CLOCK; break;
	case JOB_RELAY:    ask->kind = ASK_RELAY; ask->relay = part + 1; break;
	case JOB_SERIAL:   ask->kind = ASK_CONFIG; break;
	case JOB_CALENDAR:
		ask->kind = ASK_CALENDAR;
		ask->part = measure->part;
		ask->active = measure->active;
		break;
	case JOB_LINK: case JOB_ORDER: break;
	}
}

/* The questions of a meter follow each other: they share a conversation. */
static bool
next_question(void *arg, unsigned lane, struct ask *ask, uint32_t *slot)
{
	struct moment *m = arg;
	struct cursor *c = &m->at[lane];

	for (; c->meter < m->lane_end[lane]; c->meter++, c->measure = 0) {
		size_t meter = m->order[c->meter];

		for (; c->measure < m->n_now; c->measure++, c->part = 0) {
			const struct measure *measure = &m->q->measures[m->now[c->measure]];

			if (c->part >= parts_of(m, measure, meter))
				continue;
			fill_ask(m, measure, meter, c->part++, ask);
			*slot = (uint32_t)(c->measure * m->q->n_meters + meter);
			return true;
		}
	}
	return false;
}

/* ---- answers ---- */

static void
begin_entry(struct result *r)
{
	if (r->vals.len > 0)
		text_str(&r->vals, ",");
}

static void
take_record(void *arg, uint32_t slot, const struct ask *ask, const struct record *record)
{
	struct moment *m = arg;
	const struct measure *measure = &m->q->measures[m->now[slot / m->q->n_meters]];
	const struct meter_row *row = data_query_meter(m->q, slot % m->q->n_meters);
	struct result *r = &m->results[slot];

	(void)ask;
	if (record->type != measure_type(measure, row) || m->tags[record->type] == NULL)
		return;
	begin_entry(r);
	data_print_record(&r->vals, m->q, m->tags[record->type], record);
}

static bool
wants_tag(const struct moment *m, const char *tag)
{
	const json_t *names = m->q->tags.names;
	json_t *name;
	size_t i;

	json_array_foreach(names, i, name)
		if (measure_same_name(json_string_value(name), tag))
			return true;
	return json_array_size(names) == 0;
}

static void
print_serial(struct moment *m, struct result *r, const struct ask_answer *answer)
{
	begin_entry(r);
	data_print_entry(&r->vals, m->q, answer->utc, answer->diff_s);
	if (wants_tag(m, "serial")) {
		text_str(&r->vals, "{\"tag\":\"serial\",\"val\":");
		text_json(&r->vals, answer->serial[0] != '\0' ? answer->serial : NULL);
		text_str(&r->vals, "}");
	}
	text_str(&r->vals, DATA_ENTRY_END);
}

/* The stamp is device time, the difference is the meter's clock less it (smart-json.md 10.7). */
static void
print_time(struct moment *m, struct result *r, const struct ask_answer *answer)
{
	int64_t diff = answer->diff_known ? answer->diff_s : answer->meter_utc - answer->utc;

	diff = diff > INT32_MAX ? INT32_MAX : diff < INT32_MIN ? INT32_MIN : diff;
	begin_entry(r);
	data_print_entry(&r->vals, m->q, answer->utc, (int32_t)diff);
	text_str(&r->vals, DATA_ENTRY_END);
}

/* All relays of a meter in one entry, a pair of tags each; made when the last one is told. */
static void
print_relays(struct moment *m, struct result *r, const struct ask_answer *answer)
{
	const char *comma = "";

	begin_entry(r);
	data_print_entry(&r->vals, m->q, answer->utc, answer->diff_s);
	for (unsigned relay = 1; relay <= RELAYS_MOST; relay++) {
		if ((r->relays_known >> (relay - 1) & 1) == 0)
			continue;
		if (wants_tag(m, "relayId")) {
			text_printf(&r->vals, "%s{\"tag\":\"relayId\",\"val\":%u}", comma, relay);
			comma = ",";
		}
		if (wants_tag(m, "relayState")) {
			text_printf(&r->vals, "%s{\"tag\":\"relayState\",\"val\":%u}", comma,
			    r->relays_on >> (relay - 1) & 1);
			comma = ",";
		}
	}
	text_str(&r->vals, DATA_ENTRY_END);
}

static void
print_calendar(struct moment *m, struct result *r, const struct ask *ask,
    const struct ask_answer *answer)
{
	begin_entry(r);
	data_print_entry(&r->vals, m->q, answer->utc, answer->diff_s);
	calendar_print(&r->vals, ask->part, answer->calendar, m->q->tags.names);
	text_str(&r->vals, DATA_ENTRY_END);
}

static void
take_relay(struct result *r, const struct ask *ask, const struct ask_answer *answer)
{
	if (ask->relay < 1 || ask->relay > RELAYS_MOST)
		return;
	r->relays_known |= (uint8_t)(1u << (ask->relay - 1));
	if (answer->on)
		r->relays_on |= (uint8_t)(1u << (ask->relay - 1));
}

static void
take_answer(void *arg, uint32_t slot, const struct ask *ask, const struct ask_answer *answer)
{
	struct moment *m = arg;
	const struct meter_row *row = data_query_meter(m->q, slot % m->q->n_meters);
	const struct measure *measure = &m->q->measures[m->now[slot / m->q->n_meters]];
	struct result *r = &m->results[slot];
	int rc = answer->rc;

	if (rc == E_NODATA && is_archived(measure, measure_type(measure, row)))
		rc = E_OK;
	if (rc == E_OK && measure->job == JOB_TIME)
		print_time(m, r, answer);
	else if (rc == E_OK && measure->job == JOB_SERIAL)
		print_serial(m, r, answer);
	else if (rc == E_OK && measure->job == JOB_RELAY)
		take_relay(r, ask, answer);
	else if (rc == E_OK && measure->job == JOB_CALENDAR && answer->calendar != NULL)
		print_calendar(m, r, ask, answer);
	if (r->rc == E_OK)
		r->rc = rc;
	if (--r->left == 0 && r->relays_known != 0)
		print_relays(m, r, answer);
}

/* What the answer prints of a meter. */
static void
tell(void *arg, size_t measure, size_t meter, struct data_told *told)
{
	struct moment *m = arg;
	const struct measure *asked = &m->q->measures[measure];
	const struct result *r;
	size_t now = 0;

	while (m->now[now] != measure)
		now++;
	r = result_of(m, now, meter);
	*told = (struct data_told){ .vals = r->vals.p, .len = r->vals.len };
	told->archived = is_archived(asked, measure_type(asked, data_query_meter(m->q, meter)));
	if (r->left > 0)
		told->error = gather_error(r->rc != E_OK ? r->rc : E_TIMEOUT, m->q->english);
	else if (r->vals.failed)
		told->error = gather_error(E_NOMEM, m->q->english);
	else if (r->rc != E_OK && r->relays_known == 0)
		told->error = gather_error(r->rc, m->q->english);
}

/* ---- setting out ---- */

static void
moment_free(void *arg)
{
	struct moment *m = arg;

	gather_free(m->gather);
	for (size_t i = 0; m->results != NULL && i < m->n_now * m->q->n_meters; i++)
		text_free(&m->results[i].vals);
	for (int type = 0; type < REC_COUNT; type++)
		free(m->tags[type]);
	free(m->now);
	free(m->results);
	free(m->order);
	free(m->relays);
	data_answer_free(m->job.answer);
	free(m);
}

/* Relays that the meters have, as far as they told. */
static int
count_relays(struct moment *m)
{
	struct meter_state state;
	bool any = false;

	m->relays = calloc(m->q->n_meters + 1, 1);
	if (m->relays == NULL)
		return E_NOMEM;
	for (size_t i = 0; i < m->n_now; i++)
		any = any || m->q->measures[m->now[i]].job == JOB_RELAY;
	for (size_t i = 0; i < m->q->n_meters && any; i++)
		if (store_state_get(m->q->store, data_query_meter(m->q, i)->dev, &state) == E_OK)
			m->relays[i] = state.config.relays < RELAYS_MOST ? state.config.relays :
									   RELAYS_MOST;
	return E_OK;
}

static int
make_order(struct moment *m)
{
	size_t n = 0;

	m->order = calloc(m->q->n_meters + 1, sizeof(m->order[0]));
	if (m->order == NULL)
		return E_NOMEM;
	for (unsigned lane = 0; lane < GATHER_LANES; lane++) {
		m->at[lane].meter = n;
		for (size_t i = 0; i < m->q->n_meters; i++)
			if (gather_lane(m->q->table, data_query_meter(m->q, i)) == lane)
				m->order[n++] = (uint32_t)i;
		m->lane_end[lane] = n;
	}
	return E_OK;
}

static int
make_tags(struct moment *m, const struct measure *measure)
{
	for (int class = 0; class < METER_CLASSES; class ++) {
		enum record_type type = measure->types[class];

		if (type == REC_NONE || is_archived(measure, type) || m->tags[type] != NULL)
			continue;
		if ((m->tags[type] = malloc(sizeof(*m->tags[type]))) == NULL)
			return E_NOMEM;
		tag_list_make(m->tags[type], type, &m->q->tags);
	}
	return E_OK;
}

static int
make_results(struct moment *m)
{
	int rc = E_OK;

	m->results = calloc(m->n_now * m->q->n_meters + 1, sizeof(m->results[0]));
	if (m->results == NULL)
		return E_NOMEM;
	for (size_t now = 0; now < m->n_now && rc == E_OK; now++) {
		const struct measure *measure = &m->q->measures[m->now[now]];

		for (size_t i = 0; i < m->q->n_meters; i++)
			result_of(m, now, i)->left = parts_of(m, measure, i);
		rc = make_tags(m, measure);
	}
	return rc;
}

static int
choose_measures(struct moment *m)
{
	m->now = calloc(m->q->n_measures + 1, sizeof(m->now[0]));
	if (m->now == NULL)
		return E_NOMEM;
	for (size_t i = 0; i < m->q->n_measures; i++)
		if (m->q->measures[i].now)
			m->now[m->n_now++] = i;
	return m->n_now * m->q->n_meters > RESULTS_MOST ? E_LIMIT : E_OK;
}

/* ---- the call ---- */

static void
answer_now(struct http_call *call)
{
	struct moment *m = call->job;
	int rc = E_OK;

	for (size_t i = 0; i < m->n_now; i++)
		if (m->q->measures[m->now[i]].job == JOB_RECORDS)
			rc = store_sync(m->q->store);
	if (rc < 0)
		http_fail_err(call, rc, NULL, "the archive cannot take what the meters told");
	else
		data_answer_send(call);
}

static const struct gather_ops ops = { next_question, take_record, take_answer };

static void
set_out(struct http_call *call, struct moment *m)
{
	int rc = choose_measures(m);

	if (rc == E_LIMIT) {
		http_fail_res(call, 422, RES_RANGE, "/measures",
		    "so many meters and measures cannot be asked at once: at most %d", RESULTS_MOST);
		return;
	}
	if (rc == E_OK && (rc = count_relays(m)) == E_OK && (rc = make_order(m)) == E_OK)
		rc = make_results(m);
	if (rc < 0) {
		http_fail_err(call, rc, NULL, "the request");
		return;
	}
	call->resumed = answer_now;
	rc = gather_start(&m->gather, call, &ops, m, m->q->settings.http_moment_s);
	if (rc < 0) {
		call->retry_after_s = RETRY_S;
		http_fail_res(call, 503, RES_BUSY, NULL, "too many requests wait for meters");
	}
}

void
data_ask_meters(struct http_call *call, struct data_query *q)
{
	struct moment *m = api_poller(call) != NULL ? calloc(1, sizeof(*m)) : NULL;

	if (m == NULL) {
		if (call->status == 200)
			http_fail_err(call, E_NOMEM, NULL, "the request");
		data_query_free(q);
		return;
	}
	m->q = q;
	if (data_answer_make(&m->job.answer, q, tell, m) < 0) {
		free(m);
		http_fail_err(call, E_NOMEM, NULL, "the request");
		return;
	}
	call->job = m;
	call->job_free = moment_free;
	set_out(call, m);
}
