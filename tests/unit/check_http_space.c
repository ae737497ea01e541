/* What handlers get of the server, over a space of our own: dialects, order of checks, answers that
 * come later or in pieces, compression, bodies in files, pages. */
#include <check.h>
#include <curl/curl.h>
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "smart-json/http_fields.h"
#include "tests/unit/http_help.h"
#include "tests/unit/unit.h"

/* ---- the space ---- */

enum { PIECES = 300, PIECE_LINES = 100 };

static void
tell_dialect(struct http_call *call)
{
	text_printf(&call->out, "%s %s %s %s", call->dialect == DIALECT_40 ? "40" : "31", call->peer,
	    call->tls ? "tls" : "plain", call->english ? "en" : "ru");
	call->type = "text/plain";
}

static void
tell_long(struct http_call *call)
{
	for (int i = 0; i < 500; i++)
		text_printf(&call->out, "{\"line\":%d}\n", i);
}

static int
next_piece(struct http_call *call)
{
	int *n = call->job;

	for (int i = 0; i < PIECE_LINES; i++)
		text_printf(&call->out, "{\"piece\":%d,\"line\":%d}\n", *n, i);
	return ++*n < PIECES;
}

static void
tell_pieces(struct http_call *call)
{
	call->job = calloc(1, sizeof(int));
	call->job_free = free;
	if (next_piece(call) > 0)
		call->more = next_piece;
}

/* Resumed by a thread of its own, at once. */
static void *
resume(void *arg)
{
	http_resume(arg);
	return NULL;
}

static void
answer_later(struct http_call *call)
{
	text_printf(&call->out, "{\"later\":\"%s\"}", call->body);
}

static pthread_t resumer;
static struct http_call *_Atomic held;	/* set by the loop */

static void
ask_later(struct http_call *call)
{
	call->resumed = answer_later;
	ck_assert_int_eq(pthread_create(&resumer, NULL, resume, call), 0);
	pthread_join(resumer, NULL); /* before the handler has returned */
}

static void
hold(struct http_call *call)
{
	call->job = malloc(1); /* a leak would be told */
	call->job_free = free;
	call->resumed = answer_later;
	held = call;
}

static void
release(struct http_call *call)
{
	http_resume(held);
	text_str(&call->out, "{}");
}

static void
tell_file(struct http_call *call)
{
	struct stat st = { 0 };
	unsigned sum = 0;
	FILE *f;
	int c;

	if (call->body_file == NULL) {
		text_str(&call->out, "none");
		return;
	}
	ck_assert_ptr_nonnull(f = fopen(call->body_file, "re"));
	while ((c = getc(f)) != EOF)
		sum = sum * 31 + (unsigned)c;
	ck_assert_int_eq(fstat(fileno(f), &st), 0);
	fclose(f);
	text_printf(&call->out, "%lld %u %o", (long long)st.st_size, sum, st.st_mode & 0777);
}

static const struct http_route routes[] = {
	{ "dialect", HTTP_GET, LEVEL_USER, IN_LOOP, 0, tell_dialect, DIALECT_ANY },
	{ "only40", HTTP_GET, LEVEL_USER, IN_LOOP, 0, tell_dialect, DIALECT_40 },
	{ "only31", HTTP_GET, LEVEL_USER, IN_LOOP, 0, tell_dialect, DIALECT_31 },
	{ "both", HTTP_GET, LEVEL_USER, IN_LOOP, 0, tell_dialect, DIALECT_ANY },
	{ "both", HTTP_PUT, LEVEL_ADMIN, IN_WORKER, 4096, tell_dialect, DIALECT_40 },
	{ "long", HTTP_GET, LEVEL_USER, IN_WORKER, 0, tell_long, 0 },
	{ "pieces", HTTP_GET, LEVEL_USER, IN_WORKER, 0, tell_pieces, 0 },
	{ "later", HTTP_POST, LEVEL_USER, IN_WORKER, 4096, ask_later, 0 },
	{ "hold", HTTP_GET, LEVEL_USER, IN_LOOP, 0, hold, 0 },
	{ "release", HTTP_GET, LEVEL_USER, IN_LOOP, 0, release, 0 },
	{ "file", HTTP_POST, LEVEL_ADMIN, IN_WORKER_FILE, 3 << 20, tell_file, 0 },
};
static const struct http_space space = {
	.prefix = "", .routes = routes, .n_routes = sizeof(routes) / sizeof(routes[0]),
	.status_unknown = 405,
};
static const struct http_space *const spaces[] = { &space, NULL };
static char web[64];

