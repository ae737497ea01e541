/* Energy: since reset, start of day and month, consumption (meter-mercury-set.md 2.6, 2.7). */
#include "meters/mercury230.h"

enum { TARIFF_SETS = 5, MEMORY_2 = 0x02, MEMORY_2_LEN = 16, MONTHS_KEPT = 12 };
/* Arrays are renewed within seconds of midnight; nothing is read so near to it that a reading
 * could get the label of another day. */
enum { BEFORE_MIDNIGHT_S = 20, AFTER_MIDNIGHT_S = 10 };

/* Five readings: tariffs 1..4 in sets[1..4], their sum in sets[0]; thousandths of Wh and varh. */
struct readings {
	uint8_t present[TARIFF_SETS];
	int64_t milli[TARIFF_SETS][4];
};

/* Which reading is wanted, in the words of 2.6 and of 2.7. */
struct place {
	uint8_t array;			/* enum m230_array, with the month in its low nibble */
	bool is_start;			/* array B, C or D: old firmwares lack it */
	uint16_t new_address, old_address;	/* of tariff 0 in memory 2: firmware >= 2.1.0, older */
};

static void
take(struct readings *out, unsigned tariff, const struct mercury230_energy *e, uint32_t constant)
{
	out->present[tariff] = e->present;
	for (int k = 0; k < 4; k++)
		out->milli[tariff][k] = constant == 0 ? (int64_t)e->n[k] * 1000 :
							mercury230_pulses_energy(e->n[k], constant);
}

/* `array_ability`: whether silence here may still mean that the meter lacks the array. */
static int
read_at_once(struct meter_session *s, uint8_t array, uint8_t array_ability, struct readings *out)
{
	struct mercury230_memory *m = mercury230_memory(s);
	struct mercury230_energy e;
	uint8_t ability = m->all_tariffs == M230_KNOWS ? array_ability : m->all_tariffs;
	struct rd r;
	int rc = mercury230_try(s, &ability, &r, M230_ENERGY, M230_ARGS(array, M230_ALL_TARIFFS));

	if (rc < 0)
		return rc;
	m->all_tariffs = M230_KNOWS;
	if (rd_left(&r) != 80 && rd_left(&r) != 96)
		return E_FRAME;
	for (unsigned i = 1; i <= TARIFF_SETS; i++) { /* T1..T4, sum; losses have no tag */
		mercury230_decode_energy(&r, &e, 4);
		take(out, i % TARIFF_SETS, &e, 0);
	}
	return rd_failed(&r) ? E_FRAME : E_OK;
}

/* Tariff by tariff.  E_UNSUPPORTED when the meter lacks the array; a tariff it lacks is absent. */
static int
read_singly(struct meter_session *s, uint8_t array, uint8_t *ability, struct readings *out)
{
	struct mercury230_energy e;
	struct rd r;

	for (unsigned t = 0; t < TARIFF_SETS; t++) {
		int rc = mercury230_try(s, ability, &r, M230_ENERGY, M230_ARGS(array, (uint8_t)t));

		if (rc == E_UNSUPPORTED && t > 0)
			continue;
		if (rc < 0)
			return rc;
		mercury230_decode_energy(&r, &e, 4);
		if (!rd_done(&r))
			return E_FRAME;
		take(out, t, &e, 0);
	}
	return E_OK;
}

/* Array `array` by code 05; *ability is what is known of this kind of array. */
static int
read_array(struct meter_session *s, uint8_t array, uint8_t *ability, struct readings *out)
{
	struct mercury230_memory *m = mercury230_memory(s);
	uint8_t known = m->all_tariffs;
	int rc;

	if (*ability == M230_REFUSES || *ability == M230_IGNORES)
		return E_UNSUPPORTED;
	rc = read_at_once(s, array, *ability, out);
	if (rc == E_OK)
		*ability = M230_KNOWS;
	if (rc != E_UNSUPPORTED)
		return rc;
	rc = read_singly(s, array, ability, out);
	/* Refused at once but not singly: it is tariff 6 this meter does not know. */
	if (rc == E_OK && known == M230_UNKNOWN)
		m->all_tariffs = M230_REFUSES;
	return rc;
}

static bool
is_older_than_2_1(const uint8_t fw[3])
{
	return fw[0] < 2 || (fw[0] == 2 && fw[1] < 1);
}

/* Firmware without arrays B..D: half-pulses in physical memory 2.  Asking a wrong length there sets
 * an error flag in the meter, so it is always 16 bytes, and never in newer meters. */
static int
read_memory2(struct meter_session *s, const struct place *place, struct readings *out)
{
	const struct mercury230_memory *m = mercury230_memory(s);
	struct mercury230_variant v;
	struct mercury230_energy e;
	struct rd r;
	int rc = mercury230_learn(s, &v);

	if (rc < 0)
		return rc;
	if (m->firmware[0] > 2 || v.constant == 0)
		return E_UNSUPPORTED;
	for (unsigned t = 0; t < TARIFF_SETS; t++) {
		unsigned at = is_older_than_2_1(m->firmware) ? place->old_address + 0x20 * t :
							       place->new_address + 0x11 * t;

		rc = mercury230_ask(s, &r, M230_MEMORY,
		    M230_ARGS(MEMORY_2, (uint8_t)(at >> 8), (uint8_t)at, MEMORY_2_LEN));
		if (rc < 0)
			return rc;
		mercury230_decode_energy(&r, &e, 4);
		if (!rd_done(&r))
			return E_FRAME;
		take(out, t, &e, v.constant);
	}
	return E_OK;
}

