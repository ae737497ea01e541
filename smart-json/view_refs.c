/* References between rows of tables (smart-json.md 6, 8.16; event-model.md 2). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "smart-json/view_hooks.h"

enum { METERS = TABLE_COUNT };	/* the meter table, beside enum table */
enum { R_NUMBER = 1,	/* the number of the row is meant, not its key (8.15) */
	R_LOOSE = 2 };	/* who refers does well without the row */

/* Member `member` of rows of `from` names a row of `to`, when `when` is `is`. */
struct ref { enum table from; const char *member; int to; unsigned flags; const char *when, *is; };
static const struct ref refs[] = {
	{ TABLE_MANAGER, "eventId", TABLE_SCHEDULES, 0, "eventType", "Scheduler" },
	{ TABLE_MANAGER, "eventId", TABLE_CALENDARS, R_NUMBER, "eventType", "Calendar" },
	{ TABLE_MANAGER, "actionId", TABLE_ACTION_METER, 0, "actionType", "Poller" },
	{ TABLE_MANAGER, "actionId", TABLE_ACTION_MQTT, 0, "actionType", "MQTTMeterMessages" },
	{ TABLE_MANAGER, "actionId", TABLE_ACTION_SMTP, 0, "actionType", "SMTPMeterMessages" },
	{ TABLE_MANAGER, "actionId", TABLE_ACTION_RELAY, 0, "actionType", "IntRelay" },
	{ TABLE_MANAGER, "actionId", TABLE_ACTION_RELAY, 0, "actionType", "ExtRelay" },
	{ TABLE_MANAGER, "actionId", TABLE_ACTION_MONITOR, 0, "actionType", "Monitor" },
	{ TABLE_CALENDARS, "schedulerIds", TABLE_SCHEDULES, 0, NULL, NULL },
	{ TABLE_ACTION_METER, "archTypesName", TABLE_ARCH_TEMPLATES, 0, NULL, NULL },
	{ TABLE_ACTION_METER, "metersName", TABLE_METER_TEMPLATES, 0, NULL, NULL },
	{ TABLE_MESSAGES, "meterDataTemplateId", TABLE_ARCH_TEMPLATES, R_NUMBER, NULL, NULL },
	{ TABLE_MESSAGES, "meterTemplateId", TABLE_METER_TEMPLATES, R_NUMBER, NULL, NULL },
	{ TABLE_ACTION_MQTT, "meterMessageId", TABLE_MESSAGES, 0, NULL, NULL },
	{ TABLE_ACTION_MQTT, "brokerId", TABLE_MQTT, 0, NULL, NULL },
	{ TABLE_ACTION_SMTP, "meterMessageId", TABLE_MESSAGES, 0, NULL, NULL },
	{ TABLE_ACTION_SMTP, "emailFromId", TABLE_SMTP, 0, NULL, NULL },
	{ TABLE_ACTION_SMTP, "emailToId", TABLE_EMAIL, 0, NULL, NULL },
	{ TABLE_METER_TEMPLATES, "meters", METERS, R_LOOSE, NULL, NULL },
};
enum { N_REFS = sizeof(refs) / sizeof(refs[0]) };
static const struct { int table; const char *key; } keys[] = {
	{ TABLE_ARCH_TEMPLATES, "name" }, { TABLE_METER_TEMPLATES, "name" },
	{ TABLE_CALENDARS, "calendarName" },
};

static const char *
key_of(int table)
{
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (keys[i].table == table)
			return keys[i].key;
	return "id";
}

/* ---- the tables as they would be ---- */

struct ref_row { char *key; int64_t number; json_t *row; bool removed, changed; };
struct ref_table { bool loaded; size_t n; struct ref_row *rows; };
struct ref_world { struct view_set *set; bool failed; struct ref_table tables[TABLE_COUNT]; };

static bool
is_of(const struct view_set *set, int table)
{
	return set->view->source == &view_meters ? table == METERS : (int)set->view->table == table;
}

