#include "src/events/message_content.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/model/tags.h"

/* ---- which rows ---- */

static json_t *
row_with_id(struct store *store, enum table table, int64_t id)
{
	const struct table_rows *rows = store_table(store, table);
	json_t *found = NULL;

	for (size_t i = 0; rows != NULL && found == NULL && i < rows->n; i++) {
		found = json_loads(rows->rows[i].json, 0, NULL);
		if (json_integer_value(json_object_get(found, "id")) != id) {
			json_decref(found);
			found = NULL;
		}
	}
	table_rows_release(rows);
	return found;
}

/* Templates have names on the wire; messages name them by their number (smart-json.md 8.15). */
static json_t *
template_numbered(struct store *store, enum table table, int64_t number)
{
	const struct table_rows *rows = store_table(store, table);
	json_t *found = NULL;

	for (size_t i = 0; rows != NULL && found == NULL && i < rows->n; i++)
		if (rows->rows[i].number == number)
			found = json_loads(rows->rows[i].json, 0, NULL);
	table_rows_release(rows);
	return found;
}

/* ---- which meters and measures ---- */

static int
take_meters(struct content *c, const json_t *list)
{
	json_t *id;
	size_t i;

	c->table = store_meters(c->store);
	c->meters = calloc(c->table->n + json_array_size(list) + 1, sizeof(*c->meters));
	if (c->meters == NULL)
		return E_NOMEM;
	if (json_array_size(list) == 0)
		for (i = 0; i < c->table->n; i++)
			c->meters[c->n_meters++] = &c->table->rows[i];
	json_array_foreach(list, i, id) {
		json_int_t is = json_integer_value(id);
		const struct meter_row *row = is > 0 && is <= UINT32_MAX ?
		    meter_table_find(c->table, (uint32_t)is) :
		    NULL;

		if (row != NULL)
			c->meters[c->n_meters++] = row;
	}
	return E_OK;
}

/* Archives and journals come from the archive also where the meters are asked now. */
static bool
is_momentary(enum record_type type)
{
	switch (type) {
	case REC_EL_MOMENT_ENERGY:
	case REC_EL_MOMENT_QUALITY:
	case REC_PLS_MOMENT:
	case REC_DIG_MOMENT:
	case REC_GEN_MOMENT:
		return true;
	default:
		return record_type_info(type)->values == VALUES_CONFIG;
	}
}

static void
take_measures(struct content *c, const json_t *types, bool moment)
{
	json_t *value;
	size_t i;

	json_array_foreach(types, i, value) {
		const char *name = json_string_value(value);
		struct content_measure *m = &c->measures[c->n_measures];

		if (name == NULL || c->n_measures == CONTENT_MEASURES_MOST)
			continue;
		*m = (struct content_measure){ .type = record_type_by_name(name) };
		if (m->type == REC_NONE && (m->journal = (uint16_t)journal_by_name(name)) != 0)
			m->type = REC_EL_JOURNAL;
		if (m->type == REC_NONE || (m->type == REC_EL_JOURNAL && m->journal == 0))
			continue;
		snprintf(m->name, sizeof(m->name), "%s%s", record_type_info(m->type)->name,
		    m->journal != 0 ? journal_name(m->journal) : "");
		m->now = moment && is_momentary(m->type);
		c->moment |= m->now;
		c->n_measures++;
	}
}

static int
load(struct content *c, const json_t *row, const char **why)
{
	int64_t meters_number = json_integer_value(json_object_get(row, "meterTemplateId"));
	int64_t depth = json_integer_value(json_object_get(row, "dataDepth"));
	const char *class = json_string_value(json_object_get(row, "dataClass"));
	json_t *types = template_numbered(c->store, TABLE_ARCH_TEMPLATES,
	    json_integer_value(json_object_get(row, "meterDataTemplateId")));
	json_t *meters = meters_number == 0 ?
	    NULL :
	    template_numbered(c->store, TABLE_METER_TEMPLATES, meters_number);
	int rc = E_NOTFOUND;

	c->depth = (uint32_t)(depth < 1 ? 1 : depth > CONTENT_DEPTH_MOST ? CONTENT_DEPTH_MOST : depth);
	if (types == NULL)
		*why = "no such template of data";
	else if (meters_number != 0 && meters == NULL)
		*why = "no such template of meters";
	else
		rc = take_meters(c, json_object_get(meters, "meters"));
	if (rc == E_OK) {
		take_measures(c, json_object_get(types, "types"),
		    class != NULL && strcmp(class, "moment") == 0);
		*why = c->n_measures == 0 ? "the template names nothing to send" :
		    c->n_meters == 0	  ? "the template names no meter that is there" :
					    NULL;
		rc = *why != NULL ? E_NOTFOUND : E_OK;
	}
	json_decref(meters);
	json_decref(types);
	return rc;
}

