#include "smart-json/data_export.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "smart-json/api.h"
#include "smart-json/smart_measure.h"

enum { READ_DEADLINE_MS = 10000, TAG_SIZE = 16 };

/* ---- the query ---- */

static bool
take_type(struct http_call *call, struct export *x)
{
	const char *name = http_arg(call, "type");
	unsigned journal;

	if (name == NULL || !api_record_type(name, &x->range.type, &journal)) {
		http_fail(call, 422, "type", "type: no such record type: \"%.40s\"",
		    name != NULL ? name : "");
		return false;
	}
	x->range.journal = (uint16_t)journal;
	return true;
}

/* tags=A+0,A-0: a '+' that was not escaped arrives as a blank. */
static bool
take_tags(struct http_call *call, struct export *x)
{
	const char *list = http_arg(call, "tags");
	json_t *names = json_array();
	struct tag_choice choice = { DIALECT_40, true, names };

	while (list != NULL && *list != '\0') {
		size_t len = strcspn(list, ",");
		char name[TAG_SIZE] = "";

		for (size_t i = 0; i < len && i + 1 < sizeof(name); i++)
			name[i] = list[i] == ' ' ? '+' : list[i];
		json_array_append_new(names, json_string(name));
		list += len + (list[len] == ',');
	}
	tag_list_make(&x->tags, x->range.type, &choice);
	if (x->tags.n < json_array_size(names))
		http_fail(call, 422, "tags", "tags: one of them is no tag of this type");
	json_decref(names);
	return call->status == 200;
}

static bool
has_class(const struct export *x, const struct meter_row *row)
{
	struct measure m;
	const char *name = x->range.type == REC_EL_JOURNAL ? "ElJrnlPwr" :
							     record_type_info(x->range.type)->name;

	return measure_find(MEASURES_ARCH, name, true, &m) < 0 || measure_fits(&m, row);
}

static bool
take_numbers(struct http_call *call, struct export *x, const char *name, const char *list)
{
	while (*list != '\0') {
		const struct meter_row *row = NULL;
		unsigned long id;
		char *end;

		errno = 0;
		id = strtoul(list, &end, 10);
		if (*list < '0' || *list > '9' || errno != 0 || (*end != '\0' && *end != ',')) {
			http_fail(call, 422, name, "%s: ids with commas between", name);
			return false;
		}
		if (id <= UINT32_MAX)
			row = meter_table_find(x->table, (uint32_t)id);
		if (row == NULL) {
			http_fail(call, 404, name, "there is no meter %lu", id);
			return false;
		}
		if (x->n_meters < x->table->n)
			x->meters[x->n_meters++] = (uint32_t)(row - x->table->rows);
		list = end + (*end == ',');
	}
	return true;
}

static bool
take_serial(struct http_call *call, struct export *x, const char *serial)
{
	struct meter_state state;

	for (size_t i = 0; i < x->table->n && x->n_meters == 0; i++)
		if (store_state_get(x->store, x->table->rows[i].dev, &state) == E_OK &&
		    (strcmp(state.config.serial, serial) == 0 ||
			strcmp(x->table->rows[i].rtu_serial, serial) == 0))
			x->meters[x->n_meters++] = (uint32_t)i;
	if (x->n_meters == 0)
		http_fail(call, 404, "serial", "there is no meter %.32s", serial);
	return x->n_meters > 0;
}

static bool
take_meters(struct http_call *call, struct export *x)
{
	const char *name = http_arg(call, "meters") != NULL ? "meters" : "meter";
	const char *list = http_arg(call, name), *serial = http_arg(call, "serial");

	x->table = store_meters(x->store);
	x->meters = x->table != NULL ? calloc(x->table->n + 1, sizeof(x->meters[0])) : NULL;
	if (x->meters == NULL) {
		http_fail_err(call, E_NOMEM, NULL, "the archive cannot be read");
		return false;
	}
	if (serial != NULL && *serial != '\0')
		return take_serial(call, x, serial);
	if (list != NULL && *list != '\0')
		return take_numbers(call, x, name, list);
	for (size_t i = 0; i < x->table->n; i++)
		if (has_class(x, &x->table->rows[i]))
			x->meters[x->n_meters++] = (uint32_t)i;
	return true;
}

