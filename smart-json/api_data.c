#include "smart-json/api.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "smart-json/when.h"

/* GET data: the archive of one meter, made slice by slice in a worker, so that an answer of any
 * size takes the memory of one slice.  A slice ends between two moments, never inside of one. */

enum { SLICE_RECORDS = 1000, PUBLIC_TARIFFS = 4, DEADLINE_MS = 10000 };

struct query_job {
	struct store *store;
	uint16_t dev;
	struct store_range range;
	struct zone zone;
	uint64_t wanted_slots;		/* printed even when absent */
	uint64_t allowed_slots;
	size_t limit, sent, in_slice;
	int64_t last_ts;
	bool cut;			/* more records than the slice takes */
	bool more_than_limit;
	struct text *out;
};

/* ---- one record ---- */

static void
print_value(struct text *t, const struct record *r, unsigned slot)
{
	text_json(t, value_tag(r->type, slot));
	text_str(t, ":");
	if (!record_has(r, slot))
		text_str(t, "null");
	else if (r->type == REC_EL_JOURNAL || r->type == REC_PLS_JOURNAL)
		text_printf(t, "%" PRId64, r->v[slot]);
	else
		text_milli(t, r->v[slot]);
}

static void
print_values(struct text *t, const struct query_job *job, const struct record *r)
{
	unsigned n = value_slots(r->type);
	bool first = true;

	text_str(t, ",\"values\":{");
	for (unsigned slot = 0; slot < n; slot++) {
		uint64_t bit = UINT64_C(1) << slot;

		if ((job->allowed_slots & bit) == 0 ||
		    ((job->wanted_slots & bit) == 0 && !record_has(r, slot)))
			continue;
		if (!first)
			text_str(t, ",");
		print_value(t, r, slot);
		first = false;
	}
	text_str(t, "}");
}

static const char *
fact(int8_t known)
{
	return known < 0 ? "null" : known > 0 ? "true" : "false";
}

static void
print_number(struct text *t, const char *name, uint32_t value)
{
	if (value != 0)
		text_printf(t, ",\"%s\":%" PRIu32, name, value);
	else
		text_printf(t, ",\"%s\":null", name);
}

/* Names as smart-json.md 10.7 has them. */
static void
print_config(struct text *t, const struct meter_config *c)
{
	text_str(t, ",\"values\":{\"serial\":");
	text_json(t, c->serial);
	text_str(t, ",\"model\":");
	text_json(t, c->model);
	text_str(t, ",\"firmware\":");
	text_json(t, c->firmware);
	text_printf(t, ",\"isDst\":%s,\"isClock\":%s,\"isTrf\":%s,\"isAm\":%s,\"isRp\":%s,\"isRm\":%s",
	    fact(c->is_dst), fact(c->is_clock), fact(c->is_tariff), fact(c->is_a_minus),
	    fact(c->is_r_plus), fact(c->is_r_minus));
	print_number(t, "cArrays", c->profile_arrays);
	print_number(t, "tariffs", c->tariffs);
	print_number(t, "cTime", c->period_min);
	print_number(t, "kI", c->ratio_i);
	print_number(t, "kU", c->ratio_u);
	print_number(t, "const", c->constant);
	text_str(t, "}");
}

static void
print_flags(struct text *t, const struct record *r)
{
	text_printf(t, ",\"cTime\":%u,\"isPart\":%s,\"isOvfl\":%s,\"isSummer\":%s,\"isMeas\":%s",
	    r->period_min, (r->flags & PROFILE_PARTIAL) != 0 ? "true" : "false",
	    (r->flags & PROFILE_OVERFLOW) != 0 ? "true" : "false",
	    (r->flags & PROFILE_SUMMER) != 0 ? "true" : "false",
	    (r->flags & PROFILE_MEASURED) != 0 ? "true" : "false");
}

static void
print_record(struct text *t, const struct query_job *job, const struct record *r)
{
	char time[CIVIL_TEXT_SIZE];

	text_printf(t, "{\"ts\":%" PRId64 ",\"time\":\"%s\"", r->ts,
	    civil_print(job->zone, r->ts, 'T', time));
	if (r->type == REC_EL_JOURNAL) {
		text_str(t, ",\"journal\":");
		text_json(t, journal_name(r->journal));
	}
	if (!r->valid) {
		text_str(t, ",\"valid\":false}");
		return;
	}
	text_printf(t, ",\"diff\":%" PRId32, r->diff_s);
	if (r->type == REC_EL_PROFILE)
		print_flags(t, r);
	if (r->config != NULL)
		print_config(t, r->config);
	else
		print_values(t, job, r);
	text_str(t, "}");
}

