#include "smart-json/view_request.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "smart-json/smart.h"

/* ---- reading the body ---- */

/* "Settings" and "settings" (5); the capital form when both are there. */
static json_t *
wrapped(struct view_request *r, const struct view *view)
{
	const char *name = view->wrapper != NULL ? view->wrapper : "Settings";
	const char *small = view->wrapper != NULL ? "meters" : "settings";
	json_t *value = json_object_get(r->body, name);

	snprintf(r->at, sizeof(r->at), "/%s", value != NULL ? name : small);
	return value != NULL ? value : json_object_get(r->body, small);
}

static void
take_rows(struct view_request *r, json_t *value)
{
	if (json_is_array(value)) {
		r->rows = json_incref(value);
		return;
	}
	r->single = true;
	r->rows = json_array();
	json_array_append(r->rows, value);
}

/* The keys that {"Settings":{"id":[3,4]}} or {"ids":[3,4]} name. */
static bool
take_keys(struct view_request *r, const json_t *object, const char *name)
{
	json_t *value = name != NULL ? json_object_get(object, name) : NULL;
	size_t n = strlen(r->at);

	if (!json_is_array(value))
		return false;
	snprintf(r->at + n, sizeof(r->at) - n, "/%s", name);
	r->rows = json_incref(value);
	return true;
}

static const char *
wire_name(const struct view *view, const char *stored)
{
	const struct member *m = stored != NULL ? view_member(view, stored) : NULL;

	return m != NULL ? m->name : NULL;
}

/* The forms of 6; none of them, but an object with something else, is not understood. */
static bool
read_removal(struct view_request *r, const struct view *view)
{
	static const char *const names[] = { "ids", "names", "calendarNames" };
	json_t *value = wrapped(r, view);

	if (json_is_object(value)) {
		if (!take_keys(r, value, wire_name(view, view->key)) &&
		    !take_keys(r, value, wire_name(view, view->other_key)) &&
		    json_object_size(value) > 0)
			take_rows(r, value);
		return true;
	}
	if (json_is_array(value)) {
		take_rows(r, value);
		return true;
	}
	r->at[0] = '\0';
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (take_keys(r, r->body, names[i]))
			return true;
	return value == NULL && json_object_size(r->body) == 0;
}

static bool
is_blank(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!isspace((unsigned char)text[i]))
			return false;
	return true;
}

bool
view_request_read(struct view_request *r, const struct view *view, struct http_call *call)
{
	bool flat = view->kind == VIEW_FLAT, removal = call->head->method == HTTP_DELETE;
	struct fault fault = { 0 };
	json_t *value;

	if (removal && is_blank(call->body, call->body_len))
		return true;
	if ((r->body = smart_body(call)) == NULL)
		return false;
	if (removal) {
		if (read_removal(r, view) || flat)
			return true;
		fault_set(&fault, FAULT_DELETE, "", -1, "");
		fault_answer(call, &fault, "");
		return false;
	}
	value = wrapped(r, view);
	if (value == NULL && flat) {
		take_rows(r, r->body);
		r->at[0] = '\0';
	} else if (json_is_array(value) || json_is_object(value)) {
		take_rows(r, value);
	} else {
		fault_set(&fault, FAULT_WRAPPER, "", -1,
		    view->wrapper != NULL ? view->wrapper : "Settings");
		fault_answer(call, &fault, value != NULL ? r->at : "");
		return false;
	}
	return true;
}

void
view_request_forget(struct view_request *r)
{
	json_decref(r->body);
	json_decref(r->rows);
	memset(r, 0, sizeof(*r));
}

/* ---- adding and rewriting ---- */

struct writing {
	struct view_set *set;
	bool post, upsert, replace;
	json_t *seen;		/* keys of this request */
};

/* The key that a row of the request has; "" for the one row of a view.  E_INVALID: the fault. */
static int
asked_key(struct view_set *set, const json_t *wire, char key[static VIEW_KEY_SIZE])
{
	const struct view *view = set->view;
	const struct member *m = view->key != NULL ? view_member(view, view->key) : NULL;
	const json_t *value = m != NULL ? json_object_get(wire, m->name) : NULL;
	json_t *taken, *row;

	*key = '\0';
	if (view->only != NULL)
		snprintf(key, VIEW_KEY_SIZE, "%s", view->only);
	if (m == NULL || value == NULL || json_is_null(value))
		return E_OK; /* a missing one is found with the other members */
	if ((taken = view_take_value(m, value, &set->fault)) == NULL)
		return E_INVALID;
	row = json_pack("{s:o}", view->key, taken);
	view_key(view, row, key);
	json_decref(row);
	return E_OK;
}

static int
mark_seen(struct writing *w, const char *key)
{
	const struct view *view = w->set->view;

	if ((view->flags & V_REPEATS) != 0)
		return E_OK;
	if (json_object_get(w->seen, key) != NULL)
		return fault_set(&w->set->fault, FAULT_EXISTS,
		    view->key != NULL ? wire_name(view, view->key) : "", -1, key);
	return json_object_set_new(w->seen, key, json_true()) < 0 ? E_NOMEM : E_OK;
}

