/* Lines over TCP: connecting, losing the connection, making it anew. */
#include "drivers/line.h"

#include <check.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "src/base/clock.h"
#include "tests/unit/line_peer.h"
#include "tests/unit/unit.h"

#define GOOD "c1c2c3c4c5"

static const struct line_settings fast = { 115200, 8, PARITY_NONE, 1 };
static const struct line_timing patient = { .answer_ms = 5000, .lost_ms = 5000 };
static const struct line_options no_echo = { .name = "10.0.0.5:4001", .echo = ECHO_OFF };

static int
exchange(struct line *line)
{
	return peer_exchange(line, PEER_REQUEST, peer_frame_of_five);
}

static struct line_counters
counters_of(const struct line *line)
{
	struct line_counters counters;

	line_counters(line, &counters);
	return counters;
}

struct server {
	int fd;
	char endpoint[32];
	int resets, deaf;		/* connections reset after the request, or not answered,
					 * before one is served */
	pthread_t thread;
};

static void
server_bind(struct server *server)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	socklen_t len = sizeof(at);

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	server->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_ge(server->fd, 0);
	ck_assert_int_eq(bind(server->fd, (struct sockaddr *)&at, sizeof(at)), 0);
	ck_assert_int_eq(getsockname(server->fd, (struct sockaddr *)&at, &len), 0);
	snprintf(server->endpoint, sizeof(server->endpoint), "127.0.0.1:%u", ntohs(at.sin_port));
}

static bool
take_request(int fd)
{
	uint8_t request[5];

	return recv(fd, request, sizeof(request), MSG_WAITALL) == (ssize_t)sizeof(request);
}

