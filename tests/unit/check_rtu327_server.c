/* The server over real sockets: the loop runs in a thread of its own, the test is the head-end. */
#include <check.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "rtu327/server.h"
#include "src/base/loop.h"
#include "tests/unit/rtu327_help.h"
#include "tests/unit/unit.h"

enum { T0 = 1616014800, PATIENCE_S = 20 };

static struct rtu_store box;
static struct loop *loop;
static struct rtu327 *server;
static pthread_t thread;
static uint16_t port;
static atomic_int stepped, steps;

static int
clock_step(void *arg, int64_t delta_s)
{
	(void)arg;
	atomic_fetch_add(&stepped, (int)delta_s);
	atomic_fetch_add(&steps, 1);
	return delta_s == 13 ? E_DENIED : E_OK;
}

static void *
run_loop(void *arg)
{
	(void)arg;
	ck_assert_int_eq(loop_run(loop), E_OK);
	return NULL;
}

/* Runs fn in the loop and waits for it. */
struct call {
	void (*fn)(void *);
	void *arg;
	sem_t done;
};

static void
called(void *arg)
{
	struct call *call = arg;

	call->fn(call->arg);
	sem_post(&call->done);
}

static void
in_loop(void (*fn)(void *), void *arg)
{
	struct call call = { .fn = fn, .arg = arg };

	sem_init(&call.done, 0, 0);
	ck_assert_int_eq(loop_post(loop, called, &call), E_OK);
	while (sem_wait(&call.done) != 0)
		;
	sem_destroy(&call.done);
}

static void
start(void)
{
	struct rtu327_options options = {
		.store = box.store, .bind = "::", .clock_step = clock_step,
	};

	ck_assert_int_eq(loop_open(&loop), E_OK);
	options.loop = loop;
	ck_assert_int_eq(rtu327_open(&server, &options), E_OK);
	port = rtu327_port(server);
	ck_assert_uint_gt(port, 0);
	atomic_store(&stepped, 0);
	atomic_store(&steps, 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, run_loop, NULL), 0);
}

static void
setup(void)
{
	rtu_store_open(&box);
	server = NULL;
}

static void
teardown(void)
{
	if (server != NULL) {
		loop_stop(loop);
		pthread_join(thread, NULL);
		rtu327_close(server);
		loop_close(loop);
	}
	rtu_store_close(&box);
}

/* ---- a head-end ---- */

static int
dial(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct timeval tv = { .tv_sec = PATIENCE_S };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	ck_assert_int_ge(fd, 0);
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	return fd;
}

static void
say(int fd, const void *bytes, size_t n)
{
	ck_assert_int_eq(send(fd, bytes, n, MSG_NOSIGNAL), (ssize_t)n);
}

static void
ask(int fd, struct rtu327_request request, uint16_t number)
{
	uint8_t bytes[64];

	say(fd, bytes, rtu_frame(bytes, sizeof(bytes), request, number));
}

static bool
hear_bytes(int fd, uint8_t *to, size_t n)
{
	while (n > 0) {
		ssize_t got = recv(fd, to, n, 0);

		ck_assert_msg(got >= 0 || errno == ECONNRESET, "no reply: %s", strerror(errno));
		if (got <= 0)
			return false;
		to += got;
		n -= (size_t)got;
	}
	return true;
}

static uint8_t heard[RTU327_FRAME_MOST];

/* The next reply; false: the server has closed. */
static bool
hear(int fd, struct rtu327_frame *frame)
{
	size_t used;

	if (!hear_bytes(fd, heard, RTU327_PREFIX))
		return false;
	ck_assert_int_eq(rtu327_frame_read(heard, RTU327_PREFIX, false, frame, &used), E_NODATA);
	ck_assert(hear_bytes(fd, heard + RTU327_PREFIX, used - RTU327_PREFIX));
	ck_assert_int_eq(rtu327_frame_read(heard, used, false, frame, &used), E_OK);
	return true;
}

static void
expect(int fd, uint16_t number, unsigned result)
{
	struct rtu327_frame frame;

	ck_assert_msg(hear(fd, &frame), "closed instead of reply %u", number);
	ck_assert_uint_eq((unsigned)frame.number[0] << 8 | frame.number[1], number);
	ck_assert_uint_eq(frame.code, result);
}

