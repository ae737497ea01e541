/* The rows of a view in memory: read from the store, changed, and turned into edits of the store. */
#include "smart-json/view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- rows ---- */

const char *
view_key(const struct view *view, const json_t *stored, char buf[static VIEW_KEY_SIZE])
{
	const json_t *value = view->key != NULL ? json_object_get(stored, view->key) : NULL;

	if (json_is_integer(value))
		snprintf(buf, VIEW_KEY_SIZE, "%lld", (long long)json_integer_value(value));
	else
		snprintf(buf, VIEW_KEY_SIZE, "%s", value != NULL ? json_string_value(value) : "");
	return buf;
}

bool
view_row_changed(const struct view_row *row)
{
	return row->now == NULL ? row->next != NULL : !json_equal(row->now, row->next);
}

struct view_row *
view_set_find(struct view_set *set, const char *key)
{
	const json_t *place = json_object_get(set->index, key);

	return place != NULL ? &set->rows[json_integer_value(place)] : NULL;
}

static struct view_row *
grow(struct view_set *set)
{
	if (set->n == set->size) {
		size_t size = set->size != 0 ? set->size * 2 : 64;
		struct view_row *rows = realloc(set->rows, size * sizeof(*rows));

		if (rows == NULL)
			return NULL;
		set->rows = rows;
		set->size = size;
	}
	set->rows[set->n] = (struct view_row){ .asked = -1 };
	return &set->rows[set->n++];
}

/* The first row of a key is found by it, unless that is to go. */
static int
enter(struct view_set *set, size_t place)
{
	char key[VIEW_KEY_SIZE];
	const struct view_row *found;

	view_key(set->view, set->rows[place].next, key);
	found = view_set_find(set, key);
	if (found != NULL && found->next != NULL)
		return E_OK;
	return json_object_set_new(set->index, key, json_integer((json_int_t)place)) < 0 ? E_NOMEM :
											   E_OK;
}

int
view_set_add(struct view_set *set, const char *store_key, int64_t number, json_t *row)
{
	struct view_row *made;

	if (set->sink != NULL && row != NULL) {
		struct view_row passing = { .number = number, .now = row, .next = row, .asked = -1 };
		int rc = set->sink(set->sink_arg, set, &passing);

		json_decref(row);
		return rc;
	}
	made = row != NULL ? grow(set) : NULL;
	if (made == NULL) {
		json_decref(row);
		return E_NOMEM;
	}
	made->number = number;
	made->now = row;
	made->next = json_incref(row);
	if ((made->store_key = strdup(store_key)) == NULL)
		return E_NOMEM;
	return enter(set, set->n - 1);
}

int
view_set_new(struct view_set *set, json_t *row, struct view_row *old, int asked)
{
	size_t at = old != NULL ? (size_t)(old - set->rows) : 0;
	struct view_row *made = grow(set);

	if (made == NULL) {
		json_decref(row);
		return E_NOMEM;
	}
	made->next = row;
	made->asked = asked;
	if (old != NULL) {
		old = &set->rows[at];
		made->now = old->now;
		made->number = old->number;
		old->now = NULL;
	}
	return enter(set, set->n - 1);
}

/* ---- loading ---- */

/* Rows that came without an id get the lowest free ones in answers, and keep them from the first
 * write in this view on: a client names rows by the ids that it has seen. */
static int
give_ids(struct view_set *set)
{
	json_t *used = json_object();
	json_int_t id = 0;
	char text[24];

	for (size_t i = 0; i < set->n; i++) {
		json_int_t has = json_integer_value(json_object_get(set->rows[i].now, "id"));

		snprintf(text, sizeof(text), "%" JSON_INTEGER_FORMAT, has);
		json_object_set_new(used, text, json_true());
	}
	for (size_t i = 0; i < set->n; i++) {
		struct view_row *row = &set->rows[i];

		if (json_object_get(row->now, "id") != NULL)
			continue;
		do
			snprintf(text, sizeof(text), "%" JSON_INTEGER_FORMAT, ++id);
		while (json_object_get(used, text) != NULL);
		row->numbered = true;
		json_object_set_new(row->now, "id", json_integer(id));
		if (strcmp(set->view->key, "id") == 0)
			json_object_set_new(set->index, text, json_integer((json_int_t)i));
	}
	json_decref(used);
	return E_OK;
}

static bool
belongs(const struct view *view, const json_t *row)
{
	const char *action = json_string_value(json_object_get(row, "action"));
	const char *name = view->key != NULL ? json_string_value(json_object_get(row, view->key)) :
					       NULL;

	if (view->subset != NULL)
		return action != NULL && strcmp(action, view->subset) == 0;
	return view->only == NULL || (name != NULL && strcmp(name, view->only) == 0);
}