static int
write_row(struct writing *w, json_t *wire, int asked)
{
	struct view_set *set = w->set;
	const struct view *view = set->view;
	bool repeats = (view->flags & V_REPEATS) != 0;
	char key[VIEW_KEY_SIZE];
	struct view_row *old;
	json_t *row;

	set->fault_row = asked;
	if (json_is_object(wire) && asked_key(set, wire, key) < 0)
		return E_INVALID;
	old = json_is_object(wire) ? view_set_find(set, key) : NULL;
	if (view->kind == VIEW_ONE || (view->kind == VIEW_FLAT && view->only == NULL))
		old = set->n > 0 ? &set->rows[0] : NULL;
	row = view_take(set, wire, old != NULL ? old->now : NULL, &set->fault);
	if (row == NULL)
		return E_INVALID;
	if (mark_seen(w, key) < 0) {
		json_decref(row);
		return E_INVALID;
	}
	if (old != NULL && old->next != NULL && w->post && !w->upsert && !repeats) {
		json_decref(row);
		return fault_set(&set->fault, FAULT_EXISTS, wire_name(view, view->key), -1, key);
	}
	if ((old == NULL || old->next == NULL) && (view->flags & V_UPDATE_ONLY) != 0) {
		json_decref(row);
		return fault_set(&set->fault, FAULT_NO_SUCH, wire_name(view, view->key), -1, key);
	}
	if (old == NULL || old->next == NULL)
		return view_set_new(set, row, old, asked);
	if (repeats && (w->post || old->asked >= 0))
		return view_set_new(set, row, NULL, asked);
	json_decref(old->next);
	old->next = row;
	old->asked = asked;
	return E_OK;
}

/* Rows that this view cannot express are not the client's to remove. */
static bool
is_visible(const struct view_set *set, const struct view_row *row)
{
	json_t *wire = row->next != NULL ? view_show(set, row) : NULL;

	json_decref(wire);
	return wire != NULL;
}

static void
remove_visible(struct view_set *set, bool unasked)
{
	for (size_t i = 0; i < set->n; i++) {
		if ((unasked && set->rows[i].asked >= 0) || !is_visible(set, &set->rows[i]))
			continue;
		json_decref(set->rows[i].next);
		set->rows[i].next = NULL;
	}
}

static int
write_all(struct writing *w, const struct view_request *r)
{
	struct view_set *set = w->set;
	enum view_kind kind = set->view->kind;
	bool list = kind == VIEW_LIST;
	json_t *wire;
	size_t i;
	int rc = E_OK;

	if ((kind == VIEW_ONE || kind == VIEW_FLAT) && json_array_size(r->rows) > 1) {
		set->fault_row = 1;
		return fault_set(&set->fault, FAULT_ONE, "", -1, "");
	}
	set->whole = list && (w->replace || json_array_size(r->rows) > 0);
	if (list && w->replace)
		remove_visible(set, false);
	json_array_foreach(r->rows, i, wire)
		if (rc == E_OK)
			rc = write_row(w, wire, (int)i);
	if (rc == E_OK && w->replace && kind == VIEW_KEYED)
		remove_visible(set, true);
	return rc;
}

/* merge or replace: by ?mode=, else as the kind of table has it. */
static int
begin_put(struct writing *w, const struct http_call *call)
{
	const char *mode = http_arg(call, "mode");
	struct view_set *set = w->set;

	w->replace = set->view->kind == VIEW_LIST;
	if (mode == NULL)
		return E_OK;
	if (strcmp(mode, "merge") != 0 && strcmp(mode, "replace") != 0)
		return fault_set(&set->fault, FAULT_MODE, "", -1, "");
	w->replace = strcmp(mode, "replace") == 0 && (set->view->flags & V_UPDATE_ONLY) == 0;
	return E_OK;
}

/* ---- removing ---- */

static bool
has_value(const struct view *view, const struct view_row *row, const char *stored, const char *text)
{
	const json_t *value = row->next != NULL ? json_object_get(row->next, stored) : NULL;
	char number[24];

	(void)view;
	if (json_is_string(value))
		return texts_alike(json_string_value(value), text);
	snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(value));
	return json_is_integer(value) && strcmp(number, text) == 0;
}

static void
remove_with(struct view_set *set, const char *stored, const char *text)
{
	for (size_t i = 0; i < set->n; i++) {
		if (!has_value(set->view, &set->rows[i], stored, text))
			continue;
		json_decref(set->rows[i].next);
		set->rows[i].next = NULL;
		set->rows[i].asked = set->fault_row;
	}
}

