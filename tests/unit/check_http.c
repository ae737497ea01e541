/* The HTTP server: what it makes of bytes, who may ask, what it does with the slow and the many; over
 * /api/v1 without a poller. */
#include <arpa/inet.h>
#include <check.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "smart-json/http.h"
#include "smart-json/http_guard.h"
#include "tests/unit/http_help.h"
#include "tests/unit/unit.h"

/* ---- guards ---- */

static const struct { const char *field; long status; } guarded[] = {
	{ "Host: 127.0.0.1", 200 }, { "Host: localhost:8080", 200 }, { "Host: [::1]:80", 200 },
	{ "Host: 192.168.0.1", 200 }, { "Host: uspd-7.example", 200 },
	{ "Host: 127.0.0.1 evil", 400 }, { "Host: [::1].evil", 400 }, { "Host: 127.0.0.1:x", 400 },
	{ "Host: a/b", 400 }, { "Host: [127.0.0.1]", 400 },
	{ "Origin: http://evil.example", 403 }, { "Origin: null", 403 }, { "Origin: http://127.0.0.1:1",
	    403 },
};

START_TEST(foreign_pages_and_broken_hosts_are_refused)
{
	struct http_answer a = http_ask_with("GET", "/api/v1/status", NULL, 0, guarded[_i].field);

	ck_assert_msg(a.status == guarded[_i].status, "%s: %ld", guarded[_i].field, a.status);
	http_forget(&a);
}
END_TEST

START_TEST(a_page_of_this_very_host_may_ask)
{
	char field[128];
	struct http_answer a;

	snprintf(field, sizeof(field), "Origin: http://127.0.0.1:%u", http_server_port);
	a = http_ask_with("GET", "/api/v1/status", NULL, 0, field);
	ck_assert_int_eq(a.status, 200);
	http_forget(&a);
}
END_TEST

static const struct { const char *field; long status; } strangers[] = {
	{ NULL, 401 }, { "Authorization: Bearer wrong", 401 }, { "Authorization: Basic YTpi", 401 },
	{ "Authorization: Bearer ", 401 }, { "Cookie: sessionid=00000000000000000000", 401 },
	{ "Cookie: sessionid=", 401 }, { "X-Real-IP: 127.0.0.1", 401 },
};

START_TEST(nobody_is_known_by_the_address)
{
	struct http_answer a = http_ask_with("GET", "/api/v1/status", NULL, 0, strangers[_i].field);

	ck_assert_msg(a.status == strangers[_i].status, "%s: %ld", strangers[_i].field, a.status);
	http_forget(&a);
}
END_TEST

START_TEST(the_token_of_the_data_directory_is_accepted)
{
	char path[128];
	struct http_answer a;
	struct stat st;

	snprintf(path, sizeof(path), "%s/api.token", http_dir);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0600);
	a = http_ask_with("GET", "/api/v1/status", NULL, 0, http_token_field());
	ck_assert_int_eq(a.status, 200);
	ck_assert_ptr_nonnull(strstr(a.fields.p, "Cache-Control: no-store"));
	ck_assert_ptr_nonnull(strstr(a.fields.p, "X-Frame-Options: DENY"));
	ck_assert_ptr_null(strstr(a.fields.p, "WWW-Authenticate"));
	http_forget(&a);
}
END_TEST

START_TEST(only_loopback_peers_are_local)
{
	static const struct { const char *text; bool local; } peers[] = {
		{ "127.0.0.1", true }, { "127.9.9.9", true }, { "192.168.0.5", false }, { "128.0.0.1",
		    false },
	};
	struct sockaddr_in v4 = { .sin_family = AF_INET };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };

	for (size_t i = 0; i < sizeof(peers) / sizeof(peers[0]); i++) {
		inet_pton(AF_INET, peers[i].text, &v4.sin_addr);
		ck_assert_int_eq(http_peer_is_local((struct sockaddr *)&v4), peers[i].local);
	}
	inet_pton(AF_INET6, "::1", &v6.sin6_addr);
	ck_assert(http_peer_is_local((struct sockaddr *)&v6));
	inet_pton(AF_INET6, "::ffff:127.0.0.1", &v6.sin6_addr);
	ck_assert(http_peer_is_local((struct sockaddr *)&v6));
	inet_pton(AF_INET6, "::ffff:10.0.0.1", &v6.sin6_addr);
	ck_assert(!http_peer_is_local((struct sockaddr *)&v6));
}
END_TEST

