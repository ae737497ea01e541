#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tools/ctl_commands.h"
#include "tools/ctl_http.h"
#include "tools/ctl_table.h"

#define XLSX "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

/* ---- list ---- */

/* How long ago by the clock of the device, which need not be ours. */
static void
age_cell(struct table *table, long long age_s)
{
	static const struct { long long s; const char *unit; } units[] = {
		{ 86400, "d" }, { 3600, "h" }, { 60, "min" }, { 1, "s" }
	};
	size_t i = 0;

	while (i < 3 && age_s < 2 * units[i].s)
		i++;
	table_cell(table, "%lld %s ago", age_s / units[i].s, units[i].unit);
}

static void
print_rows(const json_t *answer)
{
	static const char *const columns[] = { "id", "type", "addr", "iface", "cfg", "serial", "state",
	    "last",
		"diff", "missing", "group", "note" };
	enum { N = sizeof(columns) / sizeof(columns[0]) };
	const json_t *row;
	struct table table;
	size_t i;

	table_open(&table, N);
	for (size_t c = 0; c < N; c++)
		table_cell(&table, "%s", columns[c]);
	json_array_foreach(json_object_get(answer, "rows"), i, row) {
		for (size_t c = 0; c < N; c++) {
			const json_t *value = json_object_get(row, columns[c]);

			if (json_is_integer(value) && strcmp(columns[c], "last") == 0)
				age_cell(&table, ctl_int(answer, "time") - json_integer_value(value));
			else if (json_is_integer(value))
				table_cell(&table, "%lld", (long long)json_integer_value(value));
			else
				table_cell(&table, "%s",
				    json_is_string(value) ? json_string_value(value) : "-");
		}
	}
	table_print(&table, stdout);
	table_free(&table);
}

int
ctl_meter_list(const struct ctl *ctl, int argc, char **argv)
{
	static const char *const options[] = { "bus", "type", "state", "sort", "limit" };
	struct text path = { 0 };
	json_t *answer;
	const char *value;
	char name[16];
	bool limited = false;
	int rc;

	text_str(&path, "meters");
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		snprintf(name, sizeof(name), "--%s", options[i]);
		if (!ctl_option(&argc, argv, name, &value))
			continue;
		ctl_add_arg(&path, options[i], value);
		limited |= strcmp(options[i], "limit") == 0;
	}
	if (!limited)
		ctl_add_arg(&path, "limit", "0");
	ctl_add_arg(&path, "q", argc == 2 ? argv[1] : NULL);
	rc = ctl_call(ctl, "GET", path.p, NULL, &answer, NULL);
	text_free(&path);
	if (rc != CTL_OK)
		return rc;
	if (ctl->json) {
		ctl_print_json(answer);
	} else {
		print_rows(answer);
		printf("%lld meters\n", ctl_int(answer, "total"));
	}
	json_decref(answer);
	return CTL_OK;
}

/* ---- add and remove ---- */

static void
print_change(const struct ctl *ctl, const json_t *answer)
{
	const json_t *warnings = json_object_get(answer, "warnings"), *warning;
	size_t i;

	if (ctl->json) {
		ctl_print_json(answer);
		return;
	}
	json_array_foreach(warnings, i, warning)
		fprintf(stderr, "warning: %s: %s\n", ctl_text(warning, "where"),
		    ctl_text(warning, "text"));
	printf("%s: %lld added, %lld changed, %lld removed, %lld as they were\n",
	    json_is_true(json_object_get(answer, "applied")) ? "done" : "would be",
	    ctl_int(answer, "added"), ctl_int(answer, "changed"), ctl_int(answer, "removed"),
	    ctl_int(answer, "unchanged"));
}