static struct ref_table *
table_of(struct ref_world *world, enum table which)
{
	struct ref_table *t = &world->tables[which];
	const struct table_rows *rows;

	if (t->loaded)
		return t;
	rows = store_table(world->set->store, which);
	t->rows = rows != NULL ? calloc(rows->n + 1, sizeof(*t->rows)) : NULL;
	for (size_t i = 0; t->rows != NULL && i < rows->n; i++)
		t->rows[t->n++] = (struct ref_row){ .key = strdup(rows->rows[i].key),
			.number = rows->rows[i].number, .row = json_loads(rows->rows[i].json, 0,
			    NULL) };
	table_rows_release(rows);
	t->loaded = true;
	world->failed |= t->rows == NULL;
	return t;
}

static void
forget(struct ref_world *world)
{
	for (int i = 0; i < TABLE_COUNT; i++) {
		for (size_t j = 0; j < world->tables[i].n; j++) {
			free(world->tables[i].rows[j].key);
			json_decref(world->tables[i].rows[j].row);
		}
		free(world->tables[i].rows);
	}
	free(world);
}

/* Is this value of a reference the row?  Names count without blanks and case (2). */
static bool
means(const struct ref *ref, const json_t *value, const json_t *row, int64_t number)
{
	const json_t *key = json_object_get(row, key_of(ref->to));

	if (json_is_string(value))
		return json_is_string(key) &&
		    texts_alike(json_string_value(value), json_string_value(key));
	if (!json_is_integer(value))
		return false;
	return (ref->flags & R_NUMBER) != 0 ? json_integer_value(value) == number :
					      json_equal(value, key);
}

static bool
applies(const struct ref *ref, const json_t *row)
{
	const char *is = ref->when != NULL ? json_string_value(json_object_get(row, ref->when)) : NULL;

	return ref->when == NULL || (is != NULL && strcmp(is, ref->is) == 0);
}

/* ---- rows that refer to what does not exist (strict_refs) ---- */

static bool
exists(struct ref_world *world, const struct ref *ref, const json_t *value)
{
	const struct meter_table *meters;
	struct ref_table *t;
	bool found = false;

	if (ref->to == METERS) {
		meters = store_meters(world->set->store);
		found = json_is_integer(value) &&
		    meter_table_find(meters, (uint32_t)json_integer_value(value)) != NULL;
		meter_table_release(meters);
		return found;
	}
	t = table_of(world, (enum table)ref->to);
	for (size_t i = 0; i < t->n && !found; i++)
		found = means(ref, value, t->rows[i].row, t->rows[i].number);
	return found;
}

static int
check_value(struct ref_world *world, const struct ref *ref, const json_t *value, int item, int asked)
{
	const char *text = json_string_value(value);
	char number[24];

	if (value == NULL || json_is_null(value) || (text != NULL && *text == '\0') ||
	    exists(world, ref, value))
		return E_OK;
	world->set->fault_row = asked;
	snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(value));
	return fault_set(&world->set->fault, FAULT_REFERENCE, ref->member, item,
	    text != NULL ? text : number);
}

static int
check_row(struct ref_world *world, const struct ref *ref, const struct view_row *row)
{
	const json_t *value = json_object_get(row->next, ref->member);
	int rc = E_OK;

	if (!json_is_array(value))
		return check_value(world, ref, value, -1, row->asked);
	for (size_t i = 0; i < json_array_size(value) && rc == E_OK; i++)
		rc = check_value(world, ref, json_array_get(value, i), (int)i, row->asked);
	return rc;
}

static int
check_targets(struct ref_world *world)
{
	struct view_set *set = world->set;
	int rc = E_OK;

	for (size_t r = 0; r < N_REFS; r++) {
		if (!is_of(set, (int)refs[r].from))
			continue;
		for (size_t i = 0; i < set->n && rc == E_OK; i++)
			if (set->rows[i].next != NULL && view_row_changed(&set->rows[i]) &&
			    applies(&refs[r], set->rows[i].next))
				rc = check_row(world, &refs[r], &set->rows[i]);
	}
	return rc;
}

/* ---- rows that are removed, and who refers to them ---- */

static void drop(struct ref_world *world, int table, const json_t *row, int64_t number);

/* Takes the reference out of a list; a list of meters that became empty would mean all of them. */
static void
shorten(struct ref_world *world, const struct ref *ref, struct ref_row *who, size_t at)
{
	json_t *list = json_object_get(who->row, ref->member);

	json_array_remove(list, at);
	who->changed = true;
	if (json_array_size(list) > 0 || ref->from != TABLE_METER_TEMPLATES)
		return;
	who->removed = true;
	drop(world, (int)ref->from, who->row, who->number);
}

