/* A desk and its tenant over a pty and real sockets; the poller is played by a thread that lends the
 * line when it is ordered. */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include "src/base/clock.h"
#include "src/base/log.h"
#include "src/base/loop.h"
#include "src/transit/desk.h"
#include "src/transit/linger.h"
#include "tests/unit/unit.h"

enum { PATIENCE_MS = 5000 };

/* ---- the stage ---- */

static struct loop *loop;
static struct lingers *lingers;
static struct desk *desk;
static struct line *line;
static int master, slave, listener;
static uint16_t port;
static pthread_t loop_thread, bus_thread;
static struct desk_rules rules;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t ordered = PTHREAD_COND_INITIALIZER;
static struct lease *order;
static bool is_over, is_withheld;
static unsigned leases, ended_rc_stopped;
static char holder_now[64];

static int
lend(void *arg, unsigned bus, struct lease *lease, uint32_t take_ms)
{
	(void)arg;
	(void)bus;
	(void)take_ms;
	pthread_mutex_lock(&lock);
	order = lease;
	leases++;
	pthread_cond_broadcast(&ordered);
	pthread_mutex_unlock(&lock);
	return E_OK;
}

static void
hold(void *arg, unsigned bus, const char *client, int64_t since)
{
	(void)arg;
	(void)bus;
	(void)since;
	pthread_mutex_lock(&lock);
	snprintf(holder_now, sizeof(holder_now), "%s", client);
	pthread_cond_broadcast(&ordered);
	pthread_mutex_unlock(&lock);
}

static void *
play_bus(void *arg)
{
	(void)arg;
	pthread_mutex_lock(&lock);
	while (!is_over || order != NULL) {
		struct lease *lease = order;
		int rc;

		if (lease == NULL || (is_withheld && !is_over)) {
			pthread_cond_wait(&ordered, &lock);
			continue;
		}
		order = NULL;
		pthread_mutex_unlock(&lock);
		rc = lease->run(lease, line);
		pthread_mutex_lock(&lock);
		ended_rc_stopped += rc == E_STOPPED;
		pthread_cond_broadcast(&ordered);
		pthread_mutex_unlock(&lock);
		lease->ended(lease, rc);
		pthread_mutex_lock(&lock);
	}
	pthread_mutex_unlock(&lock);
	return NULL;
}

static void *
play_loop(void *arg)
{
	(void)arg;
	ck_assert_int_eq(loop_run(loop), E_OK);
	return NULL;
}

static void
open_pty(void)
{
	struct line_options options = { .name = "bus1", .echo = ECHO_OFF };
	struct termios raw;
	char name[64];

	master = posix_openpt(O_RDWR | O_NOCTTY);
	ck_assert_int_ge(master, 0);
	ck_assert_int_eq(grantpt(master) | unlockpt(master), 0);
	ck_assert_int_eq(ptsname_r(master, name, sizeof(name)), 0);
	slave = open(name, O_RDWR | O_NOCTTY);	/* so that the pty outlives the line's reopening */
	ck_assert_int_eq(tcgetattr(slave, &raw), 0);
	cfmakeraw(&raw);
	ck_assert_int_eq(tcsetattr(slave, TCSANOW, &raw), 0);
	ck_assert_int_eq(line_open_serial(&line, name, &options), E_OK);
}

static void
setup(void)
{
	struct desk_options options = { .bus = 1, .lease = lend, .holder = hold };

	log_setup(LOG_LEVEL_ERROR, NULL);
	order = NULL;
	is_over = is_withheld = false;
	leases = ended_rc_stopped = 0;
	rules = (struct desk_rules){ .idle_us = 0, .drain_quiet_us = 100000, .drain_most_us = 1000000,
		.release_us = 20000, .take_ms = 1000, .is_live = true,
		.uart = { 115200, 8, PARITY_NONE, 1 } };
	ck_assert_int_eq(loop_open(&loop), E_OK);
	ck_assert_int_eq(lingers_open(&lingers, loop), E_OK);
	open_pty();
	options.loop = loop;
	options.lingers = lingers;
	ck_assert_int_eq(desk_open(&desk, &options), E_OK);
	desk_rules_set(desk, &rules);
	ck_assert_int_eq(address_reserve("127.0.0.1", &listener, &port), E_OK);
	close(listener);
	ck_assert_int_eq(address_listen("127.0.0.1", port, &listener), E_OK);
	pthread_create(&loop_thread, NULL, play_loop, NULL);
	pthread_create(&bus_thread, NULL, play_bus, NULL);
}

