/* The line's device: settings, stray bytes, noise, waking, vanishing ptys. */
#include "drivers/line.h"

#include <check.h>
#include <errno.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "src/base/clock.h"
#include "tests/unit/line_peer.h"
#include "tests/unit/unit.h"

#define GOOD "c1c2c3c4c5"

static const struct line_settings fast = { 115200, 8, PARITY_NONE, 1 };
static const struct line_timing patient = { .answer_ms = 5000, .lost_ms = 5000 };
static const struct line_options no_echo = { .name = "bus1", .echo = ECHO_OFF };

static int
exchange(struct line *line)
{
	return peer_exchange(line, PEER_REQUEST, peer_frame_of_five);
}

static struct line *
open_pty_line(struct peer *peer)
{
	struct line *line;

	peer_open_pty(peer);
	ck_assert_int_eq(line_open_serial(&line, peer->path, &no_echo), E_OK);
	line_tap_set(line, peer_tap, peer);
	ck_assert_int_eq(line_configure(line, &fast, &patient, SOFT_NONE), E_OK);
	return line;
}

static struct line_counters
counters_of(const struct line *line)
{
	struct line_counters counters;

	line_counters(line, &counters);
	return counters;
}

/* ---- settings ---- */

START_TEST(settings_reach_the_terminal_and_equal_ones_are_left_alone)
{
	static const struct line_settings slow = { 2400, 8, PARITY_NONE, 2 };
	static const struct line_settings odd_rate = { 1800, 8, PARITY_NONE, 1 };
	struct termios t;
	struct peer peer;
	struct line *line = open_pty_line(&peer);
	int fd = line_fd(line);

	ck_assert_int_eq(tcgetattr(fd, &t), 0);
	ck_assert_uint_eq(cfgetospeed(&t), B115200);
	ck_assert_uint_eq(t.c_lflag & (ICANON | ECHO | ISIG | IEXTEN), 0);
	ck_assert_uint_eq(t.c_iflag & (IXON | IXOFF | ICRNL | INLCR | IGNCR | ISTRIP), 0);
	ck_assert_uint_eq(t.c_oflag & OPOST, 0);
	ck_assert_uint_eq(t.c_cflag & (CLOCAL | CREAD), CLOCAL | CREAD);

	ck_assert_int_eq(line_configure(line, &slow, &patient, SOFT_NONE), E_OK);
	ck_assert_int_eq(tcgetattr(fd, &t), 0);
	ck_assert_uint_eq(cfgetospeed(&t), B2400);
	ck_assert_uint_ne(t.c_cflag & CSTOPB, 0);

	cfsetspeed(&t, B1200);
	ck_assert_int_eq(tcsetattr(fd, TCSANOW, &t), 0);
	ck_assert_int_eq(line_configure(line, &slow, &patient, SOFT_NONE), E_OK);
	ck_assert_int_eq(tcgetattr(fd, &t), 0);
	ck_assert_uint_eq(cfgetospeed(&t), B1200);

	ck_assert_int_eq(line_configure(line, &odd_rate, &patient, SOFT_NONE), E_OK);
	peer_close(&peer);
	line_close(line);
}
END_TEST

START_TEST(impossible_settings_are_refused_and_the_old_ones_stay)
{
	static const struct line_settings wrong[] = {
		{ 0, 8, PARITY_NONE, 1 }, { 299, 8, PARITY_NONE, 1 }, { 9600, 5, PARITY_NONE, 1 },
		{ 9600, 8, (enum line_parity)7, 1 }, { 9600, 8, PARITY_NONE, 3 },
	};
	static const struct line_timing too_many = { .tries = 11 };
	static const struct peer_turn turns[] = { { 5, { GOOD } } };
	struct peer peer;
	struct line *line = open_pty_line(&peer);

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		ck_assert_int_eq(line_configure(line, &wrong[i], &patient, SOFT_NONE), E_INVALID);
	ck_assert_int_eq(line_configure(line, &fast, &too_many, SOFT_NONE), E_INVALID);
	ck_assert_int_eq(line_configure(line, NULL, &patient, SOFT_NONE), E_INVALID);
	ck_assert_int_eq(line_configure(line, &fast, &patient, (enum soft_parity)9), E_INVALID);
	peer_play(&peer, turns, 1);
	ck_assert_int_eq(exchange(line), E_OK);
	peer_close(&peer);
	line_close(line);
}
END_TEST

