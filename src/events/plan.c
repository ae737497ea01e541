#include "src/events/plan.h"

#include <stdlib.h>

enum { DAY_S = 86400, LATE_S = 60 };	/* event-model.md 5.6 */
#define NEVER INT64_MAX

/* ---- schedules ---- */

static void
find_next(const struct plan *p, struct plan_schedule *s)
{
	if (schedule_next(&s->rule, p->zone, s->mark, &s->next) < 0)
		s->next = NEVER;
}

void
plan_renew(const struct plan *p, struct plan_schedule *s, int64_t now)
{
	s->mark = now;
	find_next(p, s);
}

/* A mark far ahead was set by a wrong clock, and so were the others (5.4). */
static void
drop_false_marks(struct plan *p, int64_t now)
{
	bool wrong = false;

	for (size_t i = 0; i < p->n_schedules; i++)
		wrong |= p->schedules[i].mark > now + PLAN_FALSE_MARK_S;
	for (size_t i = 0; i < p->n_schedules && wrong; i++) {
		struct plan_schedule *s = &p->schedules[i];

		if (s->fired > now)
			s->fired = 0;
		plan_renew(p, s, now);
	}
}

/* The moments of one schedule in (mark, now]; the newest first. */
static void
gather(const struct plan *p, struct plan_schedule *s, int64_t now)
{
	int64_t at = s->next;

	s->n = 0;
	while (at <= now && s->n <= PLAN_FOLDED_MOST) {
		s->moment[1] = s->moment[0];
		s->moment[0] = at;
		s->n++;
		if (schedule_next(&s->rule, p->zone, at, &at) < 0)
			break;
	}
	if (s->n > PLAN_FOLDED_MOST &&
	    schedule_newest(&s->rule, p->zone, s->mark, now, &s->moment[0]) < 0)
		s->n = 0;
}

static void
settle(struct plan *p, int64_t now)
{
	for (size_t i = 0; i < p->n_schedules; i++) {
		struct plan_schedule *s = &p->schedules[i];
		bool found = s->next <= now;

		if (s->n > 0)
			s->fired = s->moment[0];
		s->mark = now > s->mark ? now : s->mark;
		if (found)
			find_next(p, s);
	}
	for (size_t i = 0; i < p->n_calendars; i++) {
		struct plan_calendar *c = &p->calendars[i];

		for (size_t k = 0; k < c->n_members; k++) {
			const struct plan_schedule *s = &p->schedules[c->members[k]];

			if (s->n > 0 && s->fired > c->fired)
				c->fired = s->fired;
		}
	}
}

/* ---- sources ---- */

/* What a source has to say since it was looked at last. */
struct found {
	unsigned n;
	int64_t newest, second;		/* second: when n >= 2 and it is one of few */
	unsigned offset_s, jitter_s;
};

/* Moments that several schedules of a calendar share count once. */
static unsigned
count_calendar(const struct plan *p, const struct plan_calendar *c, int64_t now)
{
	int64_t at = INT64_MIN, first, due;
	unsigned n = 0;

	for (; n <= PLAN_FOLDED_MOST; n++) {
		first = NEVER;
		for (size_t k = 0; k < c->n_members; k++) {
			const struct plan_schedule *s = &p->schedules[c->members[k]];

			if (s->n == 0)
				continue;
			due = s->next;
			if (due <= at && schedule_next(&s->rule, p->zone, at, &due) < 0)
				continue;
			first = due < first ? due : first;
		}
		if (first > now)
			break;
		at = first;
	}
	return n;
}

static void
add_moment(struct found *f, int64_t moment, const struct schedule *rule)
{
	if (f->n > 0 && (moment == f->newest || moment == f->second)) {
		if (moment == f->newest && (unsigned)rule->offset_s < f->offset_s)
			f->offset_s = (unsigned)rule->offset_s;
		return;
	}
	if (f->n == 0 || moment > f->newest) {
		f->second = f->newest;
		f->newest = moment;
		f->offset_s = (unsigned)rule->offset_s;
		f->jitter_s = (unsigned)rule->jitter_s;
	} else if (f->n == 1 || moment > f->second)
		f->second = moment;
	f->n++;
}

static struct found
look_at(const struct plan *p, const struct plan_binding *b, int64_t now)
{
	const struct plan_calendar *c = b->source == PLAN_CALENDAR ? &p->calendars[b->index] : NULL;
	struct found f = { 0 };
	size_t members = c != NULL ? c->n_members : 1;

	for (size_t k = 0; k < members; k++) {
		const struct plan_schedule *s = &p->schedules[c != NULL ? c->members[k] : b->index];

		if (s->n > 1)
			add_moment(&f, s->moment[1], &s->rule);
		if (s->n > 0)
			add_moment(&f, s->moment[0], &s->rule);
		if (c == NULL && s->n > 0)
			f.n = s->n;
	}
	if (c != NULL && f.n > 0)
		f.n = count_calendar(p, c, now);
	return f;
}

/* ---- rules ---- */

