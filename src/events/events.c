/* The engine: wakes when something is due, raises events, and goes on with what waits or runs. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/clock.h"
#include "src/base/log.h"
#include "src/base/loop.h"
#include "src/events/events_private.h"

enum { WAKE_MOST_MS = 60000, WAKE_LEAST_MS = 1, RETRY_MS = 1000 };
#define SEEN_KEY "events/seen"
#define FIRED_PREFIX "events/fired/"
#define LEVEL_PREFIX "events/level/"
#define SECOND INT64_C(1000000)

/* ---- what outlives a restart ---- */

static void
write_number(struct events *e, const char *prefix, int64_t id, int64_t value)
{
	char key[NOTE_KEY_MOST + 1], text[24];

	snprintf(key, sizeof(key), id != 0 ? "%s%" PRId64 : "%s", prefix, id);
	snprintf(text, sizeof(text), "%" PRId64, value);
	events_write(e, key, text, NULL, 0);
}

/* What is held is not settled. */
static void
write_seen(struct events *e)
{
	if (!e->rules.plan.held)
		write_number(e, SEEN_KEY, 0, e->rules.plan.seen_utc_us / SECOND);
}

static int
take_seen(void *arg, const char *key, const char *text)
{
	*(int64_t *)arg = strcmp(key, SEEN_KEY) == 0 ? strtoll(text, NULL, 10) : *(int64_t *)arg;
	return E_OK;
}

static int
take_fired(void *arg, const char *key, const char *text)
{
	struct events *e = arg;
	size_t i = rules_schedule(&e->rules, strtoll(key + strlen(FIRED_PREFIX), NULL, 10));

	if (i < e->rules.plan.n_schedules) {
		e->rules.plan.schedules[i].fired = strtoll(text, NULL, 10);
		if (e->rules.plan.schedules[i].mark < e->rules.plan.schedules[i].fired)
			e->rules.plan.schedules[i].mark = e->rules.plan.schedules[i].fired;
	}
	return E_OK;
}

static int
take_level(void *arg, const char *key, const char *text)
{
	struct events *e = arg;
	int64_t id = strtoll(key + strlen(LEVEL_PREFIX), NULL, 10);

	for (size_t i = 0; i < e->rules.n_inputs; i++)
		if (e->rules.inputs[i].meter == 0 && e->rules.inputs[i].event.id == id)
			e->rules.inputs[i].state.reported = text[0] == '0' ? LEVEL_CLOSED : LEVEL_OPEN;
	return E_OK;
}

/* How far schedules were settled when the daemon ended. */
static int
restore(struct events *e)
{
	struct plan *plan = &e->rules.plan;
	int64_t seen = 0;
	int rc = store_notes(e->options.store, SEEN_KEY, take_seen, &seen);

	for (size_t i = 0; i < plan->n_schedules; i++)
		plan->schedules[i].mark = seen;
	if (rc == E_OK)
		rc = store_notes(e->options.store, FIRED_PREFIX, take_fired, e);
	if (rc == E_OK)
		rc = store_notes(e->options.store, LEVEL_PREFIX, take_level, e);
	return rc < 0 ? rc : jobs_restore(e);
}

/* ---- raising ---- */

/* An action may cause its own event: what comes too often rests (event-model.md 4.1). */
static bool
is_loop(struct events *e, struct event_ref event)
{
	int64_t now_us = clock_mono_us();
	struct raise_guard *g = NULL, *oldest = &e->guards[0];

	for (int i = 0; i < RAISE_GUARDS && g == NULL; i++) {
		if (e->guards[i].event.type == event.type && e->guards[i].event.id == event.id)
			g = &e->guards[i];
		if (e->guards[i].window_us < oldest->window_us && e->guards[i].rest_until_us <= now_us)
			oldest = &e->guards[i];
	}
	if (g == NULL) {
		g = oldest;
		*g = (struct raise_guard){ .event = event, .window_us = now_us };
	}
	if (g->rest_until_us > now_us) {
		g->dropped++;
		return true;
	}
	if (g->rest_until_us != 0)
		log_info("events", "%s %" PRId64 " is heard again; meanwhile %u times",
		    event_type_name(event.type), event.id, g->dropped);
	if (g->rest_until_us != 0 || now_us - g->window_us >= CHATTER_WINDOW_S * SECOND)
		*g = (struct raise_guard){ .event = event, .window_us = now_us };
	if (++g->raised <= CHATTER_CHANGES)
		return false;
	g->rest_until_us = now_us + CHATTER_REST_S * SECOND;
	g->dropped = 1;
	return true;
}

