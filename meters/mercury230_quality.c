/* Power quality: everything at once, by kind, or value by value (meter-mercury-set.md 2.8). */
#include "meters/mercury230.h"

enum { NO_SLOT = -1, BLOCK_SHORT = 78, BLOCK_LONG = 86 };

/* The kinds in the order they are asked when the meter has no fast block.  Slots by phase field:
 * sum, 1, 2, 3; the meter's angles are L1-L2, L1-L3, L2-L3. */
static const struct kind_row {
	uint8_t kind, power;
	int8_t slots[4];
} rows[] = {
	{ M230_POWER, 0, { Q_PS, Q_PA, Q_PB, Q_PC } },
	{ M230_POWER, 1, { Q_QS, Q_QA, Q_QB, Q_QC } },
	{ M230_POWER, 2, { Q_SS, Q_SA, Q_SB, Q_SC } },
	{ M230_VOLTAGE, 0, { NO_SLOT, Q_UA, Q_UB, Q_UC } },
	{ M230_ANGLE, 0, { NO_SLOT, Q_ANG_AB, Q_ANG_AC, Q_ANG_BC } },
	{ M230_CURRENT, 0, { NO_SLOT, Q_IA, Q_IB, Q_IC } },
	{ M230_COS, 0, { Q_KPS, Q_KPA, Q_KPB, Q_KPC } },
	{ M230_FREQUENCY, 0, { Q_FREQ, NO_SLOT, NO_SLOT, NO_SLOT } },
};
enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

/* A single-phase meter has the sums and phase 1; an angle needs two phases. */
static bool
has_phase(const struct kind_row *row, unsigned phase, unsigned phases)
{
	return row->slots[phase] != NO_SLOT &&
	    (phases == 3 || phase == 0 || (phase == 1 && row->kind != M230_ANGLE));
}

static void
set_value(struct record *rec, const struct kind_row *row, unsigned phase, unsigned phases,
    const struct mercury230_value *v)
{
	int64_t milli;

	if (has_phase(row, phase, phases) &&
	    mercury230_value_milli(v, (enum m230_kind)row->kind, row->power, &milli))
		record_set(rec, (unsigned)row->slots[phase], milli);
}

static void
set_block(struct record *rec, const struct mercury230_block *b, unsigned phases)
{
	for (unsigned phase = 0; phase < 4; phase++) {
		for (unsigned power = 0; power < 3; power++)
			set_value(rec, &rows[power], phase, phases, &b->p[power][phase]);
		set_value(rec, &rows[6], phase, phases, &b->cos[phase]);
		if (phase == 0)
			continue;
		set_value(rec, &rows[3], phase, phases, &b->u[phase - 1]);
		set_value(rec, &rows[4], phase, phases, &b->angle[phase - 1]);
		set_value(rec, &rows[5], phase, phases, &b->i[phase - 1]);
	}
	set_value(rec, &rows[7], 0, phases, &b->f);
}

static int
read_block(struct meter_session *s, struct record *rec, unsigned phases)
{
	struct mercury230_memory *m = mercury230_memory(s);
	struct mercury230_block block;
	uint8_t ability = m->fast_block;
	struct rd r;
	int rc = mercury230_try(s, &ability, &r, M230_PARAM,
	    M230_ARGS(M230_ALL_PHASES, M230_FAST_BLOCK));

	if (rc == E_OK && rd_left(&r) != BLOCK_SHORT && rd_left(&r) != BLOCK_LONG) {
		ability = M230_REFUSES; /* a form of block nobody has described */
		rc = E_UNSUPPORTED;
	}
	m->fast_block = ability;
	if (rc == E_OK)
		rc = mercury230_decode_block(&r, &block);
	if (rc == E_OK)
		set_block(rec, &block, phases);
	return rc;
}

static uint8_t
bwri(const struct kind_row *row, unsigned phase)
{
	return (uint8_t)((unsigned)row->kind << 4 | (unsigned)row->power << 2 | phase);
}

/* All phases of one kind in one request; phase 1 in the request stands for "by phases". */
static int
read_row(struct meter_session *s, const struct kind_row *row, struct record *rec)
{
	struct mercury230_memory *m = mercury230_memory(s);
	unsigned first = row->slots[0] == NO_SLOT ? 1 : 0;
	unsigned last = row->kind == M230_FREQUENCY ? 0 : 3;
	uint8_t ability = m->all_phases;
	struct rd r;
	int rc = mercury230_try(s, &ability, &r, M230_PARAM,
	    M230_ARGS(M230_ALL_PHASES, bwri(row, first)));

	m->all_phases = ability;
	if (rc < 0)
		return rc;
	if (rd_left(&r) != 3 * (size_t)(last - first + 1))
		return E_FRAME;
	for (unsigned phase = first; phase <= last; phase++) {
		struct mercury230_value v = mercury230_decode_value(&r);

		set_value(rec, row, phase, 3, &v);
	}
	return E_OK;
}

/* One value per request: single-phase meters and the oldest firmwares.  What is refused is absent. */
static int
read_row_singly(struct meter_session *s, const struct kind_row *row, struct record *rec,
    unsigned phases)
{
	for (unsigned phase = 0; phase < 4; phase++) {
		struct mercury230_value v;
		uint8_t ability = M230_UNKNOWN;
		struct rd r;
		int rc;

		if (!has_phase(row, phase, phases))
			continue;
		rc = mercury230_try(s, &ability, &r, M230_PARAM,
		    M230_ARGS(M230_ONE_VALUE, bwri(row, phase)));
		if (rc == E_UNSUPPORTED)
			continue;
		if (rc < 0)
			return rc;
		v = mercury230_decode_value(&r);
		if (!rd_done(&r))
			return E_FRAME;
		set_value(rec, row, phase, phases, &v);
	}
	return E_OK;
}

static int
read_rows(struct meter_session *s, struct record *rec, unsigned phases)
{
	for (int i = 0; i < ROWS; i++) {
		int rc = phases == 3 ? read_row(s, &rows[i], rec) : E_UNSUPPORTED;

		if (rc == E_UNSUPPORTED)
			rc = read_row_singly(s, &rows[i], rec, phases);
		if (rc < 0)
			return rc;
	}
	return E_OK;
}

int
mercury230_read_quality(struct meter_session *s, const struct query *q, struct sink *sink)
{
	struct record rec = { .type = q->type, .valid = true };
	struct mercury230_variant v;
	int rc = mercury230_learn(s, &v);

	if (rc == E_UNSUPPORTED) { /* too old to tell: ask as of three phases */
		v.phases = 3;
		rc = E_OK;
	}
	if (rc == E_OK)
		rc = read_block(s, &rec, v.phases);
	if (rc == E_UNSUPPORTED)
		rc = read_rows(s, &rec, v.phases);
	if (rc < 0)
		return rc;
	rec.ts = line_times(s->line).done_us / 1000000;
	return rec.present != 0 ? sink->put(sink, &rec) : E_UNSUPPORTED;
}
