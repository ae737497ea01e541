/* Reading and writing the tables of settings (smart-json.md 5, 6), whatever their rows are. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "smart-json/accounts.h"
#include "smart-json/api.h"
#include "smart-json/edit.h"
#include "smart-json/view_request.h"
#include "smart-json/smart.h"

/* ---- reading ---- */

static const struct view *
view_of(struct http_call *call)
{
	const struct view *view = view_find(call->head->path, call->dialect);

	if (view == NULL)
		http_fail(call, 405, NULL, "no such path in this dialect: %s", call->head->path);
	return view;
}

/* ?id=3&id=7: no id given, or one of them is the row's. */
static bool
is_wanted(const struct http_call *call, const json_t *wire)
{
	const json_t *id = json_object_get(wire, "id");
	bool asked = false;
	char text[24];

	if (id == NULL)
		return true;
	snprintf(text, sizeof(text), "%" JSON_INTEGER_FORMAT, json_integer_value(id));
	for (size_t i = 0; i < call->head->n_args; i++) {
		if (strcmp(call->head->args[i].name, "id") != 0)
			continue;
		asked = true;
		if (strcmp(call->head->args[i].value, text) == 0)
			return true;
	}
	return !asked;
}

static json_t *
list_rows(struct http_call *call, const struct view_set *set, size_t offset, size_t limit)
{
	json_t *list = json_array();

	for (size_t i = 0; i < set->n && json_array_size(list) < limit; i++) {
		json_t *wire = view_show(set, &set->rows[i]);

		if (wire == NULL || !is_wanted(call, wire))
			json_decref(wire);
		else if (offset > 0 && offset--)
			json_decref(wire);
		else
			json_array_append_new(list, wire);
	}
	return list;
}

static void
answer_list(struct http_call *call, const struct view_set *set)
{
	const char *wrapper = set->view->wrapper != NULL ? set->view->wrapper : "Settings";
	size_t offset = 0, limit = SIZE_MAX;
	json_t *list;

	if (!api_arg_count(call, "offset", &offset) || !api_arg_count(call, "limit", &limit))
		return;
	list = list_rows(call, set, offset, limit);
	if ((set->view->flags & V_SPELLINGS) == 0) {
		smart_list(call, wrapper, list);
		return;
	}
	/* The page of the original reads the list of schedules under another name (5). */
	if (json_array_size(list) == 0 && set->settings.http_empty_null) {
		json_decref(list);
		list = json_null();
	}
	api_reply(call, json_pack("{s:O,s:o}", wrapper, list, "settings", list));
}

void
smart_rows_get(struct http_call *call)
{
	const struct view *view = view_of(call);
	struct view_set set;
	int rc;

	if (view == NULL)
		return;
	rc = view_load(&set, view, call);
	if (rc < 0)
		http_fail_err(call, rc, NULL, "the table cannot be read");
	else if (view->kind != VIEW_FLAT)
		answer_list(call, &set);
	else
		api_reply(call, set.n > 0 ? view_show(&set, &set.rows[0]) : json_object());
	view_unload(&set);
}

/* ---- writing ---- */

enum { POINTER_SIZE = 96 };

/* Where the row stands in the body: "/Settings/3", "/Settings" or "". */
static void
row_pointer(const struct view_request *r, int row, char *buf, size_t size)
{
	if (row < 0)
		*buf = '\0';
	else if (r->single)
		snprintf(buf, size, "%s", r->at);
	else
		snprintf(buf, size, "%s/%d", r->at, row);
}

static void
refuse(struct http_call *call, const struct view_request *r, const struct view_set *set)
{
	char base[POINTER_SIZE];

	row_pointer(r, set->fault_row, base, sizeof(base));
	fault_answer(call, &set->fault, base);
}

/* The store refused what we had found good, or cannot write now. */
static void
refuse_edit(struct http_call *call, const struct view_request *r, const struct edits *edits, int rc,
    size_t failed, const char *why)
{
	char base[POINTER_SIZE];

	row_pointer(r, failed < edits->n ? edits->asked[failed] : -1, base, sizeof(base));
	if (rc == E_LIMIT)
		http_fail_res(call, 507, RES_FULL, base, "%s", why);
	else if (rc == E_INVALID || rc == E_EXISTS || rc == E_NOTFOUND)
		http_fail_res(call, 422, RES_RANGE, base, "%s", why);
	else
		http_fail_err(call, rc, base, "nothing was changed");
}

