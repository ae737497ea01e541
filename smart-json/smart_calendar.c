#include "smart-json/smart_calendar.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "smart-json/smart_measure.h"
#include "smart-json/smart_meter_body.h"

enum { WEEK_DAYS = 7 };
static const json_int_t a_moment_in_ms = INT64_C(100000000000);	/* smart-json.md 7.6 */

static const char *const weekdays[WEEK_DAYS] = { "monday", "tuesday", "wednesday", "thursday",
	"friday", "saturday", "sunday" };

/* ---- taking ---- */

static int64_t
moment(const json_t *row, const char *name)
{
	json_int_t n = body_number(row, name);

	return n > a_moment_in_ms ? n / 1000 : n;
}

static uint8_t
digit(char c)
{
	return (uint8_t)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
}

static int
take_octets(const json_t *row, const char *name, uint8_t *to, size_t size, size_t *n,
    const char **where)
{
	const char *hex = json_string_value(json_object_get(row, name));

	*where = name;
	*n = hex != NULL ? strlen(hex) / 2 : 0;
	if (*n > size)
		return E_INVALID;
	for (size_t i = 0; i < *n; i++)
		to[i] = (uint8_t)(digit(hex[2 * i]) << 4 | digit(hex[2 * i + 1]));
	return E_OK;
}

static int
take_text(const json_t *row, const char *name, struct calendar_text *text, const char **where)
{
	size_t n;
	int rc = take_octets(row, name, text->p, sizeof(text->p), &n, where);

	text->len = rc == E_OK ? (uint8_t)n : 0;
	return rc;
}

static int
take_season(struct calendar *c, const json_t *row, const char **where)
{
	struct calendar_season *season = &c->seasons[c->n_seasons];
	int rc;

	if (c->n_seasons == CALENDAR_SEASONS_MAX)
		return E_LIMIT;
	rc = take_text(row, "SeasonName", &season->name, where);
	if (rc == E_OK)
		rc = take_text(row, "WeekName", &season->week, where);
	season->start = moment(row, "SeasonStart");
	c->n_seasons++;
	return rc;
}

static int
take_week(struct calendar *c, const json_t *row, const char **where)
{
	struct calendar_week *week = &c->weeks[c->n_weeks];

	if (c->n_weeks == CALENDAR_WEEKS_MAX)
		return E_LIMIT;
	for (int i = 0; i < WEEK_DAYS; i++)
		week->day[i] = (uint8_t)body_number(row, weekdays[i]);
	c->n_weeks++;
	return take_text(row, "WeekName", &week->name, where);
}

static int
take_time(const json_t *row, const char *name, json_int_t most, uint8_t *to, const char **where)
{
	json_int_t n = body_number(row, name);

	*where = name;
	*to = (uint8_t)n;
	return n <= most ? E_OK : E_INVALID;
}

static int
take_switch(struct calendar *c, const json_t *row, const char **where)
{
	struct calendar_switch *sw = &c->switches[c->n_switches];
	size_t n;
	int rc;

	if (c->n_switches == CALENDAR_SWITCHES_MAX)
		return E_LIMIT;
	sw->day = (uint8_t)body_number(row, "dayId");
	sw->selector = (uint16_t)body_number(row, "ScriptSelector");
	rc = take_octets(row, "ScriptName", sw->script, sizeof(sw->script), &n, where);
	if (rc == E_OK)
		rc = take_time(row, "hour", 23, &sw->hour, where);
	if (rc == E_OK)
		rc = take_time(row, "minute", 59, &sw->minute, where);
	if (rc == E_OK)
		rc = take_time(row, "second", 59, &sw->second, where);
	c->n_switches++;
	return rc;
}

static int
take_row(struct calendar *c, enum calendar_part part, const json_t *row, const char **where)
{
	switch (part) {
	case CALENDAR_NAME:    return take_text(row, "CalendarName", &c->name, where);
	case CALENDAR_SEASONS: return take_season(c, row, where);
	case CALENDAR_WEEKS:   return take_week(c, row, where);
	case CALENDAR_DAYS:    return take_switch(c, row, where);
	case CALENDAR_TIME:    c->activate = moment(row, "ActivateTime"); return E_OK;
	case CALENDAR_ACTIVATE: break;
	}
	return E_OK;
}

static int
moment_of_day(const struct calendar_switch *sw)
{
	return (sw->hour * 60 + sw->minute) * 60 + sw->second;
}

