/* The HTTP server and /api/v1 over a real store: a server in its loop in a thread, clients by
 * libcurl and by bare sockets.  Without a poller: what needs it answers 503. */
#include <arpa/inet.h>
#include <check.h>
#include <curl/curl.h>
#include <fcntl.h>
#include <ftw.h>
#include <jansson.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "smart-json/http.h"
#include "smart-json/http_guard.h"
#include "src/base/loop.h"
#include "src/base/version.h"
#include "src/store/store.h"

/* The rest of a request line and the one field that must be there. */
#define H11 "HTTP/1.1\r\nHost: localhost\r\n"

static char dir[64];
static struct loop *loop;
static struct store *store;
static struct http *http;
static pthread_t thread;
static uint16_t port;

static void *
run_loop(void *arg)
{
	(void)arg;
	ck_assert_int_eq(loop_run(loop), E_OK);
	return NULL;
}

static void
open_server(uint32_t idle_ms)
{
	struct http_options options = { .dir = dir, .idle_ms = idle_ms };
	char why[256];

	snprintf(dir, sizeof(dir), "/tmp/check_http.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	ck_assert_int_eq(loop_open(&loop), E_OK);
	ck_assert_int_eq(store_open(&store, dir, why, sizeof(why)), E_OK);
	options.loop = loop;
	options.store = store;
	ck_assert_int_eq(http_open(&http, &options), E_OK);
	port = http_port(http);
	ck_assert_uint_ne(port, 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, run_loop, NULL), 0);
}

static void
setup(void)
{
	open_server(0);
}

static void
setup_impatient(void)
{
	open_server(200);
}

static int
remove_entry(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

/* In the loop: a stop from outside could come before the loop has begun to run. */
static void
stop(void *arg)
{
	(void)arg;
	loop_stop(loop);
}

static void
teardown(void)
{
	ck_assert_int_eq(loop_post(loop, stop, NULL), E_OK);
	pthread_join(thread, NULL);
	loop_end_work(loop);
	http_close(http);
	store_close(store);
	loop_close(loop);
	nftw(dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

/* ---- clients ---- */

struct answer {
	long status;
	struct text body;
	char allow[64];
};

static size_t
take_body(char *data, size_t size, size_t n, void *arg)
{
	text_add(arg, data, size * n);
	return size * n;
}

static size_t
take_header(char *data, size_t size, size_t n, void *arg)
{
	struct answer *a = arg;

	if (size * n > 7 && strncmp(data, "Allow: ", 7) == 0)
		snprintf(a->allow, sizeof(a->allow), "%.*s", (int)(size * n - 9), data + 7);
	return size * n;
}

/* field: one more header line, or NULL. */
static struct answer
ask_with(const char *method, const char *path, const char *body, size_t len, const char *field)
{
	struct curl_slist *fields = curl_slist_append(NULL, "Expect:");
	struct answer a = { 0 };
	CURL *curl = curl_easy_init();
	char url[512];

	snprintf(url, sizeof(url), "http://127.0.0.1:%u%s", port, path);
	if (field != NULL)
		fields = curl_slist_append(fields, field);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, fields);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, &a.body);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, &a);
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, 60L);
	if (strcmp(method, "HEAD") == 0)
		curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
	if (body != NULL) {
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)len);
	}
	ck_assert_int_eq(curl_easy_perform(curl), CURLE_OK);
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &a.status);
	curl_easy_cleanup(curl);
	curl_slist_free_all(fields);
	return a;
}

static struct answer
ask(const char *method, const char *path, const char *body)
{
	return ask_with(method, path, body, body != NULL ? strlen(body) : 0, NULL);
}

static void
forget(struct answer *a)
{
	text_free(&a->body);
}

/* Asks and checks the status; *json takes the answer when it is wanted. */
static void
expect(long status, const char *method, const char *path, const char *body, json_t **json)
{
	struct answer a = ask(method, path, body);

	ck_assert_msg(a.status == status, "%s %s: %ld instead of %ld: %s", method, path, a.status,
	    status, a.body.p != NULL ? a.body.p : "");
	if (json != NULL) {
		*json = json_loadb(a.body.p, a.body.len, 0, NULL);
		ck_assert_msg(*json != NULL, "no JSON: %.200s", a.body.p);
	}
	forget(&a);
}

