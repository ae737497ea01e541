/* Settings of the daemon by key, and tables of settings by name. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/ctl_commands.h"
#include "tools/ctl_http.h"
#include "tools/ctl_rows.h"
#include "tools/ctl_table.h"

/* ---- settings by key ---- */

/* Keys have a point, tables have none. */
static bool
is_key(const char *name)
{
	return memchr(name, '.', strcspn(name, "=")) != NULL;
}

static void
print_settings(const json_t *list)
{
	static const char *const columns[] = { "key", "value", "default", "help" };
	const json_t *setting;
	struct table table;
	size_t i;

	table_open(&table, 4);
	for (size_t c = 0; c < 4; c++)
		table_cell(&table, "%s", c < 3 ? columns[c] : "meaning");
	json_array_foreach(list, i, setting)
		for (size_t c = 0; c < 4; c++)
			table_cell(&table, "%s", ctl_text(setting, columns[c]));
	table_print(&table, stdout);
	table_free(&table);
}

static int
print_setting(const struct ctl *ctl, const json_t *list, const char *key)
{
	json_t *setting;
	size_t i;

	json_array_foreach(list, i, setting) {
		if (strcmp(ctl_text(setting, "key"), key) != 0)
			continue;
		if (ctl->json)
			ctl_print_json(setting);
		else
			printf("%s\n", ctl_text(setting, "value"));
		return CTL_OK;
	}
	fprintf(stderr, "uspdctl: there is no setting \"%s\"; uspdctl settings lists them\n", key);
	return CTL_FAILED;
}

/* key NULL: all. */
static int
get_settings(const struct ctl *ctl, const char *key)
{
	json_t *answer, *list;
	int rc = ctl_call(ctl, "GET", "settings", NULL, &answer, NULL);

	if (rc != CTL_OK)
		return rc;
	list = json_object_get(answer, "settings");
	if (key != NULL)
		rc = print_setting(ctl, list, key);
	else if (ctl->json)
		ctl_print_json(answer);
	else
		print_settings(list);
	json_decref(answer);
	return rc;
}

static int
put_settings(const struct ctl *ctl, json_t *body)
{
	json_t *answer, *shown = json_incref(body), *value;
	const char *key;
	int rc = ctl_call(ctl, "PUT", "settings", body, &answer, NULL);

	json_object_foreach(shown, key, value) {
		struct text text = { 0 };

		ctl_value(&text, value);
		if (rc == CTL_OK && !ctl->json)
			printf("%s = %s\n", key, text.len > 0 ? text.p : "");
		text_free(&text);
	}
	if (rc == CTL_OK && ctl->json)
		ctl_print_json(shown);
	json_decref(shown);
	json_decref(answer);
	return rc;
}

/* KEY VALUE, or KEY=VALUE... */
static int
put_words(const struct ctl *ctl, int n, char **words)
{
	json_t *body = json_object();

	if (n == 2 && strchr(words[0], '=') == NULL) {
		json_object_set_new(body, words[0], json_string(words[1]));
		return put_settings(ctl, body);
	}
	for (int i = 0; i < n; i++) {
		char *value = strchr(words[i], '=');

		if (value == NULL) {
			json_decref(body);
			return ctl_misuse(ctl, "%s: KEY=VALUE is needed", words[i]);
		}
		*value++ = '\0';
		json_object_set_new(body, words[i], json_string(value));
	}
	return put_settings(ctl, body);
}

int
ctl_settings(const struct ctl *ctl, int argc, char **argv)
{
	return argc == 3 ? put_words(ctl, 2, argv + 1) : get_settings(ctl, argc > 1 ? argv[1] : NULL);
}

/* ---- tables ---- */

static const struct ctl_table_row *
find_table(const char *name)
{
	const struct ctl_table_row *table = rows_table(name);

	if (table == NULL)
		fprintf(stderr,
		    "uspdctl: there is no table \"%s\"; uspdctl settings tables lists them\n", name);
	return table;
}

