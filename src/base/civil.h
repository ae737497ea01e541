/* Calendar arithmetic: UTC seconds <-> local civil time of the device zone.
 *
 * A zone is a fixed offset plus, optionally, the EU season rule (data-model.md 7): summer time
 * from the last Sunday of March to the last Sunday of October, both 01:00 UTC.  Pure functions. */
#ifndef USPD_BASE_CIVIL_H
#define USPD_BASE_CIVIL_H

#include <stdbool.h>
#include <stdint.h>

struct zone {
	int32_t offset_s;	/* winter offset, local - UTC */
	bool dst;		/* the EU season rule applies */
};

struct civil {
	int year, month, day;	/* month 1..12, day 1..31 */
	int hour, minute, second;
};

enum season { SEASON_UNKNOWN, SEASON_WINTER, SEASON_SUMMER };

bool civil_valid(const struct civil *);			/* every field in range, day exists */
int64_t civil_days(int year, int month, int day);	/* days since 1970-01-01 */
int civil_weekday(int64_t days);			/* 0 Sunday .. 6 Saturday */
int32_t zone_offset_s(struct zone, int64_t utc);	/* offset in force at that moment */
bool zone_is_summer(struct zone, int64_t utc);
struct civil civil_from_utc(struct zone, int64_t utc);
/* In the doubled autumn hour `season` decides (unknown: the first, summer, one); a moment the
 * spring jump skips is moved forward by the jump.  With zone.dst false season is ignored. */
int64_t civil_to_utc(struct zone, const struct civil *, enum season);

enum { CIVIL_TEXT_SIZE = 32 };
/* "2024-06-01T00:00:00+03:00", `between` instead of the T.  Returns buf. */
const char *civil_print(struct zone, int64_t utc, char between, char buf[static CIVIL_TEXT_SIZE]);

int64_t day_start(struct zone, int64_t utc);		/* local midnight at or before */
int64_t day_add(struct zone, int64_t day_start_utc, int days);
int64_t month_start(struct zone, int64_t utc);		/* local midnight of the 1st, at or before */
int64_t month_add(struct zone, int64_t month_start_utc, int months);

#endif