static json_int_t
number(const json_t *json, const char *name)
{
	return json_integer_value(json_object_get(json, name));
}

static const char *
string(const json_t *json, const char *name)
{
	const char *s = json_string_value(json_object_get(json, name));

	return s != NULL ? s : "";
}

static int
connect_raw(void)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct timeval limit = { .tv_sec = 20 };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	return fd;
}

/* Sends bytes and reads until the server closes. */
static void
talk(const char *bytes, size_t len, struct text *answer)
{
	int fd = connect_raw();
	char buf[4096];
	ssize_t n;

	ck_assert_int_eq(send(fd, bytes, len, MSG_NOSIGNAL), (ssize_t)len);
	while ((n = recv(fd, buf, sizeof(buf), 0)) > 0)
		text_add(answer, buf, (size_t)n);
	ck_assert_msg(n == 0, "the server did not close");
	close(fd);
}

static void
add_meters(void)
{
	expect(200, "POST", "/api/v1/meters",
	    "[{\"id\":6,\"type\":\"Mercury23x\",\"addr\":\"72\",\"iface\":\"Iface1\","
	    "\"note\":\"кв. 12\"},"
	    "{\"id\":7,\"type\":\"SE303\",\"addr\":\"141227285\",\"iface\":\"Iface2\"}]",
	    NULL);
}

/* ---- routes ---- */

static const struct { const char *method, *path, *body; long status; const char *text; } requests[] = {
	{ "GET", "/api/v1/status", NULL, 200, "\"version\":\"" USPD_VERSION },
	{ "GET", "/api/v1/status/", NULL, 200, "\"uptime\"" },
	{ "GET", "//api/v1//status", NULL, 200, "\"uptime\"" },
	{ "GET", "/api/v1/%73tatus", NULL, 200, "\"uptime\"" },
	{ "GET", "/", NULL, 404, "no such path" },
	{ "GET", "/api/v1", NULL, 404, "no such path" },
	{ "GET", "/api/v1/nothing", NULL, 404, "no such path" },
	{ "GET", "/api/v1/meters/6/7", NULL, 404, "no such path" },
	{ "GET", "/api/v1x/status", NULL, 404, "no such path" },
	{ "DELETE", "/api/v1/status", NULL, 405, "GET, HEAD, OPTIONS" },
	{ "PATCH", "/api/v1/settings", "{}", 405, "GET, PUT" },
	{ "GET", "/api/v1/meters/6", NULL, 405, "DELETE" },
	{ "POST", "/api/v1/meters", "{\"id\":", 400, "line 1, column 6" },
	{ "POST", "/api/v1/meters", "[\n\n{\"id\":1,}]", 400, "line 3" },
	{ "POST", "/api/v1/meters", "", 400, "line 1" },
	{ "POST", "/api/v1/meters", "{\"id\":99999999999999999999}", 400, "too big integer" },
	{ "POST", "/api/v1/meters", "{\"id\":NaN}", 400, "broken JSON" },
	{ "POST", "/api/v1/meters", "{}{}", 400, "broken JSON" },
	{ "POST", "/api/v1/meters", "[7]", 422, "\"where\":\"/0\"" },
	{ "POST", "/api/v1/meters", "[{\"id\":\"x\"}]", 422, "/0/id" },
	{ "POST", "/api/v1/meters", "{\"id\":true}", 422, "/id" },
	{ "POST", "/api/v1/meters", "{\"id\":1,\"adr\":\"5\"}", 422, "adr" },
	{ "POST", "/api/v1/meters", "{\"id\":1,\"addr\":\"5\",\"type\":\"SE303\"}", 422, "/iface" },
	{ "DELETE", "/api/v1/meters/99", NULL, 404, "no meter 99" },
	{ "DELETE", "/api/v1/meters/x", NULL, 422, "not the id" },
	{ "GET", "/api/v1/meters?sort=colour", NULL, 422, "\"where\":\"sort\"" },
	{ "GET", "/api/v1/meters?limit=-1", NULL, 422, "\"where\":\"limit\"" },
	{ "GET", "/api/v1/meters?bus=9", NULL, 422, "\"where\":\"bus\"" },
	{ "GET", "/api/v1/meters?type=foo", NULL, 422, "\"where\":\"type\"" },
	{ "GET", "/api/v1/data", NULL, 422, "\"where\":\"meter\"" },
	{ "GET", "/api/v1/data?meter=99&type=ElDayEnergy", NULL, 404, "no meter 99" },
	{ "GET", "/api/v1/journal/nothing", NULL, 404, "no journal" },
	{ "GET", "/api/v1/journal/meter/answ", NULL, 200, "\"rows\"" },
	{ "PUT", "/api/v1/settings", "{\"poll.attempts\":4,\"nothing\":1}", 422, "/nothing" },
	{ "PUT", "/api/v1/settings", "{\"poll.attempts\":400}", 422, "/poll.attempts" },
	{ "PUT", "/api/v1/settings", "{\"poll.attempts\":[4]}", 422, "/poll.attempts" },
	{ "PUT", "/api/v1/settings", "[]", 422, "object" },
	{ "POST", "/api/v1/poll", "{}", 503, "poller" },
	{ "GET", "/api/v1/poll/1", NULL, 503, "poller" },
	{ "GET", "/api/v1/events", NULL, 503, "poller" },
	{ "GET", "/api/v1/../etc/passwd", NULL, 404, "no such path" },
	{ "GET", "/api/v1/%2e%2e/x", NULL, 404, "no such path" },
	{ "GET", "/api/v1/%00", NULL, 400, "no proper HTTP" },
	{ "GET", "/api/v1/status?%zz=1", NULL, 400, "no proper HTTP" },
};

