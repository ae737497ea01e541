/* Questions that somebody waits for: their queue, and the visits that answer them (class 1). */
#include "src/poll/ask.h"

#include <stdlib.h>
#include <string.h>

#include "src/base/clock.h"
#include "src/poll/poll_private.h"

enum { QUESTIONS_MOST = 512 };

/* A visit that answers all questions to one meter that waited when it began. */
struct asking {
	struct conversation c;
	uint64_t last;			/* number of the newest of them */
	bool has_run;
	int rc;				/* of the conversation as a whole */
};

/* Reading an archive may take minutes; it gives way to others between its parts. */
static bool
is_long(const struct question *q)
{
	return q->ask.kind == ASK_READ && q->ask.type != REC_EL_MOMENT_ENERGY &&
	    q->ask.type != REC_EL_MOMENT_QUALITY;
}

static bool
is_due_by(const struct question *q, int64_t now_us)
{
	return q->ask.deadline_us != 0 && q->ask.deadline_us <= now_us;
}

/* ---- the end of a question ---- */

/* What is known of the meter when it is answered.  Lock held. */
static void
describe(struct poll *poll, struct question *q, struct ask_answer *answer)
{
	const struct poll_meter *m = poll_find_meter(poll, q->ask.meter);

	answer->utc = clock_utc();
	if (m == NULL)
		return;
	if (m->diff_known) {
		answer->diff_s = m->diff_s;
		answer->diff_known = true;
	}
	memcpy(answer->serial, m->state.config.serial, sizeof(answer->serial));
	memcpy(answer->model, m->state.config.model, sizeof(answer->model));
}

static void
free_question(struct question *q)
{
	if (q == NULL)
		return;
	free(q->calendar);
	free(q->marks);
	free(q);
}

/* Lock held; lets go of it while it tells.  The question is on no list any more. */
static void
answer(struct poll *poll, struct question *q, struct ask_answer *given)
{
	describe(poll, q, given);
	poll->n_questions--;
	pthread_mutex_unlock(&poll->lock);
	q->ask.answered(q->ask.arg, &q->ask, given);
	free_question(q);
	pthread_mutex_lock(&poll->lock);
}

/* Gives a waiting question to the manager, to be answered so. */
static void
refuse(struct poll *poll, struct question *q, int rc)
{
	TAILQ_REMOVE(&poll->questions, q, link);
	q->rc = rc;
	TAILQ_INSERT_TAIL(&poll->ended, q, link);
	pthread_cond_broadcast(&poll->changed);
}

void
ask_tell_ended(struct poll *poll)
{
	struct question *q;

	while ((q = TAILQ_FIRST(&poll->ended)) != NULL) {
		struct ask_answer given = { .rc = q->rc };

		TAILQ_REMOVE(&poll->ended, q, link);
		answer(poll, q, &given);
	}
}

int64_t
ask_expire(struct poll *poll, int64_t now_us)
{
	struct question *q, *next;
	int64_t first_us = INT64_MAX;

	for (q = TAILQ_FIRST(&poll->questions); q != NULL; q = next) {
		next = TAILQ_NEXT(q, link);
		if (q->taken || q->ask.deadline_us == 0)
			continue;
		if (is_due_by(q, now_us))
			refuse(poll, q, E_TIMEOUT);
		else if (q->ask.deadline_us < first_us)
			first_us = q->ask.deadline_us;
	}
	return first_us;
}

void
ask_table_changed(struct poll *poll)
{
	struct question *q, *next;

	for (q = TAILQ_FIRST(&poll->questions); q != NULL; q = next) {
		const struct poll_meter *m = poll_find_meter(poll, q->ask.meter);

		next = TAILQ_NEXT(q, link);
		if (!q->taken && m == NULL)
			refuse(poll, q, E_NOTFOUND);
		else if (!q->taken && (m->family == NULL || m->bus == NULL))
			refuse(poll, q, E_NODRIVER);
	}
}

