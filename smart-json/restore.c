/* From a backup document to the edits that bring it about. */
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "smart-json/api_import.h"
#include "smart-json/backup.h"
#include "smart-json/backup_private.h"
#include "smart-json/seal.h"

int
restore_refuse(struct restore *r, const char *where, const char *fmt, ...)
{
	va_list ap;

	snprintf(r->where, sizeof(r->where), "%s", where);
	va_start(ap, fmt);
	vsnprintf(r->why, sizeof(r->why), fmt, ap);
	va_end(ap);
	return E_INVALID;
}

void
restore_warn(struct restore *r, const char *fmt, ...)
{
	char text[200];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	json_array_append_new(r->warnings, json_string(text));
}

/* ---- settings ---- */

static int
plan_setting(struct restore *r, struct settings *settings, json_t *report, const char *key,
    const json_t *value)
{
	char now[1024], number[24], where[96];
	const char *text = json_string_value(value);
	int rc;

	snprintf(where, sizeof(where), "/settings/%.60s", key);
	if (json_is_integer(value)) {
		snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(value));
		text = number;
	}
	if (text == NULL)
		return restore_refuse(r, where, "%.60s: a text or a whole number is needed", key);
	if (settings_get(settings, key, now, sizeof(now)) < 0) {
		restore_warn(r, "setting %.60s is not known here and left out", key);
		return E_OK;
	}
	if (settings_set(settings, key, text) < 0)
		return restore_refuse(r, where, "%.60s: \"%.40s\" is not allowed", key, text);
	if (strcmp(now, text) == 0)
		return E_OK;
	rc = edits_setting(&r->edits, key, text, -1);
	if (rc == E_OK && !backup_is_secret(key))
		json_object_set_new(report, key, json_pack("{s:s,s:s}", "before", now, "after", text));
	else if (rc == E_OK)
		json_object_set_new(report, key, json_object());
	return rc;
}

static int
plan_settings(struct restore *r, const json_t *document)
{
	json_t *section = json_object_get(document, "settings"), *report = json_object(), *value;
	struct settings settings;
	const char *key;
	int rc = E_OK;

	if (section != NULL && !json_is_object(section))
		rc = restore_refuse(r, "/settings", "settings: an object is needed");
	store_settings(r->store, &settings);
	json_object_foreach(section, key, value)
		if (rc == E_OK)
			rc = plan_setting(r, &settings, report, key, value);
	json_object_set_new(r->report, "settings", report);
	return rc;
}

/* ---- meters ---- */

/* How a client wrote the row (meter_row.wire): of no weight, so what does not fit is left out. */
static void
take_wire(struct import_row *row, const json_t *value)
{
	size_t len = json_is_object(value) ? json_dumpb(value, NULL, 0, JSON_COMPACT) : 0;

	if (len > 0 && len < sizeof(row->row.wire))
		json_dumpb(value, row->row.wire, len, JSON_COMPACT);
	row->given |= GIVEN_WIRE;
}

static void
take_meter(struct meter_import *import, struct import_row *row, json_t *object)
{
	const char *name;
	json_t *value;

	json_object_foreach(object, name, value) {
		if (strcmp(name, "wire") == 0)
			take_wire(row, value);
		else
			import_member(import, row, name, value);
	}
	row->given |= GIVEN_WIRE;
	if (row->row.id == 0 && import->n_errors == 0)
		import_note(import, true, row->line, COL_ID, "id is missing");
}

static int
take_meters(struct restore *r, struct meter_import *import, const json_t *section)
{
	struct import_row *row;
	json_t *object;
	char where[32];
	size_t i;

	json_array_foreach(section, i, object) {
		snprintf(where, sizeof(where), "/meters/%zu", i);
		if (i >= IMPORT_ROWS_MAX)
			return restore_refuse(r, where, "more than %d meters", IMPORT_ROWS_MAX);
		if (!json_is_object(object))
			return restore_refuse(r, where, "a meter is an object");
		if ((row = import_add(import, (unsigned)i + 1)) == NULL)
			return E_NOMEM;
		take_meter(import, row, object);
	}
	return E_OK;
}

static int
refuse_meters(struct restore *r, const struct meter_import *import)
{
	const struct import_note *note = NULL;
	char where[64];

	for (size_t i = 0; i < import->n_notes && note == NULL; i++)
		if (import->notes[i].error)
			note = &import->notes[i];
	if (note == NULL)
		return restore_refuse(r, "/meters", "faulty rows");
	snprintf(where, sizeof(where), "/meters/%u%s%s", note->line - 1,
	    note->column < COL_COUNT ? "/" : "",
	    note->column < COL_COUNT ? meter_column_name(note->column) : "");
	return restore_refuse(r, where, "%s", note->text);
}

static int
plan_no_meters(struct restore *r, const struct meter_table *now)
{
	int rc = E_OK;

	for (size_t i = 0; i < now->n && rc == E_OK; i++)
		rc = edits_meter(&r->edits, &now->rows[i], true, -1);
	return rc;
}