static void
expect_closed(int fd)
{
	uint8_t byte;

	ck_assert(!hear_bytes(fd, &byte, 1));
}

static const struct rtu327_request version = { .frame.code = RTU327_GETVERSION };
static const struct rtu327_request lp = {
	.frame.code = RTU327_GETLP, .serial = RTU_SERIAL, .mask = 15, .time = T0, .count = 2000,
};

static void
get_counters(void *arg)
{
	rtu327_counters(server, arg);
}

/* ---- tests ---- */

START_TEST(version_and_time_are_told_over_ipv4_and_ipv6)
{
	struct sockaddr_in6 to = { .sin6_family = AF_INET6 };
	struct rtu327_frame frame;
	int fd, six;

	start();
	fd = dial();
	ask(fd, version, 1);
	ck_assert(hear(fd, &frame));
	ck_assert_mem_eq(frame.data, "020102", 6);
	ask(fd, (struct rtu327_request){ .frame.code = RTU327_GETTIME }, 2);
	ck_assert(hear(fd, &frame));
	ck_assert_uint_eq(frame.len, 4);
	close(fd);
	six = socket(AF_INET6, SOCK_STREAM, 0);
	to.sin6_port = htons(port);
	to.sin6_addr = in6addr_loopback;
	if (six >= 0 && connect(six, (struct sockaddr *)&to, sizeof(to)) == 0) {
		ask(six, version, 3);
		expect(six, 3, RTU327_OK);
	}
	if (six >= 0)
		close(six);
}
END_TEST

START_TEST(request_may_come_byte_by_byte)
{
	uint8_t bytes[64];
	size_t n = rtu_frame(bytes, sizeof(bytes), version, 7);
	int fd;

	start();
	fd = dial();
	for (size_t i = 0; i < n; i++)
		say(fd, bytes + i, 1);
	expect(fd, 7, RTU327_OK);
	close(fd);
}
END_TEST

START_TEST(pipelined_requests_are_answered_in_order)
{
	uint8_t bytes[8192];
	size_t n = 0;
	int fd;

	for (int64_t i = 0; i < 48; i++)
		rtu_put_profile(&box, T0 + i * 1800, 30, (int64_t[]){ i, 0, 0, 0 });
	rtu_flush(&box);
	start();
	fd = dial();
	for (uint16_t i = 0; i < 200; i++)
		n += rtu_frame(bytes + n, sizeof(bytes) - n, i % 3 == 0 ? lp : version, i);
	say(fd, bytes, n);
	for (uint16_t i = 0; i < 200; i++)
		expect(fd, i, RTU327_OK);
	close(fd);
}
END_TEST

START_TEST(garbage_bad_lengths_and_bad_checksums_do_not_stop_a_connection)
{
	static const uint8_t junk[] = { 0xAA, 0x02, 0x00, 0x00, 0x02, 0x00, 0x08, 0x02, 0xFF, 0xFF,
		0x55 };
	uint8_t bytes[256];
	size_t n;
	int fd;

	start();
	fd = dial();
	memcpy(bytes, junk, sizeof(junk));
	n = sizeof(junk);
	n += rtu_frame(bytes + n, 64, version, 1);
	n += rtu_frame(bytes + n, 64, version, 2);
	bytes[n - 1] ^= 1;
	n += rtu_frame(bytes + n, 64, version, 3);
	n += rtu_frame(bytes + n, 64, (struct rtu327_request){ .frame.code = RTU327_GETTIME }, 4);
	say(fd, bytes, n);
	expect(fd, 1, RTU327_OK);
	expect(fd, 2, RTU327_BAD_CRC);
	expect(fd, 3, RTU327_OK);
	expect(fd, 4, RTU327_OK);
	/* an unknown command */
	{
		struct rtu327_frame frame = { .number = { 0, 5 }, .code = 200 };
		struct wr w = wr_init(bytes, sizeof(bytes));

		rtu327_frame_end(&w, rtu327_frame_begin(&w, &frame), false);
		say(fd, bytes, w.len);
	}
	expect(fd, 5, RTU327_BAD_COMMAND);
	close(fd);
}
END_TEST

START_TEST(request_behind_a_false_start_is_answered_after_the_frame_timeout)
{
	static const uint8_t start_of_255[] = { 0x02, 0x00, 0xFF };
	int fd;

	rtu_set(&box, "rtu.frame_timeout_s", "1");
	start();
	fd = dial();
	say(fd, start_of_255, sizeof(start_of_255));
	ask(fd, version, 9);
	expect(fd, 9, RTU327_OK);
	close(fd);
}
END_TEST

