/* The configuration of nginx: what stands in it, and that nothing from outside can add to it. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/base/loop.h"
#include "src/store/store.h"
#include "src/system/certificate.h"
#include "src/system/front.h"
#include "src/system/nginx.h"
#include "tests/unit/unit.h"

static struct nginx_config
plain(void)
{
	return (struct nginx_config){ .dir = "/d/nginx", .run_dir = "/run/uspd",
		.certificate = "/d/tls/server.crt", .key = "/d/tls/server.key",
		.upstream = "127.0.0.1:8080", .version = 1022001, .ipv6 = true, .https_port = 443,
		.http_port = 80 };
}

static struct text
printed(const struct nginx_config *config)
{
	struct text text = { 0 };

	nginx_print(&text, config);
	ck_assert(!text.failed);
	return text;
}

static void
has(const struct text *text, const char *wanted)
{
	ck_assert_msg(strstr(text->p, wanted) != NULL, "no \"%s\" in:\n%s", wanted, text->p);
}

static void
lacks(const struct text *text, const char *unwanted)
{
	ck_assert_msg(strstr(text->p, unwanted) == NULL, "\"%s\" in:\n%s", unwanted, text->p);
}

START_TEST(https_leads_to_the_daemon)
{
	struct nginx_config config = plain();
	struct text text = printed(&config);

	has(&text, "listen 443 ssl;");
	has(&text, "listen [::]:443 ssl;");
	has(&text, "listen 80;");
	has(&text, "ssl_protocols TLSv1.2 TLSv1.3;");
	has(&text, "server 127.0.0.1:8080;");
	has(&text, "proxy_set_header X-Real-IP $remote_addr;");
	has(&text, "proxy_set_header X-Forwarded-Proto $scheme;");
	has(&text, "location = /api/v1/events {\n\t\t\tproxy_buffering off;");
	has(&text, "proxy_request_buffering off;");
	has(&text, "client_max_body_size 256m;");
	lacks(&text, "stream {");
	lacks(&text, "return 308");
	text_free(&text);
}
END_TEST

START_TEST(plain_http_may_point_to_https_or_be_absent)
{
	struct nginx_config config = plain();
	struct text text;

	config.redirect = true;
	config.https_port = 8443;
	text = printed(&config);
	has(&text, "return 308 https://$host:8443$request_uri;");
	text_free(&text);
	config.http_port = 0;
	config.ipv6 = false;
	text = printed(&config);
	lacks(&text, "listen 80;");
	lacks(&text, "[::]");
	text_free(&text);
}
END_TEST

START_TEST(rows_with_tls_get_a_server_each)
{
	struct nginx_config config = plain();
	struct text text;

	config.n_rows = 2;
	config.rows[0] = (struct nginx_row){ .port = 10327,
		.allow = { "10.0.0.0/8", "2001:db8::/32" } };
	config.rows[1] = (struct nginx_row){ .port = 1111, .certificate = "/d/tls/row-1111.crt",
		.key = "/d/tls/row-1111.key" };
	config.stream_module = "/m/ngx_stream_module.so";
	text = printed(&config);
	has(&text, "load_module \"/m/ngx_stream_module.so\";");
	has(&text, "listen 10327 ssl so_keepalive=30s:10s:3;");
	has(&text, "allow 10.0.0.0/8;\n\t\tallow 2001:db8::/32;\n\t\tdeny all;");
	has(&text, "proxy_pass \"unix:/run/uspd/tls-10327.sock\";");
	has(&text, "ssl_certificate \"/d/tls/row-1111.crt\";");
	has(&text, "proxy_protocol on;");
	has(&text, "proxy_timeout 24h;");
	has(&text, "proxy_half_close on;");
	has(&text, "proxy_buffer_size 4k;");
	text_free(&text);
	config.version = NGINX_HALF_CLOSE - 1;
	text = printed(&config);
	lacks(&text, "proxy_half_close");
	text_free(&text);
}
END_TEST

START_TEST(words_that_could_end_a_string_are_known)
{
	ck_assert(nginx_word("/var/lib/uspd dir"));
	ck_assert(!nginx_word("a\"b"));
	ck_assert(!nginx_word("a;b"));
	ck_assert(!nginx_word("$host"));
	ck_assert(!nginx_word("a\nb"));
	ck_assert(!nginx_word("a}b"));
}
END_TEST

/* ---- with files ---- */