int
content_open(struct content *c, struct store *store, int64_t id, const char **why)
{
	json_t *row = row_with_id(store, TABLE_MESSAGES, id);
	int rc = E_NOTFOUND;

	memset(c, 0, sizeof(*c));
	c->store = store;
	store_settings(store, &c->settings);
	*why = "no such contents of messages";
	if (row != NULL)
		rc = load(c, row, why);
	json_decref(row);
	if (rc < 0)
		content_close(c);
	return rc;
}

void
content_close(struct content *c)
{
	for (size_t i = 0; c->readings != NULL && i < c->n_meters * c->n_measures; i++)
		text_free(&c->readings[i].vals);
	free(c->readings);
	free(c->meters);
	if (c->table != NULL)
		meter_table_release(c->table);
	memset(c, 0, sizeof(*c));
}

bool
content_fits(const struct content_measure *m, const struct meter_row *row)
{
	const struct meter_type *type = meter_type_by_id(row->type);
	enum meter_class class = type != NULL ? type->class : CLASS_ELECTRIC;

	if (m->type >= REC_GEN_CONFIG)
		return class == CLASS_GENERIC;
	if (m->type >= REC_DIG_CONFIG)
		return class == CLASS_DIGITAL;
	return class == (m->type >= REC_PLS_CONFIG ? CLASS_PULSE : CLASS_ELECTRIC);
}

/* ---- values ---- */

void
content_print_record(struct text *t, const struct content *c, const struct record *r)
{
	const struct tag_choice choice = { DIALECT_40, c->settings.http_meas_40 != 0, NULL };
	bool by_start = r->type == REC_EL_PROFILE && c->settings.http_profile_start != 0;
	struct tag_list tags = { .n = 0 };

	tag_list_make(&tags, r->type, &choice);
	text_printf(t, "{\"ts\":%" PRId64 ",\"diff\":%" PRId32 ",\"tags\":[",
	    by_start ? r->ts - r->period_min * 60 : r->ts, r->diff_s);
	tag_list_print(t, &tags, r);
	text_str(t, "]}");
}

/* Entries come newest first and go out oldest first. */
struct newest {
	const struct content *c;
	struct text entries;
	size_t *ends, n, room;
};

static int
take_record(void *arg, uint16_t dev, const struct record *r)
{
	struct newest *newest = arg;

	(void)dev;
	if (newest->n == newest->room)
		return 1;
	content_print_record(&newest->entries, newest->c, r);
	newest->ends[newest->n++] = newest->entries.len;
	return newest->entries.failed ? E_NOMEM : E_OK;
}

static void
print_entries(struct text *t, const struct newest *newest)
{
	for (size_t i = newest->n; i-- > 0;) {
		size_t from = i > 0 ? newest->ends[i - 1] : 0;

		text_add(t, newest->entries.p + from, newest->ends[i] - from);
		if (i > 0)
			text_add(t, ",", 1);
	}
}

static int
print_archive(struct text *t, const struct content *c, const struct content_measure *m,
    const struct meter_row *row)
{
	struct store_range range = { .type = m->type, .journal = m->journal, .from = INT64_MIN,
		.to = INT64_MAX, .limit = c->depth, .newest_first = true };
	struct newest newest = { .c = c, .room = c->depth };
	int rc;

	newest.ends = calloc(c->depth, sizeof(*newest.ends));
	if (newest.ends == NULL)
		return E_NOMEM;
	rc = store_read(c->store, row->dev, &range, take_record, &newest);
	if (rc == E_NOTFOUND || rc > 0)
		rc = E_OK;
	if (rc == E_OK && newest.n > 0) {
		text_str(t, "[");
		print_entries(t, &newest);
		text_str(t, "]");
	} else {
		text_str(t, "null");
	}
	text_free(&newest.entries);
	free(newest.ends);
	return rc;
}

/* ---- devices and measures ---- */

