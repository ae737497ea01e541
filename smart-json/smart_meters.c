/* The meter table as rows of a view (smart-json.md 8.12, 9.1).
 *
 * A row in memory has the members of dialect 40.  The table of the store keeps what they mean; how a
 * client wrote them is kept beside it (meter_row.wire) where the meaning alone would come back in
 * other words: "MILURIC", null for "", numbers of dialect 31.  It is believed only as long as it
 * means what the row says. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "smart-json/smart_meters.h"
#include "smart-json/view_hooks.h"
#include "src/model/model.h"

enum { HUBS_DEEP = 16 };	/* a longer chain of parents is a circle */
enum { IFACE_5_NUMBER = 4, ETHERNET_NUMBER = 5, HUB_NUMBER = 6 };

static const char *
text_of(const json_t *row, const char *name)
{
	const char *text = json_string_value(json_object_get(row, name));

	return text != NULL ? text : "";
}

/* ---- from the store ---- */

static void
set_number(json_t *row, const char *name, int32_t number)
{
	if (number != 0)
		json_object_set_new(row, name, json_integer(number));
}

/* The row in our own words. */
static json_t *
plain_row(const struct meter_row *r)
{
	const struct meter_type *type = meter_type_by_id(r->type);
	char number[16];
	json_t *row;

	snprintf(number, sizeof(number), "%u", r->type);
	row = json_pack("{s:I,s:I,s:s,s:s,s:s,s:s,s:s,s:s,s:i,s:i}", "id", (json_int_t)r->id, "pId",
	    (json_int_t)r->parent, "typeName", type != NULL ? type->name : number, "addr", r->address,
	    "passRd", r->password_read, "passWr", r->password_write, "ifaceName",
	    r->iface != IFACE_NONE ? meter_iface_name(r->iface) : IFACE_5_NAME, "ifaceCfg", r->line,
	    "index", (int)r->dev, "type", (int)r->type);
	if (row == NULL)
		return NULL;
	set_number(row, "rtuObjType", r->rtu_object_type);
	set_number(row, "rtuObjNum", r->rtu_object);
	set_number(row, "rtuFider", r->rtu_feeder);
	return row;
}

/* Does a member as it was written still mean what the row says? */
static bool
still_means(const struct meter_row *r, const char *name, const json_t *value)
{
	const char *text = json_string_value(value);
	char buf[PASSWORD_SIZE];
	enum meter_iface iface;

	if (strcmp(name, "typeName") == 0)
		return text != NULL && meter_type_by_name(text) != NULL &&
		    meter_type_by_name(text)->id == r->type;
	if (strcmp(name, "ifaceName") == 0)
		return text != NULL && iface_meant(text, &iface) && iface == r->iface;
	if (strcmp(name, "ifaceCfg") == 0)
		return line_meant(value, r->type, buf) && strcmp(buf, r->line) == 0;
	if (strcmp(name, "cfg31") == 0)
		return line_meant_31(value, r->type, buf) && strcmp(buf, r->line) == 0;
	if (strcmp(name, "passRd") == 0)
		return text != NULL && password_meant(text, buf) && strcmp(buf, r->password_read) == 0;
	if (strcmp(name, "passWr") == 0)
		return text != NULL && password_meant(text, buf) && strcmp(buf, r->password_write) == 0;
	if (strcmp(name, "rtuObjType") == 0)
		return r->rtu_object_type == 0;
	if (strcmp(name, "rtuObjNum") == 0)
		return r->rtu_object == 0;
	if (strcmp(name, "rtuFider") == 0)
		return r->rtu_feeder == 0;
	return true;
}

static json_t *
stored_row(const struct meter_row *r)
{
	json_t *row = plain_row(r), *wire, *value;
	const char *name;

	if (row == NULL || r->wire[0] == '\0')
		return row;
	wire = json_loads(r->wire, 0, NULL);
	json_object_foreach(wire, name, value)
		if (still_means(r, name, value))
			json_object_set(row, name, value);
	json_decref(wire);
	return row;
}

static int
load(struct view_set *set)
{
	int rc = E_OK;

	set->meters = store_meters(set->store);
	for (size_t i = 0; i < set->meters->n && rc == E_OK; i++)
		rc = view_set_add(set, "", (int64_t)i + 1, stored_row(&set->meters->rows[i]));
	return rc;
}

/* ---- to the store ---- */

/* What the plain row does not say.  Only words are left out when there is no room: they mean the
 * same as ours. */
