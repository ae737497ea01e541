/* The planner against a slow and obvious model: every minute of a simulated year is looked at one by
 * one, with random schedules, steps of the clock both ways, and the daemon down now and then
 * (event-model.md 5). */
#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/events/plan.h"
#include "tests/unit/unit.h"

enum { SCHEDULES = 7, CALENDARS = 2, BINDINGS = 14, MEMBERS = 3, GRACE_S = 60, HOLD_S = 600 };
#define S INT64_C(1000000)
#define YEAR_2026 INT64_C(1767225600)

static uint64_t dice;

static unsigned
roll(unsigned n)
{
	dice = dice * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (unsigned)(dice >> 33) % n;
}

/* ---- the obvious model ---- */

/* Is this minute one of the rule's?  Read off the wall clock, minute by minute. */
static bool
is_due(const struct schedule *s, struct zone zone, int64_t utc)
{
	struct civil c = civil_from_utc(zone, utc);
	bool only_minute = s->minute > 0 && s->hour < 0 && s->day < 0 && s->month < 0;
	int weekday = (civil_weekday(civil_days(c.year, c.month, c.day)) + 6) % 7;
	bool others = s->hour >= 0 || s->day >= 0 || s->month >= 0;
	int minute = s->minute >= 0 ? s->minute : others ? 0 : c.minute;
	int32_t before = zone_offset_s(zone, utc - 60), after = zone_offset_s(zone, utc);

	if (!s->enabled || (s->month >= 0 && c.month != s->month) || (s->day >= 0 && c.day != s->day) ||
	    (s->weekdays != 0 && (s->weekdays >> weekday & 1) == 0))
		return false;
	if (only_minute)
		return c.minute % s->minute == 0;
	if (s->hour < 0)
		return c.minute == minute;
	/* The first minute behind a gap stands for all that the gap swallowed. */
	if (after > before && s->hour == c.hour - 1)
		return true;
	/* In the second pass of a doubled hour nothing is new. */
	if (zone_offset_s(zone, utc - 3600) > after)
		return false;
	return c.hour == s->hour && c.minute == minute;
}

struct model {
	struct zone zone;
	struct schedule schedules[SCHEDULES];
	int64_t done[SCHEDULES];	/* every minute up to here has been looked at */
	size_t members[CALENDARS][MEMBERS];
	struct plan_binding bindings[BINDINGS];
	bool trusted, waiting, gave_up;
	int64_t waiting_since_us;
	int64_t utc_us, mono_us;	/* of the look before */
	bool looked;
};

struct wanted { size_t binding; int64_t moment; unsigned folded; bool missed; };

static bool
binding_due(const struct model *m, const struct plan_binding *b, int64_t minute)
{
	if (b->source == PLAN_SCHEDULE)
		return minute > m->done[b->index] && is_due(&m->schedules[b->index], m->zone, minute);
	for (int k = 0; k < MEMBERS; k++) {
		size_t i = m->members[b->index][k];

		if (minute > m->done[i] && is_due(&m->schedules[i], m->zone, minute))
			return true;
	}
	return false;
}

static size_t
want(struct wanted *list, size_t n, size_t binding, int64_t moment, unsigned folded, bool missed)
{
	list[n] = (struct wanted){ binding, moment,
		folded > PLAN_FOLDED_MOST ? PLAN_FOLDED_MOST : folded, missed };
	return n + 1;
}

/* What chapter 5 says of one binding, from the list of its minutes since it was looked at. */
static size_t
judge(const struct model *m, size_t i, int64_t from, int64_t now, bool missed, struct wanted *list,
    size_t n)
{
	const struct plan_binding *b = &m->bindings[i];
	int64_t minutes[2] = { 0, 0 };
	unsigned found = 0;

	for (int64_t at = from - from % 60; at <= now; at += 60)
		if (binding_due(m, b, at)) {
			minutes[0] = minutes[1];
			minutes[1] = at;
			found++;
		}
	if (found == 0)
		return n;
	if (b->class == PLAN_RELAY && !m->trusted)
		return n;
	if (missed || now - minutes[1] > 60) {
		switch (b->class) {
		case PLAN_MONITOR:
			return n;
		case PLAN_MESSAGE:
			if (now - minutes[1] >= 24 * 3600)
				return n;
			break;
		case PLAN_RELAY:
			if (now - minutes[1] > GRACE_S && !b->catch_up)
				return n;
			break;
		case PLAN_POLL:
		case PLAN_TIME:
			break;
		}
		return want(list, n, i, minutes[1], found - 1, true);
	}
	if (found == 2 && now - minutes[0] <= 60) {
		n = want(list, n, i, minutes[0], 0, false);
		return want(list, n, i, minutes[1], 0, false);
	}
	return want(list, n, i, minutes[1], found - 1, false);
}

