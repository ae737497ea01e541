/* Vectors "consumption" (device_logic.jsonl): readings at the starts of periods, and the register
 * limit, are the content of an archive and taken from the vector; the differences are ours. */
#include "tests/vectors/play.h"

#include <math.h>
#include <stdio.h>

#include "src/base/err.h"
#include "src/store/consumption.h"

static int64_t
thousandths(const json_t *number)
{
	return llround(json_number_value(number) * 1000);
}

enum play_result
play_consumption(const json_t *vector, json_t **made, char *why, size_t why_size)
{
	const json_t *decoded = json_object_get(vector, "decoded");
	json_t *readings = json_object_get(decoded, "start_of_period");
	json_t *rollover = json_object_get(decoded, "rollover");
	json_t *used = json_array();
	bool went_back = false;

	if (!json_is_array(readings) || rollover == NULL) {
		snprintf(why, why_size, "no start_of_period or rollover");
		json_decref(used);
		return PLAY_SKIPPED;
	}
	for (size_t i = 0; i + 1 < json_array_size(readings); i++) {
		const struct record start = { .type = REC_EL_DAY, .valid = true, .present = 1,
		    .ts = (int64_t)i * 86400, .v = { thousandths(json_array_get(readings, i)) } };
		const struct record end = { .type = REC_EL_DAY, .valid = true, .present = 1,
		    .ts = start.ts + 86400, .v = { thousandths(json_array_get(readings, i + 1)) } };
		struct record difference;
		uint64_t back;
		bool is_made = consumption_record(REC_EL_DAY_CONS, &start, &end, 0,
		    json_is_null(rollover) ? 0 : thousandths(rollover), &difference, &back);

		went_back |= back != 0;
		json_array_append_new(used,
		    is_made ? json_real((double)difference.v[0] / 1000) : json_null());
	}
	*made = json_pack("{s:O, s:O, s:o, s:b}", "start_of_period", readings, "rollover", rollover,
	    "consumption", used, "counter_went_back", went_back);
	return *made != NULL ? PLAY_DECODED : PLAY_DIFFERED;
}
