/* Bindings that wait or run: at most one of each per row (event-model.md 6.1). */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/clock.h"
#include "src/base/log.h"
#include "src/base/text.h"
#include "src/events/events_private.h"

#define NOTE_PREFIX "events/job/"
enum { DAY_S = 86400, RETRY_US = 1000000 };

const char *
events_result_name(enum events_result result)
{
	static const char *const names[RESULT_COUNT] = { [RESULT_OK] = "ok",
		[RESULT_PARTIAL] = "partial", [RESULT_FAILED] = "failed", [RESULT_SKIPPED] = "skipped",
		[RESULT_INTERRUPTED] = "interrupted" };

	return names[result];
}

/* ---- notes and the journal ---- */

static const char *
note_key(const struct job *job, char key[static NOTE_KEY_MOST + 1])
{
	snprintf(key, NOTE_KEY_MOST + 1, NOTE_PREFIX "%016" PRIx64, job->number);
	return key;
}

static void
write_note(struct events *e, const struct job *job)
{
	const struct binding *b = &job->binding;
	char key[NOTE_KEY_MOST + 1], text[320];

	snprintf(text, sizeof(text),
	    "{\"table\":%d,\"row\":%" PRId64 ",\"event\":\"%s\",\"eventId\":%" PRId64
	    ",\"action\":\"%s\",\"actionId\":%" PRId64 ",\"moment\":%" PRId64
	    ",\"folded\":%u,\"started\":%" PRId64 "}",
	    (int)b->table, b->row, event_type_name(b->event.type), b->event.id,
	    action_type_name(b->action.type), b->action.id, job->moment, job->folded, job->started);
	events_write(e, note_key(job, key), text, NULL, 0);
}

/* event-model.md 10; ?full=1 shows all of it. */
static void
write_row(struct events *e, const struct job *job)
{
	const struct binding *b = &job->binding;
	int64_t now = clock_utc(), started = job->started != 0 ? job->started : now;
	char key[NOTE_KEY_MOST + 1];
	struct text row = { 0 };

	text_printf(&row,
	    "{\"event\":{\"id\":%" PRId64 ",\"type\":\"%s\"},\"action\":{\"id\":%" PRId64
	    ",\"type\":\"%s\"},\"result\":\"%s\",\"row\":%" PRId64 ",\"moment\":%" PRId64,
	    b->event.id, event_type_name(b->event.type), b->action.id, action_type_name(b->action.type),
	    events_result_name(job->result), b->row, job->moment);
	text_printf(&row,
	    ",\"started\":%" PRId64 ",\"finished\":%" PRId64 ",\"metersOk\":%" PRIu32
	    ",\"metersFailed\":%" PRIu32 ",\"folded\":%u,\"note\":",
	    started, now, job->ok, job->failed, job->folded);
	text_json(&row, job->note);
	text_str(&row, "}");
	events_write(e, note_key(job, key), NULL, row.failed ? NULL : row.p, started);
	text_free(&row);
}

/* ---- the list ---- */

static struct job_bucket *
bucket_of(struct events *e, const struct binding *b)
{
	return &e->buckets[((uint64_t)b->row * 7 + (uint64_t)b->table) % JOB_BUCKETS];
}

static bool
is_same(const struct binding *a, const struct binding *b)
{
	return a->table == b->table && a->row == b->row && a->action.type == b->action.type;
}

static struct job *
find_same(struct events *e, const struct binding *b, bool waiting)
{
	struct job *job;

	LIST_FOREACH(job, bucket_of(e, b), same)
		if (is_same(&job->binding, b) && (job->state == JOB_WAITING) == waiting)
			return job;
	return NULL;
}

struct job *
job_find(struct events *e, uint64_t number)
{
	struct job *job;

	TAILQ_FOREACH(job, &e->jobs, link)
		if (job->number == number)
			return job;
	return NULL;
}

static struct job *
enlist(struct events *e, const struct binding *b)
{
	struct job *job = e->n_jobs < JOBS_MOST ? calloc(1, sizeof(*job)) : NULL;

	if (job == NULL) {
		log_error("events", "row %" PRId64 ": too much waits; not carried out", b->row);
		return NULL;
	}
	job->number = e->next_job++;
	job->binding = *b;
	job->queued_us = clock_mono_us();
	TAILQ_INSERT_TAIL(&e->jobs, job, link);
	LIST_INSERT_HEAD(bucket_of(e, b), job, same);
	e->n_jobs++;
	return job;
}