START_TEST(every_request_gets_its_status_and_a_text)
{
	struct answer a = ask(requests[_i].method, requests[_i].path, requests[_i].body);

	ck_assert_msg(a.status == requests[_i].status, "%s %s: %ld: %s", requests[_i].method,
	    requests[_i].path,
	    a.status, a.body.p != NULL ? a.body.p : "");
	ck_assert_ptr_nonnull(a.body.p);
	ck_assert_msg(strstr(a.body.p, requests[_i].text) != NULL, "%s: %s", requests[_i].path,
	    a.body.p);
	forget(&a);
}
END_TEST

START_TEST(a_wrong_method_names_the_right_ones)
{
	struct answer a = ask("PUT", "/api/v1/meters", "{}");

	ck_assert_int_eq(a.status, 405);
	ck_assert_str_eq(a.allow, "GET, POST, HEAD, OPTIONS");
	forget(&a);
	a = ask("OPTIONS", "/api/v1/poll/7", NULL);
	ck_assert_int_eq(a.status, 204);
	ck_assert_str_eq(a.allow, "GET, HEAD, OPTIONS");
	forget(&a);
}
END_TEST

START_TEST(head_is_get_without_a_body)
{
	struct answer a = ask("HEAD", "/api/v1/status", NULL);

	ck_assert_int_eq(a.status, 200);
	ck_assert_uint_eq(a.body.len, 0);
	forget(&a);
}
END_TEST

START_TEST(deep_nesting_is_refused)
{
	char body[201];
	json_t *json;

	memset(body, '[', 200);
	body[200] = '\0';
	expect(400, "POST", "/api/v1/meters", body, &json);
	ck_assert_ptr_nonnull(strstr(string(json, "error"), "nested"));
	json_decref(json);
}
END_TEST

/* ---- guards ---- */

static const struct { const char *field; long status; } guarded[] = {
	{ "Host: 127.0.0.1", 200 }, { "Host: localhost:8080", 200 }, { "Host: [::1]:80", 200 },
	{ "Host: 192.168.0.1", 200 },
	{ "Host: evil.example", 403 }, { "Host: 127.0.0.1.evil.example", 403 },
	    { "Host: localhost.evil", 403 },
	{ "Host: [::1].evil", 403 }, { "Host: 127.0.0.1:x", 403 },
	{ "Origin: http://evil.example", 403 }, { "Origin: null", 403 }, { "Origin: http://127.0.0.1:1",
	    403 },
	{ "Authorization: Bearer wrong", 401 }, { "Authorization: Basic YTpi", 401 },
	    { "Authorization: Bearer ", 401 },
};