void
ask_refuse_bus(struct poll *poll, struct poll_bus *bus, int rc)
{
	struct question *q, *next;

	for (q = TAILQ_FIRST(&poll->questions); q != NULL; q = next) {
		const struct poll_meter *m = poll_find_meter(poll, q->ask.meter);

		next = TAILQ_NEXT(q, link);
		if (!q->taken && m != NULL && m->bus == bus)
			refuse(poll, q, rc);
	}
}

void
ask_close(struct poll *poll)
{
	struct question *q;

	pthread_mutex_lock(&poll->lock);
	while ((q = TAILQ_FIRST(&poll->questions)) != NULL)
		refuse(poll, q, E_STOPPED);
	ask_tell_ended(poll);
	pthread_mutex_unlock(&poll->lock);
}

/* ---- asking ---- */

static int
admit(struct poll *poll, const struct ask *ask, struct poll_bus **bus)
{
	const struct poll_meter *m;

	if (poll->stopping)
		return E_STOPPED;
	if ((m = poll_find_meter(poll, ask->meter)) == NULL)
		return E_NOTFOUND;
	if (m->family == NULL || m->bus == NULL)
		return E_NODRIVER;
	*bus = m->bus;
	if (m->bus->leases > 0)
		return E_BUSY;
	return poll->n_questions < QUESTIONS_MOST ? E_OK : E_LIMIT;
}

static struct question *
make_question(const struct ask *ask)
{
	bool has_calendar = ask->kind == ASK_CALENDAR || ask->kind == ASK_CALENDAR_SET;
	struct question *q = calloc(1, sizeof(*q));

	if (q == NULL)
		return NULL;
	q->ask = *ask;
	if (has_calendar && (q->calendar = calloc(1, sizeof(*q->calendar))) == NULL) {
		free(q);
		return NULL;
	}
	if (has_calendar && ask->calendar != NULL)
		*q->calendar = *ask->calendar;
	q->ask.calendar = q->calendar;
	return q;
}

int
poll_ask(struct poll *poll, const struct ask *ask)
{
	struct question *q = make_question(ask);
	struct poll_bus *bus;
	int rc;

	if (q == NULL)
		return E_NOMEM;
	pthread_mutex_lock(&poll->lock);
	if ((rc = admit(poll, ask, &bus)) == E_OK) {
		q->number = poll->next_question++;
		TAILQ_INSERT_TAIL(&poll->questions, q, link);
		poll->n_questions++;
		bus_want(bus->bus, BUS_OPERATOR_CLASS);
		if (ask->deadline_us != 0)
			pthread_cond_broadcast(&poll->changed);
	}
	pthread_mutex_unlock(&poll->lock);
	if (rc < 0)
		free_question(q);
	return rc;
}

void
poll_ask_cancel(struct poll *poll, void *arg)
{
	struct question *q, *next;

	pthread_mutex_lock(&poll->lock);
	for (q = TAILQ_FIRST(&poll->questions); q != NULL; q = next) {
		next = TAILQ_NEXT(q, link);
		if (q->ask.arg != arg)
			continue;
		q->cancelled = true;
		if (!q->taken)
			refuse(poll, q, E_STOPPED);
	}
	pthread_mutex_unlock(&poll->lock);
}

/* ---- choosing ---- */

bool
ask_others_wait(struct poll *poll, const struct poll_bus *bus, uint32_t meter)
{
	const struct question *q;

	TAILQ_FOREACH(q, &poll->questions, link) {
		const struct poll_meter *m = poll_find_meter(poll, q->ask.meter);

		if (!q->taken && m != NULL && m->bus == bus && (m->row.id != meter || !is_long(q)))
			return true;
	}
	return false;
}

/* Short ones go first, then the older. */
static struct question *
better(struct question *a, struct question *b)
{
	return a == NULL || (is_long(a) && !is_long(b)) ? b : a;
}

static int ask_run(struct visit *, struct line *, struct meter_session *);
static void ask_done(struct visit *, int rc);

