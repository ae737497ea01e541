#include "smart-json/api.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/clock.h"
#include "src/base/loop.h"

/* GET events: server-sent events (web-ui.md 5).  All runs in the loop but collect(), as the poller
 * looks at every meter to answer it.  A listener that does not read is dropped by the server. */

enum { TICK_MS = 500, POLL_EVERY = 2, COMMENT_EVERY = 30 };	/* ticks */

struct listener {
	struct http_call *call;
	bool fresh;		/* has not seen the whole state yet */
};

struct api_events {
	struct api *api;
	struct loop_timer *timer;
	struct listener listeners[API_LISTENERS];
	size_t n;
	unsigned ticks;
	bool collecting;		/* what follows belongs to a worker */
	struct poll_bus_status buses[API_BUSES];
	size_t n_buses;
	struct poll_totals totals;
	struct poll_progress progress;
	char *shown[API_BUSES];	/* what was last sent of each bus */
	char *shown_poll;
};

static void
stop(struct api_events *events)
{
	loop_timer_free(events->timer);
	events->timer = NULL;
	for (size_t i = 0; i < API_BUSES; i++) {
		free(events->shown[i]);
		events->shown[i] = NULL;
	}
	free(events->shown_poll);
	events->shown_poll = NULL;
}

void
api_events_close(struct api_events *events)
{
	if (events == NULL)
		return;
	stop(events);
	free(events);
}

static void
leave(struct http_call *call)
{
	struct api_events *events = call->job;

	for (size_t i = 0; i < events->n; i++) {
		if (events->listeners[i].call != call)
			continue;
		events->listeners[i] = events->listeners[--events->n];
		break;
	}
	if (events->n == 0)
		stop(events);
}

/* Sends to all, or only to those who came since the last tick. */
static void
tell(struct api_events *events, const char *kind, const char *data, bool changed)
{
	char frame[1024];
	int n = kind != NULL ? snprintf(frame, sizeof(frame), "event: %s\ndata: %s\n\n", kind, data) :
			       snprintf(frame, sizeof(frame), ": \n\n");

	if (n < 0 || (size_t)n >= sizeof(frame))
		return;
	/* From the end: a slow one leaves the list meanwhile, and the last takes its place. */
	for (size_t i = events->n; i-- > 0;)
		if (changed || events->listeners[i].fresh)
			http_event(events->listeners[i].call, frame, (size_t)n);
}

void
api_events_tell(struct api_events *events, const char *kind, const char *data, enum http_level level)
{
	struct text frame = { 0 };

	text_printf(&frame, "event: %s\ndata: ", kind);
	text_str(&frame, data);
	text_str(&frame, "\n\n");
	for (size_t i = events->n; i-- > 0 && !frame.failed;)
		if (events->listeners[i].call->level >= level)
			http_event(events->listeners[i].call, frame.p, frame.len);
	text_free(&frame);
}

/* Tells what differs from what was told before. */
static void
tell_json(struct api_events *events, const char *kind, json_t *json, char **shown)
{
	char *text = json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(6));

	json_decref(json);
	if (text == NULL)
		return;
	tell(events, kind, text, *shown == NULL || strcmp(*shown, text) != 0);
	if (events->n == 0) { /* the last one was dropped, and with it what was shown */
		free(text);
		return;
	}
	free(*shown);
	*shown = text;
}

static void
tell_poll(struct api_events *events)
{
	json_t *json = api_progress_json(&events->progress);

	json_object_set_new(json, "totals", api_totals_json(&events->totals));
	tell_json(events, "poll", json, &events->shown_poll);
}

static void
collect(void *arg)
{
	struct api_events *events = arg;
	struct poll *poll = events->api->server->poll;
	uint64_t run;

	events->n_buses = poll_buses(poll, events->buses, API_BUSES);
	poll_totals(poll, &events->totals);
	pthread_mutex_lock(&events->api->lock);
	run = events->api->last_run;
	pthread_mutex_unlock(&events->api->lock);
	if (run == 0 || poll_progress(poll, run, &events->progress) < 0)
		events->progress = (struct poll_progress){ 0 };
}

static void
tell_all(void *arg)
{
	struct api_events *events = arg;

	events->collecting = false;
	events->ticks++;
	for (size_t i = 0; i < events->n_buses && events->n > 0; i++)
		tell_json(events, "bus", api_bus_json(&events->buses[i]), &events->shown[i]);
	if (events->n > 0)
		api_traces_tell(events->api);
	if (events->n > 0 && events->ticks % POLL_EVERY == 0)
		tell_poll(events);
	if (events->n > 0 && events->ticks % COMMENT_EVERY == 0)
		tell(events, NULL, NULL, true);
	if (events->ticks % POLL_EVERY == 0)
		for (size_t i = 0; i < events->n; i++)
			events->listeners[i].fresh = false;
}

static void
tick(void *arg)
{
	struct api_events *events = arg;

	if (!events->collecting)
		events->collecting = loop_work(events->api->server->loop, collect, tell_all, events) ==
		    E_OK;
}

static struct api_events *
events_of(struct api *api)
{
	if (api->events == NULL && (api->events = calloc(1, sizeof(*api->events))) != NULL)
		api->events->api = api;
	return api->events;
}

void
api_events(struct http_call *call)
{
	struct api_events *events;

	if (api_poller(call) == NULL)
		return;
	if ((events = events_of(call->state)) == NULL) {
		http_fail_err(call, E_NOMEM, NULL, "no room for another listener");
		return;
	}
	if (events->n == API_LISTENERS) {
		http_fail(call, 503, NULL, "there are %d listeners already", API_LISTENERS);
		return;
	}
	if (events->timer == NULL)
		events->timer = loop_timer(call->server->loop, TICK_MS, true, tick, events);
	if (events->timer == NULL) {
		http_fail_err(call, E_NOMEM, NULL, "no room for another listener");
		return;
	}
	events->listeners[events->n++] = (struct listener){ .call = call, .fresh = true };
	call->job = events;
	call->gone = leave;
	call->events = true;
	call->type = "text/event-stream";
	text_str(&call->out, "retry: 3000\n\n");
}