static void
write_page(const char *name, const char *text)
{
	FILE *f = fopen(unit_in(web, name), "we");

	ck_assert_ptr_nonnull(f);
	ck_assert_int_ge(fputs(text, f), 0);
	ck_assert_int_eq(fclose(f), 0);
}

static void
setup(void)
{
	unit_folder_make(web);
	write_page("index.html", "<p>plain</p>");
	write_page("app.0123abcd.js", "plain()");
	write_page("app.0123abcd.js.gz", "compressed");
	write_page(".secret.html", "no");
	http_web = web;
	http_own_spaces = spaces;
	http_setup_guarded();
}

static void
teardown(void)
{
	http_teardown();
	unit_folder_remove(web);
}

/* One request of the administrator, with one more field. */
static struct http_answer
ask(const char *method, const char *path, const char *body, size_t len, const char *field)
{
	char fields[512];

	/* curl takes a line break in a field as it is; it looks at the first only. */
	snprintf(fields, sizeof(fields), "%s%s%s", field != NULL ? field : "",
	    field != NULL ? "\r\n" : "", http_token_field());
	return http_ask_with(method, path, body, len, fields);
}

static void
expect(long status, const char *method, const char *path, const char *field, const char *text)
{
	struct http_answer a = ask(method, path, NULL, 0, field);

	ck_assert_msg(a.status == status, "%s %s: %ld instead of %ld", method, path, a.status, status);
	if (text != NULL)
		ck_assert_msg(a.body.p != NULL && strstr(a.body.p, text) != NULL, "%s: %s", path,
		    a.body.p != NULL ? a.body.p : "");
	http_forget(&a);
}

/* ---- who asks for what ---- */

static const struct { const char *method, *path, *field; long status; const char *text; } asked[] = {
	{ "GET", "/dialect", NULL, 200, "31 127.0.0.1 plain ru" },
	{ "GET", "/dialect", "X-Protocol-USPD: 40", 200, "40 " },
	{ "GET", "/dialect", "X-Protocol-USPD: 31", 200, "31 " },
	{ "GET", "/dialect", "X-Protocol-USPD: 41", 200, "31 " },
	{ "GET", "/dialect", "Accept-Language: en-US,en;q=0.9", 200, " en" },
	{ "GET", "/dialect", "Accept-Language: ru-RU,ru;q=0.9,en;q=0.8", 200, " ru" },
	{ "GET", "/dialect", "X-Real-IP: 10.1.2.3", 200, "31 10.1.2.3 plain" },
	{ "GET", "/dialect", "X-Real-IP: elsewhere", 200, "31 127.0.0.1 plain" },
	{ "GET", "/dialect", "X-Forwarded-Proto: https", 200, "tls" },
	{ "GET", "/only40", "X-Protocol-USPD: 40", 200, NULL },
	{ "GET", "/only40", NULL, 405, "такого пути нет" },
	{ "GET", "/only31", "X-Protocol-USPD: 40", 405, "такого пути нет" },
	{ "PUT", "/both", NULL, 405, "GET, HEAD, OPTIONS" },
	{ "DELETE", "/both", "X-Protocol-USPD: 40", 405, "GET, PUT, HEAD, OPTIONS" },
	{ "PATCH", "/both", NULL, 405, "GET, HEAD, OPTIONS" },
	{ "GET", "/nothing", NULL, 405, "такого пути нет" },
	{ "GET", "/nothing.html", NULL, 404, "такого пути нет" },
	{ "POST", "/index.html", NULL, 405, "GET, HEAD, OPTIONS" },
};

START_TEST(the_order_of_checks_is_kept)
{
	expect(asked[_i].status, asked[_i].method, asked[_i].path, asked[_i].field, asked[_i].text);
}
END_TEST

static const struct { const char *method, *path; long status; } unknown[] = {
	{ "PATCH", "/dialect", 405 }, { "GET", "/nothing", 401 }, { "DELETE", "/dialect", 401 },
	{ "PUT", "/both", 401 }, { "GET", "/", 200 }, { "GET", "/nothing.html", 404 },
	{ "GET", "/metrics", 401 },
};

START_TEST(who_is_not_known_learns_nothing)
{
	struct http_answer a = http_ask(unknown[_i].method, unknown[_i].path, NULL);

	ck_assert_msg(a.status == unknown[_i].status, "%s %s: %ld", unknown[_i].method,
	    unknown[_i].path, a.status);
	http_forget(&a);
}
END_TEST

