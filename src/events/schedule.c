#include "src/events/schedule.h"

#include <jansson.h>
#include <stdio.h>

enum { NOT_GIVEN = 255, DAYS_MOST = 366 * 9 };	/* 29 February may be eight years away */
enum { JITTER_MOST = 300, DELAY_MOST = 86400 };

/* ---- rows ---- */

/* false: there is something, and it is no number of this range. */
static bool
take(const json_t *row, const char *name, int least, int most, bool zero_is_any, int *to)
{
	const json_t *value = json_object_get(row, name);
	json_int_t number = json_integer_value(value);

	if (value == NULL || json_is_null(value))
		return true;
	if (!json_is_integer(value))
		return false;
	if (number == NOT_GIVEN || (zero_is_any && number == 0))
		return true;
	if (number < least || number > most)
		return false;
	*to = (int)number;
	return true;
}

static bool
take_weekdays(const json_t *row, unsigned *to)
{
	const json_t *list = json_object_get(row, "wday"), *value;
	size_t i;

	json_array_foreach(list, i, value) {
		json_int_t day = json_integer_value(value);

		if (day < 1 || day > 7)
			return false;
		*to |= 1U << (day - 1);
	}
	return list == NULL || json_is_null(list) || json_is_array(list);
}

static int
limited(const json_t *row, const char *name, int most)
{
	json_int_t value = json_integer_value(json_object_get(row, name));

	return value < 0 ? 0 : value > most ? most : (int)value;
}

int
schedule_parse(struct schedule *s, const char *json)
{
	json_t *row = json_loads(json, 0, NULL);
	bool good;

	*s = (struct schedule){ .minute = SCHEDULE_ANY, .hour = SCHEDULE_ANY, .day = SCHEDULE_ANY,
		.month = SCHEDULE_ANY };
	s->id = json_integer_value(json_object_get(row, "id"));
	s->enabled = !json_is_false(json_object_get(row, "enabled"));
	good = json_is_object(row) && take(row, "min", 0, 59, false, &s->minute) &&
	    take(row, "hour", 0, 23, false, &s->hour) && take(row, "day", 1, 31, true, &s->day) &&
	    take(row, "mon", 1, 12, true, &s->month) && take(row, "month", 1, 12, true, &s->month) &&
	    take(row, "offsetSec", 0, 59, false, &s->offset_s) && take_weekdays(row, &s->weekdays);
	s->jitter_s = limited(row, "jitterSec", JITTER_MOST);
	s->offset_s += limited(row, "delay", DELAY_MOST);
	json_decref(row);
	return good ? E_OK : E_INVALID;
}

/* ---- rules ---- */

/* Only `min` is given, and not 0: every so many minutes of each hour. */
static bool
is_step(const struct schedule *s)
{
	return s->minute > 0 && s->hour < 0 && s->day < 0 && s->month < 0;
}

/* The minute of a rule that is no step; SCHEDULE_ANY: each. */
static int
fixed_minute(const struct schedule *s)
{
	bool other_given = s->hour >= 0 || s->day >= 0 || s->month >= 0;

	return s->minute >= 0 ? s->minute : other_given ? 0 : SCHEDULE_ANY;
}

static const char *
field(int value, char buf[static 12])
{
	snprintf(buf, 12, value < 0 ? "*" : "%d", value);
	return buf;
}

void
schedule_pattern(const struct schedule *s, char to[static SCHEDULE_PATTERN_SIZE])
{
	char minute[12], hour[12], day[12], month[12];

	if (is_step(s))
		snprintf(to, SCHEDULE_PATTERN_SIZE, "*/%d * * * *", s->minute);
	else
		snprintf(to, SCHEDULE_PATTERN_SIZE, "%s %s %s %s *", field(fixed_minute(s), minute),
		    field(s->hour, hour), field(s->day, day), field(s->month, month));
}

/* ---- when ---- */

static bool
day_fits(const struct schedule *s, const struct civil *c, int64_t days)
{
	int monday_first = (civil_weekday(days) + 6) % 7;

	return (s->month < 0 || s->month == c->month) && (s->day < 0 || s->day == c->day) &&
	    (s->weekdays == 0 || (s->weekdays >> monday_first & 1) != 0);
}

/* Without a fixed hour: the first minute of a fitting day that fits, in [from, to). */
static bool
next_by_minute(const struct schedule *s, struct zone zone, int64_t from, int64_t to, int64_t *due)
{
	int minute = fixed_minute(s);

	for (int64_t at = from; at < to; at += 60) {
		struct civil c = civil_from_utc(zone, at);

		if (is_step(s) ? c.minute % s->minute == 0 : minute < 0 || c.minute == minute) {
			*due = at;
			return true;
		}
	}
	return false;
}

/* With a fixed hour: the one moment of the day, if it is at or after `from`. */
static bool
next_by_hour(const struct schedule *s, struct zone zone, const struct civil *day, int64_t from,
    int64_t *due)
{
	struct civil c = { .year = day->year, .month = day->month, .day = day->day, .hour = s->hour,
		.minute = fixed_minute(s) };
	int64_t at = civil_to_utc(zone, &c, SEASON_SUMMER);
	struct civil real = civil_from_utc(zone, at);

	/* A skipped hour comes back moved behind the gap, which ends at a whole hour of UTC. */
	if (real.hour != c.hour || real.minute != c.minute)
		at -= at % 3600;
	*due = at;
	return at >= from;
}

int
schedule_next(const struct schedule *s, struct zone zone, int64_t after, int64_t *due)
{
	int64_t from = after - ((after % 60) + 60) % 60 + 60, midnight;

	if (!s->enabled)
		return E_NODATA;
	midnight = day_start(zone, from);
	for (int i = 0; i < DAYS_MOST; i++) {
		struct civil c = civil_from_utc(zone, midnight);
		int64_t next = s->month >= 0 && c.month != s->month ?
		    month_add(zone, month_start(zone, midnight), 1) :
		    day_add(zone, midnight, 1);

		if (day_fits(s, &c, civil_days(c.year, c.month, c.day)) &&
		    (s->hour >= 0 ?
			    next_by_hour(s, zone, &c, from, due) :
			    next_by_minute(s, zone, from > midnight ? from : midnight, next, due)))
			return E_OK;
		midnight = next;
	}
	return E_NODATA;
}

bool
schedule_same(const struct schedule *a, const struct schedule *b)
{
	return a->id == b->id && a->minute == b->minute && a->hour == b->hour && a->day == b->day &&
	    a->month == b->month && a->weekdays == b->weekdays && a->enabled == b->enabled;
}

int
schedule_newest(const struct schedule *s, struct zone zone, int64_t after, int64_t upto, int64_t *due)
{
	/* Each but the last holds few moments of a rule that has none in the one before. */
	static const int64_t reach_s[] = { 3600, 2 * 86400, 62 * 86400, 367 * 86400,
		INT64_C(10) * 366 * 86400 };
	size_t n = sizeof(reach_s) / sizeof(reach_s[0]);

	for (size_t i = 0; i < n; i++) {
		int64_t from = upto - reach_s[i] > after ? upto - reach_s[i] : after, at = from;
		bool found = false;

		while (schedule_next(s, zone, at, &at) == E_OK && at <= upto) {
			*due = at;
			found = true;
		}
		if (found)
			return E_OK;
		if (from == after)
			break;
	}
	return E_NODATA;
}