static int
compare(const void *va, const void *vb)
{
	const struct wanted *a = va, *b = vb;

	if (a->moment != b->moment)
		return a->moment < b->moment ? -1 : 1;
	return a->binding < b->binding ? -1 : a->binding > b->binding;
}

static size_t
held(struct model *m, int64_t before, int64_t now, bool live, struct wanted *list)
{
	size_t n = 0;
	int64_t done[SCHEDULES];

	memcpy(done, m->done, sizeof(done));
	for (int i = 0; i < SCHEDULES; i++)
		m->done[i] = before;
	for (size_t i = 0; i < BINDINGS && live; i++)
		if (m->bindings[i].class == PLAN_MONITOR) {
			size_t was = n;

			n = judge(m, i, before, now, false, list, n);
			if (n > was) { /* one reading is enough of a moment nobody vouches for */
				list[was] = list[n - 1];
				list[was].folded = 0;
				n = was + 1;
			}
		}
	memcpy(m->done, done, sizeof(done));
	return n;
}

static size_t
model_look(struct model *m, const struct plan_now *time, struct wanted *list)
{
	int64_t now = time->utc_us / S, before = m->utc_us / S, from = now;
	int64_t step = m->looked ? time->utc_us - m->utc_us - (time->mono_us - m->mono_us) : 0;
	bool missed = !m->looked || step > 60 * S, was_waiting = m->waiting, false_marks = false;
	size_t n = 0;

	for (int i = 0; i < SCHEDULES; i++)
		if (m->done[i] == 0)
			m->done[i] = now;
	m->trusted |= time->trusted;
	m->utc_us = time->utc_us;
	m->mono_us = time->mono_us;
	if (!m->trusted && !m->gave_up) {
		if (!m->waiting)
			m->waiting_since_us = time->mono_us;
		m->waiting = true;
		m->gave_up = time->mono_us - m->waiting_since_us >= HOLD_S * S;
		if (!m->gave_up) {
			bool live = m->looked && !missed && before >= now - 60 && before < now;

			m->looked = true;
			return held(m, before, now, live, list);
		}
	}
	m->looked = true;
	m->waiting = false;
	for (int i = 0; i < SCHEDULES; i++)
		false_marks |= m->done[i] > now + 86400;
	for (int i = 0; i < SCHEDULES; i++) {
		m->done[i] = false_marks ? now : m->done[i];
		from = m->done[i] < from ? m->done[i] : from;
	}
	for (size_t i = 0; i < BINDINGS; i++)
		n = judge(m, i, from, now, missed || was_waiting, list, n);
	for (int i = 0; i < SCHEDULES; i++)
		m->done[i] = now > m->done[i] ? now : m->done[i];
	qsort(list, n, sizeof(*list), compare);
	return n;
}

/* ---- random settings ---- */

static struct schedule
random_rule(int64_t id)
{
	struct schedule s = { .id = id, .minute = SCHEDULE_ANY, .hour = SCHEDULE_ANY,
		.day = SCHEDULE_ANY, .month = SCHEDULE_ANY, .enabled = roll(12) != 0 };

	if (roll(8) != 0)
		s.minute = (int)roll(60);
	if (roll(3) == 0)
		s.minute = roll(2) == 0 ? 30 : (int)roll(10) + 5;
	if (roll(2) == 0)
		s.hour = roll(3) == 0 ? (int)(2 + roll(2)) : (int)roll(24); /* near the season change */
	if (roll(4) == 0)
		s.day = 1 + (int)roll(31);
	if (roll(6) == 0)
		s.month = 1 + (int)roll(12);
	if (roll(6) == 0)
		s.weekdays = 1 + roll(127);
	return s;
}

struct world {
	struct model model;
	struct plan plan;
	struct plan_schedule schedules[SCHEDULES];
	struct plan_calendar calendars[CALENDARS];
	int64_t utc_us, mono_us;
	struct plan_due due[2 * BINDINGS];
	struct wanted wanted[2 * BINDINGS];
	unsigned looks, fired, folded;
};