START_TEST(foreign_names_pages_and_tokens_are_refused)
{
	struct answer a = ask_with("GET", "/api/v1/status", NULL, 0, guarded[_i].field);

	ck_assert_msg(a.status == guarded[_i].status, "%s: %ld", guarded[_i].field, a.status);
	forget(&a);
}
END_TEST

START_TEST(the_token_of_the_data_directory_is_accepted)
{
	char path[128], token[HTTP_TOKEN_SIZE], field[128];
	struct answer a;
	struct stat st;
	FILE *f;

	snprintf(path, sizeof(path), "%s/api.token", dir);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0600);
	ck_assert_ptr_nonnull(f = fopen(path, "r"));
	ck_assert_ptr_nonnull(fgets(token, sizeof(token), f));
	fclose(f);
	snprintf(field, sizeof(field), "Authorization: Bearer %s", token);
	a = ask_with("GET", "/api/v1/status", NULL, 0, field);
	ck_assert_int_eq(a.status, 200);
	forget(&a);
	snprintf(field, sizeof(field), "Origin: http://127.0.0.1:%u", port);
	a = ask_with("GET", "/api/v1/status", NULL, 0, field);
	ck_assert_int_eq(a.status, 200);
	forget(&a);
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

	talk(wire[_i].bytes, strlen(wire[_i].bytes), &answer);
	ck_assert_uint_gt(answer.len, 0);
	ck_assert_int_eq(sscanf(answer.p, "HTTP/1.1 %d", &status), 1);
	ck_assert_msg(status == wire[_i].status, "%s\n%s", wire[_i].bytes, answer.p);
	text_free(&answer);
}
END_TEST

START_TEST(requests_sent_at_once_are_answered_in_order)
{
	static const char bytes[] =
	    "GET /api/v1/nothing " H11 "\r\n"
	    "POST /api/v1/meters?dry=1 " H11 "Content-Length: 2\r\n\r\n[]"
	    "GET /api/v1/status " H11 "Connection: close\r\n\r\n";
	struct text answer = { 0 };
	char *first, *second, *third;

	talk(bytes, sizeof(bytes) - 1, &answer);
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
	talk(request.p, request.len, &answer);
	ck_assert_ptr_nonnull(strstr(answer.p, "HTTP/1.1 414"));
	text_free(&answer);
	text_clear(&request);
	text_str(&request, "GET /api/v1/status " H11);
	for (int i = 0; i < 20000; i++)
		text_str(&request, i % 100 == 0 ? "\r\nX: " : "x");
	talk(request.p, request.len, &answer);
	ck_assert_ptr_nonnull(strstr(answer.p, "HTTP/1.1 431"));
	text_free(&answer);
	text_free(&request);
}
END_TEST

START_TEST(a_body_beyond_the_limit_of_its_path_is_refused)
{
	size_t len = HTTP_BODY_TABLE + 1;
	char *big = malloc(len);
	struct answer a;

	memset(big, ' ', len);
	a = ask_with("POST", "/api/v1/meters", big, HTTP_BODY + 1, NULL);
	ck_assert_int_eq(a.status, 413);
	ck_assert_ptr_nonnull(strstr(a.body.p, "too large"));
	forget(&a);
	a = ask_with("POST", "/api/v1/meters.csv", big, len, NULL);
	ck_assert_int_eq(a.status, 413);
	forget(&a);
	a = ask_with("POST", "/api/v1/meters.csv", big, HTTP_BODY + 1, NULL);
	ck_assert_int_eq(a.status, 422);	/* taken, but no table */
	forget(&a);
	free(big);
	expect(200, "GET", "/api/v1/status", NULL, NULL);
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

	talk(slow[_i], strlen(slow[_i]), &answer);
	ck_assert_uint_eq(answer.len, 0);
	text_free(&answer);
}
END_TEST

START_TEST(idle_connections_make_room_for_new_ones)
{
	enum { N = HTTP_CONNECTIONS + 10 };
	int fds[N];

	for (int i = 0; i < N; i++)
		fds[i] = connect_raw();
	expect(200, "GET", "/api/v1/status", NULL, NULL);
	for (int i = 0; i < N; i++)
		close(fds[i]);
	expect(200, "GET", "/api/v1/status", NULL, NULL);
}
END_TEST

/* ---- the meter table ---- */

