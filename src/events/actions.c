/* What is done: one small function per kind of action (event-model.md 7). */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/log.h"
#include "src/base/loop.h"
#include "src/base/text.h"
#include "src/events/events_private.h"

enum { NAME_MOST = 300 };

/* ---- polls ---- */

/* Names count without blanks and case, as on the wire (smart-json.md 2). */
static bool
names_alike(const char *a, const char *b)
{
	char folded[2][NAME_MOST];

	for (int i = 0; i < 2; i++) {
		char *to = folded[i];

		utf8_fold(folded[i], NAME_MOST, i == 0 ? a : b);
		for (const char *from = folded[i]; *from != '\0'; from++)
			if (*from != ' ')
				*to++ = *from;
		*to = '\0';
	}
	return strcmp(folded[0], folded[1]) == 0;
}

/* The row of a table of templates with this name; NULL. */
static json_t *
template_named(const struct table_rows *rows, const char *name)
{
	for (size_t i = 0; i < rows->n; i++) {
		json_t *row = json_loads(rows->rows[i].json, 0, NULL);
		const char *is = json_string_value(json_object_get(row, "name"));

		if (is != NULL && names_alike(is, name))
			return row;
		json_decref(row);
	}
	return NULL;
}

static void
take_types(const json_t *row, struct poll_order *order)
{
	const json_t *value;
	size_t i;

	json_array_foreach(json_object_get(row, "types"), i, value) {
		const char *name = json_string_value(value);
		enum record_type type = name != NULL ? record_type_by_name(name) : REC_NONE;
		unsigned journal = name != NULL ? journal_by_name(name) : 0;

		if (type != REC_NONE)
			order->types |= REC_BIT(type);
		else if (journal != 0) {
			order->types |= REC_BIT(REC_EL_JOURNAL);
			order->journals |= journal_bit(journal);
		}
	}
}

/* The meters of a template that are in the table; *all: it names none. */
static uint32_t *
take_meters(const struct events *e, const json_t *row, bool *all, size_t *n)
{
	const json_t *list = json_object_get(row, "meters"), *value;
	const struct meter_table *table = store_meters(e->options.store);
	uint32_t *ids = calloc(json_array_size(list) + 1, sizeof(*ids));
	size_t i, unknown = 0;

	*all = json_array_size(list) == 0;
	*n = 0;
	json_array_foreach(list, i, value) {
		json_int_t id = json_integer_value(value);

		if (ids != NULL && id > 0 && id <= UINT32_MAX &&
		    meter_table_find(table, (uint32_t)id) != NULL)
			ids[(*n)++] = (uint32_t)id;
		else
			unknown++;
	}
	meter_table_release(table);
	if (unknown > 0)
		log_warn("events", "a template names %zu meters that are not there", unknown);
	return ids;
}

static int
start_poll(struct events *e, struct job *job, const json_t *types, const json_t *meters)
{
	/* Where the poller fills gaps by itself, a run brings what is new (poller.md 4.4). */
	struct poll_order order = { .newest = e->settings.poll_enabled != 0 };
	bool all;
	uint32_t *ids = take_meters(e, meters, &all, &order.n_meters);
	int rc = E_NOMEM;

	take_types(types, &order);
	order.meters = ids;
	if (order.types == 0)
		job_end(job, RESULT_SKIPPED, "the template names nothing to read");
	else if (!all && order.n_meters == 0)
		job_end(job, RESULT_SKIPPED, "the template names no meter that is there");
	else if (ids != NULL)
		rc = poll_start(e->poll, &order, &job->run);
	free(ids);
	return job->state == JOB_ENDED ? E_OK : rc;
}

static int
begin_poll(struct events *e, struct job *job, const char *json)
{
	json_t *row = json_loads(json, 0, NULL);
	const char *types_name = json_string_value(json_object_get(row, "archTypesName"));
	const char *meters_name = json_string_value(json_object_get(row, "metersName"));
	bool all = meters_name == NULL || *meters_name == '\0';
	json_t *types = template_named(e->rules.tables[TABLE_ARCH_TEMPLATES],
	    types_name != NULL ? types_name : "");
	json_t *meters = all ? NULL :
			       template_named(e->rules.tables[TABLE_METER_TEMPLATES], meters_name);
	int rc = E_OK;

	if (types == NULL)
		job_end(job, RESULT_SKIPPED, "no such template of data");
	else if (!all && meters == NULL)
		job_end(job, RESULT_SKIPPED, "no such template of meters");
	else
		rc = start_poll(e, job, types, meters);
	json_decref(meters);
	json_decref(types);
	json_decref(row);
	return rc;
}

