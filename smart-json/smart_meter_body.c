#include "smart-json/smart_meter_body.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "smart-json/http_words.h"
#include "smart-json/smart.h"

enum member_kind { MEMBER_NUMBER, MEMBER_HEX, MEMBER_TYPE };
struct body_member {
	const char *name;		/* NULL ends the list */
	enum member_kind kind;
	json_int_t least, most;		/* of a number; of HEX: bytes */
};
enum { MEMBERS_MOST = 9, ROWS_MOST = 1000, NAME_BYTES = 255 };
struct body_shape {
	struct body_member members[MEMBERS_MOST], rows[MEMBERS_MOST];	/* rows: of "settings" */
};

#define ID { "id", MEMBER_NUMBER, 1, INT32_MAX }
#define TYPE { "type", MEMBER_TYPE, 0, 0 }
#define DAY(name) { name, MEMBER_NUMBER, 0, 255 }
#define MOMENT(name) { name, MEMBER_NUMBER, 0, INT64_C(99999999999999) }	/* also in ms (7.6) */
#define NAME(name) { name, MEMBER_HEX, 0, NAME_BYTES }

const struct body_shape body_meter_time = { { ID }, { { NULL } } };
const struct body_shape body_meter_relay = {
	{ ID, { "relayId", MEMBER_NUMBER, 1, 255 }, { "relayState", MEMBER_NUMBER, 0, 1 } },
	{ { NULL } },
};

static const struct {
	const char *name;
	enum calendar_part part;
	struct body_shape shape;
} calendars[] = {
	{ "activate", CALENDAR_ACTIVATE, { { ID }, { { NULL } } } },
	{ "name", CALENDAR_NAME, { { ID, TYPE }, { NAME("CalendarName") } } },
	{ "season", CALENDAR_SEASONS,
	    { { ID, TYPE }, { NAME("SeasonName"), NAME("WeekName"), MOMENT("SeasonStart") } } },
	{ "week", CALENDAR_WEEKS,
	    { { ID, TYPE },
		{ NAME("WeekName"), DAY("monday"), DAY("tuesday"), DAY("wednesday"), DAY("thursday"),
		    DAY("friday"), DAY("saturday"), DAY("sunday") } } },
	{ "day", CALENDAR_DAYS,
	    { { ID, TYPE },
		{ DAY("dayId"), { "ScriptName", MEMBER_HEX, 6, 6 },
		    { "ScriptSelector", MEMBER_NUMBER, 0, 65535 }, DAY("hour"), DAY("minute"),
		    DAY("second") } } },
	{ "time", CALENDAR_TIME, { { ID }, { MOMENT("ActivateTime") } } },
};

const struct body_shape *
body_calendar(const char *name, enum calendar_part *part)
{
	for (size_t i = 0; i < sizeof(calendars) / sizeof(calendars[0]); i++) {
		if (strcmp(calendars[i].name, name) != 0)
			continue;
		*part = calendars[i].part;
		return &calendars[i].shape;
	}
	return NULL;
}

/* A number, or its plain decimal as text (smart-json.md 18). */
static bool
number_of(const json_t *json, json_int_t *value)
{
	const char *text = json_string_value(json);
	size_t len = text != NULL ? strlen(text) : 0;

	if (json_is_integer(json)) {
		*value = json_integer_value(json);
		return true;
	}
	if (len == 0 || len > 18 || strspn(text, "0123456789") != len)
		return false;
	*value = strtoll(text, NULL, 10);
	return true;
}

json_int_t
body_number(const json_t *body, const char *name)
{
	json_int_t value = 0;

	return number_of(json_object_get(body, name), &value) ? value : 0;
}

static bool
refuse(struct http_call *call, int status, int res, const char *where, const char *text)
{
	http_fail_res(call, status, res, where, "%s: %s", where, http_word(call->english, text));
	return false;
}

static bool
check_number(struct http_call *call, const json_t *json, const struct body_member *m, const char *where)
{
	json_int_t value;

	if (!number_of(json, &value))
		return refuse(call, 400, RES_TYPE, where, "must be an integer");
	if (value < m->least || value > m->most)
		return refuse(call, 422, RES_RANGE, where, "out of range");
	return true;
}

static bool
check_text(struct http_call *call, const json_t *json, const struct body_member *m, const char *where)
{
	const char *text = json_string_value(json);
	size_t len = text != NULL ? strlen(text) : 0;

	if (text == NULL)
		return refuse(call, 400, RES_TYPE, where, "must be a string");
	if (m->kind == MEMBER_TYPE)
		return strcmp(text, "Active") == 0 || strcmp(text, "active") == 0 ||
		    strcmp(text, "Passive") == 0 || strcmp(text, "passive") == 0 ||
		    refuse(call, 422, RES_RANGE, where, "Active or Passive");
	if (len % 2 != 0 || strspn(text, "0123456789ABCDEFabcdef") != len ||
	    (json_int_t)len / 2 < m->least || (json_int_t)len / 2 > m->most)
		return refuse(call, 422, RES_RANGE, where, "hexadecimal digits, two for each byte");
	return true;
}

static bool
check_members(struct http_call *call, const json_t *json, const struct body_member *m, const char *at)
{
	char where[96];

	for (size_t i = 0; i < MEMBERS_MOST && m[i].name != NULL; i++) {
		const json_t *value = json_object_get(json, m[i].name);
		bool good;

		snprintf(where, sizeof(where), "%s/%s", at, m[i].name);
		if (value == NULL || json_is_null(value))
			return refuse(call, 400, RES_MISSING, where, "is missing");
		good = m[i].kind == MEMBER_NUMBER ? check_number(call, value, &m[i], where) :
						    check_text(call, value, &m[i], where);
		if (!good)
			return false;
	}
	return true;
}

static bool
check_rows(struct http_call *call, const json_t *body, const struct body_member *m)
{
	const json_t *list = json_object_get(body, "settings");
	char at[32];

	if (list == NULL)
		list = json_object_get(body, "Settings");
	if (list == NULL || json_is_null(list))
		return refuse(call, 400, RES_MISSING, "/settings", "is missing");
	if (json_is_object(list)) /* one row alone */
		return check_members(call, list, m, "/settings");
	if (!json_is_array(list))
		return refuse(call, 400, RES_TYPE, "/settings", "must be a list of rows");
	if (json_array_size(list) > ROWS_MOST)
		return refuse(call, 422, RES_RANGE, "/settings", "too many rows");
	for (size_t i = 0; i < json_array_size(list); i++) {
		snprintf(at, sizeof(at), "/settings/%zu", i);
		if (!json_is_object(json_array_get(list, i)))
			return refuse(call, 400, RES_TYPE, at, "must be an object");
		if (!check_members(call, json_array_get(list, i), m, at))
			return false;
	}
	return true;
}

bool
body_check(struct http_call *call, const json_t *body, const struct body_shape *shape)
{
	return check_members(call, body, shape->members, "") &&
	    (shape->rows[0].name == NULL || check_rows(call, body, shape->rows));
}
