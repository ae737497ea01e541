#include "src/events/rules.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/log.h"
#include "src/events/rules_triggers.h"
#include "src/store/store.h"

static const enum table used_tables[] = { TABLE_SCHEDULES, TABLE_CALENDARS, TABLE_MANAGER,
	TABLE_ACTION_METER, TABLE_ACTION_MQTT, TABLE_ACTION_SMTP, TABLE_ACTION_SNTP, TABLE_D31_ACTIONS,
	TABLE_ACTION_RELAY, TABLE_ACTION_MONITOR, TABLE_DIN_EVENTS, TABLE_DIN, TABLE_ANALOG_EVENTS,
	TABLE_METER_TEMPLATES, TABLE_ARCH_TEMPLATES };
enum { USED = sizeof(used_tables) / sizeof(used_tables[0]), COMPARE_MOST = 200 };

static const char *const event_names[EVENT_TYPE_COUNT] = {
#define ROW(id, name) [id] = name,
	EVENT_TYPES(ROW)
#undef ROW
};
static const struct { const char *name; enum table table; const char *d31; enum plan_class class; }
	action_infos[ACTION_TYPE_COUNT] = {
#define ROW(id, name, table, d31, class) [id] = { name, table, d31, class },
	ACTION_TYPES(ROW)
#undef ROW
};

const char *
event_type_name(enum event_type type)
{
	return type > EVENT_NONE && type < EVENT_TYPE_COUNT ? event_names[type] : "";
}

const char *
action_type_name(enum action_type type)
{
	return type > ACTION_NONE && type < ACTION_TYPE_COUNT ? action_infos[type].name : "";
}

enum event_type
event_type_by_name(const char *name)
{
	for (int i = 1; i < EVENT_TYPE_COUNT && name != NULL; i++)
		if (strcmp(event_names[i], name) == 0)
			return (enum event_type)i;
	return EVENT_NONE;
}

enum action_type
action_type_by_name(const char *name)
{
	for (int i = 1; i < ACTION_TYPE_COUNT && name != NULL; i++)
		if (strcmp(action_infos[i].name, name) == 0)
			return (enum action_type)i;
	return ACTION_NONE;
}

/* ---- schedules and calendars ---- */

static int
load_schedules(struct rules *r, const struct rules *old, int64_t now)
{
	const struct table_rows *rows = r->tables[TABLE_SCHEDULES];

	r->plan.schedules = calloc(rows->n + 1, sizeof(*r->plan.schedules));
	if (r->plan.schedules == NULL)
		return E_NOMEM;
	for (size_t i = 0; i < rows->n; i++) {
		struct plan_schedule *s = &r->plan.schedules[r->plan.n_schedules];
		const struct plan_schedule *was;
		size_t place;

		*s = (struct plan_schedule){ 0 };
		if (schedule_parse(&s->rule, rows->rows[i].json) < 0) {
			log_warn("events", "schedule %s is no rule; left out", rows->rows[i].key);
			continue;
		}
		r->plan.n_schedules++;
		place = rules_schedule(old, s->rule.id);
		was = place < old->plan.n_schedules ? &old->plan.schedules[place] : NULL;
		if (was != NULL)
			s->fired = was->fired;
		if (was != NULL && schedule_same(&was->rule, &s->rule)) {
			s->mark = was->mark;
			s->next = was->next;
		} else if (r->plan.started)
			plan_renew(&r->plan, s, now);
	}
	return E_OK;
}

size_t
rules_schedule(const struct rules *r, int64_t id)
{
	for (size_t i = 0; i < r->plan.n_schedules; i++)
		if (r->plan.schedules[i].rule.id == id)
			return i;
	return r->plan.n_schedules;
}

/* Members of a row of calendars that there are; counts only, when `to` is NULL. */
static size_t
take_members(const struct rules *r, const char *json, size_t *to)
{
	json_t *row = json_loads(json, 0, NULL);
	const json_t *value;
	size_t i, n = 0;

	json_array_foreach(json_object_get(row, "schedulerIds"), i, value) {
		size_t place = rules_schedule(r, json_integer_value(value));

		if (place == r->plan.n_schedules)
			continue;
		if (to != NULL)
			to[n] = place;
		n++;
	}
	json_decref(row);
	return n;
}

