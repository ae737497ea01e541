/* The device runs by itself: what happens (events) and what is done then (actions), event-model.md.
 *
 * Schedules, calendars, discrete and analog triggers raise events; rows of the manager bind them to
 * actions; each binding carried out leaves a row in the journal of actions.  The poller polls of
 * its own accord besides (settings poll.*): without rows nothing is missing.
 *
 * Functions belong to the loop's thread unless said otherwise. */
#ifndef USPD_EVENTS_EVENTS_H
#define USPD_EVENTS_EVENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "src/events/rules.h"

struct events;
struct loop;
struct poll;
struct store;

struct events_options {
	struct store *store;
	struct loop *loop;
	bool (*clock_trusted)(void *arg);	/* system.md 5.2; NULL: always */
	int (*clock_sync)(void *arg);		/* asks the time servers; in a worker, may take long */
	void (*restart)(void *arg);		/* the device is to start anew; NULL: cannot */
	void *arg;
};
/* Takes over what was going on when the daemon ended.  Before threads start. */
int events_open(struct events **, const struct events_options *) USPD_MUST_CHECK;
/* From here on events are raised and actions carried out. */
int events_start(struct events *, struct poll *) USPD_MUST_CHECK;
/* Settings, tables or meters have changed. */
void events_reload(struct events *);
/* The clock was set.  Any thread. */
void events_clock_stepped(struct events *);
/* The end, in two steps: events_stop() when the loop and its workers have ended and the poller is
 * closed; events_close() after store_close().  NULL allowed. */
void events_stop(struct events *);
void events_close(struct events *);

/* ---- sources in other rooms ---- */

/* Level of an input of ours (event-model.md 4.1): LEVEL_CLOSED or LEVEL_OPEN, each edge once, and
 * the level at start.  utc: moment of the edge. */
void events_input(struct events *, int input, int level, int64_t utc);
/* A good sample of an internal source ("vMain", "tCpu"), thousandths. */
void events_value(struct events *, const char *source, int64_t value);
/* An event of any kind; `id` as the manager's rows say it. */
void events_raise(struct events *, struct event_ref, int64_t utc);

/* ---- actions in other rooms ---- */

/* A message to be sent: ACTION_MQTT, ACTION_SMTP and those of dialect 31. */
struct events_message {
	uint64_t job;			/* for events_message_done() */
	struct action_ref action;
	const char *json;		/* its row */
	struct event_ref event;
	int64_t moment;			/* of the event, UTC */
};
/* How a binding ended (event-model.md 10). */
enum events_result { RESULT_OK, RESULT_PARTIAL, RESULT_FAILED, RESULT_SKIPPED, RESULT_INTERRUPTED,
	RESULT_COUNT };
const char *events_result_name(enum events_result);	/* "ok", ... as in the journal */
/* E_OK: events_message_done() comes later, once; else it is journalled as failed. */
typedef int events_send(void *arg, const struct events_message *);
void events_set_sender(struct events *, enum action_type, events_send *, void *arg);
void events_message_done(struct events *, uint64_t job, enum events_result, const char *note);

/* ---- watching; any thread ---- */

/* false: no such schedule.  0: it never fired, or never will. */
bool events_schedule(struct events *, int64_t id, int64_t *last, int64_t *next);
struct events_stats {
	uint64_t raised, done[RESULT_COUNT];
	uint32_t waiting, running;	/* bindings now */
	uint32_t late_ms_max;		/* how late a schedule was noticed at most */
};
void events_stats(struct events *, struct events_stats *);

#endif
