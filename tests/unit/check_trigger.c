/* Triggers of inputs and measured values (event-model.md 4). */
#include <check.h>
#include <inttypes.h>

#include "src/events/trigger.h"
#include "tests/unit/unit.h"

#define MS INT64_C(1000)
#define S INT64_C(1000000)

static struct digital
digital(enum digital_edge edge, int64_t debounce_ms, int64_t hold_ms, int last)
{
	struct digital_rule rule = { .edge = edge, .debounce_us = debounce_ms * MS,
		.hold_us = hold_ms * MS };
	struct digital d;

	digital_init(&d, &rule, last);
	return d;
}

/* Runs it to `until_us` as its owner would; how many events, the last in *event. */
static unsigned
run(struct digital *d, int64_t until_us, struct digital_event *last)
{
	struct digital_event event;
	unsigned n = 0;

	for (int64_t at = digital_wake_us(d); at <= until_us; at = digital_wake_us(d)) {
		digital_tick(d, at, &event);
		if (event.raised) {
			*last = event;
			n++;
		}
	}
	return n;
}

static struct digital
at_rest(enum digital_edge edge, int64_t hold_ms)
{
	struct digital d = digital(edge, 50, hold_ms, LEVEL_CLOSED);
	struct digital_event event;

	digital_level(&d, LEVEL_CLOSED, 0, 1000);
	ck_assert_uint_eq(run(&d, 1 * S, &event), 0);
	return d;
}

START_TEST(a_bouncing_contact_is_one_event_of_its_first_edge)
{
	struct digital d = at_rest(EDGE_BOTH, 0);
	struct digital_event event;

	for (int i = 0; i < 7; i++)
		digital_level(&d, i % 2 == 0 ? LEVEL_OPEN : LEVEL_CLOSED, 10 * S + i * 10 * MS,
		    2000 + i);
	ck_assert_uint_eq(run(&d, 10 * S + 109 * MS, &event), 0);
	ck_assert_uint_eq(run(&d, 10 * S + 110 * MS, &event), 1);
	ck_assert_int_eq(event.level, LEVEL_OPEN);
	ck_assert_int_eq(event.utc, 2000);
	ck_assert(!event.at_start);
}
END_TEST

START_TEST(a_short_pulse_is_none)
{
	struct digital d = at_rest(EDGE_BOTH, 0);
	struct digital_event event;

	digital_level(&d, LEVEL_OPEN, 10 * S, 2000);
	digital_level(&d, LEVEL_CLOSED, 10 * S + 49 * MS, 2000);
	ck_assert_uint_eq(run(&d, 20 * S, &event), 0);
	ck_assert_int_eq(digital_wake_us(&d), INT64_MAX);
	/* And the next one begins anew. */
	digital_level(&d, LEVEL_OPEN, 30 * S, 3000);
	ck_assert_uint_eq(run(&d, 31 * S, &event), 1);
	ck_assert_int_eq(event.utc, 3000);
}
END_TEST

START_TEST(only_the_edge_that_is_asked_for_counts)
{
	struct digital d = at_rest(EDGE_TO_CLOSED, 0);
	struct digital_event event = { .level = LEVEL_UNKNOWN };

	digital_level(&d, LEVEL_OPEN, 10 * S, 2000);
	ck_assert_uint_eq(run(&d, 20 * S, &event), 0);
	digital_level(&d, LEVEL_CLOSED, 30 * S, 3000);
	ck_assert_uint_eq(run(&d, 40 * S, &event), 1);
	ck_assert_int_eq(event.level, LEVEL_CLOSED);
}
END_TEST

START_TEST(after_a_hold_the_difference_is_told_once)
{
	struct digital d = at_rest(EDGE_BOTH, 10000);
	struct digital_event event;

	digital_level(&d, LEVEL_OPEN, 10 * S, 2000);
	ck_assert_uint_eq(run(&d, 11 * S, &event), 1);
	digital_level(&d, LEVEL_CLOSED, 12 * S, 2002);
	ck_assert_uint_eq(run(&d, 20 * S, &event), 0);
	ck_assert_uint_eq(run(&d, 21 * S, &event), 1);
	ck_assert_int_eq(event.level, LEVEL_CLOSED);
	ck_assert_int_eq(event.utc, 2002);
	/* Back to what was reported within the hold: nothing to tell. */
	digital_level(&d, LEVEL_OPEN, 22 * S, 2012);
	ck_assert_uint_eq(run(&d, 23 * S, &event), 0);
	digital_level(&d, LEVEL_CLOSED, 24 * S, 2014);
	ck_assert_uint_eq(run(&d, 60 * S, &event), 0);
}
END_TEST

static const struct { int last; bool ignore; unsigned raised; } starts[] = {
	{ LEVEL_UNKNOWN, false, 0 }, { LEVEL_OPEN, false, 0 }, { LEVEL_CLOSED, false, 1 },
	{ LEVEL_CLOSED, true, 0 },
};

START_TEST(at_start_the_level_is_compared_with_the_last_one_known)
{
	struct digital d = digital(EDGE_BOTH, 50, 0, starts[_i].last);
	struct digital_event event = { .at_start = true };

	d.rule.ignore_at_start = starts[_i].ignore;
	digital_level(&d, LEVEL_OPEN, 0, 1000);
	ck_assert_uint_eq(run(&d, 1 * S, &event), starts[_i].raised);
	ck_assert(event.at_start);
	ck_assert_int_eq(d.reported, LEVEL_OPEN);
}
END_TEST