struct visit *
ask_next(struct poll *poll, struct poll_bus *bus)
{
	struct question *q, *best = NULL;
	struct asking *a;

	TAILQ_FOREACH(q, &poll->questions, link) {
		const struct poll_meter *m = poll_find_meter(poll, q->ask.meter);

		if (!q->taken && m != NULL && m->bus == bus && m->family != NULL && !m->visiting)
			best = better(best, q);
	}
	if (best == NULL || (a = calloc(1, sizeof(*a))) == NULL)
		return NULL;
	conversation_init(&a->c, bus, poll_find_meter(poll, best->ask.meter), BUS_OPERATOR_CLASS);
	a->c.asked = true;
	a->c.visit.run = ask_run;
	a->c.visit.done = ask_done;
	a->last = poll->next_question - 1;
	return &a->c.visit;
}

/* ---- answering ---- */

/* The next question of this visit, taken.  Lock held. */
static struct question *
take(struct asking *a)
{
	struct question *q, *best = NULL;

	TAILQ_FOREACH(q, &a->c.poll->questions, link)
		if (!q->taken && q->ask.meter == a->c.meter->row.id && q->number <= a->last)
			best = better(best, q);
	if (best != NULL)
		best->taken = true;
	return best;
}

static bool
is_interrupted(int rc)
{
	return rc == E_PREEMPTED || rc == E_STOPPED;
}

/* Why an interrupted question is answered now; E_OK: it waits for another visit.  Lock held. */
static int
reason_to_end(const struct asking *a, const struct question *q)
{
	const struct poll *poll = a->c.poll;

	if (poll->stopping || q->cancelled)
		return E_STOPPED;
	if (is_due_by(q, clock_mono_us()))
		return E_TIMEOUT;
	if (a->c.bus->leases > 0)
		return E_BUSY;
	return q->commanded ? E_PREEMPTED : E_OK;
}

/* Lock held; lets go of it to tell the answer. */
static void
settle(struct asking *a, struct question *q, int rc, struct ask_answer *given)
{
	struct poll *poll = a->c.poll;

	/* E_BUSY tells of the bus; a meter that asks to wait refuses now. */
	given->rc = rc == E_BUSY ? E_REFUSED : rc;
	if (is_interrupted(rc) && (given->rc = reason_to_end(a, q)) == E_OK) {
		q->taken = false;
		q->number = poll->next_question++;
		TAILQ_REMOVE(&poll->questions, q, link);
		TAILQ_INSERT_TAIL(&poll->questions, q, link);
		return;
	}
	TAILQ_REMOVE(&poll->questions, q, link);
	answer(poll, q, given);
}

/* Whether what became of one question is the fate of the others too. */
static bool
ends_all(const struct asking *a, int rc)
{
	if (is_interrupted(rc) || rc == E_LOST)
		return true;
	/* The same password is not tried again (poller.md 5.2). */
	return (poll_is_link_trouble(rc) && !a->c.answered) ||
	    (rc == E_DENIED && !a->c.session->writing);
}

static int
ask_run(struct visit *visit, struct line *line, struct meter_session *session)
{
	struct asking *a = (struct asking *)(void *)visit;
	struct poll *poll = a->c.poll;
	struct question *q;
	int rc = conversation_begin(&a->c, line, session);

	a->has_run = true;
	pthread_mutex_lock(&poll->lock);
	while (!is_interrupted(rc) && (q = take(a)) != NULL) {
		struct ask_answer given = { 0 };
		int one = rc;

		pthread_mutex_unlock(&poll->lock);
		if (rc == E_OK)
			one = ask_do(&a->c, q, &given);
		if (rc == E_OK && ends_all(a, one))
			rc = one;
		pthread_mutex_lock(&poll->lock);
		settle(a, q, one, &given);
	}
	pthread_mutex_unlock(&poll->lock);
	conversation_end(&a->c);
	return rc;
}

static void
ask_done(struct visit *visit, int rc)
{
	struct asking *a = (struct asking *)(void *)visit;
	struct poll *poll = a->c.poll;
	struct question *q;

	pthread_mutex_lock(&poll->lock);
	/* The line could not be made at all. */
	while (!a->has_run && rc != E_STOPPED && (q = take(a)) != NULL)
		refuse(poll, q, rc);
	pthread_mutex_unlock(&poll->lock);
	conversation_done(visit, rc);
}
