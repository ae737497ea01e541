/* Rows of triggers: discrete and analog, of ours and of devices that are polled (event-model.md 4). */
#include "src/events/rules_triggers.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/log.h"
#include "src/store/store.h"

enum { DEBOUNCE_MS = 50, TIME_MOST_MS = 60000, HOLD_MOST_MS = 86400000, DELAY_MOST_S = 86400 };

static int64_t
number(const json_t *row, const char *name, int64_t otherwise, int64_t most)
{
	const json_t *value = json_object_get(row, name);
	int64_t n = json_is_integer(value) ? json_integer_value(value) : otherwise;

	return n < 0 ? 0 : n > most ? most : n;
}

static bool
says(const json_t *row, const char *name, const char *text)
{
	const char *is = json_string_value(json_object_get(row, name));

	return is != NULL && strcmp(is, text) == 0;
}

/* ---- discrete ---- */

/* The filter that dialect 31 keeps per input (smart-json.md 9.2). */
static int64_t
filter_ms(const struct rules *r, int input)
{
	const struct table_rows *rows = r->tables[TABLE_DIN];
	int64_t ms = 0;

	for (size_t i = 0; i < rows->n; i++) {
		json_t *row = json_loads(rows->rows[i].json, 0, NULL);

		if (number(row, "addr", -1, INT32_MAX) == input && json_object_get(row, "addr") != NULL)
			ms = number(row, "filter", 0, TIME_MOST_MS);
		json_decref(row);
	}
	return ms;
}

/* {"addr", "type"} of dialect 31: 0 off, 1 close, 2 open, 3 change; else "edge".  false: off. */
static bool
take_edge(const json_t *row, enum digital_edge *edge)
{
	static const enum digital_edge edges_31[] = { EDGE_BOTH, EDGE_TO_CLOSED, EDGE_TO_OPEN,
		EDGE_BOTH };
	const json_t *type = json_object_get(row, "type");

	*edge = says(row, "edge", "toOpen") ? EDGE_TO_OPEN :
	    says(row, "edge", "toClosed")   ? EDGE_TO_CLOSED :
					      EDGE_BOTH;
	if (json_is_integer(type) && json_object_get(row, "edge") == NULL) {
		*edge = edges_31[number(row, "type", 0, 3)];
		return json_integer_value(type) != 0;
	}
	return true;
}

static bool
parse_input(const struct rules *r, const json_t *row, struct input_trigger *t)
{
	struct digital_rule rule = { .hold_us = number(row, "holdMs", 0, HOLD_MOST_MS) * 1000,
		.ignore_at_start = json_is_true(json_object_get(row, "ignoreAtStart")) };
	int64_t debounce_ms;

	t->meter = (uint32_t)number(row, "meterId", 0, UINT32_MAX);
	t->channel = (unsigned)number(row, "channel", 0, CHANNEL_SLOTS);
	t->event.id = json_integer_value(json_object_get(row, "id"));
	t->event.type = t->meter != 0 ? EVENT_EXT_DIGITAL : EVENT_INT_DIGITAL;
	t->input = -1;
	if (t->meter == 0) {
		t->input = (int)number(row, json_object_get(row, "input") != NULL ? "input" : "addr",
		    -1, INT32_MAX);
		debounce_ms = number(row, "debounceMs", DEBOUNCE_MS, TIME_MOST_MS);
		if (filter_ms(r, t->input) > debounce_ms)
			debounce_ms = filter_ms(r, t->input);
		rule.debounce_us = debounce_ms * 1000;
	} else if (t->channel == 0)
		return false;
	if (!take_edge(row, &rule.edge))
		return false;
	digital_init(&t->state, &rule, LEVEL_UNKNOWN);
	return true;
}

static int
load_inputs(struct rules *r, const struct rules *old)
{
	const struct table_rows *rows = r->tables[TABLE_DIN_EVENTS];

	r->inputs = calloc(rows->n + 1, sizeof(*r->inputs));
	if (r->inputs == NULL)
		return E_NOMEM;
	for (size_t i = 0; i < rows->n; i++) {
		struct input_trigger *t = &r->inputs[r->n_inputs];
		json_t *row = json_loads(rows->rows[i].json, 0, NULL);

		*t = (struct input_trigger){ .json = rows->rows[i].json };
		if (parse_input(r, row, t))
			r->n_inputs++;
		json_decref(row);
		for (size_t k = 0; k < old->n_inputs; k++) {
			const struct input_trigger *was = &old->inputs[k];

			if (was->event.id != t->event.id || strcmp(was->json, t->json) != 0 ||
			    was->state.rule.debounce_us != t->state.rule.debounce_us)
				continue;
			t->state = was->state;
			t->seen = was->seen;
		}
	}
	return E_OK;
}

/* ---- analog ---- */