static char dir[UNIT_FOLDER];
static struct store *store;
static struct loop *loop;

static void
setup(void)
{
	char why[256];

	unit_folder_make(dir);
	ck_assert_int_eq(store_open(&store, dir, why, sizeof(why)), E_OK);
	ck_assert_int_eq(loop_open(&loop), E_OK);
}

static void
teardown(void)
{
	loop_end_work(loop);
	loop_close(loop);
	store_close(store);
	unit_folder_remove(dir);
}

START_TEST(a_certificate_is_made_once_and_again_when_it_does_not_fit)
{
	struct stat before, after;
	int64_t until = 0;
	FILE *f;

	ck_assert_int_eq(certificate_check(unit_in(dir, "c"), unit_in(dir, "k"), NULL), E_NOTFOUND);
	ck_assert_int_eq(certificate_ensure(unit_in(dir, "c"), unit_in(dir, "k"), "uspd-1"), E_OK);
	ck_assert_int_eq(certificate_check(unit_in(dir, "c"), unit_in(dir, "k"), &until), E_OK);
	ck_assert_int_eq(until, 4102444799); /* the end of 2099 */
	ck_assert_int_eq(stat(unit_in(dir, "k"), &before), 0);
	ck_assert_uint_eq(before.st_mode & 0777, 0600);
	ck_assert_int_eq(certificate_ensure(unit_in(dir, "c"), unit_in(dir, "k"), "uspd-1"), E_OK);
	ck_assert_int_eq(stat(unit_in(dir, "k"), &after), 0);
	ck_assert(before.st_ino == after.st_ino);
	ck_assert_int_eq(certificate_ensure(unit_in(dir, "c2"), unit_in(dir, "k2"), ""), E_OK);
	ck_assert_int_eq(certificate_check(unit_in(dir, "c2"), unit_in(dir, "k"), NULL), E_INVALID);
	f = fopen(unit_in(dir, "c"), "w");
	fputs("-----BEGIN CERTIFICATE-----\nnonsense\n", f);
	fclose(f);
	ck_assert_int_eq(certificate_check(unit_in(dir, "c"), unit_in(dir, "k"), NULL), E_INVALID);
	ck_assert_int_eq(certificate_ensure(unit_in(dir, "c"), unit_in(dir, "k"), "uspd-1"), E_OK);
	ck_assert_int_eq(certificate_check(unit_in(dir, "c"), unit_in(dir, "k"), NULL), E_OK);
}
END_TEST

/* A stand-in for nginx: tells its version, refuses a configuration that holds "listen 9 ", and
 * notes each reload. */
static void
make_stand_in(void)
{
	FILE *f = fopen(unit_in(dir, "nginx-stand-in"), "w");

	fprintf(f,
	    "#!/bin/sh\n[ \"$1\" = -v ] && { echo 'nginx version: nginx/1.22.1' >&2; exit 0; }\n"
	    "grep -q 'listen 9 ' \"$6\" && { echo 'port 9 is no good' >&2; exit 1; }\nexit 0\n");
	fclose(f);
	ck_assert_int_eq(chmod(unit_in(dir, "nginx-stand-in"), 0755), 0);
}

static void
stop_when_done(void *arg)
{
	if (!front_is_busy(arg))
		loop_stop(loop);
}

static void
follow(struct front *front)
{
	struct loop_timer *timer = loop_timer(loop, 5, true, stop_when_done, front);

	front_follow(front);
	ck_assert_int_eq(loop_run(loop), E_OK);
	loop_timer_free(timer);
}

static size_t
reloads(void)
{
	struct stat st;

	return stat(unit_in(dir, "reloads"), &st) == 0 ? (size_t)st.st_size : 0;
}

