/* Energy now, power quality, and the day and month archives of Энергомера classic
 * (meter-iec61107.md 3.1, 3.2, 3.6).  kWh, kvarh, kW and kvar become mWh, mvarh, mW and mvar by
 * moving the decimal point six places. */
#include "meters/energomera.h"

#include <string.h>

enum { KILO_TO_MILLI = 6, TO_MILLI = 3 };

/* Registers are 8 digits; a larger number is not an energy. */
#define ENERGY_LIMIT INT64_C(1000000000000000)	/* mWh: 10^9 kWh */

static int64_t
now_of(struct meter_session *s)
{
	return line_times(s->line).done_us / 1000000;
}

/* ---- energy ---- */

/* Total and T1..T4 of one kind; T5 exists on the wire only. */
static int
take_kind(const struct energomera_values *v, enum energy_kind kind, struct record *r)
{
	for (unsigned i = 0; i < v->n && i <= ENERGOMERA_TARIFFS; i++) {
		if ((v->present >> i & 1) == 0)
			continue;
		if (v->v[i] < 0 || v->v[i] >= ENERGY_LIMIT)
			return E_FRAME;
		record_set(r, energy_slot(i, kind), v->v[i]);
	}
	return E_OK;
}

static enum energomera_name
name_of(enum energomera_name base, unsigned kind)
{
	return (enum energomera_name)(base + kind);
}

/* A read that finds every kind refused is the caller's new try after its pause: ask again. */
static void
reconsider(struct meter_session *s, enum energomera_name base)
{
	uint8_t kinds = energomera_model(s)->kinds;

	for (unsigned kind = 0; kind < ENERGY_KINDS; kind++)
		if ((kinds >> kind & 1) != 0 && !energomera_refuses(s, name_of(base, kind)))
			return;
	for (unsigned kind = 0; kind < ENERGY_KINDS; kind++)
		energomera_forget_refusal(s, name_of(base, kind));
}

/* Asks all kinds the meter has.  E_UNSUPPORTED: it has none; E_NODATA: no record. */
static int
ask_kinds(struct meter_session *s, enum energomera_name base, const char *argument, struct record *r)
{
	uint8_t kinds = energomera_model(s)->kinds;
	bool is_known = false;

	for (unsigned kind = 0; kind < ENERGY_KINDS; kind++) {
		enum energomera_name name = name_of(base, kind);
		struct energomera_values v;
		struct iec_text body;
		int rc;

		if ((kinds >> kind & 1) == 0 || energomera_refuses(s, name))
			continue;
		rc = energomera_ask(s, name, argument, &body);
		if (rc == E_OK)
			rc = energomera_decimals(body, energomera_name(name), KILO_TO_MILLI, &v);
		if (rc == E_OK)
			rc = take_kind(&v, (enum energy_kind)kind, r);
		if (energomera_is_link_trouble(rc))
			return rc;
		/* One archive holds all kinds: what the first has not, the others have not either. */
		if (rc != E_OK && rc != E_UNSUPPORTED && !is_known)
			return E_NODATA;
		is_known |= rc != E_UNSUPPORTED;
	}
	if (!is_known)
		return E_UNSUPPORTED;
	return r->present != 0 ? E_OK : E_NODATA;
}

static const struct energomera_group_item energy_items[ENERGY_KINDS] = {
	[A_PLUS] = { 0x1001, 0x1F, KILO_TO_MILLI },
	[A_MINUS] = { 0x1002, 0x1F, KILO_TO_MILLI },
	[R_PLUS] = { 0x1004, 0x1F, KILO_TO_MILLI },
	[R_MINUS] = { 0x1008, 0x1F, KILO_TO_MILLI },
};