static void
teardown(void)
{
	pthread_mutex_lock(&lock);
	is_over = true;
	line_wake(line);
	pthread_cond_broadcast(&ordered);
	pthread_mutex_unlock(&lock);
	pthread_join(bus_thread, NULL);
	loop_stop(loop);
	pthread_join(loop_thread, NULL);
	desk_close(desk);
	lingers_close(lingers);
	loop_close(loop);
	line_close(line);
	close(listener);
	close(slave);
	if (master >= 0)
		close(master);
}

static void
follow_rules(void)
{
	desk_rules_set(desk, &rules);
}

/* ---- a client ---- */

static const struct tcp_row plain = { .bus = 1, .port = 1, .idle_s = -1, .wait_s = 5, .max_clients = 4,
	.share_quiet_ms = 50 };

/* Connects and is brought to the desk, as the listener does it. */
static int
come(const struct tcp_row *row)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port),
		.sin_addr = { htonl(INADDR_LOOPBACK) } };
	int fd = socket(AF_INET, SOCK_STREAM, 0), at;
	struct pollfd wait = { .fd = listener, .events = POLLIN };
	struct client *c;

	ck_assert_int_eq(connect(fd, (const struct sockaddr *)&to, sizeof(to)), 0);
	ck_assert_int_eq(poll(&wait, 1, PATIENCE_MS), 1);
	at = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
	ck_assert_int_ge(at, 0);
	address_keep_alive(at, false);
	c = client_new(row, at);
	ck_assert_ptr_nonnull(c);
	snprintf(c->peer, sizeof(c->peer), "127.0.0.1:%d", fd);
	c->since = clock_utc();
	c->since_us = clock_mono_us();
	atomic_store(&c->active_us, c->since_us);
	desk_arrive(desk, c);
	return fd;
}

static void
say(int fd, const void *bytes, size_t n)
{
	const uint8_t *at = bytes;

	while (n > 0) {
		ssize_t wrote = write(fd, at, n);

		ck_assert_msg(wrote > 0 || errno == EAGAIN, "write: %s", strerror(errno));
		if (wrote > 0) {
			at += wrote;
			n -= (size_t)wrote;
		}
	}
}

static void
expect(int fd, const void *bytes, size_t n)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };
	uint8_t got[65536];
	size_t have = 0;

	ck_assert_uint_le(n, sizeof(got));
	while (have < n) {
		ssize_t more;

		ck_assert_msg(poll(&wait, 1, PATIENCE_MS) == 1, "%zu of %zu bytes came", have, n);
		more = read(fd, got + have, n - have);
		ck_assert_msg(more > 0, "%zu of %zu bytes came, then %s", have, n,
		    more == 0 ? "the end" : strerror(errno));
		have += (size_t)more;
	}
	ck_assert_mem_eq(got, bytes, n);
}

static void
expect_end(int fd)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };
	char byte;

	ck_assert_int_eq(poll(&wait, 1, PATIENCE_MS), 1);
	ck_assert_int_eq(read(fd, &byte, 1), 0);
	close(fd);
}

static bool
is_silent(int fd, int ms)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };

	return poll(&wait, 1, ms) == 0;
}

static void
wait_phase(unsigned clients, enum transit_phase phase)
{
	struct transit_session sessions[8];
	int64_t end = clock_mono_us() + PATIENCE_MS * 1000;
	size_t n;

	do {
		n = desk_sessions(desk, sessions, 8);
		if (n == clients && (n == 0 || sessions[n - 1].phase == phase))
			return;
		usleep(1000);
	} while (clock_mono_us() < end);
	ck_abort_msg("%zu clients, wanted %u", n, clients);
}

static int
come_in(const struct tcp_row *row)
{
	int fd = come(row);

	wait_phase(1, TRANSIT_OPEN);
	return fd;
}

/* ---- bytes ---- */

START_TEST(all_256_values_pass_both_ways)
{
	int fd = come_in(&plain);
	uint8_t all[256];

	for (int i = 0; i < 256; i++)
		all[i] = (uint8_t)i;
	say(fd, all, sizeof(all));
	expect(master, all, sizeof(all));
	say(master, all, sizeof(all));
	expect(fd, all, sizeof(all));
	for (int i = 0; i < 256; i++) {
		say(fd, &all[i], 1);
		expect(master, &all[i], 1);
		say(master, &all[i], 1);
		expect(fd, &all[i], 1);
	}
	close(fd);
}
END_TEST

START_TEST(connecting_alone_puts_no_byte_on_the_line)
{
	int fd = come_in(&plain);

	ck_assert_str_ne(holder_now, "");
	close(fd);
	wait_phase(0, TRANSIT_OPEN);
	ck_assert(is_silent(master, 50));
}
END_TEST

