/* The decision of the time check: leave a meter's clock, correct it, wait, or call a person
 * (poller.md 7.1).  Pure: all times are parameters. */
#ifndef USPD_POLL_TIMECHECK_H
#define USPD_POLL_TIMECHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "src/base/civil.h"

struct timecheck {
	int64_t sent_us, answered_us;	/* device time: end of sending, first byte of the answer */
	int64_t meter_utc;		/* the meter's whole seconds */
	bool fractions;			/* the meter gives fractions: no half second is added */
	struct zone zone;
	bool device_good;		/* the device's own time is trusted */
	bool corrected_today;
	int64_t limit_us, rtt_max_us;
	int32_t soft_max_s, period_s, guard_s, day_guard_s;
	bool partial, once_per_day;
};

enum timecheck_action {
	TIMECHECK_NONE, TIMECHECK_SOFT, TIMECHECK_POSTPONE, TIMECHECK_ALARM, TIMECHECK_REPEAT
};
struct timecheck_result {
	enum timecheck_action action;
	const char *reason;		/* never NULL */
	int64_t diff_us;		/* meter clock - device clock */
	int32_t correction_s;		/* for SOFT and POSTPONE */
};

struct timecheck_result timecheck_decide(const struct timecheck *);
const char *timecheck_action_name(enum timecheck_action);
int32_t timecheck_round_s(int64_t diff_us);	/* to whole seconds, half away from zero */

#endif