START_TEST(old_clients_may_be_told_403)
{
	struct http_answer a;

	ck_assert_int_eq(store_setting_put(http_store, "http.unauth_31", "403"), E_OK);
	http_expect(403, "GET", "/dialect", NULL, NULL);
	a = http_ask_with("GET", "/dialect", NULL, 0, "X-Protocol-USPD: 40");
	ck_assert_int_eq(a.status, 401);
	http_forget(&a);
}
END_TEST

/* ---- answers ---- */

START_TEST(an_answer_may_come_later)
{
	struct http_answer a;

	for (int i = 0; i < 20; i++) {
		a = ask("POST", "/later", "x", 1, NULL);
		ck_assert_int_eq(a.status, 200);
		ck_assert_str_eq(a.body.p, "{\"later\":\"x\"}");
		http_forget(&a);
	}
}
END_TEST

START_TEST(a_client_that_leaves_does_not_end_what_waits)
{
	static const char form[] = "GET /hold " H11 "%s\r\n\r\n";
	char bytes[256];
	int fd = http_connect_raw();
	int len = snprintf(bytes, sizeof(bytes), form, http_token_field());

	held = NULL;
	ck_assert_int_eq(write(fd, bytes, (size_t)len), len);
	while (held == NULL)
		expect(200, "GET", "/dialect", NULL, NULL);
	close(fd);
	expect(200, "GET", "/release", NULL, "{}");
	expect(200, "GET", "/dialect", NULL, NULL);
}
END_TEST

START_TEST(what_waits_at_the_end_is_freed)
{
	static const char form[] = "GET /hold " H11 "%s\r\n\r\n";
	char bytes[256];
	int fd = http_connect_raw();
	int len = snprintf(bytes, sizeof(bytes), form, http_token_field());

	held = NULL;
	ck_assert_int_eq(write(fd, bytes, (size_t)len), len);
	while (held == NULL)
		expect(200, "GET", "/dialect", NULL, NULL);
	close(fd);
}
END_TEST

static size_t
inflated(const struct text *in, char *out, size_t size)
{
	z_stream z = { .next_in = (unsigned char *)in->p, .avail_in = (unsigned)in->len,
		.next_out = (unsigned char *)out, .avail_out = (unsigned)size };

	ck_assert_int_eq(inflateInit2(&z, 15 + 16), Z_OK);
	ck_assert_int_eq(inflate(&z, Z_FINISH), Z_STREAM_END);
	inflateEnd(&z);
	return size - z.avail_out;
}

static const char *const long_ones[] = { "/long", "/pieces" };

START_TEST(long_answers_are_compressed_for_who_takes_it)
{
	enum { ROOM = 4 << 20 };
	struct http_answer plain = ask("GET", long_ones[_i], NULL, 0, NULL);
	struct http_answer small = ask("GET", long_ones[_i], NULL, 0, "Accept-Encoding: gzip, br");
	struct http_answer refused = ask("GET", long_ones[_i], NULL, 0, "Accept-Encoding: gzip;q=0");
	char *out = malloc(ROOM);

	ck_assert_ptr_null(strstr(plain.fields.p, "gzip"));
	ck_assert_ptr_null(strstr(refused.fields.p, "gzip"));
	ck_assert_uint_eq(refused.body.len, plain.body.len);
	ck_assert_ptr_nonnull(strstr(small.fields.p, "Content-Encoding: gzip"));
	ck_assert_uint_lt(small.body.len, plain.body.len / 4);
	ck_assert_uint_eq(inflated(&small.body, out, ROOM), plain.body.len);
	ck_assert_mem_eq(out, plain.body.p, plain.body.len);
	free(out);
	http_forget(&plain);
	http_forget(&small);
	http_forget(&refused);
}
END_TEST

/* ---- bodies in files ---- */

static unsigned
files_left(void)
{
	char path[128];
	struct dirent *entry;
	unsigned n = 0;
	DIR *d;

	snprintf(path, sizeof(path), "%s/incoming", http_dir);
	ck_assert_ptr_nonnull(d = opendir(path));
	while ((entry = readdir(d)) != NULL)
		n += entry->d_name[0] != '.';
	closedir(d);
	return n;
}