START_TEST(meters_are_added_listed_changed_and_removed)
{
	json_t *json, *row;

	add_meters();
	expect(200, "GET", "/api/v1/meters?sort=-id", NULL, &json);
	ck_assert_int_eq(number(json, "total"), 2);
	row = json_array_get(json_object_get(json, "rows"), 1);
	ck_assert_int_eq(number(row, "id"), 6);
	ck_assert_str_eq(string(row, "addr"), "72");
	ck_assert_str_eq(string(row, "note"), "кв. 12");
	ck_assert_ptr_null(json_object_get(row, "pass_rd"));
	ck_assert(json_is_null(json_object_get(row, "state")));
	json_decref(json);
	expect(200, "GET", "/api/v1/meters?q=%D0%9A%D0%92&passwords=1", NULL, &json);
	ck_assert_int_eq(number(json, "total"), 1);
	row = json_array_get(json_object_get(json, "rows"), 0);
	ck_assert_str_eq(string(row, "pass_rd"), "010101010101");
	/* What was given out is taken back; only what differs changes. */
	json_object_set_new(row, "note", json_string("кв. 13"));
	char *body = json_dumps(row, 0);
	json_decref(json);
	expect(200, "POST", "/api/v1/meters", body, &json);
	ck_assert_int_eq(number(json, "changed"), 1);
	json_decref(json);
	free(body);
	expect(200, "DELETE", "/api/v1/meters/7", NULL, NULL);
	expect(200, "GET", "/api/v1/meters?limit=1&offset=0", NULL, &json);
	ck_assert_int_eq(number(json, "total"), 1);
	row = json_array_get(json_object_get(json, "rows"), 0);
	ck_assert_str_eq(string(row, "note"), "кв. 13");
	json_decref(json);
}
END_TEST

START_TEST(one_bad_row_leaves_the_table_as_it_was)
{
	json_t *json;

	add_meters();
	expect(422, "POST", "/api/v1/meters",
	    "[{\"id\":8,\"type\":\"SE303\",\"addr\":\"1\",\"iface\":\"Iface1\"},{\"id\":9}]",
	    NULL);
	expect(422, "POST", "/api/v1/meters.csv?mode=replace",
	    "id;type;addr;iface\n8;SE303;1;Iface1\n9;SE303;;Iface1\n",
	    &json);
	ck_assert_str_eq(string(json, "where"), "row 3, column addr");
	ck_assert_int_eq(number(json, "n_errors"), 1);
	json_decref(json);
	expect(200, "GET", "/api/v1/meters", NULL, &json);
	ck_assert_int_eq(number(json, "total"), 2);
	json_decref(json);
}
END_TEST

START_TEST(a_dry_run_tells_and_changes_nothing)
{
	static const char file[] = "id,type,addr,iface\n7,SE303,5,Iface2\n8,SE303,6,Iface2\n";
	json_t *json;

	add_meters();
	expect(200, "POST", "/api/v1/meters.csv?dry=1&mode=replace", file, &json);
	ck_assert_int_eq(number(json, "added"), 1);
	ck_assert_int_eq(number(json, "changed"), 1);
	ck_assert_int_eq(number(json, "removed"), 1);
	ck_assert(json_is_false(json_object_get(json, "applied")));
	ck_assert_uint_eq(json_array_size(json_object_get(json, "changes")), 3);
	json_decref(json);
	expect(200, "GET", "/api/v1/meters?q=141227285", NULL, &json);
	ck_assert_int_eq(number(json, "total"), 1);
	json_decref(json);
	expect(200, "POST", "/api/v1/meters.csv?mode=replace", file, &json);
	ck_assert(json_is_true(json_object_get(json, "applied")));
	json_decref(json);
	expect(200, "GET", "/api/v1/meters?q=141227285", NULL, &json);
	ck_assert_int_eq(number(json, "total"), 0);
	json_decref(json);
}
END_TEST

START_TEST(an_exported_file_changes_nothing_when_imported)
{
	struct answer file;
	json_t *json;

	add_meters();
	file = ask("GET", "/api/v1/meters.csv", NULL);
	ck_assert_int_eq(file.status, 200);
	ck_assert_int_eq(strncmp(file.body.p, "\xef\xbb\xbfID;", 6), 0);
	expect(200, "POST", "/api/v1/meters.csv?mode=replace", file.body.p, &json);
	ck_assert_int_eq(number(json, "unchanged"), 2);
	ck_assert_int_eq(number(json, "removed"), 0);
	json_decref(json);
	forget(&file);
}
END_TEST

