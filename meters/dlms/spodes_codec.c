#include "meters/dlms/spodes_codec.h"

#include <string.h>

enum { TARIFFS_KNOWN = 12, LOAD_TYPES = 29, MOMENT_TYPES = 7, TOTAL_TYPES = 8, REGISTER_VALUE = 2 };
enum { MILLI_HOUR_S = 3600 };

/* ---- objects (10) ---- */

/* Quality values: C and E of 1.0.C.7.E, and what other meters have instead. */
static const struct { uint8_t c, e, other_c, other_e; } qualities[QUALITY_SLOTS] = {
	[Q_UA] = { 32, 0, 12, 0 }, [Q_UB] = { 52, 0, 0, 0 }, [Q_UC] = { 72, 0, 0, 0 },
	[Q_IA] = { 31, 0, 11, 0 }, [Q_IB] = { 51, 0, 0, 0 }, [Q_IC] = { 71, 0, 0, 0 },
	[Q_PS] = { 1, 0, 0, 0 }, [Q_PA] = { 21, 0, 0, 0 }, [Q_PB] = { 41, 0, 0, 0 },
	[Q_PC] = { 61, 0, 0, 0 },
	[Q_QS] = { 3, 0, 0, 0 }, [Q_QA] = { 23, 0, 0, 0 }, [Q_QB] = { 43, 0, 0, 0 },
	[Q_QC] = { 63, 0, 0, 0 },
	[Q_SS] = { 9, 0, 0, 0 }, [Q_SA] = { 29, 0, 0, 0 }, [Q_SB] = { 49, 0, 0, 0 },
	[Q_SC] = { 69, 0, 0, 0 },
	[Q_ANG_AB] = { 81, 10, 81, 1 }, [Q_ANG_BC] = { 81, 21, 81, 12 }, [Q_ANG_AC] = { 81, 20, 81, 2 },
	[Q_KPS] = { 13, 0, 0, 0 }, [Q_KPA] = { 33, 0, 0, 0 }, [Q_KPB] = { 53, 0, 0, 0 },
	[Q_KPC] = { 73, 0, 0, 0 },
	[Q_FREQ] = { 14, 0, 0, 0 },
};

static uint8_t
what_electric(const uint8_t *n)
{
	uint8_t c = n[2], d = n[3], e = n[4];

	if (d == TOTAL_TYPES && c >= 1 && c <= ENERGY_KINDS && e <= TARIFFS_KNOWN)
		return (uint8_t)(WHAT_ENERGY + energy_slot(e, (enum energy_kind)(c - 1)));
	if (d == LOAD_TYPES && c >= 1 && c <= ENERGY_KINDS && e == 0)
		return (uint8_t)(WHAT_INTERVAL + c - 1);
	for (unsigned slot = 0; d == MOMENT_TYPES && slot < QUALITY_SLOTS; slot++)
		if ((qualities[slot].c == c && qualities[slot].e == e) ||
		    (qualities[slot].other_c == c && qualities[slot].other_e == e && c != 0))
			return (uint8_t)(WHAT_QUALITY + slot);
	return WHAT_OTHER;
}

uint8_t
spodes_what(const struct cosem *c, uint16_t data_index)
{
	const uint8_t *n = c->name;

	/* F other than 255: the previous period. */
	if (c->index != REGISTER_VALUE || data_index != 0 || n[5] != 255)
		return WHAT_OTHER;
	if (c->class == CLASS_CLOCK)
		return n[4] == 1 ? WHAT_OLD_TIME : WHAT_CLOCK;
	if (n[0] == 1 && n[1] == 0)
		return what_electric(n);
	if (n[0] == 0 && n[2] == 96 && n[3] == 10)
		return WHAT_STATUS;
	if (n[0] == 0 && n[2] == 96 && n[3] == 8)
		return WHAT_RUN_TIME;
	return c->class == CLASS_DATA ? WHAT_CODE : WHAT_OTHER;
}

bool
spodes_is_scaled(uint8_t what)
{
	return what >= WHAT_ENERGY && what < WHAT_END;
}