START_TEST(bytes_that_lie_on_the_line_are_discarded_before_a_request)
{
	static const struct peer_turn turns[] = { { 5, { GOOD } } };
	struct peer peer;
	struct line *line = open_pty_line(&peer);
	int waiting = 0;

	peer_give(&peer, "aabbcc");
	while (waiting < 3)
		ck_assert_int_eq(ioctl(line_fd(line), FIONREAD, &waiting), 0);
	peer_play(&peer, turns, 1);
	ck_assert_int_eq(exchange(line), E_OK);
	ck_assert_uint_eq(counters_of(line).stray_bytes, 3);
	ck_assert_uint_eq(counters_of(line).answers, 1);
	peer_close(&peer);
	line_close(line);
}
END_TEST

START_TEST(can_lines_have_fewer_stations)
{
	const struct line_options can = { .name = "bus2", .kind = LINE_CAN };
	struct line *line;

	ck_assert_int_eq(line_open_serial(&line, "/nowhere", &can), E_OK);
	ck_assert_uint_eq(line_station_limit(line), CAN_STATIONS);
	ck_assert_str_eq(line_name(line), "bus2");
	line_close(line);
	ck_assert_int_eq(line_open_serial(&line, "/nowhere", &no_echo), E_OK);
	ck_assert_uint_eq(line_station_limit(line), RS485_STATIONS);
	line_close(line);
	ck_assert_int_eq(line_open_serial(&line, "", &no_echo), E_INVALID);
	ck_assert_ptr_null(line);
}
END_TEST

/* ---- gate and wake ---- */

static int
gate_answer(void *arg)
{
	return *(int *)arg;
}

START_TEST(the_gate_is_asked_before_anything_is_sent)
{
	static const struct peer_turn turns[] = { { 5, { GOOD } } };
	int answer = E_PREEMPTED;
	struct peer peer;
	struct line *line = open_pty_line(&peer);

	line_gate_set(line, gate_answer, &answer);
	ck_assert_int_eq(exchange(line), E_PREEMPTED);
	ck_assert_uint_eq(peer.sent_len, 0);
	ck_assert_uint_eq(counters_of(line).exchanges, 0);
	answer = E_OK;
	peer_play(&peer, turns, 1);
	ck_assert_int_eq(exchange(line), E_OK);
	peer_close(&peer);
	line_close(line);
}
END_TEST

/* Wakes the line once its request has been sent, that is in the middle of the wait. */
struct waker {
	struct line *line;
	sem_t is_sent;
};

static void
tell_sent(void *arg, enum tap_direction way, int64_t utc_us, const uint8_t *bytes, size_t n)
{
	struct waker *waker = arg;

	(void)utc_us;
	(void)bytes;
	(void)n;
	if (way == TAP_SENT)
		sem_post(&waker->is_sent);
}

static void *
wake_when_sent(void *arg)
{
	struct waker *waker = arg;

	while (sem_wait(&waker->is_sent) != 0 && errno == EINTR)
		;
	line_wake(waker->line);
	return NULL;
}

START_TEST(waking_ends_a_wait_and_stays_in_force_until_cleared)
{
	static const struct line_timing endless = { .answer_ms = 3600000 };
	static const struct peer_turn turns[] = { { 5, { GOOD } } };
	struct waker waker;
	pthread_t thread;
	struct peer peer;
	struct line *line = open_pty_line(&peer);

	ck_assert_int_eq(line_configure(line, &fast, &endless, SOFT_NONE), E_OK);
	waker.line = line;
	sem_init(&waker.is_sent, 0, 0);
	line_tap_set(line, tell_sent, &waker);
	ck_assert_int_eq(pthread_create(&thread, NULL, wake_when_sent, &waker), 0);
	ck_assert_int_eq(exchange(line), E_STOPPED);
	pthread_join(thread, NULL);
	ck_assert_int_eq(exchange(line), E_STOPPED);
	ck_assert_int_eq(line_silence(line, 3600000), E_STOPPED);
	ck_assert_uint_eq(counters_of(line).exchanges, 1);
	line_wake_clear(line);
	line_tap_set(line, NULL, NULL);
	peer_play(&peer, (const struct peer_turn[]){ { 5, { NULL } }, turns[0] }, 2);
	ck_assert_int_eq(exchange(line), E_OK);
	peer_close(&peer);
	line_close(line);
	sem_destroy(&waker.is_sent);
}
END_TEST

