#include "tools/ctl_rtu327_show.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tools/ctl_table.h"

static void
set_channels(json_t *to, uint8_t mask, const double v[RTU327_CHANNELS])
{
	for (unsigned i = 0; i < RTU327_CHANNELS; i++)
		if ((mask >> i & 1) != 0)
			json_object_set_new(to, rtu327_channel_names[i], json_real(v[i]));
}

static json_t *
show_version(const struct rtu327_frame *frame)
{
	return json_pack("{s:s#}", "version", (const char *)frame->data, (int)frame->len);
}

static json_t *
show_number(struct rd *r, const char *name)
{
	return json_pack("{s:I}", name, (json_int_t)rd_u32_le(r));
}

static json_t *
show_shprm(struct rd *r)
{
	struct rtu327_shprm p;

	rtu327_get_shprm(r, &p);
	return json_pack("{s:i,s:i,s:f,s:f,s:f,s:i,s:i,s:i,s:i}", "version", p.version, "type", p.type,
	    "kt", p.ratio_i, "kn", p.ratio_u, "multiplier", p.multiplier, "interval_min",
	    p.interval_min, "object_type", p.object_type, "object", p.object, "feeder", p.feeder);
}

static json_t *
show_readings(const struct rtu327_request *q, struct rd *r)
{
	double v[RTU327_CHANNELS] = { 0 };
	json_t *made = json_pack("{s:I}", "time", (json_int_t)q->time);

	rtu327_get_channels(r, q->mask, v);
	set_channels(made, q->mask, v);
	return made;
}

/* The lists append to page->rows and set page->last. */
static void
list_profile(const struct rtu327_request *q, struct rd *r, struct rtu327_page *page)
{
	struct rtu327_lp lp;

	rtu327_get_lp(r, &lp);
	for (unsigned i = 0; i < lp.count && !rd_failed(r); i++) {
		struct rtu327_interval one = { 0 };
		int64_t ts = (int64_t)lp.last - (int64_t)(lp.count - 1 - i) * page->interval_min * 60;
		json_t *row;

		rtu327_get_interval(r, q->mask, true, &one);
		if (ts > page->to)
			continue;
		row = json_pack("{s:I}", "time", (json_int_t)ts);
		set_channels(row, q->mask, one.energy);
		json_object_set_new(row, "stat", json_integer(one.stat));
		json_array_append_new(page->rows, row);
	}
	page->last = lp.last;
}

static void
list_tests(struct rd *r, struct rtu327_page *page)
{
	struct rtu327_slice slice = { 0 };
	struct rtu327_tests head;

	rtu327_get_tests(r, &head);
	for (unsigned i = 0; i < head.count && !rd_failed(r); i++) {
		json_t *row;

		rtu327_get_slice(r, head.bits, &slice);
		if (slice.time > page->to)
			continue;
		row = json_pack("{s:I}", "time", (json_int_t)slice.time);
		for (unsigned bit = 0; bit < RTU327_QUALITY_BITS; bit++)
			if ((head.bits >> bit & 1) != 0 && rtu327_quality_name(bit) != NULL)
				json_object_set_new(row, rtu327_quality_name(bit),
				    json_real(slice.v[bit]));
		json_array_append_new(page->rows, row);
	}
	page->last = slice.time;
}

static void
list_autoread(struct rd *r, struct rtu327_page *page)
{
	static const char *const names[RTU327_TARIFFS] = { "T1", "T2", "T3", "T4" };
	struct rtu327_autoread a = { .serial = "" };

	while (rd_left(r) > 0 && !rd_failed(r)) {
		json_t *row;

		rtu327_get_autoread(r, &a);
		if (a.time > page->to)
			continue;
		row = json_pack("{s:s,s:I}", "serial", a.serial, "time", (json_int_t)a.time);
		for (unsigned i = 0; i < RTU327_TARIFFS; i++)
			json_object_set_new(row, names[i], json_real(a.tariffs[i].energy));
		json_object_set_new(row, "total", json_real(a.total));
		json_array_append_new(page->rows, row);
	}
	page->last = a.time;
}

static void
list_events(struct rd *r, struct rtu327_page *page)
{
	struct rtu327_event e = { 0 };

	while (rd_left(r) > 0 && !rd_failed(r)) {
		rtu327_get_event(r, &e);
		if (e.time <= page->to)
			json_array_append_new(page->rows,
			    json_pack("{s:I,s:i}", "time", (json_int_t)e.time, "type", e.type));
	}
	page->last = e.time;
}

