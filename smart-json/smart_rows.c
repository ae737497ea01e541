/* Reading and writing the tables of settings (smart-json.md 5, 6), whatever their rows are. */
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "smart-json/accounts.h"
#include "smart-json/api.h"
#include "smart-json/edit.h"
#include "smart-json/view_request.h"
#include "smart-json/smart.h"

enum { LARGE_TABLE = 500 };

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

struct listing {
	struct http_call *call;
	size_t offset, limit, n;	/* n rows are printed */
};

static int
add_text(const char *buffer, size_t size, void *text)
{
	text_add(text, buffer, size);
	return 0;
}

static int
print_row(void *arg, const struct view_set *set, const struct view_row *row)
{
	struct listing *list = arg;
	struct text *out = &list->call->out;
	json_t *wire;

	if (list->n == list->limit)
		return 1;
	wire = view_show(set, row);
	if (wire != NULL && is_wanted(list->call, wire) && (list->offset == 0 || list->offset-- == 0)) {
		text_str(out, list->n++ > 0 ? ",\n" : "[");
		json_dump_callback(wire, add_text, out, JSON_COMPACT | JSON_REAL_PRECISION(6));
	}
	json_decref(wire);
	return out->failed ? E_NOMEM : E_OK;
}

static void
answer_list(struct http_call *call, const struct view *view)
{
	const char *wrapper = view->wrapper != NULL ? view->wrapper : "Settings";
	struct listing list = { .call = call, .limit = SIZE_MAX };
	struct view_set set;
	size_t from;
	int rc;

	if (!api_arg_count(call, "offset", &list.offset) || !api_arg_count(call, "limit", &list.limit))
		return;
	text_printf(&call->out, "{\"%s\":", wrapper);
	from = call->out.len;
	rc = view_each(&set, view, call, print_row, &list);
	if (rc < 0) {
		http_fail_err(call, rc, NULL, "the table cannot be read");
	} else {
		text_str(&call->out, list.n > 0 ? "]" : set.settings.http_empty_null ? "null" : "[]");
		/* The page of the original reads the list of schedules under another name (5). */
		if ((view->flags & V_SPELLINGS) != 0 && !call->out.failed) {
			char *again = strdup(call->out.p + from);

			text_printf(&call->out, ",\"settings\":%s", again != NULL ? again : "null");
			free(again);
		}
		text_str(&call->out, "}\n");
	}
	view_unload(&set);
}

static void
answer_flat(struct http_call *call, const struct view *view)
{
	struct view_set set;
	int rc = view_load(&set, view, call);

	if (rc < 0)
		http_fail_err(call, rc, NULL, "the table cannot be read");
	else
		api_reply(call, set.n > 0 ? view_show(&set, &set.rows[0]) : json_object());
	view_unload(&set);
}

void
smart_rows_get(struct http_call *call)
{
	const struct view *view = view_of(call);

	if (view == NULL)
		return;
	if (view->kind == VIEW_FLAT)
		answer_flat(call, view);
	else
		answer_list(call, view);
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
	bool large;
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
	large = set.n > LARGE_TABLE;
	view_unload(&set);
	/* Trees of a large table would stay with this thread for ever. */
	if (large)
		malloc_trim(0);
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
