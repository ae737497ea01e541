/* Schedules: rows of dialect 40 (event-model.md 3) and what dialect 31 makes of them (9.2). */
#include <stdio.h>
#include <string.h>

#include "smart-json/view_hooks.h"

enum { ANY = 255 };
enum { OFF_31, EVERY_31, DAILY_31, MONTHLY_31 };

/* What counts of a row: absent, null and 255 are any; so is 0 of day and month. */
struct when_due { json_int_t min, hour, day, month; };

static json_int_t
field(const json_t *row, const char *name, bool zero_is_any)
{
	const json_t *value = json_object_get(row, name);
	json_int_t number = json_is_integer(value) ? json_integer_value(value) : ANY;

	return number == 0 && zero_is_any ? ANY : number;
}

static struct when_due
due_of(const json_t *row)
{
	struct when_due due = { field(row, "min", false), field(row, "hour", false),
		field(row, "day", true), field(row, "month", true) };

	return due;
}

/* ---- dialect 40: the crontab expression, with ?full=1 ---- */

static void
add_field(char *buf, size_t size, json_int_t value)
{
	size_t n = strlen(buf);

	if (value == ANY)
		snprintf(buf + n, size - n, " *");
	else
		snprintf(buf + n, size - n, " %d", (int)value);
}

bool
show_schedule_40(const struct view_set *set, json_t *wire, const struct view_row *row)
{
	struct when_due due = due_of(row->next);
	bool alone = due.hour == ANY && due.day == ANY && due.month == ANY;
	char pattern[64] = "*";

	if (!set->full)
		return true;
	if (alone && due.min != ANY && due.min > 0)
		snprintf(pattern, sizeof(pattern), "*/%d", (int)due.min);
	else if (!alone || due.min != ANY)
		snprintf(pattern, sizeof(pattern), "%d", due.min == ANY ? 0 : (int)due.min);
	add_field(pattern, sizeof(pattern), due.hour);
	add_field(pattern, sizeof(pattern), due.day);
	add_field(pattern, sizeof(pattern), due.month);
	snprintf(pattern + strlen(pattern), sizeof(pattern) - strlen(pattern), " *");
	return json_object_set_new(wire, "pattern", json_string(pattern)) == 0;
}

/* ---- dialect 31: a type says which of minute, hour and day count ---- */

static int
take_field(json_t *row, const char *name, json_int_t value, json_int_t least, json_int_t most,
    struct fault *fault)
{
	char detail[48];

	if (value >= least && value <= most)
		return json_object_set_new(row, name, json_integer(value)) < 0 ? E_NOMEM : E_OK;
	snprintf(detail, sizeof(detail), "%d (%d…%d)", (int)value, (int)least, (int)most);
	return fault_set(fault, FAULT_RANGE, name, -1, detail);
}

/* The members as they came are kept in "d31", as those that do not count would be lost. */
int
take_schedule_31(const struct view_set *set, json_t *row, const json_t *old, struct fault *fault)
{
	static const char *const names[] = { "type", "min", "hour", "day" };
	json_int_t values[4];
	json_t *said = json_object();
	char name[16];
	int rc;

	(void)set;
	(void)old;
	for (int i = 0; i < 4; i++) {
		snprintf(name, sizeof(name), "%s31", names[i]);
		values[i] = json_integer_value(json_object_get(row, name));
		json_object_set_new(said, names[i], json_integer(values[i]));
		json_object_del(row, name);
		json_object_del(row, names[i]);
	}
	json_object_del(row, "month");
	json_object_del(row, "enabled");
	rc = json_object_set_new(row, "d31", said) < 0 ? E_NOMEM : E_OK;
	if (values[0] == OFF_31)
		json_object_set_new(row, "enabled", json_false());
	if (rc == E_OK && (values[0] != OFF_31 || values[1] < 60))
		rc = take_field(row, "min", values[1], 0, 59, fault);
	if (rc == E_OK && values[0] >= DAILY_31)
		rc = take_field(row, "hour", values[2], 0, 23, fault);
	if (rc == E_OK && values[0] == MONTHLY_31)
		rc = take_field(row, "day", values[3], 1, 31, fault);
	return rc;
}

/* false: dialect 31 has no word for it. */
static bool
type_of(const json_t *row, struct when_due *due, int *type)
{
	bool hour = due->hour != ANY, day = due->day != ANY;

	if (json_is_false(json_object_get(row, "enabled"))) {
		*type = OFF_31;
		return true;
	}
	if (due->month != ANY || (day && !hour))
		return false;
	if (due->min == ANY)
		due->min = hour ? 0 : 1; /* min any: every minute, or at the full hour (8.16) */
	*type = day ? MONTHLY_31 : hour ? DAILY_31 : EVERY_31;
	return true;
}

/* Does what a client of dialect 31 wrote still say what the row says? */
static bool
still_true(const json_t *said, int type, const struct when_due *due)
{
	if (!json_is_object(said) || field(said, "type", false) != type)
		return false;
	if (type == OFF_31)
		return true;
	return field(said, "min", false) == due->min &&
	    (type < DAILY_31 || field(said, "hour", false) == due->hour) &&
	    (type < MONTHLY_31 || field(said, "day", true) == due->day);
}

bool
show_schedule_31(const struct view_set *set, json_t *wire, const struct view_row *row)
{
	const json_t *said = json_object_get(row->next, "d31");
	struct when_due due = due_of(row->next);
	int type;

	(void)set;
	if (!type_of(row->next, &due, &type))
		return false;
	if (still_true(said, type, &due))
		return json_object_update(wire, (json_t *)(uintptr_t)said) == 0;
	return json_object_update_new(wire,
		   json_pack("{s:i,s:I,s:I,s:I}", "type", type, "min", due.min, "hour", due.hour, "day",
		       due.day)) == 0;
}