static void
report_meters(struct restore *r, size_t added, size_t changed, size_t removed, size_t unchanged)
{
	json_object_set_new(r->report, "meters",
	    json_pack("{s:I,s:I,s:I,s:I}", "added", (json_int_t)added, "changed", (json_int_t)changed,
		"removed", (json_int_t)removed, "unchanged", (json_int_t)unchanged));
}

static int
plan_rows_of_meters(struct restore *r, const struct meter_table *now, const json_t *section)
{
	struct meter_import import = { 0 };
	struct import_plan plan = { 0 };
	int rc = take_meters(r, &import, section);

	if (rc == E_OK && (rc = import_plan(&plan, &import, now, true)) == E_INVALID)
		rc = refuse_meters(r, &import);
	for (size_t i = 0; i < plan.n && rc == E_OK; i++)
		rc = edits_meter(&r->edits, &plan.changes[i].row, plan.changes[i].remove, -1);
	for (size_t i = 0; i < import.n_notes && rc == E_OK; i++)
		if (!import.notes[i].error)
			restore_warn(r, "meters, row %u: %s", import.notes[i].line,
			    import.notes[i].text);
	if (rc == E_OK)
		report_meters(r, plan.added, plan.changed, plan.removed, plan.unchanged);
	import_plan_free(&plan);
	import_free(&import);
	return rc;
}

static int
plan_meters(struct restore *r, const json_t *document)
{
	const json_t *section = json_object_get(document, "meters");
	const struct meter_table *now;
	int rc;

	if (section == NULL)
		return E_OK;
	if (!json_is_array(section))
		return restore_refuse(r, "/meters", "meters: a list is needed");
	now = store_meters(r->store);
	if (json_array_size(section) > 0) {
		rc = plan_rows_of_meters(r, now, section);
	} else {
		rc = plan_no_meters(r, now);
		report_meters(r, 0, 0, now->n, 0);
	}
	meter_table_release(now);
	return rc;
}

/* ---- the whole ---- */

/* The clear part, or what a pass-phrase opens. */
static int
open_content(struct restore *r, const json_t *document, const char *passphrase, json_t **content)
{
	const json_t *sealed = json_object_get(document, "sealed");
	char *text;
	size_t len;
	int rc;

	*content = NULL;
	if (sealed == NULL || passphrase == NULL) {
		if (sealed != NULL)
			restore_warn(r, "no pass-phrase was given: passwords stay as they are");
		else if (passphrase != NULL)
			restore_warn(r, "the file has no secrets, the pass-phrase is not used");
		*content = json_incref((json_t *)(uintptr_t)document);
		return E_OK;
	}
	rc = seal_open(sealed, passphrase, &text, &len);
	if (rc == E_INVALID)
		return restore_refuse(r, "/sealed", "the sealed part is not one this version can open");
	if (rc == E_DENIED)
		(void)restore_refuse(r, "/passphrase", "wrong pass-phrase, or the file was changed");
	if (rc < 0)
		return rc;
	*content = json_loadb(text, len, 0, NULL);
	seal_forget(text, len);
	return *content != NULL ? E_OK : restore_refuse(r, "/sealed", "what is sealed is no JSON");
}

static int
check_document(struct restore *r, const json_t *document)
{
	const char *what = json_string_value(json_object_get(document, "openuspd"));
	const json_t *version = json_object_get(document, "version");
	const json_t *checksum = json_object_get(document, "checksum");
	char hex[BACKUP_CHECKSUM_SIZE];

	if (what == NULL || strcmp(what, "backup") != 0 || !json_is_integer(version))
		return restore_refuse(r, "", "this is no backup of a configuration");
	if (json_integer_value(version) < 1 || json_integer_value(version) > BACKUP_VERSION) {
		(void)restore_refuse(r, "/version", "written by a newer program (version %lld)",
		    (long long)json_integer_value(version));
		return E_VERSION;
	}
	if (checksum == NULL) {
		restore_warn(r, "without a checksum");
		return E_OK;
	}
	if (!backup_checksum(document, hex))
		return E_NOMEM;
	if (!json_is_string(checksum) || strcmp(json_string_value(checksum), hex) != 0)
		return restore_refuse(r, "/checksum",
		    "the file is damaged; if you edited it, take its member \"checksum\" out");
	return E_OK;
}

int
restore_plan(struct restore *r, struct store *store, const json_t *document, const char *passphrase)
{
	json_t *content = NULL;
	int rc;

	*r = (struct restore){ .store = store, .report = json_object(), .warnings = json_array() };
	rc = check_document(r, document);
	if (rc == E_OK)
		rc = open_content(r, document, passphrase, &content);
	if (rc == E_OK)
		rc = plan_settings(r, content);
	if (rc == E_OK)
		rc = plan_meters(r, content);
	if (rc == E_OK)
		rc = restore_tables(r, content);
	json_decref(content);
	return rc;
}

void
restore_free(struct restore *r)
{
	edits_free(&r->edits);
	json_decref(r->report);
	json_decref(r->warnings);
}
