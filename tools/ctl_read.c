#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tools/ctl_commands.h"
#include "tools/ctl_http.h"
#include "tools/ctl_table.h"

static const struct { const char *alias, *type; } aliases[] = {
	{ "day", "ElDayEnergy" }, { "month", "ElMonthEnergy" }, { "profile", "ElArr1ConsPower" },
	{ "daycons", "ElDayConsEnergy" }, { "monthcons", "ElMonthConsEnergy" },
	{ "energy", "ElMomentEnergy" }, { "quality", "ElMomentQuality" }, { "config", "ElConfig" },
};

struct question {
	const char *meter, *from, *to, *limit, *tags;
	char type[64];
	bool csv, newest;
};

/* ---- values ---- */

/* Values come as decimals of at most three places; as a double they are exact in thousandths far
 * beyond what a meter can count, so they are turned into integers at once. */
static int64_t
thousandths(const json_t *value)
{
	return json_is_integer(value) ? json_integer_value(value) * 1000 :
					llround(json_real_value(value) * 1000);
}

/* Units that people want in thousands. */
static bool
is_kilo(const char *unit)
{
	return strcmp(unit, "Wh") == 0 || strcmp(unit, "varh") == 0 || strcmp(unit, "W") == 0 ||
	    strcmp(unit, "var") == 0 || strcmp(unit, "VA") == 0;
}

/* n / 10^places, with at least `shown` places. */
static void
print_decimal(char *buf, size_t size, int64_t n, int places, int shown)
{
	uint64_t u = n < 0 ? 0 - (uint64_t)n : (uint64_t)n, unit = 1;
	uint64_t rest;

	for (int i = 0; i < places; i++)
		unit *= 10;
	rest = u % unit;
	while (places > shown && rest % 10 == 0) {
		rest /= 10;
		places--;
	}
	snprintf(buf, size, places > 0 ? "%s%" PRIu64 ".%0*" PRIu64 : "%s%" PRIu64, n < 0 ? "-" : "",
	    u / unit, places, rest);
}

static void
value_cell(struct table *table, const json_t *value, const char *unit)
{
	char text[48];

	if (json_is_string(value)) {
		table_cell(table, "%s", json_string_value(value));
	} else if (json_is_boolean(value)) {
		table_cell(table, "%s", json_is_true(value) ? "yes" : "no");
	} else if (!json_is_number(value)) {
		table_cell(table, "-");
	} else if (is_kilo(unit)) {
		print_decimal(text, sizeof(text), thousandths(value), 6, 3);
		table_cell(table, "%s", text);
	} else {
		print_decimal(text, sizeof(text), thousandths(value), 3, 0);
		table_cell(table, "%s", text);
	}
}

/* ---- the table ---- */

struct columns {
	const char *names[TABLE_COLUMNS];
	size_t n;
};

static void
add_column(struct columns *columns, const char *name)
{
	for (size_t i = 0; i < columns->n; i++)
		if (strcmp(columns->names[i], name) == 0)
			return;
	if (columns->n + 4 < TABLE_COLUMNS)
		columns->names[columns->n++] = name;
}

/* Tags in the order of the answer, without those that no record has. */
static void
find_columns(struct columns *columns, const json_t *records)
{
	const json_t *record, *value;
	const char *name;
	size_t i;

	columns->n = 0;
	json_array_foreach(records, i, record) {
		json_t *values = json_object_get(record, "values");

		json_object_foreach(values, name, value)
			if (!json_is_null(value))
				add_column(columns, name);
	}
}

static const char *
unit_of(const json_t *answer, const char *tag)
{
	return ctl_text(json_object_get(answer, "units"), tag);
}

static void
header(struct table *table, const json_t *answer, const struct columns *columns, bool flags,
    bool journal)
{
	table_cell(table, "time");
	table_cell(table, "diff");
	if (flags)
		table_cell(table, "flags");
	if (journal)
		table_cell(table, "journal");
	for (size_t i = 0; i < columns->n; i++) {
		const char *unit = unit_of(answer, columns->names[i]);

		table_cell(table, "%s%s%s%s", columns->names[i], *unit != '\0' ? " " : "",
		    is_kilo(unit) ? "k" : "", unit);
	}
}

static void
flags_cell(struct table *table, const json_t *record)
{
	table_cell(table, "%s%s%s%s", json_is_true(json_object_get(record, "isPart")) ? "P" : "",
	    json_is_true(json_object_get(record, "isOvfl")) ? "O" : "",
	    json_is_true(json_object_get(record, "isSummer")) ? "S" : "",
	    json_is_true(json_object_get(record, "isMeas")) ? "" : "!");
}