static void
print_members(const json_t *row)
{
	struct table table;
	json_t *value;
	const char *name;

	table_open(&table, 2);
	json_object_foreach((json_t *)row, name, value) {
		struct text text = { 0 };

		ctl_value(&text, value);
		table_cell(&table, "%s", name);
		table_cell(&table, "%s", text.len > 0 ? text.p : "");
		text_free(&text);
	}
	table_print(&table, stdout);
	table_free(&table);
}

int
ctl_settings_get(const struct ctl *ctl, int argc, char **argv)
{
	bool full = ctl_option(&argc, argv, "--full", NULL);
	const struct ctl_table_row *table;
	json_t *answer, *rows;
	int rc;

	if (argc == 1 || is_key(argv[1]))
		return get_settings(ctl, argc > 1 ? argv[1] : NULL);
	if ((table = find_table(argv[1])) == NULL)
		return CTL_FAILED;
	if ((rc = rows_get(ctl, table, full, &answer, &rows)) != CTL_OK)
		return rc;
	if (ctl->json)
		ctl_print_json(answer);
	else if (json_array_size(rows) > 0)
		rows_print(rows);
	else if (rows == NULL)
		print_members(answer);
	else
		fprintf(stderr, "uspdctl: the table is empty\n");
	json_decref(answer);
	return CTL_OK;
}

/* JSON of a file; NULL and told. */
static json_t *
load_file(const char *name)
{
	struct text text = { 0 };
	json_error_t error = { 0 };
	json_t *json = NULL;

	if (ctl_read_file(name, &text) == CTL_OK) {
		json = json_loadb(text.len > 0 ? text.p : "", text.len, 0, &error);
		if (json == NULL)
			fprintf(stderr, "uspdctl: %s: line %d, column %d: %s\n", name, error.line,
			    error.column, error.text);
	}
	text_free(&text);
	return json;
}

static void
said_done(const struct ctl *ctl, const char *table)
{
	if (!ctl->json)
		printf("%s: done\n", table);
}

static int
put_table(const struct ctl *ctl, const char *name, json_t *document, bool replace, bool cascade)
{
	const struct ctl_table_row *table = find_table(name);
	struct text args = { 0 };
	int rc;

	if (table == NULL || document == NULL) {
		json_decref(document);
		return CTL_FAILED;
	}
	text_str(&args, "");
	/* Some tables would take a list for all of their rows (smart-json.md 6). */
	ctl_add_arg(&args, "mode", replace ? "replace" : "merge");
	ctl_add_arg(&args, "cascade", cascade ? "1" : NULL);
	rc = rows_send(ctl, table, "PUT", args.p, document);
	text_free(&args);
	if (rc == CTL_OK)
		said_done(ctl, name);
	return rc;
}

int
ctl_settings_put(const struct ctl *ctl, int argc, char **argv)
{
	const char *file = NULL;
	bool replace = ctl_option(&argc, argv, "--replace", NULL);
	bool cascade = ctl_option(&argc, argv, "--cascade", NULL);
	const struct ctl_table_row *table;
	json_t *json;

	ctl_option(&argc, argv, "--file", &file);
	if (file != NULL && argc <= 2) {
		json = load_file(file);
		if (json == NULL)
			return CTL_FAILED;
		return argc == 1 ? put_settings(ctl, json) :
				   put_table(ctl, argv[1], json, replace, cascade);
	}
	if (file != NULL || replace || cascade)
		return ctl_misuse(ctl,
		    "either --file or NAME=VALUE; --replace and --cascade go with it");
	if (argc < 3 && (argc < 2 || !is_key(argv[1])))
		return ctl_usage(ctl);
	if (is_key(argv[1]))
		return put_words(ctl, argc - 1, argv + 1);
	if ((table = find_table(argv[1])) == NULL)
		return CTL_FAILED;
	json = rows_edit(ctl, table, true, argc - 2, argv + 2);
	return json != NULL ? put_table(ctl, argv[1], json, false, false) : CTL_FAILED;
}

