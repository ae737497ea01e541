/* One client of a bus: its bytes, its ends, its protocols. */
#include <arpa/inet.h>
#include <check.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include "src/base/clock.h"
#include "tests/unit/transit_stage.h"
#include "tests/unit/unit.h"

/* ---- bytes ---- */

START_TEST(all_256_values_pass_both_ways)
{
	int fd = stage_come_in(&stage_row);
	uint8_t all[256];

	for (int i = 0; i < 256; i++)
		all[i] = (uint8_t)i;
	stage_say(fd, all, sizeof(all));
	stage_expect(stage_master, all, sizeof(all));
	stage_say(stage_master, all, sizeof(all));
	stage_expect(fd, all, sizeof(all));
	for (int i = 0; i < 256; i++) {
		stage_say(fd, &all[i], 1);
		stage_expect(stage_master, &all[i], 1);
		stage_say(stage_master, &all[i], 1);
		stage_expect(fd, &all[i], 1);
	}
	close(fd);
}
END_TEST

START_TEST(connecting_alone_puts_no_byte_on_the_line)
{
	int fd = stage_come_in(&stage_row);

	ck_assert(stage_has_holder());
	close(fd);
	stage_wait_phase(0, TRANSIT_OPEN);
	ck_assert(stage_is_silent(stage_master, 50));
}
END_TEST

START_TEST(old_bytes_of_the_line_do_not_reach_the_client)
{
	int fd;

	stage_say(stage_slave, "x", 1); /* the pty is there */
	stage_expect(stage_master, "x", 1);
	stage_say(stage_master, "stale", 5);
	fd = stage_come_in(&stage_row);
	stage_say(stage_master, "new", 3);
	stage_expect(fd, "new", 3);
	close(fd);
}
END_TEST

START_TEST(the_line_gets_the_settings_of_its_row)
{
	struct termios t;
	int fd;

	stage_rules.uart = (struct line_settings){ 4800, 8, PARITY_NONE, 2 };
	stage_follow_rules();
	fd = stage_come_in(&stage_row);
	ck_assert_int_eq(tcgetattr(stage_slave, &t), 0);
	ck_assert_uint_eq(cfgetospeed(&t), B4800);
	ck_assert((t.c_cflag & CSTOPB) != 0);
	ck_assert_uint_eq(t.c_lflag & (ECHO | ICANON | ISIG), 0);
	ck_assert_uint_eq(t.c_iflag & (IXON | IXOFF | ICRNL), 0);
	/* A change reaches the running session. */
	stage_rules.uart.baud = 19200;
	stage_follow_rules();
	for (int i = 0; i < 1000 && cfgetospeed(&t) != B19200; i++) {
		usleep(2000);
		ck_assert_int_eq(tcgetattr(stage_slave, &t), 0);
	}
	ck_assert_uint_eq(cfgetospeed(&t), B19200);
	stage_say(fd, "still", 5);
	stage_expect(stage_master, "still", 5);
	close(fd);
}
END_TEST

START_TEST(pauses_inside_a_frame_are_taken_out)
{
	struct tcp_row row = stage_row;
	uint8_t got[16];
	int fd;

	row.frame_hold_ms = 60;
	fd = stage_come_in(&row);
	stage_say(fd, "ab", 2);
	usleep(15000);
	stage_say(fd, "cd", 2);
	ck_assert(stage_is_silent(stage_master, 30));
	ck_assert_int_eq(poll(&(struct pollfd){ .fd = stage_master, .events = POLLIN }, 1, PATIENCE_MS),
	    1);
	ck_assert_int_eq(read(stage_master, got, sizeof(got)), 4);
	close(fd);
}
END_TEST

/* ---- ends ---- */

START_TEST(an_answer_still_comes_after_the_clients_fin)
{
	int fd = stage_come_in(&stage_row);

	stage_say(fd, "ask", 3);
	shutdown(fd, SHUT_WR);
	stage_expect(stage_master, "ask", 3);
	stage_wait_phase(1, TRANSIT_DRAINING);
	stage_say(stage_master, "answer", 6);
	stage_expect(fd, "answer", 6);
	stage_expect_end(fd);
}
END_TEST