static void
settle_in(struct world *w)
{
	static const struct zone zones[] = { { 10800, false }, { 7200, true }, { 0, true },
		{ -12600, false } };
	struct model *m = &w->model;

	m->zone = zones[roll(4)];
	for (int i = 0; i < SCHEDULES; i++) {
		m->schedules[i] = random_rule(i + 1);
		w->schedules[i].rule = m->schedules[i];
	}
	for (int i = 0; i < CALENDARS; i++) {
		for (int k = 0; k < MEMBERS; k++)
			m->members[i][k] = roll(SCHEDULES);
		w->calendars[i] = (struct plan_calendar){ .id = i + 1, .members = m->members[i],
			.n_members = MEMBERS };
	}
	for (int i = 0; i < BINDINGS; i++)
		m->bindings[i] = (struct plan_binding){ .source = roll(4) == 0 ? PLAN_CALENDAR :
									       PLAN_SCHEDULE,
			.class = (enum plan_class)roll(5), .catch_up = roll(3) == 0 };
	for (int i = 0; i < BINDINGS; i++)
		m->bindings[i].index = roll(
		    m->bindings[i].source == PLAN_CALENDAR ? CALENDARS : SCHEDULES);
	w->plan = (struct plan){ .zone = m->zone, .rules = { GRACE_S, HOLD_S },
		.schedules = w->schedules, .n_schedules = SCHEDULES, .calendars = w->calendars,
		.n_calendars = CALENDARS, .bindings = m->bindings, .n_bindings = BINDINGS };
	/* Some day of 2026; the run goes over both season changes. */
	w->utc_us = (YEAR_2026 + roll(86400)) * S + roll(1000000);
	w->mono_us = roll(100000) * S;
}

static void
look(struct world *w, bool trusted)
{
	struct plan_now now = { w->utc_us, w->mono_us, trusted };
	size_t wanted = model_look(&w->model, &now, w->wanted);
	size_t n = plan_look(&w->plan, &now, w->due);

	w->looks++;
	for (size_t i = 0; i < n || i < wanted; i++) {
		const struct plan_due *is = i < n ? &w->due[i] : NULL;
		const struct wanted *want = i < wanted ? &w->wanted[i] : NULL;

		ck_assert_msg(is != NULL && want != NULL && is->binding == want->binding &&
			is->moment == want->moment && is->folded == want->folded &&
			is->missed == want->missed,
		    "at %" PRId64 " (%zu due, wanted %zu), place %zu: row %zu of %" PRId64
		    "+%u %d, wanted row %zu of %" PRId64 "+%u %d",
		    w->utc_us / S, n, wanted, i, is != NULL ? is->binding : 99,
		    is != NULL ? is->moment : 0, is != NULL ? is->folded : 0,
		    is != NULL ? is->missed : 0, want != NULL ? want->binding : 99,
		    want != NULL ? want->moment : 0, want != NULL ? want->folded : 0,
		    want != NULL ? want->missed : 0);
		w->fired++;
		w->folded += is->folded;
	}
}

static void
pass(struct world *w, int64_t us)
{
	w->utc_us += us;
	w->mono_us += us;
}

/* As the engine does: woken when the planner says, at most a minute later, sometimes a little late. */
static void
run(struct world *w, int64_t span_us, bool trusted)
{
	int64_t end = w->mono_us + span_us;

	while (w->mono_us < end) {
		struct plan_now now = { w->utc_us, w->mono_us, trusted };
		int64_t wake = plan_wake_us(&w->plan, &now), nap;

		nap = wake > w->mono_us + 3600 * S ? 3600 * S : wake - w->mono_us;
		if (nap < 0)
			nap = 0;
		nap += roll(20) == 0 ? roll(50) * S : roll(2000);
		if (roll(400) == 0)
			nap += roll(300) * S; /* something blocked for minutes */
		pass(w, nap < 1000 ? 1000 : nap);
		look(w, trusted);
	}
}

/* The daemon ends and comes again: marks are all that it has of before. */
static void
restart(struct world *w, int64_t down_us)
{
	pass(w, down_us);
	w->mono_us = roll(1000) * S;
	w->plan.started = w->plan.trusted = w->plan.held = w->plan.hold_over = false;
	w->model.looked = w->model.trusted = w->model.waiting = w->model.gave_up = false;
}