struct export *
export_make(struct http_call *call)
{
	struct export *x = calloc(1, sizeof(*x));
	const char *language = http_arg(call, "lang");

	if (x == NULL) {
		http_fail_err(call, E_NOMEM, NULL, "the archive cannot be read");
		return NULL;
	}
	x->store = call->server->store;
	x->zone = store_zone(x->store);
	x->english = language != NULL && strcmp(language, "en") == 0;
	x->range = (struct store_range){ .to = INT64_MAX / 4, .deadline_ms = READ_DEADLINE_MS,
		.markers = api_arg_flag(call, "markers") };
	if (take_type(call, x) && take_tags(call, x) && api_arg_time(call, "from", &x->range.from) &&
	    api_arg_time(call, "to", &x->range.to) && take_meters(call, x))
		return x;
	export_free(x);
	return NULL;
}

void
export_free(struct export *x)
{
	if (x == NULL)
		return;
	if (x->table != NULL)
		meter_table_release(x->table);
	free(x->meters);
	free(x);
}

const char *
export_heading(const struct export *x, enum export_column column)
{
	static const char *const names[EXPORT_COLUMNS][2] = {
		[EXPORT_METER] = { "Прибор", "meter" },
		[EXPORT_SERIAL] = { "Заводской номер", "serial" },
		[EXPORT_TIME] = { "Время", "time" }, [EXPORT_TS] = { "ts", "ts" },
		[EXPORT_DIFF] = { "Расхождение часов, с", "diff" },
		[EXPORT_JOURNAL] = { "Журнал", "journal" },
	};

	if (column == EXPORT_JOURNAL && x->range.type != REC_EL_JOURNAL)
		return NULL;
	return names[column][x->english];
}

/* ---- rows ---- */

static size_t
rows_of(const struct export *x, uint16_t dev, enum record_type type, uint16_t journal)
{
	struct store_ring ring;
	int64_t from, to;

	store_ring(x->store, dev, type, journal, &ring);
	if (ring.count == 0 || ring.newest < x->range.from || ring.oldest > x->range.to)
		return 0;
	from = x->range.from > ring.oldest ? x->range.from : ring.oldest;
	to = x->range.to < ring.newest ? x->range.to : ring.newest;
	if (ring.newest == ring.oldest)
		return ring.count;
	return (size_t)((double)ring.count * (double)(to - from) /
		   (double)(ring.newest - ring.oldest)) +
	    1;
}

size_t
export_rows(const struct export *x)
{
	enum record_type type = x->range.type;
	size_t n = 0;

	type = type == REC_EL_DAY_CONS ? REC_EL_DAY : type == REC_EL_MONTH_CONS ? REC_EL_MONTH : type;
	for (size_t i = 0; i < x->n_meters; i++) {
		uint16_t dev = x->table->rows[x->meters[i]].dev;

		if (record_type_info(type)->values == VALUES_CONFIG)
			n++;
		else if (type != REC_EL_JOURNAL || x->range.journal != 0)
			n += rows_of(x, dev, type, x->range.journal);
		else
			for (int j = 0; j < JOURNAL_COUNT; j++)
				n += rows_of(x, dev, type, journal_codes[j]);
	}
	return n;
}

struct stepping {
	struct export *x;
	export_each *each;
	void *arg;
	bool full;
	int64_t last_ts;
};

/* Stops between two moments only: what goes on begins behind the last one. */
static int
take_record(void *arg, uint16_t dev, const struct record *r)
{
	struct stepping *s = arg;
	const struct export_row row = { &s->x->table->rows[s->x->meters[s->x->meter]],
		s->x->state.config.serial, r };
	int rc;

	(void)dev;
	if (s->full && r->ts != s->last_ts)
		return 1;
	s->last_ts = r->ts;
	rc = s->each(s->arg, &row);
	s->full = s->full || rc > 0;
	return rc < 0 ? rc : E_OK;
}

static int
step_meter(struct export *x, struct stepping *s)
{
	const struct meter_row *row = &x->table->rows[x->meters[x->meter]];
	struct store_range range = x->range;
	int rc;

	if (!x->in_meter) {
		x->from = range.from;
		if ((rc = store_state_get(x->store, row->dev, &x->state)) < 0)
			return rc;
	}
	x->in_meter = true;
	range.from = x->from;
	s->full = false;
	s->last_ts = INT64_MIN;
	rc = store_read(x->store, row->dev, &range, take_record, s);
	if (rc < 0 && rc != E_NOTFOUND)
		return rc;
	if (s->full) {
		x->from = s->last_ts + 1;
		return 1;
	}
	x->in_meter = false;
	x->meter++;
	return E_OK;
}

int
export_step(struct export *x, export_each *each, void *arg)
{
	struct stepping s = { .x = x, .each = each, .arg = arg };
	int rc = E_OK;

	while (rc == E_OK && x->meter < x->n_meters)
		rc = step_meter(x, &s);
	return rc;
}