static int
load_table(struct view_set *set)
{
	const struct table_rows *rows = store_table(set->store, set->view->table);
	int rc = rows != NULL ? E_OK : E_NOMEM;

	for (size_t i = 0; rc == E_OK && i < rows->n; i++) {
		json_t *row = json_loads(rows->rows[i].json, 0, NULL);

		if (row != NULL && belongs(set->view, row))
			rc = view_set_add(set, rows->rows[i].key, rows->rows[i].number, row);
		else
			json_decref(row);
	}
	table_rows_release(rows);
	if (rc == E_OK && (set->view->flags & V_NUMBERS) != 0)
		rc = give_ids(set);
	return rc;
}

static bool
flagged(const struct http_call *call, const char *name)
{
	const char *text = http_arg(call, name);

	return text != NULL && strcmp(text, "0") != 0 && strcmp(text, "false") != 0;
}

static int
begin(struct view_set *set, const struct view *view, const struct http_call *call)
{
	bool accounts = (view->flags & V_ACCOUNTS) != 0;

	memset(set, 0, sizeof(*set));
	set->view = view;
	set->store = call->server->store;
	set->level = call->level;
	set->full = flagged(call, "full");
	set->ids = flagged(call, "ids");
	set->fault_row = -1;
	store_settings(set->store, &set->settings);
	/* Level 1 sees no secret (3.5); a password of an account is known to nobody but for the
	 * factory's (8.1). */
	set->secrets = call->level >= LEVEL_ADMIN && (!accounts || set->settings.http_return_secrets);
	set->index = json_object();
	return set->index != NULL ? E_OK : E_NOMEM;
}

int
view_load(struct view_set *set, const struct view *view, const struct http_call *call)
{
	int rc = begin(set, view, call);

	return rc < 0 ? rc : view->source->load(set);
}

int
view_each(struct view_set *set, const struct view *view, const struct http_call *call,
    view_sink *sink, void *arg)
{
	int rc = begin(set, view, call);

	if (rc < 0)
		return rc;
	/* Ids can be made up only when all rows are known. */
	if ((view->flags & V_NUMBERS) == 0) {
		set->sink = sink;
		set->sink_arg = arg;
		return view->source->load(set);
	}
	rc = view->source->load(set);
	for (size_t i = 0; i < set->n && rc == E_OK; i++)
		rc = sink(arg, set, &set->rows[i]);
	return rc;
}

void
view_unload(struct view_set *set)
{
	for (size_t i = 0; i < set->n; i++) {
		free(set->rows[i].store_key);
		json_decref(set->rows[i].now);
		json_decref(set->rows[i].next);
	}
	free(set->rows);
	json_decref(set->index);
	if (set->meters != NULL)
		meter_table_release(set->meters);
	memset(set, 0, sizeof(*set));
}

/* ---- saving a table ---- */

enum { KEY_MARKS = 32 };	/* what choose_key() may put around a key */

/* Keys of the store are ours to choose: the row's own key, or when a row of the factory has that
 * already, one with a mark behind it. */
static void
choose_key(const struct view_set *set, const struct view_row *row, json_t *taken,
    char buf[static VIEW_KEY_SIZE])
{
	char key[VIEW_KEY_SIZE];
	int n;

	view_key(set->view, row->next, key);
	if (strlen(key) > TABLE_KEY_MOST - KEY_MARKS)
		snprintf(key, sizeof(key), "long");
	n = snprintf(buf, VIEW_KEY_SIZE, "%s%s%s", set->view->subset != NULL ? set->view->subset : "",
	    set->view->subset != NULL ? "/" : "", *key != '\0' ? key : "1");
	for (unsigned i = 2; json_object_get(taken, buf) != NULL; i++)
		snprintf(buf + n, VIEW_KEY_SIZE - (size_t)n, "#%u", i);
	json_object_set_new(taken, buf, json_true());
}

static int
save_whole(struct view_set *set, struct edits *edits)
{
	int rc = edits_table(edits, EDIT_TABLE_EMPTY, set->view->table);
	unsigned at = 0;
	char key[24];

	for (size_t i = 0; i < set->n && rc == E_OK; i++) {
		if (set->rows[i].next == NULL)
			continue;
		snprintf(key, sizeof(key), "%u", ++at);
		rc = edits_row(edits, set->view->table, key, set->rows[i].next, set->rows[i].asked);
	}
	return rc;
}

static int
save_rows(struct view_set *set, struct edits *edits)
{
	bool by_id = set->view->key != NULL && strcmp(set->view->key, "id") == 0, any = false;
	json_t *taken = json_object();
	char key[VIEW_KEY_SIZE];
	int rc = taken != NULL ? E_OK : E_NOMEM;

	for (size_t i = 0; i < set->n; i++) {
		if (set->rows[i].store_key != NULL)
			json_object_set_new(taken, set->rows[i].store_key, json_true());
		any |= view_row_changed(&set->rows[i]);
	}
	for (size_t i = 0; i < set->n && rc == E_OK; i++) {
		struct view_row *row = &set->rows[i];

		if (!view_row_changed(row) && !(any && by_id && row->numbered))
			continue;
		if (row->store_key == NULL)
			choose_key(set, row, taken, key);
		else
			snprintf(key, sizeof(key), "%s", row->store_key);
		rc = row->next != NULL ?
		    edits_row(edits, set->view->table, key, row->next, row->asked) :
		    edits_remove(edits, set->view->table, key);
	}
	json_decref(taken);
	return rc;
}