static void
list_log(struct rd *r, struct rtu327_page *page)
{
	struct rtu327_log l = { 0 };

	while (rd_left(r) > 0 && !rd_failed(r)) {
		rtu327_get_log(r, &l);
		json_array_append_new(page->rows,
		    json_pack("{s:I,s:i,s:i,s:I}", "id", (json_int_t)l.id, "code", l.code, "device",
			l.device, "time", (json_int_t)l.time));
	}
	page->last = l.id;
}

json_t *
rtu327_show(const struct rtu327_request *q, const struct rtu327_frame *reply)
{
	struct rd r = rd_init(reply->data, reply->len);
	json_t *made;

	switch (q->frame.code) {
	case RTU327_GETVERSION:
		return show_version(reply);
	case RTU327_GETTIME:
		made = show_number(&r, "time");
		break;
	case RTU327_GETMAXLOGID:
		made = show_number(&r, "id");
		break;
	case RTU327_GETSHPRM:
		made = show_shprm(&r);
		break;
	case RTU327_GETPOK:
		made = show_readings(q, &r);
		break;
	default:
		made = json_pack("{s:i}", "result", reply->code);
		break;
	}
	if (!rd_done(&r)) {
		json_decref(made);
		made = NULL;
	}
	return made;
}

bool
rtu327_show_page(const struct rtu327_request *q, const struct rtu327_frame *reply,
    struct rtu327_page *page)
{
	struct rd r = rd_init(reply->data, reply->len);

	switch (q->frame.code) {
	case RTU327_GETLP:
		list_profile(q, &r, page);
		break;
	case RTU327_GETTESTS:
		list_tests(&r, page);
		break;
	case RTU327_GETAUTOREAD:
		list_autoread(&r, page);
		break;
	case RTU327_GETMTRLOG:
		list_events(&r, page);
		break;
	case RTU327_GETLOG:
		list_log(&r, page);
		break;
	}
	return rd_done(&r);
}

/* ---- printing ---- */

/* Energies come as kWh and kvarh; at least four places, so that columns line up. */
static const char *
unit_of(const char *name)
{
	for (unsigned i = 0; name != NULL && i < RTU327_CHANNELS; i++)
		if (strcmp(name, rtu327_channel_names[i]) == 0)
			return name[0] == 'A' ? " kWh" : " kvarh";
	return "";
}

static void
number_cell(struct table *t, const char *name, double v)
{
	char text[48];

	snprintf(text, sizeof(text), "%.4f", v);
	if (*unit_of(name) == '\0' || fabs(strtod(text, NULL) - v) > 1e-9)
		snprintf(text, sizeof(text), "%.15g", v);
	table_cell(t, "%s", text);
}

/* In this machine's zone, as the times on the command line are read. */
static void
time_cell(struct table *t, time_t when)
{
	char text[48];
	struct tm tm;

	strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S %z", localtime_r(&when, &tm));
	table_cell(t, "%s", text);
}

static void
print_cell(struct table *t, const char *name, const json_t *value)
{
	if (json_is_real(value) && json_real_value(value) == RTU327_MISSING)
		table_cell(t, "-");
	else if (json_is_real(value))
		number_cell(t, name, json_real_value(value));
	else if (json_is_string(value))
		table_cell(t, "%s", json_string_value(value));
	else if (strcmp(name, "time") == 0)
		time_cell(t, (time_t)json_integer_value(value));
	else
		table_cell(t, "%lld", (long long)json_integer_value(value));
}

static void
print_table(json_t *rows)
{
	json_t *first = json_array_get(rows, 0), *row, *value;
	struct table t;
	const char *name;
	size_t i;

	if (first == NULL)
		return;
	table_open(&t, json_object_size(first));
	for (void *at = json_object_iter(first); at != NULL; at = json_object_iter_next(first, at)) {
		name = json_object_iter_key(at);
		table_cell(&t, "%s%s", name, unit_of(name));
	}
	json_array_foreach(rows, i, row)
		json_object_foreach(row, name, value)
			print_cell(&t, name, value);
	table_print(&t, stdout);
	table_free(&t);
}

void
rtu327_print(json_t *made, bool as_json)
{
	json_t *rows;

	if (as_json) {
		json_dumpf(made, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(15));
		putchar('\n');
		return;
	}
	rows = json_is_array(made) ? json_incref(made) : json_pack("[O]", made);
	print_table(rows);
	json_decref(rows);
}
