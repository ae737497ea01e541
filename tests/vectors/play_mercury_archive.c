/* mercury23x: energy arrays, profile records and pointer, journals. */
#include <stdio.h>

#include "tests/vectors/play_mercury.h"

static const char *const kinds[4] = { "A+", "A-", "R+", "R-" };
static const char *const powers[4] = { "P+", "P-", "Q+", "Q-" };

/* ---- energy (2.6) ---- */

static void
play_number(json_t *out, const char *name, const char *unit, uint32_t n, bool present)
{
	json_t *absent = json_null();

	play_mercury_set(out, present ? json_integer(n) : absent, "%s_%s", name, unit);
	play_mercury_set(out, present ? json_real(n / 1000.0) : absent, "%s_k%s", name, unit);
	play_mercury_set(out, present ? json_integer(n) : absent, "%s", name);
	play_mercury_set(out, present ? json_integer(n) : absent, "%s_raw", name);
}

/* One set of four, or of three phases of A+; `tag` goes between kind and unit. */
static json_t *
play_set(struct play_mercury *p, struct rd *r, const char *tag, bool plain)
{
	bool per_phase = p->q->code == M230_ENERGY && (p->q->args[0] & 0xf0) == M230_PER_PHASE;
	static const char *const losses[4] = { "R1", "R2", "R3", "R4" };
	unsigned n = per_phase ? 3 : 4;
	struct mercury230_energy e;
	json_t *list = json_array();

	mercury230_decode_energy(r, &e, n);
	for (unsigned k = 0; k < n; k++) {
		bool present = e.present >> k & 1;
		const char *kind = p->q->code == M230_LOSSES ? losses[k] : kinds[k];
		const char *unit = p->q->code == M230_LOSSES || k > 1 ? "varh" : "Wh";
		char name[32];

		json_array_append_new(list, present ? json_integer(e.n[k]) : json_null());
		if (per_phase) {
			kind = "A+";
			unit = "Wh";
			snprintf(name, sizeof(name), "A+_L%u%s", k + 1, tag);
		} else
			snprintf(name, sizeof(name), "%s%s", kind, tag);
		play_number(p->out, name, unit, e.n[k], present);
		if (plain && *tag != '\0' && !per_phase)
			play_number(p->out, kind, unit, e.n[k], present);
	}
	return list;
}

void
play_mercury_energy(struct play_mercury *p, struct rd *r)
{
	static const char *const names[6] = { "T1", "T2", "T3", "T4", "sum", "losses" };
	unsigned array = p->q->args[0] >> 4, month = p->q->args[0] & 0x0f, tariff = p->q->args[1];
	unsigned set = (p->q->args[0] & 0xf0) == M230_PER_PHASE ? 12 : 16;
	char tag[16];

	play_int(p->out, "array", array);
	play_int(p->out, "month", month);
	play_int(p->out, "tariff", tariff);
	if (tariff != M230_ALL_TARIFFS) {
		const char *name = tariff == 0 ? "sum" : tariff <= 4 ? names[tariff - 1] : "losses";

		snprintf(tag, sizeof(tag), "_%s", name);
		json_object_set_new(p->out, name, play_set(p, r, tag, true));
		if (set == 12) {
			struct rd again = rd_init(r->p - 12, 12);

			json_decref(play_set(p, &again, "", false));
		}
		return;
	}
	play_int(p->out, "sets", (rd_left(r) / set));
	for (unsigned i = 0; i < 6 && rd_left(r) >= set; i++) {
		snprintf(tag, sizeof(tag), "_%s", names[i]);
		json_object_set_new(p->out, names[i], play_set(p, r, tag, i == 4));
	}
}

/* ---- profile (2.11) ---- */

