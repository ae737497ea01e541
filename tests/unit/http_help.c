#include "tests/unit/http_help.h"

#include <arpa/inet.h>
#include <check.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "smart-json/http.h"
#include "src/base/loop.h"
#include "tests/unit/unit.h"

char http_dir[UNIT_FOLDER];
const char *http_web;
const struct http_space *const *http_own_spaces;
static struct loop *loop;
struct store *http_store;
struct poll *http_poller;
static struct http *http;
static pthread_t thread;
uint16_t http_server_port;

static void *
run_loop(void *arg)
{
	(void)arg;
	ck_assert_int_eq(loop_run(loop), E_OK);
	return NULL;
}

static void
open_server(uint32_t idle_ms, bool with_poller, bool guarded)
{
	static const struct poll_line none[SERIAL_BUSES];
	struct http_options options = { .idle_ms = idle_ms };
	char why[256];

	curl_global_init(CURL_GLOBAL_DEFAULT);
	unit_folder_make(http_dir);
	ck_assert_int_eq(loop_open(&loop), E_OK);
	ck_assert_int_eq(store_open(&http_store, http_dir, why, sizeof(why)), E_OK);
	if (with_poller)
		ck_assert_int_eq(poll_open(&http_poller, http_store, none), E_OK);
	if (guarded) {
		options.dir = http_dir;
		options.web = http_web;
		options.spaces = http_own_spaces;
	}
	options.loop = loop;
	options.store = http_store;
	options.poll = http_poller;
	ck_assert_int_eq(http_open(&http, &options), E_OK);
	http_server_port = http_port(http);
	ck_assert_uint_ne(http_server_port, 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, run_loop, NULL), 0);
}

void
http_setup(void)
{
	open_server(0, false, false);
}

void
http_setup_with_poller(void)
{
	open_server(0, true, false);
}

void
http_setup_impatient(void)
{
	open_server(200, false, false);
}

void
http_setup_guarded(void)
{
	open_server(0, false, true);
}

const char *
http_token_field(void)
{
	static char field[128];
	char path[128], token[96] = "";
	FILE *f;

	snprintf(path, sizeof(path), "%s/api.token", http_dir);
	ck_assert_ptr_nonnull(f = fopen(path, "r"));
	ck_assert_ptr_nonnull(fgets(token, sizeof(token), f));
	fclose(f);
	token[strcspn(token, "\n")] = '\0';
	snprintf(field, sizeof(field), "Authorization: Bearer %s", token);
	return field;
}

/* In the loop: a stop from outside could come before the loop has begun to run. */
static void
stop(void *arg)
{
	(void)arg;
	loop_stop(loop);
}

void
http_teardown(void)
{
	ck_assert_int_eq(loop_post(loop, stop, NULL), E_OK);
	pthread_join(thread, NULL);
	loop_end_work(loop);
	http_stop(http);
	poll_close(http_poller);
	http_poller = NULL;
	http_close(http);
	store_close(http_store);
	loop_close(loop);
	unit_folder_remove(http_dir);
	curl_global_cleanup();
}

/* ---- clients ---- */

static size_t
take_body(char *data, size_t size, size_t n, void *arg)
{
	text_add(arg, data, size * n);
	return size * n;
}

static size_t
take_header(char *data, size_t size, size_t n, void *arg)
{
	struct http_answer *a = arg;

	text_add(&a->fields, data, size * n);
	if (size * n > 7 && strncmp(data, "Allow: ", 7) == 0)
		snprintf(a->allow, sizeof(a->allow), "%.*s", (int)(size * n - 9), data + 7);
	return size * n;
}

struct http_answer
http_ask_with(const char *method, const char *path, const char *body, size_t len, const char *field)
{
	struct curl_slist *fields = curl_slist_append(NULL, "Expect:");
	struct http_answer a = { 0 };
	CURL *curl = curl_easy_init();
	char url[512];

	snprintf(url, sizeof(url), "http://127.0.0.1:%u%s", http_server_port, path);
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

struct http_answer
http_ask(const char *method, const char *path, const char *body)
{
	return http_ask_with(method, path, body, body != NULL ? strlen(body) : 0, NULL);
}

void
http_forget(struct http_answer *a)
{
	text_free(&a->body);
	text_free(&a->fields);
}

void
http_expect(long status, const char *method, const char *path, const char *body, json_t **json)
{
	struct http_answer a = http_ask(method, path, body);

	ck_assert_msg(a.status == status, "%s %s: %ld instead of %ld: %s", method, path, a.status,
	    status, a.body.p != NULL ? a.body.p : "");
	if (json != NULL) {
		*json = json_loadb(a.body.p, a.body.len, 0, NULL);
		ck_assert_msg(*json != NULL, "no JSON: %.200s", a.body.p);
	}
	http_forget(&a);
}

json_int_t
json_number_of(const json_t *json, const char *name)
{
	return json_integer_value(json_object_get(json, name));
}

const char *
json_string_of(const json_t *json, const char *name)
{
	const char *s = json_string_value(json_object_get(json, name));

	return s != NULL ? s : "";
}

int
http_connect_raw(void)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons(http_server_port) };
	struct timeval limit = { .tv_sec = 20 };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	return fd;
}

void
http_talk(const char *bytes, size_t len, struct text *answer)
{
	int fd = http_connect_raw();
	char buf[4096];
	ssize_t n;

	ck_assert_int_eq(send(fd, bytes, len, MSG_NOSIGNAL), (ssize_t)len);
	while ((n = recv(fd, buf, sizeof(buf), 0)) > 0)
		text_add(answer, buf, (size_t)n);
	ck_assert_msg(n == 0, "the server did not close");
	close(fd);
}

void
http_add_meters(void)
{
	http_expect(200, "POST", "/api/v1/meters",
	    "[{\"id\":6,\"type\":\"Mercury23x\",\"addr\":\"72\",\"iface\":\"Iface1\","
	    "\"note\":\"кв. 12\"},"
	    "{\"id\":7,\"type\":\"SE303\",\"addr\":\"141227285\",\"iface\":\"Iface2\"}]",
	    NULL);
}

void
http_await(int fd, struct text *got, const char *wanted)
{
	char buf[4096];
	ssize_t n;

	while (got->len == 0 || strstr(got->p, wanted) == NULL) {
		n = recv(fd, buf, sizeof(buf), 0);
		ck_assert_msg(n > 0, "no %s came", wanted);
		text_add(got, buf, (size_t)n);
	}
}