START_TEST(settings_are_read_and_written_whole_or_not)
{
	struct settings settings;
	json_t *json;

	expect(200, "PUT", "/api/v1/settings",
	    "{\"poll.attempts\":4,\"time.tz_min\":\"300\",\"time.dst\":false}", NULL);
	expect(422, "PUT", "/api/v1/settings", "{\"poll.attempts\":5,\"time.tz_min\":\"9999\"}", NULL);
	store_settings(store, &settings);
	ck_assert_int_eq(settings.poll_attempts, 4);
	ck_assert_int_eq(settings.tz_min, 300);
	expect(200, "GET", "/api/v1/settings", NULL, &json);
	ck_assert_str_eq(string(json_array_get(json_object_get(json, "settings"), 0), "value"), "300");
	json_decref(json);
}
END_TEST

/* ---- the archive ---- */

enum { SLICES = 100000, STEP = 1800 };
static const int64_t FIRST = 1577836800;	/* 2020-01-01 */

static void
put_profile(uint16_t dev, int n)
{
	struct record *batch = calloc(48, sizeof(*batch));

	for (int i = 0; i < n;) {
		size_t k = 0;

		for (; k < 48 && i < n; k++, i++) {
			memset(&batch[k], 0, sizeof(batch[k]));
			batch[k].type = REC_EL_PROFILE;
			batch[k].valid = true;
			batch[k].period_min = 30;
			batch[k].flags = PROFILE_MEASURED;
			batch[k].ts = FIRST + (int64_t)i * STEP;
			record_set(&batch[k], P_PLUS, (int64_t)i * 7 + 1);
			if (i % 3 == 0)
				record_set(&batch[k], Q_PLUS, -(int64_t)i);
		}
		ck_assert_int_eq(store_put(store, dev, batch, k), E_OK);
	}
	free(batch);
	ck_assert_int_eq(store_sync(store), E_OK);
}

static uint16_t
dev_of(uint32_t id)
{
	const struct meter_table *table = store_meters(store);
	uint16_t dev = meter_table_find(table, id)->dev;

	meter_table_release(table);
	return dev;
}

/* Reads one record of the answer by hand: floating point would hide an error.  Each has its line;
 * returns the next one. */
static const char *
check_slice(const char *p, const char *end, int i)
{
	const char *next = memchr(p, '\n', (size_t)(end - p));
	char line[512], head[64], value[64];
	int64_t milli = (int64_t)i * 7 + 1;
	size_t len = (size_t)(next - p);

	ck_assert_ptr_nonnull(next);
	ck_assert_uint_lt(len, sizeof(line));
	memcpy(line, p, len);
	line[len] = '\0';
	snprintf(head, sizeof(head), "{\"ts\":%lld,", (long long)FIRST + (long long)i * STEP);
	if (milli % 1000 == 0)
		snprintf(value, sizeof(value), "\"P+\":%lld", (long long)(milli / 1000));
	else
		snprintf(value, sizeof(value), "\"P+\":%lld.%03d", (long long)(milli / 1000),
		    (int)(milli % 1000));
	for (size_t n = strlen(value); milli % 1000 != 0 && value[n - 1] == '0'; n--)
		value[n - 1] = '\0';
	snprintf(value + strlen(value), sizeof(value) - strlen(value), ",\"P-\":null");
	if (strncmp(line, head, strlen(head)) != 0 || strstr(line, value) == NULL)
		ck_abort_msg("slice %d is %s, not %s %s", i, line, head, value);
	return next + 1;
}

/* n slices from `first` on, in steps of 1 or -1, and nothing else but the tail. */
static void
check_slices(const struct text *body, int first, int step, int n, const char *tail)
{
	const char *end = body->p + body->len, *p = memchr(body->p, '\n', body->len);

	ck_assert_ptr_nonnull(p);
	p++;
	for (int i = 0; i < n; i++)
		p = check_slice(p, end, first + i * step);
	ck_assert_ptr_eq(p, end);
	ck_assert_str_eq(end - strlen(tail), tail);
}