START_TEST(too_much_garbage_closes_the_connection)
{
	uint8_t junk[200];
	int fd;

	memset(junk, 0xAA, sizeof(junk));
	rtu_set(&box, "rtu.garbage_limit", "100");
	start();
	fd = dial();
	say(fd, junk, sizeof(junk));
	expect_closed(fd);
	close(fd);
}
END_TEST

START_TEST(too_many_wrong_passwords_close_the_connection)
{
	struct rtu327_request wrong = version;
	int fd;

	memset(wrong.frame.password, 0x11, 4);
	rtu_set(&box, "rtu.auth_fail_limit", "3");
	start();
	fd = dial();
	ask(fd, wrong, 1);
	ask(fd, wrong, 2);
	ask(fd, version, 3);
	for (uint16_t i = 4; i < 7; i++)
		ask(fd, wrong, i);
	expect(fd, 1, RTU327_WRONG_PASSWORD);
	expect(fd, 2, RTU327_WRONG_PASSWORD);
	expect(fd, 3, RTU327_OK);
	for (uint16_t i = 4; i < 7; i++)
		expect(fd, i, RTU327_WRONG_PASSWORD);
	expect_closed(fd);
	close(fd);
}
END_TEST

START_TEST(half_closed_connection_gets_its_replies_first)
{
	int fd;

	for (int64_t i = 0; i < 48; i++)
		rtu_put_profile(&box, T0 + i * 1800, 30, (int64_t[]){ i, 0, 0, 0 });
	rtu_flush(&box);
	start();
	fd = dial();
	ask(fd, lp, 1);
	ask(fd, version, 2);
	ask(fd, lp, 3);
	say(fd, "\x02\x00", 2);
	shutdown(fd, SHUT_WR);
	expect(fd, 1, RTU327_OK);
	expect(fd, 2, RTU327_OK);
	expect(fd, 3, RTU327_OK);
	expect_closed(fd);
	close(fd);
}
END_TEST

START_TEST(idle_clients_make_room_for_a_working_one)
{
	enum { IDLE = 200 };
	struct rtu327_counters counters;
	int idle[IDLE], fd, first;

	rtu_set(&box, "rtu.max_clients", "16");
	start();
	first = dial();
	ask(first, version, 1);
	expect(first, 1, RTU327_OK);
	for (unsigned i = 0; i < IDLE; i++)
		idle[i] = dial();
	fd = dial();
	ask(fd, version, 2);
	expect(fd, 2, RTU327_OK);
	in_loop(get_counters, &counters);
	ck_assert_uint_eq(counters.clients, 16);
	ck_assert_uint_eq(counters.accepted, IDLE + 2);
	ck_assert_uint_eq(counters.evicted, IDLE + 2 - 16);
	/* who has asked something before outlives those who never did */
	ask(first, version, 3);
	expect(first, 3, RTU327_OK);
	for (unsigned i = 0; i < IDLE; i++)
		close(idle[i]);
	close(fd);
	close(first);
}
END_TEST

START_TEST(idle_connection_is_closed_after_its_time)
{
	int fd;

	rtu_set(&box, "rtu.idle_timeout_s", "1");
	start();
	fd = dial();
	ask(fd, version, 1);
	expect(fd, 1, RTU327_OK);
	expect_closed(fd);
	close(fd);
}
END_TEST