static void
judge_meters(struct job *job, const char *note)
{
	job_end(job,
	    job->failed == 0 ? RESULT_OK :
		job->ok == 0 ? RESULT_FAILED :
			       RESULT_PARTIAL,
	    note);
}

static void
look_at_run(struct events *e, struct job *job)
{
	struct poll_progress progress;

	if (poll_progress(e->poll, job->run, &progress) < 0) {
		job_end(job, RESULT_OK, "what became of the run is not known any more");
	} else if (progress.finished) {
		job->failed = progress.failed;
		job->ok = progress.done - progress.failed;
		judge_meters(job, NULL);
	}
}

/* ---- time ---- */

static void
ask_time_servers(void *arg)
{
	struct events *e = arg;

	e->time_sync.rc = e->options.clock_sync(e->options.arg);
}

void
actions_take_sync(void *arg)
{
	struct events *e = arg;
	struct job *job = job_find(e, e->time_sync.job);

	e->time_sync.busy = false;
	if (job != NULL && job->state == JOB_RUNNING)
		job_end(job, e->time_sync.rc == E_OK ? RESULT_OK : RESULT_FAILED,
		    e->time_sync.rc == E_OK ? NULL : uspd_strerror(e->time_sync.rc));
	events_pump(e);
}

static int
begin_time_sync(struct events *e, struct job *job)
{
	if (e->options.clock_sync == NULL) {
		job_end(job, RESULT_FAILED, "no time service on this board");
		return E_OK;
	}
	if (e->time_sync.busy)
		return E_BUSY;
	e->time_sync.busy = true;
	e->time_sync.job = job->number;
	if (loop_work(e->options.loop, ask_time_servers, actions_take_sync, e) == E_OK)
		return E_OK;
	e->time_sync.busy = false;
	return E_BUSY;
}

/* ---- messages ---- */

static int
begin_message(struct events *e, struct job *job, const char *json)
{
	struct events_message message = { job->number, job->binding.action, json, job->binding.event,
		job->moment };
	const struct sender *sender = &e->senders[job->binding.action.type];

	if (sender->send == NULL) {
		job_end(job, RESULT_SKIPPED, "nothing here sends such messages");
		return E_OK;
	}
	job->messages = true;
	return sender->send(sender->arg, &message);
}

void
events_set_sender(struct events *e, enum action_type type, events_send *send, void *arg)
{
	e->senders[type] = (struct sender){ send, arg };
}

void
events_message_done(struct events *e, uint64_t number, enum events_result result, const char *note)
{
	struct job *job = job_find(e, number);

	if (job == NULL || !job->messages || job->state != JOB_RUNNING)
		return;
	job_end(job, result, note);
	events_clock_stepped(e); /* a look from the loop: the sender may be in the middle of its own */
}

/* ---- all ---- */

/* Ordering it waits for the disk. */
static void
order_restart(void *arg)
{
	struct events *e = arg;

	e->options.restart(e->options.arg);
}

static void
restart_ordered(void *arg)
{
	(void)arg;
}

static int
begin_restart(struct events *e, struct job *job)
{
	if (e->options.restart == NULL)
		job_end(job, RESULT_FAILED, "this device cannot restart itself");
	else if (loop_work(e->options.loop, order_restart, restart_ordered, e) < 0)
		return E_BUSY;
	else
		job_end(job, RESULT_OK, NULL);
	return E_OK;
}

int
action_begin(struct events *e, struct job *job)
{
	const char *json = rules_action(&e->rules, job->binding.action);

	if (json == NULL) {
		job_end(job, RESULT_SKIPPED, "no such action");
		return E_OK;
	}
	switch (job->binding.action.type) {
	case ACTION_POLLER:
		return begin_poll(e, job, json);
	case ACTION_MONITOR:
		return action_monitor(e, job, json);
	case ACTION_EXT_RELAY:
		return action_relay(e, job, json);
	case ACTION_INT_RELAY:
		job_end(job, RESULT_FAILED, "no hardware");
		return E_OK;
	case ACTION_TIME_SYNC:
		return begin_time_sync(e, job);
	case ACTION_RESTART:
		return begin_restart(e, job);
	case ACTION_MQTT:
	case ACTION_SMTP:
	case ACTION_MQTT_31:
	case ACTION_SMTP_31:
	case ACTION_SMS_31:
		return begin_message(e, job, json);
	case ACTION_NONE:
	case ACTION_TYPE_COUNT:
		break;
	}
	return E_INVALID;
}

void
action_look(struct events *e, struct job *job)
{
	if (job->run != 0)
		look_at_run(e, job);
	else if (job->binding.action.type == ACTION_MONITOR ||
	    job->binding.action.type == ACTION_EXT_RELAY) {
		if (job->asked == 0)
			judge_meters(job, NULL);
	}
}
