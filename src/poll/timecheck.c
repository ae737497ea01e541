#include "src/poll/timecheck.h"

#include <stdlib.h>

enum { SECOND_US = 1000000 };

static bool
one_slot(struct zone zone, int32_t period_s, int64_t a, int64_t b)
{
	int64_t slot_a = (a + zone.offset_s) / period_s, slot_b = (b + zone.offset_s) / period_s;

	return slot_a == slot_b;
}

static bool
near_midnight(const struct timecheck *t, int64_t utc)
{
	int64_t start = day_start(t->zone, utc);

	return utc - start < t->day_guard_s || day_add(t->zone, start, 1) - utc <= t->day_guard_s;
}

static int64_t
least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t
most(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static struct timecheck_result
verdict(struct timecheck_result r, enum timecheck_action action, const char *reason)
{
	r.action = action;
	r.reason = reason;
	return r;
}

struct timecheck_result
timecheck_decide(const struct timecheck *t)
{
	struct timecheck_result r = { 0 };
	int64_t middle = t->sent_us + (t->answered_us - t->sent_us) / 2;
	int64_t soft_max_us = (int64_t)t->soft_max_s * SECOND_US;
	int64_t before = t->meter_utc, after, device = t->answered_us / SECOND_US;

	r.diff_us = t->meter_utc * SECOND_US + (t->fractions ? 0 : SECOND_US / 2) - middle;
	if (!t->device_good)
		return verdict(r, TIMECHECK_NONE, "device time not trusted");
	if (t->answered_us - t->sent_us > t->rtt_max_us)
		return verdict(r, TIMECHECK_REPEAT, "answer took too long");
	if (llabs(r.diff_us) <= t->limit_us)
		return verdict(r, TIMECHECK_NONE, "within limit");
	if (t->corrected_today && t->once_per_day)
		return verdict(r,
		    llabs(r.diff_us) > 10 * t->limit_us ? TIMECHECK_ALARM : TIMECHECK_NONE,
		    "corrected today already");
	if (llabs(r.diff_us) > soft_max_us && !t->partial)
		return verdict(r, TIMECHECK_ALARM, "beyond soft correction");
	r.correction_s = (int32_t)(-r.diff_us / SECOND_US); /* cut toward zero */
	if (r.correction_s > t->soft_max_s)
		r.correction_s = t->soft_max_s;
	if (r.correction_s < -t->soft_max_s)
		r.correction_s = -t->soft_max_s;
	after = before + r.correction_s;
	if (!one_slot(t->zone, t->period_s, least(before, after) - t->guard_s,
		most(before, after) + t->guard_s))
		return verdict(r, TIMECHECK_POSTPONE, "too near a slot boundary");
	if (near_midnight(t, device) || near_midnight(t, before) || near_midnight(t, after))
		return verdict(r, TIMECHECK_POSTPONE, "too near midnight");
	return verdict(r, TIMECHECK_SOFT, "");
}

const char *
timecheck_action_name(enum timecheck_action action)
{
	static const char *const names[] = { "none", "soft", "postpone", "alarm", "repeat" };

	return names[action];
}

int32_t
timecheck_round_s(int64_t diff_us)
{
	int64_t half = diff_us < 0 ? -SECOND_US / 2 : SECOND_US / 2;

	return (int32_t)((diff_us + half) / SECOND_US);
}
