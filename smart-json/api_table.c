#include "smart-json/api.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "smart-json/csv.h"

/* Changes of the meter table: rows as JSON or as a CSV file, and removal. */

enum { SHOWN_CHANGES = 500 };

struct source {
	bool csv;		/* notes name rows and columns; else members of the JSON document */
	bool dry, replace, object;	/* object: the document is one row, not a list */
};

/* ---- answers ---- */

static void
print_where(char *buf, size_t size, const struct source *source, const struct import_note *note)
{
	const char *column = note->column < COL_COUNT ? meter_column_name(note->column) : "";

	if (source->csv)
		snprintf(buf, size, "row %u%s%s", note->line, *column != '\0' ? ", column " : "",
		    column);
	else if (source->object)
		snprintf(buf, size, "/%s", column);
	else
		snprintf(buf, size, "/%u%s%s", note->line - 1, *column != '\0' ? "/" : "", column);
}

static void
print_notes(struct text *t, const struct meter_import *import, const struct source *source, bool errors)
{
	char where[64];
	bool first = true;

	text_printf(t, ",\"%s\":[", errors ? "errors" : "warnings");
	for (size_t i = 0; i < import->n_notes; i++) {
		const struct import_note *note = &import->notes[i];

		if (note->error != errors)
			continue;
		print_where(where, sizeof(where), source, note);
		text_printf(t, "%s{\"row\":%u,\"where\":", first ? "" : ",\n", note->line);
		text_json(t, where);
		text_str(t, ",\"text\":");
		text_json(t, note->text);
		text_str(t, "}");
		first = false;
	}
	text_str(t, "]");
}

/* The form of http_fail() with the list of all faults behind it. */
static void
refuse(struct http_call *call, const struct meter_import *import, const struct source *source)
{
	const struct import_note *note = NULL;
	char where[64] = "";

	for (size_t i = 0; i < import->n_notes && note == NULL; i++)
		if (import->notes[i].error)
			note = &import->notes[i];
	if (note != NULL)
		print_where(where, sizeof(where), source, note);
	http_fail(call, 422, where, "%s (%zu in all; nothing was changed)",
	    note != NULL ? note->text : "faulty rows", import->n_errors);
	call->out.len -= 2; /* the closing brace and line end: the list belongs inside */
	text_printf(&call->out, ",\"rows\":%zu,\"n_errors\":%zu", import->n, import->n_errors);
	print_notes(&call->out, import, source, true);
	print_notes(&call->out, import, source, false);
	text_str(&call->out, "}\n");
}

static void
report(struct http_call *call, const struct meter_import *import, const struct import_plan *plan,
    const struct meter_table *now, const struct source *source)
{
	struct text *t = &call->out;

	text_printf(t,
	    "{\"res\":0,\"applied\":%s,\"mode\":\"%s\",\"rows\":%zu,\"added\":%zu,\"changed\":%zu,"
	    "\"removed\":%zu,\"unchanged\":%zu,\"changes\":[",
	    source->dry ? "false" : "true", source->replace ? "replace" : "merge", import->n,
	    plan->added, plan->changed, plan->removed, plan->unchanged);
	for (size_t i = 0; i < plan->n && i < SHOWN_CHANGES; i++) {
		const struct meter_change *change = &plan->changes[i];
		const char *what = change->remove		  ? "removed" :
		    meter_table_find(now, change->row.id) != NULL ? "changed" :
								    "added";

		text_printf(t, "%s{\"id\":%u,\"row\":%u,\"what\":\"%s\"}", i > 0 ? "," : "",
		    (unsigned)change->row.id, plan->lines[i], what);
	}
	text_str(t, "]");
	print_notes(t, import, source, false);
	text_str(t, "}\n");
}

/* ---- applying ---- */

static int
apply(struct http_call *call, struct meter_import *import, const struct import_plan *plan)
{
	char why[256] = "";
	size_t failed = 0;
	int rc;

	if (plan->n == 0)
		return E_OK;
	rc = store_meters_change(call->server->store, plan->changes, plan->n, &failed, why,
	    sizeof(why));
	if (rc == E_OK)
		return E_OK;
	if (rc == E_INVALID || rc == E_EXISTS || rc == E_NOTFOUND) {
		import_note(import, true, failed < plan->n ? plan->lines[failed] : 0, COL_COUNT,
		    "%.100s", *why != '\0' ? why : uspd_strerror(rc));
		return E_INVALID;
	}
	http_fail_err(call, rc, NULL, "the meter table was not changed");
	return rc;
}

