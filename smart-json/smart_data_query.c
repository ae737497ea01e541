/* Reading a request for meter data (smart-json.md 10.2) with the tolerances of chapter 18. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "smart-json/api.h"
#include "smart-json/http_words.h"
#include "smart-json/smart.h"
#include "smart-json/smart_data.h"
#include "smart-json/when.h"

static const int64_t MILLISECONDS_FROM = 100000000000;	/* smart-json.md 7.6 */
static const int64_t FOREVER = INT64_MAX / 4;
enum { WHERE_SIZE = 64 };

struct reading {
	struct http_call *call;
	struct data_query *q;
	const json_t *body;
	enum measure_source source;
};

/* ---- members ---- */

/* The member, or NULL when it is absent or null. */
static json_t *
member(const struct reading *x, const char *name)
{
	json_t *json = json_object_get(x->body, name);

	return json_is_null(json) ? NULL : json;
}

/* Item i of a list; a value that stands alone is a list of one. */
static json_t *
item(json_t *list, size_t i)
{
	return json_is_array(list) ? json_array_get(list, i) : i == 0 ? list : NULL;
}

static size_t
count(const json_t *list)
{
	return json_is_array(list) ? json_array_size(list) : list != NULL;
}

static const char *
place(char where[static WHERE_SIZE], const char *name, const json_t *list, size_t i)
{
	if (json_is_array(list))
		snprintf(where, WHERE_SIZE, "/%s/%zu", name, i);
	else
		snprintf(where, WHERE_SIZE, "/%s", name);
	return where;
}

/* False: more than `most`. */
static bool
few(const struct reading *x, const char *name, const json_t *list, size_t most)
{
	if (count(list) <= most)
		return true;
	http_fail_res(x->call, 422, RES_RANGE, name, "%s: at most %zu at once", name, most);
	return false;
}

static bool
wrong_type(const struct reading *x, const char *where, const char *wanted)
{
	http_fail_res(x->call, 400, RES_TYPE, where, "%s: must be %s", where,
	    http_word(x->call->english, wanted));
	return false;
}

/* ---- measures, tags, flags ---- */

static bool
take_measure(struct reading *x, const char *name, json_t *list, size_t i)
{
	char where[WHERE_SIZE];
	const char *text = json_string_value(item(list, i));
	struct measure *m = &x->q->measures[i];

	place(where, name, list, i);
	if (text == NULL)
		return wrong_type(x, where, "a string");
	if (measure_find(x->source, text, x->q->settings.http_own_journals != 0, m) < 0) {
		http_fail_res(x->call, 422, RES_NOT_FOUND, where,
		    "%s: there is no measure \"%.40s\" here", where, text);
		return false;
	}
	if (m->job == JOB_ORDER) {
		http_fail_res(x->call, 422, RES_RANGE, where,
		    "%s: %.40s changes the meter: use /meter/settings", where, text);
		return false;
	}
	return true;
}

static bool
take_measures(struct reading *x)
{
	const char *name = member(x, "measures") != NULL ? "measures" : "measure";
	json_t *list = member(x, name);
	size_t n = count(list);

	if (n == 0 && x->source != MEASURES_31) {
		http_fail_res(x->call, 400, RES_MISSING, "/measures",
		    "measures: at least one is needed");
		return false;
	}
	if (!few(x, "/measures", list, DATA_MEASURES_MOST))
		return false;
	x->q->measures = calloc(n + 1, sizeof(*x->q->measures));
	if (x->q->measures == NULL) {
		http_fail_err(x->call, E_NOMEM, NULL, "the request");
		return false;
	}
	for (; x->q->n_measures < n; x->q->n_measures++)
		if (!take_measure(x, name, list, x->q->n_measures))
			return false;
	return true;
}

static bool
strings_only(const struct reading *x, const char *name, json_t *list)
{
	char where[WHERE_SIZE];

	for (size_t i = 0; i < count(list); i++)
		if (!json_is_string(item(list, i)))
			return wrong_type(x, place(where, name, list, i), "a string");
	return true;
}

static bool
take_tags(struct reading *x)
{
	json_t *list = member(x, "tags");

	if (!few(x, "/tags", list, DATA_NAMES_MOST) || !strings_only(x, "tags", list))
		return false;
	if (json_is_string(list)) { /* one alone: kept as a list in the body */
		json_object_set_new(x->q->body, "tags", json_pack("[O]", list));
		list = json_object_get(x->q->body, "tags");
	}
	x->q->tags = (struct tag_choice){ x->q->dialect, x->q->settings.http_meas_40 != 0, list };
	return true;
}