static void
journal_chatter(struct events *e, struct event_ref event)
{
	char json[240];

	log_warn("events", "%s %" PRId64 " comes too often; rests for %d min",
	    event_type_name(event.type), event.id, CHATTER_REST_S / 60);
	snprintf(json, sizeof(json),
	    "{\"level\":\"warn\",\"unit\":\"events\",\"code\":\"chatter\",\"text\":\"%s %" PRId64
	    ": more than %d events in %d s; not heard for %d min\"}",
	    event_type_name(event.type), event.id, CHATTER_CHANGES, CHATTER_WINDOW_S,
	    CHATTER_REST_S / 60);
	if (store_journal_add(e->options.store, DJ_SYSTEM, clock_utc(), json) < 0)
		log_warn("events", "not journalled");
}

void
events_raise(struct events *e, struct event_ref event, int64_t utc)
{
	bool rested = false;

	if (is_loop(e, event)) {
		for (int i = 0; i < RAISE_GUARDS; i++)
			rested |= e->guards[i].event.type == event.type &&
			    e->guards[i].event.id == event.id && e->guards[i].dropped == 1;
		if (rested)
			journal_chatter(e, event);
		return;
	}
	pthread_mutex_lock(&e->lock);
	e->stats.raised++;
	pthread_mutex_unlock(&e->lock);
	for (size_t i = 0; i < e->rules.n_bindings; i++) {
		const struct binding *b = &e->rules.bindings[i];

		if (b->event.type == event.type && b->event.id == event.id)
			job_add(e, b, utc, 0, clock_mono_us());
	}
	events_clock_stepped(e); /* they begin in a look of their own */
}

/* ---- inputs and values of ours ---- */

static void
look_at_inputs(struct events *e)
{
	int64_t now_us = clock_mono_us();

	for (size_t i = 0; i < e->rules.n_inputs; i++) {
		struct input_trigger *t = &e->rules.inputs[i];
		struct digital_event event;
		int before = t->state.reported;

		if (t->meter != 0)
			continue;
		if (digital_tick(&t->state, now_us, &event) && event.began_rest)
			journal_chatter(e, t->event);
		if (t->state.reported != before)
			write_number(e, LEVEL_PREFIX, t->event.id, t->state.reported);
		if (event.raised)
			events_raise(e, t->event, event.utc);
	}
}

void
events_input(struct events *e, int input, int level, int64_t utc)
{
	for (size_t i = 0; i < e->rules.n_inputs; i++)
		if (e->rules.inputs[i].meter == 0 && e->rules.inputs[i].input == input)
			digital_level(&e->rules.inputs[i].state, level, clock_mono_us(), utc);
	events_pump(e);
}

void
events_value(struct events *e, const char *source, int64_t value)
{
	struct analog_event events[2];

	for (size_t i = 0; i < e->rules.n_values; i++) {
		struct value_trigger *t = &e->rules.values[i];
		size_t n;

		if (t->meter != 0 || strcmp(t->source, source) != 0)
			continue;
		n = analog_sample(&t->state, value, clock_mono_us(), events);
		for (size_t k = 0; k < n; k++)
			events_raise(e, t->event, clock_utc());
	}
}

/* ---- schedules ---- */

static int64_t
start_of(const struct events *e, const struct plan_due *due, const struct binding *b, int64_t now_us)
{
	int64_t at = due->moment + due->offset_s +
	    (b->action.type == ACTION_POLLER ? e->settings.events_poll_offset_s : 0);
	int64_t start_us = now_us + at * SECOND - clock_utc_us();
	int64_t settled_us = e->start_us + e->settings.events_settle_s * SECOND;

	if (due->jitter_s > 0)
		start_us += (int64_t)(((uint64_t)now_us * 2654435761U >> 16) % (due->jitter_s + 1)) *
		    SECOND;
	if (due->missed && start_us < settled_us)
		start_us = settled_us;
	return start_us > now_us ? start_us : now_us;
}

static void
note_lateness(struct events *e, const struct plan_due *due, int64_t utc_us)
{
	int64_t late_ms = (utc_us - due->moment * SECOND) / 1000;

	if (!due->missed && late_ms > e->stats.late_ms_max)
		e->stats.late_ms_max = (uint32_t)late_ms;
}

