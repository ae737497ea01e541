/* Journals of the device, and the audit. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/ctl_commands.h"
#include "tools/ctl_http.h"
#include "tools/ctl_journals.h"
#include "tools/ctl_table.h"

enum { LIMIT = 50, ROWS_MOST = 1000000, FOLLOW_MS = 1000 };

struct question {
	const char *name, *from, *to;
	long long limit;
	bool follow;
};

/* ---- rows ---- */

/* "2026-11-19T00:30:00+03:00" as people read it; the offset of the zone is the same in all. */
static void
print_time(struct text *to, const json_t *row)
{
	const char *time = ctl_text(row, "time");

	if (strlen(time) >= 19)
		text_printf(to, "%.10s %.8s", time, time + 11);
	else
		text_str(to, time);
}

static bool
is_member(const char *name)
{
	return strcmp(name, "id") != 0 && strcmp(name, "ts") != 0 && strcmp(name, "time") != 0;
}

/* Objects inside are told member by member: {"id":3,"type":"Scheduler"} is "id=3 type=Scheduler". */
static void
print_member(struct text *to, const json_t *value)
{
	json_t *inner;
	const char *name;
	bool first = true;

	if (!json_is_object(value)) {
		ctl_value(to, value);
		return;
	}
	json_object_foreach((json_t *)value, name, inner) {
		text_printf(to, "%s%s=", first ? "" : " ", name);
		ctl_value(to, inner);
		first = false;
	}
}

static void
cell(struct table *table, const struct text *text)
{
	table_cell(table, "%s", text->len > 0 ? text->p : "");
}

/* The rows come newest first; they are printed newest last, where the eye is. */
static void
print_rows(json_t *rows)
{
	json_t *columns = json_object(), *row, *value;
	struct table table;
	const char *name;
	size_t i;

	json_array_foreach(rows, i, row)
		json_object_foreach(row, name, value)
			if (is_member(name) && json_object_size(columns) + 2 < TABLE_COLUMNS)
				json_object_set_new(columns, name, json_true());
	table_open(&table, 2 + json_object_size(columns));
	table_cell(&table, "id");
	table_cell(&table, "time");
	json_object_foreach(columns, name, value)
		table_cell(&table, "%s", name);
	for (i = json_array_size(rows); i-- > 0;) {
		struct text text = { 0 };

		row = json_array_get(rows, i);
		table_cell(&table, "%lld", ctl_int(row, "id"));
		print_time(&text, row);
		cell(&table, &text);
		json_object_foreach(columns, name, value) {
			text_clear(&text);
			print_member(&text, json_object_get(row, name));
			cell(&table, &text);
		}
		text_free(&text);
	}
	table_print(&table, stdout);
	table_free(&table);
	json_decref(columns);
}

/* ---- following ---- */

static void
print_new(const struct ctl *ctl, json_t *row)
{
	struct text text = { 0 };
	json_t *value;
	const char *name;

	if (ctl->json) {
		json_dumpf(row, stdout, JSON_COMPACT | JSON_REAL_PRECISION(15));
		printf("\n");
		return;
	}
	text_printf(&text, "%6lld  ", ctl_int(row, "id"));
	print_time(&text, row);
	json_object_foreach(row, name, value) {
		if (!is_member(name))
			continue;
		text_printf(&text, "  %s=", name);
		print_member(&text, value);
	}
	printf("%s\n", text.len > 0 ? text.p : "");
	text_free(&text);
}

static int
follow(const struct ctl *ctl, const char *name, long long last)
{
	int rc = CTL_OK;

	ctl_catch_interrupt();
	while (rc == CTL_OK && !ctl_interrupted()) {
		struct text path = { 0 };
		json_t *answer, *row;
		size_t i;

		ctl_pause_ms(FOLLOW_MS);
		text_printf(&path, "journal/%s?after=%lld", name, last);
		rc = ctl_call(ctl, "GET", path.p, NULL, &answer, NULL);
		json_array_foreach(json_object_get(answer, "rows"), i, row) {
			print_new(ctl, row);
			last = ctl_int(row, "id");
		}
		fflush(stdout);
		json_decref(answer);
		text_free(&path);
	}
	return rc;
}

/* ---- one journal ---- */

/* The whole rows, newest first. */
static int
ask(const struct ctl *ctl, const struct question *q, json_t **answer)
{
	struct text path = { 0 };
	char limit[24];
	int rc;

	snprintf(limit, sizeof(limit), "%lld", q->limit);
	text_printf(&path, "journal/%s?order=desc", q->name);
	ctl_add_arg(&path, "limit", limit);
	ctl_add_arg(&path, "from", q->from);
	ctl_add_arg(&path, "to", q->to);
	rc = ctl_call(ctl, "GET", path.p, NULL, answer, NULL);
	text_free(&path);
	return rc;
}

static int
show(const struct ctl *ctl, const struct question *q)
{
	json_t *answer, *rows;
	long long last;
	int rc = ask(ctl, q, &answer);

	if (rc != CTL_OK)
		return rc;
	rows = json_object_get(answer, "rows");
	last = ctl_int(answer, "last");
	if (ctl->json && !q->follow) {
		ctl_print_json(answer);
	} else if (q->follow) {
		for (size_t i = json_array_size(rows); i-- > 0;)
			print_new(ctl, json_array_get(rows, i));
		fflush(stdout);
	} else if (json_array_size(rows) > 0) {
		print_rows(rows);
	} else {
		fprintf(stderr, "uspdctl: the journal has no rows%s\n",
		    q->from != NULL || q->to != NULL ? " in this period" : "");
	}
	json_decref(answer);
	return q->follow ? follow(ctl, q->name, last) : CTL_OK;
}

