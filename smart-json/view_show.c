/* A stored row becomes the row that a client of a dialect sees. */
#include "smart-json/view.h"

#include <string.h>

/* A new reference, or NULL: the dialect has no word for it. */
static json_t *
show_value(const struct member *m, json_t *value)
{
	const char *text = json_string_value(value);

	if (m->kind != MEMBER_CHOICE && m->kind != MEMBER_CODE)
		return json_incref(value);
	if (json_is_null(value))
		return json_incref(value);
	for (const struct choice *c = m->choices; text != NULL && c->text != NULL; c++)
		if (strcmp(c->text, text) == 0)
			return m->kind == MEMBER_CODE ? json_integer(c->code) : json_incref(value);
	return NULL;
}

static json_t *
preset(const struct member *m)
{
	return json_loads(m->preset, JSON_DECODE_ANY, NULL);
}

static bool
show_member(const struct view_set *set, const struct member *m, json_t *wire, const json_t *stored)
{
	json_t *value = json_object_get(stored, m->stored != NULL ? m->stored : m->name);
	json_t *shown;

	if ((m->flags & M_EXTRA) != 0 && !set->full)
		return true;
	if (value == NULL && m->preset == NULL)
		return true;
	if ((m->flags & M_SECRET) != 0 && !set->secrets && json_is_string(value))
		shown = json_string("");
	else
		shown = value != NULL ? show_value(m, value) : preset(m);
	return json_object_set_new(wire, m->name, shown) == 0;
}

json_t *
view_show(const struct view_set *set, const struct view_row *row)
{
	const struct view *view = set->view;
	json_t *wire = json_object();
	bool shown = wire != NULL;

	for (const struct member *m = view->members; m->name != NULL && shown; m++)
		shown = show_member(set, m, wire, row->next);
	if (shown && (view->flags & V_NUMBERED) != 0 && set->ids)
		json_object_set_new(wire, "id", json_integer(row->number));
	if (shown && view->show != NULL)
		shown = view->show(set, wire, row);
	if (shown)
		return wire;
	json_decref(wire);
	return NULL;
}