enum { AUDIT_ROWS = 100 };	/* more at once are told by their numbers: the journal is a ring */

static void
audit_row(const struct http_call *call, const struct view_set *set, const struct view_row *row)
{
	char key[VIEW_KEY_SIZE];

	view_key(set->view, row->next != NULL ? row->next : row->now, key);
	edit_audit(call, set->view->path, key, row->now, set->factory ? NULL : row->next);
}

static void
audit(const struct http_call *call, const struct view_set *set)
{
	json_int_t added = 0, changed = 0, removed = 0;
	json_t *all;

	for (size_t i = 0; i < set->n; i++) {
		const struct view_row *row = &set->rows[i];

		added += row->now == NULL && row->next != NULL;
		removed += row->now != NULL && (row->next == NULL || set->factory);
		changed += row->now != NULL && row->next != NULL && view_row_changed(row);
	}
	if (added + changed + removed > AUDIT_ROWS) {
		all = json_pack("{s:I,s:I,s:I}", "added", added, "changed", changed, "removed",
		    removed);
		edit_audit(call, set->view->path, "*", NULL, all);
		json_decref(all);
		return;
	}
	for (size_t i = 0; i < set->n; i++)
		if ((set->factory && set->rows[i].now != NULL) || view_row_changed(&set->rows[i]))
			audit_row(call, set, &set->rows[i]);
}

/* Everything or nothing: one edit of the store. */
static int
commit(struct http_call *call, struct view_set *set, const struct view_request *r)
{
	const char *cascade = http_arg(call, "cascade");
	struct edits edits = { 0 };
	char why[256] = "";
	size_t failed = 0;
	int rc = set->view->source->save(set, &edits);

	if (rc == E_OK)
		rc = view_check_refs(set, &edits, set->settings.http_strict_refs,
		    cascade != NULL && strcmp(cascade, "1") == 0);
	if (rc == E_INVALID && set->fault.kind != FAULT_NONE) {
		refuse(call, r, set);
	} else if (rc < 0) {
		http_fail_err(call, rc, NULL, "nothing was changed");
	} else if (edits.n > 0) {
		rc = store_edit(set->store, edits.list, edits.n, &failed, why, sizeof(why));
		if (rc < 0)
			refuse_edit(call, r, &edits, rc, failed, why);
	}
	edits_free(&edits);
	return rc;
}

static void
write_rows(struct http_call *call, const struct view *view, const struct view_request *r)
{
	struct view_set set;
	int rc;

	edit_lock();
	rc = view_load(&set, view, call);
	if (rc < 0)
		http_fail_err(call, rc, NULL, "the table cannot be read");
	if (rc == E_OK && (rc = view_request_apply(&set, r, call)) < 0)
		refuse(call, r, &set);
	if (rc == E_OK)
		rc = commit(call, &set, r);
	edit_unlock();
	if (rc == E_OK) {
		audit(call, &set);
		if ((view->flags & V_ACCOUNTS) != 0 && call->server->accounts != NULL)
			accounts_changed(call->server->accounts);
		smart_ok(call);
	}
	view_unload(&set);
}

static bool
offers(struct http_call *call, const struct view *view)
{
	enum http_method method = call->head->method;

	if (view->source->save != NULL && (method != HTTP_POST || (view->flags & V_NO_POST) == 0) &&
	    (method != HTTP_DELETE || (view->flags & V_NO_DELETE) == 0))
		return true;
	call->allow = view->source->save == NULL ? "GET, HEAD, OPTIONS" :
	    (view->flags & V_NO_POST) != 0	 ? "GET, HEAD, OPTIONS, PUT, DELETE" :
						   "GET, HEAD, OPTIONS, POST, PUT";
	http_fail(call, 405, NULL, "this path answers to: %s", call->allow);
	return false;
}

void
smart_rows_write(struct http_call *call)
{
	const struct view *view = view_of(call);
	struct view_request request = { 0 };

	if (view == NULL || !offers(call, view))
		return;
	if (view_request_read(&request, view, call))
		write_rows(call, view, &request);
	view_request_forget(&request);
}