static bool
thousandths(const json_t *row, const char *name, int64_t *to)
{
	const json_t *value = json_object_get(row, name);
	double v = json_number_value(value) * 1000;

	if (!json_is_number(value) || !(fabs(v) < 1e15))
		return false;
	*to = llround(v);
	return true;
}

/* Moment values come in four record types; the tag says which. */
static bool
find_tag(const char *tag, enum record_type *type, unsigned *slot)
{
	static const enum record_type moments[] = { REC_EL_MOMENT_QUALITY, REC_EL_MOMENT_ENERGY,
		REC_PLS_MOMENT, REC_GEN_MOMENT };

	for (size_t i = 0; i < sizeof(moments) / sizeof(moments[0]) && tag != NULL; i++)
		for (unsigned s = 0; s < value_slots(moments[i]); s++) {
			const char *has = value_tag(moments[i], s);

			if (has == NULL || strcmp(has, tag) != 0)
				continue;
			*type = moments[i];
			*slot = s;
			return true;
		}
	return false;
}

/* 2 % of the limit, at least the resolution (4.3). */
static int64_t
margin(const json_t *row, int64_t limit)
{
	int64_t hyst = (limit < 0 ? -limit : limit) / 50;

	if (!thousandths(row, "hyst", &hyst) && hyst < 1)
		hyst = 1;
	return hyst;
}

static bool
parse_value(const json_t *row, struct value_trigger *t)
{
	const json_t *source = json_object_get(row, "source");
	const json_t *where = json_is_object(source) ? source : row;
	struct analog_rule rule = { .delay_us = number(row, "delaySec", 0, DELAY_MOST_S) * 1000000 };

	t->event.id = json_integer_value(json_object_get(row, "id"));
	t->meter = (uint32_t)number(where, "meterId", 0, UINT32_MAX);
	t->event.type = t->meter != 0 ? EVENT_EXT_ANALOG : EVENT_INT_ANALOG;
	if (t->meter != 0) {
		if (!find_tag(json_string_value(json_object_get(where, "tag")), &t->type, &t->slot))
			return false;
	} else if (!json_is_string(source))
		return false;
	else {
		snprintf(t->source, sizeof(t->source), "%s", json_string_value(source));
		rule.stale_us = 5 * INT64_C(1000000); /* sampled each second */
	}
	rule.has_high = thousandths(row, "high", &rule.high);
	rule.has_low = thousandths(row, "low", &rule.low);
	rule.hyst_high = margin(row, rule.high);
	rule.hyst_low = margin(row, rule.low);
	rule.edge = says(row, "edge", "enter") ? ANALOG_ENTER :
	    says(row, "edge", "leave")	       ? ANALOG_LEAVE :
						 ANALOG_BOTH;
	analog_init(&t->state, &rule);
	return (rule.has_high || rule.has_low) && rule.hyst_high >= 0 && rule.hyst_low >= 0 &&
	    (!rule.has_high || !rule.has_low || rule.low <= rule.high);
}

static int
load_values(struct rules *r, const struct rules *old)
{
	const struct table_rows *rows = r->tables[TABLE_ANALOG_EVENTS];

	r->values = calloc(rows->n + 1, sizeof(*r->values));
	if (r->values == NULL)
		return E_NOMEM;
	for (size_t i = 0; i < rows->n; i++) {
		struct value_trigger *t = &r->values[r->n_values];
		json_t *row = json_loads(rows->rows[i].json, 0, NULL);
		bool good;

		*t = (struct value_trigger){ .json = rows->rows[i].json };
		good = parse_value(row, t);
		json_decref(row);
		if (!good) {
			log_warn("events", "analog trigger %s is no rule; left out", rows->rows[i].key);
			continue;
		}
		r->n_values++;
		for (size_t k = 0; k < old->n_values; k++)
			if (strcmp(old->values[k].json, t->json) == 0) {
				t->state = old->values[k].state;
				t->seen = old->values[k].seen;
			}
	}
	return E_OK;
}

int
load_triggers(struct rules *r, const struct rules *old)
{
	int rc = load_inputs(r, old);

	return rc < 0 ? rc : load_values(r, old);
}

/* ---- relays ---- */

bool
relays_contradict(const char *a_json, const char *b_json)
{
	static const char *const same[] = { "meterId", "relayId" };
	json_t *a = a_json != NULL ? json_loads(a_json, 0, NULL) : NULL;
	json_t *b = b_json != NULL ? json_loads(b_json, 0, NULL) : NULL;
	bool contradict = a != NULL && b != NULL &&
	    json_integer_value(json_object_get(a, "relayState")) !=
		json_integer_value(json_object_get(b, "relayState"));

	for (int i = 0; i < 2 && contradict; i++)
		contradict = json_integer_value(json_object_get(a, same[i])) ==
		    json_integer_value(json_object_get(b, same[i]));
	json_decref(a);
	json_decref(b);
	return contradict;
}
