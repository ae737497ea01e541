/* Rows of СПОДЭС profiles and logs to records: spodes-journal, spodes-profile, spodes-energy.  The rows
 * are given as values; here they are encoded, so that the whole way from octets to records is played.
 * */
#include <stdio.h>
#include <string.h>

#include "meters/dlms/spodes_codec.h"
#include "meters/dlms/spodes_events_codec.h"
#include "tests/vectors/play.h"
#include "tests/vectors/play_dlms.h"

enum { MILLI = 1000, OWN_JOURNALS = 100, TIME_OLD_ID = 13000, TIME_NEW_ID = 13001 };
static const struct zone utc = { 0, false };

struct table {
	uint8_t what[SPODES_COLUMNS_MAX];
	int8_t scaler[SPODES_COLUMNS_MAX];
	struct spodes_columns columns;
};

/* ---- stimuli ---- */

static bool
parse_cosem(const char *text, struct cosem *c)
{
	unsigned class, n[6];
	int index;

	if (text == NULL ||
	    sscanf(text, "%u/%u.%u.%u.%u.%u.%u/%d", &class, &n[0], &n[1], &n[2], &n[3], &n[4], &n[5],
		&index) != 8)
		return false;
	*c = (struct cosem){ .class = (uint16_t) class, .index = (int8_t)index };
	for (int i = 0; i < 6; i++)
		c->name[i] = (uint8_t)n[i];
	return true;
}

static bool
take_table(const json_t *decoded, struct table *t)
{
	const json_t *names = json_object_get(decoded, "columns");
	const json_t *scales = json_object_get(decoded, "scaler_unit");
	size_t n = json_array_size(names);
	struct cosem c;

	for (size_t i = 0; i < n && i < SPODES_COLUMNS_MAX; i++) {
		const json_t *scale = json_array_get(scales, i);

		if (!parse_cosem(json_string_value(json_array_get(names, i)), &c))
			return false;
		t->what[i] = spodes_what(&c, 0);
		t->scaler[i] = (int8_t)json_integer_value(json_array_get(scale, 0));
		if (json_is_array(scale) &&
		    !spodes_unit_fits(t->what[i],
			(uint8_t)json_integer_value(json_array_get(scale, 1))))
			return false;
	}
	t->columns = (struct spodes_columns){ .what = t->what, .scaler = t->scaler, .n = (unsigned)n,
		.period_s = (uint32_t)json_integer_value(json_object_get(decoded, "period_s")) };
	return n > 0;
}

/* A row as the meter would send it. */
static void
put_row(struct wr *w, const json_t *row)
{
	static struct play_octets o;
	json_t *item;
	size_t i;

	axdr_put_struct(w, json_array_size(row));
	json_array_foreach(row, i, item) {
		if (json_is_integer(item))
			axdr_put_u32(w, (uint32_t)json_integer_value(item));
		else if (play_dlms_hex(item, &o))
			wr_bytes(w, o.p, o.len);
	}
}

static bool
parse_local(const char *text, int64_t *ts)
{
	struct civil t;

	if (text == NULL ||
	    sscanf(text, "%d-%d-%d %d:%d:%d", &t.year, &t.month, &t.day, &t.hour, &t.minute,
		&t.second) != 6)
		return false;
	*ts = civil_to_utc(utc, &t, SEASON_UNKNOWN);
	return true;
}

static json_t *
time_json(int64_t ts)
{
	const struct civil t = civil_from_utc(utc, ts);

	return play_dlms_civil(&t);
}

/* What was found beside what was given. */
static json_t *
with_given(const json_t *decoded, const char *key, json_t *found)
{
	json_t *out = json_copy((json_t *)(uintptr_t)decoded);

	json_object_set_new(out, key, found);
	return out;
}

/* ---- journals ---- */

static void
add_event(json_t *records, unsigned journal, int64_t ts, unsigned event, unsigned id)
{
	if (journal > OWN_JOURNALS)
		return; /* kinds of our own, beyond table 6 */
	json_array_append_new(records,
	    json_pack("{s:s,s:o,s:i,s:i}", "journal", journal_name(journal), "ts", time_json(ts),
		"event", (int)event, "eventId", (int)id));
}

static void
play_log_row(json_t *records, unsigned log, const json_t *row, bool has_time_log)
{
	struct spodes_event events[SPODES_EVENTS_MOST];
	int64_t ts, old;
	unsigned n;

	if (!parse_local(json_string_value(json_array_get(row, 0)), &ts))
		return;
	if (log == LOG_TIME) {
		if (!parse_local(json_string_value(json_array_get(row, 1)), &old))
			return;
		add_event(records, J_TIME_CORR, old, 0, TIME_OLD_ID);
		add_event(records, J_TIME_CORR, ts, 1, TIME_NEW_ID);
		return;
	}
	n = spodes_events(log, json_integer_value(json_array_get(row, 1)), 0, has_time_log, events);
	for (unsigned i = 0; i < n; i++)
		add_event(records, events[i].journal, ts, events[i].event, events[i].id);
}

