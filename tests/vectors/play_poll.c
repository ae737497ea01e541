/* Adapters for the poller's pure decisions: timecorr and gaps (device_logic.jsonl).  Their stimuli
 * stand in `decoded` beside the expected results, as nothing is on a wire. */
#include "tests/vectors/play.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/civil.h"
#include "src/poll/grid.h"
#include "src/poll/timecheck.h"

/* Stimuli are handed back as they came, so that only results are compared. */
static json_t *
echo_stimuli(const json_t *decoded, const char *const *results)
{
	json_t *made = json_copy((json_t *)decoded);

	for (; *results != NULL; results++)
		json_object_del(made, *results);
	return made;
}

static int64_t
to_us(const json_t *seconds)
{
	return llround(json_number_value(seconds) * 1e6);
}

enum play_result
play_timecorr(const json_t *vector, json_t **made, char *why, size_t why_size)
{
	static const char *const results[] = { "result", NULL };
	const json_t *d = json_object_get(vector, "decoded"), *s = json_object_get(d, "settings");
	struct timecheck check = {
		.sent_us = to_us(json_object_get(d, "t_sent")),
		.answered_us = to_us(json_object_get(d, "t_answer")),
		.meter_utc = to_us(json_object_get(d, "meter")) / 1000000,
		.zone.offset_s = (int32_t)(json_number_value(json_object_get(d, "tz")) * 3600),
		.device_good = json_is_true(json_object_get(d, "device_time_good")),
		.corrected_today = json_is_true(json_object_get(d, "corrected_today")),
		.limit_us = to_us(json_object_get(s, "limit")),
		.rtt_max_us = to_us(json_object_get(s, "rtt_max")),
		.soft_max_s = (int32_t)json_integer_value(json_object_get(s, "soft_max")),
		.period_s = (int32_t)json_integer_value(json_object_get(s, "period")),
		.guard_s = (int32_t)json_integer_value(json_object_get(s, "guard")),
		.day_guard_s = (int32_t)json_integer_value(json_object_get(s, "day_guard")),
		.partial = json_is_true(json_object_get(s, "partial")),
		.once_per_day = !json_is_false(json_object_get(s, "once_per_day")),
	};
	struct timecheck_result r;
	json_t *result;

	if (check.period_s <= 0) {
		snprintf(why, why_size, "no integration period given");
		return PLAY_SKIPPED;
	}
	r = timecheck_decide(&check);
	result = json_pack("{s:s,s:s,s:f}", "action", timecheck_action_name(r.action), "reason",
	    r.reason, "diff", (double)r.diff_us / 1e6);
	if (r.correction_s != 0)
		json_object_set_new(result, "correction", json_integer(r.correction_s));
	*made = echo_stimuli(d, results);
	json_object_set_new(*made, "result", result);
	return PLAY_DECODED;
}

/* "2026-03-10T09:12:00+03:00" */
static bool
parse_iso(const char *text, int64_t *utc)
{
	struct civil c;
	char sign;
	int hours, minutes;

	if (text == NULL ||
	    sscanf(text, "%d-%d-%dT%d:%d:%d%c%d:%d", &c.year, &c.month, &c.day, &c.hour, &c.minute,
		&c.second, &sign, &hours, &minutes) != 9 ||
	    !civil_valid(&c))
		return false;
	*utc = civil_to_utc(
	    (struct zone){ (sign == '-' ? -1 : 1) * (hours * 3600 + minutes * 60), false }, &c,
	    SEASON_UNKNOWN);
	return true;
}

static json_t *
print_iso(struct zone zone, int64_t utc)
{
	struct civil c = civil_from_utc(zone, utc);
	int offset = zone_offset_s(zone, utc) / 60;
	char text[40];

	snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02d%c%02d:%02d", c.year, c.month, c.day,
	    c.hour, c.minute, c.second, offset < 0 ? '-' : '+', abs(offset) / 60, abs(offset) % 60);
	return json_string(text);
}

enum { MOST = 20000 };

static bool
read_grid(const json_t *d, struct grid *grid, int64_t *now)
{
	const char *label = json_string_value(json_object_get(d, "label"));
	int64_t step = json_integer_value(json_object_get(d, "step"));

	*grid = (struct grid){
		.zone = { (int32_t)(json_number_value(json_object_get(d, "tz")) * 3600),
		    json_is_true(json_object_get(d, "dst")) },
		.unit = step == 86400 ? GRID_DAYS : step > 86400 ? GRID_MONTHS : GRID_SECONDS,
		.step_s = step,
	};
	if (label == NULL || step <= 0)
		return false;
	grid->label = strcmp(label, "end") == 0 ? GRID_END :
	    strcmp(label, "start") == 0		? GRID_START :
						  GRID_POINT;
	return parse_iso(json_string_value(json_object_get(d, "now")), now);
}

enum play_result
play_gaps(const json_t *vector, json_t **made, char *why, size_t why_size)
{
	static const char *const results[] = { "grid_newest", "grid_oldest", "missing",
		"ranges_newest_first", NULL };
	static int64_t have[MOST];
	static struct grid_range ranges[MOST];
	const json_t *d = json_object_get(vector, "decoded"), *stored = json_object_get(d, "have"),
		     *item;
	int64_t now, newest, oldest, depth = json_integer_value(json_object_get(d, "records"));
	json_t *meter_depth = json_object_get(d, "meter_depth"), *list = json_array();
	struct grid grid;
	size_t i, n, missing;

	if (json_is_integer(meter_depth) && json_integer_value(meter_depth) < depth)
		depth = json_integer_value(meter_depth);
	if (!read_grid(d, &grid, &now) || depth <= 0 || depth > MOST ||
	    json_array_size(stored) > MOST) {
		snprintf(why, why_size, "stimuli not understood");
		json_decref(list);
		return PLAY_DIFFERED;
	}
	json_array_foreach(stored, i, item)
		if (!parse_iso(json_string_value(item), &have[i]))
			have[i] = 0;
	newest = grid_newest(&grid, now);
	oldest = grid_step(&grid, newest, (int)(1 - depth));
	n = grid_missing(&grid, oldest, newest, have, json_array_size(stored), ranges, MOST, &missing);
	for (i = 0; i < n; i++)
		json_array_append_new(list,
		    json_pack("[o,o]", print_iso(grid.zone, ranges[i].from),
			print_iso(grid.zone, ranges[i].to)));
	*made = echo_stimuli(d, results);
	json_object_set_new(*made, "grid_newest", print_iso(grid.zone, newest));
	json_object_set_new(*made, "grid_oldest", print_iso(grid.zone, oldest));
	json_object_set_new(*made, "missing", json_integer((json_int_t)missing));
	json_object_set_new(*made, "ranges_newest_first", list);
	return PLAY_DECODED;
}
