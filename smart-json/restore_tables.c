/* The tables of rows in a backup: what changes, and which secrets stay. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "smart-json/accounts.h"
#include "smart-json/backup.h"
#include "smart-json/backup_private.h"

/* A row as it is now, by the name the store has for it. */
static json_t *
index_rows(const struct table_rows *rows)
{
	json_t *index = json_object();

	for (size_t i = 0; i < rows->n; i++) {
		json_t *row = json_loads(rows->rows[i].json, 0, NULL);

		json_object_set_new(index, rows->rows[i].key, row != NULL ? row : json_object());
	}
	return index;
}

/* Where the file has a blank for a secret, the row that is there keeps its own. */
static void
keep_secrets(json_t *row, const json_t *now)
{
	const char *name;
	json_t *value, *had;
	void *next;

	json_object_foreach_safe(row, next, name, value) {
		had = json_object_get(now, name);
		if (had == NULL)
			continue;
		if (json_is_string(value) && *json_string_value(value) == '\0' &&
		    backup_is_secret(name))
			json_object_set(row, name, had);
		else if (json_is_object(value))
			keep_secrets(value, had);
	}
}

static bool
has_text(const json_t *row, const char *name)
{
	const char *text = json_string_value(json_object_get(row, name));

	return text != NULL && *text != '\0';
}

/* ---- accounts ---- */

static const json_t *
account_of(const json_t *rows, const char *login)
{
	json_t *row;
	const char *name;

	json_object_foreach((json_t *)(uintptr_t)rows, name, row) {
		const char *has = json_string_value(json_object_get(row, "login"));

		if (login != NULL && has != NULL && strcmp(has, login) == 0)
			return row;
	}
	return NULL;
}

/* An account without a password is nobody's: it is left out.  A password in the clear, which a person
 * has written into the file, is never stored so. */
static bool
settle_account(struct restore *r, json_t *row, const json_t *rows)
{
	const char *login = json_string_value(json_object_get(row, "login"));
	const json_t *now = account_of(rows, login);

	if (now != NULL)
		keep_secrets(row, now);
	if (has_text(row, "password") && !json_is_true(json_object_get(row, "factory")))
		return accounts_seal(row, now) == E_OK;
	if (has_text(row, "hash") || has_text(row, "password"))
		return true;
	restore_warn(r, "account \"%.40s\" is left out: its password is not in the file",
	    login != NULL ? login : "");
	return false;
}

static bool
has_administrator(const json_t *rows)
{
	const char *name;
	json_t *row;

	json_object_foreach((json_t *)(uintptr_t)rows, name, row)
		if (json_integer_value(json_object_get(row, "lvl")) >= LEVEL_ADMIN)
			return true;
	return false;
}

/* ---- members ---- */

/* As far as the kind of a member tells; what a view looks at with a function of its own is believed. */
static bool
fits(const struct member *m, const json_t *value)
{
	json_int_t number = json_integer_value(value);

	if (json_is_null(value) || m->check != NULL)
		return true;
	switch (m->kind) {
	case MEMBER_INT:
		return json_is_integer(value) &&
		    (m->choices != NULL || (number >= m->least && number <= m->most) ||
			((m->flags & M_OR_255) != 0 && number == 255));
	case MEMBER_BOOL:
		return json_is_boolean(value);
	case MEMBER_TEXT:
	case MEMBER_CHOICE:
	case MEMBER_CODE:
		return json_is_string(value);
	case MEMBER_INTS:
	case MEMBER_TEXTS:
		return json_is_array(value);
	case MEMBER_ANY:
		break;
	}
	return true;
}

/* A member must be what one of the views of its table takes it for; those no view knows are kept. */
static bool
member_fits(enum table table, const char *name, const json_t *value)
{
	bool known = false;

	for (size_t i = 0; view_lists[i] != NULL; i++) {
		for (const struct view *view = view_lists[i]; view->path != NULL; view++) {
			const struct member *m;

			if (view->source != &view_tables || view->table != table ||
			    (m = view_member(view, name)) == NULL)
				continue;
			if (fits(m, value))
				return true;
			known = true;
		}
	}
	return !known;
}

/* ---- one table ---- */

struct table_plan {
	enum table table;
	bool factory;
	json_t *now;	/* object: name of a row, row */
	json_t *wanted;	/* the same, in the order of the file */
	size_t added, changed, removed;
};

static int
take_row(struct restore *r, struct table_plan *p, size_t i, const json_t *entry)
{
	const char *name = json_string_value(json_object_get(entry, "name"));
	json_t *row = json_deep_copy(json_object_get(entry, "row"));
	const json_t *now = name != NULL ? json_object_get(p->now, name) : NULL;
	const char *member;
	json_t *value;
	char where[96];
	int rc = E_OK;

	snprintf(where, sizeof(where), "/tables/%.40s/%zu", table_name(p->table), i);
	if (name == NULL || *name == '\0' || strlen(name) > TABLE_KEY_MOST || !json_is_object(row))
		rc = restore_refuse(r, where, "a row has a \"name\" and an object \"row\"");
	else if (json_object_get(p->wanted, name) != NULL)
		rc = restore_refuse(r, where, "the name \"%.40s\" stands twice", name);
	json_object_foreach(rc == E_OK ? row : NULL, member, value)
		if (rc == E_OK && !member_fits(p->table, member, value))
			rc = restore_refuse(r, where, "%.40s: a value of the wrong kind or size",
			    member);
	if (rc < 0) {
		json_decref(row);
		return rc;
	}
	if (p->table != TABLE_ACCOUNTS && now != NULL)
		keep_secrets(row, now);
	if (p->table == TABLE_ACCOUNTS && !settle_account(r, row, p->now))
		json_decref(row);
	else
		json_object_set_new(p->wanted, name, row);
	return E_OK;
}