/* ---- which there are ---- */

static int
list(const struct ctl *ctl)
{
	static const struct { const char *name, *what; } journals[] = {
#define ROW(name, what) { name, what },
		CTL_JOURNALS(ROW)
#undef ROW
	};
	json_t *told = json_array();
	struct table table;
	int rc = CTL_OK;

	table_open(&table, 4);
	table_cell(&table, "journal");
	table_cell(&table, "last id");
	table_cell(&table, "last row");
	table_cell(&table, "tells");
	for (size_t i = 0; i < sizeof(journals) / sizeof(journals[0]) && rc == CTL_OK; i++) {
		struct question q = { .name = journals[i].name, .limit = 1 };
		struct text time = { 0 };
		json_t *answer;

		rc = ask(ctl, &q, &answer);
		print_time(&time, json_array_get(json_object_get(answer, "rows"), 0));
		table_cell(&table, "%s", q.name);
		table_cell(&table, "%lld", ctl_int(answer, "last"));
		cell(&table, &time);
		table_cell(&table, "%s", journals[i].what);
		json_array_append_new(told,
		    json_pack("{s:s, s:I, s:s, s:s}", "journal", q.name, "last",
			(json_int_t)ctl_int(answer, "last"), "time", time.len > 0 ? time.p : "", "what",
			journals[i].what));
		json_decref(answer);
		text_free(&time);
	}
	if (rc == CTL_OK && ctl->json)
		ctl_print_json(told);
	else if (rc == CTL_OK)
		table_print(&table, stdout);
	table_free(&table);
	json_decref(told);
	return rc;
}

int
ctl_journal(const struct ctl *ctl, int argc, char **argv)
{
	struct question q = { .limit = LIMIT };

	ctl_option(&argc, argv, "--from", &q.from);
	ctl_option(&argc, argv, "--to", &q.to);
	q.follow = ctl_option(&argc, argv, "--follow", NULL);
	if (!ctl_option_number(&argc, argv, "--limit", 0, ROWS_MOST, &q.limit))
		return CTL_USAGE;
	if (argc == 1)
		return list(ctl);
	q.name = argv[1];
	return show(ctl, &q);
}

/* ---- audit ---- */

/* What differs, as "br 9600 -> 19200"; a row that came or went whole. */
static void
print_change(struct text *to, const json_t *row)
{
	json_t *before = json_object_get(row, "before"), *after = json_object_get(row, "after");
	json_t *names = json_object(), *value;
	const char *name;
	bool first = true;

	json_object_update(names, before);
	json_object_update(names, after);
	json_object_foreach(names, name, value) {
		const json_t *was = json_object_get(before, name), *is = json_object_get(after, name);

		if (was != NULL && is != NULL && json_equal(was, is))
			continue;
		text_printf(to, "%s%s ", first ? "" : ", ", name);
		first = false;
		if (was != NULL)
			print_member(to, was);
		if (was != NULL && json_is_object(after))
			text_str(to, " -> ");
		if (is != NULL)
			print_member(to, is);
	}
	if (json_is_object(before) && !json_is_object(after))
		text_str(to, "  (removed)");
	json_decref(names);
}

static void
print_audit(const json_t *answer)
{
	static const char *const columns[] = { "login", "peer", "what", "key" };
	const json_t *rows = json_object_get(answer, "rows");
	struct table table;

	table_open(&table, 6);
	table_cell(&table, "time");
	for (size_t c = 0; c < 4; c++)
		table_cell(&table, "%s", columns[c]);
	table_cell(&table, "change");
	for (size_t i = json_array_size(rows); i-- > 0;) {
		const json_t *row = json_array_get(rows, i);
		struct text text = { 0 };

		print_time(&text, row);
		cell(&table, &text);
		for (size_t c = 0; c < 4; c++)
			table_cell(&table, "%s", ctl_text(row, columns[c]));
		text_clear(&text);
		print_change(&text, row);
		cell(&table, &text);
		text_free(&text);
	}
	table_print(&table, stdout);
	table_free(&table);
}

int
ctl_audit(const struct ctl *ctl, int argc, char **argv)
{
	const char *limit = "50", *from = NULL, *to = NULL;
	struct text path = { 0 };
	json_t *answer;
	int rc;

	ctl_option(&argc, argv, "--limit", &limit);
	ctl_option(&argc, argv, "--from", &from);
	ctl_option(&argc, argv, "--to", &to);
	text_str(&path, "audit");
	ctl_add_arg(&path, "limit", limit);
	ctl_add_arg(&path, "from", from);
	ctl_add_arg(&path, "to", to);
	rc = ctl_call(ctl, "GET", path.p, NULL, &answer, NULL);
	text_free(&path);
	if (rc != CTL_OK)
		return rc;
	if (ctl->json)
		ctl_print_json(answer);
	else
		print_audit(answer);
	if (!ctl->json && json_is_true(json_object_get(answer, "more")))
		fprintf(stderr, "uspdctl: there are older ones: --limit N, or --to TIME\n");
	json_decref(answer);
	return rc;
}