static void
disturb(struct world *w)
{
	static const int64_t steps_s[] = { 1, -1, 30, -30, 59, 60, 61, -61, 7200, -7200, 86399, -86399,
		86401, -86401, 172800, -172800, 30 * 86400, -30 * 86400 };
	bool trusted = roll(4) != 0;

	switch (roll(3)) {
	case 0:
		w->utc_us += steps_s[roll(sizeof(steps_s) / sizeof(steps_s[0]))] * S + roll(1000000);
		look(w, true);
		break;
	case 1:
		restart(w, (int64_t)roll(roll(4) == 0 ? 4 * 86400 : 7200) * S);
		look(w, trusted);
		run(w, (int64_t)roll(1800) * S, trusted);
		break;
	default:
		run(w, (int64_t)roll(3) * S, true);
		break;
	}
}

START_TEST(planner_agrees_with_the_obvious_model)
{
	struct world *w = calloc(1, sizeof(*w));
	int64_t end;

	dice = (uint64_t)_i * 7919 + 17;
	settle_in(w);
	end = w->utc_us + INT64_C(370) * 86400 * S;
	look(w, true);
	/* A clock that runs back again and again is given up at some time. */
	while (w->utc_us < end && w->looks < 60000) {
		run(w, (int64_t)(roll(6) == 0 ? roll(20 * 86400) : roll(2 * 86400)) * S, true);
		disturb(w);
	}
	ck_assert_uint_gt(w->fired, 0);
	free(w);
}
END_TEST

/* ---- what can be said without a model ---- */

START_TEST(a_quiet_month_fires_each_moment_once)
{
	struct schedule rule = { .id = 1, .minute = 30, .hour = SCHEDULE_ANY, .day = SCHEDULE_ANY,
		.month = SCHEDULE_ANY, .enabled = true };
	struct plan_schedule s = { .rule = rule };
	struct plan_binding b = { .class = PLAN_POLL };
	struct plan p = { .zone = { 10800, false }, .schedules = &s, .n_schedules = 1, .bindings = &b,
		.n_bindings = 1 };
	struct plan_now now = { YEAR_2026 * S + 5, 1, true };
	int64_t last = 0;
	unsigned n = 0;

	for (struct plan_due due[2]; now.utc_us < (YEAR_2026 + 30 * 86400) * S + 10;) {
		if (plan_look(&p, &now, due) == 1) {
			ck_assert_int_eq(due[0].moment, last == 0 ? YEAR_2026 + 1800 : last + 1800);
			last = due[0].moment;
			n++;
		}
		now.utc_us += plan_wake_us(&p, &now) - now.mono_us;
	}
	ck_assert_uint_eq(n, 30 * 48);
}
END_TEST

START_TEST(a_new_or_changed_schedule_makes_up_for_nothing)
{
	struct plan_schedule s = { .rule = { .id = 1, .minute = 0, .hour = 12, .day = -1, .month = -1,
		.enabled = true } };
	struct plan_binding b = { .class = PLAN_POLL };
	struct plan p = { .schedules = &s, .n_schedules = 1, .bindings = &b, .n_bindings = 1 };
	struct plan_now now = { (YEAR_2026 + 13 * 3600) * S, 1, true };
	struct plan_due due[2];

	ck_assert_uint_eq(plan_look(&p, &now, due), 0);
	s.rule.hour = 10;
	plan_renew(&p, &s, now.utc_us / S);
	ck_assert_uint_eq(plan_look(&p, &now, due), 0);
	ck_assert_int_eq(s.next, YEAR_2026 + 34 * 3600);
}
END_TEST

START_TEST(no_schedules_never_wake)
{
	struct plan p = { 0 };
	struct plan_now now = { YEAR_2026 * S, 1, true };

	ck_assert_uint_eq(plan_look(&p, &now, NULL), 0);
	ck_assert_int_eq(plan_wake_us(&p, &now), INT64_MAX);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("plan");
	TCase *tc = tcase_create("plan");

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, planner_agrees_with_the_obvious_model, 0, 8);
	tcase_add_test(tc, a_quiet_month_fires_each_moment_once);
	tcase_add_test(tc, a_new_or_changed_schedule_makes_up_for_nothing);
	tcase_add_test(tc, no_schedules_never_wake);
	suite_add_tcase(suite, tc);
	return unit_main(suite);
}