static void
reset_connection(int fd)
{
	const struct linger now = { .l_onoff = 1 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(fd);
}

static void *
serve(void *arg)
{
	struct server *server = arg;
	uint8_t answer[8];
	size_t n = hex_bytes(GOOD, answer, sizeof(answer));
	int fd = accept(server->fd, NULL, NULL);

	for (; server->resets > 0; server->resets--) {
		take_request(fd);
		reset_connection(fd);
		fd = accept(server->fd, NULL, NULL);
	}
	for (; server->deaf > 0; server->deaf--) {
		while (take_request(fd))
			;
		close(fd);
		fd = accept(server->fd, NULL, NULL);
	}
	while (take_request(fd)) {
		if (send(fd, answer, 2, MSG_NOSIGNAL) < 0 ||
		    send(fd, answer + 2, n - 2, MSG_NOSIGNAL) < 0)
			break;
	}
	close(fd);
	return NULL;
}

static void
server_start(struct server *server, int resets, int deaf)
{
	server_bind(server);
	server->resets = resets;
	server->deaf = deaf;
	ck_assert_int_eq(listen(server->fd, 4), 0);
	ck_assert_int_eq(pthread_create(&server->thread, NULL, serve, server), 0);
}

START_TEST(a_tcp_line_connects_and_exchanges)
{
	struct server server;
	struct line *line;

	server_start(&server, 0, 0);
	ck_assert_int_eq(line_open_tcp(&line, server.endpoint, &no_echo), E_OK);
	ck_assert_int_eq(line_configure(line, &fast, &patient, SOFT_NONE), E_OK);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(exchange(line), E_OK);
	ck_assert_uint_eq(counters_of(line).answers, 3);
	ck_assert_uint_eq(counters_of(line).reopens, 0);
	ck_assert_uint_gt(counters_of(line).wire_us, 0);
	line_close(line);
	pthread_join(server.thread, NULL);
	close(server.fd);
}
END_TEST

START_TEST(a_reset_connection_is_made_anew_and_the_request_repeated_once)
{
	struct server server;
	struct line *line;

	server_start(&server, 1, 0);
	ck_assert_int_eq(line_open_tcp(&line, server.endpoint, &no_echo), E_OK);
	ck_assert_int_eq(exchange(line), E_OK);
	ck_assert_uint_eq(counters_of(line).reopens, 1);
	ck_assert_uint_eq(counters_of(line).exchanges, 2);
	ck_assert_uint_eq(counters_of(line).answers, 1);
	line_close(line);
	pthread_join(server.thread, NULL);
	close(server.fd);
}
END_TEST

START_TEST(a_request_that_may_be_sent_once_is_not_repeated_on_a_new_connection)
{
	static const struct line_timing once = { .answer_ms = 5000, .tries = 1 };
	struct server server;
	struct line *line;

	server_start(&server, 1, 0);
	ck_assert_int_eq(line_open_tcp(&line, server.endpoint, &no_echo), E_OK);
	ck_assert_int_eq(line_configure(line, &fast, &once, SOFT_NONE), E_OK);
	ck_assert_int_eq(exchange(line), E_LOST);
	ck_assert_uint_eq(counters_of(line).exchanges, 1);
	ck_assert_int_eq(exchange(line), E_OK);
	line_close(line);
	pthread_join(server.thread, NULL);
	close(server.fd);
}
END_TEST

START_TEST(a_refused_connection_is_tried_again_after_growing_pauses)
{
	struct server server;
	struct line *line;

	clock_replace(&peer_clock);
	server_bind(&server); /* bound but not listening: connections are refused */
	ck_assert_int_eq(line_open_tcp(&line, server.endpoint, &no_echo), E_OK);
	ck_assert_int_eq(exchange(line), E_LOST);
	ck_assert_int_eq(listen(server.fd, 4), 0);
	server.resets = server.deaf = 0;
	ck_assert_int_eq(pthread_create(&server.thread, NULL, serve, &server), 0);
	peer_clock_advance(4000000);
	ck_assert_int_eq(exchange(line), E_LOST);
	peer_clock_advance(1500000);
	ck_assert_int_eq(exchange(line), E_OK);
	line_close(line);
	pthread_join(server.thread, NULL);
	close(server.fd);
	clock_replace(NULL);
}
END_TEST

START_TEST(a_connection_without_answers_for_a_minute_is_made_anew)
{
	static const struct line_timing short_wait = { .answer_ms = 20, .gap_ms = 1 };
	struct server server;
	struct line *line;

	clock_replace(&peer_clock);
	server_start(&server, 0, 1);
	ck_assert_int_eq(line_open_tcp(&line, server.endpoint, &no_echo), E_OK);
	ck_assert_int_eq(line_configure(line, &fast, &short_wait, SOFT_NONE), E_OK);
	ck_assert_int_eq(exchange(line), E_TIMEOUT);
	ck_assert_uint_eq(counters_of(line).reopens, 0);
	peer_clock_advance(61000000);
	ck_assert_int_eq(line_configure(line, &fast, &patient, SOFT_NONE), E_OK);
	ck_assert_int_eq(exchange(line), E_OK);
	ck_assert_uint_eq(counters_of(line).reopens, 1);
	line_close(line);
	pthread_join(server.thread, NULL);
	close(server.fd);
	clock_replace(NULL);
}
END_TEST

static const struct { const char *endpoint; int rc; } endpoints[] = {
	{ "10.0.0.5:4001", E_OK }, { "[::1]:4001", E_OK }, { "gateway.local:1", E_OK },
	{ NULL, E_INVALID }, { "", E_INVALID }, { "10.0.0.5", E_INVALID }, { ":4001", E_INVALID },
	{ "10.0.0.5:", E_INVALID }, { "10.0.0.5:0", E_INVALID }, { "10.0.0.5:65536", E_INVALID },
	{ "10.0.0.5:40x1", E_INVALID }, { "10.0.0.5:-1", E_INVALID }, { "::1:4001", E_INVALID },
	{ "[]:4001", E_INVALID }, { "10.0.0.5:123456", E_INVALID },
};

START_TEST(endpoints_are_checked)
{
	struct line *line;

	ck_assert_int_eq(line_open_tcp(&line, endpoints[_i].endpoint, &no_echo), endpoints[_i].rc);
	ck_assert_int_eq(line != NULL, endpoints[_i].rc == E_OK);
	line_close(line);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("line over TCP");
	TCase *tcp = tcase_create("tcp");

	tcase_set_timeout(tcp, 30);
	tcase_add_test(tcp, a_connection_without_answers_for_a_minute_is_made_anew);
	tcase_add_test(tcp, a_tcp_line_connects_and_exchanges);
	tcase_add_test(tcp, a_reset_connection_is_made_anew_and_the_request_repeated_once);
	tcase_add_test(tcp, a_request_that_may_be_sent_once_is_not_repeated_on_a_new_connection);
	tcase_add_test(tcp, a_refused_connection_is_tried_again_after_growing_pauses);
	tcase_add_loop_test(tcp, endpoints_are_checked, 0,
	    (int)(sizeof(endpoints) / sizeof(endpoints[0])));
	suite_add_tcase(suite, tcp);
	return unit_main(suite);
}