/* ---- slices ---- */

static int
take_record(void *arg, uint16_t dev, const struct record *r)
{
	struct query_job *job = arg;

	(void)dev;
	if (job->in_slice >= SLICE_RECORDS && r->ts != job->last_ts) {
		job->cut = true;
		return 1;
	}
	if (job->limit != 0 && job->sent == job->limit) {
		job->more_than_limit = true;
		return 1;
	}
	text_str(job->out, job->sent > 0 ? ",\n" : "");
	print_record(job->out, job, r);
	job->last_ts = r->ts;
	job->in_slice++;
	job->sent++;
	return job->out->failed ? E_NOMEM : 0;
}

/* The next slice: 1 more follows, 0 the last.  A failure in the middle is told at the end of the
 * document, which stays well-formed. */
static int
next_slice(struct http_call *call)
{
	struct query_job *job = call->job;
	int rc;

	job->out = &call->out;
	job->cut = false;
	job->in_slice = 0;
	rc = store_read(job->store, job->dev, &job->range, take_record, job);
	if (rc < 0 && rc != E_NOTFOUND && call->more == NULL) {
		http_fail_err(call, rc, NULL, "the archive cannot be read");
		return 0;
	}
	if (rc < 0 && rc != E_NOTFOUND) {
		text_printf(&call->out, "],\"n\":%zu,\"error\":\"the archive cannot be read: %s\"}\n",
		    job->sent, uspd_strerror(rc));
		return 0;
	}
	if (job->cut) {
		if (job->range.newest_first)
			job->range.to = job->last_ts - 1;
		else
			job->range.from = job->last_ts + 1;
		return 1;
	}
	text_printf(&call->out, "],\"n\":%zu,\"more\":%s}\n", job->sent,
	    job->more_than_limit ? "true" : "false");
	return 0;
}

/* ---- the request ---- */

static const struct meter_row *
find_by_serial(struct http_call *call, const struct meter_table *table, const char *serial)
{
	struct poll_meter_status status;
	struct meter_state state;

	for (size_t i = 0; i < table->n; i++) {
		const char *own = state.config.serial;

		if (call->server->poll != NULL &&
		    poll_meter(call->server->poll, table->rows[i].id, &status) == E_OK)
			own = status.serial;
		else if (store_state_get(call->server->store, table->rows[i].dev, &state) < 0)
			continue;
		if (strcmp(own, serial) == 0 || strcmp(table->rows[i].rtu_serial, serial) == 0)
			return &table->rows[i];
	}
	return NULL;
}

static const struct meter_row *
find_meter(struct http_call *call, const struct meter_table *table)
{
	const char *id = http_arg(call, "meter"), *serial = http_arg(call, "serial");
	const struct meter_row *row = NULL;
	size_t number = 0;

	if (serial != NULL && *serial != '\0') {
		row = find_by_serial(call, table, serial);
	} else if (id == NULL || *id == '\0') {
		http_fail(call, 422, "meter", "meter: the id of a meter is needed (or serial=)");
		return NULL;
	} else if (!api_arg_count(call, "meter", &number)) {
		return NULL;
	} else if (number <= UINT32_MAX) {
		row = meter_table_find(table, (uint32_t)number);
	}
	if (row == NULL)
		http_fail(call, 404, serial != NULL ? "serial" : "meter", "there is no meter %.32s",
		    serial != NULL ? serial : id);
	return row;
}

static bool
take_type(struct http_call *call, struct query_job *job)
{
	const char *name = http_arg(call, "type");
	unsigned journal;

	if (name == NULL || !api_record_type(name, &job->range.type, &journal)) {
		http_fail(call, 422, "type", "type: no such record type: \"%.40s\"",
		    name != NULL ? name : "");
		return false;
	}
	job->range.journal = (uint16_t)journal;
	return true;
}