START_TEST(a_hundred_thousand_records_are_streamed_exactly_and_once)
{
	struct answer a;

	expect(200, "PUT", "/api/v1/settings", "{\"depth.profile\":100000}", NULL);
	add_meters();
	put_profile(dev_of(6), SLICES);
	a = ask("GET", "/api/v1/data?meter=6&type=ElArr1ConsPower", NULL);
	ck_assert_int_eq(a.status, 200);
	check_slices(&a.body, 0, 1, SLICES, "],\"n\":100000,\"more\":false}\n");
	forget(&a);
	a = ask("GET", "/api/v1/data?meter=6&type=ElArr1ConsPower&order=desc&limit=2500", NULL);
	check_slices(&a.body, SLICES - 1, -1, 2500, "],\"n\":2500,\"more\":true}\n");
	forget(&a);
}
END_TEST

START_TEST(a_client_that_leaves_in_the_middle_harms_nobody)
{
	static const char request[] = "GET /api/v1/data?meter=6&type=ElArr1ConsPower " H11 "\r\n";
	char buf[512];

	add_meters();
	put_profile(dev_of(6), 4320);
	for (int i = 0; i < 5; i++) {
		int fd = connect_raw();

		ck_assert_int_eq(send(fd, request, sizeof(request) - 1, 0),
		    (ssize_t)sizeof(request) - 1);
		ck_assert_int_gt(recv(fd, buf, sizeof(buf), 0), 0);
		close(fd);
	}
	expect(200, "GET", "/api/v1/status", NULL, NULL);
}
END_TEST

START_TEST(windows_are_inclusive_and_tags_can_be_chosen)
{
	json_t *json, *records, *values;
	char path[256];

	add_meters();
	put_profile(dev_of(6), 100);
	snprintf(path, sizeof(path),
	    "/api/v1/data?meter=6&type=ElArr1ConsPower&tags=P+,Q-&from=%lld&to=%lld",
	    (long long)FIRST + 10 * STEP, (long long)FIRST + 12 * STEP);
	expect(200, "GET", path, NULL, &json);
	records = json_object_get(json, "records");
	ck_assert_uint_eq(json_array_size(records), 3);
	values = json_object_get(json_array_get(records, 0), "values");
	ck_assert_uint_eq(json_object_size(values), 2);
	ck_assert(json_is_null(json_object_get(values, "Q-")));
	json_decref(json);
	expect(200, "GET",
	    "/api/v1/data?meter=6&type=ElArr1ConsPower&from=2020-01-01T05:00Z&to=2020-01-01T05:00Z",
	    NULL, &json);
	ck_assert_int_eq(number(json, "n"), 1);
	json_decref(json);
	expect(200, "GET", "/api/v1/data?meter=6&type=ElArr1ConsPower&from=2021-01-01&to=2020-01-01",
	    NULL, &json);
	ck_assert_int_eq(number(json, "n"), 0);
	json_decref(json);
	expect(200, "GET", "/api/v1/data?meter=7&type=ElDayEnergy", NULL, &json);
	ck_assert_int_eq(number(json, "n"), 0);
	json_decref(json);
	expect(422, "GET", "/api/v1/data?meter=6&type=ElDayEnergy&tags=UA", NULL, NULL);
	expect(422, "GET", "/api/v1/data?meter=6&type=ElNothing", NULL, NULL);
	expect(422, "GET", "/api/v1/data?meter=6&type=ElDayEnergy&from=soon", NULL, NULL);
}
END_TEST

START_TEST(journals_of_the_device_are_paged_by_id)
{
	json_t *json;

	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(store_journal_add(store, DJ_METER_ANSWER, 1717189200 + i,
				     i == 2 ? "{}" : "{\"idMeter\":6,\"answer\":false}"),
		    E_OK);
	ck_assert_int_eq(store_sync(store), E_OK);
	expect(200, "GET", "/api/v1/journal/meter/answ?after=1&limit=3", NULL, &json);
	ck_assert_uint_eq(json_array_size(json_object_get(json, "rows")), 3);
	ck_assert_int_eq(number(json_array_get(json_object_get(json, "rows"), 0), "id"), 2);
	ck_assert_int_eq(number(json_array_get(json_object_get(json, "rows"), 0), "idMeter"), 6);
	ck_assert_int_eq(number(json, "last"), 5);
	json_decref(json);
}
END_TEST

