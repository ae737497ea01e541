#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/ctl.h"
#include "tools/ctl_http.h"
#include "tools/ctl_table.h"

/* Journals and settings of the device. */

static void
print_rest(json_t *row)
{
	static const char *const shown[] = { "id", "ts", "time" };

	for (void *at = json_object_iter(row); at != NULL; at = json_object_iter_next(row, at)) {
		const char *name = json_object_iter_key(at);
		bool rest = true;
		char *text;

		for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++)
			rest = rest && strcmp(name, shown[i]) != 0;
		if (!rest)
			continue;
		text = json_dumps(json_object_iter_value(at),
		    JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
		printf("  %s=%s", name, text != NULL ? text : "");
		free(text);
	}
}

int
ctl_journal(const struct ctl *ctl, int argc, char **argv)
{
	const char *limit = "50";
	struct text path = { 0 };
	json_t *answer, *rows;
	int rc;

	ctl_option(&argc, argv, "--limit", &limit);
	if (!ctl_no_options(argc, argv) || argc != 2)
		return ctl_usage(
		    "journal KIND [--limit N]\n  KIND  action time meter/answ auth/json reset srvconn "
		    "update/version system\n        meter/time meter/relay rtu");
	text_printf(&path, "journal/%s", argv[1]);
	ctl_add_arg(&path, "limit", limit);
	ctl_add_arg(&path, "order", "desc");
	rc = ctl_call(ctl, "GET", path.p, NULL, &answer, NULL);
	text_free(&path);
	if (rc != CTL_OK)
		return rc;
	rows = json_object_get(answer, "rows");
	if (ctl->json) {
		json_dumpf(answer, stdout, JSON_INDENT(2));
		printf("\n");
	}
	/* The newest last, where the eye is. */
	for (size_t i = json_array_size(rows); i-- > 0 && !ctl->json;) {
		json_t *row = json_array_get(rows, i);

		printf("%6lld  %s", ctl_int(row, "id"), ctl_text(row, "time"));
		print_rest(row);
		printf("\n");
	}
	json_decref(answer);
	return rc;
}

static int
put_setting(const struct ctl *ctl, const char *key, const char *value)
{
	json_t *body = json_object(), *answer;
	int rc;

	json_object_set_new(body, key, json_string(value));
	rc = ctl_call(ctl, "PUT", "settings", body, &answer, NULL);
	if (rc == CTL_OK && !ctl->json)
		printf("%s = %s\n", key, value);
	json_decref(answer);
	return rc;
}

static void
print_settings(const json_t *list)
{
	const json_t *setting;
	struct table table;
	size_t i;

	table_open(&table, 4);
	table_cell(&table, "key");
	table_cell(&table, "value");
	table_cell(&table, "default");
	table_cell(&table, "meaning");
	json_array_foreach(list, i, setting) {
		table_cell(&table, "%s", ctl_text(setting, "key"));
		table_cell(&table, "%s", ctl_text(setting, "value"));
		table_cell(&table, "%s", ctl_text(setting, "default"));
		table_cell(&table, "%s", ctl_text(setting, "help"));
	}
	table_print(&table, stdout);
	table_free(&table);
}

static int
print_setting(const json_t *list, const char *key)
{
	const json_t *setting;
	size_t i;

	json_array_foreach(list, i, setting) {
		if (strcmp(ctl_text(setting, "key"), key) != 0)
			continue;
		printf("%s\n", ctl_text(setting, "value"));
		return CTL_OK;
	}
	fprintf(stderr, "uspdctl: there is no setting \"%s\"; uspdctl settings lists them\n", key);
	return CTL_FAILED;
}

int
ctl_settings(const struct ctl *ctl, int argc, char **argv)
{
	json_t *answer, *list;
	int rc;

	if (argc > 3)
		return ctl_usage("settings [KEY [VALUE]]");
	if (argc == 3)
		return put_setting(ctl, argv[1], argv[2]);
	if ((rc = ctl_call(ctl, "GET", "settings", NULL, &answer, NULL)) != CTL_OK)
		return rc;
	list = json_object_get(answer, "settings");
	if (argc == 2) {
		rc = print_setting(list, argv[1]);
	} else if (ctl->json) {
		json_dumpf(answer, stdout, JSON_INDENT(2));
		printf("\n");
	} else {
		print_settings(list);
	}
	json_decref(answer);
	return rc;
}