static int
take_row(void *arg, uint64_t id, int64_t ts, const char *json)
{
	(void)id;
	(void)ts;
	snprintf(arg, 256, "%s", json);
	return 0;
}

START_TEST(settings_become_a_configuration_only_when_nginx_takes_it)
{
	char command[128], row[256] = "";
	struct front_options options = { .store = store, .loop = loop, .data_dir = dir,
		.run_dir = dir, .http_port = 8080, .nginx = unit_in(dir, "nginx-stand-in"),
		.reload = command };
	struct front *front;
	FILE *f;
	char conf[16384];
	size_t len;

	make_stand_in();
	snprintf(command, sizeof(command), "printf x >>%s/reloads", dir);
	ck_assert_int_eq(front_open(&front, &options), E_OK);
	follow(front);
	ck_assert_int_ne(access(unit_in(dir, "nginx/nginx.conf"), F_OK), 0);

	ck_assert_int_eq(store_setting_put(store, "tls.enabled", "1"), E_OK);
	ck_assert_int_eq(store_edit(store, &(struct store_edit){ .kind = EDIT_ROW, .table = TABLE_TCP,
			     .key = "7327", .text = "{\"port\":7327,\"type\":\"rtu327\",\"tls\":true,"
			     "\"allow\":[\"10.0.0.0/8\",\"all; }\"],\"cert\":\"-----BEGIN x\","
			     "\"key\":\"-----BEGIN y\"}" }, 1, NULL, NULL, 0), E_OK);
	follow(front);
	f = fopen(unit_in(dir, "nginx/nginx.conf"), "r");
	ck_assert_ptr_nonnull(f);
	len = fread(conf, 1, sizeof(conf) - 1, f);
	fclose(f);
	conf[len] = '\0';
	ck_assert_ptr_nonnull(strstr(conf, "listen 7327 ssl"));
	ck_assert_ptr_null(strstr(conf, "listen 33333"));
	ck_assert_ptr_nonnull(strstr(conf, "allow 10.0.0.0/8;\n\t\tdeny all;"));
	ck_assert_ptr_null(strstr(conf, "row-7327"));
	ck_assert_uint_eq(reloads(), 1);
	follow(front);
	ck_assert_uint_eq(reloads(), 1); /* nothing has changed */

	ck_assert_int_eq(store_setting_put(store, "tls.https_port", "9"), E_OK);
	follow(front);
	ck_assert_uint_eq(reloads(), 1);
	ck_assert_int_eq(store_sync(store), E_OK);
	ck_assert_int_eq(store_journal_read(store, DJ_SYSTEM, 0, 1, true, take_row, row), E_OK);
	ck_assert_ptr_nonnull(strstr(row, "port 9 is no good"));
	ck_assert_int_ne(access(unit_in(dir, "nginx/nginx.conf.new"), F_OK), 0);

	ck_assert_int_eq(store_setting_put(store, "tls.enabled", "0"), E_OK);
	follow(front);
	ck_assert_int_ne(access(unit_in(dir, "nginx/nginx.conf"), F_OK), 0);
	ck_assert_uint_eq(reloads(), 2);
	loop_end_work(loop);
	front_close(front);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("nginx");
	TCase *pure = tcase_create("text"), *files = tcase_create("files");

	tcase_add_test(pure, https_leads_to_the_daemon);
	tcase_add_test(pure, plain_http_may_point_to_https_or_be_absent);
	tcase_add_test(pure, rows_with_tls_get_a_server_each);
	tcase_add_test(pure, words_that_could_end_a_string_are_known);
	tcase_set_timeout(files, 60);
	tcase_add_checked_fixture(files, setup, teardown);
	tcase_add_test(files, a_certificate_is_made_once_and_again_when_it_does_not_fit);
	tcase_add_test(files, settings_become_a_configuration_only_when_nginx_takes_it);
	suite_add_tcase(suite, pure);
	suite_add_tcase(suite, files);
	return unit_main(suite);
}
