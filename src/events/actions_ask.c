/* Actions that ask single meters: monitors and relays (event-model.md 7.2, 7.4). */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/clock.h"
#include "src/base/log.h"
#include "src/base/loop.h"
#include "src/events/events_private.h"

enum { ANSWER_S = 60, TARGETS_MOST = 256, PERIOD_MOST_S = 86400, PERIOD_LEAST_S = 1 };

/* In a bus thread. */
static void
take(void *arg, const struct ask *ask, const struct ask_answer *given)
{
	struct answer *a = arg;
	struct events *e = a->events;

	(void)ask;
	a->rc = given->rc;
	pthread_mutex_lock(&e->lock);
	STAILQ_INSERT_TAIL(&e->answers, a, link);
	pthread_mutex_unlock(&e->lock);
	events_clock_stepped(e); /* a look, soon */
}

static void
count(struct job *job, const struct answer *a)
{
	job->asked--;
	job->ok += a->rc == E_OK;
	job->failed += a->rc < 0;
	if (a->rc < 0 && job->note[0] == '\0')
		snprintf(job->note, sizeof(job->note), "meter %" PRIu32 ": %s", a->meter,
		    a->rc == E_METER && job->binding.action.type == ACTION_EXT_RELAY ?
			"the relay did not follow" :
			uspd_strerror(a->rc));
}

void
actions_take_answers(struct events *e)
{
	struct answers got = STAILQ_HEAD_INITIALIZER(got);
	struct answer *a;

	pthread_mutex_lock(&e->lock);
	STAILQ_CONCAT(&got, &e->answers);
	pthread_mutex_unlock(&e->lock);
	while ((a = STAILQ_FIRST(&got)) != NULL) {
		struct job *job = a->job != 0 ? job_find(e, a->job) : NULL;

		STAILQ_REMOVE_HEAD(&got, link);
		if (job != NULL && job->asked > 0)
			count(job, a);
		free(a);
	}
}

/* job NULL: nobody counts the answer. */
static void
ask_meter(struct events *e, struct job *job, const struct ask *what)
{
	struct answer *a = calloc(1, sizeof(*a));
	struct ask ask = *what;
	int rc = E_NOMEM;

	if (a != NULL) {
		*a = (struct answer){ .events = e, .job = job != NULL ? job->number : 0,
			.meter = ask.meter };
		ask.answered = take;
		ask.arg = a;
		ask.deadline_us = clock_mono_us() + ANSWER_S * INT64_C(1000000);
		rc = poll_ask(e->poll, &ask);
	}
	if (job != NULL)
		job->asked++;
	if (rc == E_OK)
		return;
	if (job != NULL)
		count(job, &(struct answer){ .rc = rc, .meter = ask.meter });
	free(a);
}

/* ---- monitors ---- */

static bool
is_momentary(enum record_type type)
{
	static const uint32_t moments = REC_BIT(REC_EL_MOMENT_ENERGY) | REC_BIT(REC_EL_MOMENT_QUALITY) |
	    REC_BIT(REC_PLS_MOMENT) | REC_BIT(REC_DIG_MOMENT) | REC_BIT(REC_GEN_MOMENT);

	return (moments & REC_BIT(type)) != 0;
}

/* Returns how many targets were asked. */
static size_t
ask_targets(struct events *e, struct job *job, const json_t *row)
{
	const json_t *target;
	size_t i, n = 0;

	json_array_foreach(json_object_get(row, "targets"), i, target) {
		const char *measure = json_string_value(json_object_get(target, "measure"));
		struct ask ask = { .kind = ASK_READ, .store = true,
			.meter = (uint32_t)json_integer_value(json_object_get(target, "meterId")),
			.type = measure != NULL ? record_type_by_name(measure) : REC_NONE };

		if (i == TARGETS_MOST)
			break;
		if (!is_momentary(ask.type))
			continue;
		ask_meter(e, job, &ask);
		n++;
	}
	return n;
}