static int
keep_words(struct meter_row *r, const json_t *row)
{
	static const char *const names[] = { "rtuObjType", "rtuObjNum", "rtuFider", "line", "ifaceCfg",
		"cfg31", "passRd", "passWr", "ifaceName", "typeName" };
	json_t *plain = plain_row(r), *wire = json_object();
	int rc = plain != NULL && wire != NULL ? E_OK : E_NOMEM;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && rc == E_OK; i++) {
		json_t *value = json_object_get(row, names[i]);
		size_t len;

		if (value == NULL || json_equal(value, json_object_get(plain, names[i])) ||
		    (i == 3 && json_integer_value(value) == 0))
			continue;
		json_object_set(wire, names[i], value);
		len = json_dumpb(wire, r->wire, sizeof(r->wire), JSON_COMPACT);
		if (len >= sizeof(r->wire))
			json_object_del(wire, names[i]);
	}
	memset(r->wire, 0, sizeof(r->wire));
	if (rc == E_OK && json_object_size(wire) > 0)
		json_dumpb(wire, r->wire, sizeof(r->wire) - 1, JSON_COMPACT);
	json_decref(plain);
	json_decref(wire);
	return rc;
}

static int
make_row(struct meter_row *r, const json_t *row, const struct meter_row *old)
{
	const struct meter_type *type = meter_type_by_name(text_of(row, "typeName"));

	memset(r, 0, sizeof(*r));
	if (old != NULL) {
		r->dev = old->dev;
		memcpy(r->rtu_serial, old->rtu_serial, sizeof(r->rtu_serial));
		memcpy(r->group, old->group, sizeof(r->group));
		memcpy(r->note, old->note, sizeof(r->note));
	}
	r->id = (uint32_t)json_integer_value(json_object_get(row, "id"));
	r->parent = (uint32_t)json_integer_value(json_object_get(row, "pId"));
	r->type = type != NULL ? type->id : 0;
	snprintf(r->address, sizeof(r->address), "%s", text_of(row, "addr"));
	r->rtu_object_type = (int32_t)json_integer_value(json_object_get(row, "rtuObjType"));
	r->rtu_object = (int32_t)json_integer_value(json_object_get(row, "rtuObjNum"));
	r->rtu_feeder = (int32_t)json_integer_value(json_object_get(row, "rtuFider"));
	if (!iface_meant(text_of(row, "ifaceName"), &r->iface) ||
	    !line_meant(json_object_get(row, "ifaceCfg"), r->type, r->line) ||
	    !password_meant(text_of(row, "passRd"), r->password_read) ||
	    !password_meant(text_of(row, "passWr"), r->password_write))
		return E_INTERNAL; /* the members were checked */
	return keep_words(r, row);
}

static int
save(struct view_set *set, struct edits *edits)
{
	struct meter_row made;
	int rc = E_OK;

	for (size_t i = 0; i < set->n && rc == E_OK; i++) {
		const struct view_row *row = &set->rows[i];
		json_t *known = row->now != NULL ? row->now : row->next;
		const struct meter_row *old = meter_table_find(set->meters,
		    (uint32_t)json_integer_value(json_object_get(known, "id")));

		if (!view_row_changed(row))
			continue;
		if (row->next == NULL) {
			rc = old != NULL ? edits_meter(edits, old, true, -1) : E_OK;
			continue;
		}
		rc = make_row(&made, row->next, old);
		if (rc == E_OK)
			rc = edits_meter(edits, &made, false, row->asked);
	}
	return rc;
}

const struct view_source view_meters = { load, save };

/* ---- parents ---- */

static const struct view_row *
parent_of(struct view_set *set, const json_t *row)
{
	json_int_t id = json_integer_value(json_object_get(row, "pId"));
	const struct view_row *found;
	char key[24];

	snprintf(key, sizeof(key), "%lld", (long long)id);
	found = id != 0 ? view_set_find(set, key) : NULL;
	return found != NULL && found->next != NULL ? found : NULL;
}

/* Chains of parents end; with strict references they lead somewhere. */
int
settle_meters(struct view_set *set)
{
	for (size_t i = 0; i < set->n; i++) {
		const struct view_row *row = &set->rows[i], *at;
		json_t *parent = json_object_get(row->next, "pId");
		int deep = 0;

		if (row->asked < 0 || row->next == NULL || json_integer_value(parent) == 0)
			continue;
		set->fault_row = row->asked;
		at = parent_of(set, row->next);
		if (at == NULL && set->settings.http_strict_refs)
			return fault_value(&set->fault, FAULT_REFERENCE, "pId", parent);
		while (at != NULL && deep++ < HUBS_DEEP)
			at = parent_of(set, at->next);
		if (deep > HUBS_DEEP)
			return fault_value(&set->fault, FAULT_CIRCLE, "pId", parent);
	}
	set->fault_row = -1;
	return E_OK;
}

/* ---- dialect 31 ---- */