START_TEST(a_large_body_comes_as_a_file)
{
	size_t len = 3 << 20;
	char *body = malloc(len + 1), wanted[64];
	struct http_answer a;
	unsigned sum = 0;

	for (size_t i = 0; i < len; i++) {
		body[i] = (char)(i * 7 + i / 1000);
		sum = sum * 31 + (unsigned char)body[i];
	}
	snprintf(wanted, sizeof(wanted), "%zu %u 600", len, sum);
	for (int i = 0; i < 2; i++) {
		a = ask("POST", "/file", body, len, i == 0 ? NULL : "Transfer-Encoding: chunked");
		ck_assert_int_eq(a.status, 200);
		ck_assert_str_eq(a.body.p, wanted);
		http_forget(&a);
	}
	a = ask("POST", "/file", body, len + 1, NULL);
	ck_assert_int_eq(a.status, 413);
	http_forget(&a);
	a = ask("POST", "/file", body, len + 1, "Transfer-Encoding: chunked");
	ck_assert_int_eq(a.status, 413);
	http_forget(&a);
	expect(200, "POST", "/file", NULL, "none");
	ck_assert_uint_eq(files_left(), 0);
	free(body);
}
END_TEST

START_TEST(one_upload_at_a_time)
{
	static const char form[] = "POST /file " H11 "%s\r\nContent-Length: 100\r\n\r\nabc";
	char bytes[256];
	int fd = http_connect_raw();
	int len = snprintf(bytes, sizeof(bytes), form, http_token_field());
	struct http_answer a;

	ck_assert_int_eq(write(fd, bytes, (size_t)len), len);
	while (files_left() == 0)
		expect(200, "GET", "/dialect", NULL, NULL);
	a = ask("POST", "/file", "x", 1, NULL);
	ck_assert_int_eq(a.status, 423);
	http_forget(&a);
	close(fd);
	while (files_left() > 0)
		expect(200, "GET", "/dialect", NULL, NULL);
	a = ask("POST", "/file", "x", 1, NULL);
	ck_assert_int_eq(a.status, 200);
	http_forget(&a);
}
END_TEST

/* ---- pages ---- */

static const struct { const char *path, *field; long status; const char *fields, *body; } pages[] = {
	{ "/", NULL, 200, "text/html", "<p>plain</p>" },
	{ "/index.html", NULL, 200, "Cache-Control: no-cache", "<p>plain</p>" },
	{ "/app.0123abcd.js", NULL, 200, "immutable", "plain()" },
	{ "/app.0123abcd.js", "Accept-Encoding: gzip", 200, "Content-Encoding: gzip", "compressed" },
	{ "/main.html", NULL, 302, "Location: /", NULL },
	{ "/login.html", NULL, 302, "Location: /", NULL },
	{ "/.secret.html", NULL, 404, NULL, "такого пути нет" },
	{ "/../api.token", NULL, 404, NULL, "такого пути нет" },
	{ "/..%2fapi.token", NULL, 404, NULL, "такого пути нет" },
	{ "/%2e%2e/x.html", NULL, 404, NULL, "такого пути нет" },
	{ "/x%5c..%5cy.html", NULL, 404, NULL, "такого пути нет" },
	{ "/index.html/x.html", NULL, 404, NULL, "такого пути нет" },
};

START_TEST(pages_are_served_to_everybody)
{
	struct http_answer a = http_ask_with("GET", pages[_i].path, NULL, 0, pages[_i].field);

	ck_assert_msg(a.status == pages[_i].status, "%s: %ld", pages[_i].path, a.status);
	if (pages[_i].fields != NULL)
		ck_assert_msg(strstr(a.fields.p, pages[_i].fields) != NULL, "%s", a.fields.p);
	if (pages[_i].body != NULL)
		ck_assert_ptr_nonnull(strstr(a.body.p, pages[_i].body));
	ck_assert_ptr_nonnull(strstr(a.fields.p, "Content-Security-Policy: default-src 'self'"));
	http_forget(&a);
}
END_TEST

START_TEST(a_page_that_is_known_is_not_sent_again)
{
	struct http_answer a = http_ask("GET", "/index.html", NULL);
	char field[96];
	const char *etag;

	ck_assert_ptr_nonnull(etag = strstr(a.fields.p, "ETag: "));
	snprintf(field, sizeof(field), "If-None-Match: %.*s", (int)strcspn(etag + 6, "\r\n"), etag + 6);
	http_forget(&a);
	a = http_ask_with("GET", "/index.html", NULL, 0, field);
	ck_assert_int_eq(a.status, 304);
	ck_assert_uint_eq(a.body.len, 0);
	http_forget(&a);
	a = http_ask_with("GET", "/index.html", NULL, 0, "If-None-Match: \"other\"");
	ck_assert_int_eq(a.status, 200);
	http_forget(&a);
}
END_TEST

