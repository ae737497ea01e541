/* Schedules: rows of TABLE_SCHEDULES and when they are due (smart-json.md 8.16, event-model.md 3).
 *
 * Resolution is one minute; a schedule is due at second 0 of a minute of local device time.  Where
 * the season changes: a rule "every n minutes" just continues; a rule with a fixed hour fires once,
 * in the first pass of a doubled hour, and after a skipped one at the first minute behind it
 * (event-model.md 5.5).  Pure functions. */
#ifndef USPD_EVENTS_SCHEDULE_H
#define USPD_EVENTS_SCHEDULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/base/civil.h"
#include "src/base/err.h"

enum { SCHEDULE_ANY = -1, SCHEDULE_PATTERN_SIZE = 64 };
/* Every field as given, SCHEDULE_ANY where it is not. */
struct schedule {
	int64_t id;
	int minute, hour, day, month;
	unsigned weekdays;	/* bit 0 Monday .. bit 6 Sunday; 0 any */
	int offset_s;		/* fires so long after its minute; the delay of dialect 31 too */
	int jitter_s;		/* and later by up to this */
	bool enabled;
};

/* From the JSON text of a row: id, min, hour, day, month ("mon" too), each missing, null or 255
 * for any, 0 for any day or month; wday, offsetSec, enabled.  E_INVALID: out of range or no row. */
int schedule_parse(struct schedule *, const char *json) USPD_MUST_CHECK;
/* The rule as cron would have it: "*" "/30 * * * *" in one, "5 0 1 * *". */
void schedule_pattern(const struct schedule *, char to[static SCHEDULE_PATTERN_SIZE]);
/* The first due moment after `after` (UTC seconds), without offset_s.  E_NODATA: never, or it is
 * not enabled. */
int schedule_next(const struct schedule *, struct zone, int64_t after, int64_t *due) USPD_MUST_CHECK;

/* Do they say the same, but for how long after its moment one starts? */
bool schedule_same(const struct schedule *, const struct schedule *);
/* The newest due moment in (after, upto].  E_NODATA: none. */
int schedule_newest(const struct schedule *, struct zone, int64_t after, int64_t upto,
    int64_t *due) USPD_MUST_CHECK;

#endif
