/* Records of the profiles and of the registers (13). */
#include "meters/dlms/spodes.h"

#include <string.h>

enum { HOUR_S = 3600, DAY_S = 86400, TARIFFS_USUAL = 4, REGISTERS_MAX = 64, CAPTURE_METHOD = 2 };
enum { OTHER_OBJECT = 0x80 };

/* ---- day and month (13 "Row stamps") ---- */

struct archive {
	const struct query *q;
	struct sink *sink;
	struct zone zone;
	const struct spodes_options *o;
	int64_t done;		/* label of the last record; the earliest row of a day counts */
	bool has_done;
};

/* The day or month a row opens; false when it opens none. */
static bool
label_of(const struct archive *a, const struct spodes_row *row, int64_t *label)
{
	int64_t ts = row->ts + (a->o->day_stamp == STAMP_END ? HOUR_S : 0);
	int64_t day = day_start(a->zone, ts);
	int64_t window = a->o->day_stamp == STAMP_END ? 2 * HOUR_S : HOUR_S;

	*label = day;
	if (ts - day >= window)
		return false;
	if (a->q->type == REC_EL_DAY)
		return true;
	*label = month_start(a->zone, day);
	return civil_from_utc(a->zone, day).day == a->o->billing_day;
}

static int
take_archive_row(void *arg, const struct spodes_columns *c, const struct spodes_row *row)
{
	struct archive *a = arg;
	struct record rec = { .type = a->q->type, .valid = true };

	if (!label_of(a, row, &rec.ts) || rec.ts < a->q->from || rec.ts > a->q->to ||
	    (a->has_done && rec.ts == a->done) || cosem_time_invalid(&row->time))
		return E_OK;
	if (!spodes_row_energy(c, row, &rec))
		return E_OK;
	a->done = rec.ts;
	a->has_done = true;
	return a->sink->put(a->sink, &rec);
}

int
spodes_read_archive(struct meter_session *s, const struct query *q, struct sink *sink)
{
	const struct spodes_options *o = &spodes_of(s)->options;
	struct archive a = { .q = q, .sink = sink, .zone = s->zone, .o = o };
	enum spodes_profile_id id = q->type == REC_EL_DAY ? PROFILE_DAY : PROFILE_MONTH;
	int64_t early = o->day_stamp == STAMP_END ? HOUR_S : 0;
	int64_t days = q->type == REC_EL_MONTH ? o->billing_day - 1 : 0;

	return spodes_rows(s, id, day_add(s->zone, q->from, (int)days) - early,
	    day_add(s->zone, q->to, (int)days) + HOUR_S - 1, take_archive_row, &a);
}

/* ---- load profile ---- */

struct load {
	const struct query *q;
	struct sink *sink;
	struct zone zone;
	enum spodes_stamp stamp;
	struct spodes_slice slice;
	uint32_t period_s;
};

static int
put_slice(struct load *l)
{
	struct record rec;

	if (!l->slice.is_begun)
		return E_OK;
	spodes_slice_record(&l->slice, l->period_s, &rec);
	l->slice = (struct spodes_slice){ .is_begun = false };
	return l->sink->put(l->sink, &rec);
}

static int
take_load_row(void *arg, const struct spodes_columns *c, const struct spodes_row *row)
{
	struct load *l = arg;
	int64_t label = spodes_slice_label(row, c->period_s, l->zone, l->stamp);
	int rc = E_OK;

	if (label < l->q->from || label > l->q->to)
		return E_OK;
	if (l->slice.is_begun && l->slice.label != label)
		rc = put_slice(l);
	l->slice.is_split = l->slice.is_split ||
	    (l->stamp == STAMP_END ? row->ts != label : row->ts != label - c->period_s);
	l->slice.label = label;
	l->period_s = c->period_s;
	spodes_slice_add(&l->slice, c, row);
	return rc;
}

int
spodes_read_profile(struct meter_session *s, const struct query *q, struct sink *sink)
{
	struct load l = { .q = q, .sink = sink, .zone = s->zone,
		.stamp = (enum spodes_stamp)spodes_of(s)->options.lp_stamp };
	struct spodes_columns c;
	int rc = spodes_columns(s, PROFILE_LOAD, &c), rest;

	if (rc < 0)
		return rc;
	if (q->to < q->from)
		return E_OK;
	/* Rows of a slice lie after its beginning, up to its end. */
	if (l.stamp == STAMP_END)
		rc = spodes_rows(s, PROFILE_LOAD, q->from - c.period_s + 1, q->to, take_load_row, &l);
	else
		rc = spodes_rows(s, PROFILE_LOAD, q->from - c.period_s, q->to - 1, take_load_row, &l);
	/* A slice begun before the link was lost may lack a row. */
	rest = rc == E_OK ? put_slice(&l) : E_OK;
	return rc < 0 ? rc : rest;
}