/* The one row of a flat view is as from the factory, the others stay. */
static int
save_factory_row(struct view_set *set, struct edits *edits)
{
	json_t *factory = json_loads(table_factory(set->view->table), 0, NULL), *row;
	int rc = E_OK;
	size_t i;

	json_array_foreach(factory, i, row) {
		if (!belongs(set->view, row) || set->n == 0)
			continue;
		json_decref(set->rows[0].next);
		set->rows[0].next = json_incref(row);
	}
	rc = save_rows(set, edits);
	json_decref(factory);
	return rc;
}

static int
save_table(struct view_set *set, struct edits *edits)
{
	bool part = set->view->subset != NULL || set->view->only != NULL;

	if (set->factory && set->view->only != NULL)
		return save_factory_row(set, edits);
	if (set->whole)
		return save_whole(set, edits);
	if ((set->factory || set->empty) && !part)
		return edits_table(edits, set->empty ? EDIT_TABLE_EMPTY : EDIT_TABLE_FACTORY,
		    set->view->table);
	return save_rows(set, edits);
}

const struct view_source view_tables = { load_table, save_table };

/* ---- edits ---- */

static void *
own(struct edits *edits, void *memory)
{
	if (memory != NULL && edits->n_owned == edits->size_owned) {
		size_t size = edits->size_owned != 0 ? edits->size_owned * 2 : 64;
		void **owned = realloc(edits->owned, size * sizeof(*owned));

		if (owned == NULL) {
			free(memory);
			return NULL;
		}
		edits->owned = owned;
		edits->size_owned = size;
	}
	if (memory != NULL)
		edits->owned[edits->n_owned++] = memory;
	return memory;
}

static int
add(struct edits *edits, struct store_edit edit, int asked)
{
	if (edits->n == edits->size) {
		size_t size = edits->size != 0 ? edits->size * 2 : 64;
		struct store_edit *list = realloc(edits->list, size * sizeof(*list));
		int *rows = list != NULL ? realloc(edits->asked, size * sizeof(*rows)) : NULL;

		if (list != NULL)
			edits->list = list;
		if (rows == NULL)
			return E_NOMEM;
		edits->asked = rows;
		edits->size = size;
	}
	edits->asked[edits->n] = asked;
	edits->list[edits->n++] = edit;
	return E_OK;
}

int
edits_row(struct edits *edits, enum table table, const char *key, const json_t *row, int asked)
{
	struct store_edit edit = { .kind = EDIT_ROW, .table = table };

	edit.key = own(edits, strdup(key));
	edit.text = own(edits, json_dumps(row, JSON_COMPACT));
	return edit.key != NULL && edit.text != NULL ? add(edits, edit, asked) : E_NOMEM;
}

int
edits_remove(struct edits *edits, enum table table, const char *key)
{
	struct store_edit edit = { .kind = EDIT_ROW_REMOVE, .table = table };

	edit.key = own(edits, strdup(key));
	return edit.key != NULL ? add(edits, edit, -1) : E_NOMEM;
}

int
edits_table(struct edits *edits, int kind, enum table table)
{
	struct store_edit edit = { .table = table };

	if (kind == EDIT_TABLE_FACTORY)
		edit.kind = EDIT_TABLE_FACTORY;
	else
		edit.kind = EDIT_TABLE_EMPTY;
	return add(edits, edit, -1);
}

int
edits_setting(struct edits *edits, const char *key, const char *text, int asked)
{
	struct store_edit edit = { .kind = EDIT_SETTING };

	edit.key = own(edits, strdup(key));
	edit.text = own(edits, strdup(text));
	return edit.key != NULL && edit.text != NULL ? add(edits, edit, asked) : E_NOMEM;
}

int
edits_meter(struct edits *edits, const struct meter_row *row, bool remove, int asked)
{
	struct store_edit edit = { .kind = remove ? EDIT_METER_REMOVE : EDIT_METER };
	struct meter_row *copy = malloc(sizeof(*copy));

	if (copy == NULL)
		return E_NOMEM;
	memcpy(copy, row, sizeof(*copy));
	edit.meter = own(edits, copy);
	return edit.meter != NULL ? add(edits, edit, asked) : E_NOMEM;
}

void
edits_free(struct edits *edits)
{
	for (size_t i = 0; i < edits->n_owned; i++)
		free(edits->owned[i]);
	free(edits->owned);
	free(edits->list);
	free(edits->asked);
	memset(edits, 0, sizeof(*edits));
}
