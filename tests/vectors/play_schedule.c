/* Adapter for schedules (device_logic.jsonl): when a rule is due, and which rules are refused. */
#include "tests/vectors/play.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "smart-json/when.h"
#include "src/events/schedule.h"

static json_t *
due_list(const struct schedule *s, struct zone zone, int64_t after, size_t n)
{
	json_t *list = json_array();
	char text[CIVIL_TEXT_SIZE];

	for (; n > 0 && schedule_next(s, zone, after, &after) == E_OK; n--)
		json_array_append_new(list, json_string(civil_print(zone, after, 'T', text)));
	return list;
}

enum play_result
play_schedule(const json_t *vector, json_t **made, char *why, size_t why_size)
{
	const json_t *d = json_object_get(vector, "decoded");
	const char *after_text = json_string_value(json_object_get(d, "after"));
	struct zone zone = {
		.offset_s = (int32_t)(json_number_value(json_object_get(d, "tz")) * 3600),
		.dst = json_is_true(json_object_get(d, "dst")),
	};
	char *rule = json_dumps(json_object_get(d, "rule"), 0);
	char pattern[SCHEDULE_PATTERN_SIZE];
	struct schedule s;
	int64_t after;
	int rc = schedule_parse(&s, rule != NULL ? rule : "");

	free(rule);
	*made = json_copy((json_t *)d);
	if (rc < 0) {
		json_object_clear(*made);
		json_object_set(*made, "rule", json_object_get(d, "rule"));
		json_object_set_new(*made, "valid", json_false());
		return PLAY_DECODED;
	}
	if (after_text == NULL || when_parse(zone, after_text, &after) < 0) {
		json_decref(*made);
		snprintf(why, why_size, "no moment to count from");
		return json_is_false(json_object_get(d, "valid")) ? PLAY_DIFFERED : PLAY_SKIPPED;
	}
	schedule_pattern(&s, pattern);
	json_object_set_new(*made, "pattern", json_string(pattern));
	json_object_set_new(*made, "next",
	    due_list(&s, zone, after, json_array_size(json_object_get(d, "next"))));
	return PLAY_DECODED;
}