/* Checks, and unless it is a dry run applies, what was read. */
static void
finish(struct http_call *call, struct meter_import *import, const struct source *source)
{
	const struct meter_table *now = store_meters(call->server->store);
	struct import_plan plan = { 0 };
	int rc = now != NULL ? import_plan(&plan, import, now, source->replace) : E_NOMEM;

	if (rc == E_NOMEM)
		http_fail_err(call, rc, NULL, "the rows cannot be checked");
	if (rc == E_OK && !source->dry)
		rc = apply(call, import, &plan);
	if (rc == E_INVALID)
		refuse(call, import, source);
	else if (rc == E_OK)
		report(call, import, &plan, now, source);
	import_plan_free(&plan);
	if (now != NULL)
		meter_table_release(now);
}

/* ---- JSON ---- */

static void
take_member(struct meter_import *import, struct import_row *row, const char *name, const json_t *value)
{
	enum meter_column c = meter_column_by_name(name);
	char number[24], why[96];
	const char *text = number;

	if (c == COL_COUNT) {
		import_note(import, true, row->line, COL_COUNT, "no such column: \"%.40s\"", name);
		return;
	}
	if (json_is_null(value) || c == COL_SERIAL)
		return;
	if (json_is_integer(value)) {
		snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(value));
	} else if (json_is_string(value)) {
		text = json_string_value(value);
	} else {
		import_note(import, true, row->line, c, "must be a text or a whole number");
		return;
	}
	if (meter_column_set(&row->row, c, text, why, sizeof(why)) < 0)
		import_note(import, true, row->line, c, "%s", why);
	row->given |= COL_BIT(c);
}

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
			take_member(import, row, name, value);
	return E_OK;
}

void
api_meters_post(struct http_call *call)
{
	json_t *body = api_body(call), *row;
	struct meter_import import = { 0 };
	struct source source = { .dry = api_arg_flag(call, "dry"), .object = json_is_object(body) };
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
		finish(call, &import, &source);
	else
		http_fail_err(call, rc, NULL, "the rows cannot be read");
	import_free(&import);
	json_decref(body);
}

void
api_meters_delete(struct http_call *call)
{
	struct meter_change change = { .remove = true };
	const char *text = call->arg[0];
	unsigned long id;
	size_t failed;
	char why[256] = "", *end;
	int rc;

	errno = 0;
	id = strtoul(text, &end, 10);
	if (*text < '0' || *text > '9' || *end != '\0' || errno != 0 || id == 0 || id > INT32_MAX) {
		http_fail(call, 422, NULL, "\"%.24s\" is not the id of a meter", text);
		return;
	}
	change.row.id = (uint32_t)id;
	rc = store_meters_change(call->server->store, &change, 1, &failed, why, sizeof(why));
	if (rc == E_NOTFOUND)
		http_fail(call, 404, NULL, "there is no meter %lu", id);
	else if (rc < 0)
		http_fail_err(call, rc, NULL, *why != '\0' ? why : "the meter was not removed");
}

/* ---- CSV ---- */

void
api_csv_post(struct http_call *call)
{
	struct source source = { .csv = true, .dry = api_arg_flag(call, "dry") };
	const char *mode = http_arg(call, "mode");
	struct meter_import import = { 0 };
	int rc;

	source.replace = mode != NULL && strcmp(mode, "replace") == 0;
	if (mode != NULL && !source.replace && strcmp(mode, "merge") != 0) {
		http_fail(call, 422, "mode", "mode: merge or replace");
		return;
	}
	rc = csv_read(&import, call->body, call->body_len);
	if (rc == E_OK)
		finish(call, &import, &source);
	else
		http_fail_err(call, rc, NULL, "the file cannot be read");
	import_free(&import);
}

static void
serial_of(struct http_call *call, const struct meter_row *row, char *buf, size_t size)
{
	struct poll_meter_status status;
	struct meter_state state;

	*buf = '\0';
	if (call->server->poll != NULL && poll_meter(call->server->poll, row->id, &status) == E_OK)
		snprintf(buf, size, "%s", status.serial);
	else if (store_state_get(call->server->store, row->dev, &state) == E_OK)
		snprintf(buf, size, "%s", state.config.serial);
}

void
api_csv_get(struct http_call *call)
{
	const struct meter_table *table = store_meters(call->server->store);
	const char *language = http_arg(call, "lang");
	char serial[32];

	call->type = "text/csv; charset=utf-8";
	call->disposition = "attachment; filename=\"meters.csv\"";
	csv_write_header(&call->out, language == NULL || strcmp(language, "en") != 0);
	for (size_t i = 0; table != NULL && i < table->n; i++) {
		serial_of(call, &table->rows[i], serial, sizeof(serial));
		csv_write_row(&call->out, &table->rows[i], serial, api_arg_flag(call, "passwords"));
	}
	if (table != NULL)
		meter_table_release(table);
}