static bool
take_flags(struct reading *x, bool *all_meters)
{
	json_t *list = member(x, "flags");
	char where[WHERE_SIZE];

	if (!few(x, "/flags", list, DATA_NAMES_MOST) || !strings_only(x, "flags", list))
		return false;
	for (size_t i = 0; i < count(list); i++) {
		const char *flag = json_string_value(item(list, i));

		if (measure_same_name(flag, "lastTime")) {
			x->q->last_time = true;
		} else if (measure_same_name(flag, "allMeters")) {
			*all_meters = true;
		} else {
			http_fail_res(x->call, 422, RES_RANGE, place(where, "flags", list, i),
			    "flags: there is no flag \"%.40s\"", flag);
			return false;
		}
	}
	return true;
}

/* ---- windows of time ---- */

static int64_t
seconds_of(json_int_t value)
{
	int64_t seconds = value > MILLISECONDS_FROM ? value / 1000 : value;

	return seconds < 0 ? 0 : seconds > FOREVER ? FOREVER : seconds;
}

/* Numbers, also as text; ISO 8601; the local form people type.  Absent or empty: an open end. */
static bool
take_bound(const struct reading *x, json_t *window, const char *name, const char *where, int64_t *utc)
{
	json_t *json = json_object_get(window, name);
	const char *text = json_string_value(json);
	char full[WHERE_SIZE + 8];

	if (json == NULL || json_is_null(json) || (text != NULL && *text == '\0'))
		return true;
	snprintf(full, sizeof(full), "%s/%s", where, name);
	if (json_is_integer(json)) {
		*utc = seconds_of(json_integer_value(json));
		return true;
	}
	if (json_is_real(json) && fabs(json_real_value(json)) < 1e15) {
		*utc = seconds_of((json_int_t)floor(json_real_value(json)));
		return true;
	}
	if (text == NULL)
		return wrong_type(x, full, "unix seconds or a date");
	if (strlen(text) <= 15 && strspn(text, "0123456789") == strlen(text)) {
		*utc = seconds_of(strtoll(text, NULL, 10));
		return true;
	}
	if (when_parse(x->q->zone, text, utc) == E_OK)
		return true;
	http_fail_res(x->call, 422, RES_RANGE, full,
	    "%s: \"%.40s\" is neither unix seconds nor a date like 2024-06-01T00:00:00+03:00", full,
	    text);
	return false;
}

static bool
take_window(struct reading *x, json_t *list, size_t i)
{
	json_t *json = item(list, i);
	struct data_window w = { 0, FOREVER };
	char where[WHERE_SIZE];

	place(where, "time", list, i);
	if (!json_is_object(json))
		return wrong_type(x, where, "an object with start and end");
	if (!take_bound(x, json, "start", where, &w.from) || !take_bound(x, json, "end", where, &w.to))
		return false;
	if (w.from <= w.to) /* the other way round it selects nothing */
		x->q->windows[x->q->n_windows++] = w;
	return true;
}

static int
by_start(const void *a, const void *b)
{
	const struct data_window *x = a, *y = b;

	return x->from < y->from ? -1 : x->from > y->from;
}

/* Windows that touch become one, so that a record in two of them comes once. */
static void
join_windows(struct data_query *q)
{
	size_t kept = 0;

	qsort(q->windows, q->n_windows, sizeof(q->windows[0]), by_start);
	for (size_t i = 0; i < q->n_windows; i++) {
		const struct data_window w = q->windows[i];

		if (kept > 0 && w.from <= q->windows[kept - 1].to + 1) {
			if (w.to > q->windows[kept - 1].to)
				q->windows[kept - 1].to = w.to;
		} else {
			q->windows[kept++] = w;
		}
	}
	q->n_windows = kept;
}

static bool
take_time(struct reading *x)
{
	json_t *list = member(x, "time");
	size_t n = count(list);

	if (!few(x, "/time", list, DATA_WINDOWS_MOST))
		return false;
	x->q->windows = calloc(n + 1, sizeof(*x->q->windows));
	if (x->q->windows == NULL) {
		http_fail_err(x->call, E_NOMEM, NULL, "the request");
		return false;
	}
	if (n == 0) {
		x->q->windows[x->q->n_windows++] = (struct data_window){ 0, FOREVER };
		x->q->all_time = true;
	}
	for (size_t i = 0; i < n; i++)
		if (!take_window(x, list, i))
			return false;
	join_windows(x->q);
	return true;
}

/* ---- meters ---- */

/* A plain decimal is also taken as text.  *value -1: a number that no meter can have. */
static bool
take_number(const struct reading *x, const char *name, json_t *list, size_t i, int64_t *value)
{
	json_t *json = item(list, i);
	const char *text = json_string_value(json);
	char where[WHERE_SIZE];

	if (json_is_integer(json)) {
		*value = json_integer_value(json);
	} else if (text != NULL && *text != '\0' && strspn(text, "0123456789") == strlen(text)) {
		*value = strlen(text) <= 15 ? strtoll(text, NULL, 10) : -1;
	} else {
		return wrong_type(x, place(where, name, list, i), "an integer");
	}
	if (*value < 0 || *value > UINT32_MAX)
		*value = -1;
	return true;
}

