/* Adapter for clocks that jump (device_logic.jsonl): what a planner fires that is told the time as the
 * vector says.  "clock" lists moments and how one comes to them: "step" the clock is set, "run" time
 * passes; "fired" what was due up to here has fired. */
#include "tests/vectors/play.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "smart-json/when.h"
#include "src/events/plan.h"

#define S INT64_C(1000000)

struct player {
	struct plan plan;
	struct plan_schedule schedule;
	struct plan_binding binding;
	struct plan_now now;
	json_t *fires;
};

static void
note(struct player *p, int64_t moment)
{
	char text[CIVIL_TEXT_SIZE];

	json_array_append_new(p->fires, json_string(civil_print(p->plan.zone, moment, 'T', text)));
}

static void
look(struct player *p)
{
	struct plan_due due[2];
	int64_t before = p->schedule.fired;
	size_t n = plan_look(&p->plan, &p->now, due);

	/* What fired in a time that never was is forgotten with its mark. */
	if (p->schedule.fired < before)
		json_array_clear(p->fires);
	for (size_t i = 0; i < n; i++)
		note(p, due[i].moment);
}

static void
run_to(struct player *p, int64_t utc_us)
{
	while (p->now.utc_us < utc_us) {
		int64_t nap = plan_wake_us(&p->plan, &p->now) - p->now.mono_us;

		if (nap > utc_us - p->now.utc_us)
			nap = utc_us - p->now.utc_us;
		p->now.utc_us += nap;
		p->now.mono_us += nap;
		look(p);
	}
}

static void
take(struct player *p, const char *how, const char *text)
{
	int64_t utc;

	if (when_parse(p->plan.zone, text, &utc) < 0)
		return;
	if (strcmp(how, "run") == 0) {
		run_to(p, utc * S);
	} else {
		p->now.utc_us = utc * S;
		look(p);
	}
}

enum play_result
play_schedule_jump(const json_t *vector, json_t **made, char *why, size_t why_size)
{
	const json_t *d = json_object_get(vector, "decoded"), *item;
	struct player p = { .now = { 0, S, true } };
	char *rule = json_dumps(json_object_get(d, "rule"), 0);
	const char *how = "";
	size_t i;
	int rc = schedule_parse(&p.schedule.rule, rule != NULL ? rule : "");

	free(rule);
	if (rc < 0) {
		snprintf(why, why_size, "no rule");
		return PLAY_SKIPPED;
	}
	p.plan = (struct plan){ .schedules = &p.schedule, .n_schedules = 1, .bindings = &p.binding,
		.n_bindings = 1 };
	p.plan.zone.offset_s = (int32_t)(json_number_value(json_object_get(d, "tz")) * 3600);
	p.fires = json_array();
	json_array_foreach(json_object_get(d, "clock"), i, item) {
		const char *text = json_string_value(item);

		if (text == NULL)
			continue;
		if (strcmp(text, "fired") == 0 &&
		    schedule_newest(&p.schedule.rule, p.plan.zone, 0, p.now.utc_us / S,
			&p.schedule.fired) == E_OK)
			note(&p, p.schedule.fired);
		if (text[0] >= '0' && text[0] <= '9')
			take(&p, how, text);
		how = text;
	}
	*made = json_copy((json_t *)(uintptr_t)d);
	json_object_set_new(*made, "fires", p.fires);
	return PLAY_DECODED;
}