static const char *const cfg_names[] = { "br", "size", "parity", "stop" };
enum { CFG_NAMES = sizeof(cfg_names) / sizeof(cfg_names[0]) };

static int
take_type_31(json_t *row, struct fault *fault)
{
	json_t *number = json_object_get(row, "type31");
	const struct meter_type *type = meter_type_by_id((unsigned)json_integer_value(number)),
				*before = meter_type_by_name(text_of(row, "typeName"));

	if (type == NULL)
		return fault_value(fault, FAULT_UNKNOWN, "type", number);
	if (before == NULL || before->id != type->id)
		json_object_set_new(row, "typeName", json_string(type->name));
	return E_OK;
}

static void
take_iface_31(json_t *row)
{
	json_int_t number = json_integer_value(json_object_get(row, "iface31"));
	enum meter_iface iface = number == ETHERNET_NUMBER ? IFACE_ETHERNET :
	    number == HUB_NUMBER			   ? IFACE_HUB :
	    number == IFACE_5_NUMBER			   ? IFACE_NONE :
							     (enum meter_iface)(IFACE_1 + number);
	enum meter_iface before;

	if (*text_of(row, "ifaceName") != '\0' && iface_meant(text_of(row, "ifaceName"), &before) &&
	    before == iface)
		return;
	json_object_set_new(row, "ifaceName",
	    json_string(iface != IFACE_NONE ? meter_iface_name(iface) : IFACE_5_NAME));
}

static int
take_line_31(json_t *row, unsigned type, struct fault *fault)
{
	char line[LINE_SIZE], before[LINE_SIZE], name[16];
	json_t *cfg = json_object(), *plain;

	for (int i = 0; i < CFG_NAMES; i++) {
		json_t *value;

		snprintf(name, sizeof(name), "%s31", cfg_names[i]);
		value = json_object_get(row, name);
		if (json_is_integer(value))
			json_object_set(cfg, cfg_names[i], value);
		json_object_del(row, name);
	}
	if (!line_meant_31(cfg, type, line)) {
		json_decref(cfg);
		return fault_set(fault, FAULT_RANGE, "br", -1, "br, size, parity, stop");
	}
	if (json_object_get(row, "ifaceCfg") == NULL ||
	    !line_meant(json_object_get(row, "ifaceCfg"), type, before) || strcmp(line, before) != 0)
		json_object_set_new(row, "ifaceCfg", json_string(line));
	plain = plain_cfg_31(line);
	if (json_equal(plain, cfg))
		json_object_del(row, "cfg31");
	else
		json_object_set(row, "cfg31", cfg);
	json_decref(plain);
	json_decref(cfg);
	return E_OK;
}

int
take_meter_31(const struct view_set *set, json_t *row, const json_t *old, struct fault *fault)
{
	unsigned type = (unsigned)json_integer_value(json_object_get(row, "type31"));
	int rc = take_type_31(row, fault);

	(void)set;
	(void)old;
	if (rc < 0)
		return rc;
	take_iface_31(row);
	json_object_del(row, "type31");
	json_object_del(row, "iface31");
	return take_line_31(row, type, fault);
}

static json_int_t
iface_number(const char *name)
{
	enum meter_iface iface = meter_iface_by_name(name);

	switch (iface) {
	case IFACE_1: case IFACE_2: case IFACE_3: case IFACE_4:
		return (json_int_t)iface - IFACE_1;
	case IFACE_ETHERNET:
		return ETHERNET_NUMBER;
	case IFACE_HUB:
		return HUB_NUMBER;
	case IFACE_NONE:
		break;
	}
	return IFACE_5_NUMBER;
}

bool
show_meter_31(const struct view_set *set, json_t *wire, const struct view_row *row)
{
	json_t *cfg = json_object_get(row->next, "cfg31");
	const char *const rtu[] = { "rtuObjType", "rtuObjNum", "rtuFider" };
	const struct meter_type *type = meter_type_by_name(text_of(row->next, "typeName"));
	char line[LINE_SIZE];
	unsigned number = type != NULL ? type->id : 0;

	(void)set;
	/* A type we have no name for is its number. */
	json_object_set_new(wire, "type",
	    number != 0 ? json_integer(number) : json_incref(json_object_get(row->next, "type")));
	json_object_set_new(wire, "iface", json_integer(iface_number(text_of(row->next, "ifaceName"))));
	for (int i = 0; i < 3; i++)
		if (json_is_null(json_object_get(wire, rtu[i])))
			json_object_del(wire, rtu[i]);
	if (json_is_object(cfg))
		return json_object_update(wire, cfg) == 0;
	return line_meant(json_object_get(row->next, "ifaceCfg"), number, line) &&
	    json_object_update_new(wire, plain_cfg_31(line)) == 0;
}