static void
release(struct ref_world *world, const struct ref *ref, struct ref_row *who, const json_t *row,
    int64_t number)
{
	json_t *value = json_object_get(who->row, ref->member);

	if (who->removed || !applies(ref, who->row))
		return;
	if (json_is_array(value)) {
		for (size_t i = json_array_size(value); i-- > 0 && !who->removed;)
			if (means(ref, json_array_get(value, i), row, number))
				shorten(world, ref, who, i);
	} else if (means(ref, value, row, number)) {
		who->removed = true;
		drop(world, (int)ref->from, who->row, who->number);
	}
}

/* Tables refer in one direction, so this ends. */
static void
drop(struct ref_world *world, int table, const json_t *row, int64_t number)
{
	for (size_t r = 0; r < N_REFS; r++) {
		struct ref_table *t;

		if (refs[r].to != table)
			continue;
		t = table_of(world, refs[r].from);
		for (size_t i = 0; t->rows != NULL && i < t->n; i++)
			release(world, &refs[r], &t->rows[i], row, number);
	}
}

static bool
refers(const struct ref *ref, const json_t *who, const json_t *row, int64_t number)
{
	const json_t *value = json_object_get(who, ref->member), *item;
	size_t i;

	if (!applies(ref, who))
		return false;
	if (!json_is_array(value))
		return means(ref, value, row, number);
	json_array_foreach((json_t *)(uintptr_t)value, i, item)
		if (means(ref, item, row, number))
			return true;
	return false;
}

static int
check_use(struct ref_world *world, const struct ref *ref, const struct view_row *row)
{
	struct ref_table *t = table_of(world, ref->from);
	char key[VIEW_KEY_SIZE];

	for (size_t i = 0; t->rows != NULL && i < t->n; i++) {
		if (!refers(ref, t->rows[i].row, row->now, row->number))
			continue;
		world->set->fault_row = row->asked;
		return fault_set(&world->set->fault, FAULT_IN_USE, "", -1,
		    view_key(world->set->view, row->now, key));
	}
	return E_OK;
}

static int
check_uses(struct ref_world *world, bool strict)
{
	struct view_set *set = world->set;
	bool cleared = set->factory || set->empty;
	int rc = E_OK;

	for (size_t i = 0; i < set->n; i++) {
		if (set->rows[i].next != NULL || set->rows[i].now == NULL)
			continue;
		for (size_t r = 0; r < N_REFS && rc == E_OK; r++) {
			/* Whoever clears a table means it. */
			if (is_of(set, refs[r].to) &&
			    (strict || (!cleared && (refs[r].flags & R_LOOSE) == 0)))
				rc = check_use(world, &refs[r], &set->rows[i]);
		}
	}
	return rc;
}

static int
cascade_edits(struct ref_world *world, struct edits *edits)
{
	int rc = E_OK;

	for (int table = 0; table < TABLE_COUNT; table++) {
		const struct ref_table *t = &world->tables[table];

		for (size_t i = 0; i < t->n && rc == E_OK; i++) {
			if (t->rows[i].removed)
				rc = edits_remove(edits, (enum table)table, t->rows[i].key);
			else if (t->rows[i].changed)
				rc = edits_row(edits, (enum table)table, t->rows[i].key, t->rows[i].row,
				    -1);
		}
	}
	return rc;
}

int
view_check_refs(struct view_set *set, struct edits *edits, bool strict, bool cascade)
{
	struct ref_world *world;
	int rc = E_OK;

	if (set->view->source != &view_tables && set->view->source != &view_meters)
		return E_OK;
	if ((world = calloc(1, sizeof(*world))) == NULL)
		return E_NOMEM;
	world->set = set;
	if (strict)
		rc = check_targets(world);
	if (rc == E_OK && !cascade)
		rc = check_uses(world, strict);
	for (size_t i = 0; cascade && i < set->n && rc == E_OK; i++)
		if (set->rows[i].next == NULL && set->rows[i].now != NULL)
			drop(world,
			    set->view->source == &view_meters ? (int)METERS : (int)set->view->table,
			    set->rows[i].now, set->rows[i].number);
	if (rc == E_OK && world->failed)
		rc = E_NOMEM;
	if (rc == E_OK && cascade)
		rc = cascade_edits(world, edits);
	forget(world);
	return rc;
}