static void
play_state(json_t *out, uint8_t state)
{
	json_object_set_new(out, "state", json_sprintf("%02X", state));
	play_bool(out, "overflow", state & M230_SLICE_OVERFLOW);
	play_bool(out, "incomplete", state & M230_SLICE_PARTIAL);
	play_bool(out, "complete", !(state & M230_SLICE_PARTIAL));
	play_bool(out, "init", state & M230_SLICE_INIT);
	play_bool(out, "winter", state & M230_SLICE_WINTER);
	play_bool(out, "summer", !(state & M230_SLICE_WINTER));
	play_text(out, "season", state & M230_SLICE_WINTER ? "winter" : "summer");
}

void
play_mercury_pointer(struct play_mercury *p, struct rd *r)
{
	struct mercury230_pointer at;
	uint32_t address;
	int rc = mercury230_decode_pointer(r, &at);

	play_state(p->out, at.state);
	address = p->by_bytes && at.word % 16 == 0 ?
	    at.word | (at.state & M230_SLICE_HIGH ? UINT32_C(0x10000) : 0) :
	    at.word * UINT32_C(16);
	play_int(p->out, "last_index", at.word);
	play_int(p->out, "index", at.word);
	json_object_set_new(p->out, "address", json_sprintf("0x%04X", address));
	json_object_set_new(p->out, "last_address", json_sprintf("0x%04X", address));
	json_object_set_new(p->out, "time",
	    rc == E_OK && !at.is_empty ? play_mercury_time(&at.t, false) : json_null());
	play_int(p->out, "period_min", at.period_min);
	play_int(p->out, "array", p->q->args[0] == M230_POINTER ? 1 : 2);
	play_bool(p->out, "empty", at.is_empty);
	play_bool(p->out, "valid", rc == E_OK);
}

static void
play_power(json_t *out, const char *name, bool reactive, const struct mercury230_slice *s, unsigned k,
    uint32_t constant)
{
	bool present = s->present >> k & 1 && !s->is_empty && s->period_min > 0;
	double n = s->n[k];
	json_t *absent = json_null();
	double mw = present ? (double)mercury230_slice_power(s->n[k], constant, s->period_min) : 0;
	const char *var = reactive ? "var" : "W";

	play_mercury_set(out, present ? json_integer(s->n[k]) : absent, "%s", name);
	play_mercury_set(out, present ? json_integer(s->n[k]) : absent, "%s_raw", name);
	play_mercury_set(out, present ? json_integer(s->n[k]) : absent, "%s_N", name);
	play_mercury_set(out, present ? json_real(mw / 1e6) : absent, "%s_k%s", name, var);
	play_mercury_set(out, present ? json_real(mw / 1e3) : absent, "%s_%s", name, var);
	play_mercury_set(out, present ? json_real(n / (2.0 * constant)) : absent, "%s_k%sh", name, var);
	play_mercury_set(out, present ? json_real(n * 500.0 / constant) : absent, "%s_%sh", name, var);
}

static json_t *
play_slice(struct rd *r, uint32_t constant)
{
	struct mercury230_slice s;
	json_t *out = json_object();

	mercury230_decode_slice(r, &s);
	play_state(out, s.state);
	play_bool(out, "empty", s.is_empty);
	play_bool(out, "no_data", s.is_empty);
	play_bool(out, "present", !s.is_empty);
	play_bool(out, "valid", !s.is_empty && !s.is_bad);
	json_object_set_new(out, "time",
	    s.is_empty || s.is_bad ? json_null() : play_mercury_time(&s.t, false));
	play_int(out, "period_min", s.period_min);
	for (unsigned k = 0; k < 4; k++) {
		play_power(out, powers[k], k > 1, &s, k, constant);
		play_power(out, kinds[k], k > 1, &s, k, constant);
	}
	return out;
}

/* Every field of the first and last element, as first_... and last_... */
static void
play_ends(json_t *out, const json_t *list)
{
	const char *prefixes[2] = { "first", "last" };
	size_t ends[2] = { 0, json_array_size(list) - 1 };
	const char *key;
	json_t *value;

	for (int i = 0; i < 2; i++)
		json_object_foreach(json_array_get(list, ends[i]), key, value)
			play_mercury_set(out, json_incref(value), "%s_%s", prefixes[i], key);
}

