/* Several clients of one bus, at once and one after another. */
#include <check.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "src/base/clock.h"
#include "tests/unit/transit_stage.h"
#include "tests/unit/unit.h"

/* ---- several clients ---- */

START_TEST(a_second_client_is_turned_away_unnoticed)
{
	int first = stage_come_in(&stage_row), second = stage_come(&stage_row);

	stage_say(second, "intruder", 8);
	stage_expect_end(second);
	stage_say(first, "mine", 4);
	stage_expect(stage_master, "mine", 4);
	ck_assert(stage_is_silent(stage_master, 30));
	close(first);
}
END_TEST

START_TEST(who_ended_sending_makes_room)
{
	int first, second;

	stage_rules.drain_quiet_us = stage_rules.drain_most_us = 60000000;
	stage_follow_rules();
	first = stage_come_in(&stage_row);
	stage_say(first, "ask", 3);
	stage_expect(stage_master, "ask", 3);
	stage_say(stage_master, "got", 3);
	stage_expect(first, "got", 3);
	shutdown(first, SHUT_WR);
	stage_wait_phase(1, TRANSIT_DRAINING);
	second = stage_come(&stage_row);
	stage_expect_end(first);
	stage_wait_phase(1, TRANSIT_OPEN);
	stage_say(second, "next", 4);
	stage_expect(stage_master, "next", 4);
	close(second);
}
END_TEST

START_TEST(the_newest_kicks_but_not_twice_in_a_row)
{
	struct tcp_row row = stage_row;
	int first, second, third;

	row.mode = MODE_KICK;
	first = stage_come_in(&row);
	second = stage_come(&row);
	stage_expect_end(first);
	third = stage_come(&row);
	stage_expect_end(third);
	stage_wait_phase(1, TRANSIT_OPEN);
	stage_say(second, "mine", 4);
	stage_expect(stage_master, "mine", 4);
	close(second);
}
END_TEST

START_TEST(who_waits_is_served_in_turn)
{
	struct tcp_row row = stage_row;
	int first, second;

	row.mode = MODE_WAIT;
	first = stage_come_in(&row);
	second = stage_come(&row);
	stage_wait_phase(2, TRANSIT_WAITING);
	stage_say(second, "early", 5);
	ck_assert(stage_is_silent(stage_master, 30));
	close(first);
	stage_expect(stage_master, "early", 5);
	close(second);
}
END_TEST

START_TEST(who_waits_too_long_is_sent_away)
{
	struct tcp_row row = stage_row;
	int first, second;

	row.mode = MODE_WAIT;
	row.wait_s = 0;
	first = stage_come_in(&row);
	second = stage_come(&row);
	stage_expect_end(second);
	close(first);
}
END_TEST

START_TEST(sharing_lends_the_bus_to_one_at_a_time)
{
	struct tcp_row row = stage_row;
	int first, second, third;

	row.mode = MODE_SHARED;
	row.max_clients = 2;
	first = stage_come_in(&row);
	second = stage_come(&row);
	stage_wait_phase(2, TRANSIT_OPEN);
	third = stage_come(&row);
	stage_expect_end(third);
	stage_say(first, "one", 3);
	stage_expect(stage_master, "one", 3);
	stage_say(second, "two", 3);
	ck_assert(stage_is_silent(stage_master, 20));
	stage_say(stage_master, "answer", 6);
	stage_expect(first, "answer", 6);
	stage_expect(second, "answer", 6);
	stage_expect(stage_master, "two", 3);
	close(first);
	close(second);
}
END_TEST

/* The old client's answer, late, is not the new client's. */
START_TEST(a_late_answer_is_not_the_next_clients)
{
	int fd;

	stage_rules.release_us = 3000000;
	stage_follow_rules();
	for (int i = 0; i < 4; i++) {
		struct linger reset = { 1, 0 };

		fd = stage_come_in(&stage_row);
		stage_say(fd, "ask", 3);
		stage_expect(stage_master, "ask", 3);
		if (i % 2 == 0)
			ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)),
			    0);
		else
			shutdown(fd, SHUT_WR);
		close(fd);
		fd = stage_come(&stage_row);
		usleep(60000);
		stage_say(stage_master, "late", 4);
		stage_say(fd, "next", 4);
		stage_expect(stage_master, "next", 4);
		stage_say(stage_master, "mine", 4);
		stage_expect(fd, "mine", 4);
		close(fd);
		stage_wait_phase(0, TRANSIT_OPEN);
	}
	ck_assert_uint_eq(stage_leases(), 1);
}
END_TEST

START_TEST(clients_that_come_while_the_bus_is_awaited_are_judged_at_once)
{
	int first, second;

	stage_withhold(true);
	first = stage_come(&stage_row);
	stage_say(first, "kept", 4);
	second = stage_come(&stage_row);
	stage_expect_end(second);
	stage_withhold(false);
	stage_expect(stage_master, "kept", 4);
	close(first);
}
END_TEST

int
main(void)
{
	const struct { const char *name; const TTest *test; } tests[] = {
		{ "refuse", a_second_client_is_turned_away_unnoticed },
		{ "drain", who_ended_sending_makes_room },
		{ "kick", the_newest_kicks_but_not_twice_in_a_row },
		{ "wait", who_waits_is_served_in_turn },
		{ "wait long", who_waits_too_long_is_sent_away },
		{ "shared", sharing_lends_the_bus_to_one_at_a_time },
		{ "late answer", a_late_answer_is_not_the_next_clients },
		{ "taking", clients_that_come_while_the_bus_is_awaited_are_judged_at_once },
	};
	Suite *suite = suite_create("transit clients");

	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
		TCase *t = tcase_create(tests[i].name);

		tcase_set_timeout(t, 20);
		tcase_add_checked_fixture(t, stage_setup, stage_teardown);
		tcase_add_test(t, tests[i].test);
		suite_add_tcase(suite, t);
	}
	return unit_main(suite);
}