int
ctl_settings_add(const struct ctl *ctl, int argc, char **argv)
{
	const struct ctl_table_row *table;
	const char *file = NULL;
	json_t *json;
	int rc;

	ctl_option(&argc, argv, "--file", &file);
	if ((file != NULL) == (argc > 2))
		return ctl_misuse(ctl, "either --file or NAME=VALUE");
	if ((table = find_table(argv[1])) == NULL)
		return CTL_FAILED;
	json = file != NULL ? load_file(file) : rows_edit(ctl, table, false, argc - 2, argv + 2);
	if (json == NULL)
		return CTL_FAILED;
	if ((rc = rows_send(ctl, table, "POST", "", json)) == CTL_OK)
		said_done(ctl, argv[1]);
	return rc;
}

/* {key: value} of each word, a number where the table's keys are numbers. */
static json_t *
keys_of(const char *key, int n, char **words, const json_t *rows)
{
	json_t *list = json_array();
	bool numbers = json_is_integer(json_object_get(json_array_get(rows, 0), key));

	for (int i = 0; i < n; i++) {
		long long number;

		if (numbers && ctl_number(words[i], INT64_MIN, INT64_MAX, &number))
			json_array_append_new(list, json_pack("{s:I}", key, (json_int_t)number));
		else
			json_array_append_new(list, json_pack("{s:s}", key, words[i]));
	}
	return list;
}

/* Keys that no row has are no fault to the daemon; people mean the rows they name. */
static bool
all_there(const char *key, const json_t *keys, const json_t *rows)
{
	json_t *wanted, *row;
	size_t i, j;

	json_array_foreach(keys, i, wanted) {
		struct text text = { 0 };
		bool there = false;

		json_array_foreach(rows, j, row)
			there = there ||
			    json_equal(json_object_get(row, key), json_object_get(wanted, key));
		ctl_value(&text, json_object_get(wanted, key));
		if (!there)
			fprintf(stderr, "uspdctl: no row has %s=%s; nothing was removed\n", key,
			    text.len > 0 ? text.p : "");
		text_free(&text);
		if (!there)
			return false;
	}
	return true;
}

int
ctl_settings_delete(const struct ctl *ctl, int argc, char **argv)
{
	bool all = ctl_option(&argc, argv, "--all", NULL);
	bool cascade = ctl_option(&argc, argv, "--cascade", NULL);
	const char *args = cascade ? "?cascade=1" : "";
	const struct ctl_table_row *table;
	json_t *answer, *rows, *keys = NULL;
	int rc;

	if (all == (argc > 2))
		return ctl_misuse(ctl, "either keys of rows or --all");
	if ((table = find_table(argv[1])) == NULL)
		return CTL_FAILED;
	if (!all && table->key == NULL)
		return ctl_misuse(ctl, "%s has one row; --all makes it as from the factory", argv[1]);
	if (!all) {
		if ((rc = rows_get(ctl, table, false, &answer, &rows)) != CTL_OK)
			return rc;
		keys = keys_of(table->key, argc - 2, argv + 2, rows);
		rc = all_there(table->key, keys, rows) ? CTL_OK : CTL_FAILED;
		json_decref(answer);
		if (rc != CTL_OK) {
			json_decref(keys);
			return rc;
		}
	}
	if ((rc = rows_send(ctl, table, "DELETE", args, keys)) == CTL_OK)
		said_done(ctl, argv[1]);
	return rc;
}

int
ctl_settings_tables(const struct ctl *ctl, int argc, char **argv)
{
	struct table table;
	json_t *list = json_array();

	(void)argc;
	(void)argv;
	table_open(&table, 4);
	table_cell(&table, "table");
	table_cell(&table, "key");
	table_cell(&table, "dialect");
	table_cell(&table, "what");
	for (const struct ctl_table_row *t = ctl_tables; t->name != NULL; t++) {
		table_cell(&table, "%s", t->name);
		table_cell(&table, "%s", t->key != NULL ? t->key : "-");
		table_cell(&table, "%d", t->dialect);
		table_cell(&table, "%s", t->what);
		json_array_append_new(list,
		    json_pack("{s:s, s:s?, s:i, s:s}", "table", t->name, "key", t->key, "dialect",
			t->dialect, "what", t->what));
	}
	if (ctl->json)
		ctl_print_json(list);
	else
		table_print(&table, stdout);
	table_free(&table);
	json_decref(list);
	return CTL_OK;
}
