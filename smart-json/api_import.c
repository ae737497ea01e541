#include "smart-json/api_import.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "smart-json/api.h"
#include "smart-json/backup.h"
#include "smart-json/edit.h"

enum { SHOWN_CHANGES = 500, AUDIT_ROWS = 50 };

/* ---- answers ---- */

static void
print_where(char *buf, size_t size, const struct import_source *source, const struct import_note *note)
{
	const char *column = note->column < COL_COUNT ? meter_column_name(note->column) : "";

	switch (source->form) {
	case FROM_FILE:
		snprintf(buf, size, "row %u%s%s", note->line, *column != '\0' ? ", column " : "",
		    column);
		break;
	case FROM_OBJECT:
		snprintf(buf, size, "/%s", column);
		break;
	case FROM_LIST:
		snprintf(buf, size, "/%u%s%s", note->line - 1, *column != '\0' ? "/" : "", column);
		break;
	case FROM_BULK:
		if (*column != '\0' && note->column != COL_ID)
			snprintf(buf, size, "/set/%s", column);
		else
			snprintf(buf, size, "/ids/%u", note->line - 1);
		break;
	}
}

static void
print_notes(struct text *t, const struct meter_import *import, const struct import_source *source,
    bool errors)
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
refuse(struct http_call *call, const struct meter_import *import, const struct import_source *source)
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
    const struct meter_table *now, const struct import_source *source)
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

/* ---- members ---- */

void
import_member(struct meter_import *import, struct import_row *row, const char *name,
    const json_t *value)
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

/* ---- applying ---- */

json_t *
import_row_json(const struct meter_row *row)
{
	json_t *object = json_object();
	char buf[COL_TEXT_SIZE];

	for (int c = 0; c < COL_COUNT; c++) {
		const char *text = meter_column_print(row, (enum meter_column)c, buf);

		if (c == COL_SERIAL)
			continue;
		json_object_set_new(object, meter_column_name((enum meter_column)c),
		    meter_column_is_number((enum meter_column)c) ?
			json_integer(strtoll(text, NULL, 10)) :
			json_string(text));
	}
	return object;
}

static json_t *
summary(const struct import_plan *plan)
{
	return json_pack("{s:I,s:I,s:I}", "added", (json_int_t)plan->added, "changed",
	    (json_int_t)plan->changed, "removed", (json_int_t)plan->removed);
}

/* Row by row; of a large change only how large it was, so that older rows stay in the journal. */
static void
audit(const struct http_call *call, const struct import_plan *plan, const struct meter_table *before,
    const struct import_source *source)
{
	json_t *all = plan->n > AUDIT_ROWS ? summary(plan) : NULL;

	if (all != NULL)
		edit_audit(call, source->what, "*", NULL, all);
	json_decref(all);
	for (size_t i = 0; i < plan->n && plan->n <= AUDIT_ROWS; i++) {
		const struct meter_change *change = &plan->changes[i];
		const struct meter_row *old = meter_table_find(before, change->row.id);
		json_t *was = old != NULL ? import_row_json(old) : NULL;
		json_t *is = change->remove ? NULL : import_row_json(&change->row);
		char key[16];

		snprintf(key, sizeof(key), "%u", (unsigned)change->row.id);
		edit_audit(call, source->what, key, was, is);
		json_decref(was);
		json_decref(is);
	}
}

static int
apply(struct http_call *call, struct meter_import *import, const struct import_plan *plan,
    const struct import_source *source)
{
	char why[256] = "";
	size_t failed = 0;
	int rc = E_OK;

	if (plan->n == 0)
		return E_OK;
	if (source->backup && (rc = backup_keep(call->server)) < 0) {
		http_fail_err(call, rc, NULL,
		    "the backup of the table cannot be kept; nothing was changed");
		return rc;
	}
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

static void
finish_locked(struct http_call *call, struct meter_import *import, const struct import_source *source)
{
	const struct meter_table *now = store_meters(call->server->store);
	struct import_plan plan = { 0 };
	int rc = import_plan(&plan, import, now, source->replace);

	if (rc == E_NOMEM)
		http_fail_err(call, rc, NULL, "the rows cannot be checked");
	if (rc == E_OK && !source->dry) {
		rc = apply(call, import, &plan, source);
		if (rc == E_OK)
			audit(call, &plan, now, source);
	}
	if (rc == E_INVALID)
		refuse(call, import, source);
	else if (rc == E_OK)
		report(call, import, &plan, now, source);
	import_plan_free(&plan);
	meter_table_release(now);
}

void
import_finish(struct http_call *call, struct meter_import *import, const struct import_source *source)
{
	edit_lock();
	finish_locked(call, import, source);
	edit_unlock();
}

bool
import_source_args(struct http_call *call, struct import_source *source)
{
	const char *mode = http_arg(call, "mode");

	source->dry = api_arg_flag(call, "dry");
	source->replace = mode != NULL && strcmp(mode, "replace") == 0;
	if (mode == NULL || source->replace || strcmp(mode, "merge") == 0)
		return true;
	http_fail(call, 422, "mode", "mode: merge or replace");
	return false;
}

void
import_trim(void)
{
	malloc_trim(0);
}
