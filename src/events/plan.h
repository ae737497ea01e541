/* What of schedules and calendars is due: a pure planner (event-model.md 5, 6.1).
 *
 * Whoever owns it tells it the time whenever he wakes, and does what it says.  Every moment of a
 * schedule is settled exactly once: it is due, or missed and folded, or dropped by rule.  How far a
 * schedule is settled is its mark.  No I/O, no clock, no allocation; cost is that of the rows. */
#ifndef USPD_EVENTS_PLAN_H
#define USPD_EVENTS_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/events/schedule.h"

/* How an action takes being missed (event-model.md 5.2). */
enum plan_class { PLAN_POLL, PLAN_MESSAGE, PLAN_MONITOR, PLAN_RELAY, PLAN_TIME };

struct plan_schedule {
	struct schedule rule;
	int64_t fired;		/* newest moment that fired, UTC; 0 never */
	int64_t mark;		/* moments up to here are settled */
	int64_t next;		/* first moment after the mark; INT64_MAX never */
	/* Of the running plan_look(): moments not settled before, and the newest two of them. */
	unsigned n;
	int64_t moment[2];
};

/* Due whenever one of its schedules is, once a minute. */
struct plan_calendar {
	int64_t id;
	const size_t *members;	/* places in plan.schedules */
	size_t n_members;
	int64_t fired;
};

enum plan_source { PLAN_SCHEDULE, PLAN_CALENDAR };
struct plan_binding {
	enum plan_source source;
	size_t index;		/* in plan.schedules or plan.calendars */
	enum plan_class class;
	bool catch_up;		/* PLAN_RELAY: the last command missed is carried out late */
};

struct plan_due {
	size_t binding;		/* place in plan.bindings */
	int64_t moment;		/* the newest it stands for */
	unsigned folded;	/* moments besides, at most PLAN_FOLDED_MOST */
	unsigned offset_s;	/* starts so long after its moment, by the schedule's row */
	unsigned jitter_s;	/* and later by up to this */
	bool missed;		/* while the device was off, or in a jump of the clock */
};

struct plan_rules {
	int64_t relay_grace_s;	/* a relay acts on a command missed by no more than this */
	int64_t hold_s;		/* with a clock not trusted schedules are held for so long */
};

struct plan {
	struct zone zone;
	struct plan_rules rules;
	struct plan_schedule *schedules;
	size_t n_schedules;
	struct plan_calendar *calendars;
	size_t n_calendars;
	const struct plan_binding *bindings;	/* in ascending order of their rows */
	size_t n_bindings;
	/* The planner's own; zero at first. */
	bool started, trusted, held, hold_over;
	int64_t held_since_us, seen_utc_us, seen_us;
};

enum { PLAN_FOLDED_MOST = 100, PLAN_STEP_S = 60, PLAN_FALSE_MARK_S = 86400 };

struct plan_now {
	int64_t utc_us, mono_us;
	bool trusted;		/* the clock is (system.md 5.2) */
};
/* At most this many are due at once, whatever happened. */
size_t plan_due_most(const struct plan *);
/* What has become due, in order of moments and then of rows; out has room for plan_due_most().  The
 * first call is the start: what lies behind the marks was missed.  Schedules with a mark of 0 are
 * new: nothing of theirs was missed. */
size_t plan_look(struct plan *, const struct plan_now *, struct plan_due *out);
/* When to look again at the latest, monotonic; INT64_MAX never. */
int64_t plan_wake_us(const struct plan *, const struct plan_now *);
/* A schedule that came or whose rule changed, or all when the zone did: counts from now. */
void plan_renew(const struct plan *, struct plan_schedule *, int64_t now);

#endif