static void
print_records(const json_t *answer, const struct question *q)
{
	const json_t *records = json_object_get(answer, "records"), *record;
	bool flags = json_object_get(json_array_get(records, 0), "isPart") != NULL;
	bool journal = json_object_get(json_array_get(records, 0), "journal") != NULL;
	struct columns columns;
	struct table table;
	size_t i;

	find_columns(&columns, records);
	table_open(&table, 2 + flags + journal + columns.n);
	header(&table, answer, &columns, flags, journal);
	json_array_foreach(records, i, record) {
		const json_t *values = json_object_get(record, "values");
		const char *time = ctl_text(record, "time");

		/* The offset of the zone is the same in all rows but at a change of season. */
		table_cell(&table, q->csv ? "%s" : "%.10s %.8s", time,
		    strlen(time) > 11 ? time + 11 : "");
		table_cell(&table, "%lld", ctl_int(record, "diff"));
		if (flags)
			flags_cell(&table, record);
		if (journal)
			table_cell(&table, "%s", ctl_text(record, "journal"));
		for (size_t c = 0; c < columns.n; c++)
			value_cell(&table, json_object_get(values, columns.names[c]),
			    unit_of(answer, columns.names[c]));
	}
	if (q->csv)
		table_print_csv(&table, stdout);
	else
		table_print(&table, stdout);
	table_free(&table);
}

/* ---- the question ---- */

static int
ask(const struct ctl *ctl, const struct question *q, const char *how, json_t **answer, bool *missing)
{
	struct text path = { 0 };
	int rc;

	text_str(&path, "data");
	ctl_add_arg(&path, how, q->meter);
	ctl_add_arg(&path, "type", q->type);
	ctl_add_arg(&path, "from", q->from);
	ctl_add_arg(&path, "to", q->to);
	ctl_add_arg(&path, "limit", q->limit);
	ctl_add_arg(&path, "tags", q->tags);
	ctl_add_arg(&path, "order", q->newest ? "desc" : NULL);
	rc = ctl_call(ctl, "GET", path.p, NULL, answer, missing);
	text_free(&path);
	return rc;
}

/* A number is an id unless no meter has it; anything else, and leading zeros, a serial number. */
static int
ask_either(const struct ctl *ctl, const struct question *q, json_t **answer)
{
	bool number = strspn(q->meter, "0123456789") == strlen(q->meter) && *q->meter != '0';
	bool missing = false;
	int rc = CTL_FAILED;

	if (number && ((rc = ask(ctl, q, "meter", answer, &missing)) != CTL_FAILED || !missing))
		return rc;
	missing = false;
	rc = ask(ctl, q, "serial", answer, &missing);
	if (missing)
		fprintf(stderr,
		    "uspdctl: no meter has the id or the serial number %s; see uspdctl meter list\n",
		    q->meter);
	return rc;
}

static void
take_measure(struct question *q, const char *name)
{
	snprintf(q->type, sizeof(q->type), "%s", name);
	for (size_t i = 0; i < sizeof(aliases) / sizeof(aliases[0]); i++)
		if (strcmp(name, aliases[i].alias) == 0)
			snprintf(q->type, sizeof(q->type), "%s", aliases[i].type);
}

static bool
take_question(struct question *q, int argc, char **argv)
{
	int at = 3;

	if (ctl_option(&argc, argv, "--last", &q->limit))
		q->newest = true;
	ctl_option(&argc, argv, "--limit", &q->limit);
	ctl_option(&argc, argv, "--tags", &q->tags);
	q->csv = ctl_option(&argc, argv, "--csv", NULL);
	if (argc < 3)
		return false;
	q->meter = argv[1];
	take_measure(q, argv[2]);
	if (strcmp(argv[2], "journal") == 0) {
		bool named = argc > 3 && isalpha((unsigned char)argv[3][0]);

		snprintf(q->type, sizeof(q->type), "ElJrnl%.40s", named ? argv[3] : "");
		at += named;
	}
	q->from = at < argc ? argv[at] : NULL;
	q->to = at + 1 < argc ? argv[at + 1] : NULL;
	return argc <= at + 2;
}

int
ctl_read(const struct ctl *ctl, int argc, char **argv)
{
	struct question q = { 0 };
	json_t *answer;
	int rc;

	if (!take_question(&q, argc, argv))
		return ctl_usage(ctl);
	if ((rc = ask_either(ctl, &q, &answer)) != CTL_OK)
		return rc;
	if (ctl->json) {
		ctl_print_json(answer);
	} else if (json_array_size(json_object_get(answer, "records")) == 0) {
		fprintf(stderr, "uspdctl: the archive has no %s of meter %s in this period\n", q.type,
		    q.meter);
	} else {
		print_records(answer, &q);
	}
	if (*ctl_text(answer, "error") != '\0') {
		fprintf(stderr, "uspdctl: incomplete: %s\n", ctl_text(answer, "error"));
		rc = CTL_FAILED;
	}
	json_decref(answer);
	return rc;
}