START_TEST(slow_reader_delays_nobody_and_gets_everything_in_order)
{
	enum { QUESTIONS = 300 };
	uint8_t bytes[64];
	unsigned asked = 0;
	int slow, small = 65536, fd;
	size_t n;

	for (int64_t i = 0; i < 300; i++)
		rtu_put_profile(&box, T0 + i * 1800, 30, (int64_t[]){ i, 1, 2, 3 });
	rtu_flush(&box);
	start();
	slow = dial();
	setsockopt(slow, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	/* Many replies of 10 KB that are not read: the server stops reading at some point. */
	for (; asked < QUESTIONS; asked++) {
		n = rtu_frame(bytes, sizeof(bytes), lp, (uint16_t)asked);
		if (send(slow, bytes, n, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)n)
			break;
	}
	fd = dial();
	for (uint16_t i = 0; i < 20; i++) {
		ask(fd, lp, i);
		expect(fd, i, RTU327_OK);
	}
	for (unsigned i = 0; i < asked; i++)
		expect(slow, (uint16_t)i, RTU327_OK);
	close(slow);
	close(fd);
}
END_TEST

START_TEST(client_that_never_reads_is_closed)
{
	struct rtu327_counters counters = { .clients = 1 };
	uint8_t bytes[64];
	int slow, small = 4096;
	size_t n = rtu_frame(bytes, sizeof(bytes), lp, 1);

	for (int64_t i = 0; i < 2000; i++)
		rtu_put_profile(&box, T0 + i * 1800, 30, (int64_t[]){ i, 1, 2, 3 });
	rtu_flush(&box);
	rtu_set(&box, "rtu.write_timeout_s", "1");
	start();
	slow = dial();
	setsockopt(slow, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	/* The server resets the connection in the end; until then it reads now and then. */
	while (counters.clients > 0) {
		send(slow, bytes, n, MSG_NOSIGNAL | MSG_DONTWAIT);
		usleep(1000);
		in_loop(get_counters, &counters);
	}
	close(slow);
}
END_TEST

/* Journals are written a moment after the reply. */
static void
await_rows(enum device_journal journal, uint64_t n)
{
	while (store_journal_last(box.store, journal) < n) {
		rtu_flush(&box);
		usleep(1000);
	}
	ck_assert_uint_eq(store_journal_last(box.store, journal), n);
}

START_TEST(clock_is_moved_once_though_the_request_is_repeated)
{
	struct rtu327_request set = { .frame.code = RTU327_SETTIME, .delta_s = 57 };
	int fd;

	start();
	fd = dial();
	ask(fd, set, 1);
	expect(fd, 1, RTU327_OK);
	ask(fd, set, 1);
	expect(fd, 1, RTU327_OK);
	ck_assert_int_eq(atomic_load(&stepped), 57);
	ask(fd, set, 2);
	expect(fd, 2, RTU327_OK);
	ck_assert_int_eq(atomic_load(&stepped), 114);
	set.delta_s = 0;
	ask(fd, set, 3);
	expect(fd, 3, RTU327_OK);
	ck_assert_int_eq(atomic_load(&steps), 2);
	set.delta_s = 13;
	ask(fd, set, 4);
	expect(fd, 4, RTU327_SERVER_ERROR);
	close(fd);
}
END_TEST

static int
keep_text(void *arg, uint64_t id, int64_t ts, const char *json)
{
	(void)id;
	(void)ts;
	snprintf(arg, 256, "%s", json);
	return 1;
}

START_TEST(connections_are_journalled)
{
	char json[256] = "", server_text[32];
	int fd;

	start();
	fd = dial();
	ask(fd, version, 1);
	expect(fd, 1, RTU327_OK);
	close(fd);
	await_rows(DJ_SRVCONN, 1);
	ck_assert_int_eq(store_journal_read(box.store, DJ_SRVCONN, 0, 1, false, keep_text, json), E_OK);
	snprintf(server_text, sizeof(server_text), "\"server\":\"127.0.0.1:%u\"", port);
	ck_assert_ptr_nonnull(strstr(json, server_text));
	ck_assert_ptr_nonnull(strstr(json, "\"client\":\"127.0.0.1:"));
	ck_assert_ptr_nonnull(strstr(json, "\"iface\":"));
}
END_TEST

static void
reload(void *arg)
{
	(void)arg;
	rtu327_reload(server);
}

START_TEST(settings_take_effect_without_dropping_anybody)
{
	struct rtu327_frame frame;
	uint16_t number = 2;
	int fd;

	start();
	fd = dial();
	ask(fd, version, 1);
	expect(fd, 1, RTU327_OK);
	rtu_set(&box, "rtu.version", "030201");
	in_loop(reload, NULL);
	do {
		ask(fd, version, number++);
		ck_assert(hear(fd, &frame));
	} while (memcmp(frame.data, "030201", 6) != 0 && number < 60000);
	ck_assert_mem_eq(frame.data, "030201", 6);
	close(fd);
}
END_TEST

START_TEST(taken_port_is_refused_and_free_again_after_closing)
{
	struct rtu327_options options = { .bind = "::" };
	struct rtu327 *second;
	int fd;

	start();
	fd = dial();
	ask(fd, version, 1);
	expect(fd, 1, RTU327_OK);
	options.loop = loop;
	options.store = box.store;
	options.port = port;
	loop_stop(loop);
	pthread_join(thread, NULL);
	ck_assert_int_eq(rtu327_open(&second, &options), E_EXISTS);
	ck_assert_ptr_null(second);
	rtu327_close(server);
	expect_closed(fd);
	/* The closed connection is in TIME_WAIT on our side; the port can be taken all the same. */
	ck_assert_int_eq(rtu327_open(&server, &options), E_OK);
	ck_assert_uint_eq(rtu327_port(server), port);
	options.bind = "nonsense";
	ck_assert_int_eq(rtu327_open(&second, &options), E_INVALID);
	ck_assert_int_eq(pthread_create(&thread, NULL, run_loop, NULL), 0);
	close(fd);
	fd = dial();
	ask(fd, version, 2);
	expect(fd, 2, RTU327_OK);
	close(fd);
}
END_TEST

START_TEST(without_descriptors_the_most_idle_client_gives_way)
{
	struct rlimit limit;
	int spare[2000], n = 0, idle[4], fd;

	start();
	for (unsigned i = 0; i < 4; i++)
		idle[i] = dial();
	ask(idle[3], version, 1);
	expect(idle[3], 1, RTU327_OK);
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = 200;
	setrlimit(RLIMIT_NOFILE, &limit);
	/* One descriptor stays for our own end of the connection. */
	while (n < 2000 && (spare[n] = dup(0)) >= 0)
		n++;
	ck_assert_int_gt(n, 1);
	close(spare[--n]);
	fd = dial();
	ask(fd, version, 2);
	expect(fd, 2, RTU327_OK);
	expect_closed(idle[0]);
	ask(idle[3], version, 3);
	expect(idle[3], 3, RTU327_OK);
	while (n > 0)
		close(spare[--n]);
	for (unsigned i = 0; i < 4; i++)
		close(idle[i]);
	close(fd);
}
END_TEST

START_TEST(client_that_vanishes_during_its_question_harms_nobody)
{
	int fd;

	for (int64_t i = 0; i < 500; i++)
		rtu_put_profile(&box, T0 + i * 1800, 30, (int64_t[]){ i, 1, 2, 3 });
	rtu_flush(&box);
	start();
	for (unsigned i = 0; i < 50; i++) {
		struct linger hard = { .l_onoff = 1 };

		fd = dial();
		ask(fd, lp, 1);
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
		close(fd);
	}
	fd = dial();
	ask(fd, lp, 2);
	expect(fd, 2, RTU327_OK);
	close(fd);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("rtu327_server");
	TCase *tcase = tcase_create("server");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, version_and_time_are_told_over_ipv4_and_ipv6);
	tcase_add_test(tcase, request_may_come_byte_by_byte);
	tcase_add_test(tcase, pipelined_requests_are_answered_in_order);
	tcase_add_test(tcase, garbage_bad_lengths_and_bad_checksums_do_not_stop_a_connection);
	tcase_add_test(tcase, request_behind_a_false_start_is_answered_after_the_frame_timeout);
	tcase_add_test(tcase, too_much_garbage_closes_the_connection);
	tcase_add_test(tcase, too_many_wrong_passwords_close_the_connection);
	tcase_add_test(tcase, half_closed_connection_gets_its_replies_first);
	tcase_add_test(tcase, idle_clients_make_room_for_a_working_one);
	tcase_add_test(tcase, idle_connection_is_closed_after_its_time);
	tcase_add_test(tcase, slow_reader_delays_nobody_and_gets_everything_in_order);
	tcase_add_test(tcase, client_that_never_reads_is_closed);
	tcase_add_test(tcase, clock_is_moved_once_though_the_request_is_repeated);
	tcase_add_test(tcase, connections_are_journalled);
	tcase_add_test(tcase, settings_take_effect_without_dropping_anybody);
	tcase_add_test(tcase, taken_port_is_refused_and_free_again_after_closing);
	tcase_add_test(tcase, without_descriptors_the_most_idle_client_gives_way);
	tcase_add_test(tcase, client_that_vanishes_during_its_question_harms_nobody);
	suite_add_tcase(suite, tcase);
	return unit_main(suite);
}
