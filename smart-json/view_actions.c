/* actions/meter of dialect 31: one row there is a poll action, its binding to an event, and a template
 * of what to read here (smart-json.md 9.2). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "smart-json/view_hooks.h"
#include "src/model/model.h"

/* What each type reads; a row is shown with the first type that its template begins like. */
enum { ACTION_JOURNALS = 8, ACTION_TYPES = 11, TYPES_EACH = 3, FIRST_OWN_JOURNAL = 101 };
static const char *const reads[ACTION_TYPES][TYPES_EACH] = {
	{ "ElMomentEnergy", "PlsMomentPulse", "DigMomentState" }, { "ElMomentQuality" },
	{ "ElDayConsEnergy" }, { "ElMonthConsEnergy" }, { "ElDayEnergy", "PlsDayPulse" },
	{ "ElMonthEnergy", "PlsMonthPulse" }, { "ElArr1ConsPower" }, { "PlsHourPulse" },
	{ NULL }, { NULL }, { "ElConfig", "PlsConfig", "DigConfig" }
};
static const char *const events[] = { "Scheduler", "IntDigitalSensor" };	/* eventType 0, 1 */
#define TEMPLATE "um31-"

/* ---- rows of the other tables ---- */

struct loose { size_t n; struct loose_row { char *key; json_t *row; } *rows; };

static void
loose_free(struct loose *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->rows[i].key);
		json_decref(l->rows[i].row);
	}
	free(l->rows);
	memset(l, 0, sizeof(*l));
}

static int
loose_load(struct loose *l, struct store *store, enum table table)
{
	const struct table_rows *rows = store_table(store, table);

	memset(l, 0, sizeof(*l));
	if (rows != NULL)
		l->rows = calloc(rows->n + 1, sizeof(*l->rows));
	for (size_t i = 0; l->rows != NULL && i < rows->n; i++) {
		l->rows[l->n].key = strdup(rows->rows[i].key);
		l->rows[l->n++].row = json_loads(rows->rows[i].json, 0, NULL);
	}
	table_rows_release(rows);
	return l->rows != NULL ? E_OK : E_NOMEM;
}

static bool
has_text(const json_t *row, const char *name, const char *text)
{
	const char *is = json_string_value(json_object_get(row, name));

	return is != NULL && strcmp(is, text) == 0;
}

/* The binding of a poll action to a schedule or an input; NULL. */
static struct loose_row *
binding_of(const struct loose *manager, json_int_t action)
{
	for (size_t i = 0; i < manager->n; i++) {
		const json_t *row = manager->rows[i].row;

		if (has_text(row, "actionType", "Poller") &&
		    json_integer_value(json_object_get(row, "actionId")) == action &&
		    (has_text(row, "eventType", events[0]) || has_text(row, "eventType", events[1])))
			return &manager->rows[i];
	}
	return NULL;
}

/* ---- loading ---- */

static int
type_of_template(const struct loose *templates, const char *name)
{
	const char *first = NULL;

	for (size_t i = 0; i < templates->n && name != NULL; i++)
		if (has_text(templates->rows[i].row, "name", name))
			first = json_string_value(
			    json_array_get(json_object_get(templates->rows[i].row, "types"), 0));
	if (first != NULL && strncmp(first, "ElJrnl", 6) == 0)
		return ACTION_JOURNALS;
	for (int type = 0; type < ACTION_TYPES && first != NULL; type++)
		for (int i = 0; i < TYPES_EACH && reads[type][i] != NULL; i++)
			if (strcmp(reads[type][i], first) == 0)
				return type;
	return -1;
}

static int
type_of(const struct loose *templates, const json_t *poller)
{
	const char *name = json_string_value(json_object_get(poller, "archTypesName"));
	size_t n = strlen(TEMPLATE);

	if (name != NULL && strncmp(name, TEMPLATE, n) == 0 && name[n] >= '0' && name[n] <= '9')
		return atoi(name + n);
	return type_of_template(templates, name);
}

static int
load(struct view_set *set)
{
	struct loose pollers, manager, templates;
	int rc = loose_load(&pollers, set->store, TABLE_ACTION_METER), got;

	if ((got = loose_load(&manager, set->store, TABLE_MANAGER)) < 0)
		rc = got;
	if ((got = loose_load(&templates, set->store, TABLE_ARCH_TEMPLATES)) < 0)
		rc = got;
	for (size_t i = 0; i < pollers.n && rc == E_OK; i++) {
		json_t *row = json_deep_copy(pollers.rows[i].row);
		const struct loose_row *binding = binding_of(&manager,
		    json_integer_value(json_object_get(row, "id")));
		int type = type_of(&templates, row);

		if (binding != NULL && type >= 0)
			json_object_update_new(row,
			    json_pack("{s:i,s:O,s:i}", "eventType",
				has_text(binding->row, "eventType", events[1]), "eventId",
				json_object_get(binding->row, "eventId"), "type", type));
		rc = view_set_add(set, pollers.rows[i].key, (int64_t)i + 1, row);
	}
	loose_free(&pollers);
	loose_free(&manager);
	loose_free(&templates);
	return rc;
}