START_TEST(old_bytes_of_the_line_do_not_reach_the_client)
{
	int fd;

	say(slave, "x", 1); /* the pty is there */
	expect(master, "x", 1);
	say(master, "stale", 5);
	fd = come_in(&plain);
	say(master, "new", 3);
	expect(fd, "new", 3);
	close(fd);
}
END_TEST

START_TEST(the_line_gets_the_settings_of_its_row)
{
	struct termios t;
	int fd;

	rules.uart = (struct line_settings){ 4800, 8, PARITY_NONE, 2 };
	follow_rules();
	fd = come_in(&plain);
	ck_assert_int_eq(tcgetattr(slave, &t), 0);
	ck_assert_uint_eq(cfgetospeed(&t), B4800);
	ck_assert((t.c_cflag & CSTOPB) != 0);
	ck_assert_uint_eq(t.c_lflag & (ECHO | ICANON | ISIG), 0);
	ck_assert_uint_eq(t.c_iflag & (IXON | IXOFF | ICRNL), 0);
	/* A change reaches the running session. */
	rules.uart.baud = 19200;
	follow_rules();
	for (int i = 0; i < 1000 && cfgetospeed(&t) != B19200; i++) {
		usleep(2000);
		ck_assert_int_eq(tcgetattr(slave, &t), 0);
	}
	ck_assert_uint_eq(cfgetospeed(&t), B19200);
	say(fd, "still", 5);
	expect(master, "still", 5);
	close(fd);
}
END_TEST

START_TEST(pauses_inside_a_frame_are_taken_out)
{
	struct tcp_row row = plain;
	uint8_t got[16];
	int fd;

	row.frame_hold_ms = 60;
	fd = come_in(&row);
	say(fd, "ab", 2);
	usleep(15000);
	say(fd, "cd", 2);
	ck_assert(is_silent(master, 30));
	ck_assert_int_eq(poll(&(struct pollfd){ .fd = master, .events = POLLIN }, 1, PATIENCE_MS), 1);
	ck_assert_int_eq(read(master, got, sizeof(got)), 4);
	close(fd);
}
END_TEST

/* ---- ends ---- */

START_TEST(an_answer_still_comes_after_the_clients_fin)
{
	int fd = come_in(&plain);

	say(fd, "ask", 3);
	shutdown(fd, SHUT_WR);
	expect(master, "ask", 3);
	wait_phase(1, TRANSIT_DRAINING);
	say(master, "answer", 6);
	expect(fd, "answer", 6);
	expect_end(fd);
}
END_TEST

START_TEST(silence_ends_a_session_and_gives_the_bus_back)
{
	int fd;

	rules.idle_us = 150000;
	rules.release_us = 60000000;
	follow_rules();
	fd = come_in(&plain);
	for (int i = 0; i < 4; i++) {	/* the line alone keeps it open */
		usleep(80000);
		say(master, "z", 1);
		expect(fd, "z", 1);
	}
	expect_end(fd);
	pthread_mutex_lock(&lock);
	while (holder_now[0] != '\0')
		pthread_cond_wait(&ordered, &lock);
	pthread_mutex_unlock(&lock);
	/* No hold after idleness: the next client makes an order of its own. */
	close(come_in(&plain));
	ck_assert_uint_eq(leases, 2);
}
END_TEST

START_TEST(the_operator_takes_the_bus_back)
{
	int fd = come_in(&plain);

	ck_assert(desk_take_back(desk));
	expect_end(fd);
	wait_phase(0, TRANSIT_OPEN);
}
END_TEST

START_TEST(a_session_has_a_longest_time)
{
	int fd;

	rules.max_session_us = 100000;
	follow_rules();
	fd = come_in(&plain);
	expect_end(fd);
}
END_TEST

START_TEST(the_end_of_the_bus_ends_its_sessions)
{
	int fd = come_in(&plain);

	line_wake(line);
	expect_end(fd);
	wait_phase(0, TRANSIT_OPEN);
	pthread_mutex_lock(&lock);
	while (ended_rc_stopped == 0)
		pthread_cond_wait(&ordered, &lock);
	pthread_mutex_unlock(&lock);
}
END_TEST

START_TEST(a_lost_device_ends_the_session)
{
	int fd = come_in(&plain);

	close(master);
	master = -1;
	expect_end(fd);
}
END_TEST