static int
load_calendars(struct rules *r, const struct rules *old)
{
	const struct table_rows *rows = r->tables[TABLE_CALENDARS];
	size_t n = 0;

	for (size_t i = 0; i < rows->n; i++)
		n += take_members(r, rows->rows[i].json, NULL);
	r->members = calloc(n + 1, sizeof(*r->members));
	r->plan.calendars = calloc(rows->n + 1, sizeof(*r->plan.calendars));
	if (r->members == NULL || r->plan.calendars == NULL)
		return E_NOMEM;
	n = 0;
	for (size_t i = 0; i < rows->n; i++) {
		struct plan_calendar *c = &r->plan.calendars[r->plan.n_calendars++];

		*c = (struct plan_calendar){ .id = rows->rows[i].number, .members = &r->members[n] };
		c->n_members = take_members(r, rows->rows[i].json, &r->members[n]);
		n += c->n_members;
		for (size_t k = 0; k < old->plan.n_calendars; k++)
			if (old->plan.calendars[k].id == c->id)
				c->fired = old->plan.calendars[k].fired;
	}
	return E_OK;
}

/* ---- actions ---- */

static enum action_type
type_of_action(enum table table, const json_t *row)
{
	const char *d31 = json_string_value(json_object_get(row, "action"));

	if (table == TABLE_ACTION_RELAY)
		return json_object_get(row, "meterId") != NULL ? ACTION_EXT_RELAY : ACTION_INT_RELAY;
	for (int i = 1; i < ACTION_TYPE_COUNT; i++)
		if (action_infos[i].table == table &&
		    (action_infos[i].d31[0] == '\0' ||
			(d31 != NULL && strcmp(action_infos[i].d31, d31) == 0)))
			return (enum action_type)i;
	return ACTION_NONE;
}

static int
compare_rows(const void *va, const void *vb)
{
	const struct rules_row *a = va, *b = vb;

	if (a->type != b->type)
		return a->type < b->type ? -1 : 1;
	return a->id < b->id ? -1 : a->id > b->id;
}

const char *
rules_action(const struct rules *r, struct action_ref action)
{
	struct rules_row key = { action.type, action.id, NULL };
	const struct rules_row *found = r->n_actions > 0 ?
	    bsearch(&key, r->actions, r->n_actions, sizeof(*r->actions), compare_rows) :
	    NULL;

	return found != NULL ? found->json : NULL;
}

static bool
is_action_table(enum table table)
{
	for (int i = 1; i < ACTION_TYPE_COUNT; i++)
		if (action_infos[i].table == table)
			return true;
	return false;
}

/* ---- bindings ---- */

struct binding_load { struct rules *r; size_t size; };

static int
add_binding(struct binding_load *load, const struct binding *b)
{
	struct rules *r = load->r;

	if (r->n_bindings == load->size) {
		size_t size = load->size != 0 ? load->size * 2 : 64;
		struct binding *list = realloc(r->bindings, size * sizeof(*list));

		if (list == NULL)
			return E_NOMEM;
		r->bindings = list;
		load->size = size;
	}
	r->bindings[r->n_bindings++] = *b;
	return E_OK;
}

/* Rows of actions that say themselves when: eventType 0 schedule, 1 discrete input (7.6). */
static struct binding
own_binding(enum table table, enum action_type type, int64_t id, const json_t *row)
{
	const json_t *event = json_object_get(row, "eventType");
	bool by_input = json_integer_value(event) == 1 ||
	    event_type_by_name(json_string_value(event)) == EVENT_INT_DIGITAL;

	return (struct binding){ .table = table, .row = id,
		.event = { by_input ? EVENT_INT_DIGITAL : EVENT_SCHEDULER,
		    json_integer_value(json_object_get(row, "eventId")) },
		.action = { type, id } };
}

