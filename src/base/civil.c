#include "src/base/civil.h"

#include <stdio.h>

enum { DAY_S = 86400 };

static int
month_days(int year, int month)
{
	static const int days[12] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && leap);
}

bool
civil_valid(const struct civil *c)
{
	return c->year >= 1970 && c->year <= 2399 && c->month >= 1 && c->month <= 12 && c->day >= 1 &&
	    c->day <= month_days(c->year, c->month) && c->hour >= 0 && c->hour < 24 && c->minute >= 0 &&
	    c->minute < 60 && c->second >= 0 && c->second < 60;
}

/* Years are counted from March, so that the leap day is the last one. */
int64_t
civil_days(int year, int month, int day)
{
	int64_t y = month > 2 ? year : year - 1;
	int64_t m = month > 2 ? month - 3 : month + 9;

	return 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719468;
}

int
civil_weekday(int64_t days)
{
	return (int)(((days + 4) % 7 + 7) % 7);
}

static int64_t
floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

/* 01:00 UTC of the last Sunday of a month with 31 days. */
static int64_t
season_change(int year, int month)
{
	int64_t last = civil_days(year, month, 31);

	return (last - civil_weekday(last)) * DAY_S + 3600;
}

bool
zone_is_summer(struct zone zone, int64_t utc)
{
	struct civil c;

	if (!zone.dst)
		return false;
	c = civil_from_utc((struct zone){ 0, false }, utc);
	return utc >= season_change(c.year, 3) && utc < season_change(c.year, 10);
}

int32_t
zone_offset_s(struct zone zone, int64_t utc)
{
	return zone.offset_s + (zone_is_summer(zone, utc) ? 3600 : 0);
}

struct civil
civil_from_utc(struct zone zone, int64_t utc)
{
	int64_t local = zone.dst ? utc + zone_offset_s(zone, utc) : utc + zone.offset_s;
	int64_t days = floor_div(local, DAY_S);
	int second = (int)(local - days * DAY_S);
	int64_t shifted = days + 719468; /* days since 0000-03-01 */
	int64_t era = floor_div(shifted, 146097);
	int64_t of_era = shifted - era * 146097;
	int64_t year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int64_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	int64_t march_month = (5 * of_year + 2) / 153;

	return (struct civil){
		.year = (int)(year_of_era + era * 400 + (march_month >= 10)),
		.month = (int)(march_month < 10 ? march_month + 3 : march_month - 9),
		.day = (int)(of_year - (153 * march_month + 2) / 5 + 1),
		.hour = second / 3600,
		.minute = second / 60 % 60,
		.second = second % 60,
	};
}

int64_t
civil_to_utc(struct zone zone, const struct civil *c, enum season season)
{
	int64_t local = civil_days(c->year, c->month, c->day) * DAY_S + c->hour * 3600 +
	    c->minute * 60 + c->second;
	int64_t winter = local - zone.offset_s;
	int64_t summer = winter - 3600;

	if (!zone.dst || !zone_is_summer(zone, summer))
		return winter;
	/* Both readings are possible only in the doubled hour. */
	if (season == SEASON_WINTER && !zone_is_summer(zone, winter))
		return winter;
	return summer;
}

const char *
civil_print(struct zone zone, int64_t utc, char between, char buf[static CIVIL_TEXT_SIZE])
{
	struct civil c = civil_from_utc(zone, utc);
	int offset_min = zone_offset_s(zone, utc) / 60;
	int size = offset_min < 0 ? -offset_min : offset_min;

	/* The moduli change nothing: they tell the compiler that the text fits. */
	snprintf(buf, CIVIL_TEXT_SIZE, "%04d-%02d-%02d%c%02d:%02d:%02d%c%02d:%02d",
	    (int)((unsigned)c.year % 10000), (int)((unsigned)c.month % 100),
	    (int)((unsigned)c.day % 100), between, (int)((unsigned)c.hour % 100),
	    (int)((unsigned)c.minute % 100), (int)((unsigned)c.second % 100),
	    offset_min < 0 ? '-' : '+', size / 60 % 100, size % 60);
	return buf;
}

static int64_t
midnight(struct zone zone, int year, int month, int day)
{
	struct civil c = { .year = year, .month = month, .day = day };

	return civil_to_utc(zone, &c, SEASON_UNKNOWN);
}

int64_t
day_start(struct zone zone, int64_t utc)
{
	struct civil c = civil_from_utc(zone, utc);

	return midnight(zone, c.year, c.month, c.day);
}

int64_t
day_add(struct zone zone, int64_t day_start_utc, int days)
{
	/* Noon is never inside a season change. */
	return day_start(zone, day_start_utc + DAY_S / 2 + (int64_t)days * DAY_S);
}

int64_t
month_start(struct zone zone, int64_t utc)
{
	struct civil c = civil_from_utc(zone, utc);

	return midnight(zone, c.year, c.month, 1);
}

int64_t
month_add(struct zone zone, int64_t month_start_utc, int months)
{
	struct civil c = civil_from_utc(zone, month_start_utc);
	int total = c.year * 12 + c.month - 1 + months;

	return midnight(zone, total / 12, total % 12 + 1, 1);
}
