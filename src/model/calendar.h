/* The tariff calendar of a meter (meter-spodes-dlms.md 17, smart-json.md 11): seasons name weeks, weeks
 * name days, days switch tariffs.  Meters keep an active calendar and a passive one that follows it. */
#ifndef USPD_MODEL_CALENDAR_H
#define USPD_MODEL_CALENDAR_H

#include <stdint.h>

enum calendar_part { CALENDAR_NAME, CALENDAR_SEASONS, CALENDAR_WEEKS, CALENDAR_DAYS, CALENDAR_TIME,
	CALENDAR_ACTIVATE };	/* the last is set only: the passive one becomes active at once */
enum { CALENDAR_TEXT_MAX = 15, CALENDAR_SEASONS_MAX = 16, CALENDAR_WEEKS_MAX = 16,
	CALENDAR_SWITCHES_MAX = 256 };

/* Names are octets of the meter's own choice, usually one or a few letters. */
struct calendar_text {
	uint8_t len;
	uint8_t p[CALENDAR_TEXT_MAX];
};
struct calendar_season {
	struct calendar_text name, week;
	int64_t start;		/* UTC of a local date; the year does not matter unless has_year */
	uint8_t has_year;	/* the season does not come again */
};
struct calendar_week {
	struct calendar_text name;
	uint8_t day[7];		/* id of the day's plan, Monday first */
};
/* From this time of the day on this tariff; the entries of a day stand together. */
struct calendar_switch {
	uint8_t day;		/* id of the plan */
	uint8_t hour, minute, second;
	uint8_t script[6];	/* logical name of the script table */
	uint16_t selector;	/* the tariff */
};

/* A part fills its own fields and leaves the others alone. */
struct calendar {
	struct calendar_text name;
	int64_t activate;	/* UTC; 0: no time is set */
	unsigned n_seasons, n_weeks, n_switches;
	struct calendar_season seasons[CALENDAR_SEASONS_MAX];
	struct calendar_week weeks[CALENDAR_WEEKS_MAX];
	struct calendar_switch switches[CALENDAR_SWITCHES_MAX];
};

#endif
