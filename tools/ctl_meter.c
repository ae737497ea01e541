#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/ctl.h"
#include "tools/ctl_http.h"
#include "tools/ctl_table.h"

#define LIST_USAGE "meter list [TEXT] [--bus B] [--type T] [--state S] [--sort [-]COLUMN] [--limit N]"
enum { FILE_MOST = 10 << 20 };

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

static int
list(const struct ctl *ctl, int argc, char **argv)
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
	if (!ctl_no_options(argc, argv) || argc > 2) {
		text_free(&path);
		return ctl_usage(LIST_USAGE);
	}
	ctl_add_arg(&path, "q", argc == 2 ? argv[1] : NULL);
	rc = ctl_call(ctl, "GET", path.p, NULL, &answer, NULL);
	text_free(&path);
	if (rc != CTL_OK)
		return rc;
	if (ctl->json) {
		json_dumpf(answer, stdout, JSON_INDENT(2));
		printf("\n");
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
		json_dumpf(answer, stdout, JSON_INDENT(2));
		printf("\n");
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

static int
add(const struct ctl *ctl, int argc, char **argv)
{
	json_t *row = json_object(), *answer;
	int rc;

	for (int i = 1; i < argc; i++) {
		char *value = strchr(argv[i], '=');

		if (value == NULL) {
			json_decref(row);
			return ctl_usage("meter add [id=N] type=T addr=A iface=Iface1 [NAME=VALUE...]");
		}
		*value++ = '\0';
		json_object_set_new(row, argv[i], json_string(value));
	}
	if ((rc = ctl_call(ctl, "POST", "meters", row, &answer, NULL)) == CTL_OK)
		print_change(ctl, answer);
	json_decref(answer);
	return rc;
}

static int
remove_meters(const struct ctl *ctl, int argc, char **argv)
{
	int rc = CTL_OK;

	if (argc < 2)
		return ctl_usage("meter remove ID...");
	for (int i = 1; i < argc && rc == CTL_OK; i++) {
		struct text path = { 0 };
		json_t *answer;

		if (strspn(argv[i], "0123456789") != strlen(argv[i]) || *argv[i] == '\0')
			return ctl_usage("meter remove ID...");
		text_printf(&path, "meters/%s", argv[i]);
		if ((rc = ctl_call(ctl, "DELETE", path.p, NULL, &answer, NULL)) == CTL_OK && !ctl->json)
			printf("meter %s and its archive are removed\n", argv[i]);
		json_decref(answer);
		text_free(&path);
	}
	return rc;
}

/* ---- files ---- */

static int
read_file(const char *name, struct text *to)
{
	FILE *f = strcmp(name, "-") == 0 ? stdin : fopen(name, "re");
	char buf[65536];
	size_t n;

	if (f == NULL) {
		fprintf(stderr, "uspdctl: %s: %s\n", name, strerror(errno));
		return CTL_FAILED;
	}
	while ((n = fread(buf, 1, sizeof(buf), f)) > 0 && to->len <= FILE_MOST)
		text_add(to, buf, n);
	if (f != stdin)
		fclose(f);
	if (to->len <= FILE_MOST && !to->failed)
		return CTL_OK;
	fprintf(stderr, "uspdctl: %s is longer than 10 MiB\n", name);
	return CTL_FAILED;
}

static int
import(const struct ctl *ctl, int argc, char **argv)
{
	bool dry = ctl_option(&argc, argv, "--dry-run", NULL);
	bool replace = ctl_option(&argc, argv, "--replace", NULL);
	struct text file = { 0 }, path = { 0 }, answer = { 0 };
	json_t *json = NULL;
	long status = 0;
	int rc;

	if (!ctl_no_options(argc, argv) || argc != 2)
		return ctl_usage("meter import FILE [--dry-run] [--replace]");
	text_str(&path, "meters.csv");
	ctl_add_arg(&path, "mode", replace ? "replace" : "merge");
	ctl_add_arg(&path, "dry", dry ? "1" : NULL);
	rc = read_file(argv[1], &file);
	if (rc == CTL_OK) {
		struct ctl_body body = { "text/csv", file.len > 0 ? file.p : "", file.len };

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

static int
write_file(const char *name, const struct text *text)
{
	FILE *f = name != NULL && strcmp(name, "-") != 0 ? fopen(name, "we") : stdout;
	bool good;

	good = f != NULL && (text->len == 0 || fwrite(text->p, text->len, 1, f) == 1);
	if (f != NULL && f != stdout)
		good = fclose(f) == 0 && good;
	if (!good)
		fprintf(stderr, "uspdctl: %s: %s\n", name != NULL ? name : "stdout", strerror(errno));
	return good ? CTL_OK : CTL_FAILED;
}

static int
export(const struct ctl *ctl, int argc, char **argv)
{
	bool passwords = ctl_option(&argc, argv, "--passwords", NULL);
	bool english = ctl_option(&argc, argv, "--english", NULL);
	struct text path = { 0 }, answer = { 0 };
	long status = 0;
	int rc;

	if (!ctl_no_options(argc, argv) || argc > 2)
		return ctl_usage("meter export [FILE] [--passwords] [--english]");
	text_str(&path, "meters.csv");
	ctl_add_arg(&path, "passwords", passwords ? "1" : NULL);
	ctl_add_arg(&path, "lang", english ? "en" : NULL);
	rc = ctl_request(ctl, "GET", path.p, NULL, &answer, &status);
	if (rc == CTL_OK && status >= 400) {
		ctl_tell_refusal(&answer, status);
		rc = CTL_FAILED;
	} else if (rc == CTL_OK) {
		rc = write_file(argc == 2 ? argv[1] : NULL, &answer);
	}
	text_free(&path);
	text_free(&answer);
	return rc;
}

int
ctl_meter(const struct ctl *ctl, int argc, char **argv)
{
	static const struct { const char *name; int (*run)(const struct ctl *, int,
	    char **); } verbs[] = {
		{ "list", list }, { "add", add }, { "remove", remove_meters },
		{ "import", import }, { "export", export },
	};

	for (size_t i = 0; argc > 1 && i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(argv[1], verbs[i].name) == 0)
			return verbs[i].run(ctl, argc - 1, argv + 1);
	return ctl_usage("meter list | add | remove | import | export ...");
}