static void *
watch(void *arg)
{
	struct line *line = ((struct waker *)arg)->line;

	while (counters_of(line).answers < 20)
		line_tap_set(line, NULL, NULL);
	return NULL;
}

START_TEST(counters_may_be_read_while_the_line_works)
{
	static struct peer_turn turns[20];
	struct waker waker;
	pthread_t thread;
	struct peer peer;
	struct line *line = open_pty_line(&peer);

	/* The tap is switched off at any moment, so the peer cannot follow it: one piece each. */
	for (size_t i = 0; i < 20; i++)
		turns[i] = (struct peer_turn){ 5, { GOOD } };
	waker.line = line;
	ck_assert_int_eq(pthread_create(&thread, NULL, watch, &waker), 0);
	for (size_t i = 0; i < 20; i++) {
		peer.received = peer.given = 0;
		peer_play(&peer, &turns[i], 1);
		ck_assert_int_eq(exchange(line), E_OK);
		peer_join(&peer);
	}
	pthread_join(thread, NULL);
	peer_close(&peer);
	line_close(line);
}
END_TEST

/* ---- vanishing ---- */

START_TEST(a_device_that_vanishes_is_lost_and_taken_again_when_it_returns)
{
	static const struct peer_turn turns[] = { { 5, { GOOD } } };
	char folder[] = "/tmp/check_line.XXXXXX", link[64];
	struct peer first, second;
	struct line *line;

	clock_replace(&peer_clock);
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(link, sizeof(link), "%s/bus1", folder);
	ck_assert_int_eq(line_open_serial(&line, link, &no_echo), E_OK);
	ck_assert_int_eq(line_configure(line, &fast, &patient, SOFT_NONE), E_LOST);
	ck_assert_int_eq(exchange(line), E_LOST);
	ck_assert_int_eq(line_fd(line), -1);

	peer_open_pty(&first);
	ck_assert_int_eq(symlink(first.path, link), 0);
	ck_assert_int_eq(exchange(line), E_LOST); /* one attempt a second */
	peer_clock_advance(1100000);
	peer_play(&first, turns, 1);
	ck_assert_int_eq(exchange(line), E_OK);
	ck_assert_uint_eq(counters_of(line).reopens, 0);

	peer_clock_advance(1100000);
	peer_close(&first);
	ck_assert_int_eq(exchange(line), E_LOST);
	peer_clock_advance(1100000);
	ck_assert_int_eq(exchange(line), E_LOST);
	ck_assert_int_eq(unlink(link), 0);
	peer_open_pty(&second);
	ck_assert_int_eq(symlink(second.path, link), 0);
	peer_clock_advance(1100000);
	peer_play(&second, turns, 1);
	ck_assert_int_eq(exchange(line), E_OK);
	ck_assert_uint_eq(counters_of(line).reopens, 1);
	peer_close(&second);
	line_close(line);
	unlink(link);
	rmdir(folder);
	clock_replace(NULL);
}
END_TEST

START_TEST(a_device_whose_name_moved_is_left_for_the_new_one)
{
	static const struct peer_turn turns[] = { { 5, { GOOD } } };
	char folder[] = "/tmp/check_line.XXXXXX", link[64];
	struct peer first, second;
	struct line *line;

	clock_replace(&peer_clock);
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(link, sizeof(link), "%s/bus1", folder);
	peer_open_pty(&first);
	peer_open_pty(&second);
	ck_assert_int_eq(symlink(first.path, link), 0);
	ck_assert_int_eq(line_open_serial(&line, link, &no_echo), E_OK);
	peer_play(&first, turns, 1);
	ck_assert_int_eq(exchange(line), E_OK);
	ck_assert_int_eq(unlink(link), 0);
	ck_assert_int_eq(symlink(second.path, link), 0);
	peer_clock_advance(1100000);
	peer_play(&second, turns, 1);
	ck_assert_int_eq(exchange(line), E_OK);
	ck_assert_uint_eq(counters_of(line).reopens, 1);
	peer_close(&first);
	peer_close(&second);
	line_close(line);
	unlink(link);
	rmdir(folder);
	clock_replace(NULL);
}
END_TEST

static void *
hang_up_when_sent(void *arg)
{
	struct peer *peer = arg;
	uint8_t byte;

	ck_assert_int_eq(read(peer->fd, &byte, 1), 1);
	close(peer->fd);
	return NULL;
}