static void
discard(struct events *e, struct job *job)
{
	TAILQ_REMOVE(&e->jobs, job, link);
	LIST_REMOVE(job, same);
	e->n_jobs--;
	free(job);
}

void
job_add(struct events *e, const struct binding *b, int64_t moment, unsigned folded, int64_t start_us)
{
	struct job *job = find_same(e, b, true);

	if (job != NULL && moment <= job->moment)
		return; /* known already: from before a crash */
	if (job != NULL) {
		job->folded += folded + 1;
		job->moment = moment;
	} else if ((job = enlist(e, b)) != NULL) {
		job->moment = moment;
		job->folded = folded;
		job->start_us = start_us;
	}
	if (job != NULL)
		write_note(e, job);
}

void
job_end(struct job *job, enum events_result result, const char *note)
{
	job->state = JOB_ENDED;
	job->result = result;
	if (note != NULL && job->note[0] == '\0')
		snprintf(job->note, sizeof(job->note), "%s", note);
}

/* ---- what goes on ---- */

static bool
is_message(const struct job *job)
{
	switch (job->binding.action.type) {
	case ACTION_MQTT:
	case ACTION_SMTP:
	case ACTION_MQTT_31:
	case ACTION_SMTP_31:
	case ACTION_SMS_31:
		return true;
	default:
		return false;
	}
}

/* A message waits for polls of its event: else it would send the data of yesterday (6.1). */
static bool
waits_for_poll(const struct events *e, const struct job *message)
{
	const struct job *job;

	TAILQ_FOREACH(job, &e->jobs, link)
		if (job->binding.action.type == ACTION_POLLER && job->state != JOB_ENDED &&
		    job->binding.event.type == message->binding.event.type &&
		    job->binding.event.id == message->binding.event.id &&
		    job->moment <= message->moment)
			return true;
	return false;
}

static int64_t
poll_patience_us(const struct events *e, const struct job *message)
{
	return message->queued_us + e->settings.events_message_wait_s * 1000000;
}

static bool
may_begin(struct events *e, const struct job *job, int64_t now_us)
{
	if (job->start_us > now_us || find_same(e, &job->binding, false) != NULL)
		return false;
	return !is_message(job) || now_us >= poll_patience_us(e, job) || !waits_for_poll(e, job);
}

static void
begin(struct events *e, struct job *job)
{
	int rc;

	/* The note holds an old beginning while it is tried again; that only errs to the safe side. */
	job->state = JOB_RUNNING;
	rc = action_begin(e, job);
	job->tried = rc == E_BUSY && job->state == JOB_RUNNING;
	if (rc < 0 && rc != E_BUSY && job->state == JOB_RUNNING)
		job_end(job, RESULT_FAILED, uspd_strerror(rc));
}

static void
advance(struct events *e, struct job *job, int64_t now_us)
{
	if (job->state == JOB_WAITING && may_begin(e, job, now_us)) {
		job->state = JOB_WRITING;
		job->started = clock_utc();
		job->flush = events_flush_number(e);
		e->sync_wanted = true;
		write_note(e, job);
	} else if (job->state == JOB_WRITING && e->flushed >= job->flush)
		begin(e, job);
	else if (job->state == JOB_RUNNING && job->tried)
		begin(e, job);
	else if (job->state == JOB_RUNNING)
		action_look(e, job);
}

/* Returns whether any had ended: others may have waited for them. */
static bool
sweep(struct events *e)
{
	struct job *job, *next;
	bool any = false;

	for (job = TAILQ_FIRST(&e->jobs); job != NULL; job = next) {
		next = TAILQ_NEXT(job, link);
		if (job->state != JOB_ENDED)
			continue;
		write_row(e, job);
		pthread_mutex_lock(&e->lock);
		e->stats.done[job->result]++;
		pthread_mutex_unlock(&e->lock);
		discard(e, job);
		any = true;
	}
	return any;
}