int
ctl_meter_add(const struct ctl *ctl, int argc, char **argv)
{
	bool dry = ctl_option(&argc, argv, "--dry-run", NULL);
	json_t *row = json_object(), *answer;
	int rc;

	for (int i = 1; i < argc; i++) {
		char *value = strchr(argv[i], '=');

		if (value == NULL) {
			json_decref(row);
			return ctl_misuse(ctl, "%s: NAME=VALUE is needed", argv[i]);
		}
		*value++ = '\0';
		json_object_set_new(row, argv[i], json_string(value));
	}
	rc = ctl_call(ctl, "POST", dry ? "meters?dry=1" : "meters", row, &answer, NULL);
	if (rc == CTL_OK)
		print_change(ctl, answer);
	json_decref(answer);
	return rc;
}

int
ctl_meter_remove(const struct ctl *ctl, int argc, char **argv)
{
	long long id;
	int rc = CTL_OK;

	for (int i = 1; i < argc; i++)
		if (!ctl_number(argv[i], 1, UINT32_MAX, &id))
			return ctl_misuse(ctl, "%s is not the id of a meter", argv[i]);
	for (int i = 1; i < argc && rc == CTL_OK; i++) {
		struct text path = { 0 };
		json_t *answer;

		text_printf(&path, "meters/%s", argv[i]);
		if ((rc = ctl_call(ctl, "DELETE", path.p, NULL, &answer, NULL)) == CTL_OK && !ctl->json)
			printf("meter %s and its archive are removed\n", argv[i]);
		json_decref(answer);
		text_free(&path);
	}
	return rc;
}

/* ---- files ---- */

/* A workbook or CSV: by the name of the file, or what it begins with. */
static bool
is_workbook(const char *name, const struct text *content)
{
	size_t len = name != NULL ? strlen(name) : 0;

	if (content != NULL)
		return content->len >= 4 && memcmp(content->p, "PK\3\4", 4) == 0;
	return len > 5 && strcasecmp(name + len - 5, ".xlsx") == 0;
}

int
ctl_meter_import(const struct ctl *ctl, int argc, char **argv)
{
	bool dry = ctl_option(&argc, argv, "--dry-run", NULL);
	bool replace = ctl_option(&argc, argv, "--replace", NULL);
	struct text file = { 0 }, path = { 0 }, answer = { 0 };
	json_t *json = NULL;
	long status = 0;
	int rc = ctl_read_file(argv[1], &file);
	bool workbook = is_workbook(NULL, &file);

	text_str(&path, workbook ? "meters.xlsx" : "meters.csv");
	ctl_add_arg(&path, "mode", replace ? "replace" : "merge");
	ctl_add_arg(&path, "dry", dry ? "1" : NULL);
	if (rc == CTL_OK) {
		struct ctl_body body = { workbook ? XLSX : "text/csv", file.len > 0 ? file.p : "",
			file.len };

		rc = ctl_request(ctl, "POST", path.p, &body, &answer, &status);
	}
	if (rc == CTL_OK && status >= 400) {
		ctl_tell_refusal(&answer, status);
		rc = CTL_FAILED;
	} else if (rc == CTL_OK) {
		json = json_loadb(answer.len > 0 ? answer.p : "", answer.len, 0, NULL);
		print_change(ctl, json);
	}
	json_decref(json);
	text_free(&file);
	text_free(&path);
	text_free(&answer);
	return rc;
}

int
ctl_meter_export(const struct ctl *ctl, int argc, char **argv)
{
	bool passwords = ctl_option(&argc, argv, "--passwords", NULL);
	bool english = ctl_option(&argc, argv, "--english", NULL);
	const char *name = argc == 2 ? argv[1] : NULL;
	struct text path = { 0 }, answer = { 0 };
	long status = 0;
	int rc;

	text_str(&path, is_workbook(name, NULL) ? "meters.xlsx" : "meters.csv");
	ctl_add_arg(&path, "passwords", passwords ? "1" : NULL);
	ctl_add_arg(&path, "lang", english ? "en" : NULL);
	rc = ctl_request(ctl, "GET", path.p, NULL, &answer, &status);
	if (rc == CTL_OK && status >= 400) {
		ctl_tell_refusal(&answer, status);
		rc = CTL_FAILED;
	} else if (rc == CTL_OK) {
		rc = ctl_write_file(name, &answer, passwords);
	}
	text_free(&path);
	text_free(&answer);
	return rc;
}