enum play_result
play_spodes_journal(const json_t *vector, json_t **made, char *why, size_t why_size)
{
	const json_t *decoded = json_object_get(vector, "decoded");
	const char *name = json_string_value(json_object_get(decoded, "log"));
	json_t *records = json_array(), *row;
	unsigned log;
	size_t i;

	if (name == NULL || sscanf(name, "0.0.99.98.%u.", &log) != 1) {
		snprintf(why, why_size, "not a log");
		json_decref(records);
		return PLAY_SKIPPED;
	}
	json_array_foreach(json_object_get(decoded, "rows"), i, row)
		play_log_row(records, log, row, json_is_true(json_object_get(decoded, "has_time_log")));
	*made = with_given(decoded, "records", records);
	return PLAY_DECODED;
}

/* ---- profiles ---- */

static json_t *
value_json(const struct record *rec, unsigned slot)
{
	if (!record_has(rec, slot))
		return json_null();
	if (rec->v[slot] % MILLI == 0)
		return json_integer(rec->v[slot] / MILLI);
	return json_real((double)rec->v[slot] / MILLI);
}

static json_t *
slice_json(const struct spodes_slice *slice, uint32_t period_s)
{
	static const struct { const char *key; unsigned flag; } flags[] = {
		{ "isPart", PROFILE_PARTIAL }, { "isOvfl", PROFILE_OVERFLOW }, { "isSummer",
		PROFILE_SUMMER },
		{ "isMeas", PROFILE_MEASURED },
	};
	json_t *out = json_object();
	struct record rec;

	spodes_slice_record(slice, period_s, &rec);
	json_object_set_new(out, "ts", time_json(rec.ts - period_s));
	json_object_set_new(out, "cTime", json_integer(rec.period_min));
	for (unsigned slot = 0; slot < PROFILE_SLOTS; slot++)
		json_object_set_new(out, value_tag(REC_EL_PROFILE, slot), value_json(&rec, slot));
	for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++)
		json_object_set_new(out, flags[i].key, json_boolean(rec.flags & flags[i].flag));
	return out;
}

enum play_result
play_spodes_profile(const json_t *vector, json_t **made, char *why, size_t why_size)
{
	const json_t *decoded = json_object_get(vector, "decoded"),
		     *rows = json_object_get(decoded, "rows");
	static uint8_t buf[PLAY_DLMS_MAX];
	struct wr w = wr_init(buf, sizeof(buf));
	struct spodes_row row = { .has_time = false };
	json_t *records, *item;
	struct table t;
	struct axdr a;
	size_t i;

	if (!take_table(decoded, &t)) {
		snprintf(why, why_size, "columns not understood");
		return PLAY_DIFFERED;
	}
	json_array_foreach(rows, i, item)
		put_row(&w, item);
	records = json_array();
	a = axdr_init(buf, w.len);
	for (i = 0; i < json_array_size(rows); i++) {
		struct spodes_slice slice = { .is_begun = false };

		if (spodes_row_next(&a, &t.columns, utc, &row) < 0)
			break;
		slice.label = spodes_slice_label(&row, t.columns.period_s, utc, STAMP_END);
		slice.is_split = slice.label != row.ts;
		spodes_slice_add(&slice, &t.columns, &row);
		json_array_append_new(records, slice_json(&slice, t.columns.period_s));
	}
	*made = with_given(decoded, "records", records);
	return PLAY_DECODED;
}

enum play_result
play_spodes_energy(const json_t *vector, json_t **made, char *why, size_t why_size)
{
	const json_t *decoded = json_object_get(vector, "decoded");
	struct record rec = { .type = REC_EL_DAY, .valid = true };
	struct spodes_row row = { .has_time = false };
	static uint8_t buf[PLAY_DLMS_MAX];
	struct wr w = wr_init(buf, sizeof(buf));
	json_t *record;
	struct table t;
	struct axdr a;

	put_row(&w, json_object_get(decoded, "row"));
	a = axdr_init(buf, w.len);
	if (!take_table(decoded, &t) || spodes_row_next(&a, &t.columns, utc, &row) < 0 ||
	    !spodes_row_energy(&t.columns, &row, &rec)) {
		snprintf(why, why_size, "row not understood");
		return PLAY_DIFFERED;
	}
	record = json_pack("{s:s,s:o}", "type", record_type_info(rec.type)->name, "ts",
	    time_json(row.ts));
	for (unsigned slot = 0; slot < ENERGY_SLOTS; slot++)
		json_object_set_new(record, value_tag(rec.type, slot), value_json(&rec, slot));
	*made = with_given(decoded, "record", record);
	return PLAY_DECODED;
}