static uint64_t
default_slots(enum record_type type)
{
	unsigned n = value_slots(type);

	switch (record_type_info(type)->values) {
	case VALUES_ENERGY:
		n = energy_slot(PUBLIC_TARIFFS + 1, A_PLUS);
		break;
	case VALUES_CHANNELS: case VALUES_QUANTITIES:
		return 0; /* most of these no meter has: only what is there */
	case VALUES_CONFIG: case VALUES_QUALITY: case VALUES_PROFILE: case VALUES_JOURNAL:
		break;
	}
	return n >= 64 ? UINT64_MAX : (UINT64_C(1) << n) - 1;
}

/* tags=A+0,A-0: only these, present or not.  A '+' not escaped arrives as a blank. */
static bool
take_tags(struct http_call *call, struct query_job *job)
{
	const char *list = http_arg(call, "tags");
	unsigned n = value_slots(job->range.type);
	uint64_t mask = 0;

	job->allowed_slots = UINT64_MAX;
	job->wanted_slots = default_slots(job->range.type);
	while (list != NULL && *list != '\0') {
		char name[16];
		size_t len = strcspn(list, ",");
		unsigned slot = 0;

		if (len < sizeof(name)) {
			memcpy(name, list, len);
			name[len] = '\0';
			for (char *p = name; *p != '\0'; p++)
				*p = *p == ' ' ? '+' : *p;
			while (slot < n && strcmp(name, value_tag(job->range.type, slot)) != 0)
				slot++;
		}
		if (len >= sizeof(name) || slot == n) {
			http_fail(call, 422, "tags", "tags: \"%.16s\" is no tag of this type", list);
			return false;
		}
		mask |= UINT64_C(1) << slot;
		list += len + (list[len] == ',');
	}
	if (mask != 0)
		job->allowed_slots = job->wanted_slots = mask;
	return true;
}

static bool
take_order(struct http_call *call, struct query_job *job)
{
	const char *order = http_arg(call, "order");

	job->range.newest_first = order != NULL && strcmp(order, "desc") == 0;
	if (order == NULL || job->range.newest_first || strcmp(order, "asc") == 0)
		return true;
	http_fail(call, 422, "order", "order: asc or desc");
	return false;
}

static void
print_start(struct http_call *call, const struct query_job *job, const struct meter_row *row)
{
	const struct record_type_info *info = record_type_info(job->range.type);
	const char *comma = "";

	text_printf(&call->out, "{\"meter\":%u,\"index\":%u,\"type\":\"%s", (unsigned)row->id, row->dev,
	    info->name);
	text_printf(&call->out, "%s\",\"units\":{",
	    job->range.journal != 0 ? journal_name(job->range.journal) : "");
	for (unsigned slot = 0; slot < value_slots(job->range.type); slot++) {
		if ((job->wanted_slots >> slot & 1) == 0)
			continue;
		text_str(&call->out, comma);
		text_json(&call->out, value_tag(job->range.type, slot));
		text_str(&call->out, ":");
		text_json(&call->out, value_unit(job->range.type, slot));
		comma = ",";
	}
	text_str(&call->out, "},\"records\":[\n");
}

void
api_data(struct http_call *call)
{
	const struct meter_table *table = store_meters(call->server->store);
	struct query_job *job = calloc(1, sizeof(*job));
	const struct meter_row *row;

	if (table == NULL || job == NULL) {
		http_fail_err(call, E_NOMEM, NULL, "the archive cannot be read");
		free(job);
		goto out;
	}
	call->job = job;
	call->job_free = free;
	job->store = call->server->store;
	job->zone = store_zone(job->store);
	job->range = (struct store_range){ .from = 0, .to = INT64_MAX / 2, .deadline_ms = DEADLINE_MS };
	job->range.markers = api_arg_flag(call, "markers");
	if ((row = find_meter(call, table)) == NULL || !take_type(call, job) || !take_tags(call, job) ||
	    !take_order(call, job) || !api_arg_time(call, "from", &job->range.from) ||
	    !api_arg_time(call, "to", &job->range.to) || !api_arg_count(call, "limit", &job->limit))
		goto out;
	job->dev = row->dev;
	print_start(call, job, row);
	if (next_slice(call) > 0)
		call->more = next_slice;
out:
	if (table != NULL)
		meter_table_release(table);
}