static int
print_device(struct text *t, const struct content *c, size_t meter, size_t measure)
{
	const struct meter_row *row = c->meters[meter];
	const struct content_measure *m = &c->measures[measure];
	const struct content_reading *reading = c->readings != NULL ?
	    &c->readings[meter * c->n_measures + measure] :
	    NULL;
	struct meter_state state;
	bool known = store_state_get(c->store, row->dev, &state) == E_OK;
	int rc = E_OK;

	text_printf(t,
	    "{\"id\":%" PRIu32 ",\"deviceIdx\":%u,\"meterId\":%" PRIu32 ",\"serial\":", row->id,
	    row->dev, row->id);
	text_json(t, known && state.config.serial[0] != '\0' ? state.config.serial : NULL);
	if (known && state.config.model[0] != '\0') {
		text_str(t, ",\"model\":");
		text_json(t, state.config.model);
	}
	if (m->now && reading != NULL && reading->error != NULL) {
		text_str(t, ",\"error\":");
		text_json(t, reading->error);
	}
	text_str(t, ",\"vals\":");
	if (!m->now)
		rc = print_archive(t, c, m, row);
	else if (reading != NULL && reading->vals.len > 0)
		text_printf(t, "[%s]", reading->vals.p);
	else
		text_str(t, "null");
	text_str(t, "}");
	return t->failed ? E_NOMEM : rc;
}

/* Meters from..to-1 of all measures. */
static int
print_part(struct text *t, const struct content *c, size_t from, size_t to)
{
	int rc = E_OK;

	text_str(t, "{\"measures\":[");
	for (size_t m = 0; rc == E_OK && m < c->n_measures; m++) {
		bool first = true;

		text_printf(t, "%s{\"measure\":\"%s\",\"devices\":[", m > 0 ? "," : "",
		    c->measures[m].name);
		for (size_t i = from; rc == E_OK && i < to; i++) {
			if (!content_fits(&c->measures[m], c->meters[i]))
				continue;
			text_str(t, first ? "" : ",");
			first = false;
			rc = print_device(t, c, i, m);
		}
		text_str(t, "]}");
	}
	text_str(t, "]");
	return t->failed ? E_NOMEM : rc;
}

static void
print_end(struct text *t, const struct content_print *p, unsigned part, unsigned parts)
{
	text_str(t, ",\"device\":{\"name\":");
	text_json(t, p->name);
	text_str(t, ",\"sn\":");
	text_json(t, p->serial);
	text_printf(t, "},\"time\":%" PRId64 ",\"msgId\":\"%016" PRIx64 "\"", p->time, p->number);
	if (parts > 1)
		text_printf(t, ",\"part\":%u,\"parts\":%u", part, parts);
	text_str(t, "}");
}

static int
give_part(const struct content *c, const struct content_print *p, size_t from, size_t to, unsigned part,
    unsigned parts)
{
	struct text t = { 0 };
	int rc = print_part(&t, c, from, to);

	print_end(&t, p, part, parts);
	if (rc == E_OK)
		rc = t.failed ? E_NOMEM : p->part(p->arg, part, parts, t.p, t.len);
	text_free(&t);
	return rc;
}

/* ends[k]: the first meter behind part k.  What there is of a meter is measured by printing it. */
static int
divide(const struct content *c, const struct content_print *p, size_t *ends, unsigned *parts)
{
	size_t frame = 400 + c->n_measures * 80, size = frame;
	struct text t = { 0 };
	int rc = E_OK;

	*parts = 0;
	for (size_t i = 0; rc == E_OK && i < c->n_meters; i++) {
		bool first = i == (*parts > 0 ? ends[*parts - 1] : 0);

		text_clear(&t);
		for (size_t m = 0; rc == E_OK && m < c->n_measures; m++)
			if (content_fits(&c->measures[m], c->meters[i]))
				rc = print_device(&t, c, i, m);
		if (!first && size + t.len > p->part_bytes) {
			ends[(*parts)++] = i;
			size = frame;
		}
		size += t.len + c->n_measures;
	}
	ends[(*parts)++] = c->n_meters;
	text_free(&t);
	return rc;
}

int
content_print(const struct content *c, const struct content_print *p)
{
	size_t *ends = calloc(c->n_meters + 1, sizeof(*ends));
	unsigned parts = 1;
	int rc = E_NOMEM;

	if (ends != NULL)
		rc = divide(c, p, ends, &parts);
	for (unsigned k = 0; rc == E_OK && k < parts; k++)
		rc = give_part(c, p, k > 0 ? ends[k - 1] : 0, ends[k], k + 1, parts);
	free(ends);
	return rc;
}