START_TEST(a_big_page_is_sent_in_pieces)
{
	enum { BIG = 1 << 20 };
	char *text = malloc(BIG + 1);
	struct http_answer a;

	memset(text, 'x', BIG);
	text[BIG] = '\0';
	write_page("big.txt", text);
	a = http_ask("GET", "/big.txt", NULL);
	ck_assert_int_eq(a.status, 200);
	ck_assert_uint_eq(a.body.len, BIG);
	http_forget(&a);
	free(text);
}
END_TEST

/* ---- fields ---- */

static const struct { const char *cookie, *tickets; } cookies[] = {
	{ "sessionid=12345678901234567890", "12345678901234567890" },
	{ "a=b; sessionid=12345678901234567890 ; c=d", "12345678901234567890" },
	{ "sessionid=12345678901234567890;sessionid=09876543210987654321",
	    "12345678901234567890,09876543210987654321" },
	{ "sessionid=1234567890123456789", "" }, { "sessionid=123456789012345678901", "" },
	{ "xsessionid=12345678901234567890", "" }, { "sessionid=1234567890123456789a", "" },
	{ "sessionid = 12345678901234567890", "" }, { "", "" }, { ";;; ,, ;", "" },
	{ "sessionid=", "" },
};

START_TEST(tickets_are_found_in_cookies)
{
	const char *at = cookies[_i].cookie, *digits;
	struct text all = { 0 };

	while ((digits = http_cookie_ticket(&at)) != NULL)
		text_printf(&all, "%s%.*s", all.len > 0 ? "," : "", TICKET_DIGITS, digits);
	ck_assert_str_eq(all.len > 0 ? all.p : "", cookies[_i].tickets);
	text_free(&all);
}
END_TEST

static const struct { const char *accept; bool gzip, english; } lists[] = {
	{ NULL, false, false }, { "", false, false }, { "gzip", true, false },
	{ "deflate, gzip;q=0.5", true, false }, { "gzip;q=0", false, false },
	{ "gzip;q=0.000, *", false, false }, { "*", true, false }, { "xgzip", false, false },
	{ "GZIP", true, false }, { "en", false, true }, { "en-GB", false, true },
	{ "ru, en", false, false }, { "en, ru;q=0.9", false, true },
	{ "ru;q=0.1, en;q=0.2", false, true },
	{ "de, fr", false, false }, { ";;;q=,,,", false, false },
};

START_TEST(lists_of_preferences_are_understood)
{
	ck_assert_int_eq(http_coding_taken(lists[_i].accept, "gzip"), lists[_i].gzip);
	ck_assert_int_eq(http_english_preferred(lists[_i].accept), lists[_i].english);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("http space");
	TCase *served = tcase_create("served");
	TCase *pure = tcase_create("pure");

	tcase_add_checked_fixture(served, setup, teardown);
	tcase_set_timeout(served, 30);
	tcase_add_loop_test(served, the_order_of_checks_is_kept, 0, COUNT(asked));
	tcase_add_loop_test(served, who_is_not_known_learns_nothing, 0, COUNT(unknown));
	tcase_add_test(served, old_clients_may_be_told_403);
	tcase_add_test(served, an_answer_may_come_later);
	tcase_add_test(served, a_client_that_leaves_does_not_end_what_waits);
	tcase_add_test(served, what_waits_at_the_end_is_freed);
	tcase_add_loop_test(served, long_answers_are_compressed_for_who_takes_it, 0, COUNT(long_ones));
	tcase_add_test(served, a_large_body_comes_as_a_file);
	tcase_add_test(served, one_upload_at_a_time);
	tcase_add_loop_test(served, pages_are_served_to_everybody, 0, COUNT(pages));
	tcase_add_test(served, a_page_that_is_known_is_not_sent_again);
	tcase_add_test(served, a_big_page_is_sent_in_pieces);
	suite_add_tcase(suite, served);
	tcase_add_loop_test(pure, tickets_are_found_in_cookies, 0, COUNT(cookies));
	tcase_add_loop_test(pure, lists_of_preferences_are_understood, 0, COUNT(lists));
	suite_add_tcase(suite, pure);
	return unit_main(suite);
}