static void
play_list(struct play_mercury *p, json_t *list)
{
	size_t n = json_array_size(list);

	play_int(p->out, "records", n);
	play_int(p->out, "count", n);
	json_object_set(p->out, "items", list);
	if (n == 1)
		json_object_update(p->out, json_array_get(list, 0));
	if (n > 0)
		play_ends(p->out, list);
	json_decref(list);
}

/* Memory 2: readings of old firmware in half-pulses (2.7). */
static void
play_pulses(struct play_mercury *p, struct rd *r)
{
	struct mercury230_energy e;

	mercury230_decode_energy(r, &e, 4);
	for (unsigned k = 0; k < 4; k++) {
		bool present = e.present >> k & 1;
		const char *unit = k > 1 ? "varh" : "Wh";
		double milli = (double)mercury230_pulses_energy(e.n[k], p->constant);

		play_number(p->out, kinds[k], unit, e.n[k], present);
		if (!present)
			continue;
		play_mercury_set(p->out, json_integer(e.n[k]), "%s_N", kinds[k]);
		play_mercury_set(p->out, json_real(milli / 1e3), "%s_%s", kinds[k], unit);
		play_mercury_set(p->out, json_real(milli / 1e6), "%s_k%s", kinds[k], unit);
	}
}

void
play_mercury_memory(struct play_mercury *p, struct rd *r)
{
	const uint8_t *args = p->q->args;
	uint32_t address = (uint32_t)args[1] << 8 | args[2] | (args[0] & 0x80 ? UINT32_C(0x10000) : 0);
	json_t *list;

	if (p->q->code == M230_MEMORY) {
		play_int(p->out, "memory", args[0] & 0x0f);
		json_object_set_new(p->out, "address", json_sprintf("0x%04X", address));
		play_int(p->out, "length", args[3]);
		if ((args[0] & 0x0f) == 2) {
			play_pulses(p, r);
			return;
		}
	}
	list = json_array();
	if (p->q->code == M230_MEMORY && (args[0] & 0x70) != 0) { /* one kind, no dates */
		while (rd_left(r) >= 2)
			json_array_append_new(list, json_integer(rd_u16_le(r)));
		json_object_set_new(p->out, "values", list);
		return;
	}
	while (rd_left(r) >= M230_RECORD_LEN)
		json_array_append_new(list, play_slice(r, p->constant));
	play_list(p, list);
}

/* ---- clock and journals (2.10, 2.12) ---- */

static const char *const *
time_names(unsigned journal)
{
	static const char *const on_off[2] = { "on", "off" }, *const clock[2] = { "before", "after" };
	static const char *const limit[2] = { "begin", "end" }, *const out[2] = { "out", "back" };
	static const char *const cover[2] = { "opened", "closed" };

	if (journal == 0x02)
		return clock;
	if (journal == 0x06 || journal == 0x1a)
		return limit;
	if (journal == 0x12)
		return cover;
	return journal >= 0x20 ? out : on_off;
}

static bool
play_stamp(json_t *out, struct rd *r, const char *name)
{
	struct civil t;
	const uint8_t *b = r->p;
	enum m230_stamp stamp;

	if (rd_left(r) >= 6)
		play_mercury_set(out,
		    json_sprintf("%02X %02X %02X %02X %02X %02X", b[0], b[1], b[2], b[3], b[4], b[5]),
		    "%s_raw", name);
	stamp = mercury230_decode_stamp(r, &t);
	json_object_set_new(out, name,
	    stamp == M230_STAMP_GOOD ? play_mercury_time(&t, true) : json_null());
	play_mercury_set(out, json_boolean(stamp != M230_STAMP_BAD), "%s_valid", name);
	play_mercury_set(out, json_boolean(stamp == M230_STAMP_BAD), "%s_invalid", name);
	return stamp != M230_STAMP_BAD;
}