static void *
client(void *arg)
{
	for (int i = 0; i < 20; i++) {
		struct answer a = ask("GET", (const char *)arg, NULL);

		ck_assert_int_eq(a.status, 200);
		forget(&a);
	}
	return NULL;
}

START_TEST(many_readers_see_whole_tables_while_it_is_written)
{
	pthread_t clients[8];
	json_t *json;

	add_meters();
	for (int i = 0; i < 8; i++)
		pthread_create(&clients[i], NULL, client, "/api/v1/meters?limit=0");
	for (int i = 0; i < 20; i++)
		add_meters();
	for (int i = 0; i < 8; i++)
		pthread_join(clients[i], NULL);
	expect(200, "GET", "/api/v1/meters", NULL, &json);
	ck_assert_int_eq(number(json, "total"), 2);
	json_decref(json);
}
END_TEST

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

int
main(void)
{
	Suite *suite = suite_create("http");
	TCase *routes = tcase_create("routes"), *guards = tcase_create("guards"),
	    *bytes = tcase_create("wire");
	TCase *slowness = tcase_create("slow senders"), *table = tcase_create("table"),
	    *data = tcase_create("data");
	SRunner *runner = srunner_create(suite);
	int failed;

	curl_global_init(CURL_GLOBAL_DEFAULT);
	tcase_add_checked_fixture(routes, setup, teardown);
	tcase_add_loop_test(routes, every_request_gets_its_status_and_a_text, 0, COUNT(requests));
	tcase_add_test(routes, a_wrong_method_names_the_right_ones);
	tcase_add_test(routes, head_is_get_without_a_body);
	tcase_add_test(routes, deep_nesting_is_refused);
	tcase_add_checked_fixture(guards, setup, teardown);
	tcase_add_loop_test(guards, foreign_names_pages_and_tokens_are_refused, 0, COUNT(guarded));
	tcase_add_test(guards, the_token_of_the_data_directory_is_accepted);
	tcase_add_test(guards, only_loopback_peers_are_local);
	tcase_add_checked_fixture(bytes, setup, teardown);
	tcase_set_timeout(bytes, 30);
	tcase_add_loop_test(bytes, bytes_on_the_wire_get_the_right_status, 0, COUNT(wire));
	tcase_add_test(bytes, requests_sent_at_once_are_answered_in_order);
	tcase_add_test(bytes, heads_that_are_too_long_are_refused);
	tcase_add_test(bytes, a_body_beyond_the_limit_of_its_path_is_refused);
	tcase_add_test(bytes, idle_connections_make_room_for_new_ones);
	tcase_add_checked_fixture(slowness, setup_impatient, teardown);
	tcase_set_timeout(slowness, 30);
	tcase_add_loop_test(slowness, a_sender_that_stops_is_cut_off, 0, COUNT(slow));
	tcase_add_checked_fixture(table, setup, teardown);
	tcase_add_test(table, meters_are_added_listed_changed_and_removed);
	tcase_add_test(table, one_bad_row_leaves_the_table_as_it_was);
	tcase_add_test(table, a_dry_run_tells_and_changes_nothing);
	tcase_add_test(table, an_exported_file_changes_nothing_when_imported);
	tcase_add_test(table, settings_are_read_and_written_whole_or_not);
	tcase_add_checked_fixture(data, setup, teardown);
	tcase_set_timeout(data, 60);
	tcase_add_test(data, a_hundred_thousand_records_are_streamed_exactly_and_once);
	tcase_add_test(data, a_client_that_leaves_in_the_middle_harms_nobody);
	tcase_add_test(data, windows_are_inclusive_and_tags_can_be_chosen);
	tcase_add_test(data, journals_of_the_device_are_paged_by_id);
	tcase_add_test(data, many_readers_see_whole_tables_while_it_is_written);
	suite_add_tcase(suite, routes);
	suite_add_tcase(suite, guards);
	suite_add_tcase(suite, bytes);
	suite_add_tcase(suite, slowness);
	suite_add_tcase(suite, table);
	suite_add_tcase(suite, data);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	curl_global_cleanup();
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
