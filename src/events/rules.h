/* The rules in force: what the tables of events, actions and bindings say, taken over as a whole
 * (event-model.md 3, 4, 7, 9).  Rows that mean nothing are left out with a line in the log.
 *
 * Rows of both dialects live in the same tables; TABLE_ACTION_SNTP and TABLE_D31_ACTIONS are actions
 * that carry their binding with them.  Loop only. */
#ifndef USPD_EVENTS_RULES_H
#define USPD_EVENTS_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/events/plan.h"
#include "src/events/trigger.h"
#include "src/model/model.h"
#include "src/model/tables.h"

struct store;
struct table_rows;

/* Names as in the manager's rows and in the journal.  ROW(enumerator, name) */
#define EVENT_TYPES(ROW) \
	ROW(EVENT_SCHEDULER, "Scheduler") ROW(EVENT_CALENDAR, "Calendar") \
	ROW(EVENT_INT_DIGITAL, "IntDigitalSensor") ROW(EVENT_EXT_DIGITAL, "ExtDigitalSensor") \
	ROW(EVENT_INT_ANALOG, "IntAnalogSensor") ROW(EVENT_EXT_ANALOG, "ExtAnalogSensor") \
	ROW(EVENT_SHUTDOWN, "Shutdown")
enum event_type {
	EVENT_NONE,
#define ROW(id, name) id,
	EVENT_TYPES(ROW)
#undef ROW
	EVENT_TYPE_COUNT
};

/* ROW(enumerator, name, table, what TABLE_D31_ACTIONS calls it or "", how being missed is taken) */
#define ACTION_TYPES(ROW) \
	ROW(ACTION_POLLER, "Poller", TABLE_ACTION_METER, "", PLAN_POLL) \
	ROW(ACTION_INT_RELAY, "IntRelay", TABLE_ACTION_RELAY, "", PLAN_RELAY) \
	ROW(ACTION_EXT_RELAY, "ExtRelay", TABLE_ACTION_RELAY, "", PLAN_RELAY) \
	ROW(ACTION_MQTT, "MQTTMeterMessages", TABLE_ACTION_MQTT, "", PLAN_MESSAGE) \
	ROW(ACTION_SMTP, "SMTPMeterMessages", TABLE_ACTION_SMTP, "", PLAN_MESSAGE) \
	ROW(ACTION_MONITOR, "Monitor", TABLE_ACTION_MONITOR, "", PLAN_MONITOR) \
	ROW(ACTION_TIME_SYNC, "TimeSync", TABLE_ACTION_SNTP, "", PLAN_TIME) \
	ROW(ACTION_MQTT_31, "MQTTMessages", TABLE_D31_ACTIONS, "mqtt", PLAN_MESSAGE) \
	ROW(ACTION_SMTP_31, "SMTPMessages", TABLE_D31_ACTIONS, "smtp", PLAN_MESSAGE) \
	ROW(ACTION_SMS_31, "SMSMessages", TABLE_D31_ACTIONS, "sms", PLAN_MESSAGE) \
	ROW(ACTION_RESTART, "Reset", TABLE_D31_ACTIONS, "reset", PLAN_RELAY)
enum action_type {
	ACTION_NONE,
#define ROW(id, name, table, d31, class) id,
	ACTION_TYPES(ROW)
#undef ROW
	ACTION_TYPE_COUNT
};
const char *event_type_name(enum event_type);
const char *action_type_name(enum action_type);
enum event_type event_type_by_name(const char *);	/* EVENT_NONE */
enum action_type action_type_by_name(const char *);	/* ACTION_NONE */

struct event_ref { enum event_type type; int64_t id; };
struct action_ref { enum action_type type; int64_t id; };

struct binding {
	enum table table;	/* TABLE_MANAGER, or that of an action with its own binding */
	int64_t row;
	struct event_ref event;
	struct action_ref action;
};

/* A discrete input of ours, or a channel of a module that is polled. */
struct input_trigger {
	struct event_ref event;
	int input;			/* of ours; -1 */
	uint32_t meter;			/* id; 0: ours */
	unsigned channel;		/* 1..32 */
	struct digital state;
	int64_t seen;			/* meter: newest record taken, UTC; 0 none yet */
	const char *json;		/* its row */
};

struct value_trigger {
	struct event_ref event;
	char source[40];		/* of ours: "vMain"; "" */
	uint32_t meter;			/* id; 0: ours */
	enum record_type type;
	unsigned slot;
	struct analog state;
	int64_t seen;
	const char *json;
};

struct rules_row { enum action_type type; int64_t id; const char *json; };
struct rules {
	struct plan plan;
	struct binding *bindings;	/* of the manager by its ids, then the others */
	size_t n_bindings;
	struct plan_binding *timed;	/* plan.bindings: those of schedules and calendars */
	size_t *timed_binding;		/* place in `bindings` of each of them */
	size_t *members;		/* of all calendars */
	struct input_trigger *inputs;
	size_t n_inputs;
	struct value_trigger *values;
	size_t n_values;
	struct rules_row *actions;	/* by type and id */
	size_t n_actions;
	const struct table_rows *tables[TABLE_COUNT];	/* those used; held */
};

/* Replaces *rules; schedules and triggers whose rows are the same go on where they were, others count
 * from `now`.  E_NOMEM: *rules is as before. */
int rules_load(struct rules *, struct store *, int64_t now) USPD_MUST_CHECK;
void rules_free(struct rules *);
/* Has a table changed since? */
bool rules_stale(const struct rules *, struct store *);
/* The row of an action; NULL: there is none. */
const char *rules_action(const struct rules *, struct action_ref);
/* Place of the schedule with this id in plan.schedules; n_schedules: none. */
size_t rules_schedule(const struct rules *, int64_t id);

#endif