static int
group_energy(struct meter_session *s, struct record *r)
{
	struct energomera_values v;
	int rc = energomera_group(s, energy_items, ENERGY_KINDS, &v);

	for (unsigned i = 0; rc == E_OK && i < v.n; i++) {
		unsigned kind = i / (ENERGOMERA_TARIFFS + 1), tariff = i % (ENERGOMERA_TARIFFS + 1);

		if ((v.present >> i & 1) == 0)
			continue;
		if (v.v[i] < 0 || v.v[i] >= ENERGY_LIMIT)
			return E_FRAME;
		record_set(r, energy_slot(tariff, (enum energy_kind)kind), v.v[i]);
	}
	return rc == E_OK && r->present == 0 ? E_NODATA : rc;
}

/* The ids of tariffs and of received energy are an assumption: believed once every register read
 * by its own name just after is the same, or has grown by what a few seconds can bring. */
static void
prove_group_energy(struct energomera_memory *m, const struct record *group, const struct record *plain)
{
	enum { GROWTH_MWH = 1000000 };
	bool same = group->present == plain->present;

	for (unsigned slot = 0; slot < VALUE_SLOTS && same; slot++)
		if (record_has(plain, slot))
			same = plain->v[slot] >= group->v[slot] &&
			    plain->v[slot] - group->v[slot] < GROWTH_MWH;
	if (!same)
		m->group_energy = 2;
	else if (plain->v[energy_slot(0, A_PLUS)] > 0)
		m->group_energy = 1;
}

int
energomera_read_energy(struct meter_session *s, struct sink *sink)
{
	struct energomera_memory *m = energomera_memory(s);
	struct record r = { .type = REC_EL_MOMENT_ENERGY, .valid = true };
	struct record group = r;
	int from_group = E_UNSUPPORTED, rc;

	reconsider(s, EN_ET0);
	if (m->group_energy != 2)
		from_group = group_energy(s, &group);
	if (from_group != E_FRAME && energomera_is_link_trouble(from_group))
		return from_group;
	if (from_group < 0 && (m->group == GROUP_IN_SESSION || m->group == GROUP_SESSIONLESS))
		m->group_energy = 2;
	if (from_group == E_OK && m->group_energy == 1) {
		group.ts = now_of(s);
		return sink->put(sink, &group);
	}
	rc = ask_kinds(s, EN_ET0, "", &r);
	if (rc < 0)
		return rc;
	if (from_group == E_OK)
		prove_group_energy(m, &group, &r);
	r.ts = now_of(s);
	return sink->put(sink, &r);
}

/* ---- quality ---- */

struct quality_item {
	enum energomera_name name;
	uint8_t decimals, n;
	uint8_t slot[4];
	struct energomera_group_item group;	/* mask 0: not in the one-shot read */
	uint8_t group_slot[4];			/* its order: phases first, the sum last */
};

static const struct quality_item three_phases[] = {
	{ EN_VOLTA, TO_MILLI, 3, { Q_UA, Q_UB, Q_UC }, { 0x4001, 7, TO_MILLI }, { Q_UA, Q_UB, Q_UC } },
	{ EN_CURRE, TO_MILLI, 3, { Q_IA, Q_IB, Q_IC }, { 0x4002, 7, TO_MILLI }, { Q_IA, Q_IB, Q_IC } },
	{ EN_POWPP, KILO_TO_MILLI, 3, { Q_PA, Q_PB, Q_PC }, { 0x4003, 0xF, KILO_TO_MILLI },
	    { Q_PA, Q_PB, Q_PC, Q_PS } },
	{ EN_POWEP, KILO_TO_MILLI, 1, { Q_PS }, { 0, 0, 0 }, { 0 } },
	{ EN_POWPQ, KILO_TO_MILLI, 3, { Q_QA, Q_QB, Q_QC }, { 0, 0, 0 }, { 0 } },
	{ EN_POWEQ, KILO_TO_MILLI, 1, { Q_QS }, { 0, 0, 0 }, { 0 } },
	/* 4007 is left out: sources differ on whether the sum comes first or last in it. */
	{ EN_COS, TO_MILLI, 4, { Q_KPS, Q_KPA, Q_KPB, Q_KPC }, { 0, 0, 0 }, { 0 } },
	{ EN_CORUU, TO_MILLI, 3, { Q_ANG_AB, Q_ANG_BC, Q_ANG_AC }, { 0x400B, 7, TO_MILLI },
	    { Q_ANG_AB, Q_ANG_BC, Q_ANG_AC } },
	{ EN_FREQU, TO_MILLI, 1, { Q_FREQ }, { 0x400D, 1, TO_MILLI }, { Q_FREQ } },
};