static void
play_programming(json_t *out, struct rd *r)
{
	struct mercury230_programming record;
	json_t *params = json_array();
	char mask[24] = "";

	mercury230_decode_programming(r, &record);
	json_object_set_new(out, "date",
	    record.stamp == M230_STAMP_GOOD ? play_mercury_date(&record.date) : json_null());
	play_int(out, "count_raw", record.count);
	play_int(out, "count", record.count);
	for (unsigned i = 0; i < 7; i++)
		snprintf(mask + 3 * i, sizeof(mask) - 3 * i, "%02X%s", record.mask03[i],
		    i < 6 ? " " : "");
	play_text(out, "mask03_bytes", mask);
	json_object_set_new(out, "mask07_byte", json_sprintf("%02X", record.mask07));
	json_object_set_new(out, "mask07", json_sprintf("%02X", record.mask07));
	for (unsigned i = 0; i < 56; i++)
		if (record.mask03[i / 8] >> i % 8 & 1)
			json_array_append_new(params, json_sprintf("%02X", i));
	json_object_set_new(out, "params", params);
	play_bool(out, "valid", record.stamp != M230_STAMP_BAD);
}

static json_t *
play_event(unsigned journal, struct rd *r)
{
	json_t *out = json_object();
	const char *const *names = time_names(journal);
	bool good, empty;
	uint64_t word;

	if (journal == 0x13) {
		play_programming(out, r);
		return out;
	}
	if (mercury230_journal_size(journal) == 6 || journal == 0x14)
		good = play_stamp(out, r, "time");
	else {
		good = play_stamp(out, r, names[0]);
		good = play_stamp(out, r, names[1]) && good;
	}
	if (journal == 0x14) {
		json_t *errors = json_array();

		word = mercury230_decode_state(r, 6);
		for (unsigned e = 1; e <= 48; e++)
			if (word >> (e - 1) & 1)
				json_array_append_new(errors, json_sprintf("E-%02u", e));
		if (json_array_size(errors) > 0)
			json_object_set(out, "error", json_array_get(errors, 0));
		json_object_set_new(out, "errors", errors);
	}
	empty = good && !json_is_string(json_object_get(out, "time")) &&
	    !json_is_string(json_object_get(out, names[0])) &&
	    !json_is_string(json_object_get(out, names[1]));
	play_bool(out, "empty", empty);
	play_bool(out, "valid", good);
	play_bool(out, "invalid", !good);
	return out;
}

static void
play_clock(struct play_mercury *p, struct rd *r)
{
	struct mercury230_clock clock;

	if (mercury230_decode_clock(r, &clock) < 0) {
		json_object_set_new(p->out, "time", json_null());
		play_bool(p->out, "valid", false);
		return;
	}
	json_object_set_new(p->out, "time", play_mercury_time(&clock.t, true));
	play_int(p->out, "weekday", clock.weekday);
	play_int(p->out, "dow", clock.weekday);
	play_int(p->out, "winter", clock.season == SEASON_WINTER);
	play_int(p->out, "summer", clock.season == SEASON_SUMMER);
	play_text(p->out, "season", clock.season == SEASON_WINTER ? "winter" : "summer");
}

void
play_mercury_events(struct play_mercury *p, struct rd *r)
{
	unsigned journal = p->q->args[0], which = p->q->n > 1 ? p->q->args[1] : 0;
	unsigned size = mercury230_journal_size(journal);
	json_t *list;

	if (p->q->n < 2) {
		play_clock(p, r);
		return;
	}
	if (size == 0)
		return;
	list = json_array();
	while (rd_left(r) >= size)
		json_array_append_new(list, play_event(journal, r));
	play_list(p, list);
	json_object_set_new(p->out, "journal", json_sprintf("%02X", journal));
	play_int(p->out, "record", which);
	if (rd_left(r) == 1) /* FFh: the last made record tells its place */
		play_int(p->out, "index", rd_u8(r));
}