/* Those that mean something to a binding; so that a restart fires nothing twice. */
static void
write_marks(struct events *e)
{
	for (size_t i = 0; i < e->rules.plan.n_schedules; i++)
		if (e->rules.plan.schedules[i].n > 0)
			write_number(e, FIRED_PREFIX, e->rules.plan.schedules[i].rule.id,
			    e->rules.plan.schedules[i].fired);
	write_seen(e);
}

static void
look_at_schedules(struct events *e)
{
	struct plan_now now = { clock_utc_us(), clock_mono_us(), true };
	struct plan *plan = &e->rules.plan;
	size_t n;

	if (!plan->trusted && e->options.clock_trusted != NULL)
		now.trusted = e->options.clock_trusted(e->options.arg);
	pthread_mutex_lock(&e->lock);
	n = plan_look(plan, &now, e->due);
	for (size_t i = 0; i < n; i++)
		note_lateness(e, &e->due[i], now.utc_us);
	e->stats.raised += n;
	pthread_mutex_unlock(&e->lock);
	for (size_t i = 0; i < n; i++) {
		const struct plan_due *due = &e->due[i];
		const struct binding *b = &e->rules.bindings[e->rules.timed_binding[due->binding]];

		job_add(e, b, due->moment, due->folded, start_of(e, due, b, now.mono_us));
	}
	if (n > 0)
		write_marks(e);
}

/* ---- the look ---- */

static int64_t
wake_us(struct events *e)
{
	struct plan_now now = { clock_utc_us(), clock_mono_us(), true };
	int64_t wake = plan_wake_us(&e->rules.plan, &now);
	int64_t at[] = { jobs_wake_us(e), monitors_wake_us(e) };

	for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++)
		wake = at[i] < wake ? at[i] : wake;
	for (size_t i = 0; i < e->rules.n_inputs; i++)
		if (e->rules.inputs[i].meter == 0 && digital_wake_us(&e->rules.inputs[i].state) < wake)
			wake = digital_wake_us(&e->rules.inputs[i].state);
	return wake;
}

static void
look(void *arg)
{
	events_pump(arg);
}

static void
arm(struct events *e)
{
	int64_t wake = wake_us(e), now_us = clock_mono_us(), ms = WAKE_MOST_MS;

	if (wake != INT64_MAX && wake - now_us < ms * 1000)
		ms = wake > now_us ? (wake - now_us) / 1000 + 1 : WAKE_LEAST_MS;
	if (!STAILQ_EMPTY(&e->writes) && !e->flush.busy && ms > RETRY_MS)
		ms = RETRY_MS;
	loop_timer_free(e->timer);
	e->timer = loop_timer(e->options.loop, (uint32_t)ms, false, look, e);
	if (e->timer == NULL)
		log_error("events", "no timer: out of memory; the next change wakes the events");
}

void
events_pump(struct events *e)
{
	atomic_store(&e->look_posted, false);
	if (e->poll == NULL)
		return;
	actions_take_answers(e);
	look_at_inputs(e);
	look_at_schedules(e);
	monitors_advance(e);
	jobs_advance(e);
	events_flush(e);
	arm(e);
}

void
events_clock_stepped(struct events *e)
{
	if (atomic_exchange(&e->look_posted, true))
		return;
	if (loop_post(e->options.loop, look, e) < 0)
		atomic_store(&e->look_posted, false); /* within a minute it looks by itself */
}

/* In the writer's thread. */
static void
committed(void *arg, uint64_t sequence)
{
	struct events *e = arg;

	(void)sequence;
	if (!atomic_exchange(&e->records_posted, true) &&
	    loop_post(e->options.loop, watch_records, e) < 0)
		atomic_store(&e->records_posted, false);
}

/* ---- configuration ---- */

static int
take_rules(struct events *e)
{
	struct plan_due *due;
	int rc;

	pthread_mutex_lock(&e->lock);
	rc = rules_load(&e->rules, e->options.store, clock_utc());
	pthread_mutex_unlock(&e->lock);
	due = rc == E_OK ? calloc(plan_due_most(&e->rules.plan) + 1, sizeof(*due)) : NULL;
	if (rc == E_OK && due == NULL)
		rc = E_NOMEM;
	if (rc == E_OK) {
		free(e->due);
		e->due = due;
	} else
		e->rules.plan.n_bindings = 0; /* what has no room is not asked for */
	return rc;
}