/* Does this class run for a moment that was missed (5.2)? */
static bool
runs_late(const struct plan *p, const struct plan_binding *b, int64_t age_s)
{
	switch (b->class) {
	case PLAN_POLL:
	case PLAN_TIME:
		return true;
	case PLAN_MESSAGE:
		return age_s < DAY_S;
	case PLAN_RELAY:
		return age_s <= p->rules.relay_grace_s || b->catch_up;
	case PLAN_MONITOR:
		break;
	}
	return false;
}

/* One binding's share of what was found; returns how many it put to out. */
static size_t
judge(const struct plan *p, size_t binding, const struct found *f, int64_t now, bool missed,
    struct plan_due *out)
{
	const struct plan_binding *b = &p->bindings[binding];
	struct plan_due due = { .binding = binding, .moment = f->newest, .offset_s = f->offset_s,
		.jitter_s = f->jitter_s };
	int64_t age_s = now - f->newest;

	if (f->n == 0 || (b->class == PLAN_RELAY && !p->trusted))
		return 0;
	due.missed = missed || age_s > LATE_S;
	if (due.missed && !runs_late(p, b, age_s))
		return 0;
	if (!due.missed && f->n == 2 && now - f->second <= LATE_S) {
		out[0] = out[1] = due;
		out[0].moment = f->second;
		return 2;
	}
	due.folded = f->n - 1;
	out[0] = due;
	return 1;
}

static int
by_moment(const void *va, const void *vb)
{
	const struct plan_due *a = va, *b = vb;

	if (a->moment != b->moment)
		return a->moment < b->moment ? -1 : 1;
	return a->binding < b->binding ? -1 : a->binding > b->binding;
}

size_t
plan_due_most(const struct plan *p)
{
	return 2 * p->n_bindings;
}

/* ---- looking ---- */

static int64_t
step_us(const struct plan *p, const struct plan_now *now)
{
	return (now->utc_us - p->seen_utc_us) - (now->mono_us - p->seen_us);
}

/* With a clock that nobody vouches for only monitors run, for a while (5.2). */
static bool
is_held(struct plan *p, const struct plan_now *now)
{
	p->trusted |= now->trusted;
	if (p->trusted || p->hold_over)
		return false;
	if (!p->held)
		p->held_since_us = now->mono_us;
	p->held = true;
	p->hold_over = now->mono_us - p->held_since_us >= p->rules.hold_s * 1000000;
	return !p->hold_over;
}

/* Moments of the present minute for monitors; nothing is settled by that. */
static size_t
look_held(struct plan *p, int64_t from, int64_t now, struct plan_due *out)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n_schedules; i++) {
		struct plan_schedule *s = &p->schedules[i];

		s->n = schedule_newest(&s->rule, p->zone, from, now, &s->moment[0]) == E_OK;
	}
	for (size_t i = 0; i < p->n_bindings; i++) {
		struct found f = look_at(p, &p->bindings[i], now);

		f.n = f.n > 0;
		if (p->bindings[i].class == PLAN_MONITOR)
			n += judge(p, i, &f, now, false, &out[n]);
	}
	for (size_t i = 0; i < p->n_schedules; i++)
		p->schedules[i].n = 0;
	return n;
}

static int64_t
seconds(int64_t us)
{
	return us / 1000000 - (us % 1000000 < 0);
}

size_t
plan_look(struct plan *p, const struct plan_now *time, struct plan_due *out)
{
	int64_t now = seconds(time->utc_us), seen = seconds(p->seen_utc_us);
	int64_t step = p->started ? step_us(p, time) : 0;
	bool missed = !p->started || step > PLAN_STEP_S * INT64_C(1000000), was_held = p->held;
	size_t n = 0;

	for (size_t i = 0; i < p->n_schedules && !p->started; i++)
		if (p->schedules[i].mark == 0)
			plan_renew(p, &p->schedules[i], now);
		else
			find_next(p, &p->schedules[i]);
	p->seen_utc_us = time->utc_us;
	p->seen_us = time->mono_us;
	if (is_held(p, time)) {
		bool live = p->started && !missed && seen >= now - LATE_S && seen < now;

		p->started = true;
		return live ? look_held(p, seen, now, out) : 0;
	}
	p->started = true;
	p->held = false;
	missed |= was_held;
	drop_false_marks(p, now);
	for (size_t i = 0; i < p->n_schedules; i++)
		gather(p, &p->schedules[i], now);
	for (size_t i = 0; i < p->n_bindings; i++) {
		struct found f = look_at(p, &p->bindings[i], now);

		n += judge(p, i, &f, now, missed, &out[n]);
	}
	settle(p, now);
	if (n > 1)
		qsort(out, n, sizeof(*out), by_moment);
	return n;
}

int64_t
plan_wake_us(const struct plan *p, const struct plan_now *now)
{
	int64_t next = NEVER, utc = seconds(now->utc_us);

	if (p->held) {
		int64_t minute = (utc / 60 + 1) * 60 * INT64_C(1000000) - now->utc_us + now->mono_us;
		int64_t end = p->held_since_us + p->rules.hold_s * 1000000;

		return minute < end ? minute : end;
	}
	for (size_t i = 0; i < p->n_schedules; i++)
		next = p->schedules[i].next < next ? p->schedules[i].next : next;
	return next == NEVER ? NEVER : next * 1000000 - now->utc_us + now->mono_us;
}
