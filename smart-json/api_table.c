/* Changes of the meter table: rows as JSON, and removal. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "smart-json/api.h"
#include "smart-json/api_import.h"
#include "smart-json/edit.h"

/* Members that only GET gives are taken back without complaint. */
static bool
is_shown_only(const char *name)
{
	static const char *const names[] = { "index", "state", "last", "tried", "diff", "missing",
	    "wanted",
		"answers", "failures", "error" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

static int
take_object(struct meter_import *import, unsigned line, json_t *object)
{
	struct import_row *row = import_add(import, line);
	const char *name;
	json_t *value;

	if (row == NULL)
		return E_NOMEM;
	if (!json_is_object(object)) {
		import_note(import, true, line, COL_COUNT, "a meter is an object");
		return E_OK;
	}
	json_object_foreach(object, name, value)
		if (!is_shown_only(name))
			import_member(import, row, name, value);
	return E_OK;
}

void
api_meters_post(struct http_call *call)
{
	json_t *body = api_body(call), *row;
	struct meter_import import = { 0 };
	const struct import_source source = { .dry = api_arg_flag(call, "dry"),
		.form = json_is_object(body) ? FROM_OBJECT : FROM_LIST,
		.what = "meters" };
	size_t i;
	int rc = E_OK;

	if (body == NULL)
		return;
	if (json_is_array(body)) {
		json_array_foreach(body, i, row)
			if (rc == E_OK)
				rc = take_object(&import, (unsigned)i + 1, row);
	} else {
		rc = take_object(&import, 1, body);
	}
	if (rc == E_OK)
		import_finish(call, &import, &source);
	else
		http_fail_err(call, rc, NULL, "the rows cannot be read");
	import_free(&import);
	json_decref(body);
}

static void
remove_meter(struct http_call *call, uint32_t id)
{
	const struct meter_table *now = store_meters(call->server->store);
	const struct meter_row *row = meter_table_find(now, id);
	struct meter_change change = { .remove = true, .row = { .id = id } };
	char why[256] = "", key[16];
	json_t *was;
	int rc;

	rc = store_meters_change(call->server->store, &change, 1, NULL, why, sizeof(why));
	if (rc == E_NOTFOUND || row == NULL) {
		http_fail(call, 404, NULL, "there is no meter %u", (unsigned)id);
	} else if (rc < 0) {
		http_fail_err(call, rc, NULL, *why != '\0' ? why : "the meter was not removed");
	} else {
		was = import_row_json(row);
		snprintf(key, sizeof(key), "%u", (unsigned)id);
		edit_audit(call, "meters", key, was, NULL);
		json_decref(was);
	}
	meter_table_release(now);
}

void
api_meters_delete(struct http_call *call)
{
	const char *text = call->arg[0];
	unsigned long id;
	char *end;

	errno = 0;
	id = strtoul(text, &end, 10);
	if (*text < '0' || *text > '9' || *end != '\0' || errno != 0 || id == 0 || id > INT32_MAX) {
		http_fail(call, 422, NULL, "\"%.24s\" is not the id of a meter", text);
		return;
	}
	edit_lock();
	remove_meter(call, (uint32_t)id);
	edit_unlock();
}