static int
by_day_and_time(const void *a, const void *b)
{
	const struct calendar_switch *x = a, *y = b;

	return x->day != y->day ? x->day - y->day : moment_of_day(x) - moment_of_day(y);
}

/* A plan stands together, in the order of time (meter-spodes-dlms.md 17). */
static int
sort_plans(struct calendar *c, const char **where)
{
	qsort(c->switches, c->n_switches, sizeof(c->switches[0]), by_day_and_time);
	*where = "hour";
	for (unsigned i = 1; i < c->n_switches; i++)
		if (by_day_and_time(&c->switches[i - 1], &c->switches[i]) == 0)
			return E_INVALID;
	return E_OK;
}

int
calendar_take(struct calendar *c, enum calendar_part part, const json_t *body, const char **where)
{
	const json_t *list = json_object_get(body, "settings");
	size_t n;
	int rc = E_OK;

	*c = (struct calendar){ .n_seasons = 0 };
	*where = "settings";
	if (list == NULL)
		list = json_object_get(body, "Settings");
	n = json_is_array(list) ? json_array_size(list) : 1;
	if (part == CALENDAR_ACTIVATE)
		return E_OK;
	/* There is one name and one time. */
	if ((part == CALENDAR_NAME || part == CALENDAR_TIME) && n != 1)
		return n == 0 ? E_INVALID : E_LIMIT;
	for (size_t i = 0; i < n && rc == E_OK; i++)
		rc = take_row(c, part, json_is_array(list) ? json_array_get(list, i) : list, where);
	return rc == E_OK && part == CALENDAR_DAYS ? sort_plans(c, where) : rc;
}

/* ---- printing ---- */

struct printer {
	struct text *t;
	const json_t *names;
	const char *comma;
};

static bool
is_wanted(const struct printer *p, const char *tag)
{
	const json_t *name;
	size_t i;

	json_array_foreach(p->names, i, name)
		if (measure_same_name(json_string_value(name), tag))
			return true;
	return json_array_size(p->names) == 0;
}

static bool
begin_tag(struct printer *p, const char *tag)
{
	if (!is_wanted(p, tag))
		return false;
	text_printf(p->t, "%s{\"tag\":\"%s\",\"val\":", p->comma, tag);
	p->comma = ",";
	return true;
}

static void
print_number(struct printer *p, const char *tag, int64_t n)
{
	if (begin_tag(p, tag))
		text_printf(p->t, "%" PRId64 "}", n);
}

static void
print_octets(struct printer *p, const char *tag, const uint8_t *octets, size_t n)
{
	if (!begin_tag(p, tag))
		return;
	text_str(p->t, "\"");
	for (size_t i = 0; i < n; i++)
		text_printf(p->t, "%02X", octets[i]);
	text_str(p->t, "\"}");
}

static void
print_text(struct printer *p, const char *tag, const struct calendar_text *text)
{
	print_octets(p, tag, text->p, text->len);
}

static void
print_season(struct printer *p, const struct calendar_season *season)
{
	print_text(p, "SeasonName", &season->name);
	print_text(p, "WeekName", &season->week);
	print_number(p, "SeasonStart", season->start);
}

static void
print_week(struct printer *p, const struct calendar_week *week)
{
	print_text(p, "WeekName", &week->name);
	for (int i = 0; i < WEEK_DAYS; i++)
		print_number(p, weekdays[i], week->day[i]);
}

static void
print_switch(struct printer *p, const struct calendar_switch *sw)
{
	print_number(p, "dayId", sw->day);
	print_octets(p, "ScriptName", sw->script, sizeof(sw->script));
	print_number(p, "ScriptSelector", sw->selector);
	print_number(p, "hour", sw->hour);
	print_number(p, "minute", sw->minute);
	print_number(p, "second", sw->second);
}

void
calendar_print(struct text *t, enum calendar_part part, const struct calendar *c, const json_t *names)
{
	struct printer p = { t, names, "" };

	if (part == CALENDAR_NAME)
		print_text(&p, "CalendarName", &c->name);
	for (unsigned i = 0; part == CALENDAR_SEASONS && i < c->n_seasons; i++)
		print_season(&p, &c->seasons[i]);
	for (unsigned i = 0; part == CALENDAR_WEEKS && i < c->n_weeks; i++)
		print_week(&p, &c->weeks[i]);
	for (unsigned i = 0; part == CALENDAR_DAYS && i < c->n_switches; i++)
		print_switch(&p, &c->switches[i]);
	if (part == CALENDAR_TIME)
		print_number(&p, "ActivateTime", c->activate);
}