/* ---- HTTP itself ---- */

static const struct { const char *bytes; int status; } wire[] = {
	{ "GET /api/v1/status HTTP/1.0\r\n\r\n", 200 },
	{ "\r\n\r\nGET /api/v1/status HTTP/1.0\r\n\r\n", 200 },
	{ "GET /api/v1/status HTTP/1.0\n\n", 200 },
	{ "GET http://127.0.0.1/api/v1/status " H11 "Connection: close\r\n\r\n",
	    200 },
	{ "POST /api/v1/meters?dry=1 " H11 "Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
	  "1\r\n[\r\n1;ext=1\r\n]\r\n0\r\nTrailer: x\r\n\r\n", 200 },
	{ "GET /api/v1/status " H11 "Connection: close\r\nContent-Length: 3\r\n\r\nabc", 200 },
	{ "GARBAGE\r\n\r\n", 400 },
	{ "GET /api/v1/status\r\n\r\n", 400 },
	{ "GET status " H11 "\r\n", 400 },
	{ "GET /api/v1/status HTTP/2.0\r\nHost: localhost\r\n\r\n", 505 },
	{ "GET /api/v1/status HTTP/1.1\r\n\r\n", 400 },
	{ "GET /api/v1/status " H11 " folded: x\r\n\r\n", 400 },
	{ "GET /api/v1/status " H11 "Bad Name: x\r\n\r\n", 400 },
	{ "POST /api/v1/meters " H11 "Content-Length: 2\r\nContent-Length: 3\r\n\r\n[]", 400 },
	{ "POST /api/v1/meters " H11 "Content-Length: -2\r\n\r\n[]", 400 },
	{ "POST /api/v1/meters " H11 "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n", 400 },
	{ "POST /api/v1/meters " H11 "Transfer-Encoding: gzip\r\n\r\n", 501 },
	{ "POST /api/v1/meters " H11 "Transfer-Encoding: chunked\r\n\r\nzz\r\n",
	    400 },
	{ "POST /api/v1/meters " H11 "Transfer-Encoding: chunked\r\n\r\n1\r\n[x\r\n", 400 },
	{ "POST /api/v1/meters " H11 "Content-Length: 99999999999\r\n\r\n",
	    413 },
};

START_TEST(bytes_on_the_wire_get_the_right_status)
{
	struct text answer = { 0 };
	int status = 0;

	http_talk(wire[_i].bytes, strlen(wire[_i].bytes), &answer);
	ck_assert_uint_gt(answer.len, 0);
	ck_assert_int_eq(sscanf(answer.p, "HTTP/1.1 %d", &status), 1);
	ck_assert_msg(status == wire[_i].status, "%s\n%s", wire[_i].bytes, answer.p);
	text_free(&answer);
}
END_TEST

START_TEST(requests_sent_at_once_are_answered_in_order)
{
	static const char bytes[] = "GET /api/v1/nothing " H11 "\r\n"
				    "POST /api/v1/meters?dry=1 " H11 "Content-Length: 2\r\n\r\n[]"
				    "GET /api/v1/status " H11 "Connection: close\r\n\r\n";
	struct text answer = { 0 };
	char *first, *second, *third;

	http_talk(bytes, sizeof(bytes) - 1, &answer);
	ck_assert_ptr_nonnull(first = strstr(answer.p, "404"));
	ck_assert_ptr_nonnull(second = strstr(first, "\"applied\":false"));
	ck_assert_ptr_nonnull(third = strstr(second, "\"uptime\""));
	text_free(&answer);
}
END_TEST

START_TEST(heads_that_are_too_long_are_refused)
{
	struct text request = { 0 }, answer = { 0 };

	text_str(&request, "GET /api/v1/status?x=");
	for (int i = 0; i < 9000; i++)
		text_str(&request, "x");
	text_str(&request, " " H11 "\r\n");
	http_talk(request.p, request.len, &answer);
	ck_assert_ptr_nonnull(strstr(answer.p, "HTTP/1.1 414"));
	text_free(&answer);
	text_clear(&request);
	text_str(&request, "GET /api/v1/status " H11);
	for (int i = 0; i < 40000; i++)
		text_str(&request, i % 1000 == 0 ? "\r\nX: " : "x");
	http_talk(request.p, request.len, &answer);
	ck_assert_ptr_nonnull(strstr(answer.p, "HTTP/1.1 431"));
	text_free(&answer);
	text_free(&request);
}
END_TEST