static int
load_actions(struct binding_load *load)
{
	struct rules *r = load->r;
	size_t n = 0;
	int rc = E_OK;

	for (size_t t = 0; t < USED; t++)
		n += is_action_table(used_tables[t]) ? r->tables[used_tables[t]]->n : 0;
	r->actions = calloc(n + 1, sizeof(*r->actions));
	if (r->actions == NULL)
		return E_NOMEM;
	for (size_t t = 0; t < USED; t++) {
		enum table table = used_tables[t];
		const struct table_rows *rows = r->tables[table];

		for (size_t i = 0; is_action_table(table) && i < rows->n && rc == E_OK; i++) {
			json_t *row = json_loads(rows->rows[i].json, 0, NULL);
			struct rules_row action = { type_of_action(table, row),
				json_integer_value(json_object_get(row, "id")), rows->rows[i].json };
			struct binding b = own_binding(table, action.type, action.id, row);

			if (action.type != ACTION_NONE)
				r->actions[r->n_actions++] = action;
			if (action.type != ACTION_NONE && json_object_get(row, "eventId") != NULL)
				rc = add_binding(load, &b);
			json_decref(row);
		}
	}
	qsort(r->actions, r->n_actions, sizeof(*r->actions), compare_rows);
	return rc;
}

static int
load_manager(struct binding_load *load)
{
	const struct table_rows *rows = load->r->tables[TABLE_MANAGER];
	int rc = E_OK;

	for (size_t i = 0; i < rows->n && rc == E_OK; i++) {
		json_t *row = json_loads(rows->rows[i].json, 0, NULL);
		struct binding b = { .table = TABLE_MANAGER,
			.row = json_integer_value(json_object_get(row, "id")),
			.event = { event_type_by_name(
				       json_string_value(json_object_get(row, "eventType"))),
			    json_integer_value(json_object_get(row, "eventId")) },
			.action = { action_type_by_name(
					json_string_value(json_object_get(row, "actionType"))),
			    json_integer_value(json_object_get(row, "actionId")) } };

		if (b.event.type != EVENT_NONE && b.action.type != ACTION_NONE)
			rc = add_binding(load, &b);
		else
			log_warn("events", "manager row %" PRId64 " binds nothing; left out", b.row);
		json_decref(row);
	}
	return rc;
}

static int
compare_bindings(const void *va, const void *vb)
{
	const struct binding *a = va, *b = vb;

	if (a->table != b->table)
		return a->table == TABLE_MANAGER ? -1 :
		    b->table == TABLE_MANAGER	 ? 1 :
		    a->table < b->table		 ? -1 :
						   1;
	if (a->row != b->row)
		return a->row < b->row ? -1 : 1;
	return a->action.type < b->action.type ? -1 : a->action.type > b->action.type;
}

static bool
catches_up(const struct rules *r, const struct binding *b)
{
	const char *json = rules_action(r, b->action);
	json_t *row = json != NULL ? json_loads(json, 0, NULL) : NULL;
	bool says = json_is_true(json_object_get(row, "catchUp"));

	json_decref(row);
	return says;
}

/* Bindings of schedules and calendars, for the planner. */
static int
load_timed(struct rules *r)
{
	r->timed = calloc(r->n_bindings + 1, sizeof(*r->timed));
	r->timed_binding = calloc(r->n_bindings + 1, sizeof(*r->timed_binding));
	if (r->timed == NULL || r->timed_binding == NULL)
		return E_NOMEM;
	for (size_t i = 0; i < r->n_bindings; i++) {
		const struct binding *b = &r->bindings[i];
		struct plan_binding timed = { .class = action_infos[b->action.type].class };
		size_t end;

		if (b->event.type == EVENT_SCHEDULER) {
			timed.index = rules_schedule(r, b->event.id);
			end = r->plan.n_schedules;
		} else if (b->event.type == EVENT_CALENDAR) {
			timed.source = PLAN_CALENDAR;
			end = r->plan.n_calendars;
			while (timed.index < end && r->plan.calendars[timed.index].id != b->event.id)
				timed.index++;
		} else
			continue;
		if (timed.index == end) {
			log_warn("events", "row %" PRId64 ": %s %" PRId64 " is not there", b->row,
			    event_type_name(b->event.type), b->event.id);
			continue;
		}
		timed.catch_up = timed.class == PLAN_RELAY && catches_up(r, b);
		r->timed_binding[r->plan.n_bindings] = i;
		r->timed[r->plan.n_bindings++] = timed;
	}
	r->plan.bindings = r->timed;
	return E_OK;
}

