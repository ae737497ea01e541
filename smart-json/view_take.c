/* A row as a client sent it becomes the row that is stored (smart-json.md 6, 18). */
#include "smart-json/view.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool
view_integer(const json_t *value, int64_t *number)
{
	const char *text = json_string_value(value);
	char *end;

	if (json_is_integer(value)) {
		*number = json_integer_value(value);
		return true;
	}
	if (text == NULL ||
	    !(isdigit((unsigned char)*text) || (*text == '-' && isdigit((unsigned char)text[1]))))
		return false;
	errno = 0;
	*number = strtoll(text, &end, 10);
	return errno == 0 && *end == '\0';
}

bool
texts_alike(const char *a, const char *b)
{
	for (;; a++, b++) {
		while (isspace((unsigned char)*a))
			a++;
		while (isspace((unsigned char)*b))
			b++;
		if (tolower((unsigned char)*a) != tolower((unsigned char)*b))
			return false;
		if (*a == '\0')
			return true;
	}
}

/* ---- converting one value; a new reference, or NULL with the fault ---- */

static bool
in_range(const struct member *m, int64_t number)
{
	if (m->choices == NULL)
		return (number >= m->least && number <= m->most) ||
		    ((m->flags & M_OR_255) != 0 && number == 255);
	for (const struct choice *c = m->choices; c->code != NO_CODE || c->text != NULL; c++)
		if (c->code == number)
			return true;
	return false;
}

static json_t *
take_integer(const struct member *m, const json_t *value, int item, struct fault *fault)
{
	char detail[96];
	int64_t number;

	if (!view_integer(value, &number)) {
		fault_set(fault, FAULT_NO_INT, m->name, item, m->name);
		return NULL;
	}
	if (!in_range(m, number)) {
		if (m->choices != NULL)
			snprintf(detail, sizeof(detail), "%" PRId64, number);
		else
			snprintf(detail, sizeof(detail), "%" PRId64 " (%" PRId64 "…%" PRId64 ")",
			    number, m->least, m->most);
		fault_set(fault, FAULT_RANGE, m->name, item, detail);
		return NULL;
	}
	return json_integer(number);
}

static json_t *
take_bool(const struct member *m, const json_t *value, struct fault *fault)
{
	const char *text = json_string_value(value);
	int64_t number;

	if (json_is_boolean(value))
		return json_boolean(json_is_true(value));
	if (view_integer(value, &number) && (number == 0 || number == 1))
		return json_boolean(number == 1);
	if (text != NULL && (texts_alike(text, "true") || texts_alike(text, "false")))
		return json_boolean(texts_alike(text, "true"));
	fault_set(fault, FAULT_NO_BOOL, m->name, -1, m->name);
	return NULL;
}