START_TEST(a_chattering_input_rests_for_ten_minutes)
{
	struct digital d = at_rest(EDGE_BOTH, 0);
	struct digital_event event;
	int64_t now = 100 * S;
	unsigned raised = 0, rests = 0, dropped = 0;

	for (int i = 0; i < 600; i++, now += S / 2) {
		digital_level(&d, i % 2 == 0 ? LEVEL_OPEN : LEVEL_CLOSED, now, 2000 + i);
		digital_tick(&d, now + 60 * MS, &event);
		raised += event.raised;
		rests += event.began_rest;
	}
	ck_assert_uint_eq(raised, CHATTER_CHANGES);
	ck_assert_uint_eq(rests, 1);
	for (int64_t at = digital_wake_us(&d); at < now + 700 * S; at = digital_wake_us(&d)) {
		digital_tick(&d, at, &event);
		dropped += event.dropped;
	}
	ck_assert_uint_eq(dropped, 600 - CHATTER_CHANGES);
	digital_level(&d, LEVEL_OPEN, now + 800 * S, 9000);
	ck_assert_uint_eq(run(&d, now + 801 * S, &event), 1);
}
END_TEST

/* ---- analog ---- */

static struct analog
analog(enum analog_edge edge, int64_t delay_s)
{
	struct analog_rule rule = { .edge = edge, .has_low = true, .has_high = true, .low = 198000,
		.high = 242000, .hyst_low = 2000, .hyst_high = 2000, .delay_us = delay_s * S,
		.stale_us = 100 * S };
	struct analog a;

	analog_init(&a, &rule);
	return a;
}

/* Letters: E enters, L leaves; h high, l low. */
static const struct {
	enum analog_edge edge;
	int64_t delay_s, samples[10];
	const char *events;
} zones[] = {
	{ ANALOG_BOTH, 0, { 220, 242, 243, 241, 240, 239, 220 }, "EhLh" },
	{ ANALOG_BOTH, 0, { 220, 197, 199, 200, 201 }, "ElLl" },
	{ ANALOG_BOTH, 0, { 220, 243, 190, 220 }, "EhLhElLl" },
	{ ANALOG_ENTER, 0, { 220, 243, 190, 220 }, "EhEl" },
	{ ANALOG_LEAVE, 0, { 220, 243, 190, 220 }, "LhLl" },
	{ ANALOG_BOTH, 0, { 243, 220 }, "EhLh" },		/* the first sample, not normal */
	{ ANALOG_BOTH, 20, { 220, 243, 220, 243, 243, 243, 220 }, "Eh" },
	{ ANALOG_BOTH, 20, { 220, 243, 243, 243, 220, 220, 220 }, "EhLh" },
	{ ANALOG_BOTH, 0, { 220, 242, 198, 241, 199 }, "" },
};

START_TEST(zones_have_margins_and_must_last)
{
	struct analog a = analog(zones[_i].edge, zones[_i].delay_s);
	struct analog_event events[2];
	char said[40] = "";
	size_t len = 0;

	for (int i = 0; i < 10 && zones[_i].samples[i] != 0; i++) {
		size_t n = analog_sample(&a, zones[_i].samples[i] * 1000, i * 10 * S, events);

		for (size_t k = 0; k < n; k++) {
			said[len++] = events[k].enters ? 'E' : 'L';
			said[len++] = events[k].zone == ZONE_HIGH ? 'h' : 'l';
		}
	}
	ck_assert_str_eq(said, zones[_i].events);
}
END_TEST

START_TEST(after_a_long_silence_the_zone_is_unknown)
{
	struct analog a = analog(ANALOG_BOTH, 0);
	struct analog_event events[2];

	ck_assert_uint_eq(analog_sample(&a, 243000, 0, events), 1);
	ck_assert_uint_eq(analog_sample(&a, 220000, 101 * S, events), 0);
	ck_assert_uint_eq(analog_sample(&a, 243000, 102 * S, events), 1);
	ck_assert_uint_eq(analog_sample(&a, 243000, 203 * S, events), 1);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("trigger");
	TCase *tc = tcase_create("trigger");

	tcase_add_test(tc, a_bouncing_contact_is_one_event_of_its_first_edge);
	tcase_add_test(tc, a_short_pulse_is_none);
	tcase_add_test(tc, only_the_edge_that_is_asked_for_counts);
	tcase_add_test(tc, after_a_hold_the_difference_is_told_once);
	tcase_add_loop_test(tc, at_start_the_level_is_compared_with_the_last_one_known, 0,
	    sizeof(starts) / sizeof(starts[0]));
	tcase_add_test(tc, a_chattering_input_rests_for_ten_minutes);
	tcase_add_loop_test(tc, zones_have_margins_and_must_last, 0, sizeof(zones) / sizeof(zones[0]));
	tcase_add_test(tc, after_a_long_silence_the_zone_is_unknown);
	suite_add_tcase(suite, tc);
	return unit_main(suite);
}