START_TEST(a_body_beyond_the_limit_of_its_path_is_refused)
{
	size_t len = HTTP_BODY_TABLE + 1;
	char *big = malloc(len);
	struct http_answer a;

	memset(big, ' ', len);
	a = http_ask_with("POST", "/api/v1/meters", big, HTTP_BODY + 1, NULL);
	ck_assert_int_eq(a.status, 413);
	ck_assert_ptr_nonnull(strstr(a.body.p, "too large"));
	http_forget(&a);
	a = http_ask_with("POST", "/api/v1/meters.csv", big, len, NULL);
	ck_assert_int_eq(a.status, 413);
	http_forget(&a);
	a = http_ask_with("POST", "/api/v1/meters.csv", big, HTTP_BODY + 1, NULL);
	ck_assert_int_eq(a.status, 422); /* taken, but no table */
	http_forget(&a);
	free(big);
	http_expect(200, "GET", "/api/v1/status", NULL, NULL);
}
END_TEST

static const char *const slow[] = {
	"", "GET /api/v1/st", "GET /api/v1/status " H11,
	"POST /api/v1/meters " H11 "Content-Length: 100\r\n\r\n[",
	"POST /api/v1/meters " H11 "Transfer-Encoding: chunked\r\n\r\n5\r\n[",
};

START_TEST(a_sender_that_stops_is_cut_off)
{
	struct text answer = { 0 };

	http_talk(slow[_i], strlen(slow[_i]), &answer);
	ck_assert_uint_eq(answer.len, 0);
	text_free(&answer);
}
END_TEST

START_TEST(idle_connections_make_room_for_new_ones)
{
	enum { N = HTTP_CONNECTIONS + 10 };
	int fds[N];

	for (int i = 0; i < N; i++)
		fds[i] = http_connect_raw();
	http_expect(200, "GET", "/api/v1/status", NULL, NULL);
	for (int i = 0; i < N; i++)
		close(fds[i]);
	http_expect(200, "GET", "/api/v1/status", NULL, NULL);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("http");
	TCase *guards = tcase_create("guards");
	TCase *tickets = tcase_create("tickets");
	TCase *bytes = tcase_create("wire");
	TCase *slowness = tcase_create("slow senders");

	tcase_add_checked_fixture(guards, http_setup, http_teardown);
	tcase_add_loop_test(guards, foreign_pages_and_broken_hosts_are_refused, 0, COUNT(guarded));
	tcase_add_test(guards, a_page_of_this_very_host_may_ask);
	tcase_add_test(guards, only_loopback_peers_are_local);
	suite_add_tcase(suite, guards);
	tcase_add_checked_fixture(tickets, http_setup_guarded, http_teardown);
	tcase_add_loop_test(tickets, nobody_is_known_by_the_address, 0, COUNT(strangers));
	tcase_add_test(tickets, the_token_of_the_data_directory_is_accepted);
	suite_add_tcase(suite, tickets);
	tcase_add_checked_fixture(bytes, http_setup, http_teardown);
	tcase_set_timeout(bytes, 30);
	tcase_add_loop_test(bytes, bytes_on_the_wire_get_the_right_status, 0, COUNT(wire));
	tcase_add_test(bytes, requests_sent_at_once_are_answered_in_order);
	tcase_add_test(bytes, heads_that_are_too_long_are_refused);
	tcase_add_test(bytes, a_body_beyond_the_limit_of_its_path_is_refused);
	tcase_add_test(bytes, idle_connections_make_room_for_new_ones);
	suite_add_tcase(suite, bytes);
	tcase_add_checked_fixture(slowness, http_setup_impatient, http_teardown);
	tcase_set_timeout(slowness, 30);
	tcase_add_loop_test(slowness, a_sender_that_stops_is_cut_off, 0, COUNT(slow));
	suite_add_tcase(suite, slowness);
	return unit_main(suite);
}