/* ---- registers now ---- */

struct registers {
	struct meter_session *s;
	struct cosem names[REGISTERS_MAX];
	uint8_t slot[REGISTERS_MAX];
	int8_t scaler[REGISTERS_MAX];
	bool answered[REGISTERS_MAX];
	unsigned n;
	struct record *rec;
};

static void
add_register(struct registers *g, struct cosem name, unsigned slot, int8_t scaler)
{
	if (g->n == REGISTERS_MAX || name.class == 0)
		return;
	g->names[g->n] = name;
	g->slot[g->n] = (uint8_t)slot;
	g->scaler[g->n++] = scaler;
}

static int
take_register(void *arg, size_t i, int result, struct axdr *value)
{
	struct registers *g = arg;
	struct axdr_value v;
	int64_t n;

	g->answered[i] = result == RESULT_SUCCESS;
	if (value != NULL && g->scaler[i] != SPODES_NO_SCALER && axdr_next(value, &v) == E_OK &&
	    axdr_milli(&v, g->scaler[i], &n))
		record_set(g->rec, g->slot[i], n);
	return E_OK;
}

static int
take_register_scaler(void *arg, size_t i, int result, struct axdr *value)
{
	struct registers *g = arg;
	struct cosem_scale scale;

	(void)result;
	g->scaler[i] = SPODES_NO_SCALER;
	if (value != NULL && cosem_scale(value, &scale) == E_OK)
		g->scaler[i] = scale.scaler;
	return E_OK;
}

static int
ask_scalers(struct registers *g)
{
	int rc;

	for (unsigned i = 0; i < g->n; i++)
		g->names[i].index = 3;
	rc = spodes_get_many(g->s, g->names, g->n, take_register_scaler, g);
	for (unsigned i = 0; i < g->n; i++)
		g->names[i].index = 2;
	return rc;
}

/* The registers that the day profile says exist; without one, all twenty. */
int
spodes_read_energy(struct meter_session *s, const struct query *q, struct sink *sink)
{
	struct record rec = { .type = q->type, .valid = true };
	struct registers g = { .s = s, .rec = &rec };
	struct spodes_columns c;
	int rc = spodes_columns(s, PROFILE_DAY, &c);

	if (rc < 0 && rc != E_UNSUPPORTED)
		return rc;
	for (unsigned i = 0; rc == E_OK && i < c.n; i++) {
		unsigned slot = c.what[i] - (unsigned)WHAT_ENERGY;

		if (c.what[i] >= WHAT_ENERGY && slot < ENERGY_SLOTS)
			add_register(&g, spodes_energy(slot, 2), slot, c.scaler[i]);
	}
	if (g.n == 0) {
		for (unsigned slot = 0; slot < (TARIFFS_USUAL + 1) * (unsigned)ENERGY_KINDS; slot++)
			add_register(&g, spodes_energy(slot, 2), slot, SPODES_NO_SCALER);
		rc = ask_scalers(&g);
	}
	if (rc == E_OK)
		rc = spodes_get_many(s, g.names, g.n, take_register, &g);
	if (rc < 0)
		return rc;
	rec.ts = line_times(s->line).done_us / 1000000;
	return rec.present != 0 ? sink->put(sink, &rec) : E_UNSUPPORTED;
}

/* ---- quality ---- */