START_TEST(silence_ends_a_session_and_gives_the_bus_back)
{
	int fd;

	stage_rules.idle_us = 150000;
	stage_rules.release_us = 60000000;
	stage_follow_rules();
	fd = stage_come_in(&stage_row);
	for (int i = 0; i < 4; i++) { /* the stage_line alone keeps it open */
		usleep(80000);
		stage_say(stage_master, "z", 1);
		stage_expect(fd, "z", 1);
	}
	stage_expect_end(fd);
	stage_wait_free();
	/* No hold after idleness: the next client makes an order of its own. */
	close(stage_come_in(&stage_row));
	ck_assert_uint_eq(stage_leases(), 2);
}
END_TEST

START_TEST(the_operator_takes_the_bus_back)
{
	int fd = stage_come_in(&stage_row);

	ck_assert(desk_take_back(stage_desk));
	stage_expect_end(fd);
	stage_wait_phase(0, TRANSIT_OPEN);
}
END_TEST

START_TEST(a_session_has_a_longest_time)
{
	int fd;

	stage_rules.max_session_us = 100000;
	stage_follow_rules();
	fd = stage_come_in(&stage_row);
	stage_expect_end(fd);
}
END_TEST

START_TEST(the_end_of_the_bus_ends_its_sessions)
{
	int fd = stage_come_in(&stage_row);

	line_wake(stage_line);
	stage_expect_end(fd);
	stage_wait_phase(0, TRANSIT_OPEN);
	stage_wait_stopped();
}
END_TEST

START_TEST(a_lost_device_ends_the_session)
{
	int fd = stage_come_in(&stage_row);

	close(stage_master);
	stage_master = -1;
	stage_expect_end(fd);
}
END_TEST

START_TEST(a_client_that_does_not_read_ends_with_an_unbroken_prefix)
{
	enum { LOAD = 16 << 20, PIECE = 4096 };
	int fd = stage_come_in(&stage_row);
	uint32_t next = 0, sum = 0;
	uint8_t piece[PIECE];
	ssize_t got;

	ck_assert_int_eq(fcntl(stage_master, F_SETFL, O_NONBLOCK), 0);
	for (uint32_t at = 0; at < LOAD && desk_count(stage_desk, 0) > 0; at += PIECE) {
		for (uint32_t i = 0; i < PIECE; i += 4) {
			uint32_t n = htonl(next++);

			memcpy(piece + i, &n, 4);
		}
		for (ssize_t put = 0, n; put < PIECE && desk_count(stage_desk, 0) > 0;
		     put += n > 0 ? n : 0)
			n = write(stage_master, piece + put, (size_t)(PIECE - put));
	}
	ck_assert_uint_eq(desk_count(stage_desk, 0), 0);
	for (uint32_t have = 0; (got = read(fd, piece + have, 4 - have)) > 0;) {
		uint32_t n;

		have += (uint32_t)got;
		if (have < 4)
			continue;
		memcpy(&n, piece, 4);
		ck_assert_uint_eq(ntohl(n), sum);
		sum++;
		have = 0;
	}
	ck_assert_uint_gt(sum, 1000);
	ck_assert_uint_lt(sum, next);
	close(fd);
}
END_TEST

/* ---- protocols ---- */

START_TEST(a_first_line_sets_the_line_and_is_eaten)
{
	struct tcp_row row = stage_row;
	struct termios t;
	int fd;

	row.proto = PROTO_LINE;
	fd = stage_come_in(&row);
	stage_say(fd, "SET 2400,", 9);
	ck_assert(stage_is_silent(stage_master, 20));
	stage_say(fd, "8n1\nabc", 7);
	stage_expect(stage_master, "abc", 3);
	ck_assert_int_eq(tcgetattr(stage_slave, &t), 0);
	ck_assert_uint_eq(cfgetospeed(&t), B2400);
	close(fd);
	stage_wait_phase(0, TRANSIT_OPEN);
	fd = stage_come_in(&row);
	stage_say(fd, "\xc0\x01", 2);
	stage_expect(stage_master, "\xc0\x01", 2);
	ck_assert_int_eq(tcgetattr(stage_slave, &t), 0);
	ck_assert_uint_eq(cfgetospeed(&t), B115200);
	close(fd);
}
END_TEST