static const struct quality_item single_phase[] = {
	{ EN_VOLTA, TO_MILLI, 1, { Q_UA }, { 0, 0, 0 }, { 0 } },
	{ EN_CURRE, TO_MILLI, 1, { Q_IA }, { 0, 0, 0 }, { 0 } },
	{ EN_POWEP, KILO_TO_MILLI, 1, { Q_PS }, { 0, 0, 0 }, { 0 } },
	{ EN_COS, TO_MILLI, 1, { Q_KPS }, { 0, 0, 0 }, { 0 } },
	{ EN_FREQU, TO_MILLI, 1, { Q_FREQ }, { 0, 0, 0 }, { 0 } },
};

enum { THREE_PHASE_ITEMS = sizeof three_phases / sizeof *three_phases,
	SINGLE_PHASE_ITEMS = sizeof single_phase / sizeof *single_phase };

/* CORUU gives AB, BC, CA; the tag is AC, which is the other way round. */
static void
set_quality(struct record *r, unsigned slot, int64_t value)
{
	record_set(r, slot, slot == Q_ANG_AC ? -value : value);
}

static bool
has_any(const struct record *r, const struct quality_item *item)
{
	for (unsigned i = 0; i < item->n; i++)
		if (record_has(r, item->slot[i]))
			return true;
	return false;
}

static int
ask_quality(struct meter_session *s, const struct quality_item *item, struct record *r)
{
	struct energomera_values v;
	struct iec_text body;
	int rc;

	if (has_any(r, item) || energomera_refuses(s, item->name))
		return E_OK;
	rc = energomera_ask(s, item->name, "", &body);
	if (rc == E_OK)
		rc = energomera_decimals(body, energomera_name(item->name), item->decimals, &v);
	if (rc < 0)
		return energomera_is_link_trouble(rc) ? rc : E_OK;
	/* A single value where the sum and three phases are usual is the sum of a single phase. */
	if (v.n < item->n && v.n != 1)
		return E_OK;
	for (unsigned i = 0; i < item->n && i < v.n; i++)
		if ((v.present >> i & 1) != 0)
			set_quality(r, item->slot[i], v.v[i]);
	return E_OK;
}

/* One request for everything that has an id; the rest is asked by name afterwards. */
static int
group_quality(struct meter_session *s, struct record *r)
{
	struct energomera_memory *m = energomera_memory(s);
	struct energomera_group_item items[THREE_PHASE_ITEMS];
	struct energomera_values v;
	uint8_t slots[32];
	size_t n = 0, n_slots = 0;
	int rc;

	for (size_t i = 0; i < THREE_PHASE_ITEMS; i++) {
		if (three_phases[i].group.mask == 0)
			continue;
		items[n++] = three_phases[i].group;
		for (unsigned bit = 0; bit < 4; bit++)
			if ((three_phases[i].group.mask >> bit & 1) != 0)
				slots[n_slots++] = three_phases[i].group_slot[bit];
	}
	rc = energomera_group(s, items, n, &v);
	/* Refused though the meter knows such requests: too many at once, or an unknown id. */
	if ((rc == E_FRAME || rc == E_UNSUPPORTED) && m->group != GROUP_UNTRIED)
		m->group_refused = 1;
	for (unsigned i = 0; rc == E_OK && i < v.n && i < n_slots; i++)
		if ((v.present >> i & 1) != 0)
			set_quality(r, slots[i], v.v[i]);
	return rc == E_FRAME || !energomera_is_link_trouble(rc) ? E_OK : rc;
}

