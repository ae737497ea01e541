#include "tools/ctl_rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/ctl_http.h"
#include "tools/ctl_table.h"

const struct ctl_table_row ctl_tables[] = {
#define ROW(name, dialect, key, what) { name, dialect, key, what },
	CTL_TABLES(ROW)
#undef ROW
	{ NULL, 0, NULL, NULL }
};

/* What rows stand under (smart-json.md 5). */
static const char *const wrappers[] = { "Settings", "settings", "Meters", "meters" };
enum { WRAPPERS = sizeof(wrappers) / sizeof(wrappers[0]) };
static const char meter_table[] = "meter/table";

const struct ctl_table_row *
rows_table(const char *name)
{
	for (const struct ctl_table_row *t = ctl_tables; t->name != NULL; t++)
		if (strcmp(t->name, name) == 0)
			return t;
	return NULL;
}

static int
call(const struct ctl *ctl, const struct ctl_table_row *table, const char *method, const char *args,
    json_t *body, json_t **answer)
{
	struct ctl in_dialect = *ctl;
	struct text path = { 0 };
	int rc;

	in_dialect.dialect = table->dialect;
	text_printf(&path, "/settings/%s%s", table->name, args);
	rc = ctl_call(&in_dialect, method, path.p, body, answer, NULL);
	text_free(&path);
	return rc;
}

/* ---- reading ---- */

static json_t *
unwrap(const json_t *document)
{
	json_t *list;

	for (size_t i = 0; i < WRAPPERS; i++)
		if ((list = json_object_get(document, wrappers[i])) != NULL)
			return list;
	return NULL;
}

int
rows_get(const struct ctl *ctl, const struct ctl_table_row *table, bool full, json_t **answer,
    json_t **rows)
{
	int rc = call(ctl, table, "GET", full ? "?full=1" : "", NULL, answer);

	*rows = unwrap(*answer);
	return rc;
}

static bool
add_columns(json_t *columns, const json_t *row)
{
	for (void *at = json_object_iter((json_t *)row); at != NULL;
	     at = json_object_iter_next((json_t *)row, at))
		json_object_set_new(columns, json_object_iter_key(at), json_true());
	return json_object_size(columns) <= TABLE_COLUMNS;
}

void
rows_print(const json_t *rows)
{
	json_t *columns = json_object(), *row, *none;
	struct table table;
	const char *name;
	size_t i;

	json_array_foreach(rows, i, row)
		if (!add_columns(columns, row))
			break;
	table_open(&table, json_object_size(columns));
	json_object_foreach(columns, name, none)
		table_cell(&table, "%s", name);
	json_array_foreach(rows, i, row) {
		json_object_foreach(columns, name, none) {
			struct text cell = { 0 };

			ctl_value(&cell, json_object_get(row, name));
			table_cell(&table, "%s", cell.len > 0 ? cell.p : "");
			text_free(&cell);
		}
	}
	table_print(&table, stdout);
	table_free(&table);
	json_decref(columns);
}

/* ---- writing ---- */

int
rows_send(const struct ctl *ctl, const struct ctl_table_row *table, const char *method,
    const char *args, json_t *document)
{
	const char *wrapper = strcmp(table->name, meter_table) == 0 ? "Meters" : "Settings";
	json_t *answer, *body = document;
	int rc;

	/* A table of one row has no list; one as it was given out has its wrapper. */
	if (document != NULL && unwrap(document) == NULL &&
	    (table->key != NULL || json_is_array(document)))
		body = json_pack("{s:o}", wrapper, document);
	rc = call(ctl, table, method, args, body, &answer);
	if (rc == CTL_OK && ctl->json && answer != NULL)
		ctl_print_json(answer);
	json_decref(answer);
	return rc;
}

/* ---- NAME=VALUE ---- */

/* The value as the table has it elsewhere; else as JSON, and what is no JSON is a text. */
static json_t *
value_like(const json_t *like, const char *text)
{
	json_t *value = json_is_string(like) ? NULL : json_loads(text, JSON_DECODE_ANY, NULL);

	return value != NULL ? value : json_string(text);
}

static const json_t *
like_of(const json_t *rows, const json_t *row, const char *name)
{
	const json_t *value = json_object_get(row, name);

	for (size_t i = 0; value == NULL && i < json_array_size(rows); i++)
		value = json_object_get(json_array_get(rows, i), name);
	return value;
}

/* The row whose key is said by one of the words; NULL: none. */
static json_t *
row_named(const struct ctl_table_row *table, const json_t *rows, int n, char **words)
{
	size_t len = strlen(table->key), i;
	const char *wanted = NULL;
	json_t *row, *found = NULL;

	for (int w = 0; w < n; w++)
		if (strncmp(words[w], table->key, len) == 0 && words[w][len] == '=')
			wanted = words[w] + len + 1;
	json_array_foreach(rows, i, row) {
		struct text key = { 0 };

		ctl_value(&key, json_object_get(row, table->key));
		if (wanted != NULL && found == NULL && key.len > 0 && strcmp(key.p, wanted) == 0)
			found = row;
		text_free(&key);
	}
	return found;
}

static bool
take_words(json_t *row, const json_t *rows, int n, char **words)
{
	for (int w = 0; w < n; w++) {
		char *value = strchr(words[w], '=');

		if (value == NULL || value == words[w]) {
			fprintf(stderr, "uspdctl: %s: NAME=VALUE is needed\n", words[w]);
			return false;
		}
		*value++ = '\0';
		json_object_set_new(row, words[w], value_like(like_of(rows, row, words[w]), value));
	}
	return true;
}

json_t *
rows_edit(const struct ctl *ctl, const struct ctl_table_row *table, bool merge, int n, char **words)
{
	json_t *answer = NULL, *rows, *old = NULL, *row = NULL;

	if (rows_get(ctl, table, true, &answer, &rows) != CTL_OK)
		return NULL;
	if (table->key == NULL)
		old = rows != NULL ? json_array_get(rows, 0) : answer;
	else if (merge)
		old = row_named(table, rows, n, words);
	row = old != NULL ? json_deep_copy(old) : json_object();
	if (!take_words(row, rows, n, words)) {
		json_decref(row);
		row = NULL;
	}
	/* The one row of a list goes back as a list. */
	if (row != NULL && table->key == NULL && rows != NULL)
		row = json_pack("{s:o}", wrappers[0], row);
	json_decref(answer);
	return row;
}
