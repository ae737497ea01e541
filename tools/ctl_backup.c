/* The whole configuration as a file, and back. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/ctl_commands.h"
#include "tools/ctl_http.h"
#include "tools/ctl_table.h"

int
ctl_backup(const struct ctl *ctl, int argc, char **argv)
{
	bool secrets = ctl_option(&argc, argv, "--secrets", NULL);
	char phrase[CTL_SECRET_SIZE];
	struct ctl_body body = { "application/json", NULL, 0 };
	struct text answer = { 0 }, order = { 0 };
	long status = 0;
	int rc = CTL_OK;

	if (secrets && (rc = ctl_ask_secret("pass-phrase", true, phrase)) == CTL_OK) {
		text_str(&order, "{\"passphrase\":");
		text_json(&order, phrase);
		text_str(&order, "}");
		body.data = order.p;
		body.len = order.len;
		explicit_bzero(phrase, sizeof(phrase));
	}
	if (rc == CTL_OK)
		rc = ctl_request(ctl, secrets ? "POST" : "GET", "backup", secrets ? &body : NULL,
		    &answer, &status);
	if (rc == CTL_OK && status >= 400) {
		ctl_tell_refusal(&answer, status);
		rc = CTL_FAILED;
	}
	if (rc == CTL_OK)
		rc = ctl_write_file(argv[1], &answer, true);
	if (rc == CTL_OK && strcmp(argv[1], "-") != 0 && !ctl->json)
		printf("%s: %zu bytes%s\n", argv[1], answer.len,
		    secrets ? ", with secrets, sealed" : "");
	if (order.len > 0)
		explicit_bzero(order.p, order.len);
	text_free(&order);
	text_free(&answer);
	return rc;
}

/* ---- restore ---- */

static void
count_cells(struct table *table, const char *name, const json_t *counts)
{
	static const char *const columns[] = { "added", "changed", "removed" };

	table_cell(table, "%s", name);
	for (size_t c = 0; c < 3; c++)
		table_cell(table, "%lld", ctl_int(counts, columns[c]));
	table_cell(table, "%s",
	    json_is_true(json_object_get(counts, "factory")) ? "as from the factory" : "");
}

static void
print_report(const json_t *answer)
{
	json_t *settings = json_object_get(answer, "settings"), *value, *warning;
	struct table table;
	const char *name;
	size_t i;

	json_array_foreach(json_object_get(answer, "warnings"), i, warning)
		fprintf(stderr, "warning: %s\n", json_string_value(warning));
	json_object_foreach(settings, name, value)
		printf("%s: %s -> %s\n", name, ctl_text(value, "before"), ctl_text(value, "after"));
	table_open(&table, 5);
	table_cell(&table, "table");
	table_cell(&table, "added");
	table_cell(&table, "changed");
	table_cell(&table, "removed");
	table_cell(&table, "%s", "");
	count_cells(&table, "meters", json_object_get(answer, "meters"));
	json_object_foreach(json_object_get(answer, "tables"), name, value)
		count_cells(&table, name, value);
	table_print(&table, stdout);
	table_free(&table);
	printf("%s: %lld changes\n",
	    json_is_true(json_object_get(answer, "applied")) ? "done" : "would be",
	    ctl_int(answer, "edits"));
}

int
ctl_restore(const struct ctl *ctl, int argc, char **argv)
{
	bool dry = ctl_option(&argc, argv, "--dry-run", NULL);
	bool secrets = ctl_option(&argc, argv, "--secrets", NULL);
	char phrase[CTL_SECRET_SIZE] = "";
	struct text file = { 0 };
	json_t *body, *answer = NULL;
	json_error_t error = { 0 };
	int rc;

	if (secrets && strcmp(argv[1], "-") == 0)
		return ctl_misuse(ctl,
		    "the pass-phrase and the file cannot both be the standard input");
	rc = ctl_read_file(argv[1], &file);
	if (rc == CTL_OK && secrets)
		rc = ctl_ask_secret("pass-phrase", false, phrase);
	if (rc != CTL_OK) {
		text_free(&file);
		return rc;
	}
	body = json_loadb(file.len > 0 ? file.p : "", file.len, 0, &error);
	text_free(&file);
	if (body == NULL) {
		fprintf(stderr, "uspdctl: %s: line %d, column %d: %s\n", argv[1], error.line,
		    error.column, error.text);
		return CTL_FAILED;
	}
	if (secrets)
		body = json_pack("{s:s, s:o}", "passphrase", phrase, "backup", body);
	explicit_bzero(phrase, sizeof(phrase));
	rc = ctl_call(ctl, "POST", dry ? "restore?dry=1" : "restore", body, &answer, NULL);
	if (rc == CTL_OK && ctl->json)
		ctl_print_json(answer);
	else if (rc == CTL_OK)
		print_report(answer);
	json_decref(answer);
	return rc;
}