static int
read_place(struct meter_session *s, const struct place *place, struct readings *out)
{
	struct mercury230_memory *m = mercury230_memory(s);
	uint8_t plain = M230_UNKNOWN, start = m->start_arrays;
	int rc;

	*out = (struct readings){ .present = { 0 } };
	if (!place->is_start)
		return read_array(s, place->array, &plain, out);
	rc = read_array(s, place->array, &start, out);
	m->start_arrays = start;
	return rc == E_UNSUPPORTED ? read_memory2(s, place, out) : rc;
}

static int
put(struct sink *sink, enum record_type type, int64_t ts, const struct readings *in)
{
	struct record rec = { .type = type, .valid = true, .ts = ts };

	for (unsigned t = 0; t < TARIFF_SETS; t++)
		for (unsigned k = 0; k < ENERGY_KINDS; k++)
			if (in->present[t] >> k & 1)
				record_set(&rec, energy_slot(t, (enum energy_kind)k), in->milli[t][k]);
	return rec.present != 0 ? sink->put(sink, &rec) : E_OK;
}

/* The arrays name days and months relative to the meter's today: what was just answered counts only
 * if by the meter's clock it was answered on that day and not near its ends. */
static int
check_day(struct meter_session *s, int64_t today)
{
	int64_t now;

	if (mercury230_time_of_answer(s, &now) < 0 || now - today < AFTER_MIDNIGHT_S ||
	    day_add(s->zone, today, 1) - now <= BEFORE_MIDNIGHT_S)
		return E_BUSY;
	return E_OK;
}

static int
serve(struct meter_session *s, const struct query *q, struct sink *sink, int64_t today, int64_t label,
    const struct place *place)
{
	struct readings readings;
	int rc;

	if (label < q->from || label > q->to)
		return E_OK;
	rc = read_place(s, place, &readings);
	if (rc == E_OK)
		rc = check_day(s, today);
	return rc == E_OK ? put(sink, q->type, label, &readings) : rc;
}

static int
read_moment(struct meter_session *s, const struct query *q, struct sink *sink)
{
	static const struct place place = { .array = M230_SINCE_RESET };
	struct readings readings;
	int rc = read_place(s, &place, &readings);

	return rc == E_OK ? put(sink, q->type, line_times(s->line).done_us / 1000000, &readings) : rc;
}

/* Only today and yesterday of the meter's own calendar are kept. */
static int
read_days(struct meter_session *s, const struct query *q, struct sink *sink, int64_t today)
{
	static const struct place start_of_today = { M230_TODAY_START, true, 0x06a6, 0x0ae0 };
	static const struct place start_of_yesterday = { M230_YESTERDAY_START, true, 0x06fb, 0x0b80 };
	int rc = serve(s, q, sink, today, day_add(s->zone, today, -1), &start_of_yesterday);

	return rc == E_OK ? serve(s, q, sink, today, today, &start_of_today) : rc;
}

/* The last months, oldest first: their starts with the current one, consumption without it. */
static int
read_months(struct meter_session *s, const struct query *q, struct sink *sink, int64_t today)
{
	int64_t this_month = month_start(s->zone, today);
	bool is_start = q->type == REC_EL_MONTH;
	int rc = E_OK;

	for (int back = MONTHS_KEPT - 1; back >= (is_start ? 0 : 1) && rc == E_OK; back--) {
		int64_t label = month_add(s->zone, this_month, -back);
		int month = civil_from_utc(s->zone, label).month;
		struct place place = {
			.array = (uint8_t)((is_start ? M230_MONTH_START : M230_MONTH_CONS) | month),
			.is_start = is_start,
			.new_address = (uint16_t)(0x02aa + 0x55 * (month - 1)),
			.old_address = (uint16_t)(0x0360 + 0xa0 * (month - 1)),
		};

		rc = serve(s, q, sink, today, label, &place);
	}
	return rc;
}

static int
read_labelled(struct meter_session *s, const struct query *q, struct sink *sink)
{
	static const struct place yesterday = { .array = M230_DAY_CONS };
	int64_t now, today;
	int rc = mercury230_now(s, &now);

	if (rc < 0)
		return rc;
	today = day_start(s->zone, now);
	rc = check_day(s, today);
	if (rc < 0)
		return rc;
	if (q->type == REC_EL_DAY)
		return read_days(s, q, sink, today);
	if (q->type == REC_EL_DAY_CONS)
		return serve(s, q, sink, today, day_add(s->zone, today, -1), &yesterday);
	return read_months(s, q, sink, today);
}

int
mercury230_read_energy(struct meter_session *s, const struct query *q, struct sink *sink)
{
	bool had_clock = mercury230_has_clock(s);
	int rc;

	if (q->type == REC_EL_MOMENT_ENERGY)
		return read_moment(s, q, sink);
	rc = read_labelled(s, q, sink);
	if (rc == E_BUSY && had_clock) { /* the reading at hand may have been too old */
		mercury230_memory(s)->has_clock = 0;
		rc = read_labelled(s, q, sink);
	}
	return rc;
}