/* Rows keep their numbers, so a table is written anew only when its order is another one. */
static bool
keeps_order(const struct table_plan *p)
{
	void *at = json_object_iter(p->wanted);
	const char *name;
	json_t *row;

	json_object_foreach(p->now, name, row) {
		if (json_object_get(p->wanted, name) == NULL)
			continue;
		if (strcmp(json_object_iter_key(at), name) != 0)
			return false;
		at = json_object_iter_next(p->wanted, at);
	}
	return true;
}

static int
plan_changes(struct restore *r, struct table_plan *p)
{
	bool anew = !keeps_order(p);
	const char *name;
	json_t *row;
	int rc = E_OK;

	json_object_foreach(p->now, name, row) {
		if (json_object_get(p->wanted, name) != NULL)
			continue;
		p->removed++;
		if (!anew && rc == E_OK)
			rc = edits_remove(&r->edits, p->table, name);
	}
	json_object_foreach(p->wanted, name, row) {
		const json_t *now = json_object_get(p->now, name);

		p->added += now == NULL;
		p->changed += now != NULL && !json_equal(now, row);
	}
	/* A table as from the factory becomes a written one also when its rows are the same. */
	anew |= p->factory && p->added + p->changed + p->removed == 0;
	if (anew && rc == E_OK)
		rc = edits_table(&r->edits, EDIT_TABLE_EMPTY, p->table);
	json_object_foreach(p->wanted, name, row) {
		const json_t *now = json_object_get(p->now, name);

		if (rc == E_OK && (anew || now == NULL || !json_equal(now, row)))
			rc = edits_row(&r->edits, p->table, name, row, -1);
	}
	return rc;
}

static int
plan_list(struct restore *r, struct table_plan *p, const json_t *list)
{
	json_t *entry;
	size_t i;
	int rc = E_OK;

	if (json_array_size(list) > TABLE_ROWS_MOST)
		return restore_refuse(r, "/tables", "%s: more than %d rows", table_name(p->table),
		    TABLE_ROWS_MOST);
	json_array_foreach(list, i, entry)
		if (rc == E_OK)
			rc = take_row(r, p, i, entry);
	if (rc < 0)
		return rc;
	/* Somebody must be able to come in again. */
	if (p->table == TABLE_ACCOUNTS && !has_administrator(p->wanted)) {
		restore_warn(r,
		    "accounts stay as they are: no administrator of the file has a password");
		return E_OK;
	}
	return plan_changes(r, p);
}

static int
plan_factory(struct restore *r, struct table_plan *p)
{
	if (p->factory)
		return E_OK;
	if (p->table == TABLE_ACCOUNTS) {
		restore_warn(r, "accounts stay as they are: the file has the factory password only");
		return E_OK;
	}
	p->changed = 1;
	return edits_table(&r->edits, EDIT_TABLE_FACTORY, p->table);
}

static int
plan_table(struct restore *r, json_t *report, enum table table, const json_t *list)
{
	const struct table_rows *rows = store_table(r->store, table);
	struct table_plan p = { .table = table, .factory = rows->factory, .now = index_rows(rows),
		.wanted = json_object() };
	int rc;

	table_rows_release(rows);
	if (json_is_null(list))
		rc = plan_factory(r, &p);
	else if (json_is_array(list))
		rc = plan_list(r, &p, list);
	else
		rc = restore_refuse(r, "/tables", "%s: a list or null is needed", table_name(table));
	if (rc == E_OK && p.added + p.changed + p.removed > 0)
		json_object_set_new(report, table_name(table),
		    json_pack("{s:I,s:I,s:I,s:b}", "added", (json_int_t)p.added, "changed",
			(json_int_t)p.changed, "removed", (json_int_t)p.removed, "factory",
			json_is_null(list)));
	r->accounts |= table == TABLE_ACCOUNTS && p.added + p.changed + p.removed > 0;
	json_decref(p.now);
	json_decref(p.wanted);
	return rc;
}

int
restore_tables(struct restore *r, const json_t *document)
{
	json_t *section = json_object_get(document, "tables"), *report = json_object(), *list;
	const char *name;
	int rc = E_OK;

	if (section != NULL && !json_is_object(section))
		rc = restore_refuse(r, "/tables", "tables: an object is needed");
	json_object_foreach(section, name, list) {
		enum table table = table_by_name(name);

		if (table == TABLE_COUNT)
			restore_warn(r, "table %.60s is not known here and left out", name);
		else if (rc == E_OK)
			rc = plan_table(r, report, table, list);
	}
	json_object_set_new(r->report, "tables", report);
	return rc;
}