static void
take_settings(struct events *e)
{
	struct zone zone = store_zone(e->options.store), was = e->rules.plan.zone;
	struct plan *plan = &e->rules.plan;
	int64_t now = clock_utc();

	store_settings(e->options.store, &e->settings);
	plan->rules = (struct plan_rules){ e->settings.events_relay_grace_s,
		e->settings.events_hold_s };
	if (zone.offset_s == was.offset_s && zone.dst == was.dst)
		return;
	pthread_mutex_lock(&e->lock);
	plan->zone = zone;
	for (size_t i = 0; i < plan->n_schedules && plan->started; i++)
		plan_renew(plan, &plan->schedules[i],
		    plan->schedules[i].mark > now ? plan->schedules[i].mark : now);
	pthread_mutex_unlock(&e->lock);
}

void
events_reload(struct events *e)
{
	int rc;

	/* What became due under the old rules is theirs. */
	events_pump(e);
	take_settings(e);
	if (rules_stale(&e->rules, e->options.store)) {
		if ((rc = take_rules(e)) < 0)
			log_error("events", "tables not taken over: %s", uspd_strerror(rc));
		write_seen(e);
	}
	watch_records(e);
	events_pump(e);
}

/* ---- watching ---- */

bool
events_schedule(struct events *e, int64_t id, int64_t *last, int64_t *next)
{
	size_t i;
	bool found;

	pthread_mutex_lock(&e->lock);
	i = rules_schedule(&e->rules, id);
	found = i < e->rules.plan.n_schedules;
	if (found) {
		const struct plan_schedule *s = &e->rules.plan.schedules[i];

		*last = s->fired;
		*next = s->next == INT64_MAX || !e->rules.plan.started ? 0 : s->next;
	}
	pthread_mutex_unlock(&e->lock);
	return found;
}

void
events_stats(struct events *e, struct events_stats *stats)
{
	pthread_mutex_lock(&e->lock);
	*stats = e->stats;
	pthread_mutex_unlock(&e->lock);
}

/* ---- opening ---- */

int
events_open(struct events **to, const struct events_options *options)
{
	struct store_listener listener = { .committed = committed };
	struct events *e = calloc(1, sizeof(*e));
	int rc = E_NOMEM;

	*to = NULL;
	if (e == NULL)
		return E_NOMEM;
	e->options = *options;
	e->next_job = 1;
	pthread_mutex_init(&e->lock, NULL);
	TAILQ_INIT(&e->jobs);
	for (size_t i = 0; i < JOB_BUCKETS; i++)
		LIST_INIT(&e->buckets[i]);
	STAILQ_INIT(&e->answers);
	STAILQ_INIT(&e->writes);
	STAILQ_INIT(&e->flush.writes);
	take_settings(e);
	if ((rc = watch_open(e)) < 0 || (rc = take_rules(e)) < 0 || (rc = restore(e)) < 0) {
		events_close(e);
		return rc;
	}
	listener.arg = e;
	store_listen(e->options.store, &listener);
	*to = e;
	return E_OK;
}

int
events_start(struct events *e, struct poll *poll)
{
	int rc = loop_clock(e->options.loop, look, e);

	if (rc < 0)
		log_warn("events", "steps of the system clock will be noticed late");
	e->poll = poll;
	e->start_us = clock_mono_us();
	log_info("events", "schedules=%zu bindings=%zu waiting=%zu", e->rules.plan.n_schedules,
	    e->rules.n_bindings, e->n_jobs);
	watch_records(e);
	events_pump(e);
	return e->timer != NULL ? E_OK : E_NOMEM;
}

void
events_stop(struct events *e)
{
	if (e == NULL || e->poll == NULL)
		return;
	actions_take_answers(e);
	jobs_stop(e);
	write_seen(e);
	events_flush_now(e);
}

void
events_close(struct events *e)
{
	struct answer *a;

	if (e == NULL)
		return;
	loop_timer_free(e->timer);
	while ((a = STAILQ_FIRST(&e->answers)) != NULL) {
		STAILQ_REMOVE_HEAD(&e->answers, link);
		free(a);
	}
	jobs_free(e);
	events_writes_free(e);
	watch_close(e);
	rules_free(&e->rules);
	free(e->due);
	pthread_mutex_destroy(&e->lock);
	free(e);
}