/* The row of current values, captured now. */
static int
read_moment_profile(struct meter_session *s, struct record *rec)
{
	static const uint8_t parameter[] = { AXDR_I8, 0 };
	const struct cosem capture = spodes_profile_object(PROFILE_MOMENT, CAPTURE_METHOD);
	const struct cosem buffer = spodes_profile_object(PROFILE_MOMENT, 2);
	struct spodes_row row = { .has_time = false };
	struct spodes_columns c;
	struct octets data;
	struct axdr a;
	uint32_t n;
	int rc = spodes_columns(s, PROFILE_MOMENT, &c);

	if (rc == E_OK)
		rc = spodes_action(s, &capture, (struct octets){ parameter, sizeof(parameter) });
	if (rc == E_OK)
		rc = spodes_get(s, &buffer, (struct octets){ NULL, 0 }, &data);
	if (rc < 0)
		return rc == E_REFUSED ? E_UNSUPPORTED : rc;
	a = axdr_init(data.p, data.len);
	if (axdr_enter(&a, AXDR_ARRAY, &n) < 0 || n == 0)
		return E_UNSUPPORTED;
	rc = spodes_row_next(&a, &c, s->zone, &row);
	if (rc == E_INVALID) {
		spodes_profile(s, PROFILE_MOMENT)->known = SPODES_UNKNOWN;
		return E_FRAME;
	}
	if (rc < 0)
		return rc;
	return spodes_row_quality(&c, &row, rec) ? E_OK : E_UNSUPPORTED;
}

/* Without such a profile: the registers this meter was found to have, with their scalers, stand in
 * the memory in its place. */
static int
find_registers(struct meter_session *s, struct registers *g)
{
	struct spodes_memory *m = spodes_memory(s);
	int rc;

	for (unsigned slot = 0; slot < QUALITY_SLOTS; slot++) {
		add_register(g, spodes_quality(slot, 2, false), slot, SPODES_NO_SCALER);
		add_register(g, spodes_quality(slot, 2, true), slot | OTHER_OBJECT, SPODES_NO_SCALER);
	}
	rc = ask_scalers(g);
	if (rc < 0)
		return rc;
	m->moment = (struct spodes_profile){ .known = SPODES_ABSENT };
	for (unsigned i = 0; i < g->n && m->moment.n < MOMENT_COLUMNS; i++)
		if (g->scaler[i] != SPODES_NO_SCALER) {
			m->moment_what[m->moment.n] = g->slot[i];
			m->moment_scaler[m->moment.n++] = g->scaler[i];
		}
	return E_OK;
}

static int
read_quality_registers(struct meter_session *s, struct record *rec)
{
	struct spodes_memory *m = spodes_memory(s);
	struct registers g = { .s = s, .rec = rec };
	int rc;

	if (m->moment.n == 0) {
		rc = find_registers(s, &g);
		if (rc < 0)
			return rc;
		g.n = 0;
	}
	for (unsigned i = 0; i < m->moment.n; i++) {
		unsigned slot = m->moment_what[i] & ~(unsigned)OTHER_OBJECT;
		bool other = (m->moment_what[i] & OTHER_OBJECT) != 0;

		if (slot < QUALITY_SLOTS)
			add_register(&g, spodes_quality(slot, 2, other), slot, m->moment_scaler[i]);
	}
	return g.n == 0 ? E_UNSUPPORTED : spodes_get_many(s, g.names, g.n, take_register, &g);
}

/* A single-phase meter has its only phase in A (data-model.md 3.2). */
static void
fill_single_phase(struct record *rec)
{
	static const struct { uint8_t sum, a; } same[] = {
		{ Q_PS, Q_PA }, { Q_QS, Q_QA }, { Q_SS, Q_SA }, { Q_KPS, Q_KPA },
	};

	if (!record_has(rec, Q_UA) || record_has(rec, Q_UB) || record_has(rec, Q_UC))
		return;
	for (size_t i = 0; i < sizeof(same) / sizeof(*same); i++) {
		if (record_has(rec, same[i].sum) && !record_has(rec, same[i].a))
			record_set(rec, same[i].a, rec->v[same[i].sum]);
	}
}

int
spodes_read_quality(struct meter_session *s, const struct query *q, struct sink *sink)
{
	struct record rec = { .type = q->type, .valid = true };
	int rc = E_UNSUPPORTED;

	if (spodes_memory(s)->moment.known != SPODES_ABSENT)
		rc = read_moment_profile(s, &rec);
	if (rc == E_UNSUPPORTED) {
		if (spodes_memory(s)->moment.known != SPODES_ABSENT)
			spodes_memory(s)->moment = (struct spodes_profile){ .known = SPODES_ABSENT };
		rc = read_quality_registers(s, &rec);
	}
	if (rc < 0)
		return rc;
	if (rec.present == 0)
		return E_UNSUPPORTED;
	fill_single_phase(&rec);
	rec.ts = line_times(s->line).done_us / 1000000;
	return sink->put(sink, &rec);
}