/* The first that are found: a person mends one after the other. */
static void
complain_of_relays(const struct rules *r)
{
	unsigned compared = 0;

	for (size_t i = 0; i < r->n_bindings; i++) {
		const struct binding *a = &r->bindings[i];

		for (size_t k = i + 1; k < r->n_bindings && a->action.type == ACTION_EXT_RELAY; k++) {
			const struct binding *b = &r->bindings[k];

			if (a->event.type != b->event.type || a->event.id != b->event.id ||
			    b->action.type != ACTION_EXT_RELAY || compared++ >= COMPARE_MOST)
				continue;
			if (relays_contradict(rules_action(r, a->action), rules_action(r, b->action)))
				log_warn("events",
				    "rows %" PRId64 " and %" PRId64
				    " switch one relay both ways at one event; the last one wins",
				    a->row, b->row);
		}
	}
}

/* Things that a person should know of rules that point nowhere or never come true. */
static void
complain(const struct rules *r)
{
	for (size_t i = 0; i < r->plan.n_bindings; i++) {
		const struct binding *b = &r->bindings[r->timed_binding[i]];
		const struct plan_schedule *s = r->timed[i].source == PLAN_SCHEDULE ?
		    &r->plan.schedules[r->timed[i].index] :
		    NULL;
		int64_t next;

		if (s != NULL && s->rule.enabled && s->next == INT64_MAX &&
		    schedule_next(&s->rule, r->plan.zone, s->mark, &next) < 0)
			log_warn("events", "row %" PRId64 ": schedule %" PRId64 " never comes", b->row,
			    s->rule.id);
	}
	for (size_t i = 0; i < r->n_bindings; i++) {
		const struct binding *b = &r->bindings[i];

		if (rules_action(r, b->action) == NULL)
			log_warn("events", "row %" PRId64 ": %s %" PRId64 " is not there", b->row,
			    action_type_name(b->action.type), b->action.id);
	}
	complain_of_relays(r);
}

/* ---- the whole ---- */

void
rules_free(struct rules *r)
{
	free(r->plan.schedules);
	free(r->plan.calendars);
	free(r->bindings);
	free(r->timed);
	free(r->timed_binding);
	free(r->members);
	free(r->inputs);
	free(r->values);
	free(r->actions);
	for (int t = 0; t < TABLE_COUNT; t++)
		table_rows_release(r->tables[t]);
	memset(r, 0, sizeof(*r));
}

bool
rules_stale(const struct rules *r, struct store *store)
{
	bool stale = false;

	for (size_t i = 0; i < USED; i++) {
		const struct table_rows *rows = store_table(store, used_tables[i]);

		stale |= rows != NULL && rows != r->tables[used_tables[i]];
		table_rows_release(rows);
	}
	return stale;
}

int
rules_load(struct rules *rules, struct store *store, int64_t now)
{
	struct rules fresh = { .plan = rules->plan };
	struct binding_load load = { &fresh, 0 };
	int rc;

	fresh.plan.schedules = NULL;
	fresh.plan.calendars = NULL;
	fresh.plan.n_schedules = fresh.plan.n_calendars = fresh.plan.n_bindings = 0;
	for (size_t i = 0; i < USED; i++)
		fresh.tables[used_tables[i]] = store_table(store, used_tables[i]);
	if ((rc = load_schedules(&fresh, rules, now)) == E_OK &&
	    (rc = load_calendars(&fresh, rules)) == E_OK && (rc = load_actions(&load)) == E_OK &&
	    (rc = load_manager(&load)) == E_OK)
		rc = load_triggers(&fresh, rules);
	if (rc == E_OK && fresh.n_bindings > 0)
		qsort(fresh.bindings, fresh.n_bindings, sizeof(*fresh.bindings), compare_bindings);
	if (rc == E_OK)
		rc = load_timed(&fresh);
	if (rc < 0) {
		rules_free(&fresh);
		return rc;
	}
	complain(&fresh);
	rules_free(rules);
	*rules = fresh;
	return E_OK;
}