/* Actions that this dialect cannot have made are not shown. */
bool
show_action_31(const struct view_set *set, json_t *wire, const struct view_row *row)
{
	(void)set;
	(void)row;
	return json_object_get(wire, "type") != NULL;
}

/* ---- saving ---- */

static json_t *
template_row(const char *name, int type)
{
	json_t *types = json_array();
	char journal[32];

	for (int i = 0; i < TYPES_EACH && reads[type][i] != NULL; i++)
		json_array_append_new(types, json_string(reads[type][i]));
	for (unsigned i = 0; i < JOURNAL_COUNT && type == ACTION_JOURNALS; i++) {
		if (journal_codes[i] >= FIRST_OWN_JOURNAL) /* no client knows these */
			break;
		snprintf(journal, sizeof(journal), "ElJrnl%s", journal_name(journal_codes[i]));
		json_array_append_new(types, json_string(journal));
	}
	return json_pack("{s:s,s:o}", "name", name, "types", types);
}

static int
save_template(struct edits *edits, const struct loose *templates, int type, char name[static 16])
{
	json_t *row;
	int rc;

	snprintf(name, 16, TEMPLATE "%d", type);
	for (size_t i = 0; i < templates->n; i++)
		if (has_text(templates->rows[i].row, "name", name))
			return E_OK;
	row = template_row(name, type);
	rc = row != NULL ? edits_row(edits, TABLE_ARCH_TEMPLATES, name, row, -1) : E_NOMEM;
	json_decref(row);
	return rc;
}

/* The lowest number above `last` that no row has. */
static json_int_t
free_number(const struct loose *rows, json_int_t last)
{
	json_int_t number = last + 1;

	for (size_t i = 0; i < rows->n; i++)
		if (json_integer_value(json_object_get(rows->rows[i].row, "id")) == number) {
			number++;
			i = (size_t)-1; /* from the first again */
		}
	return number;
}

static int
save_binding(struct edits *edits, const struct loose *manager, json_int_t *last,
    const struct view_row *r)
{
	const struct loose_row *binding = binding_of(manager,
	    json_integer_value(json_object_get(r->next, "id")));
	json_int_t type = json_integer_value(json_object_get(r->next, "eventType"));
	json_int_t number = binding != NULL ? 0 : free_number(manager, *last);
	json_t *row = binding != NULL ? json_copy(binding->row) : json_pack("{s:I}", "id", number);
	char key[24];
	int rc = E_NOMEM;

	snprintf(key, sizeof(key), "%lld", (long long)number);
	if (row != NULL &&
	    json_object_update_new(row,
		json_pack("{s:s,s:O,s:s,s:O}", "eventType", events[type == 1], "eventId",
		    json_object_get(r->next, "eventId"), "actionType", "Poller", "actionId",
		    json_object_get(r->next, "id"))) == 0)
		rc = edits_row(edits, TABLE_MANAGER, binding != NULL ? binding->key : key, row,
		    r->asked);
	if (binding == NULL)
		*last = number;
	json_decref(row);
	return rc;
}

static int
save_action(struct edits *edits, const struct loose *manager, const struct loose *templates,
    json_int_t *last, const struct view_row *r)
{
	int type = (int)json_integer_value(json_object_get(r->next, "type"));
	json_t *row = json_copy(r->next);
	char name[16], key[24];
	int rc = row != NULL ? save_template(edits, templates, type, name) : E_NOMEM;

	snprintf(key, sizeof(key), "%lld", (long long)json_integer_value(json_object_get(row, "id")));
	if (rc == E_OK) {
		json_object_set_new(row, "archTypesName", json_string(name));
		json_object_del(row, "eventType");
		json_object_del(row, "eventId");
		json_object_del(row, "type");
		rc = edits_row(edits, TABLE_ACTION_METER, r->store_key != NULL ? r->store_key : key,
		    row, r->asked);
	}
	json_decref(row);
	return rc < 0 ? rc : save_binding(edits, manager, last, r);
}

/* With an action its bindings go. */
static int
drop_action(struct edits *edits, const struct loose *manager, const struct view_row *r)
{
	json_int_t id = json_integer_value(json_object_get(r->now, "id"));
	int rc = edits_remove(edits, TABLE_ACTION_METER, r->store_key);

	for (size_t i = 0; i < manager->n && rc == E_OK; i++)
		if (has_text(manager->rows[i].row, "actionType", "Poller") &&
		    json_integer_value(json_object_get(manager->rows[i].row, "actionId")) == id)
			rc = edits_remove(edits, TABLE_MANAGER, manager->rows[i].key);
	return rc;
}

static int
save(struct view_set *set, struct edits *edits)
{
	struct loose manager, templates;
	json_int_t last = 0;
	int rc = loose_load(&manager, set->store, TABLE_MANAGER), got;

	if ((got = loose_load(&templates, set->store, TABLE_ARCH_TEMPLATES)) < 0)
		rc = got;
	for (size_t i = 0; i < set->n && rc == E_OK; i++) {
		struct view_row *row = &set->rows[i];

		if (!view_row_changed(row))
			continue;
		rc = row->next != NULL ? save_action(edits, &manager, &templates, &last, row) :
					 drop_action(edits, &manager, row);
	}
	loose_free(&manager);
	loose_free(&templates);
	return rc;
}

const struct view_source view_actions_31 = { load, save };