static size_t
letters(const char *text)
{
	size_t n = 0;

	for (; *text != '\0'; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

static json_t *
take_text(const struct member *m, const json_t *value, int item, struct fault *fault)
{
	const char *text = json_string_value(value);
	char detail[64];
	size_t n;

	if (text == NULL) {
		fault_set(fault, FAULT_NO_TEXT, m->name, item, m->name);
		return NULL;
	}
	n = letters(text);
	if (n < (size_t)m->least || n > (size_t)m->most) {
		snprintf(detail, sizeof(detail), "%zu (%" PRId64 "…%" PRId64 ")", n, m->least, m->most);
		fault_set(fault, FAULT_LENGTH, m->name, item, detail);
		return NULL;
	}
	return json_string(text);
}

static json_t *
take_list(const struct member *m, const json_t *value, struct fault *fault)
{
	json_t *list = json_array(), *item;
	size_t i;

	if (!json_is_array(value)) {
		json_decref(list);
		fault_set(fault, FAULT_NO_LIST, m->name, -1, m->name);
		return NULL;
	}
	json_array_foreach((json_t *)(uintptr_t)value, i, item) {
		json_t *taken = m->kind == MEMBER_INTS ? take_integer(m, item, (int)i, fault) :
							 take_text(m, item, (int)i, fault);

		if (json_array_append_new(list, taken) < 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static json_t *
take_choice(const struct member *m, const json_t *value, struct fault *fault)
{
	const char *text = json_string_value(value);

	if (text == NULL) {
		fault_set(fault, FAULT_NO_TEXT, m->name, -1, m->name);
		return NULL;
	}
	for (const struct choice *c = m->choices; c->text != NULL; c++)
		if (texts_alike(text, c->text))
			return json_string(c->text);
	fault_value(fault, FAULT_UNKNOWN, m->name, value);
	return NULL;
}

static json_t *
take_code(const struct member *m, const json_t *value, struct fault *fault)
{
	int64_t number;

	if (!view_integer(value, &number)) {
		fault_set(fault, FAULT_NO_INT, m->name, -1, m->name);
		return NULL;
	}
	for (const struct choice *c = m->choices; c->text != NULL; c++)
		if (c->code == number)
			return json_string(c->text);
	fault_value(fault, FAULT_UNKNOWN, m->name, value);
	return NULL;
}

json_t *
view_take_value(const struct member *m, const json_t *value, struct fault *fault)
{
	json_t *taken = NULL;

	switch (m->kind) {
	case MEMBER_INT:    taken = take_integer(m, value, -1, fault); break;
	case MEMBER_BOOL:   taken = take_bool(m, value, fault); break;
	case MEMBER_TEXT:   taken = take_text(m, value, -1, fault); break;
	case MEMBER_INTS:
	case MEMBER_TEXTS:  taken = take_list(m, value, fault); break;
	case MEMBER_CHOICE: taken = take_choice(m, value, fault); break;
	case MEMBER_CODE:   taken = take_code(m, value, fault); break;
	case MEMBER_ANY:    taken = json_deep_copy(value); break;
	}
	if (taken != NULL && m->check != NULL)
		taken = m->check(taken, m, fault);
	return taken;
}

/* ---- the row ---- */

static const json_t *
find_value(const json_t *row, const struct member *m)
{
	const json_t *value = json_object_get(row, m->name);
	const char *at = m->aliases;
	char alias[32];

	while (value == NULL && at != NULL && *at != '\0') {
		size_t n = strcspn(at, "|");

		snprintf(alias, sizeof(alias), "%.*s", (int)n, at);
		value = json_object_get(row, alias);
		at += n + (at[n] == '|');
	}
	return value;
}

static const char *
stored_name(const struct member *m)
{
	return m->stored != NULL ? m->stored : m->name;
}

const struct member *
view_member(const struct view *view, const char *stored)
{
	for (const struct member *m = view->members; m->name != NULL; m++)
		if (strcmp(stored_name(m), stored) == 0)
			return m;
	return NULL;
}

/* What the view does not know of the old row stays. */
static json_t *
keep_foreign(const struct view *view, const json_t *old)
{
	json_t *row = json_object(), *value;
	const char *name;

	json_object_foreach((json_t *)(uintptr_t)old, name, value)
		if (view_member(view, name) == NULL)
			json_object_set(row, name, value);
	return row;
}

static int
take_member(const struct view_set *set, const struct member *m, json_t *row, const json_t *wire,
    const json_t *old, struct fault *fault)
{
	bool kept = (m->flags & M_EXTRA) != 0 || set->view->kind == VIEW_FLAT ||
	    (m->flags & M_ANSWER) != 0;
	const json_t *value = (m->flags & M_ANSWER) != 0 ? NULL : find_value(wire, m);
	json_t *before = json_object_get(old, stored_name(m));

	if (json_is_null(value) && (m->flags & (M_NULL | M_EXTRA)) == 0)
		value = NULL;
	if (value == NULL && (m->flags & M_REQUIRED) != 0)
		return fault_set(fault, FAULT_MISSING, m->name, -1, m->name);
	if (value == NULL)
		return !kept || before == NULL			     ? E_OK :
		    json_object_set(row, stored_name(m), before) < 0 ? E_NOMEM :
								       E_OK;
	if (json_is_null(value))
		return (m->flags & M_EXTRA) != 0			      ? E_OK :
		    json_object_set_new(row, stored_name(m), json_null()) < 0 ? E_NOMEM :
										E_OK;
	if ((m->flags & M_SECRET) != 0 && !set->secrets && before != NULL && json_is_string(value) &&
	    *json_string_value(value) == '\0' && (set->view->flags & V_ACCOUNTS) == 0)
		return json_object_set(row, stored_name(m), before) < 0 ? E_NOMEM : E_OK;
	return json_object_set_new(row, stored_name(m), view_take_value(m, value, fault)) < 0 ?
	    E_INVALID :
	    E_OK;
}

json_t *
view_take(const struct view_set *set, const json_t *wire, const json_t *old, struct fault *fault)
{
	const struct view *view = set->view;
	json_t *row;
	int rc = E_OK;

	if (!json_is_object(wire)) {
		fault_set(fault, FAULT_NO_ROW, "", -1, "");
		return NULL;
	}
	row = keep_foreign(view, old);
	for (const struct member *m = view->members; m->name != NULL && rc == E_OK; m++)
		rc = take_member(set, m, row, wire, old, fault);
	if (rc == E_OK && view->take != NULL)
		rc = view->take(set, row, old, fault);
	if (rc == E_OK)
		return row;
	json_decref(row);
	fault_set(fault, FAULT_MEMORY, "", -1, "");
	return NULL;
}