void
jobs_advance(struct events *e)
{
	int64_t now_us = clock_mono_us();
	uint32_t waiting = 0, running = 0;
	struct job *job;

	do
		TAILQ_FOREACH(job, &e->jobs, link)
			advance(e, job, now_us);
	while (sweep(e));
	TAILQ_FOREACH(job, &e->jobs, link)
		if (job->state == JOB_WAITING)
			waiting++;
		else
			running++;
	pthread_mutex_lock(&e->lock);
	e->stats.waiting = waiting;
	e->stats.running = running;
	pthread_mutex_unlock(&e->lock);
}

int64_t
jobs_wake_us(const struct events *e)
{
	int64_t wake = INT64_MAX, now_us = clock_mono_us(), at;
	const struct job *job;

	TAILQ_FOREACH(job, &e->jobs, link) {
		at = INT64_MAX;
		if (job->state == JOB_WAITING && job->start_us > now_us)
			at = job->start_us;
		else if (job->state == JOB_WAITING && is_message(job) &&
		    poll_patience_us(e, job) > now_us)
			at = poll_patience_us(e, job);
		else if (job->state == JOB_RUNNING && (job->tried || job->run != 0))
			at = now_us + RETRY_US;
		wake = at < wake ? at : wake;
	}
	return wake;
}

/* ---- over a restart ---- */

static bool
still_makes_sense(const struct events *e, const struct job *job)
{
	int64_t age_s = clock_utc() - job->moment;

	switch (job->binding.action.type) {
	case ACTION_POLLER:
	case ACTION_TIME_SYNC:
		return true;
	case ACTION_INT_RELAY:
	case ACTION_EXT_RELAY:
	case ACTION_RESTART:
		return age_s <= e->settings.events_relay_grace_s;
	case ACTION_MONITOR:
		return false;
	default:
		return age_s < DAY_S;
	}
}

static int
restore_one(void *arg, const char *key, const char *text)
{
	struct events *e = arg;
	json_t *row = json_loads(text, 0, NULL);
	struct binding b = {
		.table = (enum table)json_integer_value(json_object_get(row, "table")),
		.row = json_integer_value(json_object_get(row, "row")),
		.event = { event_type_by_name(json_string_value(json_object_get(row, "event"))),
		    json_integer_value(json_object_get(row, "eventId")) },
		.action = { action_type_by_name(json_string_value(json_object_get(row, "action"))),
		    json_integer_value(json_object_get(row, "actionId")) },
	};
	struct job *job;

	e->next_job = strtoull(key + strlen(NOTE_PREFIX), NULL, 16);
	job = enlist(e, &b);
	e->next_job = job == NULL ? e->next_job + 1 : e->next_job;
	if (job != NULL) {
		job->moment = json_integer_value(json_object_get(row, "moment"));
		job->folded = (unsigned)json_integer_value(json_object_get(row, "folded"));
		job->started = json_integer_value(json_object_get(row, "started"));
		job->start_us = job->queued_us + e->settings.events_settle_s * 1000000;
		if (job->started != 0)
			job_end(job, RESULT_INTERRUPTED, "the daemon ended meanwhile");
		else if (!still_makes_sense(e, job))
			job_end(job, RESULT_SKIPPED, "too late after a restart");
	}
	json_decref(row);
	return E_OK;
}

int
jobs_restore(struct events *e)
{
	return store_notes(e->options.store, NOTE_PREFIX, restore_one, e);
}

void
jobs_stop(struct events *e)
{
	struct job *job;

	TAILQ_FOREACH(job, &e->jobs, link)
		if (job->state == JOB_RUNNING && !job->tried)
			job_end(job, RESULT_INTERRUPTED, "the daemon ended meanwhile");
		else if (job->state == JOB_WRITING || job->state == JOB_RUNNING) {
			job->started = 0; /* it goes on waiting after the start */
			write_note(e, job);
		}
	TAILQ_FOREACH(job, &e->jobs, link)
		if (job->state == JOB_ENDED)
			write_row(e, job);
}

void
jobs_free(struct events *e)
{
	struct job *job, *next;

	for (job = TAILQ_FIRST(&e->jobs); job != NULL; job = next) {
		next = TAILQ_NEXT(job, link);
		free(job);
	}
}