struct cosem
spodes_energy(unsigned slot, int attribute)
{
	uint8_t c = (uint8_t)(slot % ENERGY_KINDS + 1), e = (uint8_t)(slot / ENERGY_KINDS);

	return COSEM(CLASS_REGISTER, 1, 0, c, TOTAL_TYPES, e, (int8_t)attribute);
}

struct cosem
spodes_quality(unsigned slot, int attribute, bool other)
{
	uint8_t c = other ? qualities[slot].other_c : qualities[slot].c;
	uint8_t e = other ? qualities[slot].other_e : qualities[slot].e;

	if (c == 0)
		return (struct cosem){ 0 };
	return COSEM(CLASS_REGISTER, 1, 0, c, MOMENT_TYPES, e, (int8_t)attribute);
}

bool
spodes_unit_fits(uint8_t what, uint8_t unit)
{
	unsigned kind;

	if (unit == UNIT_NONE || what < WHAT_ENERGY || what >= WHAT_QUALITY)
		return true;
	kind = (what - (unsigned)WHAT_ENERGY) % ENERGY_KINDS;
	return unit == (kind < R_PLUS ? UNIT_WH : UNIT_VARH);
}

int
spodes_column(const struct spodes_columns *c, uint8_t what)
{
	for (unsigned i = 0; i < c->n; i++)
		if (c->what[i] == what)
			return (int)i;
	return -1;
}

/* ---- rows (8.2) ---- */

static void
take_stamp(const struct axdr_value *v, const struct spodes_columns *c, struct zone zone,
    struct spodes_row *row)
{
	if (v->tag == AXDR_NULL) {
		/* One period after the row before; the first row always has a stamp. */
		if (row->has_time) {
			row->ts += c->period_s;
			row->time.t = civil_from_utc(zone, row->ts);
		}
		return;
	}
	row->has_time = cosem_time_of(v, &row->time) == E_OK;
	if (row->has_time)
		row->ts = cosem_time_utc(&row->time, zone);
}

static void
take_value(const struct axdr_value *v, const struct spodes_columns *c, unsigned i,
    struct spodes_row *row)
{
	uint64_t bit = UINT64_C(1) << i;
	bool ok;

	if (v->tag == AXDR_NULL) {
		if (c->null_is_missing)
			row->present &= ~bit;
		return;
	}
	if (spodes_is_scaled(c->what[i]))
		ok = c->scaler != NULL && c->scaler[i] != SPODES_NO_SCALER &&
		    axdr_milli(v, c->scaler[i], &row->v[i]);
	else
		ok = axdr_int(v, &row->v[i]);
	row->present = ok ? row->present | bit : row->present & ~bit;
}

static int
take_column(struct axdr *a, const struct spodes_columns *c, unsigned i, struct zone zone,
    struct spodes_row *row)
{
	struct axdr_value v;
	int rc = axdr_next(a, &v);

	if (rc < 0)
		return rc;
	if (axdr_is_container(&v))
		return axdr_skip(a, &v);
	if (c->what[i] == WHAT_CLOCK)
		take_stamp(&v, c, zone, row);
	else if (c->what[i] == WHAT_OLD_TIME)
		row->has_old_time = cosem_time_of(&v, &row->old_time) == E_OK;
	else if (c->what[i] != WHAT_OTHER)
		take_value(&v, c, i, row);
	return E_OK;
}

int
spodes_row_next(struct axdr *a, const struct spodes_columns *c, struct zone zone,
    struct spodes_row *row)
{
	struct axdr_value v;
	int rc = axdr_next(a, &v);

	if (rc < 0)
		return rc;
	if (v.tag != AXDR_STRUCT)
		return E_FRAME;
	if (v.count != c->n || c->n > SPODES_COLUMNS_MAX)
		return E_INVALID;
	for (unsigned i = 0; i < c->n && rc == E_OK; i++)
		rc = take_column(a, c, i, zone, row);
	return rc < 0 ? rc : 1;
}

/* ---- rows to records (13) ---- */