static int64_t
period_of(const json_t *row, const char *name, int64_t least_s)
{
	int64_t s = json_integer_value(json_object_get(row, name));

	return s <= 0 ? 0 : (s < least_s ? least_s : s > PERIOD_MOST_S ? PERIOD_MOST_S : s) * 1000000;
}

/* From now on it is read again and again, until it is fired anew or its time is over. */
static void
keep_on(struct events *e, int64_t action, const json_t *row)
{
	int64_t period_us = period_of(row, "periodSec", PERIOD_LEAST_S), now_us = clock_mono_us();
	int64_t duration_us = period_of(row, "durationSec", 1);
	struct monitor *place = NULL;

	for (int i = 0; i < MONITORS_MOST; i++)
		if (e->monitors[i].period_us != 0 && e->monitors[i].action == action)
			place = &e->monitors[i];
	for (int i = 0; i < MONITORS_MOST && place == NULL; i++)
		if (e->monitors[i].period_us == 0)
			place = &e->monitors[i];
	if (place == NULL)
		log_warn("events", "monitor %" PRId64 ": too many go on already; read once", action);
	else
		*place = (struct monitor){ action, period_us, now_us + period_us,
			duration_us != 0 ? now_us + duration_us : INT64_MAX };
}

int
action_monitor(struct events *e, struct job *job, const char *json)
{
	json_t *row = json_loads(json, 0, NULL);

	if (ask_targets(e, job, row) == 0)
		job_end(job, RESULT_SKIPPED, "no momentary values to read");
	else
		keep_on(e, job->binding.action.id, row);
	json_decref(row);
	return E_OK;
}

void
monitors_advance(struct events *e)
{
	int64_t now_us = clock_mono_us();

	for (int i = 0; i < MONITORS_MOST; i++) {
		struct monitor *m = &e->monitors[i];
		const char *json;
		json_t *row;

		if (m->period_us == 0 || now_us < m->next_us)
			continue;
		json = rules_action(&e->rules, (struct action_ref){ ACTION_MONITOR, m->action });
		if (json == NULL || now_us >= m->until_us) {
			m->period_us = 0;
			continue;
		}
		row = json_loads(json, 0, NULL);
		ask_targets(e, NULL, row);
		json_decref(row);
		m->next_us = now_us + m->period_us;
	}
}

int64_t
monitors_wake_us(const struct events *e)
{
	int64_t wake = INT64_MAX;

	for (int i = 0; i < MONITORS_MOST; i++)
		if (e->monitors[i].period_us != 0 && e->monitors[i].next_us < wake)
			wake = e->monitors[i].next_us;
	return wake;
}

/* ---- relays of meters ---- */

/* It is always read back where the meter can tell; "confirm" cannot ask for less. */
int
action_relay(struct events *e, struct job *job, const char *json)
{
	json_t *row = json_loads(json, 0, NULL);
	json_int_t meter = json_integer_value(json_object_get(row, "meterId"));
	json_int_t relay = json_integer_value(json_object_get(row, "relayId"));
	const json_t *state = json_object_get(row, "relayState");
	struct ask ask = { .kind = ASK_RELAY_SET, .meter = (uint32_t)meter, .relay = (unsigned)relay,
		.on = json_integer_value(state) == 1 };
	bool whole = meter > 0 && meter <= UINT32_MAX && relay > 0 && relay <= 255 &&
	    json_is_integer(state) && (ask.on || json_integer_value(state) == 0);

	json_decref(row);
	if (!whole) {
		job_end(job, RESULT_FAILED, "the row does not say which relay to switch how");
		return E_OK;
	}
	snprintf(ask.by, sizeof(ask.by), "%s %" PRId64, event_type_name(job->binding.event.type),
	    job->binding.event.id);
	ask_meter(e, job, &ask);
	return E_OK;
}