START_TEST(rfc2217_changes_speed_after_the_bytes_before_it)
{
	struct tcp_row row = stage_row;
	struct termios t;
	int fd;

	row.proto = PROTO_RFC2217;
	fd = stage_come_in(&row);
	stage_say(fd, "\xff\xfb\x2c", 3);
	stage_expect(fd, "\xff\xfd\x2c", 3);
	stage_say(fd,
	    "a\xff\xff\xff\xfa\x2c\x01\0\0\x25\x80\xff\xf0"
	    "b",
	    14);
	stage_expect(stage_master,
	    "a\xff"
	    "b",
	    3);
	stage_expect(fd, "\xff\xfa\x2c\x65\0\0\x25\x80\xff\xf0", 10);
	ck_assert_int_eq(tcgetattr(stage_slave, &t), 0);
	ck_assert_uint_eq(cfgetospeed(&t), B9600);
	stage_say(stage_master, "\xffz", 2);
	stage_expect(fd, "\xff\xffz", 3);
	/* Silly values are answered with what is in force, and nothing ends. */
	stage_say(fd, "\xff\xfa\x2c\x01\x7f\xff\xff\xff\xff\xff\xff\xff\xf0", 13);
	stage_expect(fd, "\xff\xfa\x2c\x65\0\0\x25\x80\xff\xf0", 10);
	stage_say(fd,
	    "\xff\xfa\x2c\x02\x05\xff\xf0\xff\xfa\x2c\x03\x05\xff\xf0\xff\xfa\x2c\x04\x02\xff\xf0", 21);
	stage_expect(fd,
	    "\xff\xfa\x2c\x66\x08\xff\xf0\xff\xfa\x2c\x67\x01\xff\xf0\xff\xfa\x2c\x68\x02\xff\xf0", 21);
	/* Suspended, the answers wait. */
	stage_say(fd, "\xff\xfa\x2c\x08\xff\xf0\xff\xfa\x2c\x0c\x01\xff\xf0", 13);
	stage_expect(fd, "\xff\xfa\x2c\x70\x01\xff\xf0", 7);
	stage_say(stage_master, "later", 5);
	ck_assert(stage_is_silent(fd, 30));
	stage_say(fd, "\xff\xfa\x2c\x09\xff\xf0", 6);
	stage_expect(fd, "later", 5);
	close(fd);
}
END_TEST

int
main(void)
{
	const struct { const char *name; const TTest *test; } tests[] = {
		{ "bytes", all_256_values_pass_both_ways },
		{ "silent connect", connecting_alone_puts_no_byte_on_the_line },
		{ "stale", old_bytes_of_the_line_do_not_reach_the_client },
		{ "settings", the_line_gets_the_settings_of_its_row },
		{ "frame hold", pauses_inside_a_frame_are_taken_out },
		{ "half-close", an_answer_still_comes_after_the_clients_fin },
		{ "idle", silence_ends_a_session_and_gives_the_bus_back },
		{ "take back", the_operator_takes_the_bus_back },
		{ "longest", a_session_has_a_longest_time },
		{ "stop", the_end_of_the_bus_ends_its_sessions },
		{ "device", a_lost_device_ends_the_session },
		{ "stall", a_client_that_does_not_read_ends_with_an_unbroken_prefix },
		{ "line", a_first_line_sets_the_line_and_is_eaten },
		{ "rfc2217", rfc2217_changes_speed_after_the_bytes_before_it },
	};
	Suite *suite = suite_create("transit");

	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
		TCase *t = tcase_create(tests[i].name);

		tcase_set_timeout(t, 20);
		tcase_add_checked_fixture(t, stage_setup, stage_teardown);
		tcase_add_test(t, tests[i].test);
		suite_add_tcase(suite, t);
	}
	return unit_main(suite);
}