static bool
row_slots(const struct spodes_columns *c, const struct spodes_row *row, uint8_t first, unsigned slots,
    struct record *rec)
{
	for (unsigned i = 0; i < c->n; i++) {
		unsigned slot = c->what[i] - (unsigned)first;

		if (c->what[i] >= first && slot < slots && (row->present >> i & 1))
			record_set(rec, slot, row->v[i]);
	}
	return rec->present != 0;
}

bool
spodes_row_energy(const struct spodes_columns *c, const struct spodes_row *row, struct record *rec)
{
	return row_slots(c, row, WHAT_ENERGY, ENERGY_SLOTS, rec);
}

bool
spodes_row_quality(const struct spodes_columns *c, const struct spodes_row *row, struct record *rec)
{
	return row_slots(c, row, WHAT_QUALITY, QUALITY_SLOTS, rec);
}

int64_t
spodes_slice_label(const struct spodes_row *row, uint32_t period_s, struct zone zone,
    enum spodes_stamp stamp)
{
	int64_t local = row->ts + zone_offset_s(zone, row->ts);
	int64_t over = local % period_s;

	if (stamp == STAMP_START)
		return row->ts - over + period_s;
	return over == 0 ? row->ts : row->ts - over + period_s;
}

/* Status columns of other profiles of DLMS (13). */
static uint8_t
status_flags(int64_t status, uint8_t flags)
{
	if (status & 0x06)
		flags &= (uint8_t)~PROFILE_MEASURED;
	if (status & 0xa0)
		flags |= PROFILE_PARTIAL;
	if (status & 0x08)
		flags |= PROFILE_SUMMER;
	return flags;
}

static uint8_t
row_flags(const struct spodes_columns *c, const struct spodes_row *row)
{
	uint8_t status = row->time.status, flags = PROFILE_MEASURED;
	int at = spodes_column(c, WHAT_STATUS);

	if (cosem_time_invalid(&row->time))
		flags = 0;
	if (status != COSEM_NO_STATUS && (status & COSEM_DOUBTFUL))
		flags |= PROFILE_PARTIAL;
	if (cosem_time_summer(&row->time))
		flags |= PROFILE_SUMMER;
	if (at >= 0 && (row->present >> at & 1))
		flags = status_flags(row->v[at], flags);
	return flags;
}

void
spodes_slice_add(struct spodes_slice *s, const struct spodes_columns *c, const struct spodes_row *row)
{
	uint8_t flags = row_flags(c, row), present = 0;

	for (unsigned i = 0; i < c->n; i++) {
		unsigned kind = c->what[i] - (unsigned)WHAT_INTERVAL;

		if (c->what[i] < WHAT_INTERVAL || kind >= ENERGY_KINDS || !(row->present >> i & 1))
			continue;
		if (!__builtin_add_overflow(s->energy[kind], row->v[i], &s->energy[kind]))
			present |= (uint8_t)(1 << kind);
	}
	if (s->is_begun) {
		s->is_split = true;
		s->present &= present;
		s->flags = (uint8_t)((s->flags & flags & PROFILE_MEASURED) |
		    ((s->flags | flags) & ~PROFILE_MEASURED));
	} else {
		s->present = present;
		s->flags = flags;
	}
	s->is_begun = true;
}

/* n * 3600 / period, rounded half away from zero. */
static bool
mean_power(int64_t energy, uint32_t period_s, int64_t *power)
{
	int64_t n, half = period_s / 2;

	if (__builtin_mul_overflow(energy, MILLI_HOUR_S, &n))
		return false;
	*power = (n >= 0 ? n + half : n - half) / (int64_t)period_s;
	return true;
}

void
spodes_slice_record(const struct spodes_slice *s, uint32_t period_s, struct record *rec)
{
	int64_t power;

	*rec = (struct record){
		.type = REC_EL_PROFILE, .valid = true, .ts = s->label,
		.period_min = (uint16_t)(period_s / 60), .flags = s->flags,
	};
	if (s->is_split)
		rec->flags |= PROFILE_PARTIAL;
	for (unsigned kind = 0; kind < ENERGY_KINDS; kind++)
		if ((s->present >> kind & 1) && mean_power(s->energy[kind], period_s, &power))
			record_set(rec, kind, power);
}