START_TEST(a_client_that_does_not_read_ends_with_an_unbroken_prefix)
{
	enum { LOAD = 16 << 20, PIECE = 4096 };
	int fd = come_in(&plain);
	uint32_t next = 0, sum = 0;
	uint8_t piece[PIECE];
	ssize_t got;

	ck_assert_int_eq(fcntl(master, F_SETFL, O_NONBLOCK), 0);
	for (uint32_t at = 0; at < LOAD && desk_count(desk, 0) > 0; at += PIECE) {
		for (uint32_t i = 0; i < PIECE; i += 4) {
			uint32_t n = htonl(next++);

			memcpy(piece + i, &n, 4);
		}
		for (ssize_t put = 0, n; put < PIECE && desk_count(desk, 0) > 0; put += n > 0 ? n : 0)
			n = write(master, piece + put, (size_t)(PIECE - put));
	}
	ck_assert_uint_eq(desk_count(desk, 0), 0);
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

/* ---- several clients ---- */

START_TEST(a_second_client_is_turned_away_unnoticed)
{
	int first = come_in(&plain), second = come(&plain);

	say(second, "intruder", 8);
	expect_end(second);
	say(first, "mine", 4);
	expect(master, "mine", 4);
	ck_assert(is_silent(master, 30));
	close(first);
}
END_TEST

START_TEST(who_ended_sending_makes_room)
{
	int first, second;

	rules.drain_quiet_us = rules.drain_most_us = 60000000;
	follow_rules();
	first = come_in(&plain);
	say(first, "ask", 3);
	expect(master, "ask", 3);
	say(master, "got", 3);
	expect(first, "got", 3);
	shutdown(first, SHUT_WR);
	wait_phase(1, TRANSIT_DRAINING);
	second = come(&plain);
	expect_end(first);
	wait_phase(1, TRANSIT_OPEN);
	say(second, "next", 4);
	expect(master, "next", 4);
	close(second);
}
END_TEST

START_TEST(the_newest_kicks_but_not_twice_in_a_row)
{
	struct tcp_row row = plain;
	int first, second, third;

	row.mode = MODE_KICK;
	first = come_in(&row);
	second = come(&row);
	expect_end(first);
	third = come(&row);
	expect_end(third);
	wait_phase(1, TRANSIT_OPEN);
	say(second, "mine", 4);
	expect(master, "mine", 4);
	close(second);
}
END_TEST

START_TEST(who_waits_is_served_in_turn)
{
	struct tcp_row row = plain;
	int first, second;

	row.mode = MODE_WAIT;
	first = come_in(&row);
	second = come(&row);
	wait_phase(2, TRANSIT_WAITING);
	say(second, "early", 5);
	ck_assert(is_silent(master, 30));
	close(first);
	expect(master, "early", 5);
	close(second);
}
END_TEST

START_TEST(who_waits_too_long_is_sent_away)
{
	struct tcp_row row = plain;
	int first, second;

	row.mode = MODE_WAIT;
	row.wait_s = 0;
	first = come_in(&row);
	second = come(&row);
	expect_end(second);
	close(first);
}
END_TEST

START_TEST(sharing_lends_the_bus_to_one_at_a_time)
{
	struct tcp_row row = plain;
	int first, second, third;

	row.mode = MODE_SHARED;
	row.max_clients = 2;
	first = come_in(&row);
	second = come(&row);
	wait_phase(2, TRANSIT_OPEN);
	third = come(&row);
	expect_end(third);
	say(first, "one", 3);
	expect(master, "one", 3);
	say(second, "two", 3);
	ck_assert(is_silent(master, 20));
	say(master, "answer", 6);
	expect(first, "answer", 6);
	expect(second, "answer", 6);
	expect(master, "two", 3);
	close(first);
	close(second);
}
END_TEST

/* The old client's answer, late, is not the new client's. */
START_TEST(a_late_answer_is_not_the_next_clients)
{
	int fd;

	rules.release_us = 3000000;
	follow_rules();
	for (int i = 0; i < 4; i++) {
		struct linger reset = { 1, 0 };

		fd = come_in(&plain);
		say(fd, "ask", 3);
		expect(master, "ask", 3);
		if (i % 2 == 0)
			ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)), 0);
		else
			shutdown(fd, SHUT_WR);
		close(fd);
		fd = come(&plain);
		usleep(60000);
		say(master, "late", 4);
		say(fd, "next", 4);
		expect(master, "next", 4);
		say(master, "mine", 4);
		expect(fd, "mine", 4);
		close(fd);
		wait_phase(0, TRANSIT_OPEN);
	}
	ck_assert_uint_eq(leases, 1);
}
END_TEST