static void
copy_slot(struct record *r, unsigned from, unsigned to)
{
	if (record_has(r, from) && !record_has(r, to))
		record_set(r, to, r->v[from]);
}

/* Not delivered by these meters (3.1): S of a phase and of the sum from P and Q. */
static void
derive_apparent(struct record *r)
{
	for (unsigned i = 0; i < 4; i++)
		if (record_has(r, Q_PS + i) && record_has(r, Q_QS + i))
			record_set(r, Q_SS + i, energomera_apparent(r->v[Q_PS + i], r->v[Q_QS + i]));
}

int
energomera_read_quality(struct meter_session *s, struct sink *sink)
{
	bool single = energomera_model(s)->is_single_phase;
	const struct quality_item *items = single ? single_phase : three_phases;
	size_t n = single ? SINGLE_PHASE_ITEMS : THREE_PHASE_ITEMS;
	struct record r = { .type = REC_EL_MOMENT_QUALITY, .valid = true };
	int rc = E_OK;

	if (!single && energomera_memory(s)->group_refused == 0)
		rc = group_quality(s, &r);
	for (size_t i = 0; rc == E_OK && i < n; i++)
		rc = ask_quality(s, &items[i], &r);
	if (rc < 0)
		return rc;
	if (single) {
		copy_slot(&r, Q_PS, Q_PA);
		copy_slot(&r, Q_KPS, Q_KPA);
	}
	derive_apparent(&r);
	if (r.present == 0) {
		for (size_t i = 0; i < n; i++)
			energomera_forget_refusal(s, items[i].name);
		return E_UNSUPPORTED;
	}
	r.ts = now_of(s);
	return sink->put(sink, &r);
}

/* ---- archives of days and months ---- */

struct archive {
	enum record_type type;
	enum energomera_name base;
	bool is_monthly;
	int8_t shift;		/* the request names the day or month so many after the label */
};

/* Registers are kept at the END of a day or month: they are the start of the next one. */
static const struct archive archives[] = {
	{ REC_EL_DAY, EN_END, false, -1 },
	{ REC_EL_DAY_CONS, EN_EAD, false, 0 },
	{ REC_EL_MONTH, EN_ENM, true, -1 },
	{ REC_EL_MONTH_CONS, EN_EAM, true, 0 },
};

static int64_t
label_add(struct zone zone, const struct archive *a, int64_t label, int n)
{
	return a->is_monthly ? month_add(zone, label, n) : day_add(zone, label, n);
}

static int
read_label(struct meter_session *s, const struct archive *a, int64_t label, struct sink *sink)
{
	struct record r = { .type = a->type, .valid = true, .ts = label };
	struct civil date = civil_from_utc(s->zone, label_add(s->zone, a, label, a->shift));
	char argument[ENERGOMERA_ARG];
	int rc;

	if (a->is_monthly)
		energomera_month_argument(argument, &date);
	else
		energomera_day_argument(argument, &date);
	rc = ask_kinds(s, a->base, argument, &r);
	if (rc == E_NODATA)
		return E_OK;
	return rc < 0 ? rc : sink->put(sink, &r);
}

int
energomera_read_archive(struct meter_session *s, const struct query *q, struct sink *sink)
{
	const struct archive *a = archives;
	int64_t label;
	int rc = E_OK;

	while (a->type != q->type)
		a++;
	reconsider(s, a->base);
	label = a->is_monthly ? month_start(s->zone, q->from) : day_start(s->zone, q->from);
	if (label < q->from)
		label = label_add(s->zone, a, label, 1);
	for (; rc == E_OK && label <= q->to; label = label_add(s->zone, a, label, 1))
		rc = read_label(s, a, label, sink);
	return rc;
}
