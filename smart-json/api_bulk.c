/* One change for many meters: {"ids":[…],"set":{…}} (web-ui.md 4.2 and 5). */
#include "smart-json/api.h"
#include "smart-json/api_import.h"

/* What one meter alone can have is not set for many. */
static bool
is_of_one(enum meter_column column)
{
	return column == COL_ID || column == COL_ADDR || column == COL_SERIAL ||
	    column == COL_RTU_SERIAL;
}

static int
take_ids(struct meter_import *import, const struct meter_table *now, json_t *ids, json_t *set)
{
	struct import_row *row;
	json_t *id, *value;
	const char *name;
	size_t i;

	json_array_foreach(ids, i, id) {
		json_int_t number = json_is_integer(id) ? json_integer_value(id) : 0;
		unsigned line = (unsigned)i + 1;

		if (import->n >= IMPORT_ROWS_MAX)
			return E_LIMIT;
		if ((row = import_add(import, line)) == NULL)
			return E_NOMEM;
		if (number < 1 || number > INT32_MAX ||
		    meter_table_find(now, (uint32_t)number) == NULL) {
			import_note(import, true, line, COL_COUNT, "there is no such meter");
			continue;
		}
		row->row.id = (uint32_t)number;
		row->given = COL_BIT(COL_ID);
		/* A fault in a value is the same for all: it is told once. */
		if (i > 0 && import->n_errors > 0)
			continue;
		json_object_foreach(set, name, value)
			import_member(import, row, name, value);
	}
	return E_OK;
}

static bool
may_be_set(struct http_call *call, json_t *set)
{
	const char *name;
	json_t *value;

	json_object_foreach(set, name, value) {
		enum meter_column column = meter_column_by_name(name);

		if (column != COL_COUNT && !is_of_one(column))
			continue;
		http_fail(call, 422, "/set",
		    column == COL_COUNT ? "no such column: \"%.40s\"" :
					  "%.40s is each meter's own and cannot be set for many",
		    name);
		return false;
	}
	return true;
}

void
api_meters_bulk(struct http_call *call)
{
	const struct import_source source = { .form = FROM_BULK, .dry = api_arg_flag(call, "dry"),
		.what = "meters/bulk" };
	json_t *body = api_body(call), *ids = json_object_get(body, "ids");
	json_t *set = json_object_get(body, "set");
	struct meter_import import = { 0 };
	const struct meter_table *now;
	int rc;

	if (body == NULL)
		return;
	if (!json_is_array(ids) || json_array_size(ids) == 0) {
		http_fail(call, 422, "/ids", "ids: a list of the numbers of meters");
	} else if (!json_is_object(set) || json_object_size(set) == 0) {
		http_fail(call, 422, "/set", "set: an object with the columns to change");
	} else if (may_be_set(call, set)) {
		now = store_meters(call->server->store);
		rc = take_ids(&import, now, ids, set);
		meter_table_release(now);
		if (rc < 0)
			http_fail_err(call, rc, "/ids", "the meters cannot be changed");
		else
			import_finish(call, &import, &source);
	}
	import_free(&import);
	json_decref(body);
}