/* The text of a key as the rows are found by it.  A key that no row can have is none: 1. */
static int
key_text(struct view_set *set, const char *stored, const json_t *value, const char *where,
    char key[static VIEW_KEY_SIZE])
{
	const struct member *m = view_member(set->view, stored);
	struct fault fault = { 0 };
	json_t *taken, *row;
	int64_t number;

	if (m->kind == MEMBER_INT && !view_integer(value, &number))
		return fault_set(&set->fault, FAULT_NO_INT, where, -1, m->name);
	if (m->kind != MEMBER_INT && !json_is_string(value) && !json_is_integer(value))
		return fault_set(&set->fault, FAULT_NO_TEXT, where, -1, m->name);
	if ((taken = view_take_value(m, value, &fault)) == NULL)
		return 1;
	row = json_pack("{s:o}", "key", taken);
	view_key(&(struct view){ .key = "key" }, row, key);
	json_decref(row);
	return E_OK;
}

static int
remove_one(struct view_set *set, const json_t *item)
{
	const char *stored = set->view->key;
	const char *name = wire_name(set->view, stored),
		   *other = wire_name(set->view, set->view->other_key);
	const json_t *value = json_is_object(item) ? json_object_get(item, name) : item;
	char key[VIEW_KEY_SIZE];
	struct view_row *row;
	int rc;

	if (value == NULL && other != NULL && (value = json_object_get(item, other)) != NULL)
		stored = set->view->other_key;
	if (value == NULL)
		return fault_set(&set->fault, FAULT_MISSING, name, -1, name);
	/* {"id": [...]} of a table that is named otherwise came as bare numbers. */
	if (!json_is_object(item) && json_is_integer(item) && other != NULL)
		stored = set->view->other_key;
	rc = key_text(set, stored, value, json_is_object(item) ? wire_name(set->view, stored) : "",
	    key);
	if (rc != E_OK)
		return rc > 0 ? E_OK : rc;
	row = stored == set->view->key ? view_set_find(set, key) : NULL;
	if (row != NULL && (set->view->flags & V_REPEATS) == 0) {
		json_decref(row->next);
		row->next = NULL;
		row->asked = set->fault_row;
	} else {
		remove_with(set, stored, key);
	}
	return E_OK;
}

static int
remove_rows(struct view_set *set, const struct view_request *r)
{
	bool named = set->view->key != NULL && set->view->kind != VIEW_FLAT;
	json_t *item;
	size_t i;
	int rc = E_OK;

	if (r->body == NULL) {
		set->empty = (set->view->flags & V_EMPTIES) != 0;
		set->factory = !set->empty;
		if (set->empty)
			for (i = 0; i < set->n; i++) {
				json_decref(set->rows[i].next);
				set->rows[i].next = NULL;
			}
		return E_OK;
	}
	if ((set->view->flags & V_UPDATE_ONLY) != 0 && json_array_size(r->rows) > 0)
		set->factory = true;
	json_array_foreach(r->rows, i, item) {
		set->fault_row = (int)i;
		if (rc == E_OK && named && !set->factory)
			rc = remove_one(set, item);
	}
	set->whole = set->view->kind == VIEW_LIST && json_array_size(r->rows) > 0;
	return rc;
}

/* ---- the whole ---- */

/* No two rows share a value that names something outside: a port, a login. */
static int
check_unique(struct view_set *set)
{
	const char *stored = set->view->unique;
	json_t *seen = json_object();
	char text[VIEW_KEY_SIZE];
	int rc = E_OK;

	/* Twice: rows of the request meet those that were there, wherever they stand. */
	for (size_t i = 0; i < 2 * set->n && rc == E_OK && stored != NULL; i++) {
		const struct view_row *row = &set->rows[i % set->n];

		if (row->next == NULL || (row->asked >= 0) != (i >= set->n))
			continue;
		view_key(&(struct view){ .key = stored }, row->next, text);
		if (*text == '\0' || strcmp(text, "0") == 0)
			continue;
		set->fault_row = row->asked;
		if (row->asked >= 0 && json_object_get(seen, text) != NULL)
			rc = fault_set(&set->fault, FAULT_TWICE, wire_name(set->view, stored), -1,
			    text);
		json_object_set_new(seen, text, json_true());
	}
	json_decref(seen);
	return rc;
}

int
view_request_apply(struct view_set *set, const struct view_request *r, const struct http_call *call)
{
	struct writing w = { .set = set, .seen = json_object() };
	int rc = E_OK;

	if (call->head->method == HTTP_DELETE) {
		rc = remove_rows(set, r);
	} else {
		w.post = call->head->method == HTTP_POST && (set->view->flags & V_POST_IS_PUT) == 0 &&
		    set->view->kind != VIEW_FLAT && set->view->kind != VIEW_ONE;
		w.upsert = set->settings.http_post_upsert;
		if (!w.post && call->head->method == HTTP_PUT)
			rc = begin_put(&w, call);
		if (rc == E_OK)
			rc = write_all(&w, r);
	}
	json_decref(w.seen);
	if (rc == E_OK)
		rc = check_unique(set);
	if (rc == E_OK)
		set->fault_row = -1;
	if (rc == E_OK && set->view->settle != NULL)
		rc = set->view->settle(set);
	return rc;
}