START_TEST(clients_that_come_while_the_bus_is_awaited_are_judged_at_once)
{
	int first, second;

	pthread_mutex_lock(&lock);
	is_withheld = true;
	pthread_mutex_unlock(&lock);
	first = come(&plain);
	say(first, "kept", 4);
	second = come(&plain);
	expect_end(second);
	pthread_mutex_lock(&lock);
	is_withheld = false;
	pthread_cond_broadcast(&ordered);
	pthread_mutex_unlock(&lock);
	expect(master, "kept", 4);
	close(first);
}
END_TEST

/* ---- protocols ---- */

START_TEST(a_first_line_sets_the_line_and_is_eaten)
{
	struct tcp_row row = plain;
	struct termios t;
	int fd;

	row.proto = PROTO_LINE;
	fd = come_in(&row);
	say(fd, "SET 2400,", 9);
	ck_assert(is_silent(master, 20));
	say(fd, "8n1\nabc", 7);
	expect(master, "abc", 3);
	ck_assert_int_eq(tcgetattr(slave, &t), 0);
	ck_assert_uint_eq(cfgetospeed(&t), B2400);
	close(fd);
	wait_phase(0, TRANSIT_OPEN);
	fd = come_in(&row);
	say(fd, "\xc0\x01", 2);
	expect(master, "\xc0\x01", 2);
	ck_assert_int_eq(tcgetattr(slave, &t), 0);
	ck_assert_uint_eq(cfgetospeed(&t), B115200);
	close(fd);
}
END_TEST

START_TEST(rfc2217_changes_speed_after_the_bytes_before_it)
{
	struct tcp_row row = plain;
	struct termios t;
	int fd;

	row.proto = PROTO_RFC2217;
	fd = come_in(&row);
	say(fd, "\xff\xfb\x2c", 3);
	expect(fd, "\xff\xfd\x2c", 3);
	say(fd, "a\xff\xff\xff\xfa\x2c\x01\0\0\x25\x80\xff\xf0" "b", 14);
	expect(master, "a\xff" "b", 3);
	expect(fd, "\xff\xfa\x2c\x65\0\0\x25\x80\xff\xf0", 10);
	ck_assert_int_eq(tcgetattr(slave, &t), 0);
	ck_assert_uint_eq(cfgetospeed(&t), B9600);
	say(master, "\xffz", 2);
	expect(fd, "\xff\xffz", 3);
	/* Silly values are answered with what is in force, and nothing ends. */
	say(fd, "\xff\xfa\x2c\x01\x7f\xff\xff\xff\xff\xff\xff\xff\xf0", 13);
	expect(fd, "\xff\xfa\x2c\x65\0\0\x25\x80\xff\xf0", 10);
	say(fd, "\xff\xfa\x2c\x02\x05\xff\xf0\xff\xfa\x2c\x03\x05\xff\xf0\xff\xfa\x2c\x04\x02\xff\xf0", 21);
	expect(fd, "\xff\xfa\x2c\x66\x08\xff\xf0\xff\xfa\x2c\x67\x01\xff\xf0\xff\xfa\x2c\x68\x02\xff\xf0", 21);
	/* Suspended, the answers wait. */
	say(fd, "\xff\xfa\x2c\x08\xff\xf0\xff\xfa\x2c\x0c\x01\xff\xf0", 13);
	expect(fd, "\xff\xfa\x2c\x70\x01\xff\xf0", 7);
	say(master, "later", 5);
	ck_assert(is_silent(fd, 30));
	say(fd, "\xff\xfa\x2c\x09\xff\xf0", 6);
	expect(fd, "later", 5);
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
		{ "refuse", a_second_client_is_turned_away_unnoticed },
		{ "drain", who_ended_sending_makes_room },
		{ "kick", the_newest_kicks_but_not_twice_in_a_row },
		{ "wait", who_waits_is_served_in_turn },
		{ "wait long", who_waits_too_long_is_sent_away },
		{ "shared", sharing_lends_the_bus_to_one_at_a_time },
		{ "late answer", a_late_answer_is_not_the_next_clients },
		{ "taking", clients_that_come_while_the_bus_is_awaited_are_judged_at_once },
		{ "line", a_first_line_sets_the_line_and_is_eaten },
		{ "rfc2217", rfc2217_changes_speed_after_the_bytes_before_it },
	};
	Suite *suite = suite_create("transit");

	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
		TCase *t = tcase_create(tests[i].name);

		tcase_set_timeout(t, 20);
		tcase_add_checked_fixture(t, setup, teardown);
		tcase_add_test(t, tests[i].test);
		suite_add_tcase(suite, t);
	}
	return unit_main(suite);
}