START_TEST(a_device_that_vanishes_in_mid_exchange_ends_it)
{
	static const struct line_timing endless = { .answer_ms = 3600000 };
	struct peer peer;
	pthread_t thread;
	struct line *line = open_pty_line(&peer);

	ck_assert_int_eq(line_configure(line, &fast, &endless, SOFT_NONE), E_OK);
	line_tap_set(line, NULL, NULL);
	ck_assert_int_eq(pthread_create(&thread, NULL, hang_up_when_sent, &peer), 0);
	ck_assert_int_eq(exchange(line), E_LOST);
	pthread_join(thread, NULL);
	ck_assert_int_eq(line_fd(line), -1);
	ck_assert_uint_eq(counters_of(line).timeouts, 0);
	peer.fd = -1;
	peer_close(&peer);
	line_close(line);
}
END_TEST

/* ---- noise without end ---- */

/* Every chunk read brings the next one, and half a second passes with each. */
struct babbler {
	struct peer *peer;
	const char *answer;		/* given when the request comes, then silence; may be NULL */
	unsigned left;
};

static void
babble(void *arg, enum tap_direction way, int64_t utc_us, const uint8_t *bytes, size_t n)
{
	struct babbler *babbler = arg;

	(void)utc_us;
	(void)bytes;
	(void)n;
	if (way == TAP_SENT && babbler->answer != NULL) {
		babbler->left = 0;
		peer_give(babbler->peer, babbler->answer);
	}
	if (babbler->left == 0)
		return;
	babbler->left--;
	peer_clock_advance(500000);
	peer_give(babbler->peer, "eeee");
}

static struct framing
frame_in_noise(const void *hint, const uint8_t *rx, size_t len)
{
	if (rx[0] == 0xee)
		return (struct framing){ FRAME_NOISE, 1 };
	return peer_frame_of_five(hint, rx, len);
}

START_TEST(noise_without_end_delays_a_request_but_does_not_stop_it)
{
	struct peer peer;
	struct babbler babbler = { .peer = &peer, .answer = GOOD, .left = 1000 };
	struct line *line;

	clock_replace(&peer_clock);
	line = open_pty_line(&peer);
	line_tap_set(line, babble, &babbler);
	peer_give(&peer, "eeee");
	ck_assert_int_eq(peer_exchange(line, PEER_REQUEST, frame_in_noise), E_OK);
	ck_assert_uint_ge(counters_of(line).stray_bytes, 8);
	peer_close(&peer);
	line_close(line);
	clock_replace(NULL);
}
END_TEST

START_TEST(noise_instead_of_an_answer_ends_as_silence)
{
	static const struct line_timing timing = { .answer_ms = 300 };
	struct peer peer;
	struct babbler babbler = { .peer = &peer, .left = 1000 };
	struct line *line;

	clock_replace(&peer_clock);
	line = open_pty_line(&peer);
	ck_assert_int_eq(line_configure(line, &fast, &timing, SOFT_NONE), E_OK);
	line_tap_set(line, babble, &babbler);
	ck_assert_int_eq(peer_exchange(line, PEER_REQUEST, frame_in_noise), E_TIMEOUT);
	ck_assert_uint_gt(babbler.left, 0);
	peer_close(&peer);
	line_close(line);
	clock_replace(NULL);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("line device");
	TCase *serial = tcase_create("serial");

	tcase_set_timeout(serial, 30);
	tcase_add_test(serial, settings_reach_the_terminal_and_equal_ones_are_left_alone);
	tcase_add_test(serial, impossible_settings_are_refused_and_the_old_ones_stay);
	tcase_add_test(serial, bytes_that_lie_on_the_line_are_discarded_before_a_request);
	tcase_add_test(serial, can_lines_have_fewer_stations);
	tcase_add_test(serial, the_gate_is_asked_before_anything_is_sent);
	tcase_add_test(serial, waking_ends_a_wait_and_stays_in_force_until_cleared);
	tcase_add_test(serial, counters_may_be_read_while_the_line_works);
	tcase_add_test(serial, a_device_that_vanishes_is_lost_and_taken_again_when_it_returns);
	tcase_add_test(serial, a_device_whose_name_moved_is_left_for_the_new_one);
	tcase_add_test(serial, a_device_that_vanishes_in_mid_exchange_ends_it);
	tcase_add_test(serial, noise_without_end_delays_a_request_but_does_not_stop_it);
	tcase_add_test(serial, noise_instead_of_an_answer_ends_as_silence);
	suite_add_tcase(suite, serial);
	return unit_main(suite);
}