static bool
mark_by_id(struct reading *x, bool *wanted)
{
	const struct meter_table *table = x->q->table;
	json_t *list = member(x, "ids");

	for (size_t i = 0; i < count(list); i++) {
		const struct meter_row *row;
		int64_t id;

		if (!take_number(x, "ids", list, i, &id))
			return false;
		row = id >= 0 ? meter_table_find(table, (uint32_t)id) : NULL;
		if (row != NULL)
			wanted[row - table->rows] = true;
	}
	return true;
}

static bool
mark_by_index(struct reading *x, bool *wanted)
{
	const struct meter_table *table = x->q->table;
	json_t *list = member(x, "devices");
	bool good = true, *devs;

	if (count(list) == 0)
		return true;
	devs = calloc(UINT16_MAX + 1, sizeof(*devs));
	if (devs == NULL) {
		http_fail_err(x->call, E_NOMEM, NULL, "the request");
		return false;
	}
	for (size_t i = 0; i < count(list) && good; i++) {
		int64_t dev;

		good = take_number(x, "devices", list, i, &dev);
		if (good && dev > 0 && dev <= UINT16_MAX)
			devs[dev] = true;
	}
	for (size_t row = 0; row < table->n; row++)
		wanted[row] = wanted[row] || devs[table->rows[row].dev];
	free(devs);
	return good;
}

/* Parts of serial numbers as the meters told them. */
static bool
mark_by_serial(struct reading *x, json_t *list, bool *wanted)
{
	const struct meter_table *table = x->q->table;
	struct meter_state state;

	for (size_t row = 0; row < table->n && count(list) > 0; row++) {
		if (wanted[row])
			continue;
		if (store_state_get(x->q->store, table->rows[row].dev, &state) < 0 ||
		    state.config.serial[0] == '\0')
			continue;
		for (size_t i = 0; i < count(list) && !wanted[row]; i++)
			wanted[row] = strstr(state.config.serial, json_string_value(item(list, i))) !=
			    NULL;
	}
	return true;
}

static bool
collect_meters(struct reading *x, const bool *wanted, bool all)
{
	struct data_query *q = x->q;

	q->meters = calloc(q->table->n + 1, sizeof(q->meters[0]));
	if (q->meters == NULL) {
		http_fail_err(x->call, E_NOMEM, NULL, "the request");
		return false;
	}
	for (size_t row = 0; row < q->table->n; row++)
		if (all || wanted[row])
			q->meters[q->n_meters++] = (uint32_t)row;
	return true;
}

static bool
take_meters(struct reading *x, bool all_meters)
{
	const char *name = member(x, "serials") != NULL ? "serials" : "serial";
	json_t *serials = member(x, name);
	bool all = all_meters ||
	    (count(member(x, "ids")) == 0 && count(member(x, "devices")) == 0 && count(serials) == 0);
	bool *wanted, good;

	x->q->table = store_meters(x->q->store);
	wanted = x->q->table != NULL ? calloc(x->q->table->n + 1, sizeof(*wanted)) : NULL;
	if (wanted == NULL) {
		http_fail_err(x->call, E_NOMEM, NULL, "the request");
		return false;
	}
	good = mark_by_id(x, wanted) && mark_by_index(x, wanted) &&
	    few(x, "/serials", serials, DATA_NAMES_MOST) && strings_only(x, name, serials) &&
	    mark_by_serial(x, all ? NULL : serials, wanted) && collect_meters(x, wanted, all);
	free(wanted);
	return good;
}

/* ---- the whole ---- */

static bool
take_all(struct reading *x)
{
	bool all_meters = false;

	return take_measures(x) && take_tags(x) && take_time(x) && take_flags(x, &all_meters) &&
	    take_meters(x, all_meters);
}

struct data_query *
data_query_make(struct http_call *call, enum measure_source source)
{
	json_t *body = smart_body(call);
	struct data_query *q = body != NULL ? calloc(1, sizeof(*q)) : NULL;
	struct reading x = { call, q, body, source };

	if (body == NULL)
		return NULL;
	if (q == NULL) {
		json_decref(body);
		http_fail_err(call, E_NOMEM, NULL, "the request");
		return NULL;
	}
	q->store = call->server->store;
	q->dialect = source == MEASURES_31 ? DIALECT_31 : DIALECT_40;
	q->english = call->english;
	q->body = body;
	store_settings(q->store, &q->settings);
	q->zone = store_zone(q->store);
	if (take_all(&x))
		return q;
	data_query_free(q);
	return NULL;
}

void
data_query_free(struct data_query *q)
{
	if (q == NULL)
		return;
	json_decref(q->body);
	free(q->measures);
	free(q->windows);
	free(q->meters);
	if (q->table != NULL)
		meter_table_release(q->table);
	free(q);
}
